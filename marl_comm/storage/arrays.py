"""Reading NumPy's archives that may be damaged, or made to harm."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from marl_comm.arrays import AnyArray
from marl_comm.errors import DamagedError
from marl_comm.storage.files import content_of

_SUFFIX = ".npy"


class Arrays(Mapping[str, AnyArray]):
    """The arrays of an `.npz` archive, each read when it is asked for.

    As written here they are not compressed, so none can be larger than the file; nor do they hold
    objects, which would be code.
    """

    def __init__(self, content: bytes, file: Path | str) -> None:
        """Open an archive.

        Args:
            content: Of the file.
            file: What to call it in errors.

        Raises:
            DamagedError: It is no archive, or its entries are compressed or overlap.
        """
        self._file = file
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except Exception as error:  # many kinds: whatever the archive's parser stumbles over
            raise self._damaged(error) from error
        entries = self._archive.infolist()
        if sum(entry.file_size for entry in entries) > len(content) or any(
            entry.compress_type != zipfile.ZIP_STORED for entry in entries
        ):
            raise self._damaged("its arrays are larger than the file")
        self._names = {
            entry.filename.removesuffix(_SUFFIX): entry.filename
            for entry in entries
            if entry.filename.endswith(_SUFFIX)
        }

    @classmethod
    def of(cls, file: Path) -> "Arrays":
        """Open a file; raises as the constructor and `content_of` do."""
        return cls(content_of(file), file)

    def __getitem__(self, name: str) -> AnyArray:
        """Return an array, its own memory.

        Raises:
            DamagedError: There is none of this name, or it cannot be read.
        """
        if name not in self._names:
            raise self._damaged(f"there is no array {name}")
        try:
            content = self._archive.read(self._names[name])
            return _array(content)
        except Exception as error:  # as above
            raise self._damaged(error) from error

    def __contains__(self, name: object) -> bool:
        """Return whether there is an array of this name."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """Return the arrays' names."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._names)

    def _damaged(self, reason: Exception | str) -> DamagedError:
        words = " ".join(str(reason).split()) or type(reason).__name__
        return DamagedError(f"cannot read {self._file}: {words}")


def _array(content: bytes) -> AnyArray:
    """Return the array of a file in NumPy's format; the sizes in its header are not believed."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"an array has the format {version}")
    shape, by_columns, kind = np.lib.format.read_array_header_1_0(stream)
    if kind.hasobject:
        raise ValueError("an array holds objects")
    body = memoryview(content)[stream.tell() :]
    size = kind.itemsize
    for length in shape:
        if length < 0:
            raise ValueError("an array has a negative length")
        size *= length
    if size != len(body):
        raise ValueError("an array is not as long as its header says")
    flat = np.frombuffer(body, kind) if size else np.empty(0, kind)
    return flat.reshape(shape, order="F" if by_columns else "C").copy(order="K")
