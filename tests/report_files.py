"""Reports that the tests of CI formats read: one passing claim and one for each way not to pass."""

from copy import deepcopy

RUN = {
    "id": "0",
    "started": "2026-01-01T00:00:00+00:00",
    "finished": "2026-01-01T00:00:10+00:00",
    "seed": 0,
    "alpha": 1e-6,
    "tier": "smoke",
    "device": "cpu",
    "versions": {"gdverify": "0.1.0"},
    "host": "somewhere",
}
PROOF_STEP = {"n": 1, "rule": "identity", "status": "proved", "conclusion": "1 == 1", "latex": "1 = 1", "uses": []}


def evidence(kind="experiment", name="sample", verdict="pass", **more):
    entry = {
        "kind": kind, "name": name, "verdict": verdict, "case": {}, "estimate": None, "interval": None, "bound": None,
        "tolerance": None, "margin": None, "samples": 0, "alpha": None, "seconds": 0.5, "device": "cpu", "steps": [],
        "cited": [], "artefact": None, "message": "", "unread": [], "checked": [], "suspicion": "", "line": 20,
    }  # fmt: skip
    return {**entry, **more}


def proof(verdict="pass", **more):
    return evidence("derivation", "expand", verdict, **{"steps": [dict(PROOF_STEP)], "line": 10, **more})


def ratio(value, case=None, verdict="pass", **more):
    """An experiment on a sure bound."""
    return evidence(
        verdict=verdict, estimate=value, bound=1.0, margin=1 - value, case=case or {"c": 1}, samples=64, **more
    )


def mean(value, width, bound=1.0, verdict="pass", **more):
    """An experiment on a mean."""
    return evidence(
        verdict=verdict, estimate=value, interval=[value - width, value + width], bound=bound, margin=bound - value,
        tolerance=0.05, case={"c": 1}, alpha=1e-7, samples=512, **more,
    )  # fmt: skip


def mutant(name="three", killed=True, by=("derivation", "experiment"), verdict="fail"):
    found = [evidence(kind, verdict=verdict) for kind in ("derivation", "experiment")]
    return {"claim": "", "mutant": name, "killed": killed, "by": list(by), "evidence": found}


def claim(name="square", verdict="pass", found=None, kind="sure-bound", **more):
    found = [proof(), ratio(0.75)] if found is None else found
    out = {
        "id": f"mine.{name}", "title": "A square", "topic": "algebra",
        "paper": {"slug": "mine", "title": "Mine", "authors": ["A. Author"]}, "bibtex": "@misc{mine}",
        "locator": "by hand", "statement": "a^2", "decides": {"kind": kind, "latex": [r"a^2 \le 1"]},
        "symbols": [], "assumptions": [], "defines": [], "verdict": verdict,
        "qualifier": "proved" if verdict == "pass" else None, "evidence": found,
        "declared_mutants": [], "complaints": [], "unaudited": [], "finding": None, "reservation": "",
        "no_derivation": "", "notes": "",
        "source": {"file": "claims/mine.py", "module": None, "line": 5}, "seconds": 1.0,
    }  # fmt: skip
    for mutated in more.get("mutants", ()):
        mutated["claim"] = out["id"]
    return {**out, **more}


def report(*claims, **run):
    verdicts = [c["verdict"] for c in claims]
    words = ("pass", "fail", "inconclusive", "error")
    return deepcopy(
        {
            "schema": "gdverify.report/1",
            "run": {**RUN, **run},
            "summary": {v: verdicts.count(v) for v in words},
            "claims": list(claims),
        }
    )


VIOLATED = ratio(
    10.25, {"c": "1/3"}, "fail", message="violated at a saved instance", artefact="/state/mine.wrong--0123.json"
)
MIXED = report(
    claim(mutants=[mutant()]),
    claim("wrong", "fail", [proof("fail", message="step 2: refused"), ratio(0.5), VIOLATED], complaints=["no mutant"]),
    claim("broken", "error", [evidence(verdict="error", message="ValueError: no (mine.py:7)", case={"c": 2})]),
    claim("open", "inconclusive", [mean(1.0, 0.5, verdict="inconclusive", message="samples ran out")], "mean-bound"),
    claim("tested", "inconclusive", [ratio(0.1)], reservation="tested only, and it has no mutants"),
    claim("unreadable", "error", [], reservation="claims/mine.py:3: NameError: name 'x' is not defined"),
    claim(
        "toothless", mutants=[mutant(killed=False, by=["derivation"], verdict="pass")], complaints=["'three' survives"]
    ),
    claim("untried", mutants=[mutant(killed=False, by=[], verdict="error")], unaudited=["mutant 'three': error"]),
    claim(
        "published",
        finding={
            "verdict": "false-as-stated",
            "published": "Theorem 1",
            "counterexample": "n = 3",
            "corrected_by": "x",
        },
    ),
)
