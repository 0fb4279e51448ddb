"""MAPPO at length in SMAX: the share of battles won, against joint steps and rounds."""

from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.interquartile import mean_of
from marl_comm.analysis.return_tables import short
from marl_comm.analysis.returns import late_returns, rounds_used, samples_used
from marl_comm.paper.arms_tables import played
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.text import markdown_table
from marl_comm.plots.panels import legend_on_top, reference_line
from marl_comm.plots.returns import AXES, draw_returns
from marl_comm.plots.style import RC_PARAMS, WIDTH

WON = "won"
_AIM = 0.9


def draw(configurations: Configurations) -> Figure:
    """Draw the share of battles won against joint steps and against rounds."""
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
        panels = figure.subplots(1, len(AXES), sharey=True)
        for panel, (axis, label) in zip(panels, AXES.items(), strict=True):
            for name, arm, _, configuration in played(configurations):
                draw_returns(panel, configuration, axis, arm.look, name, outcome=WON)
            reference_line(panel, "nine in ten", y=_AIM)
            panel.set(xlabel=label, ylim=(0, 1.02))
        panels[0].set_ylabel("share of battles won")
        legend_on_top(figure)
    return figure


def finding(configurations: Configurations) -> list[str]:
    """Give the table of what was won at the end."""
    rows = []
    for name, _, _, each in played(configurations):
        measures = (
            rounds_used(each),
            samples_used(each),
            late_returns(each, WON),
            late_returns(each, WON, "greedy"),
        )
        rows.append([name, str(len(each.seeds)), *(short(mean_of(of)) for of in measures)])
    head = ["", "seeds", "rounds", "joint steps", "won, sampled", "won, greedy"]
    return [
        "Interquartile means over seeds with 95 % intervals; what was won is a mean of the last "
        "three evaluations.",
        markdown_table(head, rows),
    ]


FIGURE = PaperFigure(
    name="paper_smac",
    number=17,
    title="MAPPO comes to win most battles of SMAX's 3m",
    experiments=("paper_smac_full",),
    caption=(
        "Three marines against three that a heuristic leads. Share of 256 evaluation battles won "
        "per seed, with sampled actions, against joint steps and rounds. Lines: interquartile mean "
        "over seeds; bands: its 95 % bootstrap interval; dotted: nine in ten. Full communication "
        "only so far. At quick scale 4 local updates of 4 copies, to see that it runs."
    ),
    draw=draw,
    finding=finding,
    extra="jaxmarl",
    networks=True,
    quick={
        "paper_smac_full": (
            "num_seeds=2",
            "max_local_steps=4",
            "metrics.every=1",
            "game.evaluation_every=1",
            "game.copies=4",
            "game.evaluation_copies=4",
            "learner.epochs=1",
        ),
    },
)
