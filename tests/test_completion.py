"""Completion scripts offer exactly what the parser takes; help shows examples that parse."""

import os
import shlex
import shutil
import subprocess
import sys

import pytest

from gdverify.cli import build_parser, main
from gdverify.completion import commands, script
from gdverify.discover import catalogue
from gdverify.examples import EXAMPLES

COMMANDS = {c.name: c for c in commands(build_parser())}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A folder with a `gdverify` to run, and files to complete."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "gdverify"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m gdverify "$@"\n')
    program.chmod(0o755)
    (folder / "my claims.py").touch()
    return folder


def shell(program, path, text):
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here")
    home = os.getcwd()
    env = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}", "GDVERIFY_HOME": str(path), "PYTHONPATH": home}
    flags = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[program]
    done = subprocess.run(
        [program, *flags, "-c", text], cwd=path, env=env, capture_output=True, text=True, timeout=60, check=True
    )
    assert not done.stderr
    return done.stdout.splitlines()


def bash(path, *words):
    run = """
        source /dev/stdin <<< "$(gdverify completion bash)"
        COMP_WORDS=(%s); COMP_CWORD=%d
        _gdverify gdverify "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%%s\\n' "${COMPREPLY[@]}"
    """
    return shell("bash", path, run % (shlex.join(words), len(words) - 1))


def test_bash_completes_commands_options_and_choices(path):
    assert bash(path, "gdverify", "ch") == ["check"]
    assert bash(path, "gdverify", "check", "--ti") == ["--tier", "--time-limit"]
    assert bash(path, "gdverify", "check", "x", "--tier", "") == ["smoke", "standard", "full"]


def test_bash_completes_claims_and_files(path):
    ids = [e.id for e in catalogue()]
    wanted = [i for i in ids if i.startswith("handbook.gd-c")]
    assert wanted and bash(path, "gdverify", "show", "handbook.gd-c") == wanted


def test_zsh_knows_the_command_and_completes(path):
    said = shell(
        "zsh",
        path,
        """
        autoload -Uz compinit; compinit -u -D
        eval "$(gdverify completion zsh)"; print -r -- $_comps[gdverify]
        compadd() { shift; print -r -- "$@" }
        words=(gdverify check --tier ""); CURRENT=4; PREFIX=; _gdverify
        """,
    )
    assert said == ["_gdverify", "smoke standard full"]


def test_fish_completes(path):
    said = shell("fish", path, 'gdverify completion fish | source; complete -C "gdverify check --tier s"')
    assert {line.split("\t")[0] for line in said} == {"smoke", "standard"}


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_scripts_hold_every_command_and_option(name):
    text = script(name, build_parser())
    for command in COMMANDS.values():
        assert command.name in text
        for option in command.options:
            assert all((n[2:] if n.startswith("--") else n[1:]) in text for n in option.names)


def test_names_that_a_shell_would_expand_are_left_out(monkeypatch, capsys):
    from gdverify.commands import completion

    monkeypatch.setattr(completion, "_names", lambda kind: ["good.name", "$(touch x)", "a b", "`x`"])
    assert main(["completion", "bash", "--words", "claims"]) == 0
    assert capsys.readouterr().out == "good.name\n"


def test_completing_claims_imports_nothing_heavy(tmp_path):
    code = (
        "import sys, gdverify.cli as c; c.main(['completion', 'bash', '--words', 'claims']); "
        "print([m for m in ('numpy', 'scipy', 'sympy') if m in sys.modules])"
    )
    env = {**os.environ, "GDVERIFY_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_examples_that_parse(name, capsys):
    assert EXAMPLES.get(name), f"no examples in the help of {name}"
    for example, what in EXAMPLES[name]:
        assert what and len(example) < 90
        words = shlex.split(example.removeprefix('eval "$(').removesuffix(')"').removesuffix(" | source"))
        assert words[:2] == ["gdverify", name]
        build_parser().parse_args(words[1:])
    with pytest.raises(SystemExit):
        build_parser().parse_args([name, "--help"])
    shown = capsys.readouterr().out
    assert all(f"\n  {example}\n" in shown for example, _ in EXAMPLES[name])


def test_no_examples_of_commands_that_are_gone():
    assert set(EXAMPLES) <= set(COMMANDS)
