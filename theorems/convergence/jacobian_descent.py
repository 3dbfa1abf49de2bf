"""Jacobian descent with the unconflicting projection of gradients (Quinton & Rey 2024).

m objectives with gradients g_1, ..., g_m at x; K = {y: <g_i, y> >= 0 for every i}, p_j the projection of g_j on K, and

    A = (p_1 + ... + p_m)/m                   (UPGrad)

A lies in K: to first order no objective increases along -A.  With G = g_1 + ... + g_m,

    |A|^2  <=  <G, A>,

and where f_1 + ... + f_m is beta sqrt(m)-smooth (it is if the Jacobian is beta-Lipschitz in the Frobenius norm), the
step x_+ = x - A/(beta sqrt(m)) gives

    sum_i f_i(x_+)  <=  sum_i f_i(x) - |A|^2/(2 beta sqrt(m)),

without convexity.  Hence min_{t < T} |A_t|^2 <= 2 beta sqrt(m) (sum_i f_i(x_0) - inf)/T.

Reference: arXiv:2406.16232 for the method and the step size; both inequalities are derived here.
"""

from sympy import Eq, Ge, Le, Rational, Sum, Symbol, sqrt

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Mutant,
    Observed,
    Positive,
    ScalarFunction,
    SureBound,
    Vector,
    VectorSequence,
    sq,
)
from gdverify.classes import smooth
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS

m = Symbol("m", integer=True, positive=True)
i = Symbol("i", integer=True)
beta, eta = Symbol("beta", positive=True), Symbol("eta", real=True)
pull, square = Symbol("pull", real=True), Symbol("square", nonnegative=True)
g, p = VectorSequence("g"), VectorSequence("p")
F, x, after, A = ScalarFunction("F"), Vector("x"), Vector("after"), Vector("A")
G = F.grad(x)

inside = lambda *k: [s for j in k for s in (j - 1, m - j)]
projected = Assumption(
    "p_j is the projection of g_j on the cone: it lies there",
    lambda i, j: Ge(Inner(g(i), p(j)), 0, evaluate=False),
    latex=r"p_j = \Pi_K g_j,\ K = \{y : \langle g_i, y\rangle \ge 0\}",
    key=("cone", m),
    where=inside,
)
orthogonal = Assumption(
    "p_j is the projection of g_j on the cone: the rest is orthogonal",
    lambda j: Eq(Inner(g(j) - p(j), p(j)), 0, evaluate=False),
    latex=r"\langle g_j - p_j, p_j\rangle = 0",
    key=("moreau", m),
    where=inside,
)
total = Assumption(
    "F is the sum of the objectives",
    lambda v: Eq(Inner(G, v), Sum(Inner(g(i), v), (i, 1, m)), evaluate=False),
    latex=r"\nabla F(x) = g_1 + \dots + g_m",
    key=("total", m),
)
mean = Assumption(
    "A is the mean of the projections",
    lambda v: Eq(Inner(A, v), Sum(Inner(p(i), v), (i, 1, m)) / m, evaluate=False),
    latex=r"A = (p_1 + \dots + p_m)/m",
    key=("mean", m),
)
method = [projected, orthogonal, total, mean]
many = {m: Integers(1, sample=(1, 6))}
SAMPLES = {"smoke": 4096, "standard": 100_000, "full": 1_000_000}
OPPOSED = {"m": 2, "near": 1}


def aligned(proof):
    """<G, A> >= |A|^2."""
    j, k = (proof.index(name, 1, m) for name in "jk")
    proof.high(k)
    proof.certificate(Ge(m - (j - 1), 0), [(1, proof.high(j))], [(1, 1)])
    within = proof.assume(projected, k, j)
    before, behind = proof.sum_of(within, k, 1, j - 1), proof.sum_of(within, k, j + 1, m)
    row = lambda low, high: Sum(Inner(g(i), p(j)), (i, low, high))
    cut, last = proof.split_sum(row(1, m), at=j), proof.split_sum(row(1, j))
    own = proof.certificate(
        Ge(Inner(G, p(j)), sq(p(j))),
        [
            (1, proof.assume(total, p(j))),
            (1, cut),
            (1, last),
            (1, before),
            (1, behind),
            (1, proof.assume(orthogonal, j)),
        ],
    )
    spread = proof.certificate(Ge(sq(p(j)) - 2 * Inner(p(j), A), -sq(A)), [], [(1, p(j) - A)])
    return proof.certificate(
        Ge(Inner(G, A), sq(A)),
        [
            (1 / m, proof.sum_of(own, j, 1, m)),
            (1 / m, proof.sum_of(spread, j, 1, m)),
            (1, proof.assume(mean, G)),
            (-2, proof.assume(mean, A)),
        ],
    )  # fmt: skip


alignment = Claim(
    id="jacobian-descent.alignment",
    title="The mean of the unconflicting projections is aligned with the sum of the gradients",
    paper=PAPERS["jacobian-descent"],
    locator="UPGrad as the paper defines it; the inequality is derived here",
    statement=r"A = \frac1m \sum_j \Pi_K(g_j):\quad \|A\|^2 \le \Big\langle \sum_i g_i, A \Big\rangle",
    symbols={**many, pull: Observed()},
    assumptions=[*method, equation("pull = <G, A>", Inner(G, A), pull)],
    decides=SureBound(sq(A), pull),
    mutants=[
        Mutant("1 per cent less", decides={"bound": Rational(99, 100) * pull}, cases=(OPPOSED,)),
        Mutant("m times as much", decides={"bound": pull / m}, cases=(OPPOSED,)),
        Mutant("the projections need not lie in the cone", drop=(projected.name,), by=("derivation",)),
        Mutant("projections that are not orthogonal", drop=(orthogonal.name,), by=("derivation",)),
    ],
    notes="Attained in the limit by two gradients that are nearly opposite; of projections, membership in the cone and "
    "orthogonality are all that is used.",
)


@alignment.derivation
def moreau(proof):
    meaning = proof.claim.assumptions[-1]
    parts = [(1, aligned(proof)), (-1, proof.assume(meaning))]
    proof.conclude(proof.certificate(Le(sq(A), proof.claim.decides.bound), parts))


def gradients(xp, rng, case, size):
    """Gradients and their projections, (size, m, d): pairs in orthogonal planes, whose projections are known.

    Where m is odd the last gradient has a plane to itself.  "near": partners of equal length, nearly opposite.
    """
    pairs = (case.m + 1) // 2
    scale = lambda: log_uniform(xp, rng, (size, pairs, 1), 0.1, 10)
    off, far = log_uniform(xp, rng, (size, pairs, 1), 1e-3, 1.0), rng.uniform((size, pairs, 1), 0, 3)
    first, second = scale() * xp.concat([1 + 0 * off, off], axis=-1), scale() * xp.concat([far - 1, off], axis=-1)
    if "near" in case:
        first, second = xp.concat([1 + 0 * off, off / 10], axis=-1), xp.concat([0 * off - 1, off / 10], axis=-1)
    dot = lambda u, v: xp.sum(u * v, axis=-1, keepdims=True)
    conflict = xp.minimum(dot(first, second), xp.asarray(0.0))
    one, two = first - conflict / dot(second, second) * second, second - conflict / dot(first, first) * first
    rows, projections = [], []
    for k in range(pairs):
        place = lambda u, k=k: xp.concat(
            [xp.zeros((size, 2 * k)), u[:, k, :], xp.zeros((size, 2 * (pairs - 1 - k)))], axis=1
        )
        alone = 2 * k + 1 == case.m
        rows += [place(first)] if alone else [place(first), place(second)]
        projections += [place(first)] if alone else [place(one), place(two)]
    return xp.stack(rows, axis=1), xp.stack(projections, axis=1)


@alignment.experiment(cases=[{"m": 1}, OPPOSED, {}], samples=SAMPLES)
def angles(xp, rng, case, size):
    rows, projections = gradients(xp, rng, case, size)
    step = xp.mean(projections, axis=1)
    return {"quantity": xp.sum(step * step, axis=-1), "pull": xp.sum(xp.sum(rows, axis=1) * step, axis=-1)}


# -- one step ---------------------------------------------------------------------------------------------------------

L = beta * sqrt(m)
step = equation("a step along -A", after, x - eta * A)
meaning = equation("square = |A|^2", sq(A), square)

descent = Claim(
    id="jacobian-descent.descent",
    title="A step of Jacobian descent decreases the sum of the objectives",
    paper=PAPERS["jacobian-descent"],
    locator="Theorem 1 (its step size); the bound is derived here",
    statement=r"F = \sum_i f_i \text{ is } \beta\sqrt m\text{-smooth},\ x_+ = x - \frac{A}{\beta\sqrt m}:\quad"
    r" F(x_+) - F(x) \le -\frac{\|A\|^2}{2\beta\sqrt m}",
    symbols={**many, beta: Positive(sample=(Rational(1, 4), 4)), square: Observed(0)},
    defines={eta: 1 / L},
    assumptions=[*method, smooth(F, L), step, meaning],
    decides=SureBound(F(after) - F(x), -square / (2 * L)),
    mutants=[
        Mutant("2 per cent more", decides={"bound": -Rational(51, 100) * square / L}, cases=(OPPOSED,)),
        Mutant("the step 1/beta", defines={eta: 1 / beta}, cases=(OPPOSED,)),
        Mutant("the step 2/(beta sqrt m)", defines={eta: 2 / L}, cases=(OPPOSED,)),
        Mutant("the sum is beta-smooth", decides={"bound": -square / (2 * beta)}, cases=(OPPOSED,)),
        Mutant("no smoothness", drop=(smooth(F, L).name,), by=("derivation",)),
    ],
    notes="Of the sum alone: single objectives may increase, since A is unconflicting to first order only.  Attained "
    "in the limit by two nearly opposite gradients.",
)


@descent.derivation
def descends(proof):
    fall = proof.assume(smooth(F, L), x, after)
    stated = proof.claim.decides
    using = [proof.assume(step), proof.definition(eta)]
    parts = [(1, fall), (1 / L, aligned(proof)), (1 / (2 * L), proof.assume(meaning))]
    proof.conclude(proof.certificate(Le(stated.quantity, stated.bound), parts, using=using))


@descent.experiment(cases=[{"m": 1}, OPPOSED, {}], samples=SAMPLES)
def quadratics(xp, rng, case, size):
    """f_i(y) = <g_i, y> + (beta/sqrt(m)) |y|^2/2 at the origin: the Jacobian's constant is exactly beta."""
    rows, projections = gradients(xp, rng, case, size)
    mean = xp.mean(projections, axis=1)
    y = -case.eta * mean
    linear = xp.sum(xp.sum(rows, axis=1) * y, axis=-1)
    curved = case.beta * xp.sqrt(xp.asarray(case.m + 0.0)) * xp.sum(y * y, axis=-1) / 2
    return {"quantity": linear + curved, "square": xp.sum(mean * mean, axis=-1)}


# -- no objective is sacrificed ---------------------------------------------------------------------------------------

which = Symbol("which", integer=True, positive=True)
own = Symbol("own", real=True)

non_conflicting = Claim(
    id="jacobian-descent.non-conflicting",
    title="Along UPGrad every objective decreases to first order, by its own projection at least",
    paper=PAPERS["jacobian-descent"],
    locator="Definition 1 and Proposition 1 (non-conflicting); the margin is derived here",
    statement=r"\langle g_i, A\rangle \ge \frac{\|\Pi_K(g_i)\|^2}{m} \text{ for every } i",
    symbols={**many, which: Integers(1, m), own: Observed()},
    assumptions=[projected, orthogonal, mean, equation("own = <g_i, A>", Inner(g(which), A), own)],
    decides=SureBound(sq(p(which)) / m, own),
    mutants=[
        Mutant("1 per cent more", decides={"bound": Rational(99, 100) * own}),
        Mutant("the margin without 1/m", decides={"bound": own / m}),
        Mutant("the mean of the gradients", drop=(projected.name, orthogonal.name), cases=({"m": 2, "mean": 1},)),
        Mutant("projections that are not orthogonal", drop=(orthogonal.name,), by=("derivation",)),
    ],
    notes="Equality where the other projections are orthogonal to g_i, as for conflicting pairs.",
)


@non_conflicting.derivation
def own_share(proof):
    k = proof.index("k", 1, m)
    proof.high(which), proof.high(k)
    proof.certificate(Ge(m - (which - 1), 0), [(1, proof.high(which))], [(1, 1)])
    within = proof.assume(projected, which, k)
    row = lambda high: Sum(Inner(g(which), p(i)), (i, 1, high))
    parts = [
        (1 / m, proof.split_sum(row(m), at=which)),
        (1 / m, proof.split_sum(row(which))),
        (1 / m, proof.sum_of(within, k, 1, which - 1)),
        (1 / m, proof.sum_of(within, k, which + 1, m)),
        (1 / m, proof.assume(orthogonal, which)),
        (1, proof.assume(mean, g(which))),
        (-1, proof.assume(proof.claim.assumptions[-1])),
    ]
    proof.conclude(proof.certificate(Le(sq(p(which)) / m, proof.claim.decides.bound), parts))


@non_conflicting.experiment(cases=[{"m": 1}, {"m": 2}, {}], samples=SAMPLES)
def shares(xp, rng, case, size):
    rows, projections = gradients(xp, rng, case, size)
    step = xp.mean(rows if "mean" in case else projections, axis=1)
    row, projection = rows[:, case.which - 1, :], projections[:, case.which - 1, :]
    return {"quantity": xp.sum(projection**2, axis=-1) / case.m, "own": xp.sum(row * step, axis=-1)}
