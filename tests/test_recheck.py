"""The independent checker: real certificates pass, damaged ones do not."""

from __future__ import annotations

import ast
import copy
import json
import sys
from pathlib import Path

import pytest

import gdverify.recheck
from gdverify.discover import select
from gdverify.kernel.export import certificate, finished
from gdverify.recheck import Malformed, Rejected, Unknown, recheck_data
from gdverify.recheck.__main__ import main, recheck_file


def exported(name):
    claim = select([name])[0].claim
    evidence = next(e for e in claim.evidence if e.kind == "derivation")
    return finished(json.loads(json.dumps(certificate(claim, evidence))))


@pytest.fixture(scope="module")
def pl():
    return exported("handbook.gd-pl")


ATTACKED = ["handbook.gd-pl", "deq.well-conditioned-upper"]


@pytest.fixture(scope="module", params=ATTACKED)
def valid(request):
    return exported(request.param)


def rejected(data):
    """Whether the checker refuses; anything but a refusal is an error of the checker."""
    try:
        recheck_data({k: v for k, v in data.items() if k != "digest"} if isinstance(data, dict) else data)
    except (Malformed, Rejected, Unknown):
        return True
    return False


def spots(data, path=()):
    """Paths of all numbers, written as such or as p/q."""
    if isinstance(data, bool) or data is None:
        return
    if isinstance(data, int) or (isinstance(data, str) and data.lstrip("-").replace("/", "").isdigit()):
        yield path
    elif isinstance(data, dict):
        for k, v in data.items():
            yield from spots(v, (*path, k))
    elif isinstance(data, list):
        for k, v in enumerate(data):
            yield from spots(v, (*path, k))


def at(data, path):
    for k in path:
        data = data[k]
    return data


def damaged(data, path, value):
    out = copy.deepcopy(data)
    at(out, path[:-1])[path[-1]] = value
    return out


def test_valid_certificates_pass(valid):
    report = recheck_data(valid)
    assert report.steps == len(valid["steps"])
    assert report.cited == []


def test_a_domain_cannot_be_changed_in_silence(valid):
    """Another domain is another theorem: it is refused, or it is what the report then states."""
    said = recheck_data(valid).symbols
    for path in spots({"symbols": [s for s in valid["symbols"] if not s.get("generic")]}):
        with pytest.raises(Rejected, match="not those"):
            recheck_data(damaged(valid, path, 7))
        changed = damaged(valid, path, at(valid, path) - 1 if isinstance(at(valid, path), int) else "1/7")
        del changed["digest"]  # or made to fit: then it is another, and the report says what it is about
        if not rejected(changed):
            report = recheck_data(changed)
            assert report.symbols != said and report.digest != valid["digest"]


def test_every_step_is_needed_and_in_order(valid):
    steps = valid["steps"]
    for k in range(len(steps)):
        assert rejected({**valid, "steps": steps[:k] + steps[k + 1 :]})
        for j in range(k):
            swapped = list(steps)
            swapped[j], swapped[k] = swapped[k], swapped[j]
            assert rejected({**valid, "steps": swapped})


def test_premises_must_be_declared(valid):
    """A fact that a rule names must be among its premises."""
    for k, step in enumerate(valid["steps"]):
        for n in step.get("witness", {}).get("uses", []):
            fewer = copy.deepcopy(valid)
            fewer["steps"][k]["premises"].remove(n)
            assert rejected(fewer)


def test_an_equation_is_in_force_in_its_own_step_alone():
    n, a = ["sym", "n"], ["mat", "A", ["sym", "n"], ["sym", "n"]]
    given = {"left": a, "relation": "==", "right": ["id", n]}
    wanted = {"left": ["trace", a], "relation": "==", "right": n}
    data = one_step("identity", wanted["left"], "==", n, using=[1])
    first = {"n": 1, "rule": "assumption", "name": "one", "premises": [], "conclusion": given}
    data |= {"symbols": [{"name": "n", "low": 1, "integer": True}], "concluded": [2]}
    data |= {"assumptions": [{"name": "one", "relations": [given]}]}
    second = {**data["steps"][0], "n": 2, "premises": [1]}
    data["steps"] = [first, second]
    assert not rejected(data)
    third = {**second, "n": 3, "premises": [], "witness": {"using": []}}
    twice = {**data, "steps": [first, second, third], "propositions": [wanted, wanted], "concluded": [2, 3]}
    assert rejected(twice)


def test_conclusions_cannot_be_exchanged(valid):
    for k, step in enumerate(valid["steps"]):
        for other in valid["steps"]:
            if other["conclusion"] != step["conclusion"]:
                assert rejected(damaged(valid, ("steps", k, "conclusion"), other["conclusion"]))


def test_relations_cannot_be_sharpened(valid):
    by_number = {s["n"]: s["conclusion"]["relation"] for s in valid["steps"]}
    for k, step in enumerate(valid["steps"]):
        if step["premises"] and all(by_number[n] == "==" for n in step["premises"]):
            continue  # an inequality shown from equalities may well be one
        for relation in {">=": (">", "=="), ">": ("==",), "==": ("!=", "->")}.get(step["conclusion"]["relation"], ()):
            assert rejected(damaged(valid, ("steps", k, "conclusion", "relation"), relation))


def test_a_rule_cannot_be_renamed(pl):
    """No rule stands in for another, but for the sign prover, which may find the same."""
    assert pl["steps"][3]["rule"] == "domain"
    for k, step in list(enumerate(pl["steps"]))[3:-1:2]:
        for rule in gdverify.recheck.RULES:
            if rule not in (step["rule"], "cite", "sign"):
                assert rejected(damaged(pl, ("steps", k, "rule"), rule)), (step["n"], step["rule"], rule)


def test_an_open_hypothesis_is_refused(pl):
    (k,) = [k for k, s in enumerate(pl["steps"]) if s["rule"] == "induction"]
    assert rejected(damaged(pl, ("steps", k, "witness", "discharge"), []))
    (h,) = [k for k, s in enumerate(pl["steps"]) if s["rule"] == "suppose"]
    assert rejected(damaged(pl, ("steps", h, "rule"), "assumption"))


def test_an_added_assumption_is_shown(pl):
    """Assuming what is to be proved goes through only if it is listed, and then it is printed."""
    goal = pl["propositions"][0]
    short = {
        **{k: v for k, v in pl.items() if k != "digest"},
        "steps": [{"n": 1, "rule": "assumption", "name": "wish", "premises": [], "conclusion": goal}],
    }
    short["concluded"] = [1]
    short["symbols"] = [s for s in pl["symbols"] if not s.get("generic")]
    assert rejected(short)
    wish = {"name": "wish", "relations": [goal]}
    report = recheck_data({**short, "assumptions": [wish]})
    assert [name for name, _ in report.assumptions] == ["wish"]
    cited = copy.deepcopy(short)
    cited["steps"][0] |= {"rule": "cite", "reference": "nowhere"}
    cited["assumptions"] = []
    assert recheck_data(cited).cited


def test_an_unknown_rule_is_never_a_pass(pl, tmp_path, capsys):
    strange = damaged(pl, ("steps", 3, "rule"), "magic")
    with pytest.raises(Unknown, match="magic at step"):
        recheck_data(strange)
    file = tmp_path / "c.json"
    file.write_text(json.dumps(strange))
    assert recheck_file(file) == 3
    assert "not rechecked" in capsys.readouterr().err


def deep(n):
    return "[" * n + "1" + "]" * n


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '{"schema": "gdverify.certificate/1"}',
        '{"schema": "gdverify.certificate/1", "claim": NaN}',
        deep(200_000),
        '{"schema": "gdverify.certificate/1", "claim": "a.b", "propositions": [{"left": ' + deep(900) + "}]}",
        '{"schema": "gdverify.worst-case/1"}',
        '{"schema": "gdverify.worst-case/1", "kind": "upper", "value": "1e999999999"}',
    ],
)
def test_malformed_files_take_one_line(tmp_path, capsys, text):
    file = tmp_path / "bad.json"
    file.write_text(text)
    assert main([str(file)]) == 2
    out = capsys.readouterr()
    assert out.out == "" and out.err.count("\n") == 1


@pytest.mark.parametrize(
    "expression",
    [1.5, None, {}, [], ["eval", "1"], ["sym"], ["sym", 3], ["+", "x"], "1/0", "0x10", "1e9", ["^", 2, 3, 4], True],
)
def test_odd_expressions_are_malformed(pl, expression):
    with pytest.raises(Malformed):
        recheck_data(damaged(pl, ("steps", 0, "conclusion", "left"), expression))


def test_time_is_bounded(pl, tmp_path, capsys, monkeypatch):
    file = tmp_path / "c.json"
    file.write_text(json.dumps(pl))
    monkeypatch.setattr("gdverify.recheck.certificate.MAX_SECONDS", -1)
    assert recheck_file(file) == 3
    assert "time limit" in capsys.readouterr().err


def test_a_file_without_digest_is_refused(pl, tmp_path):
    file = tmp_path / "c.json"
    file.write_text(json.dumps(pl))
    assert recheck_file(file) == 0
    file.write_text(json.dumps({k: v for k, v in pl.items() if k != "digest"}))
    assert recheck_file(file) == 2
    file.write_text(json.dumps({**pl, "digest": "0" * 64}))
    assert recheck_file(file) == 1


def test_huge_powers_are_refused(pl):
    tower = ["^", ["+", ["sym", "L"], 1], 10**9]
    assert rejected(damaged(pl, ("steps", 4, "conclusion", "left"), tower))
    assert rejected(damaged(pl, ("steps", 4, "conclusion", "left"), ["^", 7, 10**12]))


# -- false steps that look right ------------------------------------------------------------------------------------

REALS = [{"name": "x"}, {"name": "y"}, {"name": "p", "low": 0, "low_open": True}]
X, Y, P = ["sym", "x"], ["sym", "y"], ["sym", "p"]


F_K, G_K = (["fun", name, ["sym", "k"]] for name in "fg")
INVERSES, ALL_INVERSES = (["sum", ["^", F_K, -1], "k", 1, high] for high in (4, ["oo"]))
ONE_P = ["^", ["+", 1, P], -1]


def one_step(rule, left, relation, right, **witness):
    conclusion = {"left": left, "relation": relation, "right": right}
    return {
        "schema": "gdverify.certificate/1",
        "claim": "a.b",
        "propositions": [conclusion],
        "symbols": REALS,
        "defines": [],
        "assumptions": [],
        "steps": [
            {"n": 1, "rule": rule, "premises": [], "conclusion": conclusion} | ({"witness": witness} if witness else {})
        ],
        "concluded": [1],
    }


@pytest.mark.parametrize(
    ("left", "right", "true"),
    [
        (["^", ["+", X, Y], 2], ["+", ["^", X, 2], ["*", 2, X, Y], ["^", Y, 2]], True),
        (["^", ["^", P, 2], "1/2"], P, True),
        (["^", ["^", X, 2], "1/2"], X, False),
        (["^", ["^", X, 2], "1/2"], ["abs", X], False),  # true, but nothing here says so
        (["*", X, ["^", X, -1]], 1, False),
        (["*", P, ["^", P, -1]], 1, True),
        (["^", 8, "1/2"], ["*", 2, ["^", 2, "1/2"]], True),
        (["^", ["+", P, ["*", -1, P]], "1/2"], 0, True),
        (["^", ["+", P, ["*", -1, P]], "-1/2"], 0, False),
        (["exp", ["+", X, Y]], ["*", ["exp", X], ["exp", Y]], True),
        (["exp", ["*", X, ["log", P]]], ["^", P, X], True),
        (["exp", ["*", X, ["log", Y]]], ["^", Y, X], False),
        (["^", ["*", X, Y], "1/2"], ["*", ["^", X, "1/2"], ["^", Y, "1/2"]], False),
        (["mean", ["*", P, ["fun", "f", X]]], ["*", P, ["mean", ["fun", "f", X]]], True),
        (["mean", ["^", ["fun", "f", X], 2]], ["^", ["mean", ["fun", "f", X]], 2], False),
        (["sum", ["*", X, ["sym", "k"]], "k", 1, 4], ["*", X, ["sum", ["sym", "k"], "k", 1, 4]], True),
        (["sum", ["sym", "k"], "k", 1, ["oo"]], ["*", 2, ["sum", ["*", "1/2", ["sym", "k"]], "k", 1, ["oo"]]], False),
        (["sum", 1, "k", 1, 5], 5, True),
        (["sum", 1, "k", 5, 1], -3, False),
        (["+", ["^", X, 2], "1/1000000000000"], ["^", X, 2], False),
        (["abs", ["*", -1, P]], ["*", -1, P], False),
        (["abs", ["+", -1, ["*", -2, P]]], ["+", 1, ["*", 2, P]], True),
        (["abs", ["+", 1, ["*", -2, P]]], ["+", -1, ["*", 2, P]], False),
        # exp(a + b/f) is exp(a) exp(b/f)
        (["exp", ["*", P, ONE_P]], ["*", ["exp", 1], ["exp", ["*", -1, ONE_P]]], True),
        (["exp", ["*", P, ONE_P]], ["*", ["exp", -1], ["exp", ["*", -1, ONE_P]]], False),
        (["exp", ["*", P, ONE_P]], ["*", ["exp", 1], ["exp", ONE_P]], False),
        (["exp", ["*", P, ONE_P]], ["exp", 1], False),
        (["exp", ["*", ["^", P, 2], ["^", ONE_P, 2]]], ["exp", ["+", 1, ["*", -2, ONE_P], ["^", ONE_P, 2]]], True),
        (["exp", ["*", ["^", P, 2], ["^", ONE_P, 2]]], ["exp", ["+", 1, ["*", -2, ONE_P]]], False),
        (["exp", ["+", ["*", X, P, ONE_P], ["*", X, ONE_P]]], ["exp", X], True),
        (["exp", ["+", ["*", X, P, ONE_P], ["*", Y, ONE_P]]], ["exp", X], False),
        (
            ["exp", ["*", X, ["^", ["+", 1, X], -1]]],
            ["*", ["exp", 1], ["exp", ["*", -1, ["^", ["+", 1, X], -1]]]],
            False,
        ),
        (
            ["sum", ["exp", ["+", F_K, ["*", X, P, ONE_P]]], "k", 1, 4],
            ["*", ["exp", ["+", X, ["*", -1, X, ONE_P]]], ["sum", ["exp", F_K], "k", 1, 4]],
            True,
        ),
        (
            ["sum", ["exp", ["+", F_K, ["*", X, F_K, ONE_P]]], "k", 1, 4],
            ["*", ["exp", ["*", X, ONE_P]], ["sum", ["exp", F_K], "k", 1, 4]],
            False,
        ),
        (["^", P, ["*", P, ONE_P]], ["*", P, ["^", P, ["*", -1, ONE_P]]], True),
        (["^", P, ["*", P, ONE_P]], ["*", P, ["^", P, ONE_P]], False),
        (["exp", ["*", 4, P, ONE_P, ["log", P]]], ["^", P, ["*", 4, P, ONE_P]], True),
        # what is summed may divide by zero: terms are summed as they are written, factors with a value come out
        (["sum", ["+", ["^", F_K, -1], G_K], "k", 1, 4], ["+", INVERSES, ["sum", G_K, "k", 1, 4]], True),
        (["sum", ["+", ["^", F_K, -1], G_K], "k", 1, 4], ["+", INVERSES, ["sum", G_K, "k", 1, 5]], False),
        (["sum", ["+", ["^", F_K, -1], G_K], "k", 1, ["oo"]], ["+", ALL_INVERSES, ["sum", G_K, "k", 1, ["oo"]]], False),
        (["sum", ["*", X, ["^", F_K, -1]], "k", 1, 4], ["*", X, INVERSES], True),
        (["sum", ["*", X, ["^", F_K, -1]], "k", 1, 4], ["*", Y, INVERSES], False),
        (["sum", ["*", ["^", X, -1], ["^", F_K, -1]], "k", 1, 4], ["*", ["^", X, -1], INVERSES], False),
        (["sum", ["*", ["sym", "k"], ["^", F_K, -1]], "k", 1, 4], ["*", 4, INVERSES], False),
        (["sum", ["*", X, ["^", F_K, -1]], "k", 1, ["oo"]], ["*", X, ALL_INVERSES], False),
        (["sum", ["*", G_K, ["^", F_K, -1], F_K], "k", 1, 4], ["sum", G_K, "k", 1, 4], False),
        (["sum", ["*", X, ["+", 1, ["^", F_K, -1]]], "k", 1, 4], ["+", ["*", 4, X], ["*", X, INVERSES]], True),
        (
            ["sum", ["*", -2, ["^", F_K, -1], G_K], "k", 1, 4],
            ["*", -2, ["sum", ["*", ["^", F_K, -1], G_K], "k", 1, 4]],
            True,
        ),
        (
            ["sum", ["*", -2, ["^", F_K, -1], G_K], "k", 1, 4],
            ["*", 2, ["sum", ["*", ["^", F_K, -1], G_K], "k", 1, 4]],
            False,
        ),
        (
            ["sum", ["*", -2, ["^", F_K, -1], G_K], "k", 1, 4],
            ["*", -2, ["sum", ["*", ["^", F_K, -1], G_K], "k", 1, 5]],
            False,
        ),
        (["sum", ["*", -2, ["^", F_K, -1]], "k", 1, 4], ["*", -2, ["sum", ["^", F_K, -1], "k", 1, 4]], True),
        (["sum", ["*", -2, ["^", F_K, -1]], "k", 1, 4], ["*", -2, ["sum", ["^", F_K, -2], "k", 1, 4]], False),
        (["sum", ["*", 2, ["^", F_K, -1]], "k", 1, ["oo"]], ["*", 2, ["sum", ["^", F_K, -1], "k", 1, ["oo"]]], False),
        (["sum", ["*", F_K, ["^", F_K, -1]], "k", 1, 4], 4, False),
    ],
)
def test_identities(left, right, true):
    assert rejected(one_step("identity", left, "==", right, using=[])) != true


def from_positive(positive, left, hints):
    """``positive`` > 0 is assumed; then left == 0 by a certificate of nothing but hints."""
    given = {"left": positive, "relation": ">", "right": 0}
    data = one_step("certificate", left, "==", 0, combine=[], squares=[], using=[])
    data["assumptions"] = [{"name": "positive", "relations": [given]}]
    data["steps"] = [
        {"n": 1, "rule": "assumption", "name": "positive", "premises": [], "conclusion": given},
        {**data["steps"][0], "n": 2, "premises": [1], "hints": hints},
    ]
    return {**data, "concluded": [2]}


ABS_X = ["abs", X]
SUM_X, GAP_X = ["+", X, ABS_X], ["+", ABS_X, ["*", -1, X]]


@pytest.mark.parametrize(
    ("positive", "left", "hint", "true"),
    [
        (SUM_X, GAP_X, SUM_X, True),  # |x| + x > 0, and (|x| - x)(|x| + x) = 0
        (SUM_X, ["*", Y, GAP_X], SUM_X, True),
        (SUM_X, SUM_X, SUM_X, False),
        (SUM_X, GAP_X, ["+", Y, ABS_X], False),
        (SUM_X, GAP_X, 0, False),
        (SUM_X, GAP_X, ["*", SUM_X, Y], False),  # not known to be other than zero
        (GAP_X, GAP_X, SUM_X, False),
        (GAP_X, SUM_X, GAP_X, True),
        (["+", ABS_X, Y], GAP_X, ["+", ABS_X, Y], False),
        (["+", 1, SUM_X], GAP_X, ["+", 1, SUM_X], False),
        (["+", 1, SUM_X], GAP_X, SUM_X, False),
    ],
)
def test_a_product_with_what_is_not_zero_vanishes(positive, left, hint, true):
    assert rejected(from_positive(positive, left, [hint])) != true
    assert rejected(from_positive(positive, left, [1])) and rejected(from_positive(positive, left, [0, ["^", Y, -1]]))


def instant(left, right, speed=("x", "v"), using=(3, 4), combine=(), relation="==", **more):
    """With x' == v, x^T x' == f(t) at this instant and constant A: a certificate for d/dt ... == right."""
    mat = lambda name, columns=1: ["mat", name, P3, columns]
    x, v = map(mat, speed)
    motion = {"left": ["ddt", x], "relation": "==", "right": v}
    along = {"left": ["trace", ["m*", 1, ["T", mat("x")], mat("v")]], "relation": "==", "right": ["sym", "y"]}
    half = ["trace", ["m*", 1, ["T", mat("x")], mat("x")]]
    slope = {
        "left": ["ddt", half],
        "relation": "==",
        "right": ["*", 2, ["trace", ["m*", 1, ["T", mat("x")], mat("v")]]],
    }
    data = one_step("certificate", left, relation, right, combine=list(combine), squares=[], using=list(using))
    names = {"motion": motion, "along": along}
    data["assumptions"] = [{"name": n, "relations": [r]} for n, r in names.items()]
    given = [{"rule": "assumption", "name": n, "premises": [], "conclusion": r} for n, r in names.items()]
    lie = {"rule": "lie derivative", "premises": [1], "conclusion": slope, "witness": {"flow": [1], "using": []}}
    steps = [*given, lie, {**data["steps"][0], "premises": sorted({*using, *(n for _, n in combine)})}]
    data["steps"] = [{**s, "n": k + 1} for k, s in enumerate(steps)]
    data["concluded"] = [4]
    return data | more


P3, Y_ = 3, ["sym", "y"]
HALF_SQUARE = ["trace", ["m*", 1, ["T", ["mat", "x", 3, 1]], ["mat", "x", 3, 1]]]


def test_derivatives_in_certificates():
    """d|x|^2/dt == 2 x^T v == 2 y at the instant where x^T v == y; nothing goes inside of the derivative."""
    slope = ["ddt", HALF_SQUARE]
    assert not rejected(instant(slope, ["*", 2, Y_], using=[3], combine=[[2, 2]]))
    assert not rejected(instant(slope, ["*", 2, Y_], using=[3, 2]))
    for right, combine in ((["*", 3, Y_], [[3, 2]]), (Y_, [[1, 2]]), (["*", 2, Y_], []), (["*", 2, Y_], [[1, 2]])):
        assert rejected(instant(slope, right, using=[3], combine=combine))
    for other in (["*", 2, HALF_SQUARE], ["+", 1, HALF_SQUARE], ["trace", ["mat", "x", 1, 1]], Y_):
        assert rejected(instant(["ddt", other], ["*", 2, Y_], using=[3], combine=[[2, 2]]))
    assert rejected(instant(["*", 2, slope], ["*", 4, Y_], using=[3], combine=[[4, 2]]))
    assert rejected(instant(["ddt", ["^", HALF_SQUARE, 2]], ["*", 4, Y_], using=[3], combine=[[4, 2]]))
    assert rejected(instant(slope, ["*", 2, Y_], using=[], combine=[[1, 3], [2, 2]]))
    assert rejected(instant(slope, ["*", 2, Y_], using=[3], combine=[[2, 2]], relation=">="))


def test_the_value_of_an_instant_does_not_go_into_a_derivative():
    """x^T v == y at this instant; d(x^T v)/dt is not dy/dt == 0."""
    inner = ["trace", ["m*", 1, ["T", ["mat", "x", 3, 1]], ["mat", "v", 3, 1]]]
    for using in ([2], [2, 3], [3, 2]):
        assert rejected(instant(["ddt", inner], 0, using=using))
        assert rejected(instant(["ddt", inner], ["ddt", Y_], using=using))


@pytest.mark.parametrize(
    ("left", "relation", "true"),
    [
        (["^", X, 2], ">=", True),
        (["^", X, 2], ">", False),
        (["^", X, 3], ">=", False),
        (["+", ["^", X, 2], P], ">", True),
        (["+", ["^", X, 2], ["*", -2, X, Y], ["^", Y, 2]], ">=", False),
        (["^", X, "1/2"], ">=", False),
        (["exp", X], ">", True),
        (["log", P], ">", False),
        (["fun", "f", X], ">=", False),
        (["inner", ["vec", "v"], ["vec", "v"]], ">=", True),
        (["inner", ["vec", "v"], ["vec", "w"]], ">=", False),
        (["sum", ["sym", "k"], "k", 0, 9], ">=", True),
        (["sum", ["sym", "k"], "k", -1, 9], ">=", False),
    ],
)
def test_signs(left, relation, true):
    assert rejected(one_step("sign", left, relation, 0)) != true


def test_squares_of_complex_numbers():
    """u^2 with u = sqrt(x) would prove x >= 0."""
    squares = [[1, ["^", X, "1/2"]]]
    assert rejected(one_step("certificate", X, ">=", 0, combine=[], squares=squares, using=[]))
    assert not rejected(one_step("certificate", ["^", X, 2], ">=", 0, combine=[], squares=[[1, X]], using=[]))
    negative = one_step("certificate", ["*", -1, ["^", X, 2]], ">=", 0, combine=[], squares=[[-1, X]], using=[])
    assert rejected(negative)


def test_sizes_of_matrices_are_whole_and_not_negative():
    """|I|^2 is the size: as a square it would prove x >= 0 for every x."""
    assert rejected(one_step("certificate", X, ">=", 0, combine=[], squares=[[1, ["id", X]]], using=[]))


def test_a_limit_keeps_what_it_holds_fixed():
    """w/n -> 0 for every real w, but not for w = s with s = n."""
    n, w, s = (["sym", name] for name in "nws")
    data = one_step("limit", ["limit", ["*", w, ["^", n, -1]], n], "->", 0, x=n, using=[])
    data["symbols"] = [
        {"name": "n", "low": 1, "integer": True}, {"name": "s"}, {"name": "x"}, {"name": "w", "generic": True},
    ]  # fmt: skip
    data["defines"] = [{"name": "s", "value": n}]
    for value in (["sym", "x"], s):
        tried = copy.deepcopy(data)
        conclusion = {"left": ["limit", ["*", value, ["^", n, -1]], n], "relation": "->", "right": 0}
        witness = {"uses": [1], "values": [[w, value]]}
        tried["steps"] += [
            {"n": 2, "rule": "instantiate", "premises": [1], "conclusion": conclusion, "witness": witness}
        ]
        tried["propositions"], tried["concluded"] = [conclusion], [2]
        assert rejected(tried) == (value is s)


@pytest.mark.parametrize(
    ("above", "below", "wanted", "true"),
    [
        ((X, ">=", Y), (Y, ">=", X), (["*", 2, X], "==", ["+", X, Y]), True),
        ((X, ">=", Y), (Y, ">=", X), (["*", 2, X], "==", ["*", 2, Y]), False),  # true, but not as it is written
        ((X, ">=", Y), (["+", Y, 1], ">=", X), (X, "==", Y), False),
        ((X, ">=", Y), (X, ">=", Y), (X, "==", Y), False),
        ((X, ">=", Y), (Y, ">=", X), (X, ">=", Y), False),
    ],
)
def test_antisymmetry(above, below, wanted, true):
    given = [dict(zip(("left", "relation", "right"), r, strict=True)) for r in (above, below)]
    data = one_step("antisymmetry", *wanted, uses=[1, 2])
    steps = [
        {"n": k + 1, "rule": "assumption", "name": f"a{k}", "premises": [], "conclusion": r}
        for k, r in enumerate(given)
    ]
    data["assumptions"] = [{"name": f"a{k}", "relations": [r]} for k, r in enumerate(given)]
    data |= {"steps": [*steps, {**data["steps"][0], "n": 3, "premises": [1, 2]}], "concluded": [3]}
    assert rejected(data) != true


SQUARES = (["*", "1/16", ["^", X, 2]], ["^", ["+", X, ["*", -1, Y]], 2])
ROOTS = (["*", "1/4", ["abs", X]], ["abs", ["+", X, ["*", -1, Y]]])


@pytest.mark.parametrize(
    ("roots", "exponent", "true"),
    [
        (ROOTS, "1/2", True),
        ((["*", "-1/4", ["abs", X]], ROOTS[1]), "1/2", False),
        ((["*", "1/4", X], ROOTS[1]), "1/2", False),
        ((["*", "1/2", ["abs", X]], ROOTS[1]), "1/2", False),
        ((ROOTS[0], ["abs", ["+", X, Y]]), "1/2", False),
        ((ROOTS[0], ["+", X, ["*", -1, Y]]), "1/2", False),
        ((ROOTS[0], ["*", 2, ROOTS[1]]), "1/2", False),
        ((ROOTS[0], ["*", -1, ROOTS[1]]), "1/2", False),  # true, but not the root
        (ROOTS, "1/3", False),
        (ROOTS, "3/2", False),
        (ROOTS, "-1/2", False),
        (ROOTS, 1, False),
        (SQUARES, 1, True),
        (tuple(reversed(ROOTS)), "1/2", False),
    ],
)
def test_the_root_of_a_square_is_an_absolute_value(roots, exponent, true):
    given = {"left": SQUARES[0], "relation": ">=", "right": SQUARES[1]}
    data = one_step("power", roots[0], ">=", roots[1], uses=[1], exponent=exponent)
    first = {"n": 1, "rule": "assumption", "name": "one", "premises": [], "conclusion": given}
    data["assumptions"] = [{"name": "one", "relations": [given]}]
    data |= {"steps": [first, {**data["steps"][0], "n": 2, "premises": [1]}], "concluded": [2]}
    assert rejected(data) != true
    for relation in (">", "=="):
        other = damaged(data, ("steps", 1, "conclusion", "relation"), relation)
        assert rejected({**other, "propositions": [other["steps"][1]["conclusion"]]})


@pytest.mark.parametrize(
    ("root", "true"),
    [
        (["*", ["abs", X], ["abs", Y]], True),
        (["abs", ["*", X, Y]], True),
        (["*", X, Y], False),  # may be less than the root
        (["*", X, ["abs", Y]], False),
        (["*", -1, ["abs", X], ["abs", Y]], False),
        (["*", 2, ["abs", X], ["abs", Y]], False),
        (["abs", X], False),
    ],
)
def test_the_root_of_a_square_is_not_below_its_base(root, true):
    given = {"left": ["*", ["^", X, 2], ["^", Y, 2]], "relation": ">=", "right": ["*", ["^", X, 2], ["^", Y, 2]]}
    data = one_step("root", root, ">=", ["*", X, Y], uses=[1])
    first = {"n": 1, "rule": "assumption", "name": "one", "premises": [], "conclusion": given}
    data["assumptions"] = [{"name": "one", "relations": [given]}]
    data |= {"steps": [first, {**data["steps"][0], "n": 2, "premises": [1]}], "concluded": [2]}
    assert rejected(data) != true
    for relation in (">", "=="):
        other = damaged(data, ("steps", 1, "conclusion", "relation"), relation)
        assert rejected({**other, "propositions": [other["steps"][1]["conclusion"]]})


MAT_A, MAT_B = (["mat", name, ["sym", "n"], ["sym", "n"]] for name in "AB")
DET_A, DET_B, HALF_DET = ["det", MAT_A], ["det", MAT_B], ["^", ["det", MAT_A], "1/2"]


def of_determinants(matrices, numbers):
    """A certificate: from an equation of matrices to one of determinants, for n x n matrices, n >= 1."""
    given, wanted = ({"left": a, "relation": "==", "right": b} for a, b in (matrices, numbers))
    data = one_step("determinant", wanted["left"], "==", wanted["right"], uses=[1])
    first = {"n": 1, "rule": "assumption", "name": "one", "premises": [], "conclusion": given}
    size = {"name": "n", "low": 1, "integer": True}
    return data | {
        "symbols": [*data["symbols"], size],
        "assumptions": [{"name": "one", "relations": [given]}],
        "steps": [first, {**data["steps"][0], "n": 2, "premises": [1]}],
        "concluded": [2],
    }


@pytest.mark.parametrize(
    ("numbers", "true"),
    [
        ((["*", ["^", P, ["sym", "n"]], DET_A], ["*", ["^", 2, ["sym", "n"]], ["^", DET_B, 2], DET_A]), True),
        ((["*", P, DET_A], ["*", ["^", 2, ["sym", "n"]], ["^", DET_B, 2], DET_A]), False),
        (
            (["*", ["^", P, ["+", ["sym", "n"], 1]], DET_A], ["*", ["^", 2, ["sym", "n"]], ["^", DET_B, 2], DET_A]),
            False,
        ),
        ((["*", ["^", P, ["sym", "n"]], DET_A], ["*", 2, ["^", DET_B, 2], DET_A]), False),
        ((["*", ["^", P, ["sym", "n"]], DET_A], ["*", ["^", 2, ["sym", "n"]], DET_B, DET_A]), False),
        (
            (["*", ["^", P, ["sym", "n"]], HALF_DET, DET_A], ["*", ["^", 2, ["sym", "n"]], ["^", DET_B, 2], DET_A]),
            False,
        ),
        ((["^", P, ["sym", "n"]], ["*", ["^", 2, ["sym", "n"]], ["^", DET_B, 2]]), False),
    ],
)
def test_the_determinant_of_a_multiple(numbers, true):
    right = ["m*", 2, ["T", MAT_B], MAT_A, MAT_B]
    assert rejected(of_determinants((["m*", P, MAT_A], right), numbers)) != true


def test_a_factor_between_matrices_that_are_not_square_stays_inside():
    wide = ["mat", "W", ["sym", "n"], 7]
    right = ["m*", 2, wide, ["T", wide]]
    assert not rejected(of_determinants((MAT_A, right), (DET_A, ["det", right])))
    split = ["*", ["^", 2, ["sym", "n"]], ["^", ["det", wide], 2]]
    assert rejected(of_determinants((MAT_A, right), (DET_A, split)))


# -- whole derivations ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "handbook.sgd-convex",  # means, sums, telescoping
        "one-step-gd.exact-loss",  # Wick
        "bn-orthogonalizes.one-step-eigenvalue",  # roots
        "preconditioned-gd.depth-limit-two",  # limits
        "deq.flow-rate",  # gradients, flows, Gronwall
        "deq.well-conditioned-determinant",  # determinants
        "preconditioned-gd.forward-pass",  # induction over matrix equations
        "ngd-kl.natural-flow",  # initial values, one for each index
    ],
)
def test_catalogue(name):
    assert recheck_data(exported(name)).steps > 0


def test_wick_coefficients_matter():
    data = exported("one-step-gd.exact-loss")
    (step,) = data["steps"]
    for path in list(spots({"right": step["conclusion"]["right"]}))[::4]:
        old = at(step["conclusion"], path)
        new = damaged(data, ("steps", 0, "conclusion", *path), old + 1 if isinstance(old, int) else "1/7")
        new["propositions"][0] = new["steps"][0]["conclusion"]
        assert rejected(new), path


def test_random_values_do_not_enter_means():
    """E[t f] = t E[f] for a constant t is no statement about a random t."""
    claim_t = {"name": "t", "generic": True}
    f = ["fun", "f", X]
    first = {"left": ["mean", ["*", ["sym", "t"], f]], "relation": "==", "right": ["*", ["sym", "t"], ["mean", f]]}
    second = {"left": ["mean", ["*", f, f]], "relation": "==", "right": ["*", f, ["mean", f]]}
    data = one_step("identity", first["left"], "==", first["right"], using=[])
    data["symbols"] = [*REALS, claim_t]
    assert not rejected(data)
    values = {"uses": [1], "values": [[["sym", "t"], f]]}
    data["steps"].append({"n": 2, "rule": "instantiate", "premises": [1], "conclusion": second, "witness": values})
    data |= {"propositions": [second], "concluded": [2]}
    assert rejected(data)


N = ["sym", "n"]


@pytest.mark.parametrize(
    ("expression", "limit", "true"),
    [
        (["*", ["+", N, 1], ["^", ["+", ["*", 2, N], 5], -1]], "1/2", True),
        (["*", ["+", N, 1], ["^", ["+", ["*", 2, N], 5], -1]], "1/3", False),
        # sqrt(n^2 + n) - n + 1/n tends to 1/2: its leading terms cancel
        (["+", ["^", ["+", ["^", N, 2], N], "1/2"], ["*", -1, N], ["^", N, -1]], 0, False),
        (["fun", "f", N], 0, False),
        (N, 0, False),
    ],
)
def test_limits(expression, limit, true):
    data = one_step("limit", ["limit", expression, N], "->", limit, x=N, using=[])
    data["symbols"] = [{"name": "n", "low": 1, "generic": True}]
    assert rejected(data) != true


@pytest.mark.parametrize(("rate", "true"), [(1, True), ("1/2", True), ("1001/1000", False), (N, False)])
def test_the_decay_of_a_distance(rate, true):
    gap = ["+", ["*", ["+", N, 1], ["^", ["+", ["*", 2, N], 5], -1]], "-1/2"]
    data = one_step("decay", ["decay", gap, N], ">=", rate, n=N, using=[])
    data["symbols"] = [{"name": "n", "low": 1, "generic": True}]
    assert rejected(data) != true


def test_definitions_are_no_circles():
    data = one_step("identity", X, "==", X, using=[])
    assert not rejected(data)
    assert rejected({**data, "defines": [{"name": "x", "value": ["+", X, 1]}]})
    assert rejected({**data, "defines": [{"name": "x", "value": Y}, {"name": "y", "value": X}]})
    data["symbols"] = [*REALS, {"name": "t", "generic": True}]
    assert rejected({**data, "defines": [{"name": "x", "value": ["sym", "t"]}]})


WORST = {
    "schema": "gdverify.worst-case/1",
    "kind": "upper",
    "value": "2",
    "claim": "a.b",
    "problem": {
        "basis": ["g"],
        "vectors": [["g", [[0, "1"]]]],
        "values": [],
        "rows": [{"label": "|g|^2 <= 1", "equality": False, "gram": [[0, 0, "-1"]], "values": [], "constant": "1"}],
        "objective": {"label": "2|g|^2", "equality": False, "gram": [[0, 0, "2"]], "values": [], "constant": "0"},
    },
    "certificate": {"multipliers": ["2"], "psd": {"lower": [["1"]], "diagonal": ["0"]}},
}


def test_worst_case_certificates(tmp_path, capsys):
    file = tmp_path / "w.json"
    file.write_text(json.dumps(WORST))
    assert recheck_file(file) == 0
    assert "at most 2" in capsys.readouterr().out
    for path in spots(WORST):
        if "lower" in path or "vectors" in path:
            continue  # the factor of a zero pivot may be anything; other coordinates are another true statement
        old = at(WORST, path)
        file.write_text(json.dumps(damaged(WORST, path, old + 1 if isinstance(old, int) else str(int(old) + 1))))
        assert recheck_file(file) in (1, 2), path


def test_the_checker_stands_alone():
    """No import beyond the standard library and the package itself."""
    for file in Path(gdverify.recheck.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, file
                names = [node.module] if node.level == 0 else []
            assert all(n.partition(".")[0] in sys.stdlib_module_names for n in names), (file, names)


def test_mutants_have_no_certificate():
    claim = select(["handbook.gd-pl"])[0].claim
    for mutant in claim.mutants:
        changed = claim.mutated(mutant)
        evidence = next(e for e in changed.evidence if e.kind == "derivation")
        with pytest.raises(Exception):  # noqa: B017, PT011
            certificate(changed, evidence)
