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

    Modifies ``verdict.mutants`` and ``verdict.complaints``.
    """
    claim = verdict.claim
    baseline = {k: combine([o for o in verdict.evidence if o.kind == k]) for k in EVIDENCE_KINDS}
    have = [k for k in EVIDENCE_KINDS if any(e.kind == k for e in claim.evidence)]
    complaints = []
    for kind in have:
        refuses = baseline[kind] == "fail" or (kind == "derivation" and baseline[kind] != "pass")
        if refuses and results:
            complaints.append(f"{kind} does not accept the claim itself, so it cannot refute a mutant")
            have = [k for k in have if k != kind]
    for result in results:
        result.by = [k for k in have if any(o.kind == k and o.verdict == "fail" for o in result.evidence)]
        result.killed = bool(result.declared) and not result.missed
        if not result.declared:
            complaints.append(f"mutant {result.mutant!r} declares no kind of evidence that the claim has")
        elif result.missed:
            reasons = "; ".join(_reason(result, k) for k in result.missed)
            complaints.append(f"mutant {result.mutant!r} survives {reasons}")
    for kind in have:
        if not any(kind in r.by for r in results):
            complaints.append(
                f"{kind} kills no mutant" if results else f"{kind} is not audited: the claim has no mutant"
            )
    verdict.mutants = list(results)
    verdict.complaints = complaints


def _reason(result: MutantResult, kind: str) -> str:
    outcomes = [o for o in result.evidence if o.kind == kind]
    verdict = combine(outcomes)
    message = next((o.message for o in outcomes if o.verdict == verdict and o.message), "")
    return f"{kind} ({verdict}{': ' + message if message else ''})"
