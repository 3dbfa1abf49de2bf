"""Random functions have exactly the constants that they are said to have: no more curvature, and all of it."""

from __future__ import annotations

import numpy as np
import pytest

from gdverify.experiment.backend import namespace
from gdverify.experiment.random import Draws, KeyedStreams, stream_key
from gdverify.instances import FiniteSum, balanced_tilts, polyak_lojasiewicz, smooth_convex

SIZE = 512
MU, L = 0.25, 2.0


def draws(device="cpu", *key):
    xp = namespace(device)
    return xp, Draws(xp, KeyedStreams(stream_key("test", *key), 0, 1, SIZE), SIZE)


def host(xp, *arrays):
    return [np.asarray(xp.to_host(a)) for a in arrays]


def pairs(device, make):
    """A function at the origin and at pairs of points, near and far."""
    xp, rng = draws(device)
    start = rng.normal((SIZE, 3))
    F = make(xp, rng, start)
    x = start * rng.uniform((SIZE, 1), 0, 2)
    y = x + rng.normal((SIZE, 3)) * xp.pow(xp.asarray(10.0), -4 * rng.uniform((SIZE, 1)))
    out = host(xp, F.value(x), F.value(y), F.grad(x), F.grad(y), F.value(0 * x), F.grad(0 * x))
    return *host(xp, x, y), *out


@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_smooth_convex_functions_have_their_curvature(device):
    x, y, fx, fy, gx, gy, f0, g0 = pairs(device, lambda xp, rng, s: smooth_convex(xp, rng, s, MU, L, 0.1))
    assert np.all(f0 == 0) and np.all(g0 == 0)
    dx, dg = x - y, gx - gy
    # The one inequality that characterises the class (Taylor, Hendrickx, Glineur 2017).
    curved = (dg**2).sum(1) / L + MU * (dx**2).sum(1) - 2 * MU / L * (dg * dx).sum(1)
    slack = fx - fy - (gy * dx).sum(1) - curved / (2 * (1 - MU / L))
    assert slack.min() > -1e-10
    stretch = np.sqrt((dg**2).sum(1) / (dx**2).sum(1))
    assert stretch.max() <= L * (1 + 1e-9)
    assert stretch.max() > 0.999 * L and stretch.min() < 1.001 * MU


@pytest.mark.parametrize("device", ["cpu", "strict"])
def test_pl_functions_have_their_constants(device):
    x, y, fx, fy, gx, gy, f0, g0 = pairs(device, lambda xp, rng, s: polyak_lojasiewicz(xp, rng, s, MU, L))
    assert np.all(f0 == 0) and np.all(g0 == 0)
    steepness = (gx**2).sum(1) / (2 * fx)
    assert steepness.min() >= MU * (1 - 1e-9) and steepness.min() < 1.01 * MU
    dx, dg = y - x, gy - gx
    assert np.sqrt((dg**2).sum(1) / (dx**2).sum(1)).max() <= L * (1 + 1e-9)
    assert np.all(np.abs(fy - fx - (gx * dx).sum(1)) <= L / 2 * (dx**2).sum(1) + 1e-12)
    assert (dg * dx).sum(1).min() < 0  # some are not convex


def test_finite_sums_average_their_parts():
    xp, rng = draws("cpu", "sum")
    c = rng.shared.uniform((4, 3))
    F = FiniteSum(xp, c, balanced_tilts(xp, rng.shared, (4, 3)), xp.asarray([0.5, 1.0, 2.0]))
    x = rng.normal((SIZE, 3))
    mean = sum(F.grad(np.full(SIZE, i), x) for i in range(4)) / 4
    h = 1e-6
    for k in range(3):
        e = h * np.eye(3)[k]
        assert np.allclose((F.value(x + e) - F.value(x - e)) / (2 * h), mean[:, k], atol=1e-5)
    at_solution = [F.grad(np.full(SIZE, i), 0 * x)[0] for i in range(4)]
    assert np.isclose(F.noise(), np.mean([g @ g for g in at_solution]))
