"""The independent checker on probability: what the kernel proves is verified, near-false neighbours are not."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import sympy
from sympy import Heaviside, MatrixSymbol, Max, Rational, Trace, asin, atan, erf, exp, pi, sqrt

from gdverify import Claim, Integers, Interval, Nonnegative, Paper, Positive, SureBound
from gdverify.kernel.export import _laws, certificate, finished
from gdverify.language import Mean, PairMean, SymmetricMatrix
from gdverify.laws import (
    constant,
    equation,
    gaussian,
    gram_inverse,
    haar,
    haar_unitary,
    invertible,
    rotation_invariant,
    signs,
    sphere,
)
from gdverify.recheck import Malformed, Rejected, Unknown, digest, recheck_data

d, n, m = sympy.symbols("d n m", integer=True, positive=True)
p, sigma, tau = sympy.symbols("p sigma tau", positive=True)
rho = sympy.Symbol("rho", real=True)
A, B, C, O, Q = (MatrixSymbol(name, d, d) for name in "ABCOQ")
u, a, b = (MatrixSymbol(name, d, 1) for name in "uab")
X, S, M = (MatrixSymbol(name, n, d) for name in "XSM")
K = MatrixSymbol("K", n, n)
Sigma = SymmetricMatrix("Sigma", d, d)
still = constant(A, B, C, a, b, K, M)
z = PairMean.variable
relu, step = Max(0, z), Heaviside(z)


def claim(*assumptions, **domains):
    symbols = {d: Integers(1, sample=(1, 5)), n: Integers(1, sample=(1, 5)), p: Positive(sample=(1, 2))}
    symbols |= {sigma: Positive(sample=(1, 2)), tau: Positive(sample=(1, 2)), rho: Interval(-1, 1, open="both")}
    symbols |= {{"d": d, "n": n}[k]: Integers(v, sample=(v, v + 3)) for k, v in domains.items()}
    return Claim(
        id="toy.moments", title="t", paper=Paper("x", "x"), locator="l", statement="s", symbols=symbols,
        assumptions=(still, *assumptions), decides=SureBound(sympy.S.Zero, sympy.S.One),
    )  # fmt: skip


def exported(of, derive):
    """The certificate of the facts that ``derive`` proves, stated as its propositions."""

    def run(proof):
        facts = derive(proof)
        proof.concluded += facts if isinstance(facts, list) else [facts]

    data = certificate(of, SimpleNamespace(function=run))
    return finished(stating(data))


def stating(data):
    """The certificate as one that states what its concluding steps say."""
    by_number = {s["n"]: s for s in data["steps"]}
    out = {**data, "propositions": [by_number[k]["conclusion"] for k in data["concluded"]]}
    return {**out, "digest": digest(out)}


def rejected(data):
    """Whether the checker refuses, however much it may ignore; anything but a refusal is an error of the checker."""
    try:
        recheck_data(data, strict=False)
    except (Malformed, Rejected, Unknown):
        return True
    return False


def spots(data, path=()):
    """Paths of all rational numbers."""
    if isinstance(data, bool) or data is None:
        return
    if isinstance(data, int) or (isinstance(data, str) and data.lstrip("-").replace("/", "").isdigit()):
        yield path
    elif isinstance(data, (dict, list)):
        for k, v in data.items() if isinstance(data, dict) else enumerate(data):
            yield from spots(v, (*path, k))


def changed(data, path, change):
    """A copy, with the entry at a path changed, that states what it concludes."""
    out = copy.deepcopy(data)
    inside = out
    for k in path[:-1]:
        inside = inside[k]
    inside[path[-1]] = change(inside[path[-1]])
    return stating(out)


def of_rule(data, rule):
    return [k for k, s in enumerate(data["steps"]) if s["rule"] == rule]


def every_number_matters(data, rule):
    """No rational number on the right of a step of the rule can be another one."""
    for k in of_rule(data, rule):
        paths = list(spots(data["steps"][k]["conclusion"]["right"]))
        for path in paths[:: 1 + len(paths) // 8]:
            new = changed(
                data, ("steps", k, "conclusion", "right", *path), lambda v: str(sympy.Rational(v) + Rational(1, 7))
            )
            assert rejected(new), (rule, path)


# -- moments --------------------------------------------------------------------------------------------------------

quadratic, fourth = Trace(u.T * A * u), Trace(u.T * A * u) * Trace(u.T * B * u)
MOMENTS = [
    (sphere(u), 1, quadratic),
    (sphere(u), 1, fourth),
    (sphere(u), 1, Trace(u.T * A * u) * Trace(u.T * B * u) * Trace(a.T * u) ** 2),
    (signs(u), 1, quadratic),
    (signs(u), 1, fourth),
    (signs(u), 1, Trace(a.T * u) ** 4),
    (signs(u), 1, Trace(u.T * A * u) * Trace(u.T * B * u) * Trace(u.T * C * u)),
    (signs(S), 1, Trace(S.T * K * S * A) ** 2),
    (signs(S), 1, Trace(S.T * M) ** 2),
    (haar(O), 1, Trace(O * A * O.T * B)),
    (haar(O), 2, Trace(O * A * O.T * B) ** 2),
    (haar(O), 3, Trace(O * A) ** 4 * Trace(O * B * O.T * C)),
    (haar_unitary(O, Q), 2, (Trace(O) ** 2 + Trace(Q) ** 2) ** 2),
    (haar_unitary(O, Q), 1, Trace((O * A * O.T + Q * A * Q.T) * B)),
    (haar_unitary(O, Q), 3, Trace(O * A) * Trace(Q * B) * Trace(O.T * Q) * Trace(O * O.T)),
    (gaussian(X), 1, Trace(X.T * X * A * X.T * X * B)),
    (gaussian(X, columns=Sigma), 1, Trace(X.T * K * X * A)),
]


@pytest.mark.parametrize(("law", "low", "expr"), MOMENTS, ids=str)
def test_moments(law, low, expr):
    data = exported(claim(law, d=low), lambda proof: proof.moment(expr, [law]))
    assert recheck_data(data).rules == {"moment": 1}
    every_number_matters(data, "moment")


@pytest.mark.parametrize(
    ("law", "expr"), [(signs(S), Trace(S.T * M) ** 3), (haar(O), Trace(O * A)), (sphere(u), Trace(a.T * u) ** 3)]
)
def test_odd_moments(law, expr):
    data = exported(claim(law), lambda proof: proof.moment(expr, [law]))
    assert data["steps"][0]["conclusion"]["right"] == 0
    assert rejected(changed(data, ("steps", 0, "conclusion", "right"), lambda v: 1))


def test_independent_letters_are_integrated_in_turn():
    laws = [gaussian(X), haar(O), signs(u)]
    expr = Trace(u.T * O * X.T * X * O.T * u)
    data = exported(claim(*laws), lambda proof: proof.moment(expr, laws))
    assert len(recheck_data(data).assumptions) == 3
    fewer = changed(data, ("steps", 0, "witness", "laws"), lambda v: v[:2])
    assert rejected(fewer)
    assert rejected(changed(data, ("steps", 0, "witness", "laws"), lambda v: [*v, v[0]]))


@pytest.mark.parametrize("kind", ["gaussian", "sphere", "signs"])
def test_the_law_matters(kind):
    """E (u^T A u)(u^T B u) tells these laws apart."""
    laws = {"gaussian": gaussian(u), "sphere": sphere(u), "signs": signs(u)}
    data = exported(claim(laws[kind]), lambda proof: proof.moment(fourth, [laws[kind]]))
    (k,) = (k for k, x in enumerate(data["assumptions"]) if x.get("law", {}).get("kind") == kind)
    for other, law in laws.items():
        if other != kind:
            entry = {"name": data["assumptions"][k]["name"], "relations": [], "law": law_of(law)}
            assert rejected(changed(data, ("assumptions", k), lambda v, entry=entry: entry))


def law_of(law):
    return next(iter(_laws(SimpleNamespace(assumptions=[law])).values()))


# -- rotations and integration by parts -----------------------------------------------------------------------------

x, y = MatrixSymbol("x", d, 1), MatrixSymbol("y", d, 1)
label = MatrixSymbol("l", 1, 1)
turned = rotation_invariant((x, y), (label,))


def test_rotations():
    data = exported(claim(turned), lambda proof: proof.rotated(Trace(label) ** 2 * Trace(x.T * A * y), turned))
    every_number_matters(data, "rotation")
    points = next(k for k, v in enumerate(data["assumptions"]) if v.get("law", {}).get("kind") == "rotation")
    assert rejected(changed(data, ("assumptions", points, "law", "points"), lambda v: v[:1]))  # y does not turn with x
    alone = {k: v for k, v in data["assumptions"][points]["law"].items() if k != "labels"}
    assert rejected(changed(data, ("assumptions", points, "law"), lambda v: alone))  # the label may depend on x
    single = rotation_invariant((x,))
    unlabelled = exported(claim(single), lambda proof: proof.rotated(Trace(x.T * A * x), single))
    every_number_matters(unlabelled, "rotation")
    assert rejected(
        changed(data, ("assumptions", points, "law", "labels"), lambda v: data["assumptions"][points]["law"]["points"])
    )
    odd = exported(claim(turned), lambda proof: proof.rotated(Trace(label) * Trace(a.T * x), turned))
    assert odd["steps"][0]["conclusion"]["right"] == 0
    four = lambda proof: proof.rotated(Trace(x.T * A * y) ** 2, turned)
    data = exported(claim(turned, d=2), four)
    assert rejected(changed(data, ("symbols", symbol_at(data, "d"), "low"), lambda v: 1))  # 0/0 at d = 1


def symbol_at(data, name):
    return next(k for k, v in enumerate(data["symbols"]) if v["name"] == name)


P = SymmetricMatrix("P", d, d)


@pytest.mark.parametrize("field", [X, K * X * A, X * A * X.T * K * X * B], ids=str)
def test_stein_for_polynomials(field):
    law = gaussian(X, columns=Sigma)
    data = exported(claim(law), lambda proof: proof.stein(law, field))
    every_number_matters(data, "stein")
    other = gaussian(X)
    entry = {"name": "X is Gaussian", "relations": [], "law": law_of(other)}
    k = next(k for k, v in enumerate(data["assumptions"]) if v["name"] == "X is Gaussian")
    assert rejected(changed(data, ("assumptions", k), lambda v: entry))  # another covariance


def inverse_wishart(gap, derive):
    law, inverse = gaussian(X, columns=Sigma), gram_inverse(P, X)
    of = claim(law, inverse, invertible(Sigma))
    of = Claim(**{**vars(of), "symbols": {**of.symbols, n: Integers(d + gap, sample=(10, 20))}})

    def run(proof):
        proof.certificate(n - d - gap + 1 > 0, [(1, proof.low(n)), (1, proof.sign(sympy.S.One))])
        return derive(proof, law, inverse)

    return exported(of, run)


def mean_of_the_inverse(proof, law, inverse):
    parts = proof.rewrite(proof.stein(law, X * P * B), proof.assume(inverse))
    combine = [(-1 / (n - d - 1), parts), (1 / (n - d - 1), proof.moment(Trace(B), []))]
    return proof.certificate((Mean(Trace(P * B * Sigma)), "==", Trace(B) / (n - d - 1)), combine)


def test_inverse_wishart():
    data = inverse_wishart(2, mean_of_the_inverse)
    every_number_matters(data, "stein")
    lower = changed(data, ("symbols", symbol_at(data, "n"), "low"), lambda v: ["+", 1, ["sym", "d"]])
    assert rejected(lower)  # n = d + 1: the mean of the inverse is infinite
    singular = [v for v in data["assumptions"] if v.get("law", {}).get("kind") != "invertible"]
    assert rejected({**data, "assumptions": singular, "digest": digest({**data, "assumptions": singular})})
    square = inverse_wishart(4, lambda proof, law, inverse: proof.stein(law, X * P * P))
    assert rejected(changed(square, ("symbols", symbol_at(square, "n"), "low"), lambda v: ["+", 3, ["sym", "d"]]))


# -- activations ----------------------------------------------------------------------------------------------------

w = MatrixSymbol("w", d, 1)
U, V = Trace(x.T * w), Trace(y.T * w)
normal = gaussian(w)
variances = [
    equation("variance of u", Trace(x.T * x), sigma**2),
    equation("variance of v", Trace(y.T * y), tau**2),
    equation("covariance", Trace(x.T * y), rho * sigma * tau),
]
network = claim(normal, *variances)
network = Claim(**{**vars(network), "assumptions": (constant(x, y), normal, *variances)})


def correlation(proof):
    r = proof.scalar("r", Interval(-1, 1, open="both"))
    proof.certificate(1 - r**2 > 0, [(1, proof.product(proof.high(r), proof.low(r)))])
    return r


def arc_cosine(proof):
    r = correlation(proof)
    steps = proof.along_correlation(proof.price(step, step, r), proof.pair_value(step, step, 0), asin(r) / (2 * pi), r)
    inner = proof.rewrite(proof.price(relu, relu, r), steps)
    whole = r / 4 + (r * asin(r) + sqrt(1 - r**2)) / (2 * pi)
    kernel = proof.along_correlation(inner, proof.pair_value(relu, relu, 0), whole, r)
    proof.low(rho), proof.high(rho)
    given = [proof.assume(a) for a in variances]
    both = proof.pair_mean(Max(0, U) * Max(0, V), normal, (sigma, tau), rho, using=given)
    value = sigma * tau * (rho / 4 + (rho * asin(rho) + sqrt(1 - rho**2)) / (2 * pi))
    at = proof.instantiate(kernel, {r: rho})
    return proof.certificate((Mean(Max(0, U) * Max(0, V)), "==", value), [(1, both), (sigma * tau, at)])


def error_function(proof):
    r = correlation(proof)
    inside = proof.certificate(1 - r**2 > 0, [(1, proof.product(proof.high(r), proof.low(r)))])
    proof.certificate((1 + 2 * p**2) ** 2 - 4 * p**4 * r**2 > 0, [(4 * p**4, inside), (1, proof.sign(1 + 4 * p**2))])
    decay = exp(-(p**2) * z**2)
    inner = proof.rewrite(proof.price(erf(p * z), erf(p * z), r), proof.pair_value(decay, decay, r))
    start = proof.pair_value(erf(p * z), erf(p * z), 0)
    root = sqrt((1 + 2 * p**2) ** 2 - 4 * p**4 * r**2)
    return proof.along_correlation(inner, start, 2 / pi * atan(2 * p**2 * r / root), r)


@pytest.fixture(scope="module")
def kernel():
    return exported(network, arc_cosine)


def test_arc_cosine_kernels(kernel):
    assert recheck_data(kernel).rules["along correlation"] == 2
    for rule in ("pair mean", "price", "pair value", "along correlation"):
        every_number_matters(kernel, rule)


def test_error_functions():
    every_number_matters(exported(network, error_function), "along correlation")


def test_closed_forms():
    def derive(proof):
        r = correlation(proof)
        hermite = [proof.pair_value(sympy.hermite_prob_poly(k, z), sympy.hermite_prob_poly(k, z), r) for k in (1, 2, 3)]
        mixed = [proof.pair_value(f, g, r) for f, g in ((z**3, relu**2), (z**2 + 3 * z, 2 * step - z * relu + 1))]
        return [*hermite, *mixed, proof.pair_value(erf(z), relu, 0), proof.pair_value(relu**3, step, 0)]

    every_number_matters(exported(network, derive), "pair value")


def test_scales_of_activations():
    def derive(proof):
        given = [proof.assume(a) for a in variances]
        mean = lambda f: proof.pair_mean(f, normal, (sigma, tau), rho, using=given)
        return [mean(Max(0, U) * Max(0, V) ** 2), mean(Heaviside(U) * Heaviside(V)), mean(p * erf(U) * V**3)]

    data = exported(network, derive)
    for k in of_rule(data, "pair mean"):
        for twin in (["sym", "sigma"], ["sym", "tau"]):
            assert rejected(changed(data, ("steps", k, "conclusion", "right"), lambda v, twin=twin: ["*", twin, v]))
        deviations = changed(data, ("steps", k, "witness", "deviations"), lambda v: [v[0], v[0]])
        assert rejected(deviations)
        assert rejected(changed(data, ("steps", k, "witness", "correlation"), lambda v: 0))
        assert rejected(changed(data, ("steps", k, "witness", "using"), lambda v: v[1:]))


# -- certificates written by hand, to get something false through -----------------------------------------------------

D, N, R, T = ["sym", "d"], ["sym", "n"], ["sym", "r"], ["sym", "t"]
WHOLE = {"low": 1, "integer": True}
SIZES = [{"name": "d", **WHOLE}, {"name": "n", **WHOLE}]
MAT_U, MAT_A, MAT_X = ["mat", "u", D, 1], ["mat", "A", D, D], ["mat", "X", N, D]
SLOT, NORMAL_LAWS = (
    ["slot"],
    {"u is Gaussian": {"kind": "gaussian", "letter": MAT_U, "rows": ["id", D], "columns": ["id", 1]}},
)
CONSTANT_A = {"constant A": {"kind": "constant", "letters": [MAT_A]}}


def relation(left, right, sign="=="):
    return {"left": left, "relation": sign, "right": right}


def by_hand(steps, symbols=SIZES, laws=None, relations=None, defines=()):
    """A certificate of steps (rule, premises, conclusion, witness) that states what the last one concludes."""
    names = dict.fromkeys([*(laws or {}), *(relations or {})])
    assumptions = []
    for name in names:
        entry = {"name": name, "relations": (relations or {}).get(name, [])}
        assumptions.append(entry | ({"law": laws[name]} if name in (laws or {}) else {}))
    listed = []
    for k, (rule, premises, conclusion, witness) in enumerate(steps):
        entry = {"n": k + 1, "rule": rule, "premises": premises, "conclusion": conclusion}
        listed.append(entry | ({"name": witness} if rule == "assumption" else {"witness": witness} if witness else {}))
    return {
        "schema": "gdverify.certificate/1", "claim": "a.b", "propositions": [listed[-1]["conclusion"]],
        "symbols": list(symbols), "defines": list(defines), "assumptions": assumptions, "steps": listed,
        "concluded": [len(listed)],
    }  # fmt: skip


def square(matrix):
    return ["trace", ["m*", 1, ["T", matrix], matrix]]


def mean_square(value, matrix=MAT_U, laws=NORMAL_LAWS, **options):
    """E |u|^2 == value."""
    witness = {"expr": square(matrix), "laws": list(laws)[:1]}
    step_ = ("moment", [], relation(["mean", square(matrix)], value), witness)
    return by_hand([step_], laws=laws, **options)


def test_a_moment_by_hand():
    assert not rejected(mean_square(D))
    assert rejected(mean_square(["+", D, -1])) and rejected(mean_square(N))


@pytest.mark.parametrize(
    "domain",
    [
        {"low": 0, "integer": True},
        {"low": 1},
        {"integer": True},
        {"low": -3, "high": -1, "integer": True},
        {},
        {"low": "1/2"},
    ],
    ids=str,
)
def test_sizes_are_whole_and_positive(domain):
    assert rejected(mean_square(D, symbols=[{"name": "d", **domain}, SIZES[1]]))


def test_a_size_is_no_random_number():
    """n == f(x) for a random f(x): E |X|^2 is not n d, but E of it."""
    law = {"X is Gaussian": {"kind": "gaussian", "letter": MAT_X, "rows": ["id", N], "columns": ["id", D]}}
    assert not rejected(mean_square(["*", N, D], MAT_X, law))
    random_n = [{"name": "n", "value": ["fun", "f", ["vec", "x"]]}]
    assert rejected(mean_square(["*", N, D], MAT_X, law, defines=random_n))


@pytest.mark.parametrize(
    "law",
    [
        {"kind": "gaussian", "letter": MAT_U, "rows": ["id", ["+", D, 1]], "columns": ["id", 1]},
        {"kind": "gaussian", "letter": MAT_U, "rows": MAT_A, "columns": ["id", 1]},  # not symmetric
        {"kind": "gaussian", "letter": MAT_U, "rows": ["m*", 2, ["id", D]], "columns": ["id", 1]},
        {"kind": "gaussian", "letter": ["mat", "u", ["+", D, 1], 1], "rows": ["id", ["+", D, 1]], "columns": ["id", 1]},
        {"kind": "gaussian", "letter": ["mat", "v", D, 1], "rows": ["id", D], "columns": ["id", 1]},
        {"kind": "haar", "letter": MAT_U},
        {"kind": "sphere", "letter": MAT_U},  # the value is 1
        {"kind": "constant", "letters": [MAT_U]},
        {"kind": "cauchy", "letter": MAT_U},
        {"kind": "gaussian", "letter": MAT_U},
        {"kind": "gaussian"},
    ],
    ids=str,
)
def test_wrong_laws(law):
    assert rejected(mean_square(D, laws={"u is Gaussian": law}))


@pytest.mark.parametrize("kind", ["sphere", "signs"])
def test_a_letter_with_two_laws(kind):
    laws = {**NORMAL_LAWS, "another": {"kind": kind, "letter": MAT_U}}
    assert rejected(mean_square(D, laws=laws))
    assert rejected(mean_square(D, laws={**NORMAL_LAWS, "still": {"kind": "constant", "letters": [MAT_U]}}))


def test_a_random_covariance():
    sigma_ = ["symmat", "S", D, D]
    law = {"u is Gaussian": {"kind": "gaussian", "letter": MAT_U, "rows": sigma_, "columns": ["id", 1]}}
    assert not rejected(mean_square(["trace", sigma_], laws=law))
    for more in ({"kind": "signs", "letter": sigma_}, {"kind": "rotation", "points": [sigma_]}):
        assert rejected(mean_square(["trace", sigma_], laws={**law, "S is random": more}))


def test_one_name_is_one_matrix():
    """A constant X(m x d) of generic m, and a random X(n x d): m = n would make the one the other."""
    size = {"name": "m", **WHOLE, "generic": True}
    other = ["mat", "X", ["sym", "m"], D]
    laws = {
        "X is Gaussian": {"kind": "gaussian", "letter": MAT_X, "rows": ["id", N], "columns": ["id", D]},
        "constant X": {"kind": "constant", "letters": [other]},
    }
    fixed = relation(["mean", square(other)], square(other))
    at_n = relation(["mean", square(MAT_X)], square(MAT_X))
    steps = [("moment", [], fixed, {"expr": square(other), "laws": []})]
    assert not rejected(by_hand(steps, [*SIZES, size], {"constant X": laws["constant X"]}))
    steps.append(("instantiate", [1], at_n, {"uses": [1], "values": [[["sym", "m"], N]]}))
    assert rejected(by_hand(steps, [*SIZES, size], laws))
    assert rejected(by_hand(steps, [*SIZES, size], {"constant X": laws["constant X"]}))
    symmetric = ["symmat", "A", D, D]
    both = relation(["trace", MAT_A], ["trace", symmetric])
    assert rejected(by_hand([("identity", [], both, {"using": []})]))


def test_terms_of_a_sequence_are_not_independent_at_every_index():
    """E tr(X(j)^T X(k)) = 0 for j != k alone."""
    index = [{"name": k, "low": 0, "integer": True, "generic": True} for k in "jk"]
    at = lambda k: ["matterm", "X", N, D, ["sym", k]]
    laws = {k: {"kind": "gaussian", "letter": at(k), "rows": ["id", N], "columns": ["id", D]} for k in "jk"}
    product = ["trace", ["m*", 1, ["T", at("j")], at("k")]]
    steps = [("moment", [], relation(["mean", product], 0), {"expr": product, "laws": ["j", "k"]})]
    assert rejected(by_hand(steps, [*SIZES, *index], laws))


def test_a_constant_term_of_a_sequence_may_be_the_random_one():
    """E tr(X(1)^T X(j)) = 0 for a constant X(j), but not for j = 1."""
    index = {"name": "j", "low": 0, "integer": True, "generic": True}
    at = lambda k: ["matterm", "X", N, D, k]
    for k, true in ((["sym", "j"], False), (2, True), (["+", 1, ["*", 0, ["sym", "j"]]], False)):
        laws = {
            "random": {"kind": "gaussian", "letter": at(1), "rows": ["id", N], "columns": ["id", D]},
            "still": {"kind": "constant", "letters": [at(k)]},
        }
        product = ["trace", ["m*", 1, ["T", at(1)], at(k)]]
        steps = [("moment", [], relation(["mean", product], 0), {"expr": product, "laws": ["random"]})]
        assert rejected(by_hand(steps, [*SIZES, index], laws)) != true


@pytest.mark.parametrize(
    "factor",
    [
        ["fun", "f", ["vec", "x"]],
        ["trace", ["mat", "B", D, D]],  # a letter without a law
        ["^", ["trace", ["m*", 1, ["T", MAT_U], MAT_A, MAT_U]], -1],
        ["abs", ["trace", ["m*", 1, ["T", MAT_U], MAT_A, MAT_U]]],
        ["^", square(MAT_U), "1/2"],
        ["exp", square(MAT_U)],
        ["max", 0, ["trace", ["m*", 1, ["T", MAT_U], MAT_A, MAT_U]]],
        ["diag", MAT_U, MAT_U, MAT_U],
        ["inner", ["vec", "x"], ["vec", "x"]],
        ["det", ["mat", "B", D, D]],
        ["pair", square(MAT_U), SLOT, 0],
    ],
    ids=lambda t: str(t[0]),
)
def test_random_factors_do_not_come_out(factor):
    expr = ["*", factor, square(MAT_U)]
    for value in (["*", factor, D], ["*", ["mean", factor], D]):
        witness = {"expr": expr, "laws": ["u is Gaussian"]}
        steps = [("moment", [], relation(["mean", expr], value), witness)]
        assert rejected(by_hand(steps, laws=NORMAL_LAWS | CONSTANT_A))


def test_high_degrees_are_refused_at_once():
    for law in (NORMAL_LAWS, {"u": {"kind": "sphere", "letter": MAT_U}}, {"u": {"kind": "signs", "letter": MAT_U}}):
        expr = ["^", square(MAT_U), 300]
        steps = [("moment", [], relation(["mean", expr], 1), {"expr": expr, "laws": list(law)})]
        assert rejected(by_hand(steps, laws=law))
    power = ["^", ["^", ["^", SLOT, 60], 60], 60]
    assert rejected(by_hand([("pair value", [], relation(["pair", power, ["^", SLOT, 2], 0], 0), {})]))


CORRELATION = {"name": "r", "low": -1, "high": 1, "low_open": True, "high_open": True, "generic": True}
RELU, HEAVISIDE = ["max", 0, SLOT], ["call", "Heaviside", SLOT]


def priced(first, second, value, correlation=CORRELATION, extra=(), **options):
    left = ["diff", ["pair", first, second, R], R]
    return by_hand([("price", [], relation(left, value), {})], [*SIZES, correlation, *extra], **options)


def test_price_by_hand():
    assert not rejected(priced(RELU, RELU, ["pair", HEAVISIDE, HEAVISIDE, R]))
    assert not rejected(priced(["^", SLOT, 2], ["^", SLOT, 2], ["*", 4, ["pair", SLOT, SLOT, R]]))
    assert rejected(priced(["^", SLOT, 2], ["^", SLOT, 2], ["*", 2, ["pair", SLOT, SLOT, R]]))
    assert rejected(priced(RELU, RELU, ["pair", HEAVISIDE, RELU, R]))


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [
        (HEAVISIDE, RELU, 0),  # the derivative of a step is no function
        (HEAVISIDE, SLOT, 0),
        (["*", HEAVISIDE, SLOT], SLOT, ["pair", HEAVISIDE, 1, R]),
        (["^", SLOT, -1], SLOT, ["pair", ["*", -1, ["^", SLOT, -2]], 1, R]),
        (["exp", ["^", SLOT, 2]], SLOT, ["pair", ["*", 2, SLOT, ["exp", ["^", SLOT, 2]]], 1, R]),  # no mean
        (["exp", SLOT], SLOT, ["pair", ["exp", SLOT], 1, R]),
        (["abs", SLOT], SLOT, 0),
        (["call", "sign", SLOT], SLOT, 0),
        (["*", R, SLOT], SLOT, R),  # depends on the correlation
        (["*", T, SLOT], SLOT, T),  # t has a domain that does
        (["fun", "f", SLOT], SLOT, 0),
        (["*", ["fun", "f", ["vec", "x"]], SLOT], SLOT, ["fun", "f", ["vec", "x"]]),  # a random factor
        (["sum", SLOT, "k", 1, 2], SLOT, 2),
        (["sum", ["^", SLOT, -1], "k", 1, 1], SLOT, 0),
        (["mean", SLOT], SLOT, 0),
        (["pair", SLOT, SLOT, 0], SLOT, 0),
        (["trace", ["mat", "B", SLOT, SLOT]], SLOT, 0),
    ],
    ids=str,
)
def test_what_has_no_derivative_in_the_correlation(first, second, value):
    tied = {"name": "t", "low": R, "generic": True}
    assert rejected(priced(first, second, value, extra=[tied]))


@pytest.mark.parametrize(
    "change",
    [
        {"generic": False},
        {"low": -2},
        {"high": 2},
        {"low_open": False},
        {"high_open": False},
        {"low": None},
        {"integer": True},
    ],
    ids=str,
)
def test_correlations_run_through_the_open_interval(change):
    assert rejected(priced(RELU, RELU, ["pair", HEAVISIDE, HEAVISIDE, R], {**CORRELATION, **change}))


def valued(first, second, rho_, value, symbols=(CORRELATION,), **options):
    left = ["pair", first, second, rho_]
    return by_hand([("pair value", [], relation(left, value), {})], [*SIZES, *symbols], **options)


ROOT = ["^", ["*", 2, ["const", "pi"]], "-1/2"]


@pytest.mark.parametrize(
    ("data", "true"),
    [
        (valued(SLOT, SLOT, R, R), True),
        (valued(SLOT, SLOT, 2, 2), False),
        (valued(SLOT, SLOT, ["sym", "t"], ["sym", "t"], [{"name": "t", "low": -1}]), False),
        (valued(["^", SLOT, 2], ["^", SLOT, 2], R, ["+", 1, ["*", 2, ["^", R, 2]]]), True),
        (valued(["^", SLOT, 2], ["^", SLOT, 2], R, ["*", 3, ["^", R, 2]]), False),
        (valued(["^", SLOT, 2], ["^", SLOT, 2], 0, 1), True),
        (valued(["^", SLOT, 2], ["^", SLOT, 2], 1, 3), True),
        (valued(SLOT, RELU, R, ["*", "1/2", R]), True),
        (valued(SLOT, RELU, R, R), False),
        (valued(RELU, RELU, 0, ["*", "1/2", ["^", ["const", "pi"], -1]]), True),
        (valued(RELU, RELU, R, ["*", "1/2", ["^", ["const", "pi"], -1]]), False),  # not a product at r != 0
        (valued(HEAVISIDE, HEAVISIDE, R, "1/4"), False),
        (valued(HEAVISIDE, RELU, 0, ["*", "1/2", ROOT]), True),
        (valued(["call", "erf", SLOT], ["^", SLOT, -1], 0, 0), False),  # no mean
        (valued(["call", "erf", SLOT], ["exp", ["^", SLOT, 2]], 0, 0), False),
        (valued(["call", "erf", SLOT], ["call", "cos", SLOT], 0, 0), True),
        (valued(["call", "erf", SLOT], ["call", "cos", SLOT], R, 0), False),
        (valued(["call", "erf", ["+", 1, SLOT]], RELU, 0, 0), False),  # not odd
        (valued(["exp", ["^", SLOT, 2]], ["exp", ["^", SLOT, 2]], 0, -1), False),
        (valued(["exp", ["*", "-1/2", ["^", SLOT, 2]]], ["exp", ["*", "-1/2", ["^", SLOT, 2]]], 0, "1/2"), True),
        (valued(["exp", ["*", "-1/2", ["^", SLOT, 2]]], ["exp", ["*", "-1/2", ["^", SLOT, 2]]], 0, "-1/2"), False),
        (valued(["sum", ["^", SLOT, -1], "k", 1, 1], 1, 0, ["sum", ["^", SLOT, -1], "k", 1, 1]), False),
        (valued(SLOT, 1, 0, SLOT), False),
    ],
    ids=lambda v: v["propositions"][0] if isinstance(v, dict) else v,
)
def test_values_by_hand(data, true):
    assert rejected(data) != true


def test_no_value_is_captured_by_the_variable_of_an_activation():
    """E[c U V] at correlation 0 is 0 for every c; c = U would make it E U^2 E V."""
    c = {"name": "c", "generic": True}
    first = relation(["pair", ["*", ["sym", "c"], SLOT], SLOT, 0], 0)
    second = relation(["pair", ["*", SLOT, SLOT], ["^", SLOT, 2], 0], 0)
    steps = [
        ("pair value", [], first, {}),
        ("instantiate", [1], second, {"uses": [1], "values": [[["sym", "c"], SLOT]]}),
    ]
    assert rejected(by_hand(steps, [*SIZES, c]))
    assert not rejected(by_hand(steps[:1], [*SIZES, c]))
    assert rejected(by_hand([("identity", [], relation(SLOT, SLOT), {"using": []})]))


def test_derivatives_are_not_taken_at_one_point():
    """x^2 and x/2 agree at 1/2; their derivatives there do not."""
    X_, half = ["sym", "x"], "1/2"
    put = lambda k: {"uses": [k], "values": [[X_, half]]}
    steps = [
        ("derivative", [], relation(["diff", ["^", X_, 2], X_], ["*", 2, X_]), {}),
        ("derivative", [], relation(["diff", ["*", half, X_], X_], half), {}),
        ("instantiate", [1], relation(["diff", "1/4", half], 1), put(1)),
        ("instantiate", [2], relation(["diff", "1/4", half], half), put(2)),
        ("certificate", [3, 4], relation(1, half), {"combine": [[-1, 3], [1, 4]], "squares": [], "using": []}),
    ]
    assert rejected(by_hand(steps, [{"name": "x", "generic": True}]))
    assert not rejected(by_hand(steps[:2][::-1][:1], [{"name": "x", "generic": True}]))
    growth = lambda e, value: ("growth", [], relation(["growth", e, X_], value), {"n": X_})
    steps = [
        growth(X_, 1),
        growth(["*", half, ["^", X_, 2]], 2),
        ("instantiate", [1], relation(["growth", 2, 2], 1), {"uses": [1], "values": [[X_, 2]]}),
        ("instantiate", [2], relation(["growth", 2, 2], 2), {"uses": [2], "values": [[X_, 2]]}),
        ("certificate", [3, 4], relation(1, 2), {"combine": [[1, 3], [-1, 4]], "squares": [], "using": []}),
    ]
    assert rejected(by_hand(steps, [{"name": "x", "low": 1, "generic": True}]))


def test_derivatives_do_not_follow_from_values_under_a_supposition():
    """Where x <= 0 is supposed, max(0, x) = 0 there; its derivative is another matter."""
    x_ = ["sym", "x"]
    steps = [
        ("suppose", [], relation(["fun", "f", x_], 1), {}),
        ("identity", [1], relation(["diff", ["fun", "f", x_], x_], ["diff", 1, x_]), {"using": [1]}),
    ]
    data = by_hand(steps, [{"name": "x", "generic": True}])
    data["concluded"] = [2]
    assert rejected(data)


def test_named_functions_are_real_on_their_domain_alone():
    """asin(2)^2 is not >= 0: it is not real."""
    for name, argument, true in (("asin", 2, False), ("asin", "1/3", True), ("acosh", "1/2", False), ("atan", 2, True)):
        value = ["call", name, argument]
        witness = {"combine": [], "squares": [[1, value]], "using": []}
        assert rejected(by_hand([("certificate", [], relation(["^", value, 2], 0, ">="), witness)])) == (not true)


def test_constant_sequences_are_constant_where_they_are_said_to_be():
    e = ["fun", "e", ["sym", "k"]]
    k = [{"name": "k", "low": 0, "integer": True}]
    pulled = relation(["mean", ["*", e, ["fun", "u"]]], ["*", e, ["mean", ["fun", "u"]]])
    law = {"constant e": {"kind": "constant", "functions": ["e"]}}
    steps = [("identity", [], pulled, {"using": []})]
    assert not rejected(by_hand(steps, k, law))
    assert rejected(by_hand(steps, k))
    assert rejected(by_hand(steps, k, {"constant e": {**law["constant e"], "functions": ["f"]}}))
    at_random = ["fun", "e", ["fun", "u"]]
    pulled = relation(["mean", ["*", at_random, ["fun", "u"]]], ["*", at_random, ["mean", ["fun", "u"]]])
    assert rejected(by_hand([("identity", [], pulled, {"using": []})], k, law))


def test_stein_by_hand():
    """E tr(X^T P^2-like field) with the inverse of another letter, or of none."""
    law = {"X is Gaussian": {"kind": "gaussian", "letter": MAT_X, "rows": ["id", N], "columns": ["id", D]}}
    inverse = ["symmat", "P", D, D]
    field = ["m*", 1, MAT_X, inverse]
    left = ["mean", ["trace", ["m*", 1, ["T", MAT_X], field]]]
    for said in (
        {},
        {"P": {"kind": "gram-inverse", "inverse": inverse, "letter": ["mat", "Y", N, D]}},
        {
            "P": {"kind": "constant", "letters": [inverse]},
            "Q": {"kind": "gram-inverse", "inverse": inverse, "letter": MAT_X},
        },
        {k: {"kind": "gram-inverse", "inverse": inverse, "letter": MAT_X} for k in "PQ"},
    ):
        witness = {"law": "X is Gaussian", "field": field, "others": []}
        for value in (["*", N, ["mean", ["trace", inverse]]], 0, N):
            assert rejected(by_hand([("stein", [], relation(left, value), witness)], laws={**law, **said}))


# -- shares of Gaussian energy ----------------------------------------------------------------------------------------

I_, J, B_, THETA = (["sym", k] for k in ("i", "j", "b", "theta"))
INDICES = [
    {"name": "n", **WHOLE}, {"name": "i", "low": 1, "high": N, "integer": True},
    {"name": "j", **WHOLE, "generic": True},
    {"name": "b", "low": 0, "integer": True, "generic": True}, {"name": "theta", "low": 0, "generic": True},
]  # fmt: skip


def weight(k):
    return ["fun", "w", k]


def energy(k):
    return ["*", weight(k), ["^", ["gauss", k], 2]]


def determinant(k, t=THETA):
    return ["fun", "det", k, t]


def share_of(i):
    return ["nmean", ["*", energy(i), ["^", ["sum", energy(["sym", "k"]), "k", 1, N], -1]]]


NEXT = ["+", 1, B_]
GIVEN = {
    "weights": relation(weight(J), 0, ">="),
    "mass": relation(["sum", weight(["sym", "k"]), "k", 1, N], 0, ">"),
    "start": relation(determinant(0), 1),
    "step": relation(determinant(NEXT), ["*", ["+", 1, ["*", 2, THETA, weight(NEXT)]], determinant(B_)]),
}
SHARE = {"uses": [1, 2, 3, 4], "i": I_, "n": N, "j": J, "b": B_, "theta": THETA}


def shared(given=None, symbols=INDICES, power="-1/2", i=I_, **witness):
    given = {**GIVEN, **(given or {})}
    t = ["sym", "t"]
    inside = ["^", ["+", 1, ["*", 2, t, weight(i)]], -1]
    body = ["*", weight(i), inside, ["^", determinant(N, t), power]]
    steps = [("assumption", [], r, name) for name, r in given.items()]
    steps.append(("domain", [], relation(N, I_, ">="), {}))
    conclusion = relation(share_of(i), ["integral", body, "t", 0, ["oo"]])
    steps.append(("share integral", [1, 2, 3, 4, 5], conclusion, {**SHARE, "i": i, **witness}))
    return by_hand(steps, symbols, relations={name: [r] for name, r in given.items()})


def without(symbols, name, **change):
    return [{**x, **change} if x["name"] == name else x for x in symbols]


def test_a_share_is_an_integral():
    assert not rejected(shared())


@pytest.mark.parametrize(
    "data",
    [
        shared({"weights": relation(["fun", "u", J], 0, ">=")}),
        shared({"weights": relation(["*", -1, weight(J)], 0, ">=")}),
        shared({"mass": relation(["sum", weight(["sym", "k"]), "k", 1, N], 0, ">=")}),
        shared({"mass": relation(["sum", weight(["sym", "k"]), "k", 1, ["+", N, 1]], 0, ">")}),
        shared({"mass": relation(weight(N), 0, ">")}),
        shared({"start": relation(determinant(0), 2)}),
        shared({"start": relation(determinant(1), 1)}),
        shared({"step": relation(determinant(NEXT), ["*", ["+", 1, ["*", THETA, weight(NEXT)]], determinant(B_)])}),
        shared({"step": relation(determinant(NEXT), ["*", ["+", 1, ["*", 2, THETA, weight(B_)]], determinant(B_)])}),
        shared(power="-3/2"),
        shared(power=-1),
        shared(i=["+", 1, N]),
        shared(i=0),
        shared(theta=J),
        shared(b=J),
        shared(uses=[1, 2, 4, 3]),
        shared(symbols=without(INDICES, "j", low=2)),  # w_1 may be negative
        shared(symbols=without(INDICES, "j", high=5)),
        shared(symbols=without(INDICES, "j", generic=False)),
        shared(symbols=without(INDICES, "b", low=1)),  # the step from 0 to 1 is missing
        shared(symbols=without(INDICES, "theta", high=1)),
        shared(symbols=without(INDICES, "theta", low=None)),
        shared(symbols=without(INDICES, "theta", generic=False)),
        shared(symbols=without(INDICES, "n", low=THETA)),
        shared(symbols=without(INDICES, "i", integer=False)),
    ],
    ids=range(25),
)
def test_what_a_share_needs(data):
    assert rejected(data)


def formed(coordinate=lambda k: ["fun", "c", k], power=2):
    k = ["sym", "k"]
    root = ["sum", ["*", ["^", weight(k), "1/2"], coordinate(k), ["gauss", k]], "k", 1, N]
    left = ["nmean", ["*", ["^", root, 2], ["^", ["sum", energy(k), "k", 1, N], -1]]]
    inner = ["nmean", ["*", energy(["sym", "l"]), ["^", ["sum", energy(k), "k", 1, N], -1]]]
    right = ["sum", ["*", ["^", coordinate(["sym", "l"]), power], inner], "l", 1, N]
    given = {k: GIVEN[k] for k in ("weights", "mass")}
    steps = [("assumption", [], r, name) for name, r in given.items()]
    witness = {"uses": [1, 2], "c": coordinate(J), "n": N, "j": J}
    steps.append(("form by shares", [1, 2], relation(left, right), witness))
    return by_hand(steps, [*INDICES, {"name": "x"}], relations={name: [r] for name, r in given.items()})


def test_a_form_is_a_sum_of_shares():
    assert not rejected(formed())
    assert rejected(formed(power=1))
    assert rejected(formed(lambda k: ["*", ["^", ["sym", "x"], "1/2"], ["fun", "c", k]]))  # x may be negative
    assert rejected(by_hand([("identity", [], relation(["gauss", 1], ["gauss", 1]), {"using": []})]))
    mean = ["nmean", ["*", ["sym", "x"], ["gauss", 1]]]
    steps = [("identity", [], relation(mean, mean), {"using": []})]
    assert not rejected(by_hand(steps, [{"name": "x", "generic": True}]))
    square_ = ["nmean", ["*", ["gauss", 1], ["gauss", 1]]]
    steps.append(
        ("instantiate", [1], relation(square_, square_), {"uses": [1], "values": [[["sym", "x"], ["gauss", 1]]]})
    )
    assert rejected(by_hand(steps, [{"name": "x", "generic": True}]))


# -- along the correlation ---------------------------------------------------------------------------------------------

SLOPE = relation(
    ["diff", ["pair", HEAVISIDE, HEAVISIDE, R], R],
    ["*", "1/2", ["^", ["const", "pi"], -1], ["^", ["+", 1, ["*", -1, ["^", R, 2]]], "-1/2"]],
)
AT_ZERO = relation(["pair", HEAVISIDE, HEAVISIDE, 0], "1/4")
ARC = ["*", "1/2", ["^", ["const", "pi"], -1], ["call", "asin", R]]
INSIDE = [
    ("domain", [], relation(1, R, ">"), {}),
    ("domain", [], relation(R, -1, ">"), {}),
    ("product", [1, 2], relation(["*", ["+", 1, ["*", -1, R]], ["+", 1, R]], 0, ">"), {"uses": [1, 2]}),
    (
        "certificate",
        [3],
        relation(["+", 1, ["*", -1, ["^", R, 2]]], 0, ">"),
        {"combine": [[1, 3]], "squares": [], "using": []},
    ),
]


def integrated(motion, start, antiderivative, value, uses=(5, 6)):
    conclusion = relation(["pair", HEAVISIDE, HEAVISIDE, R], value)
    end = ("along correlation", [4, *sorted(uses)], conclusion, {"uses": list(uses), "antiderivative": antiderivative})
    return by_hand([*INSIDE, motion, start, end], [*SIZES, CORRELATION])


def test_integration_along_the_correlation():
    motion, start = ("price", [], SLOPE, {}), ("pair value", [], AT_ZERO, {})
    value = ["+", "1/4", ARC]
    assert not rejected(integrated(motion, start, ARC, value))
    assert not rejected(integrated(motion, start, ["+", 7, ARC], value))
    assert rejected(integrated(motion, start, ["*", 2, ARC], ["+", "1/4", ["*", 2, ARC]]))
    assert rejected(integrated(motion, start, ARC, ["+", "1/2", ARC]))
    assert rejected(integrated(motion, start, ARC, value, uses=(6, 5)))
    other = ("pair value", [], relation(["pair", RELU, HEAVISIDE, 0], ["*", "1/2", ROOT]), {})
    assert rejected(integrated(motion, other, ARC, ["+", ["*", "1/2", ROOT], ARC]))
    supposed = ("suppose", [], relation(SLOPE["left"], 0), {})
    assert rejected(integrated(supposed, start, 0, "1/4"))
    assert rejected(integrated(motion, ("suppose", [], relation(AT_ZERO["left"], 1), {}), ARC, ["+", 1, ARC]))


def test_a_parameter_does_not_become_the_correlation():
    """d/dr E[c U V] = c for a constant c; for c = r it is 2 r."""
    c = {"name": "c", "low": -1, "high": 1, "low_open": True, "high_open": True, "generic": True}
    left = lambda k: ["diff", ["pair", ["*", k, SLOT], SLOT, R], R]
    value = lambda k: ["*", k, ["pair", 1, 1, R]]
    steps = [("price", [], relation(left(["sym", "c"]), value(["sym", "c"])), {})]
    assert not rejected(by_hand(steps, [*SIZES, CORRELATION, c]))
    steps.append(("instantiate", [1], relation(left(R), value(R)), {"uses": [1], "values": [[["sym", "c"], R]]}))
    assert rejected(by_hand(steps, [*SIZES, CORRELATION, c]))


@pytest.mark.parametrize(
    ("name", "slope_", "true"),
    [
        ("asin", ["^", ["+", 1, ["*", -1, ["^", R, 2]]], "-1/2"], True),
        ("acos", ["*", -1, ["^", ["+", 1, ["*", -1, ["^", R, 2]]], "-1/2"]], True),
        ("acos", ["^", ["+", 1, ["*", -1, ["^", R, 2]]], "-1/2"], False),
        ("atan", ["^", ["+", 1, ["^", R, 2]], -1], True),
        ("atan", ["^", ["+", 1, ["*", -1, ["^", R, 2]]], -1], False),
        ("erf", ["*", 2, ["^", ["const", "pi"], "-1/2"], ["exp", ["*", -1, ["^", R, 2]]]], True),
        ("erf", ["*", ["^", ["const", "pi"], "-1/2"], ["exp", ["*", -1, ["^", R, 2]]]], False),
        ("tanh", ["+", 1, ["*", -1, ["^", ["call", "tanh", R], 2]]], True),
        ("sin", ["call", "cos", R], True),
        ("cos", ["call", "sin", R], False),
        ("sign", 0, False),
        ("Heaviside", 0, False),
        ("floor", 0, False),
    ],
)
def test_derivatives_of_named_functions(name, slope_, true):
    end = ("derivative", [4], relation(["diff", ["call", name, R], R], slope_), {})
    assert rejected(by_hand([*INSIDE, end], [*SIZES, CORRELATION])) != true
    outside = [{**CORRELATION, "high": 3}]
    if name in ("asin", "acos"):
        assert rejected(by_hand([("derivative", [], end[2], {})], [*SIZES, *outside]))


# -- values that are not there -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [["^", -1, "1/2"], ["call", "asin", 2], ["log", 0], ["log", -1], ["log", ["sym", "y"]]], ids=str
)
def test_generic_reals_are_real(value):
    """x^2 >= 0 for every real x; i^2 is -1."""
    x_ = ["sym", "x"]
    steps = [
        ("sign", [], relation(["^", x_, 2], 0, ">="), {}),
        ("instantiate", [1], relation(["^", value, 2], 0, ">="), {"uses": [1], "values": [[x_, value]]}),
    ]
    reals = [{"name": "x", "generic": True}, {"name": "y"}]
    assert not rejected(by_hand(steps[:1], reals))
    assert rejected(by_hand(steps, reals))


def test_integrals_stay_inside_of_the_domain():
    """|t| has the antiderivative t^2/2 on [0, oo) and -t^2/2 on [-5, 0] alone."""
    x_, t_ = ["sym", "x"], ["sym", "t"]
    half = ["*", "1/2", ["^", x_, 2]]

    def integral(function, antiderivative, start, end, value, **domain):
        left = ["integral", function(t_), "t", start, end]
        witness = {"function": function(x_), "x": x_, "low": start, "high": end, "antiderivative": antiderivative}
        return by_hand([("integral", [], relation(left, value), witness)], [{"name": "x", "generic": True, **domain}])

    same, modulus = (lambda v: v), (lambda v: ["abs", v])
    assert not rejected(integral(same, half, 0, 2, 2, low=0))
    assert not rejected(integral(same, half, 0, -1, "1/2", low=-5))
    assert rejected(integral(same, half, 0, -1, "1/2", low=0))
    assert rejected(integral(modulus, half, 0, -1, "1/2", low=0))
    assert rejected(integral(modulus, ["*", -1, half], 0, -1, "1/2", low=-5, high=0))
    assert rejected(integral(same, half, 0, ["^", -1, "1/2"], "-1/2", low=0))


def test_tangents_touch_inside_of_the_domain():
    x_ = ["sym", "x"]
    entropy = relation(["*", x_, ["log", x_]], ["*", ["+", 1, ["log", 0]], x_], ">=")
    positive = [{"name": "x", "low": 0, "low_open": True, "generic": True}]
    assert rejected(by_hand([("tangent", [], entropy, {"x": x_, "at": 0})], positive))
    at_one = relation(["*", x_, ["log", x_]], ["+", x_, -1], ">=")
    for rule, more in (("tangent", {}), ("taylor", {"order": 2})):
        assert not rejected(by_hand([(rule, [], at_one, {"x": x_, "at": 1, **more})], positive))
        off = relation(at_one["left"], ["+", x_, "-9/10"], ">=")
        assert rejected(by_hand([(rule, [], off, {"x": x_, "at": 1, **more})], positive))


def test_taylor_and_geometric_growth():
    def derive(proof):
        y, k = proof.scalar("y", Nonnegative()), proof.index("k", 1)
        growth = proof.geometric(3 * 2**k + Rational(1, 2) ** k + 7, k)
        return [proof.taylor(exp(y), y, 0, 3), proof.taylor(exp(y), y, 0, 2), growth]

    data = exported(claim(), derive)
    every_number_matters(data, "taylor")
    every_number_matters(data, "geometric")
    x_ = ["sym", "x"]
    cubic = relation(["^", x_, 3], 0, ">=")  # order 3 at 0: for x >= 0 alone
    witness = {"x": x_, "at": 0, "order": 3}
    assert not rejected(by_hand([("taylor", [], cubic, witness)], [{"name": "x", "low": 0, "generic": True}]))
    assert rejected(by_hand([("taylor", [], cubic, witness)], [{"name": "x", "low": -1, "generic": True}]))
    powers = lambda base, value: by_hand(
        [("geometric", [], relation(["ratio", ["^", base, N], N], value), {"n": N})],
        [{"name": "n", **WHOLE, "generic": True}],
    )
    assert not rejected(powers(2, 2))
    assert rejected(powers(2, 3)) and rejected(powers(-2, -2)) and rejected(powers(N, N))
