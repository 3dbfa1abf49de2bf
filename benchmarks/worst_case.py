"""Exact worst-case certificates of gradient descent against PEPit's floating-point answer, in one process.

    pip install 'gdverify[proof,bench]'
    python -m benchmarks worst-case [-- --steps 1 2 5 10 20 50]

The problem: f convex and 1-smooth, N steps of size 1, |x_0 - x_star| <= 1, largest f(x_N) - f(x_star) = 1/(4N + 2).
Timed for gdverify: stating the problem, solving, rounding, and the exact check of the certificate, once with the SDP
and once with the multipliers of Drori and Teboulle (2014).  Timed for PEPit: its shipped example, with Clarabel
through CVXPY.  Each is run once to warm up, then the median of several runs is taken; the runs alternate.  Seconds are
of processor time, so that other work on the machine counts for little; set OMP_NUM_THREADS, OPENBLAS_NUM_THREADS and
RAYON_NUM_THREADS to 1, so that they are those of one core.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from fractions import Fraction

from PEPit.examples.unconstrained_convex_minimization import wc_gradient_descent

from gdverify.claim import Claim, Paper
from gdverify.classes import convex, minimiser, smooth
from gdverify.decision import SureBound
from gdverify.language import ScalarFunction, Vector, sq
from gdverify.worstcase import Problem, certify_upper, gradient_descent_multipliers

PACKAGES = ("gdverify", "clarabel", "PEPit", "cvxpy")
F = ScalarFunction("f")
CLAIM = Claim(
    id="benchmark.gradient-descent",
    title="gradient descent",
    paper=Paper("benchmark", "Benchmark"),
    locator="none",
    statement="none",
    symbols={},
    decides=SureBound(quantity="f(x_N) - f_star", bound=1),
    assumptions=(convex(F), smooth(F, 1), minimiser(F, Vector("x_star"))),
)


def exact(steps: int, closed_form: bool) -> float:
    """The certified bound, or nan where there is none."""
    problem = Problem(CLAIM, {})
    f = problem.function(F)
    x_star, x = problem.minimiser(f), problem.start()
    problem.equal(sq(x - x_star), 1)
    for _ in range(steps):
        x = x - f.grad(x)
    problem.maximise(f(x) - f(x_star))
    if closed_form:
        problem.multipliers(gradient_descent_multipliers(steps, 1, 1))
    found = certify_upper(problem)
    return float("nan") if found is None else float(found[0] * (4 * steps + 2) - 1)


def floating(steps: int) -> float:
    value, _ = wc_gradient_descent(L=1, gamma=1, n=steps, wrapper="cvxpy", solver="CLARABEL", verbose=-1)
    return float(Fraction(float(value)) * (4 * steps + 2) - 1)


def measure(arguments: list[str]) -> list[str]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks worst-case", description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2, 5, 10, 20, 50])
    options = parser.parse_args(arguments)
    lines = [
        "| N | exact, SDP (s) | above tight | exact, closed form (s) | above tight | PEPit (s) | off tight "
        "| PEPit / exact SDP | PEPit / closed form |",
        "| ---: " * 9 + "|",
    ]
    floating(1), exact(1, False)
    for steps in options.steps:
        methods: list[Callable[[], float]] = [
            lambda n=steps: exact(n, False),  # type: ignore[misc]
            lambda n=steps: exact(n, True),  # type: ignore[misc]
            lambda n=steps: floating(n),  # type: ignore[misc]
        ]
        seconds: list[list[float]] = [[], [], []]
        errors = [0.0] * 3
        for _ in range(5 if steps <= 10 else 3 if steps <= 20 else 1):
            for k, method in enumerate(methods):
                began = time.process_time()
                errors[k] = method()
                seconds[k].append(time.process_time() - began)
        sdp, closed, pepit = (statistics.median(s) for s in seconds)
        lines.append(
            f"| {steps} | {sdp:.3g} | {errors[0]:.1e} | {closed:.3g} | {errors[1]:.1e} | {pepit:.3g} | {errors[2]:.1e} "
            f"| {pepit / sdp:.2g} | {pepit / closed:.2g} |"
        )
    return lines
