"""Mels to classes of seconds, of units of seconds and of recordings: the one place that knows how.

PANN was trained on recordings of 10 s: it hears the seconds of a unit as one spectrogram. YAMNet
was trained on patches: it hears each second, and their probabilities are averaged.

Fastest is a classifier that `transcoder.folding.fold_classifier` has prepared, on batches that fit
a CPU's caches.
"""

import numpy as np
import torch
from torch import Tensor

from transcoder.classifiers import Classifier, check_answer
from transcoder.mels import join_chunks, patches
from transcoder.settings import MelFrontEnd


def joins_seconds(classifier: str) -> bool:
    """Whether a classifier hears seconds that follow each other as one spectrogram."""
    return classifier == "PANN"


def hear_units(
    classifier: Classifier,
    mels: Tensor,
    weights: np.ndarray | None = None,
    *,
    batch_size: int | None = None,
) -> Tensor:
    """Probabilities of units: ``(units, seconds, frames, 64)`` -> ``(units, n_classes)``.

    Parameters
    ----------
    mels
        On the classifier's device, where the result is too.
    weights
        `transcoder.audio.second_weights` of each unit, alike for all: PANN's spectrogram ends with
        the sound, YAMNet's average is weighted. By default all seconds count alike.
    batch_size
        Seconds that are heard at once; by default all.
    """
    if weights is not None:
        mels = mels[:, : len(weights)]
    end = classifier.front_end
    if joins_seconds(classifier.name):
        n_frames = None if weights is None else heard_frames(weights, end)
        units = [join_chunks(unit, end)[:n_frames] for unit in mels]
        return classifier(torch.stack(units))
    seconds = mels.flatten(0, 1)
    heard = [classifier(batch) for batch in seconds.split(batch_size or max(len(seconds), 1))]
    return weighted_mean(torch.cat(heard).unflatten(0, mels.shape[:2]), weights)


@torch.no_grad()
def hear_recording(
    classifier: Classifier,
    mels: Tensor,
    *,
    weights: np.ndarray | None = None,
    batch_size: int = 64,
) -> Tensor:
    """Probabilities of one recording: ``(seconds, frames, 64)`` -> ``(n_classes,)`` on the CPU.

    Arguments are those of `hear_units`; the Mels may lie on any device.
    """
    device = next(classifier.parameters()).device
    heard = hear_units(classifier, mels.to(device)[None], weights, batch_size=batch_size)
    return check_answer(heard[0].cpu(), classifier.label)


def hear_spectrograms(
    classifier: Classifier,
    log_mels: Tensor,
    weights: np.ndarray | None = None,
    *,
    batch_size: int | None = None,
) -> Tensor:
    """Probabilities of continuous spectrograms: ``(files, time, 64)`` -> ``(files, n_classes)``.

    As `hear_units`, but no seconds have to be joined. Without ``weights`` PANN hears all frames
    and YAMNet all whole patches.
    """
    end = classifier.front_end
    if joins_seconds(classifier.name):
        n_frames = None if weights is None else heard_frames(weights, end)
        return classifier(log_mels[:, :n_frames])
    per_second = end.samples_per_chunk // end.hop_length
    whole = (log_mels.shape[1] - end.frames) // per_second + 1
    n_patches = whole if weights is None else len(weights)
    return hear_units(classifier, patches(log_mels, end, n_patches), weights, batch_size=batch_size)


def heard_frames(weights: np.ndarray, front_end: MelFrontEnd) -> int:
    """Frames of the joined spectrogram that `transcoder.audio.second_weights` let count."""
    samples = round(float(weights.sum(dtype=np.float64)) * front_end.samples_per_chunk)
    return samples // front_end.hop_length + 1


def weighted_mean(probabilities: Tensor, weights: np.ndarray | None) -> Tensor:
    """The mean over the seconds of ``(..., seconds, n_classes)``; of those that have weights."""
    if weights is None:
        return probabilities.mean(dim=-2)
    shares = torch.from_numpy(weights / weights.sum()).to(probabilities)
    return (probabilities[..., : len(weights), :] * shares[:, None]).sum(dim=-2)
