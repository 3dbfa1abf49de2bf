"""Steps of a derivation in Coq: what is granted, equalities and inequalities between scalars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..kernel.fact import Fact
from ..language import Inner, Mean, Vector, linear_parts
from .identities import binders
from .lemmas import TRANSFER, Lemmas
from .terms import NotExported


class ScalarSteps(Lemmas):
    """The proof script of each rule."""

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
        lemma = TRANSFER[(sign, fact.relation)]
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
