"""Doubly robust estimates in Markov games: a model of action values in each context.

What is modelled is the one-step target r + discount V(next context), V being the value of what was
played; the models are those of rewards in one-shot games, one for each context. The policy moves
on and V with it, but a model need not be right: the weighted samples estimate what it leaves.
"""

from dataclasses import dataclass

import numpy as np

from marl_comm.arrays import AnyArray, Array, BoolArray
from marl_comm.experience.contexts import Contexts, at_contexts
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.quotient import SMALLEST, Quotient
from marl_comm.experience.reward_model import FOLDS, RewardModels
from marl_comm.experience.trajectory_estimators import context_values, expected_weights
from marl_comm.rows import Rows, record


@record
@dataclass
class StepModels:
    """For each context a model of each half of its samples.

    Attributes:
        constant: (rows, C, folds).
        linear: (rows, C, folds, agents, actions).
        pairs: (rows, C, folds, D, D).
    """

    constant: Rows[Array]
    linear: Rows[Array]
    pairs: Rows[Array]

    @classmethod
    def fitted(
        cls,
        joint_actions: AnyArray,
        contexts: Contexts,
        rewards: Array,
        present: BoolArray,
        actions: int,
        discount: float,
    ) -> tuple["StepModels", Array]:
        """Fit the models.

        Args:
            joint_actions: (rows, T, E, agents).
            contexts: Of the samples.
            rewards: (rows, k, T, E): k = 1 for a team reward, else one per agent.
            present: (rows, E), where there is an episode.
            actions: A.
            discount: Factor per step.

        Returns:
            The models, and what they predict of each step's target, (rows, k, T, E), each half of a
            context's samples by the model of the other; 0 where there is no sample.
        """
        rows, kinds, steps, episodes = rewards.shape
        agents = joint_actions.shape[-1]
        size, places = agents * actions, steps * episodes
        models = cls(
            np.zeros((rows, contexts.count, FOLDS)),
            np.zeros((rows, contexts.count, FOLDS, agents, actions)),
            np.zeros((rows, contexts.count, FOLDS, size, size)),
        )
        there = np.broadcast_to(present[:, None], (rows, steps, episodes))
        values = context_values(contexts, there.astype(np.float64), rewards, discount)
        targets = (rewards + contexts.gains(values, discount)).reshape(rows, kinds, places)
        targets += at_contexts(values, contexts.now).reshape(targets.shape)
        played = joint_actions.reshape(rows, places, agents)
        predicted = np.zeros_like(targets)
        for row in range(rows):
            context = np.where(there[row], contexts.now[row], contexts.count).ravel()
            order = np.argsort(context, kind="stable")
            ends = np.searchsorted(context[order], np.arange(contexts.count + 1))
            for one in range(contexts.count):
                here = order[ends[one] : ends[one + 1]]
                if len(here) == 0:
                    continue
                wanted = targets[row][:, here] if kinds > 1 else targets[row, 0, here]
                found, said = RewardModels.fitted(
                    played[row, here][None], wanted[None], actions, np.array([len(here)])
                )
                models.constant[row, one] = found.constant[0]
                models.linear[row, one] = found.linear[0]
                models.pairs[row, one] = found.pairs[0]
                predicted[row][:, here] = said[0]
        return models, predicted.reshape(rewards.shape)

    def values(self, policy: Array, *, own: bool) -> Array:
        """Return the models' mean action values at a policy, both (rows, C, agents, actions)."""
        rows, contexts, *shape = policy.shape
        flat = RewardModels(*(each.reshape(-1, *each.shape[2:]) for each in vars(self).values()))
        with np.errstate(divide="ignore"):
            values = flat.values(np.log(policy).reshape(-1, *shape), own=own)
        return values.reshape(rows, contexts, *shape)


def action_values(
    joint_actions: JointActions,
    contexts: Contexts,
    weights: Array,
    errors: Array,
    values: Array,
    policy: Array,
    visits: Array,
    predicted: Array,
    model_values: Array,
) -> Quotient:
    """Estimate action values from a model of the targets, and from what it leaves unexplained.

    As `doubly_robust_rewards` does in a one-shot game, with one factor beta for each context: the
    `bounded` estimate of the errors d - beta (f - mean f), and beta times the model's centred
    action values, multiplied by min(1, weight found / weight expected).

    Args:
        joint_actions: The samples, (rows, T * E), in context.
        contexts: Of the samples.
        weights: W of single decisions, (rows, T, E), 0 where there is no sample.
        errors: d = r + discount V(next context) - V(context), (rows, k, T, E).
        values: V, (rows, k, C).
        policy: (rows, C, agents, actions).
        visits: n(c), (rows, C).
        predicted: f, like `errors`, of models that have not seen the sample.
        model_values: Like `policy`, what the models say of it.

    Returns:
        With values like `policy`.
    """
    rows, kinds = errors.shape[:2]
    largest = weights.max(axis=(1, 2), keepdims=True)
    scale = np.where(largest > 0, largest, 1.0)  # cancels; keeps products from overflow
    weights = weights / scale
    each = weights[:, None]
    total = np.maximum(contexts.total(each), SMALLEST)
    mean = contexts.total(each * predicted) / total
    centred = predicted - at_contexts(mean, contexts.now)
    variance, covariance = (contexts.total(each * centred * by) for by in (centred, errors))
    factor = np.divide(covariance, variance, out=np.zeros_like(variance), where=variance > 0)
    factor = np.clip(factor, 0.0, 1.0)
    left = each * (errors - at_contexts(factor, contexts.now) * centred)

    found = joint_actions.total_per_action(weights.reshape(rows, -1)).reshape(policy.shape)
    expected = expected_weights(policy, visits, scale[..., 0])
    covered = np.divide(found, expected, out=np.zeros_like(found), where=expected > 0)
    slope = model_values - (policy * model_values).sum(axis=-1, keepdims=True)
    slope *= np.minimum(1.0, covered)
    per_agent = (np.moveaxis(part, 1, 2)[..., None] for part in (values, factor))
    value, scaled = per_agent
    divisor = np.where(found < SMALLEST, found, np.maximum(found, expected))
    left = left.reshape(rows, kinds, -1)
    return Quotient(
        joint_actions, left[:, 0] if kinds == 1 else left, divisor, value + scaled * slope
    )
