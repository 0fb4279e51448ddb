"""How far a policy has come from the start, in nats and in rounds of importance sampling."""

import math

import numpy as np

from marl_comm.arrays import Array
from marl_comm.games.game import Evaluation

_SPENT = 2.0  # nats short of log N at which exp(2), some seven, effective samples are left


def figures_of_distance(distance: Array, samples_per_round: int | None) -> Evaluation:
    """Return `distance`, and the rounds that it alone forces on importance sampling.

    One base policy with N samples has an effective sample size of N exp(-D2). It serves policies
    up to about log N - 2 nats away, so a policy D2 nats from the start takes at least about
    D2 / (log N - 2) rounds: `distance_rounds`.

    Args:
        distance: D2 of the policy from the policy at the start, (R,), in nats.
        samples_per_round: N; None where nothing is sampled.

    Returns:
        Both, (R,); the first alone where nothing is sampled, or too little to get anywhere.
    """
    figures: dict[str, Array] = {"distance": distance}
    if samples_per_round is not None and (reach := math.log(samples_per_round) - _SPENT) > 0:
        figures["distance_rounds"] = np.asarray(distance / reach)
    return figures
