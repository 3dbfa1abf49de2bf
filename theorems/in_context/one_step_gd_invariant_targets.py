"""One step of gradient descent is the best head for every rotation-invariant law of targets (Mahankali et al. 2023).

Isotropic covariates; the joint law of covariates and responses does not change when all covariates are rotated or
reflected together.  A head is a sum over samples, f = sum_i (q^T x_i + r y_i)(x_i^T A x + y_i a^T x).  With
f* = eta x^T X^T y,

    mu = E y_1 y_2 x_1^T x_2,    rho = E y_1^2 |x_1|^2,    eta = mu/(rho + (n - 1) mu),

E (f - y_0)^2 = E (f* - y_0)^2 + E (f - f*)^2 for ALL weights, and E (f* - y_0)^2 = E y_0^2 - n mu eta.

Reference: A. Mahankali, T. B. Hashimoto, T. Ma, "One Step of Gradient Descent is Provably the Optimal In-Context
Learner with One Layer of Linear Self-Attention", 2023.
"""

from math import pi

from sympy import Eq, MatrixSymbol, Symbol, Trace

from gdverify import Assumption, Claim, Mean, MeanEquals, Mutant, Positive
from gdverify.errors import ClaimError
from gdverify.laws import equation, rotation_invariant, sample_sums
from theorems import PAPERS
from theorems.in_context import linear_attention as head
from theorems.in_context.one_step_gd_targets import differences

n, d, r, A, q, a, x = head.n, head.d, head.r, head.A, head.q, head.a, head.x
x1, x2 = MatrixSymbol("x_1", d, 1), MatrixSymbol("x_2", d, 1)
F, G, Y0, Y1, Y2 = (MatrixSymbol(name, 1, 1) for name in ("f", "f_star", "y_0", "y_1", "y_2"))
y0, y1, y2 = (Trace(letter) for letter in (Y0, Y1, Y2))
eta, mu, rho, power = (Symbol(name, positive=True) for name in ("eta", "mu", "rho", "power"))


def term(p, y):
    return (Trace(q.T * p) + r * y) * (Trace(p.T * A * x) + y * Trace(a.T * x))


terms = {F: (term(x1, y1), term(x2, y2)), G: (eta * y1 * Trace(x1.T * x), eta * y2 * Trace(x2.T * x))}
sums = sample_sums(terms, n, x1, x2, Y1, Y2)


def integrated(factor, u, v):
    """E g (u^T x)(v^T x) = E g u^T v for g, u, v that do not involve the query."""
    if any(part.atoms(MatrixSymbol) & {x, Y0} for part in (factor, u, v)):
        raise ClaimError("the query is not independent of itself")
    return Eq(Mean(factor * Trace(u.T * x) * Trace(v.T * x)), Mean(factor * Trace(u.T * v)), evaluate=False)


invariant = rotation_invariant((x1, x2, x), (Y0, Y1, Y2), "rotating or reflecting all covariates keeps the law")
query = Assumption("the query is independent of the samples, with covariance 1", integrated, key=("query", x))
meanings = [
    equation("mu for two samples", Mean(y1 * y2 * Trace(x1.T * x2)), mu),
    equation("mu for a sample and the query", Mean(y1 * y0 * Trace(x1.T * x)), mu),
    equation("rho", Mean(y1**2 * Trace(x1.T * x1)), rho),
    equation("power", Mean(y0**2), power),
]
families = [
    {"family": "isotropic", "target": "linear", "n": 4, "d": 2, "sigma": 1, "mu": 2, "rho": 10, "power": 3},
    {
        "family": "isotropic",
        "target": "relu",
        "n": 6,
        "d": 3,
        "sigma": 0,
        "r": 0.5,
        "mu": 0.75,
        "rho": 7.5,
        "power": 1.5,
    },
    {
        "family": "isotropic",
        "target": "sign",
        "n": 5,
        "d": 2,
        "sigma": 0.5,
        "r": 0.5,
        "mu": 2 / pi,
        "rho": 2.5,
        "power": 1.25,
    },
]

invariant_targets = Claim(
    id="one-step-gd.nonlinear-targets",
    title="For rotation-invariant targets the best head is one step of gradient descent",
    paper=PAPERS["one-step-gd"],
    locator="abstract, nonlinear targets; constants derived here",
    statement=r"\mathbb{E}(f-y_0)^2 - \mathbb{E}(f-f_*)^2 = \mathbb{E}y_0^2 - n\mu\eta,"
    r"\quad f_* = \eta\,x^\top X^\top y,"
    r"\ \eta = \frac{\mu}{\rho+(n-1)\mu},\ \mu = \mathbb{E}y_1y_2x_1^\top x_2,\ \rho = \mathbb{E}y_1^2\|x_1\|^2",
    symbols={**head.SIZES, **head.WEIGHTS, mu: Positive(), rho: Positive(), power: Positive()},
    decides=MeanEquals((Trace(F) - y0) ** 2 - (Trace(F) - Trace(G)) ** 2, power - n * mu * eta, tol=0.05),
    assumptions=[sums, invariant, query, *meanings, head.weights],
    defines={eta: mu / (rho + (n - 1) * mu)},
    mutants=[
        Mutant("n for n - 1", defines={eta: mu / (rho + n * mu)}),
        Mutant("one sample alone", defines={eta: mu / rho}),
        Mutant("twice the gain", decides={"bound": power - 2 * n * mu * eta}),
        Mutant("any law", drop=("rotating or reflecting all covariates keeps the law",), by=("derivation",)),
    ],
    notes="Averaged over all rotations, the second moments E y_1^2 x_1 x_1^T, E y_1 y_2 x_1 x_2^T and"
    " E y_1 y_0 x_1 x^T become multiples of the identity, and odd moments vanish.",
)


def isotropic(proof, factor, left, right):
    """E g x_i^T A x_j and E g (q^T x_i)(a^T x_j) by E g x_i^T x_j."""
    for value in (Trace(left.T * A * right), Trace(q.T * left) * Trace(a.T * right)):
        yield proof.rotated(factor * value, invariant)


@invariant_targets.derivation
def pythagoras(proof):
    two, asked, alone, own = (proof.assume(a) for a in meanings)
    step = 2 * n * eta
    parts = [(1, own), (2, proof.assume(sums, F, G)), (-2, proof.assume(sums, F, y0)), (-1, proof.assume(sums, G, G))]
    for k, (weight, z, p, mean) in enumerate([(1, y1, x1, alone), (n - 1, y2, x2, two)]):
        matrix, vectors = isotropic(proof, y1 * z, *([x1, x1] if k == 0 else [x1, x2]))
        factor = step * weight
        for product, u, scale in (
            (z * Trace(q.T * x1), A.T * x1, 1),
            (y1 * z * Trace(q.T * x1), a, 1),
            (y1 * z, A.T * x1, r),
            (y1**2 * z, a, r),
        ):
            inner = proof.assume(query, product, u, p)
            parts.append((factor * scale, inner))
        for product, scale in ((z * Trace(q.T * x1) * Trace(x1.T * A * p), 1), (y1**2 * z * Trace(a.T * p), r)):
            parts.append((factor * scale, proof.rotated(product, invariant)))
        parts += [(factor * r, matrix), (factor, vectors), (factor * (r * Trace(A) + Trace(q.T * a)) / d, mean)]
        square = proof.assume(query, y1 * z, x1, p)
        parts += [(-n * eta**2 * weight, square), (-n * eta**2 * weight, mean)]
    matrix, vectors = isotropic(proof, y1 * y0, x1, x)
    parts += [(-2 * n * r, matrix), (-2 * n, vectors), (-2 * n * (r * Trace(A) + Trace(q.T * a)) / d, asked)]
    for product, scale in ((y0 * Trace(q.T * x1) * Trace(x1.T * A * x), 1), (y1**2 * y0 * Trace(a.T * x), r)):
        parts.append((-2 * n * scale, proof.rotated(product, invariant)))
    target = (Mean(invariant_targets.decides.quantity), "==", power - n * mu * eta)
    proof.conclude(proof.certificate(target, parts, using=[proof.definition(eta)]))


@invariant_targets.experiment(cases=families, block=16)
def targets_of_one_direction(xp, rng, case, size):
    target, square = {
        "linear": (lambda z: z, lambda w2: w2),
        "relu": (lambda z: (z + xp.abs(z)) / 2, lambda w2: w2 / 2),
        "sign": (xp.sign, lambda w2: 1 + 0 * w2),
    }[case["target"]]
    return differences(xp, rng, case, size, target, square, 1)
