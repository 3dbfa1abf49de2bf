"""JUnit XML of a report, as Jenkins, GitLab, Azure and the common GitHub actions read it.

One ``testsuite`` for each claim, in it one ``testcase`` for each piece of evidence at each case, one for each mutant
where the run audited them, and one for what only the claim as a whole shows.  ``classname`` is
``topic.paper-slug.claim-name``, so that viewers group by paper.

*Inconclusive* is an ``error``: the format has no third word, viewers show ``skipped`` as harmless, and a statement that
could not be decided is neither false (``failure``) nor harmless.  The attribute ``type`` keeps the verdict's own word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from .sentences import again, case_name, clean, decision_kind, line_of, outcome_of, place_of, said

_ELEMENT = {"fail": "failure", "error": "error", "inconclusive": "error"}


def junit(data: Mapping[str, Any]) -> str:
    """The XML of a report ``gdverify.report/1``, with a declaration and a final newline."""
    run = data.get("run") or {}
    root = ElementTree.Element("testsuites", name="gdverify")
    suites = [_suite(claim, run) for claim in data.get("claims") or ()]
    root.extend(suites)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(s.get(name, "0")) for s in suites)))
    if any("time" in s.attrib for s in suites):
        root.set("time", _time(sum(float(s.get("time", "0")) for s in suites)))
    ElementTree.indent(root, " ")
    return clean('<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n")


def _suite(claim: Mapping[str, Any], run: Mapping[str, Any]) -> ElementTree.Element:
    claim_id = line_of(claim.get("id", ""))
    suite = ElementTree.Element("testsuite", name=claim_id)
    group = ".".join(filter(None, (line_of(claim.get("topic") or ""), claim_id)))
    place = place_of(claim)
    properties = ElementTree.SubElement(suite, "properties")
    for name in ("title", "locator", "statement", "verdict", "qualifier"):
        if claim.get(name):
            ElementTree.SubElement(properties, "property", name=name, value=line_of(claim[name]))
    seconds = 0.0
    taken: dict[str, int] = {}
    for entry in claim.get("evidence") or ():
        one = _evidence(claim, entry, run, group)
        name = one.get("name", "")
        taken[name] = taken.get(name, 0) + 1  # viewers take two cases of one name for one
        if taken[name] > 1:
            one.set("name", f"{name} ({taken[name]})")
        seconds += float(one.get("time", "0"))
        suite.append(one)
    for mutant in claim.get("mutants") or ():
        seconds += sum(_seconds(e) or 0.0 for e in mutant.get("evidence") or ())
        suite.append(_mutant(mutant, group, str(claim.get("verdict"))))
    suite.append(_whole(claim, group))
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(c.find(tag) is not None for c in cases)))
    if place.file:
        suite.set("file", place.file)
    if any("time" in c.attrib for c in cases):
        suite.set("time", _time(seconds))
        if isinstance(run.get("started"), str):
            suite.set("timestamp", line_of(run["started"])[:19])  # the schemas of most readers allow no zone
    return suite


def _evidence(
    claim: Mapping[str, Any], entry: Mapping[str, Any], run: Mapping[str, Any], group: str
) -> ElementTree.Element:
    outcome = outcome_of(entry)
    where = case_name(outcome.case)
    one = _testcase(f"{outcome.kind} {line_of(outcome.name)}" + (f"[{where}]" if where else ""), group)
    seconds = _seconds(entry)
    if seconds is not None:
        one.set("time", _time(seconds))
    if outcome.verdict == "pass":
        return one
    place = place_of(claim)
    text = said(outcome, decision_kind(claim))
    lines = [f"{claim.get('id')}: {outcome.kind} {outcome.name}: {outcome.verdict}"]
    lines += [f"at {where}"] if where else []
    lines += [text, f"again: {again(str(claim.get('id')), outcome, run, place.outside)}"]
    if place.file:
        lines.append(f"{place.file}:{place.of(entry)}")
    return _bad(one, outcome.verdict, text, lines)


def _mutant(mutant: Mapping[str, Any], group: str, verdict: str) -> ElementTree.Element:
    one = _testcase(f"mutant {line_of(mutant.get('mutant', ''))}", group)
    if mutant.get("killed"):
        return one
    if verdict == "fail":  # evidence that refuses the claim itself says nothing of its mutants
        ElementTree.SubElement(one, "skipped", message="the claim itself fails")
        return one
    found = [outcome_of(e) for e in mutant.get("evidence") or ()]
    by = ", ".join(map(str, mutant.get("by") or ())) or "nothing"
    undecided = any(o.verdict == "error" for o in found)
    word = "not every declared kind could be carried out" if undecided else "survives"
    text = f"{word}: refuted by {by}"
    lines = [text, *(f"{o.kind} {o.name}: {o.verdict} {line_of(o.message)}".rstrip() for o in found)]
    return _bad(one, "error" if undecided else "fail", text, lines, kind="mutant")


def _whole(claim: Mapping[str, Any], group: str) -> ElementTree.Element:
    """What no single piece of evidence shows: reservations, and what the audit found wanting."""
    one = _testcase("the claim as a whole", group)
    if claim.get("verdict") == "fail":
        ElementTree.SubElement(one, "skipped", message="it fails: see its evidence")
        return one
    complaints = [line_of(c) for c in claim.get("complaints") or ()]
    doubts = [line_of(c) for c in (claim.get("reservation"), *(claim.get("unaudited") or ())) if c]
    if complaints:
        return _bad(one, "fail", complaints[0], [*complaints, *doubts], kind="audit")
    if doubts:
        verdict = str(claim.get("verdict"))
        return _bad(one, "inconclusive" if verdict == "pass" else verdict, doubts[0], doubts)
    if claim.get("verdict") != "pass":
        if any(e.get("verdict") != "pass" for e in claim.get("evidence") or ()):
            ElementTree.SubElement(one, "skipped", message=f"{claim.get('verdict')}: see its evidence")
        else:
            text = "no evidence was run" if not claim.get("evidence") else "undecided"
            return _bad(one, str(claim.get("verdict")), text, [text])
    return one


def _testcase(name: str, group: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", name=name, classname=group)


def _bad(one: ElementTree.Element, verdict: str, message: str, lines: list[str], kind: str = "") -> ElementTree.Element:
    element = ElementTree.SubElement(one, _ELEMENT.get(verdict, "error"), type=kind or verdict, message=message)
    element.text = "\n".join(lines)
    return one


def _seconds(entry: Mapping[str, Any]) -> float | None:
    value = entry.get("seconds")
    return float(value) if isinstance(value, (int, float)) and value >= 0 else None


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"
