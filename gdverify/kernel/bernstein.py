"""A polynomial is >= 0 on a box, where other polynomials are: Bernstein coefficients and subdivision, over Q.

On a cell a polynomial lies between its least and its greatest Bernstein coefficient.  An unbounded side is mapped to
[0, 1] by x = a + t/(1 - t), which multiplies the polynomial by a power of 1 - t >= 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from math import comb
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from ..errors import ProofError

Side = tuple[Any, Any, Any, Any]  # x = (A (1 - t) + B t) / (C (1 - t) + D t)


def positive_on_box(
    target: Any, given: Sequence[tuple[Any, str]], box: Sequence[tuple[Any, Any]], *, strict: bool, cells: int
) -> None:
    """Return if target >= 0 (> 0) on the part of the box where every ``given`` polynomial has its sign.

    Parameters
    ----------
    target, given : fmpq_mpoly over one context; each given one with its relation ``>=``, ``>`` or ``==``
    box : (low, high) by variable, fmpq or None for an infinite end
    cells : how many cells may be looked at

    Raises
    ------
    ProofError
        it is not proved within the budget, or a vertex of a cell refutes it
    """
    polys = [target, *(g for g, _ in given)]
    relations = [r for _, r in given]
    work: list[tuple[list[Any], int, tuple[bool, ...]]] = []
    for sides in product(*(_sides(*ends) for ends in box)):
        far = tuple(side[3] == 0 for side in sides)  # the cell reaches to infinity along this axis
        work.append(([_coefficients(p, sides) for p in polys], 0, far))
    while work:
        cells -= 1
        if cells < 0:
            raise ProofError("not proved by subdivision: it may touch zero (use a certificate)")
        arrays, depth, far = work.pop()
        if any(_excluded(g, r) for g, r in zip(arrays[1:], relations, strict=True)):
            continue
        if arrays[0].min() >= 0 and (not strict or _corners_positive(arrays[0], far)):
            continue
        _refute(arrays, relations)
        axis = depth % len(box)
        halves = [_halves(a, axis) for a in arrays]
        near = (*far[:axis], False, *far[axis + 1 :])
        work += [([h[0] for h in halves], depth + 1, near), ([h[1] for h in halves], depth + 1, far)]


def _sides(low: Any, high: Any) -> list[Side]:
    zero, one = fmpq(0), fmpq(1)
    if low is not None and high is not None:
        return [(low, high, one, one)]
    if low is not None:
        return [(low, one, one, zero)]
    if high is not None:
        return [(high, -one, one, zero)]
    return [(zero, one, one, zero), (zero, -one, one, zero)]


def _coefficients(poly: Any, sides: Sequence[Side]) -> Any:
    """Bernstein coefficients on the unit box, one axis for each variable."""
    degrees = poly.degrees() if not poly.is_zero() else (0,) * len(sides)
    array = np.full([d + 1 for d in degrees], fmpq(0), dtype=object)
    for exponents, c in poly.to_dict().items():
        array[tuple(exponents)] = c
    for axis, (d, side) in enumerate(zip(degrees, sides, strict=True)):
        change = np.array(_to_bernstein(int(d), side), dtype=object)
        array = np.moveaxis(np.tensordot(change, array, axes=(1, axis)), 0, axis)
    return array


def _to_bernstein(d: int, side: Side) -> list[list[Any]]:
    """Row i, column j: coefficient of (1-t)^(d-i) t^i in (A(1-t) + Bt)^j (C(1-t) + Dt)^(d-j), over binomial(d, i)."""
    a, b, c, e = side
    columns = []
    for j in range(d + 1):
        poly = [fmpq(1)]
        for u, v in [(a, b)] * j + [(c, e)] * (d - j):
            poly = [
                (poly[i] * u if i < len(poly) else fmpq(0)) + (poly[i - 1] * v if i else fmpq(0))
                for i in range(len(poly) + 1)
            ]
        columns.append(poly)
    return [[columns[j][i] / comb(d, i) for j in range(d + 1)] for i in range(d + 1)]


def _halves(array: Any, axis: int) -> tuple[Any, Any]:
    """Bernstein coefficients on the two halves of the cell along an axis (de Casteljau)."""
    rows = list(np.moveaxis(array, axis, 0))
    left, right = [rows[0]], [rows[-1]]
    while len(rows) > 1:
        rows = [(u + v) / 2 for u, v in pairwise(rows)]
        left.append(rows[0])
        right.append(rows[-1])
    return np.moveaxis(np.array(left), 0, axis), np.moveaxis(np.array(right[::-1]), 0, axis)


def _excluded(array: Any, relation: str) -> bool:
    """Whether the relation fails on the whole cell."""
    if relation == "==":
        return bool(array.max() < 0 or array.min() > 0)
    return bool(array.max() < 0 or (relation == ">" and array.max() <= 0))


def _corners_positive(array: Any, far: Sequence[bool]) -> bool:
    """Whether every corner not at infinity is positive.

    With no coefficient below zero the polynomial is then positive on the cell: the coefficients of the smallest face
    that holds a point have positive weights there, and a corner is among them.
    """
    corners = product(*((0,) if infinite else (0, -1) for infinite in far))
    return all(array[c] > 0 for c in corners)


def _refute(arrays: Sequence[Any], relations: Sequence[str]) -> None:
    """Raise if the target is negative at a corner of the cell where all that is given holds strictly."""
    for corner in product((0, -1), repeat=arrays[0].ndim):
        if arrays[0][corner] < 0 and all(
            a[corner] > 0 and r != "==" for a, r in zip(arrays[1:], relations, strict=True)
        ):
            raise ProofError("it is negative at a point where all that is given holds (or in the limit there)")


def as_box(domains: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Rational ends of domains (None: infinite or not rational)."""
    return [(_rational(d.low), _rational(d.high)) if d is not None else (None, None) for d in domains]


def _rational(end: Any) -> Any:
    end = sympy.sympify(end)
    return fmpq(int(end.p), int(end.q)) if end is not None and end.is_Rational else None
