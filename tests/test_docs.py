"""Every command and code block of the documentation does what the page says it does."""

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gdverify.reference import pages

from .doc_pages import READ, RUN, Block, blocks, file_of, script, stable, write

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
WITH_BLOCKS = [page for page in PAGES if blocks(page)]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def run(tmp_path):
    """Run a block in a folder where `gdverify` is this project's and the home directory is empty."""
    (tmp_path / "home").mkdir()
    work = tmp_path / "work"
    work.mkdir()
    commands = work / ".venv" / "bin"  # where a clone has them
    commands.mkdir(parents=True)
    found = any(e.name == "gdverify" for e in importlib.metadata.entry_points(group="pytest11"))
    plugin = "" if found else "-p gdverify.pytest_plugin "  # not installed, only on the path
    for name, call in {
        "gdverify": f'"{sys.executable}" -m gdverify "$@"',
        "pytest": f'"{sys.executable}" -m pytest -p no:cacheprovider {plugin}"$@"',
        "python": f'"{sys.executable}" "$@"',
    }.items():
        (commands / name).write_text(f"#!/bin/sh\nexec {call}\n")
        (commands / name).chmod(0o755)
    for name in ("tests", "theorems", "reports", "pyproject.toml"):
        if not (work / name).exists():
            (work / name).symlink_to(ROOT / name)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GDVERIFY_", "XDG_", "PYTEST_", "GITHUB_"))}
    env = {
        **kept,
        "HOME": str(tmp_path / "home"),
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }

    def call(block: Block):
        command = [sys.executable, "-c", block.text] if block.language == "python" else ["bash", "-c", script(block)]
        return subprocess.run(command, cwd=work, env=env, capture_output=True, text=True, timeout=300, check=False)

    call.folder = work
    return call


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=_name)
def test_the_blocks_of_a_page_run(page, run):
    own = run.folder / "theorems"
    if page.name != "README.md":  # a reader of the other pages starts in an empty folder
        for link in run.folder.iterdir():
            if link.is_symlink():
                link.unlink()
        assert not own.exists()
    for block in blocks(page):
        where = f"{_name(page)}:{block.line}"
        assert block.language in (*RUN, *READ), f"{where}: a block of {block.language!r}: say what it is"
        if block.skip or block.language not in RUN:
            continue
        if block.language == "python" and file_of(block):
            write(block, run.folder)
            continue
        done = run(block)
        said = f"{where}\n{block.text}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, said
        if block.language == "console":
            expected = "\n".join(line for line in block.text.splitlines() if not line.startswith("$ "))
            found = iter(stable(done.stdout))
            missing = [row for row in stable(expected) if row not in found]
            assert not missing, f"{said}\nnot printed, in this order: {missing}"


def test_what_is_not_run_says_why(record_property):
    """Few blocks are not run; their number and reasons are in the test's report."""
    skipped = [f"{_name(p)}:{b.line}: {b.skip}" for p in PAGES for b in blocks(p) if b.skip]
    ran = sum(not b.skip and b.language in RUN for p in PAGES for b in blocks(p))
    record_property("blocks not run", "; ".join(skipped))
    record_property("blocks run", ran)
    print(f"{ran} blocks run, {len(skipped)} not run:", *skipped, sep="\n")
    assert ran > 3 * len(skipped)


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{_name(page)}: no {target}"


def test_the_reference_is_up_to_date():
    for name, text in pages().items():
        written = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
        assert written == text, f"docs/reference/{name} is out of date: make docs"
