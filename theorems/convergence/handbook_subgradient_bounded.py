"""The projected stochastic subgradient method on a bounded set, without a horizon (after Garrigos & Gower 2023).

For a convex f, x_{t+1} = P(x_t - gamma/sqrt(t + 1) g_t) with P the projection onto a closed convex set of diameter D
that contains the minimiser x* (of f over the set) and x_0, unbiased subgradients with E|g_t|^2 <= G^2, and
xbar_T = (x_0 + ... + x_{T-1})/T:

    E f(xbar_T) - f*  <=  (D^2/(2 gamma) + gamma G^2)/sqrt(T)        ( = sqrt(2) D G/sqrt(T) for gamma = D/(sqrt(2) G) )

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Ge, Le, Rational, sqrt, symbols

from gdverify import Assumption, Claim, Inner, Integers, Mean, MeanBound, Mutant, Positive, Vector, VectorSequence, sq
from gdverify.classes import convex, recursion
from gdverify.instances import clip
from gdverify.laws import equation
from theorems import PAPERS
from theorems.convergence.subgradients import (
    G,
    T,
    expected_step,
    f,
    gamma,
    moment,
    normal,
    scale,
    t,
    unbiased,
    update,
    x,
    x_star,
)

D = symbols("D", positive=True)
x_bar, partial = Vector("x_bar"), VectorSequence("s")
step = lambda s: gamma / sqrt(s + 1)
rule = update(step(t))
diameter = Assumption(
    "the set has diameter D",
    lambda s: Ge(D**2, sq(x(s) - x_star), evaluate=False),
    latex=r"\|x_t-x^\star\|\le D",
    key=("diameter", D),
)
average = [
    recursion(partial(t + 1), partial(t) + x(t)),
    equation("no iterate summed at first", partial(0), 0),
    equation("x_bar is the mean of x_0, ..., x_{T-1}", partial(T), T * x_bar),
]

subgradient_bounded = Claim(
    id="handbook.subgradient-bounded-domain",
    title="The stochastic subgradient method on a bounded set: O(1/sqrt(T)) without a horizon",
    paper=PAPERS["handbook"],
    locator="stochastic subgradient method, bounded domain, decreasing step; constants derived here",
    statement=r"f \text{ convex},\ \operatorname{diam} C\le D,\ \mathbb{E}\|g_t\|^2\le G^2,\ "
    r"\gamma_t=\tfrac{\gamma}{\sqrt{t+1}},\ T\ge1:\quad"
    r" \mathbb{E} f(\bar x_T)-f^\star \le \frac{1}{\sqrt T}\Bigl(\frac{D^2}{2\gamma}+\gamma G^2\Bigr)",
    symbols={
        **scale,
        gamma: Positive(sample=(Rational(1, 10), 10), log=True),
        D: Positive(sample=(Rational(1, 4), 4)),
        T: Integers(1, sample=(1, 60)),
    },
    assumptions=[convex(f), unbiased, moment, normal, diameter, rule, *average],
    decides=MeanBound(quantity=f(x_bar) - f(x_star), bound=(D**2 / (2 * gamma) + gamma * G**2) / sqrt(T)),
    mutants=[
        Mutant(
            "a third of the first term",
            decides={"bound": (D**2 / (6 * gamma) + gamma * G**2) / sqrt(T)},
            cases=({"family": "slow", "dimension": 1, "T": 1, "G": 1, "D": 1, "gamma": Rational(7, 10)},),
        ),
        Mutant(
            "nothing for the steps",
            decides={"bound": D**2 / (2 * gamma) / sqrt(T)},
            cases=({"family": "slow", "dimension": 1, "T": 16, "G": 1, "D": 1, "gamma": 10},),
        ),
        Mutant(
            "decay like 1/T",
            decides={"bound": (D**2 / (2 * gamma) + gamma * G**2) / T},
            cases=({"family": "slow", "dimension": 1, "T": 60, "G": 1, "D": 4, "gamma": Rational(1, 2)},),
        ),
        Mutant("a set of any size", drop=("the set has diameter D",), by=("derivation",)),
        Mutant("f need not be convex", drop=("f is convex",), by=("derivation",)),
    ],
    notes="Loose by sqrt(2) at T = 1 with gamma = D/(sqrt(2) G), where f = G|x| starts at the far end of [0, D].",
)


@subgradient_bounded.derivation
def telescoping(proof):
    k = proof.index("k")
    tangent = proof.mean(proof.assume(convex(f), x(k), x_star))
    # Jensen's inequality for x_bar comes with the sum: the tangent at x_bar, kept in the potential by partial sums.
    jensen = proof.mean(proof.assume(convex(f), x_bar, x(k)))
    slope = f.grad(x_bar)
    level = Mean(f(x_bar) - f(x_star) - Inner(slope, x_bar))
    # sqrt(k + 1) (r_k - r_{k+1}) <= (sqrt(k) r_k - sqrt(k) D^2) - (the same at k + 1), and 1/(2 sqrt(k + 1)) <=
    # sqrt(k + 1) - sqrt(k)
    energy = lambda s: (
        sqrt(s) * (Mean(sq(x(s) - x_star)) - D**2) / (2 * gamma)
        + s * level
        + Mean(Inner(slope, partial(s)))
        - gamma * G**2 * sqrt(s)
    )
    root = sqrt(k + 1)
    rises = proof.certificate(Ge(root - sqrt(k), 0), [], [(1 / (root + sqrt(k)), 1)])
    inside = proof.mean(proof.assume(diameter, k))
    decrease = proof.certificate(
        Ge(energy(k), energy(k + 1)),
        [(root / (2 * gamma), expected_step(proof, rule, step(k), k)), (1, tangent), (1, jensen),
         (rises.left / (2 * gamma), inside)],
        [(gamma * G**2 / (2 * root), root - sqrt(k))],
        using=[proof.assume(average[0], k)],
    )  # fmt: skip
    total = proof.telescoped(decrease, energy(k), k, 0, T)
    end = proof.mean(proof.certificate(Ge(sq(x(T) - x_star), 0), [], [(1, x(T) - x_star)]))
    proof.conclude(
        proof.certificate(
            Le(Mean(f(x_bar) - f(x_star)), (D**2 / (2 * gamma) + gamma * G**2) / sqrt(T)),
            [(1 / T, total), (sqrt(T) / (2 * gamma * T), end)],
            using=[proof.assume(average[1]), proof.assume(average[2])],
        )
    )


@subgradient_bounded.experiment(
    cases=[
        {"family": "slow", "dimension": 1},
        {"family": "noisy", "dimension": 1},
        {"family": "noisy", "dimension": 3},
    ],
    samples={"smoke": 20_000, "standard": 1_000_000, "full": 50_000_000},
)
def averages(xp, rng, case, size):
    """f = sum s_i |x_i - c_i| on the cube [0, B]^d, noise +-nu_i in each coordinate, |s|^2 + |nu|^2 = G^2."""
    d, shared = case.dimension, rng.shared
    share = 1.0 if case.family == "slow" else shared.uniform((), 0.1, 0.9)
    B = case.D / d**0.5
    s = case.G * share**0.5 * xp.abs(shared.sphere((d,)))
    nu = case.G * (1 - share) ** 0.5 * xp.abs(shared.sphere((d,)))
    centre = 0.0 if case.family == "slow" else B * shared.uniform((d,))
    here = B + xp.zeros((size, d))
    flips = rng.signs((size, case.T, d))
    total = 0 * here
    for k in range(case.T):
        total = total + here
        g = s * xp.sign(here - centre) + nu * flips[:, k, :]
        here = B / 2 + clip(xp, here - case.gamma / (k + 1) ** 0.5 * g - B / 2, B / 2)
    return {"quantity": xp.sum(s * xp.abs(total / case.T - centre), axis=-1)}
