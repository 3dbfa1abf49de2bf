"""What comes from strangers is read calmly: one line and a refusal, nothing run, nothing outside, no bombs."""

import argparse
import contextlib
import hashlib
import json
import os
import pickle
import random
import re
import sqlite3
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gdverify import cli, database, discover
from gdverify.api import exact_number
from gdverify.commands.arguments import read_overrides
from gdverify.errors import GdverifyError, UsageError
from gdverify.experiment import violation
from gdverify.experiment.checkpoint import Checkpoint
from gdverify.runner import Settings, run_apart
from gdverify.saved import read_report

from . import fuzz_inputs
from .claim_files import FALSE, TRUE

few = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
# Words that parsers are known to trip over, and any text.
WORDS = [
    "1e999", "nan", "inf", "-0", "0x10", "1_0", "٣", "²", "1/0", "1e-400", "__import__('os')", "9" * 5000,
    "1e" + "9" * 50, "", "s",
]  # fmt: skip
text = st.one_of(st.sampled_from(WORDS), st.text(max_size=30), st.from_regex(r"[-+0-9.eE/_]{1,12}[smhgMGT]?"))


@pytest.mark.parametrize("read", [cli._seconds, cli._bytes, cli._probability, cli._positive])
@given(text)
@few
def test_options_are_numbers_or_refused(read, value):
    try:
        found = read(value)
    except argparse.ArgumentTypeError as error:
        found, said = 1, str(error)
        assert len(said) < 200 and "\n" not in said
    assert 0 < found < 2**60


@given(st.one_of(text, st.tuples(st.sampled_from(["c=", "=", " =", "c==", "\0="]), text).map("".join)))
@few
def test_set_takes_numbers_and_evaluates_nothing(value):
    with contextlib.suppress(UsageError):
        ((name, number),) = read_overrides(argparse.Namespace(set=[value])).items()
        assert name.strip() and abs(number) < 10**301
    with contextlib.suppress(UsageError):
        assert abs(exact_number("x", value)) < 10**301


parts = st.sampled_from([
    "..", ".", "/", "::", ".py", "a.py", "x", "*", "[", "[!", "]", "?", "\0", "~", "mine.square", "\n", "a" * 300,
    "/etc/passwd",
])  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with one claim file, which is never run here."""
    where = tmp_path_factory.mktemp("patterns")
    (where / "a.py").write_text("raise SystemExit('run')\n")
    return where


@given(pattern=st.lists(parts, max_size=6).map("".join))
@example(pattern="a" * 5000 + "/x")
@example(pattern="\0/x")
@few
def test_patterns_of_claims_find_or_refuse(folder, pattern):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GDVERIFY_HOME", str(folder / "home"))
        patched.setattr(discover, "catalogue_sources", list)
        patched.chdir(folder)
        patched.setattr(discover, "listed_apart", lambda source: [])
        patched.setattr(discover, "_python_files", lambda root: [folder / "a.py"])
        try:
            assert discover.find([pattern]) == []
        except UsageError as error:
            assert len(str(error)) < 1000  # noqa: PT017


@pytest.mark.parametrize("name", ["report", "saved"])
@given(seed=st.integers(0, 2**64))
@few
def test_changed_files_are_read_calmly(folder, name, seed):
    rng = random.Random(seed)
    data = fuzz_inputs.changed(rng.choice(fuzz_inputs.seeds(name)), rng)
    fuzz_inputs.TARGETS[name](folder, json.dumps(data).encode())


@pytest.mark.parametrize("name", ["worst_case", "certificate"])
def test_changed_certificates_are_read_calmly(folder, name):
    valid = fuzz_inputs.seeds(name)
    for seed in range(60):
        rng = random.Random(seed)
        data = fuzz_inputs.unsigned(fuzz_inputs.changed(rng.choice(valid), rng))
        fuzz_inputs.TARGETS[name](folder, json.dumps(data).encode())


@pytest.mark.parametrize("name", list(fuzz_inputs.TARGETS))
@pytest.mark.parametrize("junk", [b"", b"\xff\xfe", b"[" * 10**5, b'{"a":' * 10**4, b"1" * 10**5, b"NaN", b'"\\ud800"'])
def test_junk_is_no_file_of_ours(folder, name, junk):
    fuzz_inputs.TARGETS[name](folder, junk)


# -- saved instances ---------------------------------------------------------------------------------------------


def header(shape, dtype="<f8", version=b"\x01\x00"):
    body = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    body += b" " * ((-len(body) - 11) % 64) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(body)) + body


MAGIC = b"\x93NUMPY\x01\x00"


class Planted:
    def __reduce__(self):
        return open, ("ran", "w")


def flipped(data):
    return data[:60] + bytes([data[60] ^ 255]) + data[61:]


def of_bytes(data, name="draw0.npy"):
    return fuzz_inputs.archive_of(name, data)


ARCHIVES = {
    "pickled": lambda: fuzz_inputs.good_archive(draw0=np.array([Planted()], dtype=object)),
    "claims-more": lambda: of_bytes(header((10**12,))),
    "claims-much-more": lambda: of_bytes(header((2**63,))),
    "claims-less": lambda: of_bytes(header((1,)) + b"\0" * 800),
    "negative": lambda: of_bytes(header((-1,)) + b"\0" * 8),
    "other-dtype": lambda: of_bytes(header((1,), "<f4") + b"\0" * 4),
    "big-endian-object": lambda: of_bytes(header((1,), "|O") + pickle.dumps(Planted())),
    "structured": lambda: of_bytes(header((1,), [("a", "<f8")]) + b"\0" * 8),
    "code-in-the-header": lambda: of_bytes(MAGIC + struct.pack("<H", 36) + b"__import__('os').system('touch ran')"),
    "deep-header": lambda: of_bytes(MAGIC + struct.pack("<H", 4000) + b"(" * 4000),
    "new-version": lambda: of_bytes(header((1,), version=b"\x09\x00") + b"\0" * 8),
    "not-finite": lambda: fuzz_inputs.good_archive(draw0=np.array([np.nan])),
    "no-zip": lambda: b"PK" + b"\0" * 100,
    "cut": lambda: fuzz_inputs.good_archive()[:-30],
    "damaged": lambda: flipped(fuzz_inputs.good_archive()),
    "bomb": lambda: of_bytes(header((1,)) + b"\0" * (200 * 2**20)),
    "bzip2-bomb": lambda: fuzz_inputs.archive_of("draw0.npy", b"\0" * (50 * 2**20), zipfile.ZIP_BZIP2),
    "lzma": lambda: fuzz_inputs.archive_of("draw0.npy", b"\0" * 8, zipfile.ZIP_LZMA),
    "elsewhere": lambda: of_bytes(header((1,)) + b"\0" * 8, "../../draw0.npy"),
    "empty": lambda: fuzz_inputs.archive_of("x", b""),
}  # fmt: skip
RECORDS = {
    "outside-the-regime": {"case": {"shape": "round", "turns": 3, "c": -1}},
    "not-the-whole-case": {"case": {"shape": "round", "turns": 3}},
    "huge-exponent": {"case": {"shape": "round", "turns": 3, "c": "1e999999999"}},
    "no-number": {"case": {"shape": "round", "turns": 3, "c": "__import__('os').system('touch ran')"}},
    "a-value-of-its-own": {"case": {"shape": "/etc/passwd", "turns": 3, "c": 2}},
    "a-parameter-of-its-own": {"case": {"shape": "round", "turns": 3, "c": 2, "file": 1}},
    "other-draws": {"draws": [{"kind": "normal", "shared": False, "shape": [2]}]},
    "many-draws": {"draws": [{"kind": "normal", "shared": False, "shape": [10**7]}] * 1000},
    "endless-shape": {"draws": [{"kind": "normal", "shared": False, "shape": [10**6] * 30}]},
    "no-draws": {"draws": []},
    "folder": {"arrays": ".."},
    "absolute": {"arrays": "/etc/passwd"},
    "zero-byte": {"arrays": "\0"},
    "long-name": {"arrays": "a" * 5000},
}


def place(where, record=(), archive=None):
    path = where / "saved.json"
    path.write_text(json.dumps({**fuzz_inputs.good_record(), **dict(record)}))
    (where / "saved.npz").write_bytes(fuzz_inputs.good_archive() if archive is None else archive)
    return path


def test_a_good_instance_replays(tmp_path):
    found = violation.replay(place(tmp_path), fuzz_inputs.half_bound())
    assert found.verdict == "fail" and found.estimate == pytest.approx(7.5)


@pytest.mark.parametrize("how", [*ARCHIVES, *RECORDS])
def test_a_bad_instance_is_refused(tmp_path, monkeypatch, how):
    monkeypatch.chdir(tmp_path)
    path = place(tmp_path, RECORDS.get(how, ()), ARCHIVES[how]() if how in ARCHIVES else None)
    claim = fuzz_inputs.half_bound()
    tracemalloc.start()
    began = time.monotonic()
    try:
        with pytest.raises(GdverifyError):
            violation.replay(path, claim)
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20 and time.monotonic() - began < 10
    finally:
        tracemalloc.stop()
    assert not (tmp_path / "ran").exists()


def test_an_instance_outside_the_assumptions_is_refused(tmp_path):
    """Draws are any numbers; what they make must still be what the statement speaks of."""
    claim = fuzz_inputs.half_bound()
    record = {"draws": [{"kind": "uniform", "shared": False, "shape": [1]}]}
    with pytest.raises(GdverifyError):
        violation.replay(place(tmp_path, record), claim)


def test_replay_of_what_never_ends_is_stopped(tmp_path, monkeypatch, capsys):
    """In a process of its own, with limits: a saved case may ask for anything that its regime allows."""
    from gdverify import replay

    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(replay, "SECONDS", 3.0)
    endless = FALSE.replace('    return {"quantity"', '    while True:\n        pass\n    return {"quantity"')
    (tmp_path / "claims.py").write_text(endless)
    record = {"claim": "mine.wrong", "evidence": "sample", "case": {"c": 1, "d": 1}, "draws": []}
    path = place(tmp_path, record)
    assert cli.main(["replay", str(path), "--claims", str(tmp_path / "claims.py")]) == 3
    assert "stopped after 3 s" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["mine.*", "mine", "*", "../claims.py::mine.wrong", "a" * 10**5, "\n", "-x"])
def test_a_saved_file_names_one_claim(tmp_path, monkeypatch, capsys, name):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    assert cli.main(["replay", str(place(tmp_path, {"claim": name}))]) == 2
    said = capsys.readouterr()
    assert not said.out and len(said.err.splitlines()) == 1 and len(said.err) < 1000


# -- state -------------------------------------------------------------------------------------------------------


@given(st.data())
@few
def test_a_damaged_checkpoint_is_none(folder, data):
    path = folder / "checkpoint"
    kept = Checkpoint(path, lambda: "s", lambda stamp: stamp == "s", every=0.0)
    state = {"done": 3, "rows": 256, "judge": {"total": 0.1, "values": np.arange(5.0)}}
    kept.save(state, {})
    text = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(text[: data.draw(st.integers(0, len(text)))])
    found = kept.restore({})
    assert found is None or (bytes(text) == path.read_bytes() and str(found) == str(state))


@given(st.binary(max_size=200))
@few
def test_any_bytes_are_no_checkpoint(folder, text):
    (folder / "checkpoint").write_bytes(hashlib.sha256(text).digest() + text)
    assert Checkpoint(folder / "checkpoint", str, lambda stamp: True).restore({}) is None


JUNK = ["null", "[]", "{}", "3", "[[1]]", '[["x", null]]', "x", '{"verdict": "pass"}', "[" * 5000]


@pytest.fixture
def checked(tmp_path, monkeypatch):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    (tmp_path / "claims.py").write_text(TRUE)

    def call():
        entries = discover.find([str(tmp_path / "claims.py")])
        return run_apart(entries, Settings(device="cpu", audit=True), command=["x"])

    return call


def test_junk_in_the_store_is_computed_again(checked, tmp_path):
    checked()
    store = tmp_path / "home" / "store.sqlite"
    for k in range(2):
        with sqlite3.connect(store) as db:
            for n, (key,) in enumerate(db.execute("select key from results").fetchall()):
                junk = JUNK[(n + 5 * k) % len(JUNK)]
                what, value = ("answer", zlib.compress(junk.encode())) if n % 3 else ("depends", junk)
                db.execute(f"update results set {what} = ? where key = ?", (value, key))
        assert checked().verdicts[0].verdict == "pass"
    for junk in JUNK:
        with sqlite3.connect(store) as db:
            db.execute("update verdicts set figures = ?", (junk,))
            db.execute("update runs set finished = null, process = null, command = ?, settings = ?", (junk, junk))
        found = database.Database()
        found.interrupted(), found.history("mine.square")
        assert found._connection is not None
        found.close()


def test_a_bomb_in_the_store_is_not_inflated(checked, tmp_path, monkeypatch):
    checked()
    monkeypatch.setattr(database, "_ANSWER", 2**20)
    with sqlite3.connect(tmp_path / "home" / "store.sqlite") as db:
        db.execute("update results set answer = ?", (zlib.compress(b" " * 2**21),))
    found = checked()
    assert found.stored == 0 and found.verdicts[0].verdict == "pass"


@pytest.mark.parametrize("seed", range(4))
def test_a_store_with_other_bytes_in_it_does_no_harm(checked, tmp_path, capsys, seed):
    rng = random.Random(seed)
    checked()
    store = tmp_path / "home" / "store.sqlite"
    for extra in ("-wal", "-shm"):
        store.with_name(store.name + extra).unlink(missing_ok=True)
    text = bytearray(store.read_bytes())
    for _ in range(rng.choice([1, 20, 2000])):
        text[rng.randrange(len(text))] = rng.randrange(256)
    store.write_bytes(text)
    assert checked().verdicts[0].verdict == "pass"


@pytest.mark.parametrize(
    "junk", ["[]", '{"format": 1}', '{"format": 1, "files": 3}', '{"format": 1, "files": {"%s": [0]}}', "[" * 9999]
)
def test_a_damaged_list_of_claims_costs_time_only(tmp_path, monkeypatch, junk):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path))
    (tmp_path / "claims.py").write_text(TRUE.replace('id="mine." + name', 'id="mine.square"'))
    found = discover.find([str(tmp_path / "claims.py")])
    (tmp_path / "claims.json").write_text(junk.replace("%s", str(tmp_path / "claims.py")))
    assert [e.id for e in discover.find([str(tmp_path / "claims.py")])] == [e.id for e in found]


def test_reports_have_a_largest_size(tmp_path, monkeypatch):
    monkeypatch.setattr("gdverify.saved.LIMIT", 1000)
    (tmp_path / "r.json").write_bytes(b" " * 1001)
    with pytest.raises(UsageError, match="larger"):
        read_report(tmp_path / "r.json")


def test_numbers_at_the_ends_of_the_floats_are_compared():
    """Found by fuzzing: a margin that overflows is no JSON."""
    from gdverify.compare import compare

    from .report_files import claim, ratio, report

    old, new = (report(claim("far", found=[{**ratio(v), "bound": b}])) for v, b in ((-1e308, 1e308), (0.5, 1.0)))
    json.dumps(compare(old, new).plain(), allow_nan=False)


# -- what reaches a terminal, a document, a folder ---------------------------------------------------------------

DRIVES = "\x1b[2J\x1b]0;x\x07\x9b31m\u202e\u2066\r"


def harmless(said):
    """Nothing in it that a terminal obeys, or that turns a line around."""
    return not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", said)


def test_what_a_claim_says_drives_no_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    text = FALSE.replace('title="', f'title="{DRIVES}'.encode("unicode_escape").decode())
    text = text.replace('    return {"quantity"', f'    raise ValueError({DRIVES!a})\n    return {{"quantity"')
    assert text.count("\\x1b") == 4
    (tmp_path / "claims.py").write_text(text)
    assert cli.main(["check", str(tmp_path / "claims.py"), "-v", "--only", "experiment"]) == 3
    said = capsys.readouterr()
    assert "ValueError" in said.out and harmless(said.out + said.err)


def test_what_a_certificate_says_drives_no_terminal(tmp_path, capsys):
    data = fuzz_inputs.seeds("worst_case")[0]
    for row in data["problem"]["rows"]:
        row["label"] += DRIVES
    for name, changed in (("good", data), ("bad", {**data, "value": DRIVES})):
        (tmp_path / f"{name}{DRIVES}.json").write_text(json.dumps(changed))
        assert cli.main(["recheck", str(tmp_path / f"{name}{DRIVES}.json")]) in (0, 1, 2)
        said = capsys.readouterr()
        assert said.out + said.err and harmless(said.out + said.err)


@pytest.mark.parametrize("argument", ["--x\n\x1b[2Jy", "--" + "x" * 10**5, f"--tier={DRIVES}"])
def test_a_bad_argument_is_one_short_line(capsys, argument):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["check", argument])
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and len(said) < 1200 and harmless(said)


TEX = "\\input{/etc/passwd}\\write18{x}}"


def test_a_report_puts_no_command_into_latex():
    """The number of a step and the paper's BibTeX were written as they came."""
    from gdverify import paper

    from .report_files import MIXED

    for claim in MIXED["claims"]:
        claim = json.loads(json.dumps(claim))
        for entry in claim["evidence"]:
            entry["steps"] = [{**step, "n": TEX, "uses": [TEX], "rule": TEX, "latex": TEX} for step in entry["steps"]]
        claim["bibtex"] = f"@preamble{{{{{TEX}}}}}"
        claim["paper"] = {**dict.fromkeys(("slug", "title", "year", "arxiv", "doi", "venue"), TEX), "authors": [TEX]}
        report = {**MIXED, "claims": [claim]}
        for text in (paper.document(report, proofs=True), paper.bibtex(report)):
            assert not re.search(r"\\(input|write|preamble)", text) and "@preamble" not in text


def test_identifiers_of_a_paper_stay_as_they_are():
    from gdverify import Paper

    said = Paper("p", "T", arxiv="math.OC/0001001v2", doi="10.1002/(sici)1097_0312(199805)51:5<507::aid-x>3.0.co;2-1")
    assert f"eprint = {{{said.arxiv}}}" in said.bibtex() and f"doi = {{{said.doi}}}" in said.bibtex()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda r: r["claims"][0].update(title="x" * 100_001), "a text of"),
        (lambda r: r["claims"][0]["evidence"][0].update(case=json.loads('{"a":' * 60 + "1" + "}" * 60)), "too deep"),
        (lambda r: r["claims"][0].update(trace=[[]] * 40), "more than"),
    ],
)
def test_reports_that_would_take_all_memory_are_refused(tmp_path, monkeypatch, change, why):
    from .report_files import claim, report

    data = report(claim())
    change(data)
    monkeypatch.setattr("gdverify.saved._PARTS", 200)
    (tmp_path / "r.json").write_text(json.dumps(data))
    with pytest.raises(UsageError, match=why):
        read_report(tmp_path / "r.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes in the file system")
@pytest.mark.parametrize("kind", ["pipe", "dangling", "deep", "long"])
def test_a_folder_may_hold_files_that_cannot_be_read(tmp_path, monkeypatch, capsys, kind):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    folder = tmp_path / "claims"
    folder.mkdir()
    (folder / "mine.py").write_text(TRUE)
    other = folder / "other.py"
    if kind == "pipe":
        os.mkfifo(other)
    elif kind == "dangling":
        other.symlink_to(tmp_path / "nowhere")
    else:
        other.write_text("Claim = " + ("-" * 10**5 + "1" if kind == "deep" else "(1" + "+1" * 10**5 + ")") + "\n")
    assert cli.main(["show", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "other.py: cannot be read" in said and said.count("\n") == 1
    assert any("cannot be read" in entry.problem for entry in discover.find([str(folder)]))


def test_a_folder_for_pages_is_not_searched_to_its_end(tmp_path, monkeypatch):
    """It may be the root of a disk."""
    from gdverify.html import check_folder

    def walk(path, **how):
        yield str(path), [], ["passwd"]
        raise AssertionError("searched on")

    monkeypatch.setattr("os.walk", walk)
    with pytest.raises(UsageError, match="passwd"):
        check_folder(tmp_path)
    with pytest.raises(UsageError, match="cannot write"):
        check_folder("~no-such-user/pages")


def test_a_home_that_cannot_be_is_bad_input(monkeypatch, capsys):
    monkeypatch.setenv("GDVERIFY_HOME", "~no-such-user/state")
    assert cli.main(["history"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("command", ["check", "audit", "audit --auto", "calibrate", "compare x"])
def test_two_reports_are_two_files(tmp_path, monkeypatch, capsys, command):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    (tmp_path / "claims.py").write_text(TRUE)
    monkeypatch.chdir(tmp_path)
    words = [*command.split(), "claims.py", "--json", "out", "--markdown", f"../{tmp_path.name}/out"]
    assert cli.main(words) == 2
    assert "two reports" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs an endless file")
def test_an_endless_certificate_is_not_read_to_its_end(monkeypatch, capsys):
    monkeypatch.setattr("gdverify.recheck.certificate.MAX_BYTES", 10**6)
    assert cli.main(["recheck", "/dev/zero"]) == 2
    assert "larger" in capsys.readouterr().err


def test_digits_are_those_that_everybody_reads():
    with pytest.raises(UsageError):
        exact_number("x", "١٢")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a working folder that can be removed")
def test_a_working_folder_that_is_gone_is_one_line(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    there = str(Path(cli.__file__).parent.parent)
    code = (
        f"import os, runpy; os.rmdir({str(gone)!r}); runpy.run_module('gdverify', run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "history"], cwd=gone, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": there, "GDVERIFY_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "folder is gone" in done.stderr
