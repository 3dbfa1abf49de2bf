"""The reference pages: written from docstrings, the command line's parser and the schemas, so that they cannot drift.

``python -m gdverify.reference docs/reference`` writes them; the same sources give the same bytes.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

_HEAD = "<!-- Written by `python -m gdverify.reference docs/reference`; do not edit. -->\n\n"

# Modules of the reference, with what a reader comes to them for.
_MODULES = (
    ("gdverify.claim", "The record of a claim"),
    ("gdverify.decision", "Decision kinds: what it means for a claim to be true"),
    ("gdverify.domain", "Domains of symbols"),
    ("gdverify.language", "Vectors, matrices, means, probabilities"),
    ("gdverify.classes", "Assumptions of optimisation"),
    ("gdverify.laws", "Assumptions on random and moving objects"),
    ("gdverify.lemmas", "Lemmas for derivations"),
    ("gdverify.search", "Search for certificates"),
    ("gdverify.instances", "Random functions for experiments"),
    ("gdverify.networks", "Random networks for experiments"),
    ("gdverify.integrate", "Integration in time, for experiments"),
    ("gdverify.optimise", "Optimisation, for experiments"),
    ("gdverify.api", "Checking from Python"),
    ("gdverify.verdict", "A verdict"),
    ("gdverify.verdicts", "Several verdicts"),
    ("gdverify.errors", "Errors"),
)
_OBJECTS = (
    ("gdverify.experiment.backend", "Namespace", "`xp`: arrays in experiments, beside the array API standard"),
    ("gdverify.experiment.random", "Draws", "`rng`: random numbers in experiments"),
    ("gdverify.worstcase.problem", "Problem", "`problem`: a performance-estimation problem"),
)
# Public for other parts of gdverify, of no use to a theorem module.
_INSIDE = {"Evidence", "told_too_much", "draw_cases", "is_vector_atom", "linear_parts", "exact_number", "one_line"}


def pages() -> dict[str, str]:
    """Text of each page, by file name."""
    return {
        "index.md": _index(),
        "api.md": _api(),
        "rules.md": _rules(),
        "cli.md": _cli(),
        "json.md": _json(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pages into a folder."""
    parser = argparse.ArgumentParser(prog="python -m gdverify.reference", description="Write the reference pages.")
    parser.add_argument("folder", type=Path, help="such as docs/reference")
    folder = parser.parse_args(argv).folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
        print(folder / name)
    return 0


def _index() -> str:
    return (
        _HEAD + "# Reference\n\n"
        "* [Python](api.md): everything that a theorem module imports, and what its evidence functions are given\n"
        "* [Rules of a derivation](rules.md): the methods of `proof`\n"
        "* [Command line](cli.md): commands, options, exit codes\n"
        "* [Reports in JSON](json.md): fields of the report and of the audit\n\n"
        "These pages are made from the program itself. They say what each part does, not when to use it: for that see\n"
        "[the tutorial](../tutorial.md) and [the how-to pages](../index.md).\n"
    )


# -- Python ---------------------------------------------------------------------------------------------------------


def _api() -> str:
    from . import _HOME

    out = [_HEAD + "# Python\n"]
    out.append("`from gdverify import …` takes these names; all others are imported from their module:\n")
    out += [f"* from `gdverify.{module}`: " + ", ".join(f"`{n}`" for n in names) for module, names in _HOME.items()]
    out.append("")
    for name, title in _MODULES:
        module = importlib.import_module(name)
        out.append(f"## {title}: `{name}`\n")
        out += _said(inspect.getdoc(module) or "")
        for public in _public(module):
            out += _entry(getattr(module, public), public, "###")
    for name, cls, title in _OBJECTS:
        value = getattr(importlib.import_module(name), cls)
        out.append(f"## {title}\n")
        out += _said(inspect.getdoc(value) or "")
        out += _methods(value, "###")
    return "\n".join(out).rstrip() + "\n"


def _public(module: Any) -> list[str]:
    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and name not in _INSIDE
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
    ]


def _entry(value: Any, name: str, mark: str) -> list[str]:
    """Heading, docstring and public methods of a class or function."""
    doc = _own_doc(value)
    if not doc and not inspect.isclass(value):
        return []
    out = [f"{mark} `{name}{_signature(value)}`\n", *_said(doc)]
    if inspect.isclass(value) and not issubclass(value, BaseException):
        out += _methods(value, mark + "#", f"{name}.")
    return out


def _methods(cls: type, mark: str, prefix: str = "") -> list[str]:
    """Methods with a docstring that the class itself defines."""
    out = []
    for name, member in vars(cls).items():
        function = getattr(member, "__func__", member)
        if isinstance(member, property):
            function = member.fget
        if name.startswith("_") or not inspect.isfunction(function) or not function.__doc__:
            continue
        call = "" if isinstance(member, property) else _signature(function, method=not isinstance(member, staticmethod))
        out += [f"{mark} `{prefix}{name}{call}`\n", *_said(inspect.getdoc(function) or "")]
    return out


def _own_doc(value: Any) -> str:
    doc = value.__dict__.get("__doc__") if inspect.isclass(value) else value.__doc__
    if not doc or doc.startswith(f"{getattr(value, '__name__', '')}("):  # what @dataclass writes
        return ""
    return inspect.cleandoc(doc)


def _signature(value: Callable[..., Any], method: bool = False) -> str:
    """Names and defaults of the parameters, without annotations."""
    if inspect.isclass(value) and (issubclass(value, BaseException) or "__init__" not in vars(value)):
        return ""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return ""
    kept = list(signature.parameters.values())[1 if method else 0 :]
    plain = [p.replace(annotation=inspect.Parameter.empty, default=_default(p)) for p in kept]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


class _Written:
    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _default(parameter: inspect.Parameter) -> Any:
    value = parameter.default
    if value is inspect.Parameter.empty or isinstance(value, (int, float, str, bool, tuple, type(None))):
        return value
    return _Written("…")


def _said(doc: str) -> list[str]:
    """A docstring as Markdown: its first paragraph as text, the rest as it was written."""
    if not doc:
        return []
    first, _, rest = doc.partition("\n\n")
    out = [_text(" ".join(first.split())) + "\n"]
    if rest.strip():
        out.append(f"```text\n{rest.strip()}\n```\n")
    return out


def _text(line: str) -> str:
    """Docstring prose as Markdown: code stays code, and nothing else is markup."""
    parts = re.split(r"(``.+?``|`[^`]+`)", line)
    return "".join(
        "`" + p.strip("`") + "`" if p.startswith("`") else re.sub(r"([\\*_<|\[\]])", r"\\\1", p) for p in parts
    )


# -- rules ----------------------------------------------------------------------------------------------------------


def _rules() -> str:
    from .kernel import Proof
    from .kernel.context import Context

    out = [
        _HEAD + "# Rules of a derivation\n",
        "The methods of `proof`. Each returns a `Fact` (some return several) or raises `ProofError`. Relations are "
        "SymPy's or triples such as `(left, '>=', right)`. What a rule rests on: [What is trusted](../trusted.md).\n",
    ]
    groups = [c for c in reversed(Proof.__mro__) if issubclass(c, Context) and c is not Proof]
    for cls in groups:
        rules = _methods(cls, "###")
        if rules:
            module = importlib.import_module(cls.__module__)
            doc = (inspect.getdoc(module) or "").partition("\n\n")[0]
            out += [f"## `{cls.__module__.removeprefix('gdverify.')}`\n", *_said(doc), *rules]
    return "\n".join(out).rstrip() + "\n"


# -- command line ---------------------------------------------------------------------------------------------------


def _cli() -> str:
    from .cli import build_parser
    from .examples import EXAMPLES

    parser = build_parser()
    (commands,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    about = {a.dest: a.help or "" for a in commands._choices_actions}
    out = [
        _HEAD + "# Command line\n",
        "Exit codes: 0 all pass; 1 some claim failed, a mutant survived, or a comparison found a regression; 2 bad "
        "input, with one line on standard error; 3 something is undecided or not carried out, and nothing failed.\n",
        "`GDVERIFY_HOME` names the folder of stored results and counterexamples; with `GDVERIFY_DEBUG=1` errors show "
        "where they come from; `NO_COLOR` switches colours off.\n",
        "| command | |\n| --- | --- |",
        *(f"| [`{name}`](#gdverify-{name}) | {_text(about.get(name, ''))} |" for name in commands.choices),
        "",
    ]
    for name, sub in commands.choices.items():
        said = about.get(name, "")
        out.append(f"## gdverify {name}\n\n{_text(said[:1].upper() + said[1:])}.\n")
        rows = [row for action in sub._actions for row in _option(action)]
        if rows:
            out += ["| argument | |\n| --- | --- |", *rows, ""]
        examples = [f"{line}  # {what}" for line, what in EXAMPLES.get(name, ())]
        if examples:
            out.append("```text\n" + "\n".join(examples) + "\n```\n")
    return "\n".join(out).rstrip() + "\n"


def _option(action: argparse.Action) -> Iterator[str]:
    if action.help == argparse.SUPPRESS or "--help" in action.option_strings:
        return
    shown = action.metavar if isinstance(action.metavar, str) else None
    if action.choices is not None and shown is None:
        shown = "|".join(map(str, action.choices))
    if action.option_strings:
        takes = f" {shown or action.dest.upper()}" if action.nargs != 0 else ""
        name = ", ".join(action.option_strings) + takes
    else:
        name = (shown or action.dest) + (" ..." if action.nargs in ("*", "+") else "")
    yield f"| `{name.replace('|', chr(92) + '|')}` | {_text(action.help or '')} |"


# -- reports --------------------------------------------------------------------------------------------------------


def _json() -> str:
    from .report import schema

    out = [
        _HEAD + "# Reports in JSON\n",
        "`check --json` writes a report, `audit --json` an audit. The schemas are files of the package, "
        "`gdverify/schema/*.schema.json`. Fields in order; `?` marks those that may be missing.\n",
    ]
    table = "| field | type | |\n| --- | --- | --- |"
    for name, title in (("report", "Report"), ("audit", "Audit")):
        data = schema(name)
        out += [f"## {title}\n", *_said(data.get("description", "")), table]
        out += _fields(data, data, "")
        for part, inner in data.get("$defs", {}).items():
            if inner.get("properties"):
                out += [f"\n### {part}\n", *_said(inner.get("description", "")), table]
                out += _fields(data, inner, "")
        out.append("")
    return "\n".join(out).rstrip() + "\n"


def _fields(root: Any, node: Any, prefix: str) -> list[str]:
    out = []
    for name, value in node.get("properties", {}).items():
        optional = "" if name in node.get("required", ()) else "?"
        out.append(f"| `{prefix}{name}`{optional} | {_type(root, value)} | {_text(value.get('description', ''))} |")
        inner = value.get("items", value) if isinstance(value.get("items", value), dict) else {}
        mark = "[]." if "items" in value else "."
        if inner.get("properties"):
            out += _fields(root, inner, f"{prefix}{name}{mark}")
    return out


def _type(root: Any, node: Any) -> str:
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        meant = root["$defs"][name]
        return f"[{name}](#{name.lower()})" if meant.get("properties") else _type(root, meant)
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return " or ".join(f"`{'null' if v is None else v}`" for v in node["enum"])
    for key in ("anyOf", "oneOf"):
        if key in node:
            return " or ".join(_type(root, n) for n in node[key])
    kind = node.get("type", "any")
    if kind == "array" and isinstance(node.get("items"), dict):
        return "list of " + _type(root, node["items"])
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


if __name__ == "__main__":
    sys.exit(main())
