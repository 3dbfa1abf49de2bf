"""One plot as inline SVG: axes, marks and legend, and its numbers as text for who cannot see it.

No ids, scripts, fonts or clip paths: any number of plots share a page.  Ink is ``currentColor``; the other colours are
CSS variables, set by `STYLE`.  Kinds of marks differ in shape or dash pattern too, never in colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .axes import Scale
from .markup import text

DATA, BOUND, FIT = "var(--plot-data,#0072B2)", "var(--plot-bound,#D55E00)", "var(--plot-fit,#009E73)"
STYLE = """\
:root{--plot-data:#0072B2;--plot-bound:#D55E00;--plot-fit:#009E73}
@media (prefers-color-scheme:dark){:root{--plot-data:#56B4E9;--plot-bound:#E69F00;--plot-fit:#2BC79C}}
svg.plot{display:block;width:100%;max-width:32rem;height:auto}
"""
DASHES = {"solid": "", "dash": "6 4", "dots": "1.5 3", "dash-dot": "8 3 1.5 3"}
_WIDTH, _HEIGHT, _RIGHT = 360.0, 168.0, 14.0  # of the picture; of the plot area; margin
_CHARACTER = 6.1  # width of one at font size 11, on average
_ROW = 15.0
_NAME = 22  # characters of a row's name

Point = tuple[float, float]


@dataclass(frozen=True)
class Key:
    """An entry of the legend: what a mark looks like, and what it is."""

    mark: str  # a name of `DASHES`, or: dot, ring, triangle, tick, interval, box, band
    colour: str
    text: str


@dataclass
class Plot:
    """Axes with marks on them.  Positions are in values of the scales; whatever falls outside is cut at the edge."""

    title: str
    x: Scale
    y: Scale
    x_label: str
    y_label: str
    legend: Sequence[Key] = ()
    rows: Sequence[str] = ()  # names of the rows of a plot whose y counts 0, 1, ... downwards; no y ticks then
    marks: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys, lines = _placed(self.legend)
        self.y_ticks, off = ([], "") if self.rows else self.y.ticks()
        self.y_label += off
        longest = max((len(label) for _, label in self.y_ticks), default=0)
        self.left = max(30.0, 10 + _CHARACTER * longest, *(8 + 7.0 * min(len(r), _NAME) for r in self.rows))
        self.top = lines * _ROW + (8 if self.rows else 20)
        self.right = _WIDTH - _RIGHT
        self.bottom = self.top + max(_HEIGHT if not self.rows else 0.0, 17.0 * len(self.rows))

    # -- positions ------------------------------------------------------------------------------------------------

    def _x(self, value: float, cut: bool = True) -> float:
        return _between(self.x.share(value), self.left, self.right, cut)

    def _y(self, value: float, cut: bool = True) -> float:
        return _between(self.y.share(value), self.bottom, self.top, cut)

    # -- marks ----------------------------------------------------------------------------------------------------

    def line(self, points: Sequence[Point], colour: str, dash: str = "solid", width: float = 1.8) -> None:
        """A polyline, each of its segments cut at the edges of the plot."""
        area = (self.left, self.top, self.right, self.bottom)
        at = [(self._x(x, cut=False), self._y(y, cut=False)) for x, y in points]
        pieces = [cut for a, b in pairwise(at) if (cut := _clip(a, b, area))]
        if not pieces:
            return
        path, last = "", None
        for start, end in pieces:
            path += ("" if start == last else f"M{_xy(start)}") + f"L{_xy(end)}"
            last = end
        pattern = f' stroke-dasharray="{DASHES[dash]}"' if DASHES[dash] else ""
        look = f'fill="none" stroke="{colour}" stroke-width="{width:g}" stroke-linejoin="round"{pattern}'
        self.marks.append(f'<path d="{path}" {look}/>')

    def across(self, y: float, colour: str, dash: str) -> None:
        """A horizontal line, unless it lies outside."""
        if self.y.lo <= y <= self.y.hi:
            self.line([(self.x.lo, y), (self.x.hi, y)], colour, dash)

    def upright(self, x: float, colour: str, dash: str) -> None:
        """A vertical line, unless it lies outside."""
        if self.x.lo <= x <= self.x.hi:
            self.line([(x, self.y.lo), (x, self.y.hi)], colour, dash)

    def band(self, ends: Sequence[tuple[float, float, float]], colour: str, shade: float) -> None:
        """The area between a low and a high line, given as (x, low, high)."""
        if len(ends) < 2:
            return
        points = [*((x, low) for x, low, _ in ends), *((x, high) for x, _, high in reversed(ends))]
        path = " ".join(_xy((self._x(a), self._y(b))) for a, b in points)
        self.marks.append(f'<polygon points="{path}" fill="{colour}" fill-opacity="{shade:g}"/>')

    def box(self, x: tuple[float, float], y: tuple[float, float], colour: str) -> None:
        """A bar with a hairline of the background's colour left between neighbours."""
        left, right = sorted((self._x(x[0]), self._x(x[1])))
        bottom, top = max(self._y(y[0]), self._y(y[1])), min(self._y(y[0]), self._y(y[1]))
        gap = 0.4 if right - left > 2 else 0.0
        self.marks.append(
            f'<rect x="{_f(left + gap)}" y="{_f(top)}" width="{_f(max(right - left - 2 * gap, 0.8))}" '
            f'height="{_f(bottom - top)}" fill="{colour}"/>'
        )

    def whisker(self, x: float, low: float, high: float, colour: str) -> None:
        a, top, bottom = self._x(x), self._y(high), self._y(low)
        path = f"M{_xy((a, bottom))}L{_xy((a, top))}"
        for end, value in ((top, high), (bottom, low)):
            if 0 <= self.y.share(value) <= 1:  # no cap where the interval goes on beyond the plot
                path += f"M{_f(a - 3)} {_f(end)}L{_f(a + 3)} {_f(end)}"
        self.marks.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.2"/>')

    def mark(self, x: float, y: float, shape: str, colour: str) -> None:
        """A point; a triangle stands on its position, the others are centred there."""
        self.marks.append(_shape(self._x(x), self._y(y) - (3 if shape == "triangle" else 0), shape, colour))

    # -- the picture ----------------------------------------------------------------------------------------------

    def svg(self, description: str) -> str:
        """The plot as an ``<svg>`` element."""
        x_ticks, off = self.x.ticks()
        height = self.bottom + 36
        out = [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" viewBox="0 0 {_WIDTH:g} {_f(height)}" '
            f'aria-label="{text(self.title)}" font-family="system-ui,sans-serif" font-size="11" '
            'fill="currentColor">',
            f"<title>{text(self.title)}</title>",
            f"<desc>{text(description)}</desc>",
        ]
        out += self.keys
        grid, labels = "", []
        for value, label in self.y_ticks:
            y = self._y(value)
            grid += f"M{_f(self.left)} {_f(y)}H{_f(self.right)}"
            labels.append(_text(self.left - 5, y + 3.8, label, "end"))
        for value, label in _uncrowded(x_ticks, self._x):
            x = self._x(value)
            grid += f"M{_f(x)} {_f(self.top)}V{_f(self.bottom)}"
            near = len(label) * _CHARACTER / 2
            labels.append(_text(min(x, _WIDTH - near), self.bottom + 14, label, "middle"))
        for k, name in enumerate(self.rows):
            y = self._y(float(k))
            labels.append(_text(self.left - 6, y + 3.8, name if len(name) <= _NAME else name[: _NAME - 1] + "…", "end"))
            grid += f"M{_f(self.left)} {_f(y)}H{_f(self.right)}"
        out.append(f'<path d="{grid}" stroke="currentColor" stroke-opacity="0.15" fill="none"/>' if grid else "")
        if self.y_label and not self.rows:
            out.append(_text(4, self.top - 8, self.y_label, "start"))
        out.append(_text((self.left + self.right) / 2, self.bottom + 30, self.x_label + off, "middle"))
        out += [*labels, '<g class="marks">', *self.marks, "</g>"]
        frame = f"M{_f(self.left)} {_f(self.top)}V{_f(self.bottom)}H{_f(self.right)}"
        out.append(f'<path class="frame" d="{frame}" stroke="currentColor" fill="none"/></svg>')
        return "".join(out)


def _f(value: float) -> str:
    """Fixed decimals, so that equal reports have equal plots."""
    return f"{value + 0.0:.1f}".replace("-0.0", "0.0")


def _xy(point: Point) -> str:
    return f"{_f(point[0])} {_f(point[1])}"


def _between(share: float, start: float, end: float, cut: bool) -> float:
    # Without a cut the position still has to be a number that segments can be clipped with.
    share = min(max(share, 0.0), 1.0) if cut else min(max(share, -1e6), 1e6)
    return start + share * (end - start)


def _text(x: float, y: float, string: str, anchor: str) -> str:
    at = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{_f(x)}" y="{_f(y)}"{at}>{text(string)}</text>'


def _shape(x: float, y: float, shape: str, colour: str) -> str:
    if shape == "dot":
        return f'<circle cx="{_f(x)}" cy="{_f(y)}" r="2.8" fill="{colour}"/>'
    if shape == "ring":
        return f'<circle cx="{_f(x)}" cy="{_f(y)}" r="5" fill="none" stroke="{colour}" stroke-width="1.6"/>'
    if shape == "tick":
        return f'<path d="M{_f(x - 5)} {_f(y)}h10" stroke="{colour}" stroke-width="2"/>'
    if shape == "interval":
        path = f"M{_f(x)} {_f(y - 5)}v10M{_f(x - 3)} {_f(y - 5)}h6M{_f(x - 3)} {_f(y + 5)}h6"
        return f'<path d="{path}" stroke="{colour}" stroke-width="1.2" fill="none"/>'
    path = f"M{_f(x)} {_f(y - 4)}L{_f(x + 3.8)} {_f(y + 3)}H{_f(x - 3.8)}Z"
    return f'<path d="{path}" fill="{colour}"/>'


def _placed(keys: Sequence[Key]) -> tuple[list[str], int]:
    """The legend's elements, in rows at the top, and how many rows there are."""
    out, x, row = [], 4.0, 0
    for key in keys:
        width = 28 + _CHARACTER * len(key.text) + 10
        if x > 4 and x + width > _WIDTH:
            x, row = 4.0, row + 1
        y = 9 + _ROW * row
        if key.mark in DASHES:
            pattern = f' stroke-dasharray="{DASHES[key.mark]}"' if DASHES[key.mark] else ""
            out.append(f'<path d="M{_f(x)} {_f(y)}h22" stroke="{key.colour}" stroke-width="1.8" fill="none"{pattern}/>')
        elif key.mark in ("box", "band"):
            shade = ' fill-opacity="0.3"' if key.mark == "band" else ""
            out.append(f'<rect x="{_f(x)}" y="{_f(y - 5)}" width="22" height="10" fill="{key.colour}"{shade}/>')
        else:
            out.append(_shape(x + 11, y, key.mark, key.colour))
        out.append(_text(x + 27, y + 3.8, key.text, "start"))
        x += width
    return out, row + 1 if keys else 0


def _uncrowded(ticks: list[tuple[float, str]], at: Callable[[float], float]) -> list[tuple[float, str]]:
    """Every k-th tick, with the smallest k at which labels keep clear of one another."""
    for every in range(1, len(ticks) + 1):
        kept = ticks[::every]
        ends = [(at(v) - len(s) * _CHARACTER / 2, at(v) + len(s) * _CHARACTER / 2) for v, s in kept]
        if all(a[1] + 6 <= b[0] for a, b in pairwise(ends)):
            return kept
    return ticks[:1]


def _clip(a: Point, b: Point, area: tuple[float, float, float, float]) -> tuple[Point, Point] | None:
    """The part of a segment inside (left, top, right, bottom); Liang and Barsky's way."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    start, end = 0.0, 1.0
    left, top, right, bottom = area
    for p, q in ((-dx, a[0] - left), (dx, right - a[0]), (-dy, a[1] - top), (dy, bottom - a[1])):
        if p == 0:
            if q < 0:
                return None
        elif p < 0:
            start = max(start, q / p)
        else:
            end = min(end, q / p)
    if start > end or not math.isfinite(start + end):
        return None
    return (a[0] + start * dx, a[1] + start * dy), (a[0] + end * dx, a[1] + end * dy)
