"""Whether the package of an environment is there."""

from importlib.util import find_spec

from marl_comm.errors import InputError
from marl_comm.options.extras import install_line


def refuse_missing(where: str, package: str, extra: str) -> None:
    """Raise InputError where a package is not installed.

    Args:
        where: The settings that need it.
        package: As imported.
        extra: What installs it.
    """
    if find_spec(package) is None:
        raise InputError(f"{where}: {package} is not installed; {install_line(extra, package)}")
