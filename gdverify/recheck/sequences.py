"""Rules for statements about every integer, sums, and expectations."""

from __future__ import annotations

from fractions import Fraction

from . import terms
from .analysis import runs
from .certificate import Checker, Relation, Step, _minus
from .normal import Symbol
from .premises import ORDER, expect, field, is_range, put, require, symbol, tree, untied, untouched, uses
from .terms import (
    Malformed,
    Rejected,
    Tree,
    add,
    bound,
    free,
    is_vector,
    neg,
    nodes,
    sub,
)


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
    for side in (fact.left, fact.right):  # what a limit holds fixed stays fixed
        for x in nodes(side):
            if isinstance(x, tuple) and x[0] in ("growth", "limit", "decay", "ratio"):
                for name in set(values) & free(x):
                    runs(c, s, values[name], x[2][1])
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
    require(c.integer(d.low) and not d.low_open, "the induction starts at no integer of the domain")
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
    _defined(c, s)
    for h in discharged:
        c.settled[h] = s.n


def _defined(c: Checker, s: Step) -> None:
    """Remember what the statement divides by, where premises that rest on nothing more say that it is not zero."""
    if s.matrix or is_vector(s.left) or is_vector(s.right):
        return
    used, hints, divisors = set(c.used), set(c.used_hints), list(c.divisors)
    try:
        for side in (s.left, s.right):
            c.form(side)
        more = c.hypotheses(c.used - used) - s.hypotheses
    except Rejected:
        more = frozenset((s.n,))
    if more:
        c.used, c.used_hints, c.divisors = used, hints, divisors


def settle(c: Checker, s: Step) -> None:
    fact, proved = uses(c, s, 2)
    discharged = field(s, "discharge")
    require(len(discharged) == 1 and c.settled.get(discharged[0]) == proved.n, "the hypothesis was not proved")
    expect(c, s, fact.left, fact.relation, fact.right)
    s.hypotheses = (fact.hypotheses - {discharged[0]}) | proved.hypotheses
    s.hypotheses |= c.hypotheses(c.used - {fact.n, proved.n})  # what says that both are written alike


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
    """Over the values of t in a range; where t is written in its ends, it is the t outside, that of any one case."""
    (fact,) = uses(c, s, 1)
    t, low, high = symbol(c, s, "t"), tree(c, s, "low"), tree(c, s, "high")
    require(c.symbols[t].generic and fact.relation in ORDER and not fact.matrix, "nothing to sum")
    untouched(c, s.premises, t)
    untied(c, t, fact.left, fact.right)
    is_range(c, low, high, -1)
    d = c.symbols[t]
    above, below = (c.positive if is_open else c.nonnegative for is_open in (d.low_open, d.high_open))
    require(d.low is None or above(sub(low, d.low)), "the fact is not known at the lower end")
    require(d.high is None or below(sub(d.high, high)), "the fact is not known at the upper end")
    relation = "==" if fact.relation == "==" else ">="
    expect(c, s, ("sum", fact.left, t, low, high), relation, ("sum", fact.right, t, low, high))


def telescope(c: Checker, s: Step) -> None:
    if field(s, "uses"):
        total_, ends = uses(c, s, 2)
        require(ends.relation == "==" and s.relation == total_.relation, "the relation changes")
        given, wanted = _minus(s), sub(_minus(total_), _minus(ends))
        same = c.equal(given, wanted) or c.equal(given, spread_sums(c, wanted))
        require(same, "the ends do not telescope")
        return
    t, low, high = symbol(c, s, "t"), tree(c, s, "low"), tree(c, s, "high")
    potential = tree(c, s, "potential")
    is_range(c, low, high, 0)
    at = lambda v: put(c, potential, {t: v})
    body = sub(potential, at(add(("sym", t), Fraction(1))))
    total_left = ("sum", body, t, low, add(high, Fraction(-1)))
    expect(c, s, total_left, "==", sub(at(low), at(high)))


def spread_sums(c: Checker, t: Tree) -> Tree:
    """Finite sums, term by term as they are written: fractions are not put over one denominator first.

    Every term must be defined for the whole range.
    """
    if not isinstance(t, tuple) or t[0] not in ("+", "*", "sum"):
        return t
    if t[0] != "sum":
        return (t[0], *(spread_sums(c, a) for a in t[1:]))
    if not isinstance(t[1], tuple) or t[1][0] != "+" or ("oo",) in t[3:]:
        return t
    parts = [("sum", a, *t[2:]) for a in t[1][1:]]
    atoms = [c.atoms[k].kind for part in parts for m in c.form(part).num for k, _ in m]
    require("written" not in atoms, "a term of a sum is not known to be defined")
    return add(*parts)


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
