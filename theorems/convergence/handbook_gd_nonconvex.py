"""Gradient descent on a smooth function, convex or not: some gradient is small (Garrigos & Gower 2023).

For f with an L-Lipschitz gradient, bounded below by f_low, and x_{t+1} = x_t - gamma grad f(x_t), 0 < gamma <= 1/L:

    min over t < T of |grad f(x_t)|^2  <=  2 (f(x_0) - f_low) / (gamma T)

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Ge, Le, Rational, Symbol, symbols

from gdverify import (
    Assumption,
    Claim,
    Integers,
    Interval,
    Mutant,
    Observed,
    Positive,
    ScalarFunction,
    SureBound,
    VectorSequence,
    sq,
)
from gdverify.classes import bounded_below, lipschitz_gradient, recursion, start_gap
from gdverify.instances import Sawtooth, log_uniform, mixed_uniform
from theorems import PAPERS

L, gamma, Delta = symbols("L gamma Delta", positive=True)
f_low, least = Symbol("f_low", real=True), Symbol("g_min", nonnegative=True)
T, t = Symbol("T", integer=True, positive=True), Symbol("t", integer=True, nonnegative=True)
f, x = ScalarFunction("f"), VectorSequence("x")
update = recursion(x(t + 1), x(t) - gamma * f.grad(x(t)))
smallest = Assumption(
    "g_min is the smallest squared gradient",
    lambda s: Ge(sq(f.grad(x(s))), least, evaluate=False),
    latex=r"g_{\min} = \min_{0\le t<T}\|\nabla f(x_t)\|^2",
    where=lambda s: [s, T - 1 - s],
)

gd_nonconvex = Claim(
    id="handbook.gd-nonconvex",
    title="Gradient descent on a smooth function: the smallest squared gradient is O(1/T)",
    paper=PAPERS["handbook"],
    locator="gradient descent, smooth; constants derived here",
    statement=r"\nabla f\ L\text{-Lipschitz},\ f\ge f_{\text{low}},\ 0<\gamma\le 1/L,\ T\ge 1:\quad"
    r" \min_{0\le t<T}\|\nabla f(x_t)\|^2 \le \frac{2(f(x_0)-f_{\text{low}})}{\gamma T}",
    symbols={
        L: Positive(sample=(Rational(1, 4), 4)),
        gamma: Interval(0, 1 / L, open="left"),
        T: Integers(1, sample=(1, 60)),
        f_low: Observed(),
        Delta: Observed(0, open="left"),
        least: Observed(0),
    },
    assumptions=[
        lipschitz_gradient(f, L),
        bounded_below(f, f_low),
        update,
        start_gap(f, x(0), f_low, Delta),
        smallest,
    ],
    decides=SureBound(quantity=least, bound=2 * Delta / (gamma * T)),
    mutants=[
        Mutant(
            "0.1% below the exact constant",
            decides={"bound": Rational(999, 1000) * 4 * Delta / (gamma * (T - 1) * (4 - gamma * L) + 2 / L)},
        ),
        Mutant("decay like 1/T^2", decides={"bound": 2 * Delta / (gamma * T**2)}),
        Mutant("half the constant", decides={"bound": Delta / (gamma * T)}),
        Mutant(
            "steps up to 5/(2L)",
            symbols={gamma: Interval(0, Rational(5, 2) / L, open="left")},
            cases=({"dimension": 1, "T": 2, "gamma": Rational(5, 2) / L},),
        ),
        Mutant("f need not be bounded below", drop=("f is bounded below",), by=("derivation", "worst-case")),
    ],
    notes="The exact constant is 4 Delta/(gamma (T-1) (4 - gamma L) + 2/L), attained by a function whose slope dips "
    "between the iterates: the bound is exact at T = 1, gamma = 1/L, loose by 3/2 there as T grows.",
)


@gd_nonconvex.derivation
def descent_sums(proof):
    k = proof.index("k", 0, T - 1)
    proof.high(k)
    g = f.grad(x(k))
    move = proof.assume(update, k)
    descent, _, _ = proof.assume(lipschitz_gradient(f, L), x(k), x(k + 1))
    short = proof.certificate(Ge(1 - gamma * L, 0), [(L, proof.high(gamma))])
    fall = proof.certificate(
        Ge(f(x(k)) - f(x(k + 1)), gamma / 2 * least),
        [(1, descent), (gamma / 2, proof.assume(smallest, k))],
        [(gamma / 2 * short.left, g)],
        using=[move],
    )
    total = proof.telescoped(fall, f(x(k)), k, 0, T)
    begin = proof.assume(start_gap(f, x(0), f_low, Delta))
    floor = proof.assume(bounded_below(f, f_low), x(T))
    proof.conclude(
        proof.certificate(
            Le(least, 2 * Delta / (gamma * T)),
            [(2 / (gamma * T), total), (2 / (gamma * T), floor), (-2 / (gamma * T), begin)],
        )
    )


@gd_nonconvex.experiment(cases=[{"dimension": 1}, {"dimension": 8}])
def sawtooth(xp, rng, case, size):
    slope = log_uniform(xp, rng, (size,), 0.1, 10)
    stretch = log_uniform(xp, rng, (size,), 0.1, 10) ** rng.bernoulli(0.5, (size,))
    period = slope * xp.minimum(case.gamma * stretch, 0 * slope + 2 / case.L)
    F = Sawtooth(xp, case.L, rng.sphere((size, case.dimension)), slope, mixed_uniform(rng, (size,)), period, case.T)
    steps = case.T * mixed_uniform(rng, (size,))
    path = [(steps * case.gamma * slope)[:, None] * F.axis]
    low = -slope * slope / (2 * case.L)
    small = xp.sq(F.grad(path[0]))
    here = path[0]
    for _ in range(case.T - 1):
        here = here - case.gamma * F.grad(here)
        path = [*path, here][:3]
        small = xp.minimum(small, xp.sq(F.grad(here)))
    return {
        "quantity": small,
        "g_min": small,
        "Delta": F.value(path[0]) - low,
        "f_low": low,
        "instance": {f: F, x: path},
    }


@gd_nonconvex.worst_case(cases=[{"T": 1}, {"T": 3}, {"T": 8, "tier": "standard"}])
def smallest_gradient(problem, case):
    F = problem.function(f)
    low = problem.infimum(F)
    point = problem.start()
    problem.equal(F(point) - low, problem.observe("Delta"))
    slopes = []
    for _ in range(case["T"]):
        slopes.append(sq(F.grad(point)))
        point = point - case["gamma"] * F.grad(point)
    F(point)
    problem.maximise(slopes)
