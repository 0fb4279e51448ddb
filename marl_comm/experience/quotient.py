"""Estimates that are sums of weighted errors, divided by a weight, and how noisy they are."""

from dataclasses import dataclass

import numpy as np

from marl_comm.arrays import Array
from marl_comm.experience.joint_actions import JointActions
from marl_comm.rows import Rows, record

SMALLEST = float(np.finfo(np.float64).tiny)  # of sums of weights; below, quotients may overflow


@dataclass(frozen=True)
class Quotient:
    """Action values in the form offset + (sum of the errors of the samples that took it) / divisor.

    Attributes:
        joint_actions: The samples, (rows, places).
        errors: (rows, places), or (rows, agents, places): weighted; 0 where there is no sample.
        divisor: (rows, ..., agents, actions); where it is 0, only the offset counts.
        offset: Broadcasts against the divisor.
        unseen: Errors, like `errors`, as they would be if the offset did not come from the same
            samples; None where they are the same.
    """

    joint_actions: JointActions
    errors: Array
    divisor: Array
    offset: Array
    unseen: Array | None = None

    def values(self) -> Array:
        """Return the estimates, (rows, ..., agents, actions)."""
        return np.asarray(self.offset + self._divided(self.errors, self.divisor))

    def variances(self) -> Array:
        """Return how much noise there is in each estimate, (rows, ..., agents, actions).

        The sum of squared errors over the squared divisor. As it is taken about the offset, not
        about the estimate, an action that rests on a single sample looks as noisy as it is large.
        """
        errors = self.errors if self.unseen is None else self.unseen
        with np.errstate(over="ignore"):
            return self._divided(errors**2, self.divisor**2)

    def _divided(self, summands: Array, divisor: Array) -> Array:
        totals = self.joint_actions.total_per_action(summands).reshape(divisor.shape)
        quotient = np.zeros_like(totals)
        np.divide(totals, divisor, out=quotient, where=divisor >= SMALLEST)
        return quotient


@record
@dataclass(frozen=True)
class Signal:
    """What an update is going to gain, beside what noise alone would make it seem.

    Attributes:
        values: (rows, ..., agents, actions), the estimated action values.
        gain: (rows,), the sum over agents of sum_a pi(a) (value of a - mean)^2, which is the slope
            of the potential along the natural policy gradient; over contexts, the mean.
        noise: (rows,), the same with the variance of each value's estimate instead of the square.
    """

    values: Rows[Array]
    gain: Rows[Array]
    noise: Rows[Array]

    @classmethod
    def of(cls, values: Array, variances: Array, log_policy: Array, share: Array) -> "Signal":
        """Return the signal of estimates.

        Args:
            values: (rows, ..., agents, actions).
            variances: Of each value, of the same shape.
            log_policy: Of the same shape, the policy they are for.
            share: (rows, ...), how often each context is met; sums to 1 in each row.
        """
        policy = np.exp(log_policy)
        centred = values - (policy * values).sum(axis=-1, keepdims=True)
        by_context = ((policy * each).sum(axis=(-2, -1)) for each in (centred**2, variances))
        axes = tuple(range(1, share.ndim))
        gain, noise = ((share * each).sum(axis=axes) for each in by_context)
        return cls(values, gain, noise)
