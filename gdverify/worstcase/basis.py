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

from .rounding import congruence, flint_library
from .rows import Rows
from .workingset import near

_MOST = 40  # basis vectors up to which directions that no row sees are looked for
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


def without_gauge(problem: Rows) -> Rows:
    """The same problem with as many basis vectors put to 0 as there are directions that no row can see.

    If every row and the objective, as symmetric matrices A, have A v = 0, then e_k - (v_k/v_p) e_p in place of each
    basis vector e_k changes no row: moving all points by one vector, say, or moving a linear function from one summand
    to another.  Of such a direction nothing but a solver's failure can be learnt.  Found in exact arithmetic.
    """
    flint = flint_library()
    n = len(problem.basis)
    if not 1 < n <= _MOST:
        return problem
    mixed: dict[tuple[int, int], Fraction] = dict(problem.objective.gram)
    for k, row in enumerate(problem.rows):
        weight = 1 + (37 * k * k + 11 * k) % 101  # any: what all rows leave out, every mixture of them does
        for key, c in row.expression.gram.items():
            mixed[key] = mixed.get(key, Fraction(0)) + weight * c
    matrix = congruence([coords for _, coords in problem.vectors], mixed, n)
    kernel = _null_space(flint.fmpq_mat([[flint.fmpq(c.numerator, c.denominator) for c in line] for line in matrix]))
    if not kernel:
        return problem
    for form in [problem.objective, *(r.expression for r in problem.rows)]:
        images = [_apply(problem, form.gram, v) for v in kernel]
        if not any(any(image) for image in images):
            continue
        table = flint.fmpq_mat(
            [[flint.fmpq(c.numerator, c.denominator) for c in line] for line in zip(*images, strict=True)]
        )
        kernel = [
            [sum((w * v[k] for w, v in zip(weights, kernel, strict=True)), Fraction(0)) for k in range(n)]
            for weights in _null_space(table)
        ]
        if not kernel:
            return problem
    table = flint.fmpq_mat([[flint.fmpq(c.numerator, c.denominator) for c in v] for v in kernel])
    reduced, rank = table.rref()
    pivots = {next(k for k in range(n) if reduced[line, k] != 0) for line in range(rank)}
    kept = [k for k in range(n) if k not in pivots]
    if not kept or all(sum(1 for c in v if c) == 1 for v in kernel):  # single vectors: the solver leaves them out
        return problem
    place = {k: position for position, k in enumerate(kept)}
    vectors = [(name, {place[k]: c for k, c in coords.items() if k in place}) for name, coords in problem.vectors]
    ids = [problem.basis_ids[k] for k in kept]
    return replace(problem, basis=[problem.basis[k] for k in kept], vectors=vectors, basis_ids=ids, gauged=True)


def _apply(problem: Rows, gram: Any, v: list[Fraction]) -> list[Fraction]:
    """The symmetric matrix of a form times a vector, times 2."""
    out = [Fraction(0)] * len(v)
    for (a, b), c in gram.items():
        for left, right in ((a, b), (b, a)):
            product = sum((d * v[k] for k, d in problem.vectors[right][1].items()), Fraction(0))
            if product:
                for k, d in problem.vectors[left][1].items():
                    out[k] += c * d * product
    return out


def _null_space(table: Any) -> list[list[Fraction]]:
    """A basis of the vectors x with table x = 0."""
    reduced, rank = table.rref()
    columns = table.ncols()
    pivots = [next(k for k in range(columns) if reduced[line, k] != 0) for line in range(rank)]
    out = []
    for free in (k for k in range(columns) if k not in pivots):
        x = [Fraction(0)] * columns
        x[free] = Fraction(1)
        for line, k in enumerate(pivots):
            x[k] = -Fraction(int(reduced[line, free].p), int(reduced[line, free].q))
        out.append(x)
    return out


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
