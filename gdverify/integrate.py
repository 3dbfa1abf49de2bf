"""Integrators of flows on batched arrays, of known order, written with elementary operations alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

State = tuple[Any, ...]
Field = Callable[..., State]


def _moved(state: State, h: Any, slope: State) -> State:
    return tuple(x + h * v for x, v in zip(state, slope, strict=True))


def euler(field: Field, state: State, h: Any, steps: int) -> State:
    """``steps`` explicit Euler steps of state' = field(*state); ``h`` is a number or broadcasts with every array."""
    for _ in range(steps):
        state = _moved(state, h, field(*state))
    return state


def runge_kutta(field: Field, state: State, h: Any, steps: int) -> State:
    """``steps`` steps of the classical Runge-Kutta method (order 4) of state' = field(*state); ``h`` as in `euler`."""
    for _ in range(steps):
        a = field(*state)
        b = field(*_moved(state, h / 2, a))
        c = field(*_moved(state, h / 2, b))
        e = field(*_moved(state, h, c))
        slope = tuple((p + 2 * q + 2 * r + s) / 6 for p, q, r, s in zip(a, b, c, e, strict=True))
        state = _moved(state, h, slope)
    return state
