"""Means over infinite width against closed forms, on every namespace; the sampled chain against its mean."""

import numpy as np
import pytest
from scipy.special import digamma

from gdverify.experiment.backend import namespace
from gdverify.experiment.ball import precision
from gdverify.experiment.interval import IntervalNamespace
from gdverify.networks import correlated, gap, gram_chain, gram_step, mean_log, mean_spectrum


class Normals:
    """The one method of ``rng`` that the sampler uses."""

    def __init__(self, xp):
        self.xp, self.rng = xp, np.random.default_rng(0)

    def normal(self, shape):
        return self.xp.asarray(self.rng.standard_normal(shape))


@pytest.mark.parametrize("low", [0.5, 0.1, 1e-3, 1e-6])
def test_two_eigenvalues_in_closed_form(low):
    means, error = mean_spectrum(namespace("cpu"), np.array([[1 - low, low]]))
    exact = np.sqrt(low) / (np.sqrt(low) + np.sqrt(1 - low))
    assert abs(means[0, 1] - exact) <= error[0] < 1e-9


def test_two_levels_follow_the_beta_law():
    """Share of the upper level of 32 + 32 eigenvalues: (1 + e')/2 with e' = e E[(1 - u^2)/(1 - e^2 u^2)]."""
    e, beta = 0.5, np.random.default_rng(0).beta(16, 16, 400_000)
    u2 = (2 * beta - 1) ** 2
    sampled = e * (1 - u2) / (1 - e**2 * u2)
    values = np.repeat([(1 + e) / 64, (1 - e) / 64], 32)
    means, _ = mean_spectrum(namespace("cpu"), values[None, :])
    assert abs(64 * means[0, 0] - 1 - sampled.mean()) < 5 * sampled.std() / np.sqrt(sampled.size)


def test_interval_enclosure_holds_the_float_value():
    values = np.array([[0.7, 0.2, 0.1]])
    means, error = mean_spectrum(namespace("cpu"), values)
    with precision(106, 30):
        xp = IntervalNamespace()
        enclosed, missing = mean_spectrum(xp, xp.from_host(values))
        assert missing[0] > 0
        for k in range(3):
            assert abs(enclosed[0, k].middle() - means[0, k]) < 1e-12
    assert error[0] < 1e-9


def test_mean_log_of_equal_eigenvalues():
    for n in (2, 3, 8):
        value = mean_log(namespace("cpu"), np.full((1, n), 1 / n))[0]
        assert value == pytest.approx(digamma(n / 2) + np.log(2 / n), abs=1e-7)


@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_one_layer_averages_to_the_mean_spectrum(device):
    xp = namespace(device)
    values = np.array([0.6, 0.25, 0.15])
    factor = xp.broadcast_to(xp.asarray(np.diag(np.sqrt(values))), (500, 3, 3))
    gram = xp.to_host(gram_step(xp, Normals(xp), factor, 200))
    means, _ = mean_spectrum(namespace("cpu"), values[None, :])
    assert np.allclose(np.trace(gram, axis1=1, axis2=2), 1)
    assert np.abs(gram.mean(axis=0) - np.diag(means[0])).max() < 5 / np.sqrt(500 * 200)


def test_chain_reaches_its_floor():
    xp, n, d = namespace("cpu"), 3, 100
    spectra = gram_chain(xp, Normals(xp), correlated(xp, 400, n, 0.9), d, 20)
    level = (n - 1) * (n + 2) ** 2 / (4 * n * (n + 1))
    assert d * np.mean(gap(xp, spectra[-1]) ** 2) == pytest.approx(level, rel=0.25)
    assert np.mean(gap(xp, spectra[0])) > 3 * np.mean(gap(xp, spectra[-1]))
