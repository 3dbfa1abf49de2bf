"""Laws of motion of matrices among the assumptions of a claim about scalars."""

import pytest
import sympy

from gdverify import Assumption, Claim, Integers, Nonnegative, Observed, Paper, SureBound
from gdverify.errors import ProofError
from gdverify.kernel import Proof
from gdverify.language import MatrixSequence, TimeDerivative

d = sympy.Symbol("d", integer=True, positive=True)
t, start = sympy.symbols("t start", nonnegative=True)
x = MatrixSequence("x", d, 1)
size = lambda s: sympy.Trace(x(s).T * x(s))
motion = Assumption("motion", lambda s: sympy.Eq(TimeDerivative(x(s)), -x(s), evaluate=False), key=("motion",))
begin = Assumption("begin", lambda: sympy.Eq(size(0), start, evaluate=False), key=("begin",))


def decay(rate):
    return Claim(
        id="toy.decay",
        title="decay",
        paper=Paper("toy", "toy"),
        locator="here",
        statement="x",
        symbols={d: Integers(1, sample=(1, 2)), t: Nonnegative(sample=(0, 1)), start: Observed(0)},
        assumptions=[motion, begin],
        decides=SureBound(size(t), start * sympy.exp(-rate * t)),
    )


def derive(rate):
    proof = Proof(decay(rate))
    s = proof.scalar("s", Nonnegative())
    fall = proof.lie_derivative(size(s), [proof.assume(motion, s)])
    steady = proof.certificate(sympy.Le(fall.right, -2 * size(s)))
    always = proof.instantiate(proof.gronwall(fall, steady, 2, s), {s: t})
    shrunk = sympy.exp(-2 * t)
    bound = proof.certificate(sympy.Le(size(t), start * shrunk), [(1, always), (-shrunk, proof.assume(begin))])
    proof.conclude(bound)


def test_a_law_of_motion_is_an_assumption_like_any_other():
    derive(2)


def test_and_proves_no_other_rate():

    with pytest.raises(ProofError):
        derive(3)
