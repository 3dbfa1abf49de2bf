"""Orthogonalisation by batch normalisation: assumption A1 must bound the square of the smallest singular value.

Daneshmand, Joudaki and Bach (2021) state, under A1 "sigma_n(H_k) >= alpha for k = 1..l" (Section 2.2),

    E V(H_{l+1})  <=  2 (1 - 2 alpha/3)^l + 3 n/(alpha sqrt(d))                                  (Theorem 1).

The proof needs sigma_n(H_k)^2 >= alpha.  As printed the bound is false for d -> oo, where G_{l+1} = M(G_l) is a
deterministic map.  Take n = 64 and G_1 with 32 eigenvalues 3/128 and 32 eigenvalues 1/128, so alpha = 128^(-1/2).
The spectrum stays at two levels (1 + e)/64 and (1 - e)/64, e_0 = 1/2, each 32-fold; V = e/8, sigma_n^2 >= 1/128, and

    e_{k+1} = e_k E[(1 - u^2)/(1 - e_k^2 u^2)],    (1 + u)/2 ~ Beta(16, 16).

From l = 112 on, e_l/8 exceeds 2 (1 - 2 alpha/3)^l.  At finite width the term 3 n/(alpha sqrt(d)) hides this until d is
about 1e13: a misprint, corrected by `bn-orthogonalizes.depth-width`.

Reference: arXiv:2106.03970.
"""

from fractions import Fraction
from itertools import pairwise

from sympy import Function, Ge, Identity, Integer, Le, MatrixSymbol, Rational, S, Symbol, Trace, sqrt

from gdverify import Assumption, Claim, Counterexample, Finding, Integers, Interval, Mean, Mutant
from gdverify.errors import ClaimError
from gdverify.language import SymmetricMatrix
from gdverify.laws import constant, equation, sphere
from theorems import PAPERS
from theorems.networks.bn_contraction import equal

l = Symbol("l", integer=True, positive=True)
alpha = Symbol("alpha", positive=True)
e, u = Function("e"), Function("u")()
top = lambda x, v: (1 + x) * (1 + v) / ((1 + x) * (1 + v) + (1 - x) * (1 - v))

start = Assumption("e_0 = 1/2", lambda: equal(e(0), Rational(1, 2)))
layer = Assumption(
    "a layer of infinite width on two levels: the upper one holds the share (1 + e)/2 of the trace",
    lambda k: equal(e(k + 1), 2 * Mean(top(e(k), u)) - 1),
    where=lambda k: [k],
    latex=r"\tfrac{1+e_{k+1}}2=\mathbb E\frac{(1+e_k)X}{(1+e_k)X+(1-e_k)Y},\ X,Y\sim\chi^2_{32},\ u=\frac{X-Y}{X+Y}",
)
bounded = Assumption("-1 <= u <= 1", lambda: [Ge(1 + u, 0, evaluate=False), Ge(1 - u, 0, evaluate=False)])


def turned_over(F):
    """E F(u) == E F(-u), for a function F of one variable and constants: nothing random may hide in F."""
    inside = F(S.Zero) + F(Symbol("v", real=True))
    if inside.has(u) or inside.atoms(MatrixSymbol):
        raise ClaimError("F is to be a function of u alone")
    return equal(Mean(F(u)), Mean(F(-u)))


symmetric = Assumption("u and -u have the same law", turned_over)
g, D = MatrixSymbol("g", 64, 1), SymmetricMatrix("D", 64, 64)
direction = sphere(g)  # of a standard normal row of W, in the eigenvectors of G
levels = Assumption(
    "D is 1 on the upper level and -1 on the lower one",
    lambda: [equal(D * D, Identity(64)), equal(Trace(D), 0)],
    latex=r"D=\mathrm{diag}(1,\dots,1,-1,\dots,-1)",
)
contrast = equation("u compares the energies of the two levels", u, Trace(g.T * D * g))

printed_bound = Claim(
    id="bn-orthogonalizes.printed-bound-is-false",
    title="Theorem 1 with alpha bounding the smallest singular value, as printed, fails at infinite width",
    paper=PAPERS["bn-orthogonalizes"],
    locator="Theorem 1 under assumption A1 (Section 2.2), in the limit d -> oo",
    statement=r"n=64,\ d\to\infty,\ \lambda(G_1)=\bigl(32\times\tfrac3{128},\,32\times\tfrac1{128}\bigr),\ "
    r"\alpha=\sqrt{1/128}:\quad V(H_{l+1})>2\bigl(1-\tfrac{2\alpha}3\bigr)^l\ \text{for every } l\ge112",
    symbols={l: Integers(112, sample=(112, 150))},
    defines={alpha: sqrt(Rational(1, 128))},
    assumptions=[start, layer, bounded, symmetric, contrast, direction, levels, constant(D, e)],
    decides=Counterexample(
        quantity=e(l) / 8,
        bound=2 * (1 - 2 * alpha / 3) ** l,
        refutes="Theorem 1 as printed: the contraction 1 - 2 alpha/3 with sigma_n >= alpha",
    ),
    mutants=[
        Mutant("already at l = 111", symbols={l: Integers(111, sample=(111, 150))}),
        Mutant("alpha bounds the square, as the proof needs", defines={alpha: Rational(1, 128)}),
        Mutant("3 for the factor 2", decides={"bound": 3 * (1 - 2 * alpha / 3) ** l}),
    ],
    notes="For d -> oo at fixed depth G_l tends to the deterministic chain almost surely, so the printed inequality "
    "fails for all large d; the derivation also shows sigma_n(H_k)^2 >= 1/128 at every layer.",
    finding=Finding(
        verdict="false-as-stated",
        published="assumption A1, Section 2.2: alpha bounds the minimum singular value (a misprint: the proof needs "
        "its square)",
        counterexample="n = 64, eigenvalues 32 x .75/32 and 32 x .5/64, d -> oo: from l = 112 on, "
        "V = 2.285e-3 > 2.223e-3; hidden by the noise term until d is about 1e13",
        corrected_by="bn-orthogonalizes.depth-width",
    ),
)


def moments(proof):
    """E u^2 = 1/33 and E u^4 = 1/385, from the moments of the sphere in R^64."""
    meaning, (involution, balance) = proof.assume(contrast), proof.assume(levels)
    form, trace = Trace(g.T * D * g), Trace(D)
    rest = {2: trace, 4: trace**3 + 12 * 64 * trace + 32 * trace}  # what multiplies tr D = 0
    for power, value in ((2, Rational(1, 33)), (4, Rational(1, 385))):
        size = S.One
        for j in range(power):
            size *= 64 + 2 * j
        yield proof.certificate(
            equal(Mean(u**power), value),
            [(1, proof.moment(form**power, [direction])), (rest[power] / size, balance)],
            using=[meaning, involution],
        )


@printed_bound.derivation
def cubic_lower_bound(proof):
    half, k = Rational(1, 2), proof.index("k")
    x = proof.scalar("x", Interval(-half, half))
    one = proof.sign(S.One)
    up, down = proof.assume(bounded)
    inside = proof.certificate(Ge(1 - u**2, 0), [(1, proof.product(up, down))])
    square = proof.product(proof.high(x), proof.low(x))
    room = proof.certificate(Ge(1 - x**2, 0), [(1, square), (Rational(3, 4), one)])
    low = proof.certificate(1 - x**2 * u**2 > 0, [(x**2, inside), (1, square), (Rational(3, 4), one)])
    for v in (u, -u):  # 1 + x v = (1 - x^2 v^2)/2 + (1 + x v)^2/2 > 0
        proof.certificate(1 + x * v > 0, [(half, low)], [(half, 1 + x * v)])

    # averaging over u and -u, the map is x -> x W with 0 <= W <= 1
    w = (1 - u**2) / (1 - x**2 * u**2)
    pair = proof.mean(proof.identity(top(x, u) + top(x, -u), 1 + x * w))
    even = proof.assume(symmetric, lambda v: top(x, v))
    step = proof.certificate(equal(2 * Mean(top(x, u)) - 1, x * Mean(w)), [(1, pair), (1, even)])
    above = proof.mean(proof.certificate(Ge(w, 0), [(1 / (1 - x**2 * u**2), inside)]))
    below = proof.mean(proof.certificate(Le(w, 1), [(u**2 / (1 - x**2 * u**2), room)]))
    cubic = proof.mean(
        proof.certificate(Ge(w, (1 - u**2) * (1 + x**2 * u**2)), [(x**4 * u**4 / (1 - x**2 * u**2), inside)])
    )
    second, fourth = moments(proof)
    gain = proof.certificate(
        Ge(Mean(w), Rational(32, 33) + Rational(32, 1155) * x**2), [(1, cubic), (x**2 - 1, second), (-(x**2), fourth)]
    )
    # e stays in [-1/2, 1/2], then in [0, 1/2]
    W = Mean(w).subs(x, e(k))
    begin, at = proof.assume(start), lambda value: proof.instantiate(value, {x: e(k)})

    def confine(now):
        for side in (half - e(k), half + e(k)):
            proof.certificate(Ge(side, 0), [(1, now)], [(1, side)])
        at(low)

    def advance():
        return proof.certificate(equal(e(k + 1), e(k) * W), [(1, proof.assume(layer, k)), (1, at(step))])

    def shrink(now):
        confine(now)
        fall = proof.product(at(below), proof.certificate(Ge(1 + W, 0), [(1, at(above)), (1, one)]))
        return proof.certificate(Le(e(k + 1) ** 2, half**2), [(1, now), (e(k) ** 2, fall)], using=[advance()])

    confine(
        proof.induction(Le(e(k) ** 2, half**2), k, proof.certificate(Le(e(0) ** 2, half**2), using=[begin]), shrink)
    )
    move = advance()
    nonnegative = proof.induction(
        Ge(e(k), 0),
        k,
        proof.certificate(Ge(e(0), 0), [(half, one)], using=[begin]),
        lambda now: proof.certificate(Ge(e(k + 1), 0), [(1, proof.product(now, at(above)))], using=[move]),
    )
    c1, c3 = Rational(32, 33), Rational(32, 1155)
    rise = proof.certificate(
        Ge(e(k + 1), c1 * e(k) + c3 * e(k) ** 3), [(1, proof.product(nonnegative, at(gain)))], using=[move]
    )

    # forty layers in numbers rounded down, then the factor 32/33 alone
    value, fact = half, proof.certificate(Ge(e(0), half), using=[begin])
    for m in range(40):
        image = c1 * value + c3 * value**3
        rounded = Rational(int(image * 10**8), 10**8)
        parts = [(1, proof.instantiate(rise, {k: m})), (c1, fact), (c3, proof.power(fact, 3)), (image - rounded, one)]
        value, fact = rounded, proof.certificate(Ge(e(m + 1), rounded), parts)
    t = proof.index("t", 40)
    tail = lambda now, s: [
        (1, proof.instantiate(rise, {k: s})), (c3 * e(s) ** 2, proof.instantiate(nonnegative, {k: s})), (c1, now),
    ]  # fmt: skip
    geometric = lambda s: Ge(e(s), value * c1 ** (s - 40))
    slow = proof.induction(
        geometric(t), t, proof.certificate(geometric(40), [(1, fact)]),
        lambda now: proof.certificate(geometric(t + 1), tail(now, t)),
    )  # fmt: skip

    # the printed bound falls faster
    known, printed, low2 = [proof.definition(alpha)], 1 - 2 * alpha / 3, Rational(1414213, 10**6)
    square_root = lambda big, small: proof.power(
        proof.certificate(Ge(big, small, evaluate=False), [(big - small, one)]), half
    )
    root, above2 = square_root(Integer(2), low2**2), square_root(Rational(9, 4), Integer(2))
    proof.certificate(printed > 0, [(Rational(1, 24), above2), (Rational(15, 16), one)], using=known)
    least = 1 - low2 / 24
    small = proof.certificate(Le(printed, least), [(Rational(1, 24), root)], using=known)
    slower = proof.certificate(Le(printed, c1), [(1, small), (c1 - least, one)])
    q, eighth = proof.index("q", 112), Rational(1, 8)
    exceeds = lambda s: e(s) / 8 > 2 * printed**s
    margin = value * c1**72 / 8 - 2 * least**112
    first = [(eighth, proof.instantiate(slow, {t: 112})), (2, proof.power(small, 112)), (margin, one)]
    every = proof.induction(
        exceeds(q), q, proof.certificate(exceeds(112), first),
        lambda now: proof.certificate(
            exceeds(q + 1),
            [*((eighth * c, f) for c, f in tail(now, q)[:2]), (c1, now), (2 * printed**q, slower)],
        ),
    )  # fmt: skip
    proof.conclude(proof.instantiate(every, {q: l}))


@printed_bound.experiment(cases=[{"l": 112}, {"l": 134}, {}], samples={"smoke": 1, "standard": 1, "full": 1})
def two_levels(xp, rng, case, size):
    """Power series of the map with positive coefficients: cut short, it bounds e_{k+1} from below."""
    moments = [Fraction(1)]
    for m in range(1, 25):
        moments.append(moments[-1] * Fraction(2 * m - 1, 31 + 2 * m))
    falls = [xp.number(a - b) for a, b in pairwise(moments)]
    value = xp.zeros((size,)) + xp.number(Fraction(1, 2))
    for _ in range(case.l):
        series = 0 * value
        for c in reversed(falls):
            series = series * value * value + c
        value = value * series
    return {"quantity": value / 8}
