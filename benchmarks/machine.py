"""What a measurement was taken on, and timers that other work on the machine disturbs as little as can be."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import gdverify


def processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> str:
    return " ".join(f"{x:.1f}" for x in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"


def described(packages: Sequence[str], device: str = "") -> str:
    """One paragraph: date, hardware, load, versions."""
    found = []
    for name in packages:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"{name} {gdverify.__version__}" if name == "gdverify" else f"{name} not installed")
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {processor()}, {cores()} cores, "
        f"{device or 'no GPU'}; load average at the end {load()} (the machine's cores are shared with other work when "
        f"this is above what the benchmark itself uses). Python {platform.python_version()}, {', '.join(found)}."
    )


def interleaved(
    contenders: dict[str, Callable[[], Any]], rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[str, list[float]]:
    """Seconds of each contender in each round; they take turns, so that what slows the machine slows them all."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            began = clock()
            run()
            seconds[name].append(clock() - began)
    return seconds


def ratio(seconds: dict[str, list[float]], name: str, to: str) -> float:
    """Median over rounds of one contender's time over another's."""
    return statistics.median(a / b for a, b in zip(seconds[name], seconds[to], strict=True))


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], left: int = 1) -> list[str]:
    """Markdown; the first ``left`` columns are text."""
    align = ["---" if k < left else "---:" for k in range(len(head))]
    return ["| " + " | ".join(map(str, line)) + " |" for line in (head, align, *rows)]


class Unavailable(Exception):
    """A benchmark cannot run here; one line says why."""
