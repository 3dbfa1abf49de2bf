"""`gdverify hunt`."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace

from .arguments import nearby, one_claim, read_overrides


def main(args: Namespace) -> int:
    """`gdverify hunt`."""
    from ..display import case_text, number, plural, seconds, wrapped
    from ..experiment.hunt import SECONDS
    from ..experiment.hunt import hunt as search
    from ..report import check_target, write
    from ..store import home
    from ..worker import OutOfTime, time_limit

    located = one_claim(args)
    check_target(args.json)
    overrides = read_overrides(args)
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
        outside = f" --claims {shlex.quote(nearby(source.path))}" if source and source.module is None else ""
        lines.append(f"  gdverify replay {shlex.quote(nearby(found.artefact))}{outside}")
    print("\n".join(lines), file=sys.stderr if args.json == "-" else sys.stdout)
    refuted = found.verdict == "fail"
    return 1 if refuted else 0 if found.verdict == "pass" else 3
