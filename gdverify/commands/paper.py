"""`gdverify paper`."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from ..errors import UsageError, one_line
from .arguments import entries_of, read_settings


def main(args: Namespace) -> int:
    """`gdverify paper`."""
    from .. import paper
    from ..report import check_targets, write

    check_targets(args.tex, args.bib)
    data, code = _read(args) if args.report else _run(args)
    make = paper.document if args.standalone else paper.fragment
    try:
        tex, bib = make(data, proofs=args.proofs), paper.bibtex(data)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if not args.report:
            raise
        said = f"nothing under {error}" if isinstance(error, KeyError) else one_line(error, 100)
        raise UsageError(f"{args.report}: lacks what `gdverify check --json` writes today ({said})") from error
    if args.bib:
        write(bib, args.bib)
    if args.tex or not args.bib:
        write(tex, args.tex or "-")
    return code


def _read(args: Namespace) -> tuple[dict[str, Any], int]:
    """The claims asked for (none: all) of a saved report."""
    from ..discover import choose
    from ..saved import read_report

    data = read_report(args.report)
    chosen = choose(args.claims, [c["id"] for c in data["claims"]]) if args.claims else None
    claims = [c for c in data["claims"] if chosen is None or c["id"] in chosen]
    if not claims:
        raise UsageError(f"{args.report} holds no claims")
    return {**data, "claims": claims}, 0


def _run(args: Namespace) -> tuple[dict[str, Any], int]:
    from ..display import Status, summary
    from ..report import report
    from ..runner import run_apart

    status = Status()
    found = run_apart(entries_of(args), read_settings(args, audit=True), on_progress=status.update)
    status.clear()
    print("\n".join(summary(found)), file=sys.stderr)
    return report(found), found.exit_code()
