"""LaTeX for papers: whatever claims say, the document compiles; formulas are parsed, text is escaped."""

import copy
import json
import random
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import gdverify
from gdverify import Paper, paper, texmath
from gdverify.api import load
from gdverify.cli import main
from gdverify.discover import select
from gdverify.latex import theorem
from gdverify.report import report
from gdverify.runner import Settings, run
from gdverify.texmath import NotMath, math
from gdverify.textex import code, escape

from .claim_files import TRUE

ROOT = Path(__file__).parent.parent
HOSTILE = r"\end{document} } { $ \input{x} ^^M #1 & _x^y % ~ <a|b> `q' " + '"Öşı é λ ≤ 漢 -- --- \x00\x1b\t\n'


@pytest.fixture
def pdflatex(tmp_path):
    """Compile a document; nothing but a clean exit will do."""
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex here")

    def compile(text, *more):
        assert text.isascii()
        (tmp_path / "x.tex").write_text(text)
        for command in (["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "x.tex"], *more):
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
            assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
        return (tmp_path / "x.log").read_text(errors="replace")

    return compile


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The report of a small run."""
    file = tmp_path_factory.mktemp("claims") / "claims.py"
    file.write_text(TRUE)
    return report(run(select([str(file)]), Settings(audit=True, save=False, device="cpu")))


@pytest.mark.parametrize(
    "source",
    [
        "x}", "{x", r"\left( x", r"x \right)", r"\frac{1}", "x^2^3", "x_1_2", r"x^2'", "a & b", r"a \\ b", "50%", "#1",
        r"\input{/etc/passwd}", r"\write18{ls}", r"\def\x{1}", r"\end{document}", r"\begin{verbatim}x\end{verbatim}",
        r"\begin{cases} a & b & c \end{cases}", r"\limits x", r"\left x y \right)", r"\text{a_b}", r"\text{\input{x}}",
        r"\text{a", "λ", "x\ty", "x\x0cy", "\\", r"\qquadP", "", "$", "{" * 500 + "}" * 500, r"\sqrt" * 500 + "2",
    ],
)  # fmt: skip
def test_what_would_break_a_document_is_no_formula(source):
    with pytest.raises(NotMath):
        math(source)


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("x^2", "x^{2}"),
        (r"\frac12", r"\frac{1}{2}"),
        (r"$\mathbb E$", r"\mathbb{E}"),
        (r"x'^2", r"x^{\prime 2}"),
        (r"{\left(a\right)}^2", r"{\left(a\right)}^{2}"),
        (r"\text{if $x<1$}", r"\text{if $x<1$}"),
        (r"x\ ", r"x\ "),
    ],
)
def test_formulas_are_written_with_their_arguments_in_braces(source, written):
    assert math(source) == written


def test_a_script_stays_on_all_of_its_base_where_lines_may_break():
    long = "+".join("abcdefghijklmnopqrstuvwxyz")
    assert math(f"{{{long}}}^2", breakable=True) == f"{{{long}}}^{{2}}"
    assert math(rf"\left({long}\right)^2", breakable=True) == rf"\bigl({long}\bigr)^{{2}}"


def test_every_accepted_formula_compiles(pdflatex):
    rng = random.Random(0)
    words = sorted(
        texmath._SYMBOLS | texmath._SIGNS | set(texmath._ARGUMENTS) | texmath._TEXTS | texmath._SIZES | texmath._STYLES
    )
    words += [
        *"ab01+=<()[]|,.'^_^_^_{}{}{}{}~&",
        r"\left(", r"\right)", r"\left.", r"\right|", r"\begin{pmatrix}", r"\end{pmatrix}", r"\begin{cases}",
        r"\end{cases}", r"\\", r"\not", r"\limits", r"\sqrt", r"\sqrt[", r"\frac12", r"\text{if $x$}", " ",
    ]  # fmt: skip
    lines = [math(word + ("{x}" * texmath._ARGUMENTS.get(word, 0))) for word in sorted(texmath._SYMBOLS)]
    while len(lines) < 900:
        source = "".join(rng.choices(words, k=rng.choice([3, 5, 8, 13])))
        try:
            lines += [math(source), math(source, breakable=True)]
        except NotMath:
            continue
    body = "\n".join(rf"\(\displaystyle {line}\)\par" for line in lines)
    pdflatex(rf"\documentclass{{article}}\usepackage{{amsmath,amssymb}}\begin{{document}}{body}\end{{document}}")


def test_catalogue_statements_and_assumptions_are_formulas():
    for located in select([], everything=True):
        claim = located.claim
        for source in [claim.statement, *(a.latex for a in claim.assumptions if a.latex)]:
            assert not any(c < " " for c in source), (claim.id, source)  # a lost backslash: "\n" of "\nabla"
            math(source, breakable=True)


def test_text_is_ascii_and_keeps_its_dashes():
    assert escape("a_b 50% -- x") == r"a\_b 50\% -{}- x"
    assert escape("Öz\nı λ") == r"{\"{O}}z {\i} \ensuremath{\lambda}"
    assert escape(HOSTILE).isascii() and code(HOSTILE).isascii()
    assert "\x00" not in escape(HOSTILE)


def test_a_report_of_hostile_text_compiles(found, pdflatex):
    data = copy.deepcopy(found)
    hostile = copy.deepcopy(data["claims"][0])
    hostile |= {"title": HOSTILE, "locator": HOSTILE, "statement": HOSTILE, "notes": HOSTILE, "topic": HOSTILE}
    hostile |= {"reservation": HOSTILE, "complaints": [HOSTILE], "unaudited": [HOSTILE], "no_derivation": HOSTILE}
    hostile |= {"verdict": HOSTILE, "qualifier": HOSTILE, "id": HOSTILE}
    hostile["finding"] = dict.fromkeys(("verdict", "published", "counterexample", "corrected_by"), HOSTILE)
    hostile["assumptions"] = [{"name": HOSTILE, "latex": HOSTILE}, {"name": HOSTILE, "latex": ""}]
    hostile["symbols"] = [dict.fromkeys(("name", "latex", "domain", "drawn"), HOSTILE)]
    hostile["defines"] = [dict.fromkeys(("name", "latex", "value"), HOSTILE)]
    hostile["decides"] = {"kind": HOSTILE, "latex": [HOSTILE]}
    hostile["paper"] = {"slug": HOSTILE, "title": HOSTILE, "authors": [HOSTILE], "venue": HOSTILE, "doi": HOSTILE}
    hostile["bibtex"] = Paper("hostile", HOSTILE, (HOSTILE,)).bibtex()
    for outcome in hostile["evidence"]:
        outcome |= {"name": HOSTILE, "message": HOSTILE, "cited": [HOSTILE], "case": {HOSTILE: HOSTILE}}
        for step in outcome["steps"]:
            step |= {"rule": HOSTILE, "note": HOSTILE, "latex": HOSTILE, "reference": HOSTILE, "status": HOSTILE}
    worst = {**hostile["evidence"][0], "kind": "worst-case", "steps": [], "verdict": "fail"}
    hostile["evidence"].append({**worst, "interval": [None, 1e-7], "bound": -1e300})
    for mutant in hostile["mutants"]:
        mutant |= {"mutant": HOSTILE, "by": [HOSTILE]}
    data["claims"].append(hostile)
    text = paper.document(data, proofs=True)
    pdflatex(text, ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "x.tex"])
    packages = r"\usepackage{amsmath,amssymb,longtable}\newtheorem{theorem}{Theorem}\newenvironment{proof}{}{}"
    bodies = paper.fragment(data), "\n".join(theorem(hostile))
    for body in bodies:
        pdflatex(rf"\documentclass{{article}}{packages}\begin{{document}}" + body + "\n" + r"\end{document}")


def test_references_resolve_in_a_document_of_its_own(found, pdflatex):
    log = pdflatex(paper.document(found), ["pdflatex", "-interaction=nonstopmode", "x.tex"])
    assert "undefined" not in log
    (claim,) = found["claims"]
    text = paper.document(found)
    assert f"gdverify check {claim['source']['file']}"[:20] in text.replace(r"\allowbreak ", "").replace("-{}", "-")


def test_bibtex_compiles_and_keeps_names_and_capitals(tmp_path, pdflatex):
    if shutil.which("bibtex") is None:
        pytest.skip("no bibtex here")
    papers = [
        Paper("one", "SGD & Adam: 50% {faster} in Étude_x", ("Özgür Şahin", "Atılım G. Baydin"), 2024, "2401.00001"),
        Paper("two", HOSTILE, (), venue="NeurIPS & ICML"),
    ]
    (tmp_path / "x.bib").write_text("\n\n".join(p.bibtex() for p in papers))
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "x.tex"]
    text = r"\documentclass{article}\begin{document}\nocite{*}\bibliographystyle{plain}\bibliography{x}\end{document}"
    pdflatex(text, ["bibtex", "x"], latex, latex)
    made = (tmp_path / "x.bbl").read_text()
    assert "SGD" in made and "Adam" in made and "arXiv:2401.00001" in made


def test_the_command_takes_a_saved_report(found, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("report.json").write_text(json.dumps(found))
    assert main(["paper", "--report", "report.json", "--tex", "a.tex", "--bib", "a.bib", "--standalone"]) == 0
    assert Path("a.tex").read_text() == paper.document(found)
    assert Path("a.bib").read_text() == paper.bibtex(found)
    assert main(["paper", "mine.*", "--report", "report.json"]) == 0
    assert capsys.readouterr().out == paper.fragment(found)
    assert main(["paper", "mine.squares", "--report", "report.json"]) == 2
    assert "did you mean mine.square" in capsys.readouterr().err
    for bad in ("{}", "[]", '{"schema": "gdverify.report/1", "run": {}, "claims": [{"id": "a.b"}]}', "{", "\0"):
        Path("bad.json").write_text(bad)
        assert main(["paper", "--report", "bad.json"]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_show_prints_the_same_statement_as_the_appendix(capsys):
    claim = load("handbook.gd-convex")
    assert main(["show", claim.id, "--latex"]) == 0
    assert math(claim.statement, breakable=True) in capsys.readouterr().out


def test_the_citation_file_is_in_step():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert gdverify.__version__ == version
