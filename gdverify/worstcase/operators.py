"""Operators in a worst-case problem: monotone, strongly monotone, cocoercive, Lipschitz; values, resolvents, zeros.

Conditions on finite data (points x_i, values a_i in A x_i), for every pair:

    monotone              <a_i - a_j, x_i - x_j> >= 0
    mu-strongly monotone  <a_i - a_j, x_i - x_j> >= mu |x_i - x_j|^2
    beta-cocoercive       <a_i - a_j, x_i - x_j> >= beta |a_i - a_j|^2
    L-Lipschitz           |a_i - a_j|^2 <= L^2 |x_i - x_j|^2

Each alone is necessary and sufficient: a monotone set extends to a maximally monotone operator (Bauschke and
Combettes, *Convex Analysis and Monotone Operator Theory*, 2nd ed. 2017, Theorem 20.21), a Lipschitz one by the
theorem of Kirszbraun and Valentine; the other two follow (Ryu, Taylor, Bergeling and Giselsson, Operator splitting
performance estimation, SIAM J. Optim. 30, 2020, Section 2).  Two of them together are taken as necessary only: bounds
remain theorems, instances are then not claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..claim import Claim
from ..errors import ClaimError
from .bounds import exact_value
from .rows import Row, exact

if TYPE_CHECKING:
    from .problem import Point, Problem

_EXACT = "operator interpolation (Ryu, Taylor, Bergeling, Giselsson 2020)"
_NECESSARY = "necessary conditions only: no interpolation theorem for this class of operators"
KINDS = ("monotone", "strongly-monotone", "cocoercive", "lipschitz-operator")


@dataclass(frozen=True)
class OperatorClass:
    """``mu``: (strong) monotonicity, ``beta``: cocoercivity, ``L``: Lipschitz constant; None where not assumed."""

    mu: Fraction | None = None
    beta: Fraction | None = None
    L: Fraction | None = None

    @property
    def exact(self) -> bool:
        """Whether the rows are sufficient as well."""
        return sum((bool(self.mu) or (self.mu == 0 and self.beta is None), self.beta is not None, self._limits)) <= 1

    @property
    def _limits(self) -> bool:
        """Whether the Lipschitz constant says more than cocoercivity does."""
        return self.L is not None and (self.beta is None or self.L * self.beta < 1)

    @property
    def theorem(self) -> str:
        return _EXACT if self.exact else _NECESSARY

    @property
    def conditions(self) -> dict[str, tuple[Fraction | None, ...]]:
        """Constants of the conditions, by the names that rows have."""
        every = {"cocoercive": self.beta is not None, "monotone": bool(self.mu), "Lipschitz": self._limits}
        every["monotone"] |= self.mu == 0 and self.beta is None
        constants = {"cocoercive": self.beta, "monotone": self.mu, "Lipschitz": self.L}
        return {kind: (constants[kind],) for kind, stated in every.items() if stated}

    def rows(self, name: str, data: list[tuple[str, tuple[Any, Any]]]) -> list[Row]:
        """Rows for data ``(label, (x, value at x))``."""
        out = []
        for j, (label_j, (x_j, a_j)) in enumerate(data):
            for i, (label_i, (x_i, a_i)) in enumerate(data[:j]):
                dx, da = x_i - x_j, a_i - a_j
                slacks = {}
                if self.beta is not None:
                    slacks["cocoercive"] = da.inner(dx) - da.inner(da) * self.beta
                if self.mu or (self.mu == 0 and self.beta is None):
                    slacks["monotone"] = da.inner(dx) - dx.inner(dx) * self.mu
                if self._limits:
                    assert self.L is not None
                    slacks["Lipschitz"] = dx.inner(dx) * self.L**2 - da.inner(da)
                out += [
                    Row(f"{name}: {label_i} {kind} {label_j}", slack.form, pair=(i, j), of=(name, kind))
                    for kind, slack in slacks.items()
                ]
        return [r for r in out if r.expression.gram]


class Operator:
    """A member of a class of operators: ``A(x)`` is a value, ``A.resolvent(x, step)`` is (I + step A)^-1 x."""

    def __init__(self, problem: Problem, name: str, kind: OperatorClass):
        self.problem, self.name, self.kind = problem, name, kind
        self.known: dict[frozenset[Any], tuple[Point, Point]] = {}
        self.labels: list[str] = []

    def __call__(self, x: Point) -> Point:
        """The value at x; of a set-valued operator, one element of it, the same at every call."""
        key = frozenset(x.coords.items())
        if key not in self.known:
            self.record(
                x, self.problem._relative(self, f"{self.name}({self.problem._label(x)})", ("operator", self, x, 0))
            )
        return self.known[key][1]

    def resolvent(self, x: Point, step: Any) -> Point:
        """y = x - step*a with a a value of the operator at y itself."""
        a = self.problem._relative(
            self, f"{self.name}(resolvent {len(self.labels)})", ("operator", self, x, exact(step))
        )
        y = x - exact(step) * a
        self.record(y, a)
        return y

    def record(self, x: Point, a: Point) -> None:
        """State that ``a`` is a value at ``x``."""
        key = frozenset(x.coords.items())
        if key in self.known:
            raise ClaimError(f"worst case: {self.name} already has a value at {self.problem._label(x)}")
        self.labels.append(self.problem._label(x))
        self.known[key] = (self.problem._named(x), a)


def read_operator(claim: Claim, name: str, case: Mapping[str, Any]) -> OperatorClass:
    """The class that the claim's assumptions give to the operator ``name``, with constants at the case.

    Raises
    ------
    ClaimError
        a constant is irrational or not positive, or the class has none but constant operators (mu*beta > 1, mu > L)
    """
    keys = [a.key for a in claim.assumptions if len(a.key) >= 2 and a.key[1] == name and a.key[0] in KINDS]

    def constants(kind: str) -> list[Fraction]:
        found = [exact_value(k[2], case, f"{claim.id}: the constant of {kind}") for k in keys if k[0] == kind]
        if any(c <= 0 for c in found):
            raise ClaimError(f"{claim.id}: the constant of {kind} is not positive")
        return found

    mu = max([Fraction(0) for k in keys if k[0] == "monotone"] + constants("strongly-monotone"), default=None)
    beta, L = max(constants("cocoercive"), default=None), min(constants("lipschitz-operator"), default=None)
    if mu and ((beta is not None and mu * beta > 1) or (L is not None and mu > L)):
        raise ClaimError(f"{claim.id}: no {name} is {mu}-strongly monotone with the other constants assumed")
    return OperatorClass(mu, beta, L)
