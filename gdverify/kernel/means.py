"""Rules for expectations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from ..claim import Assumption
from ..errors import ProofError
from ..language import Covariance, Mean, Prob
from .algebra import is_zero
from .context import Context
from .fact import Fact
from .matrix import expand_traces, gaussian_mean, words


class MeanRules(Context):
    """mean, mean_of_sum, indicator, gaussian."""

    def mean(self, fact: Fact) -> Fact:
        """Expectation of both sides of a relation that holds surely.

        Linearity, with claim symbols as constants, is part of the normal form of ``Mean``.
        """
        self._mine(fact)
        if fact.relation not in (">=", ">", "=="):
            raise ProofError("the expectation of this relation is not defined")
        if fact.hypotheses:
            raise ProofError("expectation of a fact that rests on a supposition about one outcome")
        return self._record("mean", Mean(fact.left), fact.relation, Mean(fact.right), [fact])

    def mean_of_sum(self, total: Any) -> Fact:
        """Mean(Sum(f, (k, a, b))) == Sum(Mean(f), (k, a, b)), for ends that are not random."""
        if not isinstance(total, sympy.Sum) or len(total.limits) != 1:
            raise ProofError("mean_of_sum takes one single sum")
        k, a, b = total.limits[0]
        if not (self.signs.deterministic(a) and self.signs.deterministic(b)):
            raise ProofError(f"the ends {a} and {b} of the sum may be random")
        if not (self.signs.integer(a) and self.signs.integer(b) and self.signs.nonnegative(b - a + 1)):
            raise ProofError(f"sum from {a} to {b}: the range is not proved to be one")
        return self._record("mean of a sum", Mean(total), "==", sympy.Sum(Mean(total.function), (k, a, b)))

    def indicator(self, fact: Fact, threshold: Any) -> Fact:
        """From q^2 == q surely (q is 0 or 1): Prob(q, c) == Mean(q), for a constant c in [0, 1).

        ``fact`` is q^2 - q == 0 in any form; q is read off as the one function value or symbol in it.
        """
        self._mine(fact)
        threshold = sympy.sympify(threshold)
        if fact.relation != "==" or fact.hypotheses:
            raise ProofError(f"step {fact.number} is no equality that holds surely")
        candidates = fact.expr.atoms(sympy.core.function.AppliedUndef, sympy.Symbol)
        found = [q for q in candidates if _is_bit(fact.expr, q, self.signs)]
        if len(found) != 1:
            raise ProofError(f"step {fact.number} does not say that something is 0 or 1")
        inside = self.signs.nonnegative(threshold) and self.signs.positive(1 - threshold)
        if not inside or not self.signs.deterministic(threshold):
            raise ProofError(f"the threshold {threshold} is not proved to be a constant in [0, 1)")
        return self._record("indicator", Prob(found[0], threshold), "==", Mean(found[0]), [fact])

    def gaussian(self, expr: Any, laws: Sequence[Assumption]) -> Fact:
        """Mean(expr) == its value, by Wick's formula; expr is a polynomial in traces of words in Gaussian letters.

        Absolute values of such traces may occur: |T|^2 = T^2, and a term with an odd power of |T| has mean zero if some
        letter occurs an odd number of times outside the bars, for that letter's law is that of its negative.

        ``laws`` are assumptions made by `gdverify.laws.gaussian`: independent Gaussian matrices of symbolic size.
        """
        expr = sympy.sympify(expr)
        self._admit(expr)
        table: dict[Any, tuple[Any, Any]] = {}
        uses = []
        for law in laws:
            if law not in self.claim.assumptions:
                raise ProofError(f"the claim does not assume {law.name!r}")
            letter, covariance = law.key[1], law.key[2]
            if law.key[0] != "gaussian" or not isinstance(covariance, Covariance):
                raise ProofError(f"{law.name!r} is no Gaussian law")
            table[letter] = (covariance.rows, covariance.columns)
            uses.append(law.name)
        self._only_known_letters(expr, table)
        value = self._gaussian_value(expr, table)
        return self._record("wick", Mean(expr), "==", value, note="; ".join(uses))

    def _only_known_letters(self, expr: Any, table: dict[Any, tuple[Any, Any]]) -> None:
        """Every matrix of the expression must have its law here, or be constant by assumption.

        Otherwise a random matrix without its law would pass through the expectation as if it were fixed.
        """
        known = set(table)
        for a in self.claim.assumptions:
            if a.key[:1] == ("constant",):
                known |= set(a.key[1])
            if a.key[:1] == ("gaussian",):
                covariance = a.key[2]
                known |= {s for m in (covariance.rows, covariance.columns) for s in m.atoms(sympy.MatrixSymbol)}
        for letter in expr.atoms(sympy.MatrixSymbol) - known:
            raise ProofError(f"{letter} has no law here and is not assumed constant (laws.constant)")
        lawed = {a.key[1] for a in self.claim.assumptions if a.key[:1] == ("gaussian",)}
        for letter in expr.atoms(sympy.MatrixSymbol) & (lawed - set(table)):
            raise ProofError(f"the law of {letter} is missing from laws=")

    def _gaussian_value(self, expr: Any, table: dict[Any, tuple[Any, Any]]) -> Any:
        cache: dict[Any, Any] = {}
        total = []
        for term in sympy.Add.make_args(expand_traces(expr)):
            fixed, cycles, moduli = [], [], 0
            for factor in sympy.Mul.make_args(term):
                base, power = factor.as_base_exp()
                if isinstance(base, sympy.Trace) and any(base.has(x) for x in table):
                    if not (power.is_Integer and power > 0):
                        raise ProofError(f"{factor} is no polynomial in Gaussian variables")
                    (word,) = words(base.arg)
                    cycles += [word] * int(power)
                elif isinstance(base, sympy.Abs) and isinstance(base.args[0], sympy.Trace) and power.is_Integer:
                    if power < 0:
                        raise ProofError(f"{factor} is no polynomial in Gaussian variables")
                    (word,) = words(base.args[0].arg)
                    cycles += [word] * (2 * (int(power) // 2))
                    moduli += int(power) % 2
                elif any(factor.has(x) for x in table):
                    raise ProofError(f"{factor} is no polynomial in Gaussian variables")
                else:
                    fixed.append(factor)
            if moduli:
                if not _odd_in_a_letter(cycles, table):
                    raise ProofError(f"no formula for the mean of {term}")
                continue
            key = tuple(sorted(map(str, cycles)))
            if key not in cache:
                moments = gaussian_mean(cycles, table) if cycles else [(sympy.S.One, [])]
                cache[key] = sympy.Add(*[c * sympy.Mul(*f) for c, f in moments])
            total.append(sympy.Mul(*fixed) * cache[key])
        return sympy.Add(*total)


def _is_bit(expr: Any, q: Any, signs: Any) -> bool:
    return is_zero(expr - (q**2 - q), signs) or is_zero(expr + (q**2 - q), signs)


def _odd_in_a_letter(cycles: Sequence[Any], table: dict[Any, Any]) -> bool:
    """Whether some Gaussian letter occurs an odd number of times in these words together."""
    letters = [x[0] for word in cycles for x in word]
    return any(letters.count(letter) % 2 for letter in table)
