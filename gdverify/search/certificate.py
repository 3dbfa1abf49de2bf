"""Find non-negative multipliers and sums of squares that prove an inequality from given ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from flint import fmpq

from ..errors import ProofError
from ..kernel.fact import Fact
from .rounding import exact
from .solve import solve
from .system import System, build, exact_solution, prune


@dataclass
class Certificate:
    """goal = sum of multiplier * slack + sum of weight * square: what `Proof.certificate` takes."""

    combine: list[tuple[Any, Fact]]
    squares: list[tuple[Any, Any]]
    degree: int

    def __str__(self) -> str:
        lines = [f"({m}, step {f.number}: {f})" for m, f in self.combine]
        return "\n".join([*lines, *(f"({w}) * square of ({u})" for w, u in self.squares)])


def find_certificate(
    proof: Any,
    target: Any,
    slacks: Sequence[Fact] = (),
    squares_of: Sequence[Any] = (),
    *,
    degree: int = 3,
    using: Sequence[Fact] = (),
    parameters: Sequence[Any] | None = None,
    note: str = "",
) -> Fact:
    """The fact ``target``, by a certificate that is searched for; the kernel checks what was found.

    Every multiplier and weight is a sum, with non-negative rational coefficients, of products of at most ``degree``
    parameters: symbols known to be >= 0 (less a positive rational lower end), what their upper ends and the slacks
    in parameters alone leave over, and 1.  Small degrees are tried first.

    Parameters
    ----------
    proof : the derivation
    target : relation ``>=``; strict relations have no search
    slacks : facts; the multiplier of an equality may have any sign
    squares_of : vectors, and scalars (monomials), of whose combinations squares are taken
    degree : the highest degree of multipliers and weights in the parameters
    using : equalities put in before coefficients are compared
    parameters : the expressions >= 0 of which multipliers are made, instead of those found automatically

    Raises
    ------
    ProofError
        there is no certificate of this shape (proved, or so the solver says), or none could be made exact
    """
    found = propose(proof, target, slacks, squares_of, degree=degree, using=using, parameters=parameters)
    return proof.certificate(target, found.combine, found.squares, using=using, note=note or "found by search")


def propose(
    proof: Any,
    target: Any,
    slacks: Sequence[Fact] = (),
    squares_of: Sequence[Any] = (),
    *,
    degree: int = 3,
    using: Sequence[Fact] = (),
    parameters: Sequence[Any] | None = None,
) -> Certificate:
    """As `find_certificate`, but hands back the certificate, to be written into a derivation."""
    left, relation, right = proof._relation(target)
    if relation not in (">=", "=="):
        raise ProofError("the search proves inequalities >=, not strict ones")
    goal = proof._apply(left - right, using)
    expressions = [(proof._apply(f.expr, using), f) for f in slacks]
    inequalities = [(e, f) for e, f in expressions if f.relation in (">=", ">")]
    equalities = [(e, f) for e, f in expressions if f.relation == "=="]
    generators = list(parameters) if parameters is not None else _parameters(proof, goal, inequalities)
    groups = [g for g in (_vectors(squares_of), [*_scalars(squares_of)] or [sympy.S.One]) if g]
    why = ""
    for d in range(degree + 1):
        for scale in _scales(proof, goal):
            parts = (goal * scale, inequalities, equalities, generators, d, groups)
            certificate, why = _certificate(prune(build(proof, *parts)), d)
            if certificate is not None:
                return _divided(certificate, scale)
    raise ProofError(f"no certificate of degree {degree} for {left} {relation} {right}: {why}")


def _scales(proof: Any, goal: Any) -> list[Any]:
    """1, and the denominator of the goal: multipliers may have it below them."""
    bottom = sympy.fraction(sympy.together(goal))[1]
    return [sympy.S.One, bottom] if bottom.free_symbols and proof.signs.positive(bottom) else [sympy.S.One]


def _divided(found: Certificate, scale: Any) -> Certificate:
    if scale == 1:
        return found
    combine = [(m / scale, f) for m, f in found.combine]
    return Certificate(combine, [(w / scale, u) for w, u in found.squares], found.degree)


def _vectors(squares_of: Sequence[Any]) -> list[Any]:
    return [u for u in squares_of if _is_vector(u)]


def _scalars(squares_of: Sequence[Any]) -> list[Any]:
    return [sympy.sympify(u) for u in squares_of if not _is_vector(u)]


def _is_vector(u: Any) -> bool:
    from ..language import linear_parts

    try:
        return bool(linear_parts(u))
    except ValueError:
        return False


def _parameters(proof: Any, goal: Any, slacks: Sequence[tuple[Any, Fact]]) -> list[Any]:
    """Non-negative expressions in the deterministic symbols of the goal, each known to the kernel's signs."""
    expressions = [goal, *(e for e, _ in slacks)]
    symbols = {s for e in expressions for s in e.free_symbols if proof.signs.deterministic(s)}
    found = []
    own = [f for e, f in slacks if e.free_symbols and proof.signs.deterministic(e)]
    for s in sorted(symbols, key=str):
        domain = proof.signs.domains[s]
        low = sympy.sympify(domain.low) if domain.low is not None else None
        if proof.signs.nonnegative(s):
            found.append(s - low if low is not None and low.is_Rational and low > 0 else s)
        if domain.high is not None and sympy.sympify(domain.high).is_finite is not False:
            own.append(proof.high(s))
    for fact in own:
        found.append(_cleared(proof, fact))
    return list(dict.fromkeys(found))


def _cleared(proof: Any, fact: Fact) -> Any:
    """The fact's slack without its denominator, made a fact of its own where one has to be."""
    top, bottom = sympy.fraction(sympy.together(fact.expr))
    if bottom != 1 and proof.signs.positive(bottom):
        return proof.certificate((top, ">=", 0), [(bottom, fact)]).left
    return fact.expr


def _certificate(system: System, degree: int) -> tuple[Certificate | None, str]:
    """The exact certificate of a system, or why there is none."""
    if not system.goal:
        return Certificate([], [], degree), ""
    reachable = {m for c in system.columns for m in c}
    if not set(system.goal) <= reachable:
        return None, "proved: no product has one of the monomials of the target"
    why = ""
    for cheap in (True, False):
        answer = solve(system, cheap=cheap)
        if answer.status == "infeasible":
            if exact_solution(system, range(len(system.columns)), [fmpq(0)] * len(system.columns)) is None:
                return None, "proved: not even with multipliers and weights of any sign"
            return None, "infeasible, by the solver's account"
        if answer.status == "unknown":
            why = f"numerically undecided ({answer.note})"
            continue
        found = exact(system, answer.x)
        if found is not None:
            return _written(system, *found, degree), ""
        why = "numerically undecided: the solver has an answer that could not be made exact"
    return None, why


def _written(system: System, values: dict[int, Any], squares: dict[int, Any], degree: int) -> Certificate:
    combine, sums = [], []
    rational = lambda q: sympy.Rational(int(q.p), int(q.q))
    for column, value in values.items():
        label, fact = system.multipliers[column]
        if value != 0:
            combine.append((sympy.Mul(rational(value), *label), fact))
    for number, terms in squares.items():
        block = system.blocks[number]
        for d, coefficients in terms:
            u = sympy.Add(*[rational(c) * z for c, z in zip(coefficients, block.vectors, strict=True)])
            sums.append((sympy.Mul(rational(d), *block.weight), u))
    return Certificate(combine, sums, degree)
