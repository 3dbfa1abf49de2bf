"""Facts as text and LaTeX.

SymPy's printers ask of every product of matrices whether its negative would look better, and multiply it out to find
out; on traces of long words that takes most of a derivation's time.  Here the sign is read off the coefficient.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.printing.conventions import split_super_sub
from sympy.printing.latex import LatexPrinter, translate
from sympy.printing.str import StrPrinter


def _sign_and_factors(product: Any) -> tuple[str, list[Any]]:
    coefficient, matrices = product.as_coeff_mmul()
    negative = coefficient.is_Rational and coefficient < 0
    coefficient = -coefficient if negative else coefficient
    factors = [] if coefficient == 1 else [coefficient]
    return "-" if negative else "", [*factors, *(matrices.args if isinstance(matrices, sympy.MatMul) else [matrices])]


def _sum(terms: list[str]) -> str:
    return " + ".join(terms).replace("+ -", "- ")


class _Text(StrPrinter):
    def _print_MatMul(self, expr: Any) -> str:
        sign, factors = _sign_and_factors(expr)
        texts = [f"({self._print(x)})" if isinstance(x, (sympy.MatAdd, sympy.Add)) else self._print(x) for x in factors]
        return sign + "*".join(texts)

    def _print_MatAdd(self, expr: Any) -> str:
        return _sum([self._print(x) for x in expr.args])

    def _print_Trace(self, expr: Any) -> str:
        return f"Trace({self._print(expr.arg)})"


_ACCENTS = ("hat", "bar", "tilde", "dot")
_SHORT = {"lam": r"\lambda", "Lam": r"\Lambda", "star": r"\star"}


def _word(word: str) -> str:
    """A letter as it is, a Greek one by its command, a word upright: in italics it would read as a product."""
    command = _SHORT.get(word) or translate(word)
    if command.startswith("\\") or len(word) == 1 or word.isdigit():
        return command
    return rf"\mathrm{{{word}}}" if word.isascii() and word.isalnum() else rf"\text{{{word}}}"


def _name(name: str) -> str:
    """A symbol's name: ``x_star`` and ``x*`` with a star above, ``grad_f`` with a nabla, words upright."""
    if name.startswith("grad_"):
        return rf"\nabla {_name(name[5:])}"
    if name.endswith("*") and len(name) > 1:
        return f"{_name(name[:-1])}^{{*}}"
    primes = len(name) - len(name.rstrip("'"))
    base, above, below = split_super_sub(name.rstrip("'"))
    above = [*above, *(x for x in below if x == "star")]
    accents = [x for x in below if x in _ACCENTS]
    letter = _word(base)
    for accent in accents:
        letter = rf"\{accent}{{{letter}}}"
    raised = "'" * primes if not above else ""
    supers = " ".join([*map(_word, above), *[r"\prime"] * (primes if above else 0)])
    subs = " ".join(_word(x) for x in below if x != "star" and x not in _ACCENTS)
    return letter + raised + (f"^{{{supers}}}" if supers else "") + (f"_{{{subs}}}" if subs else "")


def _counts(index: Any) -> bool:
    """Whether an argument is the index of a sequence."""
    return bool(index.is_integer) and (bool(index.free_symbols) or bool(index.is_nonnegative))


class _Latex(LatexPrinter):
    def _deal_with_super_sub(self, string: str, style: str = "plain") -> str:
        return string if "{" in string else _name(string)

    def _print_Function(self, expr: Any, exp: Any = None) -> str:
        if not isinstance(expr, AppliedUndef):
            return super()._print_Function(expr, exp)
        name = _name(expr.func.__name__)
        if not expr.args:
            body = name
        elif len(expr.args) == 1 and _counts(expr.args[0]) and "_" not in name:
            body = f"{name}_{{{self._print(expr.args[0])}}}"  # a sequence
        else:
            body = rf"{name}\left({', '.join(map(self._print, expr.args))}\right)"
        if exp is None:
            return body
        return rf"{{{body}}}^{{{exp}}}" if "^" not in body and "'" not in body else rf"\left({body}\right)^{{{exp}}}"

    def _print_MatMul(self, expr: Any) -> str:
        sign, factors = _sign_and_factors(expr)
        wrap = lambda x: rf"\left({self._print(x)}\right)"
        texts = [wrap(x) if isinstance(x, (sympy.MatAdd, sympy.Add)) else self._print(x) for x in factors]
        return sign + " ".join(texts)

    def _print_MatAdd(self, expr: Any) -> str:
        return _sum([self._print(x) for x in expr.args])


def text(expr: Any) -> str:
    return _Text().doprint(expr)


def latex(expr: Any) -> str:
    return _Latex().doprint(expr)
