"""Gradients of a batch-normalised network with orthogonal weights do not explode, at any depth (Meterez et al. 2023).

The chain of `theorems.networks.isometry_chain`.  The Jacobian of a layer X -> BN(W X) has the operator norm
max_i a_i^(-1/2), a_i the squared row norms of W X, and that of many layers is at most the product J_L.  Then

    E log J_L  <=  d phi_0/2 + sqrt(d phi_0/2)/(1 - exp(-1/(2k)))        for every depth L,

with k of the exponential decay of the isometry gap phi.

One layer: -log a_i <= D + sqrt(2 D), D = d (phi(t) - phi(t+1)), for every row.  The sum of the D is at most d phi_0,
and E sqrt(2 D) <= sqrt(2 d phi_0) exp(-t/(2k)).

Reference: arXiv:2310.02012, Theorem 2, a bound polynomial in d.  The constants are derived here.
"""

from sympy import Function, Ge, Gt, Integer, Le, Rational, Sum, exp, log, sqrt

from gdverify import Assumption, Claim, Integers, Mean, MeanBound, Mutant, Nonnegative, Observed, Reals
from gdverify.laws import equation, integers
from theorems import PAPERS
from theorems.networks.bn_contraction import equal
from theorems.networks.isometry_chain import (
    chain,
    d,
    depth,
    gap_is_small,
    i,
    kappa,
    l,
    layer_gain,
    mean_decay,
    normalised,
    orthogonal,
    phi,
    phi0,
    propagate,
    r,
    rows,
    sphere_moments,
    zero,
)

J, least = Function("J"), Function("m")
expansion = Assumption(
    "exp(J) is multiplied by a^(-1/2), a = exp(r_m) the smallest squared row norm",
    lambda t: [
        equal(J(t + 1), J(t) - r(least(t), t) / 2),
        Ge(least(t), 1, evaluate=False),
        Ge(d, least(t), evaluate=False),
    ],
    key=("expansion",),
    where=lambda t: [t],
)
one = equation("J begins with 1", J(0), 0)
bound = d * phi0 / 2 + sqrt(d * phi0 / 2) / (1 - exp(-1 / (2 * kappa)))

bounded = Claim(
    id="bn-without-gradient-explosion.bounded-gradients",
    title="With orthogonal weights and batch normalisation gradients do not explode, at any depth",
    paper=PAPERS["bn-without-gradient-explosion"],
    locator="Theorem 2, with explicit constants derived here",
    statement=r"\mathbb E\log\prod_{t<L}\|DX_{t+1}/DX_t\| \le \frac{d\phi_0}2+\frac{\sqrt{d\phi_0/2}}{1-e^{-1/(2k)}},"
    r"\qquad k=8d(d+2)(1+d\phi_0)",
    symbols={d: Integers(2, sample=(2, 6)), l: Integers(0, sample=(1, 12)), phi0: Observed(0, open="left")},
    defines=depth,
    assumptions=[*chain, integers(least), expansion, one],
    decides=MeanBound(quantity=J(l), bound=bound, nonnegative=False),
    mutants=[
        Mutant("without the root", decides={"bound": d * phi0 / 2}, cases=({"d": 4, "l": 12, "spread": 1},)),
        Mutant(
            "half the root alone",
            decides={"bound": d * phi0 / 2 + sqrt(d * phi0) / 2},
            cases=({"d": 4, "l": 12, "spread": 1},),
        ),
        Mutant("rows with other fourth moments", drop=(rows.name,), add=(sphere_moments(0),), by=("derivation",)),
        Mutant("weights that are not orthogonal", drop=(orthogonal.name,), by=("derivation",)),
    ],
    notes="Very loose: measured means are of order d phi_0/2 + 1, and k is loose by a factor of order d near isometry.",
)


@bounded.derivation
def paid_by_the_gap(proof):
    t = proof.index("t")
    size = normalised(proof, t)
    gain, whole = layer_gain(proof, t, size)
    positive, _, spread = gap_is_small(proof, t, size, gain, whole)
    every = mean_decay(proof, t, size, gain, whole, positive, spread)
    move, lowest, _ = proof.assume(expansion, t)
    k, y, v = proof.index("q", 1), proof.scalar("u", Reals()), proof.scalar("v", Nonnegative())
    m = least(t)
    proof.certificate(zero(m), [(1, lowest)], [(1, 1)])
    line = proof.tangent(exp(y), y, 0)
    g = lambda at: exp(at) - 1 - at
    each = proof.certificate(zero(g(r(k, t))), [(1, proof.instantiate(line, {y: r(k, t)}))])
    fall = d * (phi(t) - phi(t + 1))
    terms = lambda *ends: Sum(g(r(i, t)), (i, *ends))
    own = proof.certificate(
        zero(fall - g(r(m, t))),
        [
            (1, proof.sum_of(each, k, 1, m - 1)),
            (1, proof.sum_of(each, k, m + 1, d)),
            (1, proof.split_sum(terms(1, d), m)),
            (1, proof.split_sum(terms(1, m))),
            (1, gain),
            (-1, whole),
        ],
    )
    half = Rational(1, 2)
    q, c = exp(-1 / (2 * kappa)), sqrt(2 * d * phi0) * exp(-t / (2 * kappa))
    proof.low(phi0)
    # -log a <= (1 + 1/c) D + c/2 for every c > 0: the tangent of exp where exp is 1/(1 + c), and log(1 + c)
    root = proof.instantiate(proof.monotone(log(1 + v) - v + v**2 / 2, v), {v: c})
    touch = proof.instantiate(line, {y: r(m, t) + log(1 + c)})
    paid = proof.certificate(
        zero((1 + 1 / c) * fall + c / 2 + r(m, t)), [(1 + 1 / c, own), (1 / c, touch), (1 / c, root)]
    )
    average, level = proof.mean(paid), proof.mean(positive)
    following = proof.instantiate(level, {t: t + 1})
    small = proof.certificate(zero(c / 2 - d * Mean(phi(t) - phi(t + 1)) / c), [(d / c, every), (d / c, following)])
    grow = proof.instantiate(line, {y: 1 / (2 * kappa)})
    left = proof.certificate(Gt(1 - q, 0), [(q, grow), (q / (2 * kappa), proof.sign(Integer(1)))]).left
    first = sqrt(2 * d * phi0)
    top = lambda j: (d * phi0 - d * Mean(phi(j)) + first * (1 - exp(-j / (2 * kappa))) / left) / 2
    begin, zeroth = proof.mean(proof.assume(one)), proof.mean(proof.assume(chain[-1]))
    mean_move = proof.mean(move)
    total = proof.induction(
        zero(top(t) - Mean(J(t))), t,
        proof.certificate(zero(top(0) - Mean(J(0))), [(-1, begin), (-d / 2, zeroth)]),
        lambda now: proof.certificate(
            zero(top(t + 1) - Mean(J(t + 1))), [(1, now), (half, average), (half, small), (-1, mean_move)]
        ),
    )  # fmt: skip
    end, rest = proof.instantiate(total, {t: l}), proof.instantiate(level, {t: l})
    proof.conclude(
        proof.certificate(
            Le(Mean(J(l)), bound), [(1, end), (d / 2, rest)], [(first * exp(-l / (2 * kappa)) / (2 * left), 1)]
        )
    )


@bounded.experiment(cases=[{"spread": 1}, {"spread": 4}], samples={"smoke": 4096})
def product_of_norms(xp, rng, case, size):
    gaps, norms = propagate(xp, rng, case, size)
    total = 0 * gaps[0]
    for squares in norms:
        total = total - xp.log(xp.min(squares, axis=-1)) / 2
    return {"quantity": total, "phi_0": gaps[0][0]}
