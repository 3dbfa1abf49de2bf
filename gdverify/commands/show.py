"""`gdverify show`."""

from __future__ import annotations

from argparse import Namespace


def main(args: Namespace) -> int:
    """`gdverify show`."""
    from ..discover import select
    from ..page import latex, page

    for number, located in enumerate(select([args.claim])):
        if number:
            print()
        print("\n".join(latex(located) if args.latex else page(located)))
    return 0
