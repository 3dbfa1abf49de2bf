"""`gdverify recheck`."""

from __future__ import annotations

from argparse import Namespace


def main(args: Namespace) -> int:
    """`gdverify recheck`."""
    from ..recheck.__main__ import main

    return main(args.files)
