"""`gdverify check --from`: the claims and settings of a saved report, and what is not as it was.

The report may come from anywhere.  Nothing in it is evaluated, and no path in it is loaded: claims are looked up in the
catalogue and in the files that the user names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from . import digest
from .claim import EVIDENCE_KINDS, TIERS
from .discover import Entry, catalogue, find
from .errors import UsageError
from .settings import LARGEST_SEED

_LONGEST = 1e8  # seconds of a budget


def entries_of_report(data: Mapping[str, Any], patterns: Sequence[str]) -> list[Entry]:
    """The report's claims in its order, from the catalogue and the files, folders and ids in ``patterns``.

    Raises
    ------
    UsageError
        it holds no claims, or one of them is in neither
    """
    if not data["claims"]:
        raise UsageError("the report holds no claims")
    named = {entry.id: entry for entry in find(patterns)} if patterns else {}
    known: dict[str, Entry] | None = None
    out = []
    for claim in data["claims"]:
        found = named.get(claim["id"])
        if found is None:
            known = {entry.id: entry for entry in catalogue()} if known is None else known
            found = known.get(claim["id"])
        if found is None:
            where = str((claim.get("source") or {}).get("file") or "elsewhere")[:200]
            text = f"{claim['id'][:100]} is not in the catalogue (it came from {where}); name the file it is in as well"
            raise UsageError(text)
        out.append(found)
    return out


def settings_of_report(data: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of `gdverify.settings.Settings` that the report records.

    Raises
    ------
    UsageError
        a value that no run has
    """
    from .api import exact_number

    run = data["run"]
    out: dict[str, Any] = {}
    for name in ("tier", "seed", "alpha"):
        if run.get(name) is None:
            raise UsageError(f"the report does not say its {name}")
        out[name] = run[name]
    if out["tier"] not in TIERS:
        raise UsageError(f"the report's tier {out['tier'][:40]!r} is none")
    if not 0 < out["alpha"] < 1:
        raise UsageError(f"the report's alpha {out['alpha']} is not between 0 and 1")
    if not -LARGEST_SEED < out["seed"] < LARGEST_SEED:
        raise UsageError("the report's seed is too long")
    out["budget"] = run.get("budget")
    if out["budget"] is not None and not 0 < out["budget"] <= _LONGEST:
        raise UsageError(f"the report's budget {out['budget']} is no time span")
    overrides: dict[str, int | Fraction] = {}
    for name, value in (run.get("overrides") or {}).items():
        if not isinstance(value, str):
            raise UsageError(f"the report's {name[:40]} is no text")
        overrides[name] = exact_number(f"the report's {name[:40]}", value)
    out["overrides"] = overrides
    out["kinds"] = run.get("kinds")
    if out["kinds"] is not None and not (out["kinds"] and set(out["kinds"]) <= set(EVIDENCE_KINDS)):
        raise UsageError("the report names kinds of evidence that there are not")
    audited = run.get("audit")
    out["audit"] = any(c.get("mutants") is not None for c in data["claims"]) if audited is None else audited
    return out


def differences(data: Mapping[str, Any], entries: Sequence[Entry]) -> list[str]:
    """What is not as it was in that run, a line each: versions, claims' files, settings that it did not record."""
    from .doctor import versions

    out = []
    then, now = data["run"].get("versions") or {}, versions()
    other = [f"{n} {str(then.get(n, 'none'))[:40]}, now {now.get(n, 'none')}" for n in sorted({*then, *now})
             if then.get(n) != now.get(n)]  # fmt: skip
    if other:
        out.append(f"other versions: {'; '.join(other)[:1000]}")
    if "overrides" not in data["run"]:
        out.append("the report records neither --set nor --budget nor --only; it is repeated without them")
    changed = [
        entry.id
        for claim, entry in zip(data["claims"], entries, strict=True)
        if (was := (claim.get("source") or {}).get("sha256")) is not None and digest.of_file(entry.source.path) != was
    ]
    if changed:
        names = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
        out.append(f"the files of these claims have changed: {names}")
    return out
