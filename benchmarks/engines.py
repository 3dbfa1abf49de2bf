"""Three estimators, each as a loop, vectorised, compiled by JAX, by neural-tangents where it applies, and by gdverify.

Every contender averages the same number of samples of the same quantity, in float64 and on one core; gdverify checks
the values, keys its streams by block and decides the claim besides, once with all the samples and once stopping when
it knows.  Contenders take turns; processor time, medians.  What a compiler takes is said apart.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from gdverify.claim import Claim, Paper
from gdverify.decision import MeanBound, MeanEquals
from gdverify.domain import Case
from gdverify.experiment.engine import run_experiment
from gdverify.experiment.laboratory import Laboratory

from .machine import interleaved, ratio, table

PACKAGES = ("gdverify", "numpy", "scipy", "jax", "neural-tangents")


@dataclass
class Estimator:
    """``loop`` and ``vector`` give the mean over ``count`` samples; ``simulate`` is the same for the engine."""

    title: str
    decides: Any
    simulate: Callable[..., dict[str, Any]]
    per_row: int
    count: int
    block: int
    loop: Callable[[np.random.Generator, int], float]
    vector: Callable[[np.random.Generator, int], float]
    jax: Callable[[], dict[str, Callable[[int, int], float]]]

    def claim(self) -> Claim:
        claim = Claim(
            id="benchmark.engine", title=self.title, paper=Paper("benchmark", "Benchmark"), locator="none",
            statement="none", symbols={}, decides=self.decides,
        )  # fmt: skip
        claim.experiment(samples={"smoke": self.count // self.per_row}, block=self.block)(self.simulate)
        return claim


# -- (1) a deep random network with batch normalisation: how far the rows are from orthogonal -----

WIDTH, DEPTH, BATCH, CHUNK = 64, 16, 4, 128


def bn_gap(xp, rng, case, size):
    h = xp.eye(WIDTH)[:, :BATCH] + 0.5 * xp.ones((WIDTH, BATCH))
    for _ in range(DEPTH):
        h = rng.normal((size, WIDTH, WIDTH)) @ h
        h = h / xp.sqrt(xp.sum(h * h, axis=-1, keepdims=True))
    gram = xp.matrix_transpose(h) @ h / WIDTH - xp.eye(BATCH) / BATCH
    return {"quantity": xp.sqrt(xp.sum(gram * gram, axis=(-1, -2)))}


def bn_loop(rng, count):
    total = 0.0
    for _ in range(count):
        h = np.eye(WIDTH)[:, :BATCH] + 0.5
        for _ in range(DEPTH):
            h = rng.standard_normal((WIDTH, WIDTH)) @ h
            h = h / np.sqrt(np.sum(h * h, axis=1, keepdims=True))
        total += np.linalg.norm(h.T @ h / WIDTH - np.eye(BATCH) / BATCH)
    return total / count


class _Plain:
    """The engine's ``rng`` as a bare generator, in ``CHUNK``-sized batches."""

    def __init__(self, rng: np.random.Generator):
        self.normal = rng.standard_normal


def chunked(simulate, chunk):
    import array_api_compat.numpy as xp

    def vector(rng, count):
        parts = [simulate(xp, _Plain(rng), None, chunk)["quantity"] for _ in range(count // chunk)]
        return float(np.mean(parts))

    return vector


def jitted(sample: Callable[[Any, Any], Any], chunk: int) -> Callable[[int, int], float]:
    import jax

    @jax.jit
    def batch(key):
        return jax.numpy.mean(jax.vmap(lambda k: sample(jax, k))(jax.random.split(key, chunk)))

    def run(seed, count):
        keys = jax.random.split(jax.random.PRNGKey(seed), count // chunk)
        return float(np.mean([batch(key) for key in keys]))

    return run


def bn_jax():
    def sample(jax, key):
        np_ = jax.numpy

        def layer(h, key):
            h = jax.random.normal(key, (WIDTH, WIDTH)) @ h
            return h / np_.sqrt(np_.sum(h * h, axis=1, keepdims=True)), None

        start = np_.eye(WIDTH)[:, :BATCH] + 0.5
        h, _ = jax.lax.scan(layer, start, jax.random.split(key, DEPTH))
        return np_.linalg.norm(h.T @ h / WIDTH - np_.eye(BATCH) / BATCH)

    return {"JAX, jit and vmap": jitted(sample, CHUNK)}


# -- (2) the empirical tangent kernel of one hidden ReLU layer -----

INPUTS, HIDDEN, NETS = 16, 128, 16
PEER = 256  # networks in one call of neural-tangents, which takes them one by one
RHO = 0.5
X = np.eye(INPUTS)[0]
Y = RHO * np.eye(INPUTS)[0] + np.sqrt(1 - RHO**2) * np.eye(INPUTS)[1]


def ntk(xp, rng, case, size):
    weights = rng.normal((size, NETS, HIDDEN, INPUTS))
    u, v = weights @ xp.asarray(X), weights @ xp.asarray(Y)
    out = rng.normal((size, NETS, HIDDEN))
    both = xp.astype((u > 0) & (v > 0), xp.float64)
    return {"quantity": xp.mean(both * (u * v + RHO * out * out), axis=(-1, -2))}


def ntk_loop(rng, count):
    total = 0.0
    for _ in range(count):
        weights, out = rng.standard_normal((HIDDEN, INPUTS)), rng.standard_normal(HIDDEN)
        u, v = weights @ X, weights @ Y
        both = (u > 0) & (v > 0)
        total += np.mean(np.maximum(u, 0) * np.maximum(v, 0) + both * out**2 * RHO)
    return total / count


def ntk_vector(rng, count):
    rows = chunked(ntk, CHUNK // 4)
    return rows(rng, count // NETS)


def ntk_jax():
    def closed(jax, key):
        np_ = jax.numpy
        a, b = jax.random.split(key)
        weights, out = jax.random.normal(a, (HIDDEN, INPUTS)), jax.random.normal(b, (HIDDEN,))
        u, v = weights @ X, weights @ Y
        both = (u > 0) & (v > 0)
        return np_.mean(np_.maximum(u, 0) * np_.maximum(v, 0) + both * out**2 * RHO)

    def gradients(jax, key):
        np_ = jax.numpy
        a, b = jax.random.split(key)
        parameters = jax.random.normal(a, (HIDDEN, INPUTS)), jax.random.normal(b, (HIDDEN,))
        network = lambda p, x: p[1] @ np_.maximum(p[0] @ x, 0) / np_.sqrt(HIDDEN)
        one, two = (jax.grad(network)(parameters, x) for x in (X, Y))
        return sum(np_.sum(g * h) for g, h in zip(one, two, strict=True))

    out = {"JAX, jit and vmap": jitted(closed, 512), "JAX, gradients by jit and vmap": jitted(gradients, 512)}
    try:
        import jax
        import neural_tangents
        from neural_tangents import stax
    except ImportError:  # it needs JAX below 0.5
        return out
    init, apply, _ = stax.serial(stax.Dense(HIDDEN), stax.Relu(), stax.Dense(1))

    kernel = neural_tangents.monte_carlo_kernel_fn(init, apply, jax.random.PRNGKey(0), PEER)  # compiled once

    def tangents(seed, count):
        # Its first-layer weights are scaled by 1/sqrt(inputs): inputs of norm sqrt(inputs) give ours.
        return float(kernel(X[None] * np.sqrt(INPUTS), Y[None] * np.sqrt(INPUTS), "ntk")[0, 0])

    return out | {"neural-tangents, Monte Carlo kernel": tangents}


angle = float(np.arccos(RHO))
KERNEL = (np.sin(angle) + 2 * (np.pi - angle) * RHO) / (2 * np.pi)

# -- (3) the loss of linear attention that takes one step of gradient descent -----

DIM, EXAMPLES, PROMPTS, STEP = 8, 16, 32, 0.5


def attention(xp, rng, case, size):
    shape = (size, PROMPTS)
    data, task = rng.normal((*shape, EXAMPLES, DIM)), rng.normal((*shape, DIM, 1))
    query = rng.normal((*shape, 1, DIM))
    learnt = STEP / EXAMPLES * (xp.matrix_transpose(data) @ (data @ task))
    gap = (query @ (task - learnt))[..., 0, 0]
    return {"quantity": xp.mean(gap * gap, axis=-1)}


def attention_loop(rng, count):
    total = 0.0
    for _ in range(count):
        data, task, query = rng.standard_normal((EXAMPLES, DIM)), rng.standard_normal(DIM), rng.standard_normal(DIM)
        total += (query @ (task - STEP / EXAMPLES * (data.T @ (data @ task)))) ** 2
    return total / count


def attention_vector(rng, count):
    rows = chunked(attention, CHUNK)
    return rows(rng, count // PROMPTS)


def attention_jax():
    def sample(jax, key):
        a, b, c = jax.random.split(key, 3)
        data, task = jax.random.normal(a, (EXAMPLES, DIM)), jax.random.normal(b, (DIM,))
        return (jax.random.normal(c, (DIM,)) @ (task - STEP / EXAMPLES * (data.T @ (data @ task)))) ** 2

    return {"JAX, jit and vmap": jitted(sample, 4096)}


LOSS = DIM * ((1 - STEP) ** 2 + STEP**2 * (DIM + 1) / EXAMPLES)

ESTIMATORS = [
    Estimator(
        f"Deep random network with batch normalisation (width {WIDTH}, {DEPTH} layers, batch {BATCH}): "
        "mean orthogonality gap, claimed to be at most 0.3",
        MeanBound(quantity=sympy.Symbol("V"), bound=sympy.Rational(3, 10), support=(0, 1)),
        bn_gap, 1, 2048, 64, bn_loop, chunked(bn_gap, CHUNK), bn_jax,
    ),
    Estimator(
        f"Tangent kernel of one ReLU layer (width {HIDDEN}, {INPUTS} inputs): mean, claimed to be the limit to 3 %",
        MeanEquals(quantity=sympy.Symbol("Theta"), bound=sympy.Float(KERNEL), tol=0.03),
        ntk, NETS, 16_384, 16, ntk_loop, ntk_vector, ntk_jax,
    ),
    Estimator(
        f"Linear attention at one step of gradient descent (dimension {DIM}, {EXAMPLES} examples): expected loss, "
        "claimed to be its closed form to 5 %",
        MeanEquals(quantity=sympy.Symbol("loss"), bound=sympy.Float(LOSS), tol=0.05),
        attention, PROMPTS, 131_072, 32, attention_loop, attention_vector, attention_jax,
    ),
]  # fmt: skip
SAME, STOPS = "gdverify, the same samples", "gdverify, until it knows"


def compare(one: Estimator, rounds: int) -> list[str]:
    claim = one.claim()
    evidence = claim.evidence[0]
    rows = one.count // one.per_row
    answers: dict[str, float] = {}
    used: dict[str, int] = {}
    notes: list[str] = []
    seed = iter(range(1, 10_000))

    def noted(name: str, run: Callable[[], float]) -> Callable[[], None]:
        def go() -> None:
            answers[name] = run()

        return go

    def all_samples() -> float:
        lab = Laboratory(claim, evidence, Case({}), seed=next(seed), rows=one.block)
        blocks = rows // one.block
        at_once = max(1, CHUNK // one.block)
        values = [lab.run(k, min(at_once, blocks - k))["quantity"] for k in range(0, blocks, at_once)]
        return float(np.mean(np.concatenate(values)))

    def decided() -> float:
        found = run_experiment(claim, evidence, Case({}), seed=next(seed), budget=600.0)
        used[STOPS] = found.samples * one.per_row
        notes[:] = [f"gdverify's verdict: {found.verdict} ({found.message or 'no remark'})."]
        return found.estimate if found.estimate is not None else float("nan")

    contenders: dict[str, Callable[[], Any]] = {
        "NumPy, a loop": noted("NumPy, a loop", lambda: one.loop(np.random.default_rng(next(seed)), one.count)),
        "NumPy, vectorised": noted(
            "NumPy, vectorised", lambda: one.vector(np.random.default_rng(next(seed)), one.count)
        ),
    }
    compiled = {}
    try:
        import jax

        jax.config.update("jax_enable_x64", True)
        for name, run in one.jax().items():
            count = PEER if "neural" in name else one.count
            used[name] = count
            began = time.process_time()
            run(0, count)
            first = time.process_time() - began
            contenders[name] = noted(name, lambda run=run, count=count: run(next(seed), count))  # type: ignore[misc]
            compiled[name] = first
    except ImportError:
        notes.append("JAX is not installed.")
    contenders[SAME] = noted(SAME, all_samples)
    contenders[STOPS] = noted(STOPS, decided)
    decided(), all_samples()
    seconds = interleaved(contenders, rounds)
    base = {name: [s / used.get(name, one.count) for s in times] for name, times in seconds.items()}
    out = []
    for name in contenders:
        middle, count = statistics.median(seconds[name]), used.get(name, one.count)
        warm = f"{compiled[name]:.2g}" if name in compiled else ""
        out.append([
            name, f"{count:,}", f"{answers[name]:.4f}", f"{middle:.3g}", f"{1e6 * middle / count:.3g}", warm,
            f"{ratio(base, name, SAME):.2g}", f"{ratio(seconds, name, STOPS):.2g}" if count == one.count else "",
        ])  # fmt: skip
    head = [
        "contender", "samples", "mean", "CPU s", "µs a sample", "first call, CPU s",
        "per sample, over gdverify", "all, over gdverify stopping",
    ]  # fmt: skip
    return [f"{one.title}.", "", *table(head, out), "", *notes, ""]


def measure(arguments: list[str]) -> list[str]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks engines", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    lines = [f"{options.rounds} rounds in turn; medians; a ratio above 1 says that gdverify is faster.", ""]
    for one in ESTIMATORS:
        lines += compare(one, options.rounds)
    return lines
