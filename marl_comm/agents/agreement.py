"""Whether all copies of the policies are the same, and since when they are not.

With what it plays for a round, and at the end, each agent sends the world a digest of all policies
since the last time; before anything is shared it hears whether all agree. Where one differs, the
digests of each local update tell when that began.
"""

import hashlib
import struct
import time
from typing import Any

import numpy as np

from marl_comm.agents.channel import Channel
from marl_comm.agents.packing import Bytes
from marl_comm.arrays import AnyArray, IntArray
from marl_comm.errors import GroupError

_BYTES = 16
_REPORT = struct.Struct(f"<{_BYTES}sqdd")
_WANTED = struct.Struct("<q")
REPORT_BYTES, VERDICT_BYTES = _REPORT.size, _WANTED.size


class DisagreementError(GroupError):
    """This agent's policies are not the world's, which the world tells."""


class Agreement:
    """The digests of one process since the last comparison.

    Attributes:
        round_seconds: How long each round took the slowest agent, in the world's process.
        cpu_seconds: Of the processors of all processes so far, in the world's process.
    """

    def __init__(self, channel: Channel, local_step: int) -> None:
        """Begin.

        Args:
            channel: Carries the digests.
            local_step: Local updates made so far.
        """
        self.round_seconds: list[float] = []
        self.cpu_seconds = 0.0
        self._begun = time.process_time()
        self._channel = channel
        self._local_step = local_step
        self._digests: list[bytes] = []
        self._same: list[bool] = []
        self._wanted = 0  # digests of each agent, where policies differ

    def note(self, seed_rows: IntArray, local_step: int, policies: AnyArray) -> None:
        """Take note of all policies, or their parameters, after a local update."""
        content = hashlib.blake2b(seed_rows.tobytes(), digest_size=_BYTES)
        content.update(policies.tobytes())
        self._digests.append(content.digest())
        self._local_step = local_step

    def report(self, round_seconds: float) -> Bytes:
        """Agent: return what the world is to compare, `REPORT_BYTES` of them.

        Args:
            round_seconds: How long the latest round took; 0 before the first.
        """
        report = _REPORT.pack(self._digest(), self._local_step, round_seconds, self._cpu())
        return np.frombuffer(report, "u1")

    def heed(self, verdict: Bytes) -> None:
        """Agent: take note of what the world says to that, in `VERDICT_BYTES`.

        Raises:
            DisagreementError: Not all policies are the same.
        """
        (wanted,) = _WANTED.unpack(verdict.tobytes())
        if wanted:
            digests = b"".join(self._digests).ljust(wanted * _BYTES, b"\0")
            self._channel.write(np.frombuffer(digests[: wanted * _BYTES], "u1"))
            raise DisagreementError("policies differ")
        self._digests.clear()

    def compare(self, reports: list[Bytes]) -> Bytes:
        """World: compare the reports of all agents; return what to say to each, then `settle`."""
        found = [_REPORT.unpack(each.tobytes()) for each in reports]
        own = self._digest()
        self._same = [(digest, step) == (own, self._local_step) for digest, step, *_ in found]
        self._wanted = 0 if all(self._same) else len(self._digests)
        self.round_seconds.append(max(seconds for _, _, seconds, _ in found))
        self.cpu_seconds = self._cpu() + sum(cpu for *_, cpu in found)
        return np.frombuffer(_WANTED.pack(self._wanted), "u1")

    def settle(self) -> None:
        """World: go on, all agents knowing what was found.

        Raises:
            GroupError: Policies differ: which agents', and since which local update.
        """
        if self._wanted:
            raise self._difference(self._same, self._wanted)
        self._digests.clear()

    def confirm(self, round_seconds: float) -> None:
        """Agent: report, and hear whether all are the same, with nothing else in the message.

        Raises:
            DisagreementError: They are not.
        """
        self._channel.write(self.report(round_seconds))
        self.heed(self._channel.read(VERDICT_BYTES))

    def conclude(self) -> None:
        """World: hear all agents, and tell them whether all are the same.

        Raises:
            GroupError: They are not: which agents', and since which local update.
        """
        self._channel.broadcast(self.compare(self._channel.gather(REPORT_BYTES)))
        self.settle()

    def _difference(self, same: list[bool], wanted: int) -> GroupError:
        histories = self._channel.gather(wanted * _BYTES)
        names, first = [], wanted - 1
        for agent, (agrees, history) in enumerate(zip(same, histories, strict=True)):
            if agrees:
                continue
            names.append(str(agent))
            theirs = history.tobytes()
            for place, digest in enumerate(self._digests):
                if theirs[place * _BYTES : (place + 1) * _BYTES] != digest:
                    first = min(first, place)
                    break
        since = self._local_step - (wanted - 1) + first
        who = f"agent {names[0]}" if len(names) == 1 else f"agents {', '.join(names)}"
        return GroupError(
            f"the policies that {who} computed differ from the world's since local update {since}: "
            "different hardware or libraries round differently; run all on one kind"
        )

    def _cpu(self) -> float:
        return time.process_time() - self._begun

    def _digest(self) -> bytes:
        return hashlib.blake2b(b"".join(self._digests), digest_size=_BYTES).digest()


def numbers_of(policy: Any) -> AnyArray:
    """Return the numbers that all policies are: tables, or the parameters of networks."""
    return policy if isinstance(policy, np.ndarray) else np.asarray(policy.parameters)
