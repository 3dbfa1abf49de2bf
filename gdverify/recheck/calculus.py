"""Derivatives, leading terms at infinity, and derivatives along a flow, of normal forms."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .matrices import Matrices, Terms, Word, cancel
from .poly import ONE, Poly, Quot, number, total, whole
from .terms import Rejected, Unknown

SMOOTH = ("sin", "cos", "tanh", "atan", "asin", "acos", "erf")
OTHER = {"sin": "cos", "cos": "sin", "tanh": "tanh"}


class Calculus(Matrices):
    """Derivatives and limits."""

    def log_of(self, value: Quot) -> Quot:
        k = self.atom("log", (("log",), (value.key(),)), ("log", value), self.names_of(value))
        return self.one(k)

    def derive(self, value: Quot, atom: Callable[[int], Quot | None]) -> Quot:
        """The derivation that acts on basic atoms by ``atom`` (None: use the chain rule)."""
        top = self._derive_poly(value.num, atom)
        out = top * Quot(ONE, value.den)
        for f, e in value.den.items():
            inner = self._derive_poly(dict(f), atom)
            if inner.num:
                out = out - value * inner * number(e) * Quot(ONE, {f: 1})
        return self.reduced(out)

    def _derive_poly(self, p: Poly, atom: Callable[[int], Quot | None]) -> Quot:
        cache: dict[int, Quot] = {}
        parts = []
        for m, c in p.items():
            for k, e in m:
                if k not in cache:
                    cache[k] = self._derive_atom(k, atom)
                if cache[k].num:
                    rest = dict(m)
                    rest[k] = whole(e - 1)
                    n = tuple((j, f) for j, f in sorted(rest.items()) if f)
                    parts.append(Quot({n: c * e}) * cache[k])
        return total(parts)

    def _derive_atom(self, k: int, atom: Callable[[int], Quot | None]) -> Quot:
        given = atom(k)
        if given is not None:
            return given
        a = self.atoms[k]
        if a.kind in ("num", "const"):
            return number(0)
        if a.kind == "exp":
            return self.one(k) * self.derive(a.parts[0], atom)
        if a.kind == "log":
            inner = self.derive(a.parts[1], atom)
            if inner.num and self.sign_of(a.parts[1]) != (1, True):
                raise Rejected("the logarithm of something that is not proved positive")
            return inner * a.parts[1].inverse() if inner.num else inner
        if a.kind == "root":
            inner = self.derive(a.parts[0], atom)
            if inner.num and self.sign_of(a.parts[0]) != (1, True):
                raise Rejected("the root of something that is not proved positive")
            return inner
        if a.kind == "pow":
            base, exponent = a.parts
            inner = self.derive(exponent, atom)
            value = self.one(base) if isinstance(base, int) else number(base)
            moved = self._derive_atom(base, atom) if isinstance(base, int) else number(0)
            if not inner.num and not moved.num:
                return number(0)
            if self.sign_of(value) != (1, True):
                raise Rejected("a power of something that is not proved positive")
            out = self.one(k) * exponent * moved * value.inverse() if moved.num else number(0)
            return out + (self.one(k) * inner * self.log_of(value) if inner.num else number(0))
        if a.kind == "call" and a.parts[1] in SMOOTH and len(a.parts) == 3:
            inner = self.derive(a.parts[2], atom)
            return inner * self._derive_call(a.parts[1], a.parts[2]) if inner.num else inner
        parts = [p for p in a.parts if isinstance(p, Quot)]
        if a.kind in ("abs", "modulus", "max", "min", "mean", "sum", "integral", "call", "opaque"):
            if all(not self.derive(p, atom).num for p in parts):
                return number(0)
        raise Rejected(f"{a.kind} is not known to be differentiable")

    def _derive_call(self, name: str, x: Quot) -> Quot:
        """The derivative of a named function at a real x, inside of its domain."""
        if not self.real(x):
            raise Rejected(f"{name} of something that is not known to be real")
        if name == "atan":
            return self.reduced(number(1) + x * x).inverse()
        if name == "asin" or name == "acos":
            inside = self.reduced(number(1) - x * x)
            if self.sign_of(inside) != (1, True):
                raise Rejected(f"{name} of something that is not proved to be inside of (-1, 1)")
            out = number(1 if name == "asin" else -1)
            for part, e in self._factors(inside, lambda s: s == (1, True)):
                out = out * self._part_power(part, whole(e * Fraction(-1, 2)))
            return out
        if name == "erf":
            root = self.one(self.atom("const", "pi", (), frozenset()), Fraction(-1, 2))
            return number(2) * root * self._exponential(-(x * x))
        other = self.atom("call", (("call", OTHER[name]), (x.key(),)), ("call", OTHER[name], x), self.names_of(x))
        value = self.one(other)
        return number(1) - value * value if name == "tanh" else -value if name == "cos" else value

    def slope(self, value: Quot, name: str) -> Quot:
        """d value / d name."""
        if name not in self.symbols or not self.symbols[name].generic or self.symbols[name].integer:
            raise Rejected(f"{name} is no generic real")

        def atom(k: int) -> Quot | None:
            if name not in self.atoms[k].names:
                return number(0)
            a = self.atoms[k]
            if a.kind == "sym":
                return number(1)
            if a.kind in (
                "fun",
                "inner",
                "trace",
                "mean",
                "sum",
                "integral",
                "abs",
                "modulus",
                "max",
                "min",
                "opaque",
            ):
                raise Rejected(f"{a.kind} is not known to be differentiable in {name}")
            return None

        return self.derive(value, atom)

    # -- along a flow -----------------------------------------------------------------------------------------

    def leibniz(self, word: Word, speed: dict[int, Terms], still: set[int]) -> Terms:
        out: Terms = {}
        for n, x in enumerate(word):
            if x[0] in still:
                continue
            if x[0] not in speed:
                raise Rejected("a letter has no equation of motion and is not assumed constant")
            for v, c in speed[x[0]].items():
                inside = self.flip(v) if x[1] else v
                if x[2]:
                    inside, c = (x, *inside, x), -c
                self.accumulate(out, {cancel(word[:n] + inside + word[n + 1 :]): c})
        return {w: c for w, c in out.items() if c.num}

    def gradient(self, value: Quot, letter: int) -> Terms:
        """Gradient, in a free matrix letter, of a polynomial in traces."""
        out: Terms = {}
        for f in value.den:
            if any(self._has(k, letter) for m, _ in f for k, _ in m):
                raise Rejected("a denominator depends on the letter")
        for m, c in value.num.items():
            for k, e in m:
                if not self._has(k, letter):
                    continue
                a = self.atoms[k]
                if a.kind != "trace" or not isinstance(e, int) or e < 1:
                    raise Rejected("the loss is no polynomial in traces")
                rest = dict(m)
                rest[k] = e - 1
                n = tuple((j, f) for j, f in sorted(rest.items()) if f)
                factor = Quot({n: c * e}, value.den)
                for i, x in enumerate(a.parts[0]):
                    if x[0] != letter:
                        continue
                    around = a.parts[0][i + 1 :] + a.parts[0][:i]
                    sign = number(-1) if x[2] else number(1)
                    if x[2]:
                        around = (x, *around, x)
                    self.accumulate(out, {cancel(around if x[1] else self.flip(around)): sign}, factor)
        return {w: c for w, c in out.items() if c.num}

    def _has(self, k: int, letter: int) -> bool:
        """Whether an atom involves a letter: traces are read, anything that cannot be read counts as involved."""
        a = self.atoms[k]
        if a.kind == "trace":
            return any(x[0] == letter for x in a.parts[0])
        if a.kind in ("sym", "num", "const"):
            return False
        parts = [p for p in a.parts if isinstance(p, Quot)]
        if a.kind in ("exp", "log", "root", "abs", "pow") and parts:
            inside = any(
                self._has(j, letter) for p in parts for q in (p.num, *map(dict, p.den)) for m in q for j, _ in m
            )
            return inside or (a.kind == "pow" and isinstance(a.parts[0], int) and self._has(a.parts[0], letter))
        return True

    # -- at infinity ------------------------------------------------------------------------------------------

    def leading(self, value: Quot, name: str) -> tuple[Quot, Quot]:
        """(p, c) with value = c name^p + o(name^p) as name -> oo; c is no zero of the normal form, but may vanish."""
        p, c = self._leading_poly(value.num, name)
        for f, e in value.den.items():
            q, d = self._leading_poly(dict(f), name)
            s = self.sign_of(d)
            if (s is None or not s[1]) and self._matches(d, ("!=",)) is None:
                raise Rejected("a leading coefficient of a denominator may vanish")
            p, c = p - q * number(e), c * d**-e
        return p, c

    def _leading_poly(self, poly: Poly, name: str) -> tuple[Quot, Quot]:
        groups: dict[Any, tuple[Quot, list[Quot], list[bool]]] = {}
        for m, coefficient in poly.items():
            power, lead = number(0), number(coefficient)
            for k, e in m:
                q, d = self._leading_atom(k, e, name)
                power, lead = power + q, lead * d
            group = groups.setdefault(power.key(), (power, [], []))
            group[1].append(lead)
            group[2].append(all(self._is_power(k, name) for k, _ in m))
        found = []
        for power, parts, exact in groups.values():
            lead = self.reduced(total(parts))
            if lead.num:
                found.append((power, lead))
            elif not all(exact):
                raise Rejected("leading terms cancel, and what they leave is not known")
        for power, lead in found:
            if all(other is power or self.sign_of(power - other) == (1, True) for other, _ in found):
                return power, lead
        raise Rejected("no leading term")

    def _is_power(self, k: int, name: str) -> bool:
        """Whether an atom is exactly a constant or a power of the symbol, not only to leading order."""
        a = self.atoms[k]
        if a.kind == "pow" and isinstance(a.parts[0], int) and name not in self.names_of(a.parts[1]):
            return self._is_power(a.parts[0], name)
        return a.kind == "sym" or name not in a.names

    def _leading_atom(self, k: int, e: Any, name: str) -> tuple[Quot, Quot]:
        a = self.atoms[k]
        if name not in a.names:
            return number(0), self.one(k, e)
        if a.kind == "sym":
            return number(e), number(1)
        if a.kind == "root":
            return self._leading_power(self.leading(a.parts[0], name), number(e))
        if a.kind == "pow" and name not in self.names_of(a.parts[1]) and isinstance(a.parts[0], int):
            return self._leading_power(self._leading_atom(a.parts[0], 1, name), a.parts[1] * number(e))
        raise Unknown(f"growth of {a.kind}")

    def _leading_power(self, base: tuple[Quot, Quot], exponent: Quot) -> tuple[Quot, Quot]:
        q, d = base
        if self.sign_of(d) != (1, True) or not self.real(exponent):
            raise Rejected("a power of something not proved to be positive at infinity")
        out = number(1)
        for part, n in self._factors(d, lambda s: s == (1, True)):
            out = out * self._lift(part, exponent * number(n))
        return q * exponent, self.reduced(out)
