"""LaTeX as MathML, through the library latex2mathml.

Its tree is rebuilt from an allowed list of elements and attributes: the input is not trusted, and the output is to be
small.  What it does not know, or is not installed for, is shown as LaTeX source.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from .markup import Markup, el, join, shortened, text

LONGEST = 2000  # characters of LaTeX that are typeset

_ELEMENTS = frozenset(
    "math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow mspace msqrt mstyle msub "
    "msubsup msup mtable mtd mtext mtr munder munderover none".split()
)
_ATTRIBUTES = frozenset(
    "accent accentunder columnalign depth displaystyle form height linethickness lspace mathvariant maxsize minsize "
    "notation rspace scriptlevel separator stretchy voffset width".split()
)
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9.+\- ]*")
_ENTITY = re.compile(r"&#x([0-9A-Fa-f]{2,6});")
_TALL = frozenset({"mfrac", "mtable", "munder", "mover", "munderover", "mroot"})
_OPEN, _CLOSE = "([{⟨⌈⌊", ")]}⟩⌉⌋"
_RELATIONS = frozenset("=<>≤≥≠≈≡∼→⟹⇒⟺⇔∈⊆⪯⪰≺≻≔∝≲≳≍⟶")
_COMMAND = re.compile(r"\\[A-Za-z]+\*?|\\.|[A-Za-z]+|.", re.DOTALL)
_WORDS_INSIDE = frozenset(
    {rf"\{name}" for name in ("text", "mathrm", "operatorname", "operatorname*", "begin", "end", "mathbf", "mathcal")}
    | {rf"\{name}" for name in ("mathbb", "mathit", "mathsf", "mathtt", "textrm", "textbf", "textit", "hspace")}
)
_NAMES = {"arg": r"\operatorname{arg}", "star": r"\star"}
_FENCES = {r"\langle": "⟨", r"\rangle": "⟩", r"\|": "‖", r"\lfloor": "⌊", r"\rfloor": "⌋", r"\lceil": "⌈", r"\rceil": "⌉"}
_KNOWN = {r"\argmin": r"\operatorname{argmin}", r"\argmax": r"\operatorname{argmax}", r"\arg": r"\operatorname{arg}"}


def available() -> bool:
    """Whether the library is installed."""
    return importlib.util.find_spec("latex2mathml") is not None


class _Unknown(Exception):
    """The library, or the allowed list, does not know something in the formula."""


class _Node:
    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str], children: list[_Node], text: str = ""):
        self.name, self.attributes, self.children, self.text = name, attributes, children, text

    @property
    def tall(self) -> bool:
        return self.name in _TALL or any(c.tall for c in self.children)

    @property
    def length(self) -> int:
        return len(self.text) + sum(c.length for c in self.children)

    @property
    def word(self) -> bool:
        """A name of several letters (log, max, E f), or one with an index."""
        if self.name in ("msub", "msup", "msubsup", "munder"):
            return bool(self.children) and self.children[0].word
        return self.name == "mi" and len(self.text) > 1 and self.text.isalpha()

    def write(self) -> str:
        attributes = "".join(f' {k}="{v}"' for k, v in self.attributes.items())
        if not self.children and not self.text:
            return f"<{self.name}{attributes}/>"
        return f"<{self.name}{attributes}>{text(self.text)}{''.join(c.write() for c in self.children)}</{self.name}>"


def math(latex: str, *, words: bool = False, block: bool = False) -> Markup:
    """A formula: MathML that may break into lines before its relations, or else its source in ``<code>``.

    Parameters
    ----------
    latex : LaTeX of mathematics, with or without dollar signs around it
    words : letters side by side are one name (formulas written by a computer), not a product
    block : a formula on its own, with tall fractions
    """
    latex = str(latex).strip()
    if not latex:
        return Markup("")
    while len(latex) > 1 and latex[0] == latex[-1] == "$":
        latex = latex[1:-1].strip()
    found = _convert(latex, words) if len(latex) <= LONGEST else None
    shown = join(found) if found is not None else el("code", shortened(latex, LONGEST), class_="tex")
    return el("div", shown, class_="math") if block else shown


@lru_cache(maxsize=4096)
def _convert(latex: str, words: bool) -> Markup | None:
    try:
        from latex2mathml.converter import convert_to_element
    except ImportError:
        return None
    try:
        row = _clean(convert_to_element(_prepared(latex, words)))
    except Exception:  # whatever hostile or unusual input does to the library: the source is shown instead
        return None
    parts = [f"<math>{''.join(node.write() for node in part)}</math>" for part in _lines(row)]
    return Markup(" ".join(parts))


def _prepared(latex: str, words: bool) -> str:
    """Commands that the library lacks; and names of several letters upright where ``words`` says that they are names."""
    out: list[str] = []
    tokens = _COMMAND.findall(latex)
    skip = 0  # depth of braces inside \text{...} and the like
    entering = False
    for token in tokens:
        if entering or skip:
            skip += (token == "{") - (token == "}")
            entering = entering and token == " "
            out.append(token)
        elif token in _WORDS_INSIDE:
            entering = True
            out.append(token)
        elif token in _KNOWN:
            out.append(_KNOWN[token])
        elif words and token.isalpha() and len(token) > 2:
            out.append(_NAMES.get(token, rf"\mathrm{{{token}}}"))
        else:
            out.append(token)
    return "".join(out)


def _clean(root: Any) -> list[_Node]:
    node = _rebuilt(root)
    while node.name in ("math", "mrow") and len(node.children) == 1 and node.children[0].name == "mrow":
        node = node.children[0]
    return node.children if node.name in ("math", "mrow") else [node]


def _rebuilt(element: Any) -> _Node:
    """The allowed part of an element of the library's tree."""
    if element.tag not in _ELEMENTS:
        raise _Unknown(element.tag)
    said = _ENTITY.sub(lambda m: chr(int(m[1], 16)), element.text or "")
    said = _FENCES.get(said, said)
    if "\\" in said and said != "\\" and element.tag != "mtext":  # \ itself is the set difference
        raise _Unknown(said)
    attributes = {
        k: v for k, v in element.attrib.items() if k in _ATTRIBUTES and _PLAIN_VALUE.fullmatch(v) and len(v) < 20
    }
    node = _Node(element.tag, attributes, [_rebuilt(child) for child in element], said)
    if node.name in ("mrow", "math", "mtd", "mstyle", "msqrt"):
        node.children = _row(node.children)
    if node.name == "mrow" and len(node.children) == 1 and not node.attributes:
        return node.children[0]
    if node.name == "mo" and len(said) > 1 and said.isalpha():
        return _Node("mi", {}, [], said)
    return node


def _row(nodes: Sequence[_Node]) -> list[_Node]:
    """A row with its letters in roman type joined to names, its bars paired, and brackets no taller than wanted."""
    out: list[_Node] = []
    for node in nodes:
        last = out[-1] if out else None
        roman = node.name == "mi" and node.attributes.get("mathvariant") == "normal" and node.text.isalnum()
        if roman and last is not None and last.name == "mi" and last.attributes.get("mathvariant") == "normal":
            last.text += node.text
        else:
            out.append(node)
    for node in out:
        if node.name == "mi" and len(node.text) > 1:
            node.attributes.pop("mathvariant", None)  # a name of several letters is upright as it is
    tall = any(node.tall for node in out)
    for bar in ("|", "‖"):
        bars = [node for node in out if node.name == "mo" and node.text == bar]
        if len(bars) % 2 == 0:
            for position, node in enumerate(bars):
                node.attributes["form"] = "postfix" if position % 2 else "prefix"
    for node in out:
        if node.name == "mo":
            wanted = node.attributes.get("stretchy")
            if wanted == "true" or (not tall and node.text in (*_OPEN, *_CLOSE, "|", "‖")):
                node.attributes.pop("stretchy", None)
            if node.text in (*_OPEN, *_CLOSE):
                node.attributes.pop("form", None)
    return _spaced(out)


def _spaced(nodes: Sequence[_Node]) -> list[_Node]:
    """A thin space between a name and what follows or precedes it, unless that is a sign or a bracket."""
    out: list[_Node] = []
    for node in nodes:
        if out and node.name not in ("mo", "mspace", "mtext") and out[-1].name not in ("mo", "mspace", "mtext"):
            fenced = node.name == "mrow" and node.children and node.children[0].name == "mo"
            if (node.word or out[-1].word) and not fenced:
                out.append(_Node("mspace", {"width": "0.167em"}, []))
        out.append(node)
    return out


def _lines(row: Sequence[_Node]) -> list[list[_Node]]:
    """A long row cut before its relations, after its wide spaces and commas, where no bracket is open."""
    if sum(node.length for node in row) <= 24:
        return [list(row)]
    parts: list[list[_Node]] = [[]]
    depth = bars = 0
    for node in row:
        sign = node.text if node.name == "mo" else ""
        bars += sign in ("|", "‖")
        free = depth == 0 and bars % 2 == 0
        wide = node.name == "mspace" and node.attributes.get("width", "").startswith(("1", "2"))
        if free and parts[-1] and sign in _RELATIONS and sign:
            parts.append([])
        parts[-1].append(node)
        depth = max(0, depth + (sign in _OPEN) - (sign in _CLOSE)) if sign else depth
        if free and wide and len(parts[-1]) > 1:
            parts.append([])
    return [part for part in parts if part]
