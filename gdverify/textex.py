"""Plain text as LaTeX: everything escaped, in ASCII, so that it compiles in any document whatever its encoding."""

from __future__ import annotations

import re
import unicodedata

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}",
    "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"{\char34}", "`": r"{\char96}",
    "ı": r"{\i}", "ȷ": r"{\j}", "ł": r"{\l}", "Ł": r"{\L}", "ø": r"{\o}", "Ø": r"{\O}", "æ": r"{\ae}", "Æ": r"{\AE}",
    "œ": r"{\oe}", "Œ": r"{\OE}", "å": r"{\aa}", "Å": r"{\AA}", "ß": r"{\ss}",
    "–": r"\textendash{}", "—": r"\textemdash{}", "‘": "{\\char96}", "’": "'", "”": "''",
    "“": "{\\char96}{\\char96}", "…": r"\dots{}", "§": r"\S{}",
    "·": r"\ensuremath{\cdot}", "×": r"\ensuremath{\times}", "±": r"\ensuremath{\pm}",
    "²": r"\ensuremath{^2}", "³": r"\ensuremath{^3}", "°": r"\ensuremath{^\circ}", "≤": r"\ensuremath{\le}",
    "≥": r"\ensuremath{\ge}", "≠": r"\ensuremath{\ne}", "→": r"\ensuremath{\to}", "∞": r"\ensuremath{\infty}",
    "≍": r"\ensuremath{\asymp}", "√": r"\ensuremath{\surd}", "∇": r"\ensuremath{\nabla}", "∈": r"\ensuremath{\in}",
    "ℝ": r"\ensuremath{\mathbf R}", "‖": r"\ensuremath{\|}", "−": r"\ensuremath{-}", "⊤": r"\ensuremath{\top}",
    "⟨": r"\ensuremath{\langle}", "⟩": r"\ensuremath{\rangle}", "∑": r"\ensuremath{\sum}", "⊗": r"\ensuremath{\otimes}",
}  # fmt: skip
_ACCENTS = {
    "\u0300": r"\`", "\u0301": r"\'", "\u0302": r"\^", "\u0303": r"\~", "\u0304": r"\=", "\u0306": r"\u",
    "\u0307": r"\.", "\u0308": r"\"", "\u030a": r"\r", "\u030b": r"\H", "\u030c": r"\v", "\u0327": r"\c",
    "\u0328": r"\k", "\u0323": r"\d",
}  # fmt: skip
_GREEK = re.findall(
    r"\w+",
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega",
)


def escape(text: str) -> str:
    """Text as LaTeX in ASCII; a character that LaTeX has no plain name for is written as its code point.

    White space of any kind becomes one space, dashes keep their number, and control characters vanish.
    """
    line = " ".join(unicodedata.normalize("NFC", text).split())
    return re.sub("-(?=-)", "-{}", "".join(map(_character, line)))


def _character(c: str) -> str:
    if c in _SPECIAL:
        return _SPECIAL[c]
    if " " <= c <= "~":
        return c
    if unicodedata.category(c)[0] == "C":
        return ""
    parts = unicodedata.normalize("NFD", c)
    if len(parts) == 2 and parts[1] in _ACCENTS and (parts[0].isascii() or parts[0] == "ı"):
        return f"{{{_ACCENTS[parts[1]]}{{{_SPECIAL.get(parts[0], parts[0])}}}}}"
    words = unicodedata.name(c, "").split()
    if words[:1] == ["GREEK"] and len(words) == 4 and words[2] == "LETTER":
        name = words[3].replace("LAMDA", "LAMBDA").lower()
        name = name.capitalize() if words[1] == "CAPITAL" else name
        if name in _GREEK:
            return rf"\ensuremath{{\{name}}}"
    return rf"\texttt{{U+{ord(c):04X}}}"


def code(text: str) -> str:
    """Typewriter text that may break after points, dashes, slashes, underscores, commas and equals signs."""
    out = []
    for c in " ".join(text.split()):
        out.append("-{}" if c == "-" else _character(c))
        if c in "._-/,=:":
            out.append(r"\allowbreak ")
    return rf"\texttt{{{''.join(out)}}}"


def key(name: str) -> str:
    """A name for ``\\cite``, ``\\label`` and BibTeX: a slug or an id as it is, anything else made one."""
    return re.sub(r"[^A-Za-z0-9.:-]", "-", name)
