"""One-shot games in the training loop: play, exact figures, exact gradients."""

from collections.abc import Sequence
from typing import Any

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


@record
class NormalFormGame(Saveable):
    """Plays a potential game once per sample. Each seed has its own random streams."""

    _game: Fixed[PotentialGame]
    _seeds: Fixed[int]
    _reward_noise: Fixed[float]
    _samples_per_round: Fixed[int | None]
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
        self._game = game
        self._seeds = len(streams.seeds)
        self._reward_noise = reward_noise
        self._samples_per_round = samples_per_round
        self._play = streams.of("collect")
        self._noise = streams.of("reward_noise")

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
        joint_actions = sample_joint_actions(
            behaviours, samples, [self._play[row] for row in seed_rows]
        )
        rewards = self._game.rewards(seed_rows, joint_actions)
        if self._reward_noise > 0:
            for position, row in enumerate(seed_rows):
                noise = self._noise[row].standard_normal(rewards.shape[1:])
                rewards[position] += self._reward_noise * noise
        return SampledExperience(
            SharedBuffer(joint_actions, rewards.astype(np.float32)), behaviours
        )

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
        distance = renyi_divergence(log_policy, self.initial_log_policy()[seed_rows])
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
    rows, _, agents, actions = behaviours.log_policies.shape
    joint_actions = np.zeros((rows, samples, agents), dtype=action_type(actions))
    cumulative = np.cumsum(np.exp(behaviours.log_policies), axis=-1)
    cumulative /= cumulative[..., -1:]
    shares = behaviours.samples_per_base(samples)
    for row, random in enumerate(generators):
        uniform = random.random((samples, agents))
        start = 0
        for base, share in enumerate(shares[row, : behaviours.count[row]]):
            part = slice(start, start + share)
            for action in range(actions - 1):
                joint_actions[row, part] += uniform[part] >= cumulative[row, base, :, action]
            start += share
    return joint_actions
