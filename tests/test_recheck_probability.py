"""The independent checker on probability: what the kernel proves is verified, near-false neighbours are not."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import sympy
from sympy import Heaviside, MatrixSymbol, Max, Rational, Trace, asin, atan, erf, exp, pi, sqrt

from gdverify import Claim, Integers, Interval, Paper, Positive, SureBound
from gdverify.kernel.export import _laws, certificate, finished
from gdverify.language import Mean, PairMean, SymmetricMatrix
from gdverify.laws import (
    constant,
    equation,
    gaussian,
    gram_inverse,
    haar,
    invertible,
    rotation_invariant,
    signs,
    sphere,
)
from gdverify.recheck import Malformed, Rejected, Unknown, digest, recheck_data

d, n, m = sympy.symbols("d n m", integer=True, positive=True)
p, sigma, tau = sympy.symbols("p sigma tau", positive=True)
rho = sympy.Symbol("rho", real=True)
A, B, C, O = (MatrixSymbol(name, d, d) for name in "ABCO")
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
    assert len(recheck_data(data).assumptions) == 4
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
    assert rejected(changed(data, ("assumptions", points, "law", "labels"), lambda v: []))  # the label may depend on x
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
