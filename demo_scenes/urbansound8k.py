"""The UrbanSound8K-like layout: short clips of ten classes in ten folds, in every file format."""

import numpy as np

from demo_scenes.clips import Clip, ClipSet
from demo_scenes.scenes import Layer, Scene
from demo_scenes.signals import n_samples
from transcoder.files import csv_text

FOLDER = "URBAN-SOUND-8K"
CLASS_SOURCES = {
    "air_conditioner": ("air_conditioner",),
    "car_horn": ("car_horn",),
    "children_playing": ("children_playing",),
    "dog_bark": ("dog_bark",),
    "drilling": ("drill",),
    "engine_idling": ("engine_idling",),
    "gun_shot": ("gunshot",),
    "jackhammer": ("jackhammer",),
    "siren": ("siren",),
    "street_music": ("street_music", "drums"),
}
"""The classes in the order of their numbers, and what they are made of."""

_N_FOLDS = 10
_CLIPS_PER_CLASS, _MIN_CLIPS_PER_CLASS = 10, 3
_LAYOUT_ID = 1
_LONGEST_S = 4.0
_FORMATS = (  # sample rate, sample format, channels: the spread of the real set
    (44_100, "PCM_16", 2),
    (48_000, "PCM_16", 2),
    (44_100, "PCM_24", 2),
    (96_000, "PCM_24", 2),
    (22_050, "PCM_16", 1),
    (48_000, "FLOAT", 1),
    (16_000, "PCM_16", 1),
    (11_025, "PCM_U8", 1),
    (8_000, "PCM_16", 1),
)
_HEADER = ("slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class")
_BACKGROUNDS = ("city_air", "wind", "ventilation")


def plan(size: float, seed: int) -> ClipSet:
    """The same number of clips for each class, spread over the folds."""
    turns = max(_MIN_CLIPS_PER_CLASS, round(_CLIPS_PER_CLASS * size))
    planned = [
        _clip(class_id, turn, seed)
        for turn in range(turns)
        for class_id in range(len(CLASS_SOURCES))
    ]
    original = [row for _, row in planned]
    true = [
        (*row, f"{n_samples(clip.sample_rate, clip.duration_s) / clip.sample_rate:.6f}")
        for clip, row in planned
    ]
    return ClipSet(
        FOLDER,
        tuple(clip for clip, _ in planned),
        {
            "metadata/UrbanSound8K.csv": csv_text(_HEADER, original),
            "metadata/UrbanSound8K_recalculated.csv": csv_text((*_HEADER, "duration"), true),
        },
    )


def _clip(class_id: int, turn: int, seed: int) -> tuple[Clip, tuple]:
    """The clip and its row of the table."""
    index = turn * len(CLASS_SOURCES) + class_id
    rng = np.random.default_rng((seed, _LAYOUT_ID, index, 0))
    name = list(CLASS_SOURCES)[class_id]
    salience = 1 if rng.random() < 0.65 else 2  # 1 foreground, 2 background
    level_db = rng.uniform(12, 25) if salience == 1 else rng.uniform(3, 9)
    scene = Scene(
        layers=(
            Layer(str(rng.choice(_BACKGROUNDS)), 0.0, 20.0),
            Layer(str(rng.choice(CLASS_SOURCES[name])), float(level_db), 5.0 * salience**2),
        ),
        reverb_s=float(rng.uniform(0.2, 0.9)),
        wet=float(rng.uniform(0.05, 0.6)),
    )
    sample_rate, subtype, channels = _FORMATS[(class_id + 2 * turn) % len(_FORMATS)]
    duration_s = _duration_s(rng, (class_id + 3 * turn) % 10)
    # One recording (fsID) lies in one fold only: each clip has a recording of its own.
    fs_id, fold = 100_000 + index, (class_id + turn) % _N_FOLDS + 1
    occurrence, slice_number = int(rng.integers(0, 3)), int(rng.integers(0, 20))
    file_name = f"{fs_id}-{class_id}-{occurrence}-{slice_number}.wav"
    start_s = rng.uniform(0, 60)
    # The published times do not always fit the files: some say 4 s where less is there.
    nominal_s = _LONGEST_S if rng.random() < 0.1 else duration_s
    times = (f"{start_s:.6f}", f"{start_s + nominal_s:.6f}")
    clip = Clip(
        path=f"audio/{file_name}",
        seed=(seed, _LAYOUT_ID, index, 1),
        scene=scene,
        duration_s=duration_s,
        sample_rate=sample_rate,
        subtype=subtype,
        channels=channels,
        rendered_s=_LONGEST_S,
    )
    return clip, (file_name, fs_id, *times, salience, fold, class_id, name)


def _duration_s(rng: np.random.Generator, kind: int) -> float:
    """One clip in ten is under a second, three are between, the others have the full 4 s."""
    if kind == 0:
        return float(rng.uniform(0.15, 0.95))
    if kind <= 3:
        return float(rng.uniform(1.0, _LONGEST_S))
    return _LONGEST_S
