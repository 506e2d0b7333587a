"""Endless mixtures: scene ``index`` of a seed, drawn anew from a bank of sounds whenever asked.

A scene is 4 s of a street with sources over a bed, of single sounds in a quiet place, or of
several that compete. Sounds, cuts, speeds, levels, distances, rooms, the recorder's colour, limits
and noise, and the level are random; the same seed and index always give the same samples. The
layers are filtered and added as spectra: one Fourier transform a layer, and both sample rates
come out of the sum.

Nothing here looks at classes: what is in a scene, the teacher says.
"""

import re
from dataclasses import dataclass

import numpy as np
import scipy.fft

from demo_scenes.scenes import loudest_rms
from demo_scenes.signals import Synth
from demo_scenes.space import air_gain
from open_corpus.selection import SAMPLE_RATE
from open_corpus.sound_bank import SYNTHESISED, Sound, SoundBank
from transcoder.settings import YAMNET

SCENE_S = 4
"""Seconds of a scene: each is a training chunk, and knows its neighbours."""

FORMAT = 2
"""Raised whenever the same seed and index give another scene: blocks and trainings are of one."""

_N = SCENE_S * SAMPLE_RATE
_N_FFT = scipy.fft.next_fast_len(_N + SAMPLE_RATE // 10, real=True)
_N_FFT += _N_FFT % 2  # half of it is the length at 16 kHz
_FREQS_HZ = scipy.fft.rfftfreq(_N_FFT, 1 / SAMPLE_RATE)
_CURVE_HZ = np.geomspace(20, SAMPLE_RATE / 2, 256)  # gains are computed here, then interpolated

_KIND_SHARES = {"environment": 0.55, "speech": 0.12, "music": 0.08, SYNTHESISED: 0.25}
_SCENE_SHARES = {"street": 0.55, "single": 0.28, "mixed": 0.17}

# DEMO's sounds that go on and on, by how often they are part of a street
_BEDS = {
    "busy_road": 7, "distant_road": 6, "traffic_hum": 3, "passing_car": 2, "passing_truck": 2,
    "motorcycle": 1.5, "city_air": 2,
    "crowd_murmur": 2, "rain": 1, "wind": 1.5, "bus_ride": 0.7, "tram_ride": 0.7,
    "train_ride": 0.7, "ventilation": 0.7, "air_conditioner": 0.5, "engine_idling": 1,
    "bird_chorus": 0.7, "children_playing": 0.5,
}  # fmt: skip
_BED_FILE = re.compile(
    r"wind|rain|crowd|ambi|storm|night|day|water|river|wave|sea|forest|tileset|traffic|city|engine"
)
_MIN_BED_S = 3.0
_RECORDED_BED = 0.3
_FULL_BANDWIDTH_HZ = 10_000.0  # a bed with less would teach that streets end at 5 kHz

_SPEED = (0.75, 1.35)  # of half of the sounds: pitch and tempo
_EDGE_S = 0.005
_REPEATED_BELOW_S, _REPEATED = 1.5, 0.5


@dataclass(frozen=True)
class Mixture:
    """A rendered scene at both rates, one second a row, full scale 1."""

    at_32k: np.ndarray  # (4, 32000) float32
    at_16k: np.ndarray  # (4, 16000) float32

    def at(self, sample_rate: int) -> np.ndarray:
        """The seconds at one of the two rates, in Hz."""
        return self.at_32k if sample_rate == SAMPLE_RATE else self.at_16k


class Mixtures:
    """Scenes of one split and seed: ``mixtures[index]`` for any index from 0."""

    def __init__(self, bank: SoundBank, seed: int):
        self._bank = bank
        self._seed = seed
        self._kinds = _by_kind(bank.sounds)
        self._synthesised = self._kinds[SYNTHESISED].get("DEMO", {})
        self._beds = [
            sound
            for sound in bank.sounds
            if sound.kind == "environment"
            and sound.seconds >= _MIN_BED_S
            and sound.bandwidth_hz >= _FULL_BANDWIDTH_HZ
            and _BED_FILE.search(sound.name)
        ]

    def __getitem__(self, index: int) -> Mixture:
        synth = Synth((self._seed, index), SAMPLE_RATE)
        kind = synth.choice(list(_SCENE_SHARES), p=list(_SCENE_SHARES.values()))
        spectrum = getattr(self, f"_{kind}")(synth)
        return _recorded(synth, spectrum)

    def _street(self, synth: Synth) -> np.ndarray:
        spectrum = np.zeros(len(_FREQS_HZ), dtype=np.complex64)
        recorded = self._beds and synth.random() < _RECORDED_BED
        if recorded:
            spectrum += self._layer(synth, self._beds[synth.integers(len(self._beds))], 0, bed=True)
        if not recorded or synth.random() < 0.5:
            weights = np.array(list(_BEDS.values()))
            for name in synth.choice(
                list(_BEDS), size=synth.integers(1, 4), p=weights / weights.sum()
            ):
                takes = self._synthesised[name]
                sound = takes[synth.integers(len(takes))]
                spectrum += self._layer(synth, sound, synth.uniform(-15, 0), bed=True)
        for _ in range(synth.choice(4, p=(0.3, 0.35, 0.25, 0.1))):
            spectrum += self._layer(synth, self._draw(synth), synth.uniform(-20, 10))
        return spectrum

    def _single(self, synth: Synth) -> np.ndarray:
        spectrum = self._layer(synth, self._draw(synth), 0)
        if synth.random() < 0.2:
            spectrum += self._layer(synth, self._draw(synth), synth.uniform(-25, 0))
        return spectrum

    def _mixed(self, synth: Synth) -> np.ndarray:
        layers = [
            self._layer(synth, self._draw(synth), synth.uniform(-15, 0))
            for _ in range(synth.integers(2, 4))
        ]
        return np.sum(layers, axis=0)

    def _draw(self, synth: Synth) -> Sound:
        """A sound: kinds by their shares, large packages more often, takes of a sound less."""
        kinds = [kind for kind in _KIND_SHARES if self._kinds[kind]]
        shares = np.array([_KIND_SHARES[kind] for kind in kinds])
        packages = self._kinds[kinds[synth.choice(len(kinds), p=shares / shares.sum())]]
        weights = np.sqrt([len(groups) for groups in packages.values()])
        groups = list(packages.values())[synth.choice(len(packages), p=weights / weights.sum())]
        takes = list(groups.values())[synth.integers(len(groups))]
        return takes[synth.integers(len(takes))]

    def _layer(self, synth: Synth, sound: Sound, level_db: float, *, bed: bool = False):
        """The spectrum of a sound somewhere in the scene, ``level_db`` at its loudest moment."""
        wave = self._placed(synth, sound, bed)
        loudest = loudest_rms(wave, SAMPLE_RATE)
        if loudest < 1e-6:
            return np.zeros(len(_FREQS_HZ), dtype=np.complex64)
        far = sound.bandwidth_hz < _FULL_BANDWIDTH_HZ
        distance_m = np.exp(synth.uniform(*np.log((20, 80) if far else (1, 80))))
        gain = air_gain(_CURVE_HZ, distance_m)
        if synth.random() < 0.5:
            gain = gain * _colour(synth, 4.0)
        gain = gain * 10 ** (level_db / 20) / loudest
        return scipy.fft.rfft(wave, _N_FFT) * _on_bins(gain)

    def _placed(self, synth: Synth, sound: Sound, bed: bool) -> np.ndarray:
        """``(128000,)`` float32: the sound at random times of the scene."""
        speed = np.exp(synth.uniform(*np.log(_SPEED))) if synth.random() < 0.5 else 1.0
        wanted = min(sound.length, int(_N * speed))
        offset = synth.integers(sound.length - wanted + 1)
        wave = self._bank.wave(sound, int(offset), wanted)
        if speed != 1:
            at = np.arange(0, len(wave) - 1, speed, dtype=np.float32)
            wave = np.interp(at, np.arange(len(wave)), wave).astype(np.float32)
        wave = wave[:_N]
        edge_s = min(_EDGE_S, 0.25 * len(wave) / SAMPLE_RATE)
        wave = synth.fade(wave, edge_s, edge_s).astype(np.float32)
        if bed and len(wave) < _N:
            return np.roll(np.resize(wave, _N), synth.integers(_N))
        out = np.zeros(_N, dtype=np.float32)
        for start in _starts(synth, len(wave)):
            first, last = max(0, start), min(_N, start + len(wave))
            out[first:last] += wave[first - start : last - start]
        return out


def _by_kind(sounds: list[Sound]) -> dict[str, dict[str, dict[str, list[Sound]]]]:
    """Kind -> package -> group -> takes."""
    kinds: dict = {kind: {} for kind in _KIND_SHARES}
    for sound in sounds:
        groups = kinds[sound.kind].setdefault(sound.package, {})
        groups.setdefault(sound.group, []).append(sound)
    return kinds


def _starts(synth: Synth, length: int) -> list[int]:
    """Where a sound begins: once, or again and again; at least half of it lies in the scene."""
    start = int(synth.integers(-length // 2, _N - length // 2 + 1)) if length < _N else 0
    if length > _REPEATED_BELOW_S * SAMPLE_RATE or synth.random() >= _REPEATED:
        return [start]
    gap = length + int(synth.uniform(0.05, 1.5) * SAMPLE_RATE)
    return [begin for begin in range(start % gap - gap, _N, gap) if begin > -length]


def _recorded(synth: Synth, spectrum: np.ndarray) -> Mixture:
    """What a recorder makes of the sum: the room, its colour, limits, noise and level."""
    if synth.random() < 0.4:
        spectrum = spectrum * _room(synth)
    level = np.sqrt(np.mean(np.abs(spectrum) ** 2)) + 1e-9
    if synth.random() < 0.7:
        tilt = np.maximum(_CURVE_HZ / 1000, 0.05) ** synth.uniform(-1, 0.2)
        noise = synth.standard_normal((2, len(spectrum)), dtype=np.float32)
        level_db = synth.uniform(-70, -20)
        tilted = _on_bins(tilt * (level * 10 ** (level_db / 20)))
        spectrum = spectrum + (noise[0] + 1j * noise[1]) * tilted
    gain = np.ones(len(_CURVE_HZ))
    if synth.random() < 0.7:
        gain = gain * _colour(synth, 3.0)
    if synth.random() < 0.3:
        gain = gain / np.sqrt(1 + (synth.uniform(40, 250) / _CURVE_HZ) ** 4)
    if synth.random() < 0.15:
        gain = gain / np.sqrt(1 + (_CURVE_HZ / np.exp(synth.uniform(*np.log((3e3, 14e3))))) ** 8)
    spectrum = (spectrum * _on_bins(gain)).astype(np.complex64)
    spectrum[0] = 0
    # cutting the spectrum is the ideal resampler
    n_half = _N_FFT * YAMNET.sample_rate // SAMPLE_RATE
    at_32k = scipy.fft.irfft(spectrum, _N_FFT)[:_N]
    at_16k = scipy.fft.irfft(spectrum[: n_half // 2 + 1], n_half)[: _N // 2] * 0.5
    factor = 10 ** (synth.uniform(-30, 0) / 20) / max(float(np.abs(at_32k).max()), 1e-9)
    return Mixture(
        (at_32k * factor).reshape(SCENE_S, -1).astype(np.float32),
        (at_16k * factor).reshape(SCENE_S, -1).astype(np.float32),
    )


def _room(synth: Synth) -> np.ndarray:
    """Spectrum of a direct sound with a diffuse tail."""
    t60_s = float(np.exp(synth.uniform(*np.log((0.15, 2.0)))))
    tail = synth.decay(t60_s, t60_s)[: SAMPLE_RATE // 2].astype(np.float32)
    tail *= synth.standard_normal(len(tail), dtype=np.float32)
    tail *= np.sqrt(synth.uniform(0, 0.7) / max(float(np.sum(tail**2)), 1e-9))
    darker = 1 / np.sqrt(1 + (_CURVE_HZ / synth.uniform(1.5e3, 16e3)) ** 2)
    return 1 + scipy.fft.rfft(tail, _N_FFT) * _on_bins(darker)


def _colour(synth: Synth, spread_db: float) -> np.ndarray:
    """Random gains at the octaves from 63 Hz to 8 kHz, on `_CURVE_HZ`."""
    octaves = np.log2((63, 125, 250, 500, 1000, 2000, 4000, 8000))
    return 10 ** (np.interp(np.log2(_CURVE_HZ), octaves, synth.normal(0, spread_db, 8)) / 20)


def _on_bins(gain: np.ndarray) -> np.ndarray:
    """A gain on `_CURVE_HZ` for every bin of a scene's spectrum: float32."""
    return np.interp(_FREQS_HZ, _CURVE_HZ, gain).astype(np.float32)
