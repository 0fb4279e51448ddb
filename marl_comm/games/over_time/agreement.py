"""Whether what a Markov game plays and what it computes are of one game."""

import numpy as np

from marl_comm.arrays import Array, IntArray
from marl_comm.games.few_mixing import FewMixing
from marl_comm.games.over_time.rules import MarkovGame
from marl_comm.randomness import generator

_QUESTIONS = 16
_PLAYS = 4000  # of each joint action that is asked about
_ROUNDING = 1e-9
# Hoeffding's bound: a number in [0, 1], averaged over n plays, is off by more than
# sqrt(_DOUBT / 2n) with a probability below 2 exp(-_DOUBT), 1e-13; what n plays never show is
# likelier than _DOUBT / n with a probability below exp(-_DOUBT).
_DOUBT = 31.0


def disagreement(game: MarkovGame) -> str | None:
    """Return where `induced` or `transitions` differs from what `move` plays; None: nowhere.

    The policies and states asked about are drawn at random, the same at every call. Answers are
    held to what 4,000 plays of a joint action can tell: a difference of 0.01 in rewards that do
    not depend on chance, of 0.06 in others and in probabilities. A right game is called wrong less
    than once in 10^9 calls.
    """
    random = generator(0, "agreement")
    rows = np.arange(game.games)
    few = [FewMixing(random, game.agents, game.actions) for _ in range(game.states)]
    policy = np.stack([each.policy for each in few])
    with np.errstate(divide="ignore"):
        log_policy = np.log(np.broadcast_to(policy, (len(rows), *policy.shape)))
    rewards, following = game.induced(rows, log_policy)
    together = game.transitions(rows, log_policy)
    states = random.permutation(game.states)
    for question in range(_QUESTIONS):
        state = int(states[question % len(states)])
        agent = int(random.integers(game.agents))
        taken = np.zeros((len(rows), game.states))
        for action in np.flatnonzero(policy[state, agent]):
            joint, likely = few[state].played(agent, int(action))
            reward, chance, after = _played(game, state, agent, joint, likely, random)
            taken += policy[state, agent, action] * after
            where = f"of agent {agent} and action {action} in state {state}"
            claims = (
                ("rewards", reward, rewards[:, state, agent, action], chance),
                ("next states", after, following[:, state, agent, action], True),
            )
            for what, played, computed, by_chance in claims:
                allowed = _DOUBT / _PLAYS
                if by_chance:
                    allowed = float(np.sqrt(_DOUBT / 2 * (likely**2).sum() / _PLAYS))
                if (np.abs(played - computed) > allowed + _ROUNDING).any():
                    return _told(f"{where}, induced() gives {what}", computed, played)
        allowed = float(np.sqrt(_DOUBT / 2 / _PLAYS))
        if (np.abs(taken - together[:, state]) > allowed).any():
            return _told(f"from state {state}, transitions() gives", together[:, state], taken)
    return None


def _played(
    game: MarkovGame,
    state: int,
    agent: int,
    joint: IntArray,
    likely: Array,
    random: np.random.Generator,
) -> tuple[Array, bool, Array]:
    """Return the mean own reward (R,), whether chance touches it, and next states (R, S)."""
    rows = np.arange(game.games)
    shape = (len(rows), len(joint), _PLAYS)
    flat = (len(rows), len(joint) * _PLAYS)
    joint_actions = np.broadcast_to(joint[:, None], (*shape, game.agents))
    found, after = game.move(
        rows,
        np.full(flat, state),
        joint_actions.reshape(*flat, game.agents),
        random.random(flat),
    )
    own = (found if game.common_reward else found[..., agent]).reshape(shape)
    chance = bool((np.ptp(own, axis=2) > _ROUNDING).any())
    weight = np.broadcast_to(likely[:, None] / _PLAYS, shape[1:]).ravel()
    arrived = [np.bincount(row, weight, minlength=game.states) for row in after]
    return own.mean(axis=2) @ likely, chance, np.stack(arrived)


def _told(text: str, computed: Array, played: Array) -> str:
    place = np.unravel_index(np.abs(computed - played).argmax(), computed.shape)
    return (
        f"{text} {computed[place]:.4g} where move() plays {played[place]:.4g} (game {place[0]}"
        f"{f', next state {place[1]}' if len(place) > 1 else ''})"
    )
