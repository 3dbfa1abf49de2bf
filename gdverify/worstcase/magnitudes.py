"""Magnitudes to solve in, from runs of the method on quadratics and linear operators.

After N contracting steps the quantity is smaller than the start by many orders, below what a solver resolves unless
every vector is measured in its own unit.  A simulation gives these units.  Floating point; nothing here is trusted.
"""

from __future__ import annotations

import cmath
import itertools
from typing import Any

import numpy as np

from .operators import OperatorClass
from .problem import Point, Problem
from .rows import Linear, Rows
from .solve import Arrays, Units

_PLACES = (0.0, 0.1, 0.5, 0.9, 1.0)  # within the range of curvatures


def simulated_units(problem: Problem, rows: Rows, a: Arrays) -> Units | None:
    """Units for the problem ``rows`` (a part of what ``problem`` compiles to), or None where the runs give none."""
    owners: list[Any] = [*problem.functions, *problem.operators]
    best: tuple[np.ndarray, np.ndarray, float] | None = None
    choices = (
        itertools.product(_PLACES, repeat=len(owners)) if len(owners) <= 2 else ((p,) * len(owners) for p in _PLACES)
    )
    for places in choices:
        slopes = {owner: _slope(owner.kind, place) for owner, place in zip(owners, places, strict=True)}
        found = _run(problem, slopes)
        if found is None:
            continue
        best = (
            found
            if best is None
            else (np.maximum(best[0], found[0]), np.maximum(best[1], found[1]), max(best[2], found[2]))
        )
    if best is None or not best[2] > 0 or not all(np.isfinite(b).all() for b in best):
        return None
    sizes, levels, goal = best
    size = sizes[rows.basis_ids]
    coefficient = np.abs(np.diagonal(a.gram, axis1=1, axis2=2)).max(axis=0, initial=0.0)
    size = np.where(size > 0, size, goal / np.where(coefficient > 0, coefficient, 1.0))
    fixed = problem.fixed_values()
    value = np.array([v for k, v in enumerate(levels) if k not in fixed] + [goal] * len(rows.values))[
        : len(rows.values)
    ]
    value = np.where(value > 0, value, goal)
    root = np.sqrt(size)
    row = (np.abs(a.gram) * np.outer(root, root)).max(axis=(1, 2), initial=0.0)
    row = np.maximum(row, np.maximum((np.abs(a.values) * value).max(axis=1, initial=0.0), np.abs(a.constant)))
    return Units(size, value, np.where(row > 0, row, 1.0), goal)


def _slope(kind: Any, place: float) -> complex:
    """A multiple of the identity (of a rotation, for operators) in the class."""
    if isinstance(kind, OperatorClass):
        mu = float(kind.mu or 0)
        if kind.beta is not None:
            return (1 + cmath.exp(1j * cmath.pi * (1 - place))) / (2 * float(kind.beta))
        return mu + 1j * place * float(kind.L if kind.L is not None else 1)
    if kind.indicator:
        return 0.0
    low = max(float(kind.mu or 0), float(kind.pl or 0), 0.0)
    high = float(kind.L) if kind.L is not None else low + place
    return low + place * (high - low)


def _run(problem: Problem, slopes: dict[Any, complex]) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Squared lengths of all vectors, sizes of all values, and the objective, where the assumed rows fix the scale."""
    vectors: list[complex] = []
    starts = 0

    def place(x: Point) -> complex:
        return sum((float(w) * at(a) for a, w in x.coords.items()), 0j)

    def at(vector: int) -> complex:
        return sum((float(d) * vectors[k] for k, d in problem._vectors[vector][1].items()), 0j)

    for kind, owner, x, implicit in problem.origins:
        if kind == "origin":
            vectors.append(0j)
        elif kind == "start":
            vectors.append((-1) ** starts / (starts + 1) + 0j)
            starts += 1
        else:
            vectors.append(slopes[owner] * place(x) / (1 + float(implicit) * slopes[owner]))
    every = np.array([at(a) for a in range(len(problem._vectors))])
    levels = np.array([slopes[f].real / 2 * abs(place(x)) ** 2 for f, x in problem.evaluations])

    def affine(form: Linear) -> tuple[float, float]:
        slope = sum(float(c) * (every[a] * every[b].conjugate()).real for (a, b), c in form.gram.items())
        return float(slope + sum(float(c) * levels[k] for k, c in form.values.items())), float(form.constant)

    scale = 1.0
    for row in problem._rows:
        slope, constant = affine(row.expression)
        if slope * constant < 0:
            scale = -constant / slope
            break
    goal = min(scale * slope + constant for slope, constant in (affine(q.form) for q in problem.goals))
    return scale * np.abs(every) ** 2, scale * levels, goal
