"""The command line.  Every command imports what it needs when it runs, so that help and lists stay fast."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from .errors import GdverifyError
from .examples import epilog
from .parsing import Parser
from .printable import line_of

_EXIT_CODES = "exit codes: 0 all pass, 1 some claim failed, 2 bad input, 3 undecided or not carried out, none failed"

_LONGEST = 1e8  # seconds, three years: what timers take everywhere
_MOST = 10**6


def _seconds(text: str) -> float:
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    unit = units.get(text[-1:].lower())
    try:
        value = float(text[:-1] if unit else text) * (unit or 1.0)
    except ValueError:
        value = -1.0
    if not 0 < value <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no time span (write 30, 30s, 5m or 1h)")
    return value


def _bytes(text: str) -> int:
    units = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
    unit = units.get(text[-1:].lower())
    try:
        value = float(text[:-1] if unit else text) * (unit or 1)
    except ValueError:
        value = -1.0
    if not 2**20 <= value < 2**60:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no amount of memory (write 500M or 4G)")
    return int(value)


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not between 0 and 1")
    return value


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= _MOST:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number from 1 to {_MOST}")
    return value


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = Parser(
        prog="gdverify",
        description="Check what theory papers claim, by derivation, experiment and exact worst case.",
        epilog=_EXIT_CODES,
    )
    from . import __version__

    parser.add_argument("--version", action="version", version=f"gdverify {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        said = text[0].upper() + text[1:] + "."
        return commands.add_parser(name, help=text, description=said, epilog=epilog(name, _EXIT_CODES))

    def claims(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("claims", nargs="*", metavar="CLAIM", help="id, glob, paper, FILE.py, folder or FILE.py::id")

    def workers(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--jobs", type=_positive, metavar="N", help="worker processes (default: one for each core)")

    def sampling(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
        sub.add_argument("--seed", type=int, default=0, metavar="N", help="of every random number (default: 0)")
        sub.add_argument(
            "--alpha", type=_probability, metavar="A", help="error probability of the whole run (default: 1e-6)"
        )

    def limits(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--no-cache", action="store_true", help="compute everything, whatever is stored")
        sub.add_argument(
            "--time-limit", type=_seconds, metavar="10m", help="for one piece of evidence at a case, or one mutant"
        )
        sub.add_argument("--memory-limit", type=_bytes, metavar="4G", help="for the same (default: what there is)")

    def hunting(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
        sub.add_argument("--seed", type=int, default=0, metavar="N", help="of every random number (default: 0)")
        sub.add_argument("--set", action="append", metavar="NAME=VALUE", help="fix a parameter: 3, 0.25, 1e-3 or 1/3")
        sub.add_argument("--budget", type=_seconds, metavar="60s", help="go on for so long (default: a fixed length)")
        sub.add_argument("--json", metavar="FILE", help="write the result; - is standard output")

    sub = command("list", "the claims of the catalogue")
    sub.add_argument("--topic", metavar="T")
    sub.add_argument("--paper", metavar="P")
    sub.add_argument("--kind", metavar="K", help="decision kind, such as sure-bound")
    sub.add_argument("--json", action="store_true")

    sub = command("show", "everything that is written about a claim, and what checking it costs")
    sub.add_argument("claim", metavar="CLAIM")
    sub.add_argument("--latex", action="store_true", help="as LaTeX")

    sub = command("check", "run the evidence of claims and give a verdict on each")
    claims(sub)
    sub.add_argument("--all", action="store_true", help="the whole catalogue")
    sub.add_argument("--audit", action="store_true", help="also run the evidence on the claims' mutants")
    sub.add_argument("--tier", choices=("smoke", "standard", "full"), default="smoke", help="default: smoke")
    sub.add_argument(
        "--only",
        action="append",
        choices=("derivation", "experiment", "worst-case"),
        help="kinds of evidence to run (a compute node without the provers: --only experiment)",
    )
    sampling(sub)
    sub.add_argument("--set", action="append", metavar="NAME=VALUE", help="fix a parameter: 3, 0.25, 1e-3 or 1/3")
    sub.add_argument("--budget", type=_seconds, metavar="60s", help="time for each experiment case")
    workers(sub)
    limits(sub)
    sub.add_argument(
        "--on-device-loss", choices=("error", "cpu"), default="error",
        help="cases on a GPU that stops answering: error, or start them again on the CPU (default: error)",
    )  # fmt: skip
    sub.add_argument("--scheduler", metavar="ADDRESS", help="run on a Dask cluster, such as tcp://127.0.0.1:8786")
    sub.add_argument("--resume", action="store_true", help="go on with the run that was interrupted")
    sub.add_argument(
        "--from", dest="repeat", metavar="REPORT.json",
        help="repeat the run of a report: its claims and settings (CLAIM: files of those outside the catalogue)",
    )  # fmt: skip
    sub.add_argument("--json", metavar="FILE", help="write the report; - is standard output")
    sub.add_argument("--markdown", metavar="FILE", help="write the report as Markdown, for job summaries")
    sub.add_argument("--junit", metavar="FILE", help="write the report as JUnit XML")
    sub.add_argument("--sarif", metavar="FILE", help="write what did not pass as SARIF, for code scanning")
    sub.add_argument("--html", metavar="DIR", help="write the report as pages that open from disk: DIR/index.html")
    sub.add_argument(
        "--no-timings", action="store_true", help="reports without run id, times, host and device: equal for equal runs"
    )
    sub.add_argument("-v", "--verbose", action="store_true", help="every case and every mutant")

    sub = command("prove", "run derivations alone and print their steps")
    claims(sub)
    sub.add_argument("--all", action="store_true", help="the whole catalogue")
    sub.add_argument("--latex", action="store_true", help="conclusions as LaTeX")
    sub.add_argument("--export", metavar="FILE.json", help="write a certificate for recheck (into a folder: one each)")
    sub.add_argument("--coq", metavar="FILE.v", help="write CLAIM (or a worst-case certificate FILE.json) for coqc")
    workers(sub)

    sub = command("audit", "run the evidence on each claim's mutants: killed or survived (no CLAIM: all)")
    claims(sub)
    sampling(sub)
    workers(sub)
    limits(sub)
    sub.add_argument("--json", metavar="FILE", help="write the result; - is standard output")
    sub.add_argument("--markdown", metavar="FILE", help="write the table as Markdown")
    sub.add_argument("-v", "--verbose", action="store_true", help="what each piece of evidence said")
    sub.add_argument(
        "--auto", action="store_true", help="mechanical changes of every constant, exponent, assumption, ... instead"
    )
    sub.add_argument("--budget", type=_seconds, metavar="60s", help="with --auto: time for each claim (default: 60s)")

    sub = command("calibrate", "measure error rates: of a claim's experiments, or of every decision kind")
    claims(sub)
    sub.add_argument(
        "--kinds", nargs="*", metavar="KIND", help="measure decision kinds (no KIND: all) on statements of known truth"
    )
    sub.add_argument(
        "--runs", type=_positive, metavar="N", help="default: 10000 for each kind, 100 for each experiment"
    )
    sub.add_argument("--seed", type=int, default=0, metavar="N", help="of every random number (default: 0)")
    sub.add_argument("--alpha", type=_probability, metavar="A", help="of the tests for false verdicts (default: 0.05)")
    workers(sub)
    sub.add_argument("--hardware", metavar="TEXT", help="how the report names the machine")
    sub.add_argument("--json", metavar="FILE", help="write the result; - is standard output")
    sub.add_argument("--markdown", metavar="FILE", help="write the tables as Markdown")

    sub = command("hunt", "search the regime and the instances of a claim for a violation")
    sub.add_argument("claim", metavar="CLAIM", help="id, or FILE.py::id")
    hunting(sub)

    sub = command("tighten", "the interval of a constant between what evidence has exceeded and what is proved")
    sub.add_argument("claim", metavar="CLAIM", help="id, or FILE.py::id")
    sub.add_argument(
        "--constant", metavar="C", help="a number, symbol or definition in the bound (default: a factor in front)"
    )
    hunting(sub)

    sub = command("history", "the verdicts that runs on this machine have given on a claim")
    sub.add_argument("claim", nargs="?", metavar="CLAIM", help="id (no CLAIM: which claims have a history)")
    sub.add_argument("--most", type=_positive, default=20, metavar="N", help="latest runs to show (default: 20)")
    sub.add_argument("--json", action="store_true")

    sub = command("compare", "what became worse between two reports of check --json (exit code 1), and what better")
    sub.add_argument("old", metavar="OLD.json")
    sub.add_argument("new", metavar="NEW.json")
    sub.add_argument(
        "--shrink", type=_probability, default=0.1, metavar="X",
        help="share that a margin without an interval may lose (default: 0.1)",
    )  # fmt: skip
    sub.add_argument("--json", metavar="FILE", help="write the result; - is standard output")
    sub.add_argument("--markdown", metavar="FILE", help="write it as Markdown, for job summaries")

    sub = command("replay", "recompute saved counterexamples in high precision")
    sub.add_argument("files", nargs="+", metavar="FILE.json", help="from check, hunt or a worst case")
    sub.add_argument("--claims", metavar="FILE.py", help="where the claim is, if it is not in the catalogue")

    sub = command("recheck", "verify certificates again with the independent checker")
    sub.add_argument("files", nargs="+", metavar="FILE.json", help="from prove --export, or a saved worst case")

    sub = command(
        "coverage", "the papers of the sources: encoded claims, planned ones, or why there is nothing to check"
    )
    sub.add_argument("--report", metavar="FILE.json", help="take verdicts from this report of check --json")
    sub.add_argument("--check", action="store_true", help="only compare the bibliography with the theorem modules")
    form = sub.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true")
    form.add_argument("--markdown", action="store_true")
    form.add_argument("--bibtex", action="store_true", help="the bibliography")

    sub = command("paper", "a LaTeX table and appendix on claims, to go with a paper")
    claims(sub)
    sub.add_argument("--all", action="store_true", help="the whole catalogue")
    sub.add_argument("--report", metavar="FILE.json", help="from this report of check --json (no CLAIM: all of it)")
    sub.add_argument("--tex", metavar="FILE", help="write the LaTeX here (default: -, standard output)")
    sub.add_argument("--standalone", action="store_true", help="a document of its own, not a fragment for \\input")
    sub.add_argument("--proofs", action="store_true", help="with every step of the derivations")
    sub.add_argument("--bib", metavar="FILE", help="write the BibTeX of the claims' papers")
    sub.add_argument("--tier", choices=("smoke", "standard", "full"), default="smoke", help="default: smoke")
    sampling(sub)
    workers(sub)

    sub = command("completion", "a script that completes commands, options and claims with the TAB key")
    sub.add_argument("shell", choices=("bash", "zsh", "fish"))
    sub.add_argument("--words", choices=("claims", "topics", "papers", "kinds"), help="print these names instead")

    command("doctor", "versions, devices, memory, and what is missing for which evidence")

    sub = command("new", "write a theorem module to fill in")
    sub.add_argument("name", metavar="TOPIC/NAME")
    sub.add_argument("--dir", default="theorems", metavar="FOLDER", help="default: theorems")

    command("version", "the version of gdverify")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # this process computes on one core; more cores are more processes
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed; nor may the next file that is opened be taken for it
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # an ASCII terminal still gets every line
    args = build_parser().parse_args(argv)
    args.given = list(sys.argv[1:] if argv is None else argv)
    try:
        os.getcwd()
    except OSError as error:
        return _complain(f"the working folder is gone ({error.strerror}): change to one that exists", 2)
    if args.command == "audit":
        args.all = not args.claims
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGTERM, _stop)  # like Ctrl-C: what has finished is reported
    try:
        code = importlib.import_module(f".commands.{args.command}", __package__).main(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader (head, less) has gone: stop quietly, and keep Python from complaining when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return (
            3 if args.command in ("check", "prove", "audit", "replay", "recheck", "hunt", "tighten") else 0
        )  # cut short is no pass
    except KeyboardInterrupt:
        return _complain("interrupted", 3)
    except GdverifyError as error:
        if os.environ.get("GDVERIFY_DEBUG"):
            raise
        return _complain(str(error), 2)
    except OSError as error:
        if os.environ.get("GDVERIFY_DEBUG"):
            raise
        return _complain(error.strerror or str(error), 3)  # a full disk behind standard output, most likely
    except Exception as error:
        if os.environ.get("GDVERIFY_DEBUG"):
            raise
        from .worker import describe

        return _complain(f"internal error: {describe(error)}; GDVERIFY_DEBUG=1 shows where", 3)


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _complain(message: str, code: int) -> int:
    print("gdverify: " + line_of(message), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
