"""The verdict on a claim: what its pieces of evidence, and its mutants, add up to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .record import Record
from .result import Outcome, combine, qualify, reservation


@dataclass
class MutantResult:
    """What the evidence said of one mutant.

    ``by`` are the evidence kinds that refuted it; it is ``killed`` when every kind it declares did.
    """

    claim: str
    mutant: str
    killed: bool
    by: list[str]
    declared: list[str]
    evidence: list[Outcome] = field(default_factory=list)

    def verdict(self, kind: str) -> str:
        """What one kind of evidence said of the mutant."""
        return combine([o for o in self.evidence if o.kind == kind])

    @property
    def missed(self) -> list[str]:
        """Kinds that were declared to refute the mutant and did not."""
        return [k for k in self.declared if k not in self.by]

    def plain(self) -> dict[str, Any]:
        return {
            "claim": self.claim,
            "mutant": self.mutant,
            "killed": self.killed,
            "by": self.by,
            "evidence": [o.plain() for o in self.evidence],
        }


@dataclass
class Verdict:
    """A claim's verdict with everything it rests on.

    ``print`` shows it as the command line does, a notebook as a card; `plain` is its entry in a JSON report, `frame`
    a pandas frame of its evidence.

    ``qualifier`` is None unless the claim passes.  ``mutants`` is None unless the run audited them; ``complaints``
    says what the audit found wanting (survivors, kinds of evidence that refute no mutant), ``unaudited`` what it
    could not find out, because evidence could not be carried out, if only at one case of a mutant.  ``trouble``: why
    nothing at all could be.
    """

    record: Record
    evidence: list[Outcome]
    mutants: list[MutantResult] | None = None
    complaints: list[str] = field(default_factory=list)
    unaudited: list[str] = field(default_factory=list)
    trouble: str = ""

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def topic(self) -> str:
        return self.record.topic

    @property
    def reservation(self) -> str:
        """Why evidence that passes throughout does not make the claim pass; empty where it does."""
        if combine(self.evidence) != "pass":
            return ""
        left_out = set(self.record.evidence_kinds) - {o.kind for o in self.evidence}
        if left_out & {"derivation", "worst-case"}:
            return ""  # a partial run by request says nothing of what was left out
        return reservation(self.record.kind, self.evidence, len(self.record.mutants))

    @property
    def verdict(self) -> str:
        if self.trouble:
            return "error"
        return "inconclusive" if self.reservation else combine(self.evidence)

    @property
    def qualifier(self) -> str | None:
        return qualify(self.evidence) if self.verdict == "pass" else None

    @property
    def cited(self) -> list[str]:
        return list(dict.fromkeys(c for o in self.evidence for c in o.cited))

    @property
    def seconds(self) -> float:
        """Computing time of all evidence (and mutants), summed over workers."""
        audited = [o for m in self.mutants or () for o in m.evidence]
        return sum(o.seconds for o in [*self.evidence, *audited])

    def figures(self) -> list[dict[str, Any]]:
        """For the history: each evidence function's verdict, samples, smallest margin and largest quantity/bound."""
        out = []
        for kind, name in dict.fromkeys((o.kind, o.name) for o in self.evidence):
            some = [o for o in self.evidence if (o.kind, o.name) == (kind, name)]
            margins = [o.margin for o in some if o.margin is not None]
            ratios = [o.estimate / o.bound for o in some if o.estimate is not None and o.bound]
            out.append(
                {
                    "kind": kind,
                    "name": name,
                    "verdict": combine(some),
                    "cases": len(some),
                    "samples": sum(o.samples for o in some),
                    "margin": min(margins, default=None),
                    "ratio": max(ratios, default=None),
                }
            )
        return out

    def plain(self) -> dict[str, Any]:
        """The JSON of one claim in ``gdverify.report/1``."""
        one = self.record
        out = {
            "id": one.id,
            "title": one.title,
            "topic": one.topic,
            "paper": one.paper,
            "bibtex": one.bibtex,
            "locator": one.locator,
            "statement": one.statement,
            "decides": one.decides,
            "symbols": one.symbols,
            "assumptions": one.assumptions,
            "defines": one.defines,
            "verdict": self.verdict,
            "qualifier": self.qualifier,
            "evidence": [{**o.plain(), "line": one.line(o.kind, o.name)} for o in self.evidence],
            "declared_mutants": one.mutants,
            "complaints": self.complaints,
            "unaudited": self.unaudited,
            "finding": one.finding,
            "reservation": self.trouble or self.reservation,
            "no_derivation": one.no_derivation,
            "notes": one.notes,
            "source": one.source,
            "seconds": self.seconds,
        }
        if self.mutants is not None:
            out["mutants"] = [m.plain() for m in self.mutants]
        return out

    def frame(self) -> Any:
        """A pandas frame with a row for each piece of evidence at a case.

        Columns: kind, name, verdict, case, estimate, low, high, bound, margin, samples, alpha, seconds, message.

        Raises
        ------
        ImportError
            pandas is not installed
        """
        from .notebook import evidence_rows, frame

        return frame(evidence_rows(self))

    def __repr__(self) -> str:
        from .display import block

        return "\n".join(block(self))

    def _repr_html_(self) -> str:
        from .notebook import card

        return card(self)
