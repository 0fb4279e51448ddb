"""Objects that hold tensors, as plain arrays and back."""

from typing import Any

import torch
from torch import Tensor


def arrays(holder: Any) -> dict[str, Any]:
    """Return the tensors among an object's attributes as arrays, those of objects in it included.

    Args:
        holder: Has tensors, None, objects like itself, and things that never change.
    """
    found: dict[str, Any] = {}
    for name, value in vars(holder).items():
        if isinstance(value, Tensor):
            found[name] = value.detach().cpu().numpy()
        elif hasattr(value, "__dict__"):
            found[name] = arrays(value)
    return found


def fill(holder: Any, saved: dict[str, Any], device: torch.device) -> None:
    """Put arrays back where `arrays` found them."""
    for name, value in saved.items():
        if isinstance(value, dict):
            fill(getattr(holder, name), value, device)
        else:
            setattr(holder, name, torch.from_numpy(value).to(device))
