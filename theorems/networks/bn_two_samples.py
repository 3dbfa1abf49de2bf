"""Batch normalisation of two samples in closed form (Joudaki, Daneshmand, Bach 2022).

The linear chain of `bn_chain` with n = 2 samples: a Gram matrix of trace 1 has eigenvalues (1 + s)/2 and (1 - s)/2.  At
infinite width a layer keeps the eigenvectors and takes s to

    m(s) = (sqrt(1 + s) - sqrt(1 - s))/(sqrt(1 + s) + sqrt(1 - s)) = (1 - sqrt(1 - s^2))/s,

so that artanh s is halved in every layer and the ratio of the eigenvalues becomes its root.  At width d, exactly,

    E s_{l+1}^2  =  (1 - 1/d) m(s_l)^2 + 1/d          given s_l:

finite width adds (1 - m^2)/d in every layer, and the next layers shrink it.

Reference: arXiv:2205.13076; the statements are derived here.
"""

from sympy import Ge, Gt, Integer, Rational, Sum, Symbol, oo, sqrt

from gdverify import (
    Assumption,
    Claim,
    Identity,
    Inner,
    Integers,
    Mean,
    MeanEquals,
    Mutant,
    Nonnegative,
    Observed,
    Vector,
    sq,
)
from gdverify.language import gaussian_share
from gdverify.networks import gram_step, mean_spectrum
from theorems import PAPERS
from theorems.networks.bn_contraction import det, determinants, equal, lam
from theorems.networks.bn_noise import D, P, T, d, gram, independent, projectors, sums

s, m = Symbol("s", real=True), Symbol("m", real=True)
k = Symbol("k", integer=True)
unit = Vector("I")
high, low = sqrt(1 + s), sqrt(1 - s)
resultant = (high - low) / (high + low)
eigenvalues = Assumption(
    "the eigenvalues of G are (1 + s)/2 and (1 - s)/2",
    lambda: [equal(2 * lam(1), 1 + s), equal(2 * lam(2), 1 - s)],
)
positive = Assumption("eigenvalues are positive", lambda a: Gt(lam(a), 0, evaluate=False))
trace = Assumption("trace one", lambda: equal(Sum(lam(k), (k, 1, 2)), 1))

mean_field = Claim(
    id="bn-meanfield-finite.n2-closed-form",
    title="At infinite width batch normalisation of two samples halves artanh of their eigenvalue gap",
    paper=PAPERS["bn-meanfield-finite"],
    locator="the mean-field map for two samples; closed form derived here",
    statement=r"2p_1-1=\frac{\sqrt{1+s}-\sqrt{1-s}}{\sqrt{1+s}+\sqrt{1-s}}"
    r"=\tanh\bigl(\tfrac12\operatorname{artanh}s\bigr)",
    symbols={s: Observed(0, 1, open="right")},
    assumptions=[positive, trace, eigenvalues, determinants],
    decides=Identity(2 * gaussian_share(lam, 1, 2) - 1, resultant, rtol=1e-6),
    mutants=[
        Mutant("half of s", decides={"bound": s / 2}),
        Mutant("the eigenvalues themselves", decides={"bound": s}),
        Mutant("a third power of the roots", decides={"bound": (high**3 - low**3) / (high**3 + low**3)}),
        Mutant("a determinant of unknown growth", drop=(determinants.name,), by=("derivation",)),
    ],
    notes="Hence artanh(s_l) = 2^(-l) artanh(s_0) over l layers of infinite width.",
)


@mean_field.derivation
def elementary_integral(proof):
    j, b, t = proof.index("r", 1, 2), proof.index("a"), proof.scalar("theta", Nonnegative())
    one, x, y = proof.sign(Integer(1)), lam(1), lam(2)
    each, _, _ = proof.assume(positive, j), proof.assume(positive, 1), proof.assume(positive, 2)
    total = proof.assume(trace)
    start, step = proof.assume(determinants, b, t)
    share = proof.share_integral(
        1, 2, j, proof.certificate(Ge(lam(j), 0), [(1, each)]),
        proof.certificate(Gt(total.left, 0), [(1, total), (1, one)]), start, step, b, t,
    )  # fmt: skip
    A, B = 1 + 2 * t * x, 1 + 2 * t * y
    first, second = (proof.instantiate(step, {b: number}) for number in (0, 1))
    full = proof.certificate(equal(det(2, t), A * B), [(1, second), (B, first), (A * B, start)])
    proof.certificate(Gt(det(2, t), 0), [(1, full), (1, proof.sign(A * B))])
    root = proof.power(full, Rational(1, 2))
    body = x * A ** Rational(-3, 2) * B ** Rational(-1, 2)
    same = proof.certificate(equal(x / A / sqrt(det(2, t)), body), [(-body / sqrt(det(2, t)), root)])
    value = proof.integral(body, t, 0, oo, 2 * t * x / (sqrt(A) * (sqrt(A) + sqrt(B))))
    area = proof.integral_bound(same, t, 0, oo, exist=[share, value])
    proof.high(s), proof.low(s)
    proof.certificate(Gt(1 - s, 0), [(1, proof.high(s))])
    roots = [proof.power(fact, Rational(1, 2)) for fact in proof.assume(eigenvalues)]
    all_roots = (roots[0].left + roots[1].left) * (high + low)
    turned = [(2 * low / all_roots, roots[0]), (-2 * high / all_roots, roots[1])]
    proof.conclude(
        proof.certificate(equal(2 * share.left - 1, resultant), [(2, share), (2, area), (2, value), *turned])
    )


@mean_field.experiment(samples={"smoke": 512}, block=128)
def shares(xp, rng, case, size):
    gap = 1 - 10 ** rng.uniform((size,), -3, 0)
    values = xp.stack([(1 + gap) / 2, (1 - gap) / 2], axis=-1)
    means, _ = mean_spectrum(xp, values)
    return {"quantity": 2 * means[:, 0] - 1, "scale": 1 + 0 * gap, "s": gap}


traces = Assumption(
    "projectors and their mean have trace one",
    lambda j: [equal(Inner(P(j), unit), 1), equal(Inner(D(), unit), 1), equal(sq(unit), 2)],
)
known = Assumption("m is the distance of the mean projector D from I/2", lambda: equal(sq(D() - unit / 2), m**2 / 2))

finite_width = Claim(
    id="bn-meanfield-finite.n2-finite-width",
    title="At width d a layer with batch normalisation adds (1 - m^2)/d to the squared eigenvalue gap of two samples",
    paper=PAPERS["bn-meanfield-finite"],
    locator="finite-width deviation from the mean field for two samples; derived here",
    statement=r"\mathbb E\,s_{l+1}^2=\Bigl(1-\frac1d\Bigr)m(s_l)^2+\frac1d",
    symbols={d: Integers(1, sample=(1, 64)), m: Observed(0, 1)},
    assumptions=[sums, projectors, independent, traces, known],
    decides=MeanEquals(
        quantity=2 * sq(gram() - unit / 2), bound=(1 - 1 / d) * m**2 + 1 / d, tol=0.02, absolute=True, support=(0, 1)
    ),
    mutants=[
        Mutant("1/d for the rest", decides={"bound": m**2 + 1 / d}, cases=({"d": 2},)),
        Mutant("the mean field alone", decides={"bound": m**2}, cases=({"d": 4},)),
        Mutant("twice the noise", decides={"bound": (1 - 2 / d) * m**2 + 2 / d}, cases=({"d": 4},)),
        Mutant("neurons that depend on each other", drop=(independent.name,), by=("derivation",)),
    ],
    notes="With `bn-meanfield-finite.n2-closed-form` for m. The orthogonality gap is V = s/sqrt(2). At s = 0 a layer "
    "halves s, so the stationary value of d E s^2 is near 4/3: the mean field's error does not grow with the depth.",
)


@finite_width.derivation
def walk(proof):
    b = proof.index("b")
    zero, more = proof.assume(sums, b)
    past, own = proof.assume(independent, b)
    length, (one, mean_one, size) = proof.assume(projectors, b), proof.assume(traces, b)
    distance = proof.assume(known)
    each = lambda left, right: lambda c: equal(left(c), right(c))
    trace_of = each(lambda c: Inner(T(c), unit), lambda c: c)
    along = each(lambda c: Mean(Inner(D(), T(c))), lambda c: c * Mean(sq(D())))
    excess = Mean(sq(D())) - Rational(1, 2)
    energy = each(lambda c: Mean(sq(T(c) - c * unit / 2)), lambda c: c / 2 + c * (c - 1) * excess)
    traced = proof.induction(
        trace_of(b),
        b,
        proof.certificate(trace_of(0), using=[zero]),
        lambda now: proof.certificate(trace_of(b + 1), [(1, now), (1, one)], using=[more]),
    )
    straight = proof.induction(
        along(b),
        b,
        proof.certificate(along(0), using=[zero]),
        lambda now: proof.certificate(along(b + 1), [(1, now), (1, own)], using=[more]),
    )
    mean_trace = proof.mean(traced)
    total = proof.induction(
        energy(b),
        b,
        proof.certificate(energy(0), using=[zero]),
        lambda now: proof.certificate(
            energy(b + 1), [(1, now), (2, past), (2, straight), (-1, mean_trace)], using=[more, one, length, size]
        ),
    )
    end = proof.instantiate(total, {b: d})
    level = proof.mean(distance)
    proof.conclude(
        proof.certificate(
            equal(Mean(2 * sq(gram() - unit / 2)), (1 - 1 / d) * m**2 + 1 / d),
            [(2 / d**2, end), (2 * (d - 1) / d, level)],
            using=[size, mean_one],
        )
    )


@finite_width.experiment(cases=[{"d": 1}, {"d": 2}, {"d": 16}], samples={"smoke": 4096}, block=256)
def one_layer(xp, rng, case, size):
    """The mean over 8 layers from one Gram matrix with a random gap."""
    gap = 1 - 10 ** rng.shared.uniform((1,), -3, 0)
    values = xp.stack([(1 + gap) / 2, (1 - gap) / 2], axis=-1)
    factor = xp.broadcast_to(xp.eye(2) * xp.sqrt(values)[:, None, :], (size, 2, 2))
    squares = [2 * xp.sum((gram_step(xp, rng, factor, case.d) - xp.eye(2) / 2) ** 2, axis=(1, 2)) for _ in range(8)]
    high, low = xp.sqrt(1 + gap), xp.sqrt(1 - gap)
    return {"quantity": sum(squares) / 8, "m": ((high - low) / (high + low))[0]}
