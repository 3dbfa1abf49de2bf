"""Rules that integrate a flow: from a derivative at every instant to a statement about two of them."""

from __future__ import annotations

from typing import Any

import sympy

from ..errors import ProofError
from ..language import MatrixTerm, TimeDerivative
from .algebra import check_defined, is_zero
from .fact import Fact
from .scalars import ScalarRules


class DynamicsRules(ScalarRules):
    """conserved, gronwall."""

    def conserved(self, motion: Fact, time: Any) -> Fact:
        """From dQ/dt == 0 at every time >= 0: Q(time) == Q(0), for a scalar or a matrix Q.

        ``motion`` is a fact about a generic ``time`` (proof.scalar with a domain [0, oo)) that rests on no
        supposition; Q depends on time through terms of matrix sequences at ``time`` alone.
        """
        quantity = self._trajectory(motion, time)
        if motion.right != 0 and not isinstance(motion.right, sympy.ZeroMatrix):
            raise ProofError(f"step {motion.number} does not say that {quantity} stays put")
        return self._record("conserved", quantity, "==", self._plug(quantity, {time: 0}), [motion])

    def gronwall(self, motion: Fact, decay: Fact, rate: Any, time: Any) -> Fact:
        """From dV/dt == W and W <= -rate V at every time >= 0: V(0) exp(-rate time) >= V(time).

        For then V(time) exp(rate time) does not increase.  ``rate`` is a constant of either sign (0: V does not
        increase); ``motion`` is dV/dt == W and ``decay`` is -rate V - W >= 0 in any form, both about a generic
        ``time`` (proof.scalar with a domain [0, oo)) and resting on no supposition; V is a scalar that depends on
        time through terms of matrix sequences at ``time`` alone.
        """
        self._mine(decay)
        value, rate = self._trajectory(motion, time), sympy.sympify(rate)
        if isinstance(value, sympy.MatrixExpr):
            raise ProofError("gronwall is for scalars")
        check_defined(rate, self.signs)
        if time in rate.free_symbols or not self.signs.deterministic(rate) or not self.signs.real(rate):
            raise ProofError(f"the rate {rate} is not known to be a real constant")
        if decay.relation not in (">=", ">", "==") or decay.hypotheses:
            raise ProofError(f"step {decay.number} is no inequality that holds at every time")
        if not is_zero(decay.expr - (-rate * value - motion.right), self.signs):
            raise ProofError(f"step {decay.number} is not {motion.right} <= -({rate}) {value}")
        right = self._plug(value, {time: 0}) * sympy.exp(-rate * time)
        return self._record("gronwall", right, ">=", value, [motion, decay])

    def _trajectory(self, motion: Fact, time: Any) -> Any:
        """The quantity whose derivative ``motion`` gives along one trajectory over all times >= 0."""
        self._mine(motion)
        if motion.relation != "==" or not isinstance(motion.left, TimeDerivative) or motion.hypotheses:
            raise ProofError(f"step {motion.number} gives no derivative that holds at every time")
        dom = self._domain(time)
        forever = dom.low is not None and is_zero(sympy.sympify(dom.low), self.signs) and not dom.low_open
        if time not in self.generic or not forever or dom.high is not None or dom.integer:
            raise ProofError(f"{time} is not a generic time >= 0: proof.scalar({str(time)!r}, Nonnegative())")
        quantity = motion.left.args[0]
        terms = [x for x in quantity.atoms(MatrixTerm) if time in x.index.free_symbols]
        if not terms or any(x.index != time for x in terms):
            raise ProofError(f"{quantity} does not follow a trajectory through {time}")
        rest = quantity.xreplace({x: x.sequence(sympy.S.Zero) for x in terms})
        if time in rest.free_symbols:
            raise ProofError(f"{quantity} depends on {time} by itself")
        return quantity
