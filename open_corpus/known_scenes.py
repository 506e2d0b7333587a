"""When each group of classes is heard in a mixture: the layers are known, and how loud each is.

A layer counts as heard in a second if, in some band of some frames, it is not masked: at most 3 dB
below the sum of all other layers there, and within 50 dB of the loudest band of the scene,
A-weighted. The room, the recorder's colour and its level act on all layers alike and are passed
over, as is the recorder's noise.
"""

from collections.abc import Iterator, Mapping, Set

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from archives.acoustics import weighting_db
from archives.networks import choose_selection
from open_corpus.content import content_of
from open_corpus.mixtures import SCENE_S, Mixture, Mixtures
from open_corpus.selection import SAMPLE_RATE
from open_corpus.sound_bank import Sound, SoundBank
from transcoder.audioset import TVB_NAMES, audioset_classes
from transcoder.class_groups import GROUP_TABLES
from transcoder.third_octave import ThirdOctave

_MASKED_DB = -3.0
_DEEPEST_DB = -50.0
_LEAST_FRAMES = 2  # of the 8 in a second


class KnownMixtures(Mixtures):
    """`Mixtures` that remember the layers of the last scene; the scenes are the same."""

    layers: list[tuple[Sound, NDArray]]

    def __getitem__(self, index: int):
        self.layers = []
        return super().__getitem__(index)

    def _layer(self, synth, sound, level_db, *, bed=False):
        spectrum = super()._layer(synth, sound, level_db, bed=bed)
        self.layers.append((sound, spectrum))
        return spectrum


class Listener:
    """Which layers of a scene are heard when."""

    def __init__(self) -> None:
        self._third_octave = ThirdOctave().double()
        self._weights = 10 ** (weighting_db("A") / 10)

    @torch.inference_mode()
    def heard(self, layers: list[tuple[Sound, NDArray]]) -> NDArray[np.bool_]:
        """``(n_layers, SCENE_S)``: whether each layer is heard in each second."""
        power = np.stack([self._power(spectrum) for _, spectrum in layers])
        rest = power.sum(axis=0) - power
        audible = power >= 10 ** (_MASKED_DB / 10) * np.maximum(rest, 0)
        audible &= power >= 10 ** (_DEEPEST_DB / 10) * power.sum(axis=0).max()
        frames = audible.any(axis=3).sum(axis=2)  # bands, then the frames of a second
        return frames >= _LEAST_FRAMES

    def _power(self, spectrum: NDArray) -> NDArray[np.float64]:
        """A-weighted power of a layer ``(SCENE_S, 8, 29)``."""
        n_fft = 2 * (len(spectrum) - 1)
        wave = scipy.fft.irfft(spectrum.astype(np.complex128), n_fft)[: SCENE_S * SAMPLE_RATE]
        levels = self._third_octave(torch.from_numpy(wave.reshape(SCENE_S, -1)))
        return 10 ** (levels.numpy() / 10) * self._weights


def known_scenes(
    bank: SoundBank, n_scenes: int, groups: Mapping[str, Set[str]]
) -> Iterator[tuple[Mixture, NDArray[np.float64]]]:
    """The first ``n_scenes`` of a bank, as validation has them, each with `group_presence`."""
    mixtures, listener = KnownMixtures(bank, 0), Listener()
    for index in tqdm(range(n_scenes), desc="Mixing", unit="scene"):
        scene = mixtures[index]
        yield scene, group_presence(mixtures.layers, listener, groups)


def group_presence(
    layers: list[tuple[Sound, NDArray]], listener: Listener, groups: Mapping[str, Set[str]]
) -> NDArray[np.float64]:
    """``(SCENE_S, n_groups)``: 1 where a layer of the group is heard, NaN where nobody knows.

    ``groups``: AudioSet ids by name.
    """
    heard = listener.heard(layers)
    contents = [content_of(sound) for sound, _ in layers]
    present = np.zeros((SCENE_S, len(groups)))
    for column, (name, mids) in enumerate(groups.items()):
        known = [
            content.holds(mids, is_everyday=name in TVB_NAMES.values()) for content in contents
        ]
        surely = heard[[holds is True for holds in known]].any(axis=0)
        perhaps = heard[[holds is None for holds in known]].any(axis=0)
        present[:, column] = np.where(surely, 1, np.where(perhaps, np.nan, 0))
    return present


def all_groups() -> dict[str, frozenset[str]]:
    """The AudioSet ids of every group that programs know by name."""
    mids = [c.mid for c in audioset_classes("PANN")]
    found = {}
    for table in ("tvb", *GROUP_TABLES):
        selection = choose_selection("PANN", groups=table, top_k=None)
        for name, group in zip(selection.names, selection.groups, strict=True):
            found[name] = frozenset(mids[i] for i in group)
    return found
