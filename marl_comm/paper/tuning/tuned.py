"""The search and the comparison of one problem."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from marl_comm.errors import InputError
from marl_comm.paper.tuning.coordinates import Coordinate, Setting, Value, in_use
from marl_comm.paper.tuning.plays import Costs, Plays
from marl_comm.paper.tuning.problems import Problem
from marl_comm.paper.tuning.search import NOT_TRIED, Score, Search
from marl_comm.paper.tuning.variants import REFERENCE, VARIANTS, Cost, Variant

FIRST_SEARCH_SEED = 1_000_000  # no seed of a search is one of the comparison
FINAL_SEEDS = (0, 40)
MOST_SETTINGS = 120
BLOCK = 10  # seeds that a setting is played on before it is known whether it is hopeless
FAR_FROM_BEST = 1.3  # times the least cost: then it is


@dataclass(frozen=True)
class Tuned:
    """A variant at its best.

    Attributes:
        name: Of the variant.
        setting: What is in use of it.
        edges: The settings that are at the edge of what was tried: then it is no best.
        tried: Settings that were tried.
        seeds: That the settings were tried on: the first, and how many.
        most_updates: Local updates after which a seed counts as never arrived.
        search: The interquartile mean of its cost on the seeds of the search.
        costs: On the seeds of the comparison.
    """

    name: str
    setting: dict[str, Value]
    edges: list[str]
    tried: int
    seeds: tuple[int, int]
    most_updates: int
    search: float
    costs: Costs

    def document(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return {
            "setting": self.setting,
            "at_the_edge": self.edges,
            "tried": self.tried,
            "seeds_of_search": list(self.seeds),
            "most_updates": self.most_updates,
            "search": self.search,
            "round": list(self.costs.round),
            "bytes": list(self.costs.bytes),
        }


@dataclass
class _Climber:
    """A variant with its search and where it stands."""

    variant: Variant
    coordinates: list[Coordinate]
    search: Search
    setting: Setting = field(default_factory=dict)

    def climb(self, start: Setting) -> None:
        self.setting = self.search.climb(start)

    def learn_from(self, other: Setting) -> bool:
        """Go on from another variant's best, if better; return whether it was.

        What the other has no use for is as it is here.
        """
        theirs = {key: other.get(key, value) for key, value in self.setting.items()}
        better = self.search.try_out(theirs) < self.search.score(self.setting)
        if better:
            self.climb(theirs)
        return better


class Tuning:
    """Tunes the variants of a problem: each also tries what was found to be best for another."""

    def __init__(
        self,
        problem: Problem,
        plays: Plays,
        cost: Cost,
        tell: Callable[[str], None],
        found: Mapping[str, Setting],
    ) -> None:
        """Tune for a cost.

        Args:
            problem: The game and the gap.
            plays: Where settings are played.
            cost: What is to be small.
            tell: Is told after every setting what was tried.
            found: Of variants, by name, where an earlier search ended: there this one begins.
        """
        self._problem = problem
        self._plays = plays
        self._cost: Cost = cost
        self._tell = tell
        self._found = found
        self._seeds = (FIRST_SEARCH_SEED, problem.seeds)
        self._climbers: dict[str, _Climber] = {}

    def tune(self, variants: Sequence[Variant]) -> Iterator[Tuned]:
        """Yield every variant at its best; its costs are those of the seeds of the comparison."""
        for variant in variants:
            climber = self._climber(variant)
            climber.climb(self._start(variant))
            self._climbers[variant.name] = climber
        while any(self._learn(climber) for climber in self._climbers.values()):
            pass  # a best that was learned may serve those that looked before
        for climber in self._climbers.values():
            yield self._compared(climber)

    def _learn(self, climber: _Climber) -> bool:
        """Let a variant try what is best for others, tuned now or earlier, of its estimator."""
        mine = climber.variant
        others = [each for each in VARIANTS if each != mine and each.without == mine.without]
        return any(climber.learn_from(self._best_of(other.name)) for other in others)

    def _compared(self, climber: _Climber) -> Tuned:
        used = in_use(climber.setting, climber.coordinates)
        search = climber.search
        return Tuned(
            climber.variant.name,
            used,
            search.edges(climber.setting),
            search.tried,
            self._seeds,
            climber.variant.most_updates(used),
            search.score(climber.setting)[0],
            self._plays.costs(climber.variant, used, FINAL_SEEDS),
        )

    def _start(self, variant: Variant) -> dict[str, Value]:
        start = variant.start(self._problem, self._cost)
        nearest = self._best_of(variant.without)
        if variant.rarely:
            nearest = nearest or self._best_of(REFERENCE)
        known = self._found.get(variant.name) or nearest
        return {key: known.get(key, value) for key, value in start.items()}

    def _best_of(self, name: str) -> Setting:
        """Return where a variant's search stands, or where an earlier one ended; may be empty."""
        climber = self._climbers.get(name)
        return self._found.get(name, {}) if climber is None else climber.setting

    def _climber(self, variant: Variant) -> _Climber:
        coordinates = variant.coordinates(self._problem, self._cost)

        least = math.inf

        def score(setting: Setting) -> Score:
            nonlocal least
            try:
                costs = self._on_search_seeds(variant, in_use(setting, coordinates), least)
            except InputError as refused:  # beyond a limit of the settings, which is not nature's
                self._tell(f"{variant.name} {refused}")
                return NOT_TRIED
            found = costs.score(self._cost, variant.most_rounds(setting))
            self._tell(f"{variant.name} {found[0]:.4g}")
            least = min(least, found[0])
            return found

        return _Climber(variant, coordinates, Search(coordinates, score, MOST_SETTINGS))

    def _on_search_seeds(self, variant: Variant, used: Setting, least: float) -> Costs:
        """Return the costs on the seeds of the search; what is far from the least ends early."""
        first, count = self._seeds
        found = Costs((), ())
        for begin in range(0, count, BLOCK):
            block = (first + begin, min(BLOCK, count - begin))
            found = found.followed_by(self._plays.costs(variant, used, block))
            if found.score(self._cost, variant.most_rounds(used))[0] > FAR_FROM_BEST * least:
                break
        return found
