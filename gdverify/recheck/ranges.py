"""Ranges of elementary expressions over boxes: rational ends rounded outwards, or infinite (None).

`Undefined` is raised unless every subexpression is shown to be defined on the whole box: a logarithm needs an argument
that is shown to be positive, a root one that is not negative, a denominator must be shown to have no zero there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from . import reals
from .reals import down, up
from .terms import Rejected, Tree

End = Fraction | None  # None: -oo below, oo above
ZERO, ONE = Fraction(0), Fraction(1)
MAX_POWER = 400


class Undefined(Rejected):
    """An expression is not shown to be defined on the whole box."""


@dataclass(frozen=True)
class Range:
    """Reals v with lo <= v <= hi; with ``above``, v > lo."""

    lo: End
    hi: End
    above: bool = False

    @property
    def nonnegative(self) -> bool:
        return self.lo is not None and self.lo >= 0

    @property
    def positive(self) -> bool:
        return self.lo is not None and (self.lo > 0 or (self.above and self.lo >= 0))

    @property
    def nonpositive(self) -> bool:
        return self.hi is not None and self.hi <= 0

    def flipped(self) -> Range:
        return Range(None if self.hi is None else -self.hi, None if self.lo is None else -self.lo)


def of(lo: End, hi: End, above: bool = False) -> Range:
    return Range(None if lo is None else down(lo), None if hi is None else up(hi), above)


def evaluate(t: Tree, box: Mapping[str, Range], work: list[int]) -> Range:
    """Range over a box of ranges by symbol; ``work`` counts down the nodes that may still be looked at."""
    work[0] -= 1
    if work[0] < 0:
        raise Rejected("not decided within the budget")
    if not isinstance(t, tuple):
        return of(t, t)
    op = t[0]
    if op == "sym":
        if t[1] not in box:
            raise Undefined(f"{t[1]} is no variable of the box")
        return box[t[1]]
    if op == "const":
        return Range(*reals.pi()) if t[1] == "pi" else Range(*reals.exp(ONE))
    if op == "^":
        return _power(evaluate(t[1], box, work), t[2], box, work)
    if op not in ("+", "*", "exp", "log", "abs", "max", "min", "call"):
        raise Undefined(f"{op} is no elementary function")
    if op == "call" and t[1] == "polygamma":
        order = t[2] if len(t) == 4 and isinstance(t[2], Fraction) else Fraction(-1)
        if order.denominator != 1 or not 0 <= order <= 8:
            raise Undefined("an order of polygamma that is not covered")
        return _polygamma(int(order), evaluate(t[3], box, work))
    parts = [evaluate(a, box, work) for a in t[1 + (op == "call") :]]
    if op in ("+", "*"):
        out = Range(ZERO, ZERO) if op == "+" else Range(ONE, ONE)
        for p in parts:
            out = plus(out, p) if op == "+" else times(out, p)
        return out
    if op in ("max", "min"):
        lows, highs = [p.lo for p in parts], [p.hi for p in parts]
        if op == "max":
            known = [x for x in lows if x is not None]
            return Range(
                max(known) if known else None, None if None in highs else max(x for x in highs if x is not None)
            )
        below = [x for x in highs if x is not None]
        return Range(None if None in lows else min(x for x in lows if x is not None), min(below) if below else None)
    rule = _FUNCTIONS.get(t[1] if op == "call" else op)
    if rule is None or len(parts) != 1:
        raise Undefined(f"{t[1]} is not covered")
    return rule(parts[0])


def plus(a: Range, b: Range) -> Range:
    lo = None if a.lo is None or b.lo is None else a.lo + b.lo
    return of(lo, None if a.hi is None or b.hi is None else a.hi + b.hi, a.above or b.above)


def times(a: Range, b: Range) -> Range:
    lows: list[End] = []
    highs: list[End] = []
    for u, u_sign in ((a.lo, -1), (a.hi, 1)):
        for v, v_sign in ((b.lo, -1), (b.hi, 1)):
            if u is not None and v is not None:
                lows.append(u * v)
                highs.append(u * v)
            elif u == 0 or v == 0:  # 0 times an unbounded range is 0
                lows.append(ZERO)
                highs.append(ZERO)
            else:
                s = (u_sign if u is None else 1 if u > 0 else -1) * (v_sign if v is None else 1 if v > 0 else -1)
                (highs if s > 0 else lows).append(None)
    lo = None if None in lows else min(x for x in lows if x is not None)
    hi = None if None in highs else max(x for x in highs if x is not None)
    return of(lo, hi, a.positive and b.positive and (a.above or b.above))


def inverse(r: Range) -> Range:
    if r.positive:
        lo = ZERO if r.hi is None else 1 / r.hi
        return of(lo, 1 / r.lo if r.lo else None, r.hi is None)
    if r.hi is not None and r.hi < 0:
        return of(1 / r.hi, ZERO if r.lo is None else 1 / r.lo)
    raise Undefined("division by what may be zero")


def _power(base: Range, exponent: Tree, box: Mapping[str, Range], work: list[int]) -> Range:
    if isinstance(exponent, tuple):
        return exp(times(evaluate(exponent, box, work), log(base)))
    if max(abs(exponent.numerator), exponent.denominator) > MAX_POWER:
        raise Undefined("an exponent that is too large")
    if exponent < 0:
        return inverse(_power(base, -exponent, box, work))
    if exponent.denominator == 1:
        return whole_power(base, int(exponent))
    if not base.nonnegative:
        raise Undefined("a root of what may be negative")
    q = exponent.denominator
    raised = whole_power(base, exponent.numerator)
    assert raised.lo is not None
    hi = None if raised.hi is None else reals.root(raised.hi, q)[1]
    return of(reals.root(raised.lo, q)[0], hi, base.above)


def whole_power(r: Range, k: int) -> Range:
    if k == 0:
        return Range(ONE, ONE)
    raised = lambda x: None if x is None else x**k
    if r.nonnegative or k % 2:
        return of(raised(r.lo), raised(r.hi), r.above)
    if r.nonpositive:
        return of(raised(r.hi), raised(r.lo))
    return of(ZERO, None if r.lo is None or r.hi is None else max(r.lo**k, r.hi**k))


def exp(r: Range) -> Range:
    lo = ZERO if r.lo is None else reals.exp(r.lo)[0]
    return Range(lo, None if r.hi is None else reals.exp(r.hi)[1], r.above or lo == 0)


def _on_positives(f: Callable[[Fraction], reals.Pair]) -> Callable[[Range], Range]:
    """A function that increases from -oo to oo on (0, oo)."""

    def rule(r: Range) -> Range:
        if not r.positive:
            raise Undefined("an argument that may not be positive")
        return Range(f(r.lo)[0] if r.lo else None, None if r.hi is None else f(r.hi)[1], r.above and bool(r.lo))

    return rule


log = _on_positives(reals.log)


def _increasing(f: Callable[[Fraction], reals.Pair], size: Fraction) -> Callable[[Range], Range]:
    """An increasing function with values between -size and size."""

    def rule(r: Range) -> Range:
        lo = -size if r.lo is None else max(-size, f(r.lo)[0])
        return Range(lo, size if r.hi is None else min(size, f(r.hi)[1]), r.above)

    return rule


def _wave(f: Callable[[Fraction], reals.Pair]) -> Callable[[Range], Range]:
    """Sine and cosine: the value in the middle, and slope at most 1."""

    def rule(r: Range) -> Range:
        if r.lo is None or r.hi is None or r.hi - r.lo > 4:
            return Range(-ONE, ONE)
        low, high = f((r.lo + r.hi) / 2)
        half = (r.hi - r.lo) / 2
        return of(max(-ONE, low - half), min(ONE, high + half))

    return rule


_sin, _cos = _wave(reals.sin), _wave(reals.cos)


def _tan(r: Range) -> Range:
    below = _cos(r)
    if not below.positive:
        raise Undefined("a tangent that may meet its pole")
    if r.lo is not None and r.hi is not None and r.lo >= -1 and r.hi <= 1:  # increasing: pi/2 > 1
        at = lambda x: times(Range(*reals.sin(x)), inverse(Range(*reals.cos(x))))
        return Range(at(r.lo).lo, at(r.hi).hi)
    return times(_sin(r), inverse(below))


def _hyperbolic(r: Range, sign: int) -> Range:
    """sinh (-1) and cosh (1)."""
    up_, down_ = exp(r), exp(r.flipped())
    half = Range(Fraction(1, 2), Fraction(1, 2))
    if sign < 0:
        return times(half, plus(up_, down_.flipped()))
    size = absolute(r)
    assert size.lo is not None
    low = Range(*reals.exp(size.lo))
    grown = times(half, plus(exp(size), exp(size.flipped())))
    least = times(half, plus(low, inverse(low)))
    return Range(max(ONE, least.lo) if least.lo is not None else ONE, grown.hi)


def _tanh(r: Range) -> Range:
    one, less = Range(ONE, ONE), Range(-2 * ONE, -2 * ONE)
    at = lambda x: plus(one, times(less, inverse(plus(exp(Range(2 * x, 2 * x)), one))))
    lo = -ONE if r.lo is None else at(r.lo).lo
    hi = ONE if r.hi is None else at(r.hi).hi
    return Range(-ONE if lo is None else max(-ONE, lo), ONE if hi is None else min(ONE, hi))


def absolute(r: Range) -> Range:
    if r.nonnegative:
        return r
    if r.nonpositive:
        return r.flipped()
    return Range(ZERO, None if r.lo is None or r.hi is None else max(-r.lo, r.hi))


_psi = _on_positives(lambda x: reals.polygamma(0, x))


def _polygamma(order: int, r: Range) -> Range:
    """psi increases on (0, oo); the derivatives fall in size to 0, with signs + - + ..."""
    if order == 0:
        return _psi(r)
    if not r.positive:
        raise Undefined("an argument that may not be positive")
    size = lambda x, end: abs(reals.polygamma(order, x)[end if order % 2 else 1 - end])
    out = Range(ZERO if r.hi is None else size(r.hi, 0), size(r.lo, 1) if r.lo else None, r.hi is None)
    return out if order % 2 else out.flipped()


def _loggamma(r: Range) -> Range:
    """Convex on (0, oo): decreasing up to 1.46, increasing from 1.47 on; between, by its slope psi."""
    if not r.positive:
        raise Undefined("an argument that may not be positive")
    value = reals.loggamma
    assert r.lo is not None
    if r.lo >= Fraction(147, 100):
        return Range(value(r.lo)[0], None if r.hi is None else value(r.hi)[1], r.above)
    if r.hi is not None and r.hi <= Fraction(146, 100):
        return Range(value(r.hi)[0], value(r.lo)[1] if r.lo else None)
    if r.lo and r.hi is not None and r.hi - r.lo < Fraction(1, 8):
        middle = (r.lo + r.hi) / 2
        off = Range(r.lo - middle, r.hi - middle)
        return plus(Range(*value(middle)), times(_psi(Range(r.lo, r.hi)), off))
    # log gamma(x) >= log gamma(turn) + psi(turn) (x - turn) with psi(turn) > 0 nearly 0 and x > 0
    turn = Fraction(146164, 100000)
    slope = reals.polygamma(0, turn)
    least = value(turn)[0] - 2 * slope[1] if slope[0] > 0 else None
    top = None if r.hi is None or not r.lo else max(value(r.lo)[1], value(r.hi)[1])
    return of(least, top)


def _gamma(r: Range) -> Range:
    return exp(_loggamma(r))


_FUNCTIONS: dict[str, Callable[[Range], Range]] = {
    "exp": exp,
    "log": log,
    "abs": absolute,
    "sin": _sin,
    "cos": _cos,
    "tan": _tan,
    "atan": _increasing(reals.atan, Fraction(2)),  # pi/2 < 2
    "erf": _increasing(reals.erf, ONE),
    "sinh": lambda r: _hyperbolic(r, -1),
    "cosh": lambda r: _hyperbolic(r, 1),
    "tanh": _tanh,
    "gamma": _gamma,
    "loggamma": _loggamma,
    "factorial": lambda r: _gamma(plus(r, Range(ONE, ONE))),
}
