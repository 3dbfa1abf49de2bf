"""Gaussian couplings whose rectified flow is linear, with the costs that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class GaussianCoupling:
    """X_0 standard normal, X_1 = M X_0 + N w with w standard normal and independent; one coupling per row.

    X_t = (1 - t) X_0 + t X_1 has the covariance C_t = A_t A_t^T + t^2 N N^T, A_t = (1 - t) I + t M, and
    E[X_1 - X_0 | X_t = x] = V_t x with V_t = ((M - I) A_t^T + t N N^T) C_t^{-1}.

    Attributes
    ----------
    M, N : (size, d, d)
    """

    xp: Any
    M: Any
    N: Any

    def velocity(self, t: float) -> Any:
        """V_t, shape (size, d, d)."""
        xp, eye = self.xp, self.xp.eye(self.M.shape[-1])
        A, noise = (1 - t) * eye + t * self.M, xp.matmul(self.N, xp.matrix_transpose(self.N))
        C = xp.matmul(A, xp.matrix_transpose(A)) + t * t * noise
        return xp.matmul(xp.matmul(self.M - eye, xp.matrix_transpose(A)) + t * noise, xp.linalg.inv(C))

    def flow(self, n: int, end: float = 1.0) -> list[Any]:
        """The maps Z_0 -> Z_{k end/n} for k = 0, ..., n, by the Runge-Kutta method of order 4."""
        xp = self.xp
        path = [xp.eye(self.M.shape[-1]) + 0 * self.M]
        at = [end * self.velocity(end * k / (2 * n)) for k in range(2 * n + 1)]
        for k in range(n):
            here, half, there = at[2 * k], at[2 * k + 1], at[2 * k + 2]
            z = path[-1]
            p = xp.matmul(here, z)
            q = xp.matmul(half, z + p / (2 * n))
            r = xp.matmul(half, z + q / (2 * n))
            s = xp.matmul(there, z + r / n)
            path.append(z + (p + 2 * q + 2 * r + s) / (6 * n))
        return path

    def straightness(self, path: list[Any]) -> Any:
        """int E|Z_1 - Z_0 - v(Z_t, t)|^2 dt along the maps of `flow`, by Simpson's rule."""
        n = len(path) - 1
        whole = path[-1] - path[0]
        return _simpson([_square(self.xp, whole - self.xp.matmul(self.velocity(k / n), path[k])) for k in range(n + 1)])

    def variance(self, n: int) -> Any:
        """int E|X_1 - X_0 - v(X_t, t)|^2 dt, by Simpson's rule with n steps."""
        xp, eye = self.xp, self.xp.eye(self.M.shape[-1])
        values = []
        for k in range(n + 1):
            t = k / n
            V = self.velocity(t)
            start = self.M - eye - xp.matmul(V, (1 - t) * eye + t * self.M)
            values.append(_square(xp, start) + _square(xp, self.N - t * xp.matmul(V, self.N)))
        return _simpson(values)

    def start_cost(self, power: int) -> Any:
        """E|X_1 - X_0|^power, power 2 or 4."""
        xp, move = self.xp, self.M - self.xp.eye(self.M.shape[-1])
        drift, noise = (xp.matmul(m, xp.matrix_transpose(m)) for m in (move, self.N))
        return _moment(xp, drift + noise, power)

    def mean_cost(self, end: Any, power: int) -> Any:
        """E|Z_1 - Z_0|^power for Z_1 = end Z_0."""
        move = end - self.xp.eye(self.M.shape[-1])
        return _moment(self.xp, self.xp.matmul(move, self.xp.matrix_transpose(move)), power)

    def optimal_cost(self) -> Any:
        """The least E|X_1 - X_0|^2 between the two laws, in dimension 1 or 2 (Gelbrich's formula)."""
        xp = self.xp
        C = xp.matmul(self.M, xp.matrix_transpose(self.M)) + xp.matmul(self.N, xp.matrix_transpose(self.N))
        if C.shape[-1] == 1:
            return (xp.sqrt(C[:, 0, 0]) - 1) ** 2
        trace = C[:, 0, 0] + C[:, 1, 1]
        minor = C[:, 0, 0] * C[:, 1, 1] - C[:, 0, 1] * C[:, 1, 0]
        return trace + 2 - 2 * xp.sqrt(trace + 2 * xp.sqrt(minor))

    def rectified(self, path: list[Any]) -> GaussianCoupling:
        """The coupling of Z_0 and Z_1."""
        return GaussianCoupling(self.xp, path[-1], 0 * self.N)


def gaussian_couplings(xp: Any, rng: Any, size: int, d: int) -> GaussianCoupling:
    """Random couplings in dimension d = 1 or 2: half of them noisy, half rotations or scalings, whose paths do not
    cross."""
    clean = rng.bernoulli(0.5, (size, 1, 1))
    eye = xp.eye(d)
    scale = xp.exp(rng.uniform((size, 1, 1), -1, 1))
    if d == 2:
        angle = rng.uniform((size, 1, 1), -2, 2)
        turn = xp.asarray([[0.0, -1.0], [1.0, 0.0]])
        still = scale * (xp.cos(angle) * eye + xp.sin(angle) * turn)
    else:
        still = scale * eye
    M = clean * still + (1 - clean) * rng.uniform((size, d, d), -1.2, 1.2)
    N = (1 - clean) * xp.exp(rng.uniform((size, 1, 1), -0.5, 0.7)) * (eye + rng.uniform((size, d, d), -0.3, 0.3))
    return GaussianCoupling(xp, M, N)


def _square(xp: Any, x: Any) -> Any:
    return xp.sum(xp.sum(x * x, axis=-1), axis=-1)


def _moment(xp: Any, C: Any, power: int) -> Any:
    """E|z|^power for normal z of covariance C: tr C, or (tr C)^2 + 2 tr C^2."""
    trace = xp.linalg.trace(C)
    return trace if power == 2 else trace * trace + 2 * xp.linalg.trace(xp.matmul(C, C))


def _simpson(values: list[Any]) -> Any:
    n = len(values) - 1
    total = values[0] + values[-1]
    for k in range(1, n):
        total = total + (4 if k % 2 else 2) * values[k]
    return total / (3 * n)
