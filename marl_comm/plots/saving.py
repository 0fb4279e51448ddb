"""Figures as files."""

from pathlib import Path

from matplotlib import style
from matplotlib.figure import Figure

from marl_comm.errors import OutputError
from marl_comm.plots.style import RC_PARAMS


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
