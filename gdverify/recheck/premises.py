"""What every rule asks of a step: its premises, the entries of its witness, which symbols are free to be bound."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from . import terms
from .certificate import Checker, Step
from .terms import (
    Malformed,
    Rejected,
    Tree,
    add,
    free,
    is_matrix,
    neg,
    nodes,
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
