"""A rational worst-case certificate as a Coq file.

Hypotheses: the interpolation inequalities with a positive multiplier, for vectors of any real inner-product space.
Conclusion: objective <= the certified rational.  The proof is one identity between polynomials with integer
coefficients (`ring`): a common multiple of bound - objective is the sum of multiplied inequalities and of squares.
These come from the certificate's factorisation of the slack matrix and from its diagonally dominant remainder.
"""

from __future__ import annotations

import re
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

from ..worstcase.checker import check, slack_matrix
from .terms import NotExported

_HERE = Path(__file__).parent
Poly = dict[str, Fraction]  # coefficients by atom; the constant under ""


def export_certificate(artefact: dict[str, Any], *, bound: Fraction | None = None) -> str:
    """Text of a Coq file that proves the artefact's upper bound again.

    Parameters
    ----------
    artefact : an artefact of schema gdverify.worst-case/1 and kind "upper"
    bound : another conclusion (tests: Coq must refuse a smaller one)

    Raises
    ------
    NotExported
        the artefact is an instance (a lower bound), which is a computation and no theorem
    CertificateError
        it does not prove what it records
    """
    kind, value = check(artefact)
    if kind != "upper":
        raise NotExported("only upper bounds have a Coq form; an instance is checked by gdverify's own checker")
    return _File(artefact, value if bound is None else bound).text()


class _File:
    def __init__(self, artefact: dict[str, Any], tau: Fraction):
        self.problem, self.tau = artefact["problem"], tau
        self.artefact = artefact
        self.size = len(self.problem["basis"])
        self.multipliers = [Fraction(m) for m in artefact["certificate"]["multipliers"]]
        self.vectors = [{k: Fraction(c) for k, c in coords} for _, coords in self.problem["vectors"]]
        self.rows = [(i, r) for i, r in enumerate(self.problem["rows"]) if self.multipliers[i]]

    def text(self) -> str:
        squares = self.squares()
        goal = self.poly(self.problem["objective"])
        core = _core(
            [(self.poly(r), self.multipliers[i], r["equality"]) for i, r in self.rows],
            [(self.square(u), c) for c, u in squares],
            goal,
            self.tau,
            self.atoms(),
        )
        names = self.problem["basis"]
        head = f"(* Worst case of {_comment(str(self.artefact.get('claim', 'a problem')))}, "
        head += f"case {_comment(str(self.artefact.get('case', '')))}.\n   Basis vectors: "
        head += _comment(", ".join(f"b{i} = {n}" for i, n in enumerate(names)))
        head += "\n   Function values: " + _comment(
            ", ".join(f"f{i} = {n}" for i, n in enumerate(self.problem["values"]))
        )
        head += "\n   Exported by gdverify; coqc must accept it with no axiom beyond those of the real numbers. *)\n\n"
        lines = [head, (_HERE / "preamble.v").read_text(), core, 'Section worst_case.\nSet Default Proof Using "All".']
        lines.append((_HERE / "vectors.v").read_text())
        lines.append(f"Variables {' '.join(f'b{i}' for i in range(self.size))} : V.")
        if self.problem["values"]:
            lines.append(f"Variables {' '.join(f'f{i}' for i in range(len(self.problem['values'])))} : R.")
        for i, r in self.rows:
            sign = "=" if r["equality"] else ">="
            lines.append(f"(* {_comment(r['label'])} *)\nHypothesis row_{i} : {self.form(r)} {sign} 0.")
        lines.append(
            f"\nTheorem worst_case_bound : {self.form(self.problem['objective'])} <= {_number(self.tau)}.\nProof."
        )
        lines.append(f"  replace ({self.form(self.problem['objective'])}) with ({self.in_products(goal)})")
        lines.append(f"    by ({self.expand()}).")
        gram = " ".join(f"(inner b{i} b{j})" for i in range(self.size) for j in range(i, self.size))
        values = " ".join(f"f{k}" for k in range(len(self.problem["values"])))
        lines.append(f"  apply (core {gram} {values}).")
        for i, r in self.rows:
            poly = self.poly(r)
            lemma = "rewrite row_%d; ring" if r["equality"] else "apply Rge_le, row_%d"
            if r["equality"]:
                lines.append(f"  {{ rewrite <- row_{i}; {self.expand()}. }}")
            else:
                lines.append(f"  {{ replace ({self.in_products(poly)}) with ({self.form(r)})")
                lines.append(f"      by ({self.expand()}); {lemma % i}. }}")
        for _, u in squares:
            vector = _combination(u)
            lines.append(f"  {{ replace ({self.in_products(self.square(u))}) with (inner {vector} {vector})")
            lines.append(f"      by ({self.expand()}); apply inner_pos. }}")
        lines.append("Qed.\nEnd worst_case.\nCheck worst_case_bound.\nPrint Assumptions worst_case_bound.")
        return "\n".join(lines) + "\n"

    # -- forms ------------------------------------------------------------------------------------------------

    def atoms(self) -> list[str]:
        gram = [f"g_{i}_{j}" for i in range(self.size) for j in range(i, self.size)]
        return gram + [f"f{k}" for k in range(len(self.problem["values"]))]

    def form(self, row: dict[str, Any]) -> str:
        """The row in inner products of its vectors."""
        parts = []
        for a, b, c in row["gram"]:
            parts.append(
                f"{_number(Fraction(c))} * inner {_combination(self.vectors[a])} {_combination(self.vectors[b])}"
            )
        parts += [f"{_number(Fraction(c))} * f{k}" for k, c in row["values"]]
        if Fraction(row["constant"]) or not parts:
            parts.append(_number(Fraction(row["constant"])))
        return " + ".join(parts)

    def poly(self, row: dict[str, Any]) -> Poly:
        """The row in Gram entries of the basis."""
        out: Poly = {"": Fraction(row["constant"])}
        for a, b, c in row["gram"]:
            for i, x in self.vectors[a].items():
                for j, y in self.vectors[b].items():
                    key = f"g_{min(i, j)}_{max(i, j)}"
                    out[key] = out.get(key, Fraction(0)) + Fraction(c) * x * y
        for k, c in row["values"]:
            out[f"f{k}"] = out.get(f"f{k}", Fraction(0)) + Fraction(c)
        return {k: c for k, c in out.items() if c}

    def square(self, u: dict[int, Fraction]) -> Poly:
        out: Poly = {}
        for i, x in u.items():
            for j, y in u.items():
                key = f"g_{min(i, j)}_{max(i, j)}"
                out[key] = out.get(key, Fraction(0)) + x * y
        return {k: c for k, c in out.items() if c}

    def in_products(self, poly: Poly) -> str:
        return re.sub(r"g_(\d+)_(\d+)", r"(inner b\1 b\2)", _text(poly))

    def expand(self) -> str:
        flips = "; ".join(
            f"try rewrite (inner_sym b{j} b{i})" for i in range(self.size) for j in range(i + 1, self.size)
        )
        return f"gram; {flips + '; ' if flips else ''}algebra"

    def squares(self) -> list[tuple[Fraction, dict[int, Fraction]]]:
        """Weights and vectors whose weighted squares add up to the slack matrix."""
        matrix, _ = slack_matrix(self.problem, self.multipliers)
        n, witness = self.size, self.artefact["certificate"]["psd"]
        lower = [[Fraction(c) for c in line] for line in witness["lower"]]
        diagonal = [Fraction(c) for c in witness["diagonal"]]
        found = []
        for k, d in enumerate(diagonal):
            column = {i: lower[i][k] for i in range(k, n) if lower[i][k]}
            if d and column:
                scale = lcm(*(c.denominator for c in column.values()))
                found.append((d / scale**2, {i: c * scale for i, c in column.items()}))
                for i in column:
                    for j in column:
                        matrix[i][j] -= d * column[i] * column[j]
        for i in range(n):
            own = matrix[i][i]
            for j in range(n):
                r = matrix[i][j]
                if j != i and r:
                    own -= abs(r)
                    if i < j:
                        found.append((abs(r), {i: Fraction(1), j: Fraction(1 if r > 0 else -1)}))
            if own:
                found.append((own, {i: Fraction(1)}))
        return found


def _core(
    rows: list[tuple[Poly, Fraction, bool]],
    squares: list[tuple[Poly, Fraction]],
    goal: Poly,
    tau: Fraction,
    atoms: list[str],
) -> str:
    """The theorem about real numbers: rows and squares non-negative imply the bound."""
    scaled = []
    for poly, m, equality in [*rows, *((p, c, False) for p, c in squares)]:
        scale = lcm(*(c.denominator for c in poly.values()))
        scaled.append(({k: c * scale for k, c in poly.items()}, m / scale, equality, scale))
    common = lcm(tau.denominator, *(c.denominator for c in goal.values()), *(m.denominator for _, m, _, _ in scaled))
    lines = [f"Lemma core : forall {' '.join(atoms)} : R,"]
    for k, (poly, _, equality) in enumerate([*rows, *((p, c, False) for p, c in squares)]):
        lines.append(f"  {'' if equality else '0 <= '}{_text(poly)}{' = 0' if equality else ''} -> (* {k} *)")
    lines.append(f"  {_text(goal)} <= {_number(tau)}.\nProof.")
    lines.append(f"  intros {' '.join(atoms)} {' '.join(f'H{k}' for k in range(len(scaled)))}.")
    terms = []
    for k, (poly, m, equality, scale) in enumerate(scaled):
        weight = m * common
        body, plain = _text(poly), _text({a: c / scale for a, c in poly.items()})
        if equality:
            lines.append(f"  assert (P{k} : 0 <= {_number(weight)} * ({body})).")
            lines.append(f"  {{ replace ({body}) with ({scale} * ({plain})) by field; rewrite H{k}; right; ring. }}")
        else:
            lines.append(f"  assert (P{k} : 0 <= {_number(weight)} * ({body})).")
            lines.append(f"  {{ apply Rmult_le_pos; [lra|]; replace ({body}) with ({scale} * ({plain})) by field.")
            lines.append("    apply Rmult_le_pos; [lra|assumption]. }")
        terms.append(f"{_number(weight)} * ({body})")
    total = " + (".join(terms) + ")" * (len(terms) - 1) if terms else "0"
    left = _text({a: -c * common for a, c in goal.items() if a} | {"": (tau - goal.get("", Fraction(0))) * common})
    nonnegative = f"P{len(terms) - 1}" if terms else "(Rle_refl 0)"
    for k in range(len(terms) - 2, -1, -1):
        nonnegative = f"(Rplus_le_le_0_compat _ _ P{k} {nonnegative})"
    lines.append(f"  assert (Id : {left} = {total}) by ring.")
    lines.append(f"  assert (S := {nonnegative}); rewrite <- Id in S; clear - S.")
    lines.append(f"  apply (Rmult_le_reg_l {common}); [lra|].")
    lines.append(f"  apply (ge_le_sub _ _); replace ({common} * {_number(tau)} - {common} * ({_text(goal)}))")
    lines.append(f"    with ({left}) by field; exact S.\nQed.\n")
    return "\n".join(lines)


def _text(poly: Poly) -> str:
    parts = [f"{_number(c)} * {a}" if a else _number(c) for a, c in sorted(poly.items()) if c]
    return "(" + (" + ".join(parts) or "0") + ")"


def _number(c: Fraction) -> str:
    body = str(abs(c.numerator)) if c.denominator == 1 else f"{abs(c.numerator)} / {c.denominator}"
    return f"(- ({body}))" if c < 0 else f"({body})" if c.denominator != 1 else body


def _combination(coords: dict[int, Fraction]) -> str:
    terms = [f"b{i}" if c == 1 else f"(vscal {_number(c)} b{i})" for i, c in coords.items() if c]
    if not terms:
        return "vzero"
    text = terms[-1]
    for term in reversed(terms[:-1]):
        text = f"(vadd {term} {text})"
    return text


def _comment(text: str) -> str:
    return text.replace("(*", "( *").replace("*)", "* )").replace('"', "'")
