"""The tasks of a run: a slot for every answer, and the requests that ask for those that are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .audit import judge
from .claim import EVIDENCE_KINDS
from .planning import Planned
from .pool import Request
from .record import Record
from .result import Outcome, check_outcome
from .settings import Settings
from .store import home
from .verdict import MutantResult, Verdict


@dataclass
class Slot:
    """Answers of one claim as they come in; None where one is still missing."""

    planned: Planned
    evidence: list[tuple[int, int]]
    outcomes: list[Outcome | None]
    mutants: list[list[Outcome] | None]
    declared: list[list[str]]
    audited: bool

    @property
    def record(self) -> Record:
        return self.planned.record

    @property
    def done(self) -> bool:
        return None not in self.outcomes and None not in self.mutants

    def kinds(self, what: str, position: int) -> list[str]:
        """The kinds of evidence that a task runs."""
        if what == "mutant":
            return self.declared[position]
        return [self.record.evidence[self.evidence[position][0]]["kind"]]

    def check(self, what: str, position: int, result: Any) -> None:
        """Raises one of `gdverify.result.NONSENSE` if this is no result of that task."""
        for outcome in result["outcomes"] if what == "mutant" else [result]:
            check_outcome(outcome)
            if outcome["kind"] not in self.kinds(what, position):
                raise ValueError("another kind of evidence")
            if what != "mutant" and outcome["name"] != self.record.evidence[self.evidence[position][0]]["name"]:
                raise ValueError("other evidence")


Place = tuple[int, str, int]  # claim, "evidence" or "mutant", position in the slot


def make_slots(planned: Sequence[Planned], settings: Settings) -> tuple[list[Slot], int]:
    """Slots for every answer of the run, and how many experiment tests share its alpha.

    The share is that of the tests that decide claims, whether or not mutants are audited as well: an audit must not
    change a verdict, and its own tests run at the same share.
    """
    slots, tests = [], 0
    wanted = EVIDENCE_KINDS if settings.kinds is None else settings.kinds
    for one in planned:
        places: list[tuple[int, int]] = []
        for index, evidence in enumerate(one.record.evidence):
            if evidence["kind"] in wanted and not one.broken:
                places += [(index, case) for case in range(one.cases[index])]
                tests += one.cases[index] if evidence["kind"] == "experiment" else 0
        have = one.record.evidence_kinds
        declared = [
            [k for k in EVIDENCE_KINDS if k in m["by"] and k in have and k in wanted]
            for m in (one.record.mutants if settings.audit and not one.broken else ())
        ]
        slots.append(Slot(one, places, [None] * len(places), [None] * len(declared), declared, settings.audit))
    return slots, tests


def requests_of(slots: Sequence[Slot], settings: Settings, plain: dict[str, Any]) -> list[Request]:
    """One request for the open tasks of a claim (two with a GPU: what needs it, the rest); single ones if few."""
    requests = []
    on_gpu = plain["device"] == "cuda"
    for where, slot in enumerate(slots):
        payload = {"source": slot.planned.source, "claim": slot.record.id, "settings": plain}
        groups: dict[bool, tuple[list[Any], list[Place]]] = {}
        for place, task in open_tasks(where, slot):
            gpu = on_gpu and "experiment" in slot.kinds(*place[1:])
            tasks, places = groups.setdefault(gpu, ([], []))
            tasks.append(task)
            places.append(place)
        requests += [Request({**payload, "tasks": t}, list(p), gpu) for gpu, (t, p) in groups.items()]
    if len(requests) < 2 * settings.jobs:
        requests = [single for request in requests for single in request.split()]
    return requests


def add_checkpoints(requests: Sequence[Request], slots: Sequence[Slot], keys: Mapping[Place, str], fresh: bool) -> None:
    """Tell each experiment where to keep what a killed run goes on from."""
    folder = home() / "partial"
    for request in requests:
        for place, task in zip(request.places, request.payload["tasks"], strict=True):
            where, what, position = place
            if what == "evidence" and place in keys and slots[where].kinds(what, position) == ["experiment"]:
                task |= {"checkpoint": str(folder / keys[place]), "fresh": fresh}


def open_tasks(where: int, slot: Slot) -> list[tuple[Place, dict[str, Any]]]:
    """What is still to do for a claim."""
    out: list[tuple[Place, dict[str, Any]]] = []
    for position, (index, case) in enumerate(slot.evidence):
        if slot.outcomes[position] is None:
            out.append(((where, "evidence", position), {"evidence": index, "case": case}))
    for position, kinds in enumerate(slot.declared):
        if slot.mutants[position] is None:
            out.append(((where, "mutant", position), {"mutant": position, "kinds": kinds}))
    return out


def verdict_of(slot: Slot) -> Verdict:
    """What the answers of a claim add up to."""
    outcomes = [o for o in slot.outcomes if o is not None]
    verdict = Verdict(slot.record, outcomes, trouble=slot.planned.broken)
    if slot.audited:
        results = [
            MutantResult(slot.record.id, m["name"], False, [], kinds, found or [])
            for m, kinds, found in zip(slot.record.mutants, slot.declared, slot.mutants, strict=bool(slot.declared))
            # One whose kinds the run was not asked for is left out of it.
            if kinds or not set(m["by"]) & set(slot.record.evidence_kinds)
        ]
        judge(verdict, results)
    return verdict
