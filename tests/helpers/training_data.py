"""Made-up features of a data set "TEST", and classifiers with random weights, for quick tests."""

import h5py
import numpy as np
import torch

from features.files import SPLITS, split_path
from transcoder.classifiers import new_network
from transcoder.pinv import Pinv

CHUNKS_PER_FILE = 2


def write_features(folder, *, n_files=6, dataset="TEST", seed=0, input_type="third_octave"):
    """Feature files of all splits: Mels that a transcoder can learn from the levels."""
    for number, split in enumerate(SPLITS):
        rng = np.random.default_rng([seed, number])
        path = split_path(folder, dataset, split)
        path.parent.mkdir(parents=True, exist_ok=True)
        n = n_files * CHUNKS_PER_FILE
        levels = rng.normal(50, 8, (n, 8, 29)).astype(np.float32)
        with h5py.File(path, "w") as file:
            file["third_octave"] = levels
            for classifier in ("PANN", "YamNet"):
                pinv = Pinv(classifier)(torch.from_numpy(levels)).numpy()
                file[f"mels_{classifier.lower()}"] = 0.9 * pinv + 0.5
            file["scene"] = np.zeros(n, np.int64)
            file["file_index"] = np.repeat(np.arange(n_files), CHUNKS_PER_FILE)
            file["file_names"] = [f"{split}-{i}.wav" for i in range(n_files)]
            file.attrs["input_type"] = input_type
            file.attrs["scenes"] = ["park"]
    return folder


def write_classifier(path, name: str = "YamNet"):
    """Random weights in the format of the classifier's published file."""
    torch.manual_seed(11)
    state = new_network(name, {"width": 0.25}).state_dict()  # a small YAMNet is quicker
    torch.save({"model": state} if name == "PANN" else state, path)
    return path
