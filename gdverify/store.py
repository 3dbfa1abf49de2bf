"""Where state lives, and how files are written."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from .errors import UsageError


def home() -> Path:
    """``GDVERIFY_HOME``, or the user's cache directory, whatever the working folder; not created here.

    Raises
    ------
    UsageError
        nothing says where that is
    """
    try:
        return _home().absolute()
    except RuntimeError:  # a user without an entry in the system's list, as in some containers
        raise UsageError("no home directory: set GDVERIFY_HOME to a folder that may be written") from None


def _home() -> Path:
    given = os.environ.get("GDVERIFY_HOME")
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gdverify"


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` through a temporary file beside it, so that no reader sees half a file.

    Raises
    ------
    OSError
        the file cannot be written (no such folder, no permission, disk full); nothing is left behind
    """
    if path.exists() and not path.is_file():  # a device or a pipe cannot be replaced by renaming
        path.write_text(text, encoding="utf-8")
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp makes files private; a report is an ordinary file
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def clear_old(folder: Path, days: float) -> None:
    """Remove files of a folder that nobody has written for so long; what cannot be removed stays."""
    with contextlib.suppress(OSError):
        for file in folder.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - file.stat().st_mtime > days * 86400:
                    file.unlink()
