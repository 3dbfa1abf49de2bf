"""SARIF of reports: levels, places, identities; the parts of the standard that readers insist on."""

import re
from pathlib import Path

from gdverify.sarif import sarif

from .report_files import MIXED, VIOLATED, claim, ratio, report


def results(data, **more):
    log = sarif(data, **more)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"] and result["level"] in ("error", "warning", "note")
    assert len({r["id"] for r in rules}) == len(rules)
    assert all(r["help"]["text"] and r["shortDescription"]["text"] for r in rules)
    return run["results"]


def place(result):
    physical = result["locations"][0]["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"]


def test_levels_and_lines():
    found = {
        (r["locations"][0]["logicalLocations"][0]["fullyQualifiedName"][5:], r["ruleId"], r["level"], place(r)[1])
        for r in results(MIXED)
    }
    assert found == {
        ("wrong", "derivation-fail", "error", 10),
        ("wrong", "experiment-fail", "error", 20),
        ("broken", "experiment-error", "warning", 20),
        ("open", "experiment-inconclusive", "warning", 20),
        ("tested", "reservation", "warning", 5),
        ("unreadable", "claim-error", "warning", 5),
        ("toothless", "audit-failure", "error", 5),
        ("untried", "audit-unknown", "warning", 5),
        ("published", "finding", "note", 5),
    }


def test_a_failure_says_the_number_and_the_command():
    (text,) = [r["message"]["text"] for r in results(MIXED) if r["ruleId"] == "experiment-fail"]
    assert "10.25" in text and "1 of 2 cases" in text and "gdverify replay /state/mine.wrong--0123.json" in text


def test_paths_are_relative_to_the_folder_and_name_no_machine(tmp_path):
    inside = claim(
        "a", "fail", [VIOLATED], source={"file": str(tmp_path / "my claims" / "a.py"), "module": None, "line": 1}
    )
    outside = claim("b", "fail", [VIOLATED], source={"file": "/else/b.py", "module": None, "line": 1})
    unknown = claim("c", "fail", [VIOLATED], source=None)
    a, b, c = results(report(inside, outside, unknown), root=tmp_path)
    assert a["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "my%20claims/a.py", "uriBaseId": "%SRCROOT%",
    }  # fmt: skip
    assert place(b) == (Path("/else/b.py").as_uri(), 20) and "physicalLocation" not in c["locations"][0]
    assert str(tmp_path) not in str(sarif(report(claim("a", "fail", [VIOLATED])), root=tmp_path))


def test_claims_made_in_a_loop_are_told_apart_on_their_line():
    same = [
        r["partialFingerprints"]
        for r in results(report(claim("a", "fail", [VIOLATED]), claim("b", "fail", [VIOLATED])))
    ]
    assert same[0]["primaryLocationLineHash"] != same[1]["primaryLocationLineHash"]
    alone = results(report(claim("a", "fail", [VIOLATED])))[0]["partialFingerprints"]
    assert alone == {"gdverifyClaim/v1": same[0]["gdverifyClaim/v1"]}


def test_messages_hold_no_placeholders_links_or_control_characters():
    nasty = ratio(2.0, verdict="fail", message="{0} [a](http://b) \x1b[31m\ud800")
    (text,) = [r["message"]["text"] for r in results(report(claim(verdict="fail", found=[nasty])))]
    assert not re.search(r"(?<!\{)\{\d\}(?!\})|\]\(|[\x1b\ud800]", text)


def test_nothing_wrong_is_an_empty_log():
    log = sarif(report(claim()))
    assert log["version"] == "2.1.0" and log["runs"][0]["results"] == []
