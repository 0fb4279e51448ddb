"""Whether a game's played rewards and exact expectations are of one game, found out exactly."""

import itertools

import numpy as np

from marl_comm.arrays import Array, BoolArray, IntArray
from marl_comm.games.one_shot.rules import PotentialGame
from marl_comm.randomness import generator

_MIXED = 3  # agents that mix two actions; all others play one, so that few joint actions occur
_QUESTIONS = 32
_ROUNDING = 1e-9


def disagreement(game: PotentialGame) -> str | None:
    """Return where `marginal_rewards` differs from the expectation of `rewards`; None: nowhere.

    The policies asked about are drawn at random, the same at every call.
    """
    random = generator(0, "agreement")
    agents, actions = game.agents, game.actions
    rows = np.arange(game.games)
    mixing = random.permutation(agents)[:_MIXED]
    chosen = random.integers(actions, size=agents)
    other = (chosen + random.integers(1, actions, size=agents)) % actions
    share = np.where(np.isin(np.arange(agents), mixing), random.uniform(0.2, 0.8, agents), 0.0)
    policy = np.zeros((agents, actions))
    policy[np.arange(agents), chosen] = 1.0 - share
    policy[np.arange(agents), other] += share
    with np.errstate(divide="ignore"):
        log_policy = np.log(np.broadcast_to(policy, (len(rows), agents, actions)))
    exact = game.marginal_rewards(rows, log_policy)
    for _ in range(_QUESTIONS):
        agent, action = int(random.integers(agents)), int(random.integers(actions))
        deviating = np.array(list(itertools.product([False, True], repeat=len(mixing))))
        joint, weights = _joint_actions(mixing, deviating, chosen, other, share, agent, action)
        rewards = game.rewards(rows, np.broadcast_to(joint, (len(rows), *joint.shape)))
        own = rewards if rewards.ndim == 2 else rewards[:, :, agent]
        expected = own @ weights
        wrong = np.abs(expected - exact[:, agent, action]) > _ROUNDING
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            return (
                f"of agent {agent} and action {action} in game {row}, marginal_rewards() gives "
                f"{exact[row, agent, action]:.6g} where the mean of rewards() is "
                f"{expected[row]:.6g}"
            )
    return None


def _joint_actions(
    mixing: IntArray,
    deviating: BoolArray,
    chosen: IntArray,
    other: IntArray,
    share: Array,
    agent: int,
    action: int,
) -> tuple[IntArray, Array]:
    """Return all that is played when an agent takes an action, and how likely each is."""
    joint = np.tile(chosen, (len(deviating), 1))
    joint[:, mixing] = np.where(deviating, other[mixing], chosen[mixing])
    likely = np.where(deviating, share[mixing], 1.0 - share[mixing])
    # The agent itself does not mix here: both of its lines count as the one action.
    joint[:, agent] = action
    return joint, likely.prod(axis=1)
