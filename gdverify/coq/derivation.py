"""A derivation as a Coq file: one lemma for each step, and the claim as the last theorem.

Vectors live in an abstract real inner-product space (bilinear, symmetric, positive form), expectations are an abstract
linear, monotone functional: nothing that is false in any such structure can be assumed.  Assumptions of the claim are
hypotheses of the theorem, cited results are hypotheses named ``cited_...``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sympy

from ..claim import Claim, Evidence, Mutant
from ..decision import Proposition
from ..errors import one_line
from ..kernel.fact import Fact
from .dynamics import is_motion, statement
from .lemmas import TRANSFER, comment
from .matrices import declarations, index_sorts, inverted_letters, matrix_letters
from .matrix_steps import MatrixSteps
from .record import Recording
from .scalar_steps import ScalarSteps
from .sequence_steps import SequenceSteps
from .terms import NotExported

_HERE = Path(__file__).parent

Tamper = Callable[["Derivation"], None]


def recorded(claim: Claim, evidence: Evidence | None = None) -> Recording:
    """A claim's derivation, run once; exports of the claim and of its mutants can share it."""
    if evidence is None:
        evidence = next((e for e in claim.evidence if e.kind == "derivation"), None)
        if evidence is None:
            raise NotExported(f"{claim.id} has no derivation")
    proof = Recording(claim)
    evidence.function(proof)
    return proof


def export_derivation(
    claim: Claim, evidence: Evidence | None = None, *, tamper: Tamper | None = None, proof: Recording | None = None
) -> str:
    """Text of a Coq file whose last theorem is what the claim states.

    Parameters
    ----------
    claim : a claim with a derivation
    evidence : which derivation; by default the first
    tamper : changes the recorded derivation before it is written (tests of Coq's refusal)
    proof : the derivation as `recorded` before

    Raises
    ------
    NotExported
        a step has no Coq form here
    ProofError
        the derivation does not go through in the kernel
    """
    derivation = Derivation(claim, recorded(claim, evidence) if proof is None else proof)
    if tamper is not None:
        tamper(derivation)
    try:
        return derivation.text()
    except (AttributeError, LookupError, TypeError, ValueError) as problem:
        if isinstance(problem, NotExported):
            raise
        raise NotExported(f"something in it has no Coq form ({one_line(problem)})") from problem


def export_mutant(claim: Claim, mutant: Mutant, proof: Recording | None = None) -> str:
    """The claim's own derivation with what the mutant changes put in its place; Coq must refuse it.

    Raises
    ------
    NotExported
        the derivation uses an assumption that the mutant drops: there is nothing to compile
    """
    changed = claim.mutated(mutant)
    proof = recorded(claim) if proof is None else proof
    domains = proof.signs.domains
    before = dict(domains)

    def tamper(derivation: Derivation) -> None:
        stated = claim.decides.propositions()
        now = dict(zip(map(str, stated), changed.decides.propositions(), strict=True))
        derivation.claim = changed
        derivation.goals = [(now[str(p)], fact) for p, fact in derivation.goals]
        derivation.proof.signs.domains.update(changed.symbols)
        derivation.proof.signs.forget()

    try:
        return export_derivation(claim, tamper=tamper, proof=proof)
    finally:
        domains.clear()
        domains.update(before)
        proof.signs.forget()


class Derivation(ScalarSteps, SequenceSteps, MatrixSteps):
    """What is written: the file, its lemmas, and the claim as its last theorem."""

    def text(self) -> str:
        """The whole file."""
        order = self.order()
        self.terms.learn(self._expressions(order))
        self._refuse(order)
        laws = {a for a in (self.calls.get(n, ("", {}, 0))[1].get("law") for n in order) if a is not None}
        expressions = [*self._expressions(order), *(e for law in laws for e in (law.key[1], *law.key[2]))]
        self.letters = matrix_letters(expressions)
        self.terms.matrix_index = index_sorts(self.terms, expressions)
        self.terms.inverses = inverted_letters(expressions, self.claim)
        lemmas = [self._lemma(n) for n in order]
        theorems = [self._theorem(k, p, f) for k, (p, f) in enumerate(self.goals)]
        name = self._slug(self.claim.id)
        head = f"(* {self.claim.title}\n   {self.claim.id}: {comment(str(self.claim.locator))}\n"
        head += "   Exported by gdverify; coqc must accept it with no axiom beyond those of the real numbers. *)\n\n"
        body = [head, (_HERE / "preamble.v").read_text()]
        body += [(_HERE / name).read_text() for name in ("matrices.v", "gradients.v") if self.letters]
        body += [f"\nSection {name}.\n", 'Set Default Proof Using "All".\n']
        body += [self._structure(), self._symbols(), "\n".join(self._declared), ""]
        body += lemmas + theorems
        body.append(f"End {name}.\n")
        for k in range(len(self.goals)):
            body.append(f"Check {self._theorem_name(k)}.\nPrint Assumptions {self._theorem_name(k)}.")
        return "\n".join(body) + "\n"

    def _expressions(self, order: Sequence[int]) -> list[Any]:
        found = [e for p, _ in self.goals for e in (p.left, p.right)]
        for n in order:
            fact = self.steps[n].fact
            found += [fact.left, fact.right]
            _, args, _ = self.calls.get(n, ("", {}, 0))
            found += [sympy.sympify(m) for m, _ in args.get("combine", ())]
            found += [sympy.sympify(e) for pair in args.get("squares", ()) for e in pair]
            if "potential" in args:
                found.append(sympy.sympify(args["potential"]))
        found += [sympy.sympify(e) for e in self.claim.defines.values()]
        return [sympy.sympify(e) for e in found]

    def _refuse(self, order: Sequence[int]) -> None:
        for n in order:
            step = self.steps[n]
            rule = self.calls.get(n, ("", {}, 0))[0]
            about = step.fact.left.atoms(sympy.MatrixSymbol) or step.fact.right.atoms(sympy.MatrixSymbol)
            if not hasattr(self, f"_rule_{rule}"):
                what = " about matrices" if about else ""
                raise NotExported(f"step {n} ({step.rule}{what}) has no Coq form")
            if about and self.terms.random:
                raise NotExported(f"step {n} ({step.rule}) is about random matrices, which have no Coq form")

    def _structure(self) -> str:
        lines = []
        if self.terms.has_vectors:
            lines.append((_HERE / "vectors.v").read_text())
        if self.terms.random:
            lines.append((_HERE / "means.v").read_text())
        return "\n".join(lines)

    def _symbols(self) -> str:
        t, lines = self.terms, ["(* Symbols of the claim. *)"]
        omega = "Omega -> " if t.random else ""
        for v in sorted(t.vectors):
            if not v.startswith("any "):
                lines.append(f"Variable {t.name('vector', v)} : {omega}V.")
        for f, (sorts, value) in sorted(t.functions.items()):
            arrows = "".join(f"{'R' if s == '?' else s} -> " for s in sorts) + (omega if t.takes_outcome(f) else "")
            lines.append(f"Variable {t.name('function', f)} : {arrows}{value}.")
        if t.digamma:
            lines.append("(* Stands for the digamma function; nothing is assumed of it. *)\nVariable digamma : R -> R.")
        for s in self.symbols():
            lines.append(f"Variable {t.symbol(s)} : {self.terms_sort(s)}.")
            lines += [f"Hypothesis {h} : {p}." for h, p in self.symbol_premises(s)[1]]
        lines += declarations(t, self.letters)
        for s, value in self.claim.defines.items():
            lines.append(f"Hypothesis {t.symbol(s)}_defined : {t.real(s)} = {t.real(value)}.")
        return "\n".join(lines)

    def _theorem_name(self, k: int) -> str:
        return "claim" if len(self.goals) == 1 else f"claim_{k + 1}"

    def _theorem(self, k: int, proposition: Proposition, fact: Fact) -> str:
        left, relation, right = sympy.sympify(proposition.left), proposition.relation, sympy.sympify(proposition.right)
        omega = self.outcome(left, right)
        motion = is_motion(left)
        stated = statement(self, left, right) if motion else self.terms.relation(left, relation, right)
        names = self.params(fact.number)
        if names:
            raise NotExported("the conclusion rests on generic variables")
        if isinstance(fact.left, sympy.MatrixExpr) or is_motion(fact.left):
            return self._equation(k, proposition, fact)
        turned = self.proof._relation(proposition)
        lines = [f"(* {comment(str(proposition))} *)"]
        lines.append(f"Theorem {self._theorem_name(k)} : {'forall omega : Omega, ' if omega else ''}{stated}.")
        lines.append("Proof.")
        lines.append("  intros omega." if omega else "")
        lines.append(self.context([]))
        lines.append(f"  pose proof {self.use(fact.number, self.outcome(fact.left, fact.right))} as F.")
        if relation in ("<=", "<"):
            lines.append(f"  apply {'Rge_le' if relation == '<=' else 'Rgt_lt'}.")
        lemma = TRANSFER[(fact.relation, turned[1])]
        if fact.relation == "==" and not self._same(turned[0] - turned[2], fact.expr):
            lines.append("  symmetry in F.")
        script = self.identities.script([turned[0], turned[2], fact.left, fact.right], ())
        lines.append(f"  apply ({lemma} _ _ _ _ F).\n{script}")
        return "\n".join([line for line in lines if line] + ["Qed.", ""])

    def _equation(self, k: int, proposition: Proposition, fact: Fact) -> str:
        """The theorem where it is an equation of matrices or of motion."""
        left, right = sympy.sympify(proposition.left), sympy.sympify(proposition.right)
        used = self.use(fact.number)
        lines = [f"(* {comment(str(proposition))} *)"]
        if is_motion(left):
            lines.append(f"Theorem {self._theorem_name(k)} : {statement(self, left, right)}.")
            lines.append(f"Proof.\n{self.context([])}\n  eapply m_value; [exact {used}|]; mring.")
        else:
            lines.append(f"Theorem {self._theorem_name(k)} : {self.terms.relation(left, '==', right)}.")
            lines.append(f"Proof.\n{self.context([])}\n  refine (eq_trans _ (eq_trans {used} _)); mring.")
        return "\n".join([*lines, "Qed.", ""])

    def _same(self, a: Any, b: Any) -> bool:
        from ..kernel.algebra import is_zero

        return is_zero(a - b, self.proof.signs)


def with_tampering(claim: Claim, tamper: Tamper) -> str:
    """The export of a derivation that was changed after the kernel accepted it; Coq must refuse it."""
    return export_derivation(claim, tamper=tamper)


__all__ = ["Derivation", "NotExported", "export_derivation", "export_mutant", "with_tampering"]
