"""The whole catalogue at the smoke tier, computed and then read from the store; how long the command takes to start.

Every command runs in a process of its own, with an empty store first.  Wall time is what a user waits, and depends on
what else the machine does; processor time is that of the command and all its workers.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from .machine import cores, load, table

PACKAGES = ("gdverify", "numpy", "scipy", "sympy", "python-flint", "clarabel", "z3-solver")
ROOT = Path(__file__).resolve().parent.parent
STARTS = {
    "python -c pass": ["-c", "pass"],
    "import gdverify": ["-c", "import gdverify"],
    "gdverify --help": ["-m", "gdverify", "--help"],
    "gdverify list": ["-m", "gdverify", "list"],
    "import numpy": ["-c", "import numpy"],
    "import sympy": ["-c", "import sympy"],
}


def adopt_orphans() -> None:
    """Make the workers' server, which outlives the command, ours to wait for (Linux); else its time is not seen."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def timed(arguments: list[str], home: str) -> tuple[float, float, int]:
    """Wall seconds until the command ends, processor seconds of all it started, exit code."""
    environment = {**os.environ, "GDVERIFY_HOME": home, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
    began = time.monotonic()
    process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall, cpu = time.monotonic() - began, usage.ru_utime + usage.ru_stime
    process.returncode = os.waitstatus_to_exitcode(status)
    with contextlib.suppress(ChildProcessError):
        while True:
            _, _, usage = os.wait4(-1, 0)
            cpu += usage.ru_utime + usage.ru_stime
    return wall, cpu, process.returncode


def durations(report: dict) -> dict[str, list[float]]:
    """Seconds of every task of a report, by kind of evidence."""
    out: dict[str, list[float]] = defaultdict(list)
    for claim in report["claims"]:
        for outcome in claim["evidence"]:
            out[outcome["kind"]].append(outcome["seconds"])
    return out


def whole(pattern: list[str], jobs: int, keep: Path | None) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/report.json"
        check = ["-m", "gdverify", "check", *pattern, "--jobs", str(jobs), "--json", file, "--device", "cpu"]
        before = load()
        wall, cpu, code = timed(check, folder)
        report = json.loads(Path(file).read_text())
        if keep:
            claims = [[[o["kind"], round(o["seconds"], 4)] for o in claim["evidence"]] for claim in report["claims"]]
            keep.write_text(json.dumps(claims))
        answers = [len(json.dumps(o)) for claim in report["claims"] for o in claim["evidence"]]
        size = os.path.getsize(f"{folder}/store.sqlite")
        stored = [timed(check, folder) for _ in range(3)]
        again = json.loads(Path(file).read_text())
        same = [c["verdict"] for c in report["claims"]] == [c["verdict"] for c in again["claims"]]
    seconds, warm = durations(report), statistics.median(s[0] for s in stored)
    rows = [
        ["computed", jobs, f"{wall:.1f}", f"{cpu:.1f}", code, ""],
        ["from the store, again", jobs, f"{warm:.2f}", f"{statistics.median(s[1] for s in stored):.2f}", stored[0][2],
         f"{wall / warm:.0f}"],
    ]  # fmt: skip
    lines = [
        f"{len(report['claims'])} claims, {sum(map(len, seconds.values()))} tasks; load average before {before}.", "",
        *table(["run", "jobs", "wall (s)", "CPU (s)", "exit code", "faster"], rows), "",
        f"Verdicts of both runs are {'the same' if same else 'DIFFERENT'}. The store holds {size / 2**20:.1f} MiB; an "
        f"answer takes {np.mean(answers) / 1024:.1f} KiB of JSON in the mean, {max(answers) / 1024:.0f} KiB at most.",
        "", "Wall seconds of one task, as measured in that run (with two tasks on a shared machine at a time):", "",
    ]  # fmt: skip
    rows = []
    for kind, found in sorted(seconds.items()):
        quantiles = np.quantile(found, [0.5, 0.9, 0.99, 1])
        rows.append([kind, len(found), f"{np.mean(found):.2f}", *(f"{q:.2f}" for q in quantiles), f"{sum(found):.0f}"])
    return [*lines, *table(["evidence", "tasks", "mean", "median", "90 %", "99 %", "longest", "all"], rows)]


def starts(rounds: int) -> list[str]:
    wall: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        timed(STARTS["gdverify list"], folder)  # the first call writes its index of the catalogue
        for _ in range(rounds):
            for name, command in STARTS.items():
                one = timed(command, folder)
                wall[name].append(one[0])
                cpu[name].append(one[1])
    base = cpu["python -c pass"]
    rows = [
        [
            name, f"{1e3 * statistics.median(wall[name]):.0f}", f"{1e3 * min(wall[name]):.0f}",
            f"{1e3 * statistics.median(cpu[name]):.0f}",
            f"{statistics.median(a / b for a, b in zip(cpu[name], base, strict=True)):.1f}",
        ]
        for name in STARTS
    ]  # fmt: skip
    head = ["command", "wall, median (ms)", "wall, least (ms)", "CPU, median (ms)", "CPU over bare Python"]
    return ["", f"Starting, {rounds} rounds in turn:", "", *table(head, rows)]


def measure(arguments: list[str]) -> list[str]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks catalogue", description=__doc__)
    parser.add_argument("--jobs", type=int, default=cores())
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--claims", nargs="*", default=["--all"], help="ids or patterns, instead of all")
    parser.add_argument("--durations", type=Path, help="write the seconds of every task there, by claim")
    options = parser.parse_args(arguments)
    adopt_orphans()
    return whole(options.claims, options.jobs, options.durations) + starts(options.rounds)
