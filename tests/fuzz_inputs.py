"""Readers of untrusted files, as functions of the bytes they are given; each says calmly what is wrong, or works.

``python -m tests.fuzz_inputs TARGET SECONDS`` runs Atheris on one (it is no dependency: pip install atheris), from a
seed corpus of valid files; `tests/test_hostile_input.py` draws changes of valid files for the same targets.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

WEIRD: list[Any] = [
    None, True, False, 0, -1, 2**70, 10**399, 0.5, -0.0, 1e308, 5e-324, "", "x", "1/0", "1e999999999", "9" * 5000, "\0",
    "\ud800", "../etc/passwd", "<script>alert(1)</script>", "]]>", "\\input{/etc/passwd}", "%n", [], {}, [[]], [None],
    {"": None}, ["x"] * 50, {"kind": "sure-bound"}, {"verdict": "pass"},
]  # fmt: skip


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every entry of nested data is."""
    out = [path]
    if isinstance(data, (dict, list)):
        for k, v in data.items() if isinstance(data, dict) else enumerate(data):
            out += places(v, (*path, k))
    return out


def put(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy in which one entry is replaced; removed if ``value`` is the function `put` itself."""
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    if len(path) == 1 and value is put:
        del copy[path[0]]
    else:
        copy[path[0]] = put(data[path[0]], path[1:], value)
    return copy


def changed(data: Any, rng: random.Random) -> Any:
    """Valid data with one to three entries replaced, removed or moved."""
    for _ in range(rng.randint(1, 3)):
        where = places(data)
        path = rng.choice(where)
        what = rng.randrange(4)
        if what == 0 and path:
            data = put(data, path, put)
        elif what == 1:
            donor = data
            for k in rng.choice(where):
                donor = donor[k]
            data = put(data, path, donor)
        else:
            data = put(data, path, rng.choice(WEIRD))
        if not isinstance(data, (dict, list)):
            return data
    return data


def refusals() -> type[Exception]:
    from gdverify.errors import GdverifyError

    return GdverifyError


def quiet(call: Callable[[], Any]) -> None:
    """Run; errors on purpose are the answer that is wanted, anything else comes through."""
    nowhere = io.StringIO()
    with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere), contextlib.suppress(refusals()):
        call()


def report(folder: Path, text: bytes) -> None:
    """Everything that reads a report of `check --json`."""
    from gdverify import compare, coverage, paper
    from gdverify.html.site import site
    from gdverify.junit import junit
    from gdverify.markdown import markdown
    from gdverify.sarif import sarif
    from gdverify.saved import read_report
    from tests.report_files import MIXED

    file = folder / "report.json"
    file.write_bytes(text)
    with contextlib.suppress(refusals()):
        read = read_report(file)
        for old, new in ((MIXED, read), (read, MIXED), (read, read)):
            found = compare.compare(old, new)
            compare.text(found), compare.markdown(found), json.dumps(found.plain(), allow_nan=False)
        coverage.verdicts_of(file)
        quiet(lambda: site(read))
        # What `gdverify paper --report` turns into one line.
        with contextlib.suppress(KeyError, TypeError, AttributeError, ValueError):
            paper.document(read, proofs=True), paper.bibtex(read)
        with contextlib.suppress(KeyError, TypeError, AttributeError, ValueError):
            markdown(read), junit(read), sarif(read)  # never given a report from a file; they must end


def certificate(folder: Path, text: bytes) -> None:
    """`gdverify recheck`."""
    from gdverify.recheck.__main__ import recheck_file

    file = folder / "certificate.json"
    file.write_bytes(text)
    codes: list[int] = []
    quiet(lambda: codes.append(recheck_file(file)))
    assert codes[0] in (0, 1, 2, 3)


def saved(folder: Path, text: bytes) -> None:
    """`gdverify replay`: the record, then after a zero byte the archive beside it (without one, a good archive)."""
    from gdverify.experiment import violation

    record, _, archive = text.partition(b"\0PK")
    file = folder / "saved.json"
    file.write_bytes(record)
    (folder / "saved.npz").write_bytes(b"PK" + archive if archive else good_archive())
    quiet(lambda: violation.replay(file, half_bound(), seconds=5.0))


def worst_case(folder: Path, text: bytes) -> None:
    """`gdverify recheck` on a worst-case certificate, and its export to Coq."""
    from gdverify.coq import command

    certificate(folder, text)
    command.available = lambda: False
    quiet(lambda: command.write_certificate(str(folder / "certificate.json"), str(folder / "out.v")))


def half_bound() -> Any:
    """A claim with one draw, to replay instances of."""
    import sympy

    from gdverify import Claim, Paper, SureBound
    from gdverify.domain import Positive

    q, c = sympy.Symbol("q", real=True), sympy.Symbol("c", positive=True)
    claim = Claim(
        id="fuzz.bound", title="t", paper=Paper("fuzz", "F"), locator="l", statement="s",
        symbols={c: Positive(sample=(1, 10))}, decides=SureBound(q, c),
    )  # fmt: skip

    @claim.experiment(cases=[{"shape": "round", "turns": 3}])
    def sample(xp, rng, case, size):
        return {"quantity": rng.normal((size,)) * case.c}

    return claim


def good_record() -> dict[str, Any]:
    return {
        "schema": "gdverify.violation/1", "claim": "fuzz.bound", "module": None, "mutant": None, "evidence": "sample",
        "case": {"shape": "round", "turns": 3, "c": "5/2"}, "seed": 0, "rows": 32, "arrays": "saved.npz",
        "draws": [{"kind": "normal", "shared": False, "shape": [1]}], "message": "", "versions": {},
    }  # fmt: skip


def good_archive(**arrays: Any) -> bytes:
    import numpy as np

    out = io.BytesIO()
    np.savez_compressed(out, **(arrays or {"draw0": np.array([3.0])}))
    return out.getvalue()


def archive_of(name: str, text: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive with one member of any content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(name, text)
    return out.getvalue()


def seeds(target: str) -> list[Any]:
    """Valid data for a target."""
    if target == "report":
        from tests.report_files import MIXED

        return [MIXED]
    if target == "saved":
        return [good_record()]
    if target == "worst_case":
        from gdverify.api import load
        from gdverify.worstcase import run_worst_case

        claim = load("handbook.gd-convex")
        evidence = next(e for e in claim.evidence if e.kind == "worst-case")
        with tempfile.TemporaryDirectory() as folder:
            run_worst_case(claim, evidence, evidence.draw(claim, "smoke")[0], Path(folder))
            return [json.loads(p.read_text()) for p in sorted(Path(folder).glob("*.json"))]
    from gdverify.discover import select
    from tests.fuzz_recheck import exported

    return [d for name in ("handbook.gd-pl", "deq.well-conditioned-upper") for d in exported(select([name])[0].claim)]


TARGETS: dict[str, Callable[[Path, bytes], None]] = {
    "report": report, "certificate": certificate, "saved": saved, "worst_case": worst_case,
}  # fmt: skip


READERS = {
    "report": ["gdverify.saved", "gdverify.compare", "gdverify.coverage", "gdverify.paper", "gdverify.markdown"],
    "certificate": ["gdverify.recheck", "gdverify.recheck.__main__"],
    "saved": ["gdverify.experiment.violation"],
    "worst_case": ["gdverify.recheck.__main__", "gdverify.recheck.certificate"],
}


def unsigned(data: Any) -> Any:
    """A certificate whose digest fits what it says, so that its steps are reached."""
    from gdverify.recheck import digest

    if isinstance(data, dict) and "digest" in data:
        with contextlib.suppress(Exception):
            return {**data, "digest": digest(data)}
    return data


def main(arguments: list[str]) -> int:
    """Fuzz one target for so many seconds, guided by coverage; half of the changes are of structure, half of bytes."""
    import atheris

    name, seconds = arguments[0], float(arguments[1])
    with atheris.instrument_imports(include=READERS[name], enable_loader_override=False):
        for module in READERS[name]:
            importlib.import_module(module)
    folder, corpus = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
    for k, data in enumerate(seeds(name)):
        (corpus / str(k)).write_text(json.dumps(data))
    deadline, count, slowest = time.monotonic() + seconds, 0, 0.0

    def one(text: bytes) -> None:
        nonlocal count, slowest
        if time.monotonic() > deadline:
            print(f"{name}: {count} inputs in {seconds:.0f} s, slowest {slowest:.1f} s", flush=True)
            os._exit(0)
        count += 1
        began = time.monotonic()
        TARGETS[name](folder, text)
        took = time.monotonic() - began
        if took > slowest:
            slowest = took
            (folder / "slowest").write_bytes(text)

    def mutated(text: bytes, most: int, seed: int) -> bytes:
        if seed % 2:
            with contextlib.suppress(ValueError, RecursionError):
                new = json.dumps(unsigned(changed(json.loads(text), random.Random(seed)))).encode()
                return new if len(new) <= most else text
        return atheris.Mutate(text, most)

    options = ["-max_len=200000", "-len_control=0", "-timeout=300", "-rss_limit_mb=4000", f"-artifact_prefix={folder}/"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one, custom_mutator=mutated)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
