"""A derivation as a Coq file: one lemma for each step, and the claim as the last theorem.

Vectors live in an abstract real inner-product space (bilinear, symmetric, positive form), expectations are an abstract
linear, monotone functional: nothing that is false in any such structure can be assumed.  Assumptions of the claim are
hypotheses of the theorem, cited results are hypotheses named ``cited_...``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..claim import Claim, Evidence, Mutant
from ..decision import Proposition
from ..kernel.fact import Fact
from ..language import Inner, Mean, Prob, Vector, linear_parts
from .dynamics import Dynamics, is_motion, statement
from .identities import Identities, binders, unsplit
from .matrices import declarations, index_sorts, inverted_letters, matrix_letters
from .record import Recording
from .terms import NotExported, Terms

_HERE = Path(__file__).parent
_TRANSFER = {
    (">=", ">="): "ge_ge", (">", ">="): "gt_ge", (">", ">"): "gt_gt", ("==", ">="): "eq_ge", ("==", "=="): "eq_eq",
}  # fmt: skip

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
    return derivation.text()


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


class Derivation:
    """What is written: recorded steps, by number, and the propositions of the claim with the facts that give them."""

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

    # -- which steps ------------------------------------------------------------------------------------------

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

    # -- statements -------------------------------------------------------------------------------------------

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

    # -- the file ---------------------------------------------------------------------------------------------

    def text(self) -> str:
        """The whole file."""
        self._param_memo: dict[int, set[Any]] = {}
        order = self.order()
        self.terms.learn(self._expressions(order))
        self._refuse(order)
        laws = {a for a in (self.calls.get(n, ("", {}, 0))[1].get("law") for n in order) if a is not None}
        expressions = [*self._expressions(order), *(e for law in laws for e in (law.key[1], *law.key[2]))]
        self.letters = matrix_letters(expressions)
        self.terms.matrix_index = index_sorts(self.terms, expressions)
        self.terms.inverses = inverted_letters(expressions, self.claim)
        self.dynamics = Dynamics(self)
        lemmas = [self._lemma(n) for n in order]
        theorems = [self._theorem(k, p, f) for k, (p, f) in enumerate(self.goals)]
        name = self._slug(self.claim.id)
        head = f"(* {self.claim.title}\n   {self.claim.id}: {_comment(str(self.claim.locator))}\n"
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
            self._declared.append(f"(* {_comment(label)} *)\nHypothesis {name} : {statement}.")
        return self._hypotheses[key]

    # -- lemmas -----------------------------------------------------------------------------------------------

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
        lemma = _TRANSFER.get((source.relation, fact.relation))
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

    def _rule_assume(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        assumption = args["assumption"]
        if assumption not in self.claim.assumptions:
            raise NotExported(f"step {n}: the claim does not assume {assumption.name!r}")
        names = list(args["kwargs"])
        given = [*args["args"], *(args["kwargs"][k] for k in names)]
        given = [a if callable(a) and not isinstance(a, sympy.Basic) else sympy.sympify(a) for a in given]
        general, quantifiers, values = [], [], []
        mean = fact.left.has(Mean) or fact.right.has(Mean)
        for i, a in enumerate(given):
            if not isinstance(a, sympy.Basic) or isinstance(a, sympy.MatrixExpr):
                general.append(a)
            elif self.terms.is_vector(a) and not mean:
                general.append(Vector(f"any {'uvyz'[i] if i < 4 else 'u' + str(i)}"))
            elif not self.terms.is_vector(a) and self._natural(a) and a.atoms(AppliedUndef):  # a random index
                general.append(sympy.Symbol(f"any{i}", integer=True, nonnegative=True))
            else:
                general.append(a)
        left, sign, right = self._schema(assumption, general, names, position)
        self.terms.learn([left, right])
        for u, a in zip(general, given, strict=True):
            if u is a or u not in left.free_symbols | right.free_symbols:
                continue
            if isinstance(u, Vector):
                quantifiers.append(f"forall {self.terms.name('vector', u.name)} : V, ")
                values.append(self.terms.vec(a))
            else:
                quantifiers.append(f"forall {self.terms.symbol(u)} : nat, ")
                values.append(self.terms.nat(a))
        free = (left.free_symbols | right.free_symbols) & self.proof.generic
        closed = ""
        closing: list[str] = []
        for s in self.in_order(free):
            name, premises = self.symbol_premises(s)
            closed += f"forall {name} : {self.terms_sort(s)}, " + "".join(f"{p} -> " for _, p in premises)
            closing += [name, *(h for h, _ in premises)]
        values = [*closing, *values]
        random = "forall omega : Omega, " if self.outcome(left, right) else ""
        statement = closed + "".join(quantifiers) + random + self.terms.relation(left, sign, right)
        name = self.hypothesis("", assumption.name, statement)
        term = f"({' '.join([name, *values, *(['omega'] if random else [])])})"
        if self.terms.is_vector(fact.left) and not isinstance(fact.left, Inner):
            return f"  exact {term}."
        if isinstance(fact.left, sympy.MatrixExpr):
            return f"  refine (eq_trans _ (eq_trans {term} _)); mring."
        lemma = _TRANSFER[(sign, fact.relation)]
        actual = dict(zip(general, given, strict=True))
        actual = {s: a for s, a in actual.items() if s is not a and s in left.free_symbols | right.free_symbols}
        printed = {s: self.terms.vec(a) if self.terms.is_vector(a) else self.terms.nat(a) for s, a in actual.items()}
        self.terms.instead = printed
        raw = [(self.terms.real(b), b) for e in (left, right) for b in binders(e)]
        self.terms.instead = {}
        raw = [(text, b.xreplace(actual)) for text, b in raw]
        vectors = [v for a in actual.values() if self.terms.is_vector(a) for v in linear_parts(a)]
        script = self.identities.script([fact.left - fact.right], (), gram=True, more=vectors, raw=raw)
        return f"  pose proof {term} as H; cbv beta in H.\n  apply ({lemma} _ _ _ _ H).\n{script}"

    def _natural(self, a: Any) -> bool:
        return self.terms._argument_sort(a) == "nat" or (isinstance(a, AppliedUndef) and self.terms.is_nat(a))

    def _schema(
        self, assumption: Any, args: Sequence[Any], names: Sequence[str], position: int
    ) -> tuple[Any, str, Any]:
        split = len(args) - len(names)
        relations = assumption.schema(*args[:split], **dict(zip(names, args[split:], strict=True)))
        many = isinstance(relations, (list, tuple))
        return self.proof._relation(relations[position] if many else relations)

    def _rule_low(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return "  sign."

    _rule_high = _rule_low

    def _rule_definition(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return f"  exact {self.terms.symbol(fact.left)}_defined."

    def _rule_cite(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        statement, names = self.quantified(n)
        premises = sorted(self.uses(n))
        if any(self.steps[m].rule == "suppose" for m in premises):
            raise NotExported(f"step {n}: a cited result under a supposition")
        given = "".join(f"({self.quantified(m)[0]}) -> " for m in premises)
        name = self.hypothesis("cited_", args["name"], given + statement)
        proofs = [f"step_{m}" for m in premises]
        return f"  exact ({' '.join([name, *proofs, *names, *(['omega'] if omega else [])])})."

    def _rule_identity(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        script = self.identities.script([fact.left, fact.right], self.equalities(args["using"]))
        return f"{self.facts(n, omega)}\n{script}"

    def _rule_sign(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        strict = "<" if fact.relation == ">" else "<="
        goal = f"  cut (0 {strict} {self.terms.real(fact.left)}); [lra|]."
        return f"{self.facts(n, omega)}\n{goal}\n  {self.identities.sign(fact.left)}."

    def _rule_extreme(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return "  repeat (unfold Rmax, Rmin; destruct Rle_dec); lra."

    def _rule_certificate(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        real = self.terms.real
        left, relation, right = fact.left, fact.relation, fact.right
        lines = []
        if not omega and any(self.outcome(f.left, f.right) for _, f in args["combine"]):
            lemma, omega = {">=": "outcome_ge", ">": "outcome_gt", "==": "outcome_eq"}[relation], True
            lines.append(f"  apply {lemma}; intros omega.")
        lines.append(self.facts(n, omega))
        summands, exprs = [], [left, right]
        for i, (multiplier, used) in enumerate(args["combine"]):
            m = sympy.sympify(multiplier)
            exprs += [m, used.left, used.right]
            slack = f"{real(m)} * ({real(used.left)} - {real(used.right)})"
            name, f = f"P_{i}", f"F_{used.number}"
            if used.relation == "==":
                lemma, sign = ("eq_slack", "= 0") if relation == "==" else ("eq_term", "")
                statement = f"{slack} = 0" if sign else f"0 <= {slack}"
                lines.append(f"  assert ({name} : {statement}) by (apply {lemma}; exact {f}).")
                summands.append((slack, name, False))
                continue
            strict = used.relation == ">" and relation == ">" and self.proof.signs.positive(m)
            less, lemma, of = ("<", "Rmult_lt_0_compat", "gt_slack") if strict else ("<=", "Rmult_le_pos", "ge_slack")
            weak = f if used.relation == ">=" or strict else f"(Rgt_ge _ _ {f})"
            lines.append(f"  assert (M_{i} : 0 {less} {real(m)}) by ({self.identities.sign(m)}).")
            lines.append(f"  assert ({name} := {lemma} _ _ M_{i} ({of} _ _ {weak})).")
            summands.append((slack, name, strict))
        for i, (weight, u) in enumerate(args["squares"]):
            w, u = sympy.sympify(weight), sympy.sympify(u)
            value = self.proof._square(u)
            exprs += [w, value]
            lines.append(f"  assert (W_{i} : 0 <= {real(w)}) by ({self.identities.sign(w)}).")
            if isinstance(u, sympy.MatrixExpr):
                script = self.identities.script([value], ())
                mat = self.terms.mat(u)
                size = self.identities.matrices.words_of(u * u.T)
                lines.append(f"  assert (N_{i} : 0 <= {real(value)}).")
                lines.append(f"  {{ replace ({real(value)}) with (trace (mmul {mat} (mt {mat})));")
                lines.append(f"    [apply trace_square|].\n{size}\n{script} }}")
                lines.append(f"  assert (Q_{i} := Rmult_le_pos _ _ W_{i} N_{i}).")
                summands.append((f"{real(w)} * {real(value)}", f"Q_{i}", False))
                continue
            if self.terms.is_vector(u):
                script = self.identities.script([value], (), gram=True)
                lines.append(f"  assert (N_{i} : 0 <= {real(value)}).")
                lines.append(f"  {{ replace ({real(value)}) with (inner {self.terms.vec(u)} {self.terms.vec(u)});")
                lines.append(f"    [apply inner_pos|].\n{script} }}")
                lines.append(f"  assert (Q_{i} := Rmult_le_pos _ _ W_{i} N_{i}).")
                summands.append((f"{real(w)} * {real(value)}", f"Q_{i}", False))
            else:
                lines.append(f"  assert (Q_{i} := square_ge _ {real(u)} W_{i}).")
                summands.append((f"{real(w)} * {real(u)} ^ 2", f"Q_{i}", False))
        total = " + (".join(s for s, _, _ in summands) + ")" * (len(summands) - 1) if summands else "0"
        lemma = {">=": "ge_from", ">": "gt_from", "==": "eq_from"}[relation]
        script = self.identities.script(exprs, self.equalities(args["using"]))
        lines.append(f"  apply ({lemma} _ _ ({total})).\n  {{\n{script} }}")
        lines.append(_adds_up(relation, summands))
        return "\n".join(lines)

    def _rule_matrix_identity(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        using = [f for f in args["using"] if isinstance(f.left, sympy.MatrixExpr)]
        values = [f"  rewrite ?{self.use(f.number)}." for f in args["using"] if f not in using]
        return "\n".join([*values, self.identities.matrices.equation(self.equalities(using))])

    def _rule_gradient_step(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return self.dynamics.gradient(args["law"], args["letter"], args["using"], fact, False)

    def _rule_gradient_flow(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return self.dynamics.gradient(args["law"], args["letter"], args["using"], fact, True)

    def _rule_lie_derivative(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return self.dynamics.lie_derivative(fact, args, self.facts(n, omega))

    def _rule_conserved(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return self.dynamics.conserved(n, fact, args)

    def _rule_gronwall(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return self.dynamics.gronwall(n, fact, args)

    def _rule_sandwich(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        mat, used = self.terms.mat, args["fact"]
        left, right = args["left"], args["right"]
        whole = "X_" if left is None else f"(mmul {mat(left)} X_)"
        whole = whole if right is None else f"(mmul {whole} {mat(right)})"
        equal = f"(f_equal (fun X_ => {whole}) {self.use(used.number)})"
        return f"  refine (eq_trans _ (eq_trans {equal} _)); cbv beta; mring."

    def _rule_trace(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        return f"  exact (f_equal trace {self.use(args['fact'].number)})."

    def _rule_submultiplicative(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        mat = self.terms.mat
        script = self.identities.script([fact.left, fact.right], ())
        norm = lambda m: sympy.Trace(m.T * m)
        script = self.identities.script([fact.left, fact.right, *map(norm, (args["x"], args["y"]))], ())
        return (
            f"  assert (F := submultiplicative _ _ _ {mat(args['x'])} {mat(args['y'])}).\n"
            f"  apply (ge_ge _ _ _ _ F).\n{script}"
        )

    def _rule_rewrite(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        source = args["fact"]
        name = f"F_{source.number}"
        return f"{self.facts(n, omega)}\n{self.transfer(fact, source, name, args['equalities'])}"

    def _rule_product(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        real, used = self.terms.real, args["facts"]
        lines = [self.facts(n, omega)]
        exprs = [fact.left, fact.right, *(e for f in used for e in (f.left, f.right))]
        script = self.identities.script(exprs, ())
        if fact.relation == "==":
            left = " * ".join(real(f.left) for f in used)
            rights = " ".join(f"rewrite F_{f.number};" for f in used)
            lines.append(f"  transitivity ({left}).\n  {{ {script} }}\n  {rights}\n{script}")
            return "\n".join(lines)
        strict = fact.relation == ">"
        lemma, of, frm = (
            ("Rmult_lt_0_compat", "gt_slack", "gt_from") if strict else ("Rmult_le_pos", "ge_slack", "ge_from")
        )
        term = ""
        for f in used:
            weak = f"F_{f.number}" if strict or f.relation == ">=" else f"(Rgt_ge _ _ F_{f.number})"
            slack = f"({of} _ _ {weak})"
            term = f"({lemma} _ _ {term} {slack})" if term else slack
        lines.append(f"  refine ({frm} _ _ _ _ {term}).\n{script}")
        return "\n".join(lines)

    def _rule_power(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        used, p, t = args["fact"], sympy.sympify(args["exponent"]), self.terms
        lines = [self.facts(n, omega)]
        real = t.real
        if used.relation == "==":
            raise NotExported(f"step {n}: a power of an equality")
        lines.append(f"  assert (B : 0 <= {real(used.right)}) by ({self.identities.sign(used.right)}).")
        lines.append(f"  assert (C : {real(used.right)} <= {real(used.left)}) by lra.")
        if p == sympy.Rational(1, 2):
            lines.append(
                f"  assert (D : sqrt {real(used.left)} >= sqrt {real(used.right)}) by (apply Rle_ge, sqrt_le_1_alt, C)."
            )
        else:
            lines.append(f"  assert (D := Rle_ge _ _ (pow_incr _ _ {t.nat(p)} (conj B C))).")
        script = self.identities.script([fact.left, fact.right], ())
        lines.append(f"  apply (ge_ge _ _ _ _ D).\n{script}")
        return "\n".join(lines)

    def _rule_instantiate(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        source, t = args["fact"], self.terms
        values = {s: sympy.sympify(v) for s, v in args["values"].items()}
        instead, lines = {}, [self.facts(n, omega, skip=[source.number])]
        for s, v in values.items():
            text = t.nat(v) if t.is_nat(s) else t.real(v)
            name, premises = self.symbol_premises(s)
            proofs = []
            for h, p in premises:
                at = re.sub(rf"(?<![\w']){re.escape(name)}(?![\w'])", text.replace("\\", ""), p)
                tactic = "lia" if p.endswith("%nat") else "sign"
                lines.append(f"  assert (at_{h} : {at}) by {tactic}.")
                proofs.append(f"at_{h}")
            instead[s] = (text, proofs)
        f = self.use(source.number, self.outcome(source.left, source.right), instead)
        lines.append(f"  pose proof {f} as F; cbv beta in F.")
        raw = self.instances(source, {s: (instead[s][0], v) for s, v in values.items()})
        lines.append(self.transfer(fact, source, "F", raw=raw, at=values))
        return "\n".join(lines)

    def _rule_settle(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        raise NotExported(f"step {n} (settle) has no Coq form")

    def _rule_induction(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        t, hypothesis, result, base = args["t"], args["hypothesis"], args["result"], args["base"]
        if base.hypotheses or result.hypotheses - {hypothesis.number}:
            raise NotExported(f"step {n}: an induction inside another")
        name, premises = self.symbol_premises(t)
        low = self.terms.nat(self.proof.signs.domains[t].low)
        ranged = f"(fun {name} : nat => {self.relation(fact)})"
        at_low = {t: (low, ["(Nat.le_refl _)"] * len(premises))}
        intro = "intros omega; " if omega else ""
        lines = ["  revert omega." if omega else ""]
        bound = premises[0][0] if premises else "(Nat.le_0_l _)"
        lines.append(f"  refine (induction_from {low} {ranged} _ _ {name} {bound}).")
        first = self.use(base.number, self.outcome(base.left, base.right), at_low)
        start = self.proof.signs.domains[t].low
        raw = [
            *self.instances(fact, {t: (f"({low})", start)}),
            *self.instances(base, {t: (f"({low})", start)}),
        ]
        lines.append(f"  {{ cbv beta; {intro}pose proof {first} as F; cbv beta in F.")
        lines.append(self.transfer(base, base, "F", raw=raw) + " }")
        given, known = f"given_{hypothesis.number}", "".join(f" R_{h} {h}" for h, _ in premises)
        n_low = premises[0][0] if premises else f"{name}_low"
        later = self.use(result.number, self.outcome(result.left, result.right))
        raw = self.instances(fact, {t: (f"({name} + 1)%nat", t + 1)})
        lines.append(f"  {{ clear INR_{name}{known} {name}.")
        lines.append(f"    intros {name} {n_low} {given}; cbv beta; cbv beta in {given}.")
        lines.append(f"    assert (INR_{name} := pos_INR {name}).")
        lines.append(f"    {intro}pose proof {later} as F; cbv beta in F.")
        lines.append(self.transfer(result, result, "F", raw=raw) + " }")
        return "\n".join(line for line in lines if line)

    def _rule_sum_of(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        used, t = args["fact"], args["t"]
        lines = [self._each(n, used, t, omega)]
        if fact.relation == "==":
            lines.append("  apply rsum_ext; intros k_ inside; exact (each k_ inside).")
        else:
            weak = "Rge_le" if used.relation == ">=" else "Rlt_le"
            final = (
                f"apply {weak}; exact (each k_ inside)"
                if used.relation != "=="
                else "apply Req_le; symmetry; exact (each k_ inside)"
            )
            lines.append(f"  apply Rle_ge, rsum_le; intros k_ inside; {final}.")
        return "\n".join(lines)

    def _each(self, n: int, used: Fact, t: Any, omega: bool) -> str:
        """The fact at every index of the range of a sum, as ``each``."""
        _, args, _ = self.calls[n]
        low, high = sympy.sympify(args["low"]), sympy.sympify(args["high"])
        stop = high if "potential" in args else high + 1
        name, premises = self.symbol_premises(t)
        lines = [self.facts(n, omega, skip=[used.number])]
        statement = self.terms.relation(used.left, used.relation, used.right)
        outside = omega or not self.outcome(used.left, used.right)
        if not outside:
            raise NotExported(f"step {n}: a sum over outcomes")
        a, b = self.terms.nat(low), self.terms.nat(stop)
        lines.append(f"  assert (each : forall {name} : nat, ({a} <= {name} < {b})%nat -> {statement}).")
        lines.append(f"  {{ intros {name} inside.")
        for h, p in premises:
            lines.append(f"    assert ({h} : {p}) by lia.")
        lines.append(f"    exact {self.use(used.number, self.outcome(used.left, used.right))}. }}")
        return "\n".join(lines)

    def _rule_telescope(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        t, potential = args["t"], sympy.sympify(args["potential"])
        low, high = self.terms.nat(args["low"]), self.terms.nat(args["high"])
        energy = f"(fun {self.terms.symbol(t)} => {self.terms.real(potential)})"
        after = potential - self.proof._plug(potential, {t: t + 1})
        ends = self.identities.script([fact.right], ())
        each = self.identities.script([after], ())
        falls = f"(fun k_ => {energy} k_ - {energy} (k_ + 1)%nat)"
        return (
            f"{self.facts(n, omega)}\n  transitivity (rsum {falls} {low} {high}).\n"
            f"  {{ apply rsum_ext; intros {self.terms.symbol(t)} inside; cbv beta.\n{each} }}\n"
            f"  rewrite (rsum_telescope {energy}) by lia; cbv beta.\n{ends}"
        )

    def _rule_telescoped(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        used, t, potential = args["fact"], args["t"], sympy.sympify(args["potential"])
        if used.relation == "==":
            raise NotExported(f"step {n}: telescoping an equality")
        low, high = sympy.sympify(args["low"]), sympy.sympify(args["high"])
        name = self.terms.symbol(t)
        fall = potential - self.proof._plug(potential, {t: t + 1})
        rest = sympy.expand(used.expr - fall)
        rest = sympy.S.Zero if isinstance(fact.right, sympy.Integer) and fact.right == 0 else rest
        energy = f"(fun {name} => {self.terms.real(potential)})"
        gain = f"(fun {name} => {self.terms.real(-rest)})"
        lines = [self._each(n, used, t, omega)]
        a, b = self.terms.nat(low), self.terms.nat(high)
        lines.append(f"  assert (fall : forall {name} : nat, ({a} <= {name} < {b})%nat ->")
        lines.append(f"    {energy} {name} - {energy} ({name} + 1)%nat >= {gain} {name}).")
        lines.append(f"  {{ intros {name} inside; assert (F := each _ inside); cbv beta.")
        lemma = _TRANSFER[(used.relation, ">=")]
        script = self.identities.script([potential, fall, used.left, used.right, rest], ())
        lines.append(f"    apply ({lemma} _ _ _ _ F).\n{script} }}")
        lines.append(f"  assert (F := telescoped {energy} {gain} {a} {b} ltac:(lia) fall); cbv beta in F.")
        if rest == 0:
            lines.append(f"  replace (rsum (fun _ : nat => {self.terms.real(-rest)}) {a} {b}) with 0 in F")
            lines.append(
                "    by (symmetry; transitivity (0 * rsum (fun _ => 0) " + f"{a} {b}); "
                "[rewrite <- rsum_scal; apply rsum_ext; intros; ring|ring])."
            )
        total = sympy.Sum(-rest, (t, low, high - 1)) if rest != 0 else sympy.S.Zero
        script = self.identities.script([fact.left, fact.right, total], ())
        lines.append(f"  apply (ge_ge _ _ _ _ F).\n{script}")
        return "\n".join(lines)

    def _rule_split_sum(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        t, total, at = self.terms, args["total"], args["at"]
        k, a, b = total.limits[0]
        whole = f"(fun {t.symbol(k)} => {t.real(total.function)})"
        cut = t.nat(b if at is None else sympy.sympify(at) + 1)
        lines = [
            self.facts(n, omega),
            f"  rewrite (rsum_split {whole} {t.nat(a)} {cut} {t.nat(b + 1)}) by lia; cbv beta.",
        ]
        if at is None:
            lines.append(f"  rewrite (rsum_last {whole} {cut} {t.nat(b + 1)}) by lia; cbv beta.")
        lines.append("  first [ring | algebra].")
        return "\n".join(lines)

    def _rule_reindex(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        t, total, by = self.terms, fact.left, sympy.sympify(args["by"])
        k, a, b = total.limits[0]
        if sympy.expand(by).coeff(k) != -1:
            raise NotExported(f"step {n}: a sum with its index shifted")
        name, s = t.symbol(k), t.nat(sympy.expand(by + k))
        old = f"(fun {name} => {t.real(total.function)})"
        moved = fact.right
        ends = [t.nat(e) for e in (a, b + 1, moved.limits[0][1], moved.limits[0][2] + 1)]
        new = f"(fun {name} => {t.real(moved.function)})"
        lines = [self.facts(n, omega)]
        lines.append(f"  apply (rsum_turn {old} {new} {s} {' '.join(ends)}); try lia.")
        lines.append(f"  intros {name}_ {name} inside turned; assert (INR_{name} := pos_INR {name}).")
        lines.append("  assert (Low := le_INR _ _ (proj1 inside)); assert (Turned := f_equal INR turned).")
        lines.append("  constants_in Low; constants_in Turned; simpl INR in Low, Turned.")
        lines.append(f"  assert (Value : {name}_ = ({s} - {name})%nat) by lia.")
        lines.append("  rewrite Value; repeat (rewrite plus_INR || (rewrite minus_INR by lia)); simpl INR.")
        lines.append("  first [reflexivity | ring | (repeat f_equal; ring) | algebra].")
        return "\n".join(lines)

    def _rule_tangent(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        expr, at = sympy.sympify(args["expr"]), sympy.sympify(args["at"])
        if not isinstance(expr, sympy.exp) or not expr.args[0].is_polynomial(args["x"]):
            raise NotExported(f"step {n}: the tangent of {expr}")
        u = expr.args[0]
        v = self.proof._plug(u, {args["x"]: at})
        if sympy.degree(u, args["x"]) != 1:
            raise NotExported(f"step {n}: the tangent of {expr}")
        real = self.terms.real
        return (
            f"{self.facts(n, omega)}\n  assert (F := exp_tangent {real(u)} {real(v)}); try rewrite exp_0 in F.\n"
            f"  apply (ge_ge _ _ _ _ F).\n{self.identities.script([fact.left, fact.right], ())}"
        )

    def _rule_indicator(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        used, real = args["fact"], self.terms.real
        q, c = fact.left.args
        bit = f"(fun omega => {real(q)})"
        lines = [self.facts(n, omega)]
        lines.append(f"  assert (F : prob {bit} {real(c)} = E {bit}).")
        lines.append("  { apply prob_bit; [sign|sign|].")
        lines.append(f"    try rename omega into omega_; intros omega; assert (F := F_{used.number} omega); nra. }}")
        lines.append("  exact F.")
        return "\n".join(lines)

    def _rule_mean_of_sum(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        total = args["total"]
        k, a, b = total.limits[0]
        name = self.terms.symbol(k)
        whole = f"(fun {name} omega => {self.terms.real(total.function)})"
        inside = unsplit(total.function)
        raw = [(self.terms.real(inside), inside)]
        script = self.identities.script([fact.right.function], (), raw=raw)
        low, stop = self.terms.nat(a), self.terms.nat(b + 1)
        return (
            f"{self.facts(n, omega)}\n"
            f"  transitivity (rsum (fun {name} => {self.terms.real(inside)}) {low} {stop}).\n"
            f"  {{ exact (E_rsum {whole} _ _). }}\n"
            f"  apply rsum_ext; intros {name} inside.\n{script}"
        )

    def _rule_next_integer(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        used, t = args["fact"], self.terms
        more, less = t.nat(used.left), t.nat(used.right)
        return (
            f"{self.facts(n, omega)}\n  assert (F := next_integer {more} {less}); constants_in F; simpl INR in F.\n"
            f"  lra."
        )

    def _rule_mean(self, n: int, fact: Fact, omega: bool, args: dict[str, Any], position: int) -> str:
        used = args["fact"]
        if not self.outcome(used.left, used.right):
            raise NotExported(f"step {n}: the mean of a constant")
        lines = [self.facts(n, omega)]
        left, right = (f"(fun omega => {self.terms.real(e)})" for e in (used.left, used.right))
        f = f"F_{used.number}"
        if used.relation == "==":
            lines.append(f"  assert (F := E_ext {left} {right} {f}).")
        else:
            weak = f if used.relation == ">=" else f"(fun omega => Rgt_ge _ _ ({f} omega))"
            lines.append(f"  assert (F := E_ge {left} {right} {weak}).")
        lemma = "eq_eq" if used.relation == "==" else "ge_ge"
        raw = [(f"(E {left})", unsplit(used.left)), (f"(E {right})", unsplit(used.right))]
        if fact.relation == ">":
            raise NotExported(f"step {n}: a strict inequality of means")
        script = self.identities.script([fact.left, fact.right], (), raw=raw)
        lines.append(f"  apply ({lemma} _ _ _ _ F).\n{script}")
        return "\n".join(lines)

    # -- the theorem ------------------------------------------------------------------------------------------

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
        lines = [f"(* {_comment(str(proposition))} *)"]
        lines.append(f"Theorem {self._theorem_name(k)} : {'forall omega : Omega, ' if omega else ''}{stated}.")
        lines.append("Proof.")
        lines.append("  intros omega." if omega else "")
        lines.append(self.context([]))
        lines.append(f"  pose proof {self.use(fact.number, self.outcome(fact.left, fact.right))} as F.")
        if relation in ("<=", "<"):
            lines.append(f"  apply {'Rge_le' if relation == '<=' else 'Rgt_lt'}.")
        lemma = _TRANSFER[(fact.relation, turned[1])]
        if fact.relation == "==" and not self._same(turned[0] - turned[2], fact.expr):
            lines.append("  symmetry in F.")
        script = self.identities.script([turned[0], turned[2], fact.left, fact.right], ())
        lines.append(f"  apply ({lemma} _ _ _ _ F).\n{script}")
        return "\n".join([line for line in lines if line] + ["Qed.", ""])

    def _equation(self, k: int, proposition: Proposition, fact: Fact) -> str:
        """The theorem where it is an equation of matrices or of motion."""
        left, right = sympy.sympify(proposition.left), sympy.sympify(proposition.right)
        used = self.use(fact.number)
        lines = [f"(* {_comment(str(proposition))} *)"]
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


def _adds_up(relation: str, summands: Sequence[tuple[str, str, bool]]) -> str:
    if relation == "==":
        rewriting = " ".join(f"rewrite {name};" for _, name, _ in summands)
        return f"  {rewriting} ring." if summands else "  reflexivity."
    if not summands:
        return "  right; reflexivity."
    names = [name for _, name, _ in summands]
    if relation == ">=":
        term = names[-1]
        for name in reversed(names[:-1]):
            term = f"(Rplus_le_le_0_compat _ _ {name} {term})"
        return f"  exact {term}."
    return (
        "  repeat first [assumption | (apply strictly_add_l; [assumption|]) | (apply strictly_add_r; [|])];\n"
        "  repeat first [assumption | left; assumption | apply Rplus_le_le_0_compat]."
    )


def _comment(text: str) -> str:
    return text.replace("(*", "( *").replace("*)", "* )")


def with_tampering(claim: Claim, tamper: Tamper) -> str:
    """The export of a derivation that was changed after the kernel accepted it; Coq must refuse it."""
    return export_derivation(claim, tamper=tamper)


__all__ = ["Derivation", "NotExported", "export_derivation", "export_mutant", "with_tampering"]
