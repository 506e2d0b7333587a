"""Learned weights in 8 bits, by onnxruntime's quantiser.

Two ways, as measured (docs/export.md):

- dynamic, where there are no convolutions (direct): activations get their 8-bit scale anew in each
  call. Nothing has to be shown to it, and it is faster than float.
- static, where a classifier hears Mels: its activations get their scale from levels that are shown
  to it. They have 16 bits: with 8, every fifth second has another top class. The file is a third as
  large and no faster: it is for where room is short.

The signal path (PINV's powers, the noise, logarithms), the paper's CNN, textured's tokens and
depthwise convolutions stay in float: they are small as files, and answers suffer.
"""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporting.graph import quiet
from exporting.onnx_files import float_nodes

_BATCH_S = 25
_SEED = 18
_SCENE_S = 10  # of each of the ten kinds
_MOST_S = 86_400  # of an archive that are looked at
_KEPT_S = 256  # of them, evenly spread


def quantised(model, folder: Path, shown: dict[str, NDArray] | None):
    """The model of `to_onnx` with its learned weights in 8 bits.

    Parameters
    ----------
    folder
        Where the quantiser may write.
    shown
        Inputs by name, for activations of fixed scales; None to find scales in each call.
    """
    import onnx
    from onnxruntime import quantization

    target = folder / "int8.onnx"
    options = {
        "per_channel": True,
        "weight_type": quantization.QuantType.QInt8,
        "op_types_to_quantize": ["Conv", "Gemm", "MatMul"],
        "nodes_to_exclude": float_nodes(model, tokens=shown is None),
    }
    with quiet():
        if shown is None:
            quantization.quantize_dynamic(model, target, **options)
        else:
            quantization.quantize_static(
                model,
                target,
                _Shown(shown),
                activation_type=quantization.QuantType.QUInt16,
                extra_options={"UseQDQContribOps": True},  # of 16 bits, below opset 21
                **options,
            )
    return onnx.load(target)


class _Shown:
    """Batches of inputs, as the quantiser asks for them (its CalibrationDataReader)."""

    def __init__(self, inputs: dict[str, NDArray]):
        n = len(next(iter(inputs.values())))
        self._batches = (
            {name: values[start : start + _BATCH_S] for name, values in inputs.items()}
            for start in range(0, n - n % _BATCH_S or n, _BATCH_S)
        )

    def get_next(self) -> dict[str, NDArray] | None:
        return next(self._batches, None)


def agreement(found: NDArray, wanted: NDArray) -> float:
    """Share of the seconds whose most probable class is the same, of two ``(n, n_classes)``."""
    return float(np.mean(found.argmax(axis=1) == wanted.argmax(axis=1)))


def parts_of(names: Sequence[str], levels: NDArray) -> dict[str, NDArray]:
    """Levels ``(n, 8, 29)`` as inputs by name; they are the first seconds of a recording."""
    inputs = {"levels": levels.astype(np.float32), "places": np.arange(len(levels))}
    return {name: inputs[name] for name in names}


def made_levels() -> NDArray[np.float32]:
    """Levels of DEMO's ten kinds of scene, ``(100, 8, 29)`` dB; the same ones always."""
    from demo_scenes.scenes import TAU_RECIPES, draw, render
    from demo_scenes.signals import Synth
    from transcoder.settings import THIRD_OCTAVE
    from transcoder.transcode import Transcoder

    rate, transcoder = THIRD_OCTAVE.sample_rate, Transcoder("YamNet")
    levels = []
    for number, recipe in enumerate(TAU_RECIPES.values()):
        synth = Synth((_SEED, number), rate)
        wave = render(synth, draw(synth, recipe), _SCENE_S)
        levels.append(transcoder.third_octave_of(wave, rate).numpy())
    return np.concatenate(levels)


def archive_levels(path: Path) -> NDArray[np.float32]:
    """Seconds of an archive on the networks' scale, ``(n, 8, 29)`` dB, at most 256.

    The offset is measured, as by ``classify_third_octave.py --auto_offset``. Of a long archive the
    first day is looked at. Raises `UserError` if there is no full second.
    """
    from archives.levels import LevelScale, archive_units, measure_offset
    from archives.open_archive import open_archive
    from archives.options import ReadOptions
    from archives.timeline import Timeline, in_parts

    read = ReadOptions()
    scale = LevelScale(measure_offset([path], read))
    units = archive_units(open_archive(path, read), Timeline.of(path, read), scale)
    parts = islice(in_parts(units, _KEPT_S), _MOST_S // _KEPT_S)
    levels = np.concatenate([part.levels_db[:, 0] for part in parts])
    return levels[np.unique(np.linspace(0, len(levels) - 1, _KEPT_S).astype(int))]
