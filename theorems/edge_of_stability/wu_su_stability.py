"""What linear stability of SGD says of the minimum (Wu and Su 2023).

At an interpolating minimum of the square loss, g in R^p is the gradient of a random sample and H = E g g^T the Hessian.
SGD with batches of B independent samples is linearised to

    delta+ = M delta,      M = I - (eta/B) sum of g g^T over the batch.

Its second moments move by X -> E[M X M], a self-adjoint map of the symmetric matrices.  So they stay bounded, from
every start, exactly where

    E tr(X M X M)  <=  tr(X X)     for every symmetric X        (linear stability),

whose left side is tr(XX) - 2 eta tr(XHX) + eta^2 ((1/B) E (g^T X g)^2 + (1 - 1/B) tr(XHXH)).  It implies

    B = 1         tr H  <=  2/eta
    any B         tr H  <=  (2/eta) B p/(p + B - 1)  <=  2B/eta     and     v^T H v  <=  2/eta for |v| = 1.

Reference: arXiv:2305.17490.  The abstract's bound is the case B = 1; the constants for batches are derived here.
"""

from sympy import Ge, Identity, Le, MatrixSymbol, Rational, Symbol, Trace, symbols

from gdverify import Assumption, Claim, Integers, Mean, Mutant, Positive, SureBound
from gdverify.errors import ClaimError
from gdverify.language import SymmetricMatrix
from gdverify.laws import constant, equation
from theorems import PAPERS

eta = Symbol("eta", positive=True)
p, B = symbols("p B", integer=True, positive=True)
g, v = MatrixSymbol("g", p, 1), MatrixSymbol("v", p, 1)
H = SymmetricMatrix("H", p, p)
length = Trace(g.T * g)
percent = Rational(99, 100)
sizes = {p: Integers(1, sample=(1, 3)), eta: Positive(sample=(Rational(1, 10), 10))}


def symmetric(x):
    if x != x.T:
        raise ClaimError(f"{x} is not written as a symmetric matrix")
    return x


def stable(batch):
    """Linear stability for batches of this size, to be used at symmetric matrices."""

    def schema(x):
        noise = Mean(Trace(g.T * symmetric(x) * g) ** 2) / batch + (1 - 1 / batch) * Trace(x * H * x * H)
        return Ge(Trace(x * x), Trace(x * x) - 2 * eta * Trace(x * H * x) + eta**2 * noise, evaluate=False)

    return Assumption(f"linear stability for batches of {batch}", schema, key=("stable", batch))


def stable_alone_schema(x):
    M = Identity(p) - eta * g * g.T
    return Ge(Trace(symmetric(x) * x), Mean(Trace(x * M * x * M)), evaluate=False)


alone = Assumption("linear stability for single samples", stable_alone_schema, key=("stable",))
batches = stable(B)
hessian = equation("H is the mean of g g^T", Mean(length), Trace(H))
along = equation("H is the mean of g g^T, along v", Mean(Trace(g.T * v) ** 2), Trace(v.T * H * v))
unit = equation("v is a unit vector", Trace(v.T * v), 1)
data = constant(H, v)

# -- single samples ---------------------------------------------------------------------------------------------------

single = Claim(
    id="wu-su-dynamical-stability.trace-bound-batch1",
    title="A minimum where SGD with single samples is linearly stable has tr H <= 2/eta",
    paper=PAPERS["wu-su-dynamical-stability"],
    locator="abstract, for batches of one sample; proof derived here",
    statement=r"\operatorname{tr} H = \mathbb{E}\|g\|^2 \le \frac2\eta",
    symbols=sizes,
    assumptions=[alone, data],
    decides=SureBound(quantity=Mean(length), bound=2 / eta),
    mutants=[
        Mutant("1% less", decides={"bound": percent * 2 / eta}),
        Mutant("for batches of two", drop=(alone.name,), add=(stable(2),), cases=({"batch": 2, "p": 2},)),
        Mutant("for batches of ten", drop=(alone.name,), add=(stable(10),), cases=({"batch": 10, "p": 2},)),
        Mutant("not stable", drop=(alone.name,), by=("derivation",)),
    ],
    notes="Attained by one sample, and by orthogonal gradients of equal length. Stability is in mean square: almost "
    "sure stability implies no such bound (curvatures 1/eta and 10/eta in dimension 1). That it is the inequality "
    "which is assumed here, for every symmetric X, is the spectral theorem for the map of second moments.",
)


@single.derivation
def identity_matrix(proof):
    at = proof.assume(alone, Identity(p))
    spread = proof.mean(proof.certificate(Ge((length - 2 / eta) ** 2, 0), [], [(1, length - 2 / eta)]))
    proof.conclude(proof.certificate(Le(Mean(length), 2 / eta), [(1 / (2 * eta), at), (eta / 2, spread)]))


def on_the_edge(xp, rng, case, size, batch):
    """Gradients (size, n, p) for which ``case.eta`` is next to the largest stable step, orthogonal ones among them."""
    p = case.p
    n = p + 2
    G = rng.normal((size, n, p)) * xp.exp(rng.normal((size, n, 1)))
    frame = xp.concat([xp.eye(p), xp.zeros((2, p))], axis=0)[None, :, :]
    G = xp.where(rng.bernoulli(0.5, (size, 1, 1)) > 0, frame, G)
    count = xp.sum(xp.astype(xp.sum(G * G, axis=-1) > 0, xp.float64), axis=-1)[:, None, None]
    H = xp.matrix_transpose(G) @ G / count
    edge = 0.999999 * largest_step(xp, G, H, count, batch)
    return G * xp.sqrt(edge / case.eta)[:, None, None], H * (edge / case.eta)[:, None, None]


def largest_step(xp, G, H, count, batch):
    """The largest step (size,) at which SGD with batches is linearly stable in mean square, exactly.

    G (size, n, p) are the gradients, rows of zeros among them not counted in ``count`` (size, 1, 1), H (size, p, p)
    their second moment, which must be positive definite.
    """
    p = G.shape[-1]
    pairs = [(i, j) for i in range(p) for j in range(i, p)]
    units = xp.eye(p)
    S = [
        (units[i, :][:, None] * units[j, :] + units[j, :][:, None] * units[i, :]) / (1 if i < j else 2)
        for i, j in pairs
    ]
    forms = xp.stack([xp.sum((G @ s) * G, axis=-1) for s in S], axis=-1)  # g^T S g, (size, n, pairs)
    fourth = xp.matrix_transpose(forms) @ forms / count
    units = xp.stack(S)
    bent = units @ H[:, None, :, :]
    square = xp.einsum("nqij,nrji->nqr", bent, bent)
    twice = 2 * xp.einsum("nqij,rji->nqr", bent, units)
    root = xp.linalg.inv(xp.linalg.cholesky(twice))
    ratio = root @ (fourth / batch + (1 - 1 / batch) * square) @ xp.matrix_transpose(root)
    return 1 / xp.linalg.eigvalsh((ratio + xp.matrix_transpose(ratio)) / 2)[:, -1]


@single.experiment(samples={"smoke": 256}, block=128)
def edge_of_stability(xp, rng, case, size):
    _, H = on_the_edge(xp, rng, case, size, case.batch if "batch" in case else 1)
    return {"quantity": xp.linalg.trace(H)}


# -- batches ----------------------------------------------------------------------------------------------------------

sharp = 2 / eta * B * p / (p + B - 1)
general = Claim(
    id="wu-su-dynamical-stability.general-batch",
    title="A minimum where SGD with batches of B is linearly stable has tr H <= (2/eta) B p/(p + B - 1)",
    paper=PAPERS["wu-su-dynamical-stability"],
    locator="derived here; the abstract's bound for batches",
    statement=r"\operatorname{tr} H \le \frac2\eta\cdot\frac{Bp}{p+B-1} \le \frac{2B}\eta",
    symbols={**sizes, B: Integers(1, sample=(1, 6))},
    assumptions=[batches, hessian, data],
    decides=SureBound(quantity=Trace(H), bound=sharp),
    mutants=[
        Mutant("1% less", decides={"bound": percent * sharp}),
        Mutant("2/eta for every batch", decides={"bound": 2 / eta}),
        Mutant("p + B for p + B - 1", decides={"bound": 2 / eta * B * p / (p + B)}),
        Mutant("not stable", drop=(batches.name,), by=("derivation",)),
    ],
    notes="Attained by p orthogonal gradients of equal length. Samples are drawn with replacement.",
)


@general.derivation
def orthogonal_is_worst(proof):
    at, mean = proof.assume(batches, Identity(p)), proof.assume(hessian)
    proof.certificate(Ge(p + B - 1, 1), [(1, proof.low(p)), (1, proof.low(B))])
    spread = proof.mean(proof.certificate(Ge((length - sharp) ** 2, 0), [], [(1, length - sharp)]))
    level = proof.certificate(
        Ge(Trace(H * H) - 2 * sharp / p * Trace(H) + sharp**2 / p, 0), [], [(1, H - sharp / p * Identity(p))]
    )
    share = proof.certificate(Ge(1 - 1 / B, 0), [(1 / B, proof.low(B))])
    weights = [(1 / (2 * eta), at), (eta / (2 * B), spread), (eta * share.left / 2, level), (eta * sharp / B, mean)]
    proof.conclude(proof.certificate(Le(Trace(H), sharp), weights))


@general.experiment(samples={"smoke": 256}, block=128)
def edge_for_batches(xp, rng, case, size):
    _, H = on_the_edge(xp, rng, case, size, case.B)
    return {"quantity": xp.linalg.trace(H)}


largest = Claim(
    id="wu-su-dynamical-stability.top-eigenvalue",
    title="Linear stability of SGD for any batch size implies that of gradient descent: |H| <= 2/eta",
    paper=PAPERS["wu-su-dynamical-stability"],
    locator="derived here",
    statement=r"v^\top H v \le \frac2\eta\quad\text{for } \|v\|=1",
    symbols={**sizes, B: Integers(1, sample=(1, 6))},
    assumptions=[batches, along, unit, data],
    decides=SureBound(quantity=Trace(v.T * H * v), bound=2 / eta),
    mutants=[
        Mutant("1% less", decides={"bound": percent * 2 / eta}),
        Mutant("1/B of it", decides={"bound": 2 / (B * eta)}),
        Mutant("not stable", drop=(batches.name,), by=("derivation",)),
    ],
    notes="Attained where all gradients are multiples of one vector of equal length, p = 1 among them.",
)


@largest.derivation
def rank_one(proof):
    at, curvature, norm = proof.assume(batches, v * v.T), proof.assume(along), proof.assume(unit)
    h, slope = Trace(v.T * H * v), Trace(g.T * v)
    share = proof.certificate(Ge(1 - 1 / B, 0), [(1 / B, proof.low(B))])
    spread = proof.mean(proof.certificate(Ge((slope**2 - 2 / eta) ** 2, 0), [], [(1, slope**2 - 2 / eta)]))
    weights = [(1 / (2 * eta), at), (-h, norm), (eta / (2 * B), spread), (2 / B, curvature)]
    proof.conclude(proof.certificate(Le(h, 2 / eta), weights, [(eta * share.left / 2, h - 2 / eta)]))


@largest.experiment(samples={"smoke": 256}, block=128)
def steepest(xp, rng, case, size):
    _, H = on_the_edge(xp, rng, case, size, case.B)
    return {"quantity": xp.linalg.eigvalsh(H)[:, -1]}
