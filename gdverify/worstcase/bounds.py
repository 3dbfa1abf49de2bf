"""The claim's bound at a case, as exact rationals: a value, or two ends that enclose an irrational one."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import isqrt
from typing import Any

from ..errors import ClaimError, MissingDependencyError
from ..evaluate import evaluate

_BITS = 256


class _Irrational(ClaimError):
    pass


class _Rationals:
    """Arithmetic that stays in the rationals or says that it cannot."""

    @staticmethod
    def rational(p: int, q: int) -> Fraction:
        return Fraction(p, q)

    @staticmethod
    def pow(base: Any, exponent: Any) -> Fraction:
        if Fraction(exponent).denominator != 1:
            raise _Irrational("a fractional power")
        return Fraction(base) ** int(exponent)

    @staticmethod
    def sqrt(x: Any) -> Fraction:
        x = Fraction(x)
        if x < 0:
            raise ClaimError(f"the bound takes the square root of {x}")
        p, q = isqrt(x.numerator), isqrt(x.denominator)
        if p * p != x.numerator or q * q != x.denominator:
            raise _Irrational("an irrational square root")
        return Fraction(p, q)

    maximum, minimum, abs = staticmethod(max), staticmethod(min), staticmethod(abs)

    @staticmethod
    def floor(x: Any) -> int:
        return Fraction(x).__floor__()

    @staticmethod
    def ceiling(x: Any) -> int:
        return Fraction(x).__ceil__()

    @staticmethod
    def pi() -> Any:
        raise _Irrational("pi")

    @staticmethod
    def exp(x: Any) -> Any:
        raise _Irrational("exp")

    log = cos = sin = tan = atan = gamma = digamma = exp


class _Balls:
    """Ball arithmetic (Arb) for everything else."""

    def __init__(self) -> None:
        try:
            from flint import arb, fmpq
        except ImportError as error:
            raise MissingDependencyError("an irrational bound needs python-flint (gdverify[proof])") from error
        self.arb, self.fmpq = arb, fmpq

    def rational(self, p: int, q: int) -> Any:
        return self.arb(self.fmpq(p, q))

    def pi(self) -> Any:
        return self.arb.pi()

    def pow(self, base: Any, exponent: Any) -> Any:
        return self.arb(base) ** exponent

    def maximum(self, a: Any, b: Any) -> Any:
        return self.arb(a).max(b)

    def minimum(self, a: Any, b: Any) -> Any:
        return self.arb(a).min(b)

    def abs(self, x: Any) -> Any:
        return abs(self.arb(x))

    def __getattr__(self, name: str) -> Any:
        if name not in ("sqrt", "exp", "log", "cos", "sin", "tan", "atan", "gamma", "digamma", "lgamma"):
            raise AttributeError(name)
        return lambda x: getattr(self.arb(x), name)()


def enclose(expr: Any, values: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
    """Rationals (low, high) with low <= value <= high; equal where the value is found to be rational.

    Raises
    ------
    ClaimError
        a symbol has no value, or the value is not finite
    """
    try:
        value = evaluate(expr, values, _Rationals)
        if not isinstance(value, (int, Fraction)):
            raise ClaimError(f"{expr} is not an exact number at this case")
        return Fraction(value), Fraction(value)
    except _Irrational:
        pass
    except ZeroDivisionError as error:
        raise ClaimError(f"{expr} divides by zero at this case") from error
    balls = _Balls()
    from flint import ctx

    numbers = {k: v for k, v in values.items() if isinstance(v, (int, Fraction))}
    before, ctx.prec = ctx.prec, _BITS
    try:
        exact = {k: balls.rational(Fraction(v).numerator, Fraction(v).denominator) for k, v in numbers.items()}
        ball = balls.arb(evaluate(expr, exact, balls))
        if not ball.is_finite():
            raise ClaimError(f"{expr} is not finite at this case")
        low, high = ball.lower().fmpq(), ball.upper().fmpq()
    finally:
        ctx.prec = before
    return Fraction(int(low.p), int(low.q)), Fraction(int(high.p), int(high.q))


def exact_value(expr: Any, values: Mapping[str, Any], what: str) -> Fraction:
    """The value of an expression that must be rational at this case."""
    low, high = enclose(expr, values)
    if low != high:
        raise ClaimError(f"{what} is irrational at this case; a worst-case certificate needs rational data")
    return low
