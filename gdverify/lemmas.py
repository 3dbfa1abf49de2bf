"""Lemmas that derivations share, each built from the kernel's rules: calling one adds its steps to the derivation.

Nothing here is trusted.  Every function takes a `Proof` first and returns a `Fact`; it raises `ProofError` where a
hypothesis is not known.  Indices named by a lemma (``"j"`` unless ``index=`` says otherwise) must be unused.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Ge, Integer, Le, Sum, log, sqrt

from .claim import Assumption
from .domain import Positive
from .kernel import Fact, Proof
from .language import Inner, ScalarFunction

__all__ = [
    "cocoercive",
    "geometric_sum",
    "gronwall",
    "harmonic_sum",
    "inverse_square_root_sum",
    "inverse_square_root_sum_above",
    "jensen",
]


def geometric_sum(proof: Proof, q: Any, n: Any, *, index: str = "j") -> Fact:
    """Sum of q^j over j = 0..n-1 == (1 - q^n)/(1 - q), for q != 1 and an integer n >= 0."""
    q, n = sympy.sympify(q), sympy.sympify(n)
    _apart_from_one(proof, q)
    j = proof.index(index)
    term = proof.identity(q**j / (1 - q) - q ** (j + 1) / (1 - q) - q**j, 0)
    total = proof.telescoped(term, q**j / (1 - q), j, 0, n)
    k = _variable(total.right)
    return proof.certificate((Sum(q**k, (k, 0, n - 1)), "==", (1 - q**n) / (1 - q)), [(-1, total)])


def harmonic_sum(proof: Proof, n: Any, *, index: str = "j", real: str = "v") -> Fact:
    """1 + log(n) >= sum of 1/j over j = 1..n, for an integer n >= 1.

    From the tangent of -log at j + 1, which gives log(j + 1) - log(j) >= 1/(j + 1), by telescoping.
    """
    n = sympy.sympify(n)
    j, v = proof.index(index, 1), proof.scalar(real, Positive())
    a = proof.index(index + "_at", 1)
    line = proof.tangent(-log(v), v, a + 1)
    step = proof.instantiate(proof.instantiate(line, {v: a}), {a: j})
    total = proof.telescoped(proof.certificate(Ge(-log(j) + log(j + 1), 1 / (j + 1)), [(1, step)]), -log(j), j, 1, n)
    moved = proof.reindex(total.right, _variable(total.right) - 1)
    all_terms = Sum(1 / _variable(moved.right), (_variable(moved.right), 1, n))
    first = _first(proof, all_terms)
    return proof.certificate(Ge(1 + log(n), all_terms), [(1, total), (1, moved), (-1, first)])


def _first(proof: Proof, total: Any) -> Fact:
    """Sum over 1..n == its first term + the sum over 2..n."""
    k, a, _ = total.limits[0]
    cut = proof.split_sum(total, at=a)
    one = proof.split_sum(Sum(total.function, (k, a, a)))
    none = proof.empty_sum(Sum(total.function, (k, a, a - 1)))
    value = total.function.subs(k, a) + Sum(total.function, (k, a + 1, total.limits[0][2]))
    return proof.certificate((total, "==", value), [(1, cut), (1, one), (1, none)])


def _apart_from_one(proof: Proof, q: Any) -> None:
    """Make known that 1 - q != 0, where the domain of the symbol q says so."""
    if not proof.signs.nonzero(1 - q) and q.is_Symbol and proof.signs.domains[q].high is not None:
        proof.high(q)


def inverse_square_root_sum(proof: Proof, n: Any, *, index: str = "j") -> Fact:
    """Sum of 1/sqrt(j) over j = 1..n >= 2 sqrt(n + 1) - 2, for an integer n >= 1.

    For 1/sqrt(j) - 2 sqrt(j + 1) + 2 sqrt(j) = (sqrt(j + 1) - sqrt(j))^2 / sqrt(j).
    """
    n = sympy.sympify(n)
    j = proof.index(index, 1)
    step = proof.certificate(Ge(1 / sqrt(j), 2 * sqrt(j + 1) - 2 * sqrt(j)), [], [(1 / sqrt(j), sqrt(j + 1) - sqrt(j))])
    total = proof.telescoped(step, 2 * sqrt(j), j, 1, n + 1)
    k = _variable(total.right)
    return proof.certificate(Ge(Sum(1 / sqrt(k), (k, 1, n)), 2 * sqrt(n + 1) - 2), [(1, total)])


def inverse_square_root_sum_above(proof: Proof, n: Any, *, index: str = "j") -> Fact:
    """2 sqrt(n) >= sum of 1/sqrt(j) over j = 1..n, for an integer n >= 1.

    For 2 sqrt(j) - 2 sqrt(j - 1) - 1/sqrt(j) = (sqrt(j) - sqrt(j - 1))^2 / sqrt(j).
    """
    n = sympy.sympify(n)
    j = proof.index(index, 1)
    step = proof.certificate(Ge(2 * sqrt(j) - 2 * sqrt(j - 1), 1 / sqrt(j)), [], [(1 / sqrt(j), sqrt(j) - sqrt(j - 1))])
    total = proof.telescoped(step, -2 * sqrt(j - 1), j, 1, n + 1)
    k = _variable(total.right)
    return proof.certificate(Ge(2 * sqrt(n), Sum(1 / sqrt(k), (k, 1, n))), [(1, total)])


def gronwall(proof: Proof, step: Fact, value: Any, q: Any, c: Any, k: Any, n: Any) -> Fact:
    """q^n r(0) + c (1 - q^n)/(1 - q) >= r(n), from q r(k) + c >= r(k+1) for every k >= 0.

    Parameters
    ----------
    step : the fact q r(k) + c >= r(k+1), in any form
    value : r as a function of the index
    q, c : constants, q >= 0 and q != 1
    k : the generic index (from 0 on) of ``step``
    n : an integer >= 0
    """
    q, c = sympy.sympify(q), sympy.sympify(c)
    _apart_from_one(proof, q)
    bound = lambda s: q**s * value(Integer(0)) + c * (1 - q**s) / (1 - q)
    begin = proof.certificate(Ge(bound(Integer(0)) - value(Integer(0)), 0, evaluate=False))
    every = proof.induction(
        (bound(k) - value(k), ">=", 0),
        k,
        begin,
        lambda now: proof.certificate((bound(k + 1) - value(k + 1), ">=", 0), [(q, now), (1, step)]),
    )
    end = proof.instantiate(every, {k: n})
    return proof.certificate((bound(sympy.sympify(n)), ">=", value(n)), [(1, end)])


def cocoercive(proof: Proof, f: ScalarFunction, convex: Assumption, smooth: Assumption, L: Any, x: Any, y: Any) -> Fact:
    """f(y) >= f(x) + <grad f(x), y - x> + |grad f(x) - grad f(y)|^2/(2L), for convex f with the descent inequality.

    The descent inequality from y to z = y - (grad f(y) - grad f(x))/L, and convexity between x and z (Nesterov 2018,
    Theorem 2.1.5).
    """
    g, h = f.grad(x), f.grad(y)
    z = sympy.expand(y - (h - g) / L)
    below, descent = proof.assume(convex, x, z), proof.assume(smooth, y, z)
    return proof.certificate(
        Ge(f(y) - f(x) - Inner(g, y - x) - Inner(g - h, g - h) / (2 * L), 0), [(1, below), (1, descent)]
    )


def jensen(
    proof: Proof, f: ScalarFunction, convex: Assumption, x: Any, mean: Any, partial: Any, sums: Any, n: Any, k: Any
) -> Fact:
    """Sum of f(x(j)) over j = 0..n-1 >= n f(mean), for convex f and the mean of x(0), ..., x(n-1).

    Parameters
    ----------
    x : the points, as a function of the index
    mean : their mean, a vector
    partial : their partial sums, as a function of the index
    sums : the three facts partial(k+1) == partial(k) + x(k), partial(0) == 0 and partial(n) == n mean
    k : the generic index (from 0 on) of the first of them
    """
    g = f.grad(mean)
    level = f(mean) - Inner(g, mean)
    height = lambda s: s * level + Inner(g, partial(s))
    move, start, end = sums
    line = proof.assume(convex, mean, x(k))
    step = proof.certificate(Ge(height(k) - height(k + 1) + f(x(k)), 0), [(1, line)], using=[move])
    total = proof.telescoped(step, height(k), k, 0, n)
    j = _variable(total.right)
    values = Sum(f(x(j)), (j, 0, n - 1))
    return proof.certificate(Le(n * f(mean), values), [(1, total)], using=[start, end])


def _variable(total: Any) -> Any:
    """The variable of the one sum in an expression."""
    (found,) = total.atoms(Sum)
    return found.limits[0][0]
