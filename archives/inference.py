"""Units of levels to class probabilities: a transcoder and a classifier in one pass."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from archives.timeline import Units
from transcoder.classifiers import Classifier, check_answer
from transcoder.folding import fold_classifier
from transcoder.hearing import hear_units
from transcoder.texture import transcode

# seconds at once; on a CPU what fits its caches is fastest
_BATCH_S = {"cpu": 32, "cuda": 1024}
_STRAIGHT_BATCH_S = {"cpu": 256, "cuda": 16384}  # without Mels a second is small


class LevelClassifier:
    """Class probabilities of `Units`.

    The same as `Transcoder.from_third_octave` followed by `transcoder.hearing.hear_recording`, but
    the Mels never leave the device.

    Parameters
    ----------
    model
        Levels to Mels; or straight to classes, of each second, where there is no ``classifier``.
    classifier
        What hears the Mels.
    device
        Where it is computed.
    draws
        How many Mels of a model with texture are heard; their probabilities are averaged.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        classifier: Classifier | None,
        *,
        device: torch.device,
        draws: int = 1,
    ):
        self._device = device
        batches_s = _STRAIGHT_BATCH_S if classifier is None else _BATCH_S
        self._batch_s = batches_s[device.type]
        self._draws = draws
        # the memory layout that convolutions are fastest in
        self._model = copy.deepcopy(model).to(memory_format=torch.channels_last).to(device).eval()
        self._classifier = None
        if classifier is not None:
            self._classifier = fold_classifier(copy.deepcopy(classifier)).to(device)
        # On a CPU, whole batches side by side scale better than the threads within a layer, which
        # wait for each other after each of its small convolutions. A GPU wants one stream.
        n_workers = torch.get_num_threads() if device.type == "cpu" else 1
        self._pool = ThreadPoolExecutor(n_workers, initializer=self._one_thread)

    def __call__(self, units: Units) -> NDArray[np.float32]:
        """Probabilities ``(n, n_classes)`` of each unit."""
        n_seconds = units.n_seconds
        batches = []
        for length in np.unique(n_seconds):
            rows = np.flatnonzero(n_seconds == length)
            per_batch = max(1, self._batch_s // int(length))
            batches += [rows[i : i + per_batch] for i in range(0, len(rows), per_batch)]
        jobs = [(units, rows, int(n_seconds[rows[0]])) for rows in batches]
        found = list(self._pool.map(lambda job: self._classify(*job), jobs))
        result = np.empty((len(units), found[0].shape[1]), dtype=np.float32)
        for rows, values in zip(batches, found, strict=True):
            result[rows] = values
        check_answer(torch.from_numpy(result), "the network")
        return result

    @torch.inference_mode()
    def _classify(self, units: Units, rows: NDArray, length: int) -> NDArray[np.float32]:
        """``rows`` of the units, ``length`` seconds long: ``(rows, n_classes)``."""
        levels = torch.from_numpy(units.levels_db[rows, :length]).to(self._device)
        seconds = levels.flatten(0, 1)
        if self._classifier is None:
            probabilities = self._model(seconds).unflatten(0, levels.shape[:2]).mean(dim=1)
        else:
            places = torch.from_numpy(units.places(rows, length)).flatten()
            heard = [
                hear_units(
                    self._classifier,
                    transcode(self._model, seconds, places, draw).unflatten(0, levels.shape[:2]),
                )
                for draw in range(self._draws)
            ]
            probabilities = torch.stack(heard).mean(dim=0)
        return probabilities.cpu().numpy()

    def _one_thread(self) -> None:
        if self._device.type == "cpu":
            torch.set_num_threads(1)
