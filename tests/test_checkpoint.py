"""An experiment that is killed goes on at its last block, and ends as it would have."""

import hashlib
import os
import pickle
import subprocess

import pytest

from gdverify.api import load
from gdverify.experiment import engine
from gdverify.experiment.checkpoint import Checkpoint

CLAIMS = {
    "sure-bound": "handbook.gd-convex",
    "mean-bound": "handbook.sgd-convex",
    "mean-equals": "adabelief.variance-tracking",
    "limit-law": "one-step-gd.bayes-gap",
}


def checkpoint(path, **how):
    return Checkpoint(path, lambda: "stamp", lambda stamp: stamp == "stamp", **{"every": 0.0, **how})


def outcome(claim, evidence, case, **how):
    found = engine.run_experiment(claim, evidence, case, **how).plain()
    return {k: v for k, v in found.items() if k != "seconds"}


@pytest.mark.parametrize("kind", CLAIMS)
def test_goes_on_where_it_was(kind, tmp_path, monkeypatch):
    claim = load(CLAIMS[kind])
    assert claim.decides.kind == kind
    evidence = next(e for e in claim.evidence if e.kind == "experiment")
    case = evidence.draw(claim, "smoke")[0]
    whole = outcome(claim, evidence, case)
    batches, real = [], engine._Runner._batch

    def batch(self, count):
        if len(batches) == stop:
            raise KeyboardInterrupt
        batches.append(self.done)
        real(self, count)

    monkeypatch.setattr(engine._Runner, "_batch", batch)
    stop = 3
    with pytest.raises(KeyboardInterrupt):
        outcome(claim, evidence, case, checkpoint=checkpoint(tmp_path / "x"))
    assert (tmp_path / "x").is_file()
    stop, before = 10**9, batches[-1]
    batches.clear()
    assert outcome(claim, evidence, case, checkpoint=checkpoint(tmp_path / "x")) == whole
    assert batches[0] == 0 and all(first >= before for first in batches[1:])  # the first block only warms up
    assert not (tmp_path / "x").exists()


def test_what_is_kept_comes_back(tmp_path):
    checkpoint(tmp_path / "x").save({"done": 3, "rows": 1}, {})
    assert checkpoint(tmp_path / "x").restore({}) == {"done": 3, "rows": 1}


@pytest.mark.parametrize("how", ["fresh", "stamp", "cut", "nothing"])
def test_what_does_not_hold_is_not_used(how, tmp_path):
    saved = checkpoint(tmp_path / "x")
    if how != "nothing":
        saved.save({"done": 3, "rows": 1}, {})
    if how == "cut":
        (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:20])
    again = checkpoint(tmp_path / "x", fresh=how == "fresh")
    if how == "stamp":
        again.good = lambda stamp: False
    assert again.restore({}) is None


@pytest.mark.parametrize(
    "call", [(os.system, ("touch {}",)), (subprocess.call, (["touch", "{}"],)), (eval, ("open('{}', 'w')",))]
)
def test_a_planted_pickle_runs_nothing(call, tmp_path):
    function, args = call
    target = tmp_path / "ran"

    class Planted:
        def __reduce__(self):
            return function, tuple(
                [a.format(target) for a in x] if isinstance(x, list) else x.format(target) for x in args
            )

    text = pickle.dumps(("stamp", Planted()))
    (tmp_path / "x").write_bytes(hashlib.sha256(text).digest() + text)
    assert checkpoint(tmp_path / "x").restore({}) is None
    assert not target.exists()
