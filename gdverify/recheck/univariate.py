"""Rational functions of one variable over Q: their sign on an interval, by Sturm sequences.

A polynomial is a list of rationals, the constant first, without zeros at the end.  An end of an interval is a rational
or None (infinite).  Nothing is cancelled: each expression that is divided by must have no root on the interval.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import gcd, lcm

from .terms import Rejected, Tree

Poly = list[Fraction]
End = Fraction | None

MAX_DEGREE = 60
MAX_BITS = 20_000  # of a coefficient


class Interval:
    """Ends, and which of them the variable never reaches (infinite ends it never does)."""

    def __init__(self, low: End, high: End, open_low: bool = False, open_high: bool = False):
        if low is not None and high is not None and low >= high:
            raise Rejected("the interval is empty, or a point")
        self.low, self.high = low, high
        self.open_low, self.open_high = open_low or low is None, open_high or high is None


def sign_on(t: Tree, name: str, at: Interval) -> bool:
    """True if the rational function is > 0 everywhere on the interval, False if it is >= 0.

    Raises
    ------
    Rejected
        it is negative somewhere, may be undefined, or is no rational function of the variable over Q
    """
    top, bottom = fraction(t, name, at)
    return nonnegative(times(top, bottom), at)


def fraction(t: Tree, name: str, at: Interval) -> tuple[Poly, Poly]:
    """(numerator, denominator); what is divided by is shown to have no root on the interval."""
    if not isinstance(t, tuple):
        return ([t] if t else []), [Fraction(1)]
    if t == ("sym", name):
        return [Fraction(0), Fraction(1)], [Fraction(1)]
    if t[0] in ("+", "*"):
        top, bottom = fraction(t[1], name, at) if len(t) > 1 else ([], [Fraction(1)])
        if len(t) == 1 and t[0] == "*":
            return [Fraction(1)], [Fraction(1)]
        for a in t[2:]:
            u, v = fraction(a, name, at)
            top = plus(times(top, v), times(u, bottom)) if t[0] == "+" else times(top, u)
            bottom = times(bottom, v)
        return top, bottom
    if t[0] == "^" and isinstance(t[2], Fraction) and t[2].denominator == 1:
        k = int(t[2])
        top, bottom = fraction(t[1], name, at)
        if k < 0:
            if not top or roots(top, at):
                raise Rejected("division by something that has a root in the interval")
            top, bottom, k = bottom, top, -k
        if k * max(len(top) - 1, len(bottom) - 1, 1) > 10 * MAX_DEGREE:
            raise Rejected("a power is too large")
        return power(top, k), power(bottom, k)
    raise Rejected(f"no rational function of {name} over the rational numbers")


def nonnegative(p: Poly, at: Interval) -> bool:
    """True if p > 0 on the interval, False if p >= 0; refused otherwise."""
    if not p:
        return False
    low, high = at.low, at.high
    for part, multiplicity in square_free(p):
        if multiplicity % 2 and inside(part, low, high):
            raise Rejected("the sign changes inside the interval")
    # One sign up to isolated zeros: the first of enough points that is no zero tells which.
    for k in range(1, len(p) + 1):
        value = value_at(p, _point(low, high, k, len(p) + 1))
        if value:
            if value < 0:
                raise Rejected("it is negative inside the interval")
            return not roots(p, at)
    raise Rejected("no point with a value")


def roots(p: Poly, at: Interval) -> int:
    """How many distinct roots p has on the interval, closed ends included."""
    ends = [(e, is_open) for e, is_open in ((at.low, at.open_low), (at.high, at.open_high)) if e is not None]
    return inside(p, at.low, at.high) + sum(1 for e, is_open in ends if not is_open and not value_at(p, e))


def inside(p: Poly, low: End, high: End) -> int:
    """How many distinct roots p has strictly between low and high."""
    if len(p) <= 1:
        return 0
    p = quotient(p, common(p, derivative(p)))
    for e in (low, high):
        if e is not None and not value_at(p, e):
            p = quotient(p, [-e, Fraction(1)])
    chain = sturm(p)
    return _changes(chain, low, -1) - _changes(chain, high, 1)


def sturm(p: Poly) -> list[Poly]:
    chain = [primitive(p), primitive(derivative(p))]
    while chain[-1]:
        chain.append(primitive([-c for c in remainder(chain[-2], chain[-1])]))
    return chain[:-1]


def _changes(chain: list[Poly], at: End, side: int) -> int:
    """Changes of sign along the chain at a point, or at -oo (side -1) or oo (side 1)."""
    if at is None:
        values = [p[-1] * (side if len(p) % 2 == 0 else 1) for p in chain]
    else:
        values = [value_at(p, at) for p in chain]
    signs = [v > 0 for v in values if v]
    return sum(1 for a, b in pairwise(signs) if a != b)


def square_free(p: Poly) -> list[tuple[Poly, int]]:
    """p up to a constant as product of square-free part^multiplicity (Yun)."""
    out = []
    slope = derivative(p)
    shared = common(p, slope)
    b, d = quotient(p, shared), quotient(slope, shared)
    k = 1
    while len(b) > 1:
        d = minus(d, derivative(b))
        part = common(b, d)
        if len(part) > 1:
            out.append((part, k))
        b, d, k = quotient(b, part), quotient(d, part), k + 1
    return out


def _point(low: End, high: End, k: int, n: int) -> Fraction:
    if low is not None and high is not None:
        return low + (high - low) * Fraction(k, n)
    if low is not None:
        return low + k
    return (high if high is not None else Fraction(0)) - k


# -- arithmetic -----------------------------------------------------------------------------------------------------


def trim(p: Poly) -> Poly:
    while p and not p[-1]:
        p.pop()
    return p


def plus(p: Poly, q: Poly) -> Poly:
    n = max(len(p), len(q))
    return trim([(p[i] if i < len(p) else 0) + (q[i] if i < len(q) else Fraction(0)) for i in range(n)])


def minus(p: Poly, q: Poly) -> Poly:
    return plus(p, [-c for c in q])


def times(p: Poly, q: Poly) -> Poly:
    if len(p) + len(q) - 2 > MAX_DEGREE:
        raise Rejected(f"a degree larger than {MAX_DEGREE}")
    out = [Fraction(0)] * max(0, len(p) + len(q) - 1)
    for i, c in enumerate(p):
        for j, d in enumerate(q):
            out[i + j] += c * d
    if any(max(c.numerator.bit_length(), c.denominator.bit_length()) > MAX_BITS for c in out):
        raise Rejected("a coefficient is too long")
    return trim(out)


def power(p: Poly, k: int) -> Poly:
    out = [Fraction(1)]
    for _ in range(k):
        out = times(out, p)
    return out


def derivative(p: Poly) -> Poly:
    return [k * c for k, c in enumerate(p)][1:]


def value_at(p: Poly, x: Fraction) -> Fraction:
    out = Fraction(0)
    for c in reversed(p):
        out = out * x + c
    return out


def divided(p: Poly, q: Poly) -> tuple[Poly, Poly]:
    rest, out = list(p), [Fraction(0)] * max(0, len(p) - len(q) + 1)
    while len(rest) >= len(q):
        c, k = rest[-1] / q[-1], len(rest) - len(q)
        out[k] = c
        for i, d in enumerate(q):
            rest[k + i] -= c * d
        trim(rest)
    return trim(out), rest


def quotient(p: Poly, q: Poly) -> Poly:
    return divided(p, q)[0]


def remainder(p: Poly, q: Poly) -> Poly:
    return divided(p, q)[1]


def common(p: Poly, q: Poly) -> Poly:
    """The greatest common divisor, up to a constant."""
    while q:
        p, q = q, primitive(remainder(p, q))
    return primitive(p)


def primitive(p: Poly) -> Poly:
    """A positive multiple with coprime integer coefficients."""
    if not p:
        return p
    scale = lcm(*(c.denominator for c in p))
    whole = [int(c * scale) for c in p]
    shared = gcd(*whole)
    return [Fraction(c // shared) for c in whole]
