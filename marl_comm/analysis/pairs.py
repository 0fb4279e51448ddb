"""Configurations paired with a reference on the seeds that both played in the same game."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from marl_comm.analysis.configurations import Configuration
from marl_comm.analysis.runs import SeedSummary


@dataclass(frozen=True, eq=False)
class Pairs:
    """A configuration and its reference.

    Attributes:
        seeds: Those that both have, ascending, at least one.
        thresholds: The gaps that both recorded, largest first, at least one; in environments none.
    """

    configuration: Configuration
    reference: Configuration
    seeds: tuple[int, ...]
    thresholds: tuple[float, ...]

    @property
    def label(self) -> str:
        """Both labels, as a ratio."""
        return f"{self.configuration.label} / {self.reference.label}"

    def summaries(self, configuration: Configuration) -> list[SeedSummary]:
        """Return one side's summaries in the order of `seeds`."""
        by_seed = {run.summary.seed: run.summary for run in configuration.seeds}
        return [by_seed[seed] for seed in self.seeds]


def pair_with_reference(
    configurations: Sequence[Configuration], reference: str, tell: Callable[[str], None]
) -> list[Pairs]:
    """Pair every other configuration with the reference on its game.

    Of several references on a game, those that differ in nothing but the algorithm are taken;
    if there is none, all of them.

    Args:
        configurations: All that are compared.
        reference: An algorithm's name or a whole label.
        tell: Receives one line for each configuration that cannot be paired.
    """
    references = [each for each in configurations if reference in (each.algorithm, each.label)]
    chosen = []
    for configuration in configurations:
        if configuration in references:
            continue
        found = list(_pairs(configuration, references))
        if not found:
            tell(f"not paired: {configuration.label} shares no game, seed and gap with {reference}")
        alike = [pairs for pairs in found if _differ_in_algorithm_only(pairs)]
        chosen += alike or found
    return chosen


def _pairs(configuration: Configuration, references: Sequence[Configuration]) -> Iterator[Pairs]:
    seeds = [run.summary.seed for run in configuration.seeds]
    for reference in references:
        their_seeds = {run.summary.seed for run in reference.seeds}
        shared_seeds = tuple(seed for seed in seeds if seed in their_seeds)
        shared_thresholds = tuple(
            threshold for threshold in configuration.thresholds if threshold in reference.thresholds
        )
        same_game = configuration.settings("game") == reference.settings("game")
        has_goal = bool(shared_thresholds) or configuration.plays_environment
        if same_game and shared_seeds and has_goal:
            yield Pairs(configuration, reference, shared_seeds, shared_thresholds)


def _differ_in_algorithm_only(pairs: Pairs) -> bool:
    one, other = pairs.configuration, pairs.reference
    algorithm = one.settings("algorithm").keys() | other.settings("algorithm").keys()
    return all(
        one.config.get(key) == other.config.get(key)
        for key in (one.config.keys() | other.config.keys()) - algorithm
    )
