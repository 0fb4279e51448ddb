"""The models of agents' own rewards: for each own action, what each action of others adds."""

from dataclasses import dataclass

import numpy as np

from marl_comm.arrays import AnyArray, Array
from marl_comm.experience import least_squares
from marl_comm.experience.pair_model import centred, clear_own, held_out

_FEW = 20  # samples of an own action below which it is held back


@dataclass(frozen=True)
class OwnModel:
    """r_i = h_i(a_i) + sum over the other agents j of V_i(a_i, b) z_j(b), z as in `PairModel`.

    Attributes:
        linear: h, (D,).
        pairs: V, (D, D), without terms within an agent.
    """

    linear: Array
    pairs: Array

    @property
    def constant(self) -> float:
        """0: each agent's is in its h."""
        return 0.0

    def predict(self, joint_actions: AnyArray) -> Array:
        """Return the rewards of joint actions (samples, agents), (agents, samples)."""
        agents = joint_actions.shape[1]
        actions = len(self.linear) // agents
        parameters = np.concatenate([self.linear[:, None], self.pairs], axis=1)
        place = _with_one(centred(joint_actions, actions))
        return _chosen(place, joint_actions, parameters.astype(np.float32))


def fit(joint_actions: AnyArray, rewards: Array, actions: int) -> OwnModel:
    """Fit a model.

    Args:
        joint_actions: (samples, agents), at least one sample.
        rewards: (agents, samples).
        actions: A.
    """
    agents = joint_actions.shape[1]
    apart = held_out(len(joint_actions))
    if apart.all():
        size = agents * actions
        return OwnModel(np.repeat(rewards.mean(axis=1), actions), np.zeros((size, size)))
    played, left = joint_actions[~apart], rewards[:, ~apart]
    features = _OwnFeatures(played, joint_actions[apart], actions)
    # What an own action pays on average is not held back, only what others add to it.
    level = features.means(left)
    found = least_squares.fit(
        features,
        left - _looked_up(level, played),
        rewards[:, apart] - _looked_up(level, joint_actions[apart]),
        0.0,
    )
    parameters = found.parameters.reshape(agents * actions, -1)
    moved = parameters[:, 1:] @ features.average.astype(np.float64)
    return OwnModel(level.ravel() + parameters[:, 0] - moved, parameters[:, 1:])


class _OwnFeatures:
    """For each agent (A, 1 + D) parameters: those of its own action meet the others' actions.

    These are centred by how often each is played, and the steps of an own action's parameters are
    divided by how often it is.
    """

    def __init__(self, seen: AnyArray, unseen: AnyArray, actions: int) -> None:
        self._agents, self._actions = seen.shape[1], actions
        self._played = seen, unseen
        place = centred(seen, actions)
        self.average = place.mean(axis=0)
        self._places = tuple(
            _with_one(each - self.average) for each in (place, centred(unseen, actions))
        )
        taken = seen[..., None] == np.arange(actions)
        self._taken = taken.reshape(len(seen), -1).astype(np.float32)
        self._counts = self._taken.sum(axis=0).astype(np.float64)

    def means(self, rewards: Array) -> Array:
        """Return each own action's mean reward, (agents, A); the agent's where it is not played."""
        mean = rewards.mean(axis=1, keepdims=True)
        taken = self._taken.reshape(-1, self._agents, self._actions)
        sums = np.einsum("nia,in->ia", taken, rewards - mean)
        return np.asarray(mean + sums / np.maximum(self._counts.reshape(sums.shape), 1.0))

    def seen(self, parameters: Array) -> Array:
        return self._predict(0, parameters)

    def unseen(self, parameters: Array) -> Array:
        return self._predict(1, parameters)

    def transposed(self, errors: Array) -> Array:
        spread = self._taken * np.repeat(errors.T.astype(np.float32), self._actions, axis=1)
        sums = spread.T @ self._places[0]
        clear_own(sums[:, 1:].reshape(self._agents, self._actions, self._agents, -1))
        return np.asarray(sums.reshape(self._agents, -1), dtype=np.float64)

    def preconditioned(self, gradient: Array) -> Array:
        each = gradient.reshape(len(self._counts), -1) / (self._counts + _FEW)[:, None]
        return np.asarray(each.reshape(gradient.shape))

    def _predict(self, which: int, parameters: Array) -> Array:
        each = parameters.reshape(self._agents * self._actions, -1).astype(np.float32)
        return _chosen(self._places[which], self._played[which], each)


def _with_one(place: AnyArray) -> AnyArray:
    """Return a column of ones and the centred actions, (samples, 1 + D)."""
    ones = np.ones((len(place), 1), dtype=np.float32)
    return np.concatenate([ones, place.astype(np.float32)], axis=1)


def _chosen(place: AnyArray, joint_actions: AnyArray, parameters: AnyArray) -> Array:
    """Return what the parameters (D, 1 + D) of the actions taken make of the others' actions."""
    samples, agents = joint_actions.shape
    of_all = (place @ parameters.T).reshape(samples, agents, -1)
    taken = np.take_along_axis(of_all, joint_actions[..., None].astype(np.intp), axis=2)
    return np.asarray(taken[..., 0].T, dtype=np.float64)


def _looked_up(level: Array, joint_actions: AnyArray) -> Array:
    """Return each agent's level (agents, A) of its own actions, (agents, samples)."""
    return np.asarray(np.take_along_axis(level, joint_actions.T.astype(np.intp), axis=1))
