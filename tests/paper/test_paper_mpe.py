"""The studies of MAPPO at full length: what they sweep over, and that a quick one runs."""

from functools import cache

import pytest

from marl_comm.command_line.composition import CONFIG_DIRECTORY
from marl_comm.paper.experiments import jobs_of_experiment

FOUND = sorted(path.stem for path in (CONFIG_DIRECTORY / "experiment").glob("paper_mpe*.yaml"))
TUNING = [name for name in FOUND if name.startswith("paper_mpe_rates")]
STUDIES = [name for name in FOUND if name not in TUNING]
# Stands in docs/mappo.md.
QUICK = (
    "num_seeds=2",
    "max_local_steps=8",
    "game.copies=4",
    "game.evaluation_every=4",
    "game.evaluation_copies=8",
    "learner.epochs=2",
)


@cache
def jobs(study):
    return jobs_of_experiment(study)


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_is_long_enough_and_small_where_it_is_quick(study):
    for job in jobs(study):
        config = job.config
        steps = config.max_local_steps * config.game.copies * config.game.steps
        assert config.num_seeds >= 8
        assert steps >= 1_000_000
        assert config.game.evaluation_copies >= 512
        assert config.communication.max_rounds is None
        # Three evaluations at the end, of policies that hardly change any more.
        assert config.max_local_steps % config.game.evaluation_every == 0
        assert config.learner.learning_rate_decay
    quick = jobs_of_experiment(study, QUICK)
    assert sum(job.seconds for job in quick) < 10 * 60
    lengths = {job.config.max_local_steps for job in jobs(study)}
    assert len(quick) * len(lengths) == len(jobs(study))


def test_all_are_tuned_alike_on_seeds_that_no_study_plays():
    rates = [job.config for study in TUNING for job in jobs(study)]
    found = {}
    for config in rates:
        assert config.learner.learning_rate == config.learner.critic_learning_rate
        assert config.learner.learning_rate_decay
        once = config.learner.recompute_advantages  # what tells plain MAPPO from one large update
        player = config.game.environment, config.algorithm.name, once
        found.setdefault(player, []).append(config.learner.learning_rate)
    assert len(found) == 2 * 4 + 1
    assert {tuple(sorted(grid)) for grid in found.values()} == {(0.002, 0.004, 0.008)}
    played = {
        job.config.seed + row
        for study in STUDIES
        for job in jobs(study)
        for row in range(job.config.num_seeds)
    }
    assert not played & {config.seed + row for config in rates for row in range(config.num_seeds)}


def test_all_studies_differ_from_each_other():
    names = [job.name for study in STUDIES[1:] for job in jobs(study)]
    assert STUDIES[0] == "paper_mpe"
    assert len(set(names)) == len(names)
