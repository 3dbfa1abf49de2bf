"""Rules for scalar equalities and inequalities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..errors import ProofError
from ..language import Inner, MatrixTerm, Mean, NormalMean, Prob, TimeDerivative, linear_parts, sq
from .algebra import check_defined, is_zero
from .context import BINDERS, LIMITS, bound_symbols
from .fact import Fact
from .matrices import MatrixRules


class ScalarRules(MatrixRules):
    """identity, sign, certificate, rewrite, product, antisymmetry, extreme, addition, root, logarithm,
    power."""

    def identity(self, left: Any, right: Any = 0, *, using: Sequence[Fact] = ()) -> Fact:
        """left == right, by exact normal form, after the equalities ``using`` were put in."""
        a, b = sympy.sympify(left), sympy.sympify(right)
        for side in (a, b):
            check_defined(side, self.signs)
        if not is_zero(self._apply(a - b, using), self.signs):
            raise ProofError(f"not an identity: {a} == {b}")
        return self._record("identity", a, "==", b, using)

    def sign(self, expr: Any, *, note: str = "") -> Fact:
        """expr >= 0 (or > 0), from the domains of its symbols and facts already established."""
        expr = sympy.sympify(expr)
        self._admit(expr)
        if self.signs.positive(expr):
            return self._record("sign", expr, ">", 0, note=note)
        if self.signs.nonnegative(expr):
            return self._record("sign", expr, ">=", 0, note=note)
        raise ProofError(f"no proof that {expr} >= 0")

    def certificate(
        self,
        target: Any,
        combine: Sequence[tuple[Any, Fact]] = (),
        squares: Sequence[tuple[Any, Any]] = (),
        *,
        using: Sequence[Fact] = (),
        note: str = "",
    ) -> Fact:
        """target, because left - right = sum(multiplier * slack) + sum(weight * square) exactly.

        Parameters
        ----------
        target : relation (``Le``, ``Ge``, ``Eq``…), or an expression that is to be >= 0
        combine : (multiplier, fact); a multiplier must be proved >= 0, of any sign where the fact is an equality
        squares : (weight >= 0, u); u a vector (|u|^2), a matrix (tr u u^T) or a real scalar (u^2)
        using : equalities (update rules, definitions, matrix equations) put in before the two sides are compared
        """
        left, relation, right = self._relation(target)
        if relation not in (">=", ">", "=="):
            raise ProofError(f"a certificate proves no statement with {relation}")
        total = sympy.S.Zero
        strict = False
        for multiplier, fact in combine:
            self._mine(fact)
            multiplier = sympy.sympify(multiplier)
            check_defined(multiplier, self.signs)
            if fact.relation in (">=", ">"):
                if not self.signs.nonnegative(multiplier):
                    raise ProofError(f"multiplier {multiplier} is not proved to be non-negative")
                strict |= fact.relation == ">" and self.signs.positive(multiplier)
            elif fact.relation != "==":
                raise ProofError(f"step {fact.number} ({fact.relation}) cannot be combined")
            total += multiplier * fact.expr
        for weight, u in squares:
            weight = sympy.sympify(weight)
            if not self.signs.nonnegative(weight):
                raise ProofError(f"weight {weight} of a square is not proved to be non-negative")
            total += weight * self._square(u)
        if relation == "==" and (squares or any(f.relation != "==" for _, f in combine)):
            raise ProofError("an equality cannot rest on inequalities")
        if relation == ">" and not strict:
            raise ProofError("a strict inequality needs a strict fact with a positive multiplier")
        if not is_zero(self._apply(left - right - total, using), self.signs):
            raise ProofError(f"the certificate does not add up to {left} {relation} {right}")
        uses = [*(f for _, f in combine), *using]
        witness = {
            "multipliers": [(str(m), f.number) for m, f in combine],
            "squares": [(str(w), str(u)) for w, u in squares],
        }
        return self._record("certificate", left, relation, right, uses, note=note, witness=witness)

    def _apply(self, expr: Any, using: Sequence[Fact]) -> Any:
        """expr with equals put for equals: scalar and vector equalities one after the other, then matrix equations."""
        for eq in using:
            self._mine(eq)
            if eq.relation != "==":
                raise ProofError(f"step {eq.number} is no equality")
            self._check_moving(expr, eq)
            if not isinstance(eq.left, sympy.MatrixExpr):
                expr = self._substitute(expr, eq.left, eq.right)
        matrices = [eq for eq in using if isinstance(eq.left, sympy.MatrixExpr)]
        for eq in matrices:
            for letter in eq.left.atoms(sympy.MatrixSymbol):
                self._check_hidden(expr, letter)
                self._check_bound(expr, letter, eq.left, eq.right)
        return self._rewrite_traces(expr, matrices) if matrices else expr

    def _square(self, u: Any) -> Any:
        u = sympy.sympify(u)
        if isinstance(u, sympy.MatrixExpr):
            self._admit(u)
            self._check_argument(u)
            return sympy.Trace(u * u.T)
        try:
            parts = linear_parts(u)
        except ValueError:
            parts = {}
        if parts:
            for coefficient in parts.values():
                check_defined(coefficient, self.signs)
                if not self.signs.real(coefficient):
                    raise ProofError(f"{coefficient} is not known to be real")
            return sq(u)
        check_defined(u, self.signs)
        if not self.signs.real(u):
            raise ProofError(f"{u} is not known to be real, so its square may be negative")
        return u**2

    def rewrite(self, fact: Fact, *equalities: Fact) -> Fact:
        """The fact with equals put for equals: scalar atoms everywhere, vector atoms inside inner products, matrix
        words inside traces and in matrix equations."""
        self._mine(fact)
        if isinstance(fact.left, sympy.MatrixExpr):
            scalar = [eq for eq in equalities if not isinstance(eq.left, sympy.MatrixExpr)]
            matrix = [eq for eq in equalities if isinstance(eq.left, sympy.MatrixExpr)]
            left, right = (self._rewrite_matrix(self._apply(e, scalar), matrix) for e in (fact.left, fact.right))
        else:
            left, right = (self._apply(e, equalities) for e in (fact.left, fact.right))
        return self._record("rewrite", left, fact.relation, right, [fact, *equalities])

    def _substitute(self, expr: Any, old: Any, new: Any) -> Any:
        if not (old.is_Symbol or isinstance(old, sympy.Function)):
            raise ProofError(f"rewriting needs a symbol or a function value on the left, not {old}")
        self._check_bound(expr, old, old, new)
        self._check_hidden(expr, old)
        if _is_vector(old):
            return expr.replace(
                lambda e: isinstance(e, Inner) and e.has(old),
                lambda e: Inner(*(_replace_linear(a, old, new) for a in e.args)),
            )
        return expr.xreplace({old: new})

    def _check_bound(self, expr: Any, changed: Any, old: Any, new: Any) -> None:
        """Refuse to put an equation old == new under a sum, integral or limit over one of its variables."""
        ours = old.free_symbols | new.free_symbols
        for binder in expr.atoms(*BINDERS) if expr.has(changed) else ():
            # An equation in a generic real holds at all its values, hence also under a derivative in it.
            everywhere = {t for t in self.generic if self._wide(t)} if isinstance(binder, sympy.Derivative) else set()
            if binder.has(changed) and (bound_symbols(binder) - everywhere) & ours:
                raise ProofError("rewriting under a sum, integral or limit whose variable occurs in the equation")
            if binder.has(changed) and isinstance(binder, LIMITS):
                self._free_to_grow(new, binder.args[1])

    def _wide(self, t: Any) -> bool:
        """Whether the domain of a generic variable is proved to hold more than one point."""
        dom = self._domain(t)
        return dom.low is None or dom.high is None or self.signs.positive(sympy.sympify(dom.high) - dom.low)

    def _check_moving(self, expr: Any, eq: Fact) -> None:
        """Refuse to put an equation of one instant into a derivative in time."""
        derivatives = expr.atoms(TimeDerivative)
        atoms = eq.left.atoms(sympy.Symbol, sympy.MatrixSymbol, AppliedUndef)
        if not any(m.has(*atoms) for m in derivatives if atoms):
            return
        terms = {x for side in (eq.left, eq.right) for x in side.atoms(MatrixTerm, AppliedUndef)}
        times = {x.index for x in terms if isinstance(x, MatrixTerm)}
        times |= {t for x in terms if isinstance(x, AppliedUndef) and x.func not in self.signs.constant for t in x.args}
        for t in times:
            dom = self.signs.domains.get(t)
            if t not in self.generic or dom is None or dom.low != 0 or dom.low_open or dom.high is not None:
                raise ProofError(f"step {eq.number} holds at {t} alone: it does not go into a derivative in time")

    def _check_hidden(self, expr: Any, old: Any) -> None:
        """Refuse to rewrite inside a mean what is divided by something that may be zero: it would cancel unseen."""
        for mean in expr.atoms(Mean, NormalMean, Prob) if expr.has(old) else ():
            for power in mean.atoms(sympy.Pow) if mean.has(old) else ():
                if not power.exp.is_nonnegative and not self.signs.nonnegative(power.exp):
                    if not self.signs.nonzero(power.base):
                        raise ProofError(f"rewriting inside {mean}, where {power.base} is not proved to be non-zero")

    def product(self, *facts: Fact) -> Fact:
        """Product of non-negative quantities is non-negative; of equalities a == b, c == d gives ac == bd."""
        for f in facts:
            self._mine(f)
        if all(f.relation == "==" for f in facts):
            left, right = sympy.Mul(*[f.left for f in facts]), sympy.Mul(*[f.right for f in facts])
            return self._record("product", left, "==", right, facts)
        if not all(f.relation in (">=", ">") for f in facts):
            raise ProofError("product of inequalities and equalities: rewrite the equality first")
        relation = ">" if all(f.relation == ">" for f in facts) else ">="
        return self._record("product", sympy.Mul(*[f.expr for f in facts]), relation, 0, facts)

    def antisymmetry(self, above: Fact, below: Fact) -> Fact:
        """From a >= b and b >= a, in any form: a == b, as the first is written."""
        for f in (above, below):
            self._mine(f)
            if f.relation != ">=" or isinstance(f.left, sympy.MatrixExpr):
                raise ProofError(f"step {f.number} is no inequality >= between scalars")
        if not is_zero(above.expr + below.expr, self.signs):
            raise ProofError(f"steps {above.number} and {below.number} are not each other's converse")
        return self._record("antisymmetry", above.left, "==", above.right, [above, below])

    def extreme(self, expr: Any, member: Any) -> Fact:
        """Max(.., member, ..) >= member, or member >= Min(.., member, ..)."""
        if not isinstance(expr, (sympy.Max, sympy.Min)) or sympy.sympify(member) not in expr.args:
            raise ProofError(f"{member} is not written among the arguments of {expr}")
        left, right = (expr, member) if isinstance(expr, sympy.Max) else (member, expr)
        return self._record("extreme", left, ">=", right)

    def addition(self, function: Any, a: Any, b: Any) -> Fact:
        """sin(a + b) == sin a cos b + cos a sin b, or cos(a + b) == cos a cos b - sin a sin b, for real a and b.

        ``function`` is ``sympy.sin`` or ``sympy.cos``; a + b is expanded first, so that multiples of pi show.
        """
        a, b = sympy.sympify(a), sympy.sympify(b)
        if function not in (sympy.sin, sympy.cos):
            raise ProofError(f"{function} is neither sin nor cos")
        for angle in (a, b):
            check_defined(angle, self.signs)
            if not self.signs.real(angle):
                raise ProofError(f"{angle} is not known to be real")
        sin, cos = sympy.sin, sympy.cos
        right = sin(a) * cos(b) + cos(a) * sin(b) if function is sin else cos(a) * cos(b) - sin(a) * sin(b)
        return self._record("addition", function(sympy.expand(a + b)), "==", right)

    def root(self, fact: Fact, u: Any) -> Fact:
        """From a >= u^2, a the left side, for a real u of either sign: a^(1/2) >= u."""
        self._mine(fact)
        u = sympy.sympify(u)
        self._check_argument(u)
        if fact.relation not in (">=", ">", "==") or not is_zero(fact.right - u**2, self.signs):
            raise ProofError(f"step {fact.number} is not {fact.left} >= ({u})^2")
        return self._record("root", sympy.sqrt(fact.left), ">=", u, [fact])

    def logarithm(self, fact: Fact) -> Fact:
        """From a == b > 0: log a == log b, written as the sum of p log(u) over factors u^p with u > 0 and real p.

        A factor that is positive as a whole (an even power of what is not zero) keeps its logarithm.
        """
        self._mine(fact)
        if fact.relation != "==" or isinstance(fact.left, sympy.MatrixExpr):
            raise ProofError(f"step {fact.number} is no equation between scalars")
        left, right = (sympy.Add(*map(self._log, sympy.Mul.make_args(e))) for e in (fact.left, fact.right))
        return self._record("logarithm", left, "==", right, [fact])

    def _log(self, factor: Any) -> Any:
        base, power = factor.as_base_exp()
        if self.signs.positive(base) and self.signs.real(power):
            check_defined(power, self.signs)
            return power * sympy.log(base)
        if not self.signs.positive(factor):
            raise ProofError(f"{factor} > 0 is not proved")
        return sympy.log(factor)

    def power(self, fact: Fact, exponent: Any) -> Fact:
        """From left >= right >= 0: left^p >= right^p for a real p >= 0 (p = 1/2: square roots)."""
        self._mine(fact)
        exponent = sympy.sympify(exponent)
        if fact.relation not in (">=", ">", "=="):
            raise ProofError("power needs an inequality")
        if not self.signs.nonnegative(fact.right) or not self.signs.nonnegative(exponent):
            raise ProofError(f"power: need {fact.right} >= 0 and {exponent} >= 0")
        relation = "==" if fact.relation == "==" else ">="
        if relation == "==" and not self.signs.nonnegative(fact.left):
            raise ProofError(f"power: need {fact.left} >= 0")
        return self._record("power", fact.left**exponent, relation, fact.right**exponent, [fact])


def _is_vector(expr: Any) -> bool:
    return getattr(expr, "is_vector_atom", False)


def _replace_linear(vector: Any, old: Any, new: Any) -> Any:
    """Replace a vector atom at the top level of a linear combination (not inside the arguments of other atoms)."""
    if vector == old:
        return new
    return sympy.Add(*[c * (new if atom == old else atom) for atom, c in linear_parts(vector).items()])
