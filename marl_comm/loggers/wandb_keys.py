"""What a user may choose about Weights & Biases."""

from typing import Annotated, Literal

from pydantic import Field

from marl_comm.settings import AccountText, Settings, Text

Tag = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^\P{C}+$",
        description="text of 1 to 64 printable characters",
    ),
]


class WandbKeys(Settings):
    """The keys of `logger=wandb`.

    Attributes:
        name: As typed on the command line.
        project: W&B project.
        entity: W&B user or team; None takes the account's default.
        mode: Whether data stay on this machine, go to the server, or are not logged to W&B.
        group: W&B group; None groups the runs of a sweep.
        run_name: W&B display name; None takes the run directory's.
        tags: W&B tags.
        final_policy_gif: Whether an episode of the final policies is logged as a GIF.
    """

    name: Literal["wandb"]
    project: AccountText
    entity: AccountText | None
    mode: Literal["offline", "online", "disabled"]
    group: Text | None
    run_name: Text | None
    # YAML has no tuples: the list is converted, its entries are not.
    tags: Annotated[tuple[Tag, ...], Field(strict=False, max_length=32)]
    final_policy_gif: bool

    @property
    def draws(self) -> bool:
        """Whether a GIF is made."""
        return self.final_policy_gif and self.mode != "disabled"
