"""``python -m gdverify``."""

import os
import sys

if __name__ == "__main__":
    # Python puts the current folder first on the path: nothing in it may take an installed package's place
    # (a folder ``theorems`` of the user's is likely), unless gdverify itself runs from there.
    if sys.path[:1] in ([os.getcwd()], [""]) and not os.path.samefile(
        os.getcwd(), os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    ):
        del sys.path[0]
    from gdverify.cli import main

    sys.exit(main())
