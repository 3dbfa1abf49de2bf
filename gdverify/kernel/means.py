"""Rules for expectations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from ..claim import Assumption
from ..errors import ProofError
from ..language import Covariance, Mean
from .context import Context
from .fact import Fact
from .matrix import expand_traces, gaussian_mean, words


class MeanRules(Context):
    """mean, gaussian."""

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

    def gaussian(self, expr: Any, laws: Sequence[Assumption]) -> Fact:
        """Mean(expr) == its value, by Wick's formula; expr is a polynomial in traces of words in Gaussian letters.

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
            fixed, cycles = [], []
            for factor in sympy.Mul.make_args(term):
                base, power = factor.as_base_exp()
                if isinstance(base, sympy.Trace) and any(base.has(x) for x in table):
                    if not (power.is_Integer and power > 0):
                        raise ProofError(f"{factor} is no polynomial in Gaussian variables")
                    (word,) = words(base.arg)
                    cycles += [word] * int(power)
                elif any(factor.has(x) for x in table):
                    raise ProofError(f"{factor} is no polynomial in Gaussian variables")
                else:
                    fixed.append(factor)
            key = tuple(sorted(map(str, cycles)))
            if key not in cache:
                moments = gaussian_mean(cycles, table) if cycles else [(sympy.S.One, [])]
                cache[key] = sympy.Add(*[c * sympy.Mul(*f) for c, f in moments])
            total.append(sympy.Mul(*fixed) * cache[key])
        return sympy.Add(*total)
