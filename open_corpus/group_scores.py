"""How groups told from levels compare with the audio itself and with what is known to be there."""

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from archives.inference import LevelClassifier
from archives.networks import known_groups
from archives.presence_map import PRESENT, Calibration, GroupEstimate
from archives.timeline import Units
from open_corpus.known_scenes import all_groups, known_scenes
from open_corpus.sound_bank import SoundBank
from transcoder.classifiers import Classifier
from transcoder.mels import LogMel
from transcoder.third_octave import ThirdOctave

_AT_ONCE = 64  # scenes


@torch.inference_mode()
def score_groups(
    bank: SoundBank,
    n_scenes: int,
    judge: Classifier,
    classify: LevelClassifier,
    calibration: Calibration,
) -> Iterator[dict[str, object]]:
    """A row of `archives.agreement.COLUMNS` for each group of the calibration.

    Parameters
    ----------
    bank, n_scenes
        What is heard.
    judge
        Hears the true Mels.
    classify, calibration
        The way by levels.
    """
    selection = known_groups(judge.name, tuple(calibration.groups), None)
    estimate = GroupEstimate(calibration, selection, judge.name)
    third_octave, log_mel = ThirdOctave().float(), LogMel(judge.name).float()
    groups = {name: mids for name, mids in all_groups().items() if name in estimate.names}
    scenes = known_scenes(bank, n_scenes, groups)
    found = []
    while some := list(itertools.islice(scenes, _AT_ONCE)):
        levels = [third_octave(torch.from_numpy(scene.at_32k)) for scene, _ in some]
        mels = [
            log_mel(torch.from_numpy(scene.at(judge.front_end.sample_rate))) for scene, _ in some
        ]
        true = judge.probabilities(torch.cat(mels)).numpy()
        heard = classify(_seconds(torch.cat(levels).numpy()))
        known = np.concatenate([presence for _, presence in some])
        found.append((selection.apply(true)[0], selection.apply(heard)[0], estimate(heard), known))
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    order = [list(groups).index(name) for name in estimate.names]
    columns[3] = columns[3][:, order]
    for number, name in enumerate(estimate.names):
        yield {"group": name, **group_row(*(column[:, number] for column in columns))}


def group_row(
    true: NDArray, heard: NDArray, presence: NDArray, known: NDArray
) -> dict[str, object]:
    """Of one group in ``(n,)`` seconds.

    ``true`` and ``heard``: probabilities; ``presence``: by the calibration; ``known``: 1 there, 0
    not, NaN: nobody knows.
    """
    is_known = np.isfinite(known)
    is_there, is_found = known[is_known] == 1, presence[is_known] >= PRESENT
    both = int((is_there & is_found).sum())
    return {
        "seconds": len(true),
        "correlation": _rounded(np.corrcoef(true, heard)[0, 1]),
        "known_seconds": int(is_known.sum()),
        "present": _share(is_there.sum(), is_known.sum()),
        "estimated": _rounded(float(presence[is_known].mean())) if is_known.any() else "",
        "found": _share(both, is_there.sum()),
        "right": _share(both, is_found.sum()),
    }


def _seconds(levels: NDArray) -> Units:
    n = len(levels)
    return Units(
        np.arange(n, dtype=np.float64), levels[:, np.newaxis],
        np.full(n, levels.shape[1]), np.zeros(n, dtype=np.int64),
    )  # fmt: skip


def _share(part: int, whole: int) -> float | str:
    return _rounded(part / whole) if whole else ""


def _rounded(value: float) -> float | str:
    return "" if np.isnan(value) else round(float(value), 3)
