"""The invariant variance of accelerated SGD with label noise (on Zhang, Daneshmand and Hofmann 2019).

In one dimension, with unit curvature, step gamma and momentum beta,

    y_k = x_k + beta (x_k - x_{k-1}),    x_{k+1} = y_k - gamma (y_k + e_{k+1}),

    E e = 0,  E e^2 = sigma^2, independent of the past,

a stationary chain has

    E x^2 = gamma sigma^2 (1 + (1-gamma) beta) / [(1 - (1-gamma) beta) (1 + (1-gamma)(1 + 2 beta))],

which is that of SGD, gamma sigma^2/(2 - gamma), only for beta = 0.  So in this standard form of Nesterov's method
SGD and accelerated SGD do not share their invariant law at equal step; whether another parametrisation of the paper
makes them share it was not examined.  Setting of arXiv:1910.14616; the formula is derived here.
"""

import math

from sympy import Eq, Function, Gt, Rational, Symbol, symbols

from gdverify import Assumption, Claim, Interval, Mean, MeanEquals, Mutant, Positive
from theorems import PAPERS

gamma, sigma = symbols("gamma sigma", positive=True)
beta = Symbol("beta", nonnegative=True)
x, e = Function("x"), Function("e")
slow = 1 - gamma
# x_{k+2} = a_1 x_{k+1} + a_2 x_k - gamma e_{k+2}
a_1, a_2 = slow * (1 + beta), -slow * beta
variance = gamma * sigma**2 * (1 + slow * beta) / ((1 - slow * beta) * (1 + slow * (1 + 2 * beta)))


def indexed(name, relations, latex=""):
    return Assumption(name, lambda k: relations(k), latex=latex, key=(name,), where=lambda k: [k])


same = lambda left, right: Eq(left, right, evaluate=False)
update = indexed(
    "accelerated step",
    lambda k: same(
        x(k + 2), x(k + 1) + beta * (x(k + 1) - x(k)) - gamma * (x(k + 1) + beta * (x(k + 1) - x(k)) + e(k + 2))
    ),
    r"x_{k+1}=y_k-\gamma(y_k+e_{k+1}),\ y_k=x_k+\beta(x_k-x_{k-1})",
)
noise = indexed(
    "noise is centred and independent of the past",
    lambda k: [
        same(Mean(e(k + 2) * x(k + 1)), 0),
        same(Mean(e(k + 2) * x(k)), 0),
        same(Mean(e(k + 2) ** 2), sigma**2),
    ],
)
stationary = indexed(
    "the chain is stationary",
    lambda k: [same(Mean(x(k + 1) ** 2), Mean(x(k) ** 2)), same(Mean(x(k + 1) * x(k + 2)), Mean(x(k) * x(k + 1)))],
)

invariant_variance = Claim(
    id="sagd-mixing.invariant-variance",
    title="With label noise the invariant variance of accelerated SGD is not that of SGD",
    paper=PAPERS["sagd-mixing"],
    locator="setting of the abstract, standard Nesterov form; formula derived here",
    statement=r"\mathbb{E}x^2 = \frac{\gamma\sigma^2(1+(1-\gamma)\beta)}{(1-(1-\gamma)\beta)(1+(1-\gamma)(1+2\beta))}",
    symbols={
        gamma: Interval(0, 1, open="both", sample=(Rational(1, 20), Rational(9, 10))),
        beta: Interval(0, 1, open="right", sample=(0, Rational(9, 10))),
        sigma: Positive(sample=(1, 4)),
    },
    assumptions=[update, noise, stationary],
    decides=MeanEquals(quantity=x(0) ** 2, bound=variance, tol=0.05),
    mutants=[
        Mutant(
            "the variance of SGD",
            decides={"bound": gamma * sigma**2 / (2 - gamma)},
            cases=({"family": "gaussian", "gamma": Rational(1, 2), "beta": Rational(1, 2)},),
        ),
        Mutant("10% more", decides={"bound": 11 * variance / 10}),
        Mutant(
            "1 + beta for 1 + 2 beta",
            decides={"bound": variance * (1 + slow * (1 + 2 * beta)) / (1 + slow * (1 + beta))},
            cases=({"family": "signs", "gamma": Rational(1, 4), "beta": Rational(3, 4)},),
        ),
        Mutant("the noise may be biased", drop=(noise.name,), by=("derivation",)),
    ],
    notes="As gamma -> 0 it is about gamma sigma^2/(2 (1 - beta)), that of SGD at step gamma/(1 - beta). Experiments "
    "draw Gaussian and two-valued noise, and start from rest, until what is left of the start is below 1e-6.",
)


@invariant_variance.derivation
def moments(proof):
    move = proof.assume(update, 0)
    with_last, with_first, size = proof.assume(noise, 0)
    level, correlation = proof.assume(stationary, 0)
    level_next, _ = proof.assume(stationary, 1)
    next_squared = proof.mean(
        proof.certificate(same(x(2) ** 2, (a_1 * x(1) + a_2 * x(0) - gamma * e(2)) ** 2), using=[move])
    )
    lagged = proof.mean(
        proof.certificate(same(x(1) * x(2), x(1) * (a_1 * x(1) + a_2 * x(0) - gamma * e(2))), using=[move])
    )
    # Two equations for V = E x_0^2 and C = E x_0 x_1.
    V, C = Mean(x(0) ** 2), Mean(x(0) * x(1))
    power = proof.certificate(
        same((1 - a_1**2 - a_2**2) * V - 2 * a_1 * a_2 * C, gamma**2 * sigma**2),
        [
            (1, next_squared), (-1, level_next), (a_1**2 - 1, level), (gamma**2, size),
            (-2 * a_1 * gamma, with_last), (-2 * a_2 * gamma, with_first),
        ],
    )  # fmt: skip
    lag = proof.certificate(
        same((1 - a_2) * C, a_1 * V), [(1, lagged), (-1, correlation), (a_1, level), (-gamma, with_last)]
    )
    proof.certificate(Gt(1 - slow * beta, 0), [(1, proof.high(beta)), (gamma, proof.low(beta))])
    proof.certificate(Gt(1 + slow * (1 + 2 * beta), 0), [(1 + 2 * beta, proof.high(gamma))], [(1, 1)])
    weight = gamma * (1 - slow * beta) * (1 + slow * (1 + 2 * beta))
    proof.conclude(
        proof.certificate(
            same(V, variance),
            [((1 + slow * beta) / weight, power), (2 * a_1 * a_2 / weight, lag)],
        )
    )


@invariant_variance.experiment(
    cases=[{"family": "gaussian"}, {"family": "signs"}],
    samples={"smoke": 120_000, "standard": 1_000_000, "full": 50_000_000},
)
def chain(xp, rng, case, size):
    """Enough steps from rest for what is left of the start to be below 1e-6 of the variance."""
    slow = 1 - case.gamma
    radius = max(slow, (slow * case.beta) ** 0.5)
    steps = int(-15 / math.log(radius)) + 5
    before = here = xp.zeros((size,))
    for _ in range(steps):
        draw = rng.normal((size,)) if case.family == "gaussian" else rng.signs((size,))
        y = here + case.beta * (here - before)
        before, here = here, y - case.gamma * (y + case.sigma * draw)
    return {"quantity": here * here}
