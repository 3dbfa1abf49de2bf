"""Outcomes of evidence, and how they combine into a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .printable import cleaned

NONSENSE = (KeyError, TypeError, ValueError, AttributeError)  # of reading what should be an answer, and is none
AGAIN = "started again on the CPU"
_LONGEST = 20_000  # characters of one text
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
    unread: list[str] = field(default_factory=list)  # symbols of the regime that an experiment never looked up
    checked: list[str] = field(default_factory=list)  # assumptions that were evaluated on the instances, and hold
    suspicion: str = ""  # why an experiment that passes may not have looked at anything
    trace: dict[str, Any] | None = None  # what there is to draw of an experiment; nothing rests on it

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"verdict {self.verdict!r}")

    def plain(self) -> dict[str, Any]:
        out = dict(self.__dict__)
        out["interval"] = list(self.interval) if self.interval is not None else None
        return out

    @classmethod
    def from_plain(cls, data: dict[str, Any]) -> Outcome:
        """The outcome that `plain` wrote, in a worker or a report: text in it is made printable."""
        data = {k: v if k == "trace" else cleaned(v) for k, v in data.items()}
        if data.get("interval") is not None:
            data["interval"] = tuple(data["interval"])
        return cls(**data)


def check_outcome(data: Any) -> None:
    """Raises one of `NONSENSE` if this is no `Outcome.plain`: a worker may send anything, and a store may hold it."""
    check_plain(data)
    out = Outcome.from_plain(data)
    ends = () if out.interval is None else out.interval
    numbers = [x for x in (out.estimate, out.bound, out.tolerance, out.margin, out.alpha) if x is not None]
    lists = (out.cited, out.unread, out.checked)
    texts = (out.kind, out.name, out.device, out.message, out.suspicion, out.artefact or "")
    if not all(_is_number(x) for x in (*numbers, *ends, out.seconds)) or len(ends) not in (0, 2):
        raise ValueError("what should be a number is none")
    if not all(isinstance(x, list) for x in (*lists, out.steps)) or type(out.samples) is not int:
        raise ValueError("what should be a list or a count is none")
    if not all(isinstance(x, str) and len(x) < _LONGEST for x in (*texts, *(x for some in lists for x in some))):
        raise ValueError("what should be text is none")
    if not all(isinstance(x, dict) for x in (out.case, *out.steps, *([] if out.trace is None else [out.trace]))):
        raise ValueError("what should have names has none")


def _is_number(value: Any) -> bool:
    """Whether arithmetic with it raises nothing."""
    return type(value) is float or (type(value) is int and abs(value) < 10**300)


def check_plain(value: Any, deep: int = 24) -> None:
    """Raises ValueError for data nested so deep that to write it down might fail."""
    if isinstance(value, (dict, list)):
        if not deep:
            raise ValueError("nested too deep")
        for part in value.values() if isinstance(value, dict) else value:
            if isinstance(part, (dict, list)):
                check_plain(part, deep - 1)


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


_BOUNDS = ("sure-bound", "mean-bound", "probability-bound")


def reservation(kind: str, outcomes: Sequence[Outcome], mutants: int) -> str:
    """Why evidence that passes throughout is no reason to pass the claim, or the empty string.

    An experiment that reads a symbol of the regime at none of its cases does not test the regime.  Beyond that, a
    proof or an exact certificate needs no more.  A claim that is only simulated does: false neighbours that say what
    its experiment can tell apart, and, for a bound of decision ``kind``, an instance within a factor of two of it: an
    experiment that stays far below a bound would have passed a false one as well.
    """
    ignored = [set(o.unread) for o in outcomes if o.kind == "experiment"]
    if ignored and set.intersection(*ignored):
        names = ", ".join(sorted(set.intersection(*ignored)))
        return f"no experiment ever reads {names}: that part of the statement is not tested"
    simulated = [o for o in outcomes if o.kind == "experiment"]
    if simulated and all(o.suspicion for o in simulated):
        return simulated[0].suspicion
    if any(o.kind in ("derivation", "worst-case") and o.verdict == "pass" for o in outcomes):
        return ""
    if not mutants:
        return "tested only, and it has no mutants: nothing shows that its evidence could have failed"
    if kind in _BOUNDS:
        known = [o for o in outcomes if o.estimate is not None and o.bound is not None and o.bound > 0]
        if not known:
            return "tested only, and no bound is positive: how near an instance came to it has no measure"
        closest = max((o.estimate / o.bound for o in known if o.estimate is not None and o.bound), default=0.0)
        if closest < 0.5:
            return f"tested only, and no instance came near the bound (at most {closest:.2g} of it)"
    return ""
