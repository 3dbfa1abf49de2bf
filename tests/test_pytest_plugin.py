"""The pytest plugin from outside: which files it takes, what its items are called, when they fail and what they say."""

import importlib
import os
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

import gdverify
from gdverify.api import load
from gdverify.discover import Located
from gdverify.runner import Settings
from gdverify.runner import run as run_claims

from .claim_files import FALSE, HEAD, LAME, NAN, TRUE

pytest_plugins = ["pytester"]

# Its experiment never looks at d: everything passes, and the claim does not.
UNREAD = (
    HEAD
    + """
unread = Claim(
    id="mine.unread", title="one", paper=PAPER, locator="by hand", statement="c(c + 1) = c^2 + c", symbols=REGIME,
    decides=Identity(quantity=c * (c + 1), bound=c**2 + c), mutants=[Mutant("2", decides={"bound": c**2 + 2 * c})])


@unread.experiment(cases=({"c": 3, "d": 1},))
def sample(xp, rng, case, size):
    return {"quantity": xp.ones((size,)) * case.c * (case.c + 1)}
"""
)
TEST_MODULE = TRUE.replace("mine.", "tested.") + "\n\ndef test_nothing():\n    pass\n"


@pytest.fixture(scope="module", autouse=True)
def _warm(tmp_path_factory):
    """Load what evidence needs: pytest in this process forgets modules that it was the first to import."""
    path = tmp_path_factory.mktemp("warm") / "claims.py"
    path.write_text(TRUE + UNREAD.replace(HEAD, ""))
    for claim in load(path):
        run_claims([Located(claim, None)], Settings(device="cpu", audit=True, save=False))


@pytest.fixture
def run(pytester, monkeypatch):
    """Run pytest in a folder with these files, in this process unless ``apart``."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # other plugins take longer than these tests
    monkeypatch.setenv("GDVERIFY_HOME", str(pytester.path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(Path(gdverify.__file__).parents[1]))

    def call(*args, files=None, apart=False):
        for name, text in (files or {}).items():
            path = pytester.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        start = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        return start("--strict-markers", "-p", "no:cacheprovider", "-p", "gdverify.pytest_plugin", *args)

    return call


def collected(result):
    return sorted({line.split("::", 1)[0] for line in result.outlines if "::" in line})


def outcomes(path):
    """Outcome and text of each item, by its name, from JUnit XML."""
    found = {}
    for case in ElementTree.parse(path).iter("testcase"):
        bad = [e for e in case if e.tag != "properties"]
        claim = case.get("classname").split(".", 3)[-1]
        text = " ".join((e.get("message") or "") + (e.text or "") for e in bad)
        found[claim, case.get("name")] = (bad[0].tag if bad else "passed", text)
    return found


def test_items_verdicts_and_what_a_failure_says(run, pytester):
    files = {"theorems/algebra/a.py": TRUE, "theorems/algebra/b.py": FALSE}
    files["theorems/algebra/c.py"] = NAN.replace('identity("square"', 'identity("nan"')
    files["theorems/algebra/d.py"] = UNREAD
    files["theorems/algebra/e.py"] = LAME.replace('identity("square"', 'identity("lame"')
    done = run("--gdverify-audit", "--junitxml=out.xml", files=files)
    found = outcomes(pytester.path / "out.xml")
    green = {key for key, (outcome, _) in found.items() if outcome == "passed"}
    names = {name for claim, name in green if claim.endswith("mine.square")}
    assert {"derivation:expand", "mutant[three]", "claim"} < names
    assert all(outcome == "passed" for (claim, _), (outcome, _) in found.items() if claim.endswith("mine.square"))

    wrong = {name: row for (claim, name), row in found.items() if claim.endswith("mine.wrong")}
    assert {outcome for name, (outcome, _) in wrong.items() if name != "claim"} == {"failure"}
    assert wrong["claim"][0] == "skipped" and wrong["derivation:expand"][1]
    text = next(text for name, (_, text) in wrong.items() if name.startswith("experiment"))
    artefact = re.search(r"gdverify replay (\S+) --claims theorems/algebra/b.py", text).group(1)
    assert os.path.isfile(artefact) and "sides differ by" in text and "tolerance 1e-09" in text
    assert re.search(r"theorems/algebra/b.py:\d+", text)

    nan = [row for (claim, name), row in found.items() if claim.endswith("mine.nan") and name.startswith("experiment")]
    lame = {name: row for (claim, name), row in found.items() if claim.endswith("mine.lame")}
    assert [name for name, row in lame.items() if row[0] != "passed"] == ["mutant[three]"]
    assert "no value for 'scale'" in lame["mutant[three]"][1]
    assert nan and all(outcome == "failure" and ": error" in text for outcome, text in nan)
    unread = {name: row for (claim, name), row in found.items() if claim.endswith("mine.unread")}
    assert unread["claim"][0] == "failure" and "reads d" in unread["claim"][1]
    assert {row[0] for name, row in unread.items() if name.startswith("experiment")} == {"passed"}
    done.stdout.no_fnmatch_line("*Traceback*")
    done.stdout.no_fnmatch_line("*site-packages*")

    # The error probability of the session is shared by its experiments.
    levels = [float(p.get("value")) for p in ElementTree.parse("out.xml").iter("property") if p.get("name") == "alpha"]
    experiments = [name for _, name in found if name.startswith("experiment")]
    assert len(levels) > 5 and max(levels) <= 1e-6 / (len(experiments) - 1) and min(levels) == max(levels)


def test_selection(run):
    files = {"theorems/algebra/a.py": TRUE, "theorems/b.py": FALSE}
    whole = run("--collect-only", "-q", files=files).outlines
    items = [line for line in whole if "::" in line]
    cases = [i for i in items if "a.py::mine.square::experiment:sample[" in i]
    assert {i.split("::")[-1] for i in items if "a.py" in i} > {"derivation:expand", "claim"}
    first = re.search(r"\[c=([^,]+),d=([^,\]]+)", cases[-1])
    for options, expected in (
        (["-k", "mine.wrong"], [i for i in items if "mine.wrong" in i]),
        (["-k", f"mine.square and c:{first[1]} and d:{first[2]}"], cases[-1:]),
        (["-m", 'derivation and topic(name="algebra")'], [i for i in items if "a.py" in i and "derivation" in i]),
        (["-m", 'experiment and tier(name="full")'], []),
        ([cases[-1]], cases[-1:]),
    ):
        found = [line for line in run("--collect-only", "-q", *options).outlines if "::" in line]
        assert [i for i in found if any(i.startswith(e) for e in expected)] == expected
        assert len(found) == len(expected) and (found or not expected)


FILES = {
    "theorems/a.py": TRUE,
    "theorems/_helper.py": TRUE.replace("mine.", "helper."),
    "theorems/plain.py": "x = 1\n",
    "elsewhere/b.py": TRUE.replace("mine.", "other."),
    "elsewhere/unrelated.py": "raise SystemExit('run by accident')\n",
    "tests/data/c.py": TRUE.replace("mine.", "data."),
    "tests/test_d.py": TEST_MODULE,
}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], ["tests/test_d.py", "theorems/a.py"]),
        (["tests"], ["tests/test_d.py"]),
        (["elsewhere"], []),
        (["elsewhere/b.py"], ["elsewhere/b.py"]),
        (["tests/test_d.py"], ["tests/test_d.py"]),
        (["-o", "gdverify_paths=else* tests/data"], ["elsewhere/b.py", "tests/data/c.py", "tests/test_d.py"]),
        (["--gdverify"], ["elsewhere/b.py", "tests/data/c.py", "tests/test_d.py", "theorems/a.py"]),
    ],
)
def test_which_files_hold_items(run, args, expected):
    done = run("--collect-only", "-q", *args, files=FILES)
    assert collected(done) == expected
    claims = {line.split("::")[1] for line in done.outlines if line.count("::") == 2}
    assert ("tested.square" in claims) == ("--gdverify" in args)
    assert ("test_nothing" in done.stdout.str()) == ("tests/test_d.py" in expected)


def test_unused_it_costs_nothing(run):
    conftest = """
import sys

def pytest_unconfigure():
    print("LOADED", [m for m in sys.modules if m.split(".")[0] in ("numpy", "sympy", "scipy") or m == "gdverify.claim"])
"""
    done = run("tests", "-s", files={"tests/test_a.py": "def test(): pass\n", "conftest.py": conftest}, apart=True)
    done.stdout.fnmatch_lines(["LOADED []"])
    done.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_like_this\nfrom gdverify import Claim\nClaim()", "a.py:1: ModuleNotFoundError"),
        ("from gdverify import Claim\ndef broken(:\n", "a.py:2: SyntaxError"),
        ("from gdverify import Claim\nClaim\nraise SystemExit(0)\nClaim()", "a.py:3: SystemExit"),
    ],
)
@pytest.mark.parametrize("folder", ["theorems", "elsewhere"])
def test_a_broken_module_is_one_error_of_one_line(run, text, said, folder):
    done = run("theorems" if folder == "theorems" else "elsewhere/a.py", files={f"{folder}/a.py": text})
    done.assert_outcomes(errors=1)
    start = next(i for i, line in enumerate(done.outlines) if line.startswith("___"))
    shown = [line for line in done.outlines[start + 1 :] if line and not line.startswith(("=", "ERROR", "!"))]
    assert len(shown) == 1 and said in shown[0]


def test_undecided_fails_unless_told_otherwise(run):
    run("theorems", files={"theorems/d.py": UNREAD}).assert_outcomes(passed=1, failed=1)
    run("theorems", "--gdverify-inconclusive=xfail").assert_outcomes(passed=1, xfailed=1)
    run("theorems", "--gdverify-inconclusive=skip").assert_outcomes(passed=1, skipped=1)


def test_a_failing_claim_is_not_green_by_its_whole_alone(run):
    run("theorems/b.py::mine.wrong::claim", files={"theorems/b.py": FALSE}).assert_outcomes(failed=1)


def test_xdist_finds_and_decides_the_same(run):
    pytest.importorskip("xdist")
    files = {"theorems/b.py": FALSE, "theorems/d.py": UNREAD}
    alone = run("theorems", files=files).parseoutcomes()
    assert run("theorems", "-p", "xdist", "-n2", "--dist", "load", apart=True).parseoutcomes() == alone


def test_it_is_registered():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    module, _, name = project["entry-points"]["pytest11"]["gdverify"].partition(":")
    assert not name and hasattr(importlib.import_module(module), "pytest_collect_file")
