"""A stand-in for CuPy where there is no GPU: arrays that refuse to become NumPy's unless asked, kernels run from C.

NumPy computes underneath, so that what passes here may still fail on a GPU for want of a function there; what it shows
is that the code for a GPU runs, launches what it says, and never takes an array to the host behind one's back.
"""

import ctypes
import operator
import subprocess
import sys
import types

import array_api_compat.common._helpers as helpers
import numpy
import scipy.special

counts = {"launches": 0, "to host": 0}


class ndarray:
    __array_priority__ = 1000
    __array_ufunc__ = None  # an operation between a NumPy array and one of these is an error, as with CuPy

    def __init__(self, array):
        self._host = array

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def get(self):
        counts["to host"] += 1
        return numpy.array(self._host)

    item = lambda self: self.get().item()
    __float__ = lambda self: float(self.get())
    __int__ = lambda self: int(self.get())
    __bool__ = lambda self: bool(self.get())
    __index__ = lambda self: operator.index(self.get())
    __len__ = lambda self: len(self._host)
    __getitem__ = lambda self, key: wrap(self._host[unwrap(key)])
    __setitem__ = lambda self, key, value: self._host.__setitem__(unwrap(key), unwrap(value))
    __getattr__ = lambda self, name: attribute(self._host, name)

    def __iter__(self):
        return (self[k] for k in range(len(self)))


def attribute(host, name):
    if name.startswith("__"):
        raise AttributeError(name)
    found = getattr(host, name)
    return wrapped(found) if callable(found) and not isinstance(found, numpy.dtype) else wrap(found)


def binary(name):
    def method(self, other):
        if isinstance(other, numpy.ndarray):
            raise TypeError("Unsupported type <class 'numpy.ndarray'>")
        return wrap(getattr(self._host, name)(unwrap(other)))

    return method


_BOTH = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
for _name in [*_BOTH, *(f"r{name}" for name in _BOTH), "lt", "le", "gt", "ge", "eq", "ne"]:
    setattr(ndarray, f"__{_name}__", binary(f"__{_name}__"))
for _name in ("neg", "pos", "abs", "invert"):
    setattr(ndarray, f"__{_name}__", lambda self, name=f"__{_name}__": wrap(getattr(self._host, name)()))


def wrap(value):
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        return ndarray(numpy.asarray(value))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(wrap, value))
    return type(value)(map(wrap, value)) if isinstance(value, (tuple, list)) else value


def unwrap(value):
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, numpy.ndarray) and value.ndim:
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    return type(value)(map(unwrap, value)) if type(value) in (tuple, list) else value


def wrapped(function):
    def call(*args, **kwargs):
        return wrap(function(*unwrap(args), **{k: unwrap(v) for k, v in kwargs.items()}))

    return call


def entering(function):
    """``asarray`` and ``array``: what NumPy's arrays may go through."""

    def call(obj, *args, **kwargs):
        return wrap(function(obj if isinstance(obj, numpy.ndarray) else unwrap(obj), *args, **kwargs))

    return call


def compiled(source, folder):
    file, library = folder / "kernel.c", folder / "kernel.so"
    file.write_text(source)
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, file, "-lm"], check=True)
    return ctypes.CDLL(str(library))


def module(folder):
    """The modules ``cupy`` and ``cupyx``, by name; kernels are compiled in ``folder``."""

    class RawKernel:
        def __init__(self, source, name, options=()):
            self.function = getattr(compiled(source, folder), name)

        def __call__(self, grid, block, arguments):
            counts["launches"] += 1
            kinds = {"float64": ctypes.c_void_p, "uint64": ctypes.c_uint64, "uint32": ctypes.c_uint32,
                     "int32": ctypes.c_int32}  # fmt: skip
            plain = [
                ctypes.c_void_p(a._host.ctypes.data) if isinstance(a, ndarray) else kinds[a.dtype.name](int(a))
                for a in arguments
            ]
            self.function(*plain)

    def like(origin, name):
        out = types.ModuleType(name)
        for key in dir(origin):
            value = getattr(origin, key)
            if key.startswith("_") or isinstance(value, types.ModuleType):
                continue
            plain = isinstance(value, type) or not callable(value)
            setattr(out, key, value if plain else wrapped(value))
        return out

    cupy = like(numpy, "cupy")
    for name in ("abs", "max", "min", "round"):
        setattr(cupy, name, wrapped(getattr(numpy, name)))
    cupy.ndarray, cupy.RawKernel = ndarray, RawKernel
    cupy.asarray, cupy.array = entering(numpy.asarray), entering(numpy.array)
    cupy.linalg, cupy.fft = like(numpy.linalg, "cupy.linalg"), like(numpy.fft, "cupy.fft")

    class Device:
        def __init__(self, which=None):
            self.id = which

        __enter__ = lambda self: self
        __exit__ = lambda self, *args: None

    class Pool:
        total_bytes = free_bytes = lambda self: 0
        free_all_blocks = lambda self: None

    cupy.cuda = types.ModuleType("cupy.cuda")
    cupy.cuda.device = types.ModuleType("cupy.cuda.device")
    cupy.cuda.Device = cupy.cuda.device.Device = Device
    runtime = types.SimpleNamespace(getDeviceCount=lambda: 1, memGetInfo=lambda: (2**31, 2**31))
    cupy.cuda.runtime, cupy.get_default_memory_pool = runtime, Pool
    cupyx, scipy_, special = (types.ModuleType(n) for n in ("cupyx", "cupyx.scipy", "cupyx.scipy.special"))
    special.__dict__.update(like(scipy.special, "special").__dict__)
    for name in dir(scipy.special):
        if isinstance(getattr(scipy.special, name), numpy.ufunc):
            setattr(special, name, wrapped(getattr(scipy.special, name)))
    cupyx.scipy, scipy_.special = scipy_, special
    return {
        "cupy": cupy, "cupy.linalg": cupy.linalg, "cupy.fft": cupy.fft, "cupy.cuda": cupy.cuda,
        "cupy.cuda.device": cupy.cuda.device, "cupyx": cupyx, "cupyx.scipy": scipy_, "cupyx.scipy.special": special,
    }  # fmt: skip


def install(monkeypatch, folder):
    """``import cupy`` gives the stand-in until the test ends."""
    for name in [n for n in sys.modules if n.startswith("array_api_compat.cupy")]:
        monkeypatch.delitem(sys.modules, name)
    for name, found in module(folder).items():
        monkeypatch.setitem(sys.modules, name, found)
    for name in ("_is_cupy_array", "is_cupy_array", "_issubclass_fast", "_cls_to_namespace"):
        clear = getattr(getattr(helpers, name, None), "cache_clear", None)
        if clear:
            clear()
