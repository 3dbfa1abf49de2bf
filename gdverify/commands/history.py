"""`gdverify history`."""

from __future__ import annotations

import difflib
import json
from argparse import Namespace
from typing import Any

from ..errors import UsageError


def main(args: Namespace) -> int:
    """`gdverify history`."""
    from ..database import Database

    database = Database()
    if args.claim is None:
        claims = database.claims()
        print(json.dumps({"claims": claims}, indent=1) if args.json else "\n".join(claims))
        return 0
    rows = database.history(args.claim, args.most)
    if not rows:
        near = difflib.get_close_matches(args.claim, database.claims(), n=3, cutoff=0.6)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"no run on this machine has given a verdict on {args.claim!r}{hint}")
    if args.json:
        print(json.dumps({"claim": args.claim, "runs": rows}, indent=1, ensure_ascii=False))
        return 0
    print(args.claim)
    for row in rows:
        settings = row["settings"]
        about = f"{settings['tier']}, seed {settings['seed']}, gdverify {row['versions'].get('gdverify', '?')}"
        word = row["verdict"] + (f" ({row['qualifier']})" if row["qualifier"] else "")
        print(f"  {row['started'][:19].replace('T', ' ')}  {word:<22} {about}")
        for figure in row["figures"]:
            print(f"    {figure['kind']:<11} {figure['name']}: {_said(figure)}")
    return 0


def _said(figure: dict[str, Any]) -> str:
    from ..display import number, plural

    parts = [figure["verdict"], plural(figure["cases"], "case") if figure["kind"] != "derivation" else ""]
    parts.append(plural(figure["samples"], "sample") if figure["samples"] else "")
    parts.append(f"quantity/bound at most {number(figure['ratio'])}" if figure["ratio"] is not None else "")
    parts.append(f"smallest margin {number(figure['margin'])}" if figure["margin"] is not None else "")
    return ", ".join(filter(None, parts))
