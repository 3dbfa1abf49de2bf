"""Rules of calculus: derivatives, monotonicity, tangents, integrals by antiderivative, limits at infinity."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..errors import ProofError
from ..language import AtInfinity, DiagonalSum, GrowthExponent, Inner, Mean, NormalMean, Prob, Vector
from .algebra import check_defined, is_zero
from .fact import Fact
from .scalars import ScalarRules

_VALUES = (
    AppliedUndef, Inner, Mean, NormalMean, Prob, DiagonalSum,
    sympy.Trace, sympy.Determinant, sympy.MatrixSymbol, Vector,
)  # fmt: skip


class CalculusRules(ScalarRules):
    """derivative, monotone, tangent, taylor, integral, integral_bound, limit, growth."""

    def derivative(self, expr: Any, x: Any, value: Any) -> Fact:
        """d expr / dx == value; differentiation is SymPy's, equality is the kernel's normal form."""
        actual = self._derivative(expr, x)
        if not is_zero(actual - sympy.sympify(value), self.signs):
            raise ProofError(f"d/d{x} of {expr} is not {value}")
        return self._record("derivative", sympy.Derivative(expr, x), "==", value)

    def _derivative(self, expr: Any, x: Any) -> Any:
        expr = sympy.sympify(expr)
        if x not in self.generic:
            raise ProofError(f"{x} is not a generic real (proof.scalar)")
        if any(x in supposition.expr.free_symbols for supposition in self.open.values()):
            raise ProofError(f"{x} is tied by a supposition that is still open: a sign there holds at one {x} alone")
        if self._domain(x).integer:
            raise ProofError(f"{x} runs over the integers: a sign there says nothing about the reals between")
        self._check_untied(x, expr)
        kinks = expr.atoms(sympy.Abs, sympy.Max, sympy.Min, sympy.Sum, sympy.Integral, sympy.sign)
        if kinks or not self._smooth(expr, x):
            raise ProofError(f"{expr} is not known to be differentiable on the domain of {x}")
        return sympy.diff(expr, x)

    def _smooth(self, expr: Any, x: Any) -> bool:
        """Built from elementary functions on the inside of their domains; values of abstract functions away from x."""
        if expr.is_Atom:
            return True
        if isinstance(expr, AppliedUndef):
            return not expr.has(x)
        if expr.is_Pow:
            base, exponent = expr.args
            if exponent.is_Integer and exponent >= 0:
                return self._smooth(base, x)
            good = self.signs.nonzero(base) if exponent.is_Integer else self.signs.positive(base)
            return bool(good) and self._smooth(base, x) and self._smooth(exponent, x)
        if isinstance(expr, sympy.log):
            return self.signs.positive(expr.args[0]) and self._smooth(expr.args[0], x)
        if isinstance(expr, (sympy.asin, sympy.acos)):
            return self.signs.positive(1 - expr.args[0] ** 2) and self._smooth(expr.args[0], x)
        if expr.is_Add or expr.is_Mul or isinstance(expr, (sympy.exp, sympy.cos, sympy.sin, sympy.atan, sympy.tanh)):
            return all(self._smooth(a, x) for a in expr.args)
        return False

    def monotone(self, expr: Any, x: Any) -> Fact:
        """expr(x) >= expr(low) on the whole domain [low, ..) of x, because its derivative is >= 0 there."""
        dom = self._domain(x)
        if dom.low is None or dom.low_open or dom.integer:
            raise ProofError(f"monotone: the domain of {x} has no closed lower end")
        slope = self._derivative(expr, x)
        if not self.signs.nonnegative(slope):
            raise ProofError(f"no proof that the derivative {slope} is >= 0")
        return self._record("monotone", expr, ">=", self._plug(sympy.sympify(expr), {x: sympy.sympify(dom.low)}))

    def tangent(self, expr: Any, x: Any, at: Any) -> Fact:
        """expr(x) >= expr(at) + expr'(at)(x - at) on the domain of x, because expr'' >= 0 there."""
        at = sympy.sympify(at)
        self._check_argument(at)
        if not self._within(at, self._domain(x)):
            raise ProofError(f"tangent at {at}, outside the domain of {x}")
        slope = self._derivative(expr, x)
        curvature = sympy.together(self._derivative(slope, x))
        if not self.signs.nonnegative(curvature):
            raise ProofError(f"no proof that the second derivative {curvature} is >= 0")
        expr = sympy.sympify(expr)
        right = self._plug(expr, {x: at}) + self._plug(slope, {x: at}) * (x - at)
        return self._record("tangent", expr, ">=", right)

    def taylor(self, expr: Any, x: Any, at: Any, order: int) -> Fact:
        """expr(x) >= its Taylor polynomial at ``at`` of degree order - 1, because its derivative of that order is >= 0.

        On the domain of x, by Lagrange's form of the remainder; an odd order needs x >= at on the whole domain.
        ``tangent`` is order 2.
        """
        at, expr = sympy.sympify(at), sympy.sympify(expr)
        self._check_argument(at)
        dom = self._domain(x)
        if not self._within(at, dom):
            raise ProofError(f"expansion at {at}, outside the domain of {x}")
        if not isinstance(order, int) or not 1 <= order <= 12:
            raise ProofError("taylor takes an order between 1 and 12")
        if order % 2 and (dom.low is None or not self.signs.nonnegative(dom.low - at)):
            raise ProofError(f"{x} >= {at} is not known: an odd order needs it")
        slope, right = expr, sympy.S.Zero
        for k in range(order):
            right += self._plug(slope, {x: at}) * (x - at) ** k / sympy.factorial(k)
            slope = self._derivative(slope, x)
        if not (self.signs.nonnegative(slope) or self.signs.nonnegative(sympy.together(slope))):
            raise ProofError(f"no proof that the derivative {slope} of order {order} is >= 0")
        return self._record("taylor", expr, ">=", right)

    def integral(self, function: Any, x: Any, low: Any, high: Any, antiderivative: Any) -> Fact:
        """Integral over [low, high] == F(high) - F(low), F' = function; high may be oo (a limit)."""
        low, high = sympy.sympify(low), sympy.sympify(high)
        dom = self._domain(x)
        above = self.signs.positive if dom.low_open else self.signs.nonnegative
        below = self.signs.positive if dom.high_open else self.signs.nonnegative
        covered = dom.low is not None and above(low - dom.low) and (high is sympy.oo or above(high - dom.low))
        if dom.high is not None:
            covered = covered and high is not sympy.oo and below(dom.high - high) and below(dom.high - low)
        if not covered:
            raise ProofError(f"[{low}, {high}] is not inside the domain of {x}")
        if not is_zero(self._derivative(antiderivative, x) - function, self.signs):
            raise ProofError(f"{antiderivative} is no antiderivative of {function}")
        antiderivative = sympy.sympify(antiderivative)
        end = self._limit_at_infinity(antiderivative, x) if high is sympy.oo else self._plug(antiderivative, {x: high})
        function = sympy.sympify(function)
        k = self._bound_variable(x, function)
        left = sympy.Integral(self._plug(function, {x: k}), (k, low, high))
        return self._record("integral", left, "==", end - self._plug(antiderivative, {x: low}))

    def integral_bound(self, fact: Fact, x: Any, low: Any, high: Any, *, exist: Sequence[Fact] = ()) -> Fact:
        """From left(x) >= right(x) on [low, high]: the integrals keep the order.

        Both integrals must exist: the function is constant or continuous on [low, high], closed and bounded, by
        construction; or one of the facts ``exist`` gives the value of its integral, an expression without integrals.
        """
        self._mine(fact)
        self._check_untied(x, fact.left, fact.right)
        low, high = sympy.sympify(low), sympy.sympify(high)
        dom = self._domain(x)
        inside = dom.low is not None and self.signs.nonnegative(low - dom.low)
        inside = inside and (dom.high is None or (high is not sympy.oo and self.signs.nonnegative(dom.high - high)))
        if x not in self.generic or dom.integer or not inside or fact.hypotheses:
            raise ProofError(f"the inequality is not known on the whole of [{low}, {high}]")
        if fact.relation not in (">=", ">", "==") or not (high is sympy.oo or self.signs.nonnegative(high - low)):
            raise ProofError("integral_bound needs an inequality over an interval")
        k = self._bound_variable(x, fact.left, fact.right)
        left, right = (sympy.Integral(self._plug(e, {x: k}), (k, low, high)) for e in (fact.left, fact.right))
        used = [self._existence(e, i, x, exist) for e, i in ((fact.left, left), (fact.right, right))]
        uses = [fact, *(f for f in used if f is not None)]
        return self._record("integral bound", left, "==" if fact.relation == "==" else ">=", right, uses)

    def _existence(self, function: Any, integral: Any, x: Any, exist: Sequence[Fact]) -> Fact | None:
        """The fact that gives the integral's value, or None where the function is continuous; refused otherwise."""
        ((_, low, high),) = integral.limits
        dom = self._domain(x)
        bounded = high is not sympy.oo and not (dom.low_open and not self.signs.positive(low - dom.low))
        bounded = bounded and not (dom.high_open and not self.signs.positive(dom.high - high))
        if function == 0 or (bounded and (not function.has(x) or self._smooth(function, x))):
            return None
        for fact in exist:
            self._mine(fact)
            if fact.relation != "==" or fact.hypotheses:
                continue
            for side, value in ((fact.left, fact.right), (fact.right, fact.left)):
                if not isinstance(side, sympy.Integral) or self._names_integral(value) or len(side.limits) != 1:
                    continue
                ((t, *ends),) = side.limits
                if tuple(ends) == (low, high) and is_zero(self._plug(side.function, {t: x}) - function, self.signs):
                    return fact
        raise ProofError(f"{integral} is not known to exist: put the fact that gives its value into exist=")

    def _names_integral(self, value: Any) -> bool:
        """Whether a value holds an integral, by a definition too: such an equation gives nothing to exist."""
        names = value.free_symbols & set(self.claim.defines)
        parts = (sympy.sympify(self.claim.defines[s]) for s in names)
        return bool(value.has(sympy.Integral)) or any(map(self._names_integral, parts))

    # -- limits -----------------------------------------------------------------------------------------------

    def limit(self, expr: Any, x: Any, *, using: Sequence[Fact] = ()) -> Fact:
        """expr -> its limit as x -> oo, by comparing degrees of powers of polynomials in x.

        Terms r^x with 0 < r < 1, or exp(-c x) with c > 0, times what grows like a power, tend to zero.  The equalities
        ``using`` are put in first (a mean by its value, a definition).  All other symbols are held fixed, so none may
        be tied to x by its domain, its definition or the instance.
        """
        expr = sympy.sympify(expr)
        value = self._limit_at_infinity(self._apply(expr, using), x)
        return self._record("limit", AtInfinity(expr, x), "->", value, using, note=f"{x} -> oo")

    def growth(self, expr: Any, n: Any) -> Fact:
        """GrowthExponent(expr, n) == p: expr is c n^p (1 + o(1)) with c > 0, all other symbols held fixed."""
        expr = sympy.sympify(expr)
        self._free_to_grow(expr, n)
        try:
            power, lead = self._leading(expr, n)
        except ProofError:
            power, lead = self._leading(sympy.together(expr), n)
        if not self.signs.positive(lead):
            raise ProofError(f"the leading coefficient {lead} is not proved to be positive")
        return self._record("growth", GrowthExponent(expr, n), "==", power)

    def _free_to_grow(self, expr: Any, x: Any) -> None:
        """x may go to infinity while the other symbols of expr stay where they are."""
        if self._domain(x).high is not None or x in self.claim.defines:
            raise ProofError(f"{x} does not run to infinity")
        if any(x in supposition.expr.free_symbols for supposition in self.open.values()):
            raise ProofError(f"{x} is tied by a supposition that is still open")
        values = expr.atoms(*_VALUES)
        if values and x not in self.generic:
            raise ProofError(f"{next(iter(values))} comes out of the instance and may change while {x} grows")
        relations = self._assumed_relations() if x not in self.generic else []
        for name, symbols in relations:
            if symbols == {x}:
                raise ProofError(f"{x} is tied by the assumption {name!r}")
        todo, seen = expr.free_symbols - {x}, set()
        while todo:
            s = todo.pop()
            seen.add(s)
            dom = self.signs.domains.get(s)
            if dom is not None and dom.observed and x not in self.generic:  # a generic x is chosen after the instance
                raise ProofError(f"{s} comes out of the instance and may change while {x} grows")
            ties = [] if dom is None else [dom.low, dom.high]
            names = {t for e in [*ties, self.claim.defines.get(s)] for t in getattr(e, "free_symbols", ())}
            if x in names:
                raise ProofError(f"{s} is tied to {x} by its domain or definition: put in what it is")
            for name, symbols in relations:
                if s in symbols and x in symbols:
                    raise ProofError(f"{x} is tied by the assumption {name!r}")
                names |= symbols if s in symbols else set()
            todo |= names - seen

    def _assumed_relations(self) -> list[tuple[str, set[Any]]]:
        """Names of assumptions with the symbols that each of their relations ties together."""
        found = []
        for a in self.claim.assumptions:
            given = [] if a.schema is None else inspect.signature(a.schema).parameters.values()
            free = [sympy.Dummy(integer=True) for p in given if p.default is p.empty]
            try:
                relations = [] if a.schema is None else a.schema(*free)
                many = relations if isinstance(relations, (list, tuple)) else [relations]
                sides = [[sympy.sympify(e) for e in self._relation(r)[::2]] for r in many]
            except Exception:  # about vectors, matrices or functions, not about numbers
                continue
            found += [(a.name, {s for e in pair for s in e.free_symbols} - set(free)) for pair in sides]
        return found

    def _limit_at_infinity(self, expr: Any, x: Any) -> Any:
        self._free_to_grow(expr, x)
        expr = self._without_exponentials(expr, x)
        if not expr.has(x):
            return expr
        together = sympy.together(expr)
        power, lead = self._leading(together, x)
        if is_zero(power, self.signs):
            return lead
        if self.signs.positive(-power):
            return sympy.S.Zero
        raise ProofError(f"{expr} does not tend to a finite limit that the kernel can prove (degree {power})")

    def _without_exponentials(self, expr: Any, x: Any) -> Any:
        """expr without the terms that fall faster than any power of x as x -> oo."""
        terms = sympy.Add.make_args(sympy.expand(expr))
        kept = [term for term in terms if not self._falls_exponentially(term, x)]
        if len(kept) == len(terms):
            return expr
        check_defined(expr, self.signs)
        return sympy.Add(*kept)

    def _falls_exponentially(self, term: Any, x: Any) -> bool:
        """Whether a term is a product of some r^(k x + ...), 0 < r < 1 and k > 0, and of what grows like a power."""
        falling, rest = [], []
        for factor in sympy.Mul.make_args(term):
            base, exponent = (sympy.E, factor.args[0]) if isinstance(factor, sympy.exp) else factor.as_base_exp()
            slope = sympy.expand(exponent).coeff(x, 1)
            if slope == 0 or base.has(x) or sympy.expand(exponent - slope * x).has(x):
                rest.append(factor)
            elif self._tends_to_zero(base, slope):
                falling.append(factor)
            else:
                return False
        if not falling:
            return False
        try:
            self._leading(sympy.Mul(*rest), x)
        except ProofError:
            return False
        return all(self.signs.real(sympy.expand(f.as_base_exp()[1])) for f in falling)

    def _tends_to_zero(self, base: Any, slope: Any) -> bool:
        """Whether base^(slope x) -> 0 exponentially."""
        if base is sympy.E or self.signs.positive(base - 1):
            return self.signs.positive(-slope)
        return self.signs.positive(base) and self.signs.positive(1 - base) and self.signs.positive(slope)

    def _leading(self, expr: Any, x: Any) -> tuple[Any, Any]:
        """(p, c) with expr = c x^p (1 + o(1)) as x -> oo; expr a product of powers of polynomials in x."""
        if not expr.has(x):
            return sympy.S.Zero, expr
        if expr == x:
            return sympy.S.One, sympy.S.One
        if expr.is_Mul:
            parts = [self._leading(a, x) for a in expr.args]
            return sympy.Add(*[p for p, _ in parts]), sympy.Mul(*[c for _, c in parts])
        if expr.is_Pow and not expr.exp.has(x):
            power, lead = self._leading(expr.base, x)
            if not expr.exp.is_Integer and not self.signs.positive(lead):
                raise ProofError(f"{expr.base} is not proved to be positive for large {x}")
            return power * expr.exp, lead**expr.exp
        if expr.is_Add:
            return self._leading_of_sum(expr, x)
        raise ProofError(f"no rule for the growth of {expr} in {x}")

    def _leading_of_sum(self, expr: Any, x: Any) -> tuple[Any, Any]:
        terms = list(sympy.Add.make_args(sympy.expand(expr)))
        for _ in range(16):
            gathered = self._by_power(terms, x)
            groups = [(p, sympy.Add(*[lead for lead, _ in parts])) for p, parts in gathered]
            lost = [
                [term for _, term in parts]
                for (_, c), (_, parts) in zip(groups, gathered, strict=True)
                if is_zero(c, self.signs) and not all(_is_monomial(term, x) for _, term in parts)
            ]
            if not lost:
                break
            # The leading terms cancel and leave a rest of lower order: bring it to a common denominator.
            terms = [term for term in terms if term not in lost[0]] + [_over_one_denominator(lost[0])]
        else:
            raise ProofError(f"the leading terms of {expr} cancel: no rule for what is left")
        groups = [(p, c) for p, c in groups if not is_zero(c, self.signs)]
        for p, c in groups:
            if all(q is p or self.signs.positive(p - q) for q, _ in groups):
                if not self.signs.nonzero(c):
                    raise ProofError(f"the leading coefficient {c} may vanish")
                return p, c
        raise ProofError(f"no dominant term in {expr} as {x} -> oo")

    def _by_power(self, terms: Sequence[Any], x: Any) -> list[tuple[Any, list[tuple[Any, Any]]]]:
        """Powers p with their terms c x^p (1 + o(1)), as (c, term)."""
        gathered: list[tuple[Any, list[tuple[Any, Any]]]] = []
        for term in terms:
            power, lead = self._leading(term, x)
            for p, parts in gathered:
                if is_zero(p - power, self.signs):
                    parts.append((lead, term))
                    break
            else:
                gathered.append((power, [(lead, term)]))
        return gathered


def _is_monomial(term: Any, x: Any) -> bool:
    """Whether a term is c x^p exactly."""
    return all(not f.has(x) or f.as_base_exp()[0] == x for f in sympy.Mul.make_args(term))


def _over_one_denominator(terms: Sequence[Any]) -> Any:
    top, bottom = sympy.fraction(sympy.together(sympy.Add(*terms)))
    if bottom == 1:
        raise ProofError(f"the leading terms of {sympy.Add(*terms)} cancel: no rule for what is left")
    return sympy.expand(top) / bottom
