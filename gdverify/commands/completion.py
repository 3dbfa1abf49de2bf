"""`gdverify completion`."""

from __future__ import annotations

import re
from argparse import Namespace


def main(args: Namespace) -> int:
    """`gdverify completion`."""
    if args.words:
        # bash expands what it is given: nothing goes there but names
        print("\n".join(name for name in _names(args.words) if re.fullmatch(r"[\w.-]+", name)))
        return 0
    from ..cli import build_parser
    from ..completion import script

    print(script(args.shell, build_parser()), end="")
    return 0


def _names(kind: str) -> list[str]:
    if kind == "kinds":
        from ..decision import KINDS

        return sorted(k.kind for k in KINDS.values())
    from ..discover import catalogue

    entries = catalogue()
    if kind == "claims":
        return [e.id for e in entries]
    return sorted({e.topic if kind == "topics" else e.paper for e in entries})
