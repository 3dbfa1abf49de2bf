"""What a result depends on, as digests: the toolkit, the libraries, the claim's own files.

A worker notes which files its claim brought in (modules imported, files opened); a result is good for as long as
every one of them has the content that it had.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
# Their versions stand for their files.
_KNOWN = ("numpy", "scipy", "sympy", "mpmath", "array_api_compat", "flint", "clarabel", "z3", "cupy", "cupyx")
_known_files: dict[str, tuple[tuple[int, int, int], str]] = {}


def of(value: Any) -> str:
    """Digest of JSON-ready data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def of_file(path: str) -> str | None:
    """Digest of a file's content, None if there is none; read once for each state of the file."""
    try:
        found = os.stat(path)
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        known = _known_files.get(path)
        if known is None or known[0] != stamp:
            known = _known_files[path] = stamp, hashlib.sha256(Path(path).read_bytes()).hexdigest()
        return known[1]
    except OSError:
        return None


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


def depends(paths: Iterable[str], beside: str) -> list[list[str]]:
    """``[path, digest]`` of the files among ``paths`` that neither `toolkit` nor the language stands for.

    Paths are relative to the folder of the file ``beside``, so that a checkout may be somewhere else.
    """
    ours = (str(_HERE), *_standard(), "/proc", "/sys", "/dev")
    folder = os.path.dirname(beside)
    out = {}
    for path in sorted(set(paths)):
        full = os.path.abspath(path)
        if any(full == root or full.startswith(root + os.sep) for root in ours) or not os.path.isfile(full):
            continue
        found = of_file(full)
        if found is not None:
            out[os.path.relpath(full, folder)] = found
    return [[path, found] for path, found in out.items()]


def unchanged(found: Sequence[Sequence[str]], beside: str) -> bool:
    """Whether every file of `depends` still has its content."""
    folder = os.path.dirname(beside)
    return all(of_file(os.path.normpath(os.path.join(folder, path))) == digest for path, digest in found)


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
        self._opened: set[str] = set()
        self._modules = set(sys.modules)
        sys.addaudithook(self._heard)

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(args[0], (str, os.PathLike)):
            path, mode = os.fspath(args[0]), args[1]
            writes = isinstance(mode, str) and any(c in mode for c in "wxa")
            if isinstance(path, str) and not writes and not path.endswith(".pyc"):
                self._opened.add(os.path.abspath(path))

    def files(self) -> list[str]:
        """Files of modules imported, and files opened for reading, since it was made."""
        new = [sys.modules.get(name) for name in set(sys.modules) - self._modules]
        modules = [file for m in new if isinstance(file := getattr(m, "__file__", None), str)]
        return [*self._opened, *modules]


def key(what: str, source: Mapping[str, Any], rest: Mapping[str, Any]) -> str:
    """The name under which a result is stored; what else it depends on is stored with it.

    A module of a catalogue goes by its name, any other file by its path.
    """
    module, path = source["module"], source["path"]
    return of([what, toolkit(), module or path, of_file(path), rest])
