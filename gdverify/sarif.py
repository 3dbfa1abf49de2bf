"""SARIF 2.1.0 of a report: what did not pass, at its line in the theorem module.

One result for each piece of evidence that does not pass (its cases in the message), for each reservation, for what an
audit found wanting, and, as a note, for each published statement that was found wanting.  Level ``error`` is for what
failed; ``warning`` for what is undecided or could not be carried out; ``note`` for findings.  Paths are relative to the
working directory, ``%SRCROOT%``, as code scanning on a hosting service wants them; a file outside it is named by its
absolute address.  Neither the folder nor the machine is named.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .result import Outcome
from .sentences import again, case_name, clean, decision_kind, line_of, outcome_of, place_of, said

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_LEVELS = {"fail": "error", "error": "warning", "inconclusive": "warning"}

# id: (level, one line, what to do)
_RULES: dict[str, tuple[str, str, str]] = {
    "derivation-fail": (
        "error",
        "A derivation does not go through",
        "A step was refused, or the last one is not the claim's statement. `gdverify prove CLAIM` shows every step "
        "that was accepted and the reason for the first that was not. Either the statement is false, or the step needs "
        "another rule or a hypothesis that the claim does not list.",
    ),
    "experiment-fail": (
        "error",
        "An experiment contradicts the claim",
        "Samples refute the statement at the stated error probability; for a statement about every instance the "
        "violation was confirmed in interval arithmetic and saved. `gdverify replay FILE` recomputes it. Look first "
        "whether the encoding says what was published: regime, assumptions, constants.",
    ),
    "worst-case-fail": (
        "error",
        "An exact instance exceeds the claimed bound",
        "The instance was found by a semidefinite program and checked in exact arithmetic. `gdverify replay FILE` "
        "checks it again.",
    ),
    "derivation-error": (
        "warning",
        "A derivation could not be carried out",
        "The code of the derivation raised, or a package that it needs is not installed (`gdverify doctor`). Nothing "
        "is known of the statement.",
    ),
    "experiment-error": (
        "warning",
        "An experiment could not be carried out",
        "The experiment raised, returned what is no number, violated an assumption of the claim, or used randomness "
        "from elsewhere. Nothing is known of the statement.",
    ),
    "worst-case-error": (
        "warning",
        "A worst case could not be computed",
        "The problem could not be stated or solved. Nothing is known of the statement.",
    ),
    "derivation-inconclusive": ("warning", "A derivation is undecided", "It was interrupted or stopped."),
    "experiment-inconclusive": (
        "warning",
        "An experiment is undecided",
        "Samples or time ran out before the test decided, or nothing shows that the experiment looked at the "
        "statement. A higher `--tier` or a longer `--budget` decides more.",
    ),
    "worst-case-inconclusive": (
        "warning",
        "A worst case is undecided",
        "The certified interval of the worst case contains the bound.",
    ),
    "claim-error": (
        "warning",
        "The module of a claim could not be run",
        "It raised when it was imported, took too long or too much memory. Nothing is known of its claims.",
    ),
    "reservation": (
        "warning",
        "All evidence passes, and the claim does not",
        "What was tested is too little for the statement: the message says why. A derivation, an instance near the "
        "bound, or mutants that the evidence refutes would settle it.",
    ),
    "audit-failure": (
        "error",
        "Evidence that could not have failed",
        "A false neighbour of the statement (a mutant) survives evidence that is declared to refute it, or a kind of "
        "evidence refutes no mutant. Sharpen the evidence.",
    ),
    "audit-unknown": (
        "warning",
        "A mutant could not be tried",
        "Evidence could not be carried out on a mutant, so it is not known whether it could have failed.",
    ),
    "finding": (
        "note",
        "The published statement was found wanting",
        "The claim records that the statement as published is false, loose or lacks an assumption, and what holds.",
    ),
}


def sarif(data: Mapping[str, Any], root: Path | None = None) -> dict[str, Any]:
    """The SARIF log of a report ``gdverify.report/1``; ``root`` is the working directory unless given."""
    base = (root or Path.cwd()).resolve()
    run = data.get("run") or {}
    results = [r for claim in data.get("claims") or () for r in _results(claim, run, base)]
    _tell_apart(results)
    used = [name for name in _RULES if any(r["ruleId"] == name for r in results)]
    for result in results:
        result["ruleIndex"] = used.index(result["ruleId"])
    version = line_of((run.get("versions") or {}).get("gdverify") or "0")
    invocation: dict[str, Any] = {"executionSuccessful": True}
    for ours, theirs in (("started", "startTimeUtc"), ("finished", "endTimeUtc")):
        if isinstance(run.get(ours), str):
            invocation[theirs] = re.sub(r"\+00:00$", "Z", line_of(run[ours]))
    driver = {"name": "gdverify", "semanticVersion": version, "rules": [_rule(name) for name in used]}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [invocation],
                "automationDetails": {"id": f"gdverify/{line_of(run.get('tier') or 'smoke')}/"},
                "originalUriBaseIds": {_ROOT: {"description": {"text": "The folder that gdverify ran in."}}},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def _rule(name: str) -> dict[str, Any]:
    level, short, long = _RULES[name]
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "shortDescription": {"text": short + "."},
        "fullDescription": {"text": f"{short}. {long.replace('`', '')}"},
        "help": {"text": long.replace("`", ""), "markdown": long},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["verification", name.rsplit("-", 1)[0]]},
    }


def _results(claim: Mapping[str, Any], run: Mapping[str, Any], base: Path) -> Iterator[dict[str, Any]]:
    claim_id = line_of(claim.get("id", ""))
    where = place_of(claim)
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for entry in claim.get("evidence") or ():
        groups.setdefault((str(entry.get("kind")), str(entry.get("name"))), []).append(entry)
    for (kind, name), entries in groups.items():
        bad = [(e, o) for e in entries if (o := outcome_of(e)).verdict != "pass"]
        if not bad:
            continue
        worst = min((o.verdict for _, o in bad), key=tuple(_LEVELS).index)
        chosen = [(e, o) for e, o in bad if o.verdict == worst]
        parts = [_sentence(o, decision_kind(claim)) for _, o in chosen[:3]]
        more = f" (and {len(chosen) - 3} more cases)" if len(chosen) > 3 else ""
        cases = f"{len(chosen)} of {len(entries)} cases: " if len(entries) > 1 else ""
        command = again(claim_id, chosen[0][1], run, where.outside)
        rule = f"{kind}-{worst}" if f"{kind}-{worst}" in _RULES else "reservation"
        yield _result(
            rule, f"{claim_id}: {kind} {name}: {worst}. {cases}{'; '.join(parts)}{more}. Again: {command}",
            _place(where.file, where.of(chosen[0][0]), base), claim_id, f"{kind} {name}",
        )  # fmt: skip
    place = _place(where.file, where.line, base)
    if claim.get("reservation"):
        rule = "claim-error" if claim.get("verdict") == "error" and not groups else "reservation"
        yield _result(rule, f"{claim_id}: {claim['reservation']}", place, claim_id, "")
    elif claim.get("verdict") != "pass" and not groups:
        yield _result("reservation", f"{claim_id}: no evidence was run", place, claim_id, "")
    audited = claim.get("verdict") != "fail"  # evidence that refuses the claim itself says nothing of its mutants
    for rule, texts in (("audit-failure", claim.get("complaints")), ("audit-unknown", claim.get("unaudited"))):
        for text in (texts or ()) if audited else ():
            yield _result(rule, f"{claim_id}: {text}", place, claim_id, str(text).split("(")[0])
    finding = claim.get("finding")
    if isinstance(finding, Mapping) and finding.get("verdict") != "holds":
        told = "; ".join(str(finding[k]) for k in ("published", "counterexample", "corrected_by") if finding.get(k))
        yield _result("finding", f"{claim_id}: {finding.get('verdict')}: {told}", place, claim_id, "")


def _sentence(outcome: Outcome, decides: str) -> str:
    where = case_name(outcome.case)
    return (f"at {where}: " if where else "") + line_of(said(outcome, decides), 400).rstrip(".")


def _result(rule: str, text: str, place: dict[str, Any] | None, claim_id: str, what: str) -> dict[str, Any]:
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": claim_id, "kind": "claim"}]}
    if place is not None:
        location["physicalLocation"] = place
    identity = hashlib.sha256(clean("\n".join((rule, claim_id, what))).encode()).hexdigest()[:16]
    return {
        "ruleId": rule,
        "level": _RULES[rule][0],
        "message": {"text": _message(text)},
        "locations": [location],
        "partialFingerprints": {"gdverifyClaim/v1": identity},
    }


def _message(text: str) -> str:
    """In a SARIF message ``{0}`` is a placeholder and ``[a](b)`` a link; ours have neither."""
    return re.sub(r"\{(\d+)\}", r"{{\1}}", line_of(text)).replace("](", "] (")


def _place(file: str, line: int, base: Path) -> dict[str, Any] | None:
    if not file:
        return None
    path = Path(os.path.normpath(base / file))
    where: dict[str, Any]
    try:
        from urllib.parse import quote

        where = {"uri": quote(path.relative_to(base).as_posix()), "uriBaseId": _ROOT}
    except ValueError:
        where = {"uri": path.as_uri()}
    return {"artifactLocation": where, "region": {"startLine": line}}


def _tell_apart(results: Sequence[dict[str, Any]]) -> None:
    """Services that match alerts by rule and line take claims made in a loop for one: those get a key of their own."""
    seen: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for result in results:
        place = result["locations"][0].get("physicalLocation")
        if place:
            key = (result["ruleId"], place["artifactLocation"]["uri"], place["region"]["startLine"])
            seen.setdefault(key, []).append(result)
    for same in seen.values():
        for result in same if len(same) > 1 else ():
            prints = result["partialFingerprints"]
            prints["primaryLocationLineHash"] = f"{prints['gdverifyClaim/v1']}:1"
