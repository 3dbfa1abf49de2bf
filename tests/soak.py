"""Soak: the whole catalogue again and again with different seeds; every verdict that is not the same is reported.

    python -m tests.soak --seeds 50 [--first 1] [--jobs N] [--json FILE] [CLAIM ...] [-- OPTION ...]

Derivations do not depend on the seed and come from the store after the first round.  A round that is interrupted costs
itself only: FILE is written after each one, and seeds that it holds are not run again.  OPTIONs go to `gdverify check`:
a few claims alone get larger shares of alpha than the whole catalogue, unless `--alpha` says otherwise.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any


def one_round(seed: int, claims: list[str], jobs: int | None, more: list[str]) -> dict[str, Any]:
    """Verdicts of one seed by claim, with the reason of those that do not pass."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "gdverify", "check", *(claims or ["--all"]), "--seed", str(seed)]
        command += ["--json", str(report), "--device", "cpu", *(["--jobs", str(jobs)] if jobs else []), *more]
        began = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if not report.is_file():  # the run itself failed: that is a finding too
            return {"seed": seed, "seconds": 0, "verdicts": {"(the run)": "error"}, "why": {"(the run)": ["no report"]}}
        data = json.loads(report.read_text(encoding="utf-8"))
    out: dict[str, Any] = {"seed": seed, "seconds": round(time.monotonic() - began, 1), "verdicts": {}, "why": {}}
    for claim in data["claims"]:
        out["verdicts"][claim["id"]] = claim["verdict"]
        if claim["verdict"] != "pass":
            bad = [o for o in claim["evidence"] if o["verdict"] != "pass"]
            out["why"][claim["id"]] = [f"{o['kind']} {o['name']} {o['case']}: {o['message']}" for o in bad][:5] or [
                claim["reservation"]
            ]
    return out


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("claims", nargs="*", metavar="CLAIM")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--json", type=Path, metavar="FILE")
    here = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options, more = parser.parse_args(sys.argv[1:here]), sys.argv[here + 1 :]
    rounds: list[dict[str, Any]] = []
    if options.json and options.json.is_file():
        rounds = json.loads(options.json.read_text(encoding="utf-8"))
    for seed in range(options.first, options.first + options.seeds):
        if any(r["seed"] == seed for r in rounds):
            continue
        found = one_round(seed, options.claims, options.jobs, more)
        rounds.append(found)
        print(f"seed {seed}: {len(found['verdicts'])} claims, {found['seconds']} s", flush=True)
        for claim, why in found["why"].items():
            print(f"  {found['verdicts'][claim]}  {claim}: {'; '.join(why)}", flush=True)
        if options.json:
            options.json.write_text(json.dumps(rounds, indent=1), encoding="utf-8")
    by_claim: dict[str, Counter[str]] = {}
    for one in rounds:
        for claim, verdict in one["verdicts"].items():
            by_claim.setdefault(claim, Counter())[verdict] += 1
    moving = {claim: counts for claim, counts in by_claim.items() if len(counts) > 1}
    print(f"{len(rounds)} rounds, {len(by_claim)} claims, {len(moving)} with verdicts that differ")
    for claim, counts in sorted(moving.items()):
        print(f"  {claim}: {', '.join(f'{n} {verdict}' for verdict, n in counts.most_common())}")
    return 1 if moving else 0


if __name__ == "__main__":
    sys.exit(main())
