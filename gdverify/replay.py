"""`gdverify replay`: a saved counterexample, recomputed exactly or in high precision.

The file may come from anywhere: its size and shape are checked, nothing in it is evaluated, and the claim it names is
looked up, never loaded from a path that it gives.  It is recomputed in a process of its own, for so long and with so
much memory.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .claim import Claim
from .discover import Source
from .errors import GdverifyError, UsageError
from .result import Outcome

_LIMIT = 64 * 2**20
_PARTS = 2 * 10**6  # entries of lists and objects, which take many times their bytes
SECONDS = 900.0
MEMORY = 4 * 2**30


def read_saved(path: Path) -> dict[str, Any]:
    """The JSON of a saved counterexample.

    Raises
    ------
    UsageError
        no such file, too large, no JSON, or not of the expected shape
    """
    try:
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
        if path.stat().st_size > _LIMIT:
            raise UsageError(f"{path}: larger than {_LIMIT >> 20} MiB, not a saved counterexample")
        text = path.read_bytes()
        if sum(map(text.count, (b",", b"[", b"{"))) > _PARTS:
            raise UsageError(f"{path}: more than {_PARTS:,} entries, not a saved counterexample")
        data = json.loads(text)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a saved counterexample ({error})") from error
    if not isinstance(data, dict) or not isinstance(data.get("claim"), str):
        raise UsageError(f"{path}: not a saved counterexample (no claim is named in it)")
    return data


def replay_apart(path: Path, source: Source, claim: str) -> Outcome:
    """`replay_saved` in a process of its own; the outcome is *error* if that comes to grief.

    Raises
    ------
    UsageError
        the file does not fit the claim, or the claim cannot be loaded
    """
    from .pool import Limits, Request, run_requests
    from .worker import work

    found: list[dict[str, Any]] = []
    why: list[str] = []
    run_requests(
        [Request({"source": source, "claim": claim, "tasks": [{"replay": str(path)}]}, [0])], work, jobs=1,
        limits=Limits(SECONDS, MEMORY), answered=lambda _, answer: found.append(answer["result"]),
        failed=lambda _, text: why.append(text),
    )  # fmt: skip
    if why:
        return Outcome("experiment", "replay", "error", message=why[0])
    if "refused" in found[0]:
        raise UsageError(str(found[0]["refused"]))
    return Outcome.from_plain(found[0])


def replay_saved(path: Path, data: dict[str, Any], claim: Claim) -> Outcome:
    """Recompute; the outcome is *fail* if the saved instance does violate the claim.

    Raises
    ------
    UsageError
        the file does not fit the claim
    """
    if data.get("mutant") is not None:
        mutants = [m for m in claim.mutants if m.name == data["mutant"]]
        if not mutants:
            raise UsageError(f"{path}: {claim.id} has no mutant named {str(data['mutant'])[:60]!r}")
        claim = claim.mutated(mutants[0])
    try:
        if str(data.get("schema", "")).startswith("gdverify.worst-case/"):
            return _worst_case(path, data, claim)
        from .experiment.violation import replay

        return replay(path, claim)
    except GdverifyError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError, RecursionError) as error:
        raise UsageError(
            f"{path}: not a saved counterexample of {claim.id} ({type(error).__name__}: {error})"
        ) from error


def _worst_case(path: Path, data: dict[str, Any], claim: Claim) -> Outcome:
    """Check the saved certificate exactly, then decide the claim at its case again, from the claim's own problem."""
    from .experiment.violation import revive
    from .worstcase import check, check_belongs, run_worst_case

    evidence = next((e for e in claim.evidence if e.kind == "worst-case" and e.name == data["evidence"]), None)
    if evidence is None:
        raise UsageError(f"{path}: {claim.id} has no worst case named {str(data['evidence'])[:60]!r}")
    case = revive(claim, evidence, data.get("case"))
    outcome = run_worst_case(claim, evidence, case)
    if data.get("kind") in ("upper", "lower"):
        side, value = check(data)
        check_belongs(claim, evidence, case, data)
        realised = _realised(data) if side == "lower" else ""
        outcome.message = f"saved {side} bound {float(value):.8g}, checked exactly{realised}; {outcome.message}"
    return outcome


def _realised(data: dict[str, Any]) -> str:
    """How well the worst function, built from the instance and evaluated, agrees with it; nothing where none is."""
    from .errors import ClaimError
    from .worstcase import realise

    try:
        functions = realise(data)
    except ClaimError:
        return ""
    worst = max(f.mismatch() for f in functions)
    return f", its function on R^{functions[0].points.shape[1]} evaluated to {worst:.1g}"
