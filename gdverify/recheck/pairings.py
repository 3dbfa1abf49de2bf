"""Pairings, set partitions, Weingarten functions, cumulants of signs: exact, checked as they are made.

Nothing here knows of matrices; `moments` puts words in.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from .poly import ONE, Poly, Quot, number, total
from .terms import Rejected

Pairing = tuple[tuple[int, int], ...]
X = 0  # the dimension, as the only variable of the polynomials here


def pairings(items: Sequence[int]) -> Iterator[Pairing]:
    """All ways to pair off the items."""
    if not items:
        yield ()
        return
    for k in range(1, len(items)):
        for rest in pairings([*items[1:k], *items[k + 1 :]]):
            yield ((items[0], items[k]), *rest)


def coset_type(p: Pairing, q: Pairing) -> tuple[int, ...]:
    """Half-lengths of the loops of two pairings together, in order of size."""
    one, two = ({a: b for x, y in s for a, b in ((x, y), (y, x))} for s in (p, q))
    left, sizes = set(one), []
    while left:
        here, length = min(left), 0
        while here in left:
            left -= {here, one[here]}
            here, length = two[one[here]], length + 1
        sizes.append(length)
    return tuple(sorted(sizes))


def partitions(k: int, most: int | None = None) -> Iterator[tuple[int, ...]]:
    """Partitions of a number, parts falling."""
    if k == 0:
        yield ()
        return
    for first in range(min(k, most or k), 0, -1):
        for rest in partitions(k - first, first):
            yield (first, *rest)


def contents(shape: tuple[int, ...], step: int) -> list[int]:
    """step (column) - (row) of each box of a Young diagram, counted from 0."""
    return [step * j - i for i, row in enumerate(shape) for j in range(row)]


def cycle_type(p: Sequence[int], q: Sequence[int]) -> tuple[int, ...]:
    """Lengths of the cycles of p^-1 q, in order of size."""
    back = {v: k for k, v in enumerate(p)}
    left, sizes = set(range(len(p))), []
    while left:
        here, length = min(left), 0
        while here in left:
            left.discard(here)
            here, length = back[q[here]], length + 1
        sizes.append(length)
    return tuple(sorted(sizes))


def weingarten(k: int) -> dict[tuple[int, ...], Quot]:
    """The orthogonal Weingarten function on pairings of 2k points, by coset type, rational in the dimension n."""
    return _inverse(k, 2)


def unitary_weingarten(k: int) -> dict[tuple[int, ...], Quot]:
    """The unitary Weingarten function on permutations of k points, by cycle type, rational in the dimension n."""
    return _inverse(k, 1)


@functools.cache
def _inverse(k: int, step: int) -> dict[tuple[int, ...], Quot]:
    """The inverse of the matrix G[p, q] = n^(loops of p and q), p and q pairings (step 2) or permutations (step 1).

    The eigenvalues of G are products of n + c over the
    contents c of a diagram, so that the entries of the inverse are combinations of their reciprocals; the coefficients
    are found from the inverse at whole n, and then the first row of (inverse times G) is verified to be that of the
    identity, as rational functions of n.  One row is enough: both matrices are functions of the type of p and q alone,
    which does not change when the points are permuted (or permutations multiplied) so that p becomes the first.
    """
    every: list[Any] = list(pairings(range(2 * k))) if step == 2 else list(itertools.permutations(range(k)))
    kind: Callable[[Any, Any], tuple[int, ...]] = coset_type if step == 2 else cycle_type
    example = {kind(every[0], q): q for q in reversed(every)}
    types, shapes = sorted(example), list(partitions(k))
    counts: dict[tuple[int, ...], dict[tuple[tuple[int, ...], int], int]] = {}
    for t, p in example.items():  # row times column p: how often type s meets n^loops
        counts[t] = {}
        for q in every:
            entry = (kind(every[0], q), len(kind(q, p)))
            counts[t][entry] = counts[t].get(entry, 0) + 1
    at = [Fraction(k + 1 + j) for j in range(len(types))]
    identity = (1,) * k
    values = []  # the inverse's first row at whole dimensions
    for n in at:
        rows = [
            [sum((v * n**e for (s, e), v in counts[t].items() if s == u), Fraction(0)) for u in types] for t in types
        ]
        values.append(_solve(rows, [Fraction(int(t == identity)) for t in types]))
    reciprocals = [[1 / math.prod((n + c for c in contents(s, step)), start=Fraction(1)) for s in shapes] for n in at]
    out: dict[tuple[int, ...], Quot] = {}
    for i, t in enumerate(types):
        weights = _solve(reciprocals, [row[i] for row in values])
        out[t] = total(Quot({(): w}) * _product(s, step).inverse() for w, s in zip(weights, shapes, strict=True) if w)
    for t, entries in counts.items():
        row = total(out[s] * Quot({((X, e),): Fraction(v)}) for (s, e), v in entries.items())
        if (row - number(int(t == identity))).num:
            raise Rejected("the Weingarten function does not invert the matrix of loops")
    return out


def _product(shape: tuple[int, ...], step: int) -> Quot:
    out = Quot(ONE)
    for c in contents(shape, step):
        line: Poly = {((X, 1),): Fraction(1)} | ({(): Fraction(c)} if c else {})
        out = out * Quot(line)
    return out


def at_dimension(value: Quot, n: Quot) -> Quot:
    """A rational function of the dimension at a normal form."""

    def poly(p: Poly) -> Quot:
        return total(Quot({(): v}) * n ** dict(m).get(X, 0) for m, v in p.items())

    out = poly(value.num)
    for f, e in value.den.items():
        out = out * poly(dict(f)) ** -e
    return out


def _solve(rows: list[list[Fraction]], right: list[Fraction]) -> list[Fraction]:
    """The solution of a square system (Gauss and Jordan)."""
    m = [[*r, b] for r, b in zip(rows, right, strict=True)]
    for k in range(len(m)):
        pivot = next((i for i in range(k, len(m)) if m[i][k]), None)
        if pivot is None:
            raise Rejected("a singular matrix of pairings")
        m[k], m[pivot] = m[pivot], m[k]
        m[k] = [v / m[k][k] for v in m[k]]
        for i in range(len(m)):
            if i != k and m[i][k]:
                m[i] = [a - m[i][k] * b for a, b in zip(m[i], m[k], strict=True)]
    return [r[-1] for r in m]


# -- signs --------------------------------------------------------------------------------------------------------


@functools.cache
def sign_cumulants(most: int) -> dict[int, int]:
    """Cumulants of a fair sign by even order, from log cosh, whose derivative t has t' = 1 - t^2."""
    series = [Fraction(0)] * (most + 1)  # of t = tanh
    for n in range(most):
        product = sum((series[j] * series[n - j] for j in range(n + 1)), Fraction(0))
        series[n + 1] = (int(n == 0) - product) / (n + 1)
    return {r: int(series[r - 1] * math.factorial(r - 1)) for r in range(2, most + 1, 2)}


def even_blocks(items: list[int]) -> Iterator[list[list[int]]]:
    """All set partitions into blocks of even size."""
    if not items:
        yield []
        return
    head, rest = items[0], items[1:]
    for mask in range(1 << len(rest)):
        if bin(mask).count("1") % 2:
            block = [head, *(x for k, x in enumerate(rest) if mask >> k & 1)]
            for more in even_blocks([x for k, x in enumerate(rest) if not mask >> k & 1]):
                yield [block, *more]
