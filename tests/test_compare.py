"""`gdverify compare`: what is a regression, what is noise, and JSON from strangers."""

import copy
import json
import os
import tempfile
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdverify.cli import main
from gdverify.compare import compare, markdown, text
from gdverify.errors import UsageError
from gdverify.junit import junit
from gdverify.markdown import markdown as report_markdown
from gdverify.sarif import sarif
from gdverify.saved import read_report

from .report_files import MIXED, claim, evidence, mean, mutant, proof, ratio, report


def of(old, new, **more):
    """(regressions, improvements, other changes) as sets of kinds."""
    found = compare(report(old), report(new), **more)
    assert found.exit_code() == (1 if found.regressions else 0)
    assert all(change.text for change in found.regressions + found.improvements + found.changes)
    return tuple({c.kind for c in part} for part in (found.regressions, found.improvements, found.changes))


def test_a_report_does_not_differ_from_itself():
    found = compare(MIXED, copy.deepcopy(MIXED))
    assert not (found.regressions or found.improvements or found.changes)
    assert found.compared == len(MIXED["claims"])


CITING = claim(found=[proof(cited=["Lemma 3 (Someone 1999)"])], qualifier="proved-modulo")
ASSUMING = claim(found=[proof(steps=[{"n": 1, "rule": "assumption", "status": "assumed", "note": "f is convex"}])])


@pytest.mark.parametrize(
    ("old", "new", "regressions"),
    [
        (claim(), claim(verdict="fail", found=[proof("fail"), ratio(0.75)]), {"verdict", "evidence"}),
        (claim(), claim(verdict="inconclusive", reservation="tested only"), {"verdict"}),
        (claim(verdict="inconclusive"), claim(verdict="error"), {"verdict"}),
        (claim(), claim(qualifier="tested", found=[ratio(0.75)]), {"qualifier", "evidence"}),
        (claim(found=[proof()]), CITING, {"qualifier", "cited"}),
        (claim(mutants=[mutant()]), claim(mutants=[mutant(killed=False, by=[])]), {"mutant"}),
        (claim(mutants=[mutant()]), claim(mutants=[mutant()], complaints=["experiment kills no mutant"]), {"audit"}),
        (claim(mutants=[mutant()]), claim(mutants=[mutant()], unaudited=["experiment kills no mutant"]), {"audit"}),
        (claim("gone"), claim("other"), {"claim"}),
    ],
)
def test_regressions_and_the_way_back(old, new, regressions):
    assert of(old, new)[0] == regressions
    assert of(new, old)[0] <= {"claim"}


def test_what_is_no_regression():
    fails = claim(verdict="fail", found=[proof("fail"), ratio(0.75)])
    assert of(fails, claim(verdict="inconclusive", found=[proof("error"), ratio(0.75)]))[:2] == (set(), set())
    assert of(claim(found=[proof()]), ASSUMING) == (set(), set(), {"assumption"})
    renamed = claim(found=[{**proof(), "name": "again"}, ratio(0.75)])
    assert of(claim(), renamed) == (set(), set(), {"evidence"})
    assert of(claim(), claim(assumptions=[{"name": "n > 2", "latex": ""}])) == (set(), set(), {"statement"})
    survivor = claim(mutants=[mutant(killed=False, by=["derivation"])], complaints=["mutant 'three' survives (a 0.1)"])
    again = claim(mutants=[mutant(killed=False, by=["derivation"])], complaints=["mutant 'three' survives (a 0.2)"])
    assert of(survivor, again) == (set(), set(), set())
    weaker = claim(mutants=[mutant(by=["derivation"])])
    assert of(claim(mutants=[mutant()]), weaker) == (set(), set(), {"mutant"})


def margins(kind, old, new, **more):
    before, after, _ = of(claim(found=[old], kind=kind), claim(found=[new], kind=kind), **more)
    return "shrank" if before else "grew" if after else "same"


def worst(value, bound=1.0):
    return evidence(
        "worst-case", estimate=value, interval=[value - 1e-12, value], bound=bound, margin=bound / value - 1
    )


@pytest.mark.parametrize(
    ("kind", "old", "new", "expected"),
    [
        # One-sided means: only intervals that are disjoint show that the mean moved, and only upwards is worse.
        ("mean-bound", mean(0.5, 0.1), mean(0.69, 0.1), "same"),
        ("mean-bound", mean(0.5, 0.1), mean(0.71, 0.1), "shrank"),
        ("mean-bound", mean(0.71, 0.1), mean(0.5, 0.1), "grew"),
        ("mean-bound", mean(0.5, 0.001), mean(0.51, 0.001), "shrank"),
        ("probability-bound", mean(0.5, 0.1), mean(0.71, 0.1), "shrank"),
        # The bound itself moved: the distance to it counts.
        ("mean-bound", mean(0.5, 0.1), mean(0.5, 0.1, bound=0.65), "shrank"),
        # Equalities: away from the value on either side.
        ("mean-equals", mean(1.0, 0.01), mean(0.96, 0.01), "shrank"),
        ("mean-equals", mean(1.04, 0.01), mean(0.96, 0.01), "same"),
        ("mean-equals", mean(0.96, 0.01), mean(1.0, 0.01), "grew"),
        # Largest values and exact ones: a share of the margin, and more than a hundredth of the bound.
        ("sure-bound", ratio(0.50), ratio(0.54), "same"),
        ("sure-bound", ratio(0.50), ratio(0.56), "shrank"),
        ("sure-bound", ratio(0.999), ratio(0.9995), "same"),
        ("sure-bound", worst(0.50), worst(0.50 + 1e-9), "same"),
        ("sure-bound", worst(0.50), worst(0.60), "shrank"),
        ("mean-bound", mean(0.5, 0.0), mean(0.501, 0.0), "same"),
        # A mean without its interval, a minimum that is meant to be attained, a kind that is not named.
        ("mean-bound", {**mean(0.5, 0.1), "interval": None}, {**mean(0.9, 0.1), "interval": None}, "same"),
        ("minimiser", ratio(0.5), ratio(0.9), "same"),
        ("", ratio(0.5), ratio(0.9), "same"),
    ],
)
def test_margins_beyond_their_noise(kind, old, new, expected):
    assert margins(kind, old, new) == expected


def test_other_instances_say_nothing_but_exact_evidence_does():
    def found(old, new):
        kind = {"found": [old]}, {"found": [new]}
        return compare(report(claim(**kind[0])), report(claim(**kind[1]), seed=7)).regressions

    assert not found(ratio(0.5), ratio(0.9)) and found(worst(0.5), worst(0.9))
    assert margins("sure-bound", ratio(0.5), ratio(0.8), relative=0.7) == "same"


def test_text_and_markdown_lead_with_regressions(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    nasty = "\x1b[2J`<b>|\ud800"
    old = report(claim(), claim("b", mutants=[mutant(nasty)]), claim("c", "fail", [proof("fail")]))
    new = report(claim(), claim("b", mutants=[mutant(nasty, killed=False)]), claim("c", found=[proof()]), claim("d"))
    found = compare(old, new)
    assert text(found)[0] == "1 regression" and "improvement" in "".join(text(found))
    shown = markdown(found)
    assert shown.index("no longer dies") < shown.index("<details>") < shown.index("now pass")
    assert not {"\x1b", "\ud800"} & set(shown + "".join(text(found))) and "<b>" not in shown
    (tmp_path / "old.json").write_text(json.dumps(old))
    (tmp_path / "new.json").write_text(json.dumps(new))
    assert main(["compare", "old.json", "new.json", "--json", "-", "--markdown", "m.md"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert [c["kind"] for c in data["regressions"]] == ["mutant"] and (tmp_path / "m.md").read_text() == shown
    assert main(["compare", "new.json", "new.json"]) == 0


def spoiled(where, value):
    data = report(claim(mutants=[mutant()]))
    target = data
    for step in where[:-1]:
        target = target[step]
    target[where[-1]] = value
    return json.dumps(data)


FIRST = ("claims", 0, "evidence", 0)


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", "[" * 100_000, '{"schema": "gdverify.audit/1"}', '{"schema": "gdverify.report/1"}',
        "\0", "\ud800", "9" * 5000, spoiled(("claims",), {}), spoiled(("claims",), [1]),
        spoiled(("claims", 0, "id"), 3), spoiled(("claims", 0, "verdict"), "PASS"),
        spoiled((*FIRST, "estimate"), "1"), spoiled((*FIRST, "estimate"), float("nan")),
        spoiled((*FIRST, "estimate"), 10**400), spoiled((*FIRST, "interval"), [1]),
        spoiled((*FIRST, "case"), [1]), spoiled((*FIRST, "steps"), [[]]), spoiled((*FIRST, "cited"), [{}]),
        spoiled(("claims", 0, "mutants", 0, "killed"), 1), spoiled(("claims", 0, "mutants", 0, "mutant"), []),
        spoiled(("claims", 0, "decides"), []), spoiled(("claims", 0, "finding"), 1), spoiled(("run",), None),
        spoiled(("claims",), [claim(), claim()]),
    ],
)  # fmt: skip
def test_json_from_strangers_is_one_line(content, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.json").write_text(json.dumps(MIXED))
    (tmp_path / "bad.json").write_bytes(content.encode(errors="surrogatepass"))
    for args in (["bad.json", "good.json"], ["good.json", "bad.json"]):
        assert main(["compare", *args]) == 2
        said = capsys.readouterr()
        assert said.out == "" and len(said.err.splitlines()) == 1 and said.err.startswith("gdverify: bad.json: ")


def test_what_is_no_file_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gdverify.saved.LIMIT", 1000)
    (tmp_path / "big.json").write_text(json.dumps(MIXED))
    for name in ("big.json", "missing.json", ".", *(["/dev/zero"] if os.path.exists("/dev/zero") else [])):
        assert main(["compare", name, name]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


@given(st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=150)
def test_any_report_is_refused_or_rendered(rng):
    """Fields replaced at random: a reader's refusal is the only error, and everything that is written is text."""
    data = copy.deepcopy(MIXED)
    for _ in range(rng.randint(1, 3)):
        target = data
        while True:
            key = rng.choice(list(target) if isinstance(target, dict) else range(len(target)))
            if not (isinstance(target[key], (dict, list)) and target[key]) or rng.random() < 0.1:
                break
            target = target[key]
        target[key] = copy.deepcopy(rng.choice(ODD))
        if not data.get("claims"):
            break
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(data, file)
        file.flush()
        try:
            found = read_report(file.name)
        except UsageError:
            return
    for old, new in ((MIXED, found), (found, MIXED)):
        change = compare(old, new)
        "\n".join(text(change)).encode(), markdown(change).encode(), json.dumps(change.plain(), allow_nan=False)
    ElementTree.fromstring(junit(found))
    json.dumps(sarif(found), allow_nan=False, ensure_ascii=False).encode()
    report_markdown(found).encode()


ODD = [
    None, True, 0, -1, 1.5, 1e308, 10**30, "", "pass", "fail",
    "\ud800\x1b", [], [1], ["a"], [{}], [None, 1.0], [1.0, 2.0],
    {}, {"a": 1}, {"kind": "rate", "latex": 5}, {"verdict": []}, {"file": 1, "line": "x"},
]  # fmt: skip


def test_odd_but_well_formed_fields_do_not_break_it():
    """Shapes that the reader lets through: steps without rules, decides without a kind, cases of anything."""
    odd = claim(
        found=[proof(steps=[{}]), ratio(0.5, {"a": [1, {"b": None}], "c": "x" * 10_000})],
        decides={"kind": 3, "latex": "none"}, finding={}, assumptions=[{}], mutants=[mutant()],
    )  # fmt: skip
    compare(report(odd), report(copy.deepcopy(odd)))
    compare(report(odd), report(claim()))
    compare(report(claim()), report(odd))
