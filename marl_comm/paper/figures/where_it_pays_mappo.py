"""Where prediction pays for MAPPO: its KL over the unpredicted one, by batch and momentum."""

import numpy as np
from matplotlib import colormaps, style
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import mean_of, ratio_of
from marl_comm.analysis.selection import where
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.plots.cells import colour_bar, draw_cells, legend_of_cells
from marl_comm.plots.panels import in_words
from marl_comm.plots.style import RC_PARAMS, WIDTH


def means(configuration: Configuration, field: str) -> Array:
    """Return each seed's mean of a figure over the local updates with predicted bases, (seeds,)."""
    found = []
    for run in configuration.seeds:
        predicted = ~np.isnan(run.metrics["kl_unpredicted"])
        found.append(run.metrics[field][predicted].mean())
    return np.array(found)


def tables_of(
    configurations: Configurations,
) -> tuple[list[int], list[float], list[list[Estimate]], list[list[Estimate]]]:
    """Return copies and β₁, both ascending, and by β₁ and copies the ratio of KL, and κ."""
    copies = sorted({int(each.config["game.copies"]) for each in configurations})
    betas = sorted({float(each.config["learner.betas"][0]) for each in configurations})
    ratios, shares = [], []
    for beta in betas:
        cells = [_cell(configurations, count, beta) for count in copies]
        ratios.append(
            [ratio_of(means(each, "kl"), means(each, "kl_unpredicted")) for each in cells]
        )
        shares.append([mean_of(means(each, "kappa")) for each in cells])
    return copies, betas, ratios, shares


def draw(configurations: Configurations) -> Figure:
    """Draw a table of ratios and one of the trusted shares."""
    copies, betas, ratios, shares = tables_of(configurations)
    columns = [f"{count}\n({_steps(configurations, count):,})" for count in copies]
    rows = [f"{beta:g}" for beta in betas]
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        greys, whole = colormaps["Greys"], Normalize(0, 1.2)
        draw_cells(left, ratios, columns, rows)
        draw_cells(right, shares, columns, rows, colors=greys, norm=whole, neutral=np.nan)
        colour_bar(figure, [left], "KL to the base policies,\nwith prediction over without")
        ticks = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
        share = "trusted share κ\nof the predicted way"
        colour_bar(figure, [right], share, ticks, colors=greys, norm=whole)
        legend_of_cells(figure)
        left.set_ylabel("β₁ (Adam's momentum)")
        for panel in (left, right):
            panel.set_xlabel("copies of the environment\n(joint steps per local update)")
    return figure


def finding(configurations: Configurations) -> list[str]:
    """List the ratios, and count."""
    copies, betas, ratios, _ = tables_of(configurations)
    cells = [each for row in ratios for each in row]
    better, worse = sum(each.high < 1 for each in cells), sum(each.low > 1 for each in cells)
    parts = [
        f"β₁ = {beta:g}, {count} copies: {in_words(each)}"
        for beta, row in zip(betas, ratios, strict=True)
        for count, each in zip(copies, row, strict=True)
    ]
    return [
        f"Prediction brings bases closer in {better} of {len(cells)} cells, takes them further "
        f"away in {worse}, undecided in {len(cells) - better - worse}. {'; '.join(parts)}."
    ]


def _cell(configurations: Configurations, copies: int, beta: float) -> Configuration:
    (found,) = (
        each
        for each in where(configurations, {"game.copies": copies})
        if each.config["learner.betas"][0] == beta
    )
    return found


def _steps(configurations: Configurations, copies: int) -> int:
    (config, *_) = (each.config for each in where(configurations, {"game.copies": copies}))
    return copies * int(config["game.steps"])


FIGURE = PaperFigure(
    name="where_it_pays_mappo",
    number=15,
    title="Prediction brings MAPPO's base policies closer where the ratio is below 1",
    experiments=("where_it_pays_mappo",),
    caption=(
        "Left: mean divergence of the current policy from the base policies that prediction "
        "placed, over that from the policy at the round's start, on the same local updates of the "
        "same runs (ratio of interquartile means over the seeds); below 1, in purple, prediction "
        "brings bases closer. Bold: the 95 % paired bootstrap interval excludes 1 (with fewer "
        "than six seeds there is no interval). Right: how far along the predicted way calibration "
        "went, which is never so far that the base diverges from the round's start by more than "
        "half of the usual drift. `simple_spread`, predictable regime, 40 local updates, τ = 10 "
        "after ten warm-up rounds. Upwards less momentum, to the right larger batches, and so less "
        "noise in a step."
    ),
    draw=draw,
    finding=finding,
    quick={
        "where_it_pays_mappo": ('hydra.sweeper.params={game.copies:"8,32"}', "num_seeds=4"),
    },
)
