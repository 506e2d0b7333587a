"""A fixed number of mixtures as a feature file, for validation and scores."""

from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from features.clips import FeatureConfig, extractors
from open_corpus.mixtures import SCENE_S, Mixtures
from transcoder.hdf5_files import written_hdf5
from transcoder.settings import THIRD_OCTAVE


@torch.inference_mode()
def write_scenes(path: Path, mixtures: Mixtures, n_scenes: int) -> None:
    """Write the first ``n_scenes`` as `features.files` describes, unless there."""
    if path.is_file():
        return
    functions = extractors(FeatureConfig())
    n_rows = n_scenes * SCENE_S
    with written_hdf5(path) as file:
        file.attrs["input_type"] = "third_octave"
        file.attrs["scenes"] = ["mixture"]
        file["scene"] = np.zeros(n_rows, dtype=np.int32)
        file["file_index"] = np.repeat(np.arange(n_scenes, dtype=np.int32), SCENE_S)
        file["file_names"] = [f"mixture_{i}" for i in range(n_scenes)]
        for i in tqdm(range(n_scenes), desc=f"Writing {path.name}", unit="scene"):
            scene = mixtures[i]
            for name, function in functions.items():
                is_full = function.sample_rate == THIRD_OCTAVE.sample_rate
                wave = scene.at_32k if is_full else scene.at_16k
                values = function.module(torch.from_numpy(wave)).numpy()
                if i == 0:
                    shape = values.shape[1:]
                    file.create_dataset(
                        name, (n_rows, *shape), "float32", chunks=(1, *shape), track_times=False
                    )
                file[name][i * SCENE_S : (i + 1) * SCENE_S] = values
            file.check()
