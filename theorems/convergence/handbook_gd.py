"""Gradient descent x_{t+1} = x_t - gamma grad f(x_t), after Garrigos & Gower (2023).

For an L-smooth f with minimiser x*, a step 0 < gamma <= 1/L and R = |x_0 - x*|:

    f convex               f(x_T) - f*   <=  R^2 / (2 gamma T)
    f mu-strongly convex   |x_T - x*|^2  <=  (1 - gamma mu)^T R^2

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Ge, Le, Rational, Symbol, symbols

from gdverify import (
    Claim,
    Integers,
    Interval,
    Mutant,
    Observed,
    Positive,
    ScalarFunction,
    SureBound,
    Vector,
    VectorSequence,
    sq,
)
from gdverify.classes import convex, minimiser, recursion, smooth, start, strongly_convex
from gdverify.instances import log_uniform, smooth_convex
from theorems import PAPERS

L, mu, gamma, R = symbols("L mu gamma R", positive=True)
T = Symbol("T", integer=True, nonnegative=True)
t = Symbol("t", integer=True, nonnegative=True)
f, x, x_star = ScalarFunction("f"), VectorSequence("x"), Vector("x_star")
gap = lambda k: f(x(k)) - f(x_star)

smoothness = {L: Positive(sample=(Rational(1, 4), 4))}
curvature = {mu: Interval(0, L, open="left", sample=(L / 1000, 3 * L / 4))}
steps = {gamma: Interval(0, 1 / L, open="left")}
update = recursion(x(t + 1), x(t) - gamma * f.grad(x(t)))

# -- convex -----------------------------------------------------------------------------------------------------------

gd_convex = Claim(
    id="handbook.gd-convex",
    title="Gradient descent on a smooth convex function: the last value is O(1/T)",
    paper=PAPERS["handbook"],
    locator="gradient descent, convex and smooth; constants derived here",
    statement=r"f \text{ convex and } L\text{-smooth},\ 0<\gamma\le 1/L,\ T\ge 1:\quad"
    r" f(x_T)-f^\star \le \frac{\|x_0-x^\star\|^2}{2\gamma T}",
    symbols={**smoothness, **steps, T: Integers(1, sample=(1, 60)), R: Observed(0, open="left")},
    assumptions=[convex(f), smooth(f, L), minimiser(f, x_star), update, start(x(0), x_star, R)],
    decides=SureBound(quantity=gap(T), bound=R**2 / (2 * gamma * T)),
    mutants=[
        Mutant("1% below the exact constant", decides={"bound": Rational(99, 100) * R**2 / (4 * gamma * T + 2 / L)}),
        Mutant("decay like 1/T^2", decides={"bound": R**2 / (2 * gamma * T**2)}),
        Mutant(
            "steps up to 9/(5L)",
            symbols={gamma: Interval(0, Rational(9, 5) / L, open="left")},
            cases=({"dimension": 1, "T": 1, "gamma": Rational(9, 5) / L},),
        ),
        Mutant("f need not be convex", drop=("f is convex",), by=("derivation", "worst-case")),
    ],
    notes="The exact constant is R^2/(4 gamma T + 2/L) (Drori and Teboulle 2014), attained by Huber functions that "
    "turn at R/(2 gamma L T + 1): the bound is loose by 2 + 1/(gamma L T), that is by 3 at T = 1, gamma = 1/L and by "
    "2 as T grows.",
)


@gd_convex.derivation
def lyapunov(proof):
    k = proof.index("k")
    g = f.grad(x(k))
    move = proof.assume(update, k)
    tangent = proof.assume(convex(f), x(k), x_star)
    descent = proof.assume(smooth(f, L), x(k), x(k + 1))
    energy = lambda s: sq(x(s) - x_star) / (2 * gamma) + s * gap(s)
    weight = (k + 1) * (1 - gamma * L / 2) - Rational(1, 2)
    short = proof.certificate(Ge(weight, 0), [(L * (k + 1) / 2, proof.high(gamma))], [(k / 2, 1)])
    fall = proof.certificate(
        Ge(energy(k), energy(k + 1)), [(1, tangent), (k + 1, descent)], [(gamma * short.left, g)], using=[move]
    )
    total = proof.telescoped(fall, energy(k), k, 0, T)
    begin = proof.assume(start(x(0), x_star, R))
    proof.conclude(
        proof.certificate(
            Le(gap(T), R**2 / (2 * gamma * T)),
            [(1 / T, total), (-1 / (2 * gamma * T), begin)],
            [(1 / (2 * gamma * T), x(T) - x_star)],
        )
    )


def convex_path(xp, rng, case, size, mu):
    """Start, end and instance of T steps on random mu-strongly convex, L-smooth functions."""
    radius = log_uniform(xp, rng, (size, 1), 0.1, 10)
    x0 = radius * rng.sphere((size, case.dimension))
    F = smooth_convex(xp, rng, x0, mu, case.L, 1 / (2 * case.T * case.gamma * case.L + 1))
    path = [x0]
    for _ in range(case.T):
        path = [*path[:3], path[-1] - case.gamma * F.grad(path[-1])]
    return radius[:, 0], path[-1], {f: F, x_star: 0 * x0, x: path[:3]}


@gd_convex.experiment(cases=[{"dimension": 1}, {"dimension": 4}, {"dimension": 32, "tier": "full"}])
def huber_and_quadratic(xp, rng, case, size):
    radius, end, instance = convex_path(xp, rng, case, size, 0 * case.L)
    return {"quantity": instance[f].value(end), "R": radius, "instance": instance}


@gd_convex.worst_case(cases=[{"T": 1}, {"T": 4}, {"T": 10, "tier": "standard"}, {"T": 30, "tier": "full"}])
def last_value(problem, case):
    F = problem.function(f)
    low = problem.minimiser(F)
    point = problem.start()
    problem.equal(sq(point - low), problem.observe("R") ** 2)
    for _ in range(case["T"]):
        point = point - case["gamma"] * F.grad(point)
    problem.maximise(F(point) - F(low))


# -- strongly convex --------------------------------------------------------------------------------------------------

gd_strongly_convex = Claim(
    id="handbook.gd-strongly-convex",
    title="Gradient descent on a smooth strongly convex function contracts by 1 - gamma mu",
    paper=PAPERS["handbook"],
    locator="gradient descent, strongly convex and smooth; constants derived here",
    statement=r"f\ \mu\text{-strongly convex and } L\text{-smooth},\ 0<\gamma\le 1/L:\quad"
    r" \|x_T-x^\star\|^2 \le (1-\gamma\mu)^T \|x_0-x^\star\|^2",
    symbols={**smoothness, **curvature, **steps, T: Integers(0, sample=(1, 60)), R: Observed(0, open="left")},
    assumptions=[strongly_convex(f, mu), smooth(f, L), minimiser(f, x_star), update, start(x(0), x_star, R)],
    decides=SureBound(quantity=sq(x(T) - x_star), bound=(1 - gamma * mu) ** T * R**2),
    mutants=[
        Mutant(
            "0.1% faster than a quadratic of curvature mu",
            decides={"bound": (1 - gamma * mu) ** (2 * T) * Rational(999, 1000) ** T * R**2},
        ),
        Mutant(
            "the mean of mu and L for mu",
            decides={"bound": (1 - gamma * (L + mu) / 2) ** T * R**2},
            cases=({"dimension": 1, "T": 5, "L": 1, "mu": Rational(1, 10), "gamma": Rational(1, 2)},),
        ),
        Mutant(
            "steps up to 2/L",
            symbols={gamma: Interval(0, 2 / L, open="left")},
            cases=({"dimension": 1, "T": 2, "gamma": 2 / L},),
        ),
        Mutant("f need not be convex", drop=("f is mu-strongly convex",), by=("derivation", "worst-case")),
    ],
    notes="The exact factor per step is max(|1 - gamma mu|, |1 - gamma L|)^2: for gamma <= 1/L the bound is its square "
    "root. Evidence draws mu from [L/1000, 3L/4].",
)


@gd_strongly_convex.derivation
def contraction(proof):
    k = proof.index("k")
    d, g = x(k) - x_star, f.grad(x(k))
    move = proof.assume(update, k)
    tangent = proof.assume(strongly_convex(f, mu), x(k), x_star)
    below = x(k) - g / L  # a gradient step of length 1/L cannot go below f*
    descent = proof.assume(smooth(f, L), x(k), below)
    least = proof.assume(minimiser(f, x_star), below)
    gain = proof.certificate(Ge(gap(k), sq(g) / (2 * L)), [(1, descent), (1, least)])
    short = proof.certificate(Ge(1 - gamma * L, 0), [(L, proof.high(gamma))])
    slow = proof.certificate(Ge(1 - gamma * mu, 0), [(1, short), (gamma, proof.high(mu))])
    level = proof.product(short, proof.assume(minimiser(f, x_star), x(k)))
    step = proof.certificate(
        Le(sq(x(k + 1) - x_star), (1 - gamma * mu) * sq(d)),
        [(2 * gamma, tangent), (2 * gamma**2 * L, gain), (2 * gamma, level)],
        using=[move],
    )
    claimed = lambda s: Le(sq(x(s) - x_star), (1 - gamma * mu) ** s * R**2)
    begin = proof.certificate(claimed(0), [(-1, proof.assume(start(x(0), x_star, R)))])
    every = proof.induction(
        claimed(k), k, begin, lambda now: proof.certificate(claimed(k + 1), [(slow.left, now), (1, step)])
    )
    proof.conclude(proof.instantiate(every, {k: T}))


@gd_strongly_convex.experiment(cases=[{"dimension": 1}, {"dimension": 4}, {"dimension": 32, "tier": "full"}])
def distances(xp, rng, case, size):
    radius, end, instance = convex_path(xp, rng, case, size, case.mu)
    return {"quantity": xp.sq(end), "R": radius, "instance": instance}


@gd_strongly_convex.worst_case(cases=[{"T": 1}, {"T": 3}, {"T": 10, "tier": "standard"}])
def last_distance(problem, case):
    F = problem.function(f)
    low = problem.minimiser(F)
    point = problem.start()
    problem.equal(sq(point - low), problem.observe("R") ** 2)
    for _ in range(case["T"]):
        point = point - case["gamma"] * F.grad(point)
    problem.maximise(sq(point - low))
