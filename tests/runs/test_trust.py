"""Whose code a run directory may run."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from marl_comm import evaluate as evaluate_command
from marl_comm import resume as resume_command
from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.options.answers import (
    AlgorithmSettings,
    CommunicationSettings,
    GameSettings,
    LearnerSettings,
)
from marl_comm.options.found import options_of
from marl_comm.runs import trust
from marl_comm.runs.session import execute, resume
from marl_comm.settings import Imported
from marl_comm.storage.digests import with_digests

COMMAND = ("game=pettingzoo", "game.environment=subprocess:getoutput")
PACKAGE = Path(__file__).parents[2] / "marl_comm"


@pytest.fixture(autouse=True)
def a_user_who_has_run_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(trust, "_known_here", set())


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A run directory that would make a file when its environment is made."""
    directory = tmp_path / "shared"
    directory.mkdir()
    command = f"+game.arguments.cmd='touch {tmp_path / 'owned'}'"
    config = compose(*COMMAND, command, "logger=local", "num_seeds=1")
    (directory / "config.yaml").write_text(yaml.safe_dump(config.model_dump(), sort_keys=False))
    (directory / "metrics.jsonl").touch()
    return directory


def finished(directory: Path) -> None:
    np.savez(directory / "final.npz", actor=np.zeros((1, 3), np.float32))
    summary = with_digests({"seeds": [{"seed": 0}], "status": "finished"}, directory)
    (directory / "summary.json").write_text(json.dumps(summary))


@pytest.mark.parametrize("command", ["resume", "evaluate"])
def test_a_shared_run_runs_no_code_without_a_word(hostile, monkeypatch, capsys, command):
    if command == "evaluate":
        finished(hostile)
    module = {"resume": resume_command, "evaluate": evaluate_command}[command]
    monkeypatch.setattr(sys, "argv", [command, str(hostile)])
    assert module.main() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "would import and call game.environment=subprocess:getoutput" in line
    assert "touch" in line
    assert "--trust" in line
    assert not (hostile.parent / "owned").exists()


def test_with_trust_it_is_imported(hostile):
    with pytest.raises(InputError, match="subprocess:getoutput") as refusal:
        resume(hostile, trust=True)
    assert "--trust" not in str(refusal.value)


def test_what_the_user_has_named_before_needs_no_word_also_in_another_process(hostile):
    config = compose(*COMMAND, "+game.arguments.cmd='true'", "logger=local", "num_seeds=1")
    (hostile / "config.yaml").write_text(yaml.safe_dump(config.model_dump()))
    with pytest.raises(InputError):  # what it makes is no environment
        execute(config, hostile.parent / "own")
    told = subprocess.run(
        [sys.executable, "-m", "marl_comm.resume", str(hostile)],
        capture_output=True,
        text=True,
        check=False,
        cwd=PACKAGE.parent,
    ).stderr
    assert "--trust" not in told
    assert "subprocess:getoutput" in told


def test_other_arguments_need_a_word_again(hostile):
    trust.remember(compose(*COMMAND, "+game.arguments.cmd='true'", "logger=local"))
    with pytest.raises(InputError, match="--trust"):
        resume(hostile)


def test_a_state_directory_that_cannot_be_written_is_told_and_stops_no_run(
    tmp_path, monkeypatch, caplog
):
    (tmp_path / "state").write_text("in the way")
    config = compose(*COMMAND, "logger=local")
    trust.remember(config)
    assert "resuming it will need --trust" in caplog.text
    trust.refuse_foreign(config, tmp_path)  # this process knows
    monkeypatch.setattr(trust, "_known_here", set())
    with pytest.raises(InputError, match="--trust"):
        trust.refuse_foreign(config, tmp_path)


def test_runs_of_what_is_built_in_import_nothing():
    assert trust.imports(compose("logger=local")) == []


def test_a_scenario_that_is_a_path_needs_a_word_and_a_name_does_not():
    assert trust.imports(compose("game=vmas", "game.scenario=balance", "logger=local")) == []
    (told,) = trust.imports(compose("game=vmas", "game.scenario='/tmp/evil.py'", "logger=local"))
    assert told.startswith("game.scenario=/tmp/evil.py")


def test_every_setting_that_is_imported_is_marked():
    """Whoever adds another one must mark it, and extend the list of files that import by name."""
    groups = (GameSettings, AlgorithmSettings, CommunicationSettings, LearnerSettings)
    marked = {
        field.alias or name
        for group in groups
        for option in options_of(group)
        for name, field in option.model_fields.items()
        if any(isinstance(mark, Imported) for mark in field.metadata)
    }
    assert marked == {"class", "environment", "scenario"}
    importing = {
        str(file.relative_to(PACKAGE))
        for file in PACKAGE.rglob("*.py")
        if "import_module(" in file.read_text()
    }
    assert importing == {
        "__init__.py",
        "options/own.py",
        "options/found.py",
        "games/environments/foreign.py",
        "games/environments/gymnasium_teams/world.py",
        "games/environments/mpe/environments.py",
        "games/environments/pettingzoo/starcraft.py",
        "algorithms/base_policy_prediction/predictor.py",
        "learners/mappo/predictor.py",
        "command_line/main.py",
        "paper/figure.py",
    }
