"""Every experiment of the catalogue on CuPy against NumPy, and what it achieves of what the GPU can do.

Attainable are measured on the spot: a float64 matrix product (FLOP/s), a triad a + s*b of long vectors (bytes/s), and
the generator alone (normals/s).  Of each experiment a batch is run on both.  Its operations and bytes are what its own
calls need (matrix products, decompositions; every elementwise result written and its operands read), counted on the
host while one block runs.  Seconds are of wall time, the device synchronised.  Needs CuPy and a GPU; refuses with one
line otherwise.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gdverify.discover import catalogue_sources, load
from gdverify.errors import GdverifyError, UsageError
from gdverify.experiment.backend import Namespace, namespace
from gdverify.experiment.device import DeviceStreams
from gdverify.experiment.engine import sample_budget
from gdverify.experiment.laboratory import Laboratory
from gdverify.worker import draw

from .machine import Unavailable, table

PACKAGES = ("gdverify", "numpy", "cupy-cuda12x", "cupy-cuda13x")
DEVICE = ""
_CUBIC = {  # floating-point operations of a decomposition of n x n, in n^3; LAPACK's counts
    "solve": 2 / 3, "inv": 2.0, "det": 2 / 3, "slogdet": 2 / 3, "cholesky": 1 / 3, "qr": 8 / 3, "eigvalsh": 4 / 3,
    "eigh": 9.0, "svdvals": 8 / 3, "svd": 22.0,
}  # fmt: skip


class Counted:
    """A namespace's function with its operations and bytes added up."""

    def __init__(self) -> None:
        self.flops = self.bytes = 0.0

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            out = function(*args, **kwargs)
            arrays = [a for a in (*args, *(out if isinstance(out, tuple) else (out,))) if hasattr(a, "nbytes")]
            self.bytes += sum(a.nbytes for a in arrays)
            first = next((a for a in args if hasattr(a, "shape")), None)
            if name == "matmul":
                self.product(args[0], out)
            elif name in _CUBIC and first is not None and first.ndim > 1:
                self.flops += _CUBIC[name] * first.size * min(first.shape[-2:])
            elif hasattr(out, "size"):
                self.flops += max(out.size, getattr(first, "size", 0))
            return out

        return call

    def product(self, left: Any, out: Any) -> None:
        self.flops += 2.0 * out.size * left.shape[-1]


class Watched(np.ndarray):
    """NumPy's arrays with their operators counted; ``counter`` is set while one block runs."""

    counter: Counted | None = None

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [np.asarray(i) if isinstance(i, Watched) else i for i in inputs]
        if "out" in kwargs:
            kwargs["out"] = tuple(np.asarray(o) for o in kwargs["out"])
        out = getattr(ufunc, method)(*plain, **kwargs)
        counter = Watched.counter
        if counter is not None:
            counter.bytes += sum(
                getattr(a, "nbytes", 8) for a in (*plain, *(out if isinstance(out, tuple) else (out,)))
            )
            if ufunc is np.matmul:
                counter.product(plain[0], out)
            else:
                counter.flops += max(np.size(out), *(np.size(i) for i in plain))
        view = lambda a: a.view(Watched) if isinstance(a, np.ndarray) else a
        return tuple(map(view, out)) if isinstance(out, tuple) else view(out)


def work_of(lab: Laboratory) -> tuple[float, float]:
    """Operations and bytes of one row of a simulation, from one block on the host."""
    counter, host = Counted(), namespace("cpu")
    linalg = host.linalg

    class Linalg:
        def __getattr__(self, name: str) -> Any:
            found = getattr(linalg, name)
            return counter.wrap(name, found) if name in _CUBIC else found

    class Space(Namespace):
        def from_host(self, array: Any) -> Any:
            counter.bytes += array.nbytes  # a draw is written once
            return array.view(Watched)

    space = Space("cpu", host.base, host._special, host.native)
    space.linalg = Linalg()  # type: ignore[assignment]
    own, lab.xp = lab.xp, space
    Watched.counter = counter
    try:
        lab.run(0, 1)
    finally:
        lab.xp, Watched.counter = own, None
    return counter.flops / lab.rows, counter.bytes / lab.rows


def seconds_of(run: Callable[[], Any], finish: Callable[[], Any], rounds: int) -> float:
    run(), finish()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        run(), finish()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def attainable(xp: Namespace, finish: Callable[[], Any]) -> tuple[float, float, float]:
    """FLOP/s of a matrix product, bytes/s of a triad, normals/s of the generator."""
    cp = xp.native
    n, length = 8192, 2**27
    a, b = cp.ones((n, n)), cp.ones((n, n))
    flops = 2 * n**3 / seconds_of(lambda: cp.matmul(a, b), finish, 5)
    x, y = cp.ones(length), cp.ones(length)
    triad = cp.ElementwiseKernel("float64 x, float64 y", "float64 z", "z = x + 3.0 * y", "triad")
    z = cp.empty(length)
    width = 24 * length / seconds_of(lambda: triad(x, y, z), finish, 5)
    streams = DeviceStreams(xp, b"0123456789abcdef", 0, 64, length // 64)
    return flops, width, length / seconds_of(lambda: streams.draw("normal", (length,), False), finish, 5)


def compare(claim: Any, evidence: Any, options: argparse.Namespace, finish: Callable[[], Any]) -> list[Any]:
    """One row of the table."""
    case = draw(claim, evidence, {"tier": "smoke", "seed": 0, "overrides": {}})[0]
    _, rows = sample_budget(claim, evidence, "smoke")
    gpu, cpu = (Laboratory(claim, evidence, case, seed=0, rows=rows, device=d) for d in ("cuda", "cpu"))
    flops, moved = work_of(cpu)
    most = max(1, int(options.bytes // max(moved * rows, 1)))
    blocks = min(most, max(1, options.rows // rows))
    there = seconds_of(lambda: gpu.run(0, blocks), finish, options.rounds)
    few = max(1, min(blocks, int(1e9 // max(moved * rows, 1))))  # the host need not wait for as much
    here = seconds_of(lambda: cpu.run(0, few), lambda: None, 3)
    total = blocks * rows
    return [
        claim.id,
        evidence.name,
        total,
        flops * total / there,
        moved * total / there,
        total / there,
        few * rows / here,
    ]


def measure(arguments: list[str]) -> list[str]:
    global DEVICE
    parser = argparse.ArgumentParser(prog="python -m benchmarks gpu", description=__doc__)
    parser.add_argument("--rows", type=int, default=2**18, help="rows of a batch at most")
    parser.add_argument("--bytes", type=float, default=8e9, help="bytes that a batch may move, as counted")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--claims", nargs="*", default=[], help="only claims whose id contains one of these")
    options = parser.parse_args(arguments)
    try:
        xp = namespace("cuda")
    except UsageError as why:
        raise Unavailable(str(why).removeprefix("--device cuda: ")) from None
    cp = xp.native
    finish = cp.cuda.Stream.null.synchronize
    DEVICE = cp.cuda.runtime.getDeviceProperties(0)["name"].decode()
    flops, width, normals = attainable(xp, finish)
    rows, failed = [], []
    for source in catalogue_sources():
        for claim in load(source):
            for evidence in claim.evidence:
                if evidence.kind != "experiment" or (options.claims and not any(c in claim.id for c in options.claims)):
                    continue
                try:
                    rows.append(compare(claim, evidence, options, finish))
                except (GdverifyError, MemoryError, RuntimeError) as why:
                    failed.append(f"- {claim.id} {evidence.name}: {type(why).__name__}: {str(why).splitlines()[0]}")
                xp.release()
    if not rows:
        raise Unavailable("no experiment was measured" + "".join(f"\n{line}" for line in failed))
    faster = [r[5] / r[6] for r in rows]
    share = [max(r[3] / flops, r[4] / width) for r in rows]
    body = [
        [r[0], r[1], f"{r[2]:,}", f"{r[3]:.2g}", f"{r[3] / flops:.1%}", f"{r[4]:.2g}", f"{r[4] / width:.1%}",
         f"{r[5]:.3g}", f"{r[5] / r[6]:.1f}"]
        for r in sorted(rows, key=lambda r: r[5] / r[6])
    ]  # fmt: skip
    head = [
        "claim",
        "experiment",
        "rows",
        "FLOP/s",
        "of attainable",
        "bytes/s",
        "of attainable",
        "rows/s",
        "over NumPy",
    ]
    return [
        f"Attainable here: {flops:.3g} FLOP/s (matrix product of size 8192), {width:.3g} bytes/s (triad), "
        f"{normals:.3g} normals/s (generator). {len(rows)} experiments: median speed-up over NumPy in one process "
        f"{statistics.median(faster):.1f}, median share of what is attainable (of FLOP/s or of bytes/s, whichever is "
        f"larger) {statistics.median(share):.1%}; {len(failed)} failed.",
        "",
        *table(head, body, left=2), *([""] if failed else []), *failed,
    ]  # fmt: skip
