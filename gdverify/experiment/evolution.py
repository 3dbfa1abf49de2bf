"""Several evolution strategies stepped together: CMA-ES with a full covariance matrix in low dimension, diagonal above.

Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772 (default parameters of its Table 1); Ros and Hansen,
"A simple modification in CMA-ES achieving linear time and space complexity", PPSN 2008 (the diagonal variant).
"""

from __future__ import annotations

from typing import Any

import numpy as np

FULL = 50  # largest dimension with a full covariance matrix
_SMALL, _LARGE, _CONDITION = 1e-11, 1e6, 1e7


class Strategies:
    """``count`` strategies of ``population`` candidates each, in coordinates that are scaled by ``spread``.

    Parameters
    ----------
    means : (count, n) where each begins
    sigma : (count,) first step size of each
    spread : (n,) unit of each coordinate
    """

    def __init__(self, means: np.ndarray, sigma: np.ndarray, spread: np.ndarray, population: int):
        self.count, self.n = means.shape
        self.population, self.spread = population, spread
        n, half = self.n, population // 2
        self.full = n <= FULL
        weights = np.log((population + 1) / 2) - np.log(np.arange(1, half + 1))
        self.weights = weights / weights.sum()
        mass = 1 / np.sum(self.weights**2)
        self.mass = mass
        self.cc = (4 + mass / n) / (n + 4 + 2 * mass / n)
        self.cs = (mass + 2) / (n + mass + 5)
        self.c1 = 2 / ((n + 1.3) ** 2 + mass)
        self.cmu = min(1 - self.c1, 2 * (mass - 2 + 1 / mass) / ((n + 2) ** 2 + mass))
        if not self.full:  # n numbers are learned instead of n^2
            self.c1, self.cmu = min(0.5, self.c1 * (n + 2) / 3), min(0.5, self.cmu * (n + 2) / 3)
        self.damping = 1 + 2 * max(0.0, ((mass - 1) / (n + 1)) ** 0.5 - 1) + self.cs
        self.expected = n**0.5 * (1 - 1 / (4 * n) + 1 / (21 * n * n))  # of the norm of a standard normal vector
        self.mean = means / spread
        self.sigma = np.array(sigma, dtype=float)
        shape = (self.count, n, n) if self.full else (self.count, n)
        self.cov = np.broadcast_to(np.eye(n) if self.full else np.ones(n), shape).copy()
        self.basis, self.axes = self.cov.copy(), np.ones((self.count, n))
        self.path, self.path_sigma = np.zeros((self.count, n)), np.zeros((self.count, n))
        self.age = np.zeros(self.count, dtype=int)

    def restart(self, k: int, mean: np.ndarray, sigma: float) -> None:
        """Begin strategy ``k`` again, with nothing learned."""
        self.mean[k], self.sigma[k], self.age[k] = mean / self.spread, sigma, 0
        self.cov[k] = np.eye(self.n) if self.full else 1.0
        self.basis[k], self.axes[k] = self.cov[k], 1.0
        self.path[k], self.path_sigma[k] = 0.0, 0.0

    def ask(self, rng: np.random.Generator) -> np.ndarray:
        """Candidates, shape (count, population, n)."""
        z = rng.standard_normal((self.count, self.population, self.n)) * self.axes[:, None, :]
        step = z @ np.swapaxes(self.basis, 1, 2) if self.full else z
        return (self.mean[:, None, :] + self.sigma[:, None, None] * step) * self.spread

    def tell(self, candidates: np.ndarray, order: np.ndarray) -> None:
        """Learn; ``order`` (count, population) lists each strategy's candidates from best to worst."""
        best = np.take_along_axis(candidates, order[:, : len(self.weights), None], axis=1) / self.spread
        steps = (best - self.mean[:, None, :]) / self.sigma[:, None, None]
        move = np.einsum("m,kmn->kn", self.weights, steps)
        self.mean = self.mean + self.sigma[:, None] * move
        if self.full:
            back = np.einsum("kji,kj->ki", self.basis, move) / self.axes
            white = np.einsum("kij,kj->ki", self.basis, back)
        else:
            white = move / self.axes
        cs, cc, c1, cmu = self.cs, self.cc, self.c1, self.cmu
        self.path_sigma = (1 - cs) * self.path_sigma + (cs * (2 - cs) * self.mass) ** 0.5 * white
        length = np.linalg.norm(self.path_sigma, axis=1)
        self.age += 1
        limit = (1.4 + 2 / (self.n + 1)) * self.expected * np.sqrt(1 - (1 - cs) ** (2 * self.age))
        on = (length < limit).astype(float)
        self.path = (1 - cc) * self.path + (on * (cc * (2 - cc) * self.mass) ** 0.5)[:, None] * move
        keep = 1 - c1 - cmu + c1 * (1 - on) * cc * (2 - cc)
        if self.full:
            one = self.path[:, :, None] * self.path[:, None, :]
            rank = np.einsum("m,kmi,kmj->kij", self.weights, steps, steps)
            self.cov = keep[:, None, None] * self.cov + c1 * one + cmu * rank
        else:
            rank = np.einsum("m,kmi->ki", self.weights, steps**2)
            self.cov = keep[:, None] * self.cov + c1 * self.path**2 + cmu * rank
        self.sigma = self.sigma * np.exp(np.minimum(1.0, cs / self.damping * (length / self.expected - 1)))
        self._decompose()

    def _decompose(self) -> None:
        if self.full:
            values, self.basis = np.linalg.eigh((self.cov + np.swapaxes(self.cov, 1, 2)) / 2)
            self.axes = np.sqrt(np.maximum(values, 1e-30))
        else:
            self.axes = np.sqrt(np.maximum(self.cov, 1e-30))

    def spent(self) -> np.ndarray:
        """Which strategies have shrunk to a point, grown without end, or become too ill-conditioned."""
        widest, narrowest = self.axes.max(axis=1), self.axes.min(axis=1)
        size = self.sigma * widest
        bad = (size < _SMALL) | (size > _LARGE) | (widest > _CONDITION * narrowest)
        return bad | ~np.isfinite(size) | ~np.all(np.isfinite(self.mean), axis=1)


def ranked(scores: np.ndarray, ties: np.ndarray) -> Any:
    """Indices from best to worst along the last axis: by score, and where that says nothing by ``ties``."""
    return np.flip(np.lexsort((ties, scores), axis=-1), axis=-1)
