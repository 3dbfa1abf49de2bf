"""Rules for expectations over random matrices: moments by law, and Gaussian integration by parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from ..claim import Assumption
from ..errors import ProofError
from ..language import Covariance, Mean
from .fact import Fact
from .matrices import determinant_of
from .matrix import Word, cycle_factors, expand_traces, gaussian_mean, transpose_word, words
from .means import MeanRules, law_letters
from .moments import haar_mean, signs_mean, sphere_mean, unitary_mean


class MomentRules(MeanRules):
    """moment, rotated, stein, log_determinant."""

    def moment(self, expr: Any, laws: Sequence[Assumption]) -> Fact:
        """Mean(expr) == its value, for a polynomial in traces of words in independent random letters of known laws.

        ``laws`` are made by `gdverify.laws`: ``gaussian`` (Wick), ``sphere`` (Gaussian moments over the moments of
        the length), ``signs`` (cumulants; degree at most 10), ``haar`` and ``haar_unitary`` (Weingarten; degree 2k at
        most 6, n >= k proved).  Each letter is integrated with the others held fixed, as their independence allows.
        """
        expr = sympy.sympify(expr)
        self._admit(expr)
        table = self._laws(expr, laws)
        value = expand_traces(expr)
        for law in dict.fromkeys(table.values()):
            value = self._integrated(expand_traces(value), law)
        for term in sympy.Add.make_args(value):
            for factor in sympy.Mul.make_args(term):
                if not self._fixed(factor):
                    raise ProofError(f"{factor} is not known to be constant")
        return self._record("moment", Mean(expr), "==", value, note="; ".join(law.name for law in laws))

    def _integrated(self, value: Any, law: Assumption) -> Any:
        total, letters = [], law_letters(law)
        for term in sympy.Add.make_args(value):
            rest, cycles = [], []
            for factor in sympy.Mul.make_args(term):
                if not factor.has(*letters):
                    rest.append(factor)
                    continue
                base, power = factor.as_base_exp()
                if not (isinstance(base, sympy.Trace) and power.is_Integer and power > 0):
                    raise ProofError(f"{factor} is no polynomial in traces")
                (word,) = words(base.arg)
                cycles += [word] * int(power)
            total.append(sympy.Mul(*rest, self._mean_over(cycles, law) if cycles else 1))
        return sympy.Add(*total)

    def _mean_over(self, cycles: list[Word], law: Assumption) -> Any:
        kind, letters = law.key[0], law_letters(law)
        letter = letters[0]
        if kind == "gaussian":
            covariance = law.key[2]
            terms = gaussian_mean(cycles, {letter: (covariance.rows, covariance.columns)})
            return sympy.Add(*[c * sympy.Mul(*f) for c, f in terms])
        size = letter.shape[0]
        if kind == "sphere":
            if not self.signs.positive(size):
                raise ProofError(f"the dimension {size} is not proved to be positive")
            return sphere_mean(cycles, letter)
        if kind == "signs":
            return signs_mean(cycles, letter)
        half = sum(x[0] in letters for w in cycles for x in w) // 2
        if not self.signs.nonnegative(size - half):
            raise ProofError(f"{size} >= {half} is not proved: the formula of degree {2 * half} needs it")
        return unitary_mean(cycles, *letters) if kind == "unitary" else haar_mean(cycles, letter)

    def rotated(self, expr: Any, law: Assumption) -> Fact:
        """Mean(expr) == Mean of expr averaged over all rotations and reflections of the points together.

        ``law`` is made by `gdverify.laws.rotation_invariant`: the points O x have the joint law of the points x with
        the labels, for every orthogonal O.  ``expr`` is a polynomial in traces of words in points, labels and
        constants, of degree 2k <= 6 in the points, d >= k proved.  The mean of |expr(O x)| is that of |expr(x)|, so
        that the average over a Haar matrix O may be taken inside (Fubini).  Constants come out of the mean.
        """
        expr = sympy.sympify(expr)
        self._admit(expr)
        if law not in self.claim.assumptions:
            raise ProofError(f"the claim does not assume {law.name!r}")
        if law.key[:1] != ("rotation",):
            raise ProofError(f"{law.name!r} is no invariance under rotations")
        points, labels = set(law.key[1]), set(law.key[2])
        constant = {x for a in self.claim.assumptions if a.key[:1] == ("constant",) for x in a.key[1]}
        if (points | labels) & constant:
            raise ProofError("a point or label is assumed constant")
        for letter in expr.atoms(sympy.MatrixSymbol) - points - labels - constant:
            raise ProofError(f"{letter} is neither a point nor a label of {law.name!r}, nor assumed constant")
        d = law.key[1][0].shape[0]
        turn = sympy.MatrixSymbol("O'", d, d)
        total = []
        for term in sympy.Add.make_args(expand_traces(expr)):
            outside, inside, cycles = [], [], []
            for factor in sympy.Mul.make_args(term):
                base, power = factor.as_base_exp()
                letters = factor.atoms(sympy.MatrixSymbol)
                if not letters - constant:
                    if not self._fixed(factor):
                        raise ProofError(f"{factor} is not known to be constant")
                    outside.append(factor)
                elif not (isinstance(base, sympy.Trace) and power.is_Integer and power > 0):
                    raise ProofError(f"{factor} is no polynomial in traces")
                elif not letters & points:
                    inside.append(factor)
                else:
                    (word,) = words(base.arg)
                    cycles += [_turned(word, points, turn)] * int(power)
            half = sum(x[0] == turn for w in cycles for x in w) // 2
            if not self.signs.nonnegative(d - half):
                raise ProofError(f"{d} >= {half} is not proved: the formula of degree {2 * half} needs it")
            average = haar_mean(cycles, turn) if cycles else sympy.S.One
            for part in sympy.Add.make_args(sympy.expand(average)):
                mine = [f for f in sympy.Mul.make_args(part) if f.atoms(sympy.MatrixSymbol) - constant]
                rest = [f for f in sympy.Mul.make_args(part) if f not in mine]
                total.append(sympy.Mul(*outside, *rest) * Mean(sympy.Mul(*inside, *mine)))
        return self._record("rotation", Mean(expr), "==", sympy.Add(*total), note=law.name)

    def stein(self, law: Assumption, field: Any, others: Sequence[Assumption] = ()) -> Fact:
        """Mean(tr(X^T F)) == Mean(div F), for a Gaussian n x d matrix X and a matrix polynomial F of its shape.

        F is a sum of words in X, constants, letters of the laws ``others``, and P = (X^T X)^{-1} (the assumption
        `gdverify.laws.gram_inverse`); div F = sum of U_ij V_ab dF_ia/dX_jb with the covariances U and V of X, and
        dP = -P (dX^T X + X^T dX) P.

        Where P occurs, U and V must be identities or assumed invertible, and n - d + 1 > max(1, q) proved, where the
        terms of both sides are O(s^-q), s the least singular value of X: then E s^-q is finite, and the matrices of
        lower rank have codimension n - d + 1 >= 2, so that almost every line parallel to an axis misses them, and
        the integration by parts of one Gaussian variable applies along it.
        """
        self._check_field(law, field, others)
        letter, covariance = law.key[1], law.key[2]
        n, d = letter.shape
        inverse = self._gram_inverse_of(letter)
        if field.shape != (n, d):
            raise ProofError(f"stein: {field} has another shape than {letter}")
        terms: list[tuple[Any, list[Word]]] = []  # coefficient, traces
        order = 0
        for word, coefficient in words(field).items():
            if not self.signs.deterministic(coefficient):
                raise ProofError(f"{coefficient} is not known to be constant")
            order = max(order, _order((*transpose_word(word), (letter, False, False)), letter, inverse))
            for sign, cycles in _divergence(word, letter, inverse, covariance):
                order = max(order, sum(_order(c, letter, inverse) for c in cycles))
                terms.append((sign * coefficient, cycles))
        if inverse is not None and field.has(inverse):
            self._regular(covariance, n - d + 1 - max(1, order))
        sizes = {0: n, 1: d}
        value = sympy.Add(
            *[
                c * sympy.Mul(*[f for k, w in enumerate(cycles) for f in cycle_factors(w, sizes[k])])
                for c, cycles in terms
            ]
        )
        inverses = [a for a in self.claim.assumptions if a.key[:1] == ("gram-inverse",) and a.key[1] == inverse]
        note = "; ".join(
            a.name for a in (law, *others, *(inverses if inverse is not None and field.has(inverse) else ()))
        )
        return self._record("stein", Mean(sympy.Trace(letter.T * field)), "==", Mean(value), note=note)

    def log_determinant(self, law: Assumption) -> Fact:
        """Mean(log det(X^T X)) == sum over i = 1..d of digamma((n - d + i)/2), plus d log 2.

        For an n x d matrix X of independent standard normal entries, n >= d >= 1.  det(X^T X) is the product of the
        squared distances of each column from the span of those before it.  Given these, a distance is that of a
        standard normal vector from a subspace of dimension k - 1: chi-squared with n - k + 1 degrees of freedom for the
        k-th column; and E log of a chi-squared variable with m degrees of freedom is digamma(m/2) + log 2.  (Bartlett
        1933.)  det(X)^2 stands for det(X^T X) where X is square.
        """
        if law.key[:1] != ("gaussian",) or not isinstance(law.key[2], Covariance):
            raise ProofError(f"{law.name!r} is no Gaussian law")
        letter, covariance = law.key[1], law.key[2]
        if not all(isinstance(m, sympy.Identity) for m in (covariance.rows, covariance.columns)):
            raise ProofError(f"the entries of {letter} are not independent and standard")
        self._laws(sympy.Trace(letter.T * letter), [law])
        n, d = letter.shape
        if not (self.signs.integer(n) and self.signs.integer(d) and self.signs.positive(d)):
            raise ProofError(f"{n} and {d} are not proved to be positive integers")
        if not self.signs.nonnegative(n - d):
            raise ProofError(f"{n} >= {d} is not proved: the determinant is zero")
        i = sympy.Symbol("column'", integer=True)
        if i in n.free_symbols | d.free_symbols:
            raise ProofError(f"{i} is the variable of the sum: call your symbol otherwise")
        volume = determinant_of(sympy.MatMul(sympy.Transpose(letter), letter))
        right = sympy.Sum(sympy.digamma((n - d + i) / sympy.Integer(2)), (i, 1, d)) + d * sympy.log(2)
        return self._record("log determinant", Mean(sympy.log(volume)), "==", right, note=law.name, defined=True)

    def _check_field(self, law: Assumption, field: Any, others: Sequence[Assumption]) -> None:
        """Every letter but P has its law here, or is constant."""
        if not law.key or law.key[0] != "gaussian":
            raise ProofError(f"{law.name!r} is no Gaussian law")
        letter = law.key[1]
        inverse = self._gram_inverse_of(letter)
        plain = sympy.Trace(letter.T * field)
        self._admit(plain)
        letters = plain.atoms(sympy.MatrixSymbol) - {inverse}
        self._laws(sympy.Add(*[sympy.Trace(x.T * x) for x in letters]), [law, *others])

    def _gram_inverse_of(self, letter: Any) -> Any:
        found = [a.key for a in self.claim.assumptions if a.key[:1] == ("gram-inverse",)]
        mine = [key[1] for key in found if key[2] == letter]
        if len(mine) > 1 or (mine and sum(key[1] == mine[0] for key in found) > 1):
            raise ProofError(f"the inverse of the Gram matrix of {letter} is not stated once")
        return mine[0] if mine else None

    def _regular(self, covariance: Any, margin: Any) -> None:
        granted = {x for a in self.claim.assumptions if a.key[:1] == ("invertible",) for x in a.key[1]}
        for m in (covariance.rows, covariance.columns):
            if not isinstance(m, sympy.Identity) and m not in granted:
                raise ProofError(f"covariance {m}: the claim does not assume it invertible (laws.invertible)")
        if not self.signs.positive(margin):
            raise ProofError(f"{margin} > 0 is not proved: the mean may be infinite")


def _turned(word: Word, points: set[Any], turn: Any) -> Word:
    """The word with O x for every point x."""
    out: list[Any] = []
    for letter in word:
        if letter[0] in points and letter[2]:
            raise ProofError(f"inverse of the point {letter[0]}")
        if letter[0] not in points:
            out.append(letter)
        elif letter[1]:
            out += [letter, (turn, True, False)]
        else:
            out += [(turn, False, False), letter]
    return tuple(out)


def _divergence(word: Word, letter: Any, inverse: Any, covariance: Any) -> list[tuple[int, list[Word]]]:
    """div of a word as signed products of traces.

    d(L dX R): tr(L U) tr(R V); d(L dX^T R): tr(L^T U R V).
    """
    u, v = (
        () if isinstance(m, sympy.Identity) else ((m, False, False),) for m in (covariance.rows, covariance.columns)
    )
    x, xt = (letter, False, False), (letter, True, False)
    out: list[tuple[int, list[Word]]] = []

    def moved(sign: int, left: Word, transposed: bool, right: Word) -> None:
        if transposed:
            out.append((sign, [transpose_word(left) + u + right + v]))
        else:
            out.append((sign, [left + u, right + v]))

    for k, (symbol, transposed, inverted) in enumerate(word):
        left, here, right = word[:k], (word[k],), word[k + 1 :]
        if symbol == letter:
            if inverted:
                raise ProofError(f"inverse of the random matrix {letter}")
            moved(1, left, transposed, right)
        elif inverse is not None and symbol == inverse:
            if inverted:
                raise ProofError(f"{inverse}^-1 is {letter}^T {letter}: write it so")
            moved(-1, left + here, True, (x, *here, *right))
            moved(-1, (*left, *here, xt), False, here + right)
    return out


def _order(word: Word, letter: Any, inverse: Any) -> int:
    """q such that the word is O(s^-q) times a polynomial, s the least singular value of X.

    |P| = s^-2, |X P| = |P X^T| = s^-1 and |X P X^T| = 1: each P counts 2, less one for each neighbour that it takes.
    """
    order = 0
    for k, (symbol, _, _) in enumerate(word):
        if inverse is None or symbol != inverse:
            continue
        order += 2
        if k and word[k - 1] == (letter, False, False):
            order -= 1
        if k + 1 < len(word) and word[k + 1] == (letter, True, False):
            order -= 1
    return order
