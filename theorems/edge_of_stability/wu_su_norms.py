"""What stability of SGD with single samples says of the weights of small networks (Wu and Su 2023).

As in `theorems.edge_of_stability.wu_su_stability`: where SGD with single samples is linearly stable, E |g|^2 <= 2/eta
for the gradient g of the network's output at a random sample.  Then the weights are small in the norm that belongs to
the network:

    f = <u o u - v o v, x>, E x_j^2 = 1:        |g|^2 = 4 sum_j (u_j^2 + v_j^2) x_j^2,
                                                sum_j |u_j^2 - v_j^2|  <=  1/(2 eta);
    f = sum_j a_j max(<w_j, x>, 0), x ~ -x,     |g|^2 = sum_j s_j (<w_j, x>^2 + a_j^2 |x|^2),  s_j = [<w_j, x> > 0],
    E x x^T = I in dimension d:                 sum_j |a_j| |w_j|  <=  2/(eta sqrt(d)).

Reference: arXiv:2305.17490 (its abstract: stability implies small norms); the constants are derived here.
"""

from sympy import Eq, Function, Ge, Identity, Le, Rational, Sum, Symbol, sqrt, symbols

from gdverify import (
    Assumption,
    Claim,
    Domain,
    Inner,
    Integers,
    Mean,
    Mutant,
    Positive,
    SureBound,
    Vector,
    VectorSequence,
    sq,
)
from gdverify.instances import log_uniform
from gdverify.laws import constant
from theorems import PAPERS
from theorems.edge_of_stability.wu_su_stability import alone, eta, largest_step, length, p, percent, stable

d, k = symbols("d k", integer=True, positive=True)
j = Symbol("j", integer=True, positive=True)
u, v, x, sign = (Function(name) for name in ("u", "v", "x", "sigma"))
equal = lambda a, b: Eq(a, b, evaluate=False)
inside = lambda i: [i - 1, d - i]


def mean_length(proof):
    """E |g|^2 <= 2/eta, by linear stability at the identity and Jensen's inequality."""
    at = proof.assume(alone, Identity(p))
    spread = proof.mean(proof.certificate(Ge((length - 2 / eta) ** 2, 0), [], [(1, length - 2 / eta)]))
    return proof.certificate(Le(Mean(length), 2 / eta), [(1 / (2 * eta), at), (eta / 2, spread)])


# -- the diagonal linear network --------------------------------------------------------------------------------------

energy = lambda i: u(i) ** 2 + v(i) ** 2
gradient = Assumption(
    "g is the gradient of the network",
    lambda: equal(length, 4 * Sum(energy(j) * x(j) ** 2, (j, 1, d))),
    latex=r"\|g\|^2 = 4\sum_j(u_j^2+v_j^2)x_j^2",
    key=("diagonal network",),
)
unit = Assumption(
    "E x_j^2 = 1", lambda i: equal(Mean(x(i) ** 2), 1), latex=r"\mathbb{E}x_j^2 = 1", key=("unit",), where=inside
)
signs = Assumption(
    "sigma_j are signs",
    lambda i: Ge(1, sign(i) ** 2, evaluate=False),
    latex=r"\sigma_j \in [-1, 1]",
    key=("sigma",),
    where=inside,
)
weights = constant(u, v, sign)

norms = Claim(
    id="wu-su-dynamical-stability.norm-equivalence",
    title="Stable minima of a diagonal linear network have sum |u_j^2 - v_j^2| <= 1/(2 eta)",
    paper=PAPERS["wu-su-dynamical-stability"],
    locator="abstract (stability controls norms); constant derived here",
    statement=r"f(x)=\langle u\odot u-v\odot v,x\rangle:\quad \sum_j\sigma_j(u_j^2-v_j^2)\le\frac1{2\eta}"
    r"\ \forall\sigma\in[-1,1]^d,\text{ that is }\|u\odot u-v\odot v\|_1\le\frac1{2\eta}",
    symbols={
        d: Integers(1, sample=(1, 6)),
        p: Domain(2 * d, 2 * d, integer=True, observed=True),
        eta: Positive(sample=(Rational(1, 10), 10)),
    },
    assumptions=[alone, gradient, unit, signs, weights],
    decides=SureBound(Sum(sign(j) * (u(j) ** 2 - v(j) ** 2), (j, 1, d)), 1 / (2 * eta)),
    mutants=[
        Mutant("1% less", decides={"bound": percent / (2 * eta)}),
        Mutant("1/(4 eta)", decides={"bound": 1 / (4 * eta)}),
        Mutant("for batches of two", drop=(alone.name,), add=(stable(2),), cases=({"batch": 2, "d": 3},)),
        Mutant("x_j of any size", drop=(unit.name,), cases=({"d": 3, "size": Rational(9, 10)},)),
        Mutant("weights of any size for sigma", drop=(signs.name,), by=("derivation",)),
    ],
    notes="Attained by samples along the axes, u_j^2 equal and v = 0. tr H = 4 (|u|^2 + |v|^2) whatever the "
    "correlations of x are; the L1 norm is its least value for given u o u - v o v.",
)


@norms.derivation
def energies(proof):
    i = proof.index("i", 1, d)
    proof.high(i)
    bound = mean_length(proof)
    known = proof.mean(proof.assume(gradient))
    apart = proof.mean_of_sum(Sum(energy(j) * x(j) ** 2, (j, 1, d)))
    one = proof.certificate(equal(Mean(energy(i) * x(i) ** 2), energy(i)), [(energy(i), proof.assume(unit, i))])
    total = proof.sum_of(one, i, 1, d)
    near = proof.assume(signs, i)
    above, below = proof.root(near, sign(i)), proof.root(near, -sign(i))
    each = proof.certificate(Ge(energy(i), sign(i) * (u(i) ** 2 - v(i) ** 2)), [(u(i) ** 2, above), (v(i) ** 2, below)])
    summed = proof.sum_of(each, i, 1, d)
    quarter = Rational(1, 4)
    stated = proof.claim.decides
    proof.conclude(
        proof.certificate(
            Le(stated.quantity, stated.bound),
            [(1, summed), (quarter, bound), (quarter, known), (1, apart), (1, total)],
        )
    )


@norms.experiment(samples={"smoke": 512}, block=128)
def at_the_edge(xp, rng, case, size):
    """Random samples, corners of a cube or samples along the axes, and random weights, scaled to where the largest
    stable step is eta.  "size": samples with E x_j^2 = size^2.
    """
    n = case.d
    kind = rng.uniform((size, 1, 1))
    X = rng.normal((size, n + 3, n))
    X = X / xp.sqrt(xp.mean(X * X, axis=1, keepdims=True))
    X = xp.where(kind < 0.6, rng.signs((size, n + 3, n)), X)
    frame = xp.concat([xp.eye(n), xp.zeros((3, n))], axis=0) * n**0.5
    X = xp.where(kind < 0.4, frame, X) * float(case.size if "size" in case else 1)
    weights_ = rng.normal((size, 2, n))
    alone_ = rng.bernoulli(0.5, (size, 1, 1))
    even = xp.concat([xp.ones((1, n)), xp.zeros((1, n))], axis=0)
    weights_ = alone_ * even * rng.signs((size, 1, n)) + (1 - alone_) * weights_
    energies_ = xp.sum(weights_ * weights_, axis=1)
    count = xp.sum(xp.astype(xp.sum(X * X, axis=-1) > 0, xp.float64), axis=-1)[:, None, None]
    # (u_j x_j, -v_j x_j) is x_j times a fixed vector of squared length u_j^2 + v_j^2
    edge = edge_of(xp, 2 * xp.sqrt(energies_)[:, None, :] * X, count, int(case.batch) if "batch" in case else 1)
    found = xp.sum(xp.abs(weights_[:, 0, :] ** 2 - weights_[:, 1, :] ** 2), axis=-1) * edge / case.eta
    return {"quantity": found, "p": 2 * n + 0 * found}


def edge_of(xp, G, count, batch):
    """The largest stable step for the gradients G (size, n, p) of ``count`` samples: what |g|^2 may be multiplied by.

    A ridge of 1e-9 makes H definite; tr H, and with it what the bounds rest on, it changes by as little.
    """
    H = xp.matrix_transpose(G) @ G / count
    ridge = 1e-9 * xp.linalg.trace(H)[:, None, None] / G.shape[-1]
    H = H + ridge * xp.eye(G.shape[-1])
    return 0.999999 * largest_step(xp, G, H, count, batch)


# -- two layers of rectified units ------------------------------------------------------------------------------------

w, X = VectorSequence("w"), Vector("x")
a, s, norm = (Function(name) for name in ("a", "s", "omega"))
unit_of = lambda i: [i - 1, k - i]
relu_gradient = Assumption(
    "g is the gradient of the rectified network",
    lambda: equal(length, Sum(s(j) * Inner(w(j), X) ** 2 + a(j) ** 2 * s(j) * sq(X), (j, 1, k))),
    latex=r"\|g\|^2 = \sum_j s_j(\langle w_j,x\rangle^2+a_j^2\|x\|^2)",
    key=("rectified network",),
)
symmetric = Assumption(  # E s q = E (1 - s) q, for x and -x have the same law and q(x) = q(-x)
    "x and -x have the same law",
    lambda i: [equal(2 * Mean(s(i) * q), Mean(q)) for q in (Inner(w(i), X) ** 2, sq(X))],
    latex=r"\mathbb{E}\,s_jq = \mathbb{E}(1-s_j)q\ \text{for}\ q = \langle w_j,x\rangle^2, \|x\|^2",
    key=("symmetric",),
    where=unit_of,
)
isotropic = Assumption(
    "E x x^T is the identity",
    lambda i: [equal(Mean(Inner(w(i), X) ** 2), norm(i) ** 2), equal(Mean(sq(X)), d)],
    latex=r"\mathbb{E}xx^\top = I",
    key=("isotropic",),
    where=unit_of,
)
product = Assumption(
    "sigma_j are signs", lambda i: Ge(1, sign(i) ** 2, evaluate=False), latex=r"\sigma_j \in [-1, 1]", key=("sigma", k),
    where=unit_of,
)  # fmt: skip
path_norm = Claim(
    id="wu-su-dynamical-stability.path-norm",
    title="Stable minima of a two-layer rectified network have sum |a_j| |w_j| <= 2/(eta sqrt(d))",
    paper=PAPERS["wu-su-dynamical-stability"],
    locator="abstract (stability controls path norms); constant derived here",
    statement=r"x\sim-x,\ \mathbb{E}xx^\top=I_d:\quad \sum_j|a_j|\,\|w_j\|\le\frac2{\eta\sqrt d}",
    symbols={
        d: Integers(1, sample=(1, 3)),
        k: Integers(1, sample=(1, 2)),
        p: Domain(k * (d + 1), k * (d + 1), integer=True, observed=True),
        eta: Positive(sample=(Rational(1, 10), 10)),
    },
    assumptions=[alone, relu_gradient, symmetric, isotropic, product, constant(a, norm, sign)],
    decides=SureBound(Sum(sign(j) * a(j) * norm(j), (j, 1, k)), 2 / (eta * sqrt(d))),
    mutants=[
        Mutant("1% less", decides={"bound": percent * 2 / (eta * sqrt(d))}, cases=({"d": 1, "k": 2},)),
        Mutant("without the share of 1/2", decides={"bound": 1 / (eta * sqrt(d))}, cases=({"d": 1, "k": 2},)),
        Mutant("2/(eta d)", decides={"bound": 2 / (eta * d)}, cases=({"d": 2, "k": 2},)),
        Mutant("a law that is not symmetric", drop=(symmetric.name,), cases=({"d": 3, "k": 1, "one_sided": 1},)),
        Mutant(
            "a law that is not isotropic", drop=(isotropic.name,), cases=({"d": 2, "k": 2, "size": Rational(9, 10)},)
        ),
    ],
    notes="For all signs sigma, that is for the sum of |a_j| |w_j|. Attained by pairs of opposite units with "
    "|w|^2 = d a^2 and samples along the axes of a frame in which the entries of w are of one size.",
)


@path_norm.derivation
def half_the_energy(proof):
    i = proof.index("i", 1, k)
    proof.high(i)
    bound, known = mean_length(proof), proof.mean(proof.assume(relu_gradient))
    term = lambda i: s(i) * Inner(w(i), X) ** 2 + a(i) ** 2 * s(i) * sq(X)
    apart = proof.mean_of_sum(Sum(term(j), (j, 1, k)))
    halves, sizes = proof.assume(symmetric, i), proof.assume(isotropic, i)
    half = Rational(1, 2)
    each = proof.certificate(
        Ge(Mean(term(i)), sqrt(d) * sign(i) * a(i) * norm(i)),
        [
            (half, halves[0]), (half * a(i) ** 2, halves[1]), (half, sizes[0]), (half * a(i) ** 2, sizes[1]),
            (half * d * a(i) ** 2, proof.assume(product, i)),
        ],
        [(half, norm(i) - sqrt(d) * sign(i) * a(i))],
    )  # fmt: skip
    summed = proof.sum_of(each, i, 1, k)
    stated, scale = proof.claim.decides, 1 / sqrt(d)
    parts = [(scale, f) for f in (summed, bound, known, apart)]
    proof.conclude(proof.certificate(Le(stated.quantity, stated.bound), parts))


@path_norm.experiment(samples={"smoke": 512}, block=128)
def opposite_pairs(xp, rng, case, size):
    """Random weights or pairs of opposite units, at samples along axes or along those of two random frames, scaled to
    where the largest stable step is eta.  "one_sided": samples along the axes without their opposites, and a unit that
    few of them activate; "size": samples with E x x^T = size^2.
    """
    n, units = case.d, case.k
    kind = rng.uniform((size, 1, 1))
    frame = xp.eye(n) * n**0.5
    axes = [rng.sphere((size, n, 1)) for _ in range(2)]
    turned = [frame - 2 * n**0.5 * xp.where(kind < 0.5, 0 * u, u) * xp.matrix_transpose(u) for u in axes]
    X = xp.concat(turned, axis=1) * float(case.size if "size" in case else 1)
    W, a_ = rng.sphere((size, units, n)), rng.signs((size, units, 1)) * log_uniform(xp, rng, (size, units, 1), 0.1, 10)
    opposite = 1 - 2 * xp.astype(xp.arange(units) % 2, xp.float64)[:, None]
    paired = kind < 0.3
    W, a_ = xp.where(paired, opposite * rng.signs((size, 1, n)), W), xp.where(paired, a_ / xp.abs(a_), a_)
    both = xp.concat([X, -X], axis=1)
    if "one_sided" in case:
        first = xp.astype(xp.arange(n) < 1, xp.float64)
        both, W = frame + 0 * X[:, :n, :], (0.1 * first - (1 - first)) + 0 * W
    inner = both @ xp.matrix_transpose(W)
    on = xp.astype(inner > 0, xp.float64)
    by_a = on * inner
    by_w = (on * xp.matrix_transpose(a_))[..., None] * both[:, :, None, :]
    G = xp.concat([by_a, xp.reshape(by_w, (size, both.shape[1], units * n))], axis=-1)
    count = float(both.shape[1])
    path = xp.sum(xp.abs(a_[..., 0]) * xp.sqrt(xp.sum(W * W, axis=-1)), axis=-1) * edge_of(xp, G, count, 1) / case.eta
    return {"quantity": path, "p": units * (n + 1) + 0 * path}
