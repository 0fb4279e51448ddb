"""The sweeper that `configs/hydra/sweeper/marl_comm.yaml` names, where Hydra looks for plug-ins.

Hydra imports this file whenever it looks for them, so it imports nothing else of ours at its top.
"""

from collections.abc import Mapping
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class MissingJobsSweeper(Sweeper):
    """Runs every combination of values, except those that are finished in the sweep's directory."""

    def __init__(
        self, max_batch_size: int | None = None, params: Mapping[str, str] | None = None
    ) -> None:
        """Keep the settings.

        Args:
            max_batch_size: Most jobs that the launcher gets at a time; None for all.
            params: Values that are swept over unless the command line says otherwise.
        """
        self._batch_size = max_batch_size

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take over what Hydra has composed, and make the launcher."""
        from hydra.core.plugins import Plugins

        from marl_comm.command_line.job_loader import JobLoader

        self.config = config
        self.hydra_context = HydraContext(
            config_loader=JobLoader(hydra_context.config_loader), callbacks=hydra_context.callbacks
        )
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run what is missing of the sweep that was planned; the arguments are in the plan."""
        from marl_comm.command_line.launching import launch_missing

        assert self.config is not None
        assert self.launcher is not None
        return launch_missing(self.config, self.launcher, self._batch_size)
