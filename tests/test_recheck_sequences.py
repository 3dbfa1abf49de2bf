"""The independent checker on statements about every integer: sums, inductions, and the ends of their ranges."""

from __future__ import annotations

import copy

import pytest

from tests.test_recheck import rejected

T, K, Y = ["sym", "t"], ["sym", "k"], ["sym", "y"]


def says(left, relation, right):
    return {"left": left, "relation": relation, "right": right}


def certificate(t, *steps, symbols=()):
    """A certificate about one generic ``t``; steps are (rule, conclusion, premises, witness)."""
    listed = []
    for k, (rule, conclusion, premises, witness) in enumerate(steps):
        step = {"n": k + 1, "rule": rule, "premises": premises, "conclusion": conclusion}
        listed.append(step | ({"witness": witness} if witness else {}))
    return {
        "schema": "gdverify.certificate/1",
        "claim": "a.b",
        "propositions": [listed[-1]["conclusion"]],
        "symbols": [*symbols, {"name": "t", "integer": True, "generic": True, **t}],
        "defines": [],
        "assumptions": [],
        "steps": listed,
        "concluded": [len(listed)],
    }


@pytest.mark.parametrize(
    ("t", "low", "high", "true"),
    [
        ({"low": 0}, 0, 5, True),
        ({"low": 0, "low_open": True}, 1, 5, True),
        ({"low": 0, "low_open": True}, 0, 5, False),
        ({"low": -9, "high": 5}, 0, 5, True),
        ({"low": -9, "high": 6, "high_open": True}, 0, 5, True),
        ({"low": -9, "high": 5, "high_open": True}, 0, 5, False),
    ],
)
def test_a_sum_stays_inside_the_domain(t, low, high, true):
    strict = ">" if "low_open" in t or "high_open" in t else ">="
    left, right = (t["high"], T) if "high" in t else (T, t["low"])
    fact = ("domain", says(left, strict, right), [], {})
    sums = [x if x == 0 else ["sum", K if x == T else x, "k", low, high] for x in (left, right)]
    total = ("sum", says(sums[0], ">=", sums[1]), [1], {"uses": [1], "t": T, "low": low, "high": high})
    assert rejected(certificate(t, fact, total)) != true


@pytest.mark.parametrize(("open", "true"), [(False, True), (True, False)])
def test_an_induction_starts_inside_the_domain(open, true):
    """2 t^2 >= 3 t - [0 in the domain]: true at 0 and from 2 on, so that P(0) and P(t) => P(t + 1) for t > 0 hold."""
    t = {"low": 0} | ({"low_open": True} if open else {})
    three = ["*", 3 if open else 2, T]
    follows = ["*", 3 if open else 2, ["+", T, 1]]
    square = lambda x: ["*", 2, ["^", x, 2]]
    start = [("domain", says(T, ">", 0), [], {}), ("next integer", says(T, ">=", 1), [1], {"uses": [1]})]
    low = start if open else [("domain", says(T, ">=", 0), [], {})]
    n = len(low)
    combine = [[["+", ["*", 2, T], 3 if open else 2], n]]
    squares = {"squares": [[2, 1]] if open else [], "using": []}
    data = certificate(
        t,
        *low,
        ("certificate", says(square(["+", T, 1]), ">=", follows), [n], {"combine": combine, **squares}),
        ("sign", says(0, ">=", 0), [], {}),
        ("induction", says(square(T), ">=", three), [n + 1, n + 2], {"uses": [n + 2, n + 1], "t": T, "discharge": []}),
    )
    assert rejected(data) != true


@pytest.mark.parametrize(
    ("high", "t", "true"),
    [
        (["+", T, -1], {"low": 0}, True),
        (["+", T, -2], {"low": 0}, False),  # at t = 0 from 0 to -2
        (T, {"low": 0, "high": 9}, True),
        (["+", T, 1], {"low": 0, "high": 9}, False),  # not known at 10
    ],
)
def test_the_end_of_a_sum_may_depend_on_the_variable_outside(high, t, true):
    """From t >= 0 for every t of the domain: for every t the sum of k from 0 to ``high`` is >= 0."""
    fact = ("domain", says(T, ">=", 0), [], {})
    witness = {"uses": [1], "t": T, "low": 0, "high": high}
    data = certificate(t, fact, ("sum", says(["sum", K, "k", 0, high], ">=", 0), [1], witness))
    assert rejected(data) != true
    for end in (["sum", K, "k", 0, 4], ["sum", T, "k", 0, high], ["sum", K, "k", 1, high]):
        other = copy.deepcopy(data)  # another sum than the witness gives
        other["steps"][1]["conclusion"]["left"] = end
        other["propositions"] = [other["steps"][1]["conclusion"]]
        assert rejected(other)


@pytest.mark.parametrize(("written", "true"), [(["^", ["^", Y, 2], "1/2"], True), (Y, False), (["*", -1, Y], False)])
def test_what_is_settled_keeps_other_suppositions(written, true):
    """sqrt(y^2) + t >= 0 rests on the hypothesis of an induction; y + t >= 0 would rest on y > 0 besides."""
    root, t_at_least = ["^", ["^", Y, 2], "1/2"], lambda t: says(["*", 2, t], ">=", t)
    plus = lambda e: says(["+", e, ["*", 2, T]], ">=", T)
    steps = [
        ("sign", says(0, ">=", 0), [], {}),
        ("suppose", t_at_least(T), [], {}),
        ("sign", says(root, ">=", 0), [], {}),
        ("certificate", plus(root), [2, 3], {"combine": [[1, 2], [1, 3]], "squares": [], "using": []}),
        ("certificate", t_at_least(["+", T, 1]), [2], {"combine": [[1, 2]], "squares": [[1, 1]], "using": []}),
        ("induction", t_at_least(T), [1, 5], {"uses": [1, 5], "t": T, "discharge": [2]}),
    ]
    positive = [] if true else [("suppose", says(Y, ">", 0), [], {})]
    settled = ("settle", plus(written), [4, 6, 7][: 2 + len(positive)], {"uses": [4, 6], "discharge": [2]})
    data = certificate({"low": 0}, *steps, *positive, settled, symbols=[{"name": "y"}])
    assert rejected(data) != true


@pytest.mark.parametrize(("shown_by", "true"), [("assumption", True), (None, False), ("suppose", False)])
def test_what_an_induction_divides_by(shown_by, true):
    """1/f(t) >= 0 for every t, at n: what shows that f(t) is not zero is a premise of the induction."""
    f = lambda x: ["fun", "f", x]
    positive, inverse = (lambda x: says(f(x), ">", 0)), (lambda x: says(["^", f(x), -1], ">=", 0))
    put = lambda value, fact: {"uses": [fact], "values": [[T, value]]}
    supposed = [("suppose", positive(T), [], {})] if shown_by == "suppose" else []
    by = {"assumption": [1], "suppose": [6]}.get(shown_by, [])
    n = 6 + len(supposed)
    data = certificate(
        {"low": 0},
        ("assumption", positive(T), [], {}),
        ("instantiate", positive(0), [1], put(0, 1)),
        ("instantiate", positive(["+", T, 1]), [1], put(["+", T, 1], 1)),
        ("sign", inverse(0), [2], {}),
        ("sign", inverse(["+", T, 1]), [3], {}),
        *supposed,
        ("induction", inverse(T), sorted([*by, 4, 5]), {"uses": [4, 5], "t": T, "discharge": []}),
        ("instantiate", inverse(["sym", "n"]), [n], put(["sym", "n"], n)),
        symbols=[{"name": "n", "low": 0, "integer": True}],
    )
    data["steps"][0]["name"] = "positive"
    data["assumptions"] = [{"name": "positive", "relations": [positive(T)]}]
    assert rejected(data) != true


@pytest.mark.parametrize(
    ("scale", "low", "ends", "true"),
    [
        (1, 0, 1, True),
        (1, 0, 2, False),
        (2, 0, 1, False),
        (1, 1, 1, False),
        (1, 0, -1, False),
    ],
)
def test_fractions_telescope_as_they_are_written(scale, low, ends, true):
    """From g(t) >= g(t + 1), g(t) = a(t)/(1 + t)^2, summed over t: g(0) >= g(n)."""
    weigh = lambda x: ["*", ["fun", "a", x], ["^", ["+", 1, x], -2]]
    first, second = weigh(T), weigh(["+", 1, T])
    n = ["sym", "n"]
    fact = says(first, ">=", second)
    summed = says(["sum", weigh(K), "k", 0, ["+", -1, n]], ">=", ["sum", weigh(["+", 1, K]), "k", 0, ["+", -1, n]])
    difference = ["+", weigh(K), ["*", -1, weigh(["+", 1, K])]]
    end = ["+", ["fun", "a", 0], ["*", -1, ["fun", "a", n], ["^", ["+", 1, n], -2]]]
    telescoped = says(["sum", difference, "k", 0, ["+", -1, n]], "==", end)
    witness = {"uses": [], "potential": weigh(T), "t": T, "low": 0, "high": n}
    first = ["fun", "a", low] if scale == 1 else ["*", scale, ["fun", "a", low]]
    stated = ["+", first, ["*", -1, ["fun", "a", n], ["^", ["+", ends, n], -2]]]
    data = certificate(
        {"low": 0},
        ("assumption", fact, [], {}),
        ("sum", summed, [1], {"uses": [1], "t": T, "low": 0, "high": ["+", -1, n]}),
        ("telescope", telescoped, [], witness),
        ("telescope", says(stated, ">=", 0), [2, 3], {"uses": [2, 3]}),
        symbols=[{"name": "n", "low": 1, "integer": True}],
    )
    data["steps"][0]["name"] = "falling"
    data["assumptions"] = [{"name": "falling", "relations": [fact]}]
    assert rejected(data) != true
