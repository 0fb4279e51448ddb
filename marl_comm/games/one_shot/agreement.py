"""Whether a game's played rewards and exact expectations are of one game, found out exactly."""

import numpy as np

from marl_comm.experience.shared_buffer import action_type
from marl_comm.games.few_mixing import FewMixing
from marl_comm.games.one_shot.rules import PotentialGame
from marl_comm.randomness import generator

_QUESTIONS = 32
_ROUNDING = 1e-9


def disagreement(game: PotentialGame) -> str | None:
    """Return where `marginal_rewards` differs from the expectation of `rewards`; None: nowhere.

    The policies asked about are drawn at random, the same at every call. Joint actions have the
    type in which a run plays them: rewards may go wrong in unsigned integers alone.
    """
    random = generator(0, "agreement")
    agents, actions = game.agents, game.actions
    rows = np.arange(game.games)
    few = FewMixing(random, agents, actions)
    with np.errstate(divide="ignore"):
        log_policy = np.log(np.broadcast_to(few.policy, (len(rows), agents, actions)))
    exact = game.marginal_rewards(rows, log_policy)
    for _ in range(_QUESTIONS):
        agent, action = int(random.integers(agents)), int(random.integers(actions))
        played, weights = few.played(agent, action)
        joint = played.astype(action_type(actions))
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
