"""The linear system of a certificate: goal = sum of unknown x column, by comparing coefficients of monomials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any

from flint import fmpq, fmpq_mat

from ..kernel.algebra import Fraction, NormalForms


@dataclass
class Block:
    """A Gram matrix of unknowns for one weight: sum_jk Q_jk <z_j, z_k>; entries (j, k), j <= k, from ``first`` on."""

    weight: Any
    vectors: tuple[Any, ...]
    first: int

    @property
    def size(self) -> int:
        return len(self.vectors)

    @property
    def entries(self) -> list[tuple[int, int]]:
        return [(j, k) for j in range(self.size) for k in range(j, self.size)]


@dataclass
class System:
    """Unknowns in order: multipliers >= 0, free multipliers, then the blocks.

    ``columns`` and ``goal`` map a monomial (an exponent tuple) to its coefficient.
    """

    columns: list[dict[Any, Any]] = field(default_factory=list)
    goal: dict[Any, Any] = field(default_factory=dict)
    cost: list[float] = field(default_factory=list)
    multipliers: list[tuple[Any, Any]] = field(default_factory=list)  # (basis element, fact)
    signed: int = 0  # the first so many multipliers are >= 0, the rest of any sign
    blocks: list[Block] = field(default_factory=list)

    def rows(self) -> list[Any]:
        """Every monomial that occurs."""
        return sorted({m for c in (self.goal, *self.columns) for m in c})


def monomials(generators: Sequence[Any], degree: int) -> list[tuple[Any, ...]]:
    """Products of at most ``degree`` generators, as tuples of positions, by degree."""
    return [c for d in range(degree + 1) for c in combinations_with_replacement(range(len(generators)), d)]


def build(
    proof: Any,
    goal: Any,
    inequalities: Sequence[tuple[Any, Any]],
    equalities: Sequence[tuple[Any, Any]],
    generators: Sequence[Any],
    degree: int,
    groups: Sequence[Sequence[Any]],
) -> System:
    """The system of a goal.

    Parameters
    ----------
    inequalities, equalities : (expression, fact)
    generators : expressions known to be >= 0; multipliers and weights are sums of products of at most ``degree``
    groups : families of squares: vectors among themselves, scalars among themselves
    """
    squares = [[(j, k, product) for (j, k), product in _products(proof, group)] for group in groups]
    flat = [product for group in squares for _, _, product in group]
    slacks = [*inequalities, *equalities]
    forms = NormalForms([goal, *(e for e, _ in slacks), *generators, *flat], proof.signs)
    parts = iter(forms.forms)
    whole = next(parts)
    slack_forms = [next(parts) for _ in slacks]
    generator_forms = [next(parts) for _ in generators]
    square_forms = [[(j, k, next(parts)) for j, k, _ in group] for group in squares]

    one = Fraction(forms.context.constant(1), forms.context.constant(1))
    basis = monomials(generators, degree)
    values = []
    for chosen in basis:
        value = one
        for g in chosen:
            value = value * generator_forms[g]
        values.append(value)
    labels = [tuple(generators[g] for g in chosen) for chosen in basis]

    system, fractions = System(), []

    def column(value: Any, cost: float) -> None:
        fractions.append(forms._reduce(value))
        system.cost.append(cost)

    for position, ((_, fact), form) in enumerate(zip(slacks, slack_forms, strict=True)):
        for label, value in zip(labels, values, strict=True):
            column(value * form, 1.0 + len(label) if position < len(inequalities) else 0.0)
            system.multipliers.append((label, fact))
        if position == len(inequalities) - 1:
            system.signed = len(system.multipliers)
    for group, forms_of_group in zip(groups, square_forms, strict=True):
        for label, value in zip(labels, values, strict=True):
            system.blocks.append(Block(label, tuple(group), len(fractions)))
            for j, k, form in forms_of_group:
                column(value * form * (one if j == k else one + one), (1.0 + len(label)) if j == k else 0.0)
    den = forms.context.constant(1)
    for f in (whole, *fractions):
        den = divmod(den * f.den, den.gcd(f.den))[0]
    spread = lambda f: dict((f.num * divmod(den, f.den)[0]).to_dict())
    system.goal, system.columns = spread(whole), [spread(f) for f in fractions]
    return system


def prune(system: System) -> System:
    """Without vectors whose square has a monomial that nothing else can cancel: their coefficients are zero."""
    dead: set[int] = set()
    alive = [list(range(block.size)) for block in system.blocks]
    again = True
    while again:
        again = False
        uses: dict[Any, int] = dict.fromkeys(system.goal, 1)
        for c, column in enumerate(system.columns):
            for m in column if c not in dead else ():
                uses[m] = uses.get(m, 0) + 1
        for number, block in enumerate(system.blocks):
            for j in list(alive[number]):
                square = block.first + block.entries.index((j, j))
                if any(uses[m] == 1 for m in system.columns[square]):
                    alive[number].remove(j)
                    dead |= {block.first + k for k, e in enumerate(block.entries) if j in e}
                    again = True
    small = System(goal=system.goal, multipliers=system.multipliers, signed=system.signed)
    keep = list(range(len(system.multipliers)))
    for block, members in zip(system.blocks, alive, strict=True):
        if members:
            part = Block(block.weight, tuple(block.vectors[j] for j in members), len(keep))
            small.blocks.append(part)
            keep += [block.first + block.entries.index((members[j], members[k])) for j, k in part.entries]
    small.columns = [system.columns[c] for c in keep]
    small.cost = [system.cost[c] for c in keep]
    return small


def _products(proof: Any, group: Sequence[Any]) -> list[tuple[tuple[int, int], Any]]:
    from ..language import Inner, linear_parts

    def is_vector(u: Any) -> bool:
        try:
            return bool(linear_parts(u))
        except ValueError:
            return False

    times = Inner if all(is_vector(u) for u in group) else lambda a, b: a * b
    return [((j, k), times(group[j], group[k])) for j in range(len(group)) for k in range(j, len(group))]


def exact_solution(system: System, keep: Sequence[int], guess: Sequence[Any]) -> dict[int, Any] | None:
    """Rational x over the columns ``keep`` with sum x column = goal: free unknowns as guessed, the rest follow.

    ``guess`` are rationals; None if the system has no solution.
    """
    rows = system.rows()
    matrix = fmpq_mat(len(rows), len(keep) + 1)
    place = {m: i for i, m in enumerate(rows)}
    for j, c in enumerate(keep):
        for m, value in system.columns[c].items():
            matrix[place[m], j] = value
    for m, value in system.goal.items():
        matrix[place[m], len(keep)] = value
    reduced, rank = matrix.rref()
    return _back_substitute(reduced, rank, keep, guess)


def _back_substitute(reduced: Any, rank: int, keep: Sequence[int], guess: Sequence[Any]) -> dict[int, Any] | None:
    n, table = len(keep), reduced.tolist()
    pivots = []
    for i in range(rank):
        pivot = next(j for j in range(n + 1) if table[i][j] != 0)
        if pivot == n:
            return None
        pivots.append(pivot)
    values: list[Any] = [fmpq(0)] * n
    for j in set(range(n)) - set(pivots):
        values[j] = guess[j]
    for i, pivot in enumerate(pivots):
        values[pivot] = table[i][n] - sum(
            (table[i][j] * values[j] for j in range(pivot + 1, n) if table[i][j] != 0 and j != pivot), fmpq(0)
        )
    return dict(zip(keep, values, strict=True))


def ldl(matrix: Sequence[Sequence[Any]]) -> list[tuple[Any, list[Any]]] | None:
    """(d, l) with matrix = sum of d l l^T, every d > 0, over Q; None if the matrix is not positive semidefinite."""
    n = len(matrix)
    a = [list(row) for row in matrix]
    found = []
    for i in range(n):
        d = a[i][i]
        if d < 0 or (d == 0 and any(a[i][j] != 0 for j in range(n))):
            return None
        if d == 0:
            continue
        line = [a[i][j] / d for j in range(n)]
        found.append((d, line))
        a = [[a[j][k] - d * line[j] * line[k] for k in range(n)] for j in range(n)]
    return found
