"""Logistic regression with large steps is the Batch Perceptron (Tyurin 2024).

Samples z_1, ..., z_n (inputs times labels) with |z_i| <= R.  Gradient descent on (1/n) sum_i log(1 + exp(-<z_i, w>)) of
step gamma, and the Batch Perceptron:

    w_0 = 0,                      w_{t+1} = w_t + (gamma/n) sum_i sigma_i z_i,   sigma_i = 1/(1 + exp(<z_i, w_t>))
    v_1 = (1/2n) sum_i z_i,       v_{t+1} = v_t + (1/n) sum_i a_i z_i,           a_i = 1 where <z_i, v_t> <= 0, else 0

If no sample comes within delta of the perceptron's boundary in its first T - 1 steps, |<z_i, v_t>| >= delta, then

    |w_T/gamma - v_T|  <=  (T - 1) R exp(1 - gamma delta)     as soon as   gamma (T - 1) R^2 exp(1 - gamma delta) <= 1.

So w_T/gamma -> v_T as gamma -> oo, exponentially fast.  Theorem 3.2 assumes of the data what keeps <z_i, v_t> from 0:
for a given T that is such a delta > 0.

Reference: arXiv:2412.08424, Theorem 3.2, which is about the limit; the rate is derived here.
"""

from sympy import Abs, Eq, Function, Ge, Gt, Le, Rational, Sum, Symbol, exp, symbols

from gdverify import Assumption, Claim, Inner, Integers, Mutant, Observed, Reals, SureBound, VectorSequence, sq
from gdverify.classes import recursion
from gdverify.laws import inequality
from theorems import PAPERS

gamma, delta, R = symbols("gamma delta R", positive=True)
n, T = symbols("n T", integer=True, positive=True)
i, t = Symbol("i", integer=True), Symbol("t", integer=True, nonnegative=True)
z, w, v, b, r = (VectorSequence(name) for name in "zwvbr")
sigma, a = Function("sigma"), Function("a")
zero = lambda e: Ge(e, 0, evaluate=False)
inside = lambda j: [j - 1, n - j]

bounded = Assumption("samples within R", lambda j: zero(R**2 - sq(z(j))), key=("R",), where=inside)
logistic = Assumption(
    "sigma is 1/(1 + exp(<z, w>))",
    lambda j, s: Eq(sigma(j, s) * (1 + exp(Inner(z(j), w(s)))), 1, evaluate=False),
    key=("logistic",),
    where=lambda j, s: [*inside(j), s],
)
chosen = Assumption(
    "a is 1 on misclassified samples, else 0, and all are delta away from the boundary",
    lambda j, s: [
        Eq(a(j, s) ** 2, a(j, s), evaluate=False),
        Ge((1 - 2 * a(j, s)) * Inner(z(j), v(s)), delta, evaluate=False),
    ],
    key=("chosen",),
    where=lambda j, s: [*inside(j), s - 1, T - 1 - s],
)


def weighted(total, weight):
    relation = lambda s, x: Eq(Inner(total(s), x), Sum(weight(i, s) * Inner(z(i), x), (i, 1, n)), evaluate=False)
    return Assumption(f"{total} sums the samples with weights {weight}", relation, key=("weighted", total.name))


def first_step(weight):
    relation = lambda x: Eq(Inner(v(1), x), weight * Sum(Inner(z(i), x), (i, 1, n)) / n, evaluate=False)
    return Assumption("v(1) is half the mean sample", relation, key=("first", weight))


smooth, hard = weighted(b, sigma), weighted(r, a)
origin = Assumption("w starts at 0", lambda x: Eq(Inner(w(0), x), 0, evaluate=False), key=("origin",))
half = first_step(Rational(1, 2))
descent = recursion(w(t + 1), w(t) + gamma / n * b(t))
perceptron = recursion(v(t + 1), v(t) + r(t) / n, t, 1)
rho = R * exp(1 - gamma * delta)
large = inequality("the step is large", zero(1 - gamma * (T - 1) * R * rho))
error = lambda s: w(s) / gamma - v(s)

limit = Claim(
    id="logistic-to-perceptron.limit",
    title="Logistic regression divided by its step tends to the Batch Perceptron, exponentially fast in the step",
    paper=PAPERS["logistic-to-perceptron"],
    locator="Theorem 3.2, with a rate derived here",
    statement=r"|\langle z_i,v_t\rangle|\ge\delta\ (t<T),\ \gamma(T-1)R^2e^{1-\gamma\delta}\le1:\quad"
    r"\Bigl\|\frac{w_T}\gamma-v_T\Bigr\|^2\le(T-1)^2R^2e^{2-2\gamma\delta}",
    symbols={
        n: Integers(1, sample=(1, 5)),
        T: Integers(2, sample=(2, 6)),
        R: Observed(0, open="left"),
        delta: Observed(0, open="left"),
        gamma: Observed(0, open="left"),
    },
    assumptions=[bounded, logistic, chosen, smooth, hard, origin, half, descent, perceptron, large],
    decides=SureBound(quantity=sq(error(T)), bound=((T - 1) * rho) ** 2),
    mutants=[
        Mutant("4/11 of it", decides={"bound": (Rational(4, 11) * (T - 1) * rho) ** 2}, cases=({"n": 1, "T": 2},)),
        Mutant("sqrt(T - 1)", decides={"bound": (T - 1) * rho**2}, cases=({"n": 1, "T": 12},)),
        Mutant(
            "exp(1 - 11 gamma delta/10)",
            decides={"bound": ((T - 1) * R * exp(1 - 11 * gamma * delta / 10)) ** 2},
            cases=({"n": 1, "T": 2},),
        ),
        Mutant("the perceptron starts at the mean", drop=(half.name,), add=(first_step(1),), by=("derivation",)),
        Mutant("samples may come near the boundary", drop=(chosen.name,), by=("derivation",)),
    ],
    notes="Loose by e for large gamma: one sample comes that near, at every T.",
)


def weights(proof, j, s, small, line, y):
    """|sigma_j - a_j|^2 <= exp(2 - 2 gamma delta), from 1 >= gamma^2 R^2 |error|^2 (the fact small)."""
    bit, away = proof.assume(chosen, j, s)
    at, near = proof.assume(logistic, j, s), proof.assume(bounded, j)
    A, S, m = a(j, s), sigma(j, s), Inner(z(j), w(s))
    off = proof.certificate(zero(1 - A), [(-1, bit)], [(1, 1 - A)])
    on = proof.certificate(zero(A), [(-1, bit)], [(1, A)])
    side = (1 - 2 * A) * m
    clear = proof.certificate(
        zero(side - gamma * delta + 1),
        [
            (gamma, away),
            (Rational(1, 2), small),
            (Rational(1, 2) / R**2, near),
            (-2 * sq(z(j)) / R**2, bit),
        ],
        [(Rational(1, 2), (1 - 2 * A) / R * z(j) + gamma * R * error(s))],
    )
    E, eps = exp(gamma * delta - 1), exp(1 - gamma * delta)
    far = proof.instantiate(line, {y: m - gamma * delta + 1})
    back = proof.instantiate(line, {y: -m - gamma * delta + 1})
    share = proof.certificate(zero(S), [(1 / (1 + exp(m)), at)], [(1 / (1 + exp(m)), 1)])
    rest = proof.certificate(zero(1 - S), [(-1 / (1 + exp(-m)) * exp(-m), at)], [(1 / (1 + exp(-m)), 1)])
    above = proof.certificate(
        zero((1 - A) * (exp(m) - E)), [(E * (1 - A), far), (E * (1 - A), clear), (-2 * E * m, bit)]
    )
    below = proof.certificate(zero(A * (exp(-m) - E)), [(E * A, back), (E * A, clear), (2 * E * m, bit)])
    low = proof.certificate(
        zero((1 - A) * (eps - S)),
        [(eps * S, above), (eps, proof.product(off, share)), (-eps * (1 - A), at)],
    )
    high = proof.certificate(
        zero(A * (eps - 1 + S)),
        [(eps * (1 - S), below), (eps, proof.product(on, rest)), (eps * A * exp(-m), at)],
    )
    return proof.certificate(
        zero(eps**2 - (S - A) ** 2), [(eps + S, low), (eps, high), (1, proof.product(high, rest)), (-1, bit)]
    )


@limit.derivation
def shadowing(proof):
    y, k = proof.scalar("y", Reals()), proof.index("k", 1)
    p, q = proof.index("p", 1, n), proof.index("q", 1, n)
    for index in (p, q):
        proof.high(index)
    line = proof.tangent(exp(y), y, 0)
    eps = exp(1 - gamma * delta)

    def jump(s, small):
        """n^2 rho^2 >= |b(s) - r(s)|^2."""
        first, second = (weights(proof, j, s, small, line, y) for j in (p, q))
        c = lambda j: sigma(j, s) - a(j, s)
        half = Rational(1, 2)
        close = proof.certificate(
            zero(rho**2 - c(p) * c(q) * Inner(z(p), z(q))),
            [
                (half * eps**2, proof.assume(bounded, p)),
                (half * eps**2, proof.assume(bounded, q)),
                (half * sq(z(p)), first),
                (half * sq(z(q)), second),
            ],
            [(half, c(p) * z(p) - c(q) * z(q))],
        )
        along = lambda x: [(-1, proof.assume(smooth, s, x)), (1, proof.assume(hard, s, x))]
        d = b(s) - r(s)
        each = proof.certificate(
            zero(n * rho**2 - c(p) * Inner(z(p), d)),
            [(1, proof.sum_of(close, q, 1, n)), *((x * c(p), fact) for x, fact in along(z(p)))],
        )
        return proof.certificate(zero(n**2 * rho**2 - sq(d)), [(1, proof.sum_of(each, p, 1, n)), *along(d)])

    def begin(x):
        """<error(1), x> == 0."""
        start = proof.rewrite(proof.assume(logistic, p, 0), proof.assume(origin, z(p)))
        same = proof.certificate(
            Eq(sigma(p, 0) * Inner(z(p), x), Inner(z(p), x) / 2, evaluate=False), [(Inner(z(p), x) / 2, start)]
        )
        total = proof.sum_of(same, p, 1, n)
        return proof.certificate(
            Eq(Inner(error(1), x), 0, evaluate=False),
            [
                (1 / n, total),
                (1 / n, proof.assume(smooth, 0, x)),
                (-1, proof.assume(half, x)),
                (1 / gamma, proof.assume(origin, x)),
            ],
            using=[proof.assume(descent, 0)],
        )

    ahead = lambda s: Abs(T - s - Rational(1, 2)) + T - s - Rational(1, 2)  # positive before T, then zero
    within = lambda s: zero(ahead(s) * (s**2 * rho**2 - sq(error(s + 1))))
    wide = proof.assume(large)
    at_start = proof.certificate(
        zero(1 - gamma**2 * R**2 * sq(error(1))), [(-(gamma**2) * R**2, begin(error(1)))], [(1, 1)]
    )
    first = jump(1, at_start)
    d = (b(1) - r(1)) / n
    moves = [proof.assume(descent, 1), proof.assume(perceptron, 1)]
    base = proof.certificate(
        zero(rho**2 - sq(error(2))), [(1 / n**2, first), (-1, begin(error(1) + 2 * d))], using=moves
    )
    base = proof.certificate(within(1), [(ahead(1), base)])

    def later(now):
        s, one = k + 1, proof.sign(Rational(1))

        def goes_on(case):  # s + 1 <= T
            after, before = T - s - Rational(1, 2), T - k - Rational(1, 2)
            proof.certificate(Gt(ahead(k), 0), [(1, case), (1, proof.sign(Abs(before))), (Rational(3, 2), one)])
            rest = proof.certificate(zero(ahead(s)), [(1, case), (1, proof.sign(Abs(after))), (Rational(1, 2), one)])
            near = proof.certificate(zero(k**2 * rho**2 - sq(error(s))), [(1 / ahead(k), now)])
            few = proof.certificate(
                zero(1 - gamma * k * R * rho), [(1, wide), (gamma * R * rho, case), (gamma * R * rho, one)]
            )
            small = proof.certificate(
                zero(1 - gamma**2 * R**2 * sq(error(s))), [(gamma**2 * R**2, near), (1 + gamma * k * R * rho, few)]
            )
            farther = proof.certificate(
                zero(s**2 * rho**2 - sq(error(s + 1))),
                [(1 + 1 / k, near), ((1 + k) / n**2, jump(s, small))],
                [(1 / k, error(s) - k * (b(s) - r(s)) / n)],
                using=[proof.assume(descent, s), proof.assume(perceptron, s)],
            )
            return proof.certificate(within(s), [(rest.left, farther)])

        def is_over(case):
            past = proof.next_integer(case)
            size = Abs(T - s - Rational(1, 2))
            under = proof.certificate(
                Gt(size - T + s + Rational(1, 2), 0), [(1, past), (1, proof.sign(size)), (Rational(1, 2), one)]
            )
            none = proof.identity(under.left * within(s).lhs, 0)
            return proof.certificate(within(s), [(1 / under.left, none)])

        return proof.by_cases(T - s - 1, goes_on, is_over)

    every = proof.induction(within(k), k, base, later)
    proof.conclude(
        proof.certificate(Le(sq(error(T)), ((T - 1) * rho) ** 2), [(1, proof.instantiate(every, {k: T - 1}))])
    )


def perceptron_run(xp, Z, T):
    """v_T, and the least |<z_i, v_t>| before."""
    n = Z.shape[1]
    v, delta = xp.sum(Z, axis=1) / (2 * n), None
    for _ in range(T - 1):
        margin = xp.sum(Z * v[:, None, :], axis=-1)
        near = xp.min(xp.abs(margin), axis=-1)
        delta = near if delta is None else xp.minimum(delta, near)
        v = v + xp.sum(xp.astype(margin <= 0, xp.float64)[:, :, None] * Z, axis=1) / n
    return v, delta


@limit.experiment(samples={"smoke": 128}, block=64)
def both(xp, rng, case, size):
    """Random samples, pushed together where one came too near the boundary; gamma just large enough or larger."""
    n, T = case.n, case.T
    Z = rng.normal((size, n, 3)) * xp.asarray([0.5, 1.0, 1.0]) + xp.asarray([0.5, 0.0, 0.0])
    _, delta = perceptron_run(xp, Z, T)
    hard = delta < 0.02 * xp.max(xp.sq(Z), axis=-1)
    Z = xp.where(hard[:, None, None], 0.2 * xp.tanh(Z) + xp.asarray([1.0, 0.0, 0.0]), Z)
    v, delta = perceptron_run(xp, Z, T)
    R = xp.sqrt(xp.max(xp.sq(Z), axis=-1))
    least = 1 + xp.log((T - 1) * R**2 / delta)
    x = 2 * least + 2  # gamma delta, which must be at least least + log(gamma delta)
    for _ in range(20):
        x = least + xp.log(x)
    far = rng.bernoulli(0.25, (size,))  # not farther: the difference would be lost in rounding
    gamma = (x + rng.uniform((size,)) * (far * 10 + (1 - far) * x / 4)) / delta
    w = 0 * v
    for _ in range(T):
        share = 1 / (1 + xp.exp(xp.sum(Z * w[:, None, :], axis=-1)))
        w = w + (gamma / n)[:, None] * xp.sum(share[:, :, None] * Z, axis=1)
    return {"quantity": xp.sq(w / gamma[:, None] - v), "R": R, "delta": delta, "gamma": gamma}
