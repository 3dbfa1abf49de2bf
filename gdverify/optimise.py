"""Searching for low values from many starts at once: what experiments about minimisers and training run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Point = dict[str, Any]


def descend(
    xp: Any,
    gradient: Callable[..., Point],
    start: Point,
    data: Mapping[str, Any],
    *,
    steps: int,
    rate: float,
) -> Point:
    """Where Adam with a rate that falls to zero ends, for every start (row) by itself.

    Where a search ends is data: in interval arithmetic it is run in floats and its end taken as exact, so that only
    what is computed from there on needs enclosing.

    Parameters
    ----------
    gradient : ``gradient(xp, point, data)`` returns the gradient by name, in the shapes of ``point``
    start : arrays by name, rows first
    data : what the gradient needs besides (arrays by name)
    steps : number of steps
    rate : first step of every coordinate, in units of the root mean square of the row's starting array

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", 2015.
    """
    from .experiment.backend import namespace

    work = namespace("cpu") if xp.interval else xp
    move = (lambda v: work.from_host(xp.to_host(v))) if xp.interval else work.asarray  # nothing leaves a GPU
    here = {k: move(v) for k, v in start.items()}
    known = {k: move(v) for k, v in data.items()}
    unit = {}
    for k, v in here.items():  # row by row, so that a row's path does not depend on its neighbours
        size = work.sqrt(work.mean(v * v, axis=tuple(range(1, v.ndim)), keepdims=True))
        unit[k] = rate * work.where(size > 0, size, work.ones_like(size))
    first = {k: work.zeros_like(v) for k, v in here.items()}
    second = {k: work.zeros_like(v) for k, v in here.items()}
    for step in range(1, steps + 1):
        slope = gradient(work, here, known)
        for k, g in slope.items():
            first[k] = 0.9 * first[k] + 0.1 * g
            second[k] = 0.99 * second[k] + 0.01 * g * g
            size = unit[k] * (1 - (step - 1) / steps) / (1 - 0.9**step)
            here[k] = here[k] - size * first[k] / (work.sqrt(second[k] / (1 - 0.99**step)) + 1e-30)
    return {k: xp.from_host(v) for k, v in here.items()} if xp.interval else here
