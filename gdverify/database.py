"""The embedded store: results by content, runs, and the history of verdicts, in one SQLite file.

Everything in it can be computed again: a store that is damaged is set aside, one that cannot be written (a full disk, a
folder that is not ours) is done without, with one line on standard error.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .store import home

_FORMAT = 1
_TABLES = """
create table if not exists results (
    key text primary key, depends blob not null, answer blob not null, run text not null, used real not null);
create index if not exists results_used on results (used);
create table if not exists runs (
    id text primary key, started text not null, finished text, process integer, command text not null,
    settings text not null, versions text not null);
create table if not exists verdicts (
    run text not null, claim text not null, verdict text not null, qualifier text, figures text not null,
    primary key (run, claim));
create index if not exists verdicts_claim on verdicts (claim);
"""
_DAMAGED = (
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    RecursionError,
    zlib.error,
)  # a damaged row is one that we do not have
_ANSWER = 256 * 2**20  # bytes of one answer
LARGEST = 2**30  # bytes of stored results above which the longest unused are dropped


class Database:
    """A connection to the store; every method does nothing, or finds nothing, where there is none."""

    def __init__(self, path: Path | None = None):
        self.path = path or home() / "store.sqlite"
        self._connection: sqlite3.Connection | None = None
        with self._tolerant("opened"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._connection = self._open()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                self._set_aside()
                self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=10.0, isolation_level=None)
        try:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            (version,) = connection.execute("pragma user_version").fetchone()
            if version > _FORMAT:  # its history is not ours to put away
                raise sqlite3.OperationalError("a newer gdverify made it")
            if version not in (0, _FORMAT):
                raise sqlite3.DatabaseError("another format")
            connection.executescript(_TABLES)
            connection.execute(f"pragma user_version = {_FORMAT}")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def _tolerant(self, doing: str) -> Any:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self.close()
            if (
                type(error) is sqlite3.DatabaseError
            ):  # damaged where opening it did not look: the next run has a new one
                with contextlib.suppress(OSError):
                    self._set_aside()
            text = getattr(error, "strerror", None) or error
            print(f"gdverify: {self.path} cannot be {doing} ({text}); going on without it", file=sys.stderr)

    def _set_aside(self) -> None:
        os.replace(self.path, self.path.with_suffix(".damaged"))
        for ending in ("-wal", "-shm"):  # they would be read as the next file's
            Path(f"{self.path}{ending}").unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    # -- results ---------------------------------------------------------------------------------------------

    def results(self, keys: Sequence[str], run: str | None = None) -> dict[str, tuple[Any, Any]]:
        """Stored ``(depends, answer)`` by key; of one run only, if it is given."""
        out: dict[str, tuple[Any, Any]] = {}
        if self._connection is None:
            return out
        with self._tolerant("read"):
            for first in range(0, len(keys), 500):
                part = list(keys[first : first + 500])
                marks = ",".join("?" * len(part))
                rows = self._connection.execute(
                    f"select key, depends, answer, run from results where key in ({marks})", part
                ).fetchall()
                for name, depends, answer, by in rows:
                    if run in (None, by):
                        with contextlib.suppress(*_DAMAGED):  # a damaged row is a result we do not have
                            out[name] = _parsed(depends), _parsed(_inflated(answer))
                self._connection.execute(f"update results set used = ? where key in ({marks})", [time.time(), *part])
        return out

    def keep(self, key: str, depends: Any, answer: Any, run: str) -> None:
        """Store a result; it is safe from a kill as soon as this returns."""
        if self._connection is None:
            return
        row = (key, json.dumps(depends), zlib.compress(json.dumps(answer).encode(), 3), run, time.time())
        with self._tolerant("written"):
            self._connection.execute("insert or replace into results values (?, ?, ?, ?, ?)", row)

    def prune(self, most: int = LARGEST) -> None:
        """Drop the longest unused results while all together are larger than ``most`` bytes."""
        if self._connection is None:
            return
        with self._tolerant("written"):
            total = self._connection.execute("select coalesce(sum(length(answer)), 0) from results").fetchone()[0]
            if total <= most:
                return
            oldest = []
            for name, size in self._connection.execute("select key, length(answer) from results order by used"):
                oldest.append((name,))
                total -= size
                if total <= most:
                    break
            self._connection.execute("begin")
            self._connection.executemany("delete from results where key = ?", oldest)
            self._connection.execute("commit")

    # -- runs and verdicts -----------------------------------------------------------------------------------

    def begin(self, run: str, started: str, command: Any, settings: Mapping[str, Any], versions: Any) -> None:
        """Note a run that starts now."""
        self._write(
            "insert or replace into runs values (?, ?, null, ?, ?, ?, ?)",
            (run, started, _mark(os.getpid()), json.dumps(command), json.dumps(settings), json.dumps(versions)),
        )

    def finish(self, run: str, finished: str) -> None:
        """Note that a run has come to its end."""
        self._write("update runs set finished = ?, process = null where id = ?", (finished, run))

    def judged(self, run: str, claim: str, verdict: str, qualifier: str | None, figures: Any) -> None:
        """Note a claim's verdict."""
        self._write(
            "insert or replace into verdicts values (?, ?, ?, ?, ?)",
            (run, claim, verdict, qualifier, json.dumps(figures)),
        )

    def interrupted(self) -> list[dict[str, Any]]:
        """Runs that neither finished nor are still under way, the latest first."""
        out = []
        for row in self._rows("select id, process, command, settings from runs where finished is null "
                              "order by rowid desc limit 100"):  # fmt: skip
            with contextlib.suppress(*_DAMAGED):
                command = _parsed(row[2])
                if not _alive(row[1]) and command and all(isinstance(word, str) for word in command):
                    out.append({"id": row[0], "command": command, "settings": _parsed(row[3])})
        return out

    def history(self, claim: str, most: int = 50) -> list[dict[str, Any]]:
        """Verdicts on a claim, the latest first."""
        rows = self._rows(
            "select runs.id, runs.started, runs.settings, runs.versions, verdict, qualifier, figures from verdicts "
            "join runs on runs.id = verdicts.run where claim = ? order by runs.started desc, runs.rowid desc limit ?",
            (claim.encode(errors="replace").decode(), most),  # an argument may hold half a surrogate pair
        )
        out = []
        for r in rows:
            with contextlib.suppress(*_DAMAGED):
                entry = {"run": r[0], "started": r[1], "settings": _parsed(r[2]), "versions": _parsed(r[3])}
                out.append({**entry, "verdict": r[4], "qualifier": r[5], "figures": _parsed(r[6])})
        return out

    def claims(self) -> list[str]:
        """Claims that have a history."""
        return [row[0] for row in self._rows("select distinct claim from verdicts order by claim")]

    def _write(self, statement: str, values: Sequence[Any]) -> None:
        if self._connection is not None:
            with self._tolerant("written"):
                self._connection.execute(statement, values)

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        if self._connection is not None:
            with self._tolerant("read"):
                return self._connection.execute(statement, values).fetchall()
        return []


def _parsed(text: Any) -> Any:
    return json.loads(text)


def _inflated(answer: bytes) -> bytes:
    """At most as much as an answer may have."""
    inflater = zlib.decompressobj()
    text = inflater.decompress(answer, _ANSWER)
    if inflater.unconsumed_tail or not inflater.eof:
        raise ValueError("not a whole answer")
    return text


def _mark(process: int) -> int | str | None:
    """What tells a process from a later one of the same number, where the system says; None where there is none."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii", errors="replace") as file:
            return f"{process} since {file.read().rpartition(')')[2].split()[19]}"
    except FileNotFoundError:
        return None if os.path.isdir("/proc/self") else process
    except (OSError, IndexError):
        return process


def _alive(mark: int | str | None) -> bool:
    """Whether the process of a `_mark` is still there, and is not this one."""
    process = int(str(mark or 0).split()[0])
    if not process or process == os.getpid():
        return False
    if isinstance(mark, str):
        return _mark(process) == mark
    if sys.platform == "win32":
        return False  # there, signal 0 would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
