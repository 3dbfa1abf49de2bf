"""`gdverify prove`."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .arguments import claims_of, entries_of, read_settings


def main(args: Namespace) -> int:
    """`gdverify prove`."""
    from ..display import Status, colour_wanted, proof
    from ..runner import run_apart

    if args.coq:
        return _prove_in_coq(args)
    if args.export:
        return _export(args)
    claims = entries_of(args)
    settings = read_settings(args)
    settings.kinds = ("derivation",)
    status = Status()
    colour = colour_wanted(sys.stdout)
    first = True

    def show_one(verdict: Any) -> None:
        nonlocal first
        status.clear()
        print(("" if first else "\n") + "\n".join(proof(verdict, latex=args.latex, colour=colour)), flush=True)
        first = False

    found = run_apart(claims, settings, on_verdict=show_one, on_progress=status.update)
    status.clear()
    for one in found.without:
        print(f"\n{one.id} has no derivation: {one.no_derivation or 'no reason is given'}")
    return found.exit_code()


def _prove_in_coq(args: Namespace) -> int:
    from ..coq import command

    if len(args.claims) == 1 and args.claims[0].endswith(".json"):
        return command.write_certificate(args.claims[0], args.coq)
    claims = claims_of(args)
    if len(claims) != 1:
        raise UsageError(f"--coq writes one claim to one file; {len(claims)} were named")
    return command.write_claim(claims[0].claim, args.coq)


def _export(args: Namespace) -> int:
    """Write certificates, each one rechecked before it is written."""
    from ..kernel.export import write_certificate

    target = Path(args.export)
    found = [(c.claim, e) for c in claims_of(args) for e in c.claim.evidence if e.kind == "derivation"]
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
