"""Papers kept as data: one TOML table per slug."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

from .claim import Paper
from .errors import ClaimError

_FIELDS = ("title", "authors", "year", "arxiv", "doi", "venue")


class Bibliography(Mapping[str, Paper]):
    """Papers by slug, read on first use from a TOML file.

    >>> PAPERS = Bibliography("papers.toml")
    >>> PAPERS["handbook"].year
    2023

    Raises
    ------
    ClaimError
        on access: the file is missing or malformed, the slug is unknown, an entry has an unknown field
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._papers: dict[str, Paper] | None = None

    def _read(self) -> dict[str, Paper]:
        if self._papers is None:
            import tomllib

            try:
                tables = tomllib.loads(self.path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise ClaimError(f"bibliography {self.path}: {error}") from error
            self._papers = {slug: self._paper(slug, table) for slug, table in tables.items()}
        return self._papers

    def _paper(self, slug: str, table: object) -> Paper:
        if not isinstance(table, dict) or not isinstance(table.get("title"), str):
            raise ClaimError(f"bibliography {self.path}: {slug} has no title")
        unknown = sorted(set(table) - set(_FIELDS))
        if unknown:
            raise ClaimError(f"bibliography {self.path}: {slug} has unknown fields {', '.join(unknown)}")
        return Paper(slug=slug, **{**table, "authors": tuple(table.get("authors", ()))})

    def __getitem__(self, slug: str) -> Paper:
        papers = self._read()
        if slug not in papers:
            near = difflib.get_close_matches(slug, papers, n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise ClaimError(f"no paper {slug!r} in {self.path.name}{hint}")
        return papers[slug]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())
