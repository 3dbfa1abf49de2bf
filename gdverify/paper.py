"""What a paper says of its verified claims: a LaTeX table and appendix, made from a report (``gdverify.report/1``).

`fragment` is for ``\\input`` into a paper that loads amsmath, amssymb and longtable; `document` stands alone.  Both are
ASCII and compile with plain pdflatex whatever the text of the claims.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from .claim import Paper
from .latex import Entry, assumption, definition, derivations, display, formula, source, steps
from .result import Outcome
from .textex import code, escape, key

Report = Mapping[str, Any]

_PREAMBLE = r"""\documentclass[10pt]{article}
\usepackage[a4paper,margin=25mm]{geometry}
\usepackage{amsmath,amssymb,longtable}
\usepackage[hidelinks]{hyperref}
\emergencystretch=3em
\allowdisplaybreaks
\title{Verified claims}
\author{gdverify VERSION}
\date{}
\begin{document}
\maketitle"""

_MEANING = r"""Every claim is a statement with evidence of up to three kinds. A \emph{derivation} ends in exactly the
statement, from the assumptions listed, by steps that a small kernel checks: \emph{proved}, or \emph{proved-modulo}
where some steps are published results, which are named. An \emph{experiment} draws random instances from the regime and
decides at a stated error probability; a claim with no derivation is \emph{tested}. A \emph{worst case} is an exact
rational bound over the whole class of functions at given parameters. \emph{Mutants} are false neighbours of the claim;
one is killed when the same evidence refutes it."""


def fragment(report: Report, *, proofs: bool = False) -> str:
    """Table and appendix for ``\\input``; ``proofs`` prints every step of the derivations."""
    return "\n".join([*_header(report), "", *table(report), "", *appendix(report, proofs=proofs)]) + "\n"


def document(report: Report, *, proofs: bool = False) -> str:
    """A document of its own, with its references: ``pdflatex`` twice, nothing else."""
    version = escape(str(report["run"].get("versions", {}).get("gdverify", "")))
    out = [_PREAMBLE.replace("VERSION", version), _MEANING, "", *_header(report), "", *table(report), ""]
    out += [*appendix(report, proofs=proofs, sections=True), "", *references(report), r"\end{document}"]
    return "\n".join(out) + "\n"


def bibtex(report: Report) -> str:
    """BibTeX of the papers that the claims are from, each once."""
    papers = (_paper(c["paper"]) for c in report["claims"])
    return "\n\n".join(dict.fromkeys(p.bibtex() for p in papers)) + "\n"


def _paper(plain: Entry) -> Paper:
    """The paper itself: the report's own BibTeX may come from anywhere, and BibTeX hands TeX what it is given."""
    known = {f.name: plain[f.name] for f in fields(Paper) if plain.get(f.name) is not None}
    return Paper(**{**known, "authors": tuple(known.get("authors", ()))})


def _header(report: Report) -> list[str]:
    """How the figures came about, in a line of text."""
    run = report["run"]
    said = f"Tier {run['tier']}, seed {run['seed']}"
    alpha = rf"; all experiments together err with probability at most {_number(run['alpha'])}."
    return [rf"\noindent {escape(said)}{alpha}"]


# -- the table -------------------------------------------------------------------------------------------------------

_KINDS = (("derivation", "D"), ("experiment", "E"), ("worst-case", "W"))


def table(report: Report) -> list[str]:
    """One row for each claim: what it says, where it is from, its verdict, and what that rests on."""
    head = r"Claim & Source & Verdict & Evidence & Mutants \\[2pt] \hline\\[-8pt]"
    out = [
        r"{\small",
        r"\begin{longtable}{@{}p{.5\linewidth}lp{.15\linewidth}p{.1\linewidth}l@{}}",
        head,
        r"\endhead",
    ]
    for entry in report["claims"]:
        found = [f"{sum(o['kind'] == kind for o in entry['evidence'])}{letter}" for kind, letter in _KINDS]
        row = [
            rf"\raggedright {escape(entry['title'])} (\ref{{{_label(entry)}}})",
            rf"\cite{{{key(entry['paper']['slug'])}}}",
            escape(_verdict(entry)),
            escape(" ".join(f for f in found if f[0] != "0")),
            escape(_killed(entry)),
        ]
        out.append(" & ".join(row) + r" \\")
    legend = r"D derivations, E cases of experiments, W exact worst cases; mutants killed of all."
    return [*out, r"\hline", r"\end{longtable}", rf"\noindent {legend}\par}}"]


def _verdict(entry: Entry) -> str:
    return entry.get("qualifier") or entry["verdict"]


def _killed(entry: Entry) -> str:
    mutants = entry.get("mutants")
    return "" if mutants is None else f"{sum(m['killed'] for m in mutants)}/{len(mutants)}"


def _label(entry: Entry) -> str:
    return f"claim:{key(entry['id'])}"


# -- the appendix ----------------------------------------------------------------------------------------------------


def appendix(report: Report, *, proofs: bool = False, sections: bool = False) -> list[str]:
    """A subsection for each claim, under a section for each topic if there are several, or if asked for."""
    out: list[str] = []
    topics = list(dict.fromkeys(c.get("topic") or "" for c in report["claims"]))
    for topic in topics:
        if sections or len(topics) > 1:
            out.append(rf"\section{{{escape(topic.replace('_', ' ').capitalize() or 'Other claims')}}}")
        for entry in report["claims"]:
            if (entry.get("topic") or "") == topic:
                out += [*_claim(entry, report["run"], proofs), ""]
    return out


def _claim(entry: Entry, run: Entry, proofs: bool) -> list[str]:
    word = escape(entry["verdict"]) + (f" ({escape(entry['qualifier'])})" if entry.get("qualifier") else "")
    out = [
        rf"\subsection{{{escape(entry['title'])}}}\label{{{_label(entry)}}}",
        rf"\noindent {code(entry['id'])}: \textbf{{{word}}}. From {source(entry)}.",
        *display(entry["statement"]),
    ]
    items = [
        *_list("Where", _symbols(entry)),
        *_list("Definitions", [definition(d) for d in entry["defines"]]),
        *_list("Assumptions", [assumption(a) for a in entry["assumptions"]]),
        *_list("Decided", [f"{escape(entry['decides']['kind'])}: {formula(p)}" for p in entry["decides"]["latex"]]),
        *_evidence(entry, proofs),
        *_mutants(entry),
    ]
    for name in ("reservation", "complaints", "unaudited", "finding", "no_derivation", "notes"):
        items += _remark(name, entry.get(name))
    items.append(r"\item[Reproduce] " + r"\newline ".join(map(code, reproduce(entry, run))))
    return [*out, r"{\small\begin{description}\raggedright\sloppy", *items, r"\end{description}}"]


def _symbols(entry: Entry) -> list[str]:
    rows = []
    for symbol in entry["symbols"]:
        drawn = f", drawn from {symbol['drawn']}" if symbol.get("drawn") else ""
        said = re.sub(r"\boo\b", lambda _: r"\ensuremath{\infty}", escape(symbol["domain"] + drawn))
        rows.append(f"{formula(symbol['latex'])} {said}")
    return rows


def _list(name: str, rows: Sequence[str]) -> list[str]:
    return [rf"\item[{name}] " + "; ".join(rows) + "."] if rows else []


_REMARKS = {
    "reservation": "Undecided", "complaints": "Audit", "unaudited": "Not audited", "no_derivation": "No derivation",
    "notes": "Notes",
}  # fmt: skip


def _remark(name: str, value: Any) -> list[str]:
    if not value:
        return []
    if name == "finding":
        text = f"{value['verdict']}: {value['published']}"
        text += f". Counterexample: {value['counterexample']}" if value["counterexample"] else ""
        text = escape(text) + (f". Corrected by {code(value['corrected_by'])}" if value["corrected_by"] else "")
        return [rf"\item[Finding] {text}."]
    text = escape("; ".join(value) if isinstance(value, list) else value)
    return [rf"\item[{_REMARKS[name]}] {text}"]


def _evidence(entry: Entry, proofs: bool) -> list[str]:
    from .display import evidence_line

    decides = entry["decides"]["kind"]
    groups: dict[tuple[str, str], list[Entry]] = {}
    for outcome in entry["evidence"]:
        groups.setdefault((outcome["kind"], outcome["name"]), []).append(outcome)
    out = []
    for (kind, name), outcomes in groups.items():
        line = evidence_line(kind, [_outcome(o) for o in outcomes], decides)
        out.append(rf"\item[{escape(kind.replace('-', ' ').capitalize())}] {code(name)}: {escape(line)}.")
        cited = dict.fromkeys(c for o in outcomes for c in o["cited"])
        if cited:
            out.append(f"Relies on: {escape('; '.join(cited))}.")
        for o in outcomes:
            if o["verdict"] != "pass" and o["message"]:
                out.append(f"{escape(o['verdict'])}{_case(o)}: {escape(o['message'])}.")
        if kind == "worst-case":
            out += _worst_cases(outcomes)
    if proofs:
        for outcome in derivations(entry):
            out += [rf"\item[Proof] {code(outcome['name'])}:", *steps(outcome)]
    return out


def _outcome(plain: Entry) -> Outcome:
    known = {f.name for f in fields(Outcome)}
    return Outcome.from_plain({k: v for k, v in plain.items() if k in known})


def _case(outcome: Entry) -> str:
    return " at " + escape(", ".join(f"{k}={v}" for k, v in outcome["case"].items())) if outcome["case"] else ""


_ROWS = 20


def _worst_cases(outcomes: Sequence[Entry]) -> list[str]:
    """What is certified for every function of the class, beside what is claimed and what some function attains."""
    rows = []
    for o in outcomes:
        low, high = o["interval"] or (None, None)
        case = escape(", ".join(f"{k}={v}" for k, v in o["case"].items()))
        rows.append(rf"\raggedright {case} & {_number(o['bound'])} & {_number(high)} & {_number(low)}" + r" \\")
    head = r"parameters & claimed at most & certified at most & attained \\[1pt] \hline\\[-8pt]"
    out = []
    for start in range(0, len(rows), _ROWS):  # a tabular does not break over pages
        part = rows[start : start + _ROWS]
        out += [r"\par\smallskip", r"\begin{tabular}{@{}p{.4\linewidth}lll@{}}", head, *part, r"\end{tabular}"]
    return out


def _number(x: Any) -> str:
    """Five significant digits, in math mode."""
    if x is None:
        return "--"
    mantissa, _, exponent = f"{float(x):.5g}".partition("e")
    if not mantissa.lstrip("+-")[:1].isdigit():
        return escape(mantissa)
    power = rf"10^{{{int(exponent)}}}" if exponent else ""
    return f"${power}$" if power and mantissa == "1" else f"${mantissa}" + (rf"\cdot {power}" if power else "") + "$"


def _mutants(entry: Entry) -> list[str]:
    mutants = entry.get("mutants")
    if mutants is None:
        declared = [escape(f"{m['name']} (by {', '.join(m['by'])})") for m in entry.get("declared_mutants", ())]
        return _list("Mutants, not run", declared)
    said = [f"{m['mutant']} ({', '.join(m['by']) or 'survives'})" for m in mutants]
    return [rf"\item[Mutants] {escape(_killed(entry))} killed: {escape('; '.join(said))}."] if said else []


def reproduce(entry: Entry, run: Entry) -> list[str]:
    """Commands that check a claim again, the way the report's run did."""
    place = entry["source"] or {}
    name = entry["id"] if place.get("module") or not place else f"{place['file']}::{entry['id']}"
    words = ["gdverify", "check", name]
    words += ["--audit"] if entry.get("mutants") is not None else []
    words += ["--tier", run["tier"]] if run["tier"] != "smoke" else []
    words += ["--seed", str(run["seed"])] if run["seed"] else []
    out = [shlex.join(words)]
    if any(o["verdict"] == "pass" for o in derivations(entry)):
        file = f"{entry['id']}.json"
        out += [shlex.join(["gdverify", "prove", name, "--export", file]), shlex.join(["gdverify", "recheck", file])]
    return out


# -- references --------------------------------------------------------------------------------------------------------


def references(report: Report) -> list[str]:
    """The papers of the claims, by key."""
    papers = {c["paper"]["slug"]: c["paper"] for c in report["claims"]}
    out = [r"\begin{thebibliography}{99}\raggedright"]
    for slug in sorted(papers):
        paper = papers[slug]
        names = [n for n in paper.get("authors", []) if n != "others"]
        who = ", ".join(names) + (" and others" if "others" in paper.get("authors", []) else "")
        said = [f"{escape(who)}." if who else "", rf"\emph{{{escape(paper['title'])}}}."]
        where = [
            paper.get("venue"), str(paper.get("year") or ""), paper.get("arxiv") and f"arXiv:{paper['arxiv']}",
            paper.get("doi") and f"doi:{paper['doi']}",
        ]  # fmt: skip
        said.append(escape(", ".join(filter(None, where))) + ".")
        out.append(rf"\bibitem{{{key(slug)}}} " + " ".join(filter(None, said)))
    return [*out, r"\end{thebibliography}"]
