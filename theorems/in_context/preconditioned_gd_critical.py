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

from gdverify import Claim, Integers, MeanEquals, Mutant
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
    symbols={n: Integers(1, sample=(4, 6)), d: Integers(1, sample=(1, 2))},
    defines={b0: first, b1: second},
    assumptions=[data, constant(Sigma, P, M0, M1), inverse],
    decides=MeanEquals(slope(P), 0, tol=0.1, absolute=True),
    mutants=[
        Mutant("equal steps with the same sum", defines={b0: s / 2, b1: s / 2}),
        Mutant("the one-layer step in both layers", defines={b0: n / (n + d + 1), b1: n / (n + d + 1)}),
        Mutant("steps of the deterministic limit", defines={b0: 1, b1: 1}),
        Mutant("multiples of the identity", drop=("P inverts Sigma",), by=("derivation",)),
        Mutant("isotropic tasks", decides={"quantity": slope(Eye(d))}, by=("derivation",)),
    ],
    notes="That no other pair of matrices does better is a numerical conjecture, not claimed here.",
)


@critical.derivation
def every_direction(proof):
    known = [proof.assume(inverse)]
    value = proof.gaussian(critical.decides.quantity, [data])
    steps = [proof.definition(b0), proof.definition(b1)]
    proof.conclude(proof.certificate((value.left, "==", 0), [(1, value)], using=[*steps, *known]))


@critical.experiment(block=16)
def on_data(xp, rng, case, size):
    """Minus half the derivative along a fixed direction, averaged over many contexts in each row."""
    turn, m = xp.matrix_transpose, case.d
    contexts = max(64, 1024 // (case.n * m))
    basis, spread = rng.shared.haar((m, m)), xp.exp(rng.shared.uniform((1, m), -0.8, 0.8))
    root = (basis * spread) @ turn(basis)
    sigma, inverse_ = root @ root, (basis / spread**2) @ turn(basis)
    directions = [sigma @ (xp.eye(m) + 0.3 * rng.shared.normal((m, m))) for _ in range(2)]
    directions = [inverse_ @ z @ inverse_ for z in directions]
    rows = rng.normal((size, contexts, case.n, m)) @ root
    w = turn(rows) @ rows / case.n
    one, two = xp.eye(m) - case.b0 * w @ inverse_, xp.eye(m) - case.b1 * w @ inverse_
    after = sigma @ turn(one @ two) @ inverse_
    total = w @ directions[0] @ two @ after + one @ w @ directions[1] @ after
    return {"quantity": xp.mean(xp.linalg.trace(total), axis=-1)}
