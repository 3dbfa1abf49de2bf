"""Proved signs of scalar expressions, from the domains of symbols and from facts already established.

The answer is a pair (sign, strict): +1/-1 and whether zero is excluded, or None where nothing is proved.  Every
rule is one line of mathematics: sums and products of signed terms, even powers, |u|^2 >= 0, tr(M M^T) >= 0, a
polynomial with non-negative coefficients in non-negative atoms (after shifting symbols to their lower ends).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..domain import Domain
from ..errors import ProofError
from ..language import (
    DiagonalSum,
    GrowthExponent,
    Inner,
    Mean,
    NormalMean,
    PairMean,
    Prob,
    TimeDerivative,
    is_vector_atom,
)
from .algebra import NormalForms, is_zero
from .matrix import transpose_word, words

Sign = tuple[int, bool] | None
_REAL = (  # real at every tuple of real arguments at which they are defined
    sympy.Add, sympy.Mul, sympy.Pow, sympy.exp, sympy.sin, sympy.cos, sympy.tan, sympy.sinh, sympy.cosh, sympy.tanh,
    sympy.atan, sympy.erf, sympy.Abs, sympy.Max, sympy.Min, sympy.sign, sympy.floor, sympy.ceiling,
)  # fmt: skip
_MAX_DEPTH = 24


class Signs:
    """Sign oracle over registered symbols.

    ``known`` yields (expression, relation, note) of the facts that may be matched; ``note`` is called with the
    fact's number when one was used, so that the step that asked can cite it.
    """

    def __init__(self, domains: dict[Any, Domain], known: Callable[[], Iterable[tuple[Any, str, int]]]):
        self.domains = domains
        self._known = known
        self.used: set[int] = set()
        self.random: set[Any] = set()
        self.constant: set[Any] = set()  # functions whose values are not random
        self.integral: set[Any] = set()  # functions whose values are integers
        self._memo: dict[Any, tuple[Sign, frozenset[int]]] = {}
        self._depth = 0

    def forget(self) -> None:
        """Call when facts or domains were added."""
        self._memo.clear()

    # -- the oracle protocol ----------------------------------------------------------------------------------

    def positive(self, expr: Any) -> bool:
        return self.sign(expr) == (1, True)

    def nonnegative(self, expr: Any) -> bool:
        s = self.sign(expr)
        return s is not None and (s[0] == 1 or s == (0, False))

    def nonzero(self, expr: Any) -> bool:
        s = self.sign(expr)
        if s is not None and s[1]:
            return True
        return self._known_nonzero(sympy.sympify(expr))

    def integer(self, expr: Any) -> bool:
        expr = sympy.sympify(expr)
        if expr.is_Integer:
            return True
        if expr.is_Symbol:
            dom = self.domains.get(expr)
            return bool(dom is not None and dom.integer)
        if isinstance(expr, AppliedUndef):
            return expr.func in self.integral and not is_vector_atom(expr)
        if expr.is_Pow and expr.exp.is_Integer and expr.exp >= 0:
            return self.integer(expr.base)
        return (expr.is_Add or expr.is_Mul) and all(self.integer(a) for a in expr.args)

    def deterministic(self, expr: Any) -> bool:
        """Numbers and registered symbols not declared random are; vectors and functions of vectors are not."""
        expr = sympy.sympify(expr)
        if isinstance(expr, Mean):
            return True
        if expr.is_Symbol:
            return expr in self.domains and expr not in self.random
        if expr.is_number:
            return True
        if isinstance(expr, AppliedUndef) and expr.func in self.constant:
            return not is_vector_atom(expr) and all(self.deterministic(a) for a in expr.args)
        if is_vector_atom(expr) or isinstance(expr, (Inner, sympy.Trace, AppliedUndef)):
            return False
        return bool(expr.args) and all(self.deterministic(a) for a in expr.args)

    def real(self, expr: Any) -> bool:
        """Whether the expression is a real number (radicals of non-negative bases, logs of positive arguments)."""
        expr = sympy.sympify(expr)
        if is_vector_atom(expr):
            return False
        if expr.is_Pow and not expr.exp.is_Integer:
            return self.real(expr.base) and self.real(expr.exp) and self.nonnegative(expr.base)
        if isinstance(expr, (sympy.log, sympy.gamma, sympy.loggamma)):
            return self.positive(expr.args[0])
        if isinstance(expr, sympy.polygamma):
            return self.nonnegative(expr.args[0]) and self.integer(expr.args[0]) and self.positive(expr.args[1])
        if isinstance(expr, sympy.factorial):
            return self.nonnegative(expr.args[0])
        if isinstance(expr, (sympy.asin, sympy.acos)):
            return self.nonnegative(1 - expr.args[0]) and self.nonnegative(1 + expr.args[0])
        if isinstance(expr, (sympy.Trace, sympy.Determinant)):
            return self._real_matrix(expr.args[0])
        if expr.is_number and not expr.args:
            return bool(expr.is_real)
        if isinstance(expr, (Mean, PairMean, NormalMean)):
            return all(self.real(a) for a in expr.args)
        if isinstance(expr, (sympy.Sum, sympy.Integral)):
            return self.real(expr.function)
        if isinstance(expr, (Inner, Prob, DiagonalSum, TimeDerivative, AppliedUndef)) or expr.is_Symbol:
            return True
        return isinstance(expr, _REAL) and all(self.real(a) for a in expr.args)

    def _real_matrix(self, matrix: Any) -> bool:
        """Whether the coefficients of a matrix expression are real; its letters are."""
        try:
            return all(self.real(c) for c in words(matrix).values())
        except ProofError:
            return False

    # -- signs ------------------------------------------------------------------------------------------------

    def sign(self, expr: Any) -> Sign:
        expr = sympy.sympify(expr)
        if expr in self._memo:
            sign, used = self._memo[expr]
            self.used |= used
            return sign
        if self._depth >= _MAX_DEPTH:
            return None
        before, self.used = self.used, set()
        self._depth += 1
        try:
            sign = self._sign(expr)
            if sign is None or not sign[1]:
                sign = self._from_facts(expr, sign)
        finally:
            self._depth -= 1
            mine, self.used = frozenset(self.used), before | self.used
        if sign is not None or self._depth == 0:
            self._memo[expr] = (sign, mine)
        return sign

    def _sign(self, e: Any) -> Sign:
        direct = self._structural(e)
        if direct is not None and direct[1]:
            return direct
        if e.is_Add or e.is_Mul or (e.is_Pow and e.exp.is_Integer):
            better = self._by_normal_form(e)
            return better if better is not None else direct
        return direct

    def _structural(self, e: Any) -> Sign:
        if e.is_Rational:
            return (int(sympy.sign(e)), bool(e != 0))
        if e is sympy.pi or e is sympy.E:
            return (1, True)
        if e.is_Symbol:
            return self._symbol(e)
        if isinstance(e, sympy.exp):
            return (1, True) if self.real(e.args[0]) else None
        if e.is_Add:
            return _add([self.sign(a) for a in e.args])
        if e.is_Mul:
            return _mul([self.sign(a) for a in e.args])
        if e.is_Pow:
            return self._power(e)
        if isinstance(e, Inner):
            return (1, False) if e.args[0] == e.args[1] else None
        if isinstance(e, Mean):
            return self.sign(e.args[0])
        if isinstance(e, Prob):
            return (1, False)
        if isinstance(e, sympy.Abs):
            return (1, self.nonzero(e.args[0]))
        if isinstance(e, sympy.log) and self.positive(e.args[0]):
            return self.sign(e.args[0] - 1)
        if isinstance(e, sympy.Trace):
            return (1, False) if _is_square(e.arg) else None
        if isinstance(e, (sympy.Sum, sympy.Integral)) and len(e.limits) == 1 and len(e.limits[0]) == 3:
            return self._under_binder(e)
        if isinstance(e, sympy.Max):
            signs = [self.sign(a) for a in e.args]
            best = [s for s in signs if s is not None and s[0] == 1]
            return (1, any(s[1] for s in best)) if best else None
        if isinstance(e, sympy.Min):
            signs = [self.sign(a) for a in e.args]
            if all(s is not None and s[0] == 1 for s in signs):
                return (1, all(s is not None and s[1] for s in signs))
        if isinstance(e, (sympy.gamma, sympy.factorial)) and self.positive(e.args[0]):
            return (1, True)
        if isinstance(e, GrowthExponent):
            return None
        return None

    def _symbol(self, s: Any) -> Sign:
        dom = self.domains.get(s)
        if dom is None:
            return None
        if dom.low is not None:
            low = self.sign(dom.low)
            if low is not None and low[0] >= 0:
                return (1, low[1] or dom.low_open)
        if dom.high is not None:
            high = self.sign(dom.high)
            if high is not None and (high[0] <= 0):
                return (-1, high[1] or dom.high_open)
        return None

    def _power(self, e: Any) -> Sign:
        base, exponent = e.base, e.exp
        if exponent.is_Integer and exponent % 2 == 0:
            if not self.real(base):
                return None
            strict = self.nonzero(base)
            return None if exponent < 0 and not strict else (1, strict)
        s = self.sign(base)
        if s is None:
            return None
        if exponent.is_Integer:
            return None if exponent < 0 and not s[1] else (s[0], s[1])
        if s == (1, True):
            return (1, True) if self.real(exponent) else None
        if s[0] == 1 and exponent.is_Rational:
            return (1, False) if exponent > 0 else None
        if s[0] == 1 and self.nonnegative(exponent):
            return (1, False)
        return None

    def _under_binder(self, e: Any) -> Sign:
        k, a, b = e.limits[0]
        shadowed = self.domains.get(k)
        if shadowed is not None:
            return None
        if isinstance(e, sympy.Integral) and not self.nonnegative(b - a) and b is not sympy.oo:
            return None
        self.domains[k] = Domain(
            low=a,
            high=None if b is sympy.oo else b,
            low_open=isinstance(e, sympy.Integral),
            integer=isinstance(e, sympy.Sum),
        )
        memo, self._memo = self._memo, {}
        try:
            s = self.sign(e.function)
        finally:
            del self.domains[k]
            self._memo = memo
        return None if s is None else (s[0], False)

    # -- polynomials ------------------------------------------------------------------------------------------

    def _by_normal_form(self, e: Any) -> Sign:
        try:
            forms = NormalForms([e], self)
        except ProofError:
            return None
        value = forms.forms[0]
        if value.num.is_zero():
            return (0, False)
        sign: Sign = (1, True)
        for poly in (value.num, value.den):
            constant, factors = poly.factor()
            parts: list[Sign] = [(1 if constant > 0 else -1, True)]
            for factor, multiplicity in factors:
                s = self._polynomial(forms, factor, skip=e)
                if multiplicity % 2 == 0:
                    s = (1, bool(s and s[1])) if self.real(forms.to_sympy(factor)) else None
                if s is None:
                    return None
                parts.append(s)
            sign = _mul([sign, *parts])
        return sign

    def _polynomial(self, forms: NormalForms, poly: Any, skip: Any) -> Sign:
        signs = [self._structural(a) if a != skip else None for a in forms.atoms]
        real = [self.real(a) for a in forms.atoms]
        found = _monomials(poly, signs, real)
        if found is not None:
            return found
        expr = forms.to_sympy(poly)
        if expr != skip:
            found = self._from_facts(expr, None)
            if found is not None:
                return found
        shifted, gens = poly, list(forms.context.gens())
        changed = False
        for i, atom in enumerate(forms.atoms):
            dom = self.domains.get(atom) if atom.is_Symbol else None
            low = sympy.sympify(dom.low) if dom is not None and dom.low is not None else None
            if low is not None and low.is_Rational and low != 0 and poly.degrees()[i] > 0:
                from flint import fmpq

                gens[i] = gens[i] + forms.context.constant(fmpq(int(low.p), int(low.q)))
                signs[i] = (1, bool(dom and dom.low_open))
                changed = True
        if changed:
            shifted = poly.compose(*gens, ctx=forms.context)
            return _monomials(shifted, signs, real)
        return None

    def _from_facts(self, expr: Any, have: Sign) -> Sign:
        """Match expr against +-(positive rational) * (an established fact)."""
        if expr.is_Atom and not expr.is_Symbol:
            return have
        symbols = expr.free_symbols
        for other, relation, number in self._known():
            if relation not in (">", ">=") or other.free_symbols != symbols:
                continue
            ratio = _ratio(expr, other)
            if ratio is None:
                continue
            found = (1 if ratio > 0 else -1, relation == ">")
            if have is None or (found[1] and not have[1]):
                self.used.add(number)
                return found
        return have

    def _known_nonzero(self, expr: Any) -> bool:
        for other, relation, number in self._known():
            if relation in ("!=", ">") and other.free_symbols == expr.free_symbols and _ratio(expr, other) is not None:
                self.used.add(number)
                return True
        if expr.is_Mul:
            return all(self.nonzero(a) for a in expr.args)
        if expr.is_Pow and expr.exp.is_Integer:
            return self.nonzero(expr.base)
        return False


class Blind:
    """Knows nothing; equality of polynomials needs no more."""

    def positive(self, expr: Any) -> bool:
        return bool(expr.is_Rational and expr > 0)

    def nonnegative(self, expr: Any) -> bool:
        return bool(expr.is_Rational and expr >= 0)

    def nonzero(self, expr: Any) -> bool:
        return bool(expr.is_Rational and expr != 0)

    def integer(self, expr: Any) -> bool:
        return bool(expr.is_Integer)

    def deterministic(self, expr: Any) -> bool:
        return bool(expr.is_number)

    def real(self, expr: Any) -> bool:
        return bool(expr.is_Rational)


def _ratio(a: Any, b: Any) -> Any:
    """The rational c with a = c b, or None."""
    if a == b:
        return sympy.S.One
    if a == -b:
        return sympy.S.NegativeOne
    try:
        forms = NormalForms([a, b], Blind()).forms
    except ProofError:
        return None
    left, right = forms[0].num * forms[1].den, forms[1].num * forms[0].den
    if left.is_zero() or right.is_zero():
        return None
    c = left.leading_coefficient() / right.leading_coefficient()
    return sympy.Rational(int(c.p), int(c.q)) if left == right * c else None


def _monomials(poly: Any, signs: list[Sign], real: list[bool]) -> Sign:
    """Sign of a polynomial all of whose terms have one sign."""
    terms: list[Sign] = []
    for exponents, c in poly.to_dict().items():
        parts: list[Sign] = [(1 if c > 0 else -1, True)]
        for i, k in enumerate(exponents):
            if not k:
                continue
            s = signs[i]
            if k % 2 == 0:
                parts.append((1, bool(s and s[1])) if real[i] else None)
            else:
                parts.append(s)
        terms.append(_mul(parts))
    return _add(terms)


def _add(signs: list[Sign]) -> Sign:
    total = [s for s in signs if s is not None and s != (0, False)]
    if len(total) != len([s for s in signs if s != (0, False)]):
        return None
    if not total:
        return (0, False)
    if len({s[0] for s in total}) > 1:
        return None
    return (total[0][0], any(s[1] for s in total))


def _mul(signs: list[Sign]) -> Sign:
    sign, strict = 1, True
    for s in signs:
        if s is None:
            return None
        if s[0] == 0:
            return (0, False)
        sign *= s[0]
        strict = strict and s[1]
    return (sign, strict)


def _is_square(arg: Any) -> bool:
    """Whether tr(arg) is tr(M M^T) for a word M, up to rotation."""
    terms = words(arg)
    if len(terms) != 1:
        return False
    ((w, c),) = terms.items()
    if not (c.is_Rational and c > 0) or len(w) % 2:
        return False
    half = len(w) // 2
    return any(
        turned[half:] == transpose_word(turned[:half]) for turned in (w[k:] + w[:k] for k in range(max(1, len(w))))
    )


def same(a: Any, b: Any, signs: Signs) -> bool:
    """Equality by normal form."""
    return is_zero(sympy.sympify(a) - sympy.sympify(b), signs)
