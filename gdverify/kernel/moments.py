"""Exact means of products of traces over one random matrix: sphere, independent signs, Haar orthogonal or unitary.

Each function takes the words whose traces are multiplied and the random letter, and returns a scalar in the other
letters.  What is random elsewhere is left alone: by independence it is integrated afterwards (Fubini).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import sympy
from sympy import Identity

from ..errors import ProofError
from ..language import DiagonalSum
from .diagonal import diagonal_atom, diagonal_of_words
from .matrix import Word, _cycles, cancel, cycle_factors, gaussian_mean, network, pairings, transpose_word

_MAX_SIGNS = 10  # number of set partitions into even blocks: 1, 4, 31, 379, 6556
_MAX_HAAR = 6  # pairs of pairings: 1, 9, 225
_MAX_UNITARY = 6  # choices of conjugates times pairs of permutations: 2, 24, 720


def sphere_mean(cycles: Sequence[Word], letter: Any) -> Any:
    """For u uniform on the unit sphere of R^d: E over 2k letters u is the Gaussian one over d (d+2) ... (d+2k-2).

    A standard normal vector is r u with u uniform, r independent of u, and E r^(2k) = d (d+2) ... (d+2k-2).
    """
    d = letter.shape[0]
    degree = sum(x[0] == letter for w in cycles for x in w)
    terms = gaussian_mean(cycles, {letter: (Identity(d), Identity(1))})
    total = sympy.Add(*[c * sympy.Mul(*f) for c, f in terms])
    return total / sympy.Mul(*[d + 2 * j for j in range(degree // 2)])


# -- independent signs --------------------------------------------------------------------------------------------


@functools.cache
def sign_cumulant(order: int) -> int:
    """Cumulant of a fair sign: 1, -2, 16, -272, ... for orders 2, 4, 6, 8, ...; all its even moments are 1."""
    if order % 2:
        return 0
    return 1 - sum(math.comb(order - 1, k - 1) * sign_cumulant(k) for k in range(2, order, 2))


def even_partitions(items: Sequence[int]) -> Iterator[list[list[int]]]:
    """All set partitions into blocks of even size."""
    if not items:
        yield []
        return
    first, rest = items[0], list(items[1:])
    for mask in range(2 ** len(rest)):
        block = [first, *(x for k, x in enumerate(rest) if mask >> k & 1)]
        if len(block) % 2 == 0:
            left = [x for k, x in enumerate(rest) if not mask >> k & 1]
            for more in even_partitions(left):
                yield [block, *more]


def signs_mean(cycles: Sequence[Word], letter: Any) -> Any:
    """For independent fair signs: the sum over partitions of the letter's occurrences into even blocks.

    A mean is the sum over set partitions of products of joint cumulants (Leonov and Shiryaev 1959); cumulants of
    independent entries vanish unless all entries of the block are the same one, so that a block sets its row indices
    equal, and its column indices, and contributes the cumulant of one sign.
    """
    fixed, random, dims = network(cycles, [letter])
    ends = random.get(letter, [])
    if len(ends) % 2:
        return sympy.S.Zero
    if len(ends) > _MAX_SIGNS:
        raise ProofError(f"degree {len(ends)} in {letter}: at most {_MAX_SIGNS} for signs")
    total = []
    for partition in even_partitions(range(len(ends))):
        weight = math.prod(sign_cumulant(len(block)) for block in partition)
        total.append(weight * _merged(fixed, ends, dims, partition))
    return sympy.Add(*total)


def _merged(fixed: list[Any], ends: list[tuple[int, int]], dims: dict[int, Any], partition: list[list[int]]) -> Any:
    """The sum over all indices, after the row indices of each block were set equal, and its column indices."""
    parent = {v: v for v in dims}

    def find(v: int) -> int:
        while parent[v] != v:
            v = parent[v]
        return v

    for block in partition:
        for k in block[1:]:
            for side in (0, 1):
                parent[find(ends[k][side])] = find(ends[block[0]][side])
    nodes = {find(v) for v in dims}
    at: dict[int, list[tuple[int, bool]]] = {v: [] for v in nodes}
    for k, (a, b, _) in enumerate(fixed):
        at[find(a)].append((k, True))
        at[find(b)].append((k, False))
    hubs = {v for v in nodes if dims[v] == 1 or len(at[v]) > 2}
    factors = [dims[v] for v in nodes if not at[v]]
    loops: dict[int, list[Word]] = {v: [] for v in hubs if dims[v] != 1}
    used: set[int] = set()

    def walk(k: int, forward: bool) -> tuple[Word, int]:
        """The word from this end of edge k to the next hub (or once around)."""
        word: Word = ()
        while True:
            used.add(k)
            a, b, letters = fixed[k]
            word += letters if forward else transpose_word(letters)
            here = find(b if forward else a)
            onward = [(e, f) for e, f in at[here] if e not in used]
            if here in hubs or not onward:
                return word, here
            ((k, forward),) = onward

    for hub in hubs:
        for k, forward in at[hub]:
            if k in used:
                continue
            word, other = walk(k, forward)
            inner = [v for v in (hub, other) if dims[v] != 1]
            if not inner:
                factors += cycle_factors(word)
            elif len(inner) == 1:
                loops[inner[0]].append(word if inner[0] == hub else transpose_word(word))
            elif hub == other:
                loops[hub].append(word)
            else:
                raise ProofError("these signs leave a double sum over entries, for which there is no atom")
    for k in range(len(fixed)):
        if k not in used:
            word, _ = walk(k, True)
            factors += cycle_factors(word)
    for hub, terms in loops.items():
        scalar, pieces = diagonal_of_words([cancel(w) for w in terms], dims[hub])
        factors.append(scalar * diagonal_atom(DiagonalSum, pieces, dims[hub]))
    return sympy.Mul(*factors)


# -- Haar orthogonal ----------------------------------------------------------------------------------------------

_N = sympy.Symbol("n'", positive=True)
Pairing = list[tuple[int, int]]


def loops_of(p: Pairing, q: Pairing) -> tuple[int, ...]:
    """Half-lengths of the loops that two pairings form together, sorted: their coset type."""
    partner_p = {a: b for x, y in p for a, b in ((x, y), (y, x))}
    partner_q = {a: b for x, y in q for a, b in ((x, y), (y, x))}
    left, out = set(partner_p), []
    while left:
        start = here = min(left)
        half = 0
        while True:
            other = partner_p[here]
            left -= {here, other}
            here, half = partner_q[other], half + 1
            if here == start:
                break
        out.append(half)
    return tuple(sorted(out, reverse=True))


@functools.cache
def weingarten(k: int) -> dict[tuple[int, ...], Any]:
    """Orthogonal Weingarten function of degree 2k by coset type, rational in the symbol ``n'``.

    It is the inverse of the Gram matrix n^(number of loops) of pairings, verified here: its first row times every
    column is 1 or 0 as rational functions.  That row suffices, for both matrices depend on the coset type alone,
    and permutations of the 2k points carry any pairing to the first.
    """
    every = list(pairings(range(2 * k)))
    types = sorted({loops_of(every[0], q) for q in every})
    examples = {t: next(q for q in every if loops_of(every[0], q) == t) for t in types}
    unknowns = {t: sympy.Symbol(f"w{i}") for i, t in enumerate(types)}
    rows = [
        sum(unknowns[loops_of(every[0], q)] * _N ** len(loops_of(q, p)) for q in every) - int(t == (1,) * k)
        for t, p in examples.items()
    ]
    ((*values,),) = sympy.linsolve(rows, list(unknowns.values()))
    table = {t: sympy.factor(v) for t, v in zip(types, values, strict=True)}
    for p in every:
        entry = sum(table[loops_of(every[0], q)] * _N ** len(loops_of(q, p)) for q in every)
        if sympy.cancel(sympy.together(entry)) != int(p == every[0]):
            raise ProofError("the Weingarten matrix does not invert the Gram matrix of pairings")
    return table


def haar_mean(cycles: Sequence[Word], letter: Any) -> Any:
    """For a Haar orthogonal n x n matrix, n >= k: the sum over pairs of pairings of its 2k occurrences.

    One pairing joins row indices, the other column indices, with the Weingarten function as weight (Collins and
    Sniady 2006).  The caller checks n >= k.
    """
    fixed, random, dims = network(cycles, [letter])
    ends = random.get(letter, [])
    if len(ends) % 2:
        return sympy.S.Zero
    if len(ends) > _MAX_HAAR:
        raise ProofError(f"degree {len(ends)} in {letter}: at most {_MAX_HAAR} for a Haar matrix")
    weights = weingarten(len(ends) // 2)
    every = list(pairings(range(len(ends))))
    total: dict[Any, Any] = {}
    for p in every:
        for q in every:
            joined = [(ends[i][0], ends[j][0], ()) for i, j in p] + [(ends[i][1], ends[j][1], ()) for i, j in q]
            value = sympy.Mul(*_cycles([*fixed, *joined], dims))
            total[value] = total.get(value, sympy.S.Zero) + weights[loops_of(p, q)]
    n = letter.shape[0]
    return sympy.Add(*[v * sympy.factor(w).subs(_N, n) for v, w in total.items()])


# -- Haar unitary -------------------------------------------------------------------------------------------------

Permutation = tuple[int, ...]


def cycles_of(p: Permutation) -> tuple[int, ...]:
    """Lengths of the cycles of a permutation of 0, ..., k-1, sorted: its type."""
    left, out = set(range(len(p))), []
    while left:
        here, length = min(left), 0
        while here in left:
            left.remove(here)
            here, length = p[here], length + 1
        out.append(length)
    return tuple(sorted(out, reverse=True))


def _quotient(p: Permutation, q: Permutation) -> Permutation:
    """The permutation p q^-1."""
    out = [0] * len(p)
    for a, b in zip(q, p, strict=True):
        out[a] = b
    return tuple(out)


@functools.cache
def unitary_weingarten(k: int) -> dict[tuple[int, ...], Any]:
    """Unitary Weingarten function of degree k by cycle type, rational in the symbol ``n'``.

    It is the inverse of n^(number of cycles of p q^-1), verified here as in `weingarten`: both matrices are invariant
    under multiplication of all permutations by one from the right, so that the first row suffices.
    """
    every = list(itertools.permutations(range(k)))
    types = sorted({cycles_of(p) for p in every})
    examples = {t: next(p for p in every if cycles_of(p) == t) for t in types}
    unknowns = {t: sympy.Symbol(f"w{i}") for i, t in enumerate(types)}
    product = lambda p, w: sum(w[cycles_of(q)] * _N ** len(cycles_of(_quotient(p, q))) for q in every)
    rows = [product(p, unknowns) - int(t == (1,) * k) for t, p in examples.items()]
    ((*values,),) = sympy.linsolve(rows, list(unknowns.values()))
    table = {t: sympy.factor(v) for t, v in zip(types, values, strict=True)}
    for p in every:
        if sympy.cancel(sympy.together(product(p, table))) != int(p == every[0]):
            raise ProofError("the Weingarten matrix does not invert the Gram matrix of permutations")
    return table


def unitary_mean(cycles: Sequence[Word], real: Any, imaginary: Any) -> Any:
    """For the real and imaginary parts of a Haar unitary n x n matrix U, n >= k, over 2k occurrences of them.

    Each occurrence is (U + conj U)/2 or (U - conj U)/(2i); a product of as many entries of U as of conj U has the mean
    sum over pairs of permutations, one joining row indices, the other column indices, with the Weingarten function as
    weight (Collins and Sniady 2006), any other product the mean zero (U and e^(it) U have one law).  Exchanging U and
    conj U turns every term into its conjugate, so that real parts suffice.  The caller checks n >= k.
    """
    fixed, random, dims = network(cycles, [real, imaginary])
    ends = [(*e, 0) for e in random.get(real, [])] + [(*e, 1) for e in random.get(imaginary, [])]
    if len(ends) % 2 or sum(e[2] for e in ends) % 2:
        return sympy.S.Zero
    if len(ends) > _MAX_UNITARY:
        raise ProofError(f"degree {len(ends)} in {real} and {imaginary}: at most {_MAX_UNITARY} for a Haar matrix")
    k = len(ends) // 2
    weights = unitary_weingarten(k)
    every = list(itertools.permutations(range(k)))
    total: dict[Any, Any] = {}
    for plain in itertools.combinations(range(2 * k), k):
        conjugate = [j for j in range(2 * k) if j not in plain]
        turn = sum(ends[j][2] for j in conjugate) - sum(ends[j][2] for j in plain)  # i^turn, and turn is even
        sign = sympy.Rational((-1) ** (turn // 2), 4**k)
        for p in every:
            for q in every:
                joined = [(ends[a][0], ends[conjugate[p[j]]][0], ()) for j, a in enumerate(plain)]
                joined += [(ends[a][1], ends[conjugate[q[j]]][1], ()) for j, a in enumerate(plain)]
                value = sympy.Mul(*_cycles([*fixed, *joined], dims))
                total[value] = total.get(value, sympy.S.Zero) + sign * weights[cycles_of(_quotient(p, q))]
    n = real.shape[0]
    return sympy.Add(*[v * sympy.factor(w).subs(_N, n) for v, w in total.items()])
