"""Makes an environment of JaxMARL, and finds out what it looks like to its agents."""

import copy
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from marl_comm.errors import InputError
from marl_comm.games.environments.foreign import refused
from marl_comm.games.environments.jaxmarl.library import jaxmarl
from marl_comm.games.environments.spec import Spec

if TYPE_CHECKING:
    from marl_comm.games.environments.jaxmarl.environments import JaxEnvironments
    from marl_comm.games.environments.jaxmarl.simulation import Simulation

_LARGEST_PICTURE = 3072


def made(
    where: str,
    environment: str,
    arguments: Mapping[str, Any],
    max_steps: int,
    randoms: Sequence[np.random.Generator],
    copies: int,
    *,
    scenario: str | None = None,
    sees_world: bool = False,
) -> "JaxEnvironments":
    """Return copies of an environment for each seed. All of one size share what is compiled.

    Args:
        where: The settings that name it, for messages.
        environment: Its name in JaxMARL.
        arguments: Of its class.
        max_steps: Steps after which an episode is cut off.
        randoms: Each seed's stream.
        copies: Per seed.
        scenario: Of SMAX; None in all other environments.
        sees_world: Whether the critic sees the world's state.

    Raises:
        InputError: JaxMARL is not installed, or has no such environment or scenario; the
            environment raises anything, or its spaces are not supported.
    """
    simulation = _simulation(
        where, environment, json.dumps(arguments), max_steps, scenario, sees_world
    )
    from marl_comm.games.environments.jaxmarl.environments import JaxEnvironments

    return JaxEnvironments(where, simulation, randoms, copies)


@cache
def _simulation(
    where: str,
    environment: str,
    arguments: str,
    max_steps: int,
    scenario: str | None,
    sees_world: bool,
) -> "Simulation":
    package = jaxmarl(where)
    from marl_comm.games.environments.jaxmarl.simulation import Simulation
    from marl_comm.games.environments.jaxmarl.worlds import SmaxWorld, StockWorld

    given = dict(json.loads(arguments))
    if scenario is not None:
        given |= {"scenario": _scenario(where, scenario), "max_steps": max_steps}
    elif environment not in package.registered_envs:
        raise InputError(f"{where}: JaxMARL has no such environment; see jaxmarl.registered_envs")
    try:
        stock = package.make(environment, **copy.deepcopy(given))
        if scenario is None and hasattr(stock, "max_steps"):
            stock.max_steps = max_steps
        kind = StockWorld if scenario is None else SmaxWorld
        shapes = _shapes(stock)
        spec = _spec(where, stock, *shapes, sees_world=sees_world, outcomes=kind.outcomes)
    except BaseException as error:
        raise refused(where, "JaxMARL, making it,", error) from error
    return Simulation(kind(stock, spec, max_steps, _legal_moves(stock)))


def _scenario(where: str, name: str) -> Any:
    from jaxmarl.environments.smax.smax_env import MAP_NAME_TO_SCENARIO

    if name not in MAP_NAME_TO_SCENARIO:
        raise InputError(f"{where}: must be one of {', '.join(MAP_NAME_TO_SCENARIO)}")
    return MAP_NAME_TO_SCENARIO[name]


def _legal_moves(stock: Any) -> Callable[[Any], Any]:
    """Return what tells, of a state, which choices each agent has; it may not be implemented."""
    # Hanabi calls it by another name.
    tells: Callable[[Any], Any] = getattr(stock, "get_legal_moves", stock.get_avail_actions)
    return tells


def _shapes(stock: Any) -> tuple[dict[str, tuple[int, ...]], bool]:
    """Return the shapes of first observations, and whether it says which choices are legal."""
    import jax

    observations, state = jax.eval_shape(stock.reset, jax.random.PRNGKey(0))
    shapes = {name: tuple(seen.shape) for name, seen in observations.items()}
    try:
        jax.eval_shape(_legal_moves(stock), state)
    except NotImplementedError:
        return shapes, False
    return shapes, True


def _spec(
    where: str,
    stock: Any,
    shapes: Mapping[str, tuple[int, ...]],
    masked: bool,
    *,
    sees_world: bool,
    outcomes: tuple[str, ...],
) -> Spec:
    agents = tuple(stock.agents)
    spaces = [stock.action_space(agent) for agent in agents]
    choices = [hasattr(space, "n") for space in spaces]
    numbers = [hasattr(space, "low") for space in spaces]
    if not all(choices) and not all(numbers):
        kinds = ", ".join(sorted({type(space).__name__ for space in spaces}))
        raise InputError(
            f"{where}: its agents' actions are {kinds}; allowed are one choice each (Discrete), or "
            "numbers (Box)"
        )
    for agent in agents:
        if len(shapes[agent]) > 1 and math.prod(shapes[agent]) > _LARGEST_PICTURE:
            raise InputError(
                f"{where}: {agent} sees pictures of shape {shapes[agent]}, too large for networks "
                f"without convolution (at most {_LARGEST_PICTURE} numbers)"
            )
    return Spec(
        agents,
        tuple(math.prod(shapes[agent]) for agent in agents),
        tuple(int(space.n) if all(choices) else math.prod(space.shape) for space in spaces),
        discrete=all(choices),
        masked=masked and all(choices),
        world_size=math.prod(shapes["world_state"]) if sees_world else 0,
        outcomes=outcomes,
    )
