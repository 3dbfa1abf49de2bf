"""`gdverify new`: a theorem module to fill in.  Until it is, its verdict is *error*, never *pass*."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from .errors import UsageError

_TEMPLATE = '''"""TITLE (AUTHORS, YEAR).

    f(x_T) - f*  <=  L R^2 / (2 T)          the statement, as a reader would write it on a board

What is derived here and what is cited; how loose the bound is.
"""

import sympy as sp

from gdverify import Claim, Integers, Mutant, Observed, Paper, Positive, ScalarFunction, SureBound, VectorSequence

PAPER = Paper("{slug}", title="TITLE", authors=(), year=None)

L = sp.Symbol("L", positive=True)
R = sp.Symbol("R", nonnegative=True)
T = sp.Symbol("T", integer=True, positive=True)
f, x = ScalarFunction("f"), VectorSequence("x")
f_star = sp.Symbol("f_star")

{variable} = Claim(
    id="{slug}.main-claim",
    title="one line that says what is claimed",
    paper=PAPER,
    locator="Theorem ?",
    statement=r"f(x_T) - f^* \\le \\frac{{L R^2}}{{2 T}}",
    symbols={{
        L: Positive(sample=(0.1, 10)),
        T: Integers(1, sample=(1, 50)),
        R: Observed(0),  # an experiment returns it, instance by instance
    }},
    decides=SureBound(quantity=f(x(T)) - f_star, bound=L * R**2 / (2 * T)),
    assumptions=[],  # from gdverify: convex(f), smooth(f, L), minimiser(f, x_star), recursion(...), start(...)
    mutants=[Mutant("a tenth of the bound", decides={{"bound": L * R**2 / (20 * T)}})],
)


@{variable}.derivation
def derive(proof):
    """Facts in, facts out; the last one must be the claim itself."""
    raise NotImplementedError("fill in the derivation, or remove it and say why in no_derivation")


@{variable}.experiment()
def simulate(xp, rng, case, size):
    """Random instances within the assumptions: arrays of shape (size,)."""
    raise NotImplementedError('fill in the experiment: return {{"quantity": ..., "R": ...}}')
'''


def create(name: str, folder: str = "theorems") -> Path:
    """Write ``folder/TOPIC/NAME.py`` and return its path.

    Raises
    ------
    UsageError
        the name is not TOPIC/NAME in lower case, the file exists, or it cannot be written
    """
    match = re.fullmatch(r"([a-z][a-z0-9_-]*)/([a-z][a-z0-9_-]*)", name)
    if match is None:
        raise UsageError(f"{name[:80]!r}: expected TOPIC/NAME in lower-case letters, digits and dashes")
    topic, module = (part.replace("-", "_").rstrip("_") for part in match.groups())
    if keyword.iskeyword(topic) or keyword.iskeyword(module):
        raise UsageError(f"{name!r}: {topic if keyword.iskeyword(topic) else module} is a Python keyword")
    path = Path(folder) / topic / f"{module}.py"
    slug = re.sub("_+", "-", module)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as out:
            out.write(_TEMPLATE.format(slug=slug, variable=module + "_claim"))
    except FileExistsError:
        raise UsageError(f"{path} exists; it is left as it is") from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    return path
