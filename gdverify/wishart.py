"""Exact spectral moments of Wishart matrices by quadrature, for experiments that need a mean without sampling error."""

from __future__ import annotations

import itertools
from typing import Any


def wishart_moments(xp: Any, n: int, d: int) -> list[Any]:
    """E tr(W^k) / d for k = 1, ..., 4, where W = X^T X / n and X is n by d with independent N(0, 1) entries.

    X^T X has the nonzero spectrum of the tridiagonal B B^T, B lower bidiagonal with independent squared entries:
    chi-squared with N, N-1, ... degrees of freedom on the diagonal and D-1, ..., 1 below it, N = max(n, d) and
    D = min(n, d) (Dumitriu and Edelman 2002).  tr (B B^T)^k has degree at most k in each squared entry, for which
    three Gauss-Laguerre nodes are exact; no pairing is counted.  Cost 3^(2D - 1): meant for D <= 5.

    Elementary operations only, so that it runs in interval arithmetic as well.
    """
    large, small = max(n, d), min(n, d)
    freedom = [large - i for i in range(small)] + [small - 1 - i for i in range(small - 1)]
    entries, weight = [], xp.ones((1,) * len(freedom))
    for axis, nu in enumerate(freedom):
        shape = tuple(3 if k == axis else 1 for k in range(len(freedom)))
        nodes, weights = _chi_squared_rule(xp, nu)
        entries.append(xp.reshape(xp.stack(nodes), shape))
        weight = weight * xp.reshape(xp.stack(weights), shape)
    s, t = entries[:small], entries[small:]
    a = [s[i] + t[i - 1] if i else s[0] for i in range(small)]  # the diagonal of B B^T
    b = [s[i] * t[i] for i in range(small - 1)]  # the squares beside it
    traces = [
        sum(a),
        sum(x**2 for x in a) + 2 * sum(b),
        sum(x**3 for x in a) + 3 * sum(y * (a[i] + a[i + 1]) for i, y in enumerate(b)),
        sum(x**4 for x in a)
        + sum(4 * y * (a[i] ** 2 + a[i] * a[i + 1] + a[i + 1] ** 2) + 2 * y**2 for i, y in enumerate(b))
        + 4 * sum(x * y for x, y in itertools.pairwise(b)),
    ]
    return [xp.sum(weight * trace) / (d * n ** (k + 1)) for k, trace in enumerate(traces)]


def _chi_squared_rule(xp: Any, nu: int) -> tuple[list[Any], list[Any]]:
    """Three nodes and weights, exact to degree 5, for a chi-squared variable with ``nu`` degrees of freedom.

    Twice the zeros of the Laguerre polynomial L_3^(g-1), g = nu/2, by the trigonometric solution of the cubic.
    """
    g = xp.asarray(xp.rational(nu, 2))
    angle = xp.atan(xp.sqrt(g + 1)) / 3
    x = [g + 2 + 2 * xp.sqrt(g + 2) * xp.cos(angle + xp.rational(2 * j, 3) * xp.pi) for j in range(3)]
    weights = []
    for j in range(3):
        y, z = x[(j + 1) % 3], x[(j + 2) % 3]
        weights.append((g * (g + 1) - g * (y + z) + y * z) / ((x[j] - y) * (x[j] - z)))
    return [2 * v for v in x], weights


def laguerre_zeros(xp: Any, degree: int, alpha: float) -> Any:
    """Zeros of the orthogonal polynomial of this degree of x^alpha exp(-x) on [0, oo), increasing, shape (degree,).

    For normal data of which one dimension is 1, the eigenvalue of X^T X that is not zero follows a chi-squared law with
    nu degrees of freedom: the orthogonal polynomials of x dmu are those of alpha = nu/2 in x/2.
    """
    k = xp.astype(xp.arange(degree), xp.float64)
    beside = xp.sqrt((k + 1) * (k + 1 + alpha))
    upper = xp.eye(degree, k=1)
    return xp.linalg.eigvalsh(
        xp.eye(degree) * (2 * k + 1 + alpha) + upper * beside[:, None] + upper.T * beside[None, :]
    )


def normal_rule(entries: int, nodes: int) -> tuple[list[list[float]], list[float]]:
    """Gauss-Hermite rule for independent standard normal entries, exact to degree 2 nodes - 1 in each.

    Returns points (nodes^entries rows) and their weights, which add up to 1.
    """
    import itertools

    import numpy as np

    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    points = np.asarray(list(itertools.product(x, repeat=entries)))
    weights = np.prod(np.asarray(list(itertools.product(w / w.sum(), repeat=entries))), axis=1)
    return points.tolist(), weights.tolist()
