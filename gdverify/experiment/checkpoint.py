"""Where an experiment was, kept on disk while it runs, so that a killed run goes on at its last block.

What is kept is the state of the decision, not the samples: blocks are keyed, so the blocks that follow are the same as
they would have been.  The file is a pickle that is read back with nothing allowed in it but numbers, arrays, containers
and the classes of this package.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .backend import namespace

_NUMPY = {
    ("numpy", "ndarray"), ("numpy", "dtype"), ("numpy", "float64"), ("numpy", "int64"), ("numpy", "bool"),
    ("numpy._core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.core.multiarray", "_reconstruct"), ("numpy.core.multiarray", "scalar"),
    ("numpy.core.numeric", "_frombuffer"),
}  # fmt: skip
LARGEST = 256 * 2**20  # bytes
_BUILTIN = {"set", "frozenset", "slice", "complex", "bytearray", "range"}


class Checkpoint:
    """A file that holds where one experiment at one case is.

    Parameters
    ----------
    path : of the file; its folder is made when needed
    stamp : what the state depends on, called when it is saved; None if that cannot be said
    good : whether a saved stamp still holds
    every : seconds between two saves
    fresh : start anew, whatever is there
    """

    def __init__(
        self,
        path: Path,
        stamp: Callable[[], Any],
        good: Callable[[Any], bool],
        every: float = 5.0,
        fresh: bool = False,
    ):
        self.path, self.stamp, self.good, self.every, self.fresh = path, stamp, good, every, fresh
        self._last = time.monotonic()

    def save(self, state: dict[str, Any], outside: dict[str, Any]) -> None:
        """Keep ``state`` if it is time to; objects of ``outside`` in it are kept by name.  Never raises."""
        if time.monotonic() - self._last < self.every:
            return
        with contextlib.suppress(Exception):  # a full disk, or something that cannot be pickled: no checkpoint
            buffer, stamp = io.BytesIO(), self.stamp()
            if stamp is None:  # files have changed since they were read: nothing would say what this rests on
                return
            _Pickler(buffer, outside).dump((stamp, state))
            text = buffer.getvalue()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".", dir=self.path.parent)
            try:
                with os.fdopen(handle, "wb") as out:
                    out.write(hashlib.sha256(text).digest() + text)
                os.replace(name, self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        self._last = time.monotonic()

    def restore(self, outside: dict[str, Any]) -> dict[str, Any] | None:
        """What was saved last, None if nothing was or it does not hold any more."""
        if self.fresh:
            return None
        try:
            if self.path.stat().st_size > LARGEST:
                return None
            data = self.path.read_bytes()
            if hashlib.sha256(data[32:]).digest() != data[:32]:  # damaged: a number with one bit changed is a number
                return None
            stamp, state = _Unpickler(io.BytesIO(data[32:]), outside).load()
            whole = isinstance(state, dict) and {"done", "rows"} <= set(state)
            return state if whole and self.good(stamp) else None
        except Exception:  # damaged, of another version, or not ours
            return None

    def done(self) -> None:
        """The experiment is over: nothing is left to go on with."""
        with contextlib.suppress(OSError):
            self.path.unlink()


class _Pickler(pickle.Pickler):
    def __init__(self, file: Any, outside: dict[str, Any]):
        super().__init__(file, protocol=5)
        self._names = {id(value): name for name, value in outside.items()}

    def persistent_id(self, obj: Any) -> Any:
        if obj is namespace("cpu"):
            return "namespace"
        return self._names.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, outside: dict[str, Any]):
        super().__init__(file)
        self._outside = outside

    def persistent_load(self, name: Any) -> Any:
        return namespace("cpu") if name == "namespace" else self._outside[name]

    def find_class(self, module: str, name: str) -> Any:
        ours = module.startswith("gdverify.experiment.") and name.isidentifier() and name[:1] != "_"
        found = super().find_class(module, name) if ours or (module, name) in _NUMPY else None
        if ours and isinstance(found, type) and found.__module__ == module:
            return found
        if (module, name) in _NUMPY or (module == "builtins" and name in _BUILTIN):
            return found or super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
