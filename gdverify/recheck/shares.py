"""Means over independent standard normal variables of ratios of energies: ("nmean", f), f in ("gauss", i).

The share of w_i is E[w_i z_i^2 / q] with q = sum over j = 1..n of w_j z_j^2, everything but z held fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .normal import Symbol
from .poly import Quot
from .terms import Rejected, Tree, add, free, mul, nodes, plug, sub

if TYPE_CHECKING:
    from .certificate import Checker, Step
    from .normal import Normal

ONE, TWO, HALF = Fraction(1), Fraction(2), Fraction(1, 2)
EACH = "#each"


def require(condition: bool, what: str) -> None:
    if not condition:
        raise Rejected(what)


def normal_mean_form(c: Normal, t: Tree) -> Quot:
    """An atom by how f is written: sums, products and powers as such, all else by its normal form.

    q may vanish on a null set, so that f itself has no normal form.
    """
    return c.one(c.atom("nmean", _written(c, t[1]), (), free(t)))


def _written(c: Normal, t: Tree) -> Any:
    if not any(isinstance(x, tuple) and x[0] == "gauss" for x in nodes(t)):
        return ("plain", c.form(t).key())
    if t[0] == "gauss":
        return ("gauss", c.form(t[1]).key())
    if t[0] == "sum":
        with c._bind(t, True) as (name, body, ends):
            return ("sum", name, _written(c, body), ends)
    if t[0] == "^" and isinstance(t[2], Fraction):
        return ("^", _written(c, t[1]), t[2])
    if t[0] not in ("+", "*"):
        raise Rejected(f"normal variables inside of {t[0]}")
    parts = [(_written(c, a), a) for a in _flat(t)]
    plain = (t[0], *(a for w, a in parts if w[0] == "plain"))
    rest = sorted((w for w, _ in parts if w[0] != "plain"), key=repr)
    return (t[0], c.form(plain).key(), *rest)


def _flat(t: Tree) -> list[Tree]:
    """The terms of a sum or the factors of a product."""
    return [x for a in t[1:] for x in (_flat(a) if isinstance(a, tuple) and a[0] == t[0] else [a])]


def share(weight: Callable[[Tree], Tree], i: Tree, n: Tree) -> Tree:
    square = lambda k: mul(weight(k), ("^", ("gauss", k), TWO))
    each = ("sym", EACH)
    return ("nmean", mul(square(i), ("^", ("sum", square(each), EACH, ONE, n), -ONE)))


# -- rules ----------------------------------------------------------------------------------------------------------


def share_integral(c: Checker, s: Step) -> None:
    """The share of w_i == the integral over t in [0, oo) of w_i / (1 + 2 t w_i) D_n(t)^(-1/2).

    Premises: w_j >= 0 for 1 <= j <= n; sum of w_j > 0; D_0 == 1; D_(b+1) == (1 + 2 theta w_(b+1)) D_b for 0 <= b < n
    and theta >= 0; so D_n(t) is the product of all 1 + 2 t w_j.  1 <= i <= n are integers.  For 1/q is the integral of
    exp(-t q), all is non-negative (Tonelli), and E z^2 exp(-s z^2) = (1 + 2s)^(-3/2), E exp(-s z^2) = (1 + 2s)^(-1/2).
    """
    nonnegative, total, start, step = _premises(c, s, 4)
    i, n = c.tree(s.witness["i"]), c.tree(s.witness["n"])
    b, theta = (_generic(c, s, k) for k in ("b", "theta"))
    weight, j = _weights(c, s, i, n, nonnegative, total)
    d = c.symbols[theta]
    require(not d.integer and d.low == 0 and not d.low_open and d.high is None, "theta does not run through [0, oo)")
    _runs(c, b, 0, sub(n, ONE))
    require(len({j, b, theta}) == 3, "the generic variables are one")
    for fact in (start, step):
        require(fact.relation == "==" and not fact.matrix, "no recursion")
        _everywhere(c, fact, b, theta)
    for fixed in (weight(("sym", j)), i, n):
        _apart(c, fixed, b, theta)
    at = lambda k, x: plug(plug(step.left, {b: sub(k, ONE)}), {theta: x})
    require(start.right == 1 and c.equal(start.left, at(Fraction(0), ("sym", theta))), "no start at 1")
    after = add(("sym", b), ONE)
    factor = add(ONE, mul(TWO, ("sym", theta), weight(after)))
    require(c.equal(step.right, mul(factor, at(("sym", b), ("sym", theta)))), "the recursion is another one")
    require(s.relation == "==" and c.same(s.left, share(weight, i, n)), "the share of another weight")
    right = s.right
    whole = isinstance(right, tuple) and right[0] == "integral" and right[3] == 0 and right[4] == ("oo",)
    require(whole and right[2] not in c.symbols, "no integral over [0, oo)")
    t: Tree = ("sym", right[2])
    c.symbols[right[2]] = Symbol(right[2], low=Fraction(0))
    try:
        w, product = weight(i), at(n, t)
        c.granted([(w, ">=", nonnegative.n), (product, ">", step.n)])  # each factor 1 + 2 t w_j is at least 1
        body = mul(w, ("^", add(ONE, mul(TWO, t, w)), -ONE), ("^", product, -HALF))
        require(c.equal(right[1], body), "another integrand")
    finally:
        del c.symbols[right[2]]
        c.forget()


def form_by_shares(c: Checker, s: Step) -> None:
    """E (sum_j w_j^(1/2) c_j z_j)^2 / q == sum over j = 1..n of c_j^2 times the share of w_j, for real c_j.

    Premises: w_j >= 0 for 1 <= j <= n, and sum of w_j > 0.  Mixed terms have mean zero: z_i -> -z_i keeps the law.
    """
    nonnegative, total = _premises(c, s, 2)
    n = c.tree(s.witness["n"])
    weight, j = _weights(c, s, ONE, n, nonnegative, total)
    given = c.tree(s.witness["c"])
    require(c.real(c.form(given)), "a coordinate is not known to be real")
    for other in free(given) - {j}:
        _apart(c, ("sym", other), j)
    coordinate = lambda k: plug(given, {j: k})
    each: Tree = ("sym", EACH)
    root = ("sum", mul(("^", weight(each), HALF), coordinate(each), ("gauss", each)), EACH, ONE, n)
    energy = ("sum", mul(weight(each), ("^", ("gauss", each), TWO)), EACH, ONE, n)
    left = ("nmean", mul(("^", root, TWO), ("^", energy, -ONE)))
    right = ("sum", mul(("^", coordinate(each), TWO), share(weight, each, n)), EACH, ONE, n)
    right = _renamed(right)
    require(s.relation == "==" and c.same(s.left, left), "another form")
    require(c.same(s.right, right), "not the sum of the shares")


def _renamed(t: Tree) -> Tree:
    """The outer variable of the sum under a name of its own: a sum is inside."""
    _, body, k, low, high = t

    def go(x: Tree) -> Tree:
        if not isinstance(x, tuple) or (x[0] == "sum" and x[2] == k):
            return x
        if x == ("sym", k):
            return ("sym", k + "'")
        return (x[0], *(a if isinstance(a, str) else go(a) for a in x[1:]))

    return ("sum", go(body), k + "'", low, high)


def _premises(c: Checker, s: Step, count: int) -> list[Step]:
    data = s.witness["uses"]
    require(isinstance(data, list) and len(data) == count, "the wrong number of premises")
    return [c.premise(k) for k in data]


def _generic(c: Checker, s: Step, name: str) -> str:
    t = c.tree(s.witness[name])
    known = isinstance(t, tuple) and t[0] == "sym" and t[1] in c.symbols and c.symbols[t[1]].generic
    require(known, f"{name} is no generic symbol")
    return str(t[1])


def _weights(
    c: Checker, s: Step, i: Tree, n: Tree, nonnegative: Step, total: Step
) -> tuple[Callable[[Tree], Tree], str]:
    """The weights as a function of the index, and the name of the index they are given in."""
    j = _generic(c, s, "j")
    for k in (i, n):
        require(c.integer(k) and c.nonnegative(sub(k, ONE)), "an index is not proved to be a whole number >= 1")
    require(c.nonnegative(sub(n, i)), "the index is not proved to be at most n")
    _apart(c, n, j)
    _runs(c, j, 1, n)
    _everywhere(c, nonnegative, j)
    require(nonnegative.relation in (">=", ">") and nonnegative.right == 0, "weights are not known to be >= 0")
    of_j = nonnegative.left
    weight = lambda k: plug(of_j, {j: k})
    whole = ("sum", weight(("sym", EACH)), EACH, ONE, n)
    require(total.relation == ">" and c.equal(sub(total.left, total.right), whole), "no positive sum of the weights")
    return weight, j


def _runs(c: Checker, name: str, low: int, high: Tree) -> None:
    """A generic integer from ``low`` on, as far as ``high`` at least."""
    d = c.symbols[name]
    far = d.high is None or (not d.high_open and c.nonnegative(sub(d.high, high)))
    require(d.integer and d.low == low and not d.low_open and far, f"{name} does not run through all that is needed")


def _everywhere(c: Checker, fact: Step, *names: str) -> None:
    """A fact holds for all values of generic variables, independently of each other and of all else in it."""
    for h in fact.hypotheses:
        said = free(c.steps[h].left) | free(c.steps[h].right)
        require(not said & set(names), "a premise rests on a supposition about its variable")
    for name in names:
        for other in (free(fact.left) | free(fact.right)) - {name}:
            _apart(c, ("sym", other), name)


def _apart(c: Checker, t: Tree, *names: str) -> None:
    """Neither an expression nor the domains and definitions of its symbols, however deep, speak of these."""
    todo, seen = set(free(t)), set()
    while todo:
        k = todo.pop()
        require(k not in names, f"{k} is tied to an expression that must not depend on it")
        seen.add(k)
        d = c.symbols.get(k)
        ties = [] if d is None else [e for e in (d.low, d.high, c.defines.get(k)) if e is not None]
        todo |= {x for e in ties for x in free(e)} - seen
