"""Reference lines of simple_spread: random play, and a scripted policy that knows the task.

    python -m marl_comm.paper.spread 4096

Measured in mpe2's worlds, which JaxMARL's are equal to (tested). Returns are summed over the three
agents.
"""

import sys
from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import torch

from marl_comm.arrays import Array, IntArray
from marl_comm.games.environments.mpe.environments import ParticleEnvironments
from marl_comm.randomness import generator

AGENTS, STEPS = 3, 25
RANDOM_PLAY = -80.0
"""Return of actions drawn uniformly, by the command above."""
SCRIPTED = -22.8
"""Return of `scripted`, by the command above."""

_SECONDS, _KEPT, _ACCELERATION = 0.1, 0.75, 5.0  # of mpe2: time of a step, share of speed, force
# As mpe2 numbers them: nothing, left, right, down, up.
_MOVES = np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]], dtype=float)
_ASSIGNMENTS = np.array(list(permutations(range(AGENTS))))

Policy = Callable[[Array], IntArray]
"""From observations, (agents, copies, numbers), to choices, (agents, copies)."""


def scripted(observations: Array) -> IntArray:
    """Send each agent to the landmark of the assignment with the least distance in all.

    An agent takes the choice after which it is nearest to it, once the choice shows in its place.

    Args:
        observations: Of all agents, (agents, copies, numbers), as mpe2 orders them.

    Returns:
        Choices, (agents, copies).
    """
    speeds, places = observations[..., 0:2], observations[..., 2:4]
    landmarks = observations[0, :, 4:10].reshape(-1, AGENTS, 2) + places[0][:, None]
    # (agents, landmarks, copies)
    distances = np.linalg.norm(places[:, None] - landmarks.swapaxes(0, 1)[None], axis=-1)
    whole = distances[np.arange(AGENTS)[:, None], _ASSIGNMENTS.T].sum(axis=0)
    chosen = _ASSIGNMENTS[whole.argmin(axis=0)]
    targets = landmarks[np.arange(len(chosen))[:, None], chosen].swapaxes(0, 1)
    return nearest_moves(speeds, targets - places)


def nearest_moves(speeds: Array, targets: Array) -> IntArray:
    """Return the moves after which agents are nearest to their targets, (...).

    Args:
        speeds: Of the agents, (..., 2).
        targets: From where the agents are, (..., 2).
    """
    # A move changes the speed, and that the place from the next step on.
    next_speeds = _KEPT * speeds[..., None, :] + _SECONDS * _ACCELERATION * _MOVES
    then = _SECONDS * (speeds[..., None, :] + next_speeds)
    return np.asarray(np.linalg.norm(then - targets[..., None, :], axis=-1).argmin(axis=-1))


def uniform(random: np.random.Generator) -> Policy:
    """Return the policy that draws each choice uniformly."""
    return lambda observations: random.integers(len(_MOVES), size=observations.shape[:2])


def returns_of(policy: Policy, episodes: int, seed: int) -> Array:
    """Return the sum of all agents' rewards in each episode, (episodes,)."""
    arguments = {"N": AGENTS, "local_ratio": 0.5, "max_cycles": STEPS, "continuous_actions": False}
    return returns_in("simple_spread", arguments, policy, episodes, seed)


def returns_in(
    name: str, arguments: dict[str, Any], policy: Policy, episodes: int, seed: int
) -> Array:
    """Return the same in an environment of mpe2, made with some arguments."""
    worlds = ParticleEnvironments(name, arguments, [generator(seed, "environment")], episodes)
    row, total = np.array([0]), np.zeros(episodes)
    for _ in range(STEPS):
        seen = worlds.situation(row).observations[0].double().numpy()
        step = worlds.step(row, torch.from_numpy(policy(seen)[None]))
        total += step.rewards[0].double().numpy().sum(axis=0)
    return total


def main(episodes: int) -> None:
    """Print both returns with their standard errors."""
    policies = {"random play": uniform(np.random.default_rng(0)), "scripted": scripted}
    for name, policy in policies.items():
        found = returns_of(policy, episodes, seed=0)
        print(f"{name}: {found.mean():.2f} ± {found.std(ddof=1) / np.sqrt(episodes):.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
