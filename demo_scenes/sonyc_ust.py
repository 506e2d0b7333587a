"""The SONYC-UST-like layout: 10-s clips of street sensors with the votes of several annotators."""

import numpy as np
from numpy.random import Generator

from demo_scenes.clips import Clip, ClipSet
from demo_scenes.scenes import Layer, Scene
from transcoder.files import csv_text

FOLDER = "SONYC-UST"
TAXONOMY: dict[str, dict[str, str | None]] = {
    "1_engine": {
        "1-1_small-sounding-engine": "motorcycle",
        "1-2_medium-sounding-engine": "passing_car",
        "1-3_large-sounding-engine": "passing_truck",
        "1-X_engine-of-uncertain-size": "engine_idling",
    },
    "2_machinery-impact": {
        "2-1_rock-drill": "drill",
        "2-2_jackhammer": "jackhammer",
        "2-3_hoe-ram": None,
        "2-4_pile-driver": None,
        "2-X_other-unknown-impact-machinery": None,
    },
    "3_non-machinery-impact": {"3-1_non-machinery-impact": "hammering"},
    "4_powered-saw": {
        "4-1_chainsaw": "chainsaw",
        "4-2_small-medium-rotating-saw": "circular_saw",
        "4-3_large-rotating-saw": None,
        "4-X_other-unknown-powered-saw": None,
    },
    "5_alert-signal": {
        "5-1_car-horn": "car_horn",
        "5-2_car-alarm": None,
        "5-3_siren": "siren",
        "5-4_reverse-beeper": "reversing_beeps",
        "5-X_other-unknown-alert-signal": None,
    },
    "6_music": {
        "6-1_stationary-music": "street_music",
        "6-2_mobile-music": None,
        "6-3_ice-cream-truck": None,
        "6-X_music-from-uncertain-source": "drums",
    },
    "7_human-voice": {
        "7-1_person-or-small-group-talking": "conversation",
        "7-2_person-or-small-group-shouting": "children_playing",
        "7-3_large-crowd": "crowd_murmur",
        "7-4_amplified-speech": "announcement",
        "7-X_other-unknown-human-voice": None,
    },
    "8_dog": {"8-1_dog-barking-whining": "dog_bark"},
}
"""Coarse class to fine class to the source that makes it (None: no clip of the demo has it)."""

_COARSE = tuple(TAXONOMY)
_FINE = {fine: coarse for coarse, members in TAXONOMY.items() for fine in members}
_SPLIT_OF_ROUND = ("train", "test", "validate", "train", "test")  # a round has each class once
_DEFAULT_CLIPS, _MIN_CLIPS = 40, 24
_LAYOUT_ID = 2
_SENSORS = 6
_NEAR_M = 20.0
_PLACE = ("borough", "block", "latitude", "longitude", "year", "week", "day", "hour")
_HEADER = (
    "split", "sensor_id", "audio_filename", "annotator_id", *_PLACE,
    *(f"{fine}_presence" for fine in _FINE),
    *(f"{fine}_proximity" for fine in _FINE),
    *(f"{coarse}_presence" for coarse in _COARSE),
)  # fmt: skip


def plan(size: float, seed: int) -> ClipSet:
    """The clips, and one row of the table for each annotator of each clip."""
    n = max(_MIN_CLIPS, round(_DEFAULT_CLIPS * size))
    clips, rows = [], []
    for index in range(n):
        rng = np.random.default_rng((seed, _LAYOUT_ID, index, 0))
        present = _present(rng, index)
        clip = _clip(rng, index, seed, present)
        clips.append(clip)
        rows += _clip_rows(rng, index, clip, present)
    return ClipSet(FOLDER, tuple(clips), {"annotations.csv": csv_text(_HEADER, rows)})


def _present(rng: Generator, index: int) -> dict[str, str]:
    """Fine class to source, one for each coarse class present: one to three of these."""
    must = index % len(_COARSE)
    others = rng.permutation([i for i in range(len(_COARSE)) if i != must])
    present = {}
    for i in (must, *others[: rng.integers(0, 3)]):
        made = [(fine, source) for fine, source in TAXONOMY[_COARSE[i]].items() if source]
        fine, source = made[rng.integers(len(made))]
        present[fine] = source
    return present


def _clip(rng: Generator, index: int, seed: int, present: dict[str, str]) -> Clip:
    layers = [Layer("city_air", 0.0, 50.0)]
    for source in present.values():
        layers.append(Layer(source, float(rng.uniform(8, 18)), float(rng.uniform(5, 60))))
    return Clip(
        path=f"audio/{index % _SENSORS:02d}_{index:06d}.wav",
        seed=(seed, _LAYOUT_ID, index, 1),
        scene=Scene(tuple(layers), float(rng.uniform(0.4, 0.9)), float(rng.uniform(0.1, 0.5))),
        duration_s=10.0,
        sample_rate=48_000,
        subtype="PCM_16",
    )


def _clip_rows(rng: Generator, index: int, clip: Clip, present: dict[str, str]) -> list[list]:
    split = _SPLIT_OF_ROUND[index // len(_COARSE) % len(_SPLIT_OF_ROUND)]
    near = {layer.source: layer.distance_m < _NEAR_M for layer in clip.scene.layers}
    truth = {fine: int(fine in present) for fine in _FINE}
    proximity = {fine: "near" if near[source] else "far" for fine, source in present.items()}
    sensor = index % _SENSORS
    place = (sensor % 3 + 1, 100 + sensor, f"{40.7 + sensor / 100:.4f}", f"{-73.9:.4f}",
             2017 + index % 3, int(rng.integers(1, 53)), int(rng.integers(7)),
             int(rng.integers(24)))  # fmt: skip
    start = [split, sensor, clip.path.split("/")[-1]]

    volunteers = [int(i) for i in 1 + rng.choice(40, size=3, replace=False)]
    votes = _votes(rng, truth, index)
    annotators = list(zip(volunteers, votes, strict=True))
    if split == "test":
        # the agreed truth, and a member of the team who had a part in it
        annotators = [(0, truth), (-int(rng.integers(1, 5)), truth), *annotators]
    return [
        [
            *start, annotator, *place,
            *vote.values(),
            *(proximity.get(f, "notsure") if vote[f] == 1 else "-1" for f in _FINE),
            *(_coarse(vote, coarse) for coarse in _COARSE),
        ]
        for annotator, vote in annotators
    ]  # fmt: skip


def _votes(rng: Generator, truth: dict[str, int], index: int) -> list[dict[str, int]]:
    """Three volunteers, of whom at most one errs or abstains on a class: the majority is true.

    Now and then nobody labels a class that is absent: -1 from all, as in the real table.
    """
    votes = [dict(truth) for _ in range(3)]
    for members in TAXONOMY.values():
        chance = rng.random()
        odd_one = votes[rng.integers(3)]
        if chance < 0.06:  # misses the class, or hears one that is not there
            present = any(truth[fine] for fine in members)
            odd_one.update(dict.fromkeys(members, 0))
            if not present:
                odd_one[next(iter(members))] = 1
        elif chance < 0.12:
            odd_one.update(dict.fromkeys(members, -1))
    absent = [c for c, members in TAXONOMY.items() if not any(truth[fine] for fine in members)]
    if index % 7 == 3:
        for vote in votes:
            vote.update(dict.fromkeys(TAXONOMY[absent[index % len(absent)]], -1))
    return votes


def _coarse(vote: dict[str, int], coarse: str) -> int:
    """1 if any of its fine classes was heard, -1 if none was labelled."""
    return max(vote[fine] for fine in TAXONOMY[coarse])
