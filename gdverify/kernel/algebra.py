"""Exact equality of scalar expressions, by normal form in a field of rational functions over Q.

An expression is read as a rational function (python-flint multivariate polynomials) in *atoms*: symbols, Gram
entries, function values, traces, powers with symbolic exponents, radicals.  Radicals and fractional exponentials
carry the one relation that defines them (s^q = base).  Two expressions are equal if the numerator of their
difference reduces to zero; a denominator must be proved non-zero first.  Incomplete by design (an atom that
could be simplified further stays an atom), never unsound: nothing here calls ``simplify`` or ``equals``.
"""

from __future__ import annotations

from typing import Any, Protocol

import sympy
from flint import Ordering, fmpq, fmpq_mpoly_ctx
from sympy.core.function import AppliedUndef

from ..errors import ProofError
from ..language import DiagonalSum, Inner, Mean, is_vector_atom

_SUMMED = sympy.Symbol("summed'", integer=True)  # the variable of every sum in normal form


class Oracle(Protocol):
    """What equality needs to know about signs and kinds; every answer True must be proved."""

    def positive(self, expr: Any) -> bool: ...
    def nonnegative(self, expr: Any) -> bool: ...
    def nonzero(self, expr: Any) -> bool: ...
    def integer(self, expr: Any) -> bool: ...
    def deterministic(self, expr: Any) -> bool: ...
    def real(self, expr: Any) -> bool: ...


class Fraction:
    """num/den over one mpoly context; the gcd is removed so that sizes stay small."""

    __slots__ = ("den", "num")

    def __init__(self, num: Any, den: Any):
        if not den.is_constant() and not num.is_zero():
            g = num.gcd(den)
            if not g.is_constant():
                num, den = divmod(num, g)[0], divmod(den, g)[0]
        if num.is_zero():
            den = den.context().constant(1)
        self.num, self.den = num, den

    def __add__(self, other: Fraction) -> Fraction:
        if self.den == other.den:
            return Fraction(self.num + other.num, self.den)
        return Fraction(self.num * other.den + other.num * self.den, self.den * other.den)

    def __mul__(self, other: Fraction) -> Fraction:
        return Fraction(self.num * other.num, self.den * other.den)

    def __pow__(self, k: int) -> Fraction:
        return Fraction(self.num**k, self.den**k) if k >= 0 else Fraction(self.den**-k, self.num**-k)


class NormalForms:
    """Normal forms of several expressions over a shared set of atoms.

    Parameters
    ----------
    expressions : SymPy scalars
    oracle : proves signs; consulted for denominators and for powers

    Raises
    ------
    ProofError
        a denominator is not known to be non-zero
    """

    def __init__(self, expressions: list[Any], oracle: Oracle):
        self.oracle = oracle
        self.atoms: list[Any] = []
        self._index: dict[Any, int] = {}
        self.relations: dict[int, tuple[int, Any]] = {}  # atom^q -> tree
        trees = [self._tree(sympy.sympify(e)) for e in expressions]
        names = tuple(f"a{i}" for i in range(max(1, len(self.atoms))))
        self.context = fmpq_mpoly_ctx.get(names, Ordering.degrevlex)
        self._gens = self.context.gens()
        self.forms = [self._reduce(self._build(tree)) for tree in trees]

    # -- reading an expression --------------------------------------------------------------------------------

    def _atom(self, expr: Any) -> tuple[Any, ...]:
        if expr not in self._index:
            twin = self._twin(expr)
            if twin is not None:
                self._index[expr] = twin
            else:
                self._index[expr] = len(self.atoms)
                self.atoms.append(expr)
        return ("atom", self._index[expr])

    def _twin(self, expr: Any) -> int | None:
        """An earlier atom that is the same function of equal arguments."""
        if (
            not isinstance(expr, sympy.Function)
            or isinstance(expr, (Inner, AppliedUndef, Mean, DiagonalSum))
            or not expr.args
        ):
            return None
        for k, old in enumerate(self.atoms):
            if type(old) is type(expr) and len(old.args) == len(expr.args):
                try:
                    if all(is_zero(a - b, self.oracle) for a, b in zip(old.args, expr.args, strict=True)):
                        return k
                except (ProofError, TypeError, AttributeError):
                    continue
        return None

    def _tree(self, e: Any) -> tuple[Any, ...]:
        if e.is_Rational:
            return ("num", fmpq(int(e.p), int(e.q)))
        if e.is_Float:
            raise ProofError(f"{e} is a float: a derivation takes exact numbers only")
        if is_vector_atom(e):
            raise ProofError(f"{e} is a vector where a scalar is expected")
        if e in (sympy.oo, -sympy.oo, sympy.zoo, sympy.nan) or e is sympy.I:
            raise ProofError(f"{e} is not a real number")
        if e.is_Symbol or isinstance(e, (Inner, AppliedUndef)):
            return self._atom(e)
        if e.is_Add:
            return ("add", [self._tree(a) for a in e.args])
        if e.is_Mul:
            return ("mul", [self._tree(a) for a in e.args])
        if e.is_Pow:
            return self._power(e.base, e.exp)
        if isinstance(e, sympy.exp):
            return self._exponential(e.args[0])
        if isinstance(e, sympy.Sum):
            return self._sum(e)
        if isinstance(e, Mean):
            return self._mean(e.args[0])
        if isinstance(e, sympy.Abs):
            if self.oracle.nonnegative(e.args[0]):
                return self._tree(e.args[0])
            tree = self._atom(e)
            if self.oracle.real(e.args[0]):
                self.relations.setdefault(tree[1], (2, ("pow", self._tree(e.args[0]), 2)))
            return tree
        if isinstance(e, sympy.Trace):
            from .matrix import trace_terms

            terms = trace_terms(e.arg)
            return ("add", [("mul", [self._tree(c), *[self._atom(a) for a in factors]]) for c, factors in terms])
        if getattr(e, "is_Matrix", False) or isinstance(e, sympy.MatrixExpr):
            raise ProofError(f"{e} is a matrix where a scalar is expected")
        return self._atom(e)

    def _power(self, base: Any, exponent: Any) -> tuple[Any, ...]:
        if exponent.is_Integer:
            k = int(exponent)
            if k < 0 and not self.oracle.nonzero(base):
                raise ProofError(f"division by {base}, which is not proved to be non-zero")
            return ("pow", self._tree(base), k)
        if exponent.is_Rational:
            return self._root(base, int(exponent.p), int(exponent.q))
        positive = self.oracle.positive(base)
        if positive and base.is_Mul and all(self.oracle.positive(a) for a in base.args):
            return ("mul", [self._power(a, exponent) for a in base.args])
        if positive and base.is_Pow and base.exp.is_Rational and self.oracle.positive(base.base):
            return self._power(base.base, sympy.expand(base.exp * exponent))
        constant, rest = sympy.expand(exponent).as_coeff_Add()
        terms = [term.as_coeff_Mul() for term in sympy.Add.make_args(rest)]
        if not positive:
            whole = constant.is_Integer and all(k.is_Integer and self.oracle.integer(p) for k, p in terms)
            up = constant >= 0 and all(k > 0 and self.oracle.nonnegative(p) for k, p in terms)
            if not (whole and (up or self.oracle.nonzero(base))):
                return self._atom(sympy.Pow(base, exponent))
        parts = [self._power(base, constant)] if constant != 0 else []
        for k, primitive in terms:
            parts.append(self._scaled_atom(lambda u: sympy.Pow(base, u, evaluate=False), primitive, k))
            if base == -1:
                self.relations.setdefault(parts[-1][1][1], (2, ("num", fmpq(1))))
        return ("mul", parts)

    def _scaled_atom(self, make: Any, primitive: Any, k: Any) -> tuple[Any, ...]:
        """make(k*primitive) as a power of an atom make(primitive/q), tied to make(primitive) if q > 1."""
        tree = self._atom(make(primitive / k.q))
        if k.q != 1:
            self.relations.setdefault(tree[1], (int(k.q), self._atom(make(primitive))))
        return ("pow", tree, int(k.p))

    def _root(self, base: Any, p: int, q: int) -> tuple[Any, ...]:
        if base.is_Mul:
            good = [a for a in base.args if self.oracle.positive(a)]
            rest = [a for a in base.args if a not in good]
            if good and len(rest) <= 1:
                trees = [self._root(a, p, q) for a in (*good, *rest)]
                return ("mul", trees)
        if base.is_Pow and self._power_of_power(base, p):
            return self._power(base.base, sympy.expand(base.exp * sympy.Rational(p, q)))
        whole, part = divmod(p, q)
        if whole < 0 and not self.oracle.nonzero(base):
            raise ProofError(f"division by {base}, which is not proved to be non-zero")
        root = self._find_root(base, q)
        return ("mul", [("pow", self._tree(base), whole), ("pow", root, part)])

    def _power_of_power(self, power: Any, p: int) -> bool:
        """Whether (b^e)^(p/q) is b^(e p/q): for b > 0 and real e, and for b >= 0 and positive exponents."""
        if self.oracle.positive(power.base):
            return self.oracle.real(power.exp)
        return p > 0 and power.exp.is_Integer and power.exp > 0 and self.oracle.nonnegative(power.base)

    def _find_root(self, base: Any, q: int) -> tuple[Any, ...]:
        for k, old in enumerate(self.atoms):
            if old.is_Pow and old.exp == sympy.Rational(1, q) and is_zero(old.base - base, self.oracle):
                return ("atom", k)
        tree = self._atom(sympy.Pow(base, sympy.Rational(1, q), evaluate=False))
        self.relations.setdefault(tree[1], (q, self._tree(base)))
        return tree

    def _exponential(self, argument: Any) -> tuple[Any, ...]:
        parts = []
        for term in sympy.Add.make_args(sympy.expand(argument)):
            logs = [a for a in sympy.Mul.make_args(term) if isinstance(a, sympy.log)]
            if len(logs) == 1 and self.oracle.positive(logs[0].args[0]):
                factors = list(sympy.Mul.make_args(term))
                factors.remove(logs[0])
                parts.append(self._power(logs[0].args[0], sympy.Mul(*factors)))  # exp(p log b) = b^p
                continue
            k, primitive = term.as_coeff_Mul()
            parts.append(self._scaled_atom(sympy.exp, primitive, k))
        return ("mul", parts)

    def _sum(self, e: Any) -> tuple[Any, ...]:
        if len(e.limits) != 1:
            return self._atom(e)
        k, *ends = e.limits[0]
        function = sympy.expand(e.function)
        if self._renames(function, ends):
            k, function = _SUMMED, function.xreplace({k: _SUMMED})
        parts = []
        for term in sympy.Add.make_args(function):
            outside, inside = term.as_independent(k, as_Add=False)
            # Expanding has multiplied a constant into denominators: 1/(c (1 + k)) to 1/(c + c k).
            constant, inside = sympy.factor_terms(inside).as_independent(k, as_Add=False)
            total = self._length(ends) if inside == 1 else None
            total = total or self._atom(sympy.Sum(inside, (k, *ends)))
            parts.append(("mul", [self._tree(outside), self._tree(constant), total]))
        return ("add", parts)

    def _length(self, ends: list[Any]) -> tuple[Any, ...] | None:
        """Number of terms of a sum, where its range is proved to be one."""
        if len(ends) != 2 or not all(self.oracle.integer(end) for end in ends):
            return None
        low, high = ends
        return self._tree(high - low + 1) if self.oracle.nonnegative(high - low + 1) else None

    def _renames(self, function: Any, ends: list[Any]) -> bool:
        """Whether the variable of a sum may become the canonical integer: over integers, and nothing is captured."""
        return (
            len(ends) == 2
            and self.oracle.integer(ends[0])
            and not function.has(sympy.Sum, sympy.Product, sympy.Integral, sympy.Derivative, sympy.Subs, sympy.Lambda)
            and not any(_SUMMED in part.free_symbols for part in (function, *ends))
        )

    def _mean(self, argument: Any) -> tuple[Any, ...]:
        from .matrix import expand_traces

        if self.oracle.deterministic(argument):
            return self._tree(argument)
        parts = []
        for term in sympy.Add.make_args(expand_traces(argument)):
            fixed = [a for a in sympy.Mul.make_args(term) if self.oracle.deterministic(a)]
            rest = sympy.Mul(*[a for a in sympy.Mul.make_args(term) if a not in fixed])
            inner = self._atom(Mean(rest)) if rest != 1 else ("num", fmpq(1))
            parts.append(("mul", [*[self._tree(a) for a in fixed], inner]))
        return ("add", parts)

    # -- building and reducing --------------------------------------------------------------------------------

    def _build(self, tree: tuple[Any, ...]) -> Fraction:
        op, body = tree[0], tree[1]
        one = self.context.constant(1)
        if op == "num":
            return Fraction(self.context.constant(body), one)
        if op == "atom":
            return Fraction(self._gens[body], one)
        if op == "add":
            total = Fraction(self.context.constant(0), one)
            for part in body:
                total = total + self._build(part)
            return total
        if op == "mul":
            total = Fraction(one, one)
            for part in body:
                total = total * self._build(part)
            return total
        value = self._build(body)
        if tree[2] < 0 and value.num.is_zero():
            raise ProofError("division by an expression that is zero")
        return value ** tree[2]

    def _reduce(self, value: Fraction) -> Fraction:
        for _ in range(64):
            for index, (q, tree) in self.relations.items():
                if index < len(self._gens) and value.num.degrees()[index] >= q:
                    value = self._replace(value, index, q, self._build(tree))
                    break
            else:
                return value
        raise ProofError("radicals nested too deep to reduce")

    def _replace(self, value: Fraction, index: int, q: int, base: Fraction) -> Fraction:
        groups: dict[int, dict[tuple[int, ...], Any]] = {}
        for exponents, coefficient in value.num.to_dict().items():
            whole, part = divmod(exponents[index], q)
            reduced = (*exponents[:index], part, *exponents[index + 1 :])
            groups.setdefault(whole, {})[reduced] = coefficient
        one = self.context.constant(1)
        total = Fraction(self.context.constant(0), one)
        for whole, terms in groups.items():
            total = total + Fraction(self.context.from_dict(terms), one) * base**whole
        return total * Fraction(one, value.den)

    # -- going back -------------------------------------------------------------------------------------------

    def to_sympy(self, poly: Any) -> Any:
        """A polynomial of this context as a SymPy expression in the atoms."""
        terms = []
        for exponents, c in poly.to_dict().items():
            factors = [self.atoms[i] ** k for i, k in enumerate(exponents) if k]
            terms.append(sympy.Mul(sympy.Rational(int(c.p), int(c.q)), *factors))
        return sympy.Add(*terms)


def check_defined(expr: Any, oracle: Oracle) -> None:
    """Raise `ProofError` unless every denominator of ``expr`` is proved to be non-zero.

    SymPy cancels 1/(x - y) against x - y on sight, so a factor must be checked before it is multiplied in.
    """
    NormalForms([sympy.sympify(expr)], oracle)


def is_zero(expr: Any, oracle: Oracle) -> bool:
    """Whether ``expr`` is identically zero, by normal form.

    Raises
    ------
    ProofError
        a denominator is not known to be non-zero
    """
    if expr == 0:
        return True
    return bool(NormalForms([expr], oracle).forms[0].num.is_zero())
