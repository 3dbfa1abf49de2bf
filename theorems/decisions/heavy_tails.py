"""The mean of data of bounded variance, whatever their tails, watched for as long as one likes.

X_1, X_2, ... have mean mu and variance at most v given the past.  Since exp(y - y^2/6) <= 1 + y + y^2/3 for all real y,

    exp(u D_t - u^2 (Q_t + 2 v t)/6),      D_t = sum (X_i - mu),   Q_t = sum (X_i - mu)^2,

does not grow on average for any u, nor does its normal mixture over u,

    M_t = (1 + rho V_t)^(-1/2) exp(rho D_t^2 / (2 (1 + rho V_t))),      V_t = (Q_t + 2 v t)/3.

mu is left out of the interval at time t when M_t >= 1/(0.95 alpha), or when |D_t| is beyond lines so far away that this
has probability at most 0.05 alpha (Dubins and Savage 1965): far away M alone would let values in again.

Reference: H. Wang and A. Ramdas, "Catoni-style confidence sequences for heavy-tailed mean estimation", 2023, where the
process is one of three; the inequality is that of B. Delyon, "Exponential inequalities for sums of weakly dependent
variables", 2009.
"""

from sympy import Function, Gt, Le, Rational, Symbol, exp, log, oo, sqrt, symbols

from gdverify import (
    Assumption,
    Claim,
    Integers,
    Interval,
    Mean,
    Mutant,
    Observed,
    Positive,
    Prob,
    ProbabilityBound,
    Reals,
)
from gdverify.experiment.sequential import mixture_precision, robust_evidence, robust_interval
from theorems import PAPERS
from theorems.decisions.sub_gaussian import from_0, mixed
from theorems.decisions.ville import HALF, M, T, alpha, at_least, equation, gone, rarely

v, rho, price, told = symbols("v rho price told", positive=True)
mu = Symbol("mu", real=True)
X, D, V, G = Function("X"), Function("D"), Function("V"), Function("G")  # G(u, t): the capital of stake u
rich, far = Function("rich"), Function("far")  # M reached its level by time t; D left the lines by time t
share = Rational(19, 20)

sums = Assumption(
    "D is the sum of X - mu, and V that of ((X - mu)^2 + 2 v)/3, with the variance that one is told for v",
    lambda t: [
        equation(D(t + 1), D(t) + X(t + 1) - mu),
        equation(V(t + 1), V(t) + ((X(t + 1) - mu) ** 2 + 2 * told * v) / 3),
        equation(D(0), 0),
        equation(V(0), 0),
    ],
    key=("sums",),
    where=lambda t: [t],
)
stakes = Assumption(
    "stake u has the capital exp(u D - u^2 V/2)",
    from_0(
        lambda u, t: [
            equation(
                G(u, t + 1), G(u, t) * exp(u * (X(t + 1) - mu) - u**2 * ((X(t + 1) - mu) ** 2 + 2 * told * v) / 6)
            ),
            equation(G(u, 0), 1),
        ]
    ),
    key=("stakes",),
)
mixture = Assumption(
    "M is the mean capital over normal stakes of variance rho",
    lambda t: equation(M(t), exp(rho * D(t) ** 2 / (2 * (1 + rho * V(t)))) / sqrt(1 + rho * V(t))),
    key=("mixture",),
    where=lambda t: [t],
)
start = Assumption(
    "the game starts with 1, and nothing is left out", lambda: [equation(M(0), 1), equation(rich(0), 0)], key=("start",)
)
left_out = Assumption(
    "mu is left out by time t if M had reached 1/(0.95 price alpha) or D had left the lines",
    lambda t: [
        equation(gone(t) ** 2, gone(t)),
        equation(rich(t) ** 2, rich(t)),
        at_least((rich(t + 1) - rich(t)) * (share * price * alpha * M(t + 1) - 1), 0),
        at_least(rich(t) + far(t), gone(t)),
    ],
    key=("left-out",),
    where=lambda t: [t],
)
given_past = Assumption(
    "given the past each sample has mean mu and variance at most v",  # the past decides G and whether rich(t) = 0
    from_0(
        lambda u, t: [
            equation(Mean((1 - rich(t)) * G(u, t) * (X(t + 1) - mu)), 0),
            at_least(v * Mean((1 - rich(t)) * G(u, t)), Mean((1 - rich(t)) * G(u, t) * (X(t + 1) - mu) ** 2)),
        ]
    ),
    key=("given-past",),
)

robust_mean = Claim(
    id="heavy-tailed-means.bounded-variance",
    title="The self-normalised interval of a mean holds it at all times at once, given a bound on the variance",
    paper=PAPERS["heavy-tailed-means"],
    locator="self-normalised confidence sequence, with a normal mixture; constants derived here",
    statement=r"\mathbb E[X_i\mid\mathcal F_{i-1}]=\mu,\ \mathbb E[(X_i-\mu)^2\mid\mathcal F_{i-1}]\le v:\quad"
    r"\mathbb P\bigl(\exists t\le T:\ \mu\notin C_t(\alpha)\bigr)\le\alpha",
    symbols={
        alpha: Interval(0, 1, open="both", sample=(Rational(1, 40), Rational(1, 10))),
        mu: Reals(sample=(-2, 2)),
        v: Positive(sample=(Rational(1, 4), 4)),
        T: Integers(1, sample=(20, 300)),
        rho: Observed(0, open="left"),
    },
    defines={price: 1, told: 1},
    assumptions=[start, sums, stakes, mixture, left_out, given_past],
    decides=ProbabilityBound(quantity=gone(T), threshold=HALF, bound=alpha),
    mutants=[
        Mutant("a third of alpha", decides={"bound": alpha / 3}, cases=({"law": "normal", "T": 300},)),
        Mutant("the interval at 4 alpha", defines={price: 4}),
        Mutant("a quarter of the variance", defines={told: Rational(1, 4)}),
        Mutant(
            "the interval of a fixed sample size, looked at all the time",
            drop=(left_out.name,),
            add=(Assumption("gone(t) says whether mu was outside the central-limit interval at one of 8, ..., t"),),
            cases=({"law": "pareto", "T": 300, "interval": "fixed"},),
        ),
        Mutant("any variance", drop=(given_past.name,), by=("derivation",)),
    ],
    notes="Tuned for T/16, it misses the mean of normal data within T samples with probability about 0.5 alpha.",
)


@robust_mean.derivation
def self_normalised(proof):
    t, u = proof.index("t", 0), proof.scalar("u", Reals())
    z, w = proof.scalar("z", Reals()), proof.scalar("w", Reals())
    exact, still = proof.definition(told), 1 - rich(t)
    proof.certificate(Gt(told, 0, evaluate=False), [(1, proof.sign(1))], using=[exact])
    proof.univariate(1 + z + z**2 / 3, z, -oo, oo)
    gap = log(1 + z + z**2 / 3) - z + z**2 / 6
    below = proof.tangent(gap, z, 0)  # it is convex: its second derivative is z^2 (z + 3)^2/27 over a square
    line = proof.tangent(exp(w), w, 0)
    delyon = proof.certificate(
        at_least((1 + z + z**2 / 3) * exp(z**2 / 6 - z) - 1, 0), [(1, proof.instantiate(line, {w: gap})), (1, below)]
    )

    # every stake
    y, c = u * (X(t + 1) - mu), u**2 * v / 3
    turn, one = proof.assume(stakes, u, t)
    _, bit, reached, _ = proof.assume(left_out, t)
    worth = proof.induction(
        at_least(G(u, t), 0),
        t,
        proof.certificate(at_least(G(u, 0), 0), [(1, one), (1, proof.sign(1))]),
        lambda known: proof.certificate(
            at_least(G(u, t + 1), 0), [(exp(y - y**2 / 6 - told * c), known)], using=[turn]
        ),
    )
    running = proof.certificate(at_least(still, 0), [(-1, bit)], [(1, still)])
    held = proof.product(running, worth)
    win = proof.product(held, proof.instantiate(delyon, {z: y}))
    bound = proof.mean(
        proof.certificate(
            at_least(still * G(u, t) * (1 + y + y**2 / 3) * exp(-c), still * G(u, t + 1)),
            [(exp(y - y**2 / 6 - c), win), (-still, turn)],
            using=[exact],
        )
    )
    centred, spread = proof.assume(given_past, u, t)
    growth = proof.product(proof.mean(held), proof.instantiate(line, {w: c}))
    each = proof.certificate(
        at_least(Mean(still * G(u, t)), Mean(still * G(u, t + 1))),
        [(1, bound), (-u * exp(-c), centred), (u**2 * exp(-c) / 3, spread), (exp(-c), growth)],
    )

    # their mixture, and what is far away
    step = mixed(proof, t, [each, one, proof.assume(mixture, t), *proof.assume(sums, t), exact], rich)
    level = share * alpha
    reached = proof.certificate(
        at_least((rich(t + 1) - rich(t)) * (M(t + 1) - 1 / level), 0),
        [(1 / level, reached)],
        using=[proof.definition(price)],
    )
    _, add, _, none = proof.assume(sums, t)
    grows = proof.induction(
        at_least(V(t), 0),
        t,
        proof.certificate(at_least(V(0), 0), [(1, none)]),
        lambda known: proof.certificate(
            at_least(V(t + 1), 0),
            [(1, known), (1, add), (2 * told / 3, proof.low(v))],
            [(Rational(1, 3), X(t + 1) - mu)],
        ),
    )
    proof.instantiate(grows, {t: T})
    capital = proof.assume(mixture, T)
    last = proof.certificate(at_least(M(T), 0), [(1, capital), (1, proof.sign(capital.right))])
    sure, bit, _, parts = proof.assume(left_out, T)
    near = rarely(proof, t, rich, level, proof.assume(start), bit, reached, step, last)
    lines = proof.cite(
        "the lines of Dubins and Savage",
        Le(Mean(far(T)), alpha / 20),
        "L. E. Dubins and L. J. Savage, A Tchebycheff-like inequality for stochastic processes, 1965",
        uses=[centred, spread],
    )
    proof.conclude(
        proof.certificate(
            Le(Prob(gone(T), HALF), alpha),
            [(1, near), (1, lines), (1, proof.mean(parts)), (-1, proof.indicator(sure, HALF))],
        )
    )


@robust_mean.experiment(
    cases=[{"law": "normal"}, {"law": "pareto"}, {"law": "rare"}, {"law": "symmetric"}],
    samples={"smoke": 2**16, "standard": 2**20, "full": 2**27},
)
def stopped_at_the_worst_time(xp, rng, case, size):
    """The adversary knows mu, looks after every sample and stops when the evidence against mu is largest."""
    T, level, tuned = case.T, case.price * case.alpha, max(1, case.T // 16)
    y = unit_samples(xp, rng, case.law, (size, T)) * case.v**0.5
    totals, squares = xp.cumulative_sum(y, axis=-1), xp.cumulative_sum(y * y, axis=-1)
    n, v = xp.arange(1, T + 1, dtype=xp.float64), case.told * case.v
    rho = mixture_precision(0.95 * level, tuned)
    worst = xp.argmax(robust_evidence(xp, n, totals / v**0.5, squares / v, rho), axis=-1)
    at = xp.astype(xp.arange(T) == worst[:, None], xp.float64)
    stop, total, square = (xp.sum(a * at, axis=-1) for a in (n, totals, squares))
    around = xp.maximum(square - total**2 / stop, 0.0 * square)
    low, high = robust_interval(xp, stop, case.mu + total / stop, around, v, level, tuned)
    out = (low > case.mu) | (high < case.mu)
    if "interval" in case:
        spread = squares[:, 7:] / n[7:] - (totals[:, 7:] / n[7:]) ** 2
        distance = abs(totals[:, 7:]) / xp.sqrt(n[7:] * spread)
        out = xp.max(distance, axis=-1) > xp.ndtri(xp.asarray(1 - case.alpha / 2))
    return {"quantity": xp.astype(out, xp.float64), "rho": rho / v}


def unit_samples(xp, rng, law, shape):
    """Mean 0 and variance 1; Pareto tails have index 2.2, so that third moments are infinite."""
    if law == "normal":
        return rng.normal(shape)
    if law == "rare":
        return (rng.bernoulli(0.01, shape) - 0.01) / (0.01 * 0.99) ** 0.5
    pareto = (1 - rng.uniform(shape)) ** (-1 / 2.2)
    mean, square = 2.2 / 1.2, 2.2 / 0.2
    if law == "pareto":
        return (pareto - mean) / (square - mean**2) ** 0.5
    return rng.signs(shape) * pareto / square**0.5
