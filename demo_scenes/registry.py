"""Every source by name."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from demo_scenes import animals, impacts, indoors, machines, music, roads, vehicles, voices, weather

Source = Callable[[Generator, int, float], np.ndarray]
"""``source(rng, sample_rate, duration_s)`` gives a float64 waveform (n,), peak 1, mean 0."""

SOURCES: dict[str, Source] = {
    function.__name__: function
    for function in (
        vehicles.engine_idling,
        vehicles.passing_car,
        vehicles.passing_truck,
        vehicles.motorcycle,
        vehicles.traffic_hum,
        vehicles.siren,
        vehicles.car_horn,
        vehicles.reversing_beeps,
        voices.speech,
        voices.conversation,
        voices.crowd_murmur,
        voices.children_playing,
        animals.songbird,
        animals.bird_chorus,
        animals.pigeon,
        animals.crow,
        animals.dog_bark,
        impacts.footsteps,
        impacts.hammering,
        impacts.gunshot,
        machines.jackhammer,
        machines.drill,
        machines.circular_saw,
        machines.chainsaw,
        machines.air_conditioner,
        machines.ventilation,
        weather.rain,
        weather.wind,
        weather.city_air,
        music.street_music,
        music.drums,
        indoors.train_ride,
        indoors.tram_ride,
        indoors.bus_ride,
        indoors.announcement,
        indoors.trolley,
        indoors.till_beeps,
        indoors.dishes,
        roads.busy_road,
        roads.distant_road,
    )
}
"""Name to function, for mixers; valid for sample rates from 16 kHz up."""
