"""Calls of other people's parallel environments: whatever they raise is told in one line."""

import copy
import importlib
import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from marl_comm.arrays import AnyArray
from marl_comm.errors import InputError
from marl_comm.games.environments.infos import is_mapping
from marl_comm.options.own import find_modules_here

_log = logging.getLogger(__name__)

_LONGEST = 400  # characters of a foreign message
_STEP = "(observations, rewards, terminations, truncations, infos), each by agent"
_WANTED = ("possible_agents", "observation_space", "action_space", "reset", "step")


def refused(where: str, doing: str, error: BaseException) -> InputError:
    """Return what to raise in place of something that foreign code has raised.

    Catch `BaseException` for it: simulators that miss something call `sys.exit`.

    Args:
        where: The setting that named the code, such as "game.environment=simulator:make".
        doing: What it was asked to do, such as "its step".
        error: What it raised.

    Raises:
        KeyboardInterrupt: It is the user who wants to end, not the code.
    """
    if isinstance(error, KeyboardInterrupt | InputError):
        raise error
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        return InputError(f"{where}: {doing} has called sys.exit({error.code or 0})")
    kind = "sys.exit" if isinstance(error, SystemExit) else type(error).__name__
    try:
        message = " ".join(str(error).split())[:_LONGEST]
    except Exception:
        message = ""
    return InputError(f"{where}: {doing} has raised {kind}: {message}".removesuffix(": "))


def found(where: str, path: str) -> Callable[..., Any]:
    """Import what makes an environment.

    Args:
        where: The setting that names it.
        path: MODULE:FUNCTION, or a module that has `parallel_env`.

    Raises:
        InputError: There is no such function, or importing its module raises anything.
    """
    name, _, function = path.partition(":")
    find_modules_here()
    try:
        module = importlib.import_module(name)
        make: Callable[..., Any] = getattr(module, function or "parallel_env")
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"{where}: cannot be imported ({error}); allowed: MODULE:FUNCTION, or "
            "a module that has parallel_env"
        ) from error
    except BaseException as error:
        raise refused(where, "importing it", error) from error
    return make


def made(where: str, make: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Make an environment.

    Raises:
        InputError: That raises anything, or what it gives is no parallel environment.
    """
    try:
        # Each copy has arguments of its own: what it does to lists in them is its affair.
        world = make(**copy.deepcopy(dict(arguments)))
        missing = [name for name in _WANTED if not hasattr(world, name)]
        turns = hasattr(world, "agent_iter")
    except BaseException as error:
        given = f" game.arguments={dict(arguments)}" if arguments else ""
        raise refused(where + given, "making it", error) from error
    if missing or turns:
        closed(where, world)
        lack = f"has no {' and no '.join(missing)}" if missing else "lets agents take turns"
        raise InputError(
            f"{where}: gives no parallel environment of PettingZoo: {type(world).__name__} {lack}"
        )
    return world


def began(where: str, world: Any, seed: int) -> tuple[Mapping[str, Any], Any]:
    """Begin an episode; return observations by agent, and infos.

    Raises:
        InputError: That raises anything, or gives something else.
    """
    try:
        given = world.reset(seed=seed)
    except BaseException as error:
        raise refused(where, "its reset", error) from error
    if not isinstance(given, tuple | list) or len(given) != 2 or not isinstance(given[0], Mapping):
        raise InputError(
            f"{where}: its reset has given {_kinds(given)}, must be (observations, infos), each by "
            "agent"
        )
    return given[0], given[1]


def played(where: str, world: Any, moves: Mapping[str, Any]) -> tuple[Any, ...]:
    """Play a step; return observations, rewards, terminations, truncations, and infos.

    Raises:
        InputError: That raises anything, or gives something else.
    """
    try:
        given = world.step(moves)
    except BaseException as error:
        raise refused(where, "its step", error) from error
    if (
        not isinstance(given, tuple | list)
        or len(given) != 5
        or not all(map(is_mapping, given[:4]))
    ):
        raise InputError(f"{where}: its step has given {_kinds(given)}, must be {_STEP}")
    return tuple(given)


def listed(where: str, world: Any) -> list[str]:
    """Return the agents that an environment says are in the episode.

    Raises:
        InputError: It does not say.
    """
    try:
        return list(world.agents)
    except BaseException as error:
        raise refused(where, "asking for its agents", error) from error


def closed(where: str, world: Any) -> None:
    """Close an environment; what goes wrong in that is told, and ends nothing."""
    try:
        if hasattr(world, "close"):
            world.close()
    except BaseException as error:
        _log.warning("%s", refused(where, "closing it", error))


def picture(where: str, world: Any) -> AnyArray:
    """Return a picture as an environment gives it.

    Raises:
        InputError: It raises anything, or gives none.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # what they say is said below, in one line
            drawn = world.render()
    except NotImplementedError:
        drawn = None
    except BaseException as error:
        raise refused(where, "its render", error) from error
    if not isinstance(drawn, np.ndarray):
        raise InputError(
            f"{where}: gives no pictures; its render() must return one as an array, (height, "
            "width, 3) of uint8; many environments do so only if they were trained with "
            "+game.arguments.render_mode=rgb_array"
        )
    return drawn


def core(world: Any) -> Any:
    """Return what wrappers are around."""
    try:
        return world.unwrapped
    except Exception:
        return world


def _kinds(given: Any) -> str:
    if isinstance(given, tuple | list):
        return f"({', '.join(type(part).__name__ for part in given)})"
    return type(given).__name__
