"""One explicit random generator per seed and purpose, derived from the seed alone."""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np


def generator(seed: int, purpose: str, life: int = 0) -> np.random.Generator:
    """Return the generator that a seed owns for one purpose.

    Streams of different purposes or seeds are independent, and a stream depends on nothing but
    its own seed and purpose: not on the other seeds of the run, nor on what else is drawn.

    Args:
        seed: The seed of one repetition, at least 0.
        purpose: What the numbers are for, such as "game" or "collect".
        life: How many runs came before, one starting from what another has learned: what was
            learned from some draws must not be tried on the same ones.
    """
    key = (zlib.crc32(purpose.encode()), *([life] if life > 0 else []))
    return np.random.default_rng(np.random.SeedSequence(entropy=seed, spawn_key=key))


class Streams:
    """The generators of all seeds of a run, in one place so that a checkpoint holds them all."""

    def __init__(self, seeds: Sequence[int], life: int = 0) -> None:
        """Start without generators; each is made when first asked for. See `generator`."""
        self.seeds = tuple(seeds)
        self._life = life
        self._generators: dict[str, list[np.random.Generator]] = {}

    def of(self, purpose: str) -> list[np.random.Generator]:
        """Return the generators of one purpose, one per seed: always the same objects."""
        if purpose not in self._generators:
            self._generators[purpose] = [
                generator(seed, purpose, self._life) for seed in self.seeds
            ]
        return self._generators[purpose]

    def beside(self, name: str) -> "Streams":
        """Return streams of the same seeds for whoever plays beside the run.

        A checkpoint holds them as these.
        """
        return _Beside(self, name)

    def state(self) -> dict[str, Any]:
        """Return where every stream stands."""
        return {
            purpose: [random.bit_generator.state for random in generators]
            for purpose, generators in self._generators.items()
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put every stream where it stood; generators already handed out move with it."""
        for purpose, saved in state.items():
            for random, position in zip(self.of(purpose), saved, strict=True):
                random.bit_generator.state = position


class _Beside(Streams):
    """Streams whose purposes have a name before them; they stand in those of the run."""

    def __init__(self, streams: Streams, name: str) -> None:
        super().__init__(streams.seeds)
        self._streams, self._name = streams, name

    def of(self, purpose: str) -> list[np.random.Generator]:
        """Return the generators of one purpose. See `Streams`."""
        return self._streams.of(f"{self._name} {purpose}")
