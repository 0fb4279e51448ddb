"""Finished runs as pandas tables: `marl_comm.load("outputs")`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from marl_comm.analysis.metrics import OF_ENVIRONMENTS, OF_TABLES, read_metrics
from marl_comm.analysis.runs import Run, SeedSummary, load_runs, plays_environment
from marl_comm.arrays import AnyArray
from marl_comm.errors import InputError
from marl_comm.options.extras import install_line
from marl_comm.plain_text import printable

if TYPE_CHECKING:
    import pandas as pd

_COUNTS = ("seed", "round", "local_step", "samples", "bytes_up", "bytes_down")
_OF_SEEDS = ("seed", "num_seeds")


@dataclass(frozen=True, eq=False)
class Results:
    """Finished runs as two tables, which share the columns `run` and `seed`.

    Attributes:
        runs: One row per run and seed: its settings (`game.agents`, …), its final counts and
            figures (`rounds`, `nash_gap`, …), and what it took to each gap
            (`reached.0.01.round`, …; missing where the seed did not get there).
        curves: One row per logged point, in the order of local updates: the fields of
            docs/run_directory.md.
        unfinished: One line for each run that was left out, because it is not finished.
    """

    runs: "pd.DataFrame"
    curves: "pd.DataFrame"
    unfinished: tuple[str, ...]


def load(*roots: str | Path) -> Results:
    """Read finished runs into pandas tables.

    Args:
        roots: Run directories, or directories that hold some at any depth.

    Raises:
        DamagedError: A file of a run is damaged, or does not belong to the run's others.
        InputError: There is no finished run, or pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        line = install_line("pandas", "pandas")
        raise InputError(f"marl_comm.load needs pandas, which is not installed; {line}") from error
    if not roots:
        raise InputError("marl_comm.load: name at least one directory with finished runs")
    unfinished: list[str] = []
    runs = load_runs([Path(root) for root in roots], unfinished.append)
    rows, curves = [], []
    for run in runs:
        rows += _rows(run)
        curves += [pd.DataFrame(columns) for columns in _curves(run)]
    return Results(
        pd.DataFrame(rows), pd.concat(curves, ignore_index=True), tuple(map(printable, unfinished))
    )


def _rows(run: Run) -> list[dict[str, Any]]:
    settings = {key: value for key, value in run.config.items() if key not in _OF_SEEDS}
    return [
        {"run": _name(run), "seed": each.summary.seed, **settings, **_ends(each.summary)}
        | {name: _last_known(array) for name, array in each.metrics.items() if _is_figure(name)}
        for each in run.seeds
    ]


def _ends(summary: SeedSummary) -> dict[str, Any]:
    plain = summary.model_dump(exclude={"seed", "reached"}, exclude_none=True)
    reached = {
        f"reached.{gap:g}.{count}": None if arrival is None else getattr(arrival, count)
        for gap, arrival in summary.reached.items()
        for count in _COUNTS[1:]
    }
    return {**plain, **reached}


def _is_figure(name: str) -> bool:
    return name not in _COUNTS and name not in ("value", "nash_gap")


def _last_known(array: AnyArray) -> float:
    known = array[~np.isnan(array)]
    return float(known[-1]) if len(known) else float("nan")


def _curves(run: Run) -> list[dict[str, Any]]:
    fields = OF_ENVIRONMENTS if plays_environment(run.config) else OF_TABLES._replace(further=True)
    return [
        {"run": _name(run), "seed": seed}
        | {name: _whole(name, array) for name, array in columns.items() if name != "seed"}
        for seed, columns in sorted(read_metrics(run.directory, fields).items())
    ]


def _whole(name: str, array: AnyArray) -> AnyArray:
    return array.astype(np.int64) if name in _COUNTS else array


def _name(run: Run) -> str:
    here = Path.cwd()
    inside = run.directory.is_relative_to(here)
    return str(run.directory.relative_to(here) if inside else run.directory)
