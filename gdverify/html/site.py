"""The site as a whole: which file holds what, and how a folder is replaced by it."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from ..errors import UsageError
from . import plots
from .claim_page import claim_page
from .findings import findings_page
from .index import by_topic, index_page
from .papers import papers_page

SCHEMA = "gdverify.site/1"
MANIFEST = "site.json"  # the files that gdverify wrote: nothing else in the folder is ever removed
_ID = re.compile(r"[a-z0-9-]{1,100}\.[A-Za-z0-9-]{1,100}")


def write_site(report: Mapping[str, Any], folder: str | Path) -> Path:
    """Write a report (``gdverify.report/1``) as pages, starting at ``index.html``.

    The pages are written to a temporary folder beside ``folder``, which then takes its place.

    Raises
    ------
    UsageError
        the report is malformed; the folder cannot be written, or holds files that gdverify did not write
    """
    target = check_folder(folder)
    files = site(report)
    manifest = {"schema": SCHEMA, "files": sorted([*files, MANIFEST])}
    files[MANIFEST] = json.dumps(manifest, indent=0) + "\n"
    try:
        _replace(target, files)
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror or error}") from error
    return target


def site(report: Mapping[str, Any]) -> dict[str, str]:
    """The text of every page by its path in the site, equal for equal reports.

    Raises
    ------
    UsageError
        the report is malformed
    """
    if not isinstance(report, Mapping) or report.get("schema") != "gdverify.report/1":
        raise UsageError("this is no report of gdverify check --json")
    try:
        return _pages(report)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"malformed report: {type(error).__name__}: {error}") from error


def _pages(report: Mapping[str, Any]) -> dict[str, str]:
    claims = report["claims"]
    files = _files([str(claim["id"]) for claim in claims])
    pages = {str(claim["id"]): files[k] for k, claim in enumerate(claims)}
    out = {
        "index.html": index_page(report, files),
        "findings.html": findings_page(claims, files, pages),
        "papers.html": papers_page(claims, files),
        "static/site.css": _static("site.css") + plots.STYLE,
        "static/site.js": _static("site.js"),
    }
    order = [k for members in by_topic(claims).values() for k in members]
    beside = lambda i: (files[order[i]].removeprefix("claims/"), claims[order[i]]) if 0 <= i < len(order) else None
    for place, k in enumerate(order):
        out[files[k]] = claim_page(claims[k], report.get("run") or {}, pages, beside(place - 1), beside(place + 1))
    return out


def _files(ids: list[str]) -> dict[int, str]:
    """A file for each claim, also where ids are equal, or differ in case alone."""
    files: dict[int, str] = {}
    taken: set[str] = set()
    for k, identity in enumerate(ids):
        if not _ID.fullmatch(identity):
            raise UsageError(f"malformed report: claim id {identity[:80]!r}")
        name, count = identity, 1
        while name.lower() in taken:
            count += 1
            name = f"{identity}.{count}"
        taken.add(name.lower())
        files[k] = f"claims/{name}.html"
    return files


def _static(name: str) -> str:
    return resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")


def check_folder(folder: str | Path) -> Path:
    """Refuse a folder that holds anything but an earlier site, before hours of computing and not after.

    Raises
    ------
    UsageError
        it is a file, its parent does not exist, or it holds what gdverify did not write
    """
    try:
        path = Path(folder).expanduser().resolve()
    except (OSError, RuntimeError) as error:  # a user that there is not, a circle of links
        raise UsageError(f"cannot write {folder}: {error}") from error
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {folder}: there is no folder {path.parent}")
    if not path.exists():
        return path
    if not path.is_dir():
        raise UsageError(f"cannot write {folder}: it is a file, not a folder")
    try:
        strange = next(_strange(path), None)
    except OSError as error:
        raise UsageError(f"cannot read {folder}: {error.strerror or error}") from error
    if strange is not None:
        raise UsageError(f"{folder} holds {strange}, which gdverify did not write: name another folder")
    return path


def _strange(path: Path) -> Iterator[str]:
    """What is in a folder and not ours, one by one: the folder may be the root of a disk."""
    ours = _ours(path)

    def refuse(error: OSError) -> None:
        raise error

    for where, folders, files in os.walk(path, onerror=refuse):
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(where, name))]
        for name in sorted([*files, *links]):
            found = Path(where, name).relative_to(path).as_posix()
            if found not in ours:
                yield found


def _ours(path: Path) -> set[str]:
    try:
        data = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        return {str(f) for f in data["files"]} if data["schema"] == SCHEMA else set()
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _replace(target: Path, files: Mapping[str, str]) -> None:
    new = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        for name, text in files.items():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        umask = os.umask(0)
        os.umask(umask)
        new.chmod(0o777 & ~umask)  # mkdtemp makes folders private; a report is an ordinary one
        if target.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
            os.rename(target, old / "old")
            try:
                os.rename(new, target)
            except BaseException:
                os.rename(old / "old", target)
                raise
            finally:
                shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(new, target)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
