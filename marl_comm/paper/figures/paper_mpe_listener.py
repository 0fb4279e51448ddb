"""MAPPO at full length where one agent speaks and one moves: returns by algorithm."""

from marl_comm.paper.listener import DEAF
from marl_comm.paper.mpe import QUICK, QUICK_GRID, QUICK_PERIOD, World, figure_in

_WORLD = World(
    name="simple_speaker_listener",
    random_play=None,
    scripted=None,
    told=(
        f"A listener that hears nothing and goes to the middle of the landmarks has {DEAF:g} "
        "(`python -m marl_comm.paper.listener 4096`). "
    ),
    shown=(-90.0, -5.0),
    ending="_listener",
)

FIGURE = figure_in(
    _WORLD,
    name="paper_mpe_listener",
    number=27,
    title="A speaker and a listener learn in a fifteenth of the rounds, with prediction or without",
    caption=(
        "JaxMARL's `simple_speaker_listener` (one agent sees the goal and speaks, the other moves "
        "and hears), 1,024,000 joint steps a seed. Axes and lines as in `paper_mpe`; dotted: "
        "policies before they learn."
    ),
    quick={
        "paper_mpe_listener_full": QUICK,
        "paper_mpe_listener": QUICK_PERIOD,
        "paper_mpe_rates_listener_full": QUICK_GRID,
        "paper_mpe_rates_listener": QUICK_GRID,
    },
)
