"""The rules by name; one that is not here is unknown, and its certificate is not verified."""

from __future__ import annotations

from collections.abc import Callable

from . import activations, moments, rotations, shares
from .analysis import decay, derivative, geometric, growth, integral, integral_bound, limit, monotone, tangent, taylor
from .angles import addition
from .certificate import Checker, Step
from .decisions import DECISIONS
from .flows import conserved, gradient, gronwall, lie_derivative, solution
from .matrix_rules import determinant, matrix_certificate, matrix_identity, sandwich, submultiplicative, trace
from .means import independence, log_determinant
from .scalars import (
    antisymmetry,
    assumption,
    certificate,
    cite,
    definition,
    domain,
    extreme,
    identity,
    logarithm,
    power,
    product,
    rewrite,
    root,
    sign,
    suppose,
)
from .sequences import (
    cases,
    indicator,
    induction,
    instantiate,
    mean,
    mean_of_sum,
    next_integer,
    reindex,
    settle,
    split_sum,
    summation,
    telescope,
)

RULES: dict[str, Callable[[Checker, Step], None]] = {
    "assumption": assumption,
    "domain": domain,
    "definition": definition,
    "cite": cite,
    "suppose": suppose,
    "identity": identity,
    "sign": sign,
    "certificate": certificate,
    "rewrite": rewrite,
    "product": product,
    "antisymmetry": antisymmetry,
    "extreme": extreme,
    "addition": addition,
    "power": power,
    "root": root,
    "logarithm": logarithm,
    "instantiate": instantiate,
    "next integer": next_integer,
    "induction": induction,
    "settle": settle,
    "cases": cases,
    "sum": summation,
    "telescope": telescope,
    "split sum": split_sum,
    "reindex": reindex,
    "mean": mean,
    "mean of a sum": mean_of_sum,
    "indicator": indicator,
    "wick": moments.wick,
    "moment": moments.moment,
    "independence": independence,
    "log determinant": log_determinant,
    "rotation": rotations.rotation,
    "stein": rotations.stein,
    **activations.RULES,
    "share integral": shares.share_integral,
    "form by shares": shares.form_by_shares,
    **DECISIONS,
    "matrix identity": matrix_identity,
    "matrix certificate": matrix_certificate,
    "sandwich": sandwich,
    "trace": trace,
    "submultiplicative": submultiplicative,
    "determinant": determinant,
    "gradient": gradient,
    "lie derivative": lie_derivative,
    "conserved": conserved,
    "gronwall": gronwall,
    "derivative": derivative,
    "monotone": monotone,
    "tangent": tangent,
    "taylor": taylor,
    "geometric": geometric,
    "integral": integral,
    "integral bound": integral_bound,
    "limit": limit,
    "growth": growth,
    "decay": decay,
    "solution": solution,
}
