"""A performance-estimation problem as data: vectors, function values, and rows that are linear in their Gram matrix.

The problem reads: maximise ``objective`` over all Gram matrices G >= 0 of the basis vectors and all function values,
subject to the rows.  Every coefficient is an exact rational.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from ..errors import ClaimError


def exact(value: Any) -> Fraction:
    """An int, Fraction or SymPy rational as a Fraction.

    Raises
    ------
    ClaimError
        a float or anything else that is not exact
    """
    if isinstance(value, (int, Fraction)):
        return Fraction(value)
    if getattr(value, "is_Rational", False):
        return Fraction(int(value.p), int(value.q))
    raise ClaimError(
        f"worst case: {value!r} is not an exact rational (case['gamma'] is exact, case.gamma is its float)"
    )


@dataclass(frozen=True)
class Linear:
    """An affine function of the Gram matrix and the function values.

    ``gram[a, b]`` (a <= b) multiplies the inner product of vectors a and b, ``values[k]`` function value k.
    """

    gram: Mapping[tuple[int, int], Fraction] = field(default_factory=dict)
    values: Mapping[int, Fraction] = field(default_factory=dict)
    constant: Fraction = Fraction(0)

    def plus(self, other: Linear, factor: Fraction = Fraction(1)) -> Linear:
        """``self + factor*other``."""
        gram, values = dict(self.gram), dict(self.values)
        for key, c in other.gram.items():
            gram[key] = gram.get(key, Fraction(0)) + factor * c
        for k, c in other.values.items():
            values[k] = values.get(k, Fraction(0)) + factor * c
        return Linear(
            {k: c for k, c in gram.items() if c},
            {k: c for k, c in values.items() if c},
            self.constant + factor * other.constant,
        )

    def plain(self) -> dict[str, Any]:
        return {
            "gram": [[a, b, str(c)] for (a, b), c in self.gram.items()],
            "values": [[k, str(c)] for k, c in self.values.items()],
            "constant": str(self.constant),
        }


@dataclass(frozen=True)
class Row:
    """``expression >= 0``, or ``== 0`` where ``equality``.

    ``pair`` : positions, in order of evaluation, of the two points that an interpolation condition compares
    ``of`` : (name of the function or operator, name of the condition), where the checker knows that condition
    """

    label: str
    expression: Linear
    equality: bool = False
    pair: tuple[int, int] | None = None
    of: tuple[str, str] | None = None

    def plain(self) -> dict[str, Any]:
        source = {} if self.of is None or self.pair is None else {"of": [*self.of, *self.pair]}
        return {"label": self.label, "equality": self.equality, **self.expression.plain(), **source}


@dataclass(frozen=True)
class Member:
    """A function or operator of a class: constants of its conditions, and its data (label, x, gradient, value).

    The checker states every condition anew from these and compares.
    """

    name: str
    conditions: Mapping[str, tuple[Fraction | None, ...]]
    data: list[tuple[str, Mapping[int, Fraction], Mapping[int, Fraction], Mapping[int, Fraction]]]

    def plain(self) -> dict[str, Any]:
        def pairs(coords: Mapping[int, Fraction]) -> list[list[Any]]:
            return [[k, str(c)] for k, c in coords.items()]

        return {
            "name": self.name,
            "conditions": {
                name: [None if c is None else str(c) for c in constants] for name, constants in self.conditions.items()
            },
            "data": [[label, pairs(x), pairs(g), pairs(v)] for label, x, g, v in self.data],
        }


@dataclass
class Rows:
    """The whole problem.

    Parameters
    ----------
    basis : names of the basis vectors; the Gram matrix has one row for each
    vectors : (name, coordinates by basis position) of every vector that rows refer to
    values : names of the function values
    rows : the constraints
    objective : what is maximised
    exact : whether every feasible point is realised by functions of the class (an interpolation theorem)
    theorems : where the rows come from
    members : the functions and operators that the rows speak of
    basis_ids : position in ``vectors`` of each basis vector
    gauged : whether basis vectors were put to 0 without loss of generality, besides the minimiser
    points : position in ``vectors`` of the points where functions and operators are evaluated, in order
    stated : the problem in the coordinates in which it was stated, if these are others
    """

    basis: list[str]
    vectors: list[tuple[str, dict[int, Fraction]]]
    values: list[str]
    rows: list[Row]
    objective: Linear
    exact: bool
    theorems: list[str]
    members: list[Member] = field(default_factory=list)
    basis_ids: list[int] = field(default_factory=list)
    points: list[int] = field(default_factory=list)
    gauged: bool = False
    stated: Rows | None = None

    def only(self, kept: Sequence[int]) -> Rows:
        """The problem with these rows alone: what they prove, they prove of the whole problem."""
        return replace(self, rows=[self.rows[k] for k in kept])

    def plain(self) -> dict[str, Any]:
        """JSON-ready form, which the checker reads."""
        return {
            "basis": self.basis,
            "vectors": [[name, [[k, str(c)] for k, c in coords.items()]] for name, coords in self.vectors],
            "values": self.values,
            "members": [m.plain() for m in self.members],
            "rows": [r.plain() for r in self.rows],
            "objective": self.objective.plain(),
            "exact": self.exact,
            "theorems": self.theorems,
        }
