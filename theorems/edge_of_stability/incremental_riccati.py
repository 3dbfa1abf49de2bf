"""Gradient flow on matrix factorisation in closed form, from any start (Jin, Li, Lyu, Du and Lee 2023).

    dX/dt = (M - X X^T) X,      M symmetric, n x n,      X(0) = X_0 any n x k matrix.

P = X X^T obeys a Riccati equation,  dP/dt = M P + P M - 2 P^2,  which P = Y K^{-1} Y^T solves, where

    Y = e^{tM} X_0,      K = I + X_0^T G X_0,      G = 2 (integral of e^{2sM} over 0 <= s <= t),

that is, where dY/dt = M Y and dK/dt = 2 Y^T Y from Y(0) = X_0 and K(0) = I.  Both start at X_0 X_0^T, and the equation
has one solution.

Reference: arXiv:2301.11500; the flow with all measurements, derived here.
"""

from sympy import Inverse, MatrixSymbol, Rational, Symbol, Trace, symbols

from gdverify import Claim, Identity, Integers, Mutant, Nonnegative
from gdverify.language import MatrixSequence, SymmetricMatrix, TimeDerivative
from gdverify.laws import constant, equation, invertible
from theorems import PAPERS

n, k = symbols("n k", integer=True, positive=True)
t = Symbol("t", nonnegative=True)
M, W = SymmetricMatrix("M", n, n), MatrixSymbol("W", n, n)  # W: any weights, so that traces tell matrices apart
X, Y, K = (MatrixSequence(name, rows, k)(t) for name, rows in (("X", n), ("Y", n), ("K", k)))
still = constant(M, W)
sizes = {n: Integers(1, sample=(1, 5)), k: Integers(1, sample=(1, 4)), t: Nonnegative(sample=(0, 2))}
wrong_order = "2 M P for M P + P M"


def riccati(P, c=2):
    return Trace(W * (M * P + P * M - c * P * P))


flow = equation("the flow of X", TimeDerivative(X), M * X - X * X.T * X)
product = Claim(
    id="incremental-learning.riccati-flow",
    title="Along gradient flow on matrix factorisation X X^T obeys a Riccati equation",
    paper=PAPERS["incremental-learning"],
    locator="the flow with all measurements; derived here",
    statement=r"\dot X=(M-XX^\top)X,\ P=XX^\top:\quad \dot P = MP+PM-2P^2",
    symbols=sizes,
    assumptions=[flow, still],
    decides=Identity(quantity=TimeDerivative(Trace(W * X * X.T)), bound=riccati(X * X.T)),
    mutants=[
        Mutant("P^2 for 2 P^2", decides={"bound": riccati(X * X.T, 1)}),
        Mutant("2.01 P^2", decides={"bound": riccati(X * X.T, Rational(201, 100))}),
        Mutant(wrong_order, decides={"bound": Trace(W * (2 * M * X * X.T - 2 * X * X.T * X * X.T))}),
    ],
)

P = Y * Inverse(K) * Y.T
grows = equation("Y is e^{tM} X_0", TimeDerivative(Y), M * Y)
collects = equation("K is I + X_0^T G X_0", TimeDerivative(K), 2 * Y.T * Y)
solution = Claim(
    id="incremental-learning.riccati",
    title="The Riccati equation of gradient flow on matrix factorisation in closed form, from any start",
    paper=PAPERS["incremental-learning"],
    locator="the flow with all measurements; derived here",
    statement=r"P=YK^{-1}Y^\top,\ Y=e^{tM}X_0,\ K=I+X_0^\top\Big(2\int_0^t e^{2sM}ds\Big)X_0:\quad \dot P = MP+PM-2P^2",
    symbols=sizes,
    assumptions=[grows, collects, still, invertible(K)],
    decides=Identity(quantity=TimeDerivative(Trace(W * P)), bound=riccati(P)),
    mutants=[
        Mutant("P^2 for 2 P^2", decides={"bound": riccati(P, 1)}),
        Mutant("2.01 P^2", decides={"bound": riccati(P, Rational(201, 100))}),
        Mutant("K that stays put", drop=(collects.name,), by=("derivation",)),
        Mutant(wrong_order, decides={"bound": Trace(W * (2 * M * P - 2 * P * P))}),
    ],
    notes="K is at least I, hence invertible. With P(0) = X_0 X_0^T and incremental-learning.riccati-flow, the "
    "uniqueness of solutions makes it X X^T; k may be smaller than, equal to or larger than n.",
)


@product.derivation
def product_rule(proof):
    proof.conclude(proof.lie_derivative(Trace(W * X * X.T), [proof.assume(flow)]))


@solution.derivation
def quotient_rule(proof):
    proof.conclude(proof.lie_derivative(Trace(W * P), [proof.assume(grows), proof.assume(collects)]))


def start(xp, rng, case, size):
    """Eigenvalues of M of either sign, X_0 in the eigenbasis of M, and the weights."""
    m = 2 * rng.normal((size, case.n, 1))
    W = rng.normal((size, case.n, case.n))
    return m, rng.normal((size, case.n, case.k)), {"W": W, "M": xp.eye(case.n) * m}


@product.experiment(samples={"smoke": 256})
def along_the_flow(xp, rng, case, size):
    m, X, out = start(xp, rng, case, size)
    X = X * xp.exp(xp.asarray(-case.t))
    turn = xp.matrix_transpose
    speed = m * X - X @ (turn(X) @ X)
    return {"quantity": xp.linalg.trace(out["W"] @ (speed @ turn(X) + X @ turn(speed))), "X(t)": X, **out}


@solution.experiment(samples={"smoke": 256})
def closed_form(xp, rng, case, size):
    """Y and K from the eigenvalues; the derivative of P by the rules of product and inverse."""
    m, X, out = start(xp, rng, case, size)
    turn = xp.matrix_transpose
    Y = xp.exp(m * case.t) * X
    K = xp.eye(case.k) + turn(X) @ ((xp.exp(2 * m * case.t) - 1) / m * X)
    right = xp.linalg.inv(K) @ turn(Y)
    change = turn(X) @ (2 * xp.exp(2 * m * case.t) * X)
    speed = m * Y @ right
    slope = speed + turn(speed) - turn(right) @ change @ right
    return {"quantity": xp.linalg.trace(out["W"] @ slope), "Y(t)": Y, "K(t)": K, **out}
