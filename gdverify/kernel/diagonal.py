"""Normal form of sums over a diagonal: sum over i of (M_1)_ii (M_2)_ii ... u_i v_i ..."""

from __future__ import annotations

import itertools
from typing import Any

import sympy

from ..errors import ProofError
from .matrix import Word, _key, columns, cycle_factors, rows, to_matrix, transpose_word, words


def expand_diagonal_sum(kind: Any, factors: tuple[Any, ...]) -> Any:
    """``kind(*factors)`` as a sum of multiples of canonical atoms, or None where it is one already."""
    size = next((f.shape[0] for f in factors if f.shape[0] != 1), sympy.S.One)
    if not factors or any(f.shape not in ((size, size), (size, 1)) for f in factors):
        raise ProofError("DiagonalSum takes d x d matrices and d x 1 vectors of one size")
    if size == 1:
        return sympy.Mul(*[sympy.Trace(f) for f in factors])
    total = []
    for choice in itertools.product(*(words(f).items() for f in factors)):
        coefficient = sympy.Mul(*[c for _, c in choice])
        total.append((coefficient, diagonal_of_words([w for w, _ in choice], size)))
    (first, *rest) = total or [(sympy.S.Zero, (sympy.S.One, []))]
    if not rest and first[0] == 1 and first[1][0] == 1 and tuple(map(to_matrix, first[1][1])) == factors:
        if len(factors) > 2 or (len(factors) == 2 and factors[0].shape[1] != 1):
            return None
    return sympy.Add(*[c * scalar * diagonal_atom(kind, pieces, size) for c, (scalar, pieces) in total])


def diagonal_of_words(terms: list[Word], size: Any) -> tuple[Any, list[Word]]:
    """(scalar factor, sorted pieces) of the sum over i of the product of the words' entries (i, i) or (i, 1).

    A word is cut where it passes through dimension 1: (u v^T)_ii = u_i v_i.  The identity's diagonal is 1.
    """
    scalars, pieces = [sympy.S.One], []
    for word in terms:
        cuts = [0, *(k for k, x in enumerate(word) if k and rows(x) == 1), len(word)]
        for a, b in itertools.pairwise(cuts if word else []):
            piece = word[a:b]
            if rows(piece[0]) == 1 and columns(piece[-1]) == 1:
                scalars += cycle_factors(piece)
            elif rows(piece[0]) == 1:
                pieces.append(transpose_word(piece))
            elif columns(piece[-1]) == 1:
                pieces.append(piece)
            else:
                pieces.append(min(piece, transpose_word(piece), key=_key))
    vectors = sorted((p for p in pieces if columns(p[-1]) == 1), key=_key)
    return sympy.Mul(*scalars), sorted((p for p in pieces if columns(p[-1]) != 1), key=_key) + vectors


def diagonal_atom(kind: Any, pieces: list[Word], size: Any) -> Any:
    if not pieces:
        return size
    if len(pieces) == 1 and columns(pieces[0][-1]) != 1:
        return sympy.Mul(*cycle_factors(pieces[0]))
    if len(pieces) == 2 and columns(pieces[0][-1]) == 1:
        return sympy.Mul(*cycle_factors(transpose_word(pieces[0]) + pieces[1]))
    return kind(*map(to_matrix, pieces), evaluate=False)
