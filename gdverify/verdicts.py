"""Verdicts on several claims, as Python and notebooks see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from .suggest import did_you_mean
from .verdict import Verdict

if TYPE_CHECKING:
    from .runner import Run


class Verdicts(Sequence[Verdict]):
    """What a run on several claims found: a sequence of `Verdict`, also by claim id.

    >>> found = gdverify.check("handbook.*")
    >>> found["handbook.gd-convex"].verdict
    'pass'
    >>> [v.id for v in found if v.verdict != "pass"]
    []
    >>> found.frame()          # a pandas frame, one row for each claim
    >>> found.plain()          # the report gdverify.report/1, as `gdverify check --json` writes it
    """

    def __init__(self, run: Run):
        self.run = run

    @overload
    def __getitem__(self, index: int | str) -> Verdict: ...
    @overload
    def __getitem__(self, index: slice) -> list[Verdict]: ...
    def __getitem__(self, index: int | str | slice) -> Verdict | list[Verdict]:
        """By position, or by claim id; raises IndexError or KeyError."""
        if not isinstance(index, str):
            return self.run.verdicts[index]
        for verdict in self:
            if verdict.id == index:
                return verdict
        raise KeyError(f"no verdict on {index!r}{did_you_mean(index, [v.id for v in self])}")

    def __len__(self) -> int:
        return len(self.run.verdicts)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.run.verdicts)

    def plain(self) -> dict[str, Any]:
        """The report of the run (``gdverify.report/1``), JSON-ready."""
        from .report import report

        return report(self.run)

    def frame(self) -> Any:
        """A pandas frame with a row for each claim.

        Columns: id, title, topic, paper, decides, verdict, qualifier, derivations, cases, samples, worst_cases,
        mutants, killed, seconds.

        Raises
        ------
        ImportError
            pandas is not installed
        """
        from .notebook import claim_row, frame

        return frame([claim_row(v) for v in self])

    def __repr__(self) -> str:
        from .notebook import lines

        return "\n".join(lines(self))

    def _repr_html_(self) -> str:
        from .notebook import table

        return table(self)
