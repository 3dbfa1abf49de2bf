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

Where the claim's assumptions hold the update rule and the start, none of it need be said twice, and a mutant that
changes any part changes the problem::

        f = problem.function(F)
        problem.bind(X_STAR, problem.minimiser(f))
        problem.bind(X, [problem.start()])           # X a VectorSequence
        problem.assume("start")                      # |X(0) - X_STAR|^2 = R^2, with R = 1
        problem.follow(X, case["T"])                 # the claim's update of X
        problem.maximise(problem.quantity())         # the claim's quantity
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ..claim import Claim
from ..errors import ClaimError
from .basis import sparser_basis, without_gauge
from .bounds import enclose, exact_value
from .interpolation import FunctionClass, read_class
from .operators import Operator, read_operator
from .rows import Linear, Member, Row, Rows, exact


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

    def project(self, x: Point) -> Point:
        """Projection onto the set of an indicator.

        The normal is measured in the unit of the gradient step that x contains (any unit gives the same projection),
        so that at x_star the two cancel; see `Problem._relative`.
        """
        if not self.kind.indicator:
            raise ClaimError(f"worst case: {self.name} is not the indicator of a set to project on")
        at_solution = self.problem.offsets.get(self, Point({})).coords
        ratios = [x.coords[k] / c for k, c in at_solution.items() if x.coords.get(k, 0) * c > 0]
        return self.proximal(x, ratios[0] if ratios else 1)

    def impose(self, x: Point, g: Point) -> Scalar:
        """State that ``g`` is a (sub)gradient at ``x`` (of an indicator: a normal there); returns the value at x.

        A linear minimisation oracle over the set of an indicator C, ``y = argmin <d, y>``, is ``C.impose(y, -d)`` at
        a free point y.
        """
        if frozenset(x.coords.items()) in self.known:
            raise ClaimError(f"worst case: {self.name} is already known at {self.problem._label(x)}")
        value = self.problem._value(self, x)
        self._record(x, g, value)
        return value

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
        self.operators: list[Operator] = []
        self.supplied: dict[str, Fraction] = {}
        self.bindings: dict[str, Any] = {}
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
        self._origin: int | None = None  # the basis vector that is put at 0, by translation
        self._faithful = True
        self.offsets: dict[Any, Point] = {}  # gradients at x_star of functions that are minimised jointly
        self.block_count = 0
        self._block: list[int | None] = []  # block of each basis vector

    # -- what authors call ------------------------------------------------------------------------------------

    def function(self, symbol: Any, member: Any = None) -> Function:
        """A function of the class that the claim's assumptions give to ``symbol`` (a ScalarFunction).

        ``member`` tells apart several functions of one class (the parts of a finite sum).
        """
        name = symbol if isinstance(symbol, str) else symbol.name
        f = Function(self, name if member is None else f"{name}[{member}]", read_class(self.claim, name, self.case))
        self.functions.append(f)
        if member is None:
            self.bindings[name] = f
        return f

    def operator(self, symbol: Any, member: Any = None) -> Operator:
        """An operator of the class that the claim's assumptions give to ``symbol`` (a VectorSequence)."""
        name = symbol if isinstance(symbol, str) else symbol.name
        A = Operator(self, name if member is None else f"{name}[{member}]", read_operator(self.claim, name, self.case))
        self.operators.append(A)
        if member is None:
            self.bindings[name] = A
        return A

    def zero(self, *operators: Operator) -> Point:
        """A zero of one operator, or of a sum of several (0 in A x + B x).

        If the claim does not assume one (a mutant dropped it), this is merely some point.
        """
        assumed = any(a.key[:1] == ("zero",) for a in self.claim.assumptions)
        x_star = self._centre()
        total = Point({})
        for A in operators[:-1] if assumed else operators:
            value = A(x_star)
            total = total + value
            if len(operators) > 1:
                self.offsets[A] = value
        if assumed:
            operators[-1].record(x_star, -total)
            if total.coords:
                self.offsets[operators[-1]] = -total
        return x_star

    def blocks(self, count: int) -> None:
        """Split the space into orthogonal blocks of coordinates; to be called first.  `part` takes a vector's block."""
        if self._basis:
            raise ClaimError("worst case: call problem.blocks before creating points")
        self.block_count = count

    def part(self, x: Point, k: int) -> Point:
        """The component of a vector in block k, the other components being 0.

        Raises
        ------
        ClaimError
            there is no such block, or the vector is a difference of positions that has no block of its own (x_star)
        """
        if not 0 <= k < self.block_count:
            raise ClaimError(f"worst case: there is no block {k} of {self.block_count}")
        out = Point({})
        for a, c in x.coords.items():
            for i, d in self._vectors[a][1].items():
                if self._block[i] is None:
                    raise ClaimError("worst case: the blocks of x_star are not told apart; take parts of gradients")
                if self._block[i] == k:
                    out = out + Point({self._basis_ids[i]: c * d})
        return out

    @staticmethod
    def average(quantities: Any) -> Any:
        """Mean over the index of a finite sum: the expectation of one uniformly drawn step."""
        items = list(quantities)
        if not items:
            raise ClaimError("worst case: the average of nothing")
        total = items[0]
        for q in items[1:]:
            total = total + q
        return total / len(items)

    def start(self, name: str = "") -> Point:
        """A free point."""
        name = name or ("x_0" if self._starts == 0 else f"start_{self._starts}")
        self._starts += 1
        return self._new(name, ("start", None, None, None))

    def minimiser(self, *functions: Function) -> Point:
        """The minimiser of one function, or of a sum of several.

        If the claim does not assume a minimiser (a mutant dropped it), this is merely some point.
        """
        joint = len(functions) > 1
        assumed = any(a.key[:1] == ("minimiser",) for a in self.claim.assumptions)
        if any(f.known for f in functions):
            raise ClaimError("worst case: call problem.minimiser before evaluating the function")
        x_star = self._centre()
        total = Point({})
        for f in functions:
            last = f is functions[-1]
            if not (last and assumed if joint else f.kind.minimised):
                g = self._gradient(f, f"grad_{f.name}({self._label(x_star)})", x_star, Fraction(0))
            else:
                g = -total
            total = total + g
            value = self._value(f, x_star)
            f._record(x_star, g, value)
            if joint:
                if g.coords:
                    self.offsets[f] = g
                self._faithful &= f.kind.mu is not None and f.kind.mu >= 0  # stationary is not minimal otherwise
                continue
            f.level = value
            if f.kind.minimised:
                f.minimum = value
        return x_star

    def _centre(self) -> Point:
        """The point that is put at 0; another free point where there is one already."""
        if self._origin is not None:
            return self.start(f"x_star_{self._starts}")
        self._origin = len(self._basis)
        return self._new("x_star", ("origin", None, None, None))

    def infimum(self, f: Function) -> Scalar:
        """The greatest lower bound of f, which need not be attained.  Needs ``bounded_below``."""
        self._values.append(f"inf {f.name}")
        self.evaluations.append((f, Point({})))
        f.level = Scalar(Linear(values={len(self._values) - 1: Fraction(1)}))
        if f.kind.bounded:
            f.minimum = f.level
        return f.level

    def observe(self, name: str, value: Any = 1) -> Fraction:
        """Give an observed symbol (R, Delta…) its normalised value; returns it."""
        number = exact(self.case[name]) if name in self.case else exact(value)
        if self.observed.get(name, number) != number:
            raise ClaimError(f"worst case: {name} is observed as {self.observed[name]} and as {number}")
        self.observed[name] = number
        return number

    def bound(self, quantity: Any, limit: Any, label: str = "") -> None:
        """Assume quantity <= limit."""
        self._rows.append(Row(label or f"assumed bound {len(self._rows)}", (_scalar(limit) - quantity).form))

    def equal(self, left: Any, right: Any, label: str = "") -> None:
        """Assume left == right (both linear in the Gram matrix)."""
        self._rows.append(Row(label or f"assumed equality {len(self._rows)}", (_scalar(left) - right).form, True))

    def maximise(self, *quantities: Any) -> None:
        """What is largest in the worst case; of several quantities (or a list), the smallest of them."""
        quantities = tuple(q for part in quantities for q in (part if isinstance(part, list) else [part]))
        if not quantities:
            raise ClaimError("worst case: maximise() needs a quantity")
        self._goals = [_scalar(q) for q in quantities]

    def multipliers(self, by_label: Mapping[str, Any]) -> None:
        """Known exact multipliers by row label (``"f: x_1 -> x_star"``); rows left out have 0."""
        self.supplied = {label: exact(v) for label, v in by_label.items()}

    # -- the claim's own words --------------------------------------------------------------------------------

    def bind(self, symbol: Any, value: Any) -> Any:
        """Let a Vector stand for a Point, or a VectorSequence for a list of Points; returns the value."""
        self.bindings[symbol if isinstance(symbol, str) else symbol.name] = value
        return value

    def value(self, expr: Any) -> Any:
        """A SymPy expression in bound functions, vectors and sequences as a Point or Scalar (or a Fraction)."""
        from .translate import translate

        values = self.numbers()
        for symbol, meaning in self.claim.defines.items():
            if symbol in getattr(expr, "free_symbols", ()) and symbol.name not in values:
                exact_value(meaning, values, f"{self.claim.id}: {symbol}")  # says why it has none
        return translate(expr, self.bindings, values)

    def quantity(self) -> Any:
        """The claim's quantity; a list where it is the smallest (``Min``) of several."""
        expr = getattr(self.claim.decides, "quantity", None)
        if expr is not None and type(expr).__name__ == "Min":
            return [self.value(a) for a in expr.args]
        return self.value(expr)

    def follow(self, sequence: Any, steps: int) -> list[Point]:
        """Extend a bound sequence by the claim's update rule; returns its points."""
        name = sequence if isinstance(sequence, str) else sequence.name
        rules = [a for a in self.claim.assumptions if a.key[:1] == ("recursion",) and a.key[1].func.__name__ == name]
        if len(rules) != 1 or rules[0].schema is None:
            raise ClaimError(f"{self.claim.id}: {len(rules)} update rules for {name}, expected one")
        points = self.bindings.get(name)
        if not isinstance(points, list):
            raise ClaimError(f"worst case: bind {name} to the list of its first points")
        first = rules[0].key[3]
        for t in range(first, first + steps):
            relation = rules[0].schema(t)
            points.append(self.value(relation.rhs))
        return points

    def assume(self, *kinds: str) -> None:
        """Take over the claim's assumptions of these kinds (``"start"``, ``"start-gap"``), if it still has them."""
        for a in self.claim.assumptions:
            if a.key and a.key[0] in kinds and a.schema is not None:
                relation = a.schema()
                self.equal(self.value(relation.lhs), self.value(relation.rhs), label=a.name)

    def numbers(self) -> dict[str, Any]:
        """Exact values by name: the case, observed symbols (1 where not said otherwise), rational definitions."""
        values: dict[str, Any] = {**self.case, **self.observed}
        for name, domain in self.claim.domains.items():
            if domain.observed and name not in values:
                values[name] = self.observe(name)
        for symbol, expr in self.claim.defines.items():
            name = getattr(symbol, "name", str(symbol))
            if name not in values:
                try:
                    low, high = enclose(expr, values)
                except ClaimError:
                    continue
                if low == high:
                    values[name] = low
        return values

    # -- compilation ------------------------------------------------------------------------------------------

    def compile(self) -> Rows:
        """The rows: assumed ones, then the interpolation conditions of every function."""
        if not self._goals:
            raise ClaimError(f"{self.claim.id}: the worst case never calls problem.maximise")
        self._check_invariance()
        rows, theorems, faithful = list(self._rows), [], self._faithful
        for f in self.functions:
            labelled = list(zip(f.labels, f.known.values(), strict=True))
            more, sure, theorem = f.kind.rows(
                f.name, labelled, f.minimum, f.level, self.part if self.block_count else None
            )
            rows += more
            faithful = faithful and sure
            theorems += [theorem] if theorem not in theorems else []
        for A in self.operators:
            rows += A.kind.rows(A.name, list(zip(A.labels, A.known.values(), strict=True)))
            faithful = faithful and A.kind.exact
            theorems += [A.kind.theorem] if A.kind.theorem not in theorems else []
        if self.block_count:
            rows = [replace(r, expression=self._separate(r.expression), of=None) for r in rows]
        fixed = self.fixed_values()
        values = [name for k, name in enumerate(self._values) if k not in fixed]
        place = {k: position for position, k in enumerate(k for k in range(len(self._values)) if k not in fixed)}

        def squeeze(form: Linear) -> Linear:
            return Linear(form.gram, {place[k]: c for k, c in form.values.items() if k in place}, form.constant)

        rows = [replace(r, expression=squeeze(r.expression)) for r in rows]
        goals = [squeeze(self._separate(q.form) if self.block_count else q.form) for q in self._goals]
        objective = goals[0]
        if len(goals) > 1:
            objective = Linear(values={len(values): Fraction(1)})
            values.append("level")
            rows += [Row(f"goal {k}", q.plus(objective, Fraction(-1))) for k, q in enumerate(goals)]
        kept = [k for k in range(len(self._basis)) if k != self._origin]
        where = {k: position for position, k in enumerate(kept)}
        vectors = [(name, {where[k]: c for k, c in coords.items() if k in where}) for name, coords in self._vectors]
        owners: list[Any] = [*self.functions, *self.operators]
        members = [] if self.block_count else [_member(owner, squeeze) for owner in owners]
        ids = [self._basis_ids[k] for k in kept]
        names = [self._basis[k] for k in kept]
        points = [] if self.block_count else [a for o in owners for x, *_ in o.known.values() for a in x.coords]
        out = without_gauge(Rows(names, vectors, values, rows, objective, faithful, theorems, members, ids, points))
        # unbounded gradients at x_star are found one coordinate at a time
        return out if self.block_count or self.offsets else sparser_basis(out)

    def _separate(self, form: Linear) -> Linear:
        """The form in basis vectors, without products of different blocks: they are 0."""
        gram: dict[tuple[int, int], Fraction] = {}
        for (a, b), c in form.gram.items():
            for i, u in self._vectors[a][1].items():
                for j, v in self._vectors[b][1].items():
                    if self._origin in (i, j) or self._block[i] != self._block[j]:
                        continue
                    key = (self._basis_ids[min(i, j)], self._basis_ids[max(i, j)])
                    gram[key] = gram.get(key, Fraction(0)) + c * u * v
        return Linear({k: c for k, c in gram.items() if c}, form.values, form.constant)

    def fixed_values(self) -> set[int]:
        """The first value of each function: put to 0, by a shift."""
        first: dict[int, int] = {}
        for k, (f, _) in enumerate(self.evaluations):
            first.setdefault(id(f), k)
        return set(first.values())

    @property
    def goals(self) -> list[Scalar]:
        return self._goals

    def _check_invariance(self) -> None:
        """Shifting a function by a constant and all points by a vector must change nothing that was stated.

        Otherwise putting x_star at 0 and its value to 0 would lose generality.
        """
        stated = [r.expression for r in self._rows] + [q.form for q in self._goals]
        for form in stated:
            for f in self.functions:
                if sum((c for k, c in form.values.items() if self.evaluations[k][0] is f), Fraction(0)) != 0:
                    raise ClaimError(f"worst case: a quantity changes when a constant is added to {f.name}")
        for k in range(max(self.block_count, 1)):
            self._check_translation(stated, k if self.block_count else None)

    def _check_translation(self, stated: list[Linear], block: int | None) -> None:
        """The same, for a translation within one block."""
        inside = {k for k, b in enumerate(self._block) if block is None or b in (block, None)}
        positions = {k for k in inside if self.origins[k][0] in ("start", "origin")}
        moved = [sum((c for k, c in coords.items() if k in positions), Fraction(0)) for _, coords in self._vectors]
        for form in stated:
            change: dict[int, Fraction] = {}
            for (a, b), c in form.gram.items():
                for one, other in ((a, b), (b, a)):
                    for k, d in self._vectors[other][1].items():
                        if k not in inside:
                            continue
                        change[k] = change.get(k, Fraction(0)) + c * moved[one] * d
            if any(change.values()):
                raise ClaimError("worst case: a quantity changes when all points are moved by one vector")

    # -- vectors and values -----------------------------------------------------------------------------------

    def _new(self, name: str, origin: tuple[str, Any, Any, Any]) -> Point:
        if not self.block_count or origin[0] == "origin":
            return self._new_basis(name, origin, None)
        whole = Point({})
        for k in range(self.block_count):
            whole = whole + self._new_basis(f"{name}, block {k}", origin, k)
        position = {vector: k for k, vector in enumerate(self._basis_ids)}
        self._vectors.append((name, {position[a]: c for a, c in whole.coords.items()}))
        self._ids[frozenset(whole.coords.items())] = len(self._vectors) - 1
        return whole

    def _new_basis(self, name: str, origin: tuple[str, Any, Any, Any], block: int | None) -> Point:
        self._basis.append(name)
        self._block.append(block)
        self._basis_ids.append(len(self._vectors))
        self._vectors.append((name, {len(self._basis) - 1: Fraction(1)}))
        self.origins.append(origin)
        point = Point({len(self._vectors) - 1: Fraction(1)})
        self._ids[frozenset(point.coords.items())] = len(self._vectors) - 1
        return point

    def _gradient(self, f: Function, name: str, x: Point, implicit: Fraction) -> Point:
        return self._relative(f, name, ("gradient", f, x, implicit))

    def _relative(self, owner: Any, name: str, origin: tuple[str, Any, Any, Any]) -> Point:
        """A new gradient or value; measured from that at x_star where several functions share the minimiser.

        A linear function may then be moved from one to the other, so that their gradients at x_star are unbounded; in
        this basis that is one coordinate, which the solver can leave out.
        """
        if owner not in self.offsets:
            return self._new(name, origin)
        return self._new(f"{name} - at x_star", origin) + self.offsets[owner]

    def _value(self, f: Function, x: Point) -> Scalar:
        if f.kind.indicator:
            return Scalar(Linear())
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
            return "0"
        if key in self._ids:
            return self._vectors[self._ids[key]][0]
        return f"x_{sum(1 for _, coords in self._vectors if len(coords) > 1) + 1}"


def _member(owner: Any, squeeze: Callable[[Linear], Linear]) -> Member:
    """The data of a Function or an Operator; operators have no values."""
    data = []
    for label, (x, g, *value) in zip(owner.labels, owner.known.values(), strict=True):
        data.append((label, x.coords, g.coords, squeeze(value[0].form).values if value else {}))
    return Member(owner.name, owner.kind.conditions, data)
