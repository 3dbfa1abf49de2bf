"""Rules for shares of Gaussian energy: E[w_i z_i^2 / sum_j w_j z_j^2], z standard normal, the weights held fixed."""

from __future__ import annotations

from typing import Any

import sympy

from ..errors import ProofError
from ..language import gaussian_form, gaussian_share
from .algebra import check_defined, is_zero
from .context import Context
from .fact import Fact


class ShareRules(Context):
    """share_integral, form_by_shares."""

    def share_integral(
        self, i: Any, n: Any, j: Any, nonnegative: Fact, total: Fact, start: Fact, step: Fact, b: Any, theta: Any
    ) -> Fact:
        """gaussian_share(w, i, n) == int_0^oo w_i/(1 + 2 theta w_i) D_n(theta)^(-1/2) d theta; the integral exists.

        Here D_k(theta) = prod over j <= k of (1 + 2 theta w_j), given by its recursion.  For q = sum_j w_j z_j^2 is
        positive almost surely, so 1/q = int_0^oo exp(-theta q) d theta; everything is non-negative, so the mean goes
        under the integral (Tonelli); and E exp(-s z^2) = (1 + 2s)^(-1/2), E z^2 exp(-s z^2) = (1 + 2s)^(-3/2) for
        s >= 0, the z_j being independent.  Both sides lie in [0, 1].  (J. R. Magnus 1986.)

        Parameters
        ----------
        i, n : integers, 1 <= i <= n
        j : a generic integer from 1 on (as far as n at least)
        nonnegative : w_j >= 0
        total : sum of w_j over j = 1..n > 0
        start, step : D_0 == 1 and D_{b+1} == (1 + 2 theta w_{b+1}) D_b
        b, theta : a generic integer from 0 on (as far as n - 1), a generic real in [0, oo)
        """
        weight = self._weights(i, n, j, nonnegative, total)
        dom = self._domain(theta)
        if theta not in self.generic or dom.integer or dom.low != 0 or dom.low_open or dom.high is not None:
            raise ProofError(f"{theta} is not a generic real in [0, oo)")
        self._runs(b, 0, n - 1)
        for e in (weight(j), sympy.sympify(i), sympy.sympify(n)):
            if theta in e.free_symbols or b in e.free_symbols:
                raise ProofError(f"{e} must not depend on {theta} and {b}")
        for fact in (start, step):
            self._everywhere(fact, b, theta)
            if fact.relation != "==":
                raise ProofError(f"step {fact.number} is no equation")
        above = step.left
        here = self._plug(above, {b: b - 1})
        if start.right != 1 or not is_zero(self._plug(above, {b: sympy.S.NegativeOne}) - start.left, self.signs):
            raise ProofError(f"steps {start.number} and {step.number} are no recursion of one determinant from 1 on")
        if not is_zero(step.right - (1 + 2 * theta * weight(b + 1)) * here, self.signs):
            raise ProofError(f"step {step.number} does not multiply by 1 + 2 {theta} {weight(b + 1)}")
        t = self._bound_variable(theta, above, weight(i), sympy.sympify(n))
        w = weight(i)
        body = w / (1 + 2 * t * w) / sympy.sqrt(self._plug(here, {b: n, theta: t}))
        right = sympy.Integral(body, (t, 0, sympy.oo))
        uses = [nonnegative, total, start, step]
        return self._record("share integral", gaussian_share(weight, i, n), "==", right, uses, defined=True)

    def form_by_shares(self, c: Any, n: Any, j: Any, nonnegative: Fact, total: Fact) -> Fact:
        """gaussian_form(w, c, n) == sum over j = 1..n of c_j^2 gaussian_share(w, j, n).

        With a_j = w_j^(1/2) z_j / (sum w z^2)^(1/2) the left side is E (sum_j c_j a_j)^2.  |a_i a_j| <= 1, so all
        means exist; for i != j the law of z does not change under z_i -> -z_i, which turns a_i a_j around, so that its
        mean is zero; and E a_j^2 is the share of w_j.

        Parameters
        ----------
        c : the real coordinates, as an expression in j
        j : a generic integer from 1 on (as far as n at least)
        nonnegative, total : w_j >= 0, and the sum of w_j over j = 1..n > 0
        """
        weight = self._weights(1, n, j, nonnegative, total)
        c = sympy.sympify(c)
        self._admit(c)
        check_defined(c, self.signs)
        if not self.signs.real(c) or self._depends_on([j], c) is not None:
            raise ProofError(f"{c} is not known to be a real number for every {j}")
        coordinate = lambda k: self._plug(c, {j: k})
        k = self._bound_variable(j, c, weight(j), sympy.sympify(n))
        right = sympy.Sum(coordinate(k) ** 2 * gaussian_share(weight, k, n), (k, 1, n))
        left = gaussian_form(weight, coordinate, n)
        return self._record("form by shares", left, "==", right, [nonnegative, total], defined=True)

    def _weights(self, i: Any, n: Any, j: Any, nonnegative: Fact, total: Fact) -> Any:
        """The weights as a function of the index, after the checks that they are >= 0 and not all zero."""
        if any(s.name == "each'" for s in self.signs.domains):
            raise ProofError("each' is the variable of sums of Gaussian energies: call your symbol otherwise")
        for k in (i, n):
            self._check_value(sympy.sympify(k))
            if not self.signs.integer(k) or not self.signs.nonnegative(k - 1):
                raise ProofError(f"{k} is not proved to be an integer >= 1")
        if not self.signs.nonnegative(n - i):
            raise ProofError(f"{i} <= {n} is not proved")
        if j in sympy.sympify(n).free_symbols:
            raise ProofError(f"{n} depends on {j}")
        self._runs(j, 1, n)
        self._everywhere(nonnegative, j)
        self._everywhere(total)
        if nonnegative.relation not in (">=", ">") or nonnegative.right != 0:
            raise ProofError(f"step {nonnegative.number} does not say that a weight is >= 0")
        of_j = nonnegative.left
        weight = lambda k: self._plug(of_j, {j: k})
        k = self._bound_variable(j, of_j, sympy.sympify(n))
        if total.relation != ">" or not is_zero(total.expr - sympy.Sum(weight(k), (k, 1, n)), self.signs):
            raise ProofError(f"step {total.number} does not say that the sum of the weights is > 0")
        return weight

    def _runs(self, j: Any, low: int, high: Any) -> None:
        dom = self._domain(j)
        far = dom.high is None or (not dom.high_open and self.signs.nonnegative(dom.high - high))
        if j not in self.generic or not dom.integer or dom.low != low or dom.low_open or not far:
            raise ProofError(f"{j} is not a generic integer from {low} on, as far as {high}")

    def _everywhere(self, fact: Fact, *variables: Any) -> None:
        """The fact holds for all values of these generic variables, independently of each other."""
        self._mine(fact)
        for h in fact.hypotheses:
            if set(variables) & self.steps[h - 1].fact.expr.free_symbols:
                raise ProofError(f"step {fact.number} rests on a supposition about {', '.join(map(str, variables))}")
        for v in variables:
            self._check_untied(v, fact.left, fact.right)
