"""The figures of a claim's evidence, drawn from a report's plain data.

`figures` draws what one outcome recorded (its ``trace``), `case_figures` compares the outcomes of one piece of evidence
over its cases.  Both are pure functions; whatever is missing or makes no sense in the data is left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .axes import Scale, finite, number, numbers, positive, text
from .canvas import BOUND, DATA, FIT, STYLE, Key, Plot, Point

__all__ = ["STYLE", "Figure", "case_figures", "figures"]

INK = "currentColor"
_ROUNDING = " What exceeds it was found to be rounding, in interval arithmetic."
_MOST_ROWS = 24  # of a plot with a row for each case
_SIZES = ("T", "n", "N", "t", "time", "steps", "k", "depth", "width", "d", "dimension", "m", "L")  # natural as an axis
Plain = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """A plot: ``svg`` is markup, safe to insert; ``caption`` is plain text, to be escaped; ``kind`` names what it is.

    Kinds: ``histogram``, ``sequence``, ``rate``, ``limit``, ``drift``, ``cases``, ``worst-case``.
    """

    svg: str
    caption: str
    kind: str


def figures(entry: Plain, claim: Plain) -> list[Figure]:
    """What an outcome recorded, drawn: none, or one figure.

    Parameters
    ----------
    entry : an evidence entry of a claim of ``gdverify.report/1``
    claim : that claim
    """
    trace = entry.get("trace")
    if not isinstance(trace, Mapping):
        return []
    series = _mapping(trace.get("series"))
    if "histogram" in trace:
        found = _histogram(entry, claim, _mapping(trace["histogram"]))
    elif "sequence" in trace:
        found = _sequence(entry, claim, trace)
    elif "h" in series:
        found = _drift(entry, claim, series, _mapping(trace.get("fit")))
    elif "limit" in trace:
        found = _limit(entry, claim, series, trace)
    else:
        found = _rate(entry, claim, series, _mapping(trace.get("fit")))
    if found is None:
        return []
    case = _case(entry)
    return [replace(found, caption=f"{found.caption} Case: {case}." if case else found.caption)]


def case_figures(entries: Sequence[Plain], claim: Plain) -> list[Figure]:
    """Outcomes of one piece of evidence compared over its cases: none, or one figure.

    Parameters
    ----------
    entries : the entries of the claim with one ``kind`` and ``name``, in order
    claim : that claim
    """
    if not entries:
        return []
    draw = {"experiment": _cases, "worst-case": _worst_cases}.get(str(entries[0].get("kind")))
    found = draw(entries, claim) if draw else None
    return [found] if found else []


# -- one outcome ------------------------------------------------------------------------------------------------------


def _histogram(entry: Plain, claim: Plain, data: Plain) -> Figure | None:
    edges, counts = numbers(data.get("edges")), numbers(data.get("counts"))
    bins = [
        (a, b, n)
        for a, b, n in zip(edges, edges[1:], counts, strict=False)
        if a is not None and b is not None and n is not None and a < b and (n >= 1 or n == 0)
    ]
    log = data.get("scale") == "log"
    if log:
        bins = [bin for bin in bins if bin[0] > 0]
    if not any(n for _, _, n in bins):
        return None
    of = str(data.get("of", "quantity"))
    mark, zeros = number(data.get("bound")), number(data.get("zeros")) or 0.0
    largest = number(entry.get("estimate")) if of == "quantity/bound" and mark == 1 == entry.get("bound") else None
    ends = [v for bin in bins for v in bin[:2]]
    beyond = max(ends)
    if mark is not None:
        ends.append(mark)
    if largest is not None:
        ends.append(largest)
    x, y = Scale.over(ends, log), Scale(0.0, 1.08 * max(n for _, _, n in bins))
    keys = [Key("box", DATA, "instances")]
    shown = mark is not None and x.lo <= mark <= x.hi
    what = "tolerance" if of.startswith("|") else "minimum" if of.endswith("minimum") else "bound"
    if shown and mark is not None:
        keys.append(Key("dash", BOUND, f"{what} {text(mark)}"))
    if largest is not None:
        keys.append(Key("triangle", FIT, f"largest found {text(largest, 6)}"))
    plot = Plot(_title(entry, claim, f"distribution of {of}"), x, y, of, "instances", keys)
    for a, b, n in bins:
        if n:
            plot.box((a, b), (0.0, n), DATA)
    if mark is not None:
        plot.upright(mark, BOUND, "dash")
    if largest is not None:
        plot.mark(largest, 0.0, "triangle", FIT)
    total = sum(n for _, _, n in bins) + zeros
    caption = f"How {of} is distributed over {total:,.0f} drawn instances."
    if zeros:
        caption += f" {zeros:,.0f} of them are 0 or below, which a log axis cannot show."
    if shown:
        caption += f" The {what} is {text(mark)}."
    if _kind(claim) == "identity" and entry.get("verdict") == "pass" and mark is not None and beyond > mark:
        caption += _ROUNDING
    if largest is not None:
        caption += f" The largest, directed search included, is {text(largest, 6)}."
    listed = "; ".join(f"{text(a)} to {text(b)}: {n:.0f}" for a, b, n in bins if n)
    return Figure(plot.svg(f"{caption} Instances by range of {of}: {listed}."), caption, "histogram")


def _sequence(entry: Plain, claim: Plain, trace: Plain) -> Figure | None:
    data = _mapping(trace["sequence"])
    flags = data.get("valid")
    flags = flags if isinstance(flags, list) else []
    looks = []
    for k, (n, mean, low, high) in enumerate(_columns(data, "n", "mean", "low", "high")):
        if n is not None and n > 0 and mean is not None:
            ends = (low, high) if low is not None and high is not None and low <= high else None
            looks.append((n, mean, ends, k >= len(flags) or flags[k] is not False))
    looks.sort(key=lambda look: look[0])
    if len(looks) < 2:
        return None
    bound, tolerance = number(trace.get("bound")), number(trace.get("tolerance")) or 0.0
    valid = [(n, *ends) for n, _, ends, counts in looks if ends and counts]
    early = [(n, *ends) for n, _, ends, counts in looks if ends and not counts]
    one_sided = _kind(claim) in ("mean-bound", "probability-bound", "counterexample")
    of = "bound" if one_sided else "value"
    edges = [] if bound is None or not tolerance else [bound + tolerance, bound - tolerance][: 1 if one_sided else 2]
    values: list[float] = [mean for _, mean, _, _ in looks[len(looks) // 2 :]] + edges
    if bound is not None:
        values.append(bound)
    if known := sorted(valid + early):
        # Early intervals are wide: where they go on beyond the plot matters less than how the last ones decide.
        reach = max(known[-1][2] - known[-1][1], max(values) - min(values))
        values += [v for _, low, high in known if high - low <= 4 * reach for v in (low, high)]
    keys = [Key("dot", DATA, "mean")]
    if valid:
        keys.append(Key("band" if len(valid) > 1 else "interval", DATA, "confidence sequence"))
    if early:
        keys.append(Key("dots", DATA, "too early to decide"))
    if bound is not None:
        keys.append(Key("dash", BOUND, f"{of} {text(bound)}"))
    if edges:
        keys.append(Key("dash-dot", BOUND, f"tolerance {text(tolerance)}"))
    x = Scale.over([look[0] for look in looks], log=True)
    label = {"share": "share above the threshold", "quantity/bound": "mean of quantity/bound"}.get(
        str(trace.get("of")), "mean"
    )
    plot = Plot(_title(entry, claim, "confidence sequence"), x, Scale.over(values), "samples", label, keys)
    plot.band(valid, DATA, 0.3)
    for n, low, high in early:
        plot.line([(n, low), (n, high)], DATA, "dots", 1.2)
    for n, low, high in valid:
        plot.whisker(n, low, high, DATA)
    for edge in edges:
        plot.across(edge, BOUND, "dash-dot")
    if bound is not None:
        plot.across(bound, BOUND, "dash")
    plot.line([(n, mean) for n, mean, _, _ in looks], DATA, width=1.2)
    for n, mean, _, _ in looks:
        if plot.y.lo <= mean <= plot.y.hi:
            plot.mark(n, mean, "dot", DATA)
    last = looks[-1]
    caption = f"The {label} over the samples so far, {text(last[1])} after {last[0]:,.0f}"
    if valid:
        caption += f", and its confidence sequence, in the end {_interval(*valid[-1][1:])}"
    caption += f". The {of} is {text(bound)}" + (f", the tolerance {text(tolerance)}." if edges else ".")
    listed = "; ".join(
        f"{n:.0f}: {text(mean)}, {_interval(*(ends or (None, None)))}{'' if counts else ' (too early to decide)'}"
        for n, mean, ends, counts in looks
    )
    return Figure(plot.svg(f"{caption} By number of samples, mean and interval: {listed}."), caption, "sequence")


def _rate(entry: Plain, claim: Plain, series: Plain, fit: Plain) -> Figure | None:
    geometric = fit.get("geometric") is True
    points = [
        (n, value, low, high)
        for n, value, low, high in _columns(series, "n", "value", "low", "high")
        if n is not None and value is not None and value > 0 and (geometric or n > 0)
    ]
    if len(points) < 2:
        return None
    slope, low, high = (number(fit.get(name)) for name in ("slope", "low", "high"))
    intercept, claimed = number(fit.get("intercept")), number(fit.get("claimed"))
    what = "ratio" if geometric else "exponent"
    keys = [Key("dot", DATA, "mean"), *([Key("interval", DATA, "interval")] if _radii(points) else [])]
    if slope is not None:
        keys.append(Key("solid", FIT, f"fitted {what} {text(slope)}"))
    if claimed is not None:
        keys.append(Key("dash", BOUND, f"claimed {what} {text(claimed)}"))
    x = Scale.over([p[0] for p in points], log=not geometric)
    plot = Plot(_title(entry, claim, "rate"), x, _intervals_scale(points), "n", "mean", keys)
    _draw_points(plot, points)
    at = [p[0] if geometric else math.log(p[0]) for p in points]
    middle = sum(at) / len(at), sum(math.log(p[1]) for p in points) / len(points)
    if slope is not None and intercept is not None:
        plot.line(_power_law(plot, slope, (0.0, intercept), geometric), FIT)
    if claimed is not None:
        plot.line(_power_law(plot, claimed, middle, geometric), BOUND, "dash")
    caption = f"The mean at {len(points)} values of n, from {text(points[0][0])} to {text(points[-1][0])}"
    if slope is not None:
        caption += f". The fitted {what} is {text(slope)}, in {_interval(low, high)}"
    caption += f"; claimed: {text(claimed)}." if claimed is not None else "."
    return Figure(plot.svg(f"{caption} By n: {_listed(points)}."), caption, "rate")


def _limit(entry: Plain, claim: Plain, series: Plain, trace: Plain) -> Figure | None:
    limit, rate = number(trace.get("limit")), number(trace.get("rate"))
    if limit is None:
        return None
    points: list[tuple[float, float, float | None, float | None]] = []
    for n, value, low, high in _columns(series, "n", "value", "low", "high"):
        if n is not None and n > 0 and value is not None and value != limit:
            distance = abs(value - limit)
            radius = (high - low) / 2 if low is not None and high is not None else None
            ends = (None, None) if radius is None else (distance - radius, distance + radius)
            points.append((n, distance, *ends))
    if len(points) < 2:
        return None
    keys = [Key("dot", DATA, "distance"), *([Key("interval", DATA, "interval")] if _radii(points) else [])]
    if rate is not None:
        keys.append(Key("dash", BOUND, f"falling like n to the −{text(rate)}"))
    x = Scale.over([p[0] for p in points], log=True)
    plot = Plot(_title(entry, claim, "distance to the limit"), x, _intervals_scale(points), "n", "distance", keys)
    _draw_points(plot, points)
    if rate is not None:
        first = math.log(points[0][0]), math.log(points[0][1])
        plot.line(_power_law(plot, -rate, first, False), BOUND, "dash")
    caption = f"Distance of the mean from the limit {text(limit)} at {len(points)} values of n"
    caption += f"; stated to fall at least like n to the −{text(rate)}." if rate is not None else "."
    return Figure(plot.svg(f"{caption} By n: {_listed(points)}."), caption, "limit")


def _drift(entry: Plain, claim: Plain, series: Plain, fit: Plain) -> Figure | None:
    points = [
        (h, drift, floor)
        for h, drift, floor in _columns(series, "h", "drift", "floor")
        if h is not None and h > 0 and drift is not None and drift > 0
    ]
    if len(points) < 2:
        return None
    order, claimed = number(fit.get("order")), number(fit.get("claimed"))
    floors = positive(floor for _, _, floor in points)
    keys = [Key("dot", DATA, "largest drift" + (f", order {text(order)}" if order is not None else ""))]
    if claimed is not None:
        keys.append(Key("dash", BOUND, f"claimed order {text(claimed)}"))
    if floors:
        keys.append(Key("dots", INK, f"rounding floor {text(max(floors), 2)}"))
    x = Scale.over([p[0] for p in points], log=True)
    y = Scale.over([*(p[1] for p in points), *floors], log=True)
    plot = Plot(_title(entry, claim, "drift against step size"), x, y, "step size", "drift", keys)
    if floors:
        plot.across(max(floors), INK, "dots")
    if claimed is not None:
        coarsest = max(points)
        plot.line(_power_law(plot, claimed, (math.log(coarsest[0]), math.log(coarsest[1])), False), BOUND, "dash")
    plot.line([(h, drift) for h, drift, _ in points], DATA, width=1.0)
    for h, drift, _ in points:
        plot.mark(h, drift, "dot", DATA)
    caption = f"Largest drift of the conserved quantity at {len(points)} step sizes"
    caption += f"; it falls with order {text(order)}" if order is not None else ""
    caption += f", claimed: {text(claimed)}." if claimed is not None else "."
    listed = "; ".join(f"{text(h)}: {text(drift)}" for h, drift, _ in points)
    return Figure(plot.svg(f"{caption} By step size: {listed}."), caption, "drift")


# -- one piece of evidence over its cases -----------------------------------------------------------------------------


def _cases(entries: Sequence[Plain], claim: Plain) -> Figure | None:
    """Estimate against bound, by the case parameter that varies most."""
    entries = [e for e in entries if number(e.get("estimate")) is not None and number(e.get("bound")) is not None]
    kind = _kind(claim)
    if kind in ("sure-bound", "") and any(number(e.get("bound")) == 1 for e in entries):
        entries = [e for e in entries if number(e.get("bound")) == 1]  # elsewhere no ratio could be formed
    name = _varying(entries)
    if not name:
        return None
    points = []
    for e in entries:
        at, estimate, bound = (
            number(v) for v in (_mapping(e.get("case")).get(name), e.get("estimate"), e.get("bound"))
        )
        if at is not None and estimate is not None and bound is not None:
            low, high = _pair(e.get("interval"))
            points.append((at, estimate, low, high, bound))
    points.sort(key=lambda p: p[:2])
    places = sorted({p[0] for p in points})
    if len(places) < 3:
        return None
    quantity, reference = {
        "sure-bound": ("largest quantity/bound", "bound"),
        "rate": ("fitted exponent", "claimed"),
        "conserved": ("order of the drift", "claimed"),
        "minimiser": ("lowest value", "minimum"),
        "limit-law": ("last mean", "limit"),
        "identity": ("largest difference, relative", "tolerance"),
        "probability-bound": ("share above the threshold", "bound"),
        "mean-bound": ("mean", "bound"),
        "mean-equals": ("mean", "value"),
        "counterexample": ("quantity", "refuted bound"),
    }.get(kind, ("estimate", "bound"))
    every = finite(v for p in points for v in (p[1], p[4]))
    log = min(every) > 0 and max(every) > 10 * min(every)
    kept = [*every, *(v for p in points for v in _narrow(p, every, log))]
    intervals = any(low is not None and high is not None for _, _, low, high, _ in points)
    same, alone = len({p[4] for p in points}) == 1, len(_differing(entries)) == 1
    joined = alone and not same and len(points) == len(places)
    keys = [Key("dot", DATA, "found"), Key("dash" if same or joined else "tick", BOUND, reference)]
    if intervals:
        keys.insert(1, Key("interval", DATA, "interval"))
    x = Scale.over(places, log=places[0] > 0 and places[-1] > 10 * places[0])
    title = f"{_named(entries[0], claim)}: {quantity} by {name}"
    plot = Plot(title, x, Scale.over(kept, log), name, quantity, keys)
    if joined:
        plot.line([(p[0], p[4]) for p in points], BOUND, "dash")
    elif same:
        plot.across(points[0][4], BOUND, "dash")
    for at, estimate, low, high, bound in points:
        if not joined and not same:
            plot.mark(at, bound, "tick", BOUND)
        if low is not None and high is not None and (not log or high > 0):
            plot.whisker(at, low, high, DATA)
        if not log or estimate > 0:
            plot.mark(at, estimate, "dot", DATA)
    caption = f"{quantity[0].upper()}{quantity[1:]} at {len(points)} cases, by {name}"
    caption += f"; {reference}: {text(points[0][4])}." if same else f", with the {reference} of each."
    caption += "" if alone else " Other parameters vary too."
    if kind == "identity" and all(e.get("verdict") == "pass" for e in entries) and any(p[1] > p[4] for p in points):
        caption += _ROUNDING
    listed = "; ".join(f"{text(a)}: {text(v)}, {reference} {text(b)}" for a, v, _, _, b in points[:200])
    return Figure(plot.svg(f"{caption} By {name}: {listed}."), caption, "cases")


def _worst_cases(entries: Sequence[Plain], claim: Plain) -> Figure | None:
    """What an instance attains and what is certified, as shares of what is stated; a row for each case."""
    differing = _differing(entries) or None
    rows = []
    for e in entries:
        stated = number(e.get("bound"))
        if stated is not None and stated > 0:
            shares = [None if v is None else number(v / stated) for v in proved_ends(e)]
            if finite(shares):
                rows.append((_case(e, differing), stated, shares[0], shares[1]))
    if not rows:
        return None
    every = rows
    if len(rows) > _MOST_ROWS:
        rows = [rows[k * (len(rows) - 1) // (_MOST_ROWS - 1)] for k in range(_MOST_ROWS)]
    known = [v for _, _, a, b in rows for v in (a, b) if v is not None]
    log = min(known) > 0 and min(known) < 0.05
    x = Scale.over([1.0, *known, *([] if log else [0.0])], log)
    y = Scale(len(rows) - 0.5, -0.5)
    keys = [
        Key("dash", BOUND, "stated"), Key("ring", FIT, "certified at most"), Key("dot", DATA, "attained"),
    ]  # fmt: skip
    title = f"{_named(entries[0], claim)}: worst case as a share of the stated bound"
    plot = Plot(title, x, y, "share of the stated bound", "", keys, rows=[r[0] or "the only case" for r in rows])
    plot.upright(1.0, BOUND, "dash")
    for k, (_, _, share, certified) in enumerate(rows):
        for value, shape, colour in ((certified, "ring", FIT), (share, "dot", DATA)):
            if value is not None and (not log or value > 0):
                plot.mark(value, float(k), shape, colour)
    caption = f"Exact worst cases at {len(every)} case{'s' if len(every) > 1 else ''}"
    caption += f" ({len(rows)} shown)" if len(rows) < len(every) else ""
    for what, column in (("certified to be at most", 3), ("attained by instances:", 2)):
        if known := finite(number(r[column]) for r in every):
            ends = dict.fromkeys(text(end(known)) for end in (min, max))
            caption += f"; {what} {' to '.join(ends)} of the stated bound"
    caption += "."
    listed = "; ".join(
        f"{case}: stated {text(stated)}, attained {text(None if a is None else a * stated)}, "
        f"certified {text(None if b is None else b * stated)}"
        for case, stated, a, b in every[:200]
    )
    return Figure(plot.svg(f"{caption} By case: {listed}."), caption, "worst-case")


def proved_ends(entry: Plain) -> tuple[float | None, float | None]:
    """What an instance attains and what a certificate allows at most: checked ends alone, no solver's estimate."""
    low, high = _pair(entry.get("interval"))
    steps = entry.get("steps")
    for step in steps if isinstance(steps, list) else []:
        found = re.fullmatch(r"([<>])= (-?[\d.e+-]{1,30})", str(_mapping(step).get("proves", "")), re.ASCII)
        try:
            value = number(float(found[2])) if found else None
        except ValueError:
            continue
        if found and found[1] == "<":
            high = value if high is None else high
        elif found:
            low = value if low is None else low
    return low, high


# -- pieces -----------------------------------------------------------------------------------------------------------


def _mapping(value: Any) -> Plain:
    return value if isinstance(value, Mapping) else {}


def _kind(claim: Plain) -> str:
    return str(_mapping(claim.get("decides")).get("kind", ""))


def _columns(data: Plain, *names: str) -> list[tuple[float | None, ...]]:
    """Rows of equally long columns; a column that is missing, or an entry that is no number, is None."""
    columns = [numbers(data.get(name)) for name in names]
    length = len(columns[0])
    return list(zip(*(c if len(c) == length else [None] * length for c in columns), strict=True))


def _pair(value: Any) -> tuple[float | None, float | None]:
    ends = numbers(value)
    return (ends[0], ends[1]) if len(ends) == 2 else (None, None)


def _interval(low: float | None, high: float | None) -> str:
    return "no interval" if low is None or high is None else f"[{text(low)}, {text(high)}]"


def _listed(points: Sequence[tuple[float, float, float | None, float | None]]) -> str:
    return "; ".join(f"{text(n)}: {text(value)}, {_interval(low, high)}" for n, value, low, high in points)


def _case(entry: Plain, names: set[str] | None = None) -> str:
    """A case, or what it says of these names, in one line, sizes first; exact rationals that are long are rounded."""
    parts = []
    case = _mapping(entry.get("case"))
    rank = {name: k for k, name in enumerate(_SIZES)}
    for name, value in sorted(case.items(), key=lambda item: rank.get(item[0], len(rank))):
        if names is not None and name not in names:
            continue
        short = number(value)
        parts.append(f"{name}={value}" if len(str(value)) <= 6 or short is None else f"{name}≈{text(short, 3)}")
    return ", ".join(parts)


def _named(entry: Plain, claim: Plain) -> str:
    return ", ".join(filter(None, (str(claim.get("id", "")), str(entry.get("name", "")))))


def _title(entry: Plain, claim: Plain, what: str) -> str:
    case = _case(entry)
    return f"{_named(entry, claim)}{f' at {case}' if case else ''}: {what}"


def _varying(entries: Sequence[Plain]) -> str:
    """The numeric case parameter to draw over: a size with three values or more, else the one with most values."""
    values: dict[str, set[float]] = {}
    for e in entries:
        for name, value in _mapping(e.get("case")).items():
            at = number(value)
            if at is not None:
                values.setdefault(str(name), set()).add(at)
    sizes = [name for name in _SIZES if len(values.get(name, ())) >= 3]
    return (sizes or sorted(values, key=lambda name: (-len(values[name]), name)) or [""])[0]


def _differing(entries: Sequence[Plain]) -> set[str]:
    """Names of the case parameters that are not the same everywhere."""
    cases = [_mapping(e.get("case")) for e in entries]
    return {name for case in cases for name in case if any(other.get(name) != case[name] for other in cases)}


def _narrow(
    point: tuple[float, float, float | None, float | None, float], every: Sequence[float], log: bool
) -> list[float]:
    """The ends of a point's interval that are no farther out than the plot is wide."""
    _, estimate, low, high, _ = point
    ends = finite((low, high))
    if log:
        factor = max(every) / min(every)
        return [v for v in ends if v > 0 and 1 / factor <= v / estimate <= factor] if estimate > 0 else []
    width = max(every) - min(every)
    return [v for v in ends if abs(v - estimate) <= 2 * width]


def _intervals_scale(points: Sequence[tuple[float, float, float | None, float | None]]) -> Scale:
    """A log scale for points with intervals; the ends that lie decades away are cut."""
    values = [p[1] for p in points]
    least, most = min(values), max(values)
    ends = [v for p in points for v in p[2:] if v is not None and least / 10 < v < most * 10]
    return Scale.over([*values, *ends], log=True)


def _radii(points: Sequence[tuple[float, float, float | None, float | None]]) -> bool:
    return any(low is not None and high is not None and high > low for _, _, low, high in points)


def _draw_points(plot: Plot, points: Sequence[tuple[float, float, float | None, float | None]]) -> None:
    for x, y, low, high in points:
        if low is not None and high is not None and high > low:
            plot.whisker(x, low, high, DATA)
        plot.mark(x, y, "dot", DATA)


def _power_law(plot: Plot, slope: float, through: tuple[float, float], geometric: bool) -> list[Point]:
    """A straight line on the plot: log y = slope log x + c, or for a ratio log y = x log(slope) + c."""
    if geometric:
        if slope <= 0:
            return []
        slope = math.log(slope)
    ends = (plot.x.lo, plot.x.hi)
    points = []
    for x in ends:
        exponent = through[1] + slope * ((x if geometric else math.log(x)) - through[0])
        points.append((x, math.exp(min(max(exponent, -700.0), 700.0))))
    return points
