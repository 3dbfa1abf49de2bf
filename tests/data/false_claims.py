"""Plausible false claims, written as a new user would.  None may pass.

Each claim's ``notes`` say what is wrong with it, and which verdict is right.
"""

import sympy as sp

from gdverify import (
    Claim,
    Conserved,
    Identity,
    Integers,
    Interval,
    LimitLaw,
    MeanBound,
    MeanEquals,
    Minimiser,
    Mutant,
    Observed,
    Paper,
    Positive,
    ProbabilityBound,
    Rate,
    ScalarFunction,
    SureBound,
    Vector,
    VectorSequence,
    sq,
)
from gdverify.classes import convex, minimiser, recursion, smooth, start

PAPER = Paper("false", "False claims")
L, gamma, R, d, n = sp.symbols("L gamma R d n", positive=True)
T = sp.Symbol("T", integer=True, positive=True)
t = sp.Symbol("t", integer=True, nonnegative=True)
dim, size = (sp.Symbol(s, integer=True, positive=True) for s in ("d", "n"))
f, x, xs = ScalarFunction("f"), VectorSequence("x"), Vector("x_star")
GAP = f(x(T)) - f(xs)
UPDATE = recursion(x(t + 1), x(t) - gamma * f.grad(x(t)))
REGIME = {
    L: Positive(sample=(sp.Rational(1, 4), 4)),
    gamma: Interval(0, 1 / L, open="left"),
    T: Integers(1, sample=(1, 60)),
    R: Observed(0, open="left"),
}
ASSUMED = (convex(f), smooth(f, L), minimiser(f, xs), UPDATE, start(x(0), xs, R))
HALVED = Mutant("a tenth", decides={"bound": R**2 / (20 * gamma * T)})


def claim(name, **fields):
    return Claim(
        **{"id": f"false.{name}", "title": name, "paper": PAPER, "locator": "nowhere", "statement": name, **fields}
    )


def gd(name, bound, **fields):
    return claim(name, **{"symbols": REGIME, "assumptions": ASSUMED, "decides": SureBound(GAP, bound), **fields})


def quadratic_run(rng, case, size, gamma, curvature):
    start = rng.normal((size, 3))
    end = start * (1 - gamma * curvature) ** case.T
    return {"quantity": 0.5 * (curvature * end**2).sum(axis=1), "R": (start**2).sum(axis=1) ** 0.5}


# 1. A constant below the true one; the experiment has random quadratics only, none of them extremal.
wrong_constant = gd("wrong-constant", R**2 / (5 * gamma * T), mutants=[HALVED], notes="inconclusive: true is 1/4")


@wrong_constant.experiment()
def quadratics(xp, rng, case, size):
    return quadratic_run(rng, case, size, case.gamma, case.L * rng.uniform((size, 3)))


# 2. A faster rate than gradient descent has.
wrong_exponent = gd("wrong-exponent", R**2 / (2 * gamma * T**2), mutants=[HALVED], notes="fail")
wrong_exponent.experiment()(quadratics)

# 3. Convexity dropped: a concave direction sends the value below, a saddle keeps it above; the derivation must notice.
not_convex = gd("assumption-dropped", R**2 / (2 * gamma * T), assumptions=ASSUMED[1:], notes="fail")


@not_convex.derivation
def as_if_convex(proof):
    k = proof.index("k")
    proof.assume(convex(f), x(k), xs)


# 4. A derivation that proves something else: a constant twice too large.
something_else = gd("derivation-of-something-else", R**2 / (4 * gamma * T), notes="fail")


@something_else.derivation
def first_step_only(proof):
    proof.conclude(proof.sign(R**2 / (2 * gamma * T)))


# 5. The easy corner: the step size of the regime is never used.
easy_corner = gd("easy-corner", R**2 / (2 * gamma * T**2), mutants=[HALVED], notes="inconclusive: gamma never read")


@easy_corner.experiment()
def tiny_steps(xp, rng, case, size):
    return quadratic_run(rng, case, size, 1.0 / case.L, case.L * (0.5 + 0.5 * rng.uniform((size, 3))))


# 6. The easy corner, more cunning: everything is read, but every function is well conditioned.
well_conditioned = gd("well-conditioned", R**2 / (2 * gamma * T**2), mutants=[HALVED], notes="inconclusive: far below")


@well_conditioned.experiment(cases=[{"gamma": sp.Rational(1, 5), "L": 4}])
def near_the_top(xp, rng, case, size):
    return quadratic_run(rng, case, size, case.gamma, case.L * (0.9 + 0.1 * rng.uniform((size, 3))))


# 7. A mean off by one degree of freedom.
off_by_one = claim(
    "off-by-one",
    symbols={dim: Integers(2, sample=(2, 20))},
    decides=MeanEquals(sq(Vector("z")), dim - 1),
    mutants=[Mutant("d + 1", decides={"bound": dim + 1})],
    notes="fail",
)


@off_by_one.experiment()
def chi_square(xp, rng, case, size):
    return {"quantity": (rng.normal((size, case.d)) ** 2).sum(axis=1)}


# 8. A mean bound that an infinite-variance law breaks: E = 2 for a Pareto with index 2.
heavy_tail = claim(
    "heavy-tail",
    symbols={L: Positive(sample=(1, 1))},
    decides=MeanBound(sq(Vector("z")), sp.Rational(19, 10) * L),
    mutants=[Mutant("half", decides={"bound": L})],
    notes="fail or inconclusive: the mean is 2 L",
)


@heavy_tail.experiment()
def pareto(xp, rng, case, size):
    return {"quantity": case.L * (1 - rng.uniform((size,))) ** -0.5}


# 9. The best step size of one-layer linear attention without its "+ 1" (isotropic, noiseless).
eta = sp.Symbol("eta", positive=True)
wrong_step = claim(
    "wrong-step",
    symbols={dim: Integers(1, sample=(2, 8)), size: Integers(1, sample=(2, 16)), eta: Positive(sample=(0.01, 1))},
    decides=Minimiser(
        dim - 2 * size * dim * eta + size * dim * (size + dim + 1) * eta**2, dim - size * dim / (size + dim)
    ),
    mutants=[Mutant("a lower value", decides={"value": dim - size * dim / (size + dim + 1) - 1})],
    notes="fail: F attains neither less nor this value",
)


@wrong_step.experiment()
def exact_loss(xp, rng, case, size):
    d, n = case.d, case.n
    loss = lambda e: d - 2 * n * d * e + n * d * (n + d + 1) * e**2
    return {"quantity": loss(rng.uniform((size,))), "attained": loss(xp.ones((size,)) / (n + d)), "eta": case.eta}


# 10. An identity that holds at the first order only.
first_order = claim(
    "first-order-identity",
    symbols={L: Positive(sample=(sp.Rational(1, 1000), 1))},
    decides=Identity(ScalarFunction("q")(L), 1 + L),
    mutants=[Mutant("1 + 2 L", decides={"bound": 1 + 2 * L})],
    notes="fail",
)


@first_order.experiment()
def exponential(xp, rng, case, size):
    return {"quantity": xp.exp(case.L * xp.ones((size,)))}


# 11. A tail probability without its square.
wrong_tail = claim(
    "wrong-tail",
    symbols={L: Positive(sample=(sp.Rational(1, 2), 2))},
    decides=ProbabilityBound(sq(Vector("z")), L, sp.exp(-(L**2))),
    mutants=[Mutant("half", decides={"bound": sp.exp(-(L**2)) / 2})],
    notes="fail: P(|z| > L) of a standard normal is at most exp(-L^2/2)",
)


@wrong_tail.experiment()
def normal(xp, rng, case, size):
    return {"quantity": xp.abs(rng.normal((size,)))}


# 12. A rate read off too early: n^-1/2 below a floor that it never leaves.
floor = claim(
    "rate-with-a-floor",
    symbols={size: Integers(1, sample=(1, 10000))},
    decides=Rate(sq(Vector("z")), size, sp.Rational(-1, 2)),
    mutants=[Mutant("n^-1", decides={"exponent": -1})],
    notes="fail or inconclusive: the curve bends",
)


@floor.experiment()
def with_floor(xp, rng, case, size):
    grid = xp.asarray([float(4**k) for k in range(1, 8)])
    noise = 1 + 0.01 * rng.normal((size, 7))
    return {"n": grid, "quantity": (grid**-0.5 + 0.03) * noise}


# 13. Two per cent off, with a tolerance of five.
off_a_little = claim(
    "two-per-cent",
    symbols={dim: Integers(4, sample=(4, 20))},
    decides=MeanEquals(sq(Vector("z")), sp.Rational(51, 50) * dim),
    mutants=[Mutant("half", decides={"bound": dim / 2})],
    notes="fail: an experiment that stands alone uses up its samples before it passes within a tolerance",
)
off_a_little.experiment()(chi_square)

# 14. A limit 3% off, looked at where everything is within the tolerance already.
wrong_limit = claim(
    "limit-within-tolerance",
    symbols={size: Integers(1, sample=(1, 1000))},
    decides=LimitLaw(sq(Vector("z")), size, sp.Rational(103, 100)),
    mutants=[Mutant("twice", decides={"limit": 2})],
    notes="inconclusive: nothing is seen to shrink",
)


@wrong_limit.experiment()
def near_one(xp, rng, case, size):
    grid = xp.asarray([16.0, 32.0, 64.0, 128.0])
    return {"n": grid, "quantity": 1 + 1 / grid + 0.3 * rng.normal((size, 4))}


# 15. An exponent off by less than the tolerance, on a curve that does not bend.
near_exponent = claim(
    "exponent-within-tolerance",
    symbols={size: Integers(1, sample=(1, 1000))},
    decides=Rate(sq(Vector("z")), size, sp.Rational(-1, 2)),
    mutants=[Mutant("n^-1", decides={"exponent": -1})],
    notes="inconclusive: certainly -0.54 throughout the window",
)


@near_exponent.experiment()
def straight(xp, rng, case, size):
    grid = xp.asarray([float(2**k) for k in range(4, 12)])
    return {"n": grid, "quantity": grid**-0.54 * (1 + 0.05 * rng.normal((size, 8)))}


# 16. A leak far slower than the integrator's error at the smallest step tried.
slow_leak = claim(
    "slow-leak",
    symbols={L: Interval(1, 2)},
    decides=Conserved(sq(Vector("z")), order=4),
    mutants=[Mutant("order 5", decides={"order": 5})],
    notes="inconclusive: the drift is still large at the smallest step",
)


@slow_leak.experiment()
def leaking(xp, rng, case, size):
    h = xp.asarray([0.4, 0.2, 0.1, 0.05])
    drift = (0.05 * case.L * h**4 + 1e-8) * (1 + 0.1 * rng.uniform((size, 1)))
    return {"h": h, "drift": drift, "floor": 1e-14}


# 17. A step size beyond stability that the experiment does not follow: it runs another.
step = sp.Symbol("step", positive=True)
other_step = claim(
    "definition-ignored",
    symbols={L: Interval(1, 2), T: Integers(1, sample=(1, 20)), R: Observed(0, open="left")},
    defines={step: 3 / L},
    assumptions=(*ASSUMED[:3], recursion(x(t + 1), x(t) - step * f.grad(x(t))), start(x(0), xs, R)),
    decides=SureBound(GAP, L * R**2 / (4 * T + 2)),
    mutants=[Mutant("a tenth", decides={"bound": L * R**2 / (40 * T + 20)})],
    notes="inconclusive: the definition is never read",
)


@other_step.experiment()
def one_over_l(xp, rng, case, size):
    start = 1 + rng.uniform((size,))
    turn = start / (2 * case.T + 1)
    end = start
    for _ in range(case.T):
        end = end - xp.clip(end, -turn, turn)
    value = xp.where(xp.abs(end) <= turn, end**2 / 2, turn * xp.abs(end) - turn**2 / 2)
    return {"quantity": case.L * value, "R": start}
