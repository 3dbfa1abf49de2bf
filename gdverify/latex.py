"""A claim's pieces as LaTeX: statement, assumptions, definitions, derivation.

Every function takes an entry of a report (``gdverify.report/1``), or a piece of one; all of it is somebody's text, so
that nothing reaches a document but through `textex.escape` and `texmath.math`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .texmath import NotMath, math
from .textex import code, escape, key

Entry = Mapping[str, Any]


def formula(source: str) -> str:
    """A formula in a line of text; what is no formula is shown as it is written."""
    try:
        return rf"\({math(source, breakable=True)}\)"
    except NotMath:
        return code(source)


def display(source: str) -> list[str]:
    """A formula in a paragraph of its own, which may run over several lines."""
    try:
        body = rf"\(\displaystyle {math(source, breakable=True)}\)"
    except NotMath:
        body = code(source)
    return [r"\begin{quote}\raggedright", body, r"\end{quote}"]


def assumption(one: Entry) -> str:
    """An assumption: its name, and what it says where it says it in a formula."""
    name, said = escape(one["name"]), one.get("latex") or ""
    if re.sub(r"\\text|\W", "", said) in ("", re.sub(r"\W", "", one["name"])):  # nothing but its name
        return name
    return f"{name}: {formula(said)}"


def definition(one: Entry) -> str:
    return formula(f"{one['latex']} = {one['value']}")


def steps(outcome: Entry) -> list[str]:
    """The steps that the conclusion of a derivation rests on, numbered, each with its rule and what it uses."""
    out = []
    for step in outcome["steps"]:
        if not step.get("needed", True):
            continue
        note, reference = step.get("note") or "", step.get("reference") or ""
        if step["status"] == "proved":
            reason = step["rule"]
        else:
            reason = f"{step['status']}: {note or step['rule']}" + (f" ({reference})" if reference else "")
        if step.get("uses"):
            reason += ", from " + ", ".join(f"({n})" for n in step["uses"])
        out.append(rf"\item[({escape(str(step['n']))})] {formula(step['latex'])} \hfill\emph{{{escape(reason)}}}")
    return [r"\begin{list}{}{\raggedright}", *out, r"\end{list}"] if out else []


def theorem(entry: Entry) -> list[str]:
    """A claim as a theorem with its proofs; the document defines the environments ``theorem`` and ``proof``."""
    out = [rf"\begin{{theorem}}[{{{escape(entry['title'])}; {source(entry)}}}]"]
    if entry["assumptions"]:
        said = [formula(a["latex"]) if a["latex"] else escape(a["name"]) for a in entry["assumptions"]]
        out.append("Assume " + "; ".join(said) + ". Then")
    out += display(entry["statement"])
    if entry["defines"]:
        out.append("where " + ", ".join(map(definition, entry["defines"])) + ".")
    out.append(r"\end{theorem}")
    for outcome in derivations(entry):
        if outcome["verdict"] == "pass":
            out += [r"\begin{proof}", *steps(outcome), r"\end{proof}"]
        else:
            out.append(f"% derivation {outcome['name']}: " + " ".join(outcome["message"].split()))
    return [*out, "", *("% " + line for line in entry["bibtex"].splitlines())]


def source(entry: Entry) -> str:
    """Where a claim is from: citation and place."""
    return rf"\cite{{{key(entry['paper']['slug'])}}}, {escape(entry['locator'])}"


def derivations(entry: Entry) -> Sequence[Entry]:
    return [o for o in entry["evidence"] if o["kind"] == "derivation"]
