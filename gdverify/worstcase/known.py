"""Multipliers known in closed form: a certificate without solving anything.

Whatever stands here is checked like every other certificate; a wrong formula proves nothing.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..errors import ClaimError
from .rows import exact


def gradient_descent(
    steps: int, L: Any, gamma: Any, *, function: str = "f", start: str = "assumed equality 0"
) -> dict[str, Fraction]:
    """Multipliers of f(x_N) - f(x_star) <= L |x_0 - x_star|^2 / (2 (2 N gamma L + 1)), for `Problem.multipliers`.

    f convex and L-smooth, N >= 1 gradient steps of constant size 0 < gamma <= 1/L.  Y. Drori, M. Teboulle, Performance
    of first-order methods for smooth convex minimization, Mathematical Programming 145 (2014), proof of Theorem 3.1:
    lambda_i = i/(2N + 1 - i) for x_{i-1} -> x_i; lambda_1, lambda_{i+1} - lambda_i, 1 - lambda_N for x_star -> x_i.

    Parameters
    ----------
    function : name of the function in the problem, whose points are x_0, ..., x_N
    start : label of the row |x_0 - x_star|^2 = R^2

    Raises
    ------
    ClaimError
        a step size outside (0, 1/L], or no step
    """
    L, gamma, n = exact(L), exact(gamma), int(steps)
    if n < 1 or not 0 < gamma * L <= 1:
        raise ClaimError("closed-form multipliers of gradient descent need N >= 1 and 0 < gamma <= 1/L")
    path = [Fraction(0), *(Fraction(i, 2 * n + 1 - i) for i in range(1, n + 1)), Fraction(1)]
    out = {f"{function}: x_{i - 1} -> x_{i}": path[i] for i in range(1, n + 1)}
    out |= {f"{function}: x_star -> x_{i}": path[i + 1] - path[i] for i in range(n + 1)}
    return out | {start: -L / (2 * (2 * n * gamma * L + 1))}
