"""Units of levels to class probabilities: a transcoder and a classifier in one pass."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from archives.timeline import Units
from transcoder.classifiers import Classifier
from transcoder.folding import fold_batch_norm
from transcoder.mels import join_chunks
from transcoder.transcode import Transcoder

_BATCH_S = {"cpu": 32, "cuda": 1024}  # seconds at once; on a CPU what fits its caches is fastest


class LevelClassifier:
    """Class probabilities of `Units`.

    YAMNet hears each second, and the seconds of a unit are averaged; PANN hears a unit as one
    spectrogram. The same as `Transcoder.from_third_octave` followed by `Classifier.probabilities`
    and `Classifier.file_probabilities`, but the Mels never leave the device.
    """

    def __init__(self, transcoder: Transcoder, classifier: Classifier):
        self.name = classifier.name
        self.teacher = classifier.teacher
        self._front_end = classifier.front_end
        self._device = transcoder.device
        self._batch_s = _BATCH_S[self._device.type]
        self._transcoder = _fastest(transcoder.model).to(self._device)
        self._network = _fastest(fold_batch_norm(classifier)).to(self._device)
        # On a CPU, whole batches side by side scale better than the threads within a layer, which
        # wait for each other after each of its small convolutions. A GPU wants one stream.
        n_workers = torch.get_num_threads() if self._device.type == "cpu" else 1
        self._pool = ThreadPoolExecutor(n_workers, initializer=self._one_thread)

    def __call__(self, units: Units) -> NDArray[np.float32]:
        """Probabilities ``(n, n_classes)`` of each unit."""
        result = np.empty((len(units), self._front_end.n_classes), dtype=np.float32)
        n_seconds = units.n_seconds
        batches = []
        for length in np.unique(n_seconds):
            rows = np.flatnonzero(n_seconds == length)
            per_batch = max(1, self._batch_s // int(length))
            batches += [rows[i : i + per_batch] for i in range(0, len(rows), per_batch)]
        levels = (units.levels_db[rows, : n_seconds[rows[0]]] for rows in batches)
        for rows, values in zip(batches, self._pool.map(self._classify, levels), strict=True):
            result[rows] = values
        return result

    @torch.inference_mode()
    def _classify(self, levels_db: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(units, seconds, 8, 29)`` -> ``(units, n_classes)``."""
        levels = torch.from_numpy(levels_db).to(self._device)
        mels = self._transcoder(levels.flatten(0, 1))
        chunks = mels.unflatten(0, levels.shape[:2])
        if self.name == "PANN":
            joined = torch.stack([join_chunks(unit, self._front_end) for unit in chunks])
            return self._network(joined).cpu().numpy()
        probabilities = self._network(mels).unflatten(0, levels.shape[:2])
        return probabilities.mean(dim=1).cpu().numpy()

    def _one_thread(self) -> None:
        if self._device.type == "cpu":
            torch.set_num_threads(1)


def _fastest(module: torch.nn.Module) -> torch.nn.Module:
    """A copy in the memory layout that convolutions are fastest in."""
    return copy.deepcopy(module).to(memory_format=torch.channels_last)
