"""Rules for statements about every integer: instantiation, induction, sums, telescoping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy

from ..errors import ProofError
from ..language import Mean, Prob
from .algebra import is_zero
from .context import Context
from .fact import Fact


class SequenceRules(Context):
    """instantiate, next_integer, induction, sum_of, telescope, split_sum, empty_sum, reindex."""

    def instantiate(self, fact: Fact, values: Mapping[Any, Any]) -> Fact:
        """The fact at particular values of its generic variables, each within the variable's domain."""
        self._mine(fact)
        for symbol, value in values.items():
            self._may_instantiate(fact, symbol, sympy.sympify(value), values)
        tied = self._depends_on(values, fact.left, fact.right)
        if tied is not None:
            raise ProofError(f"the domain of {tied} changes with what is put in: give {tied} a value first")
        left, right = (self._plug(e, values) for e in (fact.left, fact.right))
        return self._record("instantiate", left, fact.relation, right, [fact], note=str(dict(values)), defined=True)

    def _may_instantiate(self, fact: Fact, symbol: Any, value: Any, values: Mapping[Any, Any]) -> None:
        if symbol not in self.generic:
            raise ProofError(f"{symbol} is a parameter of the claim, not a generic variable")
        for h in fact.hypotheses:
            if symbol in self.steps[h - 1].fact.expr.free_symbols:
                raise ProofError(f"{symbol} occurs in the open supposition {h}")
        dom = self._domain(symbol)
        self._check_value(value)
        if not self.signs.real(value):
            raise ProofError(f"{value} is not known to be real")
        means = {m for side in (fact.left, fact.right) for m in side.atoms(Mean, Prob) if m.has(symbol)}
        if means and symbol not in self.signs.random and not self.signs.deterministic(value):
            raise ProofError(f"{value} may be random, and {symbol} is a constant inside an expectation")
        if dom.integer and not self.signs.integer(value):
            raise ProofError(f"{value} is not known to be an integer")
        for end, above, strict in ((dom.low, True, dom.low_open), (dom.high, False, dom.high_open)):
            if end is not None:
                end = self._plug(end, values)
                gap = value - end if above else end - value
                if not (self.signs.positive(gap) if strict else self.signs.nonnegative(gap)):
                    raise ProofError(f"{value} is not proved to lie in the domain {dom.describe()} of {symbol}")

    def next_integer(self, fact: Fact) -> Fact:
        """From a > b between integers: a >= b + 1."""
        self._mine(fact)
        if fact.relation != ">" or not (self.signs.integer(fact.left) and self.signs.integer(fact.right)):
            raise ProofError(f"step {fact.number} is no strict inequality between integers")
        return self._record("next integer", fact.left, ">=", fact.right + 1, [fact])

    def induction(self, target: Any, t: Any, base: Fact, step: Callable[[Fact], Fact], *, note: str = "") -> Fact:
        """P(t) for every t >= low, from P(low) and a sub-proof of P(t+1) that may use P(t).

        Parameters
        ----------
        target : relation P(t) in the generic integer ``t``
        base : P at the lower end of t's domain
        step : given the supposition P(t), returns the fact P(t+1)
        """
        left, relation, right = self._relation(target)
        if t not in self.generic or not self._domain(t).integer:
            raise ProofError(f"induction over {t}: not a generic integer (proof.index)")
        if self._domain(t).high is not None:
            raise ProofError("induction needs an index without an upper end")
        low = self._domain(t).low
        if low is None or self._domain(t).low_open or not self.signs.integer(low):
            raise ProofError(f"induction over {t} needs an integer to start from")
        self._check_untied(t, left, right)
        self._expect(base, self._plug(left, {t: low}), relation, self._plug(right, {t: low}), "the base case")
        for h in base.hypotheses:
            if t in self.steps[h - 1].fact.expr.free_symbols:
                raise ProofError("the base case rests on a supposition about the index")
        admitted = set(self.signs.used)
        hypothesis = self._suppose(left, relation, right, "induction hypothesis")
        try:
            result = step(hypothesis)
            self._expect(result, self._plug(left, {t: t + 1}), relation, self._plug(right, {t: t + 1}), "the step")
            for h in result.hypotheses - {hypothesis.number}:
                if t in self.steps[h - 1].fact.expr.free_symbols:
                    raise ProofError("the induction step rests on another supposition about the index")
            self.signs.used |= admitted
            proved = self._record(
                "induction", left, relation, right, [base, result], discharge={hypothesis.number}, note=note
            )
            self.settled[hypothesis.number] = proved
            return proved
        finally:
            del self.open[hypothesis.number]
            self.signs.forget()

    def settle(self, fact: Fact) -> Fact:
        """A fact found inside an induction, freed of the hypothesis P(t) that the induction has since proved.

        It was derived from P(t) at a generic t, and P(t) now holds at every t.
        """
        if not isinstance(fact, Fact) or fact.proof is not self:
            raise ProofError("a rule was given something that is no fact of this derivation")
        closed = sorted(h for h in fact.hypotheses if h not in self.open)
        if not closed or any(h not in self.settled for h in closed):
            raise ProofError(f"step {fact.number} rests on no hypothesis that an induction has proved")
        self.open.update({h: self.steps[h - 1].fact for h in closed})
        try:
            for h in closed:
                uses = [fact, self.settled[h]]
                fact = self._record("settle", fact.left, fact.relation, fact.right, uses, discharge={h})
        finally:
            for h in closed:
                del self.open[h]
            self.signs.forget()
        return fact

    def _expect(self, fact: Fact, left: Any, relation: str, right: Any, what: str) -> None:
        self._mine(fact)
        strong = {">=": (">=", ">", "=="), ">": (">",), "==": ("==",)}[relation]
        if isinstance(left, sympy.MatrixExpr) or isinstance(fact.left, sympy.MatrixExpr):
            same = relation == "==" and self._same_matrix(left, fact.left) and self._same_matrix(right, fact.right)
        else:
            same = is_zero((left - right) - fact.expr, self.signs)
        if fact.relation not in strong or not same:
            raise ProofError(f"{what}: expected {left} {relation} {right}, got {fact}")

    def sum_of(self, fact: Fact, t: Any, low: Any, high: Any) -> Fact:
        """From a(t) >= 0 (or == 0) for every t in [low, high]: the sum over t keeps the relation.

        ``high >= low - 1`` must be provable (an empty sum is 0).
        """
        self._mine(fact)
        low, high = sympy.sympify(low), sympy.sympify(high)
        if t not in self.generic:
            raise ProofError(f"{t} is not generic")
        for h in fact.hypotheses:
            if t in self.steps[h - 1].fact.expr.free_symbols:
                raise ProofError(f"{t} occurs in an open supposition")
        dom = self._domain(t)
        if t in self.signs.random and any(m.has(t) for e in (fact.left, fact.right) for m in e.atoms(Mean, Prob)):
            raise ProofError(f"{t} may be random inside an expectation: no sum over its values")
        self._check_untied(t, fact.left, fact.right)
        if not (self.signs.integer(low) and self.signs.integer(high) and self.signs.nonnegative(high - low + 1)):
            raise ProofError(f"sum from {low} to {high}: the range is not proved to be one")
        above = self.signs.positive if dom.low_open else self.signs.nonnegative
        below = self.signs.positive if dom.high_open else self.signs.nonnegative
        if dom.low is not None and not above(low - dom.low):
            raise ProofError(f"the fact is not known at {t} = {low}")
        if dom.high is not None and not below(dom.high - high):
            raise ProofError(f"the fact is not known at {t} = {high}")
        if fact.relation not in (">=", ">", "=="):
            raise ProofError("only equalities and inequalities can be summed")
        relation = "==" if fact.relation == "==" else ">="
        k = self._bound_variable(t, fact.left, fact.right)
        left, right = (sympy.Sum(self._plug(e, {t: k}), (k, low, high)) for e in (fact.left, fact.right))
        return self._record("sum", left, relation, right, [fact])

    def telescope(self, potential: Any, t: Any, low: Any, high: Any) -> Fact:
        """Sum over t from low to high - 1 of E(t) - E(t+1) == E(low) - E(high)."""
        low, high = sympy.sympify(low), sympy.sympify(high)
        if not (self.signs.integer(low) and self.signs.integer(high) and self.signs.nonnegative(high - low)):
            raise ProofError(f"telescope from {low} to {high}: the range is not proved to be one")
        potential = sympy.sympify(potential)
        k = self._bound_variable(t, potential)
        at = lambda v: self._plug(potential, {t: v})
        left = sympy.Sum(at(k) - at(k + 1), (k, low, high - 1))
        return self._record("telescope", left, "==", at(low) - at(high))

    def telescoped(self, fact: Fact, potential: Any, t: Any, low: Any, high: Any) -> Fact:
        """From E(t) - E(t+1) >= c(t) for every t in [low, high): E(low) - E(high) >= sum of c.

        ``fact`` is E(t) - E(t+1) - c(t) >= 0 in any form; c is what remains, and may be zero.
        """
        self._mine(fact)
        potential = sympy.sympify(potential)
        fall = potential - self._plug(potential, {t: t + 1})
        rest = sympy.expand(fact.expr - fall)
        rest = sympy.S.Zero if is_zero(rest, self.signs) else rest
        total = self.sum_of(fact, t, low, sympy.sympify(high) - 1)
        ends = self.telescope(potential, t, low, high)
        k = self._bound_variable(t, potential, fact.left, fact.right)
        remainder = sympy.Sum(self._plug(-rest, {t: k}), (k, low, sympy.sympify(high) - 1)) if rest != 0 else 0
        return self._combine_sums(total, ends, remainder)

    def _combine_sums(self, total: Fact, ends: Fact, remainder: Any) -> Fact:
        left, right = ends.right, remainder
        if not is_zero(left - right - (total.expr - ends.left + ends.right), self.signs):
            raise ProofError("the fact and the potential do not telescope after normalisation")
        return self._record("telescope", left, total.relation, right, [total, ends])

    def split_sum(self, total: Any, at: Any = None) -> Fact:
        """Sum(f, (k, a, b)) == Sum(f, (k, a, b-1)) + f(b), for b >= a; or, cut behind an integer ``at`` with
        a - 1 <= at <= b, == Sum(f, (k, a, at)) + Sum(f, (k, at+1, b)).
        """
        if not isinstance(total, sympy.Sum) or len(total.limits) != 1:
            raise ProofError("split_sum takes one single sum")
        k, a, b = total.limits[0]
        if not (self.signs.integer(b) and self.signs.integer(a)):
            raise ProofError(f"split_sum: {a} and {b} are not known to be integers")
        if at is not None:
            at = sympy.sympify(at)
            within = self.signs.nonnegative(at - a + 1) and self.signs.nonnegative(b - at)
            if not self.signs.integer(at) or not within:
                raise ProofError(f"split_sum: {a} - 1 <= {at} <= {b} is not proved")
            parts = sympy.Sum(total.function, (k, a, at)) + sympy.Sum(total.function, (k, at + 1, b))
            return self._record("split sum", total, "==", parts)
        if not self.signs.nonnegative(b - a):
            raise ProofError(f"split_sum: {b} >= {a} is not proved")
        last = self._plug(total.function, {k: b})
        return self._record("split sum", total, "==", sympy.Sum(total.function, (k, a, b - 1)) + last)

    def empty_sum(self, total: Any) -> Fact:
        """Sum(f, (k, a, b)) == 0 for b == a - 1."""
        if not isinstance(total, sympy.Sum) or len(total.limits) != 1:
            raise ProofError("empty_sum takes one single sum")
        _, a, b = total.limits[0]
        if not is_zero(b - a + 1, self.signs):
            raise ProofError(f"the sum from {a} to {b} is not proved to be empty")
        return self._record("empty sum", total, "==", 0)

    def reindex(self, total: Any, by: Any) -> Fact:
        """Sum(f(k), (k, a, b)) == the same sum over k' with k = ``by``, which is k + s or s - k for an integer s."""
        if not isinstance(total, sympy.Sum) or len(total.limits) != 1:
            raise ProofError("reindex takes one single sum")
        k, a, b = total.limits[0]
        by = sympy.sympify(by)
        turned = is_zero(by + k - self._plug(by + k, {k: 0}), self.signs)
        shift = self._plug(by + k if turned else by - k, {k: 0})
        if not is_zero(by - (shift - k if turned else shift + k), self.signs) or not self.signs.integer(shift):
            raise ProofError(f"reindex: {by} is neither {k} + s nor s - {k} for an integer s")
        if not (self.signs.integer(a) and self.signs.integer(b) and self.signs.nonnegative(b - a + 1)):
            raise ProofError(f"sum from {a} to {b}: the range is not proved to be one")
        ends = (shift - b, shift - a) if turned else (a - shift, b - shift)
        moved = sympy.Sum(self._plug(total.function, {k: by}), (k, *ends))
        return self._record("reindex", total, "==", moved)
