"""Recordings to class probabilities: of the true Mels, and behind each transcoder.

A chain is one way from waveform to probabilities. A batch holds recordings of the same length, so
that the results are those of each recording alone.
"""

import collections
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from exp_classif_eval.decoding import Decoded, Waves
from exp_classif_eval.probability_files import METHODS_OF
from transcoder.audio import AudioError, second_weights
from transcoder.checkpoint_choice import find_checkpoint
from transcoder.checkpoints import load_checkpoint, read_settings
from transcoder.classifiers import Classifier, load_classifier
from transcoder.errors import MissingFileError
from transcoder.fingerprint import fingerprint
from transcoder.folding import fold_classifier
from transcoder.hearing import hear_spectrograms, hear_units, weighted_mean
from transcoder.mels import LogMel
from transcoder.names import CLASS_METHODS, PAPER_METHODS, WAYS, trial_of
from transcoder.pinv import Pinv
from transcoder.settings import CHUNK_DURATION_S, THIRD_OCTAVE, front_end
from transcoder.texture import Texture, transcode
from transcoder.third_octave import ThirdOctave

PARTIAL_SECONDS = {
    False: "weighted by its length, left out below half a patch",
    True: "as published",
}
"""What becomes of a last partial second, by ``published_sampling``; noted with the results."""

_CHUNK_SAMPLES = THIRD_OCTAVE.sample_rate * CHUNK_DURATION_S


@dataclass(frozen=True, eq=False)
class Chain:
    """One way from a recording to its class probabilities."""

    transcoder: str  # of METHODS_OF
    classifier: Classifier
    model: nn.Module  # from waveforms ("self") or levels to log-Mels, or to classes ("direct")
    sample_rate: int  # of the waveforms that it starts from
    origin: dict[str, str]  # the weights that it computes with

    @property
    def name(self) -> str:
        """``<classifier>/<transcoder>``."""
        return f"{self.classifier.name}/{self.transcoder}"


def chain_rate(classifier: str, transcoder: str, *, published_sampling: bool = False) -> int:
    """The rate of the waveforms that a chain starts from.

    The published program gave the YAMNet transcoders audio at YAMNet's own rate, in a transform
    made for twice that: all bands lie an octave too high, and a chunk lasts two seconds.
    ``published_sampling`` does so too.
    """
    if transcoder == "self" or published_sampling:
        return front_end(classifier).sample_rate
    return THIRD_OCTAVE.sample_rate


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
        For each weight file that is not there, one line that names the command to get it; and
        for each of our methods with ``published_sampling``, which says nothing of them.
    """
    chains, missing = [], []
    for name in classifiers:
        try:
            classifier = load_classifier(name).to(device)
        except MissingFileError as error:
            missing.append(str(error))
            continue
        teacher = {"teacher": classifier.label, "teacher_weights": fingerprint(classifier)}
        for transcoder in transcoders:
            if published_sampling and METHODS_OF[transcoder] not in (None, *PAPER_METHODS):
                missing.append(f"{transcoder}: has no published sampling")
                continue
            try:
                model, origin = _load_model(classifier, transcoder, models)
            except MissingFileError as error:
                missing.append(str(error))
                continue
            rate = chain_rate(name, transcoder, published_sampling=published_sampling)
            model = model.float().to(device, memory_format=torch.channels_last).eval()
            origin = {**teacher, **origin, "partial_second": PARTIAL_SECONDS[published_sampling]}
            chains.append(Chain(transcoder, classifier, model, rate, origin))
        fold_classifier(classifier)  # only now: checkpoints know the classifier by its weights
    return chains, missing


def _load_model(
    classifier: Classifier, transcoder: str, models: str | os.PathLike
) -> tuple[nn.Module, dict[str, str]]:
    method = METHODS_OF[transcoder]
    if method is None:
        return LogMel(classifier.name, patch=False), {"transcoder": "true Mels"}
    if method == "pinv":
        return Pinv(classifier.name), {"transcoder": WAYS[method]}
    if method == "texture":
        return Texture(classifier.name), {"transcoder": WAYS[method]}
    path = find_checkpoint(models, classifier=classifier.name, method=method, judge=classifier)
    model, _ = load_checkpoint(path, classifier=classifier.name)
    table = read_settings(path)
    training = table.get("settings")
    trial = trial_of(training if isinstance(training, dict) else {}, table.get("epochs"))
    weights = {"checkpoint": path.name, "checkpoint_weights": fingerprint(model), "trial": trial}
    return model, {"transcoder": WAYS[method], **weights}


class Inference:
    """All chains on batches of recordings; third-octave levels are computed once for all.

    Parameters
    ----------
    chains
        On ``device``.
    batch_size
        Seconds that are computed at once; a longer recording is a batch of its own.
    published_sampling
        As the published program: a last partial second of levels is stretched in time to a chunk
        and counts as one; YAMNet's true Mels end with the last whole patch.
    """

    def __init__(
        self,
        chains: Sequence[Chain],
        *,
        device="cpu",
        batch_size: int = 16,
        published_sampling: bool = False,
    ):
        self.chains = list(chains)
        self.rates = list(dict.fromkeys(chain.sample_rate for chain in chains))
        self.device = torch.device(device)
        self.batch_size = batch_size
        self.published_sampling = published_sampling
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
        waiting: dict[tuple, list[tuple[int, Waves]]] = collections.defaultdict(list)
        for index, recording in enumerate(recordings):
            rows.append({})
            errors.append(recording if isinstance(recording, AudioError) else None)
            if errors[-1] is not None:
                continue
            lengths = tuple(recording[rate].size for rate in self.rates)
            waiting[lengths].append((index, recording))
            longest_s = max((n / r for n, r in zip(lengths, self.rates, strict=True)), default=0)
            if longest_s * len(waiting[lengths]) >= self.batch_size:
                self._finish(waiting.pop(lengths), rows)
        for batch in waiting.values():
            self._finish(batch, rows)
        nothing = {c.name: np.full(c.classifier.front_end.n_classes, np.nan) for c in self.chains}
        return {
            name: np.stack([row.get(name, nan) for row in rows]).astype(np.float32)
            for name, nan in nothing.items()
        }, errors

    def _finish(self, batch: list[tuple[int, Waves]], rows: list[dict[str, NDArray]]) -> None:
        for name, probs in self.batch([recording for _, recording in batch]).items():
            for (index, _), prob in zip(batch, probs, strict=True):
                rows[index][name] = prob

    @torch.inference_mode()
    def batch(self, recordings: Sequence[Waves]) -> dict[str, NDArray[np.float32]]:
        """``(n_recordings, n_classes)`` by chain, for recordings of the same numbers of samples."""
        waves = {
            rate: torch.from_numpy(np.stack([r[rate] for r in recordings])).to(self.device)
            for rate in self.rates
        }
        levels: dict[int, list[Tensor]] = {}
        results = {}
        for chain in self.chains:
            rate = chain.sample_rate
            if chain.transcoder == "self":
                probabilities = self._hear(chain, waves[rate])
            else:
                if rate not in levels:
                    levels[rate] = self._levels(waves[rate])
                n_samples = waves[rate].shape[1]
                probabilities = self._hear_levels(chain, levels[rate], n_samples)
            results[chain.name] = probabilities.cpu().numpy()
        return results

    def _hear(self, chain: Chain, waves: Tensor) -> Tensor:
        """Of true Mels, one continuous spectrogram each: ``(files, samples)``."""
        end = chain.classifier.front_end
        weights = None
        if not self.published_sampling:
            weights = second_weights(waves.shape[1], chain.sample_rate)
            waves = _to_whole_seconds(waves, end.samples_per_chunk)
        log_mels = chain.model(waves)
        return hear_spectrograms(chain.classifier, log_mels, weights, batch_size=self.batch_size)

    def _levels(self, waves: Tensor) -> list[Tensor]:
        """Levels of ``(files, samples)``: ``(files, chunks, 8, 29)``.

        As published, those of a last partial second are apart, with fewer frames.
        """
        if not self.published_sampling:
            waves = _to_whole_seconds(waves, _CHUNK_SAMPLES)
        full, remainder = divmod(waves.shape[1], _CHUNK_SAMPLES)
        rest = []
        if remainder:
            # the published transform has no frame that begins in the last 96 samples
            overlap = THIRD_OCTAVE.frame_length - THIRD_OCTAVE.hop_length
            frames = -((overlap - remainder) // THIRD_OCTAVE.hop_length)
            if frames > 0:
                partial = self.third_octave(waves[:, full * _CHUNK_SAMPLES :])
                rest = [partial[:, None, :frames]]
        if not full:
            return rest
        chunks = waves[:, : full * _CHUNK_SAMPLES].reshape(-1, _CHUNK_SAMPLES)
        return [self._split(self.third_octave, chunks).unflatten(0, (-1, full)), *rest]

    def _hear_levels(self, chain: Chain, levels: Sequence[Tensor], n_samples: int) -> Tensor:
        """Of levels ``(files, chunks, frames, 29)``, by way of the chain's model.

        What it tells straight from levels is averaged over the seconds for PANN too.
        """
        answers = self._transcode(chain.model, levels)
        weights = None
        if not self.published_sampling:
            weights = second_weights(n_samples, chain.sample_rate)
        if METHODS_OF[chain.transcoder] in CLASS_METHODS:
            return weighted_mean(answers, weights)
        return hear_units(chain.classifier, answers, weights, batch_size=self.batch_size)

    def _transcode(self, model: nn.Module, levels: Sequence[Tensor]) -> Tensor:
        """What ``model`` makes of each chunk: ``(files, chunks, ...)``."""
        answers, place = [], 0
        for part in levels:
            n_files, n_chunks = part.shape[:2]
            places = torch.arange(place, place + n_chunks).repeat(n_files)
            answer = self._split(functools.partial(transcode, model), part.flatten(0, 1), places)
            answers.append(answer.unflatten(0, (n_files, n_chunks)))
            place += n_chunks
        return torch.cat(answers, dim=1)

    def _split(self, function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        parts = zip(*(tensor.split(self.batch_size) for tensor in inputs), strict=True)
        return torch.cat([function(*part) for part in parts])


def _to_whole_seconds(waves: Tensor, samples_per_second: int) -> Tensor:
    """``(files, samples)`` with silence at the end."""
    return nn.functional.pad(waves, (0, -waves.shape[1] % samples_per_second))
