"""Returns of whole episodes while chunks are played."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from marl_comm.arrays import Array
from marl_comm.games.environments.environments import Step
from marl_comm.games.environments.infos import MOST_NAMES
from marl_comm.games.environments.spec import Spec


def return_names(spec: Spec) -> list[str]:
    """Return the names of the return summed over the agents, then of each agent's."""
    return ["return", *(f"return_{agent}" for agent in spec.agents)]


@dataclass
class Episodes:
    """Sums over the episodes and steps of some rows, kept on the device of `running`.

    Attributes:
        running: (rows, agents, copies), returns of the episodes under way.
        total: (rows, agents), sums over the episodes that have ended.
        ended: (rows,), how many these are.
        info: By name, (2, rows), sums over steps and copies of what was given, and how often that
            was.
        known: Names that are in the log already. Others are taken up while there is room: a name
            that changes at each step must not fill the log.
    """

    running: Tensor
    total: Tensor
    ended: Tensor
    info: dict[str, Tensor] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)

    @classmethod
    def going_on(cls, running: Tensor, known: Iterable[str] = ()) -> Self:
        """Return sums of nothing yet.

        Args:
            running: (rows, agents, copies), returns of the episodes under way.
            known: Names of further figures that are in the log already.
        """
        total = running.new_zeros(running.shape[:2], dtype=torch.float64)
        return cls(running, total, total.new_zeros(len(running)), known=set(known))

    def count_step(self, rows: Tensor, began: Tensor, step: Step) -> None:
        """Take in a step of some rows; `began`, (rows, copies), says where episodes began."""
        device = self.running.device
        rows = rows.to(device)
        running = torch.where(began.to(device).unsqueeze(1), 0.0, self.running[rows])
        running = running + step.rewards.to(device)
        over = step.ended.to(device).unsqueeze(1)
        self.total[rows] += (running * over).sum(dim=2)
        self.ended[rows] += over.sum(dim=(1, 2))
        self.running[rows] = torch.where(over, 0.0, running)
        for name, figures in step.info.items():
            if name not in self.known:
                if len(self.known) >= MOST_NAMES:
                    continue
                self.known.add(name)
            sums = self.info.setdefault(name, self.ended.new_zeros((2, len(self.ended))))
            sums[0, rows] += figures.nansum(dim=1).to(device)
            sums[1, rows] += (~figures.isnan()).sum(dim=1).to(device)

    def figures(self, spec: Spec) -> dict[str, Array]:
        """Return mean returns and further figures, (rows,); nan where there was none."""
        means = (self.total / self.ended.unsqueeze(1)).cpu().numpy()
        columns = [means.sum(axis=1), *means.T]
        further = {name: (sums[0] / sums[1]).cpu().numpy() for name, sums in self.info.items()}
        return {**dict(zip(return_names(spec), columns, strict=True)), **further}
