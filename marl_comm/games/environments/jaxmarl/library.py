"""JAX and JaxMARL, set up before they are imported: one thread, on the CPU, nothing printed."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from marl_comm.errors import InputError
from marl_comm.options.extras import install_line

# A core steps as many copies as a second thread would cost to be told of; the learner has one, too.
_ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def jaxmarl(where: str) -> Any:
    """Import JaxMARL, and JAX with it.

    What the user has set in XLA_FLAGS or JAX_PLATFORMS stays.

    Args:
        where: The settings that need it, for the message.

    Raises:
        InputError: It is not installed, or does not work with the JAX that is.
    """
    if find_spec("jaxmarl") is None or find_spec("jax") is None:
        line = install_line("jaxmarl", "jaxmarl jax")
        raise InputError(f"{where}: JaxMARL is not installed; {line}")
    # JAX reads these once, when it is imported or first computes.
    os.environ.setdefault("XLA_FLAGS", _ONE_THREAD)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    try:
        import jax

        # Else each step is handed to another thread, and waited for.
        jax.config.update("jax_cpu_enable_async_dispatch", False)
        with _silence():
            import jaxmarl as package
        _leave_open()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{where}: JaxMARL cannot be imported ({reason}); versions that work together: "
            f"{install_line('jaxmarl', 'jaxmarl jax')}"
        ) from error
    return package


@contextmanager
def _silence() -> Iterator[None]:
    """Print nothing, also where a module puts Python's first output in the place of the present.

    JaxMARL does that, and tells of optional packages that it does not find.
    """
    system: Any = sys
    before = system.stdout, system.stderr, system.__stdout__
    system.stdout = system.__stdout__ = io.StringIO()
    try:
        yield
    finally:
        system.stdout, system.stderr, system.__stdout__ = before


def _leave_open() -> None:
    """Let absl's log handler, which comes with JAX's libraries, write where it closes nothing.

    Whoever sets up logging anew closes all handlers, and this one the stream that was Python's
    error output when it was imported.
    """
    from absl import logging

    logging.get_absl_handler().python_handler.stream = sys.__stderr__
