"""SGD with momentum: the last iterate (Garrigos & Gower 2023).

For f = (f_1 + ... + f_n)/n with every f_i convex and L_max-smooth, z_0 = x_0, i uniform, and

    z_{t+1} = z_t - eta grad f_i(x_t),        x_{t+1} = ((t + 1) x_t + 2 z_{t+1})/(t + 3),

which is x_{t+1} = x_t - 2 eta/(t + 3) grad f_i(x_t) + t/(t + 3) (x_t - x_{t-1}):

    0 < eta <= 1/(4 L_max):    E f(x_T) - f*  <=  R^2/(eta (T + 1)) + 2 eta sigma_star

with R = |x_0 - x*| and sigma_star = (1/n) sum_i |grad f_i(x*)|^2.

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Eq, Ge, Le, Symbol

from gdverify import Assumption, Claim, Inner, Integers, Interval, Mean, MeanBound, Mutant, VectorSequence, sq
from gdverify.classes import minimiser, recursion, start
from gdverify.instances import FiniteSum, balanced_tilts, log_uniform, mixed_uniform
from gdverify.laws import equation
from theorems import PAPERS
from theorems.convergence.finite_sums import (
    L_max,
    Part,
    R,
    T,
    cocoercive,
    draw,
    f,
    noise,
    observed,
    parts_convex,
    parts_smooth,
    regime,
    sigma_star,
    t,
    tangent,
    whole,
    x,
    x_star,
)

eta, z = Symbol("eta", positive=True), VectorSequence("z")


def unbiased(s):
    """What a uniform draw that is independent of x_s and z_s says of the values and gradients at x_s and x_star."""
    drawn = Part(draw(s))
    same = lambda a, b: Eq(Mean(a), Mean(b), evaluate=False)
    return [
        same(drawn(x(s)), f(x(s))),
        same(drawn(x_star), f(x_star)),
        same(Inner(drawn.grad(x(s)), z(s) - x_star), Inner(f.grad(x(s)), z(s) - x_star)),
        same(Inner(drawn.grad(x_star), x(s) - x_star), Inner(f.grad(x_star), x(s) - x_star)),
    ]


sampling = Assumption("the index is drawn uniformly, independently of the past", unbiased, key=("uniform-sampling",))
move = recursion(z(t + 1), z(t) - eta * Part(draw(t)).grad(x(t)), t)
average = recursion(x(t + 1), ((t + 1) * x(t) + 2 * z(t + 1)) / (t + 3), t)
together = equation("both sequences start at x_0", z(0), x(0))

momentum = Claim(
    id="handbook.momentum-last-iterate",
    title="SGD with momentum on convex smooth functions: the last iterate",
    paper=PAPERS["handbook"],
    locator="stochastic momentum, convex and smooth, last iterate; constants derived here",
    statement=r"f_i \text{ convex and } L_{\max}\text{-smooth},\ 0<\eta\le \tfrac{1}{4L_{\max}}:\quad"
    r" \mathbb{E} f(x_T)-f^\star \le \frac{\|x_0-x^\star\|^2}{\eta (T+1)} + 2\eta\sigma^\star",
    symbols={
        **regime,
        eta: Interval(0, 1 / (4 * L_max), open="left"),
        T: Integers(0, sample=(1, 40)),
        **observed,
    },
    assumptions=[
        parts_convex,
        parts_smooth,
        whole,
        sampling,
        minimiser(f, x_star),
        noise,
        move,
        average,
        together,
        start(x(0), x_star, R),
    ],
    decides=MeanBound(quantity=f(x(T)) - f(x_star), bound=R**2 / (eta * (T + 1)) + 2 * eta * sigma_star),
    mutants=[
        Mutant(
            "a third of the first term",
            decides={"bound": R**2 / (3 * eta * (T + 1)) + 2 * eta * sigma_star},
            cases=({"family": "huber", "dimension": 1, "T": 40, "eta": 1 / (4 * L_max)},),
        ),
        Mutant(
            "decay like 1/T^2",
            decides={"bound": R**2 / (eta * (T + 1) ** 2) + 2 * eta * sigma_star},
            cases=({"family": "huber", "dimension": 1, "T": 10, "eta": 1 / (4 * L_max)},),
        ),
        Mutant(
            "a sixteenth of the noise term",
            decides={"bound": R**2 / (eta * (T + 1)) + eta * sigma_star / 8},
            cases=({"family": "additive", "dimension": 1, "T": 40, "near": 1, "eta": 1 / (4 * L_max)},),
        ),
        Mutant(
            "the noise averages out like 1/T",
            decides={"bound": R**2 / (eta * (T + 1)) + 2 * eta * sigma_star / T},
            cases=({"family": "additive", "dimension": 1, "T": 40, "near": 1, "eta": 1 / (4 * L_max)},),
        ),
        Mutant("the parts need not be convex", drop=("every f_i is convex",), by=("derivation",)),
    ],
    notes="Loose: without noise Huber functions attain 3 L R^2/(8 eta L T + 6), 3/8 of the first term as T grows; "
    "additive noise on quadratics attains a tenth of the second.",
)


@momentum.derivation
def telescoping(proof):
    j = proof.index("j")
    gap = lambda s: Mean(f(x(s)) - f(x_star))
    distance = lambda s: Mean(sq(z(s) - x_star))
    short = proof.certificate(Ge(1 - 4 * L_max * eta, 0), [(4 * L_max, proof.high(eta))])
    begin = proof.mean(proof.assume(start(x(0), x_star, R)))
    first = proof.certificate(
        Ge(R**2 + 2 * eta**2 * sigma_star, distance(1) + eta * gap(0)),
        [(1, expected_move(proof, 0)), (2 * eta, proof.mean(tangent(proof, x(0), x_star, "m"))), (-1, begin),
         (eta, proof.product(short, proof.mean(proof.assume(minimiser(f, x_star), x(0)))))],
        using=[proof.assume(together)],
    )  # fmt: skip
    # z_k = x_k + k/2 (x_k - x_{k-1}) for k = j + 1
    k = j + 1
    to_star, back = tangent(proof, x(k), x_star, "p"), tangent(proof, x(k), x(j), "q")
    least = proof.mean(proof.assume(minimiser(f, x_star), x(k)))
    energy = lambda s: distance(s + 1) + eta * (s + 1) * gap(s) - 2 * eta**2 * sigma_star * s
    fall = proof.certificate(
        Ge(energy(j), energy(j + 1)),
        [(1, expected_move(proof, k)), (2 * eta, proof.mean(to_star)), (eta * k, proof.mean(back)),
         (eta, proof.product(short, least))],
        using=[proof.assume(average, j)],
    )  # fmt: skip
    total = proof.telescoped(fall, energy(j), j, 0, T)
    end = proof.mean(proof.certificate(Ge(sq(z(T + 1) - x_star), 0), [], [(1, z(T + 1) - x_star)]))
    c = 1 / (eta * (T + 1))
    proof.conclude(proof.certificate(Le(gap(T), R**2 * c + 2 * eta * sigma_star), [(c, total), (c, end), (c, first)]))


def expected_move(proof, k):
    """E|d|^2 - E|d+|^2 + 2 eta^2 sigma_star + 4 L_max eta^2 E(f(x_k) - f*) >= 2 eta E<grad f(x_k), d>, d = z_k - x*."""
    drawn, d = Part(draw(k)), z(k) - x_star
    g, g_star = drawn.grad(x(k)), drawn.grad(x_star)
    excess = drawn(x(k)) - drawn(x_star) - Inner(g_star, x(k) - x_star)
    c = 4 * L_max * eta**2
    surely = proof.certificate(
        Ge(sq(d) - sq(z(k + 1) - x_star) + 2 * eta**2 * sq(g_star) + c * excess, 2 * eta * Inner(g, d)),
        [(c, cocoercive(proof, draw(k), x(k), x_star))],
        [(eta**2, g - 2 * g_star)],
        using=[proof.assume(move, k)],
    )
    value, low, slope, slope_star = proof.assume(sampling, k)
    flat = proof.mean(proof.assume(minimiser(f, x_star), direction=x(k) - x_star))
    fall = Mean(sq(d)) - Mean(sq(z(k + 1) - x_star)) + 2 * eta**2 * sigma_star
    return proof.certificate(
        Ge(fall + c * Mean(f(x(k)) - f(x_star)), 2 * eta * Mean(Inner(f.grad(x(k)), d))),
        [(1, proof.mean(surely)), (-2 * eta**2, proof.assume(noise, k)), (-c, value), (c, low), (c, slope_star),
         (c, flat), (2 * eta, slope)],
    )  # fmt: skip


PATHS = 8  # of one instance in a row: the mean of their values has lighter tails


@momentum.experiment(
    cases=[
        {"family": "mixed", "dimension": 4},
        {"family": "huber", "dimension": 1},
        {"family": "additive", "dimension": 1, "near": 1},
    ],
    samples={"smoke": 20_000, "standard": 1_000_000, "full": 50_000_000},
)
def last_values(xp, rng, case, size):
    n, d, shared = case.n, case.dimension, rng.shared
    radius = 1e-3 * case.eta if "near" in case else log_uniform(xp, shared, (), 0.1, 10)
    begin = radius * shared.sphere((d,)) + xp.zeros((PATHS * size, d))
    curvature, tilt = case.L_max * xp.ones((n, d)), xp.zeros((n, d))
    turn = None
    if case.family == "huber":  # turns where the last iterate is slowest
        turn = 6 * radius / (8 * case.eta * case.L_max * case.T + 6) * xp.ones((d,))
    elif case.family == "additive":
        tilt = balanced_tilts(xp, shared, (n, d))
    else:
        turn = radius * log_uniform(xp, shared, (d,), 1e-2, 10)
        curvature = case.L_max * mixed_uniform(shared, (n, d))
        tilt = shared.uniform((), 0.3, 1) * balanced_tilts(xp, shared, (n, d))
    F = FiniteSum(xp, curvature, tilt, turn)
    drawn = xp.reshape(rng.integers(0, n, (size, PATHS * case.T)), (PATHS * size, case.T))
    here = far = begin
    for s in range(case.T):
        far = far - case.eta * F.grad(drawn[:, s], here)
        here = ((s + 1) * here + 2 * far) / (s + 3)
    values = xp.reshape(F.value(here), (size, PATHS))
    return {"quantity": xp.mean(values, axis=-1), "R": radius, "sigma_star": F.noise()}
