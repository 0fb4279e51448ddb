"""The data of a local update as gradient steps use them, cut into cache-sized blocks."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

_ROWS_PER_BLOCK = 7200  # of a 64-wide layer, 1.8 MB: fewer make more work, more leave the caches

_PER_CRITIC = ("critic_inputs", "targets", "value_weights")


@dataclass(frozen=True)
class Batch:
    """Joint steps with all that losses need; n of them.

    Attributes:
        actor_inputs: (rows, agents, n, inputs).
        legal: (rows, agents, n, size of a mask), bool.
        actions: (rows, agents, n) or (rows, agents, n, parts or numbers).
        log_probs: (rows, agents, n), under the policies that the clipped ratio is to.
        weighted_advantages: (rows, agents, n), importance weight times advantage, 0 where an agent
            was absent.
        presence: (rows, agents, n), 1 / the share present where an agent acted, else 0.
        critic_inputs: (rows, n, inputs), or (rows, agents, n, inputs) where each has a critic.
        targets: (rows, n) or (rows, agents, n), what the critic learns, in its units.
        value_weights: (rows, n) or (rows, agents, n), with mean 1 over all joint steps.
    """

    actor_inputs: Tensor
    legal: Tensor
    actions: Tensor
    log_probs: Tensor
    weighted_advantages: Tensor
    presence: Tensor
    critic_inputs: Tensor
    targets: Tensor
    value_weights: Tensor

    @property
    def size(self) -> int:
        """Number of joint steps of each row."""
        return self.targets.shape[-1]

    def take(self, chosen: Tensor) -> Self:
        """Return joint steps by index, (rows, n)."""
        rows, agents = self.log_probs.shape[:2]
        device = chosen.device
        first_of_row = self.size * torch.arange(rows, device=device)[:, None]
        of_team = (first_of_row + chosen).flatten()
        first_of_agent = self.size * torch.arange(rows * agents, device=device)
        of_agent = (first_of_agent.view(rows, agents, 1) + chosen.unsqueeze(1)).flatten()

        def taken(name: str, data: Tensor) -> Tensor:
            per_team = name in _PER_CRITIC and self.targets.ndim == 2
            axes, index = (2, of_team) if per_team else (3, of_agent)
            joined = data.reshape(math.prod(data.shape[:axes]), *data.shape[axes:])
            selected = joined.index_select(0, index)
            return selected.view(*data.shape[: axes - 1], chosen.shape[1], *data.shape[axes:])

        return type(self)(**{f.name: taken(f.name, getattr(self, f.name)) for f in fields(self)})

    def cut(self, chosen: Tensor | None) -> list[Self]:
        """Return joint steps by index, (rows, n), as blocks; None for all in their order."""
        if chosen is None:
            return self._blocks or [self]
        return [self.take(part) for part in parts(chosen, self.log_probs.shape[1])]

    @cached_property
    def _blocks(self) -> list[Self]:
        """All joint steps in their order; nothing where they fit into one block."""
        everything = torch.arange(self.size, device=self.targets.device)
        cut = parts(everything.expand(len(self.targets), -1), self.log_probs.shape[1])
        return [self.take(part) for part in cut] if len(cut) > 1 else []


def parts(chosen: Tensor, agents: int) -> tuple[Tensor, ...]:
    """Cut joint steps, (rows, n), so that a layer's results stay in the cache; on a GPU do not."""
    if chosen.device.type != "cpu":
        return (chosen,)
    cut: tuple[Tensor, ...] = chosen.split(steps_per_block(len(chosen), agents), dim=1)
    return cut


def steps_per_block(rows: int, agents: int) -> int:
    """Return how many joint steps of every row fit."""
    return max(32, _ROWS_PER_BLOCK // (rows * agents))


def slices(samples: int, rows: int, agents: int, device: torch.device) -> Iterator[slice]:
    """Yield the same cuts as slices, for work that needs no choice."""
    size = samples if device.type != "cpu" else steps_per_block(rows, agents)
    for start in range(0, samples, size):
        yield slice(start, start + size)
