"""How orthogonal deep batch-normalised representations really are: the floor of the orthogonality gap.

G' is the Gram matrix after a layer of width d, D its mean given G, V = |G - I/n| (Frobenius), trace G = 1.

    E V(G')^2  =  (1 - 1/d) |D - I/n|^2 + (1 - 1/n)/d           given G, exactly
    lim_{d -> oo} lim_{l -> oo} d E V(H_l)^2  =  (n-1)(n+2)^2/(4 n (n+1))

The first gives E V^2 >= (1 - 1/n)/d at every layer: the order 1/sqrt(d) in Theorem 1 of Daneshmand, Joudaki and Bach
(2021) cannot be improved.  For the second, D - I/n is (n/(n+2)) (G - I/n) to first order, so the stationary level
solves x = (n/(n+2))^2 x + (1 - 1/n)/d.

Reference: arXiv:2106.03970 (the theorem whose looseness this measures); the statements are derived here.
"""

from sympy import Function, Rational, Symbol

from gdverify import Assumption, Claim, Inner, Integers, LimitLaw, Mean, MeanEquals, Mutant, Observed, Rate, sq
from gdverify.laws import equation
from gdverify.networks import gap, gram_chain
from theorems import PAPERS
from theorems.networks.bn_contraction import equal, n
from theorems.networks.bn_noise import (
    FAMILIES,
    D,
    P,
    T,
    d,
    gram,
    independent,
    layer,
    one_layer,
    regime,
    sums,
    traces,
    unit,
)

m = Symbol("m", real=True)
trace = Assumption("projectors have trace one", lambda k: equal(Inner(P(k), unit), 1))
off = equation("m is the squared distance of D from I/n", sq(D() - unit / n), m)

energy_balance = Claim(
    id="bn-orthogonalizes.energy-balance",
    title="The exact energy balance of a batch-normalised layer, hence a floor of order 1/sqrt(width)",
    paper=PAPERS["bn-orthogonalizes"],
    locator="complement to Theorem 1, derived here",
    statement=r"\mathbb E\bigl[V(G')^2\mid G\bigr]=\Bigl(1-\frac1d\Bigr)\|D-I/n\|^2+\frac{1-1/n}{d}\ge\frac{1-1/n}{d}",
    symbols={**regime, m: Observed(0, 1)},
    assumptions=[*layer, traces, trace, off],
    decides=MeanEquals(quantity=sq(gram() - unit / n), bound=(1 - 1 / d) * m + (1 - 1 / n) / d),
    mutants=[
        Mutant("the noise of a layer alone", decides={"bound": (1 - 1 / n) / d}),
        Mutant("noise 1/d", decides={"bound": (1 - 1 / d) * m + 1 / d}),
        Mutant("projectors need not be independent", drop=(independent.name,), by=("derivation",)),
    ],
)


@energy_balance.derivation
def second_moment(proof):
    b = proof.index("b")
    zero, more = proof.assume(sums, b)
    past, own = proof.assume(independent, b)
    sizes, one = [proof.assume(trace, b), *proof.assume(traces)], proof.assume(layer[1], b)
    s = Mean(sq(D()))
    each = lambda claim, now, using: proof.induction(
        claim(b),
        b,
        proof.certificate(claim(0), using=[zero]),
        lambda old: proof.certificate(claim(b + 1), now(old), using=using),
    )
    along = each(lambda c: equal(Mean(Inner(T(c), D())), c * s), lambda old: [(1, old), (1, own)], [more])
    size = each(
        lambda c: equal(Mean(sq(T(c))), c + c * (c - 1) * s),
        lambda old: [(1, old), (2, past), (2, along)],
        [more, one],
    )
    total = each(lambda c: equal(Inner(T(c), unit), c), lambda old: [(1, old)], [more, sizes[0]])
    size, total = (proof.instantiate(f, {b: d}) for f in (size, total))
    spread = proof.mean(
        proof.certificate(equal(sq(D()), m + 1 / n), [(1, proof.assume(off)), (2 / n, sizes[1]), (-1 / n**2, sizes[2])])
    )
    proof.conclude(
        proof.certificate(
            equal(Mean(sq(gram() - unit / n)), (1 - 1 / d) * m + (1 - 1 / n) / d),
            [
                (1 / d**2, size),
                (-2 / (n * d), proof.mean(total)),
                (1 / n**2, proof.mean(sizes[2])),
                (1 - 1 / d, spread),
            ],
        )
    )


@energy_balance.experiment(cases=FAMILIES)
def squared_gap(xp, rng, case, size):
    _, means, next_gram = one_layer(xp, rng, case, size, case.family)
    away = next_gram - xp.eye(case.n) / case.n
    return {"quantity": xp.sum(away * away, axis=(-2, -1)), "m": xp.sum((means - 1 / case.n) ** 2)}


REASON = (
    "The limit l -> oo needs the existence and the moments of a stationary law, which is not proved here: a layer of "
    "finite width can come arbitrarily near the singular matrices. Proved are its two ingredients: the energy balance "
    "(`bn-orthogonalizes.energy-balance`) and the slope at I/n (`bn-orthogonalizes.contraction-lemma`, sharp there)."
)
V = Function("V")(d)
level = (n - 1) * (n + 2) ** 2 / (4 * n * (n + 1))

sharp_floor = Claim(
    id="bn-orthogonalizes.sharp-floor",
    title="The stationary orthogonality gap of deep batch-normalised networks, with its constant",
    paper=PAPERS["bn-orthogonalizes"],
    locator="complement to Theorem 1, derived here",
    statement=r"\lim_{d\to\infty}\lim_{l\to\infty}d\,\mathbb E\,V(H_l)^2=\frac{(n-1)(n+2)^2}{4n(n+1)}",
    symbols={n: Integers(2, sample=(2, 4))},
    decides=LimitLaw(quantity=Mean(d * V**2), variable=d, limit=level, rate=1, tol=0.05),
    no_derivation=REASON,
    mutants=[
        Mutant("the slope n/(n+2) not squared", decides={"limit": (n - 1) * (n + 2) / (2 * n)}),
        Mutant("the noise of one layer, nothing inherited", decides={"limit": 1 - 1 / n}),
        Mutant("n/4 for the constant, right for large n only", decides={"limit": n / 4}),
    ],
    notes="sqrt(E V^2) is about sqrt(n/d)/2, while Theorem 1 gives at least 3 n^2/sqrt(d): loose by 6 n^(3/2) or more. "
    "In the experiment l is large enough that (n/(n+2))^(2l) < 1/3000.",
)

floor_exponent = Claim(
    id="bn-orthogonalizes.sharp-floor-exponent",
    title="The stationary squared gap falls like 1/width",
    paper=PAPERS["bn-orthogonalizes"],
    locator="complement to Theorem 1, derived here",
    statement=r"\lim_{l\to\infty}\mathbb E\,V(H_l)^2\asymp d^{-1},\quad\text{that is } V\sim d^{-1/2}",
    symbols={n: Integers(2, sample=(2, 4))},
    decides=Rate(quantity=V**2, variable=d, exponent=-1, tol=0.1),
    no_derivation=REASON,
    mutants=[
        Mutant("V falls like 1/width", decides={"exponent": -2}),
        Mutant("V falls like width^(-2/5)", decides={"exponent": Rational(-4, 5)}),
    ],
    notes="The abstract's 'inversely proportional to the network width' is loose wording; Theorem 1 has 1/sqrt(d).",
)


def stationary_gaps(xp, rng, case, size, widths):
    """Mean of V^2 over 16 layers after burn-in, from orthogonal inputs; shape (size, len(widths))."""
    burn, columns = 3 * case.n, []
    for width in widths:
        start = xp.broadcast_to(xp.eye(case.n) / xp.sqrt(xp.asarray(1.0 * case.n)), (size, case.n, case.n))
        late = gram_chain(xp, rng, start, width, burn + 16)[burn:]
        columns.append(sum(gap(xp, values) ** 2 for values in late) / len(late))
    return xp.stack(columns, axis=-1)


@sharp_floor.experiment(block=32, samples={"smoke": 6144})
def scaled_gaps(xp, rng, case, size):
    widths = [k * case.n for k in (2, 4, 8, 32)]
    scale = xp.asarray(widths, dtype=xp.float64)
    return {"n": scale, "quantity": scale * stationary_gaps(xp, rng, case, size, widths)}


@floor_exponent.experiment(block=32, samples={"smoke": 4096})
def gaps(xp, rng, case, size):
    widths = [32, 64, 128, 256]
    return {"n": xp.asarray(widths, dtype=xp.float64), "quantity": stationary_gaps(xp, rng, case, size, widths)}
