"""Polynomial inequalities over the reals by Z3's nlsat: one of the two engines of the rule ``polynomial``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import MissingDependencyError


def z3_refutes_negation(
    target: Any, given: Sequence[tuple[Any, str]], box: Sequence[tuple[Any, Any]], *, strict: bool, seconds: int
) -> str:
    """'proved', 'refuted' or 'unknown': Z3's nlsat on the negation over the box and the given polynomials."""
    try:
        import z3
    except ImportError as err:
        raise MissingDependencyError("polynomial inequalities need Z3 (pip install 'gdverify[proof]')") from err

    n = len(box)
    xs = [z3.Real(f"x{i}") for i in range(n)]
    number = lambda q: z3.Q(int(q.p), int(q.q))

    def build(poly: Any) -> Any:
        terms = []
        for exponents, c in poly.to_dict().items():
            term = number(c)
            for x, k in zip(xs, exponents, strict=True):
                for _ in range(k):
                    term = term * x
            terms.append(term)
        return z3.Sum(terms) if terms else z3.RealVal(0)

    solver = z3.Tactic("qfnra-nlsat").solver()
    solver.set("timeout", 1000 * seconds)
    for x, (low, high) in zip(xs, box, strict=True):
        if low is not None:
            solver.add(x >= number(low))
        if high is not None:
            solver.add(x <= number(high))
    for g, relation in given:
        side = build(g)
        solver.add({">=": side >= 0, ">": side > 0, "==": side == 0}[relation])
    goal = build(target)
    solver.add(goal <= 0 if strict else goal < 0)
    return {"unsat": "proved", "sat": "refuted"}.get(str(solver.check()), "unknown")
