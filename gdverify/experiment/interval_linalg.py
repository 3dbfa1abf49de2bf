"""Rigorous linear algebra on interval arrays, batched over leading axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ExperimentError, UndecidedError
from .ball import Interval, UnsupportedError, working_precision


class IntervalLinalg:
    """``xp.linalg`` of a recheck; what is missing raises `UnsupportedError`."""

    def __init__(self, xp: Any):
        self._xp = xp

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnsupportedError(f"xp.linalg.{name} has no interval version")

    def matmul(self, a: Any, b: Any) -> Any:
        return self._xp.matmul(a, b)

    def vecdot(self, a: Any, b: Any, *, axis: int = -1) -> Any:
        return self._xp.sum(a * b, axis=axis)

    def matrix_transpose(self, x: Any) -> Any:
        return self._xp.matrix_transpose(x)

    def outer(self, a: Any, b: Any) -> Any:
        return a[:, None] * b[None, :]

    def diagonal(self, x: Any, *, offset: int = 0) -> Any:
        return self._wrap(np.diagonal(self._plain(x), offset=offset, axis1=-2, axis2=-1))

    def trace(self, x: Any, *, offset: int = 0) -> Any:
        return self._xp.sum(self.diagonal(x, offset=offset), axis=-1)

    def vector_norm(self, x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
        xp = self._xp
        if ord == 2:
            return xp.sqrt(xp.clamp(xp.sum(x * x, axis=axis, keepdims=keepdims)))
        if ord == 1:
            return xp.sum(abs(x), axis=axis, keepdims=keepdims)
        if ord == float("inf"):
            return xp.max(abs(x), axis=axis, keepdims=keepdims)
        raise UnsupportedError(f"vector_norm with ord={ord} has no interval version")

    def norm(self, x: Any, axis: int = -1, keepdims: bool = False) -> Any:
        return self.vector_norm(x, axis=axis, keepdims=keepdims)

    def matrix_norm(self, x: Any, *, keepdims: bool = False, ord: Any = "fro") -> Any:
        xp = self._xp
        if ord == "fro":
            return xp.sqrt(xp.clamp(xp.sum(x * x, axis=(-2, -1), keepdims=keepdims)))
        if ord == 2:
            top = self.svdvals(x)[..., 0]
            return top[..., None, None] if keepdims else top
        raise UnsupportedError(f"matrix_norm with ord={ord!r} has no interval version")

    def solve(self, a: Any, b: Any) -> Any:
        """Gaussian elimination in intervals, pivoting on the largest middle."""
        vector = b.ndim == 1
        b = b[:, None] if vector else b
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a = np.broadcast_to(self._plain(a), (*batch, *a.shape[-2:]))
        b = np.broadcast_to(self._plain(b), (*batch, *b.shape[-2:]))
        out = np.empty(b.shape, dtype=object)
        for k in np.ndindex(batch):
            out[k] = _solve(a[k], b[k])[0]
        return self._wrap(out[..., 0] if vector else out)

    def inv(self, a: Any) -> Any:
        return self.solve(a, self._xp.eye(a.shape[-1]))

    def det(self, a: Any) -> Any:
        return self._each(lambda m: np.array(_solve(m, m[:, :0])[1], dtype=object), a, ())

    def cholesky(self, a: Any, *, upper: bool = False) -> Any:
        factor = self._each(_cholesky, a, a.shape[-2:])
        return np.swapaxes(factor, -1, -2) if upper else factor

    def qr(self, x: Any, *, mode: str = "reduced") -> Any:
        """Gram-Schmidt; R has a positive diagonal, as `backend.Namespace.linalg.qr` promises."""
        if mode != "reduced" or x.shape[-2] < x.shape[-1]:
            raise UnsupportedError("interval qr needs mode='reduced' and at least as many rows as columns")
        q = self._each(_gram_schmidt, x, x.shape[-2:])
        return q, self._xp.triu(np.matmul(np.swapaxes(q, -1, -2), x))

    def eigvalsh(self, a: Any) -> Any:
        """Ascending eigenvalues of symmetric matrices (the lower triangle is read)."""
        return self._each(_eigvalsh, a, a.shape[-1:])

    def svdvals(self, a: Any) -> Any:
        """Descending singular values, from the eigenvalues of the smaller Gram matrix."""
        t = np.swapaxes(a, -1, -2)
        gram = np.matmul(a, t) if a.shape[-2] <= a.shape[-1] else np.matmul(t, a)
        return self._xp.sqrt(self._xp.clamp(self.eigvalsh(gram)))[..., ::-1]

    def _plain(self, x: Any) -> np.ndarray:
        return self._xp.asarray(x).view(np.ndarray)

    def _wrap(self, x: np.ndarray) -> Any:
        return self._xp.asarray(x)

    def _each(self, function: Callable[[np.ndarray], np.ndarray], a: Any, shape: tuple[int, ...]) -> Any:
        a = np.asarray(self._xp.asarray(self._xp.astype(a, np.float64))).view(np.ndarray)
        out = np.empty((*a.shape[:-2], *shape), dtype=object)
        for k in np.ndindex(a.shape[:-2]):
            out[k] = function(a[k]) if shape else function(a[k])[()]
        return self._wrap(out)


def _solve(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, Any]:
    """Solution of a x = b and the determinant of a."""
    n, a, b, det = len(a), a.copy(), b.copy(), Interval(1)
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: abs(a[i, k].middle()))
        if pivot != k:
            a[[k, pivot]], b[[k, pivot]], det = a[[pivot, k]], b[[pivot, k]], -det
        det = det * a[k, k]
        for i in range(k + 1, n):
            factor = a[i, k] / a[k, k]
            a[i, k + 1 :] = a[i, k + 1 :] - factor * a[k, k + 1 :]
            b[i] = b[i] - factor * b[k]
    if b.shape[1]:
        for k in reversed(range(n)):
            for j in range(k + 1, n):
                b[k] = b[k] - a[k, j] * b[j]
            b[k] = b[k] / a[k, k]
    return b, det


def _cholesky(a: np.ndarray) -> np.ndarray:
    n = len(a)
    low = np.full((n, n), Interval(0), dtype=object)
    for j in range(n):
        d = a[j, j] - sum((low[j, k] * low[j, k] for k in range(j)), Interval(0))
        if not d > 0:
            raise ExperimentError("cholesky: the matrix is not positive definite")
        low[j, j] = d.sqrt()
        for i in range(j + 1, n):
            low[i, j] = (a[i, j] - sum((low[i, k] * low[j, k] for k in range(j)), Interval(0))) / low[j, j]
    return low


def _gram_schmidt(x: np.ndarray) -> np.ndarray:
    q = x.copy()
    for j in range(x.shape[1]):
        for k in range(j):
            q[:, j] = q[:, j] - q[:, k] * (q[:, k] * q[:, j]).sum()
        q[:, j] = q[:, j] / (q[:, j] * q[:, j]).sum().sqrt()
    return q


def _frobenius(x: np.ndarray) -> Interval:
    return (x * x).sum().clamp().sqrt() if x.size else Interval(0)


def _eigvalsh(a: np.ndarray) -> np.ndarray:
    """Enclosures from approximate eigenpairs.

    With Q approximately orthogonal and M diagonal, the eigenvalues of A and the entries of M, both sorted, differ by
    at most |A Q - Q M| / sigma_min(Q) (Cao, Xie and Li 1996; spectral norm, here bounded by Frobenius), and
    sigma_min(Q)^2 >= 1 - |Q^T Q - I|.
    """
    import mpmath

    n = len(a)
    full = np.array([[a[max(i, j), min(i, j)] for j in range(n)] for i in range(n)], dtype=object)
    if n == 1:
        return full[0]
    with mpmath.workprec(working_precision() + 20):
        middle = mpmath.matrix(n, n)
        for i in range(n):
            for j in range(n):
                middle[i, j] = mpmath.mpf(full[i, j].centre().v[0])
        values, vectors = mpmath.eigsy(middle)
        order = sorted(range(n), key=lambda k: values[k])
        m = [_point(values[k]) for k in order]
        q = np.array([[_point(vectors[i, k]) for k in order] for i in range(n)], dtype=object)
    residual = _frobenius(np.matmul(full, q) - q * np.array(m, dtype=object)[None, :])
    loss = _frobenius(np.matmul(q.T, q) - np.array([[Interval(int(i == j)) for j in range(n)] for i in range(n)]))
    if not loss < 1:
        raise UndecidedError("eigenvalues could not be enclosed")
    radius = (residual / (1 - loss).sqrt()).high()
    spread = Interval.hull(-radius, radius)
    return np.array([v + spread for v in m], dtype=object)


def _point(x: Any) -> Interval:
    out = Interval(0)
    out.v = (x._mpf_, x._mpf_)
    return out
