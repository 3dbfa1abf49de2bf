"""Equals for equals: an expression after equations were put in, and whether it vanishes then."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from . import terms
from .certificate import Checker, Step
from .matrices import Terms
from .poly import Quot, total
from .premises import require
from .terms import (
    Rejected,
    Tree,
    add,
    bound,
    free,
    is_vector,
    mul,
)


def substituted(c: Checker, t: Tree, equations: list[Step]) -> Tree:
    """Scalar and vector equations put in one after the other; matrix equations come into force for traces."""
    for eq in equations:
        require(eq.relation == "==", f"step {eq.n} is no equality")
        if eq.matrix:
            continue
        require(not bound(t) & (free(eq.left) | free(eq.right)), "an equation under a sum speaks of its variable")
        t = replaced_vector(c, t, eq) if is_vector(eq.left) else replaced(c, t, eq)
    matrices = [eq for eq in equations if eq.matrix]
    if matrices:
        rules = [r for eq in matrices for r in c.oriented(eq.left, eq.right)]
        c.forget()
        c._memo.clear()
        c.rules = rules
    return t


def replaced(c: Checker, t: Tree, eq: Step) -> Tree:
    old = eq.left
    require(isinstance(old, tuple) and old[0] not in ("+", "*", "^"), "rewriting needs an atom on the left")
    key = c.form(old).key()

    said = free(eq.left) | free(eq.right)

    def go(x: Tree) -> Tree:
        if not isinstance(x, tuple) or (x[0] in terms.POINTED and free(x[2]) & said):
            return x  # a derivative is no function of the value at one point
        if x[0] == old[0] and (x == old or ((x[1] == old[1] or not isinstance(x[1], str)) and matches(x))):
            return eq.right
        return (x[0], *(a if isinstance(a, str) else go(a) for a in x[1:]))

    def matches(x: Tree) -> bool:
        try:
            return bool(c.form(x).key() == key)
        except Rejected:
            return False

    return go(t)


def replaced_vector(c: Checker, t: Tree, eq: Step) -> Tree:
    (old,) = c.linear(eq.left)

    def matches(x: Tree) -> bool:
        try:
            return set(c.linear(x)) == {old}
        except Rejected:  # it speaks of the variable of a sum, of which the equation knows nothing
            return False

    def side(x: Tree) -> Tree:
        if not isinstance(x, tuple):
            return x
        if x[0] in ("vec", "vecfun"):
            return eq.right if matches(x) else x
        if x[0] in ("+", "*"):
            return (x[0], *(side(a) if is_vector(a) else a for a in x[1:]))
        return x

    said = free(eq.left) | free(eq.right)

    def go(x: Tree) -> Tree:
        if not isinstance(x, tuple) or (x[0] in terms.POINTED and free(x[2]) & said):
            return x
        if x[0] == "inner":
            pairs = [(a, b) for a in spread(side(x[1])) for b in spread(side(x[2]))]
            return add(*(mul(a, b, ("inner", u, v)) for (a, u), (b, v) in pairs))
        return (x[0], *(a if isinstance(a, str) else go(a) for a in x[1:]))

    return go(t)


def spread(v: Tree) -> list[tuple[Tree, Tree]]:
    """A vector expression as terms (coefficient, vector atom)."""
    if not isinstance(v, tuple) or v[0] in ("vec", "vecfun"):
        return [] if not isinstance(v, tuple) else [(Fraction(1), v)]
    if v[0] == "+":
        return [t for a in v[1:] for t in spread(a)]
    (inner,) = [a for a in v[1:] if is_vector(a)]
    rest = [a for a in v[1:] if a is not inner]
    return [(mul(*rest, a), u) for a, u in spread(inner)]


def vanishes(c: Checker, t: Tree, equations: list[Step], hints: Sequence[Tree] = ()) -> bool:
    """Whether an expression is zero once equals are put for equals, in it and in its normal form.

    A product vanishes only if a factor does: it may be multiplied by a hint that is proved to be other than zero.
    """
    value = c.form(substituted(c, t, equations))
    if not value.num:
        return True
    for k, hint in enumerate(hints):
        used = set(c.used)
        try:
            factor = c.form(hint)
            related = any(c.atoms[j].power for m in factor.num for j, _ in m)  # else no product is zero
            if related and not c.reduced(value * factor).num and c.nonzero(hint):
                c.used_hints.add(k)
                return True
        except Rejected:  # too large, or not defined
            pass
        c.used = used
    return take_value(c, value, [eq for eq in equations if not eq.matrix and not is_vector(eq.left)])


def cancel(c: Checker, terms: Terms, using: list[Step]) -> None:
    """A matrix is zero after the equations were put in; scalar ones may give values of symbols in coefficients."""
    for eq in using:
        require(eq.relation == "==", f"step {eq.n} is no equality")
    c.rules = [r for eq in using if eq.matrix for r in c.oriented(eq.left, eq.right)]
    values = [eq for eq in using if not eq.matrix]
    for coefficient in c.rewritten(terms).values():
        if coefficient.num and not take_value(c, coefficient, values):
            raise Rejected("the two sides differ")


def take_value(c: Checker, value: Quot, values: list[Step]) -> bool:
    """Whether a coefficient vanishes once symbols have their values."""
    for eq in values:
        left = c.form(eq.left)
        atoms = [n for m in left.num for n, _ in m]
        if len(atoms) != 1 or left.den or left.num != {((atoms[0], 1),): 1}:
            continue
        value = _set(value, atoms[0], c.form(eq.right))
    return not c.reduced(value).num


def _set(value: Quot, k: int, new: Quot) -> Quot:
    def poly(p: Any) -> Quot:
        parts = []
        for m, coefficient in p.items():
            e = dict(m).get(k, 0)
            require(isinstance(e, int), "a root of a symbol that is replaced")
            rest = Quot({tuple((n, f) for n, f in m if n != k): coefficient})
            parts.append(rest * new**e)
        return total(parts)

    out = poly(value.num)
    for f, e in value.den.items():
        out = out * poly(dict(f)) ** -e
    return out
