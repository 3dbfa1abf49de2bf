"""Results of earlier runs: under what name they are stored, and when they are still good."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from . import digest
from .database import Database
from .planning import texts
from .result import AGAIN, NONSENSE
from .settings import Settings
from .tasks import Place, Slot, open_tasks


def keys_of(slots: Sequence[Slot], settings: Settings, plain: Mapping[str, Any]) -> dict[Place, str]:
    """Under what name the result of each task is stored: everything that decides it but the files noted with it."""
    drawn = {"tier": plain["tier"], "seed": plain["seed"], "overrides": texts(plain["overrides"])}
    tested = {**drawn, "alpha": plain["alpha"], "device": plain["device"], "budget": plain["budget"]}
    out = {}
    for where, slot in enumerate(slots):
        if slot.planned.source is None or slot.planned.claim is not None:
            continue
        for place, task in open_tasks(where, slot):
            kinds = slot.kinds(*place[1:])
            about = tested if "experiment" in kinds else {} if kinds == ["derivation"] else drawn
            rest = {"claim": slot.record.id, "task": task, "kinds": kinds, "settings": about}
            out[place] = digest.key("task", vars(slot.planned.source), rest)
    return out


def stored(
    database: Database, keys: Mapping[Place, str], slots: Sequence[Slot], settings: Settings
) -> list[tuple[Place, Any]]:
    """Results that are still good, in the order of the tasks."""
    if not settings.cache and settings.resume is None:
        return []
    found = database.results(list(keys.values()), None if settings.cache else settings.resume)
    out = []
    for place, name in keys.items():
        if name not in found:
            continue
        depends, result = found[name]
        source = slots[place[0]].planned.source
        assert source is not None
        try:
            slots[place[0]].check(*place[1:], result)
            usable = digest.unchanged(depends, source.path) and _artefact_is_there(result)
        except NONSENSE:  # damaged: as if it were not there
            continue
        if usable:
            out.append((place, result))
    return out


def worth_keeping(result: Mapping[str, Any]) -> bool:
    """Whether it would come out the same again: what was undecided or went wrong may have been the machine's."""
    if any(
        AGAIN in o.get("message", "") for o in result.get("outcomes") or [result]
    ):  # what another device would have said
        return False
    if "outcomes" in result:
        return bool(result["outcomes"]) and all(o["verdict"] in ("pass", "fail") for o in result["outcomes"])
    return result["verdict"] == "pass" or (result["verdict"] == "fail" and result["kind"] != "derivation")


def _artefact_is_there(result: Mapping[str, Any]) -> bool:
    outcomes = result.get("outcomes") or [result]
    return all(not o["artefact"] or os.path.isfile(o["artefact"]) for o in outcomes)
