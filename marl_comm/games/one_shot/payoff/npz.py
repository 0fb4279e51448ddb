"""Payoffs in NumPy's format: one array, `team_payoff` or `own_payoffs`."""

import zipfile
from typing import IO, BinaryIO

from numpy.lib import format as numpy_format

from marl_comm.arrays import AnyArray
from marl_comm.games.one_shot.payoff.sizes import Sizes, UnusableError, checked

TEAM, OWN = "team_payoff", "own_payoffs"

_LARGEST_EXACT = 2**53  # beyond it not every integer is a number of 8 bytes
_HEADERS = {
    (1, 0): numpy_format.read_array_header_1_0,
    (2, 0): numpy_format.read_array_header_2_0,
}


def read(file: BinaryIO) -> tuple[Sizes, AnyArray]:
    """Return the sizes and payoffs of a file; what it declares is checked before it is read.

    Raises:
        UnusableError: The file holds no such payoffs.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            member = _member(archive)
            own = member.filename == f"{OWN}.npy"
            with archive.open(member) as stream:
                sizes = _declared(stream, own)
            with archive.open(member) as stream:
                payoffs = numpy_format.read_array(stream, allow_pickle=False)
    except UnusableError:
        raise
    except zipfile.BadZipFile as error:
        raise UnusableError(f"it is no file of numpy.savez ({error})") from error
    except Exception as error:  # whatever a damaged file leads the decoders to
        raise UnusableError(f"it is damaged ({str(error) or type(error).__name__})") from error
    _refuse_rounding(payoffs)
    return sizes, payoffs


def _member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    names = [member.filename.removesuffix(".npy") for member in members]
    if len(members) != 1 or names[0] not in (TEAM, OWN):
        found = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        raise UnusableError(
            f"it must hold one array, {TEAM} or {OWN}, and holds {found or 'nothing'}"
        )
    return members[0]


def _declared(stream: IO[bytes], own: bool) -> Sizes:
    """Return the sizes that an array's header declares."""
    version = numpy_format.read_magic(stream)
    if version not in _HEADERS:
        raise UnusableError(f"its array is in version {version} of the format, not 1.0 or 2.0")
    shape, _, dtype = _HEADERS[version](stream)
    if dtype.kind not in "iuf":
        raise UnusableError(f"its payoffs are of type {dtype}; allowed are integers and floats")
    if own:
        if not shape or len(shape) != shape[0] + 1:
            raise UnusableError(
                f"{OWN} has shape {shape}; it must have a first axis for whose payoffs they are, "
                "as long as the number of agents m, then m axes for the actions of each"
            )
        return checked(shape[1:], own=True)
    return checked(shape, own=False)


def _refuse_rounding(payoffs: AnyArray) -> None:
    if payoffs.dtype.kind in "iu":
        largest = max(abs(int(payoffs.min())), abs(int(payoffs.max())))
        if largest > _LARGEST_EXACT:
            raise UnusableError(
                f"it has an integer of size {largest}; up to {_LARGEST_EXACT} they are exact"
            )
