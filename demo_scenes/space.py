"""Where a sound is: air between, walls around, and a path along which it moves."""

import numpy as np
import scipy  # its parts load when they are used

from demo_scenes.signals import Synth, band_gain

SPEED_OF_SOUND_M_PER_S = 343.0
_OCTAVES_HZ = (63, 125, 250, 500, 1000, 2000, 4000, 8000)


def air_gain(freqs_hz: np.ndarray, distance_m: float | np.ndarray) -> np.ndarray:
    """Magnitude that air and ground leave of each frequency after ``distance_m``.

    About 8 dB per 100 m at 4 kHz, growing with f**1.5: between ISO 9613-1 (air alone) and
    what shrubs, corners and turbulence add in a street.
    """
    return 10 ** (-0.08 * distance_m * (freqs_hz / 4000) ** 1.5 / 20)


def at_distance(synth: Synth, wave: np.ndarray, distance_m: float) -> np.ndarray:
    """High frequencies lost on the way; the level is the mixer's business."""
    return synth.filter(wave, lambda f: air_gain(f, distance_m))


def reverberate(synth: Synth, wave: np.ndarray, t60_s: float, wet: float) -> np.ndarray:
    """Add a diffuse tail: noise that decays by 60 dB in ``t60_s``, faster at high frequencies.

    ``wet`` is the energy of the low frequencies' tail relative to that of the direct sound.
    """
    if wet <= 0:
        return wave
    white = synth.standard_normal(synth.n_samples(t60_s))
    low = synth.filter(white, lambda f: band_gain(f, 0, 1500))
    slow = synth.decay(t60_s, t60_s)
    tail = low * slow + (white - low) * slow**2
    tail *= np.sqrt(wet / np.sum(slow**2))
    return wave + scipy.signal.oaconvolve(wave, tail)[: len(wave)]


def pass_by(
    synth: Synth, wave: np.ndarray, *, speed_m_per_s: float, closest_m: float, closest_s: float
) -> np.ndarray:
    """What a listener hears of a source on a straight path: Doppler, 1/r, air.

    Parameters
    ----------
    wave : (n,)
        The source's own sound. It is read between its samples, and mirrored where the path needs
        a little more than is there.
    speed_m_per_s : float
        Below the speed of sound.
    closest_m : float
        Distance at the closest point.
    closest_s : float
        When the source is there (source time); may lie outside the wave.

    Returns
    -------
    (n,) array; gain 1 at 1 m.
    """

    def distance_m(at_s: np.ndarray) -> np.ndarray:
        return np.hypot(speed_m_per_s * (at_s - closest_s), closest_m)

    # Sound emitted at time e arrives at e + r(e)/c, which grows with e: invert it by interpolation.
    emitted_s = np.arange(-2.0, len(wave) / synth.sample_rate + 2.0, 0.002)
    arrival_s = emitted_s + distance_m(emitted_s) / SPEED_OF_SOUND_M_PER_S
    arrival_s -= closest_m / SPEED_OF_SOUND_M_PER_S  # no silent start
    heard_s = np.interp(np.arange(len(wave)) / synth.sample_rate, arrival_s, emitted_s)
    r_m = distance_m(heard_s)

    near = scipy.ndimage.map_coordinates(
        wave, [heard_s * synth.sample_rate], order=3, mode="mirror"
    )
    far_m = float(r_m.max())
    far = at_distance(synth, near, far_m)
    weight = (r_m - closest_m) / max(far_m - closest_m, 1e-9)  # how much of the far filter applies
    return (near * (1 - weight) + far * weight) / np.maximum(r_m, 1.0)


def equalise(synth: Synth, wave: np.ndarray, gains_db: tuple[float, ...]) -> np.ndarray:
    """Apply gains at the eight octaves from 63 Hz to 8 kHz, smooth between; () changes nothing."""
    if not gains_db:
        return wave
    octaves = np.log2(_OCTAVES_HZ)
    return synth.filter(
        wave, lambda f: 10 ** (np.interp(np.log2(np.maximum(f, 1)), octaves, gains_db) / 20)
    )
