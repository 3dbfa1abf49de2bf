"""The examples that `--help` shows: command lines that parse, with what each of them does."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "list": (
        ("gdverify list --topic convergence", "one topic"),
        ("gdverify list --kind rate", "claims about rates"),
        ("gdverify list --json", "for other programs"),
    ),
    "show": (
        ("gdverify show handbook.gd-convex", "statement, regime, assumptions, evidence and its cost"),
        ("gdverify show handbook.gd-convex --latex", "as a theorem with its proof"),
    ),
    "check": (
        ("gdverify check handbook.gd-convex", "one claim"),
        ("gdverify check 'handbook.*' --audit", "a paper's claims, and whether their evidence could have failed"),
        ("gdverify check my_claims.py --set T=20", "your own file, with a parameter fixed"),
        ("gdverify check --all --tier standard --json report.json", "the catalogue, more thoroughly"),
        ("gdverify check deq --only experiment --device cuda", "on a GPU node without the provers"),
    ),
    "prove": (
        ("gdverify prove handbook.gd-convex", "the steps of the derivation"),
        ("gdverify prove handbook.gd-convex --export proof.json", "a certificate for gdverify recheck"),
        ("gdverify prove handbook.gd-convex --coq proof.v", "for coqc"),
    ),
    "audit": (
        ("gdverify audit handbook.gd-convex", "which evidence kills which mutant"),
        ("gdverify audit my_claims.py --auto --budget 2m", "every constant and assumption changed by rule"),
    ),
    "calibrate": (
        ("gdverify calibrate handbook.gd-convex --runs 200", "error rates of a claim's experiments"),
        ("gdverify calibrate --kinds sure-bound mean-bound", "of decision kinds, on statements of known truth"),
    ),
    "hunt": (("gdverify hunt handbook.gd-convex --set T=5 --budget 2m", "look for a violation at T = 5"),),
    "tighten": (("gdverify tighten handbook.gd-convex", "how far the constant in front could be lowered"),),
    "replay": (
        ("gdverify replay counterexample.json", "a violation that check saved"),
        ("gdverify replay counterexample.json --claims my_claims.py", "of a claim of your own"),
    ),
    "recheck": (("gdverify recheck proof.json", "verify a certificate without the prover"),),
    "history": (("gdverify history handbook.gd-convex", "its verdicts over time"),),
    "compare": (("gdverify compare old.json new.json", "regressions between two reports"),),
    "coverage": (
        ("gdverify coverage --report report.json", "with the verdicts of a report"),
        ("gdverify coverage --bibtex", "the bibliography"),
    ),
    "paper": (
        ("gdverify paper handbook.gd-convex --tex appendix.tex --bib claims.bib", "run the claim, write its appendix"),
        ("gdverify paper 'deq.*' --report report.json --tex appendix.tex", "from a saved report"),
        ("gdverify paper --report report.json --standalone --proofs --tex claims.tex", "all of it, for pdflatex alone"),
    ),
    "completion": (
        ('eval "$(gdverify completion bash)"', "in ~/.bashrc"),
        ('eval "$(gdverify completion zsh)"', "in ~/.zshrc, after compinit"),
        ("gdverify completion fish | source", "in ~/.config/fish/config.fish"),
    ),
    "doctor": (("gdverify doctor", "what is installed"),),
    "new": (("gdverify new optimisation/my-paper --dir my_theorems", "writes my_theorems/optimisation/my_paper.py"),),
    "version": (("gdverify version", "the version"),),
}


def epilog(command: str, exit_codes: str) -> str:
    """The end of a command's help."""
    rows = EXAMPLES.get(command, ())
    lines = [line for example, what in rows for line in (f"  {example}", f"      {what}")]
    return "\n".join([*(["examples:", *lines, ""] if lines else []), exit_codes])
