"""`gdverify new`."""

from __future__ import annotations

import shlex
from argparse import Namespace


def main(args: Namespace) -> int:
    """`gdverify new`."""
    from ..printable import clean
    from ..scaffold import create

    path = create(args.name, args.dir)
    print(clean(f"{path} written; fill it in, then: gdverify check {shlex.quote(str(path))}"))
    return 0
