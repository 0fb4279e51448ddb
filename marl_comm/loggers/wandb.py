"""Mirror of a run in Weights & Biases: one W&B run per run directory.

Why one per run and not one per seed: the unit that a W&B user compares in a sweep is the
configuration, so the sweep's table has one line per configuration, its curves are means over
seeds, and its numbers are medians over seeds; the seeds themselves are in the table `seeds`.
Starting and finishing a W&B run costs time and a line in that table, seeds as an axis cost
nothing, and the curve of each seed is in the local log. Who wants one W&B run per seed sweeps
over seeds: `-m seed=0,1,2 num_seeds=1`, which W&B groups. docs/wandb.md says more.
"""

import contextlib
import itertools
import logging
import math
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from marl_comm.errors import InputError
from marl_comm.loggers import Point, wandb_server
from marl_comm.loggers.curves import AXES, Curves, Row, name_of
from marl_comm.loggers.seed_table import seed_table, sweep_numbers
from marl_comm.loggers.wandb_keys import WandbKeys
from marl_comm.plain_text import one_line
from marl_comm.storage.files import content_of, whole_file

PATIENCE = 9.0
"""Seconds that a server has for all that a run waits for: to take it up, and to take the rest.

What is missing then stays in W&B's file. The process asks no server any more."""

START_TIMEOUT = 6.0
"""Seconds of these to take a run up."""

_ID = re.compile("[A-Za-z0-9_-]{1,128}")
_ids_taken: set[str] = set()

_console = logging.getLogger(__name__)


class WandbLogger:
    """Logs means over seeds against local updates, rounds and samples.

    Nothing that goes wrong in W&B can stop a run: the first failure is one warning, and the rest
    of the run is logged locally only.
    """

    def __init__(
        self,
        settings: WandbKeys,
        directory: Path,
        config: Mapping[str, Any],
        seeds: Sequence[int],
        draw: Callable[[Path], object] | None = None,
        *,
        patience: float = PATIENCE,
    ) -> None:
        """Start the W&B run; offline, with one warning, where nothing can be uploaded now.

        Args:
            settings: Where to log and under what names.
            directory: The run directory; W&B's files go to `wandb/` in it.
            config: The resolved configuration, stored whole.
            seeds: Every seed of the run.
            draw: Draws an episode of the finished run's policies into a file, where
                `final_policy_gif` asks for it.
            patience: Seconds that a server has in all.
        """
        self.trouble: str | None = None
        self._online = settings.mode == "online"
        self._patience = patience
        self._directory = directory
        self._curves = Curves(config, seeds)
        self._defined: set[str] = set()
        self._draw = draw if settings.final_policy_gif else None
        self._earlier: list[Path] = []
        self._run: Any = None
        if settings.mode != "disabled":
            with self._guarded("start"):
                self._run = self._started(settings, config)

    def _started(self, settings: WandbKeys, config: Mapping[str, Any]) -> Any:
        folder = self._directory / "wandb"
        if folder.is_symlink():
            raise InputError(f"{folder} is a link: the folders of a run must be its own")
        self._earlier = sorted(folder.glob("offline-run-*"))
        if self._online:
            began = time.monotonic()
            reason = wandb_server.why_not()
            self._patience -= time.monotonic() - began
            if reason is None:
                try:
                    return self._started_online(settings, config)
                except Exception as error:
                    reason = one_line(f"{type(error).__name__}: {error}")
                    wandb_server.give_up(reason)
            self._online, self.trouble = False, reason
            command = wandb_server.how_to_upload(self._directory, reason)
            _console.warning("W&B: %s; logged to a file, to be uploaded by: %s", reason, command)
            settings = settings.model_copy(update={"mode": "offline"})
        return _start(settings, self._directory, config, self._patience)

    def _started_online(self, settings: WandbKeys, config: Mapping[str, Any]) -> Any:
        began = time.monotonic()
        patience = min(START_TIMEOUT, self._patience)
        run = wandb_server.within(
            patience, lambda: _start(settings, self._directory, config, self._patience)
        )
        self._patience -= time.monotonic() - began
        return run

    def _call(self, act: Callable[[], Any]) -> None:
        """Call W&B, which waits for its server now and then."""
        if self._online:
            wandb_server.within(self._patience, act)
        else:
            act()

    def remove_earlier(self) -> None:
        """Remove what earlier parts of the run left in offline files, now that this one has it all.

        Two files with the same id would be merged into a curve that runs twice.
        """
        if self.trouble is None or self._run is not None:
            for offline in self._earlier:
                if not offline.is_symlink():
                    shutil.rmtree(offline, ignore_errors=True)

    def log(self, points: Sequence[Point]) -> None:
        """Log every row that these points complete."""
        if self._run is None:
            return
        rows = self._curves.add(points)
        if not rows:
            return
        with self._guarded("log"):
            self._call(lambda: self._write(rows))

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Log the remaining rows, the table of seeds and the sweep's numbers; end the run."""
        if self._run is None:
            return
        rows = self._curves.rest()
        numbers = sweep_numbers(summary["seeds"])
        columns, data = seed_table(summary["seeds"])
        drawn = self._drawn()
        with self._guarded("finish"):
            self._call(lambda: self._write_end(rows, columns, data, numbers, drawn))

    def _write_end(
        self,
        rows: Mapping[str, list[Row]],
        columns: list[str | int],
        data: list[list[Any]],
        numbers: Mapping[str, float | None],
        drawn: Path | None,
    ) -> None:
        wandb = wandb_server.library()
        self._write(rows)
        with _staging_in(self._directory):
            self._run.log({"seeds": wandb.Table(columns=columns, data=data)})
            if drawn is not None:
                self._run.log({"evaluation/final_policy": wandb.Video(str(drawn), format="gif")})
        self._run.summary.update(numbers)
        self._end(exit_code=0)

    def _drawn(self) -> Path | None:
        """Return the file of an episode of the final policies; None where there is none."""
        if self._draw is None:
            return None
        file = self._directory / "wandb" / "final_policy.gif"
        try:
            self._draw(file)
        except Exception as error:  # of any kind: whatever an environment raises costs no run
            reason = one_line(f"{type(error).__name__}: {error}")
            _console.warning("W&B: the final policies are not drawn: %s", reason)
            return None
        return file

    def close(self) -> None:
        """End a run that did not finish, as failed."""
        if self._run is not None:
            with self._guarded("finish"):
                self._call(lambda: self._end(exit_code=1))

    def _write(self, rows: Mapping[str, list[Row]]) -> None:
        # Rows of different axes share no name, so one call carries one row of each.
        for together in itertools.zip_longest(*rows.values(), fillvalue=None):
            merged: Row = {}
            for axis, row in zip(rows, together, strict=True):
                if row is not None:
                    self._define(axis, row)
                    merged |= {name_of(field, axis): row[field] for field in row if field != axis}
                    merged[f"axis/{axis}"] = row[axis]
            self._run.log({name: x for name, x in merged.items() if math.isfinite(x)})

    def _define(self, axis: str, row: Row) -> None:
        """Tell W&B the x-axis of each metric: it knows one per name."""
        names = {field: name_of(field, axis) for field in row if field != axis}
        if self._defined.issuperset(names.values()):
            return
        self._run.define_metric(f"axis/{axis}", hidden=True, summary="none")
        for name in sorted(set(names.values()) - self._defined):
            # The sweep's table needs a metric once: the curves of all axes end at the same point.
            summary = None if AXES[axis] == "" else "none"
            self._run.define_metric(name, step_metric=f"axis/{axis}", summary=summary)
            self._defined.add(name)

    def _end(self, exit_code: int) -> None:
        run, self._run = self._run, None
        run.finish(exit_code=exit_code)

    @contextlib.contextmanager
    def _guarded(self, action: str) -> Iterator[None]:
        """Turn the first failure of W&B into one warning, after which W&B is left alone."""
        try:
            yield
        except Exception as error:
            reason = one_line(f"{type(error).__name__}: {error}")
            self.trouble = reason
            _console.warning(
                "W&B could not %s (%s); the run continues, logged locally; to upload it later: "
                "python -m marl_comm.sync %s",
                *(action, reason, self._directory),
            )
            run, self._run = self._run, None
            if self._online:  # the run is left as it is: ending it would ask the server again
                wandb_server.give_up(reason)
            elif run is not None:
                with contextlib.suppress(Exception):
                    run.finish(exit_code=1)


def _start(
    settings: WandbKeys,
    directory: Path,
    config: Mapping[str, Any],
    patience: float,
) -> Any:
    wandb = wandb_server.library()
    run_id, resumed = _run_id(directory / "wandb")
    run = wandb.init(
        project=settings.project,
        entity=settings.entity,
        mode=settings.mode,
        group=settings.group,
        # None leaves it to W&B's own variables.
        name=settings.run_name or (None if os.environ.get("WANDB_NAME") else directory.name),
        tags=list(settings.tags) or (None if os.environ.get("WANDB_TAGS") else []),
        config=dict(config),
        dir=directory,
        id=run_id,
        resume="allow" if resumed and settings.mode == "online" else None,
        # A run of this process that was left open must never receive this run's points.
        reinit="create_new",
        settings=wandb.Settings(
            silent=True,
            console="off",
            init_timeout=START_TIMEOUT,
            finish_timeout=patience,
            finish_timeout_raises=True,
        ),
    )
    if settings.mode == "online":
        _console.info("W&B run: %s", run.url)
    return run


def _run_id(folder: Path) -> tuple[str, bool]:
    """Return the id of the directory's W&B run, and whether that run was begun before.

    A run that is resumed logs all its points again.
    """
    file = folder / "run_id"
    if os.path.lexists(file):
        known = content_of(file).decode(errors="replace")
        if _ID.fullmatch(known):
            return known, True
    folder.mkdir(exist_ok=True)
    new = _given_id() or uuid.uuid4().hex
    with whole_file(file) as stream:
        stream.write(new.encode())
    return new, False


def _given_id() -> str | None:
    """Return the id that W&B's agents name, for one run of this process: no two may share it."""
    given = os.environ.get("WANDB_RUN_ID", "")
    if not _ID.fullmatch(given) or given in _ids_taken:
        return None
    _ids_taken.add(given)
    return given


@contextlib.contextmanager
def _staging_in(directory: Path) -> Iterator[None]:
    """Keep tables that wait for upload with the run; W&B would put them in the home directory."""
    if "WANDB_DATA_DIR" in os.environ:
        yield
        return
    os.environ["WANDB_DATA_DIR"] = str(directory.absolute() / "wandb")
    try:
        yield
    finally:
        del os.environ["WANDB_DATA_DIR"]
