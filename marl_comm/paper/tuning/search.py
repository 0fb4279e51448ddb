"""Search along one coordinate at a time until no neighbour is better."""

import math
from collections.abc import Callable, Sequence

from marl_comm.errors import InputError
from marl_comm.paper.tuning.coordinates import Choice, Coordinate, Setting, Value, in_use

Score = tuple[float, ...]
"""Compared in order; the smaller the better."""

_FAR_BEHIND = 1.5  # times the best cost
_WHERE_NOTHING_ARRIVES = 5  # rungs that are looked along, for all of them are alike there
NOT_TRIED: Score = (math.inf, math.inf)  # no better than what never arrives: (inf, a number)


class EdgeError(InputError):
    """The best setting that was tried has a neighbour that was not, or one that is better."""


class Search:
    """Climbs to a setting whose neighbours on every coordinate are no better.

    A grid has no end of its own: wherever the best is the outermost value that was tried, the next
    one is tried. Only a natural limit needs no neighbour.
    """

    def __init__(
        self, coordinates: Sequence[Coordinate], score: Callable[[Setting], Score], most: int
    ) -> None:
        """Search over coordinates.

        Args:
            coordinates: What is tuned, what matters most first.
            score: Asked once for each setting.
            most: Settings to try.
        """
        self._coordinates = tuple(coordinates)
        self._score = score
        self._most = most
        self._scores: dict[tuple[tuple[str, Value], ...], Score] = {}

    @property
    def tried(self) -> int:
        """How many settings have been tried."""
        return len(self._scores)

    def climb(self, start: Setting) -> Setting:
        """Return the setting that is reached from a start; see `edges` for whether it is a best."""
        best = dict(start)
        self._of(best)
        while True:
            before = best
            for coordinate in self._coordinates:
                if coordinate.active(best):
                    best = self._along(coordinate, best)
            if self._name(best) == self._name(before) or self.tried >= self._most:
                return best

    def try_out(self, setting: Setting) -> Score:
        """Return the score of any setting; infinite where no more are to be tried."""
        return self._of(setting)

    def score(self, setting: Setting) -> Score:
        """Return the score of a setting that was tried."""
        return self._scores[self._name(setting)]

    def edges(self, setting: Setting) -> list[str]:
        """Return each coordinate along which a setting is not known to be best, with its value."""
        mine = self.score(setting)
        found = []
        for coordinate in self._coordinates:
            if not coordinate.active(setting):
                continue
            value = setting[coordinate.key]
            for other in coordinate.beside(value):
                theirs = self._scores.get(self._name({**setting, coordinate.key: other}))
                if theirs is None or theirs == NOT_TRIED or theirs < mine:
                    found.append(f"{coordinate.key}={value}")
                    break
        return found

    def best(self, setting: Setting) -> Setting:
        """Return the setting.

        Raises:
            EdgeError: It is at the edge of what was tried.
        """
        if edges := self.edges(setting):
            raise EdgeError(f"at the edge of its grid, so not a best: {', '.join(edges)}")
        return setting

    def _along(self, coordinate: Coordinate, best: dict[str, Value]) -> dict[str, Value]:
        if isinstance(coordinate, Choice):
            return self._among(coordinate, best)
        for side in (0, 1):
            ahead, looked = best, 0
            while step := self._step(coordinate, ahead, side):
                if self._of(step) < self._of(best):
                    best, looked = step, 0
                elif self._of(best)[0] < math.inf or looked == _WHERE_NOTHING_ARRIVES:
                    break
                ahead, looked = step, looked + 1
        return best

    def _among(self, choice: Choice, best: dict[str, Value]) -> dict[str, Value]:
        """Try every option, each at its own best of what means something with it alone.

        One that is far behind to begin with is not followed.
        """
        for option in choice.beside(best[choice.key]):
            other = {**best, choice.key: option}
            if self._of(other)[0] <= _FAR_BEHIND * self._of(best)[0]:
                for own in self._coordinates:
                    if own.only_with == (choice.key, option):
                        other = self._along(own, other)
            # What was found for the option is where it begins when it is tried again.
            better = self._of(other) < self._of(best)
            best = other if better else {**other, choice.key: best[choice.key]}
        return best

    def _step(
        self, coordinate: Coordinate, setting: dict[str, Value], side: int
    ) -> dict[str, Value] | None:
        value = setting[coordinate.key]
        beside = [each for each in coordinate.beside(value) if _above(each, value) == bool(side)]
        return {**setting, coordinate.key: beside[0]} if beside else None

    def _of(self, setting: Setting) -> Score:
        name = self._name(setting)
        if name not in self._scores:
            if self.tried >= self._most:
                return NOT_TRIED
            self._scores[name] = self._score(setting)
        return self._scores[name]

    def _name(self, setting: Setting) -> tuple[tuple[str, Value], ...]:
        return tuple(in_use(setting, self._coordinates).items())


def _above(one: Value, other: Value) -> bool:
    assert not isinstance(one, str)
    assert not isinstance(other, str)
    return one > other
