"""The isometry gap falls exponentially under batch normalisation (Meterez, Joudaki et al. 2023, Theorem 1).

Batch n = width d, X_0 (d x d) not singular with tr(X_0^T X_0) = d, X_{t+1} = BN(W_t X_t) with orthogonal W_t whose rows
are uniform on the sphere (Haar) and independent of X_t; BN scales rows to unit norm.  The isometry gap of a matrix with
tr(X^T X) = d is phi = -log det(X^T X)/d.  Then

    E phi(X_l)  <=  phi_0 exp(-l/k),        k = 8 d (d + 2) (1 + d phi_0).

One layer: phi falls by -(1/d) sum_i log a_i, a_i the squared row norms of W X, and log a <= a - 1 - (a - 1)^2/(4d);
E (a - 1)^2 = 2 sum_j (lambda_j - 1)^2/(d (d + 2)), lambda_j the eigenvalues of X^T X.  And with g = lambda - 1 - log
lambda, whose sum is d phi <= d phi_0, always 4 (1 + g)(lambda - 1)^2 >= g.

Reference: arXiv:2310.02012, which has k = C d^2 (1 + d phi_0).  The constant is derived here.
"""

from sympy import (
    Determinant,
    Function,
    Ge,
    Gt,
    Identity,
    Integer,
    Inverse,
    Ne,
    Sum,
    Symbol,
    Trace,
    exp,
    log,
)

from gdverify import Assumption, Claim, Domain, Integers, Mean, MeanBound, Mutant, Observed, Reals
from gdverify.language import MatrixSequence
from gdverify.laws import equation, invertible
from theorems import PAPERS
from theorems.networks.bn_contraction import equal

d, l = Symbol("d", integer=True, positive=True), Symbol("l", integer=True, nonnegative=True)
phi0 = Symbol("phi_0", nonnegative=True)
i = Symbol("i", integer=True)
phi, r, ell = (Function(name) for name in ("phi", "r", "ell"))  # gap; log a_i; log lambda_j
W, X, S, G = (MatrixSequence(name, d, d) for name in "WXSG")
time = lambda t: [t]
row = lambda k, t: [k - 1, d - k, t]
zero = lambda x: Ge(x, 0, evaluate=False)

gram = Assumption("G is the Gram matrix", lambda t: equal(G(t), X(t).T * X(t)), key=("gram",), where=time)
layer = Assumption(
    "a layer with batch normalisation",
    lambda t: equal(G(t + 1), X(t).T * W(t).T * Inverse(S(t)) * W(t) * X(t)),
    key=("layer",),
    where=time,
)
orthogonal = Assumption("W is orthogonal", lambda t: equal(W(t).T * W(t), Identity(d)), key=("orthogonal",), where=time)
scales = Assumption(
    "S is the diagonal of the squared row norms exp(r_i) of W X",
    lambda t: [
        equal(log(Determinant(S(t))), Sum(r(i, t), (i, 1, d))),
        equal(Sum(exp(r(i, t)), (i, 1, d)), Trace(W(t) * X(t) * X(t).T * W(t).T)),
        equal(Trace(Inverse(S(t)) * W(t) * X(t) * X(t).T * W(t).T), d),
    ],
    key=("scales",),
    where=time,
)
regular = Assumption(
    "X is not singular, hence neither is S",
    lambda t: [
        Ne(Determinant(X(t)), 0, evaluate=False),
        Ne(Determinant(W(t)), 0, evaluate=False),
        Gt(Determinant(S(t)), 0),
    ],
    key=("regular",),
    where=time,
)
eigenvalues = Assumption(
    "exp(ell_j) are the eigenvalues of G",
    lambda t: [
        equal(log(Determinant(G(t))), Sum(ell(i, t), (i, 1, d))),
        equal(Trace(G(t)), Sum(exp(ell(i, t)), (i, 1, d))),
        equal(Trace(G(t) * G(t)), Sum(exp(2 * ell(i, t)), (i, 1, d))),
    ],
    key=("eigenvalues",),
    where=time,
)


def sphere_moments(fourth):
    return Assumption(
        "rows of W are independent of X, with the second and fourth moments of the sphere",
        lambda k, t: [
            equal(Mean(exp(r(k, t))), Mean(Trace(G(t))) / d),
            equal(Mean(exp(2 * r(k, t))), Mean(Trace(G(t)) ** 2 + fourth * Trace(G(t) * G(t))) / (d * (d + 2))),
        ],
        key=("moments", fourth),
        where=row,
    )


rows = sphere_moments(2)
scaled = equation("the rows of X(0) have the mean squared norm one", Trace(G(0)), d)
is_gap = Assumption(
    "phi is the isometry gap", lambda t: equal(d * phi(t), -log(Determinant(G(t)))), key=("gap",), where=time
)
start = equation("phi_0 is the gap of X(0)", phi(0), phi0)
chain = [gram, layer, orthogonal, scales, regular, invertible(S), eigenvalues, rows, scaled, is_gap, start]
kappa = Symbol("kappa", positive=True)
depth = {kappa: 8 * d * (d + 2) * (1 + d * phi0)}

decay = Claim(
    id="bn-without-gradient-explosion.exponential-decay",
    title="With orthogonal weights and batch normalisation the mean isometry gap falls exponentially in the depth",
    paper=PAPERS["bn-without-gradient-explosion"],
    locator="Theorem 1, with an explicit constant derived here",
    statement=r"\mathbb E\,\phi(X_l)\le\phi_0\,e^{-l/k},\qquad k=8d(d+2)(1+d\phi_0)",
    symbols={d: Integers(2, sample=(2, 6)), l: Integers(0, sample=(1, 12)), phi0: Observed(0)},
    assumptions=chain,
    defines=depth,
    decides=MeanBound(quantity=phi(l), bound=phi0 * exp(-l / kappa), support=(0, phi0)),
    mutants=[
        Mutant(
            "faster than near isometry",
            decides={"bound": phi0 * exp(-3 * l / (d + 2))},
            cases=({"d": 2, "l": 6, "spread": 0.5},),
        ),
        Mutant("whatever the width", decides={"bound": phi0 * exp(-l / 2)}, cases=({"d": 6, "l": 6, "spread": 1},)),
        Mutant("rows with other fourth moments", drop=(rows.name,), add=(sphere_moments(0),), by=("derivation",)),
        Mutant("weights that are not orthogonal", drop=(orthogonal.name,), by=("derivation",)),
    ],
    notes="Near isometry the mean gap falls by d/(d + 2) in a layer, so that k is loose by a factor of order d. Of "
    "the law of the weights the proof needs those two moments of a row alone, not the whole Haar law.",
)


def normalised(proof, t):
    """Fact: tr G(t) == d, for the generic t."""
    one = proof.assume(scales, t)[2]
    move, first = proof.assume(layer, t), proof.assume(scaled)

    def stays(now):
        same = proof.certificate(equal(Trace(G(t + 1)), Trace(G(t))), [(1, one), (-1, now)], using=[move])
        return proof.certificate(equal(Trace(G(t + 1)), d), [(1, same), (1, now)])

    return proof.induction(equal(Trace(G(t)), d), t, first, stays)


def layer_gain(proof, t, size):
    """Facts: d (phi(t) - phi(t+1)) == -sum_i r_i, and sum_i exp(r_i) == d."""
    proof.assume(regular, t)
    turned = proof.assume(orthogonal, t)
    turn = proof.determinant(turned)
    old, new = (proof.determinant(proof.assume(x, t)) for x in (gram, layer))
    new = proof.certificate(equal(new.left, new.right), [(1, new)])
    for fact in (old, new):
        proof.certificate((fact.left, ">", 0), [(1, proof.sign(fact.right)), (1, fact)])
    logs = [(1, proof.logarithm(new)), (-1, proof.logarithm(old)), (1, proof.logarithm(turn))]
    volume, total, _ = proof.assume(scales, t)
    before, after = proof.assume(is_gap, t), proof.assume(is_gap, t + 1)
    gain = proof.certificate(
        equal(d * phi(t) - d * phi(t + 1), -Sum(r(i, t), (i, 1, d))), [*logs, (1, before), (-1, after), (-1, volume)]
    )
    whole = proof.certificate(
        equal(Sum(exp(r(i, t)), (i, 1, d)), d), [(1, total), (1, size)], using=[proof.assume(gram, t), turned]
    )
    return gain, whole


def gap_is_small(proof, t, size, gain, whole):
    """Facts: phi(t) >= 0;  phi(t) >= phi(t+1);  4 (1 + d phi_0)(tr G^2 - d) >= d phi(t)."""
    y, k = proof.scalar("y", Reals()), proof.index("k", 1, d)
    room = proof.high(k)
    proof.certificate(zero(d - k + 1), [(1, room)], [(1, 1)])
    line = proof.tangent(exp(y), y, 0)
    logs, traces, squares = proof.assume(eigenvalues, t)
    own = proof.assume(is_gap, t)
    g = lambda at: exp(at) - 1 - at
    each, every = (
        proof.certificate(zero(g(at)), [(1, proof.instantiate(line, {y: at}))]) for at in (ell(k, t), r(k, t))
    )
    known = [(1, size), (-1, traces), (-1, own), (1, logs)]
    excess = proof.certificate(equal(Sum(g(ell(i, t)), (i, 1, d)), d * phi(t)), known)
    positive = proof.certificate(zero(phi(t)), [(1 / d, proof.sum_of(each, k, 1, d)), (-1 / d, excess)])
    falls = proof.certificate(
        zero(phi(t) - phi(t + 1)), [(1 / d, proof.sum_of(every, k, 1, d)), (1 / d, gain), (-1 / d, whole)]
    )
    begin = proof.assume(start)
    less = proof.induction(
        zero(phi0 - phi(t)), t, proof.certificate(zero(phi0 - phi(0)), [(-1, begin)]),
        lambda now: proof.certificate(zero(phi0 - phi(t + 1)), [(1, now), (1, falls)]),
    )  # fmt: skip
    terms = lambda *ends: Sum(g(ell(i, t)), (i, *ends))
    own = proof.certificate(
        zero(d * phi(t) - g(ell(k, t))),
        [
            (1, proof.sum_of(each, k, 1, k - 1)),
            (1, proof.sum_of(each, k, k + 1, d)),
            (1, proof.split_sum(terms(1, d), k)),
            (1, proof.split_sum(terms(1, k))),
            (-1, excess),
        ],
    )
    x = exp(ell(k, t))
    back = proof.instantiate(line, {y: -ell(k, t)})
    far = proof.certificate(
        zero(4 * (1 + d * phi0) * (x - 1) ** 2 - g(ell(k, t))),
        [(4 * x, back), (2 + (2 * x - 1) ** 2, each), (4 * (x - 1) ** 2, own), (4 * d * (x - 1) ** 2, less)],
    )
    distance = Trace(G(t) * G(t)) - d
    spread = proof.certificate(
        zero(4 * (1 + d * phi0) * distance - d * phi(t)),
        [
            (1, proof.sum_of(far, k, 1, d)),
            (1, excess),
            (4 * (1 + d * phi0), squares),
            (-8 * (1 + d * phi0), traces),
            (8 * (1 + d * phi0), size),
        ],
    )
    return positive, falls, spread


def one_layer(proof, t, size, gain, whole, spread):
    """Fact: (1 - 1/k) E phi(t) >= E phi(t+1)."""
    y, z, h = proof.scalar("h", Domain(None, log(d))), proof.scalar("z", Reals()), proof.index("j", 1, d)
    proof.certificate(zero(d - h + 1), [(1, proof.high(h))], [(1, 1)])
    line = proof.tangent(exp(z), z, 0)
    below = proof.certificate(
        zero(d - exp(y)), [(exp(y), proof.instantiate(line, {z: log(d) - y})), (exp(y), proof.high(y))]
    )
    proof.certificate(Gt(2 * d - 2 * exp(y) + 1, 0), [(2, below), (1, proof.sign(Integer(1)))])
    curve = proof.tangent(exp(y) - 1 - y - (exp(y) - 1) ** 2 / (4 * d), y, 0)
    norms, at = (lambda *ends: Sum(exp(r(i, t)), (i, *ends))), r(h, t)
    each = proof.sign(exp(at))
    short = proof.certificate(
        zero(d - exp(at)),
        [
            (1, proof.sum_of(each, h, 1, h - 1)),
            (1, proof.sum_of(each, h, h + 1, d)),
            (1, proof.split_sum(norms(1, d), h)),
            (1, proof.split_sum(norms(1, h))),
            (-1, whole),
        ],
    )
    proof.certificate(zero(log(d) - at), [(1 / d, short), (1, proof.instantiate(line, {z: at - log(d)}))])
    pointwise = proof.mean(proof.instantiate(curve, {y: at}))
    first, second = proof.assume(rows, h, t)
    square = proof.mean(proof.certificate(equal(Trace(G(t)) ** 2, d**2), [(Trace(G(t)) + d, size)]))
    average = proof.mean(size)
    distance = Mean(Trace(G(t) * G(t)))
    w = 1 / (4 * d**2 * (d + 2))
    row_mean = proof.certificate(
        zero(-Mean(at) - 2 * w * (distance - d)),
        [
            (1, pointwise),
            (-1 - 1 / (2 * d), first),
            (1 / (4 * d), second),
            (-(1 + 1 / (2 * d)) / d, average),
            (w, square),
        ],
    )
    total = proof.sum_of(row_mean, h, 1, d)
    outside = proof.mean_of_sum(Sum(r(i, t), (i, 1, d)))
    return proof.certificate(
        zero((1 - 1 / depth[kappa]) * Mean(phi(t)) - Mean(phi(t + 1))),
        [
            (1 / d, total),
            (-1 / d, outside),
            (1 / d, proof.mean(gain)),
            (2 * w / (4 * (1 + d * phi0)), proof.mean(spread)),
        ],
    )


def mean_decay(proof, t, size, gain, whole, positive, spread):
    """Fact: phi_0 exp(-t/k) >= E phi(t), for the generic t."""
    length, begin = proof.definition(kappa), proof.mean(proof.assume(start))
    proof.certificate((kappa, ">", 0), [(1, proof.sign(length.right)), (1, length)])
    exact = one_layer(proof, t, size, gain, whole, spread)
    step = proof.certificate(zero((1 - 1 / kappa) * Mean(phi(t)) - Mean(phi(t + 1))), [(1, exact)], using=[length])
    x = proof.scalar("x", Reals())
    keep = proof.instantiate(proof.tangent(exp(x), x, 0), {x: -1 / kappa})
    level = proof.mean(positive).left
    claimed = lambda j: zero(phi0 * exp(-j / kappa) - Mean(phi(j)))
    every = proof.induction(
        claimed(t), t, proof.certificate(claimed(0), [(-1, begin)]),
        lambda now: proof.certificate(claimed(t + 1), [(exp(-1 / kappa), now), (1, step), (level, keep)]),
    )  # fmt: skip
    return every


@decay.derivation
def chain_of_layers(proof):
    t = proof.index("t")
    size = normalised(proof, t)
    gain, whole = layer_gain(proof, t, size)
    positive, _, spread = gap_is_small(proof, t, size, gain, whole)
    every = mean_decay(proof, t, size, gain, whole, positive, spread)
    proof.conclude(proof.instantiate(every, {t: l}))


def propagate(xp, rng, case, size):
    """Gaps phi(0), ..., phi(l), and squared row norms (size, d) of each layer.

    The singular values of X(0) are spread evenly on a logarithmic scale.
    """
    n = case.d
    values = xp.exp(case.get("spread", 2) * (xp.astype(xp.arange(n), xp.float64) * 2 / (n - 1) - 1))
    values = n * values / xp.sum(values)
    X = xp.broadcast_to(xp.eye(n) * xp.sqrt(values), (size, n, n))
    gaps, norms = [0 * X[:, 0, 0] - xp.mean(xp.log(values))], []
    for _ in range(case.l):
        X = rng.haar((size, n, n)) @ X
        norms.append(xp.sum(X * X, axis=-1))
        gaps.append(gaps[-1] + xp.mean(xp.log(norms[-1]), axis=-1))
        X = X / xp.sqrt(norms[-1])[:, :, None]
    return gaps, norms


@decay.experiment(cases=[{"spread": 1}, {"spread": 4}], samples={"smoke": 4096})
def last_gap(xp, rng, case, size):
    gaps, _ = propagate(xp, rng, case, size)
    return {"quantity": gaps[-1], "phi_0": gaps[0][0]}
