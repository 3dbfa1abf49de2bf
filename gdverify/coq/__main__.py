"""``python -m gdverify.coq [--mutants] [--seconds N] [CLAIM ...]``: export and compile every claim that has a Coq form.

One line for each claim.  With ``--list FILE`` the claims are those that the file names, one in a line: the ones that
coqc is known to accept; ``--write FILE`` writes such a list.  Exit code 1 if coqc refuses an export, or accepts a
mutant's (with ``--write``: the latter alone); where coqc is missing it says so and exports nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..claim import Claim
from ..discover import select
from ..errors import GdverifyError
from .command import available, compile_text
from .derivation import export_derivation, export_mutant, recorded
from .mutants import without_known_proofs

LIMIT = 120  # seconds for one file


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m gdverify.coq", description=__doc__)
    parser.add_argument("claims", nargs="*", metavar="CLAIM")
    parser.add_argument("--seconds", type=float, default=300, help="start nothing new after this long (default 300)")
    parser.add_argument("--mutants", action="store_true", help="also see that coqc refuses each claim's mutants")
    parser.add_argument("--jobs", type=int, default=2, help="files compiled at a time (default 2)")
    parser.add_argument("--list", type=Path, metavar="FILE", help="compile the claims that this file names")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the names of the claims that coqc accepts")
    args = parser.parse_args()
    if args.list is not None:
        args.claims += args.list.read_text(encoding="utf-8").split()
    if not available():
        print("coqc is not installed: skipped")
        return 0
    counts = {"accepted": 0, "refused": 0, "without a Coq form": 0, "left out": 0}
    counts |= {"mutants refused": 0, "MUTANTS ACCEPTED": 0}
    accepted: list[str] = []
    began = time.perf_counter()
    with ThreadPoolExecutor(max(1, args.jobs)) as pool:
        waiting: list[tuple[Claim, Any]] = []
        for located in select(args.claims, not args.claims):
            waiting.append((located.claim, _start(pool, located.claim, args, began)))
            while waiting and (isinstance(waiting[0][1], str) or all(f.done() for f in waiting[0][1][2])):
                _report(*waiting.pop(0), counts, accepted)
        for claim, work in waiting:
            _report(claim, work, counts, accepted)
    print(", ".join(f"{n} {what}" for what, n in counts.items() if n or what in ("accepted", "refused")))
    if args.write is not None:
        args.write.write_text("\n".join(sorted(accepted)) + "\n", encoding="utf-8")
    return 1 if (counts["refused"] and args.write is None) or counts["MUTANTS ACCEPTED"] else 0


def _start(pool: ThreadPoolExecutor, claim: Claim, args: Any, began: float) -> Any:
    """Compilations of a claim's export and of its mutants', or why there are none ("" if it has no derivation)."""
    if not any(e.kind == "derivation" for e in claim.evidence):
        return ""
    late = lambda: time.perf_counter() - began > args.seconds
    try:
        proof = recorded(claim)
        text = export_derivation(claim, proof=proof)
    except GdverifyError as error:
        return str(error)
    own = pool.submit(lambda: None if late() else compile_text(text, limit=LIMIT))
    mutants: list[tuple[str, Future[Any] | None]] = []
    for mutant in (m for m in claim.mutants if args.mutants and "derivation" in m.by):
        try:
            other = without_known_proofs(text, export_mutant(claim, mutant, proof))
        except GdverifyError:
            mutants.append((mutant.name, None))  # it needs an assumption that the mutant drops
            continue
        run = lambda other=other: None if late() else compile_text(other, limit=LIMIT, admitted=True)
        mutants.append((mutant.name, pool.submit(run)))
    return own, mutants, [own, *(f for _, f in mutants if f is not None)]


def _report(claim: Claim, work: Any, counts: dict[str, int], good: list[str]) -> None:
    if isinstance(work, str):
        if work:
            counts["without a Coq form"] += 1
            print(f"-        {claim.id}: {work}", flush=True)
        return
    own, mutants, _ = work
    result = own.result()
    if result is None:
        counts["left out"] += 1
        return
    accepted, complaint, seconds = result
    counts["accepted" if accepted else "refused"] += 1
    good += [claim.id] * accepted
    print(f"{'accepted' if accepted else 'REFUSED '} {claim.id} ({seconds:.1f} s){complaint}", flush=True)
    for name, run in mutants if accepted else ():
        outcome = (False, "", 0.0) if run is None else run.result()
        if outcome is None:
            counts["left out"] += 1
            continue
        lives = outcome[0] or "no answer" in outcome[1]
        counts["MUTANTS ACCEPTED" if lives else "mutants refused"] += 1
        if lives:
            print(f"         MUTANT ACCEPTED: {name}{outcome[1]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
