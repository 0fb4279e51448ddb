"""Plain loops over every joint action: slow oracles that share no code with the package."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pygambit
from numpy.typing import ArrayLike

from marl_comm.arrays import Array

OwnRewards = Callable[[tuple[int, ...]], Sequence[float]]


def log_of(policy: Array) -> Array:
    """Return log-probabilities, -inf for actions that are never taken."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(policy))


def random_policy(shape: tuple[int, ...], seed: int) -> Array:
    """Return mixed policies, some of which never take some actions; the last axis sums to 1."""
    random = np.random.default_rng(seed)
    weight = random.exponential(size=shape) * (random.random(shape) < 0.8)
    weight[..., 0] += 0.1
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


def pure_policy(joint_action: Sequence[int], actions: int) -> Array:
    """Return the policy (m, A) that plays one joint action."""
    return np.eye(actions)[list(joint_action)]


def expectation(of: Callable[[tuple[int, ...]], ArrayLike], policy: Array) -> Array:
    """Return the mean of a function of the joint action under a product policy (m, A)."""
    agents, actions = policy.shape
    total = np.array(0.0)
    for joint_action in itertools.product(range(actions), repeat=agents):
        probability = 1.0
        for agent, action in enumerate(joint_action):
            probability *= policy[agent, action]
        total = total + probability * np.asarray(of(joint_action))
    return total


def marginal_rewards(own_rewards: OwnRewards, policy: Array) -> Array:
    """Return each agent's expected own reward (m, A) when it fixes its action."""
    agents, actions = policy.shape
    marginals = np.empty((agents, actions))
    for agent in range(agents):
        for action in range(actions):
            fixed = policy.copy()
            fixed[agent] = np.eye(actions)[action]
            marginals[agent, action] = expectation(own_rewards, fixed)[agent]
    return marginals


def nash_gap(own_rewards: OwnRewards, policy: Array) -> float:
    """Return the largest gain of any agent from any deviation to a pure action."""
    own_values = expectation(own_rewards, policy)
    gain = 0.0
    for agent, marginals in enumerate(marginal_rewards(own_rewards, policy)):
        gain = max(gain, marginals.max() - own_values[agent])
    return gain


def gambit_game(own_rewards: OwnRewards, agents: int, actions: int) -> pygambit.Game:
    """Return the same game in pygambit."""
    payoffs = np.empty((agents,) + (actions,) * agents)
    for joint_action in itertools.product(range(actions), repeat=agents):
        for agent, reward in enumerate(own_rewards(joint_action)):
            payoffs[(agent, *joint_action)] = reward
    return pygambit.Game.from_arrays(*payoffs)
