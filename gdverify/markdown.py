"""Markdown of a report, made for job summaries: what did not pass first and in full, what passes in a folded table.

Hosting services refuse a summary above 1 MiB; this one stays below three quarters of that, and says so where it leaves
something out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .result import VERDICTS
from .sentences import again, case_name, clean, decision_kind, line_of, outcome_of, place_of, said

_MOST = 768 * 1024  # bytes
_WORDS = {"pass": "passed", "fail": "failed", "inconclusive": "inconclusive", "error": "error"}


def markdown(data: Mapping[str, Any]) -> str:
    """The Markdown of a report ``gdverify.report/1``."""
    run = data.get("run") or {}
    claims = list(data.get("claims") or ())
    bad = [c for c in claims if c.get("verdict") != "pass" or c.get("complaints") or c.get("unaudited")]
    bad.sort(key=lambda c: ("fail", "error", "inconclusive", "pass").index(c.get("verdict", "error")))
    good = [c for c in claims if c not in bad]
    out = ["# Verification report", "", _summary(claims, run), ""]
    room = _MOST - 1000
    for number, claim in enumerate(bad):
        section = "\n".join(_section(claim, run))
        room -= len(section.encode(errors="replace")) + 1
        if room < 0:
            out += [f"…and {len(bad) - number} more that do not pass: see the JSON report.", ""]
            break
        out.append(section)
    out += _table(good, max(room, 0))
    return clean("\n".join(out)).rstrip("\n") + "\n"


def _summary(claims: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> str:
    from .display import plural

    verdicts = [c.get("verdict") for c in claims]
    parts = [f"{verdicts.count(v)} {_WORDS[v]}" for v in VERDICTS if v in verdicts or v in ("pass", "fail")]
    qualified = [c.get("qualifier") for c in claims]
    detail = ", ".join(f"{qualified.count(q)} {q}" for q in ("proved", "proved-modulo", "tested") if q in qualified)
    parts[0] += f" ({detail})" if detail else ""
    audited = [m for c in claims for m in c.get("mutants") or ()]
    killed = sum(bool(m.get("killed")) for m in audited)
    mutants = (
        f" {plural(len(audited), 'mutant')}: {killed} killed, {len(audited) - killed} survived." if audited else ""
    )
    settings = ", ".join(f"{k} {escaped(run[k])}" for k in ("tier", "seed", "alpha", "device") if k in run)
    return (
        f"**{len(claims)} claims: {', '.join(parts)}.**{mutants} {settings[:1].upper()}{settings[1:]}.".rstrip(" .")
        + "."
    )


def _section(claim: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    place = place_of(claim)
    claim_id = line_of(claim.get("id", ""))
    out = [f"## {escaped(claim.get('verdict'))}: {code(claim_id)}", "", escaped(claim.get("title", ""))]
    if place.file:
        out[-1] += f" ({code(f'{place.file}:{place.line}')})"
    out.append("")
    outcomes = [o for e in claim.get("evidence") or () if (o := outcome_of(e)).verdict != "pass"]
    rank = {v: n for n, v in enumerate(("fail", "error", "inconclusive"))}
    outcomes.sort(key=lambda o: rank[o.verdict])
    for outcome in outcomes[:10]:
        where = case_name(outcome.case)
        where = f" at {escaped(where)}" if where else ""
        text = escaped(line_of(said(outcome, decision_kind(claim)), 600))
        out.append(f"- {outcome.kind} {code(outcome.name)}: **{outcome.verdict}**{where}. {text}  ")
        out.append(f"  {code(again(claim_id, outcome, run, place.outside))}")
    if len(outcomes) > 10:
        out.append(f"- …and {len(outcomes) - 10} more cases")
    if claim.get("reservation"):
        word = "not run" if claim.get("verdict") == "error" else "undecided"
        out.append(f"- {word}: {escaped(line_of(claim['reservation'], 600))}")
    audited = claim.get("verdict") != "fail"  # evidence that refuses the claim itself says nothing of its mutants
    for complaint in [*(claim.get("complaints") or ()), *(claim.get("unaudited") or ())][: 20 if audited else 0]:
        out.append(f"- audit: {escaped(line_of(complaint, 600))}")
    return [*out, ""]


def _table(claims: Sequence[Mapping[str, Any]], room: int) -> list[str]:
    if not claims:
        return []
    out = [
        f"<details><summary>{len(claims)} passed</summary>",
        "",
        "| claim | | evidence | mutants |",
        "|---|---|---|---|",
    ]
    for number, claim in enumerate(claims):
        counts: dict[str, int] = {}
        for entry in claim.get("evidence") or ():
            counts[str(entry.get("kind"))] = counts.get(str(entry.get("kind")), 0) + 1
        kinds = ", ".join(k if k == "derivation" else f"{k} ({n})" for k, n in counts.items())
        mutants = claim.get("mutants")
        killed = "" if mutants is None else f"{sum(bool(m.get('killed')) for m in mutants)} of {len(mutants)}"
        title = f"{code(line_of(claim.get('id', '')))} {escaped(claim.get('title', ''))}"
        row = f"| {title} | {escaped(claim.get('qualifier') or '')} | {escaped(kinds)} | {killed} |"
        room -= len(row.encode(errors="replace")) + 1
        if room < 0:
            out += ["", f"…and {len(claims) - number} more: see the JSON report."]
            break
        out.append(row)
    return [*out, "", "</details>"]


def escaped(text: object) -> str:
    """Text in which Markdown and HTML read nothing."""
    plain = line_of(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#@$])", r"\\\1", plain)


def code(text: str) -> str:
    """A code span, also inside a table; the text is already on one line."""
    return "`" + line_of(text).replace("`", "'").replace("|", "¦") + "`"
