"""`Proof`: all rules together, over one context.  A derivation is a function of a Proof that ends in `conclude`."""

from __future__ import annotations

from .activations import ActivationRules
from .dynamics import DynamicsRules
from .growth import GrowthRules
from .inequalities import InequalityRules
from .points import PointRules
from .sequences import SequenceRules
from .shares import ShareRules
from .solutions import SolutionRules


class Proof(
    GrowthRules, SolutionRules, DynamicsRules, InequalityRules, SequenceRules, ActivationRules, PointRules, ShareRules
):
    """A derivation in progress for one claim (or one of its mutants)."""
