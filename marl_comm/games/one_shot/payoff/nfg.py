"""Payoffs in Gambit's strategic form, read by pygambit."""

import io
import re
from math import prod
from typing import BinaryIO

import numpy as np

from marl_comm.arrays import AnyArray
from marl_comm.games.one_shot.payoff.sizes import Sizes, UnusableError, checked

_INSTALL = 'pip install "pygambit>=16.3,<17"'
_MOST_JOINT_ACTIONS = 20_000  # pygambit's time grows with the square; these take a second
_MOST_BYTES = 2**24
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[{}]|[^\s{}"]+', re.DOTALL)


def read(file: BinaryIO) -> tuple[Sizes, AnyArray]:
    """Return the sizes and payoffs of a file; payoffs that all players share are the team's.

    Raises:
        UnusableError: pygambit is not installed, or cannot read the file, or the game is too large.
    """
    try:
        import pygambit
    except ImportError as error:
        raise UnusableError(f"files of Gambit need pygambit; {_INSTALL}") from error
    content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise UnusableError(f"files of Gambit may have {_MOST_BYTES} bytes; save it as .npz")
    actions = _declared(content.decode("utf-8", errors="replace"))
    sizes = checked(actions, own=True)
    if prod(actions) > _MOST_JOINT_ACTIONS:
        raise UnusableError(
            f"it has {prod(actions)} joint actions, files of Gambit may have "
            f"{_MOST_JOINT_ACTIONS}; save it as .npz"
        )
    try:
        game = pygambit.read_nfg(io.BytesIO(content))
        payoffs = np.array(game.to_arrays(dtype=float), dtype=np.float64)
    except Exception as error:  # as pygambit finds it
        raise UnusableError(f"pygambit cannot read it ({error})") from error
    if payoffs.shape != (len(actions), *actions):
        raise UnusableError(f"pygambit reads payoffs of shape {payoffs.shape} from it")
    if (payoffs == payoffs[0]).all():
        return sizes._replace(own=False), payoffs[0]
    return sizes, payoffs


def _declared(text: str) -> list[int]:
    """Return each player's number of strategies: pygambit makes room for them unseen.

    The prologue is NFG 1 R "title" { players }, then either { numbers of strategies } or a list of
    names { ... } for each player within braces.
    """
    tokens = (found[0] for found in _TOKEN.finditer(text))
    begin = [next(tokens, "") for _ in range(5)]
    if begin[0] != "NFG" or begin[4] != "{":
        raise UnusableError("it does not begin as a game in Gambit's strategic form, NFG 1 R ...")
    for token in tokens:
        if token == "}":
            break
    counts: list[int] = []
    depth = 0
    for token in tokens:
        depth += (token == "{") - (token == "}")
        if depth == 0:
            return counts
        if token == "{":
            if depth == 2:
                counts.append(0)
        elif depth == 2:
            counts[-1] += 1
        elif token != "}":
            counts.append(_count(token))
    raise UnusableError("its list of strategies does not end")


def _count(token: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", token):
        raise UnusableError(f"it has {token[:20]} where a number of strategies should be")
    return int(token)
