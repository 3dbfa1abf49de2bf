"""Rules that decide: rational functions of one variable, boxes, polynomials, evaluation at points, empty sums.

The certificate says what is decided, for what symbols; the sides of a box are their domains.  Nothing but the points at
which cells are cut first is read from it.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from .boxes import Prover
from .certificate import Checker, Step, _divisors
from .points import by_points
from .poly import Poly, Quot
from .polynomials import WORK, positive_on_box
from .premises import require
from .terms import Malformed, Rejected, Tree, add, bound, free, neg, sub
from .univariate import Interval, sign_on

MAX_CUTS = 50


def univariate(c: Checker, s: Step) -> None:
    """f >= 0 (> 0) for every x in its domain, f a rational function of x alone with rational coefficients.

    Every expression that f divides by has no zero in the domain.  Where the domain's end is no rational number, the
    witness gives a rational one that is proved to lie outside.
    """
    names = free(s.left)
    require(s.right == 0 and len(names) == 1, "one side must be a function of one variable, the other 0")
    (name,) = names
    low, high, open_low, open_high = _sides(c, s, names)[name]
    _conclude(c, s, sign_on(s.left, name, Interval(low, high, open_low, open_high)))


def box(c: Checker, s: Step) -> None:
    """f >= 0 (> 0) for all values of its symbols in their domains, f an elementary function defined there.

    The witness may name rational points at which the box is cut first (where f is zero).
    """
    require(s.right == 0, "one side must be a function, or a number, and the other 0")
    names = free(s.left)
    require(len(names) <= 4 and not bound(s.left), "too many variables, or sums")
    sides = _sides(c, s, names)
    cuts: dict[str, list[Fraction]] = {}
    for x, point in _pairs(s, "cuts"):
        t, p = c.tree(x), c.tree(point)
        require(isinstance(t, tuple) and t[0] == "sym" and t[1] in names, "a cut of no variable")
        require(isinstance(p, Fraction) and len(cuts.setdefault(t[1], [])) < MAX_CUTS, "no rational cut, or too many")
        cuts[t[1]].append(p)
    ends = {x: (low, high) for x, (low, high, _, _) in sides.items()}
    prover = Prover(ends, {x for x, side in sides.items() if side[2]}, lambda t: _vanishes(c, t), cuts)
    before = prover.work[0] = min(prover.work[0], c.work["box"])
    try:
        strict = prover.nonnegative(s.left)
    finally:
        c.work["box"] -= before - max(0, prover.work[0])
    _conclude(c, s, strict)


def _conclude(c: Checker, s: Step, strict: bool) -> None:
    require(s.relation == ">=" or (s.relation == ">" and strict), "the strict inequality is not proved")
    # What it divides by is not zero anywhere in the box.
    c.divisors += [(t, frozenset(c.used)) for t in _divisors(s.left)]


def _vanishes(c: Checker, t: Tree) -> bool:
    try:
        return not c.form(t).num
    except Rejected:
        return False


def _pairs(s: Step, name: str) -> list[Any]:
    found = s.witness.get(name, [])
    if not isinstance(found, list) or any(not isinstance(e, list) or len(e) != 2 for e in found):
        raise Malformed(f"{name} holds pairs")
    if name in s.witness and not found:
        raise Malformed(f"{name} must hold something")
    return found


def _sides(c: Checker, s: Step, names: frozenset[str]) -> dict[str, tuple[Any, Any, bool, bool]]:
    """(low, high, open low, open high) of each symbol: rational ends around its domain, None for infinite ones."""
    given: dict[str, list[Any]] = {}
    for x, ends in _pairs(s, "ends"):
        t = c.tree(x)
        known = isinstance(t, tuple) and t[0] == "sym" and t[1] in names and t[1] not in given
        require(known and isinstance(ends, list) and len(ends) == 2, "ends of no variable")
        given[t[1]] = [None if e is None else c.tree(e) for e in ends]
    out = {}
    for name in names:
        d = c.symbols[name]
        found: list[Any] = []
        for k, (end, is_open) in enumerate(((d.low, d.low_open), (d.high, d.high_open))):
            outer = given.get(name, [None, None])[k]
            if end is None or isinstance(end, Fraction):
                require(outer is None, f"the domain of {name} has a rational end, or none")
                found.append((end, is_open))
                continue
            if outer is None:
                found.append((None, True))
                continue
            gap = sub(end, outer) if k == 0 else sub(outer, end)
            require(isinstance(outer, Fraction) and c.nonnegative(gap), f"{name} may lie outside the ends given")
            found.append((outer, is_open or c.positive(gap)))
        (low, open_low), (high, open_high) = found
        require(low is None or high is None or low < high, f"no interval for {name}")
        out[name] = (low, high, open_low, open_high)
    return out


def polynomial(c: Checker, s: Step) -> None:
    """A polynomial relation >= or > that follows from polynomial premises and the rational ends of domains.

    Atoms other than symbols (inner products, function values) count as unrelated reals.
    """
    require(s.relation in (">=", ">"), "polynomial proves inequalities")
    given = [c.premise(n) for n in s.witness.get("uses", [])]
    require(all(f.relation in (">=", ">", "==") and not f.matrix for f in given), "a premise that is no inequality")
    target = _polynomial(c, c.form(sub(s.left, s.right)))
    facts = [(_polynomial(c, c.form(sub(f.left, f.right))), f.relation) for f in given]
    atoms = {k for p in (target, *(p for p, _ in facts)) for m in p for k, _ in m}
    ends = {}
    for k in atoms:
        require(c.real_power(k, 1), "a variable that is not known to be real")
        a = c.atoms[k]
        d = c.symbols[a.parts[0]] if a.kind == "sym" else None
        rational = lambda e: e if isinstance(e, Fraction) else None
        ends[k] = (None, None) if d is None else (rational(d.low), rational(d.high))
    budget = [min(WORK, c.work["polynomial"])]
    before = budget[0]
    try:
        positive_on_box(target, facts, ends, s.relation == ">", budget)
    finally:
        c.work["polynomial"] -= before - max(0, budget[0])


def _polynomial(c: Checker, value: Quot) -> Poly:
    whole = all(isinstance(e, int) and e > 0 for m in value.num for _, e in m)
    require(not value.den and whole, "no polynomial")
    return value.num


def points(c: Checker, s: Step) -> None:
    """left == right for all integers n, by evaluation at more of them than the degree; see `by_points`."""
    n = c.tree(s.witness["n"])
    require(isinstance(n, tuple) and n[0] == "sym" and n[1] in c.symbols, "no symbol")
    require(s.relation == "==" and not s.matrix, "evaluation at points proves an equality of numbers")
    for p in s.premises:  # a supposition about n would hold at some n only
        for h in c.steps[p].hypotheses:
            require(n[1] not in free(c.steps[h].left) | free(c.steps[h].right), f"a supposition about {n[1]} is open")
    by_points(c, s.left, s.right, n[1])


def empty_sum(c: Checker, s: Step) -> None:
    """sum from a to a - 1 == 0."""
    t = s.left
    require(isinstance(t, tuple) and t[0] == "sum" and s.relation == "==" and s.right == 0, "no sum that is 0")
    require(t[2] not in free(t[3]) | free(t[4]), "the ends depend on the variable")
    require(c.zero(add(t[4], neg(t[3]), Fraction(1))), "the sum is not proved to be empty")


DECISIONS: dict[str, Callable[[Checker, Step], None]] = {
    "univariate": univariate,
    "box": box,
    "polynomial": polynomial,
    "points": points,
    "empty sum": empty_sum,
}
