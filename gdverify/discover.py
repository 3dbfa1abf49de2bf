"""Finding claims: in the catalogue, and in files named on the command line.

Listing reads modules with `ast` and runs none of them, so that it is fast whatever the theorems import; a module
whose claims cannot be read so (computed ids, loops) is imported, alone.  Checking imports the modules concerned.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import fnmatch
import hashlib
import importlib.util
import json
import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from stat import S_ISREG
from types import ModuleType
from typing import Any

from .claim import Claim
from .decision import KINDS
from .errors import UsageError, one_line
from .printable import cleaned
from .store import home, write_atomically

ENTRY_POINTS = "gdverify.theorems"
_CACHE_FORMAT = 1
_LISTING = 60.0  # seconds that a module may take to import where only running it tells what it holds


@dataclass(frozen=True)
class Source:
    """A file that holds claims.  Plain data: a worker process finds the module again from it.

    Parameters
    ----------
    path : absolute path of the file
    module : import name where the file belongs to an installed catalogue, else None
    topic : the folder under the catalogue's root
    """

    path: str
    module: str | None
    topic: str


@dataclass(frozen=True)
class Entry:
    """A claim as `gdverify list` knows it, without having run its module; ``problem``: why it cannot be read."""

    id: str
    title: str
    topic: str
    decides: str
    source: Source
    problem: str = ""

    @property
    def paper(self) -> str:
        return self.id.split(".")[0]

    def plain(self) -> dict[str, str]:
        return {
            "id": self.id,
            "title": self.title,
            "topic": self.topic,
            "paper": self.paper,
            "decides": self.decides,
        }


@dataclass(frozen=True)
class Located:
    """A claim and the file it came from (None for a claim made in this process)."""

    claim: Claim
    source: Source | None

    @property
    def topic(self) -> str:
        return self.source.topic if self.source else ""


# -- sources ----------------------------------------------------------------------------------------------------


def catalogue_sources() -> list[Source]:
    """Files of every package or module named by the entry-point group ``gdverify.theorems``; none is imported.

    Raises
    ------
    UsageError
        an entry point names a package that cannot be found
    """
    from importlib.metadata import entry_points

    sources: dict[str, Source] = {}
    for name in sorted({point.value.split(":")[0] for point in entry_points(group=ENTRY_POINTS)}):
        spec = _find_spec(name)
        if spec is None:
            raise UsageError(f"the catalogue {name!r} is registered but cannot be found; is it still installed?")
        if spec.submodule_search_locations is None:
            if spec.origin:
                sources.setdefault(spec.origin, Source(spec.origin, name, name.split(".")[-1]))
            continue
        for root in map(Path, spec.submodule_search_locations):
            for path in _python_files(root):
                parts = path.relative_to(root).with_suffix("").parts
                topic = parts[0] if len(parts) > 1 else ""
                sources.setdefault(str(path), Source(str(path), ".".join((name, *parts)), topic))
    return list(sources.values())


def path_sources(text: str) -> list[Source]:
    """Files meant by a path argument: a ``.py`` file, or every one below a folder.

    Raises
    ------
    UsageError
        no such path, not a Python file, or a folder without any
    """
    path = Path(text)
    try:
        path.stat()
    except (OSError, ValueError):  # also a name that is too long, or a zero byte
        raise UsageError(f"{text[:200]}: no such file or folder") from None
    if path.is_dir():
        files = _python_files(path.resolve())
        if not files:
            raise UsageError(f"{text}: no Python files in this folder")
    elif path.is_file():
        if path.suffix != ".py":
            raise UsageError(f"{text}: not a Python file")
        files = [path.resolve()]
    else:
        raise UsageError(f"{text}: no such file or folder")
    return [_source_of(file) for file in files]


def _source_of(file: Path) -> Source:
    """The source of a file; a file of a package that is importable under its own name is imported by that name."""
    parts = [file.stem]
    folder = file.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    # A catalogue's sub-folders need no __init__.py, so folders above the outermost one are tried too.
    for above in range(3):
        names = [*Path(file).parts[-len(parts) - above : -len(parts)], *parts]
        if len(names) > 1 and all(n.isidentifier() for n in names):
            spec = _find_spec(".".join(names), shallow=True)
            if spec is not None and spec.origin and Path(spec.origin).resolve() == file:
                return Source(str(file), ".".join(names), names[1] if len(names) > 2 else "")
    return Source(str(file), None, file.parent.name)


def _find_spec(name: str, shallow: bool = False) -> ModuleSpec | None:
    """Spec of a module; ``shallow`` never imports a parent that is not a plain package found on the path."""
    try:
        if shallow and "." in name:
            root = importlib.util.find_spec(name.split(".")[0])
            if root is None or not root.submodule_search_locations:
                return None
            relative = Path(*name.split(".")[1:]).with_suffix(".py")
            for location in root.submodule_search_locations:
                file = Path(location) / relative
                if file.is_file():
                    return importlib.util.spec_from_file_location(name, file)
            return None
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


def _python_files(root: Path) -> list[Path]:
    """Modules below a folder, sorted; those whose name begins with ``_`` or ``.`` hold helpers, not claims."""
    found: list[Path] = []
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n[0] not in "._" and n.isidentifier())
        found += [Path(folder) / f for f in sorted(files) if f.endswith(".py") and f[0] not in "._"]
    return sorted(found)


def here(source: Source) -> Source:
    """The same module on this machine, where its catalogue may be installed elsewhere."""
    if source.module is None or os.path.isfile(source.path):
        return source
    spec = _find_spec(source.module)
    return Source(spec.origin, source.module, source.topic) if spec and spec.origin else source


# -- reading without running --------------------------------------------------------------------------------------


def read_statically(text: bytes) -> list[tuple[str, str, str]] | None:
    """``(id, title, decision kind)`` of the claims in a module's source; None if only running it can tell.

    Raises
    ------
    SyntaxError, ValueError
        the source is no Python
    """
    if b"Claim" not in text:
        # What claims share, most likely; attaching evidence would betray claims that a helper elsewhere makes.
        attaches = any(word in text for word in (b".derivation", b".experiment", b".worst_case"))
        return None if attaches else []
    tree = ast.parse(text)
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    aliases = {
        alias.asname: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname not in (None, alias.name)
    }
    if "Claim" in aliases.values():
        return None
    found: list[tuple[str, str, str]] = []
    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.Lambda, ast.If, ast.Try)
    comprehensions = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    inside = {
        id(n) for scope in ast.walk(tree) if isinstance(scope, (*scopes, *comprehensions)) for n in ast.walk(scope)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _called(node)
        if name in ("replace", "mutated") and any(k.arg in ("id", None) for k in node.keywords):
            return None
        if name != "Claim":
            continue
        fields = {k.arg: k.value for k in node.keywords}
        claim_id, title, decides = fields.get("id"), fields.get("title"), fields.get("decides")
        if isinstance(decides, ast.Name):
            decides = constants.get(decides.id)
        called = _called(decides) if isinstance(decides, ast.Call) else ""
        kind = KINDS.get(aliases.get(called, called))
        if id(node) in inside or kind is None or not (_is_text(claim_id) and _is_text(title)):
            return None
        found.append((claim_id.value, title.value, kind.kind))  # type: ignore[union-attr]
    return found


def _called(node: ast.Call) -> str:
    function = node.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _is_text(node: Any) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _read_file(path: str) -> list[tuple[str, str, str]] | None:
    """`read_statically` of a file; a pipe or a device, which might never end, is none."""
    if not S_ISREG(os.stat(path).st_mode):
        raise UsageError(f"{path}: cannot be read: not a regular file")
    return read_statically(Path(path).read_bytes())


@contextlib.contextmanager
def _readable(path: str) -> Iterator[None]:
    """What can be wrong with a file, as one line."""
    try:
        yield
    except (SyntaxError, ValueError) as error:
        raise _broken(path, error) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    except (RecursionError, MemoryError) as error:  # nested deeper than the parser can go
        raise UsageError(f"{path}: cannot be read: nested too deep") from error


class Index:
    """What modules hold, remembered between runs by path, time and size of the file; a lost cache costs time only."""

    def __init__(self) -> None:
        self._file = home() / "claims.json"
        self._known: dict[str, Any] = {}
        self._changed = False
        try:
            data = json.loads(self._file.read_text(encoding="utf-8"))
            if data["format"] == _CACHE_FORMAT:
                self._known = {path: row for path, row in data["files"].items() if _good_row(row)}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass

    def entries(self, source: Source) -> list[Entry]:
        """Claims of a file, from the cache, from its syntax tree, or by importing it."""
        with _readable(source.path):
            there = os.stat(source.path)
            stamp = [there.st_mtime_ns, there.st_size]
            known = self._known.get(source.path, [])
            fresh = known[:2] != stamp
            rows = _read_file(source.path) if fresh else known[2]
        if rows is None:
            return listed_apart(source)
        if fresh:
            self._known[source.path] = [*stamp, rows]
            self._changed = True
        return [Entry(r[0], r[1], source.topic, r[2], source) for r in cleaned(rows)]

    def save(self) -> None:
        if not self._changed:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, json.dumps({"format": _CACHE_FORMAT, "files": self._known}))
        except OSError:
            pass


def _good_row(row: Any) -> bool:
    """Whether a remembered file's entry is time, size, and claims as three texts each."""
    if not (isinstance(row, list) and len(row) == 3 and isinstance(row[2], list)):
        return False
    return all(isinstance(r, list) and len(r) == 3 and all(isinstance(x, str) for x in r) for r in row[2])


def listed_apart(source: Source) -> list[Entry]:
    """Claims of a module that only running it can tell, run in a process of its own.

    Raises
    ------
    UsageError
        it cannot be loaded
    """
    from .pool import Limits, Request, run_requests
    from .worker import work

    found: list[Any] = []
    why: list[str] = []

    def answered(_: Any, answer: Any) -> None:
        rows = answer.get("result") if isinstance(answer, dict) else None
        found.extend(rows if isinstance(rows, list) else [None])

    run_requests(
        [Request({"source": source, "tasks": [{"list": True}]}, [0])], work, jobs=1, limits=Limits(_LISTING),
        answered=answered, failed=lambda _, text: why.append(text),
    )  # fmt: skip
    if why:
        raise UsageError(why[0] if source.path in why[0] else f"{source.path}: {why[0]}")
    if not all(isinstance(row, list) and len(row) == 3 and all(isinstance(x, str) for x in row) for row in found):
        raise UsageError(f"{source.path}: the worker process sent nonsense")
    return [Entry(i, title, source.topic, kind, source) for i, title, kind in cleaned(found)]


def catalogue(sources: Sequence[Source] | None = None) -> list[Entry]:
    """Every claim of the catalogue (or of ``sources``), by topic and id; a module that cannot be read has one entry.

    Raises
    ------
    UsageError
        two claims share an id
    """
    index = Index()
    entries: list[Entry] = []
    for source in catalogue_sources() if sources is None else sources:
        entries += _entries_or_problem(index, source)
    index.save()
    seen: dict[str, Entry] = {}
    entries = _told_apart(entries)
    for entry in entries:
        if entry.id in seen:
            raise UsageError(f"two claims have the id {entry.id}: {seen[entry.id].source.path}, {entry.source.path}")
        seen[entry.id] = entry
    return sorted(entries, key=lambda e: (e.topic, e.source.path))


# -- loading -------------------------------------------------------------------------------------------------------

_loaded: dict[str, list[Claim]] = {}


def load(source: Source) -> list[Claim]:
    """Import a module (once per process) and collect the claims in its globals, in order of definition.

    Raises
    ------
    UsageError
        the import raises (type, message, file and line are given), or two claims in it share an id
    """
    if source.path not in _loaded:
        module = _import(source)
        claims: dict[str, Claim] = {}
        for value in list(vars(module).values()):
            for claim in _claims_in(value):
                if claims.setdefault(claim.id, claim) is not claim:
                    raise UsageError(f"{source.path}: two claims have the id {claim.id}")
        _loaded[source.path] = list(claims.values())
    return _loaded[source.path]


def load_claim(source: Source, claim_id: str) -> Claim:
    """One claim of a module."""
    for claim in load(source):
        if claim.id == claim_id:
            return claim
    raise UsageError(f"{source.path} defines no claim {claim_id} when it is run")


def _claims_in(value: Any) -> Iterable[Claim]:
    if isinstance(value, Claim):
        yield value
    elif isinstance(value, (list, tuple)):
        yield from (v for v in value if isinstance(v, Claim))
    elif isinstance(value, dict):
        yield from (v for v in value.values() if isinstance(v, Claim))


def _import(source: Source) -> ModuleType:
    try:
        if source.module is not None:
            return importlib.import_module(source.module)
        name = "gdverify_claims_" + hashlib.sha256(source.path.encode()).hexdigest()[:16]
        if name in sys.modules:
            return sys.modules[name]
        spec = importlib.util.spec_from_file_location(name, source.path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        # Helper modules beside the file can be imported, last on the path and only meanwhile: a folder of the user's
        # that is called like an installed package must not take that package's place.
        folder = os.path.dirname(source.path)
        sys.path.append(folder)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        finally:
            with contextlib.suppress(ValueError):  # the module may have changed the path itself
                sys.path.remove(folder)
        return module
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _broken(source.path, error) from error


def _broken(path: str, error: BaseException) -> UsageError:
    line: int | None = None
    if isinstance(error, SyntaxError):
        line, path = error.lineno, error.filename if error.filename not in (None, "<unknown>") else path
        message = f"SyntaxError: {error.msg}"
    else:
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename == path:
                line = frame.lineno
        kind = "" if isinstance(error, UsageError) else f"{type(error).__name__}: "
        message = kind + (one_line(error, 2000) or "no message")
    return UsageError(f"{path}{f':{line}' if line else ''}: {message}")


# -- selecting -----------------------------------------------------------------------------------------------------


def looks_like_path(text: str) -> bool:
    """Whether a command-line argument is a path rather than a claim id or glob."""
    head = text.split("::")[0]
    return "/" in head or os.sep in head or head.endswith(".py") or head in (".", "..")


def select(patterns: Sequence[str], everything: bool = False) -> list[Located]:
    """Claims named by ids, globs, paper slugs, files, folders or ``file.py::id``; modules not concerned stay unread.

    Raises
    ------
    UsageError
        nothing matches a pattern (near misses are suggested), a module is broken, a file holds no claim, two claims
        share an id, a claim has no evidence
    """
    chosen: list[Located] = []
    if everything:
        for source in catalogue_sources():
            chosen += [Located(c, source) for c in load(source)]
    entries: list[Entry] | None = None
    for pattern in patterns:
        if looks_like_path(pattern):
            chosen += _from_path(pattern)
            continue
        if entries is None:
            entries = catalogue()
        matched = _match(pattern, [e.id for e in entries])
        if not matched and pattern and _is_dir(pattern):
            chosen += _from_path(pattern)
            continue
        if not matched:
            raise UsageError(_no_claim(pattern, [e.id for e in entries]))
        chosen += [Located(load_claim(e.source, e.id), e.source) for e in entries if e.id in matched]
    return _distinct(chosen)


def _entries_or_problem(index: Index, source: Source) -> list[Entry]:
    try:
        return index.entries(source)
    except UsageError as error:
        name = re.sub("[^a-z0-9]+", "-", Path(source.path).stem.lower()).strip("-") or "module"
        return [Entry(f"{name}.unreadable", source.path, source.topic, "", source, str(error))]


def _told_apart(entries: Sequence[Entry]) -> list[Entry]:
    """The same entries; modules that cannot be read and are called alike get names that tell them apart."""
    paths: dict[str, set[str]] = {}
    for entry in entries:
        paths.setdefault(entry.id, set()).add(entry.source.path)
    return [
        replace(entry, id=f"{entry.id}-{hashlib.sha256(os.fsencode(entry.source.path)).hexdigest()[:8]}")
        if entry.problem and len(paths[entry.id]) > 1
        else entry
        for entry in entries
    ]


def _is_dir(text: str) -> bool:
    try:
        return Path(text).is_dir()
    except (OSError, ValueError):
        return False


def find(patterns: Sequence[str], everything: bool = False) -> list[Entry]:
    """What `select` finds, as entries: no module is run in this process.

    Raises
    ------
    UsageError
        as `select`, but for what only running a module shows
    """
    chosen: list[Entry] = []
    entries: list[Entry] | None = None
    if everything:
        entries = catalogue()
        chosen += entries
    for pattern in patterns:
        if looks_like_path(pattern):
            chosen += _entries_of_path(pattern)
            continue
        if entries is None:
            entries = catalogue()
        matched = _match(pattern, [e.id for e in entries])
        if matched:
            chosen += [e for e in entries if e.id in matched]
        elif pattern and _is_dir(pattern):
            chosen += _entries_of_path(pattern)
        else:
            raise UsageError(_no_claim(pattern, [e.id for e in entries]))
    out: dict[str, Entry] = {}
    for entry in _told_apart(chosen):
        first = out.setdefault(entry.id, entry)
        if first.source.path != entry.source.path:
            raise UsageError(f"two claims have the id {entry.id}: {first.source.path} and {entry.source.path}")
    return list(out.values())


def _entries_of_path(pattern: str) -> list[Entry]:
    path, _, wanted = pattern.partition("::")
    index = Index()
    found: list[Entry] = []
    sources = path_sources(path)
    for source in sources:
        if len(sources) == 1:  # one that seems to hold no claims may import them from elsewhere
            rows = index.entries(source) or listed_apart(source)
        else:
            rows = _entries_or_problem(index, source)
        for row in rows:
            if row.id in {e.id for e in found if e.source == source}:
                raise UsageError(f"{source.path}: two claims have the id {row.id}")
            found.append(row)
    index.save()
    if not found:
        raise UsageError(f"{path}: no claims (a claim is a module-level gdverify.Claim)")
    if not wanted:
        return found
    matched = _match(wanted, [e.id for e in found])
    if not matched:
        raise UsageError(f"{path}: {_no_claim(wanted, [e.id for e in found])}")
    return [e for e in found if e.id in matched]


def _from_path(pattern: str) -> list[Located]:
    path, _, wanted = pattern.partition("::")
    sources = path_sources(path)
    found = [Located(c, s) for s in sources if len(sources) == 1 or _mentions_claims(s) for c in load(s)]
    if not found:
        raise UsageError(f"{path}: no claims (a claim is a module-level gdverify.Claim)")
    if not wanted:
        return found
    ids = [c.claim.id for c in found]
    matched = _match(wanted, ids)
    if not matched:
        raise UsageError(f"{path}: {_no_claim(wanted, ids)}")
    return [c for c in found if c.claim.id in matched]


def _mentions_claims(source: Source) -> bool:
    """Whether a file found by walking a folder is a theorem module at all; others are not run."""
    with _readable(source.path):
        return _read_file(source.path) != []


def _match(pattern: str, ids: Sequence[str]) -> set[str]:
    if pattern in ids:
        return {pattern}
    by_paper = {i for i in ids if i.split(".")[0] == pattern}
    return by_paper or {i for i in ids if fnmatch.fnmatchcase(i, pattern)}


def choose(patterns: Sequence[str], ids: Sequence[str]) -> set[str]:
    """Those of some ids that are named by ids, globs or papers' slugs.

    Raises
    ------
    UsageError
        nothing matches a pattern
    """
    chosen: set[str] = set()
    for pattern in patterns:
        matched = _match(pattern, ids)
        if not matched:
            raise UsageError(_no_claim(pattern, ids))
        chosen |= matched
    return chosen


def _no_claim(pattern: str, ids: Sequence[str]) -> str:
    pattern = pattern[:200]
    names = [*ids, *sorted({i.split(".")[0] for i in ids})]
    near = difflib.get_close_matches(pattern, names, n=3, cutoff=0.5)
    if not near:
        near = [i for i in ids if pattern and i.split(".")[-1] == pattern.split(".")[-1]][:3]
    hint = f"; did you mean {' or '.join(near)}?" if near else "; `gdverify list` shows all"
    return f"no claim matches {pattern!r}{hint}"


def _distinct(located: Sequence[Located]) -> list[Located]:
    out: dict[str, Located] = {}
    for one in located:
        first = out.setdefault(one.claim.id, one)
        if first.claim is not one.claim:
            places = " and ".join(sorted({str(x.source.path) for x in (first, one) if x.source}))
            raise UsageError(f"two claims have the id {one.claim.id}: {places}")
    for one in out.values():
        if not one.claim.evidence:
            raise UsageError(f"{one.claim.id} has no evidence: attach a derivation, an experiment or a worst case")
    return list(out.values())
