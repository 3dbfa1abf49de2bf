"""From the solver's floats to exact certificates and exact instances.

Upper bound: the dual of a problem with a slightly larger objective is strictly feasible for the problem itself, so
that rounding it to rationals and repairing the linear balance leaves it feasible.  Instance: likewise the primal of a
problem with slightly tighter constraints.  Both are then checked by `gdverify.worstcase.checker`.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from .checker import CertificateError, check_instance, check_upper
from .rounding import congruence, dyadic, psd_witness, repair
from .rows import Rows
from .solve import Arrays, Solution, Units, solve_in_units, units

_SHIFTS = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
_DROPS = 6  # rounds of setting multipliers to 0 that came out negative


def upper_certificate(problem: Rows, plain: dict[str, Any], a: Arrays, first: Solution) -> tuple[Fraction, dict] | None:
    """The smallest upper bound that could be certified, with its certificate."""
    u = units(a, first)
    few = _active(a, u, first)
    for shift in _SHIFTS[_first_shift(a) :]:
        found = None
        if few is not None:
            trial = solve_in_units(few, u, dual=shift)
            if trial.finite and trial.value <= first.value + (1e-9 + 4 * shift) * u.goal:
                found = certify_multipliers(problem, plain, few, trial.multipliers)
        if found is None:
            solution = solve_in_units(a, u, dual=shift)
            if not solution.finite:
                continue
            found = certify_multipliers(problem, plain, a, solution.multipliers)
        if found is not None:
            return found
    return None


def _active(a: Arrays, u: Units, first: Solution) -> Arrays | None:
    """The problem with the rows that matter at the solution alone: the rest would only cost time; None if all do."""
    slack = ((a.gram * first.gram).sum(axis=(1, 2)) + a.values @ first.values + a.constant) / u.row
    price = first.multipliers * u.row / u.goal
    idle = a.idle | (~a.equality & (price < slack) & (price < 1e-4))
    return replace(a, idle=idle) if first.usable and int(idle.sum()) > int(a.idle.sum()) else None


def _first_shift(a: Arrays) -> int:
    """Large problems are solved less accurately: shifts below that accuracy would only cost time."""
    n = a.goal_gram.shape[0]
    return 0 if n < 15 else 2


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
    columns, target = balance(problem, a)
    weight = np.where(a.idle, 0.0, np.abs(multipliers))
    for _ in range(_DROPS):
        repaired = repair(columns, target, rounded, weight)
        if repaired is None:
            return None
        negative = [k for k, m in enumerate(repaired) if m < 0 and not a.equality[k]]
        if not negative:
            return prove(problem, plain, repaired)
        for k in negative:  # the equations force these to 0, which the solver only approaches
            rounded[k], weight[k] = Fraction(0), 0.0
    return None


def prove(problem: Rows, plain: dict[str, Any], multipliers: list[Fraction]) -> tuple[Fraction, dict] | None:
    """The certificate of exact multipliers, or None where they prove nothing."""
    try:
        form: dict[tuple[int, int], Fraction] = {k: -c for k, c in problem.objective.gram.items()}
        for row, m in zip(problem.rows, multipliers, strict=True):
            if m < 0 and not row.equality:
                return None
            if m:
                for k, c in row.expression.gram.items():
                    form[k] = form.get(k, Fraction(0)) - m * c
        witness = psd_witness(congruence([coords for _, coords in problem.vectors], form, len(problem.basis)))
        if witness is None:
            return None
        certificate = {"multipliers": [str(m) for m in multipliers], "psd": witness}
        return check_upper(plain, certificate), certificate
    except CertificateError:
        return None


def lower_instance(
    problem: Rows, plain: dict[str, Any], a: Arrays, first: Solution, cap: float | None = None
) -> tuple[Fraction, dict] | None:
    """The largest objective of an exactly feasible instance that was found, with that instance."""
    u = units(a, first)
    for shift in _SHIFTS[_first_shift(a) :]:
        solution = solve_in_units(a, u, primal=shift, cap=cap)
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


def balance(problem: Rows, a: Arrays) -> tuple[list[dict[int, Fraction]], list[Fraction]]:
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
