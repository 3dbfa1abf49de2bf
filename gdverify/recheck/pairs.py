"""Normal form of E[F(U) G(V)], U and V standard normal: ("pair", F, G, correlation), F and G in ("slot",)."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from .poly import ONE, Quot, primitive
from .terms import Rejected, Tree

if TYPE_CHECKING:
    from .normal import Normal

SLOT = "#slot"
PLAIN = ("slot", "+", "*", "^", "exp", "log", "abs", "max", "min", "call")


def slot_form(c: Normal, t: Tree) -> Quot:
    """The variable of an activation; it occurs inside of pair means alone (`terms.loose`)."""
    return c.one(c.atom("slot", (), (), frozenset((SLOT,))))


def pair_form(c: Normal, t: Tree) -> Quot:
    """Factors that do not depend on the variables come out; F and G may be exchanged."""
    rho = c.form(t[3])
    out, parts = Quot(ONE), []
    for f in t[1:3]:
        _plain(f)
        outside, inside = _split(c, c.form(f))
        out = out * outside
        parts.append(inside)
    if not out.num or all(p.num == ONE and not p.den for p in parts):
        return out
    first, second = sorted(parts, key=lambda p: repr(p.key()))
    names = (c.names_of(first) | c.names_of(second) | c.names_of(rho)) - {SLOT}
    return out * c.one(c.atom("pair", (first.key(), second.key(), rho.key()), (first, second, rho), names))


def _plain(f: Tree) -> bool:
    """Whether the variable occurs; refused where it does so inside of anything but an elementary function."""
    if not isinstance(f, tuple):
        return False
    inside = [_plain(a) for a in f[1:] if isinstance(a, tuple)]
    if any(inside) and f[0] not in PLAIN:
        raise Rejected(f"the variable of an activation inside of {f[0]}")
    return any(inside) or f[0] == "slot"


def _split(c: Normal, value: Quot) -> tuple[Quot, Quot]:
    """value as (factor without the variable, rest)."""
    if not value.num:
        return value, value
    coefficient, mono, rest = primitive(value.num)
    moves = lambda k: SLOT in c.atoms[k].names
    if not any(moves(k) for n in rest for k, _ in n):  # the sum is a factor without the variable
        outside, rest = Quot(rest), ONE
    else:
        outside = Quot(ONE)
    outside = outside * Quot({tuple((k, e) for k, e in mono if not moves(k)): coefficient})
    inside = Quot({n: Fraction(v) for n, v in rest.items()}) * Quot(
        {tuple((k, e) for k, e in mono if moves(k)): Fraction(1)}
    )
    for f, e in value.den.items():
        part = Quot(ONE, {f: e})
        if any(moves(k) for n, _ in f for k, _ in n):
            inside = inside * part
        else:
            outside = outside * part
    return outside, inside
