"""Numeric value of a statement's expressions, in whichever arithmetic the arrays carry.

One recursive evaluator serves float arrays (any array-API namespace), intervals and exact rationals, so that
the bound that an experiment compares with is the bound that the derivation concluded, not a transcript of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from .errors import ClaimError


def evaluate(expr: Any, values: Mapping[str, Any], xp: Any) -> Any:
    """Value of a SymPy expression.

    Parameters
    ----------
    expr : the expression; free symbols are looked up in ``values`` by name
    values : numbers, arrays or intervals by name
    xp : namespace with ``rational(p, q)``, ``pi()`` and elementwise ``sqrt exp log cos sin tan atan abs
        maximum minimum pow gamma digamma``, for traces ``matmul matrix_transpose eye zeros`` and ``linalg``; only
        what the expression uses is needed

    Matrix letters are looked up by name too, as arrays (r, c), or (rows, r, c) for one matrix per instance; a
    matrix expression stands inside a trace and is evaluated with the same arithmetic.

    Raises
    ------
    ClaimError
        a symbol has no value, or a function has no numeric meaning
    """
    expr = sympy.sympify(expr)
    if expr.is_Rational:
        return xp.rational(int(expr.p), int(expr.q))
    if expr.is_Float:
        exact = sympy.Rational(str(expr))
        return xp.rational(int(exact.p), int(exact.q))
    if expr is sympy.pi:
        return xp.pi()
    if expr is sympy.E:
        return xp.exp(xp.rational(1, 1))
    if expr.is_Symbol:
        if expr.name not in values:
            raise ClaimError(f"no value for {expr.name}: the experiment must return it or the regime draw it")
        return values[expr.name]
    if isinstance(expr, sympy.Trace):
        return xp.linalg.trace(evaluate_matrix(expr.arg, values, xp))
    args = [evaluate(a, values, xp) for a in expr.args] if not isinstance(expr, (sympy.Sum, sympy.Product)) else []
    if expr.is_Add:
        total = args[0]
        for a in args[1:]:
            total = total + a
        return total
    if expr.is_Mul:
        total = args[0]
        for a in args[1:]:
            total = total * a
        return total
    if expr.is_Pow:
        exponent = expr.args[1]
        if isinstance(args[0], int):  # an int to a negative power is a rounded float in Python
            args[0] = xp.rational(args[0], 1)
        if exponent.is_Integer:
            return args[0] ** int(exponent)
        if exponent == sympy.S.Half:
            return xp.sqrt(args[0])
        if exponent == -sympy.S.Half:
            return 1 / xp.sqrt(args[0])
        return xp.pow(args[0], args[1])
    if isinstance(expr, (sympy.Sum, sympy.Product)):
        return _fold(expr, values, xp)
    if isinstance(expr, sympy.polygamma) and expr.args[0] == 0:  # how SymPy writes digamma
        return xp.digamma(args[1])
    name = type(expr).__name__.lower()
    name = {"loggamma": "lgamma"}.get(name, name)
    if name in ("max", "min"):
        fold = xp.maximum if name == "max" else xp.minimum
        total = args[0]
        for a in args[1:]:
            total = fold(total, a)
        return total
    function = getattr(xp, name, None)
    if function is None:
        raise ClaimError(f"{expr} has no numeric value: an experiment must return it as a number")
    return function(*args)


def evaluate_matrix(expr: Any, values: Mapping[str, Any], xp: Any) -> Any:
    """Value of a matrix expression, shape (r, c) or (rows, r, c); arguments and errors as for `evaluate`."""
    if isinstance(expr, sympy.MatrixSymbol):
        if expr.name not in values:
            raise ClaimError(f"no value for {expr.name}: the experiment must return this matrix")
        return values[expr.name]
    if isinstance(expr, (sympy.Identity, sympy.ZeroMatrix)):
        r, c = (int(evaluate(k, values, _Whole)) for k in expr.shape)
        return xp.eye(r) if isinstance(expr, sympy.Identity) else xp.zeros((r, c))
    if isinstance(expr, sympy.Transpose):
        return xp.matrix_transpose(evaluate_matrix(expr.arg, values, xp))
    if isinstance(expr, sympy.Inverse):
        return xp.linalg.inv(evaluate_matrix(expr.arg, values, xp))
    if isinstance(expr, sympy.MatAdd):
        total = evaluate_matrix(expr.args[0], values, xp)
        for a in expr.args[1:]:
            total = total + evaluate_matrix(a, values, xp)
        return total
    if isinstance(expr, sympy.MatMul):
        coefficient, factors = expr.as_coeff_matrices()
        total = evaluate_matrix(factors[0], values, xp)
        for f in factors[1:]:
            total = xp.matmul(total, evaluate_matrix(f, values, xp))
        if coefficient == 1:
            return total
        scale = evaluate(coefficient, values, xp)
        return total * (scale[..., None, None] if getattr(scale, "ndim", 0) else scale)
    if isinstance(expr, sympy.MatPow) and expr.exp.is_Integer and expr.exp > 0:
        base = total = evaluate_matrix(expr.base, values, xp)
        for _ in range(int(expr.exp) - 1):
            total = xp.matmul(total, base)
        return total
    raise ClaimError(f"{expr} has no numeric value: an experiment must return it as a number")


def _fold(expr: Any, values: Mapping[str, Any], xp: Any) -> Any:
    (variable, low, high), *more = expr.limits
    if more:
        raise ClaimError("nested sums in a bound: write them as one expression each")
    first, last = (int(evaluate(e, values, _Exact)) for e in (low, high))
    total = xp.rational(0 if isinstance(expr, sympy.Sum) else 1, 1)
    for k in range(first, last + 1):
        term = evaluate(expr.function, {**values, variable.name: k}, xp)
        total = total + term if isinstance(expr, sympy.Sum) else total * term
    return total


class _Whole:
    """Arithmetic of dimensions, whatever the values come as."""

    @staticmethod
    def rational(p: int, q: int) -> float:
        return p / q


class _Exact:
    """Exact rational arithmetic; refuses what leaves the rationals."""

    @staticmethod
    def rational(p: int, q: int) -> Any:
        from fractions import Fraction

        return Fraction(p, q)
