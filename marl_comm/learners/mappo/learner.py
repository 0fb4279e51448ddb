"""MAPPO as a learner of the training loop: holds the seeds' networks and their latest round."""

from collections.abc import Callable, Mapping
from typing import Any, Never

import numpy as np
import torch
from torch import Tensor

from marl_comm.arrays import AnyArray, IntArray
from marl_comm.experience import Staleness
from marl_comm.experience.earlier_rounds import EarlierRounds
from marl_comm.experience.network_bases import NetworkBases, Round
from marl_comm.experience.rollouts import Chunk, Rollouts
from marl_comm.games.environments.spec import Spec
from marl_comm.learners.mappo import prediction
from marl_comm.learners.mappo.advantages import ValueNormaliser
from marl_comm.learners.mappo.all_chunks import drawn
from marl_comm.learners.mappo.distributions import Distribution
from marl_comm.learners.mappo.families import distribution_for
from marl_comm.learners.mappo.finite import refuse_nonfinite
from marl_comm.learners.mappo.hyperparameters import Hyperparameters
from marl_comm.learners.mappo.importance import effective_sample_size
from marl_comm.learners.mappo.measures import divergences, weight_quantiles
from marl_comm.learners.mappo.networks import Actor, ValueFunctions, critic_of
from marl_comm.learners.mappo.optimiser import Adam
from marl_comm.learners.mappo.players import Behaviours, Policies
from marl_comm.learners.mappo.predictor import NetworkPredictor
from marl_comm.learners.mappo.probe_states import ProbeStates
from marl_comm.learners.mappo.state import CriticThen, State
from marl_comm.learners.mappo.tracked_predictor import TrackedPredictor
from marl_comm.learners.mappo.update import (
    Figures,
    LocalUpdate,
    PlayedShare,
    TeamReward,
    Weighed,
)
from marl_comm.learners.mappo.updater import Updater
from marl_comm.randomness import Streams
from marl_comm.rows import Derived, Fixed, Rows, keep, load, loaded, put, record, saved, take


@record
class Mappo:
    """Decoupled PPO; local update s uses chunk s of the latest round.

    After its last chunk a round starts over with its first. With `chunks=all` a local update draws
    on all chunks that are kept, also those of earlier rounds.

    Attributes:
        networks: Networks and optimisers of the active seeds.
        bases: The policies that collected the latest round; None before the first round.
        rounds: (rows,), rounds received so far.
        updates: (rows,), local updates since the latest round.
        start: (rows, P), the policies' parameters at the start of the latest round.
        tracked: Predicts the coming policies; None where nothing is predicted.
    """

    networks: Rows[State]
    bases: Rows[NetworkBases | None]
    rounds: Rows[Tensor]
    updates: Rows[Tensor]
    start: Rows[Tensor]
    tracked: Rows[TrackedPredictor | None]
    _updater: Rows[Updater]
    _rollouts: Rows[Rollouts | None]
    _earlier: Rows[EarlierRounds | None]
    _staleness: Rows[Staleness | None]
    _critic_then: Rows[CriticThen | None]
    _weighed: Derived[Weighed | None]
    _figures: Derived[Figures]
    _device: Fixed[torch.device]
    _distribution: Fixed[Distribution]
    _actor: Fixed[Actor]
    _critic: Fixed[ValueFunctions]
    _longest_round: Fixed[int]
    _rounds_kept: Fixed[int]
    _once_a_round: Fixed[bool]
    _drawn: Fixed[int | None]
    _observations_travel: Fixed[bool]

    def __init__(
        self,
        spec: Spec,
        streams: Streams,
        settings: Hyperparameters,
        *,
        team_reward: TeamReward,
        importance_weighted: bool,
        one_large_update: bool,
        observations_travel: bool,
        total_updates: int,
        longest_round: int,
        predictor: NetworkPredictor | None,
    ) -> None:
        """Draw each seed's networks from its own stream.

        Args:
            spec: What the environment looks like to its agents.
            streams: Random streams of the seeds of the run.
            settings: Networks and step sizes.
            team_reward: Whether the team's reward is the mean or the sum of its agents'.
            importance_weighted: Whether data are reweighed for the current policy.
            one_large_update: Whether a round's local updates are parts of one large update.
            observations_travel: Whether an agent reads what others have seen and done; else it
                reads their rewards only.
            total_updates: Local updates of the run, over which learning rates may decay.
            longest_round: Most chunks of a round.
            predictor: How base policies are predicted; None where none are.
        """
        self._device = torch.device(settings.device)
        self._distribution = distribution_for(spec, self._device)
        hidden, activation = settings.hidden, settings.activation
        self._actor = Actor(
            spec,
            self._distribution.outputs,
            hidden,
            activation,
            shared=settings.shares_actors,
        )
        self._critic = critic_of(spec, settings)
        rule = LocalUpdate(
            self._actor,
            self._critic,
            self._distribution,
            settings,
            team_reward,
            importance_weighted=importance_weighted,
            anchored=one_large_update,
        )
        self._updater = Updater(rule, settings, streams, total_updates)
        draws = streams.of("networks")
        actor = torch.stack([self._actor.initial(draw) for draw in draws]).to(self._device)
        critic = torch.stack([self._critic.initial(draw) for draw in draws]).to(self._device)
        self.networks = State(
            actor,
            critic,
            Adam.fresh(actor, settings.betas),
            Adam.fresh(critic, settings.betas),
            ValueNormaliser.fresh(
                (len(draws), *([len(spec.agents)] if settings.critic == "own" else [])),
                self._device,
            ),
        )
        zeros = torch.zeros(len(draws), dtype=torch.int64, device=self._device)
        self.rounds, self.updates = zeros, zeros.clone()
        self.bases = None
        self.start = actor.clone()
        self._observations_travel = observations_travel
        self._longest_round, self._rounds_kept = longest_round, settings.rounds
        self._once_a_round = settings.recompute_advantages == "never"
        # As many for every seed, whatever it has: seeds are rows of one matrix.
        everything = longest_round * settings.rounds
        draws_on_all = one_large_update or settings.chunks == "all"
        self._drawn = min(settings.epochs, everything) if draws_on_all else None
        self.tracked = (
            None if predictor is None else TrackedPredictor.fresh(predictor, actor, longest_round)
        )
        self._rollouts = self._earlier = self._weighed = self._staleness = None
        self._critic_then = None
        self._figures = {}

    @property
    def rows(self) -> int:
        """Number of active seeds."""
        return len(self.networks.actor)

    @property
    def parameters(self) -> Tensor:
        """The current policies of all rows, (rows, P)."""
        return self.networks.actor

    @property
    def policy(self) -> Policies:
        """The current policies of all rows."""
        return Policies(self._actor, self._distribution, self.networks.actor)

    def final_arrays(self, rows: IntArray) -> dict[str, AnyArray]:
        """Return the parameters of some rows, and the moments of returns that critics count in."""
        networks = take(self.networks, rows)
        learned = {
            "actor": networks.actor,
            "critic": networks.critic,
            "return_moments": networks.values.moments,
        }
        return {name: data.cpu().numpy() for name, data in learned.items()}

    def begin_from(self, arrays: Mapping[str, AnyArray]) -> None:
        """Begin at the networks of another run; the optimisers are new.

        Raises:
            LookupError: An array is missing.
            ValueError: One is of other networks, or not finite.
        """
        networks = self.networks
        networks.actor = _like(networks.actor, "actor", arrays)
        networks.critic = _like(networks.critic, "critic", arrays)
        networks.values.moments = _like(networks.values.moments, "return_moments", arrays)
        self.start = networks.actor.clone()
        if self.tracked is not None:
            predictor = self.tracked.predictor
            self.tracked = TrackedPredictor.fresh(predictor, networks.actor, self._longest_round)

    def policy_with(self, arrays: Mapping[str, AnyArray]) -> Policies:
        """Return the policies with given parameters.

        Raises:
            ValueError: They are not of these networks, or not finite.
        """
        parameters = _like(self.networks.actor, "actor", arrays)
        return Policies(self._actor, self._distribution, parameters)

    def behaviours_for(self, bases: NetworkBases) -> Behaviours:
        """Return the base policies as players: stochastic policies explore by themselves."""
        return Behaviours(self._actor, self._distribution, bases, self._observations_travel)

    def receive(self, rows: IntArray, experience: Round) -> None:
        """Take over a round's data for the given rows, and start at its first chunk."""
        chosen = torch.from_numpy(rows).to(self._device)
        if self._rounds_kept > 1 and self.bases is not None and self._rollouts is not None:
            self._earlier = EarlierRounds.after(
                self._earlier, self._rollouts, self.bases, chosen, self._rounds_kept - 1
            )
        then = CriticThen.of(self.networks, rows) if self._once_a_round else None
        if self.bases is None or self._rollouts is None or len(rows) == self.rows:
            self.bases, self._rollouts = experience.bases, experience.rollouts
            self._critic_then = then
        else:
            put(self.bases, chosen, experience.bases)
            put(self._rollouts, chosen, experience.rollouts)
            if then is not None:
                put(self._critic_then, chosen, then)
        self.rounds[chosen] += 1
        self.updates[chosen] = 0
        self.start[chosen] = self.networks.actor[chosen]
        self._weighed = None

    def weigh(self) -> Staleness:
        """Weigh the chunk of the coming local update for the policy as it is now."""
        if self._weighed is None:
            self._weighed = self._updater.weigh(self.networks.actor, *self._data())
            ess = effective_sample_size(self._weighed.joint).cpu().numpy().astype(np.float64)
            mean_weight = self._weighed.joint.mean(dim=1).cpu().numpy().astype(np.float64)
            nearest = np.zeros(self.rows, dtype=np.int64)
            self._staleness = Staleness(ess, np.log(1 / ess), nearest, mean_weight)
        assert self._staleness is not None
        return self._staleness

    def signal(self) -> Never:
        """Say that it is not known for networks; options that want it have refused them."""
        raise TypeError("policies=networks")

    def value_change(self) -> Never:
        """Say that it is not known for networks; options that want it have refused them."""
        raise TypeError("policies=networks")

    def update(self) -> None:
        """Make one local update of every row on its chunk.

        Raises:
            NumbersError: It has left figures or parameters that are not finite.
        """
        self.weigh()
        assert self._weighed is not None
        assert self.bases is not None
        self._figures = self._measured(self._weighed, self.bases)
        updater = self._updater
        figures = updater.update(self.networks, self._weighed, self._drawn or 1, self._critic_then)
        refuse_nonfinite(updater.seeds, updater.local_step, figures, self.networks, self._weighed)
        self._figures |= figures
        self.updates += 1
        self._weighed = None
        if self.tracked is not None:
            step = self.tracked.predictor.step(updater, self.networks, self.start, self.updates)
            if step is not None:
                self.tracked.remember(self.networks.actor, step, self._longest_round)

    def diagnostics(self) -> dict[str, AnyArray]:
        """Return figures of the latest local update and of the data it used."""
        ones = np.ones(self.rows)
        figures = {name: data.cpu().numpy() for name, data in self._figures.items()}
        if self._staleness is None:
            return {"ess": ones, "divergence": 0 * ones, "mean_weight": ones}
        staleness = {
            "ess": self._staleness.ess,
            "divergence": self._staleness.divergence,
            "mean_weight": self._staleness.mean_weight,
        }
        return {**staleness, **figures}

    def keep(self, rows: IntArray) -> None:
        """Drop all rows but the given ones."""
        self._weighed = None
        keep(self, rows)

    def state(self) -> dict[str, Any]:
        """Return networks, optimisers and data, for a checkpoint after a local update."""
        return saved(self)

    def restore(
        self, state: dict[str, Any], restore_experience: Callable[[dict[str, Any]], Rollouts]
    ) -> None:
        """Take over the state of a checkpoint."""
        data = {
            "bases": loaded(NetworkBases, state["bases"], self._device),
            "rollouts": restore_experience(state["rollouts"]),
            "earlier": EarlierRounds.restored(state["earlier"], restore_experience, self._device),
            "staleness": loaded(Staleness, state["staleness"]),
            "critic_then": None,  # older checkpoints do not have it
        }
        if state.get("critic_then") is not None:
            data["critic_then"] = loaded(CriticThen, state["critic_then"], self._device)
        load(self, {**state, **data})
        self._weighed = None

    def predict(self, rows: Tensor, positions: int) -> Tensor:
        """Return where the policies will be after 0, 1, … local updates.

        Args:
            rows: The rows to predict.
            positions: How many policies to return.

        Returns:
            (given rows, positions, P); where nothing was learned yet, the current policies.
        """
        assert self.tracked is not None
        parameters, steps = self.networks.actor[rows], self.tracked.past.steps
        if self._rollouts is not None:
            networks, rollouts = take(self.networks, rows), take(self._rollouts, rows)
            rehearsed = self.tracked.predictor.rehearsed(
                self._updater, networks, rollouts, rows.cpu().numpy(), positions
            )
            if rehearsed is not None:
                return rehearsed
        step = steps[rows, 0] if steps.shape[1] > 0 else torch.zeros_like(parameters)
        return prediction.repeated(parameters, step, positions)

    def trust(self, rows: Tensor, predicted: Tensor) -> Tensor:
        """Return how far to go with predictions, (given rows, positions), kappa."""
        assert self.tracked is not None
        if self._rollouts is None:
            return predicted.new_zeros(predicted.shape[:2])
        latest = self._rollouts.chunk((self.updates - 1) % self._rollouts.count)
        probes = take(self._probes(latest), rows)
        return self.tracked.calibration.trust(rows, predicted, probes)

    def _probes(self, chunk: Chunk) -> ProbeStates:
        return ProbeStates.of(chunk, self._actor, self._distribution)

    def _measured(self, weighed: Weighed, bases: NetworkBases) -> Figures:
        """Return how old the data of the coming local update are; score past predictions."""
        position, probes = self._position(), self._probes(weighed.chunk)
        reached = probes.outputs(self.networks.actor)
        # At a round's start there is nothing to foresee; a chunk used again has no base of its own.
        tested = (self.updates > 0) & (self.updates < bases.count)
        figures = weight_quantiles(weighed.joint) | divergences(
            self.networks.actor, reached, probes, bases, self.start, position, tested
        )
        if self.tracked is not None:
            step = self._updater.local_step
            self.tracked.look_back(probes, reached, step, bases, position, tested)
        return figures

    def _position(self) -> Tensor:
        assert self._rollouts is not None
        return self.updates % self._rollouts.count

    def _data(self) -> tuple[Chunk, list[PlayedShare]]:
        """Return the data of the coming local update, and who has played them.

        Nobody is named where it is whose log-probabilities stand in the data.
        """
        assert self._rollouts is not None, "a round comes before the first weighing"
        assert self.bases is not None
        if self._drawn is None:
            return self._rollouts.chunk(self._position()), []
        return drawn(self._rollouts, self._earlier, self.bases, self.updates, self._drawn)


def _like(known: Tensor, name: str, arrays: Mapping[str, AnyArray]) -> Tensor:
    """Return the array of this name as a tensor; raise ValueError if it is not like the known."""
    given = torch.from_numpy(arrays[name])
    if given.shape != known.shape or given.dtype != known.dtype or not given.isfinite().all():
        kind = str(known.dtype).removeprefix("torch.")
        raise ValueError(f"{name} must be finite numbers, {kind}, of shape {tuple(known.shape)}")
    return given.to(known.device)
