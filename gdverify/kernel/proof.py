"""`Proof`: all rules together, over one context.  A derivation is a function of a Proof that ends in `conclude`."""

from __future__ import annotations

from .dynamics import DynamicsRules
from .inequalities import InequalityRules
from .integrals import MomentRules
from .sequences import SequenceRules
from .solutions import SolutionRules


class Proof(SolutionRules, DynamicsRules, InequalityRules, SequenceRules, MomentRules):
    """A derivation in progress for one claim (or one of its mutants)."""
