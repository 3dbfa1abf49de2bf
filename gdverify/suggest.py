"""Near misses: what somebody who typed a name that does not exist may have meant."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """``"; did you mean this or that?"``, or the empty string where nothing is near."""
    import difflib

    names = list(dict.fromkeys(known))
    near = difflib.get_close_matches(word, names, n=3, cutoff=cutoff)
    if not near:
        folded = {name.lower(): name for name in names}
        near = [folded[m] for m in difflib.get_close_matches(word.lower(), folded, n=3, cutoff=cutoff)]
    return f"; did you mean {' or '.join(near)}?" if near else ""


def no_such_parameter(name: str, known: Iterable[str]) -> str:
    """The complaint about ``--set`` with a name that no claim has."""
    names = sorted(known)
    return f"--set {name}: no such parameter (have: {', '.join(names) or 'none'}){did_you_mean(name, names)}"
