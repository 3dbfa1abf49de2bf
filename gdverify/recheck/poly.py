"""Polynomials with rational coefficients and rational exponents, and quotients of them.

A monomial is a sorted tuple of (atom number, exponent); a polynomial maps monomials to coefficients.  A quotient keeps
its denominator as powers of primitive polynomials of at least two terms: monomials go into the numerator.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from .terms import Rejected

Mono = tuple[tuple[int, Any], ...]
Poly = dict[Mono, Fraction]
Key = tuple[tuple[Mono, Fraction], ...]

MAX_TERMS = 60_000
MAX_BITS = 100_000
ONE: Poly = {(): Fraction(1)}


def times(a: Mono, b: Mono) -> Mono:
    if not a:
        return b
    if not b:
        return a
    out = dict(a)
    for k, e in b:
        s = out.get(k, 0) + e
        if s:
            out[k] = s
        else:
            del out[k]
    return tuple(sorted(out.items()))


def power_of(m: Mono, r: Any) -> Mono:
    return tuple((k, whole(e * r)) for k, e in m) if r else ()


def whole(e: Any) -> Any:
    return int(e) if isinstance(e, Fraction) and e.denominator == 1 else e


def padd(a: Poly, b: Poly) -> Poly:
    out = dict(a)
    for m, c in b.items():
        s = out.get(m, 0) + c
        if s:
            out[m] = s
        else:
            out.pop(m, None)
    return out


def pmul(a: Poly, b: Poly) -> Poly:
    if len(a) * len(b) > 20 * MAX_TERMS:
        raise Rejected("a polynomial grows too large")
    out: Poly = {}
    for m, c in a.items():
        for n, d in b.items():
            k = times(m, n)
            out[k] = out.get(k, 0) + c * d
    out = {m: c for m, c in out.items() if c}
    if len(out) > MAX_TERMS:
        raise Rejected("a polynomial grows too large")
    return out


def ppow(a: Poly, k: int) -> Poly:
    if len(a) == 1:
        ((m, c),) = a.items()
        if abs(c) != 1 and k * max(c.numerator.bit_length(), c.denominator.bit_length()) > MAX_BITS:
            raise Rejected("a power is too large")
        return {power_of(m, k): c**k}
    if k > 400:
        raise Rejected("a power is too large")
    out = ONE
    for bit in bin(k)[2:]:
        out = pmul(out, out)
        if bit == "1":
            out = pmul(out, a)
    return out


def key(a: Poly) -> Key:
    return tuple(sorted(a.items()))


def primitive(a: Poly) -> tuple[Fraction, Mono, Poly]:
    """(coefficient, monomial, polynomial without common monomial and with leading coefficient 1)."""
    lowest: dict[int, Any] = {}
    for n, m in enumerate(a):
        exps = dict(m)
        if n == 0:
            lowest = exps
            continue
        for k in [*lowest, *exps]:
            lowest[k] = min(lowest.get(k, 0), exps.get(k, 0))
    shift = tuple(sorted((k, e) for k, e in lowest.items() if e))
    inverse = power_of(shift, -1)
    moved = {times(m, inverse): c for m, c in a.items()}
    lead = moved[max(moved)]
    return lead, shift, {m: c / lead for m, c in moved.items()}


def divide(a: Poly, b: Poly) -> Poly | None:
    """The quotient a/b if b (primitive, at least two terms) divides a, else None."""
    names = sorted({k for m in (*a, *b) for k, _ in m})
    dense = lambda m: tuple(dict(m).get(k, 0) for k in names)
    rest = {dense(m): c for m, c in a.items()}
    divisor = {dense(m): c for m, c in b.items()}
    span = range(len(names))
    low = [min(m[i] for m in rest) for i in span]
    high = [max(m[i] for m in rest) - max(m[i] for m in divisor) for i in span]
    if any(high[i] < low[i] for i in span):
        return None
    lead = max(divisor)
    quotient: Poly = {}
    while rest:
        top = max(rest)
        shift = tuple(x - y for x, y in zip(top, lead, strict=True))
        if any(not low[i] <= shift[i] <= high[i] for i in span):
            return None
        c = rest[top] / divisor[lead]
        quotient[tuple((k, e) for k, e in zip(names, shift, strict=True) if e)] = c
        if len(quotient) > MAX_TERMS:
            return None
        for m, d in divisor.items():
            n = tuple(x + y for x, y in zip(shift, m, strict=True))
            s = rest.get(n, 0) - c * d
            if s:
                rest[n] = s
            else:
                rest.pop(n, None)
    return quotient


def divided(a: Poly, b: Poly) -> tuple[Poly, Poly]:
    """q and r of a = q b + r, where no monomial of r is a multiple of the leading one of b.

    Linear in a.  Exponents may be negative or fractions: a multiple has none that is smaller than in the leading
    monomial, where that has any.
    """
    names = sorted({k for m in b for k, _ in m})
    dense = lambda m: tuple(dict(m).get(k, 0) for k in names)
    lead = max(b, key=dense)
    inverse = power_of(lead, -1)
    quotient: Poly = {}
    rest: Poly = {}
    todo = dict(a)
    while todo:
        m = max(todo, key=dense)
        c, exps = todo.pop(m), dict(m)
        if any(exps.get(k, 0) < e for k, e in lead):
            rest[m] = c
            continue
        if len(quotient) > MAX_TERMS:
            raise Rejected("a polynomial grows too large")
        shift, scale = times(m, inverse), c / b[lead]
        quotient[shift] = scale
        todo = padd(todo, {times(shift, n): -scale * d for n, d in b.items() if n != lead})
    return quotient, rest


class Quot:
    """num / product of den."""

    __slots__ = ("den", "num")

    def __init__(self, num: Poly, den: dict[Key, int] | None = None):
        self.num, self.den = num, (den or {}) if num else {}

    def key(self) -> tuple[Any, ...]:
        return key(self.num), tuple(sorted(self.den.items()))

    def __add__(self, other: Quot) -> Quot:
        if not self.num or not other.num:
            return self if self.num else other
        if self.den == other.den:
            return Quot(padd(self.num, other.num), self.den).cancelled()
        common = {f: max(self.den.get(f, 0), other.den.get(f, 0)) for f in {*self.den, *other.den}}
        top: Poly = {}
        for part in (self, other):
            num = part.num
            for f, e in common.items():
                if e > part.den.get(f, 0):
                    num = pmul(num, ppow(dict(f), e - part.den.get(f, 0)))
            top = padd(top, num)
        return Quot(top, common).cancelled()

    def __mul__(self, other: Quot) -> Quot:
        den = dict(self.den)
        for f, e in other.den.items():
            den[f] = den.get(f, 0) + e
        out = Quot(pmul(self.num, other.num), den)
        return out.cancelled() if den else out

    def __neg__(self) -> Quot:
        return Quot({m: -c for m, c in self.num.items()}, self.den)

    def __sub__(self, other: Quot) -> Quot:
        return self + -other

    def __pow__(self, k: int) -> Quot:
        if k < 0:
            return self.inverse() ** -k
        if k == 0:
            return Quot(ONE)
        return Quot(ppow(self.num, k), {f: e * k for f, e in self.den.items()})

    def inverse(self) -> Quot:
        if not self.num:
            raise Rejected("division by zero")
        num = ONE
        for f, e in self.den.items():
            num = pmul(num, ppow(dict(f), e))
        c, m, p = primitive(self.num)
        num = pmul(num, {power_of(m, -1): 1 / c})
        return Quot(num, {key(p): 1} if len(p) > 1 else {})

    def cancelled(self) -> Quot:
        """Common factors with the denominator taken out, where they divide as they stand."""
        num, den = self.num, dict(self.den)
        for f in list(den):
            while den.get(f) and num:
                smaller = divide(num, dict(f))
                if smaller is None:
                    break
                num = smaller
                den[f] -= 1
                if not den[f]:
                    del den[f]
        return Quot(num, den)


def number(c: Any) -> Quot:
    return Quot({(): Fraction(c)} if c else {})


def total(parts: Iterable[Quot]) -> Quot:
    """Sum; equal denominators are put together first."""
    groups: dict[Any, Quot] = {}
    for p in parts:
        k = tuple(sorted(p.den.items()))
        if k in groups:
            groups[k] = Quot(padd(groups[k].num, p.num), p.den)
        else:
            groups[k] = p
    out = number(0)
    for p in groups.values():
        out = out + p
    return out
