"""Lemmas that derivations share, each built from the kernel's rules: calling one adds its steps to the derivation.

Nothing here is trusted.  Every function takes a `Proof` first and returns a `Fact`; it raises `ProofError` where a
hypothesis is not known.  Indices named by a lemma (``"j"`` unless ``index=`` says otherwise) must be unused.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sympy
from sympy import Ge, Gt, Integer, Le, Sum, exp, log, sqrt

from .claim import Assumption
from .domain import Interval, Positive, Reals
from .kernel import Fact, Proof
from .language import Inner, Mean, ScalarFunction

__all__ = [
    "cocoercive",
    "geometric_sum",
    "gronwall",
    "harmonic_sum",
    "hoeffding",
    "hoeffding_curve",
    "inverse_square_root_sum",
    "inverse_square_root_sum_above",
    "jensen",
    "power_sum",
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
    return _sum_below_integral(proof, n, 1, lambda v: -log(v), index, real)


def power_sum(proof: Proof, p: Any, n: Any, *, index: str = "j", real: str = "v") -> Fact:
    """1 + (1 - n^(1 - p))/(p - 1) >= sum of 1/j^p over j = 1..n, for an integer n >= 1, p > 0 and p != 1.

    From the tangents of v^(1 - p)/(p - 1), as `harmonic_sum`.  For p > 1 the left side is below p/(p - 1).
    """
    p = sympy.sympify(p)
    _apart_from_one(proof, p)
    return _sum_below_integral(proof, n, p, lambda v: v ** (1 - p) / (p - 1), index, real)


def _sum_below_integral(proof: Proof, n: Any, p: Any, primitive: Any, index: str, real: str) -> Fact:
    """1 + F(1) - F(n) >= sum of 1/j^p over j = 1..n, for a convex F with F'(v) = -v^(-p)."""
    n = sympy.sympify(n)
    j, v = proof.index(index, 1), proof.scalar(real, Positive())
    a = proof.index(index + "_at", 1)
    line = proof.tangent(primitive(v), v, a + 1)
    step = proof.instantiate(proof.instantiate(line, {v: a}), {a: j})
    fall = Ge(primitive(j) - primitive(j + 1), (j + 1) ** -p)
    total = proof.telescoped(proof.certificate(fall, [(1, step)]), primitive(j), j, 1, n)
    moved = proof.reindex(total.right, _variable(total.right) - 1)
    all_terms = Sum(_variable(moved.right) ** -p, (_variable(moved.right), 1, n))
    first = _first(proof, all_terms)
    bound = 1 + primitive(Integer(1)) - primitive(n)
    return proof.certificate(Ge(bound, all_terms), [(1, total), (1, moved), (-1, first)])


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


class HoeffdingCurve(NamedTuple):
    """What `hoeffding` needs, once for a derivation: facts about a generic p in [0, 1] and generic reals s, y."""

    positive: Fact
    above: Fact
    line: Fact
    p: Any
    s: Any
    y: Any


def hoeffding_curve(proof: Proof, *, name: str = "h") -> HoeffdingCurve:
    """1 - p + p e^s > 0; p s + s^2/8 >= log(1 - p + p e^s); and e^y >= 1 + y.

    For the second (Hoeffding 1963): the difference vanishes with its derivative at s = 0, and its second derivative is
    (1/2 - p e^s/(1 - p + p e^s))^2.
    """
    p, s, y = (proof.scalar(f"{name}_{k}", d) for k, d in (("p", Interval(0, 1)), ("s", Reals()), ("y", Reals())))
    mix = 1 - p + p * exp(s)
    weights = [(1, proof.sign(exp(s))), (1, proof.high(p)), (exp(2 * s), proof.low(p))]
    positive = proof.certificate(Gt(mix, 0), [(w / (1 + exp(s)), fact) for w, fact in weights])
    curve = proof.tangent(p * s + s**2 / 8 - log(mix), s, 0)
    return HoeffdingCurve(positive, curve, proof.tangent(exp(y), y, 0), p, s, y)


def hoeffding(proof: Proof, curve: HoeffdingCurve, value: Any, within: tuple[Fact, Fact], mean: Fact, s: Any) -> Fact:
    """e^(mu s + s^2/8) >= E e^(s X), for X in [0, 1] with mean mu (Hoeffding 1963).

    Parameters
    ----------
    curve : from `hoeffding_curve`
    value : X
    within : the facts X >= 0 and 1 >= X
    mean : the fact Mean(X) == mu, mu a constant
    s : a real constant
    """
    s, mu = sympy.sympify(s), mean.right
    # the chord of e^(s x) between 0 and 1 is above: tangents at s x, at the two ends
    low = proof.instantiate(curve.line, {curve.y: -s * value})
    high = proof.instantiate(curve.line, {curve.y: s * (1 - value)})
    height = exp(s * value)
    chord = proof.certificate(
        Ge(1 - value + value * exp(s), height), [(height * (1 - value), low), (height * value, high)]
    )
    averaged = proof.certificate(Ge(1 - mu + mu * exp(s), Mean(height)), [(1, proof.mean(chord)), (1 - exp(s), mean)])
    for bound in within:
        proof.rewrite(proof.mean(bound), mean)
    at = {curve.p: mu, curve.s: s}
    mix, gap = proof.instantiate(curve.positive, at), proof.instantiate(curve.above, at)
    grown = proof.instantiate(curve.line, {curve.y: gap.left})
    top = proof.certificate(Ge(exp(mu * s + s**2 / 8), mix.left), [(mix.left, grown), (mix.left, gap)])
    return proof.certificate(Ge(top.left, Mean(height)), [(1, top), (1, averaged)])


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
