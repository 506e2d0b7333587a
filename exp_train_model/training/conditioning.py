"""Training the residual CNN from a good start, in a form that learns fast.

PINV's Mels are smooth: of what differs between their 3 x 5 patches nearly all is one direction,
the level, and the bends between bands and frames, from which a transcoder must make the texture
that classifiers look for, are up to 2000 times smaller. Random first filters see the level alone.
So the first filters become the principal components of the patches, and BatchNorm behind each
hidden convolution brings what every channel sees to the same size. The saved model is
the published network: each BatchNorm is folded into the convolution before it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from transcoder.models import CnnPinv

N_CHUNKS = 512
"""Chunks whose patches are looked at."""

_MOMENTUM = 0.02  # of the running statistics: batches are small and alike


class _Float32Conv(nn.Conv2d):
    """Keeps float32 under autocast: bfloat16 would round the bends away."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


def condition(model: CnnPinv, levels: Tensor) -> CnnPinv:
    """Give a model with random weights principal components as first filters, and BatchNorms.

    Parameters
    ----------
    model
        Is changed in place, and returned; `unconditioned` makes it a plain one again.
    levels
        Some of the training data, on the model's device: see `CnnPinv`.
    """
    hidden = [i for i, layer in enumerate(model.mod_conv) if isinstance(layer, nn.Conv2d)][:-1]
    if not hidden:
        return model
    first = model.mod_conv[hidden[0]]
    first.__class__ = _Float32Conv
    _set_filters(first, _patches(model, levels, first.kernel_size))
    for index in hidden:
        conv = model.mod_conv[index]
        norm = nn.BatchNorm2d(conv.out_channels, momentum=_MOMENTUM).to(conv.weight.device)
        model.mod_conv[index] = nn.Sequential(conv, norm)
    return model


def unconditioned(model: CnnPinv) -> CnnPinv:
    """Fold the BatchNorms of `condition` away, in place: the same function, as published."""
    model.eval()
    for index, layer in enumerate(model.mod_conv):
        if isinstance(layer, nn.Sequential):
            model.mod_conv[index] = fuse_conv_bn_eval(*layer)
    return model


@torch.no_grad()
def _patches(model: CnnPinv, levels: Tensor, kernel_size: tuple[int, int]) -> Tensor:
    """What the first filters see: ``(patches, frames * bands)`` float64."""
    pinv = model.pinv(levels).unsqueeze(1)
    frames, bands = (size // 2 for size in kernel_size)
    padded = functional.pad(pinv, (bands, bands, frames, frames), mode="replicate")
    return functional.unfold(padded, kernel_size).transpose(1, 2).flatten(0, 1).double()


@torch.no_grad()
def _set_filters(conv: nn.Conv2d, patches: Tensor) -> None:
    """Principal components, of unit variance, then their negatives (ReLU cuts one side off).

    Channels beyond these keep their random filters.
    """
    mean = patches.mean(dim=0)
    variances, components = torch.linalg.eigh((patches - mean).T.cov())
    scaled = components.T / variances.clamp(min=1e-8).sqrt().unsqueeze(1)
    filters = torch.cat([scaled, -scaled])[: conv.out_channels].to(conv.weight.dtype)
    conv.weight[: len(filters)] = filters.reshape(-1, *conv.weight.shape[1:])
    conv.bias.copy_(-(conv.weight.flatten(1) @ mean.to(conv.weight.dtype)))
