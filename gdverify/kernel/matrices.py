"""Rules for matrices of symbolic size: equalities by rewriting, gradients, derivatives along a flow."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..claim import Assumption
from ..errors import ProofError
from ..language import Inner, MatrixTerm, Mean, SymmetricMatrix, TimeDerivative
from .algebra import check_defined, is_zero
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
    """matrix_identity, matrix_certificate, submultiplicative, determinant, gradient_*, lie_derivative."""

    def matrix_identity(self, left: Any, right: Any, *, using: Sequence[Fact] = ()) -> Fact:
        """left == right as matrices, by noncommutative normal form after rewriting with the equations ``using``.

        Scalar equations among them are put into the coefficients.
        """
        if left.shape != right.shape:
            raise ProofError(f"shapes {left.shape} and {right.shape} differ")
        if not self._vanishes(_subtract(words(left), words(right)), using):
            raise ProofError(f"not an identity: {left} == {right}")
        return self._record("matrix identity", left, "==", right, using)

    def _vanishes(self, terms: Terms, using: Sequence[Fact]) -> bool:
        matrices = [f for f in using if isinstance(f.left, sympy.MatrixExpr)]
        values = [f for f in using if f not in matrices]
        left = rewrite(terms, self._rules(matrices))
        return all(is_zero(self._apply(c, values), self.signs) for c in left.values())

    def matrix_certificate(
        self, left: Any, right: Any, combine: Sequence[tuple[Any, Fact]], *, using: Sequence[Fact] = ()
    ) -> Fact:
        """left == right as matrices, because left - right = sum(coefficient * (f.left - f.right)) exactly.

        Parameters
        ----------
        combine : (coefficient, matrix equation); coefficients are scalars of any sign
        using : matrix equations put in before the two sides are compared
        """
        total = _subtract(words(left), words(right))
        for coefficient, fact in combine:
            self._mine(fact)
            if fact.relation != "==" or not isinstance(fact.left, sympy.MatrixExpr) or fact.left.shape != left.shape:
                raise ProofError(f"step {fact.number} is no equation between matrices of shape {left.shape}")
            check_defined(sympy.sympify(coefficient), self.signs)
            for w, c in _subtract(words(fact.left), words(fact.right)).items():
                total[w] = total.get(w, sympy.S.Zero) - sympy.sympify(coefficient) * c
        if left.shape != right.shape:
            raise ProofError(f"shapes {left.shape} and {right.shape} differ")
        if not self._vanishes(total, using):
            raise ProofError(f"the matrix certificate does not add up to {left} == {right}")
        return self._record("matrix certificate", left, "==", right, [*(f for _, f in combine), *using])

    def sandwich(self, fact: Fact, left: Any = None, right: Any = None) -> Fact:
        """From X == Y: left X right == left Y right."""
        self._matrix_equation(fact)
        for factor in (left, right):
            self._check_argument(factor)
        sides = []
        for side in (fact.left, fact.right):
            factors = [x for x in (left, side, right) if x is not None]
            for a, b in itertools.pairwise(factors):
                if a.shape[1] != b.shape[0]:
                    raise ProofError(f"shapes {a.shape} and {b.shape} do not multiply")
            sides.append(sympy.MatMul(*factors))
        return self._record("sandwich", sides[0], "==", sides[1], [fact])

    def trace(self, fact: Fact) -> Fact:
        """From X == Y, square: tr X == tr Y."""
        self._matrix_equation(fact)
        if not fact.left.is_square:
            raise ProofError(f"trace of {fact.left}, which is not square")
        return self._record("trace", sympy.Trace(fact.left), "==", sympy.Trace(fact.right), [fact])

    def _matrix_equation(self, fact: Fact) -> None:
        self._mine(fact)
        if fact.relation != "==" or not isinstance(fact.left, sympy.MatrixExpr):
            raise ProofError(f"step {fact.number} is no matrix equation")

    def _apply(self, expr: Any, using: Sequence[Fact]) -> Any:
        """Scalar with equals put for equals; see the scalar rules."""
        raise NotImplementedError

    def _rewrite_matrix(self, expr: Any, using: Sequence[Fact]) -> Any:
        return _to_expr(rewrite(words(expr), self._rules(using)), expr.shape)

    def submultiplicative(self, x: Any, y: Any) -> Fact:
        """|X|^2 |Y|^2 >= |X Y|^2 in the Frobenius norm (Cauchy and Schwarz, entry by entry), for real X, Y."""
        if x.shape[1] != y.shape[0]:
            raise ProofError(f"shapes {x.shape} and {y.shape} do not multiply")
        self._check_argument(x)
        self._check_argument(y)
        norm = lambda m: sympy.Trace(m.T * m)
        return self._record("submultiplicative", norm(x) * norm(y), ">=", norm(x * y))

    def determinant(self, fact: Fact) -> Fact:
        """det(left) == det(right) for square left == right; det(AB) = det(A) det(B), det(A^T) = det(A), det(I) = 1,
        and det(cA) = c^n det(A) for an n x n matrix A.

        Products are split where every factor is square; a sum stays as it is.
        """
        self._matrix_equation(fact)
        left, right = determinant_of(fact.left), determinant_of(fact.right)
        return self._record("determinant", left, "==", right, [fact], defined=True)  # det of an inverse: not 1/0

    def _rules(self, using: Sequence[Fact]) -> list[tuple[Word, Terms]]:
        rules: list[tuple[Word, Terms]] = []
        for fact in using:
            self._mine(fact)
            if fact.relation != "==" or not isinstance(fact.left, sympy.MatrixExpr):
                raise ProofError(f"step {fact.number} is no matrix equation")
            if any(not self.signs.nonzero(c) for c in words(fact.left).values()):
                raise ProofError(f"a coefficient in {fact.left} is not proved to be non-zero")
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
        at = self._moment(law, letter)
        step, successor = law.key[4], {k.subs(at): v.subs(at) for k, v in law.key[5]}
        right = letter - step.subs(at) * gradient
        return self._record("gradient", successor[letter], "==", right, using, note=law.name)

    def _moment(self, law: Assumption, letter: Any) -> dict[Any, Any]:
        """What to put for the law's time or index so that it speaks of ``letter``; the law holds from 0 on."""
        variable = law.key[3]
        if letter in law.key[2] and variable is None:
            return {}
        for known in law.key[2]:
            if variable is not None and isinstance(letter, MatrixTerm) and isinstance(known, MatrixTerm):
                if known.index == variable and known.sequence == letter.sequence:
                    whole = law.key[0] == "gradient-flow" or self.signs.integer(letter.index)
                    if not whole or not self.signs.nonnegative(letter.index):
                        raise ProofError(f"{law.name!r} is not known to hold at {letter.index}")
                    return {variable: letter.index}
        raise ProofError(f"{law.name!r} says nothing of the gradient in {letter}")

    def _gradient(self, law: Assumption, letter: Any, using: Sequence[Fact]) -> Any:
        if law not in self.claim.assumptions:
            raise ProofError(f"the claim does not assume {law.name!r}")
        if law.key[0] not in ("gradient-flow", "gradient-descent"):
            raise ProofError(f"{law.name!r} says nothing of the gradient in {letter}")
        if isinstance(letter, SymmetricMatrix):
            raise ProofError(f"{letter} is symmetric: its gradient is not the free gradient")
        loss = law.key[1].subs(self._moment(law, letter))
        still = self._still()
        if letter in still:
            raise ProofError(f"{letter} is assumed constant, and {law.name!r} moves it")
        moving = {x.sequence if isinstance(x, MatrixTerm) else x for x in law.key[2]}
        for x in law.key[1].atoms(MatrixTerm) - still:
            if x.sequence in moving and x.index != law.key[3] and letter.index != law.key[3]:
                raise ProofError(f"{x} in the loss coincides with what moves at one instant: its gradient is unclear")
        for x in loss.atoms(sympy.MatrixSymbol) - still:
            if (x.sequence if isinstance(x, MatrixTerm) else x) not in moving:
                raise ProofError(f"{x} in the loss is neither moved by {law.name!r} nor assumed constant")
        for s in loss.free_symbols & set(self.claim.defines):
            if not _plain_scalar(self.claim.defines[s], self.claim):
                raise ProofError(f"{s} in the loss is defined by what may move")
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
        """d(quantity)/dt along ``flow`` (facts TimeDerivative(X) == …), by the product rule, simplified by ``using``
        (matrix equations, and values of constants).

        Letters and symbols that do not move must be constant by an assumption (`gdverify.laws.constant`) or be
        symbols of the claim.
        """
        speed: dict[Any, Any] = {}
        for f in flow:
            self._mine(f)
            if f.relation != "==" or not isinstance(f.left, TimeDerivative):
                raise ProofError(f"step {f.number} is no equation of motion")
            speed[f.left.args[0]] = f.right
        still = self._still()
        quantity = sympy.sympify(quantity)
        self._same_instant(quantity, speed, still)
        values = [f for f in using if not isinstance(f.left, sympy.MatrixExpr)]
        if any(f.left not in self.signs.domains for f in values):
            raise ProofError("lie_derivative: scalar equations may only give the values of the claim's symbols")
        for f in values:
            if f.left in self.generic or not _plain_scalar(f.right, self.claim):
                raise ProofError(f"step {f.number} does not give {f.left} a value that stays put")
        known = {*speed, *still, *(f.left for f in values)}
        for s in _scalars(quantity) - known:
            raise ProofError(f"no equation of motion for {s}, and it is not assumed constant")
        uses = [*flow, *using]
        using = [f for f in using if f not in values]
        if isinstance(quantity, sympy.MatrixExpr):
            moved = rewrite(_leibniz(words(quantity), speed, still), self._rules(using))
            moved = {w: self._apply(c, values) for w, c in moved.items()}
            moved = {w: c for w, c in moved.items() if not is_zero(c, self.signs)}
            right = _to_expr(moved, quantity.shape) if moved else sympy.S.Zero
            return self._record("lie derivative", TimeDerivative(quantity), "==", right, uses)
        total = []
        for trace in quantity.atoms(sympy.Trace):
            total.append(
                (trace, rewrite_trace_of(_leibniz(words(trace.arg), speed, still), self._rules(using), trace.arg.shape))
            )
        for s in speed:
            if s.is_Symbol and not isinstance(s, sympy.MatrixSymbol):
                total.append((s, speed[s]))
        right = sympy.S.Zero
        for variable, derivative in total:
            dummy = sympy.Dummy()
            right += sympy.diff(quantity.xreplace({variable: dummy}), dummy).xreplace({dummy: variable}) * derivative
        right = self._apply(right, values)
        if is_zero(right, self.signs):
            right = sympy.S.Zero
        return self._record("lie derivative", TimeDerivative(quantity), "==", right, uses)

    def _still(self) -> set[Any]:
        """What the claim assumes to be constant."""
        return {letter for a in self.claim.assumptions if a.key[:1] == ("constant",) for letter in a.key[1]}

    def _same_instant(self, quantity: Any, speed: dict[Any, Any], still: set[Any]) -> None:
        """The moving letters that carry a time must all carry the same one, and nothing else may depend on it."""
        times = {x.index for x in {*speed, *quantity.atoms(MatrixTerm)} if isinstance(x, MatrixTerm) and x not in still}
        if len(times) > 1:
            raise ProofError(f"letters at different times: {', '.join(map(str, times))}")
        blind = {x: sympy.Dummy() for x in quantity.atoms(sympy.Trace)}
        for time in times:
            if not isinstance(quantity, sympy.MatrixExpr) and quantity.xreplace(blind).free_symbols & time.free_symbols:
                raise ProofError(f"{quantity} depends on {time} by itself; that part of the derivative is not taken")


def _plain_scalar(value: Any, claim: Any) -> bool:
    """Whether a value is made of numbers and symbols that the claim declares by a domain, hence fixed."""
    value = sympy.sympify(value)
    return not value.atoms(AppliedUndef, Inner, Mean, sympy.MatrixSymbol) and all(
        s in claim.symbols or (s in claim.defines and _plain_scalar(claim.defines[s], claim))
        for s in value.free_symbols
    )


def _scalars(quantity: Any) -> set[Any]:
    """Scalar atoms that a quantity depends on, inside its traces and out; sizes and indices of letters are none."""
    traces = [] if isinstance(quantity, sympy.MatrixExpr) else list(quantity.atoms(sympy.Trace))
    blind = {x: sympy.Dummy() for x in traces}
    parts = [] if isinstance(quantity, sympy.MatrixExpr) else [quantity.xreplace(blind)]
    for matrix in [x.arg for x in traces] or [quantity]:
        if isinstance(matrix, sympy.MatrixExpr):
            parts += words(matrix).values()
    atoms = {s for e in parts for s in sympy.sympify(e).atoms(sympy.Symbol, AppliedUndef, Inner, Mean)}
    return atoms - set(blind.values())


def determinant_of(m: Any) -> Any:
    """det m, multiplied out over products of square factors."""
    if not m.is_square:
        raise ProofError(f"determinant of {m}, which is not square")
    if isinstance(m, sympy.Transpose):
        return determinant_of(m.arg)
    if isinstance(m, sympy.Inverse):
        return 1 / determinant_of(m.arg)
    if isinstance(m, sympy.Identity):
        return sympy.S.One
    if isinstance(m, sympy.MatMul) and all(a.is_square for a in m.args if isinstance(a, sympy.MatrixExpr)):
        coefficient, factors = m.as_coeff_matrices()
        return coefficient ** m.shape[0] * sympy.Mul(*[determinant_of(f) for f in factors])
    return sympy.Determinant(m)


def rewrite_trace_of(terms: Terms, rules: Sequence[tuple[Word, Terms]], shape: tuple[Any, Any]) -> Any:
    """Trace of a sum of words (of square matrices of this shape) after rewriting."""
    return sympy.Add(*[c * rewrite_trace(_to_expr({w: sympy.S.One}, shape), rules) for w, c in terms.items()])


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
