"""What CI formats say of one piece of evidence: the numbers, the place in the source, the command that repeats it.

Everything is read from the entries of a report (`gdverify.report`), which may have been saved by an older version or
edited by hand: nothing here raises on a field that is missing.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from .printable import clean, line_of
from .result import VERDICTS, Outcome

_KNOWN = {f.name for f in fields(Outcome)}


def outcome_of(entry: Mapping[str, Any]) -> Outcome:
    """An evidence entry of a report as an `Outcome`; fields that this version does not know are left out."""
    known = {k: v for k, v in entry.items() if k in _KNOWN and v is not None}
    if known.get("verdict") not in VERDICTS:
        known["verdict"] = "error"
    return Outcome.from_plain({"kind": "", "name": "", **known})


def case_name(case: Mapping[str, Any], most: int = 120) -> str:
    """``L=4, T=60``."""
    return line_of(", ".join(f"{k}={v}" for k, v in case.items()), most)


def said(outcome: Outcome, decides: str = "") -> str:
    """The number, the bound and the message of an outcome on one line; ``decides`` is the claim's decision kind."""
    from .display import measured

    numbers = "" if outcome.kind == "derivation" else measured(outcome, decides)
    return line_of("; ".join(filter(None, (numbers, outcome.message))) or outcome.verdict)


def decision_kind(claim: Mapping[str, Any]) -> str:
    """Decision kind of a claim's entry, empty where the report is too old to say."""
    decides = claim.get("decides")
    return str(decides.get("kind") or "") if isinstance(decides, Mapping) else ""


@dataclass(frozen=True)
class Place:
    """Where a claim is written.

    Parameters
    ----------
    file : as the report names it; empty if unknown
    line : of the claim, or of the first evidence where the claim's id is computed
    outside : the file, if commands must name it because the claim is in no installed catalogue; else empty
    """

    file: str
    line: int
    outside: str

    def of(self, entry: Mapping[str, Any]) -> int:
        """Line of an evidence function."""
        return _line(entry) or self.line


def place_of(claim: Mapping[str, Any]) -> Place:
    """The place of a claim's entry."""
    source = claim.get("source")
    if not isinstance(source, Mapping) or not source.get("file"):
        return Place("", 1, "")
    file = clean(source["file"])
    first = min((n for e in claim.get("evidence") or () if (n := _line(e))), default=1)
    return Place(file, _line(source) or first, "" if in_catalogue(source.get("module")) else file)


def in_catalogue(module: Any) -> bool:
    """Whether commands find the claims of a module by their ids alone."""
    return isinstance(module, str) and module.split(".")[0] in _catalogues()


@cache
def _catalogues() -> frozenset[str]:
    from importlib.metadata import entry_points

    from .discover import ENTRY_POINTS

    return frozenset(point.value.split(":")[0].split(".")[0] for point in entry_points(group=ENTRY_POINTS))


def _line(entry: Mapping[str, Any]) -> int | None:
    line = entry.get("line")
    return line if isinstance(line, int) and line > 0 else None


def again(claim_id: str, outcome: Outcome, run: Mapping[str, Any], file: str = "") -> str:
    """The command that repeats it: the saved counterexample if there is one, else this evidence of the claim.

    ``file`` is where a claim outside the catalogue is defined.
    """
    if outcome.artefact and outcome.verdict == "fail":
        return join(["gdverify", "replay", outcome.artefact, *(["--claims", file] if file else [])])
    if outcome.kind == "derivation":
        return join(["gdverify", "prove", f"{file}::{claim_id}" if file else claim_id])
    words = ["gdverify", "check", f"{file}::{claim_id}" if file else claim_id, "--only", outcome.kind, "-v"]
    if run.get("tier") not in (None, "smoke"):
        words += ["--tier", str(run["tier"])]
    if run.get("seed"):
        words += ["--seed", str(run["seed"])]
    return join(words)


def join(words: Sequence[str]) -> str:
    return shlex.join(clean(w) for w in words)
