"""Outcomes of evidence, and how they combine into a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

VERDICTS = ("pass", "fail", "inconclusive", "error")


@dataclass
class Outcome:
    """What one evidence function found at one case; `plain` is the JSON of design ``gdverify.report/1``."""

    kind: str
    name: str
    verdict: str
    case: dict[str, Any] = field(default_factory=dict)
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    bound: float | None = None
    tolerance: float | None = None
    margin: float | None = None
    samples: int = 0
    alpha: float | None = None
    seconds: float = 0.0
    device: str = "cpu"
    steps: list[dict[str, Any]] = field(default_factory=list)
    cited: list[str] = field(default_factory=list)
    artefact: str | None = None
    message: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict {self.verdict!r}")

    def plain(self) -> dict[str, Any]:
        out = dict(self.__dict__)
        out["interval"] = list(self.interval) if self.interval is not None else None
        return out

    @classmethod
    def from_plain(cls, data: dict[str, Any]) -> Outcome:
        data = dict(data)
        if data.get("interval") is not None:
            data["interval"] = tuple(data["interval"])
        return cls(**data)


def combine(outcomes: Sequence[Outcome]) -> str:
    """Fail if any fails; error if any could not be carried out; inconclusive if any ran undecided; else pass."""
    verdicts = {o.verdict for o in outcomes}
    for verdict in ("fail", "error", "inconclusive"):
        if verdict in verdicts:
            return verdict
    return "pass" if outcomes else "inconclusive"


def qualify(outcomes: Sequence[Outcome]) -> str:
    """``proved``, ``proved-modulo`` (something is cited) or ``tested`` (no derivation went through)."""
    proofs = [o for o in outcomes if o.kind == "derivation" and o.verdict == "pass"]
    if not proofs:
        return "tested"
    return "proved-modulo" if any(o.cited for o in proofs) else "proved"
