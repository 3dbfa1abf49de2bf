"""Shares of Gaussian energy: the rules on true and false inputs, and their values against quadrature and samples."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from sympy import Eq, Function, Ge, Integral, Sum, sqrt

from gdverify import Claim, Integers, Nonnegative, Paper, Positive, Reals, SureBound
from gdverify.claim import Assumption
from gdverify.errors import ProofError
from gdverify.kernel import Proof
from gdverify.language import NormalMean, gaussian_form, gaussian_share

n, m = sympy.symbols("n m", integer=True, positive=True)
x = sympy.Symbol("x", real=True)
w, u, det, c = Function("w"), Function("u"), Function("det"), Function("c")
z = NormalMean.z
same = lambda a, b: Eq(a, b, evaluate=False)
weights = Assumption("weights", lambda k: Ge(w(k), 0, evaluate=False))
others = Assumption("other weights", lambda k: Ge(u(k), 0, evaluate=False))
mass = Assumption("mass", lambda f, k: Sum(f(k), (k, 1, n)) > 0)
sized_mass = Assumption("mass up to any size", lambda size, k: Sum(w(k), (k, 1, size)) > 0)
recursion = Assumption(
    "determinant",
    lambda b, t: [same(det(0, t), 1), same(det(b + 1, t), (1 + 2 * t * w(b + 1)) * det(b, t))],
)
wrong = Assumption(
    "another product", lambda b, t: [same(det(0, t), 2), same(det(b + 1, t), (1 + t * w(b + 1)) * det(b, t))]
)
late = Assumption("a determinant from 1 on", lambda b, t: same(det(b + 2, t), (1 + 2 * t * w(b + 1)) * det(b + 1, t)))
v = Function("v")
pairs = Assumption("v", lambda k, b: Ge(v(k, b), 0, evaluate=False))
pair_sums = Assumption("sums of v", lambda b, k: Sum(v(k, b), (k, 1, n)) > 0)
diagonal = Assumption("product of v", lambda b, t: same(det(b + 1, t), (1 + 2 * t * v(b + 1, b)) * det(b, t)))


@pytest.fixture
def setting():
    claim = Claim(
        id="toy.claim",
        title="toy",
        paper=Paper("toy", "A toy"),
        locator="here",
        statement="x",
        symbols={n: Integers(1, sample=(1, 5)), m: Integers(1, n, sample=(1, 5)), x: Reals(sample=(-1, 1))},
        assumptions=[weights, others, mass, sized_mass, recursion, wrong, late, pairs, pair_sums, diagonal],
        decides=SureBound(sympy.S.Zero, sympy.S.One),
    )
    proof = Proof(claim)
    j, b, t = proof.index("j", 1), proof.index("b"), proof.scalar("theta", Nonnegative())
    proof.high(m)
    given = [proof.assume(weights, j), proof.assume(mass, w, j), *proof.assume(recursion, b, t)]
    return proof, j, b, t, given


def refused(call, *args):
    with pytest.raises(ProofError):
        call(*args)


def test_a_share_is_an_integral(setting):
    proof, j, b, t, given = setting
    fact = proof.share_integral(m, n, j, *given, b, t)
    s = sympy.Symbol("theta'", real=True)
    assert fact.left == gaussian_share(w, m, n)
    assert fact.right == Integral(w(m) / (1 + 2 * s * w(m)) / sqrt(det(n, s)), (s, 0, sympy.oo))


def test_no_share_without_its_conditions(setting):
    proof, j, b, t, (each, total, start, step) = setting
    refused(proof.share_integral, m + 1, n, j, each, total, start, step, b, t)  # m + 1 <= n is not known
    refused(proof.share_integral, m - 1, n, j, each, total, start, step, b, t)
    refused(proof.share_integral, m, n, j, proof.assume(others, j), total, start, step, b, t)
    refused(proof.share_integral, m, n, j, each, proof.assume(mass, u, j), start, step, b, t)
    refused(proof.share_integral, m, n, j, each, each, start, step, b, t)
    two, half = proof.assume(wrong, b, t)
    refused(proof.share_integral, m, n, j, each, total, two, step, b, t)
    refused(proof.share_integral, m, n, j, each, total, start, half, b, t)
    refused(proof.share_integral, m, n, j, each, total, start, proof.assume(late, b, t), b, t)
    refused(proof.share_integral, m, n, j, each, total, start, step, t, b)
    r = proof.index("r", 2)
    refused(proof.share_integral, m, n, r, proof.assume(weights, r), total, start, step, b, t)  # w_1 may be negative
    p = proof.index("p", 1)
    at_one = [*proof.assume(recursion, p, t)]
    refused(proof.share_integral, m, n, j, each, total, *at_one, p, t)  # the step from 0 to 1 is missing
    y = proof.scalar("y", Reals())
    refused(proof.share_integral, m, n, j, each, total, *proof.assume(recursion, b, y), b, y)


def test_weights_that_move_with_the_variables(setting):
    proof, j, b, t, (_, _, start, _) = setting
    each, total = proof.assume(pairs, j, b), proof.assume(pair_sums, b, j)
    refused(proof.share_integral, m, n, j, each, total, start, proof.assume(diagonal, b, t), b, t)
    refused(proof.share_integral, m, j, j, *setting[4], b, t)
    refused(proof.form_by_shares, c(j) * sqrt(x), n, j, *setting[4][:2])  # x may be negative


def test_a_form_is_a_sum_of_shares(setting):
    proof, j, _, _, given = setting
    fact = proof.form_by_shares(c(j), n, j, *given[:2])
    k = sympy.Symbol("j'", integer=True)
    assert fact.left == gaussian_form(w, c, n)
    assert fact.right == Sum(c(k) ** 2 * gaussian_share(w, k, n), (k, 1, n))
    refused(proof.form_by_shares, c(j), n, j, given[0], given[0])
    refused(proof.form_by_shares, 1 / c(j), n, j, *given[:2])


def test_a_size_with_the_name_of_the_variable(setting):
    proof, j, *_ = setting
    size = proof.index("j'", 1)
    each, total = proof.assume(weights, j), proof.assume(sized_mass, size, j)
    right = proof.form_by_shares(c(j), size, j, each, total).right
    ((k, _, last),) = right.limits
    assert (k, last) == (sympy.Symbol("j''", integer=True), size)
    assert size in right.free_symbols


def test_normal_variables_mean_nothing_outside(setting):
    proof = setting[0]
    refused(proof.identity, z(1), z(1))
    y = proof.scalar("y", Reals())
    fact = proof.identity(NormalMean(y * z(1)), NormalMean(y * z(1)))
    refused(proof.instantiate, fact, {y: z(1)})
    refused(proof.sign, z(1) ** 2)
    refused(proof.identity, NormalMean(z(1) ** 2), 0)
    refused(proof.instantiate, proof.sign(y**2), {y: z(1)})


def test_values_of_a_share_and_a_form():
    """Both formulas, for weights 1, 2, 3 and coordinates 1/3, 2/3, 2/3, against samples."""
    weight, coordinate = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 2.0]) / 3
    t = sympy.Symbol("t", positive=True)
    shares = []
    for a in (1, 2, 3):
        product = sympy.prod([1 + 2 * t * k for k in (1, 2, 3)])
        shares.append(float(Integral(a / (1 + 2 * t * a) / sqrt(product), (t, 0, sympy.oo)).evalf(12)))
    assert abs(sum(shares) - 1) < 1e-9
    sample = np.random.default_rng(1).normal(size=(400_000, 3))
    energy = sample**2 @ weight
    for k in range(3):
        mean = (weight[k] * sample[:, k] ** 2 / energy).mean()
        assert abs(mean - shares[k]) < 0.003
    form = ((sample @ (np.sqrt(weight) * coordinate)) ** 2 / energy).mean()
    assert abs(form - coordinate**2 @ np.array(shares)) < 0.003


def test_an_integral_that_may_not_exist(setting):
    proof = setting[0]
    y = proof.scalar("y", Nonnegative())
    line = proof.sign(1 + y)
    refused(proof.integral_bound, line, y, 0, sympy.oo)
    proof.integral_bound(line, y, 0, 3)
    f = Function("f")
    rough = proof.sign(f(y) ** 2)
    refused(proof.integral_bound, rough, y, 0, 1)
    pole = proof.scalar("q", Positive())
    refused(proof.integral_bound, proof.sign(1 / pole), pole, 0, 1)
    empty = proof.identity(Integral(1 + y, (y, 0, sympy.oo)), Integral(1 + y, (y, 0, sympy.oo)))
    with pytest.raises(ProofError):
        proof.integral_bound(line, y, 0, sympy.oo, exist=[empty])
    gap = proof.sign(1 / (1 + y) ** 2 - 1 / (2 + y) ** 2)
    less = proof.certificate(Ge(1 / (1 + y) ** 2, 1 / (2 + y) ** 2), [(1, gap)])
    one = proof.integral(1 / (1 + y) ** 2, y, 0, sympy.oo, -1 / (1 + y))
    two = proof.integral(1 / (2 + y) ** 2, y, 0, sympy.oo, -1 / (2 + y))
    with pytest.raises(ProofError):
        proof.integral_bound(less, y, 0, sympy.oo, exist=[one])
    proof.integral_bound(less, y, 0, sympy.oo, exist=[one, two])
