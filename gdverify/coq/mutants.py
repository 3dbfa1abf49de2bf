"""A mutant's file made quick to refuse: lemmas that the original proves in the same words are not proved again."""

from __future__ import annotations

import re

_PROOF = re.compile(r"Proof\.\s(?:(?!Defined\.|Proof\.).)*?\sQed\.", re.DOTALL)


def without_known_proofs(original: str, mutant: str) -> str:
    """The mutant's text; where it differs from the original in its last theorems alone, lemmas are ``Admitted``.

    The original must be one that coqc accepts.  The answer to "is this mutant refused" is then the same, for the
    theorems rest on the same true lemmas; that a file with admitted lemmas is accepted proves nothing else.
    """
    start = original.find("\nTheorem ")
    if start < 0 or original[:start].rsplit("\n", 1)[0] != mutant[: mutant.find("\nTheorem ")].rsplit("\n", 1)[0]:
        return mutant
    known = mutant.find("\nTheorem ")
    return _PROOF.sub("Admitted.", mutant[:known]) + mutant[known:]
