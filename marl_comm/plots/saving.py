"""Figures as files."""

import itertools
import tempfile
from pathlib import Path

from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.errors import OutputError
from marl_comm.plots.style import RC_PARAMS
from marl_comm.storage.files import whole_file


def save(
    figure: Figure, directory: Path, name: str, dpi: float = RC_PARAMS["savefig.dpi"]
) -> tuple[Path, Path]:
    """Write a figure as PNG and PDF, without dates, so that equal figures make equal files.

    Args:
        figure: What to write.
        directory: Where to; made if needed.
        name: Of the files, without their endings.
        dpi: Pixels of the PNG per inch.

    Returns:
        The paths of the PNG and of the PDF.

    Raises:
        OutputError: The directory cannot be made or written.
    """
    png, pdf = (directory / f"{name}.{ending}" for ending in ("png", "pdf"))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with style.context(RC_PARAMS):
            figure.savefig(pdf, metadata={"CreationDate": None})
            figure.savefig(png, dpi=dpi)
    except OSError as error:
        raise OutputError(f"cannot write the picture into {directory}: {error.strerror}") from error
    return png, pdf


def save_beside(figure: Figure, directory: Path, name: str) -> tuple[Path, Path]:
    """Write a figure as `save` does, but overwrite nothing: another one gets a number in its name.

    Args:
        figure: What to write.
        directory: Where to; made if needed.
        name: Of the files, without endings and number.

    Returns:
        The paths of the PNG and of the PDF, which may have been there with the same content.

    Raises:
        OutputError: The directory cannot be made or written.
    """
    with tempfile.TemporaryDirectory() as scratch:
        drawn = [file.read_bytes() for file in save(figure, Path(scratch), name)]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            stem = name if number == 1 else f"{name}_{number}"
            png, pdf = (directory / f"{stem}.{ending}" for ending in ("png", "pdf"))
            there = [file.read_bytes() for file in (png, pdf) if file.exists()]
            if there == drawn:
                break
            if not there:
                for file, content in zip((png, pdf), drawn, strict=True):
                    with whole_file(file) as stream:
                        stream.write(content)
                break
    except OSError as error:
        raise OutputError(f"cannot write the picture into {directory}: {error.strerror}") from error
    return png, pdf
