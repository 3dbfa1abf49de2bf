"""What a cycle of cosine annealing adds up to (on "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016).

For the steps eta_t = low + (high - low)(1 + cos(pi t/T))/2, t = 0..T-1, with A = (high + low)/2, C = (high - low)/2:

    sum of eta_t  =  T A + C,        sum of eta_t^2  =  T A^2 + 2 A C + T C^2/2    (T >= 2),

which is what bounds for stochastic gradient descent with changing steps need of a cycle.  With cycles of length
T_0 m^i, cycle n starts after T_0 (m^n - 1)/(m - 1) steps.  Derived here.
"""

import math

from sympy import Eq, Ge, Gt, Integer, Rational, Sum, Symbol, cos, pi, sin, symbols

from gdverify import Claim, Identity, Integers, Interval, Mutant, Nonnegative
from gdverify.lemmas import geometric_sum
from theorems import PAPERS

T, n, m, T_0 = (Symbol(name, integer=True, positive=True) for name in ("T", "n", "m", "T_0"))
j = Symbol("j", integer=True)
low, high = symbols("low high", nonnegative=True)
A, C = (high + low) / 2, (high - low) / 2
step = lambda s: low + (high - low) * (1 + cos(pi * s / T)) / 2
cycle = lambda term: Sum(term(j), (j, 0, T - 1))
same = lambda left, right: Eq(left, right, evaluate=False)
steps = {low: Nonnegative(sample=(0, 1)), high: Interval(low, None, sample=(low, low + 1))}
shared = {"paper": PAPERS["sgdr"], "locator": "cosine annealing with restarts; derived here"}

total = Claim(
    id="sgdr.cycle-sum",
    title="The steps of a cosine cycle add up to T times their mean of highest and lowest, and half their difference",
    statement=r"\sum_{t<T}\eta_t = TA+C",
    symbols={**steps, T: Integers(1, sample=(1, 40))},
    assumptions=[],
    decides=Identity(quantity=cycle(step), bound=T * A + C),
    mutants=[
        Mutant("T times the mean", decides={"bound": T * A}, cases=({"low": 0, "high": 1, "T": 40},)),
        Mutant("less the half difference", decides={"bound": T * A - C}, cases=({"low": 0, "high": 1, "T": 40},)),
        Mutant("C/2", decides={"bound": T * A + C / 2}, cases=({"low": 0, "high": 1, "T": 2},)),
    ],
    **shared,
)
squares = Claim(
    id="sgdr.cycle-sums",
    title="The squared steps of a cosine cycle add up to T A^2 + 2 A C + T C^2/2",
    statement=r"\sum_{t<T}\eta_t^2 = TA^2+2AC+\tfrac T2C^2,\ T\ge2",
    symbols={**steps, T: Integers(2, sample=(2, 40))},
    assumptions=[],
    decides=Identity(quantity=cycle(lambda s: step(s) ** 2), bound=T * A**2 + 2 * A * C + T * C**2 / 2),
    mutants=[
        Mutant("T = 1 too", symbols={T: Integers(1, sample=(1, 2))}, cases=({"low": 0, "high": 1, "T": 1},)),
        Mutant(
            "one cosine more",
            decides={"bound": T * A**2 + 2 * A * C + (T + 2) * C**2 / 2},
            cases=({"low": 0, "high": 1, "T": 40},),
        ),
        Mutant(
            "no mixed term",
            decides={"bound": T * A**2 + T * C**2 / 2},
            cases=({"low": 0, "high": 1, "T": 40},),
        ),
    ],
    notes="At T = 1 the sum is high^2.",
    **shared,
)


def cosines(proof, b, names):
    """The sum of cos(2 t b) over t < T, for b = pi/(2T) or pi/T: sin b times it telescopes."""
    t, x = proof.index(names[0]), proof.scalar(names[1], Interval(0, 2, open="left"))
    ahead, behind = (proof.addition(sin, 2 * t * x, side) for side in (x, -x))
    wave = lambda s: sin(2 * s * x - x)
    fall = proof.certificate(same(wave(t) - wave(t + 1) + 2 * sin(x) * cos(2 * t * x), 0), [(1, behind), (-1, ahead)])
    whole = proof.telescoped(fall, wave(t), t, 0, T)
    line = proof.nonneg_on_box(sin(x) - x / 3, {x: (0, 2)}, cuts={x: [0]})
    positive = proof.certificate(Gt(sin(x), 0), [(1, line), (Rational(1, 3), proof.low(x))])
    z = proof.scalar(names[2], Interval(0, 1))
    small = proof.instantiate(proof.nonneg_on_box(4 - pi - z / 2, {z: (0, 1)}), {z: 0})
    many = proof.low(T)
    rest = 2 * many.right / T - 4 * b / pi
    proof.certificate(Ge(2 - b, 0), [(b / pi, small), (2 / T, many), (rest, proof.sign(Integer(1)))])
    whole, _ = proof.instantiate(whole, {x: b}), proof.instantiate(positive, {x: b})
    # sin(2 T b - b) = -cos(2 T b) sin b, as 2 T b is pi or 2 pi
    a, turn = 2 * T * b - b, cos(2 * T * b)
    sine, cosine, one = proof.addition(sin, a, b), proof.addition(cos, a, b), proof.addition(cos, b, -b)
    last = proof.certificate(same(sin(a), -turn * sin(b)), [(-cos(b), sine), (sin(b), cosine), (sin(a), one)])
    scale = 1 / (2 * sin(b))
    return proof.certificate(same(cycle(lambda s: cos(2 * s * b)), (1 - turn) / 2), [(scale, whole), (scale, last)])


@total.derivation
def telescoping(proof):
    waves = cosines(proof, pi / (2 * T), "txz")
    proof.conclude(proof.certificate(same(cycle(step), total.decides.bound), [(C, waves)]))


@squares.derivation
def double_angles(proof):
    waves, fast = cosines(proof, pi / (2 * T), "txz"), cosines(proof, pi / T, "uyw")
    s = proof.index("s")
    angle = pi * s / T
    double, one = proof.addition(cos, angle, angle), proof.addition(cos, angle, -angle)
    half = Rational(1, 2)
    square = proof.certificate(same(cos(angle) ** 2, half + cos(2 * angle) / 2), [(-half, double), (-half, one)])
    proof.conclude(
        proof.certificate(
            same(squares.decides.quantity, squares.decides.bound),
            [(2 * A * C, waves), (C**2 / 2, fast), (C**2, proof.sum_of(square, s, 0, T - 1))],
        )
    )


def annealing(xp, case, size):
    """The steps of a cycle, as schedules compute them: (size, T)."""
    times = xp.astype(xp.arange(case.T), xp.float64)
    steps = case.low + (case.high - case.low) * (1 + xp.cos(times * (math.pi / case.T))) / 2
    return steps[None, :] + xp.zeros((size, 1))


@total.experiment()
def one_cycle(xp, rng, case, size):
    return {"quantity": xp.sum(annealing(xp, case, size), axis=-1), "scale": xp.full((size,), case.high * case.T)}


@squares.experiment()
def one_cycle_squared(xp, rng, case, size):
    return {
        "quantity": xp.sum(annealing(xp, case, size) ** 2, axis=-1),
        "scale": xp.full((size,), case.high**2 * case.T),
    }


# -- restarts ---------------------------------------------------------------------------------------------------------

restarts = Claim(
    id="sgdr.restart-times",
    title="Cycle n of lengths T_0 m^i starts after T_0 (m^n - 1)/(m - 1) steps",
    statement=r"\sum_{i<n}T_0m^i = T_0\frac{m^n-1}{m-1},\ m\ge2",
    symbols={T_0: Integers(1, sample=(1, 20)), m: Integers(2, sample=(2, 4)), n: Integers(1, sample=(1, 6))},
    assumptions=[],
    decides=Identity(quantity=Sum(T_0 * m**j, (j, 0, n - 1)), bound=T_0 * (m**n - 1) / (m - 1)),
    mutants=[
        Mutant("the next restart", decides={"bound": T_0 * (m ** (n + 1) - 1) / (m - 1)}),
        Mutant("m in the denominator", decides={"bound": T_0 * (m**n - 1) / m}),
        Mutant("T_0 m^n", decides={"bound": T_0 * m**n}),
    ],
    **shared,
)


@restarts.derivation
def geometric_series(proof):
    proof.certificate(Gt(m - 1, 0), [(1, proof.low(m)), (1, proof.sign(Integer(1)))])
    proof.conclude(
        proof.certificate(same(restarts.decides.quantity, restarts.decides.bound), [(T_0, geometric_sum(proof, m, n))])
    )


@restarts.experiment()
def counted(xp, rng, case, size):
    """Steps taken, one by one, until the counter of restarts reads n."""
    done, length, inside, cycles = 0, case.T_0, 0, 0
    while cycles < case.n:
        done, inside = done + 1, inside + 1
        if inside == length:
            length, inside, cycles = length * case.m, 0, cycles + 1
    return {"quantity": xp.full((size,), float(done))}
