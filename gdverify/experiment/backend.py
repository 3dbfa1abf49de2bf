"""Array namespaces: the array API standard plus what theory experiments need and the standard lacks.

``namespace("cpu")`` is NumPy, ``namespace("cuda")`` CuPy (imported only then), ``namespace("strict")`` the
standard's reference implementation, for tests.  What the standard has is delegated unchanged; special functions,
quantiles, ``einsum`` and a few names that statements use are added natively on each device.

Conventions of the additions: everything is float64; linear algebra acts on the last two axes and broadcasts over
the others; ``linalg.qr`` returns R with a non-negative diagonal, which makes it unique on every device.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import UsageError

DEVICES = ("auto", "cpu", "cuda", "strict")


class Constant(float):
    """A float that can also be called, as ``xp.pi`` (the standard) and ``xp.pi()`` (statements) both are."""

    def __call__(self) -> float:
        return float(self)


class Namespace:
    """The ``xp`` that ``simulate`` receives.

    Attributes
    ----------
    device : ``cpu``, ``cuda`` or ``strict``
    base : the array_api_compat namespace underneath
    linalg : batched linear algebra
    pi : float, also callable
    """

    interval = False

    def __init__(self, device: str, base: Any, special: Any, native: Any):
        self.device = device
        self.base = base
        self._special = special
        self.native = native  # numpy or cupy proper; None where only the standard exists
        self.linalg = _Linalg(self)
        self.pi = Constant(math.pi)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.base, name)

    def __repr__(self) -> str:
        return f"<array namespace on {self.device}>"

    # -- moving data ------------------------------------------------------------------------------------------

    def from_host(self, array: Any) -> Any:
        """This namespace's array with the values of a NumPy array."""
        return array if self.device == "cpu" else self.base.asarray(array)

    def to_host(self, array: Any) -> Any:
        """NumPy array with the values of a number or of an array of this namespace."""
        import numpy as np

        if self.device == "cuda" and hasattr(array, "get"):
            return array.get()
        return np.asarray(getattr(array, "_array", array))

    def bring(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """NumPy arrays of those values that are real arrays of a GPU: they cross together, as float64."""
        out: dict[str, Any] = {}
        if self.device != "cuda":
            return out
        there = {k: v for k, v in values.items() if isinstance(v, self.native.ndarray) and v.dtype.kind in "fiub"}
        if there:
            flat = [self.native.ravel(v).astype(self.native.float64) for v in there.values()]
            whole, at = self.native.concatenate(flat).get(), 0
            for name, value in there.items():
                out[name] = whole[at : at + value.size].reshape(value.shape)
                at += value.size
        return out

    def free_bytes(self) -> int:
        """Memory that a batch may still take, in bytes."""
        if self.device == "cuda":
            free, _ = self.native.cuda.runtime.memGetInfo()
            pool = self.native.get_default_memory_pool()
            return int(free + pool.free_bytes())
        try:
            with open("/proc/meminfo") as lines:
                for line in lines:
                    if line.startswith("MemAvailable:"):
                        return int(line.split()[1]) * 1024
        except OSError:
            pass
        return 2**31

    def held_bytes(self) -> int:
        """Device memory taken from the system so far (0 on the host, where the engine measures by itself)."""
        return int(self.native.get_default_memory_pool().total_bytes()) if self.device == "cuda" else 0

    def is_out_of_memory(self, problem: BaseException) -> bool:
        """Whether an exception means that the batch did not fit."""
        return isinstance(problem, MemoryError) or type(problem).__name__ == "OutOfMemoryError"

    def is_lost(self, problem: BaseException) -> bool:
        """Whether an exception means that the device does not answer any more."""
        names = {cls.__name__ for cls in type(problem).__mro__}
        return bool(names & {"CUDARuntimeError", "CUDADriverError"}) and not self.is_out_of_memory(problem)

    def release(self) -> None:
        """Give unused device memory back, after an allocation failed."""
        if self.device == "cuda":
            self.native.get_default_memory_pool().free_all_blocks()

    # -- names that statements use -----------------------------------------------------------------------------

    def rational(self, p: int, q: int) -> float:
        """p/q, correctly rounded."""
        return p / q

    def number(self, x: Any) -> Any:
        """An exact number (int, Fraction) in this arithmetic."""
        return x if isinstance(x, int) else float(x)

    def power(self, x: Any, y: Any) -> Any:
        return self.base.pow(x, y)

    def sq(self, x: Any, axis: int = -1) -> Any:
        """Sum of squares along an axis: the squared norm of the vectors in ``x``."""
        return self.base.sum(x * x, axis=axis)

    def ceiling(self, x: Any) -> Any:
        return self.base.ceil(x)

    def binomial(self, n: Any, k: Any) -> Any:
        return self._apply("binom", n, k)

    def factorial(self, n: Any) -> Any:
        return self._apply("gamma", n + 1)

    def heaviside(self, x: Any) -> Any:
        return 0.5 * (self.base.sign(x) + 1)

    def erf(self, x: Any) -> Any:
        return self._apply("erf", x)

    def erfc(self, x: Any) -> Any:
        return self._apply("erfc", x)

    def erfinv(self, x: Any) -> Any:
        return self._apply("erfinv", x)

    def ndtr(self, x: Any) -> Any:
        """Standard normal distribution function."""
        return self._apply("ndtr", x)

    def ndtri(self, x: Any) -> Any:
        """Standard normal quantile."""
        return self._apply("ndtri", x)

    def gamma(self, x: Any) -> Any:
        return self._apply("gamma", x)

    def lgamma(self, x: Any) -> Any:
        return self._apply("gammaln", x)

    gammaln = lgamma

    def digamma(self, x: Any) -> Any:
        return self._apply("digamma", x)

    def gammaincinv(self, a: Any, u: Any) -> Any:
        """Quantile of the Gamma(a, 1) distribution."""
        return self._apply("gammaincinv", a, u)

    def _apply(self, name: str, *args: Any) -> Any:
        function = getattr(self._special, name)
        if self.device != "strict":
            return function(*args)
        return self.base.asarray(function(*[self.to_host(a) for a in args]))

    # -- names that the standard lacks -------------------------------------------------------------------------

    def quantile(self, x: Any, q: Any, *, axis: int | None = None, keepdims: bool = False) -> Any:
        """Linear-interpolation quantile."""
        return self._host("quantile", x, q, axis=axis, keepdims=keepdims)

    def median(self, x: Any, *, axis: int | None = None, keepdims: bool = False) -> Any:
        return self._host("median", x, axis=axis, keepdims=keepdims)

    def einsum(self, subscripts: str, *arrays: Any) -> Any:
        if self.native is not None:
            return self.native.einsum(subscripts, *arrays, optimize=len(arrays) > 2)
        import numpy as np

        return self.base.asarray(np.einsum(subscripts, *[self.to_host(a) for a in arrays]))

    def _host(self, name: str, x: Any, *args: Any, **options: Any) -> Any:
        if self.native is not None:
            return getattr(self.native, name)(x, *args, **options)
        import numpy as np

        return self.base.asarray(getattr(np, name)(self.to_host(x), *args, **options))


class _Linalg:
    """The standard's linear algebra, with the few conventions stated in the module's docstring."""

    def __init__(self, xp: Namespace):
        self._xp = xp

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._xp.base.linalg, name)

    def norm(self, x: Any, axis: int = -1, keepdims: bool = False) -> Any:
        """Euclidean norm along an axis."""
        return self._xp.base.linalg.vector_norm(x, axis=axis, keepdims=keepdims)

    def solve(self, a: Any, b: Any) -> Any:
        """Solution of a x = b; b is one vector (1-D), or matrices whose batch axes broadcast with a's."""
        xp = self._xp.base
        if b.ndim == 1:
            b = xp.broadcast_to(b[:, None], (*a.shape[:-2], b.shape[0], 1))
            return xp.linalg.solve(a, b)[..., 0]
        if b.ndim == 2 and a.ndim > 2:
            b = xp.broadcast_to(b, (*a.shape[:-2], *b.shape))
        return xp.linalg.solve(a, b)

    def qr(self, x: Any, mode: str = "reduced") -> Any:
        """Q and R with a non-negative diagonal."""
        xp = self._xp.base
        q, r = xp.linalg.qr(x, mode=mode)
        k = min(x.shape[-2:])
        diagonal = xp.linalg.diagonal(r[..., :k, :k])
        signs = xp.where(diagonal < 0, xp.asarray(-1.0), xp.asarray(1.0))
        if q.shape[-1] > k:  # complete mode: the columns beyond the k-th are free anyway
            ones = xp.ones((*signs.shape[:-1], q.shape[-1] - k))
            signs = xp.concat([signs, ones], axis=-1)
        return q * signs[..., None, :], r * signs[..., : r.shape[-2], None]


@functools.cache
def namespace(device: str = "cpu") -> Namespace:
    """The array namespace of a device.

    Parameters
    ----------
    device : ``cpu``, ``cuda``, ``auto`` (CUDA where CuPy and a device work) or ``strict``

    Raises
    ------
    UsageError
        unknown device, or CUDA asked for and not usable
    """
    makers: dict[str, Callable[[], Namespace]] = {"cpu": _numpy, "cuda": _cupy, "strict": _strict}
    if device == "auto":
        try:
            return namespace("cuda")
        except UsageError:
            return namespace("cpu")
    if device not in makers:
        raise UsageError(f"--device {device}: expected {', '.join(DEVICES[:3])}")
    return makers[device]()


def _numpy() -> Namespace:
    import array_api_compat.numpy as base
    import numpy
    import scipy.special

    return Namespace("cpu", base, scipy.special, numpy)


def _cupy() -> Namespace:
    try:
        import cupy
    except Exception as problem:  # a broken installation raises all sorts of things on import
        raise UsageError(f"--device cuda: CuPy cannot be imported ({_line(problem)})") from None
    try:
        count = cupy.cuda.runtime.getDeviceCount()
        if count:
            cupy.zeros(1) + 1
    except Exception as problem:
        raise UsageError(f"--device cuda: no usable GPU ({_line(problem)})") from None
    if not count:
        raise UsageError("--device cuda: no GPU found")
    import array_api_compat.cupy as base
    import cupyx.scipy.special

    return Namespace("cuda", base, cupyx.scipy.special, cupy)


def _strict() -> Namespace:
    import array_api_strict as base
    import scipy.special

    return Namespace("strict", base, scipy.special, None)


def _line(problem: BaseException) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]
