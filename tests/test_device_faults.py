"""A device whose memory is small, or that stops answering mid-run: the same numbers, or *error*; never a verdict."""

import pytest
import sympy

from gdverify import Claim, MeanEquals, Paper
from gdverify.domain import Case
from gdverify.experiment import backend, engine

Q = sympy.Symbol("q", real=True)


class OutOfMemoryError(Exception):
    """As CuPy's, which is no MemoryError."""


class CUDARuntimeError(RuntimeError):
    pass


class Device(backend.Namespace):
    """A namespace that stands for a device: NumPy, with a fault in it."""

    def __init__(self, fault):
        self.__dict__.update(backend.namespace("cpu").__dict__)
        self.linalg = backend.namespace("cpu").linalg
        self.fault, self.released = fault, 0

    def from_host(self, array):
        self.fault(array)
        return array

    def release(self):
        self.released += 1


@pytest.fixture
def run(monkeypatch):
    def call(fault=None, **how):
        device = Device(fault) if fault else backend.namespace("cpu")
        real = backend.namespace
        chosen = lambda name="cpu": device if name == "cuda" else real(name)
        monkeypatch.setattr("gdverify.experiment.laboratory.namespace", chosen)
        claim = Claim(
            id="toy.mean", title="t", paper=Paper("toy", "T"), locator="l", statement="s", symbols={},
            decides=MeanEquals(Q, 1),
        )  # fmt: skip

        @claim.experiment(samples={"smoke": 20_000})
        def squares(xp, rng, case, size):
            return {"quantity": rng.normal((size,)) ** 2}

        found = engine.run_experiment(claim, claim.evidence[0], Case({}), device="cuda" if fault else "cpu", **how)
        return found, device

    return call


def numbers(found):
    return found.verdict, found.estimate, found.interval, found.samples


def small(array):
    if array.nbytes > 3000 * 8:
        raise OutOfMemoryError("out of memory allocating")


def lost(after):
    count = 0

    def fault(array):
        nonlocal count
        count += 1
        if count > after:
            raise CUDARuntimeError("cudaErrorECCUncorrectable: uncorrectable ECC error encountered")

    return fault


def test_batches_shrink_to_the_device(run):
    found, device = run(small)
    assert device.released > 0 and numbers(found) == numbers(run()[0]) and found.verdict == "pass"


def test_a_block_that_does_not_fit_is_an_error(run):
    found, _ = run(lambda array: small(array.repeat(10**4)))
    assert found.verdict == "error" and "does not fit in memory" in found.message


@pytest.mark.parametrize("after", [0, 1, 5, 9])
def test_a_lost_device_is_an_error(run, after):
    found, _ = run(lost(after))
    assert found.verdict == "error" and "the device was lost" in found.message and found.estimate is None


@pytest.mark.parametrize("after", [0, 5])
def test_or_the_case_starts_again_on_the_cpu(run, after):
    found, _ = run(lost(after), on_device_loss="cpu")
    assert numbers(found) == numbers(run()[0]) and found.device == "cpu" and "again on the CPU" in found.message
