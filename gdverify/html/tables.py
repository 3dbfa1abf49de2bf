"""Tables of what experiments and worst cases found, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from ..display import number
from . import words
from .layout import table
from .markup import Markup, el, shortened
from .mathml import math
from .plots import proved_ends
from .words import Plain, value

Column = tuple[Any, list[Any], bool]  # heading, cells, whether numbers


def experiment_table(claim: Plain, name: str, entries: Sequence[Plain]) -> Markup:
    """The cases of one experiment: parameters, what was measured, what it is compared with."""
    kind = str((claim.get("decides") or {}).get("kind", ""))
    got, claimed = words.measured(kind)
    ratio = kind == "sure-bound" and all(e.get("bound") == 1 for e in entries)
    if ratio:
        got = "largest quantity/bound"
    columns: list[Column] = [
        *_parameters(claim, entries),
        ("verdict", [words.badge(str(e.get("verdict"))) for e in entries], False),
        (got, [_number(e.get("estimate")) for e in entries], True),
        ("interval", [_interval(e.get("interval")) for e in entries], True),
        (claimed, ["" if ratio else _number(e.get("bound")) for e in entries], True),
        ("tolerance", ["" if kind == "identity" else _number(e.get("tolerance")) for e in entries], True),
        ("samples", [f"{e['samples']:,}" if e.get("samples") else "" for e in entries], True),
        ("seconds", [_seconds(e) for e in entries], True),
        ("remarks", [_remarks(e) for e in entries], False),
    ]
    return _drawn(f"Cases of the experiment {name}", columns, len(entries))


def worst_case_table(claim: Plain, name: str, entries: Sequence[Plain]) -> Markup:
    """The cases of one worst case: the stated bound, the worst instance found, what is certified."""
    ends, nothing = [proved_ends(e) for e in entries], (None, None)
    both = list(zip(entries, ends, strict=True))
    columns: list[Column] = [
        *_parameters(claim, entries),
        ("verdict", [words.badge(str(e.get("verdict"))) for e in entries], False),
        ("stated", [_towards(e.get("bound"), ROUND_CEILING) for e in entries], True),
        ("attained by an instance", [_towards(low, ROUND_FLOOR) for low, _ in ends], True),
        ("certified at most", [_towards(high, ROUND_CEILING) for _, high in ends], True),
        ("stated/certified", [_looseness(e, high) for e, (_, high) in both], True),
        ("solver, not checked", [_number(e.get("estimate")) if known == nothing else "" for e, known in both], True),
        ("certificates", [_certificates(e) for e in entries], False),
        ("seconds", [_seconds(e) for e in entries], True),
        ("remarks", [_remarks(e) for e in entries], False),
    ]
    return _drawn(f"Cases of the worst case {name}", columns, len(entries))


def _drawn(caption: str, columns: Sequence[Column], rows: int) -> Markup:
    """The table without the columns in which every cell is empty."""
    kept = [c for c in columns if any(c[1])]
    head = ["case", *(c[0] for c in kept)]
    body = [[k + 1, *(cells[k] for _, cells, _ in kept)] for k in range(rows)]
    flush = [k for k, (_, _, numbers) in enumerate(kept, 1) if numbers]
    return table(caption, head, body, name=caption, numbers=[0, *flush])


def _parameters(claim: Plain, entries: Sequence[Plain]) -> list[Column]:
    latex = {s.get("name"): s.get("latex") for s in claim.get("symbols") or ()}
    cases = [e.get("case") or {} for e in entries]
    out: list[Column] = []
    for key in words.keys_of(cases):
        cells = [value(case.get(key)) for case in cases]
        numeric = all(c.lstrip("-")[:1].isdigit() or not c for c in cells)
        out.append((math(latex[key]) if latex.get(key) else el("code", value(key)), cells, numeric))
    return out


def _number(x: Any) -> str:
    return "" if x is None else number(x)


def _towards(x: float | None, rounding: str) -> str:
    """Six digits, rounded to the side on which the number keeps saying something true."""
    if x is None:
        return ""
    exact = Decimal(x)
    digits = Decimal((0, (1,), exact.adjusted() - 5)) if exact else Decimal(1)
    return f"{float(exact.quantize(digits, rounding=rounding)):.6g}"


def _interval(ends: Any) -> str:
    if not ends:
        return ""
    low, high = (("−∞", "∞")[k] if x is None else number(x) for k, x in enumerate(ends))
    return f"[{low}, {high}]"


def _looseness(entry: Plain, certified: float | None) -> str:
    bound = entry.get("bound")
    return number(bound / certified) if bound is not None and certified else ""


def _seconds(entry: Plain) -> str:
    t = entry.get("seconds")
    return "" if t is None else f"{t:.2f}" if t < 100 else f"{t:.0f}"


def _certificates(entry: Plain) -> Markup:
    """By what the two ends are known, and whether that was checked exactly."""
    rules: dict[str, list[str]] = {}
    for step in entry.get("steps") or ():
        rules.setdefault(str(step.get("status", "")), []).append(shortened(step.get("rule", ""), 120))
    said = "; ".join(f"{words.listed(dict.fromkeys(names))}, {status}" for status, names in rules.items())
    return el("div", said, class_="remark") if said else Markup("")


def _remarks(entry: Plain) -> Markup:
    parts = [shortened(entry.get("message") or "", 1000), entry.get("suspicion") or ""]
    if entry.get("unread"):
        parts.append(f"never read: {', '.join(map(str, entry['unread']))}")
    shown = "; ".join(filter(None, map(str, parts)))
    if not shown:
        return Markup("")
    replay = entry.get("artefact") if entry.get("verdict") == "fail" else None
    return el("div", shown, el("div", el("code", f"gdverify replay {replay}")) if replay else None, class_="remark")
