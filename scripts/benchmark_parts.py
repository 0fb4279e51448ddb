"""Where the time of MAPPO goes: `python scripts/benchmark.py mappo --profile`."""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from torch.utils._python_dispatch import TorchDispatchMode

from marl_comm.games.environments.vmas.simulations import Simulations
from marl_comm.learners.mappo.batch import Batch
from marl_comm.learners.mappo.learner import Mappo
from marl_comm.learners.mappo.optimiser import Adam
from marl_comm.learners.mappo.perceptron import PerceptronGradient
from marl_comm.learners.mappo.players import Behaviours
from marl_comm.learners.mappo.update import LocalUpdate

_PRODUCTS = ("bmm", "baddbmm", "baddbmm_")
_PARTS: dict[str, list[tuple[Any, str]]] = {
    "simulation": [(Simulations, "step")],
    "new episodes": [(Simulations, "begin"), (Simulations, "observations")],
    "acting": [(Behaviours, "act")],
    "weighing, figures": [(Mappo, "weigh"), (Mappo, "_measured")],
    "advantages": [(LocalUpdate, "_prepare"), (Batch, "blocks")],
    "networks forward": [(PerceptronGradient, "forward")],
    "networks backward": [(PerceptronGradient, "backward")],
    "losses": [(LocalUpdate, "_policy_backward"), (LocalUpdate, "_value_backward")],
    "clipping, Adam": [(LocalUpdate, "_clipped"), (Adam, "step")],
}
_OUTER = ("losses",)  # parts that others are parts of, which count by themselves
REST = {"collect": "storing, the rest of collecting", "update": "the rest of updating"}


class Clock:
    """Process time by part; of a part within another, only that of the inner one's outer."""

    def __init__(self) -> None:
        """Start at zero."""
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Count what happens as the time of a part."""
        if self._open and self._open[-1] not in (*REST.values(), *_OUTER):
            yield  # it is a piece of work whose insides do not count by themselves
            return
        self._close()
        self._open.append(part)
        yield
        self._close()
        self._open.pop()

    def _close(self) -> None:
        now = time.process_time()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = time.process_time()

    def timing(self, method: Callable[..., Any], part: str) -> Callable[..., Any]:
        """Return a method that counts its time."""

        def timed(*given: Any, **named: Any) -> Any:
            with self.of(part):
                return method(*given, **named)

        return timed


def seconds_by_part(works: dict[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """Return the median process time of each part of collecting and updating, in turn."""
    clocks = []
    for _ in range(repetitions):
        clock = Clock()
        with ExitStack() as patched:
            for part, methods in _PARTS.items():
                for owner, name in methods:
                    timed = clock.timing(getattr(owner, name), part)
                    patched.enter_context(patch.object(owner, name, timed))
            for kind, work in works.items():
                with clock.of(REST[kind]):
                    work()
        clocks.append(clock.seconds)
    names = [*_PARTS, *REST.values()]
    return {name: statistics.median(clock[name] for clock in clocks) for name in names}


class Products(TorchDispatchMode):
    """Adds up the process time of matrix products."""

    def __init__(self) -> None:
        """Start at zero."""
        super().__init__()
        self.seconds = 0.0

    def __torch_dispatch__(
        self, operation: Any, types: Any, given: Any = (), named: Any = None
    ) -> Any:
        """Run an operation of torch."""
        start = time.process_time()
        result = operation(*given, **(named or {}))
        if operation.overloadpacket.__name__ in _PRODUCTS:
            self.seconds += time.process_time() - start
        return result


def seconds_of_products(work: Callable[[], object], repetitions: int) -> float:
    """Return the median process time of the matrix products in some work."""
    found = []
    for _ in range(repetitions):
        with Products() as products:
            work()
        found.append(products.seconds)
    return statistics.median(found)
