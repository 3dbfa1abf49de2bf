"""Solutions of differential equations, by substitution and uniqueness."""

from __future__ import annotations

from typing import Any

import sympy

from ..claim import Assumption
from ..errors import ProofError
from .algebra import is_zero
from .calculus import CalculusRules
from .fact import Fact


class SolutionRules(CalculusRules):
    """solution."""

    def solution(self, law: Assumption, candidate: Any, time: Any) -> Fact:
        """y(time) == candidate, for a scalar initial value problem made by `gdverify.laws.initial_value`.

        The candidate solves y' = F(y), y(0) = y_0 on the whole domain [0, oo) of the generic ``time``: the equation
        and the start are checked by normal form.  F is a polynomial in y whose coefficients do not change with time,
        so that the solution is unique (Picard and Lindelof).
        """
        if law not in self.claim.assumptions:
            raise ProofError(f"the claim does not assume {law.name!r}")
        if law.key[:1] != ("initial-value",):
            raise ProofError(f"{law.name!r} is no initial value problem")
        _, state, t, field, start = law.key
        candidate = sympy.sympify(candidate)
        dom = self._domain(time)
        if dom.low != 0 or dom.low_open or dom.high is not None or dom.integer or time not in self.generic:
            raise ProofError(f"{time} is not a generic time >= 0: proof.scalar({str(time)!r}, Nonnegative())")
        y = sympy.Dummy("y", real=True)
        right = sympy.sympify(field).xreplace({state: y})
        if right.has(t, state.func) or not right.is_polynomial(y):
            raise ProofError(f"{field} is no polynomial in {state} with constant coefficients")
        if sympy.sympify(start).has(t, state.func) or candidate.has(state.func):
            raise ProofError("the start and the solution may not refer to the trajectory")
        if not self.signs.real(candidate):
            raise ProofError(f"{candidate} is not known to be real")
        slope = self._derivative(candidate, time)
        if not is_zero(slope - right.xreplace({y: candidate}), self.signs):
            raise ProofError(f"{candidate} does not solve the equation of {state}")
        if not is_zero(self._plug(candidate, {time: sympy.S.Zero}) - start, self.signs):
            raise ProofError(f"{candidate} does not start at {start}")
        return self._record("solution", state.xreplace({t: time}), "==", candidate, note=law.name)
