"""One explicit random generator per purpose, derived from a run's seed."""

import zlib

import numpy as np


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return the generator that a seed owns for one purpose.

    Streams of different purposes or seeds are independent, and a stream depends on nothing but
    its own seed and purpose: not on the other seeds of the run, nor on what else is drawn.

    Args:
        seed: The seed of one repetition, at least 0.
        purpose: What the numbers are for, such as "game" or "collect".
    """
    purpose_key = zlib.crc32(purpose.encode())
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=(purpose_key,)))
