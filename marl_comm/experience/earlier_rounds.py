"""Chunks of the rounds before the latest, which all agents have seen already."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from marl_comm.experience.network_bases import NetworkBases
from marl_comm.experience.rollouts import FINAL, Chunk, Rollouts, joined, padded
from marl_comm.rows import Rows, record


@record
@dataclass
class EarlierRounds:
    """What the rounds before each row's latest one have left, the newest of them first.

    Attributes:
        rollouts: Their chunks.
        policies: (rows, chunks, P), who has collected each.
        sizes: (rows, rounds), int64, chunks of each round; 0 where there was none yet.
    """

    rollouts: Rows[Rollouts]
    policies: Rows[Tensor]
    sizes: Rows[Tensor]

    @classmethod
    def after(
        cls,
        earlier: Self | None,
        rollouts: Rollouts,
        bases: NetworkBases,
        rows: Tensor,
        rounds: int,
    ) -> Self:
        """Return what is kept once the latest round of some rows has become an earlier one.

        Args:
            earlier: What was kept so far.
            rollouts: The latest round of every row.
            bases: Who has collected it.
            rows: The rows that have a new round.
            rounds: How many earlier rounds are kept.
        """
        count = rollouts.count
        before = count.new_zeros((len(count), rounds)) if earlier is None else earlier.sizes
        sizes = before.clone()
        sizes[rows] = torch.cat([count.unsqueeze(1), before[:, :-1]], dim=1)[rows]
        moved = torch.zeros_like(count)
        moved[rows] = count[rows]
        total, room = sizes.sum(dim=1), rollouts.chunks.rewards.shape[1]
        place = torch.arange(int(total.max()), device=count.device).expand(len(count), -1)
        moved = moved.unsqueeze(1)
        source = torch.where(place < moved, place, place - moved + room)
        source = torch.where(place < total.unsqueeze(1), source, 0)
        every = torch.arange(len(count), device=count.device).unsqueeze(1)

        def chosen(latest: Tensor, old: Tensor | None) -> Tensor:
            both = latest if old is None else torch.cat([latest, old], dim=1)
            return both[every, source]

        if earlier is None:
            kept = {name: chosen(data, None) for name, data in vars(rollouts.chunks).items()}
        else:
            pairs = _alike(rollouts.chunks, earlier.rollouts.chunks)
            kept = {name: chosen(*pair) for name, pair in pairs.items()}
        policies = chosen(bases.parameters, None if earlier is None else earlier.policies)
        return cls(rollouts.of_same_kind(Chunk(**kept), total), policies, sizes)

    @classmethod
    def restored(
        cls,
        state: dict[str, Any] | None,
        restore_rollouts: Callable[[dict[str, Any]], Rollouts],
        device: torch.device,
    ) -> Self | None:
        """Return what a checkpoint holds; None where nothing was kept yet."""
        if state is None:
            return None
        policies, sizes = (
            torch.from_numpy(state[name]).to(device) for name in ("policies", "sizes")
        )
        return cls(restore_rollouts(state["rollouts"]), policies, sizes)

    def beside(self, latest: Rollouts, places: Tensor) -> Chunk:
        """Return several chunks of each row as one, whose copies are those of all.

        Args:
            latest: The latest round.
            places: (rows, n), which chunks: first come those of the latest round.
        """
        pairs = _alike(latest.chunks, self.rollouts.chunks)
        return joined(
            Chunk(
                **{
                    name: self._picked(data, old, latest.count, places)
                    for name, (data, old) in pairs.items()
                }
            )
        )

    def collectors(self, bases: NetworkBases, places: Tensor) -> Tensor:
        """Return who has collected those chunks, (rows, n, P)."""
        return self._picked(bases.parameters, self.policies, bases.count, places)

    def _picked(self, latest: Tensor, old: Tensor, count: Tensor, places: Tensor) -> Tensor:
        every = torch.arange(len(places), device=places.device).unsqueeze(1)
        count = count.unsqueeze(1)
        new = latest[every, torch.minimum(places, count - 1)]
        other = old[every, (places - count).clamp_min(0)]
        is_new = (places < count).view(*places.shape, *[1] * (new.ndim - 2))
        return torch.where(is_new, new, other)


def _alike(first: Chunk, second: Chunk) -> dict[str, tuple[Tensor, Tensor]]:
    """Return pairs of tensors by name, with room for as many stretches in both."""
    pairs = {}
    for name, data in vars(first).items():
        other = getattr(second, name)
        if name in FINAL:
            stretches = max(data.shape[3], other.shape[3])
            data, other = padded(data, 3, stretches), padded(other, 3, stretches)
        pairs[name] = data, other
    return pairs
