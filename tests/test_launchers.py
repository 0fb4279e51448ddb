"""Sweeps on launchers that need a plug-in, each killed in two ways, through the script.

The extra `ray` is large: its launcher is tried where `pip install -e ".[test,ray]"` was given.
"""

import importlib.util

import pytest
from test_crash_scripts import lines_of

PLUGINS = {
    "processes": "joblib_launcher",
    "slurm_local": "submitit_launcher",
    "ray_cluster": "ray_launcher",
}


LARGE = "ray_cluster"
TRIED = [
    launcher
    for launcher, plugin in PLUGINS.items()
    if launcher != LARGE or importlib.util.find_spec(f"hydra_plugins.hydra_{plugin}")
]


@pytest.mark.parametrize("launcher", TRIED)
def test_a_killed_sweep_goes_on_and_runs_nothing_twice(launcher: str) -> None:
    told = lines_of("launcher_test.py", launcher, "--jobs", "20")
    assert told == [
        f"{launcher}, {victim} killed: 20 of 20 jobs finished, 0 of them run twice, "
        "20 equal to the byte"
        for victim in ("worker", "parent")
    ]
