"""The words that statements and derivations share: vectors, functions, sequences, means.

Everything here is a SymPy expression, so the claim's bound, the derivation and the experiment speak one
language.  Vector-valued terms are SymPy expressions linear in *vector atoms*; `Inner` is bilinear and expands
by itself, so that |x - gamma*g|^2 becomes Gram entries in any dimension.

>>> x, y = Vector("x"), Vector("y")
>>> sq(x - 2*y)
-4*<x, y> + <x, x> + 4*<y, y>
"""

from __future__ import annotations

import functools
from typing import Any

import sympy
from sympy.core.function import AppliedUndef, UndefinedFunction


class Vector(sympy.Symbol):
    """A vector of an unspecified real inner-product space."""

    is_vector_atom = True
    is_commutative = True

    def __new__(cls, name: str) -> Vector:
        return sympy.Symbol.__new__(cls, name)


class _VectorApplied(AppliedUndef):
    is_vector_atom = True


def _vector_function(name: str) -> Any:
    """An undefined function with vector values; the keyword keeps it apart from a scalar function of the same name."""
    return UndefinedFunction(name, bases=(_VectorApplied,), is_vector_atom=True)


class VectorSequence:
    """A sequence (or function) of vectors: ``x = VectorSequence("x"); x(t)``."""

    def __init__(self, name: str):
        self.name = name
        self._function = _vector_function(name)

    def __call__(self, *index: Any) -> Any:
        return self._function(*index)

    def __repr__(self) -> str:
        return self.name


class ScalarFunction:
    """A real function of a vector, with its gradient: ``f(x)`` is a scalar, ``f.grad(x)`` a vector atom.

    For a non-smooth function ``f.grad(x)`` is a subgradient; for a family, ``f[i]`` is a member.
    """

    def __init__(self, name: str):
        self.name = name
        self._value = UndefinedFunction(name)
        self._gradient = _vector_function("grad_" + name)

    def __call__(self, x: Any) -> Any:
        return self._value(x)

    def grad(self, x: Any) -> Any:
        return self._gradient(x)

    def __repr__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ScalarFunction) and other.name == self.name

    def __hash__(self) -> int:
        return hash(("ScalarFunction", self.name))


def is_vector_atom(expr: Any) -> bool:
    """Whether a SymPy expression is an atom that stands for a vector."""
    return getattr(expr, "is_vector_atom", False)


def linear_parts(expr: Any) -> dict[Any, Any]:
    """Coefficients of a vector expression by vector atom.

    Raises
    ------
    ValueError
        the expression is not linear and homogeneous in vector atoms
    """
    parts: dict[Any, Any] = {}
    for term in sympy.Add.make_args(sympy.expand(expr)):
        if term == 0:
            continue
        vectors = [a for a in sympy.Mul.make_args(term) if is_vector_atom(a)]
        if len(vectors) != 1:
            raise ValueError(f"not a vector: {term}")
        coefficient = sympy.Mul(*[a for a in sympy.Mul.make_args(term) if a is not vectors[0]])
        if any(is_vector_atom(a) for a in coefficient.free_symbols if isinstance(a, Vector)):
            raise ValueError(f"not linear in vectors: {term}")
        parts[vectors[0]] = parts.get(vectors[0], sympy.S.Zero) + coefficient
    return {k: v for k, v in parts.items() if v != 0}


class Inner(sympy.Function):
    """Inner product; expands bilinearly into Gram entries of vector atoms, in a canonical order."""

    nargs = 2
    is_real = True

    def __new__(cls, u: Any, v: Any, **options: Any) -> Any:
        if hasattr(u, "_gram_inner"):  # a point of a worst-case problem: vectors with their own arithmetic
            return u._gram_inner(v)
        return super().__new__(cls, u, v, **options)

    @classmethod
    def eval(cls, u: Any, v: Any) -> Any:
        u, v = sympy.sympify(u), sympy.sympify(v)
        if is_vector_atom(u) and is_vector_atom(v):
            if sympy.default_sort_key(u) > sympy.default_sort_key(v):
                return cls(v, u)
            return None
        if u == 0 or v == 0:
            return sympy.S.Zero
        left, right = linear_parts(u), linear_parts(v)
        return sympy.Add(*[a * b * cls(x, y) for x, a in left.items() for y, b in right.items()])

    def _sympystr(self, printer: Any) -> str:
        return f"<{printer._print(self.args[0])}, {printer._print(self.args[1])}>"

    def _latex(self, printer: Any, exp: Any = None) -> str:
        a, b = (printer._print(arg) for arg in self.args)
        body = rf"\|{a}\|^2" if self.args[0] == self.args[1] else rf"\langle {a}, {b}\rangle"
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"


def sq(u: Any) -> Any:
    """Squared norm |u|^2."""
    return Inner(u, u)


class Mean(sympy.Function):
    """Expectation of a scalar; linear over sums and rational factors, everything else is for the kernel to justify."""

    nargs = 1
    is_real = True

    @classmethod
    def eval(cls, x: Any) -> Any:
        x = sympy.sympify(x)
        if x.is_number:
            return x
        if x.is_Add:
            return sympy.Add(*[cls(a) for a in x.args])
        if x.is_Mul:
            number, rest = x.as_coeff_Mul()
            if number != 1:
                return number * cls(rest)
        if isinstance(x, Mean):
            return x
        return None

    def _latex(self, printer: Any, exp: Any = None) -> str:
        body = rf"\mathbb{{E}}\left[{printer._print(self.args[0])}\right]"
        return body if exp is None else rf"{body}^{{{exp}}}"


class Prob(sympy.Function):
    """``Prob(q, c)``: the probability that q > c."""

    nargs = 2
    is_nonnegative = True

    def _latex(self, printer: Any, exp: Any = None) -> str:
        a, b = (printer._print(arg) for arg in self.args)
        return rf"\mathbb{{P}}\left({a} > {b}\right)"


class DiagonalSum(sympy.Function):
    """``DiagonalSum(A, B, u)``: sum over i of A_ii B_ii u_i, for d x d matrices and d x 1 vectors of one size d.

    Multilinear, and free of order and transposition; a trace where it is one: ``DiagonalSum(A) = tr A`` and
    ``DiagonalSum(u, v) = u^T v``.
    """

    is_real = True

    @classmethod
    def eval(cls, *factors: Any) -> Any:
        from .kernel.diagonal import expand_diagonal_sum

        return expand_diagonal_sum(cls, factors)


class PairMean(sympy.Function):
    """``PairMean(F, G, rho)``: E[F(U) G(V)] for standard normal U and V with correlation rho.

    F and G are expressions in ``PairMean.variable``.
    """

    nargs = 3
    is_real = True
    variable = sympy.Dummy("z", real=True)

    @classmethod
    def eval(cls, first: Any, second: Any, correlation: Any) -> Any:
        if sympy.default_sort_key(first) > sympy.default_sort_key(second):
            return cls(second, first, correlation)
        return None

    @property
    def free_symbols(self) -> set[Any]:
        return set().union(*(a.free_symbols for a in self.args)) - {self.variable}


class NormalMean(sympy.Function):
    """``NormalMean(f)``: E f over independent standard normal z_1, z_2, ..., everything else held fixed.

    ``f`` is an expression in the values of ``NormalMean.z``, which mean nothing outside.  Where f involves other random
    quantities the value is random too: the mean given those.
    """

    nargs = 1
    is_real = True
    z = UndefinedFunction("z'", real=True)

    def _latex(self, printer: Any, exp: Any = None) -> str:
        body = rf"\mathbb{{E}}_z\left[{printer._print(self.args[0])}\right]"
        return body if exp is None else rf"{body}^{{{exp}}}"


def gaussian_share(weight: Any, i: Any, n: Any) -> Any:
    """E[w_i z_i^2 / (w_1 z_1^2 + ... + w_n z_n^2)] for standard normal z; ``weight`` maps an index to its weight."""
    return NormalMean(weight(i) * NormalMean.z(i) ** 2 / _energy(weight, n))


def gaussian_form(weight: Any, coordinate: Any, n: Any) -> Any:
    """E[(sum_j w_j^(1/2) c_j z_j)^2 / sum_j w_j z_j^2] for standard normal z: v^T D v, with coordinates c_j of v in the
    eigenbasis of a matrix with eigenvalues w_j, for the mean D of the projector on the direction of a Gaussian vector
    with that covariance.
    """
    root = sympy.Sum(sympy.sqrt(weight(_EACH)) * coordinate(_EACH) * NormalMean.z(_EACH), (_EACH, 1, n))
    return NormalMean(root**2 / _energy(weight, n))


_EACH = sympy.Symbol("each'", integer=True, positive=True)


def _energy(weight: Any, n: Any) -> Any:
    return sympy.Sum(weight(_EACH) * NormalMean.z(_EACH) ** 2, (_EACH, 1, n))


class TimeDerivative(sympy.Function):
    """d/dt along the flow of a claim about conservation."""

    nargs = 1


class GrowthExponent(sympy.Function):
    """``GrowthExponent(q, n)``: lim log q / log n as n -> oo."""

    nargs = 2


class GrowthRatio(sympy.Function):
    """``GrowthRatio(q, n)``: lim q(n + 1)/q(n) as n -> oo."""

    nargs = 2


class DecayExponent(sympy.Function):
    """``DecayExponent(q, n)``: the supremum of all r with q = O(n^-r) as n -> oo, all other symbols held fixed."""

    nargs = 2


class AtInfinity(sympy.Function):
    """``AtInfinity(q, n)``: q as n -> oo, all other symbols held fixed; the left side of a limit."""

    nargs = 2

    def _latex(self, printer: Any, exp: Any = None) -> str:
        q, n = (printer._print(arg) for arg in self.args)
        return rf"\lim_{{{n} \to \infty}} {q}"


class SymmetricMatrix(sympy.MatrixSymbol):
    """A symmetric matrix letter of symbolic size: ``SymmetricMatrix("Sigma", d, d)``; its transpose is itself."""

    def _eval_transpose(self) -> Any:
        return self


@functools.lru_cache(maxsize=4096)
def _term_name(term: MatrixTerm) -> str:
    return f"{term.args[0]}({term.args[3]})"


class MatrixTerm(sympy.MatrixSymbol):
    """One term of a `MatrixSequence`: a matrix letter that carries its index."""

    def __new__(cls, name: Any, rows: Any, columns: Any, index: Any) -> MatrixTerm:
        plain = sympy.MatrixSymbol(str(name), rows, columns)
        return sympy.Basic.__new__(cls, *plain.args, sympy.sympify(index))

    @property
    def index(self) -> Any:
        return self.args[3]

    @property
    def sequence(self) -> MatrixSequence:
        return MatrixSequence(str(self.args[0]), self.args[1], self.args[2])

    @property
    def name(self) -> str:
        return _term_name(self)

    @property
    def free_symbols(self) -> set[Any]:
        return {self} | self.args[3].free_symbols

    def _eval_simplify(self, **options: Any) -> Any:
        return self

    def _latex(self, printer: Any, exp: Any = None) -> str:
        body = f"{printer._print(sympy.Symbol(str(self.args[0])))}({printer._print(self.args[3])})"
        return body if exp is None else f"{body}^{{{exp}}}"


class MatrixSequence:
    """A sequence (or function of time) of matrices: ``J = MatrixSequence("J", m, m); J(k)``."""

    def __init__(self, name: str, rows: Any, columns: Any):
        self.name, self.shape = name, (sympy.sympify(rows), sympy.sympify(columns))

    def __call__(self, index: Any) -> MatrixTerm:
        return MatrixTerm(self.name, *self.shape, index)

    def __repr__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MatrixSequence) and (other.name, other.shape) == (self.name, self.shape)

    def __hash__(self) -> int:
        return hash(("MatrixSequence", self.name, self.shape))


class Covariance:
    """The law of a Gaussian matrix X: E[X_ia X_jb] = rows_ij columns_ab, mean zero."""

    def __init__(self, rows: Any, columns: Any):
        self.rows, self.columns = rows, columns
