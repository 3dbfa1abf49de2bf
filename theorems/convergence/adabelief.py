"""AdaBelief tracks the variance of the gradients, Adam their second moment (on Zhuang et al. 2020).

For independent gradients g_t with mean m and variance sigma^2,

    m_t = beta_1 m_{t-1} + (1 - beta_1) g_t,     s_t = beta_2 s_{t-1} + (1 - beta_2) (g_t - m_t)^2,

a stationary AdaBelief has E s = 2 beta_1^2 sigma^2/(1 + beta_1), whatever m is; Adam's v_t, with g_t^2 in place of
(g_t - m_t)^2, has E v = m^2 + sigma^2.  Setting of the abstract; the formula is derived here.
"""

import math

from sympy import Eq, Function, Gt, Rational, Symbol, symbols

from gdverify import Assumption, Claim, Interval, Mean, MeanEquals, Mutant, Positive, Reals
from theorems import PAPERS

sigma = Symbol("sigma", positive=True)
mean = Symbol("m", real=True)
beta_1, beta_2 = symbols("beta_1 beta_2", nonnegative=True)
g, average, belief = Function("g"), Function("m_t"), Function("s")


def indexed(name, relations, latex=""):
    return Assumption(name, relations, latex=latex, key=(name,), where=lambda k: [k])


same = lambda left, right: Eq(left, right, evaluate=False)
momentum = indexed("momentum", lambda k: same(average(k + 1), beta_1 * average(k) + (1 - beta_1) * g(k + 1)))
spread = indexed(
    "belief", lambda k: same(belief(k + 1), beta_2 * belief(k) + (1 - beta_2) * (g(k + 1) - average(k + 1)) ** 2)
)
gradients = indexed(
    "gradients are independent of the past, with mean m and variance sigma^2",
    lambda k: [
        same(Mean(g(k + 1)), mean),
        same(Mean(g(k + 1) ** 2), mean**2 + sigma**2),
        same(Mean(g(k + 1) * average(k)), mean * Mean(average(k))),
    ],
)
stationary = indexed(
    "the chain is stationary",
    lambda k: [same(Mean(q(k + 1)), Mean(q(k))) for q in (average, lambda k: average(k) ** 2, belief)],
)
value = 2 * beta_1**2 * sigma**2 / (1 + beta_1)

variance_tracking = Claim(
    id="adabelief.variance-tracking",
    title="AdaBelief's second moment is a multiple of the gradients' variance, whatever their mean",
    paper=PAPERS["adabelief"],
    locator="setting of the abstract; formula derived here",
    statement=r"\mathbb{E}s = \frac{2\beta_1^2\sigma^2}{1+\beta_1}",
    symbols={
        beta_1: Interval(0, 1, open="right", sample=(Rational(1, 4), Rational(9, 10))),
        beta_2: Interval(0, 1, open="right", sample=(Rational(1, 2), Rational(9, 10))),
        mean: Reals(sample=(-5, 5)),
        sigma: Positive(sample=(Rational(1, 2), 2)),
    },
    assumptions=[momentum, spread, gradients, stationary],
    decides=MeanEquals(quantity=belief(0), bound=value, tol=0.05),
    mutants=[
        Mutant("the variance", decides={"bound": sigma**2}),
        Mutant(
            "one power of beta_1",
            decides={"bound": value / beta_1},
            cases=({"family": "gaussian", "beta_1": Rational(1, 2)},),
        ),
        Mutant("the mean enters", decides={"bound": value + mean**2 / 100}, cases=({"family": "signs", "m": 5},)),
        Mutant("gradients may depend on the past", drop=(gradients.name,), by=("derivation",)),
    ],
    notes="Experiments draw Gaussian and two-valued gradients, and run from rest until 1e-6 of the start is left.",
)


@variance_tracking.derivation
def moments(proof):
    centre, power, cross = proof.assume(gradients, 0)
    level, square, steady = proof.assume(stationary, 0)
    move = proof.assume(momentum, 0)
    first = proof.mean(move)
    second = proof.mean(
        proof.certificate(same(average(1) ** 2, (beta_1 * average(0) + (1 - beta_1) * g(1)) ** 2), using=[move])
    )
    update = proof.mean(
        proof.certificate(
            same(belief(1), beta_2 * belief(0) + (1 - beta_2) * beta_1**2 * (g(1) - average(0)) ** 2),
            using=[proof.assume(spread, 0), move],
        )
    )
    m_1, m_2 = Mean(average(0)), Mean(average(0) ** 2)
    slow = proof.certificate(Gt(1 - beta_1, 0), [(1, proof.high(beta_1))])
    proof.certificate(Gt(1 - beta_2, 0), [(1, proof.high(beta_2))])
    one = proof.certificate(
        same(m_1, mean),
        [(-1 / slow.left, level), (1 / slow.left, first), (1, centre)],
    )
    two = proof.certificate(
        same((1 - beta_1**2) * m_2, 2 * beta_1 * (1 - beta_1) * mean**2 + (1 - beta_1) ** 2 * (mean**2 + sigma**2)),
        [
            (-1, square), (1, second), (2 * beta_1 * (1 - beta_1), cross), ((1 - beta_1) ** 2, power),
            (2 * beta_1 * (1 - beta_1) * mean, one),
        ],
    )  # fmt: skip
    proof.conclude(
        proof.certificate(
            same(Mean(belief(0)), value),
            [
                (-1 / (1 - beta_2), steady), (1 / (1 - beta_2), update), (beta_1**2, power), (-2 * beta_1**2, cross),
                (-2 * beta_1**2 * mean, one), (beta_1**2 / (1 - beta_1**2), two),
            ],
        )
    )  # fmt: skip


@variance_tracking.experiment(
    cases=[{"family": "gaussian"}, {"family": "signs"}],
    samples={"smoke": 60_000, "standard": 1_000_000, "full": 50_000_000},
)
def chain(xp, rng, case, size):
    steps = int(-14 / math.log(max(case.beta_1, case.beta_2))) + 5
    average = spread = xp.zeros((size,))
    for _ in range(steps):
        draw = rng.normal((size,)) if case.family == "gaussian" else rng.signs((size,))
        gradient = case.m + case.sigma * draw
        average = case.beta_1 * average + (1 - case.beta_1) * gradient
        spread = case.beta_2 * spread + (1 - case.beta_2) * (gradient - average) ** 2
    return {"quantity": spread}
