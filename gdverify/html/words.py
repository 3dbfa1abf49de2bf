"""How pages word what the report's data name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..display import number
from .markup import Markup, el, join, text

Plain = Mapping[str, Any]

VERDICTS = {"pass": "pass", "fail": "FAIL", "inconclusive": "inconclusive", "error": "error"}
QUALIFIERS = {
    "proved": "a derivation, every step machine-checked, ends in exactly this statement",
    "proved-modulo": "the same, except for the cited results that are listed",
    "tested": "no derivation; experiments and worst cases only",
}
KINDS = {
    "sure-bound": "no instance may exceed the bound",
    "mean-bound": "a bound on a mean",
    "mean-equals": "the value of a mean",
    "probability-bound": "a bound on a probability",
    "rate": "the exponent of a rate",
    "conserved": "a conserved quantity",
    "minimiser": "a minimum and where it is attained",
    "limit-law": "a limit and the rate of convergence to it",
    "identity": "two sides are equal",
    "counterexample": "an instance that violates a published statement",
}
FINDINGS = {
    "false-as-stated": "false as stated",
    "missing-assumption": "missing an assumption",
    "loose": "loose",
    "holds": "holds",
}
EVIDENCE = {"derivation": "derivation", "experiment": "experiment", "worst-case": "worst case"}
_MEASURED = {
    "sure-bound": ("largest quantity", "bound"),
    "mean-bound": ("mean", "claimed at most"),
    "mean-equals": ("mean", "claimed"),
    "probability-bound": ("frequency", "claimed at most"),
    "rate": ("exponent", "claimed"),
    "conserved": ("order of the drift", "claimed"),
    "minimiser": ("lowest value", "claimed minimum"),
    "limit-law": ("measured", "limit"),
    "identity": ("sides differ by (relative)", "at most"),
}


def measured(kind: str) -> tuple[str, str]:
    """Headings of what an experiment measured, and of what it is compared with."""
    return _MEASURED.get(kind, ("measured", "claimed"))


def badge(verdict: str) -> Markup:
    """A verdict, told by its word and not by its colour alone."""
    known = verdict if verdict in VERDICTS else "error"
    return el("span", VERDICTS.get(verdict, verdict), class_=f"badge {known}")


def proof_word(qualifier: str | None) -> Markup | None:
    """What a pass rests on."""
    if not qualifier:
        return None
    return el("span", qualifier, class_=f"rests {qualifier}" if qualifier in QUALIFIERS else "rests")


def value(x: Any, most: int = 80) -> str:
    """A number or a parameter's value, short."""
    if isinstance(x, float):
        return number(x)
    if x is None:
        return ""
    shown = str(x)
    return shown if len(shown) <= most else shown[:most] + "…"


def listed(items: Iterable[str]) -> str:
    items = list(items)
    return ", ".join(items[:-1]) + (" and " if len(items) > 1 else "") + items[-1] if items else ""


_ID = re.compile(r"[a-z0-9-]+\.[A-Za-z0-9-]*[A-Za-z0-9]")


def linked(said: Any, files: Mapping[str, str], *, root: str, here: str = "") -> Markup:
    """Text in which the ids of claims of this report are links; ``files`` are their pages by id."""
    said, parts, end = str(said), [], 0
    for found in _ID.finditer(said):
        name = found[0]
        if name in files and name != here:
            parts += [said[end : found.start()], el("a", name, href=root + files[name])]
            end = found.end()
    return join(parts, text(said[end:]))


def names_of(paper: Plain) -> str:
    """All authors, "and others" as one writes it."""
    names = [str(n) for n in paper.get("authors") or ()]
    return ", ".join(names[:-1]) + " et al." if names[1:] and names[-1] == "others" else ", ".join(names)


def surnames(paper: Plain) -> str:
    """Authors and year, as one cites in running text."""
    last = [_surname(str(n)) for n in paper.get("authors") or ()]
    who = last[0] + " et al." if len(last) > 2 or last[1:] == ["others"] else listed(last)
    year = paper.get("year")
    return " ".join(filter(None, (who or str(paper.get("slug", "")), str(year) if year else "")))


def _surname(name: str) -> str:
    return name.split(",")[0].strip() if "," in name else (name.split() or [""])[-1]


def keys_of(cases: Collection[Plain]) -> list[str]:
    """Names of all parameters of some cases, in order of appearance."""
    return list(dict.fromkeys(k for case in cases for k in case))
