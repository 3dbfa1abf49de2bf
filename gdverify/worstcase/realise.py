"""The worst function of a saved instance, to be evaluated anywhere: what an experiment can run its method on.

An instance is a Gram matrix and function values at a few points.  It becomes points in R^d by factorising the Gram
matrix, and a function of the class through them by interpolation (Taylor, Hendrickx, Glineur 2017, Theorem 4 and its
proof): with h = f - mu |x|^2/2 and l = L - mu,

    h(x) = min { l/2 |x - sum a_i z_i|^2 + sum a_i c_i : a >= 0, sum a_i = 1 },
    z_i = x_i - grad h(x_i)/l,   c_i = h(x_i) - |grad h(x_i)|^2/(2 l),

which is convex and l-smooth; without L, f(x) = max_i f_i + <g_i, x - x_i> + mu |x - x_i|^2/2.  Floating point: that the
instance is one is proved by `check`, in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ClaimError, MissingDependencyError
from .checker import check, rational


@dataclass
class WorstFunction:
    """A function of curvature in [mu, L] through the data: ``points`` (k, d), ``gradients`` (k, d), ``values`` (k,).

    ``labels`` name the points.
    """

    name: str
    mu: float
    L: float | None
    labels: list[str]
    points: np.ndarray
    gradients: np.ndarray
    values: np.ndarray

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and (sub)gradient at x (d,)."""
        if self.L is None:
            steps = x - self.points
            below = self.values + (self.gradients * steps).sum(axis=1) + self.mu / 2 * (steps**2).sum(axis=1)
            k = int(np.argmax(below))
            return float(below[k]), self.gradients[k] + self.mu * steps[k]
        slope = self.L - self.mu
        gradients = self.gradients - self.mu * self.points
        values = self.values - self.mu / 2 * (self.points**2).sum(axis=1)
        centres = self.points - gradients / slope
        levels = values - (gradients**2).sum(axis=1) / (2 * slope)
        weights = _simplex(centres - x, levels / slope)
        step = x - weights @ centres
        value = slope / 2 * step @ step + weights @ levels + self.mu / 2 * x @ x
        return float(value), slope * step + self.mu * x

    def mismatch(self) -> float:
        """Largest deviation of values and gradients at the data from the data."""
        found = [self(x) for x in self.points]
        deviation = [abs(v - u) for (v, _), u in zip(found, self.values, strict=True)]
        if self.L is not None:  # a subgradient is one of several
            deviation += [float(np.abs(g - u).max()) for (_, g), u in zip(found, self.gradients, strict=True)]
        return max(deviation, default=0.0)


def realise(artefact: Mapping[str, Any]) -> list[WorstFunction]:
    """The functions of a saved instance, in coordinates where the minimiser that was put at 0 is 0.

    Parameters
    ----------
    artefact : of kind "lower", as `run_worst_case` saves it

    Raises
    ------
    CertificateError
        the artefact proves nothing
    ClaimError
        it is no instance, or one of its functions is of a class without a construction here
    """
    kind, _ = check(dict(artefact))
    problem, instance = artefact["problem"], artefact["certificate"]
    if kind != "lower":
        raise ClaimError("an upper bound has no worst function; that is what kind 'lower' saves")
    gram = np.array([[float(rational(c)) for c in line] for line in instance["gram"]]).reshape(
        len(problem["basis"]), -1
    )
    eigenvalues, vectors = np.linalg.eigh(gram)
    kept = eigenvalues > 1e-16 * max(float(eigenvalues.max(initial=0.0)), 1e-300)
    basis = vectors[:, kept] * np.sqrt(eigenvalues[kept])
    named = np.zeros((len(problem["vectors"]), len(problem["basis"])))
    for a, (_, coords) in enumerate(problem["vectors"]):
        for k, c in coords:
            named[a, k] = float(rational(c))
    named = named @ basis
    values = np.array([float(rational(c)) for c in instance["values"]])

    def combine(coords: list[Any], table: np.ndarray) -> Any:
        return sum((float(rational(c)) * table[k] for k, c in coords), np.zeros(table.shape[1:]))

    out = []
    for member in problem.get("members", []):
        if not any(value for *_, value in member["data"]):
            continue  # an operator, or an indicator
        if set(member["conditions"]) != {"curvature"}:
            raise ClaimError(f"no construction for the class of {member['name']}")
        mu, L = (None if c is None else float(rational(c)) for c in member["conditions"]["curvature"])
        if mu is None or mu < 0:
            raise ClaimError(f"no construction for {member['name']}, which need not be convex")
        labels, x, g, v = zip(*member["data"], strict=True)
        out.append(
            WorstFunction(
                member["name"],
                mu,
                L,
                list(labels),
                np.array([combine(c, named) for c in x]),
                np.array([combine(c, named) for c in g]),
                np.array([combine(c, values) for c in v]),
            )
        )
    if not out:
        raise ClaimError("the instance has no function to realise")
    return out


def _simplex(vectors: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Weights a >= 0, sum a = 1, that minimise |sum a_i v_i|^2/2 + <linear, a>; in units of the vectors' size."""
    try:
        import clarabel
    except ImportError as error:
        raise MissingDependencyError("worst functions need Clarabel (pip install 'gdverify[proof]')") from error
    from scipy import sparse

    k = len(vectors)
    size = max(float((vectors**2).sum(axis=1).max()), float(np.ptp(linear)), 1e-300)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-13
    answer = clarabel.DefaultSolver(
        sparse.triu(vectors @ vectors.T / size, format="csc"),
        (linear - linear.min()) / size,
        sparse.vstack([sparse.csc_matrix(np.ones((1, k))), -sparse.eye_array(k)], format="csc"),
        np.concatenate([[1.0], np.zeros(k)]),
        [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(k)],
        settings,
    ).solve()
    weights = np.maximum(np.array(answer.x), 0.0)
    return weights / weights.sum()
