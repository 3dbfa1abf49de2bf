"""Invariance under rotations, and Gaussian integration by parts."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .certificate import Checker, Step
from .letters import Letters, plain_letter, require
from .matrices import Word
from .moments import haar, mean_of, parted
from .poly import Quot, number, total
from .terms import is_matrix, show


def rotation(c: Checker, s: Step) -> None:
    """E(expr) == the mean of expr averaged over O x for all points x, O Haar orthogonal: sum of (fixed) E(rest).

    The law says that (O x, labels) has the law of (x, labels) for every orthogonal d x d matrix O.  ``expr`` is a
    polynomial in traces of words in points (d rows, not inverted), labels and constants, of degree 2k <= 8 in points,
    with d >= k proved.
    """
    expr = mean_of(c, s)
    law = c.law(s.witness["law"], "rotation")
    letters = Letters(c, [])
    points, labels = ({c.letter(x) for x in law.get(k, ())} for k in ("points", "labels"))
    require(bool(points) and not points & labels, "no points, or one that is a label")
    for x in law["points"]:
        plain_letter(c, x)
    size = c.form(law["points"][0][2])
    require(all(not (c.shapes[k][0] - size).num for k in points), "points of different dimensions")
    d = law["points"][0][2]
    turn = c.letter(("mat", f"#turn in {show(d)}", d, d))
    value = c.form(expr)
    require(letters.fixed_denominator(c, value), "a denominator may be random")
    parts = []
    for m, coefficient in value.num.items():
        rings, rest = parted(c, m, lambda x: x in points)
        for k, e in rest:
            a = c.atoms[k]
            if a.kind == "trace" and not letters.fixed_atom(c, k):
                known = all(x[0] in labels or letters.still(x[0]) for x in a.parts[0])
                require(known and isinstance(e, int) and e > 0, "a factor that is no polynomial in points and labels")
            else:
                require(letters.fixed_atom(c, k), "a factor may be random")
        for w in rings:
            known = all(x[0] in points or x[0] in labels or letters.still(x[0]) for x in w)
            require(known, "a letter that the law does not speak of")
        average = haar(c, [_turned(w, points, turn) for w in rings], turn) if rings else number(1)
        for part, inside in _separated(c, average * Quot({rest: coefficient}, value.den), letters):
            parts.append(part * c._mean(inside))
    require(not (c.reduced(total(parts)) - c.form(s.right)).num, "not the mean over all rotations")


def _turned(word: Word, points: set[int], turn: int) -> Word:
    out: list[Any] = []
    for x in word:
        require(x[0] not in points or not x[2], "the inverse of a point")
        if x[0] not in points:
            out.append(x)
        else:
            out += [x, (turn, True, False)] if x[1] else [(turn, False, False), x]
    return tuple(out)


def _separated(c: Checker, value: Quot, letters: Letters) -> list[tuple[Quot, Quot]]:
    """A sum of products as (fixed factor, random factor) for each term; the denominator is fixed."""
    require(letters.fixed_denominator(c, value), "a denominator may be random")
    out = []
    for m, coefficient in value.num.items():
        outside = tuple((k, e) for k, e in m if letters.fixed_atom(c, k))
        inside = tuple((k, e) for k, e in m if not letters.fixed_atom(c, k))
        out.append((Quot({outside: coefficient}, value.den), Quot({inside: Fraction(1)})))
    return out


# -- integration by parts -------------------------------------------------------------------------------------------


def stein(c: Checker, s: Step) -> None:
    """E tr(X^T F) == E div F, for a Gaussian n x d matrix X with covariances U and V and an n x d matrix F.

    F is a sum of words in X, constants, letters of the laws ``others``, and P where an assumption says P = (X^T X)^-1;
    div F = sum over U_ij V_ab dF_ia/dX_jb, with dP = -P (dX^T X + X^T dX) P.  Where P occurs, U and V are identities or
    assumed invertible, and n - d + 1 > max(1, q) is proved: every word on either side is O(s^-q), s the least singular
    value of X, so that all means exist, and almost every line parallel to an axis misses the matrices of lower rank.
    """
    name, others = s.witness["law"], s.witness["others"]
    letters = Letters(c, [name, *others] if isinstance(others, list) else others)
    law = c.law(name, "gaussian")
    letter, field = law["letter"], c.tree(s.witness["field"])
    x = c.letter(letter)
    inverse, said = _gram_inverse(c, x, letters)
    require(is_matrix(field) and c.same_shape(c.shape(field), c.shape(letter)), "the field has another shape")
    require(s.relation == "==", "a mean is an equality")
    plain = ("mean", ("trace", ("m*", Fraction(1), ("T", letter), field)))
    require(c.same(s.left, plain), "the conclusion is another mean")
    u, v = letters.covariances[x]
    n, d = c.shapes[x]
    parts, order, singular = [], 0, False
    for word, coefficient in c.words(field).items():
        require(c.steady(coefficient), "a coefficient may be random")
        require(all(y[0] == inverse or letters.known((y,)) for y in word), "a letter without its law")
        singular |= any(y[0] == inverse for y in word)
        order = max(order, _order((*c.flip(word), (x, False, False)), x, inverse))
        for sign, left, right in _divergence(c, word, x, inverse, u, v):
            order = max(order, _order(left, x, inverse) + _order(right or (), x, inverse))
            value = coefficient * number(sign) * c.ring(left, n)
            parts.append(value * c.ring(right, d) if right is not None else value)
    if singular:
        c.law(said, "gram-inverse")
        _regular(c, (u, v))
        margin = c.sign_of(n - d + number(1 - max(1, order)))
        require(margin == (1, True), "the mean may be infinite")
    require(not (c._mean(c.reduced(total(parts))) - c.form(s.right)).num, "not the divergence")


def _gram_inverse(c: Checker, x: int, letters: Letters) -> tuple[int, str]:
    """The letter P = (X^T X)^-1 and the assumption that says so; (-1, "") where there is none."""
    found = [(c.letter(law["inverse"]), name, law) for name, law in c.laws.items() if law["kind"] == "gram-inverse"]
    mine = [f for f in found if c.letter(f[2]["letter"]) == x]
    if not mine:
        return -1, ""
    ((k, name, _),) = mine if len(mine) == 1 else [(-1, "", {})]
    once = k >= 0 and sum(f[0] == k for f in found) == 1 and k in c.symmetric
    require(once and k not in letters.random and not letters.still(k), "the inverse of X^T X is not stated once")
    columns = c.shapes[x][1]
    require(c.same_shape(c.shapes[k], (columns, columns)), "the inverse of X^T X has another size")
    return k, name


def _regular(c: Checker, covariances: tuple[Word, Word]) -> None:
    for word in covariances:
        for k, _, _ in word:
            granting = [
                n for n, law in c.laws.items() if law["kind"] == "invertible" and c.letters[k] in law.get("letters", ())
            ]
            require(bool(granting), "a covariance is not assumed invertible")
            c.used_laws.add(granting[0])


def _divergence(c: Checker, word: Word, x: int, p: int, u: Word, v: Word) -> Any:
    """div of a word as (sign, one word) for tr(one), or (sign, left, right) for tr(left) tr(right).

    d(L dX R): tr(L U) tr(R V); d(L dX^T R): tr(L^T U R V).
    """
    plain, turned = (x, False, False), (x, True, False)
    for k, y in enumerate(word):
        left, right = word[:k], word[k + 1 :]
        if y[0] == x:
            require(not y[2], "the inverse of a random matrix")
            yield (1, c.flip(left) + u + right + v, None) if y[1] else (1, left + u, right + v)
        elif y[0] == p:
            require(not y[2], "the inverse of an inverse: write the Gram matrix")
            yield (-1, c.flip((*left, y)) + u + (plain, y, *right) + v, None)
            yield (-1, (*left, y, turned, *u), (y, *right, *v))


def _order(word: Word, x: int, p: int) -> int:
    """q such that the word is O(s^-q): |P| = s^-2, |X P| = |P X^T| = s^-1, |X P X^T| = 1; no X serves two."""
    order = 0
    for k, y in enumerate(word):
        if y[0] == p:
            order += 2
            order -= k > 0 and word[k - 1] == (x, False, False)
            order -= k + 1 < len(word) and word[k + 1] == (x, True, False)
    return order
