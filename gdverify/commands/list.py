"""`gdverify list`."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from ..errors import UsageError


def main(args: Namespace) -> int:
    """`gdverify list`."""
    from ..discover import catalogue

    entries = catalogue()
    wanted = [
        e
        for e in entries
        if args.topic in (None, e.topic)
        and args.paper in (None, e.paper)
        and (args.kind is None or args.kind.replace("-", "").lower() == e.decides.replace("-", ""))
    ]
    if args.json:
        print(json.dumps({"claims": [e.plain() for e in wanted]}, indent=1, ensure_ascii=False))
        return 0
    if not wanted and entries:
        _nothing(args, entries)
    width = max((len(e.id) for e in wanted), default=0)
    topic = None
    for entry in wanted:
        if entry.topic != topic:
            print(("" if topic is None else "\n") + (entry.topic or "(no topic)"))
            topic = entry.topic
        print(f"  {entry.id:<{width}}  {entry.decides:<17}  {entry.title}")
    return 0


def _nothing(args: Namespace, entries: Sequence[Any]) -> None:
    import difflib

    for option, have in (
        ("topic", {e.topic for e in entries}),
        ("paper", {e.paper for e in entries}),
        ("kind", {e.decides for e in entries}),
    ):
        value = getattr(args, option)
        if value is not None and value not in have:
            near = difflib.get_close_matches(value, have, n=3, cutoff=0.4) or sorted(have)
            raise UsageError(f"no claim has {option} {value!r}; did you mean {' or '.join(near)}?")
