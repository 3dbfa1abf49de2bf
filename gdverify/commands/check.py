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
    from ..discover import Entry
    from ..runner import Run
    from ..settings import Settings


def main(args: Namespace) -> int:
    """`gdverify check`."""
    from ..discover import catalogue_sources
    from ..display import Status, block, colour_wanted, summary, wrapped
    from ..report import check_targets
    from ..runner import run_apart

    resumed = None
    if args.resume:
        args, resumed = _interrupted(args)
    claims, settings = _repeated(args) if args.repeat else (entries_of(args), None)
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

    if settings is None:
        settings = read_settings(args, audit=args.audit)
        settings.kinds = args.only
    settings.resume = resumed
    command = [os.getcwd(), *_plainly(args)]
    targets = {name: getattr(args, name) for name in (*FORMATS, "html")}

    def deliver(found: Run) -> None:
        status.clear()
        print("\n" + "\n".join(summary(found, colour)), file=out, flush=True)
        if found.without:
            names = ", ".join(r.id for r in found.without)
            said = f"left out, having no {' or '.join(settings.kinds or ())}: {names}"
            print("\n".join(wrapped(said, "", "  ")), file=out)
        write_reports(found, targets, timings=not args.no_timings)

    found = run_apart(
        claims, settings, command=command, on_verdict=show_one, on_progress=status.update, deliver=deliver
    )
    return found.exit_code()


def _repeated(args: Namespace) -> tuple[list[Entry], Settings]:
    """The claims and settings of the report that `--from` names; warns of what is not as it was.

    Raises
    ------
    UsageError
        it is no report, claims of it are not found, or an option contradicts it
    """
    from ..cli import build_parser
    from ..repeat import differences, entries_of_report, settings_of_report
    from ..saved import read_report

    plain = build_parser().parse_args(["check"])
    for name in ("all", "audit", "tier", "only", "seed", "alpha", "set", "budget"):
        if getattr(args, name) != getattr(plain, name):
            raise UsageError(f"--from repeats a run as it was: leave out --{name}")
    data = read_report(args.repeat)
    try:
        claims, recorded = entries_of_report(data, args.claims), settings_of_report(data)
    except UsageError as error:
        raise UsageError(f"{args.repeat}: {error}") from None
    if args.device == "auto" and data["run"].get("device") in ("cpu", "cuda"):
        args.device = data["run"]["device"]
    for line in differences(data, claims):
        print(f"gdverify: {args.repeat}: {line}", file=sys.stderr)
    settings = read_settings(args)
    for name, value in recorded.items():
        setattr(settings, name, value)
    return claims, settings


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

    Without claims it is the latest one of this folder, whatever its options were; what decides no number may be given
    anew.  With claims it must be of the same command.

    Raises
    ------
    UsageError
        there is none, or it was started in another folder, or an option is given that would make it another run
    """
    from ..cli import build_parser
    from ..database import Database

    found = Database().interrupted()
    if args.claims or args.all or args.repeat:
        same = [run for run in found if run["command"] == [os.getcwd(), *_plainly(args)]]
        return args, same[0]["id"] if same else None
    if not found:
        raise UsageError("no interrupted run to go on with")
    here = [run for run in found if run["command"][0] == os.getcwd()]
    if not here:
        raise UsageError(f"the interrupted run was started in {found[0]['command'][0]}: go there first")
    words = here[0]["command"][1:]
    again, plain = build_parser().parse_args(words), build_parser().parse_args(["check", "--resume"])
    for name, value in vars(args).items():
        if name != "given" and value != getattr(plain, name):
            if name not in ("jobs", "time_limit", "memory_limit", "verbose"):
                raise UsageError(f"--resume goes on with a run as it was: leave out --{name.replace('_', '-')}")
            setattr(again, name, value)
    again.given = words
    return again, here[0]["id"]
