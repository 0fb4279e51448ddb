import hashlib
import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from marl_comm.errors import InputError
from marl_comm.loggers.local import FIELDS, LocalLog
from marl_comm.storage.directory import RunDirectory
from marl_comm.storage.files import METRICS, SUMMARY

ROOT = Path(__file__).parents[2]


def point(seed: int, local_step: int, **changed: float) -> dict[str, float]:
    numbers = dict.fromkeys(FIELDS, 0.1 + 0.2)
    return {**numbers, "seed": seed, "local_step": local_step, "bases": 3, **changed}


def lines(directory: Path) -> list[str]:
    return (directory / METRICS).read_text().splitlines()


def test_every_point_is_one_line_and_on_disk_at_once(tmp_path: Path) -> None:
    log = LocalLog(RunDirectory.claim(tmp_path))
    logged = []
    for local_step in range(3):
        points = [point(seed, local_step, value=seed / 3) for seed in (5, 6)]
        log.log(points)
        logged += points
        assert [json.loads(line) for line in lines(tmp_path)] == logged
    log.close()


def test_fields_are_in_the_documented_order_whatever_the_order_given(tmp_path: Path) -> None:
    log = LocalLog(RunDirectory.claim(tmp_path))
    given = point(1, 2, zeta=1, alpha=2)
    log.log([given])
    log.log([dict(reversed(given.items()))])
    log.close()
    first, second = lines(tmp_path)
    assert first == second
    assert list(json.loads(first)) == [*FIELDS, "alpha", "bases", "zeta"]
    page = (ROOT / "docs" / "run_directory.md").read_text()
    documented = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert [field for field in documented if field in FIELDS] == list(FIELDS)


def test_numpy_numbers_and_numbers_that_json_lacks(tmp_path: Path) -> None:
    log = LocalLog(RunDirectory.claim(tmp_path))
    log.log([point(1, 0, round=np.int64(7), value=np.float64(1 / 3), ess=np.nan, nash_gap=np.inf)])
    log.close()
    read = json.loads(lines(tmp_path)[0], parse_constant=pytest.fail)
    assert (read["round"], read["value"], read["ess"], read["nash_gap"]) == (7, 1 / 3, None, None)


def test_the_summary_marks_a_run_that_finished(tmp_path: Path) -> None:
    log = LocalLog(RunDirectory.claim(tmp_path))
    log.log([point(1, 0)])
    assert not (tmp_path / SUMMARY).exists()
    log.finish({"seeds": [], "status": "finished"})
    log.close()
    summary = json.loads((tmp_path / SUMMARY).read_text())
    assert summary["status"] == "finished"
    log_digest = hashlib.sha256((tmp_path / METRICS).read_bytes()).hexdigest()
    assert summary["digests"][METRICS] == log_digest


def test_no_summary_after_a_run_that_broke_off(tmp_path: Path) -> None:
    log = LocalLog(RunDirectory.claim(tmp_path))
    log.close()
    assert not (tmp_path / SUMMARY).exists()


def test_a_full_disk_is_one_error_and_leaves_whole_steps(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from marl_comm.errors import OutputError
from marl_comm.loggers.local import FIELDS, LocalLog
from marl_comm.storage.directory import RunDirectory
log = LocalLog(RunDirectory.claim(Path(sys.argv[1])))
try:
    for local_step in range(1000):
        numbers = dict.fromkeys(FIELDS, 0.5) | {"local_step": local_step}
        log.log([numbers | {"seed": seed} for seed in range(3)])
except OutputError as error:
    print(error)
log.close()
"""
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )
    assert result.stderr == ""
    assert result.stdout.splitlines() == [f"cannot write {tmp_path / METRICS}: File too large"]
    assert (tmp_path / METRICS).read_text().endswith("}\n")
    read = [json.loads(line) for line in lines(tmp_path)]
    assert 9000 < (tmp_path / METRICS).stat().st_size < 10_000
    steps = len(read) // 3
    expected = [(step, seed) for step in range(steps) for seed in range(3)]
    assert [(each["local_step"], each["seed"]) for each in read] == expected


def test_a_metrics_file_that_cannot_be_opened_is_one_error(tmp_path: Path) -> None:
    directory = RunDirectory.claim(tmp_path)
    (tmp_path / METRICS).unlink()
    (tmp_path / METRICS).mkdir()
    with pytest.raises(InputError, match=r"metrics\.jsonl is a directory: the files of a run"):
        LocalLog(directory)
