"""Normalising samples improves the isometry of their Gram matrix (Joudaki, Daneshmand, Bach 2023).

Isometry of a positive definite n x n matrix: I(M) = det(M)^(1/n)/(tr(M)/n), in (0, 1].  With the Gram matrix G of
samples of norms a_i > 0, and the Gram matrix G~ of the normalised samples x_i/a_i,

    I(G~)/I(G)  =  mean(a^2)/geomean(a^2)  >=  1 + Var(a)/mean(a)^2.

Reference: arXiv:2305.18399; the statement is derived here.
"""

from sympy import Determinant, Function, Ge, Gt, Le, MatrixSymbol, Rational, Sum, Symbol, Trace, exp, log, symbols

from gdverify import Assumption, Claim, Identity, Integers, Mutant, Observed, Reals, SureBound
from gdverify.laws import equation
from theorems import PAPERS
from theorems.networks.bn_contraction import equal

n = Symbol("n", integer=True, positive=True)
i = Symbol("i", integer=True)
r = Function("r")  # a_i = exp(r_i)
mean, square = symbols("abar q", positive=True)  # means of a and of a^2
m = Symbol("m", real=True)  # mean of log a
G, Gn, S = (MatrixSymbol(name, n, n) for name in ("G", "G'", "S"))
rows = Sum(r(i), (i, 1, n))
normalised = equation("the samples are normalised", G, S * Gn * S)
norms = Assumption(
    "S is the diagonal of the norms a_i = exp(r_i), and G has their squares on its diagonal",
    lambda: [
        equal(log(Determinant(S)), rows),
        equal(rows, n * m),
        equal(Trace(G), n * square),
        equal(Trace(Gn), n),
    ],
)
regular = Assumption(
    "the samples are linearly independent",
    lambda: [Gt(Determinant(Gn), 0, evaluate=False), Gt(Determinant(S), 0, evaluate=False)],
)
sums = Assumption("means of the norms", lambda: equal(Sum(exp(r(i)), (i, 1, n)), n * mean))
before, after = (log(Determinant(g)) / n - log(Trace(g)) + log(n) for g in (G, Gn))
definitions = [normalised, norms, regular]

identity = Claim(
    id="layernorm-isometry.normalisation",
    title="Normalising samples multiplies their isometry by the ratio of two means of squared norms",
    paper=PAPERS["layernorm-isometry"],
    locator="the effect of normalisation on isometry; derived here",
    statement=r"\log\frac{I(\tilde G)}{I(G)}=\log\frac1n\sum_ia_i^2-\frac1n\sum_i\log a_i^2",
    symbols={n: Integers(1, sample=(1, 6)), square: Observed(0, open="left"), m: Observed()},
    assumptions=definitions,
    decides=Identity(after - before, log(square) - 2 * m),
    mutants=[
        Mutant("norms for squared norms", decides={"bound": log(square) - m}, cases=({"n": 3},)),
        Mutant("the sum for the mean", decides={"bound": log(square) - 2 * n * m}, cases=({"n": 2},)),
        Mutant("another scaling", drop=(norms.name,), by=("derivation",)),
    ],
)


def determinants(proof):
    """Fact: after - before == log(mean of a^2) - 2 (mean of log a)."""
    proof.assume(regular)
    product = proof.determinant(proof.assume(normalised))
    proof.certificate(Gt(product.left, 0), [(1, proof.sign(product.right)), (1, product)])
    volume, logs, total, one = proof.assume(norms)
    for fact in (total, one):
        proof.certificate(Gt(fact.left, 0), [(1, proof.sign(fact.right)), (1, fact)])
    facts = [(-1 / n, product), (1, total), (-1, one)]
    parts = [(weight, proof.logarithm(fact)) for weight, fact in facts]
    return proof.certificate(equal(after - before, log(square) - 2 * m), [*parts, (-2 / n, volume), (-2 / n, logs)])


@identity.derivation
def by_determinants(proof):
    proof.conclude(determinants(proof))


def samples(xp, rng, case, size):
    """log I before and after, and the norms: of any spread, nearly equal, or equal but for one."""
    n = case.n
    directions = rng.normal((size, n, n + 2))
    directions = directions / xp.sqrt(xp.sum(directions**2, axis=-1, keepdims=True))
    wide = xp.exp(rng.uniform((size, n), -1, 1) * 10 ** rng.uniform((size, 1), -3, 0))
    one = xp.where((xp.arange(n) == 0)[None, :], 1 + 3 * rng.uniform((size, 1)), xp.ones((size, n)))
    a = xp.where(rng.uniform((size, 1)) < 0.7, wide, one)
    points = directions * a[:, :, None]
    log_isometry = lambda x: _log_isometry(xp, x @ xp.matrix_transpose(x))
    return log_isometry(points), log_isometry(directions), a


def _log_isometry(xp, gram):
    n = gram.shape[-1]
    return xp.log(xp.linalg.det(gram)) / n - xp.log(xp.linalg.trace(gram) / n)


@identity.experiment(cases=[{"n": 1}, {"n": 2}, {"n": 5}], samples={"smoke": 1024})
def grams(xp, rng, case, size):
    first, second, a = samples(xp, rng, case, size)
    square, logs = xp.mean(a * a, axis=-1), xp.mean(xp.log(a), axis=-1)
    return {"quantity": second - first, "scale": 1 + xp.abs(first), "q": square, "m": logs}


def gained(c):
    """-log(1 + c Var(a)/mean(a)^2)."""
    return -log(1 + c * (square / mean**2 - 1))


gain = Claim(
    id="layernorm-isometry.normalisation-gain",
    title="Normalising samples improves isometry by at least the relative variance of their norms",
    paper=PAPERS["layernorm-isometry"],
    locator="the effect of normalisation on isometry; derived here",
    statement=r"\frac{I(\tilde G)}{I(G)}\ge1+\frac{\mathrm{Var}(a)}{\bar a^2}",
    symbols={**identity.symbols, mean: Observed(0, open="left")},
    assumptions=[*definitions, sums],
    decides=SureBound(quantity=before - after, bound=2 * log(mean) - log(square)),
    mutants=[
        Mutant("twice the variance", decides={"bound": gained(2)}, cases=({"n": 2},)),
        Mutant("11/5 of the variance", decides={"bound": gained(Rational(11, 5))}, cases=({"n": 2},)),
        Mutant("log mean a^2 alone", decides={"bound": -log(square)}),
        Mutant("norms of unknown sum", drop=(sums.name,), by=("derivation",)),
    ],
    notes="The bound is log of abar^2/mean(a^2) = 1/(1 + Var(a)/abar^2). For nearly equal norms the ratio is "
    "1 + 2 Var(a)/abar^2 + O(Var^(3/2)), so the constant 1 is loose by 2 there and no constant from 2 on is right.",
)


@gain.derivation
def jensen(proof):
    fact = determinants(proof)
    k, y = proof.index("k", 1), proof.scalar("y", Reals())
    line = proof.instantiate(proof.tangent(exp(y), y, 0), {y: r(k) - log(mean)})
    above = proof.certificate(Ge(exp(r(k)) / mean, 1 + r(k) - log(mean)), [(1, line)])
    total = proof.sum_of(above, k, 1, n)
    _, logs, _, _ = proof.assume(norms)
    average = proof.certificate(
        Ge(log(mean), m), [(1 / n, total), (-1 / (n * mean), proof.assume(sums)), (1 / n, logs)]
    )
    proof.conclude(proof.certificate(Le(before - after, 2 * log(mean) - log(square)), [(1, fact), (2, average)]))


@gain.experiment(cases=[{"n": 1}, {"n": 2}, {"n": 5}], samples={"smoke": 1024})
def gains(xp, rng, case, size):
    first, second, a = samples(xp, rng, case, size)
    return {
        "quantity": first - second,
        "q": xp.mean(a * a, axis=-1),
        "abar": xp.mean(a, axis=-1),
        "m": xp.mean(xp.log(a), axis=-1),
    }
