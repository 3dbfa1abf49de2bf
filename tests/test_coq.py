"""Exports to Coq: what the kernel and the checker accept, coqc accepts; what is false, coqc refuses."""

import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import pytest
import sympy

from gdverify import Claim, Paper, Reals, SureBound, coq
from gdverify.api import load
from gdverify.cli import main
from gdverify.coq import export_certificate, export_derivation, export_mutant, with_tampering
from gdverify.coq.command import available, compile_text, foreign_axioms
from gdverify.coq.mutants import without_known_proofs
from gdverify.coq.terms import NotExported
from gdverify.worstcase.run import run_worst_case

needs_coqc = pytest.mark.skipif(not available(), reason="coqc is not installed")


@needs_coqc
@pytest.mark.parametrize(
    "name",
    [
        "handbook.gd-convex",
        "handbook.gd-strongly-convex",
        "handbook.gd-pl",
        "handbook.sgd-strongly-convex",
        "automatic-prompt-optimization.successive-rejects-budget",  # a sum backwards
        "one-step-gd.training-subspace",  # a gradient in a matrix, traces
        "deq.conservation",  # a gradient flow with inverses
    ],
)
def test_exported_derivation_is_accepted(name):
    accepted, complaint, _ = compile_text(export_derivation(load(name)))
    assert accepted, complaint


@needs_coqc
@pytest.mark.parametrize("mutant", load("handbook.gd-pl").mutants, ids=lambda m: m.name)
def test_exported_mutant_is_refused(mutant):
    try:
        text = export_mutant(load("handbook.gd-pl"), mutant)
    except NotExported:
        assert mutant.drop
    else:
        assert not compile_text(text)[0]


@needs_coqc
@pytest.mark.parametrize("name", ["deq.conservation", "one-step-gd.bayes-gap-least-squares"])
def test_mutants_about_matrices_are_refused(name):
    claim = load(name)
    original = export_derivation(claim)
    for mutant in claim.mutants:
        try:
            text = without_known_proofs(original, export_mutant(claim, mutant))
        except NotExported:
            assert mutant.drop
        else:
            assert not compile_text(text, admitted=True)[0], mutant.name


def test_a_law_of_motion_that_a_mutant_drops_is_missed():
    claim = load("deq.conservation")
    dropped = next(m for m in claim.mutants if m.drop)
    with pytest.raises(NotExported, match="does not assume"):
        export_mutant(claim, dropped)


def test_a_mutant_with_other_hypotheses_proves_every_lemma_again():
    head, lemma, end = (
        "Hypothesis h : 0 <= 1.\n",
        "Lemma step_1 : 0 = 0.\nProof.\nring.\nQed.\n",
        "(* c *)\nTheorem claim : ",
    )
    original = head + lemma + end + "1 = 1.\n"
    assert "Admitted" in without_known_proofs(original, head + lemma + end + "1 = 2.\n")
    other = head.replace("1", "2") + lemma + end + "1 = 1.\n"
    assert without_known_proofs(original, other) == other


FALSE = {
    "a product turned around": "forall m (A B : mat m m), mmul A B = mmul B A",
    "transposes in the wrong order": "forall m (A B : mat m m), mt (mmul A B) = mmul (mt A) (mt B)",
    "the trace of a product": "forall m (A B : mat m m), trace (mmul A B) = trace A * trace B",
    "a trace turned around in the middle": "forall m (A B C : mat m m), "
    "trace (mmul A (mmul B C)) = trace (mmul B (mmul A C))",
}
TRUE = {
    "a square of a sum": "forall m (A B : mat m m), mmul (madd A B) (madd A B) = "
    "madd (mmul A A) (madd (mmul A B) (madd (mmul B A) (mmul B B)))",
    "a transpose": "forall m n (A : mat m n) (B : mat n m), mt (mmul A (mmul B A)) = mmul (mt A) (mmul (mt B) (mt A))",
}


@needs_coqc
def test_matrix_tactics_prove_what_is_true_and_nothing_else():
    here = Path(coq.__file__).parent
    text = "".join((here / f"{name}.v").read_text() for name in ("preamble", "matrices", "gradients"))
    text += "".join(f"Goal {s}. Proof. intros; mring. Qed.\n" for s in TRUE.values())
    text += "".join(f"Goal {s}. Proof. intros. Fail mring. Abort.\n" for s in FALSE.values() if "trace" not in s)
    text += "".join(
        f"Goal {s}. Proof. intros; mexpand; mtraces. Fail solve [reflexivity | algebra]. Abort.\n"
        for s in FALSE.values()
        if "trace" in s
    )
    accepted, complaint, _ = compile_text(text)
    assert accepted, complaint


def test_assumptions_are_asked_for_where_they_are_used():
    text = export_derivation(load("automatic-prompt-optimization.successive-rejects-budget"))
    rounded = [line for line in text.splitlines() if line.startswith("Hypothesis n_k_is")]
    assert rounded
    assert "forall k : nat, ((1)%nat <= k)%nat -> (k <= (K - 1)%nat)%nat ->" in rounded[0]


def conclusion(factor):
    """Divide the bound of the theorem, leaving every step as it is."""

    def tamper(derivation):
        goal, fact = derivation.goals[0]
        derivation.goals[0] = (dataclasses.replace(goal, right=goal.right * factor), fact)

    return tamper


def multiplier(derivation):
    """Double the first multiplier of the last certificate."""
    n = max(n for n, (rule, args, _) in derivation.calls.items() if rule == "certificate" and args["combine"])
    rule, args, position = derivation.calls[n]
    (m, fact), *others = args["combine"]
    derivation.calls[n] = (rule, {**args, "combine": [(2 * m, fact), *others]}, position)


def missing_square(derivation):
    """Forget the squares of every certificate."""
    for n, (rule, args, position) in derivation.calls.items():
        if rule == "certificate":
            derivation.calls[n] = (rule, {**args, "squares": ()}, position)


def rate(derivation):
    """Claim twice the rate."""
    mu = next(s for s in derivation.claim.symbols if s.name == "mu")
    goal, fact = derivation.goals[0]
    derivation.goals[0] = (dataclasses.replace(goal, right=goal.right.subs(mu, 2 * mu)), fact)


@needs_coqc
@pytest.mark.parametrize(
    ("name", "tamper"),
    [
        ("gd-convex", conclusion(Fraction(1, 3))),
        ("gd-convex", missing_square),
        ("gd-strongly-convex", rate),
        ("gd-pl", multiplier),
    ],
)
def test_tampered_derivation_is_refused(name, tamper):
    accepted, complaint, _ = compile_text(with_tampering(load(f"handbook.{name}"), tamper))
    assert not accepted
    assert "tactic" in complaint.lower() or "unable to unify" in complaint.lower(), complaint  # not a mere syntax error


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    claim = load("handbook.gd-convex")
    evidence = next(e for e in claim.evidence if e.kind == "worst-case")
    case = {"L": Fraction(1), "gamma": Fraction(1), "T": 1, "R": Fraction(1)}
    found = run_worst_case(claim, evidence, case, tmp_path_factory.mktemp("certificates"))
    with open(found.artefact, encoding="utf-8") as file:
        return json.load(file)


@needs_coqc
def test_exported_certificate_is_accepted_and_a_smaller_bound_refused(artefact):
    accepted, complaint, _ = compile_text(export_certificate(artefact))
    assert accepted, complaint
    smaller = Fraction(artefact["value"]) * Fraction(999, 1000)
    assert not compile_text(export_certificate(artefact, bound=smaller))[0]


def test_what_has_no_coq_form_is_said_in_one_line(capsys, tmp_path):
    assert main(["prove", "one-step-gd.exact-loss", "--coq", str(tmp_path / "x.v")]) == 3
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "matrices" in error
    assert not (tmp_path / "x.v").exists()


def test_an_instance_is_no_theorem(artefact):
    with pytest.raises(Exception, match=r"malformed|only upper|is missing"):
        export_certificate({**artefact, "kind": "lower"})


def test_cited_results_are_hypotheses_by_name():
    x = sympy.Symbol("x", real=True)
    claim = Claim(
        id="toy.cited", title="t", paper=Paper("x", "x"), locator="l", statement="s",
        symbols={x: Reals(sample=(-1, 1))}, decides=SureBound(-(x**4), -x),
    )  # fmt: skip
    claim.derivation(lambda proof: proof.conclude(proof.cite("a lemma", sympy.Ge(x**4, x), "somebody 1900")))
    assert "Hypothesis cited_" in export_derivation(claim)


def test_axioms_beyond_the_reals_are_seen():
    output = "Axioms:\nClassicalDedekindReals.sig_not_dec : forall P : Prop, {~ ~ P} + {~ P}\nfalse_friend : 0 = 1\n"
    assert foreign_axioms(output) == ["false_friend"]


def test_limits_have_no_coq_form():
    with pytest.raises(NotExported):
        export_derivation(load("one-step-gd.bayes-gap"))


def test_a_cited_result_asks_for_its_premises():
    claim = load("iterated-logarithm.sub-gaussian-mean")
    drifting = next(m for m in claim.mutants if m.name == "the mean may drift")
    with pytest.raises(NotExported, match="does not assume"):
        export_mutant(claim, drifting)
