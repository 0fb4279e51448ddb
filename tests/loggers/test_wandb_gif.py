"""An episode of the final policies as a GIF in Weights & Biases, where it is asked for."""

import os
from pathlib import Path

import pytest
import wandb
from PIL import Image
from test_train_networks import SMALL
from wandb_reader import read

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.loggers.settings import WandbLoggerSettings
from marl_comm.loggers.wandb import WandbLogger
from marl_comm.runs.session import execute

ASKED = "logger.final_policy_gif=true"
WANDB = [part for part in SMALL if part != "logger=local"]


def test_an_offline_run_holds_an_episode_and_the_same_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    execute(compose(*WANDB, "max_local_steps=1", ASKED), tmp_path / "drawn")
    wandb.teardown()
    recorded = read(tmp_path / "drawn")
    (logged,) = (row for row in recorded.history if "evaluation/final_policy._type" in row)
    assert logged["evaluation/final_policy._type"] == "video-file"
    path = "files/" + logged["evaluation/final_policy.path"]
    (file,) = (tmp_path / "drawn" / "wandb").glob(f"offline-run-*/{path}")
    with Image.open(file) as animation:
        assert animation.format == "GIF"
        assert 1 < animation.n_frames <= 5  # frames that look the same are one
    assert recorded.exit_codes == [0]
    execute(compose(*SMALL, "max_local_steps=1"), tmp_path / "plain")
    for name in ("metrics.jsonl", "final.npz"):
        assert (tmp_path / "drawn" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


def test_an_environment_that_fails_in_the_end_costs_a_warning_and_no_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def draw(file: Path) -> None:
        raise RuntimeError("no display")

    config = compose(*WANDB, "logger.mode=disabled", ASKED)
    assert isinstance(config.logger, WandbLoggerSettings)
    logger = WandbLogger(config.logger, tmp_path, config.model_dump(), [0], draw)
    assert logger._drawn() is None
    (record,) = caplog.records
    assert record.getMessage() == (
        "W&B: the final policies are not drawn: RuntimeError: no display"
    )


def test_what_cannot_be_drawn_is_refused_beforehand() -> None:
    config = compose("game=pettingzoo", "logger=wandb", ASKED)
    with pytest.raises(InputError, match=r"^logger.final_policy_gif=true: .* gives no pictures"):
        config.ready()
    compose("game=pettingzoo", "logger=wandb", "logger.mode=disabled", ASKED).ready()


def test_tables_have_no_pictures() -> None:
    with pytest.raises(InputError, match=r"game=coverage: only environments are drawn"):
        compose("logger=wandb", ASKED)
    compose("logger=wandb", "logger.mode=disabled", ASKED)
