"""Batch normalisation pushes the smallest eigenvalue of the Gram matrix up (Daneshmand, Joudaki, Bach 2021, Lemma 8).

Let G be positive semidefinite with trace 1, eigenvalues lambda_1, ..., lambda_n and ell = min lambda.  At infinite
width a layer with batch normalisation keeps the eigenvectors and turns lambda_i into

    p_i = E[lambda_i z_i^2 / sum_j lambda_j z_j^2],    z standard normal,

and for every i      1/n - p_i  <=  (1 - (2n/(n+2)) ell) (1/n - ell).

The paper has 2/3 for 2n/(n+2).  Proof here: p_i = int_0^oo lambda_i/(1 + 2 t lambda_i) det(I + 2tG)^(-1/2) dt, the
determinant is largest at G = I/n, and 1/(1 + 2 t ell) lies above its tangent at ell = 1/n.

Reference: arXiv:2106.03970.
"""

from sympy import Eq, Function, Ge, Le, Rational, S, Symbol, exp, oo, sqrt, symbols

from gdverify import Assumption, Claim, Integers, Mutant, Nonnegative, Observed, Reals, SureBound
from gdverify.language import gaussian_share
from gdverify.laws import equation
from gdverify.networks import mean_spectrum
from theorems import PAPERS

n = Symbol("n", integer=True, positive=True)
ell, p = symbols("ell p", real=True)
i = Symbol("i", integer=True, positive=True)
lam, partial, det = (Function(name) for name in ("lambda", "s", "det"))
rate = 2 * n / (n + 2)


def equal(a, b):
    return Eq(a, b, evaluate=False)


# A spectrum of trace 1 with its partial sums s_k and det_k(theta) = prod_{j<=k} (1 + 2 theta lambda_j).  In a network
# every layer has its own: `at` is the layer, or nothing.
positive = Assumption("eigenvalues are non-negative", lambda a, *at: Ge(lam(*at, a), 0, evaluate=False))
partial_sums = Assumption(
    "partial sums of the spectrum",
    lambda a, *at: [equal(partial(*at, 0), 0), equal(partial(*at, a + 1), partial(*at, a) + lam(*at, a + 1))],
)
trace_one = Assumption("trace one", lambda *at: equal(partial(*at, n), 1))
determinants = Assumption(
    "determinant of I + 2 theta G",
    lambda a, t, *at: [
        equal(det(*at, 0, t), 1),
        equal(det(*at, a + 1, t), (1 + 2 * t * lam(*at, a + 1)) * det(*at, a, t)),
    ],
)
spectrum = [positive, partial_sums, trace_one, determinants]


def weights_sum(proof, *at):
    """Facts: every eigenvalue is >= 0, at a generic index; their sum is positive."""
    j, b = proof.index("r", 1, n), proof.index("u")
    each = proof.assume(positive, j, *at)
    start, more = proof.assume(partial_sums, b, *at)
    total = proof.telescoped(
        proof.certificate(equal(partial(*at, b + 1) - partial(*at, b), lam(*at, b + 1)), [(1, more)]),
        -partial(*at, b),
        b,
        0,
        n,
    )
    moved = proof.reindex(total.right, total.right.limits[0][0] - 1)
    one = proof.certificate(
        equal(moved.right, 1), [(-1, moved), (-1, total), (-1, start), (1, proof.assume(trace_one, *at))]
    )
    return j, each, proof.certificate((moved.right, ">", 0), [(1, one), (1, proof.sign(S.One))])


def share_lower_bound(proof, i, spectrum, low, *at):
    """Fact: the share of the eigenvalue lambda_i is >= low (1 + rate (1/n - low)).

    ``spectrum``: from `weights_sum`; ``low``: facts lambda_i >= l, l >= 0, 1/n >= l.
    """
    above, _, cap = low
    x, l = above.left, above.right
    proof.certificate(2 - n * l > 0, [(n, cap), (1, proof.sign(S.One))])
    proof.certificate(Ge(x, 0), [(1, above), (1, low[1])])
    t, y, a = proof.scalar("theta", Nonnegative()), proof.scalar("y", Reals()), proof.index("a")
    m = 1 + 2 * t / n
    weight = 2 * t / m
    # each factor of the determinant: 1 + 2 theta lambda = m (1 + y) <= m exp(y)
    convex = proof.tangent(exp(y), y, 0)
    factor = proof.instantiate(convex, {y: weight * (lam(*at, a + 1) - 1 / n)})
    empty, more = proof.assume(partial_sums, a, *at)
    begin, step = proof.assume(determinants, a, t, *at)
    proof.assume(positive, a + 1, *at)
    grow = proof.sign(1 + 2 * t * lam(*at, a + 1))
    proof.induction(
        det(*at, a, t) > 0,
        a,
        proof.certificate(det(*at, 0, t) > 0, [(1, proof.sign(S.One))], using=[begin]),
        lambda now: proof.certificate(det(*at, a + 1, t) > 0, [(1, proof.product(now, grow))], using=[step]),
    )
    ceiling = lambda b: m**b * exp(weight * (partial(*at, b) - b / n))
    bounded = proof.induction(
        Le(det(*at, a, t), ceiling(a)),
        a,
        proof.certificate(Le(det(*at, 0, t), ceiling(0)), using=[begin, empty]),
        lambda now: proof.certificate(
            Le(det(*at, a + 1, t), ceiling(a + 1)),
            [(m * det(*at, a, t), factor), (m * exp(weight * (lam(*at, a + 1) - 1 / n)), now)],
            using=[step, more],
        ),
    )
    full = proof.rewrite(proof.instantiate(bounded, {a: n}), proof.assume(trace_one, *at))
    d = det(*at, n, t)
    proof.instantiate(proof.certificate(det(*at, a, t) > 0, [(1, proof.sign(det(*at, a, t)))]), {a: n})
    roots = proof.power(full, Rational(1, 2))
    lowest = proof.certificate(Ge(1 / sqrt(d), m ** (-n / 2)), [(m ** (-n / 2) / sqrt(d), roots)])
    increasing = proof.certificate(
        Ge(x / (1 + 2 * t * x), l / (1 + 2 * t * l)), [(1 / (1 + 2 * t * x) / (1 + 2 * t * l), above)]
    )
    line = (1 + 2 * t * (1 / n - l) / m) / m
    tangent = proof.certificate(Ge(1 / (1 + 2 * t * l), line), [], [(1 / (1 + 2 * t * l), (2 * t * l + 1 - m) / m)])
    below = proof.certificate(
        Ge(x / (1 + 2 * t * x) / sqrt(d), l * m ** (-n / 2) * line),
        [(1 / sqrt(d), increasing), (l / (1 + 2 * t * l), lowest), (l * m ** (-n / 2), tangent)],
    )
    j, each, total = spectrum
    proof.high(i)
    share = proof.share_integral(i, n, j, each, total, begin, step, a, t)
    primitive = -(m ** (-n / 2)) + (1 / n - l) * (n**2 / (n + 2) * m ** (-n / 2 - 1) - n * m ** (-n / 2))
    value = proof.integral(l * m ** (-n / 2) * line, t, 0, oo, l * primitive)
    area = proof.integral_bound(below, t, 0, oo, exist=[share, value])
    return proof.certificate(Ge(share.left, l * (1 + rate * (1 / n - l))), [(1, share), (1, area), (1, value)])


smallest = Assumption("ell is the smallest eigenvalue", lambda a: Ge(lam(a), ell, evaluate=False))
is_share = equation("p is a share of the Gaussian energy", p, gaussian_share(lam, i, n))

contraction_lemma = Claim(
    id="bn-orthogonalizes.contraction-lemma",
    title="Batch normalisation at infinite width contracts the distance of the smallest eigenvalue from 1/n",
    paper=PAPERS["bn-orthogonalizes"],
    locator="Lemma 8; the paper has 2/3 for 2n/(n+2), constant derived here",
    statement=r"\sum_j\lambda_j=1,\ \ell=\min_j\lambda_j,\ p_i=\mathbb E\frac{\lambda_i z_i^2}{\sum_j\lambda_jz_j^2}:"
    r"\quad \tfrac1n-p_i\le\Bigl(1-\tfrac{2n}{n+2}\ell\Bigr)\Bigl(\tfrac1n-\ell\Bigr)\ \text{for every } i",
    symbols={
        n: Integers(2, sample=(2, 64)),
        i: Integers(1, n, sample=(n, n)),
        ell: Observed(0, 1 / n),
        p: Observed(0, 1),
    },
    assumptions=[*spectrum, smallest, is_share],
    decides=SureBound(quantity=1 / n - p, bound=(1 - rate * ell) * (1 / n - ell)),
    mutants=[
        Mutant("3% more contraction", decides={"bound": (1 - Rational(103, 100) * rate * ell) * (1 / n - ell)}),
        Mutant("2n/(n+1) for 2n/(n+2)", decides={"bound": (1 - 2 * n / (n + 1) * ell) * (1 / n - ell)}),
        Mutant(
            "the singular value for its square", decides={"bound": (1 - Rational(2, 3) * sqrt(ell)) * (1 / n - ell)}
        ),
        Mutant("ell is any eigenvalue, p any share", drop=("ell is the smallest eigenvalue",), by=("derivation",)),
    ],
    notes="The constant 2n/(n+2) is sharp at G = I/n, where a layer multiplies small deviations by exactly n/(n+2). "
    "With i the index of the smallest eigenvalue the bound is Lemma 8; for the others it follows from p_i >= p_n.",
)


@contraction_lemma.derivation
def integral_representation(proof):
    low = (proof.assume(smallest, i), proof.low(ell), proof.high(ell))
    bound = share_lower_bound(proof, i, weights_sum(proof), low)
    share = proof.assume(is_share)
    proof.conclude(proof.certificate(Le(1 / n - p, (1 - rate * ell) * (1 / n - ell)), [(1, bound), (1, share)]))


@contraction_lemma.experiment(
    cases=[{"n": 2}, {"n": 5}, {"n": 5, "i": 4}, {"n": 64}], samples={"smoke": 512}, block=128
)
def random_spectra(xp, rng, case, size):
    """Spectra from nearly singular to nearly isotropic, and two-level ones, in descending order."""
    shape = (size, case.n)
    spread = 10 ** rng.uniform((size, 1), -3, 1)
    flat = -xp.log(1 - rng.uniform(shape))
    levels = xp.where(rng.uniform(shape) < 0.5, xp.asarray(1.0), xp.asarray(0.1))
    raw = 1 + spread * xp.where(rng.uniform((size, 1)) < 0.5, flat, levels)
    values = -xp.sort(-raw / xp.sum(raw, axis=-1, keepdims=True), axis=-1)
    shares, error = mean_spectrum(xp, values)
    return {"quantity": 1 / case.n - shares[:, case.i - 1], "quantity_error": error, "ell": values[:, -1]}
