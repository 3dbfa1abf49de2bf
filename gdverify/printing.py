"""Facts as text and LaTeX.

SymPy's printers ask of every product of matrices whether its negative would look better, and multiply it out to find
out; on traces of long words that takes most of a derivation's time.  Here the sign is read off the coefficient.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter
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


class _Latex(LatexPrinter):
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
