"""Make synthetic.npz anew, from formulas alone and in float64: `python make_synthetic.py OUT.npz`.

The file in this folder was written once by the published system, in float32 on one machine. This
script says where its arrays come from, shares no code with the project, and spells out every step
as the published code does. `tests/transcoder/test_goldens.py` holds the two against each
other. Only ``relu_pinv_basis`` cannot be made again: it is the rounding of one machine's float32
pseudo-inverse, which the published checkpoints were trained with; it is taken from the file.
"""

import math
import sys
from pathlib import Path

import librosa
import numpy as np

GOLDEN = Path(__file__).with_name("synthetic.npz")
FRAME, HOP, RATE, BANDS = 4096, 4000, 32_000, 29  # of the third-octave levels
BIN_HZ = RATE / FRAME


def signals(rate: int) -> dict[str, np.ndarray]:
    """One second of each, float32; tones and impulse are counted in samples of 32 kHz.

    So at 16 kHz the tones lie an octave lower, whatever their names say.
    """
    time_s = np.arange(rate) / rate
    time_32k_s = np.arange(rate) / 32_000
    waves = {
        "sine_1k": 0.5 * np.sin(2 * np.pi * 1000 * time_32k_s),
        "sine_100": 0.5 * np.sin(2 * np.pi * 100 * time_32k_s),
        "white": 0.1 * np.random.default_rng(0).standard_normal(rate),
        "impulse": np.eye(1, rate, 8000)[0],
        "silence": np.zeros(rate),
        "sweep": 0.5 * np.sin(2 * np.pi * (50 * time_s + (12_000 - 50) / 2 * time_s**2)),
    }
    return {name: wave.astype(np.float32) for name, wave in waves.items()}


def band_basis() -> np.ndarray:
    """``(29, 2049)`` of 0 and 1; both borders are counted in."""
    basis = np.zeros((BANDS, FRAME // 2 + 1))
    for band in range(BANDS):
        centre_hz = 1000 * 10 ** ((band - 17) / 10)
        first = math.ceil(centre_hz * 10 ** (-1 / 20) / BIN_HZ)
        last = math.ceil(centre_hz * 10 ** (1 / 20) / BIN_HZ)
        basis[band, first : last + 1] = 1
    return basis


def tukey_window() -> np.ndarray:
    """The noise sensor's window, ``(4096,)``."""
    window, rise = np.ones(FRAME), int(0.1 * FRAME)
    for i in range(rise):
        window[i] = 0.5 * (1 + math.cos(2 * math.pi / 0.2 * (i / FRAME - 0.1)))
    for i in range(FRAME - rise, FRAME):
        window[i] = 0.5 * (1 + math.cos(2 * math.pi / 0.2 * (i / FRAME - 1 + 0.1)))
    return window


def third_octave_db(wave: np.ndarray) -> np.ndarray:
    """Levels ``(8, 29)`` of a second at 32 kHz."""
    window, basis = tukey_window(), band_basis()
    correction = 1 / math.sqrt(np.mean(window**2))
    padded = np.append(wave.astype(np.float64), np.zeros(FRAME - HOP))
    levels = np.empty((8, BANDS))
    for frame in range(8):
        power = np.abs(np.fft.rfft(padded[frame * HOP :][:FRAME] * window)) ** 2
        rms = np.sqrt(basis @ power / 2) / (FRAME / 2) * correction
        rms[rms <= 0] = 1e-9
        levels[frame] = 20 * np.log10(rms) + 26
    return levels


def pann_filters(n_fft: int) -> np.ndarray:
    return librosa.filters.mel(
        sr=32_000, n_fft=n_fft, n_mels=64, fmin=50, fmax=14_000, dtype=np.float64
    )


def yamnet_filters(n_fft: int, rate: int) -> np.ndarray:
    return librosa.filters.mel(
        sr=rate, n_fft=n_fft, n_mels=64, fmin=125, fmax=7500, htk=True, norm=None, dtype=np.float64
    )


def pann_log(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, 1e-10))


def yamnet_log(magnitude: np.ndarray) -> np.ndarray:
    return np.log(magnitude + 0.001)


def magnitudes(wave: np.ndarray, n_fft: int, win_length: int, hop: int) -> np.ndarray:
    """``(n_fft // 2 + 1, 101)`` of a centred STFT over a reflected border."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(win_length) / win_length)
    window = np.pad(window, (n_fft - win_length) // 2)
    padded = np.pad(wave.astype(np.float64), n_fft // 2, mode="reflect")
    frames = [padded[start : start + n_fft] for start in range(0, len(wave) + 1, hop)]
    return np.abs(np.fft.rfft(np.stack(frames) * window)).T


def pinv_mels(levels: np.ndarray, inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """PANN's ``(101, 64)`` and YAMNet's ``(96, 64)`` Mels of levels, 2049 bins wide."""
    power = (10 ** ((levels - 26) / 20) * FRAME * math.sqrt(2) / 2) ** 2
    spectrum = inverse @ power.T
    mels = []
    for n_fft, frames in ((1024, 101), (512, 96)):
        scale = (0.5 * (1 + n_fft / 2) / (1 + FRAME / 2)) ** 2
        position = np.clip((np.arange(frames) + 0.5) * 8 / frames - 0.5, 0, 7)
        before = np.minimum(position.astype(int), 6)
        share = position - before
        between = (1 - share) * spectrum[:, before] + share * spectrum[:, before + 1]
        mels.append(scale * between)
    pann = pann_log(pann_filters(FRAME) @ mels[0]).T
    return pann, yamnet_log(yamnet_filters(FRAME, RATE) @ mels[1]).T


def make() -> dict[str, np.ndarray]:
    """All arrays of synthetic.npz by name."""
    with np.load(GOLDEN) as golden:
        inverse = golden["relu_pinv_basis"]
    arrays = {}
    at_16k = signals(16_000)
    for name, wave in signals(32_000).items():
        levels = third_octave_db(wave)
        pann, yamnet = pinv_mels(levels, inverse.astype(np.float64))
        power = magnitudes(wave, 1024, 1024, 320) ** 2
        magnitude = magnitudes(at_16k[name], 512, 400, 160)[:, :96]
        arrays |= {
            f"{name}__wave_32k": wave,
            f"{name}__third_octave_db": levels,
            f"{name}__mel_pann_db": pann_log(pann_filters(1024) @ power).T,
            f"{name}__wave_16k": at_16k[name],
            f"{name}__mel_yamnet_log": yamnet_log(yamnet_filters(512, 16_000) @ magnitude).T,
            f"{name}__pinv_pann_db": pann,
            f"{name}__pinv_yamnet_log": yamnet,
        }
    window = tukey_window()
    return arrays | {
        "third_octave_basis": band_basis().astype(np.uint8),
        "tukey_window": window,
        "energy_correction": np.array(1 / math.sqrt(np.mean(window**2))),
        "relu_pinv_basis": inverse,
    }


if __name__ == "__main__":
    np.savez_compressed(sys.argv[1], **make())
