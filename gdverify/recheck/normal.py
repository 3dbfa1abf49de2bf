"""Normal forms of scalars: quotients of polynomials in atoms.

An atom is a symbol, function value, inner product, trace, mean, sum, root or power that is not taken apart further.
Its arguments are in normal form themselves, so equal atoms have one number.  An atom may carry one defining relation:
a^q equals something (q = 1 for the root of a sum, whose whole powers are expanded; |x|^2 = x^2).
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .poly import ONE, Mono, Poly, Quot, divided, number, primitive, times, total, whole
from .terms import Rejected, Tree, _plug, add, bound, free, height, is_matrix, is_vector, mul, neg

KNOWN: dict[Any, Fraction] = {  # odd functions: values over pi
    **{(name, Fraction(0)): Fraction(0) for name in ("sin", "tanh", "sinh", "erf", "asin", "atan")},
    ("asin", Fraction(1, 2)): Fraction(1, 6),
    ("asin", Fraction(1)): Fraction(1, 2),
    ("atan", Fraction(1)): Fraction(1, 4),
}
PARITY = {**dict.fromkeys(("sin", "tanh", "sinh", "erf", "atan"), -1), "cos": 1, "cosh": 1}  # f(-x) = +-f(x)
QUARTERS = {"sin": (0, 1, 0, -1), "cos": (1, 0, -1, 0)}  # at 0, pi/2, pi, 3 pi/2


@dataclass
class Atom:
    """What an atom is: ``parts`` are quotients, words or numbers by kind; ``names`` the free symbols in it."""

    kind: str
    parts: tuple[Any, ...]
    names: frozenset[str]
    power: int = 0  # q of the relation
    value: Quot | None = None


@dataclass
class Symbol:
    """A declared symbol and its domain."""

    name: str
    low: Tree = None
    high: Tree = None
    low_open: bool = False
    high_open: bool = False
    integer: bool = False
    generic: bool = False
    observed: bool = False


class Normal:
    """Normal forms; signs and matrices are in the classes that derive from it."""

    def __init__(self) -> None:
        self.symbols: dict[str, Symbol] = {}
        self.atoms: list[Atom] = []
        self.numbers: dict[Any, int] = {}
        self.random: set[str] = set()  # symbols defined as something that may be random
        self.rules: list[Any] = []
        self.still: dict[str, str] = {}  # functions that are assumed not to be random -> the assumption
        self.integral: dict[str, str] = {}  # functions with integer values -> the assumption
        self.used_laws: set[str] = set()
        self.cache: dict[Tree, Quot] = {}

    # what the other parts provide
    def positive(self, tree: Tree) -> bool: ...  # type: ignore[empty-body]
    def nonnegative(self, tree: Tree) -> bool: ...  # type: ignore[empty-body]
    def divides(self, base: Tree) -> bool: ...  # type: ignore[empty-body]
    def sign_of(self, value: Quot) -> tuple[int, bool] | None: ...
    def trace(self, matrix: Tree) -> Quot: ...  # type: ignore[empty-body]
    def _determinant(self, matrix: Tree) -> Quot: ...  # type: ignore[empty-body]
    def special(self, tree: Tree) -> Quot: ...  # type: ignore[empty-body]

    # -- atoms ------------------------------------------------------------------------------------------------

    def atom(self, kind: str, key: Any, parts: tuple[Any, ...], names: frozenset[str]) -> int:
        k = (kind, key)
        if k not in self.numbers:
            self.numbers[k] = len(self.atoms)
            self.atoms.append(Atom(kind, parts, names))
        return self.numbers[k]

    def names_of(self, value: Quot) -> frozenset[str]:
        polys = [value.num, *(dict(f) for f in value.den)]
        return frozenset().union(*(self.atoms[k].names for p in polys for m in p for k, _ in m))

    @staticmethod
    def one(k: int, e: Any = 1) -> Quot:
        return Quot({((k, whole(e)),): Fraction(1)}) if e else Quot(ONE)

    def zero(self, tree: Tree) -> bool:
        return not self.form(tree).num

    def equal(self, a: Tree, b: Tree) -> bool:
        return not self.reduced(self.form(a) - self.form(b)).num

    # -- reading ----------------------------------------------------------------------------------------------

    def form(self, tree: Tree) -> Quot:
        """The normal form; raises `Rejected` where a denominator is not known to be non-zero."""
        if not isinstance(tree, tuple):
            return number(tree)
        if tree in self.cache:
            return self.cache[tree]
        value = self.reduced(self._form(tree))
        self.cache[tree] = value
        return value

    def forget(self) -> None:
        """Normal forms depend on what is known: call when that changes."""
        self.cache.clear()

    def _form(self, t: Tree) -> Quot:
        op = t[0]
        if is_matrix(t) or is_vector(t):
            raise Rejected("a vector or matrix where a scalar is expected")
        if op == "+":
            return total(self.form(a) for a in t[1:])
        if op == "*":
            out = number(1)
            for a in t[1:]:
                out = out * self.form(a)
            return out
        if op == "^":
            return self._power(t[1], t[2])
        if op == "exp":
            return self._exponential(self.form(t[1]))
        if op == "const":
            if t[1] == "E":
                return self._exponential(number(1))
            return self.one(self.atom("const", t[1], (), frozenset()))
        if op == "sym":
            if t[1] not in self.symbols:
                raise Rejected(f"unknown symbol {t[1]}")
            return self.one(self.atom("sym", t[1], (t[1],), frozenset((t[1],))))
        if op == "inner":
            return self._inner(t[1], t[2])
        if op == "trace":
            return self.trace(t[1])
        if op == "mean":
            return self._mean(self.form(t[1]))
        if op in ("sum", "integral"):
            return self._sum(t) if op == "sum" else self._integral(t)
        if op == "det":
            return self._determinant(t[1])
        if op == "abs":
            return self._modulus(t[1])
        if op == "log" and not (self.form(t[1]) - number(1)).num:
            return number(0)
        if op == "call" and len(t) == 3:
            value = self.form(t[2])
            known = self._known_call(t[1], value)
            if known is not None:
                return known
            if t[1] in PARITY and repr((-value).key()) < repr(value.key()):  # of f(x) and f(-x) one is an atom
                return self._function(("call", t[1], neg(t[2]))) * number(PARITY[t[1]])
        if op in ("fun", "call", "max", "min", "log", "prob", "growth", "limit", "decay", "ratio", "diff"):
            return self._function(t)
        if op in ("diag", "pair", "slot", "nmean"):
            return self.special(t)
        raise Rejected(f"{op} is no scalar in normal form")

    def _function(self, t: Tree) -> Quot:
        head = t[:2] if t[0] in ("fun", "call") else t[:1]
        args = [self.argument(a) for a in t[len(head) :]]
        keys = [k for k, _, _ in args]
        if t[0] in ("max", "min"):
            keys = sorted(set(keys), key=repr)
        names = frozenset().union(*(n for _, _, n in args))
        parts = (*head, *(v for _, v, _ in args))
        return self.one(self.atom(t[0], (head, tuple(keys)), parts, names))

    def argument(self, t: Tree) -> tuple[Any, Any, frozenset[str]]:
        """(key, value, names) of a function's argument, scalar or vector."""
        if is_vector(t):
            parts = self.linear(t)
            key = ("v", tuple(sorted((k, c.key()) for k, c in parts.items())))
            names = frozenset().union(*(self.atoms[k].names | self.names_of(c) for k, c in parts.items()))
            return key, t, names
        value = self.form(t)
        return value.key(), value, self.names_of(value)

    # -- vectors ----------------------------------------------------------------------------------------------

    def linear(self, t: Tree) -> dict[int, Quot]:
        """A vector as {vector atom: coefficient}."""
        if t == 0 or t == ("+",):
            return {}
        if not is_vector(t):
            if not self.form(t).num:
                return {}
            raise Rejected("a scalar where a vector is expected")
        if t[0] == "vec":
            return {self.atom("vec", t[1], (t,), frozenset()): number(1)}
        if t[0] == "vecfun":
            args = [self.argument(a) for a in t[2:]]
            key = (t[1], tuple(k for k, _, _ in args))
            return {self.atom("vecfun", key, (t,), frozenset().union(*(n for _, _, n in args))): number(1)}
        if t[0] == "+":
            out: dict[int, Quot] = {}
            for a in t[1:]:
                for k, c in self.linear(a).items():
                    out[k] = out[k] + c if k in out else c
            return {k: c for k, c in out.items() if c.num}
        vectors = [a for a in t[1:] if is_vector(a)]
        if len(vectors) != 1:
            raise Rejected("a product of vectors")
        factor = self.form(mul(*(a for a in t[1:] if a is not vectors[0])))
        return {k: c * factor for k, c in self.linear(vectors[0]).items() if factor.num}

    def _inner(self, a: Tree, b: Tree) -> Quot:
        parts = []
        for x, c in self.linear(a).items():
            for y, d in self.linear(b).items():
                pair = (min(x, y), max(x, y))
                k = self.atom("inner", pair, pair, self.atoms[x].names | self.atoms[y].names)
                parts.append(c * d * self.one(k))
        return total(parts)

    # -- means, sums, integrals -------------------------------------------------------------------------------

    def deterministic(self, k: int) -> bool:
        """Whether an atom is no random variable: numbers, declared symbols, means, and functions of these."""
        a = self.atoms[k]
        if a.kind in ("const", "mean", "prob"):
            return True
        if a.kind == "sym":
            return a.parts[0] not in self.random
        if a.kind == "fun" and a.parts[1] in self.still:
            self.used_laws.add(self.still[a.parts[1]])
            return all(isinstance(p, Quot) and self.steady(p) for p in a.parts[2:])
        if a.kind in (
            "fun",
            "inner",
            "trace",
            "diag",
            "nmean",
            "vec",
            "vecfun",
            "diff",
            "limit",
            "growth",
            "decay",
            "ratio",
            "det",
            "written",
        ):
            return False
        if a.kind == "pow" and isinstance(a.parts[0], int) and not self.deterministic(a.parts[0]):
            return False
        return all(self.steady(p) for p in a.parts if isinstance(p, Quot))

    def steady(self, value: Quot) -> bool:
        polys = [value.num, *(dict(f) for f in value.den)]
        return all(self.deterministic(k) for p in polys for m in p for k, _ in m)

    def _split(self, value: Quot, outside: Any) -> list[tuple[Quot, Quot]]:
        """value as sum of (factor of atoms for which ``outside``, rest that is one monomial over a denominator)."""
        out_den = {f: e for f, e in value.den.items() if all(outside(k) for m, _ in f for k, _ in m)}
        in_den = {f: e for f, e in value.den.items() if f not in out_den}
        parts = []
        for m, c in value.num.items():
            out = tuple((k, e) for k, e in m if outside(k))
            inside = tuple((k, e) for k, e in m if not outside(k))
            parts.append((Quot({out: c}, out_den), Quot({inside: Fraction(1)}, in_den)))
        return parts

    def _proper(self, value: Quot, name: str) -> list[Quot]:
        """value as a sum of proper fractions in a symbol that occurs in one linear factor of the denominator."""
        moving = [f for f in value.den if any(name in self.atoms[k].names for m, _ in f for k, _ in m)]
        if len(moving) != 1 or ("sym", name) not in self.numbers:
            return [value]
        (f,), k = moving, self.numbers["sym", name]
        slope = [(m, c) for m, c in f if any(name in self.atoms[j].names for j, _ in m)]
        if len(slope) != 1 or slope[0][0] != ((k, 1),):
            return [value]
        out: list[Quot] = []
        todo = [value]
        while todo and len(out) + len(todo) < 50:
            v = todo.pop()
            high = {m: c for m, c in v.num.items() if dict(m).get(k, 0) >= 1} if f in v.den else {}
            if not high or any(not isinstance(dict(m)[k], int) for m in high):
                out.append(v)
                continue
            # high = (high / (c x)) (f - rest), f = c x + rest
            shared = Quot({times(m, ((k, -1),)): d / slope[0][1] for m, d in high.items()}, v.den)
            rest = Quot({m: c for m, c in f if m != ((k, 1),)})
            todo.append(shared * Quot(dict(f)))
            low = {m: c for m, c in v.num.items() if m not in high}
            todo.append(Quot(low, v.den) + -(shared * rest))
        return out + todo

    def _mean(self, value: Quot) -> Quot:
        parts = []
        for out, inside in self._split(value, self.deterministic):
            if inside.den or inside.num != ONE:
                k = self.atom("mean", inside.key(), (inside,), self.names_of(inside))
                out = out * self.one(k)
            parts.append(out)
        return total(parts)

    @contextmanager
    def _bind(self, t: Tree, integer: bool) -> Any:
        """The body of a sum or integral with its variable under a canonical name, and that name."""
        _, body, variable, low, high = t
        ends = tuple("oo" if e == ("oo",) else self.form(e).key() for e in (low, high))
        name = f"#{height(body)}.{self.atom('range', (integer, ends), (), frozenset())}"
        # Declared anew each time: the ends are equal to earlier ones by what is known now.
        if integer or high == ("oo",) or self.nonnegative(add(high, neg(low))):
            end = None if high == ("oo",) else high
            self.symbols[name] = Symbol(name, low, end, not integer, not integer, integer=integer)
        else:  # the ends of an integral may be in the other order
            self.symbols[name] = Symbol(name)
        if variable in bound(body):
            raise Rejected(f"{variable} is bound twice")
        yield name, _plug(body, {variable: ("sym", name)}), ends

    def _opaque(self, t: Tree, name: str, body: Tree, ends: Any) -> Quot:
        """A sum or integral whose body has no normal form: an atom that is as it is written."""
        names = free(body).union(*(self.names_of(self.form(e)) for e in t[3:] if e != ("oo",))) - {name}
        return self.one(self.atom("written", (t[0], body, ends), (t,), names))

    def _sum(self, t: Tree) -> Quot:
        with self._bind(t, True) as (name, body, ends):
            try:
                value = self.form(body)
            except Rejected:
                spread = self._spread(t) if "oo" not in ends else None
                return self._opaque(t, name, body, ends) if spread is None else spread
            low, high = (None if e == ("oo",) else self.form(e) for e in t[3:])
            outer = frozenset().union(*(self.names_of(e) for e in (low, high) if e is not None))
            if high is None or low is None:  # no linearity without convergence
                names = (self.names_of(value) | outer) - {name}
                return self.one(self.atom("sum", (value.key(), ends), (value, name, low, high), names))
            parts = []
            pieces = self._proper(value, name)
            for out, inside in (q for v in pieces for q in self._split(v, lambda k: name not in self.atoms[k].names)):
                if not inside.den and inside.num == ONE and self.nonnegative(add(t[4], neg(t[3]), Fraction(1))):
                    parts.append(out * (high - low + number(1)))
                    continue
                names = (self.names_of(inside) | outer) - {name}
                k = self.atom("sum", (inside.key(), ends), (inside, name, low, high), names)
                parts.append(out * self.one(k))
            return total(parts)

    def _spread(self, t: Tree) -> Quot | None:
        """A finite sum whose body has no normal form, term by term, factors without its variable before it."""
        _, body, variable, *_ = t
        if not isinstance(body, tuple) or body[0] not in ("+", "*") or len(body) < 3:
            return None
        if body[0] == "+":
            return total(self._sum(("sum", a, *t[2:])) for a in body[1:])
        before = [a for a in body[1:] if variable not in free(a)]
        rest = [a for a in body[1:] if variable in free(a)]
        if not before or not rest:
            return None
        try:
            factor = self.form(mul(*before))
        except Rejected:
            return None
        return factor * self._sum(("sum", rest[0] if len(rest) == 1 else mul(*rest), *t[2:]))

    def _integral(self, t: Tree) -> Quot:
        with self._bind(t, False) as (name, body, ends):
            try:
                value = self.form(body)
            except Rejected:
                return self._opaque(t, name, body, ends)
            low, high = (None if e == ("oo",) else self.form(e) for e in t[3:])
            names = self.names_of(value).union(*(self.names_of(e) for e in (low, high) if e is not None)) - {name}
            ordered = high is None or self.nonnegative(add(t[4], neg(t[3])))
            return self.one(
                self.atom("integral", (value.key(), ends, ordered), (value, name, low, high, ordered), names)
            )

    # -- powers -----------------------------------------------------------------------------------------------

    def _modulus(self, t: Tree) -> Quot:
        if self.nonnegative(t):
            return self.form(t)
        value = self.form(t)
        s = self.sign_of(-value)
        if s is not None and s[0] >= 0:
            return -value
        flipped = -value
        if repr(flipped.key()) < repr(value.key()):
            value = flipped
        real = self.real(value)  # by what is known at this step, so it is part of what the atom is
        k = self.atom("abs" if real else "modulus", value.key(), (value,), self.names_of(value))
        if real:
            self.atoms[k].power, self.atoms[k].value = 2, value * value
        return self.one(k)

    def real(self, value: Quot) -> bool:
        """Whether the value is a real number."""
        polys = [value.num, *(dict(f) for f in value.den)]
        return all(self.real_power(k, e) for p in polys for m in p for k, e in m)

    def real_power(self, k: int, e: Any) -> bool:
        a = self.atoms[k]
        if a.kind in ("sym", "inner", "trace", "diag", "slot", "prob", "const", "fun", "det", "gap"):
            good = True
        elif a.kind in ("root", "abs", "mean", "pair", "sum", "integral", "max", "min", "exp", "call"):
            good = all(self.real(p) for p in a.parts if isinstance(p, Quot))
            if a.kind == "call" and good:
                good = self._real_call(a.parts[1], [p for p in a.parts if isinstance(p, Quot)])
        elif a.kind == "log":
            good = self.sign_of(a.parts[1]) == (1, True)
        elif a.kind == "pow":
            base = self._sign_of_base(a.parts[0])
            if a.parts[0] == -1:
                return isinstance(e, int)
            good = base is not None and base[0] == 1 and self.real(a.parts[1])
        else:
            return a.kind == "num"
        if good and not isinstance(e, int):
            s = self.sign_of(self.one(k))
            return s is not None and s[0] >= 0
        return good

    def _known_call(self, name: str, argument: Quot) -> Quot | None:
        """The value of a named function at a number where it is a rational multiple of pi, or 0; of sin and cos at
        whole quarter turns."""
        turns = self.quarters(argument) if name in QUARTERS else None
        if turns is not None:
            return number(QUARTERS[name][turns % 4])
        x = argument.num.get((), Fraction(0))
        if argument.den or argument.num.keys() - {()} or (name, abs(x)) not in KNOWN:
            return None
        value = number(KNOWN[name, abs(x)] * (1 if x >= 0 else -1))
        return value * self.one(self.atom("const", "pi", (), frozenset()))

    def quarters(self, angle: Quot) -> int | None:
        """How many quarter turns pi/2 an angle is, if it is a whole number of them."""
        pi = ((self.atom("const", "pi", (), frozenset()), 1),)
        turns = 2 * angle.num.get(pi, Fraction(0))
        return int(turns) if not angle.den and angle.num.keys() <= {pi} and turns.denominator == 1 else None

    def _real_call(self, name: str, args: list[Quot]) -> bool:
        """Whether a named function is real at real arguments; one that is not listed here may not be."""
        if name in ("sin", "cos", "atan", "tanh", "sinh", "cosh", "erf", "Heaviside"):
            return True
        if name in ("asin", "acos") and len(args) == 1:
            inside = self.sign_of(number(1) - args[0] * args[0])
            return inside is not None and inside[0] >= 0
        known = name in ("gamma", "loggamma", "factorial") or (name == "polygamma" and args[0].num.keys() == {()})
        return known and all(self.sign_of(p) == (1, True) for p in args)

    def _power(self, base: Tree, exponent: Tree) -> Quot:
        return self.raised(base, self.form(exponent))

    def raised(self, base: Tree, value: Quot) -> Quot:
        """base^value."""
        constant = value.num.get((), Fraction(0)) if not value.den else None
        if constant is not None and set(value.num) <= {()}:
            if constant.denominator == 1:
                if constant < 0 and not self.divides(base):
                    raise Rejected("division by something that is not proved to be non-zero")
                return self.form(base) ** int(constant)
            if constant < 0 and not self.divides(base):
                raise Rejected("division by something that is not proved to be non-zero")
            return self._root(base, constant)
        if self.positive(base):
            return self._raise(base, value)
        return self._integer_power(base, value)

    def _root(self, base: Tree, r: Fraction) -> Quot:
        """base^r for a rational r."""
        if r > 0 and not self.form(base).num:
            return number(0)
        if isinstance(base, tuple) and base[0] == "*":
            good = [a for a in base[1:] if self.positive(a) or (r > 0 and self.nonnegative(a))]
            rest = [a for a in base[1:] if a not in good]
            if good and len(base) > 2:
                out = number(1)
                for a in good:
                    out = out * self._root(a, r)
                return out * self._root(mul(*rest), r) if rest else out
        if isinstance(base, tuple) and base[0] == "^":
            inner, e = base[1], self.form(base[2])
            if self.positive(inner) and self.real(e):
                return self._raise(inner, e * number(r))
            plain = set(e.num) == {()} and not e.den
            if r > 0 and plain and e.num[()] > 0 and self.nonnegative(inner):
                return (
                    self._root(inner, e.num[()] * r)
                    if (e.num[()] * r).denominator != 1
                    else self.form(inner) ** int(e.num[()] * r)
                )
        out = number(1)
        for part, e in self._factors(
            self.form(base), lambda s: s == (1, True) or (r > 0 and s is not None and s[0] == 1)
        ):
            out = out * self._part_power(part, whole(e * r))
        return out

    def _factors(self, value: Quot, good: Any) -> list[tuple[Any, Any]]:
        """value as product of part^e; parts are primes, atoms or quotients, all ``good`` but at most one."""
        if not value.num:
            return [(value, 1)]
        c, m, p = primitive(value.num)
        parts: list[tuple[Any, Any]] = []
        rest = number(1)
        if c < 0 and len(p) > 1:
            p, c = {n: -d for n, d in p.items()}, -c
        if c < 0:
            rest, c = number(-1), -c
        parts += primes(c)
        for k, e in m:
            if good(self.sign_of(self.one(k))):
                parts.append((k, e))
            else:
                rest = rest * self.one(k, e)
        if len(p) > 1:
            if good(self.sign_of(Quot(p))):
                parts.append((Quot(p), 1))
            else:
                rest = rest * Quot(p)
        for f, e in value.den.items():
            s = self.sign_of(Quot(dict(f)))
            if s == (1, True):
                parts.append((Quot(dict(f)), -e))
            elif s == (-1, True):
                flipped = {n: -d for n, d in f}
                parts.append((Quot(flipped), -e))
                rest = -rest if e % 2 else rest
            else:
                rest = rest * Quot(ONE, {f: e})
        if rest.den or rest.num != ONE:
            parts.append((rest, 1))
        return parts

    def _part_power(self, part: Any, e: Any) -> Quot:
        """part^e for a rational e: a prime (Fraction), an atom (int) or a quotient."""
        if isinstance(part, Fraction):
            k = self.atom("num", part, (part,), frozenset())
            self.atoms[k].power, self.atoms[k].value = 1, number(part)
            return self.one(k, e)
        if isinstance(part, int):
            return self.one(part, e)
        if isinstance(e, int):
            return part**e
        if not part.den and len(part.num) == 1:
            ((m, c),) = part.num.items()
            if c == 1 and len(m) == 1 and isinstance(m[0][1], int) and m[0][1] == 1:
                return self.one(m[0][0], e)  # principal powers of one base add their exponents
        return self.one(self.root_atom(part), e)

    def root_atom(self, value: Quot) -> int:
        k = self.atom("root", value.key(), (value,), self.names_of(value))
        self.atoms[k].power, self.atoms[k].value = 1, value
        return k

    def _raise(self, base: Tree, exponent: Quot) -> Quot:
        """base^exponent for a positive base and a real exponent."""
        if not self.real(exponent):
            raise Rejected("an exponent is not known to be real")
        if isinstance(base, tuple) and base[0] == "^" and self.positive(base[1]):
            inner = self.form(base[2])
            if self.real(inner):
                return self._raise(base[1], inner * exponent)
        if isinstance(base, tuple) and base[0] == "*" and all(self.positive(a) for a in base[1:]):
            out = number(1)
            for a in base[1:]:
                out = out * self._raise(a, exponent)
            return out
        parts = self._factors(self.form(base), lambda s: s == (1, True))
        out = number(1)
        for part, e in parts:
            out = out * self._lift(part, exponent * number(e))
        return out

    def _lift(self, part: Any, exponent: Quot) -> Quot:
        """part^exponent for a positive part."""
        if isinstance(part, int) and self.atoms[part].kind == "exp":
            return self._exponential(exponent * self.atoms[part].parts[0])
        if isinstance(part, int) and self.atoms[part].kind == "pow" and self.atoms[part].parts[0] != -1:
            base, inner = self.atoms[part].parts
            return self._lift(base, exponent * inner)
        if isinstance(part, Quot):
            part = self.root_atom(part)
        out = number(1)
        for den, m, c in ((v.den, m, c) for v in whole_parts(exponent) for m, c in v.num.items()):
            if not m and not den:
                out = out * self._part_power(part, whole(c))
                continue
            out = out * self.one(self._power_atom(part, Quot({m: Fraction(1)}, den)), c)
        return out

    def _power_atom(self, base: Any, exponent: Quot) -> int:
        names = self.names_of(exponent) | (self.atoms[base].names if isinstance(base, int) else frozenset())
        return self.atom(
            "pow", (base if isinstance(base, int) else ("n", base), exponent.key()), (base, exponent), names
        )

    def _integer_power(self, base: Tree, exponent: Quot) -> Quot:
        """base^exponent for an integer exponent; anything else stays an atom."""
        value = self.form(base)
        integer = not exponent.den and all(c.denominator == 1 and self.integer_mono(m) for m, c in exponent.num.items())
        up = integer and all(
            c > 0 and (s := self.sign_of(Quot({m: Fraction(1)}))) is not None and s[0] == 1
            for m, c in exponent.num.items()
        )
        simple = all(isinstance(e, int) for p in (value.num, exponent.num) for m in p for _, e in m) and not value.den
        if not (integer and simple and (up or self.divides(base))):
            key = (value.key(), exponent.key())
            return self.one(self.atom("opaque", key, (value, exponent), self.names_of(value) | self.names_of(exponent)))
        if not value.num:
            raise Rejected("a symbolic power of zero")
        c, m, p = primitive(value.num)
        parts: list[tuple[Any, Any]] = []
        if c < 0:
            c = -c
            parts.append((Fraction(-1), 1))
        parts += primes(c)
        parts += list(m)
        if len(p) > 1:
            parts.append((self.root_atom(Quot(p)), 1))
        out = number(1)
        for part, e in parts:
            for n, d in exponent.num.items():
                if part == -1 and isinstance(part, Fraction):
                    if not n:
                        out = out * number((-1) ** int(d))
                        continue
                    k = self._power_atom(Fraction(-1), Quot({n: Fraction(1)}))
                    self.atoms[k].power, self.atoms[k].value = 2, number(1)
                    out = out * self.one(k, whole(d))
                elif not n:
                    out = out * self._part_power(part, whole(d * e))
                else:
                    out = out * self.one(self._power_atom(part, Quot({n: Fraction(1)})), whole(d * e))
        return out

    def integer_mono(self, m: Mono) -> bool:
        return all(isinstance(e, int) and e > 0 and self.integer_atom(k) for k, e in m)

    def integer_atom(self, k: int) -> bool:
        a = self.atoms[k]
        if a.kind == "fun" and a.parts[1] in self.integral:
            self.used_laws.add(self.integral[a.parts[1]])
            return True
        return a.kind == "sym" and self.symbols[a.parts[0]].integer

    def integer(self, tree: Tree) -> bool:
        value = self.form(tree)
        return not value.den and all(c.denominator == 1 and self.integer_mono(m) for m, c in value.num.items())

    def _sign_of_base(self, base: Any) -> tuple[int, bool] | None:
        if isinstance(base, int):
            return self.sign_of(self.one(base))
        return (1, True) if base > 0 else (-1, True)

    def _exponential(self, value: Quot) -> Quot:
        out = number(1)
        for den, m, c in ((v.den, m, c) for v in whole_parts(value) for m, c in v.num.items()):
            logs = [(k, e) for k, e in m if self.atoms[k].kind == "log" and e == 1]
            if len(logs) == 1:
                argument = self.atoms[logs[0][0]].parts[1]
                rest = Quot({tuple((k, e) for k, e in m if k != logs[0][0]): c}, den)
                if self.sign_of(argument) == (1, True) and self.real(rest):
                    for part, e in self._factors(argument, lambda s: s == (1, True)):
                        out = out * self._lift(part, rest * number(e))
                    continue
            exponent = Quot({m: Fraction(1)}, den)
            out = out * self.one(self.atom("exp", exponent.key(), (exponent,), self.names_of(exponent)), whole(c))
        return out

    # -- relations --------------------------------------------------------------------------------------------

    def reduced(self, value: Quot) -> Quot:
        """Powers of atoms with a relation brought into [0, q)."""
        for _ in range(200):
            hit = next(
                (k for m in value.num for k, e in m if self.atoms[k].power and not 0 <= e < self.atoms[k].power),
                None,
            )
            if hit is None:
                return value
            a = self.atoms[hit]
            assert a.value is not None
            groups: dict[int, Poly] = {}
            for m, c in value.num.items():
                e = dict(m).get(hit, 0)
                k = e // a.power
                n = times(m, ((hit, whole(-k * a.power)),)) if k else m
                groups.setdefault(int(k), {})[n] = c
            den = Quot(ONE, value.den)
            value = total(Quot(p) * a.value**k for k, p in groups.items()) * den
        raise Rejected("roots nested too deep")


def whole_parts(value: Quot) -> list[Quot]:
    """value as a sum over powers of its denominator, if that is one polynomial: exp(a + b/f) is exp(a) exp(b/f)."""
    out: list[Quot] = []
    while len(value.den) == 1 and value.num:
        ((f, e),) = value.den.items()
        quotient, rest = divided(value.num, dict(f))
        out.append(Quot(rest, {f: e}))
        value = Quot(quotient, {f: e - 1} if e > 1 else {})
    return [*out, value] if out else [value]


def primes(c: Fraction) -> list[tuple[Fraction, int]]:
    """A positive rational as product of primes; a large cofactor stays whole, but for being a square."""
    out: list[tuple[Fraction, int]] = []
    for n, sign in ((c.numerator, 1), (c.denominator, -1)):
        p = 2
        while p * p <= n and p < 2000:
            e = 0
            while n % p == 0:
                n //= p
                e += 1
            if e:
                out.append((Fraction(p), sign * e))
            p += 1 if p == 2 else 2
        e = sign
        while n > 1 and math.isqrt(n) ** 2 == n:
            n, e = math.isqrt(n), 2 * e
        if n > 1:
            out.append((Fraction(n), e))
    return out
