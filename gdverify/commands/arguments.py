"""What several commands read from their arguments."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from ..discover import Entry


def claims_of(args: Namespace) -> list[Any]:
    """The claims that are named, their modules run in this process."""
    from ..discover import select

    return _some(args, select)


def one_claim(args: Namespace) -> Any:
    from ..discover import select

    located = select([args.claim])
    if len(located) != 1:
        raise UsageError(f"{args.claim} names {len(located)} claims; {args.command} takes one")
    return located[0]


def entries_of(args: Namespace) -> list[Entry]:
    """The claims that are named, their modules not run."""
    from ..discover import find

    return _some(args, find)


def _some(args: Namespace, finder: Callable[..., list[Any]]) -> list[Any]:
    everything = getattr(args, "all", False)
    if not args.claims and not everything:
        raise UsageError(
            f"{args.command}: name claims (an id, a glob, a paper, a file)" + (", or --all" if "all" in args else "")
        )
    found = finder(args.claims, everything)
    if not found:
        raise UsageError("the catalogue is empty")
    return found


def read_overrides(args: Namespace) -> dict[str, Any]:
    from ..api import exact_number

    overrides = {}
    for text in getattr(args, "set", None) or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set {text}: expected name=value")
        overrides[name.strip()] = exact_number(f"--set {name.strip()}", value)
    return overrides


def read_settings(args: Namespace, audit: bool = False) -> Any:
    from ..doctor import cores
    from ..runner import DEFAULT_ALPHA, Settings

    return Settings(
        tier=getattr(args, "tier", "smoke"),
        seed=getattr(args, "seed", 0),
        alpha=getattr(args, "alpha", None) or DEFAULT_ALPHA,
        device=getattr(args, "device", "cpu"),
        budget=getattr(args, "budget", None),
        jobs=args.jobs or cores(),
        overrides=read_overrides(args),
        audit=audit,
        cache=not getattr(args, "no_cache", False),
        time_limit=getattr(args, "time_limit", None),
        memory_limit=getattr(args, "memory_limit", None),
        scheduler=getattr(args, "scheduler", None),
        on_device_loss=getattr(args, "on_device_loss", "error"),
    )


def nearby(path: str) -> str:
    """A path as the user would write it: relative where that is shorter."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return path
    return min(path, relative, key=len)
