"""The page of findings: published statements that are false, loose, or miss an assumption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..display import plural
from . import words
from .claim_page import finding_box
from .layout import page
from .markup import Markup, el, join
from .mathml import math
from .papers import citation
from .words import Plain, badge, proof_word

ORDER = ("false-as-stated", "missing-assumption", "loose", "holds")


def findings_page(claims: Sequence[Plain], files: Mapping[int, str], pages: Mapping[str, str]) -> str:
    """Findings by what was found, worst first; ``files`` by position of the claim, ``pages`` by id."""
    parts: list[Markup] = []
    kinds = [*ORDER, *sorted({_kind(c) for c in claims if c.get("finding")} - set(ORDER))]
    for kind in kinds:
        found = [(k, c) for k, c in enumerate(claims) if c.get("finding") and _kind(c) == kind]
        if not found:
            continue
        name = words.FINDINGS.get(kind, kind)
        parts.append(el("h2", f"{name[:1].upper()}{name[1:]} ({len(found)})"))
        parts += [_article(c, files[k], pages) for k, c in found]
    wrong = sum(bool(c.get("finding")) and _kind(c) != "holds" for c in claims)
    lead = (
        f"{plural(wrong, 'published statement')} found to be something else than true as published. Each finding rests "
        "on a claim that was checked in this run; a paper whose words were not read is charged with nothing."
        if wrong
        else "No published statement was found to be false, loose, or to miss an assumption."
    )
    return page("Findings", join(el("h1", "Findings"), el("p", lead), parts), root="", here="findings.html")


def _kind(claim: Plain) -> str:
    return str((claim.get("finding") or {}).get("verdict", ""))


def _article(claim: Plain, file: str, pages: Mapping[str, str]) -> Markup:
    return el(
        "article",
        el("h3", el("a", claim["title"], href=file)),
        el("p", badge(str(claim["verdict"])), " ", proof_word(claim.get("qualifier")), " ", el("code", claim["id"])),
        el("p", citation(claim.get("paper") or {})),
        finding_box(claim, pages, root="", level=4),
        el("p", "The statement that was checked:"),
        math(str(claim.get("statement", "")), block=True),
    )
