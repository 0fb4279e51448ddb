"""A phase diagram: rounds of prediction over importance sampling, by samples and accuracy."""

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import ratio_of
from marl_comm.analysis.selection import values_of, where
from marl_comm.paper.best import best_ratio
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.figures.fair_baseline import rounds_by_threshold
from marl_comm.plots.cells import colour_bar, draw_cells, legend_of_cells
from marl_comm.plots.panels import in_words
from marl_comm.plots.style import RC_PARAMS, WIDTH

_EQUAL = (0.5, 0.1)


def draw(configurations: Configurations) -> Figure:
    """Draw a table of ratios for each way to choose thresholds and each game."""
    games = values_of(configurations, "game.name")
    titles = [*(f"both at trigger {each:g}" for each in _EQUAL), "each at its best"]
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 0.6 + 2.7 * len(games)), layout="constrained")
        panels = figure.subplots(len(games), len(titles), sharex=False, sharey="row", squeeze=False)
        for row, game in zip(panels, games, strict=True):
            of_game = where(configurations, {"game.name": game})
            samples, epsilons, tables = tables_of(of_game)
            for panel, table, title in zip(row, tables, titles, strict=True):
                draw_cells(
                    panel,
                    table,
                    ["exact" if count is None else _short(count) for count in samples],
                    [f"{epsilon:g}" for epsilon in epsilons],
                )
                if game == games[0]:
                    panel.set_title(title)
            row[0].set_ylabel(f"{game.replace('_', ' ')}\nε: Nash gap to be reached")
        for panel in panels[-1]:
            panel.set_xlabel("samples per round")
        colour_bar(figure, list(panels.flat), "rounds, prediction over\nimportance sampling")
        legend_of_cells(
            figure, "∞, 0: only one of the two got there; -: neither, or a best at the edge"
        )
    return figure


def tables_of(
    configurations: Configurations,
) -> tuple[list[int | None], list[float], list[list[list[Estimate]]]]:
    """Return numbers of samples, gaps, and for each panel the ratios by gap and samples."""
    samples = values_of(configurations, "samples_per_round")
    thresholds = values_of(configurations, "communication.ess_threshold")
    epsilons = configurations[0].thresholds
    rounds = {
        (epsilon, count): rounds_by_threshold(configurations, epsilon, {"samples_per_round": count})
        for epsilon in epsilons
        for count in samples
    }
    tables = [
        [
            [
                ratio_of(*(side.taken[:, place] for side in rounds[epsilon, count]))
                for count in samples
            ]
            for epsilon in epsilons
        ]
        for place in map(thresholds.index, _EQUAL)
    ]
    best = [[best_ratio(*rounds[epsilon, count]) for count in samples] for epsilon in epsilons]
    return samples, epsilons, [*tables, best]


def finding(configurations: Configurations) -> list[str]:
    """Count the cells in which prediction is better, worse, or neither."""
    lines = []
    for game in values_of(configurations, "game.name"):
        samples, epsilons, tables = tables_of(where(configurations, {"game.name": game}))
        names = [*(f"both at {each:g}" for each in _EQUAL), "each at its best threshold"]
        for name, table in zip(names, tables, strict=True):
            every = [each for row in table for each in row]
            cells = [each for each in every if not np.isnan(each.value)]
            better = sum(each.high < 1 for each in cells)
            worse = sum(each.low > 1 for each in cells)
            place = [
                (row[column].value, epsilon, samples[column], row[column])
                for row, epsilon in zip(table, epsilons, strict=True)
                for column in range(len(row))
                if np.isfinite([row[column].value, row[column].low, row[column].high]).all()
            ]
            line = (
                f"`{game}`, {name}: fewer rounds in {better} of {len(every)} cells, more in "
                f"{worse}, undecided in {len(cells) - better - worse}, not to be compared in "
                f"{len(every) - len(cells)}"
            )
            if place:
                _, epsilon, count, each = min(place, key=lambda cell: cell[0])
                at = "exact gradients" if count is None else f"{count} samples a round"
                line += f"; lowest ratio {in_words(each)} at ε = {epsilon:g}, {at}"
            lines.append(f"{line}.")
    return lines


def _short(count: int) -> str:
    return f"{count // 1000}k" if count >= 1000 else str(count)


FIGURE = PaperFigure(
    name="where_it_pays",
    number=10,
    title="Prediction needs fewer rounds than importance sampling where the ratio is below 1",
    experiments=("where_it_pays", "where_it_pays_markov"),
    caption=(
        "Each cell: rounds until the Nash gap is at most ε, prediction over importance sampling "
        "(ratio of interquartile means over the seeds); below 1, in purple, prediction needs "
        "fewer. Bold: the 95 % paired bootstrap interval excludes 1. 0 or ∞: three quarters of "
        "the seeds got there with one of the two only. A dash: with neither, or, in the panels "
        "at the right, the best trigger of one of them is at the edge of what was tried, or beside "
        "one at which seeds ran out of local updates before they got there. Left "
        "and middle: both at one trigger threshold; right: each at its own best of 0.5, 0.3, "
        "0.1, 0.03, 0.01, 0.003 and 0.001. At the left of a panel few samples limit what a round "
        "is worth, at the right the distance that a policy can move from its data."
    ),
    draw=draw,
    finding=finding,
    quick={"where_it_pays": ("num_seeds=10",), "where_it_pays_markov": ("num_seeds=10",)},
)
