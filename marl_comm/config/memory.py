"""How much memory this machine has for a run."""

import os
import sys
from pathlib import Path

_GIB = 2**30
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def gib(number: int) -> str:
    """Return a number of bytes as users read it."""
    return f"{number / _GIB:.3g} GiB"


def available_bytes() -> int:
    """Return the machine's memory, or the container's limit where that is lower."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):  # not every system tells
        physical = sys.maxsize
    try:
        return min(physical, int(_CGROUP_LIMIT.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit
        return physical
