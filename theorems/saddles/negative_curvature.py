"""Stochastic gradients along negative curvature (Daneshmand, Kohler, Lucchi & Hofmann 2018).

Learning half-spaces, f_z(w) = phi(<w, z>) with |z| <= R and |phi''| <= c |phi'| (sigmoid losses: c = 1).  In every
direction v, |v| = 1, the second moment of the stochastic gradient is at least the squared curvature,

    E <grad f_z(w), v>^2  >=  (l/(c R))^2,        l = v^T (Hessian of E f_z at w) v,

in any dimension: isotropic noise of the same size has the d-th part only.  With noise of variance gamma along a
direction of curvature -l, independent in every step, x_{t+1} = (1 + eta l) x_t - eta xi_t leaves the saddle like

    E x_T^2 = (1 + eta l)^{2T} x_0^2 + eta^2 gamma ((1 + eta l)^{2T} - 1)/((1 + eta l)^2 - 1).

Reference: arXiv:1803.05999.  The abstract alone was read: constants derived here.
"""

from sympy import Eq, Function, Ge, Le, Rational, Symbol, symbols

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Mean,
    MeanEquals,
    Mutant,
    Observed,
    Positive,
    Reals,
    SureBound,
    Vector,
    sq,
)
from gdverify.classes import recursion
from gdverify.instances import log_uniform, mixed_uniform
from gdverify.laws import equation, inequality
from theorems import PAPERS

c, R = symbols("c R", positive=True)
curvature, second = Symbol("curvature", real=True), Symbol("second", nonnegative=True)
n, d = (Symbol(name, integer=True, positive=True) for name in "nd")
slope, bend = Function("phi_1"), Function("phi_2")  # phi' and phi''
w, z, v = Vector("w"), Vector("z"), Vector("v")
margin, along = Inner(w, z), Inner(z, v)

bent = Assumption(
    "|phi''| <= c |phi'|",
    lambda u: Ge(c**2 * slope(u) ** 2, bend(u) ** 2, evaluate=False),
    latex=r"|\varphi''| \le c|\varphi'|",
    key=("bent", c),
)
short = inequality("|z| <= R", Ge(R**2, sq(z), evaluate=False))
unit = equation("|v| = 1", sq(v), 1)
hessian = equation("curvature along v", Mean(bend(margin) * along**2), curvature)
gradient = equation("second moment along v", Mean(slope(margin) ** 2 * along**2), second)

variance = Claim(
    id="cnc.variance-vs-curvature",
    title="Stochastic gradients vary at least as much as the loss curves, in any dimension",
    paper=PAPERS["cnc"],
    locator="abstract (variance along negative curvature, learning half-spaces); constants derived here",
    statement=r"f_z(w) = \varphi(\langle w, z\rangle),\ |z| \le R,\ |\varphi''| \le c|\varphi'|,\ |v| = 1:\quad"
    r" (v^\top \nabla^2 f(w)\, v)^2 \le c^2 R^2\, \mathbb{E}\langle\nabla f_z(w), v\rangle^2",
    symbols={
        n: Integers(1, sample=(1, 8)),
        d: Integers(1, sample=(1, 8)),
        c: Positive(sample=(Rational(1, 4), 4)),
        R: Positive(sample=(Rational(1, 2), 2)),
        curvature: Observed(),
        second: Observed(0),
    },
    assumptions=[bent, short, unit, hessian, gradient],
    decides=SureBound(curvature**2, c**2 * R**2 * second),
    mutants=[
        Mutant("1 per cent less", decides={"bound": Rational(99, 100) * c**2 * R**2 * second}),
        Mutant("the radius left out", decides={"bound": c**2 * second}),
        Mutant("as for isotropic noise", decides={"bound": c**2 * R**2 * second / d}),
        Mutant("another power of c", decides={"bound": c * R**2 * second}),
        Mutant("phi = cos", drop=(bent.name,), cases=({"loss": "cosine"},)),
    ],
    notes="v need not be an eigenvector, nor the curvature negative.  Attained by phi(u) = exp(c u) and z = R v.  The "
    "n points of the experiment are the whole population.",
)  # fmt: skip


@variance.derivation
def jensen(proof):
    # (phi'' s^2)^2 <= c^2 phi'^2 s^4 <= c^2 R^2 phi'^2 s^2 with s = <z, v>, and (E q)^2 <= E q^2.
    s, p = along, slope(margin)
    r = proof.scalar("r", Reals())
    distance = proof.certificate(Ge(sq(z) - 2 * r * s + r**2 * sq(v), 0), [], [(1, z - r * v)])
    inside = proof.certificate(
        Ge(R**2 - s**2, 0),
        [(1, proof.assume(short)), (1, proof.instantiate(distance, {r: s})), (-(s**2), proof.assume(unit))],
    )
    q = bend(margin) * s**2
    surely = proof.certificate(
        Ge(c**2 * R**2 * p**2 * s**2, q**2), [(s**4, proof.assume(bent, margin)), (c**2 * p**2 * s**2, inside)]
    )
    spread = proof.certificate(Ge((q - curvature) ** 2, 0), [], [(1, q - curvature)])
    stated = proof.claim.decides
    proof.conclude(
        proof.certificate(
            Le(stated.quantity, stated.bound),
            [
                (1, proof.mean(surely)),
                (1, proof.mean(spread)),
                (2 * curvature, proof.assume(hessian)),
                (-(c**2) * R**2, proof.assume(gradient)),
            ],
        )
    )


@variance.experiment(samples={"smoke": 4096, "standard": 100_000, "full": 1_000_000})
def half_spaces(xp, rng, case, size):
    """n points in R^d: at most as many clusters, margins of any sign and size, v along a point or anywhere."""
    points, shape = rng.sphere((size, case.n, case.d)), (size, case.n, 1)
    alone = rng.bernoulli(0.5, (size, 1, 1))  # all points are the same, at distance R, and v is along them
    v = alone * points[:, :1, :] + (1 - alone) * rng.sphere((size, 1, case.d))
    z = case.R * (alone * points[:, :1, :] + (1 - alone) * mixed_uniform(rng, shape) * points)
    w = rng.normal((size, 1, case.d)) * log_uniform(xp, rng, (size, 1, 1), 0.1, 4)
    u, s = xp.sum(w * z, axis=-1), xp.sum(v * z, axis=-1)
    if "loss" in case:
        slope, bend = -case.c * xp.sin(case.c * u), -(case.c**2) * xp.cos(case.c * u)
    else:  # phi(u) = exp(c u), or a sigmoid of c u
        kind = rng.bernoulli(0.5, (size, 1))
        u = u / (1 + (1 - kind) * xp.max(xp.abs(u), axis=-1, keepdims=True))  # a shorter w: exp(c u) stays moderate
        grow, g = xp.exp(case.c * (1 - kind) * u), 1 / (1 + xp.exp(-case.c * u))
        slope = kind * case.c * g * (1 - g) + (1 - kind) * case.c * grow
        bend = kind * case.c**2 * g * (1 - g) * (1 - 2 * g) + (1 - kind) * case.c**2 * grow
    curvature = xp.mean(bend * s * s, axis=-1)
    return {"quantity": curvature**2, "curvature": curvature, "second": xp.mean((slope * s) ** 2, axis=-1)}


# -- leaving a saddle -------------------------------------------------------------------------------------------------

eta, ell, gamma, start = symbols("eta ell gamma start", positive=True)
t, T = (Symbol(name, integer=True, nonnegative=True) for name in "tT")
x, xi = Function("x"), Function("xi")
rate = (1 + eta * ell) ** 2

update = recursion(x(t + 1), (1 + eta * ell) * x(t) - eta * xi(t), t)
noise = Assumption(
    "the noise is centred, of variance gamma, and independent of the past",
    lambda s: [Eq(Mean(x(s) * xi(s)), 0, evaluate=False), Eq(Mean(xi(s) ** 2), gamma, evaluate=False)],
    latex=r"\mathbb{E}[\xi_t \mid x_t] = 0,\ \mathbb{E}\xi_t^2 = \gamma",
    key=("noise", gamma),
)
begin = equation("start", x(0), start)


def moved(variance):
    return rate**T * start**2 + eta**2 * variance * (rate**T - 1) / (rate - 1)


escape = Claim(
    id="cnc.linear-saddle-escape",
    title="Leaving a saddle along negative curvature: the mean squared distance",
    paper=PAPERS["cnc"],
    locator="derived here from the condition of the abstract",
    statement=r"\mathbb{E}x_T^2 = (1 + \eta\ell)^{2T} x_0^2 + \eta^2\gamma"
    r"\frac{(1 + \eta\ell)^{2T} - 1}{(1 + \eta\ell)^2 - 1}",
    symbols={
        eta: Positive(sample=(Rational(1, 100), Rational(1, 4))),
        ell: Positive(sample=(Rational(1, 10), 2)),
        gamma: Positive(sample=(Rational(1, 10), 4)),
        start: Observed(0, open="left"),
        T: Integers(1, sample=(1, 40)),
    },
    assumptions=[update, noise, begin],
    decides=MeanEquals(x(T) ** 2, moved(gamma)),
    mutants=[
        Mutant("deterministic descent escapes as fast", decides={"bound": rate**T * start**2}),
        Mutant("the noise enters with eta", decides={"bound": moved(gamma / eta)}),
        Mutant("a fifth more noise", decides={"bound": moved(Rational(6, 5) * gamma)}),
        Mutant("linear growth", decides={"bound": rate**T * start**2 + eta**2 * gamma * T}),
        Mutant("the noise need not be centred", drop=(noise.name,), cases=({"T": 20, "drift": 0.5},)),
    ],
    notes="With q = (1 + eta l)^2, a squared displacement S^2 from 0 takes log(1 + S^2 (q - 1)/(eta^2 gamma))/log(q) "
    "steps: no dimension enters.",
)  # fmt: skip


@escape.derivation
def geometric(proof):
    k = proof.index("k")
    claimed = lambda s: Eq(
        Mean(x(s) ** 2), rate**s * start**2 + eta**2 * gamma * (rate**s - 1) / (rate - 1), evaluate=False
    )
    grown = proof.certificate(
        Eq(
            x(k + 1) ** 2,
            rate * x(k) ** 2 - 2 * eta * (1 + eta * ell) * x(k) * xi(k) + eta**2 * xi(k) ** 2,
            evaluate=False,
        ),
        using=[proof.assume(update, k)],
    )
    cross, power = proof.assume(noise, k)
    first = proof.mean(proof.certificate(Eq(x(0) ** 2, start**2, evaluate=False), using=[proof.assume(begin)]))
    every = proof.induction(
        claimed(k),
        k,
        proof.certificate(claimed(0), [(1, first)]),
        lambda now: proof.certificate(
            claimed(k + 1),
            [(rate, now), (1, proof.mean(grown)), (-2 * eta * (1 + eta * ell), cross), (eta**2, power)],
        ),
    )
    proof.conclude(proof.instantiate(every, {k: T}))


@escape.experiment(samples={"smoke": 8192, "standard": 100_000, "full": 2_000_000})
def paths(xp, rng, case, size):
    """Gaussian, two-valued and skew noise; starts far below, at, and above the size of the noise."""
    each = 32  # paths per sample
    kind = rng.shared.integers(0, 3, ())
    start = log_uniform(xp, rng.shared, (), 0.01, 10) * case.eta * xp.sqrt(xp.asarray(case.gamma))
    z, e, s = (draw((size, each, case.T)) for draw in (rng.normal, rng.exponential, rng.signs))
    xi = xp.where(kind == 0, z, xp.where(kind == 1, e - 1, s)) + case.get("drift", 0.0)
    x = 0 * z[:, :, 0] + start
    for step in range(case.T):
        x = (1 + case.eta * case.ell) * x - case.eta * xp.sqrt(xp.asarray(case.gamma)) * xi[:, :, step]
    return {"quantity": xp.mean(x * x, axis=-1), "start": start}
