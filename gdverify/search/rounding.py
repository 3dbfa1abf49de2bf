"""From a floating-point answer to an exact one: drop what is zero, round what is free, solve for the rest over Q."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq

from .solve import solve
from .system import Block, System, exact_solution, ldl

_DENOMINATORS = (1, 2, 12, 120, 5040, 10**6, 10**10)
_FACES = ((1e-6, 12), (1e-3, 12), (1e-4, 120), (1e-6, 10**4), (1e-8, 10**4))  # what counts as zero; denominators


def exact(system: System, x: Any) -> tuple[dict[int, Any], dict[int, list[tuple[Any, list[Any]]]]] | None:
    """(multipliers by column, squares (d, coefficients) by block), all verified; None if rounding fails."""
    for tolerance, denominator in _FACES:
        cut = tolerance * max(1.0, float(np.abs(x).max()))
        reduced, guess, faces = _restrict(system, x, cut, denominator)
        if not guess or exact_solution(reduced, range(len(guess)), [fmpq(0)] * len(guess)) is None:
            continue
        for point in (guess, _inner_point(reduced)):
            for values in _candidates(reduced, point):
                squares = _verify(reduced, values, faces)
                if squares is not None:
                    names = [c for c, keep in enumerate(_kept(system, x, cut)) if keep]
                    return {names[j]: values[j] for j in range(len(names))}, squares
    return None


def _inner_point(system: System) -> list[float]:
    """A point well inside the face, where small changes do no harm; empty if there is none."""
    system.cost = [0.0] * len(system.columns)
    answer = solve(system, cheap=False)
    return [float(v) for v in answer.x] if answer.status == "found" else []


def _kept(system: System, x: Any, cut: float) -> list[bool]:
    return [abs(x[j]) > cut for j in range(len(system.multipliers))]


def _restrict(
    system: System, x: Any, cut: float, denominator: int
) -> tuple[System, Any, list[tuple[int, list[list[Any]]]]]:
    """The system on the face of the cones that x seems to lie on: zero multipliers gone, Gram matrices V P V^T."""
    small = System(goal=system.goal)
    guess: list[float] = []
    for j, keep in enumerate(_kept(system, x, cut)):
        if keep:
            small.columns.append(system.columns[j])
            small.multipliers.append(system.multipliers[j])
            small.signed += j < system.signed
            guess.append(float(x[j]))
    faces = []
    for number, block in enumerate(system.blocks):
        gram = np.zeros((block.size, block.size))
        for k, (i, j) in enumerate(block.entries):
            gram[i, j] = gram[j, i] = x[block.first + k]
        span = _range(gram, cut, denominator)
        if not span:
            continue
        v = np.array([[float(c) for c in row] for row in span]).T
        inverse = np.linalg.pinv(v)
        core = inverse @ gram @ inverse.T
        part = Block(block.weight, tuple(range(len(span))), len(small.columns))
        for i, j in part.entries:
            small.columns.append(_combined(system, block, span, i, j))
            guess.append(float(core[i, j]))
        small.blocks.append(part)
        faces.append((number, span))
    return small, guess, faces


def _range(gram: Any, cut: float, denominator: int) -> list[list[Any]]:
    """A rational basis of the range of a numerical Gram matrix: reduced echelon form of its large eigenvectors."""
    values, vectors = np.linalg.eigh(gram)
    rows = vectors[:, values > cut].T
    if not len(rows):
        return []
    rows = rows.copy()
    pivots: list[int] = []
    for i in range(len(rows)):
        rest = np.abs(rows[i:]).copy()
        rest[:, pivots] = 0
        r, c = np.unravel_index(np.argmax(rest), rest.shape)
        rows[[i, i + int(r)]] = rows[[i + int(r), i]]
        rows[i] /= rows[i, c]
        for k in range(len(rows)):
            if k != i:
                rows[k] -= rows[k, c] * rows[i]
        pivots.append(int(c))
    return [[_rational(value, denominator) for value in row] for row in rows]


def _rational(value: float, denominator: int) -> Any:
    q = Fraction(float(value)).limit_denominator(denominator)
    return fmpq(q.numerator, q.denominator)


def _combined(system: System, block: Block, span: list[list[Any]], i: int, j: int) -> dict[Any, Any]:
    """The column of P_ij: sum over (a, b) of what V P V^T puts at Q_ab."""
    total: dict[Any, Any] = {}
    for k, (a, b) in enumerate(block.entries):
        weight = span[i][a] * span[j][b]
        if i != j:
            weight = weight + span[j][a] * span[i][b]
        if weight != 0:
            for m, value in system.columns[block.first + k].items():
                total[m] = total.get(m, fmpq(0)) + weight * value
    return {m: v for m, v in total.items() if v != 0}


def _candidates(system: System, guess: list[float]) -> Iterator[dict[int, Any]]:
    for denominator in _DENOMINATORS if guess else ():
        rounded = [_rational(value, denominator) for value in guess]
        values = exact_solution(system, range(len(guess)), rounded)
        if values is None:
            return
        yield values


def _verify(
    system: System, values: dict[int, Any], faces: list[tuple[int, list[list[Any]]]]
) -> dict[int, list[tuple[Any, list[Any]]]] | None:
    """Squares by block of the full system if all signs are right, else None."""
    if any(values[j] < 0 for j in range(system.signed)):
        return None
    squares = {}
    for block, (number, span) in zip(system.blocks, faces, strict=True):
        gram = [[fmpq(0)] * block.size for _ in range(block.size)]
        for k, (i, j) in enumerate(block.entries):
            gram[i][j] = gram[j][i] = values[block.first + k]
        factors = ldl(gram)
        if factors is None:
            return None
        width = len(span[0])
        squares[number] = [
            (d, [sum((line[i] * span[i][a] for i in range(block.size)), fmpq(0)) for a in range(width)])
            for d, line in factors
        ]
    return squares
