"""Finite sums in the kernel's normal form: the name of the variable does not matter, everything else does."""

from __future__ import annotations

import pytest
import sympy
from sympy import Rational, Sum

from gdverify import Claim, Integers, Paper, Positive, SureBound
from gdverify.errors import ProofError
from gdverify.kernel import Proof

a = sympy.Symbol("a", positive=True)
n, m = sympy.symbols("n m", integer=True, positive=True)
j, k = sympy.symbols("j k", integer=True)
u = sympy.Symbol("u", real=True)


@pytest.fixture
def proof():
    whole = Integers(1, sample=(1, 5))
    claim = Claim(
        id="toy.sums",
        title="toy",
        paper=Paper("toy", "A toy"),
        locator="here",
        statement="x",
        symbols={a: Positive(sample=(1, 2)), n: whole, m: whole},
        decides=SureBound(a, a),
    )
    return Proof(claim)


def test_the_variable_of_a_sum_has_no_name(proof):
    proof.identity(Sum(a**j / (1 + j**2), (j, 0, n)), Sum(a**k / (1 + k**2), (k, 0, n)))
    proof.identity(Sum(2 * a * j + j**2, (j, 1, n)), 2 * a * Sum(k, (k, 1, n)) + Sum(u**2, (u, 1, n)))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Sum(j, (j, 0, n)), Sum(k, (k, 0, m))),
        (Sum(j, (j, 0, n)), Sum(k, (k, 1, n + 1))),
        (Sum(j * n, (j, 0, n)), Sum(k * k, (k, 0, n))),
        (Sum(sympy.sin(sympy.pi * u), (u, Rational(1, 2), n)), sympy.S.Zero),  # not a sum over integers
        (Sum(Sum(j * k, (j, 0, n)), (k, 0, n)), Sum(Sum(j * j, (j, 0, n)), (k, 0, n))),
    ],
)
def test_different_sums_stay_different(proof, left, right):
    with pytest.raises(ProofError):
        proof.identity(left, right)
