"""Text of strangers without what drives a terminal, hides itself or breaks a document.

A claim's title, a message of evidence, an entry of a report or a certificate is somebody else's text; nothing of it
reaches a terminal or a file but through here, or through an escaping of its own (HTML, LaTeX).
"""

from __future__ import annotations

import re
from typing import Any

# Control characters (tab and newline may stay), lone surrogates and non-characters: illegal in XML 1.0, and able to
# drive a terminal; and the characters that make a line be displayed in another order than it is written.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


def clean(text: object) -> str:
    """Text without characters that XML forbids or that a terminal obeys (bidirectional overrides too)."""
    return _UNPRINTABLE.sub("", str(text))


def line_of(text: object, most: int = 2000) -> str:
    """The same on one line, cut after ``most`` characters."""
    one = " ".join(clean(" ".join(str(text).split())).split())
    return one if len(one) <= most else one[: most - 1] + "…"


def cleaned(data: Any) -> Any:
    """JSON-like data with every text in it, and every key, made clean."""
    if isinstance(data, str):
        return clean(data)
    if isinstance(data, dict):
        return {clean(k) if isinstance(k, str) else k: cleaned(v) for k, v in data.items()}
    if isinstance(data, (list, tuple)):
        return type(data)(map(cleaned, data))
    return data
