"""Saved instances: the draws of one row, enough to recompute it to any precision."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..claim import Claim, Evidence
from ..domain import Case
from ..errors import UsageError
from ..result import Outcome
from .laboratory import Laboratory
from .random import Primitive

SCHEMA = "gdverify.violation/1"
_REPLAY_BITS = (212, 512, 1024)


def save(
    folder: str | Path,
    lab: Laboratory,
    draws: Sequence[Primitive],
    *,
    message: str,
    module: str | None,
    mutant: str | None,
) -> Path:
    """Write ``<claim>--<hash>.npz`` and ``.json``; returns the latter's path."""
    claim, case = lab.claim, lab.case.plain()
    name = json.dumps([claim.id, mutant, lab.evidence.name, case], sort_keys=True, default=str)
    stem = Path(folder) / f"{claim.id}--{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    stem.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"draw{k}": p.array for k, p in enumerate(draws)}
    npz = stem.with_name(stem.name + ".npz")
    np.savez_compressed(npz, **arrays)  # type: ignore[arg-type]
    record = {
        "schema": SCHEMA,
        "claim": claim.id,
        "module": module,
        "mutant": mutant,
        "evidence": lab.evidence.name,
        "case": case,
        "seed": lab.seed,
        "rows": lab.rows,
        "draws": [{"kind": p.kind, "shared": p.shared, "shape": list(p.array.shape)} for p in draws],
        "arrays": npz.name,
        "message": message,
        "versions": _versions(),
    }
    path = stem.with_name(stem.name + ".json")
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return path


def load(path: str | Path) -> tuple[dict[str, Any], list[Primitive]]:
    """The record and the draws of a saved instance.

    Raises
    ------
    UsageError
        the file is not one of ours, or its arrays are missing or damaged
    """
    path = Path(path)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict) or record.get("schema") != SCHEMA:
            raise UsageError(f"{path}: not a saved violation")
        with np.load(path.with_name(Path(record["arrays"]).name), allow_pickle=False) as arrays:
            draws = []
            for k, meta in enumerate(record["draws"]):
                array = arrays[f"draw{k}"]
                if meta["kind"] not in ("normal", "uniform") or list(array.shape) != meta["shape"]:
                    raise UsageError(f"{path}: draw {k} does not match its description")
                if array.dtype != np.float64 or not np.all(np.isfinite(array)):
                    raise UsageError(f"{path}: draw {k} is not finite float64")
                draws.append(Primitive(meta["kind"], bool(meta["shared"]), array))
    except (OSError, ValueError, KeyError, TypeError, EOFError) as problem:
        raise UsageError(f"{path}: cannot be read as a saved violation ({problem})") from None
    return record, draws


def replay(path: str | Path, claim: Claim, *, seconds: float = 300.0) -> Outcome:
    """Recompute a saved instance in interval arithmetic; the message gives the enclosures of both sides.

    ``fail``: the claim is certainly violated there; ``pass``: it certainly holds there; ``inconclusive``: neither.
    For a counterexample claim the instance is evidence *for* it, so the two are exchanged.
    """
    from .decide import Effort, decider
    from .sure import SureDecider, recheck

    record, draws = load(path)
    if record["claim"] != claim.id:
        raise UsageError(f"{path} is about {record['claim']}, not {claim.id}")
    evidence = next((e for e in claim.evidence if e.kind == "experiment" and e.name == record["evidence"]), None)
    if evidence is None:
        raise UsageError(f"{claim.id} has no experiment named {record['evidence']}")
    case = revive(claim, evidence, record["case"])
    started = time.monotonic()
    lab = Laboratory(claim, evidence, case, seed=record["seed"], rows=record["rows"])
    judge = decider(lab, 1.0, Effort(seconds, seconds, 0.0, 0, 0, None))
    if not isinstance(judge, SureDecider):
        raise UsageError(f"{claim.id} is decided by many samples; one instance cannot be replayed")
    result = recheck(lab, draws, judge.enclosed_sides, seconds, _REPLAY_BITS)
    exhibits = claim.decides.kind == "counterexample"
    verdicts = {"violated": "pass" if exhibits else "fail", "holds": "fail" if exhibits else "pass"}
    sides = f"left side {result.left!r}, right side {result.right!r}" if result.left is not None else result.reason
    status = {"violated": "certainly violated", "holds": "certainly holds", "tie": "not decided"}.get(
        result.status, "cannot be recomputed"
    )
    return Outcome(
        "experiment",
        evidence.name,
        verdicts.get(result.status, "inconclusive"),
        case=case.plain(),
        estimate=result.left.middle() if result.left is not None else None,
        bound=result.right.middle() if result.right is not None else None,
        samples=1,
        seconds=time.monotonic() - started,
        artefact=str(path),
        message=f"{status}: {sides}",
    )


def revive(claim: Claim, evidence: Evidence, plain: dict[str, Any]) -> Case:
    """The case that `Case.plain` wrote: 'p/q' strings of symbols become rationals again."""
    values: dict[str, Any] = {}
    for name, value in plain.items():
        domain = claim.domains.get(name)
        if domain is not None:
            values[name] = int(value) if domain.integer else Fraction(value)
        elif isinstance(value, str) and not any(part.get(name) == value for part in evidence.cases):
            try:
                values[name] = Fraction(value)
            except ValueError:
                values[name] = value
        else:
            values[name] = value
    return Case(values)


def _versions() -> dict[str, str]:
    import mpmath
    import scipy
    import sympy

    from .. import __version__

    return {
        "gdverify": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "sympy": sympy.__version__,
        "mpmath": mpmath.__version__,
    }
