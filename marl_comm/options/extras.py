"""Packages that are not installed by default, and the line that installs them."""

import re
from importlib.metadata import PackageNotFoundError, requires

_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)([^;]*);\s*extra\s*==\s*[\"'](\w+)[\"']")


def install_line(extra: str, otherwise: str) -> str:
    """Return a line that installs what an extra of this package asks for.

    It names the packages themselves, because this one is on no index.

    Args:
        extra: As in `pyproject.toml`.
        otherwise: The package, for installations that know no such extra.
    """
    try:
        needed = requires("marl_comm") or []
    except PackageNotFoundError:
        needed = []
    found = [match for each in needed if (match := _REQUIREMENT.match(each))]
    packages = [f"'{match[1]}{match[2].strip()}'" for match in found if match[3] == extra]
    return f"pip install {' '.join(packages) or otherwise}"
