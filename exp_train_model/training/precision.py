"""What a training computes in: numbers, and on a CPU memory that is kept.

Losses and PINV stay in float32 whatever is chosen for the networks.
"""

import ctypes
import logging
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from exp_train_model.options import PRECISIONS
from transcoder.errors import UsageError

LOG = logging.getLogger(__name__)

# parameters of mallopt, from glibc's malloc.h
_TRIM_THRESHOLD = -1
_MMAP_MAX = -4

_AUTOCAST_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """A precision that the device can compute in; made by `choose_precision`."""

    name: str  # of PRECISIONS, but never "auto" or "fastest"
    device: torch.device

    @property
    def is_mixed(self) -> bool:
        return self.name in _AUTOCAST_DTYPES

    def autocast(self) -> torch.autocast:
        """Context in which networks compute in this precision."""
        dtype = _AUTOCAST_DTYPES.get(self.name)
        return torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None)

    def grad_scaler(self) -> torch.amp.GradScaler:
        """Scaler of losses: float16 gradients would vanish without; else it does nothing."""
        return torch.amp.GradScaler(self.device.type, enabled=self.name == "fp16")


def choose_precision(name: str, device: torch.device) -> Precision:
    """The precision called ``name``, with torch's switches for TF32 set accordingly.

    "fastest" takes float32 on a CPU, bfloat16 on a GPU that has it, and float16 with scaled losses
    on older ones such as the V100. "auto" is for `RunOptions.training_precision` to resolve.

    Raises
    ------
    UsageError
        If the device cannot compute so.
    """
    if name not in PRECISIONS[1:]:
        raise UsageError(f"unknown precision {name!r}: choose from {', '.join(PRECISIONS[1:])}")
    on_gpu = device.type == "cuda"
    has_bf16 = not on_gpu or torch.cuda.is_bf16_supported(including_emulation=False)
    if name == "fastest":
        name = "fp32" if not on_gpu else "bf16" if has_bf16 else "fp16"
    if name == "bf16" and not has_bf16:
        raise UsageError("this GPU has no bfloat16: use --precision fp16")
    if name in ("tf32", "fp16") and not on_gpu:
        raise UsageError(f"--precision {name} is for GPUs: use fp32 on the CPU")
    if name == "tf32" and torch.cuda.get_device_capability(device) < (8, 0):
        raise UsageError("this GPU has no TF32: use --precision fp16 or fp32")
    if on_gpu:
        # what autocast leaves in float32 gains from TF32 too
        torch.backends.cuda.matmul.allow_tf32 = name != "fp32"
        torch.backends.cudnn.allow_tf32 = name != "fp32"
        torch.backends.cudnn.benchmark = True  # batches have one shape but for the last
    return Precision(name, device)


class _Float32Linear(nn.Linear):
    """Keeps float32 under autocast."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


def last_layer_in_float32(network: nn.Module) -> nn.Module:
    """Let the last linear layer of ``network`` compute in float32 under autocast, in place.

    Behind it comes a sigmoid: with 8 bits of a logit of -6, a probability is wrong by 1 %. State
    names stay the same.
    """
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    layer = network.get_submodule(names[-1])
    layer.__class__ = _Float32Linear
    return network


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, for the next step of a training.

    Otherwise the C library hands each large tensor back to the system and asks for it again in
    the next step; making its pages anew takes 15 to 30 % of a step of the paper's CNN. Without
    glibc nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    if not (mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, 2**31 - 1)):
        LOG.debug("the C library does not keep freed memory: steps take longer")
