"""ResNet38 of the pretrained audio neural networks (PANN), 527 AudioSet classes.

Architecture and state names: Kong et al., "PANNs", IEEE/ACM TASLP 2020;
github.com/qiuqiangkong/audioset_tagging_cnn (MIT). The published checkpoint loads strictly once
its own STFT and Mel layers are left out: the Mels are computed by ``transcoder.mels``.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

EMBEDDING_SIZE = 2048
_TIME_STRIPE, _MEL_STRIPE = 64, 8  # SpecAugment: stripes are narrower than this
_N_STRIPES = 2  # on each axis of each sample
_STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # (width, blocks); all but the first halve


def _conv3x3(n_in: int, n_out: int) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 3, padding=1, bias=False)


class _ConvBlock(nn.Module):
    """Two 3x3 convolutions with BatchNorm and ReLU, then average pooling."""

    def __init__(self, n_in: int, n_out: int, pool: int):
        super().__init__()
        self.conv1 = _conv3x3(n_in, n_out)
        self.conv2 = _conv3x3(n_out, n_out)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.bn2(self.conv2(x)))
        return functional.avg_pool2d(x, self.pool) if self.pool > 1 else x


class _BasicBlock(nn.Module):
    """ResNet basic block; a halving one average-pools where others would stride."""

    def __init__(self, n_in: int, n_out: int, halve: bool):
        super().__init__()
        self.halve = halve
        self.conv1 = _conv3x3(n_in, n_out)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = _conv3x3(n_out, n_out)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.downsample = None
        if halve:
            self.downsample = nn.Sequential(
                nn.AvgPool2d(2),
                nn.Conv2d(n_in, n_out, 1, bias=False),
                nn.BatchNorm2d(n_out),
            )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        if self.halve:
            x = functional.avg_pool2d(x, 2)
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.dropout(x, 0.1, self.training)
        return functional.relu(self.bn2(self.conv2(x)) + shortcut)


class _ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        n_in = _STAGES[0][0]
        for number, (width, n_blocks) in enumerate(_STAGES, start=1):
            blocks = [
                _BasicBlock(n_in if i == 0 else width, width, halve=i == 0 and number > 1)
                for i in range(n_blocks)
            ]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
            n_in = width

    def forward(self, x: Tensor) -> Tensor:
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


def drop_stripes(x: Tensor, axis: int, width: int, n_stripes: int = _N_STRIPES) -> Tensor:
    """``(batch, ...)`` with stripes along ``axis`` set to zero, others in each sample.

    Widths are uniform in 0 to ``width - 1``, places uniform among those where the stripe fits.
    Source: SpecAugment (Park et al., Interspeech 2019) as PANN's training uses it.
    """
    size = x.shape[axis]
    shape = (len(x), n_stripes, 1)
    widths = torch.randint(min(width, size), shape, device=x.device)
    begins = (torch.rand(shape, device=x.device) * (size - widths)).long()
    position = torch.arange(size, device=x.device)
    dropped = ((position >= begins) & (position < begins + widths)).any(dim=1)
    view = [len(x)] + [1] * (x.ndim - 1)
    view[axis] = size
    return x.masked_fill(dropped.view(view), 0.0)


class ResNet38(nn.Module):
    """Log-Mels in dB ``(batch, time, 64)`` of any length to probabilities ``(batch, 527)``.

    In training, SpecAugment zeroes stripes behind the first BatchNorm, and there is dropout in and
    between the stages and before ``fc1``, but none before ``fc_audioset``.
    """

    def __init__(self, n_classes: int = 527, n_mels: int = 64):
        super().__init__()
        self.bn0 = nn.BatchNorm2d(n_mels)
        self.conv_block1 = _ConvBlock(1, 64, pool=2)
        self.resnet = _ResNet()
        self.conv_block_after1 = _ConvBlock(_STAGES[-1][0], EMBEDDING_SIZE, pool=1)
        self.fc1 = nn.Linear(EMBEDDING_SIZE, EMBEDDING_SIZE)
        self.fc_audioset = nn.Linear(EMBEDDING_SIZE, n_classes)

    def embedding(self, log_mels: Tensor) -> Tensor:
        """The last hidden layer, ``(batch, 2048)``."""
        # bn0 normalises each Mel bin: the bins take the place of the channels for a moment
        x = self.bn0(log_mels.transpose(1, 2).unsqueeze(-1))
        x = x.squeeze(-1).transpose(1, 2).unsqueeze(1)
        if self.training:
            x = drop_stripes(x, axis=2, width=_TIME_STRIPE)
            x = drop_stripes(x, axis=3, width=_MEL_STRIPE)
        x = self._drop(self.conv_block1(x), 0.2)
        x = self._drop(functional.avg_pool2d(self.resnet(x), 2), 0.2)
        x = self._drop(self.conv_block_after1(x), 0.2)
        x = x.mean(dim=3)
        x = self._drop(x.amax(dim=2) + x.mean(dim=2), 0.5)
        return functional.relu(self.fc1(x))

    def forward(self, log_mels: Tensor) -> Tensor:
        return torch.sigmoid(self.fc_audioset(self.embedding(log_mels)))

    def _drop(self, x: Tensor, share: float) -> Tensor:
        return functional.dropout(x, share, self.training)
