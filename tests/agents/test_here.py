"""Without torchrun one command starts all processes on its machine, and none outlives it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from marl_comm.command_line.composition import compose
from marl_comm.runs.session import execute

WORDS = (
    "game=coverage",
    "game.agents=2",
    "logger=local",
    "samples_per_round=100",
    "algorithm=full_communication",
    "max_local_steps=400",
    "checkpoint_seconds=0.05",
)
PATIENCE = 60.0


def started(run: Path) -> "subprocess.Popen[str]":
    """Start the command in a process of its own."""
    words = [sys.executable, "-m", "marl_comm.agents", *WORDS, f"hydra.run.dir={run}"]
    alone = {
        name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")
    }
    return subprocess.Popen(words, env=alone, stderr=subprocess.PIPE, text=True)


def children(of: int) -> list[int]:
    """Return the processes that one has started."""
    listed = subprocess.run(["pgrep", "-P", str(of)], capture_output=True, text=True, check=False)
    return [int(word) for word in listed.stdout.split()]


def await_lines(process: "subprocess.Popen[str]", run: Path, number: int) -> None:
    """Wait until the run has logged so many lines."""
    log, deadline = run / "metrics.jsonl", time.monotonic() + PATIENCE
    while not log.exists() or log.read_bytes().count(b"\n") < number:
        assert time.monotonic() < deadline
        assert process.poll() is None, "it ended early"
        time.sleep(0.01)


def ended(process: "subprocess.Popen[str]", agents: list[int]) -> tuple[int, list[str]]:
    """Return the exit code and what was said, once all of its processes are gone."""
    said = process.communicate(timeout=PATIENCE)[1].splitlines()
    for agent in agents:
        with pytest.raises(ProcessLookupError):
            os.kill(agent, 0)
    return process.returncode, [line for line in said if not line.startswith("local update ")]


def test_one_command_plays_all_saves_when_asked_to_end_and_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = started(run)
    await_lines(process, run, 20)
    agents = children(process.pid)
    assert len(agents) == 2
    process.send_signal(signal.SIGTERM)
    code, said = ended(process, agents)
    assert code == 128 + signal.SIGTERM
    assert len(said) == 1
    assert said[0].startswith("interrupted by SIGTERM: saved")
    process = started(run)
    await_lines(process, run, 150)
    agents = children(process.pid)
    os.kill(agents[1], signal.SIGKILL)
    code, said = ended(process, agents)
    assert (code, said[-1]) == (1, "error: agent 1 is gone: the connection to it was closed")
    process = started(run)
    assert ended(process, [])[0] == 0
    execute(compose(*WORDS), tmp_path / "alone")
    for name in ("metrics.jsonl", "final.npz"):
        assert (run / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


ROOT = Path(__file__).parents[2]
COST = re.compile(
    r"^\| `(\w+)`, [\d,]+ local updates \| ([\d.]+) s \| ([\d.]+) s \| ([\d.]+) "
    r"\| ([\d.]+) s \| ([\d.]+) s \|$",
    re.MULTILINE,
)


def test_the_page_says_what_processes_cost_and_why_it_cannot_be_three_times() -> None:
    page = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
    rows = COST.findall(page)
    algorithms = ["full_communication", "importance_sampling", "base_policy_prediction"]
    assert [row[0] for row in rows] == 2 * algorithms
    for _, apart, alone, ratio, *_ in rows:
        # Seconds are rounded: the ratio lies between those of what they may have been.
        half = 0.5 * 10.0 ** -len(apart.partition(".")[2])
        least = (float(apart) - half) / (float(alone) + half)
        most = (float(apart) + half) / (float(alone) - half)
        assert least - 0.05 <= float(ratio) <= most + 0.05
    flat = " ".join(page.split())
    for share, least in ((0.71, "3.3"), (0.78, "3.6")):
        assert f"{share:.0%}".replace("%", " %") in flat
        assert f"{least} times" in flat
        assert float(least) == pytest.approx((8 * share + 1) / 2, abs=0.06)
