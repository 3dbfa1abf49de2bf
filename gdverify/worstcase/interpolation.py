"""Interpolation conditions: which finite data (points, gradients, values) come from a function of a class.

The rows are necessary for every function of the class, so upper bounds hold without further ado.  Where they are
also sufficient (``exact``), a feasible Gram matrix *is* a function, and a lower bound is a counterexample.

A. B. Taylor, J. M. Hendrickx, F. Glineur, Smooth strongly convex interpolation and exact worst-case performance of
first-order methods, Mathematical Programming 161 (2017).
A. B. Taylor, J. M. Hendrickx, F. Glineur, Exact worst-case performance of first-order methods for composite convex
optimization, SIAM Journal on Optimization 27 (2017): "2017b".
Y. Drori, O. Shamir, The complexity of finding stationary points with stochastic gradient descent, ICML 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..claim import Claim
from ..errors import ClaimError
from .bounds import exact_value
from .rows import Linear, Row

_MINUS = Fraction(-1)
_CONVEX = "convex interpolation (Taylor, Hendrickx, Glineur 2017)"
_SMOOTH = "smooth (strongly) convex interpolation (Taylor, Hendrickx, Glineur 2017, Theorem 4)"
_NONCONVEX = "smooth non-convex interpolation (Drori, Shamir 2020)"
_INDICATOR = "convex indicator interpolation (Taylor, Hendrickx, Glineur 2017b, Theorem 3.6)"
_NECESSARY = "necessary conditions only: no interpolation theorem for this class"


@dataclass(frozen=True)
class FunctionClass:
    """Functions with curvature in [mu, L] (None: no bound), and what else the claim assumes of them.

    ``lipschitz`` bounds the (sub)gradients, ``pl`` is the Polyak-Lojasiewicz constant; ``minimised`` and ``bounded``
    say whether a minimiser or a lower bound is assumed to exist.  ``indicator``: of a convex set, of that ``diameter``.
    ``blocks``: smoothness constants of the blocks of coordinates.
    """

    mu: Fraction | None = None
    L: Fraction | None = None
    lipschitz: Fraction | None = None
    pl: Fraction | None = None
    minimised: bool = False
    bounded: bool = False
    indicator: bool = False
    diameter: Fraction | None = None
    blocks: tuple[Fraction, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the rows are sufficient as well."""
        if self.indicator:
            return not (self.mu or self.L or self.lipschitz or self.pl or self.blocks)
        if self.pl is not None or self.mu is None or self.blocks:
            return False
        if self.L is None:
            return self.mu == 0 or (self.mu > 0 and self.lipschitz is None)
        if self.lipschitz is not None:
            return False
        return (self.mu >= 0 and not (self.bounded and not self.minimised)) or self.mu == -self.L

    @property
    def theorem(self) -> str:
        if not self.exact:
            return _NECESSARY
        if self.indicator:
            return _INDICATOR
        if self.L is None:
            return _CONVEX
        return _SMOOTH if self.mu is not None and self.mu >= 0 else _NONCONVEX

    def has_quadratic(self, c: Fraction) -> bool:
        """Whether x -> c|x|^2/2 (c > 0) is a member."""
        return (
            c > 0
            and (self.mu is None or c >= self.mu)
            and (self.L is None or c <= self.L)
            and (self.pl is None or c >= self.pl)
            and self.lipschitz is None
            and not self.indicator
            and not self.blocks
        )

    @property
    def conditions(self) -> dict[str, tuple[Fraction | None, ...]]:
        """Constants of the conditions that the checker knows."""
        return {"curvature": (self.mu, self.L)} if self.mu is not None and self.mu != self.L else {}

    def rows(
        self,
        name: str,
        data: Sequence[tuple[str, Any]],
        minimum: Any,
        level: Any,
        part: Callable[[Any, int], Any] | None = None,
    ) -> tuple[list[Row], bool, str]:
        """Rows for data ``(label, (x, gradient, value))``.

        ``minimum`` is the least value of f, ``level`` the value that the PL inequality refers to; None: not stated.
        ``part(v, k)`` is block k of a vector.
        """
        out = []
        products = self._products() if self.mu is not None and self.mu != self.L else None
        for i, (label_i, (x_i, g_i, f_i)) in enumerate(data):
            for j, (label_j, (x_j, g_j, f_j)) in enumerate(data):
                if i != j and products is not None:
                    slack = quadratic_form((x_i, x_j, g_i, g_j), products).plus(f_i.form).plus(f_j.form, _MINUS)
                    row = Row(f"{name}: {label_i} -> {label_j}", slack, pair=(i, j), of=(name, "curvature"))
                    out.append(row)
                if i != j and part is not None:
                    for k, constant in enumerate(self.blocks):
                        change = part(g_i - g_j, k)
                        slack = f_i - f_j - g_j.inner(x_i - x_j) - change.inner(change) / (2 * constant)
                        out.append(Row(f"{name}: {label_i} -> {label_j}, block {k}", slack.form, pair=(i, j)))
                if i < j and self.diameter is not None:
                    distance = (x_i - x_j).inner(x_i - x_j)
                    limit = (self.diameter**2 - distance).form
                    out.append(Row(f"{name}: distance {label_i}, {label_j}", limit, pair=(i, j)))
            if self.lipschitz is not None:
                out.append(Row(f"{name}: Lipschitz at {label_i}", (self.lipschitz**2 - g_i.inner(g_i)).form))
            if minimum is not None:
                if self.mu is None or self.mu < 0 or (self.bounded and not self.minimised):
                    gain = g_i.inner(g_i) / (2 * self.L) if self.L else g_i.inner(g_i) * 0
                    out.append(Row(f"{name}: minimum below {label_i}", (f_i - minimum - gain).form))
            if self.pl is not None and level is not None:
                out.append(Row(f"{name}: PL at {label_i}", (g_i.inner(g_i) - 2 * self.pl * (f_i - level)).form))
        kept = [r for r in out if r.expression.gram or r.expression.values]
        return kept, self.exact, self.theorem

    def _products(self) -> dict[tuple[int, int], Fraction]:
        """The part of row (i, j) that is quadratic: coefficients of products of x_i, x_j, g_i, g_j (in this order).

        The row says what f_i exceeds the tangent at x_j by, at least (Theorem 4 of the first source, also for mu < 0):
        (|dg|^2/L + mu |dx|^2 - 2 (mu/L) <dg, dx>) / (2 (1 - mu/L)).
        """
        assert self.mu is not None
        if self.L is None:
            dx_dx, dg_dx, dg_dg = self.mu / 2, Fraction(0), Fraction(0)
        else:
            half = 1 / (2 * (1 - self.mu / self.L))
            dx_dx, dg_dx, dg_dg = half * self.mu, -2 * half * self.mu / self.L, half / self.L
        table = {
            **{(0, 0): -dx_dx, (0, 1): 2 * dx_dx, (1, 1): -dx_dx},
            **{(2, 2): -dg_dg, (2, 3): 2 * dg_dg, (3, 3): -dg_dg},
            **{(0, 2): -dg_dx, (1, 2): dg_dx, (0, 3): dg_dx - 1, (1, 3): 1 - dg_dx},
        }
        return {k: c for k, c in table.items() if c}


def quadratic_form(points: Sequence[Any], products: Mapping[tuple[int, int], Fraction]) -> Linear:
    """The sum of c <points[p], points[q]> over the table ``products`` of c by (p, q)."""
    gram: dict[tuple[int, int], Fraction] = {}
    for (p, q), c in products.items():
        for a, u in points[p].coords.items():
            for b, v in points[q].coords.items():
                key = (a, b) if a <= b else (b, a)
                part = c if u == 1 and v == 1 else c * u * v
                gram[key] = gram[key] + part if key in gram else part
    return Linear({k: c for k, c in gram.items() if c})


def read_class(claim: Claim, name: str, case: Mapping[str, Any]) -> FunctionClass:
    """The class that the claim's assumptions give to the function ``name``, with constants at the case.

    A function that is smooth and not convex belongs to the class with an L-Lipschitz gradient (curvature in [-L, L]).

    Raises
    ------
    ClaimError
        a constant is irrational, not positive, or the class is empty (mu > L)
    """
    keys = [a.key for a in claim.assumptions if len(a.key) >= 2 and a.key[1] == name]

    def constants(*kinds: str) -> list[Fraction]:
        return [exact_value(key[2], case, f"{claim.id}: the constant of {key[0]}") for key in keys if key[0] in kinds]

    lower = [Fraction(0) for key in keys if key[0] == "convex"] + constants("strongly-convex")
    upper = constants("smooth", "lipschitz-gradient")
    mu, L = max(lower, default=None), min(upper, default=None)
    if L is not None and L <= 0:
        raise ClaimError(f"{claim.id}: smoothness constant {L} is not positive")
    if mu is not None and L is not None and mu > L:
        raise ClaimError(f"{claim.id}: no {name} is both {mu}-strongly convex and {L}-smooth")
    if mu is None and L is not None:
        mu = -L
    if any(key[0] == "indicator" for key in keys):
        mu = mu or Fraction(0)
    found = {key[0] for key in keys}
    diameters = [key[2] for key in keys if key[0] == "indicator" and key[2] is not None]
    blocks = [key[2] for key in keys if key[0] == "block-smooth"]
    if len(blocks) > 1 or (blocks and mu is None):
        raise ClaimError(f"{claim.id}: block-smooth functions are supported once, and convex")
    if "indicator" in found and L is not None:
        raise ClaimError(f"{claim.id}: an indicator is not smooth")
    return FunctionClass(
        mu=mu,
        L=L,
        lipschitz=min(constants("lipschitz"), default=None),
        pl=max(constants("pl"), default=None),
        minimised="minimiser" in found,
        bounded="bounded-below" in found,
        indicator="indicator" in found,
        diameter=min((exact_value(d, case, f"{claim.id}: the diameter") for d in diameters), default=None),
        blocks=tuple(exact_value(c, case, f"{claim.id}: a block's constant") for b in blocks for c in b),
    )
