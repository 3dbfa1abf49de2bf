"""Completion scripts for bash, zsh and fish, made from the parser of the command line.

Commands, options and choices are in the script; names of claims, topics and papers are asked for when the TAB key is
pressed (`gdverify completion SHELL --words claims`), from an index that runs no module.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

_WORDS = {"CLAIM": "claims", "T": "topics", "P": "papers", "K": "kinds", "KIND": "kinds"}


@dataclass(frozen=True)
class Value:
    """What stands behind an option, or a positional argument.

    Parameters
    ----------
    choices : fixed words
    words : a kind of names to ask for: claims, topics, papers, kinds
    files : whether a path may stand here
    """

    choices: tuple[str, ...] = ()
    words: str = ""
    files: bool = False


@dataclass(frozen=True)
class Option:
    names: tuple[str, ...]
    help: str
    value: Value | None  # None: the option takes none


@dataclass(frozen=True)
class Command:
    name: str
    help: str
    options: tuple[Option, ...] = field(default=())
    argument: Value = Value()


def commands(parser: argparse.ArgumentParser) -> list[Command]:
    """The commands of a parser, with their options."""
    (subparsers,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    helps = {action.dest: action.help or "" for action in subparsers._choices_actions}
    return [_command(name, helps.get(name, ""), sub) for name, sub in subparsers.choices.items()]


def _command(name: str, said: str, parser: argparse.ArgumentParser) -> Command:
    options, arguments = [], []
    for action in parser._actions:
        if action.option_strings:
            value = None if action.nargs == 0 else _value(action)
            options.append(Option(tuple(action.option_strings), action.help or "", value))
        else:
            arguments.append(_value(action))
    merged = Value(
        tuple(c for a in arguments for c in a.choices),
        next((a.words for a in arguments if a.words), ""),
        any(a.files for a in arguments),
    )
    return Command(name, said, tuple(options), merged)


def _value(action: argparse.Action) -> Value:
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    paths = ("FILE", "FOLDER", "DIR", "OLD", "NEW", "REPORT")
    return Value(
        tuple(map(str, action.choices or ())),
        _WORDS.get(metavar, ""),
        metavar.startswith(paths) or metavar.endswith(".json") or metavar == "CLAIM",
    )


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """The completion script for bash, zsh or fish."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](commands(parser))


# -- bash --------------------------------------------------------------------------------------------------------------


def _bash(found: list[Command]) -> str:
    names = " ".join(c.name for c in found)
    out = [
        "# gdverify completion for bash",
        "_gdverify() {",
        '    local program="$1" word="$2" before="$3" command="" words="" ask="" files="" i',
        "    COMPREPLY=()",
        "    for ((i = 1; i < COMP_CWORD; i++)); do",
        '        case "${COMP_WORDS[i]}" in -*) ;; *) command="${COMP_WORDS[i]}"; break ;; esac',
        "    done",
        '    case "$command" in',
        f"    '') words={shlex.quote(names + ' --help --version')} ;;",
    ]
    for command in found:
        out += [f"    {command.name})", '        case "$before" in']
        for option in command.options:
            if option.value is not None:
                out.append(f"        {'|'.join(option.names)}) {_bash_value(option.value)} ;;")
        every = " ".join(n for o in command.options for n in o.names)
        out += [
            '        *) case "$word" in',
            f"           -*) words={shlex.quote(every)} ;;",
            f"           *) {_bash_value(command.argument)} ;;",
            "           esac ;;",
            "        esac ;;",
        ]
    out += [
        "    esac",
        '    [[ -n "$ask" ]] && words="$words $("$program" completion bash --words "$ask" 2>/dev/null)"',
        '    [[ -n "$words" ]] && COMPREPLY=($(compgen -W "$words" -- "$word"))',
        '    if [[ -n "$files" ]]; then',
        "        compopt -o filenames 2>/dev/null",
        '        COMPREPLY+=($(compgen -f -- "$word"))',
        "    fi",
        "}",
        "complete -F _gdverify gdverify",
    ]
    return "\n".join(out) + "\n"


def _bash_value(value: Value) -> str:
    parts = [f"words={shlex.quote(' '.join(value.choices))}"] if value.choices else []
    parts += [f"ask={value.words}"] if value.words else []
    parts += ["files=1"] if value.files else []
    return "; ".join(parts) or ":"


# -- zsh ---------------------------------------------------------------------------------------------------------------


def _zsh(found: list[Command]) -> str:
    out = [
        "#compdef gdverify",
        "_gdverify() {",
        "    local program=$words[1] command= before=$words[CURRENT-1] i",
        "    local -a rows",
        "    for ((i = 2; i < CURRENT; i++)); do",
        "        if [[ $words[i] != -* ]]; then command=$words[i]; break; fi",
        "    done",
        "    case $command in",
        f"    '') rows=({_zsh_rows([(c.name, c.help) for c in found])}); _describe command rows ;;",
    ]
    for command in found:
        out += [f"    {command.name})", "        case $before in"]
        for option in command.options:
            if option.value is not None:
                out.append(f"        {'|'.join(option.names)}) {_zsh_value(option.value)} ;;")
        rows = _zsh_rows([(name, o.help) for o in command.options for name in o.names])
        out += [
            f"        *) if [[ $PREFIX == -* ]]; then rows=({rows}); _describe -o option rows",
            f"           else {_zsh_value(command.argument)}; fi ;;",
            "        esac ;;",
        ]
    out += [
        "    esac",
        "}",
        'if [[ "$funcstack[1]" == _gdverify ]]; then _gdverify "$@"; else compdef _gdverify gdverify; fi',
    ]
    return "\n".join(out) + "\n"


def _zsh_rows(rows: list[tuple[str, str]]) -> str:
    return " ".join(shlex.quote(f"{name}:{_one_line(said)}") for name, said in rows)


def _zsh_value(value: Value) -> str:
    parts = [f"compadd -- {' '.join(map(shlex.quote, value.choices))}"] if value.choices else []
    ask = f"$program completion zsh --words {value.words} 2>/dev/null"
    parts += [f'compadd -- ${{(f)"$({ask})"}}'] if value.words else []
    parts += ["_files"] if value.files else []
    return "; ".join(parts) or ":"


# -- fish --------------------------------------------------------------------------------------------------------------


def _fish(found: list[Command]) -> str:
    out = ["# gdverify completion for fish", "complete -c gdverify -f"]
    for command in found:
        out.append(f"complete -c gdverify -n __fish_use_subcommand -a {command.name} -d {_fish_quote(command.help)}")
    for command in found:
        lead = f"complete -c gdverify -n {_fish_quote(f'__fish_seen_subcommand_from {command.name}')}"
        out += [f"{lead} {flags}" for flags in _fish_value(command.argument)]
        for option in command.options:
            names = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names)
            takes = [""] if option.value is None else [f" -r {f}" for f in _fish_value(option.value)] or [" -x"]
            out += [f"{lead} {names}{take} -d {_fish_quote(option.help)}" for take in takes]
    return "\n".join(out) + "\n"


def _fish_value(value: Value) -> Iterator[str]:
    if value.choices:
        yield f"-f -a {_fish_quote(' '.join(value.choices))}"
    if value.words:
        yield f"-f -a {_fish_quote(f'(gdverify completion fish --words {value.words} 2>/dev/null)')}"
    if value.files:
        yield "-F"


def _fish_quote(text: str) -> str:
    inside = _one_line(text).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{inside}'"


def _one_line(text: str) -> str:
    return " ".join(text.replace("%%", "%").split())
