"""Policies in which few agents mix, so that all that they play can be listed."""

import itertools

import numpy as np

from marl_comm.arrays import Array, IntArray

_MIXING = 3  # agents that mix two actions; all others play one, so that few joint actions occur


class FewMixing:
    """Policies of all agents, drawn at random: up to three mix two actions each.

    Attributes:
        policy: Probabilities, (m, A).
    """

    def __init__(self, random: np.random.Generator, agents: int, actions: int) -> None:
        """Draw the policies."""
        self._mixing = random.permutation(agents)[:_MIXING]
        self._chosen = random.integers(actions, size=agents)
        self._other = (self._chosen + random.integers(1, actions, size=agents)) % actions
        mixes = np.isin(np.arange(agents), self._mixing)
        self._share = np.where(mixes, random.uniform(0.2, 0.8, agents), 0.0)
        self.policy = np.zeros((agents, actions))
        self.policy[np.arange(agents), self._chosen] = 1.0 - self._share
        self.policy[np.arange(agents), self._other] += self._share

    def played(self, agent: int, action: int) -> tuple[IntArray, Array]:
        """Return all that is played when an agent takes an action, and how likely each is.

        Returns:
            Joint actions (K, m) and their probabilities (K,).
        """
        mixing, chosen, other = self._mixing, self._chosen, self._other
        deviating = np.array(list(itertools.product([False, True], repeat=len(mixing))))
        joint = np.tile(chosen, (len(deviating), 1))
        joint[:, mixing] = np.where(deviating, other[mixing], chosen[mixing])
        share = self._share[mixing]
        likely: Array = np.where(deviating, share, 1.0 - share)
        # The agent itself does not mix here: both of its lines count as the one action.
        joint[:, agent] = action
        return joint, likely.prod(axis=1)
