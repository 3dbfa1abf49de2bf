"""A polynomial is >= 0 on a box, where other polynomials are: Bernstein coefficients and subdivision, over Q.

On a cell a polynomial lies between its least and its greatest Bernstein coefficient.  An unbounded side is mapped to
[0, 1] by x = a + t/(1 - t), which multiplies the polynomial by a power of 1 - t >= 0.  Arrays are flat lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, product
from math import comb, prod

from .poly import Poly
from .terms import Rejected

Ends = tuple[Fraction | None, Fraction | None]
Side = tuple[Fraction, Fraction, Fraction, Fraction]  # x = (A (1 - t) + B t) / (C (1 - t) + D t)
ZERO, ONE = Fraction(0), Fraction(1)
MAX_SIZE = 20_000
MAX_VARIABLES = 6
MAX_DEPTH = 60
WORK = 150_000  # coefficients computed


class Array:
    """Bernstein coefficients by exponents: ``shape`` degrees + 1, ``values`` in row-major order."""

    def __init__(self, shape: Sequence[int], values: list[Fraction]):
        self.shape, self.values = tuple(shape), values

    def lines(self, axis: int) -> tuple[int, int]:
        """(stride, length) of an axis."""
        return prod(self.shape[axis + 1 :]), self.shape[axis]

    def along(self, axis: int, change: Sequence[Sequence[Fraction]]) -> Array:
        """A matrix applied along an axis."""
        stride, n = self.lines(axis)
        out = [ZERO] * len(self.values)
        for start in range(len(self.values)):
            if (start // stride) % n:
                continue
            line = [self.values[start + k * stride] for k in range(n)]
            for i, row in enumerate(change):
                out[start + i * stride] = sum((a * b for a, b in zip(row, line, strict=True) if a and b), ZERO)
        return Array(self.shape, out)

    def halves(self, axis: int) -> tuple[Array, Array]:
        """The two halves of the cell along an axis (de Casteljau)."""
        stride, n = self.lines(axis)
        left, right = list(self.values), list(self.values)
        for start in range(len(self.values)):
            if (start // stride) % n:
                continue
            row = [self.values[start + k * stride] for k in range(n)]
            for k in range(n):
                left[start + k * stride] = row[0]
                right[start + (n - 1 - k) * stride] = row[-1]
                row = [(u + v) / 2 for u, v in pairwise(row)]
        return Array(self.shape, left), Array(self.shape, right)

    def corner(self, ends: Sequence[int]) -> Fraction:
        at = 0
        for n, end in zip(self.shape, ends, strict=True):
            at = at * n + (n - 1 if end else 0)
        return self.values[at]


def positive_on_box(
    target: Poly, given: Sequence[tuple[Poly, str]], box: dict[int, Ends], strict: bool, work: list[int]
) -> None:
    """Return if target >= 0 (> 0) on the part of the box where every ``given`` polynomial has its sign.

    Parameters
    ----------
    target, given : polynomials in atoms with whole exponents >= 0, each given one with ``>=``, ``>`` or ``==``
    box : rational (None: infinite) ends by atom
    work : counts down the coefficients that may still be computed

    Raises
    ------
    Rejected
        it is not shown within the budget
    """
    names = sorted(box)
    if len(names) > MAX_VARIABLES:
        raise Rejected("too many variables")
    polys = [target, *(g for g, _ in given)]
    todo: list[tuple[list[Array], int, tuple[bool, ...]]] = []
    for sides in product(*(_sides(*box[k]) for k in names)):
        arrays = [_array(p, names, sides) for p in polys]
        todo.append((arrays, 0, tuple(s[3] == 0 for s in sides)))  # far: reaches to infinity along this axis
    while todo:
        arrays, depth, far = todo.pop()
        work[0] -= sum(len(a.values) * max(a.shape, default=1) for a in arrays)
        if work[0] < 0 or depth > MAX_DEPTH:
            raise Rejected("not decided within the budget: it may touch zero")
        if any(_excluded(a, r) for a, (_, r) in zip(arrays[1:], given, strict=True)):
            continue
        if min(arrays[0].values) >= 0 and (not strict or _corners_positive(arrays[0], far)):
            continue
        corners = list(product((0, 1), repeat=len(names)))
        for c in corners:
            rest = [a.corner(c) > 0 and r != "==" for a, (_, r) in zip(arrays[1:], given, strict=True)]
            near = not any(end and infinite for end, infinite in zip(c, far, strict=True))
            value = arrays[0].corner(c)
            if (value < 0 or (strict and near and not value)) and all(rest):
                raise Rejected("it is negative where all that is given holds (or in the limit there)")
        if not names:
            raise Rejected("a number that is not positive")
        axis = depth % len(names)
        parts = [a.halves(axis) for a in arrays]
        closed = (*far[:axis], False, *far[axis + 1 :])
        todo += [([p[0] for p in parts], depth + 1, closed), ([p[1] for p in parts], depth + 1, far)]


def _sides(low: Fraction | None, high: Fraction | None) -> list[Side]:
    if low is not None and high is not None:
        return [(low, high, ONE, ONE)]
    if low is not None:
        return [(low, ONE, ONE, ZERO)]
    if high is not None:
        return [(high, -ONE, ONE, ZERO)]
    return [(ZERO, ONE, ONE, ZERO), (ZERO, -ONE, ONE, ZERO)]


def _array(p: Poly, names: Sequence[int], sides: Sequence[Side]) -> Array:
    degrees = [max((dict(m).get(k, 0) for m in p), default=0) for k in names]
    if prod(d + 1 for d in degrees) > MAX_SIZE:
        raise Rejected("a polynomial of too high degree")
    array = Array([d + 1 for d in degrees], [ZERO] * prod(d + 1 for d in degrees))
    for m, c in p.items():
        at = 0
        for k, d in zip(names, degrees, strict=True):
            at = at * (d + 1) + dict(m).get(k, 0)
        array.values[at] = c
    for axis, (d, side) in enumerate(zip(degrees, sides, strict=True)):
        array = array.along(axis, _to_bernstein(d, side))
    return array


def _to_bernstein(d: int, side: Side) -> list[list[Fraction]]:
    """Row i, column j: coefficient of (1-t)^(d-i) t^i in (A(1-t) + Bt)^j (C(1-t) + Dt)^(d-j), over binomial(d, i)."""
    a, b, c, e = side
    columns = []
    for j in range(d + 1):
        poly = [ONE]
        for u, v in [(a, b)] * j + [(c, e)] * (d - j):
            poly = [
                (poly[i] * u if i < len(poly) else ZERO) + (poly[i - 1] * v if i else ZERO)
                for i in range(len(poly) + 1)
            ]
        columns.append(poly)
    return [[columns[j][i] / comb(d, i) for j in range(d + 1)] for i in range(d + 1)]


def _excluded(a: Array, relation: str) -> bool:
    """Whether the relation fails on the whole cell."""
    low, high = min(a.values), max(a.values)
    if relation == "==":
        return high < 0 or low > 0
    return high < 0 or (relation == ">" and high <= 0)


def _corners_positive(a: Array, far: Sequence[bool]) -> bool:
    """Whether every corner not at infinity is positive; with no coefficient below zero, so is the whole cell then."""
    return all(a.corner(c) > 0 for c in product(*((0,) if infinite else (0, 1) for infinite in far)))
