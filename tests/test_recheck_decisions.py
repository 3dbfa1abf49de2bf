"""The independent checker's own decisions: what is true passes, what is false by a hair does not."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy import Ge, Rational, Sum, cos, digamma, exp, gamma, log, loggamma, oo, sin, sqrt, tanh

from gdverify import Integers, Interval, Nonnegative, Positive, Reals
from gdverify.kernel.export import _symbol, certificate, encode, finished
from gdverify.kernel.proof import Proof
from gdverify.recheck import Malformed, Rejected, Unknown, reals, recheck_data, slopes, univariate
from gdverify.recheck.ranges import Range, Undefined, evaluate
from gdverify.recheck.terms import read
from tests.test_kernel import toy

HAIR = Rational(1, 10**12)
u, v, w = sympy.symbols("u v w", real=True)
p, L = sympy.symbols("p L", positive=True)
q = sympy.Symbol("q", nonnegative=True)
g = sympy.Symbol("g", positive=True)
n = sympy.Symbol("n", integer=True, positive=True)
j, k = sympy.symbols("j k", integer=True)
DOMAINS = {
    u: Interval(0, 1),
    v: Interval(0, 1, open="left"),
    p: Positive(sample=(1, 2)),
    q: Nonnegative(sample=(1, 2)),
    w: Reals(sample=(0, 1)),
    L: Interval(1, 2),
    g: Interval(0, 1 / L, open="left"),
    n: Integers(1, sample=(1, 5)),
}
SYMBOLS = [_symbol(s, d, False) for s, d in Proof(toy(symbols=DOMAINS)).signs.domains.items()]


def holds(rule, left, relation=">=", right=0, **witness):
    """Whether the checker verifies one step."""
    conclusion = {"left": encode(left), "relation": relation, "right": encode(right)}
    step = {"n": 1, "rule": rule, "premises": [], "conclusion": conclusion}
    step |= {"witness": witness} if witness else {}
    data = {"schema": "gdverify.certificate/1", "claim": "a.b", "symbols": SYMBOLS, "defines": [], "assumptions": []}
    data |= {"propositions": [conclusion], "steps": [step], "concluded": [1]}
    try:
        recheck_data(data)
    except (Rejected, Malformed):
        return False
    return True


def exported(bound, prove, quantity=sympy.S.Zero):
    claim = toy(quantity, bound, symbols=DOMAINS)
    claim.derivation(lambda proof: proof.conclude(prove(proof)))
    return finished(certificate(claim, claim.evidence[-1]))


# -- what the kernel proves is verified -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "bound", "prove"),
    [
        ("univariate", u / (1 + u) - u**2 / (1 + u), lambda f, proof: proof.univariate(f, u, 0, 1)),
        ("univariate", 1 / v - v / (1 + v) - Rational(1, 2), lambda f, proof: proof.univariate(f, v, 0, 1)),
        ("univariate", 1 - g**2 + g, lambda f, proof: proof.univariate(f, g, 0, 1)),
        ("box", log(1 + 1 / p) - 1 / (1 + p), lambda f, proof: proof.nonneg_on_box(f, {p: (0, oo)})),
        ("box", (p - 3) ** 2 * exp(p), lambda f, proof: proof.nonneg_on_box(f, {p: (0, oo)}, cuts={p: [3]})),
        ("box", exp(g) - 1 - g, lambda f, proof: proof.nonneg_on_box(f, {g: (0, 1)})),
        ("box", gamma(p) - Rational(885, 1000), lambda f, proof: proof.nonneg_on_box(f, {p: (0, oo)})),
    ],
)
def test_decisions_of_the_kernel(rule, bound, prove):
    data = exported(bound, lambda proof: prove(bound, proof))
    assert rule in recheck_data(data).rules
    mutant = {**data["steps"][-1]["conclusion"], "left": encode(bound - HAIR - Rational(1, 100))}
    bad = {k: v for k, v in data.items() if k != "digest"} | {"propositions": [mutant]}
    bad["steps"] = [*data["steps"][:-1], {**data["steps"][-1], "conclusion": mutant}]
    if rule == "univariate" and bound.has(g):
        return  # far from zero
    with pytest.raises((Rejected, Unknown)):
        recheck_data(bad)


def test_polynomials_of_the_kernel():
    pytest.importorskip("z3")
    bound = 2 - u * v - (u * v) ** 2 + HAIR

    def prove(proof):
        cap = proof.certificate(Ge(1 - u * v, 0), [(1, proof.high(u)), (u, proof.high(v))])
        return proof.polynomial(Ge(bound, 0), [cap])

    assert recheck_data(exported(bound, prove)).rules["polynomial"] == 1


def test_premises_of_polynomials():
    given = {"left": ["sym", "w"], "relation": ">=", "right": 2}
    goal = {"left": ["^", ["sym", "w"], 2], "relation": ">", "right": 3}
    steps = [{"n": 1, "rule": "assumption", "name": "far", "premises": [], "conclusion": given}]
    steps.append({"n": 2, "rule": "polynomial", "premises": [1], "conclusion": goal, "witness": {"uses": [1]}})
    data = {"schema": "gdverify.certificate/1", "claim": "a.b", "symbols": SYMBOLS, "defines": [], "steps": steps}
    data |= {"assumptions": [{"name": "far", "relations": [given]}], "propositions": [goal], "concluded": [2]}
    assert recheck_data(data).rules["polynomial"] == 1
    for right in (4, "400000001/100000000"):
        steps[1]["conclusion"] = data["propositions"][0] = {**goal, "right": right}
        with pytest.raises(Rejected):
            recheck_data(data)


def test_points_of_the_kernel():
    total = Sum(k**3, (k, 1, n))
    closed = (n * (n + 1) / 2) ** 2
    data = exported(closed, lambda proof: proof.by_points(total, closed, n), total)
    assert recheck_data(data).rules == {"points": 1}


# -- one variable -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "relation", "true"),
    [
        ((u - Rational(1, 2)) ** 2, ">=", True),
        ((u - Rational(1, 2)) ** 2, ">", False),
        ((u - Rational(1, 2)) ** 2 - HAIR**2, ">=", False),
        ((u - Rational(1, 2)) ** 2 + HAIR**2, ">", True),
        (u, ">=", True),
        (u, ">", False),
        (v, ">", True),  # the end is open
        (1 - v, ">", False),  # and this one is closed
        (1 / v - 1, ">=", True),
        (1 / u, ">=", False),  # a pole at an end of the domain
        (1 / (2 * u - 1) ** 2, ">=", False),
        ((u - Rational(1, 2)) * (u + 1) / (2 * u - 1), ">=", False),
        ((u**2 - 2 * u + 1) / (u - 1) ** 2, ">=", False),
        (1 / (1 / (2 * u - 1) - 1), ">=", False),
        (u * (Rational(999, 1000) - u), ">=", False),
        ((w**2 - 2) ** 2, ">=", True),
        ((w**2 - 2) ** 3, ">=", False),
        (w**3, ">=", False),
        (u * p, ">=", False),
        (sqrt(u), ">=", False),
        (u ** (10**6), ">=", False),
        (sympy.prod([(w - i) ** 2 for i in range(12)]), ">=", True),
        (sympy.prod([(w - i) ** 2 for i in range(12)]) * (w - HAIR), ">=", False),
    ],
)
def test_rational_functions(expr, relation, true):
    assert holds("univariate", expr, relation) == true


def test_ends_of_a_domain_are_not_read_from_the_certificate():
    half = [[["sym", "u"], [None, "1/2"]]]
    assert not holds("univariate", Rational(1, 2) - u, ends=half)
    assert not holds("univariate", u, ends=[[["sym", "u"], [0, 1]]])
    assert holds("univariate", 1 - g, ends=[[["sym", "g"], [None, 1]]])  # g <= 1/L <= 1
    assert not holds("univariate", Rational(99, 100) - g, ends=[[["sym", "g"], [None, "99/100"]]])
    assert not holds("univariate", 1 - g)
    assert not holds("box", exp(1 - g) - 1, ends=[[["sym", "g"], [None, "99/100"]]])


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=7), st.integers(-4, 4), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_roots_are_counted(coefficients, low, width):
    poly = sympy.Poly(coefficients, w)
    assume(poly.degree() > 0)
    ends = Fraction(low, 2), Fraction(low + width, 2)
    mine = [Fraction(int(c)) for c in reversed(poly.all_coeffs())]
    exact = [r for r in set(poly.real_roots()) if sympy.Rational(low, 2) < r < sympy.Rational(low + width, 2)]
    assert univariate.inside(mine, *ends) == len(exact)
    assert univariate.inside(mine, None, None) == len(set(poly.real_roots()))


# -- elementary functions ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "relation", "true"),
    [
        (exp(u) - 1 - u, ">=", True),
        (exp(u) - 1 - u, ">", False),
        (exp(u) - 1 - u - HAIR, ">=", False),
        (q - log(1 + q), ">=", True),
        (q - log(1 + q) - HAIR, ">=", False),
        (log(1 + q) - q / (1 + q), ">=", True),
        (p - 1 - log(p), ">=", True),
        (p - (1 - HAIR) - log(p) - 2 * HAIR, ">=", False),
        (1 - 2 * p * exp(-p), ">", True),
        (1 - exp(1) * (1 + HAIR) * p * exp(-p), ">=", False),
        (exp(w) - w - HAIR, ">", True),
        (log(1 + u) - digamma(1 + u), ">", True),
        (gamma(p) - Rational(886, 1000), ">=", False),
        (sqrt(1 + u * v) + exp(-u) * cos(v) - Rational(6, 5), ">", True),
        (sqrt(1 + u * v) + exp(-u) * cos(v) - Rational(6, 5) - Rational(1, 4), ">=", False),
        (1 - tanh(w) * sin(w), ">=", True),
        (sympy.erf(q) - q * exp(-(q**2)), ">=", True),
        (sympy.Max(u, v) - u, ">=", False),  # true, but no range shows it
        (1 + abs(u - v), ">", True),
        (log(u), ">=", False),  # undefined at 0
        (2 + log(u) * u, ">=", False),
        (2 + u * 0 + log(v) * 0 + 1 / (u - Rational(1, 3)) ** 2, ">=", False),  # a pole inside
        (2 + sqrt(u - Rational(1, 2)), ">=", False),
        (2 + (u - Rational(1, 2)) ** Rational(1, 3), ">=", False),
        (gamma(w) ** 2, ">=", False),
        (loggamma(p), ">=", False),
        (sympy.tan(u) - u, ">=", True),
        (2 + sympy.tan(2 * u), ">=", False),
        (Rational(1, 3) - abs(u - Rational(1, 3)), ">=", False),
    ],
)
def test_boxes(expr, relation, true):
    assert holds("box", expr, relation) == true


def test_cuts():
    touching = 3 * p - 1 - log(3 * p)
    third = [["sym", "p"], "1/3"]
    assert holds("box", touching, cuts=[third])
    assert not holds("box", touching)
    assert not holds("box", touching, cuts=[[["sym", "p"], "333333/1000000"]])
    assert not holds("box", touching, cuts=[third, [["sym", "p"], 2]])  # an idle cut
    assert not holds("box", touching - HAIR, cuts=[third])
    assert not holds("box", touching, cuts=[third, [["sym", "p"], -1]])
    assert holds("box", 1 + touching) and not holds("box", 1 + touching, cuts=[])


def test_corners_have_no_slope():
    """sqrt((u - 1/3)^2) has no slope at 1/3, whatever its formula says on either side."""
    corner = ["^", ["^", ["+", ["sym", "u"], "-1/3"], 2], "1/2"]
    falls = {"left": ["+", "1/3", ["*", -1, corner]], "relation": ">=", "right": 0}
    data = {"schema": "gdverify.certificate/1", "claim": "a.b", "symbols": SYMBOLS, "defines": [], "assumptions": []}
    step = {"n": 1, "rule": "box", "premises": [], "conclusion": falls}
    with pytest.raises(Rejected):
        recheck_data({**data, "propositions": [falls], "steps": [step], "concluded": [1]})


FUNCTIONS = {
    "exp": (lambda x: reals.exp(x), mpmath.exp, -30, 30),
    "log": (reals.log, mpmath.log, 0, 10**9),
    "sin": (reals.sin, mpmath.sin, -50, 50),
    "cos": (reals.cos, mpmath.cos, -50, 50),
    "atan": (reals.atan, mpmath.atan, -(10**6), 10**6),
    "erf": (reals.erf, mpmath.erf, -9, 9),
    "root": (lambda x: reals.root(x, 3), lambda x: mpmath.root(x, 3), 0, 10**6),
    "loggamma": (reals.loggamma, mpmath.loggamma, 0, 60),
    "psi": (lambda x: reals.polygamma(0, x), lambda x: mpmath.psi(0, x), 0, 60),
    "psi2": (lambda x: reals.polygamma(2, x), lambda x: mpmath.psi(2, x), 0, 60),
}


def real(x):
    return mpmath.mpf(x.numerator) / x.denominator


@pytest.mark.parametrize("name", FUNCTIONS)
@given(st.integers(1, 10**12), st.sampled_from([1, 7, 1000, 10**6, 3**25]))
@settings(max_examples=40, deadline=None)
def test_enclosures(name, a, b):
    f, exact, low, high = FUNCTIONS[name]
    x = Fraction(low) + Fraction(a, b) % (high - low) + (Fraction(1, b) if low == 0 else 0)
    with mpmath.workprec(400):
        below, above = f(x)
        value, slack = exact(real(x)), mpmath.mpf(2) ** -360
        assert real(below) <= value + abs(value) * slack
        assert real(above) >= value - abs(value) * slack
        if abs(x) <= 5 and name != "erf":
            assert real(above - below) <= mpmath.mpf(10) ** -28 * max(1, abs(value))


SHAPES = st.recursive(
    st.one_of(st.just(w), st.integers(-3, 3).map(sympy.Integer)),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda t: t[0] + t[1]),
        st.tuples(inner, inner).map(lambda t: t[0] * t[1]),
        inner.map(lambda e: exp(e / 4)),
        inner.map(lambda e: log(2 + e**2)),
        inner.map(lambda e: sqrt(1 + e**2)),
        inner.map(lambda e: tanh(e) + sin(e) * cos(e)),
        inner.map(lambda e: 1 / (1 + e**2)),
        inner.map(lambda e: loggamma(1 + e**2)),
    ),
    max_leaves=6,
)


@given(SHAPES, st.integers(-8, 8), st.integers(0, 8), st.integers(0, 8))
@settings(max_examples=60, deadline=None)
def test_ranges_and_slopes(expr, low, width, at):
    """Values lie in ranges, and slopes are slopes."""
    tree = read(encode(expr), [10**6])
    point = Fraction(low, 4) + Fraction(width, 4) * Fraction(at, 8)
    try:
        whole = evaluate(tree, {"w": Range(Fraction(low, 4), Fraction(low + width, 4))}, [10**6])
        here = evaluate(tree, {"w": Range(point, point)}, [10**6])
        slope = evaluate(slopes.slope(tree, "w"), {"w": Range(point, point)}, [10**6])
    except Undefined:
        return
    assert whole.lo is None or here.hi is None or whole.lo <= here.hi
    assert whole.hi is None or here.lo is None or whole.hi >= here.lo
    f = sympy.lambdify(w, expr, "mpmath")
    with mpmath.workprec(300):
        value, exact = f(real(point)), mpmath.diff(f, real(point))
        assert here.lo is None or real(here.lo) <= value + abs(value) * 1e-60
        assert here.hi is None or real(here.hi) >= value - abs(value) * 1e-60
        if slope.lo is not None and slope.hi is not None:
            size = 1e-25 * (1 + abs(exact))
            assert real(slope.lo) <= exact + size and real(slope.hi) >= exact - size


# -- polynomials ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expr", "relation", "true"),
    [
        (1 + u**2 * v - u * v, ">", True),
        (1 + p**3 * q + q - p * q, ">", True),
        (w**4 + 3 * q + 1 - HAIR, ">", True),
        (w**4 + 3 * q, ">", False),
        (u * v - u * v**2, ">=", True),
        (u * v - u * v**2, ">", False),
        ((u - Rational(1, 2)) ** 2 + (v - Rational(1, 2)) ** 2 - HAIR, ">=", False),
        (1 - u * v - HAIR, ">=", False),
        (1 - u * v, ">=", True),
        (u / v, ">=", False),
        (sqrt(u) + 1, ">=", False),
        (p - q, ">=", False),
        (w**4 * u**2 + w**2 * u**4 - 3 * w**2 * u**2 + 1, ">=", False),  # Motzkin: true, touches zero
        ((1 + u + v + p + q + w) ** 9, ">=", False),  # too large
    ],
)
def test_polynomials(expr, relation, true):
    assert holds("polynomial", expr, relation) == true


@given(st.lists(st.integers(-5, 5), min_size=6, max_size=6), st.integers(0, 4), st.integers(0, 4), st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_polynomial_negative_at_one_point_is_refused(coefficients, i, j, unbounded):
    a, b = (q, p) if unbounded else (u, v)
    poly = sum(c * m for c, m in zip(coefficients, (1, a, b, a * b, a**2, b**2 * a), strict=True))
    value = poly.subs({a: Rational(i, 4), b: Rational(1 + j, 5)}) if poly else 0
    assert not holds("polynomial", poly - value - HAIR)


# -- points, empty sums -----------------------------------------------------------------------------------------------

N = ["sym", "n"]
MANY = sympy.prod([n - i for i in range(1, 8)])


@pytest.mark.parametrize(
    ("left", "right", "true"),
    [
        (Sum(k**3, (k, 1, n)), (n * (n + 1) / 2) ** 2, True),
        (Sum(k**3, (k, 1, n)), (n * (n + 1) / 2) ** 2 + HAIR, False),
        (Sum(k**3, (k, 1, n)), (n * (n + 1) / 2) ** 2 + MANY, False),  # agrees at n = 1, ..., 7
        (Sum(w * k + n * k**2, (k, 1, n)), w * n * (n + 1) / 2 + n**2 * (n + 1) * (2 * n + 1) / 6, True),
        (Sum(Sum(j * k, (j, 1, k)), (k, 1, n)), n * (n + 1) * (n + 2) * (3 * n + 1) / 24, True),
        (Sum(1, (k, n, 2 * n)) / n, 1 + 1 / n, True),
        (Sum(1, (k, n, 5)), 6 - n, False),  # no terms from n = 6 on
        (Sum(1, (k, 1, n / 2)), n / 2, False),
        (Sum(2**k, (k, 1, n)), 2 ** (n + 1) - 2, False),  # true, but of no degree
        (Sum(1 / k, (k, 1, n)), 1, False),
        (2**n, 2**n + (n - 1), False),
    ],
)
def test_points(left, right, true):
    assert holds("points", left, "==", right, n=N) == true


def test_points_divide_by_nothing_that_may_vanish():
    minus = ["+", N, -1]
    one = {"left": ["*", minus, ["^", minus, -1]], "relation": "==", "right": 1}
    data = {"schema": "gdverify.certificate/1", "claim": "a.b", "symbols": SYMBOLS, "defines": [], "assumptions": []}
    step = {"n": 1, "rule": "points", "premises": [], "conclusion": one, "witness": {"n": N}}
    with pytest.raises(Rejected):
        recheck_data({**data, "propositions": [one], "steps": [step], "concluded": [1]})


def test_empty_sums():
    assert holds("empty sum", Sum(1 / k, (k, n, n - 1)), "==")
    assert not holds("empty sum", Sum(1 / k, (k, n, n)), "==")
    assert not holds("empty sum", Sum(1 / k, (k, 1, n)), "==")
    assert not holds("empty sum", Sum(1 / k, (k, n, n - 1)), "==", 1)


@pytest.mark.parametrize(
    ("left", "right", "true"),
    [
        (log(p) + 2 * log(q + 1), log(L), True),
        (log(p) + log((q + 1) ** 2), log(L), True),
        (log(p) + 3 * log(q + 1), log(L), False),
        (log(p) + 2 * log(q + 1) + HAIR, log(L), False),
        (log(-p) + 2 * log(q + 1), log(L), False),
        (log(p) + 2 * log(w + 1), log(L), False),
    ],
)
def test_logarithms(left, right, true):
    given = {"left": encode(p * (q + 1) ** 2), "relation": "==", "right": ["sym", "L"]}
    goal = {"left": encode(left), "relation": "==", "right": encode(right)}
    steps = [{"n": 1, "rule": "assumption", "name": "one", "premises": [], "conclusion": given}]
    steps.append({"n": 2, "rule": "logarithm", "premises": [1], "conclusion": goal, "witness": {"uses": [1]}})
    data = {"schema": "gdverify.certificate/1", "claim": "a.b", "symbols": SYMBOLS, "defines": [], "steps": steps}
    data |= {"assumptions": [{"name": "one", "relations": [given]}], "propositions": [goal], "concluded": [2]}
    if true:
        assert recheck_data(data).rules["logarithm"] == 1
    else:
        with pytest.raises(Rejected):
            recheck_data(data)


@pytest.mark.parametrize(
    ("number", "relation", "true"),
    [
        (sympy.pi - Rational(314159265, 10**8), ">", True),
        (Rational(314159265, 10**8) - sympy.pi, ">", False),
        (sympy.pi - Rational(314159266, 10**8), ">=", False),
        (exp(1) - Rational(271828, 10**5), ">", True),
        (exp(1) - Rational(271829, 10**5), ">=", False),
        (sympy.Integer(0), ">", False),
        (sympy.Integer(0), ">=", True),
        (sqrt(2) * sqrt(3) - sqrt(6) - HAIR, ">=", False),
        (log(Rational(1, 2)), ">=", False),
    ],
)
def test_a_number_is_a_box_without_sides(number, relation, true):
    assert holds("box", number, relation) == true
