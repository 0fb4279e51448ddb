"""The commands of `marl-comm`: where each is, what it does, and what its command line can hold.

Options stand here once more so that help and tab completion need not import the commands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        module: Where its `main` is, which reads `sys.argv` and returns the exit code.
        summary: What it does, in a few words.
        options: Its flags, as tab completion offers them.
        values: What can follow an option, or the command itself; nothing stands for files.
        words: What else can be typed, besides files and directories.
    """

    module: str
    summary: str
    options: tuple[str, ...] = ("--help",)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: tuple[str, ...] = ()


COMMANDS = {
    "run": Command(
        "marl_comm.run",
        "play a game and learn: one run, or a sweep with -m",
        (
            "--help",
            "--multirun",
            "--cfg",
            "--resolve",
            "--info",
            "--config-dir",
            "--dry-run",
            "--hydra-help",
        ),
        {
            "--cfg": ("job", "hydra", "all"),
            "-c": ("job", "hydra", "all"),
            "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
            "-i": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
            "--config-dir": (),
            "-cd": (),
        },
    ),
    "resume": Command(
        "marl_comm.resume", "continue interrupted runs", ("--help", "--trust", "--quiet")
    ),
    "compare": Command(
        "marl_comm.compare",
        "compare finished runs: tables and a picture",
        ("--help", "--out", "--reference", "--outcome", "--csv", "--json", "--latex"),
    ),
    "evaluate": Command(
        "marl_comm.evaluate",
        "play the final policies of a run in an environment",
        ("--help", "--episodes", "--seed", "--render", "--trust"),
    ),
    "sync": Command(
        "marl_comm.sync",
        "upload runs to W&B from their directories",
        ("--help", "--mode", "--project"),
        {"--mode": ("online", "offline")},
    ),
    "wall-clock": Command(
        "marl_comm.wall_clock",
        "estimate how long runs would take on a given network",
        words=("latency=", "bandwidth=", "simulation_speed=", "gap=", "return="),
    ),
    "figures": Command(
        "marl_comm.paper.command",
        "reproduce the paper's figures and judge its claims",
        (
            "--help",
            "--scale",
            "--full",
            "--device",
            "--jobs",
            "--cost",
            "--runs",
            "--out",
            "--publish",
        ),
        {"--scale": ("quick", "full")},
    ),
    "completion": Command(
        "marl_comm.command_line.completion",
        "print what bash needs for tab completion",
        values={"completion": ("bash",)},
    ),
}
