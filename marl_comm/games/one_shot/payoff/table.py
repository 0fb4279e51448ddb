"""A file of payoffs as the games here play it: read, checked, and scaled to [0, 1]."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from marl_comm.arrays import AnyArray, Array
from marl_comm.errors import InputError
from marl_comm.games.one_shot.joint_table import Scale, scaled
from marl_comm.games.one_shot.payoff import nfg, npz
from marl_comm.games.one_shot.payoff.sizes import Sizes, UnusableError


class PayoffTable(NamedTuple):
    """What a file holds.

    Attributes:
        sizes: Of the game.
        payoffs: (A, ..., A) for a team, else (m, A, ..., A), in [0, 1].
        scale: How they were in the file.
        sha256: Digest of the file, hexadecimal.
    """

    sizes: Sizes
    payoffs: Array
    scale: Scale
    sha256: str


def read(name: str) -> PayoffTable:
    """Read a file of payoffs; one that was read before and has not been written since is kept.

    Args:
        name: The path, as the setting has it; where relative, from the current directory.

    Raises:
        InputError: One line that says why it is no game.
    """
    # Imported late: what words a refusal knows all options, this one among them.
    from marl_comm.plain_text import one_line

    path = Path(name)
    try:
        if not path.is_file():
            where = "" if path.is_absolute() else f" in {Path.cwd()}"
            raise UnusableError(f"there is no such file{where}")
        status = path.stat()
        return _read(path.absolute(), status.st_mtime_ns, status.st_size)
    except UnusableError as error:
        raise InputError(one_line(f"game.file={name}: {error}")) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(one_line(f"game.file={name}: it cannot be read ({reason})")) from error


@lru_cache(maxsize=1)
def _read(path: Path, written: int, size: int) -> PayoffTable:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        sizes, found = (nfg if path.suffix == ".nfg" else npz).read(file)
    payoffs, scale = scaled(_finite(found))
    payoffs.setflags(write=False)
    return PayoffTable(sizes, payoffs, scale, digest)


def _finite(found: AnyArray) -> Array:
    """Return payoffs as numbers of 8 bytes, in C order."""
    with np.errstate(over="ignore"):
        payoffs = np.ascontiguousarray(found, dtype=np.float64)
    least, most = float(payoffs.min()), float(payoffs.max())  # both NaN where one payoff is
    if not np.isfinite([least, most]).all():
        where = np.unravel_index(np.argmin(np.isfinite(payoffs)), payoffs.shape)
        raise UnusableError(
            f"its payoff at [{', '.join(map(str, where))}] is {payoffs[where]}; "
            "payoffs must be finite"
        )
    if not np.isfinite(most - least):
        raise UnusableError(f"its payoffs from {least:g} to {most:g} are too far apart to compare")
    return payoffs
