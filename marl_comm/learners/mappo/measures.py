"""How far policies have moved from those that collected their data, and what foresaw it."""

import torch
from torch import Tensor

from marl_comm.learners.mappo import prediction
from marl_comm.learners.mappo.bases import NetworkBases, Policies
from marl_comm.learners.mappo.calibration import SHARES, Calibration
from marl_comm.learners.mappo.update import Figures, Weighed

_SLICE = 128  # joint steps of a chunk on which divergences are measured
_QUANTILES = {"weight_q05": 0.05, "weight_q50": 0.5, "weight_q95": 0.95, "weight_max": 1.0}


@torch.no_grad()
def measured(
    current: Policies,
    bases: NetworkBases,
    start: Tensor,
    position: Tensor,
    weighed: Weighed,
    calibration: Calibration,
    tested: Tensor,
) -> Figures:
    """Return figures of the coming local iteration; where bases were predicted, score them.

    Args:
        current: The policies as they are now.
        bases: Those that collected the round's chunks.
        start: (rows, P), the policies at the round's start.
        position: (rows,), which chunk is next.
        weighed: That chunk, as the current policies see it.
        calibration: Takes in how every share of the predicted way would have done.
        tested: (rows,), bool, where that is known.

    Returns:
        Figures by name, (rows,): quantiles of the weights of joint actions; `kl`, of the current
        joint policies from the bases; and for predicted bases `cosine` of predicted and real
        displacement, `kappa`, and `kl_unpredicted`, from the policies at the round's start.
    """
    device = position.device
    quantiles = weighed.joint.quantile(
        torch.tensor(list(_QUANTILES.values()), device=device), dim=1
    )
    figures = dict(zip(_QUANTILES, quantiles, strict=True))
    step = max(1, weighed.joint.shape[1] // _SLICE)
    inputs, alive = weighed.actor_inputs[:, :, ::step], weighed.alive[:, :, ::step]
    outputs = current.actor(current.parameters, inputs)

    def divergence(parameters: Tensor) -> Tensor:
        """Of the current joint policies, mean over situations, (rows,)."""
        apart = current.distribution.kl(outputs, current.actor(parameters, inputs))
        return (apart * alive).sum(dim=1).mean(dim=1)

    figures["kl"] = divergence(bases.at(position))
    if bases.predicted is None:
        return figures
    every = torch.arange(len(position), device=device)
    end = bases.predicted[every, position]
    scores = torch.stack([divergence(torch.lerp(start, end, share)) for share in SHARES], dim=1)
    rows = torch.nonzero(tested)[:, 0]
    calibration.score(rows, position[rows], scores[rows])
    scored = {
        "cosine": prediction.cosine(start, end, current.parameters),
        "kappa": bases.trust[every, position],
        "kl_unpredicted": scores[:, 0],
    }
    nan = torch.full_like(scores[:, 0], torch.nan)
    return figures | {name: torch.where(tested, figure, nan) for name, figure in scored.items()}
