"""The few rows that matter.

N steps have about N^2 interpolation conditions, of which proofs use a few times N: those of successive points and
those with the first point (the solution), as a rule.  Rows that a solution violates are added, so that in the end the
whole problem is solved; and bounds need no such care: what fewer rows prove holds all the more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property

import numpy as np

from .rows import Row, Rows
from .solve import Arrays, Solution, arrays, coordinates

_SMALL = 40  # rows up to which all are taken
_ROUNDS = 12
_ACCURACY = 2e-7  # violations below this, relative to the objective, are the solver's


def near(row: Row) -> bool:
    """Whether a row is among the first to be tried."""
    return row.pair is None or 0 in row.pair or abs(row.pair[0] - row.pair[1]) == 1


class WorkingSet:
    """Rows of a problem that are in use, grown until a solution satisfies all others.

    ``kept`` are their positions, ``rows`` the problem that has only these, ``arrays`` the same in floating point.
    """

    def __init__(self, problem: Rows):
        self.problem = problem
        small = len(problem.rows) <= _SMALL
        self._keep(k for k, row in enumerate(problem.rows) if small or near(row))

    def _keep(self, rows: Iterable[int]) -> None:
        self.kept = sorted(rows)
        if 2 * len(self.kept) > len(self.problem.rows):
            self.kept = list(range(len(self.problem.rows)))
        self.rows = self.problem.only(self.kept)
        self.arrays: Arrays = arrays(self.rows)

    def solve(self, method: Callable[[Arrays], Solution], accuracy: float = _ACCURACY) -> Solution:
        """A solution of ``method`` that violates no row by more than ``accuracy`` (relative to the objective)."""
        for _ in range(_ROUNDS):
            solution = method(self.arrays)
            if len(self.kept) == len(self.problem.rows):
                return solution
            if not solution.usable:
                break
            slack = self._slack(solution)
            violated = np.flatnonzero(slack < -accuracy * max(abs(solution.value), 1e-12))
            if not violated.size:
                return solution
            self._keep({*self.kept, *violated[np.argsort(slack[violated])][: 4 * len(self.problem.basis)].tolist()})
        self._keep(range(len(self.problem.rows)))
        return method(self.arrays)

    def as_stated(self, solution: Solution) -> tuple[WorkingSet, Solution]:
        """The same rows and solution in the coordinates of the statement, where instances are rounded best.

        Vectors that are small are large differences in other coordinates.
        """
        stated = self.problem.stated
        if stated is None:
            return self, solution
        products = self._vectors @ solution.gram @ self._vectors.T
        other = WorkingSet(stated)
        other._keep({*self.kept, *other.kept})
        return other, replace(solution, gram=products[np.ix_(stated.basis_ids, stated.basis_ids)])

    def _slack(self, solution: Solution) -> np.ndarray:
        """(rows,) value of every row; infinite where it is in use."""
        products = self._vectors @ solution.gram @ self._vectors.T
        where, first, second, weight = self._terms
        slack = self._constant.copy()
        np.add.at(slack, where, weight * products[first, second])
        where, level, weight = self._levels
        np.add.at(slack, where, weight * solution.values[level])
        slack[self.kept] = np.inf
        return slack

    @cached_property
    def _vectors(self) -> np.ndarray:
        return coordinates(self.problem)

    @cached_property
    def _terms(self) -> tuple[np.ndarray, ...]:
        found = [
            (k, a, b, float(c)) for k, r in enumerate(self.problem.rows) for (a, b), c in r.expression.gram.items()
        ]
        return _columns(found, 4)

    @cached_property
    def _levels(self) -> tuple[np.ndarray, ...]:
        forms = enumerate(r.expression.values for r in self.problem.rows)
        return _columns([(k, u, float(c)) for k, form in forms for u, c in form.items()], 3)

    @cached_property
    def _constant(self) -> np.ndarray:
        return np.array([float(r.expression.constant) for r in self.problem.rows])


def _columns(entries: list[tuple], width: int) -> tuple[np.ndarray, ...]:
    """Lists of indices, then one of coefficients."""
    table = list(zip(*entries, strict=True)) or [()] * width
    return (*(np.array(c, dtype=int) for c in table[:-1]), np.array(table[-1], dtype=float))
