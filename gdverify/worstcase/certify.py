"""From the solver's floats to exact certificates and exact instances.

Upper bound: the dual of a problem with a slightly larger objective is strictly feasible for the problem itself, so
that rounding it to rationals and repairing the linear balance leaves it feasible.  Instance: likewise the primal of a
problem with slightly tighter constraints.  Both are then checked by `gdverify.worstcase.checker`.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from .checker import CertificateError, check_instance, check_upper, slack_matrix
from .rounding import dyadic, psd_witness, repair
from .rows import Rows
from .solve import Arrays, Solution, solve

_SHIFTS = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)


def upper_certificate(problem: Rows, plain: dict[str, Any], a: Arrays, first: Solution) -> tuple[Fraction, dict] | None:
    """The smallest upper bound that could be certified, with its certificate."""
    n = max(len(problem.basis), 1)
    size = _sizes(a, first)
    for shift in _SHIFTS:
        solution = solve(a, dual_shift=shift * max(abs(first.value), 1e-12) / (n * size))
        if not solution.finite:
            continue
        found = certify_multipliers(problem, plain, a, solution.multipliers)
        if found is not None:
            return found
    return None


def certify_multipliers(
    problem: Rows, plain: dict[str, Any], a: Arrays, multipliers: np.ndarray
) -> tuple[Fraction, dict] | None:
    """Round float multipliers, repair the balance, prove the slack matrix positive semidefinite."""
    scale = max(float(np.abs(multipliers).max(initial=0.0)), 1e-300)
    bits = 50 - int(np.floor(np.log2(scale)))
    rounded = [
        dyadic(m if e else max(m, 0.0), bits) if not idle else Fraction(0)
        for m, e, idle in zip(multipliers, a.equality, a.idle, strict=True)
    ]
    columns, target = _balance(problem, a)
    repaired = repair(columns, target, rounded, np.where(a.idle, 0.0, np.abs(multipliers)))
    return None if repaired is None else prove(plain, repaired)


def prove(plain: dict[str, Any], multipliers: list[Fraction]) -> tuple[Fraction, dict] | None:
    """The certificate of exact multipliers, or None where they prove nothing."""
    try:
        slack, _ = slack_matrix(plain, multipliers)
        witness = psd_witness(slack)
        if witness is None:
            return None
        certificate = {"multipliers": [str(m) for m in multipliers], "psd": witness}
        return check_upper(plain, certificate), certificate
    except CertificateError:
        return None


def tight_certificate(
    problem: Rows, plain: dict[str, Any], a: Arrays, first: Solution, limit: Fraction
) -> tuple[Fraction, dict] | None:
    """An exact certificate of ``limit``, the tight value itself: few rows, multipliers with small denominators."""
    kept = a.idle.copy()
    tolerance = 1e-7 * max(abs(first.value), 1e-12)
    multipliers = first.multipliers
    chunk = max(1, len(kept) // 4)
    while chunk:
        order = [r for r in np.argsort(np.abs(multipliers)) if not kept[r] and not a.equality[r]]
        dropped = False
        for start in range(0, len(order), chunk):
            trial = kept.copy()
            trial[order[start : start + chunk]] = True
            solution = solve(_with_idle(a, trial))
            if solution.usable and solution.value <= first.value + tolerance:
                kept, multipliers, dropped = trial, solution.multipliers, True
        chunk = chunk // 2 if not dropped or chunk > 1 else 0
    for denominator in (20, 200, 2000, 20000):
        nice = [
            Fraction(0) if idle else Fraction(float(m)).limit_denominator(denominator)
            for m, idle in zip(multipliers, kept, strict=True)
        ]
        found = prove(plain, nice)
        if found is not None and found[0] <= limit:
            return found
    return None


def lower_instance(
    problem: Rows, plain: dict[str, Any], a: Arrays, first: Solution, cap: float | None = None
) -> tuple[Fraction, dict] | None:
    """The largest objective of an exactly feasible instance that was found, with that instance."""
    size = _sizes(a, first)
    values = np.maximum(np.abs(first.values), 1e-9)
    scale = np.sqrt(size)
    row_size = (
        (np.abs(a.gram) * np.outer(scale, scale)).sum(axis=(1, 2)) + np.abs(a.values) @ values + np.abs(a.constant)
    )
    for shift in _SHIFTS:
        solution = solve(a, primal_shift=(shift * size, shift * row_size), cap=cap)
        if not solution.finite:
            continue
        found = _round_instance(problem, plain, a, solution)
        if found is not None:
            return found
    return None


def _round_instance(
    problem: Rows, plain: dict[str, Any], a: Arrays, solution: Solution
) -> tuple[Fraction, dict[str, Any]] | None:
    n, m = len(problem.basis), len(problem.values)
    pairs = [(i, j) for j in range(n) for i in range(j + 1)]
    proposal = np.array([solution.gram[i, j] for i, j in pairs] + list(solution.values))
    bits = 52 - int(np.floor(np.log2(max(float(np.abs(proposal).max(initial=0.0)), 1e-300))))
    exact = [dyadic(v, bits + 8) for v in proposal]
    equal = [k for k, r in enumerate(problem.rows) if r.equality]
    if equal:
        columns: list[dict[int, Fraction]] = [{} for _ in exact]
        for e, k in enumerate(equal):
            matrix = _matrix(problem, problem.rows[k].expression.gram)
            for c, (i, j) in enumerate(pairs):
                if (w := matrix.get((i, j), Fraction(0))) != 0:
                    columns[c][e] = w
            for u, w in problem.rows[k].expression.values.items():
                columns[len(pairs) + u][e] = w
        target = [-problem.rows[k].expression.constant for k in equal]
        repaired = repair(columns, target, exact, np.maximum(np.abs(proposal), 1e-9))
        if repaired is None:
            return None
        exact = repaired
    gram = [[Fraction(0)] * n for _ in range(n)]
    for (i, j), entry in zip(pairs, exact, strict=False):
        gram[i][j] = gram[j][i] = entry
    for power in range(0, 40, 4) if a.unbounded else (0,):
        for u in a.unbounded:
            gram[u][u] = Fraction(10) ** power
        witness = psd_witness(gram)
        if witness is None:
            continue
        instance = {
            "gram": [[str(c) for c in line] for line in gram],
            "values": [str(v) for v in exact[len(pairs) : len(pairs) + m]],
            "psd": witness,
        }
        try:
            return check_instance(plain, instance), instance
        except CertificateError:
            continue
    return None


def _sizes(a: Arrays, solution: Solution) -> np.ndarray:
    """Typical squared norms of the basis vectors, bounded away from 0 by what the rows let them contribute."""
    coefficient = np.abs(np.diagonal(a.gram, axis1=1, axis2=2)).max(axis=0, initial=0.0)
    natural = abs(solution.value) / np.where(coefficient > 0, coefficient, 1.0) if solution.usable else 0.0
    return np.maximum(np.maximum(np.abs(np.diag(solution.gram)), 1e-2 * natural), 1e-12)


def _with_idle(a: Arrays, idle: np.ndarray) -> Arrays:
    return Arrays(**{**a.__dict__, "idle": idle})


def _balance(problem: Rows, a: Arrays) -> tuple[list[dict[int, Fraction]], list[Fraction]]:
    """Equations that multipliers must satisfy exactly: function values cancel, so do products of unbounded vectors."""
    m, n = len(problem.values), len(problem.basis)
    extra: dict[tuple[int, int], int] = {}
    for v in a.unbounded:
        for u in range(n):
            extra.setdefault((min(u, v), max(u, v)), m + len(extra))
    columns = []
    for row, idle in zip(problem.rows, a.idle, strict=True):
        column = {} if idle else dict(row.expression.values)
        if extra and not idle:
            for pair, c in _matrix(problem, row.expression.gram).items():
                if pair in extra and c:
                    column[extra[pair]] = c
        columns.append(column)
    target = [-problem.objective.values.get(k, Fraction(0)) for k in range(m)] + [Fraction(0)] * len(extra)
    if extra:
        for pair, c in _matrix(problem, problem.objective.gram).items():
            if pair in extra:
                target[extra[pair]] = -c
    return columns, target


def _matrix(problem: Rows, gram: Any) -> dict[tuple[int, int], Fraction]:
    """A form on all vectors as coefficients of basis products G_ij, i <= j."""
    out: dict[tuple[int, int], Fraction] = {}
    for (a, b), c in gram.items():
        for i, u in problem.vectors[a][1].items():
            for j, v in problem.vectors[b][1].items():
                key = (min(i, j), max(i, j))
                out[key] = out.get(key, Fraction(0)) + c * u * v
    return out
