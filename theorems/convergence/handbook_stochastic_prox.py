"""Stochastic proximal gradient descent on F = f + g, f strongly convex (Garrigos & Gower 2023).

For f = (f_1 + ... + f_n)/n with every f_i convex and L_max-smooth, f mu-strongly convex, g convex, x* a minimiser of F,
and x_{t+1} = prox_{gamma g}(x_t - gamma grad f_i(x_t)) with i uniform:

    0 < gamma <= 1/(2 L_max):    E |x_T - x*|^2  <=  (1 - gamma mu)^T R^2 + 2 gamma sigma_F/mu

with R = |x_0 - x*| and sigma_F = (1/n) sum_i |grad f_i(x*) - grad f(x*)|^2.

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Eq, Ge, Le, Rational, Symbol

from gdverify import Assumption, Claim, Inner, Integers, Interval, Mean, MeanBound, Mutant, Observed, sq
from gdverify.classes import convex, recursion, start, strongly_convex
from gdverify.instances import FiniteSum, balanced_tilts, clip, log_uniform, mixed_uniform
from theorems import PAPERS
from theorems.convergence.finite_sums import (
    L_max,
    Part,
    R,
    T,
    cocoercive,
    draw,
    f,
    gamma,
    parts_convex,
    parts_smooth,
    regime,
    t,
    x,
    x_star,
)
from theorems.convergence.handbook_proximal import g

sigma_F, mu = Symbol("sigma_F", nonnegative=True), Symbol("mu", positive=True)
# g.grad selects one subgradient at each point: paths that meet a point with two different ones are not covered.
stationary = Assumption(
    "x_star minimises f + g",
    lambda direction: Eq(Inner(f.grad(x_star) + g.grad(x_star), direction), 0, evaluate=False),
    latex=r"0 \in \nabla f(x^\star) + \partial g(x^\star)",
    key=("minimiser", "f + g", x_star),
)
update = recursion(x(t + 1), x(t) - gamma * Part(draw(t)).grad(x(t)) - gamma * g.grad(x(t + 1)), t)
noise = Assumption(
    "sigma_F is the mean of |grad f_i(x_star) - grad f(x_star)|^2",
    lambda s: Eq(Mean(sq(Part(draw(s)).grad(x_star) - f.grad(x_star))), sigma_F, evaluate=False),
    key=("noise", sigma_F),
)


def unbiased(s):
    """What a uniform draw that is independent of x_s says of values and slopes at x_s and x_star."""
    drawn, d = Part(draw(s)), x(s) - x_star
    same = lambda a, b: Eq(Mean(a), Mean(b), evaluate=False)
    bregman = lambda h: h(x(s)) - h(x_star) - Inner(h.grad(x_star), d)
    return [same(bregman(drawn), bregman(f)), same(Inner(drawn.grad(x(s)), d), Inner(f.grad(x(s)), d))]


sampling = Assumption("the index is drawn uniformly, independently of the past", unbiased, key=("uniform-sampling",))
setting = [parts_convex, parts_smooth, convex(g), stationary, sampling, noise, update, start(x(0), x_star, R)]


def variance(proof, k):
    """A bound on |grad f_i(x_k) - grad f(x*)|^2 by the Bregman distance of f_i and |grad f_i(x*) - grad f(x*)|^2."""
    drawn, d = Part(draw(k)), x(k) - x_star
    v, v_star, flat = drawn.grad(x(k)), drawn.grad(x_star), f.grad(x_star)
    excess = drawn(x(k)) - drawn(x_star) - Inner(v_star, d)
    return proof.certificate(
        Ge(4 * L_max * excess + 2 * sq(v_star - flat), sq(v - flat)),
        [(4 * L_max, cocoercive(proof, draw(k), x(k), x_star))],
        [(1, v - 2 * v_star + flat)],
    )


prox_sgd_strongly_convex = Claim(
    id="handbook.stochastic-prox-gradient-strongly-convex",
    title="Stochastic proximal gradient descent, strongly convex: linear convergence to a noise floor",
    paper=PAPERS["handbook"],
    locator="stochastic proximal gradient descent, strongly convex, constant step; constants derived here",
    statement=r"f_i \text{ convex and } L_{\max}\text{-smooth},\ f\ \mu\text{-strongly convex},\ g \text{ convex},\ "
    r" 0<\gamma\le \tfrac{1}{2L_{\max}}:\quad"
    r" \mathbb{E}\|x_T-x^\star\|^2 \le (1-\gamma\mu)^T\|x_0-x^\star\|^2 + \frac{2\gamma\sigma^\star_F}{\mu}",
    symbols={
        **regime,
        mu: Interval(0, L_max, open="left", sample=(L_max / 100, 3 * L_max / 4)),
        gamma: Interval(0, 1 / (2 * L_max), open="left"),
        T: Integers(0, sample=(1, 30)),
        R: Observed(0, open="left"),
        sigma_F: Observed(0),
    },
    assumptions=[*setting, strongly_convex(f, mu)],
    decides=MeanBound(quantity=sq(x(T) - x_star), bound=(1 - gamma * mu) ** T * R**2 + 2 * gamma * sigma_F / mu),
    mutants=[
        Mutant(
            "a quarter of the noise floor",
            decides={"bound": (1 - gamma * mu) ** T * R**2 + gamma * sigma_F / (2 * mu)},
            cases=(
                {"family": "additive", "dimension": 1, "near": 1, "T": 30}
                | {"L_max": 1, "mu": Rational(3, 5), "gamma": Rational(2, 5)},
            ),
        ),
        Mutant(
            "first-order rate 1 - 2 gamma mu",
            decides={"bound": (1 - 2 * gamma * mu) ** T * R**2 + 2 * gamma * sigma_F / mu},
            cases=(
                {"family": "quiet", "dimension": 1, "T": 10, "L_max": 1, "mu": Rational(1, 2), "gamma": Rational(2, 5)},
            ),
        ),
        Mutant(
            "the floor falls like 1/T",
            decides={"bound": (1 - gamma * mu) ** T * R**2 + 2 * gamma * sigma_F / (mu * T)},
            cases=(
                {"family": "additive", "dimension": 1, "near": 1, "T": 30}
                | {"L_max": 1, "mu": Rational(3, 5), "gamma": Rational(2, 5)},
            ),
        ),
        Mutant("f need not be strongly convex", drop=("f is mu-strongly convex",), by=("derivation",)),
        Mutant("g need not be convex", drop=("g is convex",), by=("derivation",)),
    ],
    notes="As loose as without g, which may be 0: additive noise on a quadratic has floor "
    "gamma sigma_F/(mu (2 - gamma mu)). Evidence draws mu from [L_max/100, 3 L_max/4].",
)


@prox_sgd_strongly_convex.derivation
def contraction(proof):
    k = proof.index("k")
    drawn, d, after = Part(draw(k)), x(k) - x_star, x(k + 1) - x_star
    v, flat = drawn.grad(x(k)), f.grad(x_star)
    spread = variance(proof, k)
    # The proximal step is monotone, hence no longer than the gradient step of the difference.
    up, down = proof.assume(convex(g), x(k + 1), x_star), proof.assume(convex(g), x_star, x(k + 1))
    surely = proof.certificate(
        Ge(sq(d) - 2 * gamma * Inner(v - flat, d) + gamma**2 * (spread.left), sq(after)),
        [(2 * gamma, up), (2 * gamma, down), (2 * gamma, proof.assume(stationary, after)), (gamma**2, spread)],
        [(1, after - d + gamma * (v - flat))],
        using=[proof.assume(update, k)],
    )
    value, slope = proof.assume(sampling, k)
    variance_now = proof.assume(noise, k)
    distance = lambda s: Mean(sq(x(s) - x_star))
    bregman = f(x(k)) - f(x_star) - Inner(flat, d)
    mean_step = proof.certificate(
        Ge(
            distance(k) - 2 * gamma * Mean(Inner(f.grad(x(k)) - flat, d)) + 4 * L_max * gamma**2 * Mean(bregman)
            + 2 * gamma**2 * sigma_F,
            distance(k + 1),
        ),
        [(1, proof.mean(surely)), (2 * gamma, slope), (-4 * L_max * gamma**2, value), (-2 * gamma**2, variance_now)],
    )  # fmt: skip
    short = proof.certificate(Ge(1 - 2 * L_max * gamma, 0), [(2 * L_max, proof.high(gamma))])
    slow = proof.certificate(Ge(1 - gamma * mu, 0), [(1, short), (gamma, proof.high(mu))], [(gamma * L_max, 1)])
    lower = proof.mean(proof.assume(strongly_convex(f, mu), x(k), x_star))
    upper = proof.assume(strongly_convex(f, mu), x_star, x(k))
    positive = proof.mean(proof.certificate(Ge(bregman, 0), [(1, upper)], [(mu / 2, d)]))
    step = proof.certificate(
        Le(distance(k + 1), (1 - gamma * mu) * distance(k) + 2 * gamma**2 * sigma_F),
        [(1, mean_step), (2 * gamma, lower), (2 * gamma * short.left, positive)],
    )
    floor = 2 * gamma * sigma_F / mu
    claimed = lambda s: Le(distance(s), (1 - gamma * mu) ** s * R**2 + floor)
    first = proof.mean(proof.assume(start(x(0), x_star, R)))
    begin = proof.certificate(claimed(0), [(-1, first), (1, proof.sign(floor))])
    every = proof.induction(
        claimed(k), k, begin, lambda now: proof.certificate(claimed(k + 1), [(slow.left, now), (1, step)])
    )
    proof.conclude(proof.instantiate(every, {k: T}))


def run(xp, rng, F, lean, weight, begin, gamma, steps, paths=1):
    """Iterates of the method on f = F + <lean, x> and g = sum weight |x|, |lean| <= weight, so that x* = 0.

    ``begin`` holds ``paths`` starts for each row, one after the other.
    """
    rows = begin.shape[0] // paths
    drawn = xp.reshape(rng.integers(0, F.tilt.shape[0], (rows, paths * steps)), (rows * paths, steps))
    path = [begin]
    for s in range(steps):
        moved = path[-1] - gamma * (F.grad(drawn[:, s], path[-1]) + lean)
        path.append(moved - clip(xp, moved, gamma * weight))
    return path


@prox_sgd_strongly_convex.experiment(
    cases=[
        {"family": "mixed", "dimension": 4, "T": 8},
        {"family": "additive", "dimension": 1, "near": 1},
        {"family": "quiet", "dimension": 1},
    ],
    samples={"smoke": 20_000, "standard": 1_000_000, "full": 50_000_000},
)
def distances(xp, rng, case, size):
    n, d, shared = case.n, case.dimension, rng.shared
    radius = 1e-3 * case.gamma if "near" in case else log_uniform(xp, shared, (), 0.1, 10)
    begin = radius * shared.sphere((d,)) + xp.zeros((size, d))
    curvature, tilt, weight = case.mu * xp.ones((n, d)), balanced_tilts(xp, shared, (n, d)), xp.zeros((d,))
    if case.family == "quiet":
        tilt = 0 * tilt
    elif case.family == "mixed":
        curvature = curvature + (case.L_max - case.mu) * shared.uniform((n, d))
        weight = shared.uniform((d,))
    F = FiniteSum(xp, curvature, tilt)
    lean = weight * (2 * mixed_uniform(shared, (d,)) - 1)  # grad f(x*); at the ends of its range, x* is barely 0
    end = run(xp, rng, F, lean, weight, begin, case.gamma, case.T)[-1]
    return {"quantity": xp.sq(end), "R": radius, "sigma_F": F.noise()}
