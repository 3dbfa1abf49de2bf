"""LaTeX as MathML, through the library latex2mathml.

Its tree is rebuilt from an allowed list of elements and attributes: the input is not trusted, and the output is to be
small.  What it does not know, or is not installed for, is shown as LaTeX source.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Container, Sequence
from functools import lru_cache
from typing import Any

from .markup import Markup, el, join, shortened, text

LONGEST = 2000  # characters of LaTeX that are typeset

# fmt: off
_ELEMENTS = frozenset((
    "math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom", "mprescripts",
    "mroot", "mrow", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder",
    "munderover", "none",
))
_ATTRIBUTES = frozenset((
    "accent", "accentunder", "columnalign", "depth", "displaystyle", "form", "height", "linethickness", "lspace",
    "mathvariant", "maxsize", "minsize", "notation", "rspace", "scriptlevel", "separator", "stretchy", "voffset",
    "width",
))
# fmt: on
_SCRIPTS = ("msub", "msup", "msubsup")
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9.+\- ]*")
_ENTITY = re.compile(r"&#x([0-9A-Fa-f]{2,6});")
_TALL = frozenset({"mfrac", "mtable", "munder", "mover", "munderover", "mroot"})
_OPEN, _CLOSE = "([{⟨⌈⌊", ")]}⟩⌉⌋"
_BRACKETS = frozenset(_OPEN + _CLOSE)
_TIGHT = frozenset("|‖/")
_RELATIONS = frozenset("=<>≤≥≠≈≡∼→⟹⇒⟺⇔∈⊆⪯⪰≺≻≔∝≲≳≍⟶")
_COMMAND = re.compile(r"\\[A-Za-z]+\*?|\\.|[A-Za-z]+|.", re.DOTALL)
_WORDS_INSIDE = frozenset(
    {rf"\{name}" for name in ("text", "mathrm", "operatorname", "operatorname*", "begin", "end", "mathbf", "mathcal")}
    | {rf"\{name}" for name in ("mathbb", "mathit", "mathsf", "mathtt", "textrm", "textbf", "textit", "hspace")}
)
_NAMES = {"arg": r"\operatorname{arg}", "star": r"\star"}
_SIGNS = {
    r"\langle": "⟨",
    r"\rangle": "⟩",
    r"\|": "‖",
    r"\lfloor": "⌊",
    r"\rfloor": "⌋",
    r"\lceil": "⌈",
    r"\rceil": "⌉",
    "~": "∼",
}
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
        tree = convert_to_element(_prepared(latex, words))
    except Exception:  # whatever hostile or unusual input does to the library: the source is shown instead
        return None
    try:
        row = _clean(tree)
    except (_Unknown, RecursionError):
        return None
    parts = [f"<math>{''.join(node.write() for node in part)}</math>" for part in _lines(row)]
    return Markup("<wbr>".join(parts))


def _prepared(latex: str, words: bool) -> str:
    """Commands that the library lacks; and letters side by side upright where ``words`` says that they are names."""
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
    said = _SIGNS.get(said, said)
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
    if node.name == "mi" and said in _RELATIONS and said:
        return _Node("mo", {}, [], said)
    if node.name == "mo" and len(said) > 1 and said.isalpha():
        return _Node("mi", {}, [], said)
    if node.name == "mo" and said in _TIGHT and attributes.get("stretchy") != "true" and "minsize" not in attributes:
        return _Node("mi", {}, [], said)  # neither stretched nor spaced
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
    out = _grouped(out)
    for node in out:
        if node.name == "mi" and len(node.text) > 1:
            node.attributes.pop("mathvariant", None)  # a name of several letters is upright as it is
    tall = any(node.tall for node in out)
    for before, node in zip([None, *out], out, strict=False):
        if node.name != "mo":
            continue
        if node.text in _BRACKETS:
            stretched = node.attributes.pop("stretchy", "true") == "true"
            node.attributes.pop("form", None)  # first and last in their row
            if "minsize" not in node.attributes and not (tall and stretched):
                node.name = "mi"  # written like a letter: a sign would be stretched and spaced
        elif node.text in ("−", "+") and before is not None and _opens(before):
            node.attributes["form"] = "prefix"
    return _spaced(out)


def _grouped(nodes: Sequence[_Node]) -> list[_Node]:
    """A row in which an exponent of a closing bracket is one of all that is in the brackets."""
    out: list[_Node] = []
    for node in nodes:
        base = node.children[0] if node.name in _SCRIPTS and node.children else None
        if base is not None and base.text and base.text in _CLOSE:
            start = _opening(out, base.text)
            if start is not None:
                node.children[0] = _Node("mrow", {}, _row([*out[start:], base]))
                del out[start:]
        out.append(node)
    return out


def _opening(nodes: Sequence[_Node], close: str) -> int | None:
    """Position of the bracket that a closing bracket after these nodes belongs to."""
    depth = 0
    for position in range(len(nodes) - 1, -1, -1):
        sign = nodes[position].text if nodes[position].name in ("mo", "mi") else ""
        if sign and sign in _CLOSE:
            depth += 1
        elif sign and sign in _OPEN:
            if depth == 0:
                return position if _OPEN.index(sign) == _CLOSE.index(close) else None
            depth -= 1
    return None


def _opens(node: _Node) -> bool:
    """Whether a minus after it is a sign."""
    return node.text in (*_OPEN, ",", *_RELATIONS) and node.name in ("mo", "mi")


def _is_sign(node: _Node) -> bool:
    return node.name == "mo" or (node.name == "mi" and node.text in _BRACKETS)


def _spaced(nodes: Sequence[_Node]) -> list[_Node]:
    """A thin space between a name and what follows or precedes it, unless that is a sign or a bracket."""
    out: list[_Node] = []
    for node in nodes:
        last = out[-1] if out else None
        if last is not None and (node.word or last.word):
            fenced = node.name == "mrow" and node.children and _is_sign(node.children[0])
            if not (fenced or any(_is_sign(n) or n.name in ("mspace", "mtext") for n in (node, last))):
                out.append(_Node("mspace", {"width": "0.167em"}, []))
        out.append(node)
    return out


def _lines(row: Sequence[_Node]) -> list[list[_Node]]:
    """A long row cut after its wide spaces and commas; long parts of it before relations; and these before terms."""
    out: list[list[_Node]] = []
    for part in _cut(row, "", spaces=True) if _length(row) > 24 else [list(row)]:
        for side in _cut(part, _RELATIONS) if _length(part) > 24 else [part]:
            terms = _cut(side, "+−") if _length(side) > 48 else [side]
            for term in terms[1:]:
                term[0].attributes["form"] = "infix"  # at the start of a formula it would be a sign
            out += terms
    return out


def _length(row: Sequence[_Node]) -> int:
    return sum(node.length for node in row)


def _cut(row: Sequence[_Node], before: Container[str], spaces: bool = False) -> list[list[_Node]]:
    """A row cut before some signs, or behind wide spaces and spaces after commas, where no bracket is open."""
    parts: list[list[_Node]] = [[]]
    depth = bars = 0
    for node in row:
        sign = node.text if _is_sign(node) else ""
        last = parts[-1][-1] if parts[-1] else None
        free = depth == 0 and bars % 2 == 0
        if sign and free and last is not None and not _opens(last) and sign in before:
            parts.append([])
        parts[-1].append(node)
        bar = node.children[0] if node.name in _SCRIPTS and node.children else node
        bars += bar.text in ("|", "‖")
        depth = max(0, depth + (sign in _OPEN) - (sign in _CLOSE)) if sign else depth
        if spaces and free and last is not None and _parts(node, last):
            parts.append([])
    return [part for part in parts if part]


def _parts(node: _Node, last: _Node) -> bool:
    """Whether a line may end with this space."""
    if node.name == "mspace" and node.attributes.get("width", "").startswith(("1", "2")):
        return True
    return last.text in (",", ";", ":") and (node.name == "mspace" or (node.name == "mtext" and not node.text.strip()))
