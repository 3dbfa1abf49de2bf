"""The claim: one published statement, written once, with everything that speaks of it attached to it.

A `Claim` is a frozen record.  Evidence functions are attached by its decorators `derivation`, `experiment` and
`worst_case`; mutants are the same record with one thing changed, and run the same functions.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from .decision import Decision
from .domain import Case, Domain, draw_cases, told_too_much
from .errors import ClaimError

CLAIM_ID = re.compile(r"^[a-z0-9]+(?:-[a-z0-9]+)*\.[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*$")
EVIDENCE_KINDS = ("derivation", "experiment", "worst-case")
TIERS = ("smoke", "standard", "full")
LAWS = (
    "gaussian", "sphere", "signs", "haar", "unitary", "rotation", "gram-inverse", "gradient-flow", "gradient-descent",
    "initial-value", "constant", "integers", "invertible",
)  # fmt: skip


@dataclass(frozen=True)
class Paper:
    """A source: what is certain of its bibliography, and nothing else."""

    slug: str
    title: str
    authors: tuple[str, ...] = ()
    year: int | None = None
    arxiv: str | None = None
    doi: str | None = None
    venue: str | None = None

    def bibtex(self) -> str:
        """BibTeX entry in ASCII, its title in braces so that styles keep its capitals; identifiers where known."""
        from .textex import escape, key

        def identifier(name: str | None) -> str:
            """As it is, underscores too, but for what TeX would take for something else."""
            return name if name and re.fullmatch(r"[\w./:;()<>-]+", name, re.ASCII) else escape(name or "")

        arxiv, doi = identifier(self.arxiv), identifier(self.doi)
        rows = {
            "title": f"{{{escape(self.title)}}}",
            "author": " and ".join(map(escape, self.authors)) or None,
            "key": None if self.authors else escape(self.title),  # what an entry without authors is sorted by
            "year": escape(str(self.year or "")),
            "journal": escape(self.venue) if self.venue else None,
            "howpublished": f"arXiv:{arxiv}" if arxiv and not self.venue else None,
            "eprint": arxiv,
            "archiveprefix": "arXiv" if arxiv else None,
            "doi": doi,
        }
        body = ",\n".join(f"  {k} = {{{v}}}" for k, v in rows.items() if v)
        return f"@{'article' if self.venue else 'misc'}{{{key(self.slug)},\n{body}\n}}"

    def plain(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if v not in (None, ())} | {"authors": list(self.authors)}


@dataclass(frozen=True)
class Assumption:
    """A named hypothesis of a claim.

    Parameters
    ----------
    name : shown in the report, and the name under which a derivation uses it
    schema : given the objects of one use (points, indices), the SymPy relation ``expr >= 0`` / ``Eq`` it yields;
        a list where one assumption yields several; None for an assumption that is not used by algebra
        (measurability, "trained to convergence")
    latex : how the report prints it
    key : what makes two assumptions the same (by default the name); function classes put their parameters here; one
        that begins with a name of `LAWS` is made by `gdverify.laws` alone, for rules read it
    where : given the same objects, expressions that must be proved >= 0 before the schema may be used: the range of
        its indices, outside which it may be false
    """

    name: str
    schema: Callable[..., Any] | None = field(default=None, compare=False, repr=False)
    latex: str = field(default="", compare=False, repr=False)
    key: tuple[Any, ...] = ()
    where: Callable[..., Any] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.key[:1] and self.key[0] in LAWS and not isinstance(self, Law):
            raise ClaimError(
                f"assumption {self.name!r}: a key that begins with {self.key[0]!r} is that of a law of gdverify.laws"
            )


class Law(Assumption):
    """An assumption of `gdverify.laws`: rules of the kernel read its key."""


@dataclass(frozen=True)
class Finding:
    """What the encoding found about the published statement.

    ``verdict``: ``holds``, ``loose``, ``missing-assumption``, ``false-as-stated``.  Anything but ``holds`` needs
    the published words' place; a paper whose words were not read is charged with nothing.
    """

    verdict: str
    published: str
    counterexample: str = ""
    corrected_by: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in ("holds", "loose", "missing-assumption", "false-as-stated"):
            raise ClaimError(f"finding verdict {self.verdict!r} is not one of holds/loose/missing-assumption/…")

    def plain(self) -> dict[str, str]:
        return dict(self.__dict__)


@dataclass(frozen=True)
class Mutant:
    """A false neighbour of a claim: the claim with one thing changed, which its evidence must refute.

    Parameters
    ----------
    name : what was changed, in words
    decides : fields of the decision replaced, e.g. ``{"bound": R**2/(6*gamma*T)}``
    symbols : domains replaced, by symbol
    defines : definitions replaced, by symbol
    drop : names of assumptions removed
    add : assumptions added (with ``drop``: replaced)
    by : evidence kinds that are declared to kill it; a declared kind that does not is reported as a survivor
    cases : further cases for experiments and worst cases of this mutant (which instance refutes it)
    """

    name: str
    decides: Mapping[str, Any] = field(default_factory=dict)
    symbols: Mapping[Any, Domain] = field(default_factory=dict)
    defines: Mapping[Any, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    add: tuple[Assumption, ...] = ()
    by: tuple[str, ...] = EVIDENCE_KINDS
    cases: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Evidence:
    """An evidence function and what it runs on."""

    kind: str
    name: str
    function: Callable[..., Any]
    cases: tuple[Mapping[str, Any], ...] = ({},)
    options: Mapping[str, Any] = field(default_factory=dict)

    def draw(self, claim: Claim, tier: str, seed: int = 0, overrides: Mapping[str, Any] | None = None) -> list[Case]:
        """The cases of this evidence at a tier, drawn from the claim's regime."""
        inside = {"smoke": 2, "standard": 6, "full": 20}[tier]
        rank = TIERS.index(tier)
        parts = []
        for part in self.cases:
            part = dict(part)
            if TIERS.index(part.pop("tier", "smoke")) <= rank:
                parts.append(part)
        return draw_cases(claim.domains, parts, inside=inside, seed=seed, overrides=overrides)


@dataclass(frozen=True, eq=False)
class Claim:
    """One statement of a paper, decidable.

    Parameters
    ----------
    id : ``paper-slug.claim-name``
    title : one line
    paper : the source
    locator : place in the source, or what the statement is ("abstract; constants derived here")
    statement : LaTeX
    symbols : domain of every symbol of the decision, in an order in which later domains may use earlier symbols
    decides : the decision kind with its expressions
    assumptions : named hypotheses; a derivation can use no other
    defines : named expressions that are part of the statement (a step size, a preconditioner); evidence reads
        them as ``case.name``, the derivation as ``proof.definition(symbol)``
    mutants : false neighbours
    notes : looseness, what is not covered
    no_derivation : the written reason why a catalogue claim has no derivation
    finding : what was found about the published text
    """

    id: str
    title: str
    paper: Paper
    locator: str
    statement: str
    symbols: Mapping[Any, Domain]
    decides: Decision
    assumptions: Sequence[Assumption] = ()
    defines: Mapping[Any, Any] = field(default_factory=dict)
    mutants: Sequence[Mutant] = ()
    notes: str = ""
    no_derivation: str = ""
    finding: Finding | None = None
    evidence: tuple[Evidence, ...] = ()

    def __post_init__(self) -> None:
        if not CLAIM_ID.fullmatch(self.id):
            raise ClaimError(f"claim id {self.id!r} is not of the form paper-slug.claim-name")
        if not isinstance(self.decides, Decision):
            raise ClaimError(f"{self.id}: decides= must be a decision kind, not {type(self.decides).__name__}")
        for name in ("title", "locator", "statement", "notes", "no_derivation"):
            if not isinstance(getattr(self, name), str):
                raise ClaimError(f"{self.id}: {name} is no text")
        for name in ("title", "locator", "statement"):
            if not getattr(self, name):
                raise ClaimError(f"{self.id}: {name} is empty")
        self._check_symbols()
        self._check_mutants()

    def _check_mutants(self) -> None:
        """A mutant that changes nothing that exists would be found out only when its evidence runs."""
        known = {f.name for f in fields(self.decides)}
        for mutant in self.mutants:
            if not isinstance(mutant, Mutant):
                raise ClaimError(f"{self.id}: mutants= holds {mutant!r}, which is no Mutant")
            strange = [kind for kind in mutant.by if kind not in EVIDENCE_KINDS]
            if strange:
                raise ClaimError(f"{self.id}: mutant {mutant.name!r}: by= names {strange[0]!r}, no kind of evidence")
            for name in mutant.decides:
                if name not in known:
                    kind = type(self.decides).__name__
                    raise ClaimError(
                        f"{self.id}: mutant {mutant.name!r}: {kind} has no {name} (have: {', '.join(sorted(known))})"
                    )

    def _check_symbols(self) -> None:
        from sympy import MatrixSymbol, Symbol

        from .language import Vector

        for s, dom in self.symbols.items():
            if not isinstance(s, Symbol):
                raise ClaimError(f"{self.id}: symbols= is keyed by SymPy symbols; {s!r} is none")
            if not isinstance(dom, Domain):
                raise ClaimError(f"{self.id}: the domain of {s} is not a Domain")
            sure_positive = dom.low is not None and (dom.low_open or dom.low != 0)
            if s.is_positive and not (dom.low is not None and sure_positive and _at_least_zero(dom.low)):
                raise ClaimError(f"{self.id}: {s} is declared positive to SymPy but not by its domain {dom.describe()}")
            if s.is_nonnegative and not (dom.low is not None and _at_least_zero(dom.low)):
                raise ClaimError(f"{self.id}: {s} is nonnegative to SymPy but not by its domain {dom.describe()}")
            if s.is_integer and not dom.integer:
                raise ClaimError(f"{self.id}: {s} is declared integer to SymPy but not by its domain {dom.describe()}")
            unproved = told_too_much(s, _domain_sign(dom), dom.integer)
            if unproved:
                told = ", ".join(unproved)
                raise ClaimError(f"{self.id}: SymPy is told that {s} is {told}, which {dom.describe()} does not say")
        declared = set(self.symbols) | set(self.defines)
        self._check_order()
        for key in ("bound", "value", "limit", "threshold", "exponent"):
            expr = getattr(self.decides, key, None)
            letters = (Vector, MatrixSymbol)  # vectors and matrices: what they are is said by the assumptions
            missing = [s for s in getattr(expr, "free_symbols", ()) if s not in declared and not isinstance(s, letters)]
            if missing and key != "limit":
                names = ", ".join(sorted(s.name for s in missing))
                raise ClaimError(f"{self.id}: {key} uses {names}, with no domain in symbols=")

    def _check_order(self) -> None:
        """Domains refer to symbols declared earlier, definitions to symbols and earlier definitions."""
        from sympy import MatrixSymbol, sympify

        from .language import Vector

        earlier: set[Any] = set()
        for s, dom in self.symbols.items():
            for end in (dom.low, dom.high):
                strange: set[Any] = getattr(end, "free_symbols", set()) - earlier
                if strange:
                    names = ", ".join(sorted(x.name for x in strange))
                    raise ClaimError(f"{self.id}: the domain of {s} refers to {names}, declared later or nowhere")
            earlier.add(s)
        for s, value in self.defines.items():
            strange = {x for x in sympify(value).free_symbols if not isinstance(x, (Vector, MatrixSymbol))} - earlier
            if strange:
                names = ", ".join(sorted(x.name for x in strange))
                raise ClaimError(f"{self.id}: the definition of {s} refers to {names}, declared later or nowhere")
            earlier.add(s)

    # -- evidence ---------------------------------------------------------------------------------------------

    def derivation(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Attach ``function(proof)``; it must conclude exactly the claim."""
        self._attach(Evidence("derivation", function.__name__, function), parameters=1)
        return function

    def experiment(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        cases: Sequence[Mapping[str, Any]] = ({},),
        **options: Any,
    ) -> Callable[..., Any]:
        """Attach ``simulate(xp, rng, case, size) -> {"quantity": (size,), ...}``.

        ``cases`` are partial assignments; symbols they leave open are drawn from the regime.  A case may carry
        ``tier`` (the lowest tier it runs at) and names of its own (``dimension``, ``family``).  Options:
        ``samples={"smoke": N, ...}`` sample budget per case, ``block`` rows per random block.
        """

        def attach(function: Callable[..., Any]) -> Callable[..., Any]:
            self._attach(Evidence("experiment", function.__name__, function, tuple(cases), options), parameters=4)
            return function

        return attach if function is None else attach(function)

    def worst_case(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        cases: Sequence[Mapping[str, Any]] = ({},),
        **options: Any,
    ) -> Callable[..., Any]:
        """Attach ``function(problem, case)`` that states the performance-estimation problem."""

        def attach(function: Callable[..., Any]) -> Callable[..., Any]:
            self._attach(Evidence("worst-case", function.__name__, function, tuple(cases), options), parameters=2)
            return function

        return attach if function is None else attach(function)

    def _attach(self, evidence: Evidence, parameters: int) -> None:
        positional = [
            p for p in inspect.signature(evidence.function).parameters.values() if p.default is p.empty and p.kind < 2
        ]
        if len(positional) != parameters:
            raise ClaimError(
                f"{self.id}: {evidence.kind} {evidence.name} takes {len(positional)} arguments, not {parameters}"
            )
        if any(e.kind == evidence.kind and e.name == evidence.name for e in self.evidence):
            raise ClaimError(f"{self.id}: two {evidence.kind}s are named {evidence.name}")
        object.__setattr__(self, "evidence", (*self.evidence, evidence))

    # -- views ------------------------------------------------------------------------------------------------

    @property
    def domains(self) -> dict[str, Domain]:
        """Domains by symbol name, in order of declaration."""
        return {s.name: dom for s, dom in self.symbols.items()}

    @property
    def topic_slug(self) -> str:
        return self.id.split(".")[0]

    def mutated(self, mutant: Mutant) -> Claim:
        """This claim with the mutant's change; evidence functions are the same objects."""
        changes: dict[str, Any] = {}
        if mutant.decides:
            changes["decides"] = self.decides.changed(**mutant.decides)
        if mutant.symbols:
            changes["symbols"] = {**self.symbols, **mutant.symbols}
        if mutant.defines:
            changes["defines"] = {**self.defines, **mutant.defines}
        if mutant.drop or mutant.add:
            names = {a.name for a in self.assumptions}
            for name in mutant.drop:
                if name not in names:
                    raise ClaimError(f"{self.id}: mutant {mutant.name!r} drops {name!r}, which is no assumption")
            kept = [a for a in self.assumptions if a.name not in mutant.drop]
            changes["assumptions"] = (*kept, *mutant.add)
        if mutant.cases:
            extra = tuple(mutant.cases)
            changes["evidence"] = tuple(
                e if e.kind == "derivation" else replace(e, cases=(*e.cases, *extra)) for e in self.evidence
            )
        return replace(self, mutants=(), finding=None, **changes)

    def __repr__(self) -> str:
        return f"<Claim {self.id}: {self.decides.kind}>"


def _domain_sign(dom: Domain) -> tuple[int, bool] | None:
    from sympy import sympify

    low, high = sympify(dom.low), sympify(dom.high)
    if low is not None and low.is_nonnegative:
        return (1, bool(dom.low_open or low.is_positive))
    if high is not None and high.is_nonpositive:
        return (-1, bool(dom.high_open or high.is_negative))
    return None


def _at_least_zero(low: Any) -> bool:
    return bool(low >= 0) if not hasattr(low, "free_symbols") else low.is_nonnegative is True
