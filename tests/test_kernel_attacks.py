"""Attempts to derive falsehoods; each one went through once, or is the neighbour of one that did."""

from __future__ import annotations

import contextlib

import pytest
import sympy
from sympy import MatrixSymbol, Rational, Symbol, Trace, ZeroMatrix, acosh, sqrt

from gdverify import Claim, Domain, Integers, Interval, Paper, Positive, Reals, SureBound
from gdverify.claim import Assumption
from gdverify.classes import minimiser, smooth
from gdverify.decision import Rate
from gdverify.errors import ClaimError, ProofError
from gdverify.kernel import Proof, run_derivation
from gdverify.language import (
    AtInfinity,
    MatrixSequence,
    Mean,
    NormalMean,
    ScalarFunction,
    Vector,
)
from gdverify.laws import constant, equation, gaussian, gradient_flow, integers, loewner

PAPER = Paper("toy", "A toy")
a, b = sympy.symbols("a b", positive=True)
x, y, c = sympy.symbols("x y c", real=True)
n, d = sympy.symbols("n d", integer=True, positive=True)
DOMAINS = {
    a: Positive(sample=(1, 2)),
    b: Positive(sample=(1, 2)),
    x: Reals(sample=(-1, 1)),
    y: Reals(sample=(-1, 1)),
    n: Integers(1, sample=(1, 5)),
    d: Integers(1, sample=(1, 5)),
}
A, B = MatrixSymbol("A", d, d), MatrixSymbol("B", d, d)
u, v = Vector("u"), Vector("v")
q = ScalarFunction("q")


def toy(*assumptions, symbols=None, decides=None, **more):
    return Claim(
        id="toy.claim",
        title="toy",
        paper=PAPER,
        locator="here",
        statement="x",
        symbols={**DOMAINS, **(symbols or {})},
        assumptions=assumptions,
        decides=decides or SureBound(sympy.S.Zero, sympy.S.One),
        **more,
    )


@pytest.fixture
def proof():
    return Proof(toy())


def refused(call, *args, **kwargs):
    with pytest.raises(ProofError):
        call(*args, **kwargs)


# -- relations ----------------------------------------------------------------------------------------------------


def test_a_certificate_concludes_inequalities_and_equalities_alone(proof):
    refused(proof.certificate, (sympy.S.Zero, "!=", sympy.S.Zero))
    refused(proof.certificate, (sympy.expand((x - y) ** 2), "!=", sympy.S.Zero), [], [(1, x - y)])
    refused(proof.certificate, (AtInfinity(x / n, n), "->", AtInfinity(x / n, n)))
    refused(proof.certificate, (x, "<>", x))


# -- generic variables --------------------------------------------------------------------------------------------


def test_an_empty_domain_proves_nothing(proof):
    refused(proof.index, "t", 3, 2)
    refused(proof.index, "r", 1, n - 1)
    refused(proof.index, "h", Rational(1, 3), Rational(2, 3))
    refused(proof.scalar, "z", Domain(1, 0))
    refused(proof.scalar, "w", Domain(1, 1, low_open=True))
    refused(proof.scalar, "s", Interval(0, x))
    proof.index("ok", 1, n)


def test_a_domain_that_is_non_empty_in_one_case_alone():
    check = Proof(toy())

    def positive(case):
        refused(check.scalar, "z", Interval(0, x))
        return check.sign(x**2 + 1)

    check.by_cases(x, positive, lambda case: check.sign(x**2 + 1))


def test_a_generic_real_takes_real_values(proof):
    z = proof.scalar("z", Domain())
    fact = proof.sign(z**2)
    for value in (sqrt(y), sympy.I, u, 1 / x, acosh(x), sympy.log(x)):
        refused(proof.instantiate, fact, {z: value})
    refused(proof.tangent, z**2, z, sqrt(y))
    proof.instantiate(fact, {z: q(u)})


def test_real_functions_are_real_where_they_are_defined(proof):
    z = proof.scalar("z", Domain())
    for e in (acosh(z), sympy.asin(z), sympy.LambertW(z), sympy.loggamma(z), z ** Rational(1, 3), sympy.log(z)):
        refused(proof.sign, e**2)
    refused(proof.instantiate, proof.sign(abs(sympy.tan(z))), {z: sympy.pi / 2})


def test_no_random_value_for_a_constant_inside_a_mean(proof):
    z = proof.scalar("z", Domain())
    fact = proof.identity(Mean(z * q(v)), z * Mean(q(v)))
    refused(proof.instantiate, fact, {z: q(u)})  # else E[q(u) q(v)] = q(u) E[q(v)]
    w = proof.scalar("w", Domain(q(u), q(u)))
    refused(proof.identity, Mean(w), w)


def test_a_defined_symbol_may_be_random():
    s = Symbol("s", real=True)
    check = Proof(toy(defines={s: q(u)}))
    refused(check.identity, Mean(s), s)


def test_domains_that_hang_together(proof):
    s = proof.index("s")
    t = proof.index("t", 0, s)
    fact = proof.high(t)  # s >= t
    refused(proof.instantiate, fact, {s: sympy.S.Zero})
    refused(proof.instantiate, fact, {t: s, s: sympy.S.Zero})
    refused(proof.sum_of, fact, s, 0, 5)
    proof.instantiate(proof.instantiate(fact, {t: sympy.S.Zero}), {s: n})
    z = proof.scalar("z", Domain(0))
    w = proof.scalar("w", Interval(0, z))
    proof.certificate(2 * (z - w), [(2, proof.high(w))])
    refused(proof.monotone, (z - w) ** 2, z)  # w^2 <= (z - w)^2 fails at z = w
    refused(proof.integral, 2 * (z - w), z, 0, 5, (z - w) ** 2)


def test_induction_with_a_second_index_tied_to_the_first():
    f = sympy.Function("f")
    first = Assumption("f(0, j) = 0", lambda j: sympy.Eq(f(0, j), 0, evaluate=False))
    stays = Assumption(
        "f(i + 1, j) = f(i, j) for j <= i",
        lambda i, j: sympy.Eq(f(i + 1, j), f(i, j), evaluate=False),
        where=lambda i, j: [i, j, i - j],
    )
    check = Proof(toy(first, stays))
    s = check.index("s")
    t = check.index("t", 0, s)
    base = check.assume(first, t)

    def step(h):
        return check.certificate((f(s + 1, t), "==", 0), [(1, h), (1, check.assume(stays, s, t))])

    refused(check.induction, (f(s, t), "==", 0), s, base, step)  # f(1, 1) is anything


def test_binders_capture_no_value(proof):
    k = proof.index("k", 1)
    refused(proof.instantiate, proof.limit((k + 1) / n, n), {k: n})
    refused(proof.instantiate, proof.growth(k * n, n), {k: n})
    z, w = proof.scalar("z", Domain(1)), proof.scalar("w", Domain(1))
    refused(proof.instantiate, proof.derivative(w * z, z, w), {w: z})
    tie = equation("tie", x, n)
    check = Proof(toy(tie))
    refused(check.limit, x / n, n)
    few = Assumption("n <= 5", lambda: sympy.Le(n, 5, evaluate=False))
    refused(Proof(toy(few)).limit, 1 / n, n)
    other = Proof(toy(equation("tie", q(u), n)))
    refused(other.limit, q(u) / n, n)


def test_a_symbol_that_the_claim_does_not_declare():
    t = Symbol("t", real=True)
    claim = toy(decides=SureBound(t, sympy.S.One))
    check = Proof(claim)
    z = check.scalar("t", Domain(0, 1))
    refused(check.conclude, check.high(z))
    with pytest.raises(ClaimError):
        toy(symbols={c: Interval(0, t)})
    with pytest.raises(ClaimError):
        toy(defines={c: t})


# -- symbols and SymPy --------------------------------------------------------------------------------------------


def test_sympy_is_told_no_more_than_the_domains_say():
    g = Symbol("g", positive=True)
    with pytest.raises(ProofError):
        Proof(toy(defines={g: -a}))
    Proof(toy(defines={g: 1 / a}))
    claim = toy(defines={g: -a})
    claim.derivation(lambda proof: proof.conclude(proof.sign(a)))
    assert run_derivation(claim, claim.evidence[0]).verdict == "fail"
    for kind in ("negative", "nonpositive", "nonzero", "zero", "even", "imaginary", "rational"):
        with pytest.raises(ClaimError):
            toy(symbols={Symbol("s", **{kind: True}): Reals(sample=(-1, 1))})
    t = Symbol("t", nonnegative=True)
    with pytest.raises(ClaimError):
        toy(symbols={t: Interval(0, 1), Symbol("s", positive=True): Interval(t, 2)})  # s = t = 0


def test_definitions_do_not_go_round_in_circles():
    s, t = Symbol("s", real=True), Symbol("t", real=True)
    for loop in ({s: s + 1}, {s: t, t: s + 1}):
        with pytest.raises(ClaimError):
            toy(defines=loop)
    check = Proof(toy(symbols={s: Interval(0, 1)}, defines={s: sympy.Integer(5)}))
    refused(check.high, s)


# -- undefined and complex expressions ----------------------------------------------------------------------------


def test_division_by_zero_does_not_cancel():
    tie = equation("tie", x - y, sympy.S.Zero)
    null = equation("null", (x - y) * A, ZeroMatrix(d, d))
    check = Proof(toy(tie, null))
    refused(check.identity, 1 / (x - y), 1 / (x - y))
    fact = check.assume(null)
    refused(check.sandwich, fact, None, B / (x - y))
    refused(check.identity, Trace(A), 0, using=[fact])  # A may be anything where x = y


def test_complex_coefficients_are_refused():
    below = loewner("A <= B", B, A)
    f, s = ScalarFunction("f"), Vector("s")
    check = Proof(toy(below, smooth(f, a), minimiser(f, s)))
    refused(check.certificate, x * Trace(A * A.T), [], [(1, sqrt(x) * A)])
    refused(check.submultiplicative, sqrt(x) * A, B)
    refused(check.assume, below, sqrt(x) * A)
    refused(check.assume, smooth(f, a), s, s + sqrt(x) * v)


def test_an_index_out_of_range_or_between_the_integers():
    f = sympy.Function("f")
    bits = Assumption("f(k) >= k", lambda k: sympy.Ge(f(k), k, evaluate=False), where=lambda k: [k - 1])
    check = Proof(toy(bits))
    check.assume(bits, n)
    refused(check.assume, bits, sympy.S.Zero)
    refused(check.assume, bits, Rational(3, 2))


# -- suppositions -------------------------------------------------------------------------------------------------


def test_what_made_a_step_admissible_is_remembered():
    f = sympy.Function("f")
    twice = Assumption(
        "two facts about k >= 5",
        lambda k: [sympy.Ge(f(k), 0, evaluate=False), sympy.Ge(f(k), 5, evaluate=False)],
        where=lambda k: [k - 5],
    )
    check = Proof(toy(twice))
    kept = []

    def late(case):
        kept.extend(check.assume(twice, n))
        return check.sign(n)

    check.by_cases(n - 5, late, lambda case: check.sign(n))
    for fact in kept:
        refused(check.certificate, fact.expr, [(1, fact)])


def test_a_base_case_that_rests_on_a_case():
    check = Proof(toy())
    kept = []

    def nonzero(case):
        t = check.index("t")
        nothing = check.identity(0, 0)  # the base case in another form, the same where x is not zero
        kept.append(check.induction(((x + 1) / x - 1 / x + t, "==", t + 1), t, nothing, lambda h: nothing))
        return check.sign(x**2 + 1)

    check.by_cases(-x, lambda case: check.sign(x**2 + 1), nonzero)
    refused(check.rewrite, kept[0])
    assert kept[0].hypotheses


def test_conclude_waits_for_every_proposition_and_every_case():
    claim = toy(decides=Rate(x**2, n, Rational(1), closed_form=a * n))

    @claim.derivation
    def half(proof):
        fact = proof.growth(a * n, n)
        with contextlib.suppress(ProofError):
            proof.conclude(fact)

    assert run_derivation(claim, claim.evidence[0]).verdict == "fail"
    check = Proof(toy(decides=SureBound(-(x**2), sympy.S.Zero)))

    def early(case):
        fact = check.sign(x**2)
        refused(check.conclude, fact)
        return fact

    check.by_cases(x, early, early)


# -- calculus -----------------------------------------------------------------------------------------------------


def test_leading_terms_that_cancel(proof):
    refused(proof.limit, sqrt(n**2 + n) - n + 1 / n, n)  # 1/2, not 0
    refused(proof.growth, sqrt(n**2 + n) - n + 1 / n, n)
    assert proof.limit((n + 1) ** 2 / n - n, n).right == 2


def test_an_integral_backwards_out_of_the_domain(proof):
    z = proof.scalar("z", Domain(1))
    refused(proof.integral, z**-2, z, 5, -1, -1 / z)


def test_sums_and_tangents_stay_inside_open_ends(proof):
    z = proof.scalar("z", Domain(0, low_open=True))
    refused(proof.sum_of, proof.sign(z), z, 0, 5)
    refused(proof.tangent, z**2, z, 0)


def test_an_induction_starts_inside_open_ends(proof):
    """2 z^2 >= 3 z holds at 0 and from 2 on, and not at 1."""
    z = proof.scalar("z", Domain(0, low_open=True, integer=True))
    one = proof.next_integer(proof.low(z))
    after = proof.certificate((2 * (z + 1) ** 2, ">=", 3 * (z + 1)), [(2 * z + 3, one)], [(2, 1)])
    refused(proof.induction, (2 * z**2, ">=", 3 * z), z, proof.sign(sympy.S.Zero), lambda _: after)


# -- motion -------------------------------------------------------------------------------------------------------


def test_a_symbol_that_names_something_moving():
    s = Symbol("s", real=True)
    flow = gradient_flow(Trace(A * A.T) / 2, (A,))
    check = Proof(toy(flow, defines={s: Trace(A)}))
    speed = check.gradient_flow(flow, A)
    refused(check.lie_derivative, s, [speed], using=[check.definition(s)])


def test_a_loss_whose_parts_move():
    flow = gradient_flow(Trace(B * B.T) / 2, (A,))
    hidden = equation("B is A", B, A)
    refused(Proof(toy(flow, hidden)).gradient_flow, flow, A)  # not zero
    Proof(toy(flow, constant(B))).gradient_flow(flow, A)
    s = Symbol("s", real=True)
    flow = gradient_flow(s * Trace(A * A.T), (A,))
    refused(Proof(toy(flow, defines={s: Trace(A)})).gradient_flow, flow, A)
    both = gradient_flow(Trace(A * A.T) / 2, (A,))
    refused(Proof(toy(both, constant(A))).gradient_flow, both, A)


# -- the regime ---------------------------------------------------------------------------------------------------


def test_a_contradictory_regime_is_noticed():
    for assumptions, symbols in (
        ((equation("one", x, sympy.S.One), equation("two", x, sympy.Integer(2))), {}),
        ((), {c: Interval(1, 0, sample=(0, 1))}),
        ((), {Symbol("k", integer=True): Integers(3, 2)}),
    ):
        claim = toy(*assumptions, symbols=symbols)

        @claim.derivation
        def from_nothing(proof, assumptions=assumptions):
            s = list(proof.claim.symbols)[-1]
            if assumptions:
                one, two = (proof.assume(e) for e in assumptions)
                absurd = proof.certificate((sympy.S.Zero, "==", sympy.S.One), [(1, one), (-1, two)])
            else:
                absurd = proof.certificate((sympy.S.Zero, ">=", sympy.S.One), [(1, proof.low(s)), (1, proof.high(s))])
            proof.conclude(proof.certificate((sympy.S.One, ">=", sympy.S.Zero), [(1, absurd)], [(2, sympy.S.One)]))

        assert run_derivation(claim, claim.evidence[0]).verdict == "fail"


# -- roots and integers -------------------------------------------------------------------------------------------


def test_a_root_is_taken_of_what_bounds_the_square(proof):
    z = proof.scalar("z", Domain())
    fact = proof.sign(z**2 + 1)  # z^2 + 1 >= 0
    refused(proof.root, fact, z)
    square = proof.certificate((z**2 + 1, ">=", z**2), [(1, proof.sign(sympy.S.One))])
    proof.root(square, -z)
    refused(proof.root, square, 2 * z)
    refused(proof.root, square, sqrt(z))
    refused(proof.root, square, sympy.I * z)


def test_functions_are_integers_where_the_claim_says_so():
    f = sympy.Function("f")
    steps = Assumption("f >= 0", lambda: sympy.Ge(f(n), 0, evaluate=False))
    for law, good in ((integers(f), True), (constant(f), False)):
        check = Proof(toy(steps, law))
        k = check.index("k")
        fact = check.sign(k**2 + k)
        check.assume(steps)
        if good:
            check.instantiate(fact, {k: f(n)})
            refused(check.instantiate, fact, {k: f(n) / 2})
            refused(check.instantiate, fact, {k: f(n) - 1})
        else:
            refused(check.instantiate, fact, {k: f(n)})


# -- random numbers in statements about means ---------------------------------------------------------------------


def test_a_mean_at_a_random_index():
    """E X_i = 0 for every i, and i = the first index where X_i > 0: E X_i > 0."""
    draw, first = sympy.Function("X"), sympy.Function("i")
    mean = Assumption(
        "mean zero",
        lambda i: sympy.Eq(Mean(draw(i)), 0, evaluate=False),
        where=lambda i: [i],
    )
    positive = Assumption("i >= 0", lambda k: sympy.Ge(first(k), 0, evaluate=False))
    check = Proof(toy(mean, positive, integers(first)))
    check.assume(positive, n)
    check.assume(mean, n)
    refused(check.assume, mean, first(n))
    refused(check.assume, mean, first(n) + 1)
    k = check.index("k")
    refused(check.instantiate, check.assume(mean, k), {k: first(n)})
    t = check.index("t", 0, first(n))
    refused(check.assume, mean, t)
    fixed = Proof(toy(mean, positive, integers(first), constant(first)))
    fixed.assume(positive, n)
    fixed.assume(mean, first(n))


def test_nothing_cancels_unseen_inside_a_mean():
    """Where q(v) = s = 0, s/q(v) would be 1 by one equation and 0 by the other."""
    s = Symbol("s", real=True)
    gap, null = equation("s is q(v)", s, q(v)), equation("s is zero", s, sympy.S.Zero)
    alike = equation("A is a multiple", A, q(v) * B)
    check = Proof(toy(gap, null, alike, constant(A, B), symbols={s: Reals(sample=(-1, 1))}))
    one, zero, multiple = check.assume(gap), check.assume(null), check.assume(alike)
    inside, traced = NormalMean(s * q(u) / q(v)), NormalMean(Trace(A) * q(u) / q(v))
    for eq in (one, zero):
        refused(check.certificate, (inside, "==", NormalMean(q(u))), [], using=[eq])
        refused(check.certificate, (inside, "==", NormalMean(sympy.S.Zero)), [], using=[eq])
        refused(check.rewrite, check.identity(inside, inside), eq)
    refused(check.rewrite, check.identity(traced, traced), multiple)
    for undefined in (Mean(s * q(u) / q(v)), Mean(Trace(A) * q(u) / q(v))):
        refused(check.identity, undefined, undefined)
    fine = Mean(s * q(u) / (1 + q(v) ** 2))
    check.rewrite(check.identity(fine, fine), zero)


def test_zero_times_infinity_in_a_sum_or_a_mean(proof):
    """(k - n)/(k - w) at k = n is 0, and 1 where w = n was put in before."""
    k, w = Symbol("k", integer=True), proof.scalar("w", Domain())
    draw = sympy.Function("X")
    term = (k - n) / (k - w)
    for total in (sympy.Sum(term, (k, n, n)), sympy.Sum(Mean(draw(k) * term), (k, n, n))):
        refused(proof.split_sum, total)
        refused(proof.identity, total, total)
    s, t = proof.index("s"), proof.scalar("t", Domain())
    refused(proof.telescope, Mean(draw(s) * (s - n) / (s - t)), s, n, n + 1)
    top, bottom = ((q(u) + q(v)).subs(q(u), x * q(u)).subs(q(v), x * q(v)) for x in (s, t))
    refused(proof.identity, Mean(top / bottom), s * Mean((q(u) + q(v)) / bottom))  # at s = t = 0
    proof.split_sum(sympy.Sum(1 / (n + 1 - k), (k, 1, n)))
    proof.split_sum(sympy.Sum(1 / k, (k, 1, n)))


def test_the_variable_of_a_sum_is_told_no_more_than_its_range(proof):
    k = Symbol("k", integer=True, positive=True)
    away = sympy.Sum(abs(k - 5), (k, 0, 4))
    refused(proof.reindex, away, k + 5)  # else |k| is k from -5 to -1
    refused(proof.split_sum, away)
    proof.split_sum(away.xreplace({k: Symbol("k", integer=True)}))


def test_a_function_is_told_no_more_than_that_it_is_real(proof):
    z = proof.scalar("z", Domain())
    fact = proof.sign(abs(z))
    refused(proof.instantiate, fact, {z: sympy.Function("f", positive=True)(n)})
    refused(proof.identity, sympy.Function("f", integer=True)(n))
    proof.instantiate(fact, {z: sympy.Function("f", real=True)(n)})


def test_sizes_of_matrices_are_whole_and_not_negative(proof):
    for size in (x, n - 5, n / 2):
        refused(proof.sign, Trace(sympy.Identity(size)))
        refused(proof.certificate, size, [], [(1, sympy.Identity(size))])
    proof.certificate(n, [], [(1, sympy.Identity(n))])


def test_a_schema_captures_no_value():
    f, j = sympy.Function("f"), Symbol("j", integer=True, nonnegative=True)
    twice = Assumption(
        "f(k) is k",
        lambda k: sympy.Eq(f(k), sympy.Sum(j * k, (j, 0, 1)), evaluate=False),
        where=lambda k: [k],
    )
    check = Proof(toy(twice))
    refused(check.assume, twice, check.index("j"))  # else f(j) is the sum of j^2
    check.assume(twice, n)


def test_sums_of_means_up_to_a_random_end():
    first = sympy.Function("i")
    positive = Assumption("i >= 0", lambda k: sympy.Ge(first(k), 0, evaluate=False))
    check = Proof(toy(positive, integers(first)))
    check.assume(positive, n)
    t = check.index("t")
    refused(check.telescope, Mean(t), t, 0, first(n))  # else i = E i
    s = check.index("s", 0, first(n))
    refused(check.sum_of, check.mean(check.high(s)), s, 0, first(n))


def test_a_derivative_in_time_at_one_instant():
    """From tr A^T A at 0, a constant, and its speed -2 tr A^T A there."""
    time, start = Symbol("t", real=True), MatrixSymbol("A0", d, d)
    at = MatrixSequence("A", d, d)
    flow = gradient_flow(Trace(at(time).T * at(time)) / 2, (at(time),), time)
    begin = equation("start", at(0), start)
    for known in (constant(start), constant(at(0))):
        check = Proof(toy(flow, begin, known))
        now = check.scalar("T", Domain(0))
        motion = check.lie_derivative(Trace(at(now).T * at(now)), [check.gradient_flow(flow, at(now))])
        refused(check.instantiate, motion, {now: sympy.S.Zero})
        later = check.scalar("S", Domain(0, 0))
        moved = check.instantiate(motion, {now: later})
        refused(check.rewrite, moved, check.assume(equation("start", at(0), start)), check.assume(begin))


def test_limits_with_what_is_tied_to_their_variable():
    s, m = Symbol("s", real=True), Symbol("m", real=True)
    check = Proof(toy(equation("x is s", x, s), symbols={m: Interval(n, 2 * n, sample=(1, 9))}, defines={s: n}))
    w = check.scalar("w", Domain())
    limit, growth = check.limit(w / n, n), check.growth((1 + w**2) * n, n)
    for value in (s, m, x, q(u), 1 + s):
        refused(check.instantiate, limit, {w: value})
        refused(check.instantiate, growth, {w: value})
    refused(check.limit, x / n, n)
    check.instantiate(limit, {w: y})
    hidden = Assumption("y is n", lambda k: sympy.Eq(y, n, evaluate=False))
    refused(Proof(toy(hidden)).limit, y / n, n)
    refused(Proof(toy()).limit, sympy.Determinant(A) / n, n)


def test_equations_on_a_single_point_and_derivatives(proof):
    z = proof.scalar("z", Domain(2, 2))
    slope = proof.derivative(x * z, z, x)
    two = proof.antisymmetry(proof.low(z), proof.certificate((2, ">=", z), [(1, proof.high(z))]))
    here = proof.certificate((x, "==", x + z - 2), [(-1, two)])
    refused(proof.rewrite, slope, here)  # else the slope of (x + z - 2) z at 2 is x


def test_matrix_equations_do_not_go_under_a_sum_over_their_index():
    sequence, k = MatrixSequence("J", d, d), Symbol("k", integer=True, positive=True)
    late = Assumption("B from 7 on", lambda i: sympy.Eq(sequence(i), B, evaluate=False), where=lambda i: [i - 7])
    check = Proof(toy(late))
    assert check.index("k", 7) == k
    total = sympy.Sum(Trace(sequence(k)), (k, 1, 3))
    refused(check.rewrite, check.split_sum(total), check.assume(late, k))  # else tr B = tr J(3)


def test_a_loss_that_holds_on_to_the_start():
    at, time = MatrixSequence("J", d, d), Symbol("t", real=True)
    flow = gradient_flow(Trace(at(time).T * at(0)), (at(time),), time)
    check = Proof(toy(flow))
    refused(check.gradient_flow, flow, at(0))  # else -2 J(0)


def test_equations_that_the_laws_rule_out():
    first, second = gaussian(A), gaussian(B)
    tie = Assumption("A is B", lambda: sympy.Eq(A, B, evaluate=False))
    refused(Proof(toy(first, second, tie)).moment, Trace(A) * Trace(B), [first, second])
    refused(Proof(toy(first, constant(B), equation("A is B", A, B))).moment, Trace(A), [first])
    refused(Proof(toy(first, equation("x is tr A", Trace(A), x))).moment, Trace(A), [first])


def test_terms_of_a_sequence_that_may_be_one():
    """E tr A(n)^T A(d) is zero where n and d differ; where they are equal it is d^2, and n = d is possible."""
    at = MatrixSequence("A", d, d)
    first, second, still = gaussian(at(n)), gaussian(at(d)), constant(at(d))
    product = Trace(at(n).T * at(d))
    refused(Proof(toy(first, second)).moment, product, [first, second])
    refused(Proof(toy(first, second)).gaussian, product, [first, second])
    refused(Proof(toy(first, second)).independence, Trace(at(n)) * Trace(at(d)), [first], [second])
    refused(Proof(toy(first, still)).moment, product, [first])
    apart = gaussian(at(n + 1))
    assert Proof(toy(first, apart)).moment(Trace(at(n).T * at(n + 1)), [first, apart]).right == 0
    assert Proof(toy(first, second)).moment(Trace(at(n).T * at(n)), [first]).right == d**2


def test_a_name_for_an_integral_does_not_make_it_exist():
    s, t = Symbol("s", real=True), Symbol("t", real=True)
    check = Proof(toy(defines={s: sympy.Integral(1 / t, (t, 1, sympy.oo))}))
    w = check.scalar("w", Domain(1))
    above = check.certificate((1 / w, ">=", 0), [(1, check.sign(1 / w))])
    refused(check.integral_bound, above, w, 1, sympy.oo, exist=[check.definition(s)])
