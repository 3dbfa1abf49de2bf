"""The first page: counts, filters, and the table of all claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..display import plural
from . import words
from .claim_page import fragment, topic_name
from .layout import page, scrolling
from .markup import Markup, el, join, shortened
from .words import Plain, badge, proof_word, surnames

COLUMNS = ("claim", "verdict", "rests on", "decides", "evidence", "mutants killed", "finding")


def by_topic(claims: Sequence[Plain]) -> dict[str, list[int]]:
    """Positions of the claims of each topic, topics in order of appearance."""
    groups: dict[str, list[int]] = {}
    for k, claim in enumerate(claims):
        groups.setdefault(str(claim.get("topic") or ""), []).append(k)
    return groups


def index_page(report: Plain, files: Mapping[int, str]) -> str:
    """The page; ``files`` are the pages by position of the claim."""
    claims: Sequence[Plain] = report["claims"]
    groups = by_topic(claims)
    body = join(
        el("h1", "Verification report"),
        _summary(claims),
        el("p", _run(report.get("run") or {}), class_="run"),
        _filters(claims, groups),
        _table(claims, groups, files),
    )
    return page("gdverify report", body, root="", here="index.html")


def _summary(claims: Sequence[Plain]) -> Markup:
    verdicts = Counter(str(c["verdict"]) for c in claims)
    rests = Counter(str(c["qualifier"]) for c in claims if c.get("qualifier"))
    findings = sum(bool(c.get("finding")) and c["finding"].get("verdict") != "holds" for c in claims)
    mutants = [m for c in claims for m in c.get("mutants") or ()]
    tiles = [_tile(plural(len(claims), "claim"), "#")]
    for verdict in ("pass", "fail", "inconclusive", "error"):
        n = verdicts[verdict]
        if n or verdict in ("pass", "fail"):
            tiles.append(_tile(f"{n} {verdict}", f"#verdict={verdict}", verdict if n else ""))
    tiles += [_tile(f"{rests[q]} {q}", f"#qualifier={q}") for q in words.QUALIFIERS if rests[q]]
    tiles.append(_tile(plural(findings, "finding"), "findings.html"))
    if mutants:
        killed = sum(bool(m.get("killed")) for m in mutants)
        tiles.append(el("li", f"{killed:,} of {plural(len(mutants), 'mutant')} killed"))
    explained = [(el("dt", q), el("dd", meaning)) for q, meaning in words.QUALIFIERS.items()]
    return join(
        el("ul", tiles, class_="tiles"),
        el("details", el("summary", "What a pass rests on"), el("dl", explained)),
    )


def _tile(said: str, href: str, class_: str = "") -> Markup:
    number, rest = said.split(" ", 1)
    return el("li", el("a", el("b", number), f" {rest}", href=href), class_=class_ or None)


def _run(run: Plain) -> str:
    parts = [f"tier {run.get('tier', '?')}", f"seed {run.get('seed', '?')}"]
    parts += [f"family-wise error probability {run['alpha']:g}"] if run.get("alpha") else []
    parts += [str(run[k]) for k in ("device", "host") if run.get(k)]
    parts += [f"{run['started']} to {run['finished']}"] if run.get("started") and run.get("finished") else []
    versions = ", ".join(f"{k} {v}" for k, v in (run.get("versions") or {}).items())
    return shortened(", ".join(parts) + (f". {versions}." if versions else "."), 1000)


def _filters(claims: Sequence[Plain], groups: Mapping[str, Any]) -> Markup:
    """Hidden until the script shows them: without it they would do nothing."""
    kinds = sorted({_kind(c) for c in claims})
    choices = {
        "verdict": ("Verdict", [(v, v) for v in ("pass", "fail", "inconclusive", "error")]),
        "qualifier": ("Rests on", [(q, q) for q in words.QUALIFIERS]),
        "topic": ("Topic", [(t, topic_name(t)) for t in groups]),
        "kind": ("Decides", [(k, k) for k in kinds]),
        "finding": ("Finding", [("any", "any"), *words.FINDINGS.items()]),
    }
    fields = [
        el(
            "label",
            el("span", "Search"),
            el("input", type="search", name="q", placeholder="title, paper, author, …", autocomplete="off"),
        )
    ]
    for name, (label, values) in choices.items():
        options = [el("option", "all", value=""), *(el("option", shown, value=v) for v, shown in values)]
        fields.append(el("label", el("span", label), el("select", options, name=name)))
    clear = el("button", "Show all", type="button", id="clear")
    status = el("p", plural(len(claims), "claim"), id="count", role="status")
    return el("form", fields, clear, status, id="filters", role="search", aria_label="Filter the claims", hidden=True)


def _kind(claim: Plain) -> str:
    return str((claim.get("decides") or {}).get("kind", ""))


def _table(claims: Sequence[Plain], groups: Mapping[str, Sequence[int]], files: Mapping[int, str]) -> Markup:
    head = el("thead", el("tr", [el("th", c, scope="col") for c in COLUMNS]))
    bodies = []
    for topic, members in groups.items():
        name = el("tr", el("th", f"{topic_name(topic)} ({len(members)})", colspan=len(COLUMNS), scope="rowgroup"))
        rows = [_row(claims[k], files[k]) for k in members]
        bodies.append(el("tbody", name, rows, data_topic=topic, id=f"topic-{fragment(topic)}"))
    caption = el("caption", "Claims by topic; each links to its statement and evidence")
    return scrolling(el("table", caption, head, bodies, class_="claims", id="claims"), "Claims")


def _row(claim: Plain, file: str) -> Markup:
    paper = claim.get("paper") or {}
    finding = str((claim.get("finding") or {}).get("verdict", ""))
    counts = Counter(str(e.get("kind")) for e in claim.get("evidence") or ())
    evidence = [f"{words.EVIDENCE.get(k, k)}{f' × {n}' if n > 1 else ''}" for k, n in counts.items()]
    mutants = claim.get("mutants")
    killed = "" if mutants is None else f"{sum(bool(m.get('killed')) for m in mutants)} of {len(mutants)}"
    names = " ".join(map(str, paper.get("authors") or ()))
    return el(
        "tr",
        el(
            "th",
            el("a", shortened(claim["title"], 400), href=file),
            el("small", el("code", claim["id"]), f" {surnames(paper)}, {shortened(claim.get('locator', ''), 200)}"),
            scope="row",
        ),
        el("td", badge(str(claim["verdict"]))),
        el("td", proof_word(claim.get("qualifier"))),
        el("td", _kind(claim)),
        el("td", [(", " if k else "", e) for k, e in enumerate(evidence)]),
        el("td", killed),
        el("td", words.FINDINGS.get(finding, finding)),
        data_verdict=str(claim["verdict"]),
        data_qualifier=claim.get("qualifier") or None,
        data_kind=_kind(claim),
        data_finding=finding or None,
        data_more=shortened(f"{paper.get('title', '')} {names} {paper.get('arxiv') or ''}", 600),
    )
