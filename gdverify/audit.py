"""Could the evidence have failed?  Every mutant must be refuted by the kinds of evidence it declares."""

from __future__ import annotations

from collections.abc import Sequence

from .claim import EVIDENCE_KINDS, Claim, Mutant
from .result import combine
from .verdict import MutantResult, Verdict


def killing_kinds(claim: Claim, mutant: Mutant) -> list[str]:
    """Evidence kinds that the mutant declares and the claim has, in order."""
    have = {e.kind for e in claim.evidence}
    return [k for k in EVIDENCE_KINDS if k in mutant.by and k in have]


def judge(verdict: Verdict, results: Sequence[MutantResult]) -> None:
    """Say which evidence killed which mutant, and what the audit of the claim found wanting.

    A kind kills a mutant if its verdict on it is *fail*: a confirmed violation or refutation, or a derivation that
    does not go through.  An error kills nothing.  A kind that does not accept the claim itself kills nothing
    either, for it might refuse anything.

    Fills in ``verdict.mutants``, ``verdict.complaints`` and ``verdict.unaudited``.
    """
    baseline = {k: combine([o for o in verdict.evidence if o.kind == k]) for k in EVIDENCE_KINDS}
    have = [k for k in EVIDENCE_KINDS if any(e.kind == k for e in verdict.claim.evidence)]
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
    for kind in trusted:
        tried = [r.verdict(kind) for r in results if kind in r.declared]
        if not tried:
            complaints.append(f"{kind} has no mutant to kill")
        elif "fail" not in tried:
            (unaudited if "error" in tried else complaints).append(f"{kind} kills no mutant")
    verdict.mutants = list(results)
    verdict.complaints = complaints
    verdict.unaudited = unaudited


def _reason(result: MutantResult, kind: str) -> str:
    verdict = result.verdict(kind)
    message = next((o.message for o in result.evidence if o.kind == kind and o.verdict == verdict and o.message), "")
    return f"{verdict}{': ' + message if message else ''}"
