"""Batch normalisation with orthogonal weights only ever improves isometry (Meterez, Joudaki, Orabona et al. 2023).

Batch n = width d, X (d x d) not singular, W orthogonal, BN(Y) scales the rows of Y to unit norm.  With the isometry gap

    phi(X) = log(tr(X^T X)/d) - log(det(X^T X))/d  >=  0

and the squared row norms a_i = exp(r_i) of W X, of mean abar = tr(X^T X)/d, m the mean of the r_i,

    phi(X) - phi(BN(W X))  =  log abar - m  >=  0:

the gap falls along every path of the chain X_{l+1} = BN(W_{l+1} X_l), by what the norms of the rows differ.

Reference: arXiv:2310.02012.
"""

from sympy import (
    Determinant,
    Function,
    Ge,
    Gt,
    Identity,
    Inverse,
    Le,
    MatrixSymbol,
    Ne,
    Rational,
    Sum,
    Symbol,
    Trace,
    exp,
    log,
)

from gdverify import Assumption, Claim, Integers, Mutant, Observed, Reals, SureBound
from gdverify import Identity as Equality
from gdverify.laws import constant, equation, invertible
from theorems import PAPERS
from theorems.networks.bn_contraction import equal

d = Symbol("d", integer=True, positive=True)
i = Symbol("i", integer=True)
r = Function("r")
abar, m = Symbol("abar", positive=True), Symbol("m", real=True)
W, X, S, G, G_next = (MatrixSymbol(name, d, d) for name in ("W", "X", "S", "G", "G'"))
rows = Sum(r(i), (i, 1, d))
gram = equation("G is the Gram matrix", G, X.T * X)
layer = equation("a layer with batch normalisation", G_next, X.T * W.T * Inverse(S) * W * X)
orthogonal = equation("W is orthogonal", W.T * W, Identity(d))
scales = Assumption(
    "S is the diagonal of the squared row norms exp(r_i) of W X",
    lambda: [
        equal(log(Determinant(S)), rows),
        equal(Trace(S), Trace(W * X * X.T * W.T)),
        equal(Trace(Inverse(S) * W * X * X.T * W.T), d),
    ],
)
averages = Assumption(
    "abar is the mean squared row norm, and m the mean of its logarithms",
    lambda: [equal(Trace(S), d * abar), equal(rows, d * m)],
)
norms = Assumption("squared row norms add up", lambda: equal(Sum(exp(r(i)), (i, 1, d)), d * abar))
regular = Assumption(
    "X is not singular, hence neither is S",
    lambda: [Ne(Determinant(X), 0, evaluate=False), Ne(Determinant(W), 0, evaluate=False), Gt(Determinant(S), 0)],
)
before, after = (log(Trace(g)) - log(d) - log(Determinant(g)) / d for g in (G, G_next))
gain = log(abar) - m
definitions = [gram, layer, orthogonal, scales, averages, regular, invertible(S), constant(X, W)]

SYMBOLS = {d: Integers(1, sample=(1, 8)), abar: Observed(0, open="left"), m: Observed()}

identity = Claim(
    id="bn-without-gradient-explosion.isometry-identity",
    title="Batch normalisation after orthogonal weights lowers the isometry gap by the spread of the row norms",
    paper=PAPERS["bn-without-gradient-explosion"],
    locator="the isometry gap; identity derived here",
    statement=r"\phi(X)-\phi(\mathrm{BN}(WX))=\log\bar a-\frac1d\sum_i\log a_i",
    symbols=SYMBOLS,
    assumptions=definitions,
    decides=Equality(before - after, gain),
    mutants=[
        Mutant("norms for squared norms", decides={"bound": log(abar) - m / 2}, cases=({"d": 3},)),
        Mutant("the sum for the mean", decides={"bound": log(abar) - d * m}, cases=({"d": 2},)),
        Mutant("Gaussian weights", drop=(orthogonal.name,), cases=({"d": 3, "gaussian": 1},)),
        Mutant("another scale", drop=(scales.name,), by=("derivation",)),
    ],
)


def determinants(proof):
    """Fact: before - after == gain."""
    proof.assume(regular)
    turned = proof.assume(orthogonal)
    turn = proof.determinant(turned)
    old, new = (proof.determinant(proof.assume(e)) for e in (gram, layer))
    new = proof.certificate(equal(new.left, new.right), [(1, new)])  # its divisor det S is not zero
    for fact in (old, new):
        proof.certificate((fact.left, ">", 0), [(1, proof.sign(fact.right)), (1, fact)])
    volume, size, one = proof.assume(scales)
    mean, mean_log = proof.assume(averages)
    total = proof.certificate(equal(Trace(G), d * abar), [(-1, size), (1, mean)], using=[proof.assume(gram), turned])
    whole = proof.certificate(equal(Trace(G_next), d), [(1, one)], using=[proof.assume(layer)])
    for fact in (total, whole):
        proof.certificate((fact.left, ">", 0), [(1, proof.sign(fact.right)), (1, fact)])
    logs = [(1, total), (-1, whole), (1 / d, new), (-1 / d, old), (1 / d, turn)]
    parts = [(weight, proof.logarithm(fact)) for weight, fact in logs]
    return proof.certificate(equal(before - after, gain), [*parts, (-1 / d, volume), (-1 / d, mean_log)])


@identity.derivation
def by_determinants(proof):
    proof.conclude(determinants(proof))


def gap(xp, gram):
    """phi of Gram matrices (size, d, d)."""
    d = gram.shape[-1]
    return xp.log(xp.linalg.trace(gram) / d) - xp.log(xp.linalg.det(gram)) / d


def one_layer(xp, rng, case, size):
    """Gaps before and after a layer, and the squared row norms; some X are isometric, some rows of W X orthogonal."""
    shape, turn = (size, case.d, case.d), xp.matrix_transpose
    family = rng.uniform((size, 1, 1))
    size_of = xp.where(family < 0.2, 0 * family, xp.where(family < 0.7, 1 + 0 * family, 3 + 0 * family))
    spread = xp.exp(rng.uniform((size, 1, case.d), -1, 1) * size_of)
    right = rng.haar(shape)
    X = rng.haar(shape) * spread @ right
    Y = (rng.normal(shape) if case.get("gaussian", 0) else rng.haar(shape)) @ X
    Y = xp.where(family < 0.7, Y, turn(spread) * right)  # W is any orthogonal matrix, also the one that does this to X
    norms = xp.sum(Y * Y, axis=-1)
    out = Y / xp.sqrt(norms)[:, :, None]
    return gap(xp, turn(X) @ X), gap(xp, turn(out) @ out), norms


def means(xp, norms):
    return {"abar": xp.mean(norms, axis=-1), "m": xp.mean(xp.log(norms), axis=-1)}


@identity.experiment(cases=[{"d": 1}, {"d": 2}, {"d": 4}], samples={"smoke": 1024})
def layers(xp, rng, case, size):
    first, second, norms = one_layer(xp, rng, case, size)
    return {"quantity": first - second, "scale": 1 + 0 * first, **means(xp, norms)}


monotone = Claim(
    id="bn-without-gradient-explosion.isometry-monotone",
    title="The isometry gap never grows under batch normalisation with orthogonal weights",
    paper=PAPERS["bn-without-gradient-explosion"],
    locator="monotonicity of the isometry gap; derived here",
    statement=r"\phi(\mathrm{BN}(WX))\le\phi(X)\quad\text{surely}",
    symbols=SYMBOLS,
    assumptions=[*definitions, norms],
    decides=SureBound(quantity=after - before, bound=0 * d),
    mutants=[
        Mutant("it falls by a thousandth", decides={"bound": -Rational(1, 1000)}),
        Mutant("Gaussian weights", drop=(orthogonal.name,), cases=({"d": 3, "gaussian": 1},)),
        Mutant("another scale", drop=(scales.name,), by=("derivation",)),
    ],
    notes="Equality for rows of equal norm, such as those of an orthogonal X.",
)


@monotone.derivation
def jensen(proof):
    fact = determinants(proof)
    k, y = proof.index("k", 1), proof.scalar("y", Reals())
    line = proof.instantiate(proof.tangent(exp(y), y, 0), {y: r(k) - log(abar)})
    above = proof.certificate(Ge(exp(r(k)) / abar, 1 + r(k) - log(abar)), [(1, line)])
    total = proof.sum_of(above, k, 1, d)
    sums, (_, mean_log) = proof.assume(norms), proof.assume(averages)
    proof.conclude(
        proof.certificate(
            Le(after - before, 0 * d), [(1 / d, total), (1, fact), (-1 / (d * abar), sums), (1 / d, mean_log)]
        )
    )


@monotone.experiment(cases=[{"d": 1}, {"d": 2}, {"d": 4}], samples={"smoke": 1024})
def falling(xp, rng, case, size):
    first, second, norms = one_layer(xp, rng, case, size)
    return {"quantity": second - first, **means(xp, norms)}
