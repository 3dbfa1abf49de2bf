"""Rules for matrices of symbolic size: equalities by rewriting, gradients, derivatives along a flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..claim import Assumption
from ..errors import ProofError
from ..language import Inner, Mean, SymmetricMatrix, TimeDerivative
from .algebra import is_zero
from .context import Context
from .fact import Fact
from .matrix import (
    Terms,
    Word,
    cancel,
    oriented,
    rewrite,
    rewrite_trace,
    to_matrix,
    transpose_word,
    words,
)


class MatrixRules(Context):
    """matrix_identity, trace_square, gradient_flow, lie_derivative."""

    def matrix_identity(self, left: Any, right: Any, *, using: Sequence[Fact] = ()) -> Fact:
        """left == right as matrices, by noncommutative normal form after rewriting with the equations ``using``."""
        if left.shape != right.shape:
            raise ProofError(f"shapes {left.shape} and {right.shape} differ")
        rules = self._rules(using)
        difference = _subtract(rewrite(words(left), rules), rewrite(words(right), rules))
        if not all(is_zero(c, self.signs) for c in rewrite(difference, rules).values()):
            raise ProofError(f"not an identity: {left} == {right}")
        return self._record("matrix identity", left, "==", right, using)

    def _rules(self, using: Sequence[Fact]) -> list[tuple[Word, Terms]]:
        rules: list[tuple[Word, Terms]] = []
        for fact in using:
            self._mine(fact)
            if fact.relation != "==" or not isinstance(fact.left, sympy.MatrixExpr):
                raise ProofError(f"step {fact.number} is no matrix equation")
            rules += oriented(fact.left, fact.right)
        return rules

    def _rewrite_traces(self, expr: Any, using: Sequence[Fact]) -> Any:
        rules = self._rules(using)
        return expr.replace(lambda e: isinstance(e, sympy.Trace), lambda e: rewrite_trace(e.arg, rules))

    def gradient_flow(self, law: Assumption, letter: Any, *, using: Sequence[Fact] = ()) -> Fact:
        """d(letter)/dt == -gradient of the loss, for an assumption made by `gdverify.laws.gradient_flow`."""
        return self._record(
            "gradient", TimeDerivative(letter), "==", -self._gradient(law, letter, using), using, note=law.name
        )

    def gradient_step(self, law: Assumption, letter: Any, *, using: Sequence[Fact] = ()) -> Fact:
        """letter_next == letter - step * gradient, for an assumption made by `gdverify.laws.gradient_descent`."""
        gradient = self._gradient(law, letter, using)
        step, successor = law.key[3], dict(law.key[4])
        return self._record("gradient", successor[letter], "==", letter - step * gradient, using, note=law.name)

    def _gradient(self, law: Assumption, letter: Any, using: Sequence[Fact]) -> Any:
        if law not in self.claim.assumptions:
            raise ProofError(f"the claim does not assume {law.name!r}")
        if law.key[0] not in ("gradient-flow", "gradient-descent") or letter not in law.key[2]:
            raise ProofError(f"{law.name!r} says nothing of the gradient in {letter}")
        if isinstance(letter, SymmetricMatrix):
            raise ProofError(f"{letter} is symmetric: its gradient is not the free gradient")
        loss = law.key[1]
        total: Terms = {}
        for term in sympy.Add.make_args(sympy.expand(loss)):
            traces = [f for f in sympy.Mul.make_args(term) if isinstance(f, sympy.Trace)]
            rest = sympy.Mul(*[f for f in sympy.Mul.make_args(term) if not isinstance(f, sympy.Trace)])
            if rest.has(letter):
                raise ProofError("gradient: the loss must be a sum of multiples of traces")
            if len(traces) > 1:
                raise ProofError("gradient: products of traces are not supported")
            for trace in traces:
                for word, c in words(trace.arg).items():
                    for part, sign in _cyclic_derivative(word, letter):
                        total[part] = total.get(part, sympy.S.Zero) + sign * c * rest
        return _to_expr(rewrite(total, self._rules(using)), letter.shape)

    def lie_derivative(self, quantity: Any, flow: Sequence[Fact], *, using: Sequence[Fact] = ()) -> Fact:
        """d(quantity)/dt along ``flow`` (facts TimeDerivative(X) == …), by the product rule, simplified by ``using``.

        Letters and symbols that do not move must be constant by an assumption (`gdverify.laws.constant`) or be
        symbols of the claim.
        """
        speed: dict[Any, Any] = {}
        for f in flow:
            self._mine(f)
            if f.relation != "==" or not isinstance(f.left, TimeDerivative):
                raise ProofError(f"step {f.number} is no equation of motion")
            speed[f.left.args[0]] = f.right
        still = {letter for a in self.claim.assumptions if a.key[:1] == ("constant",) for letter in a.key[1]}
        quantity = sympy.sympify(quantity)
        if isinstance(quantity, sympy.MatrixExpr):
            moved = rewrite(_leibniz(words(quantity), speed, still), self._rules(using))
            moved = {w: c for w, c in moved.items() if not is_zero(c, self.signs)}
            right = _to_expr(moved, quantity.shape) if moved else sympy.S.Zero
            return self._record("lie derivative", TimeDerivative(quantity), "==", right, [*flow, *using])
        total = []
        for trace in quantity.atoms(sympy.Trace):
            total.append((trace, rewrite_trace_of(_leibniz(words(trace.arg), speed, still), self._rules(using))))
        for s in speed:
            if s.is_Symbol and not isinstance(s, sympy.MatrixSymbol):
                total.append((s, speed[s]))
        moving = {s for s in quantity.atoms(sympy.Symbol, AppliedUndef, Inner, Mean) if s not in speed}
        for s in moving - still:
            raise ProofError(f"no equation of motion for {s}, and it is not assumed constant")
        right = sympy.S.Zero
        for variable, derivative in total:
            dummy = sympy.Dummy()
            right += sympy.diff(quantity.xreplace({variable: dummy}), dummy).xreplace({dummy: variable}) * derivative
        if is_zero(right, self.signs):
            right = sympy.S.Zero
        return self._record("lie derivative", TimeDerivative(quantity), "==", right, [*flow, *using])


def rewrite_trace_of(terms: Terms, rules: Sequence[tuple[Word, Terms]]) -> Any:
    """Trace of a sum of words after rewriting."""
    return sympy.Add(*[c * rewrite_trace(to_matrix(w), rules) for w, c in terms.items()])


def _subtract(a: Terms, b: Terms) -> Terms:
    out = dict(a)
    for w, c in b.items():
        out[w] = out.get(w, sympy.S.Zero) - c
    return out


def _to_expr(terms: Terms, shape: tuple[Any, Any]) -> Any:
    if not terms:
        return sympy.ZeroMatrix(*shape)
    parts = [c * (to_matrix(w) if w else sympy.Identity(shape[0])) for w, c in terms.items()]
    return parts[0] if len(parts) == 1 else sympy.MatAdd(*parts)


def _cyclic_derivative(word: Word, letter: Any) -> list[tuple[Word, int]]:
    """Gradient of tr(word): with tr(word) = tr(A dX B) the gradient is (B A)^T; d(X^-1) = -X^-1 dX X^-1."""
    out: list[tuple[Word, int]] = []
    for k, x in enumerate(word):
        if x[0] != letter:
            continue
        around = word[k + 1 :] + word[:k]
        sign = 1
        if x[2]:
            around = (x, *around, x)
            sign = -1
        out.append((cancel(around if x[1] else transpose_word(around)), sign))
    return out


def _leibniz(terms: Terms, speed: dict[Any, Any], still: set[Any]) -> Terms:
    total: Terms = {}
    for word, c in terms.items():
        for k, x in enumerate(word):
            if x[0] in still:
                continue
            if x[0] not in speed:
                raise ProofError(f"no equation of motion for {x[0]}, and it is not assumed constant")
            for v, a in words(speed[x[0]]).items():
                inside = transpose_word(v) if x[1] else v
                factor = a * c
                if x[2]:
                    inside, factor = (x, *inside, x), -factor
                new = cancel(word[:k] + inside + word[k + 1 :])
                total[new] = total.get(new, sympy.S.Zero) + factor
    return total
