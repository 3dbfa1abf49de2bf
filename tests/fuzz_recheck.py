"""Valid certificates with one thing changed: which changes does the independent checker let through?

``python -m tests.fuzz_recheck [CLAIM ...]`` sweeps every change of every derivation (default: of the whole catalogue)
and prints the survivors; there should be none.  `tests/test_recheck_fuzz.py` draws from the same changes.

A change is made in the JSON data.  For speed a change inside one step is tried on that step first, all steps before it
being verified; only what passes there is verified from the start.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from gdverify.recheck import RULES, Malformed, Rejected, Unknown, recheck_data
from gdverify.recheck.certificate import Checker

Path = tuple[Any, ...]
Change = tuple[Path, str, Any]  # where, what is done, the changed certificate
REFUSALS = (Malformed, Rejected, Unknown)
WEIRD = (KeyError, TypeError, AttributeError, IndexError, ValueError, ArithmeticError, RecursionError)


def at(data: Any, path: Path) -> Any:
    for k in path:
        data = data[k]
    return data


def put(data: Any, path: Path, value: Any) -> Any:
    """A copy of nested lists and objects that shares all but the way to one entry, which is replaced."""
    if not path:
        return value
    out = dict(data) if isinstance(data, dict) else list(data)
    out[path[0]] = put(data[path[0]], path[1:], value)
    return out


def entries(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every entry and where it is, the whole first."""
    yield path, data
    if isinstance(data, (dict, list)):
        for k, v in data.items() if isinstance(data, dict) else enumerate(data):
            yield from entries(v, (*path, k))


def number(x: Any) -> Fraction | None:
    if isinstance(x, bool) or not isinstance(x, (int, str)):
        return None
    if isinstance(x, str) and not x.lstrip("-").replace("/", "", 1).isdigit():
        return None
    return Fraction(x)


def other_numbers(x: Any) -> list[Any]:
    """Neighbours of a number in the same way of writing: off by one, by a hair, of the other sign."""
    q = number(x)
    assert q is not None
    found = [q + 1, q - 1, q + Fraction(1, 10**9), -q]
    out = []
    for v in found:
        w: Any = int(v) if v.denominator == 1 else f"{v.numerator}/{v.denominator}"
        if w != x and w not in out:
            out.append(w)
    return out


def changes(data: Any) -> Iterator[tuple[Path, str, Any]]:
    """(where, what, the new value there) of every change of a value."""
    for path, value in entries(data):
        if not path or path == ("digest",):
            continue
        q = number(value)
        if q is not None:
            for new in other_numbers(value):
                yield path, f"{value} -> {new}", new
        elif isinstance(value, bool):
            yield path, f"{value} -> {not value}", not value
        elif isinstance(value, list):
            for k in range(len(value)):
                yield path, f"without entry {k}", value[:k] + value[k + 1 :]
            if value and not isinstance(value[0], str):
                yield path, "last entry twice", [*value, value[-1]]
        elif isinstance(value, dict):
            for k in value:
                yield path, f"without {k}", {n: v for n, v in value.items() if n != k}
            yield path, "with something unknown", {**value, "unknown": 1}
    yield (), "with something unknown", {**data, "unknown": 1}


def orders(data: Any) -> Iterator[tuple[Path, str, Any]]:
    """Steps doubled, and a step exchanged with each one that rests on it: as they stand, and renumbered."""
    steps = data["steps"]
    for k in range(len(steps)):
        yield ("steps",), f"step {steps[k]['n']} twice", [*steps[: k + 1], *steps[k:]]
        for j in range(k):
            if steps[j]["n"] in steps[k]["premises"]:
                swapped = list(steps)
                swapped[j], swapped[k] = swapped[k], swapped[j]
                yield ("steps",), f"{steps[j]['n']} and {steps[k]['n']} exchanged", swapped
                renumbered = list(swapped)
                renumbered[j], renumbered[k] = {**swapped[j], "n": steps[j]["n"]}, {**swapped[k], "n": steps[k]["n"]}
                yield ("steps",), f"{steps[j]['n']} and {steps[k]['n']} exchanged and renumbered", renumbered


def passes(data: Any) -> bool:
    """Whether the checker accepts the data, its digest made to fit."""
    try:
        recheck_data({k: v for k, v in data.items() if k != "digest"})
    except REFUSALS:
        return False
    return True


class Sweep:
    """Changes of one certificate, and those of them that are let through."""

    def __init__(self, data: Any):
        self.data = data
        self.tried = 0
        self.survivors: list[tuple[Path, str]] = []

    def run(self, picked: Iterable[tuple[Path, str, Any]]) -> None:
        """Try changes; those of the k-th step when the steps before it are verified."""
        by_step: dict[int, list[tuple[Path, str, Any]]] = {}
        ends, rest = [], []
        for change in picked:
            path = change[0]
            self.tried += 1
            if len(path) > 1 and path[0] == "steps":
                by_step.setdefault(path[1], []).append(change)
            else:
                (ends if path[:1] in (("propositions",), ("concluded",)) else rest).append(change)
        checker = Checker(self.data)
        for k, step in enumerate(checker.order):
            for path, what, new in by_step.get(k, ()):
                if path[2:] == ("n",) or self._stands(checker, put(self.data["steps"][k], path[2:], new)):
                    self._whole(path, what, new)
            checker.verify(step, RULES)
        for path, what, new in ends:
            changed = put(self.data, path, new)
            if self._ends(checker, changed):
                self._whole(path, what, new)
        for path, what, new in rest:
            self._whole(path, what, new)

    def _stands(self, checker: Checker, step: Any) -> bool:
        """Whether a changed step passes where it is."""
        n = len(checker.steps)
        try:
            checker.verify(checker._step(step), RULES)
        except (*REFUSALS, *WEIRD):
            return False
        finally:
            for k in list(checker.steps)[n:]:
                del checker.steps[k]
        return True

    def _ends(self, checker: Checker, data: Any) -> bool:
        """Whether verified steps conclude a changed statement."""
        kept = checker.propositions, checker.concluded
        try:
            checker.propositions = [checker.relation(p) for p in data["propositions"]]
            checker.concluded = data["concluded"]
            checker._conclude()
        except (*REFUSALS, *WEIRD):
            return False
        finally:
            checker.propositions, checker.concluded = kept
        return True

    def _whole(self, path: Path, what: str, new: Any) -> None:
        """Verify from the start, first what is granted."""
        data = put(self.data, path, new)
        data.pop("digest", None)
        try:
            checker = Checker(data)
            for step in checker.order:
                if step.rule in ("assumption", "domain", "definition"):
                    checker.verify(step, RULES)
        except (*REFUSALS, *WEIRD):
            return
        if passes(data):
            self.survivors.append((path, what))


def sweep(data: Any, sample: int = 0, seed: int = 0) -> Sweep:
    """Try every change (or a random sample of so many) of a valid certificate."""
    picked = [*changes(data), *orders(data)]
    if sample and sample < len(picked):
        picked = random.Random(seed).sample(picked, sample)
    out = Sweep(data)
    out.run(picked)
    return out


def exported(claim: Any) -> list[Any]:
    """The certificates of a claim's derivations, as JSON has them."""
    from gdverify.kernel.export import certificate, finished

    derivations = [e for e in claim.evidence if e.kind == "derivation"]
    return [finished(json.loads(json.dumps(certificate(claim, e)))) for e in derivations]


def main(arguments: list[str]) -> int:
    """Sweep claims; ``--sample N`` tries N changes of each certificate."""
    from gdverify.discover import select

    sample = int(arguments[1]) if arguments[:1] == ["--sample"] else 0
    names = arguments[2:] if sample else arguments
    tried, found = 0, 0
    for located in select(names, everything=not names):
        try:
            certificates = exported(located.claim)
        except Exception as error:
            print(f"{located.claim.id}: not exported: {error}", flush=True)
            continue
        for data in certificates:
            started = time.perf_counter()
            done = sweep(data, sample)
            tried, found = tried + done.tried, found + len(done.survivors)
            seconds = time.perf_counter() - started
            print(f"{data['claim']}: {done.tried} changes, {len(done.survivors)} survive, {seconds:.0f} s", flush=True)
            for path, what in done.survivors:
                rule = data["steps"][path[1]]["rule"] if len(path) > 1 and path[0] == "steps" else ""
                print("  survivor", rule, "/".join(map(str, path)), what, flush=True)
    print(f"{tried} changes, {found} survivors")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
