"""TensorBoard's event files, read back with TensorBoard's own reader."""

import errno
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loggers.test_wandb import CONFIG, SEEDS, SUMMARY_OF_RUN, gap, points
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.loggers.tensorboard import TensorBoardLogger

Curve = list[tuple[int, float]]


def curves(directory: Path) -> dict[str, Curve]:
    """Return all that TensorBoard shows of a run directory."""
    shown = EventAccumulator(str(directory / "tensorboard"), size_guidance={"scalars": 0})
    shown.Reload()
    return {
        tag: [(event.step, event.value) for event in shown.Scalars(tag)]
        for tag in shown.Tags()["scalars"]
    }


def near(curve: Curve) -> Any:
    """Event files hold numbers of 4 bytes."""
    return [(x, pytest.approx(y, rel=1e-6)) for x, y in curve]


def logged(directory: Path, *, until: int = 5) -> TensorBoardLogger:
    logger = TensorBoardLogger(directory, CONFIG, SEEDS)
    for local_step in range(until):
        logger.log(points(local_step))
    return logger


def test_curves_are_those_of_wandb_under_the_same_names(tmp_path: Path) -> None:
    logger = logged(tmp_path)
    logger.log(points(5, seeds=(6,)))  # seed 5 has stopped
    logger.finish(SUMMARY_OF_RUN)
    logger.close()
    found = curves(tmp_path)
    steps = [(step, gap(step, step)) for step in range(5)]
    assert found["evaluation/nash_gap"] == near([*steps, (5, gap(4, 5))])
    # After one round seed 5 has made 2 local updates and seed 6 has made 3.
    rounds = [(0, gap(0, 0)), (1, gap(2, 3)), (2, gap(4, 5))]
    assert found["evaluation_by_round/nash_gap"] == near(rounds)
    assert found["evaluation_by_sample/nash_gap"] == near([(100 * x, y) for x, y in rounds])
    assert found["training_by_round/local_step"] == near([(0, 0), (1, 2.5), (2, 4.5)])
    assert found["communication/round"][-1] == (5, 2.0)
    assert {tag.split("/")[0] for tag in found} == {
        f"{section}{axis}"
        for section in ("training", "communication", "evaluation")
        for axis in ("", "_by_round", "_by_sample")
    }


def test_what_a_resumed_run_has_logged_before_is_there_once(tmp_path: Path) -> None:
    logged(tmp_path, until=4).close()
    again = logged(tmp_path, until=3)
    again.remove_earlier()
    again.log(points(3))
    again.close()
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1
    assert [x for x, _ in curves(tmp_path)["evaluation/nash_gap"]] == [0, 1, 2, 3]


def test_an_open_tensorboard_drops_the_points_of_earlier_files(tmp_path: Path) -> None:
    logged(tmp_path, until=4).close()
    logged(tmp_path, until=3).close()
    assert [x for x, _ in curves(tmp_path)["evaluation/nash_gap"]] == [0, 1, 2]


def test_numbers_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    logger = TensorBoardLogger(tmp_path, CONFIG, SEEDS)
    logger.log([point | {"ess": np.nan} for point in points(0)])
    logger.close()
    assert "evaluation/nash_gap" in curves(tmp_path)
    assert "training/ess" not in curves(tmp_path)


def test_a_missing_package_is_told_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    run = compose("logger=tensorboard")
    run.logger.ready(run)
    monkeypatch.setattr("marl_comm.loggers.settings.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"is not installed; pip install '?tensorboard"):
        run.logger.ready(run)


def test_a_full_disk_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logged(tmp_path, until=1)

    def full(_: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(logger._records, "write", full)
    with caplog.at_level(logging.INFO):
        logger.log(points(1))
        logger.log(points(2))
        logger.finish(SUMMARY_OF_RUN)
        logger.close()
    (record,) = caplog.records
    assert "the run continues" in record.getMessage()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tensorboard").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is a link"):
        TensorBoardLogger(tmp_path, CONFIG, SEEDS)
