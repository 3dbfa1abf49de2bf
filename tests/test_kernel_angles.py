"""The addition theorems of sine and cosine: what the rule states, and what it refuses."""

from __future__ import annotations

import pytest
import sympy
from sympy import Rational, cos, pi, sin

from gdverify import Claim, Integers, Paper, Positive, Reals, SureBound, Vector
from gdverify.errors import ProofError
from gdverify.kernel import Proof

a, u = sympy.Symbol("a", positive=True), sympy.Symbol("u", real=True)
n = sympy.Symbol("n", integer=True, positive=True)
odd = sympy.Symbol("w", real=True)


@pytest.fixture
def proof():
    claim = Claim(
        id="toy.angles",
        title="toy",
        paper=Paper("toy", "A toy"),
        locator="here",
        statement="x",
        symbols={a: Positive(sample=(1, 2)), u: Reals(sample=(-1, 1)), n: Integers(1, sample=(1, 5))},
        decides=SureBound(a, a),
    )
    return Proof(claim)


@pytest.mark.parametrize("function", [sin, cos])
@pytest.mark.parametrize(("one", "two"), [(a, u), (a, a), (u, -u), (pi / n, a), (pi * u, pi - pi * u), (a, 0)])
def test_both_sides_agree_at_numbers(proof, function, one, two):
    fact = proof.addition(function, one, two)
    for x, y, z in ((Rational(1, 3), Rational(-2, 7), 2), (2, Rational(5, 4), 3)):
        assert abs(sympy.N(fact.expr.subs({a: x, u: y, n: z}), 30)) < 1e-25
    assert fact.relation == "=="


def test_pythagoras_and_multiples_of_pi(proof):
    one = proof.addition(cos, u, -u)
    proof.certificate((cos(u) ** 2 + sin(u) ** 2, "==", 1), [(-1, one)])
    straight = proof.addition(sin, (n - 1) * pi / n, pi / n)
    assert straight.left == 0


@pytest.mark.parametrize(
    ("function", "one", "two"),
    [
        (sympy.tan, a, u),
        (sympy.sinh, a, u),
        (cos, 1 / u, a),
        (sin, sympy.sqrt(u), a),
        (sin, sympy.log(u), a),
        (cos, odd, a),
        (cos, sympy.I * a, u),
        (sin, Vector("v"), a),
        (sin, sympy.oo, a),
        (sin, 0.5, a),
        (cos, sympy.MatrixSymbol("M", 2, 2), a),
    ],
)
def test_what_is_no_real_angle_is_refused(proof, function, one, two):
    with pytest.raises(ProofError):
        proof.addition(function, one, two)


@pytest.mark.parametrize(
    "false",
    [
        (sin(a + u), "==", sin(a) * cos(u) - cos(a) * sin(u)),
        (cos(a + u), "==", cos(a) * cos(u) + sin(a) * sin(u)),
        (cos(2 * u), "==", 1 - sin(u) ** 2),
        (sin(u) ** 2 + cos(u) ** 2, "==", 2),
    ],
)
def test_false_identities_do_not_follow(proof, false):
    facts = [proof.addition(f, *v) for f in (sin, cos) for v in ((a, u), (u, u), (u, -u))]
    for fact in facts:
        for sign in (1, -1):
            with pytest.raises(ProofError):
                proof.certificate(false, [(sign, fact)])
