"""Verdicts in a notebook: compact HTML that reads in light and dark, and pandas frames where pandas is installed.

Styles are inline, with colours that do for either background; all text is escaped by `gdverify.html.markup`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .html.markup import Markup, el
from .html.mathml import math

if TYPE_CHECKING:
    from .result import Outcome
    from .verdict import Verdict
    from .verdicts import Verdicts

_COLOURS = {"pass": "#2e7d32", "fail": "#c62828", "inconclusive": "#8d6708", "error": "#7b3fa0"}
_LINE = "1px solid rgba(128,128,128,.35)"
_BOX = f"border:{_LINE};border-radius:6px;padding:.5em .8em;max-width:60em;line-height:1.45;text-align:left"
_CELL = f"padding:.15em .8em .15em 0;border:0;border-top:{_LINE};text-align:left;vertical-align:top"
_PLAIN = "background:transparent;color:inherit"
_FAINT = "opacity:.75"


def badge(verdict: str) -> Markup:
    style = (
        f"background:{_COLOURS.get(verdict, '#555')};color:#fff;border-radius:3px;padding:.05em .5em;font-weight:600"
    )
    return el("span", verdict, style=style)


def card(verdict: Verdict) -> str:
    """One claim: verdict, statement, a line for each piece of evidence, and whatever is not as it should be."""
    from .display import case_text, evidence_line, seconds

    one = verdict.record
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in verdict.evidence:
        groups.setdefault((outcome.kind, outcome.name), []).append(outcome)
    rows: list[tuple[Any, ...]] = []
    for (kind, name), outcomes in groups.items():
        said = [el("div", evidence_line(kind, outcomes, one.kind))]
        bad = [o for o in outcomes if o.verdict != "pass"]
        for o in bad[:3]:
            where = f" at {case_text(o.case)}" if o.case else ""
            said.append(el("div", badge(o.verdict), f"{where}: {o.message}"))
        if bad[3:]:
            said.append(el("div", f"and {len(bad) - 3} more like these"))
        rows.append((kind, el("code", name, style=_PLAIN), said))
    if verdict.mutants is not None:
        killed = sum(m.killed for m in verdict.mutants)
        alive = [m.mutant for m in verdict.mutants if not m.killed]
        text = f"{killed} of {len(verdict.mutants)} killed" + (f"; {'; '.join(alive)} survived" if alive else "")
        rows.append(("mutants", "", [text]))
    remarks = [verdict.trouble, *([f"undecided: {verdict.reservation}"] if verdict.reservation else [])]
    remarks += [*verdict.complaints, *verdict.unaudited]
    if verdict.cited:
        remarks.append("relies on: " + "; ".join(verdict.cited))
    place = ", ".join(filter(None, (one.paper.get("title"), one.locator)))
    return el(
        "div",
        el(
            "div",
            badge(verdict.verdict), " ", el("b", one.id), " ",
            el("span", f"{verdict.qualifier or ''} {seconds(verdict.seconds)}".strip(), style=_FAINT),
        ),
        el("div", one.title, style="margin-top:.2em"),
        el("div", place, style=_FAINT),
        el("div", math(one.statement, block=True), style="margin:.5em 0;overflow-x:auto"),
        _table([], rows),
        [el("div", remark, style="margin-top:.3em") for remark in remarks if remark],
        style=_BOX,
    )  # fmt: skip


def table(verdicts: Verdicts) -> str:
    """Several claims: totals, and a row for each."""
    from .display import summary

    rows = []
    for v in verdicts:
        killed = "" if v.mutants is None else f"{sum(m.killed for m in v.mutants)}/{len(v.mutants)}"
        kinds = ", ".join(dict.fromkeys(o.kind for o in v.evidence))
        rows.append(
            (badge(v.verdict), el("code", v.id, style=_PLAIN), v.record.title, v.qualifier or "", kinds, killed)
        )
    head = ("", "claim", "", "", "evidence", "mutants")
    return el("div", el("div", el("b", summary(verdicts.run)[0])), _table(head, rows), style=_BOX)


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Markup:
    row_style = "background:transparent"
    shown = [el("tr", *(el("td", cell, style=_CELL) for cell in row), style=row_style) for row in rows]
    titles = [el("tr", *(el("th", h, scope="col", style=_CELL) for h in head), style=row_style)] if head else []
    return el("table", titles, shown, style="border-collapse:collapse;margin:.3em 0;font-size:.95em;color:inherit")


def lines(verdicts: Verdicts) -> list[str]:
    """Several claims for a terminal: a line for each, then totals."""
    from .display import summary

    wide = max((len(v.id) for v in verdicts), default=0)
    rows = [f"{v.verdict.upper():<12} {v.id:<{wide}}  {v.qualifier or ''}".rstrip() for v in verdicts]
    return [*rows, *summary(verdicts.run)]


# -- frames ------------------------------------------------------------------------------------------------------------


def claim_row(verdict: Verdict) -> dict[str, Any]:
    """One claim as a row."""
    one, found = verdict.record, verdict.evidence
    count = lambda kind: sum(o.kind == kind for o in found)
    return {
        "id": one.id,
        "title": one.title,
        "topic": one.topic,
        "paper": one.paper["slug"],
        "decides": one.kind,
        "verdict": verdict.verdict,
        "qualifier": verdict.qualifier,
        "derivations": count("derivation"),
        "cases": count("experiment"),
        "samples": sum(o.samples for o in found),
        "worst_cases": count("worst-case"),
        "mutants": None if verdict.mutants is None else len(verdict.mutants),
        "killed": None if verdict.mutants is None else sum(m.killed for m in verdict.mutants),
        "seconds": verdict.seconds,
    }


def evidence_rows(verdict: Verdict) -> list[dict[str, Any]]:
    """A row for each piece of evidence at a case."""
    rows = []
    for o in verdict.evidence:
        low, high = o.interval or (None, None)
        rows.append(
            {
                "kind": o.kind, "name": o.name, "verdict": o.verdict, "case": o.case, "estimate": o.estimate,
                "low": low, "high": high, "bound": o.bound, "margin": o.margin, "samples": o.samples,
                "alpha": o.alpha, "seconds": o.seconds, "message": o.message,
            }
        )  # fmt: skip
    return rows


def frame(rows: list[dict[str, Any]]) -> Any:
    """Rows as a pandas frame."""
    try:
        import pandas
    except ImportError:
        raise ImportError("frame() needs pandas, which is not installed: pip install pandas") from None
    return pandas.DataFrame(rows)
