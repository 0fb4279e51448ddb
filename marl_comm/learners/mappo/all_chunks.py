"""Which of all chunks that are kept a local update draws on, and who has played them."""

import torch
from torch import Tensor

from marl_comm.experience.earlier_rounds import EarlierRounds
from marl_comm.experience.network_bases import NetworkBases
from marl_comm.experience.rollouts import Chunk, Rollouts
from marl_comm.learners.mappo.update import PlayedShare


def drawn(
    latest: Rollouts,
    earlier: EarlierRounds | None,
    bases: NetworkBases,
    updates: Tensor,
    number: int,
) -> tuple[Chunk, list[PlayedShare]]:
    """Return chunks evenly over all that are kept, other ones each time if there are more.

    Args:
        latest: The latest round.
        earlier: Those before it that are kept.
        bases: Who has collected the latest.
        updates: (rows,), local updates since it.
        number: How many chunks to draw; rows that have fewer repeat theirs.

    Returns:
        The chunks side by side, and what share of them each policy has played.
    """
    total = latest.count.unsqueeze(1)
    if earlier is not None:
        total = total + earlier.rollouts.count.unsqueeze(1)
    steps = torch.arange(number, device=total.device) * total // number
    places = ((steps + updates.unsqueeze(1)) % total).sort(dim=1).values
    if earlier is None:
        rows = torch.arange(len(total), device=total.device).unsqueeze(1)
        return latest.side_by_side(places), shares_of(bases.parameters[rows, places])
    return earlier.beside(latest, places), shares_of(earlier.collectors(bases, places))


def shares_of(collectors: Tensor) -> list[PlayedShare]:
    """Return what share of the chunks each policy has collected, neighbours counted as one.

    Args:
        collectors: (rows, chunks, P).
    """
    chunks = collectors.shape[1]
    changes = (collectors[:, 1:] != collectors[:, :-1]).any(dim=2).any(dim=0)
    first = [0, *(1 + torch.nonzero(changes)[:, 0]).tolist()]
    return [
        (collectors[:, start], (end - start) / chunks)
        for start, end in zip(first, [*first[1:], chunks], strict=True)
    ]
