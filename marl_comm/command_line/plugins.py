"""Hydra's plug-ins that start jobs elsewhere or choose them: which extra brings which."""

import re
from importlib.metadata import PackageNotFoundError, requires

_EXTRAS = {
    "hydra/launcher/joblib": ("joblib", "hydra-joblib-launcher"),
    "hydra/launcher/submitit_local": ("cluster", "hydra-submitit-launcher"),
    "hydra/launcher/submitit_slurm": ("cluster", "hydra-submitit-launcher"),
    "hydra/launcher/ray": ("ray", "hydra-ray-launcher"),
    "hydra/launcher/ray_aws": ("ray", "hydra-ray-launcher"),
    "hydra/sweeper/optuna": ("optuna", "hydra-optuna-sweeper"),
}
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)([^;]*);\s*extra\s*==\s*[\"'](\w+)[\"']")


def how_to_install(missing: str) -> str | None:
    """Return what to say about a plug-in that is not installed; None where it is no plug-in's.

    Args:
        missing: The configuration that Hydra did not find, such as "hydra/launcher/joblib".
    """
    if missing not in _EXTRAS:
        return None
    extra, package = _EXTRAS[missing]
    group, _, option = missing.rpartition("/")
    packages = " ".join(f"'{each}'" for each in _packages(extra)) or package
    return f"{group}={option}: its plug-in is not installed; install it by: pip install {packages}"


def _packages(extra: str) -> list[str]:
    """Return what an extra of this package asks for, as pip takes it."""
    try:
        needed = requires("marl_comm") or []
    except PackageNotFoundError:
        return []
    found = [match for each in needed if (match := _REQUIREMENT.match(each))]
    return [f"{match[1]}{match[2].strip()}" for match in found if match[3] == extra]
