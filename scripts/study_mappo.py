"""Tables of MAPPO runs: `python scripts/study_mappo.py RUN_DIR ...`.

The first run is what the others are compared with, seed by seed (importance sampling, say). Returns
are summed over the agents and are those of evaluation episodes with sampled actions, which are the
same episodes for the same seed. Intervals are 95 % t-intervals over seeds.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table
from scipy.stats import t

from marl_comm.types import Array

FIGURES = ("ess", "kl", "kappa", "cosine")


def seed_figures(directory: Path) -> dict[str, Array]:
    """Return figures of a finished run by name, each (seeds,).

    `return` is the last evaluation's, `area` the mean over all evaluations, the others are means
    over the local updates on old data (all local updates where there are none).
    """
    summary = json.loads((directory / "summary.json").read_text())
    columns: dict[int, dict[str, list[float]]] = {}
    for line in (directory / "metrics.jsonl").read_text().splitlines():
        point: dict[str, Any] = json.loads(line)
        column = columns.setdefault(point["seed"], {})
        if point["evaluation_sampled_return"] is not None:
            column.setdefault("area", []).append(point["evaluation_sampled_return"])
        # A chunk played by the current policy is not old: its divergence is zero.
        if point.get("kl"):
            for name in FIGURES:
                if point.get(name) is not None:
                    column.setdefault(name, []).append(point[name])
    seeds = [seed["seed"] for seed in summary["seeds"]]
    found = {
        name: np.array([np.mean(columns[seed].get(name, [np.nan])) for seed in seeds])
        for name in ("area", *FIGURES)
    }
    found["rounds"] = np.array([seed["rounds"] for seed in summary["seeds"]])
    found["return"] = np.array([columns[seed]["area"][-1] for seed in seeds])
    return found


def interval(numbers: Array) -> str:
    """Return mean and half the width of its 95 % t-interval."""
    if np.isnan(numbers).all():
        return ""
    if len(numbers) == 1:
        return f"{numbers[0]:.3g}"
    half = t.ppf(0.975, len(numbers) - 1) * numbers.std(ddof=1) / np.sqrt(len(numbers))
    return f"{numbers.mean():.3g} ± {half:.2g}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("directories", nargs="+", type=Path)
    directories = parser.parse_args().directories
    names = ("rounds", "return", "area", *FIGURES)
    table = Table("run", *names, "return - first", "area - first")
    first = seed_figures(directories[0])
    for directory in directories:
        config = yaml.safe_load((directory / "config.yaml").read_text())
        found = seed_figures(directory)
        label = f"{config['algorithm']['name']} {config['communication'].get('period', '')}"
        differences = [interval(found[name] - first[name]) for name in ("return", "area")]
        table.add_row(label, *(interval(found[name]) for name in names), *differences)
    Console(width=190).print(table)


if __name__ == "__main__":
    main()
