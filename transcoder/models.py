"""The transcoders that are trained: levels to log-Mels or to classes.

The paper's are here (cnn_pinv, mlp, mlp_pinv; self, effnet); `transcoder.textured` and
`transcoder.direct` are ours.

All take chunks of third-octave levels ``(batch, 8, 29)`` in dB (or the ablations' inputs, see
`transcoder.pinv.Pinv`). Sizes and state names are the published ones, so that published
checkpoints load strictly.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from transcoder.direct import Direct
from transcoder.errors import MissingFileError, UsageError
from transcoder.pinv import INPUT_TYPES, Pinv, input_shape
from transcoder.settings import front_end
from transcoder.textured import Textured

MEL_MODELS = ("cnn_pinv", "mlp", "mlp_pinv", "textured")
"""Models that predict log-Mels ``(batch, frames, 64)``."""

PAPER_CLASS_MODELS = ("self", "effnet_b0", "effnet_b7")

CLASS_MODELS = (*PAPER_CLASS_MODELS, "direct")
"""Models that predict class probabilities ``(batch, n_classes)``."""

TOKEN_MODELS = ("textured", "direct")
"""Models that see a whole second as tokens; they take third-octave levels alone."""


_MOST = {
    "cnn_kernel_size": 63, "cnn_nb_layers": 64, "cnn_nb_channels": 1024, "mlp_hl_1": 65536,
    "mlp_hl_2": 65536, "token_width": 2048, "token_layers": 64,
}  # fmt: skip
"""Sizes ten times those of any model that was trained: of more, a file is damaged."""


@dataclass(frozen=True)
class ModelSettings:
    """What it takes to build a transcoder. Field names follow the published YAML files."""

    model_type: str  # one of MEL_MODELS or CLASS_MODELS
    mels_type: str  # the classifier: "PANN" or "YamNet"
    cnn_kernel_size: int | None = None  # on the Mel axis; 3 on the time axis
    cnn_nb_layers: int | None = None
    cnn_nb_channels: int | None = None
    cnn_dilation: int | None = None  # of the middle layers on the Mel axis; 0 and 1: none
    mlp_hl_1: int | None = None
    mlp_hl_2: int | None = None
    token_width: int | None = None  # of textured and direct: see transcoder.direct.LevelEncoder
    token_layers: int | None = None
    input_type: str = "third_octave"

    def __post_init__(self) -> None:
        front_end(self.mels_type)
        if self.model_type not in MEL_MODELS + CLASS_MODELS:
            allowed = ", ".join(MEL_MODELS + CLASS_MODELS)
            raise UsageError(f"unknown transcoder {self.model_type!r}: choose from {allowed}")
        if self.input_type not in INPUT_TYPES:
            raise UsageError(f"unknown input type {self.input_type!r}: choose from {INPUT_TYPES}")
        needed = []
        if self.model_type == "cnn_pinv":
            needed = ["cnn_kernel_size", "cnn_nb_layers", "cnn_nb_channels"]
        elif self.model_type in ("mlp", "mlp_pinv"):
            needed = ["mlp_hl_1", "mlp_hl_2"]
        elif self.model_type in TOKEN_MODELS:
            needed = ["token_width", "token_layers"]
        for name in needed:
            value = getattr(self, name)
            most = _MOST[name]
            if type(value) is not int or not 1 <= value <= most:
                raise UsageError(
                    f"{self.model_type}: {name} must be 1 or more, not {value!r} (nor above {most})"
                )
        dilation = self.cnn_dilation
        if dilation is not None and (type(dilation) is not int or not 0 <= dilation <= 64):
            raise UsageError(f"{self.model_type}: cnn_dilation must be 0 to 64, not {dilation!r}")
        if self.model_type in TOKEN_MODELS and self.input_type != "third_octave":
            raise UsageError(f"{self.model_type}: takes third-octave levels, not {self.input_type}")
        if self.model_type == "cnn_pinv" and self.cnn_kernel_size % 2 == 0:
            raise UsageError(f"cnn_pinv: cnn_kernel_size must be odd, not {self.cnn_kernel_size}")

    @property
    def input_shape(self) -> tuple[int, int]:
        """Frames and bands of one input chunk."""
        return input_shape(self.mels_type, self.input_type)

    @property
    def predicts_classes(self) -> bool:
        return self.model_type in CLASS_MODELS


class CnnPinv(nn.Module):
    """PINV less what convolutions make of it: ``(batch, 8, 29) -> (batch, frames, 64)``.

    Source: Tailleur et al., DCASE 2023. With 5 layers, kernel 5 and 64 channels: 186,497 weights.
    """

    def __init__(self, settings: ModelSettings):
        super().__init__()
        self.settings = settings
        self.pinv = Pinv(settings.mels_type, input_type=settings.input_type)
        n_layers, width = settings.cnn_nb_layers, settings.cnn_nb_channels
        layers: list[nn.Module] = []
        for layer in range(n_layers):
            n_in = 1 if layer == 0 else width
            n_out = 1 if layer == n_layers - 1 else width
            is_middle = 0 < layer < n_layers - 1
            dilation = max(settings.cnn_dilation or 1, 1) if is_middle else 1
            pad = dilation * (settings.cnn_kernel_size // 2)
            layers += [
                nn.ReplicationPad2d((pad, pad, 1, 1)),
                nn.Conv2d(n_in, n_out, (3, settings.cnn_kernel_size), dilation=(1, dilation)),
                nn.ReLU(),
            ]
        self.mod_conv = nn.Sequential(*layers[:-1])

    def forward(self, levels: Tensor) -> Tensor:
        pinv = self.pinv(levels)
        return pinv - self.mod_conv(pinv.unsqueeze(1)).squeeze(1)


class _Mlp(nn.Module):
    """Two hidden layers with ReLU; the names of the layers are those of the checkpoints."""

    def __init__(self, n_in: int, settings: ModelSettings):
        super().__init__()
        end = front_end(settings.mels_type)
        self.settings = settings
        self.output_shape = (end.frames, end.n_mels)
        self.input_fc = nn.Linear(n_in, settings.mlp_hl_1)
        self.hidden_fc = nn.Linear(settings.mlp_hl_1, settings.mlp_hl_2)
        self.output_fc = nn.Linear(settings.mlp_hl_2, end.frames * end.n_mels)

    def _predict(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.input_fc(x.flatten(1)))
        hidden = torch.relu(self.hidden_fc(hidden))
        return self.output_fc(hidden).unflatten(1, self.output_shape)


class Mlp(_Mlp):
    """Fully connected from the levels themselves: ``(batch, 8, 29) -> (batch, frames, 64)``."""

    def __init__(self, settings: ModelSettings):
        frames, bands = settings.input_shape
        super().__init__(frames * bands, settings)

    def forward(self, levels: Tensor) -> Tensor:
        return self._predict(levels)


class MlpPinv(_Mlp):
    """PINV less what a fully connected network makes of it."""

    def __init__(self, settings: ModelSettings):
        end = front_end(settings.mels_type)
        super().__init__(end.frames * end.n_mels, settings)
        self.pinv = Pinv(settings.mels_type, input_type=settings.input_type)

    def forward(self, levels: Tensor) -> Tensor:
        pinv = self.pinv(levels)
        return pinv - self._predict(pinv)


class SelfClassifier(nn.Module):
    """PINV followed by the classifier itself, all of it trained: ``-> (batch, n_classes)``."""

    def __init__(self, settings: ModelSettings, network: nn.Module):
        super().__init__()
        self.settings = settings
        self.pinv = Pinv(settings.mels_type, input_type=settings.input_type)
        self.network = network

    def forward(self, levels: Tensor) -> Tensor:
        return self.network(self.pinv(levels))


class EffNet(nn.Module):
    """EfficientNet on the levels as an image: ``(batch, 8, 29) -> (batch, n_classes)``.

    torchvision's networks with the published stem (no padding) and BatchNorm; its b0 ImageNet
    weights come from another training than the paper's.
    """

    image_size = (101, 64)  # for both classifiers, as published

    def __init__(self, settings: ModelSettings, *, pretrained: bool):
        super().__init__()
        self.settings = settings
        network = _efficientnet(settings.model_type, pretrained=pretrained)
        stem = network.features[0][0]
        network.features[0][0] = nn.Conv2d(
            1, stem.out_channels, kernel_size=3, stride=2, bias=False
        )
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.eps, norm.momentum = 1e-3, 0.01
        n_features = network.classifier[-1].in_features
        network.classifier[-1] = nn.Linear(n_features, front_end(settings.mels_type).n_classes)
        self.network = network

    def forward(self, levels: Tensor) -> Tensor:
        image = nn.functional.interpolate(levels.unsqueeze(1), size=self.image_size)
        return self.network(image).clamp(0, 1)


def _efficientnet(name: str, *, pretrained: bool) -> nn.Module:
    """torchvision's network; its weights must lie in torch.hub's folder already."""
    from pathlib import Path

    from torchvision.models import efficientnet

    build = getattr(efficientnet, name.replace("effnet", "efficientnet"))
    weights = None
    if pretrained:
        size = name.removeprefix("effnet_")
        weights = getattr(efficientnet, f"EfficientNet_{size.upper()}_Weights").IMAGENET1K_V1
        path = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
        if not path.is_file():
            raise MissingFileError(
                f"{path} is missing; fetch it with: python download_pretrained_models.py "
                f"--only efficientnet_{size}"
            )
    return build(weights=weights)


def build_model(
    settings: ModelSettings,
    *,
    pretrained: bool = False,
    classifier_weights=None,
    classifier_shape: Mapping | None = None,
) -> nn.Module:
    """Build a transcoder with random weights (of torch's generator).

    Parameters
    ----------
    pretrained
        For ``self`` and ``effnet_*``: start from the classifier's or ImageNet's weights, as
        training does; a checkpoint is loaded into networks without them.
    classifier_weights
        For ``self`` with ``pretrained``: the weight file, else the usual place.
    classifier_shape
        For ``self`` without ``pretrained``: of YAMNet, see `yamnet.network.shape_of`.

    Raises
    ------
    MissingFileError
        If the pretrained weights are not there; the message names the command.
    """
    if settings.model_type in TOKEN_MODELS:
        build = {"direct": Direct, "textured": Textured}[settings.model_type]
        return build(settings.mels_type, width=settings.token_width, layers=settings.token_layers)
    if settings.model_type == "self":
        from transcoder.classifiers import load_network, new_network

        name = settings.mels_type
        if pretrained:
            network = load_network(name, classifier_weights)
        else:
            network = new_network(name, classifier_shape)
        return SelfClassifier(settings, network)
    if settings.model_type in CLASS_MODELS:
        return EffNet(settings, pretrained=pretrained)
    return {"cnn_pinv": CnnPinv, "mlp": Mlp, "mlp_pinv": MlpPinv}[settings.model_type](settings)


def count_parameters(model: nn.Module) -> int:
    """Number of trainable weights."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


SETTING_NAMES = tuple(field.name for field in dataclasses.fields(ModelSettings))
