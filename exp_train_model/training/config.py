"""What a training is made of: `TrainConfig`, from a setting of the plans."""

from dataclasses import dataclass

from doce_plans.settings import Setting
from transcoder.models import ModelSettings
from transcoder.names import real_name

HYBRID_CLASS_FACTORS = {"PANN": 1500.0, "YamNet": 10.0}
"""Bring the class loss of hybrid training to the size of the Mel loss."""

INPUT_TYPES = {"urban_mel_time": "mel_time", "urban_mel_freq": "mel_freq"}
"""Data sets of the ablations, which have other inputs than third-octave levels."""


@dataclass(frozen=True)
class TrainConfig:
    """One training; everything here is part of the setting's identifier."""

    identifier: str
    dataset: str
    model: ModelSettings
    mel_weight: float  # of the Mel loss; 0: not used
    class_weight: float  # of the class loss; 0: not used
    epochs: int
    learning_rate: float

    @property
    def classifier(self) -> str:
        return self.model.mels_type

    @property
    def loss_name(self) -> str:
        """ "mels", "logits", "hybrid" or "classes"."""
        if self.model.predicts_classes:
            return "classes"
        if not self.class_weight:
            return "mels"
        return "hybrid" if self.mel_weight else "logits"


def train_config(setting: Setting) -> TrainConfig:
    """The training that a setting of the plans asks for."""
    mel_weight, class_weight = _loss_weights(setting)
    return TrainConfig(
        identifier=setting.replace("step", "train").identifier(),
        dataset=setting["dataset"],
        model=ModelSettings(
            model_type=setting["transcoder"],
            mels_type=setting["classifier"],
            cnn_kernel_size=setting.get("kernel_size"),
            cnn_nb_layers=setting.get("nb_layers"),
            cnn_nb_channels=setting.get("nb_channels"),
            cnn_dilation=setting.get("dilation"),
            mlp_hl_1=setting.get("hidden1"),
            mlp_hl_2=setting.get("hidden2"),
            token_width=setting.get("token_width"),
            token_layers=setting.get("token_layers"),
            input_type=input_type(setting["dataset"]),
        ),
        mel_weight=mel_weight,
        class_weight=class_weight,
        epochs=setting["epoch"],
        learning_rate=10.0 ** setting["learning_rate"],
    )


def input_type(dataset: str) -> str:
    """What the transcoders see of a data set: see `transcoder.pinv.Pinv`."""
    return INPUT_TYPES.get(real_name(dataset), "third_octave")


def _loss_weights(setting: Setting) -> tuple[float, float]:
    """Weights of the Mel loss and of the class loss."""
    if setting["ts"] == 0:
        return 1.0, 0.0
    share = setting.get("prop_logit", 100) / 100
    if share == 1:
        return 0.0, 1.0
    return 1 - share, share * HYBRID_CLASS_FACTORS[setting["classifier"]]
