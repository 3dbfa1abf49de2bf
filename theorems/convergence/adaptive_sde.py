"""The square root scaling rule (on "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms", 2022).

Where noise dominates, RMSprop divides gradients lam x + (sigma/sqrt(B)) z of batches of B by their own noise level:

    x_{t+1} = x_t - eta (lam x_t + (sigma/sqrt(B)) z_t)/(sigma/sqrt(B)),     z_t independent, mean 0, variance 1.

With batches of kappa B and the rate sqrt(kappa) eta the stationary law has the second moment

    E x^2  =  (eta sigma/(2 sqrt(B) lam))/(1 - kappa a/2),     a = eta sqrt(B) lam/sigma,

and x moves at the speed kappa a a step, that is a for each step that it replaces: to first order in eta nothing depends
on kappa.  With the rate kappa eta (the linear rule) E x^2 grows by sqrt(kappa), with eta itself it falls by that.

The rule is the paper's; the setting (one quadratic direction, the second moment at its stationary value) and the
formulas are ours.
"""

import math

from sympy import Eq, Function, Gt, Rational, sqrt, symbols

from gdverify import Assumption, Claim, Interval, Mean, MeanEquals, Mutant, Positive
from theorems import PAPERS

lam, sigma, B, kappa, rho, eta = symbols("lam sigma B kappa rho eta", positive=True)
x, z = Function("x"), Function("z")
same = lambda left, right: Eq(left, right, evaluate=False)
noise, speed = sigma / sqrt(kappa * B), kappa * eta * sqrt(B) * lam / sigma


def indexed(name, relations, latex=""):
    return Assumption(name, relations, latex=latex, key=(name,), where=lambda t: [t])


update = indexed(
    "update",
    lambda t: same(x(t + 1), x(t) - rho * eta * (lam * x(t) + noise * z(t)) / noise),
    latex=r"x_{t+1}=x_t-\rho\eta\,\frac{\lambda x_t+\sigma z_t/\sqrt{\kappa B}}{\sigma/\sqrt{\kappa B}}",
)
fresh = indexed(
    "noise is independent of the past, with mean 0 and variance 1",
    lambda t: [same(Mean(x(t) * z(t)), 0), same(Mean(z(t) ** 2), 1)],
)
stationary = indexed("the chain is stationary", lambda t: same(Mean(x(t + 1) ** 2), Mean(x(t) ** 2)))
value = eta * sigma / (2 * sqrt(B) * lam) / (1 - speed / 2)
most = 2 * sigma / (kappa * sqrt(B) * lam)
small = {"noise": "gaussian", "kappa": 4, "B": 1, "lam": 1, "sigma": 1, "eta": Rational(1, 40)}

square_root_rule = Claim(
    id="adaptive-sde-scaling.square-root-rule",
    title="With batches kappa B and the rate sqrt(kappa) eta the spread stays the same to first order in eta",
    paper=PAPERS["adaptive-sde-scaling"],
    locator="the square root rule, for one quadratic direction; formula derived here",
    statement=r"\rho=\sqrt\kappa:\quad \mathbb{E}x^2 ="
    r" \frac{\eta\sigma}{2\sqrt B\,\lambda}\Big/\Big(1-\frac{\kappa\eta\sqrt B\,\lambda}{2\sigma}\Big)",
    symbols={
        lam: Positive(sample=(Rational(1, 2), 2)),
        sigma: Positive(sample=(Rational(1, 2), 2)),
        B: Positive(sample=(1, 16)),
        kappa: Positive(sample=(1, 8)),
        eta: Interval(0, most, open="both", sample=(most / 16, 3 * most / 4)),
    },
    defines={rho: sqrt(kappa)},
    assumptions=[update, fresh, stationary],
    decides=MeanEquals(quantity=x(0) ** 2, bound=value, tol=0.05),
    mutants=[
        Mutant("the linear rule", defines={rho: kappa}, cases=(small,)),
        Mutant("the rate stays", defines={rho: kappa / kappa}, cases=(small,)),
        Mutant("the exponent 2/5", defines={rho: kappa ** Rational(2, 5)}, cases=(small,)),
        Mutant("no second order", decides={"bound": eta * sigma / (2 * sqrt(B) * lam)}),
        Mutant("noise that knows the past", drop=(fresh.name,), by=("derivation",)),
    ],
    notes="The experiment draws Gaussian noise and signs.",
)


@square_root_rule.derivation
def balance(proof):
    for scale in (1, 2):
        proof.certificate(Gt(scale - scale * speed / 2, 0), [(scale * speed / (2 * eta), proof.high(eta))])
    move, (cross, size), still = proof.assume(update, 0), proof.assume(fresh, 0), proof.assume(stationary, 0)
    rate = sqrt(kappa) * eta
    point = (1 - speed) * x(0) - rate * z(0)
    after = proof.mean(proof.certificate(same(x(1) ** 2, point**2), using=[move, proof.definition(rho)]))
    total = speed * (2 - speed)
    proof.conclude(
        proof.certificate(
            same(Mean(x(0) ** 2), value),
            [
                (-1 / total, still),
                (1 / total, after),
                (-2 * (1 - speed) * rate / total, cross),
                (rate**2 / total, size),
            ],
        )
    )


@square_root_rule.experiment(
    cases=[{"noise": "gaussian"}, {"noise": "signs"}],
    samples={"smoke": 200_000, "standard": 1_000_000, "full": 50_000_000},
)
def long_run(xp, rng, case, size):
    """From the origin until a thousandth of the start would be left, computed as the method does."""
    level = math.sqrt(case.sigma**2 / (case.kappa * case.B))
    rate = case.rho * case.eta
    slow = abs(1 - rate * case.lam / level)
    point = xp.zeros((size,))
    for _ in range(math.ceil(-7 / math.log(slow)) if slow > 1e-3 else 2):
        draw = rng.normal((size,)) if case.noise == "gaussian" else rng.signs((size,))
        point = point - rate * (case.lam * point + level * draw) / level
    return {"quantity": point * point}
