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


def arrays(problem: Rows) -> Arrays:
    """Expand the sparse rows in the basis."""
    n = len(problem.basis)
    vectors = np.zeros((len(problem.vectors), n))
    for a, (_, coords) in enumerate(problem.vectors):
        for k, c in coords.items():
            vectors[a, k] = float(c)

    def expand(form: Linear) -> tuple[np.ndarray, np.ndarray, float]:
        gram, values = np.zeros((n, n)), np.zeros(len(problem.values))
        if form.gram:
            left, right = np.array([k[0] for k in form.gram]), np.array([k[1] for k in form.gram])
            weight = np.array([float(c) for c in form.gram.values()])
            gram = (vectors[left] * weight[:, None]).T @ vectors[right]
            gram = (gram + gram.T) / 2
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
    """Magnitudes of a solution: squared norms of basis vectors (n,), values, rows (rows,), the objective."""

    size: np.ndarray
    value: float
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
    return Units(size, goal, np.where(row > 0, row, 1.0), goal)


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
    bounded = [k for k in range(n) if k not in a.unbounded]
    upper = [(i, j) for j in range(n) for i in range(j + 1)]
    used = [(i, j) for i, j in upper if not (i == j and i in a.unbounded)]
    position = {pair: k for k, pair in enumerate(used)}
    rows_i = np.array([i for i, _ in used], dtype=int)
    rows_j = np.array([j for _, j in used], dtype=int)
    weight = np.where(rows_i == rows_j, 1.0, 2.0)
    live = np.flatnonzero(~a.idle)
    order = np.concatenate([live[a.equality[live]], live[~a.equality[live]]])
    n_equal = int(a.equality[live].sum())

    goal_gram = a.goal_gram + (np.diag(dual_shift) if dual_shift is not None else 0.0)
    cost = -np.concatenate([goal_gram[rows_i, rows_j] * weight, a.goal_values])
    coefficient = np.hstack([a.gram[order][:, rows_i, rows_j] * weight, a.values[order]])
    slack, diagonal = np.zeros(len(order)), np.zeros(n)
    if primal_shift is not None:
        diagonal, slack = primal_shift[0], np.where(a.equality[order], 0.0, primal_shift[1][order])
    psd_pairs = [(bounded[i], bounded[j]) for j in range(len(bounded)) for i in range(j + 1)]
    picks = np.array([position[p] for p in psd_pairs], dtype=int)
    scale = np.array([1.0 if i == j else np.sqrt(2.0) for i, j in psd_pairs])
    psd = sparse.csc_matrix((-scale, (np.arange(len(picks)), picks)), shape=(len(picks), len(used) + m))
    psd_b = np.array([-diagonal[i] if i == j else 0.0 for i, j in psd_pairs])
    blocks, rhs = [sparse.csc_matrix(-coefficient), psd], [a.constant[order] - slack, psd_b]
    cones = [clarabel.ZeroConeT(n_equal), clarabel.NonnegativeConeT(len(order) - n_equal)]
    if cap is not None:
        line = np.zeros((1, len(used) + m))
        line[0, [position[k, k] for k in bounded]] = 1.0
        blocks.insert(1, sparse.csc_matrix(line))
        rhs.insert(1, np.array([cap]))
        cones[1] = clarabel.NonnegativeConeT(len(order) - n_equal + 1)
    cones.append(clarabel.PSDTriangleConeT(len(bounded)))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_iter = 200
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11 if n < _LARGE else 1e-9
    settings.max_threads = 1
    if n >= _SUPERNODAL and hasattr(settings, "pardiso_iparm"):  # versions that have the faster factorisation
        settings.direct_solve_method = "faer"
    quadratic = sparse.csc_matrix((len(cost), len(cost)))
    answer = clarabel.DefaultSolver(
        quadratic, cost, sparse.vstack(blocks, format="csc"), np.concatenate(rhs), cones, settings
    ).solve()
    x, z = np.array(answer.x), np.array(answer.z)
    gram = np.zeros((n, n))
    gram[rows_i, rows_j] = gram[rows_j, rows_i] = x[: len(used)]
    multipliers = np.zeros(len(a.constant))
    multipliers[order] = z[: len(order)]
    objective = float((gram * a.goal_gram).sum() + a.goal_values @ x[len(used) :] + a.goal_constant)
    return Solution(str(answer.status), objective, gram, x[len(used) :], multipliers)
