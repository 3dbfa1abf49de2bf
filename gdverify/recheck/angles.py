"""The addition theorems of sine and cosine."""

from __future__ import annotations

from .certificate import Checker, Step
from .normal import QUARTERS
from .premises import expect, field, require, tree
from .terms import Malformed, add, mul, neg


def addition(c: Checker, s: Step) -> None:
    """sin(a + b) == sin a cos b + cos a sin b, or cos(a + b) == cos a cos b - sin a sin b, for real a and b."""
    name, a, b = field(s, "function"), tree(c, s, "a"), tree(c, s, "b")
    if name not in QUARTERS:
        raise Malformed("neither sin nor cos")
    for angle in (a, b):
        require(c.real(c.form(angle)), "an angle is not known to be real")
        require(c.quarters(c.form(angle)) is None, "nothing to add: the sine of a quarter turn is known")
    sin, cos = (lambda x: ("call", "sin", x)), (lambda x: ("call", "cos", x))
    if name == "sin":
        right = add(mul(sin(a), cos(b)), mul(cos(a), sin(b)))
    else:
        right = add(mul(cos(a), cos(b)), neg(mul(sin(a), sin(b))))
    expect(c, s, ("call", name, add(a, b)), "==", right)
