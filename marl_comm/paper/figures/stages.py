"""Whether errors grow over the stages of backward induction in a Markov game."""

import numpy as np
from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.interquartile import mean_of
from marl_comm.analysis.selection import final_gaps, only, values_of
from marl_comm.arrays import Array
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.text import markdown_table
from marl_comm.plots.panels import draw_estimates, in_words, legend_on_top, means_of_columns
from marl_comm.plots.style import RC_PARAMS, WIDTH, look_of, name_of

_ALGORITHMS = ("importance_sampling", "base_policy_prediction")
_SAMPLES, _STAGES = "samples_per_round", "learner.stages"


def stage_gaps(configuration: Configuration) -> Array:
    """Return the final error of each step of an episode, (seeds, steps)."""
    steps = int(configuration.config["game.horizon"])
    return np.array(
        [
            [run.metrics[f"stage_gap_{step}"][-1] for step in range(steps)]
            for run in configuration.seeds
        ]
    )


def draw(configurations: Configurations) -> Figure:
    """Draw a panel for each number of samples: the error of each step."""
    samples = values_of(configurations, _SAMPLES)
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
        panels = figure.subplots(1, len(samples), sharey=True)
        for panel, count in zip(panels, samples, strict=True):
            for algorithm in _ALGORITHMS:
                values = stage_gaps(_of(configurations, algorithm, count, "backward"))
                steps = list(range(1, values.shape[1] + 1))
                look, name = look_of(algorithm), name_of(algorithm)
                draw_estimates(panel, steps, means_of_columns(values), look, name)
            panel.set_yscale("log")
            panel.set_title(f"{count} steps of episodes a round")
            panel.set_xlabel("step of the episode (the last one learns first)")
        ticks = [0.001, 0.002, 0.005]
        panels[0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        for panel in panels:
            panel.minorticks_off()
        panels[0].set_ylabel("final gap at that step\nalone (return)")
        legend_on_top(figure)
    return figure


def finding(configurations: Configurations) -> list[str]:
    """Compare with learning all steps together, at as many local updates."""
    head = ["", "agent-wise gap, stage by stage", "together", "rounds, stage by stage", "together"]
    rows = []
    for count in values_of(configurations, _SAMPLES):
        for algorithm in _ALGORITHMS:
            sides = [
                _of(configurations, algorithm, count, stages) for stages in ("backward", "together")
            ]
            gaps = [in_words(mean_of(final_gaps(side))) for side in sides]
            rounds = [
                in_words(mean_of(np.array([float(run.summary.rounds) for run in side.seeds])))
                for side in sides
            ]
            rows.append([f"{name_of(algorithm)}, {count} a round", *gaps, *rounds])
    return [
        "After as many local updates, agent-wise gap and rounds, each step learned after the next "
        "and all steps learned together:",
        markdown_table(head, rows),
    ]


def _of(configurations: Configurations, algorithm: str, count: int, stages: str) -> Configuration:
    settings = {"algorithm.name": algorithm, _SAMPLES: count, _STAGES: stages}
    return only(configurations, settings)


FIGURE = PaperFigure(
    name="stages",
    number=26,
    title="Each step of the episode keeps an error after backward induction",
    experiments=("stages",),
    caption=(
        "`random_markov`, 6 steps, learned one after another (`learner.stages=backward`), the "
        "last step first, 100 local updates each; default trigger. For each step: the most that "
        "one agent could still gain by acting otherwise at that step alone, the later steps as "
        "they are. Lines: interquartile mean over the seeds; bands: its 95 % bootstrap interval. "
        "If errors accumulated, gaps would rise to the left."
    ),
    draw=draw,
    finding=finding,
    quick={"stages": ("num_seeds=10",)},
)
