"""The kernel's normal form against SymPy's ``expand``, ``cancel`` and ``simplify``, on the catalogue's own identities.

Every derivation is run.  Whenever the kernel is to decide that an expression is zero, the expression is, by a fixed
rule, taken into the sample or not; if it is, each contender decides it in a forked copy of the process: same caches,
same facts, same machine.  Seconds are of processor time.  SymPy gets vectors' products, values of functions and the
like as plain real symbols, so that it deals with algebra alone; what rests on means, sums or traces, of which it has
no notion, is counted and left out, and so is what the kernel itself does not show to be zero.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from sympy.core.function import AppliedUndef

from gdverify import language
from gdverify.discover import catalogue_sources, load
from gdverify.errors import ProofError
from gdverify.kernel import algebra
from gdverify.kernel.run import run_derivation

from .machine import table

PACKAGES = ("gdverify", "sympy", "python-flint")
OURS = "normal form"
METHODS: dict[str, Callable[[Any], Any]] = {
    "expand": sympy.expand,
    "cancel": sympy.cancel,
    "simplify": sympy.simplify,
}
_STRUCTURED = (
    language.Mean, language.Prob, language.DiagonalSum, language.PairMean, language.NormalMean, language.AtInfinity,
    language.GrowthExponent, language.GrowthRatio, language.DecayExponent, sympy.Sum, sympy.Product, sympy.Trace,
    sympy.Determinant, sympy.Integral, sympy.Derivative, sympy.MatrixExpr,
)  # fmt: skip


class _Late(BaseException):
    pass


def plain(expr: Any) -> Any:
    """The expression with inner products and values of functions as real symbols; None if it is not algebra."""
    if expr.has(*_STRUCTURED):
        return None
    found = [a for a in expr.atoms(sympy.Function) if isinstance(a, (language.Inner, AppliedUndef))]
    names = {a: sympy.Symbol(f"v{k}", real=True) for k, a in enumerate(sorted(found, key=sympy.default_sort_key))}
    return expr.xreplace(names)


def kind(expr: Any) -> str:
    powers = [p for p in expr.atoms(sympy.Pow) if not p.exp.is_Integer]
    if expr.atoms(sympy.Function) or powers:
        return "radicals, powers, functions"
    return "rational functions"


def decoy() -> Any:
    """Another identity, decided first, so that a child has its own copies of the pages that everybody writes to."""
    a, b, c = sympy.symbols("a' b' c'", positive=True)
    return (sympy.sqrt(a) * (a + b) ** 2 - c / 2) / 3 - (a**2 + 2 * a * b + b**2) * sympy.sqrt(a) / 3 + c / 6


def timed(decide: Callable[[Any], bool], expr: Any, limit: float) -> tuple[str, float]:
    """What a contender says, in a forked child, and its processor seconds."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        answer = "error"
        signal.signal(signal.SIGPROF, _late)
        with contextlib.suppress(Exception):
            decide(decoy())
            decide(decoy())
        began = time.thread_time()  # with a timer of processor time armed, the process's clock is coarse
        try:
            signal.setitimer(signal.ITIMER_PROF, limit)
            answer = "zero" if decide(expr) else "not shown"
        except _Late:
            answer = "limit"
        except BaseException:
            answer = "error"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            os.write(write, json.dumps([answer, time.thread_time() - began]).encode())
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    answer, seconds = json.loads(text) if text else ("error", 0.0)
    return answer, seconds


def _late(*_: Any) -> None:
    raise _Late


class Watch:
    """Stands in for the kernel's ``is_zero``: counts, and compares what falls into the sample."""

    def __init__(self, rate: float, limit: float):
        self.rate, self.limit = rate, limit
        self.real = algebra.is_zero
        self.claim, self.seen, self.depth = "", set(), 0
        self.counts: Counter[str] = Counter()
        self.own: list[float] = []  # processor seconds of every identity shown, as the derivations ran
        self.rows: list[tuple[str, dict[str, tuple[str, float]], int]] = []

    def __call__(self, expr: Any, oracle: Any) -> bool:
        if self.depth or expr == 0 or expr in self.seen:
            return self.real(expr, oracle)
        self.seen.add(expr)
        self.depth += 1
        try:
            if self._sampled():
                self._compare(expr, oracle)
            began = time.process_time()
            try:
                answer = self.real(expr, oracle)
            except ProofError:
                self.counts["refused"] += 1
                raise
            self.counts["zero" if answer else "not zero"] += 1
            if answer:
                self.own.append(time.process_time() - began)
            return answer
        finally:
            self.depth -= 1

    def _sampled(self) -> bool:
        text = f"{self.claim}/{len(self.seen)}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest(), "big") < self.rate * 2**48

    def _compare(self, expr: Any, oracle: Any) -> None:
        ours = timed(lambda e: self.real(e, oracle), expr, 60.0)
        if ours[0] != "zero":
            return
        algebraic = plain(sympy.sympify(expr))
        if algebraic is None:
            self.counts["means, sums, traces"] += 1
            return
        found = {OURS: ours}
        for name in random.Random(len(self.rows)).sample(list(METHODS), len(METHODS)):
            found[name] = timed(lambda e, name=name: METHODS[name](e) == 0, algebraic, self.limit)  # type: ignore[misc]
        self.rows.append((kind(algebraic), found, sympy.count_ops(algebraic)))

    def install(self) -> None:
        for name, module in list(sys.modules.items()):
            if name.startswith("gdverify.") and getattr(module, "is_zero", None) is self.real:
                module.is_zero = self  # type: ignore[attr-defined]


def collect(rate: float, limit: float, topics: list[str]) -> Watch:
    watch = Watch(rate, limit)
    for source in catalogue_sources():
        if topics and source.topic not in topics:
            continue
        for claim in load(source):
            for evidence in claim.evidence:
                if evidence.kind == "derivation":
                    watch.install()  # modules that are imported late, too
                    watch.claim, watch.seen = claim.id, set()
                    run_derivation(claim, evidence)
                    watch.counts["derivations"] += 1
    return watch


def rows_of(found: list[dict[str, tuple[str, float]]], limit: float) -> list[list[str]]:
    """One row of the table for each contender."""
    out = []
    for name in (OURS, *METHODS):
        answers = Counter(one[name][0] for one in found)
        seconds = [one[name][1] for one in found]
        ratios = [one[name][1] / one[OURS][1] for one in found]
        low, middle, high, top = np.quantile(ratios, [0.25, 0.5, 0.75, 0.95])
        out.append([
            name, f"{answers['zero']} of {len(found)}", answers["not shown"] + answers["error"], answers["limit"],
            f"{1e3 * statistics.median(seconds):.2f}", f"{1e3 * np.quantile(seconds, 0.95):.1f}", f"{sum(seconds):.1f}",
            *(("1", "", "", "") if name == OURS else (f"{middle:.2g}", f"{low:.2g}", f"{high:.2g}", f"{top:.2g}")),
        ])  # fmt: skip
    return out


def measure(arguments: list[str]) -> list[str]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks derivations", description=__doc__)
    parser.add_argument("--rate", type=float, default=0.02, help="share of the identities that are compared")
    parser.add_argument("--limit", type=float, default=10.0, help="processor seconds that SymPy gets for one identity")
    parser.add_argument("--topics", nargs="*", default=[], help="only these folders of the catalogue")
    options = parser.parse_args(arguments)
    watch = collect(options.rate, options.limit, options.topics)
    counts, own = watch.counts, watch.own
    lines = [
        f"{counts['derivations']} derivations asked {counts['zero'] + counts['not zero'] + counts['refused']:,} times "
        f"whether a new expression is zero: {counts['zero']:,} are, {counts['not zero']:,} were not shown to be, "
        f"{counts['refused']:,} were refused for a denominator. Processor time of the {counts['zero']:,}: median "
        f"{1e3 * statistics.median(own):.2f} ms, 95 % below {1e3 * np.quantile(own, 0.95):.1f} ms, together "
        f"{sum(own):.1f} s. Of the sample (rate {options.rate:g}), {len(watch.rows)} identities are algebra and are "
        f"compared below; {counts['means, sums, traces']} rest on means, sums or traces. SymPy's limit: "
        f"{options.limit:g} s of processor time each; where it is reached, it counts as the time taken.",
    ]
    head = [
        "contender", "shows it is zero", "does not", "at the limit", "median (ms)", "95 % (ms)", "all (s)",
        "median ratio", "25 %", "75 %", "95 %",
    ]  # fmt: skip
    for name in ("rational functions", "radicals, powers, functions"):
        found = [one for group, one, _ in watch.rows if group == name]
        if found:
            sizes = [size for group, _, size in watch.rows if group == name]
            lines += ["", f"{name.capitalize()} (median {statistics.median(sizes):.0f} operations):", ""]
            lines += table(head, rows_of(found, options.limit))
    lines += ["", "Ratio: the contender's time over the normal form's on the same identity; above 1 it is slower."]
    return lines
