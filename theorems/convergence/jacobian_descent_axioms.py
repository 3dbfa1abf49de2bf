"""UPGrad is linear under scaling, with weights of 1/m at least (Quinton & Rey 2024).

With p_j the projection of g_j on K = {y: <g_i, y> >= 0 for every i} and A(J) = (p_1 + ... + p_m)/m for the Jacobian J
with rows g_1, ..., g_m, there are s_ij >= 0 (multipliers of the projections) with

    p_j = g_j + sum_i s_ij g_i,       A(diag(c) J) = (1/m) sum_j c_j p_j     for all c_1, ..., c_m > 0.

So A is linear in the scales c, and A(J) = sum_i w_i g_i with weights w_i = (1 + sum_j s_ij)/m >= 1/m that do not depend
on the scales.  `theorems.convergence.jacobian_descent` has the third axiom, that A does not conflict with any g_i.

Reference: arXiv:2406.16232, Definitions 1 to 3 and Proposition 1; the proof is given here.
"""

from sympy import Eq, Function, Ge, Gt, Le, Rational, Sum, Symbol, symbols

from gdverify import Assumption, Claim, Identity, Inner, Mutant, Observed, Reals, Vector, VectorSequence, sq
from gdverify.instances import log_uniform
from gdverify.laws import equation
from theorems import PAPERS
from theorems.convergence.jacobian_descent import g, gradients, inside, m, many, p, projected

i, j = Symbol("i", integer=True), Symbol("j", integer=True)
b, c, r, s = (Function(name) for name in "bcrs")
q, A, v = VectorSequence("q"), Vector("A"), Vector("v")
single = lambda k: [k - 1, m - k]
equal = lambda a, b: Eq(a, b, evaluate=False)


def optimality(name, point, gradient, added):
    """Optimality conditions of the projection of a gradient on K: multipliers of its constraints, complementarity."""
    return [
        Assumption(
            f"{name}: gradients are added",
            lambda k, u: equal(
                Inner(point(k), u), Inner(gradient(k), u) + Sum(added(i, k) * Inner(g(i), u), (i, 1, m))
            ),
            latex=rf"{name}_j = {gradient(j)} + \sum_i {added(i, j)}\,g_i",
            key=("added", name),
        ),
        Assumption(
            f"{name}: multipliers are non-negative",
            lambda a, b: Ge(added(a, b), 0, evaluate=False),
            key=("multipliers", name),
            where=inside,
        ),
        Assumption(
            f"{name}: the rest is orthogonal",
            lambda k: equal(Inner(gradient(k) - point(k), point(k)), 0),
            key=("complementary", name),
            where=inside,
        ),
    ]


of_p = optimality("p", p, g, lambda a, b: s(a, b))
of_q = optimality("q", q, lambda k: c(k) * g(k), lambda a, b: r(a, b) * c(a))
scaled_cone = Assumption(
    "q_j is the projection of c_j g_j on the cone of diag(c) J: it lies there",
    lambda a, b: Ge(c(a) * Inner(g(a), q(b)), 0, evaluate=False),
    latex=r"\langle c_i g_i, q_j\rangle \ge 0",
    key=("scaled cone", m),
    where=inside,
)
scales = Assumption("scales are positive", lambda k: Gt(c(k), 0, evaluate=False), key=("scales",), where=inside)
aggregate = Assumption(
    "A is the mean of the projections q",
    lambda u: equal(Inner(A, u), Sum(Inner(q(j), u), (j, 1, m)) / m),
    latex=r"A(\mathrm{diag}(c)J) = (q_1 + \dots + q_m)/m",
    key=("mean of q", m),
)
own, added, crossed = symbols("own added crossed", real=True)
push = Assumption(
    "b_j is what the multipliers of p_j add along v",
    lambda k: equal(b(k), Sum(s(i, k) * Inner(g(i), v), (i, 1, m))),
    latex=r"b_j = \sum_i s_{ij}\langle g_i, v\rangle",
    key=("push", m),
    where=single,
)
meanings = [
    equation("own: rows by their scales", Sum(c(j) * Inner(g(j), v), (j, 1, m)) / m, own),
    equation("added: multipliers by their scales", Sum(c(j) * b(j), (j, 1, m)) / m, added),
]
PAIR = {"m": 2}

axioms = Claim(
    id="jacobian-descent.upgrad-axioms",
    title="UPGrad is linear under scaling, with weights of 1/m at least that do not depend on the scales",
    paper=PAPERS["jacobian-descent"],
    locator="Definitions 2 and 3 and Proposition 1 (linear under scaling, weighted); proof given here",
    statement=r"A(\mathrm{diag}(c)J) = \frac1m\sum_j c_j\Big(g_j + \sum_i s_{ij}g_i\Big),\quad s_{ij}\ge0,"
    r"\text{ for all }c > 0",
    symbols={**many, own: Observed(), added: Observed()},
    assumptions=[projected, *of_p, scaled_cone, *of_q, scales, aggregate, push, *meanings],
    decides=Identity(Inner(A, v), own + added),
    mutants=[
        Mutant("1 per cent more is added", decides={"bound": own + Rational(101, 100) * added}, cases=(PAIR,)),
        Mutant("the mean of the gradients", decides={"bound": own}, cases=(PAIR,)),
        Mutant("the projection of the mean gradient", drop=(aggregate.name,), cases=({**PAIR, "dual": 1},)),
        Mutant("what is added scales with the row", symbols={own: Observed(), crossed: Observed()},
               decides={"bound": own + crossed}, cases=(PAIR,)),
        Mutant("another cone for the scaled gradients", drop=(scaled_cone.name,), by=("derivation",)),
        Mutant("scales of either sign", drop=(scales.name,), by=("derivation",)),
    ],
    notes="For every vector v. The multipliers s are those of the projections for c = 1: the weights of the rows "
    "c_i g_i are (1 + sum_j s_ij c_j/c_i)/m >= 1/m.",
)  # fmt: skip


@axioms.derivation
def same_cone(proof):
    a, k = (proof.index(name, 1, m) for name in ("a", "k"))
    proof.high(a), proof.high(k)
    proof.assume(scales, a), proof.assume(scales, k)
    lies = proof.certificate(Ge(Inner(g(a), q(k)), 0), [(1 / c(a), proof.assume(scaled_cone, a, k))])
    spent = proof.sum_of(proof.product(proof.assume(of_p[1], a, k), lies), a, 1, m)
    other = proof.sum_of(proof.product(proof.assume(of_q[1], a, k), proof.assume(projected, a, k)), a, 1, m)
    gap = q(k) - c(k) * p(k)
    nothing = proof.certificate(
        Ge(-sq(gap), 0),
        [
            (c(k), spent),
            (c(k), other),
            (c(k), proof.assume(of_p[0], k, q(k))),
            (c(k), proof.assume(of_q[0], k, p(k))),
            (1, proof.assume(of_q[2], k)),
            (c(k) ** 2, proof.assume(of_p[2], k)),
        ],
    )
    # |gap|^2 <= 0 makes <gap, v> zero
    along, z = Inner(gap, v), proof.scalar("z", Reals())
    near = proof.certificate(Ge(z**2 * sq(v) - 2 * z * along, 0), [(1, nothing)], [(1, z * v - gap)])
    at = proof.instantiate(near, {z: along / (1 + sq(v))})
    small = proof.certificate(Le(along**2, 0), [((1 + sq(v)) ** 2 / (2 + sq(v)), at)])
    zero = proof.antisymmetry(proof.root(small, along), proof.root(small, -along))
    each = proof.certificate(
        equal(Inner(q(k), v), c(k) * Inner(g(k), v) + c(k) * b(k)),
        [(-1, zero), (c(k), proof.assume(of_p[0], k, v)), (-c(k), proof.assume(push, k))],
    )
    parts = [(1 / m, proof.sum_of(each, k, 1, m)), (1, proof.assume(aggregate, v))]
    stated = proof.claim.decides
    parts += [(1, proof.assume(e)) for e in meanings]
    proof.conclude(proof.certificate(equal(stated.quantity, stated.bound), parts))


def projected_pairs(xp, rows):
    """Each gradient without its conflict with the partner in its plane, and by how much of the partner."""
    count = rows.shape[1]
    partners = [k ^ 1 if k ^ 1 < count else k for k in range(count)]
    other = xp.stack([rows[:, k, :] for k in partners], axis=1)
    dot = lambda u, w: xp.sum(u * w, axis=-1, keepdims=True)
    push = -xp.minimum(dot(rows, other), xp.asarray(0.0)) / dot(other, other)
    return rows + push * other, push, other


@axioms.experiment(cases=[{"m": 1}, PAIR, {}], samples={"smoke": 1024, "standard": 50_000, "full": 500_000})
def scaled_pairs(xp, rng, case, size):
    """Pairs of gradients in orthogonal planes and any scales; "dual": the mean of the rows is projected instead."""
    rows, _ = gradients(xp, rng, case, size)
    scale = log_uniform(xp, rng, (size, case.m, 1), 0.01, 100)
    probe = rng.normal((size, 1, rows.shape[-1]))
    along = lambda u: xp.sum(xp.mean(u, axis=1) * probe[:, 0, :], axis=-1)
    _, push, other = projected_pairs(xp, rows)
    if "dual" in case:  # the mean of two conflicts with one of them at most
        whole = xp.mean(scale * rows, axis=1)[:, None, :]
        dot = xp.sum(whole * rows, axis=-1, keepdims=True)
        after = whole - xp.minimum(dot, xp.asarray(0.0)) / xp.sum(rows**2, axis=-1, keepdims=True) * rows
        after = whole + xp.sum(after - whole, axis=1, keepdims=True)
    else:
        after, _, _ = projected_pairs(xp, scale * rows)
    size_of = xp.sum(xp.abs(scale * rows) + xp.abs(scale * push * other), axis=(-2, -1))
    crossed_scale = xp.stack([scale[:, k ^ 1 if k ^ 1 < case.m else k, :] for k in range(case.m)], axis=1)
    return {
        "quantity": along(after),
        "own": along(scale * rows),
        "added": along(scale * push * other),
        "crossed": along(crossed_scale * push * other),
        "scale": size_of * xp.sum(xp.abs(probe), axis=(-2, -1)),
    }
