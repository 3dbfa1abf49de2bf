"""Rules for expectations."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..claim import Assumption
from ..errors import ProofError
from ..language import Covariance, DiagonalSum, Inner, MatrixTerm, Mean, Prob, SymmetricMatrix
from .algebra import is_zero
from .context import Context
from .fact import Fact
from .matrix import expand_traces, gaussian_mean, words

LAWS = ("gaussian", "sphere", "signs", "haar", "unitary")


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
        if not all(law.key[:1] == ("gaussian",) and isinstance(law.key[2], Covariance) for law in laws):
            raise ProofError("gaussian takes Gaussian laws alone; other laws go to proof.moment")
        table = {x: law.key[2] for x, law in self._laws(expr, laws).items()}
        value = self._gaussian_value(expr, {x: (c.rows, c.columns) for x, c in table.items()})
        return self._record("wick", Mean(expr), "==", value, note="; ".join(law.name for law in laws))

    def _laws(self, expr: Any, laws: Sequence[Assumption]) -> dict[Any, Assumption]:
        """Law by random letter, after checks that every matrix in ``expr`` is constant or has exactly one law, here.

        Otherwise a random matrix would pass through the expectation as if it were fixed.
        """
        stated: dict[Any, list[Assumption]] = {}
        constant: set[Any] = set()
        for a in self.claim.assumptions:
            if a.key[:1] == ("constant",):
                constant |= set(a.key[1])
            for letter in law_letters(a):
                stated.setdefault(letter, []).append(a)
            if a.key[:1] == ("gaussian",):
                constant |= {s for m in (a.key[2].rows, a.key[2].columns) for s in m.atoms(sympy.MatrixSymbol)}
        table: dict[Any, Assumption] = {}
        for law in laws:
            if law not in self.claim.assumptions:
                raise ProofError(f"the claim does not assume {law.name!r}")
            if not law.key or law.key[0] not in LAWS:
                raise ProofError(f"{law.name!r} is no law of a random matrix")
            for letter in law_letters(law):
                if isinstance(letter, SymmetricMatrix):
                    raise ProofError(f"{letter} is symmetric: its entries are not independent")
                table[letter] = law
        derived = {a.key[1] for a in self.claim.assumptions if a.key[:1] == ("gram-inverse",)}
        for law in laws:
            if law.key[0] == "gaussian":
                covariance = law.key[2].rows.atoms(sympy.MatrixSymbol) | law.key[2].columns.atoms(sympy.MatrixSymbol)
                if covariance & (derived | set(stated)):
                    raise ProofError(f"the covariance of {law.key[1]} is random")
        for letter in sympy.sympify(expr).atoms(sympy.MatrixSymbol):
            if len(stated.get(letter, ())) > 1:
                raise ProofError(f"{letter} has two laws")
            if letter in stated and letter not in table:
                raise ProofError(f"the law of {letter} is missing from laws=")
            if letter in stated and letter in constant:
                raise ProofError(f"{letter} is random, and assumed constant or a covariance")
            if letter in derived or (letter not in table and letter not in constant):
                raise ProofError(f"{letter} has no law here and is not assumed constant (laws.constant)")
        self._no_equation_between({*stated}, constant)
        self._different_terms({*table, *sympy.sympify(expr).atoms(sympy.MatrixSymbol)})
        return table

    def _different_terms(self, letters: set[Any]) -> None:
        """Two terms of one sequence are two letters only where their indices are never equal."""
        for x, y in itertools.combinations([x for x in letters if isinstance(x, MatrixTerm)], 2):
            if x.sequence == y.sequence and not self.signs.nonzero(x.index - y.index):
                raise ProofError(f"{x} and {y} may be the same matrix")

    def _no_equation_between(self, random: set[Any], constant: set[Any]) -> None:
        """Independent letters satisfy no equation with each other, nor a Gaussian one with constants alone: a claim
        that states one contradicts its laws.
        """
        gaussian = {a.key[1] for a in self.claim.assumptions if a.key[:1] == ("gaussian",)}
        for a in self.claim.assumptions:
            given = [] if a.schema is None else inspect.signature(a.schema).parameters.values()
            if a.schema is None or any(p.default is p.empty for p in given):
                continue
            relations = a.schema()
            for relation in relations if isinstance(relations, (list, tuple)) else [relations]:
                left, sign, right = self._relation(relation)
                letters = left.atoms(sympy.MatrixSymbol) | right.atoms(sympy.MatrixSymbol)
                if sign != "==" or not letters <= random | constant or not letters & random:
                    continue
                fixed = self._fixed_matrix(left) and self._fixed_matrix(right)
                if len(letters & random) > 1 or (letters & gaussian and fixed):
                    raise ProofError(f"{a.name!r} ties letters that their laws make independent, or free")

    def _fixed_matrix(self, side: Any) -> bool:
        """Whether an expression holds nothing random but matrix letters."""
        return all(self.signs.deterministic(x) for x in side.atoms(sympy.Symbol, AppliedUndef, Inner))

    def _fixed(self, factor: Any) -> bool:
        """Whether a factor is a constant, given that every matrix letter in it is one."""
        blind = dict.fromkeys(factor.atoms(sympy.Trace, DiagonalSum), sympy.S.One)
        return self.signs.deterministic(factor.xreplace(blind))

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
                elif not self._fixed(factor):
                    raise ProofError(f"{factor} is not known to be constant")
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


def law_letters(law: Assumption) -> tuple[Any, ...]:
    """The random letters that a law of this module is about."""
    if not law.key or law.key[0] not in LAWS:
        return ()
    return tuple(law.key[1:3]) if law.key[0] == "unitary" else (law.key[1],)


def _is_bit(expr: Any, q: Any, signs: Any) -> bool:
    return is_zero(expr - (q**2 - q), signs) or is_zero(expr + (q**2 - q), signs)


def _odd_in_a_letter(cycles: Sequence[Any], table: dict[Any, Any]) -> bool:
    """Whether some Gaussian letter occurs an odd number of times in these words together."""
    letters = [x[0] for word in cycles for x in word]
    return any(letters.count(letter) % 2 for letter in table)
