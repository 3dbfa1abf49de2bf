"""One function for each rule: does the conclusion follow from the premises and the witness?

A rule that is not in `RULES` is unknown, and its certificate is not verified.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from . import activations, moments, rotations, shares, terms
from .certificate import Checker, Relation, Step, _minus
from .decisions import DECISIONS
from .matrices import Terms
from .normal import Symbol
from .poly import Quot, number, total
from .terms import (
    Malformed,
    Rejected,
    Tree,
    Unknown,
    add,
    bound,
    free,
    is_matrix,
    is_vector,
    mul,
    neg,
    nodes,
    sub,
)

ORDER = (">=", ">", "==")


def require(condition: bool, what: str) -> None:
    if not condition:
        raise Rejected(what)


def field(s: Step, name: str) -> Any:
    if name not in s.witness:
        raise Malformed(f"the witness lacks {name}")
    return s.witness[name]


def uses(c: Checker, s: Step, count: int | None = None) -> list[Step]:
    """The premises of the rule itself, in its own order."""
    found = steps(c, s, "uses")
    require(count is None or len(found) == count, "the wrong number of premises")
    return found


def steps(c: Checker, s: Step, name: str) -> list[Step]:
    data = field(s, name)
    if not isinstance(data, list):
        raise Malformed(f"{name} must be a list of steps")
    return [c.premise(n) for n in data]


def tree(c: Checker, s: Step, name: str) -> Tree:
    return c.tree(field(s, name))


def symbol(c: Checker, s: Step, name: str) -> str:
    t = tree(c, s, name)
    require(isinstance(t, tuple) and t[0] == "sym" and t[1] in c.symbols, f"{name} is no declared symbol")
    return str(t[1])


def put(c: Checker, t: Tree, values: dict[str, Tree]) -> Tree:
    """Values put for symbols; nothing that may be random enters an expectation in place of a constant."""
    loose = [n for n, v in values.items() if not is_matrix(v) and not c.steady(c.form(v))]
    if loose:
        for x in nodes(t):
            if isinstance(x, tuple) and x[0] in ("mean", "prob"):
                require(not free(x) & set(loose), "a value that may be random for a constant inside an expectation")
    return terms.plug(t, values)


def untouched(c: Checker, numbers: Any, name: str) -> None:
    """No open supposition below these facts speaks of a variable."""
    for n in numbers:
        for h in c.steps[n].hypotheses:
            fact = c.steps[h]
            require(name not in free(fact.left) | free(fact.right), f"a supposition about {name} is still open")


def untied(c: Checker, name: str, *trees: Tree) -> None:
    """No other symbol of the expressions has a domain or definition that speaks of a variable."""
    for other in frozenset().union(*map(free, trees)) - {name}:
        d = c.symbols.get(other)
        ties = [] if d is None else [e for e in (d.low, d.high, c.defines.get(other)) if e is not None]
        require(all(name not in free(e) for e in ties), f"{other} is tied to {name}")


def expect(c: Checker, s: Step, left: Tree, relation: str, right: Tree) -> None:
    """The conclusion must be this relation, side by side."""
    require(s.relation == relation, f"the relation should be {relation}")
    require(c.same(s.left, left) and c.same(s.right, right), "the conclusion is not what the rule gives")


def is_range(c: Checker, low: Tree, high: Tree, least: int) -> None:
    """low and high are integers with high - low >= least."""
    good = c.integer(low) and c.integer(high) and c.nonnegative(add(high, neg(low), Fraction(-least)))
    require(good, "the range of a sum is not proved to be one")


# -- equals for equals ----------------------------------------------------------------------------------------------


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

    def side(x: Tree) -> Tree:
        if not isinstance(x, tuple):
            return x
        if x[0] in ("vec", "vecfun"):
            return eq.right if set(c.linear(x)) == {old} else x
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


def vanishes(c: Checker, t: Tree, equations: list[Step]) -> bool:
    """Whether an expression is zero once equals are put for equals, in it and in its normal form."""
    value = c.form(substituted(c, t, equations))
    if not value.num:
        return True
    return _valued(c, value, [eq for eq in equations if not eq.matrix and not is_vector(eq.left)])


# -- what is granted ------------------------------------------------------------------------------------------------


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


# -- scalars --------------------------------------------------------------------------------------------------------


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
    parts: list[Tree] = [s.left, neg(s.right)]
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
    require(vanishes(c, add(*parts), steps(c, s, "using")), "the certificate does not add up")


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
            _vanish(c, c.difference(given, side), equations)
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
    # left >= right >= 0; the prover is told so for the normal form of left^p
    expect(c, s, ("^", fact.left, p), relation, ("^", fact.right, p))


def root(c: Checker, s: Step) -> None:
    """From a >= u^2: a^(1/2) >= u, for a real u."""
    (fact,) = uses(c, s, 1)
    require(fact.relation in ORDER and not fact.matrix, "root needs an inequality")
    require(c.real(c.form(s.right)), "the smaller side is not known to be real")
    require(c.same(fact.right, ("^", s.right, Fraction(2))), "the smaller side is not the square")
    expect(c, s, ("^", fact.left, Fraction(1, 2)), ">=", s.right)


def logarithm(c: Checker, s: Step) -> None:
    """From a == b: two real numbers with exponentials a and b are equal."""
    (fact,) = uses(c, s, 1)
    require(fact.relation == s.relation == "==" and not fact.matrix and not s.matrix, "no equation of numbers")
    for mine, given in ((s.left, fact.left), (s.right, fact.right)):
        require(c.real(c.form(mine)), "a logarithm is not known to be real")
        require(c.equal(("exp", mine), given), "not a logarithm of that side")


# -- integers -------------------------------------------------------------------------------------------------------


def instantiate(c: Checker, s: Step) -> None:
    (fact,) = uses(c, s, 1)
    values: dict[str, Tree] = {}
    for entry in field(s, "values"):
        if not isinstance(entry, list) or len(entry) != 2:
            raise Malformed("values holds pairs")
        name, value = c.tree(entry[0]), c.tree(entry[1])
        require(isinstance(name, tuple) and name[0] == "sym" and name[1] in c.symbols, "no symbol")
        require(c.symbols[name[1]].generic, f"{name[1]} is a parameter of the claim")
        require(name[1] not in values, f"two values of {name[1]}")
        untouched(c, [fact.n], name[1])
        c.form(value)
        require(c.within(value, name[1]), f"a value of {name[1]} is not proved to lie in its domain")
        values[name[1]] = value
    # The fact is defined at the values, too: what it divides by is not zero there.
    there = [(terms.plug(t, values), "!=", fact.n) for t in fact.divisors if not set(values) & bound(t)]
    c.granted(there)
    for name in values:
        untied(c, name, *(("sym", n) for n in free(fact.left) | free(fact.right) if n not in values))
    expect(c, s, put(c, fact.left, values), fact.relation, put(c, fact.right, values))
    for side in () if s.matrix or is_vector(s.left) or is_vector(s.right) else (s.left, s.right):
        c.form(side)  # what it divides by is known from the fact, and remembered


def next_integer(c: Checker, s: Step) -> None:
    (fact,) = uses(c, s, 1)
    require(fact.relation == ">" and c.integer(fact.left) and c.integer(fact.right), "no integers in strict order")
    expect(c, s, fact.left, ">=", add(fact.right, Fraction(1)))


def induction(c: Checker, s: Step) -> None:
    base, result = uses(c, s, 2)
    t = symbol(c, s, "t")
    d = c.symbols[t]
    require(d.generic and d.integer and d.high is None and d.low is not None, f"{t} is no generic integer")
    require(c.integer(d.low), "the induction starts at no integer")
    untied(c, t, s.left, s.right)
    discharged = field(s, "discharge")  # nothing, where the step does not need its hypothesis
    require(isinstance(discharged, list) and len(discharged) <= 1, "more than one induction hypothesis")
    for h in discharged:
        require(h in c.steps and c.steps[h].rule == "suppose", "no induction hypothesis")
        hypothesis = c.steps[h]
        same = hypothesis.left == s.left and hypothesis.relation == s.relation and hypothesis.right == s.right
        require(same, "the hypothesis is not the statement")
        require(h in result.hypotheses and h not in base.hypotheses, "the hypothesis is discharged in the wrong place")
    at = lambda v: Relation(put(c, s.left, {t: v}), s.relation, put(c, s.right, {t: v}))
    require(c.implies(base, at(d.low)), "the base case is another statement")
    require(c.implies(result, at(add(("sym", t), Fraction(1)))), "the step proves another statement")
    rest = c.hypotheses(c.used - {result.n}) | (result.hypotheses - set(discharged))
    for k in rest:
        fact = c.steps[k]
        require(t not in free(fact.left) | free(fact.right), f"another supposition about {t} is open")
    s.hypotheses = rest
    for h in discharged:
        c.settled[h] = s.n


def settle(c: Checker, s: Step) -> None:
    fact, proved = uses(c, s, 2)
    discharged = field(s, "discharge")
    require(len(discharged) == 1 and c.settled.get(discharged[0]) == proved.n, "the hypothesis was not proved")
    expect(c, s, fact.left, fact.relation, fact.right)
    s.hypotheses = (fact.hypotheses - {discharged[0]}) | proved.hypotheses


def cases(c: Checker, s: Step) -> None:
    one, two = uses(c, s, 2)
    first, second = (c.steps.get(n) for n in field(s, "discharge")) if len(field(s, "discharge")) == 2 else (None, None)
    require(first is not None and second is not None, "two cases are needed")
    assert first is not None and second is not None
    require(first.rule == second.rule == "suppose", "the cases are no suppositions")
    if first.relation == ">":
        first, second = second, first
    if first.n not in one.hypotheses and first.n in two.hypotheses:
        one, two = two, one
    whole = first.relation == ">=" and second.relation == ">" and c.equal(_minus(first), neg(_minus(second)))
    value = c.form(_minus(first))
    require(whole and c.real(value) and c.steady(value), "the cases do not cover everything")
    for name in free(first.left) | free(first.right):
        require(not c.symbols[name].generic or c.symbols[name].integer, "a case about a generic real")
    require(second.n not in one.hypotheses and first.n not in two.hypotheses, "a case rests on the other")
    weaker = one.relation if one.relation == two.relation else ">="
    require(s.relation == weaker and not s.matrix, "the relation should be the weaker one")
    for fact in (one, two):
        require(fact.relation in ORDER and c.equal(_minus(s), _minus(fact)), "the cases prove different things")
    s.hypotheses = (one.hypotheses - {first.n}) | (two.hypotheses - {second.n})
    s.hypotheses |= c.hypotheses(c.used - {one.n, two.n, first.n, second.n})


def summation(c: Checker, s: Step) -> None:
    (fact,) = uses(c, s, 1)
    t, low, high = symbol(c, s, "t"), tree(c, s, "low"), tree(c, s, "high")
    require(c.symbols[t].generic and fact.relation in ORDER and not fact.matrix, "nothing to sum")
    untouched(c, s.premises, t)
    untied(c, t, fact.left, fact.right)
    is_range(c, low, high, -1)
    d = c.symbols[t]
    require(d.low is None or c.nonnegative(sub(low, d.low)), "the fact is not known at the lower end")
    require(d.high is None or c.nonnegative(sub(d.high, high)), "the fact is not known at the upper end")
    require(t not in free(low) | free(high), "the ends depend on the variable")
    relation = "==" if fact.relation == "==" else ">="
    expect(c, s, ("sum", fact.left, t, low, high), relation, ("sum", fact.right, t, low, high))


def telescope(c: Checker, s: Step) -> None:
    if field(s, "uses"):
        total_, ends = uses(c, s, 2)
        require(ends.relation == "==" and s.relation == total_.relation, "the relation changes")
        require(c.equal(_minus(s), sub(_minus(total_), _minus(ends))), "the ends do not telescope")
        return
    t, low, high = symbol(c, s, "t"), tree(c, s, "low"), tree(c, s, "high")
    potential = tree(c, s, "potential")
    is_range(c, low, high, 0)
    at = lambda v: put(c, potential, {t: v})
    body = sub(potential, at(add(("sym", t), Fraction(1))))
    total_left = ("sum", body, t, low, add(high, Fraction(-1)))
    expect(c, s, total_left, "==", sub(at(low), at(high)))


def split_sum(c: Checker, s: Step) -> None:
    t = single(tree(c, s, "total"))
    _, body, k, low, high = t
    at = s.witness.get("at")
    if at is not None:
        cut = c.tree(at)
        is_range(c, low, cut, -1)
        is_range(c, cut, high, 0)
        right = add(("sum", body, k, low, cut), ("sum", body, k, add(cut, Fraction(1)), high))
    else:
        is_range(c, low, high, 0)
        right = add(("sum", body, k, low, add(high, Fraction(-1))), put(c, body, {k: high}))
    expect(c, s, t, "==", right)


def single(t: Tree) -> Tree:
    require(isinstance(t, tuple) and t[0] == "sum", "no sum")
    require(t[2] not in bound(t[1]) | free(t[3]) | free(t[4]), "a sum whose variable occurs elsewhere")
    return t


def reindex(c: Checker, s: Step) -> None:
    t, by = single(tree(c, s, "total")), tree(c, s, "by")
    _, body, k, low, high = t
    with_k = ("sym", k)
    at_zero = put(c, by, {k: Fraction(0)})
    fresh = k not in c.symbols
    if fresh:
        c.symbols[k] = Symbol(k, integer=True)
    turned = c.equal(by, sub(at_zero, with_k))
    straight = turned or c.equal(by, add(at_zero, with_k))
    if fresh:
        del c.symbols[k]
        c.forget()
    require(straight and k not in free(at_zero) and c.integer(at_zero), "not k + s or s - k")
    is_range(c, low, high, -1)
    ends = (sub(at_zero, high), sub(at_zero, low)) if turned else (sub(low, at_zero), sub(high, at_zero))
    expect(c, s, t, "==", ("sum", _plug_same(body, k, by), k, *ends))


def _plug_same(body: Tree, k: str, by: Tree) -> Tree:
    require(not (bound(body) | terms.held(body)) & (free(by) | {k}), "a value would be captured")
    return terms._plug(body, {k: by})


# -- means ----------------------------------------------------------------------------------------------------------


def mean(c: Checker, s: Step) -> None:
    (fact,) = uses(c, s, 1)
    require(not fact.hypotheses and fact.relation in ORDER and not fact.matrix, "the mean of this is not defined")
    require(s.relation == fact.relation, f"the relation should be {fact.relation}")
    for given, side in ((s.left, fact.left), (s.right, fact.right)):
        c.form(given)  # what it divides by is known from the fact, and remembered
        require(c.same(given, ("mean", side)) or c.same(given, spread_mean(side)), "not the mean of the fact")


def spread_mean(t: Tree) -> Tree:
    """The mean of a sum, term by term as it is written: fractions are not put over one denominator first."""
    if isinstance(t, tuple) and t[0] == "+":
        return add(*map(spread_mean, t[1:]))
    return ("mean", t)


def mean_of_sum(c: Checker, s: Step) -> None:
    t = single(tree(c, s, "total"))
    _, body, k, low, high = t
    require(c.steady(c.form(low)) and c.steady(c.form(high)), "the ends of the sum may be random")
    is_range(c, low, high, -1)
    expect(c, s, ("mean", t), "==", ("sum", ("mean", body), k, low, high))


def indicator(c: Checker, s: Step) -> None:
    (fact,) = uses(c, s, 1)
    require(fact.relation == "==" and not fact.hypotheses and s.relation == "==", "no equality that holds surely")
    require(isinstance(s.left, tuple) and s.left[0] == "prob", "no probability")
    q, threshold = s.left[1], s.left[2]
    bit = sub(("^", q, Fraction(2)), q)
    require(c.equal(_minus(fact), bit) or c.equal(_minus(fact), neg(bit)), "nothing says that this is 0 or 1")
    inside = c.nonnegative(threshold) and c.positive(sub(Fraction(1), threshold)) and c.steady(c.form(threshold))
    require(inside, "the threshold is not in [0, 1)")
    require(c.same(s.right, ("mean", q)), "not the mean")


# -- matrices -------------------------------------------------------------------------------------------------------


def _vanish(c: Checker, terms: Terms, using: list[Step]) -> None:
    """A matrix is zero after the equations were put in; scalar ones may give values of symbols in coefficients."""
    for eq in using:
        require(eq.relation == "==", f"step {eq.n} is no equality")
    c.rules = [r for eq in using if eq.matrix for r in c.oriented(eq.left, eq.right)]
    values = [eq for eq in using if not eq.matrix]
    for coefficient in c.rewritten(terms).values():
        if coefficient.num and not _valued(c, coefficient, values):
            raise Rejected("the two sides differ")


def _valued(c: Checker, value: Quot, values: list[Step]) -> bool:
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


def matrix_identity(c: Checker, s: Step) -> None:
    require(s.relation == "==" and is_matrix(s.left), "no matrix equation")
    _vanish(c, c.difference(s.left, s.right), steps(c, s, "using"))


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
    _vanish(c, {w: v for w, v in terms.items() if v.num}, steps(c, s, "using"))


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
        (scale, factors), (stated, others) = det(c, side), _det_form(c, given)
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


def _det_form(c: Checker, t: Tree) -> Det:
    """A product of determinants, their whole powers, and numbers."""
    if not any(isinstance(x, tuple) and x[0] == "det" for x in nodes(t)):
        return c.form(t), {}
    if t[0] == "det":
        return det(c, t[1])
    if t[0] == "^" and not isinstance(t[2], tuple) and t[2].denominator == 1:
        scale, factors = _det_form(c, t[1])
        e = int(t[2])
        require(e >= 0 or not (scale - number(1)).num, "a division by a number, hidden in a power")
        return scale**e, {k: j * e for k, j in factors.items() if e}
    require(t[0] == "*", "no product of determinants")
    return _det_product(number(1), [_det_form(c, x) for x in t[1:]])


def gradient(c: Checker, s: Step) -> None:
    law = c.law(s.witness.get("law"), "gradient-flow", "gradient-descent")
    letter = tree(c, s, "letter")
    require(is_matrix(letter) and letter[0] in ("mat", "matterm"), "no free letter")
    at = _moment(c, law, letter)
    slope = c.gradient(c.form(put(c, law["loss"], at)), c.letter(letter))
    descent = law["kind"] == "gradient-descent"
    factor = -c.form(put(c, law["step"], at)) if descent else number(-1)
    terms: Terms = {}
    c.accumulate(terms, slope, factor)
    if descent:
        c.accumulate(terms, c.words(letter))
        after = next((b for a, b in law["successor"] if plug_matrix(c, a, at) == c.letter(letter)), None)
        require(after is not None and is_matrix(s.left), "the law names no next value")
        require(c.letter(s.left) == plug_matrix(c, after, at), "the left side is not the next value")
    else:
        require(isinstance(s.left, tuple) and s.left[0] == "ddt" and is_matrix(s.left[1]), "no derivative")
        require(c.letter(s.left[1]) == c.letter(letter), "the derivative of another letter")
    require(s.relation == "==" and is_matrix(s.right), "no matrix equation")
    require(c.same_shape(c.shape(s.right), c.shape(letter)), "the shapes differ")
    c.accumulate(terms, c.words(s.right), number(-1))
    _vanish(c, {w: v for w, v in terms.items() if v.num}, steps(c, s, "using"))


def plug_matrix(c: Checker, t: Tree, values: dict[str, Tree]) -> int:
    return c.letter(put(c, t, values))


def _moment(c: Checker, law: dict[str, Any], letter: Tree) -> dict[str, Tree]:
    variable = law.get("time")
    if variable is None:
        require(any(c.letter(x) == c.letter(letter) for x in law["letters"]), "the law says nothing of this letter")
        return {}
    require(isinstance(variable, tuple) and variable[0] == "sym" and letter[0] == "matterm", "no term of a sequence")
    for x in law["letters"]:
        if x[0] == "matterm" and x[4] == variable and x[1:4] == letter[1:4]:
            whole = law["kind"] == "gradient-flow" or c.integer(letter[4])
            require(whole and c.nonnegative(letter[4]), "the law is not known to hold there")
            return {variable[1]: letter[4]}
    raise Rejected("the law says nothing of this letter")


def lie_derivative(c: Checker, s: Step) -> None:
    flow, using = steps(c, s, "flow"), steps(c, s, "using")
    require(isinstance(s.left, tuple) and s.left[0] == "ddt" and s.relation == "==", "no derivative")
    quantity = s.left[1]
    speed: dict[int, Terms] = {}
    moving: dict[int, Quot] = {}
    times = set()
    for f in flow:
        require(f.relation == "==" and isinstance(f.left, tuple) and f.left[0] == "ddt", "no equation of motion")
        x = f.left[1]
        if is_matrix(x):
            require(x[0] in ("mat", "symmat", "matterm"), "the motion of no letter")
            speed[c.letter(x)] = c.words(f.right)
            if x[0] == "matterm":
                times.add(c.form(x[4]).key())
        else:
            require(x[0] == "sym", "the motion of no symbol")
            moving[c.numbers["sym", x[1]] if ("sym", x[1]) in c.numbers else next(iter(c.form(x).num))[0][0]] = c.form(
                f.right
            )
    constants = c.constants()
    still = {c.letter(x) for x in constants if is_matrix(x)}
    fixed = {x[1] for x in constants if not is_matrix(x) and x[0] == "sym"}
    values = [f for f in using if not f.matrix]
    for f in values:
        require(isinstance(f.left, tuple) and f.left[0] == "sym", "only values of symbols may be put in")
        fixed.add(f.left[1])
    for t in nodes(quantity):
        if isinstance(t, tuple) and t[0] == "matterm" and c.letter(t) not in still:
            times.add(c.form(t[4]).key())
    require(len(times) <= 1, "letters at different times")

    def atom(k: int) -> Quot | None:
        a = c.atoms[k]
        if k in moving:
            return moving[k]
        if a.kind == "sym":
            require(a.parts[0] in fixed, f"nothing says how {a.parts[0]} moves")
            return number(0)
        if a.kind == "trace":
            terms = c.leibniz(a.parts[0], speed, still)
            return c.trace_of(terms, c.rows(a.parts[0][0]))
        if a.kind in ("num", "const", "exp", "log", "root", "pow"):
            return None
        raise Unknown(f"the motion of a {a.kind}")

    if is_matrix(quantity):
        terms: Terms = {}
        for w, v in c.words(quantity).items():
            require(not c.derive(v, atom).num, "a coefficient moves")
            c.accumulate(terms, c.leibniz(w, speed, still), v)
        if is_matrix(s.right):
            require(c.same_shape(c.shape(quantity), c.shape(s.right)), "the shapes differ")
            c.accumulate(terms, c.words(s.right), number(-1))
        else:
            require(s.right == 0, "a matrix is compared with a scalar")
        _vanish(c, {w: v for w, v in terms.items() if v.num}, using)
        return
    value = c.form(quantity)
    c.rules = [r for eq in using if eq.matrix for r in c.oriented(eq.left, eq.right)]
    c.forget()
    c._memo.clear()
    difference = c.derive(value, atom) - c.form(s.right)
    require(_valued(c, difference, values), "not the derivative along the flow")


def _trajectory(c: Checker, motion: Step, time: str) -> Tree:
    """The quantity of d(quantity)/dt == ... at every time >= 0."""
    d = c.symbols[time]
    forever = d.generic and not d.integer and d.low is not None and c.zero(d.low) and not d.low_open and d.high is None
    require(forever, f"{time} is no generic time >= 0")
    moving = motion.relation == "==" and isinstance(motion.left, tuple) and motion.left[0] == "ddt"
    require(moving and not motion.hypotheses, "no derivative that holds at every time")
    quantity = motion.left[1]
    terms = [t for t in nodes(quantity) if isinstance(t, tuple) and t[0] == "matterm" and time in free(t[4])]
    require(bool(terms) and all(t[4] == ("sym", time) for t in terms), "no trajectory through the time")

    def blank(t: Tree) -> Tree:
        if not isinstance(t, tuple):
            return t
        if t[0] == "matterm" and t[4] == ("sym", time):
            return (*t[:4], Fraction(0))
        return (t[0], *(a if isinstance(a, str) else blank(a) for a in t[1:]))

    require(time not in free(blank(quantity)), "the quantity depends on the time by itself")
    return quantity


def conserved(c: Checker, s: Step) -> None:
    (motion,) = uses(c, s, 1)
    time = symbol(c, s, "time")
    quantity = _trajectory(c, motion, time)
    zero = motion.right == 0 or (is_matrix(motion.right) and not c.words(motion.right))
    require(zero, "the quantity moves")
    expect(c, s, quantity, "==", put(c, quantity, {time: Fraction(0)}))


def gronwall(c: Checker, s: Step) -> None:
    motion, decay = uses(c, s, 2)
    time, rate = symbol(c, s, "time"), tree(c, s, "rate")
    quantity = _trajectory(c, motion, time)
    value = c.form(rate)
    require(not is_matrix(quantity) and time not in free(rate) and c.steady(value) and c.real(value), "no real rate")
    require(decay.relation in ORDER and not decay.hypotheses, "no inequality that holds at every time")
    bound_ = sub(neg(mul(rate, quantity)), motion.right)
    require(c.equal(_minus(decay), bound_), "the decay is another inequality")
    start = put(c, quantity, {time: Fraction(0)})
    expect(c, s, mul(start, ("exp", neg(mul(rate, ("sym", time))))), ">=", quantity)


# -- calculus -------------------------------------------------------------------------------------------------------


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
    require(not (c.slope(c.form(whole), name) - c.form(function)).num, "no antiderivative")
    untouched(c, s.premises, name)
    at = lambda v: put(c, whole, {name: v})
    require(s.relation == "==", "the relation should be ==")
    require(c.same(s.left, ("integral", function, name, low, high)), "another integral")
    end = _limit_of(c, s, whole, name) if high == ("oo",) else c.form(at(high))
    require(not (end - c.form(at(low)) - c.form(s.right)).num, "not the difference of the antiderivative")


def _limit_of(c: Checker, s: Step, t: Tree, name: str) -> Quot:
    """The limit of an expression as a symbol goes to infinity."""
    _runs(c, s, t, name)
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


def _runs(c: Checker, s: Step, t: Tree, name: str) -> None:
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
    _runs(c, s, s.right, name)
    require(name not in free(s.right), "the limit depends on the variable")
    require(not (_limit_of(c, s, t, name) - c.form(s.right)).num, "not the limit")


def growth(c: Checker, s: Step) -> None:
    require(isinstance(s.left, tuple) and s.left[0] == "growth" and s.relation == "==", "no growth exponent")
    name = symbol(c, s, "n")
    require(s.left[2] == ("sym", name), "the growth in another symbol")
    _runs(c, s, s.left[1], name)
    p, lead = c.leading(c.form(s.left[1]), name)
    require(c.sign_of(lead) == (1, True), "the leading coefficient is not proved to be positive")
    require(not (c.form(s.right) - p).num, "another exponent")


def decay(c: Checker, s: Step) -> None:
    """left is O(n^-rate)."""
    require(isinstance(s.left, tuple) and s.left[0] == "decay" and s.relation == ">=", "no exponent of decay")
    name = symbol(c, s, "n")
    require(s.left[2] == ("sym", name), "the decay in another symbol")
    t = substituted(c, s.left[1], steps(c, s, "using"))
    _runs(c, s, t, name)
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
    _runs(c, s, s.left[1], name)
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


def solution(c: Checker, s: Step) -> None:
    law = c.law(s.witness.get("law"), "initial-value")
    time = symbol(c, s, "time")
    d = c.symbols[time]
    forever = d.generic and not d.integer and d.low == 0 and not d.low_open and d.high is None
    require(forever, f"{time} is no generic time >= 0")
    state, variable = law["state"], law["variable"]
    require(isinstance(state, tuple) and state[0] == "fun" and state[2:] == (variable,), "no function of time")
    require(s.left == (*state[:2], ("sym", time)) and s.relation == "==", "the solution of another equation")
    candidate = s.right
    calls = lambda t: any(isinstance(x, tuple) and x[:2] == state[:2] for x in nodes(t))
    require(not calls(candidate) and not calls(law["start"]), "the solution refers to the trajectory")
    inside = _swap(law["field"], state, candidate)
    require(not calls(inside) and variable[1] not in free(_swap(law["field"], state, Fraction(0))), "no fixed field")
    y = "#y"
    _polynomial(_swap(law["field"], state, ("sym", y)), y)
    value = c.form(candidate)
    require(c.real(value), "the solution is not known to be real")
    require(not (c.slope(value, time) - c.form(inside)).num, "the equation is not solved")
    require(c.equal(put(c, candidate, {time: Fraction(0)}), law["start"]), "it starts elsewhere")
    untouched(c, s.premises, time)


def _swap(t: Tree, old: Tree, new: Tree) -> Tree:
    if t == old:
        return new
    if not isinstance(t, tuple):
        return t
    return (t[0], *(a if isinstance(a, str) else _swap(a, old, new) for a in t[1:]))


def _polynomial(t: Tree, y: str) -> None:
    if y not in free(t) or t == ("sym", y):
        return
    if t[0] == "^":
        require(isinstance(t[2], Fraction) and t[2].denominator == 1 and t[2] >= 0, "the field is no polynomial")
        _polynomial(t[1], y)
        return
    require(t[0] in ("+", "*"), "the field is no polynomial")
    for a in t[1:]:
        _polynomial(a, y)


RULES: dict[str, Callable[[Checker, Step], None]] = {
    "assumption": assumption,
    "domain": domain,
    "definition": definition,
    "cite": cite,
    "suppose": suppose,
    "identity": identity,
    "sign": sign,
    "certificate": certificate,
    "rewrite": rewrite,
    "product": product,
    "extreme": extreme,
    "power": power,
    "root": root,
    "logarithm": logarithm,
    "instantiate": instantiate,
    "next integer": next_integer,
    "induction": induction,
    "settle": settle,
    "cases": cases,
    "sum": summation,
    "telescope": telescope,
    "split sum": split_sum,
    "reindex": reindex,
    "mean": mean,
    "mean of a sum": mean_of_sum,
    "indicator": indicator,
    "wick": moments.wick,
    "moment": moments.moment,
    "rotation": rotations.rotation,
    "stein": rotations.stein,
    **activations.RULES,
    "share integral": shares.share_integral,
    "form by shares": shares.form_by_shares,
    **DECISIONS,
    "matrix identity": matrix_identity,
    "matrix certificate": matrix_certificate,
    "sandwich": sandwich,
    "trace": trace,
    "submultiplicative": submultiplicative,
    "determinant": determinant,
    "gradient": gradient,
    "lie derivative": lie_derivative,
    "conserved": conserved,
    "gronwall": gronwall,
    "derivative": derivative,
    "monotone": monotone,
    "tangent": tangent,
    "taylor": taylor,
    "geometric": geometric,
    "integral": integral,
    "integral bound": integral_bound,
    "limit": limit,
    "growth": growth,
    "decay": decay,
    "solution": solution,
}
