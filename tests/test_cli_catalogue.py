"""Rules that every claim of the catalogue keeps; nothing is run here, `make verify` does that."""

import pytest

from gdverify.audit import killing_kinds
from gdverify.discover import catalogue, catalogue_sources, load

ENTRIES = catalogue()


def test_static_listing_and_running_the_modules_agree():
    assert sorted(e.id for e in ENTRIES) == sorted(c.id for s in catalogue_sources() for c in load(s))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_claim_is_complete(entry):
    claim = next(c for c in load(entry.source) if c.id == entry.id)
    kinds = {e.kind for e in claim.evidence}
    assert claim.paper.slug == entry.paper and claim.decides.kind == entry.decides and claim.title == entry.title
    assert "derivation" in kinds or claim.no_derivation, "a claim without a derivation needs a written reason"
    killers = [set(killing_kinds(claim, m)) for m in claim.mutants]
    assert kinds <= set().union(*killers), "every kind of evidence needs a mutant to kill"
    assert all(killers), "every mutant needs evidence that is declared to kill it"
