"""What `gdverify tighten` prints."""

from __future__ import annotations

from decimal import Decimal

from .display import case_text, number, plural, seconds, wrapped
from .tighten import Tightness


def lines(found: Tightness) -> list[str]:
    """The interval of a constant in a few lines of plain text."""
    constant = found.constant
    least, most = (">=", "<=") if constant.sharper < 0 else ("<=", ">=")
    less = constant.sharper < 0
    low_end = lambda f: "?" if f is None else _rounded(constant.value(f), up=not less)
    high_end = lambda f: "?" if f is None else _rounded(constant.value(f), up=less)
    out = [f"{found.claim.id}: {constant.name}"]
    if found.violated:
        out.append("  the statement as it stands is violated: see gdverify check or hunt")
    head = f"stated {number(float(constant.stated))}, attained {least} {low_end(found.attained)}"
    head += f", provable {most} {high_end(found.provable)}" + (
        " at the certified cases" if found.scope == "cases" else ""
    )
    out += wrapped(f"{head}: {_loose(*found.loose())}" if not found.measured else _measured(found), "  ", "  ")
    if found.attained is not None:
        how = "certain" if found.confidence is None else _confidence(found)
        if found.confidence is None and not found.certain:
            how = "in floating point only"
        where = f" at {case_text(found.attained_case)}" if found.attained_case else ""
        out += wrapped(f"attained by {found.attained_by}{where}; {how}", "    ", "  ")
    if found.provable is not None and found.scope == "regime":
        out += wrapped(f"proved for the whole regime by {found.provable_by}", "    ", "  ")
    near = lambda low, high: None not in (low, high) and number(constant.value(low)) == number(constant.value(high))
    between = lambda low, high: f"between {low_end(low)} and {high_end(high)}"
    ends = lambda low, high: number(constant.value(low)) if near(low, high) else between(low, high)
    if found.cases:
        low, high = found.over_cases()
        text = f"over {plural(len(found.cases), 'certified case')}: worst case {ends(low, high)}, "
        out += wrapped(text + _loose(*found.loose(low, high)), "  ", "  ")
        for c in found.cases:
            out += wrapped(f"{ends(c.lower, c.upper)} at {case_text(c.case)} ({c.evidence})", "    ", "  ")
    for note in found.notes:
        out += wrapped(f"note: {note}", "  ", "  ")
    out.append(f"  {seconds(found.seconds)}")
    return out


def _confidence(found: Tightness) -> str:
    return f"with {'asymptotic ' if found.asymptotic else ''}confidence {found.confidence:.6f}"


def _measured(found: Tightness) -> str:
    assert found.measured is not None
    low, high = (number(x) for x in found.measured)
    what = number(float(found.constant.stated)) if not found.relative else "1"
    ratio = " of what is stated" if found.relative else ""
    return f"stated {what}, measured between {low} and {high}{ratio}, {_confidence(found)}"


def _loose(low: float | None, high: float | None) -> str:
    """In words: between which factors the statement is loose."""
    if low is None and high is None:
        return "nothing is known of how loose it is"
    if high is None:
        return f"loose by a factor of at least {number(low)}"
    if low is None:
        return f"loose by a factor of at most {number(high)}"
    if high - 1 < 1e-6:
        return f"tight (to {max(0.0, high - 1):.1g})"
    if number(low) == number(high):
        return f"loose by a factor of {number(low)}"
    return f"loose by a factor between {_rounded(low, up=False)} and {_rounded(high, up=True)}"


def _rounded(x: float, *, up: bool) -> str:
    """Five significant digits, rounded to the side that keeps the statement true (1e-9 relative does not count)."""
    text = number(x)
    near = float(text)
    if x == 0 or abs(near - x) <= 1e-9 * abs(x) or (near >= x) == up:
        return text
    step = Decimal(1).scaleb(Decimal(text).adjusted() - 4)
    return number(float(Decimal(text) + (step if up else -step)))
