"""Coordinates in which a problem is sparse.

Gradients are the coordinates that a problem is stated in; every iterate then has all earlier ones.  In coordinates of
the iterates a gradient is the difference of two or three of them, and rows couple neighbours only: the solver splits
the semidefinite cone into small ones, and the exact factorisation is banded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from .rounding import flint_library
from .rows import Rows
from .workingset import near

_SMALL = 15  # basis vectors below which little is gained


def sparser_basis(problem: Rows) -> Rows:
    """The same problem in coordinates of its points, if that is sparser."""
    if len(problem.basis) < _SMALL:
        return problem
    other = in_points(problem)
    return other if _filled(other) < 0.7 * _filled(problem) else problem


def in_points(problem: Rows) -> Rows:
    """The same problem in coordinates of its points, completed by other vectors, the latest first."""
    n = len(problem.basis)
    first = [a for a in dict.fromkeys(problem.points) if problem.vectors[a][1]]
    rest = [a for a in range(len(problem.vectors) - 1, -1, -1) if a not in first]
    order = first + rest
    table = _matrix(problem, order).transpose()
    reduced, rank = table.rref()
    if rank < n:
        return problem
    chosen, row = [], 0
    for column, a in enumerate(order):
        if row < n and reduced[row, column] != 0:
            chosen.append(a)
            row += 1
    every = _matrix(problem, range(len(problem.vectors))) * _matrix(problem, chosen).inv()
    vectors = [
        (name, {k: Fraction(int(c.p), int(c.q)) for k, c in enumerate(line) if c != 0})
        for (name, _), line in zip(problem.vectors, every.tolist(), strict=True)
    ]
    names = [problem.vectors[a][0] for a in chosen]
    return replace(problem, basis=names, vectors=vectors, basis_ids=chosen, stated=problem)


def _matrix(problem: Rows, vectors: Sequence[int]) -> Any:
    """Coordinates of vectors, one row for each."""
    flint = flint_library()
    out = flint.fmpq_mat(len(vectors), len(problem.basis))
    for line, a in enumerate(vectors):
        for k, c in problem.vectors[a][1].items():
            out[line, k] = flint.fmpq(c.numerator, c.denominator)
    return out


def _filled(problem: Rows) -> int:
    """How many entries of the slack matrix can differ from 0."""
    support = np.zeros((len(problem.vectors), len(problem.basis)), dtype=int)
    for a, (_, coords) in enumerate(problem.vectors):
        support[a, list(coords)] = 1
    products = np.zeros((len(support), len(support)), dtype=int)
    for form in [problem.objective, *(r.expression for r in problem.rows if near(r))]:
        for a, b in form.gram:
            products[a, b] = products[b, a] = 1
    return int(np.count_nonzero(support.T @ products @ support))
