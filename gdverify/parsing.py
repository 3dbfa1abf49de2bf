"""argparse as the command line uses it: errors of one line with near misses, help that keeps its examples."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from .printable import line_of
from .suggest import did_you_mean

WIDEST = 100


def width() -> int:
    """Columns to write in: the terminal's (``COLUMNS`` where it is set), at most 100; 100 where there is none."""
    import shutil

    return max(40, min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns))


class _Help(argparse.HelpFormatter):
    """Paragraphs are wrapped, indented lines (examples) are left as they are."""

    def __init__(self, prog: str, **options: Any):
        super().__init__(prog, max_help_position=28, width=width(), **options)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = text.splitlines()
        return "\n".join(
            line if not line or line[0].isspace() else textwrap.fill(line, width, subsequent_indent="  ")
            for line in lines
        )


class Parser(argparse.ArgumentParser):
    """Complains in one line, and says what may have been meant."""

    def __init__(self, *args: Any, **options: Any):
        options.setdefault("formatter_class", _Help)
        super().__init__(*args, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"gdverify: {line_of(message, 1000)} (see {self.prog} --help)\n")

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Nothing unknown is let through, so that the parser of the command complains, which knows its options."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            options = [word.split("=")[0] for word in unknown if word.startswith("-")]
            known = [option for option in self._option_string_actions if option.startswith("--")]
            hint = did_you_mean(options[0], known) if options else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return found, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        hint = did_you_mean(str(value), choices) or f" (choose from {', '.join(choices)})"
        raise argparse.ArgumentError(action, f"invalid choice: {value!r}{hint}")
