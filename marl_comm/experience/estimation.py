"""How action values are to be estimated from weighted samples."""

from dataclasses import dataclass

from marl_comm.experience.estimators import MODELLING, SELF_NORMALISING, Estimator


@dataclass(frozen=True)
class Estimation:
    """What the learner asks of its data.

    Attributes:
        estimator: How estimates come from weighted samples.
        truncation: Largest importance weight of the estimator `truncated`.
        weighted: Whether old data are reweighed for the current policy; otherwise all weights are
            1, as if the data came from it.
        rounds: Most rounds whose data are kept, the latest included; None keeps all.
        own_base: Whether local update t of a round weighs the samples of base t alone, against that
            base, or all samples against the mixture of all bases.
    """

    estimator: Estimator
    truncation: float
    weighted: bool
    rounds: int | None
    own_base: bool = False

    @property
    def in_force(self) -> Estimator:
        """The estimator for these weights: braking unweighted data would correct their age."""
        braked = self.estimator in ("bounded", "joint", "doubly_robust")
        return "self_normalised" if braked and not self.weighted else self.estimator

    @property
    def models(self) -> bool:
        """Whether rewards are modelled."""
        return self.in_force in MODELLING

    @property
    def single_steps(self) -> bool:
        """Whether in Markov games a step has a weight of its own, not that of its prefix."""
        return self.estimator in SELF_NORMALISING
