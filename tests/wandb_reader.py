"""W&B run files, read back with W&B's own reader."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Recorded:
    """A W&B run, read back from its file."""

    run: dict[str, Any]
    history: list[dict[str, Any]]
    metrics: dict[str, dict[str, Any]]
    summary: dict[str, Any]
    exit_codes: list[int]

    def curve(self, name: str, axis: str) -> list[tuple[float, float]]:
        """Return a metric's points where it is logged against an axis."""
        rows = [row for row in self.history if name in row]
        return [(row[f"axis/{axis}"], row[name]) for row in rows]


def read(directory: Path) -> Recorded:
    """Read the one W&B run in a run directory with W&B's own reader."""
    (file,) = (directory / "wandb").glob("offline-run-*/run-*.wandb")
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    records = [json.loads(line) for line in lines]

    def all_of(kind: str) -> list[dict[str, Any]]:
        return [record[kind] for record in records if record["type"] == kind]

    summary: dict[str, Any] = {}
    for update in all_of("summary"):
        summary |= update["update"]
    return Recorded(
        run=all_of("run")[0],
        history=[record["item"] for record in all_of("history")],
        metrics={metric["name"]: metric for metric in all_of("metric")},
        summary=summary,
        exit_codes=[record["exit_code"] for record in all_of("exit")],
    )
