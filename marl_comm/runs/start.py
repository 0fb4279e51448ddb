"""A run that starts from what a finished one has learned: `start_from=RUN_DIR`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from marl_comm.arrays import AnyArray
from marl_comm.config.loading import load_saved
from marl_comm.config.run import RunConfig
from marl_comm.errors import DamagedError, InputError
from marl_comm.plain_text import one_line
from marl_comm.runs.assemble import PartsOfNetworks, PartsOfTables
from marl_comm.settings import label_of
from marl_comm.storage.arrays import Arrays
from marl_comm.storage.digests import digest_of, read_summary, refuse_changed
from marl_comm.storage.files import CONFIG, FINAL, START, SUMMARY

_LIFE = "life"
_SPENT = ("rounds", "local_steps", "samples", "bytes_up", "bytes_down")


@dataclass(frozen=True, eq=False)
class Start:
    """What the seeds of a run begin with.

    Attributes:
        arrays: What was learned, by name, first axis the seeds of this run.
        life: How many runs came before. See `randomness.generator`.
    """

    arrays: dict[str, AnyArray]
    life: int

    @classmethod
    def chosen_by(cls, run: RunConfig) -> "Start | None":
        """Return what the run that `start_from` names has learned; None where it names none.

        Raises:
            DamagedError: A file of that run is damaged.
            InputError: It is not finished, or does not fit this one.
        """
        if run.start_from is None:
            return None
        directory = Path(run.start_from)
        earlier = refuse_unfit(run)
        rows = _rows(run, earlier)
        refuse_changed(directory, read_summary(directory), FINAL)
        final = Arrays.of(directory / FINAL)
        # Games leave arrays of their own there, which are drawn anew.
        wanted = run.learner.begins_with
        if missing := [name for name in wanted if name not in final]:
            raise _refusal(
                run, f"its {FINAL} lacks {', '.join(missing)}, which {_learner(run)} begins with"
            )
        arrays = {name: final[name] for name in wanted}
        if any(array.ndim == 0 or len(array) != earlier.num_seeds for array in arrays.values()):
            raise DamagedError(f"cannot read {directory / FINAL}: its policies fit no run")
        life = 1
        if earlier.start_from is not None:
            refuse_changed(directory, read_summary(directory), START)
            life += cls.kept_in(directory).life
        return cls({name: array[rows] for name, array in arrays.items()}, life)

    @classmethod
    def kept_in(cls, directory: Path) -> "Start":
        """Return what a run has kept of its start, whatever has become of where that was from.

        Raises:
            DamagedError: The file is damaged.
        """
        content = Arrays.of(directory / START)
        life = content[_LIFE]
        if life.shape != () or life.dtype != np.int64 or life < 1:
            raise DamagedError(f"cannot read {directory / START}: it holds no start of a run")
        return cls({name: content[name] for name in content if name != _LIFE}, int(life))

    def to_keep(self) -> dict[str, AnyArray]:
        """Return it as arrays, which `kept_in` reads back."""
        return {**self.arrays, _LIFE: np.array(self.life, dtype=np.int64)}

    def begin(self, run: RunConfig, parts: PartsOfTables | PartsOfNetworks) -> None:
        """Put the parts of a run, in which nothing is done yet, at this start.

        Raises:
            InputError: It does not fit them.
        """
        try:
            parts.learner.begin_from(self.arrays)
        except (LookupError, TypeError, ValueError) as error:
            reason = f"does not fit this run: {error}"
            raise _refusal(run, reason) from error
        parts.game.begins_at(parts.learner.policy)  # type: ignore[arg-type]


def refuse_unfit(run: RunConfig) -> RunConfig:
    """Return the configuration of the run to start from; look at nothing large.

    Raises:
        DamagedError: A file of it is damaged.
        InputError: It is not finished, or does not fit this one.
    """
    assert run.start_from is not None
    directory = Path(run.start_from)
    if not os.path.lexists(directory / SUMMARY):
        raise _refusal(run, f"holds no finished run (no {SUMMARY})")
    earlier = load_saved(directory / CONFIG)
    for group in ("game", "learner"):
        theirs, ours = (label_of(getattr(each, group).model_dump()) for each in (earlier, run))
        if theirs != ours:
            raise _refusal(
                run, f"has {group}={theirs}, and this run {group}={ours}; set {group}={theirs}"
            )
    if not run.learner.begins_with:
        raise _refusal(
            run,
            f"{_learner(run)} cannot go on with what another run has learned; set start_from=null",
        )
    wanted = run.learner.shape
    for key, value in earlier.learner.shape.items():
        if wanted.get(key) != value:
            theirs, ours = f"{key}={_plain(value)}", f"{key}={_plain(wanted.get(key))}"
            raise _refusal(run, f"has {theirs}, and this run {ours}; set {theirs}")
    _rows(run, earlier)
    return earlier


def origin_of(run: RunConfig) -> dict[str, Any] | None:
    """Return where a run starts from, for `origin.json`; None where it begins anew.

    Holds the directory, the digest of what was learned, and what each seed had used to learn it:
    this run's own ledger starts at zero.
    """
    if run.start_from is None:
        return None
    directory = Path(run.start_from)
    seeds = read_summary(directory)["seeds"]
    rows = _rows(run, load_saved(directory / CONFIG))
    return {
        "directory": str(directory.absolute()),
        FINAL: digest_of(directory / FINAL),
        "seeds": [
            {name: seeds[row].get(name) for name in ("seed", *_SPENT)} for row in rows.tolist()
        ],
    }


def _rows(run: RunConfig, earlier: RunConfig) -> Any:
    """Return which row of the earlier run each seed begins with: its own, or the only one."""
    if earlier.num_seeds == 1:
        return np.zeros(run.num_seeds, dtype=np.int64)
    missing = [seed for seed in run.seeds if seed not in earlier.seeds]
    if missing:
        raise _refusal(
            run,
            f"has the seeds {_span(earlier.seeds)}, and this run {_span(run.seeds)}; set seed and "
            "num_seeds so that each is among them",
        )
    return np.array([earlier.seeds.index(seed) for seed in run.seeds])


def _learner(run: RunConfig) -> str:
    return f"learner={label_of(run.learner.model_dump())}"


def _span(seeds: Sequence[int]) -> str:
    return f"{seeds[0]} to {seeds[-1]}"


def _plain(value: object) -> str:
    return f"[{','.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


def _refusal(run: RunConfig, reason: str) -> InputError:
    return InputError(one_line(f"start_from={run.start_from}: {reason}"))
