"""A YAMNet whose large layers are products of two small matrices: how a student begins.

A layer ``y = W x`` becomes ``y = B (A x) + c``, with the rank that the data ask for. ``A`` and
``B`` are those of a principal component analysis of the layer's outputs for Mels of mixtures:
what is left out varies least. Two things make the components those that matter:

- What lies far below zero is cut by the ReLU behind it (by the sigmoid, behind the last layer),
  and there the outputs vary most. So they are clipped there before they are analysed, and weigh
  unclipped only a little (`_UNCLIPPED`), so that they stay far below.
- Channels are scaled to one standard deviation, but those that hardly vary (`_RAISED`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from transcoder.settings import YAMNET
from yamnet.network import FACTORABLE, YamNet

_UNCLIPPED = 0.02
_RAISED = 0.3  # of the median standard deviation, added to each
_LOWEST_LOGIT = -12.0
_SILENT_LOGIT = -30.0  # near silence logits are hundreds below zero, and would drown all else
_POSITIONS = 4000  # of a layer's outputs for a batch of Mels, drawn at random
_RANK_STEP = 8


@dataclass
class Outputs:
    """Sums over a layer's outputs ``(n, channels)``, clipped and not."""

    n: int = 0
    total: Tensor | float = 0.0
    products: Tensor | float = 0.0
    unclipped: Tensor | float = 0.0

    def add(self, outputs: Tensor, lowest: Tensor | float) -> None:
        raw = outputs.double()
        clipped = torch.maximum(raw, torch.as_tensor(lowest, dtype=raw.dtype))
        self.n += len(raw)
        self.total = self.total + clipped.sum(dim=0)
        self.products = self.products + clipped.T @ clipped
        self.unclipped = self.unclipped + raw.T @ raw

    def components(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Mean, scale of the channels, variances in falling order, and their directions."""
        mean = self.total / self.n
        covariance = self.products / self.n - torch.outer(mean, mean)
        deviation = covariance.diag().clamp(min=0).sqrt()
        scale = 1 / (deviation + _RAISED * deviation.median() + 1e-3)
        both = torch.outer(scale, scale)
        clipped, unclipped = covariance * both, self.unclipped / self.n * both
        mixed = clipped / clipped.trace() + _UNCLIPPED * unclipped / unclipped.trace()
        variances, directions = torch.linalg.eigh(mixed)
        return mean, scale, variances.flip(0).clamp(min=0), directions.flip(1)


@torch.no_grad()
def observe(teacher: YamNet, mels: Iterable[Tensor], seed: int) -> dict[str, Outputs]:
    """What the `FACTORABLE` layers answer to batches of log-Mels ``(n, 96, 64)``."""
    generator = torch.Generator().manual_seed(seed)
    found = {name: Outputs() for name in FACTORABLE}
    seen: dict[str, Tensor] = {}
    hooks = [
        teacher.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.update({name: output})
        )
        for name in FACTORABLE
    ]
    for batch in mels:
        teacher(batch)
        is_heard = seen["classifier"].mean(dim=1) > _SILENT_LOGIT
        for name, output in seen.items():
            rows = output[is_heard]
            if rows.ndim == 4:
                rows = rows.movedim(1, -1).flatten(0, 2)
            rows = rows[torch.randint(len(rows), (_POSITIONS,), generator=generator)]
            found[name].add(rows, _LOWEST_LOGIT if name == "classifier" else -_heard_size(rows))
    for hook in hooks:
        hook.remove()
    return found


def _heard_size(rows: Tensor) -> Tensor:
    """Root mean square of each channel's positive part."""
    return rows.double().clamp(min=0).square().mean(dim=0).sqrt().clamp(min=1e-2)


@torch.no_grad()
def factored(teacher: YamNet, outputs: dict[str, Outputs], share: float) -> YamNet:
    """The teacher with as many components a layer as have ``share`` of the variance.

    A layer that would not get smaller stays as it is.
    """
    found = {name: outputs[name].components() for name in FACTORABLE}
    ranks = {}
    for name, (_, _, variances, _) in found.items():
        kept = variances.cumsum(0) / variances.sum()
        n_components = int(torch.searchsorted(kept, torch.tensor(share, dtype=kept.dtype))) + 1
        rank = -(-n_components // _RANK_STEP) * _RANK_STEP
        n_out, n_in = teacher.get_submodule(name).weight.shape[:2]
        if rank * (n_in + n_out) < n_in * n_out:
            ranks[name] = rank
    student = YamNet(YAMNET.n_classes, ranks=ranks)
    state = {key: value.clone() for key, value in teacher.state_dict().items()}
    for name, rank in ranks.items():
        mean, scale, _, directions = found[name]
        kept = directions[:, :rank]
        weight = state.pop(f"{name}.weight").double()
        inner = (kept.T * scale) @ weight.flatten(1)
        outer = kept / scale[:, None]
        shift = mean - outer @ (kept.T @ (scale * mean))
        ones = (1,) * (weight.ndim - 2)
        state[f"{name}.0.weight"] = inner.view(*inner.shape, *ones)
        state[f"{name}.1.weight"] = outer.view(*outer.shape, *ones)
        if name == "classifier":
            bias = state.pop(f"{name}.bias").double()
            state[f"{name}.1.bias"] = outer @ (kept.T @ (scale * bias)) + shift
        else:  # the BatchNorm behind the layer takes its mean off
            state[f"{name.removesuffix('conv')}bn.running_mean"] -= shift.float()
    student.load_state_dict(state)
    return student.to(memory_format=torch.channels_last).eval()


def n_weights(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())
