"""Matrices of symbolic size: printing of words, and tactics for matrix equations and for traces.

A matrix expression is a sum of words, products of letters (see `kernel.matrix`).  Coq expands both sides of an equation
to sums of words associated to the right and compares them entry by entry; a trace is brought to the kernel's canonical
one by explicit rotations and transpositions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import sympy

from ..errors import ProofError
from ..kernel.matrix import Terms as Sum
from ..kernel.matrix import (
    Word,
    _key,
    cancel,
    canonical_cycle,
    columns,
    cycle_factors,
    oriented,
    rows,
    to_matrix,
    transpose_word,
    words,
)
from ..language import MatrixSequence, MatrixTerm, SymmetricMatrix
from .terms import NotExported, Terms

Rule = tuple[Word, Sum, str]  # word, what it equals, name of the Coq proof


def matrix_letters(exprs: Iterable[Any]) -> dict[str, Any]:
    """One letter, or term of a sequence, for each name that occurs in the expressions."""
    found: dict[str, Any] = {}
    for e in exprs:
        for letter in e.atoms(sympy.MatrixSymbol):
            name = str(letter.args[0])
            if found.setdefault(name, letter).shape != letter.shape:
                raise NotExported(f"{name} is used with different sizes")
    return found


def declarations(terms: Terms, letters: dict[str, Any]) -> list[str]:
    """Variables for the letters, symmetry as a hypothesis, and the tactic that uses it."""
    lines, symmetric = [], []
    for text, letter in sorted(letters.items()):
        name = terms.name("matrix", text)
        sort = terms.matrix_index.get(text, "")
        index = f"{sort} -> " if sort else ""
        lines.append(f"Variable {name} : {index}mat {terms.nat(letter.shape[0])} {terms.nat(letter.shape[1])}.")
        if isinstance(letter, SymmetricMatrix):
            lines.append(f"Hypothesis {name}_symmetric : mt {name} = {name}.")
            symmetric.append(f"rewrite {name}_symmetric")
        if text in terms.inverses:
            written, rewriting = _inverse(terms, text, letter, sort)
            lines += written
            symmetric += rewriting
    if symmetric:
        lines.append(f"Ltac msym ::= repeat first [{' | '.join(symmetric)}].")
        flipping = [r for r in symmetric if r.endswith("_symmetric")]
        if flipping:
            lines.append(f"Ltac mflip ::= {'; '.join('try ' + r for r in flipping)}.")
    return lines


def _inverse(terms: Terms, text: str, letter: Any, sort: str) -> tuple[list[str], list[str]]:
    """The inverse of a letter, as a variable, and cancellation inside products."""
    name, inv, size = terms.name("matrix", text), terms.name("inverse", f"{text}_inv"), terms.nat(letter.shape[0])
    at, quantifier = ("", "") if not sort else (" k_", "forall k_ : nat, ")
    if sort == "R":
        quantifier = "forall k_ : R, 0 <= k_ -> "
    premise = " by (assumption || lra)" if sort == "R" else ""
    a, b = f"({name}{at})", f"({inv}{at})"
    lines = [
        f"Variable {inv} : {sort + ' -> ' if sort else ''}mat {size} {size}.",
        f"Hypothesis {inv}_right : {quantifier}mmul {a} {b} = mid {size}.",
        f"Hypothesis {inv}_left : {quantifier}mmul {b} {a} = mid {size}.",
    ]
    rewriting = []
    use = {"right": f"{inv}_right", "left": f"{inv}_left"}
    for side, (x, y) in {"right": (a, b), "left": (b, a)}.items():
        k = " k_" if sort else ""
        with_low = f"{k} low_" if sort == "R" else k
        intro = f"intros{with_low}" if sort else "intros"
        turned = f"{inv}_{side}_mt"
        lines.append(f"Lemma {turned} : {quantifier}mmul (mt {y}) (mt {x}) = mid {size}.")
        lines.append(f"Proof. {intro}; rewrite <- mt_mul, ({use[side]}{with_low}); apply mt_id. Qed.")
        for lemma, (u, v) in {use[side]: (x, y), turned: (f"(mt {y})", f"(mt {x})")}.items():
            quantified = (
                f"{quantifier}forall p (Z : mat {size} p), " if quantifier else f"forall p (Z : mat {size} p), "
            )
            lines.append(f"Lemma {lemma}_in : {quantified}mmul {u} (mmul {v} Z) = Z.")
            lines.append(f"Proof. {intro} p Z; rewrite <- mmul_assoc, ({lemma}{with_low}); apply mmul_id_l. Qed.")
            rewriting += [f"rewrite {lemma}_in{premise}", f"rewrite {lemma}{premise}"]
    return lines, [*rewriting, "rewrite mmul_id_l", "rewrite mmul_id_r"]


def index_sorts(terms: Terms, exprs: Iterable[Any]) -> dict[str, str]:
    """nat or R by name of a sequence of matrices."""
    found: dict[str, str] = {}
    for e in exprs:
        for x in e.atoms(MatrixTerm):
            whole = x.index.is_Integer or (x.index.free_symbols and all(terms.is_nat(s) for s in x.index.free_symbols))
            name = str(x.args[0])
            if not whole or (name not in found):
                found[name] = "nat" if whole else "R"
    return found


def inverted_letters(exprs: Iterable[Any], claim: Any) -> set[str]:
    """Names of the letters whose inverse occurs; the claim must assume that they have one."""
    found = {str(x.arg.args[0]) for e in exprs for x in e.atoms(sympy.Inverse) if isinstance(x.arg, sympy.MatrixSymbol)}
    for e in exprs:
        for x in e.atoms(sympy.Inverse):
            found |= {str(letter.args[0]) for word in words(x) for letter, _, inverse in word if inverse}
    assumed = {
        x.name if isinstance(x, MatrixSequence) else str(x.args[0])
        for a in claim.assumptions
        if a.key[:1] == ("invertible",)
        for x in a.key[1]
    }
    if found - assumed:
        raise NotExported(f"the claim does not assume that {', '.join(sorted(found - assumed))} is invertible")
    return found


class Matrices:
    """Scripts about matrices, over one file's terms."""

    def __init__(self, terms: Terms):
        self.terms = terms
        self._fresh = 0

    def _name(self, stem: str) -> str:
        self._fresh += 1
        return f"{stem}m{self._fresh}"

    # -- printing ---------------------------------------------------------------------------------------------

    def word(self, word: Word, size: Any = None) -> str:
        return self.terms.mat(to_matrix(word) if word else sympy.Identity(size))

    def sum(self, total: Sum, shape: tuple[Any, Any]) -> str:
        parts = [
            (self.word(w, shape[0]), c if isinstance(c, sympy.Basic) else sympy.sympify(c)) for w, c in total.items()
        ]
        texts = [w if c == 1 else f"(mscal {self.terms.real(c)} {w})" for w, c in parts]
        if not texts:
            return self.terms.mat(sympy.ZeroMatrix(*shape))
        text = texts[-1]
        for t in reversed(texts[:-1]):
            text = f"(madd {t} {text})"
        return text

    # -- equations --------------------------------------------------------------------------------------------

    def rules(self, equations: Sequence[tuple[Any, Any, str]]) -> tuple[list[Rule], list[str]]:
        """Equations as rewriting rules, with the tactics that state them; each also inside longer products."""
        found: list[Rule] = []
        lines: list[str] = []
        for left, right, proof in equations:
            source = self._name("S")
            lines.append(f"    pose proof {proof} as {source}; cbv beta in {source}.")
            for turned, (word, replacement) in enumerate(oriented(left, right)):
                (coefficient,) = words(left).values()
                name = self._name("E")
                shape = left.shape if not turned else left.shape[::-1]
                lines.append(f"    assert ({name} : {self.word(word)} = {self.sum(replacement, shape)}).")
                use = f"(f_equal mt {source})" if turned else source
                if coefficient != 1:
                    c = self.terms.real(coefficient)
                    lines.append(f"    {{ apply (mscal_cancel _ _ {c}); [nonzero|].")
                    lines.append(f"      refine (eq_trans _ (eq_trans {use} _)); mring. }}")
                else:
                    lines.append(f"    {{ refine (eq_trans _ (eq_trans {use} _)); mring. }}")
                found.append((word, replacement, name))
                if len(word) > 1:
                    tail = [self.terms.mat(to_matrix((x,))) for x in word]
                    inside = "Z"
                    for x in reversed(tail):
                        inside = f"(mmul {x} {inside})"
                    lines.append(f"    assert ({name}_in : forall p (Z : mat {self.terms.nat(shape[1])} p),")
                    lines.append(f"      {inside} = mmul {self.sum(replacement, shape)} Z).")
                    lines.append(f"    {{ intros p Z; rewrite <- (mmul_into _ _ _ _ _ {name}); massoc. }}")
        return found, lines

    def equation(self, equations: Sequence[tuple[Any, Any, str]] = ()) -> str:
        """Tactics for a goal between matrices, by rewriting with the equations."""
        rules, lines = self.rules(equations)
        options = []
        for word, _, name in rules:
            options += [f"rewrite {name}_in", f"rewrite {name}"] if len(word) > 1 else [f"rewrite {name}"]
        if options:
            lines.append(f"    mexpand; msym; repeat (first [{' | '.join(options)}]; mexpand; msym).")
        return "\n".join([*lines, "    mring."])

    def words_of(self, m: Any) -> str:
        """Canonical traces for the words of the trace of a square matrix that Coq wrote itself."""
        lines: list[str] = []
        names: list[str] = []
        known: dict[tuple[Word, Any], tuple[Any, str]] = {}
        for word in words(m):
            _, name = self._trace(word, m.shape[0], [], known, lines, 0)
            names += [name] if name and name not in names else []
        rewriting = " ".join(f"rewrite ?{n};" for n in names)
        return "\n".join([*lines, f"    mexpand; msym; mtraces; {rewriting} idtac."])

    # -- traces -----------------------------------------------------------------------------------------------

    def traces(self, exprs: Iterable[Any], equations: Sequence[tuple[Any, Any, str]]) -> list[str]:
        """Tactics that put canonical traces, after rewriting, for every trace in the goal."""
        found = sorted({t for e in exprs for t in e.atoms(sympy.Trace)}, key=sympy.default_sort_key)
        if not found:
            return []
        rules, lines = self.rules(equations)
        known: dict[tuple[Word, Any], tuple[Any, str]] = {}
        for trace in found:
            total, names = [], []
            size = trace.arg.shape[0]
            for word, c in words(trace.arg).items():
                value, name = self._trace(word, size, rules, known, lines, 0)
                total.append(c * value)
                names += [name] if name else []
            value = sympy.Add(*total)
            if value == trace:
                continue
            name = self._name("T")
            lines.append(f"    assert ({name} : {self.terms.real(trace)} = {self.terms.real(value)}).")
            rewriting = " ".join(f"rewrite ?{n};" for n in names)
            lines.append(f"    {{ mexpand; msym; mtraces; {rewriting} first [reflexivity | algebra]. }}")
            lines.append(f"    try rewrite {name}; clear {name}.")
        return lines

    def _trace(
        self,
        word: Word,
        size: Any,
        rules: Sequence[Rule],
        known: dict[Any, tuple[Any, str]],
        lines: list[str],
        deep: int,
    ) -> tuple[Any, str]:
        """Canonical value of the trace of a word, and the name of its proof (none where it is canonical)."""
        if not word:
            return size, ""
        if (word, size) in known:
            return known[word, size]
        if deep > 60:
            raise ProofError("rewriting does not come to an end; orient the equations the other way")
        hit = self._hit(word, rules)
        real = self.terms.real
        if hit is None and len(word) > 1 and cancel((word[-1], word[0])) == ():
            turned = (word[-1], *word[:-1])
            value, name = self._trace(cancel(turned), rows(turned[0]), rules, known, lines, deep + 1)
            own = self._name("W")
            lines.append(f"    assert ({own} : trace {self.word(word)} = {real(value)}).")
            lines.append(f"    {{ transitivity (trace {self.word(turned)}).\n{self._turn(word, turned)}")
            finish = f"rewrite ?{name}; reflexivity" if name else "first [reflexivity | apply trace_id]"
            lines.append(f"      mexpand; msym; {finish}. }}")
            known[word, size] = (value, own)
            return value, own
        if hit is not None:
            turned, (pattern, replacement, proof) = hit
            rest, total, names = turned[len(pattern) :], [], []
            for v, a in replacement.items():
                value, name = self._trace(cancel(v + rest), rows(pattern[0]), rules, known, lines, deep + 1)
                total.append(a * value)
                names += [name] if name else []
            value, name = sympy.Add(*total), self._name("W")
            lines.append(f"    assert ({name} : trace {self.word(word)} = {real(value)}).")
            lines.append(f"    {{ transitivity (trace {self.word(turned)}).\n{self._turn(word, turned)}")
            put = self.sum(replacement, (rows(pattern[0]), columns(pattern[-1])))
            if rest:
                put = f"(mmul {put} {self.word(rest)})"
                inside = f"(mmul {self.word(pattern)} {self.word(rest)})"
                lines.append(f"      transitivity (trace {inside}); [apply (f_equal trace); massoc|].")
                proof = f"(f_equal (fun W_ => mmul W_ {self.word(rest)}) {proof})"
            lines.append(f"      transitivity (trace {put}); [exact (f_equal trace {proof})|].")
            rewriting = " ".join(f"rewrite ?{n};" for n in names)
            lines.append(f"      mexpand; msym; mtraces; {rewriting} first [reflexivity | algebra]. }}")
        else:
            value = sympy.Mul(*cycle_factors(word))
            if value == sympy.Trace(to_matrix(word)) and self.word(word) == self.terms.mat(value.arg):
                known[word, size] = (value, "")
                return value, ""
            name = self._name("W")
            lines.append(f"    assert ({name} : trace {self.word(word)} = {real(value)}).")
            lines.append("    {" + self._canonical(word) + " }")
        known[word, size] = (value, name)
        return value, name

    def _hit(self, word: Word, rules: Sequence[Rule]) -> tuple[Word, Rule] | None:
        for w in (word, transpose_word(word)):
            for k in range(len(w)):
                turned = w[k:] + w[:k]
                for rule in rules:
                    if turned[: len(rule[0])] == rule[0]:
                        return turned, rule
        return None

    def _turn(self, word: Word, target: Word) -> str:
        """A first subgoal trace word = trace target, the target a rotation of the word or of its transpose."""
        lines = ["      {"]
        at = _rotation(word, target)
        if at is None:
            lines.append(f"      transitivity (trace (mt {self.word(word)})); [symmetry; apply trace_mt|]; mturn.")
            word = transpose_word(word)
            at = _rotation(word, target)
        if at is None:
            raise ProofError(f"{target} is no rotation of {word}")
        if at:
            lines.append(f"      transitivity (trace (mmul {self.word(word[:at])} {self.word(word[at:])})).")
            lines.append("      { apply (f_equal trace); massoc. } rewrite trace_turn; massoc. }")
        else:
            lines.append("      reflexivity. }")
        return "\n".join(lines)

    def _canonical(self, word: Word) -> str:
        cuts = [k for k, x in enumerate(word) if rows(x) == 1]
        if not cuts:
            target = canonical_cycle(word)
            return f" transitivity (trace {self.word(target)}).\n{self._turn(word, target)}\n      reflexivity."
        turned = word[cuts[0] :] + word[: cuts[0]]
        bounds = [c - cuts[0] for c in cuts] + [len(turned)]
        pieces = [turned[a:b] for a, b in itertools.pairwise(bounds)]
        lines = [f" transitivity (trace {self.word(turned)}).\n{self._turn(word, turned)}"]
        nested = self.word(pieces[-1])
        for piece in reversed(pieces[:-1]):
            nested = f"(mmul {self.word(piece)} {nested})"
        lines.append(f"      transitivity (trace {nested}); [apply (f_equal trace); massoc|].")
        lines.append("      rewrite ?trace_cut.")
        for piece in pieces:
            back = transpose_word(piece)
            if _key(back) < _key(piece):
                lines.append(f"      replace (trace {self.word(piece)}) with (trace {self.word(back)})")
                lines.append(
                    f"        by (rewrite <- (trace_mt _ {self.word(back)}); apply (f_equal trace); mturn; auto)."
                )
        lines.append("      first [reflexivity | ring].")
        return "\n".join(lines)


def _rotation(word: Word, target: Word) -> int | None:
    return next((k for k in range(len(word)) if word[k:] + word[:k] == target), None)
