"""The proof context: where facts are made, recorded, and held against the claim.

Rules live in small files by subject; each makes its Fact through `_record`, the one place that can.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..claim import Assumption, Claim
from ..decision import Proposition
from ..domain import Domain, told_too_much
from ..errors import ProofError
from ..language import (
    AtInfinity,
    DecayExponent,
    GrowthExponent,
    GrowthRatio,
    Inner,
    Mean,
    NormalMean,
    PairMean,
    Prob,
    TimeDerivative,
    Vector,
    is_vector_atom,
    linear_parts,
)  # fmt: skip
from .algebra import check_defined, is_zero
from .fact import _SEAL, Fact, Step
from .matrix import words
from .signs import Signs


class Context:
    """What every rule shares: the claim, the domains, the steps so far."""

    def __init__(self, claim: Claim):
        self.claim = claim
        self.steps: list[Step] = []
        self.concluded: list[Fact] = []
        self.generic: set[Any] = set()
        self.open: dict[int, Fact] = {}
        self._sizes: set[Any] = set()  # proved to be integers >= 0
        self.settled: dict[int, Fact] = {}  # hypotheses of inductions that went through -> what they proved
        domains: dict[Any, Domain] = dict(claim.symbols)
        for s in claim.defines:
            domains.setdefault(s, Domain())
        self.signs = Signs(domains, self._known)
        self.signs.constant = {x for a in claim.assumptions if a.key[:1] == ("constant",) for x in a.key[1]}
        self.signs.integral = {x for a in claim.assumptions if a.key[:1] == ("integers",) for x in a.key[1]}
        self._check_definitions()

    def _check_definitions(self) -> None:
        """Definitions prove what SymPy was told of their symbols; a symbol defined by something random is random."""
        for s, value in self.claim.defines.items():  # in an order in which each refers to earlier ones
            value = sympy.sympify(value)
            if isinstance(value, sympy.MatrixExpr):
                continue
            unproved = told_too_much(s, self.signs.sign(value), self.signs.integer(value))
            if unproved:
                raise ProofError(f"SymPy is told that {s} is {', '.join(unproved)}; {s} == {value} does not prove it")
            if not self._within(value, self.signs.domains[s]):
                self.signs.domains[s] = Domain()  # the definition is what counts
            if not self.signs.deterministic(value):
                self.signs.random.add(s)
            self.signs.forget()
        self.signs.used = set()

    def _within(self, value: Any, dom: Domain) -> bool:
        """Whether a value is proved to lie in a domain."""
        for end, above, strict in ((dom.low, True, dom.low_open), (dom.high, False, dom.high_open)):
            if end is not None:
                gap = value - end if above else end - value
                if not (self.signs.positive(gap) if strict else self.signs.nonnegative(gap)):
                    return False
        return not dom.integer or self.signs.integer(value)

    # -- what is known ----------------------------------------------------------------------------------------

    def _known(self) -> Iterable[tuple[Any, str, int]]:
        for step in self.steps:
            f = step.fact
            if f.relation in (">", ">=", "!=") and all(h in self.open for h in f.hypotheses):
                if not isinstance(f.left, sympy.MatrixExpr):
                    yield f.left - f.right, f.relation, f.number

    def _record(
        self,
        rule: str,
        left: Any,
        relation: str,
        right: Any,
        uses: Iterable[Fact] = (),
        *,
        status: str = "proved",
        note: str = "",
        reference: str = "",
        discharge: Iterable[int] = (),
        witness: dict[str, Any] | None = None,
        defined: bool = False,
    ) -> Fact:
        """Make the fact that a rule has justified.  Signs consulted on the way are added to what it uses.

        ``defined``: the rule has proved that both sides are, so that their denominators need no further proof.
        """
        uses = list(uses)
        for u in uses:
            self._mine(u, discharge)
        left, right = sympy.sympify(left), sympy.sympify(right)
        self._admit(left)
        self._admit(right)
        defined |= status != "proved"  # a hypothesis says that its expressions are defined
        self._check_value(left, defined)
        self._check_value(right, defined)
        numbers = {u.number for u in uses} | self.signs.used
        hypotheses: frozenset[int] = frozenset()
        for n in numbers:
            hypotheses |= self.steps[n - 1].fact.hypotheses
        hypotheses -= frozenset(discharge)
        self.signs.used = set()
        if not hypotheses and _absurd(left, relation, right):
            raise ProofError(f"{left} {relation} {right} follows: what the claim assumes contradicts itself")
        number = len(self.steps) + 1
        fact = Fact(_SEAL, self, left, relation, right, hypotheses, number)
        self.steps.append(
            Step(number, rule, status, fact, tuple(sorted(numbers)), note, reference, dict(witness or {}))
        )
        self.signs.forget()
        return fact

    def _suppose(self, left: Any, relation: str, right: Any, note: str) -> Fact:
        """A hypothesis of a sub-proof; facts that rest on it cannot be concluded until it is discharged."""
        number = len(self.steps) + 1
        self._admit(left)
        self._admit(right)
        fact = Fact(_SEAL, self, left, relation, right, frozenset({number}), number)
        self.open[number] = fact
        self.steps.append(Step(number, "suppose", "assumed", fact, (), note))
        self.signs.forget()
        return fact

    def _mine(self, fact: Fact, discharge: Iterable[int] = ()) -> None:
        if not isinstance(fact, Fact) or fact.proof is not self:
            raise ProofError("a rule was given something that is no fact of this derivation")
        for h in fact.hypotheses:
            if h not in self.open and h not in discharge:
                raise ProofError(f"step {fact.number} rests on a supposition that is no longer open")

    def _admit(self, expr: Any) -> None:
        """Refuse symbols that the claim does not declare: their domain, hence their sign, would be anybody's guess."""
        if expr.atoms(sympy.Float):
            raise ProofError(f"{expr} contains a float: a derivation takes exact numbers only")
        if _free_normal(expr):
            raise ProofError(f"{expr} names the variables of a NormalMean outside of it")
        self._admit_sizes(expr)
        for value in expr.atoms(AppliedUndef):
            told = [k for k in _TOLD if value.is_commutative and getattr(value, f"is_{k}") is not None]
            if told and not (told == ["integer", "rational"] and self.signs.integer(value)):
                raise ProofError(f"SymPy is told more of {value} than that it is real ({told[0]}): assume it instead")
        for inverse in expr.atoms(sympy.Inverse):
            base = inverse.arg.arg if isinstance(inverse.arg, sympy.Transpose) else inverse.arg
            family = getattr(base, "sequence", base)
            granted = [x for a in self.claim.assumptions if a.key[:1] == ("invertible",) for x in a.key[1]]
            if base not in granted and family not in granted:
                raise ProofError(f"inverse of {base}: the claim does not assume it invertible (laws.invertible)")
        for s in expr.free_symbols:
            if isinstance(s, (Vector, sympy.MatrixSymbol)) or s in self.signs.domains:
                continue
            twins = [k for k in self.signs.domains if k.name == s.name]
            hint = " (the claim declares it with other SymPy assumptions)" if twins else ""
            raise ProofError(f"unknown symbol {s}{hint}: declare it in symbols=, or with proof.index / proof.scalar")

    def _admit_sizes(self, expr: Any) -> None:
        """Refuse matrices whose sizes are not proved to be integers >= 0: |I|^2 >= 0 would say so of any number."""
        for m in expr.atoms(sympy.MatrixSymbol, sympy.Identity, sympy.ZeroMatrix):
            for size in m.shape:
                if size in self._sizes or not size.free_symbols <= set(self.signs.domains):
                    continue  # what the claim does not declare cannot come out of a trace
                before, self.signs.used = self.signs.used, set()
                whole = self.signs.integer(size) and self.signs.nonnegative(size)
                used, self.signs.used = self.signs.used, before
                if not whole or any(self.steps[k - 1].fact.hypotheses for k in used):
                    raise ProofError(f"the size {size} of {m} is not proved to be an integer >= 0")
                self._sizes.add(size)

    def _check_value(self, expr: Any, defined: bool = False) -> None:
        """Refuse what is no real number: 1/0, oo, and quotients whose denominator is not proved to be non-zero.

        SymPy cancels such quotients on sight, so that they must not enter a fact at all.
        """
        if expr.has(sympy.zoo, sympy.nan) or expr in (sympy.oo, -sympy.oo) or expr.has(sympy.I):
            raise ProofError(f"{expr} is no real number")
        if not defined:
            limits = bound_symbols(expr) - {k for e in expr.atoms(*_RANGED) for k in e.bound_symbols}
            self._check_parts(expr, set(), limits)

    def _check_parts(self, e: Any, running: set[Any], limits: set[Any], place: Any = None) -> None:
        """Denominators of an expression: in sums and integrals for the whole range of their variables, ``running``.

        Where one may be zero, a value put in might cancel it: 0 (1/0) would be 0 by one rule and 1 by another.  Inside
        a `NormalMean` nothing is put in but for variables of sums around it; ``limits`` are large, or generic.
        """
        if isinstance(e, _RANGED) and all(len(limit) == 3 for limit in e.limits):
            self._check_range(e, running, limits, place)
            return
        if e.is_Pow and (place is not NormalMean or e.free_symbols & running):
            self._check_power(e, limits, quiet=bool(place or running))
        place = type(e) if isinstance(e, (Mean, NormalMean)) else place
        for a in e.args:
            self._check_parts(a, running, limits, place)

    def _check_power(self, power: Any, limits: set[Any], *, quiet: bool) -> None:
        if power.free_symbols & limits or power.exp.is_nonnegative:
            return
        exponent = power.exp.xreplace(dict(self.claim.defines))
        before = set(self.signs.used)
        if not self.signs.nonnegative(exponent) and not self._never_zero(power.base):
            raise ProofError(f"{power.base} is not proved to be non-zero")
        if quiet:  # a step names what it rests on beyond the denominators of its terms
            self.signs.used = before | {k for k in self.signs.used if self.steps[k - 1].fact.hypotheses}

    def _never_zero(self, base: Any) -> bool:
        """Whether a denominator is proved to be non-zero, its running variables counted from either end if need be."""
        if self.signs.nonzero(base):
            return True
        running = [s for s in base.free_symbols if isinstance(s, _Running)]
        for s in running:
            dom = self.signs.domains[s]
            for end, sign in ((dom.low, 1), (dom.high, -1)):
                if end is None:
                    continue
                with self._ranging(0, None, integer=dom.integer, open=dom.low_open) as steps:
                    if self.signs.nonzero(sympy.expand(base.xreplace({s: end + sign * steps}))):
                        return True
        return any(self._known_at(base, s) for s in running)

    def _known_at(self, base: Any, s: Any) -> bool:
        """Whether facts about a generic variable, whose domain holds the range of s, say that base is not zero."""
        dom = self.signs.domains[s]
        tied = {t for f in self.open.values() for t in f.expr.free_symbols}
        for t in self.generic - tied - base.free_symbols:
            own = self.signs.domains[t]
            if own.integer and not dom.integer:
                continue
            gaps = [(own.low, dom.low, own.low_open, 1), (own.high, dom.high, own.high_open, -1)]
            inside = all(
                end is None
                or (mine is not None and self._apart(sign * (mine - end), strict=is_open and not dom.low_open))
                for end, mine, is_open, sign in gaps
            )
            if inside and self._depends_on([t], base) is None and self.signs.nonzero(base.xreplace({s: t})):
                return True
        return False

    def _apart(self, gap: Any, *, strict: bool) -> bool:
        return self.signs.positive(gap) if strict else self.signs.nonnegative(gap)

    @contextlib.contextmanager
    def _ranging(self, low: Any, high: Any, *, integer: bool, open: bool) -> Iterator[Any]:
        """A symbol that runs through a range for a while."""
        symbol = _Running("running", integer=True) if integer else _Running("running", real=True)
        self.signs.domains[symbol] = Domain(low, high, open, open, integer=integer)
        memo, self.signs._memo = self.signs._memo, {}
        try:
            yield symbol
        finally:
            del self.signs.domains[symbol]
            self.signs._memo = memo

    def _check_range(self, e: Any, running: set[Any], limits: set[Any], place: Any) -> None:
        *inner, (k, low, high) = e.limits
        function = e.func(e.function, *inner) if inner else e.function
        for end in (low, high):
            self._check_parts(end, running, limits, place)
        whole = not isinstance(e, sympy.Integral)
        ends = (None if low is -sympy.oo else low, None if high is sympy.oo else high)
        with self._ranging(*ends, integer=whole, open=not whole) as symbol:
            told = told_too_much(k, self.signs.sign(symbol), whole)
            if told:
                raise ProofError(f"SymPy is told that {k} is {', '.join(told)}: its range does not say so")
            self._check_parts(function.xreplace({k: symbol}), {*running, symbol}, limits, place)

    def _check_argument(self, value: Any) -> None:
        """Refuse points, matrices and scalars that are not proved to be real and defined."""
        if not isinstance(value, (sympy.Basic, int)):
            return
        value = sympy.sympify(value)
        if isinstance(value, sympy.MatrixExpr):
            scalars = list(words(value).values())
        else:
            try:
                scalars = list(linear_parts(value).values())
            except ValueError:
                scalars = [value]
        for scalar in scalars:
            check_defined(scalar, self.signs)
            if not self.signs.real(scalar):
                raise ProofError(f"{scalar} is not known to be real")

    def _depends_on(self, symbols: Iterable[Any], *exprs: Any) -> Any:
        """A generic variable of the expressions whose domain changes with one of ``symbols``, or None."""
        symbols = set(symbols)
        for g in {s for e in exprs for s in sympy.sympify(e).free_symbols} & self.generic - symbols:
            todo, seen = [g], set()
            while todo:
                dom = self.signs.domains.get(todo.pop())
                for end in () if dom is None else (dom.low, dom.high):
                    for s in getattr(end, "free_symbols", ()):
                        if s in symbols:
                            return g
                        if s not in seen:
                            seen.add(s)
                            todo.append(s)
        return None

    def _check_untied(self, variable: Any, *exprs: Any) -> None:
        tied = self._depends_on([variable], *exprs)
        if tied is not None:
            raise ProofError(f"the domain of {tied} changes with {variable}")

    def _relation(self, target: Any) -> tuple[Any, str, Any]:
        """``left relation right`` of a SymPy relational or a Proposition, turned so that it reads >=, > or ==."""
        if isinstance(target, Proposition):
            left, relation, right = target.left, target.relation, target.right
        elif isinstance(target, sympy.core.relational.Relational):
            relation = {"Le": "<=", "Lt": "<", "Ge": ">=", "Gt": ">", "Eq": "==", "Ne": "!="}[
                {
                    "LessThan": "Le",
                    "StrictLessThan": "Lt",
                    "GreaterThan": "Ge",
                    "StrictGreaterThan": "Gt",
                    "Equality": "Eq",
                    "Unequality": "Ne",
                }[type(target).__name__]
            ]
            left, right = target.lhs, target.rhs
        elif target in (sympy.true, sympy.false):
            raise ProofError("SymPy evaluated the relation away: pass evaluate=False, or a (left, relation, right)")
        elif isinstance(target, tuple) and len(target) == 3:
            left, relation, right = target
        else:
            left, relation, right = target, ">=", 0
        left, right = sympy.sympify(left), sympy.sympify(right)
        if relation == "<=":
            left, relation, right = right, ">=", left
        if relation == "<":
            left, relation, right = right, ">", left
        return left, relation, right

    # -- declaring --------------------------------------------------------------------------------------------

    def index(self, name: str, low: Any = 0, high: Any = None) -> Any:
        """A generic integer >= low (<= high): facts about it hold for every such integer."""
        low = sympy.sympify(low)
        kind = {"positive": True} if low.is_positive else {"nonnegative": True} if low.is_nonnegative else {}
        symbol = sympy.Symbol(name, integer=True, **kind)
        self._declare(symbol, Domain(low=low, high=high, integer=True))
        return symbol

    def scalar(self, name: str, domain: Domain) -> Any:
        """A generic real of a domain."""
        symbol = sympy.Symbol(name, real=True)
        self._declare(symbol, domain)
        return symbol

    def _declare(self, symbol: Any, domain: Domain) -> None:
        if any(s.name == symbol.name for s in self.signs.domains):
            raise ProofError(f"{symbol.name} is already in use in this derivation")
        self._check_inhabited(symbol, domain)
        self.signs.domains[symbol] = domain
        if any(end is not None and not self.signs.deterministic(end) for end in (domain.low, domain.high)):
            self.signs.random.add(symbol)
        self.generic.add(symbol)
        self.signs.forget()

    def _check_inhabited(self, symbol: Any, dom: Domain) -> None:
        """Everything holds on an empty domain, so what does not name its variable would escape from it."""
        if dom.low is None or dom.high is None:
            return
        low, high = sympy.sympify(dom.low), sympy.sympify(dom.high)
        before, self.signs.used = self.signs.used, set()
        self.signs.forget()
        try:
            if dom.integer and not (self.signs.integer(low) and self.signs.integer(high)):
                raise ProofError(f"{low} and {high}, between which {symbol} runs, are not known to be integers")
            wide = self.signs.positive if dom.low_open or dom.high_open else self.signs.nonnegative
            if not wide(high - low - 1 if dom.integer and (dom.low_open or dom.high_open) else high - low):
                raise ProofError(f"the domain {dom.describe()} of {symbol} is not proved to be non-empty")
            if any(self.steps[k - 1].fact.hypotheses for k in self.signs.used):
                raise ProofError(f"the domain of {symbol} is known to be non-empty in this case alone")
        finally:
            self.signs.used = before
            self.signs.forget()

    # -- facts that the claim grants --------------------------------------------------------------------------

    def assume(self, assumption: Assumption, *args: Any, **kwargs: Any) -> Any:
        """Use a listed assumption at given points; one Fact, or a list where its schema yields several.

        Raises
        ------
        ProofError
            the claim does not list the assumption (a mutant may have dropped it), or the objects are not proved to
            lie where it holds
        """
        listed = next((a for a in self.claim.assumptions if a == assumption), None)
        if listed is None:
            raise ProofError(f"the claim does not assume {assumption.name!r}")
        assumption = listed  # what the claim says, not what an equally named twin would
        if assumption.schema is None:
            raise ProofError(f"{assumption.name!r} has no algebraic form to use")
        for value in (*args, *kwargs.values()):
            self._check_argument(value)
            scalar = isinstance(value, (sympy.Expr, int)) and not isinstance(value, sympy.MatrixExpr)
            if assumption.where is not None and scalar and not self.signs.integer(value):
                raise ProofError(f"{assumption.name!r} is about integers, and {value} is not known to be one")
        for slack in assumption.where(*args, **kwargs) if assumption.where is not None else ():
            if not self.signs.nonnegative(sympy.sympify(slack)):
                raise ProofError(f"{assumption.name!r} holds where {slack} >= 0, which is not proved")
        admitted = set(self.signs.used)
        relations = assumption.schema(*args, **kwargs)
        many = isinstance(relations, (list, tuple))
        facts = []
        for relation in relations if many else [relations]:
            left, sign, right = self._relation(relation)
            self._no_random_argument(assumption, (*args, *kwargs.values()), left, right)
            self._no_capture(assumption, args, kwargs, bound_symbols(left) | bound_symbols(right))
            self.signs.used |= admitted
            facts.append(self._record("assumption", left, sign, right, status="assumed", note=assumption.name))
        return facts if many else facts[0]

    def _no_capture(self, assumption: Assumption, args: Any, kwargs: Any, bound: set[Any]) -> None:
        """Refuse a symbol that is put into a schema with a sum, integral or limit of its own over that symbol."""
        given = {s for v in (*args, *kwargs.values()) for s in getattr(v, "free_symbols", ())}
        fresh = {s: sympy.Dummy(s.name, **s._assumptions_orig) for s in given & bound}
        if not fresh:
            return
        put = lambda v: v.xreplace(fresh) if isinstance(v, sympy.Basic) else v
        again = assumption.schema(*map(put, args), **{k: put(v) for k, v in kwargs.items()})  # type: ignore[misc]
        for relation in again if isinstance(again, (list, tuple)) else [again]:
            left, _, right = self._relation(relation)
            if (bound_symbols(left) | bound_symbols(right)) & set(fresh):
                raise ProofError(f"{assumption.name!r} has a sum or limit over a symbol that is put in")

    def _no_random_argument(self, assumption: Assumption, values: Iterable[Any], *sides: Any) -> None:
        """A schema about means speaks of fixed numbers: E X_i = m for every i says nothing of a random i."""
        inside = [m for side in sides for m in side.atoms(Mean, Prob)]
        for value in values if inside else ():
            if not isinstance(value, sympy.Expr) or isinstance(value, sympy.MatrixExpr) or self._is_vector(value):
                continue
            loose = {x for x in value.atoms(AppliedUndef, Inner, sympy.Symbol) if not self.signs.deterministic(x)}
            if any(m.has(x) for m in inside for x in loose):
                raise ProofError(f"{value} may be random, and {assumption.name!r} is about a mean at a fixed value")

    def _random_part(self, value: Any) -> Any:
        """Something in a value that may be random, or None; variables of sums and generic symbols are not."""
        value = sympy.sympify(value)
        if value.is_Symbol and not is_vector_atom(value):
            return value if value in self.signs.random else None
        if value.is_number or self.signs.deterministic(value):
            return None
        fixed = isinstance(value, AppliedUndef) and value.func in self.signs.constant
        if is_vector_atom(value) or (isinstance(value, (Inner, sympy.Trace, NormalMean, AppliedUndef)) and not fixed):
            return value
        return next((r for r in map(self._random_part, value.args) if r is not None), None if value.args else value)

    def _is_vector(self, value: Any) -> bool:
        try:
            return bool(linear_parts(value))
        except ValueError:
            return False

    def low(self, symbol: Any) -> Fact:
        """symbol - low >= 0 (or > 0), from its domain."""
        dom = self._domain(symbol)
        if dom.low is None:
            raise ProofError(f"{symbol} has no lower end")
        return self._record("domain", symbol, ">" if dom.low_open else ">=", dom.low, status="assumed")

    def high(self, symbol: Any) -> Fact:
        """high - symbol >= 0 (or > 0), from its domain."""
        dom = self._domain(symbol)
        if dom.high is None:
            raise ProofError(f"{symbol} has no upper end")
        return self._record("domain", dom.high, ">" if dom.high_open else ">=", symbol, status="assumed")

    def _domain(self, symbol: Any) -> Domain:
        if symbol not in self.signs.domains:
            raise ProofError(f"unknown symbol {symbol}")
        return self.signs.domains[symbol]

    def definition(self, symbol: Any) -> Fact:
        """symbol == its expression, from the claim's ``defines``."""
        if symbol not in self.claim.defines:
            raise ProofError(f"the claim does not define {symbol}")
        return self._record("definition", symbol, "==", self.claim.defines[symbol], status="assumed")

    def cite(self, name: str, relation: Any, reference: str, uses: Iterable[Fact] = ()) -> Fact:
        """A published result, taken over without proof; it stays marked as cited in everything built on it."""
        if not reference:
            raise ProofError(f"cite {name!r}: a reference is needed")
        left, sign, right = self._relation(relation)
        return self._record("cite", left, sign, right, uses, status="cited", note=name, reference=reference)

    # -- the end ----------------------------------------------------------------------------------------------

    def conclude(self, *facts: Fact) -> None:
        """Hold facts against the claim: one for each of its propositions, coinciding after normalisation.

        Raises
        ------
        ProofError
            a proposition is not among them, or one still rests on a supposition
        """
        remaining = self.claim.decides.propositions()
        if not remaining:
            raise ProofError("this decision states nothing to derive (a Rate needs closed_form=)")
        if self.open:
            raise ProofError("a case or an induction is still open")
        done = []
        for fact in facts:
            self._mine(fact)
            if fact.hypotheses:
                raise ProofError(f"step {fact.number} still rests on a supposition")
            hit = next((p for p in remaining if self._matches(fact, p)), None)
            if hit is None:
                wanted = "; ".join(str(p) for p in remaining)
                raise ProofError(f"the derivation proves {fact}, but the claim states {wanted}")
            remaining.remove(hit)
            done.append(fact)
        if remaining:
            raise ProofError(f"not concluded: {'; '.join(str(p) for p in remaining)}")
        self._not_begged(done)
        self.concluded += done

    def _not_begged(self, facts: list[Fact]) -> None:
        """Refuse a conclusion that rests on an assumption which is the conclusion itself."""
        propositions = self.claim.decides.propositions()
        for n in self._closure(facts):
            step = self.steps[n - 1]
            if step.rule != "assumption" or is_vector_atom(step.fact.left):
                continue  # an equation between vectors states no scalar proposition
            if any(self._matches(step.fact, p) for p in propositions):
                raise ProofError(f"the claim assumes what it states: {step.note!r}")

    def _matches(self, fact: Fact, proposition: Proposition) -> bool:
        left, relation, right = self._relation(proposition)
        self._admit(left)
        self._admit(right)
        for s in (left.free_symbols | right.free_symbols) & self.generic:
            raise ProofError(f"the claim does not declare {s}: put it into symbols=")
        if relation in (">=", ">"):
            allowed = {">=": (">=", ">", "=="), ">": (">",)}[relation]
            if fact.relation not in allowed or any(isinstance(e, sympy.MatrixExpr) for e in (fact.left, fact.right)):
                return False
            return is_zero((left - right) - fact.expr, self.signs) or (
                fact.relation == "==" and is_zero((left - right) + fact.expr, self.signs)
            )
        if relation == "==" and fact.relation == "==":
            if isinstance(left, sympy.MatrixExpr) or isinstance(fact.left, sympy.MatrixExpr):
                return self._same_matrix(left, fact.left) and self._same_matrix(right, fact.right)
            if _opaque(left) or _opaque(fact.left):
                if left != fact.left:
                    return False
                if isinstance(right, sympy.MatrixExpr) or isinstance(fact.right, sympy.MatrixExpr):
                    return self._same_matrix(right, fact.right)
                return is_zero(right - fact.right, self.signs)
            return is_zero((left - right) - fact.expr, self.signs) or is_zero((left - right) + fact.expr, self.signs)
        if relation == "->" and fact.relation == "->":
            return is_zero(left - fact.left, self.signs) and is_zero(right - fact.right, self.signs)
        return False

    def _same_matrix(self, a: Any, b: Any) -> bool:
        if not isinstance(a, sympy.MatrixExpr) or not isinstance(b, sympy.MatrixExpr) or a.shape != b.shape:
            return False
        left, right = words(a), words(b)
        return all(is_zero(left.get(w, 0) - right.get(w, 0), self.signs) for w in {*left, *right})

    def _plug(self, expr: Any, values: Mapping[Any, Any]) -> Any:
        """Substitute values for symbols, refusing capture by the variable of a sum or integral."""
        expr = sympy.sympify(expr)
        if any(_free_normal(sympy.sympify(v)) for v in values.values()):
            raise ProofError("the value names the variables of a NormalMean")
        for m in expr.atoms(Mean, Prob):
            for symbol, value in values.items():
                if m.has(symbol) and symbol not in self.signs.random and self._random_part(value) is not None:
                    raise ProofError(f"{value} may be random, and {symbol} is a constant inside an expectation")
        entering = {s for v in values.values() for s in sympy.sympify(v).free_symbols}
        if bound_symbols(expr) & (entering | set(values)):
            raise ProofError("the value would be captured by the variable of a sum, integral, derivative or limit")
        for symbol, value in values.items():
            for b in expr.atoms(*LIMITS):
                if b.has(symbol):
                    self._free_to_grow(sympy.sympify(value), b.args[1])
            if any(b.has(symbol) for b in expr.atoms(TimeDerivative)) and not getattr(value, "is_Symbol", False):
                raise ProofError(f"a derivative in time at {value}, where what moves may be called constant")
        return expr.subs(dict(values), simultaneous=True)

    def _free_to_grow(self, expr: Any, x: Any) -> None:
        """See the rules of calculus."""
        raise NotImplementedError

    def _bound_variable(self, t: Any, *exprs: Any) -> Any:
        """A name for t inside a sum or integral that occurs nowhere in the expressions."""
        taken = {s.name for e in exprs for s in e.atoms(sympy.Symbol)}
        name = t.name + "'"
        while name in taken:
            name += "'"
        return sympy.Symbol(name, integer=True) if self._domain(t).integer else sympy.Symbol(name, real=True)

    def needed(self) -> set[int]:
        """Numbers of the steps that the conclusion rests on."""
        return self._closure(self.concluded)

    def _closure(self, facts: list[Fact]) -> set[int]:
        todo: list[int] = [f.number for f in facts]
        seen: set[int] = set()
        while todo:
            n = todo.pop()
            if n not in seen:
                seen.add(n)
                todo.extend(self.steps[n - 1].uses)
        return seen


class _Running(sympy.Dummy):
    """The variable of a sum or integral, while its terms are looked at."""

    __slots__ = ()


def _opaque(expr: Any) -> bool:
    """Time derivatives of matrices: compared as they stand."""
    return isinstance(expr, TimeDerivative)


def _free_normal(expr: Any) -> bool:
    """Whether the normal variables of a `NormalMean` occur outside of one."""
    if not expr.has(NormalMean.z):
        return False
    return bool(expr.xreplace(dict.fromkeys(expr.atoms(NormalMean), sympy.S.Zero)).has(NormalMean.z))


BINDERS = (
    sympy.Sum, sympy.Integral, sympy.Product, sympy.Derivative, sympy.Subs, AtInfinity, GrowthExponent, GrowthRatio,
    DecayExponent, PairMean,
)  # fmt: skip
_TOLD = ("positive", "negative", "zero", "nonpositive", "nonnegative", "nonzero", "integer", "rational", "even", "odd")
_RANGED = (sympy.Sum, sympy.Integral, sympy.Product)
LIMITS = (AtInfinity, GrowthExponent, GrowthRatio, DecayExponent)


def bound_symbols(expr: Any) -> set[Any]:
    """Variables of sums, integrals, products, derivatives, limits and means inside an expression."""
    found = {s for b in expr.atoms(sympy.Sum, sympy.Integral, sympy.Product) for s in b.bound_symbols}
    found |= {s for b in expr.atoms(sympy.Derivative, sympy.Subs) for s in b.variables}
    found |= {PairMean.variable} if expr.atoms(PairMean) else set()
    return found | {b.args[1] for b in expr.atoms(*LIMITS)}


def _absurd(left: Any, relation: str, right: Any) -> bool:
    """Whether a relation between rational numbers is false."""
    if not (left.is_Rational and right.is_Rational):
        return False
    return not {">=": left >= right, ">": left > right, "==": left == right, "!=": left != right}.get(relation, True)
