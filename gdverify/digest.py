"""What a result depends on, as digests: the toolkit, the libraries, the claim's own files.

A worker notes which files its claim brought in (modules imported, files opened); a result is good for as long as
every one of them has the content that it had.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import platform
import stat
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .store import home

_HERE = Path(__file__).parent
# Their versions stand for their files.
_KNOWN = ("numpy", "scipy", "sympy", "mpmath", "array_api_compat", "flint", "clarabel", "z3", "cupy", "cupyx")
Stamp = tuple[int, int, int, int]
_known_files: dict[str, tuple[Stamp, str]] = {}


def of(value: Any) -> str:
    """Digest of JSON-ready data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def of_file(path: str) -> str | None:
    """Digest of a file's content, None if there is none; read once for each state of the file, a part at a time."""
    try:
        stamp = stamp_of(path)
        known = _known_files.get(path)
        if stamp is None:
            return None
        if known is None or known[0] != stamp:
            with open(path, "rb") as file:
                known = _known_files[path] = stamp, hashlib.file_digest(file, "sha256").hexdigest()
        return known[1]
    except OSError:
        return None


def stamp_of(path: str) -> Stamp | None:
    """What changes when a file is written or replaced; None where there is no file."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):  # to read a pipe is to wait for who writes it
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


@functools.cache
def code() -> str:
    """Digest of gdverify's own code."""
    total = hashlib.sha256()
    for file in sorted(p for ending in ("*.py", "*.v") for p in _HERE.rglob(ending)):
        total.update(f"{file.relative_to(_HERE).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return total.hexdigest()


@functools.cache
def toolkit() -> str:
    """Digest of gdverify's own code and of the libraries and the machine that decide what it computes."""
    from .doctor import versions

    machine = [platform.machine(), platform.system(), sys.implementation.name, sys.version_info[:3]]
    return of([code(), versions(), machine])


def depends(read: Mapping[str, Stamp | None], beside: str) -> list[list[str | None]] | None:
    """``[path, digest]`` of the files that were ``read``, but those that `toolkit` or the language stand for.

    Parameters
    ----------
    read : by absolute path, `stamp_of` the file when it was read
    beside : a file; paths are relative to its folder, so that a checkout may be somewhere else

    Returns
    -------
    list, or None if one of the files is not as it was when it was read: nobody can say what the result depends on.  The
    digest of a file that was looked for and is not there is None.
    """
    ours = (str(_HERE), *_standard(), os.path.abspath(home() / "partial"), "/proc", "/sys", "/dev")
    folder = os.path.dirname(beside)
    out: dict[str, str | None] = {}
    for path, stamp in sorted(read.items()):
        if any(path == root or path.startswith(root + os.sep) for root in ours) or os.path.isdir(path):
            continue
        found = of_file(path)
        if stamp_of(path) != stamp:
            return None
        out[os.path.relpath(path, folder)] = found
    return [[path, found] for path, found in out.items()]


def unchanged(found: Sequence[Sequence[str | None]], beside: str) -> bool:
    """Whether every file of `depends` still has its content."""
    folder = os.path.dirname(beside)
    return all(of_file(os.path.normpath(os.path.join(folder, path or ""))) == digest for path, digest in found)


@functools.cache
def _standard() -> tuple[str, ...]:
    """Folders of the language and of the libraries whose versions are known."""
    paths = sysconfig.get_paths()
    roots = {paths["stdlib"], paths["platstdlib"]}
    roots |= {os.path.realpath(r) for r in roots}
    libraries = {paths["purelib"], paths["platlib"]}
    site = {os.path.join(lib, name) for lib in libraries for name in _KNOWN}
    # In some layouts libraries lie below the standard library; what is there and not known is not excluded.
    inside = {r for r in roots if any(lib.startswith(r + os.sep) for lib in libraries)}
    if inside:
        roots = {os.path.join(r, name) for r in roots for name in _entries(r) if name != "site-packages"}
    return tuple(sorted({*roots, *site}))


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


class Watch:
    """Notes the files that this process reads from now on; there is no way to stop it, so it is for workers."""

    def __init__(self) -> None:
        self._read: dict[str, Stamp | None] = {}
        self._own: set[str] = set()  # written anew by this process: what it reads there it has made
        self._modules = set(sys.modules)
        sys.addaudithook(self._heard)

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if event != "open" or not isinstance(args[0], (str, bytes, os.PathLike)):
            return
        path = os.fsdecode(args[0])
        if path.endswith(".pyc"):
            try:
                path = importlib.util.source_from_cache(path)
            except (NotImplementedError, ValueError):
                return
        path = os.path.abspath(path)
        if _writes_anew(args[1], args[2]):
            self._own.add(path)
        elif path not in self._read and path not in self._own:
            self._read[path] = stamp_of(path)

    def files(self) -> dict[str, Stamp | None]:
        """Files that were opened for reading, or looked for, and those of modules imported; see `depends`."""
        new = [sys.modules.get(name) for name in set(sys.modules) - self._modules]
        modules = [os.path.abspath(f) for m in new if isinstance(f := getattr(m, "__file__", None), str)]
        return {**{path: stamp_of(path) for path in modules}, **self._read}


def _writes_anew(mode: Any, flags: Any) -> bool:
    """Whether nothing that was in a file before can be read by who opens it so."""
    if isinstance(mode, str):
        return any(c in mode for c in "wx")
    return isinstance(flags, int) and bool(flags & (os.O_TRUNC | os.O_EXCL))


def key(what: str, source: Mapping[str, Any], rest: Mapping[str, Any]) -> str:
    """The name under which a result is stored; what else it depends on is stored with it.

    A module of a catalogue goes by its name, any other file by its path.
    """
    module, path = source["module"], source["path"]
    return of([what, toolkit(), module or path, of_file(path), rest])
