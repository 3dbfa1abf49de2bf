"""Rational functions of one variable are >= 0 on an interval: exact, by root isolation (SymPy)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from ..errors import ProofError


def nonnegative(expr: Any, x: Any, low: Any, high: Any, open_low: bool, open_high: bool) -> bool:
    """True if expr > 0 at every x of the interval, False if only expr >= 0.

    Parameters
    ----------
    low, high : rational or infinite; ``open_low`` and ``open_high`` say which of them x never reaches

    Raises
    ------
    ProofError
        expr is negative somewhere, has a pole there, or is no rational function over Q
    """
    rootless = lambda p: not p.is_zero and _roots_inside(p, low, high, open_low, open_high) == 0
    top, bottom = _fraction(expr, x, rootless)
    product = top * bottom
    if not _nonnegative_on(product, low, high):
        raise ProofError(f"{expr} takes negative values on [{low}, {high}]")
    return bool(rootless(product))


def _fraction(e: Any, x: Any, nowhere_zero: Callable[[Any], bool]) -> tuple[Any, Any]:
    """(numerator, denominator) of a rational function of x, nothing cancelled; each base of a negative power is
    ``nowhere_zero``, so the product of the two has the function's sign.
    """
    poly = lambda c: sympy.Poly(c, x, domain="QQ")
    if e == x or e.is_Rational:
        return poly(e), poly(1)
    if e.is_Add or e.is_Mul:
        top, bottom = _fraction(e.args[0], x, nowhere_zero)
        for a in e.args[1:]:
            u, v = _fraction(a, x, nowhere_zero)
            top, bottom = (top * v + u * bottom if e.is_Add else top * u), bottom * v
        return top, bottom
    if e.is_Pow and e.exp.is_Integer:
        top, bottom = _fraction(e.base, x, nowhere_zero)
        if e.exp >= 0:
            return top ** int(e.exp), bottom ** int(e.exp)
        if not nowhere_zero(top):
            raise ProofError(f"division by {e.base}, which has a root in the interval")
        return bottom ** int(-e.exp), top ** int(-e.exp)
    raise ProofError(f"{e} is no rational function of {x} with rational coefficients")


def _roots_inside(poly: Any, low: Any, high: Any, open_low: bool, open_high: bool) -> int:
    """How many distinct roots the interval holds, each end included unless it is open (or infinite)."""
    if poly.degree() <= 0:
        return 0
    ends = (None if low == -sympy.oo else low, None if high == sympy.oo else high)
    missed = sum(
        1
        for end, is_open in zip(ends, (open_low, open_high), strict=True)
        if end is not None and is_open and poly.eval(end) == 0
    )
    square_free = poly.sqf_part()
    return int(square_free.count_roots(*ends)) - missed


def _nonnegative_on(poly: Any, low: Any, high: Any) -> bool:
    """Whether a rational polynomial is >= 0 on an interval: no sign change inside, one value >= 0."""
    if poly.is_zero:
        return True
    low, high = sympy.sympify(low), sympy.sympify(high)
    points = [p for p in (low, high) if p.is_finite]
    _, factors = sympy.factor_list(poly)
    for factor, multiplicity in factors:
        if multiplicity % 2 == 0 or factor.degree() == 0:
            continue
        inside = factor.count_roots(None if low == -sympy.oo else low, None if high == sympy.oo else high) - sum(
            1 for p in set(points) if factor.eval(p) == 0
        )
        if inside:
            return False
    if low.is_finite and high.is_finite:
        probes = [low + (high - low) * sympy.Rational(k, poly.degree() + 2) for k in range(1, poly.degree() + 2)]
    elif low.is_finite:
        probes = [low + k for k in range(1, poly.degree() + 2)]
    else:
        probes = [(high if high.is_finite else 0) - k for k in range(1, poly.degree() + 2)]
    values = [poly.eval(p) for p in probes]
    return all(v >= 0 for v in values) and any(v > 0 for v in values)
