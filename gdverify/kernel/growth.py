"""How fast an expression falls or grows as one of its symbols goes to infinity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from ..errors import ProofError
from ..language import DecayExponent, GrowthRatio
from .algebra import check_defined, is_zero
from .calculus import CalculusRules
from .fact import Fact


class GrowthRules(CalculusRules):
    """decay, geometric."""

    def decay(self, expr: Any, n: Any, rate: Any, *, using: Sequence[Fact] = ()) -> Fact:
        """DecayExponent(expr, n) >= rate: expr is O(n^-rate) as n -> oo, all other symbols held fixed.

        By degrees, as `limit`, after the equalities ``using`` were put in.  Zero, and exponentials that tend to zero,
        fall faster than any power.
        """
        expr, rate = sympy.sympify(expr), sympy.sympify(rate)
        check_defined(rate, self.signs)
        if rate.has(n) or not (self.signs.real(rate) and self.signs.deterministic(rate)):
            raise ProofError(f"the rate {rate} is not known to be a real constant")
        value = self._apply(expr, using)
        self._free_to_grow(value, n)
        value = self._without_exponentials(value, n)
        if not is_zero(value, self.signs):
            power, _ = self._leading(sympy.together(value), n)
            if not self.signs.nonnegative(-power - rate):
                raise ProofError(f"{value} is of order {n}^({power}), not known to fall like {n}^(-{rate})")
        return self._record("decay", DecayExponent(expr, n), ">=", rate, using, note=f"{n} -> oo")

    def geometric(self, expr: Any, n: Any) -> Fact:
        """GrowthRatio(expr, n) == r: expr is c r^n (1 + o(1)) with c > 0, all other symbols held fixed.

        expr is a sum of terms c_j r_j^n with r_j > 0; the largest r_j, proved to be that, has a coefficient > 0.
        """
        expr = sympy.sympify(expr)
        check_defined(expr, self.signs)
        self._free_to_grow(expr, n)
        groups: list[tuple[Any, Any]] = []  # ratio, coefficient
        for term in sympy.Add.make_args(sympy.expand(expr)):
            ratio, c = self._exponential_term(term, n)
            for k, (other, total) in enumerate(groups):
                if is_zero(other - ratio, self.signs):
                    groups[k] = (other, total + c)
                    break
            else:
                groups.append((ratio, c))
        groups = [(r, c) for r, c in groups if not is_zero(c, self.signs)]
        for r, c in groups:
            if all(other is r or self.signs.positive(r - other) for other, _ in groups):
                if not self.signs.positive(c):
                    raise ProofError(f"the leading coefficient {c} is not proved to be positive")
                return self._record("geometric", GrowthRatio(expr, n), "==", r, note=f"{n} -> oo")
        raise ProofError(f"no dominant term in {expr} as {n} -> oo")

    def _exponential_term(self, term: Any, n: Any) -> tuple[Any, Any]:
        """(r, c) with term == c r^n and r > 0."""
        ratio, c = sympy.S.One, sympy.S.One
        for factor in sympy.Mul.make_args(term):
            if not factor.has(n):
                c *= factor
                continue
            base, exponent = (sympy.E, factor.args[0]) if isinstance(factor, sympy.exp) else factor.as_base_exp()
            exponent = sympy.expand(exponent)
            slope = exponent.coeff(n, 1)
            rest = sympy.expand(exponent - slope * n)
            if base.has(n) or slope.has(n) or rest.has(n) or not self.signs.positive(base):
                raise ProofError(f"{factor} is not known to be a constant times r^{n} with r > 0")
            if not (self.signs.real(slope) and self.signs.real(rest)):
                raise ProofError(f"the exponent {exponent} is not known to be real")
            ratio, c = ratio * base**slope, c * base**rest
        return ratio, c
