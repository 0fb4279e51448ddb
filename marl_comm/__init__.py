"""Experiments on cooperative multi-agent learning when communication is scarce."""

from typing import TYPE_CHECKING, Any

from marl_comm.command_line.exits import tell_early_endings
from marl_comm.command_line.program import runs_a_command

if TYPE_CHECKING:
    __version__: str

if runs_a_command():
    tell_early_endings()


def __getattr__(name: str) -> Any:
    """Load what is asked for only then: most of it takes long to import."""
    if name == "__version__":
        from marl_comm.storage.versions import package_version

        return package_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
