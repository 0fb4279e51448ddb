"""Sums over agents for every sample, without ever forming the joint action space.

Two operations dominate a local update: the sum over agents of log-probabilities at the sampled
actions, and, per agent and action, the sum of a quantity over the samples that took that action.
Both are table look-ups. Agents are taken in small groups, so that one look-up serves a whole
group: the table of a group has one entry per joint action *of the group*, kept smaller than the
number of samples it serves.
"""

from dataclasses import dataclass

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.rows import Chosen, Fixed, Rows, index_of, record

_LARGEST_TABLE = 2048  # entries of a group's table: stays in the first cache levels


def group_size(agents: int, actions: int, samples: int, contexts: int = 1) -> int:
    """Return how many agents share one look-up table (at least 1)."""
    largest = max(actions, min(_LARGEST_TABLE, samples // 8) // contexts)
    size = 1
    while size < agents and actions ** (size + 1) <= largest:
        size += 1
    # Equal groups need no larger table than the fewest groups of this size do.
    groups = -(-agents // size)
    return -(-agents // groups)


@record
@dataclass
class JointActions:
    """Sampled joint actions, indexed for fast sums.

    Each sample was taken in a context, such as the state of a game; look-ups and sums are then per
    context. One-shot games have a single context.

    Attributes:
        agents: m.
        actions: A, number of actions of each agent.
        contexts: C, number of contexts.
        group_agents: For each group, its agents as a range.
        codes: For each group, (rows, samples) positions in the group's flattened table
            (rows, C, A ** len(group)), the row's own offset included.
    """

    agents: Fixed[int]
    actions: Fixed[int]
    contexts: Fixed[int]
    group_agents: Fixed[tuple[range, ...]]
    codes: Rows[tuple[IntArray, ...]]

    @classmethod
    def of(
        cls,
        joint_actions: AnyArray,
        actions: int,
        context: IntArray | None = None,
        contexts: int = 1,
        block: int | None = None,
    ) -> "JointActions":
        """Index joint actions.

        Args:
            joint_actions: (rows, samples, agents), of any integer type.
            actions: A.
            context: (rows, samples), in 0, ..., contexts - 1; None where there is only one.
            contexts: C.
            block: For how many samples look-up tables must be worth their while; None for all.
        """
        rows, samples, agents = joint_actions.shape
        size = group_size(agents, actions, samples if block is None else block, contexts)
        groups = tuple(range(start, min(start + size, agents)) for start in range(0, agents, size))
        codes = []
        for group in groups:
            code = np.zeros((rows, samples), dtype=np.int64)
            code += np.arange(rows)[:, None] * contexts
            if context is not None:
                code += context
            for agent in group:
                code *= actions
                code += joint_actions[:, :, agent]
            codes.append(code)
        return cls(agents, actions, contexts, groups, tuple(codes))

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, samples)."""
        rows, samples = self.codes[0].shape
        return rows, samples

    # Codes hold the offset of their row: moved to another row, they change.

    def take_rows(self, rows: Chosen) -> "JointActions":
        """Return a copy of the given rows, in the given order."""
        rows, codes = index_of(self.codes[0], rows), []
        for group, code in zip(self.group_agents, self.codes, strict=True):
            moved = (np.arange(len(rows)) - rows)[:, None] * self._table_size(group)
            codes.append(code[rows] + moved)
        return JointActions(
            self.agents, self.actions, self.contexts, self.group_agents, tuple(codes)
        )

    def put_rows(self, rows: Chosen, other: "JointActions") -> None:
        """Overwrite the given rows in place by the rows of `other`."""
        rows = index_of(self.codes[0], rows)
        for group, code, new in zip(self.group_agents, self.codes, other.codes, strict=True):
            moved = (rows - np.arange(len(rows)))[:, None] * self._table_size(group)
            code[rows] = new + moved

    def widened(self, samples: int) -> "JointActions":
        """Return the same samples, followed by others of no meaning, `samples` in all."""
        codes = []
        for group, code in zip(self.group_agents, self.codes, strict=True):
            first = np.arange(len(code))[:, None] * self._table_size(group)
            more = np.broadcast_to(first, (len(code), samples - code.shape[1]))
            codes.append(np.concatenate([code, more], axis=1))
        return JointActions(
            self.agents, self.actions, self.contexts, self.group_agents, tuple(codes)
        )

    def sum_over_agents(self, table: Array) -> Array:
        """Return sum_i table[row, context, i, a_i] of every sample.

        Args:
            table: (rows, ..., agents, actions), the axes between being those of the contexts.

        Returns:
            (rows, samples).
        """
        table = table.reshape(-1, self.agents, self.actions)
        rows = len(table)
        total: Array | None = None
        for group, code in zip(self.group_agents, self.codes, strict=True):
            joint = table[:, group.start]
            for agent in group[1:]:
                joint = (joint[:, :, None] + table[:, agent][:, None, :]).reshape(rows, -1)
            part = np.take(np.ascontiguousarray(joint), code)
            total = part if total is None else np.add(total, part, out=total)
        assert total is not None
        return total

    def total_per_action(self, values: Array) -> Array:
        """Return, for each agent and action, the sum of `values` over the samples that took it.

        Args:
            values: (rows, samples), shared by the agents, or (rows, agents, samples).

        Returns:
            (rows, agents, actions), or (rows, contexts, agents, actions) with several contexts.
        """
        rows = self.shape[0] * self.contexts
        totals = np.empty((rows, self.agents, self.actions))
        for group, code in zip(self.group_agents, self.codes, strict=True):
            sizes = (self.actions,) * len(group)
            flat_code = code.ravel()
            for position, agent in enumerate(group):
                if values.ndim == 3:
                    weights = np.ascontiguousarray(values[:, agent]).ravel()
                elif position == 0:
                    weights = values.ravel()
                else:
                    weights = None
                if weights is not None:
                    length = rows * self.actions ** len(group)
                    joint = np.bincount(flat_code, weights, length).reshape(rows, *sizes)
                others = tuple(axis + 1 for axis in range(len(group)) if axis != position)
                totals[:, agent] = joint.sum(axis=others)
        if self.contexts == 1:
            return totals
        return totals.reshape(-1, self.contexts, self.agents, self.actions)

    def _table_size(self, group: range) -> int:
        """Return the number of entries of one row's table of a group."""
        return self.contexts * int(self.actions ** len(group))
