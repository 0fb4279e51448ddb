"""How old the data get within a round: divergence and effective sample size, update by update."""

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.interquartile import difference_of, mean_of, ratio_of
from marl_comm.analysis.runs import SeedRun
from marl_comm.analysis.selection import only
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.rules import Evidence
from marl_comm.plots.panels import draw_estimates, in_words, legend_on_top, means_of_columns
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of, name_of

GAMES = ("coverage", "congestion", "random_potential")
_ALGORITHMS = ("importance_sampling", "base_policy_prediction")
_ASKED = 20  # local updates without a round, as in the claims


def profile(run: SeedRun, field: str, updates: int) -> Array:
    """Return a figure after 0, 1, ... local updates since the latest round, (updates,).

    The mean over the seed's rounds after the first that lasted at least so long.

    Args:
        run: A seed with every local update logged.
        field: "divergence" or "ess"; a logged point has that of the data its update used.
        updates: How many local updates to follow.
    """
    rounds = run.metrics["round"]
    found = [run.metrics[field][rounds == number] for number in np.unique(rounds[rounds >= 2])]
    complete = [values[:updates] for values in found if len(values) >= updates]
    return np.asarray(np.mean(complete, axis=0))


def profiles(configuration: Configuration, field: str) -> Array:
    """Return every seed's profile, (seeds, updates)."""
    period = int(configuration.config["communication.period"])
    return np.stack([profile(run, field, period) for run in configuration.seeds])


def draw(configurations: Configurations) -> Figure:
    """Draw divergence and effective sample size in each game."""
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
        panels = figure.subplots(2, len(GAMES), sharex=True, sharey="row")
        for column, game in enumerate(GAMES):
            for algorithm in _ALGORITHMS:
                configuration = _of(configurations, game, algorithm)
                for row, field in enumerate(("divergence", "ess")):
                    values = profiles(configuration, field)
                    panel = panels[row, column]
                    draw_estimates(
                        panel,
                        range(values.shape[1]),
                        means_of_columns(values),
                        look_of(algorithm),
                        name_of(algorithm),
                    )
            panels[0, column].set_title(game.replace("_", " "))
            panels[1, column].set_xlabel("local updates since the round")
            panels[1, column].set_ylim(0, 1.02)
        panels[0, 0].set_ylim(bottom=0)
        panels[0, 0].set_ylabel("divergence from the\nnearest base (nats)")
        panels[1, 0].set_ylabel("effective sample size\n(share of samples)")
        for panel in panels.flat:
            panel.axvline(_ASKED, color="#8C8C8C", lw=0.7, ls=(0, (1, 2)))
            for line in panel.get_lines():
                line.set_markevery(4)
        legend_on_top(figure, panels[0, 0])
    return figure


def evidence(configurations: Configurations) -> list[Evidence]:
    """Measure divergence and effective sample size after 20 local updates."""
    found = []
    for game in GAMES:
        sides = [_of(configurations, game, algorithm) for algorithm in _ALGORITHMS]
        (ess, their_ess), (distance, their_distance) = (
            [profiles(side, field)[:, _ASKED] for side in sides] for field in ("ess", "divergence")
        )
        found += [
            Evidence("instability_ess", game, mean_of(ess)),
            Evidence("shrink_divergence", game, ratio_of(their_distance, distance)),
            Evidence("shrink_ess", game, difference_of(their_ess, ess)),
        ]
    return found


def finding(configurations: Configurations) -> list[str]:
    """Say what the data are worth after 20 local updates."""
    parts = []
    for game in GAMES:
        values = [
            in_words(mean_of(profiles(_of(configurations, game, algorithm), "ess")[:, _ASKED]))
            for algorithm in _ALGORITHMS
        ]
        parts.append(f"{game} {values[0]} and {values[1]}")
    return [
        f"Effective sample size after {_ASKED} local updates, importance sampling and prediction: "
        + "; ".join(parts)
        + "."
    ]


def _of(configurations: Configurations, game: str, algorithm: str) -> Configuration:
    return only(configurations, {"game.name": game, "algorithm.name": algorithm})


FIGURE = PaperFigure(
    name="staleness",
    number=4,
    title="How old the data get within a communication round",
    experiments=("staleness",),
    caption=(
        "A round every 25 local updates, 4000 samples each; the mean over a seed's second to "
        "eighth round. Lines: interquartile mean over the seeds; bands: its 95 % bootstrap "
        "interval. Top: Rényi-2 divergence of the current policy from the nearest base policy. "
        "Dotted: the 20 local updates that the claims "
        "ask about. Prediction begins lower in effective sample size because its samples are "
        "spread over the predicted path."
    ),
    draw=draw,
    evidence=evidence,
    finding=finding,
    quick={"staleness": ("num_seeds=20",)},
)
