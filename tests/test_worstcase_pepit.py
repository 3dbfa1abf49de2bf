"""Exact certificates against PEPit's shipped examples, at parameters drawn from their stated regimes.

PEPit (pip install pepit) is an oracle here and nothing else; its answers are floats of a solver, so that agreement is
asked to 2e-5.  Two formulas of the documentation of PEPit 0.5.1 are shown wrong without running it.
"""

import importlib
import json
import random
from fractions import Fraction as Q

import pytest
import sympy

from gdverify.classes import convex, monotone, smooth
from gdverify.worstcase import check, run_worst_case

from . import test_worstcase_momentum as momentum
from .test_worstcase_settings import A as operator
from .test_worstcase_settings import (
    claim,
    cyclic_coordinates,
    f,
    frank_wolfe,
    h,
    halpern,
    minimiser,
    optimised_gradient,
    projected_gradient,
    proximal_point,
    random_coordinates,
    resolvents,
    sgd,
    sq,
    start,
    strongly_convex,
    subgradient,
    triple_momentum,
    worst,
    x_star,
)


def oracle(module, name, **arguments):
    pytest.importorskip("PEPit")
    function = getattr(importlib.import_module(f"PEPit.examples.{module}"), f"wc_{name}")
    value = function(**arguments, wrapper="cvxpy", solver="CLARABEL", verbose=-1)[0]
    return float(value)


def draw(rng, low, high):
    return Q(low) + (Q(high) - Q(low)) * Q(rng.randint(1, 99), 100)


def nonconvex_gradient_descent(L, gamma, n):
    def build(p):
        F = p.function(f)
        x = first = p.start()
        gradients = []
        for _ in range(n):
            gradients.append(sq(F.grad(x)))
            x = x - gamma * F.grad(x)
        gradients.append(sq(F.grad(x)))
        p.bound(F(first) - F(x), 1)
        p.maximise(*gradients)

    return build


def gradient_descent(L, gamma, n):
    def build(p):
        F = p.function(f)
        s, x = start(p, F)
        for _ in range(n):
            x = x - gamma * F.grad(x)
        p.maximise(F(x) - F(s))

    return worst(build, convex(f), smooth(f, L), minimiser(f, x_star))


def proximal_gradient(mu, L, gamma, n):
    def build(p):
        F, H = p.function(f), p.function(h)
        s, x = start(p, F, H)
        for _ in range(n):
            x = H.proximal(x - gamma * F.grad(x), gamma)
        p.maximise(sq(x - s))

    return worst(build, strongly_convex(f, mu), smooth(f, L), convex(h), minimiser(f, x_star))


def exact_line_search(mu, L, n):
    """By its conditions: the new gradient is orthogonal to the old one and to the step."""

    def build(p):
        F = p.function(f)
        s, x = p.minimiser(F), p.start()
        p.equal(F(x) - F(s), 1)
        for _ in range(n):
            new = p.start()
            p.equal(F.grad(new).inner(F.grad(x)), 0)
            p.equal(F.grad(new).inner(new - x), 0)
            x = new
        p.maximise(F(x) - F(s))

    return worst(build, strongly_convex(f, mu), smooth(f, L), minimiser(f, x_star))


def methods_by_name(rng):
    """(ours, PEPit's module, its example, arguments) of momentum methods, splittings and line search."""
    L, n = draw(rng, 1, 4), rng.randint(1, 4)
    mu, gamma = draw(rng, 0, L), draw(rng, 0, 2 / L)
    smooth_convex, composite = "unconstrained_convex_minimization", "composite_convex_minimization"
    fixed, inclusions = "fixed_point_problems", "monotone_inclusions_variational_inequalities"

    def ours(found):
        build, classes, _ = found
        return worst(build, *classes)

    flat = {"mu": 0, "L": L, "n": n}
    yield gradient_descent(L, gamma, n), smooth_convex, "gradient_descent", {"L": L, "gamma": gamma, "n": n}
    yield ours(momentum.nesterov(L, n)), smooth_convex, "accelerated_gradient_convex", flat
    yield ours(momentum.nesterov_simplified(L, n)), smooth_convex, "accelerated_gradient_convex_simplified", flat
    square = L * Q(1, rng.randint(2, 6)) ** 2
    yield ours(momentum.nesterov_strongly_convex(square, L, n)), smooth_convex, \
        "accelerated_gradient_strongly_convex", {"mu": square, "L": L, "n": n}  # fmt: skip
    alpha = draw(rng, 0, 1 / L)
    yield ours(momentum.heavy_ball(mu, L, alpha, n)), smooth_convex, "heavy_ball_momentum", {
        "mu": mu, "L": L, "alpha": alpha, "beta": float((1 - alpha * mu) * (1 - alpha * L)) ** 0.5, "n": n}  # fmt: skip
    yield optimised_gradient(L, n)[0], smooth_convex, "optimized_gradient", {"L": L, "n": n}
    yield ours(momentum.optimised_gradient_for_gradients(L, n)), smooth_convex, \
        "optimized_gradient_for_gradient", {"L": L, "n": n}  # fmt: skip
    few = rng.randint(1, 2)
    yield exact_line_search(mu, L, few), smooth_convex, "gradient_exact_line_search", {"mu": mu, "L": L, "n": few}
    yield proximal_gradient(mu, L, gamma, few), composite, "proximal_gradient", {
        "L": L, "mu": mu, "gamma": gamma, "n": few}  # fmt: skip
    yield projected_gradient(mu, L, gamma, few), composite, "proximal_gradient", {
        "L": L, "mu": mu, "gamma": gamma, "n": few}  # fmt: skip
    yield ours(momentum.accelerated_proximal_gradient(L, few)), composite, \
        "accelerated_proximal_gradient_simplified", {"mu": 0, "L": L, "n": few}  # fmt: skip
    size = draw(rng, 0, 3)
    yield ours(momentum.douglas_rachford(mu, L, size, 1)), composite, "douglas_rachford_splitting_contraction", {
        "mu": mu, "L": L, "alpha": size, "theta": 1, "n": 1}  # fmt: skip
    relaxation = draw(rng, Q(1, 2), 1)
    yield ours(momentum.krasnoselskii_mann(relaxation, n)), fixed, "krasnoselskii_mann_constant_step_sizes", {
        "n": n, "gamma": relaxation}  # fmt: skip
    yield ours(momentum.accelerated_proximal_point(gamma, n)), inclusions, "accelerated_proximal_point", {
        "alpha": gamma, "n": n}  # fmt: skip
    yield ours(momentum.optimal_proximal_point(mu, n)), inclusions, "optimal_strongly_monotone_proximal_point", {
        "n": n, "mu": mu}  # fmt: skip
    yield ours(momentum.reflected_operators(mu, L, size, 1)), inclusions, "douglas_rachford_splitting", {
        "L": L, "mu": mu, "alpha": size, "theta": 1}  # fmt: skip


def examples(rng):
    """(ours, PEPit's module, its example, arguments), with parameters inside the stated regimes."""
    L = draw(rng, 1, 4)
    mu, gamma = draw(rng, 0, L), draw(rng, 0, 2 / L)
    composite, stochastic = "unconstrained_convex_minimization", "stochastic_and_randomized_convex_minimization"
    n = rng.randint(1, 3)
    yield proximal_point(gamma, n), composite, "proximal_point", {"gamma": gamma, "n": n}
    root_n = rng.choice((1, 3))
    yield subgradient(L, root_n), composite, "subgradient_method", {
        "M": L, "n": root_n, "gamma": 1 / (float(L) * (root_n + 1) ** 0.5)}  # fmt: skip
    constants = tuple(draw(rng, 1, 5) for _ in range(2))
    yield cyclic_coordinates(constants, 3), composite, "cyclic_coordinate_descent", {"L": constants, "n": 3}
    build, classes, _ = triple_momentum(L / 9, L, n)
    yield worst(build, *classes), composite, "triple_momentum", {"mu": L / 9, "L": L, "n": n}
    yield (
        frank_wolfe(L, Q(2), 1),
        "composite_convex_minimization",
        "frank_wolfe",
        {"L": L, "D": 2, "R": float("inf"), "center": None, "n": 1},
    )
    yield resolvents(monotone(operator), gamma, n + 1, True), "monotone_inclusions_variational_inequalities", \
        "proximal_point", {"alpha": gamma, "n": n + 1}  # fmt: skip
    yield halpern(n), "fixed_point_problems", "halpern_iteration", {"n": n}
    v = draw(rng, 0, 2)
    yield sgd(mu, L, 1 / L, 3, v**2), stochastic, "sgd", {
        "mu": mu, "L": L, "gamma": 1 / L, "v": v, "R": 1, "n": 3}  # fmt: skip
    yield random_coordinates(mu, L, gamma, 2), stochastic, "randomized_coordinate_descent_smooth_strongly_convex", {
        "mu": mu, "L": L, "gamma": gamma, "d": 2}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("drawn", [examples, methods_by_name])
def test_agreement_with_shipped_examples(drawn, seed):
    pytest.importorskip("PEPit")
    for value, module, name, arguments in drawn(random.Random(seed)):
        plain = {
            k: float(a) if isinstance(a, Q) else [float(c) for c in a] if isinstance(a, tuple) else a
            for k, a in arguments.items()
        }
        assert float(value) == pytest.approx(oracle(module, name, **plain), rel=2e-5), (name, arguments)


@pytest.mark.parametrize(("gamma", "n"), [(Q(1, 4), 3), (Q(1, 10), 2), (Q(9, 10), 4)])
def test_nonconvex_gradient_descent_below_full_step(gamma, n):
    """4L/(3n), documented for every gamma <= 1/L, is right at gamma = 1/L only.

    4/(n gamma (4 - gamma L)) is certified.
    """
    tight = 4 / (n * gamma * (4 - gamma))
    documented = Q(4, 3 * n)
    build = nonconvex_gradient_descent(Q(1), gamma, n)
    value = worst(build, smooth(f, 1))
    assert tight <= value <= tight * (1 + Q(1, 10**6))
    outcome = run(smooth(f, 1), bound=documented, function=lambda p, case: build(p))
    assert outcome.verdict == "fail"
    assert outcome.interval[0] > float(documented)
    full = worst(nonconvex_gradient_descent(Q(1), Q(1), n), smooth(f, 1))
    assert documented <= full <= documented * (1 + Q(1, 10**6))


@pytest.mark.parametrize(("mu", "n"), [(Q(1, 9), 2), (Q(1, 4), 4)])
def test_exponent_of_triple_momentum(mu, n, tmp_path):
    """The documented rho^(2(n+1)) fails on f = L|x|^2/2; rho^(2n), which the example's code has, is certified."""
    build, classes, rho = triple_momentum(mu, Q(1), n)
    tight = rho ** (2 * n) / mu / 2
    value = worst(build, *classes)
    assert tight <= value <= tight * (1 + Q(1, 10**6))
    outcome = run(*classes, bound=tight * rho**2, function=lambda p, case: build(p), save_dir=tmp_path)
    assert outcome.verdict == "fail"
    kind, proved = check(json.loads(next(tmp_path.iterdir()).read_text()))
    assert kind == "lower" and proved > tight * rho**2


def run(*classes, bound, function, save_dir=None):
    c = claim(*classes, bound=sympy.Rational(bound.numerator, bound.denominator), function=function)
    return run_worst_case(c, c.evidence[0], {}, save_dir)
