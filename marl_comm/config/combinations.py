"""Settings that are valid each and make no sense together."""

from collections.abc import Iterator

from marl_comm.learners.settings import NetworkLearnerSettings, TabularLearnerSettings
from marl_comm.options.answers import LearnerSettings, RunSettings
from marl_comm.options.found import name_of, options_of
from marl_comm.settings import LARGEST_SEED


def problems(run: RunSettings) -> Iterator[str]:
    """Yield a line for each combination that cannot mean what the user wants, the worst first."""
    yield from _problems_of_seeds(run)
    yield from _problems_of_thresholds(run)
    yield from _problems_of_objectives(run)
    yield from _problems_of_kinds(run)
    for option in (run.communication, run.learner, run.game, run.algorithm, run.logger):
        yield from option.problems(run)


def _problems_of_seeds(run: RunSettings) -> Iterator[str]:
    last_seed = run.seed + run.num_seeds - 1
    if last_seed > LARGEST_SEED:
        yield (
            f"seed={run.seed} num_seeds={run.num_seeds}: the last seed would be {last_seed}; "
            f"seed must be at most {LARGEST_SEED - run.num_seeds + 1} with this num_seeds"
        )


def _problems_of_thresholds(run: RunSettings) -> Iterator[str]:
    tags = [format(threshold, "g") for threshold in run.metrics.gap_thresholds]
    repeated = next((tag for tag in tags if tags.count(tag) > 1), None)
    if repeated is not None:
        yield (
            f"metrics.gap_thresholds=[{','.join(tags)}]: {repeated} appears more than once "
            "(to 6 digits); each threshold must differ"
        )


def _problems_of_objectives(run: RunSettings) -> Iterator[str]:
    tags = [format(threshold, "g") for threshold in run.metrics.gap_thresholds]
    for objective in run.metrics.objective or ():
        if objective == "won" and "won" not in run.game.outcomes:
            yield (
                f"metrics.objective=won game={run.game.name}: nothing is won there; allowed is "
                "metrics.objective=return"
            )
        elif objective not in ("return", "won") and run.game.policies == "networks":
            yield (
                f"metrics.objective={objective} game={run.game.name}: environments have no exact "
                "gap; allowed there is metrics.objective=return"
            )
        _, has_gap, gap = objective.partition(":")
        if has_gap and format(float(gap), "g") not in tags:
            yield (
                f"metrics.objective={objective}: the gap must be one of metrics.gap_thresholds, "
                f"[{','.join(tags)}]"
            )


def _problems_of_kinds(run: RunSettings) -> Iterator[str]:
    """A game needs a learner of what is learned in it."""
    if run.game.policies == run.learner.policies:
        return
    tables = run.game.policies == "tables"
    kind = TabularLearnerSettings if tables else NetworkLearnerSettings
    learners = [name_of(each) for each in options_of(LearnerSettings) if issubclass(each, kind)]
    yield (
        f"game={run.game.name} learner={run.learner.name}: {run.game.name} is played by "
        f"learner={' or '.join(learners)}; leave learner out (the game chooses it) or choose "
        "another game"
    )
