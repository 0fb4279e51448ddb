"""Draw the idea of the package: `python scripts/draw_idea.py --out docs/pictures`.

Two agents with two actions each learn a small common game with exact gradients, so that a joint
policy is a point in a plane. A round collects data from base policies; data are usable near them.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marl_comm.arrays import Array
from marl_comm.plots.saving import save
from marl_comm.plots.style import BLUE, RC_PARAMS, VERMILION, WIDTH

REWARDS = np.array([[0.55, 0.60], [0.0, 1.0]])  # Of the first and the second agent's actions.
START = np.array([-0.2, -1.3])  # Log-odds of the second action.
STEP_SIZE, UPDATES = 0.4, 26
USABLE = 0.6  # How far, in log-odds of both agents, a policy may be from its base.
BASES = 3  # Of one round that predicts.


@dataclass
class Story:
    """What one way of collecting data does along the path: rounds, and the bases of each."""

    rounds: list[int] = field(default_factory=list)
    bases: list[Array] = field(default_factory=list)


def probabilities(log_odds: Array) -> Array:
    """Return the probability of the second action."""
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def path() -> Array:
    """Return the log-odds after each local update of natural policy gradient, (updates + 1, 2)."""
    points = [START]
    for _ in range(UPDATES):
        first, second = probabilities(points[-1])
        slopes = [
            float((REWARDS[1] - REWARDS[0]) @ [1 - second, second]),
            float((REWARDS[:, 1] - REWARDS[:, 0]) @ [1 - first, first]),
        ]
        points.append(points[-1] + STEP_SIZE * np.array(slopes))
    return np.array(points)


def told(points: Array, predicts: bool) -> Story:
    """Return when data are used up and a round is needed, and from which bases it collects."""
    story = Story()
    for update, point in enumerate(points[:-1]):
        if story.bases and np.linalg.norm(story.bases[-1] - point, axis=1).min() <= USABLE:
            continue
        ahead = np.zeros(2)
        if predicts and update > 0:  # The first round has nothing to predict from.
            drift = point - points[update - 1]
            ahead = drift / np.linalg.norm(drift) * 1.5 * USABLE
        reach = np.arange(BASES if predicts and update > 0 else 1)
        story.rounds.append(update)
        story.bases.append(point + reach[:, None] * ahead)
    return story


def draw(panel: Axes, points: Array, story: Story, color: str, title: str) -> None:
    """Draw the path of the policy and where the data of each round are usable."""
    angles = np.linspace(0, 2 * np.pi, 60)
    rim = USABLE * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for bases in story.bases:
        latest = bases is story.bases[-1]
        for base in bases:  # As dark as the share of a round's samples that it gets.
            shape = probabilities(base + rim).T
            panel.fill(*shape, color=color, alpha=0.3 / len(bases) if latest else 0.05, linewidth=0)
            panel.plot(*shape, "-" if latest else "--", color=color, linewidth=0.5)
        predicted = probabilities(bases).T
        panel.plot(*predicted, ":", color=color, marker="D", markersize=3, linewidth=0.8)
    panel.plot(*probabilities(points).T, "-", color="0.25", marker=".", markersize=3, linewidth=0.7)
    panel.plot(
        *probabilities(points[story.rounds]).T, "o", color=color, markersize=6, fillstyle="none"
    )
    panel.set(title=title, xlim=(0.1, 0.85), ylim=(0.1, 1))
    panel.set(xlabel="probability of agent 1's second action")


def drawn() -> Figure:
    """Draw both ways side by side, and the rounds of both over local updates below."""
    points = path()
    figure = Figure(figsize=(WIDTH, 4.1), layout="constrained")
    axes = figure.subplot_mosaic("AB;CC", height_ratios=[4.5, 1])
    ways = (("importance sampling", False, VERMILION), ("base-policy prediction", True, BLUE))
    for name, (way, predicts, color), row in zip("AB", ways, (1, 0), strict=True):
        story = told(points, predicts)
        draw(axes[name], points, story, color, f"{way}: {len(story.rounds)} rounds")
        axes["C"].plot(story.rounds, [row] * len(story.rounds), "o", color=color, fillstyle="none")
    axes["A"].set_ylabel("probability of agent 2's second action")
    axes["C"].set(xlabel="local update", ylim=(-0.6, 1.6), xlim=(-0.5, UPDATES))
    axes["C"].set_yticks([1, 0], ["importance\nsampling", "prediction"])
    notes = (
        ("A", "policy after each\nlocal update", points[9], (0.5, 0.56)),
        ("A", "earlier rounds:\nkept with\nlearner.reuse", points[3] + [0.5, 0.25], (0.62, 0.3)),
        ("A", "data of the latest round\nare usable in here", points[-1] + [0.3, -0.1], (0.5, 0.7)),
        (
            "B",
            "base policies, predicted\nfrom the last update",
            told(points, True).bases[-1][1],
            (0.5, 0.7),
        ),
        (
            "B",
            "a round's samples are\nsplit over its bases",
            told(points, True).bases[1][1] + [0.45, 0],
            (0.5, 0.42),
        ),
    )
    for name, text, target, place in notes:
        axes[name].annotate(text, tuple(probabilities(target)), xytext=place,
                            arrowprops={"arrowstyle": "-", "color": "0.5"})  # fmt: skip
    figure.suptitle(
        "A round collects data; local updates use them until the policy has left them\n"
        "(an illustration: exact gradients, two agents)"
    )
    return figure


def main() -> None:
    """Write `idea.png` and `idea.pdf`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"), help="folder")
    folder = parser.parse_args().out
    with style.context(RC_PARAMS):
        save(drawn(), folder, "idea")


if __name__ == "__main__":
    main()
