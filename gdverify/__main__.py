"""``python -m gdverify``."""

import contextlib
import os
import sys

if __name__ == "__main__":
    # Python puts the current folder first on the path: nothing in it may take an installed package's place
    # (a folder ``theorems`` of the user's is likely), unless gdverify itself runs from there.
    with contextlib.suppress(OSError):  # a folder that is gone holds nothing
        here = os.getcwd()
        ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        if sys.path[:1] in ([here], [""]) and not os.path.samefile(here, ours):
            del sys.path[0]
    from gdverify.cli import main

    sys.exit(main())
