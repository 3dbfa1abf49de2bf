"""Exact worst cases: performance estimation, rounded to rational certificates and explicit instances."""

from .checker import CertificateError, check, check_instance, check_upper
from .problem import Function, Point, Problem, Scalar
from .run import run_worst_case, state_problem

__all__ = [
    "CertificateError",
    "Function",
    "Point",
    "Problem",
    "Scalar",
    "check",
    "check_instance",
    "check_upper",
    "run_worst_case",
    "state_problem",
]
