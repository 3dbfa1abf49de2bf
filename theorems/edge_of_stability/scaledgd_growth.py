"""Preconditioned gradient descent for over-parameterised matrix sensing, while a mode is small (Xu et al. 2023).

ScaledGD(lambda) in an eigendirection with eigenvalue m > 0, as in `theorems.edge_of_stability.scaledgd`:

    x+ = x - eta (x^2 - m) x/(x^2 + lambda).      While x^2 <= m/2, x grows by 1 + eta/3 at least in each step,

for lambda <= m and eta <= 1/2: the condition number of M decides how far the smallest mode has to grow, not how fast.

Reference: arXiv:2302.01186; the rate is derived here.
"""

from sympy import Ge, Gt, Le, Rational

from gdverify import Assumption, Claim, Interval, Mutant, Observed, SureBound
from theorems import PAPERS
from theorems.edge_of_stability.scaledgd import (
    T,
    damping,
    eta,
    half,
    lam,
    level,
    m,
    plain,
    regime,
    run,
    share,
    start,
    step,
    x,
    y0,
)  # fmt: skip

low = Assumption(
    "x^2 is at most m/2 until step T",
    lambda j: Ge(half, level(j), evaluate=False),
    key=("low",),
    where=lambda j: [j, T - j],
)
positive = Assumption("x_0 > 0", lambda: Gt(x(0), 0, evaluate=False), key=("positive",))

growth = Claim(
    id="scaledgd-lambda.growth-phase",
    title="ScaledGD(lambda) multiplies a small mode by 1 + eta/3 at least, whatever its eigenvalue",
    paper=PAPERS["scaledgd-lambda"],
    locator="one mode of the population loss; rate derived here",
    statement=r"\lambda\le m,\ \eta\le\tfrac12,\ x_t^2\le\tfrac m2\text{ for } t\le T:\quad"
    r" \Big(1+\frac\eta3\Big)^{2T}x_0^2\le\frac m2",
    symbols={**regime, y0: Observed(0, open="left")},
    assumptions=[step, damping, start, low, positive],
    decides=SureBound(quantity=y0, bound=half * (1 + eta / 3) ** (-2 * T)),
    mutants=[
        Mutant(
            "1 + 0.35 eta",
            decides={"bound": half * (1 + Rational(7, 20) * eta) ** (-2 * T)},
            cases=({"a": 1, "eta": Rational(1, 100), "T": 1},),
        ),
        Mutant(
            "lambda up to 3m/2",
            symbols={share: Interval(0, Rational(3, 2), open="left")},
            cases=({"a": Rational(3, 2), "eta": Rational(1, 100), "T": 1},),
        ),
        Mutant("without the preconditioner", drop=(step.name,), add=(plain,), by=("derivation",)),
    ],
    notes="So a mode that starts at x_0^2 = m y_0 is past m/2 within log(1/(2 y_0))/(2 log(1 + eta/3)) + 1 steps, so "
    "that the condition number enters through a logarithm alone. Tight at lambda = m, x^2 near m/2.",
)


@growth.derivation
def no_slower(proof):
    k = proof.index("k", 0, T - 1)
    proof.certificate(Ge(T - k, 0), [(1, proof.high(k))], [(1, 1)])
    j = proof.index("j")
    unit, begin = proof.assume(damping), proof.assume(start)
    D = x(j) ** 2 + lam
    proof.certificate(Gt(1 - eta, 0), [(1, proof.high(eta)), (1, proof.sign(half))])
    move = proof.assume(step, j)
    top = (1 - eta) * x(j) ** 2 + lam + eta * m
    proof.certificate(Gt(top, 0), [(1, proof.sign(lam + eta * m))], [(1 - eta, x(j))])
    above = lambda i: Gt(x(i), 0, evaluate=False)
    stays = lambda now: proof.certificate(above(j + 1), [(top / D, now)], using=[move])
    every = proof.induction(above(j), j, proof.assume(positive), stays)
    proof.instantiate(every, {j: k})
    small, move = proof.assume(low, k), proof.assume(step, k)
    D = x(k) ** 2 + lam
    rise = 1 + eta / 3
    # m - x^2 >= (x^2 + lambda)/3
    push = proof.certificate(
        Ge(3 * (m - x(k) ** 2) - x(k) ** 2 - share * m, 0), [(4 * m, small), (m, proof.high(share))]
    )
    step_ = proof.certificate(Ge(x(k + 1) - rise * x(k), 0), [(eta * x(k) / (3 * D), push)], using=[move, unit])
    scaled = lambda i: -x(i) * rise**-i
    fall = proof.certificate(Ge(scaled(k) - scaled(k + 1), 0), [(rise ** (-k - 1), step_)])
    total = proof.telescoped(fall, scaled(k), k, 0, T)
    last = proof.assume(low, T)
    shrunk = x(T) * rise**-T
    longer = proof.certificate(Ge(shrunk, x(0)), [(1, total)])
    square = proof.certificate(Ge(shrunk**2 - x(0) ** 2, 0), [(2 * x(0), longer)], [(1, shrunk - x(0))])
    weight = rise ** (-2 * T)
    proof.conclude(proof.certificate(Le(y0, half * weight), [(1 / m, square), (weight, last), (1, begin)]))


@growth.experiment(samples={"smoke": 512})
def run_backwards(xp, rng, case, size):
    """The last level is drawn; the start is where each step came from, by bisection."""
    lam, m = case.a * case.m, case.m
    goal = xp.sqrt(m / 2 * (1 - 10 ** rng.uniform((size,), -6, -0.1)))
    for _ in range(case.T):
        low, high = 0 * goal, goal
        for _ in range(60):
            middle = (low + high) / 2
            over = run(xp, case, middle, lam, m, 1) > goal
            low, high = xp.where(over, low, middle), xp.where(over, middle, high)
        goal = low
    return {"quantity": goal**2 / m, "y_0": goal**2 / m, "lambda": lam + 0 * goal}
