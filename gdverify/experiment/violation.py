"""Saved instances: the draws of one row, enough to recompute it to any precision."""

from __future__ import annotations

import hashlib
import io
import json
import math
import platform
import re
import time
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..claim import Claim, Evidence
from ..domain import Case, check_given
from ..errors import UsageError, one_line
from ..result import Outcome
from .hypotheses import check_violation
from .laboratory import Laboratory
from .random import Primitive

SCHEMA = "gdverify.violation/1"
_REPLAY_BITS = (212, 512, 1024)
_LARGEST = 64 * 2**20  # bytes of the record, of the archive, and of all draws
_HEADER = 4096  # bytes before the numbers of an array
_DAMAGED = (
    OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, RecursionError, MemoryError, RuntimeError,
    zipfile.BadZipFile, zlib.error, tokenize.TokenError,
)  # fmt: skip


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
        the file is not one of ours, or its arrays are missing, damaged, or larger than they say or may be
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError("too large for a saved violation")
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict) or record.get("schema") != SCHEMA:
            raise UsageError("not a saved violation")
        described = [_described(meta) for meta in record["draws"]]
        if sum(8 * math.prod(shape) for _, _, shape in described) > _LARGEST:
            raise UsageError("more draws than one instance has")
        beside = path.with_name(Path(record["arrays"]).name)  # never from another folder
        if not beside.is_file() or beside.stat().st_size > _LARGEST:
            raise UsageError(f"no {beside.name} beside it, or too large")
        with zipfile.ZipFile(beside) as arrays:
            draws = [
                Primitive(kind, shared, _array(arrays, f"draw{k}", kind, shape))
                for k, (kind, shared, shape) in enumerate(described)
            ]
    except UsageError as problem:
        raise UsageError(f"{path}: {problem}") from None
    except _DAMAGED as problem:
        raise UsageError(f"{path}: cannot be read as a saved violation ({one_line(problem, 120)})") from None
    return record, draws


def _described(meta: Any) -> tuple[str, bool, tuple[int, ...]]:
    """Kind, whether shared, and shape of a draw as the record has them."""
    kind, shape = meta["kind"], meta["shape"]
    whole = isinstance(shape, list) and len(shape) <= 32 and all(type(n) is int and 0 <= n <= _LARGEST for n in shape)
    if not whole or kind not in ("normal", "uniform"):
        raise UsageError("a draw is described that no instance has")
    return kind, bool(meta["shared"]), tuple(shape)


def _array(arrays: zipfile.ZipFile, name: str, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """One draw; no more is inflated than its description takes, and nothing is unpickled."""
    size = 8 * math.prod(shape)
    if arrays.getinfo(f"{name}.npy").compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UsageError(f"{name} is packed in another way than here")  # the others inflate without a limit
    with arrays.open(f"{name}.npy") as file:
        text = io.BytesIO(file.read(size + _HEADER))
    if np.lib.format.read_magic(text) != (1, 0):
        raise UsageError(f"{name} is not finite float64")
    found = np.lib.format.read_array_header_1_0(text, max_header_size=_HEADER)
    if found[0] != shape:
        raise UsageError(f"{name} does not match its description")
    data = text.read()
    if found[2] != np.float64 or len(data) != size:
        raise UsageError(f"{name} is not finite float64")
    array = np.frombuffer(data, dtype=found[2]).reshape(shape, order="F" if found[1] else "C").astype(np.float64)
    if not np.all(np.isfinite(array)) or (kind == "uniform" and not np.all((array >= 0) & (array <= 1))):
        raise UsageError(f"{name} holds what no such draw gives")
    return array


def replay(path: str | Path, claim: Claim, *, seconds: float = 300.0) -> Outcome:
    """Recompute a saved instance in interval arithmetic; the message gives the enclosures of both sides.

    ``fail``: the claim is certainly violated there; ``pass``: it certainly holds there; ``inconclusive``: neither.
    For a counterexample claim the instance is evidence *for* it, so the two are exchanged.
    """
    from .decide import Effort, decider
    from .sure import SureDecider, recheck

    record, draws = load(path)
    if record.get("claim") != claim.id:
        raise UsageError(f"{path} is about {record.get('claim')!r}, not {claim.id}")
    evidence = next((e for e in claim.evidence if e.kind == "experiment" and e.name == record.get("evidence")), None)
    if evidence is None:
        raise UsageError(f"{claim.id} has no experiment named {record.get('evidence')!r}")
    case = revive(claim, evidence, record.get("case"))
    started = time.monotonic()
    lab = Laboratory(claim, evidence, case, seed=0, rows=1)  # nothing is drawn
    check_violation(lab, draws)
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


def revive(claim: Claim, evidence: Evidence, plain: Any) -> Case:
    """The case that `Case.plain` wrote: 'p/q' strings become rationals again.

    Raises
    ------
    UsageError
        it is no case of this evidence: a symbol is missing or outside its domain, or a value is none of the author's
    """
    if not isinstance(plain, dict):
        raise UsageError(f"a saved case of {claim.id} must be an object")
    values: dict[str, Any] = {}
    for name, value in plain.items():
        own = [part[name] for part in evidence.cases if name in part and Case(part).plain()[name] == value]
        if name not in claim.domains:
            if not any(name in part for part in evidence.cases):
                raise UsageError(f"{claim.id} has no parameter {name[:60]!r}")
            values[name] = own[0] if own else _number(name, value)
    for name, domain in claim.domains.items():
        if name in plain:
            values[name] = check_given(name, _number(name, plain[name]), domain, values)
        elif not domain.observed:
            raise UsageError(f"the saved case has no {name}")
    return Case(values)


def _number(name: str, value: Any) -> Any:
    if isinstance(value, float) and math.isfinite(value):
        return value
    if type(value) is int and abs(value) < 10**300:
        return value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,300}(/[0-9]{0,399}[1-9][0-9]{0,399})?", value):
        return Fraction(value)
    raise UsageError(f"{name} = {str(value)[:60]}: not a number")


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
