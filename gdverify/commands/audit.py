"""`gdverify audit`."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from ..errors import UsageError
from .arguments import claims_of, entries_of, read_settings


def main(args: Namespace) -> int:
    """`gdverify audit`."""
    if args.auto:
        return _audit_mechanically(args)
    if args.budget is not None:
        raise UsageError("audit: --budget goes with --auto")
    from ..audit import table
    from ..display import Status, colour_wanted, paint, plural, seconds, wrapped
    from ..report import audit_report, check_targets, write
    from ..runner import run_apart

    claims = entries_of(args)
    out = sys.stderr if check_targets(args.json, args.markdown) else sys.stdout
    colour = colour_wanted(out)
    status = Status(verbose=args.verbose)

    def show_one(verdict: Any) -> None:
        status.clear()
        print(f"{verdict.id}  ({verdict.verdict})", file=out)
        for m in verdict.mutants:
            word, code = ("killed", "32") if m.killed else ("SURVIVES", "31;1")
            text = f"{m.mutant}: " + (", ".join(m.by) or "refuted by nothing")
            text += f"; missed by {', '.join(m.missed)}" if m.missed else ""
            lines = "\n".join(wrapped(f"{word} {text}", "  ", " " * 9))
            print(lines.replace(word, paint(word, code, colour), 1), file=out)
            if args.verbose:
                for o in m.evidence:
                    print("\n".join(wrapped(f"{o.kind} {o.name}: {o.verdict} {o.message}", " " * 11, "  ")), file=out)
        for complaint in [*verdict.complaints, *verdict.unaudited]:
            print("\n".join(wrapped(f"AUDIT {complaint}", "  ", "  ")), file=out)
        out.flush()

    settings = read_settings(args, audit=True)
    settings.save = False
    found = run_apart(claims, settings, on_verdict=show_one, on_progress=status.update)
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
    from ..audit import mechanical_lines, mechanical_table, summary
    from ..display import Status, wrapped
    from ..doctor import cores
    from ..mechanical import run
    from ..report import check_targets, mechanical_report, write
    from ..runner import DEFAULT_ALPHA

    claims = claims_of(args)
    out = sys.stderr if check_targets(args.json, args.markdown) else sys.stdout
    status = Status(verbose=args.verbose)

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
