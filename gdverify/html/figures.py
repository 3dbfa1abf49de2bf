"""Which figures a claim's page shows: cases side by side, and a few outcomes for themselves."""

from __future__ import annotations

from collections.abc import Sequence

from . import plots
from .markup import Markup, el
from .words import Plain

MOST = 2  # outcomes of one experiment that are drawn for themselves


def shown_figures(claim: Plain, entries: Sequence[Plain]) -> Markup | None:
    """The figures of one piece of evidence, or None."""
    found = list(plots.case_figures(entries, claim))
    for entry in _telling(entries):
        found += plots.figures(entry, claim)
    if not found:
        return None
    drawn = [el("figure", Markup(f.svg), el("figcaption", f.caption), class_=f"plot-{f.kind}") for f in found]
    return el("div", drawn, class_="figures")


def _telling(entries: Sequence[Plain]) -> list[Plain]:
    """The outcomes that say most: those that did not pass, then those that came nearest to their bounds."""

    def room(entry: Plain) -> tuple[bool, float]:
        estimate, bound = entry.get("estimate"), entry.get("bound")
        apart = float("inf")
        if isinstance(estimate, (int, float)) and isinstance(bound, (int, float)):
            apart = abs(bound - estimate) / (abs(bound) or 1.0)
        return entry.get("verdict") == "pass", apart

    return sorted((e for e in entries if e.get("trace")), key=room)[:MOST]
