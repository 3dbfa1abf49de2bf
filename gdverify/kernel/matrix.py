"""Matrices of symbolic size: noncommutative normal form, traces, rewriting, and Gaussian moments (Wick).

A matrix expression is read as a sum of *words*, products of letters; a letter is a `sympy.MatrixSymbol`,
possibly transposed or inverted.  A trace of a word is a scalar atom, canonical under rotation and transposition,
and falls apart where the word passes through dimension 1 (vectors are d x 1 matrices).
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import sympy
from sympy import Identity, Inverse, MatAdd, MatMul, MatPow, MatrixSymbol, Transpose, ZeroMatrix

from ..errors import ProofError
from ..language import SymmetricMatrix

Letter = tuple[Any, bool, bool]  # symbol, transposed, inverted
Word = tuple[Letter, ...]
Terms = dict[Word, Any]  # word -> scalar coefficient; the empty word is the identity


def rows(letter: Letter) -> Any:
    return letter[0].shape[1] if letter[1] else letter[0].shape[0]


def columns(letter: Letter) -> Any:
    return letter[0].shape[0] if letter[1] else letter[0].shape[1]


def transposed(letter: Letter) -> Letter:
    symbol, t, inverse = letter
    return (symbol, False if isinstance(symbol, SymmetricMatrix) else not t, inverse)


def transpose_word(word: Word) -> Word:
    return tuple(transposed(x) for x in reversed(word))


def cancel(word: Word) -> Word:
    """The word without neighbours that are inverse to each other."""
    out: list[Letter] = []
    for x in word:
        if out and out[-1][0] == x[0] and out[-1][1] == x[1] and out[-1][2] != x[2]:
            out.pop()
        else:
            out.append(x)
    return tuple(out)


def words(expr: Any) -> Terms:
    """Noncommutative normal form of a matrix expression.

    Raises
    ------
    ProofError
        the expression contains something that is no letter, sum, product, transpose, inverse or integer power
    """
    return {w: c for w, c in _words(expr).items() if c != 0}


def _words(e: Any) -> Terms:
    if isinstance(e, MatrixSymbol):
        return {((e, False, False),): sympy.S.One}
    if isinstance(e, Identity):
        return {(): sympy.S.One}
    if isinstance(e, ZeroMatrix):
        return {}
    if isinstance(e, MatAdd):
        total: Terms = {}
        for a in e.args:
            for w, c in _words(a).items():
                total[w] = total.get(w, sympy.S.Zero) + c
        return total
    if isinstance(e, MatMul):
        coefficient, factors = e.as_coeff_matrices()
        product: Terms = {(): coefficient}
        for factor in factors:
            product = multiply(product, _words(factor))
        return product
    if isinstance(e, Transpose):
        return {transpose_word(w): c for w, c in _words(e.arg).items()}
    if isinstance(e, Inverse):
        inner = _words(e.arg)
        if len(inner) == 1:
            ((w, c),) = inner.items()
            if c == 1 and all(x[0].shape[0] == x[0].shape[1] for x in w):
                return {tuple((s, t, not inv) for s, t, inv in reversed(w)): c}
        raise ProofError(f"inverse of {e.arg}: name it with a letter and state what it inverts")
    if isinstance(e, MatPow) and e.exp.is_Integer and e.exp > 0:
        base = _words(e.base)
        product = {(): sympy.S.One}
        for _ in range(int(e.exp)):
            product = multiply(product, base)
        return product
    raise ProofError(f"{e} is not a matrix the kernel can read")


def multiply(left: Terms, right: Terms) -> Terms:
    product: Terms = {}
    for u, a in left.items():
        for v, b in right.items():
            w = cancel(u + v)
            product[w] = product.get(w, sympy.S.Zero) + a * b
    return product


def to_matrix(word: Word) -> Any:
    """The word as a SymPy matrix expression (for printing and as an atom's key)."""
    letters = []
    for symbol, t, inverse in word:
        m = Inverse(symbol) if inverse else symbol
        letters.append(Transpose(m) if t else m)
    return letters[0] if len(letters) == 1 else MatMul(*letters)


# -- traces -------------------------------------------------------------------------------------------------------


def _key(word: Word) -> tuple[Any, ...]:
    return tuple((x[0].name, x[1], x[2]) for x in word)


def canonical_cycle(word: Word) -> Word:
    candidates = []
    for w in (word, transpose_word(word)):
        candidates += [w[k:] + w[:k] for k in range(len(w))]
    return min(candidates, key=_key)


def cancel_cycle(word: Word) -> Word:
    word = cancel(word)
    while len(word) > 1 and cancel((word[-1], word[0])) == ():
        word = word[1:-1]
    return word


def cycle_factors(word: Word, dimension: Any = None) -> list[Any]:
    """tr(word) as a list of scalar factors: canonical traces, cut where the word passes through dimension 1.

    ``dimension`` is the size of the identity where the word is empty.
    """
    dimension = rows(word[0]) if word else dimension
    word = cancel_cycle(word)
    if not word:
        return [dimension]
    cuts = [k for k, x in enumerate(word) if rows(x) == 1]
    if not cuts:
        return [sympy.Trace(to_matrix(canonical_cycle(word)))]
    rotated = word[cuts[0] :] + word[: cuts[0]]
    bounds = [c - cuts[0] for c in cuts] + [len(rotated)]
    pieces = [rotated[a:b] for a, b in itertools.pairwise(bounds)]
    out = []
    for piece in pieces:
        piece = min(piece, transpose_word(piece), key=_key)
        out.append(sympy.Trace(to_matrix(piece)) if not _scalar_letter(piece) else sympy.Trace(piece[0][0]))
    return out


def _scalar_letter(piece: Word) -> bool:
    return len(piece) == 1 and piece[0][0].shape == (1, 1) and not piece[0][2]


def trace_terms(arg: Any) -> list[tuple[Any, list[Any]]]:
    """tr(arg) as [(scalar coefficient, [atoms…])…]."""
    dimension = arg.shape[0]
    return [(c, cycle_factors(w, dimension)) for w, c in words(arg).items()]


def expand_traces(expr: Any) -> Any:
    """Every trace as a sum of products of canonical traces, then everything multiplied out."""

    def spread(trace: Any) -> Any:
        return sympy.Add(*[c * sympy.Mul(*factors) for c, factors in trace_terms(trace.arg)])

    return sympy.expand(expr.replace(lambda e: isinstance(e, sympy.Trace), spread))


# -- rewriting by equations ---------------------------------------------------------------------------------------


def oriented(left: Any, right: Any) -> list[tuple[Word, Terms]]:
    """An equation ``left == right`` as rewriting rules (and its transpose); ``left`` must be a single word."""
    l, r = words(left), words(right)
    if len(l) != 1:
        raise ProofError(f"an equation used for rewriting needs a single product on its left, not {left}")
    ((word, c),) = l.items()
    if not word:
        raise ProofError("the identity cannot be rewritten")
    rules = [(word, {w: k / c for w, k in r.items()})]
    back = transpose_word(word)
    if back != word:
        rules.append((back, {transpose_word(w): k / c for w, k in r.items()}))
    return rules


def rewrite(terms: Terms, rules: Sequence[tuple[Word, Terms]], *, limit: int = 2000) -> Terms:
    """Rewrite words by rules until none applies."""
    done: Terms = {}
    todo = dict(terms)
    for _ in range(limit):
        if not todo:
            return {w: c for w, c in done.items() if c != 0}
        w, c = todo.popitem()
        for pattern, replacement in rules:
            k = _find(w, pattern)
            if k >= 0:
                for v, a in replacement.items():
                    new = cancel(w[:k] + v + w[k + len(pattern) :])
                    todo[new] = todo.get(new, sympy.S.Zero) + a * c
                break
        else:
            done[w] = done.get(w, sympy.S.Zero) + c
    raise ProofError("rewriting does not come to an end; orient the equations the other way")


def rewrite_trace(arg: Any, rules: Sequence[tuple[Word, Terms]]) -> Any:
    """Scalar tr(arg) after rewriting, also across the end of a word."""
    total: list[Any] = []
    todo = [(w, c, arg.shape[0]) for w, c in words(arg).items()]
    for _ in range(2000):
        if not todo:
            return sympy.Add(*total)
        w, c, size = todo.pop()
        hit = _find_cyclic(w, rules)
        if hit is None:
            total.append(c * sympy.Mul(*cycle_factors(w, size)))
            continue
        rest, replacement, size = hit
        for v, a in replacement.items():
            new = v + rest
            size_here = rows(new[0]) if new else size
            todo.append((cancel_cycle(new), a * c, size_here))
    raise ProofError("rewriting does not come to an end; orient the equations the other way")


def _find(word: Word, pattern: Word) -> int:
    n = len(pattern)
    for k in range(len(word) - n + 1):
        if word[k : k + n] == pattern:
            return k
    return -1


def _find_cyclic(word: Word, rules: Sequence[tuple[Word, Terms]]) -> tuple[Word, Terms, Any] | None:
    """What is left of a cyclic word after a pattern, the pattern's replacement, and the size of its rows."""
    for w in (word, transpose_word(word)):
        for shift in range(len(w)):
            turned = w[shift:] + w[:shift]
            for pattern, replacement in rules:
                if turned[: len(pattern)] == pattern:
                    return turned[len(pattern) :], replacement, rows(pattern[0])
    return None


# -- Gaussian moments ---------------------------------------------------------------------------------------------


def pairings(items: Sequence[int]) -> Iterator[list[tuple[int, int]]]:
    """All perfect matchings."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for k, other in enumerate(rest):
        for more in pairings([*rest[:k], *rest[k + 1 :]]):
            yield [(first, other), *more]


def network(
    cycles: Sequence[Word], letters: Container[Any]
) -> tuple[list[tuple[int, int, Word]], dict[Any, list[tuple[int, int]]], dict[int, Any]]:
    """The indices of a product of traces: a cyclic word is a ring of indices, joined by its letters.

    Returns
    -------
    the fixed letters as (row index, column index, word); for each of the random ``letters`` its occurrences as
    (row index, column index); the size of each index
    """
    fixed: list[tuple[int, int, Word]] = []
    random: dict[Any, list[tuple[int, int]]] = {}
    dims: dict[int, Any] = {}
    vertex = 0
    for word in cycles:
        first = vertex
        for k, letter in enumerate(word):
            start, end = vertex, first if k == len(word) - 1 else vertex + 1
            dims[start] = rows(letter)
            if letter[0] in letters:
                if letter[2]:
                    raise ProofError(f"inverse of the random matrix {letter[0]}: no moment formula")
                random.setdefault(letter[0], []).append((end, start) if letter[1] else (start, end))
            else:
                fixed.append((start, end, (letter,)))
            vertex += 1
    return fixed, random, dims


def gaussian_mean(
    cycles: Sequence[Word], laws: Mapping[Any, tuple[Any, Any]], *, limit: int = 200_000
) -> list[tuple[Any, list[Any]]]:
    """E of a product of traces of words in independent Gaussian matrices (Isserlis 1918, Wick).

    Parameters
    ----------
    cycles : the words whose traces are multiplied
    laws : Gaussian letter -> (row covariance U, column covariance V) with E[X_ia X_jb] = U_ij V_ab; U and V are
        symmetric letters or identities

    Returns
    -------
    terms ``[(coefficient, factors)]`` over the remaining letters
    """
    fixed, random, dims = network(cycles, laws)
    if any(len(v) % 2 for v in random.values()):
        return []
    total: dict[tuple[Any, ...], int] = {}
    count = 0

    def contract(choices: list[tuple[int, int, Any]]) -> None:
        nonlocal count
        count += 1
        if count > limit:
            raise ProofError("too many pairings for Wick's formula: lower the degree")
        factors = _cycles([*fixed, *choices], dims)
        key = tuple(sorted(factors, key=sympy.default_sort_key))
        total[key] = total.get(key, 0) + 1

    def go(letters: list[Any], chosen: list[tuple[int, int, Any]]) -> None:
        if not letters:
            contract(chosen)
            return
        head, *rest = letters
        ends, (u, v) = random[head], laws[head]
        for matching in pairings(range(len(ends))):
            more = []
            for i, j in matching:
                more.append((ends[i][0], ends[j][0], _covariance_word(u)))
                more.append((ends[i][1], ends[j][1], _covariance_word(v)))
            go(rest, chosen + more)

    go(list(random), [])
    return [(sympy.Integer(m), list(key)) for key, m in total.items()]


def _covariance_word(m: Any) -> Word:
    if isinstance(m, Identity):
        return ()
    if isinstance(m, SymmetricMatrix):
        return ((m, False, False),)
    raise ProofError(f"covariance {m}: expected an Identity or a SymmetricMatrix")


def _cycles(edges: list[tuple[int, int, Word]], dims: Mapping[int, Any]) -> list[Any]:
    """Walk the network (every index joins exactly two ends) and read off its traces."""
    at: dict[int, list[tuple[int, bool]]] = {}
    for k, (a, b, _) in enumerate(edges):
        at.setdefault(a, []).append((k, True))
        at.setdefault(b, []).append((k, False))
    used = [False] * len(edges)
    factors: list[Any] = []
    for k in range(len(edges)):
        if used[k]:
            continue
        word: list[Letter] = []
        start, here, edge, forward = edges[k][0], edges[k][0], k, True
        dimension = dims[start]
        while True:
            used[edge] = True
            a, b, w = edges[edge]
            word.extend(w if forward else transpose_word(w))
            here = b if forward else a
            if here == start and all(used[e] for e, _ in at[here]):
                break
            nxt = [(e, f) for e, f in at[here] if not used[e]]
            if not nxt:
                break
            edge, forward = nxt[0]
        factors += cycle_factors(tuple(word), dimension)
    return [f for f in factors if f != 1]
