"""What Python and notebooks show of verdicts: plain, escaped, and as frames where pandas is installed."""

import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest

import gdverify
from gdverify.errors import UsageError
from gdverify.html import mathml

from .claim_files import FALSE, TRUE

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> & \x00"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "true.py").write_text(TRUE)
    (tmp_path / "false.py").write_text(FALSE)
    return tmp_path


class _Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.open = set(), []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attributes)
        if tag != "wbr":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_one_claim_gives_a_verdict_and_several_give_verdicts(folder):
    one = gdverify.check("true.py::mine.square", device="cpu", audit=True)
    assert one.verdict == "pass" and "PASS  mine.square" in repr(one) and one.plain()["id"] == "mine.square"
    both = gdverify.check(["true.py", "false.py"], device="cpu")
    assert [v.verdict for v in both] == ["pass", "fail"] and len(both) == 2 and both[-1].id == "mine.wrong"
    assert both["mine.wrong"].verdict == "fail" and "1 passed" in repr(both)
    assert both.plain()["schema"] == "gdverify.report/1" and both.plain()["summary"]["fail"] == 1
    assert len(gdverify.check("true.py", device="cpu")) == 1
    claim = gdverify.load("true.py")[0]
    assert gdverify.check(claim, device="cpu").id == claim.id
    with pytest.raises(KeyError, match=r"did you mean mine\.square"):
        both["mine.squar"]


def test_nothing_or_two_of_a_name_is_bad_input(folder):
    with pytest.raises(UsageError, match="no claims to check"):
        gdverify.check([])
    claim = gdverify.load("true.py")[0]
    with pytest.raises(UsageError, match=r"two claims have the id mine\.square"):
        gdverify.check([claim, replace(claim)])
    with pytest.raises(UsageError, match="has no evidence"):
        gdverify.check(replace(claim, evidence=()))


def test_html_is_escaped_and_well_formed(folder):
    found = gdverify.check(["true.py", "false.py"], device="cpu", audit=True)
    record = replace(found[0].record, id=HOSTILE, title=HOSTILE, statement=HOSTILE, locator=HOSTILE, topic=HOSTILE)
    hostile = replace(found[0], record=record, complaints=[HOSTILE], unaudited=[HOSTILE], trouble=HOSTILE)
    hostile.evidence = [replace(o, name=HOSTILE, message=HOSTILE, verdict="fail") for o in hostile.evidence]
    hostile.mutants = [replace(m, mutant=HOSTILE, killed=False) for m in hostile.mutants]
    found.run.verdicts.append(hostile)
    for text in (hostile._repr_html_(), found._repr_html_(), found[1]._repr_html_()):
        assert not {"script", "img"} & _Tags(text).tags


def test_the_statement_is_mathml_or_else_latex_in_code(folder, monkeypatch):
    verdict = gdverify.check("true.py::mine.square", device="cpu")
    if mathml.available():
        assert "<math>" in verdict._repr_html_()
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    mathml._convert.cache_clear()
    assert "<math>" not in verdict._repr_html_() and "(c+d)^2 = c^2" in verdict._repr_html_()
    mathml._convert.cache_clear()


def test_frames(folder):
    pytest.importorskip("pandas")
    found = gdverify.check(["true.py", "false.py"], device="cpu", audit=True)
    frame = found.frame()
    assert list(frame["verdict"]) == ["pass", "fail"] and frame.loc[0, "killed"] == 1
    rows = found[0].frame()
    assert set(rows["kind"]) == {"derivation", "experiment"} and (rows["verdict"] == "pass").all()
    assert rows["samples"].sum() == frame.loc[0, "samples"]


def test_frames_without_pandas_say_so(folder, monkeypatch):
    verdict = gdverify.check("true.py::mine.square", device="cpu")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        verdict.frame()
