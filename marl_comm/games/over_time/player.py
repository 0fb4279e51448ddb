"""Markov games in the training loop: episodes, exact figures, exact action values."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.experience import BasePolicies, Experience
from marl_comm.experience.estimators import pooled_divergence, renyi_divergence
from marl_comm.experience.mixture import Mixture
from marl_comm.experience.oracle import OracleExperience
from marl_comm.experience.over_time import SampledTrajectories
from marl_comm.experience.shared_buffer import action_type
from marl_comm.experience.trajectory_buffer import TrajectoryBuffer
from marl_comm.games.distance import figures_of_distance
from marl_comm.games.game import Evaluation
from marl_comm.games.over_time import dynamic_programs
from marl_comm.games.over_time.rules import MarkovGame
from marl_comm.randomness import Streams
from marl_comm.rows import Fixed, Saveable, loaded, record

Choices: TypeAlias = Callable[[int, IntArray], IntArray]
"""The joint actions, (R, E, m), of a step, counted from 0, in states (R, E)."""


class Players(Protocol):
    """Who plays, and how what was played comes together in the shared buffer."""

    def choices(self, behaviours: BasePolicies, uniform: Array) -> Choices:
        """Return what answers each step of a round's episodes. See `chosen_actions`."""

    def share(self, buffer: TrajectoryBuffer) -> TrajectoryBuffer:
        """Return what all agents together have written to the buffer."""


class PlayersHere:
    """All agents are in this process, and so is what they share."""

    def choices(self, behaviours: BasePolicies, uniform: Array) -> Choices:
        """Return what answers each step. See `chosen_actions`."""
        return chosen_actions(behaviours, uniform)

    def share(self, buffer: TrajectoryBuffer) -> TrajectoryBuffer:
        """Return what was played."""
        return buffer


@record
class MarkovFormGame(Saveable):
    """Plays a Markov game in whole episodes. Each seed has its own random streams.

    Attributes:
        players: Who plays: all agents in this process, until somebody else is put here.
    """

    players: Fixed[Players]
    _game: Fixed[MarkovGame]
    _seeds: Fixed[int]
    _reward_noise: Fixed[float]
    _samples_per_round: Fixed[int | None]
    _by_stages: Fixed[bool]
    _start: Fixed[tuple[Array, Array]]  # each seed's first policy and what that visits
    _play: Fixed[list[np.random.Generator]]
    _noise: Fixed[list[np.random.Generator]]

    def __init__(
        self,
        game: MarkovGame,
        streams: Streams,
        reward_noise: float,
        samples_per_round: int | None = None,
        *,
        by_stages: bool = False,
    ) -> None:
        """Wrap a game.

        Args:
            game: The moves and their exact expectations.
            streams: The random streams of the run's seeds, in the order of the game's rows.
            reward_noise: Standard deviation of the Gaussian noise added to observed rewards.
            samples_per_round: What distances are measured against; None leaves that out.
            by_stages: Whether the gap of each step alone is evaluated, too.
        """
        self.players = PlayersHere()
        self._game = game
        self._seeds = len(streams.seeds)
        self._reward_noise = reward_noise
        self._samples_per_round = samples_per_round
        self._by_stages = by_stages
        self.begins_at(self.initial_log_policy())
        self._play = streams.of("collect")
        self._noise = streams.of("reward_noise")

    @property
    def rules(self) -> MarkovGame:
        """The moves and their exact expectations."""
        return self._game

    def initial_log_policy(self) -> Array:
        """Return the uniform policy of every seed, (seeds, L, S, agents, actions)."""
        game = self._game
        shape = (self._seeds, game.layers, game.states, game.agents, game.actions)
        return np.full(shape, -np.log(game.actions))

    def collect(
        self, seed_rows: IntArray, behaviours: BasePolicies, samples: int | None
    ) -> Experience:
        """Play as many whole episodes as `samples` joint actions make, at least one.

        For `samples=None` promise exact action values.
        """
        if samples is None:
            return OracleExperience(seed_rows, behaviours, self)
        episodes = samples // self._game.steps
        generators = [self._play[row] for row in seed_rows]
        buffer = play_episodes(
            self._game, seed_rows, behaviours, episodes, generators, self.players
        )
        if self._reward_noise > 0:
            for position, row in enumerate(seed_rows):
                noise = self._noise[row].standard_normal(buffer.rewards.shape[1:])
                buffer.rewards[position] += (self._reward_noise * noise).astype(np.float32)
        return SampledTrajectories(self.players.share(buffer), behaviours, self._game.discount)

    def begins_at(self, policy: Array) -> None:
        """Measure distances from these policies, (seeds, L, S, agents, actions)."""
        visited = dynamic_programs.visits(self._game, np.arange(self._seeds), policy)
        self._start = policy, visited

    def restore_experience(self, state: dict[str, Any]) -> Experience:
        """Return the experience that a checkpoint holds."""
        behaviours = loaded(BasePolicies, state["behaviours"])
        if "seed_rows" in state:
            return OracleExperience(state["seed_rows"], behaviours, self)
        buffer = loaded(TrajectoryBuffer, state["buffer"])
        mixture = loaded(Mixture, state["mixture"])
        return SampledTrajectories(buffer, behaviours, self._game.discount, mixture)

    def evaluate(self, seed_rows: IntArray, log_policy: Array) -> Evaluation:
        """Return the exact value, the agent-wise gap as `nash_gap`, and the way from the start.

        That is pooled over the decisions of the first policy's episodes; see
        `dynamic_programs.decision_divergence`. Where agents have their own rewards, also the gap
        of each, `agent_gap_0`, ...
        """
        game = self._game
        values, best = dynamic_programs.values_and_best_responses(game, seed_rows, log_policy)
        gaps = dynamic_programs.agent_gaps(values, best)
        first, visits = self._start
        apart = renyi_divergence(log_policy, first[seed_rows])
        rows = len(seed_rows)
        distance = pooled_divergence(apart.reshape(rows, -1), visits[seed_rows].reshape(rows, -1))
        figures = {
            "value": values.mean(axis=-1),
            "nash_gap": gaps.max(axis=-1),
            **figures_of_distance(distance, self._samples_per_round),
        }
        if self._by_stages:
            each = self.stage_gaps(seed_rows, log_policy)
            figures |= {f"stage_gap_{step}": each[:, step] for step in range(each.shape[1])}
        if not game.common_reward:
            figures |= {f"agent_gap_{agent}": gaps[:, agent] for agent in range(game.agents)}
        return {**figures, **game.own_figures(seed_rows, log_policy)}

    def action_values(self, seed_rows: IntArray, log_policy: Array) -> Array:
        """Return the exact action values, (rows, L, S, agents, actions)."""
        return dynamic_programs.action_values(self._game, seed_rows, log_policy)

    def potential(self, seed_rows: IntArray, log_policy: Array) -> Array:
        """Return the exact value, (rows,): these games need not have a potential."""
        return np.asarray(self.evaluate(seed_rows, log_policy)["value"])

    def stage_gaps(self, seed_rows: IntArray, log_policy: Array) -> Array:
        """Return the exact gap of the one-shot games that each step is, the later ones given.

        The most that an agent gains at that step alone, on average over the states as the first
        policy meets them, (rows, L).
        """
        values = self.action_values(seed_rows, log_policy)
        regrets = (np.exp(log_policy) * (values.max(axis=-1, keepdims=True) - values)).sum(axis=-1)
        _, visits = self._start
        met = visits[seed_rows] / visits[seed_rows].sum(axis=-1, keepdims=True)
        return np.asarray((met[..., None] * regrets).sum(axis=2).max(axis=-1))

    def divergences(
        self, seed_rows: IntArray, log_policy: Array, log_bases: Array, *, single_steps: bool
    ) -> Array:
        """Return the exact divergences of decisions or of whole episodes, (rows, bases)."""
        rows, bases = log_bases.shape[:2]
        divergence_of = (
            dynamic_programs.decision_divergence
            if single_steps
            else dynamic_programs.trajectory_divergence
        )
        divergence = divergence_of(
            self._game,
            np.repeat(seed_rows, bases),
            np.repeat(log_policy, bases, axis=0),
            log_bases.reshape(rows * bases, *log_bases.shape[2:]),
        )
        return divergence.reshape(rows, bases)

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays that define the game."""
        return dict(self._game.arrays())

    def close(self) -> None:
        """Nothing is held open."""


def play_episodes(
    game: MarkovGame,
    rows: IntArray,
    behaviours: BasePolicies,
    episodes: int,
    generators: Sequence[np.random.Generator],
    players: Players | None = None,
) -> TrajectoryBuffer:
    """Play each row's episodes, the bases one after another.

    Args:
        game: What is played.
        rows: (R,), the seeds of the rows.
        behaviours: (R, bases, L, S, m, A); `samples_per_base` says how many episodes each plays.
        episodes: E, per row.
        generators: One per row.
        players: Who plays; None for all agents in this process.

    Returns:
        The buffer. In discounted games with the states after the last action.
    """
    shape = (game.steps, episodes)
    first_draw = np.stack([random.random(episodes) for random in generators])
    agents_draw = np.stack([random.random((*shape, game.agents)) for random in generators])
    chance_draw = np.stack([random.random(shape) for random in generators])

    choices = (players or PlayersHere()).choices(behaviours, agents_draw)
    start = game.initial_distribution[game.game_of_row(rows)].cumsum(axis=-1)
    state: IntArray = (first_draw[..., None] >= start[:, None, :-1]).sum(axis=-1)

    recorded = game.steps + (game.discount is not None)
    states = np.empty((len(rows), recorded, episodes), dtype=action_type(game.states))
    joint_actions = np.empty((len(rows), *shape, game.agents), dtype=action_type(game.actions))
    own_axis = () if game.common_reward else (game.agents,)
    rewards = np.empty((len(rows), *shape, *own_axis), dtype=np.float32)
    for step in range(game.steps):
        chosen = choices(step, state)
        states[:, step] = state
        joint_actions[:, step] = chosen
        rewards[:, step], state = game.move(rows, state, chosen, chance_draw[:, step])
    if recorded > game.steps:
        states[:, -1] = state
    return TrajectoryBuffer(states, joint_actions, rewards)


def chosen_actions(
    behaviours: BasePolicies, uniform: Array, agents: slice = slice(None)
) -> Choices:
    """Return what agents play, by inverting distribution functions.

    Args:
        behaviours: (R, bases, L, S, m, A); `samples_per_base` says how many episodes each plays.
        uniform: (R, T, E, chosen agents), independent draws from [0, 1).
        agents: Which of the agents.

    Returns:
        A function of a step and the states in it, (R, E), to (R, E, chosen agents).
    """
    base = behaviours.base_of_sample(uniform.shape[2])
    row = np.arange(len(uniform))[:, None]
    cumulative = np.exp(behaviours.log_policies).cumsum(axis=-1)
    cumulative /= cumulative[..., -1:]
    last_layer = cumulative.shape[2] - 1

    def choose(step: int, state: IntArray) -> IntArray:
        bounds = cumulative[row, base, min(step, last_layer), state, agents, :-1]
        return np.asarray((uniform[:, step, ..., None] >= bounds).sum(axis=-1))

    return choose
