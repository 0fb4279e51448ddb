"""How much drift keeps weights usable: weights and gradient errors against divergence."""

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.interquartile import mean_of
from marl_comm.paper.drifted import ESTIMATORS, GAMES, GRID, SAMPLES, SEEDS, drift
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.text import markdown_table
from marl_comm.plots.panels import draw_estimates, in_words, means_of_columns, reference_line
from marl_comm.plots.style import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RC_PARAMS,
    VERMILION,
    WIDTH,
    Look,
)

_LOOKS = {
    "effective sample size": Look(BLACK, "--", "s"),
    "mean weight": Look(PURPLE, "-", "D"),
    "largest weight, of their sum": Look(GREEN, ":", "v"),
    "bounded": Look(BLUE, "-", "o"),
    "self_normalised": Look(VERMILION, "-.", "^"),
    "ordinary": Look(ORANGE, (0, (5, 1, 1, 1)), "P"),
}
_REACH = float(np.log(SAMPLES) - 2)  # nats that one base serves, as logs and pages have it
_REACHED = "reach of one base, ln N - 2"
_TOLD = (1.0, 2.0, 4.0, 6.0, 8.0)  # nats


def draw(_: Configurations) -> Figure:
    """Draw the weights above, the errors of the gradient below."""
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 5.1), layout="constrained")
        panels = figure.subplots(2, len(GAMES), sharex=True, sharey="row")
        for column, game in enumerate(GAMES):
            found = drift(game)
            weights = (found.ess, found.mean_weight, found.largest_weight)
            for values, name in zip(weights, list(_LOOKS)[:3], strict=True):
                draw_estimates(
                    panels[0, column], GRID.tolist(), means_of_columns(values), _LOOKS[name], name
                )
            for name in ESTIMATORS:
                draw_estimates(
                    panels[1, column],
                    GRID.tolist(),
                    means_of_columns(found.errors[name]),
                    _LOOKS[name],
                    name.replace("_", "-"),
                )
            panels[0, column].set_title(game)
            panels[1, column].set_xlabel("divergence of the policy\nfrom its base (nats)")
            for panel, name in zip(panels[:, column], (_REACHED, ""), strict=True):
                reference_line(panel, name, x=_REACH)
                for line in panel.get_lines():
                    line.set_markevery(3)
        panels[0, 0].set_ylim(0, 1.2)
        panels[1, 0].set_yscale("log")
        panels[1, 0].set_ylim(0.02, 5)
        panels[0, 0].set_ylabel("share of samples,\nor mean weight")
        panels[1, 0].set_ylabel("error of the gradient,\nover its length")
        figure.legend(
            *panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2
        )
        figure.legend(
            *panels[1, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3
        )
    return figure


def finding(_: Configurations) -> list[str]:
    """Tell what is left at some distances."""
    head = ["", "nats", "mean weight", "largest weight", "effective sample size"]
    head += [f"error, {name}" for name in ESTIMATORS]
    rows = []
    for game in GAMES:
        found = drift(game)
        for nats in _TOLD:
            place = int(np.flatnonzero(nats == GRID)[0])
            columns = (found.mean_weight, found.largest_weight, found.ess, *found.errors.values())
            cells = [in_words(mean_of(values[:, place])) for values in columns]
            rows.append([f"`{game}`", f"{nats:g}", *cells])
    return [
        f"The reach of one base with {SAMPLES} samples is ln N - 2 = {_REACH:.3g} nats (dotted).",
        markdown_table(head, rows),
    ]


FIGURE = PaperFigure(
    name="drift",
    number=23,
    title="Weights and gradients lose their worth as a policy drifts from its base",
    experiments=(),
    caption=(
        "One round of 4000 samples in each of 40 games of default size, then exact natural "
        "policy gradient away from the policy that played it; weights and estimated gradients at "
        "every half nat of Rényi-2 divergence. Lines: interquartile mean over the games; bands: "
        "its 95 % bootstrap interval. Top: the mean weight, whose expectation is 1; the largest "
        "weight as a share of the sum of all; the effective sample size as a share of the "
        "samples. Bottom: root-mean-square error of the estimated action values, centred, over "
        "that of the exact ones: above 1 there is more error than gradient. Dotted: the distance "
        "that data of one base serve, ln N - 2 with N samples. First policies are random "
        "(log-odds with a standard deviation of 0.1), so that identical agents do not stay alike."
    ),
    draw=draw,
    finding=finding,
    seeds=f"seeds 0 to {SEEDS - 1} of three games",
    estimators=", ".join(ESTIMATORS),
)
