"""The command lines of the gate: each option of every group, at a size that takes a moment."""

from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser


class Command(NamedTuple):
    """What follows `python -m marl_comm.run`, without the directory.

    Attributes:
        name: The arguments that tell it from the others; names its directory.
        arguments: All arguments, flags and overrides.
        interrupted: Whether the run is killed and resumed.
    """

    name: str
    arguments: tuple[str, ...]
    interrupted: bool = False

    @property
    def sweep(self) -> bool:
        """Whether it runs several jobs."""
        return "-m" in self.arguments


TABLES = "logger=local num_seeds=2 max_local_steps=30 samples_per_round=60"
ONE_SHOT = "game.agents=3 game.actions=3"
ONE_SHOT_GAMES = (
    "coverage",
    "congestion",
    "random_potential",
    "unanimous_failure",
    "saddle_chain",
)
OVER_TIME = {
    "random_markov": "game.agents=2 game.states=2 game.horizon=3",
    "markov_congestion": "game.agents=3 game.actions=3 game.weights=[1,2,4] game.episode_steps=4",
    "climbing_chain": "game.agents=3 game.states=3 game.horizon=4",
}
FIXED = {
    "climbing": "",
    "penalty": "",
    "payoff": "game.file=tests/gate_game.nfg",
    "graph": "game.agents=4 game.actions=3 game.degree=1",
    "gap": "game.agents=3 game.actions=3",
}
PREDICTION = "algorithm.max_bases=5 algorithm.spacing=0.05"
NETWORKS = (
    "logger=local num_seeds=2 max_local_steps=12 game.copies=2 game.steps=5 "
    "game.evaluation_every=3 game.evaluation_copies=2 learner.epochs=2 learner.hidden=[6,5] "
    "learner.learning_rate=0.03 communication.max_rounds=6"
)
ENVIRONMENTS = {
    "mpe/simple_spread": "game.agents=2 game.max_cycles=5",
    "mpe/simple_reference": "game.max_cycles=5",
    "mpe/simple_speaker_listener": "game.max_cycles=5",
    "pettingzoo": "game.environment=gate_environment:Dwindling game.evaluation_steps=9",
    "vmas": "game.max_steps=5 +game.arguments.n_agents=3",
    "vmas/simple_spread": "game.max_steps=5",
    "lbf/foraging": "game.environment=Foraging-5x5-2p-1f-v3 game.max_steps=5",
    "rware/warehouse": "game.max_steps=5",
}
# Rules of their own, for tables only: one command each.
RULES = {
    "noise": "communication.max_local_updates=9",
    "changing_condition": "communication.epsilon=0.01",
}
REWEIGHING = ("importance_sampling", "base_policy_prediction", "stale")
SCHEDULES = {
    "adaptive": "communication.max_local_updates=9 communication.warmup=2",
    "periodic": "communication.period=5 communication.warmup=2",
    "missing": "communication.probability=0.8 communication.warmup=2",
}
# Compiling takes most of their time: one command each.
COMPILED = {
    "jaxmarl": "game.max_steps=5",
    "smax": "game.scenario=3m game.max_steps=5",
    "smax/3m": "game.max_steps=5",
    "smax/2s3z": "game.max_steps=5",
    "smax/3s5z": "game.max_steps=5",
}
EXPERIMENTS = Path(__file__).parents[1] / "configs" / "experiment"
EXPERIMENTS_OF_TABLES = (
    "ablation",
    "ablation_reference",
    "ablation_spacing",
    "ceiling",
    "ceiling_congestion",
    "ceiling_congestion_longest",
    "ceiling_congestion_longest_oracle",
    "ceiling_congestion_oracle",
    "ceiling_coverage",
    "ceiling_coverage_longest",
    "ceiling_coverage_longest_oracle",
    "ceiling_coverage_oracle",
    "ceiling_longest",
    "ceiling_longest_oracle",
    "ceiling_oracle",
    "fair_baseline",
    "gap_size",
    "instability",
    "instability_missing",
    "joint_actions",
    "joint_actions_table",
    "missing_data",
    "paper_congestion",
    "paper_congestion_full",
    "paper_congestion_large",
    "paper_congestion_large_full",
    "paper_congestion_large_model",
    "paper_congestion_large_oracle",
    "paper_congestion_large_stale",
    "paper_congestion_model",
    "paper_congestion_oracle",
    "paper_congestion_stale",
    "potential_gap",
    "rates_sampled",
    "recommended",
    "single_agent",
    "single_agent_markov",
    "single_agent_markov_oracle",
    "single_agent_oracle",
    "stages",
    "staleness",
    "where_it_pays",
    "where_it_pays_markov",
)
EXPERIMENTS_OF_NETWORKS = (
    "ablation_mappo",
    "ablation_mappo_missing",
    "ablation_mappo_predictor",
    "ablation_mappo_stale",
    "ablation_mappo_uncalibrated",
    "mappo_predictable",
    "paper_mpe",
    "paper_mpe_adaptive",
    "paper_mpe_advantages",
    "paper_mpe_ceiling",
    "paper_mpe_chunks",
    "paper_mpe_full",
    "paper_mpe_larger",
    "paper_mpe_larger_full",
    "paper_mpe_listener",
    "paper_mpe_listener_full",
    "paper_mpe_listener_setting",
    "paper_mpe_longer_full",
    "paper_mpe_longest_full",
    "paper_mpe_own_critics",
    "paper_mpe_plain",
    "paper_mpe_rates",
    "paper_mpe_rates_plain",
    "paper_mpe_rates_full",
    "paper_mpe_rates_listener",
    "paper_mpe_rates_listener_full",
    "paper_mpe_reuse",
    "paper_mpe_setting",
    "paper_mpe_stale",
    "paper_mpe_step_scaling",
    "paper_mpe_uncalibrated",
    "paper_smac",
    "paper_smac_2s3z_full",
    "paper_smac_full",
    "paper_smac_longer_full",
    "paper_smac_setting",
)


def commands() -> list[Command]:
    """Return all commands of the gate, each name once."""
    made = [
        *_combinations(),
        *_exact(),
        *_options_of_tables(),
        *_options_of_networks(),
        *_experiments(),
        *_interrupted(),
        _sweep(),
    ]
    names = [command.name for command in made]
    assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]
    return made


def _combinations() -> Iterator[Command]:
    """Yield every game with every algorithm and every schedule that goes with it."""
    for game in (*ONE_SHOT_GAMES, *FIXED, *OVER_TIME, *ENVIRONMENTS):
        yield _command(f"game={game} algorithm=full_communication")
        for algorithm, schedule in product(REWEIGHING, SCHEDULES):
            yield _command(f"game={game} algorithm={algorithm} communication={schedule}")


def _exact() -> Iterator[Command]:
    exact = "samples_per_round=null"
    for game in (*ONE_SHOT_GAMES, *FIXED, *OVER_TIME):
        seeds = " num_seeds=1" if game in (*FIXED, "markov_congestion", "climbing_chain") else ""
        for algorithm in ("full_communication", "importance_sampling", "base_policy_prediction"):
            yield _command(f"game={game} algorithm={algorithm} {exact}{seeds}")
    for game in ("coverage", "random_markov", "climbing_chain"):
        yield _command(f"game={game} communication=missing {exact}")
    yield _command(f"game=coverage game.seed=3 communication=missing {exact}")
    yield _command(f"game=congestion communication=periodic {exact}")


def _options_of_tables() -> Iterator[Command]:
    for game in ("coverage", "congestion", "random_markov", "markov_congestion"):
        for algorithm, estimator in product(
            ("importance_sampling", "base_policy_prediction"), ("ordinary", "truncated")
        ):
            options = f"learner.estimator={estimator} learner.truncation=1.5"
            yield _command(f"game={game} algorithm={algorithm} {options}")
        for option in (
            "algorithm.predictor=rehearse",
            "algorithm.horizon=fixed",
            "algorithm.spacing_unit=local_updates algorithm.spacing=2",
            "algorithm.predictor=rehearse algorithm.horizon=fixed algorithm.max_bases=3",
            "algorithm.spacing=0.3 algorithm.max_bases=4 communication.warmup=null",
            "game.reward_noise=0.1",
            "game.reward_noise=0.1 algorithm=full_communication",
            "algorithm/prediction=paper algorithm.spacing=1 communication=periodic",
            "learner.exploration=0.1",
            "learner.exploration=0.0 communication=periodic",
            "communication.max_rounds=2",
            "communication.max_samples=130 communication=periodic",
            "metrics.stop_at_smallest_gap=true metrics.gap_thresholds=[0.1,0.03]",
        ):
            yield _command(f"game={game} {option}")
    for game in (*ONE_SHOT_GAMES, "random_markov"):
        yield _command(f"game={game} game.seed=3 seed=5")
    for option in (
        "algorithm=stale learner.estimator=ordinary",
        "algorithm.spacing_unit=local_updates algorithm.spacing=1 algorithm.horizon=fixed",
        "communication=adaptive communication.ess_threshold=0.9",
        "communication=missing communication.probability=0.0",
        "communication=noise",
        "communication=changing_condition",
        "learner.policy_floor=0.1",
        "metrics.every=7",
        "num_seeds=1 seed=4294967295",
        "samples_per_round=61 algorithm.max_bases=7",
    ):
        yield _command(f"game=coverage {option}")
    yield _command("game=random_markov learner.stages=backward")


def _options_of_networks() -> Iterator[Command]:
    for game in ("mpe/simple_spread", "pettingzoo"):
        for predictor, calibration in product(
            ("momentum", "rehearse", "extrapolate"), ("true", "false")
        ):
            options = f"algorithm.predictor={predictor} algorithm.calibration={calibration}"
            yield _command(f"game={game} communication=periodic {options}")
    for option in (
        "learner.actors=separate",
        "learner.activation=tanh",
        "learner.learning_rate_decay=false",
        "learner.minibatches=1",
        "learner.minibatches=3 learner.betas=[0.5,0.9]",
        "learner.importance_weights=joint communication=periodic",
        "learner.importance_weights=joint algorithm=importance_sampling communication=periodic",
        "learner.truncation=1.0 algorithm=importance_sampling communication=periodic",
        "learner.chunks=all learner.reuse=2 algorithm=importance_sampling",
        "learner.chunks=all algorithm=base_policy_prediction communication=periodic",
        "learner.advantages=vtrace algorithm=importance_sampling communication=periodic",
        "learner.recompute_advantages=true algorithm=importance_sampling",
        "learner.importance_weights=separate algorithm=importance_sampling",
        "learner.step_scaling=effective_sample_size algorithm=importance_sampling",
        "learner.critic=own learner.actors=separate algorithm=importance_sampling",
        "learner.critic=own",
        "algorithm=large_batch communication=periodic",
        "algorithm=large_batch communication=adaptive",
        "algorithm.predictor=twin algorithm.calibration=false communication=periodic",
        "game.reward=sum",
        "game.continuous_actions=true communication=periodic",
        "game.continuous_actions=true algorithm=full_communication",
        "game.steps=7 communication=periodic",
        "communication=periodic communication.warmup=null",
        "communication=adaptive communication.ess_threshold=0.95",
        "metrics.every=3",
        "num_seeds=1 seed=11",
    ):
        yield _command(f"game=mpe/simple_spread {option}")
    for game in COMPILED:
        yield _command(f"game={game} communication=periodic")
    yield _command("game=vmas game.scenario=simple_spread game.continuous_actions=false")
    yield _command("game=pettingzoo game.environment=mpe2.simple_spread_v3 communication=periodic")
    yield _command("game=pettingzoo +game.arguments.continuous=true communication=periodic")
    yield _command("game=pettingzoo +game.arguments.truncated=true learner.actors=separate")


def _experiments() -> Iterator[Command]:
    """Yield what the experiments compose, for whose sake published numbers must not move."""
    for name in EXPERIMENTS_OF_TABLES:
        yield _first_job(name, "num_seeds=2 max_local_steps=6 samples_per_round=160")
    for name in ("rates", "markov_gap"):
        yield _first_job(name, "num_seeds=1 max_local_steps=6 samples_per_round=null")
    for name in EXPERIMENTS_OF_NETWORKS:
        of_mpe2 = name == "mappo_predictable"
        steps = "max_cycles=5" if of_mpe2 else "max_steps=5 metrics.every=1"
        sizes = (
            "num_seeds=1 max_local_steps=5 game.copies=2 game.steps=5 game.evaluation_every=2 "
            f"game.evaluation_copies=2 learner.epochs=2 game.{steps}"
        )
        yield _first_job(name, sizes)


def _first_job(name: str, sizes: str) -> Command:
    """Return the first job of an experiment, which a sweep plays only with `-m`."""
    typed = dict(size.split("=", 1) for size in sizes.split())
    chosen = {"experiment": name, "logger": "local"} | _first_values(name) | typed
    return Command(f"experiment={name}", tuple(f"{key}={chosen[key]}" for key in chosen))


@cache
def _first_values(name: str) -> dict[str, str]:
    """Return the first value of each key that an experiment, or one before it, sweeps over."""
    read = yaml.safe_load((EXPERIMENTS / f"{name}.yaml").read_text(encoding="utf-8"))
    first: dict[str, str] = {}
    for earlier in read.get("defaults", []):
        if isinstance(earlier, str) and earlier != "_self_":
            first |= _first_values(earlier)
    sweeper: dict[str, Any] = read.get("hydra", {}).get("sweeper", {})
    for key, values in sweeper.get("params", {}).items():
        override = OverridesParser.create().parse_override(f"{key}={values}")
        swept = override.is_sweep_override()
        first[key] = next(override.sweep_string_iterator()) if swept else str(values)
    return first


def _interrupted() -> Iterator[Command]:
    """Yield runs that last long enough to be killed once they have saved themselves."""
    tables = "num_seeds=3 max_local_steps=2000 metrics.every=20 checkpoint_seconds=0.02"
    for choices in (
        "game=coverage communication=missing game.reward_noise=0.1",
        "game=random_markov communication=periodic algorithm.predictor=rehearse",
    ):
        yield _command(f"{choices} {tables}")._replace(interrupted=True)
    networks = "max_local_steps=80 communication.max_rounds=null checkpoint_seconds=0.02"
    for choices in (
        "game=mpe/simple_spread communication=periodic",
        "game=mpe/simple_spread communication=missing algorithm.predictor=extrapolate",
    ):
        yield _command(f"{choices} {networks}")._replace(interrupted=True)


def _sweep() -> Command:
    choices = (
        "algorithm=importance_sampling,base_policy_prediction",
        "game=coverage,random_markov",
        "game.agents=3",
        "samples_per_round=64",
    )
    return Command("sweep", ("-m", *TABLES.split()[:3], *choices))


def _command(chosen: str) -> Command:
    """Return a command of the choices, which win over the sizes that go with its game."""
    choices = dict(choice.split("=", 1) for choice in chosen.split())
    game, algorithm = choices["game"], choices.get("algorithm", "base_policy_prediction")
    if sizes_of_game := (ENVIRONMENTS | COMPILED).get(game):
        sizes = [NETWORKS, sizes_of_game]
    else:
        sizes = [TABLES, (OVER_TIME | FIXED).get(game, ONE_SHOT)]
        if algorithm == "base_policy_prediction":
            sizes.append(PREDICTION)
    if algorithm != "full_communication":
        sizes.append({**SCHEDULES, **RULES}[choices.get("communication", "adaptive")])
    defaults = dict(size.split("=", 1) for size in " ".join(sizes).split())
    arguments = [f"{key}={value}" for key, value in (defaults | choices).items()]
    return Command(chosen.replace(" ", ","), tuple(arguments))
