"""Derivations as standalone certificates (schema ``gdverify.certificate/1``), for `gdverify.recheck`.

The derivation is run once more under a `Proof` that remembers with what arguments each rule was called, and which
factors the sign prover found; neither costs an ordinary proof anything.  Nothing here is trusted: the checker decides.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sympy
from sympy.core.function import AppliedUndef, UndefinedFunction

from ..claim import Assumption, Claim, Evidence
from ..errors import GdverifyError, ProofError, UsageError
from ..language import (
    AtInfinity,
    DecayExponent,
    DiagonalSum,
    GrowthExponent,
    GrowthRatio,
    Inner,
    MatrixSequence,
    MatrixTerm,
    Mean,
    NormalMean,
    PairMean,
    Prob,
    SymmetricMatrix,
    TimeDerivative,
    Vector,
    is_vector_atom,
)
from ..recheck.certificate import Checker, digest
from ..recheck.terms import is_matrix, read, sign
from .fact import Fact
from .proof import Proof
from .signs import Signs

SCHEMA = "gdverify.certificate/1"


class ExportError(GdverifyError):
    """The derivation uses something that certificates cannot express."""


# -- expressions ----------------------------------------------------------------------------------------------------

_HEADS = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.Abs: "abs",
    sympy.Max: "max",
    sympy.Min: "min",
    Inner: "inner",
    Mean: "mean",
    PairMean: "pair",
    NormalMean: "nmean",
    NormalMean.z: "gauss",
    DiagonalSum: "diag",
    Prob: "prob",
    TimeDerivative: "ddt",
    GrowthExponent: "growth",
    AtInfinity: "limit",
    DecayExponent: "decay",
    GrowthRatio: "ratio",
    sympy.Trace: "trace",
    sympy.Determinant: "det",
    sympy.Transpose: "T",
    sympy.Inverse: "inv",
}


def encode(expr: Any) -> Any:
    """A SymPy expression as nested lists.

    Raises
    ------
    ExportError
        certificates have no word for it
    """
    e = sympy.sympify(expr)
    if isinstance(e, sympy.MatrixExpr):
        return _matrix(e)
    if e.is_Integer:
        return int(e)
    if e.is_Rational:
        return f"{e.p}/{e.q}"
    if e is sympy.pi:
        return ["const", "pi"]
    if e is sympy.E:
        return ["const", "E"]
    if e is sympy.oo:
        return ["oo"]
    if isinstance(e, Vector):
        return ["vec", e.name]
    if e == PairMean.variable:
        return ["slot"]
    if e.is_Symbol:
        return ["sym", e.name]
    if isinstance(e, AppliedUndef) and not isinstance(e, NormalMean.z):
        return ["vecfun" if is_vector_atom(e) else "fun", e.func.__name__, *map(encode, e.args)]
    if e.is_Add or e.is_Mul:
        idle = sympy.S.Zero if e.is_Add else sympy.S.One
        args = [encode(a) for a in e.args if a != idle] or [encode(idle)]
        return ["+" if e.is_Add else "*", *args] if len(args) > 1 else args[0]
    if e.is_Pow:
        return ["^", encode(e.base), encode(e.exp)]
    if isinstance(e, (sympy.Sum, sympy.Integral)) and e.function == 0:
        return 0
    if isinstance(e, (sympy.Sum, sympy.Integral)):
        body = encode(e.function)
        for limits in e.limits:
            if len(limits) != 3:
                raise ExportError(f"no word for {e}")
            k, low, high = limits
            body = ["sum" if isinstance(e, sympy.Sum) else "integral", body, k.name, encode(low), encode(high)]
        return body
    if isinstance(e, sympy.Derivative) and len(e.variables) == 1:
        return ["diff", encode(e.expr), encode(e.variables[0])]
    for kind, head in _HEADS.items():
        if isinstance(e, kind):
            return [head, *map(encode, e.args)]
    if isinstance(e, sympy.Heaviside) and e.args[1] == sympy.S.Half:
        return ["call", "Heaviside", encode(e.args[0])]
    if isinstance(e, sympy.Function):
        return ["call", type(e).__name__, *map(encode, e.args)]
    raise ExportError(f"no word for {type(e).__name__} in certificates: {e}")


def _matrix(e: Any) -> Any:
    if isinstance(e, MatrixTerm):
        return ["matterm", str(e.args[0]), *map(encode, (*e.shape, e.index))]
    if isinstance(e, sympy.MatrixSymbol):
        return ["symmat" if isinstance(e, SymmetricMatrix) else "mat", e.name, *map(encode, e.shape)]
    if isinstance(e, sympy.Identity):
        return ["id", encode(e.shape[0])]
    if isinstance(e, sympy.ZeroMatrix):
        return ["zero", *map(encode, e.shape)]
    if isinstance(e, sympy.MatAdd):
        return ["m+", *map(encode, e.args)]
    if isinstance(e, sympy.MatMul):
        coefficient, factors = e.as_coeff_matrices()
        return ["m*", encode(coefficient), *map(encode, factors)]
    if isinstance(e, (sympy.Transpose, sympy.Inverse)):
        return ["T" if isinstance(e, sympy.Transpose) else "inv", encode(e.arg)]
    if isinstance(e, sympy.MatPow):
        return ["m^", encode(e.base), encode(e.exp)]
    raise ExportError(f"no word for the matrix {e} in certificates")


def _relation(left: Any, relation: str, right: Any) -> dict[str, Any]:
    return {"left": encode(left), "relation": relation, "right": encode(right)}


def _argument(value: Any) -> Any:
    """An argument of a rule as JSON: facts by number, assumptions by name, the rest as expressions."""
    if isinstance(value, Fact):
        return value.number
    if isinstance(value, Assumption):
        return value.name
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, sympy.FunctionClass):
        return value.__name__
    if isinstance(value, Mapping):
        return [[_argument(k), _argument(v)] for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return [_argument(v) for v in value]
    return encode(value)


# -- the recording proof --------------------------------------------------------------------------------------------

_SILENT = {"target", "step", "note", "when_nonnegative", "when_negative", "assumption", "args", "kwargs", "base"}


class _Hints(Signs):
    """Signs that remember the factors they looked at."""

    def __init__(self, *args: Any):
        super().__init__(*args)
        self.seen: list[tuple[Any, Any]] = []

    def _polynomial(self, forms: Any, poly: Any, skip: Any) -> Any:
        found = super()._polynomial(forms, poly, skip)
        if len(poly.to_dict()) > 1 and found is not None:
            self.seen.append((forms, poly))
        return found


class RecordingProof(Proof):
    """A `Proof` whose steps carry what the checker needs."""

    def __init__(self, claim: Claim):
        super().__init__(claim)
        signs = self.signs
        self.signs = _Hints(signs.domains, self._known)
        self.signs.constant, self.signs.random = signs.constant, signs.random
        self.signs.integral = signs.integral
        self.calls: list[dict[str, Any]] = []
        self.arguments: dict[int, dict[str, Any]] = {}
        self.hints: dict[int, list[tuple[Any, Any]]] = {}

    def __getattribute__(self, name: str) -> Any:
        value = object.__getattribute__(self, name)
        if name.startswith("_") or not inspect.ismethod(value):
            return value

        @functools.wraps(value)
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = inspect.signature(value).bind(*args, **kwargs)
            bound.apply_defaults()
            self.calls.append(dict(bound.arguments))
            try:
                return value(*args, **kwargs)
            finally:
                self.calls.pop()

        return call

    def _record(self, rule: str, left: Any, relation: str, right: Any, uses: Any = (), **options: Any) -> Fact:
        uses = list(uses)
        fact = super()._record(rule, left, relation, right, uses, **options)
        arguments = dict(self.calls[-1]) if self.calls else {}
        arguments["uses"] = uses
        if rule in ("univariate", "box"):
            arguments |= self._decided(arguments)
        self.arguments[fact.number] = arguments
        self.arguments[fact.number]["discharge"] = [_Number(h) for h in sorted(options.get("discharge", ()))]
        self.hints[fact.number] = self.signs.seen  # type: ignore[attr-defined]
        self.signs.seen = []  # type: ignore[attr-defined]
        return fact

    def _decided(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Ends that are not the domain's own, and cuts."""
        box = arguments["box"] if "box" in arguments else {arguments["variable"]: (arguments["low"], arguments["high"])}
        ends, cuts = [], []
        for x, given in box.items():
            dom = self._domain(x)
            own = [sympy.S.Zero if e is None else sympy.sympify(e) for e in (dom.low, dom.high)]
            outer = [sympy.sympify(e) for e in given]
            rest = [
                None if o.is_Rational or not o.is_finite or not e.is_finite else e
                for o, e in zip(own, outer, strict=True)
            ]
            if rest != [None, None]:
                ends.append([x, rest])
            low, high = (
                o if e is not None and o.is_Rational else None for o, e in zip(own, (dom.low, dom.high), strict=True)
            )
            for p in map(sympy.Rational, (arguments.get("cuts") or {}).get(x, ())):
                if p not in rest and (low is None or low < p) and (high is None or p < high):  # inside, not at an end
                    cuts.append([x, p])
        return {"ends": ends or None, "cuts": cuts or None}


class _Number(int):
    """A step number among the arguments."""


_FIELDS = {
    "cite": ("uses",),
    "identity": ("using",),
    "certificate": ("combine", "squares", "using"),
    "rewrite": ("uses",),
    "product": ("uses",),
    "addition": ("function", "a", "b"),
    "power": ("uses", "exponent"),
    "logarithm": ("uses",),
    "root": ("uses",),
    "antisymmetry": ("uses",),
    "instantiate": ("uses", "values"),
    "next integer": ("uses",),
    "induction": ("uses", "t", "discharge"),
    "settle": ("uses", "discharge"),
    "cases": ("uses", "discharge"),
    "sum": ("uses", "t", "low", "high"),
    "telescope": ("uses", "potential", "t", "low", "high"),
    "split sum": ("total", "at"),
    "reindex": ("total", "by"),
    "mean": ("uses",),
    "mean of a sum": ("total",),
    "indicator": ("uses",),
    "wick": ("expr", "laws"),
    "moment": ("expr", "laws"),
    "rotation": ("expr", "law"),
    "stein": ("law", "field", "others"),
    "independence": ("expr", "laws", "apart"),
    "log determinant": ("law",),
    "pair mean": ("expr", "law", "deviations", "correlation", "using"),
    "along correlation": ("uses", "antiderivative"),
    "matrix identity": ("using",),
    "matrix certificate": ("combine", "using"),
    "sandwich": ("uses", "left", "right"),
    "trace": ("uses",),
    "submultiplicative": ("x", "y"),
    "determinant": ("uses",),
    "gradient": ("law", "letter", "using"),
    "lie derivative": ("flow", "using"),
    "conserved": ("uses", "time"),
    "gronwall": ("uses", "rate", "time"),
    "monotone": ("x",),
    "tangent": ("x", "at"),
    "taylor": ("x", "at", "order"),
    "integral": ("function", "x", "low", "high", "antiderivative"),
    "integral bound": ("uses", "x", "low", "high"),
    "share integral": ("uses", "i", "n", "j", "b", "theta"),
    "form by shares": ("uses", "c", "n", "j"),
    "limit": ("x", "using"),
    "growth": ("n",),
    "univariate": ("ends",),
    "box": ("ends", "cuts"),
    "polynomial": ("uses",),
    "points": ("n",),
    "decay": ("n", "using"),
    "geometric": ("n",),
    "solution": ("law", "time"),
}


def _witness(rule: str, arguments: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    fields = _FIELDS.get(rule, ())
    if rule == "telescope" and arguments.get("uses"):  # the sum and its ends say everything
        fields = ("uses",)
    for name in fields:
        if name == "discharge":
            out[name] = [int(n) for n in arguments.get(name, ())]
        elif name in arguments and arguments[name] is not None:
            out[name] = _argument(arguments[name])
    if rule == "cite" and not out.get("uses"):
        return {}
    if "squares" in out:
        out["squares"] = [[w, negated(u) if sign(read(u, [10**6])) < 0 else u] for w, u in out["squares"]]
    return out


def negated(e: Any) -> Any:
    """Minus an expression, as nested lists."""
    if not isinstance(e, list):
        return encode(-sympy.Rational(e))
    if e[0] in ("+", "m+"):
        return [e[0], *map(negated, e[1:])]
    if e[0] == "m*":
        return [e[0], negated(e[1]), *e[2:]]
    if e[0] == "*" and not isinstance(e[1], list):
        factors = [*([] if e[1] == -1 else [negated(e[1])]), *e[2:]]
        return ["*", *factors] if len(factors) > 1 else factors[0]
    return ["m*" if is_matrix(read(e, [10**6])) else "*", -1, e]


def _slope_factors(rule: str, f: Fact, arguments: dict[str, Any]) -> list[Any]:
    """Factors of the derivative whose sign a rule rests on."""
    times = {"monotone": 1, "tangent": 2, "taylor": arguments.get("order")}.get(rule)
    if times is None:
        return []
    top, _ = sympy.fraction(sympy.together(sympy.diff(f.left, arguments["x"], times)))
    return [factor for factor, _ in sympy.factor_list(sympy.expand(top))[1]]


def _denominators(f: Fact, proof: RecordingProof, needed: set[int]) -> set[int]:
    """Earlier steps that say of a denominator that it is not zero: the kernel needs that for large values alone."""
    bases = {p.base for p in f.left.atoms(sympy.Pow) if p.exp.is_negative}
    earlier = [s for s in proof.steps[: f.number - 1] if s.n in needed and s.fact.relation in (">", "!=")]
    return {s.n for s in earlier if not s.fact.hypotheses and s.fact.left - s.fact.right in bases}


# -- the certificate ------------------------------------------------------------------------------------------------


_ROTATED = ("points", "labels")


def _laws(claim: Claim) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for a in claim.assumptions:
        kind, *rest = a.key or ("",)
        if kind in ("constant", "invertible"):
            families = [x for x in rest[0] if isinstance(x, MatrixSequence)]
            functions = [x for x in rest[0] if isinstance(x, UndefinedFunction)]
            letters = [encode(x) for x in rest[0] if x not in families and x not in functions]
            out[a.name] = {"kind": kind, "letters": letters, "names": [x.name for x in families]}
            if functions:
                out[a.name]["functions"] = [f.__name__ for f in functions]
        elif kind == "gaussian":
            law = {"letter": rest[0], "rows": rest[1].rows, "columns": rest[1].columns}
            out[a.name] = {"kind": kind, **{k: encode(v) for k, v in law.items()}}
        elif kind in ("sphere", "signs", "haar"):
            out[a.name] = {"kind": kind, "letter": encode(rest[0])}
        elif kind == "integers":
            out[a.name] = {"kind": kind, "functions": [f.__name__ for f in rest[0]]}
        elif kind == "unitary":
            out[a.name] = {"kind": kind, "real": encode(rest[0]), "imaginary": encode(rest[1])}
        elif kind == "rotation":
            out[a.name] = {"kind": kind, **{k: [encode(x) for x in v] for k, v in zip(_ROTATED, rest, strict=True)}}
        elif kind == "gram-inverse":
            out[a.name] = {"kind": kind, "inverse": encode(rest[0]), "letter": encode(rest[1])}
        elif kind == "gradient-flow":
            loss, letters, time = rest
            out[a.name] = {"kind": kind, "loss": encode(loss), "letters": [encode(x) for x in letters]}
            out[a.name]["time"] = None if time is None else encode(time)
        elif kind == "gradient-descent":
            loss, letters, index, step, successor = rest
            out[a.name] = {"kind": kind, "loss": encode(loss), "letters": [encode(x) for x in letters]}
            out[a.name] |= {"time": None if index is None else encode(index), "step": encode(step)}
            out[a.name]["successor"] = [[encode(x), encode(y)] for x, y in successor]
        elif kind == "initial-value":
            state, time, field, start = rest
            law = {"state": state, "variable": time, "field": field, "start": start}
            out[a.name] = {"kind": kind, **{k: encode(v) for k, v in law.items()}}
    return {n: {k: v for k, v in law.items() if v is not None and v != []} for n, law in out.items()}


def certificate(claim: Claim, evidence: Evidence) -> dict[str, Any]:
    """The certificate of a derivation: JSON-ready.

    Raises
    ------
    ProofError
        the derivation does not go through
    ExportError
        it uses something that certificates cannot express
    """
    proof = RecordingProof(claim)
    evidence.function(proof)
    if not proof.concluded:
        raise ProofError("the derivation ends without concluding anything")
    needed = proof.needed()
    steps: list[dict[str, Any]] = []
    relations: dict[str, list[Any]] = {}
    for s in proof.steps:
        if s.n not in needed:
            continue
        f = s.fact
        step: dict[str, Any] = {"n": s.n, "rule": s.rule, "premises": list(s.uses)}
        if s.rule in ("growth", "limit"):
            step["premises"] = sorted({*s.uses, *_denominators(f, proof, needed)})
        step["conclusion"] = _relation(f.left, f.relation, f.right)
        if s.rule in ("assumption", "cite"):
            step["name"] = s.note
        if s.rule == "assumption":
            listed = relations.setdefault(s.note, [])
            if step["conclusion"] not in listed:
                listed.append(step["conclusion"])
        if s.rule == "cite":
            step["reference"] = s.reference
        arguments = proof.arguments.get(s.n, {})
        if s.rule == "induction":  # a hypothesis that the step did not use is no step of the certificate
            arguments["discharge"] = [h for h in arguments["discharge"] if h in needed]
        witness = _witness(s.rule, arguments)
        if witness:
            step["witness"] = witness
        hints: list[Any] = []
        for forms, poly in proof.hints.get(s.n, ()):
            try:
                hint = encode(forms.to_sympy(poly))
            except ExportError:
                continue
            if hint not in hints and len(hints) < 400:
                hints.append(hint)
        for factor in _slope_factors(s.rule, f, proof.arguments.get(s.n, {})):
            hints += [encode(factor)] if encode(factor) not in hints else []
        if hints:
            step["hints"] = hints
        steps.append(step)
    laws = _laws(claim)
    names = [a.name for a in claim.assumptions if a.name in relations or a.name in laws]
    data = {
        "schema": SCHEMA,
        "claim": claim.id,
        "propositions": [_relation(*proof._relation(p)) for p in claim.decides.propositions()],
        "symbols": [_symbol(s, d, s in proof.generic) for s, d in proof.signs.domains.items()],
        "defines": [{"name": s.name, "value": encode(v)} for s, v in claim.defines.items()],
        "assumptions": [
            {"name": n, "relations": relations.get(n, []), **({"law": laws[n]} if n in laws else {})} for n in names
        ],
        "steps": steps,
        "concluded": [f.number for f in proof.concluded],
    }
    return {**data, "digest": digest(data)}


def _symbol(s: Any, d: Any, generic: bool) -> dict[str, Any]:
    out: dict[str, Any] = {"name": s.name}
    for end in ("low", "high"):
        value = getattr(d, end)
        if value is not None and sympy.sympify(value) not in (sympy.oo, -sympy.oo):
            out[end] = encode(value)
    flags = {"low_open": d.low_open, "high_open": d.high_open, "integer": d.integer, "generic": generic}
    flags["observed"] = d.observed
    return {**out, **{k: True for k, v in flags.items() if v}}


def trimmed(data: dict[str, Any], used: Mapping[int, tuple[Sequence[int], Sequence[int]]]) -> dict[str, Any]:
    """The certificate with the premises and hints alone that the checker needed, and the steps that remain needed."""
    steps = {s["n"]: dict(s) for s in data["steps"]}
    for n, (premises, hints) in used.items():
        steps[n]["premises"] = list(premises)
        if "hints" in steps[n]:
            steps[n]["hints"] = [steps[n]["hints"][k] for k in hints]
            if not hints:
                del steps[n]["hints"]
    needed, todo = set(), list(data["concluded"])
    while todo:
        n = todo.pop()
        if n not in needed:
            needed.add(n)
            todo += steps[n]["premises"]
    for s in steps.values():
        if "discharge" in s.get("witness", {}):
            s["witness"] = {**s["witness"], "discharge": [h for h in s["witness"]["discharge"] if h in needed]}
    kept = [s for n, s in steps.items() if n in needed]
    relations: dict[str, list[Any]] = {}
    for s in kept:
        if s["rule"] == "assumption":
            relations.setdefault(s["name"], []).append(s["conclusion"])
    assumptions = []
    for a in data["assumptions"]:
        listed = [r for r in a["relations"] if r in relations.get(a["name"], [])]
        if listed or "law" in a:
            assumptions.append({**a, "relations": listed})
    out = {**data, "assumptions": assumptions, "steps": kept}
    return {**out, "digest": digest(out)}


class _Smallest(Checker):
    """A checker that looks, for each step, for a smaller one that is still verified."""

    def __init__(self, data: Any, **options: Any):
        super().__init__(data, **options)
        self.witnesses: dict[int, dict[str, Any]] = {}

    def verify(self, s: Any, rules: Any) -> tuple[list[int], list[int]]:
        used, hints = super().verify(s, rules)
        found, kept, shown = False, list(hints), self.shown(s)
        step = dataclasses.replace(s, premises=used, hints=[s.hints[k] for k in hints])
        while True:
            less = next((r for r in self.reductions(step) if self.tried(r, rules, shown)), None)
            if less is None:
                break
            found = True
            self.tried(less, rules, shown)
            kept = [kept[k] for k in sorted(self.used_hints)]
            less = dataclasses.replace(
                less, premises=sorted(self.used), hints=[less.hints[k] for k in sorted(self.used_hints)]
            )
            step = less
        if not found:
            return used, hints
        self.witnesses[s.n] = dict(step.witness)
        s.premises, s.hints, s.witness = step.premises, step.hints, step.witness
        used, _ = super().verify(s, rules)
        return used, kept


def finished(data: dict[str, Any]) -> dict[str, Any]:
    """The certificate as the checker accepts it: nothing in it that it does not need.

    Raises
    ------
    Malformed, Rejected, Unknown
        of `gdverify.recheck`: it does not hold as it stands
    """
    from ..recheck import recheck_data
    from ..recheck.rules import RULES

    smallest = _Smallest(data, strict=False)
    data = trimmed(data, smallest.run(RULES).used)
    for s in data["steps"]:
        if smallest.witnesses.get(s["n"]):
            s["witness"] = smallest.witnesses[s["n"]]
        elif s["n"] in smallest.witnesses:
            s.pop("witness", None)
    report = recheck_data(data, strict=False)
    spoken = set(report.symbols_used)
    symbols = [s for s in data["symbols"] if not s.get("generic") or s["name"] in spoken]
    assumptions = []
    for a in data["assumptions"]:
        kept = {k: v for k, v in a.items() if k != "law" or a["name"] in report.laws_used}
        if kept["relations"] or "law" in kept:
            assumptions.append(kept)
    out = {**data, "symbols": symbols, "assumptions": assumptions}
    return {**out, "digest": digest(out)}


def write_certificate(claim: Claim, evidence: Evidence, file: Path) -> tuple[int, str]:
    """Export a derivation, recheck it, write it: (exit code, one line that says how it went).

    0: rechecked.  3: written, but the checker does not know a rule or cannot follow a step.  1: there is no proof.
    """
    from ..recheck import Malformed, Rejected, Unknown, recheck_data

    try:
        data = certificate(claim, evidence)
    except ExportError as error:
        return 3, f"{claim.id}: not exported: {error}"
    except GdverifyError as error:
        return 1, f"{claim.id}: not proved: {error}"
    code, said = 0, ""
    try:
        data = finished(data)
        report = recheck_data(data)
        said = f"rechecked, {report.steps} steps, digest {data['digest'][:16]}"
    except (Malformed, Rejected, Unknown) as error:
        code, said = 3, f"not rechecked: {error}"
    try:
        file.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None
    return code, f"{claim.id}: {file}: {said}"
