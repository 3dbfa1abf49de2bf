"""Coverage: the bibliography and the theorem modules agree, and a disagreement of any kind is found."""

import json

import pytest

from gdverify import coverage
from gdverify.bibliography import Bibliography
from gdverify.discover import catalogue
from gdverify.errors import ClaimError, UsageError
from theorems import PAPERS

from . import report_files


def bibliography(tmp_path, text):
    file = tmp_path / "papers.toml"
    file.write_text('[a]\ntitle = "A"\nfamily = "f"\n' + text, encoding="utf-8")
    return Bibliography(file)


def test_the_catalogue_and_its_bibliography_agree():
    assert coverage.disagreements(PAPERS, [entry.id for entry in catalogue()]) == []


def test_every_source_is_covered_planned_or_explained():
    rows = coverage.coverage(PAPERS, [entry.id for entry in catalogue()])
    sources = [row for row in rows if row.scope.family]
    assert len(sources) == 185
    assert {row.status for row in sources} <= {"encoded", "partly", "planned", "nothing"}


@pytest.mark.parametrize(
    ("scope", "claims", "said"),
    [
        ('encoded = ["x"]', ["a.x"], None),
        ('planned = ["x"]', [], None),
        ('nothing = "a survey"', [], None),
        ("", [], "neither encoded"),
        ("", ["a.x"], "not under encoded"),
        ('encoded = ["x"]', [], "in no theorem module"),
        ('encoded = ["x"]\nplanned = ["x"]', ["a.x"], "still under planned"),
        ('planned = ["x", "x"]', [], "listed 2 times"),
        ('nothing = "a survey"\nplanned = ["x"]', [], "nothing to check"),
        ('planned = ["x"]', ["b.y"], "does not know"),
    ],
)
def test_disagreements_are_found(tmp_path, scope, claims, said):
    found = coverage.disagreements(bibliography(tmp_path, scope), claims)
    assert (not found) if said is None else any(said in line for line in found)


@pytest.mark.parametrize("scope", ["encoded = 3", 'planned = "x"', "nothing = 1", 'scope = "wide"'])
def test_a_malformed_entry_is_one_clear_error(tmp_path, scope):
    with pytest.raises(ClaimError, match="a"):
        bibliography(tmp_path, scope)["a"]


def test_verdicts_come_from_a_report(tmp_path):
    report = tmp_path / "report.json"
    report.write_text(json.dumps(report_files.report({**report_files.claim(), "id": "a.x"})))
    papers = bibliography(tmp_path, 'encoded = ["x", "y"]')
    rows = coverage.coverage(papers, ["a.x", "a.y"], coverage.verdicts_of(report))
    assert rows[0].claims == {"a.x": "pass (proved)", "a.y": None}
    assert "pass (proved)" in coverage.text(rows) and "pass (proved)" in coverage.markdown(rows)
    assert coverage.plain(rows)["papers"][0]["claims"][0] == {"id": "a.x", "verdict": "pass (proved)"}
    assert coverage.bibtex(rows).startswith("@misc{a,")
    for text in ("", "[]", "{}", '{"claims": [1]}', '{"claims": [{"id": 1, "verdict": "pass", "qualifier": null}]}'):
        report.write_text(text)
        with pytest.raises(UsageError, match=r"report\.json"):
            coverage.verdicts_of(report)
