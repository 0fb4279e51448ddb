"""Simulations of VMAS whose seeds do not notice each other.

One simulation steps the copies of all seeds, which is what makes VMAS fast. But a reset of many
copies draws from one stream, and how many numbers it draws may depend on every copy. So each seed
also has a simulation of its own copies: that one is reset, from the seed's own stream, and its
state is copied into the seed's block of the common simulation. Where this does not suffice,
because a scenario draws numbers in steps, too, or some that are common to all copies, seeds are
stepped one after the other.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from marl_comm.arrays import BoolArray
from marl_comm.games.environments.vmas.state import Place, copy_block, places_by_copy, told

_LARGEST_SEED = 2**31

Outcome = tuple[list[Tensor], list[Tensor], Tensor, Tensor, list[dict[str, Tensor]]]


class Simulations:
    """The copies of the seeds that play at present.

    Attributes:
        together: Whether one simulation steps the copies of all seeds.
    """

    def __init__(
        self,
        make: Callable[[int], Any],
        randoms: Sequence[np.random.Generator],
        copies: int,
        *,
        together: bool,
        device: str,
    ) -> None:
        """Make nothing yet.

        Args:
            make: Returns a simulation of so many copies.
            randoms: Each seed's stream.
            copies: Per seed.
            together: Whether one simulation may step the copies of all seeds.
            device: Where simulations run.
        """
        self._make = make
        self._randoms = randoms
        self._copies = copies
        self.together = together
        self._device = torch.device(device)
        self._own: dict[int, Any] = {}
        self._noise: dict[int, np.random.Generator] = {}
        self._playing: tuple[int, ...] = ()
        self._stepped: list[Any] = []
        self._places: list[tuple[Place, int]] = []

    def choose(self, playing: tuple[int, ...]) -> bool:
        """Let these seeds play; return whether others did, and all must begin anew."""
        if playing == self._playing:
            return False
        self._playing = playing
        with self._apart():
            for row in playing:
                if row not in self._own:
                    self._own[row] = self._make(self._copies)
            if self.together and len(playing) > 1:
                everything = self._make(len(playing) * self._copies)
                self._stepped = [everything]
                self._places = places_by_copy(self._own[playing[0]], everything)
            else:
                self._stepped = [self._own[row] for row in playing]
        return True

    def begin(self, began: BoolArray) -> None:
        """Start new episodes in the copies that `began`, (playing seeds, copies), says."""
        whole = [bool(copies.all()) for copies in began]
        draws = {
            row: int(self._randoms[row].integers(_LARGEST_SEED))
            for row, copies in zip(self._playing, began, strict=True)
            if copies.any()
        }
        with self._apart():
            if self._shared and all(whole):
                # What is not kept copy by copy starts over, too.
                self._reset(self._stepped[0], draws[self._playing[0]])
            for position, row in enumerate(self._playing):
                if whole[position]:
                    self._reset(self._own[row], draws[row])
                    self._noise[row] = np.random.default_rng(draws[row])
                    if self._shared:
                        first = position * self._copies
                        copy_block(self._own[row], self._stepped[0], first, self._places)
                elif row in draws:
                    simulation, first = self._block(position)
                    simulation.seed(draws[row])
                    for copy in np.flatnonzero(began[position]).tolist():
                        simulation.reset_at(first + copy, return_observations=False)

    def observations(self, wanted: BoolArray) -> list[Tensor]:
        """Return what each agent sees in the copies of the wanted seeds, (seeds * copies, size).

        Where observations are drawn, nothing is drawn for the seeds that are not wanted.

        Args:
            wanted: (playing seeds,).
        """
        with self._apart():
            if self._shared:
                everything = _seen(self._stepped[0])
                return [of_agent[np.repeat(wanted, self._copies)] for of_agent in everything]
            seen = []
            for position in np.flatnonzero(wanted).tolist():
                self._draw_afresh(self._playing[position])
                seen.append(_seen(self._stepped[position]))
        return [torch.cat(blocks) for blocks in zip(*seen, strict=True)]

    def infos(self, wanted: BoolArray) -> list[dict[str, Tensor]]:
        """Return each agent's info in the copies of the wanted seeds, (seeds * copies, ...)."""
        with self._apart():
            if self._shared:
                rows = torch.from_numpy(np.repeat(wanted, self._copies))
                return [
                    {name: data[rows] for name, data in info.items() if isinstance(data, Tensor)}
                    for info in told(self._stepped[0])
                ]
            of_seeds = [told(self._stepped[position]) for position in np.flatnonzero(wanted)]
        return [_joined(of_agent) for of_agent in zip(*of_seeds, strict=True)]

    def step(self, moves: Sequence[Tensor]) -> Outcome:
        """Play each agent's moves, (seeds * copies, size); return what VMAS does, as one batch."""
        if self.together:
            outcome: Outcome = self._stepped[0].step(list(moves))
            return outcome
        blocks = zip(*(move.split(self._copies) for move in moves), strict=True)
        outcomes: list[Outcome] = []
        with self._apart():
            for row, own_moves in zip(self._playing, blocks, strict=True):
                self._draw_afresh(row)
                outcomes.append(self._own[row].step(list(own_moves)))
        observations, rewards, terminated, truncated, infos = zip(*outcomes, strict=True)
        return (
            [torch.cat(seen) for seen in zip(*observations, strict=True)],
            [torch.cat(gained) for gained in zip(*rewards, strict=True)],
            torch.cat(terminated),
            torch.cat(truncated),
            [_joined(of_agent) for of_agent in zip(*infos, strict=True)],
        )

    def picture(self) -> Any:
        """Return a picture of the first seed's first copy."""
        return self._stepped[0].render(mode="rgb_array", env_index=0)

    def close(self) -> None:
        """Drop all simulations, and close the windows that they were drawn in."""
        for simulation in [*self._own.values(), *self._stepped]:
            if simulation.viewer is not None:
                simulation.viewer.close()
                simulation.viewer = None
        self._own, self._stepped, self._playing = {}, [], ()

    @property
    def _shared(self) -> bool:
        return self.together and len(self._playing) > 1

    def _block(self, position: int) -> tuple[Any, int]:
        """Return the simulation that a seed's copies are stepped in, and the first of them."""
        if self._shared:
            return self._stepped[0], position * self._copies
        return self._stepped[position], 0

    def _reset(self, simulation: Any, seed: int) -> None:
        simulation.seed(seed)
        simulation.reset(return_observations=False)

    def _draw_afresh(self, row: int) -> None:
        """Let what a scenario draws between resets come from the seed's own stream."""
        if not self.together:
            self._own[row].seed(int(self._noise[row].integers(_LARGEST_SEED)))

    def _apart(self) -> AbstractContextManager[None]:
        """VMAS keeps the CPU's global random state out of its own; on a GPU it uses the global."""
        devices = [self._device] if self._device.type == "cuda" else []
        forked: AbstractContextManager[None] = torch.random.fork_rng(devices)
        return forked


def _seen(simulation: Any) -> list[Tensor]:
    observations: list[Tensor] = simulation.get_from_scenario(
        get_observations=True, get_rewards=False, get_infos=False, get_dones=False
    )[0]
    return observations


def _joined(infos: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    return {
        name: torch.cat([info[name] for info in infos])
        for name, figures in infos[0].items()
        if isinstance(figures, Tensor)
    }
