"""The independent checker on the addition theorems: what is true passes, its neighbours do not."""

from __future__ import annotations

import json

import pytest

from tests.test_recheck import damaged, rejected, spots

X, Y, W, T = ["sym", "x"], ["sym", "y"], ["sym", "w"], ["sym", "T"]
PI = ["const", "pi"]


def sin(a):
    return ["call", "sin", a]


def cos(a):
    return ["call", "cos", a]


def minus(a):
    return ["*", -1, a]


def certificate(function, a, b, left, right, relation="=="):
    conclusion = {"left": left, "relation": relation, "right": right}
    witness = {"function": function, "a": a, "b": b}
    return {
        "schema": "gdverify.certificate/1",
        "claim": "a.b",
        "propositions": [conclusion],
        "symbols": [{"name": "x"}, {"name": "y"}, {"name": "T", "low": 1, "integer": True}],
        "defines": [],
        "assumptions": [],
        "steps": [{"n": 1, "rule": "addition", "premises": [], "conclusion": conclusion, "witness": witness}],
        "concluded": [1],
    }


PART = ["*", "1/2", PI, ["^", T, -1]]
REST = ["+", PI, ["*", "-1/2", PI, ["^", T, -1]]]
TWICE = ["*", 2, X]
TRUE = {
    "sin": ("sin", X, Y, sin(["+", X, Y]), ["+", ["*", sin(X), cos(Y)], ["*", cos(X), sin(Y)]]),
    "cos": ("cos", X, Y, cos(["+", X, Y]), ["+", ["*", cos(X), cos(Y)], ["*", -1, sin(X), sin(Y)]]),
    "sin of a difference": (
        "sin", TWICE, minus(Y), sin(["+", TWICE, minus(Y)]),
        ["+", ["*", sin(TWICE), cos(Y)], ["*", -1, cos(TWICE), sin(Y)]],
    ),
    "written backwards": (
        "sin", TWICE, minus(Y), minus(sin(["+", Y, ["*", -2, X]])),
        ["+", ["*", sin(TWICE), cos(minus(Y))], ["*", cos(TWICE), sin(minus(Y))]],
    ),
    "twice": ("cos", X, X, cos(TWICE), ["+", ["^", cos(X), 2], ["*", -1, ["^", sin(X), 2]]]),
    "Pythagoras": ("cos", X, minus(X), 1, ["+", ["^", cos(X), 2], ["^", sin(X), 2]]),
    "a half turn, sin": ("sin", PART, REST, 0, ["+", ["*", cos(PART), sin(REST)], ["*", cos(REST), sin(PART)]]),
    "a half turn, cos": ("cos", PART, REST, -1, ["+", ["*", cos(PART), cos(REST)], ["*", -1, sin(PART), sin(REST)]]),
}  # fmt: skip


@pytest.mark.parametrize("name", TRUE)
def test_true_and_every_number_of_it_matters(name):
    data = json.loads(json.dumps(certificate(*TRUE[name])))
    assert not rejected(data)
    step = data["steps"][0]
    for path in spots({"conclusion": step["conclusion"], "witness": step["witness"]}):
        old = at(step, path)
        for new in (old + 1, -old) if isinstance(old, int) else ("1/3", "-1/7"):
            even = any(at(step, path[:i])[:2] == ["call", "cos"] for i in range(2, len(path)))
            if new == old or (even and isinstance(old, int) and new == -old):  # cos(-2 x) is cos(2 x)
                continue
            other = damaged(data, ("steps", 0, *path), new)
            other["propositions"] = [other["steps"][0]["conclusion"]]
            assert rejected(other), (path, new)
    for path, new in ((("function",), "cos" if TRUE[name][0] == "sin" else "sin"), (("function",), "tan"), (("a",), T)):
        assert rejected(damaged(data, ("steps", 0, "witness", *path), new)), path
    for missing in ("function", "a", "b"):
        other = damaged(data, ("steps", 0, "witness", "more"), 1)
        assert rejected(other)
        del other["steps"][0]["witness"]["more"], other["steps"][0]["witness"][missing]
        assert rejected(other)


def at(data, path):
    for k in path:
        data = data[k]
    return data


SUM = sin(["+", X, Y])


@pytest.mark.parametrize(
    "false",
    [
        ("sin", X, Y, SUM, ["+", ["*", sin(X), cos(Y)], ["*", -1, cos(X), sin(Y)]]),
        ("sin", X, Y, SUM, ["+", ["*", sin(X), sin(Y)], ["*", cos(X), cos(Y)]]),
        ("sin", X, Y, SUM, ["+", sin(X), sin(Y)]),
        ("sin", X, Y, cos(["+", X, Y]), TRUE["sin"][4]),
        ("cos", X, Y, cos(["+", X, Y]), ["+", ["*", cos(X), cos(Y)], ["*", sin(X), sin(Y)]]),
        ("cos", X, Y, cos(["+", X, minus(Y)]), TRUE["cos"][4]),
        ("cos", X, minus(X), 0, TRUE["Pythagoras"][4]),
        ("cos", PART, REST, 1, TRUE["a half turn, cos"][4]),
        ("cos", PART, ["+", PI, REST], -1, ["+", ["*", cos(PART), cos(["+", PI, REST])],
                                            ["*", -1, sin(PART), sin(["+", PI, REST])]]),
        ("sin", X, Y, ["call", "sinh", ["+", X, Y]], TRUE["sin"][4]),
        ("sin", X, 0, sin(X), sin(X)),  # true, and nothing to add
        ("sin", X, ["^", X, -1], sin(["+", X, ["^", X, -1]]),
         ["+", ["*", sin(X), cos(["^", X, -1])], ["*", cos(X), sin(["^", X, -1])]]),
        ("sin", X, ["^", X, "1/2"], sin(["+", X, ["^", X, "1/2"]]),
         ["+", ["*", sin(X), cos(["^", X, "1/2"])], ["*", cos(X), sin(["^", X, "1/2"])]]),
        ("sin", X, W, sin(["+", X, W]), ["+", ["*", sin(X), cos(W)], ["*", cos(X), sin(W)]]),
    ],
)  # fmt: skip
def test_neighbours_are_refused(false):
    assert rejected(certificate(*false))


@pytest.mark.parametrize("relation", [">=", ">", "!=", "->"])
def test_it_is_an_equation(relation):
    assert rejected(certificate(*TRUE["sin"], relation=relation))


@pytest.mark.parametrize(
    ("left", "right", "true"),
    [
        (sin(minus(X)), minus(sin(X)), True),
        (sin(minus(X)), sin(X), False),
        (cos(minus(X)), cos(X), True),
        (cos(minus(X)), minus(cos(X)), False),
        (["call", "tanh", ["+", X, minus(Y)]], minus(["call", "tanh", ["+", Y, minus(X)]]), True),
        (["call", "cosh", ["+", X, minus(Y)]], minus(["call", "cosh", ["+", Y, minus(X)]]), False),
        (["call", "gamma", minus(T)], ["call", "gamma", T], False),
        (["exp", minus(X)], ["exp", X], False),
        (sin(PI), 0, True),
        (cos(PI), -1, True),
        (cos(PI), 1, False),
        *((sin(["*", f"{k}/2", PI]), (0, 1, 0, -1)[k % 4], True) for k in (-3, -2, -1, 0, 1, 3, 4, 5)),
        *((cos(["*", f"{k}/2", PI]), (0, 1, 0, -1)[(k + 1) % 4], True) for k in (-3, -2, -1, 0, 1, 3, 4, 5)),
        *((sin(["*", f"{k}/2", PI]), (0, 1, 0, -1)[(k + 2) % 4], False) for k in (-3, -1, 1, 3)),
        (sin(["*", "1/3", PI]), 1, False),
        (sin(["^", PI, 2]), 0, False),
        (sin(["*", X, PI]), 0, False),
        (sin(["+", X, PI]), 0, False),
        (sin(["*", PI, ["^", T, -1]]), 0, False),
        (sin(1), 0, False),
        (cos(["*", T, PI]), 1, False),
    ],
)
def test_parity_and_quarter_turns(left, right, true):
    data = certificate("sin", X, Y, left, right)
    data["steps"][0] |= {"rule": "identity", "witness": {"using": []}}
    assert rejected(data) != true
