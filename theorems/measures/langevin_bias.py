"""The bias of the unadjusted Langevin algorithm on a normal target (a version of Ma et al. 2019).

For U = lam x^2/2 the algorithm x' = x - h lam x + sqrt(2 h) w with 0 < h < 2/lam keeps the normal law of variance

    s = (1 - h lam)^2 s + 2 h,        KL(N(0, s)|N(0, 1/lam)) = (lam s - 1 - log(lam s))/2,

which is not the target's: the bias is of second order in the step,

    (h lam)^2/16  <=  KL  <=  (h lam)^2/(16 (1 - h lam/2)^2).

Reference: arXiv:1902.00996 compares such biases; the statements and constants are ours, not the paper's.
"""

from sympy import Eq, Gt, Le, Rational, log, symbols

from gdverify import Claim, Interval, Mutant, Observed, Positive, SureBound
from gdverify.laws import equation
from theorems import PAPERS

lam, h, s = symbols("lam h s", positive=True)
bias = (lam * s - 1 - log(lam) - log(s)) / 2
HALF = Rational(1, 2)
stationary = equation("s is the stationary variance", (1 - h * lam) ** 2 * s + 2 * h, s)
regime = {
    lam: Positive(sample=(Rational(1, 10), 10)),
    h: Interval(0, 2 / lam, open="both", sample=(1 / (1000 * lam), 15 / (8 * lam))),
    s: Observed(0, open="left"),
}

upper = Claim(
    id="nesterov-analog-mcmc.discretisation-bias",
    title="The bias of the unadjusted Langevin algorithm on a normal target is of second order in the step",
    paper=PAPERS["nesterov-analog-mcmc"],
    locator="a version of the bias of discretised dynamics, on normal targets; statement derived here",
    statement=r"0<h<2/\lambda:\quad \mathrm{KL}\bigl(p_h|N(0,\tfrac1\lambda)\bigr)"
    r"\le\frac{(h\lambda)^2}{16(1-h\lambda/2)^2}",
    symbols=regime,
    assumptions=[stationary],
    decides=SureBound(quantity=bias, bound=(h * lam) ** 2 / (16 * (1 - h * lam / 2) ** 2)),
    mutants=[
        Mutant("1% below", decides={"bound": Rational(99, 100) * (h * lam) ** 2 / (16 * (1 - h * lam / 2) ** 2)}),
        Mutant("of third order", decides={"bound": (h * lam) ** 3 / (16 * (1 - h * lam / 2) ** 2)}),
        Mutant("no growth near the end of stability", decides={"bound": (h * lam) ** 2 / 16}),
        Mutant("s is any variance", drop=(stationary.name,), by=("derivation",)),
    ],
    notes="Sharp as h -> 0; near h = 2/lam the bias is of the first order in 1/(1 - h lam/2) only.",
)

lower = Claim(
    id="nesterov-analog-mcmc.discretisation-bias-from-below",
    title="The unadjusted Langevin algorithm is biased by the square of the step at least",
    paper=PAPERS["nesterov-analog-mcmc"],
    locator="a version of the bias of discretised dynamics, on normal targets; statement derived here",
    statement=r"0<h<2/\lambda:\quad \mathrm{KL}\bigl(p_h|N(0,\tfrac1\lambda)\bigr)\ge\frac{(h\lambda)^2}{16}",
    symbols=regime,
    assumptions=[stationary],
    decides=SureBound(quantity=-bias, bound=-((h * lam) ** 2) / 16),
    mutants=[
        Mutant("1% more", decides={"bound": -Rational(101, 100) * (h * lam) ** 2 / 16}),
        Mutant("of first order", decides={"bound": -h * lam / 16}),
        Mutant("s is any variance", drop=(stationary.name,), by=("derivation",)),
    ],
    notes="Sharp as h -> 0.",
)


def compared(proof, gap):
    """gap(u, KL) >= 0 at u = h lam/2, with KL by u alone; and the facts on lam s == 1/(1 - u) and its logarithm."""
    u = proof.scalar("u", Interval(0, 1, open="right"))
    proof.certificate(Gt(1 - u, 0), [(1, proof.high(u))])
    proof.certificate(Gt(2 - u, 0), [(1, proof.high(u)), (1, proof.sign(1))])
    proof.certificate(Gt(1 - h * lam / 2, 0), [(lam / 2, proof.high(h))])
    grows = proof.monotone(gap(u, (1 / (1 - u) - 1 + log(1 - u)) / 2), u)
    kept = proof.assume(stationary)
    value = proof.certificate(Eq(lam * s, 1 / (1 - h * lam / 2)), [(-1 / (2 * h * (1 - h * lam / 2)), kept)])
    return proof.instantiate(grows, {u: h * lam / 2}), value, proof.logarithm(value)


@upper.derivation
def from_above(proof):
    here, value, logs = compared(proof, lambda u, kl: u**2 / (4 * (1 - u) ** 2) - kl)
    target = Le(bias, (h * lam) ** 2 / (16 * (1 - h * lam / 2) ** 2))
    proof.conclude(proof.certificate(target, [(1, here), (-HALF, value), (HALF, logs)]))


@lower.derivation
def from_below(proof):
    here, value, logs = compared(proof, lambda u, kl: kl - u**2 / 4)
    target = Le(-bias, -((h * lam) ** 2) / 16)
    proof.conclude(proof.certificate(target, [(1, here), (HALF, value), (-HALF, logs)]))


def settled(xp, case, size):
    """The variance after 2^40 steps from a fixed start, by doubling."""
    keep, s = (1 - case.h * case.lam) ** 2 + xp.zeros((size,)), 2 * case.h
    for _ in range(40):
        s, keep = s * (1 + keep), keep * keep
    return s


@upper.experiment(samples={"smoke": 1, "standard": 1, "full": 1})
def variance_of_the_chain(xp, rng, case, size):
    s = settled(xp, case, size)
    return {"quantity": (case.lam * s - 1 - xp.log(case.lam * s)) / 2, "s": s}


@lower.experiment(samples={"smoke": 1, "standard": 1, "full": 1})
def variance_again(xp, rng, case, size):
    s = settled(xp, case, size)
    return {"quantity": -(case.lam * s - 1 - xp.log(case.lam * s)) / 2, "s": s}
