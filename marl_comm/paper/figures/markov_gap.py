"""Agent-wise gap against rounds in the Markov games."""

from matplotlib.figure import Figure

from marl_comm.analysis.estimates import share
from marl_comm.analysis.interquartile import mean_of, ratio_of
from marl_comm.analysis.selection import final_gaps, only, paired_costs
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.figures.potential_gap import draw_gaps
from marl_comm.paper.rules import Evidence
from marl_comm.plots.panels import in_words
from marl_comm.plots.style import never_reached

GAMES = ("random_markov", "markov_congestion", "climbing_chain")
_COMPARED = ("base_policy_prediction", "importance_sampling")
_GAP = 0.01


def draw(configurations: Configurations) -> Figure:
    """Draw a panel for each game."""
    axes = {"round": "communication rounds", "samples": "samples (joint actions played)"}
    figure = draw_gaps(configurations, GAMES, axes, height=4.4, asked=_GAP)
    for panel in figure.axes:
        panel.set_ylim(1e-4, 60)
    for panel in figure.axes[:: len(GAMES)]:
        panel.set_ylabel("agent-wise gap (return)")
    return figure


def evidence(configurations: Configurations) -> list[Evidence]:
    """Measure the share of seeds that end at an agent-wise local maximum, nearly."""
    found = []
    for game in GAMES:
        gaps, theirs = (
            final_gaps(only(configurations, _settings(game, each))) for each in _COMPARED
        )
        arrived = gaps <= _GAP
        note = (
            f"{int(arrived.sum())} of {len(arrived)}; gap {in_words(mean_of(gaps))}; importance "
            f"sampling {int((theirs <= _GAP).sum())} of {len(theirs)}"
        )
        found.append(Evidence("markov_arrivals", game, share(arrived), note))
    return found


def finding(configurations: Configurations) -> list[str]:
    """Compare the rounds to the gap."""
    parts = []
    for game in GAMES:
        one = only(configurations, _settings(game, "base_policy_prediction"))
        other = only(configurations, _settings(game, "importance_sampling"))
        rounds, reference = paired_costs(one, other, _GAP, "round")
        parts.append(
            f"{game} {in_words(ratio_of(rounds, reference))} ({never_reached(rounds, reference)})"
        )
    return [
        f"Rounds until the agent-wise gap is first at most {_GAP:g}, prediction over importance "
        "sampling at the same trigger: " + "; ".join(parts) + ". In `markov_congestion` returns "
        "go up to 100, so this gap is relatively far smaller there."
    ]


def _settings(game: str, algorithm: str) -> dict[str, str]:
    return {"game.name": game, "algorithm.name": algorithm}


FIGURE = PaperFigure(
    name="markov_gap",
    number=3,
    title="The agent-wise gap falls with rounds and samples in three Markov games",
    experiments=("markov_gap",),
    caption=(
        "The most that one agent gains by a best response to the others, in units of return. "
        "4000 joint actions a round, trigger 0.5. Lines: interquartile mean over the seeds; bands: "
        "its 95 % bootstrap interval. Dotted: the gap of 0.01 that the claims ask about. In "
        "`random_markov` each seed is another game; in the other two seeds differ by play only."
    ),
    draw=draw,
    evidence=evidence,
    finding=finding,
    quick={"markov_gap": ("num_seeds=20",)},
)
