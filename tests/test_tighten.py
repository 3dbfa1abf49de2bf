"""The interval of a constant contains the best one, and closes where it is known."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
import sympy
from sympy import Le, Rational

from gdverify import cli
from gdverify.claim import Claim, Paper
from gdverify.decision import Conserved, MeanBound, Rate, SureBound
from gdverify.domain import Integers, Interval, Positive
from gdverify.errors import UsageError
from gdverify.tighten import tighten
from gdverify.tightness_page import lines

HUNTED = Path(__file__).parent / "data" / "hunted_claims.py"
Q = sympy.Symbol("Q")
a, b = sympy.symbols("a b", positive=True)
x = sympy.Symbol("x", positive=True)
n = sympy.Symbol("n", integer=True, positive=True)


def claim_of(decides, simulate, symbols=None, defines=None):
    claim = Claim(
        id="toy.tight", title="t", paper=Paper("toy", "Toy"), locator="here", statement="s", symbols=symbols or {},
        decides=decides, defines=defines or {},
    )  # fmt: skip
    claim.experiment()(simulate)
    return claim


def parabola(bound):
    """x (1 - x) <= c x: at most 1 - x <= 1/2 of it on [1/2, 1]; the derivation goes through for any c >= 1/2."""

    def simulate(xp, rng, case, size):
        assert case.x > 0
        return {"quantity": case.x * (1 - case.x) * (0.5 + 0.5 * rng.uniform((size,)))}

    claim = claim_of(SureBound(x * (1 - x), bound), simulate, {x: Interval(Rational(1, 2), 1)})

    @claim.derivation
    def half(proof):
        low, one = proof.low(x), proof.sign(x)
        room = claim_bound(proof) / x - Rational(1, 2)
        proof.conclude(proof.certificate(Le(x * (1 - x), claim_bound(proof)), [(x, low), (room, one)]))

    return claim


def claim_bound(proof):
    return proof.claim.decides.bound


def test_search_and_derivation_close_in_on_the_best_factor():
    found = tighten(parabola(2 * x))
    assert found.constant.stated == 2 and found.scope == "regime" and found.certain
    assert found.constant.value(found.attained) == pytest.approx(0.5, rel=1e-3)
    assert 0.5 <= found.constant.value(found.provable) < 0.505
    low, high = found.loose()
    assert 3.9 < low <= 4 <= high < 4.01
    assert tighten(parabola(x / 2)).provable == 1


def test_a_statement_below_the_truth_is_reported_as_violated():
    found = tighten(parabola(x / 3))
    assert found.violated and found.provable is None and found.attained > 1.4


def test_certificates_give_both_ends_at_their_cases():
    import gdverify

    found = tighten(gdverify.load("handbook.gd-convex"), budget=1, overrides={"T": 4, "L": 1, "gamma": Fraction(1, 2)})
    low, high = found.over_cases()
    exact = (2 * 0.5 * 4) / (4 * 0.5 * 4 + 2)  # L R^2/(4 gamma L T + 2) over R^2/(2 gamma T)
    assert low <= exact <= high and high - low < 1e-5
    assert found.attained == pytest.approx(exact, rel=1e-6) and found.provable == 1


@pytest.mark.parametrize(("constant", "stated", "attained"), [("c", 3, 2), ("3", 3, 2), ("b", 1, Fraction(3, 2))])
def test_named_constants_symbols_and_definitions(constant, stated, attained):
    """u^2 + b <= c + b with u in [0, sqrt 2): c could be 2; likewise a number, and a symbol that is subtracted."""

    def simulate(xp, rng, case, size):
        assert case.b > 0
        return {"quantity": 2 * rng.uniform((size,)) ** 2 + (case.b if constant != "b" else 0)}

    c = sympy.Symbol("c", positive=True)
    bounds = {"c": c + b, "3": 3 + b, "b": 4 - b * 4 / 3}
    symbols = {b: Interval(1, 1) if constant == "b" else Interval(1, 2)}
    if constant == "b":
        symbols = {b: Interval(1, 1, open="")}
    defines = {c: sympy.Integer(3)} if constant == "c" else {}
    found = tighten(claim_of(SureBound(Q, bounds[constant]), simulate, symbols, defines), constant)
    assert found.constant.stated == stated and found.constant.sharper == (1 if constant == "b" else -1)
    assert found.constant.value(found.attained) == pytest.approx(float(attained), rel=1e-3)


def test_means_and_rates_give_confidence():
    def chi(xp, rng, case, size):
        return {"quantity": xp.sq(rng.normal((size, 5)))}

    found = tighten(claim_of(MeanBound(Q, sympy.Integer(20)), chi))
    assert found.confidence > 0.99 and not found.certain
    assert 0.2 < found.attained <= 0.25 and "confidence 0.99" in "\n".join(lines(found))

    def deviation(xp, rng, case, size):
        grid = [64, 128, 256, 512, 1024]
        signs = rng.signs((size, grid[-1]))
        means = xp.stack([abs(xp.mean(signs[:, :k], axis=-1)) for k in grid], axis=-1)
        return {"n": xp.asarray(grid, dtype=xp.float64), "quantity": means}

    rate = tighten(claim_of(Rate(Q, n, Rational(-1, 2), tol=0.1), deviation, {n: Integers(1, sample=(1, 10))}))
    low, high = rate.measured
    assert low < -0.5 < high and high - low < 0.3


def test_on_the_command_line(tmp_path, capsys):
    name = f"{HUNTED}::hunted.descent-on-quadratics"
    assert cli.main(["tighten", name, "--set", "T=2", "--device", "cpu", "--json", str(tmp_path / "out.json")]) == 0
    data = json.loads((tmp_path / "out.json").read_text())
    assert data["schema"] == "gdverify.tighten/1" and 0.999 < data["attained"] <= 1 and data["provable"] is None
    assert "stated 1, attained >=" in capsys.readouterr().out
    for words in (
        [name, "--constant", "7"],
        [name, "--constant", "nothing"],
        [name, "--set", "y=1"],
        ["deq.conservation"],
    ):
        assert cli.main(["tighten", *words]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_what_has_no_constant_is_refused():
    def drift(xp, rng, case, size):
        return {}

    with pytest.raises(UsageError, match="no bound"):
        tighten(claim_of(Conserved(Q), drift))
    both_ways = claim_of(SureBound(Q, (a - 1) ** 2), drift, {a: Positive(sample=(Rational(1, 4), 2))})
    with pytest.raises(UsageError, match="both ways"):
        tighten(both_ways, "a")
