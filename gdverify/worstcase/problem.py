"""What an author writes: functions of a class, points, gradients, a quantity to maximise.

::

    @claim.worst_case(cases=[{"T": 1}, {"T": 5}])
    def gradient_descent(problem, case):
        f = problem.function(F)                      # class and constants: from the claim's assumptions
        x_star = problem.minimiser(f)
        x = problem.start()
        problem.equal(sq(x - x_star), problem.observe("R") ** 2)
        for _ in range(case["T"]):
            x = x - case["gamma"] * f.grad(x)
        problem.maximise(f(x) - f(x_star))
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ..claim import Claim
from ..errors import ClaimError
from .interpolation import FunctionClass, read_class
from .rows import Linear, Row, Rows, exact


class Scalar:
    """A number that is affine in inner products and function values."""

    __slots__ = ("form",)

    def __init__(self, form: Linear):
        self.form = form

    def __add__(self, other: Any) -> Scalar:
        return Scalar(self.form.plus(_scalar(other).form))

    def __sub__(self, other: Any) -> Scalar:
        return Scalar(self.form.plus(_scalar(other).form, Fraction(-1)))

    def __rsub__(self, other: Any) -> Scalar:
        return _scalar(other) - self

    def __neg__(self) -> Scalar:
        return self * -1

    def __mul__(self, factor: Any) -> Scalar:
        if isinstance(factor, Scalar):
            if not factor.form.gram and not factor.form.values:
                factor = factor.form.constant
            elif not self.form.gram and not self.form.values:
                return factor * self.form.constant
            else:
                raise ClaimError("worst case: a product of two quantities is not linear in the Gram matrix")
        return Scalar(Linear().plus(self.form, exact(factor)))

    def __truediv__(self, divisor: Any) -> Scalar:
        return self * (1 / exact(divisor))

    __radd__, __rmul__ = __add__, __mul__


def _scalar(value: Any) -> Scalar:
    return value if isinstance(value, Scalar) else Scalar(Linear(constant=exact(value)))


class Point:
    """A vector: an exact linear combination of the problem's vectors."""

    __slots__ = ("coords",)

    def __init__(self, coords: Mapping[int, Fraction]):
        self.coords = {k: c for k, c in coords.items() if c}

    def __add__(self, other: Point) -> Point:
        if not isinstance(other, Point):
            return NotImplemented
        total = dict(self.coords)
        for k, c in other.coords.items():
            total[k] = total.get(k, Fraction(0)) + c
        return Point(total)

    def __sub__(self, other: Point) -> Point:
        return self + -other

    def __neg__(self) -> Point:
        return self * -1

    def __mul__(self, factor: Any) -> Point:
        factor = exact(factor)
        return Point({k: factor * c for k, c in self.coords.items()})

    def __truediv__(self, divisor: Any) -> Point:
        return self * (1 / exact(divisor))

    __rmul__ = __mul__

    def inner(self, other: Point) -> Scalar:
        """Inner product; `gdverify.Inner` and `gdverify.sq` of points come here."""
        gram: dict[tuple[int, int], Fraction] = {}
        for a, c in self.coords.items():
            for b, d in other.coords.items():
                key = (a, b) if a <= b else (b, a)
                gram[key] = gram.get(key, Fraction(0)) + c * d
        return Scalar(Linear({k: c for k, c in gram.items() if c}))

    _gram_inner = inner


class Function:
    """A member of a function class: ``f(x)`` is its value, ``f.grad(x)`` its (sub)gradient."""

    def __init__(self, problem: Problem, name: str, kind: FunctionClass):
        self.problem, self.name, self.kind = problem, name, kind
        self.known: dict[frozenset[Any], tuple[Point, Point, Scalar]] = {}
        self.labels: list[str] = []
        self.minimum: Scalar | None = None  # the least value, where one is assumed
        self.level: Scalar | None = None  # what PL compares values with

    def __call__(self, x: Point) -> Scalar:
        return self._oracle(x)[2]

    def grad(self, x: Point) -> Point:
        return self._oracle(x)[1]

    def proximal(self, x: Point, step: Any) -> Point:
        """y = x - step*g with g a (sub)gradient at y itself."""
        g = self.problem._gradient(self, f"grad_{self.name}(prox {len(self.labels)})", x, exact(step))
        y = x - exact(step) * g
        self._record(y, g, self.problem._value(self, y))
        return y

    def _oracle(self, x: Point) -> tuple[Point, Point, Scalar]:
        key = frozenset(x.coords.items())
        if key not in self.known:
            if self.known and self.kind.mu is not None and self.kind.mu == self.kind.L:
                self._record(x, *self._quadratic(x))
            else:
                g = self.problem._gradient(self, f"grad_{self.name}({self.problem._label(x)})", x, Fraction(0))
                self._record(x, g, self.problem._value(self, x))
        return self.known[key]

    def _record(self, x: Point, g: Point, value: Scalar) -> None:
        self.labels.append(self.problem._label(x))
        self.known[frozenset(x.coords.items())] = (self.problem._named(x), g, value)

    def _quadratic(self, x: Point) -> tuple[Point, Scalar]:
        """Where both curvatures coincide the function is a quadratic, known from one point."""
        at, g, value = next(iter(self.known.values()))
        step = x - self.problem._expand(at)
        assert self.kind.L is not None
        return g + self.kind.L * step, value + g.inner(step) + step.inner(step) * (self.kind.L / 2)


class Problem:
    """One performance-estimation problem, at one case of a claim."""

    def __init__(self, claim: Claim, case: Mapping[str, Any]):
        self.claim, self.case = claim, case
        self.observed: dict[str, Fraction] = {}
        self.functions: list[Function] = []
        self.supplied: dict[str, Fraction] = {}
        self._basis: list[str] = []
        self._vectors: list[tuple[str, dict[int, Fraction]]] = []
        self._ids: dict[frozenset[Any], int] = {}
        self._basis_ids: list[int] = []
        self._values: list[str] = []
        self._rows: list[Row] = []
        self._goals: list[Scalar] = []
        # how a quadratic instance fills in each basis vector and value, in order of creation
        self.origins: list[tuple[str, Any, Any, Any]] = []
        self.evaluations: list[tuple[Function, Point]] = []
        self._starts = 0

    # -- what authors call ------------------------------------------------------------------------------------

    def function(self, symbol: Any, member: Any = None) -> Function:
        """A function of the class that the claim's assumptions give to ``symbol`` (a ScalarFunction).

        ``member`` tells apart several functions of one class (the parts of a finite sum).
        """
        name = symbol if isinstance(symbol, str) else symbol.name
        f = Function(self, name if member is None else f"{name}[{member}]", read_class(self.claim, name, self.case))
        self.functions.append(f)
        return f

    def start(self, name: str = "") -> Point:
        """A free point."""
        name = name or ("x_0" if self._starts == 0 else f"start_{self._starts}")
        self._starts += 1
        return self._new(name, ("start", None, None, None))

    def minimiser(self, *functions: Function) -> Point:
        """The common minimiser of one function, or of a sum of several; the origin, by translation.

        Every function has value 0 there.  If the claim does not assume a minimiser (a mutant dropped it), this is
        merely some point.
        """
        origin = Point({})
        if any(f.known for f in functions):
            raise ClaimError("worst case: call problem.minimiser before evaluating the function")
        total = Point({})
        for f in functions:
            last = f is functions[-1]
            if not f.kind.minimised or not last:
                g = self._gradient(f, f"grad_{f.name}(x_star)", origin, Fraction(0))
            else:
                g = -total
            total = total + g
            f.known[frozenset()] = (origin, g, _scalar(0))
            f.labels.append("x_star")
            f.level = _scalar(0) if len(functions) == 1 else None
            if f.kind.minimised and len(functions) == 1:
                f.minimum = _scalar(0)
        return origin

    def infimum(self, f: Function) -> Scalar:
        """The greatest lower bound of f, which need not be attained; 0, by a shift.  Needs bounded_below."""
        if f.kind.bounded:
            f.minimum = _scalar(0)
        f.level = _scalar(0)
        return _scalar(0)

    def observe(self, name: str, value: Any = 1) -> Fraction:
        """Give an observed symbol (R, Delta…) its normalised value; returns it."""
        number = exact(self.case[name]) if name in self.case else exact(value)
        self.observed[name] = number
        return number

    def bound(self, quantity: Any, limit: Any, label: str = "") -> None:
        """Assume quantity <= limit."""
        self._rows.append(Row(label or f"assumed bound {len(self._rows)}", (_scalar(limit) - quantity).form))

    def equal(self, left: Any, right: Any, label: str = "") -> None:
        """Assume left == right (both linear in the Gram matrix)."""
        self._rows.append(Row(label or f"assumed equality {len(self._rows)}", (_scalar(left) - right).form, True))

    def maximise(self, *quantities: Any) -> None:
        """What is largest in the worst case; of several quantities, the smallest of them."""
        if not quantities:
            raise ClaimError("worst case: maximise() needs a quantity")
        self._goals = [_scalar(q) for q in quantities]

    def multipliers(self, by_label: Mapping[str, Any]) -> None:
        """Known exact multipliers by row label (``"f: x_1 -> x_star"``); rows left out have 0."""
        self.supplied = {label: exact(v) for label, v in by_label.items()}

    # -- compilation ------------------------------------------------------------------------------------------

    def compile(self) -> Rows:
        """The rows: assumed ones, then the interpolation conditions of every function."""
        if not self._goals:
            raise ClaimError(f"{self.claim.id}: the worst case never calls problem.maximise")
        rows, theorems, faithful = list(self._rows), [], True
        for f in self.functions:
            labelled = list(zip(f.labels, f.known.values(), strict=True))
            more, sure, theorem = f.kind.rows(f.name, labelled, f.minimum, f.level)
            rows += more
            faithful = faithful and sure
            theorems += [theorem] if theorem not in theorems else []
        values = list(self._values)
        objective = self._goals[0].form
        if len(self._goals) > 1:
            level = Linear(values={len(values): Fraction(1)})
            values.append("level")
            rows += [Row(f"goal {k}", q.form.plus(level, Fraction(-1))) for k, q in enumerate(self._goals)]
            objective = level
        return Rows(self._basis, self._vectors, values, rows, objective, faithful, theorems)

    @property
    def goals(self) -> list[Scalar]:
        return self._goals

    # -- vectors and values -----------------------------------------------------------------------------------

    def _new(self, name: str, origin: tuple[str, Any, Any, Any]) -> Point:
        self._basis.append(name)
        self._basis_ids.append(len(self._vectors))
        self._vectors.append((name, {len(self._basis) - 1: Fraction(1)}))
        self.origins.append(origin)
        point = Point({len(self._vectors) - 1: Fraction(1)})
        self._ids[frozenset(point.coords.items())] = len(self._vectors) - 1
        return point

    def _gradient(self, f: Function, name: str, x: Point, implicit: Fraction) -> Point:
        return self._new(name, ("gradient", f, x, implicit))

    def _value(self, f: Function, x: Point) -> Scalar:
        self._values.append(f"{f.name}({self._label(x)})")
        self.evaluations.append((f, x))
        return Scalar(Linear(values={len(self._values) - 1: Fraction(1)}))

    def _named(self, x: Point) -> Point:
        """A point as one vector of its own, so that rows stay sparse."""
        if not x.coords:
            return x
        key = frozenset(x.coords.items())
        if key not in self._ids:
            position = {vector: k for k, vector in enumerate(self._basis_ids)}
            self._vectors.append((self._label(x), {position[a]: c for a, c in x.coords.items()}))
            self._ids[key] = len(self._vectors) - 1
        return Point({self._ids[key]: Fraction(1)})

    def _expand(self, x: Point) -> Point:
        """Back to basis vectors."""
        out = Point({})
        for a, c in x.coords.items():
            out = out + Point({self._basis_ids[k]: c * d for k, d in self._vectors[a][1].items()})
        return out

    def _label(self, x: Point) -> str:
        key = frozenset(x.coords.items())
        if not key:
            return "x_star"
        if key in self._ids:
            return self._vectors[self._ids[key]][0]
        return f"x_{sum(1 for _, coords in self._vectors if len(coords) > 1) + 1}"
