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
from .workingset import WorkingSet

_SHIFTS = (1e-9, 1e-8, 3e-8, 1e-7, 3e-7, 1e-6, 3e-6, 1e-5, 1e-4, 1e-3)
_CLOSE = 2e-7  # a bound this close to the solver's value, relative to the objective, is kept as it is
_HALVINGS = 6
_DROPS = 6  # rounds of setting multipliers to 0 that came out negative


def upper_certificate(
    problem: Rows, a: Arrays, first: Solution, u: Units | None = None
) -> tuple[Fraction, dict[str, Any]] | None:
    """The smallest upper bound that could be certified, with the artefact that proves it; in units ``u`` if given."""
    u = u or units(a, first)
    few = _active(a, u, first)
    refused: list[list[Fraction]] = []  # balanced, of the right signs, but not feasible
    for shift in _shifts(a):
        for part in (few, a) if few is not None else (a,):
            solution = solve_in_units(part, u, dual=shift)
            if not solution.finite or (part is few and solution.value > first.value + (1e-9 + 4 * shift) * u.goal):
                continue
            multipliers = balanced(problem, part, solution.multipliers, u)
            if multipliers is None:
                continue
            found = prove(problem, multipliers)
            if found is None:
                refused.append(multipliers)
            elif float(found[0]) - first.value <= _CLOSE * u.goal:
                return found
            else:
                return _towards(problem, found, multipliers, refused)
    return None


def _towards(
    problem: Rows, found: tuple[Fraction, dict[str, Any]], inside: list[Fraction], refused: list[list[Fraction]]
) -> tuple[Fraction, dict[str, Any]]:
    """A smaller bound, on the way from feasible multipliers to such as are nearly so: all conditions are convex."""
    for outside in reversed(refused):
        for _ in range(_HALVINGS):
            middle = [(x + y) / 2 for x, y in zip(inside, outside, strict=True)]
            better = prove(problem, middle)
            if better is None or better[0] >= found[0]:
                break
            found, inside = better, middle
    return found


def _active(a: Arrays, u: Units, first: Solution) -> Arrays | None:
    """The problem with the rows that matter at the solution alone: the rest would only cost time; None if all do."""
    slack = ((a.gram * first.gram).sum(axis=(1, 2)) + a.values @ first.values + a.constant) / u.row
    price = first.multipliers * u.row / u.goal
    idle = a.idle | (~a.equality & (price < slack) & (price < 1e-4))
    return replace(a, idle=idle) if first.usable and int(idle.sum()) > int(a.idle.sum()) else None


def _shifts(a: Arrays) -> list[float]:
    """Large problems are solved less accurately: shifts below that accuracy would only cost time."""
    least = 0.0 if a.goal_gram.shape[0] < 15 else 1e-7
    return [shift for shift in _SHIFTS if shift >= least]


def certify_multipliers(
    problem: Rows, a: Arrays, multipliers: np.ndarray, u: Units
) -> tuple[Fraction, dict[str, Any]] | None:
    """Round float multipliers, repair the balance, prove the slack matrix positive semidefinite."""
    exact = balanced(problem, a, multipliers, u)
    return None if exact is None else prove(problem, exact)


def balanced(problem: Rows, a: Arrays, multipliers: np.ndarray, u: Units) -> list[Fraction] | None:
    """Rational multipliers near the solver's, of the right signs, for which function values cancel exactly."""
    unit = u.goal / u.row
    rounded = [
        dyadic(m if e else max(m, 0.0), 50 - int(np.floor(np.log2(max(abs(m), 1e-3 * one)))))
        if not idle
        else Fraction(0)
        for m, one, e, idle in zip(multipliers, unit, a.equality, a.idle, strict=True)
    ]
    columns, target = balance(problem, a)
    weight = np.where(a.idle, 0.0, np.abs(multipliers))
    for _ in range(_DROPS):
        repaired = repair(columns, target, rounded, weight)
        if repaired is None:
            return None
        negative = [k for k, m in enumerate(repaired) if m < 0 and not a.equality[k]]
        if not negative:
            return repaired
        for k in negative:  # the equations force these to 0, which the solver only approaches
            rounded[k], weight[k] = Fraction(0), 0.0
    return None


def prove(problem: Rows, multipliers: list[Fraction]) -> tuple[Fraction, dict[str, Any]] | None:
    """What exact multipliers prove, with the artefact, or None where they prove nothing.

    The artefact lists the rows that are used alone: what follows from fewer assumptions follows.
    """
    used = [k for k, m in enumerate(multipliers) if m]
    few, multipliers = problem.only(used), [multipliers[k] for k in used]
    if any(m < 0 and not row.equality for row, m in zip(few.rows, multipliers, strict=True)):
        return None
    form: dict[tuple[int, int], Fraction] = {k: -c for k, c in few.objective.gram.items()}
    for row, m in zip(few.rows, multipliers, strict=True):
        for k, c in row.expression.gram.items():
            form[k] = form.get(k, Fraction(0)) - m * c
    witness = psd_witness(congruence([coords for _, coords in few.vectors], form, len(few.basis)))
    if witness is None:
        return None
    plain, certificate = few.plain(), {"multipliers": [str(m) for m in multipliers], "psd": witness}
    try:
        value = check_upper(plain, certificate)
    except CertificateError:
        return None
    return value, {"kind": "upper", "value": str(value), "problem": plain, "certificate": certificate}


def lower_instance(
    work: WorkingSet, plain: dict[str, Any], first: Solution, cap: float | None = None
) -> tuple[Fraction, dict[str, Any]] | None:
    """The largest objective of an exactly feasible instance that was found, with that instance."""
    for shift in _shifts(work.arrays):

        def shifted(a: Arrays, shift: float = shift) -> Solution:
            return solve_in_units(a, units(a, first), primal=shift, cap=cap)

        solution = work.solve(shifted, accuracy=0.0)
        if not solution.finite:
            continue
        found = _round_instance(work.problem, plain, work.arrays.unbounded, solution)
        if found is not None:
            return found
    return None


def _round_instance(
    problem: Rows, plain: dict[str, Any], unbounded: list[int], solution: Solution
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
    for power in range(0, 40, 4) if unbounded else (0,):
        for u in unbounded:
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
