"""The LaTeX of statements, read before it is written into a document.

A statement is its author's LaTeX, and one stray brace would break the document that holds it.  So it is parsed: groups
and ``\\left``/``\\right`` in balance, at most one script of a kind on an atom, commands and environments of amsmath
and amssymb alone, each with its arguments.  What is written out is made from the parse, with every argument in braces.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .textex import escape

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\s+|.", re.DOTALL)
_DEEPEST = 60  # TeX itself gives up at 255 groups


class NotMath(ValueError):
    """LaTeX that is not used in math mode, and why."""


def _words(text: str) -> frozenset[str]:
    return frozenset("\\" + word for word in text.split())


_OPERATORS = _words(
    "sum prod coprod int iint iiint oint bigcup bigcap bigvee bigwedge bigoplus bigotimes bigodot biguplus bigsqcup "
    "lim liminf limsup max min sup inf det gcd Pr injlim projlim varlimsup varliminf"
)
_SYMBOLS = _OPERATORS | _words(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu xi pi varpi "
    "rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi "
    "Psi Omega varGamma varDelta varTheta varLambda varXi varPi varSigma varUpsilon varPhi varPsi varOmega digamma "
    "aleph beth ell hbar hslash imath jmath wp Re Im partial nabla infty emptyset varnothing top bot angle forall "
    "exists nexists neg lnot prime backprime complement eth mho surd flat natural sharp triangle square blacksquare "
    "Box Diamond lozenge bigstar clubsuit diamondsuit heartsuit spadesuit checkmark S P "
    "pm mp times div ast star circ bullet cdot cap cup uplus sqcap sqcup vee wedge lor land setminus smallsetminus wr "
    "diamond bigtriangleup bigtriangledown triangleleft triangleright oplus ominus otimes oslash odot bigcirc dagger "
    "ddagger amalg boxplus boxminus boxtimes boxdot circledast circledcirc ltimes rtimes dotplus divideontimes "
    "le leq leqslant leqq ge geq geqslant geqq ne neq equiv sim simeq approx approxeq cong propto varpropto asymp "
    "doteq doteqdot ll gg lll ggg lesssim gtrsim lessapprox gtrapprox lessgtr gtrless prec succ preceq succeq "
    "preccurlyeq succcurlyeq precsim succsim subset supset subseteq supseteq subsetneq supsetneq nsubseteq nsupseteq "
    "sqsubset sqsupset sqsubseteq sqsupseteq in ni notin owns mid nmid parallel nparallel perp vdash dashv models "
    "vDash Vdash nless ngtr nleq ngeq nprec nsucc nsim ncong smile frown bowtie Join between therefore because "
    "triangleq bumpeq Bumpeq eqsim backsim multimap trianglelefteq trianglerighteq "
    "to gets leftarrow rightarrow leftrightarrow Leftarrow Rightarrow Leftrightarrow longleftarrow longrightarrow "
    "longleftrightarrow Longleftarrow Longrightarrow Longleftrightarrow iff implies impliedby mapsto longmapsto "
    "hookleftarrow hookrightarrow uparrow downarrow updownarrow Uparrow Downarrow Updownarrow nearrow searrow swarrow "
    "nwarrow leftharpoonup leftharpoondown rightharpoonup rightharpoondown rightleftharpoons leadsto rightsquigarrow "
    "nrightarrow nleftarrow nRightarrow nLeftarrow upharpoonright restriction curvearrowright circlearrowright "
    "arccos arcsin arctan arg cos cosh cot coth csc deg dim exp hom ker lg ln log sec sin sinh tan tanh bmod "
    "dots ldots cdots vdots ddots dotsc dotsb dotsm dotsi dotso colon quad qquad enspace thinspace medspace "
    "thickspace negthinspace lbrace rbrace lbrack rbrack langle rangle lfloor rfloor lceil rceil vert Vert lvert "
    "rvert lVert rVert backslash lgroup rgroup ulcorner urcorner llcorner lrcorner"
)
_SIGNS = frozenset("\\" + sign for sign in ",;:!>| {}_%&#$")
_FONTS = _words(
    "mathbb mathcal mathfrak mathrm mathbf mathsf mathtt mathit mathnormal boldsymbol pmb operatorname operatorname* "
    "hat widehat tilde widetilde bar overline underline vec dot ddot dddot acute grave breve check mathring "
    "overrightarrow overleftarrow overbrace underbrace mathbin mathrel mathop mathord mathopen mathclose mathpunct "
    "boxed phantom hphantom vphantom smash"
)
_ARGUMENTS = dict.fromkeys(_FONTS, 1) | {
    name: count
    for count, names in ((1, "xrightarrow xleftarrow pmod pod"), (2, "frac tfrac dfrac cfrac binom tbinom dbinom "
    "overset underset stackrel"))
    for name in _words(names)
}  # fmt: skip
_TEXTS = _words("text textrm textit textbf textsf texttt textnormal mbox")
_STYLES = _words("displaystyle textstyle scriptstyle scriptscriptstyle allowbreak")
_SIZES = _words("big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr bigm Bigm biggm Biggm")
_DELIMITERS = frozenset("()[]|/.<>") | _words(
    "{ } | langle rangle lfloor rfloor lceil rceil vert Vert lvert rvert lVert rVert lbrace rbrace lbrack rbrack "
    "backslash uparrow downarrow updownarrow Uparrow Downarrow Updownarrow lgroup rgroup ulcorner urcorner llcorner "
    "lrcorner"
)
_MATRICES = ("matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix", "aligned")
_COLUMNS = dict.fromkeys(_MATRICES, 10) | {"cases": 2}
_PLAIN = frozenset('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-*/=<>()[]|.,:;!?"`@')
_SPACES = _words(", ; : ! > quad qquad enspace thinspace medspace thickspace negthinspace")


@dataclass
class _Node:
    """A piece of a formula; ``write(top)`` is its LaTeX, ``top`` where a line may break."""

    write: Callable[[bool], str]
    width: int  # letters and signs, roughly as wide as printed
    limits: bool = False
    superscript: bool = False
    subscript: bool = False
    closed: bool = False  # by delimiters of its own, so that a script on it is on all of it


@dataclass
class _Reader:
    tokens: list[str] = field(default_factory=list)
    at: int = 0
    depth: int = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def skip_space(self) -> None:
        while self.peek().isspace():
            self.at += 1

    # -- lists ----------------------------------------------------------------------------------------------------

    def items(self, stop: str, cells: bool = False) -> list[_Node]:
        """Atoms with their scripts up to the token ``stop``, which is not taken."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NotMath("nested too deeply")
        out: list[_Node] = []
        while True:
            self.skip_space()
            token = self.peek()
            if token == stop:
                self.depth -= 1
                return out
            if token in ("", "}", "\\right", "\\end"):
                raise NotMath(f"{token or 'the end'} where {stop or 'more'} is expected")
            if token in ("&", "\\\\"):
                if not cells:
                    raise NotMath(f"{token} outside a matrix or an alignment")
                self.at += 1
                if token != "&":
                    self.skip_space()
                    if self.peek() in ("[", "*"):
                        raise NotMath("\\\\ with an option")
                out.append(_plain(token if token == "&" else token + " ", 1))
            elif token in ("^", "_", "'"):
                self.script(out)
            elif token in ("\\limits", "\\nolimits"):
                if not out or not out[-1].limits:
                    raise NotMath(f"{token} does not follow an operator")
                self.at += 1
                out[-1] = _joined([out[-1], _plain(token + " ", 0)], limits=True)
            else:
                out.append(self.atom())

    def script(self, out: list[_Node]) -> None:
        """Put a script on the last atom; primes count as superscripts, which one more may follow directly."""
        mark = self.next()
        base = out.pop() if out else _plain("{}", 0)
        if mark == "'":
            if base.superscript:
                raise NotMath("two superscripts")
            primes = "'"
            while self.peek() == "'":
                primes += self.next()
            if self.peek() == "^":
                self.at += 1
                above = self.argument()
                out.append(_scripted(base, lambda top: "^{" + r"\prime " * len(primes) + above.write(False) + "}",
                                     above.width // 2 + 1, "^"))  # fmt: skip
            else:
                out.append(_scripted(base, lambda top: "^{" + r"\prime " * len(primes) + "}", 1, "^"))
            return
        if base.superscript if mark == "^" else base.subscript:
            raise NotMath(f"two {'super' if mark == '^' else 'sub'}scripts")
        script = self.argument()
        out.append(_scripted(base, lambda top: f"{mark}{{{script.write(False)}}}", max(1, script.width // 2), mark))

    def argument(self) -> _Node:
        """What a command or a script takes: a group, or one atom."""
        self.skip_space()
        token = self.peek()
        if token == "{":
            self.at += 1
            inside = _joined(self.items("}"))
            self.at += 1
            return inside
        if token in ("", "}", "^", "_", "&", "'", "\\\\", "\\right", "\\end", "\\limits", "\\nolimits"):
            raise NotMath(f"{token or 'the end'} where an argument is expected")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NotMath("nested too deeply")
        atom = self.atom()
        self.depth -= 1
        return atom

    # -- atoms ----------------------------------------------------------------------------------------------------

    def atom(self) -> _Node:
        token = self.next()
        if token == "{":
            start = self.at
            inside = _joined(self.items("}"))
            opens = inside.width > _LONG and not _STYLES.intersection(self.tokens[start : self.at])
            self.at += 1
            return _Node(
                lambda top: inside.write(True) if top and opens else "{" + inside.write(False) + "}", inside.width
            )
        if token in _PLAIN:
            return _plain(token, 1)
        if token == "~":
            return _plain(r"\ ", 1)
        if token in _OPERATORS:
            return _Node(lambda top: token + " ", 2, limits=True)
        if token in _SIGNS:
            return _plain(token, 1)
        if token in _SYMBOLS or token in _STYLES:
            wide = 0 if token in _STYLES else len(token) - 1 if token in _FUNCTIONS else 1
            return _plain(token + " ", wide)
        if token == "\\left":
            return self.fence()
        if token in _SIZES:
            return _plain(token + self.delimiter(), 1)
        if token == "\\middle":
            raise NotMath("\\middle")
        if token == "\\not":
            after = self.next()
            if after not in ("=", "<", ">") and after not in _SYMBOLS:
                raise NotMath("\\not")
            return _plain(f"\\not{after} ", 1)
        if token == "\\sqrt":
            return self.root()
        if token in _TEXTS:
            return self.words(token)
        if token == "\\begin":
            return self.environment()
        if token in _ARGUMENTS:
            parts = [self.argument() for _ in range(_ARGUMENTS[token])]
            if token in _FRACTIONS:
                return _fraction(token, *parts)
            return _Node(
                lambda top: token + "".join("{" + node.write(False) + "}" for node in parts),
                max(node.width for node in parts),
                limits=token.startswith("\\operatorname"),
            )
        raise NotMath(f"{token} is not used in statements")

    def delimiter(self) -> str:
        self.skip_space()
        token = self.next()
        if token not in _DELIMITERS:
            raise NotMath(f"{token or 'the end'} is no delimiter")
        return token + " " * token.startswith("\\")

    def fence(self) -> _Node:
        left = self.delimiter()
        inside = _joined(self.items("\\right"))
        self.at += 1
        right = self.delimiter()

        def write(top: bool) -> str:
            if top and inside.width > _LONG and "." not in (left, right):
                return rf"\bigl{left}{inside.write(True)}\bigr{right}"  # TeX breaks no line between \left and \right
            return rf"\left{left}{inside.write(False)}\right{right}"

        return _Node(write, inside.width + 2, closed=True)

    def root(self) -> _Node:
        self.skip_space()
        degree = None
        if self.peek() == "[":
            self.at += 1
            degree = _joined(self.items("]"))
            self.at += 1
        inside = self.argument()
        index = (lambda: "[{" + degree.write(False) + "}]") if degree else (lambda: "")
        return _Node(lambda top: rf"\sqrt{index()}{{{inside.write(False)}}}", inside.width + 1)

    def words(self, command: str) -> _Node:
        """The text of ``\\text{...}``; formulas between dollars in it are read as formulas."""
        self.skip_space()
        if self.next() != "{":
            raise NotMath(f"{command} without braces")
        out, level, width = [], 1, 0
        while True:
            token = self.next()
            if token == "":
                raise NotMath(f"{command} does not end")
            if token == "{":
                level += 1
            elif token == "}":
                level -= 1
                if level == 0:
                    break
            elif token == "$":
                inside = _joined(self.items("$"))
                self.at += 1
                width += inside.width
                out.append(f"${inside.write(False)}$")
                continue
            elif token.startswith("\\"):
                if token not in _TEXT_SIGNS:
                    raise NotMath(f"{token} in {command}")
                out.append(_TEXT_SIGNS[token])
                width += 1
                continue
            elif token in ("#", "%", "&", "^", "_"):
                raise NotMath(f"{token} in {command}")
            else:
                out.append(" " if token.isspace() else token if token in " ~-" or token in _PLAIN else escape(token))
                width += 1
        return _Node(lambda top: f"{command}{{{''.join(out)}}}", width)

    def environment(self) -> _Node:
        name = self.name()
        if name not in _COLUMNS:
            raise NotMath(f"the environment {name}")
        nodes = self.items("\\end", cells=True)
        inside = _joined(nodes)
        self.at += 1
        rows = "".join({"&": "&", "\\\\ ": "/"}.get(node.write(False), "") for node in nodes).split("/")
        if max(map(len, rows)) >= _COLUMNS[name]:
            raise NotMath(f"too many columns in {name}")
        if self.name() != name:
            raise NotMath(f"\\begin{{{name}}} does not end")
        begin, end = f"\\begin{{{name}}}", f"\\end{{{name}}}"
        return _Node(lambda top: begin + inside.write(False) + end, inside.width)

    def name(self) -> str:
        found = ""
        if self.next() == "{":
            while self.peek().isalpha() and len(self.peek()) == 1:
                found += self.next()
            if self.next() == "}":
                return found
        raise NotMath("an environment without a name")


_LONG = 30
_FRACTIONS = _words("frac tfrac dfrac")
_FUNCTIONS = _words(
    "arccos arcsin arctan arg cos cosh cot coth csc deg dim exp hom ker lg ln log sec sin sinh tan tanh"
)
_TEXT_SIGNS = {f"\\{c}": f"\\{c}" for c in "%&_#{} ,"} | {f"\\{c}": f"\\{c}{{}}" for c in ("L", "l", "ss")}


def _plain(text: str, width: int) -> _Node:
    return _Node(lambda top: text, width)


def _joined(nodes: list[_Node], limits: bool = False) -> _Node:
    def write(top: bool) -> str:
        out = []
        for node in nodes:
            text = node.write(top)
            out.append(text)
            if top and (text == "," or text.strip() in _SPACES or text == r"\ "):
                out.append(r"\allowbreak ")
        return "".join(out)

    return _Node(write, sum(node.width for node in nodes), limits)


def _scripted(base: _Node, script: Callable[[bool], str], width: int, mark: str) -> _Node:
    return _Node(
        lambda top: base.write(top and base.closed) + script(False),
        base.width + width,
        superscript=base.superscript or mark == "^",
        subscript=base.subscript or mark == "_",
        closed=base.closed,
    )


def _fraction(command: str, above: _Node, below: _Node) -> _Node:
    def write(top: bool) -> str:
        if top and above.width > 2 * _LONG:  # a fraction cannot be broken over lines; a quotient can
            under = below.write(False)
            return rf"\bigl({above.write(True)}\bigr)/" + (under if below.width == 1 else rf"\bigl({under}\bigr)")
        return f"{command}{{{above.write(False)}}}{{{below.write(False)}}}"

    return _Node(write, max(above.width, below.width))


def math(source: str, *, breakable: bool = False) -> str:
    """LaTeX for math mode from a statement's LaTeX, in ASCII; dollars around it are dropped.

    Parameters
    ----------
    breakable : for a formula that may run over lines: breaks are allowed after top-level commas and spaces, and
        within long parentheses and numerators

    Raises
    ------
    NotMath
        it is no formula, or uses what neither TeX, amsmath nor amssymb defines
    """
    text = source.strip()
    if (len(text) - len(text.rstrip("\\"))) % 2 and source.rstrip() != source:
        text += " "  # a control space at the end
    while len(text) > 1 and text[0] == text[-1] == "$":
        text = text[1:-1].strip()
    for opening, closing in ((r"\[", r"\]"), (r"\(", r"\)")):
        text = text.removeprefix(opening).removesuffix(closing) if text.startswith(opening) else text
    if not text:
        raise NotMath("empty")
    if any(c < " " and c != "\n" for c in text):
        raise NotMath("a control character: a backslash was lost")
    reader = _Reader(_TOKEN.findall(text))
    return _joined(reader.items("")).write(breakable).lstrip()
