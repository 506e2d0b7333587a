"""Sound to levels, levels to Mels, Mels to sound."""

import os

import numpy as np
import torch
from torch import Tensor

from spectral_transcoder import loading
from transcoder.audio import open_recording
from transcoder.errors import UsageError
from transcoder.files import sound_path
from transcoder.inversion import mels_to_wave
from transcoder.mels import join_chunks
from transcoder.names import CLASS_METHODS, DEFAULT_CLASSIFIER
from transcoder.noise_vocoder import noise_vocoder
from transcoder.settings import THIRD_OCTAVE, MelFrontEnd, front_end

Array = np.ndarray | Tensor
Sound = str | os.PathLike | Array

_SHORTEST_S = THIRD_OCTAVE.hop_length / THIRD_OCTAVE.sample_rate  # a frame of levels


def levels(sound: Sound, sample_rate: int | None = None) -> Array:
    """The third-octave levels that a sensor stores of a sound.

    Parameters
    ----------
    sound
        A sound file (or one of the samples that come along), or samples ``(n,)`` at
        ``sample_rate`` Hz. It is brought to a peak of 1 first, as in training.

    Returns
    -------
    ``(seconds, 8, 29)`` float32 dB: 8 frames a second, bands from 20 Hz to 12.5 kHz. A last
    partial second is completed with silence. A tensor if ``sound`` is one, else an array.

    Raises
    ------
    UserError
        If the file cannot be read, is shorter than a frame, or samples are not finite.

    Examples
    --------
    >>> import spectral_transcoder as st
    >>> st.levels("street_scene.wav").shape
    (10, 8, 29)
    """
    wave, rate = _samples(sound, sample_rate)
    found = loading.transcoder(DEFAULT_CLASSIFIER, "pinv", None).third_octave_of(wave, rate)
    return _like(sound, found)


def true_mels(
    sound: Sound, sample_rate: int | None = None, *, classifier: str = DEFAULT_CLASSIFIER
) -> Array:
    """The Mels that a classifier sees of the sound itself: what `mels` comes near to.

    Arguments and errors are those of `levels`.

    Returns
    -------
    ``(seconds, frames, 64)`` float32: 96 frames and natural logarithms for ``"YamNet"``, 101 frames
    and dB for ``"PANN"``.

    Examples
    --------
    >>> import spectral_transcoder as st
    >>> st.true_mels("street_scene.wav", classifier="PANN").shape
    (10, 101, 64)
    """
    wave, rate = _samples(sound, sample_rate)
    return _like(sound, loading.transcoder(classifier, "pinv", None).true_mels(wave, rate))


def mels(
    levels: Array,
    *,
    classifier: str = DEFAULT_CLASSIFIER,
    method: str = "textured",
    draw: int = 0,
    models: str | os.PathLike | None = None,
) -> Array:
    """Mels for a classifier, from levels.

    Parameters
    ----------
    levels
        ``(seconds, 8, 29)`` or ``(frames, 29)`` dB, as `levels` gives them. Those of a sensor lack
        its offset: add it first (``--auto_offset`` of the program that classifies archives
        measures it).
    classifier, method
        Of `CLASSIFIERS` and `METHODS`; ``"direct"`` has no Mels.
    draw
        Of the noise that ``"texture"`` and ``"textured"`` put in; the same draw gives the same.
    models
        A folder of transcoders; by default what comes along, and what was fetched.

    Returns
    -------
    As `true_mels`; a tensor if ``levels`` is one.

    Raises
    ------
    UserError
        For another shape, levels that are not finite, or a model that is not there.

    Examples
    --------
    >>> import numpy as np
    >>> import spectral_transcoder as st
    >>> st.mels(np.full((3, 8, 29), -40.0)).shape
    (3, 96, 64)
    """
    if method in CLASS_METHODS:
        raise UsageError(f"method {method!r} has no Mels: classes() takes it")
    way = loading.transcoder(classifier, method, models)
    return _like(levels, way.from_third_octave(levels, draw=draw))


def sound(mels: Array, *, classifier: str = DEFAULT_CLASSIFIER, iterations: int = 32) -> Array:
    """The sound of Mels: a spectrogram of the magnitudes behind them, its phase by Griffin-Lim.

    Parameters
    ----------
    mels
        ``(seconds, frames, 64)``, of seconds that follow each other.
    iterations
        Of Griffin-Lim; each makes the phase a little better.

    Returns
    -------
    ``(samples,)`` float32 at 16,000 Hz for ``"YamNet"``, 32,000 Hz for ``"PANN"``, on the level of
    the Mels; a tensor if ``mels`` is one.

    Examples
    --------
    >>> import spectral_transcoder as st
    >>> mels = st.true_mels("street_scene.wav")
    >>> st.sound(mels[:2], iterations=2).shape
    (32000,)
    """
    end = front_end(classifier)
    whole = join_chunks(mels_of_seconds(mels, end), end)
    return _like(mels, mels_to_wave(whole[None], classifier, iterations=iterations)[0])


def noise(levels: Array, *, seed: int = 0) -> Array:
    """Noise that has the levels: what they tell, without any Mels between.

    Returns
    -------
    ``(frames * 4000,)`` float32 at 32,000 Hz, for levels of sound of full scale 1.

    Examples
    --------
    >>> import numpy as np
    >>> import spectral_transcoder as st
    >>> st.noise(np.full((4, 29), -20.0)).shape
    (16000,)
    """
    return _like(levels, noise_vocoder(levels, seed=seed))


def mels_of_seconds(mels: Array, end: MelFrontEnd) -> Tensor:
    """Mels as a tensor; `UsageError` unless they are a front end's seconds."""
    given = torch.as_tensor(mels, dtype=torch.float32)
    shape = (end.frames, end.n_mels)
    if given.ndim != 3 or given.shape[1:] != shape:
        told = ", ".join(map(str, shape))
        raise UsageError(f"Mels are (seconds, {told}), not {tuple(given.shape)}")
    return given


def _samples(given: Sound, sample_rate: int | None) -> tuple[np.ndarray, int]:
    if isinstance(given, str | os.PathLike):
        if sample_rate is not None:
            raise UsageError("a sound file knows its sample rate: give none")
        file = open_recording(sound_path(given))
        return file.waveform, file.sample_rate
    if sample_rate is None:
        raise UsageError("samples take a sample rate, in Hz")
    wave = np.asarray(torch.as_tensor(given).cpu(), dtype=np.float32)
    if wave.ndim != 1 or len(wave) < sample_rate * _SHORTEST_S:
        raise UsageError(f"samples are (n,), of 125 ms at least, not {wave.shape}")
    return wave, sample_rate


def _like(given: object, found: Tensor) -> Array:
    return found if isinstance(given, Tensor) else found.numpy()
