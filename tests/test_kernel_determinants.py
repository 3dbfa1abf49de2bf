"""Determinants, their logarithms, and the mean log-determinant of a Wishart matrix."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from sympy import Determinant, Gt, Inverse, MatrixSymbol, Ne, Sum, Symbol, digamma, log

from gdverify import Claim, Integers, Paper, Positive, Reals, SureBound
from gdverify.claim import Assumption
from gdverify.errors import ProofError
from gdverify.kernel import Proof
from gdverify.language import Mean, SymmetricMatrix
from gdverify.laws import constant, equation, gaussian, invertible

n, d = sympy.symbols("n d", integer=True, positive=True)
x, a = Symbol("x", real=True), Symbol("a", positive=True)
X, A, B = MatrixSymbol("X", n, d), MatrixSymbol("A", d, d), MatrixSymbol("B", d, d)
C = SymmetricMatrix("C", d, d)


def proof(*assumptions, low=d):
    domains = {d: Integers(1, sample=(1, 5)), n: Integers(low, sample=(5, 9)), x: Reals(sample=(-1, 1))}
    return Proof(
        Claim(
            id="toy.det", title="t", paper=Paper("x", "x"), locator="l", statement="s",
            symbols={**domains, a: Positive(sample=(1, 2))}, assumptions=assumptions,
            decides=SureBound(sympy.S.Zero, sympy.S.One),
        )
    )  # fmt: skip


def refused(call, *args):
    with pytest.raises(ProofError):
        call(*args)


def test_a_multiple_of_a_matrix():
    tie = equation("tie", a * A, x * B.T * A)
    check = proof(tie)
    fact = check.determinant(check.assume(tie))
    assert fact.left == a**d * Determinant(A)
    assert fact.right == x**d * Determinant(B) * Determinant(A)


def test_logarithms_of_positive_factors():
    tie = equation("tie", A, B.T * Inverse(C) * B)
    signs = Assumption("signs", lambda: [Ne(Determinant(B), 0, evaluate=False), Gt(Determinant(C), 0)])
    check = proof(tie, signs, invertible(C))
    fact = check.determinant(check.assume(tie))
    refused(check.logarithm, fact)
    check.assume(signs)
    refused(check.logarithm, fact)  # det A > 0 is not known yet
    check.certificate((Determinant(A), ">", 0), [(1, check.sign(fact.right)), (1, fact)])
    found = check.logarithm(fact)
    assert found.left == log(Determinant(A))
    assert found.right == log(Determinant(B) ** 2) - log(Determinant(C))  # not 2 log det B
    refused(check.logarithm, check.identity(x, x))
    refused(check.logarithm, check.identity(-a, -a))
    refused(check.logarithm, check.sign(a))
    assert check.logarithm(check.identity(a**x, a**x)).left == x * log(a)


def test_the_mean_log_determinant():
    law = gaussian(X)
    check = proof(law)
    check.low(n)
    fact = check.log_determinant(law)
    i = Symbol("column'", integer=True)
    assert fact.left == Mean(log(Determinant(X.T * X)))
    assert fact.right == Sum(digamma((n - d + i) / sympy.Integer(2)), (i, 1, d)) + d * log(2)
    for rows, columns in ((2, 1), (3, 3), (5, 2)):
        sample = np.random.default_rng(2).normal(size=(100_000, rows, columns))
        logs = np.linalg.slogdet(np.swapaxes(sample, 1, 2) @ sample)[1]
        truth = float(fact.right.subs({n: rows, d: columns}).doit())
        assert abs(logs.mean() - truth) < 6 * logs.std() / len(logs) ** 0.5


def test_refusals_of_the_mean_log_determinant():
    law = gaussian(X)
    coloured = gaussian(X, columns=C)
    for check, used in (
        (proof(law, low=1), law),  # n < d is possible
        (proof(), law),
        (proof(law, constant(X)), law),
        (proof(coloured), coloured),
        (proof(law), constant(A)),
    ):
        check.low(n)
        refused(check.log_determinant, used)
