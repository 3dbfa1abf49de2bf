"""Roots of powers, integrals to infinity with constants that an instance brings along, sums of constants."""

import pytest
import sympy

from gdverify import Claim, Identity, Integers, Interval, Nonnegative, Observed, Paper, Reals
from gdverify.errors import ProofError
from gdverify.kernel import Proof

n = sympy.Symbol("n", integer=True, positive=True)
m, v, r, c = sympy.symbols("m v r c", real=True)


def proof():
    claim = Claim(
        id="test.powers", title="t", paper=Paper("p", "P"), locator="l", statement="s",
        symbols={
            n: Integers(1, sample=(1, 5)), m: Interval(1, 2), v: Interval(0, 1), r: Reals(sample=(-1, 1)),
            c: Observed(1, 2),
        },
        decides=Identity(quantity=m, bound=m),
    )  # fmt: skip
    return Proof(claim)


def test_root_of_a_power():
    p = proof()
    p.identity(sympy.sqrt(m**n), m ** (n / 2))
    p.identity(sympy.sqrt(m**r), m ** (r / 2))
    p.identity(sympy.sqrt(v**2), v)
    p.identity(sympy.sqrt(n * v**2), sympy.sqrt(n) * v)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (sympy.sqrt(r**2), r),  # |r|
        (sympy.sqrt(m**n), m**n / 2),
        (sympy.sqrt(v**3), v**2),
        ((r**3) ** sympy.Rational(1, 3), r),
    ],
)
def test_false_roots(left, right):
    with pytest.raises(ProofError):
        proof().identity(left, right)


def test_observed_constants_in_an_integral():
    p = proof()
    t = p.scalar("t", Nonnegative())
    value = p.integral(c / (1 + t) ** 2, t, 0, sympy.oo, -c / (1 + t))
    assert value.right == c


def test_observed_constants_do_not_stay_while_a_parameter_grows():
    with pytest.raises(ProofError, match="comes out of the instance"):
        proof().limit(c / n, n)


def test_values_of_functions_are_constants_unless_they_move():
    p, f = proof(), sympy.Function("f")
    t = p.scalar("t", Nonnegative())
    assert p.integral(f(n) / (1 + t) ** 2, t, 0, sympy.oo, -f(n) / (1 + t)).right == f(n)
    with pytest.raises(ProofError, match="differentiable"):
        p.derivative(f(t), t, 0)


def test_a_constant_is_summed_by_counting():
    p = proof()
    k = sympy.Symbol("k", integer=True)
    p.identity(sympy.Sum(c, (k, 1, n)), c * n)
    with pytest.raises(ProofError):
        p.identity(sympy.Sum(c, (k, 1, n)), c * (n - 1))
    with pytest.raises(ProofError):  # empty for n = 1 and n = 2, and then not n - 3
        p.identity(sympy.Sum(c, (k, 3, n - 1)), c * (n - 3))
