"""Third-octave levels straight to sound: white noise, shaped in the waveform by the levels.

No Mel spectrogram and no classifier lies between, and nothing is learned. What the levels do not
say (phase, and all that happens within 125 ms and a third of an octave) is noise.

A second of sound depends on the seed, on the second's place in the recording, on its own levels
and on one frame of levels at either side: recordings of any length are made in constant memory,
and wherever they are cut, the pieces are the same.
"""

import functools
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from transcoder.settings import THIRD_OCTAVE
from transcoder.third_octave import ThirdOctave, band_basis
from transcoder.transcode import level_chunks

_TAPS = 8192  # of the band filters: 256 ms, which tell 8 Hz apart as the sensor's frames do
_FFT_LENGTH = 40_960  # a fast length for a second and the filters' reach
_STEADY_DB = 3.0  # neighbouring frames within this are blended over their whole length
_SHORTEST_FADE = 256  # samples: 8 ms, between frames whose levels are far apart
_GOOD_DB = 0.1  # a second's levels are corrected until they are within this, RMS...
_HEARD_DB = 60.0  # ...as far as they are this far below its loudest level or less...
_MOST_CORRECTIONS = 24  # ...or so often: bands beside a pure tone never get there
_FITTINGS = 10  # within each correction
_EDGE = 200  # samples at a frame's ends over which corrections fade: 6 ms
_MAX_FACTOR = 5.0  # of one correction on the amplitude of a bin


def noise_vocoder(levels_db: np.ndarray | Tensor, *, seed: int = 0) -> Tensor:
    """Sound that has the given third-octave levels: ``(frames * 4000,)`` float32 at 32 kHz.

    Parameters
    ----------
    levels_db
        ``(seconds, 8, 29)`` or ``(frames, 29)`` dB, as `transcoder.third_octave.ThirdOctave` gives
        them for sound of full scale 1. The samples of levels that a sensor calibrated otherwise
        may lie far above 1.
    seed
        Of the noise.

    Raises
    ------
    UsageError
        For another shape, or levels that are not finite.
    """
    levels = torch.as_tensor(levels_db, dtype=torch.float32)
    samples = levels.shape[:-1].numel() * THIRD_OCTAVE.hop_length
    return torch.cat(list(noise_vocoder_seconds(level_chunks(levels), seed=seed)))[:samples]


def noise_vocoder_seconds(
    levels_db: np.ndarray | Tensor, *, seed: int = 0, start: int = 0, stop: int | None = None
) -> Iterator[Tensor]:
    """`noise_vocoder` in constant memory: one second, ``(32000,)``, after the other.

    Parameters
    ----------
    levels_db
        ``(seconds, 8, 29)`` finite dB of the whole recording; a memory map will do, as three
        seconds are read at a time.
    seed
        Of the noise.
    start, stop
        The seconds to make; by default all.
    """
    seconds = len(levels_db)
    shape, correct = _Shape(), _Correction()
    for second in range(start, seconds if stop is None else stop):
        near = np.asarray(levels_db[max(second - 1, 0) : second + 2], dtype=np.float32)
        levels = torch.from_numpy(near).flatten(0, 1)
        silence = levels.new_full((1, THIRD_OCTAVE.n_bands), THIRD_OCTAVE.silence_db)
        first = min(second, 1) * THIRD_OCTAVE.frames_per_chunk
        levels = torch.cat((silence, levels, silence))
        levels = levels[first : first + THIRD_OCTAVE.frames_per_chunk + 2]
        yield correct(shape(band_noise(seed, second), levels), levels[1:-1])


def band_edges() -> np.ndarray:
    """Edges of the noise bands in Hz, ``(30,)``: the middles of the bins that neighbours share."""
    members = [np.flatnonzero(row) for row in band_basis()]
    edges = [members[0][0] - 0.5, *(bins[-1] for bins in members)]
    return np.array(edges) * THIRD_OCTAVE.bin_width_hz


def band_noise(seed: int, second: int) -> Tensor:
    """White noise of variance 1, split into the 29 bands: ``(29, 32000)``."""
    rate, reach = THIRD_OCTAVE.sample_rate, _TAPS // 2
    before, here, after = (_white(seed, s) for s in (second - 1, second, second + 1))
    around = torch.cat((before[-reach:], here, after[:reach]))
    spectrum = torch.fft.rfft(around, _FFT_LENGTH)
    return torch.fft.irfft(_band_filters() * spectrum)[:, reach : reach + rate]


@functools.lru_cache(maxsize=4)  # the seconds around the one that is made
def _white(seed: int, second: int) -> Tensor:
    entropy = (seed % 2**64, second % 2**32)  # there is a second ahead of the first
    noise = np.random.default_rng(entropy).standard_normal(THIRD_OCTAVE.sample_rate, np.float32)
    return torch.from_numpy(noise)


@functools.cache
def _band_filters() -> Tensor:
    """Zero-phase responses of the noise bands' filters: ``(29, _FFT_LENGTH // 2 + 1)`` float32.

    Windowed sinc functions; between the first edge and the last they add up to 1.
    """
    delay = _TAPS // 2 - 1
    time_s = np.arange(-delay, delay + 1) / THIRD_OCTAVE.sample_rate
    cutoffs = band_edges()[:, None]
    low_pass = 2 * cutoffs * np.sinc(2 * cutoffs * time_s) / THIRD_OCTAVE.sample_rate
    taps = np.diff(low_pass, axis=0) * np.hanning(time_s.size + 2)[1:-1]
    centred = np.roll(np.pad(taps, ((0, 0), (0, _FFT_LENGTH - time_s.size))), -delay, axis=1)
    return torch.from_numpy(np.fft.rfft(centred).real.astype(np.float32))


class _Shape:
    """Band noises to a sound that has the levels on average."""

    def __init__(self):
        width_hz = torch.from_numpy(np.diff(band_edges()))
        # white noise of variance 1 has frame_length * mean(window**2) of power in each bin, of
        # which the level's scaling leaves 2 / frame_length of mean square
        bins = width_hz / THIRD_OCTAVE.bin_width_hz
        self.unit_db = (10 * torch.log10(2 * bins / THIRD_OCTAVE.frame_length)).float()
        self.unit_db += THIRD_OCTAVE.offset_db
        # a fade that is much faster than its band is wide would be heard outside of the band
        self.half = THIRD_OCTAVE.hop_length // 2
        shortest = (THIRD_OCTAVE.sample_rate / width_hz).clamp(min=_SHORTEST_FADE) / 2
        self.shortest = shortest.float().view(-1, 1, 1, 1)
        rising = torch.arange(self.half) + 0.5
        self.from_border = torch.stack((rising, rising.flip(0)))  # in both halves of a frame

    def __call__(self, noise: Tensor, levels_db: Tensor) -> Tensor:
        """``(29, 32000)`` and ``(1 + 8 + 1, 29)`` dB -> ``(32000,)``.

        Around the border of two frames their gains blend into each other: slowly where the
        levels are steady, so that a steady sound stays so; where they are not, quickly and within
        the louder frame, which would otherwise be heard in the softer one ahead of its onset.
        """
        gain = 10 ** ((levels_db - self.unit_db) / 20)
        gain = gain.where(levels_db > THIRD_OCTAVE.silence_db, 0.0).T
        own, other = gain[:, 1:-1, None], _neighbours(gain)
        step_db = (levels_db.T[:, 1:-1, None] - _neighbours(levels_db.T)).unsqueeze(-1)
        steadiness = _STEADY_DB / step_db.abs().clamp(min=_STEADY_DB)
        into_louder = (1 - steadiness) * step_db.sign()
        half_fade = (self.half * steadiness).maximum(self.shortest)
        half_fade = half_fade.minimum(self.half / (1 + into_louder.abs()))

        place = (self.from_border / half_fade - into_louder).clamp(-1, 1)
        share = (1 - place).square() * (2 + place) / 4  # of the neighbour: from 1 to 0
        gains = own.unsqueeze(-1) + share * (other - own).unsqueeze(-1)
        return (noise.view(gains.shape) * gains).sum(dim=0).flatten()


def _neighbours(values: Tensor) -> Tensor:
    """``(29, 1 + 8 + 1)`` -> ``(29, 8, 2)``: those of the frames before and after."""
    return torch.stack((values[:, :-2], values[:, 2:]), dim=-1)


class _Correction:
    """Gives each frame exactly the levels that it is to have, by scaling the bins of its spectrum.

    Chance, bands that share bins and the window's leakage move a narrow band's level by several
    dB. Frames hardly overlap, so each can be corrected on its own; as the correction fades at
    the frame's ends, it takes a few rounds.
    """

    def __init__(self):
        analysis = ThirdOctave()
        self.window = analysis.window.float()
        # bins that belong to the same bands share a factor: 57 groups, and the bins in no band
        members, group_of_bin = np.unique(band_basis().T, axis=0, return_inverse=True)
        self.groups = torch.from_numpy(np.eye(len(members), dtype=np.float32)[group_of_bin.ravel()])
        self.members = torch.from_numpy(members.astype(np.float32))
        self.per_band = self.members.T / self.members.sum(dim=1).clamp(min=1)
        rise = torch.sin(torch.arange(1, _EDGE + 1) / (_EDGE + 1) * torch.pi / 2).square()
        flat = torch.ones(THIRD_OCTAVE.hop_length - 2 * _EDGE)
        self.fade = torch.cat((rise, flat, rise.flip(0))) / self.window.max()

    def __call__(self, wave: Tensor, levels_db: Tensor) -> Tensor:
        """``(32000,)`` and ``(8, 29)`` dB -> ``(32000,)``."""
        hop, length = THIRD_OCTAVE.hop_length, THIRD_OCTAVE.frame_length
        target = 10 ** ((levels_db - THIRD_OCTAVE.offset_db) / 10)
        heard = levels_db > levels_db.max() - _HEARD_DB
        for _ in range(_MOST_CORRECTIONS):
            frames = torch.nn.functional.pad(wave, (0, length - hop)).unfold(0, length, hop)
            spectrum = torch.fft.rfft(frames * self.window)
            power = (spectrum.real.square() + spectrum.imag.square()) @ self.groups
            error_db = 10 * torch.log10(power @ self.members / target)[heard]
            if error_db.square().mean() < _GOOD_DB**2:
                break
            factor = self._factors(power, target) @ self.groups.T
            change = torch.fft.irfft(spectrum * (factor - 1))[:, :hop]
            wave = wave + (change * self.fade).flatten()
        return wave

    def _factors(self, power: Tensor, target: Tensor) -> Tensor:
        """What gives groups of bins the levels: ``(8, groups)``, ``(8, 29)`` -> ``(8, groups)``.

        By iterative proportional fitting: as real levels come from real spectra, such factors
        exist.
        """
        tiny = THIRD_OCTAVE.rms_floor**2
        fitted = power
        for _ in range(_FITTINGS):
            ratio = (target + tiny) / (fitted @ self.members + tiny)
            fitted = fitted * (ratio.log() @ self.per_band).exp()
        return (fitted / (power + tiny * tiny)).sqrt().clamp(max=_MAX_FACTOR)
