"""What a run of very many claims asks of a cluster's scheduler, of the process that submits, and of the store.

A discrete-event simulation of `gdverify.cluster`: one task for each case of each piece of evidence; a client that
submits (a bounded number is open at a time), receives answers and stores them; a scheduler that gives tasks out;
workers that take one at a time, with one more waiting that an idle worker may take over, that slow down at random and
are lost at random.  Durations are drawn from those measured on the catalogue, claim by claim (``task_seconds.json``,
written by ``python -m benchmarks catalogue -- --durations``); what a task costs the client, the store and a worker
besides is measured here; the scheduler's share is measured where Dask is installed.
"""

from __future__ import annotations

import argparse
import heapq
import json
import pickle
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .machine import table

PACKAGES = ("gdverify", "distributed")
MEASURED = Path(__file__).with_name("task_seconds.json")


@dataclass(frozen=True)
class Plan:
    """A scenario.

    Parameters
    ----------
    claims, workers : how many
    factor : what experiments take, in units of what they took when measured (a larger tier, or a faster device)
    together : whether a task is a whole claim instead of one case of one piece of evidence
    start : seconds that every task takes besides (its process, importing its module)
    scheduler, client : seconds of the scheduler and of the submitting process for one task
    open_ : tasks that are submitted and not answered, at most
    lost : workers lost in an hour, as a share of all; a lost one is back after ``away`` seconds
    slow : share of the tasks that take ten times as long
    """

    name: str
    claims: int = 100_000
    workers: int = 1000
    factor: float = 1.0
    together: bool = False
    start: float = 0.5
    scheduler: float = 1e-3
    client: float = 1e-3
    open_: int = 20_000
    lost: float = 0.01
    away: float = 120.0
    slow: float = 0.001


def durations(plan: Plan, measured: list[list[tuple[str, float]]], rng: random.Random) -> list[float]:
    """Seconds of every task."""
    out: list[float] = []
    for _ in range(plan.claims):
        tasks = [s * (plan.factor if kind == "experiment" else 1) for kind, s in rng.choice(measured)]
        tasks = [s * (10 if rng.random() < plan.slow else 1) for s in tasks]
        out += [sum(tasks) + plan.start] if plan.together else [s + plan.start for s in tasks]
    return out


def simulate(plan: Plan, tasks: list[float], seed: int = 0) -> dict[str, float]:
    """Figures of one run: every time in seconds."""
    rng = random.Random(seed)
    events: list[tuple[float, int, str, Any]] = []
    order = 0
    ready: deque[int] = deque()  # tasks that the scheduler has and no worker
    idle: deque[int] = deque(list(range(plan.workers)) * 2)  # places: one at work, one waiting behind it
    queue: list[deque[int]] = [deque() for _ in range(plan.workers)]
    running: list[int | None] = [None] * plan.workers
    behind: set[int] = set()  # workers with a task that waits behind another
    life = [0] * plan.workers  # counts a worker's losses, so that what it would have finished is not
    scheduler = client = busy_scheduler = busy_client = work = wasted = now = 0.0
    submitted = done = again = largest = 0
    ends: list[float] = []

    def at(when: float, what: str, about: Any = None) -> None:
        nonlocal order
        order += 1
        heapq.heappush(events, (when, order, what, about))

    def ask_client(what: str, about: Any) -> None:
        nonlocal client, busy_client
        client = max(client, now) + plan.client / 2  # half to submit, half to receive and store
        busy_client += plan.client / 2
        at(client, what, about)

    def ask_scheduler(what: str, about: Any) -> None:
        nonlocal scheduler, busy_scheduler
        scheduler = max(scheduler, now) + plan.scheduler / 3  # to take it in, to give it out, to take it back
        busy_scheduler += plan.scheduler / 3
        at(scheduler, what, about)

    def submit() -> None:
        nonlocal submitted
        if submitted < len(tasks):
            ask_client("submitted", submitted)
            submitted += 1

    def give() -> None:
        while ready and idle:
            worker = idle.popleft()
            if running[worker] != -1:
                ask_scheduler("given", (worker, life[worker], ready.popleft()))

    def begin(worker: int) -> None:
        if running[worker] is None and queue[worker]:
            running[worker] = task = queue[worker].popleft()
            behind.discard(worker)
            at(now + tasks[task], "finished", (worker, life[worker], task, now))

    for _ in range(min(plan.open_, len(tasks))):
        submit()
    if plan.lost:
        at(rng.expovariate(plan.lost * plan.workers / 3600), "loss")
    while done < len(tasks):
        now, _, what, about = heapq.heappop(events)
        if what == "submitted":
            ask_scheduler("ready", about)
        elif what == "ready":
            ready.append(about)
            largest = max(largest, len(ready))
            give()
        elif what == "given":
            worker, when, task = about
            if life[worker] != when:  # it was lost meanwhile
                ready.append(task)
                give()
                continue
            queue[worker].append(task)
            behind.add(worker)
            begin(worker)
        elif what == "finished":
            worker, when, task, since = about
            if life[worker] != when:
                continue
            work += now - since
            running[worker] = None
            idle.append(worker)
            if not queue[worker] and not ready and behind:  # it takes over what waits behind another worker's task
                other = behind.pop()
                ask_scheduler("given", (worker, life[worker], queue[other].popleft()))
                idle.remove(worker)
                idle.append(other)
            begin(worker)
            ask_scheduler("told", task)
            give()
        elif what == "told":
            ask_client("stored", about)
        elif what == "stored":
            done += 1
            ends.append(now)
            submit()
        elif what == "loss":
            worker = rng.randrange(plan.workers)
            if running[worker] != -1:
                back = [*queue[worker], *([running[worker]] if running[worker] is not None else [])]
                again += len(back)
                wasted += sum(tasks[t] for t in back if t == running[worker]) / 2
                queue[worker].clear()
                behind.discard(worker)
                life[worker] += 1
                running[worker] = -1
                idle = deque(w for w in idle if w != worker)
                for task in back:
                    ask_scheduler("ready", task)
                at(now + plan.away, "back", worker)
            at(now + rng.expovariate(plan.lost * plan.workers / 3600), "loss")
        elif what == "back":
            running[about] = None
            idle.extend([about, about])
            give()
    ideal = sum(tasks) / plan.workers
    return {
        "tasks": len(tasks), "seconds": now, "ideal": ideal, "used": work / (plan.workers * now),
        "rate": len(tasks) / now, "scheduler": busy_scheduler / now, "client": busy_client / now,
        "tail": now - ends[int(0.99 * len(ends))], "again": again, "longest": max(tasks), "ready": largest,
    }  # fmt: skip


# -- what the parts cost here -----


class Answering(Executor):
    """Has answered as soon as it is asked: what is left is the client's own time."""

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        out: Future[Any] = Future()
        out.set_result((ANSWER, ""))
        return out


ANSWER = {"result": {"text": "x" * 6000}, "depends": [["a/path", "0" * 64]]}


def payload() -> dict[str, Any]:
    from gdverify.discover import Source

    settings = {"tier": "smoke", "seed": 0, "device": "cuda", "budget": None, "overrides": {}, "save_dir": "a/path",
                "alpha": 1e-12}  # fmt: skip
    source = Source("/a/path/of/a/theorem/module.py", "theorems.topic.module", "topic")
    return {"source": source, "claim": "paper.claim", "settings": settings, "tasks": [{"evidence": 0, "case": 0}]}


def client_seconds(count: int) -> float:
    """Processor seconds of submitting a task, receiving its answer and storing it, without a network."""
    from gdverify.cluster import run_on
    from gdverify.database import Database
    from gdverify.pool import Limits, Request

    with tempfile.TemporaryDirectory() as folder:
        store = Database(Path(folder) / "store.sqlite")
        requests = [Request(payload(), [k]) for k in range(count)]
        began = time.process_time()
        run_on(
            Answering(), requests, len, limits=Limits(), failed=lambda place, text: None,
            answered=lambda place, answer: store.keep(str(place), answer["depends"], answer["result"], "run"),
        )  # fmt: skip
        seconds = time.process_time() - began
        store.close()
    return seconds / count


def dask_seconds(count: int) -> tuple[float, float] | None:
    """Processor seconds of one empty task on Dask's scheduler, and on its client; None without Dask."""
    try:
        from distributed import Client
    except ModuleNotFoundError:
        return None

    def used(dask_scheduler: Any = None) -> float:
        return time.process_time()

    # The scheduler is in a process of its own, as in a cluster; workers idle beside it.
    with tempfile.TemporaryDirectory() as folder:
        info, quiet = Path(folder) / "scheduler.json", {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        base = [sys.executable, "-m"]
        running = [
            subprocess.Popen(
                [*base, "distributed.cli.dask_scheduler", "--no-dashboard", "--host", "127.0.0.1", "--port", "0",
                 "--scheduler-file", str(info)], **quiet,
            )
        ]  # fmt: skip
        try:
            while not info.is_file() or not info.read_text():
                time.sleep(0.1)
            address = json.loads(info.read_text())["address"]
            running.append(
                subprocess.Popen(
                    [*base, "distributed.cli.dask_worker", address, "--nthreads", "2", "--no-dashboard", "--no-nanny",
                     "--local-directory", folder], **quiet,
                )
            )  # fmt: skip
            with Client(address, timeout=60, set_as_default=False) as client:
                client.wait_for_workers(1, timeout=60)
                client.gather([client.submit(len, "ab", pure=False) for _ in range(100)])
                before, own = client.run_on_scheduler(used), time.process_time()
                client.gather([client.submit(len, payload(), pure=False) for _ in range(count)])
                after = client.run_on_scheduler(used)
                return (after - before) / count, (time.process_time() - own) / count
        finally:
            for process in reversed(running):
                process.kill()
                process.wait()


def start_seconds(count: int) -> float:
    """Seconds of wall time that a task takes besides its work: its process, and importing its module."""
    from gdverify.cluster import serve
    from gdverify.discover import find
    from gdverify.pool import Limits
    from gdverify.worker import work

    entries = find([], everything=True)
    rng, times = random.Random(0), []
    for entry in rng.sample(entries, count):
        request = {**payload(), "source": entry.source, "claim": entry.id, "tasks": [{"plan": [entry.id]}]}
        began = time.perf_counter()
        serve(work, request, Limits())
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def measure(arguments: list[str]) -> list[str]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks scheduler-load", description=__doc__)
    parser.add_argument("--claims", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--durations", type=Path, default=MEASURED)
    parser.add_argument("--scale", type=float, default=1.0, help="simulate this share of the claims")
    options = parser.parse_args(arguments)
    measured = [claim for claim in json.loads(options.durations.read_text()) if claim]
    client, start, dask = client_seconds(5000), start_seconds(12), dask_seconds(3000)
    scheduler, more = dask or (1e-3, 1e-3)
    size = len(pickle.dumps(payload()))
    base = Plan(
        "one task a case, smoke tier", int(options.claims * options.scale), options.workers, start=start,
        scheduler=scheduler, client=client + more,
    )  # fmt: skip
    plans = [
        base,
        replace(base, name="the same, one task a claim", together=True),
        replace(base, name="one task a case, no start (lanes that stay)", start=0.0),
        replace(base, name="experiments 20 times longer", factor=20.0),
        replace(base, name="experiments 500 times longer (full tier, no GPU)", factor=500.0),
        replace(base, name="the same, 10 % of the workers lost in an hour", factor=500.0, lost=0.1),
        replace(base, name="the same, 1 % of the tasks ten times slower", factor=500.0, slow=0.01),
    ]
    rows = []
    for plan in plans:
        found = simulate(plan, durations(plan, measured, random.Random(0)))
        rows.append([
            plan.name, f"{found['tasks']:,.0f}", f"{found['seconds']:,.0f}", f"{found['ideal']:,.0f}",
            f"{found['used']:.0%}", f"{found['rate']:,.0f}", f"{found['scheduler']:.0%}", f"{found['client']:.0%}",
            f"{found['tail']:,.0f}", f"{found['longest']:,.0f}", f"{found['again']:,.0f}",
        ])  # fmt: skip
    count = statistics.mean(map(len, measured))
    head = [
        "scenario", "tasks", "takes (s)", "work / workers (s)", "workers busy", "tasks/s", "scheduler busy",
        "client busy", "last 1 % (s)", "longest task (s)", "given out again",
    ]  # fmt: skip
    return [
        f"{base.claims:,} claims on {base.workers:,} workers, drawn from {len(measured)} measured claims with "
        f"{count:.1f} tasks each in the mean. Measured here, per task: scheduler {1e3 * scheduler:.2f} ms"
        f"{'' if dask else ' (assumed: Dask is not installed)'}, submitting {1e3 * more:.2f} ms, receiving and storing "
        f"{1e3 * client:.2f} ms of processor time; process and import {start:.2f} s of wall time; a request is "
        f"{size} bytes and a function, an answer some 6 kB.", "",
        *table(head, rows),
    ]  # fmt: skip
