"""Rules for equations between matrices, traces and determinants."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .certificate import Checker, Step
from .equals import cancel
from .poly import Quot, number
from .premises import expect, field, require, steps, tree, uses
from .terms import (
    Malformed,
    Tree,
    Unknown,
    is_matrix,
    mul,
    nodes,
)


def matrix_identity(c: Checker, s: Step) -> None:
    require(s.relation == "==" and is_matrix(s.left), "no matrix equation")
    cancel(c, c.difference(s.left, s.right), steps(c, s, "using"))


def matrix_certificate(c: Checker, s: Step) -> None:
    require(s.relation == "==" and is_matrix(s.left), "no matrix equation")
    terms = c.difference(s.left, s.right)
    for entry in field(s, "combine"):
        if not isinstance(entry, list) or len(entry) != 2:
            raise Malformed("combine holds pairs")
        m, fact = c.tree(entry[0]), c.premise(entry[1])
        require(fact.relation == "==" and is_matrix(fact.left), f"step {fact.n} is no matrix equation")
        require(c.same_shape(c.shape(fact.left), c.shape(s.left)), "the shapes differ")
        c.accumulate(terms, c.difference(fact.left, fact.right), -c.form(m))
    cancel(c, {w: v for w, v in terms.items() if v.num}, steps(c, s, "using"))


def _equation(c: Checker, s: Step) -> Step:
    (fact,) = uses(c, s, 1)
    require(fact.relation == "==" and is_matrix(fact.left), "no matrix equation")
    return fact


def sandwich(c: Checker, s: Step) -> None:
    fact = _equation(c, s)
    around = [c.tree(s.witness[k]) if s.witness.get(k) is not None else None for k in ("left", "right")]
    sides = []
    for side in (fact.left, fact.right):
        factors = [x for x in (around[0], side, around[1]) if x is not None]
        sides.append(("m*", Fraction(1), *factors))
    expect(c, s, sides[0], "==", sides[1])


def trace(c: Checker, s: Step) -> None:
    fact = _equation(c, s)
    expect(c, s, ("trace", fact.left), "==", ("trace", fact.right))


def submultiplicative(c: Checker, s: Step) -> None:
    x, y = tree(c, s, "x"), tree(c, s, "y")
    norm = lambda *m: ("trace", ("m*", Fraction(1), ("T", ("m*", Fraction(1), *m)), *m))
    expect(c, s, mul(norm(x), norm(y)), ">=", norm(x, y))


def determinant(c: Checker, s: Step) -> None:
    fact = _equation(c, s)
    require(s.relation == "==", "the relation should be ==")
    rows, columns = c.shape(fact.left)
    require(not (rows - columns).num, "the determinant of a matrix that is not square")
    for side, given in ((fact.left, s.left), (fact.right, s.right)):
        (scale, factors), (stated, others) = det(c, side), factors_of(c, given)
        require(not (scale - stated).num and factors == others, "not the determinant")


Det = tuple[Quot, dict[Any, int]]


def det(c: Checker, m: Tree) -> Det:
    """det as a number and {determinant of what is not split: exponent}; det(c A) = c^n det A for n rows."""
    if m[0] == "T":
        return det(c, m[1])
    if m[0] == "inv":
        scale, factors = det(c, m[1])
        if (scale - number(1)).num:
            raise Unknown("the determinant of the inverse of a multiple")
        return scale, {k: -e for k, e in factors.items()}
    if m[0] == "id":
        return number(1), {}
    if m[0] == "m*" and all(not (a - b).num for a, b in map(c.shape, m[2:])):
        scale = number(1) if m[1] == 1 else c.raised(m[1], c.shape(m)[0])
        return _det_product(scale, [det(c, x) for x in m[2:]])
    return number(1), {m: 1}


def _det_product(scale: Quot, parts: list[Det]) -> Det:
    out: dict[Any, int] = {}
    for number_, factors in parts:
        scale = scale * number_
        for k, e in factors.items():
            out[k] = out.get(k, 0) + e
    return scale, {k: e for k, e in out.items() if e}


def factors_of(c: Checker, t: Tree) -> Det:
    """A product of determinants, their whole powers, and numbers."""
    if not any(isinstance(x, tuple) and x[0] == "det" for x in nodes(t)):
        return c.form(t), {}
    if t[0] == "det":
        return det(c, t[1])
    if t[0] == "^" and not isinstance(t[2], tuple) and t[2].denominator == 1:
        scale, factors = factors_of(c, t[1])
        e = int(t[2])
        require(e >= 0 or not (scale - number(1)).num, "a division by a number, hidden in a power")
        return scale**e, {k: j * e for k, j in factors.items() if e}
    require(t[0] == "*", "no product of determinants")
    return _det_product(number(1), [factors_of(c, x) for x in t[1:]])
