"""What an exported file says of itself: plain text under plain keys, for whoever opens it."""

import json
from collections.abc import Mapping

from archives.options import MISSING_BAND_DB
from exporting.graph import LevelsToClasses
from transcoder.audioset import audioset_classes
from transcoder.settings import THIRD_OCTAVE

UNIT = (
    "one second: 8 frames of 125 ms (fast), each of 29 third-octave bands from 20 Hz to 12.5 kHz, "
    "unweighted; every second is answered by itself, without its neighbours"
)
LEVELS_TEXT = (
    "dB on the networks' scale: 20 lg of a band's rms, a full-scale signal having 1, plus "
    f"{THIRD_OCTAVE.offset_db:g} dB. A sensor's levels come to it by an offset: add what "
    "classify_third_octave.py --auto_offset prints (it brings the 99th percentile of the 1-s "
    f"broadband levels to 23 dB). No energy is {THIRD_OCTAVE.silence_db:.0f} dB, a band that the "
    f"sensor lacks {MISSING_BAND_DB:g} dB, after the offset; there must be no NaN"
)


def describe(
    graph: LevelsToClasses, classifier: str, method: str, about: Mapping[str, str]
) -> dict:
    """The metadata of an exported graph: keys and texts; lists are JSON.

    ``about`` says which networks they are: see `archives.networks.load_networks`.
    """
    classes = audioset_classes(classifier)
    texts = {
        "title": f"{about['transcoder']}: third-octave levels to the classes of {classifier}",
        "method": method,
        **about,
        "unit": UNIT,
        "levels": LEVELS_TEXT,
        "bands_hz": json.dumps([round(hz, 1) for hz in THIRD_OCTAVE.centres_hz]),
        "silence_db": f"{THIRD_OCTAVE.silence_db:.0f}",
        "inputs": json.dumps(_inputs(graph)),
        "outputs": json.dumps(_outputs(graph)),
        "class_names": json.dumps([c.name for c in classes], ensure_ascii=False),
        "audioset_ids": json.dumps([c.mid for c in classes]),
        "precision": "float32",
    }
    if graph.takes_places:
        texts["noise_s"] = str(graph.model.noise.mels.shape[1])
    return texts


def _inputs(graph: LevelsToClasses) -> dict[str, str]:
    bands = THIRD_OCTAVE
    inputs = {
        "levels": f"float32 (n, {bands.frames_per_chunk}, {bands.n_bands}), dB; n seconds, any n"
    }
    if graph.takes_places:
        inputs["places"] = (
            "int64 (n,), which seconds these are, in whole seconds from any moment: they choose "
            f"the noise of the texture, which comes again after {graph.model.noise.mels.shape[1]} s"
        )
    return inputs


def _outputs(graph: LevelsToClasses) -> dict[str, str]:
    end = graph.front_end
    outputs = {"classes": f"float32 (n, {end.n_classes}), probabilities, in the order of the names"}
    if graph.with_mels:
        unit = "dB" if end.log == "db" else "natural logarithm"
        outputs["mels"] = (
            f"float32 (n, {end.frames}, {end.n_mels}), log-Mels ({unit}), a frame each 10 ms"
        )
    return outputs
