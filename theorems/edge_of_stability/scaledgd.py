"""Preconditioned gradient descent for over-parameterised matrix sensing, mode by mode (Xu, Shen, Chi and Ma 2023).

ScaledGD(lambda): X+ = X - eta (X X^T - M) X (X^T X + lambda I)^{-1}, with all measurements.  In the eigenbasis of M a
start that commutes with M moves one mode at a time, with eigenvalue m of M:

    x+ = x - eta (x^2 - m) x/(x^2 + lambda).

m > 0, lambda <= m, eta <= 1/2:     while x^2 <= m/2,       x grows by 1 + eta/3 at least in each step;
                                    from x_0^2 in [m/2, 3m/2],      |x_T^2 - m|  <=  (1 - 2 eta/3)^T |x_0^2 - m|,
                                    both whatever m is: the condition number of M does not enter.

Growth is the subject of `theorems.edge_of_stability.scaledgd_growth`, and m = 0 that of `scaledgd_floor`.

Reference: arXiv:2302.01186, whose theorem is about Gaussian designs; the statements for modes are derived here.
"""

from sympy import Function, Ge, Gt, Rational, Symbol, symbols

from gdverify import Claim, Domain, Integers, Interval, Mutant, Observed, Positive, SureBound
from gdverify.classes import recursion
from gdverify.laws import equation
from theorems import PAPERS

eta, lam, m, y0 = symbols("eta lambda m y_0", positive=True)
share = Symbol("a", positive=True)
T = Symbol("T", integer=True, positive=True)
t = Symbol("t", integer=True, nonnegative=True)
x = Function("x")
half, third = Rational(1, 2), Rational(1, 3)
step = recursion(x(t + 1), x(t) - eta * (x(t) ** 2 - m) * x(t) / (x(t) ** 2 + lam))
plain = recursion(x(t + 1), x(t) - eta * (x(t) ** 2 - m) * x(t))
damping = equation("lambda is a times m", lam, share * m)

# -- the linear phase -------------------------------------------------------------------------------------------------

level = lambda j: x(j) ** 2 / m
start = equation("start of x", level(0), y0)
regime = {
    m: Positive(sample=(Rational(1, 1000), 1000)),
    share: Interval(0, 1, open="left", sample=(Rational(1, 100), 1)),
    lam: Observed(0, open="left"),
    eta: Interval(0, half, open="left", sample=(Rational(1, 100), half)),
    T: Integers(1, sample=(1, 30)),
}
rate = 1 - 2 * eta / 3

mode_map = Claim(
    id="scaledgd-lambda.mode-map",
    title="ScaledGD(lambda) contracts every mode by 1 - 2 eta/3, whatever its eigenvalue",
    paper=PAPERS["scaledgd-lambda"],
    locator="one mode of the population loss; rate derived here",
    statement=r"\lambda\le m,\ \eta\le\tfrac12,\ \tfrac m2\le x_0^2\le\tfrac{3m}2:\quad"
    r" (x_T^2-m)^2 \le \Big(1-\frac{2\eta}3\Big)^{2T}(x_0^2-m)^2",
    symbols={**regime, y0: Domain(half, 3 * half, observed=True)},
    assumptions=[step, damping, start],
    decides=SureBound(quantity=(level(T) - 1) ** 2, bound=rate ** (2 * T) * (y0 - 1) ** 2),
    mutants=[
        Mutant(
            "1 - 0.7 eta",
            decides={"bound": (1 - Rational(7, 10) * eta) ** (2 * T) * (y0 - 1) ** 2},
            cases=({"a": 1, "eta": Rational(1, 100), "T": 1},),
        ),
        Mutant(
            "lambda up to 3m/2",
            symbols={share: Interval(0, Rational(3, 2), open="left")},
            cases=({"a": Rational(3, 2), "eta": Rational(1, 100), "T": 1},),
        ),
        Mutant(
            "steps up to 1",
            symbols={eta: Interval(0, 1, open="left")},
            cases=({"a": Rational(1, 100), "eta": 1, "T": 1},),
        ),
        Mutant("without the preconditioner", drop=(step.name,), add=(plain,), by=("derivation",)),
    ],
    notes="Tight as eta -> 0 at lambda = m, x^2 = m/2. The exact factor is 1 - 2 eta y/(y + a) + eta^2 y (y - 1)/"
    "(y + a)^2, with y = x^2/m and a = lambda/m.",
)


@mode_map.derivation
def contraction(proof):
    k, y = proof.index("k"), proof.scalar("y", Interval(half, 3 * half))
    move, unit, begin = proof.assume(step, k), proof.assume(damping), proof.assume(start)
    D = y + share
    factor = 1 - 2 * eta * y / D + eta**2 * y * (y - 1) / D**2
    proof.certificate(Ge(4 * third - eta, 0), [(1, proof.high(eta))], [(Rational(5, 6), 1)])
    weight = eta / D**2 * (4 * share / 3 + y * (4 * third - eta))
    above = proof.certificate(
        Ge(rate - factor, 0),
        [(2 * eta / (3 * D), proof.high(share)), (weight, proof.low(y))],
        [(eta**2 * y / (2 * D**2), 1)],
    )
    cleared = 2 * D**2 - 2 * eta * D**2 / 3 - 2 * eta * y * D + eta**2 * y * (y - 1)
    below = proof.certificate(Ge(rate + factor, 0), [(1 / D**2, proof.polynomial(Gt(cleared, 0)))])
    shrink = proof.product(above, below)
    next_y = y * (1 - eta * (y - 1) / D) ** 2
    once = proof.certificate(Ge(rate**2 * (y - 1) ** 2, (next_y - 1) ** 2), [((y - 1) ** 2, shrink)])
    slow = proof.certificate(Ge(rate, 0), [(2 * third, proof.high(eta))], [(2 * third, 1)])
    near = lambda j: Ge(Rational(1, 4) - (level(j) - 1) ** 2, 0, evaluate=False)

    def advance(inside):
        """Both signs of the root, then the map at y = x^2/m."""
        whole = proof.certificate(Ge(Rational(1, 4), (level(k) - 1) ** 2), [(1, inside)])
        proof.certificate(Ge(3 * half - level(k), 0), [(1, proof.root(whole, level(k) - 1))])
        proof.certificate(Ge(level(k) - half, 0), [(1, proof.root(whole, 1 - level(k)))])
        at = proof.instantiate(once, {y: level(k)})
        return proof.certificate(
            Ge(rate**2 * (level(k) - 1) ** 2, (level(k + 1) - 1) ** 2), [(1, at)], using=[move, unit]
        )

    less = proof.certificate(Ge(1 - rate**2, 0), [(2 * eta / 3, slow)], [(2 * eta / 3, 1)])

    def stays(now):
        return proof.certificate(near(k + 1), [(1, now), (1, advance(now)), ((level(k) - 1) ** 2, less)])

    room = proof.product(proof.low(y0), proof.high(y0))
    same = (-(level(0) + y0 - 2), begin)
    first = proof.certificate(near(0), [(1, room), same])
    inside = proof.induction(near(k), k, first, stays)
    falls = advance(inside)
    claimed = lambda j: Ge(rate ** (2 * j) * (y0 - 1) ** 2 - (level(j) - 1) ** 2, 0, evaluate=False)
    base = proof.certificate(claimed(0), [same])
    step_ = lambda now: proof.certificate(claimed(k + 1), [(rate**2, now), (1, falls)])
    proof.conclude(proof.instantiate(proof.induction(claimed(k), k, base, step_), {k: T}))


def run(xp, case, x, lam, m, T):
    for _ in range(T):
        x = x - case.eta * (x**2 - m) * x / (x**2 + lam)
    return x


@mode_map.experiment(samples={"smoke": 512})
def modes(xp, rng, case, size):
    y = rng.uniform((size,), 0.5, 1.5)
    y = xp.where(rng.bernoulli(0.3, (size,)) > 0, 0.5 + 0 * y, y)
    lam = case.a * case.m
    x = run(xp, case, xp.sqrt(y * case.m), lam, case.m, case.T)
    return {"quantity": (x**2 / case.m - 1) ** 2, "y_0": y, "lambda": lam + 0 * y}
