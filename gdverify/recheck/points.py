"""Identities in one integer, by exact evaluation at more integers than the degree."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from .normal import Symbol
from .terms import Rejected, Tree, add, bound, free, is_matrix, neg, nodes, sub

if TYPE_CHECKING:
    from .certificate import Checker

MAX_DEGREE = 40
MAX_TERMS = 20_000  # of the sums written out


def by_points(c: Checker, left: Tree, right: Tree, name: str) -> None:
    """left == right for every integer ``name`` from its lower end on, or `Rejected`.

    Both are quotients of polynomials in the integer; a sum counts as a polynomial of one degree more than its terms,
    if its ends are integers of degree at most one and its range is proved to be one.  They agree at D + 1 integers of
    the domain, where D bounds the degree of the numerator of their difference.
    """
    d = c.symbols[name]
    if not (d.integer and isinstance(d.low, Fraction) and d.low.denominator == 1 and d.high is None):
        raise Rejected(f"{name} does not run over all integers from a given one on")
    tied = [e for n, o in c.symbols.items() if n != name for e in (o.low, o.high, c.defines.get(n)) if e is not None]
    if name in c.defines or any(name in free(e) for e in tied):
        raise Rejected(f"other symbols are tied to {name}")
    if any(is_matrix(x) for t in (left, right) for x in nodes(t)):
        raise Rejected("matrices are not evaluated point by point")
    c.form(left)  # defined
    c.form(right)
    up, down = _degrees(c, left, name, frozenset((name,)))
    other_up, other_down = _degrees(c, right, name, frozenset((name,)))
    degree = max(up + other_down, other_up + down)
    if degree > MAX_DEGREE:
        raise Rejected("the degree is too high for evaluation point by point")
    budget = [MAX_TERMS]
    for k in range(degree + 1):
        at = {name: d.low + k}
        if c.form(sub(_written(c, left, at, budget), _written(c, right, at, budget))).num:
            raise Rejected(f"not an identity: it fails at {name} = {d.low + k}")


def _degrees(c: Checker, t: Tree, name: str, moving: frozenset[str]) -> tuple[int, int]:
    """Bounds of the total degrees of numerator and denominator in the moving names."""
    if not (free(t) & moving) and not any(isinstance(x, tuple) and x[0] == "sum" for x in nodes(t)):
        return 0, 0
    if t[0] == "sym":
        return 1, 0
    if t[0] == "+":
        up, down = 0, 0
        for a in t[1:]:
            u, v = _degrees(c, a, name, moving)
            up, down = max(up + v, u + down), down + v
        return up, down
    if t[0] == "*":
        parts = [_degrees(c, a, name, moving) for a in t[1:]]
        return sum(u for u, _ in parts), sum(v for _, v in parts)
    if t[0] == "^" and isinstance(t[2], Fraction) and t[2].denominator == 1:
        u, v = _degrees(c, t[1], name, moving)
        k = int(t[2])
        return (u * k, v * k) if k >= 0 else (-v * k, -u * k)
    if t[0] == "sum":
        return _sum_degree(c, t, name, moving), 0
    raise Rejected(f"not known to be a rational function of {name}")


def _sum_degree(c: Checker, t: Tree, name: str, moving: frozenset[str]) -> int:
    _, body, k, low, high = t
    if k in c.symbols or k in moving or k in bound(body) | free(low) | free(high):
        raise Rejected(f"{k} is in use already")
    for end in (low, high):
        if not c.integer(end) or _degrees(c, end, name, moving) not in ((0, 0), (1, 0)):
            raise Rejected("an end of a sum is no integer of degree at most one")
    if not c.nonnegative(add(high, neg(low), Fraction(1))):
        raise Rejected("the range of a sum is not proved to be one")
    c.symbols[k] = Symbol(k, low, high, integer=True)
    c.forget()
    c._memo.clear()
    try:
        up, down = _degrees(c, body, name, moving | {k})
    finally:
        del c.symbols[k]
        c.forget()
        c._memo.clear()
    if down:
        raise Rejected("the terms of a sum are no polynomial")
    return up + 1


def _written(c: Checker, t: Tree, values: dict[str, Fraction], budget: list[int]) -> Tree:
    """The expression at integers, its sums written out."""
    if not isinstance(t, tuple):
        return t
    if t[0] == "sym":
        return values.get(t[1], t)
    if t[0] != "sum":
        return (t[0], *(a if isinstance(a, str) else _written(c, a, values, budget) for a in t[1:]))
    _, body, k, low, high = t
    ends = []
    for end in (low, high):
        value = c.form(_written(c, end, values, budget))
        constant = value.num.get((), Fraction(0))
        if value.den or set(value.num) - {()} or constant.denominator != 1:
            raise Rejected("an end of a sum is no integer once the variables are")
        ends.append(int(constant))
    first, last = ends
    budget[0] -= max(0, last - first + 1)
    if last < first - 1 or budget[0] < 0:
        raise Rejected("a sum over no range, or over too long a one")
    return add(*(_written(c, body, {**values, k: Fraction(j)}, budget) for j in range(first, last + 1)))
