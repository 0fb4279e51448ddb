"""How old the data get within a round: the round in which learning happens, update by update."""

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.interquartile import difference_of, mean_of, ratio_of
from marl_comm.analysis.runs import SeedRun
from marl_comm.analysis.selection import of_the_same_seeds, only
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.rules import Evidence
from marl_comm.paper.text import markdown_table
from marl_comm.plots.panels import (
    draw_estimates,
    in_words,
    legend_on_top,
    means_of_columns,
    reference_line,
)
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of, name_of

GAMES = ("coverage", "congestion", "random_potential")
NOISES = (0.0, 0.1)
_ALGORITHMS = ("importance_sampling", "base_policy_prediction")
_ASKED = 20  # local updates without a round, as in the claims
_NATS = 2.0  # distance, as in the claims


def main_round(run: SeedRun, updates: int) -> int:
    """Return the round, after the first, in which the policy gets furthest from its only base.

    Args:
        run: A seed of importance sampling with every local update logged.
        updates: Only rounds that lasted at least so long are looked at.
    """
    rounds = run.metrics["round"]
    furthest = {
        int(number): float(run.metrics["divergence"][rounds == number].max())
        for number in np.unique(rounds[rounds >= 2])
        if (rounds == number).sum() >= updates
    }
    return max(furthest, key=lambda number: furthest[number])


def profiles(configuration: Configuration, rounds: list[int], field: str) -> Array:
    """Return a figure after 0, 1, ... local updates of one round of each seed, (seeds, updates).

    Args:
        configuration: Whose seeds; every local update logged.
        rounds: Which round of each.
        field: "divergence" or "ess"; a logged point has that of the data its update used.
    """
    period = int(configuration.config["communication.period"])
    return np.stack(
        [
            run.metrics[field][run.metrics["round"] == number][:period]
            for run, number in zip(configuration.seeds, rounds, strict=True)
        ]
    )


class Round:
    """Both algorithms in the round in which importance sampling moves most, seed by seed.

    Attributes:
        moved: (seeds, updates), how far importance sampling is from the policy it began with.
        ess: For each algorithm, (seeds, updates).
        divergence: For each algorithm, from its nearest base, (seeds, updates).
    """

    def __init__(self, configurations: Configurations, game: str, noise: float) -> None:
        """Find the rounds of a game."""
        sides = [
            only(
                configurations,
                {"game.name": game, "game.reward_noise": noise, "algorithm.name": algorithm},
            )
            for algorithm in _ALGORITHMS
        ]
        of_the_same_seeds(sides)
        period = int(sides[0].config["communication.period"])
        rounds = [main_round(run, period) for run in sides[0].seeds]
        self.ess = [profiles(side, rounds, "ess") for side in sides]
        self.divergence = [profiles(side, rounds, "divergence") for side in sides]
        self.moved = self.divergence[0]

    def ess_at_distance(self, nats: float) -> list[Array]:
        """Return both effective sample sizes where importance sampling is so far, (seeds,) each.

        A seed that never gets there counts where it is furthest.
        """
        reached = self.moved >= nats
        place = np.where(reached.any(axis=1), reached.argmax(axis=1), self.moved.argmax(axis=1))
        seeds = np.arange(len(place))
        return [ess[seeds, place] for ess in self.ess]


def draw(configurations: Configurations) -> Figure:
    """Draw divergence and effective sample size by update, and the latter by distance."""
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 6.4), layout="constrained")
        panels = figure.subplots(3, len(GAMES), sharex="row", sharey="row")
        for column, game in enumerate(GAMES):
            each = Round(configurations, game, 0.0)
            moved = [estimate.value for estimate in means_of_columns(each.moved)]
            updates = list(range(each.moved.shape[1]))
            for side, algorithm in enumerate(_ALGORITHMS):
                drawn = (
                    (panels[0, column], updates, each.divergence[side]),
                    (panels[1, column], updates, each.ess[side]),
                    (panels[2, column], moved, each.ess[side]),
                )
                for panel, positions, values in drawn:
                    estimates = means_of_columns(values)
                    look, name = look_of(algorithm), name_of(algorithm)
                    draw_estimates(panel, positions, estimates, look, name)
            panels[0, column].set_title(game.replace("_", " "))
            for panel in panels[:2, column]:
                panel.set_xlabel("local updates since the round")
            panels[2, column].set_xlabel("nats moved by\nimportance sampling")
        panels[0, 0].set_ylim(bottom=0)
        panels[0, 0].set_ylabel("divergence from the\nnearest base (nats)")
        for row, asked in ((0, _ASKED), (1, _ASKED), (2, _NATS)):
            for panel in panels[row]:
                reference_line(panel, "where the claims ask", x=asked)
        for row in (1, 2):
            panels[row, 0].set_ylim(0, 1.02)
            panels[row, 0].set_ylabel("effective sample size\n(share of samples)")
        for panel in panels.flat:
            for line in panel.get_lines():
                line.set_markevery(4)
        legend_on_top(figure)
    return figure


def evidence(configurations: Configurations) -> list[Evidence]:
    """Measure divergence and effective sample size after 20 local updates and at 2 nats."""
    found = []
    for noise in NOISES:
        for game in GAMES:
            each = Round(configurations, game, noise)
            setting = f"{game}, reward noise {noise:g}" if noise else game
            ess, theirs = (values[:, _ASKED] for values in each.ess)
            distance, their_distance = (values[:, _ASKED] for values in each.divergence)
            at_distance, theirs_at_distance = each.ess_at_distance(_NATS)
            short = int((each.moved.max(axis=1) < _NATS).sum())
            note = f"{short} of {len(ess)} never move {_NATS:g} nats" if short else ""
            found += [
                Evidence("instability_ess", setting, mean_of(ess)),
                Evidence("shrink_divergence", setting, ratio_of(their_distance, distance)),
                Evidence("shrink_ess", setting, difference_of(theirs, ess)),
                Evidence(
                    "shrink_ess_at_distance",
                    setting,
                    difference_of(theirs_at_distance, at_distance),
                    note,
                ),
            ]
    return found


def finding(configurations: Configurations) -> list[str]:
    """Say what the data are worth, without noise in the rewards and with it."""
    head = ["", "moved (nats)", *(name_of(each) for each in _ALGORITHMS)]
    rows = []
    for noise in NOISES:
        for game in GAMES:
            each = Round(configurations, game, noise)
            rows.append(
                [
                    f"`{game}`, reward noise {noise:g}",
                    in_words(mean_of(each.moved[:, _ASKED])),
                    *(in_words(mean_of(values[:, _ASKED])) for values in each.ess),
                ]
            )
    return [
        f"Effective sample size after {_ASKED} local updates of that round:",
        markdown_table(head, rows),
    ]


FIGURE = PaperFigure(
    name="staleness",
    number=4,
    title="Old data lose their worth in the round in which most is learned",
    experiments=("staleness",),
    caption=(
        "A round every 25 local updates, 4000 samples each. For each seed the round, after the "
        "first, in which importance sampling moves furthest, and the same round of prediction. "
        "Lines: interquartile mean over the seeds; bands: its 95 % bootstrap interval. Top: "
        "Rényi-2 divergence of the current policy from the nearest base policy. Middle: "
        "effective sample size. Bottom: the same against how far importance sampling has moved "
        "since the round. Dotted: the 20 local updates, and the 2 nats, that the claims ask "
        "about. Prediction may begin lower because its samples are spread over the predicted "
        "path."
    ),
    draw=draw,
    evidence=evidence,
    finding=finding,
    quick={"staleness": ("num_seeds=20",)},
)
