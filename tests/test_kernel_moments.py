"""Moments of random matrices: every formula against brute force, and its false neighbours refused."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Identity, MatrixSymbol, Trace

from gdverify import Assumption, Claim, Integers, Paper, Positive, SureBound
from gdverify.errors import ClaimError, ProofError
from gdverify.kernel import Proof
from gdverify.kernel.matrix import words
from gdverify.kernel.moments import even_partitions, sign_cumulant, weingarten
from gdverify.language import DiagonalSum, Mean, SymmetricMatrix, VectorSequence
from gdverify.laws import (
    constant,
    equation,
    gaussian,
    gram_inverse,
    haar,
    invertible,
    rotation_invariant,
    signs,
    sphere,
)

d, m = sympy.symbols("d m", integer=True, positive=True)
n = sympy.Symbol("n", integer=True, positive=True)
p = sympy.Symbol("p", positive=True)
A, B, C, O = (MatrixSymbol(name, d, d) for name in "ABCO")
u, a, b = (MatrixSymbol(name, d, 1) for name in "uab")
X, S, M = (MatrixSymbol(name, n, d) for name in "XSM")
K = MatrixSymbol("K", n, n)
still = constant(A, B, C, a, b, K, M)


def proof(*assumptions, symbols=None):
    domains = {d: Integers(1, sample=(1, 5)), n: Integers(1, sample=(1, 5)), p: Positive(sample=(1, 2))}
    return Proof(
        Claim(
            id="toy.moments", title="t", paper=Paper("x", "x"), locator="l", statement="s",
            symbols=domains | (symbols or {}), assumptions=(still, *assumptions),
            decides=SureBound(sympy.S.Zero, sympy.S.One),
        )
    )  # fmt: skip


def from_dimension(low, *assumptions):
    return proof(*assumptions, symbols={d: Integers(low, sample=(low, low + 3))})


def refused(call, *args, match=None, **kwargs):
    with pytest.raises(ProofError, match=match):
        call(*args, **kwargs)


# -- values at matrices of numbers --------------------------------------------------------------------------------


def value(expr, at, sizes):
    """The expression at matrices of numbers (object or float arrays)."""

    def matrix(arg):
        total = 0
        for word, c in words(arg).items():
            r = np.eye(int(arg.shape[0].subs(sizes)), dtype=int)
            for letter, transposed, _ in word:
                r = r @ (at[letter].T if transposed else at[letter])
            total = total + c.subs(sizes) * r
        return total

    if isinstance(expr, Trace):
        return np.trace(matrix(expr.arg))
    if isinstance(expr, DiagonalSum):
        return math.fsum(entries(expr, matrix)) if _is_float(at) else sum(entries(expr, matrix))
    if expr.is_Add:
        return sum(value(e, at, sizes) for e in expr.args)
    if expr.is_Mul:
        return math.prod(value(e, at, sizes) for e in expr.args)
    if expr.is_Pow:
        return value(expr.base, at, sizes) ** int(expr.exp)
    number = expr.subs(sizes)
    return Fraction(int(number.p), int(number.q))


def entries(expr, matrix):
    parts = [matrix(f) for f in expr.args]
    diagonals = [f[:, 0] if f.shape[1] == 1 else np.diagonal(f) for f in parts]
    return [math.prod(column) for column in zip(*diagonals, strict=True)]


def _is_float(at):
    return any(x.dtype == float for x in at.values())


def whole(rng, *shape):
    return rng.integers(-3, 4, shape).astype(object)


def constants(rng, sizes):
    shape = lambda x: tuple(int(s.subs(sizes)) if not s.is_Integer else int(s) for s in x.shape)
    return {x: whole(rng, *shape(x)) for x in (A, B, C, a, b, K, M)}


def close(left, right):
    assert abs(float(left) - float(right)) <= 1e-9 * (1 + abs(float(right))), (left, right)


# -- independent signs --------------------------------------------------------------------------------------------

SIGN_VECTOR = [
    Trace(u.T * A * u),
    Trace(u.T * A * u) ** 2,
    Trace(u.T * A * u) * Trace(u.T * B * u),
    Trace(a.T * u) * Trace(b.T * u) * Trace(u.T * A * u),
    Trace(u.T * A * u) * Trace(u.T * B * u) * Trace(u.T * C * u),
    Trace(a.T * u) ** 4,
    Trace(A * u * u.T * B * u * u.T),
]


def test_the_key_of_a_law_is_free_to_no_other_assumption():
    """Rules read it: ("signs",) would be a law of nothing."""
    for key in (("signs",), ("gaussian", X, "rows"), ("constant", (X,)), ("invertible",)):
        with pytest.raises(ClaimError, match="that of a law"):
            Assumption("free", key=key)
    assert Assumption("free", key=("sign",)) != signs(X) == signs(X)


@pytest.mark.parametrize("expr", SIGN_VECTOR, ids=str)
def test_signs_against_enumeration(expr):
    law = signs(u)
    right = proof(law).moment(expr, [law]).right
    for size in (1, 2, 3):
        sizes, rng = {d: size, n: 2}, np.random.default_rng(size)
        at = constants(rng, sizes)
        outcomes = [np.array(s, dtype=object)[:, None] for s in itertools.product((-1, 1), repeat=size)]
        mean = Fraction(sum(value(expr, at | {u: s}, sizes) for s in outcomes), len(outcomes))
        assert value(right, at, sizes) == mean


@pytest.mark.parametrize(
    "expr",
    [Trace(S.T * K * S * A), Trace(S.T * K * S * A) ** 2, Trace(S.T * M) ** 2, Trace(S.T * K * S * A * S.T * S)],
    ids=str,
)
def test_sign_matrices_against_enumeration(expr):
    law = signs(S)
    right = proof(law).moment(expr, [law]).right
    sizes = {n: 3, d: 2}
    at = constants(np.random.default_rng(0), sizes)
    outcomes = [np.array(s, dtype=object).reshape(3, 2) for s in itertools.product((-1, 1), repeat=6)]
    mean = Fraction(sum(value(expr, at | {S: s}, sizes) for s in outcomes), len(outcomes))
    assert value(right, at, sizes) == mean


def test_second_moment_of_a_quadratic_form_in_signs():
    law = signs(u)
    check = proof(law)
    right = check.moment(Trace(u.T * A * u) ** 2, [law]).right
    pairs = Trace(A) ** 2 + Trace(A * A) + Trace(A * A.T)
    check.identity(right, pairs - 2 * DiagonalSum(A, A))
    refused(check.identity, right, pairs)  # the Gaussian value
    refused(check.identity, right, pairs - DiagonalSum(A, A))
    check.identity(check.moment(Trace(u.T * u) ** 3, [law]).right, d**3)  # |u|^2 = d surely
    refused(check.moment, Trace(S.T * M) ** 4, [law])  # S has no law here


def test_signs_leave_no_double_sums():
    law = signs(S)
    refused(proof(law).moment, Trace(S.T * M) ** 4, [law], match="double sum")


def test_cumulants_and_partitions():
    """Moment = sum over partitions of products of cumulants."""
    for order in (2, 4, 6, 8):
        parts = list(even_partitions(range(order)))
        assert sum(math.prod(sign_cumulant(len(x)) for x in blocks) for blocks in parts) == 1
    assert [len(list(even_partitions(range(k)))) for k in (2, 4, 6, 8)] == [1, 4, 31, 379]


# -- sums over a diagonal -----------------------------------------------------------------------------------------


def test_diagonal_sums_have_one_form():
    assert DiagonalSum(B, A.T) == DiagonalSum(A, B)
    assert DiagonalSum(A + 2 * B, A) == DiagonalSum(A, A) + 2 * DiagonalSum(A, B)
    assert DiagonalSum(A) == Trace(A) and DiagonalSum(A, Identity(d)) == Trace(A)
    assert DiagonalSum(A, a * b.T) == DiagonalSum(A, a, b)
    assert DiagonalSum(a, b) == Trace(a.T * b) and DiagonalSum(Identity(d), Identity(d)) == d
    assert DiagonalSum(A, A) != Trace(A * A) and DiagonalSum(A, B) != DiagonalSum(A * B, Identity(d))
    check = proof()
    refused(check.identity, DiagonalSum(A, B * C), DiagonalSum(A, C * B))
    refused(check.identity, DiagonalSum(A, B), Trace(A) * Trace(B))
    with pytest.raises(ProofError):
        DiagonalSum(A, K)


# -- the sphere ---------------------------------------------------------------------------------------------------

SPHERE = [
    Trace(u.T * A * u),
    Trace(u.T * A * u) ** 2,
    Trace(a.T * u) ** 2 * Trace(b.T * u) ** 2,
    Trace(u.T * A * u) * Trace(u.T * B * u) * Trace(a.T * u) ** 2,
    Trace(a.T * u) ** 3,
]


def sphere_moment(exponents):
    """E of a monomial in the coordinates, from the Dirichlet law of their squares."""
    if any(k % 2 for k in exponents):
        return Fraction(0)
    odd = lambda k: math.prod(range(1, k, 2))
    size, half = len(exponents), sum(exponents) // 2
    return Fraction(math.prod(map(odd, exponents)), math.prod(size + 2 * j for j in range(half)))


@pytest.mark.parametrize("expr", SPHERE, ids=str)
def test_the_sphere_against_coordinates(expr):
    law = sphere(u)
    right = proof(law).moment(expr, [law]).right
    for size in (1, 2, 3):
        sizes = {d: size, n: 2}
        at = constants(np.random.default_rng(size), sizes)
        xs = sympy.symbols(f"x0:{size}")
        poly = sympy.Poly(value(expr, at | {u: np.array([[x] for x in xs], dtype=object)}, sizes), *xs)
        mean = sum((int(c) * sphere_moment(e) for e, c in poly.terms()), Fraction(0))
        assert value(right, at, sizes) == mean


def test_sphere_dimension_off_by_two():
    law = sphere(u)
    check = proof(law)
    right = check.moment(Trace(u.T * A * u) ** 2, [law]).right
    pairs = Trace(A) ** 2 + Trace(A * A) + Trace(A * A.T)
    check.identity(right, pairs / (d * (d + 2)))
    refused(check.identity, right, pairs / d**2)
    refused(check.identity, right, pairs / ((d + 2) * (d + 4)))
    check.identity(check.moment(Trace(u.T * u) ** 2, [law]).right, 1)
    with pytest.raises(ClaimError):
        sphere(X)


# -- Haar orthogonal matrices -------------------------------------------------------------------------------------

HAAR = [
    (1, Trace(O * A)),
    (1, Trace(O * A * O.T * B)),
    (2, Trace(O * A * O.T * B) ** 2),
    (2, Trace(O * A * O * B) * Trace(O * C) ** 2),
    (2, Trace(O) ** 4),
    (3, Trace(O * A * O.T * B * O * C * O.T)),
    (3, Trace(O * A * O.T * B * O * A * O.T * C * O * B * O.T)),
    (3, Trace(O * A) ** 4 * Trace(O * B * O.T * C)),
]


def orthogonal(size):
    """Nodes and weights on O(1), O(2), O(3), exact for polynomials of degree 6."""
    if size == 1:
        return [(np.array([[s]]), 0.5) for s in (1.0, -1.0)]
    circle = [2 * math.pi * k / 14 for k in range(14)]
    if size == 2:
        turn = lambda t: np.array([[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]])
        return [(turn(t) @ np.diag([1, s]), 1 / 28) for t in circle for s in (1.0, -1.0)]
    about = lambda t: np.array([[math.cos(t), -math.sin(t), 0], [math.sin(t), math.cos(t), 0], [0, 0, 1.0]])
    tilt = lambda c: np.array([[c, 0, math.sqrt(1 - c * c)], [0, 1, 0], [-math.sqrt(1 - c * c), 0, c]])
    nodes = zip(*np.polynomial.legendre.leggauss(8), strict=True)
    return [
        (s * about(x) @ tilt(c) @ about(y), w / (4 * 14**2))
        for c, w in nodes for x in circle for y in circle for s in (1.0, -1.0)
    ]  # fmt: skip


@pytest.mark.parametrize(("low", "expr"), HAAR, ids=lambda x: str(x))
def test_haar_against_quadrature(low, expr):
    law = haar(O)
    right = from_dimension(low, law).moment(expr, [law]).right
    for size in range(low, 4):
        sizes = {d: size, n: 2}
        at = {x: v.astype(float) for x, v in constants(np.random.default_rng(size), sizes).items()}
        if size < 3:
            mean = sum(w * value(expr, at | {O: o}, sizes) for o, w in orthogonal(size))
        else:
            o, w = (np.array(x) for x in zip(*orthogonal(3), strict=True))
            mean = (w * _stacked(expr, at | {O: o})).sum()
        close(value(right, at, sizes), mean)


def _stacked(expr, at):
    """Like `value`, with many O at once."""
    if isinstance(expr, Trace):
        ((word, _),) = words(expr.arg).items()
        r = np.eye(3)
        for letter, transposed, _ in word:
            r = r @ (np.swapaxes(at[letter], -1, -2) if transposed else at[letter])
        return np.trace(r, axis1=-2, axis2=-1)
    if expr.is_Mul:
        return math.prod(_stacked(e, at) for e in expr.args)
    return _stacked(expr.base, at) ** int(expr.exp)


def test_haar_matrices_are_orthogonal_in_every_dimension():
    law = haar(O)
    check = from_dimension(3, law)
    for expr, truth in [
        (Trace(O.T * A * O * O.T * B * O), Trace(A * B)),
        (Trace(O * O.T * A * O * O.T * B * O * O.T), Trace(A * B)),
        (Trace(O * A * O.T * B * O * O.T), Trace(A) * Trace(B) / d),
        (Trace(O.T * A * O * B * O), 0),  # odd
    ]:
        check.identity(check.moment(expr, [law]).right, truth)
    refused(check.identity, check.moment(Trace(O * A * O.T * B), [law]).right, Trace(A * B))


def test_haar_needs_a_dimension_and_a_low_degree():
    law = haar(O)
    refused(proof(law).moment, Trace(O * A * O.T * B) ** 2, [law], match="not proved")  # false at d = 1: 0/0
    refused(from_dimension(2, law).moment, Trace(O * A) ** 6, [law], match="not proved")
    refused(from_dimension(9, law).moment, Trace(O * A) ** 8, [law], match="at most")
    with pytest.raises(ClaimError):
        haar(X)


def test_weingarten_inverts_and_its_poles_lie_below_the_dimension():
    for k in (1, 2, 3):
        size = next(iter(weingarten(k).values())).free_symbols.pop()
        for function in weingarten(k).values():
            poles = sympy.roots(sympy.denom(sympy.together(function)), size)
            assert all(pole < k for pole in poles)


# -- Gaussian: Wishart moments ------------------------------------------------------------------------------------


def normal_moment(exponents):
    return math.prod(0 if k % 2 else math.prod(range(1, k, 2)) for k in exponents)


@pytest.mark.parametrize(
    "expr",
    [
        Trace(X.T * X * A),
        Trace(X.T * X * A * X.T * X * B),
        Trace(X.T * X * A * X.T * X * B * X.T * X),
        Trace((X.T * X) ** 3),
        Trace(X.T * K * X * A) * Trace(X.T * M) ** 2,
    ],
    ids=str,
)
def test_wishart_words_against_monomials(expr):
    law = gaussian(X)
    check = proof(law)
    right = check.moment(expr, [law]).right
    check.identity(right, check.gaussian(expr, [law]).right)
    sizes = {n: 2, d: 2}
    at = constants(np.random.default_rng(3), sizes)
    xs = sympy.symbols("x0:4")
    poly = sympy.Poly(value(expr, at | {X: np.array(xs, dtype=object).reshape(2, 2)}, sizes), *xs)
    assert value(right, at, sizes) == sum(int(c) * normal_moment(e) for e, c in poly.terms())


def test_laws_are_integrated_one_after_the_other():
    """tr(O W O^T A) with W Wishart and O Haar, independent, and a random vector of signs between them."""
    laws = [gaussian(X), haar(O), signs(u)]
    check = proof(*laws)
    fact = check.moment(Trace(u.T * O * X.T * X * O.T * u), laws)
    check.identity(fact.right, n * d)
    refused(check.moment, Trace(u.T * O * X.T * X * O.T * u), laws[:2], match="missing")


# -- what a moment must refuse ------------------------------------------------------------------------------------


def test_letters_need_exactly_one_law():
    normal, fair, round_ = gaussian(u), signs(u), sphere(u)
    expr = Trace(u.T * A * u)
    refused(proof(fair).gaussian, expr, [fair], match="proof.moment")
    refused(proof(fair).moment, expr, [normal], match="does not assume")
    refused(proof(fair).moment, expr, [], match="missing")
    refused(proof().moment, expr, [], match="no law")
    for pair in [(normal, fair), (round_, fair), (normal, gaussian(u, rows=SymmetricMatrix("Sigma", d, d)))]:
        refused(proof(*pair).moment, expr, list(pair), match="two laws")
        refused(proof(*pair).moment, expr, [pair[0]], match="two laws")
    refused(proof(fair, constant(u)).moment, expr, [fair], match="assumed constant")
    symmetric = SymmetricMatrix("W", d, d)
    refused(proof(signs(symmetric)).moment, Trace(symmetric * symmetric), [signs(symmetric)], match="symmetric")


def test_letters_that_depend_on_each_other():
    v = MatrixSymbol("v", d, 1)
    laws = [signs(u), signs(v)]
    tie = equation("v follows u", v, u)
    refused(proof(*laws, tie).moment, Trace(u.T * v) ** 2, laws, match="ties")
    Sigma = SymmetricMatrix("Sigma", d, d)
    random_covariance = [gaussian(u, rows=Sigma), gaussian(Sigma)]
    refused(proof(*random_covariance).moment, Trace(u.T * u), random_covariance[:1], match="covariance")


def test_random_scalars_do_not_pass_for_constants():
    law = signs(u)
    check = proof(law)
    hit = sympy.Function("hit")
    for stranger in (hit(n), abs(Trace(u.T * A * u)), 1 / Trace(u.T * A * u), Trace(u.T * A * u) ** n):
        refused(check.moment, stranger * Trace(u.T * B * u), [law])
    normal = gaussian(X)
    refused(proof(normal).gaussian, hit(n) * Trace(X.T * X), [normal], match="constant")
    refused(proof(law).moment, DiagonalSum(A, u, u), [law], match="polynomial")
    check.identity(check.moment(p**2 * Trace(u.T * A * u), [law]).right, p**2 * Trace(A))


@given(st.integers(1, 10**9))
@settings(max_examples=15, deadline=None)
def test_moments_off_by_a_hair(scale):
    for law, truth in ((signs(u), Trace(A)), (sphere(u), Trace(A) / d), (gaussian(u), Trace(A))):
        check = proof(law)
        fact = check.moment(Trace(u.T * A * u), [law])
        check.identity(fact.right, truth)
        refused(check.identity, fact.right, truth * (1 + sympy.Rational(1, scale)))


# -- integration by parts -----------------------------------------------------------------------------------------

Sigma = SymmetricMatrix("Sigma", d, d)
P = SymmetricMatrix("P", d, d)


@pytest.mark.parametrize("field", [X, K * X * A, X * A * X.T * K * X * B, K * X * X.T * X + 2 * X * A], ids=str)
def test_stein_agrees_with_wick_on_polynomials(field):
    law = gaussian(X, columns=Sigma)
    check = proof(law)
    fact = check.stein(law, field)
    inside = fact.right.replace(Mean, lambda e: e)
    check.identity(check.moment(Trace(X.T * field), [law]).right, check.moment(inside, [law]).right)


def inverse_wishart(gap, *extra):
    law, inverse = gaussian(X, columns=Sigma), gram_inverse(P, X)
    check = proof(law, inverse, *extra, symbols={n: Integers(d + gap, sample=(10, 20))})
    if gap > 1:
        check.certificate(n - d - gap + 1 > 0, [(1, check.low(n)), (1, check.sign(sympy.S.One))])
    return check, law, inverse


def test_mean_of_the_inverse_wishart():
    check, law, inverse = inverse_wishart(2, invertible(Sigma))
    parts = check.rewrite(check.stein(law, X * P * B), check.assume(inverse))
    combine = [(-1 / (n - d - 1), parts), (1 / (n - d - 1), check.moment(Trace(B), []))]
    check.certificate((Mean(Trace(P * B * Sigma)), "==", Trace(B) / (n - d - 1)), combine)
    refused(check.certificate, (Mean(Trace(P * B * Sigma)), "==", Trace(B) / (n - d)), combine)


def test_integration_by_parts_needs_integrable_inverses():
    field = X * P * B
    check, law, _ = inverse_wishart(1, invertible(Sigma))
    refused(check.stein, law, field, match="infinite")  # n = d + 1: the mean of the inverse is infinite
    check, law, _ = inverse_wishart(2)
    refused(check.stein, law, field, match="invertible")
    check, law, _ = inverse_wishart(2, invertible(Sigma))
    refused(check.stein, law, X * P * P, match="infinite")  # E tr P^2 needs n > d + 3
    refused(check.stein, law, P, match="shape")
    refused(check.moment, Trace(P), [law], match="no law")
    check, law, _ = inverse_wishart(4, invertible(Sigma))
    check.stein(law, X * P * P)


def test_integration_by_parts_knows_what_depends_on_what():
    Y = MatrixSymbol("Y", n, d)
    law, other = gaussian(X), gaussian(Y)
    check = proof(law, other)
    refused(check.stein, law, Y, match="missing")
    assert check.stein(law, Y, [other]).right == 0
    refused(proof(signs(X)).stein, signs(X), X)
    refused(proof(law).stein, law, MatrixSymbol("Z", n, d), match="no law")


def test_a_scalar_function_is_no_vector_sequence_of_the_same_name():
    """SymPy's caches would hand out one for the other."""
    assert VectorSequence("s")(0) != sympy.Function("s")(0)
    assert VectorSequence("s")(0) == VectorSequence("s")(0)


# -- invariance under rotations -----------------------------------------------------------------------------------


def test_rotations_average_second_moments():
    x, y = MatrixSymbol("x", d, 1), MatrixSymbol("y", d, 1)
    label, stranger = MatrixSymbol("l", 1, 1), MatrixSymbol("s", 1, 1)
    law = rotation_invariant((x, y), (label,))
    check = proof(law)
    g = Trace(label) ** 2
    fact = check.rotated(g * Trace(x.T * A * y), law)
    check.identity(fact.right, Trace(A) / d * Mean(g * Trace(x.T * y)))
    refused(check.identity, fact.right, Trace(A) * Mean(g * Trace(x.T * y)))
    assert check.rotated(g * Trace(a.T * x), law).right == 0
    assert check.rotated(g, law).right == Mean(g)
    refused(check.rotated, g * Trace(x.T * A * y) ** 2, law, match="not proved")  # degree 4 needs d >= 2
    from_dimension(2, law).rotated(g * Trace(x.T * A * y) ** 2, law)
    refused(check.rotated, Trace(stranger) * Trace(x.T * A * y), law, match="neither")  # may depend on x
    refused(check.rotated, abs(Trace(x.T * a)), law, match="polynomial")
    refused(check.rotated, sympy.Function("f")(n) * Trace(x.T * y), law)
    refused(proof().rotated, Trace(x.T * A * y), law, match="does not assume")
    refused(proof(law, constant(x)).rotated, Trace(x.T * A * y), law, match="constant")
    one = rotation_invariant((x,), (label,))
    refused(proof(one).rotated, Trace(x.T * A * y), one, match="neither")  # y does not turn with x
    with pytest.raises(ClaimError):
        rotation_invariant((x, MatrixSymbol("z", n, 1)))
    with pytest.raises(ClaimError):
        rotation_invariant((x,), (x,))


def test_a_rotated_gaussian_is_gaussian():
    x = MatrixSymbol("x", d, 1)
    law, normal = rotation_invariant((x,)), gaussian(x)
    check = from_dimension(2, law, normal)
    expr = Trace(x.T * A * x) ** 2
    inside = check.rotated(expr, law).right.replace(Mean, lambda e: e)
    check.identity(check.moment(inside, [normal]).right, check.moment(expr, [normal]).right)


@pytest.mark.parametrize("law", [gaussian, signs, sphere, haar])
def test_a_law_is_about_a_matrix_letter(law):
    with pytest.raises(ClaimError, match="matrix or vector letter"):
        law(sympy.Symbol("x"))
