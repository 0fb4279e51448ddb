"""The games in which algorithms are compared at their best, and the gap to reach in each."""

from dataclasses import dataclass, replace

from marl_comm.errors import InputError

MOST_ROUNDS = 20  # of those that communicate rarely
LONGEST_ROUND = 1500  # local updates; longer ones are not tried
FEWEST_UPDATES = MOST_ROUNDS * 80  # of a run: all rounds of the recipe
MOST_ROUNDS_OF_ALL = 100  # of full communication


@dataclass(frozen=True)
class Problem:
    """A game and a gap.

    Attributes:
        name: Of its files.
        overrides: What makes the game, and the samples of a round.
        gap: Nash gap to reach.
        steps: Of an episode; the search begins with a step size of 20 over it.
        samples: Joint actions, or in Markov games steps, that are played in a round.
        seeds: Seeds that a setting is tried on.
        schedules: Those that are tried. To know the noise of estimates at every local update takes
            much longer than to learn, so that in large games `noise` is left out, and where
            effective sample sizes are slow as well, `adaptive`, too.
    """

    name: str
    overrides: tuple[str, ...]
    gap: float
    steps: int = 1
    samples: int = 1000
    seeds: int = 30
    schedules: tuple[str, ...] = ("periodic", "adaptive", "noise")

    @property
    def one_shot(self) -> bool:
        """Whether it is over after one joint action, so that rewards can be modelled."""
        return self.steps == 1

    @property
    def step_size(self) -> float:
        """Where the search for a step size begins."""
        return 20 / self.steps

    def with_noise(self, noise: float) -> "Problem":
        """Return the same with normal noise of that standard deviation on every reward."""
        return replace(
            self,
            name=f"{self.name}_noise_{noise:g}",
            overrides=(*self.overrides, f"game.reward_noise={noise:g}"),
        )


_WITHOUT_NOISE = ("periodic", "adaptive")


def _problem(game: str, agents: int, actions: int) -> Problem:
    overrides = (f"game={game}", f"game.agents={agents}", f"game.actions={actions}")
    problem = Problem(f"{game}_{agents}x{actions}", overrides, 0.003)
    return problem if agents < 20 else replace(problem, schedules=_WITHOUT_NOISE)


def _graph(name: str, triples: int) -> Problem:
    """0.05 / m in the reward before it is scaled to [0, 1]: the range is 1 + 0.5 (3 + triples)."""
    agents, reward_range = 20, 1 + 0.5 * (3 + triples)
    overrides = ("game=graph", f"game.agents={agents}", "game.actions=4", f"game.triples={triples}")
    gap = float(f"{0.05 / agents / reward_range:.3g}")
    return Problem(name, overrides, gap, samples=4000, schedules=_WITHOUT_NOISE)


PROBLEMS = (
    _problem("congestion", 8, 4),
    _problem("coverage", 12, 6),
    _problem("random_potential", 4, 6),
    _problem("coverage", 40, 10),
    _problem("congestion", 20, 6),
    Problem("random_markov", ("game=random_markov",), 0.01, steps=4, samples=4000),
    Problem(
        "markov_congestion",
        ("game=markov_congestion",),
        0.01,
        steps=20,
        samples=4000,
        seeds=10,
        schedules=("periodic",),
    ),
    _graph("graph_20x4_triples", 1),
    _graph("graph_20x4_pairs", 0),
)


def chosen(names: list[str]) -> list[Problem]:
    """Return the named problems, or all where none is named.

    Raises:
        InputError: There is no such problem.
    """
    known = {problem.name: problem for problem in PROBLEMS}
    for name in names:
        if name not in known:
            raise InputError(f"{name}: no such problem, choose from {', '.join(known)}")
    return [known[name] for name in names or known]
