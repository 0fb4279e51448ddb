"""How small an effect a comparison could have found."""

import numpy as np
from scipy import stats

from marl_comm.analysis.estimates import CONFIDENCE
from marl_comm.arrays import Array

POWER = 0.8
"""The chance with which an effect of that size would have been found."""


def smallest_detectable_effect(differences: Array) -> float:
    """Return the mean difference that a paired t-test would find four times in five.

    (t(0.975) + t(0.8)) standard errors, with Student's t for as many pairs (Bloom 1995,
    "Minimum detectable effects").

    Args:
        differences: One for each pair, (pairs,).

    Returns:
        In the unit of the differences, larger than 0; nan for fewer than two pairs.
    """
    pairs = len(differences)
    if pairs < 2:
        return float("nan")
    tails = stats.t.ppf([(1 + CONFIDENCE) / 2, POWER], pairs - 1)
    return float(tails.sum() * np.std(differences, ddof=1) / np.sqrt(pairs))
