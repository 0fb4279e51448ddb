"""Any parallel environment of PettingZoo, by import path."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from marl_comm.arrays import AnyArray, IntArray
from marl_comm.errors import InputError
from marl_comm.games.environments import foreign, infos
from marl_comm.games.environments.declared import Declared, asked
from marl_comm.games.environments.environments import Situation, Step
from marl_comm.games.environments.observations import MASK
from marl_comm.games.environments.reading import Reader, told_in
from marl_comm.games.environments.spec import Spec

_log = logging.getLogger(__name__)

_LARGEST_SEED = 2**31


class ParallelEnvironments:
    """Copies of a PettingZoo environment for each seed. Agents may leave before the episode ends.

    An agent whose flag is true has left, whether or not it is still in `agents`. An episode is over
    when all have left; by itself, if those that left last were all terminated, truncated or not.

    Attributes:
        copies: Per seed.
    """

    _worlds: list[list[Any]]

    def __init__(
        self,
        path: str,
        arguments: Mapping[str, Any],
        randoms: Sequence[np.random.Generator],
        copies: int,
        *,
        where: str | None = None,
    ) -> None:
        """Make one copy, play a step of it and close it; then make all copies.

        Args:
            path: MODULE:FUNCTION, or a module that has `parallel_env`.
            arguments: Of the function.
            randoms: Each seed's stream.
            copies: Per seed.
            where: The settings that name the environment, for messages; by default its path.

        Raises:
            InputError: There is no such function; it, or its environment, raises anything, breaks
                the interface, or gives one object twice; or its spaces are not supported.
        """
        self._where = where or f"game.environment={path}"
        make = foreign.found(self._where, path)
        trial = foreign.made(self._where, make, arguments)
        try:
            self._declared = Declared.by(self._where, trial)
            self._try_out(trial)
        finally:
            foreign.closed(self._where, trial)
        worlds: list[Any] = []
        known = {id(trial), id(foreign.core(trial))}
        try:
            for _ in range(len(randoms) * copies):
                worlds.append(foreign.made(self._where, make, arguments))
                self._refuse_twins(worlds[-1], known)
        except BaseException:
            self._close(worlds)
            raise
        self._hold(worlds, randoms, copies)

    @property
    def spec(self) -> Spec:
        """Who acts, on what, with which choices."""
        return self._declared.spec

    def situation(self, seed_rows: IntArray, *, afresh: bool = False) -> Situation:
        """Return where the copies of the given seeds stand."""
        began = np.ones_like(self._over[seed_rows]) if afresh else self._over[seed_rows]
        for position, copy in zip(*np.nonzero(began), strict=True):
            row = int(seed_rows[position])
            self._begin(row, int(copy), int(self._randoms[row].integers(_LARGEST_SEED)))
        if began.any():
            self._reader.refuse_out_of_range(self._observations[seed_rows], self._given[seed_rows])
        return Situation(
            torch.from_numpy(self._observations[seed_rows]),
            torch.from_numpy(self._alive[seed_rows]),
            torch.from_numpy(began),
            torch.from_numpy(self._legal[seed_rows]),
        )

    def step(self, seed_rows: IntArray, actions: Tensor) -> Step:
        """Play a joint action in every copy of the given seeds."""
        shape = (len(seed_rows), len(self.spec.agents), self.copies)
        rewards = np.zeros(shape, dtype=np.float32)
        terminated = np.zeros((len(seed_rows), self.copies), dtype=np.bool_)
        chosen = actions.cpu().numpy()
        if not self.spec.action_shape:
            chosen = chosen[..., np.newaxis]
        figures: dict[str, AnyArray] = defaultdict(lambda: np.full(terminated.shape, np.nan))
        for position, row in enumerate(seed_rows.tolist()):
            for copy in range(self.copies):
                terminated[position, copy], given = self._play(
                    row, copy, chosen[position, :, copy], rewards[position, :, copy]
                )
                for name, figure in infos.means(given).items():
                    figures[name][position, copy] = figure
        observations = self._observations[seed_rows]
        self._reader.refuse_out_of_range(observations, self._given[seed_rows])
        return Step(
            torch.from_numpy(rewards),
            torch.from_numpy(self._over[seed_rows]),
            torch.from_numpy(terminated),
            torch.from_numpy(observations),
            {name: torch.from_numpy(values) for name, values in figures.items()},
        )

    def frame(self) -> AnyArray:
        """Return a picture of the first seed's first copy, as the environment gives it.

        Raises:
            InputError: The environment does not give pictures.
        """
        return foreign.picture(self._where, self._worlds[0][0])

    def close(self) -> None:
        """Close all copies."""
        self._close([world for of_seed in self._worlds for world in of_seed])
        self._worlds.clear()

    def _close(self, worlds: Sequence[Any]) -> None:
        for world in worlds:
            foreign.closed(self._where, world)

    def _hold(
        self, worlds: Sequence[Any], randoms: Sequence[np.random.Generator], copies: int
    ) -> None:
        """Take up copies, of each seed so many; no episode has begun."""
        self.copies, self._randoms = copies, randoms
        self._reader = Reader(self._where, self._declared)
        seeds, agents = len(randoms), len(self.spec.agents)
        self._worlds = [list(worlds[row * copies : (row + 1) * copies]) for row in range(seeds)]
        shape = (seeds, agents, copies)
        self._observations = np.zeros((*shape, self.spec.largest_observation), dtype=np.float32)
        self._alive, self._given, self._left = (np.zeros(shape, dtype=np.bool_) for _ in range(3))
        self._over = np.ones((seeds, copies), dtype=np.bool_)
        self._free, self._mask_places = self._declared.free_masks, self._declared.mask_places
        self._legal = np.tile(self._free[None, :, None], (seeds, 1, copies, 1))
        self._told_of_the_gone = False

    def _try_out(self, world: Any) -> None:
        """Begin an episode and play a step of it; find out whether there are masks in infos."""
        rows, trying = np.zeros(1, dtype=np.int64), [np.random.default_rng(0)]
        self._hold([world], trying, 1)
        self._masks_allowed = True
        self.situation(rows)
        if self._declared.spec.masked and self._legal.shape[-1] == 0:
            self._hold([world], trying, 1)
            self.situation(rows)
        self._masks_allowed = False
        self.step(rows, self._some_actions())

    def _some_actions(self) -> Tensor:
        """Return the first choices that are legal, or the middle of all ranges, for one copy."""
        shape = (1, len(self.spec.agents), 1, *self.spec.action_shape)
        if not self.spec.discrete:
            return torch.zeros(shape)
        legal = self.spec.choices
        if self.spec.masked:
            legal = self._legal[0, :, 0].reshape(legal.shape)
        return torch.from_numpy(legal.argmax(axis=2).reshape(shape))

    def _begin(self, row: int, copy: int, seed: int) -> None:
        """Begin a new episode in one copy."""
        world = self._worlds[row][copy]
        seen, given = foreign.began(self._where, world, seed)
        present = self._reader.agents(foreign.listed(self._where, world), "its agents after reset")
        if not present:
            raise InputError(f"{self._where}: no agent is in `agents` after its reset")
        self._left[row, :, copy] = False
        self._over[row, copy] = False
        self._note(row, copy, seen, given, shown=present, staying=present)

    def _play(self, row: int, copy: int, chosen: AnyArray, rewards: AnyArray) -> tuple[bool, Any]:
        """Play a step in one copy; return whether its episode has ended by itself, and infos."""
        world, names = self._worlds[row][copy], self.spec.agents
        acting = np.flatnonzero(self._alive[row, :, copy]).tolist()
        moves = {names[i]: self._declared.actions[i].move(chosen[i]) for i in acting}
        seen, gained, terminations, truncations, given = foreign.played(self._where, world, moves)
        present = self._reader.agents(foreign.listed(self._where, world), "its agents after a step")
        terminated = self._reader.flagged("terminations", terminations, acting)
        gone = terminated | self._reader.flagged("truncations", truncations, acting)
        vanished = set(acting) - gone - present
        if vanished:
            raise InputError(
                f"{self._where}: {names[min(vanished)]} is no longer in `agents`, but was neither "
                "terminated nor truncated"
            )
        for i in gone:
            self._left[row, i, copy] = True
        staying = {i for i in present if not self._left[row, i, copy]}
        if len(staying) < len(present):
            self._tell_of_the_gone(names[min(present - staying)])
        # What a terminated agent would see matters to nobody: it may be left out.
        shown = {*acting, *staying} - {i for i in terminated if names[i] not in seen}
        self._note(row, copy, seen, given, shown=shown, staying=staying)
        self._reader.rewards(acting, gained, rewards)
        self._over[row, copy] = not staying
        return not staying and len(terminated) == len(acting), given

    def _note(
        self,
        row: int,
        copy: int,
        seen: Mapping[str, Any],
        given: Any,
        *,
        shown: set[int],
        staying: set[int],
    ) -> None:
        """Remember what agents see, and who still acts, with which choices; others see nothing."""
        reader, names = self._reader, self.spec.agents
        here = (row, slice(None), copy)
        observations, masked = self._observations[here], self._legal.shape[-1] > 0
        everybody = len(shown) == len(staying) == len(names)
        if not everybody:  # else all numbers that may differ from zero are written anew
            observations[:] = 0.0
        if masked:
            self._legal[here] = self._free
        if len(seen) != len(shown):
            reader.agents(seen, "its observations")
        for i in sorted(shown):
            reader.observation(i, seen, observations[i])
        self._given[here] = everybody or [i in shown for i in range(len(names))]
        self._alive[here] = everybody or [i in staying for i in range(len(names))]
        for i in sorted(staying):
            if masked:
                mask = reader.mask(i, seen[names[i]], given)
                if mask is not None:
                    self._legal[row, i, copy, self._mask_places[i]] = mask
            elif told_in(given, names[i]):
                self._take_up_masks(names[i])

    def _take_up_masks(self, name: str) -> None:
        """Learn that infos hold masks."""
        if not self._masks_allowed:
            raise InputError(
                f"{self._where}: {name} has {MASK} in its info, but none had after the first "
                "reset; where there are masks they must be there from then on"
            )
        if not self.spec.masked:
            self._declared = self._declared.masked(self._where)

    def _tell_of_the_gone(self, name: str) -> None:
        if not self._told_of_the_gone:
            self._told_of_the_gone = True
            _log.warning(
                "%s: agents whose flags say that they are gone stay in `agents`, such as %s; they "
                "are taken to be gone",
                self._where,
                name,
            )

    def _refuse_twins(self, world: Any, known: set[int]) -> None:
        """Refuse a copy that was there before, by identity, or that declares something else."""
        own = {id(world), id(foreign.core(world))}
        if own & known:
            raise InputError(
                f"{self._where}: gives the same object at every call, so that copies would "
                "disturb each other; it must make a new one each time"
            )
        known |= own
        found, first = asked(self._where, world), self._declared.spaces
        if found != first:
            raise InputError(
                f"{self._where}: its copies differ: one declares {first}, another {found}"
            )
