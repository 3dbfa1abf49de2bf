"""Mechanical mutants: what is changed, what must be seen, and what rightly survives."""

import json
from fractions import Fraction

import jsonschema
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from gdverify import cli
from gdverify.claim import Assumption, Claim, Paper
from gdverify.decision import Identity, LimitLaw, MeanBound, MeanEquals, Rate, SureBound
from gdverify.domain import Integers, Interval, Observed
from gdverify.mechanical import audit_claim
from gdverify.perturb import SIZES, moved_end, perturbations
from gdverify.report import schema

from .claim_files import TRUE

SETTINGS = {
    "tier": "smoke", "seed": 0, "device": "cpu", "budget": None, "overrides": {}, "save_dir": None, "alpha": 1e-6,
}  # fmt: skip
Q = sympy.Symbol("Q", real=True)
R, c = sympy.symbols("R c", positive=True)


def claim_of(decides, simulate, symbols=None, assumptions=(), **options):
    claim = Claim(
        id="toy.claim", title="t", paper=Paper("toy", "T"), locator="here", statement="s", symbols=symbols or {},
        decides=decides, assumptions=assumptions,
    )  # fmt: skip
    claim.experiment(**options)(simulate)
    return claim


def hump(xp, rng, case, size):
    """c R^2 4u(1-u): at most c R^2, and equal to it at u = 1/2."""
    u = rng.uniform((size,))
    radius = 0.5 + rng.uniform((size,))
    return {"quantity": case.c * radius**2 * 4 * u * (1 - u), "R": radius}


REGIME = {c: Interval(1, 2), R: Observed(0, open="left")}


def audited(claim):
    rows, _ = audit_claim(claim, SETTINGS, 1e6)
    return {(r.family, r.change): r for r in rows}, rows


def test_a_tight_bound_is_seen_from_the_smallest_size_on():
    found, rows = audited(claim_of(SureBound(Q, c * R**2), hump, REGIME))
    lowered = found["constant", "R**2*c lowered"]
    assert lowered.relation == "stronger" and lowered.caught == {"experiment": "1/100"}
    raised = found["constant", "R**2*c raised"]
    assert raised.relation == "weaker" and not raised.asked and set(raised.status.values()) == {"weaker"}
    assert found["direction", "reversed"].status == {"": "caught"}
    # R lies on both sides of 1: either exponent makes the bound smaller somewhere.
    for word in ("raised", "lowered"):
        assert found["exponent", f"exponent 2 {word}"].caught["experiment"] in ("1/100", "1/10")
    assert not any(r.blind for r in rows)


def test_a_loose_bound_may_be_lowered_as_far_as_it_is_loose():
    found, _ = audited(claim_of(SureBound(Q, sympy.Rational(3, 2) * c * R**2), hump, REGIME))
    lowered = found["constant", "3*R**2*c/2 lowered"]
    assert lowered.status == {"1/2": "caught", "1/10": "loose", "1/100": "loose"} and not lowered.blind


def exponential(xp, rng, case, size):
    return {"quantity": rng.exponential((size,))}


def test_a_mean_below_its_bound_is_certified_by_its_interval():
    found, _ = audited(claim_of(MeanBound(Q, sympy.Integer(3)), exponential))
    lowered = found["constant", "3 lowered"]
    assert lowered.status == {"1/2": "certified", "1/10": "certified", "1/100": "certified"}


def test_an_equality_is_seen_beyond_its_tolerance_and_forgiven_within():
    found, _ = audited(claim_of(MeanEquals(Q, sympy.Integer(1), tol=0.05), exponential))
    for word in ("raised", "lowered"):
        row = found["constant", f"1 {word}"]
        assert row.relation == "different" and row.status["1/10"] == "caught"
        assert row.status["1/100"] in ("tolerance", "caught")


def test_a_tolerance_wider_than_the_change_is_told():
    def flat(xp, rng, case, size):
        n = xp.asarray([8.0, 16.0, 32.0, 64.0, 128.0])
        return {"n": n, "quantity": n**-1.0 * (0.5 + rng.uniform((size, 5)))}

    n = sympy.Symbol("n", positive=True)
    found, _ = audited(claim_of(Rate(Q, n, sympy.Integer(-1), tol=0.3), flat))
    row = found["constant", "-1 raised"]
    assert row.status["1/10"] == "tolerance" and row.status["1/2"] == "caught"


def test_along_a_grid_the_statement_keeps_its_own_n():
    n, d = sympy.Symbol("n", integer=True, positive=True), sympy.Symbol("d", positive=True)

    def settling(xp, rng, case, size):
        grid = xp.asarray([1.0, 2.0, 4.0, 8.0, 16.0])
        return {"n": grid, "quantity": case.n + 1 / grid + 0.1 * rng.normal((size, 5))}

    claim = claim_of(LimitLaw(Q, d, n, tol=0.1), settling, {n: Integers(2, 3)}, samples={"smoke": 4096})
    found, _ = audited(claim)
    row = found["constant", "n raised"]
    assert row.relation == "different" and row.status["1/2"] == "caught" and row.status["1/100"] == "tolerance"
    assert found["constant", "1 raised"].status["1/10"] == "tolerance"  # the rate, whose tolerance is 1/10 too


def test_evidence_that_cannot_see_a_false_statement_is_reported():
    # The experiment copies the right side, whatever it is.
    claim = claim_of(Identity(Q, c**2), lambda xp, rng, case, size: {"quantity": rng.uniform((size,))}, REGIME)

    def copy(xp, rng, case, size):
        value = rng.uniform((size,))
        return {"left": value, "right": value, "quantity": value}

    claim = claim_of(Identity(Q, c**2), copy, {c: Interval(1, 2)})
    found, _ = audited(claim)
    row = found["constant", "c**2 lowered"]
    assert row.status["1/10"] == "unseen" and row.blind


def test_a_dropped_assumption_is_no_business_of_an_experiment():
    claim = claim_of(SureBound(Q, c * R**2), hump, REGIME, assumptions=(Assumption("u is real"),))
    found, _ = audited(claim)
    assert found["assumption", "dropped"].asked == {} and found["assumption", "dropped"].status == {"": "open"}


@given(
    st.fractions(Fraction(1, 20), 20, max_denominator=20),
    st.integers(1, 4),
    st.sampled_from(SIZES),
    st.fractions(Fraction(1, 9), 9, max_denominator=9),
)
@settings(max_examples=20, deadline=None)
def test_every_change_changes_and_only_by_its_size(factor, power, size, shift):
    bound = sympy.Rational(factor) * c**power / (c + sympy.Rational(shift))
    claim = claim_of(SureBound(Q, bound), hump, REGIME)
    for change in perturbations(claim):
        if change.value is None:
            continue
        new = change.value(size)
        assert new != bound and new.free_symbols <= {c}
        ratio = float((new / bound).subs(c, 1.5))
        assert ratio > 0 and abs(ratio - 1) < 20
    whole = next(p for p in perturbations(claim) if p.family == "constant" and p.change.endswith("lowered"))
    assert sympy.simplify(whole.value(size) / bound - (1 - sympy.Rational(size))) == 0


def test_a_wider_domain_draws_beyond_the_old_one():
    domain = Interval(0, 1, open="both", sample=(Fraction(1, 4), Fraction(1, 2)))
    wider = moved_end(domain, "high", Fraction(11, 10))
    assert wider.contains(Fraction(11, 10), {}) and wider.window({}) == (Fraction(1, 4), Fraction(11, 10))

    def beyond(xp, rng, case, size):
        return {"quantity": case.c * rng.uniform((size,))}

    claim = claim_of(SureBound(Q, sympy.Integer(2)), beyond, {c: Interval(1, 2)})
    found, _ = audited(claim)
    assert found["domain", "upper end 2 moved out"].caught == {"experiment": "1/100"}
    assert found["domain", "lower end 1 moved out"].status["1/10"] == "open"


@pytest.mark.parametrize("seconds", [1e-9])
def test_what_there_was_no_time_for_is_said(seconds):
    rows, _ = audit_claim(claim_of(SureBound(Q, c * R**2), hump, REGIME), SETTINGS, seconds)
    assert {s for r in rows for s in r.status.values()} == {"not tried"}


def test_command_writes_what_the_schema_says(tmp_path, capsys):
    claims, out, table = tmp_path / "mine.py", tmp_path / "audit.json", tmp_path / "audit.md"
    claims.write_text(TRUE)
    arguments = ["audit", str(claims), "--auto", "--jobs", "1"]
    assert cli.main([*arguments, "--json", str(out), "--markdown", str(table)]) == 0
    data = json.loads(out.read_text())
    jsonschema.validate(data, schema("audit"))
    assert data["changes"] and "| `mine.square` |" in table.read_text()
    assert "bound: 2 raised: experiment from 1/100" in capsys.readouterr().out


def test_the_audit_of_written_mutants_is_a_table_too(tmp_path):
    claims, table = tmp_path / "mine.py", tmp_path / "mutants.md"
    claims.write_text(TRUE)
    assert cli.main(["audit", str(claims), "--jobs", "1", "--markdown", str(table)]) == 0
    rows = [line for line in table.read_text().splitlines() if line.startswith("| `")]
    assert rows == ["| `mine.square` | three | refuted | refuted |  |"]
