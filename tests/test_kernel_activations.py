"""Gaussian expectations of activations: closed forms proved, neighbours refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from sympy import Heaviside, MatrixSymbol, Max, Rational, Trace, asin, atan, erf, exp, pi, sqrt

from gdverify import Claim, Integers, Interval, Paper, Positive, Reals, SureBound
from gdverify.errors import ProofError
from gdverify.kernel import Proof
from gdverify.language import Mean, PairMean
from gdverify.laws import constant, equation, gaussian, signs

d = sympy.Symbol("d", integer=True, positive=True)
p, sigma, tau = sympy.symbols("p sigma tau", positive=True)
rho = sympy.Symbol("rho", real=True)
w, x, y = (MatrixSymbol(name, d, 1) for name in "wxy")
U, V = Trace(x.T * w), Trace(y.T * w)
z = PairMean.variable
relu, step = Max(0, z), Heaviside(z)
normal = gaussian(w)
variances = [
    equation("variance of u", Trace(x.T * x), sigma**2),
    equation("variance of v", Trace(y.T * y), tau**2),
    equation("covariance", Trace(x.T * y), rho * sigma * tau),
]


def proof(*extra):
    return Proof(
        Claim(
            id="toy.activations", title="t", paper=Paper("x", "x"), locator="l", statement="s",
            symbols={
                d: Integers(1, sample=(1, 5)), p: Positive(sample=(1, 2)), sigma: Positive(sample=(1, 2)),
                tau: Positive(sample=(1, 2)), rho: Interval(-1, 1, open="both"),
            },
            assumptions=(constant(x, y), *variances, *extra),
            decides=SureBound(sympy.S.Zero, sympy.S.One),
        )
    )  # fmt: skip


def refused(call, *args, match=None, **kwargs):
    with pytest.raises(ProofError, match=match):
        call(*args, **kwargs)


@pytest.fixture
def check():
    return proof(normal)


@pytest.fixture
def r(check):
    r = check.scalar("r", Interval(-1, 1, open="both"))
    check.certificate(1 - r**2 > 0, [(1, check.product(check.high(r), check.low(r)))])
    return r


def arc_cosine(check, r):
    """The kernels of degree 0 and 1 at a generic correlation."""
    steps = check.along_correlation(check.price(step, step, r), check.pair_value(step, step, 0), asin(r) / (2 * pi), r)
    slope = check.rewrite(check.price(relu, relu, r), steps)
    antiderivative = r / 4 + (r * asin(r) + sqrt(1 - r**2)) / (2 * pi)
    return steps, check.along_correlation(slope, check.pair_value(relu, relu, 0), antiderivative, r)


def quadrature(f, g, correlation, half_width=9.0, n=400):
    """E f(U) g(V) by Gauss-Legendre panels that end at 0 in both variables' kinks (V is integrated given U)."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    t = np.concatenate([half_width * (nodes - 1) / 2, half_width * (nodes + 1) / 2])
    wt = np.concatenate([weights, weights]) * half_width / 2
    density = lambda q: np.exp(-(q**2) / 2) / math.sqrt(2 * math.pi)
    other = math.sqrt(1 - correlation**2)
    total = 0.0
    for u, weight in zip(t, wt, strict=True):
        v = t  # V | U is normal with mean rho U
        given = density((v - correlation * u) / other) / other
        total += weight * density(u) * f(u) * np.sum(wt * given * g(v))
    return total


def test_arc_cosine_kernels_of_degree_0_and_1(check, r):
    steps, relus = arc_cosine(check, r)
    for at in (-0.7, 0.3):
        assert abs(float(steps.right.subs(r, at)) - quadrature(lambda u: u > 0, lambda v: v > 0, at)) < 1e-7
        value = quadrature(lambda u: max(u, 0), lambda v: np.maximum(v, 0), at)
        assert abs(float(relus.right.subs(r, at)) - value) < 1e-7
    check.instantiate(relus, {r: Rational(1, 2)})
    refused(check.instantiate, relus, {r: 1})


def test_they_reach_networks(check, r):
    """E relu(x^T w) relu(y^T w) for a Gaussian vector w of any dimension."""
    given = [check.assume(a) for a in variances]
    fact = check.pair_mean(Max(0, U) * Max(0, V), normal, (sigma, tau), rho, using=given)
    refused(check.instantiate, arc_cosine(check, r)[1], {r: rho * 2})
    check.low(rho), check.high(rho)
    at = check.instantiate(arc_cosine(check, r)[1], {r: rho})
    value = sigma * tau * (rho / 4 + (rho * asin(rho) + sqrt(1 - rho**2)) / (2 * pi))
    check.certificate((Mean(Max(0, U) * Max(0, V)), "==", value), [(1, fact), (sigma * tau, at)])
    refused(check.certificate, (Mean(Max(0, U) * Max(0, V)), "==", value * tau), [(1, fact), (sigma * tau, at)])
    turned = check.pair_mean(Max(0, U) * Max(0, V) ** 2, normal, (tau, sigma), rho, using=given)
    check.identity(turned.right, sigma * tau**2 * PairMean(relu, relu**2, rho))
    assert check.price(p, relu, r).right == 0
    steps = check.pair_mean(Heaviside(U) * Heaviside(V), normal, (sigma, tau), rho, using=given)
    assert steps.right == PairMean(step, step, rho)  # no factor sigma tau


def test_erf(check, r):
    q = check.certificate((1 + 2 * p**2) ** 2 - 4 * p**4 * r**2 > 0, _erf_parts(check, r))
    assert q.relation == ">"
    slope = check.rewrite(
        check.price(erf(p * z), erf(p * z), r), check.pair_value(exp(-(p**2) * z**2), exp(-(p**2) * z**2), r)
    )
    root = sqrt((1 + 2 * p**2) ** 2 - 4 * p**4 * r**2)
    start = check.pair_value(erf(p * z), erf(p * z), 0)
    assert start.right == 0
    closed = check.along_correlation(slope, start, 2 / pi * atan(2 * p**2 * r / root), r)
    value = quadrature(lambda u: math.erf(u), lambda v: np.array([math.erf(t) for t in v]), 0.4, n=100)
    assert abs(float(closed.right.subs({r: 0.4, p: 1})) - value) < 1e-7
    refused(check.along_correlation, slope, start, 2 / pi * atan(p**2 * r / root), r, match="antiderivative")


def _erf_parts(check, r):
    inside = check.certificate(1 - r**2 > 0, [(1, check.product(check.high(r), check.low(r)))])
    return [(4 * p**4, inside), (1, check.sign(1 + 4 * p**2))]


@pytest.mark.parametrize("j", range(5))
@pytest.mark.parametrize("k", range(5))
def test_hermite_polynomials_are_orthogonal(check, r, j, k):
    he = lambda i: sympy.hermite_prob_poly(i, z) if i else sympy.S.One
    fact = check.pair_value(he(j), he(k), r)
    check.identity(fact.right, sympy.factorial(k) * r**k if j == k else 0)
    if j == k:
        refused(check.identity, fact.right, sympy.factorial(k + 1) * r**k * 2)


@pytest.mark.parametrize(
    ("f", "g"), [(z, relu), (z**2, relu), (z**3, relu**2), (z**2, z * step), (z**2 + 3 * z, 2 * step - z * relu + 1)]
)
def test_polynomials_against_relu(check, r, f, g):
    numpy_f, numpy_g = (sympy.lambdify(z, e, ["numpy", {"Heaviside": lambda t: t > 0, "amax": lambda *a: 0}])
                        for e in (f, g.xreplace({relu: z * step})))  # fmt: skip
    value = quadrature(numpy_f, numpy_g, 0.3)
    assert abs(float(check.pair_value(f, g, r).right.subs(r, 0.3)) - value) < 1e-7


def test_one_linear_form(check):
    given = [check.assume(a) for a in variances]
    fact = check.pair_mean(Max(0, U) ** 4, normal, (sigma,), 0, using=given)
    fourth = check.pair_value(relu**4, sympy.S.One, 0)
    assert fact.right * fourth.right / fourth.left == Rational(3, 2) * sigma**4
    refused(check.pair_mean, Max(0, U) ** 4, normal, (tau,), 0, using=given, match="not proved")
    refused(check.pair_mean, Max(0, U) ** 4, normal, (sigma,), rho, using=given, match="correlation 0")
    refused(check.pair_mean, Max(0, U) ** 4, normal, (sigma, tau), 0, using=given, match="one or two")
    refused(check.pair_mean, Max(0, U) * Max(0, V), normal, (sigma,), 0, using=given, match="one or two")


def test_independence():
    h = MatrixSymbol("h", 1, 1)
    head, G = gaussian(h), Trace(h)
    check = proof(normal, head)
    gates = Heaviside(U) * Heaviside(V)
    fact = check.independence(p * G**2 * gates, [head], [normal])
    assert fact.right == Mean(p * G**2) * Mean(gates)
    refused(check.independence, G**2 * gates, [head, normal], [normal], match="both sides")
    refused(check.independence, U * V, [normal], [normal], match="both sides")
    refused(check.independence, Max(0, U * G) * gates, [head], [normal], match="both sides")
    refused(check.independence, G**2 * gates, [head], [], match="missing")
    refused(check.independence, G**2 * exp(U), [head], [normal], match="moments")
    refused(check.independence, G**2 / U, [head], [normal], match="moments")
    refused(check.independence, G**2 * Max(0, exp(U**2)), [head], [normal], match="moments")
    refused(check.independence, G**2 * sympy.Function("f")(p), [head], [normal], match="moments")
    tied = equation("tie", h, x.T * w)
    loose = proof(normal, head, tied)
    refused(loose.independence, G**2 * gates, [head], [normal], match="independent")
    unlisted = proof(normal)
    refused(unlisted.independence, G**2 * gates, [head], [normal], match="does not assume")


# -- refusals -----------------------------------------------------------------------------------------------------


def test_price_needs_functions_without_jumps(check, r):
    refused(check.price, step, relu, r, match="Lipschitz")
    refused(check.price, step, z, r, match="Lipschitz")
    refused(check.price, sympy.sign(z), z, r, match="Lipschitz")
    refused(check.price, 1 / z, z, r, match="Lipschitz")
    refused(check.price, exp(z**2), z, r)
    refused(check.price, sqrt(p - 2) * z, z, r, match="real")
    refused(check.price, r * z, z, r, match="depends")
    refused(check.price, relu, relu, rho, match="generic")
    closed = check.scalar("c", Interval(0, 1))
    refused(check.price, relu, relu, closed, match="generic")


def test_closed_forms_are_for_what_they_say(check, r):
    refused(check.pair_value, relu, relu, r, match="no closed form")  # not a product at rho != 0
    refused(check.pair_value, step, step, r, match="no closed form")
    refused(check.pair_value, z, z, p, match="not proved")  # p may exceed 1
    refused(check.pair_value, z, z, 2, match="not proved")
    refused(check.pair_value, exp(p * z**2), exp(-(z**2)), r)
    refused(check.pair_value, erf(z), 1 / z, 0)
    fact = check.pair_value(relu, relu, 0)
    refused(check.identity, fact.right, Rational(1, 4))
    refused(check.identity, check.pair_value(z**2, z**2, r).right, 3 * r**2)


def test_integration_starts_at_its_own_value(check, r):
    slope, other = check.price(step, step, r), check.pair_value(relu, relu, 0)
    refused(check.along_correlation, slope, other, asin(r) / (2 * pi), r, match="correlation 0")
    start = check.pair_value(step, step, 0)
    refused(check.along_correlation, slope, start, asin(r) / pi, r, match="antiderivative")
    refused(check.along_correlation, slope, slope, asin(r) / (2 * pi), r)
    refused(check.along_correlation, start, start, r, r, match="no derivative")


def test_linear_forms_need_a_gaussian_law_and_their_covariance(check):
    given = [check.assume(a) for a in variances]
    product = Max(0, U) * Max(0, V)
    refused(check.pair_mean, product, normal, (sigma, tau), rho, match="not proved")  # variances not given
    refused(check.pair_mean, product, normal, (tau, tau), rho, using=given, match="not proved")
    refused(check.pair_mean, product, normal, (sigma, tau), 0, using=given, match="not proved")
    refused(check.pair_mean, product, normal, (-sigma, tau), -rho, using=given, match="positive")
    refused(check.pair_mean, Max(0, U * V), normal, (sigma, tau), rho, using=given)
    refused(check.pair_mean, Max(0, U), normal, (sigma, tau), rho, using=given, match="one or two")
    refused(check.pair_mean, product / U, normal, (sigma, tau), rho, using=given)
    fair = signs(w)
    loose = proof(fair)
    refused(loose.pair_mean, product, fair, (sigma, tau), rho, match="Gaussian")
    refused(proof().pair_mean, product, normal, (sigma, tau), rho, match="does not assume")


def test_the_variable_of_an_activation_is_bound(check, r):
    c = check.scalar("c", Reals())
    fact = check.pair_value(c * z, c * z, 0)
    assert fact.right == 0
    refused(check.instantiate, fact, {c: z}, match="captured")  # E z^2 E z^2 is 1
    refused(check.identity, z, z, match="unknown symbol")
