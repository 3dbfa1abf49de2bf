"""Rules that decide an inequality by an algorithm: one variable, boxes, polynomials; and splitting into cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..errors import ProofError
from ..language import Mean
from .algebra import NormalForms, check_defined, is_zero
from .fact import Fact
from .rational import nonnegative
from .scalars import ScalarRules

_ENTIRE = (sympy.exp, sympy.log, sympy.Abs, sympy.Max, sympy.Min, sympy.sin, sympy.cos, sympy.atan, sympy.tanh)


class InequalityRules(ScalarRules):
    """univariate, nonneg_on_box, polynomial, by_cases."""

    def univariate(self, expr: Any, variable: Any, low: Any, high: Any) -> Fact:
        """A rational function of one variable with rational coefficients is >= 0 on [low, high] (rational ends, or
        +-oo), by exact root isolation; every denominator in it must be free of roots there.

        The variable must be declared on a domain inside [low, high].  An end that the domain excludes may be a pole.
        """
        expr, (low, high) = sympy.sympify(expr), map(sympy.sympify, (low, high))
        self._denominators(expr, lambda base: self.univariate(base, variable, low, high))
        strict = nonnegative(expr, variable, low, high, *self._confined(variable, low, high))
        return self._record(
            "univariate",
            expr,
            ">" if strict else ">=",
            0,
            note=f"on [{low}, {high}]",
            witness={"variable": str(variable), "low": str(low), "high": str(high)},
            defined=True,
        )

    def nonneg_on_box(
        self, expr: Any, box: Mapping[Any, Any], *, cuts: Mapping[Any, Sequence[Any]] | None = None, cells: int = 4000
    ) -> Fact:
        """An elementary expression is > 0 (or >= 0) for all values of its variables, by ball arithmetic on a box.

        Covers exp, log, roots, powers, sin, cos, tan, atan, tanh, sinh, cosh, erf, gamma, loggamma, factorial,
        polygamma, Abs, Max and Min.  Zero is decided only where it is reached at an end of a cell, in one variable.

        Parameters
        ----------
        expr : the only symbols in it are those of ``box``
        box : (low, high) by symbol, rational or infinite; each symbol's domain must be proved to lie inside
        cuts : rational points, by symbol, where cells are cut first: put there the points where expr is zero
        cells : how many cells may be looked at

        Raises
        ------
        ProofError
            expr is negative somewhere, may be undefined, or nothing is proved within the budget
        """
        from .boxes import BoxProver

        expr = sympy.sympify(expr)
        self._denominators(expr, lambda base: self.nonneg_on_box(base, box, cuts=cuts, cells=cells))
        self._admit(expr)
        if expr.free_symbols - set(box):
            raise ProofError(f"no side of the box for {expr.free_symbols - set(box)}")
        ends, open_low = {}, set()
        for x, (low, high) in box.items():
            low, high = sympy.sympify(low), sympy.sympify(high)
            if self._confined(x, low, high)[0]:
                open_low.add(x)
            ends[x] = (low, high)
        points = {x: [sympy.Rational(p) for p in ps] for x, ps in (cuts or {}).items()}
        strict = BoxProver(ends, open_low, self._is_zero_value, points, cells).nonnegative(expr)
        note = ", ".join(f"{x} in [{a}, {b}]" for x, (a, b) in ends.items())
        witness = {"box": {str(x): [str(a), str(b)] for x, (a, b) in ends.items()}}
        witness["cuts"] = {str(x): [str(a) for a in ps] for x, ps in points.items()}
        return self._record(
            "box", expr, ">" if strict else ">=", 0, note=f"ball arithmetic, {note}", witness=witness, defined=True
        )

    def _denominators(self, expr: Any, prove: Callable[[Any], Fact]) -> None:
        """Facts that say of which sign each denominator is, where the kernel's signs do not tell."""
        for power in expr.atoms(sympy.Pow):
            if power.exp.is_negative and not self.signs.nonzero(power.base):
                try:
                    prove(power.base)
                except ProofError:
                    prove(-power.base)

    def _is_zero_value(self, value: Any) -> bool:
        try:
            return is_zero(value, self.signs)
        except ProofError:
            return False

    def _confined(self, variable: Any, low: Any, high: Any) -> tuple[bool, bool]:
        """Whether the variable never reaches low, high; it must be proved to lie between them."""
        if not getattr(variable, "is_Symbol", False) or not self.signs.real(variable):
            raise ProofError(f"{variable} is no real variable")
        dom = self._domain(variable)
        if not all(end.is_Rational or end in (sympy.oo, -sympy.oo) for end in (low, high)) or not low < high:
            raise ProofError(f"[{low}, {high}] is no interval between rational or infinite ends")
        opens = []
        for end, own, own_open in ((low, dom.low, dom.low_open), (high, dom.high, dom.high_open)):
            if not end.is_finite:
                opens.append(True)
                continue
            gap = None if own is None else own - end if end is low else end - own
            if gap is None or not self.signs.nonnegative(gap):
                raise ProofError(f"{variable} is not confined to [{low}, {high}]")
            opens.append(own_open or self.signs.positive(gap))
        return opens[0], opens[1]

    def polynomial(self, target: Any, given: Sequence[Fact] = (), *, cells: int = 2000, seconds: int = 10) -> Fact:
        """A polynomial inequality that follows from polynomial facts and the rational ends of the domains.

        A fact is made only if two engines agree: Z3's nlsat finds the negation unsatisfiable, and subdivision with
        Bernstein coefficients over Q proves the inequality.  Atoms other than symbols (inner products, function
        values) count as unrelated reals.  Where the target touches zero, use a certificate.

        Parameters
        ----------
        target : relation ``>=`` or ``>`` between polynomials with rational coefficients
        given : facts ``>=``, ``>`` or ``==`` between polynomials
        cells, seconds : budgets of the two engines
        """
        from .bernstein import as_box, positive_on_box
        from .nlsat import z3_refutes_negation

        left, relation, right = self._relation(target)
        if relation not in (">=", ">") or any(f.relation not in (">=", ">", "==") for f in given):
            raise ProofError("polynomial takes inequalities, from inequalities and equalities")
        self._admit(left - right)
        for f in given:
            self._mine(f)
        forms = NormalForms([left - right, *(f.expr for f in given)], self.signs)
        if forms.relations or not all(v.den.is_constant() for v in forms.forms):
            raise ProofError("polynomial takes polynomials: no roots, no denominators")
        if not forms.atoms or not all(self.signs.real(a) for a in forms.atoms):
            raise ProofError("polynomial needs real variables")
        polys = [v.num * (1 / v.den.leading_coefficient()) for v in forms.forms]
        sides = [(p, f.relation) for p, f in zip(polys[1:], given, strict=True)]
        box = as_box([self.signs.domains.get(a) for a in forms.atoms])
        strict = relation == ">"
        positive_on_box(polys[0], sides, box, strict=strict, cells=cells)
        answer = z3_refutes_negation(polys[0], sides, box, strict=strict, seconds=seconds)
        if answer != "proved":
            raise ProofError(f"subdivision proves {left} {relation} {right}, but Z3 answers {answer}")
        return self._record("polynomial", left, relation, right, given, note="Z3 nlsat and Bernstein subdivision agree")

    def by_cases(
        self,
        expr: Any,
        when_nonnegative: Callable[[Fact], Fact],
        when_negative: Callable[[Fact], Fact],
        *,
        note: str = "",
    ) -> Fact:
        """A fact that is proved both from expr >= 0 and from expr < 0.

        ``expr`` is a real expression in parameters of the claim, generic integers and values of functions that the
        claim assumes to be constant (terms of a sequence): nothing random and no generic real, so that no expectation,
        derivative or integral is taken across the cases.  A limit in one of its symbols is refused while a case is
        open.

        Parameters
        ----------
        when_nonnegative : given the supposition expr >= 0, returns a fact
        when_negative : given the supposition -expr > 0, returns the same fact
        """
        expr = sympy.sympify(expr)
        self._admit(expr)
        check_defined(expr, self.signs)
        reals = {s for s in self.generic if not self._domain(s).integer}
        if not (self.signs.deterministic(expr) and self.signs.real(expr)) or expr.free_symbols & reals:
            raise ProofError(f"by_cases: {expr} is not known to be a real constant of the instance")
        if not self._finite(expr):
            raise ProofError(f"by_cases: {expr} is not known to be a finite number")
        found = []
        admitted = set(self.signs.used)
        for left, relation, branch in ((expr, ">=", when_nonnegative), (-expr, ">", when_negative)):
            supposition = self._suppose(left, relation, sympy.S.Zero, f"case {left} {relation} 0")
            try:
                result = branch(supposition)
                self._mine(result)
                found.append((result, supposition.number))
            finally:
                del self.open[supposition.number]
                self.signs.forget()
        (one, first), (two, second) = found
        relation = _weaker(one.relation, two.relation)
        for side in (one.left, one.right, two.left, two.right):
            if isinstance(side, sympy.MatrixExpr):
                raise ProofError("by_cases is for scalars")
            check_defined(side, self.signs)
        if not is_zero(one.expr - two.expr, self.signs):
            raise ProofError(f"the cases prove different things: {one}, and {two}")
        self.signs.used |= admitted
        return self._record(
            "cases",
            one.left,
            relation,
            one.right,
            [one, two],
            discharge={first, second},
            note=note,
            witness={"cases": [first, second]},
        )

    def _finite(self, e: Any) -> bool:
        """Whether a real expression, its denominators checked, has a value: no poles, no 0^-p, nothing infinite."""
        if e.is_Pow and not e.exp.is_Integer:
            good = self.signs.positive(e.base) or (e.exp.is_Rational and e.exp > 0)
            return good and self._finite(e.base) and self._finite(e.exp)
        known = e.is_Symbol or e.is_Rational or e in (sympy.pi, sympy.E) or isinstance(e, Mean)
        known = known or (isinstance(e, AppliedUndef) and e.func in self.signs.constant)
        entire = e.is_Add or e.is_Mul or e.is_Pow or isinstance(e, _ENTIRE)
        return bool(known) or bool(entire and all(self._finite(a) for a in e.args))


def _weaker(a: str, b: str) -> str:
    if not {a, b} <= {">=", ">", "=="}:
        raise ProofError("by_cases takes equalities and inequalities")
    return a if a == b else ">="
