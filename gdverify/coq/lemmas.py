"""What every lemma of an exported derivation is made of: its parameters, hypotheses and the lemmas that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..claim import Claim
from ..decision import Proposition
from ..kernel.fact import Fact
from ..language import Inner, Mean, Prob, Vector
from .dynamics import Dynamics, is_motion, statement
from .identities import Identities, binders, unsplit
from .record import Recording
from .terms import NotExported, Terms

TRANSFER = {
    (">=", ">="): "ge_ge", (">", ">="): "gt_ge", (">", ">"): "gt_gt", ("==", ">="): "eq_ge", ("==", "=="): "eq_eq",
}  # fmt: skip


def comment(text: str) -> str:
    """Text as it may stand inside a Coq comment."""
    return text.replace("(*", "( *").replace("*)", "* )")


class Lemmas:
    """Recorded steps, by number, and the propositions of the claim with the facts that give them."""

    def __init__(self, claim: Claim, proof: Recording):
        self.claim, self.proof = claim, proof
        self.steps = {s.n: s for s in proof.steps}
        self.calls = dict(proof.calls)
        self.goals: list[tuple[Proposition, Fact]] = []
        remaining = list(claim.decides.propositions())
        for fact in proof.concluded:
            hit = next(p for p in remaining if proof._matches(fact, p))
            remaining.remove(hit)
            self.goals.append((hit, fact))
        self.terms = Terms(proof.signs.domains, proof.signs.nonnegative)
        self.identities = Identities(self.terms, proof)
        self._hypotheses: dict[tuple[Any, ...], str] = {}
        self._declared: list[str] = []
        self._param_memo: dict[int, set[Any]] = {}
        self.dynamics = Dynamics(self)

    def uses(self, n: int) -> set[int]:
        """Steps that the lemma of step n rests on."""
        step = self.steps[n]
        found = set(step.uses)
        rule, args, _ = self.calls.get(n, ("", {}, 0))
        if rule == "telescoped":  # proved from the fact itself, not from the two sums in between
            between = [m for m in step.uses if self.steps[m].rule in ("sum", "telescope")]
            for m in between:
                found |= set(self.steps[m].uses)
            found = (found - set(between)) | {args["fact"].number}
        return found

    def order(self) -> list[int]:
        todo, seen = [f.number for _, f in self.goals], set()
        while todo:
            n = todo.pop()
            if n not in seen:
                seen.add(n)
                todo.extend(self.uses(n))
        return sorted(n for n in seen if self.steps[n].rule != "suppose")

    def params(self, n: int) -> list[Any]:
        """Generic variables that the lemma of step n is quantified over."""
        return self.in_order(self._params(n))

    def in_order(self, symbols: Iterable[Any]) -> list[Any]:
        """Generic variables and those that their domains speak of, each after what its domain speaks of."""
        found: list[Any] = []

        def visit(s: Any) -> None:
            dom = self.proof.signs.domains[s]
            ends = [sympy.sympify(e) for e in (dom.low, dom.high) if e is not None]
            for other in sorted({x for e in ends for x in e.free_symbols} & self.proof.generic, key=lambda x: x.name):
                visit(other)
            if s not in found:
                found.append(s)

        for s in sorted(symbols, key=lambda s: s.name):
            visit(s)
        return found

    def _params(self, n: int) -> set[Any]:
        if n in self._param_memo:
            return self._param_memo[n]
        step, fact = self.steps[n], self.steps[n].fact
        rule, args, _ = self.calls.get(n, ("", {}, 0))
        generic = self.proof.generic
        own = self._free(fact)
        for h in fact.hypotheses:
            own |= self._free(self.steps[h].fact)
        bound: set[Any] = set()
        if rule == "instantiate":
            bound = set(args["values"]) - {s for v in args["values"].values() for s in sympy.sympify(v).free_symbols}
            own |= {s for v in args["values"].values() for s in sympy.sympify(v).free_symbols} & generic
        if rule in ("sum_of", "telescoped"):
            bound = {args["t"]} - own
        if step.rule != "suppose" and rule != "cite":  # the premises of a cited result are closed statements
            for m in self.uses(n):
                own |= self._params(m) - bound
        self._param_memo[n] = own
        return own

    def _free(self, fact: Fact) -> set[Any]:
        return (fact.left.free_symbols | fact.right.free_symbols) & self.proof.generic

    def outcome(self, *exprs: Any) -> bool:
        """Whether a relation speaks about one outcome (random terms outside every expectation)."""
        if not self.terms.random:
            return False
        for e in exprs:
            bare = e.replace(lambda a: isinstance(a, (Mean, Prob)), lambda a: sympy.Dummy("mean"))
            if bare.atoms(Vector) or any(self.terms.takes_outcome(type(a).__name__) for a in bare.atoms(AppliedUndef)):
                return True
        return False

    def relation(self, fact: Fact) -> str:
        if is_motion(fact.left):
            return statement(self, fact.left, fact.right)
        text = self.terms.relation(fact.left, fact.relation, fact.right)
        return f"forall omega : Omega, {text}" if self.outcome(fact.left, fact.right) else text

    def quantified(self, n: int) -> tuple[str, list[str]]:
        """``forall ..., premises -> relation`` of step n, and the names to introduce (but for omega)."""
        parts, names = [], []
        for s in self.params(n):
            name, premises = self.symbol_premises(s)
            parts.append(f"forall {name} : {self.terms_sort(s)}, " + "".join(f"{p} -> " for _, p in premises))
            names += [name, *(h for h, _ in premises)]
        for h in sorted(self.steps[n].fact.hypotheses):
            parts.append(f"({self.relation(self.steps[h].fact)}) -> ")
            names.append(f"given_{h}")
        return "".join(parts) + self.relation(self.steps[n].fact), names

    def terms_sort(self, s: Any) -> str:
        return "nat" if self.terms.is_nat(s) else "R"

    def symbol_premises(self, s: Any) -> tuple[str, list[tuple[str, str]]]:
        """Coq name of a symbol, and its domain as named propositions."""
        name, dom, t = self.terms.symbol(s), self.proof.signs.domains[s], self.terms
        found = []
        nat = t.is_nat(s)
        if dom.low is not None:
            low = sympy.sympify(dom.low)
            if nat and low != 0:
                found.append((f"{name}_low", self._end(low, "<" if dom.low_open else "<=", s, True)))
            if not nat:
                found.append((f"{name}_low", f"{t.real(low)} {'<' if dom.low_open else '<='} {t.real(s)}"))
        if dom.high is not None:
            high = sympy.sympify(dom.high)
            sign = "<" if dom.high_open else "<="
            if nat:
                found.append((f"{name}_high", self._end(high, sign, s, False)))
            else:
                found.append((f"{name}_high", f"{t.real(s)} {sign} {t.real(high)}"))
        return name, found

    def _end(self, end: Any, sign: str, s: Any, low: bool) -> str:
        """An end of an integer's domain, between integers where it is one."""
        t = self.terms
        try:
            value = t.nat(end)
        except NotExported:
            return f"{t.real(end)} {sign} {t.real(s)}" if low else f"{t.real(s)} {sign} {t.real(end)}"
        return f"({value} {sign} {t.symbol(s)})%nat" if low else f"({t.symbol(s)} {sign} {value})%nat"

    def use(self, n: int, omega: bool = False, instead: dict[Any, tuple[str, list[str]]] | None = None) -> str:
        """Step n at the variables in scope; ``instead`` gives other values with proofs of their premises."""
        if self.steps[n].rule == "suppose":
            text = f"given_{n}"
        else:
            parts = [f"step_{n}"]
            for s in self.params(n):
                if instead and s in instead:
                    value, proofs = instead[s]
                    parts += [value, *proofs]
                else:
                    name, premises = self.symbol_premises(s)
                    parts += [name, *(h for h, _ in premises)]
            parts += [f"given_{h}" for h in sorted(self.steps[n].fact.hypotheses)]
            text = " ".join(parts)
        return f"({text} omega)" if omega else f"({text})"

    def symbols(self) -> list[Any]:
        """Scalar symbols of the claim, defined ones included."""
        return [*self.claim.symbols, *(s for s in self.claim.defines if s not in self.claim.symbols)]

    def _slug(self, text: str) -> str:
        clean = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
        return clean if clean[:1].isalpha() else "x" + clean

    def hypothesis(self, kind: str, label: str, statement: str) -> str:
        """Declare a hypothesis of the section once; its name."""
        key = (kind, statement)
        if key not in self._hypotheses:
            name = self.terms.name("hypothesis", self._slug(f"{kind}{label}"))
            while name in self._hypotheses.values():
                name += "_"
            if any(k == kind and v == name for (k, _), v in self._hypotheses.items()):
                name += "_"
            self._hypotheses[key] = name
            self._declared.append(f"(* {comment(label)} *)\nHypothesis {name} : {statement}.")
        return self._hypotheses[key]

    def _lemma(self, n: int) -> str:
        rule, args, position = self.calls[n]
        statement, names = self.quantified(n)
        fact = self.steps[n].fact
        omega = self.outcome(fact.left, fact.right)
        names = [*names, *(["omega"] if omega else [])]
        lines = [f"Lemma step_{n} : {statement}.", "Proof."]
        if names:
            lines.append(f"  intros {' '.join(names)}.")
        lines.append(self.context(self.params(n)))
        body = getattr(self, f"_rule_{rule}")(n, fact, omega, args, position)
        return "\n".join([*lines, body, "Qed.", ""])

    def context(self, params: Sequence[Any]) -> str:
        """Integers as reals: their domains, as linear arithmetic reads them."""
        lines = []
        for s in [*self.symbols(), *params]:
            if not self.terms.is_nat(s):
                continue
            name, premises = self.symbol_premises(s)
            lines.append(f"  assert (INR_{name} := pos_INR {name}).")
            dom = self.proof.signs.domains[s]
            for h, p in premises:
                low = h.endswith("_low")
                if low and not p.endswith("%nat") and self.proof.signs.positive(dom.low):
                    end = self.terms.real(dom.low)
                    lines.append(
                        f"  assert (pos_{name} : 0 < INR {name}) by (apply (Rlt_le_trans _ {end}); [sign|lra])."
                    )
                if not p.endswith("%nat") or dom.low_open if low else dom.high_open:
                    continue
                lines.append(f"  assert (R_{h} := le_INR _ _ {h}); constants_in R_{h}; simpl INR in R_{h}.")
        return "\n".join(lines)

    def facts(self, n: int, omega: bool, skip: Sequence[int] = (), only: Sequence[int] | None = None) -> str:
        """Facts that step n uses, as ``F_i``; those about outcomes at omega, or for every outcome if there is none."""
        lines = []
        for m in sorted(self.uses(n) if only is None else only):
            fact = self.steps[m].fact
            if m in skip:
                continue
            specialised = omega and self.outcome(fact.left, fact.right)
            lines.append(f"  pose proof {self.use(m, specialised)} as F_{m}; cbv beta in F_{m}.")
        return "\n".join(lines)

    def equalities(self, using: Sequence[Fact]) -> list[tuple[Any, Any, str]]:
        """(old, new, Coq proof) for equalities that are put in; the proof is at omega where there are outcomes."""
        return [(f.left, f.right, self.use(f.number, self.outcome(f.left, f.right))) for f in using]

    def transfer(
        self,
        fact: Fact,
        source: Fact,
        proof_name: str,
        using: Sequence[Fact] = (),
        raw: Sequence[tuple[str, Any]] = (),
        at: dict[Any, Any] | None = None,
    ) -> str:
        """Close ``fact`` by ``source`` (proved as ``proof_name``), the difference being an identity."""
        if self.terms.is_vector(fact.left) and not isinstance(fact.left, Inner):
            return f"  exact {proof_name}."
        if isinstance(fact.left, sympy.MatrixExpr):
            rewriting = self.identities.matrices.equation(self.equalities(using))
            return (
                f"  refine (eq_trans _ (eq_trans {proof_name} _)).\n  all: {{\n{rewriting} }}"
                if using
                else (f"  refine (eq_trans _ (eq_trans {proof_name} _)); mring.")
            )
        lemma = TRANSFER.get((source.relation, fact.relation))
        if lemma is None:
            raise NotExported(f"from {source.relation} to {fact.relation}")
        given = source.left - source.right
        exprs = [fact.left - fact.right, self.proof._plug(given, at) if at else given]
        script = self.identities.script(exprs, self.equalities(using), raw=raw)
        return f"  apply ({lemma} _ _ _ _ {proof_name}).\n{script}"

    def instances(self, fact: Fact, values: dict[Any, tuple[str, Any]]) -> list[tuple[str, Any]]:
        """Means and sums of a fact as they read once Coq has put terms for its variables, and what they are."""
        self.terms.instead = {s: text for s, (text, _) in values.items()}
        found = [(self.terms.real(b), b) for e in (fact.left, fact.right) for b in binders(e)]
        self.terms.instead = {}
        plugged = {s: v for s, (_, v) in values.items()}
        put = lambda b: (
            unsplit(self.proof._plug(b.args[0], plugged)) if isinstance(b, Mean) else self.proof._plug(b, plugged)
        )
        return [(text, put(b)) for text, b in found]
