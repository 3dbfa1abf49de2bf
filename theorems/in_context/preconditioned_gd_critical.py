"""The two-layer steps are a critical point among all matrices (Ahn, Cheng, Daneshmand and Sra 2023, Theorem 3).

Covariates N(0, Sigma), tasks N(0, Sigma^-1), two layers with any matrices A_0, A_1 and W = X^T X / n:

    f(A_0, A_1) = E tr(R Sigma R^T Sigma^-1),      R = (1 - W A_0)(1 - W A_1).

At A_l = b_l Sigma^-1, with b_0 and b_1 the two steps of ``preconditioned_gd_depth``, the derivative of f in every
direction (M_0, M_1) of pairs of d x d matrices is zero; the theorem has an infimum of gradients equal to zero.

Reference: K. Ahn, X. Cheng, H. Daneshmand, S. Sra, "Transformers learn to implement preconditioned gradient descent for
in-context learning", 2023.
"""

from sympy import Identity as Eye
from sympy import MatrixSymbol, Trace

from gdverify import Claim, Identity, Integers, Mean, Mutant
from gdverify.language import SymmetricMatrix
from gdverify.laws import constant, equation, gaussian
from theorems import PAPERS
from theorems.in_context.preconditioned_gd_depth import b0, b1, d, first, n, s, second

X, M0, M1 = MatrixSymbol("X", n, d), MatrixSymbol("M_0", d, d), MatrixSymbol("M_1", d, d)
Sigma, P = SymmetricMatrix("Sigma", d, d), SymmetricMatrix("P", d, d)
W = X.T * X / n
left, right = Eye(d) - b0 * W * P, Eye(d) - b1 * W * P
data = gaussian(X, columns=Sigma)
inverse = equation("P inverts Sigma", P * Sigma, Eye(d))


def slope(task):
    """Minus half the derivative of tr(R Sigma R^T task) in the direction (M_0, M_1)."""
    after = Sigma * (left * right).T * task
    return Trace(W * M0 * right * after) + Trace(left * W * M1 * after)


critical = Claim(
    id="preconditioned-gd.two-layer-critical",
    title="The best multiples of the inverse covariance are a critical point among all pairs of matrices",
    paper=PAPERS["preconditioned-gd"],
    locator="Theorem 3 at L = 2, attained; explicit steps derived here",
    statement=r"\frac{d}{d\epsilon}\,\mathbb{E}\,\mathrm{tr}\,R_\epsilon\Sigma R_\epsilon^\top\Sigma^{-1} = 0,\quad"
    r" R_\epsilon = (I-W(b_0\Sigma^{-1}+\epsilon M_0))(I-W(b_1\Sigma^{-1}+\epsilon M_1))\ \forall M_0, M_1",
    symbols={n: Integers(1, sample=(1, 2)), d: Integers(1, sample=(1, 2))},
    defines={b0: first, b1: second},
    assumptions=[data, constant(Sigma, P, M0, M1), inverse],
    decides=Identity(Mean(slope(P)), 0),
    mutants=[
        Mutant("equal steps with the same sum", defines={b0: s / 2, b1: s / 2}),
        Mutant("the one-layer step in both layers", defines={b0: n / (n + d + 1), b1: n / (n + d + 1)}),
        Mutant("steps of the deterministic limit", defines={b0: 1, b1: 1}),
        Mutant("multiples of the identity", drop=("P inverts Sigma",), by=("derivation",)),
        Mutant("isotropic tasks", decides={"quantity": Mean(slope(Eye(d)))}, by=("derivation",)),
    ],
    notes="That no other pair of matrices does better is a numerical conjecture, not claimed here.",
)


@critical.derivation
def every_direction(proof):
    known = [proof.assume(inverse)]
    value = proof.gaussian(slope(P), [data])
    steps = [proof.definition(b0), proof.definition(b1)]
    proof.conclude(proof.certificate((value.left, "==", 0), [(1, value)], using=[*steps, *known]))


@critical.experiment(samples={"smoke": 32, "standard": 256}, block=32)
def exact_mean(xp, rng, case, size):
    """Minus half the derivative along random directions, integrated exactly over the data.

    It has degree at most 8 in every entry of the data, for which five nodes of Gauss and Hermite are exact.
    """
    turn, m, entries = xp.matrix_transpose, case.d, case.n * case.d
    near, far = (5 - 10**0.5) ** 0.5, (5 + 10**0.5) ** 0.5
    nodes = xp.asarray([-far, -near, 0.0, near, far])
    light, heavy = (7 - 2 * 10**0.5) / 60, (7 + 2 * 10**0.5) / 60
    weights = xp.asarray([light, heavy, 8 / 15, heavy, light])
    grid = xp.reshape(xp.stack(xp.meshgrid(*[nodes] * entries, indexing="ij"), axis=-1), (-1, case.n, m))
    shares = xp.reshape(xp.stack(xp.meshgrid(*[weights] * entries, indexing="ij"), axis=-1), (-1, entries))
    chance = xp.prod(shares, axis=-1)
    basis, spread = rng.haar((size, 1, m, m)), xp.exp(rng.uniform((size, 1, 1, m), -0.8, 0.8))
    root, inverse_ = (basis * spread) @ turn(basis), (basis / spread**2) @ turn(basis)
    one_way, other_way = (rng.normal((size, 1, m, m)) for _ in range(2))
    rows = grid @ root
    w = turn(rows) @ rows / case.n
    one, two = xp.eye(m) - case.b0 * w @ inverse_, xp.eye(m) - case.b1 * w @ inverse_
    after = root @ root @ turn(one @ two) @ inverse_
    total = xp.linalg.trace(w @ one_way @ two @ after + one @ w @ other_way @ after)
    return {"quantity": xp.sum(total * chance, axis=-1), "scale": 1 + xp.sum(xp.abs(total) * chance, axis=-1)}
