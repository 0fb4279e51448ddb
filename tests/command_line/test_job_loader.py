"""Jobs are composed quickly, and exactly as Hydra composes them."""

from collections.abc import Iterator
from typing import Any

import hydra
import pytest
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from marl_comm.command_line.composition import CONFIG_DIRECTORY, CONFIG_NAME, HYDRA_VERSION_BASE
from marl_comm.command_line.job_loader import JobLoader

GIVEN = ["+note=${hydra:job.num}", "hydra.job.config.override_dirname.exclude_keys=[seed]"]
OVERRIDES = [
    "seed=1",
    "seed=${hydra:job.num}",
    "num_seeds=${seed}",
    "game=coverage",
    "game=congestion",
    "game=mpe/simple_spread",
    "game=coverage",
    "game.agents=3",
    "game.agents=4",
    "game.seed=null",
    "algorithm=full_communication",
    "algorithm=importance_sampling",
    "communication=adaptive",
    "communication.max_rounds=${game.agents}",
    "communication.warmup=3",
    "learner=mappo",
    "metrics.gap_thresholds=[0.1,0.2]",
    "metrics={every:3}",
    "logger=local",
    "logger.tags=[a,b]",
    "experiment=rates",
    "experiment=null",
    "hydra.sweep.subdir='a b'",
    "hydra.job.chdir=true",
    "+extra=1",
    "++game.agents=5",
    "~metrics.every",
    "~experiment",
    "nothing=3",
    "game.nothing=3",
    "game=nothing",
    "game@here=coverage",
    "experiment=[]",
]


@pytest.fixture
def master() -> Iterator[DictConfig]:
    with hydra.initialize_config_dir(str(CONFIG_DIRECTORY), version_base=HYDRA_VERSION_BASE):
        made = GlobalHydra.instance().hydra
        assert made is not None
        yield made.compose_config(
            CONFIG_NAME, GIVEN, RunMode.MULTIRUN, with_log_configuration=False
        )


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(jobs=st.lists(st.lists(st.sampled_from(OVERRIDES), max_size=5), min_size=2, max_size=2))
def test_a_job_is_composed_as_hydra_would(master: DictConfig, jobs: list[list[str]]) -> None:
    hydras = GlobalHydra.instance().config_loader()
    loader = JobLoader(hydras)
    for job in jobs:  # the second meets what the first left in memory
        expected = composed(hydras, master, job)
        assert composed(loader, master, job) == expected
        if not any(override.startswith("hydra") for override in job):
            task = expected and {k: v for k, v in expected.items() if k != "hydra"}
            assert lent(loader, master, job) == task


def composed(loader: ConfigLoader, master: DictConfig, job: list[str]) -> Any:
    """Return a job's values and all of Hydra's, unresolved; None where it cannot be composed."""
    try:
        return OmegaConf.to_container(loader.load_sweep_config(master, list(job)))
    except Exception:
        return None


def lent(loader: JobLoader, master: DictConfig, job: list[str]) -> Any:
    try:
        task, lent = loader.load_task(master, list(job))
    except Exception:
        return None
    assert lent.hydra.overrides.task == job
    return OmegaConf.to_container(task)


def test_a_value_that_hydra_refuses_is_refused_in_the_same_words(master: DictConfig) -> None:
    loader = GlobalHydra.instance().config_loader()
    for job in (["game.agnts=3"], ["seed=1", "game=cover"], ["seed.x=3"]):
        with pytest.raises(Exception) as hydras:  # noqa: PT011
            loader.load_sweep_config(master, job)
        with pytest.raises(type(hydras.value)) as ours:
            JobLoader(loader).load_sweep_config(master, job)
        assert str(ours.value) == str(hydras.value)


def test_values_may_refer_to_hydras_settings(master: DictConfig) -> None:
    task, lent = JobLoader(GlobalHydra.instance().config_loader()).load_task(
        master, ["seed=${hydra:job.override_dirname}", "num_seeds=7"]
    )
    HydraConfig.instance().cfg = lent
    try:
        assert "num_seeds=7" in OmegaConf.to_container(task, resolve=True)["seed"]
    finally:
        HydraConfig.instance().cfg = None
