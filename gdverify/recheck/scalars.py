"""Rules for what is granted, and for equalities and inequalities between scalars."""

from __future__ import annotations

from fractions import Fraction

from . import terms
from .certificate import Checker, Step, _minus
from .equals import cancel, vanishes
from .premises import ORDER, expect, field, require, steps, tree, uses
from .terms import (
    Malformed,
    Rejected,
    Tree,
    add,
    is_matrix,
    is_vector,
    mul,
    neg,
    nodes,
    sub,
)


def assumption(c: Checker, s: Step) -> None:
    listed = c.assumed.get(s.name)
    require(listed is not None, f"{s.name!r} is not among the assumptions")
    found = any(r.relation == s.relation and r.left == s.left and r.right == s.right for r in listed or [])
    require(found, f"{s.name!r} does not say this")


def domain(c: Checker, s: Step) -> None:
    for a, b, upper in ((s.left, s.right, False), (s.right, s.left, True)):
        if isinstance(a, tuple) and a[0] == "sym" and a[1] in c.symbols:
            d = c.symbols[a[1]]
            end, is_open = (d.high, d.high_open) if upper else (d.low, d.low_open)
            if end is not None and end == b and s.relation in ((">", ">=") if is_open else (">=",)):
                return
    raise Rejected("no domain says this")


def definition(c: Checker, s: Step) -> None:
    known = isinstance(s.left, tuple) and s.left[0] == "sym" and s.left[1] in c.defines
    require(known and s.relation == "==", "not a definition")
    require(c.defines[s.left[1]] == s.right, f"{s.left[1]} is defined otherwise")


def cite(c: Checker, s: Step) -> None:
    require(bool(s.name and s.reference), "a cited result needs a name and a reference")
    if "uses" in s.witness:
        require(bool(uses(c, s)), "an empty list of premises")


def suppose(c: Checker, s: Step) -> None:
    require(not s.premises, "a supposition has no premises")
    s.hypotheses = frozenset((s.n,))


def identity(c: Checker, s: Step) -> None:
    require(s.relation == "==", "an identity is an equality")
    require(vanishes(c, _minus(s), steps(c, s, "using")), "not an identity")


def sign(c: Checker, s: Step) -> None:
    t = _minus(s) if s.right != 0 else s.left
    found = c.sign(t)
    require(s.relation in (">", ">=") and found is not None and found[0] >= 0, "the sign is not proved")
    require(s.relation == ">=" or found == (1, True), "the strict sign is not proved")


def certificate(c: Checker, s: Step) -> None:
    combine, squares = field(s, "combine"), field(s, "squares")
    if not isinstance(combine, list) or not isinstance(squares, list):
        raise Malformed("combine and squares must be lists")
    using = steps(c, s, "using")
    motions = [eq for eq in using if is_motion(eq.left)]
    require(not is_motion(s.left) or s.relation == "==", "a derivative in time needs an equality")
    parts: list[Tree] = [at_the_instant(s.left, motions), neg(s.right)]
    strict = False
    for entry in combine:
        if not isinstance(entry, list) or len(entry) != 2:
            raise Malformed("combine holds pairs")
        m, fact = c.tree(entry[0]), c.premise(entry[1])
        require(fact.relation in ORDER and not fact.matrix, f"step {fact.n} cannot be combined")
        c.form(m)  # defined
        if fact.relation != "==":
            require(s.relation != "==", "an equality cannot rest on inequalities")
            found = c.sign(m)
            require(found is not None and found[0] >= 0, f"the multiplier of step {fact.n} may be negative")
            strict |= fact.relation == ">" and found == (1, True)
        parts.append(mul(Fraction(-1), m, fact.left))
        parts.append(mul(m, fact.right))
    for entry in squares:
        if not isinstance(entry, list) or len(entry) != 2:
            raise Malformed("squares holds pairs")
        require(s.relation != "==", "an equality cannot rest on squares")
        weight, u = c.tree(entry[0]), c.tree(entry[1])
        require(c.nonnegative(weight), "the weight of a square may be negative")
        parts.append(mul(Fraction(-1), weight, square(c, u)))
    require(s.relation in ORDER and (s.relation != ">" or strict), "a strict inequality needs a strict fact")
    for t in parts:
        c.form(t)  # every part is defined before anything cancels
    using = [eq for eq in using if eq not in motions]
    require(vanishes(c, add(*parts), using, s.hints), "the certificate does not add up")


def is_motion(t: Tree) -> bool:
    """Whether this is the derivative of a scalar in time."""
    return isinstance(t, tuple) and t[0] == "ddt" and not is_matrix(t[1])


def at_the_instant(t: Tree, motions: list[Step]) -> Tree:
    """The derivative of a scalar in time as an equation says what it is; nothing goes inside of one."""
    for eq in motions:
        require(eq.relation == "==", f"step {eq.n} is no equality")
        require(t == eq.left, "the derivative of something else")
        t = eq.right
    return t


def square(c: Checker, u: Tree) -> Tree:
    require(not c.strict or terms.sign(u) > 0, "u and -u have one square: the one without the minus is wanted")
    if is_matrix(u):
        for t in nodes(u):
            if isinstance(t, tuple) and t[0] == "m*":
                require(c.real(c.form(t[1])), "a coefficient is not known to be real")
        return ("trace", ("m*", Fraction(1), u, ("T", u)))
    if is_vector(u):
        require(all(c.real(v) for v in c.linear(u).values()), "a coefficient is not known to be real")
        return ("inner", u, u)
    require(c.real(c.form(u)), "the square of something that is not known to be real")
    return ("^", u, Fraction(2))


def rewrite(c: Checker, s: Step) -> None:
    fact, *equations = uses(c, s)
    require(fact.relation == s.relation and fact.matrix == s.matrix, "the relation changes")
    if is_matrix(fact.left):
        for given, side in ((s.left, fact.left), (s.right, fact.right)):
            cancel(c, c.difference(given, side), equations)
        return
    require(not fact.matrix, "a derivative is rewritten")
    for given, side in ((s.left, fact.left), (s.right, fact.right)):
        require(vanishes(c, sub(given, side), equations), "not what the equations give")


def product(c: Checker, s: Step) -> None:
    facts = uses(c, s)
    require(bool(facts) and all(f.relation in ORDER and not f.matrix for f in facts), "nothing to multiply")
    if all(f.relation == "==" for f in facts):
        expect(c, s, mul(*(f.left for f in facts)), "==", mul(*(f.right for f in facts)))
        return
    require(all(f.relation != "==" for f in facts), "an equality among inequalities")
    relation = ">" if all(f.relation == ">" for f in facts) else ">="
    require(s.relation in (">=", relation), "the product is not strict")
    require(c.equal(_minus(s), mul(*map(_minus, facts))), "not the product")


def extreme(c: Checker, s: Step) -> None:
    require(s.relation == ">=", "the relation should be >=")
    for a, b, op in ((s.left, s.right, "max"), (s.right, s.left, "min")):
        if isinstance(a, tuple) and a[0] == op and any(x == b for x in a[1:]):
            return
    raise Rejected("not among the arguments of a maximum or minimum")


def power(c: Checker, s: Step) -> None:
    (fact,) = uses(c, s, 1)
    p = tree(c, s, "exponent")
    require(fact.relation in ORDER and not fact.matrix, "power needs an inequality")
    require(c.nonnegative(fact.right) and c.nonnegative(p), "the smaller side or the exponent may be negative")
    require(c.real(c.form(p)), "the exponent is not known to be real")
    relation = "==" if fact.relation == "==" else ">="
    require(relation != "==" or c.nonnegative(fact.left), "a side may be negative")
    require(s.relation == relation, f"the relation should be {relation}")
    # left >= right >= 0; the prover is told so for the normal form of left^p
    sides = (is_power(c, s.left, fact.left, p), is_power(c, s.right, fact.right, p))
    require(all(sides), "the conclusion is not what the rule gives")


def is_power(c: Checker, given: Tree, base: Tree, p: Tree) -> bool:
    """Whether given == base^p; for p = 1/2 also because given >= 0 and given^2 == base (the root of x^2 is |x|)."""
    if c.same(given, ("^", base, p)):
        return True
    return p == Fraction(1, 2) and c.nonnegative(given) and c.equal(("^", given, Fraction(2)), base)


def root(c: Checker, s: Step) -> None:
    """From a >= u^2: a^(1/2) >= u, for a real u."""
    (fact,) = uses(c, s, 1)
    require(fact.relation in ORDER and not fact.matrix, "root needs an inequality")
    require(c.real(c.form(s.right)), "the smaller side is not known to be real")
    require(c.same(fact.right, ("^", s.right, Fraction(2))), "the smaller side is not the square")
    require(s.relation == ">=", "the relation should be >=")
    require(is_power(c, s.left, fact.left, Fraction(1, 2)), "the conclusion is not what the rule gives")


def logarithm(c: Checker, s: Step) -> None:
    """From a == b: two real numbers with exponentials a and b are equal."""
    (fact,) = uses(c, s, 1)
    require(fact.relation == s.relation == "==" and not fact.matrix and not s.matrix, "no equation of numbers")
    for mine, given in ((s.left, fact.left), (s.right, fact.right)):
        require(c.real(c.form(mine)), "a logarithm is not known to be real")
        require(c.equal(("exp", mine), given), "not a logarithm of that side")


def antisymmetry(c: Checker, s: Step) -> None:
    """From a >= b and b >= a, in any form: a == b, as the first is written."""
    above, below = uses(c, s, 2)
    for f in (above, below):
        require(f.relation == ">=" and not f.matrix, f"step {f.n} is no inequality >= between scalars")
    require(s.relation == "==" and not s.matrix, "the relation should be ==")
    first = c.form(above.left) - c.form(above.right)
    require(not (first + c.form(below.left) - c.form(below.right)).num, "not each other's converse")
    require(not (c.form(s.left) - c.form(s.right) - first).num, "an equation between other things")
