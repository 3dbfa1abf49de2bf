"""Local steps for distributed variational inequalities: ProxSkip-VIP (Zhang, Choudhury, Stich & Loizou 2023).

n workers, worker i with an operator F_i that is mu-strongly monotone and 1/l-cocoercive; sum_i F_i(x*) = 0 and
h_i* = F_i(x*).  With a control variate h_i each and one coin for all, of probability p:

    xhat_i = x_i - gamma (F_i(x_i) - h_i)
    with probability p:  x_i <- mean_j (xhat_j - (gamma/p) h_j), the same for all;   otherwise  x_i <- xhat_i
    h_i <- h_i + (p/gamma)(x_i^new - xhat_i)

For 0 < gamma <= 1/l the energy V = sum_i |x_i - x*|^2 + (gamma/p)^2 sum_i |h_i - h_i*|^2 contracts in the mean,

    E V_{t+1}  <=  (1 - min{gamma mu, p^2}) V_t        given the past.

With gamma = 1/l, p = sqrt(mu/l): sqrt(l/mu) log(1/eps) communications, where gradient steps need l/mu.

x, h, ... below are the workers' vectors taken together, and consensus is the subspace of equal vectors.

Reference: arXiv:2306.05100.  The abstract alone was read: the deterministic case is derived here with its constants.
"""

from sympy import Eq, Ge, Le, Min, Rational, Symbol, symbols

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Interval,
    Mutant,
    Observed,
    Positive,
    SureBound,
    Vector,
    VectorSequence,
    sq,
)
from gdverify.classes import cocoercive, strongly_monotone
from gdverify.instances import log_uniform, mixed_uniform
from gdverify.laws import equation
from theorems import PAPERS

l, mu, gamma, p = symbols("l mu gamma p", positive=True)
n, before = Symbol("n", integer=True, positive=True), Symbol("before", nonnegative=True)
F = VectorSequence("F")
x, x_star, h, together = (Vector(name) for name in ("x", "x_star", "h", "together"))
h_star, x_hat = F(x_star), x - gamma * (F(x) - h)
averaged = x_hat - gamma / p * h


def energy(x, h):
    return sq(x - x_star) + (gamma / p) ** 2 * sq(h - h_star)


after_coin = p * energy(together, h + p / gamma * (together - x_hat)) + (1 - p) * energy(x_hat, h)

average = Assumption(
    "communication averages: the rest is orthogonal to the consensus space, where x_star lies",
    lambda: Eq(Inner(averaged - together, together - x_star), 0, evaluate=False),
    latex=r"x^{\mathrm{new}}_i = \frac1n \sum_j (\hat x_j - \tfrac{\gamma}{p} h_j)",
    key=("average",),
)
solution = Assumption(
    "the operators sum to zero at x_star: h_star is orthogonal to the consensus space",
    lambda: Eq(Inner(h_star, together - x_star), 0, evaluate=False),
    latex=r"\sum_i F_i(x^\star) = 0",
    key=("solution",),
)
meaning = equation("before is the energy", energy(x, h), before)

linear_rate = Claim(
    id="proxskip-vip.linear-rate",
    title="ProxSkip-VIP contracts its energy by 1 - min{gamma mu, p^2} in the mean",
    paper=PAPERS["proxskip-vip"],
    locator="abstract (communication acceleration); the deterministic case, constants derived here",
    statement=r"0 < \gamma \le 1/l:\quad \mathbb{E}[V_{t+1} \mid \text{past}] \le"
    r" \left(1 - \min\{\gamma\mu, p^2\}\right) V_t",
    symbols={
        n: Integers(1, sample=(1, 6)),
        l: Positive(sample=(Rational(1, 4), 4)),
        mu: Interval(0, l, open="left", sample=(l / 100, 3 * l / 4)),
        gamma: Interval(0, 1 / l, open="left"),
        p: Interval(0, 1, open="left", sample=(Rational(1, 20), 1)),
        before: Observed(0),
    },
    assumptions=[strongly_monotone(F, mu), cocoercive(F, 1 / l), average, solution, meaning],
    decides=SureBound(after_coin, (1 - Min(gamma * mu, p**2)) * before),
    mutants=[
        Mutant(
            "min{gamma mu, p}",
            decides={"bound": (1 - Min(gamma * mu, p)) * before},
            cases=({"l": 1, "mu": 1, "gamma": 1, "p": Rational(1, 2)},),
        ),
        Mutant(
            "1 per cent faster",
            decides={"bound": (1 - Rational(101, 100) * Min(gamma * mu, p**2)) * before},
            cases=({"l": 1, "mu": Rational(1, 2), "gamma": 1, "p": Rational(1, 2)},),
        ),
        Mutant(
            "steps up to 5/(2 l)",
            symbols={gamma: Interval(0, Rational(5, 2) / l, open="left")},
            cases=({"gamma": Rational(5, 2) / l},),
        ),
        Mutant(
            "monotone and Lipschitz only: a rotation",
            drop=(cocoercive(F, 1 / l).name,),
            cases=({"l": 1, "mu": Rational(1, 10), "gamma": 1, "p": 1, "spin": 2.0},),
        ),
        Mutant("no average", drop=(average.name,), by=("derivation",)),
    ],
    notes="The mean over the coin is written out, p V(communicate) + (1 - p) V(skip).  Attained: from x = x_star the "
    "factor is 1 - p^2 exactly, and at gamma = 1/l rotations by the largest admissible angle have 1 - gamma mu.  "
    "Evidence draws mu up to 3l/4: at mu = l, gamma = 1/l, p = 1 both sides are 0.",
)


@linear_rate.derivation
def firmly(proof):
    gap, slope = x - x_star, F(x) - h_star
    short = proof.certificate(Ge(1 - gamma * l, 0), [(l, proof.high(gamma))])
    steep = proof.assume(strongly_monotone(F, mu), x, x_star)
    growth = proof.certificate(Ge(Inner(slope, gap), 0), [(1, steep)], [(mu, gap)])
    forward = proof.certificate(
        Ge((1 - gamma * mu) * sq(gap), sq(gap - gamma * slope)),
        [
            (gamma**2 * l, proof.assume(cocoercive(F, 1 / l), x, x_star)),
            (gamma, proof.product(short, growth)),
            (gamma, steep),
        ],
    )
    # Averaging projects: |a|^2 + |a - y|^2 = |y|^2, a = together - x_star and y = averaged - x_star + (gamma/p) h_star.
    projected = [(2 * p, proof.assume(average)), (2 * gamma, proof.assume(solution))]
    rate = Min(gamma * mu, p**2)
    slow, rare = (proof.extreme(rate, member) for member in (gamma * mu, p**2))
    stated = proof.claim.decides
    sizes = [proof.certificate(Ge(sq(u), 0), [], [(1, u)]) for u in (gap, h - h_star)]
    proof.conclude(
        proof.certificate(
            Le(stated.quantity, stated.bound),
            [
                (1, forward),
                *projected,
                (1, proof.product(slow, sizes[0])),
                ((gamma / p) ** 2, proof.product(rare, sizes[1])),
                (-(1 - rate), proof.assume(meaning)),
            ],
        )
    )


@linear_rate.experiment(samples={"smoke": 4096, "standard": 100_000, "full": 1_000_000})
def one_round(xp, rng, case, size):
    """Planar linear operators F_i(x) = (a_i + b_i rotation) x + h_i*, x* = 0, as hard as the class allows or easier."""
    shape = (size, case.n, 1)
    hard, still = rng.bernoulli(0.5, (size, 1, 1)), rng.bernoulli(0.25, (size, 1, 1))
    a = case.mu + (1 - hard) * (case.l - case.mu) * mixed_uniform(rng, shape)
    b = xp.sqrt(xp.maximum(a * (case.l - a), xp.asarray(0.0))) * (hard + (1 - hard) * mixed_uniform(rng, shape))
    if "spin" in case:
        b = case.spin + 0 * b
    turned = lambda x: xp.concat([-x[..., 1:], x[..., :1]], axis=-1)
    centred = lambda h: h - xp.mean(h, axis=1, keepdims=True)
    h_star, h = centred(rng.normal((size, case.n, 2))), centred(rng.normal((size, case.n, 2)))
    x = (1 - still) * rng.normal((size, case.n, 2))  # in a quarter of the rows x = x*
    near = log_uniform(xp, rng, (size, 1, 1), 1e-3, 1) * rng.bernoulli(0.5, (size, 1, 1))
    h = still * h + (1 - still) * (h_star + near * h)
    x_hat = x - case.gamma * (a * x + b * turned(x) + h_star - h)
    together = xp.mean(x_hat - case.gamma / case.p * h, axis=1, keepdims=True) + 0 * x
    length = lambda u: xp.sum(u * u, axis=(1, 2))
    energy = lambda x, h: length(x) + (case.gamma / case.p) ** 2 * length(h - h_star)
    met, skipped = energy(together, h + case.p / case.gamma * (together - x_hat)), energy(x_hat, h)
    return {"quantity": case.p * met + (1 - case.p) * skipped, "before": energy(x, h)}
