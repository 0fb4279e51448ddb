"""Hydra's plug-ins that start jobs elsewhere or choose them: which extra brings which."""

from marl_comm.options.extras import install_line

_EXTRAS = {
    "hydra/launcher/joblib": ("joblib", "hydra-joblib-launcher"),
    "hydra/launcher/submitit_local": ("cluster", "hydra-submitit-launcher"),
    "hydra/launcher/submitit_slurm": ("cluster", "hydra-submitit-launcher"),
    "hydra/launcher/ray": ("ray", "hydra-ray-launcher"),
    "hydra/launcher/ray_aws": ("ray", "hydra-ray-launcher"),
    "hydra/sweeper/optuna": ("optuna", "hydra-optuna-sweeper"),
}


def how_to_install(missing: str) -> str | None:
    """Return what to say about a plug-in that is not installed; None where it is no plug-in's.

    Args:
        missing: The configuration that Hydra did not find, such as "hydra/launcher/joblib".
    """
    if missing not in _EXTRAS:
        return None
    extra, package = _EXTRAS[missing]
    group, _, option = missing.rpartition("/")
    line = install_line(extra, package)
    return f"{group}={option}: its plug-in is not installed; install it by: {line}"
