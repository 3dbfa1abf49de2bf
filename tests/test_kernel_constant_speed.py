"""A matrix that moves at a constant multiple of the identity: its trace moves by that multiple of the dimension."""

import pytest
from sympy import Eq, Identity, Symbol, Trace

from gdverify import Assumption, Integers, Nonnegative
from gdverify.errors import ProofError
from gdverify.kernel import Proof
from gdverify.language import MatrixSequence, TimeDerivative
from tests.test_kernel import toy

n = Symbol("n", integer=True, positive=True)
T = MatrixSequence("T", n, n)
law = Assumption("T' = 3", lambda s: Eq(TimeDerivative(T(s)), 3 * Identity(n), evaluate=False), key=("clock",))


def test_trace_of_a_steady_matrix():
    proof = Proof(toy(symbols={n: Integers(1, sample=(1, 3))}, assumptions=(law,)))
    s = proof.scalar("s", Nonnegative())
    motion = [proof.assume(law, s)]
    assert proof.lie_derivative(Trace(T(s)), motion).right == 3 * n
    assert proof.lie_derivative(Trace(T(s) * T(s).T), motion).right == 6 * Trace(T(s))
    fall = proof.lie_derivative(Trace(T(s)), motion)
    with pytest.raises(ProofError):
        proof.certificate(Eq(fall.right, 3, evaluate=False))
