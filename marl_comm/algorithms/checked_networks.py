"""What is checked of an algorithm of the user's own for networks."""

from typing import Any

import torch

from marl_comm.algorithms.base_policy_prediction.predictor import NETWORK_PREDICTORS
from marl_comm.algorithms.checked import CheckedMemory
from marl_comm.algorithms.networks import NetworkAlgorithm
from marl_comm.arrays import IntArray
from marl_comm.experience.network_bases import NetworkBases
from marl_comm.learners.learner import NetworkLearner
from marl_comm.options.watched import kind


class CheckedNetworkPlans(CheckedMemory, NetworkAlgorithm):
    """Checks the plans of the user's class, which are networks."""

    def refuse_predictor(self) -> None:
        """Refuse a predictor that the learner does not have.

        Raises:
            InputError: It does not.
        """
        known = NETWORK_PREDICTORS.__args__
        if self.predictor is not None and self.predictor not in known:
            allowed = f"None or one of {', '.join(known)}"
            raise self.wrong("predictor", f"must give {allowed}, not {self.predictor!r}")

    def plan(self, learner: NetworkLearner, rows: IntArray) -> NetworkBases:
        """Return the plan, checked."""
        with self.calling("plan"):
            found = super().plan(learner, rows)  # type: ignore[safe-super]
        if not isinstance(found, NetworkBases):
            raise self.wrong("plan", f"must give NetworkBases, not {kind(found)}")
        count = found.count
        whole = isinstance(count, torch.Tensor) and count.dtype == torch.int64
        if not whole or count.shape != (len(rows),):
            raise self.wrong("plan", f"must give an int64 tensor of shape ({len(rows)},) for count")
        if count.min() < 1:
            raise self.wrong("plan", "must give at least 1 chunk to each row")
        chunks = int(count.max())
        size = learner.parameters.shape[1]
        self._checked("parameters", found.parameters, (len(rows), chunks, size), count)
        self._checked("trust", found.trust, (len(rows), chunks), count)
        if found.predicted is not None:
            self._checked("predicted", found.predicted, (len(rows), chunks, size), count)
        return found

    def _checked(self, what: str, found: Any, shape: tuple[int, ...], count: torch.Tensor) -> None:
        """Refuse anything but a float tensor of the shape that is finite where it is in use."""
        if not isinstance(found, torch.Tensor) or tuple(found.shape) != shape:
            given = tuple(found.shape) if isinstance(found, torch.Tensor) else kind(found)
            raise self.wrong("plan", f"must give a tensor of shape {shape} for {what}, not {given}")
        used = torch.arange(shape[1], device=found.device) < count.unsqueeze(1)
        if not found.dtype.is_floating_point or not found[used].isfinite().all():
            raise self.wrong("plan", f"must give finite floating-point numbers for {what}")
