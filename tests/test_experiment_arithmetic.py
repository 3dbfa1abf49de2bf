"""Draws do not depend on how they are batched; interval arithmetic encloses; confidence sequences cover."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdverify.domain import Case
from gdverify.errors import ExperimentError, UndecidedError
from gdverify.experiment.backend import namespace
from gdverify.experiment.ball import ExactInt, Interval, UnsupportedError, precision
from gdverify.experiment.interval import IntervalCase, IntervalNamespace
from gdverify.experiment.random import Draws, KeyedStreams, Primitive, Recorder, Replayer, stream_key
from gdverify.integrate import refined, runge_kutta

XP = namespace("cpu")
KEY = stream_key("test")
numbers = st.fractions(min_value=-100, max_value=100, max_denominator=1000)


def everything(xp, rng, size):
    """One of each draw and of most operations, by name."""
    a = rng.normal((size, 4, 6))
    gram = xp.matmul(a, xp.matrix_transpose(a))
    x, q, g = rng.sphere((size, 4)), rng.haar((size, 4, 4)), rng.gamma(2.5, (size, 3))
    relu = xp.where(x > 0, x, xp.zeros_like(x))
    whole = [
        rng.integers(2, 5, (size, 2)), rng.permutation((size, 2)), rng.choice([0.2, 0.3, 0.5], (size, 2)),
        xp.argmax(x, axis=-1, keepdims=True),
    ]  # fmt: skip
    return {
        "whole": xp.concat([xp.astype(k, xp.float64) / 3 for k in whole], axis=-1),
        "eigenvalues": xp.linalg.eigvalsh(gram), "cholesky": xp.linalg.cholesky(gram),
        "solve": xp.linalg.solve(gram, x[..., None])[..., 0], "inverse": xp.linalg.inv(gram),
        "determinant": xp.linalg.det(gram), "singular": xp.linalg.svdvals(a), "norm": xp.linalg.norm(x),
        "x": x, "haar": q, "gamma": g, "dirichlet": rng.dirichlet(0.7, (size, 3)), "t": rng.student_t(4, (size,)),
        "uniform": rng.uniform((size, 2), -1, 3), "signs": rng.signs((size,)), "bernoulli": rng.bernoulli(0.3, (size,)),
        "exponential": rng.exponential((size,)), "shared": xp.sum(rng.shared.normal((3,))) * xp.ones((size,)),
        "relu": relu, "tanh": xp.tanh(x), "std": xp.std(x, axis=-1), "sort": xp.sort(x, axis=-1),
        "max": xp.max(x, axis=-1), "min": xp.min(x, axis=-1), "einsum": xp.einsum("bij,bj->bi", q, x),
        "stack": xp.stack([x, relu], axis=1), "erf": xp.erf(x), "lgamma": xp.lgamma(g),
        "share": xp.mean(xp.astype(x > 0, xp.float64), axis=-1), "power": xp.pow(xp.abs(x), 1.5), "log": xp.log(g),
    }  # fmt: skip


def test_array_api_strict_gives_the_same_numbers():
    strict = namespace("strict")
    one = everything(XP, Draws(XP, KeyedStreams(KEY, 0, 2, 8), 16), 16)
    two = everything(strict, Draws(strict, KeyedStreams(KEY, 0, 2, 8), 16), 16)
    for name, value in one.items():
        np.testing.assert_allclose(strict.to_host(two[name]), value, rtol=1e-9, atol=1e-10, err_msg=name)


def test_the_same_function_encloses_its_float_results_in_intervals():
    recorder = Recorder(KeyedStreams(KEY, 3, 1, 8))
    floats = everything(XP, Draws(XP, recorder, 8), 8)
    xp = IntervalNamespace()
    with precision(212):
        balls = everything(xp, Draws(xp, Replayer(recorder.row(5)), 1), 1)
    for name, value in floats.items():
        for expected, ball in zip(np.ravel(value[5]), np.ravel(np.asarray(balls[name])), strict=True):
            low, high = ball.ends()
            assert high - low <= 4e-16 * max(1, abs(high)), name
            assert math.isclose(expected, ball.middle(), rel_tol=1e-9, abs_tol=1e-10), name


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 5), min_size=1, max_size=4), rows=st.integers(1, 7), seed=st.integers(0, 9))
def test_draws_do_not_depend_on_batches(cuts, rows, seed):
    key = stream_key(seed)

    def batch(first, blocks):
        rng = Draws(XP, KeyedStreams(key, first, blocks, rows), blocks * rows)
        size = blocks * rows
        parts = rng.normal((size, 2)), rng.uniform((size,))[:, None], rng.haar((size, 2, 2)).reshape(size, 4)
        return np.concatenate(parts, axis=1), rng.shared.normal((3,))

    whole, shared = batch(0, sum(cuts))
    first, pieces = 0, []
    for k in cuts:
        piece, same = batch(first, k)
        assert np.array_equal(same, shared)
        pieces.append(piece)
        first += k
    assert np.array_equal(np.concatenate(pieces), whole)
    assert len(np.unique(whole[:, 0])) == len(whole)  # no block repeats another


@pytest.mark.parametrize("z", [np.zeros((1, 1)), np.ones((3, 3)), np.diag([1.0, 0.0, 2.0]), np.eye(2) - 1])
def test_an_orthogonal_matrix_from_singular_draws_is_rechecked_too(z):
    """A directed search moves draws to where they are singular."""
    n, draws = len(z), [Primitive("normal", False, z[None])]
    floats = Draws(XP, Replayer(draws), 1).haar((1, n, n))
    xp = IntervalNamespace()
    with precision(200):
        exact = Draws(xp, Replayer(draws), 1).haar((1, n, n))
        gram = xp.matmul(xp.matrix_transpose(exact), exact)
        for k in np.ndindex(n, n):
            assert abs(gram[0][k] - int(k[0] == k[1])) < Fraction(1, 10**50)
            assert abs(exact[0][k] - float(floats[0][k])) < Fraction(1, 10**12)


def test_an_error_is_told_where_steps_are_short_and_is_huge_where_they_are_not():
    rate, exact = np.array([0.5, 3.0, 40.0, 200.0]), np.exp(-np.array([0.5, 3.0, 40.0, 200.0]))
    levels = [runge_kutta(lambda x: (-rate * x,), (np.ones(4),), 1 / n, n)[0] for n in (8, 16, 32)]
    value, error = refined(XP, levels)
    assert np.all(np.abs(value - exact) <= error)
    assert np.all(error[:2] < 1e-4 * exact[:2]) and error[3] > 1e6
    # steps too long to tell, whose last two results happen to be near each other; and errors of two signs that meet
    assert refined(XP, [np.array(x) for x in (1.60, 1.58, 1.77)])[1] > 1e4
    assert refined(XP, [np.array(x) for x in (1.0, 2.0, 2.0)])[1] > 0.1


def test_draws_have_their_distributions():
    size = 20_000
    rng = Draws(XP, KeyedStreams(KEY, 0, size // 250, 250), size)
    moments = {
        "exponential": (rng.exponential((size,)), 1, 1), "gamma": (rng.gamma(2.5, (size,)), 2.5, 2.5),
        "student": (rng.student_t(9, (size,)), 0, 9 / 7), "sphere": (rng.sphere((size, 5))[:, 0], 0, 1 / 5),
        "haar": (rng.haar((size, 3, 3))[:, 2, 2], 0, 1 / 3), "integers": (rng.integers(1, 4, (size,)), 2, 2 / 3),
        "choice": (rng.choice([0.25, 0.75], (size,)), 0.75, 3 / 16), "signs": (rng.signs((size,)), 0, 1),
        "dirichlet": (rng.dirichlet(1.0, (size, 3))[:, 1], 1 / 3, 1 / 18),
        "uniform": (rng.uniform((size,), -1, 3), 1, 4 / 3), "bernoulli": (rng.bernoulli(0.3, (size,)), 0.3, 0.21),
    }  # fmt: skip
    for name, (x, mean, variance) in moments.items():
        assert abs(x.mean() - mean) < 5 * math.sqrt(variance / size), name
        assert abs(x.var() / variance - 1) < 0.1, name


# -- intervals ----------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(a=numbers, b=numbers, power=st.integers(0, 7), bits=st.sampled_from([20, 53, 106]))
def test_field_operations_enclose_the_exact_result(a, b, power, bits):
    with precision(bits):
        x, y = Interval(a), Interval(b)
        pairs = [(x + y, a + b), (x - y, a - b), (x * y, a * b), (x**power, a**power), (abs(x), abs(a)), (-x, -a)]
        pairs += [(x / y, a / b), (2 / y, 2 / b), (y**-power, Fraction(1) / b**power)] if b else []
        pairs += [(Interval.larger(x, y), max(a, b)), (Interval.smaller(x, y), min(a, b))]
        for ball, exact in pairs:
            low, high = (Fraction(*mpmath.libmp.to_rational(e)) for e in ball.v)
            assert low <= exact <= high


@settings(max_examples=100, deadline=None)
@given(a=numbers, width=st.fractions(min_value=0, max_value=3, max_denominator=50), part=st.floats(0, 1))
def test_functions_enclose_every_point_of_their_argument(a, width, part):
    point = a + width * Fraction(part)
    with mpmath.workprec(300):
        p = mpmath.mpf(point.numerator) / point.denominator
        for name in ("sin", "cos", "exp", "tanh", "atan", "erf", "sinh", "cosh", "sqrt", "log", "log1p"):
            if (name in ("sqrt", "log") and a <= 0) or (name == "log1p" and a <= -1):
                continue
            with precision(60):
                ball = getattr(Interval.hull(Interval(a), Interval(a + width)), name)()
            exact = getattr(mpmath, name)(p)
            low, high = (mpmath.make_mpf(e) for e in ball.v)
            assert low <= exact <= high, name


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 5), gap=st.sampled_from([0.0, 1e-12, 1.0]))
def test_eigenvalues_are_enclosed_also_when_they_nearly_coincide(seed, n, gap):
    """Of Q diag Q^T with Q an exact rational rotation (Cayley), the eigenvalues are known."""
    rng = np.random.default_rng(seed)
    values = sorted(Fraction(1 + k * gap) for k in range(n))
    skew = [[Fraction(0)] * n for _ in range(n)]
    for i in range(n):
        for j in range(i):
            skew[i][j] = Fraction(int(rng.integers(-9, 10)), 4)
            skew[j][i] = -skew[i][j]
    xp = IntervalNamespace()
    with precision(120):
        s, one = xp.asarray(skew), xp.eye(n)
        q = xp.linalg.solve(one + s, one - s)
        a = q @ xp.asarray([[values[i] if i == j else 0 for j in range(n)] for i in range(n)]) @ q.T
        for ball, exact in zip(xp.linalg.eigvalsh(a), values, strict=True):
            assert _contains(ball, exact)


def _contains(ball, exact):
    low, high = (Fraction(*mpmath.libmp.to_rational(e)) for e in ball.v)
    return low <= exact <= high and high - low < Fraction(1, 10**25)


def test_overlap_is_undecided_never_false_and_leaks_are_refused():
    xp = IntervalNamespace()
    third = xp.asarray([Fraction(1, 3)]) * 3
    for question in (lambda: third < 1, lambda: third == 1, lambda: third >= 1, lambda: bool(third[0] - 1)):
        with pytest.raises(UndecidedError):
            question()
    for leak in (lambda: float(third[0]), lambda: xp.fft, lambda: xp.linalg.eigh(third), lambda: np.arcsin(third)):
        with pytest.raises(UnsupportedError):
            leak()
    case = IntervalCase({"gamma": Fraction(1, 3), "T": 7, "family": "gaussian"})
    assert isinstance(case.gamma, Interval) and list(range(case.T)) == list(range(7)) and case.family == "gaussian"
    for exact in (1 / case.T, 2 * case.T / 3, case.T**-1, case.T * 0.1, case.T * Fraction(1, 3)):
        assert isinstance(exact, Interval)
    assert isinstance(2 * case.T + 1, ExactInt)
    zeros = xp.zeros((2,))
    zeros[0] = 0.1
    assert isinstance(zeros[0] * zeros[0], Interval)
    assert isinstance((xp.arange(3) / 7)[1], Interval)
    assert Case({"gamma": Fraction(1, 3)}).gamma == 1 / 3


def test_replay_refuses_other_draws():
    recorder = Recorder(KeyedStreams(KEY, 0, 1, 2))
    Draws(XP, recorder, 2).normal((2, 3))
    with pytest.raises(ExperimentError, match="was saved"):
        Draws(XP, Replayer(recorder.row(0)), 1).normal((1, 4))
