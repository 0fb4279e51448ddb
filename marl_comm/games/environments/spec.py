"""What a learner has to know of an environment: who acts, on what, with which choices."""

from dataclasses import dataclass

import numpy as np

from marl_comm.arrays import Array, BoolArray


@dataclass(frozen=True)
class Spec:
    """Agents, observation sizes and actions; agents may differ in both sizes.

    Arrays that hold all agents are padded to the largest size.

    Attributes:
        agents: Names, in the order of every agent axis.
        observation_sizes: Numbers in each agent's observation.
        action_sizes: Choices of each agent, or for continuous actions their dimensions.
        discrete: Whether an action is one of finitely many choices, or several such.
        parts: Where an action is several choices at once: of each agent how many there are in each
            part, and `action_sizes` has their sums. Empty where an action is one choice.
        masked: Whether the environment says which choices are legal.
        world_size: Numbers in the world's state, which the central critic sees in place of all
            observations; 0 where it sees these.
        outcomes: Names of figures that each episode has at its end, such as whether it was won.
    """

    agents: tuple[str, ...]
    observation_sizes: tuple[int, ...]
    action_sizes: tuple[int, ...]
    discrete: bool
    parts: tuple[tuple[int, ...], ...] = ()
    masked: bool = False
    world_size: int = 0
    outcomes: tuple[str, ...] = ()

    @property
    def largest_observation(self) -> int:
        """Size that observations are padded to."""
        return max(self.observation_sizes)

    @property
    def largest_action(self) -> int:
        """Size that action distributions are padded to."""
        return max(self.action_sizes)

    @property
    def existing_actions(self) -> Array:
        """(agents, largest action), 1 where an agent has that choice or dimension, else 0."""
        sizes = np.asarray(self.action_sizes)[:, None]
        return (np.arange(self.largest_action) < sizes).astype(np.float64)

    @property
    def choices(self) -> BoolArray:
        """(agents, parts, largest choice), where an agent has that choice.

        A part that an agent does not have is a choice among one.
        """
        parts = self.parts or tuple((size,) for size in self.action_sizes)
        most = max(len(sizes) for sizes in parts)
        sizes = np.array([[*sizes, *[1] * (most - len(sizes))] for sizes in parts])
        return np.arange(sizes.max()) < sizes[:, :, None]

    @property
    def action_shape(self) -> tuple[int, ...]:
        """Shape of one agent's action: () for a choice, else (numbers or parts,)."""
        if not self.discrete:
            return (self.largest_action,)
        return (self.choices.shape[1],) if self.parts else ()

    @property
    def numbers_per_action(self) -> tuple[int, ...]:
        """How many numbers each agent's action is made of, padding left out."""
        if not self.discrete:
            return self.action_sizes
        return tuple(len(sizes) for sizes in self.parts) or (1,) * len(self.agents)

    @property
    def mask_size(self) -> int:
        """Size of an agent's mask, parts times largest choice; 0 where nothing is masked."""
        return self.choices[0].size if self.masked else 0

    @property
    def observation_mask(self) -> Array:
        """(agents, largest observation), 1 where a number is observed, 0 where it is padding."""
        sizes = np.asarray(self.observation_sizes)[:, None]
        return (np.arange(self.largest_observation) < sizes).astype(np.float64)
