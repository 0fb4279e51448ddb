"""A link of a chosen delay and rate between two network namespaces of this machine.

It needs the right to make namespaces and /dev/net/tun, and no further kernel module: a thread for
each direction reads packets off one end, and writes them to the other end when they are due.
"""

import contextlib
import fcntl
import os
import select
import struct
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Self

PLAY, ROUNDS = "play", "rounds"
"""Names of the interfaces in both namespaces: a fast one, and the link."""
MTU = 9000  # so that a thread of Python keeps up with 100 Mbit/s
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_LOOK = 0.2  # seconds between looks at whether all is over
_OPEN = "4096 33554432 67108864"  # bytes of a socket's buffer, so that the rate alone is a limit


def problem() -> str | None:
    """Return why there can be no link on this machine; None where there can."""
    try:
        with SlowLink(delay=0.0, rate=1e6):
            return None
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no network namespaces with a link between them: {error}"


class SlowLink:
    """Two namespaces, `near` and `far`, with a fast network and a slow link between them.

    Attributes:
        near: The name of one namespace, whose addresses end in 1.
        far: The name of the other one, whose addresses end in 2.
        carried: Bytes of all packets, from near to far and back.
    """

    def __init__(self, delay: float, rate: float, *, open_window: bool = True) -> None:
        """Choose what it is like.

        Args:
            delay: One way, in seconds.
            rate: In each direction, in bytes per second.
            open_window: Whether TCP sends as much at once as the rate allows, in place of finding
                that out anew after each pause.
        """
        self.delay, self.rate = delay, rate
        self.near, self.far = (f"link{os.getpid()}{end}" for end in "nf")
        self.carried = [0, 0]
        self._open_window = open_window
        self._up = threading.Event()
        self._up.set()
        self._over = False
        self._ends: list[int] = []
        self._threads: list[threading.Thread] = []

    def command(self, namespace: str, command: Sequence[str]) -> list[str]:
        """Return a command that runs another one in a namespace."""
        return ["ip", "netns", "exec", namespace, *command]

    def cut(self, seconds: float) -> None:
        """Lose all packets for a while."""
        self._up.clear()
        time.sleep(seconds)
        self._up.set()

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self._over = True
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            os.close(end)
        self._ends.clear()
        for namespace in (self.near, self.far):
            with contextlib.suppress(subprocess.CalledProcessError, OSError):
                _ip("netns", "del", namespace)

    def _make(self) -> None:
        _ip("netns", "add", self.near)
        _ip("netns", "add", self.far)
        names = [f"{self.near}v", f"{self.far}v"]
        _ip("link", "add", names[0], "type", "veth", "peer", "name", names[1])
        for number, (namespace, cable) in enumerate(zip((self.near, self.far), names, strict=True)):
            tunnel = f"{namespace}t"
            self._ends.append(_tunnel(tunnel))
            for name, inside, network in ((cable, PLAY, 1), (tunnel, ROUNDS, 2)):
                _ip("link", "set", name, "netns", namespace)
                within = ("-n", namespace)
                _ip(*within, "link", "set", name, "name", inside)
                _ip(*within, "addr", "add", f"10.77.{network}.{number + 1}/24", "dev", inside)
                if inside == ROUNDS:
                    _ip(*within, "link", "set", inside, "mtu", str(MTU), "txqueuelen", "10000")
                _ip(*within, "link", "set", inside, "up")
            _ip("-n", namespace, "link", "set", "lo", "up")
            if self._open_window:
                self._open(namespace)
        for source, sink in ((0, 1), (1, 0)):
            thread = threading.Thread(target=self._carry, args=(source, sink), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _open(self, namespace: str) -> None:
        for key, value in (
            ("net.ipv4.tcp_slow_start_after_idle", "0"),
            ("net.ipv4.tcp_congestion_control", "reno"),
            ("net.ipv4.tcp_rmem", _OPEN),
            ("net.ipv4.tcp_wmem", _OPEN),
        ):
            _run(self.command(namespace, ["sysctl", "-qw", f"{key}={value}"]))
        route = ("route", "change", "10.77.2.0/24", "dev", ROUNDS)
        _ip("-n", namespace, *route, "initcwnd", "4000", "initrwnd", "4000")

    def _carry(self, source: int, sink: int) -> None:
        """Carry packets in one direction until all is over."""
        waiting: deque[tuple[float, bytes]] = deque()
        free = 0.0  # when the link can take the next packet
        while not self._over:
            pause = max(waiting[0][0] - time.monotonic(), 0.0) if waiting else _LOOK
            ready, _, _ = select.select([self._ends[source]], [], [], min(pause, _LOOK))
            now = time.monotonic()
            if ready:
                packet = os.read(self._ends[source], 65536)
                if self._up.is_set():
                    free = max(free, now) + len(packet) / self.rate
                    waiting.append((free + self.delay, packet))
                    self.carried[source] += len(packet)
            while waiting and waiting[0][0] <= now:
                packet = waiting.popleft()[1]
                with contextlib.suppress(OSError):
                    os.write(self._ends[sink], packet)


def _tunnel(name: str) -> int:
    """Make an interface whose packets are read and written here; return the descriptor."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    try:
        fcntl.ioctl(
            descriptor, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI)
        )
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _ip(*words: str) -> None:
    _run(["ip", *words])


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
