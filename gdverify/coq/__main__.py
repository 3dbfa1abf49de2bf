"""``python -m gdverify.coq [--mutants] [--seconds N] [CLAIM ...]``: export and compile every claim that has a Coq form.

One line for each claim.  Exit code 1 if coqc refuses an export, or accepts a mutant's; where coqc is missing it says so
and exports nothing.
"""

from __future__ import annotations

import argparse
import sys
import time

from ..discover import select
from ..errors import GdverifyError
from .command import available, compile_text
from .derivation import export_derivation, export_mutant


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m gdverify.coq", description=__doc__)
    parser.add_argument("claims", nargs="*", metavar="CLAIM")
    parser.add_argument("--seconds", type=float, default=300, help="stop after this long (default 300)")
    parser.add_argument("--mutants", action="store_true", help="also see that coqc refuses each claim's mutants")
    args = parser.parse_args()
    if not available():
        print("coqc is not installed: skipped")
        return 0
    began, counts = time.perf_counter(), {"accepted": 0, "refused": 0, "without a Coq form": 0, "left out": 0}
    counts |= {"mutants refused": 0, "MUTANTS ACCEPTED": 0}
    for located in select(args.claims, not args.claims):
        claim = located.claim
        if not any(e.kind == "derivation" for e in claim.evidence):
            continue
        left = args.seconds - (time.perf_counter() - began)
        if left <= 0:
            counts["left out"] += 1
            continue
        try:
            text = export_derivation(claim)
        except GdverifyError as error:
            counts["without a Coq form"] += 1
            print(f"-        {claim.id}: {error}", flush=True)
            continue
        accepted, complaint, seconds = compile_text(text, limit=120)
        counts["accepted" if accepted else "refused"] += 1
        print(f"{'accepted' if accepted else 'REFUSED '} {claim.id} ({seconds:.1f} s){complaint}", flush=True)
        for mutant in claim.mutants if args.mutants and accepted else ():
            try:
                lives = compile_text(export_mutant(claim, mutant), limit=120)[0]
            except GdverifyError:
                lives = False  # it needs an assumption that the mutant drops
            counts["MUTANTS ACCEPTED" if lives else "mutants refused"] += 1
            if lives:
                print(f"         MUTANT ACCEPTED: {mutant.name}", flush=True)
    print(", ".join(f"{n} {what}" for what, n in counts.items() if n or what in ("accepted", "refused")))
    return 1 if counts["refused"] or counts["MUTANTS ACCEPTED"] else 0


if __name__ == "__main__":
    sys.exit(main())
