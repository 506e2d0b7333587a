"""The TAU-like layout: 10-s clips of ten scenes in ten cities, named as the real ones are."""

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from demo_scenes.clips import Clip, ClipSet
from demo_scenes.scenes import TAU_RECIPES, draw
from transcoder.files import csv_text
from transcoder.names import TAU_FOLDER

SCENES = tuple(sorted(TAU_RECIPES))
CITIES = (
    "barcelona", "helsinki", "lisbon", "london", "lyon",
    "milan", "paris", "prague", "stockholm", "vienna",
)  # fmt: skip
_DEFAULT_CLIPS, _MIN_CLIPS = 60, 20
_LAYOUT_ID = 0  # tells the random streams of the three data sets apart
_LOCATIONS = 3  # places per scene; each has several segments, as in the real set
_OTHER_DEVICES = {"b": (-12, -4, 0, 1, 2, 1, -1, -6), "s1": (-6, 0, 2, 0, -2, 1, 3, 0)}
_FIRST_SEGMENT = 1000


def plan(size: float, seed: int) -> ClipSet:
    """The clips, round robin over the scenes, and their label files."""
    n = max(_MIN_CLIPS, round(_DEFAULT_CLIPS * size))
    clips = tuple(_clip(i, seed) for i in range(n))
    # the real split is random over files: every scene in both parts, places in both
    evaluates = [(i // len(SCENES)) % 4 == 1 for i in range(n)]
    return ClipSet(TAU_FOLDER, clips, label_tables([clip.path for clip in clips], evaluates))


def label_tables(paths: Sequence[str], evaluates: Sequence[bool]) -> dict[str, str]:
    """The label files of clips ``audio/<scene>-<city>-<location>-<segment>-<device>.wav``.

    ``evaluates`` says which of them are for evaluation; the others are for training.
    """
    train, evaluate, meta = [], [], []
    for path, is_evaluation in zip(paths, evaluates, strict=True):
        scene, city, location, _, device = PurePosixPath(path).stem.split("-")
        (evaluate if is_evaluation else train).append((path, scene))
        meta.append((path, scene, f"{city}-{location}", device))
    header = ("filename", "scene_label")
    return {
        "evaluation_setup/fold1_train.csv": csv_text(header, train, delimiter="\t"),
        "evaluation_setup/fold1_evaluate.csv": csv_text(header, evaluate, delimiter="\t"),
        "meta.csv": csv_text((*header, "identifier", "source_label"), meta, delimiter="\t"),
    }


def _clip(index: int, seed: int) -> Clip:
    scene_index, turn = index % len(SCENES), index // len(SCENES)
    scene_label = SCENES[scene_index]
    location = scene_index * _LOCATIONS + turn % _LOCATIONS
    city = CITIES[location % len(CITIES)]
    # one clip in ten comes from another phone, the first only after all scenes had their turns
    device = ("b", "s1")[index // 2 % 2] if turn % 5 == 4 and index % 2 == 0 else "a"
    rng = np.random.default_rng((seed, _LAYOUT_ID, index, 0))
    place = np.random.default_rng((seed, _LAYOUT_ID, location, 2))
    tone_db = place.uniform(-5, 5, 8) + np.array(_OTHER_DEVICES.get(device, (0,) * 8))
    return Clip(
        path=f"audio/{scene_label}-{city}-{location}-{_FIRST_SEGMENT + index}-{device}.wav",
        seed=(seed, _LAYOUT_ID, index, 1),
        scene=draw(rng, TAU_RECIPES[scene_label]),
        duration_s=10.0,
        sample_rate=44_100,
        subtype="PCM_24",
        tone_db=tuple(tone_db.tolist()),
    )
