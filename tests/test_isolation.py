"""Whatever a theorem module does, it does to its own verdict: every bad neighbour, beside a claim that holds."""

import os

import pytest
import sympy

from gdverify import Positive, discover
from gdverify.discover import find
from gdverify.domain import draw_cases
from gdverify.errors import ProofError
from gdverify.runner import Settings, run_apart
from gdverify.worker import describe

from .claim_files import TRUE

GOOD = TRUE.replace("mine.", "good.").replace("import sympy as sp", "import numpy as np\nimport sympy as sp") + (
    "\nassert np.sum([1, 2]) == 3 and sp.expand((c + d)**2) != 0\n"
)
# Its id can be read without running it.
LITERAL = """
from sympy import symbols
from gdverify import Claim, Identity, Paper, Positive

c = symbols("c", positive=True)
square = Claim(
    id="mine.square", title="a square", paper=Paper("mine", "My paper"), locator="by hand", statement="c c = c^2",
    symbols={c: Positive(sample=(1, 10))}, decides=Identity(quantity=c * c, bound=c**2))


@square.derivation
def expand(proof):
    proof.conclude(proof.identity(square.decides.quantity, c**2))
"""
AT_IMPORT = {
    "hangs": "while True: pass",
    "sleeps": "import time; time.sleep(1000)",
    "exits": "import sys; sys.exit(0)",
    "vanishes": "import os; os._exit(0)",
    "raises": "raise RuntimeError('on purpose')",
    "recurses": "def f(): return f()\nf()",
    "is-killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "takes-memory": "hoard = [bytearray(2**26) for _ in range(1000)]",
    "holds-on": "import atexit, threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n1 / 0",
}
IN_EVIDENCE = {
    "hangs": "while True: pass",
    "exits": "import sys; sys.exit(0)",
    "vanishes": "import os; os._exit(0)",
    "recurses": "sample(xp, rng, case, size)",
    "takes-memory": "hoard = [bytearray(2**26) for _ in range(1000)]",
    "closes-everything": "import os; os.closerange(3, 100)",
    "writes-everywhere": "import os, time\n    for fd in range(3, 100):\n"
    "        try: os.write(fd, b'half a message')\n        except OSError: pass\n    time.sleep(1000)",
    "kills-the-server": "import os, time; os.kill(os.getppid(), 9); time.sleep(1000)",
}
# What a worker sends is no answer.
NONSENSE = {
    "plan": "import gdverify.worker as w\nw.plan = lambda *a: 5",
    "cases": "import gdverify.worker as w\nplan = w.plan\nw.plan = lambda *a: {**plan(*a), 'cases': [10**12, 1]}",
    "nested": "import json\njson.dumps = lambda *a, **k: '[' * 200_000",
    "numbers": "from gdverify.result import Outcome\nplain = Outcome.plain\n"
    "Outcome.plain = lambda self: {**plain(self), 'estimate': 10**4000, 'bound': 3}",
    "names": "from gdverify.result import Outcome\nplain = Outcome.plain\n"
    "Outcome.plain = lambda self: {**plain(self), 'kind': ['x'], 'seconds': None}",
    "other-evidence": "from gdverify.result import Outcome\nplain = Outcome.plain\n"
    "Outcome.plain = lambda self: {**plain(self), 'kind': 'derivation', 'name': 'another', 'verdict': 'pass'}",
}


@pytest.fixture
def verdicts(tmp_path, monkeypatch):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(discover, "_LISTING", 3.0)

    def call(bad):
        (tmp_path / "claims").mkdir()
        (tmp_path / "claims" / "a_bad.py").write_text(bad)
        (tmp_path / "claims" / "b_good.py").write_text(GOOD)
        settings = Settings(device="cpu", jobs=2, time_limit=3.0, memory_limit=2**30)
        entries = find([str(tmp_path / "claims")])
        assert len(entries) == 2
        good, bad = sorted(run_apart(entries, settings).verdicts, key=lambda v: v.id != "good.square")
        return good, bad

    return call


@pytest.mark.parametrize("how", AT_IMPORT)
@pytest.mark.parametrize("text", [TRUE, LITERAL], ids=["computed", "literal"])
def test_a_module_that_misbehaves_when_imported(verdicts, text, how):
    good, bad = verdicts(text + "\n" + AT_IMPORT[how])
    assert good.verdict == "pass"
    assert bad.verdict == "error" and bad.trouble and bad.id == ("a-bad.unreadable" if text is TRUE else "mine.square")


@pytest.mark.parametrize("how", IN_EVIDENCE)
def test_evidence_that_misbehaves(verdicts, how):
    line = '    return {"quantity": xp.ones((size,)) * (case.c + case.d) ** 2}'
    good, bad = verdicts(TRUE.replace(line, f"    {IN_EVIDENCE[how]}\n{line}"))
    assert good.verdict == "pass"
    outcomes = {o.kind: o for o in bad.evidence}
    assert bad.verdict in ("error", "inconclusive") and outcomes["experiment"].message
    assert outcomes["derivation"].verdict == "pass"  # what could be carried out is not lost


@pytest.mark.parametrize(
    "text",
    [
        TRUE.replace("d: Positive", "d: Positive(sample=(21, 10 + c)) or Positive"),
        TRUE.replace("sample=(1, 10)", ""),
        TRUE.split("@square.derivation")[0],
        TRUE.replace("experiment()", "experiment(cases=[{'c': -5}])"),
        TRUE.replace("experiment()", "experiment(cases=[5])"),
    ],
    ids=["empty", "unbounded", "no-evidence", "case-outside", "no-case"],
)
def test_a_regime_without_cases_or_a_claim_without_evidence(verdicts, text):
    good, bad = verdicts(text)
    assert good.verdict == "pass" and bad.verdict == "error"


@pytest.mark.parametrize("what", NONSENSE)
def test_answers_that_are_none(verdicts, what):
    good, bad = verdicts(TRUE + "\n" + NONSENSE[what])
    assert good.verdict == "pass" and bad.verdict == "error"


def test_a_claim_that_cannot_be_planned_spares_the_others_of_its_module(tmp_path, monkeypatch):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    other = TRUE[TRUE.index("square = identity") :].replace("square", "other").replace("()", "(cases=[5])")
    (tmp_path / "two.py").write_text(TRUE + "\n" + other.replace("derivation(cases=[5])", "derivation"))
    found = run_apart(find([str(tmp_path / "two.py")]), Settings(device="cpu"))
    assert [(v.id, v.verdict) for v in found.verdicts] == [("mine.square", "pass"), ("mine.other", "error")]


def test_modules_that_cannot_be_read_may_be_called_alike(tmp_path, monkeypatch):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.py").write_text("Claim(")
    os.mkfifo(tmp_path / "x" / "pipe.py")
    found = find([str(tmp_path)])
    assert len({e.id for e in found}) == len(found) == 3 and all(e.problem for e in found)


def test_an_error_fills_no_screen():
    assert len(describe(ProofError("word " * 10**6))) < 10_000


def test_where_earlier_values_leave_a_symbol_none_others_are_drawn():
    c = sympy.Symbol("c", positive=True)
    domains = {"c": Positive(sample=(1, 10)), "d": Positive(sample=(9, c))}
    for seed in range(20):
        cases = draw_cases(domains, [{}], inside=4, seed=seed)
        assert cases and all(9 <= case["d"] <= case["c"] <= 10 for case in cases)


def test_patched_libraries_stay_with_who_patched_them(verdicts):
    patched = "import numpy as np, sympy\nnp.sum = lambda *a, **k: 0\nsympy.expand = lambda *a, **k: 0\n"
    good, _ = verdicts(TRUE + "\n" + patched)
    assert good.verdict == "pass"


def test_megabytes_of_output_reach_nobody(verdicts, capfd):
    noisy = "print('x' * 5_000_000)\nimport os, sys\nos.write(1, b'y' * 5_000_000); os.write(2, b'z' * 5_000_000)\n"
    good, bad = verdicts(TRUE + "\n" + noisy)
    assert good.verdict == bad.verdict == "pass"
    said = capfd.readouterr()
    assert len(said.out) + len(said.err) < 1000


def test_nothing_is_left_running(verdicts, tmp_path):
    marker = tmp_path / "pid"
    child = (
        f"import os, subprocess, sys\np = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'])\n"
        f"open({str(marker)!r}, 'w').write(str(p.pid))\n"
    )
    verdicts(TRUE + "\n" + child)
    pid = int(marker.read_text())
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            assert file.read().rsplit(")", 1)[1].split()[0] == "Z"  # ended, waiting to be collected
    except FileNotFoundError:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
