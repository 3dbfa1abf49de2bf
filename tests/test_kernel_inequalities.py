"""Rules that decide inequalities must prove what is true and refuse neighbours that are false by a hair."""

from __future__ import annotations

import sys

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Ge, Gt, Rational, Sum, cos, digamma, exp, gamma, log, loggamma, oo, sin, sqrt, tanh

from gdverify import Assumption, Integers, Interval, Nonnegative, Positive, Reals
from gdverify.errors import ProofError
from gdverify.kernel import Proof
from gdverify.language import Mean
from gdverify.laws import equation
from tests.test_kernel import toy

HAIR = Rational(1, 10**12)
u, v = sympy.symbols("u v", real=True)
p = sympy.Symbol("p", positive=True)
q = sympy.Symbol("q", nonnegative=True)
w = sympy.Symbol("w", real=True)
n = sympy.Symbol("n", integer=True, positive=True)
DOMAINS = {
    u: Interval(0, 1),
    v: Interval(0, 1, open="left"),
    p: Positive(sample=(1, 2)),
    q: Nonnegative(sample=(1, 2)),
    w: Reals(sample=(0, 1)),
    n: Integers(1, sample=(1, 5)),
}
UNIT, HALF_LINE = (0, 1), (0, oo)


@pytest.fixture
def proof():
    return Proof(toy(symbols=DOMAINS))


def refused(call, *args, match=None, **kwargs):
    with pytest.raises(ProofError, match=match):
        call(*args, **kwargs)


# -- one variable -------------------------------------------------------------------------------------------------


def test_rational_functions_of_one_variable(proof):
    assert proof.univariate(u / (1 + u) - u**2 / (1 + u), u, 0, 1).relation == ">="
    assert proof.univariate(1 / v - v / (1 + v) - Rational(1, 2) + HAIR, v, 0, 1).relation == ">"
    assert proof.univariate(1 / (u**2 - u - 1) + 1 / (1 - u + u**2), u, 0, 1).relation == ">="
    assert proof.univariate(1 / (1 + w**2) - (1 - w**2) / (1 + w**4 + w**2), w, -oo, oo).relation == ">="


@pytest.mark.parametrize(
    ("expr", "x", "ends"),
    [
        (1 / v - v / (1 + v) - Rational(1, 2) - HAIR, v, (0, 1)),  # 1/2 at v = 1
        (1 / u, u, (0, 1)),  # a pole at an end that belongs to the domain
        (1 / (2 * u - 1) ** 2, u, (0, 1)),  # positive on either side of its pole
        ((u - Rational(1, 2)) * (u + 1) / (2 * u - 1), u, (0, 1)),  # the root cancels the pole: not at u = 1/2
        ((u**2 - 2 * u + 1) / (u - 1) ** 2, u, (0, 1)),
        (1 / (1 / (2 * u - 1) - 1), u, (-1, 2)),
        (u, u, (0, Rational(1, 2))),  # the domain is wider
        (w**2 - 2 * w + 1 - HAIR, w, (-oo, oo)),
        (u * p, u, (0, 1)),
        (sqrt(u), u, (0, 1)),
        (sympy.Float(0.5) + u, u, (0, 1)),
    ],
)
def test_rational_functions_refused(proof, expr, x, ends):
    refused(proof.univariate, expr, x, *ends)


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=3), st.integers(1, 10**12))
@settings(max_examples=30, deadline=None)
def test_a_square_less_a_hair_takes_negative_values(coefficients, scale):
    proof = Proof(toy(symbols=DOMAINS))
    root = Rational(1, 3) + sum(abs(c) for c in coefficients)
    square = sympy.expand(((w - root) * (1 + w**2)) ** 2)
    proof.univariate(square / (1 + w**2), w, -oo, oo)
    refused(proof.univariate, square / (1 + w**2) - Rational(1, scale), w, -oo, oo)


# -- boxes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "box", "cuts"),
    [
        (exp(u) - 1 - u, {u: UNIT}, {}),  # zero at the end
        (q - log(1 + q), {q: HALF_LINE}, {}),
        (log(1 + q) - q / (1 + q), {q: HALF_LINE}, {}),
        (p - 1 - log(p), {p: HALF_LINE}, {p: [1]}),  # zero inside, at the cut
        (log(1 + 1 / p) - 1 / (1 + p), {p: HALF_LINE}, {}),  # zero at infinity: decreasing to a proved limit
        (1 - 2 * p * exp(-p), {p: HALF_LINE}, {}),
        (exp(w) - w - HAIR, {w: (-oo, oo)}, {}),
        (log(1 + u) - digamma(1 + u), {u: UNIT}, {}),
        (gamma(p) - Rational(885, 1000), {p: HALF_LINE}, {}),
        (sqrt(1 + u * v) + exp(-u) * cos(v) - Rational(6, 5), {u: UNIT, v: UNIT}, {}),
        (1 - tanh(w) * sin(w), {w: (-oo, oo)}, {}),
        (1 + p + log(1 + q) - log(p), {p: HALF_LINE, q: HALF_LINE}, {}),
    ],
)
def test_elementary_inequalities(proof, expr, box, cuts):
    proof.nonneg_on_box(expr, box, cuts=cuts)


@pytest.mark.parametrize(
    ("expr", "box", "cuts"),
    [
        (exp(u) - 1 - u - HAIR, {u: UNIT}, {}),
        (q - log(1 + q) - HAIR, {q: HALF_LINE}, {}),
        (p - (1 - HAIR) - log(p) - 2 * HAIR, {p: HALF_LINE}, {p: [1]}),
        (log(1 + 1 / p) - 1 / (1 + p) - HAIR, {p: HALF_LINE}, {}),  # false far out only
        (1 - exp(1) * (1 + HAIR) * p * exp(-p), {p: HALF_LINE}, {p: [1]}),
        (gamma(p) - Rational(886, 1000), {p: HALF_LINE}, {}),
        (log(u), {u: UNIT}, {}),  # undefined at 0
        (1 + 1 / (u - Rational(1, 3)) ** 2, {u: UNIT}, {}),  # a pole inside
        (1 + sqrt(u - Rational(1, 3)) ** 4 * u, {w: (-1, 1), u: UNIT}, {}),  # w is not confined to [-1, 1]
        (2 + sqrt(u - Rational(1, 2)), {u: UNIT}, {}),  # not real on the left
        (2 + u, {u: (0, Rational(1, 2))}, {}),  # the domain is wider
        (2 + p, {u: UNIT}, {}),  # p has no side
        (2 + u * Mean(w), {u: UNIT, w: (-oo, oo)}, {}),
        (gamma(w) ** 2, {w: (-oo, oo)}, {}),
        (2 + (u - Rational(1, 2)) ** Rational(1, 3), {u: UNIT}, {}),
        (loggamma(p), {p: HALF_LINE}, {}),  # negative between 1 and 2
    ],
)
def test_elementary_inequalities_refused(proof, expr, box, cuts):
    refused(proof.nonneg_on_box, expr, box, cuts=cuts, cells=1000)


HALF = Rational(1, 2)
SQUARE = {u: UNIT, v: UNIT}
MIDDLE = {u: [HALF], v: [HALF]}
TOUCHING = [  # zero at a point, on a face or along a line; what it is compared with near the zero; where
    ((u - v) ** 2 * exp(u * v), (u - v) ** 2, SQUARE, {}),
    (u * v * exp(u) * (2 - v), u * v, SQUARE, {}),
    (exp(u) + exp(v) - 2 - u - v, u**2 + v**2, SQUARE, {}),
    (exp(u + v) - 1 - u - v, (u + v) ** 2, SQUARE, {}),
    (exp(u - HALF) - u - HALF + (v - HALF) ** 2 - (u - HALF) * (v - HALF), (u - HALF) ** 2, SQUARE, MIDDLE),
    (exp(u) - 1 - u + u * v**2, u, SQUARE, {}),
    (log(1 + q + p) - (q + p) / (1 + q + p), (q + p) / (1 + q + p), {q: HALF_LINE, p: HALF_LINE}, {}),
]


@pytest.mark.parametrize(("expr", "size", "box", "cuts"), TOUCHING, ids=str)
def test_zero_in_several_variables(proof, expr, size, box, cuts):
    assert proof.nonneg_on_box(expr, box, cuts=cuts).relation == ">="
    if size != u:  # its least slope there is zero
        proof.nonneg_on_box(expr + size, box, cuts=cuts)
    for lower in (HAIR, 4 * size):
        refused(proof.nonneg_on_box, expr - lower, box, cuts=cuts, cells=60)


def test_saddles_and_tilted_corners_are_refused(proof):
    for expr in (
        exp(u - HALF) - u - HALF + (v - HALF) ** 2 - Rational(3, 2) * (u - HALF) * (v - HALF),
        u**2 + v**2 - Rational(201, 100) * u * v,
        exp(u + v) - 1 - u - v * (1 + HAIR),
        (u - v) ** 3,
        -u * v * exp(u),
        (u - 2) * (v + 1),
        u**2 - v**3,
    ):
        refused(proof.nonneg_on_box, expr, SQUARE, cuts=MIDDLE, cells=60)
    proof.nonneg_on_box((u - 2) * (v - 3) * (1 - u), SQUARE)


def test_touching_zero_inside_asks_for_a_certificate(proof):
    refused(proof.nonneg_on_box, (9 * u**2 - 6 * u + 1) * exp(u), {u: UNIT}, cells=300, match="certificate")


@given(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=30, deadline=None)
def test_ranges_contain_every_value(a, b, low, width):
    from gdverify.kernel.ranges import Undefined, evaluate, interval

    ends = (Rational(low, 4) - 1, Rational(low + width, 4) - 1)
    expr = exp(a * w) / (3 + sin(b * w)) + sympy.atan(w) * abs(w - b) ** a - sqrt(2 + w) * sympy.Max(w, a)
    try:
        found = evaluate(expr, {w: interval(*ends)})
    except Undefined:
        return
    for k in range(5):
        value = evaluate(expr, {w: interval(*[ends[0] + (ends[1] - ends[0]) * Rational(k, 4)] * 2)})
        assert found.lo <= value.hi and value.lo <= found.hi


@given(st.integers(-3, 3), st.integers(1, 3), st.integers(-2, 2), st.integers(0, 12))
@settings(max_examples=25, deadline=None)
def test_nothing_is_proved_that_fails_at_one_point(a, b, c, at):
    proof = Proof(toy(symbols=DOMAINS))
    expr = exp(a * u) + log(1 + b * u) * cos(c * u) - c * u**2 + tanh(u) * sqrt(u + b) / (1 + tanh(u))
    value = expr.subs(u, Rational(at, 12))
    refused(proof.nonneg_on_box, expr - value - HAIR, {u: UNIT}, cells=200)
    proof.nonneg_on_box(expr + 60, {u: UNIT})


# -- polynomials --------------------------------------------------------------------------------------------------


def test_polynomials_by_two_engines(proof):
    pytest.importorskip("z3")
    proof.polynomial(Gt(1 + u**2 * v - u * v, 0))
    cap = proof.certificate(Ge(1 - u * v, 0), [(1, proof.high(u)), (u, proof.high(v))])
    proof.polynomial(Ge(2 - u * v - (u * v) ** 2 + HAIR, 0), [cap])
    proof.polynomial(Gt(1 + p**3 * q + q, p * q))
    proof.polynomial((w**4 + 3 * q, ">", HAIR - 1))


@pytest.mark.parametrize(
    "target",
    [
        Gt(u * v - u * v**2, 0, evaluate=False),  # zero on the edges
        Ge((u - Rational(1, 2)) ** 2 + (v - Rational(1, 2)) ** 2 - HAIR, 0),
        Ge(1 - u * v - HAIR, 0),
        Ge((u - v) ** 2, HAIR),
        Ge(u / v, 0),
        Ge(sqrt(u) + 1, 0),
        Ge(p - q, 0),
        Ge(w**4 * u**2 + w**2 * u**4 - 3 * w**2 * u**2 + 1, 0),  # Motzkin: true, touches zero
    ],
)
def test_polynomials_refused(proof, target):
    pytest.importorskip("z3")
    refused(proof.polynomial, target)


@given(st.lists(st.integers(-5, 5), min_size=6, max_size=6), st.integers(0, 4), st.integers(0, 4), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_polynomial_negative_at_one_point_is_refused(coefficients, i, j, unbounded):
    pytest.importorskip("z3")
    proof = Proof(toy(symbols=DOMAINS))
    a, b = (q, p) if unbounded else (u, v)
    poly = sum(k * m for k, m in zip(coefficients, (1, a, b, a * b, a**2, b**2 * a), strict=True))
    point = {a: Rational(i, 4), b: Rational(1 + j, 5)}
    refused(proof.polynomial, (poly - poly.subs(point) if poly.free_symbols else 0 * a, ">=", HAIR), cells=200)
    try:
        proof.polynomial((poly, ">", 0), cells=200)
    except ProofError:
        return
    assert all(poly.subs({a: x, b: y}) > 0 for x in (0, Rational(1, 3), 1) for y in (Rational(1, 99), 1))


def test_a_polynomial_fact_needs_both_engines(proof, monkeypatch):
    pytest.importorskip("z3")
    from gdverify.kernel import bernstein, nlsat

    target = Gt(1 + u - v / 2, 0)
    monkeypatch.setattr(nlsat, "z3_refutes_negation", lambda *a, **k: "unknown")
    refused(proof.polynomial, target, match="Z3")
    monkeypatch.undo()
    monkeypatch.setattr(bernstein, "positive_on_box", lambda *a, **k: None)
    refused(proof.polynomial, Gt(u - v, 0), match="refuted")
    monkeypatch.undo()
    proof.polynomial(target)


# -- cases --------------------------------------------------------------------------------------------------------


def test_cases(proof):
    square = lambda s: proof.certificate(Ge(p**2 - p * q + q**2, 0), [(0, s)], [(1, p - q / 2), (Rational(3, 4), q)])
    assert not proof.by_cases(p - q, square, square).hypotheses
    larger = sympy.Max(p, q)

    def one_side(s):
        return proof.certificate(Ge(larger**2 - p * q, 0), [(larger, proof.extreme(larger, p)), (p, more(s))])

    def more(s):
        return proof.extreme(larger, q)

    proof.by_cases(p - q, one_side, one_side)


def test_cases_refused(proof):
    keep = {}

    def leak(s):
        keep["fact"] = s
        return proof.certificate(Ge(p - q, 0), [(1, s)])

    refused(proof.by_cases, p - q, leak, leak)  # the second case proves nothing of the kind
    refused(proof.certificate, Ge(p - q, 0), [(1, keep["fact"])])  # the case is closed
    refused(proof.sign, p - q)
    refused(proof.by_cases, p - q, lambda s: proof.sign(p), lambda s: proof.sign(1 + q))  # different facts
    refused(proof.by_cases, p - q, lambda s: s, lambda s: s)
    refused(proof.by_cases, sqrt(w), lambda s: proof.sign(p), lambda s: proof.sign(p))  # not real
    refused(proof.by_cases, 1 / w, lambda s: proof.sign(p), lambda s: proof.sign(p))  # undefined at 0
    refused(proof.by_cases, sympy.log(w), lambda s: proof.sign(p), lambda s: proof.sign(p))
    for undefined in (gamma(w), q**w, sympy.tan(w), gamma(w) ** 2 + 1, Sum(w, (n, 1, 2))):
        refused(proof.by_cases, undefined, lambda s: proof.sign(p), lambda s: proof.sign(p))
    generic = proof.scalar("generic", Reals())
    refused(proof.by_cases, generic, lambda s: proof.sign(p), lambda s: proof.sign(p))
    # Within n >= 5 or n < 5 a limit in n would be nonsense.
    refused(proof.by_cases, n - 5, lambda s: proof.limit(1 / n, n), lambda s: proof.limit(1 / n, n))


def test_cases_keep_their_supposition_when_one_is_left_open(proof):
    """A fact of one case alone cannot be concluded, and division needs its own proof outside the cases."""
    zero = lambda s: proof.identity((p - q) * 1, p - q)
    proof.by_cases(p - q, zero, zero)
    tie = equation("tie", p, q)
    tied = Proof(toy(symbols=DOMAINS, assumptions=(tie,)))
    fact = tied.assume(tie)
    refused(tied.by_cases, p - q, lambda s: tied.certificate((1 / (p - q), ">=", 0), [(0, fact)]), lambda s: s)


def test_without_z3_a_derivation_cannot_run(monkeypatch):
    from gdverify.kernel import run_derivation

    monkeypatch.setitem(sys.modules, "z3", None)
    claim = toy(u, 2, symbols=DOMAINS)
    claim.derivation(lambda proof: proof.conclude(proof.polynomial(Ge(2, u, evaluate=False))))
    (evidence,) = claim.evidence
    outcome = run_derivation(claim, evidence)
    assert outcome.verdict == "error" and "z3" in outcome.message.lower()


def test_two_inequalities_make_an_equation():
    x, y = sympy.symbols("x y", real=True)
    up = Assumption("up", lambda: Ge(x, y, evaluate=False))
    down = Assumption("down", lambda: Ge(2 * y - x, y, evaluate=False))
    other = Assumption("other", lambda: Ge(y + 1, x, evaluate=False))
    check = Proof(toy(symbols={x: Reals(sample=(0, 1)), y: Reals(sample=(0, 1))}, assumptions=(up, down, other)))
    above, below, apart = (check.assume(a) for a in (up, down, other))
    fact = check.antisymmetry(above, below)
    assert (fact.left, fact.relation, fact.right) == (x, "==", y)
    refused(check.antisymmetry, above, above, match="converse")
    refused(check.antisymmetry, above, apart, match="converse")
    refused(check.antisymmetry, fact, below, match="no inequality")
    foreign = Proof(toy(symbols={x: Reals(sample=(0, 1)), y: Reals(sample=(0, 1))}, assumptions=(up,)))
    refused(check.antisymmetry, foreign.assume(up), below)
