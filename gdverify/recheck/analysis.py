"""Rules of calculus: derivatives, tangents, integrals, limits, growth."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .certificate import Checker, Step
from .equals import substituted
from .poly import Quot, number, total
from .premises import ORDER, expect, field, put, require, steps, symbol, tree, untied, untouched, uses
from .terms import (
    Rejected,
    Tree,
    Unknown,
    add,
    free,
    mul,
    nodes,
    sub,
)


def derivative(c: Checker, s: Step) -> None:
    require(isinstance(s.left, tuple) and s.left[0] == "diff" and s.relation == "==", "no derivative")
    name = s.left[2][1] if isinstance(s.left[2], tuple) and s.left[2][0] == "sym" else ""
    require(not (c.slope(c.form(s.left[1]), name) - c.form(s.right)).num, "not the derivative")
    untouched(c, s.premises, name)


def monotone(c: Checker, s: Step) -> None:
    name = symbol(c, s, "x")
    d = c.symbols[name]
    require(d.low is not None and not d.low_open, "no closed lower end")
    slope = c.sign_of(c.slope(c.form(s.left), name))
    require(slope is not None and slope[0] >= 0, "the slope may be negative")
    untied(c, name, s.left)
    untouched(c, s.premises, name)
    expect(c, s, s.left, ">=", put(c, s.left, {name: d.low}))


def tangent(c: Checker, s: Step) -> None:
    name, at = symbol(c, s, "x"), tree(c, s, "at")
    require(c.within(at, name), "the point is not known to be in the domain")
    untied(c, name, s.left)
    value = c.form(s.left)
    c.form(put(c, s.left, {name: at}))
    slope = c.slope(value, name)
    curvature = c.sign_of(c.slope(slope, name))
    require(curvature is not None and curvature[0] >= 0, "the second derivative may be negative")
    untouched(c, s.premises, name)
    require(s.relation == ">=", "the relation should be >=")
    # right - f(at) must be f'(at) (x - at): compare through a polynomial in the atom x
    line = c.form(sub(s.right, put(c, s.left, {name: at})))
    x = c.form(("sym", name))
    (k,) = [n for m in x.num for n, _ in m]
    there = _at(c, slope, k, name, at)
    require(not (line - there * (x - c.form(at))).num, "not the tangent")


def _at(c: Checker, value: Quot, k: int, name: str, at: Tree) -> Quot:
    """A normal form at a point."""
    return c.form(put(c, untree(c, value), {name: at}))


def untree(c: Checker, value: Quot) -> Tree:
    """A normal form as an expression again."""

    def one(k: int) -> Tree:
        a = c.atoms[k]
        if a.kind == "sym":
            return ("sym", a.parts[0])
        if a.kind in ("num",):
            return a.parts[0]
        if a.kind == "const":
            return ("const", "pi")
        if a.kind in ("exp", "abs", "mean"):
            return (a.kind, untree(c, a.parts[0]))
        if a.kind == "log":
            return ("log", untree(c, a.parts[1]))
        if a.kind == "root":
            return untree(c, a.parts[0])
        if a.kind == "pow":
            base = one(a.parts[0]) if isinstance(a.parts[0], int) else a.parts[0]
            return ("^", base, untree(c, a.parts[1]))
        if a.kind == "fun" and all(isinstance(p, Quot) for p in a.parts[2:]):
            return (*a.parts[:2], *(untree(c, p) for p in a.parts[2:]))
        raise Unknown(f"an expression with {a.kind}")

    def poly(p: Any) -> Tree:
        terms = []
        for m, v in sorted(p.items()):
            factors = [v, *(one(k) if e == 1 else ("^", one(k), Fraction(e)) for k, e in m)]
            terms.append(mul(*factors))
        return add(*terms)

    factors = [("^", poly(dict(f)), Fraction(-e)) for f, e in value.den.items()]
    return mul(poly(value.num), *factors)


def integral(c: Checker, s: Step) -> None:
    name = symbol(c, s, "x")
    low, high, function = tree(c, s, "low"), tree(c, s, "high"), tree(c, s, "function")
    whole = tree(c, s, "antiderivative")
    d = c.symbols[name]
    untied(c, name, function, whole)
    require(d.low is not None and c.within(low, name), "the interval is not inside the domain")
    require(d.high is None if high == ("oo",) else c.within(high, name), "the interval is not in the domain")
    require(not c.reduced(c.slope(c.form(whole), name) - c.form(function)).num, "no antiderivative")
    untouched(c, s.premises, name)
    at = lambda v: put(c, whole, {name: v})
    require(s.relation == "==", "the relation should be ==")
    require(c.same(s.left, ("integral", function, name, low, high)), "another integral")
    end = _limit_of(c, s, whole, name) if high == ("oo",) else c.form(at(high))
    require(not c.reduced(end - c.form(at(low)) - c.form(s.right)).num, "not the difference of the antiderivative")


def _limit_of(c: Checker, s: Step, t: Tree, name: str) -> Quot:
    """The limit of an expression as a symbol goes to infinity."""
    runs(c, s, t, name)
    value = c.form(t)
    if name not in c.names_of(value):
        return value
    p, lead = c.leading(value, name)
    if not p.num:
        return lead
    require(c.sign_of(-p) == (1, True), "no finite limit")
    return number(0)


def integral_bound(c: Checker, s: Step) -> None:
    fact, *values = uses(c, s)
    name, low, high = symbol(c, s, "x"), tree(c, s, "low"), tree(c, s, "high")
    d = c.symbols[name]
    for side in (fact.left, fact.right):
        _exists(c, side, name, low, high, values)
    require(
        d.generic and not d.integer and not fact.hypotheses and fact.relation in ORDER,
        "the inequality is not known everywhere",
    )
    require(d.low is not None and c.nonnegative(sub(low, d.low)), "the interval is not inside the domain")
    require(d.high is None or (high != ("oo",) and c.nonnegative(sub(d.high, high))), "outside the domain")
    require(high == ("oo",) or c.nonnegative(sub(high, low)), "the interval is not proved to be one")
    untied(c, name, fact.left, fact.right)
    relation = "==" if fact.relation == "==" else ">="
    expect(c, s, ("integral", fact.left, name, low, high), relation, ("integral", fact.right, name, low, high))


def _exists(c: Checker, side: Tree, name: str, low: Tree, high: Tree, values: list[Step]) -> None:
    """The integral exists: constant or continuous on a closed bounded interval, or a fact gives its value."""
    d = c.symbols[name]
    if side == 0:
        return
    bounded = high != ("oo",) and not (d.low_open and not c.positive(sub(low, d.low)))
    bounded = bounded and not (d.high is not None and d.high_open and not c.positive(sub(d.high, high)))
    if bounded and name not in free(side):
        return
    whole = ("integral", side, name, low, high)
    for v in values:
        if v.relation == "==" and not v.hypotheses and not v.matrix:
            for a, b in ((v.left, v.right), (v.right, v.left)):
                integral = isinstance(a, tuple) and a[0] == "integral"
                plain = not any(isinstance(x, tuple) and x[0] == "integral" for x in nodes(b))
                if integral and plain and c.same(a, whole):
                    return
    require(bounded, "an integral is not known to exist")
    c.slope(c.form(side), name)  # smooth on the whole domain, or refused


def runs(c: Checker, s: Step, t: Tree, name: str) -> None:
    """A symbol may go to infinity while the others stay."""
    d = c.symbols[name]
    require(d.high is None and name not in c.defines, f"{name} does not run to infinity")
    untouched(c, s.premises, name)
    values = ("fun", "inner", "mean", "prob", "trace")
    come = d.generic or not any(isinstance(x, tuple) and x[0] in values for x in nodes(t))
    require(come, f"a value comes out of the instance and may change while {name} grows")
    todo, seen = set(free(t)) - {name}, set()
    while todo:
        n = todo.pop()
        seen.add(n)
        other = c.symbols[n]
        ties = [e for e in (other.low, other.high, c.defines.get(n)) if e is not None]
        require(d.generic or not other.observed, f"{n} comes out of the instance and may change while {name} grows")
        names = {x for e in ties for x in free(e)}
        require(name not in names, f"{n} is tied to {name}")
        todo |= names - seen
    for relation in [r for listed in c.assumed.values() for r in listed]:
        said = free(relation.left) | free(relation.right)
        tied = name in said and (bool(said & seen) or said == {name})
        require(d.generic or not tied, f"an assumption ties {name}")


def limit(c: Checker, s: Step) -> None:
    require(isinstance(s.left, tuple) and s.left[0] == "limit" and s.relation == "->", "no limit")
    name = symbol(c, s, "x")
    require(s.left[2] == ("sym", name), "the limit in another symbol")
    t = substituted(c, s.left[1], steps(c, s, "using"))
    runs(c, s, s.right, name)
    require(name not in free(s.right), "the limit depends on the variable")
    require(not (_limit_of(c, s, t, name) - c.form(s.right)).num, "not the limit")


def growth(c: Checker, s: Step) -> None:
    require(isinstance(s.left, tuple) and s.left[0] == "growth" and s.relation == "==", "no growth exponent")
    name = symbol(c, s, "n")
    require(s.left[2] == ("sym", name), "the growth in another symbol")
    runs(c, s, s.left[1], name)
    p, lead = c.leading(c.form(s.left[1]), name)
    require(c.sign_of(lead) == (1, True), "the leading coefficient is not proved to be positive")
    require(not (c.form(s.right) - p).num, "another exponent")


def decay(c: Checker, s: Step) -> None:
    """left is O(n^-rate)."""
    require(isinstance(s.left, tuple) and s.left[0] == "decay" and s.relation == ">=", "no exponent of decay")
    name = symbol(c, s, "n")
    require(s.left[2] == ("sym", name), "the decay in another symbol")
    t = substituted(c, s.left[1], steps(c, s, "using"))
    runs(c, s, t, name)
    rate = c.form(s.right)
    require(name not in free(s.right) and c.real(rate) and c.steady(rate), "the rate is no real constant")
    value = c.form(t)
    if value.num:
        p, _ = c.leading(value, name)
        found = c.sign_of(-p - rate)
        require(found is not None and found[0] >= 0, "not known to fall that fast")


def geometric(c: Checker, s: Step) -> None:
    """left == r: the expression is k r^n (1 + o(1)) with k > 0, a sum of terms k_j r_j^n with r_j > 0."""
    require(isinstance(s.left, tuple) and s.left[0] == "ratio" and s.relation == "==", "no ratio of growth")
    name = symbol(c, s, "n")
    require(s.left[2] == ("sym", name), "the growth in another symbol")
    runs(c, s, s.left[1], name)
    value = c.form(s.left[1])
    require(all(name not in c.atoms[k].names for f in value.den for m, _ in f for k, _ in m), "a quotient that moves")
    groups: dict[Any, tuple[Quot, list[Quot]]] = {}
    for m, coefficient in value.num.items():
        ratio, rest = number(1), Quot({(): coefficient}, value.den)
        for k, e in m:
            if name in c.atoms[k].names:
                ratio = ratio * _ratio(c, k, e, name)
            else:
                rest = rest * c.one(k, e)
        groups.setdefault(c.reduced(ratio).key(), (c.reduced(ratio), []))[1].append(rest)
    found = [(r, c.reduced(total(parts))) for r, parts in groups.values()]
    found = [(r, lead) for r, lead in found if lead.num]
    for r, lead in found:
        if all(other is r or c.sign_of(r - other) == (1, True) for other, _ in found):
            require(c.sign_of(lead) == (1, True), "the leading coefficient is not proved to be positive")
            require(not c.reduced(c.form(s.right) - r).num, "another ratio")
            return
    raise Rejected("no term is proved to be the largest")


def _ratio(c: Checker, k: int, e: Any, name: str) -> Quot:
    """r of an atom's power that is r^n, r > 0."""
    a = c.atoms[k]
    require(a.kind in ("pow", "exp"), "a factor that is no power r^n")
    base, exponent = (None, a.parts[0]) if a.kind == "exp" else a.parts
    slope = c.reduced(exponent * c.form(("sym", name)) ** -1 * number(e))
    require(name not in c.names_of(slope) and c.real(slope), "an exponent that is no multiple of n")
    if base is None:
        return c._exponential(slope)
    still = not isinstance(base, int) or name not in c.atoms[base].names
    require(still and c._sign_of_base(base) == (1, True), "a base that moves, or is not proved to be positive")
    return c._lift(base, slope)


def taylor(c: Checker, s: Step) -> None:
    """left >= its Taylor polynomial at a point of the domain, for its derivative of the next order is >= 0 (Lagrange).

    The polynomial has the degree order - 1; an odd order needs x >= the point on the whole domain.
    """
    name, at, order = symbol(c, s, "x"), tree(c, s, "at"), field(s, "order")
    d = c.symbols[name]
    require(isinstance(order, int) and not isinstance(order, bool) and 1 <= order <= 12, "an order from 1 to 12")
    require(c.within(at, name), "the point is not known to be in the domain")
    above = order % 2 == 0 or (d.low is not None and c.nonnegative(sub(d.low, at)))
    require(above, "an odd order needs the domain to begin at the point")
    require(name not in free(at) and s.relation == ">=", "the point moves")
    untied(c, name, s.left, at)
    untouched(c, s.premises, name)
    gap = c.form(("sym", name)) - c.form(at)
    slope, polynomial, scale = c.form(s.left), number(0), Fraction(1)
    for k in range(order):
        (j,) = [i for m in c.form(("sym", name)).num for i, _ in m]
        here = c.form(put(c, s.left, {name: at})) if k == 0 else _at(c, slope, j, name, at)
        polynomial = polynomial + here * gap**k * number(scale)
        scale /= k + 1
        slope = c.slope(slope, name)
    found = c.sign_of(slope)
    require(found is not None and found[0] >= 0, "the last derivative may be negative")
    require(not c.reduced(c.form(s.right) - polynomial).num, "not the Taylor polynomial")
