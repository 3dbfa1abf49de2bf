"""Changes of valid certificates: every one is refused.

A random sample here; all changes of all derivations with ``GDVERIFY_FUZZ=all`` (hours), or of some claims with
``python -m tests.fuzz_recheck CLAIM``.
"""

from __future__ import annotations

import os

import pytest

from gdverify.discover import select
from gdverify.recheck import Malformed, Rejected, recheck_data
from tests.fuzz_recheck import changes, exported, orders, put, sweep

QUICK = {
    "handbook.gd-pl": 160,
    "deq.well-conditioned-upper": 120,
    "automatic-prompt-optimization.successive-rejects-budget": 100,
    "one-step-gd.exact-loss": 40,
    "preconditioned-gd.forward-pass": 60,
}
ALL = os.environ.get("GDVERIFY_FUZZ") == "all"
NAMES = [located.claim.id for located in select([], everything=True)] if ALL else list(QUICK)
STATED = ("symbols", "assumptions", "defines")


@pytest.mark.parametrize("name", NAMES)
def test_no_change_survives(name):
    """Nothing in the steps may be other than it is; another statement has another digest, and is refused by it."""
    certificates = exported(select([name])[0].claim)
    for data in certificates:
        done = sweep(data, 0 if ALL else QUICK[name], seed=len(data["steps"]))
        assert done.tried
        changed = {(path, what): new for path, what, new in (*changes(data), *orders(data))}
        for path, what in done.survivors:
            assert path[0] in STATED, (path, what)
            with pytest.raises((Rejected, Malformed)):
                recheck_data(put(data, path, changed[path, what]))


def test_what_is_changed_is_changed():
    """The sweep tries what it says: an idle premise, planted, is found."""
    (data,) = exported(select(["handbook.gd-pl"])[0].claim)
    assert any(path[:1] == ("steps",) for path, _, _ in changes(data))
    assert {what.split()[0] for _, what, _ in orders(data)} >= {"step", "1"}
    fine = sweep(data, 50)
    assert fine.tried == 50 and all(path[0] in STATED for path, _ in fine.survivors)
