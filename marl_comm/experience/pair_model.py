"""The model of a team reward: what each action pays, and each pair of actions of two agents.

Where agents are many, pairs have more numbers than there are samples, and few of them matter. So
pairs join the model by what they would explain of what is left, and only at last all others, as
far as held-out samples are predicted better for it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from marl_comm.arrays import AnyArray, Array, BoolArray, IntArray
from marl_comm.experience import least_squares

if TYPE_CHECKING:
    import scipy.sparse

_HELD_OUT = 10  # one sample in so many
_ENOUGH = 1e-6  # of the variance of rewards: there is nothing left to explain
_STAGES = 6  # how often pairs may join
_SURPRISE = 2.0  # standard deviations by which a pair must explain more than noise would
_PAIRS_PER_AGENT = 8  # most pairs that join by themselves


@dataclass(frozen=True)
class PairModel:
    """r = c + h Z + Z V Z / 2, with z_i(b) = 1{a_i = b} - 1/A and D = m A.

    Attributes:
        constant: c.
        linear: h, (D,).
        pairs: V, (D, D), symmetric, without terms within an agent.
    """

    constant: float
    linear: Array
    pairs: Array

    def predict(self, joint_actions: AnyArray) -> Array:
        """Return the rewards of joint actions (samples, agents), in single precision."""
        actions = len(self.linear) // joint_actions.shape[1]
        place = centred(joint_actions, actions)
        slope = place @ self.pairs.astype(np.float32)
        slope *= 0.5
        slope += self.linear.astype(np.float32)
        return np.asarray(self.constant + np.einsum("nd,nd->n", slope, place), dtype=np.float64)


def held_out(samples: int) -> BoolArray:
    """Return which samples are held out, (samples,): a tenth, and at least one."""
    which: BoolArray = np.arange(samples) % _HELD_OUT == _HELD_OUT - 1
    if not which.any():
        which[-1:] = True
    return which


def centred(joint_actions: AnyArray, actions: int) -> AnyArray:
    """Return Z in single precision, (samples, D)."""
    samples, agents = joint_actions.shape
    taken = joint_actions[..., None] == np.arange(actions)
    return np.asarray((taken - np.float32(1.0 / actions)).reshape(samples, agents * actions))


def clear_own(blocks: AnyArray) -> None:
    """Set to 0, in (agents, A, agents, A), what an agent's actions have to do with each other."""
    every = np.arange(len(blocks))
    blocks[every, :, every] = 0.0


def numbers(agents: int, actions: int, samples: int) -> int:
    """Return about how many numbers of 8 bytes a fit to so many samples holds while it goes on."""
    size = agents * actions
    pairs = min(agents * (agents - 1) // 2, _PAIRS_PER_AGENT * agents)
    return 14 * size**2 + samples * (3 * (1 + agents + pairs) + 2 * size)


def fit(joint_actions: AnyArray, rewards: Array, actions: int) -> PairModel:
    """Fit a model.

    Args:
        joint_actions: (samples, agents), at least one sample.
        rewards: (samples,).
        actions: A.
    """
    agents = joint_actions.shape[1]
    size = agents * actions
    apart = held_out(len(joint_actions))
    model = PairModel(float(rewards.mean()), np.zeros(size), np.zeros((size, size)))
    if apart.all():
        return model
    seen, unseen = joint_actions[~apart], joint_actions[apart]
    errors, unseen_errors = (rewards[each] - model.constant for each in (~apart, apart))
    first, second = np.triu_indices(agents, 1)
    candidates = np.stack([first, second], axis=1)
    enough = _ENOUGH * float((unseen_errors**2).mean())
    joined = np.zeros(len(candidates), dtype=bool)
    most = min(len(candidates), _PAIRS_PER_AGENT * agents)
    counts = _pair_sums(seen, None, actions)
    for _ in range(_STAGES):
        tables = _Tables(seen, unseen, candidates[joined], actions)
        found = least_squares.fit(tables, errors[None], unseen_errors[None], enough)
        if not found.parameters.any():
            break
        errors = errors - tables.seen(found.parameters)[0]
        unseen_errors = unseen_errors - tables.unseen(found.parameters)[0]
        model = tables.added(model, found.parameters[0])
        if (unseen_errors**2).mean() <= enough:
            return model
        surprise = _surprise(_pair_sums(seen, errors, actions), counts, errors, actions)
        surprise = surprise[first, second]
        surprise[joined] = -np.inf
        room = most - int(joined.sum())
        new = np.argsort(-surprise, kind="stable")[:room]
        new = new[surprise[new] > _SURPRISE]
        if len(new) == 0:
            break
        joined[new] = True
    if not joined.all():
        every = _AllPairs(centred(seen, actions), centred(unseen, actions), agents)
        found = least_squares.fit(every, errors[None], unseen_errors[None], enough)
        model = every.added(model, found.parameters[0])
    return model


class _Tables:
    """A constant, what each action pays, and what each of some pairs of actions does.

    Parameters are c, h (D,) and a table (A, A) for each pair, whose rows and columns sum to 0, as
    the entries of h do for each agent: then a look-up is what the centred actions give.
    """

    def __init__(self, seen: AnyArray, unseen: AnyArray, pairs: IntArray, actions: int) -> None:
        self._agents, self._actions, self._pairs = seen.shape[1], actions, pairs
        self._seen, self._unseen = self._matrix(seen), self._matrix(unseen)
        self._back = self._seen.T
        counts = self._back @ np.ones(len(seen))
        self._rarity = 1.0 / (counts + len(seen) / actions**2)  # rare ones are noisy: slower

    def seen(self, parameters: Array) -> Array:
        return np.asarray((self._seen @ parameters.T).T)

    def unseen(self, parameters: Array) -> Array:
        return np.asarray((self._unseen @ parameters.T).T)

    def transposed(self, errors: Array) -> Array:
        return self._centred(np.asarray((self._back @ errors.T).T))

    def preconditioned(self, gradient: Array) -> Array:
        return self._centred(gradient * self._rarity)

    def _centred(self, sums: Array) -> Array:
        """Make the parameters of each agent, and the rows and columns of tables, sum to 0."""
        size, actions = self._agents * self._actions, self._actions
        linear = sums[:, 1 : 1 + size].reshape(-1, actions)
        linear -= linear.mean(axis=1, keepdims=True)
        tables = sums[:, 1 + size :].reshape(-1, actions, actions)
        tables -= tables.mean(axis=1, keepdims=True)
        tables -= tables.mean(axis=2, keepdims=True)
        return sums

    def added(self, model: PairModel, parameters: Array) -> PairModel:
        """Return the sum of a model and of parameters, (size,)."""
        size, actions = self._agents * self._actions, self._actions
        linear = model.linear + parameters[1 : 1 + size]
        pairs = model.pairs.copy()
        blocks = pairs.reshape(self._agents, actions, self._agents, actions)
        tables = parameters[1 + size :].reshape(-1, actions, actions)
        first, second = self._pairs.T
        blocks[first, :, second] += tables
        blocks[second, :, first] += tables.swapaxes(1, 2)
        return PairModel(model.constant + float(parameters[0]), linear, pairs)

    def _matrix(self, joint_actions: AnyArray) -> "scipy.sparse.csr_array":
        """Return the features of samples: 1 in the column of each thing that was played."""
        # Imported late: most runs have no model, and need not wait for it.
        import scipy.sparse

        actions, taken = self._actions, joint_actions.astype(np.int32)
        samples, agents = taken.shape
        first, second = self._pairs.T
        columns = np.empty((samples, 1 + agents + len(self._pairs)), dtype=np.int32)
        columns[:, 0] = 0
        columns[:, 1 : 1 + agents] = 1 + np.arange(agents) * actions + taken
        start = 1 + agents * actions + np.arange(len(self._pairs), dtype=np.int32) * actions**2
        columns[:, 1 + agents :] = start + taken[:, first] * actions + taken[:, second]
        width = columns.shape[1]
        size = 1 + agents * actions + len(self._pairs) * actions**2
        ends = np.arange(samples + 1, dtype=np.int64) * width
        ones = np.ones(columns.size)
        return scipy.sparse.csr_array((ones, columns.ravel(), ends), shape=(samples, size))


class _AllPairs:
    """A constant, each action and all pairs, by products of the centred actions, (samples, D)."""

    def __init__(self, seen: AnyArray, unseen: AnyArray, agents: int) -> None:
        self._seen, self._unseen, self._agents = seen, unseen, agents

    def seen(self, parameters: Array) -> Array:
        return self._predict(self._seen, parameters)

    def unseen(self, parameters: Array) -> Array:
        return self._predict(self._unseen, parameters)

    def transposed(self, errors: Array) -> Array:
        size = self._seen.shape[1]
        single = errors[0].astype(np.float32)
        pairs = 0.5 * (self._seen.T @ (single[:, None] * self._seen))
        clear_own(pairs.reshape(self._agents, size // self._agents, self._agents, -1))
        return np.concatenate([errors.sum(axis=1), single @ self._seen, pairs.ravel()])[None]

    def added(self, model: PairModel, parameters: Array) -> PairModel:
        """Return the sum of a model and of parameters, (size,)."""
        size = len(model.linear)
        return PairModel(
            model.constant + float(parameters[0]),
            model.linear + parameters[1 : 1 + size],
            model.pairs + parameters[1 + size :].reshape(size, size),
        )

    def preconditioned(self, gradient: Array) -> Array:
        return gradient

    def _predict(self, place: AnyArray, parameters: Array) -> Array:
        size = place.shape[1]
        linear = parameters[0, 1 : 1 + size].astype(np.float32)
        slope = place @ parameters[0, 1 + size :].reshape(size, size).astype(np.float32)
        slope *= 0.5
        slope += linear
        product = np.einsum("nd,nd->n", slope, place)
        return np.asarray(parameters[0, 0] + product, dtype=np.float64)[None]


def _pair_sums(joint_actions: AnyArray, values: Array | None, actions: int) -> Array:
    """Return the sums of values, or the numbers, of samples with each pair of actions.

    Returns:
        (agents, A, agents, A).
    """
    taken = joint_actions[..., None] == np.arange(actions)
    agents = joint_actions.shape[1]
    one_hot = taken.reshape(len(taken), agents * actions).astype(np.float32)
    weighted = one_hot if values is None else one_hot * values[:, None].astype(np.float32)
    sums = (one_hot.T @ weighted).astype(np.float64)
    return np.asarray(sums.reshape(agents, actions, agents, actions))


def _surprise(sums: Array, counts: Array, errors: Array, actions: int) -> Array:
    """Return how much more than noise each pair's table would explain, (agents, agents).

    In standard deviations of the chi-squared distribution that it has if there is only noise.
    """
    variance = max(float((errors**2).mean()), np.finfo(np.float64).tiny)
    explained = np.divide(sums**2, counts, out=np.zeros_like(sums), where=counts > 0)
    freedom = (actions - 1) ** 2
    return np.asarray((explained.sum(axis=(1, 3)) / variance - freedom) / np.sqrt(2 * freedom))
