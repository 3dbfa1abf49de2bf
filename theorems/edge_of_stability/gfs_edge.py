"""Where gradient descent on a scalar network can end: at the edge of stability or below (Kreisler et al. 2023).

Loss (P - 1)^2/2, P = w_1 ... w_D of any depth D, all w_i > 0, r = P - 1.  Gradient flow from w keeps all w_i^2 - w_j^2:
it ends where the squares z_i = w_i^2 + s have the product 1, with the sharpness  phi = sum_i 1/z_i.  If a step

    w_i  ->  w_i - eta r P/w_i        (all still positive)

of gradient descent does not raise |r|, and 0 < |r| < 1, then

    phi  <=  2/(eta (1 - |r|)^2).

Convergent trajectories that never hit r = 0 make such steps at arbitrarily small |r|, and phi falls to its limit:
phi_infinity <= 2/eta.

Reference: arXiv:2305.13064.  The inequality for one step is derived here.
"""

from sympy import Eq, Function, Ge, Gt, Le, Rational, Sum, Symbol, exp, symbols

from gdverify import Assumption, Claim, Integers, Mutant, Observed, Reals, SureBound
from gdverify.laws import equation, inequality
from theorems import PAPERS

eta, phi, e = symbols("eta phi e", positive=True)
r, s = symbols("r s", real=True)
D = Symbol("D", integer=True, positive=True)
i = Symbol("i", integer=True)
a, b, c, A, B, C = (Function(name) for name in "abcABC")
inside = lambda k: [k - 1, D - k]
zero = lambda x: Ge(x, 0, evaluate=False)

sums = Assumption(
    "A, B, C sum the first a, b, c",
    lambda k: [Eq(total(k), total(k - 1) + f(k), evaluate=False) for total, f in ((A, a), (B, b), (C, c))],
    key=("sums",),
    where=inside,
)
empty = Assumption("sums of nothing", lambda: [Eq(total(0), 0, evaluate=False) for total in (A, B, C)], key=("empty",))
output = equation("r is the residual at weights exp(a_i)", exp(A(D)), 1 + r)


def descends(scale):
    return Assumption(
        "a step of gradient descent to weights exp(b_i)",
        lambda k: Eq(exp(b(k)), exp(a(k)) - scale * eta * r * (1 + r) * exp(-a(k)), evaluate=False),
        key=("descent", scale),
        where=inside,
    )


step = descends(1)
no_rise = inequality("the step does not raise |r|", zero(r**2 - (exp(B(D)) - 1) ** 2))
size = equation("e is |r|", e**2, r**2)
flow = Assumption(
    "gradient flow adds s to all squared weights, which become exp(c_i)",
    lambda k: Eq(exp(c(k)), exp(2 * a(k)) + s, evaluate=False),
    key=("flow",),
    where=inside,
)
solution = equation("and ends where the output is 1", C(D), 0)
sharpness = equation("phi is the sharpness there", Sum(exp(-c(i)), (i, 1, D)), phi)

edge = Claim(
    id="gfs-sharpness.eos-limit",
    title="A step that does not raise the residual starts where gradient flow's solution is at the edge or flatter",
    paper=PAPERS["gfs-sharpness"],
    locator="the final sharpness, as an inequality for one step derived here",
    statement=r"w,w_+>0,\ |r_+|\le|r|,\ 0<|r|<1:\quad \phi\le\frac{2}{\eta\,(1-|r|)^2}",
    symbols={
        D: Integers(1, sample=(2, 6)),
        eta: Observed(0, open="left"),
        r: Observed(),
        e: Observed(0, 1, open="both"),
        s: Observed(),
        phi: Observed(0, open="left"),
    },
    assumptions=[sums, empty, output, step, no_rise, size, flow, solution, sharpness],
    decides=SureBound(quantity=phi, bound=2 / (eta * (1 - e) ** 2)),
    mutants=[
        Mutant("1% less", decides={"bound": Rational(198, 100) / (eta * (1 - e) ** 2)}),
        Mutant("2/eta, whatever r", decides={"bound": 2 / eta}),
        Mutant("2/(eta (1 - |r|))", decides={"bound": 2 / (eta * (1 - e))}, cases=({"family": "deep", "D": 60},)),
        Mutant("at most 2/eta by |r|", decides={"bound": 2 * (1 - e) / eta}),
        Mutant("steps half as long", drop=(step.name,), add=(descends(Rational(1, 2)),), by=("derivation",)),
        Mutant("any step", drop=(no_rise.name,), by=("derivation",)),
    ],
    notes="Exact as r tends to 0. For D equal weights, D large, eta phi comes to log((1 + |r|)/(1 - |r|))/(|r| (1 - "
    "|r|)): of the square only one factor is needed there, with a logarithm. That phi falls along the way "
    "is `gfs-sharpness.monotone-depth-2` at depth 2.",
)


@edge.derivation
def contraction(proof):
    y = proof.scalar("y", Reals())
    j, k = proof.index("j", 1, D), proof.index("k", 1, D)
    proof.high(j)
    proof.certificate(zero(D - k + 1), [(1, proof.high(k))], [(1, 1)])
    line = proof.tangent(exp(y), y, 0)
    above = lambda at: proof.instantiate(line, {y: at})
    adds, none = proof.assume(sums, k), proof.assume(empty)
    at, square = proof.assume(output), proof.assume(size)
    move, shift, end, sharp = (
        proof.assume(x, *args) for x, args in ((step, [k]), (flow, [k]), (solution, []), (sharpness, []))
    )
    low = proof.low(e)
    proof.certificate(Gt(1 - e, 0), [(1, proof.high(e))])
    proof.certificate(Gt(1 + r, 0), [(1, proof.sign(exp(A(D)))), (-1, at)])
    near = proof.certificate(Ge(e**2, (1 - exp(B(D))) ** 2), [(1, proof.assume(no_rise)), (1, square)])
    least = proof.root(near, 1 - exp(B(D)))
    most = proof.root(proof.certificate(Ge(e**2, (exp(B(D)) - 1) ** 2), [(1, near)]), exp(B(D)) - 1)
    squares, bound = Sum(exp(-2 * a(i)), (i, 1, D)), 2 / (eta * (1 - e) ** 2)
    G, U = (lambda x: 2 * A(x) - C(x)), (lambda x: B(x) - A(x))
    total = lambda fact, E: proof.telescoped(fact, E(k - 1), k, 1, D + 1)
    excess = eta * r * (1 + r) * exp(-2 * a(k))

    def outward(sign):
        """2 a <= c for s >= 0, in total."""
        each = proof.certificate(
            zero(G(k - 1) - G(k)),
            [(1, above(2 * a(k) - c(k))), (exp(-c(k)), shift), (exp(-c(k)), sign)],
            using=adds,
        )
        return proof.certificate(zero(-A(D)), [(Rational(1, 2), total(each, G)), (-Rational(1, 2), end)], using=none)

    def inward(sign):
        """c <= 2 a for -s >= 0."""
        return proof.certificate(
            zero(G(k) - G(k - 1)),
            [(1, above(c(k) - 2 * a(k))), (-exp(-2 * a(k)), shift), (exp(-2 * a(k)), sign)],
            using=adds,
        )

    def rises(case):
        sum_ = proof.certificate(Gt(e + r, 0), [(1, low), (1, case)]).left
        same = proof.certificate(Eq(r, e, evaluate=False), [(-1 / sum_, square)])

        def no_shift(sign):
            small = outward(sign)
            down = proof.certificate(zero(-r), [(exp(A(D)), above(-A(D))), (exp(A(D)), small), (1, at)])
            return proof.certificate(zero(-s), [(s / e, down), (s / e, same)])

        shrinks = proof.by_cases(s, no_shift, lambda sign: proof.certificate(zero(-s), [(1, sign)]))
        each = inward(shrinks)
        other = proof.instantiate(each, {k: j})
        before = proof.telescoped(other, -G(j - 1), j, 1, k)
        after = proof.telescoped(other, -G(j - 1), j, k + 1, D + 1)
        whole = proof.certificate(
            zero(2 * A(D) - 2 * a(k) + c(k)), [(1, before), (1, after), (1, end)], using=[*adds, *none]
        )
        share = proof.certificate(
            zero(exp(2 * A(D) - 2 * a(k)) - exp(-c(k))), [(exp(-c(k)), above(whole.expr)), (exp(-c(k)), whole)]
        )
        flat = proof.certificate(
            zero((1 + r) ** 2 * squares - phi),
            [(1, proof.sum_of(share, k, 1, D)), (1, sharp), (-(exp(A(D)) + 1 + r) * squares, at)],
        )
        part = proof.certificate(
            zero(U(k - 1) - U(k) - excess), [(1, above(b(k) - a(k))), (-exp(-a(k)), move)], using=adds
        )
        fall = proof.rewrite(total(part, U), *none)
        X = eta * r * (1 + r) * squares
        few = proof.certificate(
            zero(1 + r - (1 - e) * (1 + X)),
            [(exp(B(D)), above(-U(D))), (exp(B(D)), fall), (1 + X, least), (-1, at)],
        )
        return proof.certificate(
            zero(bound - phi), [(1, flat), ((1 + e) / (eta * e * (1 - e)), few)],
            [(2 / (eta * (1 - e) ** 2), e)], using=[same],
        )  # fmt: skip

    def falls(case):
        gap = proof.certificate(Gt(e - r, 0), [(1, low), (1, case)]).left
        same = proof.certificate(Eq(r, -e, evaluate=False), [(1 / gap, square)])

        def no_shift(sign):
            large = total(inward(sign), lambda x: -G(x))
            up = proof.certificate(
                zero(r), [(1, above(A(D))), (Rational(1, 2), large), (-1, at), (Rational(1, 2), end)], using=none
            )
            return proof.certificate(zero(s), [(-s / e, up), (s / e, same)])

        grows = proof.by_cases(s, lambda sign: sign, no_shift)
        weight = exp(-c(k) - 2 * a(k))
        share = proof.certificate(zero(exp(-2 * a(k)) - exp(-c(k))), [(weight, shift), (weight, grows)])
        flat = proof.certificate(zero(squares - phi), [(1, proof.sum_of(share, k, 1, D)), (1, sharp)])
        turn = eta * (1 + r) * exp(-a(k) - b(k))
        wider = proof.certificate(
            zero(U(k) - U(k - 1)), [(1, above(a(k) - b(k))), (exp(-b(k)), move), (turn, case)], using=adds
        )
        wide = proof.rewrite(proof.telescoped(proof.instantiate(wider, {k: j}), -U(j - 1), j, 1, k), *none)
        past = U(k - 1)
        part = proof.certificate(
            zero(exp(U(k)) - exp(past) + excess),
            [(exp(past - a(k)), move), (-excess, above(past)), (-excess, wide)],
            using=adds,
        )
        rise = proof.rewrite(total(part, lambda x: -exp(U(x))), *none)
        X = -eta * r * (1 + r) * squares
        few = proof.certificate(zero(1 + e - (1 + r) * (1 + X)), [(1, most), (exp(A(D)), rise), (1 + X, at)])
        return proof.certificate(zero(bound - phi), [(1, flat), (1 / (eta * e * (1 - e) ** 2), few)], using=[same])

    proof.conclude(proof.certificate(Le(phi, bound), [(1, proof.by_cases(r, rises, falls))]))


@edge.experiment(cases=[{"family": "near"}, {"family": "far"}], samples={"smoke": 512})
def steps(xp, rng, case, size):
    """Points on both sides of the minima, from their solutions; the longest step that does not raise |r|.

    "deep": equal weights, whose product is far below 1.
    """
    logs = 2 * xp.tanh(rng.normal((size, case.D))) * rng.uniform((size, 1))
    z = xp.exp(logs - xp.mean(logs, axis=-1, keepdims=True))
    scale = 10 ** (-4 * rng.uniform((size,)) - 1) if case.family == "near" else rng.uniform((size,), 0.1, 1)
    s = xp.min(z, axis=-1) * scale * (0.9 - 1.1 * rng.bernoulli(0.5, (size,)))
    if case.family == "deep":
        z = 1 + 0 * z
        s = 1 - (1 - rng.uniform((size,), 0.3, 0.8)) ** (2 / case.D)
    squares = z - s[:, None]
    P = xp.sqrt(xp.prod(squares, axis=-1))
    r = P - 1
    phi, push = xp.sum(1 / z, axis=-1), P**2 * xp.sum(1 / squares, axis=-1)
    eta, longest = 0.01 / push, 16 / push
    for _ in range(50):
        longer = (eta + longest) / 2
        factors = 1 - (longer * r * P)[:, None] / squares
        fine = (xp.abs(P * xp.prod(factors, axis=-1) - 1) <= xp.abs(r)) & xp.all(factors > 0, axis=-1)
        eta, longest = xp.where(fine, longer, eta), xp.where(fine, longest, longer)
    return {"quantity": phi, "phi": phi, "eta": eta, "r": r, "e": xp.abs(r), "s": s}
