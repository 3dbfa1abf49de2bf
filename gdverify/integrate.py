"""Integrators of flows on batched arrays, of known order, written with elementary operations alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def refined(xp: Any, values: Sequence[Any], order: int = 4) -> tuple[Any, Any]:
    """The last of three values and an estimate of its error, elementwise.

    Parameters
    ----------
    values : the same quantity, which a method of this ``order`` gives with n, 2n and 4n steps

    Returns
    -------
    value, error : the error is twice the last change, or what the one before it lets expect if that is more, where the
        changes shrink as those of the method do or are of the size of rounding.  Elsewhere the steps are too long to
        tell: it grows to far beyond everything that was seen.
    """
    coarse, middle, fine = values
    before, last = xp.abs(middle - coarse), xp.abs(fine - middle)
    size = xp.abs(coarse) + xp.abs(middle) + xp.abs(fine)
    untold = last - before / 2 ** (order / 2) - 1e-13 * size
    change = xp.maximum(last, before / 2**order)  # the last one may vanish where errors of two signs meet
    return fine, 2 * change + 1e-15 * size + 1e6 * xp.maximum(untold, 0 * last)
