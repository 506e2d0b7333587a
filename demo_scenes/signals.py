"""Building blocks of every sound: noises, tones, envelopes, filters, placing in time.

Waveforms are float64 arrays (n,); curves (frequency, gain over time) are arrays of the same
length. Nothing here loops over samples.
"""

from collections.abc import Callable, Sequence

import numpy as np
import scipy  # its parts load when they are used
from numpy.random import Generator

Curve = Sequence[float] | np.ndarray

_TABLE_LENGTH = 8192  # samples of one stored period: finer than any waveform needs


class Synth(Generator):
    """What sounds are made with: NumPy's random generator, at a sample rate.

    Parameters
    ----------
    seed
        As of `numpy.random.default_rng`: a seed, or a generator to go on with.
    sample_rate
        In Hz, of every waveform that goes in or comes out.
    """

    def __init__(self, seed, sample_rate: int) -> None:
        super().__init__(np.random.default_rng(seed).bit_generator)
        self.sample_rate = sample_rate

    def n_samples(self, duration_s: float) -> int:
        """Length of a waveform, at least one sample."""
        return n_samples(self.sample_rate, duration_s)

    def silence(self, duration_s: float) -> np.ndarray:
        """Zeros, (n,): what pieces are added to."""
        return np.zeros(self.n_samples(duration_s))

    def time_axis(self, duration_s: float) -> np.ndarray:
        """Sample times in seconds, (n,)."""
        return np.arange(self.n_samples(duration_s)) / self.sample_rate

    def filter(self, wave: np.ndarray, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Apply the magnitude ``gain(freqs_hz)`` with zero phase, in one Fourier transform."""
        n = scipy.fft.next_fast_len(len(wave), real=True)
        freqs_hz = scipy.fft.rfftfreq(n, 1 / self.sample_rate)
        return scipy.fft.irfft(scipy.fft.rfft(wave, n) * gain(freqs_hz), n)[: len(wave)]

    def noise(
        self,
        duration_s: float,
        low_hz: float = 0.0,
        high_hz: float = np.inf,
        *,
        tilt_db_per_octave: float = 0.0,
        order: int = 2,
    ) -> np.ndarray:
        """Gaussian noise in a band with a spectral tilt (-3 is pink); rms 1.

        The edges of the band have the ``order`` of `band_gain`: 1 for soft ones, as tyres and
        rain have.
        """

        def gain(freqs_hz: np.ndarray) -> np.ndarray:
            band = band_gain(freqs_hz, low_hz, high_hz, order)
            return band * tilt_gain(freqs_hz, tilt_db_per_octave)

        wave = self.filter(self.standard_normal(self.n_samples(duration_s)), gain)
        return wave / (wave.std() + 1e-12)

    def wander(self, duration_s: float, rate_hz: float, low: float, high: float) -> np.ndarray:
        """A curve that moves at random between ``low`` and ``high``, ``rate_hz`` turns a second."""
        n_points = int(np.ceil(duration_s * rate_hz)) + 2
        points = self.uniform(low, high, n_points)
        positions = self.time_axis(duration_s) * rate_hz
        nearest = positions.astype(int)
        weight = 0.5 - 0.5 * np.cos(np.pi * (positions - nearest))
        return points[nearest] * (1 - weight) + points[nearest + 1] * weight

    def phase_cycles(self, frequency_hz: np.ndarray) -> np.ndarray:
        """Phase in cycles of a tone whose frequency follows a curve."""
        return np.cumsum(frequency_hz) / self.sample_rate

    def tone(self, frequency_hz: np.ndarray, amplitudes: Curve = (1.0,)) -> np.ndarray:
        """A harmonic tone along a frequency curve; harmonics above Nyquist are left out."""
        highest = float(np.max(frequency_hz))
        keep = max(1, int(0.48 * self.sample_rate / highest))
        return periodic(self.phase_cycles(frequency_hz), np.asarray(amplitudes)[:keep])

    def decay(self, duration_s: float, t60_s: float) -> np.ndarray:
        """Exponential envelope that falls by 60 dB in ``t60_s``."""
        return 10 ** (-3 * self.time_axis(duration_s) / t60_s)

    def fade(self, wave: np.ndarray, in_s: float = 0.01, out_s: float = 0.01) -> np.ndarray:
        """The wave with raised-cosine ends."""
        wave = wave.copy()
        n_in, n_out = (
            min(len(wave) // 2, round(end_s * self.sample_rate)) for end_s in (in_s, out_s)
        )
        if n_in:
            wave[:n_in] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(n_in) / n_in)
        if n_out:
            wave[-n_out:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(n_out) / n_out)
        return wave

    def add_at(self, out: np.ndarray, piece: np.ndarray, start_s: float) -> None:
        """Add ``piece`` to ``out`` in place from ``start_s`` on; what sticks out is cut."""
        start = round(start_s * self.sample_rate)
        piece = piece[max(0, -start) :]
        start = max(0, start)
        piece = piece[: max(0, len(out) - start)]
        out[start : start + len(piece)] += piece

    def event_times(
        self, duration_s: float, mean_gap_s: float, *, min_gap_s: float = 0.05
    ) -> list[float]:
        """Start times of irregular events; the first comes early, so a short clip has one too."""
        times = [float(self.uniform(0, 0.1 * min(duration_s, mean_gap_s)))]
        while times[-1] < duration_s:
            gap = min_gap_s + float(self.exponential(max(mean_gap_s - min_gap_s, 1e-3)))
            times.append(times[-1] + gap)
        return times[:-1]

    def resonate(self, wave: np.ndarray, modes: Sequence[tuple[float, float, float]]) -> np.ndarray:
        """Parallel two-pole resonators, each (frequency_hz, bandwidth_hz, peak gain)."""
        out = np.zeros_like(wave)
        for frequency_hz, bandwidth_hz, gain in modes:
            if frequency_hz < 0.47 * self.sample_rate:
                quality = frequency_hz / bandwidth_hz
                b, a = scipy.signal.iirpeak(frequency_hz, quality, fs=self.sample_rate)
                out += gain * scipy.signal.lfilter(b, a, wave)
        return out

    def filter_over_time(
        self,
        wave: np.ndarray,
        gain: Callable[[np.ndarray, np.ndarray], np.ndarray],
        *,
        frame_s: float = 0.024,
    ) -> np.ndarray:
        """A filter that changes with time: ``gain(freqs_hz (F, 1), times_s (1, T)) -> (F, T)``."""
        frame = max(16, 2 * round(frame_s * self.sample_rate / 2))
        options = {"fs": self.sample_rate, "nperseg": frame, "noverlap": frame // 2}
        freqs_hz, times_s, spectrogram = scipy.signal.stft(np.pad(wave, (0, frame)), **options)
        spectrogram *= gain(freqs_hz[:, None], times_s[None, :])
        return scipy.signal.istft(spectrogram, **options)[1][: len(wave)]


def n_samples(sample_rate: int, duration_s: float) -> int:
    """Length of a waveform, at least one sample."""
    return max(1, round(sample_rate * duration_s))


def normalise(wave: np.ndarray) -> np.ndarray:
    """Scale to a peak of 1 and remove the mean; silence stays silence."""
    wave = wave - wave.mean()
    peak = np.abs(wave).max()
    return wave / peak if peak > 0 else wave


def band_gain(freqs_hz: np.ndarray, low_hz: float, high_hz: float, order: int = 2) -> np.ndarray:
    """Magnitude of a Butterworth-like band-pass; 0 or infinity leave an end open."""
    with np.errstate(divide="ignore"):
        below = (low_hz / np.maximum(freqs_hz, 1e-3)) ** (2 * order)
        above = (freqs_hz / high_hz) ** (2 * order)
    return 1 / np.sqrt((1 + below) * (1 + above))


def tilt_gain(freqs_hz: np.ndarray, db_per_octave: float, *, from_hz: float = 20) -> np.ndarray:
    """Magnitude of a spectral tilt, 1 at 1 kHz; it stops below ``from_hz``."""
    return 10 ** (db_per_octave * np.log2(np.maximum(freqs_hz, from_hz) / 1000) / 20)


def periodic(cycles: np.ndarray, amplitudes: Curve, phases: np.ndarray | None = None) -> np.ndarray:
    """A periodic wave of harmonics 1, 2, ... at the given phase in cycles.

    One period is computed once and read at every sample, so the number of harmonics costs nothing.
    Keep the highest harmonic below half the sample rate.
    """
    amplitudes = np.asarray(amplitudes, dtype=float)
    phases = np.zeros(len(amplitudes)) if phases is None else phases
    spectrum = np.zeros(_TABLE_LENGTH // 2 + 1, complex)
    spectrum[1 : len(amplitudes) + 1] = -0.5j * amplitudes * np.exp(1j * phases) * _TABLE_LENGTH
    table = scipy.fft.irfft(spectrum, _TABLE_LENGTH)
    position = (cycles % 1.0) * _TABLE_LENGTH
    index = position.astype(int) % _TABLE_LENGTH
    fraction = position - np.floor(position)
    return table[index] * (1 - fraction) + table[(index + 1) % _TABLE_LENGTH] * fraction
