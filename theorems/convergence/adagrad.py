"""What theorems on AdaGrad-Norm share: the method, and the argument that its accumulated norm stays bounded.

    b_{t+1}^2 = b_t^2 + |g_t|^2,     x_{t+1} = x_t - (eta/b_{t+1}) g_t,     b_0, eta > 0,

for a function that is beta-smooth (convex or not) and bounded below; Delta = f(x_0) - f_low.
"""

from sympy import Eq, Function, Ge, Gt, Rational, Symbol, log, sqrt, symbols

from gdverify import Integers, Observed, Positive, ScalarFunction, VectorSequence, sq
from gdverify.classes import bounded_below, recursion, smooth, start_gap
from gdverify.instances import Sawtooth, log_uniform, mixed_uniform, smooth_convex
from gdverify.laws import equation

beta, eta, b_0, Delta = symbols("beta eta b_0 Delta", positive=True)
f_low, j = Symbol("f_low", real=True), Symbol("j", integer=True, nonnegative=True)
T, t = Symbol("T", integer=True, positive=True), Symbol("t", integer=True, nonnegative=True)
f, x, b = ScalarFunction("f"), VectorSequence("x"), Function("b", real=True)

first = equation("b starts at b_0", b(0), b_0)
setting = [smooth(f, beta), bounded_below(f, f_low), start_gap(f, x(0), f_low, Delta), first]
regime = {
    beta: Positive(sample=(Rational(1, 100), 100), log=True),
    eta: Positive(sample=(Rational(1, 100), 100), log=True),
    b_0: Positive(sample=(Rational(1, 100), 100), log=True),
    T: Integers(1, sample=(1, 40)),
    f_low: Observed(),
    Delta: Observed(0, open="left"),
}


def accumulate(g):
    """b_{t+1} = (b_t^2 + |g_t|^2)^{1/2}; ``g`` gives the vector at an index."""
    return recursion(b(t + 1), sqrt(b(t) ** 2 + sq(g(t))))


def move(g):
    """x_{t+1} = x_t - (eta/b_{t+1}) g_t."""
    return recursion(x(t + 1), x(t) - eta / b(t + 1) * g(t))


def ceiling(rate, a):
    """2 b_0 + 2 Delta/rate + a (log(a/b_0) - 1), which b never exceeds; see `bounded`."""
    return 2 * b_0 + 2 * Delta / rate + a * (log(a) - log(b_0) - 1)


def positive(proof, rule, k):
    """b_s > 0 at s = k, k + 1 and T."""
    s = proof.index("s")
    start = proof.certificate(Gt(b(0), 0), [(1, proof.sign(b_0))], using=[proof.assume(first)])
    grown = lambda now: proof.certificate(
        Gt(b(s + 1), 0), [(1, proof.sign(proof.assume(rule, s).right))], using=[proof.assume(rule, s)]
    )
    every = proof.induction(Gt(b(s), 0), s, start, grown)
    for at in (k, k + 1, T):
        proof.instantiate(every, {s: at})


def bounded(proof, rule, g, k, fall, rate, cost):
    """`ceiling` >= b_T, and the sum of |g_t|^2 over t < T.

    Parameters
    ----------
    fall : the fact f(x_k) - f(x_{k+1}) >= rate |g_k|^2/b_{k+1} - cost |g_k|^2/b_{k+1}^2, at the generic k
    rate, cost : positive constants

    Notes
    -----
    |g|^2/b_{k+1} >= b_{k+1} - b_k and |g|^2/b_{k+1}^2 <= 2 log(b_{k+1}/b_k); the sum of these is an inequality in b_T
    alone, and log b_T <= log a + b_T/a - 1 at a = 4 cost/rate leaves half of b_T on the left.
    """
    v = proof.scalar("v", Positive())
    a = 4 * cost / rate
    here, there = b(k), b(k + 1)
    square = proof.certificate(Eq(there**2, here**2 + sq(g(k))), using=[proof.assume(rule, k)])
    tangent = proof.instantiate(proof.tangent(-log(v), v, there), {v: here})
    grown = proof.certificate(
        Ge(there, here), [(1 / (here + there), square), (1 / (here + there), proof.sign(sq(g(k))))]
    )
    energy = lambda s: f(x(s)) + rate * b(s) - 2 * cost * log(b(s))
    decrease = proof.certificate(
        Ge(energy(k), energy(k + 1)),
        [
            (1, fall),
            (2 * cost, tangent),
            (cost / there**2 - rate / there, square),
            (rate * here / there, grown),
        ],
        [(cost, 1 - here / there)],
    )
    total = proof.telescoped(decrease, energy(k), k, 0, T)
    line = proof.instantiate(proof.tangent(-log(v), v, a), {v: b(T)})
    begin, floor = proof.assume(setting[2]), proof.assume(setting[1], x(T))
    top = proof.certificate(
        Ge(ceiling(rate, a), b(T)),
        [(2 / rate, total), (2 / rate, floor), (-2 / rate, begin), (a, line)],
        using=[proof.assume(first)],
    )
    growth = proof.telescoped(proof.certificate(Eq(there**2 - here**2, sq(g(k))), [(1, square)]), -(b(k) ** 2), k, 0, T)
    return top, growth


def landscape(xp, rng, case, size):
    """A beta-smooth function in each row, a start, and the smallest value: quadratics, Huber functions, sawteeth."""
    reach = {"near": (1e-4, 1e-3), "far": (1e-2, 10)}.get(case.family, (1e-3, 10))
    radius = log_uniform(xp, rng, (size, 1), *reach) * case.b_0 / case.beta
    if case.family == "stall":  # a long slope, along which batches that just pass the test hardly move
        axis, slope = rng.sphere((size, case.dimension)), case.b_0 * (1 + rng.uniform((size,)) / 100)
        start = case.T * case.eta * (1 - case.theta) * axis
        F = Sawtooth(xp, case.beta, axis, slope, 0 * slope, slope / case.beta, 1)
        return F, start, -slope * slope / (2 * case.beta)
    if case.family != "sawtooth":
        start = radius * rng.sphere((size, case.dimension))
        F = smooth_convex(xp, rng, start, 0.0, case.beta, 0.5)
        return F, start, xp.zeros((size,))
    slope = radius[:, 0] * case.beta
    period = slope / case.beta * 2 * mixed_uniform(rng, (size,)) + slope / case.beta / 100
    F = Sawtooth(
        xp,
        case.beta,
        rng.sphere((size, case.dimension)),
        slope,
        mixed_uniform(rng, (size,)),
        xp.minimum(period, 2 * slope / case.beta),
        20,
    )
    start = (20 * period * mixed_uniform(rng, (size,)))[:, None] * F.axis
    return F, start, -slope * slope / (2 * case.beta)
