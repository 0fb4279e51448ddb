"""What is tuned: numbers on grids without an end of their own, and choices."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Value = str | int | float
Setting = Mapping[str, Value]
"""A value for each coordinate, by its key; also for those that are of no use at the moment."""


@dataclass(frozen=True)
class Coordinate(ABC):
    """One setting that is tuned.

    Attributes:
        key: As on the command line.
        only_with: A key and the value at which alone this one means something.
    """

    key: str
    only_with: tuple[str, Value] | None

    def active(self, setting: Setting) -> bool:
        """Return whether the coordinate means something in a setting."""
        return self.only_with is None or setting.get(self.only_with[0]) == self.only_with[1]

    @abstractmethod
    def beside(self, value: Value) -> list[Value]:
        """Return the values that a best one has to be compared with."""


@dataclass(frozen=True)
class Ladder(Coordinate):
    """A number, start x factor^k for any whole k, between limits that nature sets.

    Attributes:
        start: Where the search begins.
        factor: From one step to the next.
        lowest: The smallest value that means something.
        highest: The largest value that means something, such as a cap that never binds.
        whole: Whether it is a whole number.
    """

    start: float
    factor: float
    lowest: float
    highest: float
    whole: bool = False

    def beside(self, value: Value) -> list[Value]:
        """Return the next lower and the next higher value, where there is one."""
        assert not isinstance(value, str)
        rung = round(math.log(value / self.start) / math.log(self.factor))
        beside = [self._at(rung - 1), self._at(rung + 1)]
        return [each for each in beside if each != value and self.lowest <= each <= self.highest]

    def _at(self, rung: int) -> int | float:
        exact = self.start * self.factor**rung
        return round(exact) if self.whole else float(f"{exact:.3g}")


@dataclass(frozen=True)
class Choice(Coordinate):
    """One of a few.

    Attributes:
        options: All of them.
    """

    options: tuple[Value, ...]

    def beside(self, value: Value) -> list[Value]:
        """Return all others."""
        return [option for option in self.options if option != value]


def in_use(setting: Setting, coordinates: Sequence[Coordinate]) -> dict[str, Value]:
    """Return the part of a setting that means something: equal parts are equal runs."""
    return {each.key: setting[each.key] for each in coordinates if each.active(setting)}
