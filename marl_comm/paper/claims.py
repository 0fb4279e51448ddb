"""The claims of Xiong & Singh 2026 (arXiv 2601.12518), as criteria with thresholds."""

from marl_comm.paper.rules import Claim, Criterion

_POTENTIAL_GAMES = ("coverage", "congestion", "random_potential")
_FAMILIES = ("coverage", "unanimous_failure", "saddle_chain")

CLAIMS = (
    Claim(
        "1",
        "Importance sampling from an outdated base policy becomes unstable when communication is "
        "limited.",
        (
            Criterion(
                "instability_gap",
                "missing_data",
                "Nash gap of importance sampling after equally many local updates: with 98 % of "
                "the data missing, over with none missing",
                "above",
                2.0,
                tuple(
                    f"{game}, {estimator}"
                    for game in _POTENTIAL_GAMES
                    for estimator in ("self_normalised", "ordinary")
                ),
            ),
            Criterion(
                "instability_ess",
                "staleness",
                "effective sample size of importance sampling after 20 local updates without a "
                "round, as a share of the samples",
                "below",
                0.1,
                _POTENTIAL_GAMES,
            ),
        ),
    ),
    Claim(
        "2",
        "Predicting base policies, and collecting for all of them in one round, shrinks the gap "
        "between base and current policy.",
        (
            Criterion(
                "shrink_divergence",
                "staleness",
                "divergence from the nearest base policy after 20 local updates without a round: "
                "prediction over importance sampling",
                "below",
                0.8,
                _POTENTIAL_GAMES,
            ),
            Criterion(
                "shrink_ess",
                "staleness",
                "effective sample size after 20 local updates without a round: prediction minus "
                "importance sampling, paired",
                "above",
                0.0,
                _POTENTIAL_GAMES,
            ),
        ),
    ),
    Claim(
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
                _POTENTIAL_GAMES,
            ),
            Criterion(
                "rounds_best_trigger",
                "fair_baseline",
                "rounds to a Nash gap of 0.003 in coverage, each at its best trigger: prediction "
                "over importance sampling",
                "below",
                0.9,
                ("1000 samples a round", "4000 samples a round"),
            ),
        ),
    ),
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
            ),
        ),
    ),
    Claim(
        "3c",
        "Potential games: no exponential dependence on the joint action space.",
        (
            Criterion(
                "growth_with_agents",
                "joint_actions",
                "growth of log(samples to a Nash gap of 0.01) per agent, over the growth of the "
                "logarithm of the joint action space, prediction",
                "below",
                0.1,
                ("coverage", "random_potential"),
            ),
        ),
    ),
    Claim(
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
    ),
    Claim(
        "5",
        "MAPPO: near the unconstrained return at a fraction of the rounds, where standard "
        "algorithms at the same communication cost fail.",
        (
            Criterion(
                "mappo_near",
                "mappo_curves",
                "loss of return against full communication, prediction at τ = 10, as a share of "
                "the latter's absolute value",
                "below",
                0.05,
                ("predictable", "ordinary"),
            ),
            Criterion(
                "mappo_rounds",
                "mappo_curves",
                "rounds of prediction at τ = 10, over those of full communication",
                "below",
                0.25,
                ("predictable", "ordinary"),
            ),
            Criterion(
                "mappo_others_fail",
                "mappo_curves",
                "loss of return against full communication, importance sampling at τ = 10, as a "
                "share of the latter's absolute value",
                "above",
                0.1,
                ("predictable", "ordinary"),
            ),
        ),
    ),
)
