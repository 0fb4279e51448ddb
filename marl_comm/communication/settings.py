"""What the schedules share that let policies drift between rounds."""

from marl_comm.options.answers import CommunicationSettings
from marl_comm.settings import Count


class DriftingSettings(CommunicationSettings):
    """A schedule whose rounds last more than one local update.

    Attributes:
        warmup: Most local updates in the first round; None sets no limit.
    """

    warmup: Count | None

    @property
    def every_update(self) -> bool:
        """No."""
        return False

    @property
    def first_rounds(self) -> int | None:
        """The setting `warmup`."""
        return self.warmup
