"""One real number as an interval of multi-precision ends, for rigorous rechecks.

Field operations round outward in mpmath's interval kernel; transcendental functions are computed with 30 guard
bits and then widened, since mpmath promises their last bits less strictly.  Comparisons of overlapping intervals
raise `UndecidedError`; they are never silently false.

A Python float that reaches the arithmetic (0.1, math.log(n)) may be an exact parameter of the instance, or stand for
a real number that it was rounded from.  It is taken at its word in reading 0, which makes the enclosures rigorous for
the instance with exactly these constants; readings 1, 2, … move each such float by 4 units in the last place, up or
down, so that a caller can see whether the answer hangs on the rounding of a constant.  `leaks` counts these floats;
where there are none (short dyadics such as 0.5 do not count) all readings agree.  Random draws and saved instances
always enter exactly, through `Interval.exact`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np
from mpmath.libmp import (
    finf,
    fninf,
    fone,
    from_float,
    from_int,
    from_rational,
    fzero,
    mpf_abs,
    mpf_add,
    mpf_atan,
    mpf_ceil,
    mpf_div,
    mpf_erf,
    mpf_exp,
    mpf_floor,
    mpf_le,
    mpf_lt,
    mpf_neg,
    mpf_shift,
    mpf_sub,
    round_ceiling,
    round_floor,
    to_float,
    to_int,
    to_str,
)
from mpmath.libmp.libmpi import (
    mpi_abs,
    mpi_add,
    mpi_cos,
    mpi_div,
    mpi_exp,
    mpi_gamma,
    mpi_log,
    mpi_loggamma,
    mpi_mul,
    mpi_neg,
    mpi_pi,
    mpi_pow_int,
    mpi_sin,
    mpi_sqrt,
    mpi_square,
    mpi_sub,
    mpi_tan,
)

from ..errors import ExperimentError, UndecidedError
from .clock import work_seconds

_GUARD = 30
_CHECK_EVERY = 2047  # operations between two looks at the clock, a power of two minus one


class UnsupportedError(ExperimentError):
    """An operation that has no interval version: the recheck cannot be carried out."""


class _State:
    prec = 212
    deadline = math.inf
    count = 0
    reading = 0
    leaks = 0


@contextmanager
def precision(bits: int, seconds: float = math.inf, reading: int = 0) -> Iterator[None]:
    """Interval arithmetic at ``bits`` bits, given up with `UnsupportedError` after ``seconds``."""
    before = (_State.prec, _State.deadline, _State.reading)
    _State.prec, _State.deadline, _State.reading = bits, min(before[1], work_seconds() + seconds), reading
    try:
        yield
    finally:
        _State.prec, _State.deadline, _State.reading = before


def leaks() -> int:
    """How many Python floats that are no short dyadics have entered so far."""
    return _State.leaks


def working_precision() -> int:
    """Bits that interval arithmetic works with now."""
    return _State.prec


def _tick() -> None:
    _State.count += 1
    if not _State.count & _CHECK_EVERY and work_seconds() > _State.deadline:
        raise UnsupportedError("the interval recheck ran out of time")


def _short(x: float) -> bool:
    """Whether a float has at most 24 significant bits, so that it can be taken at its word."""
    mantissa, _ = math.frexp(x)
    return (mantissa * 2**24).is_integer()


def _raw(x: Any) -> tuple[Any, Any] | None:
    """Ends of anything that can enter arithmetic; None for what cannot."""
    if isinstance(x, Interval):
        return x.v
    if isinstance(x, (int, np.integer, np.bool_)):
        point = from_int(int(x))
        return point, point
    if isinstance(x, (float, np.floating)):
        x = float(x)
        if math.isnan(x):
            raise ExperimentError("a NaN entered interval arithmetic")
        point = from_float(x)
        if math.isinf(x) or _short(x):
            return point, point
        _State.leaks += 1
        if _State.reading:
            # The same float moves the same way wherever it enters: it is one number.
            step = mpf_shift(mpf_abs(point), -50)
            up = random.Random(f"{_State.reading}/{x!r}").random() < 0.5
            point = mpf_add(point, step) if up else mpf_sub(point, step)
        return point, point
    if isinstance(x, Fraction):
        p, q = x.numerator, x.denominator
        return from_rational(p, q, _State.prec, round_floor), from_rational(p, q, _State.prec, round_ceiling)
    return None


def _wrap(v: tuple[Any, Any]) -> Interval:
    out = object.__new__(Interval)
    out.v = v
    return out


def _widened(v: tuple[Any, Any]) -> Interval:
    """Outward by 2^-(prec+10) relative, rounded to the working precision."""
    low, high = v
    prec, shift = _State.prec, -(_State.prec + 10)
    if low not in (finf, fninf):
        low = mpf_sub(low, mpf_shift(mpf_abs(low), shift), prec, round_floor)
    if high not in (finf, fninf):
        high = mpf_add(high, mpf_shift(mpf_abs(high), shift), prec, round_ceiling)
    return _wrap((low, high))


class Interval:
    """Closed interval; immutable.  ``v`` holds the two ends as mpmath's raw numbers."""

    __slots__ = ("v",)
    __hash__ = None  # type: ignore[assignment]
    v: tuple[Any, Any]
    shape: tuple[int, ...] = ()
    ndim = 0

    def __init__(self, x: Any):
        raw = _raw(x)
        if raw is None:
            raise UnsupportedError(f"{type(x).__name__} cannot enter interval arithmetic")
        self.v = raw

    @classmethod
    def exact(cls, x: float) -> Interval:
        """The point interval of a finite float, taken at its word."""
        point = from_float(float(x))
        return _wrap((point, point))

    @classmethod
    def hull(cls, low: Interval, high: Interval) -> Interval:
        """From the low end of one to the high end of another."""
        return _wrap((low.v[0], high.v[1]))

    # -- reading ------------------------------------------------------------------------------------------------

    def ends(self) -> tuple[float, float]:
        """Both ends as floats, rounded outward."""
        return to_float(self.v[0], rnd=round_floor), to_float(self.v[1], rnd=round_ceiling)

    def middle(self) -> float:
        """A float near the middle."""
        low, high = to_float(self.v[0]), to_float(self.v[1])
        return low if low == high else low / 2 + high / 2

    def centre(self) -> Interval:
        """The point interval in the middle (rounded to the working precision)."""
        point = mpf_shift(mpf_add(self.v[0], self.v[1], _State.prec, round_floor), -1)
        return _wrap((point, point))

    def low(self) -> Interval:
        return _wrap((self.v[0], self.v[0]))

    def high(self) -> Interval:
        return _wrap((self.v[1], self.v[1]))

    def magnitude(self) -> Interval:
        """The largest absolute value, as a point."""
        a = mpi_abs(self.v, _State.prec)
        return _wrap((a[1], a[1]))

    def finite(self) -> bool:
        return self.v[0] != fninf and self.v[1] != finf

    def __repr__(self) -> str:
        return f"[{to_str(self.v[0], 17)}, {to_str(self.v[1], 17)}]"

    def __float__(self) -> float:
        raise UnsupportedError("an interval was turned into a float")

    def __int__(self) -> int:
        if self.v[0] == self.v[1] and mpf_floor(self.v[0]) == self.v[0]:
            return to_int(self.v[0])
        raise UnsupportedError("an interval was turned into an integer")

    def __bool__(self) -> bool:
        return self != 0

    def __getitem__(self, key: Any) -> Any:
        from .interval import intervals

        return intervals(self)[key]

    # -- field operations ---------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Interval:
        w = _raw(other)
        return NotImplemented if w is None else _wrap(mpi_add(self.v, w, _State.prec))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Interval:
        w = _raw(other)
        return NotImplemented if w is None else _wrap(mpi_sub(self.v, w, _State.prec))

    def __rsub__(self, other: Any) -> Interval:
        w = _raw(other)
        return NotImplemented if w is None else _wrap(mpi_sub(w, self.v, _State.prec))

    def __mul__(self, other: Any) -> Interval:
        _tick()
        w = _raw(other)
        if w is None:
            return NotImplemented
        if w is self.v:
            return _wrap(mpi_square(w, _State.prec))
        return _wrap(mpi_mul(self.v, w, _State.prec))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Interval:
        w = _raw(other)
        return NotImplemented if w is None else _divide(self.v, w)

    def __rtruediv__(self, other: Any) -> Interval:
        w = _raw(other)
        return NotImplemented if w is None else _divide(w, self.v)

    def __neg__(self) -> Interval:
        return _wrap(mpi_neg(self.v))

    def __pos__(self) -> Interval:
        return self

    def __abs__(self) -> Interval:
        return _wrap(mpi_abs(self.v, _State.prec))

    def __pow__(self, n: Any) -> Interval:
        if isinstance(n, (float, np.floating)) and float(n).is_integer():
            n = int(n)
        if isinstance(n, Interval) and n.v[0] == n.v[1] and mpf_floor(n.v[0]) == n.v[0]:
            n = int(n)
        if isinstance(n, (int, np.integer)):
            n = int(n)
            if n == 2:
                return _wrap(mpi_square(self.v, _State.prec))
            if n < 0:
                return 1 / self**-n
            return _widened(mpi_pow_int(self.v, n, _State.prec + _GUARD))
        if isinstance(n, (float, np.floating)) and float(n) == 0.5:
            return self.sqrt()
        w = _raw(n)
        return NotImplemented if w is None else (self.log() * _wrap(w)).exp()

    def __rpow__(self, base: Any) -> Interval:
        return Interval(base) ** self

    # -- comparisons --------------------------------------------------------------------------------------------

    def _order(self, other: Any) -> int:
        """-1, 0, 1, or 2 where the two overlap."""
        w = _raw(other)
        if w is None:
            raise UnsupportedError(f"an interval was compared with {type(other).__name__}")
        (a, b), (c, d) = self.v, w
        if mpf_lt(b, c):
            return -1
        if mpf_lt(d, a):
            return 1
        return 0 if a == b == c == d else 2

    def __lt__(self, other: Any) -> bool:
        order = self._order(other)
        if order == 2:
            if mpf_le(_raw(other)[1], self.v[0]):  # type: ignore[index]
                return False
            raise UndecidedError(f"{self} < {other!r} is not decided at {_State.prec} bits")
        return order < 0

    def __gt__(self, other: Any) -> bool:
        return Interval(other) < self

    def __le__(self, other: Any) -> bool:
        return not Interval(other) < self

    def __ge__(self, other: Any) -> bool:
        return not self < other

    def __eq__(self, other: object) -> bool:
        order = self._order(other)
        if order == 2:
            raise UndecidedError(f"{self} == {other!r} is not decided at {_State.prec} bits")
        return order == 0

    def __ne__(self, other: object) -> bool:
        return not self == other

    # -- functions (NumPy calls these methods for arrays of objects) --------------------------------------------

    def sqrt(self) -> Interval:
        """Square root; a real number is meant, so what lies below zero is cut off."""
        low, high = self.v
        if mpf_lt(high, fzero):
            raise ExperimentError(f"square root of a negative number, {self}")
        return _widened(mpi_sqrt((fzero if mpf_lt(low, fzero) else low, high), _State.prec + _GUARD))

    def exp(self) -> Interval:
        return _widened(mpi_exp(self.v, _State.prec + _GUARD))

    def log(self) -> Interval:
        low, high = self.v
        if mpf_le(high, fzero):
            raise ExperimentError(f"logarithm of a number that is not positive, {self}")
        return _widened(mpi_log((fzero if mpf_lt(low, fzero) else low, high), _State.prec + _GUARD))

    def log1p(self) -> Interval:
        return (1 + self).log()

    def expm1(self) -> Interval:
        return self.exp() - 1

    def sin(self) -> Interval:
        return _widened(mpi_sin(self.v, _State.prec + _GUARD))

    def cos(self) -> Interval:
        return _widened(mpi_cos(self.v, _State.prec + _GUARD))

    def tan(self) -> Interval:
        return _widened(mpi_tan(self.v, _State.prec + _GUARD))

    def tanh(self) -> Interval:
        return self._increasing(_mpf_tanh)

    def sinh(self) -> Interval:
        return (self.exp() - (-self).exp()) / 2

    def cosh(self) -> Interval:
        return (self.exp() + (-self).exp()) / 2

    def erf(self) -> Interval:
        return self._increasing(mpf_erf)

    def gamma(self) -> Interval:
        return _widened(mpi_gamma(self.v, _State.prec + _GUARD))

    def lgamma(self) -> Interval:
        return _widened(mpi_loggamma(self.v, _State.prec + _GUARD))

    def atan(self) -> Interval:
        return self._increasing(mpf_atan)

    def _increasing(self, function: Any) -> Interval:
        """An increasing function, taken at both ends."""
        prec = _State.prec + _GUARD
        return _widened((function(self.v[0], prec, round_floor), function(self.v[1], prec, round_ceiling)))

    def floor(self) -> Interval:
        return self._rounded(mpf_floor)

    def ceil(self) -> Interval:
        return self._rounded(mpf_ceil)

    def _rounded(self, function: Any) -> Interval:
        low, high = function(self.v[0]), function(self.v[1])
        if low != high:
            raise UndecidedError(f"rounding {self} is not decided at {_State.prec} bits")
        return _wrap((low, low))

    def sign(self) -> Interval:
        return Interval(0 if self == 0 else 1 if self > 0 else -1)

    def clamp(self) -> Interval:
        """The same number, known to be non-negative."""
        return Interval.larger(self, Interval(0))

    @staticmethod
    def larger(a: Any, b: Any) -> Interval:
        (p, q), (r, s) = Interval(a).v, Interval(b).v
        return _wrap((r if mpf_lt(p, r) else p, s if mpf_lt(q, s) else q))

    @staticmethod
    def smaller(a: Any, b: Any) -> Interval:
        (p, q), (r, s) = Interval(a).v, Interval(b).v
        return _wrap((p if mpf_lt(p, r) else r, q if mpf_lt(q, s) else s))

    @staticmethod
    def pi() -> Interval:
        return _widened(mpi_pi(_State.prec + _GUARD))


def _divide(v: tuple[Any, Any], w: tuple[Any, Any]) -> Interval:
    _tick()
    if w == (fzero, fzero):
        raise ExperimentError("division by zero")
    if mpf_le(w[0], fzero) and mpf_le(fzero, w[1]):
        raise UndecidedError(f"a divisor may be zero at {_State.prec} bits")
    return _wrap(mpi_div(v, w, _State.prec))


def _mpf_tanh(x: Any, prec: int, rounding: str) -> Any:
    """tanh x = 1 - 2/(exp(2x)+1) with room for the cancellation near zero (absolute error is what is lost)."""
    if x == fzero:
        return fzero
    if x in (finf, fninf):
        return fone if x == finf else mpf_neg(fone)
    size = x[2] + x[3]  # exponent of |x|
    if size > prec.bit_length() + 8:  # tanh is 1 to the last bit: stay inside [-1, 1]
        one = mpf_sub(fone, mpf_shift(fone, -prec)) if (x[0] == 0) == (rounding == round_floor) else fone
        return mpf_neg(one) if x[0] else one
    inner = prec + 40 + max(0, -size) * 2 + (2 << max(0, size)) * 2
    e = mpf_exp(mpf_shift(x, 1), inner)
    return mpf_div(mpf_sub(e, fone, inner), mpf_add(e, fone, inner), prec, rounding)


class ExactInt(int):
    """An integer of the regime: integer arithmetic stays exact, and so does division, as an `Interval`."""

    def __truediv__(self, other: Any) -> Any:
        return Interval(int(self)) / other

    def __rtruediv__(self, other: Any) -> Any:
        return other / Interval(int(self)) if _raw(other) is not None else NotImplemented

    def __pow__(self, other: Any, modulus: Any = None) -> Any:
        if isinstance(other, int) and other >= 0:
            return ExactInt(int(self) ** int(other))
        return Interval(int(self)) ** other

    def __rpow__(self, other: Any, modulus: Any = None) -> Any:
        return Interval(other) ** int(self) if not isinstance(other, int) or self < 0 else ExactInt(other ** int(self))

    def __neg__(self) -> Any:
        return ExactInt(-int(self))

    def _combine(name: str) -> Any:  # type: ignore[misc]
        def method(self: ExactInt, other: Any) -> Any:
            if isinstance(other, (int, np.integer)):
                return ExactInt(getattr(int(self), name)(int(other)))
            if isinstance(other, (float, Fraction)):
                return getattr(Interval(int(self)), name)(other)
            return getattr(int(self), name)(other)

        return method

    __add__ = _combine("__add__")
    __radd__ = _combine("__radd__")
    __sub__ = _combine("__sub__")
    __rsub__ = _combine("__rsub__")
    __mul__ = _combine("__mul__")
    __rmul__ = _combine("__rmul__")
    del _combine
