"""The HTML report: complete, escaped, linked, equal for equal reports, and working in a browser from disk."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from gdverify.errors import UsageError
from gdverify.html import check_folder, write_site
from gdverify.html.mathml import math
from gdverify.html.site import site
from gdverify.report import without_timings

VOID = {"br", "col", "hr", "input", "link", "meta", "wbr"}


def evidence(kind, name="f", verdict="pass", **fields):
    blank = dict.fromkeys(("estimate", "interval", "bound", "tolerance", "margin", "alpha", "artefact"))
    rest = {"case": {}, "samples": 0, "seconds": 0.25, "device": "cpu", "steps": [], "cited": [], "message": ""}
    return {"kind": kind, "name": name, "verdict": verdict, **blank, **rest, "line": 7, "trace": None, **fields}


def claim(identity, **fields):
    base = {
        "id": identity,
        "title": f"Title of {identity}",
        "topic": "convergence",
        "paper": {
            "slug": "p",
            "title": "A paper",
            "authors": ["Ada First", "Bo Second"],
            "year": 2020,
            "arxiv": "2001.00001",
        },
        "bibtex": "@misc{p,\n  title = {A paper}\n}",
        "locator": "Theorem 1",
        "statement": r"f(x_T) \le \frac{R^2}{2T}",
        "decides": {"kind": "sure-bound", "latex": [r"f{\left(x \right)} \le R"]},
        "symbols": [{"name": "R", "latex": "R", "domain": "[0, oo)", "drawn": "[0, 1]"}],
        "assumptions": [{"name": "f is convex", "latex": r"f \text{ is convex}"}],
        "defines": [{"name": "g", "latex": "g", "value": r"\frac{1}{L}"}],
        "verdict": "pass",
        "qualifier": "proved",
        "declared_mutants": [{"name": "half the bound", "by": ["derivation", "experiment"]}],
        "complaints": [],
        "unaudited": [],
        "finding": None,
        "reservation": "",
        "no_derivation": "",
        "notes": "See b.fails for more.",
        "source": {"file": "theorems/x.py", "module": "theorems.x", "line": 3},
        "seconds": 1.5,
        "evidence": [],
    }
    return {**base, **fields}


def step(n, uses=(), needed=True, status="proved", **fields):
    text = {"conclusion": f"x >= {n}", "latex": rf"x \ge {n}", "note": "", "reference": ""}
    return {"n": n, "rule": "certificate", "status": status, "uses": list(uses), "needed": needed, **text, **fields}


HISTOGRAM = {"histogram": {"edges": [0.0, 0.5, 1.0], "counts": [10, 2], "of": "quantity/bound", "bound": 1.0}}
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)></title></style>\x00\u202e\ud800'


def example():
    proof = evidence("derivation", "proof", steps=[step(1, status="assumed"), step(2, needed=False), step(4, [1])])
    runs = [
        evidence("experiment", "runs", case={"R": "1/3"}, estimate=0.5, bound=1.0, samples=64, trace=HISTOGRAM),
        evidence("experiment", "runs", case={"R": 1, "family": "huber"}, estimate=0.9, bound=1.0, samples=64),
    ]
    exact = evidence(
        "worst-case", "pep", case={"T": 2}, estimate=0.3, interval=[0.29, 0.31], bound=0.6,
        steps=[{"rule": "dual certificate", "status": "checked exactly", "proves": "<= 0.31"}],
        cited=["interpolation (Author 2017)"],
    )  # fmt: skip
    mutant = {"claim": "a.proved", "mutant": "half the bound", "killed": True, "by": ["experiment"], "evidence": []}
    wrong = evidence(
        "experiment", "runs", "fail", estimate=1.4, bound=1.0, message="a violation", artefact="/tmp/v.json"
    )
    finding = {
        "verdict": "false-as-stated",
        "published": "Theorem 2",
        "counterexample": "x = 3",
        "corrected_by": "a.proved",
    }
    hostile = claim(
        "c.hostile", title=HOSTILE, statement=HOSTILE, notes=HOSTILE, locator=HOSTILE, bibtex=HOSTILE, topic=HOSTILE,
        paper={"slug": HOSTILE, "title": HOSTILE, "authors": [HOSTILE], "arxiv": "javascript:1", "doi": '10.1/"onx=1'},
        assumptions=[{"name": HOSTILE, "latex": r"\text{<script>alert(3)</script>}\href{javascript:alert(1)}{x}"}],
        defines=[{"name": HOSTILE, "latex": HOSTILE, "value": "x" * 100_000}], verdict="error", qualifier=None,
        symbols=[{"name": HOSTILE, "latex": r"\text{<script>alert(4)</script>}", "domain": HOSTILE, "drawn": HOSTILE}],
        evidence=[evidence("experiment", HOSTILE, "error", case={HOSTILE: HOSTILE}, message=HOSTILE + "y" * 100_000)],
        finding={"verdict": HOSTILE, "published": HOSTILE, "counterexample": HOSTILE, "corrected_by": HOSTILE},
        declared_mutants=[{"name": HOSTILE, "by": [HOSTILE]}], complaints=[HOSTILE], reservation=HOSTILE,
        source={"file": HOSTILE, "module": None, "line": 1}, decides={"kind": HOSTILE, "latex": ["{" * 1500]},
    )  # fmt: skip
    claims = [
        claim("a.proved", evidence=[proof, *runs, exact], mutants=[mutant]),
        claim("b.fails", verdict="fail", qualifier=None, evidence=[wrong], topic="games", finding=finding),
        hostile,
    ]
    run = {"id": "0", "started": "2020-01-01T00:00:00", "finished": "2020-01-01T00:01:00", "seed": 5, "alpha": 1e-6}
    run |= {"tier": "smoke", "device": "cpu", "versions": {"python": "3"}, "host": "Linux"}
    summary = {"pass": 1, "fail": 1, "inconclusive": 0, "error": 1}
    return {"schema": "gdverify.report/1", "run": run, "summary": summary, "claims": claims}


class Page(HTMLParser):
    """Checks that elements nest, and collects what the tests ask for."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.headings, self.tags, self.attributes = [], [], [], [], set(), set()
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        assert len(values) == len(attrs), f"an attribute twice in <{tag}>"
        self.tags.add(tag)
        self.attributes |= set(values)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[k] for k in ("href", "src") if k in values]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"


@pytest.fixture(scope="module")
def pages():
    return site(example())


@pytest.fixture(scope="module")
def parsed(pages):
    return {name: Page(text) for name, text in pages.items() if name.endswith(".html")}


def test_well_formed_and_accessible(parsed):
    for name, page in parsed.items():
        assert page.headings[0] == 1 and page.headings.count(1) == 1, name
        assert all(b <= a + 1 for a, b in zip(page.headings, page.headings[1:], strict=False)), (name, page.headings)
        assert {"header", "nav", "main", "footer"} <= page.tags, name
        assert len(set(page.ids)) == len(page.ids), name


def test_contrast(pages):
    """Text on every background that it is set on: at least 4.5 to 1, light and dark."""

    def luminance(colour):
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    themes = re.findall(r":root \{(.*?)\}", pages["static/site.css"], re.DOTALL)[:2]
    pairs = [(a, b) for a in ("ink", "faint", "link") for b in ("paper", "soft", "bad-back", "find-back", "wait-back")]
    pairs += [("pass", "good-back"), ("fail", "bad-back"), ("wait", "wait-back"), ("error", "error-back")]
    pairs += [(a, "paper") for a in ("pass", "wait")]
    for theme in themes:
        value = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", theme))
        for a, b in pairs:
            low, high = sorted((luminance(value[a]), luminance(value[b])))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (a, b, value[a], value[b])


def test_every_link_resolves_within_the_site(pages, parsed):
    for name, page in parsed.items():
        for link in page.links:
            if re.match("https://(arxiv.org/abs|doi.org)/", link):
                continue
            assert ":" not in link and not link.startswith("/"), (name, link)
            file, _, fragment = link.partition("#")
            target = str((Path("/site") / name).parent.joinpath(file).resolve().relative_to("/site")) if file else name
            assert target in pages, (name, link)
            if fragment and "=" not in fragment:
                assert unquote(fragment) in parsed[target].ids, (name, link)


def test_hostile_text_is_only_text(pages, parsed):
    for name, page in parsed.items():
        assert not page.tags & {"img", "iframe", "object", "style", "base"}, name
        assert not {a for a in page.attributes if a.startswith("on")} | page.attributes & {"style"}, name
        assert pages[name].count("<script") == 1, name  # the site's own
        assert "default-src 'none'" in pages[name] and "unsafe-inline" not in pages[name], name
        assert not re.search("[\x00\u202e]", pages[name]), name
        pages[name].encode("utf-8")
    assert len(pages["claims/c.hostile.html"]) < 150_000  # huge text is cut
    assert "alert(1)" in pages["claims/c.hostile.html"]  # and still there to be read


def test_a_claim_page_holds_everything(pages):
    page = pages["claims/a.proved.html"]
    for part in (
        "<mfrac>", "f is convex", "@misc{p,", "theorems/x.py:7", 'href="#s1"', 'id="s4"', "1/3", "huber",
        "checked exactly", "interpolation (Author 2017)", "half the bound", "<svg", 'href="../claims/b.fails.html"',
        "gdverify check a.proved --seed 5 --tier smoke --audit", "128 samples", "https://arxiv.org/abs/2001.00001",
    ):  # fmt: skip
        assert part in page, part
    assert "further step that the conclusion does not rest on" in page
    bad = pages["claims/b.fails.html"]
    assert "a violation" in bad and "gdverify replay /tmp/v.json" in bad
    assert re.search(r'Corrected by.*href="\.\./claims/a\.proved\.html"', bad)
    findings = pages["findings.html"]
    assert "False as stated (1)" in findings and "x = 3" in findings and 'href="claims/a.proved.html"' in findings


def test_equal_reports_give_equal_bytes(pages):
    assert site(json.loads(json.dumps(example()))) == site(example()) == pages


def test_without_timings_nothing_tells_when_or_where():
    later = copy.deepcopy(example())
    later["run"] |= {"id": "1", "started": "2021", "finished": "2022", "host": "other", "device": "cuda"}
    for c in later["claims"]:
        c["seconds"] = 9.0
        for e in c["evidence"]:
            e |= {"seconds": 8.0, "device": "cuda", "artefact": "/elsewhere"}
    assert without_timings(later) == without_timings(example())
    assert site(without_timings(later))  # and pages can be made of that


def test_formulas():
    assert math(r"\|x\|^2 \le 1/L") == (
        "<math><mi>‖</mi><mi>x</mi><msup><mi>‖</mi><mn>2</mn></msup><mo>≤</mo><mn>1</mn><mi>/</mi><mi>L</mi></math>"
    )
    assert "<mi>slope</mi>" in math("slope + 1", words=True)
    for source in (r"\unknown{x}", r"\frac", "{" * 500, r"\text{<b>}\style{color:red}{x}\frac", "x" * 5000):
        shown = math(source)
        assert shown.startswith("<code") and "<b>" not in shown, source
    assert "<b>" not in math(r"\text{<b>&amp;}")


@pytest.mark.parametrize(
    "report", [[], {}, {"schema": "gdverify.report/1"}, {"schema": "gdverify.report/1", "claims": [{}]}]
)
def test_a_malformed_report_is_refused(report):
    with pytest.raises(UsageError):
        site(report)


@pytest.mark.parametrize("identity", ["../../x.y", "a/b.c", "A.b", "a.b\n", "a.", ".b"])
def test_no_id_leaves_the_folder(identity):
    report = example()
    report["claims"][0]["id"] = identity
    with pytest.raises(UsageError):
        site(report)


def test_only_an_own_folder_is_replaced(tmp_path):
    folder = tmp_path / "out"
    write_site(example(), folder)
    report = example()
    del report["claims"][0]
    write_site(report, folder)  # the pages of an earlier report are gone
    assert not (folder / "claims/a.proved.html").exists() and (folder / "claims/b.fails.html").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]  # nothing temporary is left
    (folder / "mine.txt").write_text("kept")
    with pytest.raises(UsageError, match="mine"):
        write_site(report, folder)
    assert (folder / "mine.txt").read_text() == "kept"
    (tmp_path / "file").write_text("x")
    for bad in (tmp_path / "file", tmp_path / "no" / "parent"):
        with pytest.raises(UsageError):
            check_folder(bad)
    (tmp_path / "empty").mkdir()
    write_site(example(), tmp_path / "empty")


def test_a_real_run(tmp_path, monkeypatch):
    """The command, twice: equal bytes in all three formats."""
    from gdverify.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GDVERIFY_HOME", str(tmp_path / "home"))
    given = ["check", "catapult.closed-update", "--audit", "--jobs", "1", "--no-timings", "--no-cache"]
    targets = ["--json", "r.json", "--markdown", "r.md", "--html", "site"]
    assert main([*given, *targets]) == 0
    first = {p: p.read_bytes() for p in sorted(Path().rglob("*")) if p.is_file() and p.parts[0] != "home"}
    assert main([*given, *targets]) == 0
    assert first == {p: p.read_bytes() for p in sorted(Path().rglob("*")) if p.is_file() and p.parts[0] != "home"}
    page = first[Path("site/claims/catapult.closed-update.html")].decode()
    Page(page)
    assert 'class="steps"' in page and "<math>" in page and str(tmp_path) not in page
    jsonschema = pytest.importorskip("jsonschema")
    from gdverify.report import schema

    jsonschema.validate(json.loads(first[Path("r.json")]), schema("report"))
    Path("other").mkdir()
    Path("other/x").write_text("")
    assert main([*given, "--html", "other"]) == 2


# -- in a browser -----------------------------------------------------------------------------------------------------

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=5000"
)  # fmt: skip


def browse(tmp_path, address, *more):
    """The document after its scripts have run, and what the browser's console says."""
    profile = tmp_path / "profile"
    command = [BROWSER, *OPTIONS.split(), f"--user-data-dir={profile}", *more, "--dump-dom", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    said = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, said


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
@pytest.mark.parametrize(
    ("fragment", "shown"),
    [
        ("", ["a.proved", "b.fails", "c.hostile"]),
        ("#q=b.FAILS", ["b.fails"]),
        ("#q=first+proved", ["a.proved"]),
        ("#verdict=fail", ["b.fails"]),
        ("#topic=convergence&kind=sure-bound", ["a.proved"]),
        ("#finding=false-as-stated", ["b.fails"]),
        ("#q=nothing-of-this-name", []),
    ],
)
def test_filters_in_a_browser(tmp_path, fragment, shown):
    folder = write_site(example(), tmp_path / "site")
    document, said = browse(tmp_path, (folder / "index.html").as_uri() + fragment)
    assert said == []
    rows = re.findall(r"<tr[^>]*data-verdict[^>]*>.*?<code>([^<]*)</code>", document, re.DOTALL)
    hidden = re.findall(r"<tr[^>]*data-verdict[^>]* hidden[^>]*>.*?<code>([^<]*)</code>", document, re.DOTALL)
    assert rows == ["a.proved", "b.fails", "c.hostile"]
    assert [r for r in rows if r not in hidden] == shown
    count = re.search(r'id="count"[^>]*>([^<]*)<', document)
    assert count and count[1] == ("3 claims" if len(shown) == 3 else f"{len(shown)} of 3 claims")


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")
def test_pages_in_a_browser(tmp_path):
    folder = write_site(example(), tmp_path / "site")
    document, said = browse(tmp_path, (folder / "claims/c.hostile.html").as_uri())
    assert said == [] and document.count("<script") == 1 and "<img" not in document
    document, said = browse(tmp_path, (folder / "claims/a.proved.html").as_uri() + "#s2")
    assert said == [] and ">Copy</button>" in document
    assert re.search(r'<details open="">.*id="s2"', document)  # a link to a step that is folded away unfolds it
