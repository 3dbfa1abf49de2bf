"""Exact worst cases: performance estimation, rounded to rational certificates and explicit instances."""

from .checker import CertificateError, check, check_instance, check_upper
from .known import gradient_descent as gradient_descent_multipliers
from .operators import Operator
from .problem import Function, Point, Problem, Scalar
from .realise import WorstFunction, realise
from .run import certify_upper, check_belongs, run_worst_case, state_problem

__all__ = [
    "CertificateError",
    "Function",
    "Operator",
    "Point",
    "Problem",
    "Scalar",
    "WorstFunction",
    "certify_upper",
    "check",
    "check_belongs",
    "check_instance",
    "check_upper",
    "gradient_descent_multipliers",
    "realise",
    "run_worst_case",
    "state_problem",
]
