"""The corpus's scenes, drawn and rendered: recorded sources over a bed.

Levels, distances and times are random. A plan holds every random choice except those of the
synthesised sounds; scene ``i`` depends on the seed, on ``i`` and on the sources of its split only.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demo_scenes.scenes import SOURCES, TAU_RECIPES, Layer, Recipe, loudest_rms
from demo_scenes.signals import Synth
from demo_scenes.space import at_distance, equalise, reverberate
from features.clips import CLIP_DURATION_S
from features.files import SPLITS
from features.splits import CITIES
from open_corpus.selection import SAMPLE_RATE, CorpusRecording
from transcoder.audio import read_audio
from transcoder.errors import UserError
from transcoder.files import atomic_path

DURATION_S = CLIP_DURATION_S

LABELS = tuple(sorted(TAU_RECIPES))

# Noise sensors hang at streets, so most scenes are of streets. How much a transcoder gains over
# PINV depends on these shares and on the levels below: reference_models/README.md has figures.
_LABEL_SHARES = dict.fromkeys(LABELS, 0.01) | {
    "street_traffic": 0.6,
    "street_pedestrian": 0.14,
    "public_square": 0.1,
    "park": 0.1,
}

# Each scene's city tells its split (see features.splits); in any 22 scenes that
# follow each other 18 are for training.
_CITY_TURNS = (*CITIES["train"] * 3, *CITIES["valid"], *CITIES["eval"])
_ALL_CITIES = tuple(city for split in SPLITS for city in CITIES[split])

# What the synthesiser adds to a bed: traffic and motors, which are rare in the recordings, and
# weather. Its voices, birds and music stay out: the recordings have real ones.
_BED_VEHICLES = ("passing_car", "passing_truck", "motorcycle", "traffic_hum", "train_ride")
_BED_SIGNALS = ("siren", "car_horn", "reversing_beeps", "jackhammer")
_BED_SOURCES = (*_BED_VEHICLES, *_BED_SIGNALS, "rain", "crowd_murmur")
_RECORDED_BED = 0.3  # probability that a recorded bed comes on top
_BED_FILE = re.compile(r"wind|rain|crowd|ambi|storm|night|day|water|river|wave|sea|forest|tileset")
_MIN_BED_S = 4.0

_N_FOREGROUND = (0.4, 0.3, 0.2, 0.1)  # probability of 1, 2, 3, 4 sources
_KIND_SHARES = {"environment": 0.75, "speech": 0.15, "music": 0.1}
_LEVEL_DB = (-25.0, 3.0)  # loudest quarter of a second, relative to the bed's
_DISTANCE_M = (1.0, 60.0)  # drawn evenly in the logarithm

# A source with less bandwidth would teach that loud sounds end at 5 kHz: it stays far away, where
# air takes the high frequencies anyway, and below the synthesised bed, which has them.
_FULL_BANDWIDTH_HZ = 10_000.0
_FAR_M = (30.0, 80.0)
_FAR_LEVEL_DB = (-25.0, 0.0)

_REPEATED_BELOW_S, _REPEATED = 3.0, 0.6  # steps, barks: short sounds come in series
_LEVEL_DBFS = (-34.0, -16.0)  # rms of a scene
_TONE_DB = (-4.0, 4.0)  # colour of the recorder, per octave

_CROSSFADE_S = 0.5  # where a looped bed begins again
_EDGE_S = 0.005  # where a source is cut
_PEAK = 0.95


@dataclass(frozen=True)
class Recorded:
    """A source placed in a scene."""

    content: str  # see CorpusRecording
    level_db: float
    distance_m: float
    starts_s: tuple[float, ...]  # within the scene; negative: it began before
    offset_s: float = 0.0  # where in the source it begins
    looped: bool = False  # as a bed, over the whole scene


@dataclass(frozen=True)
class ScenePlan:
    """All that is in a scene, before any sample is computed."""

    filename: str  # audio/<label>-<city>-<location>-<segment>-a.wav
    label: str
    split: str
    seed: tuple[int, ...]  # of the synthesised sounds and the reverberation
    synthesised: tuple[Layer, ...]
    recorded: tuple[Recorded, ...]
    reverb_s: float
    wet: float
    level_dbfs: float
    tone_db: tuple[float, ...]


def plan_scenes(sources: list[tuple[CorpusRecording, str]], n: int, seed: int) -> list[ScenePlan]:
    """Draw ``n`` scenes from the sources and their splits.

    Raises
    ------
    UserError
        If a split has no source of environmental sound.
    """
    pools = {
        split: _Pool([source for source, its_split in sources if its_split == split])
        for split in SPLITS
    }
    for split, pool in pools.items():
        if not pool.packages["environment"]:
            raise UserError(f"there is no environmental recording for the split {split}")
    return [_draw_scene(index, seed, pools) for index in range(n)]


class _Pool:
    """The sources of one split, ready to draw from."""

    def __init__(self, sources: list[CorpusRecording]):
        self.packages: dict[str, dict[str, list[CorpusRecording]]] = {
            kind: {} for kind in _KIND_SHARES
        }
        for source in sources:
            self.packages[source.kind].setdefault(source.package, []).append(source)
        self.beds = [
            s
            for s in sources
            if s.kind == "environment"
            and s.seconds >= _MIN_BED_S
            and s.bandwidth_hz >= _FULL_BANDWIDTH_HZ
            and _BED_FILE.search(s.file)
        ]

    def draw(self, synth: Synth) -> CorpusRecording:
        """A source: kinds by their shares, large packages more often, takes of a sound less."""
        kinds = [kind for kind in _KIND_SHARES if self.packages[kind]]
        shares = np.array([_KIND_SHARES[kind] for kind in kinds])
        packages = self.packages[kinds[synth.choice(len(kinds), p=shares / shares.sum())]]
        weights = np.sqrt([sum(s.seconds for s in found) for found in packages.values()])
        names = list(packages)
        found = packages[names[synth.choice(len(names), p=weights / weights.sum())]]
        groups = sorted({source.group for source in found})
        group = groups[synth.integers(len(groups))]
        takes = [source for source in found if source.group == group]
        return takes[synth.integers(len(takes))]


def _draw_scene(index: int, seed: int, pools: dict[str, _Pool]) -> ScenePlan:
    synth = Synth((seed, index, 0), SAMPLE_RATE)
    city = _CITY_TURNS[index % len(_CITY_TURNS)]
    split = next(split for split in SPLITS if city in CITIES[split])
    label = str(synth.choice(LABELS, p=[_LABEL_SHARES[label] for label in LABELS]))
    location = _ALL_CITIES.index(city) * len(LABELS) + LABELS.index(label)
    recipe, pool = TAU_RECIPES[label], pools[split]
    recorded = []
    if synth.random() < _RECORDED_BED and pool.beds:
        recorded.append(_place_bed(synth, pool.beds[synth.integers(len(pool.beds))]))
    for _ in range(1 + synth.choice(4, p=_N_FOREGROUND)):
        recorded.append(_place(synth, pool.draw(synth)))
    return ScenePlan(
        filename=f"audio/{label}-{city}-{location}-{index}-a.wav",
        label=label,
        split=split,
        seed=(seed, index, 1),
        synthesised=_draw_bed(synth, recipe),
        recorded=tuple(recorded),
        reverb_s=float(synth.uniform(*recipe.reverb_s)),
        wet=float(recipe.wet * synth.uniform(0, 1)),  # the recordings have some of their own
        level_dbfs=float(synth.uniform(*_LEVEL_DBFS)),
        tone_db=tuple(synth.uniform(*_TONE_DB, 8).tolist()),
    )


def _draw_bed(synth: Synth, recipe: Recipe) -> tuple[Layer, ...]:
    """The recipe's own bed, with those of its ingredients that belong to a bed."""
    layers = [Layer(name, 0.0, 20.0) for name in recipe.bed]
    for ingredient in recipe.ingredients:
        if ingredient.source in _BED_SOURCES and synth.random() < ingredient.probability:
            level_db = float(synth.uniform(*ingredient.level_db))
            distance_m = float(synth.uniform(*ingredient.distance_m))
            layers.append(Layer(ingredient.source, level_db, distance_m))
    return tuple(layers)


def _place_bed(synth: Synth, source: CorpusRecording) -> Recorded:
    offset_s = synth.uniform(0, max(0.0, source.seconds - DURATION_S))
    return Recorded(source.content, 0.0, 10.0, (0.0,), float(offset_s), looped=True)


def _place(synth: Synth, source: CorpusRecording) -> Recorded:
    if source.bandwidth_hz < _FULL_BANDWIDTH_HZ:
        level_db, distance_m = float(synth.uniform(*_FAR_LEVEL_DB)), float(synth.uniform(*_FAR_M))
    else:
        level_db = float(synth.uniform(*_LEVEL_DB))
        distance_m = float(np.exp(synth.uniform(*np.log(_DISTANCE_M))))
    if source.seconds >= DURATION_S:
        offset_s = float(synth.uniform(0, source.seconds - DURATION_S))
        return Recorded(source.content, level_db, distance_m, (0.0,), offset_s)
    if source.seconds < _REPEATED_BELOW_S and synth.random() < _REPEATED:
        gap_s = (source.seconds + 0.1) * synth.uniform(1.2, 4)
        starts_s = synth.event_times(DURATION_S, gap_s, min_gap_s=source.seconds)
    else:
        half_s = 0.5 * source.seconds  # at least as much of it lies within the scene
        starts_s = [float(synth.uniform(-half_s, DURATION_S - half_s))]
    return Recorded(source.content, level_db, distance_m, tuple(starts_s))


def render_scene(plan: ScenePlan, store: Path) -> np.ndarray:
    """The scene's samples ``(320000,)`` at 32 kHz, within -1 to 1."""
    synth = Synth(plan.seed, SAMPLE_RATE)
    mix = synth.silence(DURATION_S)
    waves = [
        *((layer, SOURCES[layer.source](synth, DURATION_S)) for layer in plan.synthesised),
        *((recorded, _recorded_wave(synth, recorded, store)) for recorded in plan.recorded),
    ]
    for layer, wave in waves:
        wave = at_distance(synth, wave, layer.distance_m)
        mix += wave * 10 ** (layer.level_db / 20) / max(loudest_rms(wave, SAMPLE_RATE), 1e-9)
    mix = reverberate(synth, mix, plan.reverb_s, plan.wet)
    mix = equalise(synth, mix, plan.tone_db)
    mix *= 10 ** (plan.level_dbfs / 20) / mix.std()
    return mix * min(1.0, _PEAK / np.abs(mix).max())


def write_scene(plan: ScenePlan, store: Path, folder: Path) -> None:
    """Write the scene's 16-bit file below ``folder``, unless it is there."""
    import soundfile

    path = folder / plan.filename
    if not path.exists():
        wave = render_scene(plan, store)
        with atomic_path(path) as temporary:
            soundfile.write(temporary, wave, SAMPLE_RATE, subtype="PCM_16")


def _recorded_wave(synth: Synth, recorded: Recorded, store: Path) -> np.ndarray:
    """The source at its times within a scene."""
    path = store / f"{recorded.content}.flac"
    wave, _ = read_audio(path, offset_s=recorded.offset_s, duration_s=DURATION_S)
    out = synth.silence(DURATION_S)
    if recorded.looped:
        wave = synth.fade(wave, _CROSSFADE_S, _CROSSFADE_S)
        turn_s = wave.size / SAMPLE_RATE - _CROSSFADE_S
        # the first turn begins a crossfade early, so that the scene does not fade in
        starts_s = np.arange(-_CROSSFADE_S, DURATION_S, turn_s)
    else:
        wave = synth.fade(wave, _EDGE_S, _EDGE_S)
        starts_s = recorded.starts_s
    for start_s in starts_s:
        synth.add_at(out, wave, start_s)
    return out


def used_sources(
    plans: list[ScenePlan], sources: list[tuple[CorpusRecording, str]]
) -> list[tuple[CorpusRecording, str]]:
    """Those of the sources that come in any of the scenes."""
    used = {recorded.content for plan in plans for recorded in plan.recorded}
    return [(source, split) for source, split in sources if source.content in used]
