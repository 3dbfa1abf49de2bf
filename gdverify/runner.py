"""From claims to verdicts: plan the tasks of a run, share out its error probability, run them, combine."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from . import digest
from .claim import Claim
from .database import Database
from .discover import Entry, Located
from .planning import Planned, check_overrides, having, plan_apart, plan_here
from .pool import Request, run_requests
from .record import Record
from .result import NONSENSE, Outcome
from .reuse import keys_of, stored, worth_keeping
from .settings import DEFAULT_ALPHA, Settings, for_workers, gpus_of, limits_of
from .store import clear_old, home
from .tasks import Place, Slot, add_checkpoints, make_slots, open_tasks, requests_of, verdict_of
from .verdict import Verdict
from .worker import perform, work

__all__ = ["DEFAULT_ALPHA", "Run", "Settings", "run", "run_apart"]


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
        a setting makes no sense, an override is unknown to every claim or outside a domain, no GPU with ``cuda``, no
        cluster at the scheduler's address
    """
    settings.check()
    started = datetime.now(UTC)
    gpus = gpus_of(settings)
    plain = for_workers(settings, gpus)
    with _cluster(settings) as executor:
        planned = plan_here(claims, settings, plain)
        database = None if all(p.claim is not None for p in planned) else Database()
        return _carry_out(planned, settings, plain, gpus, executor, started, database, [], on_verdict, on_progress)


def run_apart(
    entries: Sequence[Entry],
    settings: Settings,
    *,
    command: Sequence[str] = (),
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
    on_progress: Callable[[int, int, list[str]], None] = lambda done, total, running: None,
    deliver: Callable[[Run], None] = lambda run: None,
) -> Run:
    """Check claims whose modules this process never runs: whatever a module does, it does to its own verdict.

    Parameters and errors as for `run`; also UsageError if no module concerned can be loaded.  ``command`` is kept for
    ``--resume``; ``deliver`` is called with the run, which only then is over: one that is killed while its reports are
    written is gone on with, and writes them.
    """
    settings.check()
    started = datetime.now(UTC)
    gpus = gpus_of(settings)
    plain = for_workers(settings, gpus)
    with _cluster(settings) as executor:
        database = Database()
        planned = plan_apart(entries, settings, plain, database, on_progress)
        return _carry_out(
            planned, settings, plain, gpus, executor, started, database, command, on_verdict, on_progress, deliver
        )


class _Board:
    """Where answers are put as they come in, and verdicts taken from in the order of the claims."""

    def __init__(
        self,
        run: Run,
        slots: Sequence[Slot],
        database: Database | None,
        on_verdict: Callable[[Verdict], None],
        on_progress: Callable[[int, int, list[str]], None],
    ):
        self.run, self.slots, self.database = run, slots, database
        self.keys: dict[Place, str] = {}
        self._on_verdict, self._on_progress = on_verdict, on_progress
        self._files = {s.planned.source.path: digest.of_file(s.planned.source.path) for s in slots if s.planned.source}
        self._verdicts: dict[int, Verdict] = {}
        self._answers = 0
        run.tasks = sum(len(s.outcomes) + len(s.mutants) for s in slots)
        for where, slot in enumerate(slots):
            if slot.done:  # its module is broken, or it has none of the kinds asked for
                self._judge(where)

    def settle(self, place: Place, result: Any) -> None:
        """Put the result of a task in its place."""
        where, what, position = place
        slot = self.slots[where]
        if what == "mutant":
            slot.mutants[position] = [Outcome.from_plain(o) for o in result["outcomes"]]
        else:
            slot.outcomes[position] = Outcome.from_plain(result)
        self._answers += 1
        if slot.done:
            self._judge(where)
        self.progress([])

    def answer(self, place: Place, answer: Any) -> None:
        """Settle what a worker sent, and store it."""
        where, what, position = place
        try:
            depends, result = answer["depends"], answer["result"]
            self.slots[where].check(what, position, result)
            kept = depends is not None and worth_keeping(result)
            changed = self._changed(where, depends or [])
        except NONSENSE:  # a module may have patched what sends it
            self.fail(place, "the worker process sent nonsense")
            return
        if changed:
            self.fail(place, "the claim's file was changed while it was checked: check it again")
            return
        if self.database is not None and kept:
            self.database.keep(self.keys[place], depends, result, self.run.id)
        self.settle(place, result)

    def _changed(self, where: int, depends: Any) -> bool:
        """Whether a worker read another file than the run began with: one verdict must not speak of two."""
        source = self.slots[where].planned.source
        if source is None:
            return False
        read = dict(depends).get(os.path.basename(source.path))
        return read is not None and read != self._files[source.path]

    def fail(self, place: Place, message: str, verdict: str = "error") -> None:
        """Settle a task that has no result."""
        where, what, position = place
        slot = self.slots[where]
        kinds = slot.kinds(what, position)
        if what == "mutant":
            self.settle(place, {"outcomes": [Outcome(k, "mutant", verdict, message=message).plain() for k in kinds]})
        else:
            name = slot.record.evidence[slot.evidence[position][0]]["name"]
            self.settle(place, Outcome(kinds[0], name, verdict, message=message).plain())

    def interrupt(self) -> None:
        """Settle everything that is still open."""
        self.run.interrupted = True
        for where, slot in enumerate(self.slots):
            for place, _ in open_tasks(where, slot):
                self.fail(place, "interrupted", "inconclusive")

    def progress(self, running: list[str]) -> None:
        self._on_progress(self._answers, self.run.tasks, running)

    def _judge(self, where: int) -> None:
        self._verdicts[where] = verdict = verdict_of(self.slots[where])
        if self.database is not None:
            self.database.judged(self.run.id, verdict.id, verdict.verdict, verdict.qualifier, verdict.figures())
        while (shown := len(self.run.verdicts)) in self._verdicts:
            self.run.verdicts.append(self._verdicts[shown])
            self._on_verdict(self._verdicts[shown])


def _carry_out(
    planned: Sequence[Planned],
    settings: Settings,
    plain: dict[str, Any],
    gpus: Sequence[str],
    executor: Executor | None,
    started: datetime,
    database: Database | None,
    command: Sequence[str],
    on_verdict: Callable[[Verdict], None],
    on_progress: Callable[[int, int, list[str]], None],
    deliver: Callable[[Run], None] = lambda run: None,
) -> Run:
    check_overrides(planned, settings)
    planned, without = having(planned, settings.kinds)
    slots, tests = make_slots(planned, settings)
    plain["alpha"] = share = settings.alpha / max(tests, 1)
    out = Run(settings, [], started, started, plain["device"], tests, share, id=settings.resume or uuid.uuid4().hex)
    out.without = without
    if database is not None:
        database.begin(out.id, started.isoformat(), list(command), settings.plain(), _versions())
    board = _Board(out, slots, database, on_verdict, on_progress)
    try:
        if database is not None:
            board.keys = keys_of(slots, settings, plain)
            for place, result in stored(database, board.keys, slots, settings):
                out.stored += 1
                board.settle(place, result)
        requests = requests_of(slots, settings, plain)
        if database is not None:
            add_checkpoints(requests, slots, board.keys, fresh=not settings.cache and settings.resume is None)
        for request in [r for r in requests if _claim(r, slots) is not None]:
            _run_here(request, _claim(request, slots), board)
        _run_away([r for r in requests if _claim(r, slots) is None], settings, gpus, executor, board)
    except KeyboardInterrupt:
        board.interrupt()
    out.finished = datetime.now(UTC)
    deliver(out)
    if database is not None:
        if not out.interrupted:
            database.finish(out.id, out.finished.isoformat())
            database.prune()
            clear_old(home() / "partial", days=30)
        database.close()
    return out


def _claim(request: Request, slots: Sequence[Slot]) -> Claim | None:
    """The claim of a request that is run in this process."""
    return slots[request.places[0][0]].planned.claim


def _run_here(request: Request, claim: Any, board: _Board) -> None:
    for task, place in zip(request.payload["tasks"], request.places, strict=True):
        board.progress([claim.id])
        board.settle(place, perform(claim, request.payload, task))


def _cluster(settings: Settings) -> contextlib.AbstractContextManager[Executor | None]:
    """The cluster that a run was told to use: asked for first, so that a wrong address is not found out too late or
    never, where earlier runs have computed everything.
    """
    if settings.scheduler is None:
        return contextlib.nullcontext()
    from .cluster import dask

    return dask(settings.scheduler)


def _run_away(
    requests: Sequence[Request], settings: Settings, gpus: Sequence[str], executor: Executor | None, board: _Board
) -> None:
    """In processes of this machine, or on a cluster."""
    how: dict[str, Any] = {
        "limits": limits_of(settings),
        "answered": board.answer,
        "failed": board.fail,
        "waiting": lambda running: board.progress(list(dict.fromkeys(r.payload["claim"] for r in running))),
    }
    if executor is None:
        run_requests(requests, work, jobs=max(1, min(settings.jobs, len(requests))), gpus=gpus, **how)
    else:
        from .cluster import run_on

        run_on(executor, requests, work, **how)


def _versions() -> dict[str, str]:
    from .doctor import versions

    return versions()
