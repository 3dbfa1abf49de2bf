"""`check --from`: a run is repeated to the byte, and a report is no more than data."""

import json

import pytest

from gdverify.cli import main
from gdverify.errors import UsageError
from gdverify.repeat import settings_of_report
from gdverify.saved import read_report

from . import report_files
from .claim_files import TRUE


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(TRUE)
    return tmp_path


GIVEN = ["--audit", "--seed", "5", "--alpha", "1e-4", "--set", "c=1/3", "--only", "experiment", "--only", "derivation"]


def test_a_run_is_repeated(folder, capsys):
    assert main(["check", "mine.py", *GIVEN, "--device", "cpu", "--no-timings", "--json", "a.json"]) == 0
    again = ["check", "mine.py", "--from", "a.json", "--device", "cpu", "--no-cache", "--no-timings", "--jobs", "2"]
    capsys.readouterr()
    assert main([*again, "--json", "b.json"]) == 0
    assert (folder / "a.json").read_bytes() == (folder / "b.json").read_bytes()
    assert not capsys.readouterr().err
    (folder / "mine.py").write_text(TRUE + "\n# changed\n")
    data = json.loads((folder / "a.json").read_text())
    data["run"]["versions"]["numpy"] = "0.1"
    (folder / "a.json").write_text(json.dumps(data))
    assert main(again) == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and "numpy 0.1" in said[0] and "mine.square" in said[1]


def test_no_path_of_a_report_is_loaded(folder, capsys):
    (folder / "evil.py").write_text("open('ran', 'w')\n" + TRUE)
    data = report_files.report(report_files.claim(source={"file": "evil.py", "module": "evil", "line": 1}))
    (folder / "a.json").write_text(json.dumps(data))
    assert main(["check", "--from", "a.json"]) == 2
    said = capsys.readouterr().err
    assert "not in the catalogue" in said and len(said.splitlines()) == 1 and not (folder / "ran").exists()


def test_what_contradicts_the_report_is_refused(folder, capsys):
    (folder / "a.json").write_text(json.dumps(report_files.report(report_files.claim())))
    for option in (["--seed", "1"], ["--audit"], ["--all"], ["--set", "c=1"]):
        assert main(["check", "mine.py", "--from", "a.json", *option]) == 2
        assert "leave out" in capsys.readouterr().err


@pytest.mark.parametrize(
    "run",
    [
        {"tier": "endless"}, {"seed": 10**50}, {"alpha": 2}, {"alpha": None}, {"budget": -1}, {"budget": 1e300},
        {"overrides": {"c": "__import__('os')"}}, {"overrides": {"c": 3}}, {"overrides": []}, {"kinds": ["guess"]},
        {"kinds": []}, {"kinds": "experiment"}, {"audit": "yes"}, {"seed": True}, {"seed": "0"},
    ],
)  # fmt: skip
def test_settings_that_no_run_has_are_refused(tmp_path, run):
    (tmp_path / "a.json").write_text(json.dumps(report_files.report(report_files.claim(), **run)))
    with pytest.raises(UsageError):
        settings_of_report(read_report(tmp_path / "a.json"))
