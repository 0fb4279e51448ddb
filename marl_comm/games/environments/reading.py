"""Reads what a PettingZoo environment gives, and tells what is not as it was declared."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from marl_comm.arrays import AnyArray, BoolArray
from marl_comm.errors import InputError
from marl_comm.games.environments.declared import Declared
from marl_comm.games.environments.foreign import refused
from marl_comm.games.environments.infos import is_mapping
from marl_comm.games.environments.observations import MASK, MismatchError, mask_of


class Reader:
    """Reads by agent, where agents are numbers in the order of the environment's own.

    Everything here raises InputError, with the agent, what was given, and what was declared.
    """

    def __init__(self, where: str, declared: Declared) -> None:
        """Take up what the environment has declared; `where` is the setting that names it."""
        self._where, self._declared = where, declared
        self._names = declared.spec.agents
        self._places = {name: i for i, name in enumerate(self._names)}
        low, high = declared.limits
        self._low, self._high = low[:, None], high[:, None]
        self._limited = bool((np.isfinite(low) | np.isfinite(high)).any())

    def agents(self, names: Iterable[Any], what: str) -> set[int]:
        """Return which agents some names are of."""
        try:
            return {self._places[name] for name in names}
        except (KeyError, TypeError) as error:
            strange = next(name for name in names if name not in self._names)
            raise InputError(
                f"{self._where}: {what} name {strange!r}, which is none of possible_agents, "
                f"{', '.join(self._names)}"
            ) from error

    def rewards(self, acting: Sequence[int], gained: Mapping[str, Any], rewards: AnyArray) -> None:
        """Write what agents gain, (agents,); those that have left may still gain something."""
        agents = acting
        if len(gained) != len(acting):
            agents = sorted({*acting, *self.agents(gained, "its rewards")})
        for agent in agents:
            name = self._names[agent]
            if name not in gained:
                self.agents(gained, "its rewards")
                raise InputError(f"{self._where}: {name} has acted and is given no reward")
            reward = gained[name]
            rewards[agent] = reward if type(reward) is float else self._number(agent, reward)

    def flagged(self, kind: str, flags: Mapping[str, Any], acting: Iterable[int]) -> set[int]:
        """Return which of the agents that acted have a true flag."""
        found = set()
        for agent in acting:
            name = self._names[agent]
            if name not in flags:
                raise InputError(f"{self._where}: its {kind} lack {name}, which has acted")
            try:
                if flags[name]:
                    found.add(agent)
            except BaseException as error:
                raise refused(self._where, f"reading its {kind} of {name}", error) from error
        return found

    def observation(self, agent: int, seen: Mapping[str, Any], numbers: AnyArray) -> None:
        """Write what an agent sees into the first of some numbers; limits are left for later."""
        name, observations = self._names[agent], self._declared.observations[agent]
        if name not in seen:
            raise InputError(
                f"{self._where}: {name} is given no observation, declared "
                f"{self._declared.spaces[name][0]}"
            )
        try:
            observations.read(seen[name], numbers[: observations.size])
        except MismatchError as error:
            raise self._told(agent, "observes", error) from error
        except BaseException as error:
            raise refused(self._where, f"reading what {name} observes", error) from error

    def refuse_out_of_range(self, seen: AnyArray, given: BoolArray) -> None:
        """Refuse observations that are beyond their limits.

        Args:
            seen: (rows, agents, copies, largest observation).
            given: (rows, agents, copies), whose they are.
        """
        if not self._limited:
            return
        beyond = ((seen < self._low) | (seen > self._high)).any(axis=-1) & given
        if beyond.any():
            position, agent, copy = np.argwhere(beyond)[0].tolist()
            observations = self._declared.observations[agent]
            numbers = seen[position, agent, copy, : observations.size]
            raise self._told(agent, "observes", observations.out_of_range(numbers))

    def mask(self, agent: int, seen: Any, infos: Any) -> BoolArray | None:
        """Return which choices of an agent are legal; None where that is not said."""
        if self._declared.observations[agent].masked:
            given = seen[MASK] if isinstance(seen, Mapping) and MASK in seen else None
        elif told_in(infos, self._names[agent]):
            given = infos[self._names[agent]][MASK]
        else:
            return None
        try:
            return mask_of(given, self._declared.actions[agent].parts)
        except MismatchError as error:
            raise self._told(agent, "has", error) from error
        except BaseException as error:
            raise refused(self._where, f"reading its {MASK}", error) from error

    def _number(self, agent: int, reward: Any) -> float:
        try:
            array = np.asarray(reward)
            if array.size == 1 and array.dtype.kind in "biuf":
                return float(array.item())
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise refused(self._where, "reading its rewards", error) from error
        raise self._told(agent, "gains", MismatchError(f"{reward!r}, must be one number"))

    def _told(self, agent: int, does: str, error: MismatchError) -> InputError:
        return InputError(
            f"{self._where}: {self._names[agent]} {does} {' '.join(str(error).split())}"
        )


def told_in(infos: Any, name: str) -> bool:
    """Return whether infos hold a mask for an agent."""
    info = infos.get(name) if is_mapping(infos) else None
    return is_mapping(info) and MASK in info
