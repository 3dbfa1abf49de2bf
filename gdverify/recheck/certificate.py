"""A certificate as read from a file, and the walk through its steps."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .calculus import Calculus
from .diagonals import diagonal_form
from .normal import Symbol
from .pairs import pair_form, slot_form
from .poly import Quot
from .shares import normal_mean_form
from .terms import BINDERS, MATRIX, Malformed, Rejected, Tree, Unknown, bound, free, is_matrix, loose, nodes, read, show

SCHEMA = "gdverify.certificate/1"
MAX_BYTES = 64 * 2**20
MAX_NODES = 8_000_000
MAX_PARTS = 8_000_000  # entries of lists and objects, which take many times their bytes
MAX_STEPS = 20_000
MAX_SECONDS = 1200
STATED = ("propositions", "symbols", "defines", "assumptions")  # what is claimed, and on what grounds
NAMING = ("uses", "using", "combine", "discharge", "flow")  # entries of a witness that name premises
LAWS = {  # entries of an assumption on a law, by its kind
    "constant": ("letters", "names", "functions"),
    "invertible": ("letters", "names", "functions"),
    "gaussian": ("letter", "rows", "columns"),
    "sphere": ("letter",),
    "signs": ("letter",),
    "haar": ("letter",),
    "gradient-flow": ("loss", "letters", "time"),
    "gradient-descent": ("loss", "letters", "time", "step", "successor"),
    "initial-value": ("state", "variable", "field", "start"),
}
# Entries of a witness each part of which must be needed.
LISTS = ("using", "uses", "combine", "squares", "flow", "values", "laws", "apart", "cuts")
DISCHARGING = ("suppose", "induction", "settle", "cases")  # rules that say themselves what a step rests on
RELATIONS = (">=", ">", "==", "!=", "->")
SPECIAL: dict[str, Callable[..., Quot]] = {"diag": diagonal_form, "pair": pair_form, "slot": slot_form}
SPECIAL["nmean"] = normal_mean_form
SIGNS = {">=": ">=", ">": ">", "==": "=", "!=": "!=", "->": "->"}


@dataclass
class Relation:
    left: Tree
    relation: str
    right: Tree

    def show(self) -> str:
        return f"{show(self.left)} {SIGNS[self.relation]} {show(self.right)}"


@dataclass
class Step(Relation):
    n: int
    rule: str
    premises: list[int]
    witness: Read
    name: str = ""
    reference: str = ""
    hints: list[Tree] = field(default_factory=list)
    hypotheses: frozenset[int] = frozenset()
    divisors: list[Tree] = field(default_factory=list)  # shown to be non-zero with the help of premises

    @property
    def matrix(self) -> bool:
        return is_matrix(self.left) or (isinstance(self.left, tuple) and self.left[0] == "ddt")


@dataclass
class Report:
    """What a recheck established."""

    claim: str
    statement: list[str]
    symbols: list[str]
    steps: int
    rules: dict[str, int]
    cited: list[str]
    assumptions: list[tuple[str, list[str]]]
    used: dict[int, tuple[list[int], list[int]]] = field(default_factory=dict)  # step -> premises and hints it needed
    laws_used: frozenset[str] = frozenset()
    symbols_used: frozenset[str] = frozenset()
    digest: str = ""


class Read(dict[str, Any]):
    """A witness that knows which of its entries were read."""

    def __init__(self, data: dict[str, Any]):
        super().__init__(data)
        self.unread = set(data)

    def __getitem__(self, name: str) -> Any:
        self.unread.discard(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.unread.discard(name)
        return super().get(name, default)


class Checker(Calculus):
    """The state of one recheck: the declarations, the steps verified so far, and the step at hand."""

    def __init__(self, data: Any, *, strict: bool = True):
        super().__init__()
        self.strict = strict
        self.digest = ""
        self.budget = [MAX_NODES]
        self.deadline = time.monotonic() + MAX_SECONDS
        self.work = {"box": 600_000, "polynomial": 600_000}  # what all steps together may spend on decisions
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise Malformed(f"not a {SCHEMA} file")
        _only(data, "the certificate", ("schema", "claim", "digest", *STATED, "steps", "concluded"))
        self.digest = digest(data)
        if data.get("digest", self.digest) != self.digest:
            raise Rejected("the statement, the domains or the assumptions are not those that the certificate is about")
        self.claim = _text(data.get("claim"), "claim")
        self.propositions = [self.relation(p) for p in _list(data.get("propositions"), "propositions")]
        if not self.propositions:
            raise Malformed("the certificate states nothing")
        for s in _list(data.get("symbols"), "symbols"):
            self._declare(s)
        self.defines: dict[str, Tree] = {}
        for d in _list(data.get("defines"), "defines"):
            name = _text(_get(d, "name"), "name")
            _only(d, f"the definition of {name}", ("name", "value"))
            if name not in self.symbols or name in self.defines:
                raise Malformed(f"definition of {name}: undeclared, or given twice")
            self.defines[name] = self.tree(_get(d, "value"))
        known = {n for n, d in self.symbols.items() if not d.generic and n not in self.defines}
        for name, value in self.defines.items():  # no circle, and nothing that varies
            if self.symbols[name].generic or free(value) - known - bound(value):
                raise Malformed(f"the definition of {name} is circular, or speaks of something undeclared")
            known.add(name)
        for _ in self.defines:
            for name, value in self.defines.items():
                if not self._constant(value):
                    self.random.add(name)
        self.assumed: dict[str, list[Relation]] = {}
        self.laws: dict[str, dict[str, Any]] = {}
        for a in _list(data.get("assumptions"), "assumptions"):
            name = _text(_get(a, "name"), "name")
            _only(a, f"assumption {name!r}", ("name", "relations", "law"))
            if name in self.assumed:
                raise Malformed(f"assumption {name!r} is listed twice")
            self.assumed[name] = [self.relation(r) for r in _list(_get(a, "relations"), "relations")]
            if any(r in self.assumed[name][:k] for k, r in enumerate(self.assumed[name])):
                raise Malformed(f"assumption {name!r} says something twice")
            if a.get("law") is not None:
                self.laws[name] = self._law(a["law"])
                if self.laws[name]["kind"] == "integers":
                    self.integral |= dict.fromkeys(self.laws[name].get("functions", ()), name)
                if self.laws[name]["kind"] == "constant":
                    self.still |= dict.fromkeys(self.laws[name].get("functions", ()), name)
        self.steps: dict[int, Step] = {}
        self.order: list[Step] = [self._step(s) for s in _list(data.get("steps"), "steps", MAX_STEPS)]
        self.concluded = [_number(n) for n in _list(data.get("concluded"), "concluded")]
        self.settled: dict[int, int] = {}
        self._well_founded()

    # -- reading ----------------------------------------------------------------------------------------------

    def tree(self, data: Any) -> Tree:
        out = read(data, self.budget)
        if loose(out):
            raise Malformed("the variable of an activation stands outside of one, or a pair mean inside of another")
        return out

    def special(self, tree: Tree) -> Quot:
        return SPECIAL[tree[0]](self, tree)

    def relation(self, data: Any) -> Relation:
        relation = _get(data, "relation")
        _only(data, "a relation", ("left", "relation", "right"))
        if relation not in RELATIONS:
            raise Malformed(f"unknown relation {str(relation)[:20]!r}")
        left, right = self.tree(_get(data, "left")), self.tree(_get(data, "right"))
        if is_matrix(left) and not is_matrix(right):
            raise Malformed("a matrix is compared with a scalar")
        return Relation(left, relation, right)

    def _constant(self, value: Tree) -> bool:
        """Whether a definition is made of symbols and means alone."""
        varying = ("fun", "inner", "trace", "diag", "det", "vec", "vecfun")
        if not isinstance(value, tuple) or value[0] in ("mean", "prob"):
            return True
        if value[0] == "sym":
            return value[1] not in self.random
        return value[0] not in varying and all(isinstance(a, str) or self._constant(a) for a in value[1:])

    def _declare(self, data: Any) -> None:
        name = _text(_get(data, "name"), "name")
        if name in self.symbols or name.startswith("#"):
            raise Malformed(f"symbol {name} is declared twice, or reserved")
        ends = {k: None if data.get(k) is None else self.tree(data[k]) for k in ("low", "high")}
        flags: dict[str, Any] = {}
        for k in ("low_open", "high_open", "integer", "generic", "observed"):
            flags[k] = data.get(k, False)
            if not isinstance(flags[k], bool):
                raise Malformed(f"symbol {name}: {k} must be true or false")
        if any(is_matrix(e) for e in ends.values() if e is not None) or data.keys() - {"name", *ends, *flags}:
            raise Malformed(f"symbol {name}: unknown entries")
        self.symbols[name] = Symbol(name, ends["low"], ends["high"], **flags)

    def _law(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict) or not isinstance(data.get("kind"), str):
            raise Malformed("a law needs a kind")
        read_any = lambda v: v if v is None else self.tree(v)
        lists = ("letters", "points", "labels")
        out: dict[str, Any] = {"kind": data["kind"]}
        _only(data, f"a law of kind {data['kind'][:20]}", ("kind", *LAWS.get(data["kind"], data)))
        for k, v in data.items():
            if k == "kind":
                continue
            if v is None or v == []:
                raise Malformed(f"a law with an empty entry {k}")
            if k in lists:
                out[k] = [self.tree(x) for x in _list(v, k)]
            elif k == "successor":
                out[k] = [tuple(self.tree(x) for x in _list(p, k)) for p in _list(v, k)]
            elif k in ("names", "functions"):
                out[k] = [_text(x, k) for x in _list(v, k)]
            else:
                out[k] = read_any(v)
            if isinstance(out[k], list) and any(x in out[k][:n] for n, x in enumerate(out[k])):
                raise Malformed(f"a law that lists something twice under {k}")
        return out

    def _step(self, data: Any) -> Step:
        n, rule = _number(_get(data, "n")), _text(_get(data, "rule"), "rule")
        allowed = {"assumption": ("name",), "cite": ("name", "reference")}.get(rule, ())
        _only(data, f"step {n}", ("n", "rule", "premises", "conclusion", "witness", "hints", *allowed))
        r = self.relation(_get(data, "conclusion"))
        witness = data.get("witness", {})
        if not isinstance(witness, dict) or not data.get("witness", True):
            raise Malformed("a witness must be an object with something in it")
        hints = [self.tree(h) for h in _list(data["hints"], "hints", 400)] if "hints" in data else []
        if "hints" in data and not hints:
            raise Malformed("hints must hold something")
        return Step(
            r.left,
            r.relation,
            r.right,
            n,
            rule,
            [_number(p) for p in _list(_get(data, "premises"), "premises")],
            Read(witness),
            _text(data["name"], "name") if "name" in data else "",
            _text(data["reference"], "reference") if "reference" in data else "",
            hints,
        )

    def _well_founded(self) -> None:
        """Numbers rise, premises come before, and every step is needed."""
        seen: set[int] = set()
        last = 0
        for s in self.order:
            if s.n <= last:
                raise Rejected(f"step {s.n} comes after step {last}")
            last = s.n
            if s.premises != sorted(set(s.premises)) or any(p not in seen for p in s.premises):
                raise Rejected(f"step {s.n} rests on a step that is not there, or not before it")
            seen.add(s.n)
        if len(set(self.concluded)) != len(self.concluded) or any(n not in seen for n in self.concluded):
            raise Rejected("a concluding step is not there")
        if not self.strict:
            return
        needed, todo = set(), list(self.concluded)
        by_number = {s.n: s for s in self.order}
        while todo:
            n = todo.pop()
            if n not in needed:
                needed.add(n)
                todo += by_number[n].premises
        for s in self.order:
            if s.n not in needed:
                raise Rejected(f"step {s.n} is not needed")

    # -- checking ---------------------------------------------------------------------------------------------

    def run(self, rules: dict[str, Callable[[Checker, Step], None]]) -> Report:
        """Every step in order, then the conclusion."""
        used = {s.n: self.verify(s, rules) for s in self.order}
        self._conclude()
        if self.strict:
            idle = sorted({n for n, s in self.symbols.items() if s.generic} - self._spoken())
            if idle:
                raise Rejected(f"nothing speaks of {', '.join(idle)[:80]}")
            listed = {n for n in self.laws if n not in self.used_laws}
            said = [Relation(s.left, s.relation, s.right) for s in self.order if s.rule == "assumption"]
            for name, relations in self.assumed.items():
                if name in listed or not (relations or name in self.laws) or any(r not in said for r in relations):
                    raise Rejected(f"the assumption {name!r} is not used as it is listed")
        return self._report(used)

    def verify(self, s: Step, rules: dict[str, Callable[[Checker, Step], None]]) -> tuple[list[int], list[int]]:
        """Verify one step, all before it being verified: the premises and hints that it needed."""
        if s.rule not in rules:
            raise Unknown(f"rule {s.rule} at step {s.n}")
        self._verify(s, rules)
        if self.strict:
            used, hints, divisors = self.used, self.used_hints, self.divisors
            shown = self.shown(s)
            if any(self.tried(less, rules, shown) for less in self.reductions(s)):
                raise Rejected(f"step {s.n} ({s.rule}) carries something that it does not need")
            self.used, self.used_hints, self.divisors = used, hints, divisors
        if self.strict and set(s.premises) != self.used:
            idle = sorted(set(s.premises) - self.used)
            raise Rejected(f"step {s.n} ({s.rule}) does not need its premises {idle}")
        if self.strict and len(s.hints) != len(self.used_hints):
            raise Rejected(f"step {s.n} ({s.rule}) carries hints that it does not need")
        if self.strict and s.witness.unread:
            raise Rejected(f"step {s.n} ({s.rule}) carries a witness that is not read: {sorted(s.witness.unread)}")
        if s.rule not in DISCHARGING:
            s.hypotheses = self.hypotheses(s.premises if self.strict else self.used)
        if s.rule in ("assumption", "cite", "definition"):  # what is granted is granted as something defined
            s.divisors = [*_divisors(s.left), *_divisors(s.right)]
        else:
            proved = {t: rests for t, rests in self.divisors if rests <= self.used}
            s.divisors = [t for t, rests in proved.items() if self.hypotheses(rests) <= s.hypotheses]
        self.steps[s.n] = s
        return sorted(self.used), sorted(self.used_hints)

    def _verify(self, s: Step, rules: dict[str, Callable[[Checker, Step], None]]) -> None:
        self.at(s)
        try:
            self.admit(s)
            rules[s.rule](self, s)
        except Rejected as error:
            raise Rejected(f"step {s.n} ({s.rule}): {error}") from None
        except Unknown as error:
            raise Unknown(f"rule {s.rule} at step {s.n}: {error}") from None
        except Malformed as error:
            raise Malformed(f"step {s.n} ({s.rule}): {error}") from None

    def shown(self, s: Step) -> list[Tree]:
        """What a step that discharges a supposition shows to be non-zero, that supposition aside."""
        if s.rule not in DISCHARGING:
            return []
        proved = {t: rests for t, rests in self.divisors if rests <= self.used}
        return [t for t, rests in proved.items() if self.hypotheses(rests) <= s.hypotheses]

    def tried(self, s: Step, rules: dict[str, Callable[[Checker, Step], None]], shown: list[Tree]) -> bool:
        """Whether a step would be verified, and show ``shown`` to be non-zero; nothing is remembered of it."""
        settled, laws = dict(self.settled), set(self.used_laws)
        try:
            self._verify(s, rules)
        except (Rejected, Malformed, Unknown):
            return False
        finally:
            self.settled, self.used_laws = settled, laws
        return set(shown) <= set(self.shown(s))

    def reductions(self, s: Step) -> Iterator[Step]:
        """The step with one thing less: a premise that no witness names, a hint, an entry of a list of the witness."""
        entries = [e for k, v in dict.items(s.witness) if k in NAMING and isinstance(v, list) for e in v]
        named = {n for n in (e[-1] if isinstance(e, list) and e else e for e in entries) if isinstance(n, int)}
        for p in s.premises:
            if p not in named:
                yield replace(s, premises=[q for q in s.premises if q != p])
        for k in range(len(s.hints)):
            yield replace(s, hints=s.hints[:k] + s.hints[k + 1 :])
        if s.rule == "telescope" and "potential" in dict.keys(s.witness):  # what does not change from term to term
            for less in _without_a_term(dict.get(s.witness, "potential")):
                yield replace(s, witness=Read({**s.witness, "potential": less}))
        for name in LISTS:
            listed = dict.get(s.witness, name, ())
            fixed = {"rewrite": 1, "polynomial": 0, "integral bound": 1}.get(s.rule) if name == "uses" else 0
            if fixed is not None and isinstance(listed, list):
                for k in range(fixed, len(listed)):
                    less = {**s.witness, name: listed[:k] + listed[k + 1 :]}
                    yield replace(s, witness=Read({n: v for n, v in less.items() if n != "cuts" or v}))

    def at(self, s: Step) -> None:
        facts = [self.steps[p] for p in s.premises]
        usable = [(_minus(f), f.relation, f.n) for f in facts if f.relation in (">=", ">", "!=") and not f.matrix]
        # A fact that was verified is defined: what it divides by is not zero.
        usable += [(t, "!=", f.n) for f in facts for t in f.divisors]
        if self.rules:  # what was rewritten by the equations of another step is not known here
            self.rules = []
            self.forget()
            self._memo.clear()
        self.begin(usable, s.hints)
        self.here = s

    def granted(self, facts: list[tuple[Tree, str, int]]) -> None:
        """More that the step at hand may rest on."""
        if facts:
            self.facts = [*self.facts, *facts]
            self._known = None
            self.forget()
            self._memo.clear()

    def hypotheses(self, numbers: Any) -> frozenset[int]:
        return frozenset().union(*(self.steps[n].hypotheses for n in numbers))

    def premise(self, n: Any) -> Step:
        """A step that the step at hand names; it must be among its premises."""
        if not isinstance(n, int) or n not in self.here.premises:
            raise Rejected(f"step {n} is used but is no premise")
        self.used.add(n)
        return self.steps[n]

    def admit(self, s: Step) -> None:
        """Symbols must be declared, and inverses granted by an assumption."""
        for side in (s.left, s.right):
            for name in free(side):
                if name not in self.symbols:
                    raise Rejected(f"unknown symbol {name}")
            for t in nodes(side):
                if isinstance(t, tuple) and t[0] == "inv":
                    self._granted(t[1])

    def _granted(self, t: Tree) -> None:
        for x in nodes(t):
            if isinstance(x, tuple) and x[0] in MATRIX and x[0] in ("mat", "symmat", "matterm"):
                for name, law in self.laws.items():
                    if law["kind"] == "invertible" and (x in law.get("letters", []) or x[1] in law.get("names", [])):
                        self.used_laws.add(name)
                        break
                else:
                    raise Rejected(f"{show(x)} is inverted, but not assumed invertible")

    def law(self, name: Any, *kinds: str) -> dict[str, Any]:
        if not isinstance(name, str) or name not in self.laws:
            raise Rejected(f"no law is assumed under the name {name!r}")
        if self.laws[name]["kind"] not in kinds:
            raise Unknown(f"law of kind {self.laws[name]['kind']}")
        self.used_laws.add(name)
        return self.laws[name]

    def constants(self) -> list[Tree]:
        out = []
        for name, law in self.laws.items():
            if law["kind"] == "constant":
                self.used_laws.add(name)
                out += law.get("letters", [])
        return out

    def _conclude(self) -> None:
        remaining = list(self.propositions)
        for n in self.concluded:
            s = self.steps[n]
            if s.hypotheses:
                raise Rejected(f"step {n} still rests on the suppositions {sorted(s.hypotheses)}")
            self.begin([(t, "!=", n) for t in s.divisors], [])
            self.here = s
            hit = next((p for p in remaining if self.implies(s, p)), None)
            if hit is None:
                raise Rejected(f"step {n} is not what the certificate states")
            remaining.remove(hit)
        if remaining:
            raise Rejected(f"not concluded: {remaining[0].show()}")

    def implies(self, s: Relation, p: Relation) -> bool:
        """Whether a fact is the proposition, or stronger in its relation."""
        strong = {">=": (">=", ">", "=="), ">": (">",), "==": ("==",), "->": ("->",), "!=": ("!=", ">")}
        if s.relation not in strong[p.relation]:
            return False
        if s.left == p.left and s.right == p.right:
            return True
        if s.relation == "->":
            return self.same(s.left, p.left) and self.same(s.right, p.right)
        if any(is_matrix(x) or (isinstance(x, tuple) and x[0] == "ddt") for x in (s.left, p.left)):
            return self.same(s.left, p.left) and self.same(s.right, p.right)
        a, b = self.form(_minus(s)), self.form(_minus(p))
        return not (a - b).num or (s.relation == "==" and not (a + b).num)

    def same(self, a: Tree, b: Tree) -> bool:
        """Equality by normal form of scalars, matrices, or derivatives along a flow."""
        if a == b:
            return True
        if isinstance(a, tuple) and isinstance(b, tuple) and a[0] == b[0] == "ddt":
            return self.same(a[1], b[1])
        if (isinstance(a, tuple) and a[0] == "ddt") or (isinstance(b, tuple) and b[0] == "ddt"):
            return False
        if is_matrix(a) != is_matrix(b):
            return (is_matrix(a) and b == 0 and not self.words(a)) or (is_matrix(b) and a == 0 and not self.words(b))
        if is_matrix(a):
            return not self.rewritten(self.difference(a, b))
        return self.equal(a, b)

    def _declared(self) -> list[str]:
        """Domains of the symbols, definitions, and the variables that assumptions speak of."""
        assumed = frozenset().union(
            *(free(s.left) | free(s.right) for s in self.order if s.rule in ("assumption", "cite"))
        )
        said = [(n, s) for n, s in self.symbols.items() if n[0] != "#" and not s.generic]
        lines = [_domain(s) for n, s in said if n not in self.defines or s.low is not None or s.high is not None]
        lines += [f"{name} = {show(value)}" for name, value in self.defines.items()]
        for name, (kind, *_) in self.named.items():
            shape = self.written[name]
            plain = f"{name} is a {'symmetric ' if kind == 'symmat' else ''}{show(shape[0])} x {show(shape[1])} matrix"
            lines += [plain] if name[0] != "#" else []
        return lines + ["for every " + _domain(s) for n, s in self.symbols.items() if s.generic and n in assumed]

    def _report(self, used: dict[int, tuple[list[int], list[int]]]) -> Report:
        rules: dict[str, int] = {}
        by_name: dict[str, list[str]] = {}
        for s in self.order:
            rules[s.rule] = rules.get(s.rule, 0) + 1
            if s.rule == "assumption":
                text = Relation(s.left, s.relation, s.right).show()
                by_name.setdefault(s.name, [])
                if text not in by_name[s.name]:
                    by_name[s.name].append(text)
        for name in sorted(self.used_laws):
            law = self.laws[name]
            words = [
                k + " " + (show(v) if not isinstance(v, list) else ", ".join(map(str, map(_show, v))))
                for k, v in law.items()
                if k != "kind" and v not in (None, [])
            ]
            by_name.setdefault(name, []).insert(0, f"{law['kind']}: " + "; ".join(words))
        return Report(
            self.claim,
            [p.show() for p in self.propositions],
            self._declared(),
            len(self.order),
            rules,
            [f"{s.name} ({s.reference}): {s.show()}" for s in self.order if s.rule == "cite"],
            list(by_name.items()),
            used,
            frozenset(self.used_laws),
            self._spoken(),
            self.digest,
        )

    def _spoken(self) -> frozenset[str]:
        """Symbols of the claim, and all that steps and laws speak of, with their domains."""
        trees = [t for r in (*self.order, *self.propositions) for t in (r.left, r.right)]
        trees += [t for name in self.used_laws for t in _trees(self.laws[name])]
        spoken = {n for n, d in self.symbols.items() if not d.generic}
        todo = set(spoken).union(*map(free, trees), *(t[1:2] for s in self.order for t in _symbols(s.witness)))
        spoken.clear()
        while todo:
            n = todo.pop()
            if n in self.symbols and n not in spoken:
                spoken.add(n)
                ends = (self.symbols[n].low, self.symbols[n].high, self.defines.get(n))
                todo |= {x for e in ends if e is not None for x in free(e)}
        return frozenset(spoken)


def _without_a_term(data: Any) -> Iterator[Any]:
    """An expression as it is in the file, with one term of one sum left out."""
    if not isinstance(data, list):
        return
    if data[:1] == ["+"] and len(data) > 2:
        for k in range(1, len(data)):
            rest = data[:k] + data[k + 1 :]
            yield rest if len(rest) > 2 else rest[1]
    for k, part in enumerate(data):
        for less in _without_a_term(part):
            yield [*data[:k], less, *data[k + 1 :]]


def _trees(v: Any) -> Any:
    """Expressions among the entries of a law."""
    if isinstance(v, (dict, list)) or (isinstance(v, tuple) and v and not isinstance(v[0], str)):
        for x in v.values() if isinstance(v, dict) else v:
            yield from _trees(x)
    elif isinstance(v, tuple):
        yield v


def _symbols(v: Any) -> Any:
    """Symbols named in JSON data."""
    if isinstance(v, list) and len(v) == 2 and v[0] == "sym":
        yield v
    elif isinstance(v, (dict, list)):
        for x in dict.values(v) if isinstance(v, dict) else v:
            yield from _symbols(x)


def _show(v: Any) -> str:
    if isinstance(v, tuple) and v and not isinstance(v[0], str):
        return " -> ".join(show(x) for x in v)
    return v if isinstance(v, str) else show(v)


def _divisors(t: Tree, inside: frozenset[str] = frozenset()) -> list[Tree]:
    """What an expression divides by, but for what speaks of the variables of sums and integrals."""
    if not isinstance(t, tuple):
        return []
    own = t[0] == "^" and not isinstance(t[2], tuple) and t[2] < 0 and not free(t[1]) & inside
    if t[0] in BINDERS:
        inside |= {t[2]}
    return [*([t[1]] if own else []), *(x for a in t[1:] for x in _divisors(a, inside))]


def _minus(r: Relation) -> Tree:
    from .terms import sub

    return sub(r.left, r.right)


def _domain(s: Symbol) -> str:
    left = "(" if s.low is None or s.low_open else "["
    right = ")" if s.high is None or s.high_open else "]"
    low, high = "-oo" if s.low is None else show(s.low), "oo" if s.high is None else show(s.high)
    return f"{s.name} {'integer ' if s.integer else ''}in {left}{low}, {high}{right}"


def digest(data: Any) -> str:
    """SHA-256 of what a certificate is about: statement, domains, definitions, assumptions and cited results."""
    cited = [s for s in data["steps"] if isinstance(s, dict) and s.get("rule") == "cite"]
    granted = [[s.get("name"), s.get("reference"), s.get("conclusion")] for s in cited]
    about = [data.get("claim"), *(data.get(k) for k in STATED), granted]
    text = json.dumps(about, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _only(data: Any, what: str, names: tuple[str, ...]) -> None:
    unknown = sorted(data.keys() - set(names))
    if unknown:
        raise Malformed(f"{what} has entries that mean nothing here: {', '.join(unknown)[:80]}")


def _get(data: Any, name: str) -> Any:
    if not isinstance(data, dict) or name not in data:
        raise Malformed(f"{name!r} is missing")
    return data[name]


def _list(data: Any, what: str, most: int = 100_000) -> list[Any]:
    if not isinstance(data, list) or len(data) > most:
        raise Malformed(f"{what} must be a list (of at most {most} entries)")
    return data


def _text(data: Any, what: str) -> str:
    if not isinstance(data, str) or not data or len(data) > 500:
        raise Malformed(f"{what} must be a text")
    return data


def _number(data: Any) -> int:
    if isinstance(data, bool) or not isinstance(data, int) or not 0 < data < 10**6:
        raise Malformed(f"{str(data)[:20]!r} is no step number")
    return data


def load(path: Path) -> Any:
    """The JSON of a file, within the size limit."""
    try:
        with path.open("rb") as file:  # a device has no size, and may have no end
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise Malformed(f"the file is larger than {MAX_BYTES // 2**20} MiB")
        text = data.decode()
        if sum(map(text.count, ",[{")) > MAX_PARTS:
            raise Malformed(f"the file has more than {MAX_PARTS:,} entries")
        return json.loads(text, parse_constant=_refuse)
    except OSError as error:
        raise Malformed(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, Malformed) else Malformed("not valid JSON") from None


def _refuse(name: str) -> Any:
    raise Malformed(f"{name} is no number")
