"""SymPy expressions as Coq terms: sorts of symbols and functions, names, printing.

Sorts are ``R`` (reals), ``nat`` (integers known to be >= 0) and ``V`` (vectors of an abstract inner-product space).
Where expectations occur, vectors and sequences are functions of an outcome ``omega`` as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..errors import GdverifyError
from ..kernel.matrix import words
from ..language import Inner, MatrixTerm, Mean, Prob, Vector, is_vector_atom, linear_parts

_RESERVED = (
    "R V E S O nat INR Omega omega vadd vscal vzero inner rsum rsum_from pow exp ln sqrt Rabs Rmax Rmin PI sum core "
    "fun forall exists let in if then else match with end as at Type Set Prop where for using return fix cofix "
    "Theorem sign constants algebra gram nonzero telescoped claim F H B C D each fall inside "
    "prob digamma mat mk entry bounded outside madd mscal mzero mid mt mmul trace mderiv gradient "
    "Y Z G Y0 Z0 YZ ZY MY MZ now_ now_low_ unit stays decays"
)
RESERVED = frozenset(_RESERVED.split())


class NotExported(GdverifyError):
    """The derivation has a step that has no Coq form here."""


class Terms:
    """Names and sorts of one file, learnt from all its expressions, and the printing of terms.

    Parameters
    ----------
    domains : domain of every scalar symbol
    nonnegative : proves signs; consulted where integers are subtracted in an index
    """

    def __init__(self, domains: Any, nonnegative: Any):
        self.domains, self.nonnegative = domains, nonnegative
        self.random = False
        self.digamma = False  # an uninterpreted function stands for it
        self.functions: dict[str, tuple[list[str], str]] = {}  # name -> sorts of the arguments, sort of the value
        self.vectors: dict[str, Any] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._indices: set[str] = set()
        self.matrix_index: dict[str, str] = {}  # sort of the index of a sequence of matrices
        self.inverses: set[str] = set()  # names of letters whose inverse occurs
        self.instead: dict[Any, str] = {}  # symbols and vectors that print as another term for now

    # -- learning ---------------------------------------------------------------------------------------------

    def learn(self, expressions: Iterable[Any]) -> None:
        """Collect symbols and functions; two passes, since integer-valued functions show in arguments alone."""
        expressions = list(expressions)
        for e in expressions:
            self.random |= e.has(Mean, Prob)
            self.digamma |= e.has(sympy.polygamma)
            for v in e.atoms(Vector):
                self.vectors[v.name] = v
        for _ in range(3):
            for e in expressions:
                for call in e.atoms(AppliedUndef):
                    self._signature(call)
        for sorts, _ in self.functions.values():
            if "V" in sorts:  # the member of a family of functions of a vector
                sorts[:] = ["nat" if s == "?" else s for s in sorts]
        for e in expressions:
            for call in e.atoms(AppliedUndef):
                self._signature(call)
        for name in self._indices:
            self.functions[name] = (self.functions[name][0], "nat")

    def _signature(self, call: Any) -> None:
        name = type(call).__name__
        sorts, _ = self.functions.get(name, (["?"] * len(call.args), "R"))
        if len(sorts) != len(call.args):
            raise NotExported(f"{name} is used with different numbers of arguments")
        for i, a in enumerate(call.args):
            if sorts[i] == "?":
                sorts[i] = self._argument_sort(a)
            if sorts[i] == "nat" and isinstance(a, AppliedUndef):
                self._indices.add(type(a).__name__)
        value = "V" if is_vector_atom(call) else "nat" if name in self._indices else "R"
        self.functions[name] = (sorts, value)

    def _argument_sort(self, a: Any) -> str:
        if isinstance(a, AppliedUndef) and not is_vector_atom(a):
            return "?"
        if self.is_vector(a):
            return "V"
        if a.is_Integer or (a.free_symbols and all(self.is_nat(s) for s in a.free_symbols) and a.is_polynomial()):
            return "nat"
        return "R"

    @property
    def has_vectors(self) -> bool:
        return bool(self.vectors) or any("V" in (*sorts, value) for sorts, value in self.functions.values())

    def is_vector(self, e: Any) -> bool:
        if is_vector_atom(e):
            return True
        if isinstance(e, sympy.MatrixExpr):
            return False
        try:
            return bool(linear_parts(e))
        except ValueError:
            return False

    def is_nat(self, s: Any) -> bool:
        if isinstance(s, AppliedUndef):
            return type(s).__name__ in self._indices
        domain = self.domains.get(s)
        if domain is None:
            return bool(s.is_integer)  # the variable of a sum
        return bool(domain.integer and domain.low is not None and self.nonnegative(domain.low))

    # -- names ------------------------------------------------------------------------------------------------

    def name(self, kind: str, text: str) -> str:
        """A Coq identifier, the same for the same kind and text, unlike all others."""
        if (kind, text) not in self._names:
            clean = re.sub(r"[^A-Za-z0-9_']+", "_", text).strip("_") or "x"
            clean = clean if clean[0].isalpha() else "x" + clean
            taken = set(self._names.values()) | RESERVED
            while clean in taken:
                clean += "_"
            self._names[kind, text] = clean
        return self._names[kind, text]

    def symbol(self, s: Any) -> str:
        if s in self.instead:
            return self.instead[s]
        return self.name("symbol", s.name)

    def takes_outcome(self, name: str) -> bool:
        return self.random and "V" not in self.functions[name][0]

    # -- printing ---------------------------------------------------------------------------------------------

    def vec(self, e: Any) -> str:
        if e in self.instead:
            return self.instead[e]
        if isinstance(e, Vector):
            return f"({self.name('vector', e.name)} omega)" if self._outcome(e) else self.name("vector", e.name)
        if is_vector_atom(e):
            return self._call(e)
        if e == 0:
            return "vzero"
        parts = sorted(linear_parts(e).items(), key=lambda kv: _stable(kv[0]))
        terms = [self.vec(a) if c == 1 else f"(vscal {self.real(c)} {self.vec(a)})" for a, c in parts]
        text = terms[-1]
        for term in reversed(terms[:-1]):
            text = f"(vadd {term} {text})"
        return text

    def _outcome(self, v: Any) -> bool:
        return self.random and not v.name.startswith("any ")

    def _call(self, e: Any) -> str:
        name = type(e).__name__
        sorts, _ = self.functions[name]
        parts = []
        for a, sort in zip(e.args, sorts, strict=True):
            parts.append({"V": self.vec, "nat": self.nat, "R": self.real, "?": self.real}[sort](a))
        if self.takes_outcome(name):
            parts.append("omega")
        return f"({self.name('function', name)} {' '.join(parts)})"

    def nat(self, e: Any) -> str:
        text = self._nat(sympy.sympify(e))
        return text if re.fullmatch(r"[A-Za-z][\w']*", text) else f"({text})%nat"

    def _nat(self, e: Any) -> str:
        if e.is_Integer and e >= 0:
            return str(e)
        if isinstance(e, AppliedUndef) and self.is_nat(e):
            return self._call(e)
        if e.is_Symbol and self.is_nat(e):
            return self.symbol(e)
        if e.is_Pow and e.exp.is_Integer and e.exp > 1:
            return " * ".join([self._nat(e.base)] * int(e.exp))
        if e.is_Add or e.is_Mul:
            plus: list[tuple[bool, str]] = []
            minus: list[tuple[bool, str]] = []
            for term in sympy.Add.make_args(sympy.expand(e)):
                c, rest = term.as_coeff_Mul()
                if not c.is_Integer:
                    raise NotExported(f"the index {e} is no integer combination")
                factors = [] if rest == 1 else [self._nat(a) for a in sympy.Mul.make_args(rest)]
                text = " * ".join([str(abs(c))] * (abs(c) != 1 or not factors) + factors)
                (plus if c > 0 else minus).append((not factors, text))
            if minus and not self.nonnegative(e):
                raise NotExported(f"the index {e} is not known to be >= 0")
            text = " + ".join(t for _, t in sorted(plus, key=lambda p: p[0]))
            return (text or "0") + "".join(" - " + t for _, t in minus)
        raise NotExported(f"{e} is no natural number")

    def real(self, e: Any) -> str:
        e = sympy.sympify(e)
        if e.is_Integer:
            return str(e) if e >= 0 else f"(- {-e})"
        if e.is_Rational:
            return f"({e.p} / {e.q})" if e > 0 else f"(- ({-e.p} / {e.q}))"
        if e is sympy.pi:
            return "PI"
        if e is sympy.E:
            return "(exp 1)"
        if e.is_Symbol and not isinstance(e, Vector):
            return f"(INR {self.symbol(e)})" if self.is_nat(e) else self._real_symbol(e)
        if isinstance(e, Inner):
            return f"(inner {self.vec(e.args[0])} {self.vec(e.args[1])})"
        if isinstance(e, Mean):
            return f"(E (fun omega => {self.real(e.args[0])}))"
        if isinstance(e, sympy.Trace):
            return f"(trace {self.mat(e.arg)})"
        if isinstance(e, Prob):
            return f"(prob (fun omega => {self.real(e.args[0])}) {self.real(e.args[1])})"
        if isinstance(e, sympy.polygamma) and e.args[0] == 0:
            return f"(digamma {self.real(e.args[1])})"
        if isinstance(e, AppliedUndef) and not is_vector_atom(e):
            return f"(INR {self._call(e)})" if self.is_nat(e) else self._call(e)
        if isinstance(e, sympy.Sum):
            return self._sum(e)
        if e.is_Add:
            plus = [a for a in e.args if not a.as_coeff_Mul()[0].is_negative]
            minus = [a for a in e.args if a.as_coeff_Mul()[0].is_negative]
            text = " + ".join(self.real(a) for a in plus) or self.real(minus.pop(0))
            return "(" + text + "".join(f" - {self.real(-a)}" for a in minus) + ")"
        if e.is_Mul:
            return self._product(e)
        if e.is_Pow:
            return self._power(e.base, e.exp)
        for kind, name in ((sympy.exp, "exp"), (sympy.log, "ln"), (sympy.Abs, "Rabs")):
            if isinstance(e, kind):
                return f"({name} {self.real(e.args[0])})"
        if isinstance(e, (sympy.Max, sympy.Min)):
            name = "Rmax" if isinstance(e, sympy.Max) else "Rmin"
            args = [self.real(a) for a in e.args]
            text = args[-1]
            for a in reversed(args[:-1]):
                text = f"({name} {a} {text})"
            return text
        raise NotExported(f"{e} has no Coq form here ({type(e).__name__})")

    def mat(self, e: Any) -> str:
        if e in self.instead:
            return self.instead[e]
        if isinstance(e, MatrixTerm):
            return f"({self.name('matrix', str(e.args[0]))} {self._index(e)})"
        if isinstance(e, sympy.Inverse):
            ((word, _),) = words(e).items()
            texts = []
            for letter, turned, inverted in word:
                if not inverted:
                    raise NotExported(f"{e} has no Coq form here")
                name = self.instead.get(sympy.Inverse(letter)) or self.name("inverse", f"{letter.args[0]}_inv")
                if isinstance(letter, MatrixTerm) and sympy.Inverse(letter) not in self.instead:
                    name = f"({name} {self._index(letter)})"
                texts.append(f"(mt {name})" if turned else name)
            return self._nested("mmul", texts)
        if isinstance(e, sympy.MatrixSymbol):
            return self.name("matrix", str(e.args[0]))
        if isinstance(e, sympy.Identity):
            return f"(mid {self.nat(e.shape[0])})"
        if isinstance(e, sympy.ZeroMatrix):
            return f"(mzero {self.nat(e.shape[0])} {self.nat(e.shape[1])})"
        if isinstance(e, sympy.Transpose):
            return f"(mt {self.mat(e.arg)})"
        if isinstance(e, sympy.MatPow) and e.exp.is_Integer and e.exp > 0:
            return self._nested("mmul", [self.mat(e.base)] * int(e.exp))
        if isinstance(e, sympy.MatMul):
            c, factors = e.as_coeff_matrices()
            body = self._nested("mmul", [self.mat(a) for a in factors])
            return body if c == 1 else f"(mscal {self.real(c)} {body})"
        if isinstance(e, sympy.MatAdd):
            return self._nested("madd", [self.mat(a) for a in e.args])
        raise NotExported(f"{e} has no Coq form here ({type(e).__name__})")

    def _index(self, e: Any) -> str:
        return self.nat(e.index) if self.matrix_index.get(str(e.args[0]), "nat") == "nat" else self.real(e.index)

    def _nested(self, operation: str, texts: list[str]) -> str:
        text = texts[-1]
        for t in reversed(texts[:-1]):
            text = f"({operation} {t} {text})"
        return text

    def _real_symbol(self, s: Any) -> str:
        domain = self.domains.get(s)
        if domain is not None and domain.integer:
            raise NotExported(f"the integer {s} may be negative")
        return self.symbol(s)

    def _product(self, e: Any) -> str:
        c, rest = e.as_coeff_Mul()
        factors = [self.real(a) for a in sympy.Mul.make_args(rest)]
        sign = ""
        if c < 0:
            sign, c = "- ", -c
        if c != 1:
            factors.insert(0, self.real(c))
        body = " * ".join(factors)
        return f"(- ({body}))" if sign and len(factors) > 1 else f"(- {body})" if sign else f"({body})"

    def _power(self, base: Any, exponent: Any) -> str:
        if exponent.is_Integer:
            k = int(exponent)
            if k < 0:
                return f"(/ {self.real(base)})" if k == -1 else f"((/ {self.real(base)}) ^ {-k})"
            return f"({self.real(base)} ^ {k})"
        if exponent.is_Rational and exponent.q == 2:
            whole, _ = divmod(int(exponent.p), 2)
            root = f"(sqrt {self.real(base)})"
            return root if whole == 0 else f"({self.real(sympy.Pow(base, whole, evaluate=False))} * {root})"
        parts = []
        for term in sympy.Add.make_args(sympy.expand(exponent)):
            c, rest = term.as_coeff_Mul()
            if rest == 1:
                parts.append(self._power(base, c))
                continue
            if not c.is_Integer:
                raise NotExported(f"the power {base}^({exponent}) is not an integer one")
            bases = sympy.Mul.make_args(base)
            powers = [f"({self.real(b)} ^ {self.nat(rest)})" for b in bases]
            text = powers[0] if len(powers) == 1 else "(" + " * ".join(powers) + ")"
            text = f"({text} ^ {abs(int(c))})" if abs(c) != 1 else text
            parts.append(text if c > 0 else f"(/ {text})")
        return parts[0] if len(parts) == 1 else "(" + " * ".join(parts) + ")"

    def _sum(self, e: Any) -> str:
        if len(e.limits) != 1 or len(e.limits[0]) != 3:
            raise NotExported(f"{e} is no single sum")
        k, a, b = e.limits[0]
        return f"(rsum (fun {self.symbol(k)} => {self.real(e.function)}) {self.nat(a)} {self.nat(b + 1)})"

    def relation(self, left: Any, sign: str, right: Any) -> str:
        """``left sign right`` as a proposition; an equality of vectors where the left side is one."""
        if isinstance(left, sympy.MatrixExpr):
            if sign != "==":
                raise NotExported(f"no Coq form of a statement about matrices with {sign}")
            return f"{self.mat(left)} = {self.mat(right)}"
        if self.is_vector(left) and not isinstance(left, Inner):
            return f"{self.vec(left)} = {self.vec(right)}"
        coq = {"==": "=", "!=": "<>"}.get(sign, sign)
        if coq not in ("=", "<>", ">=", ">", "<=", "<"):
            raise NotExported(f"no Coq form of a statement with {sign}")
        return f"{self.real(left)} {coq} {self.real(right)}"


def _stable(atom: Any) -> tuple[str, str]:
    """Order of vector atoms that does not change when an index takes a value."""
    return (type(atom).__name__ if atom.args else atom.name, str(atom))
