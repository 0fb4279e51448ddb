"""MAPPO at full length in simple_spread: returns by algorithm and by how long rounds last."""

from marl_comm.paper.mpe import QUICK, QUICK_GRID, QUICK_PERIOD, World, figure_in
from marl_comm.paper.spread import RANDOM_PLAY, SCRIPTED

_WORLD = World(
    name="simple_spread",
    random_play=RANDOM_PLAY,
    scripted=SCRIPTED,
    told=(
        f"Random play has {RANDOM_PLAY:g}, a scripted policy that assigns landmarks {SCRIPTED:g} "
        "(`python -m marl_comm.paper.spread 4096`). "
    ),
    shown=(-85.0, SCRIPTED + 5),
)

_PERIODIC = (
    "paper_mpe",
    "paper_mpe_chunks",
    "paper_mpe_ceiling",
    "paper_mpe_uncalibrated",
    "paper_mpe_reuse",
    "paper_mpe_advantages",
    "paper_mpe_step_scaling",
    "paper_mpe_own_critics",
    "paper_mpe_stale",
    "paper_mpe_plain",
)
# Half as many updates of twice the data.
_LARGER = (*QUICK, "game.copies=8", "learner.minibatches=1", "game.evaluation_every=1")

FIGURE = figure_in(
    _WORLD,
    name="paper_mpe",
    number=16,
    title="MAPPO's return at full length depends on the algorithm and on how long rounds last",
    caption=(
        "JaxMARL's `simple_spread` (mpe2's world) with three agents, 1,024,000 joint steps a "
        "seed. Return of 512 evaluation episodes per seed with sampled actions, summed over the "
        "agents; higher is better. Left and middle: against joint steps, each by all three "
        "agents, and against rounds, at the longest τ (local updates per round) that all were "
        "played at, after five warm-up rounds of one local update. Lines: interquartile mean "
        "over seeds; bands: its 95 % bootstrap interval. Right: means of the last three "
        "evaluations by τ, bars: 95 % intervals; line with a grey band: full communication, the "
        "better of its two forms. Returns below -85 are cut off; the table has them. Chunks and "
        "the twin are explained in `docs/mappo.md`. Larger updates are of 16,000 "
        "joint steps in place of 3,200. Thin and grey: random play (dotted), and a scripted "
        "policy that assigns landmarks (dashed). At quick scale 8 local updates of 4 copies, to "
        "see that it runs."
    ),
    quick={
        "paper_mpe_full": QUICK,
        "paper_mpe_larger_full": (*_LARGER, "max_local_steps=4"),
        **dict.fromkeys(_PERIODIC, QUICK_PERIOD),
        "paper_mpe_larger": (*_LARGER, "max_local_steps=4"),
        "paper_mpe_adaptive": QUICK,
        "paper_mpe_longer_full": (*QUICK, "max_local_steps=10"),
        "paper_mpe_longest_full": (*_LARGER, "max_local_steps=6"),
        "paper_mpe_rates_full": QUICK_GRID,
        "paper_mpe_rates": QUICK_GRID,
        "paper_mpe_rates_plain": QUICK_GRID,
    },
)
