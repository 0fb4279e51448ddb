"""Whether W&B's server can be had, found out quickly and once per process."""

import atexit
import contextlib
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from marl_comm.plain_text import one_line

ANSWER_TIMEOUT = 3.0
"""Seconds that a server has to answer."""

LOGIN_TIMEOUT = 4.0
"""Seconds that it has to know the API key."""

ENDING_TIMEOUT = 1.0
"""Seconds that W&B's helper process has to end, where a server was given up."""

_Answer = TypeVar("_Answer")
_reasons: list[str] = []


def library() -> Any:
    """Import W&B, which takes half a second, so that it sends nothing but runs to its server.

    Its telemetry would wait up to 30 s for a silent server when the process ends.
    """
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    return wandb


def why_not() -> str | None:
    """Return why nothing can be uploaded now, or None; a process asks until it is told no."""
    if not _reasons and (reason := _reason()) is not None:
        give_up(reason)
    return _reasons[0] if _reasons else None


def give_up(reason: str) -> None:
    """Ask no server any more in this process: the other runs of a sweep need not wait for it."""
    if not _reasons:
        atexit.register(_end_helper)
    _reasons.append(reason)


def within(seconds: float, act: Callable[[], _Answer]) -> _Answer:
    """Return what a call to W&B returns, or raise what it raises.

    W&B's own limits do not hold for everything that it asks of a server.

    Args:
        seconds: How long it may take.
        act: The call. It goes on in the background where it takes longer.

    Raises:
        TimeoutError: It took longer.
    """
    answers: list[_Answer] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            answers.append(act())
        except BaseException as error:
            errors.append(error)

    calling = threading.Thread(target=call, daemon=True)
    calling.start()
    calling.join(max(seconds, 0.0))
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError("no answer from the server in time")
    return answers[0]


def _end_helper() -> None:
    """End W&B's helper process, which would wait for its server when this process ends."""
    with contextlib.suppress(Exception):
        wandb = library()
        connection: Any = wandb.setup()._connection
        if connection is None or connection._proc is None:
            return
        process = connection._proc._process
        with contextlib.suppress(Exception):
            within(ENDING_TIMEOUT, wandb.teardown)
        process.kill()
        process.wait()


def how_to_upload(directory: Path, reason: str) -> str:
    """Return the commands that upload later what a run has written to files."""
    login = "wandb login && " if "wandb login" in reason else ""
    return f"{login}wandb sync {directory / 'wandb'}/offline-run-*"


def _reason() -> str | None:
    wandb = library()
    address = str(wandb.setup(settings=wandb.Settings(silent=True)).settings.base_url)
    if not _answers(address):
        return f"no answer from {address} within {ANSWER_TIMEOUT:g} s"
    try:
        if not within(LOGIN_TIMEOUT, lambda: wandb.login(prompt=False)):
            return "no API key is set, `wandb login` sets one"
    except TimeoutError:
        return f"no answer from {address} when asked for the account"
    except Exception as error:
        return one_line(f"the account is not known: {error}")
    return None


def _answers(address: str) -> bool:
    """Return whether a server answers anything at all; names are looked up in that time, too."""

    def ask() -> bool:
        try:
            with urllib.request.urlopen(address, timeout=ANSWER_TIMEOUT):
                return True
        except urllib.error.HTTPError:  # an answer, too
            return True
        except (OSError, ValueError):
            return False

    try:
        return within(ANSWER_TIMEOUT, ask)
    except TimeoutError:
        return False
