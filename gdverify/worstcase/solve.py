"""The semidefinite program in floating point (Clarabel).  Nothing here is trusted; it only proposes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import MissingDependencyError
from .rows import Linear, Rows

_SUPERNODAL = 15  # size from which dense (supernodal) factorisation pays
_LARGE = 30  # size from which a solve costs seconds


@dataclass
class Arrays:
    """Float copy of a problem.

    ``gram`` (rows, n, n) symmetric coefficient matrices, ``values`` (rows, m), ``constant`` (rows,), ``equality``
    (rows,) bool; the same of the objective with prefix ``goal_``.  ``unbounded`` lists basis vectors whose own norm
    limits nothing: rows that only gain from it carry no multiplier (``idle``), its Gram entries are free numbers.
    """

    gram: np.ndarray
    values: np.ndarray
    constant: np.ndarray
    equality: np.ndarray
    goal_gram: np.ndarray
    goal_values: np.ndarray
    goal_constant: float
    unbounded: list[int]
    idle: np.ndarray


@dataclass
class Solution:
    """``status`` is Clarabel's; ``gram`` (n, n), ``values`` (m,), ``multipliers`` (rows,)."""

    status: str
    value: float
    gram: np.ndarray
    values: np.ndarray
    multipliers: np.ndarray

    @property
    def finite(self) -> bool:
        """Good enough for a proposal that will be checked."""
        return "Infeasible" not in self.status and bool(np.isfinite(self.gram).all() and np.isfinite(self.value))

    @property
    def usable(self) -> bool:
        return self.status in ("Solved", "AlmostSolved") and bool(np.isfinite(self.value))


def coordinates(problem: Rows) -> np.ndarray:
    """(vectors, n) coordinates of all vectors in the basis."""
    vectors = np.zeros((len(problem.vectors), len(problem.basis)))
    for a, (_, coords) in enumerate(problem.vectors):
        for k, c in coords.items():
            vectors[a, k] = float(c)
    return vectors


def arrays(problem: Rows) -> Arrays:
    """Expand the sparse rows in the basis."""
    n = len(problem.basis)
    vectors = coordinates(problem)

    def expand(form: Linear) -> tuple[np.ndarray, np.ndarray, float]:
        gram, values = np.zeros((n, n)), np.zeros(len(problem.values))
        if form.gram:
            left, right = np.array([k[0] for k in form.gram]), np.array([k[1] for k in form.gram])
            weight = np.array([float(c) for c in form.gram.values()])
            gram = (vectors[left] * weight[:, None]).T @ vectors[right]
            gram = (gram + gram.T) / 2
            gram[np.abs(gram) < 1e-14 * np.abs(gram).max(initial=0.0)] = 0.0  # cancelled, but for rounding
        for k, c in form.values.items():
            values[k] = float(c)
        return gram, values, float(form.constant)

    expanded = [expand(r.expression) for r in problem.rows]
    goal = expand(problem.objective)
    out = Arrays(
        np.array([e[0] for e in expanded]).reshape(len(expanded), n, n),
        np.array([e[1] for e in expanded]).reshape(len(expanded), len(problem.values)),
        np.array([e[2] for e in expanded]),
        np.array([r.equality for r in problem.rows], dtype=bool),
        *goal,
        unbounded=[],
        idle=np.zeros(len(expanded), dtype=bool),
    )
    _find_unbounded(out)
    return out


def _find_unbounded(a: Arrays) -> None:
    """Facial reduction, one vector at a time: a norm that no row limits forces its multipliers to vanish."""
    n = a.goal_gram.shape[0]
    again = True
    while again:
        again = False
        for v in range(n):
            if v in a.unbounded or a.goal_gram[v, v] != 0:
                continue
            diagonal = np.where(a.idle, 0.0, a.gram[:, v, v])
            if np.any(diagonal[a.equality] != 0) or np.any(diagonal < -1e-12):
                continue
            a.unbounded.append(v)
            a.idle |= diagonal > 1e-12
            again = True


@dataclass
class Units:
    """Magnitudes of a solution: squared norms of basis vectors (n,), values (m,), rows (rows,), the objective."""

    size: np.ndarray
    value: np.ndarray
    row: np.ndarray
    goal: float


def units(a: Arrays, solution: Solution) -> Units:
    """Magnitudes to solve in, so that the solver's absolute accuracy is relative to the answer.

    Squared norms are bounded away from 0 by what the rows let a vector contribute.
    """
    goal = max(abs(solution.value), 1e-12)
    coefficient = np.abs(np.diagonal(a.gram, axis1=1, axis2=2)).max(axis=0, initial=0.0)
    natural = 1e-2 * goal / np.where(coefficient > 0, coefficient, 1.0)
    size = np.maximum(np.abs(np.diag(solution.gram)), natural)
    root = np.sqrt(size)
    row = (np.abs(a.gram) * np.outer(root, root)).max(axis=(1, 2), initial=0.0)
    row = np.maximum(row, np.maximum(np.abs(a.values).max(axis=1, initial=0.0) * goal, np.abs(a.constant)))
    return Units(size, np.full(a.values.shape[1], goal), np.where(row > 0, row, 1.0), goal)


def _in_units(a: Arrays, u: Units) -> Arrays:
    root = np.sqrt(u.size)
    pair = np.outer(root, root)
    return Arrays(
        a.gram * pair / u.row[:, None, None],
        a.values * u.value / u.row[:, None],
        a.constant / u.row,
        a.equality,
        a.goal_gram * pair / u.goal,
        a.goal_values * u.value / u.goal,
        a.goal_constant / u.goal,
        a.unbounded,
        a.idle,
    )


def solve_in_units(
    a: Arrays, u: Units, *, dual: float = 0.0, primal: float = 0.0, cap: float | None = None
) -> Solution:
    """Solve a strictly feasible neighbour, scaled: ``dual`` and ``primal`` are shifts relative to the magnitudes."""
    n, r = len(u.size), len(u.row)
    scaled = solve(
        _in_units(a, u),
        dual_shift=np.full(n, dual / max(n, 1)) if dual else None,
        primal_shift=(np.full(n, primal), np.full(r, primal)) if primal else None,
        cap=cap,
    )
    root = np.sqrt(u.size)
    return Solution(
        scaled.status,
        scaled.value * u.goal,
        scaled.gram * np.outer(root, root),
        scaled.values * u.value,
        scaled.multipliers * u.goal / u.row,
    )


def solve_well(a: Arrays) -> Solution:
    """Solve as stated, then in the magnitudes found, while that changes the answer (badly scaled problems)."""
    best = solve(a)
    for _ in range(3 if a.goal_gram.shape[0] < _LARGE else 0):
        if not best.usable:
            break
        again = solve_in_units(a, units(a, best))
        if not again.usable:
            break
        change = abs(again.value - best.value)
        best = again
        if change <= 1e-6 * abs(again.value):
            break
    return best


def solve(
    a: Arrays, *, dual_shift: np.ndarray | None = None, primal_shift: Any = None, cap: float | None = None
) -> Solution:
    """Solve the problem, or a strictly feasible neighbour of it.

    What is stated to the solver is the dual: non-negative multipliers and a semidefinite slack matrix, whose sparsity
    it then uses; Gram matrix and function values come back as the solver's own dual variables.

    Parameters
    ----------
    a : the problem
    dual_shift : (n,) diagonal added to the objective; the dual slack matrix then exceeds this diagonal
    primal_shift : (diagonal (n,), rows (rows,)): the Gram matrix exceeds the diagonal, every row its entry
    cap : upper limit of the trace of the Gram matrix
    """
    try:
        import clarabel
    except ImportError as error:
        raise MissingDependencyError("worst cases need Clarabel (pip install 'gdverify[proof]')") from error
    from scipy import sparse

    n, m = a.goal_gram.shape[0], a.goal_values.shape[0]
    live = np.flatnonzero(~a.idle)
    equality = a.equality[live]
    gram, values, constant = a.gram[live], a.values[live], a.constant[live]
    goal_gram = a.goal_gram + (np.diag(dual_shift) if dual_shift is not None else 0.0)
    least = np.zeros((n, n))
    if primal_shift is not None:  # G = least + G', in terms of G'
        least = np.diag(np.where(np.isin(np.arange(n), a.unbounded), 0.0, primal_shift[0]))
        constant = constant - np.where(equality, 0.0, primal_shift[1][live]) + (gram * least).sum(axis=(1, 2))
    if cap is not None:
        limited = np.ones(n)
        limited[a.unbounded] = 0.0
        gram = np.concatenate([gram, -np.diag(limited)[None]])
        values, equality = np.concatenate([values, np.zeros((1, m))]), np.append(equality, False)
        constant = np.append(constant, cap - np.diag(least) @ limited)

    free = set(a.unbounded)  # their norm is limited by nothing: their products are free, and have coefficient 0 in all
    lines = [(i, j) for j in range(n) for i in range(j + 1) if i != j and (i in free or j in free)]
    cone = [k for k in range(n) if k not in free]
    triangle = [(i, j) for c, j in enumerate(cone) for i in cone[: c + 1]]
    pairs = np.array(lines + triangle, dtype=int).reshape(-1, 2)
    weight = np.where(pairs[:, 0] == pairs[:, 1], 1.0, np.sqrt(2.0))
    svec = (gram[:, pairs[:, 0], pairs[:, 1]] * weight).T
    goal = goal_gram[pairs[:, 0], pairs[:, 1]] * weight
    count = np.flatnonzero(~equality)
    sign = sparse.csc_matrix((-np.ones(len(count)), (np.arange(len(count)), count)), shape=(len(count), len(constant)))
    zeros, n_free = np.zeros(len(count)), len(lines)
    balance = np.concatenate([values.T, svec[:n_free]])
    filled = np.count_nonzero(np.any(svec[n_free:] != 0, axis=1) | (goal[n_free:] != 0))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_iter = 200
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11 if n < _LARGE else 1e-10
    settings.max_threads = 1
    settings.chordal_decomposition_enable = sparse_cone = 2 * filled < len(triangle)
    if n >= _SUPERNODAL and not sparse_cone and hasattr(settings, "pardiso_iparm"):  # versions that have it
        settings.direct_solve_method = "faer"
    answer = clarabel.DefaultSolver(
        sparse.csc_matrix((len(constant), len(constant))),
        constant,
        sparse.vstack([sparse.csc_matrix(balance), sign, sparse.csc_matrix(svec[n_free:])], format="csc"),
        np.concatenate([-a.goal_values, -goal[:n_free], zeros, -goal[n_free:]]),
        [
            clarabel.ZeroConeT(len(balance)),
            clarabel.NonnegativeConeT(len(count)),
            clarabel.PSDTriangleConeT(len(cone)),
        ],
        settings,
    ).solve()
    y, z = np.array(answer.x), np.array(answer.z)
    entries = np.concatenate([z[m : m + n_free], z[len(balance) + len(count) :]]) / weight
    found = np.zeros((n, n))
    found[pairs[:, 0], pairs[:, 1]] = found[pairs[:, 1], pairs[:, 0]] = entries
    found += least
    multipliers = np.zeros(len(a.constant))
    multipliers[live] = y[: len(live)]
    objective = float((found * a.goal_gram).sum() + a.goal_values @ z[:m] + a.goal_constant)
    status = {"PrimalInfeasible": "DualInfeasible", "DualInfeasible": "PrimalInfeasible"}  # of the problem as stated
    said = str(answer.status)
    return Solution(status.get(said, said), objective, found, z[:m], multipliers)
