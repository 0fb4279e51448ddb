"""Runs with classes of the user's own: what they are called, resumed, and never imported."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import console
import extending_page
import numpy as np
import pytest
import yaml

from marl_comm import compare, sync, wall_clock
from marl_comm.analysis.configurations import pool
from marl_comm.analysis.runs import load_runs
from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.paper.experiments import Job
from marl_comm.plots.style import looks
from marl_comm.runs.session import execute, resume
from marl_comm.storage.checkpoints import Checkpoints

QUICK = ("logger=local", "num_seeds=3", "samples_per_round=200", "max_local_steps=12")
OWN_GAME = ("game=one_shot", "game.class=hunts:StagHunt")
OWN_ALGORITHM = ("algorithm=own", "algorithm.class=plans:LastDisplacement")
OWN_SCHEDULE = ("communication=own", "communication.class=rounds:Growing")
COMPARED = ("metrics.jsonl", "final.npz", "summary.json", "config.yaml")


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder with the page's files, from which modules are imported."""
    files = extending_page.write_files(tmp_path / "outside")
    monkeypatch.syspath_prepend(files)
    monkeypatch.chdir(tmp_path)
    yield files
    for file in files.glob("*.py"):
        sys.modules.pop(file.stem, None)


def test_a_run_is_called_by_its_classes(outside, tmp_path) -> None:
    command = [sys.executable, "-m", "marl_comm.run", *QUICK, *OWN_GAME, *OWN_ALGORITHM]
    environment = {**console.environment(), "PYTHONPATH": f"{extending_page.ROOT}:{outside}"}
    subprocess.run([*command, *OWN_SCHEDULE], env=environment, check=True, capture_output=True)
    (folder,) = (tmp_path / "outputs").iterdir()
    assert folder.name == "StagHunt-LastDisplacement-Growing"
    (played,) = folder.iterdir()
    config = yaml.safe_load((played / "config.yaml").read_text())
    assert config["algorithm"]["class"] == "plans:LastDisplacement"
    assert config["game"]["class"] == "hunts:StagHunt"


def test_the_jobs_of_figures_are_called_by_their_classes() -> None:
    job = Job(compose(*QUICK, *OWN_GAME, *OWN_ALGORITHM))
    assert job.name.startswith("StagHunt-LastDisplacement-")
    assert job.seconds > 0


def played(directory: Path, *overrides: str) -> Path:
    execute(compose(*QUICK, *overrides), directory)
    return directory


def test_comparisons_call_configurations_by_their_classes(outside, tmp_path, capsys) -> None:
    (outside / "others.py").write_text(
        "from plans import LastDisplacement\nclass Another(LastDisplacement): ...\n"
    )
    (outside / "twins.py").write_text("from rounds import Growing\n")
    runs = tmp_path / "runs"
    played(runs / "a", *OWN_ALGORITHM)
    played(runs / "b", "algorithm=own", "algorithm.class=others:Another")
    played(runs / "c", *OWN_ALGORITHM, *OWN_SCHEDULE)
    played(runs / "d", "algorithm=importance_sampling")
    labels = {each.label for each in pool(load_runs([runs], print), print)}
    assert labels == {
        "importance_sampling communication=adaptive",
        "LastDisplacement communication=adaptive",
        "LastDisplacement communication=Growing",
        "Another communication=adaptive",
    }
    assert compare.main([str(runs), "--out", str(tmp_path / "out")]) == 0
    table = capsys.readouterr().out
    assert "LastDisplacement communication=Growing" in table
    assert (tmp_path / "out" / "nash_gap.png").is_file()
    played(runs / "e", *OWN_ALGORITHM, "communication=own", "communication.class=twins:Growing")
    labels = {each.label for each in pool(load_runs([runs], print), print)}
    assert "LastDisplacement communication=rounds:Growing" in labels
    assert "LastDisplacement communication=twins:Growing" in labels


def test_algorithms_of_one_name_from_two_modules_are_told_apart(outside, tmp_path) -> None:
    (outside / "twins.py").write_text("from plans import LastDisplacement\n")
    runs = tmp_path / "runs"
    played(runs / "a", *OWN_ALGORITHM)
    played(runs / "b", "algorithm=own", "algorithm.class=twins:LastDisplacement")
    labels = {each.label for each in pool(load_runs([runs], print), print)}
    assert labels == {
        "LastDisplacement algorithm.class=plans:LastDisplacement",
        "LastDisplacement algorithm.class=twins:LastDisplacement",
    }


def test_two_algorithms_of_the_users_own_look_different() -> None:
    one, other, again = looks(["One", "Other", "One"])
    assert len({one.color, other.color}) == len({one.marker, other.marker}) == 2
    assert one.linestyle == again.linestyle != other.linestyle
    assert again.color != one.color


TRIPWIRE = """\
from pathlib import Path
from hunts import *
from plans import *
from rounds import *
Path(__file__).with_name("imported").touch()
"""


def test_only_what_plays_imports_the_class_that_a_run_names(outside, tmp_path, monkeypatch) -> None:
    (outside / "tripwire.py").write_text(TRIPWIRE)
    sign = outside / "imported"
    for name in [name for name in __import__("os").environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    overrides = (
        *("game=one_shot", "game.class=tripwire:StagHunt"),
        *("algorithm=own", "algorithm.class=tripwire:LastDisplacement"),
        *("communication=own", "communication.class=tripwire:Growing"),
    )
    config = compose(*QUICK, *overrides)
    assert Job(config).seconds > 0
    assert not sign.exists()
    execute(config, tmp_path / "runs" / "a")
    assert sign.exists()
    sign.unlink()
    sys.modules.pop("tripwire")

    runs = str(tmp_path / "runs")
    assert compare.main([runs, "--out", str(tmp_path / "out")]) == 0
    monkeypatch.setattr(sys, "argv", ["sync", "--mode", "offline", f"{runs}/a"])
    assert sync.main() == 0
    monkeypatch.setattr(sys, "argv", ["wall-clock", runs, "latency=0.1", "gap=0.03"])
    wall_clock.main()
    resume(tmp_path / "runs" / "a")  # a finished run is left alone
    assert not sign.exists()
    (tmp_path / "runs" / "a" / "summary.json").unlink()
    resume(tmp_path / "runs" / "a")
    assert sign.exists()


def test_seeds_that_end_leave_the_algorithms_memory(outside, tmp_path, monkeypatch) -> None:
    kept = []
    plans = __import__("plans")
    original = plans.LastDisplacement.keep

    def keep(self, rows) -> None:
        original(self, rows)
        if self._previous is not None:
            kept.append((len(rows), len(self._previous)))

    monkeypatch.setattr(plans.LastDisplacement, "keep", keep)
    goal = ("metrics.stop_at_smallest_gap=true", "metrics.gap_thresholds=[0.01]")
    played(tmp_path / "run", *OWN_ALGORITHM, *goal, "num_seeds=8", "max_local_steps=200")
    left = [rows for rows, _ in kept]
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert len(left) > 2
    assert all(rows == remembered for rows, remembered in kept)


LONG = (
    *("num_seeds=5", "samples_per_round=400", "max_local_steps=1500", "metrics.every=3"),
    *("logger=local", "checkpoint_seconds=0.02", *OWN_GAME, *OWN_ALGORITHM, *OWN_SCHEDULE),
    *("communication.max_local_updates=25", "game.reward_noise=0.1"),
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_ends_with_the_same_bytes(outside, tmp_path, number) -> None:
    execute(compose(*LONG), tmp_path / "left_alone")
    run = tmp_path / "run"
    environment = {**console.environment(), "PYTHONPATH": f"{extending_page.ROOT}:{outside}"}
    command = [sys.executable, "-m", "marl_comm.run", *LONG, f"hydra.run.dir={run}"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(list((run / "checkpoints").glob("checkpoint_*.bin"))) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the run saved nothing"
        time.sleep(0.005)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert not (run / "summary.json").exists()
    remembered = Checkpoints(run).load_latest()["algorithm"]["previous"]
    assert remembered.shape == (5, 4, 2)
    subprocess.run([sys.executable, "-m", "marl_comm.resume", run], env=environment, check=True)
    for name in COMPARED:
        assert (run / name).read_bytes() == (tmp_path / "left_alone" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: file.unlink(), "plans cannot be imported; modules are looked for in"),
        (lambda file: file.write_text("Other = 3\n"), "plans has no LastDisplacement"),
        (lambda file: file.write_text("import nowhere\n"), "there is no module nowhere"),
        (lambda file: file.write_text("class LastDisplacement: ...\n"), "must be a subclass of"),
        (lambda file: file.write_text("1 / 0\n"), "ZeroDivisionError: division by zero"),
    ],
)
def test_a_run_whose_class_cannot_be_had_is_not_resumed(outside, tmp_path, change, words) -> None:
    run = played(tmp_path / "run", *OWN_ALGORITHM)
    (run / "summary.json").unlink()
    before = {file.name: file.read_bytes() for file in run.iterdir()}
    sys.modules.pop("plans")
    change(outside / "plans.py")
    with pytest.raises(InputError) as refused:
        resume(run)
    assert "algorithm.class=plans:LastDisplacement: " in str(refused.value)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert {file.name: file.read_bytes() for file in run.iterdir()} == before


def test_a_class_that_goes_wrong_later_ends_the_run_in_one_line(outside, tmp_path) -> None:
    (outside / "later.py").write_text(
        "import numpy as np\n"
        "from hunts import StagHunt\n"
        "class Later(StagHunt):\n"
        "    played = 0\n"
        "    def rewards(self, rows, joint_actions):\n"
        "        self.played += 1\n"
        "        wrong = np.nan if self.played > 1 else 1.0\n"
        "        return super().rewards(rows, joint_actions) * wrong\n"
    )
    with pytest.raises(InputError, match=r"later:Later: rewards\(\) must give finite numbers"):
        played(tmp_path / "run", "game=one_shot", "game.class=later:Later")
    assert not (tmp_path / "run" / "summary.json").exists()
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    points = [json.loads(line) for line in lines]
    assert all(np.isfinite(point["value"]) for point in points)
