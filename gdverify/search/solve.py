"""Floating-point answers to a certificate's system: a linear program (HiGHS), or a semidefinite one (Clarabel)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ..errors import MissingDependencyError
from .system import System


@dataclass
class Answer:
    """``status`` is 'found', 'infeasible' or 'unknown'; ``dual`` refutes the system where it is infeasible."""

    status: str
    x: Any = None
    dual: Any = None
    note: str = ""


def matrix(system: System) -> tuple[Any, Any]:
    """(A, b): one row for each monomial, scaled to largest entry 1."""
    rows = system.rows()
    place = {m: i for i, m in enumerate(rows)}
    entries = [(place[m], j, float(v)) for j, c in enumerate(system.columns) for m, v in c.items()]
    i, j, v = zip(*entries, strict=True) if entries else ((), (), ())
    a = sparse.csr_matrix((v, (i, j)), shape=(len(rows), len(system.columns)))
    b = np.zeros(len(rows))
    for m, value in system.goal.items():
        b[place[m]] = float(value)
    scale = 1 / np.maximum(abs(a).max(axis=1).toarray().ravel() if a.nnz else np.zeros(len(rows)), 1e-300)
    scale[~np.isfinite(scale) | (scale > 1e200)] = 1.0
    return sparse.diags(scale) @ a, scale * b


def solve(system: System, *, cheap: bool) -> Answer:
    """A solution of least cost (``cheap``), or one well inside the cones."""
    if all(block.size == 1 for block in system.blocks):
        return _linear(system)
    return _semidefinite(system, cheap)


def _linear(system: System) -> Answer:
    from scipy.optimize import linprog

    a, b = matrix(system)
    free = range(system.signed, len(system.multipliers))
    bounds = [(None, None) if j in free else (0, None) for j in range(a.shape[1])]
    found = linprog(np.array(system.cost), A_eq=a, b_eq=b, bounds=bounds, method="highs-ds")
    if found.status == 0:
        return Answer("found", found.x)
    if found.status == 2:
        return Answer("infeasible")
    return Answer("unknown", note=found.message)


def _semidefinite(system: System, cheap: bool) -> Answer:
    try:
        import clarabel
    except ImportError as error:
        raise MissingDependencyError("certificates need Clarabel (pip install 'gdverify[proof]')") from error
    a, b = matrix(system)
    n = a.shape[1]
    cones = [clarabel.ZeroConeT(a.shape[0])]
    parts, rhs = [a], [b]
    singles = [*range(system.signed), *(block.first for block in system.blocks if block.size == 1)]
    if singles:
        parts.append(sparse.csr_matrix((-np.ones(len(singles)), (range(len(singles)), singles)), (len(singles), n)))
        rhs.append(np.zeros(len(singles)))
        cones.append(clarabel.NonnegativeConeT(len(singles)))
    for block in system.blocks:
        if block.size == 1:
            continue
        where = {e: block.first + k for k, e in enumerate(block.entries)}
        upper = [(j, k) for k in range(block.size) for j in range(k + 1)]
        weights = [-1.0 if j == k else -np.sqrt(2.0) for j, k in upper]
        parts.append(sparse.csr_matrix((weights, (range(len(upper)), [where[e] for e in upper])), (len(upper), n)))
        rhs.append(np.zeros(len(upper)))
        cones.append(clarabel.PSDTriangleConeT(block.size))
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.max_threads, settings.max_iter = False, 1, 200
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    cost = np.array(system.cost) if cheap else np.zeros(n)
    answer = clarabel.DefaultSolver(
        sparse.csc_matrix((n, n)), cost, sparse.vstack(parts, format="csc"), np.concatenate(rhs), cones, settings
    ).solve()
    status = str(answer.status)
    if "PrimalInfeasible" in status:
        return Answer("infeasible", note=status)
    x = np.array(answer.x)
    near = np.isfinite(x).all() and np.abs(a @ x - b).max() < 1e-5 * (1 + np.abs(x).max())
    return Answer("found" if near else "unknown", x, note=status)
