"""`gdverify replay`."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from ..errors import UsageError


def main(args: Namespace) -> int:
    """`gdverify replay`."""
    from ..discover import select
    from ..display import case_text, measured, wrapped
    from ..replay import read_saved, replay_saved

    path = Path(args.file)
    data = read_saved(path)
    located = select([f"{args.claims}::{data['claim']}" if args.claims else data["claim"]])
    if len(located) != 1:
        raise UsageError(f"{path}: {data['claim']!r} is no claim's id")
    outcome = replay_saved(path, data, located[0].claim)
    said = {"fail": "violated", "pass": "holds there"}.get(outcome.verdict, outcome.verdict)
    print(f"{located[0].claim.id}: {said}")
    for text in (f"at {case_text(outcome.case)}" if outcome.case else "", measured(outcome), outcome.message):
        if text:
            print("\n".join(wrapped(text, "  ", "  ")))
    return {"pass": 0, "fail": 1}.get(outcome.verdict, 3)
