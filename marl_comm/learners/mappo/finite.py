"""Stops learning once its numbers are not finite, and says which are not."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from marl_comm.errors import NumbersError
from marl_comm.learners.mappo.state import State
from marl_comm.learners.mappo.update import Weighed

_MOST_SEEDS = 3  # that one line can hold


def refuse_nonfinite(
    seeds: Sequence[int],
    local_update: int,
    figures: Mapping[str, Tensor],
    state: State,
    weighed: Weighed,
) -> None:
    """Raise NumbersError where a local update has left anything that is not finite.

    Gradients need no look of their own: one that is not finite leaves parameters that are not.

    Args:
        seeds: The seed of each row.
        local_update: Which one it was, the run's first being 1.
        figures: Of the local update, by name, (rows,).
        state: What it has made of the networks.
        weighed: The data that it used.
    """
    networks = {"policy": state.actor, "critic": state.critic}
    good = [figure.isfinite() for figure in figures.values()]
    good += [parameters.isfinite().all(dim=1) for parameters in networks.values()]
    finite = torch.stack(good).all(dim=0)
    if finite.all():
        return
    rows = torch.nonzero(~finite)[:, 0].tolist()
    told = [f"seed {seeds[row]}: {_offending(row, figures, networks, weighed)}" for row in rows]
    if len(told) > _MOST_SEEDS:
        told[_MOST_SEEDS:] = [f"and {len(told) - _MOST_SEEDS} more seeds"]
    raise NumbersError(
        f"numbers are not finite after local update {local_update}: {'; '.join(told)}"
    )


def _offending(
    row: int, figures: Mapping[str, Tensor], networks: Mapping[str, Tensor], weighed: Weighed
) -> str:
    found = [
        f"{name}={figure[row].item():g}"
        for name, figure in figures.items()
        if not figure[row].isfinite()
    ]
    found += [
        f"{_bad(parameters[row])} of {parameters.shape[1]} {name} parameters"
        for name, parameters in networks.items()
        if _bad(parameters[row])
    ]
    data = {
        "rewards": weighed.chunk.rewards,
        "observations": weighed.observations,
        "importance weights": weighed.joint,
    }
    bad_data = [name for name, numbers in data.items() if _bad(numbers[row])]
    blamed = f" (its data hold {' and '.join(bad_data)} that are not finite)" if bad_data else ""
    return ", ".join(found) + blamed


def _bad(numbers: Tensor) -> int:
    """Return how many numbers are not finite."""
    return int((~numbers.isfinite()).sum())
