"""Draws made on a device: the generator against known answers and a second implementation, and the code for CuPy."""

import ctypes
import shutil
import sys

import numpy as np
import pytest
import sympy
from scipy import stats

from gdverify.claim import Claim, Paper
from gdverify.decision import MeanEquals, SureBound
from gdverify.discover import catalogue_sources, load
from gdverify.domain import Case
from gdverify.experiment import backend, device
from gdverify.experiment.engine import run_experiment
from gdverify.experiment.laboratory import Laboratory
from gdverify.experiment.random import Draws, Recorder, Replayer, stream_key
from gdverify.worker import draw

from . import fake_cupy

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")
KEY = stream_key("a test")
# Random123's known answers for philox4x32-10: counter, key, result.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return [int(w, 16) for w in text.split()]


def philox(counter, key):
    """Philox4x32-10 on arrays of counters, from the paper, in NumPy."""
    c, (k0, k1) = [np.asarray(w, dtype=np.uint64) for w in counter], key
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        shift = np.uint64(32)
        c = [(b >> shift) ^ c[1] ^ np.uint64(k0), b & low, (a >> shift) ^ c[3] ^ np.uint64(k1), a & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


def reference(kind, key, block, number, each):
    """One block of one draw."""
    pair = np.arange((each + 1) // 2, dtype=np.uint64)
    zero = 0 * pair
    c = philox([pair, zero + np.uint64(block), zero + np.uint64(number), zero], device.device_key(key))
    x, y = ((c[k] | c[k + 1] << np.uint64(32)) >> np.uint64(11) for k in (0, 2))
    if kind == "uniform":
        both = x * 2.0**-53, y * 2.0**-53
    else:
        radius, angle = np.sqrt(-2 * np.log((x + np.uint64(1)) * 2.0**-53)), 2 * np.pi * (y * 2.0**-53)
        both = radius * np.cos(angle), radius * np.sin(angle)
    return np.stack(both, axis=-1).ravel()[:each]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return fake_cupy.compiled(device.source(), tmp_path_factory.mktemp("philox"))


@pytest.fixture
def xp(monkeypatch, tmp_path):
    """The CUDA namespace, on the stand-in for CuPy."""
    fake_cupy.install(monkeypatch, tmp_path)
    backend.namespace.cache_clear()
    device._kernel.cache_clear()
    yield backend.namespace("cuda")
    backend.namespace.cache_clear()
    device._kernel.cache_clear()
    for name in [n for n in sys.modules if n.startswith("array_api_compat.cupy")]:
        del sys.modules[name]


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_known_answers(library, counter, key, result):
    c = (ctypes.c_uint32 * 4)(*words(counter))
    library.words(c, *(ctypes.c_uint32(w) for w in words(key)))
    assert list(c) == words(result)
    assert [int(w) for w in philox(words(counter), words(key))] == words(result)


@pytest.mark.parametrize("shape", [(6, 5), (6, 3, 4), (6,), (6, 1)])
def test_draws_are_the_references_whatever_the_batches(xp, shape):
    for kind in ("uniform", "normal"):
        whole = device.DeviceStreams(xp, KEY, 4, 3, 2)
        whole.draw("uniform", (6, 2), False)
        got = whole.draw(kind, shape, False).get()
        parts = []
        for block in (6, 4, 5):  # in any order
            one = device.DeviceStreams(xp, KEY, block, 1, 2)
            one.draw("uniform", (2, 2), False)
            parts.append(one.draw(kind, (2, *shape[1:]), False).get())
        assert np.array_equal(got, np.concatenate([parts[1], parts[2], parts[0]]))
        expected = np.stack([reference(kind, KEY, block, 1, got.size // 3) for block in (4, 5, 6)]).reshape(shape)
        if kind == "uniform":
            assert np.array_equal(got, expected)
        else:
            assert np.allclose(got, expected, rtol=1e-14, atol=1e-15)


def test_shared_draws_do_not_depend_on_the_batch_and_one_launch_does_it(xp):
    before = fake_cupy.counts["launches"]
    one, many = (device.DeviceStreams(xp, KEY, *at, 8).draw("normal", (3, 3), True).get() for at in ((0, 1), (5, 40)))
    assert np.array_equal(one, many)
    device.DeviceStreams(xp, KEY, 0, 100, 8).draw("normal", (800, 7), False)
    assert fake_cupy.counts["launches"] == before + 3
    assert device.DeviceStreams(xp, KEY, 0, 2, 8).draw("normal", (16, 0), False).shape == (16, 0)
    other = device.DeviceStreams(xp, stream_key("another"), 0, 1, 8).draw("normal", (3, 3), True).get()
    assert not np.any(one == other)


def test_distributions(xp):
    """Kolmogorov and Smirnov's test at 1e-6 each; the seed is fixed, so that nothing here is left to chance."""
    rng = Draws(xp, device.DeviceStreams(xp, KEY, 0, 250, 400), 100_000)
    passes = lambda sample, law: stats.kstest(sample, law).pvalue > 1e-6
    normal, uniform = rng.normal((100_000, 2)).get(), rng.uniform((100_000, 2)).get()
    assert passes(normal.ravel(), "norm") and passes(uniform.ravel(), "uniform")
    assert passes((normal**2).sum(axis=1), stats.chi2(2).cdf)  # neighbours, which one counter gives, are independent
    assert abs(np.corrcoef(normal.T)[0, 1]) < 0.016 and abs(np.corrcoef(normal[:-1, 0], normal[1:, 0])[0, 1]) < 0.016
    sphere = rng.sphere((100_000, 3)).get()
    assert np.allclose((sphere**2).sum(axis=1), 1) and passes(sphere[:, 0], stats.uniform(-1, 2).cdf)  # Archimedes
    signs = rng.signs((100_000,)).get()
    assert set(signs) == {-1.0, 1.0} and abs(signs.mean()) < 5 / 100_000**0.5
    haar = rng.haar((100_000, 2, 2)).get()
    assert np.allclose(haar @ haar.transpose(0, 2, 1), np.eye(2))
    angle = np.arctan2(haar[:, 1, 0], haar[:, 0, 0])
    assert passes(angle, stats.uniform(-np.pi, 2 * np.pi).cdf)
    assert abs(np.linalg.det(haar).mean()) < 5 / 100_000**0.5  # rotations and reflections alike
    for sample, law in (
        (rng.exponential((100_000,)), stats.expon.cdf),
        (rng.gamma(2.5, (100_000,)), stats.gamma(2.5).cdf),
        (rng.student_t(5, (100_000,)), stats.t(5).cdf),
    ):
        assert passes(sample.get(), law)
    assert np.allclose(rng.choice([0.25, 0.75], (100_000,)).get().mean(), 0.75, atol=0.01)
    assert sorted(rng.permutation((100_000, 4)).get()[7]) == [0, 1, 2, 3]


def claim(decides, simulate, **options):
    out = Claim(
        id="test.device", title="t", paper=Paper("test", "Test"), locator="none", statement="none", symbols={},
        decides=decides,
    )  # fmt: skip
    out.experiment(**options)(simulate)
    return out


def chain(xp, rng, case, size):
    h = xp.eye(4) + 0 * rng.normal((size, 4, 4))
    for _ in range(5):
        h = rng.haar((size, 4, 4)) @ h
    spectrum = xp.linalg.eigvalsh(h @ xp.matrix_transpose(h))
    middle = xp.median(spectrum, axis=-1) + xp.quantile(spectrum, 0.5, axis=-1)
    return {"quantity": middle / 2 + rng.normal((size,)) + xp.einsum("nij,nij->n", h, h) / 4 - 1}


def test_an_experiment_runs_on_the_device_and_comes_back_once_a_batch(xp):
    decides = MeanEquals(quantity=sympy.Symbol("q"), bound=sympy.Integer(1), tol=0.2)
    one = claim(decides, chain, samples={"smoke": 4096}, block=16)
    lab = Laboratory(one, one.evidence[0], Case({}), seed=0, rows=16, device="cuda")
    before = dict(fake_cupy.counts)
    rows = lab.run(0, 8)
    assert fake_cupy.counts["to host"] == before["to host"] + 1
    assert fake_cupy.counts["launches"] == before["launches"] + 7
    halves = [lab.run(k, 4)["quantity"] for k in (4, 0)]
    assert np.array_equal(rows["quantity"], np.concatenate(halves[::-1]))
    outcomes = [run_experiment(one, one.evidence[0], Case({}), seed=0, device=d) for d in ("cuda", "cuda", "cpu")]
    assert [o.verdict for o in outcomes] == ["pass"] * 3 and [o.device for o in outcomes] == ["cuda", "cuda", "cpu"]
    assert outcomes[0].estimate == outcomes[1].estimate != outcomes[2].estimate


def test_a_violation_found_on_the_device_is_confirmed_and_replayed_on_the_host(xp):
    rows = lambda xp, rng, case, size: {"quantity": xp.abs(rng.uniform((size,))) * 1.5}
    one = claim(SureBound(quantity=sympy.Symbol("q"), bound=sympy.Integer(1)), rows, samples={"smoke": 512})
    outcome = run_experiment(one, one.evidence[0], Case({}), seed=0, device="cuda")
    assert outcome.verdict == "fail"
    lab = Laboratory(one, one.evidence[0], Case({}), seed=0, rows=8, device="cuda")
    found, recorder = lab.record(0)
    assert isinstance(recorder, Recorder)
    row = recorder.row(3)
    assert all(type(p.array) is np.ndarray for p in row)
    host = Laboratory(one, one.evidence[0], Case({}), seed=0, rows=8, device="cpu")
    assert host.run_on(Replayer(row), 1)["quantity"][0] == found["quantity"][3]


# A run that goes on until every row is done has to ask whether they are.
ASKS = {("scaledgd-lambda.iteration-count", "whole_runs")}


def test_every_experiment_of_the_catalogue_runs_and_comes_back_once(xp):
    settings = {"tier": "smoke", "seed": 0, "overrides": {}}
    for source in catalogue_sources():
        for one in load(source):
            for evidence in one.evidence:
                if evidence.kind != "experiment":
                    continue
                case = draw(one, evidence, settings)[0]
                lab = Laboratory(one, evidence, case, seed=0, rows=2, device="cuda")
                before = fake_cupy.counts["to host"]
                lab.run(0, 2)
                assert fake_cupy.counts["to host"] == before + 1 or (one.id, evidence.name) in ASKS, one.id
