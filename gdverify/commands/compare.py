"""`gdverify compare`."""

from __future__ import annotations

import sys
from argparse import Namespace


def main(args: Namespace) -> int:
    """`gdverify compare`."""
    from ..compare import compare, markdown, text
    from ..report import check_targets, write
    from ..saved import read_report

    out = sys.stderr if check_targets(args.json, args.markdown) else sys.stdout
    found = compare(read_report(args.old), read_report(args.new), args.shrink)
    print("\n".join(text(found)), file=out, flush=True)
    if args.json:
        write(found.plain(), args.json)
    if args.markdown:
        write(markdown(found), args.markdown)
    return found.exit_code()
