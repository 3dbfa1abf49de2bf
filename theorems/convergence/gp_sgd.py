"""Stochastic dual descent for Gaussian processes (on "Stochastic Gradient Descent for Gaussian Processes Done Right").

The dual of kernel regression is L(a) = a.(K + s^2 I)a/2 - a.y with Hessian H = K + s^2 I.  Drawing a coordinate i of n
uniformly, g = n e_i (H a - y)_i is an unbiased gradient whose second moment is n |grad L|^2, so its noise vanishes at
the solution a*.  With steps h and e = a - a*, one step obeys

    E|e+|^2  =  |e|^2 - 2 h <e, H e> + n h^2 |H e|^2,

and if the eigenvalues of H lie in [low, high] and 0 < h <= 1/(n high), then after T steps

    E|a_T - a*|^2  <=  (1 - h low)^T |a_0 - a*|^2.

Setting of the abstract; statements and constants are derived here.
"""

from sympy import Eq, Ge, Le, Rational, Symbol, symbols

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Interval,
    Mean,
    MeanBound,
    MeanEquals,
    Mutant,
    Observed,
    Positive,
    VectorSequence,
    sq,
)
from gdverify.classes import recursion
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

n = Symbol("n", integer=True, positive=True)
T, t = Symbol("T", integer=True, nonnegative=True), Symbol("t", integer=True, nonnegative=True)
h, low, high, R = symbols("h low high R", positive=True)
level, force = symbols("level force", nonnegative=True)
e, r, p = VectorSequence("e"), VectorSequence("r"), VectorSequence("p")

same = lambda left, right: Eq(left, right, evaluate=False)
update = recursion(e(t + 1), e(t) - h * n * p(t))
drawn = Assumption(
    "p is a uniformly drawn coordinate of r = H e",
    lambda s: [
        same(n * Mean(Inner(p(s), e(s))), Mean(Inner(r(s), e(s)))),
        same(n * Mean(sq(p(s))), Mean(sq(r(s)))),
    ],
    latex=r"p_t = e_i (He_t)_i,\ i \sim \mathrm{Unif}\{1,\dots,n\}",
    key=("uniform coordinate", n),
)
spectrum = Assumption(
    "the eigenvalues of H lie in [low, high]",
    lambda s: [
        Ge(Inner(r(s), e(s)), low * sq(e(s)), evaluate=False),
        Ge(high * Inner(r(s), e(s)), sq(r(s)), evaluate=False),
    ],
    key=("spectrum", low, high),
)
begin = equation("R is the distance at the start", sq(e(0)), R**2)
sizes = {n: Integers(1, sample=(1, 12))}

# -- one step ---------------------------------------------------------------------------------------------------------

dual_estimator = Claim(
    id="gp-sgd.dual-estimator",
    title="One coordinate step in the dual: the exact mean squared error",
    paper=PAPERS["gp-sgd"],
    locator="setting of the abstract; derived here",
    statement=r"\mathbb{E}\|e_+\|^2 = \|e\|^2 - 2h\langle e, He\rangle + nh^2\|He\|^2",
    symbols={
        **sizes,
        h: Positive(sample=(Rational(1, 100), 2), log=True),
        R: Observed(0, open="left"),
        level: Observed(0),
        force: Observed(0),
    },
    assumptions=[
        update,
        drawn,
        begin,
        equation("level is <e, H e>", Inner(r(0), e(0)), level),
        equation("force is |H e|^2", sq(r(0)), force),
    ],
    decides=MeanEquals(quantity=sq(e(1)), bound=R**2 - 2 * h * level + n * h**2 * force, tol=0.05),
    mutants=[
        Mutant(
            "the second moment of a full gradient",
            decides={"bound": R**2 - 2 * h * level + h**2 * force},
            cases=({"n": 12},),
        ),
        Mutant("h for 2 h", decides={"bound": R**2 - h * level + n * h**2 * force}),
        Mutant("coordinates drawn otherwise", drop=(drawn.name,), by=("derivation",)),
    ],
)


@dual_estimator.derivation
def expand(proof):
    along, size = proof.assume(drawn, 0)
    after = proof.mean(
        proof.certificate(
            same(sq(e(1)), sq(e(0)) - 2 * h * n * Inner(p(0), e(0)) + h**2 * n**2 * sq(p(0))),
            using=[proof.assume(update, 0)],
        )
    )
    first, slope, push = (proof.mean(proof.assume(a)) for a in dual_estimator.assumptions[2:])
    proof.conclude(
        proof.certificate(
            same(Mean(sq(e(1))), R**2 - 2 * h * level + n * h**2 * force),
            [(1, after), (1, first), (-2 * h, along), (-2 * h, slope), (n * h**2, size), (n * h**2, push)],
        )
    )


def hessian(xp, shared, n, low, high):
    """A random symmetric matrix with eigenvalues in [low, high], both ends among them."""
    inner = low + (high - low) * shared.uniform((n,)) ** 3
    ends = xp.asarray([float(k == 0) for k in range(n)]), xp.asarray([float(k == n - 1) for k in range(n)])
    values = inner * (1 - ends[0]) * (1 - ends[1]) + low * ends[0] + (high * ends[1] if n > 1 else 0)
    basis = shared.haar((n, n))
    return (basis * values) @ xp.matrix_transpose(basis), basis


def step(xp, rng, H, point, h):
    """One coordinate step of every row."""
    size, n = point.shape
    drawn = xp.astype(rng.integers(0, n, (size,))[:, None] == xp.arange(n)[None, :], xp.float64)
    return point - h * n * drawn * (point @ H)


@dual_estimator.experiment(samples={"smoke": 60_000, "standard": 1_000_000, "full": 50_000_000})
def one_step(xp, rng, case, size):
    H, _ = hessian(xp, rng.shared, case.n, 0.1, 2.0)
    start = rng.shared.normal((case.n,))
    push = H @ start
    end = step(xp, rng, H, start + xp.zeros((size, case.n)), case.h)
    return {
        "quantity": xp.sq(end),
        "R": xp.sqrt(xp.sum(start * start)),
        "level": xp.sum(start * push),
        "force": xp.sum(push * push),
    }


# -- many steps -------------------------------------------------------------------------------------------------------

dual_rate = Claim(
    id="gp-sgd.dual-rate",
    title="Coordinate steps in the dual converge linearly, without a noise floor",
    paper=PAPERS["gp-sgd"],
    locator="setting of the abstract; derived here",
    statement=r"\lambda(H)\subset[\text{low},\text{high}],\ 0<h\le \tfrac{1}{n\,\text{high}}:\quad"
    r" \mathbb{E}\|a_T-a^\star\|^2 \le (1-h\,\text{low})^T\|a_0-a^\star\|^2",
    symbols={
        n: Integers(1, sample=(4, 12)),  # of few coordinates all are solved but rarely: at n = 1 it is 0 <= 0
        low: Positive(sample=(Rational(1, 100), 1)),
        high: Interval(low, None, sample=(low, 4 * low)),
        h: Interval(0, 1 / (n * high), open="left"),
        T: Integers(0, sample=(1, 8)),
        R: Observed(0, open="left"),
    },
    assumptions=[update, drawn, spectrum, begin],
    decides=MeanBound(quantity=sq(e(T)), bound=(1 - h * low) ** T * R**2),
    mutants=[
        Mutant("as fast as twice the exponent", decides={"bound": (1 - h * low) ** (2 * T) * R**2}),
        Mutant(
            "steps up to 3/(n low)",
            symbols={h: Interval(0, 3 / (n * low), open="left")},
            cases=({"n": 6, "T": 8, "low": 1, "high": 1, "h": Rational(1, 2)},),
        ),
        Mutant("any eigenvalues", drop=(spectrum.name,), by=("derivation",)),
    ],
    notes="Exact at H = high I with h = 1/(n high): every coordinate is solved when it is drawn.",
)


@dual_rate.derivation
def contraction(proof):
    k = proof.index("k")
    distance = lambda s: Mean(sq(e(s)))
    along, size = proof.assume(drawn, k)
    below, above = (proof.mean(fact) for fact in proof.assume(spectrum, k))
    after = proof.mean(
        proof.certificate(
            same(sq(e(k + 1)), sq(e(k)) - 2 * h * n * Inner(p(k), e(k)) + h**2 * n**2 * sq(p(k))),
            using=[proof.assume(update, k)],
        )
    )
    short = proof.certificate(Ge(1 - n * h * high, 0), [(n * high, proof.high(h))])
    proof.low(n)
    rate = proof.certificate(Ge(1 - h * low, 0), [(1, short), (h, proof.low(high))], [((n - 1) * h * high, 1)])
    # E|e+|^2 = E|e|^2 - 2h E<e,r> + n h^2 E|r|^2, and n h^2 |r|^2 <= h (n h high) <e,r> <= h <e,r>.
    level_low = proof.mean(proof.certificate(Ge(sq(e(k)), 0), [], [(1, e(k))]))
    positive = proof.certificate(Ge(Mean(Inner(r(k), e(k))), 0), [(1, below), (low, level_low)])
    step_down = proof.certificate(
        Le(distance(k + 1), (1 - h * low) * distance(k)),
        [
            (-1, after),
            (2 * h, along),
            (-n * h**2, size),
            (n * h**2, above),
            (h, proof.product(short, positive)),
            (h, below),
        ],
    )
    claimed = lambda s: Le(distance(s), (1 - h * low) ** s * R**2)
    first = proof.certificate(claimed(0), [(-1, proof.mean(proof.assume(begin)))])
    every = proof.induction(
        claimed(k), k, first, lambda now: proof.certificate(claimed(k + 1), [(rate.left, now), (1, step_down)])
    )
    proof.conclude(proof.instantiate(every, {k: T}))


@dual_rate.experiment(cases=[{}, {"high": low}], samples={"smoke": 200_000, "standard": 500_000, "full": 10_000_000})
def path(xp, rng, case, size):
    H, basis = hessian(xp, rng.shared, case.n, case.low, case.high)
    start = log_uniform(xp, rng.shared, (), 0.1, 10) * basis[:, 0]  # the direction that contracts most slowly
    point = start + xp.zeros((size, case.n))
    for _ in range(case.T):
        point = step(xp, rng, H, point, case.h)
    return {"quantity": xp.sq(point), "R": xp.sqrt(xp.sum(start * start))}
