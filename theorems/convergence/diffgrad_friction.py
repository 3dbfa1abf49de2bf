"""The friction coefficient of diffGrad makes its regret linear where plain Adam succeeds.

Online losses g_t x on [-1, 1] with gradients of period 5, g = (-3, 1, 1, 1, 1), any memory beta_2 >= 12/13 and any step
sizes that do not increase: a constant, alpha/sqrt(t), or alpha sqrt((1 - beta_2^t)/t), which corrects the bias of v.
Without friction x goes to the best point -1.  The friction 1/(1 + exp(-|g_{t-1} - g_t|)) halves repeated gradients and
spares jumps: a period moves x up by about 3 sigma - sigma - 3/2 > 0 instead of down by 1, where sigma = 1/(1 + e^-4).
So x stays near 1, and the regret is at least 3/2 a period: for no K is it at most K sqrt(T).  (In our
runs with steps alpha/sqrt(t) plain Adam's regret per step tends to 0; with constant steps it is of the size of a step.)

A version of the regret bound for diffGrad, under bounded gradients on a bounded domain; the published theorem was not
read.
"""

from sympy import Gt, Rational, exp, oo, sqrt

from gdverify import Assumption, Claim, Counterexample, Integers, Interval, Mutant, Positive
from gdverify.laws import equation
from theorems import PAPERS
from theorems.convergence.diffgrad_online import (
    K,
    above,
    begin,
    beta_2,
    eta,
    frictions,
    g,
    grown,
    jumped,
    least,
    losses,
    memory,
    more,
    nonnegative_memory,
    projection,
    r,
    rate,
    regret,
    repeated,
    run,
    update,
    v,
    x,
    y,
)  # fmt: skip

jumps = losses(-3, 1, 1, 1, 1)
steps_5 = update([jumped, jumped, repeated, repeated, repeated])
decreasing = Assumption(
    "step sizes are positive and do not increase",
    lambda t: [Gt(rate(t), 0, evaluate=False), least(rate(t), rate(t + 1))],
    latex=r"\alpha_t\ge\alpha_{t+1}>0",
    key=("steps",),
    where=lambda t: [t - 1],
)
first_rate = equation("the first step size", rate(1), eta * sqrt(1 - beta_2))

friction_bias = Claim(
    id="diffgrad.friction-bias-counterexample",
    title="The friction of diffGrad alone makes the regret linear, with any memory beta_2 >= 12/13",
    paper=PAPERS["diffgrad"],
    locator="a version of the regret bound; counterexample derived here",
    statement=r"g=(-3,1,1,1,1,\dots),\ \beta_2\ge\tfrac{12}{13},\ \alpha_1\ge\alpha_2\ge\dots>0,"
    r"\ \alpha_1\le\tfrac18\sqrt{1-\beta_2}:\quad R(T)\ge\tfrac32\cdot\tfrac T5 > K\sqrt T"
    r"\ \text{ at } T=25r^2,\ r\ge K",
    symbols={
        K: Positive(sample=(Rational(1, 2), 3)),
        beta_2: Interval(Rational(12, 13), 1, open="right", sample=(Rational(12, 13), Rational(999, 1000))),
        eta: Interval(0, Rational(1, 8), open="left", sample=(Rational(1, 100), Rational(1, 8))),
        r: Integers(K, sample=(K, K + 2)),
    },
    defines=frictions,
    assumptions=[jumps, steps_5, memory, projection, decreasing, first_rate, *begin],
    decides=Counterexample(
        quantity=regret(25 * r**2),
        bound=5 * K * r,
        refutes="a version of the regret bound: R(T) <= K sqrt(T) for bounded gradients on a bounded domain",
    ),
    mutants=[
        Mutant(
            "without friction",
            defines={repeated: 1, jumped: 1},
            cases=({"steps": "constant", "K": 12, "r": 12, "beta_2": Rational(12, 13), "eta": Rational(1, 8)},),
        ),
        Mutant(
            "friction 3/4 for repeated gradients",
            defines={repeated: Rational(3, 4), jumped: 1 / (1 + exp(-4))},
            cases=({"steps": "constant", "K": 20, "r": 20, "beta_2": Rational(12, 13), "eta": Rational(1, 8)},),
        ),
        Mutant("a regret of 41T/100", decides={"bound": Rational(41, 4) * r**2}),
        Mutant(
            "any r will do",
            symbols={r: Integers(1, sample=(1, 2))},
            cases=({"steps": "root", "K": 10, "r": 1},),
        ),
        Mutant("any memory", symbols={beta_2: Interval(0, 1, open="both", sample=(Rational(1, 10), Rational(9, 10)))},
               by=("derivation",)),
    ],
    notes="Bias correction is the case alpha_t = alpha sqrt((1 - beta_2^t)/t).  With momentum 0.9 the same happens on "
    "longer periods (seen in experiments, not proved).  The gradient before the first counts as 1.",
)  # fmt: skip


def linear_regret(proof, first, fed, V, decay, enough):
    """The regret from V(5k + 1) >= 9 (1 - beta_2) and, in a period, V(t + 1) >= decay V(t).

    ``first(k)`` and ``fed(k, i)`` give these facts, the latter at t = 5k + i, i = 1..4; ``enough``: decay^2 >= 144/169.
    """
    k, m = proof.index("k"), proof.index("m")
    half, tenth = proof.definition(repeated), proof.definition(jumped)
    z = proof.scalar("z", Interval(4, None))
    large = proof.instantiate(proof.nonneg_on_box(Rational(1, 49) - exp(-z), {z: (4, oo)}), {z: 4})
    sigma = proof.certificate(least(jumped, Rational(49, 50)), [(49 / (50 * (1 + exp(-4))), large)], using=[tenth])
    small = proof.certificate(more(1, jumped), [(1 / (1 + exp(-4)), proof.sign(exp(-4)))], using=[tenth])
    proof.certificate(more(jumped, 0), [(1, sigma), (Rational(49, 50), proof.sign(1))])
    proof.certificate(more(repeated, 0), [(half.right, proof.sign(1))], using=[half])
    rest = proof.certificate(Gt(1 - beta_2, 0), [(1, proof.high(beta_2))])
    falling = proof.certificate(least(1 - decay, 0), [(1, rest)] if decay == beta_2 else [])
    never = proof.induction(
        least(rate(1), rate(m + 1)), m, proof.certificate(least(rate(1), rate(1))),
        lambda now: proof.certificate(least(rate(1), rate(m + 2)), [(1, now), (1, proof.assume(decreasing, m + 1)[1])]),
    )  # fmt: skip
    times = [5 * k + i for i in range(1, 7)]
    gradients, moves = proof.assume(jumps, k), proof.assume(proof.claim.assumptions[1], k)

    # the memory in a period, and the effective steps
    first = first(k)
    proof.certificate(Gt(V(times[0]), 0), [(1, first), (9, rest)])
    ground = 3 * sqrt(1 - beta_2)
    root = proof.root(proof.certificate(least(V(times[0]), ground**2), [(1, first)]), ground)
    unit = rate(times[0]) / sqrt(V(times[0]))
    proof.assume(decreasing, times[0])
    slower, size, previous = proof.certificate(least(rate(times[0]), rate(times[0]))), [], None
    for i in range(1, 5):
        _, falls = proof.assume(decreasing, times[i - 1])
        slower = proof.certificate(least(rate(times[0]), rate(times[i])), [(1, slower), (1, falls)])
        step = fed(k, i)
        previous = step if i == 1 else proof.certificate(
            least(V(times[i]), decay**i * V(times[0])), [(1, step), (decay, previous)]
        )  # fmt: skip
        proof.certificate(Gt(V(times[i]), 0), [(1, previous), (1, proof.sign(decay**i * V(times[0])))])
        geometric = sum(decay**n for n in range(4 - i)) * decay**i * V(times[0])
        wide = proof.power(
            proof.certificate(least(V(times[i]), decay**4 * V(times[0])), [(1, previous), (geometric, falling)]),
            Rational(1, 2),
        )
        proof.assume(decreasing, times[i])
        here, there = sqrt(V(times[0])), sqrt(V(times[i]))
        size.append(
            proof.certificate(
                least(unit / decay**2, rate(times[i]) / there),
                [(1 / there, slower), (rate(times[0]) / (decay**2 * here * there), wide)],
            )
        )
    down = [xi * rate(s) / sqrt(V(s)) for xi, s in zip((jumped, *[repeated] * 3), times[1:5], strict=True)]
    lost, up = sum(down), 3 * jumped * unit

    # a period goes up by at least what it goes down, and that is at most eta
    old = enough
    proof.certificate(least(3 * decay**2, 1), [(3, old), (Rational(263, 169), proof.sign(1))])
    gain = proof.certificate(
        least(3 * jumped * decay**2, jumped + Rational(3, 2)),
        [(3 * decay**2 - 1, sigma), (Rational(147, 50), old), (Rational(106, 4225), proof.sign(1))],
    )
    climbs = proof.certificate(
        least(up, lost),
        [(jumped, size[0]), *[(repeated, s) for s in size[1:]], (unit / decay**2, gain)],
        using=[half],
    )
    little = proof.certificate(
        least(eta, 3 * unit),
        [
            (eta / sqrt(V(times[0])), root),
            (3 / sqrt(V(times[0])), proof.instantiate(never, {m: 5 * k})),
        ],
        using=[proof.assume(first_rate)],
    )
    little = proof.certificate(more(eta, up), [(1, little), (3 * unit, small)])

    def period(now):
        """x >= 1 - eta throughout a period, if at its start."""
        level, facts = 1 - eta + lost, [now]
        reached = proof.certificate(least(y(times[1]), level), [(1, now), (1, climbs)], using=[moves[0], gradients[0]])
        room = proof.certificate(more(1, level), [(1, little), (1, climbs)])
        facts.append(above(proof, times[0], level, room, reached))
        for i, step in enumerate(down, 1):
            level, before = level - step, facts[-1]
            reached = proof.certificate(least(y(times[i + 1]), level), [(1, before)], using=[moves[i], gradients[i]])
            room = proof.certificate(more(1, level), [(1, room), (1, proof.sign(step))])
            facts.append(above(proof, times[i], level, room, reached))
        return facts

    near = lambda s: least(x(s), 1 - eta)
    opening = proof.assume(begin[0])
    start = proof.certificate(near(1), [(1, proof.sign(eta))], using=[opening])
    here = proof.induction(near(5 * k + 1), k, start, lambda now: period(now)[-1])
    most = proof.induction(
        least(1, x(5 * k + 1)), k, proof.certificate(least(1, x(1)), using=[opening]),
        lambda now: proof.assume(projection, times[4])[0],
    )  # fmt: skip
    inside = period(here)
    price = 2 - 4 * eta
    paid = proof.certificate(
        least(sum(g(s) * (x(s) + 1) for s in times[:5]), price),
        [
            (3, most),
            *[(1, fact) for fact in inside[1:5]],
            *[(n, proof.sign(step)) for n, step in enumerate(down, 1)],
        ],
        using=gradients,
    )
    total = proof.induction(
        least(regret(5 * k), price * k),
        k,
        proof.certificate(least(regret(0), 0), [(1, proof.empty_sum(regret(0)))]),
        lambda now: grown(proof, now, regret(5 * k + 5), paid, 5, price * (k + 1)),
    )
    proof.conclude(
        proof.certificate(
            Gt(regret(25 * r**2), 5 * K * r, evaluate=False),
            [
                (1, proof.instantiate(total, {k: 5 * r**2})),
                (20 * r**2, proof.high(eta)),
                (5 * r, proof.low(r)),
                (Rational(5, 2), proof.sign(r**2)),
            ],
        )
    )


@friction_bias.derivation
def up_at_jumps(proof):
    t = proof.index("t")
    proof.certificate(Gt(1 - beta_2, 0), [(1, proof.high(beta_2))])
    every = nonnegative_memory(proof, t)

    def first(k):
        fed, now = proof.assume(memory, 5 * k), proof.assume(jumps, k)[0]
        kept = proof.instantiate(every, {t: 5 * k})
        return proof.certificate(least(v(5 * k + 1), 9 * (1 - beta_2)), [(beta_2, kept)], using=[fed, now])

    def fed(k, i):
        now = [proof.assume(memory, 5 * k + i), proof.assume(jumps, k)[i]]
        return proof.certificate(
            least(v(5 * k + i + 1), beta_2 * v(5 * k + i)), [(1 - beta_2, proof.sign(1))], using=now
        )

    linear_regret(proof, first, fed, v, beta_2, proof.power(proof.low(beta_2), 2))


def schedule(xp, case, size):
    """Step sizes by time: alpha/sqrt(t), constant, or with the correction of the bias of v."""
    size_of = lambda value: value + xp.zeros((size,))
    first = case.eta * xp.sqrt(size_of(1 - case.beta_2))
    return {
        "root": lambda t: first / xp.sqrt(size_of(t)),
        "constant": lambda t: first,
        "corrected": lambda t: first * xp.sqrt(size_of((1 - case.beta_2**t) / (1 - case.beta_2) / t)),
    }[case.steps]


@friction_bias.experiment(cases=[{"steps": "root"}, {"steps": "constant"}, {"steps": "corrected"}])
def periods_of_five(xp, rng, case, size):
    return {"quantity": run(xp, case, size, (-3, 1, 1, 1, 1), schedule(xp, case, size), 25 * case.r**2)}
