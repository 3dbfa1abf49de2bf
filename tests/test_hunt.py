"""The directed search finds what random instances do not show, and nothing that is not there."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy

import gdverify
from gdverify import cli
from gdverify.claim import Claim, Paper
from gdverify.decision import Counterexample, Identity, MeanBound, Minimiser, SureBound
from gdverify.domain import Integers, Interval, Observed, Positive
from gdverify.errors import UsageError
from gdverify.experiment.evolution import Strategies, ranked
from gdverify.experiment.hunt import hunt

FILE = Path(__file__).parent / "data" / "hunted_claims.py"
CLAIMS = {c.id: c for c in gdverify.load(FILE)}
FALSE = [c for c in CLAIMS if CLAIMS[c].notes.startswith("false")]
TIGHT = [c for c in CLAIMS if CLAIMS[c].notes.startswith("tight")]
Q = sympy.Symbol("Q")
R = sympy.Symbol("R", nonnegative=True)
gamma = sympy.Symbol("gamma", positive=True)
T = sympy.Symbol("T", integer=True, positive=True)


def claim_of(decides, simulate, symbols=None, **options):
    claim = Claim(
        id="toy.hunted", title="t", paper=Paper("toy", "Toy"), locator="here", statement="s", symbols=symbols or {},
        decides=decides,
    )  # fmt: skip
    claim.experiment(**options)(simulate)
    return claim


@pytest.mark.parametrize("name", FALSE)
def test_printed_statements_that_are_false_are_refuted(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path))
    assert cli.main(["hunt", f"{FILE}::{name}", "--device", "cpu", "--json", str(tmp_path / "out.json")]) == 1
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["verdict"] == "fail" and found["certain"] and found["ratio"] > 1
    assert cli.main(["replay", found["artefact"], "--claims", str(FILE)]) == 1
    assert "violated" in capsys.readouterr().out


@pytest.mark.parametrize("name", TIGHT)
def test_attaining_instances_of_tight_bounds_are_found(name):
    """Also where random instances stay away from the bound: after many steps."""
    for seed, held in ((0, {}), (1, {"T": 20, "L": 2})):
        found = hunt(CLAIMS[name], seed=seed, overrides=held)
        assert found.verdict == "pass" and found.certain and 0.999 <= found.ratio <= 1, found.message


def needle(xp, rng, case, size):
    """Exceeds 1 in a corner of the regime and of the draws only: no random sample comes near."""
    z, u = rng.normal((size, 6)), rng.uniform((size, 6))
    near = xp.exp(-20 * xp.sum((u - 1) ** 2, axis=-1) - xp.sum((z - 1) ** 2, axis=-1))
    inside = 1 - (case.gamma - 1) ** 2 - (case.T - 7) ** 2 / xp.asarray(50.0)
    return {"quantity": near * inside * 1.001}


CORNER = {gamma: Interval(0, 1, open="left"), T: Integers(1, 40)}


def test_a_needle_is_found_at_an_edge_of_the_regime_and_is_replayed(tmp_path):
    from gdverify.experiment import violation

    claim = claim_of(SureBound(Q, 1), needle, CORNER)
    assert gdverify.check(claim).verdict != "fail"
    found = hunt(claim, save_dir=tmp_path)
    assert found.verdict == "fail" and found.case == {"gamma": 1, "T": 7}
    assert violation.replay(found.artefact, claim).verdict == "fail"
    assert hunt(claim_of(SureBound(Q, sympy.Rational(1002, 1000)), needle, CORNER)).verdict == "pass"


def test_the_numbers_depend_on_the_seed_alone():
    claim = claim_of(SureBound(Q, 2), needle, CORNER)
    search = lambda **options: hunt(claim, overrides={"T": 3, "gamma": 1}, **options)
    first, cut, other = search(), search(chunk=37), search(seed=1)
    same = lambda a, b: a.plain() | {"seconds": 0} == b.plain() | {"seconds": 0}
    assert same(first, cut) and not same(first, other)


def test_rows_that_are_no_instances_are_set_aside():
    """Beyond the bound the quantity is not finite, or the observed symbol leaves its domain: the search stays below."""

    def simulate(xp, rng, case, size):
        u, v = rng.uniform((size,)), rng.uniform((size,))
        u, v = u**16, v**16  # so that a block of random rows is sound
        return {"quantity": (u + v) / xp.asarray(u <= 0.9, dtype=xp.float64), "R": xp.where(v > 0.9, -v, v)}

    claim = claim_of(SureBound(Q, R + sympy.Rational(91, 100)), simulate, {R: Observed(0)}, block=16)
    searches = (hunt(claim, seed=seed) for seed in range(20))
    found = next(f for f in searches if f.verdict != "error")  # one whose first block holds instances only
    assert found.verdict == "pass" and found.ratio > 0.98


def test_rounding_is_not_a_violation():
    """Cancellation makes floats exceed the bound wherever one looks; no instance does."""

    def simulate(xp, rng, case, size):
        u = rng.uniform((size,), 1, 2)
        return {"quantity": (10**12 + u) - 10**12, "R": u}

    found = hunt(claim_of(SureBound(Q, R), simulate, {R: Observed(0)}))
    assert found.verdict == "pass"
    assert (
        hunt(claim_of(SureBound(Q, R * (1 - sympy.Rational(1, 10**10))), simulate, {R: Observed(0)})).verdict == "fail"
    )


def test_other_kinds_about_every_instance():
    def bowl(xp, rng, case, size):
        z = rng.normal((size, 3))
        return {"quantity": xp.sum((z - 1) ** 2, axis=-1) - xp.rational(1, 10**6)}

    assert hunt(claim_of(Minimiser(Q, sympy.Integer(0)), bowl)).verdict == "fail"
    assert hunt(claim_of(Counterexample(Q, sympy.Integer(60)), bowl)).verdict == "pass"
    assert hunt(claim_of(Counterexample(Q, sympy.Integer(10**4)), bowl)).verdict == "inconclusive"

    def kinked(xp, rng, case, size):
        u = rng.uniform((size, 2))
        excess = xp.maximum(xp.min(u, axis=-1) - 0.9999, xp.asarray(0.0))
        return {"left": 1 + u[:, 0] + excess, "right": 1 + u[:, 0]}

    assert hunt(claim_of(Identity(Q, sympy.Integer(1)), kinked)).verdict == "fail"


def test_corners_of_the_regime_that_hold_no_case_are_passed_over():
    """m from 1 to n - 1 leaves nothing at n = 1, and a case that holds m = 3 nothing below n = 4."""
    m, n = (sympy.Symbol(s, integer=True, positive=True) for s in ("m", "n"))

    def simulate(xp, rng, case, size):
        return {"quantity": (0.5 + 0.5 * rng.uniform((size,))) * (case.n - case.m)}

    claim = claim_of(SureBound(Q, n), simulate, {n: Integers(1, 9), m: Integers(1, n - 1)}, cases=[{}, {"m": 3}])
    found = hunt(claim)
    assert found.verdict == "pass" and found.case == {"n": 9, "m": 1} and found.ratio == pytest.approx(8 / 9)


def test_bad_input_is_refused(capsys):
    mean = claim_of(MeanBound(Q, sympy.Integer(1)), lambda xp, rng, case, size: {"quantity": rng.uniform((size,))})
    with pytest.raises(UsageError, match="means"):
        hunt(mean)
    scaled = claim_of(SureBound(Q, 1), needle, {gamma: Positive(sample=(1, 2)), T: Integers(1, 3)})
    for wrong in ({"gamma": Fraction(-1)}, {"nothing": 1}):
        with pytest.raises(UsageError):
            hunt(scaled, overrides=wrong)
    for words in (["nobody.knows"], [str(FILE)], [f"{FILE}::{TIGHT[0]}", "--set", "T=0"], ["x", "--budget", "-1"]):
        try:
            code = cli.main(["hunt", *words])
        except SystemExit as stop:
            code = stop.code
        error = capsys.readouterr().err.strip()
        assert code == 2 and error.startswith("gdverify") and len(error.splitlines()) == 1


@pytest.mark.parametrize("n", [5, 80])
def test_evolution_strategies_minimise_an_ill_conditioned_quadratic(n):
    rng = np.random.default_rng(3)
    weights = np.logspace(0, 4, n)
    strategies = Strategies(np.full((3, n), 3.0), np.full(3, 0.5), np.ones(n), 24)
    for _ in range(400 if n == 5 else 1500):
        x = strategies.ask(rng)
        value = -np.sum(weights * x**2, axis=-1)
        strategies.tell(x, ranked(value, value))
    assert np.min(np.sum(weights * strategies.mean**2, axis=-1)) < 1e-8


@pytest.mark.parametrize(("excess", "expected"), [(0.0, "pass"), (0.02, "fail")])
def test_the_error_of_an_approximated_instance_is_no_violation_of_an_identity(excess, expected):
    def stepped(xp, rng, case, size):
        error = rng.uniform((size,)) / 100
        return {"quantity": 1 + excess + error, "quantity_error": error + 1e-12}

    assert hunt(claim_of(Identity(Q, sympy.Integer(1)), stepped)).verdict == expected
