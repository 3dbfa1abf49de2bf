"""From the claim's own expressions to a worst-case problem, so that the statement is not written a second time."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy

from ..errors import ClaimError
from ..language import Inner, is_vector_atom
from .bounds import exact_value

_GRADIENT = "grad_"


def translate(expr: Any, bindings: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """A SymPy expression of `gdverify.language` as a Point or Scalar of a problem.

    Parameters
    ----------
    expr : linear in inner products and function values once vectors and numbers are put in
    bindings : by name, a Point for a vector, a list of Points for a sequence, a Function for a scalar function
    values : exact numbers by name

    Raises
    ------
    ClaimError
        a name is bound to nothing, or the expression is not of this kind
    """
    expr = sympy.sympify(expr)
    if isinstance(expr, Inner):
        left, right = (translate(a, bindings, values) for a in expr.args)
        return left.inner(right)
    if isinstance(expr, sympy.Sum):
        return _sum(expr, bindings, values)
    if expr.is_Symbol and (is_vector_atom(expr) or expr.name in bindings):
        return _bound(bindings, expr.name)
    if isinstance(expr, sympy.core.function.AppliedUndef):
        return _applied(expr, bindings, values)
    if not _mentions(expr, bindings):
        return exact_value(expr, values, str(expr))
    if expr.is_Add:
        total = translate(expr.args[0], bindings, values)
        for a in expr.args[1:]:
            total = total + translate(a, bindings, values)
        return total
    if expr.is_Mul:
        total = None
        for a in sorted(expr.args, key=lambda a: not _mentions(a, bindings)):
            factor = translate(a, bindings, values)
            total = factor if total is None else total * factor
        return total
    raise ClaimError(f"worst case: {expr} is not linear in inner products and function values")


def _applied(expr: Any, bindings: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    name = expr.func.__name__
    if is_vector_atom(expr) and name.startswith(_GRADIENT) and name not in bindings:
        return _bound(bindings, name.removeprefix(_GRADIENT)).grad(translate(expr.args[0], bindings, values))
    what = _bound(bindings, name)
    if not isinstance(what, list):
        return what(translate(expr.args[0], bindings, values))
    index = exact_value(expr.args[0], values, str(expr))
    if index.denominator != 1 or not 0 <= index < len(what):
        raise ClaimError(f"worst case: {name}({index}) is not among the {len(what)} points followed so far")
    return what[int(index)]


def _sum(expr: Any, bindings: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    (variable, low, high), *more = expr.limits
    if more:
        raise ClaimError("worst case: write a nested sum as one sum inside another")
    first, last = (int(exact_value(e, values, str(e))) for e in (low, high))
    terms = [translate(expr.function, bindings, {**values, variable.name: k}) for k in range(first, last + 1)]
    if not terms:
        return Fraction(0)
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _bound(bindings: Mapping[str, Any], name: str) -> Any:
    if name not in bindings:
        raise ClaimError(f"worst case: {name} is bound to nothing (problem.bind)")
    return bindings[name]


def _mentions(expr: Any, bindings: Mapping[str, Any]) -> bool:
    """Whether an expression contains a vector, a function or a bound symbol."""
    return any(
        is_vector_atom(a)
        or isinstance(a, (Inner, sympy.core.function.AppliedUndef))
        or (a.is_Symbol and a.name in bindings)
        for a in sympy.preorder_traversal(expr)
    )
