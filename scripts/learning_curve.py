"""Learning curve of a MAPPO run: `python scripts/learning_curve.py RUN_DIR --out FOLDER`.

Returns of evaluation episodes, summed over the agents, over joint environment steps: mean of the
seeds, and as a band their range.
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from marl_comm.analysis.metrics import OF_ENVIRONMENTS, read_metrics
from marl_comm.arrays import Array
from marl_comm.plots.saving import save
from marl_comm.plots.style import BLUE, ORANGE, RC_PARAMS

KINDS = {"sampled": (BLUE, "-", "o"), "greedy": (ORANGE, "--", "s")}


def curves(directory: Path) -> tuple[Array, dict[str, Array]]:
    """Return joint steps at the evaluations, (points,), and returns by kind, (seeds, points)."""
    seeds = list(read_metrics(directory, OF_ENVIRONMENTS).values())
    evaluated = ~np.isnan(seeds[0]["evaluation_sampled_return"])
    return seeds[0]["samples"][evaluated], {
        kind: np.array([seed[f"evaluation_{kind}_return"][evaluated] for seed in seeds])
        for kind in KINDS
    }


def drawn(directory: Path, target: float | None, lowest: float | None) -> Figure:
    """Draw both kinds of evaluation; a horizontal line at `target`, the axis from `lowest` up."""
    steps, returns = curves(directory)
    figure = Figure(figsize=(4.6, 3.0), layout="constrained")
    panel = figure.subplots()
    for kind, (color, linestyle, marker) in KINDS.items():
        numbers, thousands = returns[kind], steps / 1000
        label = f"{kind} actions"
        panel.plot(thousands, numbers.mean(axis=0), linestyle, color=color, marker=marker,
                   markersize=2.5, label=label)  # fmt: skip
        panel.fill_between(
            thousands, numbers.min(axis=0), numbers.max(axis=0), color=color, alpha=0.18, lw=0
        )
    if target is not None:
        panel.axhline(target, color="0.4", linewidth=0.8, linestyle=":")
        panel.annotate(f"{target:g}", (0, target), xytext=(2, 2), textcoords="offset points")
    panel.set(xlabel="joint environment steps of each seed (thousands)", xlim=(0, None))
    panel.set(ylabel="return, summed over the agents", ylim=(lowest, None))
    panel.legend(loc="lower right", title=f"mean and range of {len(numbers)} seeds")
    return figure


def main() -> None:
    """Write `NAME.png` and `NAME.pdf`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("directory", type=Path, help="a finished run of an environment")
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the pictures")
    parser.add_argument("--name", default="learning_curve", help="of the pictures")
    parser.add_argument("--target", type=float, help="a return to mark")
    parser.add_argument("--lowest", type=float, help="where the axis of returns begins")
    arguments = parser.parse_args()
    with mpl.rc_context(RC_PARAMS):
        figure = drawn(arguments.directory, arguments.target, arguments.lowest)
    save(figure, arguments.out, arguments.name, dpi=150)


if __name__ == "__main__":
    main()
