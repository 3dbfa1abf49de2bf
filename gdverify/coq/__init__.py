"""Export to Coq: derivations and rational worst-case certificates as files that `coqc` verifies again.

Nothing here is trusted: what an exported file proves is decided by Coq alone.  Coq is needed by nobody to export.
"""

from .derivation import export_derivation, export_mutant, with_tampering
from .worstcase import export_certificate

__all__ = ["export_certificate", "export_derivation", "export_mutant", "with_tampering"]
