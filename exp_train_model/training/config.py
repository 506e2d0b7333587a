"""What a training is made of."""

from dataclasses import dataclass

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


def input_type(dataset: str) -> str:
    """What the transcoders see of a data set: see `transcoder.pinv.Pinv`."""
    return INPUT_TYPES.get(real_name(dataset), "third_octave")
