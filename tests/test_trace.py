"""What experiments leave behind to be drawn: it fits the schema, does not depend on batches, and can be drawn."""

import math

import jsonschema
import numpy as np
import pytest
import sympy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gdverify.claim import Claim, Paper
from gdverify.decision import (
    Conserved,
    Counterexample,
    Identity,
    LimitLaw,
    MeanBound,
    MeanEquals,
    Minimiser,
    ProbabilityBound,
    Rate,
    SureBound,
)
from gdverify.domain import Case, Integers
from gdverify.experiment.engine import run_experiment
from gdverify.experiment.trace import BINS, Histogram
from gdverify.html.plots import figures
from gdverify.report import schema

Q = sympy.Symbol("Q")
n = sympy.Symbol("n", integer=True, positive=True)
half = sympy.Rational(1, 2)


def uniform(xp, rng, case, size):
    return {"quantity": rng.uniform((size,))}


def spread(xp, rng, case, size):
    return {"quantity": xp.exp(-20 * rng.uniform((size,)))}


def positive(xp, rng, case, size):
    return {"quantity": rng.uniform((size,)) + 2.0}


def heavy(xp, rng, case, size):
    return {"quantity": rng.uniform((size,)) ** -0.9}


def sides(xp, rng, case, size):
    x = rng.normal((size, 3))
    return {"left": xp.sum(x, axis=-1) * 3, "right": xp.sum(3 * x, axis=-1)}


def parabola(xp, rng, case, size):
    x = rng.normal((size,))
    return {"quantity": 1 + x * x, "attained": 1 + 0 * x}


def means(xp, rng, case, size):
    grid = xp.asarray([10.0, 20.0, 40.0, 80.0])
    return {"n": grid, "quantity": (1 + rng.uniform((size, 1))) / grid}


def drifting(xp, rng, case, size):
    h = xp.asarray([0.4, 0.2, 0.1, 0.05])
    return {"h": h, "drift": (1 + rng.uniform((size, 1))) * h**4, "floor": 1e-14}


KINDS = [
    ("histogram", SureBound(Q, sympy.Integer(1)), uniform),
    ("histogram", SureBound(Q, sympy.Integer(1)), spread),
    ("histogram", SureBound(-Q, sympy.Integer(0)), uniform),
    ("histogram", Minimiser(Q, sympy.Integer(1)), parabola),
    ("histogram", Identity(Q, sympy.Function("unit")(1)), sides),
    ("histogram", Counterexample(Q, sympy.Integer(1)), positive),
    ("sequence", MeanBound(Q, half, tol=0.2), uniform),
    ("sequence", MeanEquals(Q, half, support=(0, 1)), uniform),
    ("sequence", MeanEquals(Q, sympy.Integer(10)), heavy),
    ("sequence", Counterexample(Q, half - half / 10, mean=True), uniform),
    ("sequence", ProbabilityBound(Q, half, half + half / 9), uniform),
    ("rate", Rate(Q, n, sympy.Integer(-1)), means),
    ("limit", LimitLaw(Q, n, sympy.Integer(0)), means),
    ("drift", Conserved(Q, order=4), drifting),
]


@pytest.mark.parametrize(("kind", "decides", "simulate"), KINDS, ids=[f"{s.__name__}-{d.kind}" for _, d, s in KINDS])
def test_every_kind_of_decision_can_be_drawn(kind, decides, simulate):
    symbols = {n: Integers(1, 100)} if kind in ("rate", "limit") else {}
    claim = Claim(
        id="toy.claim",
        title="t",
        paper=Paper("toy", "Toy"),
        locator="here",
        statement="s",
        symbols=symbols,
        decides=decides,
    )
    claim.experiment()(simulate)
    outcome = run_experiment(claim, claim.evidence[0], Case({"n": 4} if symbols else {}))
    assert outcome.verdict != "error", outcome.message
    contract = schema("report")
    jsonschema.validate(
        outcome.plain()["trace"], {**contract["$defs"]["evidence"]["properties"]["trace"], "$defs": contract["$defs"]}
    )
    (figure,) = figures(outcome.plain(), {"id": "toy.claim", "decides": {"kind": decides.kind}})
    assert figure.kind == kind
    if kind == "histogram":
        counted = outcome.trace["histogram"]
        assert sum(counted["counts"]) + counted["zeros"] == outcome.samples


def test_a_rate_that_the_guard_refuses_is_drawn_without_a_fit():

    def simulate(xp, rng, case, size):
        grid = xp.asarray([10.0, 20.0, 40.0, 80.0])
        return {"n": grid, "quantity": rng.uniform((size, 1)) ** -0.9 / grid}

    claim = Claim(
        id="toy.claim", title="t", paper=Paper("toy", "Toy"), locator="here", statement="s",
        symbols={n: Integers(1, 100)}, decides=Rate(Q, n, sympy.Integer(-1)),
    )  # fmt: skip
    claim.experiment(samples={"smoke": 256})(simulate)
    outcome = run_experiment(claim, claim.evidence[0], Case({"n": 4}))
    assert outcome.verdict == "inconclusive" and "fit" not in outcome.trace
    (figure,) = figures(outcome.plain(), {"id": "toy.claim", "decides": {"kind": "rate"}})
    assert "fitted" not in figure.svg


VALUES = st.lists(
    st.one_of(st.floats(allow_nan=True), st.floats(0, 1), st.sampled_from([0.0, 1.0, 1.0 + 1e-12, -1.0, 1e-9, 1e300])),
    min_size=1,
    max_size=60,
)


@settings(deadline=None, max_examples=150)
@given(VALUES, VALUES, st.integers(1, 20), st.sampled_from([0.0, 1.0, 1e-9]), st.booleans(), st.booleans())
@example([0.5], [-1.0, 0.25, 1e300], 1, 1.0, False, True)
def test_histograms_count_everything_once_however_it_comes(first, rest, cut, mark, log, low_side):
    first, rest = np.array(first), np.array(rest)
    whole, parts = (Histogram("x", first, mark, log=log, low_side=low_side) for _ in range(2))
    whole.add(np.concatenate([first, rest]))
    parts.add(first)
    for k in range(0, len(rest), cut):
        parts.add(rest[k : k + cut])
        parts.plain(mark)  # looking changes nothing
    found = whole.plain(mark)
    assert found == parts.plain(mark)
    kept = np.concatenate([first, rest])
    kept = kept[np.abs(kept) < 1e200]
    if found is None:
        assert len(kept) < 2 or not np.any(kept > 0)
        return
    assert sum(found["counts"]) + found["zeros"] == len(kept)
    assert len(found["edges"]) == len(found["counts"]) + 1 <= BINS + 1
    shown = kept[kept > 0] if found["scale"] == "log" else kept
    size = max(abs(shown.max()), abs(shown.min()), mark if found["scale"] == "linear" else 0.0)
    inner = found["edges"]
    assert inner[0] - 1e-5 * size <= shown.min() and shown.max() <= inner[-1] + 1e-5 * size
    if mark == 1 and size < 1e3 and inner[0] < 1 < inner[-1]:
        assert min(abs(e - 1) for e in inner) < 1e-5  # nothing straddles the bound
        below = sum(c for c, e in zip(found["counts"], found["edges"][1:], strict=True) if e <= 1 + 1e-5)
        assert below == (np.sum(shown <= 1) if low_side else np.sum(shown < 1)) or found["scale"] == "log"


def test_equality_with_the_bound_counts_as_below_it():
    claim = Claim(id="toy.claim", title="t", paper=Paper("toy", "Toy"), locator="here", statement="s",
                  decides=SureBound(Q, sympy.Integer(1)), symbols={})  # fmt: skip

    def simulate(xp, rng, case, size):
        return {"quantity": 1.0 - 1e-3 * xp.maximum(rng.uniform((size,)) - 0.5, 0.0) + 1e-15}

    claim.experiment()(simulate)
    counted = run_experiment(claim, claim.evidence[0], Case({})).trace["histogram"]
    assert math.isclose(counted["edges"][-1], 1.0)
