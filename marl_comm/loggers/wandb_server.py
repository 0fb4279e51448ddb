"""Whether W&B's server can be had, found out quickly and once per process."""

import threading
import urllib.error
import urllib.request
from pathlib import Path

ANSWER_TIMEOUT = 3.0
"""Seconds that a server has to answer."""

_reasons: list[str] = []


def why_not() -> str | None:
    """Return why nothing can be uploaded now, or None; a process asks until it is told no."""
    if not _reasons and (reason := _reason()) is not None:
        give_up(reason)
    return _reasons[0] if _reasons else None


def give_up(reason: str) -> None:
    """Ask no server any more in this process: the other runs of a sweep need not wait for it."""
    _reasons.append(reason)


def how_to_upload(directory: Path, reason: str) -> str:
    """Return the commands that upload later what a run has written to files."""
    login = "wandb login && " if "wandb login" in reason else ""
    return f"{login}wandb sync {directory / 'wandb'}/offline-run-*"


def _reason() -> str | None:
    import wandb

    address = str(wandb.setup().settings.base_url)
    if not _answers(address):
        return f"no answer from {address} within {ANSWER_TIMEOUT:g} s"
    if not wandb.login(prompt=False):
        return "no API key is set, `wandb login` sets one"
    return None


def _answers(address: str) -> bool:
    """Return whether a server answers anything at all; names are looked up in that time, too."""
    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(address, timeout=ANSWER_TIMEOUT):
                answered.set()
        except urllib.error.HTTPError:  # an answer, too
            answered.set()
        except (OSError, ValueError):
            pass

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ANSWER_TIMEOUT)
    return answered.is_set()
