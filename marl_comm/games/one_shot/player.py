"""One-shot games in the training loop: play, exact figures, exact gradients."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.experience import BasePolicies, Experience
from marl_comm.experience.estimators import renyi_divergence
from marl_comm.experience.mixture import Mixture
from marl_comm.experience.one_shot import SampledExperience
from marl_comm.experience.oracle import OracleExperience
from marl_comm.experience.shared_buffer import SharedBuffer, action_type
from marl_comm.games.distance import figures_of_distance
from marl_comm.games.game import Evaluation
from marl_comm.games.one_shot.rules import PotentialGame
from marl_comm.games.one_shot.solution import nash_gap
from marl_comm.randomness import Streams
from marl_comm.rows import Fixed, Saveable, loaded, record


class Players(Protocol):
    """Who plays, and how what was played comes together in the shared buffer."""

    def choose(self, behaviours: BasePolicies, samples: int, uniforms: Iterable[Array]) -> AnyArray:
        """Return joint actions, (rows, samples, agents). See `chosen_actions`."""

    def share(self, buffer: SharedBuffer) -> SharedBuffer:
        """Return what all agents together have written to the buffer."""


class PlayersHere:
    """All agents are in this process, and so is what they share."""

    def choose(self, behaviours: BasePolicies, samples: int, uniforms: Iterable[Array]) -> AnyArray:
        """Return joint actions. See `chosen_actions`."""
        return chosen_actions(behaviours, samples, uniforms)

    def share(self, buffer: SharedBuffer) -> SharedBuffer:
        """Return what was played."""
        return buffer


@record
class NormalFormGame(Saveable):
    """Plays a potential game once per sample. Each seed has its own random streams.

    Attributes:
        players: Who plays: all agents in this process, until somebody else is put here.
    """

    players: Fixed[Players]
    _game: Fixed[PotentialGame]
    _seeds: Fixed[int]
    _reward_noise: Fixed[float]
    _samples_per_round: Fixed[int | None]
    _start: Fixed[Array]  # each seed's first policy
    _play: Fixed[list[np.random.Generator]]
    _noise: Fixed[list[np.random.Generator]]

    def __init__(
        self,
        game: PotentialGame,
        streams: Streams,
        reward_noise: float,
        samples_per_round: int | None = None,
    ) -> None:
        """Wrap a game.

        Args:
            game: The rewards and their exact expectations.
            streams: The random streams of the run's seeds, in the order of the game's rows.
            reward_noise: Standard deviation of the Gaussian noise added to observed rewards.
            samples_per_round: What distances are measured against; None leaves that out.
        """
        self.players = PlayersHere()
        self._game = game
        self._seeds = len(streams.seeds)
        self._reward_noise = reward_noise
        self._samples_per_round = samples_per_round
        self._start = self.initial_log_policy()
        self._play = streams.of("collect")
        self._noise = streams.of("reward_noise")

    @property
    def rules(self) -> PotentialGame:
        """The rewards and their exact expectations."""
        return self._game

    def initial_log_policy(self) -> Array:
        """Return the uniform policy of every seed, (seeds, agents, actions)."""
        shape = (self._seeds, self._game.agents, self._game.actions)
        return np.full(shape, -np.log(self._game.actions))

    def collect(
        self, seed_rows: IntArray, behaviours: BasePolicies, samples: int | None
    ) -> Experience:
        """Play, or for `samples=None` promise exact marginal rewards."""
        if samples is None:
            return OracleExperience(seed_rows, behaviours, self)
        shape = (samples, self._game.agents)
        uniforms = (self._play[row].random(shape) for row in seed_rows)
        joint_actions = self.players.choose(behaviours, samples, uniforms)
        rewards = self._game.rewards(seed_rows, joint_actions)
        if self._reward_noise > 0:
            for position, row in enumerate(seed_rows):
                noise = self._noise[row].standard_normal(rewards.shape[1:])
                rewards[position] += self._reward_noise * noise
        played = SharedBuffer(joint_actions, rewards.astype(np.float32))
        return SampledExperience(self.players.share(played), behaviours)

    def begins_at(self, policy: Array) -> None:
        """Measure distances from these policies, (seeds, agents, actions)."""
        self._start = policy

    def restore_experience(self, state: dict[str, Any]) -> Experience:
        """Return the experience that a checkpoint holds."""
        behaviours = loaded(BasePolicies, state["behaviours"])
        if "seed_rows" in state:
            return OracleExperience(state["seed_rows"], behaviours, self)
        buffer, mixture = loaded(SharedBuffer, state["buffer"]), loaded(Mixture, state["mixture"])
        return SampledExperience(buffer, behaviours, mixture)

    def evaluate(self, seed_rows: IntArray, log_policy: Array) -> Evaluation:
        """Return the exact value and Nash gap, and the distance from the start."""
        marginal_rewards = self._game.marginal_rewards(seed_rows, log_policy)
        own_values = (np.exp(log_policy) * marginal_rewards).sum(axis=-1)
        distance = renyi_divergence(log_policy, self._start[seed_rows])
        return {
            "value": own_values.mean(axis=-1),
            "nash_gap": nash_gap(marginal_rewards, log_policy),
            **figures_of_distance(distance, self._samples_per_round),
        }

    def action_values(self, seed_rows: IntArray, log_policy: Array) -> Array:
        """Return the exact marginal rewards, (rows, agents, actions)."""
        return self._game.marginal_rewards(seed_rows, log_policy)

    def potential(self, seed_rows: IntArray, log_policy: Array) -> Array:
        """Return the exact potential, (rows,)."""
        return self._game.potential(seed_rows, log_policy)

    def divergences(
        self, seed_rows: IntArray, log_policy: Array, log_bases: Array, *, single_steps: bool
    ) -> Array:
        """Return the exact divergences of product policies, (rows, bases)."""
        return renyi_divergence(log_policy[:, None], log_bases)

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays that define the game."""
        return dict(self._game.arrays())

    def close(self) -> None:
        """Nothing is held open."""


def sample_joint_actions(
    behaviours: BasePolicies, samples: int, generators: Sequence[np.random.Generator]
) -> AnyArray:
    """Draw each row's samples, the bases one after another, by inverting distribution functions.

    Args:
        behaviours: The policies to play; `samples_per_base` says how often each.
        samples: Samples per row.
        generators: One per row.

    Returns:
        (rows, samples, agents), the smallest unsigned type that holds an action.
    """
    shape = (samples, behaviours.log_policies.shape[-2])
    return chosen_actions(behaviours, samples, (random.random(shape) for random in generators))


def chosen_actions(
    behaviours: BasePolicies,
    samples: int,
    uniforms: Iterable[Array],
    agents: slice = slice(None),
) -> AnyArray:
    """Return what agents play, the bases one after another, by inverting distribution functions.

    Args:
        behaviours: The policies to play; `samples_per_base` says how often each.
        samples: Samples per row.
        uniforms: (samples, chosen agents) for each row, independent draws from [0, 1).
        agents: Which of the agents.

    Returns:
        (rows, samples, chosen agents), the smallest unsigned type that holds an action.
    """
    rows, _, _, actions = behaviours.log_policies.shape
    cumulative = np.cumsum(np.exp(behaviours.log_policies), axis=-1)
    cumulative /= cumulative[..., -1:]
    cumulative = cumulative[..., agents, :]
    chosen = np.zeros((rows, samples, cumulative.shape[-2]), dtype=action_type(actions))
    shares = behaviours.samples_per_base(samples)
    for row, uniform in enumerate(uniforms):
        start = 0
        for base, share in enumerate(shares[row, : behaviours.count[row]]):
            part = slice(start, start + share)
            for action in range(actions - 1):
                chosen[row, part] += uniform[part] >= cumulative[row, base, :, action]
            start += share
    return chosen
