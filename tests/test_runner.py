"""The runner: dead workers, determinism, shares of alpha; discovery without running modules."""

import os
import time
from fractions import Fraction
from pathlib import Path

import pytest

from gdverify import discover, pool, worker
from gdverify.api import exact_number, load
from gdverify.audit import judge
from gdverify.discover import Located, read_statically, select
from gdverify.errors import ProofError, UsageError
from gdverify.pool import Request, run_requests
from gdverify.record import record
from gdverify.result import Outcome
from gdverify.runner import Settings, run
from gdverify.verdict import MutantResult, Verdict

from .claim_files import FALSE, HEAD, TRUE


def fragile_work(payload):
    """Answers with the task, unless the task is to die (run by worker processes)."""
    answers = []
    for task in payload["tasks"]:
        if task == "die":
            os._exit(1)
        if task == "raise":
            raise ValueError("an accident")
        time.sleep(payload.get("sleep", 0))
        answers.append({"task": task, "threads": os.environ.get("OPENBLAS_NUM_THREADS")})
    return answers


def test_a_dead_worker_costs_only_its_own_task():
    requests = [
        Request({"tasks": ["a", "die", "b"]}, [0, 1, 2]),
        Request({"tasks": ["c"]}, [3]),
        Request({"tasks": ["raise"]}, [4]),
        Request({"tasks": ["d"]}, [5]),
    ]
    answers, failures = {}, {}
    run_requests(requests, fragile_work, jobs=2, answered=answers.__setitem__, failed=failures.__setitem__, poll=0.05)
    assert {k: v["task"] for k, v in answers.items()} == {0: "a", 2: "b", 3: "c", 5: "d"}
    assert {v["threads"] for v in answers.values()} == {"1"}
    assert "worker process died" in failures[1] and "an accident" in failures[4]


def crowded_work(payload):
    """Dies unless it is alone; who is there says so in a folder."""
    folder = Path(payload["folder"])
    for task in payload["tasks"]:
        mine = folder / task
        mine.touch()
        time.sleep(1.0)
        if task == "large" and len(list(folder.iterdir())) > 1:
            mine.unlink()
            os._exit(1)
        mine.unlink()
        yield task


def test_what_dies_in_a_crowd_is_tried_alone(tmp_path):
    answers, failures = {}, {}
    requests = [Request({"tasks": [t], "folder": str(tmp_path)}, [t]) for t in ("large", "a", "b")]
    run_requests(requests, crowded_work, jobs=2, answered=answers.__setitem__, failed=failures.__setitem__)
    assert set(answers) == {"large", "a", "b"} and not failures


def test_fewer_workers_where_the_system_allows_no_more(monkeypatch):
    real, there = pool._Child, []

    def child(*args):
        there[:] = [c for c in there if not c.connection.closed]
        if there:
            raise OSError("too many open files")
        there.append(real(*args))
        return there[-1]

    monkeypatch.setattr(pool, "_Child", child)
    answers, failures = {}, {}
    requests = [Request({"tasks": [t]}, [t]) for t in "abc"]
    run_requests(requests, fragile_work, jobs=3, answered=answers.__setitem__, failed=failures.__setitem__, poll=0.01)
    assert set(answers) == {"a", "b", "c"} and not failures
    monkeypatch.setattr(pool, "_Child", lambda *args: os.open("/nowhere/at/all", os.O_RDONLY))
    with pytest.raises(OSError, match="no worker process"):
        run_requests(requests, fragile_work, jobs=3, answered=lambda *a: 0, failed=lambda *a: 0, poll=0.01)


@pytest.fixture
def claim_file(tmp_path, monkeypatch):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))

    def write(text):
        path = tmp_path / f"claims_{len(list(tmp_path.iterdir()))}.py"
        path.write_text(text)
        return str(path)

    return write


def stub(outcomes):
    """Replaces the evidence engines: verdict by (kind, whether the bound is the claim's own)."""

    def call(claim, evidence, case, settings):
        own = "3" not in str(claim.decides.bound)
        verdict = outcomes[evidence.kind, own]
        if isinstance(verdict, Exception):
            raise verdict
        return Outcome(evidence.kind, evidence.name, verdict, alpha=settings["alpha"])

    return call


GOOD = {
    ("derivation", True): "pass",
    ("derivation", False): ProofError("no"),
    ("experiment", True): "pass",
    ("experiment", False): "fail",
}


def check_with(monkeypatch, path, changes, **settings):
    monkeypatch.setattr(worker, "_call", stub({**GOOD, **changes}))
    return run(select([path]), Settings(device="cpu", **settings))


def test_alpha_is_shared_by_the_tests_that_decide_claims(monkeypatch, claim_file):
    found = check_with(monkeypatch, claim_file(TRUE), {}, audit=True)
    outcomes = found.verdicts[0].evidence
    assert found.tests == sum(o.kind == "experiment" for o in outcomes) > 1
    assert outcomes[1].alpha == pytest.approx(1e-6 / found.tests)
    assert found.verdicts[0].mutants[0].by == ["derivation", "experiment"] and found.exit_code() == 0


@pytest.mark.parametrize(
    ("changes", "code", "by"),
    [
        ({("experiment", False): "pass"}, 1, ["derivation"]),  # a survivor
        ({("experiment", False): "inconclusive"}, 1, ["derivation"]),
        ({("experiment", False): ValueError("x")}, 3, ["derivation"]),  # an accident kills nothing, accuses nobody
        ({("derivation", False): ValueError("x")}, 3, ["experiment"]),
        ({("derivation", True): "fail"}, 1, ["experiment"]),  # evidence that refuses everything kills nothing
        ({("experiment", True): "inconclusive"}, 3, ["derivation", "experiment"]),
    ],
)
def test_what_counts_as_a_kill(monkeypatch, claim_file, changes, code, by):
    found = check_with(monkeypatch, claim_file(TRUE), changes, audit=True)
    assert found.verdicts[0].mutants[0].by == by
    assert found.exit_code() == code


def test_a_kind_that_no_mutant_challenges_is_a_complaint(claim_file):
    claim = load(claim_file(TRUE))[0]
    verdict = Verdict(record(claim), [Outcome("derivation", "expand", "pass"), Outcome("experiment", "sample", "pass")])
    killed = Outcome("derivation", "expand", "fail")
    judge(verdict, [MutantResult(claim.id, "three", False, [], ["derivation"], [killed])])
    assert verdict.mutants[0].killed and verdict.complaints == ["experiment has no mutant to kill"]


def test_an_audit_of_one_kind_blames_no_other(monkeypatch, claim_file):
    text = TRUE.replace("mutants=[", 'mutants=[Mutant("four", decides={"bound": c**2 + 4*c*d}, by=("derivation",)), ')
    found = check_with(monkeypatch, claim_file(text), {}, audit=True, kinds=("experiment",))
    assert [m.mutant for m in found.verdicts[0].mutants] == ["three"]
    assert not found.verdicts[0].complaints and found.exit_code() == 0


def test_mutants_are_tried_on_their_own_cases_first(monkeypatch, claim_file):
    text = TRUE.replace('Mutant("three",', 'Mutant("three", by=("experiment",), cases=({"c": 7},),')
    path = claim_file(text)
    tried = []

    def call(claim, evidence, case, settings):
        tried.append(case)
        return Outcome(evidence.kind, evidence.name, "pass")

    monkeypatch.setattr(worker, "_call", call)
    claim = load(path)[0]
    settings = {"tier": "smoke", "seed": 0, "overrides": {}, "save_dir": None}
    worker.run_mutant(claim, 0, ["experiment"], settings)
    assert tried[0]["c"] == 7 and any(case["c"] != 7 for case in tried)


def test_a_violation_that_cannot_be_saved_is_still_a_violation(claim_file, tmp_path, monkeypatch):
    (tmp_path / "blocked").write_text("a file where the state folder should be")
    path = claim_file(FALSE)
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "blocked"))
    experiments = [
        o for o in run(select([path]), Settings(device="cpu")).verdicts[0].evidence if o.kind == "experiment"
    ]
    assert {o.verdict for o in experiments} == {"fail"} and "not saved" in experiments[0].message


def test_ctrl_c_reports_what_finished(monkeypatch, claim_file):
    def call(claim, evidence, case, settings):
        if evidence.kind == "experiment":
            raise KeyboardInterrupt
        return Outcome(evidence.kind, evidence.name, "pass")

    monkeypatch.setattr(worker, "_call", call)
    found = run(select([claim_file(TRUE)]), Settings(device="cpu"))
    assert found.interrupted and found.verdicts[0].verdict == "inconclusive" and found.exit_code() == 3
    assert found.verdicts[0].evidence[0].verdict == "pass"


def test_overrides_are_exact_and_inside_the_regime(claim_file):
    claims = select([claim_file(TRUE)])
    assert exact_number("c", "0.1") == Fraction(1, 10) == exact_number("c", 0.1)
    assert exact_number("c", "2/4") == Fraction(1, 2) and exact_number("c", "3") == 3
    for bad in ("c+1", "inf", "nan", "0x10", "1_000", "", "1/0", "1e9999"):
        with pytest.raises(UsageError):
            exact_number("c", bad)
    with pytest.raises(UsageError, match="outside its domain"):
        run(claims, Settings(device="cpu", overrides={"c": 0}))


def test_results_do_not_depend_on_the_number_of_workers(claim_file):
    claims = select([claim_file(TRUE)])

    def strip(found):
        outcomes = [o.plain() for v in found.verdicts for o in v.evidence]
        return [{k: v for k, v in o.items() if k != "seconds"} for o in outcomes]

    assert strip(run(claims, Settings(device="cpu", jobs=1))) == strip(run(claims, Settings(device="cpu", jobs=2)))


def test_static_reading_gives_up_rather_than_guess():
    literal = 'from gdverify import Claim\na = Claim(id="p.a", title="t", decides=SureBound(q, b))'
    assert read_statically(literal.encode()) == [("p.a", "t", "sure-bound")]
    for text in (
        literal.replace('"p.a"', 'f"p.{x}"'),
        literal.replace("a = Claim", "def make(): return Claim"),
        literal.replace("import Claim", "import Claim as C"),
        literal.replace("SureBound(q, b)", "kind(q, b)"),
        literal + '\nb = replace(a, id="p.b")',
    ):
        assert read_statically(text.encode()) is None


def test_computed_claims_are_listed_by_running_their_module(claim_file):
    path = claim_file(HEAD + "claims = [identity(f'c{i}', c) for i in range(3)]")
    entries = discover.catalogue(discover.path_sources(path))
    assert [e.id for e in entries] == ["mine.c0", "mine.c1", "mine.c2"]


def test_the_same_id_in_two_files_is_refused(claim_file):
    with pytest.raises(UsageError, match="two claims have the id"):
        select([claim_file(TRUE), claim_file(TRUE)])


def test_a_claim_object_is_checked_in_this_process(monkeypatch, claim_file):
    claim = load(claim_file(TRUE))[0]
    monkeypatch.setattr(worker, "_call", stub(GOOD))
    verdict = run([Located(claim, None)], Settings(device="cpu", jobs=2)).verdicts[0]
    assert verdict.verdict == "pass" and "PASS" in repr(verdict)
