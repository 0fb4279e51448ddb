"""What the system has counted on this process's TCP connections, where it tells (Linux)."""

import contextlib
import os
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

_OPEN = Path("/proc/self/fd")
# In `struct tcp_info` of linux/tcp.h, since Linux 4.1 and 4.19.
_BYTES_RECEIVED, _BYTES_SENT, _SIZE = 128, 200, 256


def connections() -> set[int]:
    """Return the descriptors of all TCP connections of this process; none where nobody tells."""
    found = set()
    with contextlib.suppress(OSError):
        for entry in _OPEN.iterdir():
            if _counts(int(entry.name)) is not None:
                found.add(int(entry.name))
    return found


def moved(descriptors: Iterable[int]) -> tuple[int, int] | None:
    """Return the bytes that connections have sent, again where they got lost, and received.

    Args:
        descriptors: Of the connections.

    Returns:
        None where the system does not tell, or there are no connections.
    """
    counts = [_counts(each) for each in descriptors]
    known = [each for each in counts if each is not None]
    if not known or len(known) < len(counts):
        return None
    return sum(sent for sent, _ in known), sum(received for _, received in known)


def _counts(descriptor: int) -> tuple[int, int] | None:
    try:
        with socket.socket(fileno=os.dup(descriptor)) as connection:
            if connection.type != socket.SOCK_STREAM or connection.family == socket.AF_UNIX:
                return None
            connection.getpeername()  # fails for one that listens
            told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE)
    except OSError:
        return None
    if len(told) < _BYTES_SENT + 8:
        return None
    (sent,) = struct.unpack_from("=Q", told, _BYTES_SENT)
    (received,) = struct.unpack_from("=Q", told, _BYTES_RECEIVED)
    return sent, received
