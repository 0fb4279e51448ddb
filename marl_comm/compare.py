"""The command that compares runs: tables and a picture.

python -m marl_comm.compare outputs/2026-01-01 --out outputs/comparison
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from marl_comm.analysis.configurations import Configuration, inequality, pool
from marl_comm.analysis.distance_table import distance_table
from marl_comm.analysis.export import FORMATS
from marl_comm.analysis.pairs import pair_with_reference
from marl_comm.analysis.return_tables import difference_table, return_table
from marl_comm.analysis.returns import RETURN, outcomes
from marl_comm.analysis.runs import load_runs
from marl_comm.analysis.sheets import print_sheet
from marl_comm.analysis.tables import cost_table, ratio_table
from marl_comm.command_line.arguments import Parser
from marl_comm.command_line.exits import ended, report
from marl_comm.command_line.program import program_name
from marl_comm.errors import InputError
from marl_comm.plain_text import printable
from marl_comm.plots import gap, returns
from marl_comm.plots.saving import save_beside
from marl_comm.storage.files import whole_file

_DEFAULT_REFERENCE = "importance_sampling"
# A pipe or file has no width of its own: lines there are as long as the table needs.
_WIDTH_OF_FILES = 1_000
_DESCRIPTION = """\
Compare finished runs: how many communication rounds, local updates, samples and bytes each
configuration needed to reach each Nash gap, and the ratio to a reference, paired by seed.
Also how far policies moved, and how many rounds importance sampling needs for that distance.
Draws the Nash gap against rounds and against samples (nash_gap.png, nash_gap.pdf). Runs in
environments have no Nash gap: compares and draws their returns, and how old the data were
(return.png).
"""
_EPILOG = """\
Runs that differ only in seed, num_seeds and logger are pooled. A run without summary.json is
unfinished: it is named on stderr and left out. Exit code 2: the input cannot be compared.

examples:
  {program} outputs
  {program} outputs --csv tables.csv --latex tables.tex
  {program} outputs/full outputs/bpp --reference full_communication
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, or 2 for bad input."""
    try:
        options = _parser().parse_args(arguments)
        exports = {name: getattr(options, name) for name in FORMATS if getattr(options, name)}
        compare(options.directories, options.out, options.reference, options.outcome, exports)
    except (Exception, KeyboardInterrupt) as error:
        return report(error)
    return 0


def compare(
    directories: Sequence[Path],
    out: Path,
    reference: str | None = None,
    outcome: str = RETURN,
    exports: Mapping[str, Path] | None = None,
) -> None:
    """Print the tables of all finished runs in some directories and write the picture.

    No file is overwritten: another picture gets a number in its name.

    Args:
        directories: Run directories, or directories that hold them at any depth.
        out: Where the pictures go; made if needed.
        reference: Algorithm name or label of what the ratios are relative to; by default
            importance sampling where it is among the runs.
        outcome: Of episodes in environments: the return, or another such as `won`.
        exports: Files for the tables, by format: csv, json, latex.

    Raises:
        InputError: Nothing to compare, unreadable runs, an unknown reference or outcome, or an
            export that would overwrite a file.
        OutputError: The picture or an export cannot be written.
    """
    for name, file in (exports or {}).items():
        if os.path.lexists(file):
            raise InputError(f"--{name} {file}: is there already, name a new file")
    configurations = pool(load_runs(directories, _tell), _tell)
    in_environments = _in_environments(configurations)
    names = [name for each in configurations for name in (each.algorithm, each.label)]
    if reference is not None and reference not in names:
        allowed = ", ".join(dict.fromkeys(names))
        raise InputError(f"--reference {reference} is not among the runs: choose from {allowed}")
    _refuse_unknown_outcome(outcome, configurations if in_environments else ())
    if (warning := inequality(configurations)) is not None:
        _tell(f"warning: {warning}")
    console = Console(
        width=None if sys.stdout.isatty() else _WIDTH_OF_FILES,
        markup=False,
        highlight=False,
        emoji=False,
    )
    sheets = [
        return_table(configurations, outcome) if in_environments else cost_table(configurations)
    ]
    if (reference or _DEFAULT_REFERENCE) in names:
        pairings = pair_with_reference(configurations, reference or _DEFAULT_REFERENCE, _tell)
        if pairings and in_environments:
            sheets.append(difference_table(pairings, outcome))
        elif pairings:
            sheets.append(ratio_table(pairings))
    elif len(configurations) > 1:
        _tell(f"no ratios: {_DEFAULT_REFERENCE} is not among the runs, name another --reference")
    if (distances := distance_table(configurations)) is not None:
        sheets.append(distances)
    for sheet in sheets:
        print_sheet(console, sheet)
    for format_name, file in (exports or {}).items():
        with whole_file(file) as stream:
            stream.write(FORMATS[format_name](sheets).encode())
        console.print(f"{format_name}: {file}", soft_wrap=True)
    if in_environments:
        picture, name = returns.draw(configurations, outcome), outcome
    else:
        picture, name = gap.draw(configurations), "nash_gap"
    for path in save_beside(picture, out, name):
        console.print(f"picture: {path}", soft_wrap=True)


def _refuse_unknown_outcome(outcome: str, configurations: Sequence[Configuration]) -> None:
    """Raise InputError where evaluations do not tell of an outcome; tabular games have none."""
    known = [outcomes(each) for each in configurations]
    if outcome != RETURN and not all(outcome in names for names in known or [[]]):
        common = [name for name in (known or [[]])[0] if all(name in names for names in known)]
        allowed = ", ".join(common) if common else "none, as it is of evaluations in environments"
        raise InputError(
            f"--outcome {outcome} is not in all of the runs: allowed here is {allowed}"
        )


def _in_environments(configurations: Sequence[Configuration]) -> bool:
    """Return whether the runs are of environments; refuse a mixture, which cannot be compared."""
    kinds = {each.plays_environment: each.config["game.name"] for each in configurations}
    if len(kinds) > 1:
        raise InputError(
            f"cannot compare {kinds[False]}, which has a Nash gap, with {kinds[True]}, which has "
            "returns only: name run directories of one kind"
        )
    return True in kinds


def _parser() -> Parser:
    program = program_name("python -m marl_comm.compare")
    parser = Parser(
        prog=program,
        description=_DESCRIPTION,
        epilog=_EPILOG.format(program=program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "directories",
        metavar="DIR",
        nargs="+",
        type=Path,
        help="a run directory, or a directory that holds some at any depth",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=Path("outputs/comparison"),
        help="where the pictures go (default: %(default)s)",
    )
    parser.add_argument(
        "--reference",
        metavar="NAME",
        help="algorithm, or whole label as printed in the table, that the ratios are relative to "
        f"(default: {_DEFAULT_REFERENCE}, if it is among the runs)",
    )
    for name in FORMATS:
        parser.add_argument(
            f"--{name}", metavar="FILE", type=Path, help=f"also write the tables as {name}"
        )
    parser.add_argument(
        "--outcome",
        metavar="NAME",
        default=RETURN,
        help="what to compare of evaluation episodes: return, or in SMAX won, the share of battles "
        "won (default: %(default)s)",
    )
    return parser


def _tell(line: str) -> None:
    print(printable(line), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(ended(main()))
