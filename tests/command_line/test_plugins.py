"""What is said where a plug-in of Hydra's is missing."""

import importlib.util

import pytest

from marl_comm.command_line.composition import compose
from marl_comm.command_line.plugins import how_to_install
from marl_comm.errors import InputError

PRESETS = {
    "hydra/launcher=processes": "hydra_joblib_launcher",
    "hydra/launcher=slurm": "hydra_submitit_launcher",
    "hydra/launcher=slurm_local": "hydra_submitit_launcher",
    "hydra/launcher=ray_cluster": "hydra_ray_launcher",
    "hydra/sweeper=optuna_tpe": "hydra_optuna_sweeper",
}


@pytest.mark.parametrize(("choice", "plugin"), PRESETS.items())
def test_a_preset_works_or_says_how_to_install_what_it_needs(choice: str, plugin: str) -> None:
    if _is_installed(plugin):
        compose(choice)
        return
    with pytest.raises(InputError, match=r"plug-in is not installed; install it by: pip install"):
        compose(choice)


def _is_installed(plugin: str) -> bool:
    return importlib.util.find_spec("hydra_plugins") is not None and (
        importlib.util.find_spec(f"hydra_plugins.{plugin}") is not None
    )


def test_the_line_names_the_packages_as_pip_takes_them() -> None:
    line = how_to_install("hydra/launcher/ray")
    assert line is not None
    assert line.startswith("hydra/launcher=ray: ")
    assert "hydra-ray-launcher" in line
    assert how_to_install("game/coverage") is None
