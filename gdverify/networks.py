"""Random networks with batch normalisation: their Gram matrices, sampled and averaged over an infinite width.

One linear layer with batch normalisation (rows scaled to unit norm, no mean subtraction) takes hidden activations H
(d x n, a batch of n) to d^(-1/2) BN(W H) with Gaussian W.  Only G = H^T H (n x n, trace 1) matters: the next one is
the mean of d rank-one projectors a a^T, a = L z/|L z|, where G = L L^T and z is standard normal.  Its mean has the
eigenvectors of G, and the eigenvalues that `mean_spectrum` computes.

Works for NumPy and CuPy through ``xp``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_PANELS = 75  # the last one ends at about 8e12


def gram_step(xp: Any, rng: Any, factor: Any, width: int) -> Any:
    """Gram matrix after one layer.

    Parameters
    ----------
    factor : (size, n, r), any L with G = L L^T
    width : number of neurons d

    Returns
    -------
    (size, n, n), trace 1
    """
    rows = xp.matmul(rng.normal((factor.shape[0], width, factor.shape[2])), xp.matrix_transpose(factor))
    rows = rows / xp.sqrt(xp.sum(rows * rows, axis=-1, keepdims=True))
    return xp.matmul(xp.matrix_transpose(rows), rows) / width


def gram_chain(xp: Any, rng: Any, factor: Any, width: int, layers: int) -> list[Any]:
    """Spectra (size, n), ascending, of the Gram matrices after 1, 2, ... layers; ``factor`` as in `gram_step`."""
    spectra = []
    for _ in range(layers):
        gram = gram_step(xp, rng, factor, width)
        values, vectors = xp.linalg.eigh(gram)
        values = xp.maximum(values, xp.asarray(0.0))
        spectra.append(values)
        factor = vectors * xp.sqrt(values)[:, None, :]
    return spectra


def gap(xp: Any, spectrum: Any) -> Any:
    """Orthogonality gap |G - I/n| (Frobenius) of Gram matrices with these spectra (size, n): shape (size,)."""
    n = spectrum.shape[-1]
    return xp.sqrt(xp.sum((spectrum - 1 / n) ** 2, axis=-1))


def mean_spectrum(xp: Any, spectrum: Any) -> tuple[Any, Any]:
    """E[lambda_i z_i^2 / sum_j lambda_j z_j^2] for standard normal z, and a bound on the error of the computation.

    The mean is the integral over theta > 0 of lambda_i/(1 + 2 theta lambda_i) prod_j (1 + 2 theta lambda_j)^(-1/2),
    a completely monotone function: on each panel Gauss quadrature falls short of it and the tail beyond the
    last panel is positive, so the sum is a lower bound; since the means add up to 1, what is missing bounds the error.

    Parameters
    ----------
    spectrum : (size, n), positive, sum 1

    Returns
    -------
    means (size, n), error (size,)
    """
    theta, weights = _rule(xp)
    grown = 1 + 2 * theta[None, :, None] * spectrum[:, None, :]
    if xp.interval:
        shrunk = 1 / xp.sqrt(xp.prod(grown, axis=-1))
    else:
        shrunk = xp.exp(-0.5 * xp.sum(xp.log(grown), axis=-1))
    means = xp.sum((weights * shrunk)[:, :, None] * spectrum[:, None, :] / grown, axis=1)
    return means, 1 - xp.sum(means, axis=-1)


def mean_log(xp: Any, spectrum: Any) -> Any:
    """E log(sum_j lambda_j z_j^2) for standard normal z, by Frullani's integral, to about 1e-8: shape (size,).

    ``spectrum`` is (size, n), n >= 2, positive, with sum 1.
    """
    theta, weights = _rule(xp)
    grown = 1 + 2 * theta[None, :, None] * spectrum[:, None, :]
    transform = xp.exp(-0.5 * xp.sum(xp.log(grown), axis=-1))
    return xp.sum(weights / theta * (xp.exp(-theta) - transform), axis=-1)


def _rule(xp: Any) -> tuple[Any, Any]:
    """Five-point Gauss-Legendre rule on panels that grow by 3/2: nodes and weights, shapes (5 * panels,)."""
    root = lambda p, q: xp.sqrt(xp.asarray(p) / q)
    inner, outer = (xp.sqrt(5 + s * 2 * root(10.0, 7)) / 3 for s in (-1, 1))
    heavy, light = ((322 + s * 13 * root(70.0, 1)) / 900 for s in (1, -1))
    nodes = xp.stack([-outer, -inner, 0 * inner, inner, outer])
    weights = xp.stack([light, heavy, 0 * heavy + xp.asarray(128.0) / 225, heavy, light])
    edges = xp.from_host(0.5 * (1.5 ** np.arange(_PANELS + 1) - 1))
    half, middle = (edges[1:] - edges[:-1]) / 2, (edges[1:] + edges[:-1]) / 2
    theta = middle[:, None] + half[:, None] * nodes
    return xp.reshape(theta, (-1,)), xp.reshape(half[:, None] * weights, (-1,))


def correlated(xp: Any, size: int, n: int, correlation: float) -> Any:
    """Factor (size, n, n + 1) of the Gram matrix ((1 - r) I + r 1 1^T)/n: inputs with equal pairwise correlation r."""
    own = math.sqrt((1 - correlation) / n) * xp.eye(n)
    common = math.sqrt(correlation / n) * xp.ones((n, 1))
    return xp.broadcast_to(xp.concat([own, common], axis=1), (size, n, n + 1))
