"""Sketch-and-project and conjugate directions: what one step does to the error of a linear system.

Randomised Kaczmarz (on "Constrained Optimization via Exact Augmented Lagrangian and Randomized Iterative Sketching"): a
row a of A, drawn with probability |a|^2/|A|_F^2, projects the error e onto its orthogonal complement.  If the smallest
eigenvalue of A^T A is at least low and F = |A|_F^2,

    E|e_T|^2  <=  (1 - low/F)^T |e_0|^2.

Any direction d with an exact line search (on "A Deep Conjugate Direction Method for Iteratively Solving Linear
Systems"): with H positive definite, r = H e, q = H d and e+ = e - (<d, r>/<d, q>) d, whatever proposed d,

    <e+, H e+>  =  <e, H e> - <d, r>^2 / <d, q>.

Settings of the abstracts; statements and constants are derived here.
"""

import math

from sympy import Eq, Ge, Le, Rational, Symbol, symbols

from gdverify import (
    Assumption,
    Claim,
    Identity,
    Inner,
    Integers,
    Interval,
    Mean,
    MeanBound,
    Mutant,
    Observed,
    Positive,
    Vector,
    VectorSequence,
    sq,
)
from gdverify.classes import recursion
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

same = lambda left, right: Eq(left, right, evaluate=False)

# -- Kaczmarz ---------------------------------------------------------------------------------------------------------

T, t = Symbol("T", integer=True, nonnegative=True), Symbol("t", integer=True, nonnegative=True)
low, F, R = symbols("low F R", positive=True)
e, p, r = VectorSequence("e"), VectorSequence("p"), VectorSequence("r")
update = recursion(e(t + 1), e(t) - p(t))
projection = Assumption(
    "p is the projection of e on a row",
    lambda s: same(Inner(p(s), e(s)), sq(p(s))),
    latex=r"p_t = \frac{\langle a, e_t\rangle}{\|a\|^2}\,a",
    key=("projection",),
)
drawn = Assumption(
    "the row is drawn in proportion to its squared norm, and r = A^T A e",
    lambda s: same(F * Mean(sq(p(s))), Mean(Inner(r(s), e(s)))),
    latex=r"\mathbb{P}(a=a_i)=\|a_i\|^2/\|A\|_F^2,\ F=\|A\|_F^2,\ r_t=A^\top A e_t",
    key=("rows by norm", F),
)
spectrum = Assumption(
    "A^T A is at least low",
    lambda s: Ge(Inner(r(s), e(s)), low * sq(e(s)), evaluate=False),
    latex=r"A^\top A \succeq \text{low}\, I",
    key=("spectrum", low),
)
begin = equation("R is the distance at the start", sq(e(0)), R**2)
equal_rows = {"dimension": 4, "basis": "own", "low": 1, "F": 4, "T": 4}  # where the bound is attained

kaczmarz = Claim(
    id="exact-augmented-lagrangian.sketch-contraction",
    title="Randomised Kaczmarz contracts the mean squared error by 1 - low/F",
    paper=PAPERS["exact-augmented-lagrangian"],
    locator="setting of the abstract, sketches by single rows; derived here",
    statement=r"\mathbb{E}\|e_T\|^2 \le \Big(1-\frac{\text{low}}{\|A\|_F^2}\Big)^T\|e_0\|^2",
    symbols={
        low: Positive(sample=(Rational(1, 10), 1)),
        F: Interval(low, None, sample=(2 * low, 8 * low)),
        T: Integers(0, sample=(1, 4)),
        R: Observed(0, open="left"),
    },
    assumptions=[update, projection, drawn, spectrum, begin],
    decides=MeanBound(quantity=sq(e(T)), bound=(1 - low / F) ** T * R**2),
    mutants=[
        Mutant("twice as fast", decides={"bound": (1 - low / F) ** (2 * T) * R**2}, cases=(equal_rows,)),
        Mutant(
            "a quarter faster",
            decides={"bound": (1 - low / F * Rational(5, 4)) ** T * R**2},
            cases=(equal_rows,),
        ),
        Mutant("rows drawn otherwise", drop=(drawn.name,), by=("derivation",)),
    ],
    notes="Exact in the mean for an orthogonal system in the direction of its smallest singular value.",
)


@kaczmarz.derivation
def contraction(proof):
    k = proof.index("k")
    distance = lambda s: Mean(sq(e(s)))
    after = proof.mean(
        proof.certificate(
            same(sq(e(k + 1)), sq(e(k)) - sq(p(k))),
            [(-2, proof.assume(projection, k))],
            using=[proof.assume(update, k)],
        )
    )
    step = proof.certificate(
        Le(distance(k + 1), (1 - low / F) * distance(k)),
        [(-1, after), (1 / F, proof.assume(drawn, k)), (1 / F, proof.mean(proof.assume(spectrum, k)))],
    )
    rate = proof.certificate(Ge(1 - low / F, 0), [(1 / F, proof.low(F))])
    claimed = lambda s: Le(distance(s), (1 - low / F) ** s * R**2)
    first = proof.certificate(claimed(0), [(-1, proof.mean(proof.assume(begin)))])
    every = proof.induction(
        claimed(k), k, first, lambda now: proof.certificate(claimed(k + 1), [(rate.left, now), (1, step)])
    )
    proof.conclude(proof.instantiate(every, {k: T}))


@kaczmarz.experiment(
    cases=[{"dimension": 2, "basis": "haar"}, {"dimension": 6, "basis": "haar"}, {"dimension": 4, "basis": "own"}],
    samples={"smoke": 200_000, "standard": 500_000, "full": 10_000_000},
)
def rows(xp, rng, case, size):
    """A = U S V^T with smallest squared singular value low and sum of squares F; the start is along its direction."""
    n, shared = max(1, min(case.dimension, math.floor(case.F / case.low + 1e-9))), rng.shared
    rest = (shared.dirichlet(1.0, (n - 1,)) if n > 1 else shared.uniform((0,))) * (case.F - n * case.low) + case.low
    strength = xp.concat([xp.asarray([case.low if n > 1 else case.F]), rest])
    left = shared.haar((n, n)) if case.basis == "haar" else xp.eye(n)
    right = shared.haar((n, n))
    A = (left * xp.sqrt(strength)) @ xp.matrix_transpose(right)
    norms = xp.sum(A * A, axis=1)
    edges = xp.cumulative_sum(norms / xp.sum(norms))
    start = log_uniform(xp, shared, (), 0.1, 10) * right[:, 0]
    point = start + xp.zeros((size, n))
    for _ in range(case.T):
        index = xp.sum(xp.astype(rng.uniform((size, 1)) >= edges[None, : n - 1], xp.int64), axis=1)
        row = xp.take(A, index, axis=0)
        point = point - row * (xp.sum(row * point, axis=1) / xp.take(norms, index))[:, None]
    return {"quantity": xp.sq(point), "R": xp.sqrt(xp.sum(start * start))}


# -- exact line search along any direction ---------------------------------------------------------------------------

error, residual, d, q, after, residual_after = map(Vector, ("e", "r", "d", "q", "e_plus", "r_plus"))
level, slope, curve = Symbol("level", nonnegative=True), Symbol("slope", real=True), Symbol("curve", positive=True)
setting = [
    Assumption(
        "e_plus = e - (slope/curve) d and r_plus = r - (slope/curve) q",
        lambda: [same(after, error - slope / curve * d), same(residual_after, residual - slope / curve * q)],
        key=("line search",),
    ),
    Assumption("H is symmetric", lambda: same(Inner(error, q), Inner(d, residual)), key=("symmetric",)),
    equation("level is <e, H e>", Inner(error, residual), level),
    equation("slope is <d, r>", Inner(d, residual), slope),
    equation("curve is <d, H d>", Inner(d, q), curve),
]

energy_decrease = Claim(
    id="deep-conjugate-direction.energy-decrease",
    title="Exact line search along any direction lowers the energy of the error by <d, r>^2/<d, H d>",
    paper=PAPERS["deep-conjugate-direction"],
    locator="setting of the abstract; derived here",
    statement=r"\langle e_+, He_+\rangle = \langle e, He\rangle - \frac{\langle d, He\rangle^2}{\langle d, Hd\rangle}",
    symbols={level: Observed(0), slope: Observed(), curve: Observed(0, open="left")},
    assumptions=setting,
    decides=Identity(quantity=Inner(after, residual_after), bound=level - slope**2 / curve, rtol=1e-9),
    mutants=[
        Mutant("half the decrease", decides={"bound": level - slope**2 / (2 * curve)}),
        Mutant("the slope unsquared", decides={"bound": level - slope / curve}),
        Mutant("H need not be symmetric", drop=("H is symmetric",), by=("derivation",)),
    ],
    notes="So the error never grows in the energy norm, whatever proposes the direction; that conjugate directions end "
    "after n steps is `deep-conjugate-direction.termination`.",
)


@energy_decrease.derivation
def expand(proof):
    move, pull = proof.assume(setting[0])
    symmetric, start, along, bend = (proof.assume(a) for a in setting[1:])
    step = slope / curve
    proof.conclude(
        proof.certificate(
            same(Inner(after, residual_after), level - slope**2 / curve),
            [(1, start), (-step, symmetric), (-2 * step, along), (step**2, bend)],
            using=[move, pull],
        )
    )


@energy_decrease.experiment(cases=[{"dimension": 1}, {"dimension": 3}, {"dimension": 10}])
def directions(xp, rng, case, size):
    """H = B B^T with random B; directions anywhere, in half of the rows near the residual."""
    n = case.dimension
    B = rng.normal((size, n, n))
    times = lambda v: xp.matmul(B, xp.matmul(xp.matrix_transpose(B), v[..., None]))[..., 0]
    point = rng.normal((size, n))
    force = times(point)
    way = rng.normal((size, n)) + rng.bernoulli(0.5, (size, 1)) * force
    bend = times(way)
    level, slope, curve = (xp.sum(a * b, axis=-1) for a, b in ((point, force), (way, force), (way, bend)))
    end = point - (slope / curve)[:, None] * way
    return {
        "quantity": xp.sum(end * times(end), axis=-1),
        "level": level,
        "slope": slope,
        "curve": curve,
        "scale": level,
        "instance": {error: point, residual: force, d: way, q: bend, after: end, residual_after: times(end)},
    }
