"""The independent checker on independent letters and Gaussian determinants: what is not so is refused."""

from __future__ import annotations

import pytest

from tests.test_recheck_probability import MAT_A, MAT_U, MAT_X, SIZES, SLOT, D, N, by_hand, rejected, relation, square

MAT_V, MAT_B, MAT_C = ["mat", "v", D, 1], ["mat", "b", D, 1], ["mat", "c", D, 1]


def normal(letter, **change):
    return {"kind": "gaussian", "letter": letter, "rows": ["id", letter[2]], "columns": ["id", letter[3]], **change}


def product(*factors):
    return ["trace", ["m*", 1, *factors]]


def form(a, w):
    return product(["T", a], w)


LAWS = {
    "u is Gaussian": normal(MAT_U),
    "v is Gaussian": normal(MAT_V),
    "constants": {"kind": "constant", "letters": [MAT_A, MAT_B, MAT_C]},
}
BU, BV, CU = form(MAT_B, MAT_U), form(MAT_B, MAT_V), form(MAT_C, MAT_U)
RELU_U, STEP_V = ["max", 0, BU], ["call", "Heaviside", BV]


def split(first, second, laws=("u is Gaussian",), apart=("v is Gaussian",), right=None, all_laws=LAWS, **options):
    """E(first * second) == E(first) E(second)."""
    expr = ["*", first, second]
    right = ["*", ["mean", first], ["mean", second]] if right is None else right
    witness = {"expr": expr, "laws": list(laws), "apart": list(apart)}
    return by_hand([("independence", [], relation(["mean", expr], right), witness)], laws=all_laws, **options)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (square(MAT_U), square(MAT_V)),
        (["^", RELU_U, 3], ["*", STEP_V, square(MAT_V)]),
        (["*", ["trace", MAT_A], ["abs", BU]], ["^", ["max", ["^", BV, 3], BV, 2], 2]),
        (["*", D, RELU_U], ["+", STEP_V, ["*", N, ["^", BV, 2]]]),
    ],
)
def test_means_of_products(first, second):
    assert not rejected(split(first, second))
    for factor in (2, "1/2", N, ["mean", BU]):
        assert rejected(split(first, second, right=["*", factor, ["mean", first], ["mean", second]]))
    assert rejected(split(first, second, right=["mean", ["*", first, first]]))


def test_sums_are_split_term_by_term():
    f, g = ["+", BU, ["^", RELU_U, 2]], ["+", STEP_V, ["*", 3, ["^", BV, 2]]]
    assert not rejected(split(f, g))
    assert rejected(split(f, ["+", g, BU]))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (BU, BU),  # its own square
        (square(MAT_U), form(MAT_U, MAT_V)),  # a factor of both sides
        (RELU_U, ["max", BU, BV]),
        (RELU_U, ["call", "Heaviside", ["+", BU, BV]]),
        (BU, ["trace", ["mat", "B", D, D]]),  # a letter without a law
        (BU, ["*", BV, ["fun", "f", ["vec", "x"]]]),  # something else that is random
        (BU, ["*", BV, ["inner", ["vec", "x"], ["vec", "x"]]]),
        (BU, ["*", BV, ["det", ["mat", "B", D, D]]]),
        (BU, ["exp", square(MAT_V)]),  # no moments
        (BU, ["^", square(MAT_V), -1]),
        (BU, ["^", square(MAT_V), "1/2"]),
        (BU, ["log", square(MAT_V)]),
        (BU, ["max", 0, ["^", square(MAT_V), "1/2"]]),
        (BU, ["max", 0, ["^", ["+", 1, BV], -1]]),
        (BU, ["call", "Heaviside", ["^", BV, "1/2"]]),
        (BU, ["call", "tanh", BV]),
        (BU, ["diag", MAT_V, MAT_V, MAT_V]),
    ],
    ids=str,
)
def test_what_is_not_independent(first, second):
    assert rejected(split(first, second))


def test_each_letter_has_its_law_on_its_own_side():
    f, g = square(MAT_U), square(MAT_V)
    assert rejected(split(f, g, ["v is Gaussian"], ["v is Gaussian"]))
    assert rejected(split(f, g, ["u is Gaussian", "v is Gaussian"], ["v is Gaussian"]))
    assert rejected(split(f, g, ["u is Gaussian", "v is Gaussian"], []))
    assert rejected(split(f, g, [], ["u is Gaussian", "v is Gaussian"]))
    for more in ({"kind": "sphere", "letter": MAT_V}, {"kind": "constant", "letters": [MAT_V]}):
        assert rejected(split(f, g, all_laws=LAWS | {"more": more}))
    coloured = {"v is Gaussian": normal(MAT_V, rows=["symmat", "S", D, D])}
    assert not rejected(split(f, g, all_laws=LAWS | coloured))
    assert rejected(
        split(f, g, all_laws=LAWS | coloured | {"S": {"kind": "rotation", "points": [["symmat", "S", D, D]]}})
    )


def test_the_parts_of_a_unitary_matrix_depend_on_each_other():
    """E (tr P^T P)(tr Q^T Q) is no product: P^T P + Q^T Q is the identity."""
    parts = [["mat", "P", D, D], ["mat", "Q", D, D]]
    laws = {"unitary": {"kind": "unitary", "real": parts[0], "imaginary": parts[1]}, **LAWS}
    f, g = map(square, parts)
    for names in ((["unitary"], ["unitary"]), (["unitary"], ["u is Gaussian"]), (["u is Gaussian"], ["unitary"])):
        assert rejected(split(f, g, *names, all_laws=laws))
    assert not rejected(split(["*", f, g], square(MAT_U), ["unitary"], ["u is Gaussian"], all_laws=laws))


# -- one linear form ------------------------------------------------------------------------------------------------

SIGMA = {"name": "sigma", "low": 0, "low_open": True}
S = ["sym", "sigma"]


def one_form(expr, right, deviations=(S,), correlation=0, symbol=SIGMA, variance=None):
    given = relation(product(["T", MAT_B], MAT_B), ["^", S, 2] if variance is None else variance)
    witness = {"expr": expr, "law": "u is Gaussian", "deviations": list(deviations)}
    witness |= {"correlation": correlation, "using": [1]}
    steps = [("assumption", [], given, "variance"), ("pair mean", [1], relation(["mean", expr], right), witness)]
    return by_hand(steps, [*SIZES, symbol], LAWS, {"variance": [given]})


RELU, STEP = ["max", 0, SLOT], ["call", "Heaviside", SLOT]


@pytest.mark.parametrize("one", [lambda f: ["pair", f, 1, 0], lambda f: ["pair", 1, f, 0]])
def test_one_linear_form(one):
    square_, plain = ["^", RELU_U, 2], ["*", ["^", S, 2], one(["^", RELU, 2])]
    assert not rejected(one_form(square_, plain))
    assert rejected(one_form(square_, one(["^", RELU, 2])))
    assert rejected(one_form(square_, ["*", S, one(["^", RELU, 2])]))
    assert rejected(one_form(square_, plain, correlation="1/2"))
    assert rejected(one_form(square_, plain, deviations=[["^", S, 2]]))
    assert rejected(one_form(square_, plain, deviations=[["*", -1, S]]))
    assert rejected(one_form(square_, plain, deviations=[S, S]))
    assert rejected(one_form(square_, plain, deviations=[]))
    assert rejected(one_form(square_, plain, variance=S))
    assert rejected(one_form(square_, plain, symbol={"name": "sigma"}))
    assert rejected(one_form(["*", square_, CU], plain))  # another form
    assert rejected(one_form(["*", square_, BV], plain))  # another letter
    assert rejected(one_form(["*", square_, ["fun", "f", ["vec", "x"]]], plain))
    assert rejected(one_form(["^", product(["T", MAT_U], MAT_U), 2], one(["^", SLOT, 2])))
    curved = ["call", "erf", BU]
    assert not rejected(one_form(curved, one(["call", "erf", ["*", S, SLOT]])))
    assert rejected(one_form(curved, one(["call", "erf", SLOT])))


# -- determinants ---------------------------------------------------------------------------------------------------

GRAM = ["m*", 1, ["T", MAT_X], MAT_X]
TALL = [SIZES[0], {"name": "n", "low": D, "integer": True}]


def bartlett(n=N, d=D, high=D, shift=0):
    i = ["sym", "i"]
    inside = ["*", "1/2", ["+", n, ["*", -1, d], i, shift] if shift else ["+", n, ["*", -1, d], i]]
    return ["+", ["*", d, ["log", 2]], ["sum", ["call", "polygamma", 0, inside], "i", 1, high]]


def mean_log(determinant, value, law=None, symbols=TALL, name="X is Gaussian", **more):
    laws = {"X is Gaussian": law or normal(MAT_X), **more, **LAWS}
    step = ("log determinant", [], relation(["mean", ["log", determinant]], value), {"law": name})
    return by_hand([step], symbols, laws)


def test_the_mean_log_determinant():
    assert not rejected(mean_log(["det", GRAM], bartlett()))
    wrong = [bartlett(high=N), bartlett(shift=1), bartlett(n=D), bartlett(d=N), ["*", 2, bartlett()], bartlett()[2]]
    for value in wrong:
        assert rejected(mean_log(["det", GRAM], value))
    for other in (
        ["m*", 2, ["T", MAT_X], MAT_X],
        ["m*", 1, MAT_X, ["T", MAT_X]],  # singular where n > d
        ["m*", 1, ["T", MAT_X], ["mat", "M", N, N], MAT_X],
        ["m+", GRAM, ["id", D]],
    ):
        assert rejected(mean_log(["det", other], bartlett()))
    assert rejected(mean_log(["^", ["det", GRAM], 2], bartlett()))
    assert rejected(mean_log(["*", 2, ["det", GRAM]], bartlett()))
    assert rejected(mean_log(["+", 1, ["det", GRAM]], bartlett()))


@pytest.mark.parametrize(
    "options",
    [
        {"symbols": SIZES},  # n < d is possible
        {"symbols": [SIZES[0], {"name": "n", "low": ["+", D, -1], "integer": True}]},
        {"symbols": [{"name": "d", "low": 0, "integer": True}, TALL[1]]},
        {"symbols": [SIZES[0], {"name": "n", "low": D}]},
        {"law": normal(MAT_X, rows=["symmat", "S", N, N])},
        {"law": normal(MAT_X, columns=["symmat", "S", D, D])},
        {"law": {"kind": "signs", "letter": MAT_X}},
        {"name": "u is Gaussian"},
        {"name": "constants"},
        {"another": {"kind": "constant", "letters": [MAT_X]}},
        {"another": normal(MAT_X)},
    ],
    ids=str,
)
def test_what_a_gaussian_determinant_needs(options):
    assert rejected(mean_log(["det", GRAM], bartlett(), **options))


def test_a_square_gaussian_matrix():
    w = ["mat", "W", D, D]
    value = bartlett(n=D)
    mean = lambda determinant, value=value: mean_log(
        determinant, value, name="W is Gaussian", **{"W is Gaussian": normal(w)}
    )
    assert not rejected(mean(["^", ["det", w], 2])) and not rejected(mean(["*", ["det", w], ["det", ["T", w]]]))
    assert rejected(mean(["det", w])) and rejected(mean(["^", ["det", w], 4]))
    assert rejected(mean(["^", ["det", w], 2], ["*", "1/2", value]))
    assert rejected(mean(["*", ["det", w], ["det", ["mat", "V", D, D]]]))
