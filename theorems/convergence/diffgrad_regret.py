"""A version of the sqrt(T) regret bound for diffGrad fails on the sequence on which Adam fails.

Online losses g_t x on [-1, 1] with gradients of period 3, g = (3, -1, -1), memory beta_2 = 1/10, steps alpha/sqrt(t):
the large gradient is divided by its own size, the two small ones together move x back by more, and x stays near 1 while
-1 is the best point.  The friction 1/(1 + exp(-|g_{t-1} - g_t|)) does not repair this: the regret is at least
2 - 3.3 alpha a period, and at most K sqrt(T) for no K.

The sequence is that of Reddi, Kale and Kumar (2018) for Adam.  What fails is a version of the regret bound,
under bounded gradients on a bounded domain; the published theorem was not read.
"""

from sympy import Gt, Rational, exp, sqrt

from gdverify import Assumption, Claim, Counterexample, Integers, Interval, Mutant, Positive
from theorems import PAPERS
from theorems.convergence.diffgrad_online import (
    K,
    above,
    alpha,
    begin,
    beta_2,
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
    same,
    update,
    v,
    x,
    y,
)

peaks, steps_3 = losses(3, -1, -1), update([jumped, jumped, repeated])
rates = Assumption(
    "alpha_t = alpha/sqrt(t)",
    lambda t: same(rate(t), alpha / sqrt(t)),
    latex=r"\alpha_t=\alpha/\sqrt t",
    key=("steps", alpha),
    where=lambda t: [t - 1],
)

linear_regret = Claim(
    id="diffgrad.linear-regret-counterexample",
    title="diffGrad with memory 1/10 has linear regret on the sequence on which Adam fails",
    paper=PAPERS["diffgrad"],
    locator="a version of the regret bound; counterexample derived here",
    statement=r"g=(3,-1,-1,\dots),\ \beta_2=\tfrac1{10},\ \alpha_t=\alpha/\sqrt t,\ 0<\alpha\le\tfrac14:\quad"
    r" R(T)\ge\big(2-\tfrac{33}{10}\alpha\big)\tfrac T3 > K\sqrt T\ \text{ at } T=9r^2,\ r\ge K",
    symbols={
        K: Positive(sample=(Rational(1, 2), 5)),
        alpha: Interval(0, Rational(1, 4), open="left", sample=(Rational(1, 100), Rational(1, 4))),
        r: Integers(K, sample=(K, K + 3)),
    },
    defines={**frictions, beta_2: Rational(1, 10)},
    assumptions=[peaks, steps_3, memory, projection, rates, *begin],
    decides=Counterexample(
        quantity=regret(9 * r**2),
        bound=3 * K * r,
        refutes="a version of the regret bound: R(T) <= K sqrt(T) for bounded gradients on a bounded domain",
    ),
    mutants=[
        Mutant(
            "memory 9/10",
            defines={**frictions, beta_2: Rational(9, 10)},
            cases=({"K": 20, "r": 20, "alpha": Rational(1, 4)},),
        ),
        Mutant("a regret of 67T/100", decides={"bound": Rational(603, 100) * r**2}),
        Mutant("any r will do", symbols={r: Integers(1, sample=(1, 2))}, cases=({"K": 10, "r": 1},)),
        Mutant("steps of any size", drop=(rates.name,), by=("derivation",)),
    ],
    notes="The regret tends to 2T/3 (seen in experiments).  The gradient before the first counts as -1.",
)


@linear_regret.derivation
def small_gradients_win(proof):
    k, m, t = proof.index("k", 1), proof.index("m"), proof.index("t")
    half, sigma, tenth = (proof.definition(s) for s in (repeated, jumped, beta_2))
    one = proof.sign(Rational(1))
    positive = lambda symbol, fact: proof.certificate(more(symbol, 0), [(fact.right, one)], using=[fact])
    for symbol, fact in ((beta_2, tenth), (jumped, sigma), (repeated, half)):
        positive(symbol, fact)
    small = proof.certificate(more(1, jumped), [(1 / (1 + exp(-4)), proof.sign(exp(-4)))], using=[sigma])
    proof.certificate(more(1 - beta_2, 0), [(Rational(9, 10), one)], using=[tenth])
    level = 1 - Rational(11, 10) * alpha
    room = proof.certificate(more(1, level), [(Rational(11, 10), proof.sign(alpha))])
    every = nonnegative_memory(proof, t)

    def peak(n):
        """How v starts the period n, and the gradients and steps in it; v^(1/2) >= 1423/500 at the peak."""
        gradients, before = proof.assume(peaks, n), proof.instantiate(every, {t: 3 * n})
        fed = [[proof.assume(memory, 3 * n + i), gradients[i], tenth] for i in range(3)]
        low = proof.certificate(least(v(3 * n + 1), Rational(81, 10)), [(Rational(1, 10), before)], using=fed[0])
        proof.certificate(Gt(v(3 * n + 1), 0), [(1, low), (Rational(81, 10), one)])
        least_root = Rational(1423, 500)
        root = proof.root(
            proof.certificate(least(v(3 * n + 1), least_root**2), [(1, low), (Rational(81, 10) - least_root**2, one)]),
            least_root,
        )
        for i in (1, 2):
            last = proof.instantiate(every, {t: 3 * n + i})
            kept = [(Rational(1, 10), last), (Rational(9, 10), one)]
            proof.certificate(Gt(v(3 * n + i + 1), 0), kept, using=fed[i])
        return gradients, fed, root

    def travel(n, gradients):
        """The steps of the period n, and the equations that make them."""
        moves, sizes = proof.assume(steps_3, n), [proof.assume(rates, 3 * n + i) for i in (1, 2, 3)]
        steps = [
            xi * alpha / (sqrt(s) * sqrt(v(s)))
            for xi, s in ((3 * jumped, 3 * n + 1), (jumped, 3 * n + 2), (repeated, 3 * n + 3))
        ]
        return steps, [[moves[i], gradients[i], sizes[i]] for i in range(3)]

    def fall(n, root):
        """3000/2846 xi alpha/sqrt(t) is at least the step down."""
        s = 3 * n + 1
        scale = Rational(1500, 1423) * jumped * alpha / sqrt(s)
        return proof.certificate(
            least(scale, 3 * jumped * alpha / (sqrt(s) * sqrt(v(s)))), [(scale / sqrt(v(s)), root)]
        )

    # the first period: down by at most 1.1 alpha, and up
    opening = proof.assume(begin[0])
    gradients, _, root = peak(0)
    (down, *ups), moves = travel(0, gradients)
    short, scale = fall(0, root), Rational(1500, 1423)
    reached = proof.certificate(
        least(y(2), level),
        [
            (1, short),
            (Rational(1500, 1423) * alpha, small),
            (Rational(11, 10) - Rational(1500, 1423), proof.sign(alpha)),
        ],
        using=[*moves[0], opening],
    )
    first = [proof.certificate(least(x(1), level), [(Rational(11, 10), proof.sign(alpha))], using=[opening])]
    first.append(above(proof, 1, level, room, reached))
    for i in (1, 2):
        up = proof.certificate(least(y(i + 2), level), [(1, first[-1]), (1, proof.sign(ups[i - 1]))], using=moves[i])
        first.append(above(proof, i + 1, level, room, up))

    # a later one: v is at most 9, 9/5 and 27/25
    def shrink(now, n, gradients, fed):
        """Upper ends of v at the three times that follow."""
        found, tail = [], [proof.assume(memory, 3 * n + 3), proof.assume(peaks, n + 1)[0], tenth]
        ends = (Rational(9, 5), Rational(9, 10), fed[1]), (Rational(27, 25), Rational(9, 10), fed[2])
        for i, (end, new, equations) in enumerate((*ends, (9, Rational(81, 10), tail)), 2):
            parts = [(Rational(1, 10), now), (1, proof.sign(end - new - now.left / 10))]
            now = proof.certificate(least(end, v(3 * n + i)), parts, using=equations)
            found.append(now)
        return found

    begun = [*peak(0)[1][0], proof.assume(begin[1])]
    ceiling = proof.induction(
        least(9, v(3 * m + 1)),
        m,
        proof.certificate(least(9, v(1)), [(Rational(9, 10), one)], using=begun),
        lambda now: shrink(now, m, *peak(m)[:2])[-1],
    )
    gradients, fed, root = peak(k)
    (down, *ups), moves = travel(k, gradients)
    ends = shrink(proof.instantiate(ceiling, {m: k}), k, gradients, fed)
    short, late, s = fall(k, root), proof.low(k), 3 * k + 1
    rises = []
    for i, share in ((1, Rational(2, 3)), (2, Rational(40, 51))):
        other = sqrt(s + i) * sqrt(v(s + i))
        c = share**2 * ends[i - 1].left
        longer = proof.certificate(
            least(s, (share * other) ** 2),
            [(share**2 * (s + i), ends[i - 1]), (3 - 3 * c, late), (1, proof.sign(4 - c * (4 + i)))],
        )
        scale = (jumped if i == 1 else repeated) * alpha
        rises.append(
            proof.certificate(
                least(ups[i - 1], scale * share / sqrt(s)),
                [(scale / (other * sqrt(s)), proof.root(longer, share * other))],
            )
        )
    unit = alpha / sqrt(s)
    win = proof.certificate(
        least(sum(ups), down),
        [
            (1, short),
            *[(1, rise) for rise in rises],
            ((Rational(1500, 1423) - Rational(2, 3)) * unit, small),
            (Rational(20, 51) + Rational(2, 3) - Rational(1500, 1423), proof.sign(unit)),
        ],
        using=[half],
    )

    def period(now):
        lower = proof.certificate(more(1, level - down), [(1, room), (1, proof.sign(down))])
        reached = proof.certificate(least(y(s + 1), level - down), [(1, now)], using=moves[0])
        facts = [now, above(proof, s, level - down, lower, reached)]
        lower = proof.certificate(more(1, level - ups[1]), [(1, room), (1, proof.sign(ups[1]))])
        reached = proof.certificate(least(y(s + 2), level - ups[1]), [(1, facts[1]), (1, win)], using=moves[1])
        facts.append(above(proof, s + 1, level - ups[1], lower, reached))
        reached = proof.certificate(least(y(s + 3), level), [(1, facts[2])], using=moves[2])
        return [*facts, above(proof, s + 2, level, room, reached)]

    here = proof.induction(least(x(s), level), k, first[3], lambda now: period(now)[-1])
    price = 2 - Rational(33, 10) * alpha

    def paid(n, now):
        inside = [proof.assume(projection, 3 * n + i)[0] for i in (1, 2)]
        terms = sum(g(3 * n + i) * (x(3 * n + i) + 1) for i in (1, 2, 3))
        return proof.certificate(
            least(terms, price), [(3, now), *[(1, fact) for fact in inside]], using=proof.assume(peaks, n)
        )

    nothing = proof.certificate(least(regret(0), 0), [(1, proof.empty_sum(regret(0)))])
    total = proof.induction(
        least(regret(3 * k), price * k),
        k,
        grown(proof, nothing, regret(3), paid(0, first[0]), 3, price),
        lambda now: grown(proof, now, regret(3 * k + 3), paid(k, here), 3, price * (k + 1)),
    )
    some = proof.next_integer(proof.certificate(more(r, 0), [(1, proof.low(r)), (1, proof.sign(K))]))
    proof.certificate(least(3 * r**2, 1), [(3, proof.power(some, 2)), (2, one)])
    proof.conclude(
        proof.certificate(
            Gt(regret(9 * r**2), 3 * K * r, evaluate=False),
            [
                (1, proof.instantiate(total, {k: 3 * r**2})),
                (Rational(99, 10) * r**2, proof.high(alpha)),
                (3 * r, proof.low(r)),
                (Rational(21, 40), proof.sign(r**2)),
            ],
        )
    )


@linear_regret.experiment()
def periods_of_three(xp, rng, case, size):
    rates = lambda t: case.alpha / xp.sqrt(t + xp.zeros((size,)))
    return {"quantity": run(xp, case, size, (3, -1, -1), rates, 9 * case.r**2)}
