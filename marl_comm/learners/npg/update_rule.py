"""How one local update moves a policy that is a table."""

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.learners.stages import Stages


class UpdateRule:
    """Softmax natural policy gradient: pi(a) <- pi(a) exp(step * g(a)) / Z.

    No probability falls below the floor. Where stages learn one after another, all but the present
    one stay as they are.
    """

    def __init__(self, step_size: float, policy_floor: float, stages: Stages | None) -> None:
        """Take over what never changes while a run lasts.

        Args:
            step_size: NPG step, in policy log-odds per unit of reward.
            policy_floor: Smallest probability of an action; keeps log-probabilities finite.
            stages: When which step of an episode learns; None lets all learn together.
        """
        self._step_size = step_size
        self._log_floor = float(np.log(policy_floor))
        self._stages = stages

    def updated(self, log_policy: Array, gradient: Array, updates: IntArray) -> Array:
        """Return policies after one local update by their gradients. See `moved`."""
        return self.moved(log_policy, self._step_size * gradient, updates)

    def moved(self, log_policy: Array, change: Array, updates: IntArray) -> Array:
        """Return softmax(log_policy + change), no probability below the floor.

        Args:
            log_policy: (rows, ..., agents, actions), log-probabilities.
            change: (rows, ..., agents, actions), of log-probabilities before they are normalised.
            updates: (rows,), local updates made so far, which say whose turn it is to learn.
        """
        moved = _normalised(log_policy + change)
        moved = _normalised(np.maximum(moved, self._log_floor))
        if self._stages is None:
            return moved
        learning = self._stages.learning(updates)
        return np.where(learning[..., None, None, None], moved, log_policy)

    def log_of(self, policy: AnyArray) -> Array:
        """Return log-probabilities of a policy, none below the floor."""
        return _normalised(np.log(np.maximum(policy, np.exp(self._log_floor))))

    def figures(self, updates: IntArray) -> dict[str, AnyArray]:
        """Return the stage that learns next, (rows,), where there are any."""
        return {} if self._stages is None else {"stage": self._stages.at(updates)}


def _normalised(logits: Array) -> Array:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
