"""Decide a claim's bound at one case by its exact worst case."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..claim import Claim, Evidence
from ..errors import ClaimError, GdverifyError
from ..result import Outcome
from .basis import in_points
from .bounds import enclose
from .certify import certify_multipliers, lower_instance, prove, upper_certificate
from .checker import CertificateError, check_instance
from .magnitudes import simulated_units
from .problem import Problem
from .quadratics import best_quadratic
from .rows import Rows, exact
from .solve import Arrays, Solution, solve, solve_in_units, solve_well, units
from .tight import tight_certificate
from .workingset import WorkingSet

SCHEMA = "gdverify.worst-case/1"
_ATTEMPTS = ((solve, "sparse"), (solve_well, "sparse"), (solve_well, "stated"))  # the next for badly scaled problems
_Bound = tuple[Fraction, dict[str, Any]] | None
_CLOSE = 3e-7  # a certificate this close to the solver's value is kept
_PLAUSIBLE = 1e-3  # by how much a solver may miss a value, for another way of solving to be worth its time
_NEAR = 1e-6  # how close to the bound the worst case must be before an exactly tight certificate is looked for


def run_worst_case(
    claim: Claim, evidence: Evidence, case: Mapping[str, Any], save_dir: Path | str | None = None
) -> Outcome:
    """Certify the worst case of a claim at one case and compare it with the claim's bound, exactly.

    Parameters
    ----------
    claim : a claim whose decision has a ``bound``
    evidence : its worst-case evidence, ``function(problem, case)``
    case : exact values of the symbols
    save_dir : where certificates and counterexamples are written as JSON; ``Outcome.artefact`` is then the path

    Returns
    -------
    Outcome
        *pass*: a rational upper bound, checked exactly, is at most the claim's bound.  *fail*: an explicit instance,
        checked exactly, exceeds it.  *inconclusive*: neither.  *error*: the problem could not be stated.
        ``estimate`` is the worst case in floating point, ``interval`` the rigorous (lower, upper) ends,
        ``margin`` is bound/upper - 1.
    """
    began = time.perf_counter()
    try:
        outcome = _decide(claim, evidence, case, None if save_dir is None else Path(save_dir))
    except GdverifyError as error:
        outcome = Outcome("worst-case", evidence.name, "error", _plain(case), message=str(error))
    outcome.seconds = time.perf_counter() - began
    return outcome


def state_problem(claim: Claim, evidence: Evidence, case: Mapping[str, Any]) -> Problem:
    """The author's problem at a case, ready to compile."""
    problem = Problem(claim, case)
    evidence.function(problem, case)
    return problem


def check_belongs(claim: Claim, evidence: Evidence, case: Mapping[str, Any], artefact: Mapping[str, Any]) -> None:
    """Raise CertificateError unless a saved artefact speaks of the claim's own problem at the case.

    Its vectors, members and rows must be those that the evidence states; an upper bound may use a part of the rows.
    """
    rows = state_problem(claim, evidence, case).compile()
    given = artefact["problem"]
    for problem in (rows, rows.stated):
        if problem is None:
            continue
        plain = problem.plain()
        known = {json.dumps(row, sort_keys=True) for row in plain["rows"]}
        found = [json.dumps(row, sort_keys=True) for row in given["rows"]]
        same = all(given.get(part) == json.loads(json.dumps(plain[part])) for part in plain if part != "rows")
        if same and set(found) <= known and (artefact["kind"] == "upper" or set(found) == known):
            return
    raise CertificateError("the certificate is of another problem than the claim states")


def _decide(claim: Claim, evidence: Evidence, case: Mapping[str, Any], folder: Path | None) -> Outcome:
    expression = getattr(claim.decides, "bound", None)
    if expression is None:
        raise ClaimError(f"{claim.id}: a {claim.decides.kind} claim has no bound for a worst case to be compared with")
    problem = state_problem(claim, evidence, case)
    rows = problem.compile()
    low_bound, high_bound = enclose(expression, problem.numbers())
    upper = _supplied(problem, rows)
    first: Solution | None = None
    if upper is not None and upper[0] <= low_bound:  # decided: nothing is solved
        lower, instance, where = _quadratic_instance(problem, rows, rows.plain(), high_bound)
    else:
        work = WorkingSet(rows)
        first = work.solve(solve_well)
        upper = upper or _upper(problem, work, first, low_bound)
        lower, instance, where = _lower(problem, work, first, high_bound)

    outcome = Outcome("worst-case", evidence.name, "inconclusive", _plain({**case, **problem.observed}))
    outcome.bound, outcome.cited = _float(low_bound), rows.theorems
    ends = (_float(lower) if lower is not None else float("-inf"), _float(upper[0]) if upper else float("inf"))
    outcome.interval = ends if lower is not None and upper is not None else None
    if first is None:
        outcome.estimate = ends[1]
    else:
        outcome.estimate = first.value if first.usable else (ends[0] if lower is not None else None)
    if outcome.interval is not None and outcome.estimate is not None:
        outcome.estimate = min(max(outcome.estimate, ends[0]), ends[1])  # the solver's value is not rigorous, these are
    if upper is not None:
        outcome.margin = _float(low_bound / upper[0] - 1) if upper[0] > 0 else None
        outcome.steps.append({"rule": "dual certificate", "status": "checked exactly", "proves": f"<= {ends[1]:.9g}"})
    if lower is not None:
        outcome.steps.append({"rule": where, "status": "checked exactly", "proves": f">= {ends[0]:.9g}"})
    name = f"{claim.id}.{evidence.name}.{_slug(case)}"
    if lower is not None and lower > high_bound:
        outcome.verdict = "fail"
        outcome.message = f"worst case at least {ends[0]:.9g} ({where}), above the bound {_float(high_bound):.9g}"
        outcome.artefact = _save(folder, name, claim, evidence, case, instance)
    elif upper is not None and upper[0] <= low_bound:
        outcome.verdict = "pass"
        outcome.message = _describe_pass(low_bound, upper[0], lower, rows.exact)
        if first is None:
            outcome.message += "; multipliers in closed form, nothing solved"
        outcome.artefact = _save(folder, name, claim, evidence, case, upper[1])
        if instance:  # the worst function found, for `gdverify replay` and for experiments
            _save(folder, name, claim, evidence, case, instance)
    else:
        assert first is not None
        outcome.message = _describe_open(low_bound, upper, lower, first, rows.exact)
    return outcome


def _plain(case: Mapping[str, Any]) -> dict[str, Any]:
    return {k: str(v) if isinstance(v, Fraction) else v for k, v in case.items()}


def _supplied(problem: Problem, rows: Rows) -> tuple[Fraction, dict[str, Any]] | None:
    """The bound that the author's multipliers prove, if there are any."""
    if not problem.supplied:
        return None
    known = {r.label for r in rows.rows}
    if unknown := sorted(set(problem.supplied) - known):
        raise ClaimError(f"multipliers for {unknown[0]!r}, which is no row of the problem")
    found = prove(rows, [exact(problem.supplied.get(r.label, 0)) for r in rows.rows])
    if found is None:
        raise ClaimError("the supplied multipliers are no certificate: signs, balance or slack matrix are wrong")
    return found


def certify_upper(problem: Problem) -> tuple[Fraction, dict[str, Any]] | None:
    """The smallest upper bound that could be certified for a problem, with an artefact that `check` accepts.

    None where the solver did not deliver: there is then no bound, whatever the solver's float says.

    Raises
    ------
    ClaimError
        the problem cannot be stated, or supplied multipliers are wrong
    """
    rows = problem.compile()
    found = _supplied(problem, rows)
    if found is None:
        found = _searched(problem, rows)
    if found is None:
        return None
    return found[0], {"schema": SCHEMA, "claim": problem.claim.id, "case": _plain(problem.case), **found[1]}


def _searched(problem: Problem, rows: Rows) -> _Bound:
    """The smallest bound that one way or another of solving gives, up to one that is close to the solver's value."""
    found, close = None, False
    for method, coordinates in _ATTEMPTS:
        if coordinates == "stated" and rows.stated is None:
            continue
        work = WorkingSet(rows if coordinates == "sparse" else rows.stated or rows)
        first = work.solve(method)
        found = _smaller(found, upper_certificate(work.rows, work.arrays, first) if first.usable else None)
        close = found is not None and abs(float(found[0]) - first.value) <= _CLOSE * abs(first.value)
        if close:
            break
    if found is None or not close or _small(work, float(found[0])):
        found = _smaller(found, _in_simulated_units(problem, rows))
    return found


def _smaller(one: _Bound, other: _Bound) -> _Bound:
    if one is None or other is None:
        return one or other
    return one if one[0] <= other[0] else other


def _small(work: WorkingSet, value: float) -> bool:
    """Whether a value is too small, relative to what is assumed, for a solver that is not told so."""
    return abs(value) < 1e-3 * float(np.abs(work.arrays.constant).max(initial=0.0))


def _in_simulated_units(problem: Problem, rows: Rows) -> _Bound:
    """A certified bound found in the magnitudes of a simulation.

    In coordinates of the points: a late iterate is small, in others it would be a difference of large vectors.
    """
    rows = rows.stated or rows
    work = WorkingSet(in_points(rows) if rows.points else rows)
    if simulated_units(problem, work.rows, work.arrays) is None:
        return None

    def method(a: Arrays) -> Solution:
        u = simulated_units(problem, work.rows, a)
        assert u is not None
        return solve_in_units(a, u)

    first = work.solve(method)
    if not first.usable:
        return None
    return upper_certificate(work.rows, work.arrays, first, simulated_units(problem, work.rows, work.arrays))


def _upper(
    problem: Problem, work: WorkingSet, first: Solution, bound: Fraction
) -> tuple[Fraction, dict[str, Any]] | None:
    """A certified upper bound.  Without a solution there is none: contradictory constraints would prove anything."""
    if not first.usable:
        return _searched(problem, work.problem) if "Infeasible" not in first.status else None
    rows, a = work.rows, work.arrays
    found = upper_certificate(rows, a, first)
    if (found is None or found[0] > bound) and first.value <= float(bound) * (1 + _PLAUSIBLE):
        found = _smaller(found, _searched(problem, work.problem))
    if found is None:
        found = certify_multipliers(rows, a, first.multipliers, units(a, first))
    near = bound == 0 or abs(first.value - float(bound)) <= _NEAR * max(abs(first.value), abs(float(bound)))
    if near and (found is None or found[0] > bound):
        quadratic = None if rows.gauged else best_quadratic(problem)
        attained = quadratic.coordinates(rows) if quadratic is not None and quadratic.value == bound else None
        found = tight_certificate(rows, a, first, bound, attained) or found
    return found


def _lower(
    problem: Problem, work: WorkingSet, first: Solution, bound: Fraction
) -> tuple[Fraction | None, dict[str, Any], str]:
    """The best rigorous lower bound, the instance as an artefact, and what kind of instance it is."""
    work, first = work.as_stated(first)
    rows = work.problem
    plain = rows.plain()
    best, artefact, where = _quadratic_instance(problem, rows, plain, bound)
    if rows.exact:
        found = lower_instance(work, plain, first) if first.usable else None
        for cap in () if first.usable else (1e2, 1e4, 1e6):
            boxed = work.solve(partial(solve, cap=cap))
            found = (lower_instance(work, plain, boxed, cap) if boxed.usable else None) or found
            if found is not None and found[0] > bound:
                break
        if found is not None and (best is None or found[0] > best):
            best, where = found[0], "interpolable instance"
            artefact = {"kind": "lower", "value": str(found[0]), "problem": plain, "certificate": found[1]}
    return best, artefact, where


def _quadratic_instance(
    problem: Problem, rows: Rows, plain: dict[str, Any], bound: Fraction
) -> tuple[Fraction | None, dict[str, Any], str]:
    """The best one-dimensional quadratic, where there is one."""
    quadratic = None if rows.gauged else best_quadratic(problem, bound)
    if quadratic is None:
        return None, {}, ""
    instance = quadratic.instance(rows)
    best = check_instance(plain, instance)
    return best, {"kind": "lower", "value": str(best), "problem": plain, "certificate": instance}, str(quadratic)


def _describe_pass(bound: Fraction, upper: Fraction, lower: Fraction | None, interpolable: bool) -> str:
    if upper <= 0:
        return "certified"
    text = f"worst case at most {_float(upper):.9g}, certified exactly"
    if not interpolable:
        return text + "; upper bound only: no interpolation theorem for this class"
    if lower is not None and lower > 0:
        least, most = _float(bound / upper), _float(bound / lower)
        text += f"; tight to {most - 1:.1g}" if least < 1 + 1e-6 else f"; loose by a factor {least:.6g}..{most:.6g}"
    return text


def _describe_open(bound: Fraction, upper: Any, lower: Fraction | None, first: Solution, interpolable: bool) -> str:
    if upper is None:
        kind = "unbounded or not solved" if not first.usable else "no exact certificate could be made"
        return f"no upper bound ({kind}: {first.status})" + (
            "" if lower is None else f"; worst case at least {_float(lower):.9g}"
        )
    excess = _float(upper[0] / bound - 1) if bound > 0 else float("inf")
    text = f"certified upper bound exceeds the claim's by {excess:.2g} relative"
    if abs(excess) < 1e-6 and lower is not None and bound > 0:
        text += (
            f", worst case within {abs(1 - _float(lower / bound)):.2g} of it: tight, not decided by this certificate"
        )
    elif not interpolable:
        text += "; the class has no interpolation theorem, so the bound may still hold"
    return text


def _save(
    folder: Path | None,
    name: str,
    claim: Claim,
    evidence: Evidence,
    case: Mapping[str, Any],
    artefact: dict[str, Any],
) -> str | None:
    from .. import __version__

    if folder is None:
        return None
    record = {
        "schema": SCHEMA,
        "claim": claim.id,
        "evidence": evidence.name,
        "case": _plain(case),
        "gdverify": __version__,
        **artefact,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.{artefact['kind']}.json"
    path.write_text(json.dumps(record, indent=1))
    return str(path)


def _slug(case: Mapping[str, Any]) -> str:
    return re.sub(r"[^A-Za-z0-9.=_-]+", "_", "_".join(f"{k}={v}" for k, v in case.items())) or "case"


def _float(x: Fraction) -> float:
    try:
        return float(x)
    except OverflowError:
        return float("inf") if x > 0 else float("-inf")
