"""What of the literature the catalogue covers: each paper of its sources, its claims encoded and planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .bibliography import Bibliography, Scope
from .claim import Paper
from .saved import read_report

SCHEMA = "gdverify.coverage/1"


@dataclass
class Covered:
    """One paper; ``claims`` are the verdicts by id, None where no report was given or it does not hold the claim."""

    paper: Paper
    scope: Scope
    claims: dict[str, str | None] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """``encoded``, ``partly`` (some are still planned), ``planned``, ``nothing`` to check, or only ``used``."""
        if self.claims:
            return "partly" if self.scope.planned else "encoded"
        if not self.scope.family:
            return "used"
        return "nothing" if self.scope.nothing else "planned"

    def plain(self) -> dict[str, Any]:
        return {
            "paper": self.paper.plain(),
            "family": self.scope.family,
            "status": self.status,
            "claims": [{"id": k, "verdict": v} for k, v in self.claims.items()],
            "planned": [f"{self.paper.slug}.{name}" for name in self.scope.planned],
            "nothing": self.scope.nothing,
        }


def verdicts_of(report: str | Path) -> dict[str, str]:
    """Verdicts by claim id (``pass (proved)``, ``fail``, ...) from the JSON of ``gdverify check``.

    Raises
    ------
    UsageError
        the file is no such report, see `read_report`
    """
    data = read_report(report)
    rows = [(c["id"], c["verdict"], c.get("qualifier")) for c in data["claims"]]
    return {i: f"{v} ({q})" if q else v for i, v, q in rows}


def coverage(papers: Bibliography, claims: Sequence[str], verdicts: Mapping[str, str] | None = None) -> list[Covered]:
    """Every paper in the order of the bibliography, with the ``claims`` (ids of the catalogue) that belong to it."""
    found = {slug: Covered(papers[slug], papers.scope(slug)) for slug in papers}
    for claim in sorted(claims):
        slug = claim.split(".")[0]
        if slug in found:
            found[slug].claims[claim] = (verdicts or {}).get(claim)
    return list(found.values())


def disagreements(papers: Bibliography, claims: Sequence[str]) -> list[str]:
    """Where the bibliography and the theorem modules differ; empty if they agree."""
    wrong = []
    by_paper: dict[str, set[str]] = {}
    for claim in claims:
        slug, name = claim.split(".", 1)
        by_paper.setdefault(slug, set()).add(name)
    for slug in sorted(set(by_paper) - set(papers)):
        wrong.append(f"{slug}: has claims, but the bibliography does not know it")
    for slug in papers:
        scope, have = papers.scope(slug), by_paper.get(slug, set())
        for name in sorted(have - set(scope.encoded)):
            wrong.append(f"{slug}.{name}: in a theorem module, but not under encoded")
        for name in sorted(set(scope.encoded) - have):
            wrong.append(f"{slug}.{name}: under encoded, but in no theorem module")
        for name in sorted(set(scope.planned) & (have | set(scope.encoded))):
            wrong.append(f"{slug}.{name}: encoded, and still under planned")
        for name, count in Counter([*scope.encoded, *scope.planned]).items():
            if count > 1 and name not in set(scope.planned) & set(scope.encoded):
                wrong.append(f"{slug}.{name}: listed {count} times")
        if scope.nothing and (have or scope.planned):
            wrong.append(f"{slug}: nothing to check, yet claims are encoded or planned")
        if scope.family and not (have or scope.planned or scope.nothing):
            wrong.append(f"{slug}: neither encoded, nor planned, nor is there a reason")
    return wrong


# -- output ----------------------------------------------------------------------------------------------------------


def summary(rows: Sequence[Covered]) -> str:
    """One line of totals over the papers of the sources."""
    sources = [r for r in rows if r.scope.family]
    count = Counter(r.status for r in sources)
    encoded, planned = sum(len(r.claims) for r in rows), sum(len(r.scope.planned) for r in sources)
    return (
        f"{len(sources)} papers: {count['encoded']} encoded, {count['partly']} in part, {count['planned']} planned, "
        f"{count['nothing']} with nothing to check; {encoded} claims encoded, {planned} planned"
    )


def text(rows: Sequence[Covered]) -> str:
    """For a terminal: papers by family, the claims of each below it."""
    out: list[str] = []
    family = None
    for row in rows:
        if row.scope.family != family:
            family = row.scope.family
            out += ["", (family or "relied on").replace("-", " ")]
        out.append(f"  {row.status:<8} {row.paper.slug}  {_reference(row.paper)}")
        out += [f"             {claim}  {verdict or 'not in a report'}" for claim, verdict in row.claims.items()]
        if row.scope.planned:
            out.append(f"             planned: {', '.join(row.scope.planned)}")
        if row.scope.nothing:
            out.append(f"             {row.scope.nothing}")
    return "\n".join([*out[1:], "", summary(rows)])


def markdown(rows: Sequence[Covered]) -> str:
    """One table per family."""
    out = ["# What of the literature is covered", "", summary(rows) + "."]
    family = None
    for row in rows:
        if row.scope.family != family:
            family = row.scope.family
            title = (family or "relied on").replace("-", " ").capitalize()
            out += ["", f"## {title}", "", "| paper | status | claims |", "| --- | --- | --- |"]
        claims = [f"`{claim}` {verdict or 'not in a report'}" for claim, verdict in row.claims.items()]
        if row.scope.planned:
            claims.append("planned: " + ", ".join(f"`{name}`" for name in row.scope.planned))
        if row.scope.nothing:
            claims.append(row.scope.nothing)
        title = f"{row.paper.title} ({_reference(row.paper)})".replace("|", "\\|")
        out.append(f"| {title} | {row.status} | {'<br>'.join(claims)} |")
    return "\n".join(out) + "\n"


def bibtex(rows: Sequence[Covered]) -> str:
    """All papers as BibTeX."""
    return "\n\n".join(row.paper.bibtex() for row in rows) + "\n"


def plain(rows: Sequence[Covered]) -> dict[str, Any]:
    """JSON of ``gdverify.coverage/1``."""
    return {"schema": SCHEMA, "summary": summary(rows), "papers": [row.plain() for row in rows]}


def _reference(paper: Paper) -> str:
    names = [a.split()[-1] for a in paper.authors if a != "others"]
    who = f"{names[0]} et al." if len(names) > 2 or "others" in paper.authors else " and ".join(names)
    return ", ".join(str(v) for v in (who, paper.year, paper.arxiv and f"arXiv {paper.arxiv}") if v) or paper.title
