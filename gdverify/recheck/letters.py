"""Which letters of a step are random, by which law, and which are constant."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .certificate import Checker
from .diagonals import diagonal_letters
from .matrices import Word
from .poly import Quot, number
from .terms import Malformed, Rejected, Tree, is_matrix, sub

LAWS = ("gaussian", "sphere", "signs", "haar", "unitary")


def require(condition: bool, what: str) -> None:
    if not condition:
        raise Rejected(what)


class Letters:
    """The letters that a step may speak of: ``random`` ones with the one law that it names, and constant ones.

    Refused: a letter with two laws, or random and constant; a law of a symmetric or indexed letter; sizes that are not
    proved to be whole and positive; a covariance that is no symmetric letter or identity of the right size, or random.
    """

    def __init__(self, c: Checker, names: Any, kinds: tuple[str, ...] = LAWS):
        if not isinstance(names, list):
            raise Malformed("laws must be a list of names")
        self.random: dict[int, dict[str, Any]] = {}
        self.checker = c
        constant = [(n, law) for n, law in c.laws.items() if law["kind"] == "constant"]
        self.constant = {c.letter(x): n for n, law in constant for x in law.get("letters", ()) if is_matrix(x)}
        families = {x for _, law in constant for x in law.get("names", ())}
        self.covariances: dict[int, tuple[Word, Word]] = {}
        self.of_covariances: set[int] = set()
        self.groups: list[tuple[str, list[int]]] = []  # the kinds of the laws, and the letters of each
        stated = [c.letter(x) for law in c.laws.values() if law["kind"] in LAWS for x in letters_of(law)]
        self.varying = set(stated)  # all that any assumption makes random
        for law in c.laws.values():
            if law["kind"] == "rotation":
                self.varying |= {c.letter(x) for x in (*law["points"], *law.get("labels", ()))}
            if law["kind"] == "gram-inverse":
                self.varying.add(c.letter(law["inverse"]))
        both = [k for k in self.varying if k in self.constant or c.letters[k][1] in families]
        require(not both, "a letter is random, and assumed constant")
        for k in self.varying:
            same = [j for j in {*self.varying, *self.constant} - {k} if c.letters[j][1] == c.letters[k][1]]
            apart = all(c.letters[j][0] == "matterm" and numbered(c, c.letters[j]) for j in (k, *same))
            require(not same or apart, "two terms of a sequence may be one letter")
        for name in names:
            law = c.law(name, *kinds)
            mine = [c.letter(x) for x in letters_of(law)]
            for k, x in zip(mine, letters_of(law), strict=True):
                require(stated.count(k) == 1 and k not in self.random, "a letter with two laws")
                plain_letter(c, x)
                self.random[k] = law
            self.groups.append((law["kind"], mine))
            k = mine[0]
            if law["kind"] == "gaussian":
                self.covariances[k] = (self._covariance(c, law, "rows", 2), self._covariance(c, law, "columns", 3))

    def _covariance(self, c: Checker, law: dict[str, Any], side: str, at: int) -> Word:
        part, size = law[side], c.form(law["letter"][at])
        require(is_matrix(part) and c.same_shape(c.shape(part), (size, size)), "a covariance of another size")
        terms = c.words(part)
        ((w, one),) = terms.items() if len(terms) == 1 else (((), number(0)),)
        plain = len(w) <= 1 and c.flip(w) == w and not any(x[2] for x in w) and not (one - number(1)).num
        require(plain, "a covariance is no symmetric letter")
        require(not {x[0] for x in w} & self.varying, "a covariance is random")
        self.of_covariances |= {x[0] for x in w}
        return w

    def still(self, k: int) -> bool:
        """Whether a letter is constant: an assumption says so, or it is a covariance."""
        if k in self.constant:
            self.checker.used_laws.add(self.constant[k])
        return k in self.constant or k in self.of_covariances

    def known(self, word: Word) -> bool:
        return all(x[0] in self.random or self.still(x[0]) for x in word)

    def fixed_atom(self, c: Checker, k: int) -> bool:
        a = c.atoms[k]
        if a.kind == "trace":
            return all(self.still(x[0]) for x in a.parts[0])
        if a.kind == "diag":
            return all(map(self.still, diagonal_letters(a.parts)))
        if a.kind in ("root", "exp", "log", "abs", "modulus", "max", "min"):
            return all(self.fixed(c, p) for p in a.parts if isinstance(p, Quot))
        return c.deterministic(k)

    def fixed(self, c: Checker, value: Quot) -> bool:
        return all(self.fixed_atom(c, k) for p in (value.num, *map(dict, value.den)) for m in p for k, _ in m)

    def fixed_denominator(self, c: Checker, value: Quot) -> bool:
        return all(self.fixed_atom(c, k) for f in value.den for m, _ in f for k, _ in m)


def letters_of(law: dict[str, Any]) -> list[Tree]:
    """The random letters that one law is about: two parts of a unitary matrix, or one."""
    return [law["real"], law["imaginary"]] if law["kind"] == "unitary" else [law["letter"]]


def numbered(c: Checker, t: Tree) -> bool:
    """Whether the index of a term of a sequence is a number."""
    index = c.form(t[4])
    return not index.den and index.num.keys() <= {()}


def plain_letter(c: Checker, t: Tree) -> None:
    """A random letter is a plain one of whole, positive sizes; a term of a sequence must be one fixed term."""
    plain = t[0] == "mat" or (t[0] == "matterm" and numbered(c, t))
    require(plain, "a law of a letter that is symmetric or indexed")
    for size in t[2:4]:
        whole = c.integer(size) and c.nonnegative(sub(size, Fraction(1)))
        require(whole, "the size of a random matrix is not proved to be a whole number >= 1")
