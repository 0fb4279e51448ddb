"""Typed configuration of a run: what values are allowed, alone and together.

Values and defaults live in `configs/`; code outside this package sees `RunConfig` only.
"""

from marl_comm.config.loading import load, load_saved
from marl_comm.config.run import MetricsConfig, RunConfig

__all__ = ["MetricsConfig", "RunConfig", "load", "load_saved"]
