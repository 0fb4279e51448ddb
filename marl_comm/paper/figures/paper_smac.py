"""MAPPO at length in SMAX: the share of battles won, against joint steps and rounds."""

from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.interquartile import mean_of
from marl_comm.analysis.return_tables import short
from marl_comm.analysis.returns import late_returns, rounds_used, samples_used
from marl_comm.analysis.selection import where
from marl_comm.analysis.text import number
from marl_comm.paper.arms import Arm, periods, played_alike, played_longer
from marl_comm.paper.arms_tables import played
from marl_comm.paper.figure import Configurations, PaperFigure
from marl_comm.paper.text import markdown_table
from marl_comm.plots.panels import legend_on_top, reference_line
from marl_comm.plots.returns import AXES, draw_returns
from marl_comm.plots.style import RC_PARAMS, WIDTH

WON = "won"
SCENARIO = "game.scenario"
AIMS = {"3m": 0.9, "2s3z": 0.8}
"""Scenarios, in the order of panels and tables, and the share of battles that is to be won."""


def draw(configurations: Configurations) -> Figure:
    """Draw the share of battles won against joint steps and against rounds, by scenario."""
    shown = _scenarios(configurations)
    with style.context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 0.7 + 2.1 * len(shown)), layout="constrained")
        panels = figure.subplots(len(shown), len(AXES), sharey=True, squeeze=False)
        for row, scenario in zip(panels, shown, strict=True):
            for panel, (axis, label) in zip(row, AXES.items(), strict=True):
                for name, arm, _, configuration in played(_study(configurations, scenario)):
                    draw_returns(panel, configuration, axis, arm.look, name, outcome=WON)
                reference_line(panel, "aim", y=AIMS[scenario])
                panel.set(xlabel=label, ylim=(0, 1.02))
            row[0].set_ylabel(f"{scenario}\nshare of battles won")
        legend_on_top(figure)
    return figure


def finding(configurations: Configurations) -> list[str]:
    """Give the table of what was won at the end."""
    rows = []
    for scenario in _scenarios(configurations):
        shown = [
            *((name, each) for name, _, _, each in played(_study(configurations, scenario))),
            *((f"{arm.label}, longer", each) for arm, each in _longer(configurations, scenario)),
        ]
        for name, each in shown:
            measures = (
                rounds_used(each),
                samples_used(each),
                late_returns(each, WON),
                late_returns(each, WON, "greedy"),
            )
            greedy = number(float(late_returns(each, WON, "greedy").mean()))
            found = [short(mean_of(of)) for of in measures]
            rows.append([scenario, name, str(len(each.seeds)), *found, greedy])
    head = ["", "", "seeds", "rounds", "joint steps", "won, sampled", "won, greedy", "mean, greedy"]
    return [
        "Interquartile means over seeds with 95 % intervals, and a plain mean at the end; what was "
        "won is a mean of the last three evaluations.",
        markdown_table(head, rows),
    ]


def _scenarios(configurations: Configurations) -> list[str]:
    """Return the scenarios that were played."""
    return [scenario for scenario in AIMS if _of(configurations, scenario)]


def _study(configurations: Configurations, scenario: str) -> list[Configuration]:
    """Return the runs of a scenario that are compared: of one length, where several were played."""
    there = _of(configurations, scenario)
    return played_alike(there) if periods(there) else there


def _longer(configurations: Configurations, scenario: str) -> list[tuple[Arm, Configuration]]:
    """Return the runs of full communication that are longer than those."""
    there = _of(configurations, scenario)
    return played_longer(there) if periods(there) else []


def _of(configurations: Configurations, scenario: str) -> list[Configuration]:
    """Return the runs of a scenario."""
    return where(configurations, {SCENARIO: scenario})


_QUICK = (
    "num_seeds=2",
    "max_local_steps=4",
    "metrics.every=1",
    "game.evaluation_every=1",
    "game.copies=4",
    "game.evaluation_copies=4",
    "learner.epochs=1",
)
FIGURE = PaperFigure(
    name="paper_smac",
    number=17,
    title="With full communication MAPPO comes to win most battles of SMAX's 3m and 2s3z",
    experiments=("paper_smac_full", "paper_smac", "paper_smac_longer_full", "paper_smac_2s3z_full"),
    caption=(
        "Three marines against three that a heuristic leads, and two stalkers and three zealots "
        "against as many. Share of 256 evaluation battles won per seed, with sampled actions, "
        "against joint steps and rounds. Lines: interquartile mean over seeds; bands: its 95 % "
        "bootstrap interval; dotted: what is aimed at. Rounds last 20 local updates except in "
        "full communication, which alone was played in `2s3z`. At quick scale 4 local updates of "
        "4 copies, to see that it runs."
    ),
    draw=draw,
    finding=finding,
    extra="jaxmarl",
    networks=True,
    quick={
        "paper_smac_full": _QUICK,
        "paper_smac": (*_QUICK, "communication.period=2"),
        "paper_smac_longer_full": (*_QUICK, "max_local_steps=6"),
        "paper_smac_2s3z_full": _QUICK,
    },
)
