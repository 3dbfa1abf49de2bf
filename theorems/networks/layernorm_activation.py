"""A centred activation with normalisation drives representations to orthogonality (Joudaki, Daneshmand, Bach 2023).

At infinite width a layer with Gaussian weights, activation sigma = sum_k c_k he_k (normalised Hermite polynomials),
centring and normalisation maps a correlation r between two samples to

    f(r) = sum_{k>=1} w_k r^k,      w_k = c_k^2/sum_{j>=1} c_j^2,      nu = w_1,

and from every r_0 in [0, 1) the correlation after l layers obeys

    r_l/(1 - r_l)  <=  (2 - nu)^(-l) r_0/(1 - r_0).

nu = 1 is a linear activation.  (For negative correlations |f(r)| <= f(|r|).)

Reference: arXiv:2305.18399; the statement is derived here.
"""

from sympy import Function, Ge, Gt, Integer, Le, Rational, Sum, Symbol

from gdverify import Assumption, Claim, Integers, Mutant, Observed, SureBound
from theorems import PAPERS
from theorems.networks.bn_contraction import equal

K, L = (Symbol(name, integer=True, nonnegative=True) for name in "KL")
k = Symbol("k", integer=True)
nu, r0, beta = Symbol("nu", real=True), Symbol("r0", real=True), Symbol("beta", real=True)
w, rho = Function("w"), Function("rho")  # w(k) is the weight of degree k + 2

weights = Assumption("Hermite weights are non-negative", lambda j: Ge(w(j), 0, evaluate=False))
centred = Assumption("the weights from degree 1 on add up to 1", lambda: equal(Sum(w(k), (k, 0, K)), 1 - nu))
layer = Assumption(
    "r_{l+1} = f(r_l)",
    lambda t: equal(rho(t + 1), nu * rho(t) + rho(t) ** 2 * Sum(w(k) * rho(t) ** k, (k, 0, K))),
    where=lambda t: [t],
)
start = Assumption("r_0", lambda: equal(rho(0), r0))

contraction = Claim(
    id="layernorm-isometry.activation-contraction",
    title="Under a centred activation r/(1 - r) falls by the factor 1/(2 - nu) in every layer",
    paper=PAPERS["layernorm-isometry"],
    locator="the effect of the activation on isometry; rate derived here for infinite width",
    statement=r"\frac{r_l}{1-r_l}\le(2-\nu)^{-l}\,\frac{r_0}{1-r_0},\qquad\nu=\frac{c_1^2}{\sum_{k\ge1}c_k^2}",
    symbols={
        K: Integers(0, sample=(0, 6)),
        L: Integers(0, sample=(0, 10)),
        nu: Observed(0, 1),
        r0: Observed(0, 1, open="right"),
    },
    defines={beta: 2 - nu},
    assumptions=[weights, centred, layer, start],
    decides=SureBound(quantity=rho(L) / (1 - rho(L)), bound=beta ** (-L) * r0 / (1 - r0)),
    mutants=[
        Mutant("one and a half times the rate", decides={"bound": beta ** (-3 * L / 2) * r0 / (1 - r0)}),
        Mutant("5 per cent more", defines={beta: (2 - nu) * Rational(21, 20)}, cases=({"K": 0, "L": 1},)),
        Mutant("the rate nu", defines={beta: 1 / nu}, cases=({"K": 0, "L": 1},)),
        Mutant("no centring", drop=(centred.name,), cases=({"K": 0, "L": 3, "offset": 1},)),
    ],
    notes="K + 2 is finite but arbitrary; an activation of infinite degree is a limit. Attained by degree 2 as "
    "r_0 -> 1. nu is 0.735 for ReLU, 0.930 for tanh, 0.851 for sin, 0.723 for GELU. Deep in it r_{l+1}/r_l -> nu.",
)


@contraction.derivation
def layer_by_layer(proof):
    t, j = proof.index("t"), proof.index("j")
    r, one, b = rho(t), proof.sign(Integer(1)), proof.definition(beta)
    begin, move, each, total = (
        proof.assume(start), proof.assume(layer, t), proof.assume(weights, j), proof.assume(centred)
    )  # fmt: skip
    below_one, _ = proof.high(nu), proof.low(nu)

    def stays(low):
        terms = proof.sum_of(proof.certificate(Ge(w(j) * r**j, 0), [(r**j, each)]), j, 0, K)
        return proof.certificate(Ge(rho(t + 1), 0), [(r**2, terms), (nu, low)], using=[move])

    proof.induction(Ge(r, 0), t, proof.certificate(Ge(rho(0), 0), [(1, proof.low(r0))], using=[begin]), stays)

    def above(high):
        """Fact: r_{t+1} <= nu r + (1 - nu) r^2."""
        power = proof.power(proof.certificate((1, ">=", r), [(1, high)]), j)
        terms = proof.sum_of(proof.certificate(Ge(w(j), w(j) * r**j), [(w(j), power)]), j, 0, K)
        return proof.certificate(
            Le(rho(t + 1), nu * r + (1 - nu) * r**2), [(r**2, terms), (-(r**2), total)], using=[move]
        )

    high = proof.induction(
        Gt(1 - r, 0),
        t,
        proof.certificate(Gt(1 - rho(0), 0), [(1, proof.high(r0))], using=[begin]),
        lambda now: proof.certificate(Gt(1 - rho(t + 1), 0), [(1, above(now)), (1 + (1 - nu) * r, now)]),
    )
    bound = above(high)
    rate = 2 - nu
    proof.certificate(Gt(rate, 0), [(1, below_one), (1, one)])
    proof.certificate(Gt(beta, 0), [(1, below_one), (1, one)], using=[b])
    scale = lambda m: rate ** (-m) * r0 / (1 - r0)
    proof.certificate(Gt(1 - r0, 0), [(1, proof.high(r0))])
    falls = proof.induction(
        Ge(scale(t) * (1 - r) - r, 0),
        t,
        proof.certificate(Ge(scale(0) * (1 - rho(0)) - rho(0), 0), using=[begin]),
        lambda now: proof.certificate(
            Ge(scale(t + 1) * (1 - rho(t + 1)) - rho(t + 1), 0),
            [(scale(t + 1) + 1, bound), ((1 + (1 - nu) * r) / rate, now), (r * (1 - nu) ** 2 / rate, high)],
        ),
    )
    proof.instantiate(high, {t: L})
    ratio = proof.certificate(Le(r / (1 - r), scale(t)), [(1 / (1 - r), falls)])
    proof.conclude(
        proof.certificate(
            Le(rho(L) / (1 - rho(L)), beta ** (-L) * r0 / (1 - r0)), [(1, proof.instantiate(ratio, {t: L}))], using=[b]
        )
    )


@contraction.experiment(cases=[{"K": 0, "L": 1}, {"K": 0, "L": 3}, {"L": 0}, {}], samples={"smoke": 1024})
def correlations(xp, rng, case, size):
    """Random weights of degrees 1 to K + 2, half of them on two degrees; starts near 1 included."""
    degrees = xp.arange(case.K + 2) + 1
    raw = rng.uniform((size, case.K + 2)) ** 2
    two = xp.where((degrees <= 2)[None, :], raw, 0 * raw)
    raw = xp.where(rng.uniform((size, 1)) < 0.5, two, raw) + 1e-3 * xp.astype(degrees == 1, xp.float64)
    share = raw / xp.sum(raw, axis=-1, keepdims=True)
    r = begin = 1 - 10 ** rng.uniform((size,), -4, 0)
    for _ in range(case.L):
        terms = share * r[:, None] ** xp.astype(degrees, xp.float64)
        r = (xp.sum(terms, axis=-1) + 0.3 * case.get("offset", 0)) / (1 + 0.3 * case.get("offset", 0))
    ratio = r / (1 - r)
    return {"quantity": ratio, "nu": share[:, 0], "r0": begin}
