"""Where MAPPO's time goes, part by part: `python scripts/benchmark.py mappo --profile`."""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from rich.table import Table
from torch.utils._python_dispatch import TorchDispatchMode

from marl_comm.games.environments.vmas.simulations import Simulations
from marl_comm.learners.mappo.batch import Batch
from marl_comm.learners.mappo.learner import Mappo
from marl_comm.learners.mappo.optimiser import Adam
from marl_comm.learners.mappo.perceptron import PerceptronGradient
from marl_comm.learners.mappo.players import Behaviours
from marl_comm.learners.mappo.update import LocalUpdate

Work = Callable[[], object]

PARTS: dict[str, list[tuple[Any, str]]] = {
    "simulation": [(Simulations, "step")],
    "new episodes": [(Simulations, "begin"), (Simulations, "observations")],
    "acting": [(Behaviours, "act")],
    "weighing": [(Mappo, "weigh"), (Mappo, "_measured")],
    "advantages": [(LocalUpdate, "_prepare"), (Batch, "cut")],
    "networks forward": [(PerceptronGradient, "forward")],
    "networks backward": [(PerceptronGradient, "backward")],
    "losses": [(LocalUpdate, "_policy_backward"), (LocalUpdate, "_value_backward")],
    "clipping and Adam": [(LocalUpdate, "_clipped"), (Adam, "step")],
}
REST = {"collect": "storing and the rest of collecting", "update": "the rest of updating"}
EVALUATION = "evaluation"
PRODUCTS = "matrix products of updating"
_WITHOUT_INSIDES = (*REST.values(), "losses")  # what is done within them counts by itself


class Clock:
    """Process time by part; what is done within a part counts as that part's, or by itself."""

    def __init__(self) -> None:
        """Start at zero."""
        self.seconds: dict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Count what happens as the time of a part."""
        if self._open and self._open[-1] not in _WITHOUT_INSIDES:
            yield
            return
        self._count()
        self._open.append(part)
        yield
        self._count()
        self._open.pop()

    def _count(self) -> None:
        now = time.process_time()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def timing(self, method: Callable[..., Any], part: str) -> Callable[..., Any]:
        """Return a method that counts its time."""

        def timed(*given: Any, **named: Any) -> Any:
            with self.of(part):
                return method(*given, **named)

        return timed


def seconds_by_part(works: dict[str, Work], repetitions: int) -> dict[str, float]:
    """Return the median process time of each part of collecting and updating, in turn."""
    clocks = []
    for _ in range(repetitions):
        clock = Clock()
        with ExitStack() as patched:
            for part, methods in PARTS.items():
                for owner, name in methods:
                    timed = clock.timing(getattr(owner, name), part)
                    patched.enter_context(patch.object(owner, name, timed))
            for kind, work in works.items():
                with clock.of(REST[kind]):
                    work()
        clocks.append(clock.seconds)
    names = [*PARTS, *REST.values()]
    return {name: statistics.median(clock[name] for clock in clocks) for name in names}


class Products(TorchDispatchMode):
    """Counts batched matrix products.

    Attributes:
        seconds: Their process time.
        operations: How many multiplications and additions they are.
    """

    def __init__(self) -> None:
        """Start at zero."""
        super().__init__()
        self.seconds, self.operations = 0.0, 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, given: Any = (), named: Any = None
    ) -> Any:
        """Run an operation of torch."""
        start = time.process_time()
        result = operation(*given, **(named or {}))
        spent = time.process_time() - start
        if operation.overloadpacket.__name__ in ("bmm", "baddbmm", "baddbmm_"):
            left, right = given[-2:]
            self.seconds += spent
            self.operations += 2 * left.numel() * right.shape[-1]
        return result


def products_of(work: Work) -> Products:
    """Return the matrix products of some work."""
    with Products() as products:
        work()
    return products


def profile_table(works: dict[str, Work], evaluate: Work, joint_steps: int, every: int) -> Table:
    """Return where the time goes, the last row being the matrix products within the rows above.

    Args:
        works: What collects and what updates.
        evaluate: What evaluates.
        joint_steps: That are collected.
        every: Local updates between evaluations.
    """
    seconds = seconds_by_part(works, repetitions=5)
    evaluate()  # the first time, simulations are made
    start = time.process_time()
    evaluate()
    seconds[EVALUATION] = (time.process_time() - start) / every
    total = sum(seconds.values())
    products = [products_of(works["update"]).seconds for _ in range(3)]
    seconds[PRODUCTS] = statistics.median(products)
    table = Table("part", "us per joint step", "share")
    for name, spent in seconds.items():
        table.add_row(name, f"{1e6 * spent / joint_steps:.2f}", f"{100 * spent / total:.1f} %")
    return table
