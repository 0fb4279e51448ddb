"""What rounds have moved and how long they took, measured beside what the ledger has booked."""

import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from marl_comm.storage.files import whole_file

MEASURED = "agents.json"


@dataclass
class Tally:
    """What the rounds of this process have moved, as found and as booked.

    Attributes:
        payload_up: Bytes written to the shared buffer, those of the world included.
        payload_down: Bytes that agents have read.
        written_by_world: Of `payload_up`, what did not travel, since the world keeps the buffer.
        ledger_up: What the ledger has booked meanwhile.
        ledger_down: The same.
        socket_up: Bytes that the world's connections for rounds have received; None if not told.
        socket_down: The same, sent.
        seconds: How long training took.
        cpu_seconds: Of the processors of all processes together meanwhile.
        round_seconds: How long each round took the slowest agent, from the end of play until it
            had read all.
    """

    payload_up: int = 0
    payload_down: int = 0
    written_by_world: int = 0
    ledger_up: int = 0
    ledger_down: int = 0
    socket_up: int | None = None
    socket_down: int | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    round_seconds: list[float] = field(default_factory=list)

    def leave(self, directory: Path) -> None:
        """Write `agents.json` beside the results, and say the same on stderr.

        Raises:
            OutputError: It cannot be written.
        """
        with whole_file(directory / MEASURED) as file:
            file.write((json.dumps(dataclasses.asdict(self), indent=2) + "\n").encode())
        for name, payload, local, ledger, socket in (
            ("up", self.payload_up, self.written_by_world, self.ledger_up, self.socket_up),
            ("down", self.payload_down, 0, self.ledger_down, self.socket_down),
        ):
            told = "the system does not tell the sockets' own count"
            if socket is not None and payload > local:
                share = socket / (payload - local) - 1
                told = f"on the sockets {socket:,}, {share:.2%} more than what travelled"
            print(
                f"bytes {name}: payload {payload:,}, ledger {ledger:,}; "
                f"written by the world itself {local:,}; {told}",
                file=sys.stderr,
            )
        if self.round_seconds:
            count, median = len(self.round_seconds), float(np.median(self.round_seconds))
            print(
                f"{count} rounds took {sum(self.round_seconds):.3f} s, their median "
                f"{median:.4f} s; training took {self.seconds:.2f} s",
                file=sys.stderr,
            )
