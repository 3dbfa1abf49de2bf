"""Means of polynomials in traces over independent random matrices: Gaussian, sphere, signs, Haar.

A law speaks of one letter, which is independent of every other letter that has a law, and of nothing else.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

from .certificate import Checker, Step
from .diagonals import diagonal, diagonal_letters
from .letters import LAWS, Letters, require
from .matrices import Word
from .pairings import (
    at_dimension,
    coset_type,
    cycle_type,
    even_blocks,
    pairings,
    sign_cumulants,
    unitary_weingarten,
    weingarten,
)
from .poly import Mono, Quot, number, total
from .terms import Rejected, Tree

MAX_DEGREE, MAX_HAAR, MAX_UNITARY, MAX_SIGNS = 12, 8, 6, 10  # 10395 pairings


def wick(c: Checker, s: Step) -> None:
    """E(expr) == value, by Isserlis' formula for independent Gaussian letters.

    ``expr``: a polynomial in traces of words in Gaussian letters and constants, times what is not random.  It may hold
    |tr(word)|: even powers are those of the trace; a term with an odd one has mean 0 where some letter occurs an odd
    number of times outside the bars, for its law is that of its negative.
    """
    moment(c, s, ("gaussian",))


def moment(c: Checker, s: Step, kinds: tuple[str, ...] = LAWS) -> None:
    """E(expr) == value, for a polynomial in traces over independent letters: each is integrated after the other.

    Gaussian: Isserlis.  Sphere in R^d, d >= 1: the Gaussian value over d (d + 2) ... (d + 2k - 2).  Independent signs:
    cumulants over partitions into even blocks, degree <= 10.  Haar on O(n): pairs of pairings, degree 2k <= 8, n >= k;
    on U(n), in its real and imaginary part: pairs of permutations, degree 2k <= 6, n >= k.
    """
    expr, letters = mean_of(c, s), Letters(c, s.witness["laws"], kinds)
    value = c.form(expr)
    require(letters.fixed_denominator(c, value), "a denominator may be random")
    value = _without_moduli(c, value, letters)
    for kind, mine in letters.groups:
        value = c.reduced(_integrated(c, value, kind, mine, letters))
    require(letters.fixed(c, value), "a factor may be random")
    require(not (value - c.form(s.right)).num, "not the moment")


def mean_of(c: Checker, s: Step) -> Tree:
    require(s.relation == "==", "a mean is an equality")
    expr = c.tree(s.witness["expr"])
    require(c.same(s.left, ("mean", expr)), "the conclusion is another mean")
    return expr


def _without_moduli(c: Checker, value: Quot, letters: Letters) -> Quot:
    """Every factor is known, and |tr(word)| of Gaussian letters is taken care of; see `wick`."""
    parts = []
    for m, coefficient in value.num.items():
        out, odd = [], False
        for k, e in m:
            a = c.atoms[k]
            inside = modulus(c, k)
            word = a.parts[0] if a.kind == "trace" else c.atoms[inside].parts[0] if inside is not None else None
            if word is None:
                require(letters.fixed_atom(c, k), "a factor may be random")
                out.append((k, e))
                continue
            require(letters.known(word), "a letter without its law")
            if all(letters.still(x[0]) for x in word):
                out.append((k, e))
                continue
            require(isinstance(e, int) and e > 0, "no polynomial in random variables")
            if inside is None:
                out.append((k, e))
                continue
            normal = all(letters.still(x[0]) or x[0] in letters.covariances for x in word)
            require(normal, "the modulus of something that is not Gaussian")
            odd |= e % 2 == 1
            if e > 1:
                out.append((inside, 2 * (e // 2)))
        mono = _mono(out)
        if odd:
            times: dict[int, int] = {}
            for k, e in mono:
                for x in c.atoms[k].parts[0] if c.atoms[k].kind == "trace" else ():
                    times[x[0]] = times.get(x[0], 0) + int(e)
            require(any(times.get(k, 0) % 2 for k in letters.covariances), "no formula for an odd power of a modulus")
            continue
        parts.append(Quot({mono: coefficient}, value.den))
    return total(parts)


def modulus(c: Checker, k: int) -> int | None:
    """The trace atom t of an atom |t|."""
    a = c.atoms[k]
    if a.kind not in ("abs", "modulus") or len(a.parts[0].num) != 1 or a.parts[0].den:
        return None
    ((m, v),) = a.parts[0].num.items()
    if abs(v) != 1 or len(m) != 1 or m[0][1] != 1 or c.atoms[m[0][0]].kind != "trace":
        return None
    return int(m[0][0])


def _mono(factors: list[tuple[int, Any]]) -> Mono:
    out: dict[int, Any] = {}
    for k, e in factors:
        out[k] = out.get(k, 0) + e
    return tuple(sorted((k, e) for k, e in out.items() if e))


def _integrated(c: Checker, value: Quot, kind: str, mine: list[int], letters: Letters) -> Quot:
    """The mean over the letters of one law, all else held fixed."""
    parts: list[Quot] = []
    memo: dict[Any, Quot] = {}
    for m, coefficient in value.num.items():
        rings, rest = parted(c, m, lambda x: x in mine)
        key = tuple(sorted(rings))
        if key not in memo:
            memo[key] = _over(c, list(key), kind, mine, letters) if key else number(1)
        parts.append(Quot({rest: coefficient}, value.den) * memo[key])
    return total(parts)


def parted(c: Checker, m: Mono, has: Any) -> tuple[list[Word], Mono]:
    """The traces of a monomial that involve a letter, as words, and the rest of it."""
    rings: list[Word] = []
    rest: list[tuple[int, Any]] = []
    for k, e in m:
        a = c.atoms[k]
        if a.kind == "trace" and any(has(x[0]) for x in a.parts[0]):
            require(isinstance(e, int) and e > 0, "no polynomial in random variables")
            rings += [a.parts[0]] * e
        else:
            require(a.kind != "diag" or not any(has(x) for x in diagonal_letters(a.parts)), "a random diagonal sum")
            rest.append((k, e))
    return rings, tuple(rest)


def _over(c: Checker, rings: list[Word], kind: str, mine: list[int], letters: Letters) -> Quot:
    times = sum(x[0] in mine for w in rings for x in w)
    require(times <= MAX_DEGREE, f"degree {times} in one letter")
    if kind == "unitary":
        return unitary(c, rings, mine)
    (letter,) = mine
    if kind == "gaussian":
        return c.wick(rings, {letter: letters.covariances[letter]})
    if kind == "sphere":
        return sphere(c, rings, letter)
    return signs(c, rings, letter) if kind == "signs" else haar(c, rings, letter)


def sphere(c: Checker, rings: list[Word], letter: int) -> Quot:
    rows, columns = c.shapes[letter]
    require(not (columns - number(1)).num, "a point of the sphere is a column vector")
    value = c.wick(rings, {letter: ((), ())})
    degree = sum(x[0] == letter for w in rings for x in w)
    for j in range(degree // 2):
        value = value * (rows + number(2 * j)).inverse()
    return value


Edge = tuple[int, int, Word]


Ends = list[tuple[int, int, int]]


def network(c: Checker, rings: list[Word], *mine: int) -> tuple[list[Edge], Ends, list[Quot]]:
    """Traces as sums over indices: (fixed edges, (row, column, letter) of each occurrence of letters, index sizes)."""
    edges: list[Edge] = []
    ends: Ends = []
    sizes: list[Quot] = []
    for word in rings:
        first = len(sizes)
        for n, x in enumerate(word):
            start, end = first + n, first + (n + 1) % len(word)
            sizes.append(c.rows(x))
            if x[0] not in mine:
                edges.append((start, end, (x,)))
                continue
            require(not x[2], "the inverse of a random matrix")
            ends.append((end, start, x[0]) if x[1] else (start, end, x[0]))
    return edges, ends, sizes


def haar(c: Checker, rings: list[Word], letter: int) -> Quot:
    n, columns = c.shapes[letter]
    require(not (n - columns).num, "a Haar matrix is square")
    edges, ends, sizes = network(c, rings, letter)
    if len(ends) % 2:
        return number(0)
    require(len(ends) <= MAX_HAAR, f"degree {len(ends)} in a Haar matrix")
    half = len(ends) // 2
    gap = c.sign_of(n - number(half))
    require(gap is not None and gap[0] >= 0, f"the dimension is not proved to be at least {half}")
    weights = {t: at_dimension(w, n) for t, w in weingarten(half).items()}
    every = list(pairings(range(len(ends))))
    found: dict[Any, list[Any]] = {}
    for p in every:
        rows: list[Edge] = [(ends[i][0], ends[j][0], ()) for i, j in p]
        for q in every:
            value = c._walk([*edges, *rows, *((ends[i][1], ends[j][1], ()) for i, j in q)], sizes)
            entry = found.setdefault(value.key(), [value, {}])
            t = coset_type(p, q)
            entry[1][t] = entry[1].get(t, 0) + 1
    return total(v * total(weights[t] * number(times) for t, times in types.items()) for v, types in found.values())


def unitary(c: Checker, rings: list[Word], mine: list[int]) -> Quot:
    """Each occurrence of the parts is (U + conj U)/2 or (U - conj U)/(2i); as many U as conj U, or the mean is zero."""
    real, imaginary = mine
    n, columns = c.shapes[real]
    require(c.same_shape(c.shapes[imaginary], (n, n)) and not (n - columns).num, "the parts of a square matrix")
    edges, ends, sizes = network(c, rings, real, imaginary)
    second = [x == imaginary for _, _, x in ends]
    if len(ends) % 2 or sum(second) % 2:
        return number(0)
    require(len(ends) <= MAX_UNITARY, f"degree {len(ends)} in a unitary matrix")
    half = len(ends) // 2
    gap = c.sign_of(n - number(half))
    require(gap is not None and gap[0] >= 0, f"the dimension is not proved to be at least {half}")
    weights = {t: at_dimension(w, n) for t, w in unitary_weingarten(half).items()}
    every = list(itertools.permutations(range(half)))
    found: dict[Any, list[Any]] = {}
    for plain in itertools.combinations(range(len(ends)), half):
        other = [k for k in range(len(ends)) if k not in plain]
        # (1/i)^(occurrences of the imaginary part), and -1 for each of them that is conj U
        sign = (-1) ** (sum(second) // 2 + sum(second[k] for k in other))
        for p in every:
            rows: list[Edge] = [(ends[a][0], ends[other[p[j]]][0], ()) for j, a in enumerate(plain)]
            for q in every:
                both = [*edges, *rows, *((ends[a][1], ends[other[q[j]]][1], ()) for j, a in enumerate(plain))]
                value = c._walk(both, sizes)
                entry = found.setdefault(value.key(), [value, {}])
                t = cycle_type(p, q)
                entry[1][t] = entry[1].get(t, 0) + sign
    scale = number(Fraction(1, 4**half))
    return scale * total(v * total(weights[t] * number(k) for t, k in types.items()) for v, types in found.values())


def signs(c: Checker, rings: list[Word], letter: int) -> Quot:
    edges, ends, sizes = network(c, rings, letter)
    if len(ends) % 2:
        return number(0)
    require(len(ends) <= MAX_SIGNS, f"degree {len(ends)} in independent signs")
    weights = sign_cumulants(MAX_SIGNS)
    found: dict[Any, list[Any]] = {}
    for blocks in even_blocks(list(range(len(ends)))):
        weight = 1
        for block in blocks:
            weight *= weights[len(block)]
        value = _merged(c, edges, ends, sizes, blocks)
        entry = found.setdefault(value.key(), [value, 0])
        entry[1] += weight
    return total(v * number(w) for v, w in found.values())


def _merged(c: Checker, edges: list[Edge], ends: Ends, sizes: list[Quot], blocks: Any) -> Quot:
    """The sum over all indices once the row indices of each block are one, and its column indices."""
    name = list(range(len(sizes)))
    for block in blocks:
        for side in (0, 1):
            old = {name[ends[k][side]] for k in block}
            name = [min(old) if v in old else v for v in name]
    at: dict[int, list[tuple[int, bool]]] = {v: [] for v in name}
    for k, (a, b, _) in enumerate(edges):
        at[name[a]].append((k, True))
        at[name[b]].append((k, False))
    ends_here = {v for v in at if not (sizes[v] - number(1)).num}
    hubs = {v for v in at if len(at[v]) > 2} - ends_here
    left = set(range(len(edges)))
    out = number(1)
    for v in at:
        if not at[v]:
            out = out * sizes[v]

    def walk(k: int, forward: bool) -> tuple[Word, int]:
        """The word from here along edge k to the next hub or index of size 1, or once around."""
        word: Word = ()
        while True:
            left.discard(k)
            a, b, w = edges[k]
            word += w if forward else c.flip(w)
            here = name[b if forward else a]
            onward = [] if here in hubs | ends_here else [(e, f) for e, f in at[here] if e in left]
            if not onward:
                return word, here
            ((k, forward),) = onward

    loops: dict[int, list[Word]] = {v: [] for v in hubs}
    for start in (*hubs, *ends_here):
        for k, forward in at[start]:
            if k not in left:
                continue
            word, other = walk(k, forward)
            if start in hubs and other in hubs:
                if start != other:
                    raise Rejected("a double sum over entries, which has no form here")
                loops[start].append(word)
            elif start in hubs:
                loops[start].append(word)
            elif other in hubs:
                loops[other].append(c.flip(word))
            else:
                out = out * c.ring(word, number(1))
    for k in sorted(left):
        if k in left:
            word, here = walk(k, True)
            out = out * c.ring(word, sizes[here])
    for v, words in loops.items():
        out = out * diagonal(c, words, sizes[v])
    return out
