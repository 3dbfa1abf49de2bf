"""`gdverify show`: everything that is written about a claim, and what checking it costs."""

from __future__ import annotations

from typing import Any

from .claim import TIERS, Claim, Evidence
from .discover import Located
from .display import plural, wrapped
from .result import Outcome

_TEXT = " " * 2


def page(located: Located) -> list[str]:
    """A claim for the terminal."""
    claim = located.claim
    paper = claim.paper
    out = [f"{claim.id}  ({claim.decides.kind})", *wrapped(claim.title, _TEXT), ""]
    names = ", ".join(paper.authors)
    identifiers = [f"arXiv {paper.arxiv}" if paper.arxiv else "", f"doi {paper.doi}" if paper.doi else ""]
    source = ", ".join(filter(None, (paper.title, names, str(paper.year or ""), paper.venue or "", *identifiers)))
    out += _section("paper", [source, claim.locator])
    out += _section("statement", [claim.statement, *(f"{p}" for p in claim.decides.propositions())])
    out += _section("symbols", [f"{s}  {d.describe()}{_drawn(d)}" for s, d in claim.symbols.items()])
    out += _section("definitions", [f"{s} = {e}" for s, e in claim.defines.items()])
    out += _section("assumptions", [f"{a.name}:  {a.latex}" if a.latex else a.name for a in claim.assumptions])
    out += _section("evidence", [_cost(claim, e) for e in claim.evidence])
    if not any(e.kind == "derivation" for e in claim.evidence):
        out += _section("no derivation", [claim.no_derivation or "no reason is given"])
    out += _section("mutants", [f"{m.name}  (to be refuted by {', '.join(m.by)})" for m in claim.mutants])
    out += _section("notes", [claim.notes] if claim.notes else [])
    if claim.finding:
        f = claim.finding
        rows = [f"{f.verdict}: {f.published}"]
        rows += [f"counterexample: {f.counterexample}"] if f.counterexample else []
        rows += [f"corrected by {f.corrected_by}"] if f.corrected_by else []
        out += _section("finding", rows)
    if located.source:
        out += _section("file", [located.source.path])
    while out and not out[-1]:
        out.pop()
    return out


def _section(name: str, rows: list[str]) -> list[str]:
    if not rows:
        return []
    out = [name]
    for row in rows:
        out += wrapped(row, _TEXT, "  ")
    return [*out, ""]


def _drawn(domain: Any) -> str:
    return f", drawn from {domain.drawn_from()}" if domain.drawn_from() else ""


def _cost(claim: Claim, evidence: Evidence) -> str:
    if evidence.kind == "derivation":
        return f"derivation {evidence.name}"
    parts = []
    for tier in TIERS:
        cases = len(evidence.draw(claim, tier))
        text = f"{tier} {plural(cases, 'case')}"
        if evidence.kind == "experiment":
            from .experiment.engine import EFFORTS, sample_budget

            samples, _ = sample_budget(claim, evidence, tier)
            text += f" x {samples:,} samples and {EFFORTS[tier].seconds:g} s at most"
        parts.append(text)
    return f"{evidence.kind} {evidence.name}: " + "; ".join(parts)


def latex(located: Located) -> list[str]:
    """A claim as a LaTeX theorem, with the steps of its derivations, which are run."""
    from .latex import theorem
    from .record import record

    claim, outcomes = located.claim, []
    for evidence in claim.evidence:
        if evidence.kind != "derivation":
            continue
        try:
            from .kernel import run_derivation
        except ModuleNotFoundError as missing:
            outcomes.append(Outcome("derivation", evidence.name, "error", message=f"{missing.name} is not installed"))
        else:
            outcomes.append(run_derivation(claim, evidence))
    return theorem({**record(claim, located.source).plain(), "evidence": [o.plain() for o in outcomes]})
