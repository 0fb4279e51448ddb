"""The command behind scripts/tune.py: every algorithm at its best, compared on fresh seeds."""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from marl_comm.command_line.exits import report
from marl_comm.command_line.program import program_name
from marl_comm.errors import InputError
from marl_comm.loggers.progress import duration
from marl_comm.paper.tuning.page import Document, document_in, documents, tables
from marl_comm.paper.tuning.picture import draw
from marl_comm.paper.tuning.plays import Plays
from marl_comm.paper.tuning.problems import PROBLEMS, Problem, chosen
from marl_comm.paper.tuning.table import table
from marl_comm.paper.tuning.tuned import FINAL_SEEDS, Tuning
from marl_comm.paper.tuning.variants import VARIANTS, Variant, variants_of
from marl_comm.plots.data import write_data
from marl_comm.plots.saving import save
from marl_comm.storage.files import whole_file
from marl_comm.storage.versions import versions

_DESCRIPTION = """\
Tune every algorithm in the same way, then compare them at their best on 40 seeds that no search
has seen. What was played already is read from DIR. Prints a table; writes DIR/PROBLEM.json.
"""
_USUAL_SETTINGS = 35  # that a search tries


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 2 for bad input, 130 if interrupted."""
    options = _parser().parse_args(arguments)
    try:
        if options.picture is not None and options.table is None:
            raise InputError("--picture draws what --table DIR reads: give both")
        if options.table is not None:
            found = documents(options.table)
            print(tables(found))
            if options.picture is not None:
                _draw(found, options.picture)
        else:
            _tune(options)
    except (Exception, KeyboardInterrupt) as error:
        return report(error)
    return 0


def _draw(found: Sequence[Document], directory: Path) -> None:
    figure = draw(found)
    save(figure, directory, "tuned")
    write_data(figure, directory / "tuned.csv")


def _tune(options: argparse.Namespace) -> None:
    problems = chosen(options.names)
    if options.noise:
        problems = [problem.with_noise(options.noise) for problem in problems]
    if options.seeds is not None:
        problems = [replace(problem, seeds=options.seeds) for problem in problems]
    for problem in problems:
        file = options.out / f"{_name(problem, options)}.json"
        old = _read(file, _about(problem, options))
        new = _tuned(problem, _variants(problem, options.only), options, old)
        found = old | new
        document = _about(problem, options) | {
            "versions": versions(),
            "algorithms": {each.name: found[each.name] for each in VARIANTS if each.name in found},
        }
        options.out.mkdir(parents=True, exist_ok=True)
        with whole_file(file) as opened:
            opened.write(_written(document).encode())
        print(table(document), flush=True)


def _about(problem: Problem, options: argparse.Namespace) -> dict[str, Any]:
    """Return what all algorithms of a file have in common."""
    return {
        "problem": problem.name,
        "overrides": list(problem.overrides),
        "gap": problem.gap,
        "samples": problem.samples,
        "cost": options.cost,
        "seeds": list(FINAL_SEEDS),
    }


def _read(file: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the algorithms that a file holds; those that are not tuned again stay in it.

    Raises:
        InputError: It is of something else.
    """
    if not file.exists():
        return {}
    document = document_in(file)
    if all(document.get(key) == value for key, value in about.items()):
        return dict(document["algorithms"])
    raise InputError(f"{file}: holds results of another game, gap or cost; give another --out")


def _tuned(
    problem: Problem,
    variants: Sequence[Variant],
    options: argparse.Namespace,
    old: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the variants at their best, searched from where an earlier search ended."""
    plays = Plays(problem, options.out / "played" / f"{_name(problem, options)}.jsonl")
    expected = sum(_USUAL_SETTINGS if each.tuned else 1 for each in variants) + len(variants)
    progress = _Progress(problem.name, expected, plays)
    found = {}
    begin = {name: entry["setting"] for name, entry in old.items()}
    for each in Tuning(problem, plays, options.cost, progress.tell, begin).tune(variants):
        found[each.name] = each.document()
        progress.tell(f"{each.name} compared")
    return found


def _written(document: dict[str, Any]) -> str:
    """Return JSON with a line for each algorithm."""
    found = document["algorithms"]
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(found[name])}" for name in found)
    others = json.dumps(document | {"algorithms": {}}, indent=1)
    return others.replace('"algorithms": {}', f'"algorithms": {{\n{lines}\n }}') + "\n"


class _Progress:
    """Says what was tried, and how long the rest may take."""

    def __init__(self, problem: str, expected: int, plays: Plays) -> None:
        self._problem = problem
        self._expected = expected
        self._plays = plays
        self._told = 0
        self._start = time.monotonic()

    def tell(self, line: str) -> None:
        self._told += 1
        left = ""
        if self._plays.played and self._told < self._expected:  # beyond that nobody knows
            each = (time.monotonic() - self._start) / self._told
            left = f", about {duration(each * (self._expected - self._told))} left"
        print(f"{self._problem} {self._told}: {line}{left}", file=sys.stderr, flush=True)


def _name(problem: Problem, options: argparse.Namespace) -> str:
    return problem.name if options.cost == "round" else f"{problem.name}_{options.cost}"


def _variants(problem: Problem, names: Sequence[str] | None) -> list[Variant]:
    """Return the variants that were asked for, those first that others begin with."""
    known = variants_of(problem)
    for name in names or ():
        if name not in {variant.name for variant in VARIANTS}:
            every = ", ".join(variant.name for variant in VARIANTS)
            raise InputError(f"--only {name}: no such algorithm, choose from {every}")
    return [each for each in known if not names or each.name in names]


def _seeds(typed: str) -> int:
    try:
        seeds = int(typed)
    except ValueError:
        seeds = 0
    if seeds < 1:
        raise argparse.ArgumentTypeError(f"{typed} must be a whole number from 1 on")
    return seeds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program_name("python scripts/tune.py"),
        description=_DESCRIPTION,
        epilog="problems: " + ", ".join(problem.name for problem in PROBLEMS),
    )
    parser.add_argument("names", metavar="PROBLEM", nargs="*", help="all if none is named")
    parser.add_argument(
        "--cost",
        choices=("round", "bytes"),
        default="round",
        help="what is to be small; with bytes, samples a round are tuned too; default round",
    )
    parser.add_argument(
        "--noise", type=float, metavar="SD", help="standard deviation of noise on every reward"
    )
    parser.add_argument(
        "--seeds", type=_seeds, metavar="N", help="on which a setting is tried; default 8 to 30"
    )
    parser.add_argument(
        "--only", action="append", metavar="ALGORITHM", help="this algorithm; may be given again"
    )
    parser.add_argument(
        "--table", type=Path, metavar="DIR", help="play nothing; print the tables of results in DIR"
    )
    parser.add_argument(
        "--picture", type=Path, metavar="DIR", help="with --table: draw them into DIR as well"
    )
    parser.add_argument("--out", type=Path, default=Path("outputs/tuned"), metavar="DIR")
    return parser
