"""Means over Haar unitary matrices: exact small cases, quadrature over U(2), samples of U(3), refusals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy
from sympy import MatrixSymbol, Trace

from gdverify import Claim, Integers, Paper, SureBound
from gdverify.errors import ClaimError, ProofError
from gdverify.kernel import Proof
from gdverify.kernel.matrix import words
from gdverify.kernel.moments import unitary_weingarten
from gdverify.laws import constant, equation, gaussian, haar, haar_unitary

d, n = sympy.symbols("d n", integer=True, positive=True)
X, Y, A, B, O, G = (MatrixSymbol(name, d, d) for name in ("X", "Y", "A", "B", "O", "G"))
law = haar_unitary(X, Y)


def proof(low, *more):
    return Proof(
        Claim(
            id="toy.unitary", title="t", paper=Paper("x", "x"), locator="l", statement="s",
            symbols={d: Integers(low, sample=(low, low + 3)), n: Integers(1, sample=(1, 5))},
            assumptions=(constant(A, B), law, *more), decides=SureBound(sympy.S.Zero, sympy.S.One),
        )
    )  # fmt: skip


square = Trace(X) ** 2 + Trace(Y) ** 2  # |tr U|^2
sandwich = [  # the real and imaginary part of U A U^*, A real
    X * A * X.T + Y * A * Y.T,
    Y * A * X.T - X * A * Y.T,
]


def test_traces_of_a_unitary_matrix():
    """E |tr U|^(2k) = k! for k <= d (Diaconis and Shahshahani 1994)."""
    for k, truth in ((1, 1), (2, 2), (3, 6)):
        check = proof(k)
        check.identity(check.moment(square**k, [law]).right, truth)
    check = proof(2)
    for expr, truth in (
        (Trace(X) ** 2 - Trace(Y) ** 2, 0),  # Re (tr U)^2
        (Trace(X) * Trace(Y), 0),
        (Trace(X * X - Y * Y) ** 2 + Trace(X * Y + Y * X) ** 2, 2),  # |tr U^2|^2
        (Trace(sandwich[0] * B), Trace(A) * Trace(B) / d),
        (Trace(sandwich[1] * B), 0),
        (Trace(X * X.T), d / 2),
        (Trace(X * X), sympy.Rational(1, 2)),
    ):
        check.identity(check.moment(expr, [law]).right, truth)


def test_a_unitary_matrix_is_unitary():
    check = proof(3)
    gram = X.T * X + Y.T * Y  # Re U^* U; its imaginary part is X^T Y - Y^T X
    check.identity(check.moment(Trace(gram * A * gram * B), [law]).right, Trace(A * B))
    check.identity(check.moment(Trace((X.T * Y - Y.T * X) * A * (X.T * Y - Y.T * X) * B), [law]).right, 0)


EXPRESSIONS = [
    Trace(X * A * X * B) ** 2,
    Trace(X * A * X.T * B * Y) * Trace(Y),
    Trace(X * A) * Trace(Y * B) * Trace(X.T * Y),
    Trace(X * A * Y * B * X.T * Y.T),
    Trace(X * A) ** 2 * Trace(Y * B) ** 2,
]
SIX = [Trace(X) ** 4 * Trace(Y * A) ** 2, Trace(X * A * Y * X.T * B * Y.T * X * X)]


def evaluate(expr, at, size):
    if isinstance(expr, Trace):
        ((word, _),) = words(expr.arg).items()
        product = np.eye(size)
        for letter, transposed, _ in word:
            product = product @ (np.swapaxes(at[letter], -1, -2) if transposed else at[letter])
        return np.trace(product, axis1=-2, axis2=-1)
    if expr.is_Mul:
        return np.prod([evaluate(e, at, size) for e in expr.args], axis=0)
    return evaluate(expr.base, at, size) ** int(expr.exp) if expr.is_Pow else float(expr)


def two_by_two():
    """Nodes and weights on U(2), exact for polynomials of degree 6 in the entries and their conjugates."""
    x, w = np.polynomial.legendre.leggauss(6)
    x, w = (x + 1) / 2, w / 2
    angles = np.exp(2j * np.pi * np.arange(8) / 8)
    matrices, weights = [], []
    for (share, weight), p, q, r in itertools.product(zip(x, w, strict=True), angles, angles, angles):
        a, b = np.sqrt(share) * p, np.sqrt(1 - share) * q
        matrices.append(r * np.array([[a, b], [-b.conjugate(), a.conjugate()]]))
        weights.append(weight / 8**3)
    return np.array(matrices), np.array(weights)


def number(expr, at, size):
    traces = {t: sympy.Float(float(evaluate(t, at, size)), 30) for t in expr.atoms(Trace)}
    return float(expr.xreplace(traces).subs(d, size))


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_quadrature_over_two_by_two_matrices(expr):
    rng = np.random.default_rng(3)
    at = {A: rng.integers(-3, 4, (2, 2)).astype(float), B: rng.integers(-3, 4, (2, 2)).astype(float)}
    u, w = two_by_two()
    truth = (w * evaluate(expr, at | {X: u.real, Y: u.imag}, 2)).sum()
    found = number(proof(2).moment(expr, [law]).right, at, 2)
    assert abs(found - truth) < 1e-9 * (1 + abs(truth))


@pytest.mark.parametrize("expr", [*EXPRESSIONS[:2], *SIX], ids=str)
def test_samples_of_three_by_three_matrices(expr):
    rng = np.random.default_rng(5)
    at = {A: np.diag([1.0, 2.0, -1.0]), B: np.array([[1.0, 1, 0], [0, 1, 0], [0, 1, 2]])}
    z = rng.normal(size=(200_000, 3, 3)) + 1j * rng.normal(size=(200_000, 3, 3))
    q, r = np.linalg.qr(z)
    phases = np.einsum("kii->ki", r)
    u = q * (phases / abs(phases))[:, None, :]
    sample = evaluate(expr, at | {X: u.real, Y: u.imag}, 3)
    found = number(proof(3).moment(expr, [law]).right, at, 3)
    assert abs(sample.mean() - found) < 6 * sample.std() / np.sqrt(len(sample))


def test_the_weingarten_functions():
    size = sympy.Symbol("n'", positive=True)
    two, three = unitary_weingarten(2), unitary_weingarten(3)
    assert sympy.cancel(two[(1, 1)] - 1 / (size**2 - 1)) == 0
    assert sympy.cancel(two[(2,)] + 1 / (size * (size**2 - 1))) == 0
    assert sympy.cancel(three[(3,)] - 2 / (size * (size**2 - 1) * (size**2 - 4))) == 0
    for k in (1, 2, 3):
        for function in unitary_weingarten(k).values():
            assert all(pole < k for pole in sympy.roots(sympy.denom(function), size))


def test_refusals():
    def refused(check, expr, laws=(law,)):
        with pytest.raises(ProofError):
            check.moment(expr, list(laws))

    refused(proof(1), Trace(X * A) ** 4)  # |tr U|^4 is 1 for d = 1
    refused(proof(2), square**3)
    refused(proof(9), Trace(X) ** 8)
    refused(proof(2, haar(X)), Trace(X) ** 2)  # two laws
    refused(proof(2, gaussian(Y)), Trace(X) ** 2 + Trace(Y))
    refused(proof(2), Trace(X) ** 2, laws=(haar(X),))  # not assumed
    refused(proof(2), Trace(X) ** 2, laws=())
    refused(proof(2, constant(Y)), Trace(X * Y))
    refused(proof(2, equation("tie", X, Y)), Trace(X) ** 2)
    refused(proof(2), Trace(X) * abs(Trace(Y)))
    for bad in ((X, X), (X, MatrixSymbol("Z", d, n))):
        with pytest.raises(ClaimError):
            haar_unitary(*bad)
    check = proof(2, gaussian(G), haar(O))
    total = check.moment(Trace(G * X * G.T * X.T) + Trace(O * Y * O.T * Y.T), [law, gaussian(G), haar(O)])
    check.identity(total.right, (1 + 1 / d) / 2)
