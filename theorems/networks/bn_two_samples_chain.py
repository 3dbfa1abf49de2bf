"""The error of the mean field does not grow with depth: batch normalisation of two samples (Joudaki et al. 2022).

The linear chain of `bn_chain` with n = 2 samples and width d: Gram matrices G_0, G_1, ... of trace 1, G_{t+1} the mean
of d rank-one projectors that are independent given G_t, of mean D(G_t).  The mean field is B_0 = G_0, B_{t+1} = D(B_t).
With s_t the eigenvalue gap of G_t and E_l the event that s_t <= 3/5 for t = 0..l, at every depth l

    E |G_{l+1} - B_{l+1}|^2 1_{E_l}  <=  1/d.

Reason: D is the inverse of a -> 2 a/(1 + 2|a|^2), a = D - I/2, which expands distances by sqrt(2) at least where the
gap is at most 3/5; so a layer halves the squared error and adds at most 1/(2d).

Reference: arXiv:2205.13076, whose theorem is about any n under an assumption of mixing; this is derived here.
"""

from sympy import Function, Ge, Integer, Le, Rational, Symbol

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Mean,
    MeanBound,
    Mutant,
    VectorSequence,
    sq,
)
from gdverify.networks import gram_step
from theorems import PAPERS
from theorems.networks.bn_contraction import equal
from theorems.networks.bn_noise import D, P, T, d, projectors, sums

l = Symbol("l", integer=True, nonnegative=True)
G, B, event = VectorSequence("G"), VectorSequence("B"), Function("E")
unit = VectorSequence("I")(2)  # the 2 x 2 identity
zero = lambda x: Ge(x, 0, evaluate=False)
half, ninth = Rational(1, 2), Rational(1, 9)
off = lambda m: m - unit / 2
traces = Assumption(
    "projectors and their mean have trace one",
    lambda k, t: [equal(Inner(P(t, k), unit), 1), equal(Inner(D(t), unit), 1), equal(sq(unit), 2)],
)
independent = Assumption(
    "given G(t), projectors have mean D(t) and are independent of the earlier ones",
    lambda k, t: [
        equal(Mean(event(t) * Inner(P(t, k), x)), Mean(event(t) * Inner(D(t), x))) for x in (T(t, k), D(t), B(t + 1))
    ],
    key=("independent",),
    where=lambda k, t: [k, t],
)
following = Assumption("G(t+1) is the mean of d projectors", lambda t: equal(G(t + 1), T(t, d) / d), key=("next",))
mean_field = Assumption(
    "B is the chain at infinite width",
    lambda t: [
        equal(B(t), unit / 2 + 2 * off(B(t + 1)) / (1 + 2 * sq(off(B(t + 1))))),
        Ge(1, 2 * sq(off(B(t + 1))), evaluate=False),
    ],
    key=("mean field",),
)


def starts(gap):
    return Assumption(
        "both chains start at a matrix with a gap of 3/5 at most",
        lambda: [equal(G(0), B(0)), zero(gap**2 - 2 * sq(off(B(0))))],
        key=("start", gap),
    )


def stays(gap):
    return Assumption(
        "E(l): the gaps of G(0), ..., G(l) are 3/5 at most",
        lambda t: [
            zero(event(t)),
            zero(1 - event(t)),
            zero(event(t) - event(t + 1)),
            zero(event(t) * (gap**2 - 2 * sq(off(G(t))))),
        ],
        key=("stays", gap),
    )


start, inside = starts(Rational(3, 5)), stays(Rational(3, 5))

stable = Claim(
    id="bn-meanfield-finite.no-error-amplification",
    title="The mean field of two batch-normalised samples stays within 1/sqrt(d) of the network at every depth",
    paper=PAPERS["bn-meanfield-finite"],
    locator="the stability of the mean field, for two samples and stopped; derived here",
    statement=r"\mathbb E\bigl[\|G_{l+1}-B_{l+1}\|_F^2\,\mathbf 1_{E_l}\bigr]\le\frac1d\ \text{ for all } l,\qquad "
    r"E_l=\{s_t\le\tfrac35,\ t\le l\}",
    symbols={d: Integers(1, sample=(8, 24)), l: Integers(0, sample=(0, 6))},
    assumptions=[sums, projectors, traces, independent, following, mean_field, start, inside],
    decides=MeanBound(quantity=event(l) * sq(G(l + 1) - B(l + 1)), bound=1 / d, support=(0, Rational(32, 25))),
    mutants=[
        Mutant("half of it", decides={"bound": 1 / (2 * d)}, cases=({"d": 24, "l": 5, "gap": 0.1},)),
        Mutant("d^(-5/4)", decides={"bound": d ** Rational(-5, 4)}, cases=({"d": 24, "l": 5, "gap": 0.1},)),
        Mutant("up to the gap 4/5", drop=(inside.name,), add=(stays(Rational(4, 5)),), by=("derivation",)),
        Mutant("projectors that depend on each other", drop=(independent.name,), by=("derivation",)),
    ],
    notes="The stationary value is near 2/(3d). Near rank one, which is absorbing, the map is not Lipschitz: hence the "
    "stopping. The closed form of D is that of `bn-meanfield-finite.n2-closed-form`.",
)


def small(proof, gap, move, level, weight):
    """weight (1/9 - 2|a|^2) >= 0, from weight (9/25 - 2|2 a/(1 + 2|a|^2)|^2) >= 0 and 1 >= 2|a|^2 (the fact level)."""
    alpha = 1 - level.expr
    far = proof.certificate((9 - alpha, ">", 0), [(1, level), (8, proof.sign(Integer(1)))]).left
    return proof.certificate(
        zero(weight * (ninth - alpha)), [(Rational(25, 9) * (1 + alpha) ** 2 / far, gap)], using=[move]
    )


@stable.derivation
def halving(proof):
    t, k = proof.index("t"), proof.index("k")
    a, b = off(D(t)), off(B(t + 1))
    alpha, beta = 2 * sq(a), 2 * sq(b)
    where = "the closed form is bn-meanfield-finite.n2-closed-form; a layer keeps the eigenvectors of the mean"
    own = proof.cite("the mean layer of two samples", equal(G(t), unit / 2 + 2 * a / (1 + alpha)), where)
    one_a = proof.cite("its gap is at most 1", Ge(1, alpha, evaluate=False), where)
    field, one_b = proof.assume(mean_field, t)
    lows = []
    for x, y in ((a, alpha), (b, beta)):
        low = proof.certificate(zero(y), [], [(2, x)])
        proof.certificate((1 + y, ">", 0), [(1, low), (1, proof.sign(Integer(1)))])
        lows.append(proof.certificate(zero(Rational(19, 9) + y), [(1, low)], [(Rational(19, 9), 1)]))
    gaps = lambda s: zero(Rational(9, 25) - 2 * sq(off(B(s))))
    same, base = proof.assume(start)

    def narrower(now):
        fact = small(proof, now, field, one_b, 1)
        return proof.certificate(gaps(t + 1), [(1, fact)], [(Rational(9, 25) - ninth, 1)])

    every = proof.induction(gaps(t), t, base, narrower)
    near_b = small(proof, every, field, one_b, 1)
    e = event(t)
    _, _, less, gap = proof.assume(inside, t)
    near_a = small(proof, gap, own, one_a, e)
    # |(V + delta) u - c v|^2 >= 0 gives c^2 <= (V + delta) U: Cauchy and Schwarz without a division by V
    u, v, delta = a - b, a + b, Rational(1, 100)
    U, V, c, M = sq(u), sq(v), Inner(u, v), (1 + alpha) ** 2 * (1 + beta) ** 2
    one = proof.sign(Integer(1))
    for x, y in ((U, u), (V, v)):
        proof.certificate(zero(x), [], [(1, y)])
    proof.certificate((V + delta, ">", 0), [(1, proof.sign(V)), (delta, one)])
    slope = proof.certificate(
        zero((Rational(35, 9) - alpha - 2 * beta) / 2 + (Rational(19, 9) + alpha) * (1 + beta) ** 2),
        [(half, one_a), (1, near_b), ((1 + beta) ** 2, lows[0])],
        [(half * Rational(24, 9), 1)],
    )
    room = lambda x, y: (2 - x - y) ** 2 / 2 - 4 * delta - (1 + x) ** 2 * (1 + y) ** 2
    flat = (Rational(33, 9) - beta) / 2 + Rational(10, 9) ** 2 * (Rational(19, 9) + beta)
    fixed = proof.certificate(zero(flat), [(half, near_b), (Rational(100, 81), lows[1])], [(Rational(16, 9), 1)])
    spare = proof.certificate(
        zero(e * room(alpha, beta)),
        [(1, proof.product(near_a, slope)), (e, proof.product(near_b, fixed)), (e * room(ninth, ninth), one)],
    )
    halves = proof.certificate(
        zero(e * (sq(G(t) - B(t)) / 2 - U)),
        [
            (U / M, spare),
            (2 * e * U**2 / M, one_a),
            (2 * e * U**2 / M, near_b),
            (2 * e * U**2 / M * (Rational(8, 9) - delta), one),
            (2 * e * U**3 / M, one),
        ],
        [
            (w * weight, x)
            for w in (4 * e / (M * (V + delta)), 2 * e * U / (M * (V + delta)))
            for weight, x in ((1, (V + delta) * u - c * v), (delta, c))
        ],
        using=[own, field],
    )
    layer = one_layer(proof, t, k, halves)
    claimed = lambda j: zero(1 / d - Mean(event(j) * sq(G(j + 1) - B(j + 1))))
    nothing = proof.mean(proof.certificate(equal(event(0) * sq(G(0) - B(0)), 0), using=[same]))
    begin = proof.certificate(claimed(0), [(1, proof.instantiate(layer, {t: 0})), (-half, nothing)], [(1 / (2 * d), 1)])
    later = proof.instantiate(layer, {t: t + 1})
    far = sq(G(t + 1) - B(t + 1))
    fewer = proof.mean(
        proof.certificate(
            zero((e - event(t + 1)) * far), [(less.expr, proof.certificate(zero(far), [], [(1, G(t + 1) - B(t + 1))]))]
        )
    )
    total = proof.induction(
        claimed(t), t, begin,
        lambda now: proof.certificate(claimed(t + 1), [(1, later), (half, fewer), (half, now)]),
    )  # fmt: skip
    proof.conclude(
        proof.certificate(Le(Mean(event(l) * sq(G(l + 1) - B(l + 1))), 1 / d), [(1, proof.instantiate(total, {t: l}))])
    )


def one_layer(proof, t, k, halves):
    """Fact: E e_t |G_t - B_t|^2/2 + 1/(2d) >= E e_t |G_{t+1} - B_{t+1}|^2."""
    e, away = event(t), D(t) - B(t + 1)
    zero_sum, more = proof.assume(sums, k, t)
    past, own, aside = proof.assume(independent, k, t)
    unit_length, (_, trace, size) = proof.assume(projectors, k, t), proof.assume(traces, k, t)
    rest = lambda j: T(t, j) - j * D(t)
    energy = lambda j: equal(Mean(e * sq(rest(j))), j * (Mean(e) - Mean(e * sq(D(t)))))
    mixed = lambda j: equal(Mean(e * Inner(rest(j), away)), 0)
    spread = proof.induction(
        energy(k), k, proof.certificate(energy(0), using=[zero_sum]),
        lambda now: proof.certificate(
            energy(k + 1), [(1, now), (2, past), (-2 * (k + 1), own)], using=[more, unit_length]
        ),
    )  # fmt: skip
    cross = proof.induction(
        mixed(k), k, proof.certificate(mixed(0), using=[zero_sum]),
        lambda now: proof.certificate(mixed(k + 1), [(1, now), (1, own), (-1, aside)], using=[more]),
    )  # fmt: skip
    spread, cross = (proof.instantiate(f, {k: d}) for f in (spread, cross))
    _, high, _, _ = proof.assume(inside, t)
    wide = proof.certificate(zero(sq(D(t)) - half), [(1, trace), (-Rational(1, 4), size)], [(1, off(D(t)))])
    noise = proof.mean(proof.certificate(zero(half - e + e * sq(D(t))), [(half, high), (e, wide)]))
    return proof.certificate(
        zero(Mean(e * sq(G(t) - B(t))) / 2 + 1 / (2 * d) - Mean(e * sq(G(t + 1) - B(t + 1)))),
        [(1, proof.mean(halves)), (1 / d, noise), (-1 / d**2, spread), (-2 / d, cross)],
        using=[proof.assume(following, t)],
    )


@stable.experiment(cases=[{"gap": 0.1}, {"gap": 0.6}], samples={"smoke": 16384}, block=512)
def deviation(xp, rng, case, size):
    """From diagonal matrices with a given gap; the mean field stays diagonal."""
    gap, eye = case.get("gap", 0.3), xp.eye(2)
    sign = xp.asarray([[1.0, 0.0], [0.0, -1.0]])
    G = xp.broadcast_to((eye + gap * sign) / 2, (size, 2, 2))
    inside, mean = xp.ones((size,)), gap + 0 * sign[0, 0]
    for _ in range(case.l + 1):
        inside = inside * xp.astype(2 * xp.sum((G - eye / 2) ** 2, axis=(1, 2)) <= 0.36 + 1e-12, xp.float64)
        values, vectors = xp.linalg.eigh(G)
        factor = vectors * xp.sqrt(xp.maximum(values, xp.asarray(0.0)))[:, None, :]
        G, mean = gram_step(xp, rng, factor, case.d), mean / (1 + xp.sqrt(1 - mean**2))
    return {"quantity": inside * xp.sum((G - (eye + mean * sign) / 2) ** 2, axis=(1, 2))}
