"""The command line from outside: exit codes, one-line errors, reports that validate."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from gdverify.cli import main
from gdverify.report import schema
from gdverify.scaffold import create

from .claim_files import FALSE, HEAD, LAME, NAN, TOOTHLESS, TRUE


@pytest.fixture
def gdverify(tmp_path):
    """Run the command line in an empty folder with its own state."""

    def call(*args, code=0, env=None):
        full = {**os.environ, "GDVERIFY_HOME": str(tmp_path / "home"), **(env or {})}
        done = subprocess.run(
            [sys.executable, "-m", "gdverify", *map(str, args)],
            cwd=tmp_path,
            env=full,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        if code == 2:
            assert len(done.stderr.strip().splitlines()) == 1 and done.stderr.startswith("gdverify: ")
        return done

    return call


@pytest.fixture
def complaint(tmp_path, monkeypatch, capsys):
    """The one line that a command line of bad input leaves on standard error (run in this process, to be quick)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))

    def call(*args):
        try:
            code = main(args)
        except SystemExit as stop:
            code = stop.code
        said = capsys.readouterr()
        assert code == 2 and said.out == ""
        assert said.err.startswith("gdverify: ") and len(said.err.splitlines()) == 1
        return said.err

    return call


@pytest.fixture
def claims(tmp_path):
    def write(text, name="claims.py"):
        path = tmp_path / name
        path.write_text(text)
        return name

    return write


def test_a_true_claim_passes_with_a_valid_report_and_killed_mutants(gdverify, claims, tmp_path):
    done = gdverify("check", claims(TRUE), "--audit", "--json", "report.json")
    assert done.stdout.splitlines()[1].startswith("PASS  mine.square") and "proved" in done.stdout
    data = json.loads((tmp_path / "report.json").read_text())
    jsonschema.validate(data, schema("report"))
    assert data["summary"] == {"pass": 1, "fail": 0, "inconclusive": 0, "error": 0}
    (claim,) = data["claims"]
    assert {e["kind"] for e in claim["evidence"]} == {"derivation", "experiment"}
    assert claim["mutants"][0]["killed"] and claim["mutants"][0]["by"] == ["derivation", "experiment"]
    experiments = [e for e in claim["evidence"] if e["kind"] == "experiment"]
    assert sum(e["alpha"] for e in experiments) <= data["run"]["alpha"]


def test_a_false_claim_fails_and_its_violation_replays(gdverify, claims, tmp_path):
    done = gdverify("check", claims(FALSE), "--json", "-", code=1)
    data = json.loads(done.stdout)
    jsonschema.validate(data, schema("report"))
    verdicts = {e["kind"]: e["verdict"] for e in data["claims"][0]["evidence"]}
    assert verdicts == {"derivation": "fail", "experiment": "fail"}
    assert data["claims"][0]["qualifier"] is None
    saved = [e["artefact"] for e in data["claims"][0]["evidence"] if e["artefact"]]
    assert saved
    gdverify("replay", saved[0], "--claims", "claims.py", code=1)


def test_evidence_that_cannot_be_carried_out_is_an_error(gdverify, claims):
    done = gdverify("check", claims(NAN), code=3)
    assert done.stdout.splitlines()[1].startswith("ERROR mine.square")


def test_the_audit_reports_survivors(gdverify, claims, tmp_path):
    gdverify("audit", claims(TRUE))
    done = gdverify("audit", claims(TOOTHLESS, "weak.py"), "--json", "audit.json", code=1)
    assert "SURVIVES" in done.stdout
    data = json.loads((tmp_path / "audit.json").read_text())
    jsonschema.validate(data, schema("audit"))
    assert not data["mutants"][0]["killed"] and data["failures"]


def test_a_case_that_cannot_be_run_is_told_beside_the_kill(gdverify, claims, tmp_path):
    done = gdverify("audit", claims(LAME), "--json", "audit.json", code=3)
    data = json.loads((tmp_path / "audit.json").read_text())
    assert data["mutants"][0]["killed"] and not data["failures"]
    (line,) = data["unaudited"]
    assert all(text in line for text in ("'three'", "experiment sample", "c=5, d=1", "no value for 'scale'"))
    assert "AUDIT mutant 'three'" in done.stdout
    assert "1 not audited" in gdverify("check", "claims.py", "--audit", code=3).stdout
    gdverify("audit", claims(LAME.replace("{'c': 5}", "{'c': 5, 'scale': 1}")))


def test_prove_prints_steps(gdverify, claims):
    assert "identity" in gdverify("prove", claims(TRUE)).stdout
    gdverify("prove", claims(FALSE), code=1)


def test_list_names_the_catalogue(gdverify):
    data = json.loads(gdverify("list", "--json").stdout)
    assert all(set(row) == {"id", "title", "topic", "paper", "decides"} for row in data["claims"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_like_this", "claims.py:1: ModuleNotFoundError"),
        ("def broken(:\n", "claims.py:1: SyntaxError"),
        ("raise SystemExit(0)", "claims.py:1: SystemExit"),
        ("x = 1", "no claims"),
        (HEAD + "square = identity('square', c)", "mine.square has no evidence"),
        (TRUE + "\nagain = identity('square', c**2)\n", "two claims have the id mine.square"),
        (HEAD + "square = identity('Not An Id', c)", "not of the form"),
        ("x = '\0'", "claims.py"),
    ],
)
def test_a_broken_claim_file_is_one_line(complaint, claims, text, said):
    assert said in complaint("check", claims(text))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["check", "mine.squar"], "no claim matches"),
        (["check", "claims.py::mine.squar"], "did you mean mine.square"),
        (["check", "claims.py", "--set", "e=1"], "no such parameter"),
        (["check", "claims.py", "--set", "c=-1"], "outside its domain"),
        (["check", "claims.py", "--set", "c=__import__('os')"], "not a number"),
        (["check", "claims.py", "--set", "c=1e999999999"], "not a number"),
        (["check", "claims.py", "--set", "c=1/0"], "division by zero"),
        (["check", "claims.py", "--alpha", "2"], "not between 0 and 1"),
        (["check", "claims.py", "--json", "no/such/folder.json"], "cannot write"),
        (["check", "nowhere.py"], "no such file"),
        (["check"], "name claims"),
        (["frobnicate"], "invalid choice"),
        (["chekc"], "did you mean check"),
        (["check", "claims.py", "--jsno", "x"], "did you mean --json"),
        (["check", "claims.py", "--tier", "smoek"], "did you mean smoke"),
        (["check", "claims.py", "--set", "C=1"], "did you mean c?"),
        (["list", "more"], "unrecognized arguments: more"),
        (["replay", "claims.py"], "not a saved counterexample"),
        (["new", "../../escape"], "expected TOPIC/NAME"),
    ],
)
def test_bad_input_is_one_line(complaint, claims, args, said):
    claims(TRUE)
    assert said in complaint(*args)


def test_no_gpu_is_one_line(gdverify, claims, tmp_path):
    (tmp_path / "cupy.py").write_text("raise ImportError('no CUDA runtime here')")
    env = {"PYTHONPATH": str(tmp_path)}
    assert "no CUDA runtime here" in gdverify("check", claims(TRUE), "--device", "cuda", code=2, env=env).stderr


def test_a_full_disk_still_leaves_the_verdicts(gdverify, claims):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    assert "PASS" in gdverify("check", claims(TRUE), "--json", "/dev/full", code=2).stdout


def test_lines_are_as_wide_as_asked_and_colour_goes_where_it_is_wanted(gdverify, claims):
    name = claims(TRUE)
    piped = gdverify("check", name).stdout
    assert "\033" not in piped and max(map(len, piped.splitlines())) <= 100
    narrow = gdverify("check", name, env={"COLUMNS": "60", "FORCE_COLOR": "1"}).stdout
    assert "\033[32mPASS\033[0m" in narrow
    plain = gdverify("check", name, env={"COLUMNS": "60", "FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout
    assert "\033" not in plain and max(map(len, plain.splitlines())) <= 60


def test_time_left_looks_at_the_latter_half(capsys):
    from gdverify.display import time_left

    stored = [(0.1, 900), (10.0, 901), (15.0, 905)]  # 900 results were there already, then one each second
    assert time_left(stored, 20.0, 911, 1031) == "2 min"
    assert time_left(stored, 20.0, 911, 941) == "30 s"
    assert time_left([], 2.0, 50, 100) == "" and time_left(stored, 20.0, 941, 941) == ""


def test_progress_is_silent_where_nobody_looks(monkeypatch):
    import io

    from gdverify.display import Status

    silent, spoken = io.StringIO(), io.StringIO()
    Status(silent).update(1, 2, ["a.b"])
    monkeypatch.setattr(Status, "EVERY", 0.0)
    Status(spoken, verbose=True).update(1, 2, ["a.b"])
    assert silent.getvalue() == "" and spoken.getvalue() == "1/2 tasks, 0 s\n"


def test_a_new_module_loads_and_does_not_pass(gdverify):
    gdverify("new", "topic/my-paper")
    said = " ".join(gdverify("check", "theorems/topic/my_paper.py", code=3).stdout.split())
    assert "ERROR my-paper.main-claim" in said
    assert "fill in the derivation" in said and "fill in the experiment" in said
    gdverify("new", "topic/my-paper", code=2)


def test_a_new_module_passes_lint(tmp_path):
    root = Path(__file__).parent.parent
    for name in ("topic/my-paper", "topic/a-much-longer-name-of-a-paper-that-somebody-wrote", "topic/x"):
        text = create(name, str(tmp_path)).read_text()
        for command in (["check"], ["format", "--check"]):
            file = str(root / "theorems" / "topic" / "new_module.py")
            ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", file, "-"]
            done = subprocess.run(ruff, cwd=root, input=text, capture_output=True, text=True, check=False)
            if "No module named ruff" in done.stderr:
                pytest.skip("no ruff here")
            assert done.returncode == 0, done.stdout + done.stderr


def test_a_folder_called_theorems_does_not_hide_the_catalogue(gdverify, claims):
    gdverify("new", "topic/my-paper")
    assert gdverify("list").stdout == gdverify("list", env={"PYTHONSAFEPATH": "1"}).stdout
    assert "my-paper" not in gdverify("list").stdout


def test_saved_json_from_strangers_is_refused_calmly(complaint, tmp_path):
    for text in ("[" * 100_000, "{}", '{"claim": 3}', '{"claim": "no.claim"}', "\0"):
        (tmp_path / "saved.json").write_text(text)
        complaint("replay", "saved.json")


def test_import_and_list_leave_heavy_packages_alone(tmp_path):
    code = (
        "import sys, gdverify.cli as c; c.main(['list']); "
        "print([m for m in ('numpy', 'scipy', 'sympy', 'flint', 'clarabel') if m in sys.modules])"
    )
    env = {**os.environ, "GDVERIFY_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
