"""Names and places of the feature files; imports nothing heavy, for command lines.

One HDF5 file for each split, one row for each 1-s chunk of a recording:

- ``third_octave`` ``(n, 8, 29)`` dB; ``(n, 101, 29)`` where ``input_type`` is "mel_time"; where it
  is "mel_freq", ``mel_freq_pann`` and ``mel_freq_yamnet`` ``(n, 8, 64)`` instead
- ``mels_pann`` ``(n, 101, 64)`` dB and ``mels_yamnet`` ``(n, 96, 64)``, natural logarithm
- ``scene`` ``(n,)``: index into the attribute ``scenes``
- ``file_index`` ``(n,)``: index into ``file_names``; the rows of a file follow each other in time
- the attribute ``input_type``: see `transcoder.pinv.Pinv`; ``sounds`` is "DEMO" for DEMO's sounds
"""

import os
from pathlib import Path

from transcoder.files import DATA_ROOT
from transcoder.names import is_demo, real_name
from transcoder.options import option

FEATURES_ROOT = DATA_ROOT / "features"
"""Default folder of the data sets."""

OPEN = "OPEN"
"""The name of the data set of endless mixtures: see `open_corpus`."""

SPLITS = ("train", "valid", "eval")

_SCRIPT = "python exp_train_model/create_mel_tho_dataset.py"
TYPE_OPTIONS = {
    "TEST": "--dataset_type test",
    "full": "--dataset_type full",
    "urban": "--dataset_type urban",
    "urban_mel_time": "--dataset_type urban --tho_time false",
    "urban_mel_freq": "--dataset_type urban --tho_freq false",
}
"""What makes the data sets that the plans know."""


def split_path(data_path: str | os.PathLike, dataset_name: str, split: str) -> Path:
    """The file of a split: ``<data_path>/<dataset_name>/<dataset_name>_<split>.h5``."""
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose from {SPLITS}")
    return Path(data_path) / dataset_name / f"{dataset_name}_{split}.h5"


def create_command(dataset_name: str, data_path: str | os.PathLike = FEATURES_ROOT) -> str:
    """The command that makes a data set."""
    folder = option("output_path", data_path, FEATURES_ROOT)
    if dataset_name == OPEN:
        return f"python open_corpus/create_open_dataset.py{folder}"
    options = TYPE_OPTIONS.get(real_name(dataset_name), f"--dataset_name {dataset_name}")
    if is_demo(dataset_name):
        options += " --audio_dataset_path DEMO"
    return f"{_SCRIPT} {options}{folder}"


def mels_name(classifier: str) -> str:
    """The HDF5 dataset of a classifier's Mels."""
    return f"mels_{classifier.lower()}"


def levels_name(classifier: str, input_type: str) -> str:
    """The HDF5 dataset of a transcoder's input."""
    return f"mel_freq_{classifier.lower()}" if input_type == "mel_freq" else "third_octave"
