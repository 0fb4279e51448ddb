"""The claims of Xiong & Singh 2026 (arXiv 2601.12518), as criteria with thresholds."""

from typing import Literal

from marl_comm.paper.rules import Claim, Criterion

_POTENTIAL_GAMES = ("coverage", "congestion", "random_potential")
_WITH_AND_WITHOUT_NOISE = tuple(
    f"{game}{noise}" for noise in ("", ", reward noise 0.1") for game in _POTENTIAL_GAMES
)
_FAMILIES = ("coverage", "unanimous_failure", "saddle_chain")
_ESTIMATORS = ("self_normalised", "bounded")
_SIZES = tuple(
    f"{game}, {agents} agents, {estimator}"
    for game in ("coverage", "congestion")
    for agents in (12, 40)
    for estimator in _ESTIMATORS
)

INSTABILITY = Claim(
    "1",
    "Importance sampling from an outdated base policy becomes unstable when communication is "
    "limited.",
    (
        Criterion(
            "instability_congestion",
            "paper_congestion",
            "share of seeds of importance sampling that end with a Nash gap above 0.05, a round "
            "every 100 local updates of step size 10",
            "above",
            0.1,
            tuple(f"{size}, {each}" for size in ("8 agents", "20 agents") for each in _ESTIMATORS),
        ),
        Criterion(
            "instability_share",
            "instability",
            "share of seeds of importance sampling that end with a Nash gap above 0.05 after ten "
            "rounds, one every 300 local updates",
            "above",
            0.1,
            _SIZES,
        ),
        Criterion(
            "instability_gap",
            "instability",
            "final Nash gap of importance sampling after 3000 local updates with 99.8 % of the "
            "data missing, over with none missing: geometric mean over paired seeds, gaps below "
            "0.0001 counting as 0.0001",
            "above",
            2.0,
            _SIZES,
            scale="ratio",
        ),
        Criterion(
            "instability_ess",
            "staleness",
            "effective sample size of importance sampling after 20 local updates without a "
            "round, as a share of the samples, in the round in which it moves most",
            "below",
            0.1,
            _WITH_AND_WITHOUT_NOISE,
        ),
    ),
)

SHRINKING = Claim(
    "2",
    "Predicting base policies, and collecting for all of them in one round, shrinks the gap "
    "between base and current policy.",
    (
        Criterion(
            "shrink_divergence",
            "staleness",
            "divergence from the nearest base policy after 20 local updates without a round, in "
            "the round in which importance sampling moves most: prediction over importance "
            "sampling",
            "below",
            0.8,
            _WITH_AND_WITHOUT_NOISE,
            scale="ratio",
        ),
        Criterion(
            "shrink_ess",
            "staleness",
            "effective sample size after 20 local updates without a round, in the round in which "
            "importance sampling moves most: prediction minus importance sampling, paired",
            "above",
            0.0,
            _WITH_AND_WITHOUT_NOISE,
        ),
        Criterion(
            "shrink_ess_at_distance",
            "staleness",
            "effective sample size where importance sampling is 2 nats from its base policy (or "
            "as far as it gets), in the round in which it moves most: prediction minus importance "
            "sampling, paired",
            "above",
            0.0,
            _WITH_AND_WITHOUT_NOISE,
        ),
    ),
)

FEWER_ROUNDS = Claim(
    "2, so that",
    "Prediction therefore reaches an ε-equilibrium in fewer rounds than importance sampling.",
    (
        Criterion(
            "rounds_equal_trigger",
            "potential_gap",
            "rounds to a Nash gap of 0.003 at one trigger (0.5), 4000 samples a round: "
            "prediction over importance sampling",
            "below",
            0.9,
            _WITH_AND_WITHOUT_NOISE,
            scale="ratio",
        ),
        Criterion(
            "rounds_best_trigger",
            "fair_baseline",
            "rounds to a Nash gap of 0.003 in coverage, each at its best trigger: prediction "
            "over importance sampling",
            "below",
            0.9,
            ("1000 samples a round", "4000 samples a round"),
            scale="ratio",
        ),
        Criterion(
            "rounds_best_interval",
            "ceiling",
            "rounds to a Nash gap of 0.002 with 40 agents and 8000 samples a round, each at its "
            "best fixed interval: prediction over importance sampling",
            "below",
            0.9,
            ("graph", "coverage", "congestion"),
            scale="ratio",
        ),
    ),
)

RATES = (
    Claim(
        "3a",
        "Potential games: an ε-Nash equilibrium in O(ε^-3/4) rounds.",
        (
            Criterion(
                "exponent_rounds",
                "rates",
                "fitted exponent of rounds in 1/ε, prediction",
                "below",
                0.75,
                tuple(
                    f"{family}, {mode}"
                    for family in _FAMILIES
                    for mode in ("exact gradients", "sampled")
                ),
                has_rival=True,
            ),
        ),
    ),
    Claim(
        "3b",
        "Potential games: an ε-Nash equilibrium in O(ε^-11/4) samples.",
        (
            Criterion(
                "exponent_samples",
                "rates",
                "fitted exponent of samples in 1/ε, prediction, at the cheapest samples per round",
                "below",
                2.75,
                _FAMILIES,
                has_rival=True,
            ),
        ),
    ),
    Claim(
        "3c",
        "Potential games: no exponential dependence on the joint action space.",
        (
            Criterion(
                "power_or_exponential",
                "joint_actions",
                "samples to a Nash gap of 0.003 against the number of agents, prediction: what a "
                "fitted exponential leaves unexplained over what a fitted power leaves, as a "
                "logarithm; infinite where the samples do not grow",
                "above",
                0.0,
                ("coverage", "random_potential"),
                has_rival=True,
            ),
        ),
    ),
)

LOCAL_MAXIMA = Claim(
    "4",
    "Markov cooperative games: prediction reaches an agent-wise local maximum.",
    (
        Criterion(
            "markov_arrivals",
            "markov_gap",
            "share of seeds whose agent-wise gap ends at or below 0.01, prediction",
            "above",
            0.8,
            ("random_markov", "markov_congestion", "climbing_chain"),
        ),
    ),
)

_OF_WHAT_WAS_LEARNED = (
    "of the last three evaluations, as a share of what full communication gains from before "
    "learning"
)


def _networks(
    figure: str, ending: str, settings: tuple[str, ...], larger: tuple[str, ...] = ()
) -> tuple[Criterion, ...]:
    """Return what is asked of MAPPO in one environment; keys end in `ending`.

    One large update is played in `settings` only, the others in those with larger updates, too.
    """
    lost = f"loses against full communication, mean {_OF_WHAT_WAS_LEARNED}"
    asked: tuple[tuple[str, str, Literal["below", "above"], float], ...] = (
        ("mappo_near", "prediction", "below", 0.05),
        ("mappo_sampling_fails", "importance sampling", "above", 0.1),
        (
            "mappo_large_batch_fails",
            "one large update of a round's data with as many rounds and samples, advantages "
            "computed again in each part,",
            "above",
            0.1,
        ),
    )
    return tuple(
        Criterion(
            key + ending,
            figure,
            f"return that {who} {lost}",
            side,
            threshold,
            settings if key == "mappo_large_batch_fails" else (*settings, *larger),
            has_rival=key == "mappo_near",
        )
        for key, who, side, threshold in asked
    )


NETWORKS = Claim(
    "5",
    "MAPPO: near the unconstrained return at a fraction of the rounds, where standard "
    "algorithms at the same communication cost fail.",
    (
        *_networks(
            "paper_mpe",
            "",
            tuple(f"simple_spread, τ = {period}" for period in (5, 10, 20, 50)),
            ("simple_spread, larger updates, τ = 4",),
        ),
        Criterion(
            "mappo_near_uncalibrated",
            "paper_mpe",
            "return that prediction without calibration loses against full communication, mean "
            + _OF_WHAT_WAS_LEARNED,
            "below",
            0.05,
            ("simple_spread, τ = 20", "simple_spread, τ = 50"),
            has_rival=True,
        ),
        *_networks("paper_mpe_listener", "_listener", ("simple_speaker_listener, τ = 20",)),
    ),
)

CLAIMS = (INSTABILITY, SHRINKING, FEWER_ROUNDS, *RATES, LOCAL_MAXIMA, NETWORKS)
