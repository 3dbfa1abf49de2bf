"""Pages of documentation as programs: their fenced blocks, and how each kind of block is run.

What a page may hold:

- ```python  a script of its own, or a file: a first line ``# claims.py`` writes the block to that file, ``# claims.py:
  append`` adds it at the end, ``# claims.py: replace NAME`` puts it where the top-level NAME is defined;
- ```sh  command lines, run by bash in the page's folder; a comment ``# exit code 1`` says what a line ends with (0 if
  nothing is said);
- ```console  command lines after ``$``, and what they print: of that, verdicts, ids and counts are compared, not
  sentences, numbers or timings;
- anything else (text, yaml, json, ini) is for the reader.

``<!-- not run: REASON -->`` on the line before a block keeps it from being run.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

RUN = ("python", "sh", "console")
READ = ("text", "yaml", "json", "ini", "toml", "latex", "bibtex", "xml", "make")
_FENCE = re.compile(r"^( *)```(\w*)\s*$")
_SKIP = re.compile(r"^\s*<!-- not run: (\S.*?) -->\s*$")
_FILE = re.compile(r"^# ([\w./-]+\.\w+)(?:: (append|replace (\w+)))?\n")
_STABLE = (
    re.compile(r"^(PASS|FAIL|ERROR|UNDECIDED|INCONCLUSIVE)\s+(\S+)"),
    re.compile(r"^\s+(derivation|experiment|worst-case)\s+(\w+)\b"),
    re.compile(r"^\s+mutants\s+(\d+ of \d+ killed)"),
    re.compile(r"^\s+(SURVIVES|AUDIT)\b"),
    re.compile(r"^(\d+ claims?: .*)$"),
    re.compile(r"^(\d+ mutants?: \d+ killed, \d+ survived)"),
)


@dataclass(frozen=True)
class Block:
    """One fenced block: ``line`` is where its text starts, ``skip`` the reason why it is not run."""

    language: str
    text: str
    line: int
    skip: str = ""


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a Markdown file, in order."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    opened: tuple[str, str, int, str] | None = None
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if opened is None and fence:
            above = _SKIP.match(lines[number - 2]) if number > 1 else None
            opened = (fence[1], fence[2], number + 1, above[1] if above else "")
        elif opened is not None and fence and not fence[2]:
            indent, language, first, skip = opened
            text = "".join(row.removeprefix(indent) + "\n" for row in lines[first - 1 : number - 1])
            found.append(Block(language, text, first, skip))
            opened = None
    assert opened is None, f"{page}: the block at line {opened[2] if opened else 0} is not closed"
    return found


def file_of(block: Block) -> tuple[str, str] | None:
    """(path, what to do) of a block that belongs into a file."""
    head = _FILE.match(block.text)
    return (head[1], head[2] or "") if head else None


def write(block: Block, folder: Path) -> None:
    """Put a block into its file, as its first line says."""
    name, action = file_of(block) or ("", "")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not action:
        path.write_text(block.text, encoding="utf-8")
        return
    old = path.read_text(encoding="utf-8")
    body = block.text.split("\n", 1)[1]
    if action == "append":
        path.write_text(f"{old.rstrip()}\n\n\n{body}", encoding="utf-8")
        return
    first, last = _definition(old, action.removeprefix("replace "))
    lines = old.splitlines(keepends=True)
    path.write_text("".join([*lines[: first - 1], body, *lines[last:]]), encoding="utf-8")


def _definition(source: str, name: str) -> tuple[int, int]:
    """First and last line of the top-level definition of a name, decorators included."""
    for node in ast.parse(source).body:
        names = [t.id for t in getattr(node, "targets", ()) if isinstance(t, ast.Name)]
        if name in (getattr(node, "name", None), *names):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
            return first, node.end_lineno or first
    raise AssertionError(f"nothing at top level is called {name}")


def script(block: Block) -> str:
    """A block of command lines as a bash script that stops at the first line with another exit code than it says."""
    if block.language == "console":
        commands = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
    else:
        commands = re.sub(r"\\\n", " ", block.text).splitlines()
    out = ["set -u"]
    for command in commands:
        if not command.strip() or command.strip().startswith("#"):
            continue
        said = re.search(r"#.*\bexit code (\d)", command)
        out += [
            command,
            f'code=$?; [ $code -eq {said[1] if said else 0} ] || {{ echo "exit code $code" >&2; exit 99; }}',
        ]
    return "\n".join(out) + "\n"


def stable(text: str) -> list[tuple[str, ...]]:
    """What of an output does not change from run to run: verdicts with their claims, evidence, counts."""
    return [m.groups() for line in text.splitlines() for p in _STABLE if (m := p.match(line))]
