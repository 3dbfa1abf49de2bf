"""Claim files that the command-line tests write and check."""

HEAD = """
import sympy as sp
from gdverify import Claim, Identity, Mutant, Paper, Positive, SureBound

c, d = sp.symbols("c d", positive=True)
PAPER = Paper("mine", "My paper", ("A. Author",), 2024)
REGIME = {c: Positive(sample=(1, 10)), d: Positive(sample=(1, 10))}


def identity(name, right, **more):
    return Claim(
        id="mine." + name, title="a square", paper=PAPER, locator="by hand", statement="(c+d)^2 = c^2 + 2cd + d^2",
        symbols=REGIME, decides=Identity(quantity=(c + d) ** 2, bound=right), **more)
"""

TRUE = (
    HEAD
    + """
square = identity("square", c**2 + 2*c*d + d**2, mutants=[Mutant("three", decides={"bound": c**2 + 3*c*d + d**2})])


@square.derivation
def expand(proof):
    proof.conclude(proof.identity(square.decides.quantity, c**2 + 2*c*d + d**2))


@square.experiment()
def sample(xp, rng, case, size):
    return {"quantity": xp.ones((size,)) * (case.c + case.d) ** 2}
"""
)

FALSE = (
    HEAD
    + """
wrong = identity("wrong", c**2 + 3*c*d + d**2)


@wrong.derivation
def expand(proof):
    proof.conclude(proof.identity(wrong.decides.quantity, wrong.decides.bound))


@wrong.experiment()
def sample(xp, rng, case, size):
    return {"quantity": xp.ones((size,)) * (case.c + case.d) ** 2}
"""
)

# An experiment that cannot be carried out, beside a claim that holds.
NAN = TRUE.replace('return {"quantity": xp.ones((size,)) *', 'return {"quantity": xp.nan * xp.ones((size,)) *')

# A mutant that is no mutant: every kind of evidence accepts it.
TOOTHLESS = TRUE.replace(
    'Mutant("three", decides={"bound": c**2 + 3*c*d + d**2})',
    'Mutant("no change", decides={"bound": c**2 + 2*d*c + d**2})',
)

# A mutant that dies, though not at its own case, which lacks what the experiment reads.
LAME = (
    TRUE.replace("3*c*d + d**2})", "3*c*d + d**2}, cases=({'c': 5},))")
    .replace("experiment()", "experiment(cases=({'scale': 1},))")
    .replace("xp.ones((size,)) *", "xp.ones((size,)) * case.scale *")
)
