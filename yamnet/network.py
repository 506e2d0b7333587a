"""YAMNet: MobileNet v1 over 0.96-s log-Mel patches, 521 AudioSet classes.

Architecture: TensorFlow models, ``research/audioset/yamnet`` (Apache-2.0). The state names are
those of the PyTorch port github.com/w-hc/torch_audioset (MIT), so that its weights load strictly.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

BATCH_NORM_EPS = 1e-4

# (output width, stride) of the depthwise-separable layers 2 to 14
_LAYERS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)
_FIRST_WIDTH = 32
FACTORABLE = (
    *(f"layer{number}.pointwise_conv.conv" for number in range(2, len(_LAYERS) + 2)),
    "classifier",
)
"""1x1 convolutions and the last layer, which hold most of the weights."""

_WIDEST = 4  # of any YAMNet, times the public one


class _ConvNormRelu(nn.Module):
    """3x3 (per channel or full) convolution with TensorFlow's SAME padding."""

    def __init__(self, n_in: int, n_out: int, stride: int = 1, groups: int = 1):
        super().__init__()
        self.pads_unevenly = stride > 1
        padding = 0 if self.pads_unevenly else 1
        self.conv = nn.Conv2d(n_in, n_out, 3, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(n_out, eps=BATCH_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        if self.pads_unevenly:
            x = _pad_same(x, 3, self.conv.stride[0])
        return functional.relu(self.bn(self.conv(x)))


class _PointwiseNormRelu(nn.Module):
    """1x1 convolution, or, with a rank, two with so many channels between them."""

    def __init__(self, n_in: int, n_out: int, rank: int | None):
        super().__init__()
        if rank is None:
            self.conv = nn.Conv2d(n_in, n_out, 1, bias=False)
        else:
            self.conv = nn.Sequential(
                nn.Conv2d(n_in, rank, 1, bias=False), nn.Conv2d(rank, n_out, 1, bias=False)
            )
        self.bn = nn.BatchNorm2d(n_out, eps=BATCH_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(x)))


def _pad_same(x: Tensor, kernel_size: int, stride: int) -> Tensor:
    """TensorFlow's SAME: as little zero padding as the stride needs, the odd one at the end."""
    sides = []
    for size in (x.shape[-1], x.shape[-2]):
        total = max((-(-size // stride) - 1) * stride + kernel_size - size, 0)
        sides += [total // 2, total - total // 2]
    return functional.pad(x, sides)


class _First(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.fused = _ConvNormRelu(1, width, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fused(x)


class _Separable(nn.Module):
    def __init__(self, n_in: int, n_out: int, stride: int, rank: int | None):
        super().__init__()
        self.depthwise_conv = _ConvNormRelu(n_in, n_in, stride, groups=n_in)
        self.pointwise_conv = _PointwiseNormRelu(n_in, n_out, rank)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise_conv(self.depthwise_conv(x))


class YamNet(nn.Module):
    """Log-Mel patches ``(batch, 96, 64)`` to class probabilities ``(batch, 521)``.

    Parameters
    ----------
    n_classes
        Number of outputs.
    width
        Factor on the width of every layer; the public weights have 1.
    ranks
        Of those of the `FACTORABLE` layers that are a product of two matrices, by name; of the
        public weights none is.
    """

    def __init__(
        self, n_classes: int = 521, width: float = 1.0, ranks: Mapping[str, int] | None = None
    ):
        super().__init__()
        self.ranks = dict(ranks or {})
        self.is_full = width == 1 and not self.ranks
        n_in = _scaled(_FIRST_WIDTH, width)
        self.layer1 = _First(n_in)
        self.n_layers = len(_LAYERS) + 1
        for number, (n_out, stride) in enumerate(_LAYERS, start=2):
            n_out = _scaled(n_out, width)
            name = f"layer{number}"
            rank = self.ranks.get(f"{name}.pointwise_conv.conv")
            setattr(self, name, _Separable(n_in, n_out, stride, rank))
            n_in = n_out
        rank = self.ranks.get("classifier")
        self.classifier = (
            nn.Linear(n_in, n_classes)
            if rank is None
            else nn.Sequential(nn.Linear(n_in, rank, bias=False), nn.Linear(rank, n_classes))
        )

    def forward(self, log_mels: Tensor) -> Tensor:
        x = log_mels.unsqueeze(1)
        for number in range(1, self.n_layers + 1):
            x = getattr(self, f"layer{number}")(x)
        return torch.sigmoid(self.classifier(x.mean(dim=(2, 3))).float())  # under autocast, too


def shape_of(state: Mapping[str, Tensor], prefix: str = "") -> dict:
    """``width`` and ``ranks`` of the network whose weights ``state`` holds under ``prefix``.

    Width 1 without any, and for what are no weights: they will not fit.
    """
    ranks = {}
    for name in FACTORABLE:
        inner = state.get(f"{prefix}{name}.0.weight")
        if getattr(inner, "ndim", 0) >= 2 and 0 < len(inner) <= _LAYERS[-1][0]:
            ranks[name] = len(inner)
    head = state.get(f"{prefix}classifier{'.0' if 'classifier' in ranks else ''}.weight")
    if getattr(head, "ndim", None) != 2 or head.shape[1] > _WIDEST * _LAYERS[-1][0]:
        return {"width": 1.0, "ranks": {}}
    return {"width": head.shape[1] / _LAYERS[-1][0], "ranks": ranks}


def _scaled(width: int, factor: float) -> int:
    """Multiples of 8 where possible, as MobileNets are scaled."""
    return width if factor == 1 else max(8, round(width * factor / 8) * 8)
