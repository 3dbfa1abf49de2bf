"""The probability of an event, watched for as long as one likes.

X_1, X_2, ... are 0 or 1, each with mean p given the past; S_t counts the ones.  Whoever bets that X_{t+1} = 1 with
probability (S_t + 1/2)/(t + 1) and is paid as if it were p has the capital

    M_t = B(S_t + 1/2, t - S_t + 1/2) / (pi p^{S_t} (1 - p)^{t - S_t}),

the average of the likelihood ratios over a Beta(1/2, 1/2) law of the alternative.  p is left out of the interval at
time t when M_t >= 1/alpha, which ever happens with probability at most alpha.

Reference: H. Robbins, "Statistical methods related to the law of the iterated logarithm", 1970, for the method of
mixtures; the predictive form is that of Krichevsky and Trofimov (1981).
"""

from sympy import Function, Rational, Symbol, symbols

from gdverify import Assumption, Claim, Integers, Interval, Mean, Mutant, ProbabilityBound
from gdverify.experiment.sequential import bernoulli_evidence, bernoulli_interval
from theorems import PAPERS
from theorems.decisions.ville import HALF, M, T, alpha, at_least, begin, equation, ever, gone

p, price = symbols("p price", positive=True)
t = Symbol("t", integer=True)
X, S = Function("X"), Function("S")


def gain(t):
    """What M is multiplied by at time t + 1."""
    return (X(t + 1) * (2 * S(t) + 1) / p + (1 - X(t + 1)) * (2 * (t - S(t)) + 1) / (1 - p)) / (2 * (t + 1))


counts = Assumption(
    "samples are 0 or 1, and S counts the ones",
    lambda t: [equation(X(t + 1) ** 2, X(t + 1)), equation(S(t + 1), S(t) + X(t + 1)), equation(S(0), 0)],
    key=("counts",),
    where=lambda t: [t],
)
bets = Assumption(
    "M bets on (S_t + 1/2)/(t + 1) at time t + 1",
    lambda t: equation(M(t + 1), M(t) * gain(t)),
    key=("bets",),
    where=lambda t: [t],
)
left_out = Assumption(
    "gone(t) says whether p was left out by time t: M had reached 1/(price alpha)",
    lambda t: [
        equation(gone(t) ** 2, gone(t)),
        at_least((gone(t + 1) - gone(t)) * (price * alpha * M(t + 1) - 1), 0),
    ],
    key=("left-out",),
    where=lambda t: [t],
)
given_past = Assumption(
    "each sample has mean p given the past",  # the past decides S, M and whether gone(t) = 0
    lambda t: [
        equation(Mean(past * X(t + 1)), p * Mean(past)) for past in ((1 - gone(t)) * M(t), (1 - gone(t)) * M(t) * S(t))
    ],
    key=("given-past",),
    where=lambda t: [t],
)

success_probability = Claim(
    id="iterated-logarithm.success-probability",
    title="The interval of a success probability holds it at all times at once",
    paper=PAPERS["iterated-logarithm"],
    locator="method of mixtures, for 0/1 data with a Beta(1/2, 1/2) law",
    statement=r"X_i\in\{0,1\},\ \mathbb E[X_i\mid X_1,\dots,X_{i-1}]=p:\quad"
    r"\mathbb P\bigl(\exists t\le T:\ p\notin C_t(\alpha)\bigr)\le\alpha",
    symbols={
        alpha: Interval(0, 1, open="both", sample=(Rational(1, 40), Rational(1, 10))),
        p: Interval(0, 1, open="both", sample=(Rational(1, 100), Rational(1, 2))),
        T: Integers(1, sample=(20, 300)),
    },
    defines={price: 1},
    assumptions=[begin, counts, bets, left_out, given_past],
    decides=ProbabilityBound(quantity=gone(T), threshold=HALF, bound=alpha),
    mutants=[
        Mutant("half of alpha", decides={"bound": alpha / 2}, cases=({"p": HALF, "T": 300},)),
        Mutant("the interval at 2 alpha", defines={price: 2}, cases=({"p": HALF, "T": 300},)),
        Mutant(
            "the interval of a fixed sample size, looked at all the time",
            drop=(left_out.name,),
            add=(Assumption("gone(t) says whether p was outside Wilson's interval at one of 8, ..., t"),),
            cases=({"p": HALF, "T": 300, "interval": "fixed"},),
        ),
        Mutant("the probability may drift", drop=(given_past.name,), by=("derivation",)),
        Mutant("samples need not be 0 or 1", drop=(counts.name,), by=("derivation",)),
    ],
    notes="Tight: within 300 fair coins the interval misses with probability 0.75 alpha; what is missing is the "
    "overshoot of 1/alpha and the late misses.",
)


@success_probability.derivation
def universal_bets(proof):
    s = proof.index("s", 0)
    proof.certificate(at_least(1 - p, 0), [(1, proof.high(p))])
    bit, add, none = proof.assume(counts, s)
    yes = proof.certificate(at_least(X(s + 1), 0), [(-1, bit)], [(1, X(s + 1))])
    no = proof.certificate(at_least(1 - X(s + 1), 0), [(-1, bit)], [(1, 1 - X(s + 1))])
    ones = proof.induction(
        at_least(S(s), 0),
        s,
        proof.certificate(at_least(S(0), 0), [(1, none)]),
        lambda known: proof.certificate(at_least(S(s + 1), 0), [(1, known), (1, yes), (1, add)]),
    )
    zeros = proof.induction(
        at_least(s - S(s), 0),
        s,
        proof.certificate(at_least(0 - S(0), 0), [(-1, none)]),
        lambda known: proof.certificate(at_least(s + 1 - S(s + 1), 0), [(1, known), (1, no), (-1, add)]),
    )
    win, lose = proof.product(yes, ones), proof.product(no, zeros)
    scale = 2 * (s + 1)
    positive = proof.certificate(
        at_least(gain(s), 0),
        [
            (2 / (p * scale), win), (1 / (p * scale), yes),
            (2 / ((1 - p) * scale), lose), (1 / ((1 - p) * scale), no),
        ],
    )  # fmt: skip
    bet = proof.assume(bets, s)
    worth = proof.induction(
        at_least(M(s), 0),
        s,
        proof.certificate(at_least(M(0), 0), [(1, proof.assume(begin)[0]), (1, proof.sign(1))]),
        lambda known: proof.certificate(at_least(M(s + 1), 0), [(1, proof.product(known, positive)), (1, bet)]),
    )
    still = 1 - gone(s)
    moved = proof.mean(proof.certificate(equation(still * M(s + 1), still * M(s) * gain(s)), [(still, bet)]))
    plain, counted = proof.assume(given_past, s)
    step = proof.certificate(
        at_least(Mean(still * M(s)), Mean(still * M(s + 1))),
        [
            (-1, moved),
            (-(1 / p - (2 * s + 1) / (1 - p)) / scale, plain),
            (-2 * (1 / p + 1 / (1 - p)) / scale, counted),
        ],
    )
    reached = proof.certificate(
        at_least((gone(s + 1) - gone(s)) * (M(s + 1) - 1 / alpha), 0),
        [(1 / alpha, proof.assume(left_out, s)[1])],
        using=[proof.definition(price)],
    )
    last = proof.instantiate(worth, {s: T})
    proof.conclude(ever(proof, s, proof.assume(left_out, T)[0], reached, step, last))


@success_probability.experiment(
    cases=[{}, {"p": HALF, "T": 300}, {"p": Rational(1, 100), "T": 300}],
    samples={"smoke": 2**17, "standard": 2**20, "full": 2**27},
)
def stopped_at_the_worst_time(xp, rng, case, size):
    """The adversary knows p, looks after every sample and stops when the evidence against p is largest."""
    p, T = case.p, case.T
    ones = xp.cumulative_sum(xp.astype(rng.uniform((size, T)) < p, xp.float64), axis=-1)
    n = xp.arange(1, T + 1, dtype=xp.float64)
    worst = xp.argmax(bernoulli_evidence(xp, ones, n, xp.log(xp.asarray(p / (1 - p)))), axis=-1)
    at = xp.astype(xp.arange(T) == worst[:, None], xp.float64)
    low, high = bernoulli_interval(xp, xp.sum(ones * at, axis=-1), xp.sum(n * at, axis=-1), case.price * case.alpha)
    out = (low > p) | (high < p)
    if "interval" in case:
        distance = abs(ones[:, 7:] / n[7:] - p) / xp.sqrt(p * (1 - p) / n[7:])
        out = xp.max(distance, axis=-1) > xp.ndtri(xp.asarray(1 - case.alpha / 2))
    return {"quantity": xp.astype(out, xp.float64)}
