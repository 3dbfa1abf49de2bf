"""What each command does; the command line itself is in `gdverify.cli`."""

from __future__ import annotations

import json
import os
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import UsageError


def list_(args: Namespace) -> int:
    """`gdverify list`."""
    from .discover import catalogue

    entries = catalogue()
    wanted = [
        e
        for e in entries
        if args.topic in (None, e.topic)
        and args.paper in (None, e.paper)
        and (args.kind is None or args.kind.replace("-", "").lower() == e.decides.replace("-", ""))
    ]
    if args.json:
        print(json.dumps({"claims": [e.plain() for e in wanted]}, indent=1, ensure_ascii=False))
        return 0
    if not wanted and entries:
        _nothing(args, entries)
    width = max((len(e.id) for e in wanted), default=0)
    topic = None
    for entry in wanted:
        if entry.topic != topic:
            print(("" if topic is None else "\n") + (entry.topic or "(no topic)"))
            topic = entry.topic
        print(f"  {entry.id:<{width}}  {entry.decides:<17}  {entry.title}")
    return 0


def _nothing(args: Namespace, entries: Sequence[Any]) -> None:
    import difflib

    for option, have in (
        ("topic", {e.topic for e in entries}),
        ("paper", {e.paper for e in entries}),
        ("kind", {e.decides for e in entries}),
    ):
        value = getattr(args, option)
        if value is not None and value not in have:
            near = difflib.get_close_matches(value, have, n=3, cutoff=0.4) or sorted(have)
            raise UsageError(f"no claim has {option} {value!r}; did you mean {' or '.join(near)}?")


def show(args: Namespace) -> int:
    """`gdverify show`."""
    from .discover import select
    from .page import latex, page

    for number, located in enumerate(select([args.claim])):
        if number:
            print()
        print("\n".join(latex(located.claim) if args.latex else page(located)))
    return 0


def check(args: Namespace) -> int:
    """`gdverify check`."""
    from .display import Status, block, colour_wanted, summary, wrapped
    from .report import check_target, markdown, report, write
    from .runner import run

    claims = _claims(args)
    check_target(args.json)
    check_target(args.markdown)
    quiet = "-" in (args.json, args.markdown)  # standard output is the report's
    out = sys.stderr if quiet else sys.stdout
    colour = colour_wanted(out)
    status = Status()
    outside = {c.claim.id: _nearby(c.source.path) for c in claims if c.source and c.source.module is None}
    topics: list[str] = []

    def show_one(verdict: Any) -> None:
        status.clear()
        topic = outside.get(verdict.id) or verdict.topic or "no topic"
        if topic not in topics[-1:]:
            print(("" if not topics else "\n") + topic, file=out)
            topics.append(topic)
        lines = block(verdict, verbose=args.verbose, colour=colour, source=outside.get(verdict.id))
        print("\n".join(lines), file=out, flush=True)

    settings = _settings(args, audit=args.audit)
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


def _nearby(path: str) -> str:
    """A path as the user would write it: relative where that is shorter."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return path
    return min(path, relative, key=len)


def prove(args: Namespace) -> int:
    """`gdverify prove`."""
    from .display import Status, colour_wanted, proof
    from .runner import run

    if args.coq:
        return _prove_in_coq(args)
    if args.export:
        return _export(args)
    claims = _claims(args)
    with_proof = [c for c in claims if any(e.kind == "derivation" for e in c.claim.evidence)]
    if not with_proof:
        names = ", ".join(c.claim.id for c in claims[:5])
        reason = claims[0].claim.no_derivation if len(claims) == 1 else ""
        raise UsageError(f"{names}: no derivation{f' ({reason})' if reason else ''}")
    settings = _settings(args)
    settings.kinds = ("derivation",)
    status = Status()
    colour = colour_wanted(sys.stdout)
    first = True

    def show_one(verdict: Any) -> None:
        nonlocal first
        status.clear()
        print(("" if first else "\n") + "\n".join(proof(verdict, latex=args.latex, colour=colour)), flush=True)
        first = False

    found = run(with_proof, settings, on_verdict=show_one, on_progress=status.update)
    status.clear()
    for one in claims:
        if one not in with_proof:
            print(f"\n{one.claim.id} has no derivation: {one.claim.no_derivation or 'no reason is given'}")
    return found.exit_code()


def _prove_in_coq(args: Namespace) -> int:
    from .coq import command

    if len(args.claims) == 1 and args.claims[0].endswith(".json"):
        return command.write_certificate(args.claims[0], args.coq)
    claims = _claims(args)
    if len(claims) != 1:
        raise UsageError(f"--coq writes one claim to one file; {len(claims)} were named")
    return command.write_claim(claims[0].claim, args.coq)


def _export(args: Namespace) -> int:
    """Write certificates, each one rechecked before it is written."""
    from .kernel.export import write_certificate

    target = Path(args.export)
    found = [(c.claim, e) for c in _claims(args) for e in c.claim.evidence if e.kind == "derivation"]
    if not found:
        raise UsageError("no derivation to export")
    if len(found) > 1 and not target.is_dir():
        raise UsageError(f"{len(found)} derivations: --export needs an existing folder, not {target}")
    codes = []
    for claim, evidence in found:
        file = target / f"{claim.id}.json" if target.is_dir() else target
        code, text = write_certificate(claim, evidence, file)
        codes.append(code)
        print(text, file=sys.stdout if code == 0 else sys.stderr, flush=True)
    return next((c for c in (1, 3) if c in codes), 0)


def recheck(args: Namespace) -> int:
    """`gdverify recheck`."""
    from .recheck.__main__ import main

    return main(args.files)


def audit(args: Namespace) -> int:
    """`gdverify audit`."""
    if args.auto:
        return _audit_mechanically(args)
    if args.budget is not None:
        raise UsageError("audit: --budget goes with --auto")
    from .audit import table
    from .display import Status, colour_wanted, paint, plural, seconds, wrapped
    from .report import audit_report, check_target, write
    from .runner import run

    claims = _claims(args)
    check_target(args.json)
    check_target(args.markdown)
    out = sys.stderr if "-" in (args.json, args.markdown) else sys.stdout
    colour = colour_wanted(out)
    status = Status()

    def show_one(verdict: Any) -> None:
        status.clear()
        print(f"{verdict.id}  ({verdict.verdict})", file=out)
        for m in verdict.mutants:
            word = paint("killed  ", "32", colour) if m.killed else paint("SURVIVES", "31;1", colour)
            text = f"{m.mutant}: " + (", ".join(m.by) or "refuted by nothing")
            text += f"; missed by {', '.join(m.missed)}" if m.missed else ""
            print("\n".join(wrapped(f"{word} {text}", "  ", " " * 9)), file=out)
            if args.verbose:
                for o in m.evidence:
                    print("\n".join(wrapped(f"{o.kind} {o.name}: {o.verdict} {o.message}", " " * 11, "  ")), file=out)
        for complaint in [*verdict.complaints, *verdict.unaudited]:
            print("\n".join(wrapped(f"AUDIT {complaint}", "  ", "  ")), file=out)
        out.flush()

    settings = _settings(args, audit=True)
    settings.save = False
    found = run(claims, settings, on_verdict=show_one, on_progress=status.update)
    status.clear()
    mutants = [m for v in found.verdicts for m in v.mutants or ()]
    killed = sum(m.killed for m in mutants)
    elapsed = seconds((found.finished - found.started).total_seconds())
    print(f"\n{plural(len(mutants), 'mutant')}: {killed} killed, {len(mutants) - killed} survived, {elapsed}", file=out)
    if args.json:
        write(audit_report(found), args.json)
    if args.markdown:
        write(table(found.verdicts), args.markdown)
    if any(v.complaints for v in found.verdicts):
        return 1
    return 3 if found.interrupted or any(v.unaudited for v in found.verdicts) else 0


def _audit_mechanically(args: Namespace) -> int:
    """`gdverify audit --auto`."""
    from .audit import mechanical_lines, mechanical_table, summary
    from .display import Status, wrapped
    from .doctor import cores
    from .mechanical import run
    from .report import check_target, mechanical_report, write
    from .runner import DEFAULT_ALPHA

    claims = _claims(args)
    check_target(args.json)
    check_target(args.markdown)
    out = sys.stderr if "-" in (args.json, args.markdown) else sys.stdout
    status = Status()

    def show_one(claim: str, rows: Any, remarks: Sequence[str]) -> None:
        status.clear()
        print(claim, file=out)
        for line in [*mechanical_lines(rows), *remarks]:
            print("\n".join(wrapped(line, "  ", "    ")), file=out)
        out.flush()

    found = run(
        claims, seconds=args.budget or 60.0, seed=args.seed, alpha=args.alpha or DEFAULT_ALPHA,
        jobs=args.jobs or cores(), device="cuda" if args.device == "cuda" else "cpu",
        on_claim=show_one, on_progress=status.update,
    )  # fmt: skip
    status.clear()
    print("\n" + "\n".join(summary(found)), file=out)
    if args.json:
        write(mechanical_report(found), args.json)
    if args.markdown:
        write(mechanical_table(found), args.markdown)
    if any("unseen" in row.status.values() for _, rows, _ in found for row in rows):
        return 1
    return 3 if any(not rows for _, rows, _ in found) else 0


def calibrate(args: Namespace) -> int:
    """`gdverify calibrate`."""
    from . import calibrate as measure
    from .display import Status
    from .doctor import cores, host
    from .report import check_target, write

    if args.claims and args.kinds is not None:
        raise UsageError("calibrate: name claims, or ask for --kinds; not both")
    check_target(args.json)
    check_target(args.markdown)
    status = Status()
    how = {
        "alpha": args.alpha or measure.ALPHA, "seed": args.seed, "jobs": args.jobs or cores(),
        "progress": status.update,
    }  # fmt: skip
    if args.kinds is not None:
        rows = measure.kinds(args.kinds, runs=args.runs or 10_000, **how)
    else:
        rows = measure.claims(_claims(args), runs=args.runs or 100, **how)
    status.clear()
    out = sys.stderr if "-" in (args.json, args.markdown) else sys.stdout
    print("\n".join(measure.text(rows)), file=out, flush=True)
    data = measure.report(rows, seed=args.seed, hardware=args.hardware or host())
    if args.json:
        write(data, args.json)
    if args.markdown:
        write(measure.markdown(data, rows, measure.command_line(args)), args.markdown)
    if any(row.exceeds for row in rows):
        return 1
    return 3 if any(row.verdicts["error"] for row in rows) else 0


def hunt(args: Namespace) -> int:
    """`gdverify hunt`."""
    from .display import case_text, number, plural, seconds, wrapped
    from .experiment.hunt import SECONDS
    from .experiment.hunt import hunt as search
    from .report import check_target, write
    from .store import home
    from .worker import OutOfTime, time_limit

    located = _one_claim(args)
    check_target(args.json)
    overrides = _overrides(args)
    try:
        with time_limit(5 * (args.budget or SECONDS)):  # for a case that hangs; the search itself ends by then
            found = search(
                located.claim, seed=args.seed, budget=args.budget, overrides=overrides, device=args.device,
                save_dir=home() / "artefacts",
            )  # fmt: skip
    except OutOfTime as stopped:
        print(f"gdverify: {located.claim.id}: {stopped}", file=sys.stderr)
        return 3
    if args.json:
        write(found.plain(), args.json)
    kind = found.claim.decides.kind
    said = {"fail": "violated", "pass": "no violation found"}.get(found.verdict, found.verdict)
    if kind == "counterexample":
        said = {"pass": "found"}.get(found.verdict, said)
    lines = [f"{found.claim.id}: {said}"]
    where = f" at {case_text(dict(found.case))}" if found.case else ""
    sure = "" if found.certain else " (in floating point only)"
    if kind in ("minimiser", "identity") and found.left is not None:
        smallest = f"smallest value {number(found.right)}, claimed {number(found.left)}"
        text = smallest if kind == "minimiser" else f"largest difference {number(found.left)}"
        lines += wrapped(f"{text}{sure}{where}; {found.evidence}", "  ", "  ")
    elif found.ratio is not None:
        lines += wrapped(f"largest quantity/bound {found.ratio:.9g}{sure}{where}; {found.evidence}", "  ", "  ")
    elif found.left is not None:
        sides = f"{number(found.left)} against {number(found.right)}"
        lines += wrapped(f"nearest to a violation, {sides}{sure}{where}; {found.evidence}", "  ", "  ")
    if found.message != said:
        lines += wrapped(found.message, "  ", "  ")
    effort = f"{plural(found.evaluated, 'instance')}, {plural(found.cases, 'case')}"
    lines.append(f"  {effort}, {plural(found.generations, 'generation')}, {seconds(found.seconds)}")
    if found.artefact:
        source = located.source
        outside = f" --claims {shlex.quote(_nearby(source.path))}" if source and source.module is None else ""
        lines.append(f"  gdverify replay {shlex.quote(_nearby(found.artefact))}{outside}")
    print("\n".join(lines), file=sys.stderr if args.json == "-" else sys.stdout)
    refuted = found.verdict == "fail"
    return 1 if refuted else 0 if found.verdict == "pass" else 3


def tighten(args: Namespace) -> int:
    """`gdverify tighten`."""
    from .report import check_target, write
    from .tighten import tighten as interval
    from .tightness_page import lines

    located = _one_claim(args)
    check_target(args.json)
    found = interval(
        located.claim, args.constant, seed=args.seed, budget=args.budget, overrides=_overrides(args),
        device=args.device,
    )  # fmt: skip
    if args.json:
        write(found.plain(), args.json)
    print("\n".join(lines(found)), file=sys.stderr if args.json == "-" else sys.stdout)
    if found.violated:
        return 1
    return 3 if found.attained is None and found.provable is None and found.measured is None else 0


def _one_claim(args: Namespace) -> Any:
    from .discover import select

    located = select([args.claim])
    if len(located) != 1:
        raise UsageError(f"{args.claim} names {len(located)} claims; {args.command} takes one")
    return located[0]


def replay(args: Namespace) -> int:
    """`gdverify replay`."""
    from .discover import select
    from .display import case_text, measured, wrapped
    from .replay import read_saved, replay_saved

    path = Path(args.file)
    data = read_saved(path)
    located = select([f"{args.claims}::{data['claim']}" if args.claims else data["claim"]])
    if len(located) != 1:
        raise UsageError(f"{path}: {data['claim']!r} is no claim's id")
    outcome = replay_saved(path, data, located[0].claim)
    said = {"fail": "violated", "pass": "holds there"}.get(outcome.verdict, outcome.verdict)
    print(f"{located[0].claim.id}: {said}")
    for text in (f"at {case_text(outcome.case)}" if outcome.case else "", measured(outcome), outcome.message):
        if text:
            print("\n".join(wrapped(text, "  ", "  ")))
    return {"pass": 0, "fail": 1}.get(outcome.verdict, 3)


def coverage(args: Namespace) -> int:
    """`gdverify coverage`."""
    from . import coverage as cover
    from .bibliography import Bibliography
    from .discover import catalogue

    entries = catalogue()
    folders = {folder for e in entries for folder in Path(e.source.path).parents[:2]}
    files = [folder / "papers.toml" for folder in folders if (folder / "papers.toml").is_file()]
    if len(files) != 1:
        raise UsageError("no papers.toml beside the catalogue's folders" if not files else "several papers.toml")
    papers, ids = Bibliography(files[0]), [e.id for e in entries]
    wrong = cover.disagreements(papers, ids)
    for line in wrong[:20] + [f"and {len(wrong) - 20} more"] * (len(wrong) > 20):
        print(f"gdverify: {line}", file=sys.stderr)
    if not args.check:
        rows = cover.coverage(papers, ids, cover.verdicts_of(args.report) if args.report else None)
        if args.json:
            print(json.dumps(cover.plain(rows), indent=1, ensure_ascii=False))
        else:
            write = cover.markdown if args.markdown else cover.bibtex if args.bibtex else cover.text
            print(write(rows).rstrip("\n"))
    return 1 if wrong else 0


def doctor(args: Namespace) -> int:
    """`gdverify doctor`."""
    from .doctor import lines

    print("\n".join(lines()))
    return 0


def new(args: Namespace) -> int:
    """`gdverify new`."""
    from .scaffold import create

    path = create(args.name, args.dir)
    print(f"{path} written; fill it in, then: gdverify check {shlex.quote(str(path))}")
    return 0


def version(args: Namespace) -> int:
    """`gdverify version`."""
    from . import __version__

    print(f"gdverify {__version__}")
    return 0


def _claims(args: Namespace) -> list[Any]:
    from .discover import select

    everything = getattr(args, "all", False)
    if not args.claims and not everything:
        raise UsageError(
            f"{args.command}: name claims (an id, a glob, a paper, a file)" + (", or --all" if "all" in args else "")
        )
    claims = select(args.claims, everything)
    if not claims:
        raise UsageError("the catalogue is empty")
    return claims


def _overrides(args: Namespace) -> dict[str, Any]:
    from .api import exact_number

    overrides = {}
    for text in getattr(args, "set", None) or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set {text}: expected name=value")
        overrides[name.strip()] = exact_number(f"--set {name.strip()}", value)
    return overrides


def _settings(args: Namespace, audit: bool = False) -> Any:
    from .doctor import cores
    from .runner import DEFAULT_ALPHA, Settings

    return Settings(
        tier=getattr(args, "tier", "smoke"),
        seed=getattr(args, "seed", 0),
        alpha=getattr(args, "alpha", None) or DEFAULT_ALPHA,
        device=getattr(args, "device", "cpu"),
        budget=getattr(args, "budget", None),
        jobs=args.jobs or cores(),
        overrides=_overrides(args),
        audit=audit,
    )
