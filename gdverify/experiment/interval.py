"""Interval arithmetic as an array namespace: ``simulate`` run with it encloses what it would return exactly.

Arrays are NumPy object arrays of `ball.Interval`; integer arrays (indices) stay integers until divided or mixed
with reals.  What has no interval version raises `UnsupportedError`; comparisons of overlapping intervals raise
`UndecidedError`.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from ..domain import Case
from ..errors import ExperimentError, UndecidedError
from .ball import ExactInt, Interval, UnsupportedError

_COMPARISONS = {np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal}
_ARITHMETIC = {np.add, np.subtract, np.multiply, np.true_divide, np.negative, np.positive, np.matmul, np.vecdot}
_INTEGER = {
    np.add, np.subtract, np.multiply, np.negative, np.positive, np.absolute, np.maximum, np.minimum, np.floor_divide,
    np.remainder, np.matmul, np.sign, np.logical_and, np.logical_or, np.logical_not, np.bitwise_and, np.bitwise_or,
    np.invert, np.logical_xor,
} | _COMPARISONS  # fmt: skip


def _method(name: str) -> Callable[[Any], Any]:
    def call(x: Any) -> Any:
        return getattr(x if isinstance(x, Interval) else Interval(x), name)()

    return np.frompyfunc(call, 1, 1)


_UNARY = {
    name: _method(name)
    for name in (
        "sqrt", "exp", "log", "log1p", "expm1", "sin", "cos", "tan", "tanh", "sinh", "cosh", "erf", "gamma", "lgamma",
        "atan", "floor", "ceil", "sign", "clamp",
    )
}  # fmt: skip
_larger = np.frompyfunc(Interval.larger, 2, 1)
_smaller = np.frompyfunc(Interval.smaller, 2, 1)
_power = np.frompyfunc(lambda a, b: (a if isinstance(a, Interval) else Interval(a)) ** b, 2, 1)
_absolute = np.frompyfunc(abs, 1, 1)
_convert = np.frompyfunc(lambda x: x if isinstance(x, Interval) else Interval(x), 1, 1)
_exact = np.frompyfunc(Interval.exact, 1, 1)
_REPLACED: dict[Any, Any] = {
    np.maximum: _larger, np.minimum: _smaller, np.power: _power, np.absolute: _absolute, np.fabs: _absolute,
    np.square: np.frompyfunc(lambda x: x * x, 1, 1), np.arctan: _UNARY["atan"],
    **{getattr(np, n): f for n, f in _UNARY.items() if hasattr(np, n)},
}  # fmt: skip


class IntervalArray(np.ndarray):
    """Object array whose elements are intervals, whatever it is combined with."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if ufunc not in _ARITHMETIC and ufunc not in _COMPARISONS and ufunc not in _REPLACED:
            if ufunc in (np.isfinite,):
                return np.frompyfunc(lambda x: x.finite(), 1, 1)(_plain(self)).astype(bool)
            raise UnsupportedError(f"{ufunc.__name__} has no interval version")
        exponent = ufunc is np.power and len(inputs) == 2 and isinstance(inputs[1], (int, float, np.integer))
        args = [x if exponent and k == 1 else _plain(_entering(x)) for k, x in enumerate(inputs)]
        if out is not None:
            options["out"] = tuple(_plain(o) for o in out)
        result = getattr(_REPLACED.get(ufunc, ufunc), method)(*args, **options)
        if out is not None:
            return out[0]
        return _integers(np.asarray(result, dtype=bool)) if ufunc in _COMPARISONS else _array(result)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, _entering(value))

    def __float__(self) -> float:
        raise UnsupportedError("an interval was turned into a float")

    @property
    def mT(self) -> Any:
        return np.swapaxes(self, -1, -2)


class IntegerArray(np.ndarray):
    """Integers or booleans that become intervals as soon as an operation could leave the integers."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        integral = all(
            isinstance(x, (int, np.integer, np.bool_)) or (isinstance(x, np.ndarray) and x.dtype.kind in "iub")
            for x in inputs
        )
        if integral and ufunc in _INTEGER:
            plain = [x.view(np.ndarray) if isinstance(x, np.ndarray) else x for x in inputs]
            if out is not None:
                options["out"] = tuple(o.view(np.ndarray) for o in out)
            return _integers(getattr(ufunc, method)(*plain, **options))
        if out is not None:
            raise UnsupportedError("an integer array was changed in place by a real operation")
        return getattr(ufunc, method)(*[intervals(x) for x in inputs], **options)


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if isinstance(x, np.ndarray) else x


def _array(x: Any) -> Any:
    """A result of NumPy on object arrays, as intervals (a scalar stays an Interval)."""
    return x.view(IntervalArray) if isinstance(x, np.ndarray) else x


def _integers(x: Any) -> Any:
    return x.view(IntegerArray) if isinstance(x, np.ndarray) else x


def _entering(x: Any) -> Any:
    if isinstance(x, (Interval, IntervalArray)):
        return x
    if isinstance(x, np.ndarray) and x.dtype.kind in "iub" and x.dtype.kind != "O":
        return _array(_convert(_plain(x).astype(object)))
    if isinstance(x, (np.ndarray, list, tuple)):
        return _array(_convert(_objects(x)))
    return Interval(x)


def _objects(x: Any) -> np.ndarray:
    """Nested lists of numbers, intervals and arrays as one object array."""
    if isinstance(x, np.ndarray):
        return _plain(x).astype(object)
    return np.array([_objects(v) if isinstance(v, (list, tuple, np.ndarray)) else v for v in x], dtype=object)


def intervals(x: Any) -> Any:
    """``x`` as an `IntervalArray` (0-d for a number)."""
    entered = _entering(x)
    if isinstance(entered, IntervalArray):
        return entered
    box = np.empty((), dtype=object)
    box[()] = entered
    return box.view(IntervalArray)


def _is_integral(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind in "iub"


def _wants_integers(dtype: Any) -> bool:
    return dtype is not None and np.dtype(dtype).kind in "iub"


class _Pi(Interval):
    """``xp.pi`` and ``xp.pi()``, at the precision of the moment."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(0)

    def __getattribute__(self, name: str) -> Any:
        return Interval.pi().v if name == "v" else super().__getattribute__(name)

    def __call__(self) -> Interval:
        return Interval.pi()


class IntervalNamespace:
    """The ``xp`` of a recheck."""

    interval = True
    device = "interval"
    float64, int64, int32, bool = np.float64, np.int64, np.int32, np.bool_
    inf = float("inf")
    newaxis = None

    def __init__(self) -> None:
        from .interval_linalg import IntervalLinalg

        self.linalg = IntervalLinalg(self)
        self.pi = _Pi()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _UNARY:
            return lambda x: _lift(_UNARY[name], x)
        if name in _STRUCTURE:
            return _structural(getattr(np, name))
        raise UnsupportedError(f"xp.{name} has no interval version")

    # -- entering and leaving -----------------------------------------------------------------------------------

    def from_host(self, array: np.ndarray) -> Any:
        """Draws and saved data, taken at their word."""
        if array.dtype.kind in "iub":
            return _integers(array)
        return intervals(_exact(array))

    def to_host(self, array: Any) -> np.ndarray:
        """Middles as plain floats: for searches, whose end is data again."""
        middle = np.vectorize(lambda v: float(v.middle() if isinstance(v, Interval) else v), otypes=[float])
        plain = np.asarray(_plain(array))
        return middle(plain) if plain.size else np.zeros(plain.shape)

    def number(self, x: Any) -> Any:
        return ExactInt(x) if isinstance(x, int) else Interval(x)

    def rational(self, p: int, q: int) -> Interval:
        return Interval(Fraction(p, q))

    # -- creation -----------------------------------------------------------------------------------------------

    def asarray(self, x: Any, dtype: Any = None, copy: Any = None) -> Any:
        if _wants_integers(dtype):
            return self.astype(x, dtype)
        if dtype is None and (_is_integral(x) and not isinstance(x, (list, tuple))):
            return _integers(x)
        out = intervals(x)
        return out.copy() if copy else out

    def full(self, shape: Any, value: Any, dtype: Any = None) -> Any:
        if _wants_integers(dtype):
            return _integers(np.full(shape, int(value), dtype=dtype))
        out = np.empty(shape, dtype=object)
        out.fill(Interval(value))
        return out.view(IntervalArray)

    def zeros(self, shape: Any, dtype: Any = None) -> Any:
        return self.full(shape, 0, dtype)

    def ones(self, shape: Any, dtype: Any = None) -> Any:
        return self.full(shape, 1, dtype)

    empty = zeros

    def zeros_like(self, x: Any, dtype: Any = None) -> Any:
        return self.zeros(x.shape, x.dtype if _is_integral(x) and dtype is None else dtype)

    def ones_like(self, x: Any, dtype: Any = None) -> Any:
        return self.ones(x.shape, x.dtype if _is_integral(x) and dtype is None else dtype)

    def full_like(self, x: Any, value: Any, dtype: Any = None) -> Any:
        return self.full(x.shape, value, dtype)

    empty_like = zeros_like

    def eye(self, n: int, m: int | None = None, *, k: int = 0, dtype: Any = None) -> Any:
        plain = np.eye(n, m, k=k, dtype=np.int64)
        return _integers(plain) if _wants_integers(dtype) else intervals(plain)

    def arange(self, start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Any:
        if not all(isinstance(v, (int, np.integer, type(None))) for v in (start, stop, step)):
            raise UnsupportedError("xp.arange of reals has no interval version")
        start, stop = (0, start) if stop is None else (start, stop)
        return _integers(np.arange(int(start), int(stop), int(step)))

    def linspace(self, start: Any, stop: Any, num: int, *, endpoint: Any = True, dtype: Any = None) -> Any:
        steps = num - 1 if endpoint else num
        start, stop = Interval(start), Interval(stop)
        return intervals([start + (stop - start) * Fraction(k, max(steps, 1)) for k in range(num)])

    def astype(self, x: Any, dtype: Any, copy: Any = True) -> Any:
        if not _wants_integers(dtype):
            return intervals(x)
        if _is_integral(x):
            return _integers(_plain(x).astype(dtype))
        whole = np.frompyfunc(lambda v: int(v.floor() if v > 0 else v.ceil()), 1, 1)(_plain(intervals(x)))
        return _integers(np.asarray(whole, dtype=dtype))

    # -- elementwise --------------------------------------------------------------------------------------------

    def abs(self, x: Any) -> Any:
        return abs(x)

    def pow(self, x: Any, y: Any) -> Any:
        if isinstance(x, np.ndarray) or isinstance(y, np.ndarray):
            return _array(_power(_plain(_entering(x)), _plain(y)))
        return Interval(x) ** y

    power = pow

    def square(self, x: Any) -> Any:
        return x * x

    def sq(self, x: Any, axis: int = -1) -> Any:
        return self.sum(x * x, axis=axis)

    def maximum(self, x: Any, y: Any) -> Any:
        return _lift(_larger, x, y)

    def minimum(self, x: Any, y: Any) -> Any:
        return _lift(_smaller, x, y)

    max2, min2 = maximum, minimum

    def clip(self, x: Any, low: Any = None, high: Any = None) -> Any:
        x = x if low is None else self.maximum(x, low)
        return x if high is None else self.minimum(x, high)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        if _is_integral(x) and _is_integral(y):
            return _integers(np.where(_plain(condition), _plain(x), _plain(y)))
        return intervals(np.where(_plain(condition), _plain(intervals(x)), _plain(intervals(y))))

    def erfc(self, x: Any) -> Any:
        return 1 - self.erf(x)

    def ndtr(self, x: Any) -> Any:
        return (1 + self.erf(x / self.sqrt(Interval(2)))) / 2

    def ceiling(self, x: Any) -> Any:
        return self.ceil(x)

    def loggamma(self, x: Any) -> Any:
        return self.lgamma(x)

    gammaln = loggamma

    def factorial(self, n: Any) -> Any:
        return self.gamma(n + 1)

    def isfinite(self, x: Any) -> Any:
        return np.isfinite(intervals(x))

    # -- reductions ---------------------------------------------------------------------------------------------

    def sum(self, x: Any, *, axis: Any = None, keepdims: Any = False, dtype: Any = None) -> Any:
        return _reduce(np.sum, x, axis, keepdims)

    def prod(self, x: Any, *, axis: Any = None, keepdims: Any = False, dtype: Any = None) -> Any:
        return _reduce(np.prod, x, axis, keepdims)

    def cumulative_sum(self, x: Any, *, axis: int = -1) -> Any:
        return (_integers if _is_integral(x) else _array)(np.cumsum(_plain(x), axis=axis))

    def mean(self, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
        x = intervals(x)
        total = self.sum(x, axis=axis, keepdims=keepdims)
        axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
        return total / int(np.prod([x.shape[a] for a in axes]))

    def var(self, x: Any, *, axis: Any = None, correction: float = 0, keepdims: Any = False) -> Any:
        x = intervals(x)
        centred = x - self.mean(x, axis=axis, keepdims=True)
        axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
        count = int(np.prod([x.shape[a] for a in axes]))
        return self.sum(centred * centred, axis=axis, keepdims=keepdims) / (count - int(correction))

    def std(self, x: Any, **options: Any) -> Any:
        return self.sqrt(self.var(x, **options))

    def max(self, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
        return _extreme(_larger, np.max, x, axis, keepdims)

    def min(self, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
        return _extreme(_smaller, np.min, x, axis, keepdims)

    def argmax(self, x: Any, *, axis: int | None = None, keepdims: Any = False) -> Any:
        if _is_integral(x):
            return _integers(np.argmax(_plain(x), axis=axis, keepdims=keepdims))
        order = self.argsort(x if axis is not None else x.reshape(-1), axis=-1 if axis is None else axis)
        last = np.take(_plain(order), -1, axis=-1 if axis is None else axis)
        return _integers(np.expand_dims(last, axis) if keepdims and axis is not None else last)

    def argmin(self, x: Any, *, axis: int | None = None, keepdims: Any = False) -> Any:
        return self.argmax(-x, axis=axis, keepdims=keepdims)

    def any(self, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
        return _integers(np.any(_plain(x), axis=axis, keepdims=keepdims))

    def all(self, x: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
        return _integers(np.all(_plain(x), axis=axis, keepdims=keepdims))

    def sort(self, x: Any, *, axis: int = -1, descending: Any = False) -> Any:
        """Order statistics increase with every entry, so sorting each end encloses them; no decision is needed."""
        x = intervals(x)

        def along(row: Any) -> np.ndarray:
            lows = sorted(row, key=lambda v: _Key(v.low()), reverse=descending)
            highs = sorted(row, key=lambda v: _Key(v.high()), reverse=descending)
            return np.array([Interval.hull(a, b) for a, b in zip(lows, highs, strict=True)], dtype=object)

        return _array(np.apply_along_axis(along, axis, _plain(x)))

    def argsort(self, x: Any, *, axis: int = -1, descending: Any = False, stable: Any = True) -> Any:
        """Needs every comparison decided."""
        if _is_integral(x):
            x = intervals(x)

        def along(row: Any) -> np.ndarray:
            return np.array(sorted(range(len(row)), key=lambda k: _Key(row[k]), reverse=descending), dtype=object)

        return _integers(np.apply_along_axis(along, axis, _plain(x)).astype(np.int64))

    # -- products -----------------------------------------------------------------------------------------------

    def matmul(self, a: Any, b: Any) -> Any:
        return np.matmul(intervals(a), intervals(b))

    def vecdot(self, a: Any, b: Any, *, axis: int = -1) -> Any:
        return self.sum(a * b, axis=axis)

    def tensordot(self, a: Any, b: Any, axes: Any = 2) -> Any:
        return _array(np.tensordot(_plain(intervals(a)), _plain(intervals(b)), axes=axes))

    def einsum(self, subscripts: str, *arrays: Any) -> Any:
        return _array(np.einsum(subscripts, *[_plain(intervals(a)) for a in arrays]))

    def take(self, x: Any, indices: Any, *, axis: int | None = None) -> Any:
        return _kept(x, np.take(_plain(x), _plain(indices), axis=axis))

    def take_along_axis(self, x: Any, indices: Any, *, axis: int = -1) -> Any:
        return _kept(x, np.take_along_axis(_plain(x), _plain(indices), axis=axis))

    def matrix_transpose(self, x: Any) -> Any:
        return np.swapaxes(x, -1, -2)

    def tril(self, x: Any, *, k: int = 0) -> Any:
        return self.where(np.tri(int(x.shape[-2]), int(x.shape[-1]), k=k).astype(bool), x, 0)

    def triu(self, x: Any, *, k: int = 0) -> Any:
        return self.where(~np.tri(int(x.shape[-2]), int(x.shape[-1]), k=k - 1).astype(bool), x, 0)


class _Key:
    """Sort key by decided comparisons."""

    def __init__(self, value: Interval):
        self.value = value

    def __lt__(self, other: _Key) -> bool:
        return self.value < other.value


_STRUCTURE = {
    "reshape", "concat", "concatenate", "stack", "expand_dims", "squeeze", "permute_dims", "broadcast_to", "flip",
    "roll", "tile", "repeat", "moveaxis", "unstack", "broadcast_arrays", "swapaxes", "logical_and", "logical_or",
    "logical_not", "logical_xor", "diagonal", "meshgrid", "outer", "multiply", "add", "subtract", "divide", "negative",
    "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "diff", "positive",
}  # fmt: skip


def _structural(function: Any) -> Any:
    """A NumPy function that only moves elements (or is a ufunc), with every real argument entering first."""

    def call(x: Any, *rest: Any, **options: Any) -> Any:
        if isinstance(x, (list, tuple)):
            parts = [intervals(v) for v in x] if not all(_is_integral(v) for v in x) else list(x)
            out = function(parts, *rest, **options)
        else:
            out = function(x if _is_integral(x) else intervals(x), *rest, **options)
        if isinstance(out, (list, tuple)):
            return type(out)(_typed(o) for o in out) if type(out) in (list, tuple) else [_typed(o) for o in out]
        return _typed(out)

    return call


def _typed(x: Any) -> Any:
    if not isinstance(x, np.ndarray):
        return x
    return _integers(x) if x.dtype.kind in "iub" else _array(x)


def _kept(x: Any, out: Any) -> Any:
    return _integers(out) if _is_integral(x) else _array(out)


def _lift(function: Any, *args: Any) -> Any:
    return _array(function(*[_plain(_entering(a)) for a in args]))


def _reduce(function: Any, x: Any, axis: Any, keepdims: Any) -> Any:
    if _is_integral(x):
        return _integers(np.asarray(function(_plain(x), axis=axis, keepdims=keepdims)))
    return _typed(function(_plain(intervals(x)), axis=axis, keepdims=keepdims))


def _extreme(pairwise: Any, plain: Any, x: Any, axis: Any, keepdims: Any) -> Any:
    if _is_integral(x):
        return _integers(np.asarray(plain(_plain(x), axis=axis, keepdims=keepdims)))
    x = _plain(intervals(x))
    if axis is None and not keepdims:
        return pairwise.reduce(x.reshape(-1))
    for a in sorted((k % x.ndim for k in ([axis] if isinstance(axis, int) else axis or range(x.ndim))), reverse=True):
        x = pairwise.reduce(x, axis=a, keepdims=keepdims)
    return _typed(x)


class IntervalCase(Case):
    """A case whose attributes are exact: rationals as intervals, integers as `ExactInt`."""

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name) if name.startswith("_") else self.get(name, _MISSING)
        if value is _MISSING:
            raise AttributeError(f"this case has no value for {name!r}")
        if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)):
            return value
        return ExactInt(value) if isinstance(value, int) else Interval(value)


_MISSING = object()

__all__ = ["ExperimentError", "Interval", "IntervalCase", "IntervalNamespace", "UndecidedError", "UnsupportedError"]
