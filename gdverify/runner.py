"""From claims to verdicts: plan the tasks of a run, share out its error probability, run them, combine."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from . import digest
from .audit import judge
from .claim import EVIDENCE_KINDS, TIERS, Claim
from .database import Database
from .discover import Entry, Located, Source
from .errors import UsageError
from .pool import Limits, Request, run_requests
from .record import Record, stand_in
from .result import Outcome
from .store import clear_old, home
from .suggest import no_such_parameter
from .verdict import MutantResult, Verdict
from .worker import perform, plan, work

DEFAULT_ALPHA = 1e-6
# Seconds of wall time for one task, above which its process is killed: far above what evidence that ends takes.
TIME_LIMITS = {"smoke": 600.0, "standard": 3600.0, "full": 6 * 3600.0}


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
    jobs : worker processes
    overrides : exact values of parameters by name (``--set``)
    kinds : evidence kinds to run; None for all
    audit : whether to run it on their mutants
    save : whether confirmed violations are kept for `gdverify replay`
    cache : whether results that an earlier run has stored are used again
    resume : the id of an interrupted run, whose results are used whatever ``cache`` says
    time_limit : seconds of wall time for one task (evidence at a case, or a mutant); None for the tier's
    memory_limit : bytes that one task may take; None for a share of what the machine has
    scheduler : address of a Dask scheduler, whose workers run the tasks instead of this machine
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
    cache: bool = True
    resume: str | None = None
    time_limit: float | None = None
    memory_limit: int | None = None
    scheduler: str | None = None

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

    def plain(self) -> dict[str, Any]:
        """What decides the numbers of a run, JSON-ready."""
        return {
            "tier": self.tier,
            "seed": self.seed,
            "alpha": self.alpha,
            "device": self.device,
            "budget": self.budget,
            "overrides": {name: str(value) for name, value in self.overrides.items()},
            "kinds": None if self.kinds is None else list(self.kinds),
            "audit": self.audit,
        }


@dataclass
class Run:
    """What a run was and found; verdicts in the order of the claims, whatever the order of completion.

    ``share`` is each experiment test's part of ``settings.alpha``, ``tests`` how many share it; ``stored`` of ``tasks``
    were taken from earlier runs; ``without`` are claims that have none of the kinds of evidence asked for.
    """

    settings: Settings
    verdicts: list[Verdict]
    started: datetime
    finished: datetime
    device: str
    tests: int
    share: float
    interrupted: bool = False
    id: str = ""
    tasks: int = 0
    stored: int = 0
    without: list[Record] = field(default_factory=list)

    def exit_code(self) -> int:
        """0 all pass, 1 some claim failed (or an audit complains), 3 something is undecided and nothing failed."""
        verdicts = {v.verdict for v in self.verdicts}
        if "fail" in verdicts or any(v.complaints for v in self.verdicts):
            return 1
        undecided = verdicts - {"pass"} or self.interrupted or any(v.unaudited for v in self.verdicts)
        return 3 if undecided else 0


@dataclass
class _Planned:
    """A claim with what a run on it takes; ``claim`` only where it is run in this process."""

    record: Record
    source: Source | None
    cases: list[int]
    parameters: list[str]
    claim: Claim | None = None
    broken: str = ""  # why its module cannot be loaded


@dataclass
class _Slot:
    """Answers of one claim as they come in; None where one is still missing."""

    planned: _Planned
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


Place = tuple[int, str, int]  # claim, "evidence" or "mutant", position in the slot


def run(
    claims: Sequence[Located],
    settings: Settings,
    *,
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
    on_progress: Callable[[int, int, list[str]], None] = lambda done, total, running: None,
) -> Run:
    """Check claims of this process: in it with one job (nothing is stored then), else in worker processes.

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
    started = datetime.now(UTC)
    gpus = _gpus(settings)
    plain = _for_workers(settings, gpus)
    planned = []
    for one in claims:
        found = plan(one.claim, one.source, plain)
        if found["problem"]:
            raise UsageError(found["problem"])
        here = one.claim if settings.jobs == 1 or one.source is None else None
        planned.append(_Planned(Record(**found["record"]), one.source, found["cases"], found["parameters"], here))
    database = None if all(p.claim is not None for p in planned) else Database()
    return _carry_out(planned, settings, plain, gpus, started, database, [], on_verdict, on_progress)


def run_apart(
    entries: Sequence[Entry],
    settings: Settings,
    *,
    command: Sequence[str] = (),
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
    on_progress: Callable[[int, int, list[str]], None] = lambda done, total, running: None,
) -> Run:
    """Check claims whose modules this process never runs: whatever a module does, it does to its own verdict.

    Parameters and errors as for `run`; also UsageError if no module concerned can be loaded.  ``command`` is kept for
    ``--resume``.
    """
    settings.check()
    started = datetime.now(UTC)
    gpus = _gpus(settings)
    plain = _for_workers(settings, gpus)
    database = Database()
    planned = _plan_apart(entries, settings, plain, database, on_progress)
    return _carry_out(planned, settings, plain, gpus, started, database, command, on_verdict, on_progress)


def _for_workers(settings: Settings, gpus: Sequence[str]) -> dict[str, Any]:
    return {
        "tier": settings.tier,
        "seed": settings.seed,
        "device": "cuda" if gpus or (settings.scheduler and settings.device == "cuda") else "cpu",
        "budget": settings.budget,
        "overrides": dict(settings.overrides),
        "save_dir": str(home() / "artefacts") if settings.save else None,
    }


def _limits(settings: Settings) -> Limits:
    from .doctor import memory

    share = settings.memory_limit
    if share is None and (found := memory()) is not None:
        share = max(2 * 2**30, int(0.9 * found[1]) // settings.jobs)
    return Limits(settings.time_limit or TIME_LIMITS[settings.tier], share)


# -- planning ------------------------------------------------------------------------------------------------------


def _plan_apart(
    entries: Sequence[Entry],
    settings: Settings,
    plain: Mapping[str, Any],
    database: Database,
    on_progress: Callable[[int, int, list[str]], None],
) -> list[_Planned]:
    """Plans of claims in their order, made in worker processes or found in the store."""
    groups: dict[Source, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.source, []).append(entry)
    found: dict[Source, Any] = {}  # plans, or why there are none
    about = {"tier": plain["tier"], "seed": plain["seed"], "overrides": _texts(plain["overrides"])}
    keys = {
        source: digest.key("plan", vars(source), {**about, "claims": [e.id for e in group]})
        for source, group in groups.items()
    }
    stored = database.results(list(keys.values())) if settings.cache else {}
    requests = []
    for source, group in groups.items():
        known = stored.get(keys[source])
        if group[0].problem:
            found[source] = group[0].problem
        elif known is not None and digest.unchanged(known[0], source.path):
            found[source] = known[1]
        else:
            tasks = [{"plan": [e.id for e in group]}]
            requests.append(Request({"source": source, "settings": dict(plain), "tasks": tasks}, [source]))

    def answered(source: Source, answer: dict[str, Any]) -> None:
        found[source] = answer["result"]
        database.keep(keys[source], answer["depends"], answer["result"], "")
        on_progress(len(found), len(groups), ["reading theorem modules"])

    run_requests(
        requests, work, jobs=settings.jobs, limits=_limits(settings), answered=answered, failed=found.__setitem__,
    )  # fmt: skip
    broken = {source: why for source, why in found.items() if isinstance(why, str)}
    if broken and len(broken) == len(groups):
        raise UsageError(next(iter(broken.values())))
    plans: dict[str, _Planned] = {}
    for source, group in groups.items():
        if source in broken:
            for entry in group:
                plans[entry.id] = _Planned(stand_in(entry), source, [], [], broken=broken[source])
            continue
        for one in found[source]:
            if one["problem"]:
                raise UsageError(one["problem"])
            record = Record(**one["record"])
            plans[record.id] = _Planned(record, source, one["cases"], one["parameters"])
            if not record.evidence:
                raise UsageError(f"{record.id} has no evidence: attach a derivation, an experiment or a worst case")
    return [plans[entry.id] for entry in entries]


def _having(planned: Sequence[_Planned], kinds: Sequence[str] | None) -> tuple[list[_Planned], list[Record]]:
    """The claims that have evidence of one of these kinds, and the others."""
    if kinds is None:
        return list(planned), []
    having = [p for p in planned if p.broken or set(p.record.evidence_kinds) & set(kinds)]
    without = [p.record for p in planned if p not in having]
    if not having:
        reason = without[0].no_derivation if len(without) == 1 and "derivation" in kinds else ""
        names = ", ".join(r.id for r in without[:5])
        raise UsageError(f"{names}: no {' or '.join(kinds)}{f' ({reason})' if reason else ''}")
    return having, without


def _slots(planned: Sequence[_Planned], settings: Settings) -> tuple[list[_Slot], int]:
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
        slots.append(_Slot(one, places, [None] * len(places), [None] * len(declared), declared, settings.audit))
    return slots, tests


# -- running -------------------------------------------------------------------------------------------------------


def _carry_out(
    planned: Sequence[_Planned],
    settings: Settings,
    plain: dict[str, Any],
    gpus: Sequence[str],
    started: datetime,
    database: Database | None,
    command: Sequence[str],
    on_verdict: Callable[[Verdict], None],
    on_progress: Callable[[int, int, list[str]], None],
) -> Run:
    _check_overrides(planned, settings)
    planned, without = _having(planned, settings.kinds)
    slots, tests = _slots(planned, settings)
    share = settings.alpha / max(tests, 1)
    plain["alpha"] = share
    out = Run(settings, [], started, started, plain["device"], tests, share, id=settings.resume or uuid.uuid4().hex)
    out.without = without
    if database is not None:
        database.begin(out.id, started.isoformat(), list(command), settings.plain(), _versions())
    verdicts: dict[int, Verdict] = {}
    out.tasks = sum(len(s.outcomes) + len(s.mutants) for s in slots)
    shown = count = 0
    keys: dict[Place, str] = {}

    def settled(place: Place, result: Any) -> None:
        nonlocal count, shown
        where, what, position = place
        slot = slots[where]
        if what == "mutant":
            slot.mutants[position] = [Outcome.from_plain(o) for o in result["outcomes"]]
        else:
            slot.outcomes[position] = Outcome.from_plain(result)
        count += 1
        if slot.done:
            judged(where)
        on_progress(count, out.tasks, [])

    def judged(where: int) -> None:
        nonlocal shown
        verdicts[where] = verdict = _verdict(slots[where])
        if database is not None:
            database.judged(out.id, verdict.id, verdict.verdict, verdict.qualifier, verdict.figures())
        while shown in verdicts:
            on_verdict(verdicts[shown])
            shown += 1

    def answered(place: Place, answer: dict[str, Any]) -> None:
        if database is not None and _worth_keeping(answer["result"]):
            database.keep(keys[place], answer["depends"], answer["result"], out.id)
        settled(place, answer["result"])

    def failed(place: Place, message: str, verdict: str = "error") -> None:
        where, what, position = place
        slot = slots[where]
        kinds = slot.kinds(what, position)
        if what == "mutant":
            settled(place, {"outcomes": [Outcome(k, "mutant", verdict, message=message).plain() for k in kinds]})
        else:
            name = slot.record.evidence[slot.evidence[position][0]]["name"]
            settled(place, Outcome(kinds[0], name, verdict, message=message).plain())

    for where, slot in enumerate(slots):
        if slot.done:  # its module is broken, or it has none of the kinds asked for
            judged(where)
    try:
        if database is not None:
            keys = _keys(slots, settings, plain)
            for place, result in _stored(database, keys, slots, settings):
                out.stored += 1
                settled(place, result)
        requests = _requests(slots, settings, plain)
        if database is not None:
            _add_checkpoints(requests, slots, keys, fresh=not settings.cache and settings.resume is None)
        for request in [r for r in requests if slots[r.places[0][0]].planned.claim is not None]:
            _run_here(request, slots, settled, lambda ids: on_progress(count, out.tasks, ids))
        away = [r for r in requests if slots[r.places[0][0]].planned.claim is None]
        _run_away(away, settings, gpus, answered, failed, lambda ids: on_progress(count, out.tasks, ids))
    except KeyboardInterrupt:
        out.interrupted = True
        for where, slot in enumerate(slots):
            for position, outcome in enumerate(slot.outcomes):
                if outcome is None:
                    failed((where, "evidence", position), "interrupted", "inconclusive")
            for position, outcomes in enumerate(slot.mutants):
                if outcomes is None:
                    failed((where, "mutant", position), "interrupted", "inconclusive")
    out.verdicts = [verdicts[i] for i in sorted(verdicts)]
    out.finished = datetime.now(UTC)
    if database is not None:
        if not out.interrupted:
            database.finish(out.id, out.finished.isoformat())
            database.prune()
            clear_old(home() / "partial", days=30)
        database.close()
    return out


def _requests(slots: Sequence[_Slot], settings: Settings, plain: dict[str, Any]) -> list[Request]:
    """One request for the open tasks of a claim (two with a GPU: what needs it, the rest); single ones if few."""
    requests = []
    on_gpu = plain["device"] == "cuda"
    for where, slot in enumerate(slots):
        payload = {"source": slot.planned.source, "claim": slot.record.id, "settings": plain}
        groups: dict[bool, tuple[list[Any], list[Place]]] = {}
        for place, task in _tasks(where, slot):
            gpu = on_gpu and "experiment" in slot.kinds(*place[1:])
            tasks, places = groups.setdefault(gpu, ([], []))
            tasks.append(task)
            places.append(place)
        requests += [Request({**payload, "tasks": t}, list(p), gpu) for gpu, (t, p) in groups.items()]
    if len(requests) < 2 * settings.jobs:
        requests = [single for request in requests for single in request.split()]
    return requests


def _add_checkpoints(
    requests: Sequence[Request], slots: Sequence[_Slot], keys: Mapping[Place, str], fresh: bool
) -> None:
    """Tell each experiment where to keep what a killed run goes on from."""
    folder = home() / "partial"
    for request in requests:
        for place, task in zip(request.places, request.payload["tasks"], strict=True):
            where, what, position = place
            if what == "evidence" and place in keys and slots[where].kinds(what, position) == ["experiment"]:
                task |= {"checkpoint": str(folder / keys[place]), "fresh": fresh}


def _tasks(where: int, slot: _Slot) -> list[tuple[Place, dict[str, Any]]]:
    """What is still to do for a claim."""
    out: list[tuple[Place, dict[str, Any]]] = []
    for position, (index, case) in enumerate(slot.evidence):
        if slot.outcomes[position] is None:
            out.append(((where, "evidence", position), {"evidence": index, "case": case}))
    for position, kinds in enumerate(slot.declared):
        if slot.mutants[position] is None:
            out.append(((where, "mutant", position), {"mutant": position, "kinds": kinds}))
    return out


def _run_here(
    request: Request,
    slots: Sequence[_Slot],
    settled: Callable[[Place, dict[str, Any]], None],
    on_progress: Callable[[list[str]], None],
) -> None:
    claim = slots[request.places[0][0]].planned.claim
    assert claim is not None
    for task, place in zip(request.payload["tasks"], request.places, strict=True):
        on_progress([claim.id])
        settled(place, perform(claim, request.payload, task))


def _run_away(
    requests: Sequence[Request],
    settings: Settings,
    gpus: Sequence[str],
    answered: Callable[[Place, Any], None],
    failed: Callable[[Place, str], None],
    on_progress: Callable[[list[str]], None],
) -> None:
    """In processes of this machine, or on a cluster."""
    limits = _limits(settings)

    def waiting(running: Sequence[Request]) -> None:
        on_progress(_ids(running))

    if settings.scheduler is None:
        jobs = max(1, min(settings.jobs, len(requests)))
        run_requests(
            requests, work, jobs=jobs, gpus=gpus, limits=limits, answered=answered, failed=failed, waiting=waiting
        )
    elif requests:
        from .cluster import dask, run_on

        with dask(settings.scheduler) as executor:
            run_on(executor, requests, work, limits=limits, answered=answered, failed=failed, waiting=waiting)


# -- results of earlier runs ---------------------------------------------------------------------------------------


def _keys(slots: Sequence[_Slot], settings: Settings, plain: Mapping[str, Any]) -> dict[Place, str]:
    """Under what name the result of each task is stored: everything that decides it but the files noted with it."""
    drawn = {"tier": plain["tier"], "seed": plain["seed"], "overrides": _texts(plain["overrides"])}
    tested = {**drawn, "alpha": plain["alpha"], "device": plain["device"], "budget": plain["budget"]}
    out = {}
    for where, slot in enumerate(slots):
        if slot.planned.source is None or slot.planned.claim is not None:
            continue
        for place, task in _tasks(where, slot):
            kinds = slot.kinds(*place[1:])
            about = tested if "experiment" in kinds else {} if kinds == ["derivation"] else drawn
            rest = {"claim": slot.record.id, "task": task, "kinds": kinds, "settings": about}
            out[place] = digest.key("task", vars(slot.planned.source), rest)
    return out


def _stored(
    database: Database, keys: Mapping[Place, str], slots: Sequence[_Slot], settings: Settings
) -> list[tuple[Place, Any]]:
    """Results that are still good, in the order of the tasks."""
    if not settings.cache and settings.resume is None:
        return []
    found = database.results(list(keys.values()), None if settings.cache else settings.resume)
    out = []
    for place, name in keys.items():
        if name not in found:
            continue
        depends, result = found[name]
        source = slots[place[0]].planned.source
        assert source is not None
        if digest.unchanged(depends, source.path) and _artefact_is_there(result):
            out.append((place, result))
    return out


def _worth_keeping(result: Mapping[str, Any]) -> bool:
    """Whether it would come out the same again: what was undecided or went wrong may have been the machine's."""
    if "outcomes" in result:
        return bool(result["outcomes"]) and all(o["verdict"] in ("pass", "fail") for o in result["outcomes"])
    return result["verdict"] == "pass" or (result["verdict"] == "fail" and result["kind"] != "derivation")


def _artefact_is_there(result: Mapping[str, Any]) -> bool:
    outcomes = result.get("outcomes") or [result]
    return all(not o["artefact"] or os.path.isfile(o["artefact"]) for o in outcomes)


def _texts(overrides: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in sorted(overrides.items())}


def _versions() -> dict[str, str]:
    from .doctor import versions

    return versions()


def _ids(running: Sequence[Request]) -> list[str]:
    return list(dict.fromkeys(r.payload["claim"] for r in running))


def _verdict(slot: _Slot) -> Verdict:
    outcomes = [o for o in slot.outcomes if o is not None]
    verdict = Verdict(slot.record, outcomes, trouble=slot.planned.broken)
    if slot.audited:
        results = [
            MutantResult(slot.record.id, m["name"], False, [], kinds, found or [])
            for m, kinds, found in zip(slot.record.mutants, slot.declared, slot.mutants, strict=bool(slot.declared))
        ]
        judge(verdict, results)
    return verdict


def _check_overrides(planned: Sequence[_Planned], settings: Settings) -> None:
    known = {name for one in planned for name in one.parameters}
    for name in settings.overrides:
        if name not in known:
            raise UsageError(no_such_parameter(name, known))


def _gpus(settings: Settings) -> list[str]:
    """Ids of the GPUs to use, by asking a separate process: this one must not start the CUDA runtime."""
    if settings.device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device {settings.device!r}: expected auto, cpu or cuda")
    if settings.device == "cpu" or settings.scheduler is not None:
        return []
    from .doctor import gpu_count

    count, why = gpu_count()
    if not count:
        if settings.device == "cuda":
            raise UsageError(f"--device cuda: {why}")
        return []
    visible = [v for v in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if v]
    return visible[:count] if visible else [str(i) for i in range(count)]
