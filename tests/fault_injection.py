"""Runs that are killed at random moments, gone on with and killed again: the last report is that of a calm run.

``python -m tests.fault_injection [--trials 200] [--seed 0] [--minutes 60]``: each trial starts `gdverify check` with an
empty state folder, and sends SIGKILL after a random time to the run with all its processes, to the run alone, to a
worker or to the server that workers are forked from; then `check --resume`, which may be killed again, until one ends.
Its report must equal that of an uninterrupted run to the byte (``--no-timings``), no result that was stored may be
lost, and no process may be left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .claim_files import FALSE, TRUE

CATALOGUE = ("adabelief.variance-tracking",)
VICTIMS = ("everything", "parent", "worker", "server")


@dataclass
class Setup:
    """What is checked; ``calm`` is the report of an uninterrupted run and ``seconds`` what it took."""

    folder: Path
    claims: tuple[str, ...] = CATALOGUE
    calm: bytes = b""
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def command(self) -> list[str]:
        words = ["check", "mine.py", "false.py", *self.claims, "--audit", "--device", "cpu", "--jobs", "2"]
        return [*words, "--no-timings", "--json", "report.json"]


def prepare(folder: Path, claims: tuple[str, ...] = CATALOGUE) -> Setup:
    """Write the claim files and run them once, calmly."""
    setup = Setup(folder, claims)
    from gdverify.discover import find

    setup.claims = tuple(f"{e.source.path}::{e.id}" for e in find(claims)) if claims else ()
    (folder / "mine.py").write_text(TRUE)
    (folder / "false.py").write_text(FALSE)
    began = time.monotonic()
    code, said = finish(start(setup, folder / "calm", setup.command))
    assert code == 1, said  # one claim is false
    setup.calm, setup.seconds = (folder / "report.json").read_bytes(), time.monotonic() - began
    return setup


def start(setup: Setup, home: Path, command: list[str]) -> subprocess.Popen[str]:
    env = {**os.environ, "GDVERIFY_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-m", "gdverify", *command], cwd=setup.folder, env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def finish(run: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = run.communicate(timeout=900)
    return run.returncode, said


def processes(home: Path) -> dict[int, int]:
    """Processes of a run by its state folder, with their parents."""
    out = {}
    mark = f"GDVERIFY_HOME={home}\0".encode()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes():
                state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
                if state != "Z":
                    out[int(entry.name)] = int(parent)
    return out


def kill(run: subprocess.Popen[str], home: Path, victim: str, rng: random.Random) -> bool:
    """SIGKILL; whether there was such a process."""
    family = processes(home)
    servers = [p for p, parent in family.items() if parent == run.pid and p in family.values()]
    workers = [p for p, parent in family.items() if parent in servers]
    chosen = {
        "everything": list(family), "parent": [run.pid], "server": servers[:1],
        "worker": [rng.choice(workers)] if workers else [],
    }[victim]  # fmt: skip
    for process in chosen:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return bool(chosen)


def kept(home: Path) -> int:
    """Results stored by the run that is not finished."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{home}/store.sqlite?mode=ro", uri=True)) as db:
            return db.execute(
                "select count(*) from results where run in (select id from runs where finished is null)"
            ).fetchone()[0]
    except sqlite3.Error:
        return 0


def gone(home: Path) -> bool:
    """Whether nothing of a run is left after a few seconds."""
    for _ in range(100):
        if not processes(home):
            return True
        time.sleep(0.1)
    return False


def trial(setup: Setup, number: int, seed: int = 0) -> str:
    """One trial; what was wrong, or the empty string."""
    rng = random.Random(f"{seed}/{number}")
    home = setup.folder / f"home{number}"
    report = setup.folder / "report.json"
    report.unlink(missing_ok=True)
    command, stored, kills = setup.command, 0, 0
    while True:
        again = kills < 4 and (not kills or rng.random() < 0.5)
        run = start(setup, home, command)
        victim = rng.choice(VICTIMS)
        if again:
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(rng.uniform(0.2, 1.1) * setup.seconds)
            if run.poll() is None and kill(run, home, victim, rng):
                setup.counts[f"killed: {victim}"] += 1
            kills += 1
        code, said = finish(run)
        if code == -signal.SIGKILL:
            if not gone(home):
                return "processes are left"
            stored = kept(home)
            command = ["check", "--resume"]
            continue
        if code == 2 and "no interrupted run" in said:
            setup.counts["killed before it began or after its end"] += 1
            if report.is_file():
                break
            command = setup.command
            continue
        if code != 1:
            return f"exit code {code}: {said[-600:]}"
        found = re.search(r"^(\d+) of \d+ tasks? from earlier", said, re.MULTILINE)
        if "--resume" in command and int(found[1] if found else 0) < stored:
            return f"{stored} results were stored, {found and found[1]} used"
        setup.counts["results that were not computed again"] += stored
        break
    if report.read_bytes() != setup.calm:
        (setup.folder / f"other{number}.json").write_bytes(report.read_bytes())
        return "another report"
    return "" if gone(home) else "processes are left at the end"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0)
    args = parser.parse_args()
    began, wrong, done = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as name:
        setup = prepare(Path(name))
        print(f"calm: {setup.seconds:.1f} s, {len(setup.calm)} bytes", flush=True)
        for number in range(args.trials):
            if time.monotonic() - began > 60 * args.minutes:
                break
            problem = trial(setup, number, args.seed)
            done += 1
            if problem:
                wrong += 1
                print(f"trial {number}: {problem}", flush=True)
            if done % 10 == 0:
                print(
                    f"{done} trials, {wrong} wrong, {time.monotonic() - began:.0f} s, {dict(setup.counts)}", flush=True
                )
    print(f"{done} trials, {wrong} wrong, {time.monotonic() - began:.0f} s, {dict(setup.counts)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
