"""``python -m gdverify.coq [--seconds N] [CLAIM ...]``: export every claim that has a Coq form, and compile it.

One line for each claim; exit code 1 if coqc refuses an export.  Where coqc is missing it says so and exports nothing.
"""

from __future__ import annotations

import argparse
import sys
import time

from ..discover import select
from ..errors import GdverifyError
from .command import available, compile_text
from .derivation import export_derivation


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m gdverify.coq", description=__doc__)
    parser.add_argument("claims", nargs="*", metavar="CLAIM")
    parser.add_argument("--seconds", type=float, default=300, help="stop after this long (default 300)")
    args = parser.parse_args()
    if not available():
        print("coqc is not installed: skipped")
        return 0
    began, counts = time.perf_counter(), {"accepted": 0, "refused": 0, "without a Coq form": 0, "left out": 0}
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
    print(", ".join(f"{n} {what}" for what, n in counts.items() if n or what in ("accepted", "refused")))
    return 1 if counts["refused"] else 0


if __name__ == "__main__":
    sys.exit(main())
