"""Identities in one integer, proved by exact evaluation at more points than the degree."""

from __future__ import annotations

from typing import Any

import sympy

from ..domain import Domain
from ..errors import ProofError
from .algebra import check_defined, is_zero
from .context import Context
from .fact import Fact

_MAX_DEGREE = 40


class PointRules(Context):
    """by_points."""

    def by_points(self, left: Any, right: Any, n: Any) -> Fact:
        """left == right for every integer n of its domain, because both sides agree at D + 1 integers of the domain.

        Both sides are quotients of polynomials in n, where sums count as polynomials: over k from a to b, integers of
        degree at most one in n and the variables of outer sums, of a polynomial in k and those (nested sums too),
        wherever the range is proved to be one (b >= a - 1).  Such a sum has total degree at most one more than its
        terms.  D bounds the degree of the numerator of left - right after clearing denominators; other symbols are
        held fixed.  At an integer n the sums are written out and compared by normal form.
        """
        left, right = sympy.sympify(left), sympy.sympify(right)
        self._admit(left)
        self._admit(right)
        dom = self._domain(n)
        low = sympy.sympify(dom.low)
        if not (dom.integer and dom.low is not None and low.is_Integer and dom.high is None):
            raise ProofError(f"{n} does not run over all integers from a given one on")
        if n in self.claim.defines or any(n in _symbols_of(d) for s, d in self.signs.domains.items() if s != n):
            raise ProofError(f"other symbols are tied to {n} by their domains or definitions")
        check_defined(left, self.signs)
        check_defined(right, self.signs)
        up_left, down_left = self._degrees(left, n, {n})
        up_right, down_right = self._degrees(right, n, {n})
        degree = max(up_left + down_right, up_right + down_left)
        if degree > _MAX_DEGREE:
            raise ProofError(f"degree {degree} is too high for evaluation point by point")
        for point in range(int(low), int(low) + degree + 1):
            if not is_zero(_written_out(left - right, {n: sympy.Integer(point)}), self.signs):
                raise ProofError(f"not an identity: {left} == {right} fails at {n} = {point}")
        return self._record("points", left, "==", right, note=f"degree at most {degree} in {n}")

    def _degrees(self, e: Any, n: Any, variables: set[Any]) -> tuple[int, int]:
        """Bounds of the total degrees in the variables of numerator and denominator."""
        if not e.has(sympy.Sum, *variables):  # nor in the sizes of matrices
            return 0, 0
        if e in variables:
            return 1, 0
        if e.is_Add:
            up, down = 0, 0
            for a in e.args:
                u, v = self._degrees(a, n, variables)
                up, down = max(up + v, u + down), down + v
            return up, down
        if e.is_Mul:
            parts = [self._degrees(a, n, variables) for a in e.args]
            return sum(u for u, _ in parts), sum(v for _, v in parts)
        if e.is_Pow and e.exp.is_Integer:
            u, v = self._degrees(e.base, n, variables)
            k = int(e.exp)
            return (u * k, v * k) if k >= 0 else (-v * k, -u * k)
        if isinstance(e, sympy.Sum) and all(len(limit) == 3 for limit in e.limits):
            return self._sum_degree(e, n, variables), 0
        raise ProofError(f"{e} is not known to be a rational function of {n}")

    def _sum_degree(self, e: Any, n: Any, variables: set[Any]) -> int:
        function, k, a, b = _outermost(e)
        if k in self.signs.domains or k in variables:
            raise ProofError(f"{k} is in use already")
        for end in (a, b):
            if not self.signs.integer(end) or self._degrees(end, n, variables) not in ((0, 0), (1, 0)):
                raise ProofError(f"the end {end} is no integer of degree at most one in {n}")
        if not self.signs.nonnegative(b - a + 1):
            raise ProofError(f"sum from {a} to {b}: the range is not proved to be one")
        self.signs.domains[k] = Domain(low=a, high=b, integer=True)
        self.signs.forget()
        try:
            up, down = self._degrees(function, n, {*variables, k})
        finally:
            del self.signs.domains[k]
            self.signs.forget()
        if down:
            raise ProofError(f"{function} is no polynomial")
        return up + 1


def _symbols_of(domain: Domain) -> set[Any]:
    ends = [x for x in (domain.low, domain.high) if x is not None]
    return {s for x in ends for s in sympy.sympify(x).free_symbols}


def _outermost(total: Any) -> tuple[Any, Any, Any, Any]:
    """Terms, variable and ends of the outermost sum; SymPy merges nested sums into one, the innermost first."""
    *inner, (k, a, b) = total.limits
    return sympy.Sum(total.function, *inner) if inner else total.function, k, a, b


def _written_out(e: Any, values: dict[Any, Any]) -> Any:
    """The expression at integers, its sums written out."""
    if isinstance(e, sympy.Sum):
        function, k, a, b = _outermost(e)
        first, last = (_written_out(end, values) for end in (a, b))
        if not (first.is_Integer and last.is_Integer):
            raise ProofError(f"the ends {a} and {b} are not numbers once the variables are")
        if last < first - 1:
            raise ProofError(f"sum from {first} to {last}: the range is none")
        span = range(int(first), int(last) + 1)
        return sympy.Add(*[_written_out(function, {**values, k: sympy.Integer(j)}) for j in span])
    if not e.has(sympy.Sum):
        return e.xreplace(values)
    return e.func(*[_written_out(a, values) for a in e.args])
