"""The linear deep equilibrium model of Dandapanthula & Ramdas (2025), as the claims of this folder share it.

Input x in R^d, output z in R^m with z = A z + B x, that is z = P x with P = J^{-1} B and J = I - A invertible.
With the second moment Sigma = E[x x^T] and a least-squares map M (M Sigma = E[y x^T]), the squared loss is, up to a
constant,

    L(J, B) = tr((P - M) Sigma (P - M)^T) / 2.

Since J = I - A, the gradient in A is minus the gradient in J, so that A moves by gradient flow (descent) exactly when
J does.  Everything is written in J and B.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any

from sympy import Inverse, MatrixSymbol, Symbol, Trace

from gdverify.domain import Integers, Nonnegative
from gdverify.integrate import euler
from gdverify.language import MatrixSequence, SymmetricMatrix

m, d = (Symbol(name, integer=True, positive=True) for name in "md")
t, k = Symbol("t", nonnegative=True), Symbol("k", integer=True, nonnegative=True)
J, B = MatrixSequence("J", m, m), MatrixSequence("B", m, d)
M, Sigma = MatrixSymbol("M", m, d), SymmetricMatrix("Sigma", d, d)
SIZES = {m: Integers(1, sample=(1, 4)), d: Integers(1, sample=(1, 4))}
TIME = Nonnegative(sample=(0, 4))


def loss(at: Any) -> Any:
    """L at an index or a time."""
    residual = Inverse(J(at)) * B(at) - M
    return Trace(residual * Sigma * residual.T) / 2


def memory(at: Any) -> Any:
    """S = J J^T + B B^T."""
    return J(at) * J(at).T + B(at) * B(at).T


@dataclass(frozen=True)
class Instance:
    """One model per row: J (size, m, m), B, M (size, m, d), Sigma (size, d, d) and its extreme eigenvalues (size,)."""

    xp: Any
    J: Any
    B: Any
    M: Any
    Sigma: Any
    lmin: Any
    lmax: Any

    def field(self, J: Any, B: Any) -> tuple[Any, Any]:
        """The gradient flow (J', B')."""
        xp = self.xp
        inverse = xp.linalg.inv(J)
        P = xp.matmul(inverse, B)
        G = xp.matmul(xp.matrix_transpose(inverse), xp.matmul(P - self.M, self.Sigma))
        return xp.matmul(G, xp.matrix_transpose(P)), -G

    def loss(self, J: Any, B: Any) -> Any:
        """(size,)"""
        R = self.xp.matmul(self.xp.linalg.inv(J), B) - self.M
        return self.xp.sum(R * self.xp.matmul(R, self.Sigma), axis=(-2, -1)) / 2


def memory_of(xp: Any, J: Any, B: Any) -> Any:
    """J J^T + B B^T, (size, m, m)."""
    return xp.matmul(J, xp.matrix_transpose(J)) + xp.matmul(B, xp.matrix_transpose(B))


def _log_uniform(xp: Any, rng: Any, shape: tuple[int, ...], low: float, high: float) -> Any:
    return xp.exp(log(low) + (log(high) - log(low)) * rng.uniform(shape))


def draw(xp: Any, rng: Any, size: int, rows: int, columns: int) -> Instance:
    """Random models: spectra over a decade or isotropic, J_0 of either orientation, targets near, far and zero.

    A quarter of the rows has M = 0, a third Sigma = lambda I, half J_0 orthogonal up to a factor; P_0 - M has a norm
    between 0.003 and 1.5.  Time is rescaled (by a factor of Sigma) so that the fastest rate at the start is about 1.
    """
    gap = 9 * rng.uniform((size, 1)) * rng.bernoulli(0.67, (size, 1))
    share = xp.concat([xp.zeros((size, 1)), xp.ones((size, 1)), rng.uniform((size, columns))], axis=1)[:, :columns]
    spectrum = 1 + gap * share
    turn = rng.haar((size, columns, columns))
    spread = rng.bernoulli(0.5, (size, 1, 1)) * rng.uniform((size, 1, rows), -0.5, 0.5)
    singular = _log_uniform(xp, rng, (size, 1, 1), 0.5, 2.0) * (1 + spread)
    J0 = xp.matmul(rng.haar((size, rows, rows)) * singular, rng.haar((size, rows, rows)))
    target = rng.normal((size, rows, columns)) * _log_uniform(xp, rng, (size, 1, 1), 0.1, 2.0)
    target = target * rng.bernoulli(0.75, (size, 1, 1))
    error = rng.normal((size, rows, columns))
    error = error / xp.sqrt(frobenius(xp, error))[:, None, None] * _log_uniform(xp, rng, (size, 1, 1), 3e-3, 1.5)
    B0 = xp.matmul(J0, target + error)
    fastest = (1 + frobenius(xp, target + error)) * (1 + frobenius(xp, target)) * xp.sum(singular**-2, axis=(-2, -1))
    spectrum = spectrum / (fastest * xp.max(spectrum, axis=1))[:, None]
    Sigma = xp.matmul(turn * spectrum[:, None, :], xp.matrix_transpose(turn))
    return Instance(xp, J0, B0, target, Sigma, xp.min(spectrum, axis=1), xp.max(spectrum, axis=1))


def frobenius(xp: Any, x: Any) -> Any:
    """Squared Frobenius norm, (size,)."""
    return xp.sum(x * x, axis=(-2, -1))


def descend(model: Instance, J: Any, B: Any, eta: Any, steps: int) -> tuple[Any, Any]:
    """``steps`` steps of gradient descent; ``eta`` is a number or (size, 1, 1)."""
    return euler(model.field, (J, B), eta, steps)
