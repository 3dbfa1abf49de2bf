"""Stochastic gradient descent on convex functions: the average of the iterates (Garrigos & Gower 2023).

For f = (f_1 + ... + f_n)/n with every f_i convex and L_max-smooth, x_{t+1} = x_t - gamma grad f_i(x_t) with i uniform,
and xbar_T = (x_0 + ... + x_{T-1})/T:

    0 < gamma <= 1/(4 L_max):    E f(xbar_T) - f*  <=  R^2/(gamma T) + 2 gamma sigma_star

with R = |x_0 - x*| and sigma_star = (1/n) sum_i |grad f_i(x*)|^2.

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Ge, Le, Rational

from gdverify import Claim, Inner, Integers, Interval, Mean, MeanBound, Mutant, Vector, VectorSequence, sq
from gdverify.classes import minimiser, recursion, start
from gdverify.instances import FiniteSum, balanced_tilts, log_uniform, mixed_uniform
from gdverify.laws import equation
from theorems import PAPERS
from theorems.convergence.finite_sums import (
    L_max,
    R,
    T,
    expected_step,
    f,
    gamma,
    observed,
    regime,
    run,
    setting,
    sigma_star,
    t,
    tangent,
    x,
    x_star,
)

x_bar, partial = Vector("x_bar"), VectorSequence("s")
average = [
    recursion(partial(t + 1), partial(t) + x(t)),
    equation("no iterate summed at first", partial(0), 0),
    equation("x_bar is the mean of x_0, ..., x_{T-1}", partial(T), T * x_bar),
]

sgd_convex = Claim(
    id="handbook.sgd-convex",
    title="SGD with a constant step on convex smooth functions: the averaged iterate",
    paper=PAPERS["handbook"],
    locator="stochastic gradient descent, convex and smooth, constant step; constants derived here",
    statement=r"f_i \text{ convex and } L_{\max}\text{-smooth},\ 0<\gamma\le \tfrac{1}{4L_{\max}},\ T\ge1:\quad"
    r" \mathbb{E} f(\bar x_T)-f^\star \le \frac{\|x_0-x^\star\|^2}{\gamma T} + 2\gamma\sigma^\star",
    symbols={
        **regime,
        gamma: Interval(0, 1 / (4 * L_max), open="left"),
        T: Integers(1, sample=(1, 60)),
        **observed,
    },
    assumptions=[*setting, *average],
    decides=MeanBound(quantity=f(x_bar) - f(x_star), bound=R**2 / (gamma * T) + 2 * gamma * sigma_star),
    mutants=[
        Mutant(
            "0.45 R^2/(gamma T)",
            decides={"bound": Rational(9, 20) * R**2 / (gamma * T) + 2 * gamma * sigma_star},
            cases=({"family": "huber", "dimension": 1, "T": 60, "gamma": 1 / (4 * L_max)},),
        ),
        Mutant(
            "1/32 of the noise term",
            decides={"bound": R**2 / (gamma * T) + gamma * sigma_star / 16},
            cases=({"family": "additive", "dimension": 1, "T": 40, "near": 1},),
        ),
        Mutant(
            "the noise averages out like 1/T",
            decides={"bound": R**2 / (gamma * T) + 2 * gamma * sigma_star / T},
            cases=({"family": "additive", "dimension": 1, "T": 60, "near": 1},),
        ),
        Mutant(
            "steps up to 21/(10 L_max)",
            symbols={gamma: Interval(0, Rational(21, 10) / L_max, open="left")},
            cases=({"family": "huber", "dimension": 1, "T": 1, "gamma": Rational(21, 10) / L_max},),
        ),
        Mutant("the parts need not be convex", drop=("every f_i is convex",), by=("derivation",)),
    ],
    notes="Loose: without noise Huber functions attain R^2/(2/L_max + 2 gamma (T - 1)), half of the bound as T grows, "
    "and that fits the SDP values at n = 1; the noise term is 20 times what additive noise on quadratics attains.",
)  # fmt: skip


@sgd_convex.derivation
def telescoping(proof):
    k = proof.index("k")
    gap = f(x(k)) - f(x_star)
    least = proof.mean(proof.assume(minimiser(f, x_star), x(k)))
    short = proof.certificate(Ge(1 - 4 * L_max * gamma, 0), [(4 * L_max, proof.high(gamma))])
    fall = Mean(sq(x(k) - x_star)) - Mean(sq(x(k + 1) - x_star)) + 2 * gamma**2 * sigma_star
    step = proof.certificate(
        Ge(fall, gamma * Mean(gap)),
        [
            (1, expected_step(proof, k)),
            (2 * gamma, proof.mean(tangent(proof, x(k), x_star, "j"))),
            (gamma, proof.product(short, least)),
        ],
    )
    # Jensen's inequality for x_bar comes with the sum: the tangent at x_bar, kept in the potential by partial sums.
    jensen = proof.mean(tangent(proof, x_bar, x(k), "l"))
    slope = f.grad(x_bar)
    level = Mean(f(x_bar) - f(x_star) - Inner(slope, x_bar))
    energy = lambda s: (
        Mean(sq(x(s) - x_star))
        + s * (gamma * level - 2 * gamma**2 * sigma_star)
        + gamma * Mean(Inner(slope, partial(s)))
    )
    decrease = proof.certificate(
        Ge(energy(k), energy(k + 1)), [(1, step), (gamma, jensen)], using=[proof.assume(average[0], k)]
    )
    total = proof.telescoped(decrease, energy(k), k, 0, T)
    begin = proof.mean(proof.assume(start(x(0), x_star, R)))
    end = proof.mean(proof.certificate(Ge(sq(x(T) - x_star), 0), [], [(1, x(T) - x_star)]))
    proof.conclude(
        proof.certificate(
            Le(Mean(f(x_bar) - f(x_star)), R**2 / (gamma * T) + 2 * gamma * sigma_star),
            [(1 / (gamma * T), total), (1 / (gamma * T), end), (-1 / (gamma * T), begin)],
            using=[proof.assume(average[1]), proof.assume(average[2])],
        )
    )


@sgd_convex.experiment(
    cases=[
        {"family": "mixed", "dimension": 4},
        {"family": "huber", "dimension": 1},
        {"family": "additive", "dimension": 1, "near": 1},
    ],
    samples={"smoke": 40_000, "standard": 1_000_000, "full": 50_000_000},
)
def averages(xp, rng, case, size):
    n, d, shared = case.n, case.dimension, rng.shared
    radius = 1e-3 * case.gamma if "near" in case else log_uniform(xp, shared, (), 0.1, 10)
    begin = radius * shared.sphere((d,))
    ones, still = xp.ones((n, d)), xp.zeros((n, d))
    if case.family == "huber":  # turns where gradient descent's average is slowest
        F = FiniteSum(
            xp, case.L_max * ones, still, radius / (case.gamma * case.L_max * (case.T - 1) + 1) * xp.ones((d,))
        )
    elif case.family == "additive":  # the curvature at which noise hurts the average most
        F = FiniteSum(xp, min(case.L_max, 2 / (case.gamma * case.T)) * ones, balanced_tilts(xp, shared, (n, d)))
    else:
        turn = radius * log_uniform(xp, shared, (d,), 1e-2, 10)
        curvature = case.L_max * mixed_uniform(shared, (n, d))
        F = FiniteSum(xp, curvature, mixed_uniform(shared, ()) * balanced_tilts(xp, shared, (n, d)), turn)
    path = run(xp, rng, F, begin + xp.zeros((size, d)), case.gamma, case.T)
    mean = sum(path[1:-1], path[0]) / case.T
    return {"quantity": F.value(mean), "R": radius, "sigma_star": F.noise()}
