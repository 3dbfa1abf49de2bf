"""What over-parameterisation costs gradient descent in asymmetric matrix sensing, in one mode (Xiong et al. 2023).

Loss f^2 g^2/2: a direction in which the target matrix is zero, with all measurements, from f_0 > g_0 > 0:

    f+ = f - eta f g^2,      g+ = g - eta g f^2.

For eta f_0^2 <= 1 and D = f_0^2 - g_0^2,

    g_0 (1 - eta f_0^2)^T  <=  g_T  <=  g_0 (1 - eta D (1 - eta f_0^2))^T:

a linear rate, as fast as the start is large and unbalanced.

Reference: arXiv:2310.01769, whose theorems are about random starts and restricted isometries.  These are derived here.
"""

from sympy import Function, Ge, Gt, Le, Rational, Symbol

from gdverify import Claim, Domain, Integers, Interval, Mutant, Observed, SureBound
from gdverify.classes import recursion
from gdverify.laws import equation
from theorems import PAPERS
from theorems.edge_of_stability.overparam_gd import T, eta, s, t

f0, g0, later = (Symbol(name, positive=True) for name in ("f_0", "g_0", "later"))
f, g = Function("f"), Function("g")

step_f = recursion(f(t + 1), f(t) - eta * f(t) * g(t) ** 2)
step_g = recursion(g(t + 1), g(t) - eta * g(t) * f(t) ** 2)
starts = [equation("start of f", f(0), f0), equation("start of g", g(0), g0)]
scale_f = equation("s is the step in units of 1/f_0^2", eta * f0**2, s)
gap = f0**2 - g0**2
slowest = 1 - eta * gap * (1 - eta * f0**2)
pair = {
    s: Interval(0, 1, open="left"),
    T: Integers(0, sample=(1, 100)),
    f0: Observed(0, open="left"),
    g0: Domain(0, f0, low_open=True, high_open=True, observed=True),
    eta: Observed(0, open="left"),
}

asymmetric = Claim(
    id="overparam-slows-gd.asymmetric-linear",
    title="An unbalanced start makes gradient descent on a superfluous asymmetric direction converge linearly",
    paper=PAPERS["overparam-slows-gd"],
    locator="one mode of the population loss; rate derived here",
    statement=r"\eta f_0^2\le1,\ f_0>g_0>0:\quad g_T \le g_0\bigl(1-\eta(f_0^2-g_0^2)(1-\eta f_0^2)\bigr)^T",
    symbols=pair,
    assumptions=[step_f, step_g, *starts, scale_f],
    decides=SureBound(quantity=g(T), bound=g0 * slowest**T),
    mutants=[
        Mutant("as for f that stays put", decides={"bound": g0 * (1 - eta * f0**2) ** T}),
        Mutant("f_0^2 for the difference", decides={"bound": g0 * (1 - eta * f0**2 * (1 - eta * f0**2)) ** T}),
        Mutant("f moves twice as fast", drop=(step_f.name,), by=("derivation",)),
    ],
    notes="As g_0 -> 0 and eta f_0^2 -> 0 the rate is exact.",
)
end = equation("later is the value of g after T steps", g(T), later)

floor = Claim(
    id="overparam-slows-gd.asymmetric-floor",
    title="On a superfluous asymmetric direction gradient descent is no faster than 1 - eta f_0^2",
    paper=PAPERS["overparam-slows-gd"],
    locator="one mode of the population loss; rate derived here",
    statement=r"\eta f_0^2\le1,\ f_0>g_0>0:\quad g_0(1-\eta f_0^2)^T \le g_T",
    symbols={**pair, s: Interval(0, 1, open="both"), later: Observed(0, open="left")},
    assumptions=[step_f, step_g, *starts, scale_f, end],
    decides=SureBound(quantity=g0, bound=later / (1 - eta * f0**2) ** T),
    mutants=[
        Mutant("as for Delta in place of f_0^2", decides={"bound": later / (1 - eta * gap) ** T}),
        Mutant("1% slower", decides={"bound": Rational(99, 100) * later / (1 - eta * f0**2) ** T}),
    ],
    notes="Attained at T = 1.",
)


def bounds(proof, k):
    """At every k: f and g are >= 0, f <= f_0, 1 >= eta f^2 and 1 >= eta g^2; also the start and f_0 > g_0."""
    moves = [proof.assume(step_f, k), proof.assume(step_g, k)]
    begin = [proof.assume(a) for a in starts]
    unit, one, less = proof.assume(scale_f), proof.high(s), proof.high(g0)
    zero = lambda e: Ge(e, 0, evaluate=False)
    narrow = proof.certificate(zero(gap), [(f0 + g0, less)])
    edge = proof.certificate(zero(1 - eta * f0**2), [(1, one), (-1, unit)])
    energy = lambda j: zero(2 - eta * (f(j) ** 2 + g(j) ** 2))
    first = proof.certificate(energy(0), [(2, edge), (eta, narrow)], using=begin)

    def falls(now):
        room = proof.certificate(zero(4 - eta * (f(k) ** 2 + g(k) ** 2)), [(1, now)], [(2, 1)])
        return proof.certificate(energy(k + 1), [(1, now), (eta**2 * f(k) ** 2 * g(k) ** 2, room)], using=moves)

    total = proof.induction(energy(k), k, first, falls)
    small = []
    for a, b, a0, start in ((f, g, f0, begin[0]), (g, f, g0, begin[1])):
        target = lambda j, a=a, a0=a0: zero(a0**2 - a(j) ** 2)
        room = proof.certificate(zero(2 - eta * b(k) ** 2), [(1, total)], [(eta, a(k))])
        weight = eta * a(k) ** 2 * b(k) ** 2
        step = lambda now, target=target, w=weight, r=room: proof.certificate(
            target(k + 1), [(1, now), (w, r)], using=moves
        )
        small.append(proof.induction(target(k), k, proof.certificate(target(0), using=[start]), step))
    at_f = proof.certificate(zero(1 - eta * f(k) ** 2), [(1, edge), (eta, small[0])])
    at_g = proof.certificate(zero(1 - eta * g(k) ** 2), [(1, edge), (eta, small[1]), (eta, narrow)])
    for a, a0, start, keep in ((f, f0, begin[0], at_g), (g, g0, begin[1], at_f)):
        base = proof.certificate(zero(a(0)), [(1, proof.sign(a0))], using=[start])
        step = lambda now, a=a, r=keep: proof.certificate(zero(a(k + 1)), [(1, proof.product(now, r))], using=moves)
        proof.induction(zero(a(k)), k, base, step)
    base = proof.certificate(zero(f0 - f(0)), using=begin)
    weight = eta * f(k) * g(k) ** 2
    step = lambda now: proof.certificate(zero(f0 - f(k + 1)), [(1, now)], [(eta * f(k), g(k))], using=moves)
    below = proof.induction(zero(f0 - f(k)), k, base, step)
    return moves, begin, edge, narrow, small[0], at_f, at_g, below


@asymmetric.derivation
def imbalance_lasts(proof):
    k = proof.index("k")
    moves, begin, edge, narrow, _, at_f, at_g, below = bounds(proof, k)
    zero = lambda e: Ge(e, 0, evaluate=False)
    delta = lambda j: f(j) ** 2 - g(j) ** 2
    part = eta**2 * f(k) ** 2 * g(k) ** 2
    keep = proof.certificate(zero(1 - part), [(1, at_g), (eta * g(k) ** 2, at_f)])
    base = proof.certificate(zero(delta(0)), [(1, narrow)], using=begin)
    step = lambda now: proof.certificate(zero(delta(k + 1)), [(1, proof.product(now, keep))], using=moves)
    ahead = proof.induction(zero(delta(k)), k, base, step)
    base = proof.certificate(zero(gap - delta(0)), using=begin)
    step = lambda now: proof.certificate(zero(gap - delta(k + 1)), [(1, now), (part, ahead)], using=moves)
    most = proof.induction(zero(gap - delta(k)), k, base, step)
    least = lambda j: zero(delta(j) - gap * (1 - eta * f0 * (f0 - f(j))))
    weight = gap * eta**2 * f(k) * g(k) ** 2
    step = lambda now: proof.certificate(least(k + 1), [(1, now), (part, most), (weight, below)], using=moves)
    lasts = proof.induction(least(k), k, proof.certificate(least(0), using=begin), step)
    size = proof.certificate(
        zero(f(k) ** 2 - gap * (1 - eta * f0**2)), [(1, lasts), (gap * eta * f0, proof.sign(f(k)))], [(1, g(k))]
    )
    rate = proof.certificate(zero(slowest), [(1, edge), (eta**2 * f0**2, narrow)], [(eta, g0)])
    claimed = lambda j: zero(g0 * slowest**j - g(j))
    base = proof.certificate(claimed(0), using=begin)
    step = lambda now: proof.certificate(claimed(k + 1), [(rate.left, now), (eta * g(k), size)], using=moves)
    every = proof.induction(claimed(k), k, base, step)
    proof.conclude(proof.instantiate(every, {k: T}))


@floor.derivation
def f_never_grows(proof):
    k = proof.index("k")
    moves, begin, _, _, small, *_ = bounds(proof, k)
    edge = proof.certificate(Gt(1 - eta * f0**2, 0), [(1, proof.high(s)), (-1, proof.assume(scale_f))])
    claimed = lambda j: Ge(g(j) - g0 * edge.left**j, 0, evaluate=False)
    base = proof.certificate(claimed(0), using=begin)
    step = lambda now: proof.certificate(claimed(k + 1), [(edge.left, now), (eta * g(k), small)], using=moves)
    every = proof.instantiate(proof.induction(claimed(k), k, base, step), {k: T})
    scale = edge.left**-T
    proof.conclude(proof.certificate(Le(g0, later * scale), [(scale, every), (-scale, proof.assume(end))]))


def two_factors(xp, rng, case, size):
    f0 = xp.exp(rng.normal((size,)))
    g0 = f0 * 10 ** rng.uniform((size,), -4, -0.001)
    eta = case.s / f0**2
    f, g = f0, g0
    for _ in range(case.T):
        f, g = f - eta * f * g**2, g - eta * g * f**2
    return g, {"f_0": f0, "g_0": g0, "eta": eta}


@asymmetric.experiment(samples={"smoke": 512})
def small_factor(xp, rng, case, size):
    end, start = two_factors(xp, rng, case, size)
    return {"quantity": end, **start}


@floor.experiment(samples={"smoke": 512})
def small_factor_is_slow(xp, rng, case, size):
    end, start = two_factors(xp, rng, case, size)
    return {"quantity": start["g_0"], "later": end, **start}
