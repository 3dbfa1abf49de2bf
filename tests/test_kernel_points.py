"""Identities in an integer by evaluation at more points than the degree, and the traps in it."""

from __future__ import annotations

import math

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import MatrixSymbol, Rational, Sum, Trace

from gdverify import Claim, Domain, Integers, Paper, Reals, SureBound
from gdverify.errors import ProofError
from gdverify.kernel import Proof
from gdverify.laws import constant

n, m = sympy.symbols("n m", integer=True, positive=True)
x = sympy.Symbol("x", real=True)
j, k = sympy.symbols("j k", integer=True)
A = MatrixSymbol("A", n, n)


def proof(low=1):
    return Proof(
        Claim(
            id="toy.points", title="t", paper=Paper("x", "x"), locator="l", statement="s",
            symbols={n: Integers(low, sample=(low, 9)), m: Integers(1, sample=(1, 9)), x: Reals(sample=(-1, 1))},
            assumptions=(constant(A),), decides=SureBound(sympy.S.Zero, sympy.S.One),
        )
    )  # fmt: skip


def refused(call, *args, match=None):
    with pytest.raises(ProofError, match=match):
        call(*args)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Sum(k**3, (k, 1, n)), (n * (n + 1) / 2) ** 2),
        (Sum(x * k + n * k**2, (k, 1, n)), x * n * (n + 1) / 2 + n**2 * (n + 1) * (2 * n + 1) / 6),
        (Sum(Sum(j * k, (j, 1, k)), (k, 1, n)), n * (n + 1) * (n + 2) * (3 * n + 1) / 24),
        (Sum(1, (k, n, 2 * n)) / n, 1 + 1 / n),
        (6 * Sum(k**2, (k, 1, n)) / (n * (n + 1)), 2 * n + 1),
        ((n + 1) ** 3 - n**3, 3 * n**2 + 3 * n + 1),
    ],
    ids=str,
)
def test_closed_forms_of_sums(left, right):
    check = proof()
    check.by_points(left, right, n)
    refused(check.by_points, left, right + Rational(1, 10**9), n)
    points = math.prod(n - i for i in range(1, 8))  # agrees at n = 1, ..., 7
    refused(check.by_points, left, right + points, n)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=6), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_a_polynomial_with_many_zeros_is_not_zero(coefficients, zeros):
    poly = sum(c * n**i for i, c in enumerate(coefficients))
    false = math.prod(n - i for i in range(1, zeros + 1))
    check = proof()
    check.by_points(sympy.expand(poly * (n + 1)), poly * (n + 1), n)
    refused(check.by_points, sympy.expand(poly * (n + 1)) + false, poly * (n + 1), n)


def test_only_what_has_a_degree():
    check = proof()
    f = sympy.Function("f")
    for strange in (2**n, sympy.sqrt(n**2), abs(n), f(n), sympy.factorial(n), Sum(2**k, (k, 1, n)), (-1) ** n):
        refused(check.by_points, strange * 0 + strange, strange + (n - 1), n)
    refused(check.by_points, Trace(A * A), Trace(A) ** 2, n)  # true at n = 1
    refused(check.by_points, Trace(A), Trace(A), n)
    refused(check.by_points, Sum(1 / k, (k, 1, n)), 1, n, match="polynomial")


def test_ranges_and_domains():
    check = proof()
    refused(check.by_points, Sum(1, (k, n, 5)), 6 - n, n, match="range")  # 0 terms from n = 6 on
    refused(check.by_points, Sum(1, (k, 1, n / 2)), n / 2, n, match="integer")
    refused(check.by_points, Sum(1, (k, 1, n**2)), n**2, n, match="degree")
    refused(check.by_points, Sum(k, (k, 1, m)), m * (m + 1) / 2, n)  # m is not evaluated
    refused(check.by_points, x, x**2, x, match="integers")
    bounded = check.index("b", 0, 3)
    refused(check.by_points, bounded * (bounded - 1), 0, bounded, match="does not run")
    refused(check.by_points, (n - 1) / (n - 1) + n - 1 / (n - 2), 0, n, match="non-zero")
    tied = check.scalar("t", Domain(0, n))
    refused(check.by_points, n + tied, tied + n, n, match="tied")
