"""SGD with stochastic Polyak steps: the averaged iterate (Garrigos & Gower 2023).

For f = (f_1 + ... + f_n)/n with convex parts, x_{t+1} = x_t - gamma_t g_t with i uniform, g_t a subgradient of f_i,

    gamma_t = (f_i(x_t) - f_i(x*))_+/|g_t|^2        (0 where g_t = 0),

xbar_T = (x_0 + ... + x_{T-1})/T, R = |x_0 - x*|, x* a minimiser of f:

    every f_i G-Lipschitz:      E f(xbar_T) - f*  <=  G R/sqrt(T)
    every f_i L_max-smooth:     E f(xbar_T) - f*  <=  c/2 + sqrt(c^2/4 + c Delta_star),     c = 2 L_max R^2/T

with f_i >= low_i and Delta_star = f* - (1/n) sum low_i; where that is 0 (interpolation) the last is 2 L_max R^2/T.

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Ge, Le, Rational, Symbol, sqrt

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Mean,
    MeanBound,
    Mutant,
    Observed,
    Positive,
    Vector,
    VectorSequence,
    sq,
)
from gdverify.classes import recursion, start
from gdverify.instances import FiniteSum, balanced_tilts, log_uniform, mixed_uniform
from gdverify.laws import equation
from theorems import PAPERS
from theorems.convergence.finite_sums import (
    L_max,
    Part,
    R,
    T,
    draw,
    f,
    n,
    parts_convex,
    parts_smooth,
    sampling,
    t,
    tangent,
    whole,
    x,
    x_star,
)
from theorems.convergence.handbook_sps import excess, polyak, step, sure_step, update
from theorems.convergence.smooth_sums import Delta_star, low, parts_bounded, spread

G = Symbol("G", positive=True)
x_bar, partial = Vector("x_bar"), VectorSequence("s")
average = [
    recursion(partial(t + 1), partial(t) + x(t)),
    equation("no iterate summed at first", partial(0), 0),
    equation("x_bar is the mean of x_0, ..., x_{T-1}", partial(T), T * x_bar),
]
setting = [parts_convex, whole, sampling, polyak, update, start(x(0), x_star, R), *average]
sizes = {n: Integers(1, sample=(2, 8))}
gap = f(x_bar) - f(x_star)


def summed(proof, gained, k, scale, slope, loss):
    """scale R^2 + T loss >= slope T E(f(x_bar) - f*), from scale gamma_k a_k + loss' >= slope a_k, E loss' = loss.

    ``gained(fall, size)`` makes of the facts about a step the fact scale (|x_k - x*|^2 - |x_{k+1} - x*|^2) + loss' >=
    slope a_k in the mean: that is, with E loss' put in.
    """
    fall, size, above = sure_step(proof, k)
    surely = gained(fall, size)
    value, low_value, _, _ = proof.assume(sampling, k)
    # Jensen's inequality for x_bar comes with the sum: the tangent at x_bar, kept in the potential by partial sums.
    jensen = proof.mean(tangent(proof, x_bar, x(k), "l"))
    flat = f.grad(x_bar)
    level = Mean(gap - Inner(flat, x_bar))
    energy = lambda s: (
        scale * Mean(sq(x(s) - x_star)) + s * (slope * level - loss) + slope * Mean(Inner(flat, partial(s)))
    )
    decrease = proof.certificate(
        Ge(energy(k), energy(k + 1)),
        [(1, surely), (slope, proof.mean(above)), (slope, value), (-slope, low_value), (slope, jensen)],
        using=[proof.assume(average[0], k)],
    )
    total = proof.telescoped(decrease, energy(k), k, 0, T)
    begin = proof.mean(proof.assume(start(x(0), x_star, R)))
    end = proof.mean(proof.certificate(Ge(sq(x(T) - x_star), 0), [], [(1, x(T) - x_star)]))
    return proof.certificate(
        Ge(scale * R**2 + T * loss, slope * T * Mean(gap)),
        [(1, total), (scale, end), (-scale, begin)],
        using=[proof.assume(average[1]), proof.assume(average[2])],
    )


# -- Lipschitz parts --------------------------------------------------------------------------------------------------

parts_lipschitz = Assumption(
    "every f_i is G-Lipschitz", lambda i, z: Ge(G**2, sq(Part(i).grad(z)), evaluate=False), key=("parts-lipschitz", G)
)

sps_lipschitz = Claim(
    id="handbook.sps-lipschitz",
    title="Stochastic Polyak steps on Lipschitz functions: the averaged iterate",
    paper=PAPERS["handbook"],
    locator="stochastic Polyak step, convex and Lipschitz; constants derived here",
    statement=r"f_i \text{ convex and } G\text{-Lipschitz},\ T\ge1:\quad"
    r" \mathbb{E} f(\bar x_T)-f^\star \le \frac{G\|x_0-x^\star\|}{\sqrt T}",
    symbols={
        **sizes,
        G: Positive(sample=(Rational(1, 4), 4)),
        T: Integers(1, sample=(1, 40)),
        R: Observed(0, open="left"),
    },
    assumptions=[*setting, parts_lipschitz],
    decides=MeanBound(quantity=gap, bound=G * R / sqrt(T), support=(0, G * R)),
    mutants=[
        Mutant(
            "nine tenths",
            decides={"bound": Rational(9, 10) * G * R / sqrt(T)},
            cases=({"family": "equal", "dimension": 1, "T": 1},),
        ),
        Mutant(
            "decay like 1/T^2",
            decides={"bound": G * R / T**2},
            cases=({"family": "medians", "dimension": 1, "T": 40},),
        ),
        Mutant("the parts need not be Lipschitz", drop=("every f_i is G-Lipschitz",), by=("derivation",)),
        Mutant("the parts need not be convex", drop=("every f_i is convex",), by=("derivation",)),
    ],
    notes="Attained at T = 1 by G|x|. No path moves away from x*, so that the values are at most G R.",
)


@sps_lipschitz.derivation
def lipschitz_average(proof):
    k = proof.index("k")
    c = G * R / sqrt(T)
    s, a = step(k), excess(k)

    def gained(fall, size):
        bounded = proof.assume(parts_lipschitz, draw(k), x(k))
        surely = proof.certificate(
            Ge(G**2 * (sq(x(k) - x_star) - sq(x(k + 1) - x_star)) + c**2, 2 * c * a),
            [(G**2, fall), (a * s, bounded), (a, size)],
            [(1, a - c)],
        )
        return proof.mean(surely)

    total = summed(proof, gained, k, G**2, 2 * c, c**2)
    proof.conclude(proof.certificate(Le(Mean(gap), c), [(1 / (2 * c * T), total)]))


@sps_lipschitz.experiment(
    cases=[
        {"family": "equal", "dimension": 1},
        {"family": "medians", "dimension": 1},
        {"family": "medians", "dimension": 3},
    ],
    samples={"smoke": 20_000, "standard": 1_000_000, "full": 50_000_000},
)
def medians(xp, rng, case, size):
    """f_i(x) = G |x - c_i|_1/sqrt(d) with 0 a median of the c_i in every coordinate."""
    n, d, shared = case.n, case.dimension, rng.shared
    radius = log_uniform(xp, shared, (), 0.1, 10)
    centre = radius * shared.uniform((n, d), -1, 1) * (1 if case.family == "medians" else 0)
    centre = xp.sort(centre, axis=0) - xp.sort(centre, axis=0)[n // 2, :]
    centre = centre * xp.astype(xp.arange(n) != n // 2 - 1, xp.float64)[:, None]  # no other median for an even n
    here = radius * shared.sphere((d,)) + xp.zeros((size, d))
    drawn = rng.integers(0, n, (size, case.T))
    total, slope = 0 * here, case.G / d**0.5
    for s in range(case.T):
        total = total + here
        c = xp.take(centre, drawn[:, s], axis=0)
        above = slope * xp.sum(xp.abs(here - c) - xp.abs(c), axis=-1)
        g = slope * xp.sign(here - c)
        square = xp.sq(g)
        size_ = xp.maximum(0 * above, above) / xp.where(square > 0, square, 1 + 0 * square)
        here = here - size_[:, None] * g
    mean = total / case.T
    values = sum(xp.sum(xp.abs(mean - centre[i, :]) - xp.abs(centre[i, :]), axis=-1) for i in range(n))
    return {"quantity": xp.maximum(0 * values, slope * values / n), "R": radius}  # rounding may fall below 0


# -- smooth parts -----------------------------------------------------------------------------------------------------

c = 2 * L_max * R**2 / T

sps_smooth = Claim(
    id="handbook.sps-smooth",
    title="Stochastic Polyak steps on smooth functions: the averaged iterate",
    paper=PAPERS["handbook"],
    locator="stochastic Polyak step, convex and smooth; constants derived here",
    statement=r"f_i \text{ convex and } L_{\max}\text{-smooth},\ T\ge1,\ c=\tfrac{2L_{\max}\|x_0-x^\star\|^2}{T}:\quad"
    r" \mathbb{E} f(\bar x_T)-f^\star \le \frac c2+\sqrt{\frac{c^2}{4}+c\Delta^\star}",
    symbols={
        **sizes,
        L_max: Positive(sample=(Rational(1, 4), 4)),
        T: Integers(1, sample=(1, 30)),
        R: Observed(0, open="left"),
        Delta_star: Observed(0),
    },
    assumptions=[*setting, parts_smooth, parts_bounded, spread(f(x_star))],
    decides=MeanBound(quantity=gap, bound=c / 2 + sqrt(c**2 / 4 + c * Delta_star)),
    mutants=[
        Mutant(
            "c five times smaller",
            decides={"bound": c / 10 + sqrt(c**2 / 100 + c * Delta_star / 5)},
            cases=({"family": "equal", "dimension": 1, "T": 1},),
        ),
        Mutant(
            "decay like 1/T^4",
            decides={"bound": c / T**3},
            cases=({"family": "any", "dimension": 3, "T": 20},),
        ),
        Mutant("no Delta_star", decides={"bound": c}, by=("derivation",)),
        Mutant("the parts need not be smooth", drop=("every f_i is L_max-smooth",), by=("derivation",)),
        Mutant("the parts need not be convex", drop=("every f_i is convex",), by=("derivation",)),
    ],
    notes="Loose by 4 at T = 1 for L_max |x|^2/2. With the values f_i(x*) known, no path moves away from x*, and no "
    "instance is known that needs Delta_star.",
)


@sps_smooth.derivation
def smooth_average(proof):
    k = proof.index("k")
    B = sps_smooth.decides.bound
    theta = B / (B + Delta_star)
    g, s, a = Part(draw(k)).grad(x(k)), step(k), excess(k)
    below = x(k) - g / L_max

    def gained(fall, size):
        descent, floor = proof.assume(parts_smooth, draw(k), x(k), below), proof.assume(parts_bounded, draw(k), below)
        above = proof.assume(polyak, k)[2]
        spare = Part(draw(k))(x_star) - low(draw(k))
        steep = proof.certificate(
            Ge(2 * L_max * (a + spare), sq(g)), [(2 * L_max, descent), (2 * L_max, floor), (2 * L_max, above)]
        )
        change = sq(x(k) - x_star) - sq(x(k + 1) - x_star)
        surely = proof.certificate(
            Ge(2 * L_max * change + theta**2 * spare, (2 * theta - theta**2) * a),
            [(2 * L_max, fall), (theta**2 / (2 * L_max), steep), (2 * theta - 2 * L_max * s, size)],
            [(1 / (2 * L_max), (2 * L_max * s - theta) * g)],
        )
        known = [(-(theta**2), proof.assume(spread(f(x_star)), k)), (-(theta**2), proof.assume(sampling, k)[1])]
        return proof.certificate(
            Ge(2 * L_max * Mean(change) + theta**2 * Delta_star, (2 * theta - theta**2) * Mean(a)),
            [(1, proof.mean(surely)), *known],
        )

    slope = 2 * theta - theta**2
    total = summed(proof, gained, k, 2 * L_max, slope, theta**2 * Delta_star)
    proof.conclude(proof.certificate(Le(Mean(gap), B), [(1 / (slope * T), total)]))


@sps_smooth.experiment(
    cases=[{"family": "equal", "dimension": 1}, {"family": "any", "dimension": 3}],
    samples={"smoke": 20_000, "standard": 1_000_000, "full": 50_000_000},
)
def quadratics(xp, rng, case, size):
    n, d, shared = case.n, case.dimension, rng.shared
    curvature, tilt = case.L_max * xp.ones((n, d)), xp.zeros((n, d))
    if case.family == "any":
        curvature = case.L_max * (0.05 + 0.95 * mixed_uniform(shared, (n, d)))
        tilt = shared.uniform((), 0.1, 1) * balanced_tilts(xp, shared, (n, d))
    F = FiniteSum(xp, curvature, tilt)
    radius = log_uniform(xp, shared, (), 0.1, 10)
    here = radius * shared.sphere((d,)) + xp.zeros((size, d))
    drawn = rng.integers(0, n, (size, case.T))
    total = 0 * here
    for s in range(case.T):
        total = total + here
        g, lean = F.grad(drawn[:, s], here), xp.take(tilt, drawn[:, s], axis=0)
        above = xp.sum((g + lean) / 2 * here, axis=-1)  # f_i(x) - f_i(0)
        square = xp.sq(g)
        length = xp.maximum(0 * above, above) / xp.where(square > 0, square, 1 + 0 * square)
        here = here - length[:, None] * g
    spare = xp.mean(xp.sum(tilt * tilt / (2 * curvature), axis=-1))
    return {"quantity": F.value(total / case.T), "R": radius, "Delta_star": spare}
