"""HTML that cannot be forgotten to be escaped: text becomes markup only through `el`."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any

_VOID = frozenset({"br", "col", "hr", "input", "link", "meta"})
# what no text needs: control characters (tab and newline may stay), lone surrogates, and the characters that make a
# line be displayed in another order than it is written
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff]")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: Any) -> Markup:
    """A value as escaped text; characters that no document may hold become U+FFFD."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(_UNWANTED.sub("\ufffd", str(value))))


def join(*parts: Any) -> Markup:
    """Parts one after the other, text escaped; None is nothing, and iterables are flattened."""
    return Markup("".join(_flat(parts)))


def _flat(parts: Iterable[Any]) -> Iterable[str]:
    for part in parts:
        if part is None:
            continue
        if isinstance(part, (list, tuple)):
            yield from _flat(part)
        else:
            yield text(part)


def el(name: str, /, *children: Any, **attributes: Any) -> Markup:
    """An element; ``class_="x"`` and ``aria_label="y"`` are written class and aria-label.

    Attributes that are None or False are left out, True writes the bare name.
    """
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        written.append(f" {key}" if value is True else f' {key}="{text(value)}"')
    head = f"<{name}{''.join(written)}>"
    return Markup(head if name in _VOID else f"{head}{join(*children)}</{name}>")


def shortened(value: Any, most: int = 2000) -> str:
    """Text of at most so many characters; the JSON report has all of it."""
    value = str(value)
    return value if len(value) <= most else f"{value[:most]} … ({len(value):,} characters; in full in the JSON report)"
