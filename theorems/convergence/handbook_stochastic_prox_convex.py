"""Stochastic proximal gradient descent on a convex F = f + g: the averaged iterate (Garrigos & Gower 2023).

For f = (f_1 + ... + f_n)/n with every f_i convex and L_max-smooth, g convex, x* a minimiser of F,
x_{t+1} = prox_{gamma g}(x_t - gamma grad f_i(x_t)) with i uniform, and xbar_T = (x_0 + ... + x_{T-1})/T:

    0 < gamma < 1/(4 L_max):
        E F(xbar_T) - F*  <=  (R^2 + 2 gamma (F(x_0) - F*))/(2 gamma (1 - 4 gamma L_max) T)
                              + 2 gamma sigma_F/(1 - 4 gamma L_max)

with R = |x_0 - x*| and sigma_F = (1/n) sum_i |grad f_i(x*) - grad f(x*)|^2.

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Eq, Ge, Gt, Le, Rational, Symbol

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Interval,
    Mean,
    MeanBound,
    Mutant,
    Observed,
    Vector,
    VectorSequence,
    sq,
)
from gdverify.classes import convex, recursion, start
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
    gamma,
    n,
    parts_convex,
    parts_smooth,
    regime,
    t,
    tangent,
    whole,
    x,
    x_star,
)
from theorems.convergence.handbook_proximal import g
from theorems.convergence.handbook_stochastic_prox import noise, run, sigma_F, stationary, update, variance

Delta = Symbol("Delta", nonnegative=True)
y, x_bar, partial = VectorSequence("y"), Vector("x_bar"), VectorSequence("s")
F = lambda point: f(point) + g(point)
full_step = recursion(y(t), x(t) - gamma * f.grad(x(t)) - gamma * g.grad(y(t)), t)
average = [
    recursion(partial(t + 1), partial(t) + x(t)),
    equation("no iterate summed at first", partial(0), 0),
    equation("x_bar is the mean of x_0, ..., x_{T-1}", partial(T), T * x_bar),
]
begin_gap = equation("initial gap of F", F(x(0)) - F(x_star), Delta)


def unbiased(s):
    """What a uniform draw that is independent of x_s says of values, and of slopes along what x_s determines."""
    drawn, d, v, mean = Part(draw(s)), x(s) - x_star, Part(draw(s)).grad(x(s)), f.grad(x(s))
    same = lambda a, b: Eq(Mean(a), Mean(b), evaluate=False)
    bregman = lambda h: h(x(s)) - h(x_star) - Inner(h.grad(x_star), d)
    return [
        same(bregman(drawn), bregman(f)),
        same(Inner(v, y(s) - x_star), Inner(mean, y(s) - x_star)),
        same(Inner(v, mean), sq(mean)),
        same(Inner(v, f.grad(x_star)), Inner(mean, f.grad(x_star))),
    ]


sampling = Assumption("the index is drawn uniformly, independently of the past", unbiased, key=("uniform-sampling",))
rest = 1 - 4 * gamma * L_max

prox_sgd = Claim(
    id="handbook.stochastic-prox-gradient",
    title="Stochastic proximal gradient descent on convex functions: the averaged iterate",
    paper=PAPERS["handbook"],
    locator="stochastic proximal gradient descent, convex, constant step; constants derived here",
    statement=r"f_i \text{ convex and } L_{\max}\text{-smooth},\ g \text{ convex},\ 0<\gamma<\tfrac{1}{4L_{\max}}:"
    r"\quad \mathbb{E} F(\bar x_T)-F^\star \le \frac{\|x_0-x^\star\|^2+2\gamma(F(x_0)-F^\star)}"
    r"{2\gamma(1-4\gamma L_{\max})T} + \frac{2\gamma\sigma^\star_F}{1-4\gamma L_{\max}}",
    symbols={
        **regime,
        gamma: Interval(0, 1 / (4 * L_max), open="both", sample=(1 / (400 * L_max), 1 / (5 * L_max))),
        T: Integers(1, sample=(1, 40)),
        R: Observed(0, open="left"),
        Delta: Observed(0),
        sigma_F: Observed(0),
    },
    assumptions=[
        parts_convex,
        parts_smooth,
        whole,
        convex(g),
        stationary,
        sampling,
        noise,
        update,
        full_step,
        start(x(0), x_star, R),
        begin_gap,
        *average,
    ],
    decides=MeanBound(
        quantity=F(x_bar) - F(x_star),
        bound=(R**2 + 2 * gamma * Delta) / (2 * gamma * rest * T) + 2 * gamma * sigma_F / rest,
    ),
    mutants=[
        Mutant(
            "a tenth off the first term",
            decides={
                "bound": (Rational(9, 10) * R**2 + 2 * gamma * Delta) / (2 * gamma * rest * T)
                + 2 * gamma * sigma_F / rest
            },
            cases=({"family": "slope", "dimension": 1, "T": 40, "gamma": 1 / (400 * L_max)},),
        ),
        Mutant(
            "no initial value",
            decides={"bound": R**2 / (2 * gamma * rest * T) + 2 * gamma * sigma_F / rest},
            cases=({"family": "slope", "dimension": 1, "T": 1, "gamma": 1 / (400 * L_max)},),
        ),
        Mutant(
            "1/32 of the noise",
            decides={"bound": (R**2 + 2 * gamma * Delta) / (2 * gamma * rest * T) + gamma * sigma_F / (16 * rest)},
            cases=({"family": "additive", "dimension": 1, "T": 40, "near": 1, "gamma": 1 / (40 * L_max)},),
        ),
        Mutant("g need not be convex", drop=("g is convex",), by=("derivation",)),
        Mutant("the parts need not be convex", drop=("every f_i is convex",), by=("derivation",)),
    ],
    notes="The first term is exact as gamma L_max falls and T grows (f = 0, g = R|x|/(gamma T)), the initial value is "
    "needed at T = 1; the noise term is loose by 20 or so. The proof compares with y_t, the step of the "
    "whole gradient.",
)


def smooth_mean(proof, here, there, name):
    """f(x) + <grad f(x), y - x> + L_max/2 |y - x|^2 >= f(y): a mean of smooth functions is smooth."""
    j = proof.index(name, 1, n)
    total = proof.sum_of(proof.assume(parts_smooth, j, here, there), j, 1, n)
    (at_here, slope), (at_there, _) = proof.assume(whole, here, there - here), proof.assume(whole, there, there - here)
    return proof.certificate(
        Ge(f(here) + Inner(f.grad(here), there - here) + L_max / 2 * sq(there - here), f(there)),
        [(1 / n, total), (1, at_here), (1, slope), (-1, at_there)],
    )


@prox_sgd.derivation
def telescoping(proof):
    k = proof.index("k")
    drawn, d, after = Part(draw(k)), x(k) - x_star, x(k + 1) - x_star
    v, mean, flat = drawn.grad(x(k)), f.grad(x(k)), f.grad(x_star)
    gap = lambda s: F(x(s)) - F(x_star)
    moves, full = proof.assume(update, k), proof.assume(full_step, k)
    short = proof.certificate(Gt(rest, 0), [(4 * L_max, proof.high(gamma))])
    # prox is monotone: |x_{k+1} - y_k| <= gamma |v - grad f(x_k)|
    up, down = proof.assume(convex(g), x(k + 1), y(k)), proof.assume(convex(g), y(k), x(k + 1))
    apart = x(k + 1) - y(k)
    near = proof.certificate(
        Ge(Inner(v - mean, apart) + gamma * sq(v - mean), 0),
        [(1, up), (1, down)],
        [(1 / gamma, apart + gamma * (v - mean))],
        using=[moves, full],
    )
    # |d|^2 - |d+|^2 >= 2 gamma (F(x_{k+1}) - F*) + 2 gamma <v - f', y_k - x*> - 2 gamma^2 |v - f'|^2, f' = grad f(x_k)
    slope, descent = tangent(proof, x(k), x_star, "p"), smooth_mean(proof, x(k), x(k + 1), "q")
    small = proof.certificate(Ge(1 - gamma * L_max, 0), [(1, short)], [(3 * gamma * L_max, 1)])
    surely = proof.certificate(
        Ge(
            sq(d) - sq(after) + 2 * gamma**2 * sq(v - mean),
            2 * gamma * gap(k + 1) + 2 * gamma * Inner(v - mean, y(k) - x_star),
        ),
        [
            (2 * gamma, proof.assume(convex(g), x(k + 1), x_star)),
            (2 * gamma, slope),
            (2 * gamma, descent),
            (2 * gamma, near),
        ],
        [(small.left, x(k + 1) - x(k))],
        using=[moves],
    )
    # E|v - grad f(x_k)|^2 <= E|v - grad f(x*)|^2 <= 4 L_max (F(x_k) - F*) + 2 sigma_F
    between = proof.mean(proof.certificate(Ge(sq(mean - flat), 0), [], [(1, mean - flat)]))
    value, along, square, cross = proof.assume(sampling, k)
    spread, variance_now = variance(proof, k), proof.assume(noise, k)
    level = proof.assume(convex(g), x_star, x(k))
    still = proof.mean(proof.assume(stationary, d))
    step = proof.certificate(
        Ge(
            Mean(sq(d)) - Mean(sq(after)) + 8 * gamma**2 * L_max * Mean(gap(k)) + 4 * gamma**2 * sigma_F,
            2 * gamma * Mean(gap(k + 1)),
        ),
        [(1, proof.mean(surely)), (2 * gamma, along), (2 * gamma**2, proof.mean(spread)),
         (-8 * gamma**2 * L_max, value),
         (-4 * gamma**2, variance_now), (8 * gamma**2 * L_max, proof.mean(level)), (8 * gamma**2 * L_max, still),
         (4 * gamma**2, square), (-4 * gamma**2, cross), (2 * gamma**2, between)],
    )  # fmt: skip
    # Jensen's inequality for x_bar comes with the sum: the tangents at x_bar, kept in the potential by partial sums.
    jensen = proof.mean(tangent(proof, x_bar, x(k), "l"))
    jensen_g = proof.mean(proof.assume(convex(g), x_bar, x(k)))
    pull = f.grad(x_bar) + g.grad(x_bar)
    height = Mean(F(x_bar) - F(x_star) - Inner(pull, x_bar))
    energy = lambda s: (
        Mean(sq(x(s) - x_star))
        + 2 * gamma * Mean(gap(s))
        + s * (2 * gamma * rest * height - 4 * gamma**2 * sigma_F)
        + 2 * gamma * rest * Mean(Inner(pull, partial(s)))
    )
    decrease = proof.certificate(
        Ge(energy(k), energy(k + 1)),
        [(1, step), (2 * gamma * rest, jensen), (2 * gamma * rest, jensen_g)],
        using=[proof.assume(average[0], k)],
    )
    total = proof.telescoped(decrease, energy(k), k, 0, T)
    first, value_first = proof.mean(proof.assume(start(x(0), x_star, R))), proof.mean(proof.assume(begin_gap))
    end = proof.mean(proof.certificate(Ge(sq(x(T) - x_star), 0), [], [(1, x(T) - x_star)]))
    last = proof.certificate(
        Ge(gap(T), 0),
        [(1, tangent(proof, x_star, x(T), "m")), (1, proof.assume(convex(g), x_star, x(T))),
         (1, proof.assume(stationary, x(T) - x_star))],
    )  # fmt: skip
    c = 1 / (2 * gamma * rest * T)
    proof.conclude(
        proof.certificate(
            Le(Mean(F(x_bar) - F(x_star)), prox_sgd.decides.bound),
            [(c, total), (c, end), (-c, first), (-2 * gamma * c, value_first), (2 * gamma * c, proof.mean(last))],
            using=[proof.assume(average[1]), proof.assume(average[2])],
        )
    )


PATHS = 8  # of one instance in a row: the mean of their values has lighter tails


@prox_sgd.experiment(
    cases=[
        {"family": "mixed", "dimension": 4},
        {"family": "slope", "dimension": 1},
        {"family": "additive", "dimension": 1, "near": 1},
    ],
    samples={"smoke": 20_000, "standard": 200_000, "full": 10_000_000},
)
def averages(xp, rng, case, size):
    n, d, shared = case.n, case.dimension, rng.shared
    radius = 1e-3 * case.gamma if "near" in case else log_uniform(xp, shared, (), 0.1, 10)
    begin = radius * shared.sphere((d,)) + xp.zeros((PATHS * size, d))
    tilt, weight, turn = balanced_tilts(xp, shared, (n, d)), xp.zeros((d,)), None
    if case.family == "slope":  # down the slope of g all the way
        curvature, tilt = xp.zeros((n, d)), 0 * tilt
        weight = radius / (case.gamma * case.T) * xp.ones((d,))
    elif case.family == "additive":  # the curvature at which noise hurts the average most
        curvature = min(case.L_max, 2 / (case.gamma * case.T)) * xp.ones((n, d))
    else:
        curvature = case.L_max * mixed_uniform(shared, (n, d))
        weight, turn = shared.uniform((d,)), radius * log_uniform(xp, shared, (d,), 1e-2, 10)
    part = FiniteSum(xp, curvature, tilt, turn)
    lean = weight * (2 * mixed_uniform(shared, (d,)) - 1) if case.family == "mixed" else 0 * weight
    whole_value = lambda z: part.value(z) + xp.sum(lean * z + weight * xp.abs(z), axis=-1)
    path = run(xp, rng, part, lean, weight, begin, case.gamma, case.T, PATHS)
    values = xp.reshape(whole_value(sum(path[1:-1], path[0]) / case.T), (size, PATHS))
    return {"quantity": xp.mean(values, axis=-1), "R": radius, "Delta": whole_value(begin)[0], "sigma_F": part.noise()}
