"""`gdverify doctor`."""

from __future__ import annotations

from argparse import Namespace


def main(args: Namespace) -> int:
    """`gdverify doctor`."""
    from ..doctor import lines

    print("\n".join(lines()))
    return 0
