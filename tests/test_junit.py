"""JUnit XML and Markdown of reports: honest counts, numbers and commands for people, nothing that breaks a reader."""

import json
import re
from xml.etree import ElementTree

import jsonschema
import pytest

from gdverify.cli import main
from gdverify.junit import junit
from gdverify.markdown import markdown
from gdverify.report import schema

from .claim_files import FALSE
from .report_files import MIXED, claim, evidence, mutant, proof, ratio, report

COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def suites(data):
    return {s.get("name"): s for s in ElementTree.fromstring(junit(data)).findall("testsuite")}


def bad(suite):
    """(test case, element, type, text) of what is not green."""
    return [(c.get("name"), e.tag, e.get("type"), e.text) for c in suite.findall("testcase") for e in c]


def test_the_reports_of_these_tests_are_valid():
    jsonschema.validate(MIXED, schema("report"))


def test_counts_agree_with_the_elements():
    root = ElementTree.fromstring(junit(MIXED))
    assert root.tag == "testsuites"
    for suite in root.findall("testsuite"):
        cases = suite.findall("testcase")
        assert int(suite.get("tests")) == len(cases)
        for tag, name in COUNTED.items():
            assert int(suite.get(name)) == len(suite.findall(f"testcase/{tag}"))
        assert len({c.get("name") for c in cases}) == len(cases)
    for name in ("tests", "failures", "errors"):
        assert int(root.get(name)) == sum(int(s.get(name)) for s in root.findall("testsuite"))


def test_only_claims_that_pass_are_green():
    found = suites(MIXED)
    green = {name for name, s in found.items() if s.get("failures") == s.get("errors") == "0"}
    assert green == {"mine.square", "mine.published"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wrong", {("derivation expand", "failure", "fail"), ("experiment sample[c=1/3]", "failure", "fail")}),
        ("broken", {("experiment sample[c=2]", "error", "error")}),
        ("open", {("experiment sample[c=1]", "error", "inconclusive")}),
        ("tested", {("the claim as a whole", "error", "inconclusive")}),
        ("unreadable", {("the claim as a whole", "error", "error")}),
        ("toothless", {("mutant three", "failure", "mutant"), ("the claim as a whole", "failure", "audit")}),
        ("untried", {("mutant three", "error", "mutant"), ("the claim as a whole", "error", "inconclusive")}),
    ],
)
def test_what_each_verdict_becomes(name, expected):
    found = {row[:3] for row in bad(suites(MIXED)[f"mine.{name}"]) if row[1] != "skipped"}
    assert found == expected


def test_a_failure_says_number_bound_place_and_command():
    text = next(t for n, _, _, t in bad(suites(MIXED)["mine.wrong"]) if n.startswith("experiment"))
    assert "10.25" in text and "c=1/3" in text and "claims/mine.py:20" in text
    assert "gdverify replay /state/mine.wrong--0123.json --claims claims/mine.py" in text


def test_a_claim_of_no_evidence_is_not_green():
    assert bad(suites(report(claim(verdict="inconclusive", found=[])))["mine.square"])


def test_equal_names_are_told_apart_and_hostile_text_is_harmless():
    nasty = "\x1b[31m\x00]]><&\"'\ud800\ufffe" + "x" * 10_000
    twice = [evidence(name=nasty, verdict="fail", message=nasty, case={nasty: nasty}) for _ in range(2)]
    data = report(claim(verdict="fail", found=twice, title=nasty, mutants=[mutant(nasty)], source=None))
    text = junit(data)
    text.encode()
    names = [c.get("name") for c in ElementTree.fromstring(text).iter("testcase")]
    assert len(set(names)) == len(names) and not set(text) & set("\x1b\x00\ud800\ufffe")
    shown = markdown(data)
    shown.encode()
    assert "<" not in re.sub("`[^`]*`", "", shown) and "\x1b" not in shown


def test_reports_without_timings_have_none():
    data = report(claim(found=[proof()]))
    del data["run"]["started"], data["run"]["finished"], data["claims"][0]["evidence"][0]["seconds"]
    assert "time" not in junit(data).replace("testsuites", "")


def test_markdown_puts_what_failed_first_and_stays_below_the_limit():
    text = markdown(MIXED)
    assert text.index("mine.wrong") < text.index("mine.broken") < text.index("mine.tested") < text.index("<details>")
    assert text.index("<details>") < text.index("mine.square") and "mine.wrong--0123.json" in text
    many = report(*[claim(f"c{i}", "fail", [ratio(2.0, verdict="fail", message="m" * 500)] * 9) for i in range(500)])
    assert 300_000 < len(markdown(many).encode()) < 2**20 and "more that do not pass" in markdown(many)


def test_check_writes_every_format(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FALSE)
    names = {"json": "r.json", "junit": "r.xml", "sarif": "r.sarif", "markdown": "-"}
    options = [word for name, file in names.items() for word in (f"--{name}", file)]
    assert main(["check", "mine.py", "--jobs", "1", "--only", "derivation", *options]) == 1
    assert capsys.readouterr().out.startswith("# Verification report")
    assert (tmp_path / "r.xml").read_text() == junit(json.loads((tmp_path / "r.json").read_text()))
    assert json.loads((tmp_path / "r.sarif").read_text())["runs"][0]["results"]
    assert main(["check", "mine.py", "--junit", "-", "--sarif", "-"]) == 2
    assert main(["check", "mine.py", "--only", "derivation", "--json", "/dev/full", "--junit", "again.xml"]) == 2
    assert (tmp_path / "again.xml").is_file()
