"""Clipped gradient descent on a smooth function, without noise (after Koloskova, Hendrikx and Stich 2023).

For f with an L-Lipschitz gradient, convex or not, bounded below, Delta = f(x_0) - f_low, 0 < eta <= 1/L, c > 0 and

    x_{t+1} = x_t - eta min(1, c/|grad f(x_t)|) grad f(x_t):

    min over t < T of |grad f(x_t)|  <=  max( (2 Delta/(eta T))^{1/2},  2 Delta/(eta c T) )

The threshold c enters through the term of higher order only.

Reference: arXiv:2305.01588, which has weaker smoothness; its theorems were not read.  The constants are those derived
here.
"""

from sympy import Eq, Function, Ge, Gt, Max, Rational, Symbol, sqrt, symbols

from gdverify import (
    Assumption,
    Claim,
    Integers,
    Interval,
    Mutant,
    Observed,
    Positive,
    ScalarFunction,
    SureBound,
    VectorSequence,
    sq,
)
from gdverify.classes import bounded_below, lipschitz_gradient, recursion, start_gap
from gdverify.instances import Sawtooth, log_uniform, mixed_uniform
from theorems import PAPERS

L, eta, c, Delta = symbols("L eta c Delta", positive=True)
f_low, least = Symbol("f_low", real=True), Symbol("g_min", nonnegative=True)
T, t = Symbol("T", integer=True, positive=True), Symbol("t", integer=True, nonnegative=True)
f, x, share = ScalarFunction("f"), VectorSequence("x"), Function("s", real=True)
slope = lambda k: f.grad(x(k))
norm = lambda k: sqrt(sq(slope(k)))

factor = Assumption(
    "s_t = min(1, c/|grad f(x_t)|)",  # the one number with these properties, and any in [0, 1] where the gradient is 0
    lambda k: [
        Ge(share(k), 0, evaluate=False),
        Ge(1, share(k), evaluate=False),
        Ge(c, share(k) * norm(k), evaluate=False),
        Eq(norm(k) * (1 - share(k)) * (c - share(k) * norm(k)), 0, evaluate=False),
    ],
    latex=r"s_t=\min\big(1,\,c/\|\nabla f(x_t)\|\big)",
    key=("clipping-factor", c),
    where=lambda k: [k],
)
update = recursion(x(t + 1), x(t) - eta * share(t) * slope(t))
smallest = Assumption(
    "g_min is the smallest norm of a gradient",
    lambda k: Ge(sq(slope(k)), least**2, evaluate=False),
    latex=r"g_{\min} = \min_{0\le t<T}\|\nabla f(x_t)\|",
    key=("smallest",),
    where=lambda k: [k, T - 1 - k],
)
plain, clipped = sqrt(2 * Delta / (eta * T)), 2 * Delta / (eta * c * T)

deterministic = Claim(
    id="clipping.deterministic",
    title="Clipped gradient descent on a smooth function: the threshold enters at higher order only",
    paper=PAPERS["clipping"],
    locator="the case without noise, for smooth functions; constants derived here",
    statement=r"\nabla f\ L\text{-Lipschitz},\ f\ge f_{\text{low}},\ 0<\eta\le 1/L,\ \Delta=f(x_0)-f_{\text{low}}:\quad"
    r" \min_{t<T}\|\nabla f(x_t)\| \le \max\Big(\sqrt{\frac{2\Delta}{\eta T}},\ \frac{2\Delta}{\eta cT}\Big)",
    symbols={
        L: Positive(sample=(Rational(1, 4), 4)),
        eta: Interval(0, 1 / L, open="left"),
        c: Positive(sample=(Rational(1, 10), 10), log=True),
        T: Integers(1, sample=(1, 60)),
        f_low: Observed(),
        Delta: Observed(0, open="left"),
        least: Observed(0),
    },
    assumptions=[
        lipschitz_gradient(f, L),
        bounded_below(f, f_low),
        factor,
        update,
        start_gap(f, x(0), f_low, Delta),
        smallest,
    ],
    decides=SureBound(quantity=least, bound=Max(plain, clipped)),
    mutants=[
        Mutant(
            "1% off the first term",
            decides={"bound": Max(Rational(99, 100) * plain, clipped)},
            cases=({"dimension": 1, "T": 1, "eta": 1 / L},),
        ),
        Mutant(
            "9/20 of the second term",
            decides={"bound": Max(plain, Rational(9, 20) * clipped)},
            cases=({"dimension": 1, "T": 60, "eta": 1 / L},),
        ),
        Mutant("no second term", decides={"bound": plain}, cases=({"dimension": 1, "T": 60, "eta": 1 / L},)),
        Mutant(
            "steps up to 5/(2L)",
            symbols={eta: Interval(0, Rational(5, 2) / L, open="left")},
            cases=({"dimension": 1, "T": 2, "eta": Rational(5, 2) / L},),
        ),
        Mutant("f need not be smooth", drop=("f has an L-Lipschitz gradient",), by=("derivation",)),
        Mutant("f need not be bounded below", drop=("f is bounded below",), by=("derivation",)),
    ],
    notes="The first term is exact at T = 1, eta = 1/L; a long slope attains half of the second as T grows.",
)


@deterministic.derivation
def descent_sums(proof):
    k = proof.index("k", 0, T - 1)
    proof.high(k)
    s, n, g = share(k), norm(k), slope(k)
    zero, one, below, either = proof.assume(factor, k)
    descent, _, _ = proof.assume(lipschitz_gradient(f, L), x(k), x(k + 1))
    short = proof.certificate(Ge(1 - eta * L, 0), [(L, proof.high(eta))])
    fall = proof.certificate(
        Ge(f(x(k)) - f(x(k + 1)), eta / 2 * s * sq(g)),
        [
            (1, descent),
            (eta / 2 * sq(g), proof.product(zero, one)),
            (1, proof.product(short, proof.sign(eta * s**2 * sq(g) / 2))),
        ],
        using=[proof.assume(update, k)],
    )
    total = proof.telescoped(fall, f(x(k)), k, 0, T)
    begin, floor = proof.assume(start_gap(f, x(0), f_low, Delta)), proof.assume(bounded_below(f, f_low), x(T))
    long = proof.root(proof.assume(smallest, k), least)
    bound = Max(plain, clipped)

    def clipped_often(case):  # g_min >= c: every clipped gradient has norm c
        longer = proof.certificate(Ge(n - c, 0), [(1, long), (1, case)])
        flat = proof.certificate(Ge(0, (c - s * n) ** 2), [(-1, either), (1, proof.product(longer, below))])
        full = proof.root(flat, c - s * n)
        height = proof.certificate(Ge(s * sq(g), c * least), [(n, full), (c, long)])
        every = proof.sum_of(height, k, 0, T - 1)
        weight = 1 / (c * T)
        small = proof.certificate(
            Ge(clipped, least),
            [(weight, every), (2 / eta * weight, total), (2 / eta * weight, floor), (-2 / eta * weight, begin)],
        )
        return proof.certificate(Ge(bound, least), [(1, small), (1, proof.extreme(bound, clipped))])

    def clipped_seldom(case):  # g_min < c: every clipped gradient has norm g_min at least
        width = (n - least) + (c - least)
        proof.certificate(Gt(width, 0), [(1, long), (1, case)])
        reach = proof.certificate(
            Ge(s * n, least),
            [(1 / width, proof.product(long, case)), (-1 / width, either)],
            [(1 / width, s * n - least)],
        )
        height = proof.certificate(Ge(s * sq(g), least**2), [(n, reach), (least, long)])
        every = proof.sum_of(height, k, 0, T - 1)
        weight = 1 / T
        small = proof.root(
            proof.certificate(
                Ge(2 * Delta / (eta * T), least**2),
                [(weight, every), (2 / eta * weight, total), (2 / eta * weight, floor), (-2 / eta * weight, begin)],
            ),
            least,
        )
        return proof.certificate(Ge(bound, least), [(1, small), (1, proof.extreme(bound, plain))])

    proof.conclude(proof.by_cases(least - c, clipped_often, clipped_seldom))


@deterministic.experiment(cases=[{"dimension": 1}, {"dimension": 8}])
def sawtooth(xp, rng, case, size):
    """Slopes with dips; a start from which all steps, some, or none stay on the slope, clipped or not."""
    slope = case.c * log_uniform(xp, rng, (size,), 0.3, 10)
    step = xp.minimum(slope, 0 * slope + case.c) * case.eta
    stretch = log_uniform(xp, rng, (size,), 0.1, 10) ** rng.bernoulli(0.5, (size,))
    period = xp.minimum(step * stretch, 2 * slope / case.L)
    F = Sawtooth(xp, case.L, rng.sphere((size, case.dimension)), slope, mixed_uniform(rng, (size,)), period, case.T)
    point = ((case.T - 1) * mixed_uniform(rng, (size,)) * step)[:, None] * F.axis
    low = -slope * slope / (2 * case.L)
    path, small = [point], None
    for _ in range(case.T):
        g = F.grad(point)
        length = xp.sqrt(xp.sq(g))
        small = length if small is None else xp.minimum(small, length)
        share = case.c / xp.maximum(length, 0 * length + case.c)
        point = point - case.eta * share[:, None] * g
        path = [*path, point][:3]
    return {
        "quantity": small,
        "g_min": small,
        "Delta": F.value(path[0]) - low,
        "f_low": low,
        "instance": {f: F, x: path},
    }
