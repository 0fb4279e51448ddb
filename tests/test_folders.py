"""What the package's folders and names must keep to."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "marl_comm"
MOST_LOOSE = 15


def test_few_files_lie_loose_in_the_package() -> None:
    loose = sorted(path.name for path in PACKAGE.iterdir() if path.is_file())
    assert len(loose) <= MOST_LOOSE, loose


def test_no_module_has_the_name_of_one_of_pythons_own() -> None:
    """A file started by its path finds what lies beside it before the standard library."""
    modules = [path for path in PACKAGE.rglob("*") if path.is_dir() or path.suffix == ".py"]
    assert len(modules) > 100
    names = {path.stem for path in modules} - {"__init__", "__main__", "__pycache__"}
    assert names & sys.stdlib_module_names == set()


@pytest.mark.parametrize("command", ["--help", "--cfg job game=coverage"])
def test_the_entry_point_may_be_started_by_its_path(command: str, tmp_path: Path) -> None:
    ended = _started(tmp_path, *command.split())
    assert ended.returncode == 0, ended.stderr
    assert "ess_threshold: 0.5" in ended.stdout


def test_a_run_started_by_path_is_played(tmp_path: Path) -> None:
    quick = ["logger=local", "max_local_steps=3", "samples_per_round=20", "hydra.run.dir=played"]
    ended = _started(tmp_path, "game=coverage", *quick)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "played" / "summary.json").is_file()


def _started(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PACKAGE / "run.py", *arguments],
        cwd=directory,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
