"""`gdverify new`."""

from __future__ import annotations

import shlex
from argparse import Namespace


def main(args: Namespace) -> int:
    """`gdverify new`."""
    from ..scaffold import create

    path = create(args.name, args.dir)
    print(f"{path} written; fill it in, then: gdverify check {shlex.quote(str(path))}")
    return 0
