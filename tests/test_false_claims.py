"""False claims, as a new user writes them on the first day: refuted or undecided, never passed."""

from __future__ import annotations

from pathlib import Path

import pytest

import gdverify

FILE = Path(__file__).parent / "data" / "false_claims.py"
CLAIMS = {c.id: c for c in gdverify.load(FILE)}
REFUTED = {c for c in CLAIMS if CLAIMS[c].notes.split(":")[0] == "fail"}


@pytest.mark.parametrize("name", CLAIMS)
def test_no_false_claim_passes(name):
    verdict = gdverify.check(CLAIMS[name])
    assert verdict.verdict in (("fail",) if name in REFUTED else ("fail", "inconclusive")), repr(verdict)
