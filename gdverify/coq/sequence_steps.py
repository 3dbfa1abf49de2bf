"""Steps of a derivation in Coq: statements about every integer, sums, expectations."""

from __future__ import annotations

import re
from typing import Any

import sympy

from ..kernel.fact import Fact
from .identities import unsplit
from .lemmas import TRANSFER, Lemmas
from .terms import NotExported


class SequenceSteps(Lemmas):
    """The proof script of each rule."""

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
        lemma = TRANSFER[(used.relation, ">=")]
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
