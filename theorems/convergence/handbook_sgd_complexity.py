"""SGD on a strongly convex function: how many steps make the error at most eps (Garrigos & Gower 2023).

For f = (f_1 + ... + f_n)/n with every f_i convex and L_max-smooth, f mu-strongly convex, sigma_star > 0 the mean of
|grad f_i(x*)|^2, R = |x_0 - x*|, and x_{t+1} = x_t - gamma grad f_i(x_t) with i uniform and

    gamma = min{eps mu/(4 sigma_star), 1/(2 L_max)}:

    T >= max{4 sigma_star/(eps mu^2), 2 L_max/mu} log(2 R^2/eps)    =>    E |x_T - x*|^2 <= eps

The maximum is 1/(gamma mu).

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Ge, Le, Min, Rational, Symbol, exp, log

from gdverify import Claim, Integers, Interval, Mean, MeanBound, Mutant, Observed, Positive, Reals, sq
from gdverify.classes import minimiser, start, strongly_convex
from gdverify.instances import FiniteSum, balanced_tilts, mixed_uniform
from gdverify.laws import inequality
from theorems import PAPERS
from theorems.convergence.finite_sums import (
    L_max,
    R,
    T,
    expected_step,
    f,
    gamma,
    regime,
    run,
    setting,
    x,
    x_star,
)
from theorems.convergence.finite_sums import sigma_star as noise_level

mu, eps = Symbol("mu", positive=True), Symbol("epsilon", positive=True)
enough = inequality("T is large enough", Ge(gamma * mu * T, log(2 * R**2 / eps), evaluate=False))
step_size = lambda factor: Min(factor * eps * mu / (4 * noise_level), 1 / (2 * L_max))

sgd_complexity = Claim(
    id="handbook.sgd-complexity",
    title="SGD on a strongly convex function: steps that suffice for a given error",
    paper=PAPERS["handbook"],
    locator="complexity of stochastic gradient descent, strongly convex; constants derived here",
    statement=r"\gamma=\min\{\tfrac{\varepsilon\mu}{4\sigma^\star},\tfrac1{2L_{\max}}\},\ "
    r"T\ge\max\{\tfrac{4\sigma^\star}{\varepsilon\mu^2},\tfrac{2L_{\max}}{\mu}\}"
    r"\ln\tfrac{2\|x_0-x^\star\|^2}{\varepsilon}:\quad \mathbb{E}\|x_T-x^\star\|^2\le\varepsilon",
    symbols={
        **regime,
        mu: Interval(0, L_max, open="left", sample=(L_max / 20, L_max)),
        eps: Positive(sample=(Rational(1, 100), 10), log=True),
        noise_level: Positive(sample=(Rational(1, 10), 10), log=True),
        T: Integers(1, sample=(1, 20)),
        R: Observed(0, open="left"),
    },
    defines={gamma: step_size(1)},
    assumptions=[*setting, strongly_convex(f, mu), enough],
    decides=MeanBound(quantity=sq(x(T) - x_star), bound=eps),
    mutants=[
        Mutant(
            "an error of eps/3",
            decides={"bound": eps / 3},
            cases=(
                {"family": "additive", "dimension": 1, "T": 1}
                | {"L_max": 1, "mu": Rational(1, 4), "epsilon": 1, "sigma_star": 1},
            ),
        ),
        Mutant(
            "steps eight times as long where noise limits them",
            defines={gamma: step_size(8)},
            cases=(
                {"family": "additive", "dimension": 1, "T": 20}
                | {"L_max": 1, "mu": 1, "epsilon": Rational(1, 4), "sigma_star": 1},
            ),
        ),
        Mutant("f need not be strongly convex", drop=("f is mu-strongly convex",), by=("derivation",)),
        Mutant("any number of steps", drop=("T is large enough",), by=("derivation",)),
    ],
    notes="Loose by about 2: both halves of eps are generous for quadratics. The experiment starts at the largest R "
    "for which T steps suffice.",
)


@sgd_complexity.derivation
def two_halves(proof):
    k, v = proof.index("k"), proof.scalar("v", Reals())
    step = proof.definition(gamma)
    low, high = eps * mu / (4 * noise_level), 1 / (2 * L_max)
    quiet = proof.certificate(Ge(low - gamma, 0), [(1, proof.extreme(step.right, low)), (-1, step)])
    small = proof.certificate(Ge(high - gamma, 0), [(1, proof.extreme(step.right, high)), (-1, step)])
    proof.certificate((gamma, ">", 0), [(1, step), (1, proof.sign(step.right))])
    short = proof.certificate(Ge(1 - 2 * L_max * gamma, 0), [(2 * L_max, small)])
    slow = proof.certificate(Ge(1 - gamma * mu, 0), [(1, short), (gamma, proof.high(mu))], [(gamma * L_max, 1)])
    least = proof.mean(proof.assume(minimiser(f, x_star), x(k)))
    lower = proof.mean(proof.assume(strongly_convex(f, mu), x(k), x_star))
    distance = lambda s: Mean(sq(x(s) - x_star))
    contracts = proof.certificate(
        Le(distance(k + 1), (1 - gamma * mu) * distance(k) + 2 * gamma**2 * noise_level),
        [(1, expected_step(proof, k)), (2 * gamma, lower), (2 * gamma, proof.product(short, least))],
    )
    floor = 2 * gamma * noise_level / mu
    claimed = lambda s: Le(distance(s), (1 - gamma * mu) ** s * R**2 + floor)
    first = proof.mean(proof.assume(start(x(0), x_star, R)))
    begin = proof.certificate(claimed(0), [(-1, first), (1, proof.sign(floor))])
    every = proof.induction(
        claimed(k), k, begin, lambda now: proof.certificate(claimed(k + 1), [(slow.left, now), (1, contracts)])
    )
    # (1 - gamma mu)^T <= exp(-gamma mu T) <= eps/(2 R^2)
    line = proof.tangent(exp(v), v, 0)
    decay = exp(-gamma * mu * T)
    power = proof.power(proof.instantiate(line, {v: -gamma * mu}), T)
    grown = proof.instantiate(line, {v: gamma * mu * T - log(2 * R**2 / eps)})
    proof.conclude(
        proof.certificate(
            Le(distance(T), eps),
            [(1, proof.instantiate(every, {k: T})), (R**2, power), (2 * noise_level / mu, quiet),
             (R**2 * decay, grown), (R**2 * decay, proof.assume(enough))],
        )
    )  # fmt: skip


@sgd_complexity.experiment(
    cases=[{"family": "mixed", "dimension": 3}, {"family": "additive", "dimension": 1}],
    samples={"smoke": 20_000, "standard": 1_000_000, "full": 50_000_000},
)
def distances(xp, rng, case, size):
    n, d, shared = case.n, case.dimension, rng.shared
    radius = xp.sqrt(xp.exp(xp.asarray(case.gamma * case.mu * case.T)) * case.epsilon / 2)
    curvature = case.mu * xp.ones((n, d))
    if case.family == "mixed":
        curvature = curvature + (case.L_max - case.mu) * mixed_uniform(shared, (n, d))
    tilt = balanced_tilts(xp, shared, (n, d))
    tilt = tilt * xp.sqrt(case.sigma_star / xp.mean(xp.sum(tilt * tilt, axis=-1)))
    F = FiniteSum(xp, curvature, tilt)
    begin = radius * shared.sphere((d,)) + xp.zeros((size, d))
    return {"quantity": xp.sq(run(xp, rng, F, begin, case.gamma, case.T)[-1]), "R": radius}
