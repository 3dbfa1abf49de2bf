"""What a layer of attention gains on the dual of entropic optimal transport (Daneshmand 2024).

As in ``optimal_transport``, M_ij = exp((u_i + v_j - C_ij)/lambda - 1), r_i = sum_j M_ij, q_j = sum_i M_ij, c = 1/n.  A
layer of two heads moves u and v at the same time, with gamma = lambda/2:

    u_i <- u_i - gamma (r_i - c)/(r_i + c),      v_j <- v_j - gamma (q_j - c)/(q_j + c),

    Phi(u+, v+) <= Phi(u, v) - ((3 - e) lambda/2) (sum_i (r_i - c)^2/(r_i + c) + sum_j (q_j - c)^2/(q_j + c)).

For exp(-(t_i + s_j)/2) <= (exp(-t_i) + exp(-s_j))/2, and exp(-t) <= 1 - t + (e - 2) t^2 for |t| <= 1.

Reference: H. Daneshmand, "Provable optimal transport with transformers: The essence of depth and prompt engineering",
2024.
"""

from sympy import E, Eq, Function, Ge, Gt, Integer, Le, Rational, Sum, Symbol, exp

from gdverify import Assumption, Claim, Interval, Mutant, Observed, SureBound
from gdverify.laws import equation
from theorems import PAPERS
from theorems.in_context.optimal_transport import F0, SIZES, c, gamma, i, j, lam, n

names = ("u", "v", "u_1", "v_1", "C", "M", "r", "q", "r_1", "B", "a", "b")
u, v, u1, v1, C, M, r, q, r1, B, a, b = map(Function, names)
Su, Sv = Symbol("S_u", nonnegative=True), Symbol("S_v", nonnegative=True)
half = Rational(1, 2)
total = lambda f: Sum(f(i), (i, 1, n))
share = lambda f, k: (f(k) - c) / (f(k) + c)
inside = lambda *at: [end for k in at for end in (k - 1, n - k)]


def by_row(name, left, right):
    schema = lambda k: Eq(left(k), right(k), evaluate=False)
    return Assumption(name=name, schema=schema, where=inside, key=("row", name))


def entry(k, m):
    return exp((u(k) + v(m) - C(k, m)) / lam - 1)


cells = Assumption(
    name="masses", schema=lambda k, m: Eq(M(k, m), entry(k, m), evaluate=False), where=inside, key=("cells",)
)
rules = {
    "r": by_row("row sums", r, lambda k: Sum(M(k, j), (j, 1, n))),
    "q": by_row("column sums", q, lambda m: Sum(M(i, m), (i, 1, n))),
    "u": by_row("first head", u1, lambda k: u(k) - gamma * a(k)),
    "a": by_row("what the first head receives", a, lambda k: share(r, k)),
    "b": by_row("what the second head receives", b, lambda m: share(q, m)),
    "v": by_row("second head", v1, lambda m: v(m) - gamma * b(m)),
    "r1": by_row("new row sums", r1, lambda k: Sum(exp((u1(k) + v1(j) - C(k, j)) / lam - 1), (j, 1, n))),
    "B": by_row("row sums of a function of j", B, lambda k: Sum(M(k, j) * exp(-b(j)), (j, 1, n))),
}
by_columns = [
    equation("the masses summed by columns", total(r), Sum(q(j), (j, 1, n))),
    equation("a function of j summed by columns", total(B), Sum(q(j) * exp(-b(j)), (j, 1, n))),
]
phi = lambda mass, one, two: lam * total(mass) - c * total(one) - c * total(two)
before = equation("Phi before", phi(r, u, v), F0)
gains = [equation(f"gain of {f}", Sum((f(i) - c) ** 2 / (f(i) + c), (i, 1, n)), s) for f, s in ((r, Su), (q, Sv))]
gained = (3 - E) * lam / 2 * (Su + Sv)

layer_decrease = Claim(
    id="optimal-transport-transformers.layer-decrease",
    title="A layer of two heads lowers the transport dual by (3 - e) lambda/2 times the scaled squared gradient",
    paper=PAPERS["optimal-transport-transformers"],
    locator="behind the rate in depth; constants derived here",
    statement=r"\gamma = \tfrac\lambda2:\quad \Phi(u^+,v^+)\le\Phi(u,v)-\tfrac{(3-e)\lambda}2\Big("
    r"\sum_i\frac{(r_i-c)^2}{r_i+c}+\sum_j\frac{(q_j-c)^2}{q_j+c}\Big)",
    symbols={**SIZES, F0: Observed(), Su: Observed(0), Sv: Observed(0)},
    decides=SureBound(phi(r1, u1, v1), F0 - gained),
    assumptions=[cells, *rules.values(), *by_columns, before, *gains],
    defines={gamma: lam / 2},
    mutants=[
        Mutant("gamma = 4 lambda", defines={gamma: 4 * lam}),
        Mutant("gamma = lambda/16", defines={gamma: lam / 16}),
        Mutant("four times the gain", decides={"bound": F0 - 4 * gained}),
        Mutant("the second head rests", drop=("second head",), by=("derivation",)),
    ],
    notes="Over L layers the gains add up to at most Phi_0 - Phi*, so that the smallest of them is O(1/L). Loose: where"
    " masses are far above 1/n the decrease is (1 - 1/e)/(3 - e) = 2.24 times the bound.",
)


def corner(f, t):
    """Factor of t - (f - c)/(f + c) in the difference that is left of a coordinate."""
    return (3 - E) * (f - c) - (E - 2) * (f + c) * t


def decrease(proof, now, law):
    """Phi(u, v) - Phi(u+, v+) less the gain of the layer is >= 0, as a fact.

    Parameters
    ----------
    now : the functions of the layer by name, as in ``rules``
    law : an assumption about the layer by name, at an index, as a fact
    """
    u, v, u1, v1, C, M, r, q, r1, B, a, b = (now[name] for name in ("u", "v", "u1", "v1", *"CMrq", "r1", *"Bab"))
    k, m = proof.index("k", 1, n), proof.index("m", 1, n)
    z = proof.scalar("z", Interval(-1, 1))
    proof.high(k), proof.high(m)
    curve = proof.nonneg_on_box(1 - z + (E - 2) * z**2 - exp(-z), {z: (-1, 1)}, cuts={z: [0]})
    proof.certificate((E - 2, ">=", 0), [(1, proof.instantiate(proof.tangent(exp(z), z, 0), {z: Integer(1)}))])
    step = proof.definition(gamma)
    mass = law("M", k, m)
    positive = proof.certificate(Ge(M(k, m), 0), [(1, proof.sign(mass.right)), (1, mass)])
    sums = {
        "r": proof.certificate(Ge(r(k), 0), [(1, proof.sum_of(positive, m, 1, n)), (1, law("r", k))]),
        "q": proof.certificate(Ge(q(m), 0), [(1, proof.sum_of(positive, k, 1, n)), (1, law("q", m))]),
    }
    bends = {}
    for which, f, at, name in (("r", r, k, "a"), ("q", q, m, "b")):
        tilt = law(name, at)
        t = tilt.left
        proof.certificate(Gt(f(at) + c, 0), [(1, sums[which]), (1, proof.sign(c))])
        proof.certificate(Ge(1 - t, 0), [(2 / (f(at) + c), proof.sign(c))], using=[tilt])
        proof.certificate(Ge(1 + t, 0), [(2 / (f(at) + c), sums[which])], using=[tilt])
        here = proof.instantiate(curve, {z: t})
        # f (1 - e^-t) - c t >= (3 - e) t^2 (f + c)
        fall = f(at) - f(at) * exp(-t) - c * t - (3 - E) * (f(at) - c) ** 2 / (f(at) + c)
        bent = [(f(at), here), (c * (E - 2), proof.sign(t**2))]
        # the tilt stays in the exponential: what is left of the difference is a multiple of its definition
        bends[which] = proof.certificate(Ge(fall, 0), [*bent, (corner(f(at), t), tilt)])
    # a cell: exp(-(t + s)/2) <= (exp(-t) + exp(-s))/2
    t, s = a(k), b(m)
    new = exp((u1(k) + v1(m) - C(k, m)) / lam - 1)
    moves = [law("u", k), law("v", m), step]
    split = (new, "==", M(k, m) * exp(-t / 2) * exp(-s / 2))
    known = proof.certificate(split, [(-exp(-t / 2 - s / 2), mass)], using=moves)
    cell = proof.certificate(
        Ge(M(k, m) * (exp(-t) + exp(-s)) / 2 - new, 0), [(-1, known)], [(M(k, m) / 2, exp(-t / 2) - exp(-s / 2))]
    )
    row = proof.sum_of(cell, m, 1, n)
    parts = [(1, row), (exp(-t) / 2, law("r", k)), (half, law("B", k)), (-1, law("r1", k))]
    bound = proof.certificate(Ge(r(k) * exp(-t) / 2 + B(k) / 2 - r1(k), 0), parts)
    first = c * u1(k) - c * u(k) + c * t * lam / 2
    second = c * v1(m) - c * v(m) + c * s * lam / 2
    head_u = proof.certificate((first, "==", 0), using=[moves[0], step])
    head_v = proof.certificate((second, "==", 0), using=[moves[1], step])
    by_rows = lam * (half * r(k) + half * B(k) - r1(k)) + c * u1(k) - c * u(k)
    gain_u = (3 - E) * lam / 2 * (r(k) - c) ** 2 / (r(k) + c)
    rows = proof.certificate(Ge(by_rows - gain_u, 0), [(lam, bound), (lam / 2, bends["r"]), (1, head_u)])
    by_cols = lam * half * (q(m) - q(m) * exp(-s)) + c * v1(m) - c * v(m)
    gain_v = (3 - E) * lam / 2 * (q(m) - c) ** 2 / (q(m) + c)
    cols = proof.certificate(Ge(by_cols - gain_v, 0), [(lam / 2, bends["q"]), (1, head_v)])
    ends = [(1, proof.sum_of(rows, k, 1, n)), (1, proof.sum_of(cols, m, 1, n))]
    ends += [(lam / 2, law("masses")), (-lam / 2, law("tilted masses"))]
    lost = phi(r, u, v) - phi(r1, u1, v1)
    gained_ = sum((3 - E) * lam / 2 * Sum((f(i) - c) ** 2 / (f(i) + c), (i, 1, n)) for f in (r, q))
    return proof.certificate(Ge(lost - gained_, 0), ends)


@layer_decrease.derivation
def two_blocks_at_once(proof):
    now = {"u": u, "v": v, "u1": u1, "v1": v1, "C": C, "M": M, "r": r, "q": q, "r1": r1, "B": B, "a": a, "b": b}
    laws = {**rules, "M": cells, "masses": by_columns[0], "tilted masses": by_columns[1]}
    fall = decrease(proof, now, lambda name, *at: proof.assume(laws[name], *at))
    ends = [(1, fall), (-1, proof.assume(before)), *(((3 - E) * lam / 2, proof.assume(g)) for g in gains)]
    decision = proof.claim.decides
    proof.conclude(proof.certificate(Le(decision.quantity, decision.bound), ends))


@layer_decrease.experiment(cases=[{}, {"family": "light"}], samples={"smoke": 128}, block=64)
def one_layer(xp, rng, case, size):
    """Random points and potentials, with masses around 1/n or far below it."""
    level = -4.0 if dict(case).get("family") == "light" else 1.0
    lam_, share_ = getattr(case, "lambda"), 1 / case.n
    left, right = rng.normal((size, case.n, 1, 2)), rng.normal((size, 1, case.n, 2))
    cost = xp.sum((left - right) ** 2, axis=-1)
    one, two = level * lam_ + rng.normal((size, case.n)), rng.normal((size, case.n))
    masses = lambda a, b: xp.exp((a[..., None] + b[:, None, :] - cost) / lam_ - 1)
    value = lambda a, b: lam_ * xp.sum(masses(a, b), axis=(-2, -1)) - share_ * xp.sum(a + b, axis=-1)
    table = masses(one, two)
    rows, columns = xp.sum(table, axis=-1), xp.sum(table, axis=-2)
    tilt = lambda f: (f - share_) / (f + share_)
    gain = lambda f: xp.sum((f - share_) ** 2 / (f + share_), axis=-1)
    after = value(one - case.gamma * tilt(rows), two - case.gamma * tilt(columns))
    return {"quantity": after, "F0": value(one, two), "S_u": gain(rows), "S_v": gain(columns)}
