"""What can go wrong, by who is to blame; the command line maps each to one line and an exit code."""

from typing import Any


class GdverifyError(Exception):
    """Base of every error raised on purpose."""


class UsageError(GdverifyError):
    """Bad input: an unknown claim, a malformed module, a value outside its domain (exit code 2)."""


class ClaimError(UsageError):
    """A claim record that contradicts itself or lacks a part."""


class ProofError(GdverifyError):
    """A derivation step that the kernel does not accept; the derivation does not go through."""


class ExperimentError(GdverifyError):
    """An experiment that could not be carried out: wrong shape, non-finite samples, a missing value.

    ``rows`` marks the rows to blame, where they are known.
    """

    def __init__(self, message: str = "", rows: Any = None):
        super().__init__(message)
        self.rows = rows


class DeviceLostError(GdverifyError):
    """The device that an experiment ran on does not answer any more."""


class UndecidedError(GdverifyError):
    """A comparison of two balls that overlap: more precision is needed."""


class MissingDependencyError(GdverifyError):
    """An optional package is needed for this kind of evidence and is not installed."""


def one_line(error: BaseException, most: int = 300) -> str:
    """The text of an exception on one line, cut where it would fill a screen."""
    text = " ".join(str(error).split())
    return text if len(text) <= most else text[: most - 1] + "…"
