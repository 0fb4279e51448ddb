"""Reference line of simple_speaker_listener: a listener that hears nothing.

    python -m marl_comm.paper.listener 4096

Measured in mpe2's worlds. Returns are summed over both agents.
"""

import sys

import numpy as np

from marl_comm.arrays import Array, IntArray
from marl_comm.paper.spread import nearest_moves, returns_in

DEAF = -30.8
"""Return of `to_the_middle`, by the command above."""

_ARGUMENTS = {"max_cycles": 25, "continuous_actions": False}


def to_the_middle(observations: Array) -> IntArray:
    """Send the listener to where it is nearest to all landmarks: it does not know the goal.

    Args:
        observations: Of both agents, (agents, copies, numbers), as mpe2 orders them.

    Returns:
        Choices, (agents, copies); the speaker always says the same.
    """
    listener = observations[1]
    middle = listener[:, 2:8].reshape(-1, 3, 2).mean(axis=1)
    moves = nearest_moves(listener[:, 0:2], middle)
    return np.stack([np.zeros_like(moves), moves])


def main(episodes: int) -> None:
    """Print its return with the standard error."""
    found = returns_in("simple_speaker_listener", _ARGUMENTS, to_the_middle, episodes, seed=0)
    print(f"hears nothing: {found.mean():.2f} ± {found.std(ddof=1) / np.sqrt(episodes):.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
