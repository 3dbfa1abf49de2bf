"""Signs: +1 or -1 and whether zero is excluded; (0, False) is zero; None is unknown.

What is known: domains of symbols, and the premises of the step at hand.  The certificate may suggest factors of
polynomials; a suggestion is only ever used by dividing exactly.
"""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

from .normal import Normal
from .poly import Poly, Quot, divide, key, number, padd, pmul, power_of, ppow, primitive, times
from .terms import Rejected, Tree, Unknown, add, neg

Sign = tuple[int, bool] | None
MAX_DEPTH = 24


class Signs(Normal):
    """The sign prover."""

    def __init__(self) -> None:
        super().__init__()
        self.facts: list[tuple[Tree, str, int]] = []
        self.hints: list[Tree] = []
        self.divisors: list[tuple[Tree, frozenset[int]]] = []
        self.used: set[int] = set()
        self.used_hints: set[int] = set()
        self._known: list[tuple[Quot, str, int]] | None = None
        self._factors_hinted: list[tuple[int, Poly]] | None = None
        self._memo: dict[Any, tuple[Sign, frozenset[int], frozenset[int]]] = {}
        self._depth = 0
        self._starting = False
        self.deadline = float("inf")
        self._remember = True  # off while premises are read: what is not known yet must not be remembered

    def begin(self, facts: list[tuple[Tree, str, int]], hints: list[Tree]) -> None:
        """What the next step may rest on."""
        if self.facts != facts or hints or self.hints:
            self.forget()
            self._memo.clear()
        self.facts, self.hints = facts, hints
        self.used, self.used_hints = set(), set()
        self._known = self._factors_hinted = None
        self.divisors = []

    def form(self, tree: Tree) -> Quot:
        """Normal forms remember nothing that rests on premises, so that uses are counted anew."""
        if not isinstance(tree, tuple):
            return number(tree)
        if tree in self.cache:
            return self.cache[tree]
        if time.monotonic() > self.deadline:
            raise Unknown("not verified within the time limit")
        before, self.used = self.used, set()
        hints, self.used_hints = self.used_hints, set()
        try:
            value = self.reduced(self._form(tree))
            if self._remember and not self.used and not self.used_hints:
                self.cache[tree] = value
            return value
        finally:
            self.used |= before
            self.used_hints |= hints

    # -- questions --------------------------------------------------------------------------------------------

    def positive(self, tree: Tree) -> bool:
        return self.sign(tree) == (1, True)

    def nonnegative(self, tree: Tree) -> bool:
        s = self.sign(tree)
        return s is not None and s[0] >= 0

    def nonzero(self, tree: Tree) -> bool:
        s = self.sign(tree)
        if s is not None and s[1]:
            return True
        if isinstance(tree, tuple) and tree[0] == "*" and len(tree) > 1:
            if all(self.nonzero(a) for a in tree[1:]):
                return True
        if isinstance(tree, tuple) and tree[0] == "^" and isinstance(tree[2], Fraction):
            return self.nonzero(tree[1])
        try:
            value = self.form(tree)
        except Rejected:
            return False
        return self._matches(value, ("!=", ">")) is not None

    def divides(self, base: Tree) -> bool:
        """Whether one may divide by ``base``; what was proved with the help of premises is remembered for the step."""
        before, self.used = self.used, set()
        good = self.nonzero(base)
        if good and self.used:
            self.divisors.append((base, frozenset(self.used)))
        self.used |= before
        return good

    def sign(self, tree: Tree) -> Sign:
        if not isinstance(tree, tuple):
            return (0, False) if tree == 0 else (1 if tree > 0 else -1, True)
        if self._depth > MAX_DEPTH:
            return None
        self._depth += 1
        try:
            s = self._structural(tree)
            if s is not None and s[1]:
                return s
            try:
                better = self.sign_of(self.form(tree))
            except Rejected:
                return s
            return better if better is not None else s
        finally:
            self._depth -= 1

    def _structural(self, t: Tree) -> Sign:
        if t[0] == "+":
            return add_signs([self.sign(a) for a in t[1:]])
        if t[0] == "*":
            return mul_signs([self.sign(a) for a in t[1:]])
        if t[0] == "^" and isinstance(t[2], Fraction) and t[2].denominator == 1:
            try:
                real = self.real(self.form(t[1]))
            except Rejected:
                return None
            if t[2] % 2 == 0:
                strict = self.nonzero(t[1])
                return (1, strict) if real and (t[2] > 0 or strict) else None
            s = self.sign(t[1])
            return None if s is None or (t[2] < 0 and not s[1]) else s
        return None

    def sign_of(self, value: Quot) -> Sign:
        """Sign of a normal form."""
        if not value.num:
            return (0, False)
        if not value.den and set(value.num) == {()}:
            return (1 if value.num[()] > 0 else -1, True)
        k = value.key()
        if k in self._memo:
            s, used, hinted = self._memo[k]
            self.used |= used
            self.used_hints |= hinted
            return s
        if self._depth > MAX_DEPTH:
            return None
        before, self.used = self.used, set()
        hints, self.used_hints = self.used_hints, set()
        self._depth += 1
        try:
            s = self._sign_of(value)
        finally:
            self._depth -= 1
            mine, hinted = frozenset(self.used), frozenset(self.used_hints)
            if s is None:
                mine = hinted = frozenset()
            self.used, self.used_hints = before | mine, hints | hinted
        if self._remember and (s is not None or self._depth == 0):
            self._memo[k] = (s, mine, hinted)
        return s

    def _sign_of(self, value: Quot) -> Sign:
        parts = [self._poly_sign(value.num)]
        for f, e in value.den.items():
            s = self._poly_sign(dict(f)) if parts[-1] is not None else None
            if s is not None and not s[1]:
                s = (s[0], True)  # a denominator is known to be non-zero: it was checked when it was read
            if s is None and e % 2 == 0 and self.real(Quot(dict(f))):
                s = (1, True)
            parts.append(s if s is None or e % 2 else (1, True))
        s = mul_signs(parts)
        if s is None or not s[1]:
            fact = self._matches(value, (">", ">="))
            if fact is not None and (s is None or fact[1]):
                return fact
        return s

    def _poly_sign(self, p: Poly) -> Sign:
        found = self._monomials(p)
        if found is not None and found[1]:
            return found
        fact = self._matches(Quot(p), (">", ">="))
        if fact is not None and fact[1]:
            return fact
        return self._searched(p) or fact or found

    def _searched(self, p: Poly) -> Sign:
        """By the ends of symbols, and by factors."""
        c, m, rest = primitive(p)
        if len(rest) < 2:
            return None
        if m or c < 0:
            outer = self._monomials({m: c})
            inner = self._poly_sign(rest) if outer is not None else None
            if inner is not None:
                return mul_signs([outer, inner])
        return self._shifted(p) or self._from_ends(p, 3) or self._by_factors(rest, self._monomials({m: c}))

    def _by_factors(self, p: Poly, outer: Sign) -> Sign:
        if outer is None:
            return None
        parts: list[Sign] = [outer]
        for index, factor in self._suggested():
            times = 0
            while len(p) > 1:
                smaller = divide(p, factor)
                if smaller is None or (len(factor) >= len(p) and smaller == p):
                    break
                p, times = smaller, times + 1
            if times:
                if set(p) == {()} and times == 1 and len(parts) == 1:
                    return None  # the polynomial is its own factor: nothing gained
                self.used_hints.add(index)
                s = self._poly_sign(factor)
                if times % 2 == 0:
                    s = (1, bool(s and s[1])) if self.real(Quot(factor)) else None
                if s is None:
                    return None
                parts.append(s)
        if len(parts) == 1:
            return None
        parts.append(self._poly_sign(p))
        return mul_signs(parts)

    def _suggested(self) -> list[tuple[int, Poly]]:
        if self._factors_hinted is None:
            self._factors_hinted = []
            if self._starting:
                return []
            out = []
            self._starting = True
            try:
                for index, hint in enumerate(self.hints):
                    try:
                        value = self.form(hint)
                    except Rejected:
                        continue
                    _, _, p = primitive(value.num) if value.num else (0, (), {})
                    if len(p) > 1 and not value.den:
                        out.append((index, p))
            finally:
                self._starting = False
            self._factors_hinted = out
        return self._factors_hinted

    def _shifted(self, p: Poly) -> Sign:
        """Symbols with a rational lower end written as end + rest, rest >= 0."""
        moved: dict[int, Fraction] = {}
        strict: dict[int, bool] = {}
        for k in {k for m in p for k, _ in m}:
            a = self.atoms[k]
            if a.kind != "sym" or any(not isinstance(e, int) or e < 0 for m in p for n, e in m if n == k):
                continue
            symbol = self.symbols[a.parts[0]]
            if isinstance(symbol.low, Fraction) and symbol.low != 0:
                moved[k], strict[k] = symbol.low, symbol.low_open
        if not moved:
            return None
        out: Poly = {}
        for m, c in p.items():
            part: Poly = {tuple((k, e) for k, e in m if k not in moved): c}
            for k, e in m:
                if k in moved:
                    part = pmul(part, ppow({((k, 1),): Fraction(1), (): moved[k]}, e))
            out = padd(out, part)
        return self._monomials(out, strict)

    def _from_ends(self, p: Poly, depth: int) -> Sign:
        """One symbol after the other written as its end plus or minus a gap >= 0."""
        if depth == 0:
            return None
        for k in sorted({k for m in p for k, _ in m}, reverse=True):
            a = self.atoms[k]
            if a.kind != "sym" or any(not isinstance(e, int) or e < 0 for m in p for n, e in m if n == k):
                continue
            symbol = self.symbols[a.parts[0]]
            for end, side, is_open in ((symbol.low, 1, symbol.low_open), (symbol.high, -1, symbol.high_open)):
                if end is None or end == 0:
                    continue
                try:
                    value = self.form(end)
                except Rejected:
                    continue
                if value.den or any(n == k for m in value.num for n, _ in m):
                    continue
                gap = self.atom("gap", (k, side), (is_open,), self.atoms[k].names)
                line = padd(value.num, {((gap, 1),): Fraction(side)})
                out: Poly = {}
                for m, c in p.items():
                    part: Poly = {tuple((n, e) for n, e in m if n != k): c}
                    out = padd(out, pmul(part, ppow(line, dict(m).get(k, 0))))
                if not out:
                    return (0, False)
                c, m, rest = primitive(out)
                outer = self._monomials({m: c})
                found = self._monomials(rest) or self._shifted(rest) or self._from_ends(rest, depth - 1)
                if outer is not None and found is not None:
                    return mul_signs([outer, found])
        return None

    def _monomials(self, p: Poly, shifted: dict[int, bool] | None = None) -> Sign:
        signs: list[Sign] = []
        for m, c in p.items():
            parts: list[Sign] = [(1 if c > 0 else -1, True)]
            for k, e in m:
                if shifted and k in shifted:
                    parts.append((1, shifted[k]))
                else:
                    parts.append(self._atom_power(k, e))
            signs.append(mul_signs(parts))
            if signs[-1] is None:
                return None
        return add_signs(signs)

    def _atom_power(self, k: int, e: Any) -> Sign:
        s = self._atom_sign(k)
        if isinstance(e, int):
            if e % 2 == 0:
                strict = bool(s and s[1]) or e < 0 or self._matches(self.one(k), ("!=",)) is not None
                return (1, strict) if self.real_power(k, 1) else None
            return s if s is None or e > 0 else (s[0], True)
        if s is None or s[0] != 1:
            return None
        return s if e > 0 else (1, True)

    def _atom_sign(self, k: int) -> Sign:
        s = self._atom_kind(k)
        if s is None or not s[1]:
            fact = self._matches(self.one(k), (">", ">="))
            if fact is not None and (s is None or fact[1]):
                return fact
        return s

    def _atom_kind(self, k: int) -> Sign:
        a = self.atoms[k]
        parts = [p for p in a.parts if isinstance(p, Quot)]
        if a.kind == "sym":
            return self._symbol(a.parts[0])
        if a.kind == "gap":
            return (1, a.parts[0])
        if a.kind == "num":
            return (1, True)
        if a.kind == "const":
            return (1, True)
        if a.kind == "exp":
            return (1, True) if self.real(parts[0]) else None
        if a.kind == "pow":
            base = self._sign_of_base(a.parts[0])
            if base == (1, True) and self.real(parts[0]):
                return (1, True)
            e = self.sign_of(parts[0])
            return (1, False) if base is not None and base[0] == 1 and e is not None and e[0] >= 0 else None
        if a.kind == "root":
            s = self.sign_of(parts[0])
            return s if s is not None and s[0] >= 0 else None
        if a.kind == "inner":
            return (1, False) if a.parts[0] == a.parts[1] else None
        if a.kind == "trace":
            return (1, False) if a.parts[1] else None
        if a.kind == "mean":
            return self.sign_of(parts[0])
        if a.kind == "prob":
            return (1, False)
        if a.kind in ("abs", "modulus"):
            s = self.sign_of(parts[0])
            return (1, bool(s and s[1]))
        if a.kind == "log" and self.sign_of(parts[0]) == (1, True):
            return self.sign_of(parts[0] - number(1))
        if a.kind == "sum" or (a.kind == "integral" and a.parts[4]):
            s = self.sign_of(parts[0])
            return None if s is None else (s[0], False)
        if a.kind == "max":
            signs = [s for s in (self.sign_of(p) for p in parts) if s is not None and s[0] == 1]
            return (1, any(s[1] for s in signs)) if signs else None
        if a.kind == "min":
            found = [self.sign_of(p) for p in parts]
            return (1, all(s[1] for s in found if s)) if all(s is not None and s[0] == 1 for s in found) else None
        if a.kind == "call" and a.parts[1] in ("gamma", "factorial") and self.sign_of(parts[0]) == (1, True):
            return (1, True)
        return None

    def _symbol(self, name: str) -> Sign:
        s = self.symbols[name]
        if s.low is not None:
            low = self.sign(s.low)
            if low is not None and low[0] >= 0:
                return (1, low[1] or s.low_open)
        if s.high is not None:
            high = self.sign(s.high)
            if high is not None and high[0] <= 0:
                return (-1, high[1] or s.high_open)
        return None

    def _matches(self, value: Quot, relations: tuple[str, ...]) -> Sign:
        """Sign of value if it is a rational multiple of a premise."""
        if self._known is None:
            self._read_facts()
        assert self._known is not None
        best: Sign = None
        if not value.num:
            return None
        c, m, p = primitive(value.num)
        wanted = (m, key(p))
        for other, relation, n in self._known:
            if relation not in relations or not other.num or other.den != value.den:
                continue
            d, m2, p2 = primitive(other.num)
            if (m2, key(p2)) == wanted:
                self.used.add(n)
                s = (1 if c / d > 0 else -1, relation != ">=")
                if s[1]:
                    return s
                best = s
            elif len(p) > 1 and m2 != m and key(p2) == wanted[1] and relation != "!=":
                outer = self._monomials({times(m, power_of(m2, -1)): c / d})
                if outer is not None and outer[1]:
                    self.used.add(n)
                    best = (outer[0], relation == ">")
                    if best[1]:
                        return best
        return best

    def _read_facts(self) -> None:
        """Normal forms of the premises; one may need another (for a denominator), so they are read twice."""
        self._known = []
        used, hinted, self._remember = self.used, self.used_hints, False
        for _ in range(2):
            found = []
            for tree, relation, n in self.facts:
                try:
                    found.append((self.form(tree), relation, n))
                except Rejected:
                    continue
                self._known = self._known if len(self._known) > len(found) else list(found)
            self._known = found
            self._memo.clear()
        self.used, self.used_hints, self._remember = used, hinted, True

    def within(self, tree: Tree, name: str) -> bool:
        """Whether a value is proved to lie in the domain of a symbol."""
        s = self.symbols[name]
        if s.integer and not self.integer(tree):
            return False
        if not self.real(self.form(tree)):
            return False
        for end, gap, is_open in (
            (s.low, lambda e: add(tree, neg(e)), s.low_open),
            (s.high, lambda e: add(e, neg(tree)), s.high_open),
        ):
            if end is not None and not (self.positive(gap(end)) if is_open else self.nonnegative(gap(end))):
                return False
        return True


def add_signs(signs: list[Sign]) -> Sign:
    rest = [s for s in signs if s != (0, False)]
    if any(s is None for s in rest):
        return None
    if not rest:
        return (0, False)
    if len({s[0] for s in rest if s}) > 1:
        return None
    return (rest[0][0], any(s[1] for s in rest if s))  # type: ignore[index]


def mul_signs(signs: list[Sign]) -> Sign:
    sign, strict = 1, True
    for s in signs:
        if s is None:
            return None
        if s[0] == 0:
            return (0, False)
        sign *= s[0]
        strict = strict and s[1]
    return (sign, strict)
