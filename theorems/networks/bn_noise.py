"""The noise of a batch-normalised layer of finite width (Daneshmand, Joudaki, Bach 2021, Lemmas 6 and 7).

The next Gram matrix is G' = (P_1 + ... + P_d)/d, with independent rank-one projectors P_k = a a^T, a = L z/|L z|,
G = L L^T, trace G = 1.  Their mean D has the eigenvectors of G and the eigenvalues p_i of
`bn-orthogonalizes.contraction-lemma`.  Then

    E |G' - D|^2                             =   (1 - sum_i p_i^2)/d      (sharpens Lemma 6)
    E (lambda_min(G') - lambda_min(D))^2    <=   (1 - 1/n)/d              (Lemma 7)

Reference: arXiv:2106.03970.
"""

from sympy import Function, Ge, Le, Sum, Symbol, sqrt

from gdverify import (
    Assumption,
    Claim,
    Inner,
    Integers,
    Mean,
    MeanBound,
    MeanEquals,
    Mutant,
    Observed,
    ScalarFunction,
    Vector,
    VectorSequence,
    sq,
)  # fmt: skip
from gdverify.language import gaussian_form
from gdverify.networks import gram_step, mean_spectrum
from theorems import PAPERS
from theorems.networks.bn_contraction import equal, lam, n, rate, share_lower_bound, weights_sum

d = Symbol("d", integer=True, positive=True)
q = Symbol("q", real=True)
P, T, D, unit = VectorSequence("P"), VectorSequence("T"), VectorSequence("D"), Vector("I")
lambda_min = ScalarFunction("lambda_min")
sigma = sqrt((1 - 1 / n) / d)


def gram(*at):
    """The Gram matrix after the layer `at`: the mean of d projectors."""
    return T(*at, d) / d


# Matrices are vectors of the space with <A, B> = tr(A^T B); T_k sums the first k projectors, `at` names the layer.
sums = Assumption(
    "partial sums of projectors",
    lambda k, *at: [equal(T(*at, 0), 0), equal(T(*at, k + 1), T(*at, k) + P(*at, k))],
)
projectors = Assumption("rank-one projectors", lambda k, *at: equal(sq(P(*at, k)), 1))
independent = Assumption(
    "given the layer before, a projector has mean D and is independent of the earlier ones",
    lambda k, *at: [
        equal(Mean(Inner(P(*at, k), T(*at, k))), Mean(Inner(D(*at), T(*at, k)))),
        equal(Mean(Inner(P(*at, k), D(*at))), Mean(sq(D(*at)))),
    ],
    where=lambda k, *at: [k],  # T_{-1} = -P_{-1} would not be independent of P_{-1}
)
traces = Assumption("D has trace one", lambda *at: [equal(Inner(D(*at), unit), 1), equal(sq(unit), n)])
layer = [sums, projectors, independent]

# axis(A) = v v^T for a unit vector v where the form v^T A v = <A, v v^T> of a symmetric matrix A is least
axis, coordinate = VectorSequence("axis"), Function("c")
least_form = Assumption(
    "lambda_min is the least value of a form on unit vectors",
    lambda a, b: [
        equal(lambda_min(a), Inner(a, axis(a))),
        Ge(Inner(a, axis(b)), lambda_min(a), evaluate=False),
        equal(sq(axis(b)), 1),
    ],
)
k = Symbol("k", integer=True, positive=True)
mean_layer = Assumption(
    "D is the mean of a a^T over z, and c_1, ..., c_n are the coordinates of its axis in the eigenbasis of G",
    lambda *at: [
        equal(Inner(D(*at), axis(D(*at))), gaussian_form(lambda j: lam(*at, j), lambda j: coordinate(*at, j), n)),
        equal(Sum(coordinate(*at, k) ** 2, (k, 1, n)), 1),
    ],
)


def mean_bound(proof, eigenvalue, nonnegative, cap, *at):
    """Fact: lambda_min(D) >= l (1 + rate (1/n - l)).

    ``eigenvalue``: an index to the fact lambda_j >= l; ``nonnegative``, ``cap``: l >= 0, 1/n >= l.
    """
    spectrum = weights_sum(proof, *at)
    j, each, total = spectrum
    above = eigenvalue(j)
    c, low = coordinate(*at, j), above.right
    share = share_lower_bound(proof, j, spectrum, (above, nonnegative, cap), *at)
    form = proof.form_by_shares(c, n, j, each, total)
    part = proof.certificate(Ge(c**2 * share.left, c**2 * low * (1 + rate * (1 / n - low))), [(c**2, share)])
    every = proof.sum_of(part, j, 1, n)
    value, unit_length = proof.assume(mean_layer, *at)
    attained, _, _ = proof.assume(least_form, D(*at), D(*at))
    return proof.certificate(
        Ge(lambda_min(D(*at)), low * (1 + rate * (1 / n - low))),
        [(1, every), (1, form), (1, value), (1, attained), (low * (1 + rate * (1 / n - low)), unit_length)],
    )


def noise_energy(proof, *at):
    """Fact: E |G' - D|^2 == (1 - E |D|^2)/d."""
    b = proof.index("b")
    zero, more = proof.assume(sums, b, *at)
    past, own = proof.assume(independent, b, *at)
    one = proof.assume(projectors, b, *at)
    energy = lambda c: Mean(sq(T(*at, c) - c * D(*at)))
    total = proof.induction(
        equal(energy(b), b * (1 - Mean(sq(D(*at))))),
        b,
        proof.certificate(equal(energy(0), 0), using=[zero]),
        lambda now: proof.certificate(
            equal(energy(b + 1), (b + 1) * (1 - Mean(sq(D(*at))))),
            [(1, now), (2, past), (-2 * (b + 1), own)],
            using=[more, one],
        ),
    )
    return proof.certificate(
        equal(Mean(sq(gram(*at) - D(*at))), (1 - Mean(sq(D(*at)))) / d), [(1 / d**2, proof.instantiate(total, {b: d}))]
    )


def noise_bound(proof, *at):
    """Facts: lambda_min(D) - lambda_min(G') <= (|G' - D|^2/sigma + sigma)/2, and E |G' - D|^2 <= sigma^2."""
    trace, size = proof.assume(traces, *at)
    spread = proof.certificate(Ge(sq(D(*at)), 1 / n), [(2 / n, trace), (-1 / n**2, size)], [(1, D(*at) - unit / n)])
    energy = proof.certificate(
        Le(Mean(sq(gram(*at) - D(*at))), (1 - 1 / n) / d), [(-1, noise_energy(proof, *at)), (1 / d, proof.mean(spread))]
    )
    attained, _, one = proof.assume(least_form, gram(*at), gram(*at))
    _, above, _ = proof.assume(least_form, D(*at), gram(*at))
    fall = proof.certificate(
        Le(lambda_min(D(*at)) - lambda_min(gram(*at)), (sq(gram(*at) - D(*at)) / sigma + sigma) / 2),
        [(1, above), (1, attained), (-sigma / 2, one)],
        [(1 / (2 * sigma), gram(*at) - D(*at) + sigma * axis(gram(*at)))],
    )
    return fall, energy


regime = {n: Integers(2, sample=(2, 8)), d: Integers(1, sample=(2, 256))}
known = Assumption("q is the squared size of D", lambda: equal(sq(D()), q))

noise = Claim(
    id="bn-orthogonalizes.one-step-noise",
    title="A layer of batch normalisation moves the Gram matrix off its mean by exactly (1 - sum p_i^2)/d",
    paper=PAPERS["bn-orthogonalizes"],
    locator="Lemma 6, as an identity",
    statement=r"\mathbb E\|G'-D\|_F^2=\frac{1-\sum_ip_i^2}{d},\quad D=\mathbb E[G'\mid G]=\mathrm{diag}(p_1,\dots,p_n)"
    r"\text{ in the eigenbasis of } G",
    symbols={**regime, q: Observed(0, 1)},
    assumptions=[*layer, known],
    decides=MeanEquals(quantity=sq(gram() - D()), bound=(1 - q) / d),
    mutants=[
        Mutant("(1 - 1/n)/d whatever the spectrum", decides={"bound": (1 - 1 / n) / d}),
        Mutant("1/d", decides={"bound": 1 / d}),
        Mutant("projectors need not be independent", drop=(independent.name,), by=("derivation",)),
    ],
    notes="q = |D|^2 is sum p_i^2: off-diagonal means vanish since z_i and -z_i have the same law.",
)


@noise.derivation
def independent_projectors(proof):
    total = noise_energy(proof)
    bound = equal(Mean(sq(gram() - D())), (1 - q) / d)
    proof.conclude(proof.certificate(bound, [(1, total)], using=[proof.assume(known)]))


def one_layer(xp, rng, case, size, family):
    """Spectrum of G (one for the case), of D, and G' in the eigenbasis of G (one per row)."""
    values = xp.ones((1, case.n))
    last = xp.astype(xp.arange(case.n) == case.n - 1, xp.float64)
    if family == "random":
        values = values + 10 * rng.shared.exponential((1, case.n))
    if family == "two to three":
        values = values + 0.5 * last
    if family == "skewed":
        values = values + 99 * last
    values = values / xp.sum(values)
    means, _ = mean_spectrum(xp, values)
    factor = xp.broadcast_to(xp.eye(case.n) * xp.sqrt(values), (size, case.n, case.n))
    return values[0, :], means[0, :], gram_step(xp, rng, factor, case.d)


FAMILIES = [{"family": "isotropic"}, {"family": "random"}, {"family": "skewed"}]


@noise.experiment(cases=FAMILIES)
def squared_distance(xp, rng, case, size):
    _, means, gram = one_layer(xp, rng, case, size, case.family)
    off = gram - xp.eye(case.n) * means
    return {"quantity": xp.sum(off * off, axis=(-2, -1)), "q": xp.sum(means**2)}


eigenvalue = Claim(
    id="bn-orthogonalizes.one-step-eigenvalue",
    title="A layer of batch normalisation moves the smallest eigenvalue by O(1/sqrt(d))",
    paper=PAPERS["bn-orthogonalizes"],
    locator="Lemma 7; constant derived here",
    statement=r"\mathbb E\bigl(\lambda_{\min}(G')-\lambda_{\min}(D)\bigr)^2\le\frac{1-1/n}{d}",
    symbols=regime,
    assumptions=[*layer, traces, least_form],
    decides=MeanBound(quantity=(lambda_min(gram()) - lambda_min(D())) ** 2, bound=(1 - 1 / n) / d),
    mutants=[
        Mutant(
            "a third of the constant",
            decides={"bound": (1 - 1 / n) / (3 * d)},
            cases=({"family": "isotropic", "n": 2},),
        ),
        Mutant("noise of order 1/d", decides={"bound": (1 - 1 / n) / d**2}),
        Mutant("projectors need not be independent", drop=(independent.name,), by=("derivation",)),
    ],
)


@eigenvalue.derivation
def weyl(proof):
    """lambda_min moves less than the matrix (Weyl): both forms are compared on both axes."""
    _, energy = noise_bound(proof)
    move, gap = gram() - D(), lambda_min(D()) - lambda_min(gram())
    size = sqrt(sq(move))
    sides = []
    for a, b, sign in ((D(), gram(), -1), (gram(), D(), 1)):
        attained, _, one = proof.assume(least_form, b, b)
        _, above, _ = proof.assume(least_form, a, b)
        along = Inner(move, axis(b))
        shadow = proof.certificate(Ge(sq(move), along**2), [(-(along**2), one)], [(1, move - along * axis(b))])
        longer = proof.root(shadow, sign * along)
        sides.append(proof.certificate(Ge(size + sign * gap, 0), [(1, longer), (1, above), (1, attained)]))
    weyl = proof.certificate(Le(gap**2, sq(move)), [(1, proof.product(*sides))])
    proof.conclude(
        proof.certificate(
            Le(Mean((lambda_min(gram()) - lambda_min(D())) ** 2), (1 - 1 / n) / d), [(1, energy), (1, proof.mean(weyl))]
        )
    )


@eigenvalue.experiment(cases=FAMILIES)
def smallest_eigenvalue(xp, rng, case, size):
    _, means, gram = one_layer(xp, rng, case, size, case.family)
    return {"quantity": (xp.linalg.eigvalsh(gram)[:, 0] - xp.min(means)) ** 2}
