"""What a learner has to know of an environment: who acts, on what, with which choices."""

from dataclasses import dataclass

import numpy as np

from marl_comm.arrays import Array


@dataclass(frozen=True)
class Spec:
    """Agents, observation sizes and actions; agents may differ in both sizes.

    Arrays that hold all agents are padded to the largest size.

    Attributes:
        agents: Names, in the order of every agent axis.
        observation_sizes: Numbers in each agent's observation.
        action_sizes: Choices of each agent, or for continuous actions their dimensions.
        discrete: Whether an action is one of finitely many choices.
    """

    agents: tuple[str, ...]
    observation_sizes: tuple[int, ...]
    action_sizes: tuple[int, ...]
    discrete: bool

    @property
    def largest_observation(self) -> int:
        """Size that observations are padded to."""
        return max(self.observation_sizes)

    @property
    def largest_action(self) -> int:
        """Size that action distributions are padded to."""
        return max(self.action_sizes)

    @property
    def action_mask(self) -> Array:
        """(agents, largest action), 1 where an agent has that choice or dimension, else 0."""
        sizes = np.asarray(self.action_sizes)[:, None]
        return (np.arange(self.largest_action) < sizes).astype(np.float64)

    @property
    def observation_mask(self) -> Array:
        """(agents, largest observation), 1 where a number is observed, 0 where it is padding."""
        sizes = np.asarray(self.observation_sizes)[:, None]
        return (np.arange(self.largest_observation) < sizes).astype(np.float64)
