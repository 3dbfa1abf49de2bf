"""Preconditioned gradient descent for over-parameterised matrix sensing, in a superfluous mode (Xu et al. 2023).

ScaledGD(lambda) in an eigendirection of the target in which it is zero, with all measurements:

    x+ = x - eta x^3/(x^2 + lambda),      1/x_T^2  <=  1/x_0^2 + 2 eta T/lambda      for eta <= 2/3:

superfluous modes never fall exponentially, so that the error stalls at the scale of the start (the paper's alpha).

Reference: arXiv:2302.01186; the constant is derived here.
"""

from sympy import Ge, Gt, Le, Rational, Symbol

from gdverify import Claim, Integers, Interval, Mutant, Observed, Positive, SureBound
from gdverify.classes import recursion
from gdverify.laws import equation
from theorems import PAPERS
from theorems.edge_of_stability.scaledgd import T, eta, lam, run, t, third, x

x0 = Symbol("x_0", positive=True)
null_step = recursion(x(t + 1), x(t) - eta * x(t) ** 3 / (x(t) ** 2 + lam))
null_start = equation("start of x", x(0), x0)
slope = 2 * eta / lam

floor = Claim(
    id="scaledgd-lambda.no-exact-convergence-floor",
    title="ScaledGD(lambda) never makes a superfluous mode fall faster than 1/T",
    paper=PAPERS["scaledgd-lambda"],
    locator="one mode of the population loss; constant derived here",
    statement=r"m=0,\ \eta\le\tfrac23:\quad \frac1{x_T^2}\le\frac1{x_0^2}+\frac{2\eta}{\lambda}\,T",
    symbols={
        lam: Positive(sample=(Rational(1, 100), 10)),
        eta: Interval(0, 2 * third, open="left", sample=(Rational(1, 10), 2 * third)),
        T: Integers(1, sample=(1, 100)),
        x0: Observed(0, open="left"),
    },
    assumptions=[null_step, null_start],
    decides=SureBound(quantity=x(T) ** -2, bound=x0**-2 + slope * T),
    mutants=[
        Mutant(
            "1% less", decides={"bound": x0**-2 + Rational(99, 100) * slope * T}, cases=({"T": 1, "size": "small"},)
        ),
        Mutant("lambda at half weight", decides={"bound": x0**-2 + eta * T / lam}),
        Mutant(
            "steps up to 1",
            symbols={eta: Interval(0, 1, open="left")},
            cases=({"eta": Rational(9, 10), "T": 1},),
        ),
    ],
    notes="Exact as x_0 -> 0. From a start of size alpha the error therefore stays of order min(alpha^2, lambda/T). "
    "For 2/3 < eta < 1 it holds with 2 eta/(lambda (1 - eta)^2).",
)


@floor.derivation
def inverse_square(proof):
    k = proof.index("k")
    move, begin = proof.assume(null_step, k), proof.assume(null_start)
    left = proof.certificate(Ge(2 - 3 * eta, 0), [(3, proof.high(eta))])
    proof.certificate(Gt(1 - eta, 0), [(third, left), (1, proof.sign(third))])
    square = x(k) ** 2
    W, D = lam + (1 - eta) * square, square + lam
    proof.certificate(Gt(W, 0), [(1, proof.sign(lam))], [(1 - eta, x(k))])
    keep = proof.certificate(Gt(1 - eta * square / D, 0), [(1 / D, proof.sign(W))])
    positive = lambda j: Gt(x(j), 0, evaluate=False)

    def stays(now):
        return proof.certificate(positive(k + 1), [(1, proof.product(now, keep))], using=[move])

    first = proof.certificate(positive(0), [(1, proof.sign(x0))], using=[begin])
    proof.instantiate(proof.induction(positive(k), k, first, stays), {k: T})
    above = proof.certificate(Gt(x(k + 1), 0, evaluate=False), [(x(k), keep)], using=[move])
    new = x(k) - eta * x(k) ** 3 / D
    proof.rewrite(above, move)
    fall = proof.certificate(
        Ge(x(k) ** -2 - new**-2 + slope, 0),
        [(eta * square / W**2, left)],
        [(2 * eta * square**2 / (lam * W**2), 1 - eta)],
    )
    fall = proof.certificate(Ge(x(k) ** -2 - x(k + 1) ** -2 + slope, 0), [(1, fall)], using=[move])
    top = lambda j: x0**-2 + slope * j
    claimed = lambda j: Ge(top(j) * x(j) ** 2, 1, evaluate=False)
    ahead = x(k + 1) ** 2
    lasts = lambda now: proof.certificate(claimed(k + 1), [(ahead / square, now), (ahead, fall)])
    every = proof.induction(claimed(k), k, proof.certificate(claimed(0), using=[begin]), lasts)
    final = proof.instantiate(every, {k: T})
    proof.conclude(proof.certificate(Le(x(T) ** -2, top(T)), [(x(T) ** -2, final)]))


@floor.experiment(cases=[{}, {"size": "small"}], samples={"smoke": 512})
def superfluous(xp, rng, case, size):
    low, high = (-3, -1) if "size" in case else (-2, 1)
    lam = getattr(case, "lambda")
    x0 = lam**0.5 * 10 ** rng.uniform((size,), low, high)
    return {"quantity": 1 / run(xp, case, x0, lam, 0, case.T) ** 2, "x_0": x0}
