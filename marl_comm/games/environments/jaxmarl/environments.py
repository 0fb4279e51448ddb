"""Copies of an environment of JaxMARL for each seed, behind the interface of all environments."""

from collections.abc import Sequence
from typing import Any, NoReturn

import jax
import numpy as np
import torch
from torch import Tensor

from marl_comm.arrays import AnyArray, BoolArray, IntArray
from marl_comm.errors import InputError
from marl_comm.games.environments.environments import Situation, Step
from marl_comm.games.environments.foreign import refused
from marl_comm.games.environments.jaxmarl.simulation import Simulation, padded
from marl_comm.games.environments.spec import Spec


class JaxEnvironments:
    """Copies of an environment for each seed.

    A seed's first key is drawn from its stream; all else follows from the key, until all copies
    are to begin afresh: then another is drawn.

    Attributes:
        copies: Per seed.
    """

    def __init__(
        self,
        where: str,
        simulation: Simulation,
        randoms: Sequence[np.random.Generator],
        copies: int,
    ) -> None:
        """Begin nothing yet.

        Args:
            where: The settings that name the environment, for messages.
            simulation: Its compiled functions.
            randoms: Each seed's stream.
            copies: Per seed.

        Raises:
            InputError: The environment raises anything when it is traced.
        """
        self.copies = copies
        self._where, self._simulation, self._randoms = where, simulation, randoms
        try:
            self._playing = simulation.nobody(max(1, len(randoms)), copies)
        except BaseException as error:
            raise refused(where, "trying it out", error) from error
        self._over = np.ones((len(randoms), copies), dtype=np.bool_)
        self._begun = np.zeros(len(randoms), dtype=np.bool_)

    @property
    def spec(self) -> Spec:
        """Who acts, on what, with which choices."""
        return self._simulation.spec

    def situation(self, seed_rows: IntArray, *, afresh: bool = False) -> Situation:
        """Return where the copies of the given seeds stand."""
        began = np.ones_like(self._over[seed_rows]) if afresh else self._over[seed_rows]
        new = seed_rows[~self._begun[seed_rows]]
        self._draw_keys(seed_rows if afresh else new)
        self._begin(seed_rows, began)
        self._over[seed_rows] = False
        seen = self._playing.seen
        return Situation(
            _rows(seen.observations, seed_rows),
            _rows(seen.alive, seed_rows),
            torch.from_numpy(began),
            _rows(seen.legal, seed_rows),
            _rows(seen.world, seed_rows),
        )

    def step(self, seed_rows: IntArray, actions: Tensor) -> Step:
        """Play a joint action in every copy of the given seeds."""
        kind = np.int32 if self.spec.discrete else np.float32
        seeds, number = len(self._begun), len(seed_rows)
        self._playing, happened = self._simulation.step(
            self._playing,
            padded(seed_rows, seeds, np.int32),
            np.int32(number),
            padded(actions.cpu().numpy(), seeds, kind),
        )
        ended = np.asarray(happened.ended)[:number]
        self._over[seed_rows] = ended
        return Step(
            torch.from_numpy(np.array(happened.rewards)[:number]),
            torch.from_numpy(np.array(ended)),
            torch.from_numpy(np.array(happened.terminated)[:number]),
            _rows(self._playing.seen.observations, seed_rows),
            {
                name: torch.from_numpy(np.asarray(figures)[:number].astype(np.float64))
                for name, figures in happened.info.items()
            },
            _rows(self._playing.seen.world, seed_rows),
        )

    def frame(self) -> NoReturn:
        """Refuse: nothing is drawn.

        Raises:
            InputError: Always.
        """
        raise InputError(f"{self._where}: JaxMARL's environments are not drawn here")

    def close(self) -> None:
        """Do nothing: arrays are all there is."""

    def state(self) -> dict[str, Any]:
        """Return where all episodes stand, as arrays."""
        arrays = [np.asarray(array) for array in jax.tree.leaves(self._playing)]
        return {"playing": arrays, "over": self._over, "begun": self._begun}

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the episodes of a checkpoint.

        Raises:
            TypeError: They are not of this environment.
        """
        now, kind = jax.tree.flatten(self._playing)
        saved = state["playing"]
        if [(one.shape, one.dtype) for one in now] != [(one.shape, one.dtype) for one in saved]:
            raise TypeError("the saved episodes are of another environment")
        self._playing = jax.tree.unflatten(kind, saved)
        self._over, self._begun = state["over"].copy(), state["begun"].copy()

    def _draw_keys(self, seed_rows: IntArray) -> None:
        if len(seed_rows) == 0:
            return
        keys = np.array(self._playing.keys)
        for row in seed_rows:
            keys[row] = self._randoms[row].integers(2**32, size=2, dtype=np.uint32)
        self._begun[seed_rows] = True
        self._playing = self._playing._replace(keys=keys)

    def _begin(self, seed_rows: IntArray, began: BoolArray) -> None:
        """Begin episodes in the copies that `began`, (given seeds, copies), says."""
        some = began.any(axis=1)
        if not some.any():
            return
        seeds, which = len(self._begun), began[some]
        # The copies that begin come first, in their order.
        order = np.argsort(~which, axis=1, kind="stable")
        self._playing = self._simulation.begin(
            self._playing,
            padded(seed_rows[some], seeds, np.int32),
            np.int32(some.sum()),
            padded(order, seeds, np.int32),
            padded(which.sum(axis=1), seeds, np.int32),
        )


def _rows(array: Any, rows: IntArray) -> Tensor:
    """Return a copy of the given rows: JAX may use the memory again."""
    taken: AnyArray = np.asarray(array)[rows]
    return torch.from_numpy(taken)
