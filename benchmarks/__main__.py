"""Run benchmarks: ``python -m benchmarks [NAME ...] [--write]``; without names all, each in a process of its own.

Options after ``--`` go to the benchmark, where one is named: ``python -m benchmarks derivations -- --rate 0.01``.
With ``--write`` the measured part of ``reports/benchmarks-NAME.md`` is replaced; the words around it stay.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path

NAMES = ("engines", "worst-case", "derivations", "sequential", "catalogue", "scheduler-load", "gpu")
NOT_HERE = 3
REPORTS = Path(__file__).resolve().parent.parent / "reports"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
# Contenders differ in how they use threads; a ratio of one core's work says what it says.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def main() -> int:
    given = sys.argv[1:]
    cut = given.index("--") if "--" in given else len(given)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--write", action="store_true", help="into reports/")
    options = parser.parse_args(given[:cut])
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    if len(options.names) == 1 and os.environ.get("GDVERIFY_BENCHMARK") == options.names[0]:
        return one(options.names[0], given[cut + 1 :], options.write)
    if given[cut + 1 :] and len(options.names) != 1:
        parser.error("options after -- are for one benchmark")
    codes = []
    for name in options.names or NAMES:
        threads = {} if name in ("catalogue", "gpu") else ONE_THREAD
        command = [sys.executable, "-m", "benchmarks", name, *["--write"] * options.write, "--", *given[cut + 1 :]]
        codes.append(subprocess.run(command, env={**os.environ, **threads, "GDVERIFY_BENCHMARK": name}).returncode)
    return max(c for c in (*codes, 0) if options.names or c != NOT_HERE)  # nobody asked for those that cannot run


def one(name: str, arguments: list[str], write: bool) -> int:
    try:
        module = importlib.import_module(f"benchmarks.{name.replace('-', '_')}")
        body = module.measure(arguments)
    except ModuleNotFoundError as missing:
        print(f"{name}: not run, {missing.name} is not installed (pip install 'gdverify[dev,bench]')", file=sys.stderr)
        return NOT_HERE
    except Unavailable as why:
        print(f"{name}: not run, {why}", file=sys.stderr)
        return NOT_HERE
    device = getattr(module, "DEVICE", "")
    text = "\n".join([described(module.PACKAGES, device), "", *body]).strip() + "\n"
    print(f"## {name}\n\n{text}", flush=True)
    if write:
        path = REPORTS / f"benchmarks-{name}.md"
        old = path.read_text(encoding="utf-8") if path.exists() else f"# {name}\n\n{BEGIN}\n{END}\n"
        before, rest = old.split(BEGIN, 1)
        path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    from benchmarks.machine import Unavailable, described

    sys.exit(main())
