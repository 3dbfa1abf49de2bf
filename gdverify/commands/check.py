"""`gdverify check`."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .arguments import claims_of, nearby, read_settings

if TYPE_CHECKING:
    from ..runner import Run


def main(args: Namespace) -> int:
    """`gdverify check`."""
    from ..display import Status, block, colour_wanted, summary, wrapped
    from ..report import check_targets
    from ..runner import run

    claims = claims_of(args)
    # Standard output is the report's, where one is sent there.
    out = sys.stderr if check_targets(*(getattr(args, name) for name in FORMATS)) else sys.stdout
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
    write_reports(found, {name: getattr(args, name) for name in FORMATS})
    return found.exit_code()


FORMATS = ("json", "markdown", "junit", "sarif")


def write_reports(found: Run, targets: Mapping[str, str | None]) -> None:
    """Write every format of `FORMATS` that has a target; one that cannot be written does not keep the others back.

    Raises
    ------
    UsageError
        of the first that could not be written
    """
    from ..junit import junit
    from ..markdown import markdown
    from ..report import report, write
    from ..sarif import sarif

    wanted = {name: target for name, target in targets.items() if target}
    if not wanted:
        return
    data = report(found)
    render: dict[str, Callable[[dict[str, Any]], Any]] = {
        "json": dict,
        "markdown": markdown,
        "junit": junit,
        "sarif": sarif,
    }
    errors = []
    for name, target in wanted.items():
        try:
            write(render[name](data), target)
        except UsageError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _having(claims: list[Any], kinds: Sequence[str] | None) -> tuple[list[Any], list[str]]:
    """The claims that have evidence of one of these kinds, and the ids of the others."""
    if kinds is None:
        return claims, []
    having = [c for c in claims if any(e.kind in kinds for e in c.claim.evidence)]
    without = [c.claim.id for c in claims if c not in having]
    if not having:
        raise UsageError(f"{', '.join(without[:5])}: no {' or '.join(kinds)}")
    return having, without
