"""Could the evidence have failed?  Every mutant must be refuted by the kinds of evidence it declares.

`judge` decides this for hand-written mutants; `table` and `mechanical_table` show mutants against evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .claim import EVIDENCE_KINDS, Claim, Mutant
from .result import combine
from .sentences import case_name
from .verdict import MutantResult, Verdict

if TYPE_CHECKING:
    from .mechanical import Row


def killing_kinds(claim: Claim, mutant: Mutant) -> list[str]:
    """Evidence kinds that the mutant declares and the claim has, in order."""
    have = {e.kind for e in claim.evidence}
    return [k for k in EVIDENCE_KINDS if k in mutant.by and k in have]


def judge(verdict: Verdict, results: Sequence[MutantResult]) -> None:
    """Say which evidence killed which mutant, and what the audit of the claim found wanting.

    A kind kills a mutant if its verdict on it is *fail*: a confirmed violation or refutation, or a derivation that
    does not go through.  An error kills nothing, and where it comes beside a kill it is told all the same: a case that
    cannot be run is not what its author takes it for.  A kind that does not accept the claim itself kills nothing
    either, for it might refuse anything.

    Fills in ``verdict.mutants``, ``verdict.complaints`` and ``verdict.unaudited``.
    """
    baseline = {k: combine([o for o in verdict.evidence if o.kind == k]) for k in EVIDENCE_KINDS}
    # Kinds that a run was not asked for (--only) are neither trusted nor blamed.
    have = [k for k in EVIDENCE_KINDS if any(o.kind == k for o in verdict.evidence)]
    complaints: list[str] = []
    unaudited: list[str] = []
    trusted = []
    for kind in have:
        found = baseline[kind]
        if found == "fail" or (kind == "derivation" and found != "pass"):
            text = f"{kind} does not accept the claim itself, so it cannot refute a mutant"
            (complaints if found == "fail" else unaudited).append(text)
        else:
            trusted.append(kind)
    for result in results:
        result.by = [k for k in trusted if result.verdict(k) == "fail"]
        result.killed = bool(result.declared) and not result.missed
        if not result.declared:
            complaints.append(f"mutant {result.mutant!r} declares no kind of evidence that the claim has")
        for kind in result.missed:
            if kind in trusted:
                text = f"mutant {result.mutant!r} survives {kind} ({_reason(result, kind)})"
                (unaudited if result.verdict(kind) == "error" else complaints).append(text)
        unaudited += not_run(result)
    for kind in trusted:
        tried = [r.verdict(kind) for r in results if kind in r.declared]
        if not tried:
            complaints.append(f"{kind} has no mutant to kill")
        elif "fail" not in tried:
            (unaudited if "error" in tried else complaints).append(f"{kind} kills no mutant")
    verdict.mutants = list(results)
    verdict.complaints = complaints
    verdict.unaudited = unaudited


def not_run(result: MutantResult) -> list[str]:
    """What could not be carried out on a mutant that the same kind of evidence refutes elsewhere, a line for each
    evidence function.
    """
    lines = []
    failed = [o for o in result.evidence if o.verdict == "error" and o.kind in result.by]
    for kind, name in dict.fromkeys((o.kind, o.name) for o in failed):
        first, *rest = (o for o in failed if (o.kind, o.name) == (kind, name))
        where = case_name(first.case) or "no case"
        more = f" and {len(rest)} more" if rest else ""
        lines.append(f"mutant {result.mutant!r}: {kind} {name} cannot be run on it (at {where}{more}: {first.message})")
    return lines


def _reason(result: MutantResult, kind: str) -> str:
    verdict = result.verdict(kind)
    message = next((o.message for o in result.evidence if o.kind == kind and o.verdict == verdict and o.message), "")
    return f"{verdict}{': ' + message if message else ''}"


def table(verdicts: Sequence[Verdict]) -> str:
    """Markdown: claims and mutants against kinds of evidence."""
    out = [
        "# Mutants against evidence",
        "",
        "refuted: by this kind of evidence; **survives**: it was declared to refute the mutant, and does not; (other "
        "words): it was not declared to.",
        "",
        "| claim | mutant | " + " | ".join(EVIDENCE_KINDS) + " |",
        "|---|---|" + "---|" * len(EVIDENCE_KINDS),
    ]
    for verdict in verdicts:
        for result in verdict.mutants or ():
            cells = [_cell(result, kind) for kind in EVIDENCE_KINDS]
            out.append(f"| `{verdict.id}` | {_escaped(result.mutant)} | " + " | ".join(cells) + " |")
    found = [m for v in verdicts for m in v.mutants or ()]
    killed = sum(m.killed for m in found)
    out += ["", f"{len(found)} mutants, {killed} killed, {len(found) - killed} survived."]
    complaints = [f"- {v.id}: {c}" for v in verdicts for c in [*v.complaints, *v.unaudited]]
    return "\n".join([*out, *([""] if complaints else []), *complaints]) + "\n"


def _cell(result: MutantResult, kind: str) -> str:
    if kind in result.by:
        return "refuted"
    if not any(o.kind == kind for o in result.evidence):
        return ""
    return "**survives**" if kind in result.declared else f"({result.verdict(kind)})"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def mechanical_lines(rows: Sequence[Row]) -> list[str]:
    """What a terminal shows of one claim's mechanical audit: every change, what sees it, and what the rest means."""
    out = []
    for row in rows:
        said = _seen(row)
        left = _left(row, hidden=("caught", "derivation"))
        out.append(f"{row.where}: {row.change}: " + "; ".join(filter(None, (said, left))))
    return out


def mechanical_table(found: Sequence[tuple[str, Sequence[Row], Sequence[str]]]) -> str:
    """Markdown: the smallest size of each change that each kind of evidence refutes, and what survivors are."""
    from .mechanical import STATUSES

    out = [
        "# Mechanical changes against evidence",
        "",
        "Every constant and exponent of a statement raised and lowered by 1/2, 1/10, 1/100; its inequality reversed; "
        "each assumption dropped, each end of its domains moved out. A column holds the smallest size that this kind "
        "of evidence refutes (yes: a change without a size), - where it was asked and refutes none, nothing where it "
        "was not asked: a change that follows from the statement is not run, and a derivation is asked only at the "
        "smallest size, where nothing else refutes it. Larger sizes than one that is refuted are not run.",
        "",
        *(f"- {word}: {text}" for word, text in STATUSES.items()),
        "",
        "| claim | where | change | "
        + " | ".join(EVIDENCE_KINDS)
        + " | what is not refuted by samples or certificates |",
        "|---|---|---|" + "---|" * len(EVIDENCE_KINDS) + "---|",
    ]
    for claim, rows, _ in found:
        for row in rows:
            cells = [_smallest(row, kind) for kind in EVIDENCE_KINDS]
            where = f"`{claim}` | {_escaped(row.where)} | {_escaped(row.change)}"
            out.append(f"| {where} | " + " | ".join(cells) + f" | {_left(row)} |")
    out += ["", *summary(found)]
    out += [f"- {claim}: {remark}" for claim, _, remarks in found for remark in remarks]
    return "\n".join(out) + "\n"


def summary(found: Sequence[tuple[str, Sequence[Row], Sequence[str]]]) -> list[str]:
    """Counts at a tenth (or at the only size), and the changes that are false and not seen there."""
    counts: dict[str, int] = {}
    blind, unseen = [], []
    for claim, rows, _ in found:
        for row in rows:
            status = row.status.get(TENTH, row.status.get("", "not tried"))
            counts[status] = counts.get(status, 0) + 1
            if status == "unseen":
                unseen.append(f"- {claim}: {row.where}: {row.change}: false, and refuted by nothing")
            elif row.blind:
                unless = ", ".join(sorted(row.caught)) or "nothing"
                blind.append(f"- {claim}: {row.where}: {row.change}: false, not seen by an experiment ({unless} does)")
    total = sum(counts.values())
    said = ", ".join(f"{n} {word}" for word, n in sorted(counts.items(), key=lambda c: -c[1]))
    return [
        f"{total} changes by a tenth (or without a size): {said}.",
        *([""] if unseen or blind else []),
        *unseen,
        *blind,
    ]


TENTH = "1/10"


def _smallest(row: Row, kind: str) -> str:
    if kind in row.caught:
        return row.caught[kind] or "yes"
    return "-" if row.asked.get(kind) else ""


def _seen(row: Row) -> str:
    return ", ".join(f"{kind}{f' from {size}' if size else ''}" for kind, size in row.caught.items())


def _left(row: Row, hidden: Sequence[str] = ("caught",)) -> str:
    """Statuses other than refuted, sizes of the same status together."""
    groups: dict[str, list[str]] = {}
    for size, status in row.status.items():
        if status not in hidden:
            groups.setdefault(status, []).append(size)
    return "; ".join(f"{word} ({', '.join(sizes)})" if any(sizes) else word for word, sizes in groups.items())
