"""The proof kernel: facts, the rules that make them, and running a claim's derivation."""

from .fact import Fact, Step
from .proof import Proof
from .run import run_derivation

__all__ = ["Fact", "Proof", "Step", "run_derivation"]
