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

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporting.onnx_files import float_nodes
from exporting.quiet import quiet

_BATCH_S = 25


def is_dynamic(graph) -> bool:
    """Whether an `exporting.graph.LevelsToClasses` is quantised without being shown levels."""
    return graph.classifier is None


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
        self._batches = self._parts(inputs)

    def get_next(self) -> dict[str, NDArray] | None:
        return next(self._batches, None)

    @staticmethod
    def _parts(inputs: dict[str, NDArray]) -> Iterator[dict[str, NDArray]]:
        n = len(next(iter(inputs.values())))
        for start in range(0, n - n % _BATCH_S or n, _BATCH_S):
            yield {name: values[start : start + _BATCH_S] for name, values in inputs.items()}


def agreement(found: NDArray, wanted: NDArray) -> float:
    """Share of the seconds whose most probable class is the same, of two ``(n, n_classes)``."""
    return float(np.mean(found.argmax(axis=1) == wanted.argmax(axis=1)))


def parts_of(names: Sequence[str], levels: NDArray) -> dict[str, NDArray]:
    """Levels ``(n, 8, 29)`` as inputs by name; they are the first seconds of a recording."""
    inputs = {"levels": levels.astype(np.float32), "places": np.arange(len(levels))}
    return {name: inputs[name] for name in names}
