"""The entry point, called in this process as if it were a new one."""

import contextlib
import logging
from collections.abc import Iterator

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig


@contextlib.contextmanager
def as_in_a_new_process() -> Iterator[None]:
    """Hide from Hydra that it has run before, and afterwards take back what it has set."""
    config, handlers = HydraConfig.instance().cfg, logging.root.handlers[:]
    HydraConfig.instance().cfg = None
    try:
        yield
    finally:
        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = config
        # Hydra's own would write to a stream that the test has closed.
        logging.root.handlers[:] = handlers
