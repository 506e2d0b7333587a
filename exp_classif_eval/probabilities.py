"""Recordings to class probabilities: of the true Mels, and behind each transcoder.

A chain is one way from waveform to probabilities. Recordings are decoded in threads while
batches of them are computed; a batch holds recordings of the same number of seconds, so that
nothing has to be padded and the results are those of each recording alone.
"""

import collections
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from exp_classif_eval.probability_files import METHODS_OF
from transcoder.audio import AudioError, prepare, read_audio, to_chunks
from transcoder.checkpoint_choice import find_checkpoint
from transcoder.checkpoints import load_checkpoint
from transcoder.classifiers import Classifier, load_classifier
from transcoder.errors import MissingFileError
from transcoder.fingerprint import fingerprint
from transcoder.mels import LogMel, join_chunks
from transcoder.names import METHODS
from transcoder.pinv import Pinv
from transcoder.settings import CHUNK_DURATION_S, THIRD_OCTAVE, front_end
from transcoder.third_octave import ThirdOctave

TOO_SHORT = f"shorter than {CHUNK_DURATION_S} s"

_FILES_AHEAD = 64  # decoded while a batch is computed: some MB each


class Cut(NamedTuple):
    """How a waveform is resampled, and how long the chunks are."""

    sample_rate: int
    chunk_samples: int


Chunks = dict[Cut, NDArray[np.float32]]
"""A recording, ``(chunks, chunk_samples)`` for each cut that some chain wants."""

Decoded = Chunks | AudioError


def levels_cut(classifier: str, *, published_sampling: bool = False) -> Cut:
    """The cut that third-octave levels are computed from.

    The published program gave the YAMNet transcoders audio at YAMNet's own rate, in a transform
    made for twice that: all bands lie an octave too high, and a chunk lasts two seconds.
    ``published_sampling`` does so too.
    """
    rate = THIRD_OCTAVE.sample_rate
    if published_sampling:
        return Cut(front_end(classifier).sample_rate, rate * CHUNK_DURATION_S)
    return Cut(rate, rate * CHUNK_DURATION_S)


@dataclass(frozen=True, eq=False)
class Chain:
    """One way from the chunks of a recording to its class probabilities."""

    transcoder: str  # of METHODS_OF
    classifier: Classifier
    model: nn.Module  # to log-Mels: from waveforms ("self"), else from third-octave levels
    cut: Cut
    origin: dict[str, str]  # the weights that it computes with

    @property
    def name(self) -> str:
        """``<classifier>/<transcoder>``."""
        return f"{self.classifier.name}/{self.transcoder}"


def default_batch_size(device: torch.device) -> int:
    """Seconds at once: what fits a CPU's caches, or keeps a GPU busy."""
    return 16 if device.type == "cpu" else 256


def load_chains(
    classifiers: Sequence[str],
    transcoders: Sequence[str],
    *,
    models: str | os.PathLike,
    device: str | torch.device = "cpu",
    published_sampling: bool = False,
) -> tuple[list[Chain], list[str]]:
    """All the chains that the weights at hand allow.

    Returns
    -------
    chains
    missing
        For each weight file that is not there, one line that names the command to get it.
    """
    chains, missing = [], []
    for name in classifiers:
        try:
            classifier = load_classifier(name).to(device, memory_format=torch.channels_last)
        except MissingFileError as error:
            missing.append(str(error))
            continue
        teacher = {"teacher": classifier.teacher, "teacher_weights": fingerprint(classifier)}
        for transcoder in transcoders:
            try:
                model, origin = _load_model(classifier, transcoder, models)
            except MissingFileError as error:
                missing.append(str(error))
                continue
            if transcoder == "self":
                end = classifier.front_end
                cut = Cut(end.sample_rate, end.samples_per_chunk)
            else:
                cut = levels_cut(name, published_sampling=published_sampling)
            model = model.float().to(device, memory_format=torch.channels_last).eval()
            chains.append(Chain(transcoder, classifier, model, cut, {**teacher, **origin}))
    return chains, missing


def _load_model(
    classifier: Classifier, transcoder: str, models: str | os.PathLike
) -> tuple[nn.Module, dict[str, str]]:
    method = METHODS_OF[transcoder]
    if method is None:
        return LogMel(classifier.name), {"transcoder": "true Mels"}
    if method == "pinv":
        return Pinv(classifier.name), {"transcoder": METHODS[method]}
    path = find_checkpoint(models, classifier=classifier.name, method=method, judge=classifier)
    model, _ = load_checkpoint(path, classifier=classifier.name)
    weights = {"checkpoint": path.name, "checkpoint_weights": fingerprint(model)}
    return model, {"transcoder": METHODS[method], **weights}


def decode(path: str | os.PathLike, cuts: Sequence[Cut]) -> Chunks:
    """Read, resample, peak-normalise and cut a recording; `AudioError` if it cannot be used."""
    waveform, sample_rate = read_audio(path)
    duration_s = waveform.size / sample_rate
    if duration_s < CHUNK_DURATION_S:
        raise AudioError(f"{path}: {TOO_SHORT} ({duration_s:.4f} s)")
    rates = {cut.sample_rate for cut in cuts}
    prepared = {rate: prepare(waveform, sample_rate, rate) for rate in rates}
    return {cut: to_chunks(prepared[cut.sample_rate], cut.chunk_samples) for cut in cuts}


def decode_all(paths: Sequence[Path], cuts: Sequence[Cut], *, workers: int) -> Iterator[Decoded]:
    """`decode` each path in order, in threads that work ahead of the reader."""
    # threads: libsndfile and soxr release Python's lock
    with ThreadPoolExecutor(workers) as pool:
        ahead: collections.deque = collections.deque()
        try:
            for path in paths:
                ahead.append(pool.submit(decode, path, cuts))
                if len(ahead) > _FILES_AHEAD:
                    yield _result(ahead.popleft())
            while ahead:
                yield _result(ahead.popleft())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _result(future) -> Decoded:
    try:
        return future.result()
    except AudioError as error:
        return error


class Inference:
    """All chains on batches of recordings; third-octave levels are computed once for all.

    Parameters
    ----------
    chains
        On ``device``.
    batch_size
        Seconds that are computed at once; a longer recording is a batch of its own.
    """

    def __init__(self, chains: Sequence[Chain], *, device="cpu", batch_size: int = 16):
        self.chains = list(chains)
        self.cuts = list(dict.fromkeys(chain.cut for chain in chains))
        self.device = torch.device(device)
        self.batch_size = batch_size
        self.third_octave = ThirdOctave().float().to(self.device)

    def compute(
        self, recordings: Iterator[Decoded]
    ) -> tuple[dict[str, NDArray[np.float32]], list[AudioError | None]]:
        """Probabilities of each recording, in any mixture of lengths.

        Returns
        -------
        probabilities
            ``(n_recordings, n_classes)`` by name of the chain; NaN where there is an error.
        errors
            For each recording, what ``recordings`` gave in its place.
        """
        rows: list[dict[str, NDArray]] = []
        errors: list[AudioError | None] = []
        waiting: dict[tuple, list[tuple[int, Chunks]]] = collections.defaultdict(list)
        for index, recording in enumerate(recordings):
            rows.append({})
            errors.append(recording if isinstance(recording, AudioError) else None)
            if errors[-1] is not None:
                continue
            lengths = tuple(len(recording[cut]) for cut in self.cuts)
            waiting[lengths].append((index, recording))
            if max(lengths) * len(waiting[lengths]) >= self.batch_size:
                self._finish(waiting.pop(lengths), rows)
        for batch in waiting.values():
            self._finish(batch, rows)
        nothing = {c.name: np.full(c.classifier.front_end.n_classes, np.nan) for c in self.chains}
        return {
            name: np.stack([row.get(name, nan) for row in rows]).astype(np.float32)
            for name, nan in nothing.items()
        }, errors

    def _finish(self, batch: list[tuple[int, Chunks]], rows: list[dict[str, NDArray]]) -> None:
        for name, probs in self.batch([recording for _, recording in batch]).items():
            for (index, _), prob in zip(batch, probs, strict=True):
                rows[index][name] = prob

    @torch.inference_mode()
    def batch(self, recordings: Sequence[Chunks]) -> dict[str, NDArray[np.float32]]:
        """``(n_recordings, n_classes)`` by chain, for recordings of the same numbers of chunks."""
        waves = {
            cut: torch.from_numpy(np.concatenate([r[cut] for r in recordings])).to(self.device)
            for cut in self.cuts
        }
        levels: dict[Cut, Tensor] = {}
        results = {}
        for chain in self.chains:
            inputs = waves[chain.cut]
            if chain.transcoder != "self":
                if chain.cut not in levels:
                    levels[chain.cut] = self._split(self.third_octave, inputs)
                inputs = levels[chain.cut]
            log_mels = self._split(chain.model, inputs).unflatten(0, (len(recordings), -1))
            results[chain.name] = self._classify(chain.classifier, log_mels).cpu().numpy()
        return results

    def _classify(self, classifier: Classifier, log_mels: Tensor) -> Tensor:
        """`Classifier.file_probabilities` of several files: ``(files, chunks, frames, 64)``."""
        if classifier.name == "PANN":
            end = classifier.front_end
            return classifier(torch.stack([join_chunks(mels, end) for mels in log_mels]))
        probs = self._split(classifier, log_mels.flatten(0, 1))
        return probs.unflatten(0, log_mels.shape[:2]).mean(dim=1)

    def _split(self, function: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
        return torch.cat([function(part) for part in inputs.split(self.batch_size)])
