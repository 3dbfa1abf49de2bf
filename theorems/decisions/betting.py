"""The mean of bounded data by betting, watched for as long as one likes.

X_1, X_2, ... in [0, 1], each with mean mu given the past.  A gambler with stake lam in [-1, 1] turns 1 into
prod (1 + lam (X_i - mu)), a fair game.  Twelve stakes on each side, s/max(mu, 1 - mu) with s = 3/4, 3/8, ..., share
the capital equally; mu is left out of the interval at time t when the capital of one side reaches 12/(alpha/2).  Then

    P(mu is ever left out)  <=  alpha.

The toolkit replaces log(1 + y) by a polynomial p(y) <= log(1 + y), so that eight power sums are all it keeps:

    p(y) = y - y^2/2 + y^3/3 - ... + y^7/7 - y^8/2,      y >= -3/4.

Reference: I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting", 2024, for betting
and its mixtures; the polynomial is derived here.
"""

from sympy import Function, Rational, Sum, Symbol, exp, log, symbols

from gdverify import Assumption, Claim, Integers, Interval, Mean, Mutant, Observed, ProbabilityBound, Reals
from gdverify.experiment.sequential import betting_evidence, betting_interval, power_sums
from theorems import PAPERS
from theorems.decisions.logarithm import minorant
from theorems.decisions.ville import HALF, M, T, alpha, at_least, begin, equation, ever, gone

mu, price, r = symbols("mu price r", positive=True)
i = Symbol("i", integer=True)
X, win = Function("X"), Function("win")  # a sample; what a unit staked on a higher mean at stake j wins by it
up, down = Function("up"), Function("down")  # capital of a stake on a higher mean, on a lower one
low_up, low_down = Function("low_up"), Function("low_down")  # the same by the minorant
STAKES, quarter = 12, Rational(3, 4)


def stake(j):
    return 3 * 2 ** (-j) / (2 * r)


def mixture(first, second, t):
    return (Sum(first(i, t), (i, 1, STAKES)) + Sum(second(i, t), (i, 1, STAKES))) / (2 * STAKES)


reach = Assumption("r is the larger of mu and 1 - mu", lambda: [at_least(r, mu), at_least(r, 1 - mu)], key=("reach",))
bounded = Assumption("samples are in [0, 1]", lambda t: [at_least(X(t), 0), at_least(1 - X(t), 0)], key=("bounded",))
wins = Assumption(
    "win(j, t) = (3/2) 2^-j (X_t - mu)/r",
    lambda j, t: equation(win(j, t), stake(j) * (X(t) - mu)),
    key=("wins",),
    where=lambda j, t: [j - 1, STAKES - j, t - 1],
)
gamblers = Assumption(
    "M is the mean capital of 24 gamblers, who multiply theirs by 1 + win or by 1 - win",
    lambda j, t: (
        [equation(f(j, t + 1), f(j, t) * (1 + s * win(j, t + 1))) for f, s in ((up, 1), (down, -1))]
        + [equation(up(j, 0), 1), equation(down(j, 0), 1), equation(M(t), mixture(up, down, t))]
    ),
    key=("gamblers",),
    where=lambda j, t: [j - 1, STAKES - j, t],
)
kept = Assumption(
    "what is kept of each capital: exp(p(y)) for 1 + y",
    lambda j, t: (
        [equation(f(j, t + 1), f(j, t) * exp(minorant(s * win(j, t + 1)))) for f, s in ((low_up, 1), (low_down, -1))]
        + [equation(low_up(j, 0), 1), equation(low_down(j, 0), 1)]
    ),
    key=("kept",),
    where=lambda j, t: [j - 1, STAKES - j, t],
)
left_out = Assumption(
    "gone(t) says whether mu was left out by time t: a side of what is kept had a mean of 2/(price alpha)",
    lambda t: [
        equation(gone(t) ** 2, gone(t)),
        at_least((gone(t + 1) - gone(t)) * (price * alpha * mixture(low_up, low_down, t + 1) - 1), 0),
        at_least(gone(t + 1) - gone(t), 0),
    ],
    key=("left-out",),
    where=lambda t: [t],
)
given_past = Assumption(
    "each sample has mean mu given the past",  # the past decides the capitals and whether gone(t) = 0
    lambda j, t: [
        equation(Mean((1 - gone(t)) * f(j, t) * X(t + 1)), mu * Mean((1 - gone(t)) * f(j, t))) for f in (up, down)
    ],
    key=("given-past",),
    where=lambda j, t: [j - 1, STAKES - j, t],
)

bounded_mean = Claim(
    id="betting-means.bounded-mean",
    title="The betting interval of a bounded mean holds it at all times at once",
    paper=PAPERS["betting-means"],
    locator="Section 4, with a mixture over fixed stakes; constants derived here",
    statement=r"X_i\in[0,1],\ \mathbb E[X_i\mid X_1,\dots,X_{i-1}]=\mu:\quad"
    r"\mathbb P\bigl(\exists t\le T:\ \mu\notin C_t(\alpha)\bigr)\le\alpha",
    symbols={
        alpha: Interval(0, 1, open="both", sample=(Rational(1, 40), Rational(1, 13))),
        mu: Interval(0, 1, open="both", sample=(Rational(1, 50), Rational(1, 2))),
        T: Integers(1, sample=(20, 150)),
        r: Observed(HALF),
    },
    defines={price: 1},
    assumptions=[begin, reach, bounded, wins, gamblers, kept, left_out, given_past],
    decides=ProbabilityBound(quantity=gone(T), threshold=HALF, bound=alpha),
    mutants=[
        Mutant(
            "a fifteenth of alpha",
            decides={"bound": alpha / 15},
            cases=({"law": "coin", "alpha": Rational(1, 13), "mu": HALF, "T": 400},),
        ),
        Mutant("twelve stakes, and one is paid for", defines={price: 12}),
        Mutant(
            "the interval of a fixed sample size, looked at all the time",
            drop=(left_out.name,),
            add=(Assumption("gone(t) says whether mu was outside the central-limit interval at one of 8, ..., t"),),
            cases=({"law": "coin", "mu": HALF, "T": 150, "interval": "fixed"},),
        ),
        Mutant("the mean may drift", drop=(given_past.name,), by=("derivation",)),
        Mutant("samples may leave [0, 1]", drop=(bounded.name,), by=("derivation",)),
    ],
    notes="Loose by what the smallest stakes cost: they win only after many samples. At mu = 1/2 the interval misses "
    "with probability 0.12 alpha within 150 samples of a fair coin, 0.2 alpha within 400.",
)


def within(proof, half, j, s):
    """-3/4 <= win <= 3/4, from 2^-j <= 1/2."""
    (above_mu, above_rest), (inside, below) = proof.assume(reach), proof.assume(bounded, s + 1)
    weight, y, meaning = stake(j), win(j, s + 1), proof.assume(wins, j, s + 1)
    least = [(1, meaning), (2 * quarter, half), (weight, above_mu), (weight, inside)]
    most = [(-1, meaning), (2 * quarter, half), (weight, above_rest), (weight, below)]
    return proof.certificate(at_least(quarter + y, 0), least), proof.certificate(at_least(quarter - y, 0), most)


def one_side(proof, j, s, limits, gain, f, low_f, sign):
    """What is kept is at most the capital, for one stake on one side; and the capital is fair."""
    which = 0 if sign > 0 else 1
    (z,), y = gain.expr.free_symbols, sign * win(j, s + 1)
    better = proof.instantiate(gain, {z: y})
    proof.certificate(at_least(1 + y, 0), [(1, limits[which]), (Rational(1, 4), proof.sign(1))])
    turn, save = proof.assume(gamblers, j, s)[which], proof.assume(kept, j, s)[which]
    one, start = proof.assume(gamblers, j, 0)[2 + which], proof.assume(kept, j, 0)[2 + which]
    keep = exp(minorant(y))
    sign_kept = proof.induction(
        at_least(low_f(j, s), 0),
        s,
        proof.certificate(at_least(low_f(j, 0), 0), [(1, start), (1, proof.sign(1))]),
        lambda known: proof.certificate(at_least(low_f(j, s + 1), 0), [(keep, known)], using=[save]),
    )
    more = proof.induction(
        at_least(f(j, s), low_f(j, s)),
        s,
        proof.certificate(at_least(f(j, 0), low_f(j, 0)), [(1, one), (-1, start)]),
        lambda known: proof.certificate(
            at_least(f(j, s + 1), low_f(j, s + 1)),
            [(1 + y, known), (keep, proof.product(sign_kept, better))],
            using=[turn, save],
        ),
    )
    still = 1 - gone(s)
    drift = still * f(j, s) * X(s + 1) - mu * still * f(j, s)
    moved = proof.mean(
        proof.certificate(
            equation(still * f(j, s + 1), still * f(j, s) + sign * stake(j) * drift),
            [(still, turn), (sign * still * f(j, s), proof.assume(wins, j, s + 1))],
        )
    )
    past = proof.assume(given_past, j, s)[which]
    fair = proof.certificate(
        equation(Mean(still * f(j, s + 1)), Mean(still * f(j, s))), [(1, moved), (sign * stake(j), past)]
    )
    return more, proof.certificate(at_least(f(j, s), 0), [(1, more), (1, sign_kept)]), fair


@bounded_mean.derivation
def mixed_gamblers(proof):
    definition = proof.definition(price)
    j, s = proof.index("j", 1, STAKES), proof.index("s", 0)
    proof.low(j), proof.high(j)
    z, u = proof.scalar("z", Interval(-quarter, quarter)), proof.scalar("u", Reals())
    v = proof.scalar("v", Interval(1, None))
    half = proof.instantiate(proof.monotone(-(2 ** (-v)), v), {v: j})
    gap = log(1 + z) - minorant(z)
    below = proof.nonneg_on_box(gap, {z: (-quarter, quarter)}, cuts={z: (0,)})
    line = proof.instantiate(proof.tangent(exp(u), u, 0), {u: gap})
    gain = proof.certificate(at_least((1 + z) * exp(-minorant(z)) - 1, 0), [(1, line), (1, below)])
    limits = within(proof, half, j, s)
    sides = [one_side(proof, j, s, limits, gain, *side) for side in ((up, low_up, 1), (down, low_down, -1))]

    still, gain_ = 1 - gone(s), gone(s + 1) - gone(s)
    more, worth, fair = ([proof.sum_of(side[k], j, 1, STAKES) for side in sides] for k in range(3))
    _, reached, rises = proof.assume(left_out, s)
    assets = proof.assume(gamblers, j, s + 1)[4]
    richer = proof.certificate(
        at_least(M(s + 1) - mixture(low_up, low_down, s + 1), 0),
        [(1, assets), *((Rational(1, 2 * STAKES), proof.instantiate(fact, {s: s + 1})) for fact in more)],
    )
    reached = proof.certificate(
        at_least(gain_ * (M(s + 1) - 1 / alpha), 0),
        [(1 / alpha, reached), (1, proof.product(rises, richer))],
        using=[definition],
    )
    step = [(-Rational(1, 2 * STAKES), fact) for fact in fair]
    for at, sign in ((s, 1), (s + 1, -1)):
        parts = [Sum(still * f(i, at), (i, 1, STAKES)) for f in (up, down)]
        book = proof.certificate(
            equation(still * M(at), sum(parts) / (2 * STAKES)), [(still, proof.assume(gamblers, j, at)[4])]
        )
        step += [(sign, proof.mean(book))]
        step += [(Rational(sign, 2 * STAKES), proof.mean_of_sum(part)) for part in parts]
    step = proof.certificate(at_least(Mean(still * M(s)), Mean(still * M(s + 1))), step)
    bit = proof.assume(left_out, T)[0]
    last = proof.certificate(
        at_least(M(T), 0),
        [
            (1, proof.assume(gamblers, j, T)[4]),
            *((Rational(1, 2 * STAKES), proof.instantiate(w, {s: T})) for w in worth),
        ],
    )
    proof.conclude(ever(proof, s, bit, reached, step, last))


@bounded_mean.experiment(
    cases=[
        {"law": "coin"},
        {"law": "coin", "mu": HALF, "T": 100},
        {"law": "power", "T": 60},
        {"law": "two-point", "T": 60},
        {"law": "constant", "T": 20},
    ],
    samples={"smoke": 2**13, "standard": 2**18, "full": 2**25},
    block=128,
)
def stopped_at_the_worst_time(xp, rng, case, size):
    """The adversary knows mu, looks after every sample and stops when the evidence against mu is largest."""
    mu, T = case.mu, case.T
    sums = xp.cumulative_sum(power_sums(xp, samples(xp, rng, case.law, mu, (size, T))[..., None]), axis=1)
    higher, lower = betting_evidence(xp, xp.reshape(sums, (-1, 9)), mu + xp.zeros((size * T, 1)))
    worst = xp.argmax(xp.reshape(xp.maximum(higher, lower), (size, T)), axis=-1)
    at = xp.astype(xp.arange(T) == worst[:, None], xp.float64)
    low, high = betting_interval(xp, xp.sum(sums * at[..., None], axis=1), case.price * case.alpha)
    if "interval" in case:
        n = xp.arange(8, T + 1, dtype=xp.float64)
        mean, square = sums[:, 7:, 1] / n, sums[:, 7:, 2] / n
        distance = abs(mean + 0.5 - mu) / xp.sqrt((square - mean**2) / n + 1e-12)
        low = xp.where(xp.max(distance, axis=-1) > xp.ndtri(xp.asarray(1 - case.alpha / 2)), 1.0 + low, 0.0 * low)
    return {"quantity": xp.astype((low > mu) | (high < mu), xp.float64), "r": max(mu, 1 - mu)}


def samples(xp, rng, law, mu, shape):
    """Samples in [0, 1] with mean mu."""
    u = rng.uniform(shape)
    if law == "coin":
        return xp.astype(u < mu, xp.float64)
    if law == "power":  # a density that is infinite at an end
        return u ** ((1 - mu) / mu)
    if law == "two-point":
        return xp.where(u < 0.9, 0.9 * mu + 0 * u, 1.9 * mu + 0 * u)
    return mu + 0 * u
