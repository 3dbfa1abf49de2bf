"""`gdverify replay`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ..errors import UsageError


def main(args: Namespace) -> int:
    """`gdverify replay`."""
    codes = {_one(Path(file), args.claims) for file in args.files}
    return 1 if 1 in codes else max(codes)


def _one(path: Path, claims: str | None) -> int:
    from ..claim import CLAIM_ID
    from ..discover import find
    from ..display import case_text, measured, wrapped
    from ..replay import read_saved, replay_apart

    data = read_saved(path)
    name = data["claim"]
    if not CLAIM_ID.fullmatch(name):
        raise UsageError(f"{path}: {name[:60]!r} is no claim's id")
    entries = find([f"{claims}::{name}" if claims else name])
    if [e.id for e in entries] != [name]:
        raise UsageError(f"{path}: {name!r} is no claim's id")
    outcome = replay_apart(path.resolve(), entries[0].source, name)
    said = {"fail": "violated", "pass": "holds there"}.get(outcome.verdict, outcome.verdict)
    print(f"{name}: {said}")
    for text in (f"at {case_text(outcome.case)}" if outcome.case else "", measured(outcome), outcome.message):
        if text:
            print("\n".join(wrapped(text, "  ", "  ")))
    return {"pass": 0, "fail": 1}.get(outcome.verdict, 3)
