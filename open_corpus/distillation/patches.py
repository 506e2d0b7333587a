"""Log-Mel patches of a corpus, at random times and gains, and what the teacher hears in them.

The Mels of whole scenes and the teacher's probabilities are kept in a folder as float16; a patch
is cut out of its scene's Mels when it is needed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from transcoder.audio import prepare, read_audio, to_chunks
from transcoder.classifiers import Classifier
from transcoder.files import atomic_save_array
from transcoder.filters import from_log, to_log
from transcoder.mels import LogMel
from transcoder.settings import YAMNET

PATCHES_PER_SCENE = 10
"""As many as a scene has seconds."""

GAIN_DB = (-24.0, 6.0)
"""Files are peak-normalised before they reach a classifier: most seconds of them are softer."""

_BATCH = 64


@dataclass(frozen=True)
class Patches:
    """Where patches lie: arrays (n,) of the scene, its first frame there, its gain in dB."""

    scene: np.ndarray
    first_frame: np.ndarray
    gain_db: np.ndarray

    def __len__(self) -> int:
        return len(self.scene)

    def __getitem__(self, which) -> "Patches":
        return Patches(self.scene[which], self.first_frame[which], self.gain_db[which])


def draw_patches(n_scenes: int, n_frames: int, seed: int, view: int) -> Patches:
    """`PATCHES_PER_SCENE` random patches of each scene; another view draws others."""
    rng = np.random.default_rng((seed, view))
    n = n_scenes * PATCHES_PER_SCENE
    return Patches(
        np.repeat(np.arange(n_scenes), PATCHES_PER_SCENE),
        rng.integers(n_frames - YAMNET.frames + 1, size=n),
        rng.uniform(*GAIN_DB, size=n),
    )


def cut(mels: np.ndarray, patches: Patches) -> Tensor:
    """The patches' log-Mels ``(n, 96, 64)`` from those of all scenes ``(scenes, frames, 64)``."""
    frames = patches.first_frame[:, None] + np.arange(YAMNET.frames)
    log_mels = torch.from_numpy(mels[patches.scene[:, None], frames]).float()
    gain = torch.from_numpy(10 ** (patches.gain_db / 20)).float().view(-1, 1, 1)
    return to_log(from_log(log_mels, YAMNET) * gain, YAMNET)


def scene_mels(paths: list[Path], cache: Path) -> np.ndarray:
    """Log-Mels of whole scenes of one length: ``(scenes, frames, 64)`` float16."""
    log_mel = LogMel("YamNet", patch=False).float()

    def compute() -> np.ndarray:
        rows = (
            log_mel(torch.from_numpy(_read(path)).unsqueeze(0))[0].half().numpy()
            for path in tqdm(paths, desc="Computing Mels", unit="scene")
        )
        return np.stack(list(rows))

    return _cached(cache, compute)


def chunk_mels(paths: list[Path]) -> Tensor:
    """Log-Mels of each second of the files, as every program computes them: ``(n, 96, 64)``."""
    log_mel = LogMel("YamNet").float()
    chunks = [
        log_mel(torch.from_numpy(to_chunks(_read(path), YAMNET.sample_rate)))
        for path in tqdm(paths, desc="Computing Mels", unit="file")
    ]
    return torch.cat(chunks)


def teacher_probabilities(
    teacher: Classifier, mels: np.ndarray, patches: Patches, cache: Path
) -> np.ndarray:
    """What the teacher hears in each patch: ``(n, 521)`` float16."""

    def compute() -> np.ndarray:
        starts = tqdm(range(0, len(patches), _BATCH), desc="Asking the teacher", unit="batch")
        batches = (cut(mels, patches[start : start + _BATCH]) for start in starts)
        return np.concatenate([teacher.probabilities(b).half().numpy() for b in batches])

    return _cached(cache, compute)


def _read(path: Path) -> np.ndarray:
    return prepare(*read_audio(path), YAMNET.sample_rate)


@torch.no_grad()
def _cached(path: Path, compute: Callable[[], np.ndarray]) -> np.ndarray:
    if not path.exists():
        atomic_save_array(path, compute())
    return np.load(path, mmap_mode="r")
