"""The page of papers: each with its claims and its BibTeX entry."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ..display import plural
from .layout import copyable, page, section
from .markup import Markup, el, join, shortened
from .words import Plain, badge, names_of, proof_word

_ARXIV = re.compile(r"(?:[a-z-]+(?:\.[A-Z]{2})?/\d{7}|\d{4}\.\d{4,5})(?:v\d+)?")
_DOI = re.compile(r"10\.\d{4,9}/\S+")


def citation(paper: Plain, title: bool = True) -> Markup:
    """A paper in a line, with or without its title, with links where its identifiers are known and well-formed."""
    arxiv, doi = str(paper.get("arxiv") or ""), str(paper.get("doi") or "")
    name = el("cite", shortened(paper.get("title", ""), 500)) if title else ""
    rows: list[Any] = [shortened(names_of(paper), 500).rstrip("."), name]
    rows += [shortened(paper.get("venue") or "", 300), str(paper.get("year") or "")]
    if arxiv:
        known = _ARXIV.fullmatch(arxiv)
        rows.append(_outside(f"https://arxiv.org/abs/{arxiv}", f"arXiv {arxiv}") if known else f"arXiv {arxiv}")
    if doi:
        known = _DOI.fullmatch(doi)
        rows.append(_outside(f"https://doi.org/{quote(doi, safe='/:;().-_')}", f"doi {doi}") if known else f"doi {doi}")
    shown = [r for r in rows if r]
    return join([(part, ". " if k + 1 < len(shown) else "") for k, part in enumerate(shown)])


def _outside(address: str, words: str) -> Markup:
    return el("a", words, href=address, rel="noopener noreferrer external")


def papers_page(claims: Sequence[Plain], files: Mapping[int, str]) -> str:
    """All papers by their slug; ``files`` are the pages by position of the claim."""
    groups: dict[str, list[int]] = {}
    for k, claim in enumerate(claims):
        groups.setdefault(str((claim.get("paper") or {}).get("slug", "")), []).append(k)
    parts = []
    for number, slug in enumerate(sorted(groups), 1):
        members = groups[slug]
        first = claims[members[0]]
        paper = first.get("paper") or {}
        items = [
            el(
                "li",
                badge(str(claims[k]["verdict"])),
                " ",
                proof_word(claims[k].get("qualifier")),
                " ",
                el("a", claims[k]["title"], href=files[k]),
            )
            for k in members
        ]
        bibtex = first.get("bibtex")
        body = [
            el("p", citation(paper, title=False)),
            el("ul", items, class_="plain"),
            el("details", el("summary", "BibTeX"), copyable(bibtex, f"BibTeX of {slug}")) if bibtex else None,
        ]
        parts.append(section(f"paper-{number}", shortened(paper.get("title") or slug, 500), *body))
    content = join(
        el("h1", "Papers"),
        el("p", f"{plural(len(claims), 'claim')} from {plural(len(groups), 'paper')}."),
        parts,
    )
    return page("Papers", content, root="", here="papers.html")
