"""The JSON reports of a run (``gdverify.report/1``, ``gdverify.audit/1``)."""

from __future__ import annotations

import json
import math
import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import digest
from .errors import UsageError
from .result import VERDICTS
from .store import write_atomically

if TYPE_CHECKING:
    from .mechanical import Row
    from .runner import Run

REPORT_SCHEMA = "gdverify.report/1"
AUDIT_SCHEMA = "gdverify.audit/1"


def report(run: Run, *, timings: bool = True) -> dict[str, Any]:
    """The report of a run, JSON-ready: numbers that JSON cannot hold (infinities, NaN) are null.

    ``timings=False`` leaves out whatever differs between equal runs, as `without_timings` does.
    """
    from .doctor import host, versions

    verdicts = [v.verdict for v in run.verdicts]
    data = {
        "schema": REPORT_SCHEMA,
        "run": {
            "id": uuid.uuid4().hex,
            "started": run.started.isoformat(timespec="seconds"),
            "finished": run.finished.isoformat(timespec="seconds"),
            "seed": run.settings.seed,
            "alpha": run.settings.alpha,
            "tier": run.settings.tier,
            "budget": run.settings.budget,
            "overrides": {name: str(value) for name, value in sorted(run.settings.overrides.items())},
            "kinds": None if run.settings.kinds is None else list(run.settings.kinds),
            "audit": run.settings.audit,
            "device": run.device,
            "versions": versions(),
            "host": host(),
        },
        "summary": {v: verdicts.count(v) for v in VERDICTS},
        "claims": [{**v.plain(), "source": _portable(v.record.source)} for v in run.verdicts],
    }
    plain = _jsonable(data)
    return plain if timings else without_timings(plain)


def without_timings(data: Mapping[str, Any]) -> dict[str, Any]:
    """A report without run id, times, host, devices and paths of saved artefacts: equal runs give equal reports."""
    claims = []
    for claim in data["claims"]:
        kept = {k: v for k, v in claim.items() if k != "seconds"}
        kept["evidence"] = [_timeless(e) for e in claim["evidence"]]
        if "mutants" in claim:
            kept["mutants"] = [{**m, "evidence": [_timeless(e) for e in m["evidence"]]} for m in claim["mutants"]]
        claims.append(kept)
    run = {k: v for k, v in data["run"].items() if k not in ("id", "started", "finished", "host", "device")}
    return {**data, "run": run, "claims": claims}


def _timeless(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in entry.items() if k not in ("seconds", "device")} | {"artefact": None}


def _portable(source: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A source whose file is relative: to the working directory, or to where its catalogue is installed."""
    if source is None:
        return None
    file, module = Path(source["file"]), source["module"]
    if file.is_relative_to(Path.cwd()):
        name = file.relative_to(Path.cwd()).as_posix()
    else:
        name = module.replace(".", "/") + ".py" if module else str(file)
    return {**source, "file": name, "sha256": source.get("sha256") or digest.of_file(str(file))}


def audit_report(run: Run) -> dict[str, Any]:
    """What `gdverify audit --json` writes; ``failures`` and ``unaudited`` are lines for people."""
    return _jsonable(
        {
            "schema": AUDIT_SCHEMA,
            "mutants": [m.plain() for v in run.verdicts for m in v.mutants or ()],
            "failures": [f"{v.id}: {c}" for v in run.verdicts for c in v.complaints],
            "unaudited": [f"{v.id}: {c}" for v in run.verdicts for c in v.unaudited],
        }
    )


def mechanical_report(found: Sequence[tuple[str, Sequence[Row], Sequence[str]]]) -> dict[str, Any]:
    """What `gdverify audit --auto --json` writes: no hand-written mutants, but ``changes``."""
    return _jsonable(
        {
            "schema": AUDIT_SCHEMA,
            "mutants": [],
            "changes": [row.plain() for _, rows, _ in found for row in rows],
            "failures": [
                f"{claim}: {row.where}: {row.change}: false, and refuted by nothing"
                for claim, rows, _ in found
                for row in rows
                if "unseen" in row.status.values()
            ],
            "unaudited": [f"{claim}: {remark}" for claim, _, remarks in found for remark in remarks],
        }
    )


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema ``report`` or ``audit``."""
    return json.loads((Path(__file__).parent / "schema" / f"{name}.schema.json").read_text(encoding="utf-8"))


def write(data: Mapping[str, Any] | str, target: str) -> None:
    """Write JSON (or text) to a file, whole or not at all; ``-`` is standard output.

    Raises
    ------
    UsageError
        the file cannot be written
    """
    text = data if isinstance(data, str) else json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    text = text.encode(errors="replace").decode()  # a claim's text may hold half a surrogate pair
    if target == "-":
        sys.stdout.write(text)
        return
    try:
        write_atomically(Path(target), text)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror or error}") from error


def check_targets(*targets: str | None) -> bool:
    """`check_target` for each; whether one of them is standard output.

    Raises
    ------
    UsageError
        also where two of them are standard output, or the same file
    """
    given = [t for t in targets if t is not None]
    for target in given:
        check_target(target)
    places = [t if t == "-" else os.path.realpath(t) for t in given]
    for target, place in zip(given, places, strict=True):
        if places.count(place) > 1:
            raise UsageError(f"two reports to {'standard output' if target == '-' else target}")
    return "-" in given


def check_target(target: str | None) -> None:
    """Refuse a report path that cannot work before hours of computing, not after."""
    if target in (None, "-"):
        return
    path = Path(str(target))
    if path.is_dir():
        raise UsageError(f"cannot write {target}: it is a folder")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {target}: there is no folder {path.parent}")


def _jsonable(value: Any) -> Any:
    """Plain JSON: infinities and NaN become null, NumPy scalars numbers, anything unknown its text."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _jsonable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_jsonable(v) for v in value]
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        return _jsonable(value.item())
    return str(value)
