"""Stochastic gradient descent on a strongly convex function (Garrigos & Gower 2023).

For f = (f_1 + ... + f_n)/n with every f_i convex and L_max-smooth and f mu-strongly convex, and
x_{t+1} = x_t - gamma grad f_i(x_t) with i uniform:

    0 < gamma < 1/(2 L_max):    E |x_T - x*|^2  <=  (1 - gamma mu)^T R^2 + 2 gamma sigma_star/mu

with R = |x_0 - x*| and sigma_star = (1/n) sum_i |grad f_i(x*)|^2.

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Ge, Le, Rational, Symbol

from gdverify import Claim, Integers, Interval, Mean, MeanBound, Mutant, sq
from gdverify.classes import minimiser, start, strongly_convex
from gdverify.instances import FiniteSum, balanced_tilts, log_uniform, mixed_uniform
from theorems import PAPERS
from theorems.convergence.finite_sums import (
    L_max,
    R,
    T,
    expected_step,
    f,
    gamma,
    observed,
    regime,
    run,
    setting,
    sigma_star,
    x,
    x_star,
)

mu = Symbol("mu", positive=True)

sgd_strongly_convex = Claim(
    id="handbook.sgd-strongly-convex",
    title="SGD with a constant step on a strongly convex function: linear convergence to a noise floor",
    paper=PAPERS["handbook"],
    locator="stochastic gradient descent, strongly convex and smooth, constant step; constants derived here",
    statement=r"f_i \text{ convex and } L_{\max}\text{-smooth},\ f\ \mu\text{-strongly convex},\ "
    r" 0<\gamma< \tfrac{1}{2L_{\max}}:\quad"
    r" \mathbb{E}\|x_T-x^\star\|^2 \le (1-\gamma\mu)^T\|x_0-x^\star\|^2 + \frac{2\gamma\sigma^\star}{\mu}",
    symbols={
        **regime,
        mu: Interval(0, L_max, open="left", sample=(L_max / 1000, 3 * L_max / 4)),
        gamma: Interval(0, 1 / (2 * L_max), open="both"),
        T: Integers(0, sample=(1, 30)),
        **observed,
    },
    assumptions=[*setting, strongly_convex(f, mu)],
    decides=MeanBound(quantity=sq(x(T) - x_star), bound=(1 - gamma * mu) ** T * R**2 + 2 * gamma * sigma_star / mu),
    mutants=[
        Mutant(
            "a quarter of the noise floor",
            decides={"bound": (1 - gamma * mu) ** T * R**2 + gamma * sigma_star / (2 * mu)},
            cases=(
                {"family": "additive", "dimension": 1, "near": 1, "T": 30}
                | {"L_max": 1, "mu": Rational(3, 5), "gamma": Rational(2, 5)},
            ),
        ),
        Mutant(
            "first-order rate 1 - 2 gamma mu",
            decides={"bound": (1 - 2 * gamma * mu) ** T * R**2 + 2 * gamma * sigma_star / mu},
            cases=(
                {"family": "quiet", "dimension": 1, "T": 10, "L_max": 1, "mu": Rational(1, 2), "gamma": Rational(2, 5)},
            ),
        ),
        Mutant(
            "steps up to 5/(4 L_max)",
            symbols={gamma: Interval(0, Rational(5, 4) / L_max, open="left")},
            cases=(
                {"family": "one-by-one", "dimension": 4, "n": 4, "T": 6}
                | {"L_max": 1, "mu": Rational(1, 4), "gamma": Rational(5, 4)},
            ),
        ),
        Mutant("f need not be strongly convex", drop=("f is mu-strongly convex",), by=("derivation",)),
    ],
    notes="Loose: additive noise on a quadratic has floor gamma sigma_star/(mu (2 - gamma mu)) and contracts by "
    "(1 - gamma mu)^2. Without noise, functions that act one by one show that steps beyond 1/L_max do not do. "
    "Evidence draws mu from [L_max/1000, 3 L_max/4].",
)


@sgd_strongly_convex.derivation
def contraction(proof):
    k = proof.index("k")
    least = proof.mean(proof.assume(minimiser(f, x_star), x(k)))
    short = proof.certificate(Ge(1 - 2 * L_max * gamma, 0), [(2 * L_max, proof.high(gamma))])
    slow = proof.certificate(Ge(1 - gamma * mu, 0), [(1, short), (gamma, proof.high(mu))], [(gamma * L_max, 1)])
    lower = proof.mean(proof.assume(strongly_convex(f, mu), x(k), x_star))
    distance = lambda s: Mean(sq(x(s) - x_star))
    step = proof.certificate(
        Le(distance(k + 1), (1 - gamma * mu) * distance(k) + 2 * gamma**2 * sigma_star),
        [(1, expected_step(proof, k)), (2 * gamma, lower), (2 * gamma, proof.product(short, least))],
    )
    floor = 2 * gamma * sigma_star / mu
    claimed = lambda s: Le(distance(s), (1 - gamma * mu) ** s * R**2 + floor)
    begin = proof.certificate(
        claimed(0), [(-1, proof.mean(proof.assume(start(x(0), x_star, R)))), (1, proof.sign(floor))]
    )
    every = proof.induction(
        claimed(k), k, begin, lambda now: proof.certificate(claimed(k + 1), [(slow.left, now), (1, step)])
    )
    proof.conclude(proof.instantiate(every, {k: T}))


@sgd_strongly_convex.experiment(
    cases=[
        {"family": "mixed", "dimension": 4},
        {"family": "additive", "dimension": 1, "near": 1},
        {"family": "one-by-one", "dimension": 4, "T": 6},
        {"family": "quiet", "dimension": 1},
    ],
    samples={"smoke": 40_000, "standard": 1_000_000, "full": 50_000_000},
)
def distances(xp, rng, case, size):
    n, d, shared = case.n, case.dimension, rng.shared
    radius = 1e-3 * case.gamma if "near" in case else log_uniform(xp, shared, (), 0.1, 10)
    begin = radius * shared.sphere((d,))
    ones, still = xp.ones((n, d)), xp.zeros((n, d))
    if case.family == "additive":
        F = FiniteSum(xp, case.mu * ones, balanced_tilts(xp, shared, (n, d)))
    elif case.family == "quiet":
        F = FiniteSum(xp, case.mu * ones, still)
    elif case.family == "one-by-one":  # each coordinate is the business of one part, as far as L_max allows
        own = xp.astype(xp.arange(n)[:, None] == (xp.arange(d) % n)[None, :], xp.float64)
        most = min(case.L_max, n * case.mu)
        F = FiniteSum(xp, own * most + (1 - own) * (n * case.mu - most) / (n - 1), still)
    else:
        curvature = case.mu + (case.L_max - case.mu) * mixed_uniform(shared, (n, d))
        F = FiniteSum(xp, curvature, shared.uniform((), 0.1, 1) * balanced_tilts(xp, shared, (n, d)))
    end = run(xp, rng, F, begin + xp.zeros((size, d)), case.gamma, case.T)[-1]
    return {"quantity": xp.sq(end), "R": radius, "sigma_star": F.noise()}
