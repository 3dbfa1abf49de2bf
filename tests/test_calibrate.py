"""Error rates are measured right, and a procedure that errs too often is found out."""

import itertools
import json
import math

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from gdverify import calibrate, calibration, cli
from gdverify.calibration import PROBES, Probe
from gdverify.claim import Claim, Paper
from gdverify.decision import KINDS, Conserved, MeanBound, MeanEquals, ProbabilityBound, SureBound
from gdverify.discover import Located
from gdverify.domain import Case
from gdverify.errors import UsageError
from gdverify.experiment.engine import run_experiment

Q = sympy.Symbol("Q")


@given(st.integers(1, 400), st.data())
@settings(max_examples=40, deadline=None)
def test_exact_interval_is_clopper_and_pearsons(runs, data):
    count = data.draw(st.integers(0, runs))
    low, high = calibrate.exact_interval(count, runs)
    assert low <= count / runs <= high
    tail = lambda p, ks: sum(math.comb(runs, k) * p**k * (1 - p) ** (runs - k) for k in ks)
    if count:
        assert tail(low, range(count, runs + 1)) == pytest.approx(0.005, rel=1e-6)
    if count < runs:
        assert tail(high, range(count + 1)) == pytest.approx(0.005, rel=1e-6)


def test_every_decision_kind_is_measured():
    assert {p.kind for p in PROBES} == {k.kind for k in KINDS.values()}
    assert len({p.name for p in PROBES}) == len(PROBES)


@pytest.mark.parametrize("probe", PROBES, ids=lambda p: p.name)
def test_known_truth_is_not_refuted_and_the_largest_falsehood_does_not_pass(probe):
    for effect, proved, wrong in ((None, False, "fail"), (probe.effects[0], True, "pass")):
        claim = probe.claim(effect, proved)
        for seed in range(2):
            out = run_experiment(claim, claim.evidence[0], Case({}), seed=seed, alpha=1e-3)
            assert out.verdict not in (wrong, "error"), out.message


def test_a_procedure_that_errs_too_often_is_found_out(monkeypatch):
    def noise(xp, rng, case, size):
        return {"quantity": rng.exponential((size,))}

    # "True" statements that are false: every refutation counts as a false alarm.
    wrong = Probe("wrong", lambda e: MeanBound(Q, sympy.Rational(4, 5)), noise, "not true", "-", ("1/2",), "1/2")
    monkeypatch.setattr(calibration, "PROBES", (wrong,))
    alarm, passed, _ = calibrate.kinds(runs=20)
    assert alarm.exceeds and alarm.counted == 20 and not passed.exceeds


def test_seeds_of_rows_never_meet():
    rows = calibrate.kinds(["identity", "counterexample"], runs=6, seed=3)
    spans = sorted(r.seeds for r in rows)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    assert all(r.runs == r.seeds[1] - r.seeds[0] for r in rows)


def claim_of(decides, draw):
    claim = Claim(
        id="toy.claim", title="t", paper=Paper("toy", "T"), locator="here", statement="s", symbols={}, decides=decides
    )
    claim.experiment(samples={"smoke": 8192})(draw)
    return Located(claim, None)


def exponential(xp, rng, case, size):
    return {"quantity": rng.exponential((size,))}


def test_a_loose_mean_is_calibrated_at_its_boundary():
    one = claim_of(MeanBound(Q, sympy.Integer(3)), exponential)
    where = calibrate.boundary(one.claim, one.claim.evidence[0], 0)
    assert where.factors[0] == pytest.approx(1 / 3, rel=0.05)
    rows = calibrate.claims([one], runs=8)
    assert rows[0].role == "false-alarm" and not rows[0].exceeds
    by = {r.effect: r for r in rows[1:]}
    assert by["1/2"].counted == by["1/2"].runs  # half of the boundary, not half of the stated bound


@pytest.mark.parametrize(
    "decides",
    [
        SureBound(Q, sympy.Integer(4)),
        MeanEquals(Q, sympy.Integer(4)),
        ProbabilityBound(Q, sympy.Integer(1), sympy.Rational(1, 2)),
    ],
)
def test_a_statement_is_moved_by_the_effect(decides):
    name = "bound"
    after = calibrate.moved(decides, 0.1, 1.0)
    factor = 1.1 if isinstance(decides, MeanEquals) else 0.9
    assert float(getattr(after, name) / getattr(decides, name)) == pytest.approx(factor)


def test_what_has_no_bound_is_not_moved():
    assert calibrate.moved(Conserved(Q), 0.1, 1.0) is None


def test_unknown_kinds_are_refused():
    with pytest.raises(UsageError, match="no decision kind 'mean'"):
        calibrate.kinds(["mean"])


def test_command_writes_json_and_tables(tmp_path, capsys):
    json_file, table = tmp_path / "c.json", tmp_path / "c.md"
    arguments = ["calibrate", "--kinds", "identity", "--runs", "20", "--jobs", "1"]
    assert cli.main([*arguments, "--json", str(json_file), "--markdown", str(table)]) == 0
    data = json.loads(json_file.read_text())
    assert {r["role"] for r in data["rows"]} == {"false-alarm", "false-pass", "power"}
    assert all(sum(r["verdicts"].values()) == r["runs"] for r in data["rows"])
    assert "binomial square" in table.read_text() and "false alarms" in capsys.readouterr().out
    assert cli.main(["calibrate", "handbook.gd-convex", "--kinds", "identity"]) == 2
