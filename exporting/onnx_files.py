"""Exported graphs as ONNX files, and how onnxruntime runs them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporting.graph import LevelsToClasses, exported_program, quiet
from transcoder.errors import MissingFileError

OPSET = 18
"""Of ONNX: onnxruntime reads it since 1.14 (2023)."""

_PRODUCTS = ("Conv", "Gemm", "MatMul")
_LINEAR = "torch.nn.modules.linear.Linear"
_CLASSIFIER = "transcoder.classifiers.Classifier"
_HIERARCHY = "pkg.torch.onnx.class_hierarchy"


def need_onnx() -> None:
    """Raise `MissingFileError`, which says how to get them, unless ONNX's packages are there."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingFileError(
            f"ONNX files need the package {error.name}: pip install 'spectral-transcoder[export]' "
            "(in the project folder: pip install '.[export]')"
        ) from None


def to_onnx(graph: LevelsToClasses):
    """The graph as an `onnx.ModelProto` of `OPSET`, for any number of seconds."""
    import torch

    with quiet():
        program = torch.onnx.export(
            exported_program(graph),
            (),
            dynamo=True,
            opset_version=OPSET,
            input_names=graph.input_names,
            output_names=graph.output_names,
            verbose=False,
        )
    model = program.model_proto
    del model.graph.value_info[:]  # shapes within; runtimes infer them
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"
    return model


def float_nodes(model, *, tokens: bool) -> list[str]:
    """The products in a model of `to_onnx` whose weights must not have 8 bits.

    They compute signals, PINV's powers among them, that span more than 8 bits can tell; or are the
    paper's CNN and depthwise convolutions, small as a file and no better for coarse weights.
    ``tokens``: whether the layers of levels as tokens may have 8 bits; else a classifier's alone.
    """
    products = (node for node in model.graph.node if node.op_type in _PRODUCTS)
    return [
        node.name
        for node in products
        if not (_is_of_classifier(node) or (tokens and _is_linear(node)))
    ]


def _is_of_classifier(node) -> bool:
    is_depthwise = any(part.name == "group" and part.i > 1 for part in node.attribute)
    return _CLASSIFIER in _layers_of(node) and not is_depthwise


def _is_linear(node) -> bool:
    return _LINEAR in _layers_of(node)


def _layers_of(node) -> str:
    return next((part.value for part in node.metadata_props if part.key == _HIERARCHY), "")


def write_model(model, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a model with ``metadata``, and nothing that the exporter noted for itself.

    It notes lines and folders of the source on this machine.
    """
    import onnx

    graph = model.graph
    for part in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
    for part in graph.node:
        part.doc_string = ""
    graph.name = "levels_to_classes"
    onnx.helper.set_model_props(model, dict(metadata) | {"opset": str(OPSET)})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def session_of(path: Path, *, threads: int | None = None):
    """An `onnxruntime.InferenceSession` on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(session, inputs: Sequence[NDArray], *, batch_size: int = 64) -> list[NDArray[np.float32]]:
    """The outputs for inputs of any number of seconds, in batches."""
    names = [value.name for value in session.get_inputs()]
    batches = [
        session.run(None, {k: v[i : i + batch_size] for k, v in zip(names, inputs, strict=True)})
        for i in range(0, len(inputs[0]), batch_size)
    ]
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]
