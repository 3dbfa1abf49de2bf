"""What became worse between two reports, and what better.

A *regression* is what a maintainer has to look at before accepting the newer report:

* a claim whose verdict is worse, or that is gone; a pass that rests on less (proved, proved-modulo, tested);
* a piece of evidence whose verdict is worse, or that is gone without another of its kind;
* a derivation that newly cites a result instead of proving it;
* a mutant that no longer dies, a new complaint or a new gap of the audit;
* a margin (the distance to failing) that shrank by more than its noise.

Margins are compared for the same evidence at the same case; those of experiments only between runs of the same seed
and tier, since another seed draws other problem instances at the same case.  Where both runs have a confidence
interval, the margin shrank if the two intervals of the margin are disjoint.  Where there is none (exact worst cases,
the largest quantity/bound over the instances), or the intervals have no width, it shrank if it lost more than a tenth
of itself and more than a hundredth of the bound.  Minimisers, whose lowest value is meant to be attained, and drifts
have no margin.

Everything else that changed (statement, assumptions, cases, new claims) is listed and is no regression.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .result import combine
from .sentences import case_name, clean, decision_kind, line_of, outcome_of

SCHEMA = "gdverify.compare/1"
RELATIVE = 0.1  # of the margin
FLOOR = 0.01  # of the bound
_WIDTH = 1e-9  # of the bound: an interval narrower than this is a number
_RANK = {"fail": 0, "error": 1, "inconclusive": 2, "pass": 3}
_QUALIFIERS = ("tested", "proved-modulo", "proved")
_STATEMENT = ("statement", "decides", "symbols", "assumptions", "defines")

# How far from failing, by decision kind: below the bound, above it, or on it.
_BELOW = ("sure-bound", "mean-bound", "probability-bound", "identity", "rate-at-most")
_ABOVE = ("counterexample",)
_ON = ("mean-equals", "limit-law", "rate")
_LARGEST = ("sure-bound", "identity", "counterexample")  # experiments report a largest value, without an interval

Plain = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One difference.

    Parameters
    ----------
    claim : its id
    kind : ``verdict``, ``qualifier``, ``evidence``, ``cited``, ``margin``, ``mutant``, ``audit``, ``claim``, ...
    text : in words
    what : the evidence with its case, or the mutant
    old, new : verdicts, qualifiers or margins
    """

    claim: str
    kind: str
    text: str
    what: str = ""
    old: Any = None
    new: Any = None

    def plain(self) -> dict[str, Any]:
        far = (float("inf"), float("-inf"))  # a margin between numbers at the ends of the floats; JSON has none
        return {k: None if v in far or v != v else v for k, v in self.__dict__.items()}


@dataclass
class Comparison:
    """Differences by what they mean; ``remarks`` say what could not be compared."""

    regressions: list[Change] = field(default_factory=list)
    improvements: list[Change] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    compared: int = 0

    def exit_code(self) -> int:
        """1 if anything regressed."""
        return 1 if self.regressions else 0

    def plain(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "compared": self.compared,
            "regressions": [c.plain() for c in self.regressions],
            "improvements": [c.plain() for c in self.improvements],
            "changes": [c.plain() for c in self.changes],
            "remarks": self.remarks,
        }


def compare(old: Plain, new: Plain, relative: float = RELATIVE) -> Comparison:
    """Compare two reports ``gdverify.report/1``, the older first; ``relative`` is the share a margin may lose."""
    out = Comparison()
    before = {c["id"]: c for c in old["claims"]}
    after = {c["id"]: c for c in new["claims"]}
    runs = [{k: r["run"].get(k) for k in ("tier", "seed", "device")} for r in (old, new)]
    for name in runs[0]:
        if runs[0][name] != runs[1][name]:
            out.remarks.append(f"the runs differ: {name} {line_of(runs[0][name])}, then {line_of(runs[1][name])}")
    same_draws = all(runs[0][k] == runs[1][k] for k in ("tier", "seed"))
    if not same_draws:
        out.remarks.append("margins of experiments are not compared: another seed or tier draws other instances")
    for claim_id in before:
        if claim_id not in after:
            out.regressions.append(Change(claim_id, "claim", "gone", old=before[claim_id]["verdict"]))
    for claim_id, claim in after.items():
        if claim_id in before:
            out.compared += 1
            _claim(out, before[claim_id], claim, relative, same_draws)
        else:
            text = f"new: {claim['verdict']}" + (f", {claim['qualifier']}" if claim.get("qualifier") else "")
            out.changes.append(Change(claim_id, "claim", text, new=claim["verdict"]))
    kindless = [c for c in after if c in before and not (decision_kind(after[c]) or decision_kind(before[c]))]
    if kindless:
        out.remarks.append(f"{len(kindless)} claims do not name their decision kind: their margins are not compared")
    return out


def _claim(out: Comparison, old: Plain, new: Plain, relative: float, same_draws: bool) -> None:
    claim_id = new["id"]
    _verdicts(out, old, new)
    ranks = [_QUALIFIERS.index(q) if (q := c.get("qualifier")) in _QUALIFIERS else None for c in (old, new)]
    if ranks[0] is not None and ranks[1] is not None and ranks[0] != ranks[1]:
        change = Change(
            claim_id, "qualifier", f"{old['qualifier']}, now {new['qualifier']}",
            old=old["qualifier"], new=new["qualifier"],
        )  # fmt: skip
        (out.regressions if ranks[1] < ranks[0] else out.improvements).append(change)
    _evidence(out, old, new)
    _proofs(out, old, new)
    _mutants(out, old, new)
    _statement(out, old, new)
    for change, worse in _margins(old, new, relative, same_draws):
        (out.regressions if worse else out.improvements).append(change)


def _verdicts(out: Comparison, old: Plain, new: Plain) -> None:
    was, now = old["verdict"], new["verdict"]
    if was == now:
        return
    why = line_of(new.get("reservation") or "", 300)
    text = f"{was}, now {now}" + (f": {why}" if why else "")
    change = Change(new["id"], "verdict", text, old=was, new=now)
    if _RANK[now] < _RANK[was]:
        out.regressions.append(change)
    elif was == "fail" and now != "pass":
        out.changes.append(change)  # no longer refuted, which is not yet better
    else:
        out.improvements.append(change)


def _functions(claim: Plain) -> dict[tuple[str, str], list[Plain]]:
    found: dict[tuple[str, str], list[Plain]] = {}
    for entry in claim["evidence"]:
        found.setdefault((entry["kind"], entry["name"]), []).append(entry)
    return found


def _evidence(out: Comparison, old: Plain, new: Plain) -> None:
    before, after = _functions(old), _functions(new)
    for key, entries in before.items():
        what = " ".join(map(line_of, key))
        if key not in after:
            left = [sum(k[0] == key[0] for k in found) for found in (before, after)]
            change = Change(new["id"], "evidence", f"{what} is gone", what)
            (out.regressions if left[1] < left[0] else out.changes).append(change)
            continue
        was, now = (combine([outcome_of(e) for e in found]) for found in (entries, after[key]))
        if was != now:
            worst = next((e for e in after[key] if e["verdict"] == now), {})
            said = line_of(worst.get("message") or "", 300) if now != "pass" else ""
            case = case_name(worst.get("case") or {}) if now != "pass" else ""
            text = f"{what}: {was}, now {now}" + (f" at {case}" if case else "") + (f": {said}" if said else "")
            change = Change(new["id"], "evidence", text, what, was, now)
            worse = _RANK[now] < _RANK[was]
            better = now == "pass" or (_RANK[now] > _RANK[was] and was != "fail")
            (out.regressions if worse else out.improvements if better else out.changes).append(change)
        if key[0] != "derivation" and len(after[key]) != len(entries):
            text = f"{what}: {len(entries)} cases, now {len(after[key])}"
            out.changes.append(Change(new["id"], "cases", text, what, len(entries), len(after[key])))
    for key in after:
        if key not in before:
            what = " ".join(map(line_of, key))
            out.changes.append(Change(new["id"], "evidence", f"{what} is new", what))


def _proofs(out: Comparison, old: Plain, new: Plain) -> None:
    """Results cited, and assumptions used, that were not before."""
    for name, listed in (("cited", _cited), ("assumption", _used)):
        before, after = listed(old), listed(new)
        if not before[0] or not after[0]:
            continue  # no derivation went through in one of them: the verdict says so
        for text in sorted(after[1] - before[1]):
            said = "the derivation now cites" if name == "cited" else "the derivation now uses"
            change = Change(new["id"], name, f"{said}: {text}", text)
            (out.regressions if name == "cited" else out.changes).append(change)
        for text in sorted(before[1] - after[1]):
            said = "the derivation no longer cites" if name == "cited" else "the derivation no longer uses"
            change = Change(new["id"], name, f"{said}: {text}", text)
            (out.improvements if name == "cited" else out.changes).append(change)


def _derivations(claim: Plain) -> list[Plain]:
    return [e for e in claim["evidence"] if e["kind"] == "derivation" and e["verdict"] == "pass"]


def _cited(claim: Plain) -> tuple[bool, set[str]]:
    found = _derivations(claim)
    return bool(found), {line_of(c, 300) for e in found for c in e.get("cited") or ()}


def _used(claim: Plain) -> tuple[bool, set[str]]:
    found = _derivations(claim)
    steps = [s for e in found for s in e.get("steps") or () if s.get("rule") == "assumption"]
    return bool(found), {line_of(s.get("note") or s.get("conclusion") or "", 300) for s in steps}


def _mutants(out: Comparison, old: Plain, new: Plain) -> None:
    if new["verdict"] == "fail":
        return  # evidence that refuses the claim itself says nothing of its mutants
    if old.get("mutants") is None or new.get("mutants") is None:
        if old.get("mutants") is not None:
            remark = "some claims were audited before and are not now: their mutants are not compared"
            if remark not in out.remarks:
                out.remarks.append(remark)
        return
    before = {m["mutant"]: m for m in old["mutants"]}
    after = {m["mutant"]: m for m in new["mutants"]}
    for name, one in after.items():
        said = f"mutant {line_of(name, 200)!r}"
        was = before.get(name)
        if was is None:
            text = f"{said} is new" + ("" if one["killed"] else ", and survives")
            out.changes.append(Change(new["id"], "mutant", text, name))
        elif was["killed"] != one["killed"]:
            text = f"{said} {'is killed now' if one['killed'] else 'no longer dies'}"
            change = Change(new["id"], "mutant", text, name, was["killed"], one["killed"])
            (out.improvements if one["killed"] else out.regressions).append(change)
        elif lost := [k for k in was.get("by") or () if k not in (one.get("by") or ())]:
            text = f"{said}: {', '.join(map(line_of, lost))} no longer refutes it, others do"
            out.changes.append(Change(new["id"], "mutant", text, name))
    for name in before:
        if name not in after:
            out.changes.append(Change(new["id"], "mutant", f"mutant {line_of(name, 200)!r} is gone", name))
    for key in ("complaints", "unaudited"):
        # What such a line says of numbers may differ from run to run; before the bracket is what it complains of.
        known = {str(c).split("(")[0] for c in old.get(key) or ()}
        for text in (new.get(key) or ()) if key in old else ():
            if str(text).split("(")[0] not in known and not _about_known_mutant(text, out, new["id"]):
                out.regressions.append(Change(new["id"], "audit", line_of(text, 400)))


def _about_known_mutant(text: object, out: Comparison, claim_id: str) -> bool:
    """Whether a complaint only repeats that a mutant no longer dies."""
    names = [c.what for c in out.regressions if c.claim == claim_id and c.kind == "mutant"]
    return any(f"mutant {name!r}" in str(text) for name in names)


def _statement(out: Comparison, old: Plain, new: Plain) -> None:
    names = [{str(a.get("name")) for a in c.get("assumptions") or ()} for c in (old, new)]
    if "assumptions" in old and "assumptions" in new:
        for name in sorted(names[1] - names[0]):
            out.changes.append(Change(new["id"], "statement", f"assumes more: {line_of(name, 200)}"))
        for name in sorted(names[0] - names[1]):
            out.changes.append(Change(new["id"], "statement", f"assumes less: {line_of(name, 200)}"))
    changed = [k for k in _STATEMENT if k != "assumptions" and k in old and k in new and old[k] != new[k]]
    if changed:
        out.changes.append(Change(new["id"], "statement", f"the statement changed: {', '.join(changed)}"))
    verdicts = [(c.get("finding") or {}).get("verdict") for c in (old, new)]
    if verdicts[0] != verdicts[1]:
        text = f"finding: {verdicts[0] or 'none'}, now {verdicts[1] or 'none'}"
        out.changes.append(Change(new["id"], "finding", text, old=verdicts[0], new=verdicts[1]))


# -- margins -------------------------------------------------------------------------------------------------------


def _margins(old: Plain, new: Plain, relative: float, same_draws: bool) -> Iterator[tuple[Change, bool]]:
    """Margins that moved beyond their noise, and whether they shrank."""
    claim = new if decision_kind(new) else old
    kind = decision_kind(claim)
    if kind == "rate" and r"\le" in str(claim["decides"].get("latex")):
        kind = "rate-at-most"
    before = {_key(e): e for e in old["evidence"]}
    for entry in new["evidence"]:
        was = before.get(_key(entry))
        if was is None or was["verdict"] != "pass" or entry["verdict"] != "pass":
            continue
        if entry["kind"] == "experiment" and not same_draws:
            continue
        room, left = _room(was, kind), _room(entry, kind)
        if room is None or left is None:
            continue
        (low0, mid0, high0), (low1, mid1, high1) = room, left
        exact = entry["kind"] == "worst-case" or high0 - low0 <= _WIDTH or high1 - low1 <= _WIDTH
        if exact:
            lost = mid0 - mid1
            moved = abs(lost) > max(relative * abs(mid0), FLOOR)
        else:
            lost = low0 - high1 if high1 < low0 else high0 - low1 if low1 > high0 else 0.0
            moved = lost != 0.0
        if moved:
            case = case_name(entry.get("case") or {})
            what = f"{entry['kind']} {line_of(entry['name'])}" + (f" at {case}" if case else "")
            why = "" if exact else ", beyond both intervals"
            word = "shrank" if lost > 0 else "grew"
            text = f"{what}: the margin {word} from {mid0:.4g} to {mid1:.4g} of the bound{why}"
            yield Change(new["id"], "margin", text, what, mid0, mid1), lost > 0


def _key(entry: Plain) -> tuple[str, str, str]:
    return entry["kind"], entry["name"], json.dumps(entry.get("case") or {}, sort_keys=True)


def _room(entry: Plain, kind: str) -> tuple[float, float, float] | None:
    """Distance to failing in units of the bound: an interval with the estimate's own value in the middle."""
    if entry["kind"] == "worst-case":
        kind = "sure-bound"
    estimate, bound = entry.get("estimate"), entry.get("bound")
    if estimate is None or bound is None:
        return None
    ends = entry.get("interval")
    if entry["kind"] == "experiment" and kind not in _LARGEST and (not ends or None in ends):
        return None  # a mean without its interval
    low = high = estimate
    if ends and None not in ends:
        low, high = min(ends[0], estimate), max(ends[1], estimate)
    scale = abs(bound) or 1.0
    if kind in _BELOW:
        found = (bound - high, bound - estimate, bound - low)
    elif kind in _ABOVE:
        found = (low - bound, estimate - bound, high - bound)
    elif kind in _ON:
        near = 0.0 if low <= bound <= high else min(abs(low - bound), abs(high - bound))
        found = (-max(abs(low - bound), abs(high - bound)), -abs(estimate - bound), -near)
    else:
        return None
    return found[0] / scale, found[1] / scale, found[2] / scale


# -- for people ----------------------------------------------------------------------------------------------------

_TITLES = (("regressions", "regression"), ("improvements", "improvement"), ("changes", "other change"))


def text(found: Comparison) -> list[str]:
    """Lines for a terminal."""
    from .display import plural, wrapped

    out: list[str] = []
    for name, word in _TITLES:
        changes = getattr(found, name)
        if changes:
            out += [*([""] if out else []), plural(len(changes), word)]
            for change in changes:
                out += wrapped(clean(f"{change.claim}: {change.text}"), "  ", "    ")
    counts = ", ".join(plural(len(getattr(found, name)), word) for name, word in _TITLES)
    out += [*([""] if out else []), f"{plural(found.compared, 'claim')} compared: {counts}"]
    return [*out, *(line for remark in found.remarks for line in wrapped(remark, "", "  "))]


def markdown(found: Comparison) -> str:
    """Markdown for a job summary or a comment: regressions in full, the rest folded."""
    from .display import plural
    from .markdown import code, escaped

    most = 200  # lines of one kind, so that a comment stays within what services accept
    counts = ", ".join(plural(len(getattr(found, name)), word) for name, word in _TITLES)
    out = ["# Compared with the base report", "", f"**{plural(found.compared, 'claim')} compared: {counts}.**", ""]
    for name, word in _TITLES:
        changes = getattr(found, name)
        if not changes:
            continue
        folded = name != "regressions"
        title = plural(len(changes), word)
        out += [f"<details><summary>{title}</summary>", ""] if folded else [f"## {title}", ""]
        out += [f"- {code(line_of(c.claim))}: {escaped(line_of(c.text, 600))}" for c in changes[:most]]
        out += [f"- …and {len(changes) - most} more"] if len(changes) > most else []
        out += ["", "</details>", ""] if folded else [""]
    out += [f"- {escaped(remark)}" for remark in found.remarks]
    return clean("\n".join(out)).rstrip("\n") + "\n"
