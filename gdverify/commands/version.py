"""`gdverify version`."""

from __future__ import annotations

from argparse import Namespace


def main(args: Namespace) -> int:
    """`gdverify version`."""
    from .. import __version__

    print(f"gdverify {__version__}")
    return 0
