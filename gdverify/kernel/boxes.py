"""An elementary expression is >= 0 on a box: ranges, monotonicity, and subdivision.

On a cell, ``f >= 0`` follows from (1) its range; (2) a partial derivative of one sign, and ``f >= 0`` on the face
where f is least; (3) in one variable, ``f' >= 0`` by the same rules and ``f(left) >= 0``, or ``f' <= 0`` and
``f(right) >= 0``, where the right end may be oo and f has a limit there; (4) both halves.  (2) and (3) need f to be
built from smooth functions and defined on the whole cell.  A rational function of one variable is decided exactly.

Where f touches zero in several variables: (5) f is a product, and each factor is decided on its own; (6) f is zero at a
corner of the cell that is a corner of the box or a cut, its slopes there are zero or lead upwards into the cell, and
its second derivatives make it convex enough around (Taylor's formula with Lagrange's remainder).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import sympy

from ..errors import ProofError
from .algebra import is_zero
from .ranges import Range, Undefined, evaluate, interval
from .rational import nonnegative
from .signs import Blind

_ROUGH = (sympy.Abs, sympy.Max, sympy.Min)
_ORDER = 4  # how often (3) differentiates
_BITS = 128
_NARROW = sympy.Rational(1, 2**40)

Cell = dict[Any, tuple[Any, Any]]


class BoxProver:
    """Decides f >= 0 on a box within a budget of cells.

    Parameters
    ----------
    box : rational or infinite (low, high) by symbol
    open_low : symbols whose lower end is excluded
    zero : exact test whether a constant is zero
    cuts : rational points, by symbol, at which cells are cut first (where f touches zero)
    cells : the budget
    """

    def __init__(
        self,
        box: Cell,
        open_low: set[Any],
        zero: Callable[[Any], bool],
        cuts: Mapping[Any, Sequence[Any]],
        cells: int,
    ):
        self.box, self.open_low, self.zero, self.cuts, self.left = box, open_low, zero, cuts, cells
        self.partial = cache(self._partial)

    def nonnegative(self, f: Any) -> bool:
        """True if f > 0 on the whole box, False if only f >= 0.

        Raises
        ------
        ProofError
            f is negative somewhere, or neither is proved
        """
        from flint import ctx

        with ctx.workprec(_BITS):
            found = self._by_factors(f)
            return self._everywhere(f) if found is None else found

    def _everywhere(self, f: Any) -> bool:
        strict = True
        for cell in self._cut(self.box):
            strict &= self._cell(f, cell, _ORDER)
        return strict

    def _by_factors(self, f: Any) -> bool | None:
        """(5): whether f > 0 on the box (else f >= 0), from the signs of its factors; None where they do not tell.

        f is proved to be defined on the whole box, and to be the product wherever its variables may be.
        """
        if len(self.box) < 2 or f.has(*_ROUGH):
            return None
        try:
            self._range(f, self.box)
            product = sympy.factor(f)
        except (Undefined, sympy.PolynomialError):
            return None
        factors = sympy.Mul.make_args(product)
        if not (len(factors) > 1 or (product.is_Pow and product.exp.is_Integer)) or not self.zero(f - product):
            return None
        sign, strict = 1, True
        for g in factors:
            found = self._factor(g)
            if found is None:
                return None
            sign, strict = sign * found[0], strict and found[1]
        return strict if sign > 0 else None

    def _factor(self, g: Any) -> tuple[int, bool] | None:
        """(sign, strict) of a factor on the whole box."""
        if g.is_Rational:
            return (1 if g > 0 else -1, True) if g != 0 else None
        base, power = g.as_base_exp()
        if power.is_Integer and power > 0:
            g = base
        even = bool(power.is_Integer and power > 0 and power % 2 == 0)
        for sign in (1, -1):
            before, self.left = self.left, min(self.left, 300)
            spent = self.left
            try:
                strict = self._everywhere(sign * g)
                return (1 if even else sign, strict)
            except ProofError:
                continue
            finally:
                self.left = before - (spent - self.left)
        try:
            self._range(g, self.box)
        except Undefined:
            return None
        return (1, False) if even else None

    def _partial(self, f: Any, x: Any) -> Any:
        """The derivative, with common factors outside where the normal form confirms that."""
        slope = sympy.diff(f, x)
        factored = sympy.factor_terms(slope)
        return factored if self.zero(slope - factored) else slope

    def _cut(self, box: Cell) -> list[Cell]:
        cells = [box]
        for x, points in self.cuts.items():
            for p in sorted(points):
                cells = [part for c in cells for part in self._halves(c, x, p)]
        return cells

    def _halves(self, cell: Cell, x: Any, p: Any) -> list[Cell]:
        low, high = cell[x]
        return [{**cell, x: (low, p)}, {**cell, x: (p, high)}] if low < p < high else [cell]

    # -- one cell ---------------------------------------------------------------------------------------------

    def _cell(self, f: Any, cell: Cell, order: int) -> bool:
        """Whether f > 0 on the cell (else f >= 0)."""
        self.left -= 1
        if self.left < 0:
            raise ProofError(f"undecided on {_show(cell)}: where {f} touches zero, use a certificate, or cut there")
        if len(cell) == 1 and f.is_rational_function():
            ((x, (low, high)),) = cell.items()
            if low != high and all(a == x or a.is_Rational for a in f.atoms()):
                return nonnegative(f, x, low, high, self._excludes_low(x, (low, high)), not high.is_finite)
        try:
            values = self._range(f, cell)
        except Undefined as why:
            self._refute(f, cell)
            return self._split(f, cell, order, str(why))
        if values.positive or values.nonnegative:
            return values.positive
        if values.hi < 0:
            raise ProofError(f"{f} is negative on {_show(cell)}")
        wide = [x for x, (a, b) in cell.items() if a != b]
        if not wide:
            return self._point(f, cell)
        if not f.has(*_ROUGH):
            for x in wide:
                face = self._face(f, cell, x)
                if face is not None:
                    at_face = f.subs(x, face[x][0])
                    if _vanishes(at_face):
                        return False
                    rest = {y: ends for y, ends in face.items() if y != x}
                    return self._cell(at_face, rest, order) and not self._excludes_low(x, cell[x])
            if len(wide) > 1 and self._touches(f, cell, wide):
                return False
            if len(cell) == 1 and order:
                found = self._by_slope(f, cell, wide[0], order)
                if found is not None:
                    return found
        self._refute(f, cell)
        return self._split(f, cell, order, "")

    def _range(self, f: Any, cell: Cell) -> Range:
        return evaluate(f, {x: interval(*ends, self._excludes_low(x, ends)) for x, ends in cell.items()})

    def _excludes_low(self, x: Any, ends: tuple[Any, Any]) -> bool:
        return x in self.open_low and ends[0] == self.box[x][0] and ends[0] != ends[1]

    def _closed(self, f: Any, cell: Cell, x: Any) -> bool:
        """Whether f is defined, hence continuous, on the cell with its lower end in x."""
        if not self._excludes_low(x, cell[x]):
            return True
        try:
            evaluate(f, {y: interval(*ends, y != x and self._excludes_low(y, ends)) for y, ends in cell.items()})
        except Undefined:
            return False
        return True

    def _face(self, f: Any, cell: Cell, x: Any) -> Cell | None:
        """The face on which f is least, if it is monotone in x; it must belong to the cell."""
        low, high = cell[x]
        try:
            slope = self._range(self.partial(f, x), cell)
        except Undefined:
            return None
        if slope.nonnegative and low.is_finite and self._closed(f, cell, x):
            return {**cell, x: (low, low)}
        if slope.hi <= 0 and high.is_finite:
            return {**cell, x: (high, high)}
        return None

    def _touches(self, f: Any, cell: Cell, wide: list[Any]) -> bool:
        """(6): f >= 0 on the cell, by Taylor's formula at a corner where f is zero."""
        marks = {x: {*self.box[x], *self.cuts.get(x, ())} for x in wide}
        corners = [[end for end in cell[x] if end.is_finite and end in marks[x]] for x in wide]
        fixed = {x: ends[0] for x, ends in cell.items() if x not in wide}
        for corner in product(*corners):
            at = {**fixed, **dict(zip(wide, corner, strict=True))}
            if any(self._excludes_low(x, cell[x]) and at[x] == cell[x][0] for x in wide) or self._exact(f, at) != 0:
                continue
            sides = [1 if at[x] == cell[x][0] else -1 for x in wide]
            slopes = [self._exact(self.partial(f, x), at) for x in wide]
            if all(slope is not None and slope * side >= 0 for slope, side in zip(slopes, sides, strict=True)):
                try:
                    if self._copositive(f, cell, wide, sides):
                        return True
                except Undefined:
                    continue
        return False

    def _copositive(self, f: Any, cell: Cell, wide: list[Any], sides: list[int]) -> bool:
        """h^T H h >= 0 for the second derivatives H anywhere on the cell and every h with these signs.

        Diagonal entries are replaced by their least values, the others by -(greatest modulus), or 0 where they only
        help; what remains must be positive definite (Gauss), or zero in whole rows.
        """
        from flint import arb

        n = len(wide)
        least = [[arb(0)] * n for _ in range(n)]
        for i, j in product(range(n), repeat=2):
            if i > j:
                continue
            r = self._range(self.partial(self.partial(f, wide[i]), wide[j]), cell)
            low = r.lo if sides[i] == sides[j] else -r.hi
            if i == j:
                least[i][i] = low
            elif not low >= 0:
                if not low.is_finite():
                    return False
                least[i][j] = least[j][i] = low
        rows = [i for i in range(n) if any(least[i][j] != 0 for j in range(n) if j != i)]
        if any(not least[i][i] >= 0 for i in range(n) if i not in rows):
            return False
        for step, i in enumerate(rows):
            if not (least[i][i] > 0 and least[i][i].is_finite()):
                return False
            for j in rows[step + 1 :]:
                scale = least[j][i] / least[i][i]
                for k in rows[step + 1 :]:
                    least[j][k] = least[j][k] - scale * least[i][k]
        return True

    def _by_slope(self, f: Any, cell: Cell, x: Any, order: int) -> bool | None:
        """(3); tried where f is zero at an end, or the cell is unbounded."""
        low, high = cell[x]
        closed = low.is_finite and self._closed(f, cell, x)
        start = self._exact(f, {x: low}) if closed else None
        end = self._exact(f, {x: high}) if high.is_finite else None
        slope = self.partial(f, x)
        if closed and start is not None and start >= 0 and (start == 0 or high is sympy.oo):
            if self._holds(slope, cell, order - 1):
                return start > 0
        if end is not None and end == 0 and self._holds(-slope, cell, order - 1):
            return False
        if high is sympy.oo and self._limit_is_nonnegative(f, x) and self._holds(-slope, cell, order - 1):
            return False
        return None

    def _holds(self, f: Any, cell: Cell, order: int) -> bool:
        before, self.left = self.left, min(self.left, 200)
        spent = self.left
        try:
            self._cell(f, cell, order)
            return True
        except ProofError:
            return False
        finally:
            self.left = before - (spent - self.left)

    def _limit_is_nonnegative(self, f: Any, x: Any) -> bool:
        try:
            value = limit_at_infinity(f, x)
        except Undefined:
            return False
        sign = 1 if value is sympy.oo else None if value is -sympy.oo else self._exact(value, {})
        return sign is not None and sign >= 0

    def _point(self, f: Any, cell: Cell) -> bool:
        value = self._exact(f, {x: a for x, (a, _) in cell.items()})
        if value is None:
            raise ProofError(f"undecided at {_show(cell)}: {f} may be zero there")
        if value < 0:
            raise ProofError(f"{f} is negative at {_show(cell)}")
        return value > 0

    def _exact(self, f: Any, point: Mapping[Any, Any]) -> int | None:
        """Sign of f at a point, proved; None if it is not."""
        try:
            values = evaluate(f, {x: interval(a, a) for x, a in point.items()})
        except Undefined:
            return None
        if values.lo > 0 or values.hi < 0:
            return 1 if values.lo > 0 else -1
        return 0 if self.zero(f.subs(dict(point), simultaneous=True)) else None

    def _refute(self, f: Any, cell: Cell) -> None:
        """Raise if f is negative at the centre."""
        point = {x: _middle(*ends) for x, ends in cell.items()}
        if self._exact(f, point) == -1:
            raise ProofError(f"{f} is negative at {_show({x: (p, p) for x, p in point.items()})}")

    def _split(self, f: Any, cell: Cell, order: int, why: str) -> bool:
        wide = {x: ends for x, ends in cell.items() if ends[0] != ends[1]}
        if not wide:
            raise ProofError(f"{f} at {_show(cell)}: {why}")
        x = max(wide, key=lambda s: _width(*wide[s]))
        if _width(*wide[x]) < _NARROW:
            reason = why or "where it touches zero, use a certificate, or cut there"
            raise ProofError(f"undecided on {_show(cell)}: {reason}")
        halves = self._halves(cell, x, _middle(*cell[x]))
        signs = [self._cell(f, part, order) for part in halves]
        return all(signs)


def _vanishes(e: Any) -> bool:
    """Whether an expression is zero wherever it is defined, whatever the signs of its symbols."""
    try:
        return is_zero(e, Blind())
    except ProofError:
        return False


def _middle(low: Any, high: Any) -> Any:
    if low.is_finite and high.is_finite:
        return (low + high) / 2
    if low.is_finite:
        return sympy.Max(1, 2 * low + 1) if low >= 0 else sympy.S.Zero
    if high.is_finite:
        return sympy.Min(-1, 2 * high - 1) if high <= 0 else sympy.S.Zero
    return sympy.S.Zero


def _width(low: Any, high: Any) -> Any:
    """Width of an interval after both ends went through x/(1 + |x|)."""
    squeeze = lambda v: sympy.sign(v) if not v.is_finite else v / (1 + abs(v))
    return squeeze(high) - squeeze(low)


def _show(cell: Cell) -> str:
    return ", ".join(f"{x} = {a}" if a == b else f"{x} in [{a}, {b}]" for x, (a, b) in cell.items())


def limit_at_infinity(e: Any, x: Any) -> Any:
    """Limit of ``e`` as x -> oo, where it follows from the limits of its parts; no form such as oo - oo.

    Raises
    ------
    Undefined
        it does not
    """
    if not e.has(x):
        return e
    if e == x:
        return sympy.oo
    parts = [limit_at_infinity(a, x) for a in e.args]
    endless = [p for p in parts if p in (sympy.oo, -sympy.oo)]
    if e.is_Add and len(set(endless)) <= 1:
        return endless[0] if endless else sympy.Add(*parts)
    if e.is_Mul and not endless:
        return sympy.Mul(*parts)
    if e.is_Mul and all(p in endless or (p.is_Rational and p != 0) for p in parts):
        return sympy.oo if sympy.prod([sympy.sign(p) for p in parts]) > 0 else -sympy.oo
    if e.is_Pow and e.exp.is_Rational:
        return _power_limit(parts[0], e.exp)
    if isinstance(e, sympy.exp):
        return {sympy.oo: sympy.oo, -sympy.oo: sympy.S.Zero}.get(parts[0], sympy.exp(parts[0]))
    if isinstance(e, sympy.log) and parts[0] is sympy.oo:
        return sympy.oo
    if isinstance(e, sympy.log) and parts[0].is_Rational and parts[0] > 0:
        return sympy.log(parts[0])
    raise Undefined(f"no limit of {e} as {x} -> oo")


def _power_limit(base: Any, exponent: Any) -> Any:
    if base is sympy.oo:
        return sympy.oo if exponent > 0 else sympy.S.Zero
    if base.is_Rational and (base > 0 or (base == 0 and exponent.is_Integer and exponent > 0)):
        return base**exponent
    raise Undefined("no limit of a power")
