"""What other packages take for the same work, where they are installed: `benchmark.py mappo` asks.

BenchMARL (arXiv 2312.01472): its MAPPO in VMAS's simple_spread, of as many copies, network units,
joint steps an iteration and passes over them, without its loggers and evaluations. JaxMARL's
trainers are scripts of its repository and not in its package, so there is nothing to import.
"""

import contextlib
import io
import logging
import tempfile
import time
from importlib.util import find_spec

_ITERATIONS = 5


def peers(copies: int, steps: int, epochs: int) -> list[tuple[str, float | None]]:
    """Return joint steps learned from per second of process time, by package.

    None where it is not installed or has changed so that it cannot be asked.

    Args:
        copies: Of the environment.
        steps: Of each copy in an iteration.
        epochs: Passes over them.
    """
    return [("BenchMARL", _of_benchmarl(copies, steps, epochs)), ("JaxMARL", None)]


def _of_benchmarl(copies: int, steps: int, epochs: int) -> float | None:
    if find_spec("benchmarl") is None:
        return None
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            first, all_ = (
                _seconds_of_benchmarl(copies, steps, epochs, n) for n in (1, _ITERATIONS)
            )
    except (ImportError, AttributeError, TypeError) as error:
        logging.warning("BenchMARL is there and cannot be asked: %s", error)
        return None
    return (_ITERATIONS - 1) * copies * steps / (all_ - first)


def _seconds_of_benchmarl(copies: int, steps: int, epochs: int, iterations: int) -> float:
    from benchmarl.algorithms import MappoConfig
    from benchmarl.environments import VmasTask
    from benchmarl.experiment import Experiment, ExperimentConfig
    from benchmarl.models.mlp import MlpConfig
    from torch import nn

    settings = ExperimentConfig.get_from_yaml()
    settings.max_n_iters, settings.max_n_frames = iterations, None
    settings.loggers, settings.evaluation, settings.create_json = [], False, False
    settings.on_policy_n_envs_per_worker = copies
    settings.on_policy_collected_frames_per_batch = copies * steps
    settings.on_policy_minibatch_size = copies * steps
    settings.on_policy_n_minibatch_iters = epochs
    settings.sampling_device = settings.train_device = settings.buffer_device = "cpu"
    network = MlpConfig.get_from_yaml()
    network.num_cells, network.activation_class = [64, 64], nn.ReLU
    task = VmasTask.SIMPLE_SPREAD.get_from_yaml()
    task.config["max_steps"] = steps
    with tempfile.TemporaryDirectory() as folder:
        settings.save_folder = folder
        experiment = Experiment(
            task=task,
            algorithm_config=MappoConfig.get_from_yaml(),
            model_config=network,
            critic_model_config=network,
            seed=0,
            config=settings,
        )
        began = time.process_time()
        experiment.run()
        return time.process_time() - began
