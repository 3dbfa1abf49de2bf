"""Near misses: what somebody who typed a name that does not exist may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """``"; did you mean this or that?"``, or the empty string where nothing is near."""
    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(word, names, n=3, cutoff=cutoff)
    if not near:
        folded = {name.lower(): name for name in names}
        near = [folded[m] for m in difflib.get_close_matches(word.lower(), folded, n=3, cutoff=cutoff)]
    return f"; did you mean {' or '.join(near)}?" if near else ""
