"""The proof kernel must accept what is true and, above all, refuse what is false."""

from __future__ import annotations

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Identity, Inverse, MatrixSymbol, Rational, Trace, exp, log, sqrt

from gdverify import Claim, Domain, Integers, Interval, Mutant, Observed, Paper, Positive, Reals, SureBound
from gdverify.classes import convex, minimiser, recursion, smooth, start
from gdverify.decision import Conserved
from gdverify.decision import Identity as IdentityKind
from gdverify.errors import ProofError
from gdverify.kernel import Fact, Proof, run_derivation
from gdverify.language import Inner, Mean, ScalarFunction, SymmetricMatrix, Vector, VectorSequence, sq
from gdverify.laws import constant, equation, gaussian, gradient_flow, inequality, invertible

PAPER = Paper("toy", "A toy")
a, b = sympy.symbols("a b", positive=True)
x, y = sympy.symbols("x y", real=True)
n, d, m = sympy.symbols("n d m", integer=True, positive=True)
DOMAINS = {
    a: Positive(sample=(1, 2)),
    b: Positive(sample=(1, 2)),
    x: Reals(sample=(-1, 1)),
    y: Reals(sample=(-1, 1)),
    n: Integers(1, sample=(1, 5)),
    d: Integers(1, sample=(1, 5)),
    m: Integers(1, sample=(1, 5)),
}


def toy(quantity=0, bound=1, *, symbols=None, assumptions=(), decides=None):
    return Claim(
        id="toy.claim",
        title="toy",
        paper=PAPER,
        locator="here",
        statement="x",
        symbols=symbols or DOMAINS,
        assumptions=assumptions,
        decides=decides or SureBound(sympy.sympify(quantity), sympy.sympify(bound)),
    )


@pytest.fixture
def proof():
    return Proof(toy())


def refused(call, *args, **kwargs):
    with pytest.raises(ProofError):
        call(*args, **kwargs)


# -- equality -----------------------------------------------------------------------------------------------------


def test_true_identities(proof):
    t = proof.index("t")
    for left, right in [
        ((x + y) ** 3, x**3 + 3 * x**2 * y + 3 * x * y**2 + y**3),
        (1 / a - 1 / (a + b), b / (a * (a + b))),
        (sqrt(a) * sqrt(a) ** 3, a**2),
        (sqrt(1 + x**2) ** 2, 1 + x**2),
        ((1 - x) ** (t + 1), (1 - x) * (1 - x) ** t),
        ((a + b) ** (-n / 2 - Rational(1, 2)) * (a + b), (a + b) ** (Rational(1, 2) - n / 2)),
        (exp(x + 2 * y), exp(x) * exp(y) ** 2),
        (exp(x) / exp(x / 2) ** 2, 1),
        (Mean(2 * x + a * sq(Vector("u"))), 2 * x + a * Mean(sq(Vector("u")))),
        (abs(x) ** 2, x**2),
    ]:
        proof.identity(left, right)


@given(st.lists(st.integers(-5, 5), min_size=3, max_size=6), st.integers(1, 10**9))
@settings(max_examples=40, deadline=None)
def test_a_polynomial_off_by_a_hair_is_no_identity(coefficients, scale):
    poly = sum(c * x**k * y ** (k % 2) for k, c in enumerate(coefficients))
    check = Proof(toy())
    check.identity(sympy.expand(poly * (x - y)), poly * (x - y))
    refused(check.identity, sympy.expand(poly * (x - y)) + Rational(1, scale), poly * (x - y))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (sqrt(x**2), x),  # sign of x unknown
        (sqrt(x**2 * a), x * sqrt(a)),
        (log(x**2), 2 * log(x)),
        (x / y * y / x, x / x + y / y - 1 + x),
        ((x**2) ** n, x**n),
        (x ** (n - 1) * x, x ** (n + 1)),
        (Mean(x**2 * Inner(Vector("u"), Vector("v"))), x * Mean(Inner(Vector("u"), Vector("v")))),
        (Mean(sq(Vector("u"))) ** 2, Mean(sq(Vector("u")) ** 2)),
    ],
)
def test_false_or_unprovable_identities(proof, left, right):
    refused(proof.identity, left, right)


def test_division_by_a_possible_zero(proof):
    refused(proof.identity, (x + 1) / x, 1 + 1 / x)
    claim = toy(assumptions=(equation("tie", x, y),))
    bad = Proof(claim)
    tie = bad.assume(claim.assumptions[0])
    # SymPy cancels (x - y)/(x - y) on sight, so the multiplier itself must be checked
    refused(bad.certificate, (sympy.Integer(1), "==", sympy.Integer(0)), [(1 / (x - y), tie)])


def test_floats_and_strangers_are_refused(proof):
    refused(proof.identity, 0.5 * x, x / 2)
    refused(proof.sign, sympy.Symbol("stranger", positive=True))
    refused(proof.sign, sympy.Symbol("x", positive=True))  # same name, other assumptions
    refused(proof.sign, sympy.I**2)
    with pytest.raises(ProofError):
        Fact(object(), proof, x, ">=", 0, frozenset(), 1)


# -- signs and certificates ---------------------------------------------------------------------------------------


def test_signs(proof):
    u, v = Vector("u"), Vector("v")
    for e in [a + b, a * x**2 + 1, n - 1, n**2 + n - 2, sq(u), exp(x) + x**2, n**2 - 2 * n + 1]:
        proof.sign(e)
    for e in [x, a - b, n - 2, x + 1, x**3, Inner(u, v), -sq(u), log(a), 1 - n, sqrt(x) ** 2]:
        refused(proof.sign, e)


def test_a_square_of_something_not_real_is_refused(proof):
    refused(proof.certificate, x, [], [(1, sqrt(x))])


@given(st.integers(1, 10**6))
@settings(max_examples=20, deadline=None)
def test_certificate_off_by_one_part(k):
    check = Proof(toy())
    check.certificate(x**2 + y**2 - 2 * x * y, [], [(1, x - y)])
    refused(check.certificate, x**2 + y**2 - 2 * x * y - Rational(1, k), [], [(1, x - y)])
    refused(check.certificate, x**2 + y**2 - (2 + Rational(1, k)) * x * y, [], [(1, x - y)])


def test_negative_multipliers_hidden_in_symbols(proof):
    fact = proof.sign(a)
    refused(proof.certificate, -a, [(-1, fact)])
    refused(proof.certificate, x * a, [(x, fact)])
    refused(proof.certificate, (a - b) * a, [(a - b, fact)])
    refused(proof.certificate, (1 - n) * a, [(1 - n, fact)])
    refused(proof.certificate, -(x**2), [], [(-1, x)])
    strict = proof.certificate(sympy.Gt(a, 0, evaluate=False), [(1, fact)])
    assert strict.relation == ">"
    refused(proof.certificate, sympy.Gt(x**2, 0, evaluate=False), [], [(1, x)])


def test_domain_ends_are_facts_and_no_more():
    g = sympy.Symbol("gamma", positive=True)
    claim = toy(symbols={a: Positive(sample=(1, 2)), g: Interval(0, 1 / a, open="left")})
    check = Proof(claim)
    check.certificate(1 - a * g, [(a, check.high(g))])
    refused(check.certificate, 1 - 2 * a * g, [(a, check.high(g))])
    refused(check.certificate, sympy.Gt(1 - a * g, 0), [(a, check.high(g))])


def test_univariate(proof):
    z = proof.scalar("z", Domain(0, 1))
    proof.univariate(z * (1 - z), z, 0, 1)
    proof.univariate((z - Rational(1, 2)) ** 2, z, 0, 1)
    refused(proof.univariate, (z - Rational(1, 2)) ** 2 - Rational(1, 10**12), z, 0, 1)
    refused(proof.univariate, z * (Rational(999, 1000) - z), z, 0, 1)
    refused(proof.univariate, z, z, 0, Rational(1, 2))  # z may be 1
    refused(proof.univariate, -z, z, 0, 1)


def test_power_needs_signs(proof):
    fact = proof.certificate(x**2 + a, [(1, proof.sign(a)), (1, proof.sign(x**2))])
    proof.power(fact, Rational(1, 2))
    claim = toy(assumptions=(equation("tie", x, y),))
    check = Proof(claim)
    refused(check.power, check.assume(claim.assumptions[0]), Rational(1, 2))


# -- integers -----------------------------------------------------------------------------------------------------


def test_induction_proves_and_refuses(proof):
    t = proof.index("t")
    k = sympy.Symbol("k", integer=True)
    total = sympy.Sum(k, (k, 1, t))
    formula = t * (t + 1) / 2

    def base(value):
        return proof.identity(sympy.Sum(k, (k, 1, 0)).doit(), value)

    base(0)
    proof.induction(
        sympy.Ge(2**t, t + 1, evaluate=False),
        t,
        proof.sign(2 ** sympy.Integer(0) - 1),
        lambda h: proof.certificate(sympy.Ge(2 ** (t + 1), t + 2, evaluate=False), [(2, h), (1, proof.sign(t))]),
    )
    refused(
        proof.induction,
        sympy.Ge(2**t, t + 2, evaluate=False),
        t,
        proof.sign(2 ** sympy.Integer(0) - 1),
        lambda h: proof.certificate(sympy.Ge(2 ** (t + 1), t + 3, evaluate=False), [(2, h), (1, proof.sign(t + 1))]),
    )
    assert total.has(t)
    assert formula.has(t)


def test_a_supposition_does_not_escape():
    check = Proof(toy())
    t = check.index("t")
    kept = []

    def step(hypothesis):
        kept.append(hypothesis)
        refused(check.instantiate, hypothesis, {t: t + 1})  # the hypothesis is about this t alone
        refused(check.sum_of, hypothesis, t, 0, 5)
        raise ProofError("stop")

    refused(check.induction, sympy.Ge(x, t, evaluate=False), t, check.sign(x**2), step)
    base = check.certificate((x**2 - 0, ">=", sympy.Integer(0)), [], [(1, x)])
    refused(check.induction, sympy.Ge(x**2, t, evaluate=False), t, base, step)
    refused(check.certificate, x**2 - t, [(1, kept[0])])


def test_instantiation_respects_the_domain(proof):
    t = proof.index("t", low=1)
    fact = proof.sign(t - 1)
    proof.instantiate(fact, {t: n})
    refused(proof.instantiate, fact, {t: sympy.Integer(0)})
    refused(proof.instantiate, fact, {t: n - 1})
    refused(proof.instantiate, fact, {t: Rational(3, 2)})
    refused(proof.instantiate, fact, {n: sympy.Integer(1)})  # n is the claim's


def test_sums_need_a_range(proof):
    t = proof.index("t")
    fact = proof.sign(t)
    proof.sum_of(fact, t, 0, n - 1)
    refused(proof.sum_of, fact, t, 0, n - 3)
    refused(proof.sum_of, fact, t, -1, n)
    refused(proof.telescope, t**2, t, n, 0)


# -- calculus -----------------------------------------------------------------------------------------------------


def test_calculus(proof):
    z = proof.scalar("z", Domain(0, None))
    proof.derivative(z**2 * exp(z), z, (z**2 + 2 * z) * exp(z))
    refused(proof.derivative, z**2 * exp(z), z, (z**2 + z) * exp(z))
    proof.monotone(z**3 + z, z)
    refused(proof.monotone, z**3 - z, z)
    refused(proof.derivative, abs(z - 1), z, 1)
    refused(proof.derivative, sqrt(z), z, 1 / (2 * sqrt(z)))  # at z = 0
    proof.tangent(1 / (1 + z), z, 1)
    refused(proof.tangent, z**3 - 3 * z**2, z, 1)
    k = proof.index("k")
    refused(proof.monotone, k**2 - k, k)  # integers say nothing about the reals between


def test_integrals_and_limits(proof):
    z = proof.scalar("z", Domain(0, None))
    value = proof.integral((1 + z) ** -2, z, 0, sympy.oo, -1 / (1 + z))
    assert value.right == 1
    refused(proof.integral, (1 + z) ** -2, z, 0, sympy.oo, -2 / (1 + z))
    refused(proof.integral, 1 / (1 + z), z, 0, sympy.oo, log(1 + z))
    assert proof.integral((1 + z) ** (-n - 1), z, 0, sympy.oo, -((1 + z) ** -n) / n).right.equals(1 / n)
    assert proof.limit((n + 1) / (2 * n + a), n).right == Rational(1, 2)
    refused(proof.limit, n**2 / (n + 1), n)
    refused(proof.limit, n * (x - y) / (n + 1) + n**2 * (x - y), n)
    assert proof.growth(sqrt(a / n), n).right == -Rational(1, 2)
    refused(proof.growth, x / n, n)


# -- matrices and Gaussian moments --------------------------------------------------------------------------------


def test_wick_against_known_moments():
    X, Sigma = MatrixSymbol("X", n, d), SymmetricMatrix("Sigma", d, d)
    A = MatrixSymbol("A", d, d)
    law = gaussian(X, columns=Sigma)
    check = Proof(toy(assumptions=(law, constant(A))))
    value = check.gaussian(Trace(X.T * X * A * X.T * X), [law]).right
    truth = n * (n + 1) * Trace(Sigma * A * Sigma) + n * Trace(A * Sigma) * Trace(Sigma)
    check.identity(value, truth)
    refused(check.identity, value, truth - n * Trace(Sigma * A * Sigma))
    Z = MatrixSymbol("Z", n, d)
    standard = gaussian(Z)
    white = Proof(toy(assumptions=(standard,)))
    W = Z.T * Z
    white.identity(white.gaussian(Trace(W * W), [standard]).right, n * d * (n + d + 1))
    white.identity(
        white.gaussian(Trace(W * W * W), [standard]).right, n * d * (n**2 + d**2 + 3 * n * d + 3 * n + 3 * d + 4)
    )
    refused(white.identity, white.gaussian(Trace(W * W), [standard]).right, n * d * (n + d))


def test_a_random_letter_without_its_law_is_refused():
    X, Y = MatrixSymbol("X", n, d), MatrixSymbol("Y", d, d)
    law, other = gaussian(X), gaussian(Y)
    check = Proof(toy(assumptions=(law, other)))
    refused(check.gaussian, Trace(X.T * X * Y), [law])
    refused(Proof(toy(assumptions=(law,))).gaussian, Trace(X.T * X * Y), [law])
    refused(Proof(toy()).gaussian, Trace(X.T * X), [law])


def test_trace_of_a_projection_has_the_small_dimension():
    Q = MatrixSymbol("Q", n, d)
    orthonormal = equation("orthonormal columns", Q.T * Q, Identity(d))
    check = Proof(toy(assumptions=(orthonormal,)))
    eq = check.assume(orthonormal)
    check.identity(Trace(Q * Q.T), d, using=[eq])
    refused(check.identity, Trace(Q * Q.T), n, using=[eq])


def test_conservation_of_a_linear_equilibrium_model():
    J, B = MatrixSymbol("J", m, m), MatrixSymbol("B", m, d)
    M, Sigma = MatrixSymbol("M", m, d), SymmetricMatrix("Sigma", d, d)
    R = Inverse(J) * B - M
    loss = Trace(R * Sigma * R.T) / 2
    flow = gradient_flow(loss, (J, B))
    quantities = {"right": J * J.T + B * B.T, "wrong": J * J.T - B * B.T, "half": B * B.T, "side": J.T * J + B * B.T}
    for name, H in quantities.items():
        if H.shape != (m, m):
            continue
        claim = toy(assumptions=(flow, constant(M, Sigma), invertible(J)), decides=Conserved(H))
        check = Proof(claim)
        fact = check.lie_derivative(H, [check.gradient_flow(flow, J), check.gradient_flow(flow, B)])
        if name == "right":
            check.conclude(fact)
        else:
            refused(check.conclude, fact)
    claim = toy(assumptions=(flow, constant(M, Sigma)), decides=Conserved(quantities["right"]))
    refused(Proof(claim).gradient_flow, flow, J)  # invertibility is not assumed


def test_noncommutativity(proof):
    A, B = MatrixSymbol("A", d, d), MatrixSymbol("B", d, d)
    proof.matrix_identity((A + B) * (A - B), A * A - A * B + B * A - B * B)
    refused(proof.matrix_identity, (A + B) * (A - B), A * A - B * B)
    proof.identity(Trace(A * B.T), Trace(B * A.T))
    refused(proof.identity, Trace(A * B * A.T * B.T), Trace(A * A.T * B * B.T))
    refused(proof.sign, Trace(A * A))
    proof.sign(Trace(A * B * B.T * A.T))


# -- a whole derivation -------------------------------------------------------------------------------------------

L, gamma, R = sympy.symbols("L gamma R", positive=True)
T = sympy.Symbol("T", integer=True, positive=True)
f, xs, seq = ScalarFunction("f"), Vector("x_star"), VectorSequence("x")
_t = sympy.Symbol("t", integer=True, nonnegative=True)
UPDATE = recursion(seq(_t + 1), seq(_t) - gamma * f.grad(seq(_t)))

GD = Claim(
    id="toy.gd-convex",
    title="gradient descent",
    paper=PAPER,
    locator="here",
    statement="x",
    symbols={
        L: Positive(sample=(Rational(1, 4), 4)),
        gamma: Interval(0, 1 / L, open="left"),
        T: Integers(1, sample=(1, 60)),
        R: Observed(0, open="left"),
    },
    assumptions=(convex(f), smooth(f, L), minimiser(f, xs), UPDATE, start(seq(0), xs, R)),
    decides=SureBound(f(seq(T)) - f(xs), R**2 / (2 * gamma * T)),
    mutants=(
        Mutant("constant", decides={"bound": R**2 / (2 * gamma * T) * Rational(999, 1000)}),
        Mutant("exponent", decides={"bound": R**2 / (2 * gamma * T**2)}),
        Mutant("step", symbols={gamma: Interval(0, Rational(101, 100) / L, open="left")}),
        Mutant("not convex", drop=("f is convex",)),
        Mutant("not smooth", drop=("f is L-smooth",)),
    ),
)


@GD.derivation
def telescoping(proof):
    t = proof.index("t")
    gap = lambda k: f(seq(k)) - f(xs)
    update = proof.assume(UPDATE, t)
    below = proof.assume(convex(f), seq(t), xs)
    descent = proof.assume(smooth(f, L), seq(t), seq(t + 1))
    potential = lambda k: sq(seq(k) - xs) / (2 * gamma) + k * gap(k)
    bracket = proof.certificate(
        (t + 1) * (1 - gamma * L / 2) - Rational(1, 2), [(L * (t + 1) / 2, proof.high(gamma))], [(t / 2, 1)]
    )
    falls = proof.certificate(
        potential(t) - potential(t + 1),
        [(1, below), (t + 1, descent)],
        [(gamma * bracket.expr, f.grad(seq(t)))],
        using=[update],
    )
    total = proof.telescoped(falls, potential(t), t, 0, T)
    begin = proof.assume(start(seq(0), xs, R))
    proof.conclude(
        proof.certificate(
            sympy.Le(gap(T), R**2 / (2 * gamma * T)),
            [(1 / T, total), (-1 / (2 * gamma * T), begin)],
            [(1 / (2 * gamma * T), seq(T) - xs)],
        )
    )


def test_gradient_descent_for_every_step_and_horizon():
    outcome = run_derivation(GD, GD.evidence[0])
    assert outcome.verdict == "pass", outcome.message
    assert outcome.cited == []


@pytest.mark.parametrize("mutant", GD.mutants, ids=lambda m: m.name)
def test_no_neighbour_of_it_goes_through(mutant):
    claim = GD.mutated(mutant)
    assert run_derivation(claim, claim.evidence[0]).verdict == "fail"


def test_concluding_something_else_fails():
    other = Claim(**{**GD.__dict__, "id": "toy.other", "mutants": (), "evidence": ()})

    @other.derivation
    def proves_something_else(proof):
        proof.conclude(proof.sign(R**2))

    @other.derivation
    def concludes_nothing(proof):
        proof.sign(R**2)

    assert [run_derivation(other, e).verdict for e in other.evidence] == ["fail", "fail"]


def test_a_claim_that_assumes_its_conclusion_fails():
    begged = inequality("what is to be shown", sympy.Ge(x**2 + 1 - y, 0, evaluate=False))
    claim = toy(y, x**2 + 1, assumptions=(begged,))
    check = Proof(claim)
    refused(check.conclude, check.assume(begged))
    check = Proof(claim)
    refused(check.conclude, check.certificate(2 * (x**2 + 1 - y) / 2, [(1, check.assume(begged))]))


def test_an_equality_claim_is_not_met_by_an_inequality():
    claim = toy(decides=IdentityKind(x**2, sympy.Integer(0)))
    check = Proof(claim)
    refused(check.conclude, check.sign(x**2))
