"""Networks with weights that a formula gives, so that goldens need no weight files."""

import math

import numpy as np
import torch
from torch import nn


def fill(module: nn.Module, *, scale: float = 1.0, scales: dict[str, float] | None = None) -> None:
    """Fill a network by the rule of the goldens, over its state dict in its own order.

    ``scale`` multiplies every value, ``scales`` those of single tensors.
    """
    state = module.state_dict()
    for j, (name, tensor) in enumerate(state.items()):
        if tensor.is_floating_point():
            values = _values(name, tensor, j) * scale * (scales or {}).get(name, 1.0)
            tensor.copy_(torch.from_numpy(values).reshape(tensor.shape))


def _values(name: str, tensor: torch.Tensor, j: int) -> np.ndarray:
    i = np.arange(tensor.numel(), dtype=np.float64)
    wave = np.sin(0.37 * i + j)
    if name.endswith("running_var"):
        return 1 + 0.5 * wave
    if name.endswith("running_mean"):
        return 0.1 * wave
    if tensor.ndim == 1:
        return 1 + 0.3 * wave if name.endswith("weight") else 0.1 * wave
    fan_in = tensor[0].numel()
    return math.sqrt(3 / fan_in) * np.sin(0.00037 * i * i + 0.11 * i + j)
