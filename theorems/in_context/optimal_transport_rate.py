"""How many layers of attention solve entropic transport to a given accuracy (Daneshmand 2024).

Layers as in `optimal_transport_depth`, l = 0, ..., L - 1, with row sums r and column sums q of the masses:

    V_l = sum_i (r_i - c)^2/(r_i + c) + sum_j (q_j - c)^2/(q_j + c),          c = 1/n,

is zero exactly where both marginals are uniform.  The gains of the layers add up to Phi_0 - Phi_L, so that

    min_{l < L} V_l  <=  2 (Phi_0 - Phi*)/((3 - e) lambda L)

for every lower bound Phi* of Phi.  As |r - c|_1^2 <= V (1 + |r|_1), the violation of the marginals is O(L^(-1/2)).

Reference: H. Daneshmand, "Provable optimal transport with transformers: The essence of depth and prompt engineering",
2024.  The constants are derived here.
"""

from sympy import E, Eq, Function, Ge, Integer, Le, Rational, Sum, Symbol, exp

from gdverify import Assumption, Claim, Integers, Interval, Mutant, Observed, SureBound
from gdverify.laws import equation, inequality
from theorems import PAPERS
from theorems.in_context.optimal_transport import F0, SIZES, c, gamma, i, j, lam, n
from theorems.in_context.optimal_transport_depth import decrease

u, v, C, M, r, q, B, a, b = map(Function, ("u", "v", "C", "M", "r", "q", "B", "a", "b"))
L = Symbol("L", integer=True, positive=True)
least, lowest = Symbol("least", nonnegative=True), Symbol("Phi_star", real=True)
total = lambda f, at: Sum(f(i, at), (i, 1, n))
gain = lambda at: sum(Sum((f(i, at) - c) ** 2 / (f(i, at) + c), (i, 1, n)) for f in (r, q))
phi = lambda at: lam * total(r, at) - c * total(u, at) - c * total(v, at)
share = lambda f, k, at: (f(k, at) - c) / (f(k, at) + c)
cell = lambda k, m, at: exp((u(k, at) + v(m, at) - C(k, m)) / lam - 1)


def at_layer(name, indices, left, right, shift=0):
    """An equation at every index from 1 to n and every layer l >= 0."""
    return Assumption(
        name=name,
        schema=lambda *at: Eq(left(*at), right(*at), evaluate=False),
        where=lambda *at: [*(end for k in at[:-1] for end in (k - 1, n - k)), at[-1]],
        key=("layer", name, indices),
    )


laws = {
    "M": at_layer("masses of a layer", 2, M, cell),
    "r": at_layer("row sums of a layer", 1, r, lambda k, l: Sum(M(k, j, l), (j, 1, n))),
    "q": at_layer("column sums of a layer", 1, q, lambda m, l: Sum(M(i, m, l), (i, 1, n))),
    "a": at_layer("what the first head receives", 1, a, lambda k, l: share(r, k, l)),
    "b": at_layer("what the second head receives", 1, b, lambda m, l: share(q, m, l)),
    "u": at_layer("first head", 1, lambda k, l: u(k, l + 1), lambda k, l: u(k, l) - gamma * a(k, l)),
    "v": at_layer("second head", 1, lambda m, l: v(m, l + 1), lambda m, l: v(m, l) - gamma * b(m, l)),
    "r1": at_layer(
        "row sums of the next layer", 1, lambda k, l: r(k, l + 1), lambda k, l: Sum(cell(k, j, l + 1), (j, 1, n))
    ),
    "B": at_layer(
        "row sums of a function of j", 1, B, lambda k, l: Sum(M(k, j, l) * exp(-b(j, l)), (j, 1, n))
    ),
    "masses": at_layer(
        "the masses summed by columns", 0, lambda l: total(r, l), lambda l: Sum(q(j, l), (j, 1, n))
    ),
    "tilted masses": at_layer(
        "a function of j summed by columns", 0, lambda l: total(B, l), lambda l: Sum(q(j, l) * exp(-b(j, l)), (j, 1, n))
    ),
}  # fmt: skip
smallest = Assumption(
    "every layer has a violation of least at least",
    lambda l: Ge(gain(l), least, evaluate=False),
    latex=r"V_l \ge \mathrm{least},\ l < L",
    key=("least",),
    where=lambda l: [l, L - 1 - l],
)
bounded = inequality("Phi* is a lower bound", Ge(phi(L), lowest, evaluate=False))
before = equation("Phi before", phi(0), F0)
bound = 2 * (F0 - lowest) / ((3 - E) * lam * L)

depth_rate = Claim(
    id="optimal-transport-transformers.depth-rate",
    title="Over L layers the least violation of the marginals is 2 (Phi_0 - Phi*)/((3 - e) lambda L) at most",
    paper=PAPERS["optimal-transport-transformers"],
    locator="the rate in depth; constants derived here",
    statement=r"\gamma=\tfrac\lambda2:\quad \min_{l<L}\sum_i\frac{(r_i-c)^2}{r_i+c}+\sum_j\frac{(q_j-c)^2}{q_j+c}\le"
    r"\frac{2(\Phi_0-\Phi^*)}{(3-e)\lambda L}",
    symbols={
        **SIZES,
        L: Integers(1, sample=(1, 40)),
        F0: Observed(),
        lowest: Observed(),
        least: Observed(0),
    },
    decides=SureBound(least, bound),
    assumptions=[*laws.values(), smallest, bounded, before],
    defines={gamma: lam / 2},
    mutants=[
        Mutant("3/8 of it", decides={"bound": Rational(3, 8) * bound},
               cases=({"L": 1, "n": 4, "family": "far"},)),
        Mutant("gamma = 4 lambda", defines={gamma: 4 * lam}, cases=({"L": 1, "n": 4},)),
        Mutant("gamma = lambda/16", defines={gamma: lam / 16}, cases=({"L": 2, "n": 4, "family": "far"},)),
        Mutant("the second head rests", drop=("second head",), by=("derivation",)),
        Mutant("Phi* above the dual", drop=(bounded.name,), by=("derivation",)),
    ],
    notes="|r - c|_1^2 <= V_l (1 + |r|_1) by Cauchy and Schwarz, and likewise for q. Loose: near the solution V_l "
    "falls geometrically; far from it, with masses far above 1/n, a layer gains 2.24 times what is used.",
)  # fmt: skip


@depth_rate.derivation
def telescope(proof):
    l = proof.index("l")
    at = lambda f, shift=0: lambda k: f(k, l + shift)
    now = {name: at(f) for name, f in {"u": u, "v": v, "r": r, "q": q, "B": B, "a": a, "b": b}.items()}
    now |= {"u1": at(u, 1), "v1": at(v, 1), "r1": at(r, 1), "C": C, "M": lambda k, m: M(k, m, l)}
    fall = decrease(proof, now, lambda name, *where: proof.assume(laws[name], *where, l))
    step = proof.index("layer", 0, L - 1)
    proof.certificate(Ge(L - 1 - step, 0), [(1, proof.high(step))])
    each = proof.instantiate(fall, {l: step})
    rate, w = (3 - E) * lam / 2, proof.scalar("w", Interval(0, 1))
    proof.instantiate(proof.nonneg_on_box(3 - exp(w), {w: (0, 1)}), {w: Integer(1)})  # e < 3
    once = proof.certificate(
        Ge(phi(step) - phi(step + 1) - rate * least, 0), [(1, each), (rate, proof.assume(smallest, step))]
    )
    summed = proof.telescoped(once, phi(step), step, 0, L)
    parts = [(1, summed), (-1, proof.assume(before)), (1, proof.assume(bounded))]
    parts = [(1 / (rate * L), f) if w == 1 else (-1 / (rate * L), f) for w, f in parts]
    proof.conclude(proof.certificate(Le(least, proof.claim.decides.bound), parts))


@depth_rate.experiment(cases=[{}, {"family": "far"}], samples={"smoke": 64}, block=64)
def layers(xp, rng, case, size):
    """Random points and potentials, or masses far above 1/n; Phi* is the least Phi that a later layer reaches."""
    far = dict(case).get("family") == "far"
    lam_, share_ = getattr(case, "lambda"), 1 / case.n
    left, right = rng.normal((size, case.n, 1, 2)), rng.normal((size, 1, case.n, 2))
    cost = xp.sum((left - right) ** 2, axis=-1)
    one = (8.0 if far else 1.0) * lam_ + rng.normal((size, case.n)) * (0.1 if far else 1)
    two = rng.normal((size, case.n)) * (0.1 if far else 1) + (8.0 * lam_ if far else 0)
    masses = lambda: xp.exp((one[..., None] + two[:, None, :] - cost) / lam_ - 1)
    value = lambda table: lam_ * xp.sum(table, axis=(-2, -1)) - share_ * xp.sum(one + two, axis=-1)
    tilt = lambda f: (f - share_) / (f + share_)
    gain_ = lambda f: xp.sum((f - share_) ** 2 / (f + share_), axis=-1)
    table = masses()
    start, smallest_ = value(table), 1e300
    for _ in range(case.L):
        rows, columns = xp.sum(table, axis=-1), xp.sum(table, axis=-2)
        smallest_ = xp.minimum(gain_(rows) + gain_(columns), smallest_ + 0 * start)
        one, two = one - case.gamma * tilt(rows), two - case.gamma * tilt(columns)
        table = masses()
    return {"quantity": smallest_, "least": smallest_, "F0": start, "Phi_star": value(table)}
