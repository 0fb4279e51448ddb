"""The state of a VMAS simulation, whatever its scenario: all that hangs on its objects.

Most of it is kept copy by copy, in tensors that have an axis of the copies; the rest is common to
all copies.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from marl_comm.games.environments.observations import MASK

Place = tuple[Any, ...]
"""The names, keys and positions that lead to a part of an object."""

_CONTAINERS = (Mapping, list, tuple, deque)
_TRIAL_STEPS = 5
_TRIAL_RESETS = 8


def places_by_copy(small: Any, large: Any) -> list[tuple[Place, int]]:
    """Return where two simulations of one scenario keep state copy by copy, and on which axis.

    Args:
        small: A simulation.
        large: One of the same scenario with more copies.
    """
    counterparts = dict(_parts(large, (), {}))
    found = []
    for place, here in _parts(small, (), {}):
        there = counterparts.get(place)
        if not isinstance(here, Tensor) or not isinstance(there, Tensor) or here.ndim != there.ndim:
            continue
        sizes = (small.num_envs, large.num_envs)
        axes = [i for i in range(here.ndim) if (here.shape[i], there.shape[i]) == sizes]
        if axes and there.stride(axes[0]) > 0:
            found.append((place, axes[0]))
    return found


def copy_block(small: Any, large: Any, first: int, places: list[tuple[Place, int]]) -> None:
    """Copy the state of every copy of one simulation into as many copies of a larger one.

    Args:
        small: A simulation.
        large: One of the same scenario with more copies.
        first: The first of the copies to overwrite.
        places: As `places_by_copy` found them.
    """
    for place, axis in places:
        _at(large, place).narrow(axis, first, small.num_envs).copy_(_at(small, place))


def steps_draw(simulation: Any) -> bool:
    """Return whether steps of a simulation on the CPU draw random numbers; tries a few."""
    from vmas.simulator.environment import Environment

    states = Environment.vmas_random_state
    for _ in range(_TRIAL_STEPS):
        moves = _some_moves(simulation)
        before = states[0].clone()
        simulation.step(moves)
        if not torch.equal(before, states[0]):
            return True
    return False


def copies_share_draws(simulation: Any) -> bool:
    """Return whether a reset draws something that is common to all copies; tries a few.

    Args:
        simulation: With a number of copies that is unlikely to be the size of anything else.
    """
    states = []
    for seed in range(_TRIAL_RESETS):
        simulation.seed(seed)
        simulation.reset(return_observations=False)
        states.append(dict(_common(simulation)))
    return any(state != states[0] for state in states[1:])


def told(simulation: Any) -> list[dict[str, Any]]:
    """Return each agent's info."""
    infos: list[dict[str, Any]] = simulation.get_from_scenario(
        get_observations=False, get_rewards=False, get_infos=True, get_dones=False
    )[0]
    return infos


def _some_moves(simulation: Any) -> list[Tensor]:
    """Return the first legal choice of every agent, or where actions are numbers zeros."""
    infos: list[dict[str, Any]] = [{} for _ in simulation.agents]
    with suppress(Exception):  # at first there may be nothing to tell of yet
        infos = told(simulation)
    moves = []
    for agent, info in zip(simulation.agents, infos, strict=True):
        move = torch.zeros((simulation.num_envs, simulation.get_agent_action_size(agent)))
        if MASK in info and move.shape[1] == 1:
            move = info[MASK].float().argmax(dim=1, keepdim=True).float()
        moves.append(move)
    return moves


def _common(simulation: Any) -> Iterator[tuple[Place, Any]]:
    """Yield what is not kept copy by copy."""
    for place, part in _parts(simulation, (), {}):
        if not isinstance(part, Tensor):
            yield place, part
        elif not any(
            size == simulation.num_envs and stride > 0
            for size, stride in zip(part.shape, part.stride(), strict=True)
        ):
            yield place, part.tolist()


def _at(whole: Any, place: Place) -> Any:
    for name in place:
        whole = whole[name] if isinstance(whole, _CONTAINERS) else vars(whole)[name]
    return whole


def _parts(whole: Any, place: Place, places: dict[int, Place]) -> Iterator[tuple[Place, Any]]:
    """Yield tensors, plain values, and for objects met before the place where that was."""
    if isinstance(whole, Tensor | bool | int | float | str | None):
        yield place, whole
        return
    if isinstance(whole, type | ModuleType):
        return
    if id(whole) in places:
        yield place, places[id(whole)]
        return
    places[id(whole)] = place
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(whole, Mapping):
        items = whole.items()
    elif isinstance(whole, list | tuple | deque):
        items = enumerate(whole)
    elif hasattr(whole, "__dict__"):
        items = vars(whole).items()
    for name, part in items:
        yield from _parts(part, (*place, name), places)
