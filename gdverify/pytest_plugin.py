"""pytest collects claims: one item for each claim, piece of evidence and case.

Node ids read ``FILE::CLAIM::experiment:NAME[L=4,T=60]``; beside the evidence each claim has the item ``claim``, which
fails where everything passes and the claim yet does not (it is only tested, and nothing shows that its tests could
have failed), and with ``--gdverify-audit`` one item ``mutant[NAME]`` for each mutant, which fails where it survives.

Which files.  The plugin loads in every run of pytest in its environment, so it keeps to

* files below a folder called ``theorems``, or what the ini option ``gdverify_paths`` lists instead (names of folders,
  or patterns of paths relative to the root of pytest);
* a file that the command line itself names (``pytest my_claims.py``), unless it is a test module by name;
* with ``--gdverify`` every Python file that the run comes across; a test module is then a test module as well.

Of these it takes the files that hold claims, which is read from their source where it can be, without running it.
Files whose name begins with ``_`` or ``.`` are helpers, as for `gdverify check`.  A module that cannot be run is one
error of collection, in one line.

Selection.  ``-k`` matches claim ids, topics, kinds and names of evidence, and cases (``-k T:60``: an ``=`` means
something else there).  Markers are ``gdverify``, ``derivation``, ``experiment``, ``worst_case``, ``mutant``, ``claim``,
``topic(name=...)`` and ``tier(name=...)``, the lowest tier that has the case: ``-m 'topic(name="convergence")'``.

Error probability.  All experiments at a case that the session is going to run share ``--gdverify-alpha`` equally.

Undecided.  An inconclusive item fails: a test run that is green must not contain what nobody decided.
``--gdverify-inconclusive=xfail`` or ``=skip`` says otherwise.

The item ``claim`` needs the outcomes of all evidence of its claim, and runs what has not run in its process: what was
deselected (select by marker, ``-m derivation``, to avoid it), and with pytest-xdist what another worker ran.  Use
``--dist loadgroup`` (or ``loadscope``), which keep a claim on one worker; every worker collects the same items.
Evidence runs in pytest's own process, whereas `gdverify check` runs each claim in a process of its own.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .claim import Claim, Evidence
    from .discover import Source
    from .result import Outcome
    from .verdict import Verdict

_TIERS = ("smoke", "standard", "full")
_TESTS = pytest.StashKey[int]()  # experiments at a case that share the session's alpha
_MARKERS = (
    "gdverify: an item of a claim",
    "derivation: a machine-checked proof of a claim",
    "experiment: a Monte Carlo experiment on a claim",
    "worst_case: an exact worst-case certificate for a claim",
    "mutant: a false neighbour of a claim, which its evidence must refute",
    "claim: what only the evidence of a claim together shows",
    "topic(name): the topic of a claim, the folder that its file is in",
    "tier(name): the lowest tier that has the case of the item",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gdverify", "claims (gdverify)")
    group.addoption("--gdverify", action="store_true", help="collect claims from every Python file, not only theorems")
    group.addoption("--gdverify-tier", choices=_TIERS, default="smoke", help="cases and samples (default: smoke)")
    group.addoption("--gdverify-seed", type=int, default=0, metavar="N", help="of every random number (default: 0)")
    group.addoption(
        "--gdverify-alpha", type=_probability, default=1e-6, metavar="A",
        help="error probability of all experiments of the session together (default: 1e-6)",
    )  # fmt: skip
    group.addoption("--gdverify-audit", action="store_true", help="also an item for each mutant of each claim")
    group.addoption(
        "--gdverify-inconclusive", choices=("fail", "xfail", "skip"), default="fail",
        help="what becomes of evidence that does not decide (default: fail)",
    )  # fmt: skip
    parser.addini(
        "gdverify_paths", type="args", default=["theorems"],
        help="folders (names, or patterns of paths) whose Python files may hold claims",
    )  # fmt: skip


def _probability(text: str) -> float:
    import argparse

    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 1")
    return value


def pytest_configure(config: pytest.Config) -> None:
    for line in _MARKERS:
        config.addinivalue_line("markers", line)


# -- which files ---------------------------------------------------------------------------------------------------


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ClaimFile | None:
    if file_path.suffix != ".py" or file_path.name[0] in "._" or file_path.name == "conftest.py":
        return None
    config = parent.config
    named = parent.session.isinitpath(file_path)
    if not (config.getoption("gdverify") or _listed(file_path, config)):
        return None  # a file that the command line names comes by pytest_pycollect_makemodule
    if named and not _is_test_module(file_path, config):
        return None
    return ClaimFile.from_parent(parent, path=file_path) if holds_claims(file_path) else None


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Any:
    """A file of claims that the command line names is no test module, so that it is not imported twice."""
    if _is_test_module(module_path, parent.config) or not holds_claims(module_path):
        return None
    return ClaimFile.from_parent(parent, path=module_path)


def _listed(path: Path, config: pytest.Config) -> bool:
    try:
        relative = path.relative_to(config.rootpath)
        folders = [config.rootpath.name, *relative.parts[:-1]]
        ways = [relative.as_posix(), *(p.as_posix() for p in relative.parents)]
    except ValueError:  # outside the root: an installed package
        folders, ways = list(path.parts[:-1]), [path.as_posix()]
    for pattern in config.getini("gdverify_paths"):
        wanted = pattern.rstrip("/")
        if any(fnmatch.fnmatchcase(name, wanted) for name in (ways if "/" in wanted else [*folders, *ways])):
            return True
    return False


def _is_test_module(path: Path, config: pytest.Config) -> bool:
    return any(
        fnmatch.fnmatch(path.as_posix() if "/" in pattern else path.name, f"*{pattern}" if "/" in pattern else pattern)
        for pattern in config.getini("python_files")
    )


def holds_claims(path: Path) -> bool:
    """Whether a Python file holds claims, or may: it is read, not run."""
    from .discover import read_statically

    try:
        text = path.read_bytes()
    except OSError:
        return False
    if not any(word in text for word in (b"Claim", b".derivation", b".experiment", b".worst_case")):
        return False
    try:
        return read_statically(text) != []
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the latter two: nested deeper than Python can go
        return b"gdverify" in text


def pytest_collection_finish(session: pytest.Session) -> None:
    """Count the tests that share the error probability, now that selection is over."""
    tests: set[tuple[ClaimNode, Key]] = set()
    for item in session.items:
        if isinstance(item, EvidenceItem):
            item.parent.selected.add(item.key)
            tests.add((item.parent, item.key))
        elif isinstance(item, ClaimItem):
            tests |= {(item.parent, key) for key in item.parent.cases}
    session.config.stash[_TESTS] = sum(node.claim.evidence[key[0]].kind == "experiment" for node, key in tests)


# -- the tree ------------------------------------------------------------------------------------------------------


Key = tuple[int, int]  # positions of the evidence and of its case


class ClaimFile(pytest.File):
    """A theorem module."""

    def collect(self) -> Iterator[ClaimNode]:
        from .discover import load, path_sources
        from .errors import GdverifyError

        try:
            (source,) = path_sources(str(self.path))
            claims = load(source)
        except GdverifyError as error:
            raise self.CollectError(str(error)) from None
        for claim in claims:
            yield ClaimNode.from_parent(self, name=claim.id, claim=claim, source=source)


class ClaimNode(pytest.Collector):
    """A claim.  It keeps the outcomes of its evidence, each computed once in a session."""

    def __init__(self, *, claim: Claim, source: Source, **kwargs: Any):
        super().__init__(**kwargs)
        self.claim, self.source = claim, source
        self.cases: list[Key] = []
        self.selected: set[Key] = set()
        self.outcomes: dict[Key, Outcome] = {}
        self.refutations: dict[int, list[Outcome]] = {}
        for mark in (pytest.mark.gdverify, pytest.mark.topic(name=source.topic)):
            self.add_marker(mark)
        self.extra_keyword_matches |= {source.topic, claim.id, claim.decides.kind}
        if self.config.pluginmanager.hasplugin("xdist"):
            self.add_marker(pytest.mark.xdist_group(name=claim.id))

    def collect(self) -> Iterator[pytest.Item]:
        from .errors import GdverifyError
        from .worker import draw, plain_case

        self.cases = []
        taken: dict[str, int] = {}

        def distinct(name: str) -> str:
            taken[name] = taken.get(name, 0) + 1
            return name if taken[name] == 1 else f"{name}#{taken[name]}"

        for index, evidence in enumerate(self.claim.evidence):
            try:
                rank = _TIERS.index(self.config.getoption("gdverify_tier"))
                drawn = {
                    tier: [plain_case(c.plain()) if c is not None else {} for c in draw(self.claim, evidence, settings)]
                    for tier in _TIERS[: rank + 1]
                    for settings in [self.settings(tier)]
                }
            except GdverifyError as error:
                raise self.CollectError(f"{self.claim.id}: {evidence.kind} {evidence.name}: {error}") from None
            for position, case in enumerate(drawn[_TIERS[rank]]):
                where = _case(case)
                name = distinct(f"{evidence.kind}:{evidence.name}" + (f"[{where}]" if where else ""))
                lowest = next(tier for tier in _TIERS if case in drawn[tier])
                self.cases.append((index, position))
                yield EvidenceItem.from_parent(self, name=name, key=(index, position), case=case, tier=lowest)
        if self.config.getoption("gdverify_audit"):
            for index, mutant in enumerate(self.claim.mutants):
                yield MutantItem.from_parent(self, name=distinct(f"mutant[{_line(mutant.name, 120)}]"), index=index)
        yield ClaimItem.from_parent(self, name="claim")

    # What follows runs evidence.

    def settings(self, tier: str | None = None) -> dict[str, Any]:
        """Settings of `gdverify.worker` for this session."""
        from .store import home

        option = self.config.getoption
        return {
            "tier": tier or option("gdverify_tier"),
            "seed": option("gdverify_seed"),
            "alpha": option("gdverify_alpha") / max(self.config.stash.get(_TESTS, 1), 1),
            "device": "cpu",
            "budget": None,
            "overrides": {},
            "save_dir": str(home() / "artefacts"),
        }

    def outcome(self, key: Key) -> Outcome:
        """What a piece of evidence says at a case."""
        from .worker import run_evidence

        if key not in self.outcomes:
            self.outcomes[key] = run_evidence(self.claim, self.claim.evidence[key[0]], key[1], self.settings())
        return self.outcomes[key]

    def declared(self, index: int) -> list[str]:
        """Kinds of evidence that must refute a mutant."""
        from .audit import killing_kinds

        return killing_kinds(self.claim, self.claim.mutants[index])

    def refuted(self, index: int) -> list[Outcome]:
        """What the evidence says of a mutant."""
        from .worker import run_mutant

        if index not in self.refutations:
            self.refutations[index] = run_mutant(self.claim, index, self.declared(index), self.settings())
        return self.refutations[index]

    def verdict(self, outcomes: list[Outcome], audited: bool) -> Verdict:
        """The claim's verdict on these outcomes, with what an audit finds wanting."""
        from .audit import judge
        from .record import record
        from .verdict import MutantResult, Verdict

        found = Verdict(record(self.claim, self.source), outcomes)
        if audited:
            results = [
                MutantResult(self.claim.id, m.name, False, [], self.declared(i), self.refuted(i))
                for i, m in enumerate(self.claim.mutants)
            ]
            judge(found, results)
        return found

    def line(self, evidence: Evidence | None = None) -> int | None:
        """Line of the claim, or of an evidence function that is written in the same file."""
        if evidence is not None:
            code = getattr(evidence.function, "__code__", None)
            return code.co_firstlineno if code and Path(code.co_filename) == self.path else None
        for number, row in enumerate(self.path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if f'"{self.claim.id}"' in row or f"'{self.claim.id}'" in row:
                return number
        return None


class Unproved(Exception):
    """An item that is not green; its lines are all that a reader sees."""


class _Item(pytest.Item):
    """An item below a `ClaimNode`."""

    parent: ClaimNode

    def stop(self, verdict: str, lines: Sequence[str]) -> None:
        """End as a verdict other than *pass* wants it."""
        from .sentences import clean

        policy = self.config.getoption("gdverify_inconclusive")
        text = clean("\n".join(lines))
        if verdict == "inconclusive" and policy != "fail":
            (pytest.xfail if policy == "xfail" else pytest.skip)(text)
        raise Unproved(text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, Unproved):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        line = self.parent.line()
        return self.path, line - 1 if line else None, f"{self.parent.claim.id}: {self.name}"


class EvidenceItem(_Item):
    """A piece of evidence at a case."""

    def __init__(self, *, key: Key, case: dict[str, Any], tier: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.key = key
        self.evidence = self.parent.claim.evidence[key[0]]
        for mark in (self.evidence.kind.replace("-", "_"), pytest.mark.tier(name=tier)):
            self.add_marker(mark)
        self.extra_keyword_matches |= {self.evidence.name, *(f"{k}:{_line(v, 60)}" for k, v in case.items())}

    def runtest(self) -> None:
        from .sentences import again, case_name, in_catalogue, said

        claim = self.parent.claim
        outcome = self.parent.outcome(self.key)
        figures = {name: getattr(outcome, name) for name in ("verdict", "estimate", "bound", "alpha")}
        self.user_properties += [("claim", claim.id), *((k, v) for k, v in figures.items() if v is not None)]
        if outcome.verdict == "pass":
            return
        run = {"tier": self.config.getoption("gdverify_tier"), "seed": self.config.getoption("gdverify_seed")}
        where = case_name(outcome.case)
        line = self.parent.line(self.evidence)
        lines = [f"{claim.id}: {outcome.kind} {outcome.name}: {outcome.verdict}{f' at {where}' if where else ''}"]
        lines.append("  " + said(outcome, claim.decides.kind))
        shown = _nearby(self.path)
        outside = "" if in_catalogue(self.parent.source.module) else shown
        lines.append("  again: " + again(claim.id, outcome, run, outside))
        lines += [f"  {shown}:{line}"] if line else []
        self.stop(outcome.verdict, lines)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        line = self.parent.line(self.evidence)
        return self.path, line - 1 if line else None, f"{self.parent.claim.id}: {self.name}"


class MutantItem(_Item):
    """A false neighbour of the claim, which every kind of evidence that it declares must refute."""

    def __init__(self, *, index: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.index = index
        self.add_marker("mutant")

    def runtest(self) -> None:
        from .result import combine
        from .sentences import case_name, line_of

        claim, mutant = self.parent.claim, self.parent.claim.mutants[self.index]
        declared = self.parent.declared(self.index)
        if not declared:
            self.stop("fail", [f"{claim.id}: mutant {mutant.name!r} declares no kind of evidence that the claim has"])
        found = self.parent.refuted(self.index)
        said = {kind: combine([o for o in found if o.kind == kind]) for kind in declared}
        missed = [kind for kind, verdict in said.items() if verdict != "fail"]
        if not missed and all(o.verdict != "error" for o in found):
            return
        word = "could not be tried on" if all(said[k] == "error" for k in missed) else "does not refute"
        lines = [f"{claim.id}: {', '.join(missed)} {word} the mutant {mutant.name!r}"]
        if not missed:
            lines = [f"{claim.id}: the mutant {mutant.name!r} dies, but evidence cannot be run at all of its cases"]
        for o in found:
            where = case_name(o.case)
            lines.append(
                f"  {o.kind} {o.name}: {o.verdict}{f' at {where}' if where else ''}: {line_of(o.message, 400)}"
            )
        self.stop("fail", lines)


class ClaimItem(_Item):
    """What only the evidence of a claim together shows: reservations, and kinds of evidence that kill no mutant."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.add_marker("claim")

    def runtest(self) -> None:
        from .sentences import said

        node = self.parent
        if not node.cases:
            self.stop("inconclusive", [f"{node.claim.id} has no evidence"])
        outcomes = {key: node.outcome(key) for key in node.cases}
        found = node.verdict(list(outcomes.values()), self.config.getoption("gdverify_audit"))
        bad = [key for key, o in outcomes.items() if o.verdict != "pass"]
        if bad and node.selected.issuperset(bad):
            pytest.skip(f"{found.verdict}: see its evidence")
        if bad:
            lines = [f"  {o.kind} {o.name}: {said(o, node.claim.decides.kind)}" for o in map(outcomes.get, bad) if o]
            self.stop(found.verdict, [f"{node.claim.id}: {found.verdict}", *lines])
        if found.reservation:
            self.stop("inconclusive", [f"{node.claim.id}: inconclusive", f"  {found.reservation}"])
        complaints = [c for c in [*found.complaints, *found.unaudited] if not c.startswith("mutant ")]
        if complaints:
            self.stop("fail", [f"{node.claim.id}: audit", *(f"  {c}" for c in complaints)])


def _nearby(path: Path) -> str:
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


def _case(case: dict[str, Any]) -> str:
    return _line(",".join(f"{k}={v}" for k, v in case.items()), 120)


def _line(text: object, most: int) -> str:
    from .sentences import line_of

    return line_of(text, most)
