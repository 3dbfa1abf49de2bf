"""Expressions of certificates: nested lists in the file, nested tuples with `Fraction` leaves here.

Reading refuses unknown operators, wrong arities, floats, and trees that are too deep or too large.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

Tree = Any  # Fraction, or (operator, ...)


class Malformed(ValueError):
    """The file is no certificate."""


class Rejected(ValueError):
    """A step does not follow."""


class Unknown(ValueError):
    """A step uses a rule that the checker does not know."""


MAX_DEPTH = 120
MAX_DIGITS = 4000
_NUMBER = re.compile(r"^-?[0-9]{1,4000}(/[0-9]{1,4000})?$")

# Arguments of each operator: s a name, e a scalar, v a scalar or vector, m a matrix, * any number of the last.
ARITY = {
    "sym": "s",
    "vec": "s",
    "vecfun": "sv*",
    "fun": "sv*",
    "call": "se*",
    "const": "s",
    "oo": "",
    "+": "v*",
    "*": "v*",
    "^": "ee",
    "exp": "e",
    "log": "e",
    "abs": "e",
    "max": "e*",
    "min": "e*",
    "inner": "vv",
    "mean": "e",
    "prob": "ee",
    "sum": "esee",
    "integral": "esee",
    "ddt": "x",
    "growth": "ee",
    "limit": "ee",
    "decay": "ee",
    "ratio": "ee",
    "diff": "ee",
    "trace": "m",
    "det": "m",
    "diag": "m*",
    "pair": "eee",
    "slot": "",
    "nmean": "e",
    "gauss": "e",
    "mat": "see",
    "symmat": "see",
    "matterm": "seee",
    "id": "e",
    "zero": "ee",
    "m+": "m*",
    "m*": "em*",
    "T": "m",
    "inv": "m",
    "m^": "me",
}
MATRIX = {"mat", "symmat", "matterm", "id", "zero", "m+", "m*", "T", "inv", "m^"}
BINDERS = {"sum", "integral"}
POINTED = {"diff", "growth", "limit", "decay", "ratio"}
CONSTANTS = {"pi", "E"}


def read(data: Any, budget: list[int], depth: int = 0) -> Tree:
    """The tree that JSON data stands for; ``budget`` is a one-element list of the nodes still allowed."""
    budget[0] -= 1
    if depth > MAX_DEPTH or budget[0] < 0:
        raise Malformed("an expression is too deep, or the certificate too large")
    if isinstance(data, bool) or data is None or isinstance(data, (float, dict)):
        raise Malformed(f"{str(data)[:40]!r} is no expression")
    if isinstance(data, int):
        if abs(data) >= 10**MAX_DIGITS:
            raise Malformed("a number is too long")
        return Fraction(data)
    if isinstance(data, str):
        if len(data) > 2 * MAX_DIGITS + 2 or not _NUMBER.match(data):
            raise Malformed(f"{data[:40]!r} is no rational number")
        try:
            return Fraction(data)
        except ZeroDivisionError:
            raise Malformed(f"{data[:40]!r} divides by zero") from None
    if not data or not isinstance(data[0], str) or data[0] not in ARITY:
        raise Malformed(f"unknown operator {str(data[:1])[:40]}")
    op, args, kinds = data[0], data[1:], ARITY[data[0]]
    if kinds.endswith("*"):
        fixed = kinds[:-2]
        kinds = fixed + kinds[-2] * max(0, len(args) - len(fixed))
    if len(args) != len(kinds):
        raise Malformed(f"{op} takes {len(kinds)} arguments, not {len(args)}")
    out: list[Any] = [op]
    for kind, arg in zip(kinds, args, strict=True):
        if kind == "s":
            if not isinstance(arg, str) or not arg or len(arg) > 200 or arg.startswith("#"):
                raise Malformed(f"{str(arg)[:40]!r} is no name")
            out.append(arg)
            continue
        tree = read(arg, budget, depth + 1)
        if kind != "x" and is_matrix(tree) != (kind == "m"):
            raise Malformed(f"{op}: a matrix where a scalar is expected, or the reverse")
        if kind == "e" and is_vector(tree):
            raise Malformed(f"{op}: a vector where a scalar is expected")
        out.append(tree)
    if (op == "+" and 0 in out[1:]) or (op == "*" and 1 in out[1:] and len(out) > 2):
        raise Malformed("a term 0 or a factor 1")
    if op in BINDERS and out[1] == 0:
        raise Malformed(f"{op}: nothing is summed")
    even = op == "abs" or (
        op in ("^", "m^") and isinstance(out[2], Fraction) and out[2].denominator == 1 and out[2] % 2 == 0
    )
    if even and (not isinstance(out[1], tuple) or out[1][0] in ("*", "m*", "trace")) and sign(out[1]) < 0:
        raise Malformed("an even power of something with a minus")
    if op == "const" and out[1] not in CONSTANTS:
        raise Malformed(f"unknown constant {out[1]}")
    return tuple(out)


def sign(tree: Tree) -> int:
    """-1 if an expression is written with a minus, else 1; a sum as its first term is."""
    if not isinstance(tree, tuple):
        return -1 if tree < 0 else 1
    if tree[0] in ("*", "m*"):
        out = 1
        for a in tree[1:]:
            out *= sign(a)
        return out
    return sign(tree[1]) if tree[0] in ("+", "m+", "trace", "T") and len(tree) > 1 else 1


def is_matrix(tree: Tree) -> bool:
    return isinstance(tree, tuple) and tree[0] in MATRIX


def is_vector(tree: Tree) -> bool:
    if not isinstance(tree, tuple):
        return False
    if tree[0] in ("vec", "vecfun"):
        return True
    return tree[0] in ("+", "*") and any(is_vector(a) for a in tree[1:])


def add(*parts: Tree) -> Tree:
    return ("+", *parts)


def mul(*parts: Tree) -> Tree:
    return ("*", *parts)


def neg(a: Tree) -> Tree:
    return ("*", Fraction(-1), a)


def sub(a: Tree, b: Tree) -> Tree:
    return ("+", a, neg(b))


def free(tree: Tree) -> frozenset[str]:
    """Names of the scalar symbols that occur free."""
    if not isinstance(tree, tuple):
        return frozenset()
    if tree[0] == "sym":
        return frozenset((tree[1],))
    out: frozenset[str] = frozenset()
    if tree[0] in BINDERS:
        return (free(tree[1]) - {tree[2]}) | free(tree[3]) | free(tree[4])
    for a in tree[1:]:
        if isinstance(a, tuple):
            out |= free(a)
    return out


def bound(tree: Tree) -> frozenset[str]:
    """Names bound by sums and integrals anywhere in the tree."""
    if not isinstance(tree, tuple):
        return frozenset()
    out = frozenset((tree[2],)) if tree[0] in BINDERS else frozenset()
    for a in tree[1:]:
        if isinstance(a, tuple):
            out |= bound(a)
    return out


def held(tree: Tree) -> frozenset[str]:
    """Variables of derivatives, limits and growth exponents: these speak of all values of theirs, not of one."""
    if not isinstance(tree, tuple):
        return frozenset()
    out = free(tree[2]) if tree[0] in POINTED else frozenset()
    for a in tree[1:]:
        if isinstance(a, tuple):
            out |= held(a)
    return out


def loose(tree: Tree) -> bool:
    """Whether a variable of a mean over normal variables occurs outside of one, or such a mean inside of another."""
    if not isinstance(tree, tuple):
        return False
    if tree[0] == "nmean":
        inner = [x[0] for x in nodes(tree[1]) if isinstance(x, tuple)]
        return bool({"slot", "pair", "nmean"} & set(inner))
    if tree[0] == "pair":
        return loose(tree[3]) or any(
            isinstance(x, tuple) and x[0] in ("pair", "nmean", "gauss") for f in tree[1:3] for x in nodes(f)
        )
    return tree[0] in ("slot", "gauss") or any(loose(a) for a in tree[1:] if isinstance(a, tuple))


def height(tree: Tree) -> int:
    """How deep sums and integrals are nested."""
    if not isinstance(tree, tuple):
        return 0
    inside = max((height(a) for a in tree[1:] if isinstance(a, tuple)), default=0)
    return inside + (tree[0] in BINDERS)


def nodes(tree: Tree) -> Any:
    """Every node, outermost first."""
    yield tree
    if isinstance(tree, tuple):
        for a in tree[1:]:
            if not isinstance(a, str):
                yield from nodes(a)


def plug(tree: Tree, values: Mapping[str, Tree]) -> Tree:
    """Values put for free symbols; refused where a value would be captured, or put for the variable of a derivative."""
    entering: frozenset[str] = frozenset().union(*(free(v) for v in values.values()))
    if held(tree) & (entering | set(values)):
        raise Rejected("a value for the variable of a derivative or limit")
    if bound(tree) & (entering | set(values)):
        raise Rejected("a value would be captured by the variable of a sum or integral")
    return _plug(tree, values)


def _plug(tree: Tree, values: Mapping[str, Tree]) -> Tree:
    if not isinstance(tree, tuple):
        return tree
    if tree[0] == "sym":
        return values.get(tree[1], tree)
    return (tree[0], *(a if isinstance(a, str) else _plug(a, values) for a in tree[1:]))


def show(tree: Tree) -> str:
    """Plain text."""
    if not isinstance(tree, tuple):
        return str(tree)
    op, args = tree[0], tree[1:]
    if op in ("sym", "vec", "const", "mat", "symmat"):
        return str(args[0])
    if op in ("fun", "vecfun", "call"):
        return f"{args[0]}({', '.join(show(a) for a in args[1:])})"
    if op == "matterm":
        return f"{args[0]}({show(args[3])})"
    if op in ("+", "m+"):
        return "(" + " + ".join(show(a) for a in args).replace("+ -", "- ") + ")" if args else "0"
    if op in ("*", "m*"):
        parts = [a for a in args if a != 1]
        if parts and parts[0] == -1 and len(parts) > 1:
            return "-" + "*".join(show(a) for a in parts[1:])
        return "*".join(show(a) for a in parts) if parts else "1"
    if op in ("^", "m^"):
        base, exponent = show(args[0]), show(args[1])
        simple = isinstance(args[0], tuple) and args[0][0] not in ("*", "m*", "^", "m^")
        base = base if simple else f"({base})"
        return f"{base}^{exponent}" if exponent.isalnum() else f"{base}^({exponent})"
    if op == "inner":
        return f"<{show(args[0])}, {show(args[1])}>"
    if op in BINDERS:
        return f"{op}({show(args[0])}, {args[1]} from {show(args[2])} to {show(args[3])})"
    if op == "id":
        return "I"
    if op == "slot":
        return "_"
    if op == "zero":
        return "0"
    names = {"mean": "E", "T": "transpose", "inv": "inverse", "prob": "P>"}
    return f"{names.get(op, op)}({', '.join(a if isinstance(a, str) else show(a) for a in args)})"
