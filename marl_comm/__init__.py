"""Experiments on cooperative multi-agent learning when communication is scarce."""

from typing import TYPE_CHECKING, Any

from marl_comm.command_line.exits import tell_early_endings
from marl_comm.command_line.program import runs_a_command

if TYPE_CHECKING:
    from marl_comm.analysis.frames import Results, load
    from marl_comm.runs.trained import policies

    __version__: str

__all__ = ["Results", "__version__", "load", "policies"]

_WHERE = {"load": "analysis.frames", "Results": "analysis.frames", "policies": "runs.trained"}

if runs_a_command():
    tell_early_endings()


def __getattr__(name: str) -> Any:
    """Load what is asked for only then: most of it takes long to import."""
    if name == "__version__":
        from marl_comm.storage.versions import package_version

        return package_version()
    if name in _WHERE:
        import importlib

        return getattr(importlib.import_module(f"marl_comm.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
