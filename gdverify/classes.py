"""Hypotheses that theorems of optimisation share: function classes, minimisers, update rules, starting points.

Each constructor returns a `gdverify.claim.Assumption` whose ``schema`` gives, at points of the caller's choice, the
SymPy relation that a derivation may use, and whose ``key`` tells the worst-case engine which class the claim speaks
of.  Dropping an assumption from a claim therefore changes the derivation and the class together.

Definitions follow Nesterov, *Lectures on Convex Optimization* (2018), Sections 2.1 and 3.1, unless said otherwise.
Names are what a mutant's ``drop`` refers to: ``"f is convex"``, ``"f is L-smooth"``, ``"f is mu-strongly convex"``,
``"f is mu-PL"``, ``"f is G-Lipschitz"``, ``"x_star minimises f"``, ``"f is bounded below"``, ``"update of x"``,
``"start of x"``, with the function's, constants' and points' own names in place.

>>> from sympy import Symbol
>>> from gdverify.language import ScalarFunction, Vector
>>> f, x, y = ScalarFunction("f"), Vector("x"), Vector("y")
>>> convex(f).schema(x, y)
-f(x) + f(y) + <x, grad_f(x)> - <y, grad_f(x)> >= 0
"""

from __future__ import annotations

from typing import Any

import sympy

from .claim import Assumption
from .errors import ClaimError
from .language import Inner, ScalarFunction, Vector, VectorSequence, linear_parts, sq
from .printing import latex as tex

__all__ = [
    "block_smooth",
    "bounded_below",
    "cocoercive",
    "convex",
    "indicator",
    "lipschitz",
    "lipschitz_gradient",
    "lipschitz_operator",
    "minimiser",
    "monotone",
    "polyak_lojasiewicz",
    "recursion",
    "smooth",
    "start",
    "start_gap",
    "strongly_convex",
    "strongly_monotone",
    "zero",
]

_HALF = sympy.Rational(1, 2)


def _nonnegative(expr: Any) -> Any:
    return sympy.Ge(sympy.sympify(expr), 0, evaluate=False)


def _equal(left: Any, right: Any) -> Any:
    return sympy.Eq(sympy.sympify(left), sympy.sympify(right), evaluate=False)


def _tex(expr: Any) -> str:
    return tex(sympy.sympify(expr))


def convex(f: ScalarFunction) -> Assumption:
    """f convex: f(y) >= f(x) + <grad f(x), y - x> for all x, y (Nesterov 2018, Definition 2.1.1).

    ``schema(x, y)``.  For a non-smooth f, ``f.grad`` is any selection of the subdifferential.
    """
    return Assumption(
        name=f"{f.name} is convex",
        schema=lambda x, y: _nonnegative(f(y) - f(x) - Inner(f.grad(x), y - x)),
        latex=rf"{f.name} \text{{ is convex}}",
        key=("convex", f.name),
    )


def smooth(f: ScalarFunction, L: Any) -> Assumption:
    """f is L-smooth: f(y) <= f(x) + <grad f(x), y - x> + (L/2)|y - x|^2 for all x, y.

    This one-sided "descent inequality" is all that a derivation may use under this name.  It is weaker than "the
    gradient is L-Lipschitz", from which it follows (Nesterov 2018, Lemma 1.2.3), and equivalent to it for convex f
    (Theorem 2.1.5).  A worst case over non-convex functions uses the Lipschitz class, which is what papers mean.

    ``schema(x, y)``.
    """
    return Assumption(
        name=f"{f.name} is {L}-smooth",
        schema=lambda x, y: _nonnegative(f(x) + Inner(f.grad(x), y - x) + L * _HALF * sq(y - x) - f(y)),
        latex=rf"{f.name} \text{{ is }} {_tex(L)}\text{{-smooth}}",
        key=("smooth", f.name, L),
    )


def lipschitz_gradient(f: ScalarFunction, L: Any) -> Assumption:
    """The gradient of f is L-Lipschitz (Nesterov 2018, Section 1.2.2); f need not be convex.

    ``schema(x, y)`` gives three relations: the descent inequality, its mirror image
    f(y) >= f(x) + <grad f(x), y - x> - (L/2)|y - x|^2, and |grad f(x) - grad f(y)|^2 <= L^2 |x - y|^2.
    """

    def schema(x: Any, y: Any) -> list[Any]:
        linear, quadratic = f(x) + Inner(f.grad(x), y - x) - f(y), L * _HALF * sq(y - x)
        return [
            _nonnegative(quadratic + linear),
            _nonnegative(quadratic - linear),
            _nonnegative(L**2 * sq(x - y) - sq(f.grad(x) - f.grad(y))),
        ]

    return Assumption(
        name=f"{f.name} has an {L}-Lipschitz gradient",
        schema=schema,
        latex=rf"\nabla {f.name} \text{{ is }} {_tex(L)}\text{{-Lipschitz}}",
        key=("lipschitz-gradient", f.name, L),
    )


def strongly_convex(f: ScalarFunction, mu: Any) -> Assumption:
    """f is mu-strongly convex: f(y) >= f(x) + <grad f(x), y - x> + (mu/2)|y - x|^2 (Nesterov 2018, Definition 2.1.3).

    ``schema(x, y)``.
    """
    return Assumption(
        name=f"{f.name} is {mu}-strongly convex",
        schema=lambda x, y: _nonnegative(f(y) - f(x) - Inner(f.grad(x), y - x) - mu * _HALF * sq(y - x)),
        latex=rf"{f.name} \text{{ is }} {_tex(mu)}\text{{-strongly convex}}",
        key=("strongly-convex", f.name, mu),
    )


def polyak_lojasiewicz(f: ScalarFunction, mu: Any, x_star: Any) -> Assumption:
    """f is mu-PL: |grad f(x)|^2 >= 2 mu (f(x) - f(x_star)), x_star a minimiser.

    Polyak (1963); in this normalisation Karimi, Nutini and Schmidt (2016), Section 2.  That ``x_star`` is a minimiser
    is a separate assumption.  ``schema(x)``.
    """
    return Assumption(
        name=f"{f.name} is {mu}-PL",
        schema=lambda x: _nonnegative(sq(f.grad(x)) - 2 * mu * (f(x) - f(x_star))),
        latex=rf"{f.name} \text{{ is }} {_tex(mu)}\text{{-P\L}}",
        key=("pl", f.name, mu),
    )


def lipschitz(f: ScalarFunction, G: Any) -> Assumption:
    """Every (sub)gradient of f has norm at most G; for convex f the same as f being G-Lipschitz (Nesterov 2018, 3.1.6).

    ``schema(x)``.
    """
    return Assumption(
        name=f"{f.name} is {G}-Lipschitz",
        schema=lambda x: _nonnegative(G**2 - sq(f.grad(x))),
        latex=rf"{f.name} \text{{ is }} {_tex(G)}\text{{-Lipschitz}}",
        key=("lipschitz", f.name, G),
    )


def indicator(f: ScalarFunction, diameter: Any = None) -> Assumption:
    """f is the indicator of a closed convex set: 0 on the set, infinite elsewhere; ``f.grad(x)`` is a normal at x.

    ``diameter`` bounds the distance of two points of the set.  For worst cases only (``f.proximal`` is the projection);
    there is no schema, since a derivation could not tell which points are in the set.  Interpolation conditions:
    Taylor, Hendrickx and Glineur, Exact worst-case performance of first-order methods for composite convex
    optimization, SIAM J. Optim. 27 (2017), Theorem 3.6.
    """
    return Assumption(
        name=f"{f.name} is the indicator of a convex set",
        latex=rf"{f.name} \text{{ is the indicator of a closed convex set}}"
        + ("" if diameter is None else rf"\text{{ of diameter at most }} {_tex(diameter)}"),
        key=("indicator", f.name, diameter),
    )


def block_smooth(f: ScalarFunction, constants: tuple[Any, ...]) -> Assumption:
    """Changing block k of the argument alone changes block k of grad f with Lipschitz constant ``constants[k]``.

    For worst cases over convex functions only (``problem.blocks``).  What the engine uses, f(y) >= f(x) + <grad f(x),
    y - x> + |grad_k f(y) - grad_k f(x)|^2 / (2 L_k) for each block k, is necessary: minimise f - <grad f(x), .> by one
    step in block k from y.  It is not known to be sufficient.
    """
    return Assumption(
        name=f"{f.name} is block-smooth",
        latex=rf"{f.name} \text{{ is block-smooth with constants }} {', '.join(map(_tex, constants))}",
        key=("block-smooth", f.name, tuple(constants)),
    )


def monotone(A: VectorSequence) -> Assumption:
    """A monotone: <A(x) - A(y), x - y> >= 0 (Bauschke and Combettes 2017, Definition 20.1).

    An operator is written as a vector function, ``A = VectorSequence("A")``; where A is set-valued, ``A(x)`` is any
    selection.  Worst cases speak of maximally monotone operators.  ``schema(x, y)``.
    """
    return Assumption(
        name=f"{A.name} is monotone",
        schema=lambda x, y: _nonnegative(Inner(A(x) - A(y), x - y)),
        latex=rf"{A.name} \text{{ is monotone}}",
        key=("monotone", A.name),
    )


def strongly_monotone(A: VectorSequence, mu: Any) -> Assumption:
    """A mu-strongly monotone: <A(x) - A(y), x - y> >= mu |x - y|^2 (Bauschke and Combettes 2017, Definition 22.1).

    ``schema(x, y)``.
    """
    return Assumption(
        name=f"{A.name} is {mu}-strongly monotone",
        schema=lambda x, y: _nonnegative(Inner(A(x) - A(y), x - y) - mu * sq(x - y)),
        latex=rf"{A.name} \text{{ is }} {_tex(mu)}\text{{-strongly monotone}}",
        key=("strongly-monotone", A.name, mu),
    )


def cocoercive(A: VectorSequence, beta: Any) -> Assumption:
    """A beta-cocoercive: <A(x) - A(y), x - y> >= beta |A(x) - A(y)|^2 (Bauschke and Combettes 2017, Definition 4.10).

    T is nonexpansive exactly where A = I - T is 1/2-cocoercive, which is how fixed-point iterations are written.
    ``schema(x, y)``.
    """
    return Assumption(
        name=f"{A.name} is {beta}-cocoercive",
        schema=lambda x, y: _nonnegative(Inner(A(x) - A(y), x - y) - beta * sq(A(x) - A(y))),
        latex=rf"{A.name} \text{{ is }} {_tex(beta)}\text{{-cocoercive}}",
        key=("cocoercive", A.name, beta),
    )


def lipschitz_operator(A: VectorSequence, L: Any) -> Assumption:
    """A L-Lipschitz: |A(x) - A(y)|^2 <= L^2 |x - y|^2.  ``schema(x, y)``."""
    return Assumption(
        name=f"{A.name} is an {L}-Lipschitz operator",
        schema=lambda x, y: _nonnegative(L**2 * sq(x - y) - sq(A(x) - A(y))),
        latex=rf"{A.name} \text{{ is }} {_tex(L)}\text{{-Lipschitz}}",
        key=("lipschitz-operator", A.name, L),
    )


def zero(A: VectorSequence, x_star: Any) -> Assumption:
    """A(x_star) = 0; of a set-valued operator, 0 is the element selected at x_star.

    ``schema(v)`` gives <A(x_star), v> = 0.
    """
    return Assumption(
        name=f"{x_star} is a zero of {A.name}",
        schema=lambda direction: _equal(Inner(A(x_star), direction), 0),
        latex=rf"0 \in {A.name}({_tex(x_star)})",
        key=("zero", A.name, x_star),
    )


def minimiser(f: ScalarFunction, x_star: Any) -> Assumption:
    """x_star is a global minimiser of f, and f.grad(x_star) = 0 (Fermat; for convex f the selection that contains 0).

    ``schema(x)`` gives f(x) - f(x_star) >= 0; ``schema(direction=v)`` gives <grad f(x_star), v> = 0; with both
    arguments, a list of the two.
    """

    def schema(x: Any = None, direction: Any = None) -> Any:
        relations = []
        if x is not None:
            relations.append(_nonnegative(f(x) - f(x_star)))
        if direction is not None:
            relations.append(_equal(Inner(f.grad(x_star), direction), 0))
        if not relations:
            raise ClaimError(f"{x_star} minimises {f.name}: give a point, or direction=")
        return relations if len(relations) > 1 else relations[0]

    return Assumption(
        name=f"{x_star} minimises {f.name}",
        schema=schema,
        latex=rf"{_tex(x_star)} \in \arg\min {f.name}",
        key=("minimiser", f.name, x_star),
    )


def bounded_below(f: ScalarFunction, f_low: Any) -> Assumption:
    """f(x) >= f_low for all x, with f_low a symbol (usually the infimum, which need not be attained).

    ``schema(x)``.
    """
    return Assumption(
        name=f"{f.name} is bounded below",
        schema=lambda x: _nonnegative(f(x) - f_low),
        latex=rf"{f.name} \ge {_tex(f_low)}",
        key=("bounded-below", f.name, f_low),
    )


def recursion(left: Any, right: Any, index: Any = None, first: int = 0) -> Assumption:
    """An update rule: ``left == right`` for every integer ``index`` >= ``first``; both vectors, or both scalars.

    Parameters
    ----------
    left : the new iterate, e.g. ``x(t + 1)``
    right : what it is made of, e.g. ``x(t) - gamma*f.grad(x(t))``
    index : the symbol that runs; by default the one symbol in the argument of ``left``
    first : its first value

    ``schema(t)`` gives the rule at that index; ``schema()`` at the symbol itself.

    Raises
    ------
    ClaimError
        the index cannot be told from ``left``; or (by ``schema``) it is not an integer known to be >= ``first``
    """
    left, right = sympy.sympify(left), sympy.sympify(right)
    if index is None:
        running = [s for arg in left.args for s in arg.free_symbols if not isinstance(s, Vector)]
        if len(set(running)) != 1:
            raise ClaimError(f"update rule {left} = {right}: say which symbol runs with index=")
        index = running[0]

    def schema(at: Any = None) -> Any:
        at = index if at is None else sympy.sympify(at)
        if not (at.is_integer and (at - first).is_nonnegative):
            raise ClaimError(f"update of {_label(left)}: {at} is not known to be an integer >= {first}")
        return _equal(left.subs(index, at), right.subs(index, at))

    return Assumption(
        name=f"update of {_label(left)}",
        schema=schema,
        latex=rf"{_tex(left)} = {_tex(right)}",
        key=("recursion", left, right, first),
    )


def start(x0: Any, x_star: Any, R: Any) -> Assumption:
    """|x0 - x_star|^2 = R^2: what the symbol R means.  ``schema()``."""
    return Assumption(
        name=f"start of {_label(x0)}",
        schema=lambda: _equal(sq(x0 - x_star), R**2),
        latex=rf"\|{_tex(x0)} - {_tex(x_star)}\| = {_tex(R)}",
        key=("start", x0, x_star, R),
    )


def start_gap(f: ScalarFunction, x0: Any, x_star: Any, Delta: Any) -> Assumption:
    """f(x0) - f(x_star) = Delta: what the symbol Delta means.

    ``x_star`` may be a scalar symbol (a lower bound of f) instead of a point.  ``schema()``.
    """
    low = f(x_star) if _is_vector(x_star) else x_star
    return Assumption(
        name=f"initial gap of {f.name}",
        schema=lambda: _equal(f(x0) - low, Delta),
        latex=rf"{f.name}({_tex(x0)}) - {_tex(low)} = {_tex(Delta)}",
        key=("start-gap", f.name, x0, x_star, Delta),
    )


def _label(x: Any) -> str:
    """``x`` for ``x(0)``; the name itself for a plain vector."""
    if hasattr(x, "sequence"):  # a term of a `MatrixSequence`
        return str(x.sequence)
    return x.func.__name__ if getattr(x, "args", ()) else str(x)


def _is_vector(x: Any) -> bool:
    try:
        return bool(linear_parts(x))
    except ValueError:
        return False
