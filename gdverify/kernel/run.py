"""Run a derivation and report what it proved."""

from __future__ import annotations

import time
import traceback

from ..claim import Claim, Evidence
from ..errors import GdverifyError, MissingDependencyError, ProofError
from ..result import Outcome
from .proof import Proof


def run_derivation(claim: Claim, evidence: Evidence) -> Outcome:
    """Outcome of one derivation: pass if it concludes the claim, fail if a step is refused, error if it crashes.

    ``steps`` lists every step made; ``cited`` the published results that the conclusion rests on; the message
    names assumptions that the conclusion does not use.
    """
    start = time.perf_counter()
    try:
        proof = Proof(claim)
    except ProofError as err:
        seconds = time.perf_counter() - start
        return Outcome("derivation", evidence.name, "fail", seconds=seconds, message=f"the claim's definitions: {err}")
    verdict, message = "pass", ""
    try:
        evidence.function(proof)
        if not proof.concluded:
            verdict, message = "fail", "the derivation ends without concluding anything"
    except ProofError as err:
        verdict, message = "fail", f"step {len(proof.steps) + 1}: {err}"
    except MissingDependencyError as err:
        verdict, message = "error", str(err)
    except GdverifyError as err:
        verdict, message = "fail", str(err)
    except Exception as err:
        where = traceback.extract_tb(err.__traceback__)
        line = next((f.lineno for f in reversed(where) if f.name == evidence.function.__name__), None)
        at = f" at line {line} of the module" if line else ""
        verdict, message = "error", f"{type(err).__name__}{at}: {err}"
    needed = proof.needed() if verdict == "pass" else set()
    steps = [{**s.plain(), "needed": s.n in needed} for s in proof.steps]
    cited = sorted({f"{s.note} ({s.reference})" for s in proof.steps if s.status == "cited" and s.n in needed})
    if verdict == "pass":
        used = {s.note for s in proof.steps if s.n in needed}
        silent = ("constant", "integers", "invertible")  # consulted by the rules, never a step
        listed = [a.name for a in claim.assumptions if a.key[:1] not in [(s,) for s in silent]]
        idle = [name for name in listed if not any(name in note.split("; ") for note in used)]
        message = f"proved in {len(needed)} step{'' if len(needed) == 1 else 's'}" + (
            f"; assumptions not used: {', '.join(idle)}" if idle else ""
        )
    return Outcome(
        kind="derivation",
        name=evidence.name,
        verdict=verdict,
        steps=steps,
        cited=cited,
        seconds=time.perf_counter() - start,
        message=message,
    )
