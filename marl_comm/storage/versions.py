"""The software that a result depends on."""

import platform
import sys
from collections.abc import Mapping
from importlib.metadata import version

_PACKAGES = ("marl_comm", "numpy", "scipy", "torch", "hydra-core")


def package_version() -> str:
    """Return the version of this package."""
    return version(_PACKAGES[0])


def versions() -> dict[str, str]:
    """Return the versions in use, by name."""
    return {
        "python": platform.python_version(),
        "platform": sys.platform,
        **{package: version(package) for package in _PACKAGES},
    }


def changes(earlier: Mapping[str, str]) -> str:
    """Say what is not as it was earlier: `numpy 1 -> 2, torch 3 -> 4`; empty where all is."""
    now = versions()
    return ", ".join(
        f"{name} {earlier.get(name)} -> {now.get(name)}"
        for name in sorted(earlier.keys() | now.keys())
        if earlier.get(name) != now.get(name)
    )
