"""Results of earlier runs: used while nothing that they depend on has changed, and never after."""

import contextlib
import hashlib
import json
import os
import py_compile
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from gdverify import database, digest, reuse
from gdverify.cli import main
from gdverify.discover import find
from gdverify.runner import Settings, run_apart

from .claim_files import FALSE, TRUE

HELPED = TRUE.replace(
    'return {"quantity": xp.ones((size,)) *', 'return {"quantity": factor() * xp.ones((size,)) *'
).replace("import sympy as sp", "import sympy as sp\nfrom helper import factor")
HELPER = (
    "from pathlib import Path\n\n\ndef factor():\n    return float(Path(__file__).with_name('number.txt').read_text())"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "claims.py").write_text(HELPED)
    (tmp_path / "claims" / "helper.py").write_text(HELPER)
    (tmp_path / "claims" / "number.txt").write_text("1.0")
    return tmp_path / "claims"


def check(folder, **settings):
    return run_apart(find([str(folder / "claims.py")]), Settings(device="cpu", audit=True, **settings))


def plain(found):
    outcomes = [o.plain() for v in found.verdicts for o in [*v.evidence, *(x for m in v.mutants for x in m.evidence)]]
    return [{k: v for k, v in o.items() if k != "seconds"} for o in outcomes]


def test_a_second_run_computes_nothing_and_says_the_same(folder):
    first, second = check(folder), check(folder)
    assert first.stored == 0 < second.stored == second.tasks == first.tasks
    assert plain(first) == plain(second) and first.verdicts[0].verdict == second.verdicts[0].verdict == "pass"


def touch(folder, name, old, new):
    path = folder / name
    path.write_text(path.read_text().replace(old, new))


CHANGES = {
    "the claim": lambda f, m: touch(f, "claims.py", "a square", "another square"),
    "a module it imports": lambda f, m: touch(f, "helper.py", "float(", "1 * float("),
    "a file it reads": lambda f, m: (f / "number.txt").write_text("1.00"),
    "the toolkit": lambda f, m: m.setattr(digest, "toolkit", lambda: "another"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_anything_computes_again(folder, monkeypatch, what):
    check(folder)
    CHANGES[what](folder, monkeypatch)
    found = check(folder)
    experiments = [o for o in found.verdicts[0].evidence if o.kind == "experiment"]
    assert found.stored <= found.tasks - len(experiments)


def test_a_file_that_makes_it_false_is_seen(folder):
    assert check(folder).verdicts[0].verdict == "pass"
    (folder / "number.txt").write_text("1.5")
    assert check(folder).verdicts[0].verdict == "fail"


@pytest.mark.parametrize(
    "settings", [{"seed": 1}, {"tier": "standard"}, {"alpha": 1e-3}, {"overrides": {"c": 3}}, {"cache": False}]
)
def test_other_settings_are_other_results(folder, settings):
    check(folder)
    found = check(folder, **settings)
    of_derivations = 1 if settings != {"cache": False} else 0
    assert found.stored <= of_derivations


def test_versions_of_libraries_count(monkeypatch):
    before = digest.toolkit()
    digest.toolkit.cache_clear()
    monkeypatch.setattr("gdverify.doctor.versions", lambda: {"numpy": "0"})
    assert digest.toolkit() != before
    digest.toolkit.cache_clear()


def test_what_was_undecided_is_tried_again(folder):
    (folder / "number.txt").write_text("nan")
    assert check(folder).verdicts[0].verdict == "error"
    found = check(folder)
    assert found.verdicts[0].verdict == "error" and found.stored < found.tasks


def test_a_lost_artefact_is_made_again(folder, tmp_path):
    (folder / "claims.py").write_text(FALSE)
    first = check(folder)
    saved = [o.artefact for o in first.verdicts[0].evidence if o.artefact]
    assert saved
    for path in saved:
        os.remove(path)
    check(folder)
    assert all(map(os.path.isfile, saved))


def test_a_damaged_store_is_set_aside(folder, tmp_path):
    check(folder)
    path = tmp_path / "home" / "store.sqlite"
    path.write_bytes(b"no database" * 1000)
    for extra in ("-wal", "-shm"):
        path.with_name(path.name + extra).unlink(missing_ok=True)
    assert check(folder).verdicts[0].verdict == "pass"
    assert check(folder).stored > 0


@pytest.mark.parametrize("where", ["head", "middle"])
def test_a_damaged_store_heals_by_itself(tmp_path, capsys, where):
    path = tmp_path / "s.sqlite"

    def filled():
        store = database.Database(path)
        for k in range(50):
            store.keep(f"k{k}", [], {"text": os.urandom(3000).hex()}, "run")
        return store

    left = filled()  # not closed: its journal stays beside it
    left._connection.execute("pragma wal_checkpoint")
    data = bytearray(path.read_bytes())
    first = 0 if where == "head" else 4096
    data[first:] = b"\xff" * (len(data) - first)
    journal = path.with_name("s.sqlite-wal").read_bytes()
    left.close()
    path.write_bytes(data)
    path.with_name("s.sqlite-wal").write_bytes(journal if where == "head" else b"")
    for _ in range(2):
        again = database.Database(path)
        again.results([f"k{k}" for k in range(50)])
        again.close()
    again = filled()
    assert len(again.results([f"k{k}" for k in range(50)])) == 50


def test_a_newer_store_is_left_alone(tmp_path, capsys):
    path = tmp_path / "s.sqlite"
    database.Database(path).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma user_version = 99")
    before = path.read_bytes()
    database.Database(path).keep("k", [], {}, "run")
    assert path.read_bytes() == before and "newer" in capsys.readouterr().err


READ = """
import sys
from gdverify import digest
watch = digest.Watch()
sys.path.insert(0, {folder!r})
import helper
open({folder!r}.encode() + b"/number.txt").read()
try:
    open({folder!r} + "/not-there.txt")
except OSError:
    pass
print([[path, sum is not None] for path, sum in digest.depends(watch.files(), {folder!r} + "/claims.py")])
open({folder!r} + "/scratch.txt", "w").write("made here")
open({folder!r} + "/scratch.txt").read()
assert digest.depends(watch.files(), {folder!r} + "/claims.py") is not None
{change}
print(digest.depends(watch.files(), {folder!r} + "/claims.py"))
"""


@pytest.mark.parametrize("name", ["helper.py", "number.txt", "not-there.txt"])
def test_what_changes_while_it_is_used_is_no_ground_for_a_stored_result(folder, name):
    """It was read before the change, and its digest would be taken after it."""
    if name == "helper.py":
        py_compile.compile(str(folder / "helper.py"))  # its source is then only looked at
    change = f"import subprocess\nsubprocess.run(['sh', '-c', 'echo 1 >> {folder}/{name}'])"
    done = subprocess.run(
        [sys.executable, "-c", READ.format(folder=str(folder), change=change)], capture_output=True, text=True,
    )  # fmt: skip
    before, after = done.stdout.splitlines()
    assert ["helper.py", True] in eval(before) and ["number.txt", True] in eval(before), done.stderr
    assert ["not-there.txt", False] in eval(before) and after == "None"


def test_a_file_that_appears_is_a_change(tmp_path):
    assert digest.unchanged([["new.txt", None]], str(tmp_path / "claims.py"))
    (tmp_path / "new.txt").write_text("1")
    assert not digest.unchanged([["new.txt", None]], str(tmp_path / "claims.py"))


def test_one_verdict_does_not_speak_of_two_files(folder):
    once = "    if '# more' not in open(__file__).read()[-9:]: open(__file__, 'a').write('# more')\n    return {"
    text = HELPED.replace("    return {", once)
    (folder / "claims.py").write_text(text)
    before = hashlib.sha256(text.encode()).hexdigest()
    verdict = check(folder, jobs=2).verdicts[0]
    assert verdict.verdict == "error" and any("changed" in o.message for o in verdict.evidence)
    assert verdict.plain()["source"]["sha256"] == before


def test_a_run_killed_while_it_writes_its_report_writes_it_when_gone_on_with(folder, monkeypatch):
    monkeypatch.chdir(folder)
    with monkeypatch.context() as patched:
        patched.setattr("gdverify.commands.check.write_reports", lambda *a, **k: exec("raise SystemExit"))
        with pytest.raises(SystemExit):
            main(["check", "claims.py", "--device", "cpu", "--jobs", "1", "--json", "a.json"])
    assert not (folder / "a.json").exists()
    (folder / "other").mkdir()
    assert main(["check", "--resume", "--seed", "1"]) == 2  # that would be another run
    monkeypatch.chdir(folder / "other")
    assert main(["check", "--resume"]) == 2
    monkeypatch.chdir(folder)
    assert main(["check", "--resume", "--jobs", "2", "--time-limit", "5m"]) == 0
    assert json.loads((folder / "a.json").read_text())["summary"]["pass"] == 1


def test_another_folders_run_does_not_stand_in_the_way(tmp_path):
    store = database.Database(tmp_path / "s.sqlite")
    for where in ("here", "gone", "alive"):
        store.begin(where, "2020", [f"/{where}", "check"], {}, {})
        dead = None if where == "alive" else f"{os.getpid()} since 1"  # of a process of the same number, long ago
        store._write("update runs set process = ? where id = ?", (dead or database._mark(os.getppid()), where))
    assert [run["id"] for run in store.interrupted()] == ["gone", "here"]


def test_a_store_that_cannot_be_written_is_done_without(folder, tmp_path, monkeypatch, capsys):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the state folder should be")
    monkeypatch.setenv("GDVERIFY_HOME", str(blocked))
    assert check(folder).verdicts[0].verdict == "pass"
    assert len(capsys.readouterr().err.splitlines()) <= 2


def test_old_results_make_room(tmp_path):
    store = database.Database(tmp_path / "s.sqlite")
    for k in range(20):
        store.keep(f"k{k}", [], {"text": os.urandom(5000).hex()}, "run")
    store.prune(most=50_000)
    left = store.results([f"k{k}" for k in range(20)])
    assert 0 < len(left) < 20 and "k19" in left


def test_history_has_every_run(folder):
    first = check(folder)
    (folder / "number.txt").write_text("1.5")
    second = check(folder)
    rows = database.Database().history("mine.square")
    assert [r["verdict"] for r in rows] == ["fail", "pass"] and [r["run"] for r in rows] == [second.id, first.id]


def test_a_killed_run_goes_on_where_it_was(folder, tmp_path):
    slow = HELPED.replace("    return {", "    import time\n    time.sleep(0.3 * (case.c != 1))\n    return {")
    (folder / "claims.py").write_text(slow)
    command = [sys.executable, "-m", "gdverify", "check", "claims.py", "--device", "cpu", "--jobs", "1", "--no-cache"]
    run = subprocess.Popen(
        [*command, "--json", "a.json"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    store = tmp_path / "home" / "store.sqlite"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and _count(store) < 2:
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    run.wait()
    before = _count(store)
    again = subprocess.run(
        [sys.executable, "-m", "gdverify", "check", "--resume"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert f"{before} of" in again.stdout
    subprocess.run([*command, "--json", "b.json"], cwd=folder, check=True, capture_output=True)
    one, other = (json.loads((folder / name).read_text())["claims"] for name in ("a.json", "b.json"))
    assert _untimed(one) == _untimed(other)
    nothing = subprocess.run(
        [sys.executable, "-m", "gdverify", "check", "--resume"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert nothing.returncode == 2 and "no interrupted run" in nothing.stderr


def _count(store):
    try:
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
            return connection.execute("select count(*) from results where run != ''").fetchone()[0]
    except sqlite3.Error:
        return 0


def _untimed(value):
    if isinstance(value, dict):
        return {k: _untimed(v) for k, v in value.items() if k != "seconds"}
    return [_untimed(v) for v in value] if isinstance(value, list) else value


def test_only_certain_results_are_kept():
    keep = reuse.worth_keeping
    assert keep({"verdict": "pass", "kind": "derivation"}) and keep({"verdict": "fail", "kind": "experiment"})
    for verdict, kind in (("fail", "derivation"), ("inconclusive", "experiment"), ("error", "worst-case")):
        assert not keep({"verdict": verdict, "kind": kind})
    assert not keep({"outcomes": []}) and not keep({"outcomes": [{"verdict": "fail"}, {"verdict": "error"}]})
