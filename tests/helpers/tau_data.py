"""A small TAU-like data set of noise, for tests."""

import hashlib
from pathlib import Path

import numpy as np
import soundfile

from features.splits import FOLD_TABLES
from transcoder.names import TAU_FOLDER

SCENES = ("tram", "park", "street_traffic", "public_square")
CITIES = ("lyon", "prague", "helsinki", "paris", "lisbon", "barcelona")


def clip_name(i: int) -> str:
    return f"audio/{SCENES[i % 4]}-{CITIES[i % 6]}-{i % 5}-{100 + i}-a.wav"


def write_noise(path: Path, seed: int, duration_s: float = 2.0, rate: int = 44_100) -> None:
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, round(duration_s * rate))
    soundfile.write(path, noise, rate, subtype="PCM_24")


def write_tau(folder: Path, n_clips: int, duration_s: float = 2.0) -> Path:
    """Write clips and tables below ``folder``; returns the data set's folder."""
    root = folder / TAU_FOLDER
    (root / "audio").mkdir(parents=True)
    (root / "evaluation_setup").mkdir()
    names = [clip_name(i) for i in range(n_clips)]
    for i, name in enumerate(names):
        write_noise(root / name, i, duration_s)
    half = n_clips // 2
    for path, part in zip(FOLD_TABLES, (names[:half], names[half:]), strict=True):
        lines = ["filename\tscene_label", *(f"{n}\t{n[6:].split('-')[0]}" for n in part)]
        (root / path).write_text("\n".join(lines) + "\n")
    return root


def digests(folder):
    """Of the files in a folder, by name."""
    files = [path for path in folder.iterdir() if path.is_file()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
