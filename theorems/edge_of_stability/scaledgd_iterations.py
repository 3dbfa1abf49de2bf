"""How many steps preconditioned gradient descent takes for matrix sensing, mode by mode (Xu et al. 2023).

ScaledGD(lambda) on a mode with eigenvalue m > 0, lambda = a m, y = x^2/m, as in `theorems.edge_of_stability.scaledgd`:

    y+ = y (1 + eta (1 - y)/(y + a))^2,       a <= 1,  eta <= 1/2.

From a small start 0 < y_0 <= 1/2 the mode grows, perhaps overshoots, and then converges.  In all of it

    1/y+ - 2  <=  (1/y - 2)/(1 + eta/3)^2  while y <= 1/2,      y+ >= 1/2  from y >= 1/2,
    y  <=  (1 + eta/(2 sqrt(a)))^2,                             |y+ - 1|  <=  (1 - 4 eta/7) |y - 1|  from y >= 2/5,

so that after K steps with (1 + eta/3)^(2K) y_0 >= 2 and N steps more

    |y_(K+N) - 1|  <=  (1 - 4 eta/7)^N (1 + eta/(2 sqrt(a)))^2.

The steps to relative error eps are at most log(2/y_0)/(2 log(1 + eta/3)) + 1 + log((1 + eta/(2 sqrt(a)))^2/eps)/
log(1/(1 - 4 eta/7)): the eigenvalues of M, and lambda, enter through logarithms alone.

Reference: arXiv:2302.01186, whose theorem is about Gaussian designs; the statement for modes is derived here.
"""

from sympy import Ge, Le, Rational, Symbol

from gdverify import Claim, Domain, Integers, Interval, Mutant, Nonnegative, Observed, Positive, SureBound
from gdverify.laws import constant, equation, inequality
from theorems import PAPERS
from theorems.edge_of_stability.scaledgd import eta, half, lam, level, m, plain, start, step, x, y0

w = Symbol("w", positive=True)  # sqrt(lambda/m)
K, N = (Symbol(name, integer=True, nonnegative=True) for name in "KN")
damping = equation("lambda is w^2 m", lam, w**2 * m)
g, rate, top = 1 + eta / 3, 1 - 4 * eta / 7, (1 + eta / (2 * w)) ** 2
grown = inequality("K steps of growth by 1 + eta/3 suffice", Ge(g ** (2 * K) * y0, 2, evaluate=False))
faster = inequality("K steps of growth by 1 + 2 eta suffice", Ge((1 + 2 * eta) ** (2 * K) * y0, 2, evaluate=False))
fixed = constant(x)

iterations = Claim(
    id="scaledgd-lambda.iteration-count",
    title="ScaledGD(lambda) takes a number of steps in which eigenvalues and lambda enter through logarithms",
    paper=PAPERS["scaledgd-lambda"],
    locator="one mode of the population loss; constants derived here",
    statement=r"\lambda\le m,\ \eta\le\tfrac12,\ (1+\tfrac\eta3)^{2K}y_0\ge2:\quad |y_{K+N}-1|\le"
    r"\Big(1-\frac{4\eta}7\Big)^N\Big(1+\frac\eta{2\sqrt{\lambda/m}}\Big)^2,\quad y = x^2/m",
    symbols={
        m: Positive(sample=(Rational(1, 1000), 1000)),
        w: Interval(0, 1, open="left", sample=(Rational(1, 30), 1)),
        lam: Observed(0, open="left"),
        eta: Interval(0, half, open="left", sample=(Rational(1, 10), half)),
        N: Integers(0, sample=(0, 30)),
        K: Domain(0, integer=True, observed=True),
        y0: Domain(0, half, low_open=True, observed=True),
    },
    assumptions=[step, damping, start, grown, fixed],
    decides=SureBound(quantity=(level(K + N) - 1) ** 2, bound=rate ** (2 * N) * top**2),
    mutants=[
        Mutant("twice as fast", decides={"bound": rate ** (4 * N) * top**2},
               cases=({"w": 1, "eta": Rational(1, 10), "N": 250},)),
        Mutant("lambda up to 9 m", symbols={w: Interval(0, 3, open="left")},
               cases=({"w": 3, "eta": half, "N": 30},)),
        Mutant("growth by 1 + 2 eta", drop=(grown.name,), add=(faster,),
               cases=({"w": 1, "eta": Rational(1, 10), "N": 12, "fast": 1},)),
        Mutant("without the preconditioner", drop=(step.name,), add=(plain,),
               cases=({"m": Rational(1, 100), "w": 1, "eta": half, "N": 30, "plain": 1},)),
    ],
    notes="From the bound: log(2/y_0)/(2 log(1 + eta/3)) + 1 + log((1 + eta/(2w))^2/eps)/log(1/rate) steps to relative "
    "error eps. Loose in both phases: at lambda = m a small mode grows by 1 + eta, a large one converges like 1 - eta. "
    "No run needs the factor (1 + eta/(2w))^2: a mode that overshoots so far has come back by step K. "
    "With lambda fixed to m for the largest mode alone (w large for the others) the count grows with the condition "
    "number again.",
)  # fmt: skip


def lemmas(proof):
    """Facts about y+ = y (1 + eta (1 - y)/(y + a))^2 for a generic y, by the interval in which y lies."""
    a = w**2
    proof.high(w)
    gap = proof.certificate(Ge(1 - a, 0), [(1 + w, proof.high(w))])
    small = proof.certificate(Ge(1 - 2 * eta, 0), [(2, proof.high(eta))])
    move = lambda y: y * (1 + eta * (1 - y) / (y + a)) ** 2
    z = proof.scalar("z", Interval(0, half))  # growth
    rise = eta / (3 * (z + a))
    slack = proof.certificate(Ge(3 - 4 * z - a, 0), [(4, proof.high(z)), (1, gap)])
    push = proof.certificate(Ge(1 + eta * (1 - z) / (z + a) - g, 0), [(rise, slack)])
    total = proof.certificate(Ge(1 + eta * (1 - z) / (z + a) + g, 0), [(1, push), (2, proof.sign(g))])
    grows = proof.certificate(Ge(move(z), g**2 * z), [(z, proof.product(push, total))])
    u = proof.scalar("u", Interval(0, 1))  # below the target
    near = proof.high(u)
    up = proof.certificate(Ge(move(u), u), [(u * (2 * eta / (u + a) + eta**2 * (1 - u) / (u + a) ** 2), near)])
    linear = proof.certificate(  # 2 w u (1 - u) <= u + w^2
        Ge(u + a - 2 * w * u * (1 - u), 0), [(u, near)], [(1, w - u), (2 * w, u)]
    )
    square = proof.certificate(  # 4 w^2 u (1 - u)^2 <= (u + w^2)^2
        Ge((u + a) ** 2 - 4 * a * u * (1 - u) ** 2, 0), [(4 * a * u**2, near)], [(1, u - a), (4 * a, u)]
    )
    capped = proof.certificate(
        Ge(top - move(u), 0),
        [(1, near), (eta / (w * (u + a)), linear), (eta**2 / (4 * a * (u + a) ** 2), square)],
    )
    v = proof.scalar("v", Nonnegative())  # above it, y = 1 + v
    y, D = 1 + v, 1 + v + a
    rest = proof.sign(v * a / D + eta**2 * y * v**2 / D**2)
    back = proof.certificate(Ge(move(y), 1), [(v * y / D, small), (1, rest)])
    slow = [(eta * v**2 * y / (2 * D**2), small), (eta * v * y / D**2, proof.sign(2 + 2 * a + 3 * v / 2))]
    down = proof.certificate(Ge(y, move(y)), slow)
    return {"growth": (z, [grows]), "below": (u, [up, capped]), "above": (v, [back, down])}


def contraction(proof):
    """|y+ - 1| <= rate |y - 1| for y >= 2/5, squared."""
    a, y = w**2, proof.scalar("y", Domain(Rational(2, 5)))
    D, low = y + a, proof.low(y)
    gap = proof.certificate(Ge(1 - a, 0), [(1 + w, proof.high(w))])
    small = proof.certificate(Ge(1 - 2 * eta, 0), [(2, proof.high(eta))])
    proof.certificate(Ge(Rational(10, 7) - eta, 0), [(half, small), (1, proof.sign(Rational(13, 14)))])
    even = proof.certificate(
        Ge(Rational(2, 7) - eta**2, 0), [((half + eta) / 2, small), (1, proof.sign(Rational(1, 28)))]
    )
    b = 1 - 2 * eta * y / D + eta**2 * y * (y - 1) / D**2
    near = Rational(6, 7) * a + (Rational(10, 7) - eta) * (y + Rational(2, 5)) + eta
    above = proof.certificate(
        Ge(rate - b, 0),
        [
            (eta / D**2 * (4 * a / 7 + Rational(8, 35)), gap),
            (eta / D**2 * near, low),
            (1, proof.sign(Rational(6, 25) * eta**2 / D**2)),
        ],
    )
    below = proof.certificate(
        Ge(rate + b, 0),
        [
            (5 * y / (7 * D**2), low),
            (y / D**2, even),
            (Rational(2, 7) + y / D, small),
            (1, proof.sign((5 * a * (2 * y + a) / 7 + D * a + eta**2 * y**2) / D**2)),
        ],
    )
    after = y * (1 + eta * (1 - y) / D) ** 2
    once = proof.certificate(
        Ge(rate**2 * (y - 1) ** 2, (after - 1) ** 2), [((y - 1) ** 2, proof.product(above, below))]
    )
    return y, [once]


class Step:
    """Step j -> j + 1 of the mode, by the lemmas at y = x_j^2/m."""

    def __init__(self, proof, facts, j):
        self.proof, self.facts, self.here, self.next = proof, facts, level(j), level(j + 1)
        self.moves = [proof.assume(step, j), proof.assume(damping)]

    def use(self, name, number, value, target):
        variable, facts = self.facts[name]
        at = self.proof.instantiate(facts[number], {variable: value})
        return self.proof.certificate(target, [(1, at)], using=self.moves)

    def rises(self):
        return self.use("below", 0, self.here, (self.next, ">=", self.here))

    def passes(self):
        return self.use("above", 0, self.here - 1, (self.next, ">=", 1))

    def stays(self, c, now):
        """From y >= c, c <= 1, to y+ >= c."""
        room = self.proof.sign(1 - c)
        goal = (self.next, ">=", c)
        return self.proof.by_cases(
            1 - self.here,
            lambda small: self.proof.certificate(goal, [(1, now), (1, self.rises())]),
            lambda large: self.proof.certificate(goal, [(1, self.passes()), (1, room)]),
        )


@iterations.derivation
def growth_overshoot_contraction(proof):
    k, n, begin = proof.index("k"), proof.index("n"), proof.assume(start)
    facts = lemmas(proof)
    facts["rate"] = contraction(proof)
    move, here, after = Step(proof, facts, k), level(k), level(k + 1)
    # y_k >= 1/(2 + (1 + eta/3)^(-2k)/y_0)
    grown_by = lambda j: level(j) * (2 * y0 + g ** (-2 * j)) - y0
    square = proof.certificate((g**2 - 1, ">=", 0), [(eta / 3 * (2 + eta / 3), proof.sign(Rational(1)))])

    def larger(now):
        weight, target = g ** (-2 * k - 2), (grown_by(k + 1), ">=", 0)

        def growing(small):
            grows = move.use("growth", 0, here, (after, ">=", g**2 * here))
            return proof.certificate(target, [(2 * y0 + weight, grows), (1, now), (2 * y0 * here, square)])

        def grown_up(large):
            over = proof.certificate((here, ">=", half), [(1, large)])
            return proof.certificate(target, [(2 * y0, move.stays(half, over)), (weight, proof.sign(after))])

        return proof.by_cases(half - here, growing, grown_up)

    base = proof.certificate((grown_by(0), ">=", 0), [(2 * y0 + 1, begin), (1, proof.sign(2 * y0**2))])
    growth = proof.instantiate(proof.induction((grown_by(k), ">=", 0), k, base, larger), {k: K})
    enough = (level(K) * g ** (-2 * K) / (5 * y0), proof.assume(grown))
    late = proof.certificate((level(K) - Rational(2, 5), ">=", 0), [(2 / (5 * y0), growth), enough])
    # y_k <= top
    wide = proof.certificate((top, ">=", 1), [(1, proof.sign(eta / w + eta**2 / (4 * w**2)))])
    first = [(1, wide), (1, proof.high(y0)), (-1, begin), (1, proof.sign(half))]

    def capped(now):
        target = (top - after, ">=", 0)
        return proof.by_cases(
            1 - here,
            lambda small: move.use("below", 1, here, target),
            lambda large: proof.certificate(
                target, [(1, now), (1, move.use("above", 1, here - 1, (here, ">=", after)))]
            ),
        )

    start_cap = proof.certificate((top - level(0), ">=", 0), first)
    cap = proof.instantiate(proof.induction((top - here, ">=", 0), k, start_cap, capped), {k: K})
    # from step K on
    move = Step(proof, facts, K + n)
    inside = proof.induction(
        (level(K + n) - Rational(2, 5), ">=", 0), n, late, lambda now: move.stays(Rational(2, 5), now)
    )
    assert inside
    falls = move.use("rate", 0, level(K + n), (rate**2 * (level(K + n) - 1) ** 2, ">=", (level(K + n + 1) - 1) ** 2))
    claimed = lambda j: rate ** (2 * j) * (level(K) - 1) ** 2 - (level(K + j) - 1) ** 2
    every = proof.induction(
        (claimed(n), ">=", 0), n, proof.certificate((claimed(0), ">=", 0)),
        lambda now: proof.certificate((claimed(n + 1), ">=", 0), [(rate**2, now), (1, falls)]),
    )  # fmt: skip
    proof.certificate((rate, ">=", 0), [(Rational(4, 7), proof.high(eta)), (1, proof.sign(Rational(5, 7)))])
    last = proof.instantiate(every, {n: N})
    low_end = proof.certificate((top + level(K) - 1, ">=", 0), [(1, wide), (1, proof.sign(level(K)))])
    high_end = proof.certificate((top - level(K) + 1, ">=", 0), [(1, cap), (1, proof.sign(Rational(1)))])
    size = proof.product(low_end, high_end)
    stated = proof.claim.decides
    weight = rate ** (2 * N)
    proof.conclude(proof.certificate(Le(stated.quantity, stated.bound), [(1, last), (weight, size)]))


@iterations.experiment(samples={"smoke": 256}, block=64)
def whole_runs(xp, rng, case, size):
    """Starts from 1/2 down to 1e-6, each with the fewest steps K that its growth is granted; lambda up to its limit."""
    m, lam = case.m, case.w**2 * case.m
    y = xp.where(rng.bernoulli(0.3, (size,)) > 0, xp.full((size,), 0.5), 10 ** rng.uniform((size,), -6, -0.31))
    growth = 1 + 2 * case.eta if "fast" in case else 1 + case.eta / 3
    K = xp.ceil(xp.log(2 / y) / (2 * xp.log(xp.asarray(growth))) + 1e-9)
    x, longest = xp.sqrt(y * m), int(xp.max(K)) + case.N
    for t in range(longest):
        more = x - case.eta * (x**2 - m) * x / (1 if "plain" in case else x**2 + lam)
        x = xp.where(t < K + case.N, more, x)
    return {"quantity": (x**2 / m - 1) ** 2, "y_0": y, "K": K, "lambda": lam + 0 * x}
