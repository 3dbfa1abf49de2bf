"""The page of one claim: the statement, what it assumes, where it comes from, and all its evidence."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ..display import number, plural, seconds
from . import words
from .figures import shown_figures
from .layout import copyable, page, section, table
from .markup import Markup, el, join, shortened
from .mathml import math
from .papers import citation
from .steps import derivation
from .tables import experiment_table, worst_case_table
from .words import Plain, badge, linked, proof_word

ROOT = "../"
Neighbour = tuple[str, Plain] | None  # file beside this one, claim


def claim_page(
    claim: Plain, run: Plain, files: Mapping[str, str], previous: Neighbour = None, following: Neighbour = None
) -> str:
    """The page as text; ``files`` are the pages of the report's claims by id, relative to the site's folder."""
    here = str(claim["id"])
    say = lambda said: linked(shortened(said, 6000), files, root=ROOT, here=here)
    parts = [
        _statement(claim),
        _symbols(claim),
        _assumptions(claim),
        _derivations(claim, say),
        *_cases(claim, say),
        _mutants(claim, say),
        _notes(claim, say),
        _source(claim),
        _reproduce(claim, run),
    ]
    sections = [(identity, heading, body) for part in parts if part for identity, heading, body in [part]]
    contents = el("ul", [el("li", el("a", heading, href=f"#{identity}")) for identity, heading, _ in sections])
    body = join(
        el("p", el("a", "All claims", href=f"{ROOT}index.html"), " / ", _topic(claim), class_="crumbs"),
        el("h1", claim["title"]),
        el("p", badge(str(claim["verdict"])), " ", proof_word(claim.get("qualifier")), " ", el("code", here)),
        _reservation(claim, say),
        finding_box(claim, files, root=ROOT),
        el("nav", contents, aria_label="On this page", class_="contents"),
        [section(identity, heading, body) for identity, heading, body in sections],
        _neighbours(previous, following),
    )
    return page(f"{here}: {claim['title']}", body, root=ROOT)


Part = tuple[str, str, Any] | None  # id, heading, content


def _topic(claim: Plain) -> Markup:
    topic = str(claim.get("topic") or "")
    return el("a", topic_name(topic), href=f"{ROOT}index.html#topic={fragment(topic)}")


def topic_name(topic: str) -> str:
    return topic.replace("_", " ") or "no topic"


def fragment(said: str) -> str:
    """Text in the part of an address behind the number sign."""
    from urllib.parse import quote

    return quote(said.encode("utf-8", "replace"), safe="")


def _reservation(claim: Plain, say: Any) -> Markup | None:
    rows = [f"undecided: {claim['reservation']}"] if claim.get("reservation") else []
    rows += [f"audit: {c}" for c in claim.get("complaints") or ()]
    rows += [f"not audited: {c}" for c in claim.get("unaudited") or ()]
    rows += [
        f"{e.get('kind')} {e.get('name')}{_at(e)}: {e['verdict']}: {shortened(e.get('message') or 'no message', 600)}"
        for e in _distinct(e for e in claim.get("evidence") or () if e.get("verdict") != "pass")
    ]
    if not rows:
        return None
    return el("div", el("ul", [el("li", say(row)) for row in rows]), class_="box bad", role="note")


def _distinct(entries: Any, most: int = 8) -> list[Plain]:
    """The first outcome for each thing that was said."""
    out: dict[Any, Plain] = {}
    for e in entries:
        out.setdefault((e.get("kind"), e.get("name"), e.get("verdict"), e.get("message")), e)
    return list(out.values())[:most]


def _at(entry: Plain) -> str:
    case = entry.get("case") or {}
    return " at " + ", ".join(f"{k} = {words.value(v)}" for k, v in case.items()) if case else ""


def finding_box(claim: Plain, files: Mapping[str, str], *, root: str, level: int = 2) -> Markup | None:
    """What was found about the published statement."""
    finding = claim.get("finding")
    if not finding:
        return None
    here = str(claim["id"])
    verdict = str(finding.get("verdict", ""))
    rows = [
        ("Published", finding.get("published")),
        ("Counterexample", finding.get("counterexample")),
        ("Corrected by", finding.get("corrected_by")),
    ]
    known = [(k, linked(shortened(v, 6000), files, root=root, here=here)) for k, v in rows if v]
    return el(
        "aside",
        el(f"h{level}", f"Published statement: {words.FINDINGS.get(verdict, verdict)}", id=f"finding-{_slug(here)}"),
        el("dl", [(el("dt", k), el("dd", v)) for k, v in known]),
        class_="box finding",
        aria_labelledby=f"finding-{_slug(here)}",
    )


def _slug(identity: str) -> str:
    return identity.replace(".", "-")


def _statement(claim: Plain) -> Part:
    statement = str(claim.get("statement", ""))
    decides = claim.get("decides") or {}
    kind = str(decides.get("kind", ""))
    propositions = decides.get("latex") or []
    propositions = [propositions] if isinstance(propositions, str) else propositions
    defines = claim.get("defines") or ()
    body = join(
        math(statement, block=True),
        el("details", el("summary", "LaTeX"), copyable(shortened(statement, 20000), "LaTeX of the statement")),
        el("h3", "What is decided") if kind else None,
        el("p", el("b", kind), f": {words.KINDS[kind]}" if kind in words.KINDS else None) if kind else None,
        [math(p, words=True, block=True) for p in propositions],
        el("h3", "Definitions") if defines else None,
        [math(f"{d.get('latex', '')} = {d.get('value', '')}", words=True, block=True) for d in defines],
    )
    return "statement", "Statement", body


def _symbols(claim: Plain) -> Part:
    symbols = claim.get("symbols") or ()
    if not symbols:
        return None
    drawn = any(s.get("drawn") for s in symbols)
    rows = [
        [
            math(s["latex"]) if s.get("latex") else el("code", s.get("name", "")),
            _domain(s.get("domain")),
            *([_domain(s.get("drawn"))] if drawn else []),
        ]
        for s in symbols
    ]
    head = ["symbol", "domain", *(["drawn from"] if drawn else [])]
    caption = "Where the statement holds" + (", and what evidence draws from where that is less" if drawn else "")
    return "symbols", "Symbols", table(caption, head, rows, name="Symbols")


def _domain(said: Any) -> str:
    return re.sub(r"\boo\b", "∞", shortened(said or "", 300))


def _assumptions(claim: Plain) -> Part:
    assumptions = claim.get("assumptions") or ()
    if not assumptions:
        return None
    items = [
        el(
            "li",
            shortened(a.get("name", "")),
            el("div", math(a["latex"], words=True), class_="math") if a.get("latex") else None,
        )
        for a in assumptions
    ]
    return "assumptions", "Assumptions", el("ul", items)


def grouped(claim: Plain, kind: str) -> list[tuple[str, list[Plain]]]:
    """Outcomes of one kind of evidence by the name of its function."""
    groups: dict[str, list[Plain]] = {}
    for e in claim.get("evidence") or ():
        if e.get("kind") == kind:
            groups.setdefault(str(e.get("name", "")), []).append(e)
    return list(groups.items())


def _derivations(claim: Plain, say: Any) -> Part:
    groups = grouped(claim, "derivation")
    if not groups:
        reason = claim.get("no_derivation")
        return ("derivation", "Derivation", el("p", "None: ", say(reason))) if reason else None
    entries = [(name, e) for name, found in groups for e in found]
    parts: list[Any] = []
    for k, (name, entry) in enumerate(entries):
        prefix = "s" if len(entries) == 1 else f"s{k + 1}-"
        parts += [
            el("h3", el("code", name), " ", badge(str(entry.get("verdict")))),
            _line(claim, entry),
            _cited(entry, say),
            derivation(entry, prefix),
        ]
    return "derivation", "Derivation" if len(entries) == 1 else "Derivations", join(parts)


def _cited(entry: Plain, say: Any) -> Markup | None:
    cited = entry.get("cited") or ()
    if not cited:
        return None
    return join(el("p", "It relies on:"), el("ul", [el("li", say(c)) for c in cited]))


def _line(claim: Plain, entry: Plain) -> Markup | None:
    """Where the evidence is written."""
    source, line = claim.get("source") or {}, entry.get("line")
    if not source.get("file"):
        return None
    return el("p", el("code", f"{source['file']}{f':{line}' if line else ''}"), class_="where")


def _cases(claim: Plain, say: Any) -> list[Part]:
    out: list[Part] = []
    for kind, identity, heading, draw in (
        ("experiment", "experiments", "Experiments", experiment_table),
        ("worst-case", "worst-cases", "Exact worst cases", worst_case_table),
    ):
        groups = grouped(claim, kind)
        parts: list[Any] = []
        for name, entries in groups:
            parts += [
                el("h3", el("code", name), " ", badge(_together(entries))),
                _line(claim, entries[0]),
                el("p", _effort(claim, entries)),
                _cited({"cited": list(dict.fromkeys(c for e in entries for c in e.get("cited") or ()))}, say),
                shown_figures(claim, entries),
                draw(claim, name, entries),
            ]
        if parts:
            out.append((identity, heading, join(parts)))
    return out


def _together(entries: Sequence[Plain]) -> str:
    verdicts = {e.get("verdict") for e in entries}
    return next((v for v in ("fail", "error", "inconclusive") if v in verdicts), "pass")


_WITHOUT_TESTS = ("sure-bound", "identity", "minimiser")  # decided by confirmed violations, at no error probability


def _effort(claim: Plain, entries: Sequence[Plain]) -> str:
    """How much was computed, and at which error probability."""
    parts = [plural(len(entries), "case")]
    samples = sum(e.get("samples") or 0 for e in entries)
    parts += [plural(samples, "sample")] if samples else []
    times = [e["seconds"] for e in entries if e.get("seconds") is not None]
    parts += [seconds(sum(times))] if times else []
    tested = str((claim.get("decides") or {}).get("kind")) not in _WITHOUT_TESTS
    alphas = sorted({e["alpha"] for e in entries if tested and e.get("alpha") is not None})
    parts += [f"each test with error probability {number(alphas[-1])}"] if alphas else []
    checked = list(dict.fromkeys(str(c) for e in entries for c in e.get("checked") or ()))
    said = ", ".join(parts) + "."
    return said + (f" Assumptions evaluated on the instances: {shortened('; '.join(checked))}." if checked else "")


def _mutants(claim: Plain, say: Any) -> Part:
    have = {e.get("kind") for e in claim.get("evidence") or ()}
    declared = {m.get("name"): [k for k in m.get("by") or () if k in have] for m in claim.get("declared_mutants") or ()}
    found = claim.get("mutants")
    if found is None:
        if not declared:
            return None
        rows = [[shortened(name), ", ".join(by)] for name, by in declared.items()]
        inner = table("Declared, not run", ["changed", "to be refuted by"], rows, name="Mutants")
    elif not found:
        return None
    else:
        rows = [
            [
                shortened(m.get("mutant", "")),
                el("span", *(("killed",) if m.get("killed") else ("SURVIVES",)), class_=_status(m)),
                ", ".join(m.get("by") or ()) or "nothing",
                ", ".join(k for k in declared.get(m.get("mutant"), ()) if k not in (m.get("by") or ())),
            ]
            for m in found
        ]
        missed = any(row[3] for row in rows)
        head = ["changed", "", "refuted by", *(["declared, but not refuted by"] if missed else [])]
        killed = sum(bool(m.get("killed")) for m in found)
        caption = f"False neighbours of the statement: {killed} of {len(found)} refuted by the same evidence"
        head[1] = "result"
        inner = table(caption, head, rows if missed else [row[:3] for row in rows], name="Mutants")
    return "mutants", "Mutants", inner


def _status(mutant: Plain) -> str:
    return "badge pass" if mutant.get("killed") else "badge fail"


def _notes(claim: Plain, say: Any) -> Part:
    return ("notes", "Notes", el("p", say(claim["notes"]))) if claim.get("notes") else None


def _source(claim: Plain) -> Part:
    paper = claim.get("paper") or {}
    where = claim.get("source") or {}
    body = join(
        el("p", citation(paper)),
        el("p", f"Place: {shortened(claim.get('locator', ''))}"),
        el("p", "Encoded in ", el("code", f"{where['file']}:{where.get('line') or 1}")) if where.get("file") else None,
        el("details", el("summary", "BibTeX"), copyable(claim["bibtex"], "BibTeX")) if claim.get("bibtex") else None,
    )
    return "source", "Source", body


def command(claim: Plain, run: Plain) -> str:
    """What to type to check the claim again."""
    source = claim.get("source") or {}
    name = str(claim["id"])
    if source.get("file") and not source.get("module"):
        name = f"{source['file']}::{name}"
    parts = ["gdverify", "check", name, "--seed", str(run.get("seed", 0)), "--tier", str(run.get("tier", "smoke"))]
    return shlex.join(parts + (["--audit"] if claim.get("mutants") is not None else []))


def _reproduce(claim: Plain, run: Plain) -> Part:
    samples = sum(e.get("samples") or 0 for e in claim.get("evidence") or ())
    used = [plural(samples, "sample")] if samples else []
    used += [f"{seconds(claim['seconds'])} of computing"] if claim.get("seconds") is not None else []
    body = join(
        copyable(command(claim, run), "Command"),
        el("p", "This run used " + ", ".join(used) + (", mutants included." if claim.get("mutants") else "."))
        if used
        else None,
    )
    return "reproduce", "Reproduce", body


def _neighbours(previous: Neighbour, following: Neighbour) -> Markup:
    def link(where: Neighbour, rel: str, sign: str) -> Any:
        if where is None:
            return el("span")
        file, claim = where
        return el("a", f"{sign}: {claim['title']}", href=file, rel=rel)

    return el(
        "nav", link(previous, "prev", "Previous"), link(following, "next", "Next"), class_="pages", aria_label="Claims"
    )
