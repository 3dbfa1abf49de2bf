"""Tactics that prove an identity: equals put for equals, sums and means made linear, then `field`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..errors import GdverifyError
from ..language import Inner, Mean, Prob, is_vector_atom, linear_parts
from .matrices import Matrices
from .record import Recording
from .terms import NotExported, Terms

Equality = tuple[Any, Any, str]  # old, new, Coq proof that they are equal


class Identities:
    """Scripts for goals ``a = b`` and for signs, over one file's terms."""

    def __init__(self, terms: Terms, proof: Recording):
        self.terms, self.proof = terms, proof
        self._fresh = 0
        self.matrices = Matrices(terms)

    def script(
        self,
        exprs: Sequence[Any],
        equalities: Sequence[Equality] = (),
        *,
        gram: bool = False,
        raw: Sequence[tuple[str, Any]] = (),
        more: Sequence[Any] = (),
    ) -> str:
        """Tactics for an equation between terms made of ``exprs``, after the equalities were put in.

        Parameters
        ----------
        exprs : all that occurs on either side
        equalities : put in one after the other, as the kernel does
        gram : inner products of linear combinations occur, to be expanded
        raw : means and sums of ``exprs`` or more, with the Coq term that stands for each
        more : vectors that occur in inner products besides those of ``exprs``
        """
        exprs = [sympy.sympify(e) for e in exprs]
        lines: list[str] = []
        bound = [b for e in exprs for b in binders(e)]
        matrices = [eq for eq in equalities if isinstance(eq[0], sympy.MatrixExpr)]
        equalities = [eq for eq in equalities if eq not in matrices]
        lines += self.matrices.traces(exprs, matrices)
        outside: list[Any] = []  # factors that came out of means and sums
        found: dict[str, Any] = {}
        for text, b in [*raw, *((self.terms.real(b), b) for b in bound)]:
            found.setdefault(text, b)
        for text, b in found.items():
            if not isinstance(b, (Mean, sympy.Sum)):
                raise NotExported(f"{b} is no mean or sum")
            limits = None if isinstance(b, Mean) else b.limits[0]
            argument = b.args[0] if isinstance(b, Mean) else b.function
            written, coefficients = self._linear(text, argument, limits, equalities, gram, more)
            lines += written
            outside += coefficients
        current = [_bare(e) for e in exprs]
        lines += self._exponentials([*current, *outside], equalities)
        for old, new, proof in equalities:
            if is_vector_atom(old):
                lines += self._gram_entries(current, old, new, proof)
            elif any(e.has(old) for e in current):
                lines.append(f"    try rewrite {proof}.")
            current = [self._put(e, old, new) for e in current]
        if gram and self.terms.has_vectors:
            lines.append("    gram.")
        lines += self._symmetry(current, gram, more)
        put_in = [new for old, new, _ in equalities if not is_vector_atom(old) and any(e.has(old) for e in exprs)]
        lines += self._roots([*exprs, *current, *put_in])
        lines.append("    algebra.")
        return "\n".join(lines)

    def _put(self, e: Any, old: Any, new: Any) -> Any:
        return self.proof._substitute(e, old, new)

    def _name(self, stem: str) -> str:
        self._fresh += 1
        return f"{stem}{self._fresh}"

    def _gram_entries(self, exprs: Iterable[Any], old: Any, new: Any, proof: str) -> list[str]:
        lines = []
        entries = {a for e in exprs for a in e.atoms(Inner) if old in a.args}
        for entry in sorted(entries, key=str):
            a, b = entry.args
            value = self._put(entry, old, new)
            left, right = (proof if u == old else "eq_refl" for u in (a, b))
            name = self._name("G")
            lines.append(f"    assert ({name} : {self.terms.real(entry)} = {self.terms.real(value)}).")
            lines.append(f"    {{ rewrite (inner_eq _ _ _ _ {left} {right}); gram.")
            lines += self._symmetry([value], True, [*_atoms_of(new), a, b])
            lines.append(f"    algebra. }} try rewrite {name}; clear {name}.")
        return lines

    def _symmetry(self, exprs: Iterable[Any], wanted: bool, more: Iterable[Any] = ()) -> list[str]:
        atoms = {v for e in exprs for entry in e.atoms(Inner) for v in entry.args} | set(more)
        if not wanted:
            atoms = {v for v in atoms if v.args}
        ordered = sorted(atoms, key=sympy.default_sort_key)
        lines = []
        for i, a in enumerate(ordered):
            for b in ordered[i + 1 :]:
                first, second = Inner(a, b).args
                lines.append(f"    try rewrite (inner_sym {self.terms.vec(second)} {self.terms.vec(first)}).")
        return lines

    # -- means and sums ---------------------------------------------------------------------------------------

    def _linear(
        self, text: str, argument: Any, limits: Any, equalities: Sequence[Equality], gram: bool, more: Sequence[Any]
    ) -> tuple[list[str], list[Any]]:
        """``text`` (a mean, or a sum if it has limits) in terms of means of products of random factors, and these
        terms' coefficients."""
        value = argument
        for old, new, _ in equalities:
            value = self._put(value, old, new)
        parts = self._parts(value, limits)
        real = self.terms.real
        where = (lambda body: f"(E (fun omega => {body}))") if limits is None else self._ranged(limits)
        if len(parts) == 1 and parts[0][0] == 1 and parts[0][1] != 1 and where(real(parts[0][1])) == text:
            return [], []
        if not parts:
            parts = [(sympy.S.Zero, sympy.S.One)]
        inside = " + (".join(f"{real(c)} * {real(m)}" for c, m in parts) + ")" * (len(parts) - 1)
        outside = " + (".join(f"{real(c)} * {self._whole(m, limits, where)}" for c, m in parts)
        outside += ")" * (len(parts) - 1)
        name = self._name("B")
        extend = "E_ext; intros omega" if limits is None else f"rsum_ext; intros {self.terms.symbol(limits[0])} inside_"
        cons, end = ("E_cons", "E_end") if limits is None else ("rsum_cons", "rsum_scal")
        raw = " + (".join(f"{real(c)} * {where(real(m))}" for c, m in parts) + ")" * (len(parts) - 1)
        one = "rewrite E_one" if limits is None else "rewrite !rsum_one by lia; constants"
        lines = [f"    assert ({name} : {text} = {outside})."]
        lines.append("    { try rename omega into omega_;" if limits is None else "    {")
        lines.append(f"    transitivity {where(inside)}.")
        inner = Identities(self.terms, self.proof)
        inner._fresh = self._fresh + 1000
        lines.append(f"    {{ apply {extend}.")
        whole = [argument, *(c * m for c, m in parts), *(c for c, _ in parts)]
        lines.append(inner.script(whole, equalities, gram=gram, more=more) + " }")
        lines.append(f"    transitivity ({raw}).")
        lines.append(f"    {{ repeat apply {cons}; apply {end}. }}")
        lines.append(
            f"    try {one}; try reflexivity; algebra. }}" if any(m == 1 for _, m in parts) else "    reflexivity. }"
        )
        lines.append(f"    try rewrite {name}; clear {name}.")
        return lines, [c for c, _ in parts]

    def _ranged(self, limits: Any) -> Any:
        k, a, b = limits
        name, low, stop = self.terms.symbol(k), self.terms.nat(a), self.terms.nat(b + 1)
        return lambda body: f"(rsum (fun {name} => {body}) {low} {stop})"

    def _whole(self, monomial: Any, limits: Any, where: Any) -> str:
        if monomial != 1:
            return where(self.terms.real(monomial))
        return "1" if limits is None else self.terms.real(limits[2] + 1 - limits[1])

    def _parts(self, value: Any, limits: Any) -> list[tuple[Any, Any]]:
        """Coefficient and random (or varying) factor of every term."""
        found: dict[Any, Any] = {}
        for term in sympy.Add.make_args(sympy.expand(value)):
            if limits is None:
                factors = sympy.Mul.make_args(term)
                fixed = [a for a in factors if self.proof.signs.deterministic(a)]
                rest = sympy.Mul(*[a for a in factors if a not in fixed])
                coefficient = sympy.Mul(*fixed)
            else:
                outside, inside = term.as_independent(limits[0], as_Add=False)
                constant, rest = sympy.factor_terms(inside).as_independent(limits[0], as_Add=False)
                coefficient = outside * constant
            found[rest] = found.get(rest, sympy.S.Zero) + coefficient
        return [(c, m) for m, c in found.items() if c != 0]

    # -- exponentials -----------------------------------------------------------------------------------------

    def _exponentials(self, exprs: Iterable[Any], equalities: Sequence[Equality]) -> list[str]:
        """Every exponential as a product of powers of a few: exp(2a - b) = exp(a)^2 / exp(b)."""
        found = sorted({e for x in exprs for e in x.atoms(sympy.exp)}, key=sympy.default_sort_key)
        put_in = {e: e.args[0] for e in found}
        for e in found:
            for old, new, _ in equalities:
                if not is_vector_atom(old):
                    put_in[e] = self._put(put_in[e], old, new)
        terms = {e: [t.as_coeff_Mul() for t in sympy.Add.make_args(sympy.expand(x))] for e, x in put_in.items()}
        if len(set(put_in.values())) < 2:
            return []
        unit: dict[Any, Any] = {}  # all coefficients of a monomial are integer multiples of its unit
        for c, m in (pair for pairs in terms.values() for pair in pairs if pair[0] != 0):
            unit[m] = abs(c) if m not in unit else _rational_gcd(unit[m], abs(c))
        lines, real = [], self.terms.real
        for e, pairs in terms.items():
            total, product = "0", "1"
            steps: list[str] = []
            for c, m in reversed([pair for pair in pairs if pair[0] != 0]):
                base, k = real(unit[m] * m), int(c / unit[m])
                up = f"(INR {abs(k)} * {base})"
                total = f"{up if k > 0 else f'- {up}'} + ({total})"
                product = f"{f'exp {base}' if k > 0 else f'(/ exp {base})'} ^ {abs(k)} * ({product})"
                steps.insert(0, f"rewrite {'exp_up' if k > 0 else 'exp_down'}")
            name = self._name("X")
            lines.append(f"    assert ({name} : {real(e)} = {product}).")
            lines.append(f"    {{ transitivity (exp ({total})).")
            rewriting = " ".join(f"try rewrite {proof};" for old, _, proof in equalities if e.has(old))
            lines.append(f"      {{ f_equal; {rewriting} simpl INR; algebra. }}")
            lines.append(f"      {'; '.join([*steps, 'rewrite exp_0'])}; reflexivity. }}")
            lines.append(f"    try rewrite {name}; clear {name}.")
        return lines

    # -- radicals and signs -----------------------------------------------------------------------------------

    def _roots(self, exprs: Iterable[Any]) -> list[str]:
        """Put s^2 for a symbol whose square root s occurs."""
        roots = {
            p.base
            for e in exprs
            for p in _bare(e).atoms(sympy.Pow)
            if p.exp.is_Rational and p.exp.q == 2 and p.base.is_Symbol
        }
        lines = []
        for base in sorted(roots, key=str):
            r, s = self.terms.real(base), self._name("s")
            lines.append(f"    assert ({s}_pos : 0 < sqrt {r}) by (apply sqrt_lt_R0; sign).")
            lines.append(f"    assert ({s}_sq : {r} = sqrt {r} * sqrt {r}) by (symmetry; apply sqrt_sqrt; sign).")
            lines.append(f"    set ({s} := sqrt {r}) in *; clearbody {s}; try rewrite {s}_sq.")
        return lines

    def sign(self, e: Any) -> str:
        """A tactic for 0 <= e or 0 < e."""
        e = sympy.sympify(e)
        forms = []
        for other in (sympy.factor, sympy.together):
            try:
                form = other(e)
            except (sympy.PolynomialError, NotImplementedError):
                continue
            if form != e and form not in forms:
                forms.append(form)
        options = ["solve [sign]"]
        for form in forms:
            try:
                text = self.terms.real(form)
            except (NotExported, GdverifyError):
                continue
            options.append(f"solve [replace {self.terms.real(e)} with {text} by algebra; sign]")
        return "first [" + " | ".join([*options, "timeout 10 nra"]) + "]"


def _rational_gcd(a: Any, b: Any) -> Any:
    return sympy.Rational(sympy.igcd(a.p * b.q, b.p * a.q), a.q * b.q)


def binders(e: Any) -> list[Any]:
    """Outermost means and sums."""
    if isinstance(e, (Mean, sympy.Sum)):
        return [e]
    return [b for a in e.args for b in binders(a)] if not isinstance(e, (Inner, Prob, AppliedUndef)) else []


def unsplit(argument: Any) -> Any:
    """The mean of an expression, kept whole."""
    return sympy.Basic.__new__(Mean, argument)


def _bare(e: Any) -> Any:
    return e.replace(lambda a: isinstance(a, (Mean, Prob, sympy.Sum)), lambda a: sympy.Dummy("bound"))


def _atoms_of(vector: Any) -> list[Any]:
    return list(linear_parts(vector)) if vector != 0 else []
