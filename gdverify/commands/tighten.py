"""`gdverify tighten`."""

from __future__ import annotations

import sys
from argparse import Namespace

from .arguments import one_claim, read_overrides


def main(args: Namespace) -> int:
    """`gdverify tighten`."""
    from ..report import check_target, write
    from ..tighten import tighten as interval
    from ..tightness_page import lines

    located = one_claim(args)
    check_target(args.json)
    found = interval(
        located.claim, args.constant, seed=args.seed, budget=args.budget, overrides=read_overrides(args),
        device=args.device,
    )  # fmt: skip
    if args.json:
        write(found.plain(), args.json)
    print("\n".join(lines(found)), file=sys.stderr if args.json == "-" else sys.stdout)
    if found.violated:
        return 1
    return 3 if found.attained is None and found.provable is None and found.measured is None else 0
