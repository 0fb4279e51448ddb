"""Models of rewards, fitted to what was played: what each action and each pair of them pays.

With Z the centred one-hot joint action, z_i(b) = 1{a_i = b} - 1/A, over all D = m A entries:

- a team reward is c + h Z + Z V Z / 2, V symmetric, without terms within an agent;
- an agent's own reward is h_i(a_i) + sum over the other agents j of V_i(a_i, b) z_j(b).

Either is linear in its parameters, and its gradient at a product policy is h + V (pi - 1/A).
"""

from dataclasses import dataclass

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.experience import own_model, pair_model
from marl_comm.rows import Rows, record

FOLDS = 2


@record
@dataclass
class RewardModels:
    """For each row one model of each half of its samples.

    Attributes:
        constant: c, (rows, folds).
        linear: h, (rows, folds, agents, actions).
        pairs: V, (rows, folds, D, D).
    """

    constant: Rows[Array]
    linear: Rows[Array]
    pairs: Rows[Array]

    @classmethod
    def fitted(
        cls, joint_actions: AnyArray, rewards: Array, actions: int, samples: IntArray
    ) -> tuple["RewardModels", Array]:
        """Fit the models.

        Args:
            joint_actions: (rows, places, agents).
            rewards: (rows, places), or (rows, agents, places).
            actions: A.
            samples: (rows,), how many places hold a sample, from the first on.

        Returns:
            The models, and what they predict of the rewards, each half by the model of the other;
            0 where there is no sample.
        """
        rows, _, agents = joint_actions.shape
        size = agents * actions
        models = cls(
            np.zeros((rows, FOLDS)),
            np.zeros((rows, FOLDS, agents, actions)),
            np.zeros((rows, FOLDS, size, size)),
        )
        predicted = np.zeros_like(rewards)
        for row, count in enumerate(samples):
            played, targets = joint_actions[row, :count], rewards[row, ..., :count]
            fold = np.arange(count) % FOLDS
            for half in range(FOLDS):
                mine, others = np.flatnonzero(fold == half), np.flatnonzero(fold != half)
                if len(mine) == 0:
                    continue
                family = own_model if targets.ndim == 2 else pair_model
                found = family.fit(played[mine], targets[..., mine], actions)
                models.constant[row, half] = found.constant
                models.linear[row, half] = found.linear.reshape(agents, actions)
                models.pairs[row, half] = found.pairs
                predicted[row][..., others] = found.predict(played[others])
        return models, predicted

    def values(self, log_policy: Array, *, own: bool) -> Array:
        """Return the models' mean action values at a policy, (rows, agents, actions).

        Args:
            log_policy: (rows, agents, actions).
            own: Whether each agent has its own reward.
        """
        policy = np.exp(log_policy)
        rows, _, actions = policy.shape
        place = (policy - 1.0 / actions).reshape(rows, 1, -1, 1)
        slope = np.matmul(self.pairs, place)[..., 0]
        gradient = self.linear + slope.reshape(self.linear.shape)
        if own:
            return np.asarray(gradient.mean(axis=1))
        linear = self.linear.reshape(rows, FOLDS, -1)
        value = self.constant + ((linear + slope / 2) * place[..., 0]).sum(axis=-1)
        centred = gradient - (policy[:, None] * gradient).sum(axis=-1, keepdims=True)
        return np.asarray((value[..., None, None] + centred).mean(axis=1))
