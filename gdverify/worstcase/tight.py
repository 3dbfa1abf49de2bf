"""Certificates of bounds that are attained: the slack matrix is singular, so rounding has to hit a face exactly.

Two ways.  If the worst instance is (nearly) known, its vectors span the kernel of the slack matrix, and "slack matrix
times kernel = 0" are linear equations that the rounded multipliers are made to satisfy exactly.  Otherwise rows are
dropped until the multipliers are unique, which often makes them fractions with small denominators.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from .certify import balance, prove
from .rounding import dyadic, repair
from .rows import Rows
from .solve import Arrays, Solution, Units, solve, solve_in_units, units

_MOST_ROWS = 200  # dropping rows one by one costs a solve each
_Kernel = list[list[Fraction]]


def tight_certificate(
    problem: Rows,
    a: Arrays,
    first: Solution,
    limit: Fraction,
    instance: list[Fraction] | None = None,
) -> tuple[Fraction, dict[str, Any]] | None:
    """An exact certificate of at most ``limit``, the worst case itself.

    ``instance`` : coordinates (one per basis vector) of a one-dimensional worst instance, where one is known.
    """
    u = units(a, first)
    solution = solve_in_units(a, u)
    if not solution.finite:
        solution = first
    for kernel in _kernels(u, solution, instance):
        multipliers = _on_face(problem, a, u, solution, kernel)
        found = prove(problem, multipliers) if multipliers is not None else None
        if found is not None and found[0] <= limit:
            return found
    return _few_rows(problem, a, first, limit) if len(problem.rows) <= _MOST_ROWS else None


def _kernels(u: Units, solution: Solution, instance: list[Fraction] | None) -> Iterator[_Kernel]:
    """Guesses of vectors that span the range of the optimal Gram matrix."""
    if instance is not None:
        yield [instance]
    from scipy.linalg import qr

    root = np.sqrt(u.size)
    eigenvalues, vectors = np.linalg.eigh(solution.gram / np.outer(root, root))
    for threshold in (1e-3, 1e-5):
        span = vectors[:, eigenvalues > threshold]
        rank = span.shape[1]
        if rank == 0 or rank == len(root):
            continue
        _, _, pivots = qr(span.T, mode="economic", pivoting=True)
        basis = root[:, None] * span @ np.linalg.inv(span[pivots[:rank]]) / root[pivots[:rank]]
        for denominator in (12, 120, 1200, 12000):
            yield [[Fraction(float(c)).limit_denominator(denominator) for c in column] for column in basis.T]


def _on_face(problem: Rows, a: Arrays, u: Units, solution: Solution, kernel: _Kernel) -> list[Fraction] | None:
    """Multipliers near the solver's for which the slack matrix annihilates the kernel exactly."""
    slack = (a.gram * solution.gram).sum(axis=(1, 2)) + a.values @ solution.values + a.constant
    active = a.equality | (solution.multipliers * u.row / u.goal > slack / u.row)
    active &= ~a.idle
    x = [dyadic(m, 50) if on else Fraction(0) for m, on in zip(solution.multipliers, active, strict=True)]
    columns, target = balance(problem, a)
    columns = [dict(column) for column in columns]
    for vector in kernel:
        products = [sum((c * vector[k] for k, c in coords.items()), Fraction(0)) for _, coords in problem.vectors]
        for on, row, column in zip(active, problem.rows, columns, strict=True):
            if on:
                for k, c in _times(problem, row.expression.gram, products).items():
                    column[len(target) + k] = c
        goal = _times(problem, problem.objective.gram, products)
        target += [-goal.get(k, Fraction(0)) for k in range(len(problem.basis))]
    return repair(columns, target, x, np.where(active, np.abs(solution.multipliers), 0.0))


def _times(problem: Rows, gram: Any, products: list[Fraction]) -> dict[int, Fraction]:
    """The symmetric matrix of a form times a vector, whose inner products with all vectors are given."""
    out: dict[int, Fraction] = {}
    for (a, b), c in gram.items():
        for left, right in ((a, b), (b, a)):
            if products[right]:
                for k, d in problem.vectors[left][1].items():
                    out[k] = out.get(k, Fraction(0)) + c * d * products[right] / 2
    return {k: c for k, c in out.items() if c}


def _few_rows(problem: Rows, a: Arrays, first: Solution, limit: Fraction) -> tuple[Fraction, dict[str, Any]] | None:
    dropped = a.idle.copy()
    most = first.value + 1e-7 * max(abs(first.value), 1e-12)
    multipliers = first.multipliers
    chunk = max(1, len(dropped) // 4)
    while chunk:
        order = [r for r in np.argsort(np.abs(multipliers)) if not dropped[r] and not a.equality[r]]
        for start in range(0, len(order), chunk):
            trial = dropped.copy()
            trial[order[start : start + chunk]] = True
            solution = solve(replace(a, idle=trial))
            if solution.usable and solution.value <= most:
                dropped, multipliers = trial, solution.multipliers
        chunk //= 2
    for denominator in (20, 200, 2000, 20000):
        nice = [
            Fraction(0) if off else Fraction(float(m)).limit_denominator(denominator)
            for m, off in zip(multipliers, dropped, strict=True)
        ]
        found = prove(problem, nice)
        if found is not None and found[0] <= limit:
            return found
    return None
