"""A derivation on a page: numbered steps, each with its rule, its status and links to what it uses."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ..display import plural
from .markup import Markup, el, join, shortened
from .mathml import LONGEST, math
from .words import Plain, listed

_STATUS = {"proved": "proved", "assumed": "assumed", "cited": "cited"}


def derivation(entry: Plain, prefix: str) -> Markup:
    """What an outcome of kind derivation shows; ``prefix`` makes the ids of its steps unique on the page."""
    steps: Sequence[Plain] = entry.get("steps") or ()
    goes_through = entry.get("verdict") == "pass"
    # without a conclusion nothing is known to be needed
    needed = [s for s in steps if s.get("needed") or not goes_through]
    others = [s for s in steps if not (s.get("needed") or not goes_through)]
    numbers = {s.get("n") for s in steps}
    out = [el("p", _summary(entry, needed))]
    if needed:
        last = needed[-1] if goes_through else None
        out.append(el("ol", [_step(s, prefix, numbers, s is last) for s in needed], class_="steps"))
    if others:
        words = f"{plural(len(others), 'further step')} that the conclusion does not rest on"
        out.append(el("details", el("summary", words), el("ol", [_aside(s, prefix) for s in others], class_="steps")))
    return join(out)


def _summary(entry: Plain, needed: Sequence[Plain]) -> Markup:
    parts = []
    for status in ("assumed", "proved", "cited"):
        count = sum(s.get("status") == status for s in needed)
        if count:
            parts.append(f"{count} {status}")
    counted = f"{plural(len(needed), 'step')}: {listed(parts)}. " if needed else ""
    message = shortened(entry.get("message") or "", LONGEST)
    # "proved in 111 steps" counts those that are not needed as well
    said = "" if entry.get("verdict") == "pass" and message.startswith("proved in") else message
    return join(counted, said)


def _step(step: Plain, prefix: str, numbers: Collection[Any], last: bool) -> Markup:
    latex, conclusion = str(step.get("latex") or ""), str(step.get("conclusion") or "")
    if latex and (len(latex) <= LONGEST or not conclusion):
        shown = math(latex, words=True)
    else:
        shown = el("code", shortened(conclusion, LONGEST), class_="tex")
    return el(
        "li",
        el("div", shown, class_="math"),
        el("p", _why(step, prefix, numbers, last)),
        value=_integer(step.get("n")),
        id=f"{prefix}{_integer(step.get('n'))}" if _integer(step.get("n")) is not None else None,
        class_="last" if last else None,
    )


def _why(step: Plain, prefix: str, numbers: Collection[Any], last: bool) -> Markup:
    status = str(step.get("status", ""))
    uses = [_integer(n) for n in step.get("uses") or ()]
    links: list[Any] = []
    for n in uses:
        links += [", " if links else " from ", el("a", n, href=f"#{prefix}{n}") if n in numbers else n]
    more = [str(step[k]) for k in ("note", "reference") if step.get(k)]
    return join(
        el("b", status, class_=_STATUS.get(status)),
        f" {shortened(step.get('rule', ''), 200)}" + (": " + shortened("; ".join(more)) if more else ""),
        links or None,
        " – this is the statement" if last else None,
    )


def _aside(step: Plain, prefix: str) -> Markup:
    n = _integer(step.get("n"))
    said = f"{step.get('rule', '')} ({step.get('status', '')}): {step.get('conclusion', '')}"
    return el("li", shortened(said, 300), value=n, id=f"{prefix}{n}" if n is not None else None)


def _integer(n: Any) -> int | None:
    return n if isinstance(n, int) else None
