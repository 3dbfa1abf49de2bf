"""`gdverify coverage`."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

from ..errors import UsageError


def main(args: Namespace) -> int:
    """`gdverify coverage`."""
    from .. import coverage as cover
    from ..bibliography import Bibliography
    from ..discover import catalogue

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
