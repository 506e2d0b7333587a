"""What trainings get of the endless mixtures: blocks without end, and a fixed number of scenes.

A block is chunks of one second: levels, true Mels and what a teacher hears. Block ``i`` is always
the same. It is computed when it is wanted and kept in a folder, so that several trainings share it
and a training that was stopped goes on with what is there.
"""

import contextlib
import copy
import functools
import hashlib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from features.clips import FeatureConfig, extractors
from open_corpus.files import OpenFiles
from open_corpus.mixtures import FORMAT, SCENE_S, Mixtures
from open_corpus.sound_bank import SoundBank, sound_list
from transcoder.classifiers import Classifier
from transcoder.errors import UserError
from transcoder.files import atomic_path, atomic_save_array
from transcoder.fingerprint import fingerprint
from transcoder.folding import fold_classifier
from transcoder.hdf5_files import written_hdf5
from transcoder.mels import LogMel
from transcoder.third_octave import ThirdOctave

BLOCK_SCENES = 64
BLOCK_CHUNKS = BLOCK_SCENES * SCENE_S
"""Chunks of a block: 256 seconds."""


@dataclass(frozen=True, eq=False)
class TrainingBlock:
    """Chunks of one second, four of a scene after each other."""

    levels: np.ndarray  # (256, 8, 29) float32 dB
    mels: np.ndarray | None  # (256, frames, 64) float16 true log-Mels
    targets: np.ndarray  # (256, n_classes) float16 probabilities of the teacher


class Blocks:
    """The blocks of one split for one classifier.

    Parameters
    ----------
    mixtures
        Called once, when the first block has to be computed: a bank need not be there for blocks
        that are.
    mark
        Of the bank and the seed: blocks of others lie in other folders.
    teacher
        Its front end gives the Mels, its probabilities the targets; on the CPU.
    teacher_mark
        The fingerprint of its weights.
    cache
        Folder of the blocks.
    """

    def __init__(
        self,
        mixtures: Callable[[], Mixtures],
        mark: str,
        teacher: Classifier,
        teacher_mark: str,
        cache: Path,
    ):
        self._mixtures = mixtures
        self._drawn: Mixtures | None = None
        self._teacher = teacher
        self._mels_folder = cache / f"{mark}-{teacher.name}"
        self._targets_folder = self._mels_folder / teacher_mark
        self._third_octave, self._log_mel = ThirdOctave().float(), LogMel(teacher.name).float()

    def get(self, number: int, *, mels: bool = True) -> TrainingBlock:
        """Block ``number``; without ``mels`` they are not read where they are not needed."""
        path = self._mels_folder / f"block_{number:06d}.npz"
        if not path.is_file():
            self._compute(number, path)
        targets_path = self._targets_folder / f"block_{number:06d}.npy"
        with _readable(path), np.load(path) as found:
            if not targets_path.is_file():
                self._ask(found["mels"], targets_path)
            levels, true_mels = found["levels"], found["mels"] if mels else None
        with _readable(targets_path):
            return TrainingBlock(levels, true_mels, np.load(targets_path))

    def _ask(self, mels: np.ndarray, path: Path) -> None:
        targets = self._teacher.probabilities(torch.from_numpy(mels).float(), batch_size=32)
        atomic_save_array(path, targets.half().numpy())

    @torch.inference_mode()
    def _compute(self, number: int, path: Path) -> None:
        if self._drawn is None:
            self._drawn = self._mixtures()
        rate = self._teacher.front_end.sample_rate
        levels, mels = [], []
        for i in range(BLOCK_SCENES):
            scene = self._drawn[number * BLOCK_SCENES + i]
            levels.append(self._third_octave(torch.from_numpy(scene.at_32k)).numpy())
            mels.append(self._log_mel(torch.from_numpy(scene.at(rate))).half().numpy())
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, levels=np.concatenate(levels), mels=np.concatenate(mels))


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: damaged ({error}): delete it, it will be made again") from None


def open_blocks(files: OpenFiles, teacher: Classifier) -> tuple[Blocks, str]:
    """The blocks of the train split, and a mark of their bank of sounds."""
    mark = bank_mark(files.bank)
    teacher_mark = fingerprint(teacher.network)
    prepared = fold_classifier(copy.deepcopy(teacher))
    mixtures = functools.partial(_mixtures, files.bank)
    return Blocks(mixtures, f"train-{mark}", prepared, teacher_mark, files.blocks), mark


def bank_mark(bank: Path) -> str:
    """A mark of the train split's sounds and of how they are mixed."""
    listing = sound_list(bank, "train")
    return hashlib.sha256(listing.read_bytes() + bytes([FORMAT])).hexdigest()[:12]


def _mixtures(bank: Path) -> Mixtures:
    return Mixtures(SoundBank(bank, "train"), seed=0)


@torch.inference_mode()
def write_scenes(path: Path, mixtures: Mixtures, n_scenes: int) -> None:
    """Write the first ``n_scenes`` as `features.files` describes, unless there."""
    if path.is_file():
        return
    functions = extractors(FeatureConfig())
    n_rows = n_scenes * SCENE_S
    with written_hdf5(path) as file:
        file.attrs["input_type"] = "third_octave"
        file.attrs["scenes"] = ["mixture"]
        file["scene"] = np.zeros(n_rows, dtype=np.int32)
        file["file_index"] = np.repeat(np.arange(n_scenes, dtype=np.int32), SCENE_S)
        file["file_names"] = [f"mixture_{i}" for i in range(n_scenes)]
        for i in tqdm(range(n_scenes), desc=f"Writing {path.name}", unit="scene"):
            scene = mixtures[i]
            for name, function in functions.items():
                wave = torch.from_numpy(scene.at(function.sample_rate))
                values = function.module(wave).numpy()
                if i == 0:
                    shape = values.shape[1:]
                    file.create_dataset(
                        name, (n_rows, *shape), "float32", chunks=(1, *shape), track_times=False
                    )
                file[name][i * SCENE_S : (i + 1) * SCENE_S] = values
            file.check()
