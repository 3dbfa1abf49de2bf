"""`gdverify calibrate`."""

from __future__ import annotations

import sys
from argparse import Namespace

from ..errors import UsageError
from .arguments import claims_of


def main(args: Namespace) -> int:
    """`gdverify calibrate`."""
    from .. import calibrate as measure
    from ..display import Status
    from ..doctor import cores, host
    from ..report import check_targets, write

    if args.claims and args.kinds is not None:
        raise UsageError("calibrate: name claims, or ask for --kinds; not both")
    out = sys.stderr if check_targets(args.json, args.markdown) else sys.stdout
    status = Status()
    how = {
        "alpha": args.alpha or measure.ALPHA, "seed": args.seed, "jobs": args.jobs or cores(),
        "progress": status.update,
    }  # fmt: skip
    if args.kinds is not None:
        rows = measure.kinds(args.kinds, runs=args.runs or 10_000, **how)
    else:
        rows = measure.claims(claims_of(args), runs=args.runs or 100, **how)
    status.clear()
    print("\n".join(measure.text(rows)), file=out, flush=True)
    data = measure.report(rows, seed=args.seed, hardware=args.hardware or host())
    if args.json:
        write(data, args.json)
    if args.markdown:
        write(measure.markdown(data, rows, measure.command_line(args)), args.markdown)
    if any(row.exceeds for row in rows):
        return 1
    return 3 if any(row.verdicts["error"] for row in rows) else 0
