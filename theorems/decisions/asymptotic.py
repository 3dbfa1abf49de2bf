"""The mean of data of finite variance by the normal approximation: what its guard is worth.

Where a claim says nothing of its quantity but that it is random, the interval is Robbins' normal mixture with the
estimated variance of block means.  It holds the mean with probability 1 - alpha in the limit of many samples; at any
finite size it may be wrong by any amount.  The toolkit therefore asks the data first: enough blocks, a tail index above
2.5, no block that dominates, a skewness that the number of samples can bear.  Measured here: the probability that the
guard lets an interval pass which misses the mean, at one of the times at which the toolkit looks.

Reference: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy and A. Ramdas, "Time-uniform central limit theory and
asymptotic confidence sequences", 2024, for the interval; the guard is the toolkit's own.
"""

from sympy import Function, Rational, symbols

from gdverify import Claim, Integers, Interval, Mutant, ProbabilityBound
from gdverify.experiment.sequential import asymptotic_interval
from gdverify.experiment.spread import Spread
from theorems import PAPERS
from theorems.decisions.ville import HALF, alpha

blocks, rows = symbols("blocks rows", integer=True, positive=True)
guarded = symbols("guarded", nonnegative=True)
missed = Function("missed")

guard = Claim(
    id="asymptotic-sequences.guard",
    title="The guard of the asymptotic interval refuses the samples on which it would fail",
    paper=PAPERS["asymptotic-sequences"],
    locator="Theorem 2.2 on block means; its guard measured here",
    statement=r"\text{exponential, log-normal, Pareto and rare events:}\quad"
    r"\mathbb P\bigl(\exists t:\ \text{accepted at } t,\ \mu\notin C_t(\alpha)\bigr)\le\tfrac35\alpha",
    symbols={
        alpha: Interval(0, 1, open="both", sample=(Rational(1, 50), Rational(1, 20))),
        blocks: Integers(16, sample=(60, 120)),
        rows: Integers(1, sample=(4, 16)),
    },
    defines={guarded: 1},
    decides=ProbabilityBound(quantity=missed(blocks), threshold=HALF, bound=3 * alpha / 5),
    no_derivation="an approximation has no coverage at a finite size over all laws of finite variance: it is measured",
    mutants=[
        Mutant("nobody asks the data", defines={guarded: 0}),
        Mutant("a fifth of alpha", decides={"bound": alpha / 5}),
    ],
    notes="Measured for these laws and sizes alone. A law that hides its tail from the guard is missed as often as it "
    "likes, which is why such a verdict says 'asymptotic'. With nobody asking, the interval misses the mean of a "
    "Pareto law of index 1.5 five times as often as alpha = 0.05 says.",
)


@guard.experiment(
    cases=[
        {"law": "pareto 2.2", "alpha": Rational(1, 50), "blocks": 60, "rows": 4},
        {"law": "pareto 1.5", "alpha": Rational(1, 20), "blocks": 60, "rows": 16},
        {"law": "log-normal"},
        {"law": "wide log-normal", "alpha": Rational(1, 20), "blocks": 60, "rows": 16},
        {"law": "exponential", "alpha": Rational(1, 50), "blocks": 120, "rows": 4},
        {"law": "rare", "alpha": Rational(1, 20), "blocks": 120, "rows": 16},
    ],
    samples={"smoke": 2**15, "standard": 2**17, "full": 2**23},
)
def looked_at(xp, rng, case, size):
    """Looks after 16 blocks and then after half as many more each time, as the toolkit does."""
    x, mean = samples(xp, rng, case.law, (size, case.blocks * case.rows))
    spread, look, missed = Spread(xp, size), 16, xp.zeros((size,)) > 1
    for k in range(case.blocks):
        spread.add(x[:, k * case.rows : (k + 1) * case.rows])
        if k + 1 in (look, case.blocks):
            look += look // 2
            low, high = asymptotic_interval(xp, spread.block_means(), case.alpha)
            out = (low > mean) | (high < mean)
            missed = missed | (out & spread.fit(case.alpha) if case.guarded else out)
    return {"quantity": xp.astype(missed, xp.float64)}


def samples(xp, rng, law, shape):
    """Samples and their mean."""
    if law == "exponential":
        return rng.exponential(shape), 1.0
    if law == "rare":
        return rng.bernoulli(0.01, shape), 0.01
    if "log-normal" in law:
        sigma = 2.0 if "wide" in law else 1.0
        return xp.exp(sigma * rng.normal(shape)), float(xp.exp(xp.asarray(sigma**2 / 2)))
    index = float(law.split()[1])
    return (1 - rng.uniform(shape)) ** (-1 / index), index / (index - 1)
