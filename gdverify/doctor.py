"""What this machine has, and what is missing for which kind of evidence."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from . import __version__

_PACKAGES = ("numpy", "scipy", "sympy", "mpmath", "array-api-compat", "python-flint", "clarabel", "z3-solver")
_CUPY = ("cupy-cuda12x", "cupy-cuda13x", "cupy")
_NEEDS = {
    "derivation": ("sympy", "python-flint"),
    "experiment": ("numpy", "scipy", "sympy", "mpmath", "array-api-compat"),
    "worst-case": ("numpy", "scipy", "sympy", "python-flint", "clarabel"),
}
_PROBE = """
import cupy
for i in range(cupy.cuda.runtime.getDeviceCount()):
    p = cupy.cuda.runtime.getDeviceProperties(i)
    name = p["name"].decode() if isinstance(p["name"], bytes) else p["name"]
    print("gpu", p["totalGlobalMem"], name)
"""


def gpus() -> tuple[list[tuple[str, int]], str]:
    """Name and memory in bytes of each usable GPU, and why there is none; asks a separate process."""
    if importlib.util.find_spec("cupy") is None:
        return [], "CuPy is not installed (extras: gdverify[cuda12], gdverify[cuda13])"
    try:
        probe = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"asking CuPy for GPUs failed: {error}"
    rows = [line.split(" ", 2) for line in probe.stdout.splitlines() if line.startswith("gpu ")]
    found = [(name, int(memory)) for _, memory, name in rows]
    lines = probe.stderr.strip().splitlines()
    return found, "" if found else f"no usable GPU ({lines[-1] if lines else 'CuPy counts none'})"


def gpu_count() -> tuple[int, str]:
    """How many GPUs CuPy can use, and why none."""
    found, why = gpus()
    return len(found), why


def installed(package: str) -> str | None:
    """Version of an installed distribution, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def versions() -> dict[str, str]:
    """Versions that a report records."""
    out = {"gdverify": __version__, "python": platform.python_version()}
    out.update({p: v for p in (*_PACKAGES, *_CUPY) if (v := installed(p)) is not None})
    return out


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> tuple[int, int] | None:
    """(available, total) bytes of main memory, where the system says; control-group limits are respected."""
    try:
        with open("/proc/meminfo", encoding="ascii") as info:
            rows = dict(line.split(":", 1) for line in info)
        total = int(rows["MemTotal"].split()[0]) * 1024
        available = int(rows["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        try:
            pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, ValueError, OSError):
            return None
        return pages, pages
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as limit:
            cap = int(limit.read())
        return min(available, cap), min(total, cap)
    except (OSError, ValueError):
        return available, total


def host() -> str:
    """The machine in words, without its name."""
    return f"{platform.system()} {platform.machine()}, {cores()} cores"


def examine() -> dict[str, Any]:
    """Everything `gdverify doctor` prints, as data."""
    from .store import home

    found, why = gpus()
    missing = {kind: [p for p in needs if installed(p) is None] for kind, needs in _NEEDS.items()}
    return {
        "versions": versions(),
        "cores": cores(),
        "memory": memory(),
        "gpus": found,
        "no_gpu": why,
        "home": str(home()),
        "missing": missing,
    }


def lines() -> list[str]:
    """What `gdverify doctor` prints."""
    data = examine()
    out = ["versions"]
    out += [f"  {name:<18} {number}" for name, number in data["versions"].items()]
    out += [f"  {p:<18} not installed" for p in _PACKAGES if p not in data["versions"]]
    out += ["", "machine", f"  {'cores':<18} {data['cores']}"]
    if data["memory"]:
        available, total = (b / 2**30 for b in data["memory"])
        out.append(f"  {'memory':<18} {available:.1f} GiB free of {total:.1f} GiB")
    for name, size in data["gpus"]:
        out.append(f"  {'GPU':<18} {name}, {size / 2**30:.0f} GiB")
    if not data["gpus"]:
        out.append(f"  {'GPU':<18} none: {data['no_gpu']}")
    out.append(f"  {'state':<18} {data['home']}")
    out += ["", "evidence"]
    for kind, absent in data["missing"].items():
        if absent:
            hint = (
                "pip install 'gdverify[proof]'" if set(absent) & {"python-flint", "clarabel"} else "reinstall gdverify"
            )
            out.append(f"  {kind:<18} cannot run: {', '.join(absent)} missing ({hint})")
        else:
            out.append(f"  {kind:<18} ready")
    out.append(f"  {'experiment on GPU':<18} {'ready' if data['gpus'] else 'cannot run: ' + data['no_gpu']}")
    return out
