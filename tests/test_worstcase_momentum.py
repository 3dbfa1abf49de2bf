"""Momentum methods by name: published values are certified, and an instance that attains the tight ones is replayed.

"Tight": the certified bound is within 1e-6 of the published value, and an exactly checked instance within 1e-4 of it.
"Upper": the published bound holds, certified; the certified worst case is at most that.
"""

import json
import math
from fractions import Fraction as Q

import pytest
import sympy

from gdverify.classes import (
    cocoercive,
    convex,
    lipschitz_operator,
    minimiser,
    monotone,
    smooth,
    strongly_convex,
    strongly_monotone,
    zero,
)
from gdverify.language import sq
from gdverify.worstcase import check, check_belongs, run_worst_case

from .test_worstcase_settings import A, B, claim, f, h, near, root, worst, x_star

SMOOTH = (convex(f), minimiser(f, x_star))


def strong(mu, L):
    return (strongly_convex(f, mu), smooth(f, L), minimiser(f, x_star))


def launch(p):
    """f, its minimiser, a start at distance 1."""
    F = p.function(f)
    s, x = p.minimiser(F), p.start()
    p.equal(sq(x - s), 1)
    return F, s, x


def theta(count):
    """1, (1 + sqrt(5))/2, ...: the numbers of Nesterov's method."""
    out = [Q(1)]
    for _ in range(count):
        out.append((1 + root(4 * out[-1] ** 2 + 1)) / 2)
    return out


def nesterov(L, N):
    """Nesterov 1983; L/(2 theta_{N-1}^2) (Beck and Teboulle 2009, Theorem 4.4)."""
    t = theta(N)

    def build(p):
        F, s, x = launch(p)
        y = x
        for k in range(N):
            new = y - F.grad(y) / L
            x, y = new, new + (t[k] - 1) / t[k + 1] * (new - x)
        p.maximise(F(x) - F(s))

    return build, (*SMOOTH, smooth(f, L)), L / (2 * t[N - 1] ** 2)


def nesterov_simplified(L, N):
    """Momentum k/(k+3); 2L/(N^2 + 5N + 6) (Taylor, Hendrickx, Glineur 2017b, Table 1)."""

    def build(p):
        F, s, x = launch(p)
        y = x
        for k in range(N):
            new = y - F.grad(y) / L
            x, y = new, new + Q(k, k + 3) * (new - x)
        p.maximise(F(x) - F(s))

    return build, (*SMOOTH, smooth(f, L)), 2 * L / (N**2 + 5 * N + 6)


def nesterov_strongly_convex(mu, L, N):
    """Constant momentum; (1 - sqrt(mu/L))^N (f(x_0) - f_star + mu |x_0 - x_star|^2 / 2), mu/L a square."""
    q = root(mu / L)

    def build(p):
        F = p.function(f)
        s, x = p.minimiser(F), p.start()
        p.equal(F(x) - F(s) + mu / 2 * sq(x - s), 1)
        y = x
        for _ in range(N):
            new = y - F.grad(y) / L
            x, y = new, new + (1 - q) / (1 + q) * (new - x)
        p.maximise(F(x) - F(s))

    return build, strong(mu, L), (1 - q) ** N


def heavy_ball(mu, L, alpha, N):
    """alpha <= 1/L, beta^2 = (1 - alpha mu)(1 - alpha L); (1 - alpha mu)^N (Ghadimi, Feyzmahdavian, Johansson 2015)."""
    beta = root((1 - alpha * mu) * (1 - alpha * L))

    def build(p):
        F = p.function(f)
        s, x = p.minimiser(F), p.start()
        p.equal(F(x) - F(s), 1)
        old = x
        for _ in range(N):
            x, old = x - alpha * F.grad(x) + beta * (x - old), x
        p.maximise(F(x) - F(s))

    return build, strong(mu, L), (1 - alpha * mu) ** N


def optimised_gradient_for_gradients(L, N):
    """OGM-G; 2L/theta_0^2 (Kim and Fessler 2021, Theorem 6.1)."""
    t = theta(N - 1)
    t = [(1 + root(8 * t[-1] ** 2 + 1)) / 2, *reversed(t)]

    def build(p):
        F = p.function(f)
        s, x = p.minimiser(F), p.start()
        p.equal(F(x) - F(s), 1)
        y = x
        for k in range(N):
            new = x - F.grad(x) / L
            a = (t[k] - 1) * (2 * t[k + 1] - 1) / t[k] / (2 * t[k] - 1)
            x, y = new + a * (new - y) + (2 * t[k + 1] - 1) / (2 * t[k] - 1) * (new - x), new
        p.maximise(sq(F.grad(x)))

    return build, (*SMOOTH, smooth(f, L)), 2 * L / t[0] ** 2


def accelerated_proximal_gradient(L, N):
    """FPGM1; 2L/(N^2 + 5N + 2) (Taylor, Hendrickx, Glineur 2017b, Table 1)."""

    def build(p):
        F, H = p.function(f), p.function(h)
        s, x = p.minimiser(F, H), p.start()
        p.equal(sq(x - s), 1)
        y = x
        for k in range(N):
            new = H.proximal(y - F.grad(y) / L, 1 / L)
            x, y = new, new + Q(k, k + 3) * (new - x)
        p.maximise(F(x) + H(x) - F(s) - H(s))

    return build, (*SMOOTH, smooth(f, L), convex(h)), 2 * L / (N**2 + 5 * N + 2)


def fixed_points(p):
    """x - T x as a 1/2-cocoercive operator, its zero, a start at distance 1."""
    T = p.operator(A)
    s, x = p.zero(T), p.start()
    p.equal(sq(x - s), 1)
    return T, x


def krasnoselskii_mann(gamma, N):
    """|x_N - T x_N|^2/4 for nonexpansive T (Lieder 2018, Theorem 4.9), two regimes of gamma in [1/2, 1]."""

    def build(p):
        T, x = fixed_points(p)
        for _ in range(N):
            x = x - gamma * T(x)
        p.maximise(sq(T(x)) / 4)

    if float(gamma) <= (1 + math.sqrt(N / (N + 1))) / 2:
        tight = Q(1, N + 1) * Q(N, N + 1) ** N / (4 * gamma * (1 - gamma))
    else:
        tight = (2 * gamma - 1) ** (2 * N)
    return build, (cocoercive(A, Q(1, 2)), zero(A, x_star)), tight


def accelerated_proximal_point(gamma, N):
    """1/N^2 for |x_N - y_{N-1}|^2 (Kim 2021, Theorem 4.1)."""

    def build(p):
        T, x = fixed_points(p)
        y = [x, x]
        xs = [x]
        for k in range(N - 1):
            xs.append(T.resolvent(y[-1], gamma))
            y.append(xs[-1] + Q(k, k + 2) * (xs[-1] - xs[-2]) - Q(k, k + 2) * (xs[-2] - y[-2]))
        p.maximise(sq(T.resolvent(y[-1], gamma) - y[-1]))

    return build, (monotone(A), zero(A, x_star)), Q(1, N * N)


def optimal_proximal_point(mu, N):
    """(2 mu/((1 + 2 mu)^N - 1))^2 for |y_{N-1} - x_N|^2 (Park and Ryu 2022, Theorem 3.2)."""

    def phi(k):
        return sum(((1 + 2 * mu) ** (2 * i) for i in range(k + 1)), Q(0))

    def build(p):
        T, x = fixed_points(p)
        y = before = x
        for k in range(N):
            new = T.resolvent(y, 1)
            a, b, c = (phi(k) - 1) / phi(k + 1), 2 * mu * phi(k) / phi(k + 1), (1 + 2 * mu) * phi(k - 1) / phi(k + 1)
            x, before, y = new, y, new + a * (new - x) - b * (y - new) + c * (before - x)
        p.maximise(sq(before - x))

    return build, (strongly_monotone(A, mu), zero(A, x_star)), (2 * mu / ((1 + 2 * mu) ** N - 1)) ** 2


def douglas_rachford(mu, L, alpha, N):
    """Contraction between two runs, theta = 1 (Giselsson and Boyd 2016, Theorem 2)."""

    def build(p):
        F, H = p.function(f), p.function(h)
        first, second = p.start(), p.start()
        p.equal(sq(first - second), 1)
        ends = []
        for w in (first, second):
            for _ in range(N):
                x = H.proximal(w, alpha)
                w = w + F.proximal(2 * x - w, alpha) - x
            ends.append(w)
        p.maximise(sq(ends[0] - ends[1]))

    tight = max(1 / (1 + mu * alpha), alpha * L / (1 + alpha * L)) ** (2 * N)
    return build, (strongly_convex(f, mu), smooth(f, L), convex(h)), tight


def reflected_operators(mu, L, alpha, N):
    """Douglas-Rachford for a Lipschitz monotone and a strongly monotone operator: necessary conditions only."""

    def build(p):
        S, T = p.operator(A), p.operator(B)
        first, second = p.start(), p.start()
        p.equal(sq(first - second), 1)
        ends = []
        for w in (first, second):
            for _ in range(N):
                x = T.resolvent(w, alpha)
                w = w + S.resolvent(2 * x - w, alpha) - x
            ends.append(w)
        p.maximise(sq(ends[0] - ends[1]))

    return build, (monotone(A), lipschitz_operator(A, L), strongly_monotone(B, mu)), Q(1)


TIGHT = {
    "Nesterov, simplified, 1": nesterov_simplified(Q(1), 1),
    "Nesterov, simplified, 4": nesterov_simplified(Q(3), 4),
    "Nesterov, simplified, 10": nesterov_simplified(Q(1, 2), 10),
    "OGM-G, 1": optimised_gradient_for_gradients(Q(2), 1),
    "OGM-G, 4": optimised_gradient_for_gradients(Q(1), 4),
    "FPGM1, 3": accelerated_proximal_gradient(Q(2), 3),
    "KM, 3": krasnoselskii_mann(Q(3, 4), 3),
    "KM, large step": krasnoselskii_mann(Q(99, 100), 2),
    "KM, 8": krasnoselskii_mann(Q(1, 2), 8),
    "accelerated proximal point, 5": accelerated_proximal_point(Q(2), 5),
    "optimal proximal point, 4": optimal_proximal_point(Q(1, 20), 4),
    "Douglas-Rachford, 1": douglas_rachford(Q(1, 10), Q(1), Q(2), 1),
}
UPPER = {
    "Nesterov, 1": nesterov(Q(1), 1),
    "Nesterov, 6": nesterov(Q(5), 6),
    "Nesterov, constant momentum, 1": nesterov_strongly_convex(Q(1, 4), Q(1), 1),
    "Nesterov, constant momentum, 5": nesterov_strongly_convex(Q(1, 100), Q(1), 5),
    "heavy ball, 1": heavy_ball(Q(1, 10), Q(1), Q(1, 2), 1),
    "heavy ball, 5": heavy_ball(Q(1, 100), Q(2), Q(1, 3), 5),
    "heavy ball, full step": heavy_ball(Q(1, 10), Q(1), Q(1), 3),
    "Douglas-Rachford of operators": reflected_operators(Q(1, 5), Q(2), Q(1), 1),
}


@pytest.mark.parametrize("name", TIGHT)
def test_tight_values_are_certified_and_attained(name, tmp_path):
    build, classes, tight = TIGHT[name]
    near(worst(build, *classes), tight)
    below = Q(tight) * (1 - Q(1, 10**4))
    c = claim(*classes, bound=sympy.Rational(below.numerator, below.denominator), function=lambda p, case: build(p))
    outcome = run_worst_case(c, c.evidence[0], {}, tmp_path)
    assert outcome.verdict == "fail", outcome.message
    saved = json.loads(next(tmp_path.iterdir()).read_text())
    kind, value = check(saved)
    check_belongs(c, c.evidence[0], {}, saved)
    assert kind == "lower" and below < value <= Q(tight) * (1 + Q(1, 10**11))


@pytest.mark.parametrize("name", UPPER)
def test_published_bounds_are_certified(name):
    build, classes, published = UPPER[name]
    assert Q(0) < worst(build, *classes) <= Q(published) * (1 + Q(1, 10**7))


def test_polyak_momentum_diverges_from_its_rate_on_smooth_functions():
    """Polyak's parameters are for quadratics: with L = 25 mu values do not fall by the quadratic rate (Lessard et al.).

    Heavy ball with alpha = 4/(sqrt L + sqrt mu)^2, beta = ((sqrt L - sqrt mu)/(sqrt L + sqrt mu))^2 cycles on a
    one-dimensional function (Lessard, Recht, Packard 2016, Section 4.6).
    """
    alpha, beta, N = Q(1, 9), Q(4, 9), 6

    def build(p):
        F, s, x = launch(p)
        old = x
        for _ in range(N):
            x, old = x - alpha * F.grad(x) + beta * (x - old), x
        p.maximise(sq(x - s))

    classes = strong(Q(1), Q(25))
    c = claim(*classes, bound=1, function=lambda p, case: build(p))
    outcome = run_worst_case(c, c.evidence[0], {})
    assert outcome.verdict == "fail" and outcome.interval[0] > 2, outcome.message
    assert outcome.interval[0] <= worst(build, *classes)
