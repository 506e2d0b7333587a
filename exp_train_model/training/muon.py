"""An optimizer for convolutions: orthogonal steps for the inner weights, Adam for the others."""

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
RATE_FACTOR = 10.0
"""Learning rate of the orthogonal steps, in those of Adam."""

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # of the quintic iteration; 5 rounds are enough


class Muon(torch.optim.Adam):
    """Adam, but for the inner convolutions: their momentum's nearest orthogonal matrix is the step.

    So a step is as large along directions with small gradients as along those with large ones.
    Inner are convolutions with several channels on both sides. torch's own Muon takes matrices
    alone.

    Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.

    Parameters
    ----------
    model
        Its weights are optimized.
    lr
        Of Adam; inner weights have `RATE_FACTOR` times as much.
    """

    def __init__(self, model: nn.Module, lr: float, *, fused: bool = False):
        weights = list(model.parameters())
        inner = [w for w in weights if w.ndim == 4 and min(w.shape[:2]) > 1]
        names = {id(w) for w in inner}
        outer = [w for w in weights if id(w) not in names]
        super().__init__([{"params": outer}], lr=lr, fused=fused)
        self.add_param_group({"params": inner, "lr": RATE_FACTOR * lr, "is_inner": True})
        self.param_groups[0]["is_inner"] = False

    def __setstate__(self, state: dict) -> None:
        # Adam's own mends sessions of old torch versions, and expects its state in every weight
        torch.optim.Optimizer.__setstate__(self, state)

    @torch.no_grad()
    def step(self, closure=None):
        groups = self.param_groups
        try:
            self.param_groups = [group for group in groups if not group["is_inner"]]
            loss = super().step(closure)
        finally:
            self.param_groups = groups
        for group in groups:
            if group["is_inner"]:
                for weight in group["params"]:
                    if weight.grad is not None:
                        self._orthogonal_step(weight, group["lr"])
        return loss

    def _orthogonal_step(self, weight: Tensor, rate: float) -> None:
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum = state["momentum"]
        momentum.mul_(MOMENTUM).add_(weight.grad)
        ahead = weight.grad.add(momentum, alpha=MOMENTUM)
        step = orthogonalised(ahead.reshape(len(weight), -1))
        weight.sub_(step.reshape(weight.shape), alpha=rate)


def orthogonalised(matrix: Tensor) -> Tensor:
    """About the nearest matrix whose singular values are all the same: ``(rows, columns)``."""
    a, b, c = _NEWTON_SCHULZ
    x = matrix / (matrix.norm() + 1e-12)
    for _ in range(5):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x
