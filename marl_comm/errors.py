"""The exceptions that a user, not a programmer, is meant to read."""


class InputError(Exception):
    """Bad input, described in one line: the key, its value and what is allowed.

    `marl_comm.run` prints it without a traceback and exits with code 2.
    """


class BusyError(InputError):
    """Another process is at work on the run directory."""


class DamagedError(InputError):
    """A file of a run cannot be read, or does not belong to the run's other files."""


class OutputError(Exception):
    """A result could not be written: one line with the file and the system's reason.

    `marl_comm.run` prints it without a traceback and exits with code 1.
    """


class NumbersError(Exception):
    """Learning has left numbers that are not finite: one line with seeds, local update, figures.

    `marl_comm.run` prints it without a traceback and exits with code 1.
    """


class LaunchError(Exception):
    """A sweep's launcher lost a worker: one line with its reason and what to do.

    `marl_comm.run` prints it without a traceback and exits with code 1.
    """


class GroupError(Exception):
    """The processes of one run have lost each other, or do not agree: one line that says who.

    `marl_comm.agents` prints it without a traceback and exits with code 1.
    """
