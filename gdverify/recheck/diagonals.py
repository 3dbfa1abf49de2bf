"""Sums over a diagonal: sum over i of the product of entries (i, i) of square words and (i, 1) of vectors."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from .matrices import Word, cancel
from .poly import Quot, number, total
from .terms import Rejected, Tree

if TYPE_CHECKING:
    from .matrices import Matrices

ONE_ROW = number(1)


def diagonal_form(c: Matrices, t: Tree) -> Quot:
    """("diag", A, B, ..., u, ...): multilinear; every factor is d x d or d x 1, for one d."""
    shapes = [c.shape(a) for a in t[1:]]
    size = next((r for r, _ in shapes if (r - ONE_ROW).num), ONE_ROW)
    for rows, columns in shapes:
        if (rows - size).num or ((columns - size).num and (columns - ONE_ROW).num):
            raise Rejected("a sum over a diagonal takes d x d matrices and d x 1 vectors of one size")
    if not shapes:
        raise Rejected("a sum over the diagonal of nothing")
    parts = []
    for choice in itertools.product(*(c.words(a).items() for a in t[1:])):
        value = diagonal(c, [w for w, _ in choice], size)
        for _, coefficient in choice:
            value = value * coefficient
        parts.append(value)
    return total(parts)


def diagonal(c: Matrices, words: list[Word], size: Quot) -> Quot:
    """The sum over i <= size of the product of the entries (i, i) of size x size words, (i, 1) of size x 1 words."""
    out, loops, vectors = number(1), [], []
    if not (size - ONE_ROW).num:  # one index: every word is a number
        for word in words:
            out = out * c.ring(word, size)
        return out
    for word in map(cancel, words):
        cuts = [0, *(k for k in range(1, len(word)) if _one(c.rows(word[k]))), len(word)]
        for a, b in itertools.pairwise(cuts if word else []):
            piece = word[a:b]
            starts, ends = not _one(c.rows(piece[0])), not _one(c.columns(piece[-1]))
            if starts and ends:
                loops.append(min(piece, c.flip(piece)))
            elif starts or ends:
                vectors.append(piece if starts else c.flip(piece))
            else:
                out = out * c.ring(piece, ONE_ROW)
    loops.sort()
    vectors.sort()
    if not loops and not vectors:
        return out * size
    if not vectors and len(loops) == 1:
        return out * c.ring(loops[0], size)
    if not loops and len(vectors) == 2:
        return out * c.ring(c.flip(vectors[0]) + vectors[1], ONE_ROW)
    key = (tuple(loops), tuple(vectors))
    names = frozenset().union(*(c.atoms[x[0]].names for w in (*loops, *vectors) for x in w))
    return out * c.one(c.atom("diag", key, key, names))


def diagonal_letters(parts: tuple[tuple[Word, ...], ...]) -> set[int]:
    """Letters in a diagonal sum, from the parts of its atom."""
    return {x[0] for words in parts for w in words for x in w}


def _one(size: Quot) -> bool:
    return not (size - ONE_ROW).num
