"""Everything that reports say of a claim, as plain data: made where the claim's module runs, read everywhere else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .printable import cleaned
from .result import check_plain

if TYPE_CHECKING:
    from .claim import Claim
    from .discover import Entry, Source

_RELATIONS = {"<=": r"\le", "<": "<", "==": "=", ">": ">", "->": r"\to"}
Plain = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """One claim as data.  Every field is JSON-ready.

    Parameters
    ----------
    decides : ``kind``; ``latex``, what a derivation must conclude, one string for each proposition; ``quantity`` and
        ``bound`` (also the value, limit or exponent) as LaTeX, where the kind has them
    symbols : ``name``, ``latex``, ``domain``, and ``drawn``: what evidence draws from, where that is less
    assumptions : ``name``, ``latex``
    defines : ``name``, ``latex``, ``value`` (LaTeX)
    evidence : ``kind``, ``name``, ``line`` of the function in its file (None if unknown)
    mutants : ``name``, ``by``
    source : ``file``, ``module``, ``line`` of the claim, ``sha256`` of the file as it was read; None for a claim made
        in this process
    """

    id: str
    title: str
    topic: str
    paper: Plain
    bibtex: str
    locator: str
    statement: str
    decides: Plain
    symbols: Sequence[Plain] = ()
    assumptions: Sequence[Plain] = ()
    defines: Sequence[Plain] = ()
    notes: str = ""
    no_derivation: str = ""
    finding: Plain | None = None
    evidence: Sequence[Plain] = ()
    mutants: Sequence[Plain] = ()
    source: Plain | None = None

    @property
    def kind(self) -> str:
        """The decision kind."""
        return self.decides["kind"]

    @property
    def evidence_kinds(self) -> list[str]:
        """Kinds of evidence that the claim has, in order."""
        return list(dict.fromkeys(e["kind"] for e in self.evidence))

    def line(self, kind: str, name: str) -> int | None:
        """The line of an evidence function."""
        return next((e["line"] for e in self.evidence if (e["kind"], e["name"]) == (kind, name)), None)

    def plain(self) -> Plain:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_plain(cls, data: Mapping[str, Any]) -> Record:
        """Raises one of `gdverify.result.NONSENSE` if this is no record."""
        check_plain(data)
        out = cls(**cleaned(dict(data)))
        texts = (out.id, out.title, out.topic, out.bibtex, out.locator, out.statement, out.notes, out.no_derivation)
        rows = {
            "symbols": ("name", "latex", "domain", "drawn"), "assumptions": ("name", "latex"),
            "defines": ("name", "latex", "value"), "evidence": ("kind", "name"), "mutants": ("name",),
        }  # fmt: skip
        texts += tuple(row[name] for field, names in rows.items() for row in getattr(out, field) for name in names)
        texts += (out.paper["slug"], out.decides["kind"], *(kind for m in out.mutants for kind in m["by"]))
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("what should be text is none")
        if not all(e["line"] is None or type(e["line"]) is int for e in out.evidence):
            raise ValueError("a line is no number")
        if not all(isinstance(m["by"], list) for m in out.mutants):
            raise ValueError("kinds that are no list")
        return out


def record(claim: Claim, source: Source | None = None) -> Record:
    """The record of a claim that came from ``source``."""
    return Record(
        id=claim.id,
        title=claim.title,
        topic=source.topic if source else "",
        paper=claim.paper.plain(),
        bibtex=claim.paper.bibtex(),
        locator=claim.locator,
        statement=claim.statement,
        decides=_decides(claim),
        symbols=[
            {"name": s.name, "latex": _latex(s), "domain": d.describe(), "drawn": d.drawn_from()}
            for s, d in claim.symbols.items()
        ],
        assumptions=[{"name": a.name, "latex": a.latex} for a in claim.assumptions],
        defines=[{"name": str(s), "latex": _latex(s), "value": _latex(e)} for s, e in claim.defines.items()],
        notes=claim.notes,
        no_derivation=claim.no_derivation,
        finding=claim.finding.plain() if claim.finding else None,
        evidence=[{"kind": e.kind, "name": e.name, "line": _line(e.function, source)} for e in claim.evidence],
        mutants=[{"name": m.name, "by": list(m.by)} for m in claim.mutants],
        source=_source(claim.id, source),
    )


def stand_in(entry: Entry) -> Record:
    """What is known of a claim whose module cannot be run."""
    file = {"file": entry.source.path, "module": entry.source.module, "line": None}
    return Record(
        id=entry.id, title=entry.title, topic=entry.topic, paper={"slug": entry.paper, "title": "", "authors": []},
        bibtex="", locator="", statement="", decides={"kind": entry.decides, "latex": []}, source=file,
    )  # fmt: skip


def _decides(claim: Claim) -> Plain:
    decision = claim.decides
    out: Plain = {"kind": decision.kind}
    out["latex"] = [f"{_latex(p.left)} {_RELATIONS[p.relation]} {_latex(p.right)}" for p in decision.propositions()]
    out |= {name: _latex(value) for name, value in decision.expressions().items()}
    return out


def _latex(expr: Any) -> str:
    from .printing import latex

    return latex(expr)


def _line(function: Any, source: Source | None) -> int | None:
    """Line of a function in the claim's file; None if it is written in another."""
    code = getattr(function, "__code__", None)
    if code is None or (source is not None and Path(code.co_filename).resolve() != Path(source.path).resolve()):
        return None
    return code.co_firstlineno


def _source(claim_id: str, source: Source | None) -> Plain | None:
    if source is None:
        return None
    line = None
    try:
        data = Path(source.path).read_bytes()
    except OSError:
        data = b""
    text = data.decode(errors="replace")
    for number, row in enumerate(text.splitlines(), 1):
        if f'"{claim_id}"' in row or f"'{claim_id}'" in row:
            line = number
            break
    return {
        "file": source.path,
        "module": source.module,
        "line": line,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
