"""Means of products of independent random variables, and of the logarithm of a Gaussian Gram determinant."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .certificate import Checker, Step
from .letters import Letters, require
from .matrix_rules import det, factors_of
from .moments import mean_of
from .poly import Quot, total
from .terms import Malformed, Tree, add, mul, neg, sub

HALF = Fraction(1, 2)


def independence(c: Checker, s: Step) -> None:
    """E(expr) == the sum of E(f) E(g) over the terms f g of expr, g in letters of ``apart``, f in all else.

    ``laws`` are those of the letters in f.  The laws make all their letters independent of each other, but for the two
    parts of a unitary matrix, which have one law.  expr is a polynomial, with coefficients that are not random, in
    traces of words in these letters (none of them inverted) and constants, and in max, absolute value and step of such
    polynomials: all its moments exist, for those of Gaussian letters do, and the others are bounded.
    """
    expr, names = mean_of(c, s), [s.witness[k] for k in ("laws", "apart")]
    if not all(isinstance(x, list) and x for x in names):
        raise Malformed("laws and apart are lists of names")
    letters = Letters(c, [*names[0], *names[1]])
    count = sum(len(mine) for _, mine in letters.groups[: len(names[0])])
    second = set(list(letters.random)[count:])
    value = c.form(expr)
    require(letters.fixed_denominator(c, value), "a denominator may be random")
    parts = []
    for m, coefficient in value.num.items():
        sides: tuple[list[tuple[int, Any]], ...] = ([], [])
        for k, e in m:
            mine = random_letters(c, letters, k)
            require(not mine or (isinstance(e, int) and e > 0), "no polynomial in random variables")
            require(not mine & second or mine <= second, "a factor that involves letters of both sides")
            sides[bool(mine & second)].append((k, e))
        f, g = (Quot({tuple(x): Fraction(1)}) for x in sides)
        parts.append(Quot({(): coefficient}, value.den) * c._mean(f) * c._mean(g))
    require(not (c.reduced(total(parts)) - c.form(s.right)).num, "not the product of the means")


def random_letters(c: Checker, letters: Letters, k: int) -> set[int]:
    """The random letters that an atom depends on; refused where one has no law here, or moments may not exist."""
    a = c.atoms[k]
    if letters.fixed_atom(c, k):
        return set()
    if a.kind == "trace":
        word = a.parts[0]
        require(letters.known(word), "a letter without its law")
        found = {x[0] for x in word if x[0] in letters.random}
        require(not any(x[2] and x[0] in found for x in word), "moments may not exist")
        return found
    step = a.kind == "call" and a.parts[1] == "Heaviside" and len(a.parts) == 3
    require(step or a.kind in ("max", "min", "abs"), "a factor that may be random")
    out: set[int] = set()
    for part in (p for p in a.parts if isinstance(p, Quot)):
        require(c.real(part) and letters.fixed_denominator(c, part), "a factor whose moments may not exist")
        for j, e in (x for m in part.num for x in m):
            mine = random_letters(c, letters, j)
            require(not mine or (isinstance(e, int) and e > 0), "no polynomial in random variables")
            out |= mine
    return out


def log_determinant(c: Checker, s: Step) -> None:
    """E log det(X^T X) == sum over i = 1..d of digamma((n - d + i)/2), plus d log 2 (Bartlett 1933).

    X is n x d with independent standard normal entries, n >= d >= 1.  The determinant is the product of the squared
    distances of each column from the span of those before it, chi-squared with n, n - 1, ..., n - d + 1 degrees of
    freedom; E log of such a variable with m degrees of freedom is digamma(m/2) + log 2.  Where X is square, det(X)^2
    may stand for det(X^T X).
    """
    letters = Letters(c, [s.witness["law"]], ("gaussian",))
    ((k, law),) = letters.random.items()
    require(letters.covariances[k] == ((), ()), "the entries are not independent and standard")
    x: Tree = law["letter"]
    n, d = x[2:4]
    require(c.nonnegative(sub(n, d)), "more columns than rows: the determinant is zero")
    require(s.relation == "==", "a mean is an equality")
    t = s.left
    require(isinstance(t, tuple) and t[0] == "mean" and isinstance(t[1], tuple) and t[1][0] == "log", "another mean")
    (scale, found), wanted = factors_of(c, t[1][1]), det(c, ("m*", Fraction(1), ("T", x), x))[1]
    require(not (scale - c.form(Fraction(1))).num and found == wanted, "the determinant of another matrix")
    i: Tree = ("sym", "#column")
    shape = ("call", "polygamma", Fraction(0), mul(HALF, add(n, neg(d), i)))
    value = add(mul(d, ("log", Fraction(2))), ("sum", shape, i[1], Fraction(1), d))
    require(c.same(s.right, value), "not the mean of the logarithm")
