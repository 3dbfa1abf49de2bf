"""Best-arm identification by successive rejects, the selection step of automatic prompt optimisation (Pryzant 2023).

K arms with rewards in [0, 1]; arm 1 is best, arm i is worse by gap(i) > 0.  With a budget of n pulls,

    logbar = 1/2 + sum_{i=2}^K 1/i,       n_k = ceil((n - K) / (logbar (K + 1 - k))),

phase k = 1, ..., K - 1 pulls every remaining arm until it has n_k pulls, then drops the one with the lowest mean.  The
last arm standing is wrong with probability at most

    K (K - 1)/2 exp(-(n - K) / (logbar H2)),       H2 = max_{i >= 2} i / gap(i)^2,

and at most n pulls are made (automatic-prompt-optimization.successive-rejects-budget).

Reference: R. Pryzant et al., "Automatic Prompt Optimization with 'Gradient Descent' and Beam Search", 2023, for its
use; the guarantee is that of J.-Y. Audibert, S. Bubeck and R. Munos, "Best arm identification in multi-armed bandits",
2010.
"""

import math
from fractions import Fraction

from sympy import Eq, Function, Ge, Gt, Le, Rational, Sum, Symbol, exp

from gdverify import Assumption, Claim, Integers, Mean, Mutant, Observed, Prob, ProbabilityBound, Reals, lemmas
from gdverify.laws import constant, integers
from theorems import PAPERS

K, n = Symbol("K", integer=True, positive=True), Symbol("n", integer=True, positive=True)
H2, logbar = Symbol("H2", positive=True), Symbol("logbar", positive=True)
i = Symbol("i", integer=True)
mu, gap, pulls = Function("mu"), Function("gap"), Function("pulls")  # of an arm, of an arm, of a phase: n_k
reward, lead = Function("reward"), Function("lead")  # of an arm at a pull; of arm i over arm 1 after some pulls each
gone = Function("gone")  # gone(i, k): arm i was dropped before phase k
not_better = Function(
    "not_better"
)  # not_better(i, k): after n_k pulls each, the mean of arm 1 is at most that of arm i


def equation(left, right):
    return Eq(left, right, evaluate=False)


harmonic = Rational(1, 2) + Sum(1 / i, (i, 2, K))
phases = Assumption(
    "gone(i, k) says whether arm i was dropped before phase k, and every phase drops one",
    lambda j, k: [
        equation(gone(j, k) ** 2, gone(j, k)),
        Ge(gone(j, k + 1) - gone(j, k), 0, evaluate=False),
        equation(Sum(gone(i, k), (i, 1, K)), k - 1),
    ],
    key=("phases",),
    where=lambda j, k: [k - 1, K - k],
)
begin = Assumption("no arm is dropped before phase 1", lambda j: equation(gone(j, 1), 0), key=("begin",))
rule = Assumption(
    "the arm dropped has the lowest mean",  # so if arm 1 goes in phase k, whoever is still there is not worse
    lambda j, k: Ge(not_better(j, k), (gone(1, k + 1) - gone(1, k)) * (1 - gone(j, k)), evaluate=False),
    key=("rule",),
    where=lambda j, k: [k - 1, K - 1 - k],
)
schedule = Assumption(
    "n_k is (n - K)/(logbar (K + 1 - k)), rounded up",
    lambda k: [
        Ge(pulls(k), (n - K) / (logbar * (K + 1 - k)), evaluate=False),
        Gt((n - K) / (logbar * (K + 1 - k)) + 1, pulls(k), evaluate=False),
    ],
    key=("schedule",),
    where=lambda k: [k - 1, K - 1 - k],
)
complexity = Assumption(
    "H2 is the largest i/gap(i)^2, i >= 2",
    lambda j: Ge(H2 * gap(j) ** 2, j, evaluate=False),
    key=("H2",),
    where=lambda j: [j - 2, K - j],
)
gaps = Assumption(
    "arm 1 is best, arm i worse by gap(i)",
    lambda j: [equation(gap(j), mu(1) - mu(j)), Ge(gap(j), 0, evaluate=False)],
    key=("gaps",),
    where=lambda j: [j - 1, K - j],
)
rewards = Assumption(
    "rewards are in [0, 1], with means mu",
    lambda j, m: [
        Ge(reward(j, m), 0, evaluate=False),
        Ge(1, reward(j, m), evaluate=False),
        equation(Mean(reward(j, m)), mu(j)),
    ],
    key=("rewards",),
    where=lambda j, m: [j - 1, K - j, m - 1],
)
leads = Assumption(
    "lead(i, m) is the sum of the first m rewards of arm i less that of arm 1",
    lambda j, m: [equation(lead(j, 0), 0), equation(lead(j, m + 1), lead(j, m) + reward(j, m + 1) - reward(1, m + 1))],
    key=("leads",),
    where=lambda j, m: [j - 1, K - j, m],
)
independent = Assumption(
    "rewards are independent",  # hence E e^(s (a + b + c)) is a product; needed at s = 2 gap(i) alone
    lambda j, m: equation(
        Mean(exp(2 * gap(j) * (lead(j, m) + reward(j, m + 1) - reward(1, m + 1)))),
        Mean(exp(2 * gap(j) * lead(j, m)))
        * Mean(exp(2 * gap(j) * reward(j, m + 1)))
        * Mean(exp(-2 * gap(j) * reward(1, m + 1))),
    ),
    key=("independent",),
    where=lambda j, m: [j - 2, K - j, m],
)
comparison = Assumption(
    "not_better(i, k) is 1 only where arm i leads arm 1 or is level after n_k pulls each, else 0",
    lambda j, k: [
        equation(not_better(j, k) ** 2, not_better(j, k)),
        Ge(not_better(j, k) * lead(j, pulls(k)), 0, evaluate=False),
    ],
    key=("comparison",),
    where=lambda j, k: [j - 2, K - j, k - 1, K - 1 - k],
)
model = [gaps, rewards, leads, independent, comparison, constant(mu, gap, pulls), integers(pulls)]
regime = {K: Integers(2, sample=(2, 6)), n: Integers(K, sample=(4 * K, 60 * K))}
decay = exp(-(n - K) / (logbar * H2))

successive_rejects = Claim(
    id="automatic-prompt-optimization.successive-rejects",
    title="Successive rejects finds the best arm but with exponentially small probability",
    paper=PAPERS["automatic-prompt-optimization"],
    locator="bandit selection; the guarantee of Audibert, Bubeck and Munos (2010), derived here",
    statement=r"\mathbb{P}(\text{the last arm is not the best}) \le \tfrac{K(K-1)}2"
    r"\exp\Big(-\frac{n-K}{\overline{\log}(K)\,H_2}\Big),\quad H_2=\max_{i\ge2} i\,\Delta_{(i)}^{-2}",
    symbols={**regime, H2: Observed(0, open="left")},
    defines={logbar: harmonic},
    assumptions=[phases, begin, rule, schedule, complexity, *model],
    decides=ProbabilityBound(quantity=gone(1, K), threshold=Rational(1, 2), bound=K * (K - 1) / 2 * decay),
    mutants=[
        Mutant("the exponent doubled", decides={"bound": K * (K - 1) / 2 * decay**2}),
        Mutant("an eighth of the constant", decides={"bound": K * (K - 1) / 16 * decay}),
        Mutant("any arm may be dropped", drop=(rule.name,), by=("derivation",)),
        Mutant("H2 need not cover all arms", drop=(complexity.name,), by=("derivation",)),
        Mutant("rewards may depend on each other", drop=(independent.name,), by=("derivation",)),
    ],
    notes="The union bound is loose for many arms; for K = 2 Bernoulli arms the exponent is sharp to first order.",
)


def arms_left(proof):
    """K + 1 - k > 0 and logbar > 0; returns the generic phase k."""
    k = proof.index("k", 1, K - 1)
    proof.certificate(Gt(K - k, 0), [(1, proof.high(k)), (1, proof.sign(1))])
    proof.certificate(Gt(K + 1 - k, 0), [(1, proof.high(k)), (2, proof.sign(1))])
    proof.certificate(Gt(logbar, 0, evaluate=False), [(1, proof.sign(harmonic))], using=[proof.definition(logbar)])
    proof.certificate(Ge(n - K, 0), [(1, proof.low(n))])
    return k


def misleading(proof, j, k):
    """Fact: exp(-n_k gap(j)^2) >= E not_better(j, k), by Hoeffding's argument (inequality (2.7) of his 1963 paper)."""
    m, g = proof.index("m"), gap(j)
    curve = lemmas.hoeffding_curve(proof)
    distance, _ = proof.assume(gaps, j)
    empty, more = proof.assume(leads, j, m)
    factors = []
    for arm, s in ((j, 2 * g), (1, -2 * g)):
        low, high, mean = proof.assume(rewards, arm, m + 1)
        factors.append(lemmas.hoeffding(proof, curve, reward(arm, m + 1), (low, high), mean, s))
    ahead, behind = factors
    moment = lambda t: Mean(exp(2 * g * lead(j, t)))
    shrink = proof.identity(
        ahead.left * behind.left, exp(-(g**2)), using=[proof.certificate(equation(mu(1), mu(j) + g), [(-1, distance)])]
    )
    small = proof.induction(
        (exp(-m * g**2), ">=", moment(m)),
        m,
        proof.certificate(Ge(1, moment(0), evaluate=False), using=[empty]),
        lambda now: proof.certificate(
            (exp(-(m + 1) * g**2), ">=", moment(m + 1)),
            [
                (exp(-(g**2)), now),
                (moment(m) * behind.left, ahead),
                (moment(m) * ahead.right, behind),
                (-1, proof.assume(independent, j, m)),
                (-moment(m), shrink),
            ],
            using=[more],
        ),
    )
    bit, ordered = proof.assume(comparison, j, k)
    b, weight = not_better(j, k), exp(2 * g * lead(j, pulls(k)))
    proof.certificate(Ge(b, 0), [(-1, bit)], [(1, b)])
    least = proof.certificate(Ge(1 - b, 0), [(-1, bit)], [(1, 1 - b)])
    grow = proof.instantiate(curve.line, {curve.y: 2 * g * lead(j, pulls(k))})
    marked = proof.certificate(Ge(weight, b), [(b, grow), (2 * g, ordered), (weight, least)])
    least_pulls = proof.assume(schedule, k)[0]
    proof.certificate(Ge(pulls(k), 0), [(1, least_pulls), (1, proof.sign(least_pulls.right))])
    at = proof.instantiate(small, {m: pulls(k)})
    return proof.certificate(Ge(at.left, Mean(b)), [(1, at), (1, proof.mean(marked))])


@successive_rejects.derivation
def union_bound(proof):
    k = arms_left(proof)
    last = K + 1 - k  # arms last, ..., K are k in number; one of them is still there in phase k
    j, front, t, u = (
        proof.index("j", last, K),
        proof.index("front", 1, K - k),
        proof.index("t"),
        proof.scalar("u", Reals()),
    )
    dropped = gone(1, k + 1) - gone(1, k)
    _, back, total = proof.assume(phases, 1, k)
    bit = proof.assume(phases, front, k)[0]
    early = proof.sum_of(proof.certificate(Ge(gone(front, k), 0), [(-1, bit)], [(1, gone(front, k))]), front, 1, K - k)
    count = proof.telescope(-t, t, last, K + 1)
    cut = proof.split_sum(Sum(gone(i, k), (i, 1, K)), K - k)
    late = Sum(gone(i, k), (i, last, K))
    someone = proof.certificate(Ge(k - 1 - late, 0), [(1, early), (-1, total), (1, cut)])
    blame = proof.sum_of(proof.assume(rule, j, k), j, last, K)
    rivals = Sum(not_better(i, k), (i, last, K))
    union = proof.certificate(Ge(rivals, dropped), [(1, blame), (1, proof.product(back, someone)), (dropped, count)])

    # every term is at most exp(-(n - K)/(logbar H2)), because j >= K + 1 - k
    z, level = (n - K) / (logbar * H2), pulls(k) * gap(j) ** 2
    x = (n - K) / (logbar * last)
    proof.high(j)
    two = proof.certificate(Ge(j, 2), [(1, proof.low(j)), (1, proof.high(k))])
    proof.certificate(Ge(j, 1), [(1, two), (1, proof.sign(1))])
    hoeffding = misleading(proof, j, k)
    enough = proof.certificate(
        Ge(level, z),
        [
            (gap(j) ** 2, proof.assume(schedule, k)[0]),
            (x / H2, proof.assume(complexity, j)),
            (x / H2, proof.low(j)),
        ],
    )
    line = proof.instantiate(proof.tangent(exp(u), u, 0), {u: level - z})
    small = proof.certificate(
        Ge(exp(-z), Mean(not_better(j, k))), [(exp(-level), line), (exp(-level), enough), (1, hoeffding)]
    )
    all_small = proof.sum_of(small, j, last, K)
    phase = proof.certificate(
        Ge(k * exp(-z), Mean(dropped)),
        [(1, proof.mean(union)), (-1, proof.mean_of_sum(rivals)), (1, all_small), (-exp(-z), count)],
    )

    # the phases add up
    summed = proof.telescoped(phase, Mean(gone(1, k)), k, 1, K)
    triangle = proof.telescope(-t * (t - 1) / 2, t, 1, K)
    start = proof.mean(proof.assume(begin, 1))
    probability = proof.indicator(proof.assume(phases, 1, K)[0], Rational(1, 2))
    bound = K * (K - 1) / 2 * exp(-z)
    proof.conclude(
        proof.certificate(
            Le(Prob(gone(1, K), Rational(1, 2)), bound),
            [(1, summed), (-1, probability), (-1, start), (-exp(-z), triangle)],
        )
    )


@successive_rejects.experiment(
    cases=[
        {"family": "equal", "gap": 0.2, "K": 2, "n": 102},
        {"family": "equal", "gap": 0.2, "K": 2, "n": 202},
        {"family": "spread", "gap": 0.25, "K": 4, "n": 400},
        {"family": "spread", "gap": 0.3},
    ],
    samples={"smoke": 65536, "standard": 10**6, "full": 10**8},
    block=256,
)
def play(xp, rng, case, size):
    """Bernoulli arms around 1/2; ties go against the best arm."""
    K, g = case.K, case.gap
    gaps = [0.0] + [g if case.family == "equal" else g * (1 + 0.3 * (i - 1)) ** 0.5 for i in range(1, K)]
    means = xp.asarray([0.5 + g / 2 - x for x in gaps])
    score, pulled = xp.zeros((size, K)), 0
    out = xp.zeros((size, K))  # 1 for an arm that is gone
    for target in rounds(case):
        reward = rng.uniform((size, K, target - pulled)) < means[:, None]
        score = score + xp.sum(xp.astype(reward, xp.float64), axis=-1)
        pulled = target
        favour = xp.asarray([-0.5] + [0.0] * (K - 1))
        worst = xp.argmin(score + favour + 1e9 * out, axis=-1)
        out = out + xp.astype(worst[:, None] == xp.arange(K), xp.float64)
    return {"quantity": out[:, 0], "H2": max((i + 1) / x**2 for i, x in enumerate(gaps) if i)}


def rounds(case):
    """n_1, ..., n_{K-1}."""
    logbar = Fraction(case.logbar).limit_denominator(10**6)  # the rational that it is: no float decides a rounding
    return [math.ceil(Fraction(case.n - case.K) / (logbar * (case.K + 1 - k))) for k in range(1, case.K)]
