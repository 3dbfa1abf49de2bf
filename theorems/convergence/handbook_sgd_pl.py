"""SGD under the Polyak-Lojasiewicz inequality, on sums of smooth functions (Garrigos & Gower 2023).

For f = (f_1 + ... + f_n)/n, f L-smooth with |grad f(x)|^2 >= 2 mu (f(x) - f*), every f_i L_max-smooth and f_i >= low_i,
none of them convex, and x_{t+1} = x_t - gamma grad f_i(x_t) with i uniform:

    0 < gamma <= mu/(L L_max):    E f(x_T) - f*  <=  (1 - gamma mu)^T (f(x_0) - f*) + gamma L L_max Delta_star/mu

with Delta_star = f* - (1/n) sum low_i.

Reference: arXiv:2301.11235.  The handbook's words were not read: the constants are those derived here.
"""

from sympy import Ge, Le, Rational

from gdverify import Claim, Integers, Interval, Mean, MeanBound, Mutant, Observed
from gdverify.classes import minimiser, polyak_lojasiewicz, start_gap
from gdverify.instances import FiniteSum, balanced_tilts, log_uniform, mixed_uniform
from gdverify.instances import polyak_lojasiewicz as bent_functions
from theorems import PAPERS
from theorems.convergence.finite_sums import L_max, T, f, gamma, run, x, x_star
from theorems.convergence.smooth_sums import (
    Delta,
    Delta_star,
    L,
    Multiples,
    constants,
    expected_descent,
    mu,
    setting,
    spread,
)

sgd_pl = Claim(
    id="handbook.sgd-pl",
    title="SGD under the Polyak-Lojasiewicz inequality: linear convergence of values to a noise floor",
    paper=PAPERS["handbook"],
    locator="stochastic gradient descent, Polyak-Lojasiewicz and smooth, constant step; constants derived here",
    statement=r"f_i\ L_{\max}\text{-smooth},\ f_i\ge\ell_i,\ f\ L\text{-smooth and } \mu\text{-P\L},\ "
    r"0<\gamma\le\tfrac{\mu}{LL_{\max}}:\quad \mathbb{E}f(x_T)-f^\star \le (1-\gamma\mu)^T(f(x_0)-f^\star)"
    r" + \frac{\gamma LL_{\max}\Delta^\star}{\mu}",
    symbols={
        **constants,
        mu: Interval(0, L, open="left", sample=(L / 100, 3 * L / 4)),
        gamma: Interval(0, mu / (L * L_max), open="left"),
        T: Integers(0, sample=(1, 30)),
        Delta: Observed(0),
        Delta_star: Observed(0),
    },
    assumptions=[
        *setting,
        polyak_lojasiewicz(f, mu, x_star),
        minimiser(f, x_star),
        spread(f(x_star)),
        start_gap(f, x(0), x_star, Delta),
    ],
    decides=MeanBound(
        quantity=f(x(T)) - f(x_star), bound=(1 - gamma * mu) ** T * Delta + gamma * L * L_max * Delta_star / mu
    ),
    mutants=[
        Mutant(
            "nine tenths of the noise floor",
            decides={"bound": (1 - gamma * mu) ** T * Delta + Rational(9, 10) * gamma * L * L_max * Delta_star / mu},
            cases=({"family": "additive", "dimension": 2, "T": 1, "L_max": 1, "L": 1, "mu": 1, "gamma": 1},),
        ),
        Mutant(
            "first-order rate 1 - 2 gamma mu",
            decides={"bound": (1 - 2 * gamma * mu) ** T * Delta + gamma * L * L_max * Delta_star / mu},
            cases=(
                {"family": "additive", "dimension": 1, "T": 8, "quiet": 1}
                | {"L_max": 1, "L": 1, "mu": Rational(1, 4), "gamma": Rational(1, 4)},
            ),
        ),
        Mutant(
            "steps up to 5/(2L)",
            symbols={gamma: Interval(0, Rational(5, 2) / L, open="left")},
            cases=(
                {"family": "additive", "dimension": 1, "T": 8, "steep": 1}
                | {"L_max": 1, "L": 1, "mu": Rational(1, 2), "gamma": Rational(5, 2)},
            ),
        ),
        Mutant("the PL inequality is dropped", drop=("f is mu-PL",), by=("derivation",)),
        Mutant("the parts need not be bounded below", drop=("every f_i is at least low_i",), by=("derivation",)),
    ],
    notes="The floor is attained after one step by parts L |x - a_i|^2/2 with mu = L = L_max = 1/gamma. Quadratics "
    "contract by (1 - gamma mu)^2.",
)


@sgd_pl.derivation
def contraction(proof):
    k = proof.index("k")
    gap = lambda s: Mean(f(x(s)) - f(x_star))
    steep = proof.mean(proof.assume(polyak_lojasiewicz(f, mu, x_star), x(k)))
    least = proof.mean(proof.assume(minimiser(f, x_star), x(k)))
    c = gamma**2 * L * L_max
    short = proof.certificate(Ge(gamma * mu - c, 0), [(gamma * L * L_max, proof.high(gamma))])
    step = proof.certificate(
        Le(gap(k + 1), (1 - gamma * mu) * gap(k) + c * Delta_star),
        [(1, expected_descent(proof, k, f(x_star))), (gamma, steep), (1, proof.product(short, least))],
    )
    above = proof.certificate(Ge(L_max - mu, 0), [(1, proof.high(mu)), (1, proof.high(L))])
    slow = proof.certificate(
        Ge(1 - gamma * mu, 0),
        [(mu, proof.high(gamma)), (mu / (L * L_max), above), (1 / L, proof.high(mu))],
    )
    floor = gamma * L * L_max * Delta_star / mu
    claimed = lambda s: Le(gap(s), (1 - gamma * mu) ** s * Delta + floor)
    first = proof.mean(proof.assume(start_gap(f, x(0), x_star, Delta)))
    begin = proof.certificate(claimed(0), [(-1, first), (1, proof.sign(floor))])
    every = proof.induction(
        claimed(k), k, begin, lambda now: proof.certificate(claimed(k + 1), [(slow.left, now), (1, step)])
    )
    proof.conclude(proof.instantiate(every, {k: T}))


@sgd_pl.experiment(
    cases=[
        {"family": "any", "dimension": 3},
        {"family": "additive", "dimension": 2},
        {"family": "bent", "dimension": 2, "T": 5},
    ],
    samples={"smoke": 80_000, "standard": 1_000_000, "full": 50_000_000},
)
def values(xp, rng, case, size):
    n, d, shared = case.n, case.dimension, rng.shared
    start = log_uniform(xp, shared, (), 0.1, 10) * shared.sphere((d,)) + xp.zeros((size, d))
    share = 2 * mixed_uniform(shared, (n, 1)) - 1
    share = share - xp.mean(share, axis=0)
    share = 1 + 0.45 * min(1, case.L_max / case.L - 1) * share  # mean 1, above 0, at most L_max/L
    if case.family == "bent":  # one function for all rows, not convex
        same = bent_functions(xp, shared, start[:1, :], case.mu, case.L)
        F, spread_ = Multiples(xp, share[:, 0], same), xp.asarray(0.0)
    else:
        steepness = case.L if "steep" in case else case.mu
        base = case.mu + (case.L - case.mu) * mixed_uniform(shared, (d,)) if case.family == "any" else steepness
        curvature = base * (share if case.family == "any" else xp.ones((n, 1))) + xp.zeros((n, d))
        tilt = (0 if "quiet" in case else shared.uniform((), 0.1, 1)) * balanced_tilts(xp, shared, (n, d))
        F = FiniteSum(xp, curvature, tilt)
        spread_ = xp.mean(xp.sum(tilt * tilt / (2 * curvature), axis=-1))  # low_i = -sum of tilt^2/(2 curvature)
    end = run(xp, rng, F, start, case.gamma, case.T)[-1]
    return {"quantity": F.value(end), "Delta": F.value(start[:1, :])[0], "Delta_star": spread_}
