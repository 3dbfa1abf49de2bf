"""Derivatives of elementary expressions, and their values at rational points.

Products are flattened and whole powers of one base put together; what a derivative cancels that way is a denominator
of the function itself, which is looked at first.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from .terms import Rejected, Tree, free, mul

ROUGH = ("abs", "max", "min")
MAX_NODES = 4000
ONE = Fraction(1)


def times(*parts: Tree) -> Tree:
    """A product: numbers multiplied, whole powers of equal factors added."""
    number = ONE
    powers: dict[Tree, Fraction] = {}
    todo = list(parts)
    while todo:
        p = todo.pop(0)
        if not isinstance(p, tuple):
            number *= p
        elif p[0] == "*":
            todo = [*p[1:], *todo]
        else:
            whole = p[0] == "^" and isinstance(p[2], Fraction) and p[2].denominator == 1
            base, e = (p[1], p[2]) if whole else (p, ONE)
            powers[base] = powers.get(base, Fraction(0)) + e
    if not number:
        return Fraction(0)
    factors = [b if e == 1 else ("^", b, e) for b, e in powers.items() if e]
    if not factors:
        return number
    return mul(*([number] if number != 1 else []), *factors) if number != 1 or len(factors) > 1 else factors[0]


def plus(*parts: Tree) -> Tree:
    """A sum: equal terms put together, what all have in common put in front."""
    number = Fraction(0)
    terms: dict[tuple[Tree, ...], Fraction] = {}
    todo = list(parts)
    while todo:
        p = todo.pop(0)
        if not isinstance(p, tuple):
            number += p
        elif p[0] == "+":
            todo = [*p[1:], *todo]
        else:
            c, rest = (
                (p[1], p[2:]) if p[0] == "*" and not isinstance(p[1], tuple) else (ONE, p[1:] if p[0] == "*" else (p,))
            )
            terms[rest] = terms.get(rest, Fraction(0)) + c
    found = [(c, rest) for rest, c in terms.items() if c]
    if number or len(found) < 2:
        out = [times(c, *rest) for c, rest in found] + ([number] if number else [])
        return out[0] if len(out) == 1 else ("+", *out) if out else Fraction(0)
    split = [dict(_power(f) for f in rest) for _, rest in found]
    shared = {b: min(s[b] for s in split) for b in split[0] if all(b in s for s in split)}
    shared = {b: e for b, e in shared.items() if e}
    if not shared:
        return ("+", *(times(c, *rest) for c, rest in found))
    front = [("^", b, e) for b, e in shared.items()]
    inside = [times(c, *rest, *(("^", b, -e) for b, e in shared.items())) for c, rest in found]
    return times(*front, plus(*inside))


def _power(f: Tree) -> tuple[Tree, Fraction]:
    whole = f[0] == "^" and isinstance(f[2], Fraction) and f[2].denominator == 1
    return (f[1], f[2]) if whole else (f, ONE)


def slope(t: Tree, x: str) -> Tree:
    """The derivative where the expression is smooth.

    Raises
    ------
    Rejected
        it has a corner (abs, max, min), or a function without a known derivative
    """
    if x not in free(t):
        return Fraction(0)
    if t[0] == "sym":
        return ONE
    if t[0] == "+":
        return plus(*(slope(a, x) for a in t[1:]))
    if t[0] == "*":
        return plus(*(times(*t[1:k], slope(t[k], x), *t[k + 1 :]) for k in range(1, len(t)) if x in free(t[k])))
    if t[0] == "^":
        base, e = t[1], t[2]
        if not isinstance(e, tuple):
            return times(e, ("^", base, e - 1), slope(base, x))
        return times(t, plus(times(slope(e, x), ("log", base)), times(e, slope(base, x), ("^", base, -ONE))))
    if t[0] == "exp":
        return times(t, slope(t[1], x))
    if t[0] == "log":
        return times(("^", t[1], -ONE), slope(t[1], x))
    if t[0] == "call":
        return times(_outer(t), slope(t[-1], x))
    raise Rejected(f"no derivative of {t[0]}")


def _outer(t: Tree) -> Tree:
    name, u = t[1], t[-1]
    square = ("^", u, Fraction(2))
    if name == "polygamma" and len(t) == 4 and isinstance(t[2], Fraction):
        return ("call", "polygamma", t[2] + 1, u)
    found = len(t) == 3 and {
        "sin": ("call", "cos", u),
        "cos": times(-ONE, ("call", "sin", u)),
        "tan": ("+", ONE, ("^", t, Fraction(2))),
        "atan": ("^", ("+", ONE, square), -ONE),
        "tanh": ("+", ONE, times(-ONE, ("^", t, Fraction(2)))),
        "sinh": ("call", "cosh", u),
        "cosh": ("call", "sinh", u),
        "erf": times(Fraction(2), ("^", ("const", "pi"), Fraction(-1, 2)), ("exp", times(-ONE, square))),
        "gamma": times(t, ("call", "polygamma", Fraction(0), u)),
        "loggamma": ("call", "polygamma", Fraction(0), u),
        "factorial": times(t, ("call", "polygamma", Fraction(0), ("+", u, ONE))),
    }.get(name)
    if not found:
        raise Rejected(f"no derivative of {name}")
    return found


_AT_ZERO = {"sin": 0, "tan": 0, "atan": 0, "tanh": 0, "sinh": 0, "erf": 0, "cos": 1, "cosh": 1}


def at(t: Tree, point: Mapping[str, Fraction]) -> Tree:
    """The value at a rational point, as far as it is plain: exp(0), log(1), sin(0) and the like are put in."""
    if not isinstance(t, tuple):
        return t
    if t[0] == "sym":
        return point.get(t[1], t)
    args: list[Tree] = [a if isinstance(a, str) else at(a, point) for a in t[1:]]
    plain = all(not isinstance(a, (tuple, str)) for a in args[t[0] == "call" :])
    if t[0] == "+":
        return plus(*args)
    if t[0] == "*":
        return times(*args)
    if plain and t[0] == "exp" and args[0] == 0:
        return ONE
    if plain and t[0] == "log" and args[0] == 1:
        return Fraction(0)
    if plain and t[0] == "abs":
        return abs(args[0])
    if plain and t[0] in ("max", "min"):
        return max(args) if t[0] == "max" else min(args)
    if plain and t[0] == "call" and len(args) == 2:
        if args[1] == 0 and args[0] in _AT_ZERO:
            return Fraction(_AT_ZERO[args[0]])
        if args[0] in ("gamma", "loggamma") and args[1] in (1, 2):
            return ONE if args[0] == "gamma" else Fraction(0)
    return (t[0], *args)
