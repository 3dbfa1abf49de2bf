"""False worst-case certificates, made by hand from true ones: the checker refuses each."""

import copy
import json
from fractions import Fraction as Q
from pathlib import Path

import pytest

from gdverify.classes import convex, minimiser, monotone, smooth, zero
from gdverify.worstcase import CertificateError, Problem, certify_upper, check, check_belongs
from gdverify.worstcase.certify import lower_instance
from gdverify.worstcase.solve import solve_well
from gdverify.worstcase.workingset import WorkingSet

from .test_worstcase import CONVEX, CONVEX_TIGHT, DISTANCE, FUNCTION_GAP
from .test_worstcase import claim as stated_claim
from .test_worstcase import run as run_stated
from .test_worstcase_settings import A, claim, f, sq, x_star


def gradient_descent(steps, maximise=None):
    problem = Problem(claim(convex(f), smooth(f, 1), minimiser(f, x_star)), {})
    F = problem.function(f)
    s, x = problem.minimiser(F), problem.start()
    problem.equal(sq(x - s), 1)
    for _ in range(steps):
        x = x - F.grad(x)
    problem.maximise(F(x) - F(s))
    return problem


def resolvent():
    problem = Problem(claim(monotone(A), zero(A, x_star)), {})
    T = problem.operator(A)
    s, x = problem.zero(T), problem.start()
    problem.equal(sq(x - s), 1)
    y = T.resolvent(x, 1)
    problem.maximise(sq(y - x))
    return problem


def lower(problem):
    work = WorkingSet(problem.compile())
    plain = work.problem.plain()
    value, certificate = lower_instance(work, plain, work.solve(solve_well))
    return {"kind": "lower", "value": str(value), "problem": plain, "certificate": certificate}


TRUE = {
    "upper": certify_upper(gradient_descent(2))[1],
    "lower": lower(gradient_descent(2)),
    "operator": certify_upper(resolvent())[1],
}


def refused(artefact, word=None):
    with pytest.raises(CertificateError, match=word):
        check(json.loads(json.dumps(artefact)))


def changed(name, change):
    artefact = copy.deepcopy(TRUE[name])
    change(artefact)
    return artefact


def row(artefact, start):
    return next(r for r in artefact["problem"]["rows"] if r["label"].startswith(start))


def conditions(artefact):
    return [k for k, r in enumerate(artefact["problem"]["rows"]) if r.get("of")]


def drop(rows_of, index, with_multiplier):
    def change(artefact):
        k = rows_of(artefact)[index]
        del artefact["problem"]["rows"][k]
        if with_multiplier:
            del artefact["certificate"]["multipliers"][k]

    return change


def negative_multiplier(artefact):
    """Moves 1e-30 from one inequality to another, keeping the balance of function values."""
    multipliers = artefact["certificate"]["multipliers"]
    k = conditions(artefact)[0]
    multipliers[k] = str(-Q(1, 10**30))


def barely_indefinite(artefact):
    """A slack matrix that lacks 1e-30 at a zero pivot: objective + 1e-30 |v|^2 for a vector at which S vanishes."""
    problem = artefact["problem"]
    n = len(problem["basis"])
    problem["basis"].append("new")
    problem["vectors"].append(["new", [[n, "1"]]])
    problem["objective"]["gram"].append([len(problem["vectors"]) - 1] * 2 + [str(Q(1, 10**30))])
    psd = artefact["certificate"]["psd"]
    psd["lower"].append(["0"] * (n + 1))
    psd["diagonal"].append("0")


def swapped_indices(artefact):
    of = artefact["problem"]["rows"][conditions(artefact)[0]]["of"]
    of[2], of[3] = of[3], of[2]


def swapped_inequality(artefact):
    """The row says f_i - f_j >= <g_i, x_i - x_j> + ...: the tangent at the wrong point."""
    r = artefact["problem"]["rows"][conditions(artefact)[0]]
    r["values"] = [[k, str(-Q(c))] for k, c in r["values"]]


def constants(*pair):
    def change(artefact):
        artefact["problem"]["members"][0]["conditions"] = {"curvature": list(pair)}

    return change


def setter(value, *path):
    def change(artefact):
        at = artefact
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value

    return change


def better_value(artefact):
    artefact["value"] = str(Q(artefact["value"]) * (1 - Q(1, 10**30)))


def alias(artefact):
    """Coordinates counted from the end would overwrite one entry of the slack matrix by another."""
    for _, coords in artefact["problem"]["vectors"]:
        if len(coords) == 1:
            coords[0][0] -= len(artefact["problem"]["basis"])


def forged_equality(artefact):
    k = conditions(artefact)[0]
    artefact["problem"]["rows"][k]["equality"] = True


FALSE = {
    "a multiplier of -1e-30": ("upper", negative_multiplier),
    "slack matrix short of 1e-30": ("upper", barely_indefinite),
    "indices swapped": ("upper", swapped_indices),
    "inequality swapped": ("upper", swapped_inequality),
    "another class": ("upper", constants("0", "1/2")),
    "strongly convex instead": ("upper", constants("1/10", "1")),
    "mu above L": ("upper", constants("2", "1")),
    "mu equal to L": ("upper", constants("1", "1")),
    "mu below -L": ("upper", constants("-2", "1")),
    "negative L": ("upper", constants("-2", "-1")),
    "L zero": ("upper", constants("0", "0")),
    "mu missing": ("upper", constants(None, "1")),
    "no such condition": ("upper", setter({"convexity": ["0"]}, "problem", "members", 0, "conditions")),
    "condition of nobody": ("upper", setter([], "problem", "members")),
    "condition as an equality": ("upper", forged_equality),
    "value below the one proved": ("upper", better_value),
    "row dropped": ("upper", drop(conditions, 0, False)),
    "row and multiplier dropped": ("upper", drop(conditions, 0, True)),
    "start dropped": ("upper", drop(lambda a: [0], 0, True)),
    "zero denominator": ("upper", setter("1/0", "certificate", "multipliers", 1)),
    "not a number": ("upper", setter("nan", "certificate", "multipliers", 1)),
    "float not a number": ("upper", setter(float("nan"), "certificate", "multipliers", 1)),
    "infinity": ("upper", setter(float("inf"), "certificate", "multipliers", 1)),
    "float": ("upper", setter(0.5, "certificate", "multipliers", 1)),
    "boolean": ("upper", setter(True, "certificate", "multipliers", 1)),
    "huge exponent": ("upper", setter("1e999999999", "certificate", "multipliers", 1)),
    "huge integer": ("upper", setter("9" * 10**6, "certificate", "multipliers", 1)),
    "other digits": ("upper", setter("\u0661", "certificate", "multipliers", 1)),
    "equality as text": ("upper", setter("false", "problem", "rows", 1, "equality")),
    "positions from the end": ("upper", alias),
    "position out of range": ("upper", setter([[99, "1"]], "problem", "objective", "values")),
    "position twice": ("upper", setter([[0, "1"], [0, "1"]], "problem", "vectors", 1, 1)),
    "negative pivot": ("upper", setter("-1", "certificate", "psd", "diagonal", 0)),
    "members are no list": ("upper", setter(5, "problem", "members")),
    "instance without one condition": ("lower", drop(conditions, 3, False)),
    "instance of another class": ("lower", constants("0", "1/2")),
    "instance with a larger value": ("lower", setter("1", "value")),
    "instance not symmetric": ("lower", setter("1/7", "certificate", "gram", 0, 1)),
    "instance too long a start": ("lower", setter("2", "certificate", "gram", 0, 0)),
    "operator more than monotone": ("operator", setter({"cocoercive": ["1"]}, "problem", "members", 0, "conditions")),
    "operator less than monotone": ("operator", setter({"monotone": ["-1"]}, "problem", "members", 0, "conditions")),
    "operator of other constant": ("operator", setter({"monotone": ["1/2"]}, "problem", "members", 0, "conditions")),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE)
def test_the_originals_are_accepted(name):
    kind, value = check(TRUE[name])
    tight = {"upper": Q(1, 10), "lower": Q(1, 10), "operator": Q(1)}[name]
    assert (value >= tight) if kind == "upper" else (value <= tight)
    assert abs(value / tight - 1) < Q(1, 10**5)


@pytest.mark.parametrize("name", FALSE)
def test_false_certificates_are_refused(name):
    original, change = FALSE[name]
    refused(changed(original, change))


def test_a_condition_twice_proves_no_more():
    def twice(artefact):
        k = conditions(artefact)[0]
        artefact["problem"]["rows"].append(artefact["problem"]["rows"][k])
        artefact["certificate"]["multipliers"].append(artefact["certificate"]["multipliers"][k])

    refused(changed("upper", twice), "cancel")


def test_a_certificate_of_another_problem_is_refused(tmp_path):
    """Self-consistent, but not of the claim at its case: another step, number of steps, class, or start."""
    c = stated_claim(FUNCTION_GAP, CONVEX_TIGHT, *CONVEX, DISTANCE)
    case = {"L": Q(1), "mu": Q(1, 10), "gamma": Q(1), "T": 2}
    saved = json.loads(Path(run_stated(c, tmp_path, T=2).artefact).read_text())
    evidence = c.evidence[0]
    check_belongs(c, evidence, case, saved)
    for other in ({"gamma": Q(-1)}, {"gamma": Q(1, 2)}, {"T": 1}, {"L": Q(2)}, {"R": Q(2)}):
        with pytest.raises(CertificateError, match="another problem"):
            check_belongs(c, evidence, {**case, **other}, saved)
    forged = copy.deepcopy(saved)
    row(forged, "start")["constant"] = "-1/2"
    with pytest.raises(CertificateError, match="another problem"):
        check_belongs(c, evidence, case, forged)
