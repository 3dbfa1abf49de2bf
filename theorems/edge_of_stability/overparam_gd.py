"""What over-parameterisation costs gradient descent in matrix sensing, mode by mode (Xiong, Ding and Du 2023).

A direction in which the target matrix is zero, with all measurements.  Symmetric, loss x^4/4 of X = x:

    x+ = x - eta x^3:                    1/x_T^2  <=  1/x_0^2 + (15/4) eta T,          for eta x_0^2 <= 1/3,

so that the error x^2 falls no faster than 1/T.  Asymmetric factors: `theorems.edge_of_stability.overparam_asymmetric`.

Reference: arXiv:2310.01769, whose theorems are about random starts and restricted isometries.  This is derived here.
"""

from sympy import Function, Ge, Gt, Le, Rational, Symbol, symbols

from gdverify import Claim, Integers, Interval, Mutant, Observed, SureBound
from gdverify.classes import recursion
from gdverify.laws import equation
from theorems import PAPERS

eta, s, x0 = symbols("eta s x_0", positive=True)
T, t = Symbol("T", integer=True, nonnegative=True), Symbol("t", integer=True, nonnegative=True)
x = Function("x")
third = Rational(1, 3)

# -- symmetric --------------------------------------------------------------------------------------------------------

step_x = recursion(x(t + 1), x(t) - eta * x(t) ** 3)
slower = recursion(x(t + 1), x(t) - eta * x(t) ** 2)
start_x = equation("start of x", x(0), x0)
scale_x = equation("s is the step in units of 1/x_0^2", eta * x0**2, s)

null_mode = Claim(
    id="overparam-slows-gd.null-mode",
    title="In a superfluous symmetric direction the error of gradient descent falls no faster than 1/T",
    paper=PAPERS["overparam-slows-gd"],
    locator="one mode of the population loss; derived here",
    statement=r"x_{t+1}=x_t-\eta x_t^3,\ \eta x_0^2\le\tfrac13:"
    r"\quad \frac1{x_T^2} \le \frac1{x_0^2}+\frac{15}4\,\eta T",
    symbols={
        s: Interval(0, third, open="left"),
        T: Integers(0, sample=(1, 200)),
        x0: Observed(0, open="left"),
        eta: Observed(0, open="left"),
    },
    assumptions=[step_x, start_x, scale_x],
    decides=SureBound(quantity=x(T) ** -2, bound=x0**-2 + Rational(15, 4) * eta * T),
    mutants=[
        Mutant("3.7 for 15/4", decides={"bound": x0**-2 + Rational(37, 10) * eta * T}, cases=({"s": third, "T": 1},)),
        Mutant("the asymptotic 2", decides={"bound": x0**-2 + 2 * eta * T}),
        Mutant(
            "steps up to 2/5",
            symbols={s: Interval(0, Rational(2, 5), open="left")},
            cases=({"s": Rational(2, 5), "T": 1},),
        ),
        Mutant("x moves by eta x^2", drop=(step_x.name,), add=(slower,), by=("derivation",)),
    ],
    notes="Attained at s = 1/3, T = 1. For large T the truth is 2 eta T: loose by 15/8 there.",
)


@null_mode.derivation
def inverse_square(proof):
    k = proof.index("k")
    move, begin, unit = proof.assume(step_x, k), proof.assume(start_x), proof.assume(scale_x)
    room = lambda j: Ge(third - eta * x(j) ** 2, 0, evaluate=False)
    first = proof.certificate(room(0), [(1, proof.high(s)), (-1, unit)], using=[begin])

    def shrinks(now):
        less = proof.certificate(Ge(2 - eta * x(k) ** 2, 0), [(1, now)], [(Rational(5, 3), 1)])
        return proof.certificate(room(k + 1), [(1, now), (eta**2 * x(k) ** 4, less)], using=[move])

    small = proof.induction(room(k), k, first, shrinks)
    keep = proof.certificate(Gt(1 - eta * x(k) ** 2, 0), [(1, small), (1, proof.sign(2 * third))])

    def stays(now):
        return proof.certificate(Gt(x(k + 1), 0, evaluate=False), [(1, proof.product(now, keep))], using=[move])

    positive = proof.certificate(Gt(x(0), 0, evaluate=False), [(1, proof.sign(x0))], using=[begin])
    above = proof.induction(Gt(x(k), 0, evaluate=False), k, positive, stays)
    for j in (k + 1, T):
        proof.instantiate(above, {k: j})
    far = proof.certificate(Ge(Rational(7, 5) - eta * x(k) ** 2, 0), [(1, small)], [(Rational(16, 15), 1)])
    both = proof.product(small, far)
    new = x(k) - eta * x(k) ** 3
    proof.certificate(Gt(new, 0), [(x(k), keep)])
    step = proof.certificate(
        Ge(x(k) ** -2 - new**-2 + Rational(15, 4) * eta, 0), [(Rational(15, 4) * eta / keep.left**2, both)]
    )
    fall = proof.certificate(Ge(x(k) ** -2 - x(k + 1) ** -2 + Rational(15, 4) * eta, 0), [(1, step)], using=[move])
    top = lambda j: x0**-2 + Rational(15, 4) * eta * j
    claimed = lambda j: Ge(top(j) * x(j) ** 2, 1, evaluate=False)
    ahead = x(k + 1) ** 2

    def lasts(now):
        return proof.certificate(claimed(k + 1), [(ahead / x(k) ** 2, now), (ahead, fall)])

    every = proof.induction(claimed(k), k, proof.certificate(claimed(0), using=[begin]), lasts)
    final = proof.instantiate(every, {k: T})
    proof.conclude(proof.certificate(Le(x(T) ** -2, top(T)), [(x(T) ** -2, final)]))


@null_mode.experiment(samples={"smoke": 512})
def cubic(xp, rng, case, size):
    start = xp.exp(rng.normal((size,)))
    eta = case.s / start**2
    x = start
    for _ in range(case.T):
        x = x - eta * x**3
    return {"quantity": 1 / x**2, "x_0": start, "eta": eta}
