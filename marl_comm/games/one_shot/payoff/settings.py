"""A game from a file: `game=payoff game.file=table.npz`."""

import logging
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, final

from pydantic import Field, TypeAdapter, ValidationError, ValidationInfo, model_validator

from marl_comm.errors import InputError
from marl_comm.games.one_shot.payoff.rules import OwnPayoffs, TeamPayoffs
from marl_comm.games.one_shot.payoff.table import PayoffTable, read
from marl_comm.games.one_shot.settings import OneShotSettings
from marl_comm.options.answers import RunSettings
from marl_comm.settings import may_read_files

_log = logging.getLogger(__name__)

_WHAT = "the path of a .npz or .nfg file"
_FilePath = Annotated[
    str, Field(max_length=4096, pattern=r"^\P{C}+\.(npz|nfg)$", description=_WHAT)
]
_Digest = Annotated[
    str, Field(pattern=r"^[0-9a-f]{64}$", description="64 hexadecimal digits, in lower case")
]
_path_adapter: TypeAdapter[str] = TypeAdapter(_FilePath)


@final
class PayoffSettings(OneShotSettings):
    """A game from a file.

    What is null in a configuration that a user composes is read off the file. A saved one has it
    all: it is checked, and memory is estimated, without the file.

    Attributes:
        file: Its path; where relative, from the current directory.
        payoffs: Whether each agent has its own, or the team one.
        sha256: Digest of the file, which tells whether it is still the same.
    """

    name: Literal["payoff"]
    file: _FilePath
    payoffs: Literal["own", "team"]
    sha256: _Digest

    @model_validator(mode="before")
    @classmethod
    def _read_off_the_file(cls, given: Any, info: ValidationInfo) -> Any:
        """Fill in what is null, where files may be read."""
        if not may_read_files(info.context) or not isinstance(given, dict):
            return given
        missing = [key for key in _KEYS if given.get(key) is None]
        if not missing:
            return given
        found = _facts(read(_path(given.get("file"))))
        return given | {key: found[key] for key in missing}

    @property
    def own_rewards(self) -> bool:
        """The setting `payoffs`."""
        return self.payoffs == "own"

    @property
    def shared(self) -> bool:
        """Yes: nothing is drawn."""
        return True

    @property
    def game_seed(self) -> int | None:
        """None: nothing is drawn."""
        return None

    def numbers(self, seeds: int) -> int:
        """Return the size of the tables, which all seeds share."""
        rules = OwnPayoffs if self.own_rewards else TeamPayoffs
        return rules.numbers(self.agents, self.actions)

    def own_problems(self, run: RunSettings) -> Iterator[str]:
        """There are none that can be told without the file."""
        yield from ()

    def ready(self, run: RunSettings) -> None:
        """Read the file.

        Raises:
            InputError: It is no game, or another one than these settings are for.
        """
        self._table()

    def drawn(self, seeds: Sequence[int]) -> OwnPayoffs | TeamPayoffs:
        """Return the rules of the file, which all seeds share.

        Raises:
            InputError: As `ready` does.
        """
        table = self._table()
        offset, factor = table.scale
        if table.scale != (0.0, 1.0):
            _log.info(
                "game.file=%s: payoffs from %g to %g are scaled to [0, 1]; values and Nash gaps "
                "are in units of %g",
                *(self.file, offset, offset + factor, factor),
            )
        if not table.sizes.own:
            return TeamPayoffs(table)
        rules = OwnPayoffs(table)
        if rules.exact_potential is None:
            _log.warning(
                "game.file=%s: not a potential game, the gains of a cycle of deviations add up "
                "to %.3g instead of 0; Nash gaps are still exact, but learning need not reach "
                "an equilibrium",
                *(self.file, rules.misfit),
            )
        return rules

    def _table(self) -> PayoffTable:
        table = read(self.file)
        found = _facts(table)
        if found["sha256"] != self.sha256:
            raise InputError(
                f"game.file={self.file}: its SHA-256 is {table.sha256}, and game.sha256 says "
                f"{self.sha256}; put back the file that the run was started with, or start a new "
                "run without game.sha256"
            )
        for key in _KEYS:
            if found[key] != getattr(self, key):
                raise InputError(
                    f"game.{key}={getattr(self, key)}: {self.file} has {found[key]}; "
                    f"leave game.{key} out"
                )
        return table


_KEYS = ("agents", "actions", "payoffs", "sha256")


def _facts(table: PayoffTable) -> dict[str, Any]:
    """Return the settings that a file decides."""
    agents, actions, own = table.sizes
    payoffs = "own" if own else "team"
    return dict(zip(_KEYS, (agents, actions, payoffs, table.sha256), strict=True))


def _path(given: Any) -> str:
    # Imported late: what words a refusal knows all options, this one among them.
    from marl_comm.plain_text import one_line, shown

    try:
        return _path_adapter.validate_python(given, strict=True)
    except ValidationError as error:
        raise InputError(one_line(f"game.file={shown(given)}: must be {_WHAT}")) from error
