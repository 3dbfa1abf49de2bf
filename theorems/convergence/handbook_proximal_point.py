"""The stochastic proximal point method: the averaged iterate (after Garrigos & Gower 2023).

For f = (f_1 + ... + f_n)/n with every f_i convex and G-Lipschitz, x_{t+1} = prox_{gamma f_i}(x_t) with i uniform, which
is to say x_{t+1} = x_t - gamma g with g a subgradient of f_i at x_{t+1}, and xbar_T = (x_0 + ... + x_{T-1})/T:

    gamma > 0:    E f(xbar_T) - f*  <=  R^2/(2 gamma T) + gamma G^2/2

with R = |x_0 - x*|.

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Ge, Le, Rational

from gdverify import Claim, Inner, Integers, Mean, MeanBound, Mutant, Observed, Positive, Vector, VectorSequence, sq
from gdverify.classes import recursion, start
from gdverify.instances import clip, log_uniform
from gdverify.laws import equation
from theorems import PAPERS
from theorems.convergence.finite_sums import (
    Part,
    R,
    T,
    draw,
    f,
    gamma,
    n,
    parts_convex,
    sampling,
    t,
    tangent,
    whole,
    x,
    x_star,
)
from theorems.convergence.handbook_sps_means import G, parts_lipschitz

x_bar, partial = Vector("x_bar"), VectorSequence("s")
update = recursion(x(t + 1), x(t) - gamma * Part(draw(t)).grad(x(t + 1)), t)
average = [
    recursion(partial(t + 1), partial(t) + x(t)),
    equation("no iterate summed at first", partial(0), 0),
    equation("x_bar is the mean of x_0, ..., x_{T-1}", partial(T), T * x_bar),
]
gap = f(x_bar) - f(x_star)

proximal_point = Claim(
    id="handbook.stochastic-proximal-point",
    title="The stochastic proximal point method on Lipschitz functions: the averaged iterate",
    paper=PAPERS["handbook"],
    locator="stochastic proximal point, convex and Lipschitz; constants derived here",
    statement=r"f_i \text{ convex and } G\text{-Lipschitz},\ \gamma>0,\ T\ge1:\quad"
    r" \mathbb{E} f(\bar x_T)-f^\star \le \frac{\|x_0-x^\star\|^2}{2\gamma T}+\frac{\gamma G^2}{2}",
    symbols={
        n: Integers(1, sample=(2, 8)),
        G: Positive(sample=(Rational(1, 4), 4)),
        gamma: Positive(sample=(Rational(1, 100), 10), log=True),
        T: Integers(1, sample=(1, 40)),
        R: Observed(0, open="left"),
    },
    assumptions=[parts_convex, whole, sampling, parts_lipschitz, update, start(x(0), x_star, R), *average],
    decides=MeanBound(quantity=gap, bound=R**2 / (2 * gamma * T) + gamma * G**2 / 2),
    mutants=[
        Mutant(
            "8% off the first term",
            decides={"bound": Rational(23, 25) * R**2 / (2 * gamma * T) + gamma * G**2 / 2},
            cases=({"family": "slow", "dimension": 1, "T": 16},),
        ),
        Mutant(
            "a fifth off the second term",
            decides={"bound": R**2 / (2 * gamma * T) + Rational(4, 5) * gamma * G**2 / 2},
            cases=({"family": "slow", "dimension": 1, "T": 1},),
        ),
        Mutant(
            "no price for the step",
            decides={"bound": R**2 / (2 * gamma * T)},
            cases=({"family": "slow", "dimension": 1, "T": 4},),
        ),
        Mutant("the parts need not be Lipschitz", drop=("every f_i is G-Lipschitz",), by=("derivation",)),
        Mutant("the parts need not be convex", drop=("every f_i is convex",), by=("derivation",)),
    ],
    notes="Attained for every T and gamma by equal parts G|x| with R = gamma G T.",
)


@proximal_point.derivation
def telescoping(proof):
    k = proof.index("k")
    drawn, d, after = Part(draw(k)), x(k) - x_star, x(k + 1) - x_star
    g, next_g = drawn.grad(x(k)), drawn.grad(x(k + 1))
    surely = proof.certificate(
        Ge(sq(d) - sq(after) + gamma**2 * G**2, 2 * gamma * (drawn(x(k)) - drawn(x_star))),
        [(2 * gamma, proof.assume(parts_convex, draw(k), x(k + 1), x_star)),
         (2 * gamma, proof.assume(parts_convex, draw(k), x(k), x(k + 1))),
         (gamma**2, proof.assume(parts_lipschitz, draw(k), x(k)))],
        [(gamma**2, g - next_g)],
        using=[proof.assume(update, k)],
    )  # fmt: skip
    value, low, _, _ = proof.assume(sampling, k)
    # Jensen's inequality for x_bar comes with the sum: the tangent at x_bar, kept in the potential by partial sums.
    jensen = proof.mean(tangent(proof, x_bar, x(k), "l"))
    slope = f.grad(x_bar)
    level = Mean(gap - Inner(slope, x_bar))
    energy = lambda s: (
        Mean(sq(x(s) - x_star)) + s * (2 * gamma * level - gamma**2 * G**2) + 2 * gamma * Mean(Inner(slope, partial(s)))
    )
    decrease = proof.certificate(
        Ge(energy(k), energy(k + 1)),
        [(1, proof.mean(surely)), (2 * gamma, value), (-2 * gamma, low), (2 * gamma, jensen)],
        using=[proof.assume(average[0], k)],
    )
    total = proof.telescoped(decrease, energy(k), k, 0, T)
    begin = proof.mean(proof.assume(start(x(0), x_star, R)))
    end = proof.mean(proof.certificate(Ge(sq(x(T) - x_star), 0), [], [(1, x(T) - x_star)]))
    c = 1 / (2 * gamma * T)
    proof.conclude(
        proof.certificate(
            Le(Mean(gap), R**2 * c + gamma * G**2 / 2),
            [(c, total), (c, end), (-c, begin)],
            using=[proof.assume(average[1]), proof.assume(average[2])],
        )
    )


@proximal_point.experiment(
    cases=[
        {"family": "slow", "dimension": 1},
        {"family": "medians", "dimension": 1},
        {"family": "medians", "dimension": 3},
    ],
    samples={"smoke": 20_000, "standard": 1_000_000, "full": 50_000_000},
)
def averages(xp, rng, case, size):
    """f_i(x) = G |x - c_i|_1/sqrt(d) with 0 a median of the c_i in every coordinate."""
    n, d, shared = case.n, case.dimension, rng.shared
    radius = case.gamma * case.G * case.T
    if case.family == "slow":  # the path never turns
        centre = xp.zeros((n, d))
    else:
        radius = radius * log_uniform(xp, shared, (), 1e-2, 2)
        centre = radius * shared.uniform((n, d), -1, 1)
        centre = xp.sort(centre, axis=0) - xp.sort(centre, axis=0)[n // 2, :]
        centre = centre * xp.astype(xp.arange(n) != n // 2 - 1, xp.float64)[:, None]  # no other median for an even n
    here = radius * shared.sphere((d,)) + xp.zeros((size, d))
    drawn = rng.integers(0, n, (size, case.T))
    total, slope = 0 * here, case.G / d**0.5
    for s in range(case.T):
        total = total + here
        here = here - clip(xp, here - xp.take(centre, drawn[:, s], axis=0), case.gamma * slope)
    mean = total / case.T
    values = sum(xp.sum(xp.abs(mean - centre[i, :]) - xp.abs(centre[i, :]), axis=-1) for i in range(n))
    return {"quantity": xp.maximum(0 * values, slope * values / n), "R": radius}  # rounding may fall below 0
