"""Rounds on a real link, and what docs/agents.md says of them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from marl_comm.command_line.composition import compose
from marl_comm.runs.session import execute
from marl_comm.wall_clock import Network
from scripts.slow_link import problem

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
MEASURED = re.compile(
    r"^\| (\S+) ms \| (\S+) Mbit/s \| ([\d.]+) s \| ([\d.]+) s, ([+-][\d.]+) % "
    r"\| ([\d.]+) s, ([+-][\d.]+) % \| ([+-][\d.]+) % \|$",
    re.MULTILINE,
)


def test_on_a_link_rounds_take_what_the_estimate_says() -> None:
    if (reason := problem()) is not None:
        pytest.skip(reason)
    ended = subprocess.run(
        [
            sys.executable,
            ROOT / "scripts" / "on_a_wire.py",
            *("check", "--rounds", "2", "--delays", "0.02", "--megabits", "1", "--opened"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.fullmatch(r"20 ms, 1 Mbit/s, open window: 2 rounds .*\(allowed 10%\)\n", ended.stdout)


def test_the_page_lists_every_kind_of_link_with_the_estimate_of_today_and_keeps_to_10_percent() -> (
    None
):
    rows = MEASURED.findall(PAGE)
    assert [(row[0], row[1]) for row in rows] == [
        (delay, rate) for rate in ("1", "100") for delay in ("1", "20", "100")
    ]
    for delay, rate, predicted, measured, off, ordinary, ordinary_off, later_off in rows:
        # 8 agents: up are 8 actions and one reward of 4 bytes, down to each all but its own action.
        moved = 5 * (12 + 8 * 11) * {"1": 1000, "100": 50_000}[rate]
        seconds = 5 * 2 * float(delay) / 1000 + moved / (float(rate) * 125_000)
        assert float(predicted) == pytest.approx(seconds, abs=5e-4)
        assert float(off) == pytest.approx(100 * (float(measured) / seconds - 1), abs=0.1)
        assert float(ordinary_off) == pytest.approx(100 * (float(ordinary) / seconds - 1), abs=0.1)
        assert abs(float(off)) <= 10
        assert abs(float(later_off)) <= 10


@pytest.mark.parametrize(
    "algorithm", ["full_communication", "importance_sampling", "base_policy_prediction"]
)
def test_the_picture_shows_rounds_bytes_and_estimates_of_today(
    algorithm: str, tmp_path: Path
) -> None:
    drawn = json.loads((ROOT / "docs" / "pictures" / "on_a_wire.json").read_text())
    shown = [each for each in drawn if each["algorithm"] == algorithm]
    assert [(each["delay"], each["megabits"]) for each in shown] == [(0.02, 1), (0.1, 100)]
    config = compose(
        "game=coverage",
        "game.agents=8",
        f"algorithm={algorithm}",
        "samples_per_round=1000",
        "metrics.gap_thresholds=[0.01]",
        "metrics.stop_at_smallest_gap=true",
        "max_local_steps=2000",
        "logger=local",
    )
    execute(config, tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    for each in shown:
        assert each["rounds"] == last["round"]
        assert each["bytes"] == last["bytes_up"] + last["bytes_down"]
        network = Network(latency=each["delay"], bandwidth=each["megabits"] * 125_000)
        seconds = 2 * network.latency * each["rounds"] + each["bytes"] / network.bandwidth
        assert each["predicted"] == pytest.approx(seconds, abs=5e-4)
        assert each["predicted"] < each["whole"]
