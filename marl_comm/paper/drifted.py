"""How good data stay as the policy drifts away from the base policy that played them."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from marl_comm.arrays import Array
from marl_comm.command_line.composition import compose
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.experience.estimators import (
    Estimator,
    effective_sample_size,
    importance_weights,
    log_mixture_density,
    marginal_rewards,
    renyi_divergence,
    value_estimate,
)
from marl_comm.experience.joint_actions import JointActions
from marl_comm.games.one_shot.player import sample_joint_actions
from marl_comm.games.one_shot.rules import PotentialGame
from marl_comm.games.one_shot.settings import OneShotSettings
from marl_comm.randomness import Streams

SEEDS = 40
SAMPLES = 4000
GRID = np.arange(0.0, 8.5, 0.5)  # nats
ESTIMATORS: tuple[Estimator, ...] = ("bounded", "self_normalised", "ordinary")
_START = 0.1  # standard deviation of the first policy's log-odds: identical agents stay apart
_LARGEST_UPDATE = 0.1  # nats that a local update may cover, about


@dataclass(frozen=True)
class Drift:
    """What is left of a round's data at every distance of `GRID`, each (seeds, distances).

    Attributes:
        mean_weight: Its expectation is 1.
        largest_weight: As a share of the sum of all weights.
        ess: Effective sample size, as a share of the samples.
        errors: For each estimator, the error of the estimated gradient over its length.
    """

    mean_weight: Array
    largest_weight: Array
    ess: Array
    errors: dict[str, Array]


GAMES = ("coverage", "congestion", "graph")


@cache
def drift(name: str) -> Drift:
    """Play one round in each of some games, then follow exact gradients away from it.

    Args:
        name: One of `GAMES`.
    """
    streams = Streams(range(SEEDS))
    settings = compose(f"game={name}").game
    assert isinstance(settings, OneShotSettings)
    game = settings.drawn(streams.seeds)
    agents, actions = game.agents, game.actions
    rows = np.arange(SEEDS)
    first = [random.normal(0, _START, (agents, actions)) for random in streams.of("drift")]
    base = _normalised(np.stack(first))
    played = sample_joint_actions(BasePolicies.current(base), SAMPLES, streams.of("collect"))
    rewards = game.rewards(rows, played)
    if rewards.ndim == 3:
        rewards = np.ascontiguousarray(rewards.transpose(0, 2, 1))
    joint_actions = JointActions.of(played, actions)
    per_base = np.full((SEEDS, 1), SAMPLES)
    log_density = log_mixture_density(joint_actions, base[:, None], per_base)
    kept: dict[str, Array] = {
        key: np.full((SEEDS, len(GRID)), np.nan) for key in ("mean", "largest", "ess", *ESTIMATORS)
    }
    samples = np.full(SEEDS, SAMPLES)
    for place, log_policy in enumerate(_path(game, base)):
        weights = importance_weights(joint_actions.sum_over_agents(log_policy), log_density)
        exact = game.marginal_rewards(rows, log_policy)
        kept["mean"][:, place] = weights.mean(axis=1)
        largest, total = weights.max(axis=1), weights.sum(axis=1)
        # Where all weights have vanished, none but the last of them was left before.
        kept["largest"][:, place] = np.divide(
            largest, total, out=np.ones_like(total), where=total > 0
        )
        kept["ess"][:, place] = effective_sample_size(weights, SAMPLES)
        value = value_estimate(weights, rewards, samples, SAMPLES)
        for estimator in ESTIMATORS:
            estimate = marginal_rewards(
                joint_actions, weights, rewards, log_policy, estimator, 10.0, value, samples
            ).values()
            length = _length(exact, log_policy)
            error = _length(estimate - exact, log_policy)
            kept[estimator][:, place] = np.divide(
                error, length, out=np.full_like(length, np.inf), where=length > 0
            )
    return Drift(
        kept["mean"], kept["largest"], kept["ess"], {name: kept[name] for name in ESTIMATORS}
    )


def _path(game: PotentialGame, base: Array) -> list[Array]:
    """Return each seed's policy at every distance of `GRID`, (seeds, agents, actions) each.

    Exact natural policy gradient with steps short enough to meet the distances; a seed whose
    equilibrium is nearer than that stays there.
    """
    rows = np.arange(len(base))
    found, policy, agents = [base], base, base.shape[1]
    for nats in GRID[1:]:
        for _ in range(2_000):
            distance = renyi_divergence(policy, base)
            going = distance < nats
            if not going.any():
                break
            gradient = game.marginal_rewards(rows, policy)
            speed = np.maximum(_length(gradient, policy) * np.sqrt(agents), 1e-12)
            step = np.minimum(_LARGEST_UPDATE / speed, 50.0) * going
            policy = _normalised(policy + step[:, None, None] * gradient)
        found.append(policy)
    return found


def _length(gradient: Array, log_policy: Array) -> Array:
    """Return the root mean square of centred action values under the policy, (seeds,)."""
    policy = np.exp(log_policy)
    centred = gradient - (policy * gradient).sum(axis=-1, keepdims=True)
    return np.asarray(np.sqrt((policy * centred**2).sum(axis=-1).mean(axis=-1)))


def _normalised(logits: Array) -> Array:
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)))
