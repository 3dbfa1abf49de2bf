"""What a run on claims takes, found before anything is run: records, cases, parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import digest
from .claim import Claim
from .database import Database
from .discover import Entry, Located, Source
from .errors import UsageError
from .pool import Request, run_requests
from .record import Record, stand_in
from .result import NONSENSE
from .settings import Settings, limits_of
from .suggest import no_such_parameter
from .worker import plan, work

_MOST_CASES = 10**6
_BARE = "no evidence: attach a derivation, an experiment or a worst case"


@dataclass
class Planned:
    """A claim with what a run on it takes; ``claim`` only where it is run in this process."""

    record: Record
    source: Source | None
    cases: list[int]
    parameters: list[str]
    claim: Claim | None = None
    broken: str = ""  # why its module cannot be loaded


def plan_here(claims: Sequence[Located], settings: Settings, plain: Mapping[str, Any]) -> list[Planned]:
    """Plans of claims of this process; with one job they are run in it.

    Raises
    ------
    UsageError
        an override is outside its domain
    """
    out = []
    for one in claims:
        found = plan(one.claim, one.source, plain)
        if found["problem"]:
            raise UsageError(found["problem"])
        here = one.claim if settings.jobs == 1 or one.source is None else None
        out.append(Planned(Record(**found["record"]), one.source, found["cases"], found["parameters"], here))
    return out


def plan_apart(
    entries: Sequence[Entry],
    settings: Settings,
    plain: Mapping[str, Any],
    database: Database,
    on_progress: Callable[[int, int, list[str]], None],
) -> list[Planned]:
    """Plans of claims in their order, made in worker processes or found in the store."""
    groups: dict[Source, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.source, []).append(entry)
    found: dict[Source, Any] = {}  # plans, or why there are none
    about = {"tier": plain["tier"], "seed": plain["seed"], "overrides": texts(plain["overrides"])}
    keys = {
        source: digest.key("plan", vars(source), {**about, "claims": [e.id for e in group]})
        for source, group in groups.items()
    }
    stored = database.results(list(keys.values())) if settings.cache else {}
    requests = []
    for source, group in groups.items():
        known = stored.get(keys[source])
        if group[0].problem:
            found[source] = group[0].problem
        elif known is not None and _still_good(known, source, group):
            found[source] = known[1]
        else:
            tasks = [{"plan": [e.id for e in group]}]
            requests.append(Request({"source": source, "settings": dict(plain), "tasks": tasks}, [source]))

    def answered(source: Source, answer: Any) -> None:
        try:
            depends, result = answer["depends"], answer["result"]
            _check(result, groups[source])
        except NONSENSE:  # a module may have patched what sends it
            found[source] = "the worker process sent nonsense"
        else:
            found[source] = result
            if depends is not None:
                database.keep(keys[source], depends, result, "")
        on_progress(len(found), len(groups), ["reading theorem modules"])

    run_requests(
        requests, work, jobs=settings.jobs, limits=limits_of(settings), answered=answered, failed=found.__setitem__,
    )  # fmt: skip
    broken = {source: why for source, why in found.items() if isinstance(why, str)}
    plans: dict[str, Planned] = {}
    for source, group in groups.items():
        if source in broken:
            for entry in group:
                plans[entry.id] = Planned(stand_in(entry), source, [], [], broken=broken[source])
            continue
        for entry, one in zip(group, found[source], strict=True):
            if "broken" in one:
                plans[entry.id] = Planned(stand_in(entry), source, [], [], broken=one["broken"])
                continue
            if one["problem"]:
                raise UsageError(one["problem"])
            record = Record(**one["record"])
            bare = "" if record.evidence else _BARE
            plans[record.id] = Planned(record, source, one["cases"], one["parameters"], broken=bare)
    if plans and all(p.broken for p in plans.values()):
        name, first = next(iter(plans.items()))
        lead = "" if first.source in broken else f"{name} has " if first.broken == _BARE else f"{name}: "
        raise UsageError(lead + first.broken)
    return [plans[entry.id] for entry in entries]


def _still_good(known: tuple[Any, Any], source: Source, group: Sequence[Entry]) -> bool:
    """Whether stored plans still hold, and are plans at all."""
    depends, plans = known
    try:
        _check(plans, group)
        return digest.unchanged(depends, source.path)
    except NONSENSE:
        return False


def _check(plans: Any, group: Sequence[Entry]) -> None:
    """Raises one of `NONSENSE` if these are no plans of the claims of a module, in their order."""
    if not isinstance(plans, list) or len(plans) != len(group):
        raise ValueError("other claims")
    for entry, one in zip(group, plans, strict=True):
        if "broken" in one:
            if not isinstance(one["broken"], str) or not one["broken"]:
                raise ValueError("no reason")
            continue
        record = Record.from_plain(one["record"])
        cases, names = one["cases"], one["parameters"]
        whole = len(cases) == len(record.evidence) and all(type(n) is int and 0 <= n <= _MOST_CASES for n in cases)
        if record.id != entry.id or not whole or not isinstance(one["problem"], str):
            raise ValueError("no plan")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("no parameters")


def having(planned: Sequence[Planned], kinds: Sequence[str] | None) -> tuple[list[Planned], list[Record]]:
    """The claims that have evidence of one of these kinds, and the others."""
    if kinds is None:
        return list(planned), []
    having = [p for p in planned if p.broken or set(p.record.evidence_kinds) & set(kinds)]
    without = [p.record for p in planned if p not in having]
    if not having:
        reason = without[0].no_derivation if len(without) == 1 and "derivation" in kinds else ""
        names = ", ".join(r.id for r in without[:5])
        raise UsageError(f"{names}: no {' or '.join(kinds)}{f' ({reason})' if reason else ''}")
    return having, without


def check_overrides(planned: Sequence[Planned], settings: Settings) -> None:
    known = {name for one in planned for name in one.parameters}
    for name in settings.overrides:
        if name not in known:
            raise UsageError(no_such_parameter(name, known))


def texts(overrides: Mapping[str, Any]) -> dict[str, str]:
    """Overrides as they are stored."""
    return {name: str(value) for name, value in sorted(overrides.items())}
