"""Every source by name; recipes: which make a scene, how loud, how far; and the mixer."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from demo_scenes import animals, impacts, indoors, machines, music, outdoors, vehicles, voices
from demo_scenes.signals import Synth, n_samples
from demo_scenes.space import at_distance, reverberate

Source = Callable[[Synth, float], np.ndarray]
"""``source(synth, duration_s)`` gives a float64 waveform (n,), peak 1, mean 0."""

SOURCES: dict[str, Source] = {function.__name__: function for function in (
    vehicles.engine_idling, vehicles.passing_car, vehicles.passing_truck, vehicles.motorcycle,
    vehicles.traffic_hum, vehicles.siren, vehicles.car_horn, vehicles.reversing_beeps,
    voices.speech, voices.conversation, voices.crowd_murmur, voices.children_playing,
    animals.songbird, animals.bird_chorus, animals.pigeon, animals.crow, animals.dog_bark,
    impacts.footsteps, impacts.hammering, impacts.gunshot, machines.jackhammer, machines.drill,
    machines.circular_saw, machines.chainsaw, machines.air_conditioner, machines.ventilation,
    outdoors.rain, outdoors.wind, outdoors.city_air, music.street_music, music.drums,
    indoors.train_ride, indoors.tram_ride, indoors.bus_ride, indoors.announcement,
    indoors.trolley, indoors.till_beeps, indoors.dishes, outdoors.busy_road,
    outdoors.distant_road,
)}  # fmt: skip
"""Name to function, for mixers; valid for sample rates from 16 kHz up."""

_LEVEL_FRAME_S = 0.25  # a layer's level is that of its loudest quarter of a second


@dataclass(frozen=True)
class Ingredient:
    """A source that a recipe may use, and within which limits."""

    source: str
    level_db: tuple[float, float]  # at its loudest, relative to the bed at its loudest
    distance_m: tuple[float, float] = (3, 30)
    probability: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """A kind of scene."""

    bed: tuple[str, ...]  # sources that are always there, each as loud as the other
    ingredients: tuple[Ingredient, ...]
    reverb_s: tuple[float, float] = (0.3, 0.7)
    wet: float = 0.2  # energy of the reverberation relative to the direct sound


@dataclass(frozen=True)
class Layer:
    """One source of a drawn scene."""

    source: str
    level_db: float
    distance_m: float


@dataclass(frozen=True)
class Scene:
    """What is in a clip: all that its labels can tell."""

    layers: tuple[Layer, ...]
    reverb_s: float = 0.5
    wet: float = 0.2


def draw(rng: Generator, recipe: Recipe) -> Scene:
    """A scene of the recipe's kind, with at least one of its ingredients."""
    chosen = [i for i in recipe.ingredients if rng.random() < i.probability]
    chosen = chosen or [recipe.ingredients[rng.integers(len(recipe.ingredients))]]
    bed = [Layer(source, 0.0, 20.0) for source in recipe.bed]
    foreground = [
        Layer(i.source, float(rng.uniform(*i.level_db)), float(rng.uniform(*i.distance_m)))
        for i in chosen
    ]
    return Scene((*bed, *foreground), float(rng.uniform(*recipe.reverb_s)), recipe.wet)


def render(synth: Synth, scene: Scene, duration_s: float) -> np.ndarray:
    """Mix the scene's layers: (n,), at no particular level."""
    mix = synth.silence(duration_s)
    for layer in scene.layers:
        wave = SOURCES[layer.source](synth, duration_s)
        wave = at_distance(synth, wave, layer.distance_m)
        mix += wave * 10 ** (layer.level_db / 20) / loudest_rms(wave, synth.sample_rate)
    return reverberate(synth, mix, scene.reverb_s, scene.wet)


def loudest_rms(wave: np.ndarray, sample_rate: int) -> float:
    """Root mean square of the loudest quarter of a second."""
    frame = min(len(wave), n_samples(sample_rate, _LEVEL_FRAME_S))
    whole = wave[: len(wave) // frame * frame].reshape(-1, frame)
    return float(np.sqrt(np.max(np.mean(whole**2, axis=1))))


TAU_RECIPES = {
    "airport": Recipe(
        ("ventilation", "crowd_murmur"),
        (
            Ingredient("announcement", (2, 8), (10, 30), 0.6),
            Ingredient("trolley", (0, 6), (2, 10), 0.6),
            Ingredient("footsteps", (-4, 3), (2, 8), 0.4),
            Ingredient("conversation", (5, 11), (1, 5), 0.8),
        ),
        reverb_s=(1.0, 1.6),
        wet=0.3,
    ),
    "bus": Recipe(
        ("bus_ride",),
        (
            Ingredient("conversation", (-8, 0), (1, 5), 0.5),
            Ingredient("till_beeps", (-8, 0), (2, 6), 0.3),
            Ingredient("reversing_beeps", (-14, -6), (10, 30), 0.1),
            Ingredient("passing_car", (-10, -2), (5, 10), 0.4),
        ),
        reverb_s=(0.1, 0.2),
        wet=0.4,
    ),
    "metro": Recipe(
        ("train_ride",),
        (
            Ingredient("announcement", (-2, 5), (1, 4), 0.4),
            Ingredient("conversation", (-8, 0), (1, 5), 0.4),
            Ingredient("till_beeps", (-8, 0), (2, 6), 0.2),
        ),
        reverb_s=(0.15, 0.3),
        wet=0.4,
    ),
    "metro_station": Recipe(
        ("ventilation",),
        (
            Ingredient("train_ride", (8, 16), (5, 20), 0.8),
            Ingredient("announcement", (4, 12), (4, 12), 0.6),
            Ingredient("footsteps", (0, 8), (2, 10), 0.4),
            Ingredient("crowd_murmur", (0, 8), (5, 20), 0.4),
        ),
        reverb_s=(1.2, 2.0),
        wet=0.4,
    ),
    "park": Recipe(
        ("city_air", "wind"),
        (
            Ingredient("bird_chorus", (6, 16), (5, 30), 0.9),
            Ingredient("songbird", (8, 18), (3, 15), 0.7),
            Ingredient("crow", (2, 10), (20, 80), 0.2),
            Ingredient("children_playing", (0, 8), (20, 60), 0.3),
            Ingredient("dog_bark", (3, 12), (10, 50), 0.25),
            Ingredient("footsteps", (0, 8), (1, 5), 0.5),
            Ingredient("conversation", (0, 8), (3, 15), 0.3),
            Ingredient("rain", (3, 8), (1, 3), 0.12),
        ),
    ),
    "public_square": Recipe(
        ("city_air", "crowd_murmur"),
        (
            Ingredient("traffic_hum", (-2, 5), (30, 80), 0.6),
            Ingredient("footsteps", (0, 8), (2, 8), 0.6),
            Ingredient("children_playing", (0, 8), (10, 40), 0.4),
            Ingredient("pigeon", (0, 6), (3, 10), 0.4),
            Ingredient("street_music", (2, 9), (10, 50), 0.2),
            Ingredient("conversation", (5, 11), (1, 6), 0.7),
            Ingredient("dog_bark", (2, 9), (10, 40), 0.15),
        ),
        reverb_s=(0.6, 1.2),
        wet=0.5,
    ),
    "shopping_mall": Recipe(
        ("crowd_murmur", "ventilation"),
        (
            Ingredient("street_music", (-8, 0), (10, 30), 0.2),
            Ingredient("footsteps", (-2, 5), (2, 8), 0.5),
            Ingredient("till_beeps", (-4, 4), (5, 15), 0.3),
            Ingredient("dishes", (0, 6), (5, 15), 0.4),
            Ingredient("children_playing", (-4, 3), (10, 30), 0.3),
            Ingredient("conversation", (6, 12), (1, 5), 0.9),
        ),
        reverb_s=(0.8, 1.4),
        wet=0.3,
    ),
    "street_pedestrian": Recipe(
        ("city_air", "crowd_murmur"),
        (
            Ingredient("footsteps", (0, 8), (1, 6), 0.8),
            Ingredient("conversation", (7, 13), (1, 5), 0.9),
            Ingredient("street_music", (0, 9), (10, 60), 0.1),
            Ingredient("traffic_hum", (-4, 3), (50, 120), 0.4),
            Ingredient("dishes", (-2, 5), (3, 12), 0.25),
            Ingredient("trolley", (0, 6), (2, 8), 0.2),
            Ingredient("hammering", (0, 8), (30, 80), 0.12),
        ),
        reverb_s=(0.5, 1.0),
        wet=0.4,
    ),
    "street_traffic": Recipe(
        ("traffic_hum",),
        (
            Ingredient("passing_car", (4, 14), (3, 10), 0.9),
            Ingredient("passing_car", (2, 10), (5, 15), 0.6),
            Ingredient("passing_truck", (6, 16), (4, 12), 0.4),
            Ingredient("motorcycle", (6, 14), (4, 12), 0.3),
            Ingredient("car_horn", (0, 10), (10, 60), 0.25),
            Ingredient("siren", (0, 10), (50, 200), 0.15),
            Ingredient("reversing_beeps", (-3, 5), (20, 60), 0.1),
            Ingredient("songbird", (-3, 5), (5, 20), 0.2),
            Ingredient("jackhammer", (0, 6), (40, 120), 0.08),
        ),
        reverb_s=(0.4, 0.9),
        wet=0.4,
    ),
    "tram": Recipe(
        ("tram_ride",),
        (
            Ingredient("announcement", (-3, 4), (1, 4), 0.35),
            Ingredient("conversation", (-8, 0), (1, 5), 0.5),
            Ingredient("till_beeps", (-8, 0), (2, 6), 0.3),
        ),
        reverb_s=(0.1, 0.25),
        wet=0.4,
    ),
}
"""The ten scenes of TAU Urban Acoustic Scenes."""
