import json
import logging
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wandb
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args
from wandb_reader import Recorded, read

from marl_comm.command_line.composition import compose
from marl_comm.loggers import MultiLogger
from marl_comm.loggers.curves import name_of
from marl_comm.loggers.local import LocalLog
from marl_comm.loggers.settings import WandbLoggerSettings
from marl_comm.loggers.wandb import WandbLogger
from marl_comm.storage.directory import RunDirectory
from marl_comm.storage.files import METRICS, SUMMARY

CONFIG: dict[str, Any] = {
    "seed": 5,
    "num_seeds": 2,
    "samples_per_round": 100,
    "metrics": {"gap_thresholds": [0.1], "every": 1},
    "game": {"name": "coverage", "seed": None},
    "tags": ["${not resolved again}"],
}
SEEDS = (5, 6)
QUARTILES = ("lower_quartile", "median", "upper_quartile")
ARRIVAL = ("round", "local_step", "samples", "bytes_up", "bytes_down")


def settings(**changed: Any) -> WandbLoggerSettings:
    values = {
        "name": "wandb",
        "project": "marl_comm",
        "entity": None,
        "mode": "offline",
        "group": None,
        "run_name": None,
        "tags": ["tag"],
        "final_policy_gif": False,
    }
    return WandbLoggerSettings(**(values | changed))


def points(local_step: int, seeds: tuple[int, ...] = SEEDS) -> list[dict[str, float]]:
    """Seed 5 communicates every 2 local updates, seed 6 every 3; gaps fall at different rates."""
    return [
        {
            "seed": seed,
            "round": math.ceil(local_step / (seed - 3)),
            "local_step": local_step,
            "samples": 100 * math.ceil(local_step / (seed - 3)),
            "bytes_up": 7,
            "value": 0.5,
            "nash_gap": 0.5 ** (local_step * (seed - 4)),
            "ess": 1.0,
        }
        for seed in seeds
    ]


def seed_summary(seed: int, reached: dict[str, int] | None) -> dict[str, Any]:
    return {
        "seed": seed,
        "rounds": seed - 4,
        "samples": 100,
        "nash_gap": 0.25 * (seed - 4),
        "stopped_by": "goal",
        "reached": {"0.1": reached, "0.01": None},
    }


SUMMARY_OF_RUN = {
    "seeds": [
        seed_summary(
            5, {"round": 2, "local_step": 4, "samples": 200, "bytes_up": 7, "bytes_down": 8}
        ),
        seed_summary(
            6, {"round": 1, "local_step": 2, "samples": 100, "bytes_up": 7, "bytes_down": 8}
        ),
    ],
    "status": "finished",
}


@pytest.fixture(autouse=True, scope="module")
def no_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither an account nor settings of whoever runs the tests, and no way to the server."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("WANDB_")]:
            patch.delenv(name)
        home = str(tmp_path_factory.mktemp("home"))
        patch.setenv("HOME", home)
        patch.setenv("WANDB_CONFIG_DIR", home)
        patch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
        patch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        yield
        wandb.teardown()


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs of one process, at the same time: the first is broken off, the second finishes."""
    first, second = tmp_path_factory.mktemp("first"), tmp_path_factory.mktemp("second")
    broken = WandbLogger(settings(group="my_sweep"), first, CONFIG, SEEDS)
    broken.log(points(0))
    broken.log(points(1))
    named = settings(group="mine", run_name="my run")
    finished = WandbLogger(named, second, CONFIG, SEEDS)
    for local_step in range(5):
        finished.log(points(local_step))
    finished.log(points(5, seeds=(6,)))  # seed 5 has stopped
    finished.finish(SUMMARY_OF_RUN)
    finished.close()
    broken.close()
    return first, second


@pytest.fixture(scope="module")
def first(directories: tuple[Path, Path]) -> Recorded:
    return read(directories[0])


@pytest.fixture(scope="module")
def second(directories: tuple[Path, Path]) -> Recorded:
    return read(directories[1])


def gap(first_step: int, second_step: int) -> float:
    """The mean gap when the seeds have made this many local updates."""
    return (0.5**first_step + 0.25**second_step) / 2


def test_curve_against_local_steps(second: Recorded) -> None:
    assert second.curve("evaluation/nash_gap", "local_step") == [
        (0, gap(0, 0)),
        (1, gap(1, 1)),
        (2, gap(2, 2)),
        (3, gap(3, 3)),
        (4, gap(4, 4)),
        (5, gap(4, 5)),  # the stopped seed counts with its last value
    ]


def test_curves_against_rounds_and_samples(second: Recorded) -> None:
    # After one round seed 5 has made 2 local updates and seed 6 has made 3.
    expected = [(0, gap(0, 0)), (1, gap(2, 3)), (2, gap(4, 5))]
    assert second.curve("evaluation_by_round/nash_gap", "round") == expected
    assert second.curve("evaluation_by_sample/nash_gap", "samples") == [
        (100 * x, y) for x, y in expected
    ]
    assert second.curve("training_by_round/local_step", "round") == [(0, 0), (1, 2.5), (2, 4.5)]
    assert second.curve("evaluation_by_round/nash_gap_median", "round") == expected
    assert second.curve("evaluation_by_round/nash_gap_upper_quartile", "round")[1] == (
        1,
        0.25 * 0.25**3 + 0.75 * 0.5**2,
    )


def test_a_broken_run_holds_only_what_every_seed_has_passed(first: Recorded) -> None:
    assert first.curve("evaluation/nash_gap", "local_step") == [(0, 1), (1, gap(1, 1))]
    assert first.curve("evaluation_by_round/nash_gap", "round") == [(0, 1)]


def test_every_metric_has_its_own_x_axis_and_section(second: Recorded) -> None:
    quartiles = {f"nash_gap_{part}" for part in QUARTILES}
    sections = {
        "evaluation": {"value", "nash_gap", *quartiles},
        "communication": {"round", "samples", "bytes_up"},
        "training": {"local_step", "ess"},
    }
    axes = {"local_step": "", "round": "_by_round", "samples": "_by_sample"}
    expected = {
        f"{section}{suffix}/{field}": f"axis/{axis}"
        for axis, suffix in axes.items()
        for section, fields in sections.items()
        for field in fields - {axis}
    }
    shown = {name: metric for name, metric in second.metrics.items() if name in expected}
    assert {name: metric["step_metric"] for name, metric in shown.items()} == expected
    hidden = second.metrics.keys() - expected.keys()
    assert hidden == {f"axis/{axis}" for axis in axes}
    assert all(second.metrics[name]["options"]["hidden"] for name in hidden)


def test_config_is_complete_and_the_run_is_named(
    first: Recorded, second: Recorded, directories: tuple[Path, Path]
) -> None:
    for recorded in (first, second):
        config = {k: v for k, v in recorded.run["config"]["update"].items() if k != "_wandb"}
        assert config == CONFIG
        assert recorded.run["project"] == "marl_comm"
        assert recorded.run["tags"] == ["tag"]
    assert first.run["run_group"] == "my_sweep"
    assert second.run["run_group"] == "mine"
    assert first.run["display_name"] == directories[0].name
    assert second.run["display_name"] == "my run"
    assert first.run["run_id"] != second.run["run_id"]


def test_every_run_is_finished_and_says_how(first: Recorded, second: Recorded) -> None:
    assert first.exit_codes == [1]
    assert second.exit_codes == [0]


def test_table_of_seeds(second: Recorded, directories: tuple[Path, Path]) -> None:
    logged = next(row for row in second.history if "seeds._type" in row)
    assert logged["seeds._type"] == "table-file"
    (file,) = (directories[1] / "wandb").glob("offline-run-*/files/" + logged["seeds.path"])
    table = json.loads(file.read_text())
    arrivals = [
        f"reached/{threshold}/{count}" for threshold in ("0.1", "0.01") for count in ARRIVAL
    ]
    assert table["columns"] == ["seed", "rounds", "samples", "nash_gap", "stopped_by", *arrivals]
    assert table["data"] == [
        [5, 1, 100, 0.25, "goal", 2, 4, 200, 7, 8, *[None] * 5],
        [6, 2, 100, 0.5, "goal", 1, 2, 100, 7, 8, *[None] * 5],
    ]
    # The copies that wait for upload: with the run, and nothing in the home directory.
    staging = directories[1] / "wandb" / "artifacts" / "staging"
    waiting = [json.loads(copy.read_text()) for copy in staging.iterdir()]
    assert waiting
    assert all(copy["data"] == table["data"] for copy in waiting)
    assert not (Path.home() / ".local").exists()


def test_numbers_of_the_sweeps_table(second: Recorded) -> None:
    numbers = {name: x for name, x in second.summary.items() if name.startswith(("final", "rea"))}
    assert numbers == {
        "final/rounds": 1.5,
        "final/samples": 100,
        "final/nash_gap": 0.375,
        "reached/0.1/seeds": 2,
        "reached/0.1/round": 1.5,
        "reached/0.1/local_step": 3,
        "reached/0.1/samples": 150,
        "reached/0.1/bytes_up": 7,
        "reached/0.1/bytes_down": 8,
        "reached/0.01/seeds": 0,
        **{f"reached/0.01/{x}": None for x in ARRIVAL},
    }
    assert second.summary["evaluation/nash_gap"] == gap(4, 5)
    assert "evaluation_by_round/nash_gap" not in second.summary


class FakeRun:
    """Stands for a W&B run; remembers what it is told and fails where it is told to."""

    def __init__(self, fails_in: str = "") -> None:
        self._fails_in = fails_in
        self.rows: list[dict[str, Any]] = []
        self.exit_codes: list[int] = []
        self.summary: dict[str, Any] = {}

    def _fail(self, call: str) -> None:
        if call == self._fails_in:
            raise ConnectionResetError("Connection\nlost")

    def define_metric(self, *_: Any, **__: Any) -> None:
        self._fail("define_metric")

    def log(self, row: dict[str, Any]) -> None:
        self._fail("log_table" if "seeds" in row else "log")
        self.rows.append(row)

    def finish(self, exit_code: int) -> None:
        self.exit_codes.append(exit_code)
        self._fail("finish")


@pytest.mark.parametrize("fails_in", ["init", "define_metric", "log", "log_table", "finish"])
def test_a_failure_of_wandb_is_one_warning_and_the_local_log_goes_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fails_in: str,
) -> None:
    fake = FakeRun(fails_in)

    def init(**_: Any) -> FakeRun:
        if fails_in == "init":
            raise wandb.errors.UsageError("No API key\nconfigured.")
        return fake

    monkeypatch.setattr(wandb, "init", init)
    directory = RunDirectory.claim(tmp_path)
    loggers = [LocalLog(directory), WandbLogger(settings(), tmp_path, CONFIG, SEEDS)]
    extra = {"bytes_down": 0, "divergence": 0.0}
    with caplog.at_level(logging.INFO), MultiLogger(loggers) as logger:
        for local_step in range(3):
            logger.log([point | extra for point in points(local_step)])
        logger.finish(SUMMARY_OF_RUN)
    assert len((tmp_path / METRICS).read_text().splitlines()) == 6
    assert (tmp_path / SUMMARY).exists()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "W&B could not" in record.getMessage()
    assert "\n" not in record.getMessage()
    # Whatever W&B did take is closed once: as failed, unless closing was what failed.
    assert fake.exit_codes == {"init": [], "finish": [0]}.get(fails_in, [1])


def logged_rows(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], *steps: list[dict[str, float]]
) -> list[dict[str, Any]]:
    fake = FakeRun()
    monkeypatch.setattr(wandb, "init", lambda **_: fake)
    with tempfile.TemporaryDirectory() as directory:
        logger = WandbLogger(settings(), Path(directory), config, SEEDS)
    for each in steps:
        logger.log(each)
    logger.finish(SUMMARY_OF_RUN)
    return [row for row in fake.rows if "seeds" not in row]


def test_a_seed_that_stops_between_logged_steps_counts_from_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = CONFIG | {"metrics": {"every": 2}}
    steps = [points(0), points(1, seeds=(5,)), points(2, seeds=(6,)), points(3, seeds=(6,))]
    rows = logged_rows(monkeypatch, config, *steps)
    curve = [
        (row["axis/local_step"], row["evaluation/nash_gap"])
        for row in rows
        if "axis/local_step" in row
    ]
    assert curve == [(0, gap(0, 0)), (2, gap(1, 2)), (3, gap(1, 3))]


def test_exact_gradients_have_no_curves_against_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = logged_rows(monkeypatch, CONFIG | {"samples_per_round": None}, points(0), points(1))
    sections = {name.split("/")[0] for row in rows for name in row}
    assert sections == {
        "axis",
        *(
            f"{x}{y}"
            for x in ("evaluation", "communication", "training")
            for y in ("", "_by_round")
        ),
    }


def test_numbers_that_are_not_finite_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [point | {"ess": np.nan} for point in points(0)]
    rows = logged_rows(monkeypatch, CONFIG, broken)
    assert "evaluation/nash_gap" in rows[0]
    assert "training/ess" not in rows[0]


def test_disabled_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb, "init", lambda **_: pytest.fail("started"))
    logger = WandbLogger(settings(mode="disabled"), tmp_path, CONFIG, SEEDS)
    logger.log(points(0))
    logger.finish(SUMMARY_OF_RUN)
    logger.close()
    assert list(tmp_path.iterdir()) == []


def test_console_stays_quiet(directories: tuple[Path, Path], tmp_path: Path) -> None:
    script = """
import logging
import sys
from pathlib import Path
logging.basicConfig(level=logging.INFO)  # as Hydra does
sys.path[:0] = sys.argv[2:]
from test_wandb import CONFIG, SEEDS, SUMMARY_OF_RUN, WandbLogger, points, settings
logger = WandbLogger(settings(), Path(sys.argv[1]), CONFIG, SEEDS)
logger.log(points(0))
logger.finish(SUMMARY_OF_RUN)
logger.close()
"""
    paths = [str(folder) for folder in Path(__file__).parents[:3]]
    command = [sys.executable, "-c", script, str(tmp_path), *paths]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("", "")
    assert read(tmp_path).exit_codes == [0]


def test_names_tags_and_ids_of_the_environment_count_where_nothing_else_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(wandb, "init", lambda **named: given.append(named))
    for name, value in {"NAME": "n", "TAGS": "a,b", "RUN_ID": "my-id"}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    for number, changed in enumerate(({"tags": []}, {"tags": []}, {"run_name": "mine"})):
        (tmp_path / str(number)).mkdir()
        WandbLogger(settings(**changed), tmp_path / str(number), CONFIG, SEEDS)
    first, second, third = given
    assert (first["name"], first["tags"], first["id"]) == (None, None, "my-id")
    assert second["id"] != "my-id"  # two runs of one process never share an id
    assert (third["name"], third["tags"]) == ("mine", ["tag"])
    assert (tmp_path / "0" / "wandb" / "run_id").read_text() == "my-id"


def test_what_an_agent_or_the_user_puts_into_the_environment_is_in_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """W&B reads most of it itself: read back from its file, because nothing here passes it on."""
    monkeypatch.setenv("WANDB_RUN_GROUP", "their group")
    monkeypatch.setenv("WANDB_NOTES", "what this is about")
    for name, value in {"SWEEP_ID": "sweep1", "RUN_ID": "agents-id", "PROJECT": "agents"}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    wandb.teardown()  # W&B reads its variables once in a process
    logger = WandbLogger(settings(), tmp_path, CONFIG, SEEDS)
    logger.log(points(0))
    logger.close()
    wandb.teardown()
    run = read(tmp_path).run
    assert (run["run_group"], run["notes"]) == ("their group", "what this is about")
    assert (run["sweep_id"], run["run_id"], run["project"]) == ("sweep1", "agents-id", "agents")
    assert (tmp_path / "wandb" / "run_id").read_text() == "agents-id"


def test_a_sweeps_name_is_no_group_where_the_environment_names_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = compose("logger=wandb")
    assert run.in_group("sweep").logger.model_dump()["group"] == "sweep"
    monkeypatch.setenv("WANDB_RUN_GROUP", "theirs")
    assert run.in_group("sweep").logger.model_dump()["group"] is None


def test_the_pages_sweep_is_one_that_wandbs_agents_can_start() -> None:
    """What an agent would type, made by W&B's own code, is a valid run."""
    page = (Path(__file__).parents[2] / "docs" / "wandb.md").read_text()
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    sweep = yaml.safe_load(text)
    values = {"learner.step_size": 2.5, "communication.ess_threshold": 0.3}
    assert values.keys() == sweep["parameters"].keys()
    arguments = {"args": {key: {"value": value} for key, value in values.items()}}
    filled = create_sweep_command_args(arguments) | {
        "env": ["/usr/bin/env"],
        "program": [sweep["program"]],
    }
    typed = [
        word
        for part in sweep["command"]
        for word in (filled[part[2:-1]] if part.startswith("${") else [part])
    ]
    assert typed[:4] == ["/usr/bin/env", "python", "-m", "marl_comm.run"]
    run = compose(*typed[4:])
    assert run.learner.model_dump()["step_size"] == 2.5
    assert run.communication.model_dump()["ess_threshold"] == 0.3
    assert run.logger.model_dump()["mode"] == "online"
    assert sweep["metric"]["name"] == name_of("nash_gap", "local_step")
