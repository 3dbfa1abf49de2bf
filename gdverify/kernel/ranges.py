"""Rigorous ranges of elementary expressions over boxes, with ends that may be infinite.

A `Range` is a set of reals between two exact binary numbers (or -oo, oo) that contains every value of an expression
on the box.  Monotone functions are evaluated at the ends, others by an Arb ball (python-flint).  `Undefined` is
raised unless every subexpression is proved to be defined on the whole box: a logarithm needs an argument proved to be
positive, a denominator must be proved non-zero there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from flint import arb, fmpq

from ..errors import ProofError


class Undefined(ProofError):
    """An expression is not proved to be defined on the whole box."""


_INF = arb.pos_inf()


@dataclass(frozen=True)
class Range:
    """Reals v with lo <= v <= hi; with ``above``, lo is not attained (v > lo)."""

    lo: Any
    hi: Any
    above: bool = False

    @property
    def nonnegative(self) -> bool:
        return bool(self.lo >= 0)

    @property
    def positive(self) -> bool:
        return bool(self.lo > 0) or (self.above and bool(self.lo >= 0))

    @property
    def finite(self) -> bool:
        return bool(self.lo.is_finite() and self.hi.is_finite())


def of(lo: Any, hi: Any, above: bool = False) -> Range:
    """Range between two computed balls: rounded outwards."""
    if lo.is_nan() or hi.is_nan():
        raise Undefined("not a number")
    return Range(_down(lo), -_down(-hi), above)


def _down(x: Any) -> Any:
    if x > 0 and not x.is_finite():
        raise Undefined("overflow")
    return x.lower() if x.is_finite() else -_INF


def interval(lo: Any, hi: Any, above: bool = False) -> Range:
    """Range of a variable between rational (or infinite) ends."""
    return of(_end(lo), _end(hi), above)


def _end(q: Any) -> Any:
    q = sympy.sympify(q)
    return arb(fmpq(int(q.p), int(q.q))) if q.is_Rational else (_INF if q is sympy.oo else -_INF)


def evaluate(e: Any, box: Mapping[Any, Range]) -> Range:
    """Range of ``e`` over a box of ranges by symbol.

    Raises
    ------
    Undefined
        ``e`` may be undefined somewhere on the box, or is no elementary expression in its variables
    """
    if e.is_Rational:
        return interval(e, e)
    if e.is_Symbol:
        if e not in box:
            raise Undefined(f"{e} is no variable of the box")
        return box[e]
    if e in _CONSTANTS:
        value = _CONSTANTS[e]()
        return of(value, value)
    if e.is_Add:
        total = interval(0, 0)
        for a in e.args:
            total = _add(total, evaluate(a, box))
        return total
    if e.is_Mul:
        product = interval(1, 1)
        for a in e.args:
            product = _mul(product, evaluate(a, box))
        return product
    if e.is_Pow:
        return _power(evaluate(e.base, box), e.exp, box)
    if isinstance(e, (sympy.Max, sympy.Min)):
        pick = arb.max if isinstance(e, sympy.Max) else arb.min
        parts = [evaluate(a, box) for a in e.args]
        lo, hi = parts[0].lo, parts[0].hi
        for p in parts[1:]:
            lo, hi = pick(lo, p.lo), pick(hi, p.hi)
        return of(lo, hi)
    if isinstance(e, sympy.polygamma):
        order = e.args[0]
        if not order.is_Integer or order < 0:
            raise Undefined(f"{e} is not covered")
        return _polygamma(int(order), evaluate(e.args[1], box))
    for kind, rule in _FUNCTIONS.items():
        if isinstance(e, kind):
            return rule(evaluate(e.args[0], box))
    raise Undefined(f"{e} is no elementary expression")


def _add(a: Range, b: Range) -> Range:
    # No end is +oo below or -oo above, so the sums are never oo - oo.
    return of(a.lo + b.lo, a.hi + b.hi, a.above or b.above)


def _mul(a: Range, b: Range) -> Range:
    ends = [_times(u, v) for u in (a.lo, a.hi) for v in (b.lo, b.hi)]
    lo, hi = ends[0], ends[0]
    for x in ends[1:]:
        lo, hi = arb.min(lo, x), arb.max(hi, x)
    return of(lo, hi, a.positive and b.positive and (a.above or b.above))


def _times(u: Any, v: Any) -> Any:
    return arb(0) if u.is_zero() or v.is_zero() else u * v  # 0 times an unbounded range is 0


def _power(base: Range, exponent: Any, box: Mapping[Any, Range]) -> Range:
    if exponent.is_Integer:
        k = int(exponent)
        return _integer_power(base, k) if k >= 0 else _inverse(_integer_power(base, -k))
    if exponent.is_Rational and exponent > 0:
        if not base.nonnegative:
            raise Undefined("root of what may be negative")
        q = fmpq(int(exponent.p), int(exponent.q))
        root = lambda x: _INF if not x.is_finite() else arb(0) if x.is_zero() else x**q
        return of(root(base.lo), root(base.hi), base.above)
    if exponent.is_Rational:
        return _inverse(_power(base, -exponent, box))
    return _exp(_mul(evaluate(exponent, box), _log(base)))


def _integer_power(r: Range, k: int) -> Range:
    up = lambda x: x**k if x.is_finite() else (_INF if x > 0 or k % 2 == 0 else -_INF)
    if k == 0:
        return interval(1, 1)
    if r.nonnegative or k % 2:
        return of(up(r.lo), up(r.hi), r.above)
    if r.hi <= 0:
        return of(up(r.hi), up(r.lo))
    return of(arb(0), arb.max(up(r.lo), up(r.hi)))


def _inverse(r: Range) -> Range:
    over = lambda x: 1 / x if x.is_finite() else arb(0)
    if r.positive:
        return of(over(r.hi), _INF if r.lo.is_zero() else over(r.lo), not r.hi.is_finite())
    if r.hi < 0:
        return of(over(r.hi), over(r.lo))
    raise Undefined("division by what may be zero")


def _increasing(f: Callable[[Any], Any], at_minus_infinity: Any = None, at_infinity: Any = _INF) -> Any:
    """Range of an increasing function, from its values at the ends."""

    def rule(r: Range) -> Range:
        lo = f(r.lo) if r.lo.is_finite() else at_minus_infinity
        hi = f(r.hi) if r.hi.is_finite() else at_infinity
        return of(lo, hi, r.above or not r.lo.is_finite())

    return rule


_exp = _increasing(lambda x: x.exp(), arb(0))


def _on_positives(f: Callable[[Any], Any]) -> Any:
    """Range of a function that increases from -oo to oo on (0, oo)."""

    def rule(r: Range) -> Range:
        if not r.positive:
            raise Undefined("an argument that may not be positive")
        lo = -_INF if r.lo.is_zero() else f(r.lo)
        return of(lo, f(r.hi) if r.hi.is_finite() else _INF, r.above)

    return rule


_log = _on_positives(lambda x: x.log())


def _ball(f: Callable[[Any], Any], bound: Any = None) -> Any:
    """Range by one ball; ``bound`` for functions within +-bound everywhere."""

    def rule(r: Range) -> Range:
        if r.finite:
            value = f(r.lo if r.lo == r.hi else r.lo.union(r.hi))
            if value.is_finite():
                return of(value, value) if bound is None else of(arb.max(value.lower(), -bound), _cap(value, bound))
        if bound is None:
            raise Undefined("an argument that is unbounded or meets a pole")
        return of(-bound, bound)

    return rule


def _cap(value: Any, bound: Any) -> Any:
    return arb.min(value.upper(), bound)


def _gamma_like(f: Callable[[Any], Any]) -> Any:
    """Range of gamma or its logarithm, which decrease from oo on (0, 1] and increase to oo on [2, oo)."""

    def rule(r: Range) -> Range:
        if not r.positive:
            raise Undefined("an argument that may not be positive")
        if r.lo >= 2:
            return of(f(r.lo), f(r.hi) if r.hi.is_finite() else _INF)
        if r.hi <= 1:
            return of(f(r.hi), _INF if r.lo.is_zero() else f(r.lo))
        return _ball(f)(r)

    return rule


def _polygamma(order: int, r: Range) -> Range:
    """psi increases on (0, oo); the derivatives are +- n! zeta(n + 1, x), which decreases from oo to 0."""
    if order == 0:
        return _on_positives(lambda x: x.digamma())(r)
    if not r.positive:
        raise Undefined("an argument that may not be positive")
    size = lambda x: arb(order + 1).zeta(x) * arb(order).fac() if x.is_finite() else arb(0)
    ends = of(size(r.hi), _INF if r.lo.is_zero() else size(r.lo), not r.hi.is_finite())
    return ends if order % 2 else Range(-ends.hi, -ends.lo)


def _absolute(r: Range) -> Range:
    return of(arb.max(arb(0), arb.max(r.lo, -r.hi)), arb.max(r.hi, -r.lo), r.above and r.nonnegative)


def _factorial(r: Range) -> Range:
    return _FUNCTIONS[sympy.gamma](_add(r, interval(1, 1)))


_CONSTANTS: dict[Any, Callable[[], Any]] = {
    sympy.pi: arb.pi,
    sympy.E: arb.const_e,
    sympy.EulerGamma: arb.const_euler,
}
_FUNCTIONS: dict[Any, Callable[[Range], Range]] = {
    sympy.exp: _exp,
    sympy.log: _log,
    sympy.atan: _increasing(lambda x: x.atan(), -arb(2), arb(2)),  # pi/2 < 2
    sympy.tanh: _increasing(lambda x: x.tanh(), -arb(1), arb(1)),
    sympy.sinh: _increasing(lambda x: x.sinh(), -_INF),
    sympy.erf: _increasing(lambda x: x.erf(), -arb(1), arb(1)),
    sympy.cosh: _ball(lambda x: x.cosh()),
    sympy.sin: _ball(lambda x: x.sin(), arb(1)),
    sympy.cos: _ball(lambda x: x.cos(), arb(1)),
    sympy.tan: _ball(lambda x: x.tan()),
    sympy.gamma: _gamma_like(lambda x: x.gamma()),
    sympy.loggamma: _gamma_like(lambda x: x.lgamma()),
    sympy.factorial: _factorial,
    sympy.Abs: _absolute,
}
