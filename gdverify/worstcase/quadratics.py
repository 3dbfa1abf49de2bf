"""Explicit instances: one-dimensional quadratics c(x - z)^2/2, followed exactly through the problem.

They belong to every class whose constants admit c, with or without an interpolation theorem, which makes them the
counterexamples for Polyak-Lojasiewicz functions and for steps that diverge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .problem import Point, Problem, Scalar
from .rounding import psd_witness
from .rows import Rows


@dataclass(frozen=True)
class Quadratic:
    """The instance: curvature, centre relative to the start, and squared length of the start."""

    curvature: Fraction
    centre: Fraction
    squared_scale: Fraction
    value: Fraction
    vectors: tuple[Fraction, ...]  # coordinate of every vector of the problem, at unit scale
    levels: tuple[Fraction, ...]  # function values, at unit scale

    def coordinates(self, rows: Rows) -> list[Fraction]:
        """Those of the basis vectors."""
        return [self.vectors[a] for a in rows.basis_ids]

    def instance(self, rows: Rows) -> dict[str, Any]:
        """Gram matrix and values, for the checker; and the function, for the reader."""
        t, v = self.squared_scale, self.coordinates(rows)
        gram = [[t * a * b for b in v] for a in v]
        values = [t * f for f in self.levels]
        return {
            "gram": [[str(c) for c in line] for line in gram],
            "values": [str(c) for c in values + [self.value] * (len(rows.values) - len(values))],
            "psd": psd_witness(gram),
            "function": {"curvature": str(self.curvature), "centre": str(self.centre), "squared_scale": str(t)},
        }

    def __str__(self) -> str:
        inside = f"(x - ({self.centre}))" if self.centre else "x"
        return f"quadratic f(x) = {self.curvature / 2} {inside}^2"


def best_quadratic(problem: Problem, enough: Fraction | None = None) -> Quadratic | None:
    """The quadratic with the largest objective, exactly feasible.

    ``enough`` : where the objective grows without limit, a value to exceed.
    """
    best: Quadratic | None = None
    functions = problem.functions
    if len(functions) != 1 or problem.operators or problem.block_count:
        return None
    kind = functions[0].kind
    centres = (
        [Fraction(0)] if kind.minimised or kind.bounded else [Fraction(0), Fraction(1, 2), Fraction(2), Fraction(-3)]
    )
    for c in _curvatures(kind):
        if not kind.has_quadratic(c):
            continue
        for z in centres:
            trial = _follow(problem, c, z, enough)
            if trial is not None and (best is None or trial.value > best.value):
                best = trial
    return best


def _curvatures(kind: Any) -> Iterable[Fraction]:
    low = max(kind.mu or Fraction(0), kind.pl or Fraction(0), Fraction(0))
    if kind.L is None:
        base = low or Fraction(1)
        return [base * Fraction(2) ** k for k in range(-8, 17)]
    inside = [low + (kind.L - low) * Fraction(k, 16) for k in range(17)]
    return [*inside, *(kind.L * Fraction(1, 2**k) for k in range(5, 11))]


def _follow(problem: Problem, c: Fraction, z: Fraction, enough: Fraction | None) -> Quadratic | None:
    """Simulate at unit scale; all rows are then affine in the squared scale t, which is chosen exactly."""
    vectors: list[Fraction] = []
    starts = 0
    basis_ids = problem._basis_ids
    number = {vector: k for k, vector in enumerate(basis_ids)}

    def place(x: Point) -> Fraction:
        total = Fraction(0)
        for a, w in x.coords.items():
            if a in number:
                total += w * vectors[number[a]]
            else:
                total += w * sum((d * vectors[k] for k, d in problem._vectors[a][1].items()), Fraction(0))
        return total

    for kind, _, x, implicit in problem.origins:
        if kind == "origin":
            vectors.append(Fraction(0))
        elif kind == "start":
            vectors.append(Fraction((-1) ** starts, starts + 1))
            starts += 1
        else:
            vectors.append(c * (place(x) - z) / (1 + implicit * c))
    values = [c / 2 * (place(x) - z) ** 2 for _, x in problem.evaluations]
    values = [v - values[0] for v in values]

    def affine(q: Scalar) -> tuple[Fraction, Fraction]:
        slope = Fraction(0)
        for (a, b), w in q.form.gram.items():
            slope += w * place(Point({a: Fraction(1)})) * place(Point({b: Fraction(1)}))
        for k, w in q.form.values.items():
            slope += w * values[k]
        return slope, q.form.constant

    low, high = Fraction(0), None
    for row in problem._rows:
        slope, constant = affine(Scalar(row.expression))
        if slope == 0:
            if constant < 0 or (row.equality and constant != 0):
                return None
            continue
        root = -constant / slope
        if row.equality or slope > 0:
            low = max(low, root)
        if row.equality or slope < 0:
            high = root if high is None else min(high, root)
    if high is not None and low > high:
        return None
    goals = [affine(q) for q in problem.goals]
    if high is None:
        high = max(low, Fraction(1))
        slope, constant = min(goals)
        if slope > 0 and enough is not None:
            high = max(high, 2 * (abs(enough) - constant + 1) / slope)
    coordinates = tuple(place(Point({a: Fraction(1)})) for a in range(len(problem._vectors)))
    levels = [v for k, v in enumerate(values) if k not in problem.fixed_values()]
    value, t = max((min(s * t + k for s, k in goals), t) for t in (low, high))
    return Quadratic(c, z, t, value, coordinates, tuple(levels))
