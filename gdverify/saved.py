"""Reading a saved report.  It may come from anywhere: size, shape and every field that is used are checked by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import UsageError, one_line
from .report import REPORT_SCHEMA
from .result import VERDICTS

LIMIT = 128 * 2**20  # bytes; the report of the whole catalogue with its audit has about 16 MiB
_PARTS = 5 * 10**6  # entries of lists and objects, which take many times their bytes; that report has 500,000
_LONGEST = 100_000  # characters of one text; that report's longest has 12,000
_DEEPEST = 40  # objects within objects; that report has 8


def read_report(path: str | Path) -> dict[str, Any]:
    """The report ``gdverify.report/1`` in a file (or pipe) that `gdverify check --json` wrote.

    Raises
    ------
    UsageError
        no such file, too large, no JSON, another kind of JSON, or a field of the wrong type (the first is named)
    """
    try:
        if Path(path).is_dir():
            raise UsageError(f"{path}: a folder, not a report")
        with open(path, "rb") as file:
            text = file.read(LIMIT + 1)
        if len(text) > LIMIT:
            raise UsageError(f"{path}: larger than {LIMIT >> 20} MiB, not a report")
        if sum(map(text.count, (b",", b"[", b"{"))) > _PARTS:
            raise UsageError(f"{path}: more than {_PARTS:,} entries, not a report")
        data = json.loads(text, parse_constant=_no_constant)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a report ({one_line(error, 120)})") from error
    try:
        _bounded(data)
        _report(data)
    except _Malformed as error:
        raise UsageError(f"{path}: not a report of `gdverify check --json` ({error})") from error
    return data


class _Malformed(Exception):
    pass


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _bounded(data: Any) -> None:
    """Refuse what readers that recurse, or look at each character, would take too long over."""
    todo = [(data, 0)]
    while todo:
        value, depth = todo.pop()
        if isinstance(value, str) and len(value) > _LONGEST:
            raise _Malformed(f"a text of {len(value):,} characters")
        if isinstance(value, (dict, list)):
            if depth > _DEEPEST:
                raise _Malformed("nested too deep")
            if isinstance(value, dict) and any(len(key) > _LONGEST for key in value):
                raise _Malformed("a name that is too long")
            todo += [(part, depth + 1) for part in (value.values() if isinstance(value, dict) else value)]


def _report(data: Any) -> None:
    if not isinstance(data, dict):
        raise _Malformed("it is no object")
    found = data.get("schema")
    if found != REPORT_SCHEMA:
        raise _Malformed(f"its schema is {one_line(ValueError(repr(found)), 60)}, not {REPORT_SCHEMA}")
    _check(data, {"run": _object, "claims": _objects}, "")
    _check(data["run"], _RUN, "run")
    seen: set[str] = set()
    for n, claim in enumerate(data["claims"]):
        where = f"claims[{n}]"
        _check(claim, _CLAIM, where)
        if claim["id"] in seen:
            raise _Malformed(f"{where}: two claims have its id")
        seen.add(claim["id"])
        for m, entry in enumerate(claim["evidence"]):
            _check(entry, _EVIDENCE, f"{where}.evidence[{m}]")
        for m, mutant in enumerate(claim.get("mutants") or ()):
            _check(mutant, _MUTANT, f"{where}.mutants[{m}]")
            for k, entry in enumerate(mutant["evidence"]):
                _check(entry, _EVIDENCE, f"{where}.mutants[{m}].evidence[{k}]")


Test = Callable[[Any], str]  # what was expected, if it is not that; else empty


def _check(data: dict[str, Any], shape: dict[str, Test], where: str) -> None:
    """``?name`` may be missing or null."""
    for key, test in shape.items():
        name = key.removeprefix("?")
        value = data.get(name)
        if key != name and value is None:
            continue
        expected = test(value)
        if expected:
            raise _Malformed(f"{where}{'.' if where else ''}{name}: expected {expected}")


def _text(value: Any) -> str:
    return "" if isinstance(value, str) else "text"


def _whole(value: Any) -> str:
    return "" if isinstance(value, int) and not isinstance(value, bool) else "a whole number"


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) else "true or false"


def _number(value: Any) -> str:
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    try:
        return "" if good and math.isfinite(float(value)) else "a number"
    except OverflowError:
        return "a number"


def _object(value: Any) -> str:
    return "" if isinstance(value, dict) else "an object"


def _verdict(value: Any) -> str:
    return "" if isinstance(value, str) and value in VERDICTS else "a verdict"


def _objects(value: Any) -> str:
    return "" if isinstance(value, list) and all(isinstance(v, dict) for v in value) else "a list of objects"


def _texts(value: Any) -> str:
    return "" if isinstance(value, list) and all(isinstance(v, str) for v in value) else "a list of texts"


def _ends(value: Any) -> str:
    good = isinstance(value, list) and len(value) == 2 and all(v is None or not _number(v) for v in value)
    return "" if good else "two numbers"


_RUN: dict[str, Test] = {
    "?tier": _text, "?seed": _whole, "?alpha": _number, "?device": _text, "?versions": _object, "?budget": _number,
    "?overrides": _object, "?kinds": _texts, "?audit": _flag,
}  # fmt: skip
_EVIDENCE: dict[str, Test] = {
    "kind": _text, "name": _text, "verdict": _verdict, "?case": _object, "?estimate": _number, "?interval": _ends,
    "?bound": _number, "?tolerance": _number, "?margin": _number, "?samples": _whole, "?alpha": _number,
    "?seconds": _number, "?steps": _objects, "?cited": _texts, "?artefact": _text, "?message": _text,
    "?unread": _texts, "?checked": _texts, "?suspicion": _text, "?line": _whole,
}  # fmt: skip
_MUTANT: dict[str, Test] = {"mutant": _text, "killed": _flag, "by": _texts, "evidence": _objects}
_CLAIM: dict[str, Test] = {
    "id": _text, "verdict": _verdict, "evidence": _objects, "?title": _text, "?topic": _text, "?qualifier": _text,
    "?paper": _object, "?decides": _object, "?symbols": _objects, "?assumptions": _objects, "?defines": _objects,
    "?complaints": _texts, "?unaudited": _texts, "?reservation": _text, "?statement": _text, "?locator": _text,
    "?notes": _text, "?finding": _object, "?source": _object, "?mutants": _objects, "?seconds": _number,
}  # fmt: skip
