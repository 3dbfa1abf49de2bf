"""`gdverify check`."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from ..errors import UsageError
from .arguments import claims_of, nearby, read_settings


def main(args: Namespace) -> int:
    """`gdverify check`."""
    from ..display import Status, block, colour_wanted, summary, wrapped
    from ..report import check_target, markdown, report, write
    from ..runner import run

    claims = claims_of(args)
    check_target(args.json)
    check_target(args.markdown)
    quiet = "-" in (args.json, args.markdown)  # standard output is the report's
    out = sys.stderr if quiet else sys.stdout
    colour = colour_wanted(out)
    status = Status()
    outside = {c.claim.id: nearby(c.source.path) for c in claims if c.source and c.source.module is None}
    topics: list[str] = []

    def show_one(verdict: Any) -> None:
        status.clear()
        topic = outside.get(verdict.id) or verdict.topic or "no topic"
        if topic not in topics[-1:]:
            print(("" if not topics else "\n") + topic, file=out)
            topics.append(topic)
        lines = block(verdict, verbose=args.verbose, colour=colour, source=outside.get(verdict.id))
        print("\n".join(lines), file=out, flush=True)

    settings = read_settings(args, audit=args.audit)
    settings.kinds = args.only
    claims, without = _having(claims, args.only)
    found = run(claims, settings, on_verdict=show_one, on_progress=status.update)
    status.clear()
    print("\n" + "\n".join(summary(found, colour)), file=out, flush=True)
    if without:
        print(
            "\n".join(wrapped(f"left out, having no {' or '.join(args.only)}: {', '.join(without)}", "", "  ")),
            file=out,
        )
    if args.json:
        write(report(found), args.json)
    if args.markdown:
        write(markdown(found), args.markdown)
    return found.exit_code()


def _having(claims: list[Any], kinds: Sequence[str] | None) -> tuple[list[Any], list[str]]:
    """The claims that have evidence of one of these kinds, and the ids of the others."""
    if kinds is None:
        return claims, []
    having = [c for c in claims if any(e.kind in kinds for e in c.claim.evidence)]
    without = [c.claim.id for c in claims if c not in having]
    if not having:
        raise UsageError(f"{', '.join(without[:5])}: no {' or '.join(kinds)}")
    return having, without
