import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import enumeration
import numpy as np
import pytest
import yaml

from marl_comm.errors import InputError, OutputError
from marl_comm.storage.directory import RunDirectory, to_json
from marl_comm.storage.files import (
    CONFIG,
    FINAL,
    METRICS,
    SUMMARY,
    remove_leftovers_of_others,
    writing_beside_others,
)

ROOT = Path(__file__).parents[2]


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def one_line(error: pytest.ExceptionInfo[Exception], *parts: str) -> None:
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_claim_makes_the_directory_and_an_empty_metrics_file(tmp_path: Path) -> None:
    directory = RunDirectory.claim(tmp_path / "new" / "run")
    assert contents(directory.path) == {METRICS: b""}


def test_a_directory_with_unrelated_files_can_be_claimed(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    RunDirectory.claim(tmp_path)
    assert contents(tmp_path) == {"notes.txt": b"mine", METRICS: b""}


@pytest.mark.parametrize("name", [CONFIG, METRICS, SUMMARY, FINAL])
def test_a_directory_that_holds_a_run_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(InputError) as error:
        RunDirectory.claim(tmp_path)
    one_line(error, "hydra.run.dir", str(tmp_path), name, "allowed")
    assert contents(tmp_path) == {name: b"precious"}


def test_of_two_processes_that_looked_at_the_same_time_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both have seen an empty directory: only the lock can still tell them apart.
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    with RunDirectory.claim(tmp_path):
        (tmp_path / METRICS).write_text("the first one's")
        with pytest.raises(InputError) as error:
            RunDirectory.claim(tmp_path)
    one_line(error, "another process is at work on it")
    assert contents(tmp_path) == {METRICS: b"the first one's"}


def test_a_process_killed_before_it_wrote_anything_leaves_nothing_to_protect(
    tmp_path: Path,
) -> None:
    with RunDirectory.claim(tmp_path):
        pass
    with RunDirectory.claim(tmp_path) as directory:
        directory.write_config({"seed": 1})
    with pytest.raises(InputError, match="already holds a run"):
        RunDirectory.claim(tmp_path)


def test_a_run_is_reopened_by_one_process_at_a_time(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no run"):
        RunDirectory.reopen(tmp_path)
    with RunDirectory.claim(tmp_path) as directory:
        directory.write_config({"seed": 1})
        with pytest.raises(InputError, match="another process is at work on it"):
            RunDirectory.reopen(tmp_path)
    with RunDirectory.reopen(tmp_path):
        pass


@pytest.mark.parametrize(
    ("inside", "reason"), [("", "exists and is not a directory"), ("run", "Not a directory")]
)
def test_a_file_in_the_directorys_place_is_refused(
    tmp_path: Path, inside: str, reason: str
) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError) as error:
        RunDirectory.claim(tmp_path / "file" / inside)
    one_line(error, "hydra.run.dir", "file", reason)
    assert (tmp_path / "file").read_text() == "precious"


@pytest.fixture
def read_only_directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o555)
        superuser = os.geteuid() == 0  # whom permissions do not stop
        if superuser:
            os.seteuid(65534)
        yield directory
        if superuser:
            os.seteuid(0)
        directory.chmod(0o755)


@pytest.mark.parametrize("inside", ["", "run"])
def test_an_unwritable_directory_is_refused(read_only_directory: Path, inside: str) -> None:
    with pytest.raises(InputError) as error:
        RunDirectory.claim(read_only_directory / inside)
    one_line(error, "hydra.run.dir", "Permission denied")
    assert contents(read_only_directory) == {}


def test_config_reads_back_equal(tmp_path: Path) -> None:
    config = {"seed": 0, "learner": {"policy_floor": 1e-10, "name": "npg"}, "tags": ["ü", "1e-3"]}
    RunDirectory.claim(tmp_path).write_config(config)
    text = (tmp_path / CONFIG).read_text()
    assert yaml.safe_load(text) == config
    assert text.startswith("seed: 0\nlearner:\n")


def test_equal_arrays_make_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = np.random.default_rng(0).random((3, 4, 5))
    written = []
    for name, seconds, array in [("a", 1e9, policy), ("b", 1.5e9, np.asfortranarray(policy))]:
        monkeypatch.setattr(time, "time", lambda seconds=seconds: seconds)
        directory = RunDirectory.claim(tmp_path / name)
        directory.write_final({"policy": array, "target_value": policy[:1, 0]})
        written.append((directory.path / FINAL).read_bytes())
    assert written[0] == written[1]
    with np.load(tmp_path / "a" / FINAL) as arrays:
        np.testing.assert_array_equal(arrays["policy"], policy)
        assert list(arrays) == ["policy", "target_value"]


def test_a_file_that_cannot_be_completed_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = RunDirectory.claim(tmp_path)
    directory.write_summary({"status": "old"})
    before = contents(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError) as error:
        directory.write_summary({"status": "new"})
    one_line(error, SUMMARY, "No space left on device")
    assert contents(tmp_path) == before


def test_a_full_disk_leaves_no_half_written_arrays(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
import numpy as np
from marl_comm.errors import OutputError
from marl_comm.storage.directory import RunDirectory
directory = RunDirectory.claim(Path(sys.argv[1]))
try:
    directory.write_final({"policy": np.ones((100, 1000)), "costs": np.ones(1000)})
except OutputError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert result.stderr == ""
    assert result.stdout.splitlines() == [f"cannot write {tmp_path / FINAL}: File too large"]
    assert contents(tmp_path) == {METRICS: b""}


def test_summary_is_standard_json(tmp_path: Path) -> None:
    seeds = [{"seed": np.int64(3), "nash_gap": np.float64(0.1), "value": float("nan")}]
    RunDirectory.claim(tmp_path).write_summary({"seeds": seeds, "status": "finished"})
    text = (tmp_path / SUMMARY).read_text()
    summary = json.loads(text, parse_constant=pytest.fail)
    assert summary.pop("digests").keys() == {METRICS, SUMMARY}
    assert summary == {
        "seeds": [{"seed": 3, "nash_gap": 0.1, "value": None}],
        "status": "finished",
    }


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -np.inf, np.float32("nan")])
def test_numbers_that_json_lacks_become_null(number: float) -> None:
    assert to_json({"a": [number, 1.5], "b": (number,)}) == '{"a":[null,1.5],"b":[null]}'


def test_the_documented_snippet_recomputes_value_and_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seeds, agents, actions = 2, 3, 4
    random = np.random.default_rng(5)
    policy = random.dirichlet(np.ones(actions), size=(seeds, agents))
    target_value = random.dirichlet(np.ones(actions), size=1)  # one game shared by the seeds
    hit_probability = random.uniform(0.2, 0.9, size=(1, agents, actions))

    def own_rewards(joint_action: tuple[int, ...]) -> list[float]:
        survival = np.ones(actions)
        for agent, target in enumerate(joint_action):
            survival[target] *= 1 - hit_probability[0, agent, target]
        return [float(target_value[0] @ (1 - survival))] * agents

    expected = [
        (float(enumeration.expectation(own_rewards, p)[0]), enumeration.nash_gap(own_rewards, p))
        for p in policy
    ]
    directory = RunDirectory.claim(tmp_path / "run")
    directory.write_final(
        {"policy": policy, "target_value": target_value, "hit_probability": hit_probability}
    )
    directory.write_config({"game": {"name": "coverage"}})
    directory.write_summary(
        {"seeds": [{"seed": i, "value": v, "nash_gap": g} for i, (v, g) in enumerate(expected)]}
    )
    with (directory.path / METRICS).open("a") as metrics:
        metrics.write(to_json({"seed": 0, "round": 0}) + "\n")

    page = (ROOT / "docs" / "run_directory.md").read_text()
    snippet = page.split("```python\n")[1].split("```")[0]
    monkeypatch.setattr(sys, "argv", ["snippet", str(directory.path)])
    names: dict[str, object] = {}
    exec(compile(snippet, "docs/run_directory.md", "exec"), names)
    np.testing.assert_allclose(names["value"], [value for value, _ in expected], rtol=1e-12)
    np.testing.assert_allclose(names["nash_gap"], [gap for _, gap in expected], rtol=1e-10)
    assert capsys.readouterr().out.count("seed") == seeds


def test_leftovers_stay_while_another_process_may_be_writing(tmp_path: Path) -> None:
    half = tmp_path / ".plan.12-ab.part"
    half.write_text("half")
    with writing_beside_others(tmp_path), writing_beside_others(tmp_path):
        remove_leftovers_of_others(tmp_path)
        assert half.exists()
    remove_leftovers_of_others(tmp_path)
    assert not half.exists()


def test_a_folder_without_leftovers_gets_no_lock(tmp_path: Path) -> None:
    remove_leftovers_of_others(tmp_path)
    remove_leftovers_of_others(tmp_path / "missing")
    assert [*tmp_path.iterdir()] == []
