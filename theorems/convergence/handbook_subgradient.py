"""The stochastic subgradient method with a constant step: the average of the iterates (Garrigos & Gower 2023).

For a convex f, unbiased subgradients with E|g_t|^2 <= G^2, x_{t+1} = P(x_t - gamma g_t) with P the projection onto a
closed convex set that contains the minimiser x* (or no projection), R = |x_0 - x*|,
xbar_T = (x_0 + ... + x_{T-1})/T,

    E f(xbar_T) - f*  <=  R^2/(2 gamma T) + gamma G^2/2        ( = R G/sqrt(T) for gamma = R/(G sqrt(T)) )

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from fractions import Fraction

from sympy import Ge, Le, Rational

from gdverify import Claim, Inner, Integers, Mean, MeanBound, Mutant, Positive, Vector, VectorSequence, sq
from gdverify.classes import convex, recursion, start
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS
from theorems.convergence.subgradients import (
    G,
    R,
    T,
    distance,
    expected_step,
    f,
    gamma,
    moment,
    normal,
    run,
    scale,
    slopes,
    t,
    unbiased,
    update,
    x,
    x_star,
)

x_bar, partial = Vector("x_bar"), VectorSequence("s")
rule = update(gamma)
begin = start(x(0), x_star, R)
average = [
    recursion(partial(t + 1), partial(t) + x(t)),
    equation("no iterate summed at first", partial(0), 0),
    equation("x_bar is the mean of x_0, ..., x_{T-1}", partial(T), T * x_bar),
]

subgradient = Claim(
    id="handbook.subgradient",
    title="The stochastic subgradient method with a constant step: the averaged iterate",
    paper=PAPERS["handbook"],
    locator="stochastic subgradient method, convex, constant step; constants derived here",
    statement=r"f \text{ convex},\ \mathbb{E}\|g_t\|^2\le G^2,\ \gamma>0,\ T\ge1:\quad"
    r" \mathbb{E} f(\bar x_T)-f^\star \le \frac{\|x_0-x^\star\|^2}{2\gamma T} + \frac{\gamma G^2}{2}",
    symbols={
        **scale,
        gamma: Positive(sample=(Rational(1, 100), 10), log=True),
        T: Integers(1, sample=(1, 60)),
        **distance,
    },
    assumptions=[convex(f), unbiased, moment, normal, rule, begin, *average],
    decides=MeanBound(quantity=f(x_bar) - f(x_star), bound=R**2 / (2 * gamma * T) + gamma * G**2 / 2, tol=0.01),
    mutants=[
        Mutant(
            "T + 1 in place of T",
            decides={"bound": R**2 / (2 * gamma * (T + 1)) + gamma * G**2 / 2 * T / (T + 1)},
            cases=({"family": "slow", "dimension": 1, "noise": 0, "T": 3},),
        ),
        Mutant(
            "8% off the first term",
            decides={"bound": Rational(23, 25) * R**2 / (2 * gamma * T) + gamma * G**2 / 2},
            cases=({"family": "slow", "dimension": 1, "noise": 0, "T": 16},),
        ),
        Mutant(
            "8% off the second term",
            decides={"bound": R**2 / (2 * gamma * T) + Rational(23, 25) * gamma * G**2 / 2},
            cases=({"family": "slow", "dimension": 1, "noise": 0, "T": 16},),
        ),
        Mutant("subgradients of any size", drop=("E|g|^2 <= G^2",), by=("derivation", "worst-case")),
        Mutant("f need not be convex", drop=("f is convex",), by=("derivation",)),
    ],
    notes="Exact in the worst case: at gamma = R/(G sqrt(T)) functions of many variables attain R G/sqrt(T); |x| alone "
    "comes within a factor T/(T + 1) at R = gamma G T.",
)


@subgradient.derivation
def telescoping(proof):
    k = proof.index("k")
    slope = f.grad(x_bar)
    # Jensen's inequality for x_bar comes with the sum: the tangent at x_bar, kept in the potential by partial sums.
    tangent = proof.mean(proof.assume(convex(f), x(k), x_star))
    jensen = proof.mean(proof.assume(convex(f), x_bar, x(k)))
    level = Mean(f(x_bar) - f(x_star) - Inner(slope, x_bar))
    energy = lambda s: (
        Mean(sq(x(s) - x_star)) + s * (2 * gamma * level - gamma**2 * G**2) + 2 * gamma * Mean(Inner(slope, partial(s)))
    )
    decrease = proof.certificate(
        Ge(energy(k), energy(k + 1)),
        [(1, expected_step(proof, rule, gamma, k)), (2 * gamma, tangent), (2 * gamma, jensen)],
        using=[proof.assume(average[0], k)],
    )
    total = proof.telescoped(decrease, energy(k), k, 0, T)
    first = proof.mean(proof.assume(begin))
    end = proof.mean(proof.certificate(Ge(sq(x(T) - x_star), 0), [], [(1, x(T) - x_star)]))
    proof.conclude(
        proof.certificate(
            Le(Mean(f(x_bar) - f(x_star)), R**2 / (2 * gamma * T) + gamma * G**2 / 2),
            [(1 / (2 * gamma * T), total), (1 / (2 * gamma * T), end), (-1 / (2 * gamma * T), first)],
            using=[proof.assume(average[1]), proof.assume(average[2])],
        )
    )


@subgradient.experiment(
    cases=[
        {"family": "any", "dimension": 4, "noise": 1},
        {"family": "any", "dimension": 1, "noise": 1, "projected": 1},
        {"family": "slow", "dimension": 1, "noise": 0},
    ],
    samples={"smoke": 40_000, "standard": 1_000_000, "full": 50_000_000},
)
def averages(xp, rng, case, size):
    slope, noise = slopes(xp, rng.shared, case, case.dimension)
    reach = case.gamma * case.G * case.T  # a start so far off that |x| never turns
    least = 0.3 if "projected" in case else 1e-2  # two steps from end to end of a short interval have the mean 0
    radius = reach if case.family == "slow" else reach * log_uniform(xp, rng.shared, (), least, 2)
    x0 = radius * rng.shared.sphere((case.dimension,))
    path = run(xp, rng, slope, noise, x0, size, [case.gamma] * case.T, radius if "projected" in case else None)
    mean = sum(path[1:-1], path[0]) / case.T
    return {"quantity": xp.sum(slope * xp.abs(mean), axis=-1), "R": radius}


@subgradient.worst_case(cases=[{"T": 1}, {"T": 4}, {"T": 10, "tier": "standard"}])
def average_value(problem, case):
    F = problem.function(f)
    low = problem.minimiser(F)
    point = problem.start()
    problem.equal(sq(point - low), problem.observe("R") ** 2, "start")
    steps, gamma = case["T"], case["gamma"]
    # The derivation's own multipliers: tangents at the iterates, and Jensen's inequality at their mean, x_T here.
    known = {"start": -1 / (2 * gamma * steps)}
    total = 0 * point
    for k in range(steps):
        if moment in problem.claim.assumptions:
            problem.bound(sq(F.grad(point)), case["G"] ** 2, f"moment {k}")
            known[f"moment {k}"] = gamma / (2 * steps)
        known[f"f: x_star -> x_{k}"] = Fraction(1, steps)
        if steps > 1:
            known[f"f: x_{k} -> x_{steps}"] = Fraction(1, steps)
        total = total + point
        point = point - gamma * F.grad(point)
    problem.maximise(F(total / steps) - F(low))
    if {moment, convex(f)} <= set(problem.claim.assumptions):
        problem.multipliers(known)
