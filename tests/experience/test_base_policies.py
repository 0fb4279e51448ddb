import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marl_comm.experience import BasePolicies
from marl_comm.rows import put, take


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(6, 100))
def test_samples_are_split_evenly_over_the_bases_in_use(counts, samples):
    bases = BasePolicies(np.zeros((len(counts), 6, 1, 2)), np.array(counts))
    shares = bases.samples_per_base(samples)
    for count, share in zip(counts, shares, strict=True):
        assert share.sum() == samples
        assert (share[count:] == 0).all()
        assert share[:count].max() - share[:count].min() <= 1


def test_exploration_mixes_each_agent_with_the_uniform_policy():
    policy = np.array([[[[0.7, 0.2, 0.1], [1.0, 1e-300, 1e-300]]]])
    mixed = np.exp(BasePolicies(np.log(policy), np.array([1])).mixed_with_uniform(0.3).log_policies)
    np.testing.assert_allclose(mixed, 0.7 * policy + 0.1, rtol=1e-12)


def test_put_overwrites_only_the_given_rows():
    bases = BasePolicies(np.zeros((3, 2, 1, 2)), np.array([1, 1, 1]))
    put(bases, np.array([2, 0]), BasePolicies(np.ones((2, 2, 1, 2)), np.array([2, 1])))
    assert bases.count.tolist() == [1, 1, 2]
    assert bases.log_policies[:, 0, 0, 0].tolist() == [1, 0, 1]
    assert take(bases, np.array([2])).count.tolist() == [2]
