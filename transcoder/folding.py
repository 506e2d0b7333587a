"""Networks for inference alone: BatchNorm folded into the convolution before it."""

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from transcoder.classifiers import Classifier


def fold_classifier(classifier: Classifier) -> Classifier:
    """Make a frozen classifier fast, in place: folded, channels last, without gradients."""
    classifier.network = fold_batch_norm(classifier.network)
    return classifier.requires_grad_(False).to(memory_format=torch.channels_last)


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """A copy of ``network`` whose BatchNorms are part of the convolutions before them.

    In evaluation mode BatchNorm is a scale and a shift for each channel, so the outputs stay the
    same but for rounding, and a pass over every activation is saved. The copy is for inference:
    its weights are not those of the state dict, and training it would not be the same.

    Folded are the pairs of attributes ``conv*`` and ``bn*`` with the same ending (``conv1``,
    ``bn1``), as our networks name a convolution, or a product of two, and the BatchNorm that
    directly follows it, and neighbours in an `nn.Sequential`. Any other BatchNorm stays.

    Raises
    ------
    ValueError
        If the network is in training mode, where the two are not the same.
    """
    if network.training:
        raise ValueError("only a network in evaluation mode can be folded")
    folded = copy.deepcopy(network)
    for module in list(folded.modules()):
        for conv_name, norm_name in _pairs(module):
            conv, norm = getattr(module, conv_name), getattr(module, norm_name)
            if isinstance(conv, nn.Sequential):
                conv[-1] = fuse_conv_bn_eval(conv[-1], norm).requires_grad_(False)
            else:
                setattr(module, conv_name, fuse_conv_bn_eval(conv, norm).requires_grad_(False))
            setattr(module, norm_name, nn.Identity())
    return folded


def _pairs(module: nn.Module) -> list[tuple[str, str]]:
    """Names of the convolutions directly below ``module`` and of the BatchNorms after them."""
    children = dict(module.named_children())
    if isinstance(module, nn.Sequential):
        names = list(children)
        candidates = list(pairwise(names))
    else:
        candidates = [(name, "bn" + name.removeprefix("conv")) for name in children]
    return [
        (conv, norm)
        for conv, norm in candidates
        if isinstance(_last(children.get(conv)), nn.Conv2d)
        and isinstance(children.get(norm), nn.BatchNorm2d)
    ]


def _last(module: nn.Module | None) -> nn.Module | None:
    return module[-1] if isinstance(module, nn.Sequential) and len(module) else module
