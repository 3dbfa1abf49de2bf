"""`gdverify check`."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .arguments import entries_of, nearby, read_settings

if TYPE_CHECKING:
    from ..runner import Run


def main(args: Namespace) -> int:
    """`gdverify check`."""
    from ..discover import catalogue_sources
    from ..display import Status, block, colour_wanted, summary, wrapped
    from ..report import check_targets
    from ..runner import run_apart

    resumed = None
    if args.resume:
        args, resumed = _interrupted(args)
    claims = entries_of(args)
    # Standard output is the report's, where one is sent there.
    out = sys.stderr if check_targets(*(getattr(args, name) for name in FORMATS)) else sys.stdout
    if args.html:
        _check_site(args.html)
    colour = colour_wanted(out)
    status = Status(verbose=args.verbose)
    inside = {source.path for source in catalogue_sources()}
    outside = {c.id: nearby(c.source.path) for c in claims if c.source.path not in inside}
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
    settings.resume = resumed
    command = [os.getcwd(), *_plainly(args)]
    found = run_apart(claims, settings, command=command, on_verdict=show_one, on_progress=status.update)
    status.clear()
    print("\n" + "\n".join(summary(found, colour)), file=out, flush=True)
    if found.without:
        names = ", ".join(r.id for r in found.without)
        print("\n".join(wrapped(f"left out, having no {' or '.join(args.only)}: {names}", "", "  ")), file=out)
    targets = {name: getattr(args, name) for name in (*FORMATS, "html")}
    write_reports(found, targets, timings=not args.no_timings)
    return found.exit_code()


FORMATS = ("json", "markdown", "junit", "sarif")


def _check_site(folder: str) -> None:
    from ..html import check_folder
    from ..html.mathml import available

    check_folder(folder)
    if not available():
        print(
            "gdverify: formulas will be shown as LaTeX; pip install 'gdverify[html]' to have them typeset",
            file=sys.stderr,
        )


def write_reports(found: Run, targets: Mapping[str, str | None], *, timings: bool = True) -> None:
    """Write every format of `FORMATS`, and the pages, that have a target; a failure does not keep the others back.

    Raises
    ------
    UsageError
        of the first that could not be written
    """
    from ..html import write_site
    from ..junit import junit
    from ..markdown import markdown
    from ..report import report, write
    from ..sarif import sarif

    wanted = {name: target for name, target in targets.items() if target}
    if not wanted:
        return
    data = report(found, timings=timings)
    render: dict[str, Callable[[dict[str, Any]], Any]] = {
        "json": dict,
        "markdown": markdown,
        "junit": junit,
        "sarif": sarif,
    }
    errors = []
    for name, target in wanted.items():
        try:
            if name == "html":
                write_site(data, target)
            else:
                write(render[name](data), target)
        except UsageError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _plainly(args: Namespace) -> list[str]:
    return [word for word in args.given if word != "--resume"]


def _interrupted(args: Namespace) -> tuple[Namespace, str | None]:
    """The arguments and the id of the interrupted run that `--resume` means.

    Without claims it is the latest one, whatever its options were; with claims it must be of the same command.

    Raises
    ------
    UsageError
        there is none, or it was started in another folder
    """
    from ..cli import build_parser
    from ..database import Database

    found = Database().interrupted()
    asked = bool(args.claims or args.all)
    if found is None:
        if asked:
            return args, None
        raise UsageError("no interrupted run to go on with")
    folder, *words = found["command"]
    if asked and [os.getcwd(), *_plainly(args)] != found["command"]:
        return args, None
    if folder != os.getcwd():
        raise UsageError(f"the interrupted run was started in {folder}: go there first")
    again = build_parser().parse_args(words)
    again.given = words
    return again, found["id"]
