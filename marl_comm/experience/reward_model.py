"""Models of rewards, fitted to what was played: what each action and each pair of them pays.

With Z the centred one-hot joint action, z_i(b) = 1{a_i = b} - 1/A, over all D = m A entries:

- a team reward is c + h Z + Z V Z / 2, V symmetric, without terms within an agent;
- an agent's own reward is h_i(a_i) + sum over the other agents j of V_i(a_i, b) z_j(b).

Either is linear in its parameters, and its gradient at a product policy is h + V (pi - 1/A). Least
squares by conjugate gradients, stopped where a tenth of the samples that was held out is predicted
best, which takes the place of a penalty (Hanke 1995).
"""

from dataclasses import dataclass

import numpy as np

from marl_comm.arrays import AnyArray, Array, BoolArray, IntArray
from marl_comm.rows import Rows, record

_MOST_ITERATIONS = 60
_PATIENCE = 4  # iterations without a better prediction
_HELD_OUT = 10  # one sample in so many
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
            centred = _centred(joint_actions[row, :count], actions)
            targets = rewards[row, ..., :count]
            fold = np.arange(count) % FOLDS
            for model in range(FOLDS):
                mine, others = fold == model, fold != model
                if not mine.any():
                    continue
                c, h, v = _fit(centred[mine], targets[..., mine], agents)
                models.constant[row, model] = c
                models.linear[row, model] = h
                models.pairs[row, model] = v
                family = _Team(agents) if targets.ndim == 1 else _Own(agents)
                where = np.flatnonzero(others)
                predicted[row][..., where] = family.predict(
                    centred[others], (np.asarray(c), h.ravel(), v)
                )
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


Parameters = tuple[Array, Array, Array]
"""c, h (D,) and V (D, D): for own rewards c is 0."""


@dataclass(frozen=True)
class _Team:
    """One reward for all: a single problem of least squares."""

    agents: int

    def predict(self, centred: Array, parameters: Parameters) -> Array:
        c, h, v = parameters
        return np.asarray(c + centred @ h + 0.5 * ((centred @ v) * centred).sum(axis=1))

    def transposed(self, centred: Array, errors: Array) -> Parameters:
        pairs = 0.5 * (centred.T @ (errors[:, None] * centred))
        return errors.sum(), centred.T @ errors, _without_own(pairs, self.agents)

    def product(self, one: Parameters, other: Parameters) -> Array:
        return np.asarray(sum(np.vdot(*pair) for pair in zip(one, other, strict=True)))

    def scaled(self, factor: Array, parameters: Parameters) -> Parameters:
        c, h, v = (np.asarray(factor * part) for part in parameters)
        return c, h, v


@dataclass(frozen=True)
class _Own:
    """A reward for each agent: as many problems, of which none sees the others."""

    agents: int

    def predict(self, centred: Array, parameters: Parameters) -> Array:
        _, h, v = parameters
        of_all = centred @ v.T + h
        return np.asarray(self._chosen(centred, of_all).T)

    def transposed(self, centred: Array, errors: Array) -> Parameters:
        spread = self._taken(centred) * errors.T[:, :, None]
        spread = spread.reshape(len(centred), -1)
        pairs = _without_own(spread.T @ centred, self.agents)
        return np.zeros(()), spread.sum(axis=0), pairs

    def product(self, one: Parameters, other: Parameters) -> Array:
        linear = (one[1] * other[1]).reshape(self.agents, -1).sum(axis=1)
        pairs = (one[2] * other[2]).reshape(self.agents, -1).sum(axis=1)
        return np.asarray(linear + pairs)

    def scaled(self, factor: Array, parameters: Parameters) -> Parameters:
        c, h, v = parameters
        each = np.repeat(factor, len(h) // self.agents)
        return c, each * h, each[:, None] * v

    def _taken(self, centred: Array) -> BoolArray:
        return np.asarray(centred.reshape(len(centred), self.agents, -1) > 0)

    def _chosen(self, centred: Array, of_all: Array) -> Array:
        by_agent = of_all.reshape(len(centred), self.agents, -1)
        return np.asarray((by_agent * self._taken(centred)).sum(axis=-1))


def _fit(centred: Array, rewards: Array, agents: int) -> tuple[float, Array, Array]:
    """Return c, h (agents, A) and V (D, D) by conjugate gradients with early stopping."""
    family = _Team(agents) if rewards.ndim == 1 else _Own(agents)
    held_out = np.arange(len(centred)) % _HELD_OUT == _HELD_OUT - 1
    if not held_out.any():
        held_out[-1:] = True
    seen, unseen = centred[~held_out], centred[held_out]
    errors, unseen_errors = rewards[..., ~held_out], rewards[..., held_out]
    mean = errors.mean(axis=-1) if len(seen) else np.zeros(rewards.shape[:-1])
    errors, unseen_errors = errors - mean[..., None], unseen_errors - mean[..., None]
    best = _conjugate_gradients(family, seen, errors, unseen, unseen_errors)
    c, h, v = best
    h = h.reshape(agents, -1)
    if rewards.ndim == 1:
        return float(c + mean), h, v
    return 0.0, h + mean[:, None], v


def _conjugate_gradients(
    family: "_Team | _Own", seen: Array, errors: Array, unseen: Array, unseen_errors: Array
) -> Parameters:
    size = seen.shape[1]
    best = found = (np.zeros(()), np.zeros(size), np.zeros((size, size)))
    least = (unseen_errors**2).sum(axis=-1)
    waited = np.zeros(least.shape, dtype=np.int64)
    gradient = direction = family.transposed(seen, errors)
    squared = family.product(gradient, gradient)
    for _ in range(_MOST_ITERATIONS):
        along = family.predict(seen, direction)
        curvature = (along**2).sum(axis=-1)
        step = _ratio(squared, curvature)
        found = _plus(found, family.scaled(step, direction))
        errors = errors - step[..., None] * along
        unseen_errors = unseen_errors - step[..., None] * family.predict(unseen, direction)
        error = (unseen_errors**2).sum(axis=-1)
        better = error < least
        kept = better.astype(np.float64)
        best = _plus(family.scaled(kept, found), family.scaled(1.0 - kept, best))
        least = np.where(better, error, least)
        waited = np.where(better, 0, waited + 1)
        if (waited >= _PATIENCE).all():
            break
        gradient = family.transposed(seen, errors)
        before, squared = squared, family.product(gradient, gradient)
        direction = _plus(gradient, family.scaled(_ratio(squared, before), direction))
    return best


def _plus(one: Parameters, other: Parameters) -> Parameters:
    c, h, v = (np.asarray(first + second) for first, second in zip(one, other, strict=True))
    return c, h, v


def _ratio(numerator: Array, denominator: Array) -> Array:
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator > 0)


def _centred(joint_actions: AnyArray, actions: int) -> Array:
    """Return Z, (samples, D)."""
    taken = joint_actions[..., None] == np.arange(actions)
    return np.asarray((taken - 1.0 / actions).reshape(len(joint_actions), -1))


def _without_own(pairs: Array, agents: int) -> Array:
    """Set what an agent's actions have to do with each other to 0, in place."""
    blocks = pairs.reshape(agents, len(pairs) // agents, agents, -1)
    every = np.arange(agents)
    blocks[every, :, every] = 0.0
    return pairs
