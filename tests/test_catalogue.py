"""Every experiment of the catalogue keeps to the array standard and to the smoke tier's means."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from gdverify.discover import catalogue_sources, load
from gdverify.experiment.engine import sample_budget
from gdverify.experiment.laboratory import Laboratory

EXPERIMENTS = [
    pytest.param(claim, evidence, id=f"{claim.id}:{evidence.name}")
    for source in catalogue_sources()
    for claim in load(source)
    for evidence in claim.evidence
    if evidence.kind == "experiment"
]


@pytest.mark.parametrize(("claim", "evidence"), EXPERIMENTS)
def test_the_strict_array_standard_gives_the_same_numbers(claim, evidence):
    """What runs on the standard's reference implementation runs on any array library; few rows, first and last case."""
    cases = evidence.draw(claim, "smoke")
    for case in {id(c): c for c in (cases[0], cases[-1])}.values():
        runs = []
        for device in ("cpu", "strict"):
            lab = Laboratory(claim, evidence, case, seed=1, rows=4, device=device)
            runs.append(lab.run(0, 1))
        assert runs[0].keys() == runs[1].keys()
        for name, values in runs[0].items():
            np.testing.assert_allclose(runs[1][name], values, rtol=1e-6, atol=1e-9, err_msg=f"{name} at {case}")


@pytest.mark.parametrize(("claim", "evidence"), EXPERIMENTS)
def test_a_block_of_the_smoke_tier_is_small(claim, evidence):
    """A block is what cannot be split further when memory is short: far below the 1 GiB of the smoke tier."""
    case = evidence.draw(claim, "smoke")[-1]
    _, rows = sample_budget(claim, evidence, "smoke")
    tracemalloc.start()
    try:
        Laboratory(claim, evidence, case, seed=1, rows=rows).run(0, 1)
        assert tracemalloc.get_traced_memory()[1] < 256 * 2**20
    finally:
        tracemalloc.stop()
