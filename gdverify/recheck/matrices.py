"""Matrices of symbolic size: sums of words in letters, traces, rewriting, Gaussian moments.

A letter is (number, transposed, inverted); a word is a tuple of letters; a matrix is {word: coefficient}, the empty
word being the identity.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from .poly import Quot, number
from .signs import Signs
from .terms import Rejected, Tree, free, show

Letter = tuple[int, bool, bool]
Word = tuple[Letter, ...]
Terms = dict[Word, Quot]
LIMIT = 4000


def cancel(word: Word) -> Word:
    out: list[Letter] = []
    for x in word:
        if out and out[-1][:2] == x[:2] and out[-1][2] != x[2]:
            out.pop()
        else:
            out.append(x)
    return tuple(out)


class Matrices(Signs):
    """Words and traces."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: dict[int, tuple[Any, Any]] = {}  # letter -> sizes in normal form
        self.symmetric: set[int] = set()
        self.sizes: set[Tree] = set()  # proved to be whole and >= 0
        self.letters: dict[int, Tree] = {}
        self.written: dict[str, tuple[Tree, Tree]] = {}  # the shape as it is written
        self.named: dict[str, tuple[Any, ...]] = {}  # one name, one kind and shape

    def letter(self, t: Tree) -> int:
        rows, columns = self.form(t[2]), self.form(t[3])
        index = self.form(t[4]) if t[0] == "matterm" else None
        key = (t[0], t[1], rows.key(), columns.key(), index.key() if index is not None else None)
        if self.named.setdefault(t[1], (t[0], *key[2:4]))[:3] != (t[0], *key[2:4]):
            raise Rejected(f"{t[1]} is the name of matrices of two kinds or shapes")
        self.written.setdefault(t[1], t[2:4])
        names = self.names_of(index) if index is not None else frozenset()
        k = self.atom("letter", key, (t,), names)
        self.shapes[k] = (rows, columns)
        self.letters[k] = t
        if t[0] == "symmat":
            self.symmetric.add(k)
        return k

    def rows(self, x: Letter) -> Quot:
        return self.shapes[x[0]][1 if x[1] else 0]

    def columns(self, x: Letter) -> Quot:
        return self.shapes[x[0]][0 if x[1] else 1]

    def flip(self, word: Word) -> Word:
        return tuple((k, False if k in self.symmetric else not t, v) for k, t, v in reversed(word))

    def _size(self, t: Tree) -> Quot:
        """A size in normal form: a whole number >= 0, for |I|^2 >= 0 would say so of any number."""
        if t not in self.sizes:
            before = set(self.used)
            if not (free(t) <= set(self.symbols) and self.integer(t) and self.nonnegative(t)):
                raise Rejected(f"the size {show(t)} of a matrix is not proved to be a whole number >= 0")
            if self.used == before:
                self.sizes.add(t)
        return self.form(t)

    def shape(self, t: Tree) -> tuple[Quot, Quot]:
        """Sizes of a matrix; raises where sizes do not fit."""
        op = t[0]
        if op in ("mat", "symmat", "matterm"):
            return self._size(t[2]), self._size(t[3])
        if op == "id":
            return self._size(t[1]), self._size(t[1])
        if op == "zero":
            return self.form(t[1]), self.form(t[2])
        if op == "T":
            r, c = self.shape(t[1])
            return c, r
        parts = [self.shape(a) for a in t[1:] if isinstance(a, tuple) and a[0] in _MATRIX]
        if not parts:
            raise Rejected("a product without matrices")
        if op == "m+":
            if any(not self.same_shape(p, parts[0]) for p in parts):
                raise Rejected("matrices of different shapes are added")
            return parts[0]
        if op == "m*":
            for a, b in itertools.pairwise(parts):
                if (a[1] - b[0]).num:
                    raise Rejected("shapes do not multiply")
            return parts[0][0], parts[-1][1]
        if (parts[0][0] - parts[0][1]).num:
            raise Rejected("an inverse or power of a matrix that is not square")
        return parts[0]

    def same_shape(self, a: tuple[Quot, Quot], b: tuple[Quot, Quot]) -> bool:
        return not (a[0] - b[0]).num and not (a[1] - b[1]).num

    def words(self, t: Tree) -> Terms:
        """Noncommutative normal form."""
        self.shape(t)
        return self._words(t)

    def _words(self, t: Tree) -> Terms:
        op = t[0]
        if op in ("mat", "symmat", "matterm"):
            return {((self.letter(t), False, False),): number(1)}
        if op == "id":
            return {(): number(1)}
        if op == "zero":
            return {}
        if op == "m+":
            out: Terms = {}
            for a in t[1:]:
                self.accumulate(out, self._words(a))
            return _clean(out)
        if op == "m*":
            product: Terms = {(): self.form(t[1])}
            for a in t[2:]:
                product = self.product(product, self._words(a))
            return product
        if op == "T":
            return {self.flip(w): c for w, c in self._words(t[1]).items()}
        if op == "inv":
            inner = self._words(t[1])
            ((w, c),) = inner.items() if len(inner) == 1 else (((), number(0)),)
            square = all(not (self.rows(x) - self.columns(x)).num for x in w)
            if not w or not square or (c - number(1)).num:
                raise Rejected("an inverse of something that is no product of square letters")
            return {tuple((k, s, not v) for k, s, v in reversed(w)): c}
        if op == "m^" and not isinstance(t[2], tuple) and t[2].denominator == 1 and 0 < t[2] <= 20:
            product = {(): number(1)}
            for _ in range(int(t[2])):
                product = self.product(product, self._words(t[1]))
            return product
        raise Rejected(f"{op} is no matrix in normal form")

    @staticmethod
    def accumulate(into: Terms, terms: Terms, factor: Quot | None = None) -> None:
        for w, c in terms.items():
            c = c if factor is None else c * factor
            into[w] = into[w] + c if w in into else c

    def product(self, a: Terms, b: Terms) -> Terms:
        out: Terms = {}
        for u, c in a.items():
            for v, d in b.items():
                w = cancel(u + v)
                out[w] = out[w] + c * d if w in out else c * d
        if len(out) > LIMIT:
            raise Rejected("a matrix product grows too large")
        return _clean(out)

    def difference(self, a: Tree, b: Tree) -> Terms:
        if not self.same_shape(self.shape(a), self.shape(b)):
            raise Rejected("matrices of different shapes")
        out = dict(self._words(a))
        self.accumulate(out, self._words(b), number(-1))
        return _clean(out)

    # -- traces -----------------------------------------------------------------------------------------------

    def trace(self, matrix: Tree) -> Quot:
        r, c = self.shape(matrix)
        if (r - c).num:
            raise Rejected("the trace of a matrix that is not square")
        return self.trace_of(self._words(matrix), r)

    def _determinant(self, matrix: Tree) -> Quot:
        r, c = self.shape(matrix)
        if (r - c).num:
            raise Rejected("the determinant of a matrix that is not square")
        terms = self._words(matrix)
        names = frozenset().union(
            *(self.atoms[x[0]].names for w in terms for x in w), *map(self.names_of, terms.values())
        )
        key = (r.key(), tuple(sorted((w, v.key()) for w, v in terms.items())))
        return self.one(self.atom("det", key, (), names))

    def trace_of(self, terms: Terms, size: Quot) -> Quot:
        """Trace of a sum of words, after rewriting with the equations in force."""
        out = number(0)
        todo = [(w, c, size) for w, c in terms.items()]
        for _ in range(LIMIT):
            if not todo:
                return out
            w, c, size = todo.pop()
            hit = self._find_cyclic(w) if self.rules else None
            if hit is None:
                out = out + c * self.ring(w, size)
                continue
            rest, replacement, size = hit
            for v, a in replacement.items():
                new = self.cancel_ring(v + rest)
                todo.append((new, a * c, self.rows(new[0]) if new else size))
        raise Rejected("rewriting does not come to an end")

    def _find_cyclic(self, word: Word) -> tuple[Word, Terms, Quot] | None:
        for w in (word, self.flip(word)):
            for k in range(len(w)):
                turned = w[k:] + w[:k]
                for pattern, replacement in self.rules:
                    if turned[: len(pattern)] == pattern:
                        return turned[len(pattern) :], replacement, self.rows(pattern[0])
        return None

    @staticmethod
    def cancel_ring(word: Word) -> Word:
        word = cancel(word)
        while len(word) > 1 and not cancel((word[-1], word[0])):
            word = word[1:-1]
        return word

    def ring(self, word: Word, size: Quot) -> Quot:
        """tr(word) as a product of trace atoms, cut where the word passes through dimension 1."""
        size = self.rows(word[0]) if word else size
        word = self.cancel_ring(word)
        if not word:
            return size
        cuts = [k for k, x in enumerate(word) if not (self.rows(x) - number(1)).num]
        if not cuts:
            return self.one(self.trace_atom(self._canonical(word)))
        turned = word[cuts[0] :] + word[: cuts[0]]
        ends = [k - cuts[0] for k in cuts] + [len(turned)]
        out = number(1)
        for a, b in itertools.pairwise(ends):
            piece = turned[a:b]
            k = self.trace_atom(min(piece, self.flip(piece)))
            out = out * self.one(k)
        return out

    def _canonical(self, word: Word) -> Word:
        return min(w[k:] + w[:k] for w in (word, self.flip(word)) for k in range(len(w)))

    def trace_atom(self, word: Word) -> int:
        half = len(word) // 2
        square = len(word) % 2 == 0 and any(
            (w := word[k:] + word[:k])[half:] == self.flip(w[:half]) for k in range(len(word))
        )
        names = frozenset().union(*(self.atoms[x[0]].names for x in word))
        return self.atom("trace", word, (word, square), names)

    # -- rewriting --------------------------------------------------------------------------------------------

    def oriented(self, left: Tree, right: Tree) -> list[tuple[Word, Terms]]:
        self.difference(left, right)  # shapes
        l, r = self._words(left), self._words(right)
        if len(l) != 1 or () in l:
            raise Rejected("an equation used for rewriting needs a single product on its left")
        ((word, c),) = l.items()
        inverse = c.inverse()
        rules = [(word, {w: k * inverse for w, k in r.items()})]
        if self.flip(word) != word:
            rules.append((self.flip(word), {self.flip(w): k * inverse for w, k in r.items()}))
        return rules

    def rewritten(self, terms: Terms) -> Terms:
        done: Terms = {}
        todo = dict(terms)
        for _ in range(LIMIT):
            if not todo:
                return _clean(done)
            w, c = todo.popitem()
            for pattern, replacement in self.rules:
                n = len(pattern)
                k = next((k for k in range(len(w) - n + 1) if w[k : k + n] == pattern), -1)
                if k >= 0:
                    for v, a in replacement.items():
                        self.accumulate(todo, {cancel(w[:k] + v + w[k + n :]): a}, c)
                    break
            else:
                self.accumulate(done, {w: c})
        raise Rejected("rewriting does not come to an end")

    # -- Gaussian moments -------------------------------------------------------------------------------------

    def wick(self, rings: list[Word], laws: dict[int, tuple[Word, Word]]) -> Quot:
        """E of a product of traces (Isserlis); ``laws``: letter -> words of its row and column covariance."""
        edges: list[tuple[int, int, Word]] = []
        slots: dict[int, list[tuple[int, int]]] = {}
        sizes: list[Quot] = []
        for word in rings:
            first = len(sizes)
            for n, x in enumerate(word):
                start, end = first + n, first + (n + 1) % len(word)
                sizes.append(self.rows(x))
                if x[0] not in laws:
                    edges.append((start, end, (x,)))
                    continue
                if x[2]:
                    raise Rejected("the inverse of a random matrix")
                slots.setdefault(x[0], []).append((end, start) if x[1] else (start, end))
        if any(len(v) % 2 for v in slots.values()):
            return number(0)
        found: dict[Any, list[Any]] = {}
        for count, choice in enumerate(itertools.product(*(list(_matchings(v)) for v in slots.values()))):
            if count > 50_000:
                raise Rejected("too many pairings")
            more = list(edges)
            for k, pairs in zip(slots, choice, strict=True):
                for (a, b), (c, d) in pairs:
                    more += [(a, c, laws[k][0]), (b, d, laws[k][1])]
            value = self._walk(more, sizes)
            entry = found.setdefault(value.key(), [value, 0])
            entry[1] += 1
        out = number(0)
        for value, times in found.values():
            out = out + value * number(times)
        return out

    def _walk(self, edges: list[tuple[int, int, Word]], sizes: list[Quot]) -> Quot:
        """The product of traces that a network of edges is, each index joining two ends."""
        at: dict[int, list[int]] = {}
        for n, (a, b, _) in enumerate(edges):
            at.setdefault(a, []).append(n)
            at.setdefault(b, []).append(n)
        if any(len(v) != 2 for v in at.values()):
            raise Rejected("an index does not join two ends")
        left = set(range(len(edges)))
        out = number(1)
        while left:
            n = min(left)
            start = here = edges[n][0]
            word: Word = ()
            while True:
                left.discard(n)
                a, b, w = edges[n]
                word, here = (word + w, b) if here == a else (word + self.flip(w), a)
                if here == start:
                    break
                n = next(k for k in at[here] if k in left)
            out = out * self.ring(word, sizes[start])
        return out


def _matchings(items: list[Any]) -> Iterator[list[tuple[Any, Any]]]:
    if not items:
        yield []
        return
    for k in range(1, len(items)):
        for rest in _matchings(items[1:k] + items[k + 1 :]):
            yield [(items[0], items[k]), *rest]


def _clean(terms: Terms) -> Terms:
    return {w: c for w, c in terms.items() if c.num}


_MATRIX = {"mat", "symmat", "matterm", "id", "zero", "m+", "m*", "T", "inv", "m^"}
