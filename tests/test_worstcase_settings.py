"""Worst cases by setting: known tight values are reached within 1e-6 and never undercut, in exact arithmetic."""

import math
from fractions import Fraction as Q

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from gdverify.claim import Claim, Paper
from gdverify.classes import (
    block_smooth,
    cocoercive,
    convex,
    indicator,
    lipschitz,
    lipschitz_operator,
    minimiser,
    monotone,
    smooth,
    strongly_convex,
    strongly_monotone,
    zero,
)
from gdverify.decision import SureBound
from gdverify.errors import ClaimError
from gdverify.language import ScalarFunction, Vector, VectorSequence, sq
from gdverify.worstcase import Problem, certify_upper, check, gradient_descent_multipliers, run_worst_case

f, h, A, B = ScalarFunction("f"), ScalarFunction("h"), VectorSequence("A"), VectorSequence("B")
x_star = Vector("x_star")


def claim(*assumptions, bound=1, function=None):
    c = Claim(
        id="test.setting",
        title="a setting",
        paper=Paper("test", "Test"),
        locator="none",
        statement="none",
        symbols={},
        decides=SureBound(quantity="quantity", bound=sympy.sympify(bound)),
        assumptions=assumptions,
    )
    if function is not None:
        c.worst_case()(function)
    return c


def worst(build, *assumptions):
    """The certified bound, as its checked artefact proves it."""
    problem = Problem(claim(*assumptions), {})
    build(problem)
    found = certify_upper(problem)
    assert found is not None
    assert check(found[1]) == ("upper", found[0])
    return found[0]


def root(x, digits=14):
    """A rational near sqrt(x): methods with irrational steps are run with nearby ones."""
    return Q(math.isqrt(int(Q(x) * 10 ** (2 * digits))), 10**digits)


def near(value, tight):
    """Not below the tight value (but for the rounding of the method's coefficients), and within 1e-6 of it."""
    assert float(tight) * (1 - 1e-11) <= float(value) <= float(tight) * (1 + 1e-6)


DISTANCE = "assumed equality 0"
CONVEX = (convex(f), minimiser(f, x_star))


def start(p, *functions):
    s, x = p.minimiser(*functions), p.start()
    p.equal(sq(x - s), 1)
    return s, x


def proximal_point(gamma, N):
    def build(p):
        F = p.function(f)
        s, x = start(p, F)
        for _ in range(N):
            x = F.proximal(x, gamma)
        p.maximise(F(x) - F(s))

    return worst(build, *CONVEX)


def subgradient(G, N):
    def build(p):
        F = p.function(f)
        s, x = start(p, F)
        gaps = []
        for _ in range(N + 1):
            gaps.append(F(x) - F(s))
            x = x - F.grad(x) / (G * root(N + 1))
        p.maximise(*gaps)

    return worst(build, *CONVEX, lipschitz(f, G))


def projected_gradient(mu, L, gamma, N):
    def build(p):
        F, C = p.function(f), p.function(h)
        s, x = start(p, F, C)
        for _ in range(N):
            x = C.project(x - gamma * F.grad(x))
        p.maximise(sq(x - s))

    return worst(build, strongly_convex(f, mu), smooth(f, L), indicator(h), minimiser(f, x_star))


def frank_wolfe(L, D, N):
    def build(p):
        F, C = p.function(f), p.function(h)
        s, x = p.minimiser(F, C), p.start()
        C(x)
        for k in range(N):
            y = p.start()
            C.impose(y, -F.grad(x))
            x = x * Q(k, k + 2) + y * Q(2, k + 2)
        p.maximise(F(x) - F(s))

    return worst(build, *CONVEX, smooth(f, L), indicator(h, D))


def optimised_gradient(L, N):
    """The certified bound, and the tight one L/(2 theta_N^2) (Kim and Fessler 2016)."""
    theta = [Q(1)]
    for k in range(N):
        theta.append((1 + root((4 if k < N - 1 else 8) * theta[-1] ** 2 + 1)) / 2)

    def build(p):
        F = p.function(f)
        s, x = start(p, F)
        y = x
        for k in range(N):
            new = x - F.grad(x) / L
            a, b = (theta[k] - 1) / theta[k + 1], theta[k] / theta[k + 1]
            x, y = new + a * (new - y) + b * (new - x), new
        p.maximise(F(x) - F(s))

    return worst(build, *CONVEX, smooth(f, L)), L / (2 * theta[-1] ** 2)


def triple_momentum(mu, L, n):
    """mu/L must be a square of a rational, so that the method has rational coefficients."""
    rho = 1 - root(mu / L)
    alpha, beta = (1 + rho) / L, rho**2 / (2 - rho)
    gamma, delta = rho**2 / (1 + rho) / (2 - rho), rho**2 / (1 - rho**2)

    def build(p):
        F = p.function(f)
        s, x0 = start(p, F)
        old = new = y = x0
        for _ in range(n):
            inter = (1 + beta) * new - beta * old - alpha * F.grad(y)
            y = (1 + gamma) * inter - gamma * new
            x = (1 + delta) * inter - delta * new
            new, old = inter, new
        p.maximise(F(x) - F(s))

    return build, (strongly_convex(f, mu), smooth(f, L), minimiser(f, x_star)), rho


def sgd(mu, L, gamma, n, variance):
    """One step, averaged over the index of a finite sum whose gradients at the solution have this mean square."""

    def build(p):
        parts = [p.function(f, member=i) for i in range(n)]
        s, x = start(p, *parts)
        p.bound(p.average(sq(F.grad(s)) for F in parts), variance)
        p.maximise(p.average(sq(x - gamma * F.grad(x) - s) for F in parts))

    return worst(build, strongly_convex(f, mu), smooth(f, L), minimiser(f, x_star))


def random_coordinates(mu, L, gamma, d):
    """One step along one of d blocks, drawn uniformly."""

    def build(p):
        p.blocks(d)
        F = p.function(f)
        s, x = start(p, F)
        p.maximise(p.average(sq(x - gamma * p.part(F.grad(x), k) - s) for k in range(d)))

    return worst(build, strongly_convex(f, mu), smooth(f, L), minimiser(f, x_star))


def cyclic_coordinates(constants, n):
    def build(p):
        p.blocks(len(constants))
        F = p.function(f)
        s, x = start(p, F)
        for k in range(n):
            i = k % len(constants)
            x = x - p.part(F.grad(x), i) / constants[i]
        p.maximise(F(x) - F(s))

    return worst(build, *CONVEX, block_smooth(f, constants))


def resolvents(operator_class, gamma, N, residual):
    def build(p):
        T = p.operator(A)
        s, x = p.zero(T), p.start()
        p.equal(sq(x - s), 1)
        for _ in range(N):
            x, old = T.resolvent(x, gamma), x
        p.maximise(sq(x - old) if residual else sq(x - s))

    return worst(build, operator_class, zero(A, x_star))


def halpern(N):
    """For a nonexpansive T = I - A: x_k = x_0/(k+1) + (1 - 1/(k+1)) T x_{k-1}; the residual of x_N."""

    def build(p):
        T = p.operator(A)
        s, x0 = p.zero(T), p.start()
        p.equal(sq(x0 - s), 1)
        x = x0
        for k in range(1, N + 1):
            x = Q(1, k + 1) * x0 + Q(k, k + 1) * (x - T(x))
        p.maximise(sq(T(x)))

    return worst(build, cocoercive(A, Q(1, 2)), zero(A, x_star))


def forward_backward(mu, beta, gamma, N):
    def build(p):
        T, S = p.operator(A), p.operator(B)
        s, x = p.zero(S, T), p.start()
        p.equal(sq(x - s), 1)
        for _ in range(N):
            x = T.resolvent(x - gamma * S(x), gamma)
        p.maximise(sq(x - s))

    return worst(build, strongly_monotone(A, mu), cocoercive(B, beta), zero(A, x_star))


def extragradient(L, gamma, N):
    def build(p):
        T = p.operator(A)
        s, x = p.zero(T), p.start()
        p.equal(sq(x - s), 1)
        residuals = []
        for _ in range(N):
            half = x - gamma * T(x)
            residuals.append(sq(x - half))
            x = x - gamma * T(half)
        p.maximise(*residuals)

    return worst(build, monotone(A), lipschitz_operator(A, L), zero(A, x_star))


def optimistic(L, gamma, N):
    def build(p):
        T = p.operator(A)
        s, x = p.zero(T), p.start()
        p.equal(sq(x - s), 1)
        past = T(x)
        for _ in range(N):
            now = T(x)
            x, past = x - gamma * (2 * now - past), now
        p.maximise(sq(x - s))

    return worst(build, monotone(A), lipschitz_operator(A, L), zero(A, x_star))


@pytest.mark.parametrize(("gamma", "N"), [(Q(1), 1), (Q(3, 7), 2), (Q(5), 5), (Q(1, 10), 10)])
def test_proximal_point(gamma, N):
    near(proximal_point(gamma, N), 1 / (4 * gamma * N))


@pytest.mark.parametrize(("G", "N"), [(Q(1), 1), (Q(2), 3), (Q(1, 3), 6)])
def test_subgradient(G, N):
    near(subgradient(G, N), float(G) / math.sqrt(N + 1))


@pytest.mark.parametrize(("mu", "L", "gamma", "N"), [(Q(1, 10), Q(1), Q(1), 2), (Q(1), Q(3), Q(3, 5), 1),
                                                     (Q(1, 4), Q(2), Q(1, 3), 4)])  # fmt: skip
def test_projected_gradient(mu, L, gamma, N):
    near(projected_gradient(mu, L, gamma, N), max((1 - gamma * mu) ** 2, (1 - gamma * L) ** 2) ** N)


@pytest.mark.parametrize(("L", "N"), [(Q(1), 1), (Q(3), 3), (Q(1, 2), 8)])
def test_optimised_gradient(L, N):
    near(*optimised_gradient(L, N))


@pytest.mark.parametrize(("mu", "L", "n"), [(Q(1, 4), Q(1), 2), (Q(1, 9), Q(1), 4), (Q(1), Q(16), 3)])
def test_triple_momentum(mu, L, n):
    build, classes, rho = triple_momentum(mu, L, n)
    near(worst(build, *classes), rho ** (2 * n) * L * L / mu / 2)


@pytest.mark.parametrize(("mu", "L", "n", "v"), [(Q(1, 10), Q(1), 2, Q(1)), (Q(1, 2), Q(3), 3, Q(1, 4))])
def test_stochastic_gradient_step(mu, L, n, v):
    """Tight at gamma = 1/L (Taylor and Bach 2019, as PEPit's example states it)."""
    q = float(1 - mu / L)
    tight = q * q / 2 + q / 2 * math.sqrt(q * q + 4 * float(v / L**2)) + float(v / L**2)
    near(sgd(mu, L, 1 / L, n, v), tight)


@pytest.mark.parametrize(("mu", "L", "gamma", "d"), [(Q(1, 10), Q(1), Q(20, 11), 2), (Q(1), Q(4), Q(1, 4), 3)])
def test_random_coordinate_step(mu, L, gamma, d):
    near(random_coordinates(mu, L, gamma, d), max((gamma * c - 1) ** 2 + d - 1 for c in (mu, L)) / d)


@pytest.mark.parametrize(("gamma", "N"), [(Q(2), 1), (Q(1, 3), 3), (Q(7), 3)])
def test_proximal_point_of_operators(gamma, N):
    near(resolvents(monotone(A), gamma, N, True), (1 - Q(1, N)) ** (N - 1) / N)  # Gu and Yang 2020
    near(resolvents(strongly_monotone(A, Q(2, 5)), gamma, N, False), (1 + gamma * Q(2, 5)) ** (-2 * N))


@pytest.mark.parametrize("N", [1, 4, 8])
def test_halpern(N):
    near(halpern(N), Q(4, (N + 1) ** 2))  # Lieder 2021


@pytest.mark.parametrize(("mu", "beta", "gamma", "N"), [(Q(1), Q(1), Q(1), 1), (Q(1, 3), Q(2), Q(5, 2), 3)])
def test_forward_backward(mu, beta, gamma, N):
    near(forward_backward(mu, beta, gamma, N), (1 + gamma * mu) ** (-2 * N))


def test_necessary_conditions_still_bound():
    """Monotone and Lipschitz together: a rotation gives a lower bound, no instance is claimed."""
    for method in (extragradient, optimistic):
        value = method(Q(1), Q(1, 2), 3)
        assert 0 < value <= Q(3, 2)
    rotation = (1 - Q(1, 4)) ** 2 + Q(1, 4)  # |1 - gamma i (1 - gamma i)|^2 at gamma = 1/2
    assert extragradient(Q(1), Q(1, 2), 3) >= Q(1, 4) * rotation**2
    assert cyclic_coordinates((Q(1), Q(2)), 3) > 0
    D = Q(2)
    assert frank_wolfe(Q(1), D, 2) <= 2 * D**2 / (2 + 2)


@given(gamma=st.fractions(min_value=Q(1, 50), max_value=1), L=st.fractions(min_value=Q(1, 9), max_value=9),
       N=st.integers(1, 12))  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_gradient_descent_in_closed_form(gamma, L, N):
    def build(p):
        F = p.function(f)
        s, x = start(p, F)
        for _ in range(N):
            x = x - gamma / L * F.grad(x)
        p.maximise(F(x) - F(s))
        p.multipliers(gradient_descent_multipliers(N, L, gamma / L, start=DISTANCE))

    assert worst(build, *CONVEX, smooth(f, L)) == L / (2 * (2 * N * gamma + 1))


def test_operators_decide_claims():
    """The claim at the tight value passes, a smaller one is refuted by an instance, as is one that lost its zero."""

    def build(p, case):
        T = p.operator(A)
        s, x = p.zero(T), p.start()
        p.equal(sq(x - s), 1)
        x = T.resolvent(x, 1)
        p.maximise(sq(x - s))

    def verdict(bound, *classes):
        c = claim(*classes, bound=bound, function=build)
        return run_worst_case(c, c.evidence[0], {}).verdict

    both = (strongly_monotone(A, 1), zero(A, x_star))
    assert verdict(sympy.Rational(1, 4), *both) == "pass"
    assert verdict(sympy.Rational(24, 100), *both) == "fail"
    assert verdict(sympy.Rational(1, 4), strongly_monotone(A, 1)) == "fail"
    assert verdict(sympy.Rational(1, 4), monotone(A), zero(A, x_star)) == "fail"
    assert verdict(sympy.Rational(1, 5), monotone(A), lipschitz_operator(A, 9), zero(A, x_star)) != "fail"


def test_malformed_settings_are_refused():
    with pytest.raises(ClaimError, match="strongly monotone"):
        Problem(claim(strongly_monotone(A, 2), lipschitz_operator(A, 1)), {}).operator(A)
    p = Problem(claim(*CONVEX), {})
    p.start()
    with pytest.raises(ClaimError, match="before creating"):
        p.blocks(2)
    with pytest.raises(ClaimError, match="0 < gamma"):
        gradient_descent_multipliers(3, 1, 2)


def descent(mu, L, gamma, N, distance):
    def build(p):
        F = p.function(f)
        s, x = start(p, F)
        for _ in range(N):
            x = x - gamma * F.grad(x)
        p.maximise(sq(x - s) if distance else F(x) - F(s))

    return worst(build, strongly_convex(f, mu) if mu else convex(f), smooth(f, L), minimiser(f, x_star))


@pytest.mark.parametrize(("gamma", "N"), [(Q(1, 10**6), 1), (Q(1, 10**6), 10), (Q(1999, 1000), 1), (Q(1999, 1000), 10)])
def test_gradient_descent_at_the_ends_of_its_steps(gamma, N):
    value = descent(Q(0), Q(1), gamma, N, False)
    near(value, max(1 / (4 * float(gamma) * N + 2), float(1 - gamma) ** (2 * N) / 2))


@pytest.mark.parametrize(("mu", "L", "gamma", "N"), [
    (Q(1, 10**4), Q(1), Q(1), 10), (Q(1, 10**4), Q(1), Q(1999, 1000), 5), (Q(1, 10), Q(1), Q(1, 10**6), 5),
    (Q(3), Q(4), Q(1, 4), 10), (Q(1, 2), Q(1), Q(4, 3), 8)])  # fmt: skip
def test_contraction_down_to_small_numbers(mu, L, gamma, N):
    """At mu = 3L/4 the worst distance after ten steps is 1e-12 of the first, certified to 1e-6 of itself."""
    near(descent(mu, L, gamma, N, True), max((1 - gamma * mu) ** 2, (1 - gamma * L) ** 2) ** N)


@pytest.mark.parametrize(("L", "D", "N"), [(Q(1), Q(1), 4), (Q(100), Q(1), 5), (Q(1, 100), Q(1), 5)])
def test_frank_wolfe_is_certified_below_its_bound(L, D, N):
    assert Q(0) < frank_wolfe(L, D, N) <= 2 * L * D**2 / (N + 2)


@given(data=st.data())
@settings(max_examples=12, deadline=None, derandomize=True)
def test_stochastic_and_coordinate_steps_at_drawn_parameters(data):
    L = data.draw(st.fractions(min_value=Q(1, 9), max_value=50, max_denominator=40))
    mu = L * data.draw(st.fractions(min_value=Q(1, 1000), max_value=Q(49, 50), max_denominator=1000))
    n, v = data.draw(st.integers(2, 4)), data.draw(st.fractions(min_value=0, max_value=20, max_denominator=20))
    q = float(1 - mu / L)
    near(sgd(mu, L, 1 / L, n, v), q * q / 2 + q / 2 * math.sqrt(q * q + 4 * float(v / L**2)) + float(v / L**2))
    gamma = data.draw(st.fractions(min_value=Q(1, 100), max_value=Q(199, 100), max_denominator=100)) / L
    near(random_coordinates(mu, L, gamma, n), max((gamma * c - 1) ** 2 + n - 1 for c in (mu, L)) / n)
