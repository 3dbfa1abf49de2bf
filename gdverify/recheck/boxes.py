"""An elementary expression is >= 0 on a box: ranges, monotonicity and subdivision, within a budget.

On a cell, f >= 0 follows from (1) its range; (2) a partial derivative of one sign, and f >= 0 on the face where f is
least; (3) in one variable, f' >= 0 by the same rules and f(left) >= 0, or f' <= 0 and f >= 0 at the right end or in
the limit at oo; (4) both halves.  (2) and (3) need f to be defined on the whole cell and smooth inside.  A rational
function of one variable is decided by Sturm sequences.  Nothing of this is taken from the certificate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from . import ranges, slopes, univariate
from .ranges import Range, Undefined, evaluate
from .terms import Rejected, Tree, free, nodes

Ends = tuple[Fraction | None, Fraction | None]
Cell = dict[str, Ends]
NARROW = Fraction(1, 2**40)
ORDER = 4  # how often (3) differentiates


class Prover:
    """Decides f >= 0 on a box.

    Parameters
    ----------
    box : (low, high) by symbol, None for an infinite end
    open_low : symbols whose lower end is excluded
    zero : exact test whether a constant expression is zero
    cuts : rational points, by symbol, at which cells are cut first (where f touches zero)
    cells, work : budgets: cells, and nodes of expressions evaluated
    """

    def __init__(
        self,
        box: Cell,
        open_low: set[str],
        zero: Callable[[Tree], bool],
        cuts: Mapping[str, list[Fraction]],
        cells: int = 4000,
        work: int = 120_000,
    ):
        self.box, self.open_low, self.zero, self.cuts = box, open_low, zero, cuts
        self.left, self.work = cells, [work]
        self.slopes: dict[tuple[Tree, str], Tree | None] = {}

    def nonnegative(self, f: Tree) -> bool:
        """True if f > 0 on the whole box, False if f >= 0; `Rejected` if neither is shown.

        First with the excluded ends taken in, where f may be defined as well.
        """
        own, cells, found = self.open_low, self.left, None
        if own:
            self.open_low = set()
            try:
                found = self._nonnegative(f)
            except Rejected:
                if self.work[0] < 0:
                    raise
            self.open_low, self.left = own, cells
        if found:
            return True
        try:
            return self._nonnegative(f)
        except Rejected:
            if found is None:
                raise
            return found

    def _nonnegative(self, f: Tree) -> bool:
        strict = True
        for cell in self._cut():
            strict &= self._cell(f, cell, ORDER)
        return strict

    def _cut(self) -> list[Cell]:
        cells = [self.box]
        for x, points in self.cuts.items():
            for p in sorted(points):
                inside = lambda c, x=x, p=p: (c[x][0] is None or c[x][0] < p) and (c[x][1] is None or p < c[x][1])
                if not any(inside(c) for c in cells):
                    raise Rejected("a cut outside the box, or twice")
                cells = [part for c in cells for part in (_halves(c, x, p) if inside(c) else [c])]
        return cells

    def _cell(self, f: Tree, cell: Cell, order: int) -> bool:
        """Whether f > 0 on the cell (else f >= 0)."""
        self.left -= 1
        if self.left < 0:
            raise Rejected("not decided within the budget")
        wide = [x for x, (a, b) in cell.items() if a is None or a != b]
        if len(cell) == 1 and wide and _rational(f):
            (x,) = wide
            low, high = cell[x]
            return univariate.sign_on(f, x, univariate.Interval(low, high, self._excluded(x, cell)))
        try:
            values = self._range(f, cell)
        except Undefined as why:
            return self._split(f, cell, order, str(why))
        if values.positive or values.nonnegative:
            return values.positive
        if values.hi is not None and values.hi < 0:
            raise Rejected("it is negative on a cell")
        if not wide:
            sign = self._exact(f, {x: a for x, (a, _) in cell.items() if a is not None})
            if sign is None or sign < 0:
                raise Rejected("it is negative at a point, or may be")
            return sign > 0
        if not any(isinstance(n, tuple) and n[0] in slopes.ROUGH for n in nodes(f)):
            centred: Range | None = Range(Fraction(0), Fraction(0))
            for x in wide:
                slope = self._slope_range(f, cell, x)
                face = self._face(slope, cell, x)
                if face is not None:
                    return self._cell(f, face, order)
                low, high = cell[x]
                if slope is None or low is None or high is None or centred is None:
                    centred = None
                else:
                    half = (high - low) / 2
                    centred = ranges.plus(centred, ranges.times(slope, Range(-half, half)))
            if centred is not None and self._centred(f, cell, centred):
                return True
            if len(cell) == 1 and order:
                found = self._by_slope(f, cell, wide[0], order)
                if found is not None:
                    return found
        self._refute(f, cell)
        return self._split(f, cell, order, "")

    def _centred(self, f: Tree, cell: Cell, spread: Range) -> bool:
        """f(middle) plus slope times what lies between, by the mean value theorem along a segment of the cell."""
        middle = {x: a if a == b else (a + b) / 2 for x, (a, b) in cell.items() if a is not None and b is not None}
        try:
            values = evaluate(f, {x: Range(p, p) for x, p in middle.items()}, self.work)
        except Undefined:
            return False
        low = ranges.plus(values, spread).lo
        return low is not None and low > 0

    def _range(self, f: Tree, cell: Cell) -> Range:
        box = {x: ranges.of(*ends, self._excluded(x, cell)) for x, ends in cell.items()}
        return evaluate(f, box, self.work)

    def _excluded(self, x: str, cell: Cell) -> bool:
        low, high = cell[x]
        return x in self.open_low and low is not None and low == self.box[x][0] and low != high

    def _slope(self, f: Tree, x: str) -> Tree | None:
        if (f, x) not in self.slopes:
            try:
                found: Tree | None = slopes.slope(f, x)
            except Rejected:
                found = None
            if found is not None and sum(1 for _ in nodes(found)) > slopes.MAX_NODES:
                found = None
            self.slopes[f, x] = found
        return self.slopes[f, x]

    def _slope_range(self, f: Tree, cell: Cell, x: str) -> Range | None:
        slope = self._slope(f, x)
        try:
            return None if slope is None else self._range(slope, cell)
        except Undefined:
            return None

    def _face(self, slope: Range | None, cell: Cell, x: str) -> Cell | None:
        """The face on which f is least, if it is monotone in x; it must belong to the cell."""
        low, high = cell[x]
        if slope is not None and slope.nonnegative and low is not None and not self._excluded(x, cell):
            return {**cell, x: (low, low)}
        if slope is not None and slope.nonpositive and high is not None:
            return {**cell, x: (high, high)}
        return None

    def _by_slope(self, f: Tree, cell: Cell, x: str, order: int) -> bool | None:
        """(3); tried where f is zero at an end, or the cell is unbounded."""
        low, high = cell[x]
        slope = self._slope(f, x)
        if slope is None:
            return None
        start = self._exact(f, {x: low}) if low is not None and not self._excluded(x, cell) else None
        if start is not None and start >= 0 and (start == 0 or high is None) and self._holds(slope, cell, order - 1):
            return start > 0
        falls = slopes.times(Fraction(-1), slope)
        if high is not None and self._exact(f, {x: high}) == 0 and self._holds(falls, cell, order - 1):
            return False
        if high is None and self._limit(f, x) and self._holds(falls, cell, order - 1):
            return False
        return None

    def _holds(self, f: Tree, cell: Cell, order: int) -> bool:
        before, self.left = self.left, min(self.left, 200)
        spent = self.left
        try:
            self._cell(f, cell, order)
            return True
        except Rejected:
            if self.work[0] < 0:
                raise
            return False
        finally:
            self.left = before - (spent - self.left)

    def _limit(self, f: Tree, x: str) -> bool:
        """Whether f has a limit >= 0 at oo."""
        try:
            sign, value = limit(f, x)
        except Undefined:
            return False
        if sign:
            return sign > 0
        found = self._exact(value, {})
        return found is not None and found >= 0

    def _exact(self, f: Tree, point: Mapping[str, Fraction]) -> int | None:
        """Sign of f at a point, proved; None if it is not."""
        try:
            values = evaluate(f, {x: Range(a, a) for x, a in point.items()}, self.work)
        except Undefined:
            return None
        if values.lo is not None and values.lo > 0:
            return 1
        if values.hi is not None and values.hi < 0:
            return -1
        return 0 if self.zero(slopes.at(f, point)) else None

    def _refute(self, f: Tree, cell: Cell) -> None:
        if self._exact(f, {x: _middle(*ends) for x, ends in cell.items()}) == -1:
            raise Rejected("it is negative at a point")

    def _split(self, f: Tree, cell: Cell, order: int, why: str) -> bool:
        wide = {x: _width(a, b) for x, (a, b) in cell.items() if a is None or a != b}
        if not wide:
            raise Rejected(why or "not decided")
        x = max(wide, key=lambda s: wide[s])
        if wide[x] < NARROW:
            raise Rejected(why or "not decided where it may touch zero")
        signs = [self._cell(f, part, order) for part in _halves(cell, x, _middle(*cell[x]))]
        return all(signs)


def _rational(f: Tree) -> bool:
    """Whether it is built of the variable and rational numbers by + * and whole powers."""
    return all(
        not isinstance(n, tuple)
        or n[0] in ("sym", "+", "*")
        or (n[0] == "^" and isinstance(n[2], Fraction) and n[2].denominator == 1)
        for n in nodes(f)
    )


def _halves(cell: Cell, x: str, p: Fraction) -> list[Cell]:
    low, high = cell[x]
    return [{**cell, x: (low, p)}, {**cell, x: (p, high)}]


def _middle(low: Fraction | None, high: Fraction | None) -> Fraction:
    if low is not None and high is not None:
        return (low + high) / 2
    if low is not None:
        return 2 * low + 1 if low >= 0 else Fraction(0)
    return 2 * high - 1 if high is not None and high <= 0 else Fraction(0)


def _width(low: Fraction | None, high: Fraction | None) -> Fraction:
    """Width of an interval after both ends went through x/(1 + |x|)."""
    squeeze = lambda v, end: Fraction(end) if v is None else v / (1 + abs(v))
    return squeeze(high, 1) - squeeze(low, -1)


def limit(t: Tree, x: str) -> tuple[int, Tree]:
    """Limit as x -> oo where it follows from those of the parts: (1 or -1, 0) for +-oo, else (0, the value)."""
    if x not in free(t):
        return 0, t
    if t == ("sym", x):
        return 1, Fraction(0)
    parts = [limit(a, x) for a in t[1:] if not isinstance(a, str)]
    endless = {s for s, _ in parts if s}
    if t[0] == "+" and len(endless) <= 1:
        return (endless.pop(), Fraction(0)) if endless else (0, slopes.plus(*(v for _, v in parts)))
    if t[0] == "*" and not endless:
        return 0, slopes.times(*(v for _, v in parts))
    if t[0] == "*" and all(s or (not isinstance(v, tuple) and v) for s, v in parts):
        out = 1
        for s, v in parts:
            out *= s or (1 if v > 0 else -1)
        return out, Fraction(0)
    sign, value = parts[0]
    if t[0] == "^" and isinstance(t[2], Fraction):
        if sign > 0:
            return (1, Fraction(0)) if t[2] > 0 else (0, Fraction(0))
        if not sign and not isinstance(value, tuple):
            if value > 0 or (value == 0 and t[2].denominator == 1 and t[2] > 0):
                return 0, ("^", value, t[2])
    if t[0] == "exp":
        return (1, Fraction(0)) if sign > 0 else (0, Fraction(0)) if sign else (0, ("exp", value))
    if t[0] == "log" and sign > 0:
        return 1, Fraction(0)
    if t[0] == "log" and not sign and not isinstance(value, tuple) and value > 0:
        return 0, ("log", value)
    raise Undefined("no limit at infinity")
