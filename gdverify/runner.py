"""From claims to verdicts: plan the tasks of a run, share out its error probability, run them, combine."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from .audit import judge, killing_kinds
from .claim import EVIDENCE_KINDS, TIERS
from .discover import Located
from .errors import UsageError
from .pool import Request, run_requests
from .record import record
from .result import Outcome
from .store import home
from .verdict import MutantResult, Verdict
from .worker import draw, known_names, perform, work

DEFAULT_ALPHA = 1e-6


@dataclass
class Settings:
    """How to run.

    Parameters
    ----------
    tier : smoke, standard or full
    seed : of every random number of the run
    alpha : family-wise error probability of the whole run, shared equally by its experiment tests
    device : cpu or cuda, or auto (a GPU where there is one)
    budget : seconds after which an experiment still undecided at a case is inconclusive; None for no limit
    jobs : worker processes; 1 runs in this process
    overrides : exact values of parameters by name (``--set``)
    kinds : evidence kinds to run; None for all
    audit : whether to run it on their mutants
    save : whether confirmed violations are kept for `gdverify replay`
    """

    tier: str = "smoke"
    seed: int = 0
    alpha: float = DEFAULT_ALPHA
    device: str = "auto"
    budget: float | None = None
    jobs: int = 1
    overrides: Mapping[str, Fraction | int] = field(default_factory=dict)
    kinds: Sequence[str] | None = None
    audit: bool = False
    save: bool = True

    def check(self) -> None:
        """Raises UsageError for a value that makes no sense."""
        if self.tier not in TIERS:
            raise UsageError(f"tier {self.tier!r}: expected one of {', '.join(TIERS)}")
        if not 0 < self.alpha < 1:
            raise UsageError(f"alpha {self.alpha}: expected a probability between 0 and 1")
        if self.jobs < 1:
            raise UsageError(f"jobs {self.jobs}: expected at least 1")
        if self.budget is not None and not 0 < self.budget < float("inf"):
            raise UsageError(f"budget {self.budget}: expected a positive number of seconds")


@dataclass
class Run:
    """What a run was and found; verdicts in the order of the claims, whatever the order of completion.

    ``share`` is each experiment test's part of ``settings.alpha``, ``tests`` how many share it.
    """

    settings: Settings
    verdicts: list[Verdict]
    started: datetime
    finished: datetime
    device: str
    tests: int
    share: float
    interrupted: bool = False

    def exit_code(self) -> int:
        """0 all pass, 1 some claim failed (or an audit complains), 3 something is undecided and nothing failed."""
        verdicts = {v.verdict for v in self.verdicts}
        if "fail" in verdicts or any(v.complaints for v in self.verdicts):
            return 1
        undecided = verdicts - {"pass"} or self.interrupted or any(v.unaudited for v in self.verdicts)
        return 3 if undecided else 0


@dataclass
class _Slot:
    """Answers of one claim as they come in; None where one is still missing."""

    located: Located
    evidence: list[tuple[int, int]]
    outcomes: list[Outcome | None]
    mutants: list[list[Outcome] | None]
    declared: list[list[str]]
    audited: bool

    @property
    def done(self) -> bool:
        return None not in self.outcomes and None not in self.mutants


Place = tuple[int, str, int]  # claim, "evidence" or "mutant", position in the slot


def run(
    claims: Sequence[Located],
    settings: Settings,
    *,
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
    on_progress: Callable[[int, int, list[str]], None] = lambda done, total, running: None,
) -> Run:
    """Check claims.

    Parameters
    ----------
    on_verdict : called with each verdict as soon as it and all earlier ones are complete
    on_progress : called often with tasks done, tasks in all, and ids of the claims under way

    Raises
    ------
    UsageError
        a setting makes no sense, an override is unknown to every claim or outside a domain, no GPU with ``cuda``
    """
    settings.check()
    gpus = _gpus(settings)
    started = datetime.now(UTC)
    device = "cuda" if gpus else "cpu"
    plain = {
        "tier": settings.tier,
        "seed": settings.seed,
        "device": device,
        "budget": settings.budget,
        "overrides": dict(settings.overrides),
        "save_dir": str(home() / "artefacts") if settings.save else None,
    }
    _check_overrides(claims, settings)
    slots, tests = _plan(claims, settings, plain)
    share = settings.alpha / max(tests, 1)
    plain["alpha"] = share
    requests = _requests(slots, settings, plain, device)
    total = sum(len(r.places) for r in requests)
    verdicts: dict[int, Verdict] = {}
    shown = 0
    count = 0

    def answered(place: Place, answer: dict[str, Any]) -> None:
        nonlocal count, shown
        where, what, position = place
        slot = slots[where]
        if what == "mutant":
            slot.mutants[position] = [Outcome.from_plain(o) for o in answer["outcomes"]]
        else:
            slot.outcomes[position] = Outcome.from_plain(answer)
        count += 1
        if slot.done:
            verdicts[where] = _verdict(slot)
        while shown in verdicts:
            on_verdict(verdicts[shown])
            shown += 1
        on_progress(count, total, [])

    def failed(place: Place, message: str, verdict: str = "error") -> None:
        where, what, position = place
        slot = slots[where]
        if what == "mutant":
            lost = [Outcome(kind, "mutant", verdict, message=message) for kind in slot.declared[position]]
            answered(place, {"outcomes": [o.plain() for o in lost]})
        else:
            evidence = slot.located.claim.evidence[slot.evidence[position][0]]
            answered(place, Outcome(evidence.kind, evidence.name, verdict, message=message).plain())

    for where, slot in enumerate(slots):
        if slot.done:  # none of the kinds asked for
            verdicts[where] = _verdict(slot)
    interrupted = False
    away = [r for r in requests if settings.jobs > 1 and r.payload["source"] is not None]
    here = [r for r in requests if r not in away]
    try:
        for request in here:
            _run_here(request, slots, answered, on_progress, lambda: (count, total))
        run_requests(
            away,
            work,
            jobs=min(settings.jobs, len(away)),
            gpus=gpus,
            answered=answered,
            failed=failed,
            waiting=lambda running: on_progress(count, total, _ids(running)),
        )
    except KeyboardInterrupt:
        interrupted = True
        for where, slot in enumerate(slots):
            for position, outcome in enumerate(slot.outcomes):
                if outcome is None:
                    failed((where, "evidence", position), "interrupted", "inconclusive")
            for position, outcomes in enumerate(slot.mutants):
                if outcomes is None:
                    failed((where, "mutant", position), "interrupted", "inconclusive")
    while shown in verdicts:  # what comes after the last answer
        on_verdict(verdicts[shown])
        shown += 1
    ordered = [verdicts[i] for i in sorted(verdicts)]
    return Run(settings, ordered, started, datetime.now(UTC), device, tests, share, interrupted)


def _plan(claims: Sequence[Located], settings: Settings, plain: Mapping[str, Any]) -> tuple[list[_Slot], int]:
    """Slots for every answer of the run, and how many experiment tests share its alpha.

    The share is that of the tests that decide claims, whether or not mutants are audited as well: an audit must not
    change a verdict, and its own tests run at the same share.
    """
    slots, tests = [], 0
    for located in claims:
        claim = located.claim
        places: list[tuple[int, int]] = []
        for index, evidence in enumerate(claim.evidence):
            if settings.kinds is not None and evidence.kind not in settings.kinds:
                continue
            try:
                cases = len(draw(claim, evidence, plain))
            except UsageError as error:
                raise UsageError(f"{claim.id}: {error}") from error
            places += [(index, case) for case in range(cases)]
            tests += cases if evidence.kind == "experiment" else 0
        wanted = settings.kinds or EVIDENCE_KINDS
        declared = [
            [k for k in killing_kinds(claim, m) if k in wanted] for m in (claim.mutants if settings.audit else ())
        ]
        slots.append(_Slot(located, places, [None] * len(places), [None] * len(declared), declared, settings.audit))
    return slots, tests


def _requests(slots: Sequence[_Slot], settings: Settings, plain: dict[str, Any], device: str) -> list[Request]:
    """One request for each claim (two with a GPU: what needs it, and the rest); single tasks if claims are few."""
    requests = []
    for where, slot in enumerate(slots):
        payload = {"source": slot.located.source, "claim": slot.located.claim.id, "settings": plain}
        groups: dict[bool, tuple[list[Any], list[Place]]] = {}
        for position, (index, case) in enumerate(slot.evidence):
            gpu = device == "cuda" and slot.located.claim.evidence[index].kind == "experiment"
            tasks, places = groups.setdefault(gpu, ([], []))
            tasks.append({"evidence": index, "case": case})
            places.append((where, "evidence", position))
        for position, kinds in enumerate(slot.declared):
            tasks, places = groups.setdefault(device == "cuda" and "experiment" in kinds, ([], []))
            tasks.append({"mutant": position, "kinds": kinds})
            places.append((where, "mutant", position))
        requests += [Request({**payload, "tasks": t}, list(p), gpu) for gpu, (t, p) in groups.items()]
    if len(slots) < 2 * settings.jobs:
        requests = [single for request in requests for single in request.split()]
    return requests


def _run_here(
    request: Request,
    slots: Sequence[_Slot],
    answered: Callable[[Place, dict[str, Any]], None],
    on_progress: Callable[[int, int, list[str]], None],
    count: Callable[[], tuple[int, int]],
) -> None:
    claim = slots[request.places[0][0]].located.claim
    for task, place in zip(request.payload["tasks"], request.places, strict=True):
        on_progress(*count(), [claim.id])
        answered(place, perform(claim, request.payload, task))


def _ids(running: Sequence[Request]) -> list[str]:
    return list(dict.fromkeys(r.payload["claim"] for r in running))


def _verdict(slot: _Slot) -> Verdict:
    claim = slot.located.claim
    outcomes = [o for o in slot.outcomes if o is not None]
    verdict = Verdict(record(claim, slot.located.source), outcomes)
    if slot.audited:
        results = [
            MutantResult(claim.id, m.name, False, [], kinds, found or [])
            for m, kinds, found in zip(claim.mutants, slot.declared, slot.mutants, strict=True)
        ]
        judge(verdict, results)
    return verdict


def _check_overrides(claims: Sequence[Located], settings: Settings) -> None:
    known = {n for one in claims for e in one.claim.evidence for n in known_names(one.claim, e)}
    for name in settings.overrides:
        if name not in known:
            raise UsageError(f"--set {name}: no such parameter (have: {', '.join(sorted(known)) or 'none'})")


def _gpus(settings: Settings) -> list[str]:
    """Ids of the GPUs to use, by asking a separate process: this one must not start the CUDA runtime."""
    if settings.device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device {settings.device!r}: expected auto, cpu or cuda")
    if settings.device == "cpu":
        return []
    from .doctor import gpu_count

    count, why = gpu_count()
    if not count:
        if settings.device == "cuda":
            raise UsageError(f"--device cuda: {why}")
        return []
    visible = [v for v in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if v]
    return visible[:count] if visible else [str(i) for i in range(count)]
