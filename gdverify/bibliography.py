"""Papers kept as data: one TOML table per slug, with what of each is encoded, planned, or no matter for checks."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .claim import Paper
from .errors import ClaimError

_FIELDS = ("title", "authors", "year", "arxiv", "doi", "venue")
_SCOPE = ("family", "encoded", "planned", "nothing")


@dataclass(frozen=True)
class Scope:
    """How far the catalogue covers a paper.

    Attributes
    ----------
    family : the part of the literature it belongs to; empty for a paper that is only relied on
    encoded, planned : names of claims that theorem modules hold, and of those that none holds yet
    nothing : why the paper states nothing that could be checked
    """

    family: str = ""
    encoded: tuple[str, ...] = ()
    planned: tuple[str, ...] = ()
    nothing: str = ""


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
        self._scopes: dict[str, Scope] = {}

    def _read(self) -> dict[str, Paper]:
        if self._papers is None:
            import tomllib

            try:
                tables = tomllib.loads(self.path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise ClaimError(f"bibliography {self.path}: {error}") from error
            papers = {slug: self._paper(slug, table) for slug, table in tables.items()}
            self._scopes = {slug: self._scope(slug, table) for slug, table in tables.items()}
            self._papers = papers
        return self._papers

    def _paper(self, slug: str, table: object) -> Paper:
        if not isinstance(table, dict) or not isinstance(table.get("title"), str):
            raise ClaimError(f"bibliography {self.path}: {slug} has no title")
        unknown = sorted(set(table) - {*_FIELDS, *_SCOPE})
        if unknown:
            raise ClaimError(f"bibliography {self.path}: {slug} has unknown fields {', '.join(unknown)}")
        known = {k: v for k, v in table.items() if k in _FIELDS}
        return Paper(slug=slug, **{**known, "authors": tuple(table.get("authors", ()))})

    def _scope(self, slug: str, table: dict[str, Any]) -> Scope:
        lists = {k: table.get(k, []) for k in ("encoded", "planned")}
        texts = {k: table.get(k, "") for k in ("family", "nothing")}
        if not all(isinstance(v, list) and all(isinstance(name, str) for name in v) for v in lists.values()):
            raise ClaimError(f"bibliography {self.path}: {slug}: encoded and planned are lists of claim names")
        if not all(isinstance(v, str) for v in texts.values()):
            raise ClaimError(f"bibliography {self.path}: {slug}: family and nothing are text")
        return Scope(texts["family"], tuple(lists["encoded"]), tuple(lists["planned"]), texts["nothing"])

    def scope(self, slug: str) -> Scope:
        """What of a paper is encoded and planned; errors as for ``self[slug]``."""
        self[slug]
        return self._scopes[slug]

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
