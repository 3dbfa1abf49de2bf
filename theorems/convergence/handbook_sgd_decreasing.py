"""SGD on a strongly convex function with a constant, then decreasing step (Garrigos & Gower 2023).

For f = (f_1 + ... + f_n)/n with every f_i convex and L_max-smooth and f mu-strongly convex, an integer K with
L_max/mu <= K < 2 L_max/mu (such as L_max/mu rounded up), and x_{t+1} = x_t - gamma_t grad f_i(x_t) with i uniform and

    gamma_t = 1/(2 L_max)   for t < 4K,        gamma_t = (2t + 1)/((t + 1)^2 mu)   for t >= 4K:

    T >= 4K:    E |x_T - x*|^2  <=  16 K^2 R^2/(e^2 T^2) + 8 sigma_star/(mu^2 T)

with R = |x_0 - x*| and sigma_star = (1/n) sum_i |grad f_i(x*)|^2.

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Eq, Ge, Gt, Le, Rational, Symbol, exp

from gdverify import Assumption, Claim, Integers, Interval, Mean, MeanBound, Mutant, Reals, sq
from gdverify.classes import minimiser, start, strongly_convex
from gdverify.instances import FiniteSum, balanced_tilts, log_uniform, mixed_uniform
from theorems import PAPERS
from theorems.convergence.finite_sums import (
    L_max,
    Part,
    R,
    T,
    draw,
    expected_step,
    f,
    observed,
    regime,
    run,
    setting,
    sigma_star,
    x,
    x_star,
)
from theorems.convergence.finite_sums import update as constant_step

mu = Symbol("mu", positive=True)
K = Symbol("K", integer=True, positive=True)
early, late = 1 / (2 * L_max), lambda s: (2 * s + 1) / ((s + 1) ** 2 * mu)
move = lambda s, step: Eq(x(s + 1), x(s) - step * Part(draw(s)).grad(x(s)), evaluate=False)
early_steps = Assumption(
    "early steps", lambda s: move(s, early), where=lambda s: [s, 4 * K - 1 - s], key=("steps", "early")
)
late_steps = Assumption("late steps", lambda s: move(s, late(s)), where=lambda s: [s - 4 * K], key=("steps", "late"))
others = [a for a in setting if a != constant_step]

sgd_decreasing = Claim(
    id="handbook.sgd-strongly-convex-decreasing",
    title="SGD with decreasing steps on a strongly convex function: O(1/T) to the solution",
    paper=PAPERS["handbook"],
    locator="stochastic gradient descent, strongly convex and smooth, decreasing step; constants derived here",
    statement=r"f_i \text{ convex and } L_{\max}\text{-smooth},\ f\ \mu\text{-strongly convex},\ "
    r"\tfrac{L_{\max}}{\mu}\le K<\tfrac{2L_{\max}}{\mu},\ T\ge 4K:\quad"
    r" \mathbb{E}\|x_T-x^\star\|^2 \le \frac{16K^2\|x_0-x^\star\|^2}{e^2T^2} + \frac{8\sigma^\star}{\mu^2T}",
    symbols={
        **regime,
        K: Integers(1, sample=(2, 5)),
        mu: Interval(L_max / K, 2 * L_max / K, open="right"),
        T: Integers(4 * K, sample=(4 * K, 8 * K)),
        **observed,
    },
    assumptions=[*others, early_steps, late_steps, strongly_convex(f, mu)],
    decides=MeanBound(
        quantity=sq(x(T) - x_star), bound=16 * K**2 * R**2 / (exp(2) * T**2) + 8 * sigma_star / (mu**2 * T)
    ),
    mutants=[
        Mutant(
            "an eighth of the noise",
            decides={"bound": 16 * K**2 * R**2 / (exp(2) * T**2) + sigma_star / (mu**2 * T)},
            cases=(
                {"family": "additive", "dimension": 1, "near": 1, "K": 5, "L_max": 1, "mu": Rational(1, 5), "T": 80},
            ),
        ),
        Mutant(
            "noise that falls like 1/T^2",
            decides={"bound": 16 * K**2 * R**2 / (exp(2) * T**2) + 8 * sigma_star / (mu**2 * T**2)},
            cases=(
                {"family": "additive", "dimension": 1, "near": 1, "K": 3, "L_max": 1, "mu": Rational(1, 3), "T": 24},
            ),
        ),
        Mutant(
            "e^(9/2) in place of e^2",
            decides={"bound": 16 * K**2 * R**2 / (exp(Rational(9, 2)) * T**2) + 8 * sigma_star / (mu**2 * T)},
            cases=({"family": "quiet", "dimension": 1, "K": 5, "L_max": 1, "mu": Rational(1, 5), "T": 20},),
        ),
        Mutant("f need not be strongly convex", drop=("f is mu-strongly convex",), by=("derivation",)),
        Mutant("nothing is said of late steps", drop=("late steps",), by=("derivation",)),
    ],
    notes="Loose: additive noise on a quadratic of curvature mu approaches (4/3) sigma_star/(mu^2 T), a sixth of the "
    "bound; its start is forgotten like e^-4 where L_max/mu = K.",
)


@sgd_decreasing.derivation
def two_phases(proof):
    distance = lambda s: Mean(sq(x(s) - x_star))
    first, second = phase_one(proof, distance), phase_two(proof, distance)
    above = proof.certificate(Ge(2 * L_max - K * mu, 0), [(K, proof.high(mu))])
    noise = proof.product(above, proof.sign(16 * K * sigma_star / (mu**2 * L_max)))
    bound = 16 * K**2 * R**2 / (exp(2) * T**2) + 8 * sigma_star / (mu**2 * T)
    proof.conclude(
        proof.certificate(Le(distance(T), bound), [(1 / T**2, second), (16 * K**2 / T**2, first), (1 / T**2, noise)])
    )


def contracts(proof, k, step, rule):
    """E|x_{k+1} - x*|^2 <= (1 - step mu) E|x_k - x*|^2 + 2 step^2 sigma_star, for a step of at most 1/(2 L_max)."""
    lower = proof.mean(proof.assume(strongly_convex(f, mu), x(k), x_star))
    least = proof.mean(proof.assume(minimiser(f, x_star), x(k)))
    short = proof.sign(1 - 2 * L_max * step)
    return proof.certificate(
        Le(Mean(sq(x(k + 1) - x_star)), (1 - step * mu) * Mean(sq(x(k) - x_star)) + 2 * step**2 * sigma_star),
        [(1, expected_step(proof, k, step, rule)), (2 * step, lower), (2 * step * short.left, least)],
    )


def phase_one(proof, distance):
    """E|x_{4K} - x*|^2 <= R^2/e^2 + sigma_star/(mu L_max)."""
    k = proof.index("k", 0, 4 * K - 1)
    proof.high(k)
    floor, s = sigma_star / (mu * L_max), mu / (2 * L_max)
    below = proof.certificate(Gt(2 * L_max - K * mu, 0), [(K, proof.high(mu))])
    factor = proof.certificate(Gt(1 - s, 0), [(1 / (2 * L_max), below), ((K - 1) / (2 * L_max), proof.sign(mu))])
    q = factor.left
    step = contracts(proof, k, early, early_steps)
    energy = lambda t: (distance(t) - floor) / q**t
    fall = proof.certificate(Ge(energy(k), energy(k + 1)), [(1 / q ** (k + 1), step)])
    total = proof.telescoped(fall, energy(k), k, 0, 4 * K)
    begin = proof.mean(proof.assume(start(x(0), x_star, R)))
    # q^(4K) <= exp(-4 K s) <= e^-2
    v = proof.scalar("v", Reals())
    line = proof.tangent(exp(v), v, 0)
    small = proof.power(proof.instantiate(line, {v: -s}), 4 * K)
    enough = proof.certificate(Ge(4 * K * s - 2, 0), [(2 * K / L_max, proof.low(mu))])
    height = exp(-4 * K * s)
    less = proof.certificate(
        Ge(exp(-2), height), [(height, proof.instantiate(line, {v: 4 * K * s - 2})), (height, enough)]
    )
    return proof.certificate(
        Le(distance(4 * K), R**2 * exp(-2) + floor),
        [
            (q ** (4 * K), total),
            (-(q ** (4 * K)), begin),
            (R**2, less),
            (R**2, small),
            (1, proof.sign(q ** (4 * K) * floor)),
        ],
    )


def phase_two(proof, distance):
    """T^2 E|x_T - x*|^2 <= 16 K^2 E|x_{4K} - x*|^2 + 8 sigma_star (T - 4K)/mu^2."""
    m = proof.index("m", 4 * K)
    step, scale = late(m), (m + 1) ** 2 * mu
    proof.certificate(
        Ge(1 - 2 * L_max * step, 0),
        [(1 / mu, proof.low(mu)), (L_max * (m + 1) / (K * scale), proof.low(m))],
        [(L_max * (m + 1 + 2 * K) / (K * scale), 1)],
    )
    proof.low(T)
    energy = lambda t: t**2 * distance(t) - 8 * sigma_star * t / mu**2
    fall = proof.certificate(
        Ge(energy(m), energy(m + 1)),
        [((m + 1) ** 2, contracts(proof, m, step, late_steps))],
        [(2 * sigma_star * (4 * m + 3) / (mu * scale), 1)],
    )
    return proof.telescoped(fall, energy(m), m, 4 * K, T)


@sgd_decreasing.experiment(
    cases=[
        {"family": "mixed", "dimension": 3},
        {"family": "additive", "dimension": 1, "near": 1},
        {"family": "quiet", "dimension": 1},
    ],
    samples={"smoke": 20_000, "standard": 1_000_000, "full": 50_000_000},
)
def distances(xp, rng, case, size):
    n, d, shared, switch = case.n, case.dimension, rng.shared, 4 * case.K
    radius = 1e-3 / case.L_max if "near" in case else log_uniform(xp, shared, (), 0.1, 10)
    begin = radius * shared.sphere((d,))
    ones = xp.ones((n, d))
    if case.family == "mixed":
        curvature = case.mu + (case.L_max - case.mu) * mixed_uniform(shared, (n, d))
        F = FiniteSum(xp, curvature, shared.uniform((), 0.1, 1) * balanced_tilts(xp, shared, (n, d)))
    else:
        noise = 1 if case.family == "additive" else 0
        F = FiniteSum(xp, case.mu * ones, noise * balanced_tilts(xp, shared, (n, d)))
    steps = lambda s: 1 / (2 * case.L_max) if s < switch else (2 * s + 1) / ((s + 1) ** 2 * case.mu)
    end = run(xp, rng, F, begin + xp.zeros((size, d)), steps, case.T)[-1]
    return {"quantity": xp.sq(end), "R": radius, "sigma_star": F.noise()}
