"""Steps of a derivation in Coq: matrices of symbolic size, gradients and flows."""

from __future__ import annotations

from typing import Any

import sympy

from ..kernel.fact import Fact
from .lemmas import Lemmas


class MatrixSteps(Lemmas):
    """The proof script of each rule."""

    def _rule_matrix_identity(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        using = [f for f in args["using"] if isinstance(f.left, sympy.MatrixExpr)]
        values = [f"  rewrite ?{self.use(f.number)}." for f in args["using"] if f not in using]
        return "\n".join([*values, self.identities.matrices.equation(self.equalities(using))])

    def _rule_gradient_step(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return self.dynamics.gradient(args["law"], args["letter"], args["using"], fact, False)

    def _rule_gradient_flow(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return self.dynamics.gradient(args["law"], args["letter"], args["using"], fact, True)

    def _rule_lie_derivative(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return self.dynamics.lie_derivative(fact, args, self.facts(n, omega))

    def _rule_conserved(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return self.dynamics.conserved(n, fact, args)

    def _rule_gronwall(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return self.dynamics.gronwall(n, fact, args)

    def _rule_sandwich(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        mat, used = self.terms.mat, args["fact"]
        left, right = args["left"], args["right"]
        whole = "X_" if left is None else f"(mmul {mat(left)} X_)"
        whole = whole if right is None else f"(mmul {whole} {mat(right)})"
        equal = f"(f_equal (fun X_ => {whole}) {self.use(used.number)})"
        return f"  refine (eq_trans _ (eq_trans {equal} _)); cbv beta; mring."

    def _rule_trace(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return f"  exact (f_equal trace {self.use(args['fact'].number)})."

    def _rule_submultiplicative(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        mat = self.terms.mat
        script = self.identities.script([fact.left, fact.right], ())
        norm = lambda m: sympy.Trace(m.T * m)
        script = self.identities.script([fact.left, fact.right, *map(norm, (args["x"], args["y"]))], ())
        return (
            f"  assert (F := submultiplicative _ _ _ {mat(args['x'])} {mat(args['y'])}).\n"
            f"  apply (ge_ge _ _ _ _ F).\n{script}"
        )
