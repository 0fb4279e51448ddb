import math

import numpy as np
import pytest
from scipy import stats

from marl_comm.analysis.power import POWER, smallest_detectable_effect


@pytest.mark.parametrize("pairs", [4, 8, 20])
def test_a_t_test_finds_an_effect_of_that_size_four_times_in_five(pairs):
    random = np.random.default_rng(0)
    differences = random.normal(size=pairs)
    effect = smallest_detectable_effect(differences)
    # Exactly, by the noncentral t distribution; the usual formula is a little off for few pairs.
    centre = effect / (np.std(differences, ddof=1) / math.sqrt(pairs))
    found = stats.nct.sf(stats.t.ppf(0.975, pairs - 1), pairs - 1, centre)
    assert found == pytest.approx(POWER, abs=0.03)


def test_it_is_in_the_unit_of_the_differences_and_knows_nothing_of_their_mean():
    differences = np.array([1.0, 4.0, 2.0, 7.0])
    effect = smallest_detectable_effect(differences)
    assert smallest_detectable_effect(10 * differences - 3) == pytest.approx(10 * effect)
    assert math.isnan(smallest_detectable_effect(differences[:1]))
